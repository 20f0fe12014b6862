# Keys by URL in several workers: one fetch serves the whole nginx, across reloads, restarts and workers that die.
# What lies in the state path is in auth_jwt_state_path.t.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Remote;

plan skip_all => 'there is no /proc here' unless -r "/proc/$$/task/$$/children";

my ($OK, $UNKNOWN, $UNAVAILABLE) = ('200 ok', '401 unknown_key', '500 keys_unavailable');

my $idp = JWT::Remote->new;
my $GOOD = $idp->bearer('one');
my $HANGS = {silent => 1, then => 'hang'};
my $FAILED = qr/keys cannot be fetched|has no keys from/;

# Discovery, so that a fetch is two requests.
my $CONFIG = '/.well-known/openid-configuration';
my $DISCOVERY = 'config_url ' . $idp->url($CONFIG) . ';';

# A new nginx of so many workers, once they are there.
sub nginx {
    my ($workers, $parameters, @options) = @_;
    $idp->begin_anew;
    $idp->answer($CONFIG => {body => JWT::json({issuer => $idp->url, jwks_uri => $idp->url('/keys')}), wait => 0.2});
    my $nginx = $idp->nginx($parameters, workers => $workers, @options);
    $nginx->wait_for_workers($workers);
    return $nginx;
}

# How often both were asked since the last time.
sub hits {
    my @hits = map { $idp->hits($_) } $CONFIG, '/keys';
    $idp->forget;
    return "@hits";
}

# Asks in each worker until all answer so; a test.
sub all_come_to {
    my ($nginx, $expected, $token, $name) = @_;
    my @seen;
    my $count = $nginx->workers;
    $nginx->wait_until(sub { (@seen = grep { $_ eq $expected } $nginx->outcomes_by_worker('/', $token)) == $count });
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_deeply(\@seen, [($expected) x $count], $name);
}

# The workers in which a fetch is under way.
sub fetching {
    my ($nginx) = @_;
    return grep { my $pid = $_; grep { comm($_) eq 'auth_jwt_fetch' } glob "/proc/$pid/task/*" } $nginx->workers;
}

sub comm {
    open my $file, '<', "$_[0]/comm" or return '';
    return <$file> =~ s/\n//r;
}

