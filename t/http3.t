# HTTP/3, where the nginx under test has it: many requests with different tokens on one connection, and metadata of a resource.
use strict;
use warnings;

use FindBin;
use IPC::Open2 qw(open2);
use JSON::PP ();
use Test::More;

use JWT;
use JWT::Dpop;
use JWT::Server;

my $binary = $ENV{TEST_NGINX_BINARY} // 'nginx';
plan skip_all => 'this nginx has no HTTP/3' if qx("$binary" -V 2>&1) !~ /--with-http_v3_module/;
my ($openssl) = grep {-x} map {"$_/openssl"} split /:/, $ENV{PATH};
plan skip_all => 'openssl is missing, for a certificate' unless $openssl;

chomp(my $python = qx("$FindBin::Bin/http3/install"));
BAIL_OUT('an HTTP/3 client could not be installed') if $? != 0;

# A UDP port that is free now.
my $port = JWT::Process::free_port('udp');

my ($certificate, $key) = do {
    my $pem = qx($openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout - 2>/dev/null);
    ($pem =~ /(-----BEGIN CERTIFICATE.*?END CERTIFICATE-----\n)/s,
        $pem =~ /(-----BEGIN PRIVATE KEY.*?END PRIVATE KEY-----\n)/s);
};

my $nginx = JWT::Server->new(
    files => {
        'conf/cert.pem' => $certificate,
        'conf/key.pem' => $key,
        'conf/keys.json' => JWT::key_set(JWT::jwk($JWT::SECRET)),
    },
    http => <<"CONF",
    server {
        listen 127.0.0.1:$port quic;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        add_header X-Status \$auth_jwt_status always;
        location / {
            auth_jwt "h3";
            auth_jwt_key_file keys.json;
            proxy_pass http://unix:%DIR%/mock.sock;
            proxy_set_header X-Sub \$jwt_claim_sub;
        }
        location /fetched {
            auth_jwt "h3";
            auth_jwt_key_request /_keys;
            proxy_pass http://unix:%DIR%/mock.sock;
            proxy_set_header X-Sub \$jwt_claim_sub;
        }
        location /mcp {
            auth_jwt "h3";
            auth_jwt_key_file keys.json;
            auth_jwt_resource https://localhost/mcp;
            auth_jwt_require_scope read;
            proxy_pass http://unix:%DIR%/mock.sock;
        }
        location /bound { auth_jwt "h3"; auth_jwt_key_file keys.json; auth_jwt_dpop required; proxy_pass http://unix:%DIR%/mock.sock; }
        location = /_keys { alias %DIR%/conf/keys.json; }
    }
    server {
        listen unix:%DIR%/mock.sock;
        location / { return 200 "\$request_method \$http_x_sub \$content_length"; }
    }
CONF
);

sub ask {
    my (@requests) = @_;
    my $pid = open2(my $output, my $input, $python, "$FindBin::Bin/http3/get.py", $port);
    print {$input} JSON::PP::encode_json(\@requests);
    close $input;
    my $text = join '', <$output>;
    waitpid $pid, 0;
    return @{JSON::PP::decode_json($text)};
}

my @requests = map {
    my $sub = "user-$_";
    my $good = JWT::token({sub => $sub});
    (
        {method => 'GET', path => "/$_", token => $good},
        {method => 'GET', path => "/$_", token => substr($good, 0, -4) . 'AAAA'},
        {method => 'POST', path => "/fetched/$_", token => $good, body => 'x' x 1000},
        {method => 'GET', path => "/$_"},
    )
} 1 .. 25;
my @answers = ask(@requests);
is(scalar @answers, 100, 'an answer to each request');
for my $n (1 .. 25) {
    my ($good, $forged, $posted, $without) = splice @answers, 0, 4;
    is($good->{status}, 200, "$n: a good token");
    is($good->{body}, "GET user-$n ", "$n: the upstream sees its sub");
    is($forged->{status}, 401, "$n: a forged one");
    is($forged->{headers}{'x-status'}, 'invalid_signature', "$n: why");
    is($posted->{status}, 200, "$n: a body, and keys by a subrequest");
    is($posted->{body}, "POST user-$n 1000", "$n: the body arrives");
    is($without->{status}, 401, "$n: no token");
    is($without->{headers}{'www-authenticate'}, 'Bearer realm="h3"', "$n: the challenge");
}

# A resource: its metadata, with and without a body in the request, among other requests; its challenge.
{
    my $place = '/.well-known/oauth-protected-resource/mcp';
    # No HEAD: the client takes the length of what is not sent for a mistake.
    my @cases = (
        [GET => $place, 200], [OPTIONS => $place, 204], [POST => $place, 405, 'x' x 20_000], [DELETE => $place, 405],
        [GET => '/mcp', 401], [POST => '/mcp', 401, 'x' x 1000],
    );
    my @all = map {@cases} 1 .. 5;
    my @told = ask(map { {method => $_->[0], path => $_->[1], body => $_->[3]} } @all);
    is_deeply([map { $_->{status} } @told], [map { $_->[2] } @all], 'metadata: each method, each time');
    is($told[0]{body}, '{"resource":"https://localhost/mcp","bearer_methods_supported":["header"],"scopes_supported":["read"]}', 'metadata: the document');
    is($told[0]{headers}{'content-type'}, 'application/json', 'metadata: its type');
    is($told[4]{headers}{'www-authenticate'}, qq(Bearer realm="h3", scope="read", resource_metadata="https://localhost$place"), 'the challenge leads there');
}

# Tokens that are bound to a key: method and URL of a proof, which passes once.
{
    my $client = JWT::Dpop->new;
    my $token = JWT::token({$client->cnf});
    my $bound = sub {
        my ($method, $path, @options) = @_;
        my $proof = $client->proof(token => $token, htm => $method, htu => "https://localhost$path", @options);
        return {method => $method, path => $path, headers => [['authorization', "DPoP $token"], ['dpop', $proof]]};
    };
    my $twice = $bound->('GET', '/bound/twice');
    my @told = ask(
        $bound->('GET', '/bound/a'), $bound->('POST', '/bound/a'), $bound->('GET', '/bound/a/../%7eb', htu => 'https://LOCALHOST:443/bound/~b'),
        $bound->('GET', '/bound/a', htu => 'https://localhost/bound/b'), $bound->('GET', '/bound/a', htu => 'http://localhost/bound/a'), $bound->('GET', '/bound/a', htm => 'POST'),
        {method => 'GET', path => '/bound/a', token => $token},
        $twice, $twice, $twice,
    );
    is_deeply([map { $_->{status} } @told[0 .. 6]], [200, 200, 200, 401, 401, 401, 401], 'DPoP: method and URL');
    is_deeply([map { $_->{headers}{'x-status'} } @told[3 .. 6]], [('invalid_proof') x 3, 'proof_missing'], 'DPoP: why');
    is_deeply([sort map { $_->{status} } @told[7 .. 9]], [200, 401, 401], 'DPoP: a proof passes once');
    # The host, in whatever form.
    my @hosts = ('LocalHost', 'localhost:443', 'localhost:8443', 'localhost.', 'localhost.:8443', '127.0.0.1', '[2001:DB8::1]', '[::1]:8443');
    my @of = map { my $host = $_; map { {%{$bound->('GET', '/bound/a', htu => "https://$_/bound/a")}, authority => $host} } $host, 'evil.example' } @hosts;
    is_deeply([map { $_->{status} } ask(@of)], [map { (200, 401) } @hosts], 'DPoP: the host');
}

unlike($nginx->error_log, qr/\[(?:crit|alert|emerg)\]/, 'nothing alarming in the log');

done_testing();
