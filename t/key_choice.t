# Which keys of a set are tried: by kid, and by what a key says it is for.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: a thousand keys in the file, the token names the last one
--- guarded
auth_jwt_key_file $TEST_NGINX_HTML_DIR/many.jwks;
--- user_files eval
[['many.jwks', JWT::key_set(map { JWT::jwk("secret $_", kid => "k$_") } 1 .. 1000)]]
--- cases eval
[map { ['GET /', JWT::bearer(undef, secret => 'secret 1000', kid => $_), $_ eq 'k1000' ? 200 : 401] } 'k1000', 'k999', 'k1001']


=== TEST 2: several keys of one kid are all tried, in order
--- guarded
auth_jwt_key_file $TEST_NGINX_HTML_DIR/twins.jwks;
--- user_files eval
[['twins.jwks', JWT::key_set(map { JWT::jwk($_, kid => 'twin') } 'first', 'second', 'third')]]
--- request eval
["GET /", "GET /", "GET /", "GET /"]
--- more_headers eval
[map { JWT::bearer(undef, secret => $_, kid => 'twin') } 'first', 'second', 'third', 'fourth']
--- error_code eval
[200, 200, 200, 401]


=== TEST 3: at most 32 keys are tried for a token without a kid
--- guarded
auth_jwt_key_file $TEST_NGINX_HTML_DIR/many.jwks;
--- user_files eval
[['many.jwks', JWT::key_set(map { JWT::jwk("secret $_", kid => "k$_") } 1 .. 40)]]
--- cases eval
[map { ['GET /', JWT::bearer(undef, secret => "secret $_"), $_ <= 32 ? 200 : 401] } 1, 32, 33]


=== TEST 4: alg, use and key_ops of a key bind
--- config
    location ~ ^/([a-z]+)$ { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_HTML_DIR/$1; add_header X-Status $auth_jwt_status always; proxy_pass http://mock; }
--- user_files eval
my %sets = (
    same => {alg => 'HS256'}, longer => {alg => 'HS512'}, sig => {use => 'sig'}, enc => {use => 'enc'},
    verify => {key_ops => ['sign', 'verify']}, sign => {key_ops => ['sign']}, none => {key_ops => []},
);
[map { [$_, JWT::key_set(JWT::jwk($JWT::SECRET, %{$sets{$_}}))] } sort keys %sets]
--- request eval
[map {"GET /$_"} qw(same longer sig enc verify sign none)]
--- more_headers eval
[(JWT::bearer()) x 7]
--- error_code eval
[200, 401, 200, 401, 200, 401, 401]
--- response_headers eval
[map {"X-Status: $_"} qw(ok unknown_key ok unknown_key ok unknown_key unknown_key)]


=== TEST 5: HS256, HS384 and HS512 with a short secret
--- guarded
auth_jwt_key_file $TEST_NGINX_HTML_DIR/short.jwks;
--- user_files eval
[['short.jwks', JWT::key_set(JWT::jwk('12345678'))]]
--- cases eval
[map { ["GET /", $_, 200] } map { JWT::bearer(undef, secret => '12345678', alg => $_) } qw(HS256 HS384 HS512)]


=== TEST 6: the log tells that the bound left keys untried
--- guarded
auth_jwt_key_file $TEST_NGINX_HTML_DIR/many.jwks;
--- user_files eval
[['many.jwks', JWT::key_set(map { JWT::jwk("secret $_", kid => "k$_") } 1 .. 33)]]
--- more_headers eval: JWT::bearer(undef, secret => 'secret 33')
--- error_code: 401
--- error_log
JWT HS validation failed: 32 keys were tried, others were not
has a secret of 8 octets, 32 at least are advised (RFC 7518 section 3.2)
--- no_error_log
[warn]
[error]
