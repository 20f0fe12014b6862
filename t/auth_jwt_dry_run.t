# The directive auth_jwt_dry_run. Beside other modules under satisfy it is in satisfy.t.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;
use JWT::Server;

# Each refusal is told, in one line at notice that says why and nothing of the token; no other line of ours comes.
{
    my $sub = 'the-sub-nobody-may-log';
    my $claims = sub { return {iss => 'a', aud => 'api', exp => 9_999_999_999, sub => $sub, scope => 'read', role => $sub, @_} };
    my $nginx = JWT::Server->new(
        files => {'conf/keys' => JWT::key_set(JWT::jwk($JWT::SECRET))},
        http => 'auth_jwt_issuer a { issuer a; audience api; key_file keys; } auth_jwt_issuer b { issuer b; audience api; key_file missing; }',
        server => 'location / { auth_jwt r; auth_jwt_dry_run on; auth_jwt_issuers a b; auth_jwt_require_scope read;'
            . ' auth_jwt_require_claim role present; auth_jwt_require $arg_x; add_header X-Status $auth_jwt_status; empty_gif; }',
    );
    $nginx->new_lines;
    my $nginxs_own = qr/\[notice\] \d+#\d+: (?!\*)|client .*closed (?:keepalive )?connection/;
    for my $case (
        [undef, 'no_token', qr/no JWT was provided/],
        ['a.b', 'malformed_token', qr/malformed JWT/],
        [$claims->(iss => $sub), 'unknown_issuer', qr/JWT issuer is not known/],
        [$claims->(exp => 1), 'expired', qr/expired JWT token/],
        [$claims->(exp => undef), 'malformed_token', qr/malformed JWT/],
        [$claims->(aud => $sub), 'wrong_audience', qr/JWT audience is another/],
        [$claims->(scope => $sub), 'insufficient_scope', qr/JWT scope is insufficient/],
        [$claims->(role => undef), 'claim_mismatch', qr/JWT claim "role" does not match/],
        [$claims->(), 'requirement_failed', qr/JWT requirement is not met/],
        [$claims->(iss => 'b'), 'keys_unavailable', qr/JWT keys are unavailable/],
    ) {
        my ($token, $word, $why) = @$case;
        my @line = !defined $token ? () : ref $token ? JWT::bearer($token) : "Authorization: Bearer $token";
        is($nginx->outcome('/', @line), "200 ${word}_dry_run", "$word: nothing is refused");
        my @lines = grep { !/$nginxs_own/ } $nginx->new_lines;
        my @errors = $word eq 'keys_unavailable' ? grep {/\[error\]/} @lines : ();
        is(scalar @lines, 1 + @errors, "$word: one line") or diag(@lines);
        like($lines[-1] // '', qr/\[notice\] \S+ (?:\*\d+ )?$why.*\(dry run\)/, "$word: which says why");
        is(scalar @errors, 1, 'and the key source tells what is wrong with it') if $word eq 'keys_unavailable';
    }
    is($nginx->outcome('/?x=1', JWT::bearer($claims->())), '200 ok', 'a good token is good');
    is(scalar(grep { !/$nginxs_own/ } $nginx->new_lines), 0, 'and tells nothing');
    unlike($nginx->error_log, qr/\Q$sub\E/, 'no claim is logged');
}

JWT::write_file("$JWT::Nginx::keys/content.jwks", JWT::key_set(JWT::jwk($JWT::CONTENT_KEY)));

run_tests();

__DATA__

=== TEST 1: nothing is refused, and the word ends in _dry_run where it would have been
--- guarded
auth_jwt_dry_run on;
--- cases eval
[
    ['GET /', undef, 200, "X-Status: no_token_dry_run\n! WWW-Authenticate"],
    (
        map { ['GET /', 'Authorization: Bearer ' . JWT::refused($_), 200, "X-Status: ${_}_dry_run\n! WWW-Authenticate", 'sub= a='] }
            qw(malformed_token wrong_type unsupported_algorithm unknown_key invalid_signature expired not_yet_valid),
    ),
    ['GET /', JWT::bearer(), 200, 'X-Status: ok', 'sub=alice'],
]
--- no_error_log
[error]


=== TEST 2: of issuers and rules, too, and $auth_jwt_issuer is empty
--- http_config eval
JWT::Nginx::issuer('shop', 'algorithms HS256 HS384;')
--- guarded
auth_jwt_dry_run on;
auth_jwt_issuers shop;
auth_jwt_require_scope read;
auth_jwt_require_claim role present error=401;
auth_jwt_require $jwt_claim_x;
add_header X-Issuer "<$auth_jwt_issuer>";
--- cases eval
my %good = (scope => 'read', role => 'x', x => 1);
[
    (
        map {
            my ($word, $claims, @options) = @$_;
            (['GET /', JWT::issued({%good, %$claims}, @options), 200, "X-Status: ${word}_dry_run\nX-Issuer: <>\n! WWW-Authenticate", 'sub= a=']) x 3;
        } ['unknown_issuer', {iss => 'x'}], ['unsupported_algorithm', {}, alg => 'HS512'], ['wrong_typ', {}, header => {typ => 'x'}], ['wrong_lifetime', {exp => undef}],
            ['wrong_audience', {aud => 'x'}], ['insufficient_scope', {scope => 'x'}], ['claim_mismatch', {role => undef}], ['requirement_failed', {x => 0}],
    ),
    (['GET /', JWT::issued({%good}), 200, "X-Status: ok\nX-Issuer: <shop>", 'sub=alice']) x 3,
]
--- no_error_log
[error]


=== TEST 3: keys that are unavailable are let pass as well, and none at all to decrypt with
--- config
    auth_jwt_dry_run on;
    add_header X-Status $auth_jwt_status always;
    location / { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/missing.jwks; proxy_set_header X-Sub $jwt_claim_sub; proxy_pass http://mock; }
    location /request { auth_jwt "r"; auth_jwt_key_request /none; proxy_set_header X-Sub $jwt_claim_sub; proxy_pass http://mock; }
    location = /none { auth_jwt off; return 503; }
    location /encrypted { auth_jwt "r"; auth_jwt_type encrypted; proxy_pass http://mock; }
--- cases eval
[
    (map { ["GET $_", JWT::bearer(), 200, 'X-Status: keys_unavailable_dry_run', 'sub= a='] } '/', '/request'),
    ['GET /encrypted', 'Authorization: Bearer ' . JWT::refused('wrong_type'), 200, 'X-Status: keys_unavailable_dry_run'],
]
--- no_error_log
[crit]


=== TEST 4: from the refusal on the claims of that token are empty in the location: set variables and $jwt_payload, too
--- http_config
    auth_jwt_claim_set $role realm role;
    map $jwt_claim_sub $mapped { volatile; default "of $jwt_claim_sub"; "" none; }
--- guarded
auth_jwt_dry_run on;
set $early "<$jwt_claim_sub $role>";
add_header X-Early $early;
add_header X-Late "<$jwt_claim_sub$role$jwt_payload> $mapped";
add_header X-Alg $jwt_header_alg;
--- config
    location /cookie { auth_jwt "r" token=$cookie_jwt; auth_jwt_dry_run on; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; add_header X-Late "<$jwt_claim_sub$role$jwt_payload> $mapped"; proxy_pass http://mock; }
--- cases eval
my %claims = (sub => 'alice', realm => {role => 'admin'});
my $forged = JWT::token({%claims}, secret => 'forged');
my $gone = 'X-Late: <> none';
[
    ['GET /', "Authorization: Bearer $forged", 200, "X-Early: <alice admin>\n$gone\nX-Alg: HS256", 'sub= a='],
    ['GET /', JWT::bearer({%claims, exp => 1}), 200, "X-Early: <alice admin>\n$gone", 'sub= a='],
    ['GET /', JWT::bearer('{"sub":"alice"}'), 200, "X-Early: <alice >\nX-Late: <alice{\"sub\":\"alice\"}> of alice", 'sub=alice'],
    ['GET /cookie', "Cookie: jwt=$forged", 200, $gone],
    ['GET /cookie', "Cookie: jwt=$forged\n" . JWT::bearer({%claims}), 200, $gone],
]
--- no_error_log
[error]


=== TEST 5: of an encrypted token that was decrypted, too
--- guarded
auth_jwt_dry_run on;
auth_jwt_type encrypted;
auth_jwt_key_file $TEST_NGINX_KEYS/content.jwks;
auth_jwt_require $arg_x;
add_header X-Late "<$jwt_claim_sub$jwt_payload>";
--- cases eval
my $token = 'Authorization: Bearer ' . JWT::encrypted('{"sub":"alice"}');
[
    (['GET /', $token, 200, "X-Status: requirement_failed_dry_run\nX-Late: <>", 'sub= a='], ['GET /?x=1', $token, 200, "X-Status: ok\nX-Late: <alice{\"sub\":\"alice\"}>", 'sub=alice']) x 3,
]
--- no_error_log
[error]


=== TEST 6: off by default and where it is said; inherited, and replaced
--- config
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    auth_jwt_dry_run on;
    location / { auth_jwt "r"; auth_jwt_dry_run off; proxy_pass http://mock; location /inner { proxy_pass http://mock; } }
    location /on { auth_jwt "r"; proxy_pass http://mock; location /on/inner { limit_except GET { auth_jwt_dry_run off; } proxy_pass http://mock; } }
--- cases eval
[
    (map { ["GET $_", undef, 401, 'WWW-Authenticate: Bearer realm="r"'] } '/', '/inner'),
    (map { ["GET $_", undef, 200] } '/on', '/on/inner'), ['POST /on/inner', undef, 401],
]
--- no_error_log
[error]


=== TEST 7: with auth_jwt_optional a missing token is none that would have been refused
--- guarded
auth_jwt_dry_run on;
auth_jwt_optional on;
--- config
    location /scope { auth_jwt "r"; auth_jwt_dry_run on; auth_jwt_optional on; auth_jwt_require_scope x; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; add_header X-Status $auth_jwt_status; proxy_pass http://mock; }
--- cases eval
[
    ['GET /', undef, 200, 'X-Status: no_token'], ['GET /', 'Authorization: Bearer x', 200, 'X-Status: malformed_token_dry_run'],
    ['GET /scope', undef, 200, 'X-Status: no_token_dry_run'],
]
--- no_error_log
[error]


=== TEST 8: a location behind an internal redirect has its own verdict, and its own claims
--- config
    root $TEST_NGINX_HTML_DIR;
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    add_header X-Status $auth_jwt_status always;
    add_header X-Sub "<$jwt_claim_sub>" always;
    location /dry/ { auth_jwt "r"; auth_jwt_dry_run on; auth_jwt_require $arg_x; try_files /none $uri/last; }
    location /dry/guarded { auth_jwt "r"; proxy_pass http://mock; }
    location /guarded/ { auth_jwt "r"; try_files /none $uri/last; }
    location /guarded/dry { auth_jwt "r"; auth_jwt_dry_run on; auth_jwt_require $arg_x; proxy_pass http://mock; }
    location ~ ^/dry/guarded/last { auth_jwt "r"; proxy_pass http://mock; }
    location ~ ^/dry/other/last { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks; proxy_pass http://mock; }
    location ~ ^/guarded/x/last { auth_jwt "r"; auth_jwt_dry_run on; auth_jwt_require $arg_x; proxy_pass http://mock; }
--- cases eval
[
    ['GET /dry/guarded/last', JWT::bearer(), 200, "X-Status: ok\nX-Sub: <alice>"],
    ['GET /dry/other', JWT::bearer(), 401, 'X-Status: invalid_signature'],
    ['GET /guarded/x', JWT::bearer(), 200, "X-Status: requirement_failed_dry_run\nX-Sub: <>"],
    ['GET /guarded/x', undef, 401, 'X-Status: no_token'],
]
--- no_error_log
[crit]
