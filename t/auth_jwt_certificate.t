# The directive auth_jwt_certificate: tokens that are bound to a client certificate (RFC 8705 section 3), which a header
# brings here. nginx's own client certificates are in client_certificates.t; what `nginx -t` says in configuration.t.
use strict;
use warnings;

use Digest::SHA qw(sha256 sha256_hex);
use MIME::Base64 qw(decode_base64url encode_base64);
use Test::More;

use JWT;
use JWT::Bound;
use JWT::Certificate;
use JWT::Dpop;

plan skip_all => 'openssl is missing' unless JWT::OpenSSL::is_there();

# One whose text has what must be escaped.
my ($mine, $other) = (JWT::Certificate->new, JWT::Certificate->new);
$mine = JWT::Certificate->new until $mine->pem =~ /[+]/ && $mine->pem =~ m{[^/]/[^/]};
my $thumbprint = $mine->thumbprint;
my $client = JWT::Dpop->new;

my $CERT = 'cert=$http_x_cert';
my $FILE = 'auth_jwt_key_file %DIR%/html/good.jwks;';
my $SHOP = 'auth_jwt_issuers shop;';

# The header line that brings a text, by default percent-encoded as nginx does it.
sub brings {
    my ($text) = @_;
    return 'X-Cert: ' . $text;
}
sub escaped { return brings(JWT::Certificate::escaped(@_)) }

