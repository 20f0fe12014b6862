# What the client is answered: the contract's section 5, row by row.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: no token: 401 with a bare challenge
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="r"
X-Status: no_token


=== TEST 2: malformed: 401, invalid_token
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- request eval
[("GET /") x 8]
--- more_headers eval
my $good = JWT::token();
[
    map {"Authorization: Bearer $_"} 'x', 'a.b', 'a.b.c', "$good.", "$good=", substr($good, 0, -1),
        JWT::token('[]'), JWT::token('{"a":1,"a":2}'),
]
--- error_code eval
[(401) x 8]
--- response_headers eval
[("WWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\"\nX-Status: malformed_token") x 8]


=== TEST 3: bad signature, unknown key, wrong type, unsupported alg, expired, not yet valid: 401, invalid_token
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- request eval
[("GET /") x 6]
--- more_headers eval
[
    map { 'Authorization: Bearer ' . JWT::refused($_) }
        qw(invalid_signature unknown_key wrong_type unsupported_algorithm expired not_yet_valid)
]
--- error_code eval
[(401) x 6]
--- response_headers eval
[
    map {"WWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\"\nX-Status: $_"}
        qw(invalid_signature unknown_key wrong_type unsupported_algorithm expired not_yet_valid)
]


=== TEST 4: a requirement fails, 401: invalid_token
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_jwt_require $jwt_claim_admin;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- more_headers eval: JWT::bearer()
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="r", error="invalid_token"
X-Status: requirement_failed


=== TEST 5: a requirement fails, 403: insufficient_scope
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_jwt_require $jwt_claim_admin error=403;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- more_headers eval: JWT::bearer()
--- error_code: 403
--- response_headers
WWW-Authenticate: Bearer realm="r", error="insufficient_scope"
X-Status: requirement_failed


=== TEST 6: token and header parse, a key source is unavailable: 500 without a challenge, expired or not
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- request eval
[("GET /") x 4]
--- more_headers eval
[JWT::bearer(), map { 'Authorization: Bearer ' . JWT::refused($_) } qw(expired not_yet_valid unknown_key)]
--- error_code eval
[(500) x 4]
--- response_headers eval
[("! WWW-Authenticate\nX-Status: keys_unavailable") x 4]
--- error_log
missing.jwks


=== TEST 7: the token does not parse, is of the wrong type or of an unsupported alg, a key source is broken: 401, no source is touched
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- request eval
[("GET /") x 3]
--- more_headers eval
[
    map { 'Authorization: Bearer ' . JWT::refused($_) }
        qw(malformed_token wrong_type unsupported_algorithm)
]
--- error_code eval
[(401) x 3]
--- response_headers eval
[
    map {"WWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\"\nX-Status: $_"}
        qw(malformed_token wrong_type unsupported_algorithm)
]
--- no_error_log
[error]


=== TEST 8: a header that does not parse, a key source is broken: 401
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/broken.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- request eval
[("GET /") x 6]
--- more_headers eval
[
    map { JWT::bearer({}, header_bytes => $_) } '[]', '{', '{}', '{"alg":1}',
        '{"alg":"HS256","crit":["exp"]}', '{"alg":"HS256","kid":7}'
]
--- error_code eval
[(401) x 6]
--- response_headers eval
[("X-Status: malformed_token") x 6]
--- no_error_log
[error]


=== TEST 9: no token, a key source is broken: 401 with a bare challenge, no source is touched
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="r"
X-Status: no_token
--- no_error_log
[error]


=== TEST 10: claims are judged after the keys: a payload that does not parse, a key source is broken
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /"]
--- more_headers eval
[JWT::bearer('[]'), JWT::bearer({exp => 'never'})]
--- error_code eval
[500, 500]
--- error_log
[error]


=== TEST 11: the signature is judged before the claims
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_jwt_require $jwt_claim_admin error=403;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- request eval
[("GET /") x 3]
--- more_headers eval
[
    JWT::bearer({exp => 1}, secret => 'x'),
    JWT::bearer('not json', secret => 'x'),
    JWT::bearer({exp => 1}),
]
--- error_code eval
[401, 401, 401]
--- response_headers eval
["X-Status: invalid_signature", "X-Status: invalid_signature", "X-Status: expired"]


=== TEST 12: a challenge comes once
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- error_code: 401
--- raw_response_headers_unlike: (?i)www-authenticate.*www-authenticate


=== TEST 13: 401 and 403 have nginx's own pages
--- config
    auth_jwt "r";
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location /401 { proxy_pass http://mock; }
    location /403 { auth_jwt_require $jwt_claim_admin error=403; proxy_pass http://mock; }
--- request eval
["GET /401", "GET /403"]
--- more_headers eval
["X-None: x", JWT::bearer()]
--- error_code eval
[401, 403]
--- response_body_like eval
["401 Authorization Required", "403 Forbidden"]


=== TEST 14: OPTIONS, HEAD, POST, PUT, DELETE and unheard-of methods are authenticated like GET
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- request eval
[map { ("$_ /", "$_ /") } qw(OPTIONS POST PUT DELETE PATCH PROPFIND)]
--- more_headers eval
[map { ("X-None: x", JWT::bearer()) } 1 .. 6]
--- error_code eval
[map { (401, 200) } 1 .. 6]


=== TEST 15: HEAD
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- request eval
["HEAD /", "HEAD /"]
--- more_headers eval
["X-None: x", JWT::bearer()]
--- error_code eval
[401, 200]
--- response_headers eval
['WWW-Authenticate: Bearer realm="r"', '! WWW-Authenticate']


=== TEST 16: a preflight request of a browser carries no token: 401, like any other
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- request
OPTIONS /api
--- more_headers
Origin: https://app.example
Access-Control-Request-Method: PUT
--- error_code: 401


=== TEST 17: a refused request with a body: the answer comes, and the connection goes on
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- pipelined_requests eval
["POST /one\nhello=world", "GET /two"]
--- more_headers eval
["X-None: x", JWT::bearer()]
--- error_code eval
[401, 200]
--- response_body_like eval
["401", "uri=/two"]


=== TEST 18: an accepted request's body reaches the upstream
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- request eval: "POST /\n" . 'x' x 100000
--- more_headers eval: JWT::bearer()
--- response_body_like: method=POST .* length=100000
--- no_error_log
[error]


=== TEST 19: HTTP/1.0
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- request eval
["GET / HTTP/1.0", "GET / HTTP/1.0"]
--- more_headers eval
["X-None: x", JWT::bearer()]
--- error_code eval
[401, 200]


=== TEST 20: static files
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        root $TEST_NGINX_HTML_DIR;
    }
--- request eval
["GET /page.txt", "GET /page.txt", "GET /none.txt", "GET /none.txt"]
--- user_files
>>> page.txt
the page
--- more_headers eval
["X-None: x", JWT::bearer(), "X-None: x", JWT::bearer()]
--- error_code eval
[401, 200, 401, 404]
--- no_error_log
[crit]
