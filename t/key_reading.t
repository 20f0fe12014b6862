# Keys as issuers write them: what is read leniently verifies the tokens it should and no other, none
# of it holds for tokens, and what cannot be used is told by member and fault.
use strict;
use warnings;

use Test::More;

use JWT;
use JWT::Server;

my $SECRET = $JWT::SECRET;
my $K = JWT::b64url($SECRET);
my $TOKEN = JWT::token();
my $BOM = "\xEF\xBB\xBF";

my %private = map { $_ => JWT::data("keys/$_") } qw(rsa2048 rsa8192 rsa9000 rsa16384 p256 ed25519 ed448 x25519 enc16);
my @short = @{JWT::data('short_coordinates')};

# A token of other implementations for the key of that name.
my %minted;
$minted{$_->{jwks_ref}}{$_->{alg}} //= $_->{token} for grep { defined $_->{jwks_ref} } @{JWT::data('jws_valid')}, @{JWT::data('jws_edge_valid')};
my %named;
$named{"$_->{kid} $_->{alg}"} //= $_->{token} for grep { defined $_->{kid} } @{JWT::data('jws_valid')};

# A token with other claims and the signature of this one.
sub forged {
    my ($header, undef, $signature) = split /[.]/, $_[0];
    return join '.', $header, JWT::b64url('{"sub":"mallory"}'), $signature;
}

sub public {
    my ($name, %changes) = @_;
    my %jwk = (%{$private{$name}}, %changes);
    delete @jwk{qw(d p q dp dq qi)};
    return \%jwk;
}

# A base64url text with as many "=" as base64 has there, and more.
sub padded { return $_[0] . '=' x (-length($_[0]) % 4) }

sub without { my ($jwk, @names) = @_; my %jwk = %$jwk; delete @jwk{@names}; return \%jwk }

# What is read: a name, the document, a token that it verifies.
my @read = (
    ['the key of the NGINX Kubernetes suite', '{"keys":[{"k":"ZmFudGFzdGljand0","kty":"oct","kid":"0001"}]}', JWT::token(undef, secret => 'fantasticjwt', kid => '0001')],
    ['a padded k', '{"kty":"oct","k":"YXdlc29tZWp3dA=="}', JWT::token(undef, secret => 'awesomejwt')],
    ['a padded k in a set', '{"keys":[{"kty":"oct","k":"YXdlc29tZWp3dA==","kid":"a"}]}', JWT::token(undef, secret => 'awesomejwt', kid => 'a')],
    ['half a padding', '{"kty":"oct","k":"YXdlc29tZWp3dA="}', JWT::token(undef, secret => 'awesomejwt')],
    ['a padded n and e', JWT::json(public('rsa2048', n => padded($private{rsa2048}{n}), e => padded($private{rsa2048}{e}) . '=')), $named{'rsa2048 RS256'}],
    ['padded EC coordinates', JWT::json(public('p256', x => padded($private{p256}{x}), y => padded($private{p256}{y}))), $named{'p256 ES256'}],
    ['a padded x of Ed25519', JWT::json(public('ed25519', x => padded($private{ed25519}{x}))), $named{'ed25519 EdDSA'}],
    ['null members', qq({"kty":"oct","k":"$K","use":null,"key_ops":null,"alg":null,"kid":null,"crv":null,"d":null,"x5c":null}), $TOKEN],
    ['a null kid is none', qq({"keys":[{"kty":"oct","k":"$K","kid":null}]}), JWT::token(undef, kid => 'any')],
    ['a null d of RSA', JWT::json({%{public('rsa2048')}, map { $_ => undef } qw(d p q dp dq qi oth)}), $named{'rsa2048 RS256'}],
    ['a null d of EC', JWT::json({%{public('p256')}, d => undef}), $named{'p256 ES256'}],
    ['null keys beside a bare JWK', qq({"keys":null,"kty":"oct","k":"$K"}), $TOKEN],
    ['a BOM before a set', qq($BOM\{"keys":[{"kty":"oct","k":"$K"}]}), $TOKEN],
    ['a BOM before a bare JWK', qq($BOM\{"kty":"oct","k":"$K"}), $TOKEN],
    ['RSA of 8192 bits, RS256', JWT::json(public('rsa8192')), $minted{rsa8192}{RS256}],
    ['RSA of 8192 bits, PS512', JWT::json(public('rsa8192')), $minted{rsa8192}{PS512}],
    (map { [$_->{name}, JWT::json($_->{jwk}), $_->{token}] } @short),
    (map { ["$_->{name}, written in full", JWT::json($_->{full}), $_->{token}] } @short),
);

