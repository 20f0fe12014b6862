# What the error log says: one line at info for each refusal, a stable wording where it is known to
# be scraped, and never a token, a claim or a key.
use strict;
use warnings;

use Test::More;

use JWT;
use JWT::Server;

my $SUB = 'the-sub-nobody-may-log';
my $KID = 'the-kid-nobody-may-log';

my $locations = join '', map {
    my ($name, $lines) = @$_;
    "location = /$name { auth_jwt \"r\"; $lines empty_gif; }\n"
} (
    ['good', 'auth_jwt_key_file %DIR%/html/good.jwks;'],
    ['require', 'auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_require $jwt_claim_admin;'],
    ['require403', 'auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_require $jwt_claim_admin error=403;'],
    ['missing', 'auth_jwt_key_file %DIR%/html/missing.jwks;'],
    ['broken', 'auth_jwt_key_file %DIR%/html/broken.jwks;'],
    ['empty', 'auth_jwt_key_file %DIR%/html/empty.jwks;'],
    ['odd', 'auth_jwt_key_file %DIR%/html/odd.jwks;'],
    ['rsa', 'auth_jwt_key_file %DIR%/html/rsa.jwks;'],
    ['issuers', 'auth_jwt_issuers shop lost;'],
    ['scope', 'auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_require_scope read;'],
    ['claim', q(auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_require_claim 'realm["a b"][0]' = $http_x;)],
    ['claim401', 'auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_require_claim role present error=401;'],
    ['certificate', 'auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_certificate required cert=$http_x_cert;'],
    ['proof', 'auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_dpop required;'],
    ['any', 'satisfy any; allow all; auth_jwt_key_file %DIR%/html/good.jwks;'],
    ['deny', 'deny all; auth_jwt_key_file %DIR%/html/good.jwks;'],
);

my %keys = JWT::key_files();
my $all_keys = JWT::json(JWT::data('key_sets')->{jws_all});
my $odd = JWT::key_set({kty => 'oct', k => 'not*base64-' . JWT::b64url($JWT::SECRET)}, JWT::jwk($JWT::SECRET));

sub nginx {
    my ($level) = @_;
    return JWT::Server->new(
        log_level => $level,
        http => 'auth_jwt_issuer shop { issuer shop; audience api; algorithms HS256; key_file %DIR%/html/good.jwks; }'
            . 'auth_jwt_issuer lost { issuer lost; audience api; key_file %DIR%/html/missing.jwks; }',
        server => $locations,
        files => {
            'html/odd.jwks' => $odd,
            'html/rsa.jwks' => $all_keys,
            map { ("html/$_" => $keys{$_}) } grep { !/missing/ } keys %keys,
        },
    );
}

