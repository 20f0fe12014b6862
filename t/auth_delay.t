# auth_delay holds back our 401s.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: auth_delay holds back a 401, and nothing else
--- http_config
    log_format took 'took=$request_time status=$status jwt=$auth_jwt_status';
--- config
    location / {
        auth_delay 300ms;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        access_log $TEST_NGINX_ACCESS_LOG took;
        proxy_pass http://mock;
    }
--- more_headers eval: 'Authorization: Bearer ' . JWT::refused('expired')
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="r", error="invalid_token"
--- wait: 0.1
--- access_log eval
[qr/took=0\.[3-9]\d+ status=401 jwt=expired/]


=== TEST 2: auth_delay: a good token and a failed requirement with 403 are not held back
--- http_config
    log_format took 'took=$request_time status=$status jwt=$auth_jwt_status';
--- config
    location / {
        auth_delay 2s;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        access_log $TEST_NGINX_ACCESS_LOG took;
        proxy_pass http://mock;
        location /admin { auth_jwt_require $jwt_claim_admin error=403; proxy_pass http://mock; }
    }
--- request eval
["GET /", "GET /admin"]
--- more_headers eval
[JWT::bearer(), JWT::bearer()]
--- error_code eval
[200, 403]
--- wait: 0.1
--- access_log eval
[qr/took=[01]\.\d+ status=200 jwt=ok/]
