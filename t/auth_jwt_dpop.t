# The directive auth_jwt_dpop: whose tokens must be proven, and by which scheme they come; internal redirects, other
# directives, both bindings at once. What is in a proof is in auth_jwt_dpop_proof.t and auth_jwt_dpop_url.t, repeated
# ones are in auth_jwt_dpop_replay.t, challenges in auth_jwt_dpop_challenge.t; what `nginx -t` says in configuration.t.
use strict;
use warnings;

use Test::More;

use JWT;
use JWT::Bound;
use JWT::Certificate;
use JWT::Dpop;

plan skip_all => 'openssl is missing' unless JWT::OpenSSL::is_there();

my $FILE = 'auth_jwt_key_file %DIR%/html/good.jwks;';
my $SHOP = 'auth_jwt_issuers shop;';
my $CERT = 'cert=$http_x_cert';

my $nginx = JWT::Bound->new(
    files => {'html/static/file' => 'static', 'html/index/index.html' => 'index', 'html/tried' => 'tried'},
    server => <<"CONF",
    root %DIR%/html;
    location / { $FILE proxy_pass http://mock; }
    location /off { $FILE auth_jwt_dpop off; proxy_pass http://mock; }
    location /optional { $FILE auth_jwt_dpop optional; proxy_pass http://mock; }
    location /required { $FILE auth_jwt_dpop required; proxy_pass http://mock; }
    location /issuers { $SHOP add_header X-Status \$auth_jwt_status always; add_header X-Issuer \$auth_jwt_issuer always; proxy_pass http://mock; }
    location /issuers/off { $SHOP auth_jwt_dpop off; proxy_pass http://mock; }
    location /issuers/optional { $SHOP auth_jwt_dpop optional; proxy_pass http://mock; }
    location /issuers/required { $SHOP auth_jwt_dpop required; proxy_pass http://mock; }
    location /cookie { auth_jwt "r" token=\$cookie_t; $FILE auth_jwt_dpop optional; proxy_pass http://mock; }

    location /both { $FILE auth_jwt_certificate optional $CERT; auth_jwt_dpop optional; proxy_pass http://mock; }
    location /both/required { $FILE auth_jwt_certificate required $CERT; auth_jwt_dpop required; proxy_pass http://mock; }
    location /both/certificate { $FILE auth_jwt_certificate required $CERT; auth_jwt_dpop optional; proxy_pass http://mock; }
    location /both/key { $FILE auth_jwt_certificate optional $CERT; auth_jwt_dpop required; proxy_pass http://mock; }

    location /order { $SHOP auth_jwt_dpop required; auth_jwt_require_scope read; auth_jwt_require_claim role present; auth_jwt_require \$arg_ok; proxy_pass http://mock; }
    location /dry { $FILE auth_jwt_dpop required; auth_jwt_dry_run on; proxy_pass http://mock; }
    location /unasked { $FILE auth_jwt_dpop required; auth_jwt_optional on; proxy_pass http://mock; }
    location /any { satisfy any; deny all; $FILE auth_jwt_dpop required; proxy_pass http://mock; }
    location /any/allowed { satisfy any; allow all; $FILE auth_jwt_dpop required; proxy_pass http://mock; }
    location /any/dry { satisfy any; deny all; $FILE auth_jwt_dpop required; auth_jwt_dry_run on; proxy_pass http://mock; }
    location /forwarded { $FILE auth_jwt_dpop optional; proxy_set_header X-A \$jwt_claim_sub; proxy_set_header X-B \$http_dpop; proxy_pass http://mock; }
    location /early { $FILE auth_jwt_dpop optional; set \$early "\$jwt_claim_sub"; add_header X-Early "<\$early>"; proxy_pass http://mock; }

    # Locations that lead to others.
    location /tried { auth_jwt "r"; $FILE auth_jwt_dpop required; try_files /none /required/\$arg_to; }
    location /tried/named { $FILE auth_jwt_dpop required; try_files /none \@named; }
    location \@named { $SHOP auth_jwt_dpop required; proxy_pass http://mock; }
    location /tried/other { $FILE auth_jwt_dpop required; try_files /none /base; }
    location /tried/open { auth_jwt off; try_files /none /required; }
    location = /base { $FILE auth_jwt_dpop required base=https://other.example; proxy_pass http://mock; }
    location /index/ { $FILE auth_jwt_dpop required; index index.html; }
    location = /index/index.html { $SHOP auth_jwt_dpop required; proxy_pass http://mock; }
    location /accel { $FILE auth_jwt_dpop required; proxy_pass http://mock; }
    location /static { $FILE auth_jwt_dpop required; error_page 405 404 = /required; }
    location /page { $FILE auth_jwt_dpop required; error_page 401 = /required; proxy_pass http://mock; }
    location /page/aud { $FILE auth_jwt_dpop required; auth_jwt_audience nobody; error_page 401 = /required; proxy_pass http://mock; }
    location /rewritten { rewrite ^ /required?x last; }
    location /asked { $FILE auth_jwt_dpop required; auth_request /yes; proxy_pass http://mock; }
    location = /yes { internal; $FILE auth_jwt_dpop required; proxy_pass http://mock/; }
CONF
);

my ($client, $other) = map { JWT::Dpop->new } 1, 2;
my ($mine, $another) = map { JWT::Certificate->new } 1, 2;

sub url { return 'http://localhost' . $_[0] =~ s/^[A-Z]+ //r }

# --- modes, tokens, schemes ----------------------------------------------------------

# What a request can bring: the scheme, and the proof, of whoever.
my @SCHEMES = qw(Bearer DPoP);
my @PROOFS = ('none', 'good', 'of another', 'garbage');
sub proof_lines {
    my ($proof, $token, $path) = @_;
    return
          $proof eq 'none' ? ()
        : $proof eq 'garbage' ? 'DPoP: x'
        : ($proof eq 'good' ? $client : $other)->line(token => $token, htu => url($path));
}

# The outcomes by scheme: of the four proofs each.
sub has_outcomes {
    my ($path, $name, $claims, @expected) = @_;
    my $token = JWT::Bound::issued($claims);
    for my $round (1, 2) {
        for my $n (0 .. 1) {
            for my $p (0 .. $#PROOFS) {
                my $expected = $expected[$n][$p];
                my $status = $expected eq 'ok' ? 200 : 401;
                my @request = ($path, "Authorization: $SCHEMES[$n] $token", proof_lines($PROOFS[$p], $token, $path));
                $nginx->is_judged("$path, $name, $SCHEMES[$n], proof: $PROOFS[$p], round $round", \@request, "$status $expected");
            }
        }
    }
    return;
}

my ($ok, $missing, $none) = map { [($_) x 4] } qw(ok proof_missing no_token);
my $proven = [qw(proof_missing ok invalid_proof invalid_proof)];
my $untied = [qw(proof_missing invalid_proof invalid_proof invalid_proof)];
my %key = $client->cnf;
my %certificate = $mine->cnf;
my @honoured = ('/optional', '/issuers', '/issuers/optional');
my @required = ('/required', '/issuers/required');
my @unasked = ('/', '/off', '/issuers/off');

# Where proofs mean nothing, "DPoP" is a scheme like any other.
has_outcomes($_, 'unbound', {}, $ok, $none) for @unasked;
has_outcomes($_, 'bound', \%key, $ok, $none) for '/', '/off';
has_outcomes($_, 'unbound', {}, $ok, $untied) for @honoured;
has_outcomes($_, 'unbound', {}, $missing, $missing) for @required;
has_outcomes($_, 'bound', \%key, $missing, $proven) for @honoured, @required;
# There the certificate alone is honoured, and there is none; nothing binds the token to it.
has_outcomes('/issuers/off', 'bound', \%key, $ok, $none);
has_outcomes('/issuers/off', 'bound to a certificate', \%certificate, $missing, $none);
has_outcomes('/issuers', 'bound to a certificate', \%certificate, $missing, $missing);
has_outcomes('/optional', 'bound to a certificate', \%certificate, $ok, $untied);
has_outcomes('/required', 'bound to a certificate', \%certificate, $missing, $missing);
for my $case (['a text', 'x'], ['a list', [\%key]], ['nothing in it', {}], ['a member that nobody knows', {kid => 'x'}],
    ['the key itself', {jwk => $client->jwk}], ['another case', {JKT => $client->thumbprint}]) {
    has_outcomes($_, "cnf: $case->[0]", {cnf => $case->[1]}, $missing, $missing) for @honoured, @required;
}
has_outcomes($_, 'cnf: a text', {cnf => 'x'}, $ok, $none) for '/', '/off';

# The scheme, and what is behind it.
my $token = JWT::Bound::issued({%key});
my $unbound = JWT::Bound::issued();
for my $scheme ('DPoP', 'dpop', 'DPOP', 'dPoP') {
    for my $between (' ', '    ') {
        $nginx->is_judged("scheme: $scheme", ['/optional', "Authorization: $scheme$between$token",
            $client->line(token => $token, htu => url('/optional'))], '200 ok');
    }
}
for my $scheme ('DPoPs', 'DPo', 'DPoP:', 'DPoP,', 'Basic', '"DPoP"') {
    $nginx->is_judged("scheme: $scheme", ['/optional', "Authorization: $scheme $token", $client->line(token => $token, htu => url('/optional'))],
        '401 no_token');
}
$nginx->is_judged("a scheme alone: '$_'", ['/optional', "Authorization: $_", $client->line(token => $token, htu => url('/optional'))],
    '401 no_token') for 'DPoP', 'DPoP ', 'DPoP    ', 'Dpop' . $token;
$nginx->is_judged('a proof without a token', ['/optional', $client->line(htu => url('/optional'))], '401 no_token');
$nginx->is_judged("a bad token by DPoP: $_", ['/optional', 'Authorization: DPoP ' . JWT::refused($_),
    $client->line(token => JWT::refused($_), htu => url('/optional'))], "401 $_", qr/./) for qw(malformed_token invalid_signature expired);

# By token= there is no scheme to judge.
for my $case (['bound', $token, 'good', '200 ok'], ['bound', $token, 'none', '401 proof_missing'], ['bound', $token, 'garbage', '401 invalid_proof'],
    map { ['unbound', $unbound, $_, '200 ok'] } @PROOFS) {
    my ($name, $sent, $proof, $expected) = @$case;
    $nginx->is_judged("token=, $name, proof: $proof", ['/cookie', "Cookie: t=$sent", proof_lines($proof, $sent, '/cookie')], $expected);
}

# Claims are read from a token of that scheme, too; where proofs mean nothing it is none.
my $answer = $nginx->asked('/forwarded', $client->lines($token, htu => url('/forwarded')));
like($answer->{body}, qr/ a=alice b=e/, 'the upstream gets the claims, and the proof as it came');
like($answer->{body}, qr/ authorization=DPoP \Q$token\E/, 'and the token as it came');
is($nginx->asked('/issuers', "Authorization: DPoP $token")->{headers}{'x-issuer'}, undef, 'the issuer of a token that is refused is not told,');
is($nginx->asked('/issuers', $client->lines($token, htu => url('/issuers')))->{headers}{'x-issuer'}, 'shop', 'and that of one that passes is');
is($nginx->asked('/early', $client->lines($token, htu => url('/early')))->{headers}{'x-early'}, '<alice>',
    'claims can be read before the token has been judged');
unlike($nginx->asked('/off', "Authorization: DPoP $token")->{body}, qr/alice/, 'and nowhere else');

# --- both bindings ---------------------------------------------------------------------

my %both = $mine->cnf(jkt => $client->thumbprint);
my $line = 'X-Cert: ' . JWT::Certificate::escaped($mine->pem);
my $wrong = 'X-Cert: ' . JWT::Certificate::escaped($another->pem);
for my $case (
    # Path, claims, scheme, certificate, proof, outcome.
    (
        map {
            my $path = $_;
            map { [$path, \%both, @$_] } ['DPoP', $line, 'good', 'ok'], ['DPoP', undef, 'good', 'proof_missing'], ['DPoP', $wrong, 'good', 'wrong_certificate'], ['DPoP', $line, 'none', 'proof_missing'],
                ['DPoP', $line, 'of another', 'invalid_proof'], ['Bearer', $line, 'good', 'proof_missing'],
                ['Bearer', undef, 'none', 'proof_missing'], ['Bearer', $line, 'none', 'proof_missing'],
        } '/both', '/both/required', '/both/certificate', '/both/key',
    ),
    ['/both', {}, 'Bearer', undef, 'none', 'ok'], ['/both', {%key}, 'DPoP', undef, 'good', 'ok'], ['/both', {%key}, 'DPoP', $wrong, 'good', 'ok'],
    ['/both', {%certificate}, 'Bearer', $line, 'none', 'ok'],
    ['/both', {%certificate}, 'Bearer', $line, 'garbage', 'ok'], ['/both', {%certificate}, 'Bearer', $wrong, 'none', 'wrong_certificate'],
    ['/both/required', {}, 'Bearer', $line, 'none', 'proof_missing'], ['/both/required', {%key}, 'DPoP', $line, 'good', 'proof_missing'],
    ['/both/required', {%certificate}, 'DPoP', $line, 'good', 'proof_missing'],
    ['/both/certificate', {%key}, 'DPoP', $line, 'good', 'proof_missing'], ['/both/certificate', {%certificate}, 'Bearer', $line, 'none', 'ok'],
    ['/both/key', {%certificate}, 'Bearer', $line, 'none', 'proof_missing'], ['/both/key', {%key}, 'DPoP', undef, 'good', 'ok'],
    ['/issuers', \%both, 'DPoP', $line, 'good', 'proof_missing'],
) {
    my ($path, $claims, $scheme, $certificate, $proof, $word) = @$case;
    my $sent = JWT::Bound::issued($claims);
    my @request = ($path, "Authorization: $scheme $sent", $certificate // (), proof_lines($proof, $sent, $path));
    $nginx->is_judged("$path, both: $scheme, proof: $proof, $word", \@request, ($word eq 'ok' ? 200 : 401) . " $word");
}

# A proof that came with a wrong certificate has not been used up.
{
    my $sent = JWT::Bound::issued(\%both);
    my @request = ('/both', "Authorization: DPoP $sent", $client->line(token => $sent, htu => url('/both')));
    $nginx->is_judged('both: a wrong certificate', [@request, $wrong], '401 wrong_certificate');
    $nginx->is_judged('both: the right one, with the same proof', [@request, $line], '200 ok');
    $nginx->is_judged('both: and again', [@request, $line], '401 invalid_proof');
}

# --- internal redirects ------------------------------------------------------------------

# The one proof of the request is judged wherever it leads, and is no replay there; in another request it is one.
for my $case (
    ['GET /tried', 200], ['GET /tried?to=deeper', 200], ['GET /tried/named', 200], ['GET /tried/open', 200], ['GET /index/', 200],
    ['GET /accel?to=/required', 200],
    ['POST /static/file', 200], ['PUT /static/file', 200], ['GET /static/none', 200], ['HEAD /static/none', 200], ['DELETE /static/file', 200],
    ['PURGE /static/file', 200], ['GET /rewritten', 200],
    ['GET /asked', 200], ['GET /page/aud', 200], ['POST /page/aud', 200], ['GET /tried/other', 401],
) {
    my ($request, $status) = @$case;
    my ($method, $path) = split / /, $request;
    my @lines = $client->lines($token, htm => $method, htu => url($path));
    my $passes = $nginx->asked($request, @lines);
    is($passes->{status}, $status, "$request: $status");
    is($passes->{headers}{'x-status'}, 'ok', 'and the last verdict') if $status == 200;
    is($passes->{headers}{'x-status'}, 'invalid_proof', 'the base is another there') if $status == 401;
    my $again = $nginx->asked($request, @lines);
    is($again->{status}, 401, "$request: a second request with the same proof is refused");
    is($again->{headers}{'x-status'}, 'invalid_proof', 'as a replay');
}
# A proof that was refused once is not accepted behind an error page.
for my $case (['used before', undef], ['of another', $other]) {
    my ($name, $who) = @$case;
    my @lines = ($who // $client)->lines($token, htu => url('/page'));
    $nginx->asked('/page', @lines) unless $who;
    my $got = $nginx->asked('/page', @lines);
    is(JWT::Connection::outcome_of($got), '401 invalid_proof', "error_page 401, a proof that is $name");
}

# --- order ---------------------------------------------------------------------------------

my %good = (%key, scope => 'read', role => 'x');
for my $case (
    ['expired comes before', {exp => 1}, 'garbage', 'expired'], ['not yet valid, too', {nbf => time + 3600}, 'garbage', 'not_yet_valid'],
    ['the audience comes behind', {aud => 'x'}, 'none', 'proof_missing'], ['a bad proof comes before it', {aud => 'x'}, 'garbage', 'invalid_proof'],
    ['then the audience', {aud => 'x'}, 'good', 'wrong_audience'],
    ['the scope comes behind', {scope => 'x'}, 'of another', 'invalid_proof'], ['then the scope', {scope => 'x'}, 'good', 'insufficient_scope'],
    ['claims come behind', {role => undef}, 'garbage', 'invalid_proof'], ['then claims', {role => undef}, 'good', 'claim_mismatch'],
    ['auth_jwt_require comes behind', {}, 'garbage', 'invalid_proof'], ['then auth_jwt_require', {}, 'good', 'requirement_failed'],
) {
    my ($name, $claims, $proof, $word) = @$case;
    my $sent = JWT::Bound::issued({%good, %$claims});
    my $got = $nginx->asked('/order', "Authorization: DPoP $sent", proof_lines($proof, $sent, '/order'));
    is(JWT::Connection::outcome_of($got), ($word =~ /scope|mismatch/ ? 403 : 401) . " $word", "order: $name");
}
{
    my $sent = JWT::Bound::issued(\%good);
    my @lines = $client->lines($sent, htu => url('/order'));
    is(JWT::Connection::outcome_of($nginx->asked('/order', @lines)), '401 requirement_failed', 'a proof that was good, but the request was not,');
    is(JWT::Connection::outcome_of($nginx->asked('/order?ok=1', @lines)), '401 invalid_proof', 'has been used');
    is(JWT::Connection::outcome_of($nginx->asked('/order?ok=1', $client->lines($sent, htu => url('/order')))), '200 ok', 'and another one passes');
    my $forged = JWT::Bound::issued(\%good, secret => $JWT::OTHER_SECRET);
    is(JWT::Connection::outcome_of($nginx->asked('/order', $client->lines($forged, htu => url('/order')))), '401 invalid_signature',
        'the signature of the token comes before');
}

# --- with other directives -------------------------------------------------------------------

for my $case (
    ['/unasked', undef, 'none', '200 no_token'], ['/unasked', 'DPoP', 'none', '401 proof_missing'], ['/unasked', 'DPoP', 'good', '200 ok'],
    ['/unasked', undef, 'good', '200 no_token'],
    ['/any', 'DPoP', 'good', '200 ok'], ['/any', 'DPoP', 'none', '401 proof_missing'], ['/any', 'Bearer', 'good', '401 proof_missing'],
    ['/any', undef, 'none', '401 no_token'],
    ['/any/allowed', 'DPoP', 'garbage', '200 '], ['/any/dry', 'DPoP', 'garbage', '403 invalid_proof_dry_run'],
    ['/any/dry', 'DPoP', 'none', '403 proof_missing_dry_run'], ['/any/dry', 'DPoP', 'good', '200 ok'],
) {
    my ($path, $scheme, $proof, $expected) = @$case;
    my $got = $nginx->asked($path, $scheme ? "Authorization: $scheme $token" : (), proof_lines($proof, $token, $path));
    is(JWT::Connection::outcome_of($got), $expected =~ s/ \z//r, "$path, @{[$scheme // 'no token']}, proof: $proof, $expected");
}
for my $case (['none', 'proof_missing'], ['garbage', 'invalid_proof'], ['of another', 'invalid_proof']) {
    my ($proof, $word) = @$case;
    $nginx->told;
    my $got = $nginx->asked('/dry', "Authorization: DPoP $token", proof_lines($proof, $token, '/dry'));
    is(JWT::Connection::outcome_of($got), "200 ${word}_dry_run", "dry run: $proof");
    like($got->{body}, qr/ sub= /, 'no claims');
    my @told = $nginx->told;
    ok(@told == 1 && $told[0] =~ /\[notice\]/ && $told[0] =~ $JWT::Bound::TOLD{$word}, 'one line at notice') or diag(@told);
}
{
    my @lines = $client->lines($token, htu => url('/dry'));
    is($nginx->asked('/dry', @lines)->{headers}{'x-status'}, 'ok', 'dry run: a good proof');
    is($nginx->asked('/dry', @lines)->{headers}{'x-status'}, 'invalid_proof_dry_run', 'dry run: a second time');
}

$nginx->is_calm('error', qr{access forbidden by rule|No such file});

done_testing();
