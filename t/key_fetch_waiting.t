# Where keys are kept, however briefly, one fetch is in flight for each source and worker: who comes
# meanwhile waits for it and shares it (whom it may serve is in key_request_sharing.t).
# Nobody is left hanging when a client leaves, the key server fails, nginx reloads or quits.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Http2;
use JWT::KeyServer;
use JWT::Server;

my $KEYS = JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'usual'));
my $GOOD = JWT::bearer();
my $FORGED = JWT::bearer(undef, secret => 'x');

# Slow means: long enough for everybody to come, on a slow machine, too.
my $SLOW = {body => $KEYS, wait => 0.5};

my ($listen_http2, $http2) = JWT::Server::http2();

my $idp = JWT::KeyServer->new;
my $address = $idp->address;
my $locations = <<"CONF";
        add_header X-Status \$auth_jwt_status always;
        add_header X-Pid \$pid always;
        location /keys/ { internal; proxy_read_timeout 2s; proxy_pass http://$address/; }
        location /stubborn/ {
            internal;
            proxy_ignore_client_abort on;
            proxy_pass http://$address/;
        }
        location /patient/ {
            internal;
            proxy_read_timeout 5s;
            proxy_pass http://$address/;
        }
        location /kept { auth_jwt "r"; auth_jwt_key_request /keys/slow; auth_jwt_key_cache 1h; empty_gif; }
        location /brief { auth_jwt "r"; auth_jwt_key_request /keys/slow; auth_jwt_key_cache 1ms; empty_gif; }
        location /two { auth_jwt "r"; auth_jwt_key_request /keys/slow; auth_jwt_key_request /keys/other; auth_jwt_key_cache 1ms; empty_gif; }
        location /turned { auth_jwt "r"; auth_jwt_key_request /keys/other; auth_jwt_key_request /keys/slow; auth_jwt_key_cache 1ms; empty_gif; }
        location /stubborn { auth_jwt "r"; auth_jwt_key_request /stubborn/slow; auth_jwt_key_cache 1ms; empty_gif; }
        location /patient { auth_jwt "r"; auth_jwt_key_request /patient/slow; auth_jwt_key_cache 1ms; empty_gif; }
        location /variable { auth_jwt "r"; auth_jwt_key_request /keys/slow?\$arg_x; empty_gif; }
        location /allowed { satisfy any; allow all; auth_jwt "r"; auth_jwt_key_request /keys/slow; auth_jwt_key_cache 1ms; empty_gif; }
        location /denied { deny all; auth_jwt "r"; auth_jwt_key_request /keys/slow; empty_gif; }
        location /limited { satisfy any; deny all; auth_jwt "r"; auth_jwt_key_request /keys/slow; auth_jwt_key_cache 1ms; empty_gif; }
        location /each { auth_jwt "r"; auth_jwt_key_request /keys/slow; empty_gif; }
        location /open { empty_gif; }
CONF
my $h2 = "    server { listen unix:%DIR%/h2.sock$listen_http2; $http2\n$locations }";

# A new nginx, so that nothing is kept; each has one key server.
sub nginx {
    my (%options) = @_;
    $idp->stop;
    $idp->start;
    $idp->answer('/slow' => $SLOW, '/other' => {body => $KEYS, wait => 0.2});
    $idp->forget;
    return JWT::Server->new(server => $locations, http => $h2, %options);
}

# Starts a GET on a connection of its own, with a good token where nothing else is said.
sub started {
    my ($nginx, $path, @lines) = @_;
    return $nginx->started($path, @lines ? @lines : $GOOD);
}

sub tally { return JWT::Connection::tally(@_) }

# Failures of key requests are logged as errors, and meant here.
sub is_calm { return $_[0]->is_calm('warn', qr/\[error\]/) }

# --- a cold, slow set -------------------------------------------------------------

for my $workers (1, 2) {
    for my $path ('/kept', '/brief') {
        my $nginx = nginx(workers => $workers);
        $idp->answer('/slow' => {body => $KEYS, wait => 1});
        my $begun = time;
        my @clients = map { started($nginx, $path, $_ % 5 ? $GOOD : $FORGED) } 1 .. 50;
        my (%tally, %workers);
        for my $client (@clients) {
            my $answer = $client->answer('GET');
            $tally{JWT::Connection::outcome_of($answer)}++;
            $workers{$answer->{headers}{'x-pid'}} = 1 if $answer;
        }
        is_deeply(\%tally, {'200 ok' => 40, '401 invalid_signature' => 10},
            "$workers workers, $path: fifty are answered right");
        is($idp->hits, scalar keys %workers, 'by one fetch for each worker that serves');
        cmp_ok(time - $begun, '<', 10, 'and each waits for one fetch, not for several');
        # Kept, or not.
        $idp->answer('/slow' => {body => $KEYS, wait => 0.1});
        $idp->forget;
        @clients = map { started($nginx, $path) } 1 .. 10;
        is_deeply(tally(@clients), {'200 ok' => 10}, 'so are ten more');
        my $hits = $idp->hits;
        if ($path eq '/kept' && $workers == 1) { is($hits, 0, 'without a fetch') }
        if ($path eq '/brief') { cmp_ok($hits, '>', 0, 'by another fetch') }
        is_calm($nginx);
    }
}

# --- what is shared, and what is not ---------------------------------------------------

{
    my $nginx = nginx();
    my @clients = map { started($nginx, "/variable?x=$_") } 1, 2, 1, 2, 3, 1;
    is_deeply(tally(@clients), {'200 ok' => 6}, 'URIs from variables');
    is_deeply([sort map { $_->{uri} } $idp->requests], [map {"/slow?$_"} 1, 1, 1, 2, 2, 3],
        'each fetches for itself');

    # The order of two sources differs: nobody waits for somebody who waits for him.
    $idp->forget;
    @clients = map { (started($nginx, '/two'), started($nginx, '/turned')) } 1 .. 5;
    is_deeply(tally(@clients), {'200 ok' => 10}, 'two sources, in either order');

    # Who needs no key does not wait.
    $idp->forget;
    my $waiting = started($nginx, '/brief');
    ok($idp->wait_for_hits(1), 'a fetch is under way');
    my $begun = time;
    is(started($nginx, '/open')->answer('GET')->{status}, 200, 'a location without auth_jwt');
    is(started($nginx, '/brief', 'X: y')->answer('GET')->{status}, 401, 'no token');
    is(started($nginx, '/brief', 'Authorization: Bearer x')->answer('GET')->{status}, 401,
        'a malformed token');
    is(started($nginx, '/allowed')->answer('GET')->{status}, 200, 'satisfy any, allowed');
    is(started($nginx, '/denied')->answer('GET')->{status}, 403, 'denied');
    cmp_ok(time - $begun, '<', 0.45, 'did not wait');
    is($waiting->answer('GET')->{status}, 200, 'who fetches is served');
    is($idp->hits, 1, 'and nobody else has fetched');
    is(started($nginx, '/limited')->answer('GET')->{status}, 200, 'satisfy any, denied, a token');

    # Without anybody who waits: still no fetch.
    $idp->forget;
    my @words = qw(malformed_token wrong_type unsupported_algorithm);
    for my $path ('/each', '/brief', '/kept', '/allowed', '/limited') {
        is($nginx->outcome($path, 'X: y'), $path eq '/allowed' ? 200 : '401 no_token', "$path: no token");
        is($nginx->outcome($path, 'Authorization: Bearer ' . JWT::refused($_)),
            $path eq '/allowed' ? 200 : "401 $_", "$path: $_") for @words;
    }
    started($nginx, '/allowed')->answer('GET');
    started($nginx, '/denied')->answer('GET');
    is($idp->hits, 0, 'no token, none that parses, an address that decides: no fetch');
    is_calm($nginx);
}

# --- a failure -----------------------------------------------------------

{
    my $nginx = nginx();
    my %failures = (
        'status 500' => {status => 500, wait => 0.3}, 'an empty answer' => {body => '', wait => 0.3},
        'closed' => {silent => 1, wait => 0.5}, 'a time-out' => {silent => 1, then => 'hang'},
        'too large' => {body => $KEYS, length => undef, then => 'flood', wait => 0.3},
        'half an answer' => {body => $KEYS, length => 5000, wait => 0.3},
    );
    for my $name (sort keys %failures) {
        $idp->forget;
        $idp->answer('/slow' => $failures{$name});
        $nginx->new_lines;
        my @clients = map { started($nginx, '/brief') } 1 .. 10;
        is_deeply(tally(@clients), {'500 keys_unavailable' => 10}, "$name: all get 500");
        is($idp->hits, 2, "$name: of one fetch, and one more for those who waited");
        my @lines = grep {/\[error\].* key request "\/keys\/slow"/} $nginx->new_lines;
        is(scalar @lines, 10, "$name: one line for each") or diag(@lines);
        $idp->answer('/slow' => {body => $KEYS});
        is_deeply(tally(started($nginx, '/brief')), {'200 ok' => 1}, "$name: then recovery");
    }
    is_calm($nginx);
}

# Who waited for a fetch that failed asks once more, and is served where that succeeds.
{
    my $nginx = nginx();
    $idp->answer('/slow' => {status => 503, wait => 0.5});
    my @clients = map { started($nginx, '/kept') } 1 .. 10;
    ok($idp->wait_for_hits(1), 'one fetches, which will fail');
    sleep 0.1;
    $idp->answer('/slow' => {body => $KEYS, wait => 0.1});
    is_deeply(tally(@clients), {'200 ok' => 9, '500 keys_unavailable' => 1}, 'the nine who waited are served');
    is($idp->hits, 2, 'by one more fetch, which they share');
    my @lines = grep {/\[error\].*key request/} $nginx->new_lines;
    is(scalar @lines, 1, 'one line, of the one that failed') or diag(@lines);
    is_calm($nginx);
}

# --- clients that leave -----------------------------------------------------------------------

{
    my $nginx = nginx();
    for my $who ('leader', 'follower') {
        for my $path ('/brief', '/stubborn', '/two', '/turned') {
            $idp->forget;
            my @clients = started($nginx, $path);
            $idp->wait_for_hits(1);
            push @clients, map { started($nginx, $path) } 1 .. 5;
            sleep 0.1;
            splice @clients, $who eq 'leader' ? 0 : 2, 1;
            is_deeply(tally(@clients), {'200 ok' => 5}, "$path: the $who leaves, the others are served");
            cmp_ok($idp->hits('/slow'), '<=', $who eq 'leader' && $path ne '/stubborn' ? 2 : 1,
                "$path: and at most one more fetches") if $path =~ /brief|stubborn/;
        }
    }

    # One after the other, each while it fetches; the last one stays.
    $idp->forget;
    my @clients = map { started($nginx, '/brief') } 1 .. 6;
    while (@clients > 1) {
        sleep 0.15;
        shift @clients;
    }
    is_deeply(tally(@clients), {'200 ok' => 1}, 'whoever fetches leaves, the last is served');

    # All leave; the next one fetches.
    for my $path ('/kept', '/brief', '/two', '/stubborn') {
        @clients = map { started($nginx, $path) } 1 .. 5;
        sleep 0.1;
        @clients = ();
        is_deeply(tally(started($nginx, $path)), {'200 ok' => 1}, "$path: all leave, the next is served");
    }

    # Half of them close only their side: they still want their answer, or at least harm nobody.
    @clients = map { started($nginx, '/brief') } 1 .. 4;
    sleep 0.1;
    shutdown $_->{socket}, 1 for @clients[0, 2];
    is_deeply(tally(@clients[1, 3]), {'200 ok' => 2}, 'half-closed connections beside them');
    is_calm($nginx);
}

# Who fetches needs no keys any more once they come, as its realm is "off" or its token gone by then, and stays for
# long: others fetch for themselves.
for my $fickle ('auth_jwt $realm;', 'auth_jwt "r" token=$token; auth_jwt_optional on;') {
    my $nginx = nginx(http => <<'HTTP', server => <<"SERVER");
        map $request_time $realm { volatile; "~^0[.]" "r"; default off; }
        map $request_time $token { volatile; "~^0[.]" $http_x_token; default ""; }
HTTP
        $locations
        location /fickle { $fickle auth_jwt_key_request /keys/slow; auth_jwt_key_cache 1h; proxy_pass http://$address/hangs; }
SERVER
    $idp->answer('/slow' => {body => $KEYS, wait => 1.2}, '/hangs' => {silent => 1, then => 'hang'});
    my $leader = started($nginx, '/fickle', $GOOD, $GOOD =~ s/^Authorization: Bearer /X-Token: /r);
    ok($idp->wait_for_hits(1), "$fickle a fetch");
    my $follower = started($nginx, '/kept');
    ok($nginx->wait_until(sub { $idp->hits('/hangs') }), 'its request goes on without the keys');
    $idp->answer('/slow' => $SLOW);
    is_deeply(tally($follower, started($nginx, '/kept')), {'200 ok' => 2}, 'others get keys of their own');
    is_calm($nginx);
}

# A request and its FIN come in one event, while another one's fetch is under way.
for my $path ('/kept', '/each') {
    my $nginx = nginx(server => "access_log logs/access.log; $locations");
    $idp->answer('/slow' => {body => $KEYS, wait => 1.5});
    my $leader = started($nginx, $path);
    ok($idp->wait_for_hits(1), "$path: a fetch is under way");
    # While the worker sleeps, so that it sees both at once.
    my $has_left = sub { return scalar grep {/ 499 /} split /^/m, $nginx->read('logs/access.log') };
    my ($worker) = $nginx->wait_for_workers(1);
    JWT::Process::send_signal(STOP => $worker);
    my $leaving = started($nginx, $path);
    undef $leaving;
    JWT::Process::send_signal(CONT => $worker);
    $nginx->wait_until($has_left, 1);
    is($has_left->(), 1, 'who has left is noticed at once, not when the keys come');
    is($leader->outcome, '200 ok', 'and whoever fetches is served');
    is_calm($nginx);
}

# --- HTTP/2 ---------------------------------------------------------------------------------------

{
    my $nginx = nginx();
    my $directory = $nginx->directory;
    my $client = JWT::Http2->new("$directory/h2.sock");
    my @streams = map { $client->request(GET => '/brief', [$GOOD]) } 1 .. 20;
    is_deeply([map { $client->status($_) } @streams], [(200) x 20], 'twenty streams of a connection');
    is($idp->hits, 1, 'by one fetch');
    for my $who (0, 3) {
        @streams = map { $client->request(GET => '/brief', [$GOOD]) } 1 .. 6;
        sleep 0.1;
        my ($left) = splice @streams, $who, 1;
        $client->cancel($left);
        is_deeply([map { $client->status($_) } @streams], [(200) x 5], "stream $who is cancelled");
    }
    # Beside a connection that goes with all of its streams.
    my $other = JWT::Http2->new("$directory/h2.sock");
    $other->request(GET => '/brief', [$GOOD]);
    sleep 0.1;
    my $stream = $client->request(GET => '/brief', [$GOOD]);
    $other->request(GET => '/brief', [$GOOD]);
    sleep 0.1;
    undef $other;
    is($client->status($stream), 200, 'another connection leaves amid a fetch');
    is_calm($nginx);
}

# --- reload and shutdown -------------------------------------------------------------------------------

for my $path ('/kept', '/brief', '/two') {
    my $nginx = nginx(workers => 2);
    my @clients = map { started($nginx, $path) } 1 .. 10;
    ok($idp->wait_for_hits(1), "$path: a fetch is under way");
    sleep 0.1;
    $nginx->signal('HUP');
    my @later = map { sleep 0.02; started($nginx, $path) } 1 .. 10;
    is_deeply(tally(@clients, @later), {'200 ok' => 20}, 'HUP: all are served');
    undef $_ for @clients, @later;

    @clients = map { started($nginx, $path) } 1 .. 10;
    sleep 0.1;
    my $begun = time;
    $nginx->signal('QUIT');
    is_deeply(tally(@clients), {'200 ok' => 10}, 'QUIT: all are served');
    undef @clients;
    $nginx->stop;
    cmp_ok(time - $begun, '<', 20, 'QUIT: and nginx ends');
    is_calm($nginx);
}

{
    my $nginx = nginx();
    $idp->answer('/slow' => {silent => 1, then => 'hang'});
    my @clients = map { started($nginx, '/brief') } 1 .. 5;
    ok($idp->wait_for_hits(1), 'a fetch hangs');
    # Whom nginx has not accepted by then it does not know. One worker takes who comes in turn.
    is($nginx->get('/open')->{status}, 200, 'and all of them have come');
    my $begun = time;
    $nginx->signal('QUIT');
    is_deeply(tally(@clients), {'500 keys_unavailable' => 5}, 'QUIT: all are answered');
    undef @clients;
    $nginx->stop;
    cmp_ok(time - $begun, '<', 20, 'and nginx ends');
    is_calm($nginx);

    # TERM waits for nobody.
    $nginx = nginx();
    @clients = map { started($nginx, '/patient') } 1 .. 5;
    ok($idp->wait_for_hits(1), 'a fetch is under way');
    $begun = time;
    $nginx->signal('TERM');
    is_deeply(tally(@clients), {nothing => 5}, 'TERM: the connections end');
    $nginx->stop;
    cmp_ok(time - $begun, '<', 10, 'and nginx ends at once');
    is_calm($nginx);
}

done_testing();
