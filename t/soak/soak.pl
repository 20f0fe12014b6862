# The parts of scripts/soak, which says what they are.
use strict;
use warnings;
use utf8;

use Digest::SHA qw(hmac_sha256);
use File::Temp ();
use FindBin;
use List::Util qw(max min sum0);
use MIME::Base64 qw(encode_base64url);
use POSIX ();
use Time::HiRes qw(sleep time);

use Bound;
use Clients;
use Counted;
use Figures qw(compared figure memory_and_files number progress worse);
use JWT;
use JWT::Server;
use Rotation;
use Watch;

binmode STDOUT, ':utf8';
binmode STDERR, ':utf8';
$| = 1;
my $QUICK = @ARGV && $ARGV[0] eq '--quick' ? shift @ARGV : '';
my @PARTS = @ARGV ? @ARGV : qw(load abort reload kill locations keys tokens fetch urls bound);

sub amount { return $QUICK ? $_[1] : $_[0] }

my $REQUESTS = amount(10_000_000, 300_000);
my $ABORTED = amount(10_000, 1_000);
my $RELOADS = amount(500, 12);
my $KILLS = amount(20, 4);
my $LOCATIONS = 10_000;
my $KEYS = 10_000;
my $TOKENS = amount(1_000_000, 50_000);
my $ROTATING = amount(3600, 30);
my $BOUND = amount(600, 8);
my $CONNECTIONS = 64;
my $PATIENCE = 30;

my $scratch = File::Temp->newdir('soak-XXXXXX', TMPDIR => 1);

# So many good tokens in a file, one a line.
sub write_tokens {
    my ($count, $secret) = @_;
    my $name = "$scratch/tokens-$count";
    return $name if -s $name;
    my $head = encode_base64url('{"alg":"HS256","kid":"always"}', '') . '.';
    open my $file, '>', $name or die "cannot write $name: $!";
    for my $number (1 .. $count) {
        my $input = $head . encode_base64url(qq({"sub":"user $number","exp":9999999999,"groups":["a","b"]}), '');
        print {$file} $input, '.', encode_base64url(hmac_sha256($input, $secret), ''), "\n";
    }
    close $file or die "cannot write $name: $!";
    return $name;
}

my $KEYS_USUAL = JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'always'));