# What is not read: a name, the JWK, and why.
my $odd = {kty => 'oct', k => $K};
my $p256 = public('p256');
my $p521 = $short[-1]{jwk};
my @unread = (
    ['no kty', {k => $K}, 'member "kty" is missing'],
    ['a null kty', {kty => undef, k => $K}, 'member "kty" is missing'],
    ['a kty that is a number', {kty => 1}, 'member "kty" is not a string'],
    ['no k', {kty => 'oct'}, 'member "k" is missing'],
    ['a null k', {kty => 'oct', k => undef}, 'member "k" is missing'],
    ['an empty k', {kty => 'oct', k => ''}, 'member "k" is empty'],
    ['a k of padding alone', {kty => 'oct', k => '=='}, 'member "k" is empty'],
    ['a k that is a number', {kty => 'oct', k => 1}, 'member "k" is not a string'],
    ['a k in base64', {kty => 'oct', k => 'ab+/'}, 'member "k" is not base64url'],
    ['a k with "=" inside', {kty => 'oct', k => 'YQ==YQ=='}, 'member "k" is not base64url'],
    ['a k with a blank', {kty => 'oct', k => "$K "}, 'member "k" is not base64url'],
    ['non-zero trailing bits', {kty => 'oct', k => 'YR=='}, 'member "k" is not base64url'],
    ['a kid that is a number', {%$odd, kid => 1}, 'member "kid" is not a string'],
    ['an alg that is a list', {%$odd, alg => ['HS256']}, 'member "alg" is not a string'],
    ['a use that is a list', {%$odd, use => ['sig']}, 'member "use" is not a string'],
    ['key_ops that is a string', {%$odd, key_ops => 'verify'}, 'member "key_ops" is not an array of strings'],
    ['key_ops with null', {%$odd, key_ops => [undef]}, 'member "key_ops" is not an array of strings'],
    ['no n', without(public('rsa2048'), 'n'), 'member "n" is missing'],
    ['no e', without(public('rsa2048'), 'e'), 'member "e" is missing'],
    ['RSA of 9000 bits', public('rsa9000'), 'an RSA modulus of 9000 bits, 2048 to 8192 are allowed'],
    ['RSA of 16384 bits', public('rsa16384'), 'an RSA modulus of 16384 bits, 2048 to 8192 are allowed'],
    ['an even exponent', public('rsa2048', e => 'AQAA'), 'the RSA exponent is not an odd number from 3 to 33 bits'],
    ['no crv', without($p256, 'crv'), 'member "crv" is missing'],
    ['no y', without($p256, 'y'), 'member "y" is missing'],
    ['an empty x', {%$p256, x => ''}, 'member "x" is empty'],
    ['a y too long', {%$p256, y => JWT::b64url("\0" x 33)}, 'member "y" has 33 octets, not 32'],
    ['a full x with a zero before it', {%$p256, x => JWT::b64url("\0" . MIME::Base64::decode_base64url($p256->{x}))}, 'member "x" has 33 octets, not 32'],
    ['a y too long, P-521', {%$p521, y => JWT::b64url("\1" x 67)}, 'member "y" has 67 octets, not 66'],
    ['x and y mixed up', {%$p256, x => $p256->{y}, y => $p256->{x}}, 'the point of members "x" and "y" is not on the curve'],
    ['x cut at its end', {%$p256, x => substr($p256->{x}, 0, 42) =~ s/.\z/A/r}, 'the point of members "x" and "y" is not on the curve'],
    ['x of one octet', {%$p256, x => 'AQ'}, 'the point of members "x" and "y" is not on the curve'],
    ['a short x of Ed25519', public('ed25519', x => JWT::b64url("\1" x 31)), 'member "x" has 31 octets, not 32'],
    ['an x that is no point of Ed25519', public('ed25519', x => JWT::b64url("\2" . "\0" x 31)), 'member "x" is not on the curve'],
    ['an x that is no point of Ed448', public('ed448', x => JWT::b64url("\xFF" x 57)), 'member "x" is not on the curve'],
    ['a short x of X25519', public('x25519', x => JWT::b64url("\1" x 31)), 'member "x" has 31 octets, not 32'],
    ['a short d', {%{$private{p256}}, d => JWT::b64url("\1" x 31)}, 'member "d" has 31 octets, not 32'],
    ['a d that is a number', {%{$private{p256}}, d => 1}, 'member "d" is not a string'],
);

