# The directive auth_jwt_key_file. Files that change under a running nginx are in key_file_changes.t.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

run_tests();

__DATA__

=== TEST 1: a JWK Set
--- guarded
--- cases eval
[
    ["GET /", JWT::bearer(), 200],
    ["GET /", JWT::bearer(undef, kid => 'usual'), 200],
    ["GET /", JWT::bearer(undef, secret => 'x'), 401],
]


=== TEST 2: a single bare JWK is a set of one
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/bare.jwk;
--- cases eval
[
    ["GET /", JWT::bearer(), 200],
    ["GET /", JWT::bearer(undef, secret => 'x'), 401],
]


=== TEST 3: several files on a level are one union
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks;
auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
--- cases eval
[
    ["GET /", JWT::bearer(), 200],
    ["GET /", JWT::bearer(undef, secret => $JWT::OTHER_SECRET), 200],
    ["GET /", JWT::bearer(undef, secret => 'x'), 401],
]


=== TEST 4: in a union, a kid of one file keeps the keys without a kid of another from being tried
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks;
auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
--- cases eval
[
    ["GET /", JWT::bearer(undef, secret => $JWT::OTHER_SECRET, kid => 'usual'), 401, "X-Status: invalid_signature"],
    ["GET /", JWT::bearer(undef, secret => $JWT::OTHER_SECRET, kid => 'unknown'), 200, "X-Status: ok"],
]


