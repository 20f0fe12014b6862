# auth_jwt_fetch_proxy: keys by URL are fetched by way of an HTTP proxy, which is asked to CONNECT; what is on this
# machine is, too.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Authority;
use JWT::ConnectProxy;
use JWT::Remote;

my ($OK, $UNAVAILABLE) = ('200 ok', '500 keys_unavailable');
my $where = qr/ in \S+nginx[.]conf:\d+/;

# --- what it may say ----------------------------------------------------------------------------------------

my $invalid = qr/invalid URL in "auth_jwt_fetch_proxy" directive, it must be that of an HTTP proxy, such as "http:\/\/proxy.example.com:3128", without path and variables$where/;
JWT::Server->refuses('http', "auth_jwt_fetch_proxy $_;", $invalid)
    for '""', 'proxy:3128', 'https://proxy', 'socks5://proxy', 'http://', 'http://:3128', 'http://proxy:0', 'http://proxy:x', 'http://proxy/path', 'http://proxy?a',
    '"http://proxy#a"', '"http://$host:3128"', '"http://a b"', "http://\xFF", 'off';
{
    my ($fine, $said) = JWT::Server->checked_at('http', 'auth_jwt_fetch_proxy http://user:password@proxy/path;');
    ok(!$fine, 'a URL with a password and a fault');
    unlike($said, qr/password\@|user:/, 'is not shown');
}
JWT::Server->refuses('http', 'auth_jwt_fetch_proxy;', qr/invalid number of arguments in "auth_jwt_fetch_proxy" directive$where/);
JWT::Server->refuses('http', 'auth_jwt_fetch_proxy http://a http://b;', qr/invalid number of arguments in "auth_jwt_fetch_proxy" directive$where/);
JWT::Server->refuses('http', 'auth_jwt_fetch_proxy http://a; auth_jwt_fetch_proxy http://b;', qr/"auth_jwt_fetch_proxy" directive is duplicate$where/);
JWT::Server->refuses($_, 'auth_jwt_fetch_proxy http://a;', qr/"auth_jwt_fetch_proxy" directive is not allowed here$where/) for qw(main server location);
is_deeply([JWT::Server->accepts('http', "auth_jwt_fetch_proxy $_;")], [], "$_: no warning")
    for 'http://proxy', 'http://proxy:3128/', 'http://192.0.2.1:3128', 'http://[2001:db8::1]:3128', 'http://user:secret@proxy:3128';

# --- a proxy ---------------------------------------------------------------------------------------------------

# What it leads to: a server of that name, which no resolver knows, with a certificate of our own authority.
my $authority = JWT::Authority->new;
my ($key, $certificate) = $authority->issue('DNS:id.example.com');
my $idp = JWT::Remote->new;
my $port = JWT::Process::free_port();
my $provider = JWT::Server->new(files => {'html/keys' => $idp->set('one')}, http => <<"CONF");
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $certificate;
        ssl_certificate_key $key;
        location / { root %DIR%/html; }
    }
CONF
my $proxy = JWT::ConnectProxy->new("127.0.0.1:$port");
my $to_nowhere = JWT::ConnectProxy->new('127.0.0.1:1');
my $ca = $authority->file('ca.pem');

# The log and the proxies' requests of an nginx with this proxy and keys at this URL, once a token gets what is expected.
sub is_fetched {
    my ($name, $proxy_url, $url, $expected, $line) = @_;
    my $nginx = $idp->nginx("key_url $url; ssl_trusted_certificate $ca; timeout 5s;", http => "auth_jwt_fetch_proxy $proxy_url;");
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($nginx->wait_until(sub { $nginx->error_log =~ $line }), "$name: the log") or diag($nginx->error_log);
    is($nginx->outcome('/', $idp->bearer('one')), $expected, "$name: $expected");
    unlike($nginx->error_log, qr/secret/, "$name: no password in the log");
    $nginx->is_calm('error', qr/keys cannot be fetched|has no keys/);
    return;
}

