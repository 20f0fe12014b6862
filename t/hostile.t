# Input that means harm: odd header fields of HTTP/2, enormous tokens and key sets, deep JSON, key
# files that are none, key servers that never end, clocks that jump. Each ends in its status and one
# line of log, and the worker answers everybody else meanwhile.
use strict;
use warnings;

use File::Temp ();
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Http2;
use JWT::KeyServer;
use JWT::Server;

my $SLOW = $ENV{TEST_NGINX_USE_VALGRIND} ? 30 : 1;

# Headers may be as long as this; nginx refuses longer ones itself.
my $LARGEST = 1 << 20;

# Nesting far beyond what any parser that recurses survives.
my $LEVELS = 100_000;
my $DEEP = '[' x $LEVELS . ']' x $LEVELS;
my $MANY = 10_000;

# A library that moves nginx's time of day by as many seconds as a file says.
my $CLOCK = <<'C';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long jump(void) {
    long seconds = 0;
    FILE *file = fopen(JUMP, "r");
    if (file) { if (fscanf(file, "%ld", &seconds) != 1) seconds = 0; fclose(file); }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += jump();
    return result;
}

int gettimeofday(struct timeval *time, void *zone) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(time, zone);
    time->tv_sec += jump();
    return result;
}
C

sub write_file {
    my ($name, $bytes) = @_;
    open my $file, '>', $name or die "cannot write $name: $!";
    print {$file} $bytes;
    close $file;
    return;
}

my $idp = JWT::KeyServer->new;
my $address = $idp->address;
my $GOOD = JWT::key_set(JWT::jwk($JWT::SECRET));

# So many keys, of which the last one is $JWT::SECRET.
my @many = map { JWT::jwk("a secret of many octets, number $_", kid => "k$_") } 1 .. $MANY - 1;
my $many = JWT::key_set(@many, JWT::jwk($JWT::SECRET, kid => 'last'));
my $wide = JWT::key_set(map { {kty => 'XYZ', kid => "k$_"} } 1 .. $MANY);

