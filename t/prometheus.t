# The metrics in a real Prometheus: it has the very numbers of requests that two workers were sent, and it answers each
# query of contrib/'s dashboard and alerts. What the directive itself answers is in auth_jwt_metrics.t and metrics_*.t.
use strict;
use warnings;

use FindBin;
use List::Util qw(sum);
use Test::More;
use Time::HiRes qw(time);

use JWT;
use JWT::Dashboard;
use JWT::Metered;
use JWT::Prometheus;

my @missing = JWT::Prometheus::missing();
plan skip_all => join(' and ', @missing) . " missing: install Debian's package prometheus" if @missing;

my $CONTRIB = "$FindBin::Bin/../contrib";
my $VERDICTS = 'nginx_auth_jwt_verdicts_total';

# Lines of the log that this test makes.
my $EXPECTED = qr/keys cannot be fetched|has no keys from|key request|"auth_jwt_dry_run" is on/;

# A test: promtool is content.
sub promtool_accepts {
    my ($name, $input, @arguments) = @_;
    my ($fine, $said) = JWT::Prometheus::promtool($input, @arguments);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($fine, $name) || diag($said);
}

# --- without nginx -------------------------------------------------------------------------------------------------

promtool_accepts('promtool check rules: the alerts', undef, 'check', 'rules', "$CONTRIB/prometheus-alerts.yml");
promtool_accepts("promtool test rules: $_", undef, 'test', 'rules', "$FindBin::Bin/data/prometheus-alerts/$_.yml") for qw(minutes days);

my ($scrape) = JWT::read_file("$CONTRIB/README.md") =~ /^```yaml\n(.*?)^```/ms;
$scrape =~ s{/etc/prometheus/rules}{$CONTRIB}g;
promtool_accepts('promtool check config: the example of contrib/README.md', $scrape, 'check', 'config', '/dev/stdin');

# --- traffic ---------------------------------------------------------------------------------------------------------

# Beside the usual zones one whose issuer has no keys: they cannot be fetched.
my $nginx = JWT::Metered->new(
    http => sub {"auth_jwt_issuer lost { issuer https://lost.example; audience api; key_url $_[0]/lost; }"},
    server => sub {'location /lost/ { auth_jwt lost; auth_jwt_status_zone lost; auth_jwt_issuers lost; empty_gif; }'},
);
my $idp = $nginx->idp;
my $prometheus = JWT::Prometheus->new(target => $nginx->target, rules => "$CONTRIB/prometheus-alerts.yml");
my $begun = time;

# What a worker tells by this connection, in Prometheus' format.
sub told {
    my ($connection) = @_;
    return $connection->get('/metrics')->{body};
}

my ($SHOP, $PARTNER, $NONE) = ($nginx->shop, $nginx->partner, 'X-None: none');

# A path and a header line, how often each worker is sent it, how it comes out, how many of them the cache knows (a token
# that has been verified twice), and the issuer that it is counted for.
my @REQUESTS = (
    ['/orders/', $SHOP, 5, '200 ok', 3, 'shop'],
    ['/orders/', $PARTNER, 3, '200 ok', 1, 'partner'],
    ['/orders/', $nginx->shop({scope => 'orders:read'}), 2, '403 insufficient_scope', 0],
    ['/orders/', $nginx->shop({exp => time - 60}), 4, '401 expired', 2],
    ['/orders/', $nginx->shop({aud => 'another'}), 1, '401 wrong_audience', 0],
    ['/orders/', $nginx->partner({}, secret => 'guessed'), 3, '401 invalid_signature', 0],
    ['/orders/', $nginx->partner({iss => 'https://unknown.example'}), 1, '401 unknown_issuer', 0],
    ['/orders/', 'Authorization: Bearer a.b', 1, '401 malformed_token', 0],
    ['/orders/', $NONE, 3, '401 no_token'],
    ['/search/', $SHOP, 2, '200 ok', 0, 'shop'],
    ['/search/', $NONE, 4, '200 no_token'],
    ['/trial/', $SHOP, 3, '200 wrong_audience_dry_run', 1],
    ['/trial/', $NONE, 1, '200 no_token_dry_run'],
    ['/legacy/', $nginx->legacy, 4, '200 ok', 2],
    ['/legacy/broken/', $nginx->legacy, 2, '500 keys_unavailable', 0],
    ['/lost/', $nginx->partner({iss => 'https://lost.example'}), 1, '500 keys_unavailable', 0],
);

# What is counted by now: verdicts by zone, issuer and status; lookups in the cache.
my (%counted, %lookups);

