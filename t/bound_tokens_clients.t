# docs/guides/bound-tokens.md with real clients: a certified OpenID provider (npm's oidc-provider) binds tokens to keys and
# certificates; openid-client (Node) and requests-oauth2client (Python) get them, make proofs, and call an API that nginx guards
# with the configurations of the guide, over HTTPS. The programs of the guide are run as they are but for addresses.
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use JWT;
use JWT::Authority;
use JWT::OpenSSL;
use JWT::Page;
use JWT::Programs;
use JWT::Server;

my ($npm) = grep {-x} map {"$_/npm"} split /:/, $ENV{PATH};
plan skip_all => 'npm is missing: install node and npm to run clients' unless $npm;
plan skip_all => 'openssl is missing' unless JWT::OpenSSL->is_there;

my $GUIDE = JWT::Page->new('docs/guides/bound-tokens.md');
my $programs = JWT::Programs->new('holder');

# --- certificates, the provider --------------------------------------------------------------------------------------

my $authority = JWT::Authority->new;
my ($key, $certificate) = $authority->issue('DNS:localhost');
my $ca = $authority->file('ca.pem');

# Certificates of clients, which they have signed themselves: the files of key and certificate.
my @mine = of_client('mine');
my @other = of_client('other');

sub of_client {
    my ($name) = @_;
    my @files = map { $authority->file("$name.$_") } 'key', 'pem';
    $authority->run(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30),
        '-subj', "/CN=$name", '-keyout', $files[0], '-out', $files[1]);
    return @files;
}

my $port = JWT::Process::free_port();
my $PROVIDER = "https://localhost:$port";
BAIL_OUT('oidc-provider does not start') if $programs->run('provider', $port, $key, $certificate) ne 'ready';

# --- nginx, with the configurations of the guide ------------------------------------------------------------------------

