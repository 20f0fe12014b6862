# The directive auth_jwt_key_request: where the URI may lead, what is inherited, what fails how.
# What the key server gets to see is in auth_jwt_key_request_headers.t, the client's body in
# auth_jwt_key_request_body.t, what URIs may be in key_source_names.t, filters and caches of the key
# location in key_request_location.t. Slow and broken key servers are in key_fetch_answers.t, those who
# wait for one in key_fetch_waiting.t.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

# A set that fits no buffer of nginx's, and one of keys that a name in the token's claims leads to.
my $padding = {kty => 'oct', k => JWT::b64url('padding ' x 40_000), kid => 'padding'};
JWT::write_file("$JWT::Nginx::keys/large.jwks",
    JWT::key_set($padding, JWT::jwk($JWT::SECRET)));
JWT::write_file("$JWT::Nginx::keys/page.html", "<html>Please come back later</html>\n");

our $RETURNED = JWT::key_set(JWT::jwk($JWT::SECRET));
our ($USUAL, $OTHER) = (JWT::bearer(), JWT::bearer(undef, secret => $JWT::OTHER_SECRET));

run_tests();

__DATA__

=== TEST 1: a fixed URI, a static file
--- config
    location = /keys { internal; alias $TEST_NGINX_KEYS/good.jwks; }
    location / {
        auth_jwt "r";
        auth_jwt_key_request /keys;
        add_header X-Status $auth_jwt_status always;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- cases eval
[
    ["GET /", $::USUAL, 200, "X-Status: ok", "sub=alice"],
    ["GET /", $::OTHER, 401, "X-Status: invalid_signature", "401"],
    ["GET /keys", $::USUAL, 404, "", "404"],
]


=== TEST 2: a URI with variables: an argument, a capture, a claim of the token
--- config
    location /keys/ { internal; alias $TEST_NGINX_KEYS/; }
    location / {
        auth_jwt "r";
        auth_jwt_key_request /keys/$arg_tenant.jwks;
        proxy_pass http://mock;
    }
    location ~ ^/tenant/(?<tenant>\w+)/(\w+) {
        auth_jwt "r";
        auth_jwt_key_request /keys/$1.jwks;
        add_header X-Captured "$1 $2 $tenant";
        proxy_pass http://mock;
    }
    location /claim {
        auth_jwt "r";
        auth_jwt_key_request /keys/$jwt_claim_iss.jwks;
        proxy_pass http://mock;
    }
--- cases eval
[
    ["GET /?tenant=good", $::USUAL, 200, ""],
    ["GET /?tenant=good", $::OTHER, 401, ""],
    ["GET /?tenant=other", $::USUAL, 401, ""],
    ["GET /?tenant=other", $::OTHER, 200, ""],
    ["GET /tenant/good/x", $::USUAL, 200, "X-Captured: good x good"],
    ["GET /tenant/other/x", $::USUAL, 401, ""],
    ["GET /tenant/other/y", $::OTHER, 200, "X-Captured: other y other"],
    ["GET /claim", JWT::bearer({iss => 'good'}), 200, ""],
    ["GET /claim", JWT::bearer({iss => 'other'}), 401, ""],
]


=== TEST 3: several on a level are one union, files among them
--- config
    location /keys/ { internal; alias $TEST_NGINX_KEYS/; }
    location /two { auth_jwt "r"; auth_jwt_key_request /keys/other.jwks; auth_jwt_key_request /keys/good.jwks; proxy_pass http://mock; }
    location /mixed { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks; auth_jwt_key_request /keys/good.jwks; proxy_pass http://mock; }
    location /mixed/again { auth_jwt "r"; auth_jwt_key_request /keys/good.jwks; auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks; proxy_pass http://mock; }
    location /same { auth_jwt "r"; auth_jwt_key_request /keys/good.jwks; auth_jwt_key_request /keys/good.jwks; proxy_pass http://mock; }
--- request eval
[map { ("GET /two", "GET /mixed", "GET /mixed/again", "GET /same") } 1 .. 3]
--- more_headers eval
[($::USUAL) x 4, ($::OTHER) x 4, (JWT::bearer(undef, secret => 'x')) x 4]
--- error_code eval
[(200) x 4, (200) x 3, 401, (401) x 4]


=== TEST 4: a kid is looked for in the whole union
--- config
    location /keys/ { internal; alias $TEST_NGINX_KEYS/; }
    location / {
        auth_jwt "r";
        auth_jwt_key_request /keys/other.jwks;
        auth_jwt_key_request /keys/good.jwks;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- cases eval
[
    ["GET /", JWT::bearer(undef, kid => 'usual'), 200, "X-Status: ok"],
    ["GET /", JWT::bearer(undef, kid => 'usual', secret => $JWT::OTHER_SECRET), 401, "X-Status: invalid_signature"],
]


=== TEST 5: whatever source of several fails: 500
--- config
    location /keys/ { internal; alias $TEST_NGINX_KEYS/; }
    location = /gone { internal; return 410; }
    location /first { auth_jwt "r"; auth_jwt_key_request /gone; auth_jwt_key_request /keys/good.jwks; proxy_pass http://mock; }
    location /last { auth_jwt "r"; auth_jwt_key_request /keys/good.jwks; auth_jwt_key_request /gone; proxy_pass http://mock; }
    location /file { auth_jwt "r"; auth_jwt_key_request /keys/good.jwks; auth_jwt_key_file $TEST_NGINX_KEYS/empty.jwks; proxy_pass http://mock; }
    location /after { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_jwt_key_request /gone; proxy_pass http://mock; }
--- cases eval
[
    ["GET /first", $::USUAL, 500, "! WWW-Authenticate"],
    ["GET /last", $::USUAL, 500, "! WWW-Authenticate"],
    ["GET /file", $::USUAL, 500, "! WWW-Authenticate"],
    ["GET /after", $::USUAL, 500, "! WWW-Authenticate"],
]
--- error_log
[error]
key


=== TEST 6: the URI is inherited as any source is, and a level with one of its own replaces the list
--- http_config
    auth_jwt "r";
    auth_jwt_key_request /keys/good.jwks;
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
--- config
    location /keys/ { auth_jwt off; internal; alias $TEST_NGINX_KEYS/; }
    location / { proxy_pass http://mock; }
    location /other { auth_jwt_key_request /keys/other.jwks; proxy_pass http://mock; location /other/below { proxy_pass http://mock; } }
    location /file { auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks; proxy_pass http://mock; }
    location /off { auth_jwt off; proxy_pass http://mock; }
--- cases eval
[
    ["GET /", $::USUAL, 200],
    ["GET /", $::OTHER, 401],
    ["GET /other", $::USUAL, 401],
    ["GET /other", $::OTHER, 200],
    ["GET /other/below", $::USUAL, 401],
    ["GET /other/below", $::OTHER, 200],
    ["GET /file", $::USUAL, 401],
    ["GET /file", $::OTHER, 200],
    ["GET /off", undef, 200],
]


=== TEST 7: a key location that inherits auth_jwt itself is no circle, and stays closed to clients
--- config
    auth_jwt "r";
    auth_jwt_key_request /keys;
    location = /keys { alias $TEST_NGINX_KEYS/good.jwks; }
    location / { proxy_pass http://mock; }
--- cases eval
[
    ["GET /", $::USUAL, 200],
    ["GET /keys", undef, 401],
    ["GET /keys", $::USUAL, 200],
]


=== TEST 8: in limit_except
--- config
    location = /keys { internal; alias $TEST_NGINX_KEYS/good.jwks; }
    location / {
        limit_except GET {
            auth_jwt "r";
            auth_jwt_key_request /keys;
        }
        proxy_pass http://mock;
    }
--- cases eval
[
    ["GET /", undef, 200, undef, "method=GET"],
    ["POST /\nbody", undef, 401, undef, "401"],
    ["POST /\nbody", $::USUAL, 200, undef, "method=POST .* length=4"],
    ["DELETE /", $::OTHER, 401, undef, "401"],
]


=== TEST 9: arguments in the URI are passed on
--- config
    location = /keys {
        internal;
        if ($arg_set != other) { return 404; }
        if ($args != "set=other&more=1") { return 404; }
        rewrite ^ /files/other.jwks;
    }
    location /files/ { internal; alias $TEST_NGINX_KEYS/; }
    location / { auth_jwt "r"; auth_jwt_key_request /keys?set=other&more=1; proxy_pass http://mock; }
    location /variable { auth_jwt "r"; auth_jwt_key_request /keys?$arg_a=other&more=1; proxy_pass http://mock; }
    location /whole { auth_jwt "r"; auth_jwt_key_request /keys?$args; proxy_pass http://mock; }
--- cases eval
[
    ["GET /?set=good", $::OTHER, 200, undef, "uri=/\\?set=good "],
    ["GET /variable?a=set", $::OTHER, 200, undef, "uri=/variable\\?a=set "],
    ["GET /whole?set=other&more=1", $::OTHER, 200, undef, "uri=/whole\\?set=other&more=1 "],
    ["GET /?set=good", $::USUAL, 401, undef, "401"],
]


=== TEST 10: answers by return, from a file, from an upstream, over 4k, whatever the buffer
--- http_config
    server {
        listen $TEST_NGINX_RAND_PORT_1;
        root $TEST_NGINX_KEYS;
    }
    subrequest_output_buffer_size 64;
--- config eval
<<"CONF";
    location = /return { internal; return 200 '$::RETURNED'; }
    location /file/ { internal; alias \$TEST_NGINX_KEYS/; }
    location /threads/ { internal; aio threads; sendfile on; output_buffers 2 512; alias \$TEST_NGINX_KEYS/; }
    location /sendfile/ { internal; sendfile on; tcp_nopush on; alias \$TEST_NGINX_KEYS/; }
    location /proxy/ { internal; proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/; }
    location /unbuffered/ { internal; proxy_buffering off; proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/; }
    location /small/ { internal; proxy_buffers 4 1k; proxy_buffer_size 1k; proxy_busy_buffers_size 2k; proxy_max_temp_file_size 0; proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/; }
    location /temp/ { internal; proxy_buffers 2 1k; proxy_buffer_size 1k; proxy_busy_buffers_size 1k; proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/; }
    location /eleven/ { internal; proxy_http_version 1.1; proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/; }
    location / { auth_jwt "r"; auth_jwt_key_request \$arg_keys; proxy_pass http://mock; }
CONF
--- cases eval
[
    map { [$_, $::USUAL, 200, undef, "method=GET"] }
        "GET /?keys=/return", map { ("GET /?keys=/$_/good.jwks", "GET /?keys=/$_/large.jwks") }
        qw(file threads sendfile proxy unbuffered small temp eleven),
]
--- no_error_log
[error]
[crit]
[alert]
too big


=== TEST 11: inside the key location error_page, try_files, rewrite and named locations lead where they like
--- config
    location /files/ { internal; alias $TEST_NGINX_KEYS/; }
    location = /page { internal; error_page 503 =200 /files/good.jwks; return 503; }
    location = /named { internal; error_page 503 = @named; return 503; }
    location @named { rewrite ^ /files/good.jwks break; root $TEST_NGINX_KEYS/..; try_files /none @deeper; }
    location @deeper { rewrite ^ /good.jwks break; root $TEST_NGINX_KEYS; }
    location = /tried { internal; root $TEST_NGINX_KEYS; try_files /none /good.jwks =404; }
    location = /moved { internal; rewrite ^ /files/good.jwks last; }
    location = /upstream { internal; proxy_intercept_errors on; error_page 403 =200 /files/large.jwks; proxy_pass http://mock/status/403; }
    location / { auth_jwt "r"; auth_jwt_key_request $arg_keys; proxy_pass http://mock; }
--- cases eval
[map { [$_, $::USUAL, 200] } map {"GET /?keys=/$_"} qw(page named tried moved upstream)]
--- no_error_log
key request


=== TEST 12: an error page with a status of its own is no answer, though it holds keys
--- config
    location /files/ { internal; alias $TEST_NGINX_KEYS/; }
    location = /page { internal; error_page 503 /files/good.jwks; return 503; }
    location / { auth_jwt "r"; auth_jwt_key_request /page; proxy_pass http://mock; }
--- more_headers eval: $::USUAL
--- error_code: 500
--- error_log
key request "/page" was answered with status 503, not 200


=== TEST 13: $jwt_ variables in the key location speak of the main request's token
--- config
    location = /keys {
        internal;
        rewrite ^ /files/$jwt_claim_tenant-$jwt_header_alg-$jwt_header_kid.jwks;
    }
    location = /files/good-HS256-usual.jwks { internal; alias $TEST_NGINX_KEYS/good.jwks; }
    location = /files/other-HS256-.jwks { internal; alias $TEST_NGINX_KEYS/other.jwks; }
    location /cookie/ {
        auth_jwt "r" token=$cookie_token;
        auth_jwt_key_request /keys;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
    location / {
        auth_jwt "r";
        auth_jwt_key_request /keys;
        proxy_set_header X-Sub $jwt_claim_sub;
        proxy_pass http://mock;
    }
--- cases eval
my $usual = JWT::token({sub => 'ann', tenant => 'good'}, kid => 'usual');
my $other = JWT::token({sub => 'ben', tenant => 'other'}, secret => $JWT::OTHER_SECRET);
[
    ["GET /", "Authorization: Bearer $usual", 200, undef, "sub=ann"],
    ["GET /", "Authorization: Bearer $other", 200, undef, "sub=ben"],
    ["GET /cookie/", "Authorization: Bearer $other\nCookie: token=$usual", 200, undef, "sub=ann"],
    ["GET /cookie/", "Authorization: Bearer $usual\nCookie: token=$other", 200, undef, "sub=ben"],
]


=== TEST 14: variables that the main request has set hold in the key location
--- http_config
    auth_jwt_claim_set $tenant realm tenant;
--- config
    location /keys/ { internal; rewrite ^ /files/$chosen$suffix; }
    location /files/ { internal; alias $TEST_NGINX_KEYS/; }
    location / {
        set $chosen $arg_chosen;
        set $suffix ".jwks";
        auth_jwt "r";
        auth_jwt_key_request /keys/;
        proxy_set_header X-Sub "$chosen$suffix";
        proxy_pass http://mock;
    }
    location /claim {
        set $chosen $tenant;
        set $suffix ".jwks";
        auth_jwt "r";
        auth_jwt_key_request /keys/;
        proxy_set_header X-Sub "$chosen $tenant";
        proxy_pass http://mock;
    }
--- cases eval
[
    ["GET /?chosen=good", $::USUAL, 200, undef, "sub=good.jwks "],
    ["GET /?chosen=other", $::USUAL, 401, undef, "401"],
    ["GET /?chosen=other", $::OTHER, 200, undef, "sub=other.jwks "],
    ["GET /claim", JWT::bearer({realm => {tenant => 'other'}}, secret => $JWT::OTHER_SECRET), 200,
        undef, "sub=other other "],
]


=== TEST 15: what the key location sets reaches nothing of the main request's answer
--- config
    location = /keys {
        internal;
        add_header X-Keys yes always;
        add_header Set-Cookie keys=1 always;
        add_header Content-Encoding identity always;
        expires 1h;
        alias $TEST_NGINX_KEYS/good.jwks;
    }
    location / { auth_jwt "r"; auth_jwt_key_request /keys; proxy_pass http://mock; }
--- cases eval
[
    ["GET /", $::USUAL, 200, "! X-Keys\n! Set-Cookie\n! Content-Encoding\n! Cache-Control\n! Last-Modified\n! ETag"],
    ["HEAD /", $::USUAL, 200, "! X-Keys\n! Set-Cookie\n! Content-Encoding\n! Cache-Control\n! Last-Modified\n! ETag"],
    ["GET /", $::OTHER, 401, "! X-Keys\n! Set-Cookie\n! Content-Encoding\n! Cache-Control\n! Last-Modified\n! ETag"],
]


=== TEST 16: gzip, conditional answers and ranges of the client's request do not reach the key location
--- config
    location = /keys { internal; gzip on; gzip_types *; gzip_min_length 1; alias $TEST_NGINX_KEYS/good.jwks; }
    location / { auth_jwt "r"; auth_jwt_key_request /keys; proxy_pass http://mock; }
--- cases eval
[
    map { ["GET /", $_, 200] }
        map {"$::USUAL\n$_"} "Accept-Encoding: gzip", "Range: bytes=0-1", "Range: bytes=99999-",
        "If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT",
]


=== TEST 17: keys of one server are never used for another, whatever the URI and however long they are kept
--- http_config
    server {
        listen $TEST_NGINX_SERVER_PORT;
        server_name two;
        location = /keys { internal; alias $TEST_NGINX_KEYS/other.jwks; }
        location / { auth_jwt "r"; auth_jwt_key_request /keys; auth_jwt_key_cache 1h; proxy_pass http://mock; }
    }
--- config
    location = /keys { internal; alias $TEST_NGINX_KEYS/good.jwks; }
    location / { auth_jwt "r"; auth_jwt_key_request /keys; auth_jwt_key_cache 1h; proxy_pass http://mock; }
--- request eval
[("GET /") x 12]
--- more_headers eval
my @lines;
for my $round (1 .. 3) {
    for my $server (qw(localhost two)) {
        push @lines, map {"Host: $server\n$_"} $::USUAL, $::OTHER;
    }
}
\@lines
--- error_code eval
[(200, 401, 401, 200) x 3]


=== TEST 18: with auth_request beside it
--- config
    location = /keys { internal; alias $TEST_NGINX_KEYS/good.jwks; }
    location /asked/ { internal; proxy_pass http://mock/status/; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
    location = /yes { internal; return 200; }
    location /all { auth_jwt "r"; auth_jwt_key_request /keys; auth_request /yes; proxy_pass http://mock; }
    location /refused { auth_jwt "r"; auth_jwt_key_request /keys; auth_request /asked/403; proxy_pass http://mock; }
    location /any { satisfy any; auth_jwt "r"; auth_jwt_key_request /keys; auth_request /asked/401; proxy_pass http://mock; }
--- cases eval
[
    ["POST /all\nbody", $::USUAL, 200],
    ["GET /all", $::OTHER, 401],
    ["GET /refused", $::USUAL, 403],
    ["GET /any", $::USUAL, 200],
    ["GET /any", $::OTHER, 401],
]


=== TEST 19: after an internal redirect the new location's own source decides
--- config
    location /keys/ { internal; alias $TEST_NGINX_KEYS/; }
    location /one/ {
        auth_jwt "r"; auth_jwt_key_request /keys/good.jwks;
        try_files /none /two/x;
    }
    location /two/ { auth_jwt "r"; auth_jwt_key_request /keys/other.jwks; proxy_pass http://mock; }
    location /both/ {
        auth_jwt "r"; auth_jwt_key_request /keys/good.jwks;
        try_files /none @same;
    }
    location @same { auth_jwt "r"; auth_jwt_key_request /keys/good.jwks; proxy_set_header X-Sub $jwt_claim_sub; proxy_pass http://mock; }
--- cases eval
[
    ["GET /one/", $::USUAL, 401, undef, "401"],
    ["GET /one/", $::OTHER, 401, undef, "401"],
    ["GET /both/", $::USUAL, 200, undef, "sub=alice"],
    ["GET /both/", $::OTHER, 401, undef, "401"],
]


=== TEST 20: keys that cannot be had: error_page 500 works as for any 500
--- config
    location = /keys { internal; return 503; }
    location @sorry { add_header X-Status $auth_jwt_status always; return 503 "sorry"; }
    location / { error_page 500 = @sorry; auth_jwt "r"; auth_jwt_key_request /keys; proxy_pass http://mock; }
--- more_headers eval: $::USUAL
--- error_code: 503
--- response_body: sorry
--- response_headers
X-Status: keys_unavailable
--- error_log
key request "/keys" was answered with status 503, not 200


=== TEST 21: several requests on one connection, pipelined ones too
--- config
    location = /files { internal; alias $TEST_NGINX_KEYS/good.jwks; }
    location / { auth_jwt "r"; auth_jwt_key_request /files; proxy_set_header X-Sub $jwt_claim_sub; proxy_pass http://mock; }
--- pipelined_requests eval
["GET /", "GET /", "POST /\nbody", "GET /", "GET /"]
--- more_headers eval
[map { JWT::bearer({sub => $_}) } qw(ann ben cas dan eve)]
--- response_body_like eval
["sub=ann", "sub=ben", "sub=cas", "sub=dan", "sub=eve"]


=== TEST 22: the time of a token and requirements count as with any source
--- config
    location = /keys { internal; alias $TEST_NGINX_KEYS/good.jwks; }
    location / {
        auth_jwt "r";
        auth_jwt_key_request /keys;
        auth_jwt_require $jwt_claim_admin error=403;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- cases eval
[
    ["GET /", "Authorization: Bearer " . JWT::refused('expired'), 401, "X-Status: expired"],
    ["GET /", JWT::bearer({sub => 'x'}), 403, "X-Status: requirement_failed"],
    ["GET /", JWT::bearer({admin => 1}), 200, "X-Status: ok"],
]
