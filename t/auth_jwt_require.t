# The directive auth_jwt_require.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;
use JWT::Server;

# A header line with a token whose payload is {"v": and this JSON and }.
sub v { return JWT::bearer(qq({"v":$_[0]})) }

# Debian's njs belongs to Debian's nginx, and lies where that looks for modules. Another nginx of
# Debian's looks there, too.
sub njs {
    my $binary = $ENV{TEST_NGINX_BINARY} // 'nginx';
    my ($directory) = `$binary -V 2>&1` =~ /--modules-path=(\S+)/;
    my $njs = ($directory // '') . '/ngx_http_js_module.so';
    return undef unless -f $njs;
    my ($fits) = JWT::Server->prepared(load => "load_module $njs;")->checked;
    return $fits ? $njs : undef;
}
our $njs = njs() // '';

run_tests();

__DATA__

=== TEST 1: it holds when the value is non-empty and not 0
--- guarded
auth_jwt_require $jwt_claim_v;
--- cases eval
[
    map { ["GET /", $_, 200] }
        map { main::v($_) } '"yes"', '1', '"00"', '0.0', '-0', '" "', 'false', '"no"', '{}', '[0,0]', '["",""]', '[[]]',
]


=== TEST 2: it fails when the value is missing, empty or 0
--- guarded
auth_jwt_require $jwt_claim_v;
--- cases eval
[
    map { ["GET /", $_, 401, "X-Status: requirement_failed"] }
        (map { main::v($_) } '""', '0', '"0"', 'null', '[]', '[0]', '[""]'), JWT::bearer({w => 1}),
]


=== TEST 3: every value of a directive must hold
--- guarded
auth_jwt_require $arg_a $arg_b $arg_c;
--- request eval
[map {"GET /?$_"} 'a=1&b=1&c=1', 'a=0&b=1&c=1', 'a=1&b=0&c=1', 'a=1&b=1&c=0', 'a=1&b=1', 'x=1']
--- more_headers eval
[(JWT::bearer()) x 6]
--- error_code eval
[200, 401, 401, 401, 401, 401]


=== TEST 4: a value starts with a variable, more may follow
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location /either  { auth_jwt "r"; auth_jwt_require "$arg_a$arg_b"; proxy_pass http://mock; }
    location /braces  { auth_jwt "r"; auth_jwt_require ${arg_a}; proxy_pass http://mock; }
    location /literal { auth_jwt "r"; auth_jwt_require "$arg_a "; proxy_pass http://mock; }
--- request eval
[map {"GET /$_"} qw(either?a=1 either?b=1 either?a=0 either?a=0&b=0 either braces?a=1 braces?a=0 literal)]
--- more_headers eval
[(JWT::bearer()) x 8]
--- error_code eval
[200, 200, 401, 200, 401, 200, 401, 200]
--- no_error_log
[error]


=== TEST 5: error= is 401 where it is not there, and its challenge is that of the status
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    add_header X-Status $auth_jwt_status always;
    location /none { auth_jwt "r"; auth_jwt_require $jwt_claim_v; proxy_pass http://mock; }
    location /401  { auth_jwt "r"; auth_jwt_require $jwt_claim_v error=401; proxy_pass http://mock; }
    location /403  { auth_jwt "r"; auth_jwt_require $jwt_claim_v $arg_a error=403; proxy_pass http://mock; }
--- cases eval
[
    ["GET /none", JWT::bearer(), 401,
        qq(WWW-Authenticate: Bearer realm="r", error="invalid_token"\nX-Status: requirement_failed)],
    ["GET /401", JWT::bearer(), 401,
        qq(WWW-Authenticate: Bearer realm="r", error="invalid_token"\nX-Status: requirement_failed)],
    ["GET /403", JWT::bearer(), 403,
        qq(WWW-Authenticate: Bearer realm="r", error="insufficient_scope"\nX-Status: requirement_failed)],
    ["GET /403", main::v(1), 403,
        qq(WWW-Authenticate: Bearer realm="r", error="insufficient_scope"\nX-Status: requirement_failed)],
    ["GET /403?a=1", main::v(1), 200, "! WWW-Authenticate\nX-Status: ok"],
]


=== TEST 6: of several directives the first that fails decides the status
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location /forbidden_first {
        auth_jwt "r";
        auth_jwt_require $arg_a error=403;
        auth_jwt_require $arg_b;
        auth_jwt_require $arg_c error=403;
        proxy_pass http://mock;
    }
    location /unauthorized_first {
        auth_jwt "r";
        auth_jwt_require $arg_a;
        auth_jwt_require $arg_b error=403;
        auth_jwt_require $arg_c;
        proxy_pass http://mock;
    }
--- request eval
[map { ("GET /forbidden_first?$_", "GET /unauthorized_first?$_") } 'x=1', 'b=1', 'a=1', 'a=1&b=1', 'a=1&b=1&c=1']
--- more_headers eval
[(JWT::bearer()) x 10]
--- error_code eval
[403, 401, 403, 401, 401, 403, 403, 401, 200, 200]


=== TEST 7: it is judged after signature and times, the signature before the claims, and where there is no token nothing
--- guarded
auth_jwt_require $jwt_claim_admin error=403;
--- cases eval
[
    ['GET /', undef, 401, 'X-Status: no_token'],
    ['GET /', JWT::bearer({sub => 'alice'}, secret => 'forged'), 401, 'X-Status: invalid_signature'],
    ['GET /', JWT::bearer({admin => 1}, secret => 'forged'), 401, 'X-Status: invalid_signature'],
    ['GET /', JWT::bearer({exp => 1}, secret => 'forged'), 401, 'X-Status: invalid_signature'],
    ['GET /', JWT::bearer('not json', secret => 'forged'), 401, 'X-Status: invalid_signature'],
    ['GET /', JWT::bearer({exp => 1}), 401, 'X-Status: expired'],
    ['GET /', JWT::bearer({nbf => 9999999999}), 401, 'X-Status: not_yet_valid'],
    ['GET /', JWT::bearer({exp => 9999999999}), 403, 'X-Status: requirement_failed'],
]


=== TEST 8: it is judged without keys, too
--- config
    location / {
        auth_jwt "r";
        auth_jwt_require $jwt_claim_admin error=403;
        proxy_pass http://mock;
    }
--- request eval
["GET /", "GET /"]
--- more_headers eval
[map { JWT::bearer($_, secret => 'unheard of') } {}, {admin => 1}]
--- error_code eval
[403, 200]
--- no_error_log
[error]


=== TEST 9: it is not judged where auth_jwt is off
--- http_config
    map $arg_area $realm { default members; public off; }
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    auth_jwt_require $jwt_claim_admin error=403;
    location /nothing  { proxy_pass http://mock; }
    location /off      { auth_jwt off; proxy_pass http://mock; }
    location /off_here { auth_jwt off; auth_jwt_require $arg_a; proxy_pass http://mock; }
    location /token    { auth_jwt off token=$cookie_jwt; proxy_pass http://mock; }
    location /variable { auth_jwt $realm; proxy_pass http://mock; }
--- request eval
[map {"GET /$_"} qw(nothing off off_here token variable?area=public variable)]
--- more_headers eval
[(JWT::bearer()) x 6]
--- error_code eval
[(200) x 5, 403]
--- no_error_log
[error]


=== TEST 10: variables of map: audience, issuer, scope and groups
--- http_config
    map $jwt_claim_aud $audience    { api 1; ~(^|,)api(,|$) 1; }
    map $jwt_claim_iss $issuer      { https://issuer.example/ 1; https://old.example/ 0; }
    map $jwt_claim_scope $may_write { "~(^| )write( |$)" 1; }
    map $jwt_claim_groups $staff    { default 0; ~(^|,)staff(,|$) 1; }
--- config
    auth_jwt "r";
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    auth_jwt_require $audience $issuer;
    location / { proxy_pass http://mock; }
    location /write { auth_jwt_require $audience $issuer; auth_jwt_require $may_write $staff error=403; proxy_pass http://mock; }
--- request eval
["GET /", "GET /", "GET /", "GET /", "GET /write", "GET /write", "GET /write", "GET /write"]
--- more_headers eval
my %ours = (aud => 'api', iss => 'https://issuer.example/');
[
    map { JWT::bearer($_) } {%ours}, {%ours, aud => ['web', 'api']}, {%ours, aud => ['web', 'apis']},
    {%ours, iss => 'https://old.example/'},
    {%ours, scope => 'read write', groups => ['staff']}, {%ours, scope => 'read writer', groups => ['staff']},
    {%ours, scope => 'write', groups => ['a', 'staffs']}, {scope => 'write', groups => ['staff']},
]
--- error_code eval
[200, 200, 401, 401, 200, 403, 403, 401]


=== TEST 11: variables of other modules: geo, split_clients, set, headers, auth_jwt_claim_set
--- http_config
    geo $here                      { default 0; 127.0.0.1 1; }
    geo $elsewhere                 { default 0; 192.0.2.0/24 1; }
    split_clients $jwt_claim_sub $all { 100% 1; }
    auth_jwt_claim_set $role realm_access role;
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location /geo       { auth_jwt "r"; auth_jwt_require $here $all; proxy_pass http://mock; }
    location /elsewhere { auth_jwt "r"; auth_jwt_require $elsewhere; proxy_pass http://mock; }
    location /set       { set $wanted "0"; if ($http_x_wanted) { set $wanted "1"; } auth_jwt "r"; auth_jwt_require $wanted; proxy_pass http://mock; }
    location /claim_set { auth_jwt "r"; auth_jwt_require $role; proxy_pass http://mock; }
--- request eval
[map {"GET /$_"} qw(geo elsewhere set set claim_set claim_set)]
--- more_headers eval
[
    JWT::bearer(), JWT::bearer(), JWT::bearer(), JWT::bearer() . "\nX-Wanted: y",
    JWT::bearer({realm_access => {role => 'x'}}), JWT::bearer({role => 'x'}),
]
--- error_code eval
[200, 401, 401, 200, 200, 401]


=== TEST 12: a variable of njs, which reads one of auth_jwt_claim_set
--- skip_eval: 8: !$main::njs
--- main_config eval: "load_module $main::njs;"
--- http_config
    auth_jwt_claim_set $age person age;
    js_import rules from $TEST_NGINX_HTML_DIR/rules.js;
    js_set $adult rules.adult;
--- guarded
auth_jwt_require $adult error=403;
--- user_files
>>> rules.js
function adult(r) {
    return Number(r.variables.age) >= 18 ? '1' : '0';
}
export default {adult};
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers eval
[map { JWT::bearer($_) } {person => {age => 18}}, {person => {age => 17}}, {age => 18}]
--- error_code eval
[200, 403, 403]


=== TEST 13: the requirement reads the token that auth_jwt has judged
--- guarded
auth_jwt "r" token=$cookie_jwt;
auth_jwt_require $jwt_claim_admin error=403;
--- cases eval
my ($admin, $other) = map { JWT::token($_) } {admin => 1}, {};
[
    ["GET /", "Authorization: Bearer $admin\nCookie: jwt=$other", 403],
    ["GET /", "Authorization: Bearer $other\nCookie: jwt=$admin", 200],
]


=== TEST 14: after an internal redirect the new location's own requirements are judged
--- config
    auth_jwt "r";
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location / { root $TEST_NGINX_HTML_DIR; try_files /none @strict; }
    location /open { root $TEST_NGINX_HTML_DIR; auth_jwt_require $jwt_claim_sub; try_files /none @open; }
    location @strict { auth_jwt_require $jwt_claim_admin error=403; proxy_pass http://mock; }
    location @open { auth_jwt_require $jwt_claim_sub; proxy_pass http://mock; }
--- cases eval
[
    ["GET /", JWT::bearer(), 403],
    ["GET /open", JWT::bearer(), 200],
    ["GET /", JWT::bearer({admin => 1}), 200],
]


=== TEST 15: the log has one line for it, at info
--- guarded
auth_jwt_require $jwt_claim_admin error=403;
--- more_headers eval: JWT::bearer()
--- error_code: 403
--- grep_error_log eval
qr/\[(?!debug)\w+\] [^,]*JWT[^,]*/
--- grep_error_log_out eval
qr/\A\[info\] [^\n]*JWT requirement is not met\n\z/