# Tokens that all hold $SUB, and most of them $KID.
sub marked {
    my ($claims, %options) = @_;
    return JWT::token({sub => $SUB, %{$claims // {}}}, kid => $KID, %options);
}

my $now = time;
my $elliptic = JWT::b64url(qq({"alg":"ES256","kid":"p256"})) . '.' . JWT::b64url('{}') . '.' . 'A' x 86;

# A token of the issuer "shop" of the configuration, with other claims.
sub issued { return JWT::token({iss => 'shop', aud => 'api', exp => 9_999_999_999, sub => $SUB, @_}) }

# What is bound to a certificate and to a key.
my %certificate = (cnf => {'x5t#S256' => 'the-certificate-nobody-may-log' . 'A' x 13});
my %key = (cnf => {jkt => 'the-key-nobody-may-log' . 'A' x 21});
my $proof = JWT::token({sub => $SUB}, kid => $KID);
my $ours = qr/\[info\] \S+ (?:\*\d+ )?/;

# What is asked for, by whom, and the one line that is logged; nothing where none is. More header lines may follow.
my @refusals = (
    ['good', undef, qr/\[info\] .*no JWT was provided/],
    ['good', 'a.b', qr/\[info\] .*malformed JWT/],
    ['good', "a.b.$SUB", qr/\[info\] .*malformed JWT/],
    ['good', marked({}, header_bytes => "{\"alg\":\"HS256\",\"$KID\""), qr/\[info\] .*malformed JWT/],
    ['good', marked({}, header => {crit => [$KID]}), qr/\[info\] .*malformed JWT/],
    ['good', JWT::token({sub => $SUB, exp => $SUB}), qr/\[info\] .*malformed JWT/],
    ['good', marked({}, alg => 'none', signature => ''), qr/\[info\] .*not supported/],
    ['good', marked({}, alg => $KID, signature => 'x'), qr/\[info\] .*not supported/],
    ['good', JWT::refused('wrong_type'), qr/\[info\] .*not of the type/],
    ['good', marked(), qr/\[info\] .*no key found/],
    ['good', JWT::token({sub => $SUB}, secret => 'x'), qr/\[info\] \S+ (?:\*\d+ )?JWT HS validation failed/],
    ['good', JWT::token({sub => $SUB}, secret => 'x', alg => 'HS512'), qr/\[info\] \S+ (?:\*\d+ )?JWT HS validation failed/],
    ['rsa', marked({}, alg => 'RS256', kid => 'rsa2048', signature => 'x' x 256), qr/\[info\] \S+ (?:\*\d+ )?JWT RS validation failed/],
    ['rsa', $elliptic, qr/\[info\] \S+ (?:\*\d+ )?JWT ES validation failed/],
    ['good', JWT::token({sub => $SUB, exp => $now - 1000}), qr/\[info\] \S+ (?:\*\d+ )?expired JWT token/],
    ['good', JWT::token({sub => $SUB, nbf => $now + 1000}), qr/\[info\] .*not yet valid/],
    ['require', JWT::token({sub => $SUB}), qr/\[info\] .*requirement/],
    ['require403', JWT::token({sub => $SUB}), qr/\[info\] .*requirement/],
    ['issuers', issued(iss => $SUB), qr/\[info\] \S+ (?:\*\d+ )?JWT issuer is not known,/],
    ['issuers', JWT::token({iss => 'shop', sub => $SUB}, alg => 'HS384'), qr/\[info\] \S+ (?:\*\d+ )?JWT algorithm is not allowed,/],
    ['issuers', JWT::token({iss => 'shop', sub => $SUB}, header => {typ => $SUB}), qr/\[info\] \S+ (?:\*\d+ )?JWT typ is not allowed,/],
    ['issuers', JWT::token({iss => 'shop', sub => $SUB}), qr/\[info\] \S+ (?:\*\d+ )?JWT lifetime is not allowed,/],
    ['issuers', issued(aud => $SUB), qr/\[info\] \S+ (?:\*\d+ )?JWT audience is another,/],
    ['issuers', issued(), undef],
    ['issuers', issued(iss => 'lost'), qr/\[error\] .*missing\.jwks.*No such file/],
    ['scope', issued(scope => $SUB), qr/\[info\] \S+ (?:\*\d+ )?JWT scope is insufficient,/],
    ['claim', issued(realm => {'a b' => [$SUB]}), qr/\[info\] \S+ (?:\*\d+ )?JWT claim "realm\["a b"\]\[0\]" does not match,/],
    ['claim401', issued(), qr/\[info\] \S+ (?:\*\d+ )?JWT claim "role" does not match,/],
    ['issuers', issued(cnf => $SUB), qr/${ours}JWT claim "cnf" names neither a certificate nor a key,/],
    ['issuers', issued(%certificate), qr/${ours}JWT is bound to a certificate, and the client has none,/],
    ['issuers', issued(%key), qr/${ours}JWT is bound to a key, but was sent as "Bearer",/],
    ['certificate', issued(), qr/${ours}JWT is not bound to a certificate,/],
    ['certificate', issued(%certificate), qr/${ours}client certificate cannot be read,/, "X-Cert: $SUB"],
    ['certificate', issued(%certificate), qr/${ours}JWT is bound to another certificate,/, 'X-Cert: -----BEGIN CERTIFICATE----- ' . JWT::b64url($KID x 3) . ' -----END CERTIFICATE-----'],
    ['proof', issued(), qr/${ours}JWT is not bound to a key,/],
    ['proof', issued(%key), qr/${ours}no DPoP proof was provided,/, undef],
    ['proof', issued(%key), qr/${ours}invalid DPoP proof: there is more than one,/, "DPoP: $proof", "DPoP: $proof"],
    ['proof', issued(%key), qr/${ours}invalid DPoP proof: "typ" is not "dpop\+jwt",/, "DPoP: $proof"],
    ['missing', JWT::token({sub => $SUB}), qr/\[error\] .*missing\.jwks.*No such file/],
    ['broken', JWT::token({sub => $SUB}), qr/\[error\] .*broken\.jwks.*JSON/],
    ['empty', JWT::token({sub => $SUB}), qr/\[error\] .*empty\.jwks.*empty JWK set/],
    ['odd', JWT::token({sub => $SUB}), qr/\[notice\] .*odd\.jwks.*key 0.*not usable/],
    ['odd', JWT::token({sub => $SUB}), undef],
    ['good', JWT::token({sub => $SUB}), undef],
    ['any', 'a.b', undef],
    ['deny', 'a.b', qr/\[error\] .*access forbidden by rule/],
);

# Lines of nginx's own about processes and connections.
my $nginxs_own = qr/\[notice\] \d+#\d+: (?!\*)|client .*closed (?:keepalive )?connection/;

my $nginx = nginx('info');

# Those with more header lines come by DPoP, where a proof may be.
sub asks {
    my ($location, $token, undef, @lines) = @_;
    my $scheme = $location eq 'proof' && @lines ? 'DPoP' : 'Bearer';
    return $nginx->get("/$location", defined $token ? "Authorization: $scheme $token" : (), grep {defined} @lines);
}

$nginx->get('/good');
$nginx->new_lines;
for my $refusal (@refusals) {
    my ($location, undef, $expected) = @$refusal;
    my $answer = asks(@$refusal);
    my @lines = grep { !/$nginxs_own/ } $nginx->new_lines;
    my $name = "$location, " . ($expected // 'nothing to tell');
    is(scalar @lines, defined $expected ? 1 : 0, "$name: one line or none") or diag(@lines);
    like($lines[0] // '', $expected, $name) if defined $expected;
}
unlike($nginx->error_log, qr/\[warn\]/, 'no warning');
undef $nginx;

# Above info nothing is told about clients, and key sources still are.
$nginx = nginx('warn');
asks(@$_) for @refusals;
my @lines = split /^/m, $nginx->error_log;
is(scalar(grep {/\[error\]/} @lines), 5, 'at warn: the errors of four sources and of deny');
is(scalar(grep { !/\[error\]/ } @lines), 0, 'at warn: nothing else');
undef $nginx;

# Nothing secret at any level. nginx itself shows headers at debug: those lines are not ours.
for my $level (qw(info debug)) {
    $nginx = nginx($level);
    asks(@$_) for @refusals;
    my @ours = grep { !/\[debug\] .*http (?:header: "(?:Authorization|DPoP|X-Cert):|script var: )/ } split /^/m, $nginx->error_log;
    cmp_ok(scalar @ours, '>', 20, "$level: there are lines");
    for my $secret ($SUB, $KID, $certificate{cnf}{'x5t#S256'}, $key{cnf}{jkt}, $JWT::SECRET, $JWT::OTHER_SECRET) {
        my @telling = grep { index($_, $secret) >= 0 || index($_, JWT::b64url($secret)) >= 0 } @ours;
        is_deeply(\@telling, [], "$level: no line shows \"$secret\"");
    }
    for my $token (grep { defined && length > 20 } map { $_->[1] } @refusals) {
        my @parts = grep { length > 8 } split /[.]/, $token;
        my @telling = grep {
            my $line = $_;
            grep { index($line, $_) >= 0 } @parts
        } @ours;
        is_deeply(\@telling, [], "$level: no line shows a part of a token");
    }
    undef $nginx;
}

done_testing();
