# What auth_jwt_key_request makes of the answers of a key server, good, bad, broken and endless:
# status, one line in the error log that names the source and what is wrong, and that the next
# request after the server's recovery is served.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use JWT;
use JWT::KeyServer;
use JWT::Server;

my $KEYS = JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'usual'));
my $MEGABYTE = 1 << 20;

# A set that is so many bytes long.
sub keys_of {
    my ($size) = @_;
    return $KEYS . ' ' x ($size - length $KEYS);
}

my $idp = JWT::KeyServer->new(answers => {'/good' => {body => $KEYS}});
my $tcp = JWT::KeyServer->new(tcp => 1);
my ($unix_address, $tcp_address) = ($idp->address, $tcp->address);
my $nginx = JWT::Server->new(
    server => <<"CONF",
        location /unix/ { internal; proxy_read_timeout 1s; proxy_pass http://$unix_address/; }
        location /tcp/ { internal; proxy_read_timeout 1s; proxy_pass http://$tcp_address/; }
        location /unbuffered/ {
            internal;
            proxy_read_timeout 1s;
            proxy_buffering off;
            proxy_http_version 1.1;
            proxy_pass http://$unix_address/;
        }
        location /cut-short/ {
            internal;
            proxy_read_timeout 1s;
            proxy_max_temp_file_size 0;
            proxy_pass http://$unix_address/;
        }
        location /returned/ {
            internal;
            return 302 /elsewhere;
        }
        location / {
            auth_jwt "r";
            auth_jwt_key_request \$arg_keys;
            add_header X-Status \$auth_jwt_status always;
            add_header X-Pid \$pid always;
            empty_gif;
        }
CONF
);

# What is served for the keys of a URI, and the lines of the log that are about key requests.
sub served {
    my ($uri) = @_;
    $nginx->new_lines;
    my $outcome = $nginx->outcome("/?keys=$uri", JWT::bearer());
    return ($outcome, grep {/ key (?:request|file) "/} $nginx->new_lines);
}

sub is_good {
    my ($uri, $name) = @_;
    my ($status, @lines) = served($uri);
    is($status, '200 ok', $name);
    is(scalar @lines, 0, "$name: nothing in the log") or diag(@lines);
    return;
}

# 500, exactly one line at "error", and what it says.
sub is_bad {
    my ($uri, $says, $name) = @_;
    my ($status, @lines) = served($uri);
    is($status, '500 keys_unavailable', $name);
    is(scalar @lines, 1, "$name: one line in the log") or diag(@lines);
    like($lines[0] // '', qr/\[error\].* key request "\Q$uri\E" $says/, "$name: what it says");
    ($status) = served('/unix/good');
    is($status, '200 ok', "$name: the next request finds good keys");
    return;
}

# --- good ones --------------------------------------------------------------

my %good = (
    plain => {body => $KEYS},
    chunked => {body => $KEYS, chunked => 1},
    'close-delimited' => {body => $KEYS, length => undef},
    '300k' => {body => keys_of(300_000)},
    '300k-chunked' => {body => keys_of(300_000), chunked => 1},
    '1m' => {body => keys_of($MEGABYTE)},
    '1m-endless' => {body => keys_of($MEGABYTE), length => undef},
    html => {body => $KEYS, type => 'text/html'},
    identity => {body => $KEYS, headers => ['Content-Encoding: identity']},
    slow => {body => $KEYS, wait => 0.5},
    cookie => {body => $KEYS, headers => ['Set-Cookie: a=b', 'Vary: *', 'Cache-Control: no-store']},
    bom => {body => "\n \t$KEYS\r\n"},
);
$idp->answer(map { ("/$_" => $good{$_}) } keys %good);
for my $name (sort keys %good) {
    is_good("/unix/$name", $name);
    is_good("/unbuffered/$name", "$name, unbuffered");
}
is_good('/cut-short/300k', '300k in memory alone');

# --- bad ones ---------------------------------------------------------------

my %bad = (
    'status-400' => [{status => 400, body => $KEYS}, qr/was answered with status 400, not 200/],
    'status-401' => [{status => 401, body => $KEYS}, qr/was answered with status 401, not 200/],
    'status-404' => [{status => 404, body => $KEYS}, qr/was answered with status 404, not 200/],
    'status-429' => [{status => 429, body => 'slow down'}, qr/was answered with status 429, not 200/],
    'status-500' => [{status => 500, body => ''}, qr/was answered with status 500, not 200/],
    'status-503' => [{status => 503, body => $KEYS}, qr/was answered with status 503, not 200/],
    'status-302' => [
        {status => 302, headers => ['Location: /good'], body => ''},
        qr/was answered with status 302, not 200/
    ],
    'status-201' => [{status => 201, body => $KEYS}, qr/was answered with status 201, not 200/],
    'status-206' => [{status => 206, body => $KEYS}, qr/was answered with status 206, not 200/],
    'status-204' => [
        {status => 204, body => '', length => undef}, qr/was answered with status 204, not 200/
    ],
    'status-304' => [
        {status => 304, body => '', length => undef}, qr/was answered with status 304, not 200/
    ],
    empty => [{body => ''}, qr/got no usable keys: /],
    'empty-endless' => [{body => '', length => undef}, qr/got no usable keys: /],
    page => [{body => "<html>\n", type => 'text/html'}, qr/got no usable keys: /],
    text => [{body => 'null'}, qr/got no usable keys: /],
    half => [{body => substr($KEYS, 0, 30)}, qr/got no usable keys: /],
    'no-keys' => [{body => '{"keys": []}'}, qr/got no usable keys: empty JWK set/],
    'no-list' => [{body => '{"error": "sorry"}'}, qr/got no usable keys: /],
    truncated => [
        {body => $KEYS, length => 5000},
        qr/(?:got \d+ bytes of an answer of 5000|broke off before the end)/
    ],
    'truncated-chunks' => [{body => $KEYS, chunked => 1, cut => 20}, qr/\S/],
    'gzip' => [
        {body => "\x1f\x8b\x08\x00", headers => ['Content-Encoding: gzip']},
        qr/got an answer with "Content-Encoding: gzip", which is not decoded/
    ],
    # The bytes would do: it is refused for what it says it is.
    'claims-br' => [
        {body => $KEYS, headers => ['Content-Encoding: br']},
        qr/got an answer with "Content-Encoding: br", which is not decoded/
    ],
    '1m-and-1' => [{body => keys_of($MEGABYTE + 1)}, qr/got an answer larger than 1 MiB/],
    '2m' => [{body => keys_of(2 * $MEGABYTE)}, qr/got an answer larger than 1 MiB/],
    '2m-chunked' =>
        [{body => keys_of(2 * $MEGABYTE), chunked => 1}, qr/got an answer larger than 1 MiB/],
    flood => [{body => $KEYS, length => undef, then => 'flood'}, qr/got an answer larger than 1 MiB/],
    hang => [{silent => 1, then => 'hang'}, qr/was answered with status 504, not 200/],
    'half-hang' => [{body => $KEYS, length => 5000, then => 'hang'}, qr/\S/],
    closed => [{silent => 1}, qr/was answered with status 502, not 200/],
    # nginx takes it for HTTP/0.9.
    nonsense => [{silent => 1, then => 'flood'}, qr/got an answer larger than 1 MiB/],
);
$idp->answer(map { ("/$_" => $bad{$_}[0]) } keys %bad);
for my $name (sort keys %bad) {
    my $started = time;
    is_bad("/unix/$name", $bad{$name}[1], $name);
    is_bad("/unbuffered/$name", $bad{$name}[1], "$name, unbuffered");
    cmp_ok(time - $started, '<', 20, "$name: does not take forever");
}
is_bad('/cut-short/2m', qr/got an answer larger than 1 MiB/, '2m in memory alone');
is_bad('/cut-short/flood', qr/got an answer larger than 1 MiB/, 'flood in memory alone');

$tcp->answer(
    '/reset' => {silent => 1, then => 'reset'},
    '/reset-amid' => {body => $KEYS, length => 5000, then => 'reset'},
    '/reset-after' => {body => $KEYS, chunked => 1, cut => 20, then => 'reset'},
);
is_bad('/tcp/reset', qr/was answered with status 502, not 200/, 'reset');
is_bad('/tcp/reset-amid', qr/(?:broke off|got \d+ bytes of)/, 'reset amid the answer');
is_bad('/tcp/reset-after', qr/\S/, 'reset amid the chunks');
is_bad('/returned/x', qr/was answered with status 302, not 200/, 'a redirect of our own');
is_bad('/none', qr/\S/, 'a URI that leads nowhere but to the location itself');

# --- the connection of a flood is closed, not left to run --------------------

$idp->forget;
served('/unix/flood');
$idp->wait_until(sub { $idp->left }, 3);
is_deeply([$idp->left], ['/flood'], 'the connection of an endless answer is closed');

# --- slow ones ---------------------------------------------------------------

# Each byte comes in time for proxy_read_timeout; only the whole takes too long.
$idp->answer('/drip' => {body => substr($KEYS, 0, 10), length => undef, then => 'drip'});
SKIP: {
    skip 'takes a minute: set AUTH_JWT_LONG=1', 4 unless $ENV{AUTH_JWT_LONG};
    my $client = $nginx->connect;
    $client->{patience} = 75;
    $nginx->new_lines;
    my $started = time;
    my $answer = $client->get('/?keys=/unix/drip', JWT::bearer());
    is($answer->{status}, 500, 'an answer that drips for ever');
    cmp_ok(abs(time - $started - 60), '<', 3, 'is given up after a minute');
    my @lines = grep {/ key request "/} $nginx->new_lines;
    is(scalar @lines, 1, 'one line in the log') or diag(@lines);
    like($lines[0], qr/took longer than 60 s/, 'what it says');
    $idp->wait_until(sub { grep { $_ eq '/drip' } $idp->left });
}

# A client that leaves ends a drip.
$idp->forget;
my $client = $nginx->started('/?keys=/unix/drip', JWT::bearer());
ok($idp->wait_for_hits(1), 'an answer drips');
undef $client;
$idp->wait_until(sub { $idp->left }, 3);
is_deeply([$idp->left], ['/drip'], 'and is given up with its client');

# --- outage and recovery ------------------------------------------------------

is_good('/unix/plain', 'before the outage');
$idp->stop;
my ($status, @lines) = served('/unix/plain');
is($status, '500 keys_unavailable', 'nobody listens');
is(scalar @lines, 1, 'one line about it') or diag(@lines);
like($lines[0], qr/\[error\].* key request "\/unix\/plain" .*502/, 'what it says');
$idp->start;
is_good('/unix/plain', 'the first request after the outage');

# --- nothing else in the log -----------------------------------------------------

$nginx->is_calm('alert');
my $secrets = join '|', map {quotemeta} JWT::b64url($JWT::SECRET), (split /[.]/, JWT::token())[2];
unlike($nginx->error_log, qr/$secrets/, 'no key, no signature in the log');

done_testing();
