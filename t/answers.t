# What the client is answered: the contract's section 5, row by row.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: no token: 401 with a bare challenge
--- guarded
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="r"
X-Status: no_token


=== TEST 2: malformed: 401, invalid_token
--- guarded
--- cases eval
my $good = JWT::token();
[
    map { ["GET /", $_, 401, "WWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\"\nX-Status: malformed_token"] }
        map {"Authorization: Bearer $_"} 'x', 'a.b', 'a.b.c', "$good.", "$good=", substr($good, 0, -1),
        JWT::token('[]'), JWT::token('{"a":1,"a":2}'),
]


=== TEST 3: bad signature, unknown key, wrong type, unsupported alg, expired, not yet valid: 401, invalid_token
--- guarded
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
--- guarded
auth_jwt_require $jwt_claim_admin;
--- more_headers eval: JWT::bearer()
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="r", error="invalid_token"
X-Status: requirement_failed


=== TEST 5: a requirement fails, 403: insufficient_scope
--- guarded
auth_jwt_require $jwt_claim_admin error=403;
--- more_headers eval: JWT::bearer()
--- error_code: 403
--- response_headers
WWW-Authenticate: Bearer realm="r", error="insufficient_scope"
X-Status: requirement_failed


=== TEST 6: token and header parse, a key source is unavailable: 500 without a challenge, expired or not
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- cases eval
[
    map { ["GET /", $_, 500, "! WWW-Authenticate\nX-Status: keys_unavailable"] }
        JWT::bearer(), map { 'Authorization: Bearer ' . JWT::refused($_) } qw(expired not_yet_valid unknown_key),
]
--- error_log
missing.jwks


=== TEST 7: the token does not parse, is of the wrong type or of an unsupported alg, a key source is broken: 401, no source is touched
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
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
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/broken.jwks;
--- cases eval
[
    map { ["GET /", $_, 401, "X-Status: malformed_token"] }
        map { JWT::bearer({}, header_bytes => $_) } '[]', '{', '{}', '{"alg":1}',
        '{"alg":"HS256","crit":["exp"]}', '{"alg":"HS256","kid":7}',
]
--- no_error_log
[error]


=== TEST 9: no token, a key source is broken: 401 with a bare challenge, no source is touched
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="r"
X-Status: no_token
--- no_error_log
[error]


=== TEST 10: claims are judged after the keys: a payload that does not parse, a key source is broken
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- cases eval
[
    ["GET /", JWT::bearer('[]'), 500],
    ["GET /", JWT::bearer({exp => 'never'}), 500],
]
--- error_log
[error]


=== TEST 11: the signature is judged before the claims
--- guarded
auth_jwt_require $jwt_claim_admin error=403;
--- cases eval
[
    ["GET /", JWT::bearer({exp => 1}, secret => 'x'), 401, "X-Status: invalid_signature"],
    ["GET /", JWT::bearer('not json', secret => 'x'), 401, "X-Status: invalid_signature"],
    ["GET /", JWT::bearer({exp => 1}), 401, "X-Status: expired"],
]


=== TEST 12: a challenge comes once
--- guarded
--- error_code: 401
--- raw_response_headers_unlike: (?i)www-authenticate.*www-authenticate


=== TEST 13: 401 and 403 have nginx's own pages
--- config
    auth_jwt "r";
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location /401 { proxy_pass http://mock; }
    location /403 { auth_jwt_require $jwt_claim_admin error=403; proxy_pass http://mock; }
--- cases eval
[
    ["GET /401", undef, 401, undef, "401 Authorization Required"],
    ["GET /403", JWT::bearer(), 403, undef, "403 Forbidden"],
]


=== TEST 14: OPTIONS, HEAD, POST, PUT, DELETE and unheard-of methods are authenticated like GET
--- guarded
--- request eval
[map { ("$_ /", "$_ /") } qw(OPTIONS POST PUT DELETE PATCH PROPFIND)]
--- more_headers eval
[map { ("X-None: x", JWT::bearer()) } 1 .. 6]
--- error_code eval
[map { (401, 200) } 1 .. 6]


=== TEST 15: HEAD
--- guarded
--- cases eval
[
    ["HEAD /", undef, 401, 'WWW-Authenticate: Bearer realm="r"'],
    ["HEAD /", JWT::bearer(), 200, '! WWW-Authenticate'],
]


=== TEST 16: a preflight request of a browser carries no token: 401, like any other
--- guarded
--- request
OPTIONS /api
--- more_headers
Origin: https://app.example
Access-Control-Request-Method: PUT
--- error_code: 401


=== TEST 17: a refused request with a body: the answer comes, and the connection goes on
--- guarded
--- pipelined_requests eval
["POST /one\nhello=world", "GET /two"]
--- more_headers eval
["X-None: x", JWT::bearer()]
--- error_code eval
[401, 200]
--- response_body_like eval
["401", "uri=/two"]


=== TEST 18: an accepted request's body reaches the upstream
--- guarded
--- request eval: "POST /\n" . 'x' x 100000
--- more_headers eval: JWT::bearer()
--- response_body_like: method=POST .* length=100000
--- no_error_log
[error]


=== TEST 19: HTTP/1.0
--- guarded
--- cases eval
[
    ["GET / HTTP/1.0", undef, 401],
    ["GET / HTTP/1.0", JWT::bearer(), 200],
]


=== TEST 20: static files
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        root $TEST_NGINX_HTML_DIR;
    }
--- cases eval
[
    ["GET /page.txt", undef, 401],
    ["GET /page.txt", JWT::bearer(), 200],
    ["GET /none.txt", undef, 401],
    ["GET /none.txt", JWT::bearer(), 404],
]
--- user_files
>>> page.txt
the page
--- no_error_log
[crit]
