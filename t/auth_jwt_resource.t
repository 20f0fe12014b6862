# The directive auth_jwt_resource: metadata, audience, challenges. What takes several connections, other protocols or
# a reload is in resource_metadata.t; what `nginx -t` says of it in configuration.t.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

# Where metadata are, and whose they are here.
our ($place, $api) = ('/.well-known/oauth-protected-resource', 'https://api.example');

# Metadata of a resource of that host, whose members beyond two are given as pairs.
sub metadata {
    my ($path, %members) = @_;
    my @before = map {qq("$_":$members{$_},)} grep { $members{$_} } 'authorization_servers';
    my @behind = map {qq(,"$_":$members{$_})} grep { $members{$_} } 'scopes_supported', 'resource_name', 'resource_documentation';
    return join '', qq({"resource":"$api$path",), @before, '"bearer_methods_supported":["header"]', @behind, '}';
}

# A case: that metadata are served, with all their headers.
sub served {
    my ($path, @members) = @_;
    my $headers = "Content-Type: application/json\nAccess-Control-Allow-Origin: *\nCache-Control: public, max-age=300\n! WWW-Authenticate";
    return ["GET $place" . ($path eq '/' ? '' : $path), undef, 200, $headers, whole(metadata($path, @members))];
}

# What is this text, and nothing else.
sub whole { return '\A' . quotemeta($_[0]) . '\z' }

# A header line with a token for this audience, which good.jwks verifies and no issuer need know.
sub to { return JWT::bearer({aud => $_[0]}) }

our $wrong = 'X-Status: wrong_audience';

# A challenge, with these parameters behind the realm. The metadata are those of the path.
sub challenge {
    my ($error, $scopes, $path) = @_;
    my @more = ($error ? qq(error="$error") : (), $scopes ? qq(scope="$scopes") : (), defined $path ? qq(resource_metadata="$api$place$path") : ());
    return 'WWW-Authenticate: ' . join ', ', 'Bearer realm="r"', @more;
}

run_tests();

__DATA__

=== TEST 1: the metadata, member by member; those with nothing to say are left out
--- http_config eval
JWT::Nginx::issuer('shop') . JWT::Nginx::issuer('partner', 'issuer https://partner.example https://old.example;') . JWT::Nginx::issuer('plain', 'issuer "a \"b\"";')
--- config
    location /bare { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_jwt_resource https://api.example/bare; }
    location /request { auth_jwt "r"; auth_jwt_key_request /keys; auth_jwt_resource https://api.example/request; }
    location /open { auth_jwt_resource https://api.example/open; }
    location /one { auth_jwt "r"; auth_jwt_issuers shop; auth_jwt_resource https://api.example/one; }
    location /several { auth_jwt "r"; auth_jwt_issuers partner plain shop; auth_jwt_resource https://api.example/several; }
    location /turned { auth_jwt "r"; auth_jwt_issuers shop partner; auth_jwt_resource https://api.example/turned; }
    location /asked {
        auth_jwt "r"; auth_jwt_issuers shop; auth_jwt_resource https://api.example/asked;
        auth_jwt_require_scope read "$arg_a" write "x:$arg_b"; auth_jwt_require_scope read 'a"b' match=any;
    }
    location /variables { auth_jwt "r"; auth_jwt_issuers shop; auth_jwt_require_scope $arg_a ""; auth_jwt_resource https://api.example/variables; }
    location /told { auth_jwt "r"; auth_jwt_issuers shop; auth_jwt_require_scope read; auth_jwt_resource https://api.example/told "scopes= all  more all "; }
    location /named { auth_jwt "r"; auth_jwt_issuers shop; auth_jwt_resource https://api.example/named "name=My \"API\" é \\ 😀" documentation=https://docs.example/a?b=c; }
    location /all { auth_jwt "r"; auth_jwt_issuers shop; auth_jwt_resource https://api.example/all documentation=http://localhost:1/ scopes=s name=n; }
--- cases eval
my @shop = (authorization_servers => '["https://shop.example"]');
[
    (map { main::served($_) } '/bare', '/request', '/open'),
    main::served('/one', @shop),
    main::served('/several', authorization_servers => '["https://partner.example","a \"b\"","https://shop.example"]'),
    main::served('/turned', authorization_servers => '["https://shop.example","https://partner.example"]'),
    main::served('/asked', @shop, scopes_supported => '["read","write","a\"b"]'),
    main::served('/variables', @shop),
    main::served('/told', @shop, scopes_supported => '["all","more"]'),
    main::served('/named', @shop, resource_name => '"My \"API\" é \\\\ 😀"', resource_documentation => '"https://docs.example/a?b=c"'),
    main::served('/all', @shop, scopes_supported => '["s"]', resource_name => '"n"', resource_documentation => '"http://localhost:1/"'),
]


=== TEST 2: their place: the path, decoded, of any query; a trailing slash that is not alone stays
--- config
    location / { return 418; }
    location /a { auth_jwt_resource https://api.example/a; location /a/ { auth_jwt_resource https://api.example/a/; } }
    location /b { auth_jwt_resource https://api.example/b/c; }
    location /d { auth_jwt_resource https://api.example/d%20e%2Ff/%C3%A9; }
    location /q { auth_jwt_resource https://api.example/q?tenant=1; }
    location /s { auth_jwt_resource https://api.example/s//t/./u/../v; }
--- cases eval
my $is = sub { my ($asked, $path) = @_; return ["GET $main::place$asked", undef, 200, undef, main::whole(main::metadata($path))] };
[
    (map { $is->($_, $_) } '/a', '/a/', '/b/c', '/d%20e%2Ff/%C3%A9'),
    $is->('/d%20e/f/%c3%a9', '/d%20e%2Ff/%C3%A9'), $is->('/a?b=c', '/a'), $is->('/x/../b/%63', '/b/c'), $is->('//a', '/a'),
    (map { $is->($_, '/q?tenant=1') } '/q?tenant=1', '/q'),
    (map { $is->($_, '/s//t/./u/../v') } '/s//t/v', '/s/t/v', '/s//t/./u/../v'),
    (map { ["GET $main::place$_", undef, 418] } '', '/', '/A', '/a/x', '/b', '/b/c/', '/d', '/x'),
    (map { ["GET $_", undef, 418] } "${main::place}s/a", '/.well-known', "/x$main::place/a"),
]


=== TEST 3: a resource that is a whole host, beside others
--- config
    auth_jwt_resource https://api.example;
    location / { return 418; }
    location /a { auth_jwt_resource https://api.example/a; }
    location /off { auth_jwt_resource off; }
--- cases eval
[
    (map { ["GET $main::place$_", undef, 200, undef, main::whole(main::metadata(''))] } '', '?x'),
    main::served('/a'),
    (map { ["GET $main::place$_", undef, 418] } '/', '/off'),
]


=== TEST 4: and so with a slash, which is told as it stands
--- config
    location / { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_jwt_resource https://api.example/; add_header X-Status $auth_jwt_status always; proxy_pass http://mock; }
--- cases eval
[
    main::served('/'),
    ['GET /', undef, 401, main::challenge(undef, undef, '')],
    ['GET /', main::to('https://api.example/'), 200], ['GET /', main::to('https://api.example'), 401, $main::wrong],
]


=== TEST 5: a level that is of the server's resource tells what the server does not
--- http_config eval
JWT::Nginx::issuer('shop') . JWT::Nginx::issuer('other')
--- config
    auth_jwt_resource https://api.example/mcp;
    location / { return 404; }
    location /mcp { auth_jwt "r"; auth_jwt_issuers shop; auth_jwt_require_scope read; }
    location /more { auth_jwt "r"; auth_jwt_issuers other; auth_jwt_require_scope write; }
--- cases eval
[main::served('/mcp', authorization_servers => '["https://shop.example"]', scopes_supported => '["read"]')]


=== TEST 6: whatever answers in the server's place, and whoever may come
--- config
    deny all;
    auth_basic "closed";
    auth_basic_user_file $TEST_NGINX_KEYS/none;
    satisfy all;
    auth_jwt "r";
    auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
    auth_jwt_resource https://api.example/mcp;
    error_page 404 405 = /error;
    return 403;
    location /.well-known/ { deny all; limit_except PUT { deny all; } return 402; }
    location = /.well-known/oauth-protected-resource/mcp { internal; return 402; }
    location ~ mcp { return 402; }
--- cases eval
[main::served('/mcp'), ["GET $main::place", undef, 403], ["POST $main::place/mcp", undef, 405], ["GET $main::place/mcp", 'Authorization: Bearer x', 200]]


=== TEST 7: methods
--- config
    auth_jwt_resource https://api.example/mcp;
    location / { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
--- cases eval
my $path = "$main::place/mcp";
my $length = length main::metadata('/mcp');
my $others = "Access-Control-Allow-Origin: *\nAllow: GET, HEAD, OPTIONS\nContent-Length: 0\n! Cache-Control\n! WWW-Authenticate";
my $preflight = "Access-Control-Allow-Origin: *\nAccess-Control-Allow-Methods: GET, HEAD, OPTIONS\nAccess-Control-Allow-Headers: *\nAccess-Control-Max-Age: 300\n! Content-Type\n! Content-Length\n! WWW-Authenticate";
[
    ["HEAD $path", undef, 200, "Content-Type: application/json\nAccess-Control-Allow-Origin: *\nCache-Control: public, max-age=300\nContent-Length: $length", '\A\z'],
    ["OPTIONS $path", "Origin: https://page.example\nAccess-Control-Request-Method: GET\nAccess-Control-Request-Headers: mcp-protocol-version", 204, $preflight],
    (map { ["$_ $path", undef, 405, $others] } 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'GREET'),
    ["POST $path\nbody", undef, 405, $others],
    ['OPTIONS /', undef, 401, main::challenge(undef, undef, '/mcp')],
]


=== TEST 8: the identifier is the audience, whatever the key source
--- http_config eval
JWT::Nginx::issuer('shop') . JWT::Nginx::issuer('open', 'audience any;')
--- config
    add_header X-Status $auth_jwt_status always;
    auth_jwt "r";
    auth_jwt_resource https://api.example/mcp;
    location = /keys { auth_jwt off; alias $TEST_NGINX_KEYS/good.jwks; }
    location /file { auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
    location /request { auth_jwt_key_request /keys; proxy_pass http://mock; }
    location /issuers { auth_jwt_issuers shop open; proxy_pass http://mock; }
    # The level of the server needs keys, too.
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
--- cases eval
my ($mcp, $open) = ("$main::api/mcp", 'https://open.example');
[
    map {
        my $path = $_;
        (map { ["GET $path", JWT::issued({aud => $_}), 200] } $mcp, ['x', $mcp]),
        (map { ["GET $path", JWT::issued({aud => $_}), 401, $main::wrong . "\n" . main::challenge('invalid_token', undef, '/mcp')] } 'api', "$mcp/", $main::api, 'HTTPS://API.EXAMPLE/mcp', [], undef),
        ["GET $path", JWT::issued({iss => $open, aud => $mcp}), 200], ["GET $path", JWT::issued({iss => $open, aud => 'x'}), 401, $main::wrong],
    } '/file', '/request', '/issuers',
]


=== TEST 9: of auth_jwt_audience and the resource the nearer level decides, on one level auth_jwt_audience; "off" leaves what is above
--- http_config eval
JWT::Nginx::issuer('shop')
--- config
    add_header X-Status $auth_jwt_status always;
    auth_jwt_issuers shop;
    auth_jwt_audience server;
    location /above { auth_jwt "r"; proxy_pass http://mock; }
    location /nearer {
        auth_jwt "r"; auth_jwt_resource https://api.example/mcp; limit_except GET { auth_jwt_leeway 1s; } proxy_pass http://mock;
        location /nearer/inherits { auth_jwt_require_claim sub present; proxy_pass http://mock; }
        location /nearer/audience {
            auth_jwt_audience own; limit_except GET { auth_jwt_audience limited; } proxy_pass http://mock;
            location /nearer/audience/resource { auth_jwt_resource https://api.example/inner; proxy_pass http://mock; }
            location /nearer/audience/inherits { auth_jwt_leeway 1s; proxy_pass http://mock; }
        }
        location /nearer/off { auth_jwt_resource off; proxy_pass http://mock; location /nearer/off/inherits { auth_jwt_leeway 1s; proxy_pass http://mock; } }
    }
    location /both { auth_jwt "r"; auth_jwt_audience own; auth_jwt_resource https://api.example/both; proxy_pass http://mock; }
    location /both/turned { auth_jwt "r"; auth_jwt_resource https://api.example/both; auth_jwt_audience own; proxy_pass http://mock; location /both/turned/inherits { auth_jwt_leeway 1s; proxy_pass http://mock; } }
--- cases eval
my %audience = (mcp => "$main::api/mcp", inner => "$main::api/inner", both => "$main::api/both", map { $_ => $_ } 'server', 'own', 'limited', 'api');
my $only = sub {
    my ($request, $mine, $status) = @_;
    return map { [$request, JWT::issued({aud => $audience{$_}}), $_ eq $mine ? 200 : 401, $_ eq $mine ? 'X-Status: ok' : $main::wrong] } sort keys %audience;
};
[
    $only->('GET /above', 'server'),
    $only->('GET /nearer', 'mcp'), $only->('POST /nearer', 'mcp'), $only->('GET /nearer/inherits', 'mcp'),
    $only->('GET /nearer/audience', 'own'), $only->('POST /nearer/audience', 'limited'),
    $only->('GET /nearer/audience/inherits', 'own'), $only->('GET /nearer/audience/resource', 'inner'),
    (map { $only->("GET /nearer/off$_", 'server') } '', '/inherits'),
    (map { $only->("GET /both$_", 'own') } '', '/turned', '/turned/inherits'),
    ['GET /both', undef, 401, main::challenge(undef, undef, '/both')], ['GET /nearer/audience', undef, 401, main::challenge(undef, undef, '/mcp')],
    (map { ["GET /nearer/off$_", undef, 401, main::challenge()] } '', '/inherits'), ['GET /above', undef, 401, main::challenge()],
    ['POST /nearer', undef, 401, main::challenge(undef, undef, '/mcp')],
]


=== TEST 10: without auth_jwt_audience "off" leaves the block's
--- http_config eval
JWT::Nginx::issuer('shop')
--- config
    add_header X-Status $auth_jwt_status always;
    auth_jwt_issuers shop;
    auth_jwt_resource https://api.example/mcp;
    location / { auth_jwt "r"; proxy_pass http://mock; }
    location /off { auth_jwt "r"; auth_jwt_resource off; proxy_pass http://mock; }
--- cases eval
# What is known of a token from one level is not taken for another.
[map { (
    ['GET /off', JWT::issued({aud => 'api'}), 200], ['GET /', JWT::issued({aud => 'api'}), 401, $main::wrong],
    ['GET /', JWT::issued({aud => "$main::api/mcp"}), 200], ['GET /off', JWT::issued({aud => "$main::api/mcp"}), 401, $main::wrong],
) } 1 .. 3]


=== TEST 11: all forms of a challenge, in order: realm, error, scope, resource_metadata; without the directive as before
--- http_config eval
JWT::Nginx::issuer('shop')
--- config
    add_header X-Status $auth_jwt_status always;
    auth_jwt_issuers shop;
    auth_jwt_audience api;
    location /mcp {
        auth_jwt "r"; auth_jwt_resource https://api.example/mcp "scopes=told to nobody here"; auth_jwt_audience api; auth_jwt_require_scope read $arg_x 'a"b'; proxy_pass http://mock;
        location /mcp/none { auth_jwt_resource off; proxy_pass http://mock; }
    }
    location /bare { auth_jwt "r"; auth_jwt_resource https://api.example/bare scopes=told; auth_jwt_audience api; auth_jwt_require $arg_ok error=403; proxy_pass http://mock; }
    location /query { auth_jwt "r"; auth_jwt_resource "https://api.example/q\"r?tenant=1"; proxy_pass http://mock; }
    location /before { auth_jwt "r"; auth_jwt_require $arg_ok error=403; proxy_pass http://mock; }
--- cases eval
my $forms = sub {
    my ($request, $scopes, $path) = @_;
    my $lines = sub { "X-Status: $_[0]\n" . main::challenge(@_[1 .. $#_], $path) };
    my $few = $scopes ? 'insufficient_scope' : 'requirement_failed';
    return (
        ["GET $request", undef, 401, $lines->('no_token', undef, $scopes)],
        ["GET $request", 'Authorization: Bearer x', 401, $lines->('malformed_token', 'invalid_token', undef)],
        ["GET $request", JWT::issued({exp => 1}), 401, $lines->('expired', 'invalid_token', undef)],
        ["GET $request", JWT::issued({aud => 'x'}), 401, $lines->('wrong_audience', 'invalid_token', undef)],
        ["GET $request", JWT::issued({scope => 'x'}), 403, $lines->($few, 'insufficient_scope', $scopes)],
    );
};
[
    $forms->('/mcp', 'read a\"b', '/mcp'), $forms->('/mcp?x=write', 'read write a\"b', '/mcp'), $forms->('/mcp/none', 'read a\"b', undef),
    $forms->('/bare', undef, '/bare'), $forms->('/before', undef, undef),
    ['GET /mcp?x=b', JWT::issued({scope => 'b read a"b'}), 200, '! WWW-Authenticate'],
    ['GET /query', undef, 401, main::challenge(undef, undef, '/q\"r?tenant=1')],
]


=== TEST 12: satisfy, error_page, dry run, optional, a realm "off", keys that are not there
--- http_config eval
JWT::Nginx::issuer('shop')
--- config
    add_header X-Status $auth_jwt_status always;
    auth_jwt_issuers shop;
    auth_jwt_resource https://api.example/mcp;
    location /any { satisfy any; allow all; auth_jwt "r"; proxy_pass http://mock; }
    location /none { satisfy any; deny all; auth_jwt "r"; proxy_pass http://mock; }
    location /page { error_page 401 =200 /login; auth_jwt "r"; proxy_pass http://mock; }
    location = /login { proxy_pass http://mock; }
    location /dry { auth_jwt "r"; auth_jwt_dry_run on; proxy_pass http://mock; }
    location /optional { auth_jwt "r"; auth_jwt_optional on; proxy_pass http://mock; }
    location /realm { auth_jwt $arg_realm; proxy_pass http://mock; }
    location /broken { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks; proxy_pass http://mock; }
--- cases eval
my ($good, $bad, $none) = (JWT::issued({aud => "$main::api/mcp"}), JWT::issued(), '! WWW-Authenticate');
my ($challenge, $invalid) = (main::challenge(undef, undef, '/mcp'), main::challenge('invalid_token', undef, '/mcp'));
[
    (map { ['GET /any', $_, 200, $none] } undef, $bad, $good),
    ['GET /none', undef, 401, $challenge], ['GET /none', $bad, 401, $invalid], ['GET /none', $good, 200, $none],
    ['GET /page', undef, 200, "X-Status: no_token\n$challenge"], ['GET /page', $bad, 200, "$main::wrong\n$invalid"], ['GET /page', $good, 200, $none],
    ['GET /dry', undef, 200, "X-Status: no_token_dry_run\n$none"], ['GET /dry', $bad, 200, "X-Status: wrong_audience_dry_run\n$none"],
    ['GET /optional', undef, 200, "X-Status: no_token\n$none"], ['GET /optional', $bad, 401, $invalid], ['GET /optional', $good, 200, $none],
    ['GET /realm?realm=off', undef, 200, "X-Status: off\n$none"], ['GET /realm?realm=r', undef, 401, $challenge],
    ['GET /broken', $good, 500, $none], ['GET /broken', undef, 401, $challenge],
]
--- no_error_log
[alert]
