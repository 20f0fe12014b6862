# Clients that leave amid a fetch, a thousand of them (ten thousand with AUTH_JWT_LONG=1): the
# worker's memory and its open files stay where they were.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::KeyServer;
use JWT::Server;

plan skip_all => 'there is no /proc here' unless -r "/proc/$$/status";

my $COUNT = $ENV{AUTH_JWT_LONG} ? 10_000 : 1_000;
my $BATCH = 50;

# The memory of a worker may grow by so much, in KiB.
my $GROWTH = 2048;

my $idp = JWT::KeyServer->new;
my $address = $idp->address;
my $large = JWT::key_set((map { JWT::jwk("secret $_" x 100, kid => "k$_") } 1 .. 20),
    JWT::jwk($JWT::SECRET, kid => 'usual'));
$idp->answer(
    '/good' => {body => $large},
    '/small' => {body => JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'usual'))},
    '/slow' => {body => $large, wait => 30},
    '/half' => {body => $large, length => 2 * length $large, then => 'hang'},
    '/drip' => {body => $large, length => undef, then => 'drip', pace => 0.005},
    '/brief' => {body => $large, wait => 0.01},
);
my $nginx = JWT::Server->new(server => <<"CONF");
    location /keys/ { internal; proxy_pass http://$address/; }
    location /stubborn/ { internal; proxy_ignore_client_abort on; proxy_pass http://$address/; }
    location ~ ^/each/(\\w+)\$ { auth_jwt "r"; auth_jwt_key_request /keys/\$1; add_header X-Pid \$pid; empty_gif; }
    location ~ ^/own/(\\w+)\$ { auth_jwt "r"; auth_jwt_key_request /keys/\$1?\$arg_own; empty_gif; }
    location ~ ^/stubborn-each/(\\w+)\$ { auth_jwt "r"; auth_jwt_key_request /stubborn/\$1; empty_gif; }
    location /two { auth_jwt "r"; auth_jwt_key_request /keys/good; auth_jwt_key_request /keys/slow; empty_gif; }
CONF

my $TOKEN = JWT::bearer({sub => 'alice', groups => [('g') x 100]}, kid => 'usual');

my $pid = $nginx->get('/each/good', $TOKEN)->{headers}{'x-pid'};
ok($pid, 'a worker');

sub memory {
    open my $file, '<', "/proc/$pid/status" or die "cannot look at the worker: $!";
    return (map {/^VmRSS:\s+(\d+)/} <$file>)[0];
}

sub open_files {
    my @files = glob "/proc/$pid/fd/*";
    return scalar @files;
}

# A new connection: while nginx is still busy with those who have left, its queue may be full.
sub client {
    my $client;
    $nginx->wait_until(sub { $client = $nginx->connect }) or die "cannot connect: $!";
    return $client;
}

# Clients that leave at once, or amid the fetch, one after the other or all together.
sub leave {
    my ($path, $count) = @_;
    for my $round (1 .. $count / $BATCH) {
        my @clients = map { client() } 1 .. $BATCH;
        $clients[$_]->request('GET', "$path?own=$_", $TOKEN) for 0 .. $#clients;
        sleep 0.01 if $round % 2;
        if ($round % 3 == 0) {
            while (@clients) { shift @clients }
        }
        elsif ($round % 3 == 1) {
            while (@clients) { pop @clients }
        }
    }
    return;
}

# Waits until nothing of them is left.
sub quiet {
    my ($files) = @_;
    return $nginx->wait_until(sub { open_files() <= $files });
}

my $files = open_files();
my @kinds = ('/each/slow', '/own/slow', '/each/half', '/own/drip', '/two', '/each/brief',
    '/stubborn-each/brief');
my $each = $COUNT / $BATCH < 4 * @kinds ? 4 * $BATCH : int($COUNT / @kinds / $BATCH) * $BATCH;
for my $kind (@kinds) {
    # What grows at the first time alone: buffers, pools, the heap's own pieces.
    leave($kind, 6 * $BATCH);
    ok(quiet($files), "$kind: warm");
    my $before = memory();
    $idp->forget;
    leave($kind, $each);
    ok($idp->wait_for_hits(1), "$kind: keys are being fetched");
    ok(quiet($files), "$kind: no file stays open") or diag(open_files() . " instead of $files");
    my $growth = memory() - $before;
    cmp_ok($growth, '<', $GROWTH, "$kind: $each clients leave, memory stays") or diag($before);
    note(sprintf '%s: %d KiB more, %d fetches', $kind, $growth, scalar $idp->hits);
    my $answer = $nginx->get('/each/good', $TOKEN);
    is($answer->{status}, 200, "$kind: then a client that stays");
    is($answer->{headers}{'x-pid'}, $pid, "$kind: is served by the same worker");
}

# Sources from variables: only so many are remembered.
my $remembered = 1024;
my $client;
for my $round (1 .. 3) {
    my $before = memory();
    my %tally;
    for my $number (1 .. $remembered + 50) {
        $client = $nginx->connect if $number % 500 == 1;
        $tally{$client->get("/own/small?own=$round-$number", $TOKEN)->{status}}++;
    }
    is_deeply(\%tally, {200 => $remembered + 50}, 'clients that stay, each with a source of its own');
    next if $round == 1;
    cmp_ok(memory() - $before, '<', $GROWTH, 'once there are many, memory stays');
}

$nginx->is_calm('crit', qr/\(24: |connect\(\)/);

done_testing();
