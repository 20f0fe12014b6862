# The directive auth_jwt_claim_set. How values are rendered is in rendering.t.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: a path from the root of the payload, one argument a level
--- http_config
    auth_jwt_claim_set $one   a;
    auth_jwt_claim_set $two   a b;
    auth_jwt_claim_set $three a b c;
    auth_jwt_claim_set $four  a b c d;
    auth_jwt_claim_set $other c;
--- config
    location / { return 200 "<$one><$two><$three><$four><$other>"; }
--- cases eval
[
    map { ["GET /", $_, 200] }
        map { JWT::bearer($_) } {a => {b => {c => {d => 'x'}}}}, {a => {b => {c => 'x'}}}, {a => 'x', c => 'y'}, {b => 'x'}, {a => [{b => 'x'}]},
]
--- response_body eval
[
    '<{"b":{"c":{"d":"x"}}}><{"c":{"d":"x"}}><{"d":"x"}><x><>', '<{"b":{"c":"x"}}><{"c":"x"}><x><><>',
    '<x><><><><y>', '<><><><><>', '<{"b":"x"}><><><><>',
]


=== TEST 2: dots, slashes, colons, spaces and more in a name, in any level
--- http_config
    auth_jwt_claim_set $roles   https://example.com/roles;
    auth_jwt_claim_set $admin   https://example.com/claims "is admin";
    auth_jwt_claim_set $dotted  a.b;
    auth_jwt_claim_set $nested  a b;
    auth_jwt_claim_set $spaced  "two words" "and  more";
    auth_jwt_claim_set $colons  cognito:groups;
    auth_jwt_claim_set $quoted  'say "hi"\n\\';
    auth_jwt_claim_set $odd     "#;{}" x=y;
--- config
    location / { return 200 "<$roles><$admin><$dotted><$nested><$spaced><$colons><$quoted><$odd>"; }
--- more_headers eval
JWT::bearer({
    'https://example.com/roles' => ['r', 's'], 'https://example.com/claims' => {'is admin' => 'yes'},
    'a.b' => 'dot', a => {b => 'path'}, 'two words' => {'and  more' => 'spaces'}, two => 'x',
    'cognito:groups' => ['g'], "say \"hi\"\n\\" => 'quotes', '#;{}' => {'x=y' => 'odd'},
})
--- response_body chomp
<r,s><yes><dot><path><spaces><g><quotes><odd>


=== TEST 3: unicode in a name, written or escaped in the token
--- http_config eval
"auth_jwt_claim_set \$street stra\xC3\x9Fe \"gr\xC3\xB6\xC3\x9Fe \xF0\x9F\x98\x80\";"
--- config
    location / { return 200 "<$street>"; }
--- cases eval
[
    map { ["GET /", $_, 200] }
        map { JWT::bearer($_) }
        '{"stra\u00dfe":{"gr\u00f6\u00dfe \ud83d\ude00":"escaped"}}',
        "{\"stra\xC3\x9Fe\":{\"gr\xC3\xB6\xC3\x9Fe \xF0\x9F\x98\x80\":\"written\"}}",
        "{\"stra\xC3\x9Fe\":{\"gro\xCC\x88\xC3\x9Fe \xF0\x9F\x98\x80\":\"composed\"}}",
]
--- response_body eval
['<escaped>', '<written>', '<>']


=== TEST 4: names match exactly, in their case and as a whole
--- http_config
    auth_jwt_claim_set $sub Sub;
    auth_jwt_claim_set $in  a Sub;
--- config
    location / { return 200 "<$sub><$in>"; }
--- cases eval
[
    map { ["GET /", $_, 200] }
        map { JWT::bearer($_) } {sub => 'x', a => {sub => 'x'}}, {Sub => 'y', SUB => 'x', a => {Sub => 'y'}}, {Subs => 'x', 'Sub ' => 'x', a => {Su => 'x'}},
]
--- response_body eval
['<><>', '<y><y>', '<><>']


=== TEST 5: an array becomes its elements joined by a comma
--- http_config
    auth_jwt_claim_set $groups realm_access groups;
--- config
    location / { return 200 "<$groups>"; }
