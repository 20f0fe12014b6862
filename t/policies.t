# docs/policies.md: each of its configurations is run as it is but for addresses and for keys, which each of
# its issuers has in a file here (t/identity_provider_configurations.t finds them by URL), and is asked with tokens that pass and tokens that are refused. A policy on the page has cases here, and cases
# here have a policy there; its lines of our directives are counted.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp ();
use Test::More;

use JWT;
use JWT::Log;
use JWT::Server;

my $MAX_LINES = 40;

sub slurp {
    my ($name) = @_;
    open my $file, '<:raw', $name or die "cannot open $name: $!";
    local $/ = undef;
    return <$file>;
}

# --- the page ----------------------------------------------------------------------------

my $page = slurp(dirname(__FILE__) . '/../docs/policies.md');
my (%policies, @letters);
while ($page =~ /^## \((\w)\) ([^\n]+)\n(.*?)(?=^## |\z)/msg) {
    my ($letter, $asked, $section) = ($1, $2, $3);
    my @blocks = $section =~ /^```nginx http\n(.*?)^```$/msg;
    is(scalar @blocks, 1, "($letter) $asked: one configuration");
    push @letters, $letter;
    $policies{$letter} = $blocks[0];
}
my ($fetch) = $page =~ /^## Keys in a file.*?^```sh\n(.*?)^```$/ms or die 'no way to fetch keys';

# The lines of our directives: those of a block from its name to its brace, and the others.
sub our_lines {
    my ($text) = @_;
    my ($inside, @lines);
    for my $line (split /\n/, $text) {
        my $squeezed = join ' ', split ' ', $line;
        $inside ||= $squeezed =~ /^auth_jwt_issuer /;
        push @lines, $squeezed if $inside || $squeezed =~ /^auth_jwt/;
        $inside &&= $squeezed !~ /\}$/;
    }
    return @lines;
}

is_deeply([our_lines("a b;\nauth_jwt_issuer x {\n  c d;\n}\n  e;\n  auth_jwt  off;\n}")],
    ['auth_jwt_issuer x {', 'c d;', '}', 'auth_jwt off;'], 'our lines are found');

# (a) and (b) whole, of the others what they have beyond (a).
my %first = map { ($_ => 1) } our_lines($policies{a});
my $count = 0;
for my $letter (@letters) {
    my @own = grep { $letter =~ /[ab]/ || !$first{$_} } our_lines($policies{$letter});
    cmp_ok(scalar @own, '>', 0, "($letter): has lines of its own");
    $count += @own;
}
cmp_ok($count, '<=', $MAX_LINES, 'there are few of them');
like($page, qr/\bour directives\b[^.]*\btogether $count\b/, "there are $count, as the page says");

# --- keys and tokens -------------------------------------------------------------------------

my $has_openssl = qx(openssl version 2>/dev/null) =~ /SSL/;
my $made = File::Temp->newdir('policies-XXXXXX', TMPDIR => 1);

# What openssl writes: bytes.
sub openssl {
    my (@arguments) = @_;
    open my $output, '-|', "cd $made && openssl @arguments 2>errors" or die "cannot run openssl: $!";
    binmode $output;
    local $/ = undef;
    my $bytes = <$output>;
    close $output or die "openssl @arguments: ", slurp("$made/errors");
    return $bytes;
}

# An RSA and an EC key: the private ones are kept in files, the public ones are JWKs.
sub asymmetric {
    openssl(qw(genrsa -out rsa.pem 2048));
    openssl(qw(ecparam -name prime256v1 -genkey -noout -out ec.pem));
    my ($modulus) = openssl(qw(rsa -in rsa.pem -noout -modulus)) =~ /=([0-9A-F]+)/;
    my ($x, $y) = openssl(qw(ec -in ec.pem -pubout -outform DER)) =~ /\x04(.{32})(.{32})\z/s;
    return (
        {kty => 'RSA', kid => 'rsa', e => 'AQAB', n => JWT::b64url(pack 'H*', $modulus)},
        {kty => 'EC', kid => 'ec', crv => 'P-256', x => JWT::b64url($x), y => JWT::b64url($y)},
    );
}

