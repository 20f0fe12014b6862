# The counters of auth_jwt_metrics in several workers: exact sums under load, across reloads and workers that are killed;
# where they begin anew; and that nothing is counted, nor any memory shared, where no location has the directive.
use strict;
use warnings;

use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Metrics;
use JWT::Server;

plan skip_all => 'there is no /proc here' unless -r "/proc/$$/task/$$/children";

my $FEW = $ENV{TEST_NGINX_USE_VALGRIND};
my ($CLIENTS, $REQUESTS, $AT_ONCE) = (4, $FEW ? 400 : 4000, 20);

my $FILES = {'html/keys' => JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'usual'))};
my $BLOCK = 'auth_jwt_issuer shop { issuer https://shop.example; audience api; key_file %DIR%/html/keys; }';
my $METRICS = 'location = /metrics { auth_jwt_metrics; }';
my $GUARDED = <<'CONF';
    add_header X-Status $auth_jwt_status always;
    add_header X-Pid $pid always;
    location /open { empty_gif; }
    location / { auth_jwt r; auth_jwt_key_file %DIR%/html/keys; empty_gif; }
    location /issued { auth_jwt_status_zone shops; auth_jwt r; auth_jwt_issuers shop; empty_gif; }
CONF

# The options of an nginx; $server stands beside the guarded locations.
sub options {
    my ($server, %more) = @_;
    # Without proofs of DPoP, whose memory is another one.
    return (files => $FILES, http => "keepalive_requests 100000; auth_jwt_dpop off; $BLOCK", server => $GUARDED . $server, log_level => 'notice', %more);
}

sub nginx { return JWT::Server->new(options(@_)) }

# What a client asks, and what is counted for it, by the answer it gets.
my @ASKS = (
    ['/', [JWT::bearer()], 'default ok', '200 ok'],
    ['/', [JWT::bearer({sub => 'bob'})], 'default ok', '200 ok'],
    ['/', [], 'default no_token', '401 no_token'],
    ['/', ['Authorization: Bearer ' . JWT::refused('expired')], 'default expired', '401 expired'],
    ['/issued', [JWT::issued()], 'shops ok shop', '200 ok'],
    ['/issued', [JWT::issued({aud => 'x'})], 'shops wrong_audience', '401 wrong_audience'],
    ['/issued', [JWT::issued({iss => 'x'})], 'shops unknown_issuer', '401 unknown_issuer'],
);

# Clients, each a process with so many connections, that ask $count times (or, without, until they are stopped).
sub start_clients {
    my ($nginx, $count) = @_;
    my @clients;
    for my $number (1 .. $CLIENTS) {
        my $pid = fork // die "cannot fork: $!";
        if (!$pid) {
            client($nginx, $number, $count);
            POSIX::_exit(0);
        }
        push @clients, $pid;
    }
    return @clients;
}

