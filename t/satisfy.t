# auth_jwt beside allow/deny, auth_basic and auth_request, under satisfy all and any.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

# Basic credentials alice:secret, and what htpasswd has for them.
our $Basic = 'Authorization: Basic YWxpY2U6c2VjcmV0';
our @Users = (['users', "alice:{PLAIN}secret\n"]);

run_tests();

__DATA__

=== TEST 1: satisfy all (the default): a denied address gets 403 without its token being looked at
--- config
    location / {
        deny all;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
        add_header X-Status "<$auth_jwt_status>" always;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers eval
["X-None: x", JWT::bearer(), 'Authorization: Bearer ' . JWT::refused('malformed_token')]
--- error_code eval
[403, 403, 403]
--- response_headers eval
[("! WWW-Authenticate\nX-Status: <>") x 3]
--- no_error_log
JWT
missing.jwks


=== TEST 2: satisfy all: an allowed address needs its token, too
--- config
    location / {
        allow all;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /"]
--- more_headers eval
["X-None: x", JWT::bearer()]
--- error_code eval
[401, 200]
--- response_headers eval
['WWW-Authenticate: Bearer realm="r"', '! WWW-Authenticate']


=== TEST 3: satisfy any: an allowed address passes without a token and waits for no key
--- config
    location / {
        satisfy any;
        allow all;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers eval
["X-None: x", JWT::bearer(), 'Authorization: Bearer ' . JWT::refused('malformed_token')]
--- error_code eval
[200, 200, 200]
--- response_headers eval
[('! WWW-Authenticate') x 3]
--- no_error_log
[error]
JWT


=== TEST 4: satisfy any: a denied address passes with a token, and is challenged without a good one
--- config
    location / {
        satisfy any;
        deny all;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers eval
[JWT::bearer(), "X-None: x", 'Authorization: Bearer ' . JWT::refused('expired')]
--- error_code eval
[200, 401, 401]
--- response_headers eval
[
    '! WWW-Authenticate',
    'WWW-Authenticate: Bearer realm="r"',
    'WWW-Authenticate: Bearer realm="r", error="invalid_token"',
]
--- no_error_log
[crit]


=== TEST 5: satisfy any: a key source that is unavailable is 500 where nothing else lets the request in
--- config
    location / {
        satisfy any;
        deny all;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
        proxy_pass http://mock;
    }
--- more_headers eval: JWT::bearer()
--- error_code: 500
--- error_log
missing.jwks


=== TEST 6: satisfy any with auth_basic: either passes, and no 2xx carries a challenge
--- config
    location / {
        satisfy any;
        auth_jwt "r" token=$cookie_jwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_basic "basic";
        auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
        proxy_pass http://mock;
    }
--- user_files eval: [@::Users]
--- request eval
[("GET /") x 5]
--- more_headers eval
my $cookie = 'Cookie: jwt=' . JWT::token();
my $expired = 'Cookie: jwt=' . JWT::refused('expired');
[$cookie, $::Basic, "$::Basic\n$cookie", "$::Basic\n$expired", "Authorization: Basic Zm9v\n$cookie"]
--- error_code eval
[(200) x 5]
--- response_headers eval
[('! WWW-Authenticate') x 5]


=== TEST 7: satisfy any with auth_basic: neither passes, and our challenge is there
--- config
    location / {
        satisfy any;
        auth_jwt "r" token=$cookie_jwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_basic "basic";
        auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
        proxy_pass http://mock;
    }
--- user_files eval: [@::Users]
--- error_code: 401
--- raw_response_headers_like: WWW-Authenticate: Bearer realm="r"


=== TEST 8: satisfy all with auth_basic: both are needed, ours is asked first
--- config
    location / {
        auth_jwt "r" token=$cookie_jwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_basic "basic";
        auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
        proxy_pass http://mock;
    }
--- user_files eval: [@::Users]
--- request eval
[("GET /") x 4]
--- more_headers eval
my $cookie = 'Cookie: jwt=' . JWT::token();
["X-None: x", $cookie, $::Basic, "$::Basic\n$cookie"]
--- error_code eval
[401, 401, 401, 200]
--- response_headers eval
[
    'WWW-Authenticate: Bearer realm="r"',
    'WWW-Authenticate: Basic realm="basic"',
    'WWW-Authenticate: Bearer realm="r"',
    '! WWW-Authenticate',
]


=== TEST 9: satisfy any: another module has overwritten nginx's header slot, and still no 2xx carries our challenge
--- config
    location / {
        satisfy any;
        auth_jwt "r" token=$cookie_jwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_basic "basic";
        auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
        auth_request /ask;
        proxy_pass http://mock;
    }
    location /files/ {
        satisfy any;
        auth_jwt "r" token=$cookie_jwt;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_basic "basic";
        auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
        auth_request /ask;
        alias $TEST_NGINX_HTML_DIR/;
        try_files $uri @fallback;
    }
    location @fallback { proxy_pass http://mock; }
    location = /ask { internal; proxy_pass http://mock/; }
--- user_files eval: [@::Users]
--- request eval
["GET /", "GET /", "GET /files/index.html", "GET /files/none", "HEAD /"]
--- more_headers eval
["X-None: x", 'Cookie: jwt=' . JWT::refused('expired'), ("X-None: x") x 3]
--- error_code eval
[(200) x 5]
--- raw_response_headers_unlike eval
[('Bearer') x 5]


=== TEST 10: satisfy any with auth_request: either passes
--- config
    location / {
        satisfy any;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_request /ask;
        proxy_pass http://mock;
    }
    location = /ask { internal; proxy_pass http://mock/status/403; }
    location /welcome {
        satisfy any;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_request /yes;
        proxy_pass http://mock;
    }
    location = /yes { internal; proxy_pass http://mock/; }
--- request eval
["GET /", "GET /", "GET /welcome", "GET /welcome"]
--- more_headers eval
["X-None: x", JWT::bearer(), "X-None: x", JWT::bearer()]
--- error_code eval
[401, 200, 200, 200]
--- response_headers eval
['WWW-Authenticate: Bearer realm="r"', ('! WWW-Authenticate') x 3]


=== TEST 11: satisfy all with auth_request: a bad token is refused before anybody is asked
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_request /ask;
        proxy_pass http://mock;
    }
    location = /ask { internal; proxy_pass http://mock/status/403; }
--- request eval
["GET /", "GET /"]
--- more_headers eval
["X-None: x", JWT::bearer()]
--- error_code eval
[401, 403]
--- response_headers eval
['WWW-Authenticate: Bearer realm="r"', '! WWW-Authenticate']


=== TEST 12: auth_request under satisfy all: both pass, and a claim goes to the one that is asked
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_request /ask;
        auth_request_set $asked $upstream_http_x_asked;
        add_header X-Asked $asked;
        proxy_pass http://mock;
    }
    location = /ask {
        internal;
        add_header X-Asked "for $jwt_claim_sub";
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://asked;
    }
--- http_config
    upstream asked { server unix:$TEST_NGINX_HTML_DIR/asked.sock; }
    server {
        listen unix:$TEST_NGINX_HTML_DIR/asked.sock;
        location / { add_header X-Asked "about $http_x_sub"; return 204; }
    }
--- more_headers eval: JWT::bearer()
--- response_headers
X-Asked: about alice


=== TEST 13: satisfy any: a requirement that fails with 403
--- config
    location / {
        satisfy any;
        deny all;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_jwt_require $jwt_claim_admin error=403;
        proxy_pass http://mock;
    }
    location /open {
        satisfy any;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_jwt_require $jwt_claim_admin error=403;
        auth_request /yes;
        proxy_pass http://mock;
    }
    location = /yes { internal; proxy_pass http://mock/; }
--- request eval
["GET /", "GET /", "GET /open"]
--- more_headers eval
[JWT::bearer(), JWT::bearer({admin => 1}), JWT::bearer()]
--- error_code eval
[403, 200, 200]
--- raw_response_headers_unlike eval
['none', 'WWW-Authenticate', 'WWW-Authenticate']
--- no_error_log
[crit]


=== TEST 14: satisfy any with auth_jwt off: the others decide
--- config
    location / {
        satisfy any;
        deny all;
        auth_jwt off;
        proxy_pass http://mock;
    }
    location /variable {
        satisfy any;
        deny all;
        auth_jwt $arg_realm;
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /variable?realm=off", "GET /variable?realm=on"]
--- more_headers eval
[(JWT::bearer()) x 3]
--- error_code eval
[403, 403, 200]
--- no_error_log
[crit]


=== TEST 15: an upstream that answers 401 to an accepted request gets no challenge of ours
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock;
    }
    location /upstream401 {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock/status/401;
    }
--- request eval
["GET /", "GET /upstream401"]
--- more_headers eval
[JWT::bearer(), JWT::bearer()]
--- error_code eval
[200, 401]
--- response_headers eval
['! WWW-Authenticate', '! WWW-Authenticate']