for my $workers (2, 4) {
    my $nginx = nginx($workers, "$DISCOVERY key_cache 1h refresh=2s;");
    all_come_to($nginx, $OK, $GOOD, "$workers workers: all have keys");
    is(hits(), '1 1', "$workers workers: one fetch of the configuration and one of the keys");

    # An unknown kid, first in one worker, then in all.
    $idp->has_keys('one', 'two');
    is_deeply([$nginx->outcomes_by_worker('/', $idp->bearer('two'))], [($OK) x $workers], "$workers workers: a new key, in each of them");
    is(hits(), '1 1', "$workers workers: by one fetch for all");
    $idp->has_keys('three');
    $idp->answer($CONFIG => {body => JWT::json({issuer => $idp->url, jwks_uri => $idp->url('/keys')}), wait => 0.3});
    sleep 2.1;
    my @clients = map { $nginx->started('/', $idp->bearer('three')) } 1 .. 40;
    is_deeply(JWT::Connection::tally(@clients), {$OK => 40}, "$workers workers: a new key, with many at a time");
    is(hits(), '1 1', "$workers workers: by one fetch for all");
    # Nobody fetches now, but everybody looks at what the others have fetched.
    all_come_to($nginx, $UNKNOWN, $idp->bearer('one'), "$workers workers: all see that the old key has gone");
    is(scalar(() = $nginx->error_log =~ /\[notice\].*\d keys? from/g), 3, "$workers workers: each change is told once");

    # One is told at a time: nobody fetches for a throttled kid, in whatever worker.
    my $nobody = $idp->bearer_of_nobody('nobody');
    sleep 2.1;
    hits();
    my $begun = time;
    is_deeply([$nginx->outcomes_by_worker('/', $nobody)], [($UNKNOWN) x $workers], "$workers workers: an unknown kid in each of them");
    my @after = map { $_->{at} - $begun } grep { $_->{path} eq $CONFIG } $idp->requests;
    ok(@after && !grep({ $after[$_] < 2 * $_ } 0 .. $#after), "$workers workers: makes one fetch for all, each time") or diag("@after");
    $nginx->is_calm('warn');
}

# Keys are fetched ahead of time once for all, and each worker has them.
{
    my $nginx = nginx(4, "$DISCOVERY key_cache 3s refresh=off;");
    all_come_to($nginx, $OK, $GOOD, 'by time: all have keys');
    $idp->has_keys('two');
    all_come_to($nginx, $OK, $idp->bearer('two'), 'and then the new ones');
    # Each follows the one before it by three quarters of the time at least.
    ok($nginx->wait_until(sub { $idp->hits('/keys') >= 4 }), 'and again');
    my @at = map { $_->{at} } grep { $_->{path} eq '/keys' } $idp->requests;
    cmp_ok($at[$_] - $at[$_ - 1], '>', 2, "fetch $_ is the only one") for 1 .. $#at;
    $nginx->is_calm('warn');
}

# --- reload -----------------------------------------------------------------------------------------

{
    my $nginx = nginx(2, "$DISCOVERY key_cache 1h;");
    all_come_to($nginx, $OK, $GOOD, 'before a reload');
    hits();
    for my $reload (1 .. 3) {
        my @old = $nginx->workers;
        $nginx->signal('HUP');
        my @new = $nginx->wait_for_workers(2, @old);
        is_deeply([$nginx->outcomes_by_worker('/', $GOOD)], [$OK, $OK], "reload $reload: the new workers serve at once");
        ok($nginx->wait_until(sub { !grep { -e "/proc/$_" } @old }), "reload $reload: the old ones leave");
    }
    is(hits(), '0 0', 'without a fetch');
    is(scalar(() = $nginx->error_log =~ /\[notice\].*\d keys? from/g), 1, 'and without a further line');
    # What is configured anew is a source of its own.
    my @old = $nginx->workers;
    $nginx->configure($idp->options('key_url ' . $idp->url('/others') . ';', workers => 2));
    $idp->answer('/others' => {body => $idp->set('two')});
    $nginx->signal('HUP');
    $nginx->wait_for_workers(2, @old);
    all_come_to($nginx, $OK, $idp->bearer('two'), 'a reload with another URL: other keys');
    is($idp->hits('/others'), 1, 'by one fetch');
    all_come_to($nginx, $UNKNOWN, $GOOD, 'and no longer those from before');
    $nginx->is_calm('warn');
}

# While a fetch hangs, workers leave all the same: by a reload, by QUIT and by TERM.
for my $signal ('HUP', 'QUIT', 'TERM') {
    my $nginx = nginx(2, 'timeout 300s; key_cache 2s stale=1h refresh=off;');
    all_come_to($nginx, $OK, $GOOD, "$signal: keys are there");
    $idp->answer('/keys' => $HANGS);
    ok($nginx->wait_until(sub { fetching($nginx) }), "$signal: a fetch is under way, and hangs");
    my @old = $nginx->workers;
    $nginx->signal($signal);
    ok($nginx->wait_until(sub { !grep { -e "/proc/$_" } @old }), "$signal: the workers leave");
    if ($signal eq 'HUP') {
        $nginx->wait_for_workers(2, @old);
        $idp->has_keys('two');
        # The new ones wait for nobody either: the lock is free.
        $idp->stop;
        $idp->start;
        all_come_to($nginx, $OK, $idp->bearer('two'), 'HUP: the new ones fetch');
    }
    $nginx->stop;
    $nginx->is_calm('warn', $FAILED);
}

# Nothing is fetched yet, and requests wait: they are answered, and the old workers go.
{
    $idp->begin_anew;
    $idp->answer('/keys' => $HANGS);
    my $nginx = $idp->nginx('timeout 300s;', workers => 2);
    my @old = $nginx->wait_for_workers(2);
    ok($nginx->wait_until(sub { fetching($nginx) }), 'the first fetch hangs');
    my @clients = map { $nginx->started('/', $GOOD) } 1 .. 10;
    is($nginx->get('/open')->{status}, 200, 'and ten requests wait');
    $idp->has_keys('one');
    $nginx->signal('HUP');
    $nginx->wait_until(sub { grep { my $new = $_; !grep { $_ == $new } @old } $nginx->workers });
    # The server gives up on those it has kept waiting.
    $idp->stop;
    $idp->start;
    my $tally = JWT::Connection::tally(@clients);
    is($tally->{nothing} // 0, 0, 'a reload meanwhile: all are answered');
    @clients = ();
    ok($nginx->wait_until(sub { !grep { -e "/proc/$_" } @old }), 'and the old workers leave');
    all_come_to($nginx, $OK, $GOOD, 'the new ones serve');
    $nginx->is_calm('warn', $FAILED);
}

# --- restart ------------------------------------------------------------------------------------------

{
    my $nginx = nginx(2, "$DISCOVERY key_cache 1h;");
    all_come_to($nginx, $OK, $GOOD, 'before a restart');
    $nginx->stop;
    $idp->stop;
    $nginx->new_lines;
    $nginx->start;
    $nginx->wait_for_workers(2);
    is_deeply([$nginx->outcomes_by_worker('/', $GOOD)], [$OK, $OK], 'a restart without network: keys serve at once');
    is_deeply([grep {/\[error\]|\d keys? from/} $nginx->new_lines], [], 'and nothing is fetched');
    $nginx->is_calm('warn');
}

# Keys that are beyond their time do not serve after a restart, before a fetch has failed.
{
    my $nginx = nginx(2, 'key_cache 1s stale=0;');
    all_come_to($nginx, $OK, $GOOD, 'keys that are soon out of time');
    $nginx->stop;
    $idp->stop;
    sleep 1.1;
    $nginx->start;
    $nginx->wait_for_workers(2);
    is_deeply([$nginx->outcomes_by_worker('/', $GOOD)], [$UNAVAILABLE, $UNAVAILABLE], 'a restart after that: 500');
    $idp->has_keys('two');
    $idp->start;
    all_come_to($nginx, $OK, $idp->bearer('two'), 'until they are fetched anew');
    $nginx->is_calm('warn', $FAILED);
}

# Within stale= they serve on, once a fetch has failed.
{
    my $nginx = nginx(2, 'key_cache 1s stale=1h;');
    all_come_to($nginx, $OK, $GOOD, 'keys that may be stale');
    $nginx->stop;
    $idp->stop;
    sleep 1.1;
    $nginx->start;
    $nginx->wait_for_workers(2);
    all_come_to($nginx, $OK, $GOOD, 'a restart after that without network: they serve on');
    $nginx->is_calm('warn', $FAILED);
}

# --- a worker dies amid a fetch: another one fetches ------------------------------------------------------

for my $workers (2, 4) {
    $idp->begin_anew;
    $idp->answer('/keys' => $HANGS);
    my $nginx = $idp->nginx('timeout 300s;', workers => $workers);
    my @old = $nginx->wait_for_workers($workers);
    ok($idp->wait_for_hits(1), "$workers workers: one fetches");
    $nginx->wait_until(sub { fetching($nginx) });
    my @fetching = fetching($nginx);
    is(scalar @fetching, 1, "$workers workers: just one of them");
    $idp->has_keys('one');
    JWT::Process::send_signal(KILL => @fetching);
    ok($idp->wait_for_hits(2), "$workers workers: it is killed, and another one fetches");
    $nginx->wait_until(sub { !-e "/proc/$fetching[0]" && $nginx->workers == $workers });
    all_come_to($nginx, $OK, $GOOD, "$workers workers: all of them serve, one in its place, too");
    is($idp->hits, 2, "$workers workers: by that fetch");
    is(scalar(() = $nginx->error_log =~ /exited on signal/g), 1, "$workers workers: nobody else has come to harm");
}

# A worker stands still amid a fetch: others wait for it no longer than "timeout".
{
    $idp->begin_anew;
    $idp->answer('/keys' => $HANGS);
    my $nginx = $idp->nginx('timeout 4s;', workers => 2);
    $nginx->wait_for_workers(2);
    $nginx->wait_until(sub { fetching($nginx) });
    my @fetching = fetching($nginx);
    JWT::Process::send_signal(STOP => @fetching);
    $nginx->wait_until(sub { JWT::Server::state($fetching[0]) eq 'T' });
    my @clients = map { $nginx->started('/', $GOOD) } 1 .. 5;
    is_deeply(JWT::Connection::tally(@clients), {$UNAVAILABLE => 5}, 'a worker that fetches stands still: who waits in the other is answered');
    $idp->has_keys('one');
    JWT::Process::send_signal(CONT => @fetching);
    all_come_to($nginx, $OK, $GOOD, 'and once it goes on, both serve');
    $nginx->is_calm('warn', $FAILED);
}

# Each fetches for itself, where they share nothing.
{
    my $nginx = nginx(3, "$DISCOVERY key_cache 1h refresh=1h;", http => 'auth_jwt_state_path off;');
    all_come_to($nginx, $OK, $GOOD, 'auth_jwt_state_path off: all have keys');
    is(hits(), '3 3', 'each of three by a fetch of its own');
    $idp->has_keys('two');
    is_deeply([$nginx->outcomes_by_worker('/', $idp->bearer('two'))], [($OK) x 3], 'a new key in each');
    is(hits(), '3 3', 'likewise');
    ok(!-e $nginx->directory . '/temp/auth_jwt', 'there is no directory');
    my @old = $nginx->workers;
    $nginx->signal('HUP');
    $nginx->wait_for_workers(3, @old);
    all_come_to($nginx, $OK, $idp->bearer('two'), 'after a reload, too');
    is(hits(), '3 3', 'by fetches anew');
    $nginx->is_calm('warn');
}

done_testing();
