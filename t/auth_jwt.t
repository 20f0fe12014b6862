# The directive auth_jwt: realm, off, inheritance; where the token is looked for is in token_source.t.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: without auth_jwt nothing is guarded
--- config
    location / {
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- response_headers
! WWW-Authenticate
--- no_error_log
[error]


=== TEST 2: a realm guards, and a token signed with a key of the set passes
--- guarded
auth_jwt "closed site";
--- cases eval
[
    ["GET /", undef, 401, 'WWW-Authenticate: Bearer realm="closed site"', "401 Authorization Required"],
    ["GET /", JWT::bearer(), 200, '! WWW-Authenticate', "sub=alice"],
    ["GET /", "Authorization: Bearer " . JWT::refused('invalid_signature'), 401,
        'WWW-Authenticate: Bearer realm="closed site", error="invalid_token"', "401 Authorization Required"],
]


=== TEST 3: "" is a realm like any other: it enables
--- guarded
auth_jwt "";
--- cases eval
[
    ["GET /", undef, 401, 'WWW-Authenticate: Bearer realm=""'],
    ["GET /", JWT::bearer(), 200, '! WWW-Authenticate'],
]


=== TEST 4: the literal off disables
--- guarded
auth_jwt off;
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- cases eval
[
    ["GET /", undef, 200, '! WWW-Authenticate'],
    ["GET /", "Authorization: Bearer " . JWT::refused('malformed_token'), 200, '! WWW-Authenticate'],
]
--- no_error_log
[error]


=== TEST 5: Off and OFF are realms, only off disables
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location /title { auth_jwt Off; proxy_pass http://mock; }
    location /upper { auth_jwt OFF; proxy_pass http://mock; }
--- cases eval
[
    ["GET /title", undef, 401, 'WWW-Authenticate: Bearer realm="Off"'],
    ["GET /upper", undef, 401, 'WWW-Authenticate: Bearer realm="OFF"'],
]


=== TEST 6: inherited from http, server and location; the innermost wins
--- http_config
    auth_jwt "http";
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
--- config
    location / {
        proxy_pass http://mock;
    }
    location /outer/ {
        auth_jwt "outer";
        proxy_pass http://mock;
        location /outer/inner/ {
            proxy_pass http://mock;
            location /outer/inner/own/ {
                auth_jwt "own";
                proxy_pass http://mock;
            }
        }
    }
--- request eval
["GET /", "GET /outer/", "GET /outer/inner/", "GET /outer/inner/own/", "GET /outer/inner/own/"]
--- more_headers eval
["X-None: x", "X-None: x", "X-None: x", "X-None: x", JWT::bearer()]
--- error_code eval
[401, 401, 401, 401, 200]
--- response_headers eval
[(map {qq(WWW-Authenticate: Bearer realm="$_")} qw(http outer outer own)), '! WWW-Authenticate']


=== TEST 7: the server level replaces the http level
--- http_config
    auth_jwt "http";
    auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks;
--- config
    auth_jwt "server";
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location / { proxy_pass http://mock; }
--- cases eval
[
    ["GET /", undef, 401, 'WWW-Authenticate: Bearer realm="server"'],
    ["GET /", JWT::bearer(), 200, '! WWW-Authenticate'],
]


=== TEST 8: off cancels an inherited auth_jwt, and a level below may enable it again
--- http_config
    auth_jwt "http";
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
--- config
    location / { proxy_pass http://mock; }
    location /public/ {
        auth_jwt off;
        proxy_pass http://mock;
        location /public/still/ { proxy_pass http://mock; }
        location /public/not/ { auth_jwt "again"; proxy_pass http://mock; }
    }
--- cases eval
[
    ["GET /", undef, 401, 'WWW-Authenticate: Bearer realm="http"'],
    ["GET /public/", undef, 200, '! WWW-Authenticate'],
    ["GET /public/still/", undef, 200, '! WWW-Authenticate'],
    ["GET /public/not/", undef, 401, 'WWW-Authenticate: Bearer realm="again"'],
]


=== TEST 9: the realm may hold variables and regex captures
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location ~ ^/tenant/(?<tenant>\w+)/(\w+) {
        auth_jwt "$tenant at $2 of $host";
        proxy_pass http://mock;
    }
--- cases eval
[
    ["GET /tenant/blue/one", undef, 401, 'WWW-Authenticate: Bearer realm="blue at one of localhost"'],
    ["GET /tenant/green/two", undef, 401, 'WWW-Authenticate: Bearer realm="green at two of localhost"'],
    ["GET /tenant/green/two", JWT::bearer(), 200, '! WWW-Authenticate'],
]


=== TEST 10: a realm variable whose value is off disables
--- http_config
    map $arg_area $realm {
        default  "members";
        public   off;
        nameless "";
    }
--- guarded
auth_jwt $realm;
--- cases eval
[
    ["GET /?area=public", undef, 200, '! WWW-Authenticate'],
    ["GET /?area=private", undef, 401, 'WWW-Authenticate: Bearer realm="members"'],
    ["GET /?area=nameless", undef, 401, 'WWW-Authenticate: Bearer realm=""'],
    ["GET /?area=private", JWT::bearer(), 200, '! WWW-Authenticate'],
]


=== TEST 11: a realm put together from variables to off disables, too; an unset variable enables
--- guarded
auth_jwt "$arg_first$arg_second";
--- cases eval
[
    ["GET /?first=o&second=ff", undef, 200, '! WWW-Authenticate'],
    ["GET /?first=off", undef, 200, '! WWW-Authenticate'],
    ["GET /?first=off&second=ice", undef, 401, 'WWW-Authenticate: Bearer realm="office"'],
    ["GET /", undef, 401, 'WWW-Authenticate: Bearer realm=""'],
]


=== TEST 12: " and \ of a literal realm are escaped
--- guarded
auth_jwt 'the "inner" \\ room';
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="the \"inner\" \\ room"


=== TEST 13: " and \ and control characters of a realm from the request cannot break out
--- config
    location ~ ^/realm/(?<realm>[^/]*)$ {
        auth_jwt $realm;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- cases eval
[
    ["GET /realm/a%22b%5Cc", undef, 401],
    ["GET /realm/a%0D%0ASet-Cookie:%20x=1", undef, 401],
    ["GET /realm/a%09b%1Fc%7Fd%01e", undef, 401],
    ["GET /realm/J%C3%BCrgen", undef, 401],
    ["GET /realm/%22,%20error=%22x", JWT::bearer(undef, secret => "other"), 401],
]
--- raw_response_headers_like eval
[
    quotemeta('WWW-Authenticate: Bearer realm="a\\"b\\\\c"') . "\r\n",
    quotemeta('WWW-Authenticate: Bearer realm="a  Set-Cookie: x=1"') . "\r\n",
    quotemeta('WWW-Authenticate: Bearer realm="a b c d e"') . "\r\n",
    quotemeta("WWW-Authenticate: Bearer realm=\"J\xC3\xBCrgen\"") . "\r\n",
    quotemeta('WWW-Authenticate: Bearer realm="\\", error=\\"x", error="invalid_token"') . "\r\n",
]
--- raw_response_headers_unlike eval
[("\nSet-Cookie") x 5]


=== TEST 14: a realm of a thousand characters is told whole
--- config eval
my $realm = 'r' x 1000;
qq{
    location / {
        auth_jwt "$realm";
        auth_jwt_key_file \$TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
}
--- error_code: 401
--- response_headers eval
'WWW-Authenticate: Bearer realm="' . 'r' x 1000 . '"'


=== TEST 15: realm and token source are inherited together, and replaced together
--- config
    location /outer/ {
        auth_jwt "outer" token=$cookie_jwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
        location /outer/inner/ { proxy_pass http://mock; }
        location /outer/own/ { auth_jwt "own"; proxy_pass http://mock; }
    }
--- cases eval
[
    ["GET /outer/inner/", JWT::bearer(), 401, 'WWW-Authenticate: Bearer realm="outer"'],
    ["GET /outer/inner/", "Cookie: jwt=" . JWT::token(), 200, '! WWW-Authenticate'],
    ["GET /outer/own/", JWT::bearer(), 200, '! WWW-Authenticate'],
    ["GET /outer/own/", "Cookie: jwt=" . JWT::token(), 401, 'WWW-Authenticate: Bearer realm="own"'],
]


=== TEST 16: off replaces an inherited token source, too
--- config
    location /outer/ {
        auth_jwt "outer" token=$cookie_jwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
        location /outer/inner/ {
            auth_jwt off;
            proxy_set_header X-Sub $jwt_claim_sub;
            proxy_pass http://mock;
        }
    }
--- request
GET /outer/inner/
--- more_headers eval
JWT::bearer({sub => 'header'}) . "\nCookie: jwt=" . JWT::token({sub => 'cookie'})
--- response_body_like: sub=header


=== TEST 17: the same token passes on every request of a connection, and a bad one between does not harm
--- guarded
--- pipelined_requests eval
["GET /1", "GET /2", "GET /3", "GET /4"]
--- more_headers eval
[
    JWT::bearer({sub => 'ann'}),
    'Authorization: Bearer ' . JWT::refused('invalid_signature'),
    'X-None: x',
    JWT::bearer({sub => 'ben'}),
]
--- error_code eval
[200, 401, 401, 200]
--- response_body_like eval
["uri=/1 sub=ann ", "401", "401", "uri=/4 sub=ben "]
