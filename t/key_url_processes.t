# Keys by URL and the processes of nginx: which have threads, what these must not do, and that none is left behind.
use strict;
use warnings;

use File::Path ();
use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Remote;

plan skip_all => 'there is no /proc here' unless -r "/proc/$$/task/$$/children";

my ($OK, $UNKNOWN) = ('200 ok', '401 unknown_key');
my $FAILED = qr/keys cannot be fetched|has no keys from/;
my $HANGS = {silent => 1, then => 'hang'};

my $idp = JWT::Remote->new;
my $GOOD = $idp->bearer('one');

# The threads of a process beside its own, by name.
sub threads {
    my ($pid) = @_;
    return sort map { text("$_/comm") =~ s/\n//r } grep { !m{/$pid\z} } glob "/proc/$pid/task/*";
}

sub text {
    my ($name) = @_;
    open my $file, '<', $name or return '';
    local $/ = undef;
    return <$file> // '';
}

# All processes of an nginx but the master, by what they call themselves.
sub helpers {
    my ($nginx) = @_;
    my $pid = $nginx->{pid};
    return grep { JWT::Server::title($_) =~ /cache (?:manager|loader)/ } split ' ', text("/proc/$pid/task/$pid/children");
}

# A set of signals as a number.
sub number { return unpack 'Q>', pack 'H16', substr '0' x 16 . $_[0], -16 }

sub open_files {
    my ($pid) = @_;
    my @files = glob "/proc/$pid/fd/*";
    return scalar @files;
}

sub is_asked { local $Test::Builder::Level = $Test::Builder::Level + 1; return $idp->is_soon(@_) }

my $CACHE = 'proxy_cache_path %DIR%/cache keys_zone=zone:1m;';

# --- which processes have threads ------------------------------------------------------------------

{
    $idp->begin_anew;
    my $nginx = $idp->nginx('', workers => 2, http => $CACHE);
    my @workers = $nginx->wait_for_workers(2);
    # In both: who has waited for the first keys has no newer ones fetched.
    is_deeply([$nginx->outcomes_by_worker('/', $GOOD)], [$OK, $OK], 'keys are there');
    for my $worker (@workers) {
        ok($nginx->wait_until(sub { "@{[threads($worker)]}" eq 'auth_jwt_keys' }), 'a worker has one thread for keys, and none between fetches')
            or diag(threads($worker));
        my @blocked = map { text("$_/status") =~ /^SigBlk:\s+([0-9a-f]+)/m } grep { !m{/$worker\z} } glob "/proc/$worker/task/*";
        # All but SIGKILL and SIGSTOP, and two that the C library keeps for itself.
        my ($all) = (2**64 - 1) & ~(1 << 8 | 1 << 18 | 1 << 31 | 1 << 32);
        is_deeply([grep { (number($_) & $all) != $all } @blocked], [], 'which gets no signal');
        is(number(text("/proc/$worker/status") =~ /^SigBlk:\s+([0-9a-f]+)/m ? $1 : 'f'), 0, 'while the worker itself gets all');
    }
    my @helpers = helpers($nginx);
    cmp_ok(scalar @helpers, '>=', 1, 'there is a cache manager');
    is_deeply([map { threads($_) } $nginx->{pid}, @helpers], [], 'which has no thread, nor have the master and the cache loader');

    # A fetch has a thread of its own, where signals are blocked likewise.
    $idp->answer('/keys' => $HANGS);
    my $client = $nginx->started('/', $idp->bearer_of_nobody('nobody'));
    my $fetching = sub { return grep { text("$_/comm") eq "auth_jwt_fetch\n" } map { glob "/proc/$_/task/*" } @workers };
    ok($nginx->wait_until(sub { $fetching->() }), 'a fetch that hangs');
    my ($blocked) = map { text("$_/status") =~ /^SigBlk:\s+([0-9a-f]+)/m } $fetching->();
    cmp_ok(number($blocked) & (1 << 14 | 1 << 9 | 1 << 2), '==', 1 << 14 | 1 << 9 | 1 << 2, 'gets no SIGTERM, SIGUSR1 and SIGQUIT');
    # Signals reach nginx all the same.
    rename $nginx->directory . '/logs/error.log', $nginx->directory . '/logs/old.log';
    $nginx->signal('USR1');
    ok($nginx->wait_until(sub { -e $nginx->directory . '/logs/error.log' }), 'USR1: logs are reopened');
    is($nginx->get('/open')->{status}, 200, 'and nginx serves');
    $idp->stop;
    is($client->outcome, $UNKNOWN, 'the fetch ends');
    ok($nginx->wait_until(sub { !$fetching->() }), 'and its thread with it');
    $nginx->is_calm('warn', $FAILED);
}

# Where no key comes by URL, or no block with one is used, there is no thread and no directory.
for my $case (['no block', ''], ['a block with a file', 'key_file %DIR%/html/keys;'], ['a block that nobody uses', undef]) {
    my ($name, $parameters) = @$case;
    $idp->begin_anew;
    my $http = !defined $parameters ? $idp->block('') : $parameters ? $idp->block($parameters) : '';
    my $sources = $parameters ? 'auth_jwt_issuers shop;' : 'auth_jwt_key_file %DIR%/html/keys;';
    my $nginx = JWT::Server->new(
        workers => 2, http => $http, files => {'html/keys' => $idp->set('one')},
        server => "add_header X-Status \$auth_jwt_status; location / { auth_jwt r; $sources empty_gif; }",
    );
    my @workers = $nginx->wait_for_workers(2);
    is($nginx->outcome('/', $GOOD), $OK, "$name: serves");
    is_deeply([map { threads($_) } $nginx->{pid}, @workers], [], "$name: no thread");
    ok(!-e $nginx->directory . '/temp/auth_jwt', "$name: no directory");
    is($idp->hits, 0, "$name: no fetch");
}

# --- nginx -t --------------------------------------------------------------------------------------------

{
    $idp->begin_anew;
    my $nginx = JWT::Server->prepared($idp->options(''));
    my ($fine, $said) = $nginx->checked;
    ok($fine, 'nginx -t succeeds') or diag($said);
    is($idp->hits, 0, 'without a fetch');
    $idp->stop;
    ($fine, $said) = $nginx->checked;
    ok($fine, 'nginx -t without network succeeds, too') or diag($said);
    unlike($said, qr/\[(?:warn|error|crit|alert|emerg)\]/, 'and warns of nothing');
}

# --- one process, without a master ------------------------------------------------------------------------

{
    $idp->begin_anew;
    my $nginx = $idp->nginx('', main => 'master_process off;');
    my $pid = $nginx->{pid};
    is_asked($nginx, $OK, 'without a master: keys are there');
    is_deeply([threads($pid)], ['auth_jwt_keys'], 'by one thread');
    # nginx itself accepts no connection after that, with whatever modules; it must not fall, and end as ever.
    for my $reload (1 .. 3) {
        $nginx->signal('HUP');
        ok($nginx->wait_until(sub { (() = $nginx->error_log =~ /\] \d+#\d+: reconfiguring/g) == $reload }), "HUP $reload: is taken");
    }
    sleep 0.2;
    cmp_ok(scalar(() = threads($pid)), '<=', 1, 'threads do not add up');
    $nginx->signal('QUIT');
    ok($nginx->wait_until(sub { JWT::Server::state($pid) =~ /^Z?$/ }), 'QUIT: it ends');
    $nginx->is_calm('warn');
}

# --- many reloads ----------------------------------------------------------------------------------------

# With fetches that hang, that fail and that succeed: nothing is left in the master, and no process.
{
    $idp->begin_anew;
    $idp->answer('/hangs' => $HANGS, '/fails' => {status => 500});
    my $urls = join ' ', map { 'key_url ' . $idp->url($_) . ';' } qw(/keys /hangs /fails);
    my %options = $idp->options('', workers => 2, log_level => 'notice',
        http => 'auth_jwt_issuer many { issuer many; audience api; timeout 300s; ' . "$urls }\n",
        server => 'location /many { auth_jwt r; auth_jwt_issuers many; empty_gif; }');
    my $nginx = JWT::Server->new(%options);
    my @workers = $nginx->wait_for_workers(2);
    my (@files, @processes, @worker_files);
    for my $reload (1 .. 30) {
        $nginx->signal('HUP');
        my @old = @workers;
        @workers = $nginx->wait_for_workers(2, @old);
        $nginx->wait_until(sub { !grep { -e "/proc/$_" } @old });
        push @files, open_files($nginx->{pid});
        my @children = split ' ', text("/proc/$nginx->{pid}/task/$nginx->{pid}/children");
        push @processes, scalar @children;
    }
    is_asked($nginx, $OK, 'thirty reloads: then a token');
    # Channels to workers that are just being replaced come and go.
    ok($nginx->wait_until(sub { open_files($nginx->{pid}) <= $files[0] }), 'no descriptor of the master is lost') or diag("@files");
    is(max(@processes), 2, 'and no process is left') or diag("@processes");
    my @left = glob $nginx->directory . '/temp/auth_jwt/*';
    is(scalar(grep {!/[.](?:json|lock|new)\z/} @left), 0, 'nothing odd lies in the state path') or diag("@left");
    cmp_ok(scalar @left, '<=', 9, 'nor more than three files of a source');
    $nginx->is_calm('warn', $FAILED);
}

# Nor is one lost in a worker, over many fetches that succeed, fail and break off.
{
    $idp->begin_anew;
    my $nginx = $idp->nginx('key_cache 1s stale=1h refresh=off;', http => "auth_jwt_issuer more { issuer more; audience api; key_cache 1s; key_url ${\($idp->url('/more'))}; }",
        server => 'location /more { auth_jwt r; auth_jwt_issuers more; empty_gif; }');
    is_asked($nginx, $OK, 'keys that are fetched each second');
    my ($worker) = $nginx->workers;
    my $before;
    for my $answer (undef, {status => 500}, {body => $idp->set('one'), then => 'reset', cut => 10, length => 1000}, undef, {body => $idp->set('two')}) {
        $idp->has_keys('one');
        $idp->answer('/keys' => $answer, '/more' => $answer) if $answer;
        my $seen = $idp->hits;
        $nginx->wait_until(sub { $idp->hits >= $seen + 3 });
        $before //= open_files($worker);
    }
    # One connection may be open just now, and a lock held.
    ok($nginx->wait_until(sub { open_files($worker) <= $before }), 'no descriptor of the worker is lost') or diag(open_files($worker), " $before");
    $nginx->is_calm('warn', $FAILED);
}

done_testing();