my $url = 'https://id.example.com/keys';
my $address = $proxy->url;
my $keys = qr/issuer "shop": 1 key from "\Q$url\E"/;
my $cannot = qr/issuer "shop": keys cannot be fetched from "\Q$url\E": /;
is_fetched('by way of a proxy', $address, $url, $OK, $keys);
my @heads = $proxy->heads;
is(scalar @heads, 1, 'one connection');
like($heads[0], qr/^CONNECT id[.]example[.]com:443 HTTP\/1[.]1\r\n/, 'CONNECT by name, which the proxy resolves');
unlike($heads[0], qr/Authorization|keys/i, 'and nothing else is told');
is_fetched('with a port', "$address/", 'https://id.example.com:8443/keys', $OK, qr/1 key from/);
like(($proxy->heads)[1], qr/^CONNECT id[.]example[.]com:8443 /, 'which it is told');
is_fetched('with credentials', "http://user:secret\@127.0.0.1:$proxy->{port}", $url, $OK, $keys);
like(($proxy->heads)[2], qr/^Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r$/mi, 'which it is told');
is_fetched('another name than that of the certificate', $address, 'https://other.example.com/keys', $UNAVAILABLE, qr/keys cannot be fetched from "\S+": TLS: .*certificate/);
is_fetched('a proxy that reaches nobody', $to_nowhere->url, $url, $UNAVAILABLE, qr/${cannot}proxy: /);
is_fetched('a proxy that is not there', 'http://127.0.0.1:1', $url, $UNAVAILABLE, qr/${cannot}.*refused/);
my $before = () = $proxy->heads;
my $to_idp = JWT::ConnectProxy->new($idp->url('') =~ s{^http://}{}r);
is_fetched('what is on this machine', $to_idp->url, $idp->url('/keys'), $OK, qr/1 key from/);
like(($to_idp->heads)[0], qr/^CONNECT 127[.]0[.]0[.]1:\d+ /, 'goes by way of the proxy, too');

# Nobody else is asked, and none where nothing says so: not even where the environment does.
{
    local @ENV{qw(http_proxy https_proxy HTTPS_PROXY ALL_PROXY all_proxy)} = ($address) x 5;
    my $nginx = $idp->nginx("key_url $url; ssl_trusted_certificate $ca;", main => 'env https_proxy; env HTTPS_PROXY; env ALL_PROXY; env all_proxy;');
    ok($nginx->wait_until(sub { $nginx->error_log =~ /$cannot(?:host not found|.*)/ }), 'without the directive the name is resolved here') or diag($nginx->error_log);
    is(scalar(() = $proxy->heads), $before, 'and no proxy of the environment is asked');
}

# Plain HTTP that leaves this machine is warned of.
for my $case (
    ['http://proxy.example.com:3128', 'http://127.0.0.1:1/keys', 1], ['http://192.0.2.1', 'http://localhost/keys', 1],
    ['http://127.0.0.1:3128', 'http://127.0.0.1:1/keys', 0], ['http://LOCALHOST', 'http://[::1]/keys', 0], ['http://proxy.example.com', 'https://localhost/keys', 0],
) {
    my ($by, $to, $is_told) = @$case;
    my @warnings = JWT::Server->accepts('http',
        "auth_jwt_fetch_proxy $by; auth_jwt_issuer shop { issuer a; audience any; key_url $to; } auth_jwt r; auth_jwt_issuers shop;");
    my @told = map { qr/"auth_jwt_fetch_proxy" takes "http:" URLs of issuer "shop" out of this machine, so its keys could be replaced on the way: use https/ } 1 .. $is_told;
    is(scalar @warnings, scalar @told, "$to by way of $by: so many warnings");
    like($warnings[$_], $told[$_], "$to by way of $by: the warning") for 0 .. $#told;
}

done_testing();
