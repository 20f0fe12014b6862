# Where auth_jwt looks for the token: Authorization, or token=.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: the scheme is compared case-insensitively; one or more spaces may follow
--- guarded
--- cases eval
my $token = JWT::token();
[
    map { ["GET /", $_, 200] }
        map {"Authorization: $_$token"} 'Bearer ', 'bearer ', 'BEARER ', 'bEaReR ', 'Bearer  ', 'Bearer' . ' ' x 20,
]


=== TEST 2: another scheme, or an empty token, counts as no token
--- guarded
--- cases eval
my $token = JWT::token();
[
    map { ["GET /", $_, 401, "WWW-Authenticate: Bearer realm=\"r\"\nX-Status: no_token"] }
        map {"Authorization: $_"} 'Basic YWxpY2U6c2VjcmV0', "Basic $token", 'Bearer', 'Bearer ', 'Bearer    ',
        "Bearer$token", "Bearer\t$token", "BearerX $token", "JWT $token", $token,
]


=== TEST 3: what follows the scheme is the token, spaces inside make it malformed
--- guarded
--- cases eval
my $token = JWT::token();
[
    map { ["GET /", $_, 401, "WWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\"\nX-Status: malformed_token"] }
        map {"Authorization: Bearer $_"} "$token $token", "x $token", "\"$token\"",
]


=== TEST 4: token= takes a cookie
--- guarded
auth_jwt "r" token=$cookie_auth_token;
--- more_headers eval: 'Cookie: a=b; auth_token=' . JWT::token() . '; c=d'
--- response_body_like: sub=alice


=== TEST 5: token= takes a query argument
--- guarded
auth_jwt "r" token=$arg_apijwt;
--- request eval: 'GET /?a=b&apijwt=' . JWT::token() . '&c=d'
--- response_body_like: sub=alice


=== TEST 6: token= takes a header of another name
--- guarded
auth_jwt "r" token=$http_x_token;
--- more_headers eval: 'X-Token: ' . JWT::token()
--- response_body_like: sub=alice


=== TEST 7: token= takes a variable of map
--- http_config
    map $http_authorization $given {
        "~*^Token (?<it>.+)$"  $it;
        default                $cookie_jwt;
    }
--- guarded
auth_jwt "r" token=$given;
--- cases eval
[
    ["GET /", 'Authorization: Token ' . JWT::token({sub => 'ann'}), 200, undef, "sub=ann"],
    ["GET /", 'Cookie: jwt=' . JWT::token({sub => 'ben'}), 200, undef, "sub=ben"],
]


=== TEST 8: token= takes any value with variables
--- guarded
auth_jwt "r" token=$arg_head.$arg_payload$arg_rest;
--- config
    location /two {
        auth_jwt "r" "token=$arg_a$arg_b";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- cases eval
my ($head, $payload, $signature) = split /[.]/, JWT::token();
[
    ["GET /?head=$head&payload=$payload&rest=.$signature", undef, 200, undef, "sub=alice"],
    ["GET /two?b=.$payload.$signature&a=$head", undef, 200, undef, "sub=alice"],
]


=== TEST 9: with token= the value is raw, without a scheme
--- guarded
auth_jwt "r" token=$http_x_token;
--- more_headers eval: 'X-Token: Bearer ' . JWT::token()
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="r", error="invalid_token"
X-Status: malformed_token


=== TEST 10: with token= the Authorization header is not looked at
--- guarded
auth_jwt "r" token=$cookie_jwt;
--- cases eval
[
    ["GET /", JWT::bearer(), 401, "WWW-Authenticate: Bearer realm=\"r\"\nX-Status: no_token", "401"],
    ["GET /", 'Authorization: Bearer ' . JWT::refused('malformed_token') . "\nCookie: jwt=" . JWT::token({sub => 'cookie'}), 200,
        "! WWW-Authenticate\nX-Status: ok", "sub=cookie"],
]


=== TEST 11: an empty or missing token= variable counts as no token
--- guarded
auth_jwt "r" token=$arg_t;
--- cases eval
[
    ["GET /", undef, 401, "WWW-Authenticate: Bearer realm=\"r\"\nX-Status: no_token"],
    ["GET /?t=", undef, 401, "WWW-Authenticate: Bearer realm=\"r\"\nX-Status: no_token"],
    ["GET /?t", undef, 401, "WWW-Authenticate: Bearer realm=\"r\"\nX-Status: no_token"],
]


=== TEST 12: off token= validates nothing, but claims and header variables decode that token
--- guarded
auth_jwt off token=$cookie_jwt;
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
proxy_set_header X-A $jwt_header_kid;
--- cases eval
[
    ["GET /", JWT::bearer({sub => 'header'}) . "\nCookie: jwt=" . JWT::token({sub => 'cookie', exp => 1}, kid => 'k1', secret => 'x'), 200,
        "X-Status: off\n! WWW-Authenticate", "sub=cookie a=k1 "],
    ["GET /", JWT::bearer({sub => 'header'}), 200, "X-Status: off\n! WWW-Authenticate", "sub= a= "],
    ["GET /", 'Cookie: jwt=' . JWT::refused('malformed_token'), 200, "X-Status: off\n! WWW-Authenticate", "sub= a= "],
    ["GET /", undef, 200, "X-Status: off\n! WWW-Authenticate", "sub= a= "],
]
--- no_error_log
[error]


=== TEST 13: a realm variable saying off leaves token= in force for the variables
--- http_config
    map $arg_area $realm { default "r"; public off; }
--- guarded
auth_jwt $realm token=$cookie_jwt;
--- cases eval
[
    ["GET /?area=public", "Cookie: jwt=" . JWT::token({sub => 'cookie', exp => 1}) . "\n" . JWT::bearer({sub => 'header'}), 200,
        undef, "sub=cookie"],
    ["GET /", "Cookie: jwt=" . JWT::token({sub => 'cookie', exp => 1}) . "\n" . JWT::bearer({sub => 'header'}), 401,
        undef, "401"],
]


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
--- guarded
--- more_headers eval: JWT::bearer() . "\n" . JWT::bearer({sub => 'bob'})
--- error_code: 400


=== TEST 16: what optional or a dry run lets pass has no claims there, of a token that a variable brings later neither
--- http_config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    add_header X-Status $auth_jwt_status;
    add_header X-Claims "<$jwt_claim_sub$jwt_payload>";
--- config
    location /optional { auth_jwt "r" token=$upstream_http_x_token; auth_jwt_optional on; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/token; }
    location /dry-run { auth_jwt "r" token=$upstream_http_x_token; auth_jwt_dry_run on; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/token; }
    location = /token { add_header X-Token $arg_t; empty_gif; }
--- cases eval
my $forged = JWT::token({sub => 'forged'}, secret => 'forged');
[
    ["GET /optional?t=$forged", undef, 200, "X-Status: no_token\nX-Claims: <>"],
    ["GET /dry-run?t=$forged", undef, 200, "X-Status: no_token_dry_run\nX-Claims: <>"],
]
--- no_error_log
[error]
