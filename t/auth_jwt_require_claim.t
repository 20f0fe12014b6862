# The directive auth_jwt_require_claim.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

# Claims whose "v" is this JSON.
sub v { return JWT::bearer(qq({"v":$_[0]})) }

# Requests of rules that stand in locations: [location, [those whose "v" meets it], [those whose does not]]
sub asked {
    return map {
        my ($path, $met, $unmet) = @$_;
        ((map { ["GET $path", v($_), 200, 'X-Status: ok'] } @$met), (map { ["GET $path", v($_), 403, 'X-Status: claim_mismatch'] } @$unmet));
    } @_;
}

# Locations, each with a rule.
sub rules {
    my (%rules) = @_;
    my $text = 'auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; add_header X-Status $auth_jwt_status always;';
    return join "\n", $text, map {"location = $_ { auth_jwt \"r\"; auth_jwt_require_claim $rules{$_}; proxy_pass http://mock; }"} sort keys %rules;
}

run_tests();

__DATA__

=== TEST 1: = is met by a text, number or boolean whose text is equal
--- config eval
main::rules('/a' => 'v = admin', '/n' => 'v = 17', '/d' => 'v = 1.50', '/t' => 'v = true', '/u' => 'v = é', '/e' => 'v = ""', '/sp' => 'v = "a b"', '/null' => 'v = null')
--- cases eval
[
    main::asked(
        ['/a', ['"admin"', '"\u0061dmin"'], ['"Admin"', '"admin "', '"admins"', '["admin"]', '{"admin":1}', 'null', '""', 'true', '7', '{}', '[]']],
        ['/n', ['17', '"17"'], ['17.0', '1.7e1', '170', '[17]', '-17']],
        ['/d', ['1.50', '"1.50"'], ['1.5', '1.500']],
        ['/t', ['true', '"true"'], ['false', '1', '"TRUE"']],
        ['/u', ['"é"', '"\u00e9"'], ['"e"', '"e\u0301"']],
        ['/e', [], ['""', 'null', '[]', '[""]', '"x"']],
        ['/sp', ['"a b"'], ['"a"', '["a","b"]', '"a  b"']],
        ['/null', ['"null"'], ['null']],
    ),
    ['GET /a', JWT::bearer({}), 403], ['GET /a', JWT::bearer({V => 'admin'}), 403],
]


=== TEST 2: any: one of the values is among the claim's elements; all: every value is
--- config eval
main::rules('/any' => 'v any admin 7 true', '/all' => 'v all admin 7', '/one' => 'v all admin', '/empty' => 'v any ""', '/both' => 'v all admin ""')
--- cases eval
[
    main::asked(
        ['/any', ['["admin"]', '["x","admin"]', '[7]', '["7"]', '[null,{},["x"],true]', '"admin"', '7', 'true'],
            ['[]', '["x"]', '[["admin"]]', '[{"admin":1}]', '{"admin":"admin"}', 'null', '""', '"x admin"', '"admin,x"', '[7.0]', '["Admin"]', '[null]']],
        ['/all', ['["admin",7]', '["7","x","admin"]', '[7,7,"admin"]'], ['["admin"]', '[7]', '"admin"', '7', '"admin 7"', '[["admin",7]]', '[]', 'null', '{"0":"admin","1":7}']],
        ['/one', ['"admin"', '["admin"]'], ['"x"', '[]', 'null']],
        ['/empty', [], ['""', '[""]', '[]', 'null']],
        ['/both', [], ['["admin",""]', '["admin"]', '"admin"']],
    ),
]


=== TEST 3: ~ and ~*: one regular expression, which has no variables, that some element matches
--- config eval
main::rules('/part' => 'v ~ adm', '/whole' => 'v ~ "^(admin|root)$"', '/case' => 'v ~* ^ADMIN$', '/digits' => 'v ~ ^[0-9]+$', '/dollar' => 'v ~ $host', '/empty' => 'v ~ ^$')
--- cases eval
[
    main::asked(
        ['/part', ['"admin"', '"x adm"', '["x","adm"]'], ['"ADM"', '"x"', '[["adm"]]', '{"adm":"adm"}', 'null', '[]', '[{"v":"adm"}]']],
        ['/whole', ['"admin"', '"root"', '["x","root"]'], ['"admins"', '"admin\n"', '["admi","n"]', '"x\nadmin"']],
        ['/case', ['"admin"', '"Admin"', '["x","aDMIN"]'], ['"admins"']],
        ['/digits', ['17', '"17"', '["x",17]'], ['1.7', '-1', 'true', '""']],
        ['/dollar', [], ['"localhost"', '"$host"', '"host"']],
        ['/empty', ['""', '[""]', '["x",""]'], ['"x"', '[]', 'null']],
    ),
]


=== TEST 4: present: there, and not null; absent: not there, or null
--- config eval
main::rules('/present' => 'v present', '/absent' => 'v absent', '/deep' => 'v.a absent')
--- cases eval
my @there = ('""', '0', 'false', '[]', '{}', '"x"', '[null]');
[
    main::asked(['/present', [@there], ['null']], ['/absent', ['null'], [@there]], ['/deep', ['"x"', '[]', '{}', 'null', '{"a":null}'], ['{"a":0}', '{"a":[]}']]),
    ['GET /present', JWT::bearer({w => 1}), 403], ['GET /absent', JWT::bearer({w => 1}), 200], ['GET /deep', JWT::bearer({w => 1}), 200],
]