--- cases eval
[
    map { ["GET /", $_, 200] }
        map { JWT::bearer({realm_access => {groups => $_}}) } ['a', 'b', 'c'], ['a'], [], [1, 'x y', {k => 2}], [['a', 'b'], 'c,d'],
]
--- response_body eval
['<a,b,c>', '<a>', '<>', '<1,x y,{"k":2}>', '<["a","b"],c,d>']


=== TEST 6: no array index, though a member may be called so
--- http_config
    auth_jwt_claim_set $first groups 0;
    auth_jwt_claim_set $in    groups name;
--- config
    location / { return 200 "<$first><$in>"; }
--- cases eval
[
    map { ["GET /", $_, 200] }
        map { JWT::bearer({groups => $_}) } ['a', 'b'], {0 => 'zero', name => 'n'}, [{name => 'n'}],
]
--- response_body eval
['<><>', '<zero><n>', '<><>']


=== TEST 7: it is rendered as $jwt_claim_NAME is
--- http_config
    auth_jwt_claim_set $set v;
--- config
    location / { return 200 "<$jwt_claim_v>\n<$set>"; }
--- request eval
[("GET /") x 9]
--- more_headers eval
[map { JWT::bearer(qq({"v":$_})) } '"\\u20ac\\""', '12345678901234567890', '-1.50e2', 'true', 'null', '[1, null, "a,b"]', '{ "a" : [ 1 ] }', '[[1, 2], {"a" : 1}]', '"a\\r\\nb\\u0000c"']
--- response_body_like eval
my @texts = ("\xE2\x82\xAC\"", '12345678901234567890', '-1.50e2', 'true', '', '1,,a,b', '{"a":[1]}', '[1,2],{"a":1}', 'a  b c');
[map { my $text = CORE::quotemeta($_); qr/\A<$text>\n<$text>\z/ } @texts]


=== TEST 8: of members of one name below the top level the last counts
--- http_config
    auth_jwt_claim_set $role access role;
--- config
    location / { return 200 "<$role>"; }
--- more_headers eval: JWT::bearer('{"access":{"role":"first","role":"last"}}')
--- response_body: <last>


=== TEST 9: a variable under $jwt_claim_ or $jwt_header_ wins over the prefix variable
--- http_config
    map $jwt_claim_sub $before { alice 1; default 0; }
    auth_jwt_claim_set $jwt_claim_sub user id;
    auth_jwt_claim_set $jwt_claim_same same;
    auth_jwt_claim_set $jwt_header_alg user alg;
    map $jwt_claim_sub $after { alice 1; default 0; }
--- config
    location / { return 200 "<$jwt_claim_sub><$jwt_claim_same><$jwt_header_alg><$jwt_claim_aud><$jwt_header_typ>$before$after"; }
--- cases eval
[
    map { ["GET /", $_, 200] }
        map { JWT::bearer($_) } {sub => 'bob', user => {id => 'alice', alg => 'mine'}, same => 1, aud => 'web'}, {sub => 'alice', Same => 1},
]
--- response_body eval
['<alice><1><mine><web><JWT>11', '<><><><><JWT>00']


=== TEST 10: a variable that is set twice takes the last definition
--- http_config
    auth_jwt_claim_set $twice first;
    auth_jwt_header_set $other kid;
    auth_jwt_claim_set $twice last one;
    auth_jwt_claim_set $OTHER last one;
--- config
    location / { return 200 "<$twice><$other><$Other>"; }
--- more_headers eval: JWT::bearer({first => 1, last => {one => 2}}, kid => 'k')
--- response_body: <2><2><2>


=== TEST 11: a name with $ is no variable
--- http_config
    auth_jwt_claim_set $ref $ref $jwt_claim_sub;
--- config
    location / { return 200 "<$ref>"; }
--- more_headers eval: JWT::bearer({'$ref' => {'$jwt_claim_sub' => 'taken as it is'}, sub => 'x'})
--- response_body: <taken as it is>


=== TEST 12: empty without a token, and with one that does not parse; nothing needs to be verified
--- http_config
    auth_jwt_claim_set $id user id;
--- config
    location / { return 200 "<$id>"; }
--- cases eval
my $claims = {user => {id => 7}};
[
    ["GET /", undef, 200, undef, undef, '<>'],
    ["GET /", 'Authorization: Bearer a.b.c', 200, undef, undef, '<>'],
    ["GET /", JWT::bearer($claims, secret => 'forged'), 200, undef, undef, '<7>'],
    ["GET /", JWT::bearer({%$claims, exp => 1}), 200, undef, undef, '<7>'],
]


