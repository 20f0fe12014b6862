# Keys by URL: who waits for a fetch, for how long, and what becomes of a request meanwhile. One worker.
use strict;
use warnings;

use IO::Select;
use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Http2;
use JWT::Remote;

my ($OK, $UNKNOWN, $UNAVAILABLE) = ('200 ok', '401 unknown_key', '500 keys_unavailable');

my $idp = JWT::Remote->new;
my $URL = $idp->url('/keys');
my $GOOD = $idp->bearer('one');
my $FORGED = $idp->bearer('two', undef, kid => 'one');
my $NOBODY = $idp->bearer_of_nobody('nobody');

# Slow means: long enough for everybody to come, on a slow machine, too. A server that hangs does so until it is
# stopped: who must not wait for it is known by that.
my $SLOW = {body => $idp->set('one'), wait => 1};
my $HANGS = {silent => 1, then => 'hang'};

# A new nginx, and a server that answers so: at /keys, or at each of several paths. It is told before nginx asks.
sub nginx {
    my ($answers, @options) = @_;
    $idp->begin_anew;
    $idp->answer(grep({m{^/}} keys %$answers) ? %$answers : ('/keys' => $answers));
    return $idp->nginx(@options);
}

sub started {
    my ($nginx, $path, @lines) = @_;
    return $nginx->started($path, @lines ? @lines : $GOOD);
}

sub tally { return JWT::Connection::tally(@_) }

my $FAILED = qr/keys cannot be fetched|has no keys from/;

# --- there are no keys: a request waits for the fetch that is under way ---------------------------

{
    my $nginx = nginx($SLOW);
    my @clients = map { started($nginx, '/', $_ % 5 ? $GOOD : $FORGED) } 1 .. 50;
    is($nginx->outcome('/'), '401 no_token', 'no token: does not wait');
    is($nginx->outcome('/', 'Authorization: Bearer x'), '401 malformed_token', 'nor a malformed one');
    is($nginx->outcome('/', $idp->bearer('one', {iss => 'another'})), '401 unknown_issuer', 'nor one of another issuer');
    is($nginx->get('/open')->{status}, 200, 'nor who needs none');
    is_deeply(tally(@clients), {$OK => 40, '401 invalid_signature' => 10}, 'fifty wait and are answered right');
    is($idp->hits, 1, 'by one fetch');
    $nginx->is_calm('warn');
}

# A fetch ahead of time hangs: keys whose time is over meanwhile serve on, and nobody waits for it.
{
    my $nginx = nginx({body => $idp->set('one')}, 'key_cache 3s stale=1h; timeout 60s;');
    is($nginx->outcome('/', $GOOD), $OK, 'there are keys');
    $idp->forget;
    $idp->answer('/keys' => $HANGS);
    ok($idp->wait_for_hits(1), 'a fetch ahead of their time');
    sleep 2;
    is($nginx->outcome('/', $GOOD), $OK, 'their time is over, and they serve on');
    is($nginx->outcome('/', $FORGED), '401 invalid_signature', 'as ever');
    unlike($nginx->error_log, $FAILED, 'while the fetch hangs');
    is($idp->hits, 1, 'which is the only one');
}

# So they do where the worker comes too late to fetch ahead of time, as on a machine that is busy or was suspended.
{
    my $nginx = nginx({body => $idp->set('one')}, 'key_cache 3s stale=1h; timeout 60s;');
    is($nginx->outcome('/', $GOOD), $OK, 'there are keys');
    $idp->answer('/keys' => $HANGS);
    my $pid = $nginx->get('/open')->{headers}{'x-pid'};
    kill STOP => $pid;
    sleep 4;
    my @clients = map { started($nginx, '/') } 1 .. 3;
    kill CONT => $pid;
    is_deeply(tally(@clients), {$OK => 3}, 'a worker that was stopped until their time was over: nobody waits');
    ok($idp->wait_for_hits(2), 'for the fetch');
    is($nginx->outcome('/', $GOOD), $OK, 'which hangs');
    unlike($nginx->error_log, $FAILED, 'and has not failed');
}

