# Proofs of the directive auth_jwt_dpop that come twice: to one worker, to several at once, on one connection, across
# reloads and killed workers. A proof passes once, however it is repeated.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Bound;
use JWT::Connection;
use JWT::Dpop;
use JWT::Http2;
use JWT::KeyServer;
use JWT::Server;

plan skip_all => 'openssl is missing' unless JWT::OpenSSL::is_there();

my $ROUNDS = $ENV{TEST_NGINX_USE_VALGRIND} ? 3 : 25;
my $COPIES = 16;

my ($client, $other) = map { JWT::Dpop->new } 1, 2;
my $token = JWT::Bound::issued({$client->cnf});
my $FILE = 'auth_jwt_key_file %DIR%/html/good.jwks;';
my ($h2, $line2) = JWT::Server::http2();
my $LOCATIONS = <<"CONF";
    auth_jwt_key_file %DIR%/html/good.jwks;
    add_header X-Pid \$pid always;
    location / { auth_jwt_dpop required; empty_gif; }
    location /other { auth_jwt "other"; auth_jwt_issuers shop; auth_jwt_dpop optional; empty_gif; }
    location /open { auth_jwt off; empty_gif; }
CONF

sub nginx {
    my (%options) = @_;
    my ($http, $more) = map { delete $options{$_} // '' } qw(http server);
    return JWT::Bound->new(
        http => "$http add_header X-Pid \$pid always; server { listen unix:%DIR%/http2.sock$h2; $line2 auth_jwt_key_file %DIR%/html/good.jwks; location / { auth_jwt_dpop required; empty_gif; } }",
        server => $LOCATIONS =~ s/add_header X-Pid/add_header X-Status \$auth_jwt_status always; add_header X-Pid/r . $more,
        %options,
    );
}

my $HEADERS = 'add_header X-Pid $pid always; add_header X-Status $auth_jwt_status always;';
my $HTTP = 'auth_jwt "r";';

# Of the mock upstream, which answers without looking at tokens.
my $NO_KEYS = qr/no key source goes with "auth_jwt"/;
my $REPLAY = qr/proof: "jti" was used before,/;
my $URL = 'http://localhost';

# --- one worker --------------------------------------------------------------------------

{
    my $nginx = nginx();
    my @lines = $client->lines($token);
    $nginx->is_judged('the first time', ['/', @lines], '200 ok');
    $nginx->is_judged("again, $_", ['/', @lines], '401 invalid_proof', $REPLAY) for 1 .. 3;
    $nginx->is_judged('another proof', ['/', $client->lines($token)], '200 ok');

    # It is jti and key that count, not the bytes of the proof.
    my $jti = $client->identifier;
    my $proof = sub { my ($who, @options) = @_; return ('/', "Authorization: DPoP $token", $who->line(token => $token, jti => $jti, @options)) };
    $nginx->is_judged('a jti', [$proof->($client)], '200 ok');
    $nginx->is_judged('the same jti, signed anew', [$proof->($client)], '401 invalid_proof', $REPLAY);
    $nginx->is_judged('the same jti, made later', [$proof->($client, iat => int(time) + 5)], '401 invalid_proof', $REPLAY);
    $nginx->is_judged('the same jti, with more', [$proof->($client, claims => {nonce => 'x'}, header => {kid => 'x'})], '401 invalid_proof', $REPLAY);
    my $bytes = JWT::json({htm => 'GET', htu => "$URL/", iat => int time, jti => 'JTI', ath => JWT::Dpop::ath($token)});
    my $written = join '', map { sprintf '\u%04x', ord } split //, $jti;
    $nginx->is_judged('the same jti, written otherwise', ['/', "Authorization: DPoP $token",
        'DPoP: ' . $client->proof(payload => $bytes =~ s/JTI/$written/r)], '401 invalid_proof', $REPLAY);
    $nginx->is_judged('the same jti at another place', ['/other', "Authorization: DPoP $token",
        $client->line(token => $token, jti => $jti, htu => "$URL/other")], '401 invalid_proof', $REPLAY);
    my $second = JWT::Bound::issued({$client->cnf, sub => 'bob'});
    $nginx->is_judged('the same jti for another token', ['/', "Authorization: DPoP $second", $client->line(token => $second, jti => $jti)],
        '401 invalid_proof', $REPLAY);
    my $its = JWT::Bound::issued({$other->cnf});
    $nginx->is_judged('the same jti of another client is its own', ['/', "Authorization: DPoP $its", $other->line(token => $its, jti => $jti)], '200 ok');
    $nginx->is_judged('and once, too', ['/', "Authorization: DPoP $its", $other->line(token => $its, jti => $jti)], '401 invalid_proof', $REPLAY);
    $nginx->is_judged('another jti: ' . JWT::json($_), ['/', "Authorization: DPoP $token", $client->line(token => $token, jti => $_)], '200 ok')
        for uc "$jti.x", "$jti ", " $jti", "$jti\0", "$jti\n", "$jti-", substr($jti, 0, -1) . 'x', 'x', "\x{e9}", "\x{1f600}", 'a' x 5000, 'a' x 5001;

    # The key written otherwise is the same key.
    my $first = $client->proof(token => $token);
    $nginx->is_judged('a signature', ['/', "Authorization: DPoP $token", "DPoP: $first"], '200 ok');
    $nginx->is_judged('the other signature that there is for it', ['/', "Authorization: DPoP $token",
        'DPoP: ' . JWT::Dpop::with_other_signature($first)], '401 invalid_proof', $REPLAY);
    my $third = JWT::Dpop::with_other_signature($client->proof(token => $token));
    $nginx->is_judged('which is one as good as the first', ['/', "Authorization: DPoP $token", "DPoP: $third"], '200 ok');

    # What is refused for another reason is not recorded.
    my $wrong = $client->proof(token => $token, jti => my $spared = $client->identifier, htm => 'POST');
    $nginx->is_judged('refused for its method', ['/', "Authorization: DPoP $token", "DPoP: $wrong"], '401 invalid_proof', qr/htm/);
    my $forged = $client->proof(token => $token, jti => $spared, signer => $other);
    $nginx->is_judged('forged by another', ['/', "Authorization: DPoP $token", "DPoP: $forged"], '401 invalid_proof');
    $nginx->is_judged('its jti can be used', ['/', "Authorization: DPoP $token", $client->line(token => $token, jti => $spared)], '200 ok');

    # On one connection each request is one of its own.
    my $connection = $nginx->connect;
    my @kept = $client->lines($token);
    my $request = join "\r\n", 'GET / HTTP/1.1', 'Host: localhost', @kept, '', '';
    $connection->send_bytes($request x 5);
    is_deeply([map { $connection->outcome } 1 .. 5], ['200 ok', ('401 invalid_proof') x 4], 'pipelined: once');
    my $streams = JWT::Http2->new($nginx->directory . '/http2.sock');
    my @streamed = $client->lines($token);
    my @numbers = map { $streams->request('GET', '/', \@streamed) } 1 .. 10;
    my %tally;
    $tally{$streams->status($_)}++ for @numbers;
    is_deeply(\%tally, {200 => 1, 401 => 9}, 'HTTP/2, side by side on one connection: once');
    is($nginx->asked('/', @streamed)->{status}, 401, 'and over HTTP/1.1 it has been used, too');

    $nginx->is_calm('warn', $NO_KEYS);
}

# A token that could not be verified has not used up its proof.
{
    my $nginx = nginx(server => 'location /late { auth_jwt_key_file %DIR%/html/late.jwks; auth_jwt_dpop required; empty_gif; }');
    my @lines = $client->lines($token, htu => "$URL/late");
    is($nginx->asked('/late', @lines)->{status}, 500, 'without keys');
    $nginx->write('html/late.jwks', JWT::key_set(JWT::jwk($JWT::SECRET)));
    is($nginx->asked('/late', @lines)->{status}, 200, 'with keys, the same proof');
    is($nginx->asked('/late', @lines)->{status}, 401, 'and again');
}

# One process that is master and worker.
{
    my $nginx = nginx(main => 'master_process off;');
    my @lines = $client->lines($token);
    is_deeply([map { $nginx->asked('/', @lines)->{status} } 1 .. 3], [200, 401, 401], 'without a master: once');
}

# When its time is over, the jti is free, but the proof is refused.
{
    my $nginx = JWT::Bound->new(server => 'auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_dpop required window=5s; location / { empty_gif; }');
    my $early = $client->proof(token => $token, jti => my $again = $client->identifier);
    my $made = time;
    $nginx->is_judged('a short window', ['/', "Authorization: DPoP $token", "DPoP: $early"], '200 ok');
    sleep 0.1 until time > $made + 8;
    $nginx->is_judged('the proof, when its time is over', ['/', "Authorization: DPoP $token", "DPoP: $early"], '401 invalid_proof', qr/iat/);
    $nginx->is_judged('its jti, when its time is over', ['/', "Authorization: DPoP $token", $client->line(token => $token, jti => $again)], '200 ok');
}

# Where several levels have one URL, a proof passes once at all of them, however long each has it count.
{
    my %levels = (
        brief => 'auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_dpop required base=https://api.example window=5s;',
        long => 'auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_dpop required base=https://api.example window=1h;',
        lenient => 'auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_leeway 1h; auth_jwt_dpop required base=https://api.example window=5s;',
        issuer => 'auth_jwt_issuers late; auth_jwt_dpop required base=https://api.example window=5s;',
    );
    my $nginx = nginx(http => 'auth_jwt_issuer late { issuer https://shop.example; audience api; leeway 1h; key_file %DIR%/html/good.jwks; }'
            . join '', map {"server { listen unix:%DIR%/$_.sock; $levels{$_} location / { empty_gif; } }"} sort keys %levels);
    my $status = sub {
        my ($level, @lines) = @_;
        my $connection = $nginx->connect("$level.sock");
        $connection->request('GET', '/', @lines);
        return $connection->answer('GET')->{status};
    };
    my @lines = map { [$client->lines($token, htu => 'https://api.example/')] } 1 .. 4;
    my @levels = ('brief', 'long', 'lenient', 'issuer');
    my $made = time;
    is($status->($levels[$_], @{$lines[$_]}), 200, "$levels[$_]: a proof") for 0 .. 3;
    sleep 0.1 until time > $made + 8;
    for my $n (0 .. 3) {
        is($status->($_, @{$lines[$n]}), 401, "the one of $levels[$n], when its time is over for some: $_") for @levels;
    }
    $nginx->is_calm('warn', $NO_KEYS);
}

# However long the leeway, a proof counts for a day at the most.
{
    my $nginx = JWT::Bound->new(server => 'auth_jwt_key_file %DIR%/html/good.jwks; auth_jwt_leeway 40y; auth_jwt_dpop required; location / { empty_gif; }');
    my ($day, $now) = (24 * 3600, time);
    $nginx->is_judged("a leeway of years: $_->[0]", ['/', $client->lines($token, iat => int $now + $_->[1])], @$_[2 .. $#$_])
        for ['a day ago', -$day + 60, '200 ok'], ['longer ago', -$day - 60, '401 invalid_proof', qr/"iat" is too long ago/],
        ['in a day', $day - 60, '200 ok'], ['later', $day + 60, '401 invalid_proof', qr/"iat" is in the future/];
}

# A reload that lets proofs count for longer: one whose time was over may have been used, and nobody knows any more.
{
    my $nginx = JWT::Bound->new(server => "location / { $FILE auth_jwt_dpop required window=2s; $HEADERS empty_gif; }");
    my ($made, @lines) = (time, $client->lines($token));
    my @unused = $client->lines($token);
    is(JWT::Connection::outcome_of($nginx->asked('/', @lines)), '200 ok', 'a window of two seconds');
    sleep 0.1 until time > $made + 5;
    my @old = $nginx->workers;
    $nginx->configure(http => $HTTP, server => "location / { $FILE auth_jwt_dpop required window=1h; $HEADERS empty_gif; }");
    $nginx->signal('HUP');
    $nginx->wait_for_workers(1, @old);
    $nginx->told;
    is(JWT::Connection::outcome_of($nginx->asked('/', @lines)), '401 invalid_proof', 'a window of an hour: one that was used') for 1 .. 3;
    my @told = $nginx->told;
    is(scalar(grep {/\[info\] .*invalid DPoP proof: whether "jti" was used before is not known any more,/} @told), 3, 'which is told');
    is(scalar(grep {/\[warn\] .*DPoP proofs are refused that may have been used before: the clock was set, or a reload lets proofs count for longer/} @told), 1, 'and why, once');
    is(JWT::Connection::outcome_of($nginx->asked('/', @unused)), '401 invalid_proof', 'one that was not used, of the same time');
    my @new = $client->lines($token);
    is(JWT::Connection::outcome_of($nginx->asked('/', @new)), '200 ok', 'a new one');
    is(JWT::Connection::outcome_of($nginx->asked('/', @new)), '401 invalid_proof', 'and that again');
}

# A configuration that nginx refuses changes nothing.
{
    my $location = "location / { $FILE auth_jwt_dpop required; $HEADERS empty_gif; }";
    my $nginx = JWT::Bound->new(server => $location);
    my @lines = $client->lines($token);
    is(JWT::Connection::outcome_of($nginx->asked('/', @lines)), '200 ok', 'before a reload that is refused');
    my @old = $nginx->workers;
    # An address of no interface.
    $nginx->configure(http => $HTTP, server => "listen 203.0.113.9:80; $location location /long { auth_jwt_leeway 40y; $FILE auth_jwt_dpop required window=1h; }");
    $nginx->signal('HUP');
    ok($nginx->wait_until(sub { $nginx->error_log =~ /\[emerg\].*bind\(\) to 203[.]0[.]113[.]9:80 failed/ }), 'nginx refuses it');
    is_deeply([$nginx->workers], \@old, 'the workers stay');
    $nginx->configure(http => $HTTP, server => $location);
    $nginx->signal('HUP');
    $nginx->wait_for_workers(1, @old);
    $nginx->told;
    is(JWT::Connection::outcome_of($nginx->asked('/', $client->lines($token, iat => int time - 30))), '200 ok', 'the next: one that is half a minute old');
    is(JWT::Connection::outcome_of($nginx->asked('/', @lines)), '401 invalid_proof', 'and the first again');
    is(scalar(grep {/may have been used/} $nginx->told), 0, 'nothing is forgotten');
}

# --- while keys are waited for ---------------------------------------------------------------

{
    my $idp = JWT::KeyServer->new(answers => {'/keys' => {wait => 1, body => JWT::key_set(JWT::jwk($JWT::SECRET))}});
    my $nginx = nginx(server => "location /waits { auth_jwt_key_cache 1h; auth_jwt_key_request /_keys; auth_jwt_dpop required; empty_gif; } location = /_keys { internal; proxy_pass http://@{[$idp->address]}/keys; }");
    my @lines = $client->lines($token, htu => "$URL/waits");
    my @connections = map { $nginx->started('/waits', @lines) } 1 .. 8;
    is_deeply(JWT::Connection::tally(@connections), {'200 ok' => 1, '401 invalid_proof' => 7}, 'copies that wait for one key request: once');
    my @asked = $idp->requests;
    is(scalar @asked, 1, 'one request for keys');
    is_deeply([grep {/dpop|authorization/} keys %{$asked[0]{headers}}], [], 'with neither the token nor the proof');
    $nginx->is_calm('error');
}
{
    my $idp = JWT::KeyServer->new(answers => {'/keys' => {body => JWT::key_set(JWT::jwk($JWT::SECRET))}});
    my $nginx = nginx(server => "location /waits { auth_jwt_key_request /_keys; auth_jwt_dpop required; empty_gif; } location = /_keys { internal; proxy_pass http://@{[$idp->address]}/keys; }");
    is($nginx->asked('/waits', $client->lines($token, htu => "$URL/waits"))->{status}, 200, 'a key request of its own');
    is_deeply([grep {/dpop|authorization/} map { keys %{$_->{headers}} } $idp->requests], [], 'has neither the token nor the proof');
}

# --- several workers ----------------------------------------------------------------------------

# A test: each of these requests, sent at once to all workers in as many copies, passes once at most; gives how many
# have passed.
sub passes_once {
    my ($name, $nginx) = @_;
    my ($passed, $twice, $other) = (0, 0, 0);
    for my $round (1 .. $ROUNDS) {
        my $request = join "\r\n", 'GET / HTTP/1.1', 'Host: localhost', $client->lines($token), '', '';
        my @connections = $nginx->connections_by_worker('/open');
        push @connections, map { $nginx->connect } @connections .. $COPIES - 1;
        $_->send_bytes($request) for @connections;
        my $tally = JWT::Connection::tally(@connections);
        my $ok = $tally->{'200 ok'} // 0;
        $passed += $ok;
        $twice++ if $ok > 1;
        $other += $COPIES - $ok - ($tally->{'401 invalid_proof'} // 0);
    }
    is($twice, 0, "$name: none passes twice");
    is($other, 0, "$name: the others are refused as replays");
    # Two workers may see each other's record before either has passed; then neither does.
    cmp_ok($passed, '>=', $ROUNDS / 2, "$name: and most do pass ($passed of $ROUNDS)");
    return;
}

{
    my $nginx = nginx(workers => 4);
    my @workers = $nginx->wait_for_workers(4);
    is(scalar @workers, 4, 'four workers');

    # One after the other.
    for my $round (1 .. 3) {
        my @outcomes = $nginx->outcomes_by_worker('/', $client->lines($token));
        is_deeply(\@outcomes, ['200 ok', ('401 invalid_proof') x 3], "by one worker, then the others, round $round");
    }
    passes_once('four workers', $nginx);

    # A reload forgets nothing, and neither does one that changes what is asked.
    my @before = $client->lines($token);
    is(JWT::Connection::outcome_of($nginx->asked('/', @before)), '200 ok', 'before a reload');
    for my $round (1 .. 3) {
        my @old = $nginx->workers;
        $nginx->signal('HUP');
        $nginx->wait_for_workers(4, @old);
        is_deeply([$nginx->outcomes_by_worker('/', @before)], [('401 invalid_proof') x 4], "after reload $round the proof has still been used");
    }
    passes_once('after a reload', $nginx);

    # A worker that leaves, and those that come, share what they know.
    for my $round (1 .. 3) {
        my @old = $nginx->workers;
        my @staying = map { $nginx->connect } 1, 2;
        $_->send_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n") for @staying;
        # What has been read of a request keeps the connection open.
        $nginx->asked('/open') for 1 .. 20;
        $nginx->signal('HUP');
        $nginx->wait_for_workers(4, @old);
        my (@first, @second);
        my ($one, $two) = map { join "\r\n", $client->lines($token), '', '' } 1, 2;
        my @new = map { $nginx->connect } 1, 2;
        $new[0]->send_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n$one");
        push @first, $new[0]->outcome;
        $staying[0]->send_bytes($one);
        push @first, $staying[0]->outcome;
        $staying[1]->send_bytes($two);
        push @second, $staying[1]->outcome;
        $new[1]->send_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n$two");
        push @second, $new[1]->outcome;
        is_deeply([\@first, \@second], [(['200 ok', '401 invalid_proof']) x 2], "old and new workers side by side, round $round: once");
    }

    # Workers that are killed, by whatever: nothing is lost, and nobody waits for them.
    my @killed = $client->lines($token);
    is(JWT::Connection::outcome_of($nginx->asked('/', @killed)), '200 ok', 'before workers are killed');
    for my $round (1 .. 3) {
        my @old = $nginx->workers;
        JWT::Process::send_signal(KILL => @old);
        $nginx->wait_for_workers(4, @old);
        is_deeply([$nginx->outcomes_by_worker('/', @killed)], [('401 invalid_proof') x 4], "all workers killed, round $round: the proof has still been used");
    }
    # Killed while they are at it.
    for my $round (1 .. 5) {
        my @lines = $client->lines($token);
        my @connections = map { $nginx->started('/', @lines) } 1 .. $COPIES;
        my ($one) = $nginx->workers;
        JWT::Process::send_signal(KILL => $one);
        my $tally = JWT::Connection::tally(@connections);
        cmp_ok($tally->{'200 ok'} // 0, '<=', 1, "a worker killed under load, round $round: once at most");
        $nginx->wait_for_workers(4, $one);
    }
    passes_once('after workers were killed', $nginx);
    my @worse = grep { !/exited on signal 9/ } grep {/\[(?:alert|crit|emerg|error)\]|panicked/} split /^/m, $nginx->error_log;
    is_deeply(\@worse, [], 'nothing else in the log');
}

# --- a reload that turns it on, off and on again ------------------------------------------------------

{
    my $off = 'location / { auth_jwt_key_file %DIR%/html/good.jwks; empty_gif; } location /open { add_header X-Pid $pid; auth_jwt off; empty_gif; }';
    my $on = $LOCATIONS =~ s/add_header X-Pid/add_header X-Status \$auth_jwt_status always; add_header X-Pid/r;
    my $http = 'auth_jwt_issuer shop { issuer https://shop.example; audience api; key_file %DIR%/html/good.jwks; } auth_jwt "r"; add_header X-Status $auth_jwt_status always;';
    my $nginx = JWT::Bound->new(workers => 2, server => $off);
    $nginx->wait_for_workers(2);
    my $change = sub {
        my ($server) = @_;
        my @old = $nginx->workers;
        $nginx->configure(workers => 2, http => $http, server => $server);
        $nginx->signal('HUP');
        $nginx->wait_for_workers(2, @old);
    };
    is($nginx->asked('/', "Authorization: Bearer $token")->{status}, 200, 'where nothing asks for proofs a token is enough');
    $change->($on);
    my @lines = $client->lines($token);
    is_deeply([$nginx->outcomes_by_worker('/', @lines)], ['200 ok', '401 invalid_proof'], 'turned on by a reload: once over all workers');
    $change->($off);
    is($nginx->asked('/', "Authorization: Bearer $token")->{status}, 200, 'turned off');
    $change->($on);
    is_deeply([$nginx->outcomes_by_worker('/', @lines)], [('401 invalid_proof') x 2], 'and on again: the proof has still been used');
    is_deeply([$nginx->outcomes_by_worker('/', $client->lines($token))], ['200 ok', '401 invalid_proof'], 'and another one passes once');
    # A configuration that is refused changes nothing.
    $nginx->configure(workers => 2, http => $http, server => $on . 'no_such_directive;');
    my @same = $nginx->workers;
    $nginx->signal('HUP');
    $nginx->wait_until(sub { $nginx->error_log =~ /no_such_directive/ });
    is_deeply([$nginx->outcomes_by_worker('/', @lines)], [('401 invalid_proof') x 2], 'after a configuration that was refused, too');
    is_deeply([$nginx->workers], \@same, 'by the same workers');
}

# --- many proofs ------------------------------------------------------------------------------------

# Each of many is told from the others.
{
    my $nginx = nginx(workers => 2);
    my @proofs = map { $client->line(token => $token) } 1 .. 8 * $ROUNDS;
    my $connection = $nginx->connect;
    my @outcomes;
    for my $round (1, 2) {
        my %tally;
        for my $proof (@proofs) {
            $connection->request('GET', '/', "Authorization: DPoP $token", $proof);
            $tally{$connection->outcome}++;
        }
        push @outcomes, \%tally;
    }
    is_deeply($outcomes[0], {'200 ok' => scalar @proofs}, 'each of many passes once');
    is_deeply($outcomes[1], {'401 invalid_proof' => scalar @proofs}, 'and each is known again');
    $nginx->is_calm('warn', $NO_KEYS);
}

done_testing();
