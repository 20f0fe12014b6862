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
--- request eval
["GET /", "GET /", "GET /keys"]
--- more_headers eval
[$::USUAL, $::OTHER, $::USUAL]
--- error_code eval
[200, 401, 404]
--- response_headers eval
["X-Status: ok", "X-Status: invalid_signature", ""]
--- response_body_like eval
["sub=alice", "401", "404"]


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
--- request eval
["GET /?tenant=good", "GET /?tenant=good", "GET /?tenant=other", "GET /?tenant=other",
 "GET /tenant/good/x", "GET /tenant/other/x", "GET /tenant/other/y", "GET /claim", "GET /claim"]
--- more_headers eval
[$::USUAL, $::OTHER, $::USUAL, $::OTHER, $::USUAL, $::USUAL, $::OTHER,
 JWT::bearer({iss => 'good'}), JWT::bearer({iss => 'other'})]
--- error_code eval
[200, 401, 401, 200, 200, 401, 200, 200, 401]
--- response_headers eval
["", "", "", "", "X-Captured: good x good", "", "X-Captured: other y other", "", ""]


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
--- request eval
["GET /", "GET /"]
--- more_headers eval
[JWT::bearer(undef, kid => 'usual'), JWT::bearer(undef, kid => 'usual', secret => $JWT::OTHER_SECRET)]
--- error_code eval
[200, 401]
--- response_headers eval
["X-Status: ok", "X-Status: invalid_signature"]


=== TEST 5: whatever source of several fails: 500
--- config
    location /keys/ { internal; alias $TEST_NGINX_KEYS/; }
    location = /gone { internal; return 410; }
    location /first { auth_jwt "r"; auth_jwt_key_request /gone; auth_jwt_key_request /keys/good.jwks; proxy_pass http://mock; }
    location /last { auth_jwt "r"; auth_jwt_key_request /keys/good.jwks; auth_jwt_key_request /gone; proxy_pass http://mock; }
    location /file { auth_jwt "r"; auth_jwt_key_request /keys/good.jwks; auth_jwt_key_file $TEST_NGINX_KEYS/empty.jwks; proxy_pass http://mock; }
    location /after { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_jwt_key_request /gone; proxy_pass http://mock; }
--- request eval
["GET /first", "GET /last", "GET /file", "GET /after"]
--- more_headers eval
[($::USUAL) x 4]
--- error_code eval
[(500) x 4]
--- response_headers eval
[("! WWW-Authenticate") x 4]
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
--- request eval
["GET /", "GET /", "GET /other", "GET /other", "GET /other/below", "GET /other/below", "GET /file", "GET /file", "GET /off"]
--- more_headers eval
[($::USUAL, $::OTHER) x 4, "X: y"]
--- error_code eval
[200, 401, 401, 200, 401, 200, 401, 200, 200]


=== TEST 7: a key location that inherits auth_jwt itself is no circle, and stays closed to clients
--- config
    auth_jwt "r";
    auth_jwt_key_request /keys;
    location = /keys { alias $TEST_NGINX_KEYS/good.jwks; }
    location / { proxy_pass http://mock; }
--- request eval
["GET /", "GET /keys", "GET /keys"]
--- more_headers eval
[$::USUAL, "X: y", $::USUAL]
--- error_code eval
[200, 401, 200]


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
--- request eval
["GET /", "POST /\nbody", "POST /\nbody", "DELETE /"]
--- more_headers eval
["X: y", "X: y", $::USUAL, $::OTHER]
--- error_code eval
[200, 401, 200, 401]
--- response_body_like eval
["method=GET", "401", "method=POST .* length=4", "401"]


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
--- request eval
["GET /?set=good", "GET /variable?a=set", "GET /whole?set=other&more=1", "GET /?set=good"]
--- more_headers eval
[$::OTHER, $::OTHER, $::OTHER, $::USUAL]
--- error_code eval
[200, 200, 200, 401]
--- response_body_like eval
["uri=/\\?set=good ", "uri=/variable\\?a=set ", "uri=/whole\\?set=other&more=1 ", "401"]


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
--- request eval
["GET /?keys=/return", map { ("GET /?keys=/$_/good.jwks", "GET /?keys=/$_/large.jwks") }
    qw(file threads sendfile proxy unbuffered small temp eleven)]
--- more_headers eval
[($::USUAL) x 17]
--- error_code eval
[(200) x 17]
--- response_body_like eval
[("method=GET") x 17]
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
--- request eval
[map {"GET /?keys=/$_"} qw(page named tried moved upstream)]
--- more_headers eval
[($::USUAL) x 5]
--- error_code eval
[(200) x 5]
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
--- request eval
["GET /", "GET /", "GET /cookie/", "GET /cookie/"]
--- more_headers eval
my $usual = JWT::token({sub => 'ann', tenant => 'good'}, kid => 'usual');
my $other = JWT::token({sub => 'ben', tenant => 'other'}, secret => $JWT::OTHER_SECRET);
["Authorization: Bearer $usual", "Authorization: Bearer $other",
 "Authorization: Bearer $other\nCookie: token=$usual", "Authorization: Bearer $usual\nCookie: token=$other"]
--- response_body_like eval
["sub=ann", "sub=ben", "sub=ann", "sub=ben"]


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
--- request eval
["GET /?chosen=good", "GET /?chosen=other", "GET /?chosen=other", "GET /claim"]
--- more_headers eval
[$::USUAL, $::USUAL, $::OTHER, JWT::bearer({realm => {tenant => 'other'}}, secret => $JWT::OTHER_SECRET)]
--- error_code eval
[200, 401, 200, 200]
--- response_body_like eval
["sub=good.jwks ", "401", "sub=other.jwks ", "sub=other other "]


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
--- request eval
["GET /", "HEAD /", "GET /"]
--- more_headers eval
[$::USUAL, $::USUAL, $::OTHER]
--- error_code eval
[200, 200, 401]
--- response_headers eval
[("! X-Keys\n! Set-Cookie\n! Content-Encoding\n! Cache-Control\n! Last-Modified\n! ETag") x 3]


=== TEST 16: gzip, conditional answers and ranges of the client's request do not reach the key location
--- config
    location = /keys { internal; gzip on; gzip_types *; gzip_min_length 1; alias $TEST_NGINX_KEYS/good.jwks; }
    location / { auth_jwt "r"; auth_jwt_key_request /keys; proxy_pass http://mock; }
--- request eval
[("GET /") x 4]
--- more_headers eval
[map {"$::USUAL\n$_"} "Accept-Encoding: gzip", "Range: bytes=0-1", "Range: bytes=99999-",
    "If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT"]
--- error_code eval
[(200) x 4]


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
--- request eval
["POST /all\nbody", "GET /all", "GET /refused", "GET /any", "GET /any"]
--- more_headers eval
[$::USUAL, $::OTHER, $::USUAL, $::USUAL, $::OTHER]
--- error_code eval
[200, 401, 403, 200, 401]


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
--- request eval
["GET /one/", "GET /one/", "GET /both/", "GET /both/"]
--- more_headers eval
[$::USUAL, $::OTHER, $::USUAL, $::OTHER]
--- error_code eval
[401, 401, 200, 401]
--- response_body_like eval
["401", "401", "sub=alice", "401"]


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
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers eval
["Authorization: Bearer " . JWT::refused('expired'), JWT::bearer({sub => 'x'}), JWT::bearer({admin => 1})]
--- error_code eval
[401, 403, 200]
--- response_headers eval
["X-Status: expired", "X-Status: requirement_failed", "X-Status: ok"]
