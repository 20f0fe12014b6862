# Proofs of the directive auth_jwt_dpop: each step of RFC 9449 section 4.3 is violated by itself, and the log says which.
# What a proof says of the request's method and URL is in auth_jwt_dpop_url.t, repeated proofs are in
# auth_jwt_dpop_replay.t.
use strict;
use warnings;

use Digest::SHA qw(sha256 sha256_hex);
use MIME::Base64 qw(decode_base64url encode_base64);
use Test::More;

use JWT;
use JWT::Bound;
use JWT::Dpop;

plan skip_all => 'openssl is missing' unless JWT::OpenSSL::is_there();

my $FILE = 'auth_jwt_key_file %DIR%/html/good.jwks;';
my $nginx = JWT::Bound->new(
    http => 'auth_jwt_issuer late { issuer https://late.example; audience api; leeway 100s; key_file %DIR%/html/good.jwks; }',
    server => <<"CONF",
    location / { $FILE auth_jwt_dpop required; proxy_pass http://mock; }
    location /issuers { auth_jwt_issuers shop; proxy_pass http://mock; }
    location /leeway { $FILE auth_jwt_leeway 100s; auth_jwt_dpop required; proxy_pass http://mock; }
    location /late { auth_jwt_issuers late; auth_jwt_dpop required; proxy_pass http://mock; }
    location /window { $FILE auth_jwt_dpop required window=30m; proxy_pass http://mock; }
    location /window/short { $FILE auth_jwt_dpop required window=20s; proxy_pass http://mock; }
    location /window/both { $FILE auth_jwt_leeway 30s; auth_jwt_dpop required window=30s; proxy_pass http://mock; }
    location /window/longest { $FILE auth_jwt_dpop required window=1h; proxy_pass http://mock; }
    location /cookie { auth_jwt "r" token=\$cookie_t; $FILE auth_jwt_dpop required; proxy_pass http://mock; }
    location /encrypted { auth_jwt_type encrypted; auth_jwt_key_file %DIR%/html/content.jwks; auth_jwt_dpop required; proxy_pass http://mock; }
    location /nested { auth_jwt_type nested; auth_jwt_key_file %DIR%/html/content.jwks; auth_jwt_dpop required; proxy_pass http://mock; }
CONF
);

my ($client, $other) = map { JWT::Dpop->new } 1, 2;
my $token = JWT::Bound::issued({$client->cnf});

# What comes of a proof, and what the log must say of it. A reason that is given is a regular expression.
sub passes { return judges($_[0], $_[1], '200 ok', undef, @_[2 .. $#_]) }
sub fails { return judges($_[0], $_[1], '401 invalid_proof', @_[2 .. $#_]) }

sub judges {
    my ($name, $proof, $expected, $reason, $path, $its_token) = @_;
    $path //= '/';
    local $Test::Builder::Level = $Test::Builder::Level + 2;
    my $line = $proof =~ /\ADPoP: / ? $proof : "DPoP: $proof";
    $reason = qr/invalid DPoP proof: $reason,/ if defined $reason;
    return $nginx->is_judged($name, [$path, 'Authorization: DPoP ' . ($its_token // $token), $line], $expected, $reason);
}

# A proof as it should be but for what is said.
sub proof {
    my (@options) = @_;
    return $client->proof(token => $token, @options);
}

passes('a proof as it should be', proof());
passes('and by default', $client->proof(token => $token, htu => 'http://localhost/issuers'), '/issuers');

# --- 1: one header ----------------------------------------------------------------

for my $case (
    ['two headers', proof(), 'DPoP: ' . proof()], ['the same one twice', (proof()) x 2], ['two headers, the second empty', proof(), 'DPoP:'],
    ['two headers, the first empty', '', 'DPoP: ' . proof()], ['two headers, garbage behind', proof(), 'dpop: x'],
) {
    my ($name, $first, $second) = @$case;
    $second = "DPoP: $second" unless $second =~ /^dpop:/i;
    $nginx->is_judged($name, ['/', "Authorization: DPoP $token", "DPoP: $first", $second], '401 invalid_proof');
}
my $lower = proof();
$nginx->is_judged("a header's name is of any case", ['/', "Authorization: DPoP $token", "dPOP: $lower"], '200 ok');
my @not_it = map {"$_: " . proof()} 'DPoP-Proof', 'X-DPoP', 'Dpo';
$nginx->is_judged('headers of other names', ['/', "Authorization: DPoP $token", @not_it], '401 proof_missing');

# --- 2: a well-formed JWT ---------------------------------------------------------

# Any reason; one that has this word.
my $FORM = '[^,]*';
sub about { return $FORM . $_[0] . $FORM }

my $good = proof();
my ($header, $payload, $signature) = split /[.]/, $good;
for my $case (
    ['nothing', ''], ['a text', 'x'], ['dots', '..'], ['two segments', "$header.$payload"], ['no signature', "$header.$payload."], ['four segments', "$good.x"],
    ['five segments', "$good.$good"], ['two proofs in one header', join ', ', proof(), proof()], ['two proofs, no space', join ',', proof(), proof()],
    ['two proofs with a space', join ' ', proof(), proof()], ['a comma behind', proof() . ','], ['in quotes', '"' . proof() . '"'],
    ['a scheme before', 'DPoP ' . proof()],
    ['padding', "$header.$payload.$signature="], ['padding of the header', "$header=.$payload.$signature"], ['a space in it', "$header. $payload.$signature"],
    ['no base64url', "$header.$payload.$signature*"], ['base64 that is not for URLs', "$header.$payload." . ($signature =~ tr{_-}{/+}r) . '/'],
    ['a header that is no JSON', proof(header_bytes => 'x')], ['a header that is a list', proof(header_bytes => '[]')],
    ['a header that is empty', proof(header_bytes => '')],
    ['something behind the header', proof(header_bytes => JWT::json({typ => 'dpop+jwt', alg => 'ES256', jwk => $client->jwk}) . 'x')],
    ['claims that are no JSON', proof(payload => 'x')], ['claims that are a list', proof(payload => '[]')], ['no claims', proof(payload => '')],
    ['null', proof(payload => 'null')],
    ['claims that end early', proof(payload => '{"htm":"GET"')], ['no UTF-8', proof(payload => qq({"x":"\xff"}))],
    ['a lone surrogate', proof(payload => '{"x":"\ud800"}')],
    ['a byte order mark', proof(payload => "\xef\xbb\xbf{}")],
    ['crit', proof(header => {crit => ['exp']})], ['b64', proof(header => {b64 => JSON::PP::false()})], ['zip', proof(header => {zip => 'DEF'})],
    ['an encrypted one', JWT::encrypted('{}')], ['the token itself', $token], ['very long', 'A' x 60_000], ['many dots', '.' x 60_000],
    ['deep claims', proof(payload => '{"x":' . '[' x 5000 . ']' x 5000 . '}')], ['bytes of no text', "\x80\xff"],
) {
    my ($name, $text) = @$case;
    fails("form: $name", $text, $FORM);
}
# A member twice, of which one is right.
for my $bytes (
    ['header, alg', '{"typ":"dpop+jwt","alg":"ES256","alg":"ES256","jwk":' . JWT::json($client->jwk) . '}'],
    ['header, jwk', '{"typ":"dpop+jwt","alg":"ES256","jwk":' . JWT::json($other->jwk) . ',"jwk":' . JWT::json($client->jwk) . '}'],
    ['header, typ', '{"typ":"JWT","typ":"dpop+jwt","alg":"ES256","jwk":' . JWT::json($client->jwk) . '}'],
) {
    fails("form: a member twice, $bytes->[0]", proof(header_bytes => $bytes->[1]), $FORM);
}
my $claims = sub { JWT::json({htm => 'GET', htu => 'http://localhost/', iat => time, jti => $client->identifier, ath => JWT::Dpop::ath($token)}) };
passes('the claims as bytes', proof(payload => $claims->()));
fails("form: a member twice, $_", proof(payload => $claims->() =~ s/\}\z/,$_}/r), $FORM)
    for '"htm":"GET"', '"htu":"http://localhost/"', '"iat":' . time, '"jti":"x"', '"ath":"x"', '"\u0068tm":"GET"';
my ($first, $last) = $signature =~ /(.*)(.)\z/s;
my $loose = $first . chr(1 + ord $last);
fails('form: bits at the end of the signature that mean nothing', "$header.$payload.$loose", $FORM) if $last =~ /[AQgw]/;
passes('white space in the JSON, and members that nobody knows', proof(payload => $claims->() =~ s/\}\z/ ,\n "x" : [1, {"y": null}], "nonce": "n",
    "iss": "x" }/r,
    header_bytes => '{ "typ":"dpop+jwt", "alg":"ES256" ,"kid":"x","jku":"https://x","x5c":["x"], "jwk":' . JWT::json($client->jwk) . ' }'));

# --- 3: the claims that must be there ---------------------------------------------

fails("no $_", proof($_ => undef), about($_)) for qw(htm htu iat jti ath);
for my $name (qw(htm htu jti ath)) {
    fails("$name: $_->[0]", proof($name => $_->[1]), about($name))
        for ['empty', ''], ['a number', 1], ['true', JSON::PP::true()], ['a list', ['GET']], ['an object', {}];
}
fails("iat: $_->[0]", proof(iat => $_->[1]), about('iat'))
    for ['a text', '' . time], ['empty', ''], ['true', JSON::PP::true()], ['a list', [time]], ['0', 0], ['negative', -time], ['a very large one', 1e300];
fails("iat: $_", proof(payload => $claims->() =~ s/("iat":)\d+/$1$_/r), $FORM) for '1e999', '-1e999', 'NaN', '0x10', '01', '1.', '.5', '+1';
fails("$_: null", proof(payload => $claims->() =~ s/("$_":)("[^"]*"|\d+)/${1}null/r), about($_)) for qw(htm htu iat jti ath);
passes("iat: $_->[0]", proof(payload => $claims->() =~ s/"iat":(\d+)/'"iat":' . $_->[1]->($1)/er))
    for ['a fraction', sub {"$_[0].75"}], ['an exponent', sub { sprintf '%.9fe9', $_[0] / 1e9 }];

# --- 4: typ -------------------------------------------------------------------------

fails("typ: $_", proof(typ => $_), about('typ')) for 'JWT', 'at+jwt', 'dpop', 'dpop+jwt ', ' dpop+jwt', 'dpop+jws', 'dpop jwt', 'jwt', '',
    'dpop+jwt;x', "dpop+jwt\0";
fails('no typ', proof(typ => undef), about('typ'));
fails("typ: $_->[0]", proof(typ => $_->[1]), $FORM) for ['a number', 1], ['a list', ['dpop+jwt']], ['an object', {}];

# --- 5: alg -------------------------------------------------------------------------

for my $alg (qw(ES256 ES384 ES512 EdDSA Ed25519 Ed448 RS256 RS384 RS512 PS256 PS384 PS512)) {
    my $one = JWT::Dpop->new(alg => $alg);
    my $its_token = JWT::Bound::issued({$one->cnf});
    passes("alg: $alg", $one->proof(token => $its_token), '/', $its_token);
    fails("alg: $alg, not this key's", $one->proof(token => $its_token, signer => JWT::Dpop->new(alg => $alg)), $FORM, '/', $its_token);
    fails("alg: $alg, another proof", $one->proof(token => $its_token) =~ s/[.][^.]+\z/'.' . ($one->proof(token => $its_token) =~ s{.*[.]}{}r)/er,
        $FORM, '/', $its_token);
    fails("alg: $alg, without a signature", $one->proof(token => $its_token, signature => ''), $FORM, '/', $its_token);
    fails("alg: $alg, zeros", $one->proof(token => $its_token, signature => "\0" x $_), $FORM, '/', $its_token) for 64, 256;
    # Said to be of another one, and signed as it is, or as is said.
    for my $said (grep { $_ ne $alg } qw(ES256 ES384 EdDSA RS256 PS256 HS256 none)) {
        next if $said eq 'EdDSA' && $alg =~ /^Ed/;
        fails("alg: $alg, said to be $said", $one->proof(token => $its_token, alg => $said), $FORM, '/', $its_token);
    }
}
{
    my $ed448 = JWT::Dpop->new(alg => 'EdDSA', kind => 'Ed448');
    my $its_token = JWT::Bound::issued({$ed448->cnf});
    passes('alg: EdDSA by Ed448', $ed448->proof(token => $its_token), '/', $its_token);
    fails('alg: Ed25519 by a key of Ed448', $ed448->proof(token => $its_token, alg => 'Ed25519'), $FORM, '/', $its_token);
    my $rsa = JWT::Dpop->new(alg => 'PS256');
    my $rsa_token = JWT::Bound::issued({$rsa->cnf});
    fails('alg: PS256, signed as RS256', $rsa->proof(token => $rsa_token, signed_as => 'RS256'), $FORM, '/', $rsa_token);
    my $bitcoin = JWT::Dpop->new(alg => 'ES256K');
    my $its = JWT::Bound::issued({$bitcoin->cnf});
    $bitcoin->{alg} = 'ES256';
    fails("alg: $_ by secp256k1", $bitcoin->proof(token => $its, alg => $_), $FORM, '/', $its) for 'ES256K', 'ES256';
    my $weak = JWT::Dpop->new(alg => 'RS256', kind => 'RSA-1024');
    my $weak_token = JWT::Bound::issued({$weak->cnf});
    fails('jwk: RSA of 1024 bits', $weak->proof(token => $weak_token), $FORM, '/', $weak_token);
}
my $ALG = about('(?:alg|algorithm)');
fails("alg: $_", proof(alg => $_), $ALG) for qw(none None HS256 HS384 HS512 es256 ES256K RSA1_5 dir RSA-OAEP x), '', 'ES256 ';
fails('no alg', proof(alg => undef), $FORM);
fails("alg: $_->[0]", proof(alg => $_->[1]), $FORM) for ['a number', 1], ['a list', ['ES256']];
fails("alg: $_, without a signature", proof(alg => $_, signature => ''), $FORM) for 'none', 'None', 'NONE';

# A secret that everybody knows: the key that is in the proof.
for my $jwk ($client->jwk, JWT::jwk('secret'), JWT::jwk($client->jwk->{x}), {%{JWT::jwk('secret')}, %{$client->jwk}}, JWT::jwk('')) {
    for my $secret ('secret', '', $client->jwk->{x}, decode_base64url($client->jwk->{x}), JWT::json($jwk)) {
        fails('alg: HS256 by what is in the proof', proof(alg => 'HS256', jwk => $jwk, secret => $secret), $ALG);
    }
}
{
    my $oct = JWT::jwk('a secret of the client that is long enough');
    my $its = JWT::Bound::issued({cnf => {jkt => JWT::b64url(sha256(JWT::json($oct)))}});
    fails("alg: $_ by a secret that the token is bound to", $client->proof(token => $its, alg => $_, jwk => $oct,
        secret => 'a secret of the client that is long enough'), $FORM, '/', $its) for 'HS256', 'ES256';
}

# --- 6, 7: the signature and its key -------------------------------------------------

{
    my ($h, $p, $s) = split /[.]/, proof();
    my $changed = JWT::b64url(decode_base64url($p) =~ s/"htm":"GET"/"htm":"PUT"/r);
    $nginx->is_judged('claims that were changed after they were signed', ['PUT /', "Authorization: DPoP $token", "DPoP: $h.$changed.$s"], '401 invalid_proof');
    fails('the signature in DER', join('.', $h, $p, JWT::b64url($client->signature('key.pem', "$h.$p", '-sha256'))), $FORM);
    fails('a signature that is longer', join('.', $h, $p, JWT::b64url(decode_base64url($s) . "\0")), $FORM);
    fails('a signature with zeros before', join('.', $h, $p, JWT::b64url("\0\0" . decode_base64url($s))), $FORM);
    passes('and it was good all the time', "$h.$p.$s");
}
my $jwk = $client->jwk;
fails("jwk: $_->[0]", proof(jwk => $_->[1]), $FORM)
    for ['none', undef], ['a text', 'x'], ['its thumbprint', $client->thumbprint], ['a list', [$jwk]], ['empty', {}], ['a set', {keys => [$jwk]}],
        ['a number', 1],
    ['no kty', {%$jwk, kty => undef}], ['another kty', {%$jwk, kty => 'OKP'}], ['no crv', {map { $_ => $jwk->{$_} } qw(kty x y)}],
    ['another crv', {%$jwk, crv => 'P-384'}],
    ['no y', {map { $_ => $jwk->{$_} } qw(kty crv x)}], ['not on the curve', {%$jwk, x => $jwk->{y}, y => $jwk->{x}}],
    ['zeros', {%$jwk, x => 'A' x 43, y => 'A' x 43}],
    ['no base64url', {%$jwk, x => '*' . substr $jwk->{x}, 1}], ['another key', $other->jwk],
    ['for encryption', {%$jwk, use => 'enc'}], ['for other operations', {%$jwk, key_ops => ['encrypt']}], ['for another algorithm', {%$jwk, alg => 'ES384'}];
passes("jwk: $_->[0]", proof(jwk => {%$jwk, %{$_->[1]}})) for ['a kid', {kid => 'x'}], ['for signatures', {use => 'sig'}],
    ['its algorithm', {alg => 'ES256'}], ['to verify', {key_ops => ['verify']}];
for my $member (qw(d p q dp dq qi oth k)) {
    fails("jwk: a private member $member, $_->[0]", proof(jwk => {%$jwk, $member => $_->[1]}), about('not a public key'))
        for ['of base64url', JWT::b64url('x' x 32)], ['empty', ''], ['a number', 1], ['a list', []];
}
{
    my $rsa = JWT::Dpop->new(alg => 'RS256');
    my $its = JWT::Bound::issued({$rsa->cnf});
    fails("jwk: RSA with $_", $rsa->proof(token => $its, jwk => $rsa->jwk($_ => 'AQAB')), about('not a public key'), '/', $its) for qw(d p q dp dq qi oth);
    fails('jwk: RSA, another exponent', $rsa->proof(token => $its, jwk => $rsa->jwk(e => $_)), $FORM, '/', $its) for 'AQ', 'Aw', 'AQAA', '';
    fails('jwk: RSA, an exponent of 40 bits', $rsa->proof(token => $its, jwk => $rsa->jwk(e => JWT::b64url("\1\0\0\0\1"))), $FORM, '/', $its);
    my $huge = {kty => 'RSA', e => 'AQAB', n => JWT::b64url("\xff" x 2048)};
    my $its_huge = JWT::Bound::issued({cnf => {jkt => JWT::b64url(sha256(JWT::json($huge)))}});
    fails('jwk: RSA of 16384 bits', $rsa->proof(token => $its_huge, jwk => $huge, signature => "\1" x 2048), $FORM, '/', $its_huge);
    fails('jwk: RSA with a zero before', $rsa->proof(token => $its, jwk => $rsa->jwk(n => JWT::b64url("\0" . decode_base64url($rsa->jwk->{n})))),
        $FORM, '/', $its);
    my $ed = JWT::Dpop->new(alg => 'EdDSA');
    my $its_ed = JWT::Bound::issued({$ed->cnf});
    fails('jwk: OKP with d', $ed->proof(token => $its_ed, jwk => $ed->jwk(d => $ed->jwk->{x})), about('not a public key'), '/', $its_ed);
    my $x = JWT::Dpop->new(alg => 'EdDSA', kind => 'X25519');
    my $its_x = JWT::Bound::issued({$x->cnf});
    fails('jwk: X25519, which signs nothing', $x->proof(token => $its_x, signer => $ed), $FORM, '/', $its_x);
}

# --- 11: when it was made ------------------------------------------------------------

# Seconds, and where; no run takes so long that those near the edge change sides.
for my $place (['/', 60], ['/leeway', 160], ['/late', 160], ['/window', 1800], ['/window/short', 20], ['/window/both', 60], ['/window/longest', 3600]) {
    my ($path, $span) = @$place;
    my $its_token = $path eq '/late' ? JWT::Bound::issued({iss => 'https://late.example', $client->cnf}) : $token;
    my $at = sub { $client->proof(token => $its_token, htu => "http://localhost$path", iat => time + $_[0]) };
    passes("$path: made $_ s from now", $at->($_), $path, $its_token) for 0, -$span + 15, $span - 2;
    fails("$path: made $_ s from now", $at->($_), about('iat'), $path, $its_token) for -$span - 2, $span + 15, -2 * $span - 10, 10 * $span + 100;
}
# exp and nbf, if somebody writes them, mean what they mean elsewhere.
passes('exp to come, nbf past', proof(claims => {exp => time + 30, nbf => time - 30}));
fails('exp past', proof(claims => {exp => time - 30}), about('exp'));
fails('nbf to come', proof(claims => {nbf => time + 30}), about('(?:nbf|valid)'));
fails("$_: a text", proof(claims => {$_ => 'x'}), $FORM) for qw(exp nbf);

# --- 12: ath and jkt ------------------------------------------------------------------

my $ATH = about('ath');
my $elder = JWT::Bound::issued({$client->cnf, sub => 'bob'});
fails('ath: of another token of the client', $client->proof(token => $elder), $ATH);
fails("ath: $_->[0]", proof(ath => $_->[1]), $ATH)
    for ['padded', JWT::Dpop::ath($token) . '='], ['base64 that is not for URLs', encode_base64(sha256($token), '')], ['hex', sha256_hex($token)],
        ['of SHA-512', JWT::b64url(Digest::SHA::sha512($token))],
    ['of the scheme, too', JWT::Dpop::ath("DPoP $token")], ['of the payload', JWT::Dpop::ath((split /[.]/, $token)[1])],
    ['without the signature', JWT::Dpop::ath($token =~ s/[.][^.]*\z//r)],
    ['shorter', substr JWT::Dpop::ath($token), 0, -1], ['longer', JWT::Dpop::ath($token) . 'A'], ['the token', $token],
    ['other case', JWT::Dpop::ath($token) =~ tr/A-Za-z/a-zA-Z/r];

my $JKT = about('(?:key|jkt|thumbprint)');
fails('the key of another client', $other->proof(token => $token), $JKT);
my $its_token = JWT::Bound::issued({$other->cnf});
fails("another client's token", $client->proof(token => $its_token), $JKT, '/', $its_token);
for my $case (
    ['padded', $client->thumbprint . '='], ['empty', ''], ['shorter', substr $client->thumbprint, 0, -1], ['longer', $client->thumbprint . 'A'],
    ['other case', $client->thumbprint =~ tr/A-Za-z/a-zA-Z/r],
    ['the key itself', $client->jwk], ['a list', [$client->thumbprint]], ['a number', 1], ['true', JSON::PP::true()],
    ['of the JWK in another order', JWT::b64url(sha256('{"kty":"EC","crv":"P-256","x":"' . $jwk->{x} . '","y":"' . $jwk->{y} . '"}'))],
    ['with its kid', JWT::b64url(sha256(JWT::json($client->jwk(kid => 'x'))))], ['very long', 'A' x 20_000],
) {
    my $bound = JWT::Bound::issued({cnf => {jkt => $case->[1]}});
    fails("jkt: $case->[0]", $client->proof(token => $bound), $JKT, '/', $bound);
    $nginx->is_judged("jkt: $case->[0], and no proof", ['/', "Authorization: DPoP $bound"], '401 proof_missing');
}

# The token that was sent is the one that ath speaks of, wherever it comes from and whatever is in it.
my $plain = JWT::json({sub => 'alice', $client->cnf});
for my $case (['/encrypted', JWT::encrypted($plain)], ['/nested', JWT::encrypted(JWT::token($plain))]) {
    my ($path, $sent) = @$case;
    passes("$path: the whole token", $client->proof(token => $sent, htu => "http://localhost$path"), $path, $sent);
    fails("$path: another", $client->proof(token => $token, htu => "http://localhost$path"), $ATH, $path, $sent);
}
{
    my $inner = JWT::token($plain);
    my $sent = JWT::encrypted($inner);
    fails('/nested: the token in it', $client->proof(token => $inner, htu => 'http://localhost/nested'), $ATH, '/nested', $sent);
    my @request = ('/cookie', "Cookie: t=$token");
    $nginx->is_judged('token=: a proof', [@request, $client->line(token => $token, htu => 'http://localhost/cookie')], '200 ok');
    $nginx->is_judged('token=: of another token', [@request, $client->line(token => $elder, htu => 'http://localhost/cookie')], '401 invalid_proof', qr/ath/);
    $nginx->is_judged('token=: what Authorization says is not looked at', [@request, "Authorization: DPoP $elder",
        $client->line(token => $token, htu => 'http://localhost/cookie')], '200 ok');
    $nginx->is_judged('token=: no proof', [@request], '401 proof_missing');
    $nginx->is_judged('token=: no proof, but a token in Authorization', [@request, "Authorization: DPoP $token"], '401 proof_missing');
}

# Any character changed, added or taken away: AUTH_JWT_SEED=N chooses others.
{
    srand($ENV{AUTH_JWT_SEED} // 1);
    my @alphabet = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_', '.', '=', ',', ' ');
    my $whole = proof();
    my @passed;
    for (1 .. ($ENV{TEST_NGINX_USE_VALGRIND} ? 30 : 500)) {
        my $changed = $whole;
        my $removed = int rand 2;
        substr $changed, 1 + int rand(length($whole) - 2), $removed, rand() < 0.2 ? '' : $alphabet[rand @alphabet];
        next if $changed eq $whole;
        my $outcome = JWT::Connection::outcome_of($nginx->asked('/', "Authorization: DPoP $token", "DPoP: $changed"));
        push @passed, "$outcome: $changed" if $outcome ne '401 invalid_proof';
    }
    is_deeply(\@passed, [], 'no proof that was changed passes');
    passes('and the whole one still does', $whole);
}

# A refused proof has not been used up.
{
    my $proof = proof();
    fails('a proof for another token', $proof, $ATH, '/', $elder);
    fails('at another place', $proof, about('htu'), '/elsewhere');
    passes('and then where it belongs', $proof);
}

# What the log says tells no proof, claim or thumbprint.
my $log = $nginx->error_log;
my @secret = ($client->thumbprint, $other->thumbprint, $client->jwk->{x}, $client->jwk->{y}, JWT::Dpop::ath($token), (split /[.]/, $token),
    grep { length > 20 } split /[.]/, $good);
is_deeply([grep { index($log, $_) >= 0 } @secret], [], 'the log shows no thumbprint, key, token or proof');
unlike($log, qr/invalid DPoP proof: [^,]*https?:/, 'and no URL of a proof');
$nginx->is_calm('error');

done_testing();
