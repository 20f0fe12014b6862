# The directive auth_jwt_type: "signed" here; "encrypted" and "nested" in tokens.t.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

# Five segments in the form of a JWE: key wrapping, RSA.
our @encrypted = map { JWT::b64url($_) . '.a2V5.aXYxMjM0NTY3ODkw.dGV4dA.dGFn' }
    '{"alg":"A256KW","enc":"A256GCM","kid":"usual"}',
    '{"alg":"RSA-OAEP-256","enc":"A128CBC-HS256","cty":"JWT"}';

run_tests();

__DATA__

=== TEST 1: signed is the default, and may be said
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location /default { auth_jwt "r"; proxy_pass http://mock; }
    location /said    { auth_jwt "r"; auth_jwt_type signed; proxy_pass http://mock; }
--- request eval
[map { ("GET /$_", "GET /$_") } 'default', 'said']
--- more_headers eval
[(JWT::bearer(), JWT::bearer(undef, secret => 'forged')) x 2]
--- error_code eval
[200, 401, 200, 401]


=== TEST 2: a token of another shape: 401, wrong_type
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    add_header X-Status $auth_jwt_status always;
    location /default { auth_jwt "r"; proxy_pass http://mock; }
    location /said    { auth_jwt "r"; auth_jwt_type signed; proxy_pass http://mock; }
--- request eval
[("GET /default") x 2, ("GET /said") x 2]
--- more_headers eval
my ($wrapped, $rsa) = @main::encrypted;
[map {"Authorization: Bearer $_"} $wrapped, $rsa, $wrapped, $rsa]
--- error_code eval
[(401) x 4]
--- response_headers eval
[(qq(WWW-Authenticate: Bearer realm="r", error="invalid_token"\nX-Status: wrong_type)) x 4]


=== TEST 3: that is judged before keys are loaded
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- more_headers eval
"Authorization: Bearer $main::encrypted[0]"
--- error_code: 401
--- response_headers
X-Status: wrong_type


=== TEST 4: without keys, too, and whatever is required
--- config
    location / {
        auth_jwt "r";
        auth_jwt_require $jwt_claim_sub error=403;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- more_headers eval
"Authorization: Bearer $main::encrypted[0]"
--- error_code: 401
--- response_headers
X-Status: wrong_type
--- no_error_log
[error]


=== TEST 5: $jwt_header_* is the outer header of it, at any time, and claims are empty
--- config
    location / { return 200 "<$jwt_header_alg><$jwt_header_enc><$jwt_header_kid><$jwt_claim_sub><$jwt_payload>"; }
--- more_headers eval
"Authorization: Bearer $main::encrypted[0]"
--- response_body: <A256KW><A256GCM><usual><><>
