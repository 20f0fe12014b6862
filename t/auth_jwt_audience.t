# The directive auth_jwt_audience. The audience of a block is in auth_jwt_issuer.t.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

# A header line with a token for this audience, which good.jwks verifies and no issuer need know.
sub to { return JWT::bearer({aud => $_[0]}) }

# What is told of one that is for somebody else.
our $wrong = qq(X-Status: wrong_audience\nWWW-Authenticate: Bearer realm="r", error="invalid_token");

run_tests();

__DATA__

=== TEST 1: with any key source: any of its values, in any of several directives
--- guarded
auth_jwt_audience api web;
auth_jwt_audience "the app";
--- cases eval
[
    (map { ['GET /', main::to($_), 200, 'X-Status: ok'] } 'api', 'web', 'the app', ['x', 'web'], [1, ['x'], 'api']),
    (map { (['GET /', main::to($_), 401, $main::wrong]) x 3 } 'apis', 'API', 'api web', 'app', '', [], [['api']], {api => 'api'}, 1, 'any'),
    ['GET /', JWT::bearer({}), 401, $main::wrong],
    ['GET /', JWT::bearer('{"aud":null}'), 401, $main::wrong],
    ['GET /', undef, 401, qq(X-Status: no_token\nWWW-Authenticate: Bearer realm="r")],
]


=== TEST 2: "any" is a value like any other
--- guarded
auth_jwt_audience any;
--- cases eval
[['GET /', main::to('any'), 200], ['GET /', main::to('api'), 401, $main::wrong]]


=== TEST 3: in place of the blocks' audience on that level
--- http_config eval
JWT::Nginx::issuer('shop') . JWT::Nginx::issuer('open', 'audience any;')
--- config
    auth_jwt_issuers shop open;
    add_header X-Status $auth_jwt_status always;
    location / { auth_jwt "r"; proxy_pass http://mock; }
    location /web { auth_jwt "r"; auth_jwt_audience web; proxy_pass http://mock; location /web/inner { proxy_pass http://mock; } }
--- cases eval
my $open = sub { JWT::issued({iss => 'https://open.example', aud => $_[0]}) };
[
    ['GET /', JWT::issued({aud => 'api'}), 200], ['GET /', JWT::issued({aud => 'web'}), 401, $main::wrong], ['GET /', $open->('x'), 200],
    (
        map {
            (["GET $_", JWT::issued({aud => 'web'}), 200], ["GET $_", JWT::issued({aud => 'api'}), 401, $main::wrong],
                ["GET $_", $open->('web'), 200], ["GET $_", $open->('x'), 401, $main::wrong], ["GET $_", $open->(undef), 401, $main::wrong])
        } '/web', '/web/inner',
    ),
    # What is known of a token from one level is not taken for another.
    (map { (["GET /", JWT::issued({aud => 'api'}), 200], ["GET /web", JWT::issued({aud => 'api'}), 401, $main::wrong]) } 1 .. 3),
]


=== TEST 4: variables; empty ones count for nothing, and where all are the token is refused
--- guarded
auth_jwt_audience $arg_a "https://$arg_b/";
--- config
    location /only { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_jwt_audience $arg_a ""; add_header X-Status $auth_jwt_status always; proxy_pass http://mock; }
--- cases eval
[
    (['GET /?a=api', main::to('api'), 200], ['GET /?a=web', main::to('api'), 401, $main::wrong], ['GET /', main::to('api'), 401, $main::wrong]) x 3,
    ['GET /?b=x', main::to('https://x/'), 200],
    ['GET /', main::to('https:///'), 200],
    (map { ['GET /only', main::to($_), 401, $main::wrong] } '', [''], [], undef, 'api'),
    ['GET /only?a=', main::to(''), 401, $main::wrong],
    ['GET /only?a=api', main::to('api'), 200],
]


=== TEST 5: inherited by itself, and replaced as a whole
--- config
    auth_jwt_audience one two;
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    add_header X-Status $auth_jwt_status always;
    location / {
        auth_jwt "r";
        proxy_pass http://mock;
        location /keys { auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_jwt_require_scope read; proxy_pass http://mock; }
        location /own { auth_jwt_audience three; limit_except GET { auth_jwt_audience four; } proxy_pass http://mock; }
    }
--- cases eval
[
    ['GET /', main::to('two'), 200], ['GET /', main::to('three'), 401, $main::wrong],
    ['GET /keys', main::to('three'), 401, $main::wrong], ['GET /keys', main::to('one'), 403],
    ['GET /own', main::to('three'), 200], ['GET /own', main::to('one'), 401, $main::wrong],
    ['POST /own', main::to('four'), 200], ['POST /own', main::to('three'), 401, $main::wrong],
]