# An nginx with a configuration of the guide, and its origin.
sub gateway {
    my ($heading, $file) = @_;
    my ($text) = $GUIDE->blocks($heading, "nginx file=nginx-conf/$file.conf");
    my $own = JWT::Process::free_port();
    my $load = join "\n", 'pid nginx.pid; error_log logs/error.log info;', map {"load_module $_;"} JWT::Server::modules();
    my $temp = join ' ', map {"${_}_temp_path temp/$_;"} qw(client_body proxy fastcgi uwsgi scgi);
    # The application tells what it gets; the harness looks whether nginx is there at the socket.
    my $application = 'server { listen unix:%DIR%/app.sock; location / { return 200 "$request_method $http_x_user $http_authorization$http_dpop."; } } server { listen unix:%DIR%/nginx.sock; }';
    for my $change (
        [qr/^load_module [^\n]*$/m, $load],
        [qr/^http \{$/m, "http { access_log off; $temp $application"],
        [qr{issuer +\Khttps://id[.]example[.]com/realms/example;}, "$PROVIDER; ssl_trusted_certificate $ca;"],
        [qr/listen +\K443 ssl;/, "127.0.0.1:$own ssl;"],
        $file eq 'dpop' ? [qr{base=\Khttps://api[.]example[.]com}, "https://localhost:$own"] : (),
        [qr/ssl_certificate +\K[^;]+/, $certificate],
        [qr/ssl_certificate_key +\K[^;]+/, $key],
        [qr{proxy_pass +http://\K127[.]0[.]0[.]1:8081;}, 'unix:%DIR%/app.sock;'],
    ) {
        my ($old, $new) = @$change;
        is($text =~ s/$old/$new/g, 1, "$file: $old");
    }
    return (JWT::Server->new(conf => $text), "https://localhost:$own");
}

my ($dpop, $DPOP) = gateway('DPoP', 'dpop');
my ($mtls, $MTLS) = gateway('Client certificates', 'mtls-bound-tokens');

# What a program prints, which trusts the authority.
sub output {
    my (@command) = @_;
    local @ENV{qw(NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE)} = ($ca, $ca);
    open my $output, '-|', @command or die "cannot run $command[0]: $!";
    my @lines = <$output>;
    is(close $output, 1, "$command[0] has run to its end");
    return @lines;
}

# What a client of t/holder was answered, by the name of each request.
sub answers { return map { ($_->{name} => $_) } map { JSON::PP::decode_json($_) } output(@_) }

sub is_answered {
    my ($answers, $name, $status, $of) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is($answers->{$name}{status}, $status, "$of: $name") || diag explain $answers->{$name};
}

# A test: what has been logged since the last call is this, in this order.
sub logs {
    my ($nginx, @expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @told;
    $nginx->wait_until(sub {
        push @told, map { /\[info\] \S+ \*\d+ ((?:JWT|invalid DPoP|no DPoP|no JWT|client certificate) .*?), client:/ ? $1 : () } $nginx->new_lines;
        return @told >= @expected;
    });
    return is_deeply(\@told, \@expected, 'the log says why');
}

# --- Node --------------------------------------------------------------------------------------------------------------

{
    my %answers = answers('node', $programs->place('client.mjs'), $PROVIDER, $DPOP);
    my @refused = ('sent again', 'sent elsewhere', 'sent with another method', 'as a bearer token', 'with the key of another',
        'a token without a key', 'a token without a key, with a proof');
    my %refused = map { $_ => 1 } @refused;
    my @good = grep { !$refused{$_} } sort keys %answers;
    cmp_ok(scalar @good, '>', 35, 'openid-client: there are many requests');
    is_answered(\%answers, $_, 200, 'openid-client') for @good;
    is($answers{'ES256: a request'}{body}, 'GET shop .', 'openid-client: the application gets neither token nor proof');
    is_answered(\%answers, $_, 401, 'openid-client') for @refused;
    # The library reads our challenges: that of Bearer, and that of DPoP.
    my $algorithms = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519 Ed448';
    my $challenges = sub {
        my %error = @_ ? (error => @_) : ();
        return [
            {scheme => 'bearer', parameters => {realm => 'api', %error}},
            {scheme => 'dpop', parameters => {realm => 'api', %error, algs => $algorithms}},
        ];
    };
    is_deeply($answers{'as a bearer token'}{challenges}, $challenges->('invalid_token'), 'openid-client: reads the challenges') or diag explain $answers{'as a bearer token'};
    is_deeply($answers{'with the key of another'}{challenges}, $challenges->('invalid_dpop_proof'), 'openid-client: and what is wrong')
        or diag explain $answers{'with the key of another'};
    like($answers{'sent again'}{text}, qr/, DPoP realm="api", error="invalid_dpop_proof", algs="$algorithms"\z/, 'openid-client: sent again: the challenge');
    logs($dpop,
        'invalid DPoP proof: "jti" was used before',
        'invalid DPoP proof: "htu" is another URL',
        'invalid DPoP proof: "htm" is another method',
        'JWT is bound to a key, but was sent as "Bearer"',
        'invalid DPoP proof: "jwk" is another key',
        'JWT is not bound to a key',
        'JWT is not bound to a key',
    );
    my ($program) = $GUIDE->blocks('DPoP', 'js');
    $program = at_home($program);
    # Modules are found beside the program.
    my $file = $programs->place("guide-$$.mjs");
    JWT::write_file($file, $program);
    is(join('', output('node', $file)), "200\n", 'openid-client: the program of the guide');
    unlink $file;
}

# A program of the guide, with addresses of here.
sub at_home {
    my ($text) = @_;
    is($text =~ s{https://id[.]example[.]com/realms/example}{$PROVIDER}g, 1, 'the provider of a program');
    is($text =~ s{https://api[.]example[.]com}{$DPOP}g, 1, 'the API of a program');
    return $text;
}

# --- Python, and curl for certificates ------------------------------------------------------------------------------------

SKIP: {
    my $python = $programs->python or skip 'python3 with venv is missing', 1;
    my %answers = answers($python, $programs->place('client.py'), $PROVIDER, $DPOP, $MTLS, @mine, @other);
    my @good = grep {/: request|^POST|first|its certificate/} sort keys %answers;
    is(scalar @good, 15, 'requests-oauth2client: the good requests');
    is_answered(\%answers, $_, 200, 'requests-oauth2client') for @good;
    my %good = map { $_ => 1 } @good;
    is_answered(\%answers, $_, 401, 'requests-oauth2client') for grep { !$good{$_} } sort keys %answers;
    logs($dpop, 'invalid DPoP proof: claim "ath" is missing or malformed', 'invalid DPoP proof: "iat" is too long ago');
    logs($mtls, 'JWT is bound to another certificate', 'JWT is bound to a certificate, and the client has none', 'JWT is not bound to a certificate');
    my ($program) = $GUIDE->blocks('DPoP', 'python');
    is(join('', output($python, '-c', at_home($program))), "200\n", 'requests-oauth2client: the program of the guide');
}

SKIP: {
    skip 'curl is missing', 1 unless grep {-x} map {"$_/curl"} split /:/, $ENV{PATH};
    my ($commands) = $GUIDE->blocks('Client certificates', 'sh');
    is($commands =~ s{https://api[.]example[.]com}{$MTLS}g, 2, 'the API of the commands');
    is($commands =~ s{curl -i}{curl --cacert $ca -s -o /dev/null -w '%{http_code}\\n'}g, 2, 'the requests of the commands');
    is($commands =~ s{curl -s }{curl --cacert $ca -s }g, 1, 'the token of the commands');
    is($commands =~ s{"shop:}{"partner:}g, 1, 'its client');
    my $directory = $programs->directory;
    my $set = "cd $directory; token_endpoint=$PROVIDER/token; secret=CHANGE-ME;";
    is(join('', output('sh', '-c', "{ $set\n$commands\n} 2>>$directory/openssl.log")), "200\n401\n", 'curl: the commands of the guide');
    logs($mtls, 'JWT is bound to a certificate, and the client has none');
}

for my $nginx ($dpop, $mtls) {
    unlike($nginx->error_log, qr/eyJ/, 'neither token nor proof in the log');
    $nginx->is_calm('warn');
}
$programs->tell;

done_testing();