=== TEST 13: it follows the token source of the location
--- http_config
    auth_jwt_claim_set $id user id;
--- config
    location /header { auth_jwt off; return 200 "<$id>"; }
    location /cookie { auth_jwt off token=$cookie_jwt; return 200 "<$id>"; }
    location /query  { auth_jwt "r" token=$arg_jwt; return 200 "<$id>"; }
--- cases eval
[
    map { [$_, JWT::bearer({user => {id => 'h'}}) . "\nCookie: jwt=" . JWT::token({user => {id => 'c'}}), 200] }
        map {"GET /$_?jwt=" . JWT::token({user => {id => 'q'}})} qw(header cookie query),
]
--- response_body eval
['<h>', '<c>', '<q>']
--- no_error_log
[error]


=== TEST 14: a value of one location is not kept for the next
--- http_config
    auth_jwt_claim_set $id user id;
--- config
    location /early { auth_jwt off token=$cookie_jwt; set $early "$id"; rewrite ^ /late last; }
    location /late  { auth_jwt off; return 200 "<$early><$id>"; }
--- request
GET /early
--- more_headers eval
JWT::bearer({user => {id => 'h'}}) . "\nCookie: jwt=" . JWT::token({user => {id => 'c'}})
--- response_body: <c><h>


=== TEST 15: in map, if, split_clients, add_header, proxy_set_header and log_format
--- http_config
    auth_jwt_claim_set $plan https://example.com/account plan;
    map $plan $limit { free 10; pro 1000; default 0; }
    split_clients "${plan}" $side { 100% all; }
    log_format plan 'plan "$plan"';
--- config
    access_log $TEST_NGINX_ACCESS_LOG plan;
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        set $kind "other";
        if ($plan = pro) { set $kind "paying"; }
        add_header X-Plan "$plan $limit $kind $side" always;
        proxy_set_header X-A $plan;
        proxy_pass http://mock;
    }
--- cases eval
my $claims = {'https://example.com/account' => {plan => 'pro'}};
[
    ["GET /", JWT::bearer($claims), 200, 'X-Plan: pro 1000 paying all', 'a=pro '],
    ["GET /", JWT::bearer($claims, secret => 'forged'), 401, 'X-Plan: pro 1000 paying all', '401'],
]
--- access_log eval
qr/^plan "pro"$/m


=== TEST 16: the key of limit_req_zone
--- http_config
    auth_jwt_claim_set $account https://example.com/account id;
    limit_req_zone $account zone=per_account:1m rate=1r/m;
--- config
    location / { limit_req zone=per_account; proxy_pass http://mock; }
--- request eval
[("GET /") x 5]
--- more_headers eval
[(map { JWT::bearer({'https://example.com/account' => {id => $_}}) } 1, 2, 1), 'X-None: x', 'X-None: x']
--- error_code eval
[200, 200, 503, 200, 200]
--- no_error_log
[crit]


=== TEST 17: auth_request is asked with it, and auth_request_set takes it
--- http_config
    auth_jwt_claim_set $account account id;
--- guarded
auth_request /ask;
auth_request_set $asked $account;
add_header X-Asked $asked;
--- config
    location = /ask { internal; proxy_set_header X-Sub $account; proxy_pass http://mock/status/204?$account; }
--- request eval
["GET /", "GET /"]
--- more_headers eval
[map { JWT::bearer({account => {id => $_}}) } 'blue', 'green']
--- response_headers eval
['X-Asked: blue', 'X-Asked: green']


=== TEST 18: a hundred variables, and a path of a hundred levels
--- http_config eval
my $many = CORE::join "\n", map {"auth_jwt_claim_set \$v$_ c$_;"} 1 .. 100;
my $deep = CORE::join ' ', ('d') x 99;
"$many\nauth_jwt_claim_set \$deep $deep;"
--- config
    location / { return 200 "<$v1><$v50><$v100><$deep>"; }
--- more_headers eval
my $deep = '{"d":' x 98 . '"bottom"' . '}' x 98;
JWT::bearer(qq({"d":$deep,"c1":1,"c50":50,"c100":100}))
--- response_body: <1><50><100><bottom>