my $nginx = JWT::Bound->new(
    http => <<"CONF",
    map \$arg_pem \$pem {
        mine "@{[$mine->pem]}";
        other "@{[$other->pem]}";
        tabs "@{[$mine->pem =~ s/\n(?=.)/\n\t/gr]}";
        chain "@{[$mine->pem, $other->pem]}";
        turned "@{[$other->pem, $mine->pem]}";
        crlf "@{[$mine->pem =~ s/\n/\r\n/gr]}";
        spaces "@{[$mine->pem =~ s/\n/ /gr]}";
        endless "@{[$mine->pem =~ s/\n\z//r]}";
        default "";
    }
CONF
    server => <<"CONF",
    location / { $FILE proxy_pass http://mock; }
    location /off { $FILE auth_jwt_certificate off; proxy_pass http://mock; }
    location /optional { $FILE auth_jwt_certificate optional $CERT; proxy_pass http://mock; }
    location /required { $FILE auth_jwt_certificate required $CERT; proxy_pass http://mock; }
    location /own { $FILE auth_jwt_certificate optional; proxy_pass http://mock; }
    location /issuers { $SHOP proxy_pass http://mock; }
    location /issuers/off { $SHOP auth_jwt_certificate off; proxy_pass http://mock; }
    location /issuers/neither { $SHOP auth_jwt_certificate off; auth_jwt_dpop off; proxy_pass http://mock; }
    location /issuers/optional { $SHOP auth_jwt_certificate optional $CERT; proxy_pass http://mock; }
    location /issuers/required { $SHOP auth_jwt_certificate required $CERT; proxy_pass http://mock; }
    location /text { $FILE auth_jwt_certificate required cert=\$pem; proxy_pass http://mock; }
    location /pieces { $FILE auth_jwt_certificate required cert=\$http_x_one\$http_x_two; proxy_pass http://mock; }

    location /order {
        $SHOP auth_jwt_certificate required $CERT; auth_jwt_require_scope read; auth_jwt_require_claim role present; auth_jwt_require \$arg_ok;
        proxy_pass http://mock;
    }
    location /dry { $FILE auth_jwt_certificate required $CERT; auth_jwt_dry_run on; proxy_pass http://mock; }
    location /unasked { $FILE auth_jwt_certificate required $CERT; auth_jwt_optional on; proxy_pass http://mock; }
    location /any { satisfy any; deny all; $FILE auth_jwt_certificate required $CERT; proxy_pass http://mock; }
    location /any/allowed { satisfy any; allow all; $FILE auth_jwt_certificate required $CERT; proxy_pass http://mock; }
    location /any/asked { satisfy any; $FILE auth_jwt_certificate required $CERT; auth_request /yes; proxy_pass http://mock; }
    location /any/dry { satisfy any; deny all; $FILE auth_jwt_certificate required $CERT; auth_jwt_dry_run on; proxy_pass http://mock; }
    location = /yes { internal; proxy_pass http://mock/; }
    location /page { $FILE auth_jwt_certificate required $CERT; error_page 401 =200 /login; proxy_pass http://mock; }
    location = /login { auth_jwt off; proxy_pass http://mock; }
    location /encrypted { auth_jwt_type encrypted; auth_jwt_key_file %DIR%/html/content.jwks; auth_jwt_certificate required $CERT; proxy_pass http://mock; }
    location /nested { auth_jwt_type nested; auth_jwt_key_file %DIR%/html/content.jwks; auth_jwt_certificate required $CERT; proxy_pass http://mock; }
    location /cookie { auth_jwt "r" token=\$cookie_t; $FILE auth_jwt_certificate required $CERT; proxy_pass http://mock; }
CONF
);

# --- modes ------------------------------------------------------------------------

# What the client brings, in the order in which the tables below tell what comes of it.
my @brings = (['nothing'], ['its certificate', escaped($mine->pem)], ['another', escaped($other->pem)], ['garbage', brings('garbage')]);

# Three rounds: what is known of a token from one client is not taken for another.
sub has_outcomes {
    my ($path, $name, $claims, @expected) = @_;
    my $token = JWT::Bound::issued($claims);
    for my $round (1 .. 3) {
        for my $n (0 .. $#brings) {
            my ($what, @line) = @{$brings[$n]};
            my $expected = ($expected[$n] eq 'ok' ? '200 ' : '401 ') . $expected[$n];
            $nginx->is_judged("$path, $name: $what, round $round", [$path, "Authorization: Bearer $token", @line], $expected);
        }
    }
    return;
}

my @ok = ('ok') x 4;
my @missing = ('proof_missing') x 4;
my @bound = qw(proof_missing ok wrong_certificate wrong_certificate);
my @wrong = ('proof_missing', ('wrong_certificate') x 3);

my %certificate = $mine->cnf;
my %key = $client->cnf;
my %both = $mine->cnf(jkt => $client->thumbprint);

has_outcomes($_, 'unbound', {}, @ok) for '/', '/off', '/optional', '/own', '/issuers', '/issuers/off', '/issuers/neither', '/issuers/optional';
has_outcomes($_, 'unbound', {}, @missing) for '/required', '/issuers/required';

has_outcomes($_, 'bound', \%certificate, @ok) for '/', '/off', '/issuers/neither';
has_outcomes($_, 'bound', \%certificate, @bound) for '/optional', '/required', '/issuers/optional', '/issuers/required';
# There is no TLS here, and so no certificate of nginx's own; a header that nobody was told to trust is none.
has_outcomes($_, 'bound', \%certificate, @missing) for '/own', '/issuers';
# The proof alone is honoured there, and of that the token says nothing.
has_outcomes('/issuers/off', 'bound', \%certificate, @ok);

has_outcomes($_, 'bound to a key alone', \%key, @ok) for '/', '/optional', '/own', '/issuers/neither';
has_outcomes($_, 'bound to a key alone', \%key, @missing) for '/required', '/issuers', '/issuers/off', '/issuers/optional', '/issuers/required';

has_outcomes($_, 'bound to both', \%both, @bound) for '/optional', '/required';
has_outcomes($_, 'bound to both', \%both, @ok) for '/', '/issuers/neither';
has_outcomes('/issuers/off', 'bound to both', \%both, @missing);

# --- cnf ----------------------------------------------------------------------------

for my $path ('/optional', '/required', '/issuers/optional', '/issuers/off', '/issuers') {
    for my $case (
        ['a text', $thumbprint], ['an empty text', ''], ['a number', 1], ['true', JSON::PP::true()], ['a list', [{'x5t#S256' => $thumbprint}]],
        ['an empty list', []],
        ['nothing in it', {}], ['a member that nobody knows', {kid => 'x'}], ['a key in full', {jwk => $client->jwk}],
        ['another case', {'X5T#S256' => $thumbprint, 'x5t#s256' => $thumbprint}], ['another digest', {'x5t' => $thumbprint}],
        ['it is deeper', {cnf => $certificate{cnf}}],
    ) {
        has_outcomes($path, "cnf: $case->[0]", {cnf => $case->[1]}, @missing);
    }
}
has_outcomes($_, 'cnf that means nothing there', {cnf => 'x'}, @ok) for '/', '/off', '/issuers/neither';

my $padded = encode_base64(sha256($mine->der), '');
my $turned = $thumbprint =~ tr/A-Za-z/a-zA-Z/r;
my $loose = substr($thumbprint, 0, -1) . chr(1 + ord substr $thumbprint, -1);
for my $case (
    ['the same with padding', "$thumbprint="], ['base64 that is not for URLs', $padded], ['shorter', substr $thumbprint, 0, -1], ['longer', $thumbprint . 'A'],
    ['in hex', sha256_hex($mine->der)], ['of SHA-1', JWT::b64url(Digest::SHA::sha1($mine->der))], ['empty', ''], ['a space behind', "$thumbprint "],
    ['a line end behind', "$thumbprint\n"], ['NUL behind', "$thumbprint\0"], ['other case', $turned], ['of the PEM', JWT::b64url(sha256($mine->pem))],
    ['bits in its last character that mean nothing', $loose], ['the bytes themselves', join '', map {chr} unpack 'C*', sha256($mine->der)],
    ['a number', 5], ['a list', [$thumbprint]], ['an object', {value => $thumbprint}], ['true', JSON::PP::true()], ['very long', 'A' x 20_000],
) {
    has_outcomes($_, "x5t#S256: $case->[0]", {cnf => {'x5t#S256' => $case->[1]}}, @wrong) for '/optional', '/required';
}

# The very bytes of a payload: what a hash of Perl cannot say.
sub raw_token { return JWT::token('{"iss":"https://shop.example","aud":"api","exp":9999999999,' . $_[0] . '}') }
my ($is, $is_not) = map {qq("x5t#S256":"$_")} $thumbprint, $other->thumbprint;
my $line = escaped($mine->pem);
my $escapes = join '', map { sprintf '\u%04x', ord } split //, $thumbprint;
for my $case (
    ['escapes of JSON', qq("cnf":{"x5t\\u0023S256":"$escapes"}), 200, 'ok'],
    ['cnf twice', qq("cnf":{$is},"cnf":{$is}), 401, 'malformed_token'],
    (map { ['of a member twice the last counts', qq("cnf":{$_->[0],$_->[1]}), 200, 'ok'] } [$is, $is], [$is_not, $is], ['"kid":1,"kid":2', $is]),
    ['of a member twice the last counts', qq("cnf":{$is,$is_not}), 401, 'wrong_certificate'],
) {
    my ($name, $payload, $status, $word) = @$case;
    $nginx->is_judged("$_, $name", [$_, 'Authorization: Bearer ' . raw_token($payload), $line], "$status $word") for '/optional', '/issuers/required';
}
for my $null ('"cnf":null', '"cnf":{"x5t#S256":null}') {
    my $answer = $nginx->asked('/required', 'Authorization: Bearer ' . raw_token($null), $line);
    is($answer->{status}, 401, "$null binds to nobody");
}

# --- the text of a certificate ------------------------------------------------------

my $token = JWT::Bound::issued(\%certificate);
my $pem = $mine->pem;
my $whole = JWT::Certificate::escaped($pem);
my $body = $pem =~ s/-----.*-----\n//gr;
my $in_one_line = $pem =~ s/\n/ /gr;
my @forms = (
    # What is left as it is, by nginx and by others.
    ['as nginx encodes it', $whole, 'ok'],
    ['hex in lower case', $whole =~ s/(%..)/lc $1/ger, 'ok'],
    ['"+", "/" and "=" as they are', JWT::Certificate::escaped($pem, '+/='), 'ok'],
    ['"+" alone as it is', JWT::Certificate::escaped($pem, '+'), 'ok'],
    ['spaces as they are', JWT::Certificate::escaped($pem, ' +/='), 'ok'],
    ['everything encoded', join('', map { sprintf '%%%02x', ord } split //, $pem), 'ok'],
    ['line ends of Windows', JWT::Certificate::escaped($pem =~ s/\n/\r\n/gr), 'ok'],
    ['tabs, as $ssl_client_cert has', JWT::Certificate::escaped($pem =~ s/\n(?=.)/\n\t/gr), 'ok'],
    ['no line end behind', JWT::Certificate::escaped($pem =~ s/\n\z//r), 'ok'],
    ['in one line with spaces', $in_one_line =~ s/ \z//r, 'ok'],
    ['a chain: the first counts', JWT::Certificate::escaped($pem . $other->pem), 'ok'],
    ['a chain: the second does not', JWT::Certificate::escaped($other->pem . $pem), 'wrong_certificate'],
    ['a chain without a line end between', JWT::Certificate::escaped($other->pem =~ s/\n\z//r . $pem), 'wrong_certificate'],
    # What is not the certificate.
    ['white space before it', JWT::Certificate::escaped(" \t\r\n" . $pem), 'ok'],
    ['text before it', JWT::Certificate::escaped("subject=CN = x\n" . $pem), 'wrong_certificate'],
    ['a field of another header', 'Cert=' . $whole, 'wrong_certificate'],
    ['in quotes', qq("$whole"), 'wrong_certificate'],
    ['in a name, before the field of the certificate', qq(Subject="CN=$in_one_line";Cert=) . JWT::Certificate::escaped($other->pem), 'wrong_certificate'],
    ['in a name, encoded, before the certificate', JWT::Certificate::escaped("CN=$pem" . $other->pem), 'wrong_certificate'],
    ['more dashes before it', '-' . $whole, 'wrong_certificate'],
    ['NUL before it', '%00' . $whole, 'wrong_certificate'],
    ['encoded twice', JWT::Certificate::escaped($whole), 'wrong_certificate'],
    ['base64 without the lines around it', JWT::Certificate::escaped($body), 'wrong_certificate'],
    ['base64 as RFC 9440 has it', ':' . encode_base64($mine->der, '') . ':', 'wrong_certificate'],
    ['the bytes themselves', JWT::Certificate::escaped($mine->der), 'wrong_certificate'],
    ['a header line alone', '-----BEGIN%20CERTIFICATE-----', 'wrong_certificate'],
    ['the two lines alone', JWT::Certificate::escaped(JWT::Certificate::armoured('')), 'wrong_certificate'],
    ['no line behind', JWT::Certificate::escaped($pem =~ s/-----END.*//sr), 'wrong_certificate'],
    ['no line before', JWT::Certificate::escaped($pem =~ s/-----BEGIN.*?-----\n//r), 'wrong_certificate'],
    ['cut off in the middle', substr($whole, 0, length($whole) / 2), 'wrong_certificate'],
    ['a private key', JWT::Certificate::escaped(JWT::read_file($mine->file('key.pem'))), 'wrong_certificate'],
    ['called something else', JWT::Certificate::escaped(JWT::Certificate::armoured($mine->der, 'PUBLIC KEY')), 'wrong_certificate'],
    ['an octet more', JWT::Certificate::escaped(JWT::Certificate::armoured($mine->der . "\0")), 'wrong_certificate'],
    ['an octet less', JWT::Certificate::escaped(JWT::Certificate::armoured(substr $mine->der, 0, -1)), 'wrong_certificate'],
    ['the length told in BER', JWT::Certificate::escaped(JWT::Certificate::armoured($mine->der =~ s/\A\x30\x82(..)/\x30\x83\0$1/sr)), 'wrong_certificate'],
    ['a character that base64 has not', JWT::Certificate::escaped($pem =~ s/\n(.)/\n*$1/r), 'wrong_certificate'],
    ['NUL in the middle', JWT::Certificate::escaped($pem =~ s/\n(.)/\n\0$1/r), 'wrong_certificate'],
    ['NUL alone', '%00', 'wrong_certificate'],
    ['no hex', $whole =~ s/%20/%2x/r, 'wrong_certificate'],
    ['a lone percent sign', $whole =~ s/%20/%/r, 'wrong_certificate'],
    ['cut off in an encoded character', $whole =~ s/(%3D)*%0A-----END.*/%0/r, 'wrong_certificate'],
    ['a very long text', 'A' x 60_000, 'wrong_certificate'],
    ['a very long body', JWT::Certificate::escaped(JWT::Certificate::armoured('x' x 30_000)), 'wrong_certificate'],
    ['thousands of dashes', '-' x 60_000, 'wrong_certificate'],
    ['thousands of first lines', '-----BEGIN CERTIFICATE-----' x 2000, 'wrong_certificate'],
    ['bytes of no text', "\xff\xfe\x80", 'wrong_certificate'],
    ['empty', '', 'proof_missing'],
);
for my $form (@forms) {
    my ($name, $text, $word) = @$form;
    my $status = $word eq 'ok' ? 200 : 401;
    $nginx->is_judged("a certificate: $name", ['/required', "Authorization: Bearer $token", brings($text)], "$status $word");
}

# "+" is never a space: a text whose pluses are spaces is another.
$nginx->is_judged('a certificate: spaces in place of "+"', ['/required', "Authorization: Bearer $token",
    brings(JWT::Certificate::escaped($pem =~ tr/+/ /r))], '401 wrong_certificate');

# As a text of several lines, which no header can bring.
for my $case (
    (map { [$_, 'ok'] } qw(mine tabs chain crlf spaces endless)), (map { [$_, 'wrong_certificate'] } qw(other turned)), ['none', 'proof_missing'],
) {
    my ($name, $word) = @$case;
    $nginx->is_judged("cert=: a variable, $name", ["/text?pem=$name", "Authorization: Bearer $token"], ($word eq 'ok' ? 200 : 401) . " $word");
}
my ($one, $two) = $whole =~ /(.{100})(.*)/s;
$nginx->is_judged('cert=: several variables', ['/pieces', "Authorization: Bearer $token", "X-One: $one", "X-Two: $two"], '200 ok');
$nginx->is_judged('cert=: several variables, none there', ['/pieces', "Authorization: Bearer $token"], '401 proof_missing');

# Two header lines of that name are not one certificate after the other that the client chooses.
my $answer = $nginx->asked('/required', "Authorization: Bearer $token", escaped($other->pem), escaped($mine->pem));
is($answer->{status}, 401, 'two header lines, the second of which would do');

# --- order ------------------------------------------------------------------------------

my %good = (%certificate, scope => 'read', role => 'x');
my $past = time - 3600;
for my $case (
    ['expired comes before', {exp => $past}, [], 'expired'],
    ['and so does not yet valid', {nbf => time + 3600}, [], 'not_yet_valid'],
    ['the binding comes before the audience', {aud => 'x'}, [], 'proof_missing'],
    ['a wrong one, too', {aud => 'x'}, [escaped($other->pem)], 'wrong_certificate'],
    ['then the audience', {aud => 'x'}, [$line], 'wrong_audience'],
    ['before the scope', {scope => 'x'}, [], 'proof_missing'],
    ['then the scope', {scope => 'x'}, [$line], 'insufficient_scope'],
    ['before the claims', {role => undef}, [], 'proof_missing'],
    ['then the claims', {role => undef}, [$line], 'claim_mismatch'],
    ['before auth_jwt_require', {}, [], 'proof_missing'],
    ['then auth_jwt_require', {}, [$line], 'requirement_failed'],
) {
    my ($name, $claims, $lines, $word) = @$case;
    my $outcome = JWT::Connection::outcome_of($nginx->asked('/order', 'Authorization: Bearer ' . JWT::Bound::issued({%good, %$claims}), @$lines));
    is($outcome, ($word =~ /scope|mismatch/ ? 403 : 401) . " $word", "order: $name");
}
$nginx->is_judged('order: all is well', ['/order?ok=1', 'Authorization: Bearer ' . JWT::Bound::issued(\%good), $line], '200 ok');
is(JWT::Connection::outcome_of($nginx->asked('/order', 'Authorization: Bearer ' . JWT::Bound::issued(\%good, secret => $JWT::OTHER_SECRET))),
    '401 invalid_signature', 'order: the signature comes before');

# --- with the other directives -----------------------------------------------------------

my $bearer = "Authorization: Bearer $token";
my $invalid = 'Bearer realm="r", error="invalid_token"';
for my $case (
    # Path, header lines, outcome, challenge.
    ['/required', [$bearer], '401 proof_missing', $invalid],
    ['/required', [$bearer, escaped($other->pem)], '401 wrong_certificate', $invalid],
    ['/issuers', [$bearer], '401 proof_missing', $invalid],
    ['/required', [], '401 no_token', 'Bearer realm="r"'],
    ['/unasked', [], '200 no_token'],
    ['/unasked', [$bearer], '401 proof_missing', $invalid],
    ['/unasked', [$bearer, $line], '200 ok'],
    ['/any', [$bearer], '401 proof_missing', $invalid],
    ['/any', [$bearer, escaped($other->pem)], '401 wrong_certificate', $invalid],
    ['/any', [$bearer, $line], '200 ok'],
    ['/any/allowed', [$bearer], '200'],
    ['/any/asked', [$bearer], '200 proof_missing'],
    ['/any/asked', [$bearer, escaped($other->pem)], '200 wrong_certificate'],
    ['/any/dry', [$bearer], '403 proof_missing_dry_run'],
    ['/any/dry', [$bearer, $line], '200 ok'],
    ['/page', [$bearer], '200 proof_missing', $invalid],
    ['/cookie', ["Cookie: t=$token"], '401 proof_missing', $invalid],
    ['/cookie', ["Cookie: t=$token", $line], '200 ok'],
) {
    my ($path, $lines, $expected, $challenge) = @$case;
    my $got = $nginx->asked($path, @$lines);
    my $name = join ', ', $path, map { /^(X-Cert|Authorization|Cookie)/ ? "with $1" : () } @$lines;
    is(JWT::Connection::outcome_of($got) =~ s/ \z//r, $expected, "$name: $expected");
    is($got->{headers}{'www-authenticate'}, $challenge, "$name: the challenge");
}

# Dry run: nothing is refused, the log says at notice why, and the claims are empty.
for my $case (['proof_missing', []], ['wrong_certificate', [escaped($other->pem)]]) {
    my ($word, $lines) = @$case;
    $nginx->told;
    my $got = $nginx->asked('/dry', $bearer, @$lines);
    is(JWT::Connection::outcome_of($got), "200 ${word}_dry_run", "dry run: $word");
    like($got->{body}, qr/ sub= /, 'no claims');
    my @told = $nginx->told;
    ok(@told == 1 && $told[0] =~ /\[notice\]/ && $told[0] =~ $JWT::Bound::TOLD{$word} , 'one line at notice') or diag(@told);
}
$nginx->is_judged('dry run: a good one', ['/dry', $bearer, $line], '200 ok');
like($nginx->asked('/required', $bearer, $line)->{body}, qr/ sub=alice /, 'the claims of a good one go on');

# Claims that come encrypted are judged as others.
my $claims = JWT::json({sub => 'alice', %certificate});
for my $case (['/encrypted', JWT::encrypted($claims)], ['/nested', JWT::encrypted(JWT::token($claims))]) {
    my ($path, $encrypted) = @$case;
    for my $round (1, 2) {
        $nginx->is_judged("$path: nothing", [$path, "Authorization: Bearer $encrypted"], '401 proof_missing');
        $nginx->is_judged("$path: its certificate", [$path, "Authorization: Bearer $encrypted", $line], '200 ok');
        $nginx->is_judged("$path: another", [$path, "Authorization: Bearer $encrypted", escaped($other->pem)], '401 wrong_certificate');
    }
}

# No thumbprint, and nothing of a certificate, in the log.
my @telling = grep { my $text = $_; index($nginx->error_log, $text) >= 0 } $thumbprint, $other->thumbprint, substr($body, 0, 40),
    substr($whole, 40, 40), (split /[.]/, $token);
is_deeply(\@telling, [], 'the log shows neither thumbprints nor certificates');
$nginx->is_calm('error', qr{access forbidden by rule|No such file});

done_testing();
