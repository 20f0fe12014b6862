# What nginx warns of when it reads a configuration, and the one warning it has while it runs.
use strict;
use warnings;

use File::Spec ();
use Test::More;

use JWT;
use JWT::Server;

# The log after three requests, whose keys come from LISTEN by proxy_pass to PASS.
sub log_after {
    my ($listen, $pass) = @_;
    my $nginx = JWT::Server->new(
        http => "server { listen $listen; location / { root %DIR%/html; } }",
        server => "location / { auth_jwt a; auth_jwt_key_request /_keys; empty_gif; }\n"
            . "location = /_keys { proxy_pass $pass/good.jwks; }",
        files => {'html/good.jwks' => {JWT::key_files()}->{'good.jwks'}},
    );
    my @answers = map { $nginx->get('/', JWT::bearer({}))->{status} } 1 .. 3;
    return join "\n", "answers @answers", $nginx->error_log;
}

# This file is run anew inside of another network, see below.
if (@ARGV) {
    print log_after("$ARGV[0]:8080", "http://$ARGV[0]:8080");
    exit;
}

# The warnings of `nginx -t` for a text inside of server (or http).
sub warnings_of {
    my ($text, $level) = @_;
    return JWT::Server->accepts($level // 'server', $text);
}

# A text and the only warning it gives.
sub warns {
    my ($text, $told, $level) = @_;
    my @warnings = warnings_of($text, $level);
    is(scalar @warnings, 1, "one warning: $text") or diag(@warnings);
    like($warnings[0] // '', $told, "which says why: $text");
    return;
}

sub quiet {
    my ($text, $level) = @_;
    is_deeply([warnings_of($text, $level)], [], "no warning: $text");
    return;
}

my $where = qr/in \S*nginx[.]conf:\d+/;
my $keys = 'auth_jwt_key_file keys.json;';

# Keys or requirements where nothing asks for a token.
my $off = qr/"auth_jwt" is off wherever it applies, turn it on or remove this/;
warns("location / { $keys }", qr/"auth_jwt_key_file" $where has no effect: $off/);
warns('location / { auth_jwt_key_request /keys; }', qr/"auth_jwt_key_request" $where has no effect: $off/);
warns("location / { auth_jwt off; $keys }", qr/"auth_jwt_key_file" $where has no effect: $off/);
warns("auth_jwt off; $keys location / { }", qr/"auth_jwt_key_file" $where has no effect: $off/);
warns('location / { auth_jwt_require $jwt_claim_sub; }', qr/"auth_jwt_require" $where has no effect: $off/);
warns("auth_jwt a; $keys location / { auth_jwt off; auth_jwt_require \$arg_a; }",
    qr/"auth_jwt_require" $where has no effect: $off/);
warns("location / { $keys $keys auth_jwt_key_request /keys; }", qr/"auth_jwt_key_file" $where has no effect/);
warns("location / { $keys limit_except GET { auth_jwt off; } }", qr/"auth_jwt_key_file" $where has no effect/);
warns("$keys server { listen unix:%DIR%/a.sock; } server { listen unix:%DIR%/b.sock; }",
    qr/"auth_jwt_key_file" $where has no effect/, 'http');
is(scalar warnings_of("location /a { $keys } location /b { $keys auth_jwt_require \$arg_a; }"), 3, 'each place is told');

quiet("location / { auth_jwt a; $keys auth_jwt_require \$arg_a; }");
quiet("$keys auth_jwt_require \$arg_a; location / { } location /a { auth_jwt a; }");
quiet("auth_jwt off; $keys location /a { location /a/b { auth_jwt a; } }");
quiet("auth_jwt a; $keys location / { auth_jwt off; }");
quiet("location / { auth_jwt \$host; $keys }");
quiet("location / { $keys limit_except GET { auth_jwt a; } }");
quiet("$keys server { listen unix:%DIR%/a.sock; location / { auth_jwt a; } } server { listen unix:%DIR%/b.sock; }", 'http');
quiet('auth_jwt_leeway 5s; auth_jwt_type nested; auth_jwt_key_cache 1h; location / { auth_jwt off token=$arg_t; }');

# Issuers and rules where nothing asks for a token.
my $issuer = 'auth_jwt_issuer shop { issuer a; audience b; key_file c; }';
warns("$issuer server { listen unix:%DIR%/a.sock; location / { auth_jwt_issuers shop; } }", qr/"auth_jwt_issuers" $where has no effect: $off/, 'http');
for my $rule ('auth_jwt_audience a', 'auth_jwt_require_scope a', 'auth_jwt_require_claim a present', 'auth_jwt_optional on', 'auth_jwt_certificate optional', 'auth_jwt_dpop required') {
    my ($directive) = split / /, $rule;
    my $told = qr/"$directive" $where has no effect: $off/;
    warns("location / { $rule; }", $told);
    warns("location / { auth_jwt off; $rule; }", $told);
    warns("location / { $rule; limit_except GET { auth_jwt off; } }", $told);
    warns("$rule; location / { auth_jwt a; $keys $rule; }", $told);
    quiet("location / { auth_jwt a; $keys $rule; }");
    quiet("$rule; location / { } location /a { auth_jwt a; $keys }");
    is(scalar warnings_of("location / { $rule; $rule; }"), 1, "one warning for a list of $directive") if $directive =~ /audience|require/;
}
quiet("location / { $_ off; }") for qw(auth_jwt_optional auth_jwt_dry_run auth_jwt_issuers auth_jwt_certificate auth_jwt_dpop);

# A certificate that is everybody's.
warns("location / { auth_jwt a; $keys auth_jwt_certificate optional cert=a; }", qr/"cert=" of "auth_jwt_certificate" $where has no variable: every client has that certificate/);
quiet("location / { auth_jwt a; $keys auth_jwt_certificate optional cert=\$http_a; }");

# A block that nobody uses, and one that somebody does.
my $unused = qr/nobody uses issuer "shop" $where: name it in "auth_jwt_issuers", or remove it/;
warns($issuer, $unused, 'http');
warns("$issuer auth_jwt_issuer shoes { issuer shoes; audience b; key_file c; } server { listen unix:%DIR%/a.sock; auth_jwt a; auth_jwt_issuers shoes; }", $unused, 'http');
quiet("$issuer server { listen unix:%DIR%/a.sock; location / { limit_except GET { auth_jwt a; auth_jwt_issuers shop; } } }", 'http');
quiet("auth_jwt a; auth_jwt_issuers shop; $issuer", 'http');

# The dry run, at each place where it is on.
my $dry = qr/"auth_jwt_dry_run" is on $where: no token is refused where it applies/;
warns("location / { auth_jwt a; $keys auth_jwt_dry_run on; }", $dry);
warns("auth_jwt_dry_run on; location / { auth_jwt a; $keys } location /a { auth_jwt a; $keys }", $dry);
is(scalar warnings_of("location / { auth_jwt a; $keys auth_jwt_dry_run on; location /a { auth_jwt_dry_run on; } }"), 2, 'each place of a dry run is told');
is(scalar(grep {/has no effect/} warnings_of('location / { auth_jwt_dry_run on; }')), 1, 'and that it has no effect');
quiet("location / { auth_jwt a; $keys auth_jwt_dry_run off; }");

# What no level has, as each has its own.
my $own = qr/each level below has its own, remove this/;
my $servers = join ' ', map {"server { listen unix:%DIR%/$_.sock; auth_jwt_dry_run off; }"} 'a', 'b';
warns("auth_jwt a; $keys auth_jwt_dry_run on; $servers", qr/"auth_jwt_dry_run" $where has no effect: $own/, 'http alone');
my ($one, $other) = ('server { listen unix:%DIR%/a.sock; auth_jwt_key_request /keys; }', 'server { listen unix:%DIR%/b.sock; }');
warns("auth_jwt a; $keys $one", qr/"auth_jwt_key_file" $where has no effect: $own/, 'http alone');
quiet("auth_jwt a; $keys $one $other", 'http alone');

quiet("auth_jwt a; $keys auth_jwt_dry_run on; auth_jwt_leeway 5s;", 'http alone');

# refresh= and stale= speak of key requests.
my $idle = qr/"refresh=" or "stale=" of "auth_jwt_key_cache" $where has no effect: it needs an "auth_jwt_key_request" without variables/;
warns("location / { auth_jwt a; $keys auth_jwt_key_cache 1h $_; }", $idle) for qw(refresh=30s stale=1d);
my $timeless = qr/"refresh=" or "stale=" of "auth_jwt_key_cache" $where has no effect: nothing is kept for a time of 0/;
warns("location / { auth_jwt a; auth_jwt_key_request /keys; auth_jwt_key_cache 0 $_; }", $timeless)
    for qw(refresh=30s stale=1d), 'refresh=30s stale=1d';
my $never = qr/"refresh=0" of "auth_jwt_key_cache" $where has no effect: name an interval, such as "refresh=30s"/;
warns("location / { auth_jwt a; auth_jwt_key_request /keys; auth_jwt_key_cache 1h $_; }", $never)
    for qw(refresh=0 refresh=0s), 'refresh=0 stale=1d';
quiet("auth_jwt_key_cache 1h stale=1d; location / { auth_jwt a; $keys } location /a { auth_jwt a; auth_jwt_key_request /keys; }");
quiet("location / { auth_jwt a; $keys auth_jwt_key_request /keys; auth_jwt_key_cache 1h refresh=30s; }");
quiet("location / { auth_jwt a; $keys auth_jwt_key_cache 1h; }");
quiet("auth_jwt_key_cache 1h stale=1d; location / { auth_jwt a; auth_jwt_key_request /keys; location /b { auth_jwt_key_cache 0; $keys } }");

# A realm that the client decides: one that is "off" lets it in.
for my $variable ('$http_cf_authorization', '$arg_token', '$cookie_t', '${http_x}', '$HTTP_X') {
    my $shown = qr/the client decides the realm "\Q$variable\E" of "auth_jwt" $where, and "off" there turns the check off/;
    warns("location / { auth_jwt '$variable'; $keys }", qr/$shown: for a token in a variable write "token=\Q$variable\E" behind a realm/);
    warns("location / { auth_jwt '$variable' token=\$arg_t; $keys }", $shown);
}
quiet("location / { auth_jwt '$_'; $keys }")
    for 'for $http_x', '$http_x$arg_t', '$host', '$https', '$http2', '$http_x realm', 'http_x';

# Text beside the variables of a requirement: it always holds.
for my $value ('$jwt_claim_role=admin', '${jwt_claim_role}x', '$arg_a $arg_b', '$arg_a,', '$arg_a-b', '$1.2') {
    warns("location / { auth_jwt a; $keys auth_jwt_require '$value'; }",
        qr/"\Q$value\E" of "auth_jwt_require" $where has text beside its variables and so always holds: compare in a "map" and require its result/);
}
quiet("location / { auth_jwt a; $keys auth_jwt_require '$_'; }")
    for '$jwt_claim_role', '${jwt_claim_role}', '$arg_a$arg_b', '${arg_a}${arg_b}$1', '$arg_a${arg_b}';

# Those that other files test in full: they stay single.
warns('location / { auth_jwt a; }', qr/no key source goes with "auth_jwt" $where: signatures of tokens are not verified/);
warns('location / { auth_jwt a; auth_jwt_key_file $host; auth_jwt_key_cache 1h; }', qr/"auth_jwt_key_cache" does not apply/);

# "encrypted" with a public key proves nothing of who made the token: told once a worker.
{
    my %by = map { $_->{alg} => $_ } grep { $_->{type} eq 'encrypted' } JWT::corpus('jwe_valid');
    my %nested = map { $_->{alg} => $_ } grep { $_->{type} eq 'nested' } JWT::corpus('jwe_valid');
    my $nobody = qr/"auth_jwt_type encrypted" with a public key authenticates nobody: whoever has the key can make such a token; use "nested" or a symmetric key/;
    for my $case (['RSA-OAEP-256', $by{'RSA-OAEP-256'}, 1], ['ECDH-ES', $by{'ECDH-ES'}, 1],
        ['ECDH-ES+A128KW', $by{'ECDH-ES+A128KW'}, 1], ['A128KW', $by{A128KW}, 0], ['dir', $by{dir}, 0],
        ['nested RSA-OAEP', $nested{'RSA-OAEP'}, 0])
    {
        my ($name, $token, $count) = @$case;
        my $nginx = JWT::Server->new(
            server => "location / { auth_jwt a; auth_jwt_type $token->{type}; auth_jwt_key_file keys.json; empty_gif; }",
            files => {'conf/keys.json' => $token->{key_set}},
        );
        my @statuses = map { $nginx->get("/$_", "Authorization: Bearer $token->{token}")->{status} } 1 .. 3;
        is("@statuses", '200 200 200', "$name: decrypted");
        my @warnings = grep {/\[warn\]/} split /^/m, $nginx->error_log;
        is(scalar @warnings, $count, "$name: $count warnings") or diag(@warnings);
        like($warnings[0], $nobody, "$name: which says why") if $count;
    }
}

# Keys that come from elsewhere without TLS: told once a worker, when they have been fetched.
my $plain = qr/\[warn\].*key request "[^"]+" gets its keys from .* without TLS/;

my $all_well = qr/^answers 200 200 200$/m;
my $socket = log_after('unix:%DIR%/keys.sock', 'http://unix:%DIR%/keys.sock:');
like($socket, $all_well, 'keys by a unix socket');
unlike($socket, $plain, 'no warning');

# An address that is not loopback, in a network of this process's own that leads nowhere.
my $ELSEWHERE = '192.0.2.1';
my @isolated = ('unshare', '--map-root-user', '--net', 'sh', '-c',
    "ip link set lo up && ip address add $ELSEWHERE/32 dev lo && exec \"\$@\"", 'sh');

# The log of `log_after` inside of such a network; undef where there can be none.
sub isolated_log {
    my ($address) = @_;
    return if system("unshare --map-root-user --net ip link show lo >/dev/null 2>&1") != 0;
    open my $output, '-|', @isolated, $^X, map({"-I$_"} @INC), File::Spec->rel2abs($0), $address
        or return;
    local $/ = undef;
    return scalar <$output>;
}

SKIP: {
    my $local = isolated_log('127.0.0.1');
    skip 'no network namespaces here', 5 unless defined $local;
    like($local, $all_well, 'keys by a loopback address');
    unlike($local, $plain, 'no warning');
    my $remote = isolated_log($ELSEWHERE);
    like($remote, $all_well, 'keys by another address');
    my @told = grep {$_ =~ $plain} split /^/m, $remote;
    is(scalar @told, 1, 'one warning in three requests');
    like($told[0] // '', qr/key request "\/_keys" gets its keys from \Q$ELSEWHERE\E:8080 without TLS.*use https/, 'which names both');
}

done_testing();
