# The directive auth_jwt_header_set. Paths and names are those of auth_jwt_claim_set.t.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: a path from the root of the JOSE header, not of the payload
--- http_config
    auth_jwt_header_set $algorithm alg;
    auth_jwt_header_set $one  a;
    auth_jwt_header_set $two  a b;
    auth_jwt_header_set $only_claim sub;
    auth_jwt_claim_set $only_header alg;
--- config
    location / { return 200 "<$algorithm><$one><$two><$only_claim><$only_header>"; }
--- cases eval
[
    map { ["GET /", $_, 200] }
        map { JWT::bearer({sub => 'x', a => {b => 'payload'}}, header => {a => $_}) } {b => 'header'}, 'x',
]
--- response_body eval
['<HS256><{"b":"header"}><header><><>', '<HS256><x><><><>']


=== TEST 2: dots, slashes, colons, spaces and unicode in a name
--- http_config eval
qq{
    auth_jwt_header_set \$url     https://example.com/tenant;
    auth_jwt_header_set \$dotted  a.b;
    auth_jwt_header_set \$thumb   x5t#S256;
    auth_jwt_header_set \$spaced  "two words" a:b;
    auth_jwt_header_set \$unicode stra\xC3\x9Fe;
}
--- config
    location / { return 200 "<$url><$dotted><$thumb><$spaced><$unicode>"; }
--- more_headers eval
JWT::bearer(undef, header => {
    'https://example.com/tenant' => 'u', 'a.b' => 'd', a => {b => 'x'}, 'x5t#S256' => 't',
    'two words' => {'a:b' => 's'}, "stra\x{DF}e" => 'e',
})
--- response_body chomp
<u><d><t><s><e>


=== TEST 3: an array becomes its elements joined by a comma; there is no index
--- http_config
    auth_jwt_header_set $all   list;
    auth_jwt_header_set $first list 0;
--- config
    location / { return 200 "<$all><$first>"; }
--- cases eval
[
    map { ["GET /", $_, 200] }
        map { JWT::bearer(undef, header => {list => $_}) } ['a', 'b'], [1, ['x'], {y => 2}], [], {0 => 'zero'},
]
--- response_body eval
['<a,b><>', '<1,["x"],{"y":2}><>', '<><>', '<{"0":"zero"}><zero>']


=== TEST 4: names match exactly; $jwt_header_NAME does not care about the case
--- http_config
    auth_jwt_header_set $lower mine;
    auth_jwt_header_set $mixed Mine;
--- config
    location / { return 200 "<$lower><$mixed><$jwt_header_mine>"; }
--- more_headers eval: JWT::bearer(undef, header => {Mine => 'x'})
--- response_body: <><x><x>


=== TEST 5: a variable under $jwt_header_ or $jwt_claim_ wins over the prefix variable
--- http_config
    map $jwt_header_kid $before { inner 1; default 0; }
    auth_jwt_header_set $jwt_header_kid key id;
    auth_jwt_header_set $jwt_claim_sub key owner;
--- config
    location / { return 200 "<$jwt_header_kid><$jwt_claim_sub><$jwt_header_alg><$jwt_claim_aud>$before"; }
--- cases eval
[
    map { ["GET /", $_, 200] }
        map { JWT::bearer({sub => 'alice', aud => 'web'}, kid => 'outer', header => $_) } {key => {id => 'inner', owner => 'carol'}}, {},
]
--- response_body eval
['<inner><carol><HS256><web>1', '<><><HS256><web>0']


=== TEST 6: a variable that is set twice takes the last definition, of either directive
--- http_config
    auth_jwt_header_set $twice typ;
    auth_jwt_header_set $twice alg;
    auth_jwt_claim_set $mixed sub;
    auth_jwt_header_set $mixed kid;
--- config
    location / { return 200 "<$twice><$mixed>"; }
--- more_headers eval: JWT::bearer({sub => 'alice'}, kid => 'k')
--- response_body: <HS256><k>


=== TEST 7: empty without a token, and of one that is no token; nothing needs to be verified
--- http_config
    auth_jwt_header_set $algorithm alg;
--- config
    location / { return 200 "<$algorithm>"; }
--- cases eval
[
    ["GET /", undef, 200, undef, undef, '<>'],
    ["GET /", 'Authorization: Bearer x', 200, undef, undef, '<>'],
    ["GET /", JWT::bearer(undef, secret => 'forged'), 200, undef, undef, '<HS256>'],
    ["GET /", JWT::bearer('no claims'), 200, undef, undef, '<HS256>'],
    ["GET /", 'Authorization: Bearer ' . JWT::refused('wrong_type'), 200, undef, undef, '<dir>'],
]


=== TEST 8: in map, if, add_header, proxy_set_header and auth_jwt_require
--- http_config
    auth_jwt_header_set $tenant https://example.com/tenant;
    map $tenant $known { blue 1; green 1; }
--- guarded
auth_jwt_require $known error=403;
set $seen "";
if ($tenant) { set $seen "in the rewrite phase"; }
add_header X-Tenant "$tenant $seen";
proxy_set_header X-A $tenant;
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers eval
[map { JWT::bearer(undef, header => $_) } {'https://example.com/tenant' => 'blue'}, {'https://example.com/tenant' => 'red'}, {}]
--- error_code eval
[200, 403, 403]
--- response_headers eval
['X-Tenant: blue in the rewrite phase', '! X-Tenant', '! X-Tenant']
--- response_body_like eval
['a=blue ', '403', '403']


=== TEST 9: it follows the token source of the location
--- http_config
    auth_jwt_header_set $key kid;
--- config
    location /header { return 200 "<$key>"; }
    location /cookie { auth_jwt off token=$cookie_jwt; return 200 "<$key>"; }
--- cases eval
[
    ["GET /header", JWT::bearer(undef, kid => 'h') . "\nCookie: jwt=" . JWT::token(undef, kid => 'c'), 200,
        undef, undef, '<h>'],
    ["GET /cookie", JWT::bearer(undef, kid => 'h') . "\nCookie: jwt=" . JWT::token(undef, kid => 'c'), 200,
        undef, undef, '<c>'],
]
