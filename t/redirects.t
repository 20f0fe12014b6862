# auth_jwt where a request goes from one location to another, and in the odd places of a location.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: error_page 401 = @login: the login page's own answer, with the challenge
--- guarded
error_page 401 = @login;
--- config
    location @login {
        add_header X-Status $auth_jwt_status always;
        return 302 https://login.example/?then=$uri;
    }
--- cases eval
[
    ["GET /page", undef, 302,
        "Location: https://login.example/?then=/page\nX-Status: no_token\nWWW-Authenticate: Bearer realm=\"r\""],
    ["GET /page", 'Authorization: Bearer ' . JWT::refused('expired'), 302,
        "Location: https://login.example/?then=/page\nX-Status: expired\n" . 'WWW-Authenticate: Bearer realm="r", error="invalid_token"'],
    ["GET /page", JWT::bearer(), 200, "! Location\n! WWW-Authenticate"],
]


=== TEST 2: error_page 401 with a page of one's own keeps the challenge, whatever its status
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location /kept    { auth_jwt "r"; error_page 401 /401.json; proxy_pass http://mock; }
    location /changed { auth_jwt "r"; error_page 401 =200 /401.json; proxy_pass http://mock; }
    location /proxied { auth_jwt "r"; error_page 401 =418 /sorry; proxy_pass http://mock; }
    location = /401.json { internal; root $TEST_NGINX_HTML_DIR; }
    location = /sorry { internal; proxy_pass http://mock; }
--- user_files
>>> 401.json
{"error": "who are you?"}
--- cases eval
[
    ["GET /kept", undef, 401, 'WWW-Authenticate: Bearer realm="r"', "who are you"],
    ["GET /changed", undef, 200, 'WWW-Authenticate: Bearer realm="r"', "who are you"],
    ["GET /proxied", undef, 418, 'WWW-Authenticate: Bearer realm="r"', "uri=/sorry"],
]


=== TEST 3: an error page that is guarded itself has the last word; where it lets the request in, the challenge stays
--- config
    auth_jwt "server";
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    error_page 401 /login.html;
    location / { proxy_pass http://mock; }
    location = /login.html { auth_jwt "login"; root $TEST_NGINX_HTML_DIR; }
    location /cookie { error_page 401 = @cookie; proxy_pass http://mock; }
    location @cookie { auth_jwt "cookie" token=$cookie_jwt; proxy_pass http://mock; }
--- cases eval
[
    ['GET /', undef, 401, 'WWW-Authenticate: Bearer realm="login"', '401 Authorization Required'],
    ['GET /cookie', 'Cookie: jwt=' . JWT::token(), 200, 'WWW-Authenticate: Bearer realm="server"', 'uri=/cookie'],
]


=== TEST 4: error_page 403 and 500 tell what became of the token
--- config
    error_page 403 500 @told;
    location /403 {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_jwt_require $jwt_claim_admin error=403;
        proxy_pass http://mock;
    }
    location /500 {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
        proxy_pass http://mock;
    }
    location @told { add_header X-Status $auth_jwt_status always; proxy_pass http://mock; }
--- cases eval
[
    ["GET /403", JWT::bearer(), 403,
        "X-Status: requirement_failed\nWWW-Authenticate: Bearer realm=\"r\", error=\"insufficient_scope\""],
    ["GET /500", JWT::bearer(), 500, "X-Status: keys_unavailable\n! WWW-Authenticate"],
]
--- no_error_log
[crit]


=== TEST 5: after try_files the named location's own keys and rules decide
--- config
    root $TEST_NGINX_HTML_DIR;
    location / {
        auth_jwt "first";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        try_files $uri @same;
    }
    location /other/ {
        auth_jwt "first";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        try_files $uri @other;
    }
    location /strict/ {
        auth_jwt "first";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        try_files $uri @strict;
    }
    location /open/ {
        try_files $uri @same;
    }
    location @same { auth_jwt "same"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
    location @other { auth_jwt "other"; auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks; proxy_pass http://mock; }
    location @strict {
        auth_jwt "strict";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_jwt_require $jwt_claim_admin;
        proxy_pass http://mock;
    }
--- request eval
[map {"GET $_"} '/x', '/x', '/other/x', '/strict/x', '/strict/x', '/open/x', '/open/x']
--- more_headers eval
my $good = JWT::bearer();
["X-None: x", $good, $good, $good, JWT::bearer({admin => 1}), "X-None: x", $good]
--- error_code eval
[401, 200, 401, 401, 200, 401, 200]
--- response_headers eval
[
    'WWW-Authenticate: Bearer realm="first"',
    '! WWW-Authenticate',
    'WWW-Authenticate: Bearer realm="other", error="invalid_token"',
    'WWW-Authenticate: Bearer realm="strict", error="invalid_token"',
    '! WWW-Authenticate',
    'WWW-Authenticate: Bearer realm="same"',
    '! WWW-Authenticate',
]


=== TEST 6: what was verified is bound to the token, too: another source, another token
--- config
    root $TEST_NGINX_HTML_DIR;
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location / {
        auth_jwt "header";
        try_files $uri @cookie;
    }
    location @cookie {
        auth_jwt "cookie" token=$cookie_jwt;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- cases eval
[
    ["GET /", JWT::bearer(), 401, 'WWW-Authenticate: Bearer realm="cookie"', "401"],
    ["GET /", JWT::bearer() . "\nCookie: jwt=" . JWT::refused('invalid_signature'), 401,
        'WWW-Authenticate: Bearer realm="cookie", error="invalid_token"', "401"],
    ["GET /", JWT::bearer() . "\nCookie: jwt=" . JWT::token({sub => 'cookie'}), 200,
        '! WWW-Authenticate', "sub=cookie"],
]


=== TEST 7: X-Accel-Redirect: the location it leads to decides for itself
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location /start { auth_jwt "start"; proxy_pass http://mock/accel?to=$arg_to; }
    location /open { internal; proxy_pass http://mock; }
    location /same { internal; auth_jwt "same"; proxy_pass http://mock; }
    location /other {
        internal;
        auth_jwt "other";
        auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks;
        proxy_pass http://mock;
    }
--- request eval
[map {"GET /start?to=$_"} '/open', '/open', '/same', '/other']
--- more_headers eval
["X-None: x", (JWT::bearer()) x 3]
--- error_code eval
[401, 200, 200, 401]
--- response_headers eval
[
    'WWW-Authenticate: Bearer realm="start"',
    '! WWW-Authenticate',
    '! WWW-Authenticate',
    'WWW-Authenticate: Bearer realm="other", error="invalid_token"',
]


=== TEST 8: index: the page's own location decides, too
--- config
    root $TEST_NGINX_HTML_DIR;
    location / { auth_jwt "directory"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; }
    location = /index.html { auth_jwt "page"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; }
    location = /other/index.html { auth_jwt "page"; auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks; }
--- user_files
>>> other/index.html
other
--- cases eval
[
    ["GET /", undef, 401, 'WWW-Authenticate: Bearer realm="directory"'],
    ["GET /", JWT::bearer(), 200, '! WWW-Authenticate'],
    ["GET /other/", JWT::bearer(), 401, 'WWW-Authenticate: Bearer realm="page", error="invalid_token"'],
]


=== TEST 9: internal: 404 from outside, whatever the token
--- guarded
internal;
--- cases eval
[
    ["GET /", undef, 404, '! WWW-Authenticate'],
    ["GET /", JWT::bearer(), 404, '! WWW-Authenticate'],
]


=== TEST 10: rewrite ... last leads to another location before anything is checked
--- config
    location /to-guarded { rewrite ^ /guarded last; }
    location /to-open { auth_jwt "first"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; rewrite ^ /open last; }
    location /guarded { auth_jwt "guarded"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
    location /open { proxy_pass http://mock; }
--- cases eval
[
    ["GET /to-guarded", undef, 401],
    ["GET /to-guarded", JWT::bearer(), 200],
    ["GET /to-open", undef, 200],
]


=== TEST 11: limit_except: some methods are public, others guarded
--- config
    location / {
        limit_except GET {
            auth_jwt "writers";
            auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        }
        proxy_pass http://mock;
    }
--- cases eval
[
    ["GET /", undef, 200, '! WWW-Authenticate'],
    ["HEAD /", undef, 200, '! WWW-Authenticate'],
    ["POST /", undef, 401, 'WWW-Authenticate: Bearer realm="writers"'],
    ["DELETE /", undef, 401, 'WWW-Authenticate: Bearer realm="writers"'],
    ["OPTIONS /", undef, 401, 'WWW-Authenticate: Bearer realm="writers"'],
    ["POST /", JWT::bearer(), 200, '! WWW-Authenticate'],
    ["POST /", 'Authorization: Bearer ' . JWT::refused('expired'), 401,
        'WWW-Authenticate: Bearer realm="writers", error="invalid_token"'],
]


=== TEST 12: limit_except: guarded but for some methods, and other keys for others
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        limit_except GET POST { auth_jwt off; }
        proxy_pass http://mock;
    }
    location /keys {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        limit_except GET { auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks; }
        proxy_pass http://mock;
    }
--- cases eval
[
    ["GET /", undef, 401],
    ["POST /", undef, 401],
    ["OPTIONS /", undef, 200],
    ["GET /keys", JWT::bearer(), 200],
    ["POST /keys", JWT::bearer(), 401],
    ["POST /keys", JWT::bearer(undef, secret => $JWT::OTHER_SECRET), 200],
]


=== TEST 13: an if block inherits auth_jwt from its location
--- guarded
if ($arg_v = 2) {
    set $version 2;
    proxy_pass http://mock;
}
--- cases eval
[
    ["GET /?v=1", undef, 401],
    ["GET /?v=2", undef, 401],
    ["GET /?v=2", JWT::bearer(), 200],
]


=== TEST 14: return answers in the rewrite phase, before any access rule
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
        return 200 "for everybody\n";
    }
--- response_headers
! WWW-Authenticate
--- response_body
for everybody


=== TEST 15: a page of error_page 404 that is guarded
--- config
    root $TEST_NGINX_HTML_DIR;
    error_page 404 /404.html;
    location / { }
    location = /404.html { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; }
--- user_files
>>> 404.html
nothing here
--- cases eval
[
    ["GET /none", undef, 401, undef, "401 Authorization Required"],
    ["GET /none", JWT::bearer(), 404, undef, "nothing here"],
]
--- no_error_log
[crit]