=== TEST 5: if any source of the union cannot be had: 500
--- config
    location /missing { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks; proxy_pass http://mock; }
    location /broken  { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/broken.jwks; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
    location /empty   { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; auth_jwt_key_file $TEST_NGINX_KEYS/empty.jwks; proxy_pass http://mock; }
--- cases eval
[
    ["GET /missing", JWT::bearer(), 500, '! WWW-Authenticate'],
    ["GET /broken", JWT::bearer(), 500, '! WWW-Authenticate'],
    ["GET /empty", JWT::bearer(), 500, '! WWW-Authenticate'],
]
--- error_log
[error]
.jwks


=== TEST 6: a level that names any source of its own replaces the inherited list as a whole
--- http_config
    auth_jwt "r";
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    location / { proxy_pass http://mock; }
    location /other/ {
        auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks;
        proxy_pass http://mock;
        location /other/below/ { proxy_pass http://mock; }
    }
--- request eval
["GET /", "GET /other/", "GET /other/", "GET /other/below/", "GET /other/below/"]
--- more_headers eval
my @two = (JWT::bearer(), JWT::bearer(undef, secret => $JWT::OTHER_SECRET));
[$two[0], @two, @two]
--- error_code eval
[200, 401, 200, 401, 200]


=== TEST 7: sources are inherited where a level names none, auth_jwt may stand on another level
--- http_config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
--- config
    location / { auth_jwt "r"; proxy_pass http://mock; }
--- cases eval
[
    ["GET /", JWT::bearer(), 200],
    ["GET /", JWT::bearer(undef, secret => $JWT::OTHER_SECRET), 401],
]


=== TEST 8: relative to the conf prefix
--- guarded
auth_jwt_key_file relative/keys.jwks;
--- user_files eval
[["../conf/relative/keys.jwks", JWT::key_set(JWT::jwk($JWT::SECRET))]]
--- more_headers eval: JWT::bearer()


=== TEST 9: a missing file lets nginx start; a token that parses gets 500, and the log names the file
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
--- more_headers eval: JWT::bearer()
--- error_code: 500
--- response_headers
! WWW-Authenticate
--- error_log eval
[qr{\[error\] .*/missing\.jwks\\?".*No such file}]
--- no_error_log
[crit]
[alert]
[emerg]


=== TEST 10: a missing file does not matter where auth_jwt is off
--- config
    location / {
        auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks;
        proxy_pass http://mock;
    }
--- more_headers eval: JWT::bearer()
--- no_error_log
[error]


=== TEST 11: a broken file: 500, and the log names the file and the reason
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/broken.jwks;
--- more_headers eval: JWT::bearer()
--- error_code: 500
--- error_log eval
[qr{\[error\] .*/broken\.jwks\\?".*JSON}]


=== TEST 12: a set without keys, a set of nothing usable, a file without a byte
--- config
    location /empty    { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/empty.jwks; proxy_pass http://mock; }
    location /unusable { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_HTML_DIR/unusable.jwks; proxy_pass http://mock; }
    location /bare     { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_HTML_DIR/bare.jwk; proxy_pass http://mock; }
--- user_files
>>> unusable.jwks
{"keys": [{"kty": "XYZ"}, {"kty": "oct", "k": ""}]}
>>> bare.jwk
{"kty": "XYZ"}
--- cases eval
[
    ["GET /empty", JWT::bearer(), 500],
    ["GET /unusable", JWT::bearer(), 500],
    ["GET /bare", JWT::bearer(), 500],
]
--- error_log eval
[qr{\[error\] .*empty JWK set}]


=== TEST 13: what is no JWK Set
--- config
    location ~ ^/([a-z]+)$ { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_HTML_DIR/$1; proxy_pass http://mock; }
--- user_files eval
[
    [zero => ''], [space => " \n"], [array => '[]'], [string => '"keys"'], [object => '{}'],
    [notarray => '{"keys": {}}'], [null => '{"keys": null}'], [trailing => JWT::key_set(JWT::jwk($JWT::SECRET)) . ' x'],
    [pem => "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"],
    [bom => "\xEF\xBB\xBF\xEF\xBB\xBF" . JWT::key_set(JWT::jwk($JWT::SECRET))],
    [latin => JWT::key_set(JWT::jwk($JWT::SECRET)) =~ s/"k"/"j":"\xFC","k"/r],
]
--- cases eval
[
    map { [$_, JWT::bearer(), 500] }
        map {"GET /$_"} qw(zero space array string object notarray null trailing pem bom latin),
]
--- error_log eval
[qr{\[error\]}]


=== TEST 14: white space around the set does not matter
--- guarded
auth_jwt_key_file $TEST_NGINX_HTML_DIR/spaced.jwks;
--- user_files eval
[['spaced.jwks', "\r\n \t" . JWT::key_set(JWT::jwk($JWT::SECRET)) . "\r\n\r\n"]]
--- more_headers eval: JWT::bearer()


=== TEST 15: an entry we cannot use is skipped with one notice and never spoils the others
--- guarded
auth_jwt_key_file $TEST_NGINX_HTML_DIR/mixed.jwks;
--- user_files eval
[['mixed.jwks', JWT::key_set(
    {kty => 'XYZ', kid => 'odd-type'},
    {kty => 'EC', crv => 'secp256k1', x => 'AA', y => 'AA', kid => 'odd-curve'},
    {kty => 'oct', k => 'AA', alg => 'HS1', kid => 'odd-alg'},
    {kty => 'RSA', n => 'AQAB', e => 'AQAB', kid => 'weak'},
    {kty => 'EC', crv => 'P-256', x => 'A' x 43, y => 'A' x 43, kid => 'off-curve'},
    {kty => 'oct', k => '****', kid => 'malformed'},
    {kty => 'oct', k => '', kid => 'void'},
    17,
    JWT::jwk($JWT::SECRET, kid => 'fine'),
)]]
--- more_headers eval: JWT::bearer()
--- grep_error_log eval
qr/\[notice\] .*(?:odd-type|odd-curve|odd-alg|weak|off-curve|malformed|void|key 7).* is not usable/
--- grep_error_log_out eval
my $prefix = qr/\[notice\] [^\n]*mixed\.jwks[^\n]*/;
my $all = CORE::join '', map {qr/$prefix\Q$_\E[^\n]* is not usable\n/} qw(odd-type odd-curve odd-alg weak off-curve malformed void), 'key 7';
qr/\A$all\z/
--- no_error_log
[error]
[warn]


=== TEST 16: a skipped entry's kid that is hostile is no danger to the log
--- guarded
auth_jwt_key_file $TEST_NGINX_HTML_DIR/hostile.jwks;
--- user_files eval
[['hostile.jwks', JWT::key_set(
    {kty => 'XYZ', kid => "line\r\nforged"}, {kty => 'XYZ', kid => 'x' x 5000}, JWT::jwk($JWT::SECRET)
)]]
--- more_headers eval: JWT::bearer()
--- error_log
is not usable
--- no_error_log eval
[qr/^forged/, qr/x{100}/, qr/\[error\]/]


=== TEST 17: a set whose keys all serve another purpose is no error: 401
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/enc.jwks;
--- more_headers eval: JWT::bearer()
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="r", error="invalid_token"
X-Status: unknown_key


=== TEST 18: a directory as key file: 500
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/directory;
--- more_headers eval: JWT::bearer()
--- error_code: 500
--- error_log eval
[qr{\[error\] .*/directory\\?" }]


=== TEST 19: a FIFO as key file: 500, and nobody waits for a writer
--- guarded
auth_jwt_key_file $TEST_NGINX_KEYS/fifo;
--- more_headers eval: JWT::bearer()
--- error_code: 500
--- error_log eval
[qr{\[error\] .*/fifo\\?" }]


=== TEST 20: /dev/null and /dev/zero as key files: 500, at once
--- config
    location /null { auth_jwt "r"; auth_jwt_key_file /dev/null; proxy_pass http://mock; }
    location /zero { auth_jwt "r"; auth_jwt_key_file /dev/zero; proxy_pass http://mock; }
--- cases eval
[
    ["GET /null", JWT::bearer(), 500],
    ["GET /zero", JWT::bearer(), 500],
]
--- error_log eval
[qr{\[error\] .*/dev/(?:null|zero)\\?" }]


=== TEST 21: a symbolic link is followed
--- guarded
auth_jwt_key_file $TEST_NGINX_HTML_DIR/link;
--- init
symlink "$ENV{TEST_NGINX_KEYS}/good.jwks", "$ENV{TEST_NGINX_HTML_DIR}/link" or die $!;
--- more_headers eval: JWT::bearer()