# On a connection that is kept and pipelined, with bodies, and over HTTP/2.
my ($listen_http2, $http2) = JWT::Server::http2();
my $locations = <<'CONF';
        add_header X-Status $auth_jwt_status always;
        location / { auth_jwt "r"; auth_jwt_issuers shop; empty_gif; }
        location /sent { auth_jwt "r"; auth_jwt_issuers shop; proxy_pass http://unix:%DIR%/app.sock; }
        location /optional { auth_jwt "r"; auth_jwt_issuers shop; auth_jwt_optional on; empty_gif; }
        location /dry { auth_jwt "r"; auth_jwt_issuers shop; auth_jwt_dry_run on; add_header X-Status $auth_jwt_status always; add_header X-Sub "<$jwt_claim_sub>"; empty_gif; }
        location /any { satisfy any; allow all; auth_jwt "r"; auth_jwt_issuers shop; empty_gif; }
        location /either { satisfy any; deny all; auth_jwt "r"; auth_jwt_issuers shop; empty_gif; }
        location /denied { deny all; auth_jwt "r"; auth_jwt_issuers shop; empty_gif; }
        location /redirected { auth_jwt "r"; auth_jwt_issuers shop; try_files /none /other; }
        location /other { auth_jwt "r"; auth_jwt_issuers other; empty_gif; }
        location /page { auth_jwt "r"; auth_jwt_issuers shop; error_page 500 = @page; empty_gif; }
        location @page { auth_jwt "r"; auth_jwt_issuers other; empty_gif; }
        location /asked { auth_jwt "r"; auth_jwt_issuers shop; auth_request /asks; empty_gif; }
        location = /asks { internal; auth_jwt "r"; auth_jwt_issuers other; proxy_pass http://unix:%DIR%/app.sock; }
        location /included { ssi on; ssi_types *; auth_jwt "r"; auth_jwt_issuers shop; alias %DIR%/html/page; }
CONF
my $other = 'auth_jwt_issuer other { issuer ' . $idp->url . '; audience api; timeout 60s; key_url ' . $idp->url('/other') . '; }';
my $more = <<"CONF";
    $other
    server { listen unix:%DIR%/h2.sock$listen_http2; $http2
    $locations }
    server { listen unix:%DIR%/app.sock; location / { client_max_body_size 10m; return 204; } }
CONF
# They have a socket of their own, beside the usual ones.
$more .= "server { listen unix:%DIR%/more.sock; $locations }\n";
my %files = ('html/page' => 'a<!--# include virtual="/open" -->b');

# Sends a request with a body, and gives its connection.
sub posted {
    my ($nginx, $path, $body, $at_once) = @_;
    my $connection = $nginx->connect('more.sock');
    $connection->request('POST', $path, $GOOD, 'Content-Length: ' . length $body);
    $connection->send_bytes($at_once ? $body : substr $body, 0, 100);
    return $connection;
}

sub more {
    my ($nginx, $path, @lines) = @_;
    my $connection = $nginx->connect('more.sock');
    $connection->request('GET', $path, @lines ? @lines : $GOOD);
    return $connection;
}

{
    my $nginx = nginx({'/keys' => {%$SLOW, wait => 1.5}, '/other' => {%$SLOW, wait => 2}}, '', http => $more, files => \%files);
    my $kept = $nginx->connect;
    $kept->request('GET', '/', $GOOD) for 1 .. 5;
    my $client = JWT::Http2->new($nginx->directory . '/h2.sock');
    my @streams = map { $client->request(GET => '/', [$GOOD]) } 1 .. 10;
    my $cancelled = pop @streams;
    my $refused = $client->request(GET => '/', [$FORGED]);
    my $body = 'x' x 300_000;
    my $posted = posted($nginx, '/sent', $body, 1);
    my $begun = posted($nginx, '/sent', $body);
    my %paths = map { $_ => more($nginx, $_) } qw(/optional /dry /either /redirected /page /asked /included);
    my %bad = map { $_ => more($nginx, $_, $FORGED) } qw(/optional /dry /either /asked);
    is(more($nginx, '/denied')->outcome, '403', 'denied by its address: does not wait');
    is(more($nginx, '/any')->outcome, '200', 'satisfy any, allowed: neither');
    is(more($nginx, '/optional', 'X: y')->outcome, '200 no_token', 'optional, no token: neither');
    is(more($nginx, '/dry', 'X: y')->outcome, '200 no_token_dry_run', 'a dry run, no token: neither');
    ok($idp->wait_for_hits(2), 'all others wait for one fetch, and some for another one');
    $client->cancel($cancelled);
    $begun->send_bytes(substr $body, 100);
    is($kept->outcome, $OK, "a connection that is kept, request $_") for 1 .. 5;
    $kept->request('GET', '/', $GOOD);
    is($kept->outcome, $OK, 'and one more');
    is_deeply([map { $client->status($_) } @streams], [(200) x 9], 'streams of HTTP/2, one of which was cancelled');
    is($client->status($refused), 401, 'a bad token among them');
    is($posted->answer('POST')->{status}, 204, 'a body');
    is($begun->answer('POST')->{status}, 204, 'a body that comes while the request waits');
    for my $path (sort keys %paths) {
        my $answer = $paths{$path}->answer('GET');
        is(JWT::Connection::outcome_of($answer), $OK, "$path: waits, and passes");
        is($answer->{headers}{'x-sub'}, '<alice>', 'with its claims') if $path eq '/dry';
        is($answer->{body}, 'a' . $nginx->get('/open')->{body} . 'b', 'with what it includes') if $path eq '/included';
    }
    for my $path (sort keys %bad) {
        my $expected = $path eq '/dry' ? '200 invalid_signature_dry_run' : '401 invalid_signature';
        is($bad{$path}->outcome, $expected, "$path: a bad token waits, and is told");
    }
    is($idp->hits, 2, 'no further fetch');
    $nginx->is_calm('warn', qr/"auth_jwt_dry_run" is on|forbidden by rule|is buffered to a temporary file/);
}

# --- and the fetch fails: 500 -----------------------------------------------------------------------

{
    my $nginx = nginx({'/keys' => {status => 503, wait => 1}, '/other' => {%$SLOW, wait => 1.5}}, '', http => $more, files => \%files);
    my @clients = map { started($nginx, '/') } 1 .. 10;
    my %expected = ('/' => $UNAVAILABLE, '/optional' => $UNAVAILABLE, '/dry' => '200 keys_unavailable_dry_run', '/either' => $UNAVAILABLE,
        '/redirected' => $UNAVAILABLE, '/page' => $OK, '/asked' => $UNAVAILABLE);
    my %paths = map { $_ => more($nginx, $_) } keys %expected;
    my $posted = posted($nginx, '/sent', 'x' x 100_000, 1);
    my $client = JWT::Http2->new($nginx->directory . '/h2.sock');
    my $stream = $client->request(GET => '/', [$GOOD]);
    is_deeply(tally(@clients), {$UNAVAILABLE => 10}, 'the fetch fails: who waited is answered 500');
    is($posted->answer('POST')->{status}, 500, 'with a body, too');
    is($client->status($stream), 500, 'and over HTTP/2');
    for my $path (sort keys %expected) {
        my $answer = $paths{$path}->answer('GET');
        is(JWT::Connection::outcome_of($answer), $expected{$path}, "$path: $expected{$path}");
        is($answer->{headers}{'x-sub'}, '<>', 'without claims') if $path eq '/dry';
        ok(!$answer->{headers}{'www-authenticate'}, 'a failure of ours challenges nobody');
    }
    # While one is under way, they wait again.
    $idp->answer('/keys' => $SLOW);
    my $last = '';
    $nginx->wait_until(sub { ($last = $nginx->outcome('/', $GOOD)) eq $OK }, 60);
    is($last, $OK, 'then a fetch brings keys');
    $nginx->is_calm('warn', qr/$FAILED|"auth_jwt_dry_run" is on|is buffered to a temporary file/);
}

# Between two fetches nobody waits: the next one would take longer than a request may.
{
    my $nginx = nginx({status => 503}, '');
    is(started($nginx, '/')->outcome, $UNAVAILABLE, 'a fetch that fails');
    $idp->answer('/keys' => $HANGS);
    SKIP: {
        my $tally = tally(map { started($nginx, '/') } 1 .. 3);
        skip 'this machine is too slow', 1 if $idp->hits > 1;
        is_deeply($tally, {$UNAVAILABLE => 3}, 'none is under way: 500 at once');
    }
    ok($idp->wait_for_hits(2), 'a second later the next one begins');
    my $client = started($nginx, '/');
    $idp->stop;
    is($client->outcome, $UNAVAILABLE, 'it breaks: 500');
    $nginx->is_calm('warn', $FAILED);
}

# The server hangs: 500 after "timeout", though the connection would wait.
{
    my $begun = time;
    my $nginx = nginx($HANGS, 'timeout 1s;');
    my @clients = map { started($nginx, '/') } 1 .. 10;
    is_deeply(tally(@clients), {$UNAVAILABLE => 10}, 'the server hangs: who waited is answered 500');
    cmp_ok(time - $begun, '>', 0.9, 'after "timeout"');
    like($nginx->error_log, qr/\[error\].* issuer "shop" has no keys from "\Q$URL\E", client: /, 'with a line of its own');
    ok($nginx->wait_until(sub { $nginx->error_log =~ /\Q$URL\E": it took longer than "timeout" allows/ }), 'and one for the fetch');
    $nginx->is_calm('warn', $FAILED);
}

# --- there are keys: nobody waits but for an unknown kid ----------------------------------------------

{
    my $nginx = nginx({body => $idp->set('one')}, 'timeout 300s; key_cache 1h refresh=1s;');
    is(started($nginx, '/')->outcome, $OK, 'keys are there');
    $idp->answer('/keys' => $HANGS);
    $idp->forget;
    my @clients = map { started($nginx, '/', $NOBODY) } 1 .. 10;
    ok($idp->wait_for_hits(1), 'unknown kids make a fetch, which hangs');
    is(started($nginx, '/')->outcome, $OK, 'a known kid does not wait') for 1 .. 5;
    is(started($nginx, '/', $idp->bearer('one', undef, kid => undef))->outcome, $OK, 'nor does none');
    is(started($nginx, '/', $idp->bearer('two', undef, kid => undef))->outcome, '401 invalid_signature', 'whatever its signature');
    push @clients, map { started($nginx, '/', $NOBODY) } 1 .. 10;
    sleep 0.2;
    is($idp->hits, 1, 'one fetch for all of them');
    my $select = IO::Select->new(map { $_->{socket} } @clients);
    is(scalar(() = $select->can_read(0)), 0, 'who wait');
    $idp->stop;
    is_deeply(tally(@clients), {$UNKNOWN => 20}, 'it breaks: they are answered with the keys that are there');
    is(started($nginx, '/')->outcome, $OK, 'which serve on');
    is(started($nginx, '/', $NOBODY)->outcome, $UNKNOWN, 'for whom nothing is under way any more');
    $nginx->is_calm('warn', $FAILED);
}

# Keys that are fetched ahead of their time: nobody waits for that.
{
    my $nginx = nginx({body => $idp->set('one')}, 'timeout 300s; key_cache 1h stale=1h refresh=off;');
    is(started($nginx, '/')->outcome, $OK, 'keys are there');
    $idp->answer('/keys' => $HANGS);
    $idp->forget;
    $idp->let_pass($nginx, 3100);
    ok($idp->wait_for_hits(1), 'they are fetched ahead of time, which hangs');
    is(started($nginx, '/')->outcome, $OK, 'nobody waits for that') for 1 .. 5;
    is(started($nginx, '/', $NOBODY)->outcome, $UNKNOWN, 'nor with refresh=off an unknown kid');
    $nginx->is_calm('warn', $FAILED);
}

# --- several sources of a block: keys for decryption in a file, others by URL -----------------------

{
    my $content = JWT::key_set(JWT::jwk($JWT::CONTENT_KEY, use => 'enc'));
    my $nginx = nginx($SLOW, 'key_file %DIR%/html/content; key_url ' . "$URL;", files => {'html/content' => $content}, server => <<'CONF');
        location /nested { auth_jwt r; auth_jwt_type nested; auth_jwt_issuers shop; empty_gif; }
        location /encrypted { auth_jwt r; auth_jwt_type encrypted; auth_jwt_issuers shop; empty_gif; }
CONF
    my ($inner, $forged) = map { (split / /)[2] } $GOOD, $FORGED;
    my $claims = JWT::json({iss => $idp->url, aud => 'api', exp => 9_999_999_999, sub => 'bob'});
    my @clients = map { started($nginx, $_->[0], 'Authorization: Bearer ' . JWT::encrypted($_->[1])) }
        ['/nested', $inner], ['/nested', $forged], ['/encrypted', $claims];
    push @clients, started($nginx, '/');
    is_deeply([map { $_->outcome } @clients], [$OK, '401 invalid_signature', $OK, $OK], 'nested, nested and forged, encrypted, signed');
    is($idp->hits, 1, 'by one fetch');
    $nginx->is_calm('warn');
}

# Two sources by URL: a request waits for one after the other.
{
    my $nginx = nginx({'/keys' => $SLOW, '/late' => {body => $idp->set('two'), wait => 2}}, "key_url $URL; key_url " . $idp->url('/late') . ';');
    is_deeply(tally(map { started($nginx, '/', $idp->bearer($_)) } 'one', 'two'), {$OK => 2}, 'two sources, one later than the other');
    $nginx->is_calm('warn', $FAILED);
}

# --- clients that leave ------------------------------------------------------------------------------

{
    my $nginx = nginx($HANGS, 'timeout 300s;', http => "log_format status '\$status'; $more", files => \%files,
        main => 'worker_rlimit_nofile 4000;', server => 'location /left { access_log logs/left.log status; auth_jwt r; auth_jwt_issuers shop; empty_gif; }');
    ok($idp->wait_for_hits(1), 'a fetch that hangs');
    my $pid = $nginx->get('/open')->{headers}{'x-pid'};
    my $files = sub { my @files = glob "/proc/$pid/fd/*"; scalar @files };
    my $before = $files->();
    my ($left, $count) = (0, 50);
    for my $round (1 .. 4) {
        my @clients = map { started($nginx, '/left') } 1 .. $count;
        sleep 0.05;
        @clients = ();
        $left += $count;
        ok($nginx->wait_until(sub { (() = $nginx->read('logs/left.log') =~ /^499$/mg) == $left }), "round $round: $count leave while they wait: 499 at once");
    }
    my $client = JWT::Http2->new($nginx->directory . '/h2.sock');
    $client->request(GET => '/', [$GOOD]) for 1 .. 20;
    undef $client;
    my $posted = posted($nginx, '/sent', 'x' x 100_000);
    undef $posted;
    # The sample is taken by a connection less or more.
    ok($nginx->wait_until(sub { $files->() <= $before + 1 }), 'and nothing of them stays open');
    is($idp->hits('/keys'), 1, 'the fetch goes on');
    is_deeply([$idp->left], [], 'for whoever comes');
    my $later = started($nginx, '/');
    $idp->stop;
    is($later->outcome, $UNAVAILABLE, 'until it breaks');
    $nginx->is_calm('warn', qr/$FAILED|"auth_jwt_dry_run" is on/);
}

# Who waits has looked at a file of the same block before. Whoever comes after a change of it is judged by the change, be
# it on the same connection.
{
    my $nginx = nginx({body => $idp->set('one')}, "key_url $URL; key_file keys/f.json; key_cache 1h refresh=1s;",
        files => {'conf/keys/f.json' => $idp->set('file')});
    $idp->is_soon($nginx, $OK, 'a block with a URL and a file');
    my $token = $idp->bearer('file');
    is($nginx->outcome('/', $token), $OK, 'the key of the file');
    $idp->answer('/keys' => $SLOW);
    $idp->forget;
    my $connection = $nginx->connect;
    $connection->request('GET', '/', $NOBODY);
    ok($idp->wait_for_hits(1), 'an unknown kid waits for a fetch');
    $nginx->replace('conf/keys/f.json', $idp->set('another'));
    $connection->request('GET', '/', $token);
    is_deeply([map { $connection->outcome } 1, 2], [$UNKNOWN, $UNKNOWN], 'the key that was removed meanwhile serves nobody');
    $nginx->is_calm('warn');
}

done_testing();
