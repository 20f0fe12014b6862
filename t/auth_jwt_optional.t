# The directive auth_jwt_optional. Beside other modules under satisfy it is in satisfy.t.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

# What carries no token.
our @none = (undef, 'Authorization: Bearer', 'Authorization: Bearer   ', 'Authorization: Basic YTpi', 'Authorization: x');

run_tests();

__DATA__

=== TEST 1: without a token the request passes, and its claims are empty; a bad token is 401 all the same
--- guarded
auth_jwt_optional on;
add_header X-Claims "<$jwt_claim_sub$jwt_payload$jwt_header_alg>";
--- cases eval
[
    (map { ['GET /', $_, 200, "X-Status: no_token\nX-Claims: <>\n! WWW-Authenticate", 'sub= a='] } @main::none),
    ['GET /', JWT::bearer({sub => 'alice'}), 200, 'X-Status: ok', 'sub=alice'],
    (
        map { ['GET /', 'Authorization: Bearer ' . JWT::refused($_), 401, "X-Status: $_\nWWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\""] }
            qw(malformed_token wrong_type unsupported_algorithm unknown_key invalid_signature expired not_yet_valid),
    ),
]


=== TEST 2: off by default, and said
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    auth_jwt_optional on;
    location / { auth_jwt "r"; auth_jwt_optional off; proxy_pass http://mock; location /inner { proxy_pass http://mock; } }
    location /on { auth_jwt "r"; proxy_pass http://mock; location /on/inner { limit_except GET { auth_jwt_optional off; } proxy_pass http://mock; } }
--- cases eval
[
    (map { ["GET $_", undef, 401, 'WWW-Authenticate: Bearer realm="r"'] } '/', '/inner'),
    (map { ["GET $_", undef, 200] } '/on', '/on/inner'), ['POST /on/inner', undef, 401],
]


=== TEST 3: it waits for no key; one that cannot be had is still 500 for who has a token
--- guarded
auth_jwt_optional on;
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- cases eval
[['GET /', undef, 200, 'X-Status: no_token'], ['GET /', JWT::bearer(), 500, 'X-Status: keys_unavailable']]
--- no_error_log
[crit]


=== TEST 4: where a scope, a claim rule or auth_jwt_require stands, no token is 401 still
--- http_config eval: JWT::Nginx::issuer('shop')
--- config
    auth_jwt_optional on;
    auth_jwt_issuers shop;
    add_header X-Status $auth_jwt_status always;
    location /scope { auth_jwt "r"; auth_jwt_require_scope read; proxy_pass http://mock; }
    location /claim { auth_jwt "r"; auth_jwt_require_claim sub present; proxy_pass http://mock; }
    location /absent { auth_jwt "r"; auth_jwt_require_claim banned absent; proxy_pass http://mock; }
    location /require { auth_jwt "r"; auth_jwt_require $host; proxy_pass http://mock; location /require/inherited { proxy_pass http://mock; } }
    location /audience { auth_jwt "r"; auth_jwt_audience api; proxy_pass http://mock; }
    location /issuers { auth_jwt "r"; proxy_pass http://mock; }
--- cases eval
[
    ['GET /scope', undef, 401, "X-Status: no_token\nWWW-Authenticate: Bearer realm=\"r\", scope=\"read\""],
    (map { ["GET /$_", undef, 401, "X-Status: no_token\nWWW-Authenticate: Bearer realm=\"r\""] } qw(claim absent require require/inherited)),
    (map { ["GET /$_", undef, 200, 'X-Status: no_token'] } qw(audience issuers)),
    (map { ["GET /$_", JWT::issued(), 200, 'X-Status: ok'] } qw(claim absent require audience issuers)),
    ['GET /scope', JWT::issued(), 403],
    ['GET /audience', JWT::issued({aud => 'web'}), 401, 'X-Status: wrong_audience'],
    ['GET /issuers', JWT::issued({iss => 'x'}), 401, 'X-Status: unknown_issuer'],
]


=== TEST 5: a token from a variable, encrypted ones, and no key source
--- config
    auth_jwt_optional on;
    add_header X-Status $auth_jwt_status always;
    location /cookie { auth_jwt "r" token=$cookie_jwt; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
    location /encrypted { auth_jwt "r"; auth_jwt_type encrypted; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
--- cases eval
my $bad = JWT::token({}, secret => 'forged');
[
    ['GET /cookie', undef, 200, 'X-Status: no_token'], ['GET /cookie', 'Cookie: jwt=', 200, 'X-Status: no_token'],
    ['GET /cookie', "Authorization: Bearer $bad", 200, 'X-Status: no_token'],
    ['GET /cookie', "Cookie: jwt=$bad", 401, 'X-Status: invalid_signature'], ['GET /cookie', 'Cookie: jwt=x', 401, 'X-Status: malformed_token'],
    ['GET /encrypted', undef, 200, 'X-Status: no_token'], ['GET /encrypted', JWT::bearer(), 401, 'X-Status: wrong_type'],
]
