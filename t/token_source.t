# Where auth_jwt looks for the token: Authorization, or token=.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: the scheme is compared case-insensitively; one or more spaces may follow
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- request eval
[("GET /") x 6]
--- more_headers eval
my $token = JWT::token();
[map {"Authorization: $_$token"} 'Bearer ', 'bearer ', 'BEARER ', 'bEaReR ', 'Bearer  ', 'Bearer' . ' ' x 20]
--- error_code eval
[200, 200, 200, 200, 200, 200]


=== TEST 2: another scheme, or an empty token, counts as no token
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- request eval
[("GET /") x 10]
--- more_headers eval
my $token = JWT::token();
[
    map {"Authorization: $_"} 'Basic YWxpY2U6c2VjcmV0', "Basic $token", 'Bearer', 'Bearer ', 'Bearer    ',
        "Bearer$token", "Bearer\t$token", "BearerX $token", "JWT $token", $token,
]
--- error_code eval
[(401) x 10]
--- response_headers eval
[("WWW-Authenticate: Bearer realm=\"r\"\nX-Status: no_token") x 10]


=== TEST 3: what follows the scheme is the token, spaces inside make it malformed
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- request eval
[("GET /") x 3]
--- more_headers eval
my $token = JWT::token();
[map {"Authorization: Bearer $_"} "$token $token", "x $token", "\"$token\""]
--- error_code eval
[401, 401, 401]
--- response_headers eval
[("WWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\"\nX-Status: malformed_token") x 3]


=== TEST 4: token= takes a cookie
--- config
    location / {
        auth_jwt "r" token=$cookie_auth_token;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- more_headers eval: 'Cookie: a=b; auth_token=' . JWT::token() . '; c=d'
--- response_body_like: sub=alice


=== TEST 5: token= takes a query argument
--- config
    location / {
        auth_jwt "r" token=$arg_apijwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- request eval: 'GET /?a=b&apijwt=' . JWT::token() . '&c=d'
--- response_body_like: sub=alice


=== TEST 6: token= takes a header of another name
--- config
    location / {
        auth_jwt "r" token=$http_x_token;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- more_headers eval: 'X-Token: ' . JWT::token()
--- response_body_like: sub=alice


=== TEST 7: token= takes a variable of map
--- http_config
    map $http_authorization $given {
        "~*^Token (?<it>.+)$"  $it;
        default                $cookie_jwt;
    }
--- config
    location / {
        auth_jwt "r" token=$given;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /"]
--- more_headers eval
['Authorization: Token ' . JWT::token({sub => 'ann'}), 'Cookie: jwt=' . JWT::token({sub => 'ben'})]
--- response_body_like eval
["sub=ann", "sub=ben"]


=== TEST 8: token= takes any value with variables
--- config
    location / {
        auth_jwt "r" token=$arg_head.$arg_payload$arg_rest;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
    location /two {
        auth_jwt "r" "token=$arg_a$arg_b";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- request eval
my ($head, $payload, $signature) = split /[.]/, JWT::token();
["GET /?head=$head&payload=$payload&rest=.$signature", "GET /two?b=.$payload.$signature&a=$head"]
--- response_body_like eval
["sub=alice", "sub=alice"]


=== TEST 9: with token= the value is raw, without a scheme
--- config
    location / {
        auth_jwt "r" token=$http_x_token;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- more_headers eval: 'X-Token: Bearer ' . JWT::token()
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="r", error="invalid_token"
X-Status: malformed_token


=== TEST 10: with token= the Authorization header is not looked at
--- config
    location / {
        auth_jwt "r" token=$cookie_jwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /"]
--- more_headers eval
[
    JWT::bearer(),
    'Authorization: Bearer ' . JWT::refused('malformed_token') . "\nCookie: jwt=" . JWT::token({sub => 'cookie'}),
]
--- error_code eval
[401, 200]
--- response_headers eval
["WWW-Authenticate: Bearer realm=\"r\"\nX-Status: no_token", "! WWW-Authenticate\nX-Status: ok"]
--- response_body_like eval
["401", "sub=cookie"]


=== TEST 11: an empty or missing token= variable counts as no token
--- config
    location / {
        auth_jwt "r" token=$arg_t;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /?t=", "GET /?t"]
--- error_code eval
[401, 401, 401]
--- response_headers eval
[("WWW-Authenticate: Bearer realm=\"r\"\nX-Status: no_token") x 3]


=== TEST 12: off token= validates nothing, but claims and header variables decode that token
--- config
    location / {
        auth_jwt off token=$cookie_jwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_set_header X-A $jwt_header_kid;
        proxy_pass http://mock;
    }
--- request eval
[("GET /") x 4]
--- more_headers eval
[
    JWT::bearer({sub => 'header'}) . "\nCookie: jwt=" . JWT::token({sub => 'cookie', exp => 1}, kid => 'k1', secret => 'x'),
    JWT::bearer({sub => 'header'}),
    'Cookie: jwt=' . JWT::refused('malformed_token'),
    'X-None: x',
]
--- error_code eval
[200, 200, 200, 200]
--- response_headers eval
[("X-Status: off\n! WWW-Authenticate") x 4]
--- response_body_like eval
["sub=cookie a=k1 ", "sub= a= ", "sub= a= ", "sub= a= "]
--- no_error_log
[error]


=== TEST 13: a realm variable saying off leaves token= in force for the variables
--- http_config
    map $arg_area $realm { default "r"; public off; }
--- config
    location / {
        auth_jwt $realm token=$cookie_jwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- request eval
["GET /?area=public", "GET /"]
--- more_headers eval
[("Cookie: jwt=" . JWT::token({sub => 'cookie', exp => 1}) . "\n" . JWT::bearer({sub => 'header'})) x 2]
--- error_code eval
[200, 401]
--- response_body_like eval
["sub=cookie", "401"]


=== TEST 14: different locations, different sources: variables follow the current location
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    proxy_set_header X-Sub $jwt_claim_sub;
    location /a/ { auth_jwt "a" token=$arg_t; proxy_pass http://mock; }
    location /b/ { auth_jwt "b" token=$cookie_t; proxy_pass http://mock; }
    location /c/ { auth_jwt "c"; proxy_pass http://mock; }
    location /d/ { proxy_pass http://mock; }
--- request eval
my $token = JWT::token({sub => 'argument'});
[map {"GET /$_/?t=$token"} qw(a b c d)]
--- more_headers eval
[(JWT::bearer({sub => 'header'}) . "\nCookie: t=" . JWT::token({sub => 'cookie'})) x 4]
--- response_body_like eval
["sub=argument", "sub=cookie", "sub=header", "sub=header"]


=== TEST 15: two Authorization headers are a bad request, whatever their tokens
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- more_headers eval: JWT::bearer() . "\n" . JWT::bearer({sub => 'bob'})
--- error_code: 400