my $nginx = JWT::Server->new(
    files => {
        'html/good' => $GOOD,
        'html/many' => $many,
        'html/wide' => $wide,
        'html/deep' => $DEEP,
        'html/deep-member' => qq({"x":$DEEP,"keys":[]}),
        'html/deep-entry' => qq({"keys":[{"kty":"oct","k":"AA","x":$DEEP}]}),
        'html/changing' => $GOOD,
    },
    http => <<"CONF",
    large_client_header_buffers 4 1m;
    proxy_buffers 8 4k;
    auth_jwt "r";
    add_header X-Status \$auth_jwt_status always;
    add_header X-Pid \$pid always;
    server {
        listen unix:%DIR%/http2.sock http2;
        location / { auth_jwt_key_file %DIR%/html/good; empty_gif; }
    }
CONF
    server => <<"CONF",
    location ~ ^/file/(.+)\$ { auth_jwt_key_file %DIR%/html/\$1; empty_gif; }
    location = /proc { auth_jwt_key_file /proc/self/mem; empty_gif; }
    location ~ ^/fetched/(.+)\$ { auth_jwt_key_request /keys/\$1; empty_gif; }
    location /keys/ { internal; proxy_pass http://$address/; }
    location = /claim { auth_jwt_key_file %DIR%/html/good; add_header X-Status \$auth_jwt_status; add_header X-Claim \$jwt_claim_x; empty_gif; }
CONF
);
my $html = $nginx->directory . '/html';
my $TOKEN = JWT::token();
my ($WORKER) = map { $_->{headers}{'x-pid'} } $nginx->get('/file/good');
ok($WORKER, 'a worker');

# Lines of nginx's own, about processes, its upstreams' names and connections.
my $nginxs_own = qr/\[notice\] \d+#\d+: (?!\*)|client .*closed|\[warn\] \d+#\d+: \*?.*(?:a client request|an upstream response) is buffered/;

sub lines { return grep { !/$nginxs_own/ } $nginx->new_lines }

# Asks, and compares status, word and the lines of log (none where no pattern is given).
sub ends {
    my ($name, $path, $token, $expected, $line) = @_;
    lines();
    my $started = time;
    my $answer = $nginx->get($path, defined $token ? "Authorization: Bearer $token" : ());
    my $took = time - $started;
    my $headers = $answer ? $answer->{headers} : {};
    is(join(' ', $answer ? $answer->{status} : 'no answer', $headers->{'x-status'} // ()), $expected, $name);
    is($headers->{'x-pid'}, $WORKER, "$name: the worker lives") if defined $headers->{'x-pid'};
    cmp_ok($took, '<', 5 * $SLOW, "$name: no long wait");
    my @lines = lines();
    is(scalar @lines, $line ? 1 : 0, "$name: one line or none") or diag(map { substr $_, 0, 300 } @lines);
    like($lines[0], $line, "$name: the line") if $line;
    cmp_ok(length $lines[0], '<', 4096, "$name: a short one") if $line;
    return;
}

# --- header fields of HTTP/2 ---------------------------------------------------

sub http2 {
    my (@lines) = @_;
    my $client = JWT::Http2->new($nginx->directory . '/http2.sock');
    return $client->status($client->request('GET', '/', \@lines)) // 'nothing';
}

my $bearer = "authorization: Bearer $TOKEN";
my $refused = 'authorization: Bearer ' . JWT::refused('invalid_signature');
lines();
for my $case (
    ['no field', 401],
    ['a good one', 200, $bearer],
    ['an empty one', 401, 'authorization: '],
    ['a scheme alone', 401, 'authorization: Bearer'],
    ['a scheme and spaces', 401, 'authorization: Bearer' . ' ' x 1000],
    ['two good ones', 400, $bearer, $bearer],
    ['a good one and a bad one', 400, $bearer, $refused],
    ['a bad one and a good one', 400, $refused, $bearer],
    ['an empty one and a good one', 400, 'authorization: ', $bearer],
    ['a good one among many other fields', 200, (map {"x-$_: y"} 1 .. 200), $bearer, (map {"z-$_: y"} 1 .. 200)],
    ['a thousand schemes', 401, 'authorization: ' . 'Bearer ' x 1000 . $TOKEN],
    ['bytes beyond ASCII', 401, "authorization: Bearer \xFF\xFE$TOKEN"],
    ['a tab instead of a space', 401, "authorization: Bearer\t$TOKEN"],
) {
    my ($name, $status, @fields) = @$case;
    is(http2(@fields), $status, "HTTP/2: $name");
    my @lines = lines();
    is(scalar @lines, $status == 200 ? 0 : 1, "HTTP/2: $name: one line or none") or diag(@lines);
}
# What is no field at all nginx refuses or leaves out before anybody sees it.
isnt(http2("Authorization\0: Bearer $TOKEN"), 200, 'HTTP/2: a name with a NUL');
isnt(http2("$bearer\0"), 200, 'HTTP/2: a value with a NUL');
isnt(http2("$bearer\r\nx: y"), 200, 'HTTP/2: a value with a line break');

# --- sizes ----------------------------------------------------------------------

my $room = $LARGEST - length('Authorization: Bearer ') - length "\r\n";
my $largest = JWT::token({x => 'x' x int(($room - 200) * 3 / 4 - 100)});
cmp_ok(length $largest, '>', 0.99 * $LARGEST, 'a token almost as long as a header may be');
ends('the largest token', '/file/good', $largest, '200 ok');
ends('the largest token, its claim in a header', '/claim', $largest, '200 ok');
my $told = $nginx->get('/claim', "Authorization: Bearer $largest")->{headers}{'x-claim'} // '';
ok(length $told > 700_000 && $told =~ /\Ax+\z/, 'the claim is whole');
ends('one bit wrong at its end', '/file/good', $largest =~ s/.{4}\z/AAAA/r, '401 invalid_signature', qr/JWT HS validation failed/);
my $answer = $nginx->get('/file/good', 'Authorization: Bearer ' . $largest . 'x' x 10_000);
is($answer->{status}, 400, 'a longer one: nginx refuses it');
ends('dots alone', '/file/good', '.' x $room, '401 malformed_token', qr/malformed JWT/);
ends('a hundred thousand members', '/file/good',
    JWT::token('{' . join(',', map {qq("m$_":0)} 1 .. 50_000) . '}'), '200 ok');
ends('a hundred thousand times the same member', '/file/good',
    JWT::token('{' . join(',', ('"m":0') x 50_000) . '}'), '401 malformed_token', qr/malformed JWT/);

# --- depth ----------------------------------------------------------------------

ends('deep claims', '/file/good', JWT::token(qq({"x":$DEEP})), '401 malformed_token', qr/malformed JWT/);
ends('claims that are deep and nothing else', '/file/good', JWT::token($DEEP), '401 malformed_token', qr/malformed JWT/);
ends('claims that never close', '/file/good', JWT::token('{"x":' x $LEVELS), '401 malformed_token', qr/malformed JWT/);
ends('a deep header', '/file/good', JWT::token({}, header_bytes => qq({"alg":"HS256","x":$DEEP})), '401 malformed_token', qr/malformed JWT/);
ends("a key file that is $_", "/file/$_", $TOKEN, '500 keys_unavailable', qr/\[error\] .*$_/) for 'deep', 'deep-member';
ends('a key file with a deep entry', '/file/deep-entry', $TOKEN, '500 keys_unavailable', qr/\[error\] /);
$idp->answer('/deep' => {body => qq({"keys":$DEEP})}, '/many' => {body => $many}, '/wide' => {body => $wide});
ends('a deep answer to a key request', '/fetched/deep', $TOKEN, '500 keys_unavailable', qr/\[error\] .*got no usable keys/);

# --- many keys ------------------------------------------------------------------

for my $place ('file', 'fetched') {
    ends("$MANY keys, $place: the last", "/$place/many", JWT::token({}, kid => 'last'), '200 ok');
    ends("$MANY keys, $place: no such kid", "/$place/many", JWT::token({}, kid => 'none'), '401 unknown_key', qr/no key found/);
    ends("$MANY keys, $place: no kid", "/$place/many", $TOKEN, '401 invalid_signature', qr/JWT HS validation failed/);
    lines();
    $answer = $nginx->get("/$place/wide", "Authorization: Bearer $TOKEN");
    is($answer->{status}, 500, "$MANY entries of which none is usable, $place");
    my @lines = lines();
    is(scalar(grep {/\[notice\] .*is not usable/} @lines), $MANY, 'one notice for each');
    is(scalar(grep {/\[error\] .*empty JWK set/} @lines), 1, 'one error for the set');
    is(scalar @lines, $MANY + 1, 'and nothing else');
}

# --- files that are none --------------------------------------------------------

symlink 'nowhere', "$html/dangling";
symlink 'loop-b', "$html/loop-a";
symlink 'loop-a', "$html/loop-b";
symlink 'good/', "$html/below";
my $listener = IO::Socket::UNIX->new(Local => "$html/socket", Listen => 1);
ends('a link to nothing', '/file/dangling', $TOKEN, '500 keys_unavailable', qr/\[error\] .*No such file/);
ends('links in a circle', '/file/loop-a', $TOKEN, '500 keys_unavailable', qr/\[error\] .*symbolic links/);
ends('a link below a file', '/file/below', $TOKEN, '500 keys_unavailable', qr/\[error\] .*Not a directory/);
ends('a socket', '/file/socket', $TOKEN, '500 keys_unavailable', qr/\[error\] .*socket/);
ends('a name that is too long', '/file/' . 'x' x 300, $TOKEN, '500 keys_unavailable', qr/\[error\] .*File name too long/);
ends('a file that cannot be read from', '/proc', $TOKEN, '500 keys_unavailable', qr/\[error\] .*mem\\?" .*cannot be read/);

ends('a key file', '/file/changing', $TOKEN, '200 ok');
for my $step (
    ['a FIFO', sub { POSIX::mkfifo("$html/changing", 0600) }],
    ['a directory', sub { mkdir "$html/changing" }],
    ['a link in a circle', sub { symlink 'changing', "$html/changing" }],
) {
    my ($name, $make) = @$step;
    unlink "$html/changing";
    ok($make->(), "replaced by $name");
    sleep 0.005;
    ends($name, '/file/changing', $TOKEN, '500 keys_unavailable', qr/\[error\] .*changing/);
    rmdir "$html/changing" or unlink "$html/changing";
    $nginx->write('html/changing', $GOOD);
    sleep 0.005;
    ends("$name, then a file again", '/file/changing', $TOKEN, '200 ok');
}

# Whoever may read everything does not run nginx's workers.
{
    my $other = JWT::Server::Unprivileged->prepared(
        files => {'html/good' => $GOOD, 'html/closed' => $GOOD, 'html/shut/good' => $GOOD},
        server => 'location ~ ^/(.+)$ { auth_jwt "r"; auth_jwt_key_file %DIR%/html/$1; empty_gif; }',
    );
    chmod 0755, $other->directory;
    chmod 0000, $other->directory . "/html/$_" for 'closed', 'shut';
    $other->start;
    chmod 0777, $other->directory . '/nginx.sock';
    is($other->get('/good', "Authorization: Bearer $TOKEN")->{status}, 200, 'a file that may be read');
    for my $name ('closed', 'shut/good') {
        $other->new_lines;
        is($other->get("/$name", "Authorization: Bearer $TOKEN")->{status}, 500, "$name: may not be read");
        my @lines = grep { !/$nginxs_own/ } $other->new_lines;
        is(scalar @lines, 1, "$name: one line");
        like($lines[0], qr/\[error\] .*Permission denied/, "$name: the line");
    }
    chmod 0755, $other->directory . '/html/shut';
}

# --- a file that is being written -------------------------------------------------

{
    my $writer = fork // die "cannot fork: $!";
    if (!$writer) {
        for my $round (1 .. 100) {
            open my $file, '>:raw', "$html/changing" or last;
            $file->autoflush;
            print {$file} substr $GOOD, 0, 20;
            sleep 0.003;
            print {$file} substr $GOOD, 20;
            close $file;
            sleep 0.003;
        }
        POSIX::_exit(0);
    }
    lines();
    my %tally;
    while (waitpid($writer, POSIX::WNOHANG()) == 0) {
        my $seen = $nginx->get('/file/changing', "Authorization: Bearer $TOKEN");
        $tally{$seen ? $seen->{status} : 'no answer'}++;
    }
    my $failed = delete $tally{500} // 0;
    my $passed = delete $tally{200} // 0;
    is_deeply(\%tally, {}, 'half written: 500, whole: 200, nothing else');
    cmp_ok($_, '>', 0, "of each: $_") for $failed, $passed;
    is(scalar lines(), $failed, 'one line for each 500');
    sleep 0.005;
    ends('then it is whole', '/file/changing', $TOKEN, '200 ok');
}

# --- a key server that never ends ---------------------------------------------------

{
    $idp->answer('/drip' => {body => '{"keys":', length => undef, then => 'drip', pace => 0.05}, '/silent' => {silent => 1, then => 'hang'});
    my @waiting = map {
        my $client = $nginx->connect;
        $client->request('GET', "/fetched/$_", "Authorization: Bearer $TOKEN");
        $client;
    } ('drip', 'silent') x 20;
    ok($idp->wait_for_hits(2), 'forty requests wait for keys that never come');
    ends('meanwhile another one', '/file/good', $TOKEN, '200 ok') for 1 .. 20;
}

# --- clocks that jump ---------------------------------------------------------------

SKIP: {
    my $place = File::Temp->newdir('clock-XXXXXX', TMPDIR => 1);
    write_file("$place/clock.c", $CLOCK);
    my $built = system('cc', '-shared', '-fPIC', '-O1', qq(-DJUMP="$place/jump"), '-o', "$place/clock.so", "$place/clock.c", '-ldl');
    skip 'there is no C compiler here', 1 if $built != 0;
    my $now = time;
    local $ENV{LD_PRELOAD} = "$place/clock.so";
    my $jumping = JWT::Server->new(
        files => {'html/keys' => $GOOD},
        server => <<'CONF',
        location / { auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; add_header X-Status $auth_jwt_status always; empty_gif; }
        location /kept { auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; auth_jwt_key_cache 1h; add_header X-Status $auth_jwt_status always; empty_gif; }
CONF
    );
    my $ask = sub {
        my ($path, %options) = @_;
        my $token = JWT::token({nbf => int $now - 3600, exp => int $now + 3600}, %options);
        sleep 0.005;
        my $seen = $jumping->get($path, "Authorization: Bearer $token");
        return "$seen->{status} $seen->{headers}{'x-status'}";
    };
    for my $round (1, 2) {
        for my $jump ([0, '200 ok'], [7200, '401 expired'], [0, '200 ok'], [-7200, '401 not_yet_valid'],
            [-2_000_000_000, '401 not_yet_valid'], [2_000_000_000, '401 expired'], [10_000_000_000, '401 expired'], [0, '200 ok'])
        {
            write_file("$place/jump", "$jump->[0]\n");
            is($ask->($_), $jump->[1], "the clock is off by $jump->[0] s, $_, round $round") for '/', '/kept';
        }
    }
    # The times of files are then those of another clock.
    for my $jump (-86_400, 86_400) {
        write_file("$place/jump", "$jump\n");
        $jumping->replace('html/keys', JWT::key_set(JWT::jwk($JWT::OTHER_SECRET)));
        my $word = $jump < 0 ? '401 not_yet_valid' : '401 expired';
        is($ask->('/', secret => $JWT::OTHER_SECRET), $word, "off by $jump s: a new key file is seen");
        is($ask->('/'), '401 invalid_signature', "off by $jump s: the old key is gone");
        $jumping->write('html/keys', $GOOD);
        is($ask->('/'), $word, "off by $jump s: so is one written in place");
    }
}

my $last = $nginx->get('/file/good', "Authorization: Bearer $TOKEN");
is($last->{headers}{'x-pid'}, $WORKER, 'all by one and the same worker');
$nginx->is_calm('crit');

done_testing();

# A server whose workers are nobody, where we are root.
package JWT::Server::Unprivileged;

our @ISA;
BEGIN { @ISA = ('JWT::Server') }

sub command {
    my ($self, @more) = @_;
    my $group = getgrgid((getpwnam 'nobody')[3]);
    return map { s/ user root;/ user nobody $group;/r } $self->SUPER::command(@more);
}
