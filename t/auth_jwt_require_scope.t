# The directive auth_jwt_require_scope, and scope="..." in challenges.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

# A header line with a token of this scope claim.
sub scope { return JWT::bearer({scope => $_[0]}) }

our $insufficient = 'X-Status: insufficient_scope';

# The challenge where these scopes are asked for.
sub challenge { my ($error, $scopes) = @_; return qq(WWW-Authenticate: Bearer realm="r") . ($error ? qq(, error="$error") : '') . ($scopes ? qq(, scope="$scopes") : '') }

run_tests();

__DATA__

=== TEST 1: all, by default: of a text that is split at spaces, or of an array of texts
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    add_header X-Status $auth_jwt_status always;
    location /default { auth_jwt "r"; auth_jwt_require_scope read write; proxy_pass http://mock; }
    location /all { auth_jwt "r"; auth_jwt_require_scope match=all read write; proxy_pass http://mock; }
    location /repeated { auth_jwt "r"; auth_jwt_require_scope read; auth_jwt_require_scope write; proxy_pass http://mock; }
--- cases eval
[
    map {
        my $path = $_;
        (map { ["GET $path", main::scope($_), 200, 'X-Status: ok'] } 'read write', 'write x read', ' read  write ', ['write', 'read'], ['x', 1, {}, 'read', undef, 'write']),
        (
            map { ["GET $path", main::scope($_), 403, "$main::insufficient\n" . main::challenge('insufficient_scope', 'read write')] }
                'read', 'write', 'READ write', "read\twrite", "read\nwrite", 'read,write', 'readwrite', '', 'reader writer', ['read write'], ['read'], [['read', 'write']], [], {read => 1, write => 1}, 7, undef,
        ),
        ["GET $path", JWT::bearer({}), 403, $main::insufficient],
    } '/default', '/all', '/repeated',
]


=== TEST 2: match=any: one of them; of several directives all must hold
--- guarded
auth_jwt_require_scope read write match=any;
auth_jwt_require_scope api app match=any;
--- cases eval
[
    (map { ['GET /', main::scope($_), 200] } 'read api', 'app write', ['app', 'read'], 'read write api app'),
    (map { ['GET /', main::scope($_), 403, $main::insufficient . "\n" . main::challenge('insufficient_scope', 'read write api app')] } 'read write', 'api app', 'read', '', undef),
]


=== TEST 3: the scope claim: scope, then scp, the first that is there
--- guarded
auth_jwt_require_scope read;
--- cases eval
[
    (map { ['GET /', JWT::bearer($_), 200] } {scp => 'read'}, {scp => ['read']}, {scope => 'read', scp => 'write'}),
    ['GET /', JWT::bearer('{"scope":null,"scp":"read"}'), 200],
    (map { ['GET /', JWT::bearer($_), 403] } {scope => 'write', scp => 'read'}, {scope => '', scp => 'read'}, {Scope => 'read'}, {scopes => 'read'}, {scope => 7, scp => 'read'}),
]


=== TEST 4: variables; an empty value is not met
--- guarded
auth_jwt_require_scope "$arg_area:read" $arg_more;
--- config
    location /any { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_jwt_require_scope $arg_a $arg_b match=any; add_header X-Status $auth_jwt_status always; proxy_pass http://mock; }
--- cases eval
[
    (
        ['GET /?area=a&more=x', main::scope('a:read x'), 200],
        ['GET /?area=b&more=x', main::scope('a:read x'), 403, main::challenge('insufficient_scope', 'b:read x')],
        ['GET /?area=a', main::scope('a:read x'), 403, main::challenge('insufficient_scope', 'a:read')],
    ) x 3,
    ['GET /?area=a', main::scope(['a:read', '']), 403, $main::insufficient],
    ['GET /any?b=x', main::scope('x'), 200],
    (map { ['GET /any', main::scope($_), 403, $main::insufficient . "\n" . main::challenge('insufficient_scope')] } 'x', '', ['']),
]


=== TEST 5: inherited by itself, and replaced as a whole
--- config
    auth_jwt_require_scope read;
    auth_jwt_require_scope write;
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    add_header X-Status $auth_jwt_status always;
    location / {
        auth_jwt "r";
        proxy_pass http://mock;
        location /rule { auth_jwt_require_claim role present; proxy_pass http://mock; }
        location /own { auth_jwt_require_scope admin; limit_except GET { auth_jwt_require_scope root; } proxy_pass http://mock; }
    }
--- cases eval
[
    ['GET /', main::scope('read write'), 200], ['GET /', main::scope('read'), 403], ['GET /', main::scope('admin'), 403],
    ['GET /rule', main::scope('x'), 403, $main::insufficient], ['GET /rule', main::scope('read write'), 403, 'X-Status: claim_mismatch'],
    ['GET /own', main::scope('admin'), 200], ['GET /own', main::scope('read write'), 403],
    ['POST /own', main::scope('root'), 200], ['POST /own', main::scope('admin'), 403],
    (map { (['GET /', main::scope('read write'), 200], ['GET /own', main::scope('read write'), 403]) } 1 .. 3),
]


=== TEST 6: a challenge of 401 without an error, and each of insufficient_scope, names all scopes; others do not
--- http_config eval
JWT::Nginx::issuer('shop')
--- config
    add_header X-Status $auth_jwt_status always;
    location / {
        auth_jwt "r";
        auth_jwt_issuers shop;
        auth_jwt_require_scope read write;
        auth_jwt_require_scope a write $arg_x match=any;
        auth_jwt_require_claim role present;
        auth_jwt_require_claim group present error=401;
        auth_jwt_require $arg_ok error=403;
        proxy_pass http://mock;
    }
    location /none { auth_jwt "r"; auth_jwt_issuers shop; auth_jwt_require $arg_ok error=403; proxy_pass http://mock; }
--- cases eval
my %all = (scope => 'read write a', role => 'x', group => 'x');
my $scopes = 'read write a';
[
    ['GET /', undef, 401, "X-Status: no_token\n" . main::challenge(undef, $scopes)],
    ['GET /?x=b', undef, 401, main::challenge(undef, "$scopes b")],
    ['GET /?x=write', undef, 401, main::challenge(undef, $scopes)],
    ['GET /', 'Authorization: Basic YTpi', 401, main::challenge(undef, $scopes)],
    (map { ['GET /', 'Authorization: Bearer ' . JWT::refused($_), 401, main::challenge('invalid_token')] } 'malformed_token', 'wrong_type'),
    (map { ['GET /', JWT::issued({%all, %$_}), 401, main::challenge('invalid_token')] } {exp => 1}, {iss => 'x'}, {aud => 'x'}),
    ['GET /', JWT::issued({scope => 'x'}), 403, "X-Status: insufficient_scope\n" . main::challenge('insufficient_scope', $scopes)],
    ['GET /', JWT::issued({%all, role => undef}), 403, "X-Status: claim_mismatch\n" . main::challenge('insufficient_scope', $scopes)],
    ['GET /', JWT::issued({%all, group => undef}), 401, "X-Status: claim_mismatch\n" . main::challenge('invalid_token')],
    ['GET /', JWT::issued({%all}), 403, "X-Status: requirement_failed\n" . main::challenge('insufficient_scope', $scopes)],
    ['GET /?ok=1', JWT::issued({%all}), 200, '! WWW-Authenticate'],
    ['GET /none', undef, 401, main::challenge()],
    ['GET /none', JWT::issued(), 403, main::challenge('insufficient_scope')],
]


=== TEST 7: scopes in a challenge are escaped as the realm is, and cannot break out of it
--- guarded
auth_jwt_require_scope 'a"b' "c\\d" $http_x_scope;
--- cases eval
[
    ['GET /', undef, 401, 'WWW-Authenticate: Bearer realm="r", scope="a\\"b c\\\\d"'],
    ['GET /', 'X-Scope: x", error="none', 401, 'WWW-Authenticate: Bearer realm="r", scope="a\\"b c\\\\d x\\", error=\\"none"'],
    ['GET /', "X-Scope: x\ty", 401, 'WWW-Authenticate: Bearer realm="r", scope="a\\"b c\\\\d x y"'],
]
