# Where and when $jwt_claim_*, $jwt_header_*, $jwt_payload can be used.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: without auth_jwt anywhere: decoded, not verified
--- config
    location / { return 200 "<$jwt_claim_sub><$jwt_header_alg><$jwt_payload>"; }
--- cases eval
[
    ["GET /", JWT::bearer({sub => 'alice'}, secret => 'unheard of'), 200,
        undef, undef, '<alice><HS256><{"sub":"alice"}>'],
    ["GET /", JWT::bearer({sub => 'alice'}, alg => 'none', signature => ''), 200,
        undef, undef, '<alice><none><{"sub":"alice"}>'],
    ["GET /", JWT::bearer({sub => 'late', exp => 1}), 200, undef, undef, '<late><HS256><{"exp":1,"sub":"late"}>'],
    ["GET /", undef, 200, undef, undef, '<><><>'],
]


=== TEST 2: a token that does not parse has no variables
--- config
    location / { return 200 "<$jwt_claim_sub><$jwt_header_alg><$jwt_payload>"; }
--- request eval
[("GET /") x 5]
--- more_headers eval
my $payload = JWT::b64url('{"sub":"alice"}');
[map {"Authorization: Bearer $_"} 'a', 'a.b', "e30.$payload=.x", "a.b.c.d", JWT::token('["sub"]')]
--- response_body_like eval
['^<><><>$', '^<><><>$', '^<><><>$', '^<><><>$', '^<><HS256><>$']


=== TEST 3: if and set in the rewrite phase, before validation, do not freeze a value
--- guarded
set $early "$jwt_claim_sub";
if ($jwt_claim_role = admin) { set $role "boss"; }
add_header X-Early $early;
add_header X-Late $jwt_claim_sub;
add_header X-Role $role;
--- cases eval
[
    ["GET /", JWT::bearer({sub => 'alice', role => 'admin'}), 200,
        "X-Early: alice\nX-Late: alice\nX-Role: boss", "sub=alice"],
    ["GET /", JWT::bearer({sub => 'bob', role => 'user'}), 200, "X-Early: bob\nX-Late: bob\n! X-Role", "sub=bob"],
]
--- no_error_log
[error]


