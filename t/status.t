# $auth_jwt_status: why the request passed or failed, each word of the contract's section 6.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: a header tells each word
--- config
    add_header X-Status $auth_jwt_status always;
    location / { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
    location /off { auth_jwt off; proxy_pass http://mock; }
    location /require { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_jwt_require $jwt_claim_x; proxy_pass http://mock; }
    location /keys { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks; proxy_pass http://mock; }
--- request eval
[("GET /") x 9, "GET /off", "GET /require", "GET /keys"]
--- more_headers eval
[
    JWT::bearer(), "X-None: x",
    (
        map { 'Authorization: Bearer ' . JWT::refused($_) }
            qw(malformed_token wrong_type unsupported_algorithm unknown_key invalid_signature expired not_yet_valid)
    ),
    (JWT::bearer()) x 3,
]
--- error_code eval
[200, (401) x 8, 200, 401, 500]
--- response_headers eval
[
    map {"X-Status: $_"}
        qw(ok no_token malformed_token wrong_type unsupported_algorithm unknown_key invalid_signature expired
        not_yet_valid off requirement_failed keys_unavailable)
]
--- no_error_log
[crit]


=== TEST 2: off where auth_jwt is not there, says off, or has a realm variable that says off
--- config
    add_header X-Status "<$auth_jwt_status>" always;
    location / { proxy_pass http://mock; }
    location /off { auth_jwt off token=$cookie_jwt; proxy_pass http://mock; }
    location /variable { auth_jwt $arg_realm; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
--- cases eval
[
    ["GET /", undef, 200, "X-Status: <off>"],
    ["GET /off", undef, 200, "X-Status: <off>"],
    ["GET /variable?realm=off", undef, 200, "X-Status: <off>"],
    ["GET /variable?realm=on", undef, 401, "X-Status: <no_token>"],
]
--- no_error_log
[error]


=== TEST 3: empty before the token has been judged
--- guarded
set $early "<$auth_jwt_status>";
add_header X-Early $early;
add_header X-Late "<$auth_jwt_status>";
--- more_headers eval: JWT::bearer()
--- response_headers
X-Early: <>
X-Late: <ok>


=== TEST 4: the last verdict of the request, in the error page too
--- guarded
error_page 401 /error;
--- config
    location = /error { auth_jwt off; add_header X-Status $auth_jwt_status always; proxy_pass http://mock; }
--- cases eval
[
    ["GET /", undef, 401, "X-Status: no_token"],
    ["GET /", 'Authorization: Bearer ' . JWT::refused('expired'), 401, "X-Status: expired"],
    ["GET /error", undef, 200, "X-Status: off"],
]


=== TEST 5: after a redirect to another guarded location, the verdict of that one
--- config
    root $TEST_NGINX_HTML_DIR;
    add_header X-Status $auth_jwt_status always;
    location / { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; try_files $uri @other; }
    location @other { auth_jwt "other"; auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks; proxy_pass http://mock; }
--- more_headers eval: JWT::bearer()
--- error_code: 401
--- response_headers
X-Status: invalid_signature


=== TEST 6: in a map, to choose what the client is told
--- http_config
    map $auth_jwt_status $hint {
        expired  "log in again";
        no_token "log in";
        default  "";
    }
--- guarded
error_page 401 @told;
--- config
    location @told { return 401 "$hint\n"; }
--- cases eval
[
    ["GET /", undef, 401, undef, undef, "log in\n"],
    ["GET /", 'Authorization: Bearer ' . JWT::refused('expired'), 401, undef, undef, "log in again\n"],
]


=== TEST 7: under satisfy any, what became of the token
--- config
    satisfy any;
    add_header X-Status $auth_jwt_status always;
    location / {
        deny all;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
    location /asked {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_request /yes;
        proxy_pass http://mock;
    }
    location = /yes { internal; proxy_pass http://mock/; }
--- cases eval
[
    ["GET /", JWT::bearer(), 200, "X-Status: ok"],
    ["GET /", 'Authorization: Bearer ' . JWT::refused('expired'), 401, "X-Status: expired"],
    ["GET /asked", 'Authorization: Bearer ' . JWT::refused('expired'), 200, "X-Status: expired"],
]
--- no_error_log
[crit]


=== TEST 8: tokens that are bound to their holder
--- config
    auth_jwt "r";
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    add_header X-Status $auth_jwt_status always;
    location / { auth_jwt_certificate optional cert=$http_x_cert; auth_jwt_dpop optional; proxy_pass http://mock; }
--- cases eval
my $key = JWT::token({cnf => {jkt => 'x'}});
my $certificate = JWT::bearer({cnf => {'x5t#S256' => 'x'}});
[
    ["GET /", "Authorization: Bearer $key", 401, "X-Status: proof_missing"],
    ["GET /", "Authorization: DPoP $key", 401, "X-Status: proof_missing"],
    ["GET /", "Authorization: DPoP $key\nDPoP: x", 401, "X-Status: invalid_proof"],
    ["GET /", $certificate, 401, "X-Status: proof_missing"],
    ["GET /", "$certificate\nX-Cert: x", 401, "X-Status: wrong_certificate"],
    ["GET /", JWT::bearer({cnf => {}}), 401, "X-Status: proof_missing"],
    ["GET /", JWT::bearer(), 200, "X-Status: ok"],
]