# A token signed by openssl with these of its arguments.
sub signed {
    my ($alg, $kid, $arguments, $claims) = @_;
    my $input = JWT::b64url(JWT::json({alg => $alg, kid => $kid})) . '.' . JWT::b64url(JWT::json($claims));
    JWT::write_file("$made/input", $input);
    my $signature = openssl("dgst $arguments -sign $kid.pem input");
    if ($kid eq 'ec') {
        # DER: two integers, which are fixed in length in a JWS.
        my ($r, $s) = unpack 'x2 x C/a x C/a', $signature;
        $signature = join '', map { substr "\0" x 32 . $_, -32 } $r, $s;
    }
    return "Authorization: Bearer $input." . JWT::b64url($signature);
}

# Claims that pass everywhere but where an issuer is asked for that is another.
sub claims {
    my (%claims) = @_;
    my %all = (
        iss => 'https://id.example.com', aud => 'orders-api', sub => 'alice', iat => time - 60,
        exp => time + 600, %claims,
    );
    delete $all{$_} for grep { !defined $all{$_} } keys %all;
    return \%all;
}

sub secret { return "the secret of keys/$_[0].jwks, known to this test" }

# A token of the provider; options as those of JWT::token.
sub idp {
    my ($claims, %options) = @_;
    return JWT::bearer(claims(%{$claims // {}}), secret => secret('idp'), %options);
}

my $forged = idp({}, secret => 'nobody has this key');
my $late = idp({exp => time - 60});

# --- the cases ---------------------------------------------------------------------------------

# For each policy: what is expected (status, $auth_jwt_status, and where it is told a header that the
# application gets), the path, header lines.
my %CASES;

$CASES{a} = sub {
    return (
        ['200 ok', '/', idp()],
        ['200 ok', '/x', idp({aud => ['shop', 'orders-api']})],
        ['200 ok', '/', idp({}, header => {typ => 'at+jwt'})],
        ['401 no_token', '/'],
        ['401 unknown_issuer', '/', idp({iss => 'https://id.example.com/'})],
        ['401 unknown_issuer', '/', idp({iss => undef})],
        ['401 wrong_audience', '/', idp({aud => 'shop'})],
        ['401 wrong_audience', '/', idp({aud => undef})],
        ['401 invalid_signature', '/', $forged],
        ['401 expired', '/', $late],
        ['401 wrong_lifetime', '/', idp({exp => undef})],
        ['401 wrong_typ', '/', idp({}, header => {typ => 'logout+jwt'})],
    );
};

$CASES{b} = sub {
    my %partners = (
        idp => ['https://id.example.com', 'orders-api'],
        blue => ['https://login.blue.example/', 'https://api.example.com/orders'],
        red => ['https://sso.red.example/realms/red', 'orders'],
    );
    my $from = sub {
        my ($signed, $iss, $aud) = @_;
        return idp({iss => $partners{$iss}[0], aud => $partners{$aud}[1]}, secret => secret($signed));
    };
    return (
        (map { ["200 ok issuer=$_", '/', $from->($_, $_, $_)] } qw(idp blue red)),
        ['401 no_token', '/'],
        (map { ['401 invalid_signature', '/', $from->(@$_)] } ['blue', 'red', 'red'], ['red', 'idp', 'idp'], ['idp', 'blue', 'blue']),
        (map { ['401 wrong_audience', '/', $from->(@$_)] } ['blue', 'blue', 'red'], ['red', 'red', 'idp'], ['idp', 'idp', 'blue']),
        ['401 unknown_issuer', '/', idp({iss => 'https://sso.red.example/realms/blue'}, secret => secret('red'))],
    );
};

$CASES{c} = sub {
    my $of = sub {
        my ($tenant, %more) = @_;
        my $id = '00000000-0000-0000-0000-000000000000' =~ s/0/$tenant/gr;
        my $aud = '22222222-2222-2222-2222-222222222222';
        return idp({iss => "https://login.microsoftonline.com/$id/v2.0", aud => $aud, %more});
    };
    return (
        (map { ['200 ok', '/', $of->($_)] } 1, 4, 5),
        (map { ['401 unknown_issuer', '/', $of->($_)] } 2, 9),
        ['401 unknown_issuer', '/', $of->(1, iss => 'https://login.microsoftonline.com/common/v2.0')],
        ['401 wrong_audience', '/', $of->(4, aud => '33333333-3333-3333-3333-333333333333')],
        ['401 no_token', '/'],
    );
};

$CASES{d} = sub {
    return (
        ['200 ok', '/orders/1', idp({scope => 'read write'})],
        ['200 ok', '/orders/1', idp({scope => 'openid write x read'})],
        ['200 ok', '/orders/', idp({scp => ['write', 'read']})],
        ['403 insufficient_scope', '/orders/1', idp({scope => 'read'})],
        ['403 insufficient_scope', '/orders/1', idp({scope => 'reading write'})],
        ['403 insufficient_scope', '/orders/1', idp()],
        ['401 wrong_audience', '/orders/', idp({scope => 'read write', aud => 'shop'})],
        ['401 no_token', '/orders/'],
    );
};

$CASES{e} = sub {
    my $roles = sub { return idp({realm_access => {roles => [@_]}}) };
    return (
        ['200 ok', '/admin/', $roles->('clerk', 'admin')],
        ['200 ok', '/admin/', $roles->('editor')],
        ['403 claim_mismatch', '/admin/', $roles->('clerk')],
        ['403 claim_mismatch', '/admin/', $roles->('admins', 'an editor', 'admin,editor')],
        ['403 claim_mismatch', '/admin/', $roles->()],
        ['403 claim_mismatch', '/admin/', idp({roles => ['admin']})],
        ['403 claim_mismatch', '/admin/', idp({'realm_access.roles' => ['admin']})],
        ['401 invalid_signature', '/admin/', $forged],
    );
};

$CASES{f} = sub {
    my $blue = idp({tenant => 'blue'});
    return (
        ['200 ok tenant=blue', '/tenants/blue/orders', $blue, 'X-Tenant: red'],
        ['200 ok tenant=7', '/tenants/7/', idp({tenant => 7})],
        (map { ['200 ok tenant=blue', "/tenants/$_/x", $blue] } 'red/../blue', 'blue%2fred'),
        ['403 claim_mismatch', '/tenants/red/orders', $blue],
        (map { ['403 claim_mismatch', "/tenants/$_/orders", $blue] } 'blue/../red', 'blue/%2e%2e/red', 'Blue', 'blu'),
        ['403 claim_mismatch', '/tenants/blue/', idp()],
        ['403 claim_mismatch', '/tenants/blue/', idp({tenant => ['blue']})],
        ['401 no_token', '/tenants/blue/'],
    );
};

$CASES{g} = sub {
    return (
        ['200 ok', '/', idp({azp => 'shop-web'})],
        ['200 ok', '/', idp({azp => 'shop-app'})],
        ['403 claim_mismatch', '/', idp({azp => 'shop'})],
        ['403 claim_mismatch', '/', idp({azp => 'shop-web shop-app'})],
        ['403 claim_mismatch', '/', idp()],
        ['401 wrong_audience', '/', idp({azp => 'shop-web', aud => 'shop-web'})],
    );
};

$CASES{h} = sub {
    my $typ = sub { return idp({}, header => {typ => $_[0]}) };
    return (
        (map { ['200 ok', '/', $typ->($_)] } 'at+jwt', 'AT+JWT', 'application/at+jwt'),
        (map { ['401 wrong_typ', '/', $typ->($_)] } 'JWT', 'logout+jwt', 'at+jwtx', 'x/at+jwt'),
        ['401 wrong_typ', '/', idp({}, header_bytes => '{"alg":"HS256"}')],
        ['401 no_token', '/'],
    );
};

$CASES{i} = sub {
    return () unless $has_openssl;
    my $ec = signed('ES256', 'ec', '-sha256', claims());
    return (
        ['200 ok', '/', $ec],
        ['200 ok', '/', signed('RS256', 'rsa', '-sha256', claims())],
        ['401 unsupported_algorithm', '/', signed('RS512', 'rsa', '-sha512', claims())],
        ['401 unsupported_algorithm', '/', signed('PS256', 'rsa', '-sha256 -sigopt rsa_padding_mode:pss', claims())],
        ['401 unsupported_algorithm', '/', idp()],
        ['401 unsupported_algorithm', '/', idp({}, header => {alg => 'none'}, signature => '')],
        ['401 invalid_signature', '/', signed('RS256', 'rsa', '-sha512', claims())],
        ['401 invalid_signature', '/', $ec =~ s/[^.]+\z/JWT::b64url('x' x 64)/er],
    );
};

$CASES{j} = sub {
    my $lie = 'X-User: root';
    return (
        ['200 no_token user=', '/', $lie],
        ['200 no_token user=', '/', 'Authorization: Basic eDp5', $lie],
        ['200 ok user=alice', '/', idp(), $lie],
        ['401 invalid_signature', '/', $forged],
        ['401 expired', '/', $late],
        ['401 malformed_token', '/', 'Authorization: Bearer x'],
        ['401 wrong_audience', '/', idp({aud => 'shop'})],
        ['401 unknown_issuer', '/', idp({iss => 'x'})],
    );
};

$CASES{k} = sub {
    my $lie = 'X-User: root';
    return (
        ['200 ok user=alice', '/', idp(), $lie],
        ['200 ok user=bob', '/', idp({sub => 'bob'})],
        ['200 no_token_dry_run user=', '/', $lie],
        ['200 invalid_signature_dry_run user=', '/', $forged, $lie],
        ['200 expired_dry_run user=', '/', $late, $lie],
        ['200 wrong_audience_dry_run user=', '/', idp({aud => 'shop'}), $lie],
        ['200 unknown_issuer_dry_run user=', '/', idp({iss => 'x'})],
    );
};

$CASES{l} = sub {
    my ($minute, $hour) = (60, 3600);
    my $times = sub { my ($iat, $exp) = @_; return idp({iat => time + $iat, exp => time + $exp}) };
    return (
        ['200 ok', '/', $times->(-$minute, 5 * $minute)],
        ['200 ok', '/', $times->(-59 * $minute, 10 * $hour)],
        ['401 wrong_lifetime', '/', $times->(-$minute, 12 * $hour)],
        ['401 wrong_lifetime', '/', $times->(-61 * $minute, 5 * $minute)],
        ['401 wrong_lifetime', '/', $times->(2 * $minute, 5 * $minute)],
        ['401 wrong_lifetime', '/', idp({iat => undef})],
        ['401 wrong_lifetime', '/', idp({exp => undef})],
        ['401 expired', '/', $times->(-2 * $minute, -$minute)],
    );
};

is_deeply(\@letters, [sort keys %CASES], 'each policy of the page has cases here');

# --- they are run --------------------------------------------------------------------------------

my @public = $has_openssl ? asymmetric() : ();

# The application tells what it gets.
my $APPLICATION = <<'CONF';
server {
    listen unix:%DIR%/app.sock;
    location / {
        return 200 "issuer=$http_x_issuer; tenant=$http_x_tenant; user=$http_x_user;";
    }
}
CONF

sub run {
    my ($text) = @_;
    my %files;
    for my $name ($text =~ /^auth_jwt_issuer (\w+) \{$/mg) {
        $files{"conf/keys/$name.jwks"} = JWT::key_set(JWT::jwk(secret($name), kid => 'hmac'), @public);
    }
    unlike($text, qr/key_file|key_url|config_url/, 'keys are found by the issuer');
    $text =~ s/^(auth_jwt_issuer (\w+) \{)$/$1 key_file keys\/$2.jwks;/mg;
    is($text =~ s{listen 8080;}{listen unix:%DIR%/nginx.sock;}g, 1, 'its port');
    is($text =~ s{http://127[.]0[.]0[.]1:8081;}{http://unix:%DIR%/app.sock:;}g, 1, 'its application');
    $text =~ s{/var/log/nginx/}{logs/}g;
    my $http = "$APPLICATION proxy_hide_header X-Status; add_header X-Status \$auth_jwt_status always;";
    return JWT::Server->new(files => \%files, http => $http, servers => $text);
}

# What a challenge has to say for itself.
sub challenge_of {
    my ($status, $word) = @_;
    return if $status == 200;
    return qr/\ABearer realm="api"(?:, scope="[^"]*")?\z/ if $word eq 'no_token';
    my $error = $status == 403 ? 'insufficient_scope' : 'invalid_token';
    return qr/\ABearer realm="api", error="$error"(?:, scope="[^"]*")?\z/;
}

for my $letter (@letters) {
    my @cases = $CASES{$letter} ? $CASES{$letter}->() : ();
    SKIP: {
        skip 'openssl is missing', 1 if $letter eq 'i' && !$has_openssl;
        my @passed = grep { $_->[0] =~ /^200 (?:ok|no_token)\b(?!_)/ } @cases;
        cmp_ok(scalar @passed, '>=', 2, "($letter): tokens that pass");
        cmp_ok(@cases - @passed, '>=', 3, "($letter): tokens that are refused");
        my $nginx = run($policies{$letter});
        for my $case (@cases) {
            my ($expected, $path, @lines) = @$case;
            my ($status, $word, $told) = split ' ', $expected;
            my $answer = $nginx->get($path, @lines);
            is(JWT::Connection::outcome_of($answer), "$status $word", "($letter) $path: $expected");
            my $challenge = $answer->{headers}{'www-authenticate'};
            my $wanted = challenge_of($status, $word);
            defined $wanted ? like($challenge, $wanted, "($letter): the challenge") : is($challenge, undef, "($letter): no challenge");
            like($answer->{body}, qr/\b\Q$told\E;/, "($letter): what the application gets") if defined $told;
        }
        my $warning = $letter eq 'k' ? qr/"auth_jwt_dry_run" is on in / : undef;
        is_deeply([JWT::Log::worse('warn', $warning, $nginx->new_lines)], [], "($letter): nothing in the log above notice");
        next unless $letter eq 'k';
        # A line is written once its answer is sent.
        my $log;
        $nginx->wait_until(sub { ($log = $nginx->read('logs/judged.log')) =~ tr/\n// >= @cases });
        like($log, qr{ GET / 200 \Q@{[(split ' ', $_->[0])[1]]}\E$}m, "(k): the log says so") for @cases;
    }
}

# --- the keys are fetched ----------------------------------------------------------------------------

SKIP: {
    skip 'curl is missing', 4 unless qx(curl --version 2>/dev/null) =~ /file/;
    my $served = "$made/served";
    my $shell = $fetch =~ s{/etc/nginx/keys}{$made}r =~ s{https://id[.]example[.]com/jwks}{file://$served}r;
    my $fetched = sub {
        my ($name) = "$made/idp.jwks";
        system 'sh', '-c', "{ $shell } 2>/dev/null";
        return -e $name ? slurp($name) : 'nothing';
    };
    is($fetched->(), 'nothing', 'no keys to fetch');
    JWT::write_file($served, JWT::key_set());
    is($fetched->(), JWT::key_set(), 'keys are fetched');
    JWT::write_file($served, '<html>moved</html>');
    is($fetched->(), JWT::key_set(), 'what is no key set is not taken');
    unlink $served;
    is($fetched->(), JWT::key_set(), 'nor is what is not there');
}

done_testing();