=== TEST 5: paths: names joined by dots, ["any name"] for others, [0] for an element; the last of duplicates counts
--- config eval
main::rules(
    '/dots' => 'v.a.b any x', '/quoted' => q('v["https://example.com/roles"][0]' = x), '/index' => "'v[1].a' = x", '/nested' => "'v[0][1]' = x",
    '/dot' => q('v["a.b"]' = x), '/bracket' => q('v["a"].b' = x), '/escaped' => q('v["a\\\\"]"]' = x),
    '/digits' => 'v.0 = x',
)
--- cases eval
[
    main::asked(
        ['/dots', ['{"a":{"b":["x"]}}', '{"a":{"b":"x"}}', '{"a":{"b":"y","b":"x"}}', '{"a":{},"a":{"b":"x"}}'],
            ['{"a":{"B":"x"}}', '{"a.b":"x"}', '{"a":[{"b":"x"}]}', '{"a":{"b":"x","b":"y"}}', '{"a":{"b":"x"},"a":{}}', '"x"']],
        ['/quoted', ['{"https://example.com/roles":["x","y"]}'], ['{"https://example.com/roles":["y","x"]}', '{"https://example.com/roles":"x"}', '{"https://example.com/roles":{"0":"x"}}']],
        ['/index', ['[0,{"a":"x"}]'], ['[{"a":"x"}]', '{"1":{"a":"x"}}', '[0,["a","x"]]', '[]']],
        ['/nested', ['[["y","x"]]'], ['[["x"]]', '["yx"]', '"yx"']],
        ['/dot', ['{"a.b":"x"}'], ['{"a":{"b":"x"}}']],
        ['/bracket', ['{"a":{"b":"x"}}'], ['{"a.b":"x"}']],
        ['/escaped', ['{"a\"]":"x"}'], ['{"a":"x"}', '{"a\\\\\"]":"x"}']],
        ['/digits', ['{"0":"x"}'], ['["x"]']],
    ),
]


=== TEST 6: error= is 403 by default, and its challenge is that of the status; the first rule that fails decides
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    add_header X-Status $auth_jwt_status always;
    location /default { auth_jwt "r"; auth_jwt_require_claim v present; proxy_pass http://mock; }
    location /403 { auth_jwt "r"; auth_jwt_require_claim v present error=403; auth_jwt_require_claim w present error=401; proxy_pass http://mock; }
    location /401 { auth_jwt "r"; auth_jwt_require_claim error=401 v present; auth_jwt_require_claim w present; proxy_pass http://mock; }
--- cases eval
my $invalid = qq(X-Status: claim_mismatch\nWWW-Authenticate: Bearer realm="r", error="invalid_token");
my $scope = qq(X-Status: claim_mismatch\nWWW-Authenticate: Bearer realm="r", error="insufficient_scope");
[
    ['GET /default', JWT::bearer({}), 403, $scope],
    ['GET /403', JWT::bearer({}), 403, $scope], ['GET /403', JWT::bearer({v => 1}), 401, $invalid],
    ['GET /401', JWT::bearer({}), 401, $invalid], ['GET /401', JWT::bearer({v => 1}), 403, $scope],
    (map { ["GET $_", JWT::bearer({v => 1, w => 1}), 200, '! WWW-Authenticate'] } '/default', '/403', '/401'),
]


=== TEST 7: variables; an empty value is not met
--- config eval
main::rules('/e' => 'v = $arg_a', '/some' => 'v any $arg_a "x$arg_b"', '/all' => 'v all $arg_a y')
--- cases eval
[
    (['GET /e?a=1', main::v('"1"'), 200], ['GET /e?a=2', main::v('"1"'), 403, 'X-Status: claim_mismatch'], ['GET /e', main::v('"1"'), 403]) x 3,
    (map { ['GET /e', main::v($_), 403] } '""', 'null', '[]'),
    ['GET /e?a=true', main::v('true'), 200],
    ['GET /some?a=1', main::v('["1"]'), 200], ['GET /some?b=1', main::v('["x1"]'), 200], ['GET /some', main::v('["x"]'), 200], ['GET /some', main::v('["", "y"]'), 403],
    ['GET /all?a=1', main::v('["1","y"]'), 200], ['GET /all', main::v('["","y"]'), 403],
]


=== TEST 8: inherited by itself, and replaced as a whole
--- config
    auth_jwt_require_claim v = 1;
    auth_jwt_require_claim w = 1;
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    add_header X-Status $auth_jwt_status always;
    location / {
        auth_jwt "r";
        proxy_pass http://mock;
        location /scope { auth_jwt_require_scope read; proxy_pass http://mock; }
        location /own { auth_jwt_require_claim x = 1; limit_except GET { auth_jwt_require_claim y = 1; } proxy_pass http://mock; }
    }
--- cases eval
[
    (['GET /', JWT::bearer({v => 1, w => 1}), 200], ['GET /own', JWT::bearer({v => 1, w => 1}), 403]) x 3,
    ['GET /', JWT::bearer({v => 1}), 403], ['GET /', JWT::bearer({w => 1, x => 1}), 403],
    ['GET /scope', JWT::bearer({scope => 'read'}), 403, 'X-Status: claim_mismatch'], ['GET /scope', JWT::bearer({scope => 'read', v => 1, w => 1}), 200],
    ['GET /own', JWT::bearer({x => 1}), 200], ['POST /own', JWT::bearer({y => 1}), 200], ['POST /own', JWT::bearer({x => 1}), 403],
]
