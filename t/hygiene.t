# What stays behind after a noisy run: no token, claim or key in the error log, at debug level too
# (nginx itself shows header fields and variables there: those lines are told apart), and no key
# file's text and no decrypted claims in the memory of a worker.
use strict;
use warnings;

use Test::More;

use JWT;
use JWT::Certificate;
use JWT::Dpop;
use JWT::KeyServer;
use JWT::Server;

plan skip_all => 'there is no /proc here' unless -r '/proc/self/mem';

# A fragment shorter than this may stand in a log by chance.
my $TELLING = 12;

# Of the corpora, every so many-th token: the debug log is long.
my $EVERY = 25;

# Anything of the tests that nobody may log.
my $CLAIM = 'the-claim-nobody-may-see-0123456789';
my $KID = 'the-kid-nobody-may-see';

# Who may use those that are bound, and somebody else.
my ($mine, $other) = map { JWT::Certificate->new } 1, 2;
my $client = JWT::Dpop->new;

my $claims = JWT::json({sub => $CLAIM, admin => 0});
my $inner = JWT::token($claims, kid => 'usual');
my %made = (
    signed => JWT::token($claims, kid => 'usual'),
    unknown => JWT::token($claims, kid => $KID),
    forged => JWT::token($claims, secret => $JWT::OTHER_SECRET),
    expired => JWT::token({sub => $CLAIM, exp => 1}),
    (map { $_->[0] => JWT::token({iss => 'shop', aud => 'api', sub => $CLAIM, exp => 9_999_999_999, %{$_->[1]}}, kid => 'usual') }
        ['issued', {}], ['to another', {aud => $CLAIM}], ['of another', {iss => $CLAIM}], ['in scope', {scope => "read $CLAIM"}]),
    lasting => JWT::token({iss => 'shop', aud => 'api', sub => $CLAIM}, kid => 'usual'),
    odd => JWT::token({sub => $CLAIM, exp => $CLAIM}),
    (map { $_->[0] => JWT::token({iss => 'shop', aud => 'api', sub => $CLAIM, exp => 9_999_999_999, %{$_->[1]}}, kid => 'usual') }
        ['bound to a certificate', {$mine->cnf}], ['bound to a key', {$client->cnf}], ['bound to both', {$mine->cnf(jkt => $client->thumbprint)}], ['bound to nothing', {cnf => {x => $CLAIM}}]),
    encrypted => JWT::encrypted($claims),
    nested => JWT::encrypted($inner),
    'no claims' => JWT::encrypted("no JSON, but $CLAIM"),
);

# The keys, private members and all.
my $oct = JWT::jwk($JWT::CONTENT_KEY, kid => 'direct', alg => 'dir');
my @private = map { @{JWT::data('key_sets')->{$_}{keys}} } qw(nested_all);
my %files = (
    'html/signed' => JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'usual')),
    'html/private' => JWT::key_set(@private, $oct, JWT::jwk($JWT::SECRET, kid => 'usual')),
    'html/odd' => JWT::key_set({kty => 'oct', k => 'not base64url ' . JWT::b64url($JWT::SECRET)}, {kty => 'RSA', map { $_ => 'A' . JWT::b64url($JWT::OTHER_SECRET) } qw(n e d)}),
    'html/broken' => '{"keys":[{"kty":"oct","k":"' . JWT::b64url($JWT::SECRET) . '"',
);

# Every text of them that tells a key.
my @key_texts = (
    $JWT::SECRET, $JWT::OTHER_SECRET, JWT::b64url($JWT::SECRET), JWT::b64url($JWT::OTHER_SECRET),
    map { my $key = $_; grep { defined && length >= $TELLING } @{$key}{qw(k d p q dp dq qi)} } @private, $oct,
);

# --- the log ----------------------------------------------------------------------

my $idp = JWT::KeyServer->new(answers => {
    '/good' => {body => $files{'html/private'}},
    '/broken' => {body => $files{'html/broken'}},
    '/error' => {status => 503, body => $files{'html/private'}},
    '/cut' => {body => $files{'html/private'}, length => 1 << 19, cut => 500},
});
my $address = $idp->address;
my @places = map {
    my $type = $_;
    map { [$type, $_] } 'signed', 'private', 'odd', 'broken', 'missing', 'require';
} qw(signed encrypted nested);
my $locations = join '', map {
    my ($type, $file) = @$_;
    my $keys = $file eq 'require' ? 'private; auth_jwt_require $jwt_claim_admin' : $file;
    "location = /$type/$file { auth_jwt_type $type; auth_jwt_key_file %DIR%/html/$keys; empty_gif; }\n"
        . "location = /$type/cookie/$file { auth_jwt r token=\$cookie_t; auth_jwt_type $type; auth_jwt_key_file %DIR%/html/$keys; empty_gif; }\n"
} @places;

