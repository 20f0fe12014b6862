# auth_delay holds back our 401s. nginx itself tells when it does.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

log_level('info');
run_tests();

__DATA__

=== TEST 1: auth_delay holds back a 401
--- guarded
auth_delay 300ms;
--- more_headers eval: 'Authorization: Bearer ' . JWT::refused('expired')
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="r", error="invalid_token"
--- error_log
delaying unauthorized request


=== TEST 2: auth_delay: a good token and a failed requirement with 403 are not held back
--- guarded
auth_delay 300ms;
location /admin { auth_jwt_require $jwt_claim_admin error=403; proxy_pass http://mock; }
--- cases eval
[
    ["GET /", JWT::bearer(), 200],
    ["GET /admin", JWT::bearer(), 403],
]
--- no_error_log
delaying unauthorized request