=== TEST 4: an if on a claim chooses what is done, auth_jwt still guards
--- guarded
if ($jwt_claim_tenant = blue) { rewrite ^ /blue last; }
--- config
    location /blue { auth_jwt "blue"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
--- cases eval
[
    ["GET /x", JWT::bearer({tenant => 'blue'}), 200, '! WWW-Authenticate', "uri=/x|uri=/blue"],
    ["GET /x", JWT::bearer({tenant => 'red'}), 200, '! WWW-Authenticate', "uri=/x"],
    ["GET /x", JWT::bearer({tenant => 'blue'}, secret => 'forged'), 401,
        'WWW-Authenticate: Bearer realm="blue", error="invalid_token"', "401"],
]


=== TEST 5: map and split_clients
--- http_config
    map $jwt_claim_aud $audience {
        default         nobody;
        "~\bapi\b"      ours;
    }
    split_clients $jwt_claim_sub $half {
        50%     left;
        *       right;
    }
    split_clients alice $half_of_alice {
        50%     left;
        *       right;
    }
--- config
    location / { return 200 "$audience $half=$half_of_alice"; }
--- cases eval
[
    ["GET /", JWT::bearer({sub => 'alice', aud => ['web', 'api']}), 200, undef, '^ours (left|right)=\1$'],
    ["GET /", JWT::bearer({sub => 'alice', aud => 'web'}), 200, undef, '^nobody (left|right)=\1$'],
]


=== TEST 6: the key of limit_req_zone
--- http_config
    limit_req_zone $jwt_claim_sub zone=per_user:1m rate=1r/m;
--- config
    limit_req zone=per_user;
    location / { proxy_pass http://mock; }
--- request eval
[("GET /") x 4]
--- more_headers eval
[map { JWT::bearer({sub => $_}) } qw(ann ben ann ben)]
--- error_code eval
[200, 200, 503, 503]
--- no_error_log
[crit]


=== TEST 7: the key of limit_conn_zone, proxy_cache_key and hash
--- http_config
    limit_conn_zone $jwt_claim_sub zone=users:1m;
    upstream hashed { hash $jwt_claim_sub; server unix:$TEST_NGINX_HTML_DIR/mock.sock; }
--- config
    location / {
        limit_conn users 1;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_cache_key "$jwt_claim_sub$uri";
        proxy_pass http://hashed;
    }
--- more_headers eval: JWT::bearer()


=== TEST 8: log_format: the claims of an accepted and of a refused request
--- http_config
    log_format jwt 'sub=$jwt_claim_sub kid=$jwt_header_kid status=$status jwt=$auth_jwt_status';
--- guarded
access_log $TEST_NGINX_ACCESS_LOG jwt;
--- pipelined_requests eval
["GET /", "GET /", "GET /"]
--- more_headers eval
[
    JWT::bearer({sub => 'alice'}, kid => 'usual'),
    JWT::bearer({sub => 'mallory'}, secret => 'forged'),
    "X-None: x",
]
--- error_code eval
[200, 401, 401]
--- wait: 0.05
--- access_log eval
[
    'sub=alice kid=usual status=200 jwt=ok',
    'sub=mallory kid=- status=401 jwt=invalid_signature',
    'sub=- kid=- status=401 jwt=no_token',
]


=== TEST 9: access_log if=
--- http_config
    log_format jwt 'sub=$jwt_claim_sub';
--- config
    location / {
        access_log $TEST_NGINX_ACCESS_LOG jwt if=$jwt_claim_traced;
        proxy_pass http://mock;
    }
--- pipelined_requests eval
["GET /", "GET /"]
--- more_headers eval
[JWT::bearer({sub => 'quiet'}), JWT::bearer({sub => 'traced', traced => JSON::PP::true()})]
--- error_code eval
[200, 200]
--- wait: 0.05
--- access_log
sub=traced
--- no_access_log
sub=quiet


=== TEST 10: add_header, proxy_set_header, proxy_pass with variables, proxy_set_body
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        add_header X-User $jwt_claim_sub;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_set_header X-A "$jwt_claim_a and $jwt_claim_b";
        proxy_set_body "for $jwt_claim_sub";
        proxy_pass http://mock/users/$jwt_claim_sub?tenant=$jwt_claim_tenant;
    }
--- more_headers eval: JWT::bearer({sub => 'alice', a => 1, b => 2, tenant => 'blue'})
--- response_headers
X-User: alice
--- response_body_like: uri=/users/alice\?tenant=blue sub=alice a=1 and 2 b= length=9


=== TEST 11: in a subrequest of auth_request, and auth_request_set
--- config
    location / {
        auth_request /ask;
        auth_request_set $seen $upstream_http_x_seen;
        add_header X-Seen $seen;
        proxy_pass http://mock;
    }
    location = /ask { internal; proxy_set_header X-Sub $jwt_claim_sub; proxy_pass http://mock/seen; }
--- more_headers eval: JWT::bearer()
--- response_headers
X-Seen: alice


=== TEST 12: in SSI includes and SSI variables
--- guarded
ssi on;
root $TEST_NGINX_HTML_DIR;
--- config
    location /part { return 200 "<$jwt_claim_sub>"; }
    location /cookie { auth_jwt off token=$cookie_jwt; return 200 "<$jwt_claim_sub>"; }
--- user_files
>>> page.html
<!--# echo var="jwt_claim_sub" --> <!--# include virtual="/part" --> <!--# include virtual="/cookie" --> <!--# echo var="jwt_claim_sub" -->
--- request
GET /page.html
--- more_headers eval: JWT::bearer({sub => 'header'}) . "\nCookie: jwt=" . JWT::token({sub => 'cookie'})
--- response_body_like: ^header <header> <cookie> header$


=== TEST 13: a subrequest's location is not guarded: core runs no access phase there
--- guarded
ssi on;
root $TEST_NGINX_HTML_DIR;
--- config
    location /part {
        auth_jwt "part";
        auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- user_files
>>> page.html
<!--# include virtual="/part" -->
--- request
GET /page.html
--- more_headers eval: JWT::bearer()
--- response_body_like: uri=/part sub=alice


=== TEST 14: in a mirrored request
--- guarded
mirror /mirror;
--- config
    location = /mirror {
        internal;
        log_subrequest on;
        access_log $TEST_NGINX_ACCESS_LOG mirrored;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- http_config
    log_format mirrored 'mirrored $jwt_claim_sub to $uri, $auth_jwt_status';
--- more_headers eval: JWT::bearer()
--- wait: 0.1
--- access_log
mirrored alice to /mirror, ok


=== TEST 15: in add_before_body and add_after_body
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        default_type text/html;
        add_before_body /before;
        root $TEST_NGINX_HTML_DIR;
    }
    location /before { return 200 "hello $jwt_claim_sub, "; }
--- user_files
>>> page.html
welcome
--- request
GET /page.html
--- more_headers eval: JWT::bearer()
--- response_body
hello alice, welcome


=== TEST 16: after an internal redirect, and in a named location without auth_jwt
--- config
    root $TEST_NGINX_HTML_DIR;
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        try_files $uri @app;
    }
    location @app {
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_set_header X-A $auth_jwt_status;
        proxy_pass http://mock;
    }
--- more_headers eval: JWT::bearer()
--- response_body_like: sub=alice a=ok


=== TEST 17: the log phase follows the token source of the location the request ended in
--- config
    root $TEST_NGINX_HTML_DIR;
    access_log $TEST_NGINX_ACCESS_LOG jwt;
    location / { try_files $uri @app; }
    location @app { auth_jwt off token=$cookie_jwt; proxy_pass http://mock; }
--- http_config
    log_format jwt 'sub=$jwt_claim_sub';
--- more_headers eval: JWT::bearer({sub => 'header'}) . "\nCookie: jwt=" . JWT::token({sub => 'cookie'})
--- wait: 0.05
--- access_log
sub=cookie


=== TEST 18: a variable of one location is not kept for the next: set before and after a redirect
--- config
    location / {
        set $first $jwt_claim_sub;
        rewrite ^ /second last;
    }
    location /second {
        auth_jwt off token=$cookie_jwt;
        return 200 "<$first><$jwt_claim_sub>";
    }
--- more_headers eval: JWT::bearer({sub => 'header'}) . "\nCookie: jwt=" . JWT::token({sub => 'cookie'})
--- response_body: <header><cookie>


=== TEST 19: the same value through both passes of one string evaluation, many times over
--- config
    location / {
        add_header X-Long "$jwt_claim_a$jwt_claim_b$jwt_claim_a$jwt_payload$jwt_claim_b$jwt_header_alg";
        return 200 "$jwt_claim_a$jwt_claim_b$jwt_claim_a$jwt_claim_b";
    }
--- more_headers eval: JWT::bearer('{"a":"aa","b":"bbb"}')
--- response_headers
X-Long: aabbbaa{"a":"aa","b":"bbb"}bbbHS256
--- response_body: aabbbaabbb


=== TEST 20: an error page and its log see the claims of the refused token
--- guarded
error_page 401 @refused;
--- config
    location @refused { return 401 "sorry, $jwt_claim_sub: $auth_jwt_status"; }
--- more_headers eval: JWT::bearer({sub => 'mallory'}, secret => 'forged')
--- error_code: 401
--- response_body: sorry, mallory: invalid_signature
