# Metadata of auth_jwt_resource beyond one request: servers, connections that stay, HTTP/2, a reload, logs, filters.
use strict;
use warnings;

use Test::More;

use JWT;
use JWT::Http2;
use JWT::Server;

my $PLACE = '/.well-known/oauth-protected-resource';
my ($h2, $on) = JWT::Server::http2();
my $binary = $ENV{TEST_NGINX_BINARY} // 'nginx';
my $REALIP = qx("$binary" -V 2>&1) =~ /--with-http_realip_module/ ? 'set_real_ip_from unix:;' : '';

# A configuration whose resources are of that host.
sub options {
    my ($host) = @_;
    return (
        workers => 2,
        files => {'html/keys' => JWT::key_set(JWT::jwk($JWT::SECRET))},
        http => <<"CONF",
    auth_jwt_key_file %DIR%/html/keys;
    $REALIP
    log_format told '\$server_name \$request_method \$uri \$status \$body_bytes_sent \$auth_jwt_status.\$remote_addr';
    add_header X-Server \$server_name always;
    server {
        listen unix:%DIR%/nginx.sock;
        server_name two;
        access_log logs/access.log told;
        auth_jwt_resource https://$host.example/mcp name=two;
        location / { auth_jwt r; root html; }
    }
    server {
        listen unix:%DIR%/nginx.sock;
        server_name none;
        location / { return 418; }
    }
    server {
        listen unix:%DIR%/http2.sock$h2;
        $on
        server_name localhost;
        auth_jwt_resource https://$host.example/mcp;
        location / { auth_jwt r; root html; }
    }
CONF
        server => <<"CONF",
        server_name one;
        access_log logs/access.log told;
        client_max_body_size 10;
        location / { auth_jwt r; root html; }
        location /mcp { access_log off; auth_jwt_resource https://$host.example/mcp name=one; }
        location /gzip { auth_jwt_resource https://$host.example/gzip "name=@{['x' x 2000]}"; }
        gzip on;
        gzip_types application/json;
CONF
    );
}

sub name_in { my ($answer) = @_; return $answer && $answer->{body} =~ /"resource_name":"(\w+)"/ ? $1 : '' }

my $nginx = JWT::Server->new(options('a'));

# Each server has its own.
for my $server ('one', 'two') {
    my $answer = $nginx->get("$PLACE/mcp", "Host: $server");
    is(name_in($answer), $server, "$server: its own metadata, of the same path");
    is($answer->{headers}{'x-server'}, $server, "$server: headers of that server come along");
}
is($nginx->get("$PLACE/mcp", 'Host: none')->{status}, 418, 'a server without a resource has none');
is(name_in($nginx->get("$PLACE/mcp", 'Host: another')), 'two', 'a host that nobody knows gets those of the default server');

# A connection stays, whatever was asked on it, and whatever came with it.
{
    my $connection = $nginx->connect;
    my $is = sub {
        my ($what, $method, $status, @lines) = @_;
        my $body = @lines && $lines[-1] =~ /^body=(.*)/s ? do { pop @lines; $1 } : '';
        $connection->send_bytes(join "\r\n", "$method $PLACE/mcp HTTP/1.1", 'Host: two', @lines, '', $body);
        my $answer = $connection->answer($method);
        is($answer && $answer->{status}, $status, $what);
        is($answer && $answer->{headers}{connection}, 'keep-alive', "$what: the connection stays");
        return;
    };
    for my $round (1 .. 3) {
        $is->('GET', 'GET', 200);
        $is->('POST with a body', 'POST', 405, 'Content-Length: 5000', 'body=' . 'x' x 5000);
        $is->('POST in chunks', 'POST', 405, 'Transfer-Encoding: chunked', "body=5\r\nhello\r\n0\r\n\r\n");
        $is->('GET with a body', 'GET', 200, 'Content-Length: 3', 'body=abc');
        $is->('OPTIONS with a body', 'OPTIONS', 204, 'Content-Length: 3', 'body=abc');
        $is->('HEAD', 'HEAD', 200);
        $is->('DELETE', 'DELETE', 405);
    }
    is($connection->get('/none', 'Host: two', JWT::bearer({aud => 'https://a.example/mcp'}))->{status}, 404, 'and other requests are served on it');
}

# Pipelined, and by HTTP/1.0.
{
    my $connection = $nginx->connect;
    $connection->send_bytes("GET $PLACE/mcp HTTP/1.1\r\nHost: two\r\n\r\n" x 50 . "GET $PLACE/mcp HTTP/1.0\r\nHost: two\r\n\r\n");
    is(scalar(grep { name_in($connection->answer('GET')) eq 'two' } 1 .. 51), 51, 'pipelined requests are answered each');
    ok(!$connection->get('/'), 'and the connection ends with HTTP/1.0');
}

# Who waits to be asked for a body is not asked.
{
    my $connection = $nginx->connect;
    $connection->send_bytes("POST $PLACE/mcp HTTP/1.1\r\nHost: two\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    is($connection->answer('POST')->{status}, 405, 'Expect: 100-continue');
}

# Filters of the server do with the document what they do with others.
{
    my $answer = $nginx->get("$PLACE/gzip", 'Host: one', 'Accept-Encoding: gzip');
    is($answer->{headers}{'content-encoding'}, 'gzip', 'gzip');
    cmp_ok(length $answer->{body}, '<', 1000, 'and it is shorter');
    is($nginx->get("$PLACE/mcp", 'Host: two', 'Range: bytes=0-3')->{status}, 200, 'there are no ranges of it');
}

# HTTP/2: many streams, with bodies too, among requests for other things.
{
    my $client = JWT::Http2->new($nginx->directory . '/http2.sock');
    my @expected = map { (['GET', 200], ['HEAD', 200], ['OPTIONS', 204], ['POST', 405, 'x' x 1000], ['DELETE', 405], ['GET', 401, undef, '/']) } 1 .. 20;
    my @streams = map { $client->request($_->[0], $_->[3] // "$PLACE/mcp", [], $_->[2]) } @expected;
    is_deeply([map { $client->status($_) } @streams], [map { $_->[1] } @expected], 'HTTP/2: each method on streams of one connection');
}

# A client that leaves, or reads slowly, harms nobody.
{
    $nginx->connect->send_bytes("GET $PLACE/mcp HTTP/1.1\r\nHost: two\r\n\r\n") for 1 .. 50;
    is(name_in($nginx->get("$PLACE/mcp", 'Host: two')), 'two', 'clients that leave');
}

# The log of the server tells of it, once a request; no token was looked at.
{
    my $token = JWT::bearer({aud => 'x'});
    $nginx->get("$PLACE/mcp", 'Host: one', 'X-Real-IP: 192.0.2.7', $token);
    my $size = length $nginx->get("$PLACE/mcp", 'Host: one')->{body};
    $nginx->wait_until(sub { $nginx->read('logs/access.log') =~ /^one GET \Q$PLACE\E\/mcp 200/m });
    my $log = $nginx->read('logs/access.log');
    like($log, qr{^one GET \Q$PLACE/mcp\E 200 $size \w*[.]unix:$}m, 'a line in the log of the server, not of the location');
    like($log, qr{^two POST \Q$PLACE/mcp\E 405 0 \w*[.]unix:$}m, 'of each method');
    my $address = $REALIP ? '192.0.2.7' : 'unix:';
    like($log, qr{^one GET \Q$PLACE/mcp\E 200 $size \w*[.]\Q$address\E$}m, 'with the address that realip has found');
    my $two = () = $log =~ /^two GET /mg;
    cmp_ok($two, '>=', 60, 'one a request');
}

# A reload brings other metadata, and takes them away.
{
    is($nginx->get("$PLACE/mcp", 'Host: two')->{body} =~ /"resource":"([^"]+)"/ ? $1 : '', 'https://a.example/mcp', 'before a reload');
    my @old = $nginx->workers;
    $nginx->configure(options('b'));
    $nginx->signal('HUP');
    @old = $nginx->wait_for_workers(2, @old);
    is($nginx->get("$PLACE/mcp", 'Host: two')->{body} =~ /"resource":"([^"]+)"/ ? $1 : '', 'https://b.example/mcp', 'after it');
    like($nginx->get('/', 'Host: two')->{headers}{'www-authenticate'}, qr{resource_metadata="https://b[.]example\Q$PLACE\E/mcp"}, 'and the challenge leads there');
    is($nginx->outcome('/none', 'Host: two', JWT::bearer({aud => 'https://a.example/mcp'})), '401', 'the old identifier is no audience any more');
    $nginx->configure(workers => 2, server => 'location / { return 418; }');
    $nginx->signal('HUP');
    $nginx->wait_for_workers(2, @old);
    is($nginx->get("$PLACE/mcp")->{status}, 418, 'without a resource there are none');
}

# A port of the identifier is the client's affair: nginx is asked by path alone.
{
    my $other = JWT::Server->new(server => 'location /x { auth_jwt r; auth_jwt_key_file k; auth_jwt_resource http://localhost:8080/x; }');
    is($other->get('/x')->{headers}{'www-authenticate'}, qq(Bearer realm="r", resource_metadata="http://localhost:8080$PLACE/x"), 'origin with a port');
    is($other->get("$PLACE/x")->{body}, '{"resource":"http://localhost:8080/x","bearer_methods_supported":["header"]}', 'and http: to this machine');
}

$nginx->is_calm('error', qr/open\(\) ".*none" failed|"\S*index[.]html" is not found/);

done_testing();
