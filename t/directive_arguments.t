# Directives with arguments at random: those that are right are taken, those that are wrong are refused with a
# message that names the directive and the place, and no bytes whatsoever end nginx otherwise.
# AUTH_JWT_SEED=N chooses other arguments, AUTH_JWT_LONG=1 tries many more.
use strict;
use warnings;

use Test::More;

use JWT::Server;

my $SEED = $ENV{AUTH_JWT_SEED} // 1;
my $COUNT = $ENV{AUTH_JWT_LONG} ? 4000 : $ENV{TEST_NGINX_USE_VALGRIND} ? 30 : 300;
srand $SEED;

sub one_of { return $_[rand @_] }

sub text {
    my (@alphabet) = @_;
    return join '', map { one_of(@alphabet) } 0 .. rand 12;
}

# What anybody may type, and what nobody would.
my @ANY = ('a' .. 'f', 0 .. 9, split(//, '$.=-_/: "\'\\;{}#%&'), "\t", "\n", "\x01", "\x7f", "\xc3", "\xa9", "\xff", 'é', '😀');

# A time of units that get smaller, the numbers small enough.
sub good_time {
    my (@units) = @_;
    my @chosen = grep { rand() < 0.4 } @units;
    return @chosen ? join '', map { int(rand 20) . $_ } @chosen : int rand 100_000;
}
sub seconds      { return good_time(qw(y M w d h m s)) }
sub milliseconds { return good_time(qw(w d h m s ms)) }

sub no_time {
    return one_of('', '-1', '+1', '1.5s', 's', 'soon', '1x', '1s1h', '1m1m', '10mm', '1h 1d', '0x10', '$arg_a', '1s,', '9' x 25);
}

my @VARIABLES = qw($host $arg_a ${arg_b} $jwt_claim_sub $auth_jwt_status $http_x);
sub variables { return map { one_of(@VARIABLES) . one_of('', '', '-x', $VARIABLES[0]) } 0 .. rand 3 }
sub name { return one_of('a' .. 'z') . text('a' .. 'z', 0 .. 9, '_') }
sub set_variable { return '$x_' . name() }

# Paths to claims.
sub step { return one_of('.' . name(), '.é', '[0]', '[17]', '["any name"]', '["a.b"]', '["a\\"b"]') }
sub path { return one_of(name(), '["https://example.com/x"]', 'é') . join '', map { step() } 1 .. rand 4 }
sub no_path { return one_of('', '.', '.a', 'a.', 'a..b', '[0]', 'a[', 'a[b]', 'a[01]', 'a[-1]', 'a["b]', 'a[""]', 'a b', 'a"b', "\xff", 'a' . '.a' x 40) }

# Operators with values.
sub good_operator {
    return one_of(['present'], ['absent'], ['=', one_of(name(), '', variables())], [one_of('any', 'all'), variables(), name()], ['~', '^a+$'], ['~*', '\\d{2,}|é'])->@*;
}
sub no_operator {
    return one_of(['=='], ['!=', 'a'], ['present', 'a'], ['absent', ''], ['='], ['=', 'a', 'b'], ['any'], ['all'], ['~'], ['~', 'a', 'b'], ['~', '('], ['~*', '[z-a]'], ['~', "\xff"], ['Any', 'a'])->@*;
}

# Shuffles.
sub in_any_order {
    my (@list) = @_;
    return map { splice @list, rand @list, 1 } 1 .. @list;
}

# For each directive: what it must take, and what it must refuse.
my %GOOD = (
    auth_jwt => sub { return (one_of('r', 'my API', 'off', '', 'for $host', name()), one_of([], ['token=$arg_t'], ['token=x${cookie_t}'])->@*) },
    auth_jwt_type => sub { return one_of(qw(signed encrypted nested)) },
    auth_jwt_leeway => sub { return seconds() },
    auth_jwt_key_cache => sub {
        return (milliseconds(), in_any_order(grep { rand() < 0.5 } 'refresh=' . milliseconds(), 'stale=' . milliseconds()));
    },
    auth_jwt_cache => sub { return one_of('off', '64k', '65536', (64 + int rand 9000) . one_of('k', 'K'), (1 + int rand 900) . one_of('m', 'M')) },
    auth_jwt_require => sub { return in_any_order(variables(), one_of([], ['error=401'], ['error=403'])->@*) },
    auth_jwt_claim_set => sub { return (set_variable(), map { one_of(name(), 'https://example.com/x', 'a b', 'é') } 0 .. rand 4) },
    auth_jwt_header_set => sub { return (set_variable(), map { name() } 0 .. rand 4) },
    auth_jwt_key_file => sub { return one_of('keys.jwks', '/etc/keys/' . name(), 'keys/$host.jwks') },
    auth_jwt_key_request => sub { return one_of('/keys', '/keys?a=b', '/$host/keys', '/' . name()) },
    auth_jwt_issuers => sub { return one_of('off', 'known') },
    auth_jwt_audience => sub { return map { one_of(name(), 'https://example.com/', 'a b', 'é', '', variables()) } 0 .. rand 4 },
    auth_jwt_require_scope => sub {
        return in_any_order(one_of([], ['match=all'], ['match=any'])->@*, map { one_of(name(), 'a:b', '', variables()) } 0 .. rand 4);
    },
    auth_jwt_require_claim => sub { return (path(), good_operator(), one_of([], ['error=401'], ['error=403'])->@*) },
    auth_jwt_resource => sub {
        return 'off' if rand() < 0.2;
        my $url = sub { return one_of('https://', 'http://localhost/', 'https://[2001:db8::1]:8443/', 'HTTPS://A/') . name() . one_of('', '/', '/a%20b', '?a=b', '//"') };
        return ($url->(), in_any_order(grep { rand() < 0.5 } 'name=' . one_of('My API', 'é "x"', name()), 'documentation=' . $url->(), 'scopes=' . one_of(name(), 'a b', ' a:b  c ')));
    },
    auth_jwt_certificate => sub { return one_of(['off'], [one_of('optional', 'required'), one_of([], ['cert=' . one_of(variables())], ['cert=a${http_b}'], ['cert=a'])->@*])->@* },
    auth_jwt_dpop => sub {
        return 'off' if rand() < 0.2;
        my $base = one_of('https://', 'http://', 'HTTPS://') . one_of(name(), 'a.example', '192.0.2.1', '[2001:db8::1]') . one_of('', ':8443') . one_of('', '/', '/a/b', '/%7Ea');
        my @more = grep { rand() < 0.5 } 'base=' . one_of($base, '$scheme://$host', 'https://$http_x', one_of(variables())), 'window=' . (1 + int rand 3600) . one_of('', 's');
        return (one_of('optional', 'required'), in_any_order(@more));
    },
    auth_jwt_state_path => sub { return one_of('off', 'keys', '/var/lib/' . name(), 'two words', 'é') },
    auth_jwt_fetch_proxy => sub { return 'http://' . one_of('', 'user:secret@') . one_of(name(), '192.0.2.1', '[2001:db8::1]') . one_of('', ':3128') . one_of('', '/') },
    auth_jwt_optional => sub { return one_of('on', 'off') },
    auth_jwt_dry_run => sub { return one_of('on', 'off') },
    auth_jwt_metrics => sub { return () },
    auth_jwt_status_zone => sub { return one_of('default', 'other', 'two words', 'é 😀', '"\\<', 'x' x 300, name()) },
);
my %BAD = (
    auth_jwt => sub { return one_of([], ['r', 'x'], ['r', 'token='], ['r', 'token=x'], ['r', 'Token=$arg_t'], ['r', 'token=$arg_t', 'x'], ['$' . 'no_such'])->@* },
    auth_jwt_type => sub { return one_of([], [''], ['Signed'], ['signed '], ['jwt'], ['$arg_a'], ['signed', 'nested'])->@* },
    auth_jwt_leeway => sub { return one_of([], [no_time()], ['5ms'], ['1s', '1s'])->@* },
    auth_jwt_key_cache => sub {
        return one_of(
            [], [no_time()], [milliseconds(), 'refresh=' . no_time()], [milliseconds(), 'stale=' . no_time()],
            [milliseconds(), 'fresh=1s'], [milliseconds(), milliseconds()], ['1s', 'stale=1s', 'stale=1s'],
            ['1s', 'refresh=1s', 'refresh=2s'], ['1s', 'refresh=1s', 'stale=1s', 'x'], ['refresh=1s'],
        )->@*;
    },
    auth_jwt_cache => sub { return one_of([], [''], ['on'], ['OFF'], ['0'], ['63k'], ['65535'], ['-1m'], ['1g'], ['1mm'], ['m'], ['1m', '1m'], ['9' x 25], ['$arg_a'])->@* },
    auth_jwt_require => sub {
        return one_of([], ['error=401'], ['$'], ['x'], ['x$host'], ['$host', 'error=400'], ['$host', 'error='], ['error=401', '$host', 'error=401'], ['$no_such'], [''])->@*;
    },
    auth_jwt_claim_set => sub { return one_of([], ['$x'], ['x', 'a'], ['$', 'a'], ['', 'a'], ['$host', 'a'], ['$x', "\xff"])->@* },
    auth_jwt_header_set => sub { return one_of([], ['$x'], ['x', 'a'], ['$', 'a'], ['$x', "a\xc3"])->@* },
    auth_jwt_key_file => sub { return one_of([], ['a', 'b'], ['$no_such'])->@* },
    auth_jwt_key_request => sub { return one_of([], ['/a', '/b'], ['/$no_such'])->@* },
    auth_jwt_issuers => sub { return one_of([], [''], ['off', 'known'], ['known', 'known'], [name()], ['known', 'Known'], ["\xff"])->@* },
    auth_jwt_audience => sub { return one_of([], ['$no_such'], ['a', '$'])->@* },
    auth_jwt_require_scope => sub {
        return one_of([], ['match=any'], ['a', 'match='], ['a', 'match=Any'], ['match=all', 'a', 'match=all'], ['$no_such'], ['a', '$'])->@*;
    },
    auth_jwt_require_claim => sub {
        return one_of(
            [], [path()], [path(), 'error=403'], [no_path(), good_operator()], [path(), no_operator()], [path(), 'present', 'error=400'],
            [path(), 'error=401', 'present', 'error=401'], [path(), '=', '$no_such'],
        )->@*;
    },
    auth_jwt_resource => sub {
        my $a = 'https://a/b';
        return one_of(
            [], [''], [name()], ['http://a/b'], ['https://u@a'], ["$a#"], ['https://$host/'], ["https://a/\xff"], ['off', 'name=a'], [$a, 'off'], [$a, $a], [$a, 'name='],
            [$a, 'scopes= '], [$a, "name=\xff"], [$a, 'name=$host'], [$a, 'name=a', 'scopes=b', 'name=a'], [$a, 'documentation=b'], [$a, 'Scopes=a'], [$a, ''],
        )->@*;
    },
    auth_jwt_certificate => sub {
        return one_of(
            [], [''], ['on'], ['Off'], ['$arg_a'], ['cert=$arg_a'], ['off', 'cert=$arg_a'], ['off', 'off'], ['optional', 'required'], ['optional', 'cert='], ['required', 'cert=x'], ['optional', 'Cert=$arg_a'],
            ['optional', 'cert=$no_such'], ['optional', 'cert=$arg_a', 'cert=$arg_a'], ['required', ''], ['required', 'base=https://a'],
        )->@*;
    },
    auth_jwt_dpop => sub {
        my $base = one_of('', 'a', '/a', '//a', 'a.example', 'ftp://a', 'https://', 'https:///a', 'https://a?b', 'https://a#b', 'https://u@a', 'https://u:p@a', 'https://a b', "https://a\xff", 'https:a');
        return one_of(
            [], [''], ['on'], ['Required'], ['$arg_a'], ['base=https://a'], ['off', 'window=1s'], ['off', 'base=https://a'], ['optional', 'required'], ['optional', "base=$base"], ['optional', 'window=' . no_time()],
            ['optional', one_of('window=0', 'window=0s', 'window=2h', 'window=1d')], ['required', 'Window=1s'], ['required', 'window=1s', 'window=2s'], ['required', 'base=https://a', 'window=1s', 'base=https://a'], ['required', 'base=$no_such'], ['required', 'cert=$arg_a'],
        )->@*;
    },
    auth_jwt_state_path => sub { return one_of([], [''], ['a', 'b'], ['$host'], ['a/${arg_b}'])->@* },
    auth_jwt_fetch_proxy => sub { return one_of([], [''], ['proxy'], ['https://a'], ['http://a/b'], ['http://a:0'], ['http://$host'], ['http://a', 'b'], ['http://'], ["http://\xff"])->@* },
    auth_jwt_optional => sub { return one_of([], [''], ['On'], ['on', 'off'], ['1'], ['$arg_a'])->@* },
    auth_jwt_dry_run => sub { return one_of([], [''], ['ON'], ['off', 'off'], ['yes'], ['${arg_b}'])->@* },
    auth_jwt_metrics => sub { return one_of(['on'], ['off'], [''], [name(), name()])->@* },
    auth_jwt_status_zone => sub { return one_of([], [''], ['a', 'b'], ['$host'], ['a${arg_b}'], ["\xff"], ["a\xc3"], ['$'])->@* },
);

# As nginx reads it back.
sub quoted {
    my ($argument) = @_;
    return '"' . $argument =~ s/([\\"])/\\$1/gr . '"';
}

# Whether nginx takes the directive, what it says, and by which signal it ended.
sub try_out {
    my ($directive, @arguments) = @_;
    my $text = join(' ', $directive, map { quoted($_) } @arguments) . ';';
    my $level = $directive =~ /_set\z|state_path|fetch_proxy/ ? 'http' : 'server';
    my %text = (http => 'auth_jwt_issuer known { issuer a; audience b; key_file c; }');
    $text{$level} .= $directive eq 'auth_jwt_metrics' ? "location /x { $text }" : $text;
    my ($fine, $said) = JWT::Server->prepared(%text)->checked;
    return ($text =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger, $fine, $said, $? & 127);
}

# What nginx itself says of arguments, where it is not for the module to say.
my $NGINX = qr/duplicate "[^"]*" variable|unknown "[^"]*" variable|invalid variable name|the closing bracket in|zero length|unexpected/;

sub is_clear {
    my ($directive, $text, $said) = @_;
    my @lines = grep {/\[emerg\]/} split /\n(?=nginx: )/, $said;
    is(scalar @lines, 1, "$text: one message") or diag($said);
    like($lines[0] // '', qr/"$directive"|$NGINX/, "$text: it names the directive");
    like($said, qr/ in \S+nginx\.conf:\d+/, "$text: and the place");
    return;
}

# Parameters of a block at random are refused or taken likewise, and never end nginx otherwise.
for my $round (1 .. $COUNT / 5) {
    my @parameters = map {
        join ' ', one_of(qw(issuer audience key_file key_url config_url key_cache timeout ssl_trusted_certificate algorithms typ exp leeway max_lifetime max_age scope_claim include), text(@ANY)),
            map { quoted(one_of(text(@ANY), seconds(), path(), 'any', 'HS256', 'required', '*.none', 'https://a.example/' . text(@ANY), 'refresh=' . seconds(), 'stale=off')) } 0 .. rand 3
    } 0 .. rand 4;
    @parameters = in_any_order(@parameters, rand() < 0.5 ? ('issuer a', 'audience b', 'key_file c') : ());
    my ($fine, $said) = JWT::Server->prepared(http => 'auth_jwt_issuer shop { ' . join('; ', @parameters) . '; }')->checked;
    my $signal = $? & 127;
    my $text = join('; ', @parameters) =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger;
    is($signal, 0, "$text: no signal");
    unlike($said, qr/panic/, "$text: no panic");
    next if $fine;
    like($said, qr/\[emerg\].* in \S+nginx\.conf:\d+/, "$text: a message with the place");
    like($said, qr/issuer "shop"|$NGINX|auth_jwt_issuer|"include"|terminated by|open\(\)|unknown directive/, "$text: that names the block");
}

my %tried;
my @directives = sort keys %GOOD;
for my $round (1 .. $COUNT) {
    my $directive = $directives[$round % @directives];
    my $kind = ('good', 'bad', 'any')[int($round / @directives) % 3];
    my @arguments =
          $kind eq 'good' ? $GOOD{$directive}->()
        : $kind eq 'bad' ? $BAD{$directive}->()
        : map { rand() < 0.3 ? $GOOD{$directive}->() : text(@ANY) } 0 .. rand 4;
    my ($text, $fine, $said, $signal) = try_out($directive, @arguments);
    is($signal, 0, "$text: no signal");
    unlike($said, qr/panic/, "$text: no panic");
    if ($kind ne 'any') {
        is($fine ? 'taken' : 'refused', $kind eq 'good' ? 'taken' : 'refused', "$text: $kind") or diag($said);
    }
    is_clear($directive, $text, $said) if !$fine;
    $tried{$directive}{$kind}++;
}
is(scalar(grep { keys %{$tried{$_}} == 3 } @directives), scalar @directives, "seed $SEED: each directive in each way");

done_testing();