# Documents that are no set: a name, the bytes, and the reason.
my @no_sets = (
    ['null keys alone', '{"keys":null}', 'JWK set has no "keys" array'],
    ['a BOM and nothing else', $BOM, 'JWK set is not a JSON object'],
    ['two BOMs', qq($BOM$BOM\{"kty":"oct","k":"$K"}), 'JWK set is not a JSON object'],
    ['a BOM of UTF-16', "\xFE\xFF" . qq({"kty":"oct","k":"$K"}), 'JWK set is not valid UTF-8'],
    ['a BOM behind', qq({"kty":"oct","k":"$K"}$BOM), 'JWK set is not a JSON object'],
);

# Short secrets: a name, the JWK, and what is told; undef where nothing is.
sub secret_of { my ($octets, %more) = @_; return JWT::jwk('s' x $octets, %more) }
my @secrets = (
    ['8 octets', secret_of(8, kid => 'a'), 'key 0 (kid "a") has a secret of 8 octets, 32 at least are advised (RFC 7518 section 3.2)'],
    ['8 octets of HS256', secret_of(8, kid => 'a', alg => 'HS256'), 'key 0 (kid "a") has a secret of 8 octets, HS256 asks for 32 at least (RFC 7518 section 3.2)'],
    ['47 octets of HS384', secret_of(47, alg => 'HS384'), 'key 0 has a secret of 47 octets, HS384 asks for 48 at least (RFC 7518 section 3.2)'],
    ['63 octets of HS512', secret_of(63, alg => 'HS512', use => 'sig'), 'key 0 has a secret of 63 octets, HS512 asks for 64 at least (RFC 7518 section 3.2)'],
    ['31 octets', secret_of(31, key_ops => ['verify']), 'key 0 has a secret of 31 octets, 32 at least are advised (RFC 7518 section 3.2)'],
    ['32 octets', secret_of(32), undef],
    ['32 octets of HS256', secret_of(32, alg => 'HS256'), undef],
    ['64 octets of HS512', secret_of(64, alg => 'HS512'), undef],
    ['16 octets to encrypt', secret_of(16, use => 'enc'), undef],
    ['16 octets of A128KW', secret_of(16, alg => 'A128KW'), undef],
    ['16 octets of A128GCM', secret_of(16, alg => 'A128GCM'), undef],
    ['16 octets to unwrap', secret_of(16, key_ops => ['unwrapKey']), undef],
);

my %files = (good => JWT::key_set(JWT::jwk($SECRET)), mixed => JWT::key_set(secret_of(8, kid => 'a'), {kty => 'XYZ'}, secret_of(33)));
my $good = JWT::jwk($SECRET);
$files{"read$_"} = $read[$_][1] for 0 .. $#read;
$files{"unread$_"} = JWT::key_set($unread[$_][1], $good) for 0 .. $#unread;
$files{"none$_"} = $no_sets[$_][1] for 0 .. $#no_sets;
$files{"secret$_"} = JWT::key_set($secrets[$_][1]) for 0 .. $#secrets;
$files{ecdh} = JWT::key_set($private{p256});
$files{rsa} = JWT::key_set((without($private{rsa2048}, 'kid')) x 5);
$files{rsa4} = JWT::key_set((without($private{rsa2048}, 'kid')) x 4);
$files{hs40} = JWT::key_set(map { JWT::jwk("a secret of 32 octets or more, $_") } 1 .. 40);
$files{hs32} = JWT::key_set(map { JWT::jwk("a secret of 32 octets or more, $_") } 1 .. 32);
# Keys that do not fit are not counted.
$files{bound} = JWT::key_set((map { JWT::jwk("a secret of 32 octets or more, $_") } 1 .. 32), JWT::jwk('x' x 64, alg => 'HS512'), public('rsa2048'));
$files{ec40} = JWT::key_set((without($p256, 'kid')) x 40);

