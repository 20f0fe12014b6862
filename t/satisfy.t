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
--- cases eval
[
    ["GET /", undef, 403, "! WWW-Authenticate\nX-Status: <>"],
    ["GET /", JWT::bearer(), 403, "! WWW-Authenticate\nX-Status: <>"],
    ["GET /", 'Authorization: Bearer ' . JWT::refused('malformed_token'), 403, "! WWW-Authenticate\nX-Status: <>"],
]
--- no_error_log
JWT
missing.jwks


=== TEST 2: satisfy all: an allowed address needs its token, too
--- guarded
allow all;
--- cases eval
[
    ["GET /", undef, 401, 'WWW-Authenticate: Bearer realm="r"'],
    ["GET /", JWT::bearer(), 200, '! WWW-Authenticate'],
]


=== TEST 3: satisfy any: an allowed address passes without a token and waits for no key
--- guarded
satisfy any;
allow all;
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- cases eval
[
    ["GET /", undef, 200, '! WWW-Authenticate'],
    ["GET /", JWT::bearer(), 200, '! WWW-Authenticate'],
    ["GET /", 'Authorization: Bearer ' . JWT::refused('malformed_token'), 200, '! WWW-Authenticate'],
]
--- no_error_log
[error]
JWT


=== TEST 4: satisfy any: a denied address passes with a token, and is challenged without a good one
--- guarded
satisfy any;
deny all;
--- cases eval
[
    ["GET /", JWT::bearer(), 200, '! WWW-Authenticate'],
    ["GET /", undef, 401, 'WWW-Authenticate: Bearer realm="r"'],
    ["GET /", 'Authorization: Bearer ' . JWT::refused('expired'), 401,
        'WWW-Authenticate: Bearer realm="r", error="invalid_token"'],
]
--- no_error_log
[crit]


=== TEST 5: satisfy any: a key source that is unavailable is 500 where nothing else lets the request in
--- guarded
satisfy any;
deny all;
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- more_headers eval: JWT::bearer()
--- error_code: 500
--- error_log
missing.jwks


=== TEST 6: satisfy any with auth_basic: either passes, and no 2xx carries a challenge
--- guarded
satisfy any;
auth_jwt "r" token=$cookie_jwt;
auth_basic "basic";
auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
--- user_files eval: [@::Users]
--- cases eval
my $cookie = 'Cookie: jwt=' . JWT::token();
my $expired = 'Cookie: jwt=' . JWT::refused('expired');
[
    ["GET /", $cookie, 200, '! WWW-Authenticate'],
    ["GET /", $::Basic, 200, '! WWW-Authenticate'],
    ["GET /", "$::Basic\n$cookie", 200, '! WWW-Authenticate'],
    ["GET /", "$::Basic\n$expired", 200, '! WWW-Authenticate'],
    ["GET /", "Authorization: Basic Zm9v\n$cookie", 200, '! WWW-Authenticate'],
]


=== TEST 7: satisfy any with auth_basic: neither passes, and our challenge is there
--- guarded
satisfy any;
auth_jwt "r" token=$cookie_jwt;
auth_basic "basic";
auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
--- user_files eval: [@::Users]
--- error_code: 401
--- raw_response_headers_like: WWW-Authenticate: Bearer realm="r"


=== TEST 8: satisfy all with auth_basic: both are needed, ours is asked first
--- guarded
auth_jwt "r" token=$cookie_jwt;
auth_basic "basic";
auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
--- user_files eval: [@::Users]
--- cases eval
my $cookie = 'Cookie: jwt=' . JWT::token();
[
    ["GET /", undef, 401, 'WWW-Authenticate: Bearer realm="r"'],
    ["GET /", $cookie, 401, 'WWW-Authenticate: Basic realm="basic"'],
    ["GET /", $::Basic, 401, 'WWW-Authenticate: Bearer realm="r"'],
    ["GET /", "$::Basic\n$cookie", 200, '! WWW-Authenticate'],
]


