# Each entry from nginx is made to panic, by a module that is built for that (scripts/build --panics):
# the request or the configuration fails, the worker lives and serves on.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::KeyServer;
use JWT::Metrics;
use JWT::Remote;
use JWT::Server;

my $module = $ENV{AUTH_JWT_PANICS_MODULE};
plan skip_all => 'AUTH_JWT_PANICS_MODULE names no module of scripts/build --panics' unless $module;

my $SERVER = <<'CONF';
        location = /keys { internal; alias %DIR%/html/keys; }
        location = /slow { internal; proxy_pass http://KEY_SERVER; }
        location = /late { internal; proxy_pass http://KEY_SERVER; }
        location /plain { return 200 plain; }
        location /metrics { auth_jwt_metrics; }
        location /resource { auth_jwt_resource https://a.example/mcp; }
        location /file {
            auth_jwt r;
            auth_jwt_key_file %DIR%/html/keys;
            add_header X-Sub $jwt_claim_sub always;
            alias %DIR%/html/page;
        }
        location /issuers {
            auth_jwt r;
            auth_jwt_issuers shop;
            auth_jwt_audience api $arg_audience;
            auth_jwt_dry_run on;
            add_header X-Issuer $auth_jwt_issuer always;
            alias %DIR%/html/page;
        }
        location /fetched {
            auth_jwt r;
            auth_jwt_key_request /keys;
            alias %DIR%/html/page;
        }
        location /shared {
            auth_jwt r;
            auth_jwt_key_request /slow;
            auth_jwt_key_cache 1h;
            alias %DIR%/html/page;
        }
        location /too_late {
            auth_jwt r;
            auth_jwt_key_request /late;
            alias %DIR%/html/page;
        }
CONF

my %keys = JWT::key_files();
my $idp = JWT::KeyServer->new;
$idp->answer('/slow' => {body => $keys{'good.jwks'}, wait => 0.5}, '/late' => {body => $keys{'good.jwks'}, wait => 4});
my $address = $idp->address;
$SERVER =~ s/KEY_SERVER/$address/g;
my %options = (
    server => $SERVER,
    http => 'auth_jwt_issuer shop { issuer a; audience any; key_file %DIR%/html/keys; }',
    load => "load_module $module;",
    files => {'html/keys' => $keys{'good.jwks'}, 'html/page' => "page\n"},
);

sub server_that_panics_in {
    my ($entry) = @_;
    local $ENV{AUTH_JWT_PANIC} = $entry;
    return JWT::Server->new(%options);
}

sub children {
    my ($nginx) = @_;
    my ($master) = $nginx->read('nginx.pid') =~ /(\d+)/ or return;
    open my $file, '<', "/proc/$master/task/$master/children" or return;
    return split ' ', <$file> // '';
}

# So many of them, once they are there: nginx listens before it starts them.
sub workers {
    my ($nginx, $count) = @_;
    my $until = time + 10;
    sleep 0.02 while time < $until && (children($nginx) || 0) < ($count // 1);
    return join ' ', sort { $a <=> $b } children($nginx);
}

# A configuration is refused.
for my $entry (qw(Configure Create Set Merge)) {
    local $ENV{AUTH_JWT_PANIC} = $entry;
    my $nginx = JWT::Server->prepared(%options);
    my ($content, $text) = $nginx->checked;
    ok(!$content, "$entry: nginx -t refuses the configuration");
    like($text, qr/test failed/, "$entry: and tells so");
    unlike($text, qr/signal|core dumped/, "$entry: without a crash");
}

# A request fails; those that do not pass the entry are served by the same worker.
my %expected = (
    Access => {file => [500], issuers => [500], fetched => [500]},
    # Each request passes it, where a server has a resource.
    Metadata => {file => [500], plain => [500], '.well-known/oauth-protected-resource/mcp' => [500]},
    Metrics => {file => [200], metrics => [500]},
    # Access has been granted by then.
    Precontent => {file => [500], issuers => [500], fetched => [500]},
    # nginx takes a variable that fails for one without a value.
    Variable => {file => [200], issuers => [200], fetched => [200]},
    # The filter sees each response, so none gets out whole.
    BodyFilter => {file => [0, 200], fetched => [0, 200, 500], plain => [0, 200]},
    # The keys have come by then.
    SubrequestEnded => {file => [200], fetched => [200]},
    Drop => {file => [200], fetched => [200]},
);
for my $entry (sort keys %expected) {
    my $nginx = server_that_panics_in($entry);
    my $before = workers($nginx);
    my %want = (plain => [200], %{$expected{$entry}});
    for my $round (1 .. 2) {
        for my $location (sort keys %want) {
            my $started = time;
            my $answer = eval { $nginx->get("/$location", JWT::bearer()) } // {status => 0};
            my $status = $answer->{status} // 0;
            ok((grep { $_ == $status } @{$want{$location}}),
                "$entry, round $round: /$location is answered with $status");
            cmp_ok(time - $started, '<', 5, "$entry, round $round: /$location does not hang");
        }
    }
    is(workers($nginx), $before, "$entry: the worker lives");
    like($nginx->error_log, qr/\[crit\].*auth_jwt: panic at/, "$entry: the log says where");
    unlike($nginx->error_log, qr/exited on signal/, "$entry: nothing crashed");
}

# Who waits for another request's fetch is woken by an entry of its own.
{
    my $nginx = server_that_panics_in('Resume');
    my $before = workers($nginx);
    my ($first, $second) = map { $nginx->connect } 1, 2;
    $first->request('GET', '/shared', JWT::bearer());
    # One worker takes the requests in turn, so that this one waits for the other's fetch.
    is($nginx->get('/plain')->{status}, 200, 'Resume: the first request has been taken');
    $second->request('GET', '/shared', JWT::bearer());
    is($first->answer('GET')->{status}, 200, 'Resume: who fetches is answered');
    is($second->answer('GET')->{status}, 500, 'Resume: who waited, too');
    is($nginx->get('/shared', JWT::bearer())->{status}, 200, 'Resume: and who comes later');
    is(workers($nginx), $before, 'Resume: the worker lives');
    like($nginx->error_log, qr/auth_jwt: panic at/, 'Resume: the log says where');
}

# The deadline of a key request is a second in this module. Its timer is set again, so that the
# request is ended as soon as that goes without a panic.
{
    my $nginx = JWT::Server->new(%options);
    my $started = time;
    is($nginx->get('/too_late', JWT::bearer())->{status}, 500, 'no panic: a key request that takes too long is ended');
    cmp_ok(time - $started, '<', 3, 'no panic: at its deadline');
}
{
    my $nginx = server_that_panics_in('Deadline');
    my $before = workers($nginx);
    my $late = $nginx->connect;
    $late->request('GET', '/too_late', JWT::bearer());
    is($nginx->get('/file', JWT::bearer())->{status}, 200, 'Deadline: others are served meanwhile');
    my $answer = $late->answer('GET');
    is($answer->{status}, 200, 'Deadline: the answer counts when it comes after all');
    is(workers($nginx), $before, 'Deadline: the worker lives');
    my $panics = () = $nginx->error_log =~ /\[crit\].*auth_jwt: panic at/g;
    cmp_ok($panics, '>=', 2, 'Deadline: the log says where, each time');
    cmp_ok($panics, '<=', 4, 'Deadline: which is once a second');
    unlike($nginx->error_log, qr/exited on signal/, 'Deadline: nothing crashed');
}

# A worker that nginx could not start is not started again: there would be none for ever.
sub status_of {
    my ($nginx, @lines) = @_;
    my $answer = $nginx->get('/file', @lines);
    return $answer ? $answer->{status} : 'no answer';
}
for my $process ('with a master', 'without one') {
    my $nginx = do {
        local $ENV{AUTH_JWT_PANIC} = 'InitProcess';
        eval { JWT::Server->new(%options, workers => 2, main => $process eq 'without one' ? 'master_process off;' : '') };
    };
    ok($nginx, "InitProcess, $process: nginx starts") or diag($@), next;
    my $count = $process eq 'without one' ? 0 : 2;
    my $before = workers($nginx, $count);
    for my $round (1 .. 4) {
        is(status_of($nginx, JWT::bearer()), 200, "InitProcess, $process: a good token passes");
        is(status_of($nginx), 401, "InitProcess, $process: none does not");
    }
    is(workers($nginx, $count), $before, "InitProcess, $process: the workers live");
    # One of them may be about to start, while the other serves.
    my $panics = sub { return scalar(() = $nginx->error_log =~ /panicked at|auth_jwt: panic at/g) };
    $nginx->wait_until(sub { $panics->() >= ($count || 1) });
    is($panics->(), $count || 1, "InitProcess, $process: the log tells, once for each worker");
    unlike($nginx->error_log, qr/exited|fatal/, "InitProcess, $process: none was lost");
    next unless $count;
    $nginx->signal('HUP');
    my $until = time + 10;
    sleep 0.02 while time < $until && $nginx->error_log !~ /(?:.*exited with code 0){2}/s;
    isnt(workers($nginx, $count), $before, "InitProcess, $process: a reload brings new ones");
    is(status_of($nginx, JWT::bearer()), 200, "InitProcess, $process: which serve");
}

# Keys by URL: what panics costs the files, the last lines of a worker, or the lines of the thread; keys serve.
for my $entry (qw(InitModule ExitProcess Tick)) {
    my $remote = JWT::Remote->new;
    my $nginx = do {
        local $ENV{AUTH_JWT_PANIC} = $entry;
        JWT::Server->new($remote->options('', load => "load_module $module;", workers => 2));
    };
    my $before = workers($nginx, 2);
    ok($remote->wait_for_hits(1), "$entry: keys are fetched");
    # Who comes before they are there is woken by the timer, which panics where it is told to.
    sleep 1;
    is($nginx->outcome('/', $remote->bearer('one')), '200 ok', "$entry: and serve") for 1 .. 4;
    is($nginx->outcome('/'), '401 no_token', "$entry: no token does not pass");
    is(workers($nginx, 2), $before, "$entry: the workers live");
    $nginx->signal('HUP');
    my $until = time + 10;
    sleep 0.02 while time < $until && $nginx->error_log !~ /(?:.*exited with code 0){2}/s;
    isnt(workers($nginx, 2), $before, "$entry: a reload brings new ones");
    sleep 1;
    is($nginx->outcome('/', $remote->bearer('one')), '200 ok', "$entry: which serve");
    ok(!-e $nginx->directory . '/temp/auth_jwt', "$entry: there is no directory") if $entry eq 'InitModule';
    $nginx->stop;
    my $told = $entry eq 'InitModule' ? $nginx->read('logs/stdout') . $nginx->error_log : $nginx->error_log;
    like($told, qr/panicked at|\[crit\].*auth_jwt: panic at/, "$entry: something tells");
    unlike($nginx->error_log, qr/exited on signal|exited with code [^0]|fatal/, "$entry: nothing crashed");
}

# Counters that could not be made ready: nothing is counted, and all else goes on.
{
    my $nginx = server_that_panics_in('InitModule');
    my $before = workers($nginx);
    is($nginx->get('/file', JWT::bearer())->{status}, 200, 'InitModule, metrics: a good token passes');
    is($nginx->get('/issuers')->{status}, 200, 'InitModule, metrics: and the dry run');
    is_deeply(JWT::Metrics->of($nginx)->verdicts, {}, 'InitModule, metrics: nothing has been counted');
    is(workers($nginx), $before, 'InitModule, metrics: the worker lives');
    unlike($nginx->error_log, qr/exited on signal/, 'InitModule, metrics: nothing crashed');
}

done_testing;
