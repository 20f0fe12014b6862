# A certified OpenID provider (npm's oidc-provider, on a unix socket) issues access tokens of every
# kind it can sign and rotates its keys; nginx guards an API with its jwks_uri.
use strict;
use warnings;

use File::Temp ();
use FindBin;
use IPC::Open2 qw(open2);
use JSON::PP ();
use MIME::Base64 qw(decode_base64url);
use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Connection;
use JWT::Server;

my ($npm) = grep {-x} map {"$_/npm"} split /:/, $ENV{PATH};
plan skip_all => 'npm is missing: install node and npm to run the identity provider' unless $npm;

my $place = qx("$FindBin::Bin/install" idp node);
BAIL_OUT('oidc-provider could not be installed') if $? != 0;
chomp $place;

# --- the provider ------------------------------------------------------------

my $directory = File::Temp->newdir('idp-XXXXXX', TMPDIR => 1);
my $socket = "$directory/socket";
my $pid = open2(my $output, my $input, 'sh', '-c', 'exec node "$0" "$1" 2>"$1.log"',
    "$place/provider.mjs", $socket);
my $owner = $$;

END {
    # It ends with its standard input.
    if ($pid && $owner == $$) {
        local $?;
        close $input;
        kill TERM => $pid;
        waitpid $pid, 0;
    }
}

{
    local $SIG{ALRM} = sub { BAIL_OUT('oidc-provider does not start: ' . JWT::read_file("$socket.log")) };
    alarm 120;
    my $line = <$output> // '';
    alarm 0;
    is($line, "ready\n", 'the provider is ready');
}