=== TEST 9: satisfy any: another module has overwritten nginx's header slot, and still no 2xx carries our challenge
--- guarded
satisfy any;
auth_jwt "r" token=$cookie_jwt;
auth_basic "basic";
auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
auth_request /ask;
--- config
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
--- cases eval
[
    ["GET /", undef, 200],
    ["GET /", 'Cookie: jwt=' . JWT::refused('expired'), 200],
    ["GET /files/index.html", undef, 200],
    ["GET /files/none", undef, 200],
    ["HEAD /", undef, 200],
]
--- raw_response_headers_unlike eval
[('Bearer') x 5]


=== TEST 10: satisfy any with auth_request: either passes
--- guarded
satisfy any;
auth_request /ask;
--- config
    location = /ask { internal; proxy_pass http://mock/status/403; }
    location /welcome { satisfy any; auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_request /yes; proxy_pass http://mock; }
    location = /yes { internal; proxy_pass http://mock/; }
--- cases eval
[
    ["GET /", undef, 401, 'WWW-Authenticate: Bearer realm="r"'],
    ["GET /", JWT::bearer(), 200, '! WWW-Authenticate'],
    ["GET /welcome", undef, 200, '! WWW-Authenticate'],
    ["GET /welcome", JWT::bearer(), 200, '! WWW-Authenticate'],
]


=== TEST 11: satisfy all with auth_request: a bad token is refused before anybody is asked
--- guarded
auth_request /ask;
--- config
    location = /ask { internal; proxy_pass http://mock/status/403; }
--- cases eval
[
    ["GET /", undef, 401, 'WWW-Authenticate: Bearer realm="r"'],
    ["GET /", JWT::bearer(), 403, '! WWW-Authenticate'],
]


=== TEST 12: auth_request under satisfy all: both pass, and a claim goes to the one that is asked
--- guarded
auth_request /ask;
auth_request_set $seen $upstream_http_x_seen;
add_header X-Seen "about $seen";
--- config
    location = /ask { internal; proxy_set_header X-Sub $jwt_claim_sub; proxy_pass http://mock/seen; }
--- more_headers eval: JWT::bearer()
--- response_headers
X-Seen: about alice


=== TEST 13: satisfy any: a requirement that fails with 403
--- guarded
satisfy any;
deny all;
auth_jwt_require $jwt_claim_admin error=403;
--- config
    location /open {
        satisfy any;
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_jwt_require $jwt_claim_admin error=403;
        auth_request /yes;
        proxy_pass http://mock;
    }
    location = /yes { internal; proxy_pass http://mock/; }
--- cases eval
[
    ["GET /", JWT::bearer(), 403],
    ["GET /", JWT::bearer({admin => 1}), 200],
    ["GET /open", JWT::bearer(), 200],
]
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
--- cases eval
[
    ["GET /", JWT::bearer(), 403],
    ["GET /variable?realm=off", JWT::bearer(), 403],
    ["GET /variable?realm=on", JWT::bearer(), 200],
]
--- no_error_log
[crit]


=== TEST 15: an upstream that answers 401 to an accepted request gets no challenge of ours
--- guarded
--- config
    location /upstream401 {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        proxy_pass http://mock/status/401;
    }
--- cases eval
[
    ["GET /", JWT::bearer(), 200, '! WWW-Authenticate'],
    ["GET /upstream401", JWT::bearer(), 401, '! WWW-Authenticate'],
]


=== TEST 16: satisfy any: a missing token that auth_jwt_optional lets pass grants nothing
--- guarded
satisfy any;
deny all;
auth_jwt_optional on;
--- config
    location /basic { satisfy any; auth_jwt "r" token=$cookie_jwt; auth_jwt_optional on; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_basic "basic"; auth_basic_user_file $TEST_NGINX_HTML_DIR/users; proxy_pass http://mock; }
    location /asked { satisfy any; auth_jwt "r"; auth_jwt_optional on; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_request /no; proxy_pass http://mock; }
    location = /no { internal; proxy_pass http://mock/status/403; }
    location /allowed { satisfy any; allow all; auth_jwt "r"; auth_jwt_optional on; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
    location /alone { satisfy any; auth_jwt "r"; auth_jwt_optional on; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
--- user_files eval: [@::Users]
--- cases eval
my $expired = JWT::refused('expired');
[
    ["GET /", undef, 403, '! WWW-Authenticate'],
    ["GET /", JWT::bearer(), 200],
    ["GET /", "Authorization: Bearer $expired", 401, 'WWW-Authenticate: Bearer realm="r", error="invalid_token"'],
    ["GET /basic", undef, 401, 'WWW-Authenticate: Basic realm="basic"'],
    ["GET /basic", $::Basic, 200, '! WWW-Authenticate'],
    ["GET /basic", 'Cookie: jwt=' . JWT::token(), 200, '! WWW-Authenticate'],
    ["GET /basic", "$::Basic\nCookie: jwt=$expired", 200, '! WWW-Authenticate'],
    ["GET /asked", undef, 403],
    ["GET /asked", JWT::bearer(), 200],
    (map { ["GET $_", undef, 200, '! WWW-Authenticate'] } '/allowed', '/alone'),
    ["GET /alone", "Authorization: Bearer $expired", 401],
]
--- no_error_log
[crit]


=== TEST 17: satisfy any: what only the dry run lets pass grants nothing; a good token grants as ever
--- guarded
satisfy any;
deny all;
auth_jwt_dry_run on;
--- config
    location /basic { satisfy any; auth_jwt "r" token=$cookie_jwt; auth_jwt_dry_run on; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_basic "basic"; auth_basic_user_file $TEST_NGINX_HTML_DIR/users; add_header X-Status $auth_jwt_status always; proxy_pass http://mock; }
    location /keys { satisfy any; deny all; auth_jwt "r"; auth_jwt_dry_run on; auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks; proxy_pass http://mock; }
    location /require { satisfy any; deny all; auth_jwt "r"; auth_jwt_dry_run on; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_jwt_require $arg_x; proxy_pass http://mock; }
    location /asked { satisfy any; auth_jwt "r"; auth_jwt_dry_run on; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_request /no; proxy_pass http://mock; }
    location = /no { internal; proxy_pass http://mock/status/403; }
--- user_files eval: [@::Users]
--- cases eval
my $expired = JWT::refused('expired');
[
    ["GET /", undef, 403, "X-Status: no_token_dry_run\n! WWW-Authenticate"],
    ["GET /", "Authorization: Bearer $expired", 403, "X-Status: expired_dry_run\n! WWW-Authenticate"],
    ["GET /", JWT::bearer(), 200, 'X-Status: ok'],
    ["GET /basic", "Cookie: jwt=$expired", 401, "X-Status: expired_dry_run\nWWW-Authenticate: Basic realm=\"basic\""],
    ["GET /basic", "$::Basic\nCookie: jwt=$expired", 200, "X-Status: expired_dry_run\n! WWW-Authenticate"],
    ["GET /basic", 'Cookie: jwt=' . JWT::token(), 200, 'X-Status: ok'],
    ["GET /keys", JWT::bearer(), 403],
    ["GET /require", JWT::bearer(), 403], ["GET /require?x=1", JWT::bearer(), 200],
    ["GET /asked", "Authorization: Bearer $expired", 403], ["GET /asked", JWT::bearer(), 200],
]
--- no_error_log
[crit]


=== TEST 18: satisfy all: what auth_jwt_optional or the dry run lets pass is still asked for the rest
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
    location /optional { auth_jwt "r" token=$cookie_jwt; auth_jwt_optional on; auth_basic "basic"; proxy_pass http://mock; }
    location /dry { auth_jwt "r" token=$cookie_jwt; auth_jwt_dry_run on; auth_basic "basic"; proxy_pass http://mock; }
    location /denied { deny all; auth_jwt "r" token=$cookie_jwt; auth_jwt_dry_run on; auth_jwt_optional on; proxy_pass http://mock; }
--- user_files eval: [@::Users]
--- cases eval
my ($good, $expired) = map {"Cookie: jwt=$_"} JWT::token(), JWT::refused('expired');
[
    (map { (["GET $_", undef, 401, 'WWW-Authenticate: Basic realm="basic"'], ["GET $_", $good, 401], ["GET $_", $::Basic, 200], ["GET $_", "$::Basic\n$good", 200]) } '/optional', '/dry'),
    ["GET /optional", "$::Basic\n$expired", 401, 'WWW-Authenticate: Bearer realm="r", error="invalid_token"'],
    ["GET /dry", "$::Basic\n$expired", 200, '! WWW-Authenticate'],
    (map { ["GET /denied", $_, 403] } undef, $good, $expired),
]
--- no_error_log
[crit]
