# What auth_jwt_metrics tells of keys: lookups in the cache of tokens, key requests, fetches of keys by URL, how many keys
# serve and how old they are. Each count is held against what the key server has seen.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::KeyServer;
use JWT::Metrics;
use JWT::Remote;
use JWT::Server;

my ($ONE, $TWO) = map { JWT::key_set(JWT::jwk("secret number $_", kid => "k$_")) } 1, 2;
my $METRICS = 'location = /metrics { auth_jwt_metrics; }';
my $STATUS = 'add_header X-Status $auth_jwt_status always;';

sub bearer { my ($number, $claims) = @_; return JWT::bearer($claims, secret => "secret number $number", kid => "k$number") }

sub metrics { return JWT::Metrics->of($_[0]) }

# A test: what lookup(s) or key request(s) there have been since the last such test, "yes/no".
sub is_new {
    my ($nginx, $what, $expected, $name) = @_;
    my $now = metrics($nginx)->$what;
    my ($before, @now) = ($nginx->{$what} // '0/0', split m{/}, $now);
    my @before = split m{/}, $before;
    $nginx->{$what} = $now;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(join('/', map { $now[$_] - $before[$_] } 0, 1), $expected, $name);
}

# --- the cache of tokens ------------------------------------------------------------------------------

{
    my $nginx = JWT::Server->new(
        files => {'html/keys' => $ONE, 'html/others' => $ONE},
        http => $STATUS,
        server => <<"CONF",
        $METRICS
        auth_jwt_key_file %DIR%/html/keys;
        location / { auth_jwt r; empty_gif; }
        location /zone { auth_jwt r; auth_jwt_status_zone zone; empty_gif; }
        location /off { auth_jwt r; auth_jwt_cache off; empty_gif; }
        location /own { auth_jwt r; auth_jwt_cache 1m; empty_gif; }
        location /required { auth_jwt r; auth_jwt_require \$arg_good; empty_gif; }
        location /others { auth_jwt r; auth_jwt_key_file %DIR%/html/others; empty_gif; }
        location /unguarded { auth_jwt off; add_header X-Sub \$jwt_claim_sub; empty_gif; }
CONF
    );
    my $token = bearer(1);
    is_new($nginx, lookups => '0/0', 'nothing has been looked up');
    # A token is kept at its second request.
    for my $expected ('0/1', '0/1', '1/0', '1/0') {
        is($nginx->outcome('/', $token), '200 ok', 'a good token');
        is_new($nginx, lookups => $expected, "a good token: $expected");
    }
    $nginx->get('/zone', $token);
    is_new($nginx, lookups => '1/0', 'another zone has the same cache');
    $nginx->get('/own', $token);
    is_new($nginx, lookups => '0/1', 'a cache of its own');
    for my $path ('/off', '/unguarded') {
        $nginx->get($path, $token) for 1 .. 3;
        is_new($nginx, lookups => '0/0', "$path: no lookup");
    }
    $nginx->get('/');
    is_new($nginx, lookups => '0/0', 'no token: no lookup');
    $nginx->get('/required', $token);
    is_new($nginx, lookups => '1/0', 'a requirement that is not met: found all the same');
    for my $word (qw(malformed_token unknown_key invalid_signature expired)) {
        my $bad = 'Authorization: Bearer ' . JWT::refused($word);
        $nginx->get('/', $bad) for 1 .. 3;
        is_new($nginx, lookups => '0/3', "$word: never found");
    }
    my $expiring = bearer(1, {exp => time + 1.5});
    is($nginx->outcome('/', $expiring), '200 ok', 'a token that expires') for 1 .. 3;
    is_new($nginx, lookups => '1/2', 'is found');
    sleep 2;
    is($nginx->outcome('/', $expiring), '401 expired', 'when it has expired');
    is_new($nginx, lookups => '1/0', 'it is found, too');

    # Other keys.
    $nginx->get('/others', bearer(1, {sub => 'bob'})) for 1 .. 3;
    is_new($nginx, lookups => '1/2', 'another file');
    sleep 0.05;
    $nginx->replace('html/others', JWT::key_set(JWT::jwk('secret number 1', kid => 'k1'), JWT::jwk('secret number 2', kid => 'k2')));
    is($nginx->outcome('/others', bearer(1, {sub => 'bob'})), '200 ok', 'its keys change');
    is_new($nginx, lookups => '0/1', 'a token is verified again');
    is($nginx->outcome('/others', bearer(1, {sub => 'bob'})), '200 ok', 'and then') for 1 .. 2;
    my ($hits) = metrics($nginx)->lookups =~ m{(\d+)/};
    $nginx->get('/others', bearer(1, {sub => 'bob'}));
    my ($more) = metrics($nginx)->lookups =~ m{(\d+)/};
    is($more, $hits + 1, 'it is found again');
    $nginx->is_calm('warn');
}

# Who waits for keys has looked once.
{
    my $keys = JWT::KeyServer->new;
    $keys->answer('/keys' => {body => $ONE, wait => 0.2});
    my $address = $keys->address;
    my $nginx = JWT::Server->new(
        http => $STATUS,
        server => <<"CONF",
        $METRICS
        location = /keys { internal; proxy_pass http://$address; }
        location /each { auth_jwt r; auth_jwt_key_request /keys; empty_gif; }
        location /shared { auth_jwt r; auth_jwt_key_request /keys; auth_jwt_key_cache 1h; empty_gif; }
        location /variable { auth_jwt r; auth_jwt_key_request /keys?\$arg_x; empty_gif; }
        location /outside { auth_jwt r; auth_jwt_key_request \$arg_x; empty_gif; }
        location /two { auth_jwt r; auth_jwt_key_request /keys; auth_jwt_key_request /keys?two; empty_gif; }
        location /nowhere { auth_jwt r; auth_jwt_key_request /missing; empty_gif; }
        location /missing { internal; return 404; }
        location /again { auth_jwt r; auth_jwt_key_request /turns; auth_jwt_key_cache 1h; empty_gif; }
        location = /turns { internal; proxy_pass http://$address; }
CONF
    );
    my $asks = sub {
        my ($path, $expected, $times, $name) = @_;
        $keys->forget;
        my @all = map { $nginx->started($path, bearer(1)) } 1 .. $times;
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        return is_deeply(JWT::Connection::tally(@all), {$expected => $times}, $name);
    };
    $asks->('/each', '200 ok', 1, 'a request that waits for keys');
    is_new($nginx, lookups => '0/1', 'has looked once');
    is_new($nginx, key_requests => '1/0', 'and made one key request');
    $asks->('/each', '200 ok', 10, 'ten');
    is_new($nginx, key_requests => '10/0', 'each has made its own');
    is($keys->hits, 10, 'as the key server has seen');
    my ($found, $not) = split m{/}, metrics($nginx)->lookups;
    is($found + $not, 11, 'and each has looked once');
    metrics($nginx);
    is_new($nginx, lookups => ($found) . '/' . ($not - 1), 'as the counters say');
    $asks->('/shared', '200 ok', 10, 'ten that share one');
    is_new($nginx, key_requests => '1/0', 'are one key request');
    is($keys->hits, 1, 'as the key server has seen');
    $asks->('/shared', '200 ok', 10, 'ten more');
    is_new($nginx, key_requests => '0/0', 'are none');
    $asks->('/two', '200 ok', 1, 'two sources');
    is_new($nginx, key_requests => '2/0', 'are two');
    $asks->('/variable?x=1', '200 ok', 1, 'a URI with a variable');
    is_new($nginx, key_requests => '1/0', 'is one');
    $asks->('/outside?x=', '500 keys_unavailable', 1, 'a URI that is refused');
    is_new($nginx, key_requests => '0/0', 'is none');
    $asks->('/nowhere', '500 keys_unavailable', 3, 'three that are answered 404');
    is_new($nginx, key_requests => '0/3', 'have failed');
    is($nginx->outcome('/each'), '401 no_token', 'no token');
    is($nginx->outcome('/each', 'Authorization: Bearer x'), '401 malformed_token', 'and none that is one');
    is_new($nginx, key_requests => '0/0', 'make none');

    my %bad = (
        status => {status => 503, body => $ONE}, broken => {body => '{"keys":['}, empty => {body => '{"keys":[]}'}, cut => {body => $ONE, cut => 10}, reset => {silent => 1, then => 'reset'},
    );
    for my $kind (sort keys %bad) {
        $keys->answer('/keys' => $bad{$kind});
        $asks->('/each', '500 keys_unavailable', 2, "keys that do not come: $kind");
        is_new($nginx, key_requests => '0/2', "have failed: $kind");
    }
    # One who shares a fetch that fails asks once more for itself.
    $keys->answer('/turns' => {status => 503, wait => 0.2});
    $asks->('/again', '500 keys_unavailable', 5, 'five that share a fetch that fails');
    my $hits = $keys->hits;
    cmp_ok($hits, '>=', 2, "have made $hits");
    is_new($nginx, key_requests => "0/$hits", 'all of which have failed');

    # Clients that leave.
    $keys->answer('/keys' => {body => $ONE, wait => 1});
    $keys->forget;
    my @leaving = map { $nginx->started('/each', bearer(1)) } 1 .. 4;
    ok($keys->wait_for_hits(4), 'four are under way');
    close $_->{socket} for @leaving;
    ok($nginx->wait_until(sub { $keys->left == 4 }), 'whose clients leave');
    is_new($nginx, key_requests => '0/0', 'they have come to no end, good or bad');
    $nginx->is_calm('warn', qr/key request "|upstream|connect\(\)|recv\(\)/);
}

# --- keys by URL --------------------------------------------------------------------------------------

my $idp = JWT::Remote->new;
my $GOOD = $idp->bearer('one');
my $KEYS = 'keys{issuer="shop"}';
my $AGE = 'keys_age_seconds{issuer="shop"}';
my $FAILS = qr/keys cannot be fetched|has no keys from/;

sub remote {
    my ($parameters, %options) = @_;
    my $server = delete $options{server} // '';
    return $idp->nginx($parameters, server => $METRICS . $server, %options);
}

# What is told of the block "shop".
sub told {
    my ($nginx) = @_;
    my $metrics = metrics($nginx);
    return ($metrics->fetches('shop'), $metrics->value($KEYS), $metrics->value($AGE));
}

# A test: its fetches and its keys come to be these. Gives the age that the same answer tells: another worker may not
# have the newest keys yet.
sub is_told {
    my ($nginx, $fetches, $keys, $name) = @_;
    my @seen;
    $nginx->wait_until(sub { @seen = told($nginx); "@seen[0, 1]" eq "$fetches $keys" });
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is("@seen[0, 1]", "$fetches $keys", $name);
    return $seen[2];
}

for my $workers (1, 4) {
    $idp->begin_anew;
    $idp->has_keys('one', 'two');
    my $begun = time;
    my $nginx = remote('key_cache 1h refresh=1s;', workers => $workers);
    $nginx->wait_for_workers($workers);
    is_told($nginx, '1/0', 2, "$workers workers: one fetch, two keys");
    is($idp->hits, 1, "$workers workers: as the key server has seen");
    my @all = map { JWT::Metrics->read($_->get('/metrics')->{body}) } $nginx->connections_by_worker('/open');
    # Each takes over what another has fetched within a second.
    $nginx->wait_until(sub { @all = map { JWT::Metrics->read($_->get('/metrics')->{body}) } $nginx->connections_by_worker('/open'); !grep { $_->value($KEYS) != 2 } @all });
    is_deeply([map { $_->fetches('shop') . ' ' . $_->value($KEYS) } @all], [('1/0 2') x $workers], "$workers workers: each tells the same");
    my @ages = map { $_->value($AGE) } @all;
    is_deeply([grep { $_ < 0 || $_ > time - $begun } @ages], [], "$workers workers: and an age: @ages");
    sleep 0.2;
    cmp_ok((told($nginx))[2], '>', $ages[0], "$workers workers: which grows");

    # A fetch ahead of time, by one for all.
    $idp->has_keys('three');
    my $again = time;
    my @clients = map { $nginx->started('/', $idp->bearer('three')) } 1 .. 20;
    is_deeply(JWT::Connection::tally(@clients), {'200 ok' => 20}, "$workers workers: an unknown kid");
    my $age = is_told($nginx, '2/0', 1, "$workers workers: is a second fetch");
    is($idp->hits, 2, "$workers workers: as the key server has seen");
    cmp_ok($age, '<=', time - $again, "$workers workers: the age begins anew");

    # What was fetched lies in the state path.
    my @old = $nginx->workers;
    $nginx->signal('HUP');
    $nginx->wait_for_workers($workers, @old);
    my $later = is_told($nginx, '2/0', 1, "$workers workers: a reload fetches nothing, and loses no count");
    cmp_ok($later, '>', $age, "$workers workers: nor the age");
    $nginx->stop;
    $nginx->start;
    my $restarted = is_told($nginx, '0/0', 1, "$workers workers: a restart begins to count anew, and has keys");
    cmp_ok($restarted, '>', $later, "$workers workers: that are as old as before");
    is($idp->hits, 2, "$workers workers: without a fetch");
    $nginx->is_calm('warn');
}

# Without a place to keep them, each worker fetches for itself.
{
    $idp->begin_anew;
    my $nginx = remote('', workers => 3, http => 'auth_jwt_state_path off;');
    is_told($nginx, '3/0', 1, 'no state path: a fetch in each worker');
    is($idp->hits, 3, 'as the key server has seen');
    $nginx->is_calm('warn');
}

# Discovery is part of a fetch.
{
    $idp->begin_anew;
    my $path = '/.well-known/openid-configuration';
    $idp->answer($path => {body => JWT::json({issuer => $idp->url, jwks_uri => $idp->url('/keys')})});
    my $nginx = remote('config_url ' . $idp->url($path) . ';');
    is_told($nginx, '1/0', 1, 'a fetch of two requests');
    is($idp->hits, 2, 'as the key server has seen');
}

# One that fails, recovers, and fails until keys are too old.
{
    $idp->begin_anew;
    $idp->answer('/keys' => {status => 503});
    my $nginx = remote('key_cache 1000s stale=2000s refresh=off;', workers => 2);
    ok($nginx->wait_until(sub { (told($nginx))[0] =~ m{^0/([2-9])$} }), 'two fetches that fail, at least');
    is(metrics($nginx)->value($KEYS), 0, 'there are no keys');
    is(metrics($nginx)->value($AGE), undef, 'and no age');
    is($nginx->outcome('/', $GOOD), '500 keys_unavailable', 'nor does a token pass');
    $idp->has_keys('one', 'two', 'three');
    # The pause after some failures is half a minute.
    ok($nginx->wait_until(sub { (told($nginx))[1] == 3 }, 60), 'it recovers: three keys');
    my ($ok, $failed) = split m{/}, (told($nginx))[0];
    cmp_ok($ok, '>=', 1, "a fetch is counted, beside $failed that failed");
    $idp->answer('/keys' => {body => 'nothing'});
    for my $step ([900, 'an answer that is no set is a failure'], [1100, 'another one, beyond their time']) {
        my ($seconds, $name) = @$step;
        my ($before) = (told($nginx))[0] =~ m{/(\d+)};
        $idp->let_pass($nginx, $seconds);
        ok($nginx->wait_until(sub { (told($nginx))[0] =~ m{/(\d+)} && $1 > $before }), $name);
        ok($nginx->wait_until(sub { (told($nginx))[1] == 3 }), 'the last keys serve on') or diag(join ' ', told($nginx));
    }
    $idp->let_pass($nginx, 1001);
    my $age;
    ok($nginx->wait_until(sub { (undef, my $keys, $age) = told($nginx); $keys == 0 && defined $age }), 'until they are beyond stale=');
    cmp_ok($age, '>=', 3000, "then their age, $age s, is that of time and stale= at least");
    sleep 0.1;
    ok($nginx->wait_until(sub { (told($nginx))[2] > $age }), 'and grows');
    # The other worker learns of it a moment later.
    $idp->is_soon($nginx, '500 keys_unavailable', 'no token passes', $GOOD);
    ok($nginx->wait_until(sub { my ($good, $bad) = split m{/}, (told($nginx))[0]; $good + $bad == $idp->hits }), 'each request that the key server has seen is counted, and none beside') or diag(join ' ', told($nginx), $idp->hits);
    $idp->has_keys('two');
    $idp->let_pass($nginx, 60);
    ok($nginx->wait_until(sub { my (undef, $keys, $now) = told($nginx); $keys == 1 && $now < $age }), 'it recovers again, with a new age');
    $nginx->is_calm('warn', $FAILS);
}

# A server that is not there, one that hangs, and one whose set has no key that can be used.
for my $case (['nobody', undef], ['hangs', {silent => 1, then => 'hang'}], ['no usable key', {body => JWT::key_set(JWT::jwk('x'))}]) {
    my ($name, $answer) = @$case;
    $idp->begin_anew;
    $idp->answer('/keys' => $answer) if $answer;
    $idp->stop unless $answer;
    my $nginx = remote('timeout 1s;');
    is_told($nginx, '0/1', 0, "$name: counted as a failure");
    is(metrics($nginx)->value($AGE), undef, "$name: no age");
    $idp->start unless $answer;
    $idp->stop, $idp->has_keys('one'), $idp->start if $answer;
    ok($nginx->wait_until(sub { (told($nginx))[0] =~ m{^1/} && (told($nginx))[1] == 1 }), "$name: it recovers");
}

# Two URLs in a block: keys of both, and the age of the older.
{
    $idp->begin_anew;
    $idp->answer('/more' => {body => $idp->set('two', 'three'), wait => 1.5});
    my $nginx = remote('key_url ' . $idp->url('/keys') . '; key_url ' . $idp->url('/more') . '; key_cache 1h refresh=1s;');
    is_told($nginx, '1/0', 1, 'two URLs: the first');
    is_told($nginx, '2/0', 3, 'two URLs: both');
    cmp_ok((told($nginx))[2], '>=', 1.4, 'two URLs: the age of the older');
    $idp->answer('/more' => {body => $idp->set('two', 'four')});
    is($nginx->outcome('/', $idp->bearer('four')), '200 ok', 'two URLs: an unknown kid');
    ok($nginx->wait_until(sub { (told($nginx))[0] eq '4/0' }), 'two URLs: has both fetched');
    is($idp->hits, 4, 'two URLs: as the key server has seen');
    $nginx->is_calm('warn');
}

# --- blocks side by side -------------------------------------------------------------------------------

{
    $idp->begin_anew;
    $idp->answer('/others' => {body => $idp->set('two', 'three')}, '/late' => {body => $idp->set('two')}, '/both' => {body => $idp->set('four')});
    my $block = sub { my ($name, $text) = @_; return "auth_jwt_issuer $name { issuer https://$name.example; audience api; $text }" };
    my $url = sub { return 'key_url ' . $idp->url($_[0]) . ';' };
    my %blocks = (
        first => $url->('/keys'), second => $url->('/others'), unused => $url->('/unused'), file => 'key_file %DIR%/html/keys;',
        missing => 'key_file %DIR%/html/none;', both => 'key_file %DIR%/html/keys; ' . $url->('/both'), files => 'key_file %DIR%/html/keys; key_file %DIR%/html/two;',
    );
    my $options = sub {
        my (%all) = @_;
        my $used = join ' ', grep { $_ ne 'unused' } sort keys %all;
        return (
            http => "$STATUS " . join(' ', map { $block->($_, $all{$_}) } sort keys %all),
            server => "$METRICS location / { auth_jwt r; auth_jwt_issuers $used; empty_gif; } location /open { empty_gif; }",
        );
    };
    my $nginx = JWT::Server->new($options->(%blocks), files => {'html/keys' => $ONE, 'html/two' => JWT::key_set(map { JWT::jwk("secret number $_") } 1 .. 3)});
    # A fetch is counted a moment before its keys are there.
    $nginx->wait_until(sub { my $now = metrics($nginx); !grep { $now->fetches($_) ne '1/0' || !$now->value("keys_age_seconds{issuer=\"$_\"}") } qw(first second both) });
    my $metrics = metrics($nginx);
    is_deeply($metrics->all('keys'), {'issuer="first"' => 1, 'issuer="second"' => 2, 'issuer="file"' => 1, 'issuer="missing"' => 0, 'issuer="both"' => 2, 'issuer="files"' => 4},
        'keys of each block that is used, from files, too');
    is_deeply([sort keys %{$metrics->all('keys_age_seconds')}], [map {"issuer=\"$_\""} qw(both first second)], 'ages of those by URL');
    is_deeply([sort keys %{$metrics->all('key_fetches_total')}], [map { ("issuer=\"$_\",result=\"failed\"", "issuer=\"$_\",result=\"ok\"") } qw(both first second)], 'and fetches');
    is_deeply([map { $metrics->fetches($_) } qw(first second both)], [('1/0') x 3], 'each its own');
    is($idp->hits('/unused'), 0, 'of a block that is not used there is nothing');

    sleep 0.05;
    $nginx->replace('html/keys', JWT::key_set(map { JWT::jwk("secret number $_") } 1 .. 5));
    $nginx->write('html/none', $TWO);
    is_deeply([map { metrics($nginx)->value("keys{issuer=\"$_\"}") } qw(file both files missing)], [5, 6, 8, 1], 'files that change');
    $nginx->replace('html/keys', '{"keys":[');
    is_deeply([map { metrics($nginx)->value("keys{issuer=\"$_\"}") } qw(file both files)], [0, 1, 3], 'and that break');

    # A reload that takes blocks away and brings others: what was counted stays, keys are of those that are there.
    my @old = $nginx->workers;
    $nginx->configure($options->(map { $_ => $blocks{$_} } qw(first file)));
    $nginx->signal('HUP');
    @old = $nginx->wait_for_workers(1, @old);
    $metrics = metrics($nginx);
    is_deeply([sort keys %{$metrics->all('keys')}], ['issuer="file"', 'issuer="first"'], 'a reload without some blocks: keys of the others');
    is_deeply([map { $metrics->fetches($_) } qw(first second both)], [('1/0') x 3], 'and what has been counted');
    $nginx->configure($options->(%blocks, late => $url->('/late')));
    $nginx->signal('HUP');
    @old = $nginx->wait_for_workers(1, @old);
    ok($nginx->wait_until(sub { metrics($nginx)->fetches('late') eq '1/0' }), 'a reload with a block more: it counts');
    is(metrics($nginx)->fetches('first'), '1/0', 'beside the others, that go on');
    # Files that are broken are told of to requests that need them.
    $nginx->is_calm('warn', qr/nobody uses issuer/);
}

# Whoever looks at the metrics changes nothing: keys that are kept by time are kept.
{
    my $nginx = JWT::Server->new(
        files => {'html/keys' => $ONE},
        http => "$STATUS auth_jwt_issuer shop { issuer https://shop.example; audience api; key_file %DIR%/html/keys; }",
        server => "$METRICS auth_jwt_cache off; auth_jwt_issuers shop; auth_jwt_key_cache 1h; location / { auth_jwt r; empty_gif; } location /more { auth_jwt r; auth_jwt_issuers shop; empty_gif; }",
    );
    my $token = JWT::issued({}, secret => 'secret number 1', kid => 'k1');
    is($nginx->outcome('/', $token), '200 ok', 'keys are kept by time');
    sleep 0.05;
    $nginx->replace('html/keys', 'broken');
    is($nginx->outcome('/', $token), '200 ok', 'and serve, whatever becomes of the file');
    metrics($nginx) for 1 .. 3;
    is($nginx->outcome('/', $token), '200 ok', 'also after somebody has looked at the metrics');
    is($nginx->outcome('/more', $token), '200 ok', 'and where nobody has asked before');
}

done_testing();