# Each round asks once on each connection before the first answer is read. Writes what was answered, what must have been
# counted for it, and how many requests got no answer.
sub client {
    my ($nginx, $number, $count) = @_;
    srand 1000 * $number;
    my ($stop, $asked, %counted, %wrong) = (0, 0);
    local $SIG{TERM} = sub { $stop = 1 };
    my (@connections, $lost);
    until ($stop || defined $count && $asked >= $count) {
        my @round;
        for my $slot (0 .. $AT_ONCE - 1) {
            my $ask = $ASKS[rand @ASKS];
            $connections[$slot] //= $nginx->connect or next;
            $connections[$slot]->request('GET', $ask->[0], @{$ask->[1]});
            push @round, [$slot, $ask];
        }
        for (@round) {
            my ($slot, $ask) = @$_;
            my $answer = $connections[$slot]->answer('GET');
            $asked++;
            if (!$answer) {
                $lost++;
                undef $connections[$slot];
                next;
            }
            undef $connections[$slot] if ($answer->{headers}{connection} // '') eq 'close';
            my $seen = JWT::Connection::outcome_of($answer);
            $wrong{"$ask->[0]: $seen, not $ask->[3]"}++ if $seen ne $ask->[3];
            $counted{$ask->[2]}++;
        }
    }
    $nginx->write("html/client$number", JWT::json({counted => \%counted, lost => $lost // 0, wrong => \%wrong}));
    return;
}

# Ends clients (that have no count), and gives what must have been counted, how many were lost, and wrong answers.
sub sums {
    my ($nginx, $stop, @clients) = @_;
    kill TERM => @clients if $stop;
    waitpid $_, 0 for @clients;
    my (%counted, $lost, @wrong);
    for my $number (1 .. $CLIENTS) {
        my $told = JSON::PP::decode_json($nginx->read("html/client$number"));
        $counted{$_} += $told->{counted}{$_} for keys %{$told->{counted}};
        $lost += $told->{lost};
        push @wrong, keys %{$told->{wrong}};
    }
    return (\%counted, $lost, \@wrong);
}

sub total {
    my ($counted) = @_;
    my $total = 0;
    $total += $_ for values %$counted;
    return $total;
}

sub verdicts { return JWT::Metrics->of($_[0])->verdicts }

# The metrics as each worker tells them.
sub by_worker {
    my ($nginx) = @_;
    return map { JWT::Metrics->read($_->get('/metrics')->{body})->verdicts } $nginx->connections_by_worker('/open');
}

# Nobody here is its parent.
sub is_gone { return !-e "/proc/$_[0]" || JWT::Server::state($_[0]) eq 'Z' }

# An nginx that has left the test's process.
sub daemon {
    my (%options) = @_;
    my $nginx = JWT::Server->prepared(options($METRICS, %options));
    $nginx->start_daemon;
    $nginx->wait_for_workers($options{workers});
    return $nginx;
}

sub end_daemon {
    my ($nginx, $name) = @_;
    $nginx->signal('QUIT');
    my $pid = delete $nginx->{pid};
    ok($nginx->wait_until(sub { is_gone($pid) }), "$name: it leaves");
    return $nginx->is_calm('warn');
}

# --- under load ---------------------------------------------------------------------------------------

for my $workers (1, 2, 4) {
    my $nginx = nginx($METRICS, workers => $workers);
    $nginx->wait_for_workers($workers);
    my ($counted, $lost, $wrong) = sums($nginx, 0, start_clients($nginx, $REQUESTS));
    is_deeply($wrong, [], "$workers workers: each answer is right");
    is($lost, 0, "$workers workers: and there");
    cmp_ok(total($counted), '>=', $CLIENTS * $REQUESTS, "$workers workers: so many requests");
    is_deeply($_, $counted, "$workers workers: each is counted once, whoever tells") for by_worker($nginx);
    $nginx->is_calm('warn');
}

# Reloads: old and new workers count side by side, also for connections that were there before.
{
    my $nginx = nginx($METRICS, workers => 2);
    my @clients = start_clients($nginx);
    my $last = 0;
    for my $reload (1 .. ($FEW ? 2 : 8)) {
        my @old = $nginx->workers;
        sleep 0.1;
        $nginx->signal('HUP');
        $nginx->wait_for_workers(2, @old);
        my $sum = total(verdicts($nginx));
        cmp_ok($sum, '>=', $last, "reload $reload: no counter goes back");
        $last = $sum;
    }
    my ($counted, $lost, $wrong) = sums($nginx, 1, @clients);
    is_deeply($wrong, [], 'reloads: each answer is right');
    my $seen = verdicts($nginx);
    my $more = total($seen) - total($counted);
    # nginx may have taken a request on a connection that it then closes: that has a verdict and no answer.
    ok($more >= 0 && $more <= $lost, "reloads: all is counted (" . total($counted) . " answered, $lost without an answer, $more counted beyond)");
    is_deeply([grep { $seen->{$_} < $counted->{$_} } keys %$counted], [], 'reloads: and so each by itself');
    is_deeply([sort keys %$seen], [sort keys %$counted], 'reloads: and nothing else');
    $nginx->is_calm('warn');
}

# An old worker that is leaving still counts for all.
{
    my $nginx = nginx($METRICS . 'location /slow { auth_jwt r; auth_jwt_key_file %DIR%/html/keys; proxy_pass http://unix:%DIR%/slow.sock; }', workers => 1);
    my $listener = IO::Socket::UNIX->new(Local => $nginx->directory . '/slow.sock', Listen => 1);
    my ($old) = $nginx->wait_for_workers(1);
    my $slow = $nginx->started('/slow', JWT::bearer());
    # A request that the old worker has begun to read, and judges once it is whole.
    my $begun = $nginx->connect;
    $begun->get('/open');
    $begun->send_bytes("GET / HTTP/1.1\r\nHost: a\r\n");
    ok($nginx->wait_until(sub { total(verdicts($nginx)) == 1 }), 'a request is under way in a worker');
    $nginx->signal('HUP');
    my ($new) = $nginx->wait_for_workers(1, $old);
    $begun->send_bytes(JWT::bearer() . "\r\n\r\n");
    my $answer = $begun->answer('GET');
    is($answer->{headers}{'x-pid'}, $old, 'which is leaving, and still judges another');
    is($nginx->get('/open')->{headers}{'x-pid'}, $new, 'while a new one serves');
    is_deeply(verdicts($nginx), {'default ok' => 2}, 'the new one tells what the old one has counted');
    my $taken = $listener->accept;
    sysread $taken, my $request, 4096;
    print {$taken} "HTTP/1.0 204 No Content\r\n\r\n";
    close $taken;
    is($slow->answer('GET')->{status}, 204, 'the first request ends');
    ok($nginx->wait_until(sub { !-e "/proc/$old" }), 'and its worker with it');
    is_deeply(verdicts($nginx), {'default ok' => 2}, 'nothing is lost with it');
    $nginx->is_calm('warn');
}

# Workers that are killed take nothing with them.
{
    my $nginx = nginx($METRICS, workers => 2);
    my @workers = $nginx->wait_for_workers(2);
    $nginx->outcomes_by_worker('/', JWT::bearer());
    for my $round (1 .. 4) {
        JWT::Process::send_signal(KILL => $workers[$round % 2]);
        @workers = $nginx->wait_for_workers(2, $workers[$round % 2]);
        is_deeply($_, {'default ok' => 2 * $round}, "a worker killed, round $round: what it has counted stays") for by_worker($nginx);
        $nginx->outcomes_by_worker('/', JWT::bearer());
    }
    my @clients = start_clients($nginx);
    for my $round (1 .. ($FEW ? 2 : 6)) {
        my ($victim) = $nginx->workers;
        sleep 0.1;
        JWT::Process::send_signal(KILL => $victim);
        $nginx->wait_for_workers(2, $victim);
    }
    my ($counted, $lost, $wrong) = sums($nginx, 1, @clients);
    is_deeply($wrong, [], 'killed under load: each answer is right');
    $counted->{'default ok'} += 10;
    my $seen = verdicts($nginx);
    my $more = total($seen) - total($counted);
    ok($more >= 0 && $more <= $lost, 'killed under load: all that was answered is counted, and no more than was asked (' . total($counted) . " answered, $lost without an answer, $more counted beyond)");
    is_deeply([grep { $seen->{$_} < $counted->{$_} } keys %$counted], [], 'killed under load: and so each by itself');
}

# --- where they begin anew ---------------------------------------------------------------------------

{
    my $nginx = nginx($METRICS, workers => 2);
    $nginx->outcome('/', JWT::bearer()) for 1 .. 3;
    is_deeply(verdicts($nginx), {'default ok' => 3}, 'counted');
    $nginx->stop;
    $nginx->start;
    is_deeply(verdicts($nginx), {}, 'a restart begins at 0');
    is(JWT::Metrics->of($nginx)->value('verdicts_total{zone="default",issuer="",status="ok"}'), 0, 'where all series are');
    # A reload that fails changes nothing.
    $nginx->outcome('/', JWT::bearer());
    my @workers = $nginx->wait_for_workers(2);
    $nginx->write('conf/nginx.conf', $nginx->read('conf/nginx.conf') . 'nonsense;');
    $nginx->signal('HUP');
    ok($nginx->wait_until(sub { $nginx->error_log =~ /unknown directive "nonsense"/ }), 'a reload that fails');
    is_deeply([$nginx->workers], \@workers, 'leaves the workers');
    is_deeply(verdicts($nginx), {'default ok' => 1}, 'and what they have counted');
}

# Another binary (USR2) counts for itself; the old one goes on with its own, and leaves.
{
    # For scripts/memcheck, whose environment the new one must have, too.
    my $nginx = daemon(workers => 1, main => 'env ASAN_OPTIONS;');
    $nginx->outcome('/', JWT::bearer()) for 1 .. 3;
    my $old = $nginx->{pid};
    $nginx->signal('USR2');
    ok($nginx->wait_until(sub { -e $nginx->directory . '/nginx.pid.oldbin' && -s $nginx->directory . '/nginx.pid' }), 'USR2: another master');
    $nginx->wait_until(sub { ($nginx->{pid} = $nginx->pid_in('nginx.pid')) && $nginx->workers });
    JWT::Process::send_signal(QUIT => $old);
    ok($nginx->wait_until(sub { is_gone($old) }), 'USR2: the old one leaves');
    is_deeply(verdicts($nginx), {}, 'USR2: the new one begins at 0');
    is($nginx->outcome('/', JWT::bearer()), '200 ok', 'USR2: and serves');
    is_deeply(verdicts($nginx), {'default ok' => 1}, 'USR2: and counts');
    end_daemon($nginx, 'USR2');
}

# --- other ways to run --------------------------------------------------------------------------------

# One process alone.
{
    my $nginx = nginx($METRICS, main => 'master_process off;');
    $nginx->outcome('/', JWT::bearer()) for 1 .. 3;
    $nginx->outcome('/issued', JWT::issued());
    is_deeply(verdicts($nginx), {'default ok' => 3, 'shops ok shop' => 1}, 'master_process off: it counts');
    # nginx itself accepts no connection after that, with whatever modules; it must not fall.
    for my $reload (1 .. 3) {
        $nginx->signal('HUP');
        ok($nginx->wait_until(sub { (() = $nginx->error_log =~ /\] \d+#\d+: reconfiguring/g) == $reload }), "master_process off, HUP $reload: is taken");
        # A signal that comes before nginx waits for events is not seen until there is one.
        sleep 0.2;
    }
    is_deeply([grep { $_ >= 1024 } shared($nginx->{pid})], [4096], 'master_process off: in one memory');
    my $pid = $nginx->{pid};
    ok($nginx->wait_until(sub { JWT::Process::send_signal(QUIT => $pid); is_gone($pid) }), 'master_process off: it ends');
    $nginx->is_calm('warn');
}

# As a daemon: the process that has read the configuration is not the one that starts workers.
{
    my $nginx = daemon(workers => 2);
    is_deeply([$nginx->outcomes_by_worker('/', JWT::bearer())], [('200 ok') x 2], 'daemon on: each worker judges');
    is_deeply($_, {'default ok' => 2}, 'daemon on: and tells what both have counted') for by_worker($nginx);
    end_daemon($nginx, 'daemon on');
}

# --- where it is not ----------------------------------------------------------------------------------

# The shared mappings of no file, in KiB, by process.
sub shared {
    my ($pid) = @_;
    open my $maps, '<', "/proc/$pid/maps" or return;
    no warnings 'portable';
    return map { / ...s .*\/dev\/zero/ && /^([0-9a-f]+)-([0-9a-f]+)/ ? (hex($2) - hex $1) / 1024 : () } <$maps>;
}

sub shared_by_all { return map { [shared($_)] } $_[0]{pid}, $_[0]->workers }

{
    my $nginx = nginx('', workers => 2);
    my @workers = $nginx->wait_for_workers(2);
    my $usual = [shared_by_all($nginx)];
    is_deeply([grep { $_ >= 1024 } map {@$_} @$usual], [], 'without the directive there is no shared memory');
    $nginx->outcome('/', JWT::bearer()) for 1 .. 3;
    is_deeply([shared_by_all($nginx)], $usual, 'nor after requests');

    $nginx->configure(options($METRICS, workers => 2));
    $nginx->signal('HUP');
    @workers = $nginx->wait_for_workers(2, @workers);
    is_deeply([map { [grep { $_ >= 1024 } @$_] } shared_by_all($nginx)], [([4096]) x 3], 'a reload that brings it: 4 MiB');
    is_deeply(verdicts($nginx), {}, 'what was before has not been counted');
    $nginx->outcome('/', JWT::bearer()) for 1 .. 2;
    is_deeply(verdicts($nginx), {'default ok' => 2}, 'what comes is');

    $nginx->configure(options('', workers => 2));
    $nginx->signal('HUP');
    @workers = $nginx->wait_for_workers(2, @workers);
    is($nginx->get('/metrics')->{status}, 401, 'a reload that takes it away: /metrics is a location like any other');
    is($nginx->outcome('/', JWT::bearer()), '200 ok', 'and requests are served') for 1 .. 5;

    $nginx->configure(options($METRICS, workers => 2));
    for my $round (1 .. 3) {
        $nginx->signal('HUP');
        @workers = $nginx->wait_for_workers(2, @workers);
        is_deeply(verdicts($nginx), {'default ok' => 2}, "back, round $round: what was counted is there, what came meanwhile is not");
        is_deeply([map { [grep { $_ >= 1024 } @$_] } shared_by_all($nginx)], [([4096]) x 3], "back, round $round: in the same 4 MiB");
    }
    $nginx->is_calm('warn');
}

# In a location where auth_jwt is on nowhere, there is memory, and all is well.
{
    my ($fine, $said) = JWT::Server->prepared(options($METRICS))->checked;
    ok($fine, 'nginx -t is content') or diag($said);
    my ($nothing, $told) = JWT::Server->prepared(options($METRICS, http => '', server => $METRICS))->checked;
    ok($nothing, 'and where auth_jwt is nowhere') or diag($told);
}

done_testing();
