# What the client is answered: the contract's section 5, row by row.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: no token: 401 with a bare challenge
--- guarded
--- cases eval
[['GET /', undef, 401, qq(WWW-Authenticate: Bearer realm="r"\nX-Status: no_token)]]


=== TEST 2: malformed: 401, invalid_token
--- guarded
--- cases eval
my $good = JWT::token();
[
    map { ["GET /", $_, 401, "WWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\"\nX-Status: malformed_token"] }
        map {"Authorization: Bearer $_"} 'x', 'a.b', 'a.b.c', "$good.", "$good=", substr($good, 0, -1),
        JWT::token('[]'), JWT::token('{"a":1,"a":2}'), 'a.b.c.d', 'a.b.c.d.e',
        JWT::b64url('{"alg":"dir"') . '....', JWT::b64url('{"alg":"dir","enc":"A128GCM"}') . '..!.AAAA.AAAA',
]


=== TEST 3: bad signature, unknown key, wrong type, unsupported alg, expired, not yet valid: 401, invalid_token
--- guarded
--- cases eval
[
    map { ['GET /', 'Authorization: Bearer ' . JWT::refused($_), 401,
        qq(WWW-Authenticate: Bearer realm="r", error="invalid_token"\nX-Status: $_)] }
        qw(invalid_signature unknown_key wrong_type unsupported_algorithm expired not_yet_valid)
]


=== TEST 4: a requirement fails: 401 and invalid_token, or 403 and insufficient_scope
--- guarded
auth_jwt_require $jwt_claim_admin;
auth_jwt_require $arg_a error=403;
--- cases eval
[
    ['GET /', JWT::bearer(), 401,
        qq(WWW-Authenticate: Bearer realm="r", error="invalid_token"\nX-Status: requirement_failed)],
    ['GET /', JWT::bearer({admin => 1}), 403,
        qq(WWW-Authenticate: Bearer realm="r", error="insufficient_scope"\nX-Status: requirement_failed)],
]


=== TEST 5: token and header parse, a key source is unavailable: 500 without a challenge, expired or not
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- cases eval
[
    map { ["GET /", $_, 500, "! WWW-Authenticate\nX-Status: keys_unavailable"] }
        JWT::bearer(), map { 'Authorization: Bearer ' . JWT::refused($_) } qw(expired not_yet_valid unknown_key),
]
--- error_log
missing.jwks


=== TEST 6: the token does not parse, is of the wrong type or of an unsupported alg, a key source is broken: 401, no source is touched
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- cases eval
[
    map { ['GET /', 'Authorization: Bearer ' . JWT::refused($_), 401,
        qq(WWW-Authenticate: Bearer realm="r", error="invalid_token"\nX-Status: $_)] }
        qw(malformed_token wrong_type unsupported_algorithm)
]
--- no_error_log
[error]


=== TEST 7: a header or a signature that does not parse, a key source is broken: 401
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/broken.jwks;
--- cases eval
[
    map { ["GET /", $_, 401, "X-Status: malformed_token"] }
        JWT::bearer() . '=', JWT::bearer() . '!', map { JWT::bearer({}, header_bytes => $_) } '[]', '{', '{}',
        '{"alg":1}', '{"alg":"HS256","crit":["exp"]}', '{"alg":"HS256","kid":7}',
]
--- no_error_log
[error]


=== TEST 8: no token, a key source is broken: 401 with a bare challenge, no source is touched
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="r"
X-Status: no_token
--- no_error_log
[error]


=== TEST 9: claims are judged after the keys: a payload that does not parse, a key source is broken
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- cases eval
[
    ["GET /", JWT::bearer('[]'), 500],
    ["GET /", JWT::bearer({exp => 'never'}), 500],
]
--- error_log
[error]


=== TEST 10: a challenge comes once
--- guarded
--- error_code: 401
--- raw_response_headers_unlike: (?i)www-authenticate.*www-authenticate


=== TEST 11: 401 and 403 have nginx's own pages
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


=== TEST 12: OPTIONS, POST, PUT, DELETE and unheard-of methods are authenticated like GET, a browser's preflight request, too
--- guarded
--- cases eval
[
    (map { (["$_ /", undef, 401], ["$_ /", JWT::bearer(), 200]) } qw(OPTIONS POST PUT DELETE PATCH PROPFIND)),
    ['OPTIONS /api', "Origin: https://app.example\nAccess-Control-Request-Method: PUT", 401],
]


=== TEST 13: HEAD
--- guarded
--- cases eval
[
    ["HEAD /", undef, 401, 'WWW-Authenticate: Bearer realm="r"'],
    ["HEAD /", JWT::bearer(), 200, '! WWW-Authenticate'],
]


=== TEST 14: a refused request with a body: the answer comes, and the connection goes on
--- guarded
--- pipelined_requests eval
["POST /one\nhello=world", "GET /two"]
--- more_headers eval
["X-None: x", JWT::bearer()]
--- error_code eval
[401, 200]
--- response_body_like eval
["401", "uri=/two"]


=== TEST 15: an accepted request's body reaches the upstream
--- guarded
--- request eval: "POST /\n" . 'x' x 100000
--- more_headers eval: JWT::bearer()
--- response_body_like: method=POST .* length=100000
--- no_error_log
[error]


=== TEST 16: HTTP/1.0
--- guarded
--- cases eval
[
    ["GET / HTTP/1.0", undef, 401],
    ["GET / HTTP/1.0", JWT::bearer(), 200],
]


=== TEST 17: static files
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