# Sends all of it by these connections, each to a worker of its own.
sub send_all {
    my (@connections) = @_;
    my @wrong;
    for my $request (@REQUESTS) {
        my ($path, $line, $times, $outcome, $hits, $issuer) = @$request;
        my ($zone) = $path =~ m{^/(\w+)/};
        my ($status) = $outcome =~ /(\w+)$/;
        for my $connection (@connections) {
            $lookups{hit} += $hits // 0;
            $lookups{miss} += $times - $hits if defined $hits;
            for (1 .. $times) {
                # nginx closes the connection of a 500.
                my $to = $outcome =~ /^500/ ? $nginx : $connection;
                my $seen = JWT::Connection::outcome_of($to->get($path, $line));
                push @wrong, "$path: $seen, not $outcome" if $seen ne $outcome;
                $counted{join ' ', $zone, $issuer // '', $status}++;
            }
        }
    }
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_deeply(\@wrong, [], 'each request is answered as it must be');
}

# A connection to each of two workers, which have the keys of the issuer "shop".
sub connections {
    my @connections = $nginx->connections_by_worker('/open');
    my $ready = sub { told($_[0]) =~ /^nginx_auth_jwt_keys\{issuer="shop"\} 1$/m };
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($nginx->wait_until(sub { !grep { !$ready->($_) } @connections }, 60), 'both workers have keys');
    return @connections;
}

# A test: Prometheus comes to have each verdict that has been sent.
sub has_what_was_sent {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $prometheus->comes_to("$VERDICTS > 0", [qw(zone issuer status)], \%counted, "$name: verdicts of each kind");
    return $prometheus->comes_to("sum($VERDICTS)", [], {'' => sum(values %counted)}, "$name: all of them");
}

# It has seen zeros before anything is counted, so that it knows of the rise.
is($prometheus->wait_for("sum($VERDICTS)", sub {1}), 0, 'before anything is sent: nothing is counted');
my @connections = connections();
my %pids = map { ($_->get('/open')->{headers}{'x-pid'} => 1) } @connections;
is(scalar keys %pids, 2, 'two workers are asked');
send_all(@connections);
has_what_was_sent('two workers');

my $text = told($connections[0]);
promtool_accepts('promtool check metrics: what nginx tells', $text, 'check', 'metrics');

# Each worker has a cache of its own.
$prometheus->comes_to('nginx_auth_jwt_token_cache_lookups_total', ['result'], \%lookups, 'the cache: hits and misses');
$prometheus->comes_to('nginx_auth_jwt_key_requests_total', ['result'], {ok => 8, failed => 4}, 'key requests');
$prometheus->comes_to('nginx_auth_jwt_keys', ['issuer'], {shop => 1, partner => 2, lost => 0}, 'keys');
my ($FETCHES, $FAILED) = ('nginx_auth_jwt_key_fetches_total', '{issuer="lost",result="failed"}');
my %fetched = ('shop ok' => 1, 'shop failed' => 0, 'lost ok' => 0);
$prometheus->comes_to("$FETCHES unless $FETCHES$FAILED", [qw(issuer result)], \%fetched, 'fetches: one for both workers');
cmp_ok($prometheus->wait_for("$FETCHES$FAILED", sub { $_[0] > 0 }), '>', 0, 'and those that fail');

# --- workers come and go -------------------------------------------------------------------------------------------

my @old = $nginx->workers;
$nginx->signal('HUP');
$nginx->wait_for_workers(2, @old);
send_all(connections());
has_what_was_sent('after a reload');

$nginx->is_calm('warn', $EXPECTED);
@old = $nginx->workers;
JWT::Process::send_signal(KILL => @old);
$nginx->wait_for_workers(2, @old);
send_all(connections());
has_what_was_sent('after workers were killed');
is($prometheus->wait_for('max(resets({__name__=~"nginx_auth_jwt_.+_total"}[10m]))', sub {1}), 0, 'no counter was ever set back');

# --- the dashboard -------------------------------------------------------------------------------------------------

my $dashboard = JWT::Dashboard->new;
my %ids = map { ($_->{id} => 1) } $dashboard->panels;
is(scalar keys %ids, scalar(my @all = $dashboard->panels), 'each panel has an id of its own');
my %families = map { ($_ => 1) } $text =~ /^# TYPE (\w+) /mg;
my %used;
my @now = (__range => '1h', __rate_interval => '30s', datasource => 'prometheus', instance => '.*');

# What a query gives, over all of the time where it draws a line.
sub series {
    my ($query) = @_;
    my @range = $query->{instant} ? () : (start => $begun, end => time, step => 1);
    return $prometheus->query($query->{expr}, @range);
}

sub is_number { return $_[0] =~ /^-?\d/ && $_[0] == $_[0] }

for my $query ($dashboard->queries(@now, zone => '.*')) {
    my $title = $query->{panel}{title};
    unlike($query->{expr}, qr/\$/, "panel \"$title\": there is no other variable");
    $used{$_} = 1 for $query->{expr} =~ /\b(nginx_auth_jwt_\w+)/g;
    my @values;
    my $found = $prometheus->wait_until(sub {
        @values = map { map { $_->[1] } @{$_->{values}} } series($query);
        return grep { is_number($_) && $_ > 0 } @values;
    });
    ok($found, "panel \"$title\": there is something to see") or diag("@values");
    # A table has no legend.
    next if $query->{panel}{type} eq 'table';
    my %legends = map { (JWT::Dashboard::legend($query, $_) => 1) } series($query);
    is(scalar keys %legends, scalar(series($query)), "panel \"$title\": its legend tells series apart");
    my %labels = map { ($_ => 1) } map { keys %{$_->{metric}} } series($query);
    is_deeply([grep { !$labels{$_} } $query->{legend} =~ /\{\{(\w+)\}\}/g], [], "panel \"$title\": by labels that there are");
}
is_deeply(\%used, \%families, 'the dashboard shows each metric that there is');

# Shares of what was sent.
my $tokens = sum(@counted{grep { !/ no_token/ } keys %counted});
my %shares = (
    'Tokens that pass' => sum(@counted{grep {/ ok$/} keys %counted}) / $tokens,
    'Cache hits' => $lookups{hit} / sum(values %lookups),
);
for my $query (grep { $shares{$_->{panel}{title}} } $dashboard->queries(@now, zone => '.*')) {
    my ($title, $seen) = $query->{panel}{title};
    $prometheus->wait_for($query->{expr}, sub { abs(($seen = $_[0]) - $shares{$title}) < 1e-6 });
    is(sprintf('%.6f', $seen), sprintf('%.6f', $shares{$title}), "panel \"$title\": it is right");
}

# As Grafana has several values of a variable: by "|".
for my $query (grep { $_->{panel}{fieldConfig} } $dashboard->queries(@now, zone => 'orders|trial')) {
    my %zones = map { ($_->{metric}{zone} // '' => 1) } series($query);
    ok(!(grep { !/^(?:orders|trial|)$/ } keys %zones), "panel \"$query->{panel}{title}\": of the zones chosen");
}

my %values = (
    instance => [$nginx->target],
    zone => [qw(legacy lost orders search trial)],
);
for my $variable (grep { $_->{type} eq 'query' } $dashboard->variables) {
    my ($match, $label) = JWT::Dashboard::filled($variable->{query}{query}, @now) =~ /^label_values\((.*), (\w+)\)$/;
    is_deeply($prometheus->api("label/$label/values", 'match[]' => $match), $values{$variable->{name}}, "variable \"$variable->{name}\": what is offered");
}

# --- the alerts ----------------------------------------------------------------------------------------------------

# Those that this traffic gives a reason for, by what they tell apart; and those that it gives none.
my %REASON = (
    AuthJwtKeysUnavailable => ['zone', 'legacy', 'lost'],
    AuthJwtNoKeys => ['issuer', 'lost'],
    AuthJwtKeysOld => ['issuer'],
    AuthJwtKeyFetchesFailing => ['issuer', 'lost'],
    AuthJwtKeyRequestsFailing => ['job', 'nginx'],
    AuthJwtRefusalsJump => ['zone'],
    AuthJwtDryRunLeftOn => ['zone', 'trial'],
    AuthJwtMetricsFull => ['instance'],
    'job_zone:nginx_auth_jwt_refused:ratio_increase10m' => ['zone', 'legacy', 'orders', 'search'],
    'job_zone:nginx_auth_jwt_refused:ratio_increase1d_offset10m' => ['zone'],
);

my @rules;
$prometheus->wait_until(sub {
    @rules = map { @{$_->{rules}} } @{$prometheus->api('rules')->{groups}};
    return !grep { $_->{health} eq 'unknown' } @rules;
});
is_deeply([sort map { $_->{name} } @rules], [sort keys %REASON], 'Prometheus has the rules');
for my $rule (@rules) {
    my ($label, @values) = @{$REASON{$rule->{name}}};
    is_deeply([$rule->{health}, $rule->{lastError} // ''], ['ok', ''], "$rule->{name}: it is evaluated");
    my $found = $prometheus->values_by($rule->{query}, $label);
    delete @$found{grep { !is_number($found->{$_}) } keys %$found};
    is_deeply([sort keys %$found], \@values, "$rule->{name}: where there is a reason for it");
    for my $kind (qw(summary description)) {
        ok($rule->{annotations}{$kind}, "$rule->{name}: it has a $kind") if $rule->{type} eq 'alerting';
    }
}
$prometheus->wait_for('count(ALERTS{alertname="AuthJwtKeysUnavailable",alertstate="firing"})', sub { $_[0] == 2 });
my %firing = map { ("$_->{labels}{alertname} @{[$_->{labels}{zone} // '']}" => $_->{annotations}{summary}) }
    grep { $_->{state} eq 'firing' } @{$prometheus->api('alerts')->{alerts}};
is($firing{'AuthJwtKeysUnavailable lost'}, 'Zone "lost" has no keys to judge tokens by', 'what waits for nothing fires');

# We have killed workers; nobody else has.
my @harm = grep { !/exited on signal 9/ } JWT::Log::worse('warn', $EXPECTED, split /^/m, $nginx->error_log);
is_deeply(\@harm, [], 'nothing worse in the log');

done_testing();
