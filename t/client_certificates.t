# Tokens that are bound to nginx's own client certificate, by TLS: self-signed and issued ones, none, another; sessions
# that are resumed, connections that stay, and a proxy that hands the certificate on.
use strict;
use warnings;

use Test::More;

use JWT;
use JWT::Authority;
use JWT::Bound;
use JWT::Certificate;

plan skip_all => 'openssl is missing' unless JWT::OpenSSL::is_there();
plan skip_all => 'this nginx has no TLS' unless qx("@{[$ENV{TEST_NGINX_BINARY} // 'nginx']}" -V 2>&1) =~ /http_ssl_module/;

my $authority = JWT::Authority->new;
my ($server_key, $server_certificate) = $authority->issue('DNS:localhost');
my ($mine, $other) = map { JWT::Certificate->new } 1, 2;
my $rsa = JWT::Certificate->new(newkey => [qw(-newkey rsa:2048)]);
my ($issued, $issued_other) = map { JWT::Certificate->issued($authority) } 1, 2;

# A server at a socket of this name, whose client certificates are verified so.
sub server {
    my ($name, $verify, $more) = @_;
    $more //= '';
    return <<"CONF";
    server {
        listen unix:%DIR%/$name.sock ssl;
        ssl_certificate $server_certificate;
        ssl_certificate_key $server_key;
        ssl_client_certificate @{[$authority->file('ca.pem')]};
        ssl_verify_client $verify;
        ssl_protocols TLSv1.2 TLSv1.3;
        add_header X-Status \$auth_jwt_status always;
        add_header X-Reused \$ssl_session_reused always;
        add_header X-Protocol \$ssl_protocol always;
        location / { auth_jwt_issuers shop; proxy_pass http://mock; }
        location /off { auth_jwt_issuers shop; auth_jwt_certificate off; proxy_pass http://mock; }
        location /required { auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_certificate required; proxy_pass http://mock; }
        location /text { auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_certificate required cert=\$ssl_client_cert; proxy_pass http://mock; }
        location /raw { auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_certificate required cert=\$ssl_client_raw_cert; proxy_pass http://mock; }
        location /escaped { auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_certificate required cert=\$ssl_client_escaped_cert; proxy_pass http://mock; }
        location /proxy/ { auth_jwt off; add_header X-Proxy yes; proxy_set_header X-Client-Cert \$ssl_client_escaped_cert; proxy_pass http://unix:%DIR%/nginx.sock:/; }
        location /open { auth_jwt off; add_header X-Pid \$pid always; empty_gif; }
        $more
    }
CONF
}

my $nginx = JWT::Bound->new(
    http => join('', server('any', 'optional_no_ca'), server('optional', 'optional'), server('on', 'on'), server('off', 'off'),
    server('tickets', 'optional_no_ca', 'ssl_session_tickets on;'),
        server('cache', 'optional_no_ca', 'ssl_session_tickets off; ssl_session_cache shared:sessions:1m;')),
    # Behind the proxy, which is trusted.
    server => 'location / { auth_jwt_issuers shop; auth_jwt_certificate required cert=$http_x_client_cert; proxy_pass http://mock; }',
);

sub bearer { return 'Authorization: Bearer ' . JWT::Bound::issued({@_}) }
sub socket_of { return $nginx->directory . "/$_[0].sock" }

# A test: how requests come out on one connection of a client (undef: one without a certificate).
sub come_out {
    my ($name, $server, $client, $options, @requests) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $connection = ($client // 'JWT::Certificate')->connection(socket_of($server), %$options);
    for my $request (@requests) {
        my ($path, $line, $expected) = @$request;
        $connection->request('GET', $path, $line);
        is($connection->outcome, $expected, "$name: $path, $expected");
    }
    return;
}

my ($bound, $bound_other) = map { bearer($_->cnf) } $mine, $other;
my @ALL = ('/', '/required', '/text', '/raw', '/escaped', '/proxy/');

for my $version ('TLSv1_2', 'TLSv1_3') {
    my @options = {version => $version};
    come_out("$version, its certificate", 'any', $mine, @options, map { [$_, $bound, '200 ok'] } @ALL);
    come_out("$version, another", 'any', $other, @options, map { [$_, $bound, '401 wrong_certificate'] } @ALL);
    come_out("$version, none", 'any', undef, @options, map { [$_, $bound, '401 proof_missing'] } @ALL);
    come_out("$version, unbound", 'any', $_, @options, ['/', bearer(), '200 ok'], ['/required', bearer(), '401 proof_missing']) for $mine, undef;
    come_out("$version, switched off", 'any', $_, @options, ['/off', $bound, '200 ok']) for $mine, $other, undef;
    come_out("$version, RSA", 'any', $rsa, @options, map { [$_, bearer($rsa->cnf), '200 ok'] } @ALL);
}

# A connection that stays: each token is judged for itself, and again.
come_out('tokens by turns', 'any', $mine, {}, (['/', $bound, '200 ok'], ['/', $bound_other, '401 wrong_certificate'], ['/', bearer(), '200 ok'],
['/proxy/', $bound_other, '401 wrong_certificate']) x 3);

# A token that one client has shown, and that its cache knows, does another no good, connected at the same time or later.
{
    my @connections = map { ($_ // 'JWT::Certificate')->connection(socket_of('any')) } $mine, $other, undef;
    my @expected = ('200 ok', '401 wrong_certificate', '401 proof_missing');
    for my $round (1 .. 3) {
        for my $n (0 .. 2) {
            $connections[$n]->request('GET', '/', $bound);
            is($connections[$n]->outcome, $expected[$n], "side by side, round $round: $expected[$n]");
        }
    }
}

# Verification by nginx: what it does not take never comes to us.
come_out('optional, issued', 'optional', $issued, {}, ['/', bearer($issued->cnf), '200 ok'], ['/', bearer($issued_other->cnf), '401 wrong_certificate']);
come_out('optional, none', 'optional', undef, {}, ['/', bearer($issued->cnf), '401 proof_missing']);
come_out('optional, self-signed', 'optional', $mine, {}, ['/', $bound, '400']);
come_out('on, issued', 'on', $issued, {}, ['/', bearer($issued->cnf), '200 ok'], ['/required', bearer($issued_other->cnf), '401 wrong_certificate']);
come_out('on, none', 'on', undef, {}, ['/', bearer($issued->cnf), '400']);
come_out('off: nobody is asked for a certificate', 'off', $mine, {}, ['/', $bound, '401 proof_missing'], ['/required', $bound, '401 proof_missing'],
['/', bearer(), '200 ok']);

# A session that is resumed has the certificate of the first handshake, with tickets and without.
for my $server ('tickets', 'cache') {
    for my $version ('TLSv1_2', 'TLSv1_3') {
        for my $case (['mine', $mine, '200 ok'], ['another', $other, '401 wrong_certificate'], ['none', undef, '401 proof_missing']) {
            my ($name, $client, $expected) = @$case;
            my $resumed = 0;
            for my $round (1 .. 4) {
                my $connection = ($client // 'JWT::Certificate')->connection(socket_of($server), version => $version, session => "$server $version $name");
                $connection->request('GET', '/', $bound);
                my $answer = $connection->answer('GET');
                is(JWT::Connection::outcome_of($answer), $expected, "$server, $version, $name, connection $round: $expected");
                $resumed++ if $answer->{headers}{'x-reused'} eq 'r';
                $connection->close;
            }
            cmp_ok($resumed, '>', 0, "$server, $version, $name: a session was resumed");
        }
    }
}

# A client that says in a header who it is: the certificate of its connection counts.
{
    my $line = 'X-Client-Cert: ' . JWT::Certificate::escaped($mine->pem);
    my $connection = $other->connection(socket_of('any'));
    for my $path (@ALL) {
        $connection->request('GET', $path, $bound, $line, 'X-SSL-Client-Cert: ' . JWT::Certificate::escaped($mine->pem));
        is($connection->outcome, '401 wrong_certificate', "a header of the client's own: $path");
    }
}

# The issuer's leeway, the audience and so on are judged as ever where the certificate is right.
come_out('order', 'any', $mine, {}, ['/', bearer($mine->cnf, exp => 1), '401 expired'], ['/', bearer($mine->cnf, aud => 'x'), '401 wrong_audience'],
['/', bearer($other->cnf, aud => 'x'), '401 wrong_certificate']);

$nginx->is_calm('error');

done_testing();