# Two workers on a TCP port, which wrk needs and of which they have a like share, and the rest that options say.
sub server {
    my (%options) = @_;
    my $port = JWT::Process::free_port();
    my $http = $options{http} // '';
    my $nginx = JWT::Server->new(
        workers => 2,
        log_level => 'error',
        %options,
        files => {'html/keys' => $KEYS_USUAL, %{$options{files} // {}}},
        http => <<"CONF",
    keepalive_requests 1000000;
    $http
    $Counted::SERVER
    server {
        listen 127.0.0.1:$port backlog=4096 reuseport;
        location / { auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; auth_jwt_require \$jwt_claim_sub; empty_gif; }
    }
CONF
    );
    return ($nginx, "http://127.0.0.1:$port/", Watch->new($nginx));
}

# Runs wrk for so many seconds, and calls $meanwhile each half a second. Gives what mixed.lua counted.
sub wrk {
    my ($url, $seconds, $tokens, $shares, $meanwhile) = @_;
    my $result = "$scratch/result";
    unlink $result;
    my $pid = fork // die "cannot fork: $!";
    if (!$pid) {
        open STDOUT, '>', "$scratch/wrk.log";
        open STDERR, '>&', \*STDOUT;
        $ENV{SOAK_RESULT} = $result;
        exec 'wrk', '-t2', "-c$CONNECTIONS", "-d${seconds}s", '--timeout', '10s', '-s', "$FindBin::Bin/mixed.lua", $url, '--', $tokens, $shares or POSIX::_exit(127);
    }
    my $begun = time;
    while (waitpid($pid, POSIX::WNOHANG()) == 0) {
        # While the connections are there.
        $meanwhile->() if time > $begun + 1 && time < $begun + $seconds - 0.5;
        sleep 0.5;
    }
    open my $file, '<', $result or die 'wrk told nothing: ' . qx(cat $scratch/wrk.log);
    return {map {split} <$file>};
}

my $NEVER = qr/(?!)/;
my %part;

$part{load} = sub {
    my ($nginx, $url, $watch) = server();
    my $tokens = write_tokens(amount(200_000, 20_000), $JWT::SECRET);
    my %sums;
    my ($seconds, $rounds) = (amount(60, 5), 0);
    # Until each worker has seen as many tokens as it keeps.
    wrk($url, $seconds, $tokens, '0 100 0', sub { });
    sleep 1;
    my $counted = Counted->new($nginx);
    while (($sums{requests} // 0) < $REQUESTS) {
        my $seen = wrk($url, $seconds, $tokens, '60 25 12', sub { $watch->sample });
        $sums{$_} += $seen->{$_} for keys %$seen;
        $rounds++;
        progress(number($sums{requests}) . ' requests');
    }
    my $rate = $sums{requests} / ($sums{duration} / 1e6);
    figure('load: requests (60 % hot tokens, 25 % of many, 12 % bad, 3 % none)', number($sums{requests}) . ', ' . number($rate) . ' a second', $sums{requests} >= $REQUESTS);
    figure('load: 200 for good tokens', number($sums{passed}) . ' of ' . number($sums{passes}) . ' sent', abs($sums{passes} - $sums{passed}) <= $rounds * $CONNECTIONS);
    figure('load: 401 for the rest', number($sums{refused}) . ' of ' . number($sums{fails}) . ' sent', abs($sums{fails} - $sums{refused}) <= $rounds * $CONNECTIONS);
    figure('load: other answers, broken connections', "$sums{others}, $sums{broken}", $sums{others} + $sums{broken} == 0);
    # wrk does not know which of the others is which.
    my %since = %{$counted->since};
    my $refused = sum0(map { $_ eq 'ok' ? 0 : $since{$_} } keys %since);
    my @counts = ([$since{ok}, @sums{qw(passed passes)}], [$refused, @sums{qw(refused fails)}]);
    figure('load: verdicts counted, between answers and requests', join(', ', map { number($_->[0]) . ' (' . number($_->[1]) . ' to ' . number($_->[2]) . ')' } @counts),
        !grep { $_->[0] < $_->[1] || $_->[0] > $_->[2] } @counts);
    memory_and_files($watch, 'load');
    figure('load: lines at error or worse', worse($nginx, $NEVER), worse($nginx, $NEVER) == 0);
};

$part{abort} = sub {
    my ($nginx, undef, $watch) = server(server => <<'CONF');
        location / { auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; empty_gif; }
        location /large { auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; client_max_body_size 10m; proxy_pass http://unix:%DIR%/nobody.sock; }
        location /page { auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; alias %DIR%/html/page; }
CONF
    $nginx->write('html/page', 'x' x (4 << 20));
    my $kinds = Clients::abort($nginx, $ABORTED, sub { $watch->sample });
    sleep 1;
    $watch->sample for 1 .. 3;
    figure('abort: connections broken off (' . join(', ', @$kinds) . ')', number($ABORTED), undef);
    memory_and_files($watch, 'abort');
    my $allowed = qr/nobody\.sock/;
    figure('abort: lines at error or worse', worse($nginx, $allowed), worse($nginx, $allowed) == 0);
    my $status = $nginx->get('/', JWT::bearer(undef, kid => 'always'))->{status};
    figure('abort: then a good request', $status, $status == 200);
};

$part{reload} = sub {
    my ($nginx, undef, $watch) = server(server => <<'CONF', log_level => 'notice');
        location /file { auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; add_header X-Status $auth_jwt_status always; empty_gif; }
        location /kept { auth_jwt "r"; auth_jwt_key_request /html/keys; auth_jwt_key_cache 1h; add_header X-Status $auth_jwt_status always; empty_gif; }
        location /html/ { internal; root %DIR%; }
CONF
    my $counted = Counted->new($nginx);
    my $clients = Clients->new($nginx, 4);
    my ($started, $late, %mine) = (time, 0);
    for my $round (1 .. $RELOADS) {
        $nginx->replace('html/keys', JWT::key_set(map { JWT::jwk($_->[1], kid => $_->[0]) } ['always', $JWT::SECRET], ["round $round", "secret $round"]));
        my %old = map { $_ => 1 } $watch->workers;
        $nginx->signal('HUP');
        my $until = time + $PATIENCE;
        sleep 0.01 while time < $until && grep { $old{$_} } $watch->workers;
        $late++ if grep { $old{$_} } $watch->workers;
        for my $path ('/file', '/kept') {
            my $seen = $nginx->get($path, JWT::bearer(undef, kid => "round $round", secret => "secret $round"));
            $late++ if !$seen || $seen->{status} != 200;
            $mine{$seen->{headers}{'x-status'}}++ if $seen;
        }
        $watch->sample;
        progress("$round reloads") if $round % 50 == 0;
    }
    my ($asked, @wrong) = $clients->stop;
    progress($_) for @wrong[0 .. min($#wrong, 4)];
    $mine{$_} += $clients->{answered}{$_} for keys %{$clients->{answered}};
    compared('reload', $counted, \%mine, $clients->{lost});
    figure('reload: reloads with new keys, under load', sprintf('%d in %d s', $RELOADS, time - $started), undef);
    figure('reload: new keys not in use, or old workers still there', $late, $late == 0);
    figure('reload: answers checked, wrong or missing ones', number($asked) . ', ' . @wrong, !@wrong && $asked > 0);
    memory_and_files($watch, 'reload');
    figure('reload: lines at error or worse', worse($nginx, $NEVER), worse($nginx, $NEVER) == 0);
};

$part{kill} = sub {
    my ($nginx, $url, $watch) = server();
    my $tokens = write_tokens(amount(200_000, 20_000), $JWT::SECRET);
    my ($kills, $in_flight, @back) = (0, 0);
    my $counted = Counted->new($nginx);
    my $next = time + 1;
    my $seen = wrk($url, int(1.5 * $KILLS) + 3, $tokens, '60 40 0', sub {
        return if $kills == $KILLS || time < $next;
        my @workers = $watch->workers;
        my $victim = $workers[$kills % @workers];
        $in_flight += Watch::connections($victim, $url =~ /:(\d+)/);
        my $begun = time;
        JWT::Process::send_signal(KILL => $victim);
        $kills++;
        sleep 0.002 until time > $begun + $PATIENCE || grep { !{map { $_ => 1 } @workers}->{$_} } $watch->workers;
        push @back, time - $begun;
        $next = time + 0.9;
    });
    figure('kill: workers killed with SIGKILL under load', $kills, $kills == $KILLS);
    figure('kill: connections of theirs, requests that failed', "$in_flight, $seen->{broken}", $seen->{broken} <= $in_flight);
    figure('kill: other answers than 200', $seen->{others} + $seen->{refused}, $seen->{others} + $seen->{refused} == 0);
    compared('kill', $counted, {ok => $seen->{passed}}, $seen->{passes} - $seen->{passed});
    figure('kill: requests answered meanwhile', number($seen->{passed}), $seen->{passed} > 1000);
    figure('kill: until the new worker is there, longest', sprintf('%.0f ms', 1000 * max(@back)), undef);
};

# How long `nginx -t` takes (the median of five), and what master and worker have in memory.
sub start_up {
    my ($name, $line) = @_;
    my $nginx = JWT::Server->new(
        files => {'html/keys' => $KEYS_USUAL},
        server => join '', map {"location /l$_ { $line empty_gif; }\n"} 1 .. $LOCATIONS,
    );
    my @times;
    for (1 .. 5) {
        my $begun = time;
        $nginx->checked;
        push @times, time - $begun;
    }
    my $watch = Watch->new($nginx);
    $nginx->get("/l$_", JWT::bearer(undef, kid => 'always')) for 1, $LOCATIONS;
    my %told = (time => Watch::median(@times), master => Watch::memory($watch->master), worker => Watch::memory(($watch->workers)[0]));
    figure("locations: " . number($LOCATIONS) . " $name", sprintf('nginx -t %.0f ms, master %.1f MiB, worker %.1f MiB', 1000 * $told{time}, map { $_ / 1024 } @told{qw(master worker)}), undef);
    return \%told;
}

$part{locations} = sub {
    my $plain = start_up('plain ones', '');
    my $ours = start_up('with auth_jwt, a key file and a requirement', 'auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; auth_jwt_require $jwt_claim_sub;');
    my ($slower, $larger) = ($ours->{time} - $plain->{time}, $ours->{master} - $plain->{master});
    figure('locations: each of them takes', sprintf('%.1f µs, %.2f KiB', 1e6 * $slower / $LOCATIONS, $larger / $LOCATIONS), $slower < 2 && $larger < 100 * 1024);
};

$part{keys} = sub {
    my @all = map { JWT::jwk("secret number $_", kid => "k$_") } 1 .. $KEYS;
    my $nginx = JWT::Server->new(
        files => {'html/small' => $KEYS_USUAL, 'html/keys' => JWT::key_set(@all)},
        server => 'location ~ ^/(.+)$ { auth_jwt "r"; auth_jwt_key_file %DIR%/html/$1; auth_jwt_cache off; empty_gif; }',
    );
    my $worker = (Watch->new($nginx)->workers)[0];
    my $connection = $nginx->connect;
    my $ask = sub {
        my ($path, @token) = @_;
        my $begun = time;
        my $seen = $connection->get($path, JWT::bearer(undef, @token));
        return ($seen->{status}, 1000 * (time - $begun));
    };
    $ask->('/small', kid => 'always') for 1 .. 50;
    my $before = Watch::memory($worker);
    my ($status, $first) = $ask->('/keys', kid => "k$KEYS", secret => "secret number $KEYS");
    my ($grown, @later) = (Watch::memory($worker) - $before);
    for my $kid (map { 1 + int rand $KEYS } 1 .. 200) {
        my ($other, $took) = $ask->('/keys', kid => "k$kid", secret => "secret number $kid");
        $status = $other if $other != 200;
        push @later, $took;
    }
    figure('keys: a set of ' . number($KEYS) . ', first request with it', sprintf('%.0f ms', $first), $status == 200 && $first < 2000);
    figure('keys: later requests with it, median', sprintf('%.2f ms', Watch::median(@later)), Watch::median(@later) < 10);
    figure('keys: memory of the worker for it', sprintf('%.1f MiB', $grown / 1024), $grown < 64 * 1024);
    my $same = Watch::memory($worker);
    for my $round (1 .. amount(200, 20)) {
        $nginx->replace('html/keys', JWT::key_set(@all, JWT::jwk("round $round", kid => "round $round")));
        sleep 0.005;
        my ($seen) = $ask->('/keys', kid => "round $round", secret => "round $round");
        $status = $seen if $seen != 200;
    }
    my $after = Watch::memory($worker) - $same;
    figure('keys: ' . amount(200, 20) . ' such sets one after the other, more memory', sprintf('%.1f MiB', $after / 1024), $status == 200 && $after < 2 * $grown + 4096);
};

$part{tokens} = sub {
    my $tokens = write_tokens($TOKENS, $JWT::SECRET);
    for my $size (1, 16) {
        my ($nginx, $url, $watch) = server(http => "auth_jwt_cache ${size}m;");
        # A few tokens first: connections, and pages of the module itself.
        wrk($url, 3, $tokens, '100 0 0', sub { });
        my $before = sum0(map { Watch::memory($_) } $watch->workers);
        my ($sent, $wrong) = (0, 0);
        while ($sent < 2 * $TOKENS) {
            my $seen = wrk($url, amount(30, 3), $tokens, '0 100 0', sub { $watch->sample });
            $sent += $seen->{passed};
            $wrong += $seen->{others} + $seen->{refused} + $seen->{broken};
        }
        my $most = max(map { $_->{memory} } @{$watch->{samples}}) - $before;
        figure("tokens: " . number($TOKENS) . " different ones, auth_jwt_cache ${size}m, other answers than 200", $wrong, $wrong == 0);
        # Each of the two workers is allowed twice the size, and 2 MiB:
        # the size bounds what is kept, not what the heap makes of it.
        figure("tokens: auth_jwt_cache ${size}m, most memory the two workers have gained", sprintf('%.1f MiB', $most / 1024), $most < 2 * 1024 * (2 * $size + 2));
    }
};

$part{fetch} = sub {
    local $ENV{AUTH_JWT_LONG} = $QUICK ? '' : 1;
    my @files = glob 't/key_fetch_*.t';
    open my $output, '-|', 'prove', '-It/lib', @files or die "cannot run prove: $!";
    my @lines = <$output>;
    close $output;
    my $passed = $? == 0;
    progress(@lines[max(0, $#lines - 20) .. $#lines]) if !$passed;
    my ($counted) = map {/^(Files=\d+, Tests=\d+, +\d+ wallclock secs)/} @lines;
    figure('fetch: t/key_fetch_*.t' . ($QUICK ? '' : ' in the long form'), $counted // 'nothing', $passed);
};

# The heap gives large pieces back at once: else it keeps, for each thread, as much as the largest answer has ever
# taken, and what the module keeps could not be told from that.
my $FRUGAL = 'glibc.malloc.mmap_threshold=131072:glibc.malloc.trim_threshold=131072';

$part{urls} = sub {
    local $ENV{GLIBC_TUNABLES} = $FRUGAL;
    my $place = File::Temp->newdir('soak-urls-XXXXXX', TMPDIR => 1);
    my $rotation = Rotation->new("$place");
    my $nginx = $rotation->{remote}->nginx($rotation->parameters, workers => 2, log_level => 'notice', http => $Counted::SERVER);
    my $watch = Watch->new($nginx);
    my $token = $rotation->{tokens}{always};
    $nginx->wait_until(sub { $nginx->outcome('/', $token) eq '200 ok' }) for 1 .. 20;
    my $counted = Counted->new($nginx);
    $rotation->start_clients($nginx, 4);
    my ($begun, $next, $steps, $told) = (time, 0, 0, 0);
    while (time < $begun + $ROTATING) {
        if (time > $next) {
            $next = time + $rotation->step;
            $steps++;
        }
        sleep 0.25;
        # Connections to the provider come and go; the clients' are always there.
        $watch->sample;
        if (time > $begun + $told + 300) {
            $told += 300;
            progress("$told s, $steps steps");
        }
    }
    my %kinds = %{$rotation->{kinds}};
    my ($seen, @wrong) = $rotation->judge;
    progress($_) for @wrong[0 .. min($#wrong, 4)];
    figure(sprintf('urls: steps of a provider in %d s (%s)', $ROTATING, join ', ', map {"$_ $kinds{$_}"} sort keys %kinds), $steps, undef);
    figure('urls: answers, those that the model is certain of, wrong ones', join(', ', map { number($_) } $seen->{all}, $seen->{certain}, scalar @wrong), !@wrong && $seen->{certain} > 100);
    compared('urls', $counted, $seen->{statuses}, $seen->{lost} // 0);
    figure('urls: answers to known keys that came late', $seen->{late} // 0, !$seen->{late});
    memory_and_files($watch, 'urls');
    my $allowed = qr/keys cannot be fetched from/;
    figure('urls: lines at error or worse, but for fetches that failed', worse($nginx, $allowed), worse($nginx, $allowed) == 0);
};

$part{bound} = sub {
    my $bound = Bound->new(4);
    my ($nginx, undef, $watch) = server($bound->configuration, log_level => 'notice');
    $bound->run($nginx, $watch, $BOUND);
};

print "| what | figure | as it must be |\n|---|---|---|\n";
for my $name (@PARTS) {
    my $begun = time;
    progress("--- $name");
    eval { $part{$name}->(); 1 } or do {
        progress($@);
        figure("$name: it ran to its end", 'no', 0);
    };
    progress(sprintf '--- %s: %d s', $name, time - $begun);
}
if (my @broken = Figures::broken()) {
    progress('not as it must be: ', join '; ', @broken);
    exit 1;
}
