# auth_jwt_key_cache for auth_jwt_key_request: fresh and expired keys, refresh= and stale=, bytes
# that stay the same, and keys that rotate as they do at a real identity provider. (For keys from files:
# auth_jwt_key_cache.t; what the directive may say: configuration.t.)
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::KeyServer;
use JWT::Server;

my %secret = map { $_ => "the secret called $_" } qw(one two three);

sub key { return JWT::jwk($secret{$_[0]}, kid => $_[0]) }
sub keys_of { return JWT::key_set(map { key($_) } @_) }

# A token signed by a key, with its kid; or with another kid, or none.
sub bearer {
    my ($signer, $kid) = @_;
    return JWT::bearer(undef, secret => $secret{$signer}, kid => $kid // $signer);
}

my ($OK, $UNKNOWN, $FORGED, $UNAVAILABLE) =
    ('200 ok', '401 unknown_key', '401 invalid_signature', '500 keys_unavailable');

my $idp = JWT::KeyServer->new;

# A new nginx with a location / that has these lines, and more locations, on keys that are there.
sub nginx {
    my ($lines, $more) = @_;
    my $address = $idp->address;
    $idp->stop;
    $idp->start;
    $idp->answer('/keys' => {body => keys_of('one')});
    $idp->forget;
    return JWT::Server->new(server => <<"CONF");
        add_header X-Status \$auth_jwt_status always;
        location /keys { internal; proxy_read_timeout 2s; proxy_pass http://$address; }
        location / {
            auth_jwt "r";
            auth_jwt_key_request /keys;
            $lines
            empty_gif;
        }
        ${\($more // '')}
CONF
}

my $client;

# What a token gets, on a connection that is kept.
sub status {
    my ($nginx, $token, $path) = @_;
    $client = {nginx => $nginx, connection => $nginx->connect}
        if !$client || $client->{nginx} != $nginx || $client->{used}++ > 500;
    my $answer = $client->{connection}->get($path // '/', $token);
    undef $client if !$answer || ($answer->{headers}{connection} // '') eq 'close';
    return JWT::Connection::outcome_of($answer);
}

sub hits_since {
    my ($expected, $name) = @_;
    is($idp->hits, $expected, $name);
    $idp->forget;
    return;
}

# Sleeps until so many seconds after a moment.
sub until_after {
    my ($begun, $seconds) = @_;
    my $left = $begun + $seconds - time;
    sleep $left if $left > 0;
    return;
}

sub done_with {
    my ($nginx) = @_;
    $nginx->is_calm('crit', qr/connect\(\)/);
    undef $client;
    return;
}

# --- without a time: every request fetches, the same bytes are parsed once ---------------

{
    my $nginx = nginx('');
    my $odd = {kty => 'XYZ', kid => 'odd'};
    my $mixed = JWT::key_set(key('one'), $odd);
    my $notices = sub { return scalar grep {/\[notice\].*\/keys.*odd/} $nginx->new_lines };
    $idp->answer('/keys' => {body => $mixed});
    is(status($nginx, bearer('one')), $OK, "without a time, request $_") for 1 .. 5;
    hits_since(5, 'each request fetches');
    is($notices->(), 1, 'the set is parsed once: one notice for the key that is skipped');
    $idp->answer('/keys' => {body => "$mixed "});
    is(status($nginx, bearer('one')), $OK, "one byte more, request $_") for 1 .. 3;
    is($notices->(), 1, 'other bytes are parsed: another notice');
    $idp->answer('/keys' => {status => 500, body => $mixed});
    is(status($nginx, bearer('one')), $UNAVAILABLE, 'a failure in between');
    $idp->answer('/keys' => {body => "$mixed "});
    is(status($nginx, bearer('one')), $OK, 'and the same bytes again');
    is($notices->(), 0, 'are not parsed again');
    # What changes at the server counts at once.
    $idp->answer('/keys' => {body => keys_of('two')});
    is(status($nginx, bearer('one')), $UNKNOWN, 'the old key has gone');
    is(status($nginx, bearer('two')), $OK, 'the new one is there');
    $idp->forget;
    done_with($nginx);
}

# --- with a time ---------------------------------------------------------------------------

{
    my $nginx = nginx('auth_jwt_key_cache 1s;', <<'CONF');
        location /longer { auth_jwt "r"; auth_jwt_key_request /keys; auth_jwt_key_cache 1h; empty_gif; }
        location /each { auth_jwt "r"; auth_jwt_key_request /keys; empty_gif; }
CONF
    my $begun = time;
    is(status($nginx, bearer('one')), $OK, 'cold');
    hits_since(1, 'one fetch');
    $idp->answer('/keys' => {body => keys_of('two')});
    is(status($nginx, bearer('one')), $OK, 'fresh') for 1 .. 10;
    is(status($nginx, bearer('two')), $UNKNOWN, 'a new key is not seen yet');
    SKIP: {
        skip 'this machine is too slow', 1 if time - $begun > 0.9;
        hits_since(0, 'without a fetch');
    }
    until_after($begun, 1.2);
    $idp->forget;
    is(status($nginx, bearer('one'), '/longer'), $OK, 'another location has its own time');
    hits_since(0, 'without a fetch');
    is(status($nginx, bearer('one')), $UNKNOWN, 'expired: the old key has gone');
    hits_since(1, 'by one fetch');
    is(status($nginx, bearer('two')), $OK, 'the new one is there');
    is(status($nginx, bearer('two'), '/longer'), $OK, 'for the other location, too');
    is(status($nginx, bearer('two'), '/each'), $OK, 'a location without a time');
    cmp_ok($idp->hits, '>=', 1, 'fetches always');
    # Without stale=, the time is the time.
    $begun = time;
    $idp->stop;
    until_after($begun, 1.2);
    is(status($nginx, bearer('two')), $UNAVAILABLE, 'expired, and the server is down: 500');
    is(status($nginx, bearer('two'), '/longer'), $OK, 'where the time is longer: not yet');
    $idp->start;
    is(status($nginx, bearer('two')), $OK, 'a failure is not kept');
    done_with($nginx);
}

# A failure is never kept, with a time or without.
{
    my $nginx = nginx('auth_jwt_key_cache 1h;');
    $idp->answer('/keys' => {status => 503});
    is(status($nginx, bearer('one')), $UNAVAILABLE, 'a failure') for 1 .. 3;
    hits_since(3, 'is fetched again each time');
    $idp->answer('/keys' => {body => keys_of('one')});
    is(status($nginx, bearer('one')), $OK, 'recovery') for 1 .. 3;
    hits_since(1, 'at the next request, and then kept');
    # After a reload everything begins anew, or not; it must be right either way.
    $idp->answer('/keys' => {body => keys_of('two')});
    $nginx->signal('HUP');
    undef $client;
    $nginx->wait_until(sub { undef $client; status($nginx, bearer('two')) eq $OK }, 5);
    is(status($nginx, bearer('two')), $OK, 'a reload fetches anew');
    done_with($nginx);
}

# --- URIs with variables are never kept by time ------------------------------------------------

{
    my $nginx = nginx('auth_jwt_key_request /keys?x=$arg_x; auth_jwt_key_cache 1h;');
    my ($fine, $said) = $nginx->checked;
    ok($fine, 'a URI with variables and a time: no error');
    is(scalar(() = $said =~ /\[warn\]/g), 1, 'but one warning') or diag($said);
    like($said, qr/\[warn\].*nginx[.]conf:\d+/, 'with its place');
    $idp->forget;
    # The first of the two sources is literal: it is kept.
    is(status($nginx, bearer('one')), $OK, 'a request') for 1 .. 3;
    is_deeply([sort map { $_->{uri} } $idp->requests], ['/keys', ('/keys?x=') x 3], 'fetches each time');
    done_with($nginx);
}

# --- refresh= ---------------------------------------------------------------------------------------

{
    my $nginx = nginx('auth_jwt_key_cache 1h refresh=1h;');
    is(status($nginx, bearer('one')), $OK, 'refresh=: the old key');
    # A new key appears beside the old one, then the old one goes.
    $idp->answer('/keys' => {body => keys_of('one', 'two')});
    is(status($nginx, bearer('one')), $OK, 'the old key still');
    hits_since(1, 'so far one fetch');
    is(status($nginx, bearer('two')), $OK, 'the new key is taken at the first token that names it');
    hits_since(1, 'by one fetch');
    is(status($nginx, $_), $OK, 'both keys') for bearer('one'), bearer('two');
    hits_since(0, 'need no fetch now');
    $idp->answer('/keys' => {body => keys_of('two', 'three')});
    is(status($nginx, bearer('three')), $UNKNOWN, 'within the interval: no second one');
    my $count = $ENV{AUTH_JWT_LONG} ? 10_000 : 1_000;
    my %tally;
    $tally{status($nginx, bearer('one', "forged-$_"))}++ for 1 .. $count;
    is_deeply(\%tally, {$UNKNOWN => $count}, "$count forged kids are unknown");
    hits_since(0, 'and fetch nothing');
    done_with($nginx);
}

{
    my $nginx = nginx('auth_jwt_key_cache 1h refresh=1s;');
    is(status($nginx, bearer('one')), $OK, 'refresh=1s: a first request');
    hits_since(1, 'fetches');
    my ($begun, $count, %tally) = (time, 0);
    while (time - $begun < 3.5) {
        $tally{status($nginx, bearer('one', 'forged-' . $count++))}++;
    }
    my $hits = $idp->hits;
    is_deeply(\%tally, {$UNKNOWN => $count}, 'forged kids for three and a half seconds');
    my @times = map { $_->{at} } $idp->requests;
    cmp_ok($count, '>', 100, 'many of them') or diag($count);
    ok($hits >= 2 && $hits <= 4, 'fetch once a second') or diag("$hits of $count");
    my @gaps = map { $times[$_] - $times[$_ - 1] } 1 .. $#times;
    is_deeply([grep { $_ < 0.9 } @gaps], [], 'never sooner') or diag("@gaps");

    # Only an unknown kid does it: no bad signature, no missing kid, no expired token.
    sleep 1.2;
    $idp->forget;
    my $none = JWT::bearer(undef, secret => 'x');
    my $late = JWT::bearer({exp => 5}, secret => $secret{one}, kid => 'one');
    is(status($nginx, bearer('two', 'one')), $FORGED, 'a bad signature under a known kid');
    is(status($nginx, $none), $FORGED, 'a bad signature without a kid');
    is(status($nginx, $late), '401 expired', 'an expired token');
    is(status($nginx, 'X: y'), '401 no_token', 'no token');
    hits_since(0, 'fetch nothing');
    is(status($nginx, bearer('two', 'unheard-of')), $UNKNOWN, 'an unknown kid');
    hits_since(1, 'does');

    # An outage keeps the throttle, and the keys.
    sleep 1.2;
    $idp->answer('/keys' => {status => 500});
    $begun = time;
    ($count, %tally) = (0);
    while (time - $begun < 2.5) {
        $tally{status($nginx, bearer('one', 'forged-' . $count++))}++;
        $tally{status($nginx, bearer('one'))}++;
    }
    is_deeply(\%tally, {$UNKNOWN => $count, $OK => $count}, 'forged kids amid an outage');
    $hits = $idp->hits;
    ok($hits >= 2 && $hits <= 3, 'fetch once a second') or diag("$hits of $count");
    # A set that does not parse does not replace the good one.
    sleep 1.2;
    $idp->forget;
    $idp->answer('/keys' => {body => '<html>'});
    is(status($nginx, bearer('two')), $UNKNOWN, 'a page instead of keys');
    hits_since(1, 'was fetched');
    is(status($nginx, bearer('one')), $OK, 'and the good keys stay');
    sleep 1.2;
    $idp->answer('/keys' => {body => '{"keys": []}'});
    is(status($nginx, bearer('two')), $UNKNOWN, 'a set without keys');
    is(status($nginx, bearer('one')), $OK, 'and the good keys stay');
    sleep 1.2;
    $idp->answer('/keys' => {body => keys_of('two')});
    is(status($nginx, bearer('two')), $OK, 'and after the outage the new key is found');
    done_with($nginx);
}

# A set that was fetched for this very request is as new as can be.
{
    my $nginx = nginx('auth_jwt_key_cache 1h refresh=1h;');
    is(status($nginx, bearer('one', 'unheard-of')), $UNKNOWN, 'an unknown kid, and nothing kept yet');
    hits_since(1, 'fetches once, not twice');
    done_with($nginx);
}

# Those who name a new key while it is fetched share the fetch.
{
    my $nginx = nginx('auth_jwt_key_cache 1h refresh=1h;');
    is(status($nginx, bearer('one')), $OK, 'one key');
    $idp->forget;
    $idp->answer('/keys' => {body => keys_of('one', 'two'), wait => 0.9});
    my @clients = map { $nginx->started('/', bearer('two')) } 1 .. 20;
    is($idp->wait_for_hits(1), 1, 'a fetch ahead of time');
    my $begun = time;
    is(status($nginx, bearer('one')), $OK, 'who has a known kid');
    cmp_ok(time - $begun, '<', 0.85, 'does not wait for it');
    is_deeply(JWT::Connection::tally(@clients), {$OK => 20}, 'twenty who wait');
    hits_since(1, 'share it');
    done_with($nginx);
}

# Its leader leaves: the throttle stays, nobody hangs.
{
    my $nginx = nginx('auth_jwt_key_cache 1h refresh=1h;');
    is(status($nginx, bearer('one')), $OK, 'one key');
    $idp->forget;
    $idp->answer('/keys' => {body => keys_of('one', 'two'), wait => 0.5});
    my $leader = $nginx->started('/', bearer('two'));
    ok($idp->wait_for_hits(1), 'a fetch ahead of time');
    my $follower = $nginx->started('/', bearer('two'));
    sleep 0.1;
    undef $leader;
    like($follower->outcome, qr/^(?:200|401) /, 'the follower gets an answer');
    is(status($nginx, bearer('one')), $OK, 'the old key serves');
    cmp_ok($idp->hits, '<=', 2, 'at most two fetches');
    done_with($nginx);
}

# Without refresh= an unknown kid fetches nothing.
{
    my $nginx = nginx('auth_jwt_key_cache 1h;');
    is(status($nginx, bearer('one')), $OK, 'without refresh=');
    $idp->forget;
    $idp->answer('/keys' => {body => keys_of('one', 'two')});
    is(status($nginx, bearer('two')), $UNKNOWN, 'a new key is unknown until the time is over');
    hits_since(0, 'and fetches nothing');
    done_with($nginx);
}

# --- stale= -------------------------------------------------------------------------------------------

# Two begin a fetch and leave; whoever waited for both fetches, and has the last keys when that fails.
{
    my $nginx = nginx('auth_jwt_key_cache 1s stale=1h;');
    is(status($nginx, bearer('one')), $OK, 'a first request');
    sleep 1.1;
    $idp->answer('/keys' => {status => 500, wait => 0.9});
    my @clients = map { $nginx->started('/', bearer('one')) } 1 .. 3;
    ok($idp->wait_for_hits(1), 'the first of three fetches');
    for (1 .. 2) {
        sleep 0.2;
        shift @clients;
    }
    is($clients[0]->outcome, $OK, 'who has waited for two that left has the keys beyond their time');
    done_with($nginx);
}

{
    my $nginx = nginx('auth_jwt_key_cache 1s stale=2s;');
    my $begun = time;
    is(status($nginx, bearer('one')), $OK, 'stale=2s: a first request');
    $idp->stop;
    my %tally;
    while (time - $begun < 0.8) { $tally{status($nginx, bearer('one'))}++; sleep 0.02 }
    is_deeply([keys %tally], [$OK], 'fresh, and the server is down');
    until_after($begun, 1.3);
    $nginx->new_lines;
    %tally = ();
    while (time - $begun < 2.7) { $tally{status($nginx, bearer('one'))}++; sleep 0.02 }
    is_deeply([keys %tally], [$OK], 'beyond their time the keys serve on');
    my @lines = $nginx->new_lines;
    is(scalar(grep {/\[warn\].*"\/keys"/} @lines), 1, 'one warning says so') or diag(@lines);
    my $tries = grep {/\[error\].*key request "\/keys"/} @lines;
    ok($tries >= 1 && $tries <= 3, 'the server is tried once a second') or diag($tries, @lines);
    until_after($begun, 3.4);
    is(status($nginx, bearer('one')), $UNAVAILABLE, 'then the time of stale= is over') for 1 .. 3;
    $idp->start;
    is(status($nginx, bearer('one')), $OK, 'and it recovers by itself');
    done_with($nginx);
}

# Answers that are no keys count as a failing source.
{
    my $nginx = nginx('auth_jwt_key_cache 1 stale=1h;');
    is(status($nginx, bearer('one')), $OK, 'stale=1h: a first request');
    sleep 1.1;
    my @bad = (
        {body => '<html>'}, {body => ''}, {body => '{"keys": []}'}, {status => 404},
        {body => keys_of('two'), length => 5000}, {body => keys_of('two'), then => 'flood'},
        {body => keys_of('two'), headers => ['Content-Encoding: gzip']}, {silent => 1},
    );
    $bad[5]{length} = undef;
    for my $bad (@bad) {
        $idp->answer('/keys' => $bad);
        # Until it is tried again.
        $idp->forget;
        my %tally;
        $nginx->wait_until(sub { $tally{status($nginx, bearer('one'))}++; $idp->hits }, 5);
        $tally{status($nginx, bearer('one'))}++;
        is_deeply([keys %tally], [$OK], 'the last good keys serve on');
        cmp_ok($idp->hits, '>=', 1, 'and the server was tried');
    }
    is(scalar(grep {/\[warn\]/} split /^/m, $nginx->error_log), 1, 'one warning for all');
    $idp->answer('/keys' => {body => keys_of('two')});
    $nginx->wait_until(sub { status($nginx, bearer('two')) eq $OK }, 5);
    is(status($nginx, bearer('two')), $OK, 'recovered, with new keys');
    is(status($nginx, bearer('one')), $UNKNOWN, 'and without the old one');
    done_with($nginx);
}

# Nobody waits for a source that hangs, as long as there are keys; the first one finds it out.
{
    my $nginx = nginx('auth_jwt_key_cache 1 stale=1h;');
    is(status($nginx, bearer('one')), $OK, 'a source that will hang');
    $idp->answer('/keys' => {silent => 1, then => 'hang'});
    sleep 1.1;
    my @clients = map { $nginx->started('/', bearer('one')) } 1 .. 10;
    is_deeply(JWT::Connection::tally(@clients), {$OK => 10}, 'all are served');
    sleep 1.2;
    $idp->forget;
    my $first = $nginx->started('/', bearer('one'));
    ok($idp->wait_for_hits(1), 'it is tried again');
    my $begun = time;
    is(status($nginx, bearer('one')), $OK, 'meanwhile others') for 1 .. 5;
    cmp_ok(time - $begun, '<', 1, 'do not wait');
    is($first->outcome, $OK, 'who tried is served, too');
    done_with($nginx);
}

done_testing();