my $configuration = <<"CONF" . $locations;
    auth_jwt "the realm that shows a search finds";
    add_header X-Status \$auth_jwt_status always;
    add_header X-Pid \$pid always;
    location = /issuers { auth_jwt_issuers shop; auth_jwt_require_scope read; auth_jwt_require_claim role = \$http_x_role; empty_gif; }
    location = /bound { auth_jwt_issuers shop; auth_jwt_certificate optional cert=\$http_x_cert; auth_jwt_dpop optional; empty_gif; }
    location = /bound/dry { auth_jwt_issuers shop; auth_jwt_dry_run on; auth_jwt_certificate optional cert=\$http_x_cert; auth_jwt_dpop optional; empty_gif; }
    location = /dry { auth_jwt_dry_run on; auth_jwt_optional on; auth_jwt_issuers shop; auth_jwt_require_scope read; auth_jwt_require_claim role = \$http_x_role; empty_gif; }
    location /keys/ { internal; proxy_pass http://$address/; }
    location ~ ^/fetched/(.+)\$ { auth_jwt_type nested; auth_jwt_key_request /keys/\$1; empty_gif; }
CONF
my $block = 'auth_jwt_issuer shop { issuer shop; audience api; key_file %DIR%/html/signed; }';
my $nginx = JWT::Server->new(
    log_level => 'debug',
    files => \%files,
    http => "$block large_client_header_buffers 4 64k;",
    server => $configuration,
);

my %seen;
sub asks {
    my ($server, $path, @lines) = @_;
    my $answer = $server->get($path, @lines) or return fail("no answer: $path");
    $seen{$answer->{headers}{'x-status'} // $answer->{status}}++;
    return $answer;
}

my @tokens = values %made;
for my $corpus (qw(jwe_valid jwe_invalid jws_valid jws_invalid)) {
    my @cases = grep { length $_->{token} < 30_000 && $_->{token} =~ /\A[\x21-\x7e]+\z/ } JWT::corpus($corpus);
    push @tokens, map { $cases[$_]{token} } grep { $_ % $EVERY == 0 } 0 .. $#cases;
}
for my $number (0 .. $#tokens) {
    my $token = $tokens[$number];
    my @asked = $number < keys %made ? @places : @places[map { rand @places } 1 .. 2];
    for my $place (@asked) {
        my ($type, $file) = @$place;
        asks($nginx, "/$type/$file", "Authorization: Bearer $token");
        asks($nginx, "/$type/cookie/$file", "Cookie: t=$token");
    }
    asks($nginx, $_, "Authorization: Bearer $token", "X-Role: $CLAIM") for $number < keys %made ? qw(/issuers /dry) : ();
    asks($nginx, "/fetched/$_", "Authorization: Bearer $token") for $number < keys %made ? qw(good broken error cut missing) : ();
}
# Certificates and proofs, good and bad.
my @certificates = map { JWT::Certificate::escaped($_->pem) } $mine, $other;
my @proofs;
for my $name (grep {/^bound/} sort keys %made) {
    for my $path ('/bound', '/bound/dry') {
        my @good = map { $client->proof(token => $made{$name}, htu => "http://localhost$path", jti => "$CLAIM$_") } 1, 2;
        push @proofs, @good, $client->proof(token => $made{$name}, htm => $CLAIM), $client->proof(htu => "http://$CLAIM/"), $client->proof(typ => $CLAIM), $client->proof(header => {alg => $KID});
        for my $certificate (@certificates, $CLAIM, '') {
            asks($nginx, $path, "Authorization: DPoP $made{$name}", "X-Cert: $certificate", "DPoP: $_") for @proofs[-6 .. -1], "x$CLAIM";
            asks($nginx, $path, "Authorization: Bearer $made{$name}", "X-Cert: $certificate", "DPoP: $good[0]");
            asks($nginx, $path, "Authorization: DPoP $made{$name}", "X-Cert: $certificate", map {"DPoP: $_"} @good);
        }
    }
}
my @thumbprints = ($mine->thumbprint, $other->thumbprint, $client->thumbprint, @{$client->jwk}{qw(x y)}, map {substr $_, 40, 80} @certificates);

cmp_ok($seen{$_} // 0, '>', 0, "among the answers: $_")
    for qw(proof_missing wrong_certificate invalid_proof proof_missing_dry_run wrong_certificate_dry_run invalid_proof_dry_run ok malformed_token wrong_type unknown_key invalid_signature decryption_failed expired requirement_failed keys_unavailable
    unknown_issuer wrong_lifetime wrong_audience insufficient_scope claim_mismatch claim_mismatch_dry_run);

my @lines = split /^/m, $nginx->error_log;
# What nginx shows of requests, answers and variables, and the pieces that a debug line is broken into.
my $nginxs_own = qr/\[debug\] \d+#\d+: (?:\*\d+ )?(?:parse header|http (?:header|proxy header|script|cookie|upstream header))/;
my @others = grep { !/\[debug\] \d+#\d+: / } @lines;
my @debug = grep { /\[debug\] \d+#\d+: / && !/$nginxs_own/ } @lines;
cmp_ok(scalar @others, '>', @tokens, 'there are lines of ours');
SKIP: {
    skip 'this nginx is built without --with-debug', 1 unless grep {/\[debug\]/} @lines;
    cmp_ok(scalar @debug, '>', 10 * @tokens, 'and debug lines');
}

my @fragments = do {
    my %fragments = map { $_ => 1 } grep { length >= $TELLING } $CLAIM, $KID, $claims, @key_texts, @thumbprints,
        map { ($_, split /[.]/) } @tokens, @proofs, $inner;
    sort keys %fragments;
};
for (['not at debug', join '', @others], ['at debug', join '', @debug]) {
    my ($name, $text) = @$_;
    my @telling = grep { index($text, $_) >= 0 } @fragments;
    is_deeply([map { substr $_, 0, 60 } @telling], [], "$name: none of " . @fragments . ' fragments of tokens, claims and keys')
        or diag(map { my $one = $_; grep { index($_, $one) >= 0 } @lines } $telling[0]);
}
undef $nginx;

# --- the memory -------------------------------------------------------------------

# Which of the needles the memory of a process holds, and how often.
sub found {
    my ($pid, @needles) = @_;
    my %found;
    open my $maps, '<', "/proc/$pid/maps" or die "cannot look at the worker: $!";
    open my $memory, '<:raw', "/proc/$pid/mem" or die "cannot look at the worker: $!";
    while (my $line = <$maps>) {
        my ($from, $to) = $line =~ /\A([0-9a-f]+)-([0-9a-f]+) rw/ or next;
        no warnings 'portable';
        my $size = hex($to) - hex $from;
        # A sanitizer's shadow, of terabytes.
        next if $size > 1 << 30;
        sysseek $memory, hex $from, 0 or next;
        my $bytes = '';
        while (length $bytes < $size) {
            sysread $memory, $bytes, $size - length $bytes, length $bytes or last;
        }
        for my $needle (@needles) {
            $found{$needle}++ while $bytes =~ /\Q$needle\E/g;
        }
    }
    return %found;
}

# Encrypted tokens alone: what a signed one claims is no secret. Nothing is kept that was verified, and no variable is asked for: nginx does not wipe their values.
$nginx = JWT::Server->new(
    files => \%files,
    http => "$block large_client_header_buffers 4 64k; auth_jwt_cache off;",
    server => $configuration,
);
my @asked = (['/encrypted/private', 'encrypted'], ['/nested/private', 'nested'], ['/encrypted/private', 'no claims']);
my $pid;
for my $round (1 .. 20) {
    %seen = ();
    for my $pair (@asked) {
        my ($path, $name) = @$pair;
        $pid = asks($nginx, $path, "Authorization: Bearer $made{$name}")->{headers}{'x-pid'};
    }
    is_deeply(\%seen, {ok => 2, malformed_token => 1}, "round $round") if $round == 1;
}
asks($nginx, "/nested/$_", "Authorization: Bearer $made{nested}") for qw(odd broken missing);
# Changed files, so that sets are dropped, too.
for my $round (1 .. 3) {
    $nginx->write('html/private', $files{'html/private'} . "\n" x $round);
    asks($nginx, '/nested/private', "Authorization: Bearer $made{nested}") for 1 .. 2;
}
$nginx->remove('html/private');
asks($nginx, '/nested/private', "Authorization: Bearer $made{nested}");

my %there = found($pid, 'the realm that shows a search finds');
cmp_ok($there{'the realm that shows a search finds'} // 0, '>', 0, 'a search finds what is there');
my %keys = found($pid, @key_texts);
is_deeply(\%keys, {}, 'no text of ' . @key_texts . ' members of private and secret keys in the memory of the worker');
my %decrypted = found($pid, $CLAIM, $claims, $inner, (split /[.]/, $inner)[2]);
is_deeply(\%decrypted, {}, 'no claim of a decrypted token, and no token that was nested');

$nginx->is_calm('crit');

done_testing();
