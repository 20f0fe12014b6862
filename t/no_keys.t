# auth_jwt without any key source: the signature is not verified, all else is, and nginx warns.
use strict;
use warnings;

use Test::More;

use JWT;
use JWT::Server;

my $nginx = JWT::Server->new(
    files => {'html/good.jwks' => {JWT::key_files()}->{'good.jwks'}},
    server => <<'CONF',
        add_header X-Status $auth_jwt_status always;
        add_header X-Sub $jwt_claim_sub always;
        location / { auth_jwt "r"; empty_gif; }
        location /cookie { auth_jwt "r" token=$cookie_jwt; empty_gif; }
        location /require { auth_jwt "r"; auth_jwt_require $jwt_claim_admin; empty_gif; }
        location /leeway { auth_jwt "r"; auth_jwt_leeway 10s; empty_gif; }
        location /encrypted { auth_jwt "r"; auth_jwt_type encrypted; empty_gif; }
        location /nested { auth_jwt "r"; auth_jwt_type nested; empty_gif; }
CONF
);

sub told {
    my ($path, $token, $header) = @_;
    return $nginx->outcome($path, ($header // 'Authorization: Bearer ') . $token);
}

my $now = time;
is(told('/', JWT::token({sub => 'a'})), '200 ok', 'any token passes');
is(told('/', JWT::token({sub => 'a'}, secret => 'unheard of')), '200 ok', 'signed with any secret');
is(told('/', JWT::token({sub => 'a'}, signature => 'x' x 32)), '200 ok', 'or with nothing that is a signature');
is(told('/', JWT::token({sub => 'a'}, kid => 'unknown')), '200 ok', 'with any kid');
is(told('/', JWT::token({sub => 'a'}, alg => 'RS256', signature => 'x' x 256)), '200 ok', 'with any algorithm we know');
is(told('/cookie', JWT::token(), 'Cookie: jwt='), '200 ok', 'a token of a cookie, too');

my $answer = $nginx->get('/', JWT::bearer({sub => 'alice'}, secret => 'x'));
is($answer->{headers}{'x-sub'}, 'alice', 'its claims are there');

is($nginx->get('/')->{status}, 401, 'no token: 401');
is($nginx->get('/')->{headers}{'www-authenticate'}, 'Bearer realm="r"', 'and a bare challenge');

is(told('/', JWT::refused('malformed_token')), '401 malformed_token', 'malformed: 401');
is(told('/', JWT::token({}, signature => '') . $_), '401 malformed_token', "a signature that is no base64url: $_")
    for '=', 'A', 'AB', '!AAA';
is(told('/', JWT::token('[]')), '401 malformed_token', 'claims that are no object: 401');
is(told('/', JWT::token({}, header => {crit => ['x']})), '401 malformed_token', 'crit: 401');
is(told('/', JWT::token({}, header => {b64 => JSON::PP::false()})), '401 malformed_token', 'b64: 401');
is(told('/', JWT::token({exp => '1'})), '401 malformed_token', 'exp that is no number: 401');
is(told('/', JWT::refused('wrong_type')), '401 wrong_type', 'a JWE: 401');

for my $alg (qw(none None NONE nOnE HS1 ES256K RSA1_5), '') {
    is(told('/', JWT::token({}, alg => $alg, signature => 'x')), '401 unsupported_algorithm', "alg \"$alg\": 401");
}
is(told('/', JWT::token({}, alg => 'none', signature => '')), '401 unsupported_algorithm', 'alg none without a signature: 401');

is(told('/', JWT::token({exp => $now - 10})), '401 expired', 'expired: 401');
is(told('/', JWT::token({exp => $now + 100})), '200 ok', 'not expired');
is(told('/', JWT::token({nbf => $now + 100})), '401 not_yet_valid', 'not yet valid: 401');
is(told('/leeway', JWT::token({exp => $now - 5})), '200 ok', 'expired within the leeway');
is(told('/require', JWT::token({})), '401 requirement_failed', 'a requirement fails: 401');
is(told('/require', JWT::token({admin => 1})), '200 ok', 'a requirement holds');

# There is nothing to decrypt with.
for my $type (qw(encrypted nested)) {
    $nginx->new_lines;
    is(told("/$type", JWT::refused('wrong_type')), '500 keys_unavailable', "$type: 500");
    my @lines = grep {/\[error\]/} $nginx->new_lines;
    is(scalar @lines, 1, 'one line at error') or diag(@lines);
    like($lines[0] // '', qr/no key source to decrypt the JWT with/, 'says why');
    is(told("/$type", JWT::token()), '401 wrong_type', "$type, and a JWS: 401");
    is($nginx->outcome("/$type"), '401 no_token', "$type, and no token: 401");
}
undef $nginx;

# The warnings of `nginx -t`.
sub warnings_of {
    my (%options) = @_;
    my ($fine, $text) = JWT::Server->prepared(%options)->checked;
    ok($fine, 'the configuration is fine') or diag($text);
    return grep {/\[warn\].*auth_jwt/} split /^/m, $text;
}

my @warnings = warnings_of(server => "location / {\n auth_jwt \"r\";\n}\n");
is(scalar @warnings, 1, 'one warning for a place without keys');
my ($place) = map {/nginx\.conf:(\d+)/} @warnings;
cmp_ok($place // 0, '>', 10, 'which names file and line');
like($warnings[0] // '', qr/signature/, 'and what it means');

@warnings = warnings_of(server => 'auth_jwt "r"; location /a { } location /b { location /b/c { } } location / { if ($arg_x) { set $y 1; } }');
is(scalar @warnings, 1, 'one warning for a place that many locations inherit');

@warnings = warnings_of(http => 'auth_jwt "r";', server => 'location /a { auth_jwt "a"; } location /b { auth_jwt "b" token=$arg_t; }');
is(scalar @warnings, 3, 'one for each place');

@warnings = warnings_of(server => 'location /a { limit_except GET { auth_jwt "r"; } }');
is(scalar @warnings, 1, 'one for a limit_except');

for my $quiet (
    'location / { auth_jwt "r"; auth_jwt_key_file keys; }',
    'auth_jwt_key_file keys; location / { auth_jwt "r"; location /a { auth_jwt "a"; } }',
    'auth_jwt "r"; auth_jwt_key_file keys; location / { auth_jwt off; }',
    'location / { auth_jwt off; }',
    'location / { auth_jwt off token=$cookie_jwt; }',
    'location / { }',
) {
    is_deeply([warnings_of(server => $quiet)], [], "no warning: $quiet");
}

done_testing();
