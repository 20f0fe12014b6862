# What a proof of the directive auth_jwt_dpop says of the request: its method (htm) and its URL (htu), by base= and by
# what the client sent (RFC 9449 section 4.3, steps 8 and 9; RFC 3986 sections 6.2.2 and 6.2.3).
use strict;
use warnings;

use Test::More;

use JWT;
use JWT::Bound;
use JWT::Dpop;
use JWT::Http2;
use JWT::Server;

plan skip_all => 'openssl is missing' unless JWT::OpenSSL::is_there();

my ($h2, $line2) = JWT::Server::http2();
my $nginx = JWT::Bound->new(
    http => <<"CONF",
    auth_jwt_key_file %DIR%/html/good.jwks;
    map \$http_x_forwarded_proto \$outer { https "https://\$http_x_forwarded_host"; default "http://localhost"; }
    server {
        listen unix:%DIR%/http2.sock$h2; $line2
        add_header X-Status \$auth_jwt_status always;
        location / { auth_jwt_dpop required; proxy_pass http://mock; }
    }
    server {
        listen unix:%DIR%/named.sock;
        server_name a.example b.example;
        add_header X-Status \$auth_jwt_status always;
        location / { auth_jwt_dpop required; proxy_pass http://mock; }
        location /host { auth_jwt_dpop required base=http://\$host; proxy_pass http://mock; }
    }
    server { listen unix:%DIR%/named.sock default_server; auth_jwt off; return 421; }
CONF
    server => <<'CONF',
    location / { auth_jwt_dpop required; proxy_pass http://mock; }
    location /rewritten { rewrite ^/rewritten/(.*) /$1/inside last; }
    location /broken { auth_jwt_dpop required; rewrite ^ /elsewhere?c=d break; proxy_pass http://mock; }
    location /returned/ { auth_jwt_dpop required; alias %DIR%/html/; }
    location /unmerged { auth_jwt_dpop required; proxy_pass http://mock; }

    location /base/literal { auth_jwt_dpop required base=https://api.example; proxy_pass http://mock; }
    location /base/slash { auth_jwt_dpop required base=https://api.example/; proxy_pass http://mock; }
    location /base/prefix { auth_jwt_dpop required base=https://api.example/v1/%7Eus; proxy_pass http://mock; }
    location /base/prefixed { auth_jwt_dpop required base=https://api.example/v1/; proxy_pass http://mock; }
    location /base/port { auth_jwt_dpop required base=HTTPS://API.example:443; proxy_pass http://mock; }
    location /base/other { auth_jwt_dpop required base=http://api.example:8080; proxy_pass http://mock; }
    location /base/six { auth_jwt_dpop required base=https://[2001:DB8::1]:8443; proxy_pass http://mock; }
    location /base/host { auth_jwt_dpop required base=https://$host; proxy_pass http://mock; }
    location /base/outer { auth_jwt_dpop required base=$outer; proxy_pass http://mock; }
    location /base/told { auth_jwt_dpop required base=$http_x_base; proxy_pass http://mock; }
    location /base/set { set $named https://set.example/app; auth_jwt_dpop required base=$named; proxy_pass http://mock; }
CONF
);

my $client = JWT::Dpop->new;
my $token = JWT::Bound::issued({$client->cnf});

# A test: a proof of this htm and htu for that request ("PUT /x", "/x"), with more header lines, passes, or is refused
# for the reason that is given.
sub is_of {
    my ($reason, $request, $htm, $htu, @more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 2;
    my @host = grep {/^Host:/} @more;
    my @lines = (@host, $client->lines($token, htm => $htm, htu => $htu), grep { !/^Host:/ } @more);
    my $name = substr join(', ', $request, $htm, $htu, @more) =~ s/[^ -~]/?/gr, 0, 120;
    return $nginx->is_judged($name, [$request, @lines], $reason ? '401 invalid_proof' : '200 ok', $reason);
}
my ($URL, $METHOD, $BASE) = (qr/proof: [^,]*"htu"/, qr/proof: "htm" is another method,/, qr/proof: the base is not a URL,/);
sub same { return is_of(undef, $_[0], 'GET', @_[1 .. $#_]) }
sub differs { return is_of($URL, $_[0], 'GET', @_[1 .. $#_]) }

# --- the method -----------------------------------------------------------------------

for my $method (qw(GET HEAD POST PUT PATCH DELETE OPTIONS PROPFIND PURGE GREET GET_ A-B)) {
    is_of(undef, "$method /", $method, 'http://localhost/');
    for my $said (lc $method, ucfirst lc $method, "$method ", " $method", "${method}X", substr($method, 0, -1), "$method,GET",
        $method eq 'GET' ? ('HEAD', 'POST') : 'GET') {
        is_of($METHOD, "$method /", $said, 'http://localhost/') if $said ne $method;
    }
}
is_of($METHOD, 'GET /', $_, 'http://localhost/', 'X-HTTP-Method-Override: POST') for 'POST', '*';

# --- the same URL --------------------------------------------------------------------------

same('/', $_) for 'http://localhost/', 'http://localhost', 'HTTP://localhost/', 'Http://LOCALHOST/', 'http://localhost:80/', 'http://localhost:80',
    'http://localhost:/', 'http://localhost/?a=b', 'http://localhost/#a', 'http://localhost?a=b',
    'http://localhost#a', 'http://localhost/?', 'http://localhost/#', 'http://localhost/?a=b#c', 'http://localhost/#a?b',
    'http://localhost/?http://other/', 'http://localhost/.', 'http://localhost/./', 'http://localhost/a/..', 'http://localhost/..',
    'http://localhost/../';
same('/?a=b', $_) for 'http://localhost/', 'http://localhost/?c=d', 'http://localhost/?a=b', 'http://localhost';
same('/a?http://b/', 'http://localhost/a');
for my $path ('/a', '/a/', '/a/b.c', '/a;b=c', '/a,b', '/a:b', '/a@b', '/a=b', '/a+b', '/a&b', "/a'b", '/a(b)', '/a*b', '/a!b', '/a$b', '//', '//a',
    '/a//b', '/a//', '/A', '/~', '/a.', '/a..', '/..a', '/...', '/.a', '/a%20b', '/%C3%A9', '/a%2Fb', '/%25', '/%2525', '/%3F', '/%23') {
    same($path, "http://localhost$path");
    same("$path?x=/y", "http://localhost$path");
}
# Percent-encoding: of what needs none it means nothing, and elsewhere its case does not.
same(@$_) for ['/~a', 'http://localhost/%7Ea'], ['/%7ea', 'http://localhost/~a'], ['/%61%2D%5f%2E%7e9', 'http://localhost/a-_.~9'],
    ['/a-_.~9', 'http://localhost/%61%2d%5F%2e%7E%39'], ['/%c3%a9', 'http://localhost/%C3%A9'], ['/%C3%A9', 'http://localhost/%c3%a9'],
    ['/a%2fb', 'http://localhost/a%2Fb'], ['/%41', 'http://localhost/A'];
# Dots, as the client sent them and as the proof has them.
same(@$_) for ['/b', 'http://localhost/a/../b'], ['/a/../b', 'http://localhost/b'], ['/a/../b', 'http://localhost/a/../b'],
    ['/a/./b', 'http://localhost/a/b'], ['/a/b', 'http://localhost/a/./b'], ['/a/b/..', 'http://localhost/a/'], ['/a/.', 'http://localhost/a/'],
    ['/a/%2e%2e/b', 'http://localhost/b'], ['/b', 'http://localhost/a/%2E%2e/b'], ['/b', 'http://localhost/a/.%2e/b'],
    ['/a/b/c/./../../g', 'http://localhost/a/g'], ['/b', 'http://localhost/../../b'];

# --- another one -----------------------------------------------------------------------------

differs('/a', $_) for 'http://localhost/', 'http://localhost', 'http://localhost/a/', 'http://localhost/A', 'http://localhost/b',
    'http://localhost/a/b', 'http://localhost//a', 'http://localhost/a//', 'http://localhost/?/a', 'http://localhost/#/a', 'http://localhost/ab',
    'http://localhost/a%2F', 'http://localhost/%2Fa',
    'http://localhost/a.', 'http://localhost/a%20', 'http://localhost/a;x', 'http://localhost/a%3Fb', 'http://localhost/a%23b',
    'http://localhost/%2561', 'http://localhost/a%00',
    # The authority.
    'https://localhost/a', 'https://localhost:80/a', 'http://localhost:443/a', 'http://localhost:8080/a', 'http://localhost:8/a',
    'http://localhost:800/a', 'http://localhost./a', 'http://localhos/a', 'http://localhost.example/a', 'http://xlocalhost/a', 'http://a.localhost/a',
    'http://127.0.0.1/a', 'http://[::1]/a', 'http:///a', 'http://:80/a',
    'http://localhost@evil.example/a', 'http://evil.example@localhost.example/a', 'http://evil.example/http://localhost/a',
    'http://evil.example/?http://localhost/a', 'http://evil.example#http://localhost/a', 'http://evil.example#@localhost/a',
    'http://evil.example/#@localhost/a', 'http://evil.example?@localhost/a',
    'http://evil.example\\@localhost/a', 'http://localhost\\.evil.example/a', 'http://localhost%2Fa', 'http://localhost%2fevil.example/a',
    'http://localhost%00.evil.example/a', 'http://localhost:80:80/a', 'http://localhost:80@evil.example/a', 'http://localhost:99999/a',
    'http://localhost:-80/a',
    'ws://localhost/a', 'ftp://localhost/a', 'httpx://localhost/a', 'http+x://localhost/a',
    # What is no URL of a server.
    '/a', 'a', '//localhost/a', 'localhost/a', 'http:/localhost/a', 'http:localhost/a', 'http:a', '://localhost/a', 'http//localhost/a', '*',
    'http://', 'http:', 'GET http://localhost/a', '<http://localhost/a>', 'urn:a', 'javascript:a', 'x' x 20_000, 'http://localhost/' . 'a' x 20_000,
    'http://localhost/' . '../' x 5000 . 'b', 'http://' . 'a.' x 5000 . '/a';
# Somebody before the host is no part of what the client asked for.
differs('/a', $_) for 'http://user@localhost/a', 'http://user:secret@localhost/a', 'http://@localhost/a';
# White space, control characters and what else no URL has.
differs('/a', $_) for ' http://localhost/a', 'http://localhost/a ', "http://localhost/a\n", "http://localhost/a\0", "\thttp://localhost/a",
    'http://local host/a', 'http:// localhost/a', "http://localhost/\x{e9}", "http://localhost/\\a", 'http://localhost\\a', 'http:\\\\localhost\\a',
    "http://localhost\n/a", 'http://localhost/%', 'http://localhost/%6', 'http://localhost/%zz', 'http://localhost/a%';
differs('/a%2Fb', $_) for 'http://localhost/a/b', 'http://localhost/a%252Fb', 'http://localhost/a%2F/b';
differs('/a/b', 'http://localhost/a%2Fb');
differs('/x/%2E%2E%2Fb', $_) for 'http://localhost/b', 'http://localhost/x/../b';
differs('/a?b', 'http://localhost/a%3Fb');
differs('/a%3Fb', 'http://localhost/a?b');
differs('/a%23b', 'http://localhost/a#b');
# What nginx, or what is behind it, may serve as another path than the one of the proof: ".." behind a segment that is
# empty, or has more in it than letters, digits and "-._~"; and "#".
for my $case (
    ['/x%2F..%2Fadmin%2Fpanel%2Fq/..', '/'], ['/a/x%2F..%2F..%2Fadmin%2Fpanel%2Fq/..', '/a/'], ['/admin%2fpanel%2fx/../a/b', '/a/b'],
    ['/a/b///../../c', '/a/b/c'], ['/a/b//../c', '/a/b/c'], ['/a//../b', '/a/b'], ['/a//%2e%2E/b', '/a/b'], ['/a/%2F/../b', '/a/b'],
    ['/admin\\x/../b', '/b'], ['/admin%5Cx/../b', '/b'], ['/a/..;/../b', '/a/b'], ['/admin%252Fx/../b', '/b'], ['/%C3%A9/../b', '/b'],
    ['/a#', '/a'], ['/a#b', '/a'], ['/a/#/../../b', '/a/'], ['/a#b?c', '/a'],
) {
    my ($target, $path) = @$case;
    differs($target, "http://localhost$path");
    differs($target, "http://localhost$target");
    differs($path, "http://localhost$target") if $target !~ /#/;
}
same($_, "http://localhost$_") for '/a/.%2Fb', '/a%2F./b', '/x/..%2Fb', '/x%2F..%2Fb', '/a/..;/b';
same(@$_) for ['/a//b/../c', 'http://localhost/a//c'], ['/a%2Fb/c/../d', 'http://localhost/a%2fb/d'], ['/a?b#c', 'http://localhost/a'];
# nginx takes two slashes for one; the URLs are two.
differs('//a', 'http://localhost/a');
differs('/unmerged//a', 'http://localhost/unmerged/a');
differs('/a//../b', 'http://localhost/b');

# --- what the client sent, not what nginx made of it -----------------------------------------

same('/rewritten/a', 'http://localhost/rewritten/a');
differs('/rewritten/a', 'http://localhost/a/inside');
same('/broken', 'http://localhost/broken');
differs('/broken', 'http://localhost/elsewhere');
same('/returned/good.jwks', 'http://localhost/returned/good.jwks');

# The host as the client named it: of any case, with its port.
same('/a', $_, 'Host: API.example') for 'http://api.example/a', 'http://API.EXAMPLE/a', 'http://api.example:80/a';
same('/a', $_, 'Host: api.example:8080') for 'http://api.example:8080/a';
same('/a', $_, 'Host: api.example:80') for 'http://api.example/a', 'http://api.example:80/a', 'http://api.example:/a';
same('/a', $_, 'Host: [2001:DB8::1]:8080') for 'http://[2001:db8::1]:8080/a', 'http://[2001:DB8::1]:8080/a';
differs('/a', $_, 'Host: api.example:8080') for 'http://api.example/a', 'http://api.example:80/a', 'http://localhost/a';
differs('/a', $_, 'Host: api.example', 'X-Forwarded-Host: localhost', 'X-Forwarded-Proto: https',
    'Forwarded: host=localhost') for 'http://localhost/a', 'https://api.example/a', 'https://localhost/a';

# The request line may have the whole URL.
{
    my @cases = (
        ['GET http://localhost/a HTTP/1.1', 'http://localhost/a', 200], ['GET http://localhost/a/../b?c HTTP/1.1', 'http://localhost/b', 200],
        ['GET http://localhost HTTP/1.1', 'http://localhost/', 200], ['GET http://localhost?a=b HTTP/1.1', 'http://localhost', 200],
        ['GET HTTP://LOCALHOST/a HTTP/1.1', 'http://localhost/a', 200], ['GET http://localhost/a HTTP/1.1', 'http://localhost/http://localhost/a',
        401], ['GET http://localhost/a HTTP/1.1', 'http://localhost/', 401],
    );
    for my $case (@cases) {
        my ($first, $htu, $status) = @$case;
        my $connection = $nginx->connect;
        $connection->send_bytes(join "\r\n", $first, 'Host: localhost', $client->lines($token, htu => $htu), '', '');
        is($connection->answer('GET')->{status}, $status, "$first, $htu: $status");
    }
    # Without a host there is no URL.
    my $connection = $nginx->connect;
    $nginx->told;
    $connection->send_bytes(join "\r\n", 'GET /a HTTP/1.0', $client->lines($token, htu => 'http://localhost/a'), '', '');
    is(JWT::Connection::outcome_of($connection->answer('GET')), '401 invalid_proof', 'HTTP/1.0 without a host');
    $nginx->is_told('and the log', '401 invalid_proof', $BASE);
    $connection = $nginx->connect;
    $connection->send_bytes(join "\r\n", 'GET /a HTTP/1.0', 'Host: localhost', $client->lines($token, htu => 'http://localhost/a'), '', '');
    is(JWT::Connection::outcome_of($connection->answer('GET')), '200 ok', 'HTTP/1.0 with a host');
}

# The host of the request line is the one that nginx goes by (RFC 9112 section 3.2.2): where Host names another, no proof fits.
{
    # A test: such a first line, with these header lines and a proof of that htu, at that socket, comes out so.
    my $comes_out = sub {
        my ($socket, $first, $host, $htu, $expected, $reason) = @_;
        my $connection = $nginx->connect($socket);
        $nginx->told;
        $connection->send_bytes(join "\r\n", $first, (defined $host ? "Host: $host" : ()), $client->lines($token, htu => $htu), '', '');
        my $answer = $connection->answer('GET');
        my $name = join ', ', $first, $host // 'no host', $htu;
        is(JWT::Connection::outcome_of($answer), $expected, $name);
        $nginx->is_told("$name: the log", $expected, $reason) if $expected ne '421 off';
    };
    my @refused = ('401 invalid_proof', $BASE);
    for my $version ('1.0', '1.1') {
        my $first = "GET http://b.example/a HTTP/$version";
        for my $host ('a.example', 'evil.example', 'a.example:80', 'b.example.evil.example', 'xb.example', 'b.exampl', '[::1]', 'b.example.example:80') {
            $comes_out->('named.sock', $first, $host, $_, @refused) for "http://$host/a", 'http://b.example/a';
        }
        $comes_out->('named.sock', $first, $_, "http://$_/a", '200 ok')
            for 'b.example', 'B.Example', 'b.example:80', 'b.example:8080', 'b.example:', 'b.example.', 'B.EXAMPLE.:8080';
    }
    $comes_out->('named.sock', 'GET http://b.example/a HTTP/1.0', undef, 'http://b.example/a', @refused);
    $comes_out->('named.sock', "GET $_/a HTTP/1.1", 'b.example', 'http://b.example/a', '200 ok')
        for 'http://B.EXAMPLE', 'http://b.example.', 'http://b.example:8080', 'http://b.example:';
    $comes_out->('named.sock', 'GET http://evil.example/a HTTP/1.1', 'b.example', 'http://b.example/a', '421 off');
    $comes_out->('named.sock', 'GET /a HTTP/1.1', 'evil.example', 'http://evil.example/a', '421 off');
    # Addresses, here and there.
    for my $pair (['[2001:DB8::1]', '[2001:db8::1]'], ['[2001:db8::1]:8080', '[2001:DB8::1]:8080'], ['[2001:db8::1]', '[2001:db8::1]:8080'], ['127.0.0.1:1', '127.0.0.1:2']) {
        my ($asked, $host) = @$pair;
        $comes_out->('nginx.sock', "GET http://$asked/a HTTP/1.1", $host, "http://$host/a", '200 ok');
    }
    for my $pair (['[2001:db8::1]', '[2001:db8::2]'], ['[2001:db8::1]:8080', '[2001:db8::1:8080]'], ['[::1]', '127.0.0.1'], ['localhost', '[::1]'], ['127.0.0.1', '127.0.0.2']) {
        my ($asked, $host) = @$pair;
        $comes_out->('nginx.sock', "GET http://$asked/a HTTP/1.1", $host, $_, @refused) for "http://$host/a", "http://$asked/a";
    }
    # What most clients send: the path alone.
    $comes_out->('nginx.sock', "GET /a HTTP/$_->[0]", $_->[1], "http://$_->[1]/a", '200 ok')
        for map { my $host = $_; map { [$_, $host] } '1.0', '1.1' } 'localhost', 'LocalHost', 'localhost:80', 'localhost:8080', 'localhost:',
            'localhost.', 'localhost.:8080', 'a_b.example', 'a-b', '127.0.0.1', '127.0.0.1:8080', '[::1]', '[::1]:8080', '[2001:DB8::A]', 'xn--bcher-kva.example';
    # $host is what nginx goes by, too.
    $comes_out->('named.sock', 'GET http://b.example/host HTTP/1.1', 'evil.example', 'http://b.example/host', '200 ok');
    $comes_out->('named.sock', 'GET http://b.example/host HTTP/1.1', 'evil.example', 'http://evil.example/host', '401 invalid_proof', $URL);
}

# --- base= --------------------------------------------------------------------------------------

same("/base/$_", "https://api.example/base/$_"), differs("/base/$_", "http://localhost/base/$_"),
    differs("/base/$_", "http://api.example/base/$_") for 'literal', 'slash', 'port';
same('/base/literal', $_) for 'https://api.example:443/base/literal', 'HTTPS://API.EXAMPLE/base/literal?x', 'https://api.example/base/./literal';
differs('/base/literal', $_) for 'https://api.example:80/base/literal', 'https://api.example/literal', 'https://api.example//base/literal',
    'https://api.example';
differs('/base/slash', 'https://api.example//base/slash');
same('/base/port', $_) for 'https://api.example/base/port', 'https://API.example:443/base/port', 'https://api.example:/base/port';
same('/base/prefix', $_) for 'https://api.example/v1/~us/base/prefix', 'https://api.example/v1/%7eus/base/prefix',
    'https://api.example/v1/x/../~us/base/prefix';
differs('/base/prefix', $_) for 'https://api.example/base/prefix', 'https://api.example/v1/~usbase/prefix', 'https://api.example/v1/~us//base/prefix',
    'https://api.example/v1/~us/';
same('/base/prefixed', 'https://api.example/v1/base/prefixed');
differs('/base/prefixed', $_) for 'https://api.example/v1//base/prefixed', 'https://api.example/base/prefixed', 'https://api.example/v1base/prefixed';
same('/base/other', 'http://api.example:8080/base/other');
differs('/base/other', $_) for 'http://api.example/base/other', 'https://api.example:8080/base/other';
same('/base/six', $_) for 'https://[2001:db8::1]:8443/base/six', 'https://[2001:DB8::1]:8443/base/six';
same('/base/host', 'https://api.example/base/host', 'Host: api.example:8080');
same('/base/outer', 'http://localhost/base/outer');
same('/base/outer', 'https://front.example:8443/base/outer', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: front.example:8443');
differs('/base/outer', 'http://localhost/base/outer', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: front.example');
same('/base/set', 'https://set.example/app/base/set');
same('/base/told', 'https://told.example/app/base/told', 'X-Base: https://told.example/app');
is_of($BASE, '/base/told', 'GET', 'http://localhost/base/told', "X-Base: $_")
    for 'x', '/x', 'told.example', '//told.example', 'ftp://told.example', 'http://', 'http:///x', 'https://told.example?x',
        'https://told.example/#x', 'https://user@told.example', 'https://told example', 'https://told.example:x', 'https://told.example:99999',
        'http:told.example';
is_of($BASE, '/base/told', 'GET', 'http://localhost/base/told');
is_of(qr/proof: [^,]*"htu"/, '/base/told', 'GET', $_) for '/base/told', 'http:///base/told', '';

# --- HTTP/2 -----------------------------------------------------------------------------------

{
    my $h2 = JWT::Http2->new($nginx->directory . '/http2.sock');
    my @cases = (
        ['GET', '/a', 'http://localhost/a', 200], ['GET', '/a?b', 'http://LOCALHOST:80/a', 200], ['POST', '/a', 'http://localhost/a', 200],
        ['GREET', '/a/../%7eb', 'http://localhost/~b', 200], ['HEAD', '/', 'http://localhost', 200],
        ['GET', '/a', 'http://localhost/b', 401], ['GET', '/a', 'https://localhost/a', 401], ['GET', '/a', 'http://other/a', 401],
        ['GET', '/a//../b', 'http://localhost/a/b', 401], ['GET', '/c%2Fd/../a', 'http://localhost/a', 401], ['GET', '/a#b', 'http://localhost/a', 401],
    );
    my @streams = map { my ($method, $path, $htu) = @$_; $h2->request($method, $path, [$client->lines($token, htm => $method, htu => $htu)]) } @cases;
    is($h2->status($streams[$_]), $cases[$_][3], "HTTP/2: @{$cases[$_]}") for 0 .. $#cases;
    my $proof = $client->line(token => $token, htu => 'http://localhost/a');
    my $second = $client->line(token => $token, htu => 'http://localhost/a');
    my $stream = $h2->request('GET', '/a', ["Authorization: dpop $token", $proof, $second]);
    is($h2->status($stream), 401, 'HTTP/2: two headers');
    $stream = $h2->request('GET', '/a', ["Authorization: Bearer $token", $second]);
    is($h2->status($stream), 401, 'HTTP/2: as a bearer');
    # The host, in whatever form.
    for my $authority ('LocalHost', 'localhost:80', 'localhost:8080', 'localhost.', 'localhost.:8080', '127.0.0.1', '[2001:DB8::1]', '[::1]:8080') {
        my $other = JWT::Http2->new($nginx->directory . '/http2.sock', authority => $authority);
        $stream = $other->request('GET', '/a', [$client->lines($token, htu => "http://$authority/a")]);
        is($other->status($stream), 200, "HTTP/2: $authority");
        $stream = $other->request('GET', '/a', [$client->lines($token, htu => 'http://evil.example/a')]);
        is($other->status($stream), 401, "HTTP/2: $authority, and a proof for another");
        $stream = $other->request('GET', '/a', ['host: evil.example', $client->lines($token, htu => 'http://evil.example/a')]);
        is($other->status($stream), 400, "HTTP/2: $authority, and another host beside it: nginx itself refuses");
    }
}

$nginx->is_calm('error');

done_testing();
