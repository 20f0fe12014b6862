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
--- config
    location / {
        auth_jwt "closed site";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers eval
["X-None: x", JWT::bearer(), "Authorization: Bearer " . JWT::refused('invalid_signature')]
--- error_code eval
[401, 200, 401]
--- response_headers eval
[
    'WWW-Authenticate: Bearer realm="closed site"',
    '! WWW-Authenticate',
    'WWW-Authenticate: Bearer realm="closed site", error="invalid_token"',
]
--- response_body_like eval
["401 Authorization Required", "sub=alice", "401 Authorization Required"]


=== TEST 3: "" is a realm like any other: it enables
--- config
    location / {
        auth_jwt "";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /"]
--- more_headers eval
["X-None: x", JWT::bearer()]
--- error_code eval
[401, 200]
--- response_headers eval
['WWW-Authenticate: Bearer realm=""', '! WWW-Authenticate']


=== TEST 4: the literal off disables
--- config
    location / {
        auth_jwt off;
        auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /"]
--- more_headers eval
["X-None: x", "Authorization: Bearer " . JWT::refused('malformed_token')]
--- error_code eval
[200, 200]
--- response_headers eval
['! WWW-Authenticate', '! WWW-Authenticate']
--- no_error_log
[error]


=== TEST 5: Off and OFF are realms, only off disables
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location /title { auth_jwt Off; proxy_pass http://mock; }
    location /upper { auth_jwt OFF; proxy_pass http://mock; }
--- request eval
["GET /title", "GET /upper"]
--- error_code eval
[401, 401]
--- response_headers eval
['WWW-Authenticate: Bearer realm="Off"', 'WWW-Authenticate: Bearer realm="OFF"']


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
--- request eval
["GET /", "GET /"]
--- more_headers eval
["X-None: x", JWT::bearer()]
--- error_code eval
[401, 200]
--- response_headers eval
['WWW-Authenticate: Bearer realm="server"', '! WWW-Authenticate']


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
--- request eval
["GET /", "GET /public/", "GET /public/still/", "GET /public/not/"]
--- error_code eval
[401, 200, 200, 401]
--- response_headers eval
[
    'WWW-Authenticate: Bearer realm="http"',
    '! WWW-Authenticate',
    '! WWW-Authenticate',
    'WWW-Authenticate: Bearer realm="again"',
]


=== TEST 9: the realm may hold variables and regex captures
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location ~ ^/tenant/(?<tenant>\w+)/(\w+) {
        auth_jwt "$tenant at $2 of $host";
        proxy_pass http://mock;
    }
--- request eval
["GET /tenant/blue/one", "GET /tenant/green/two", "GET /tenant/green/two"]
--- more_headers eval
["X-None: x", "X-None: x", JWT::bearer()]
--- error_code eval
[401, 401, 200]
--- response_headers eval
[
    'WWW-Authenticate: Bearer realm="blue at one of localhost"',
    'WWW-Authenticate: Bearer realm="green at two of localhost"',
    '! WWW-Authenticate',
]


=== TEST 10: a realm variable whose value is off disables
--- http_config
    map $arg_area $realm {
        default  "members";
        public   off;
        nameless "";
    }
--- config
    location / {
        auth_jwt $realm;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- request eval
["GET /?area=public", "GET /?area=private", "GET /?area=nameless", "GET /?area=private"]
--- more_headers eval
["X-None: x", "X-None: x", "X-None: x", JWT::bearer()]
--- error_code eval
[200, 401, 401, 200]
--- response_headers eval
[
    '! WWW-Authenticate',
    'WWW-Authenticate: Bearer realm="members"',
    'WWW-Authenticate: Bearer realm=""',
    '! WWW-Authenticate',
]


=== TEST 11: a realm put together from variables to off disables, too; an unset variable enables
--- config
    location / {
        auth_jwt "$arg_first$arg_second";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- request eval
["GET /?first=o&second=ff", "GET /?first=off", "GET /?first=off&second=ice", "GET /"]
--- error_code eval
[200, 200, 401, 401]
--- response_headers eval
[
    '! WWW-Authenticate',
    '! WWW-Authenticate',
    'WWW-Authenticate: Bearer realm="office"',
    'WWW-Authenticate: Bearer realm=""',
]


=== TEST 12: " and \ of a literal realm are escaped
--- config
    location / {
        auth_jwt 'the "inner" \\ room';
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
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
--- request eval
[
    "GET /realm/a%22b%5Cc",
    "GET /realm/a%0D%0ASet-Cookie:%20x=1",
    "GET /realm/a%09b%1Fc%7Fd%01e",
    "GET /realm/J%C3%BCrgen",
    "GET /realm/%22,%20error=%22x",
]
--- more_headers eval
["X-None: x", "X-None: x", "X-None: x", "X-None: x", JWT::bearer(undef, secret => "other")]
--- error_code eval
[401, 401, 401, 401, 401]
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


=== TEST 15: realm and token source are inherited together
--- config
    location /outer/ {
        auth_jwt "outer" token=$cookie_jwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
        location /outer/inner/ { proxy_pass http://mock; }
    }
--- request eval
["GET /outer/inner/", "GET /outer/inner/"]
--- more_headers eval
[JWT::bearer(), "Cookie: jwt=" . JWT::token()]
--- error_code eval
[401, 200]
--- response_headers eval
['WWW-Authenticate: Bearer realm="outer"', '! WWW-Authenticate']


=== TEST 16: realm and token source are replaced together
--- config
    location /outer/ {
        auth_jwt "outer" token=$cookie_jwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
        location /outer/inner/ { auth_jwt "inner"; proxy_pass http://mock; }
    }
--- request eval
["GET /outer/inner/", "GET /outer/inner/"]
--- more_headers eval
[JWT::bearer(), "Cookie: jwt=" . JWT::token()]
--- error_code eval
[200, 401]
--- response_headers eval
['! WWW-Authenticate', 'WWW-Authenticate: Bearer realm="inner"']


=== TEST 17: off replaces an inherited token source, too
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


=== TEST 18: the same token passes on every request of a connection, and a bad one between does not harm
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
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