# A request to the provider; its answer, and the JSON in it.
sub provider {
    my ($method, $path, $body) = @_;
    my $connection = JWT::Connection->new(IO::Socket::UNIX->new(Peer => $socket), 20);
    my @lines = ("$method $path HTTP/1.1", 'Host: localhost', 'Connection: close');
    push @lines, 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: ' . length $body
        if defined $body;
    $connection->send_bytes(join "\r\n", @lines, '', $body // '');
    my $answer = $connection->answer($method);
    my $json = eval { JSON::PP::decode_json($answer->{body}) };
    return ($answer, $json);
}

# An access token for urn:api:ALG.
sub access_token {
    my ($algorithm, $scope) = @_;
    my %form = (
        grant_type => 'client_credentials', client_id => 'robot', client_secret => "robot's+own",
        resource => "urn:api:$algorithm", scope => $scope // 'read',
    );
    my ($answer, $json) = provider('POST', '/token', join '&', map {"$_=$form{$_}"} sort keys %form);
    diag("$algorithm: $answer->{body}") unless $json && $json->{access_token};
    return $json->{access_token};
}

sub rotate {
    my ($how) = @_;
    my ($answer) = provider('POST', "/rotate/$how", '');
    return $answer->{status} == 200;
}

my (undef, $discovered) = provider('GET', '/.well-known/openid-configuration');
my ($jwks_path) = ($discovered->{jwks_uri} // '') =~ m{^http://localhost(/.*)};
is($discovered->{issuer}, 'http://localhost', 'the issuer');
ok($jwks_path, 'a jwks_uri') or diag explain $discovered;
my (undef, $key_set) = provider('GET', $jwks_path);
my @kids = map { $_->{kid} } @{$key_set->{keys}};
is(scalar @kids, 5, 'five keys');

# --- the gateway -----------------------------------------------------------------

my $nginx = JWT::Server->new(
    http => <<'CONF',
    map $jwt_claim_iss $issuer_is_ours { "http://localhost" 1; }
    map $jwt_claim_aud $is_for_us { "~^urn:api:" 1; }
    map $jwt_header_typ $is_access_token { "~*^(application/)?at\+jwt$" 1; }
    map $jwt_claim_scope $may_write { "~(^| )write( |$)" 1; }
CONF
    server => <<"CONF",
        location = /_jwks {
            internal;
            proxy_set_header Host localhost;
            proxy_pass http://unix:$socket:$jwks_path;
        }
        add_header X-Status \$auth_jwt_status always;
        add_header X-Token "\$jwt_header_alg \$jwt_header_typ \$jwt_claim_iss \$jwt_claim_aud \$jwt_claim_client_id \$jwt_claim_scope" always;
        auth_jwt "API";
        auth_jwt_key_request /_jwks;
        auth_jwt_require \$issuer_is_ours \$is_for_us \$is_access_token;
        location /api { auth_jwt_key_cache 1h refresh=1s; empty_gif; }
        location /each { empty_gif; }
        location /write {
            auth_jwt_key_cache 1h refresh=1s;
            auth_jwt_require \$issuer_is_ours \$is_for_us \$is_access_token;
            auth_jwt_require \$may_write error=403;
            empty_gif;
        }
        location /elsewhere {
            auth_jwt_require \$arg_none;
            empty_gif;
        }
CONF
);

sub is_answered {
    my ($path, $token, $expected, $name) = @_;
    my $answer = $nginx->get($path, "Authorization: Bearer $token");
    is("$answer->{status} $answer->{headers}{'x-status'}", $expected, $name);
    return $answer;
}

# The same token with another payload, or another signature.
sub with_claims {
    my ($token, %claims) = @_;
    my ($header, $payload, $signature) = split /[.]/, $token;
    my $old = JSON::PP::decode_json(decode_base64url($payload));
    return join '.', $header, JWT::b64url(JWT::json({%$old, %claims})), $signature;
}

sub with_signature_changed {
    my ($token) = @_;
    my ($header, $payload, $signature) = split /[.]/, $token;
    my $bytes = decode_base64url($signature);
    substr($bytes, 10, 1) ^= "\x01";
    return join '.', $header, $payload, JWT::b64url($bytes);
}

my @ALGORITHMS = qw(RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA);
my %first;
for my $algorithm (@ALGORITHMS) {
    my $token = $first{$algorithm} = access_token($algorithm);
    ok($token, "$algorithm: a token") or next;
    my $answer = is_answered('/api', $token, '200 ok', "$algorithm: passes");
    is(
        $answer->{headers}{'x-token'},
        "$algorithm at+jwt http://localhost urn:api:$algorithm robot read",
        "$algorithm: what it says",
    );
    is_answered('/api', with_signature_changed($token), '401 invalid_signature',
        "$algorithm: a changed signature");
    is_answered('/api', with_claims($token, scope => 'read write'), '401 invalid_signature',
        "$algorithm: a changed claim");
    is_answered('/write', $token, '403 requirement_failed', "$algorithm: not allowed to write");
    is_answered('/write', access_token($algorithm, 'read write'), '200 ok',
        "$algorithm: allowed to write");
    is_answered('/elsewhere', $token, '401 requirement_failed', "$algorithm: not meant for there");
}

# --- rotation -----------------------------------------------------------------------

for my $round (1 .. 2) {
    my %old = map { $_ => access_token($_) } @ALGORITHMS;
    ok(rotate('add'), "rotation $round: new keys beside the old ones");
    sleep 1.1;
    for my $algorithm (@ALGORITHMS) {
        my $new = access_token($algorithm);
        isnt((split /[.]/, $new)[0], (split /[.]/, $old{$algorithm})[0], "$algorithm: another kid");
        is_answered('/api', $new, '200 ok', "$algorithm: a new token, at its first use");
        is_answered('/each', $new, '200 ok', "$algorithm: a new token, keys not kept");
        is_answered($_, $old{$algorithm}, '200 ok', "$algorithm: an old token, $_") for '/api', '/each';
    }
    ok(rotate('drop'), "rotation $round: the old keys go");
    for my $algorithm (@ALGORITHMS) {
        is_answered('/each', $old{$algorithm}, '401 unknown_key', "$algorithm: an old token");
        is_answered('/each', access_token($algorithm), '200 ok', "$algorithm: a new one");
        is_answered('/api', access_token($algorithm), '200 ok', "$algorithm: a new one, keys kept");
    }
}

# Everything at once: all keys are new, nothing is known of them.
ok(rotate('add') && rotate('drop'), 'all keys are replaced at once');
sleep 1.1;
is_answered('/api', access_token($_), '200 ok', "$_: a token of the new ones") for @ALGORITHMS;
is_answered('/api', $first{$_}, '401 unknown_key', "$_: the very first token") for @ALGORITHMS;

my @worse = grep {/\[(?:warn|error|crit|alert|emerg|notice)\].*(?:key|panicked)/}
    split /^/m, $nginx->error_log;
is_deeply(\@worse, [], 'every key of the provider is understood');

unless (Test::More->builder->is_passing) {
    open my $log, '<', "$socket.log";
    diag(<$log>);
}

done_testing();