my $nginx = JWT::Server->new(
    server => <<'CONF',
        add_header X-Status $auth_jwt_status always;
        location ~ ^/(\w+)$ { auth_jwt "r"; auth_jwt_key_file %DIR%/html/$1; empty_gif; }
        location ~ ^/encrypted/(\w+)$ { auth_jwt "r"; auth_jwt_type encrypted; auth_jwt_key_file %DIR%/html/$1; empty_gif; }
CONF
    files => {map { ("html/$_" => $files{$_}) } keys %files},
);

# What is asked for gives this status and word, and these lines of ours.
sub gives {
    my ($name, $path, $token, $expected, @told) = @_;
    $nginx->new_lines;
    my $answer = $nginx->get("/$path", "Authorization: Bearer $token");
    is("$answer->{status} " . ($answer->{headers}{'x-status'} // ''), $expected, $name);
    my @lines = grep {/\*\d/ && !/closed (?:keepalive )?connection/} $nginx->new_lines;
    is(scalar @lines, scalar @told, "$name: as many lines as there is to tell") or diag(@lines);
    for my $at (0 .. $#told) {
        my ($level, $text) = $told[$at] =~ /\A(\w+): (.*)\z/s;
        like($lines[$at] // '', qr/\[$level\] \d+#\d+: \*\d+ (?:key file "[^"]*"[: ]+)?\Q$text\E(?:,|$)/, "$name: $text");
    }
    return;
}

$nginx->get('/good', "Authorization: Bearer $TOKEN");
for my $at (0 .. $#read) {
    my ($name, undef, $token) = @{$read[$at]};
    my ($answer, $forged) = map { $nginx->get("/read$at", "Authorization: Bearer $_") } $token, forged($token);
    is("$answer->{status} $answer->{headers}{'x-status'}", '200 ok', $name);
    is("$forged->{status} $forged->{headers}{'x-status'}", '401 invalid_signature', "$name: a forged token");
}
unlike($nginx->error_log, qr/is not usable/, 'of these, none is told of');

for my $at (0 .. $#unread) {
    my ($name, undef, $reason) = @{$unread[$at]};
    my $kid = $unread[$at][1]{kid};
    my $named = defined $kid && $kid =~ /\D/ ? " (kid \"$kid\")" : '';
    gives($name, "unread$at", $TOKEN, '200 ok', "notice: key 0$named is not usable: $reason");
}

gives($no_sets[$_][0], "none$_", $TOKEN, '500 keys_unavailable', "error: is not usable: $no_sets[$_][2]") for 0 .. $#no_sets;

for my $at (0 .. $#secrets) {
    my ($name, $jwk, $told) = @{$secrets[$at]};
    my $word = defined $told || $name =~ /32|64/ ? 'invalid_signature' : 'unknown_key';
    my $refusal = $word eq 'unknown_key' ? 'no key found for the JWT' : 'JWT HS validation failed';
    my $alg = $jwk->{alg} && $jwk->{alg} =~ /^HS/ ? $jwk->{alg} : 'HS256';
    my $token = JWT::token(undef, alg => $alg);
    gives($name, "secret$at", $token, "401 $word", (defined $told ? "notice: $told" : ()), "info: $refusal");
    gives("$name, once", "secret$at", $token, "401 $word", "info: $refusal");
    next unless $word eq 'invalid_signature';
    my $own = JWT::token(undef, alg => $alg, secret => 's' x ($name =~ /(\d+)/)[0]);
    gives("$name serves", "secret$at", $own, '200 ok');
}
gives('remarks and skipped entries, in order', 'mixed', JWT::token(undef, secret => 's' x 33), '200 ok',
    'notice: key 0 (kid "a") has a secret of 8 octets, 32 at least are advised (RFC 7518 section 3.2)',
    'notice: key 1 is not usable: unknown "kty"');
unlike($nginx->error_log, qr/s{8}|\Q${\JWT::b64url('s' x 6)}\E/, 'no secret is told');

# None of it holds for tokens.
my $malformed = '401 malformed_token';
my $not_base64 = 'info: malformed JWT: a segment is not base64url';
my ($header, $payload, $signature) = split /[.]/, JWT::token({sub => 'ali'}, header_bytes => '{"alg":"HS256"}');
my @parts = ($header, $payload, $signature);
for my $at (0 .. 2) {
    my @with = @parts;
    $with[$at] = padded($with[$at]);
    $with[$at] .= '=' if $with[$at] eq $parts[$at];
    gives("a token whose segment $at is padded", 'good', join('.', @with), $malformed, $not_base64);
}
gives('a header with a BOM', 'good', JWT::token({}, header_bytes => $BOM . '{"alg":"HS256"}'), $malformed, 'info: malformed JWT: header is not a JSON object');
gives('claims with a BOM', 'good', JWT::token("$BOM\{}"), $malformed, 'info: malformed JWT: payload is not a JSON object');
gives('a null kid', 'good', JWT::token({}, header => {kid => undef}), $malformed, 'info: malformed JWT: header member "kid" is not a string');
gives('a null crit', 'good', JWT::token({}, header => {crit => undef}), $malformed, 'info: malformed JWT: header member "crit" is not supported');

# epk is a key, and a token's.
sub jwe {
    my ($epk) = @_;
    return JWT::b64url(JWT::json({alg => 'ECDH-ES', enc => 'A128GCM', epk => $epk})) . '..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA';
}
my $epk = without($p256, 'kid');
gives('a strict epk', 'encrypted/ecdh', jwe($epk), '401 decryption_failed', 'info: JWT decryption failed');
gives("an epk, $_->[0]", 'encrypted/ecdh', jwe($_->[1]), $malformed, 'info: malformed JWT: header member "epk" is missing or malformed')
    for ['padded', {%$epk, x => padded($epk->{x})}], ['with a short x', $short[0]{jwk}], ['of null', undef];

# How many keys are tried, and what is told of the others.
my $forged = forged($named{'p256 ES256'}) =~ s/\A[^.]+/JWT::b64url('{"alg":"ES256"}')/er;
my $oaep = JWT::b64url('{"alg":"RSA-OAEP","enc":"A128GCM"}') . '.' . JWT::b64url("\1" x 256) . '.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA';
gives('40 keys that fit', 'hs40', $TOKEN, '401 invalid_signature', 'info: JWT HS validation failed: 32 keys were tried, others were not');
gives('32 keys that fit', 'hs32', $TOKEN, '401 invalid_signature', 'info: JWT HS validation failed');
gives('32 keys that fit, and others', 'bound', $TOKEN, '401 invalid_signature', 'info: JWT HS validation failed');
gives('40 keys, the 32nd', 'hs40', JWT::token(undef, secret => 'a secret of 32 octets or more, 32'), '200 ok');
gives('40 keys, the 33rd', 'hs40', JWT::token(undef, secret => 'a secret of 32 octets or more, 33'), '401 invalid_signature', 'info: JWT HS validation failed: 32 keys were tried, others were not');
gives('40 keys of EC', 'ec40', $forged, '401 invalid_signature', 'info: JWT ES validation failed: 32 keys were tried, others were not');
gives('5 keys of RSA that decrypt', 'encrypted/rsa', $oaep, '401 decryption_failed', 'info: JWT decryption failed: 4 keys were tried, others were not');
gives('4 keys of RSA that decrypt', 'encrypted/rsa4', $oaep, '401 decryption_failed', 'info: JWT decryption failed');

done_testing();
