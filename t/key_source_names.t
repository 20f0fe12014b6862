# Names of key sources that are made of variables come from outside: nobody leads nginx out of the
# directory that the configuration means. Names that are spelt out are judged when nginx starts.
use strict;
use warnings;

use Test::More;

use JWT;
use JWT::Server;

my %secret = (good => 'the secret of the operator', evil => 'the secret of the client');

sub set_of { return JWT::key_set(JWT::jwk($secret{$_[0]})) }
sub bearer { return JWT::bearer(undef, secret => $secret{$_[0]}) }

my $nginx = JWT::Server->new(
    files => {
        'conf/keys/good.jwks' => set_of('good'), 'conf/keys/a b..c.jwks' => set_of('good'),
        'conf/uploads/evil.jwks' => set_of('evil'), 'conf/evil.jwks' => set_of('evil'),
        'evil.jwks' => set_of('evil'),
    },
    http => <<'CONF',
    map $arg_map $climbs { default "../evil"; }
CONF
    server => <<'CONF',
        add_header X-Status $auth_jwt_status always;
        location /keys/ { internal; alias %DIR%/conf/keys/; }
        location /echo/ { internal; if ($args = "a=../b%00") { rewrite ^ /keys/good.jwks; } }
        location /request { auth_jwt r; auth_jwt_key_request /keys/$arg_t.jwks; empty_gif; }
        location /whole { auth_jwt r; auth_jwt_key_request $arg_u; empty_gif; }
        location /file { auth_jwt r; auth_jwt_key_file keys/$arg_t.jwks; empty_gif; }
        location /climbing { auth_jwt r; auth_jwt_key_file ../$arg_t.jwks; empty_gif; }
        location /mapped { auth_jwt r; auth_jwt_key_file keys/$climbs.jwks; empty_gif; }
        location /two { auth_jwt r; auth_jwt_key_request /keys/$arg_t.jwks; auth_jwt_key_file keys/good.jwks; empty_gif; }
CONF
);

# What a signer's token gets, and the lines of the log at error.
sub asked {
    my ($uri, $signer) = @_;
    $nginx->new_lines;
    return ($nginx->outcome($uri, bearer($signer)), grep {/\[error\]/} $nginx->new_lines);
}

sub is_served {
    my ($uri, $signer) = @_;
    my ($status, @lines) = asked($uri, $signer);
    is($status, '200 ok', "served: $uri");
    is("@lines", '', 'without a word');
    return;
}

sub is_refused {
    my ($uri, $reason) = @_;
    for my $signer (qw(evil good)) {
        my ($status, @lines) = asked($uri, $signer);
        is($status, '500 keys_unavailable', "refused: $uri, a token of $signer");
        is(scalar @lines, 1, 'one line says so') or diag(@lines);
        like($lines[0] // '', $reason, 'and why');
    }
    return;
}

# --- key requests -----------------------------------------------------------------

is_served('/request?t=good', 'good');
is_served('/request?t=go%6f%64', 'good');
is_served('/request?t=a%20b..c', 'good');
is_served('/whole?u=/keys/good.jwks', 'good');
# What follows the question mark is the location's own.
is_served('/whole?u=/echo/?a=../b%00', 'good');

my $unsafe = qr/key request "[^"]+" is refused: it holds "[.][.]" or a zero byte/;
for my $t ('../uploads/evil', '..%2fuploads/evil', '%2e%2e/uploads/evil', '.%2e/uploads/evil', 'x/../../uploads/evil',
    'good.jwks%00', '..')
{
    my $uri = $t eq '..' ? '/whole?u=/keys/..' : "/request?t=$t";
    is_refused($uri, $unsafe);
}
is_refused('/two?t=../uploads/evil', $unsafe);
is_refused('/whole', qr/key request "" is refused: it is empty/);
is_refused('/whole?u=keys/good.jwks', qr/key request "keys\/good.jwks" is refused: it does not begin with "\/"/);
is_refused('/whole?u=?a', qr/key request "\?a" is refused: it does not begin/);
is_refused('/whole?u=http://127.0.0.1/', qr/is refused: it does not begin/);
is_refused('/whole?u=@named', qr/is refused: it does not begin/);

# --- key files ------------------------------------------------------------------------

is_served('/file?t=good', 'good');
is_served('/climbing?t=evil', 'evil');
for my $t ('../evil', '../uploads/evil', 'x/../../evil') {
    is_refused("/file?t=$t", qr/key file "[^"]+" is refused: a variable brings "[.][.]" into it/);
}
is_refused('/mapped', qr/key file "[^"]+" is refused: a variable brings "[.][.]" into it/);

$nginx->is_calm('warn', qr/\[error\]/);

# --- at load -----------------------------------------------------------------------------

my $way = '.*begins with "\/".*proxy_pass';
for my $case (
    (map { ["\"$_\"", qr/invalid value "\Q$_\E" in "auth_jwt_key_request"$way/] }
        'https://idp.example/keys', 'http://127.0.0.1/keys', 'HTTPS://idp.example', 'keys', '@keys', '?a'),
    ['""', qr/invalid value "" in "auth_jwt_key_request"/],
    ['', qr/invalid number of arguments in "auth_jwt_key_request"/],
    ['/a /b', qr/invalid number of arguments in "auth_jwt_key_request"/],
    ['/$nobody_knows', qr/unknown "nobody_knows" variable/, qr//],
) {
    my ($arguments, $says, $where) = @$case;
    $where //= qr/.*nginx[.]conf:\d+/;
    JWT::Server->refuses(location => "auth_jwt r; auth_jwt_key_request $arguments; empty_gif;", qr/$says$where/);
}
my @warned = JWT::Server->accepts(server => <<'CONF');
        location /a { auth_jwt r; auth_jwt_key_request keys/$arg_t; empty_gif; }
        location /b { auth_jwt r; auth_jwt_key_request /keys/$arg_t; empty_gif; }
        location /c { auth_jwt r; auth_jwt_key_request $arg_t; empty_gif; }
        location /nowhere { auth_jwt r; auth_jwt_key_request /nowhere; auth_jwt_key_cache 1h stale=1d refresh=30s; }
        location /arguments { auth_jwt r; auth_jwt_key_request /nowhere?a=b; auth_jwt_key_cache 0; }
CONF
is(scalar @warned, 1, 'a URI is not looked for, and variables may bring the slash; where they cannot, a warning') or diag(@warned);
like($warned[0] // '', qr/"keys\/\$arg_t" of "auth_jwt_key_request" in \S+:\d+ never begins with "\/"/, 'says so');

done_testing();
