# The client's body: the subrequest for keys has none, and the client's reaches the upstream whole,
# whatever its size, its framing and the version of HTTP.
use strict;
use warnings;

use Digest::SHA qw(sha1_hex);
use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Http2;
use JWT::KeyServer;
use JWT::Server;

my $KEYS = JWT::key_set(JWT::jwk($JWT::SECRET));
my $MEGABYTE = 1 << 20;

my $idp = JWT::KeyServer->new(answers => {
    '/keys' => {body => $KEYS}, '/slow' => {body => $KEYS, wait => 0.3},
    '/broken' => {status => 503, body => ''},
});
my $address = $idp->address;
my $version = qx($ENV{TEST_NGINX_BINARY} -v 2>&1) =~ m{nginx/1[.](\d+)} ? $1 : 0;
my ($listen_http2, $http2) = $version >= 25 ? ('', 'http2 on;') : (' http2', '');

# The API stores what it gets; its answer tells the method. dav answers 201 and 204.
my $locations = <<"CONF";
        client_max_body_size 64m;
        location ~ ^/keys/(\\w+)\$ { internal; proxy_pass http://$address/\$1; }
        location /api/ {
            auth_jwt "r";
            auth_jwt_key_request /keys/keys;
            proxy_pass http://unix:%DIR%/api.sock:/;
        }
        location /slow/ {
            auth_jwt "r";
            auth_jwt_key_request /keys/slow;
            auth_jwt_key_cache 1ms;
            proxy_pass http://unix:%DIR%/api.sock:/;
        }
        location /stream/ {
            auth_jwt "r";
            auth_jwt_key_request /keys/slow;
            auth_jwt_key_cache 1ms;
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_pass http://unix:%DIR%/api.sock:/;
        }
        location /broken/ {
            auth_jwt "r";
            auth_jwt_key_request /keys/broken;
            proxy_pass http://unix:%DIR%/api.sock:/;
        }
        # A key location may be strict about bodies: there is none.
        location = /strict {
            internal;
            client_max_body_size 1;
            limit_except GET { deny all; }
            proxy_pass http://$address/keys;
        }
        location /strict/ {
            auth_jwt "r";
            auth_jwt_key_request /strict;
            proxy_pass http://unix:%DIR%/api.sock:/;
        }
CONF
my $nginx = JWT::Server->new(
    http => <<"CONF",
    server {
        listen unix:%DIR%/h2.sock$listen_http2;
        $http2
$locations
    }
    server {
        listen unix:%DIR%/api.sock;
        root %DIR%/html;
        client_max_body_size 64m;
        client_body_buffer_size 16k;
        location / {
            dav_methods PUT DELETE;
            add_header X-Method \$request_method always;
            add_header X-Body-Length "\$content_length" always;
            error_page 405 =200 \@get;
        }
        location \@get { add_header X-Method \$request_method always; return 200; }
    }
CONF
    server => $locations,
);
my $directory = $nginx->directory;

# Bytes that differ everywhere, so that a lost or doubled piece shows.
sub bytes {
    my ($size) = @_;
    my $line = 0;
    my $text = '';
    $text .= sprintf "%015d\n", $line++ while length $text < $size;
    return substr $text, 0, $size;
}

sub stored {
    my ($name) = @_;
    my $text = $nginx->read("html/$name");
    unlink "$directory/html/$name";
    return $text;
}

sub is_stored {
    my ($name, $body, $what) = @_;
    my $stored = stored($name);
    is(length $stored, length $body, "$what: the length");
    is(sha1_hex($stored), sha1_hex($body), "$what: the bytes");
    return;
}

# No subrequest had a body, or spoke of one.
sub is_bodyless {
    my ($what) = @_;
    my @asked = $idp->requests;
    is(scalar @asked, 1, "$what: the keys were asked for once");
    my $asked = $asked[0] // {headers => {}};
    is($asked->{method}, 'GET', "$what: by GET");
    my @about = grep {/^(?:content-|transfer-|expect)/} keys %{$asked->{headers}};
    is_deeply(\@about, [], "$what: no word about a body");
    is($asked->{body}, '', "$what: no body");
    return;
}

# A PUT with header lines and the bytes after them, sent in pieces with pauses.
sub put {
    my ($path, $lines, @pieces) = @_;
    $idp->forget;
    my $client = $nginx->connect;
    $client->request('PUT', $path, @$lines, JWT::bearer());
    for my $piece (@pieces) {
        ref $piece ? sleep $$piece : $client->send_bytes($piece);
    }
    return $client->answer('PUT');
}

sub pieces { return unpack '(a100000)*', $_[0] }

sub chunked { return join '', (map { sprintf "%x\r\n%s\r\n", length, $_ } @_), "0\r\n\r\n" }

# --- methods --------------------------------------------------------------------

for my $method (qw(GET HEAD POST PUT DELETE OPTIONS PATCH PROPFIND REPORT)) {
    $idp->forget;
    $nginx->write('html/there', 'x');
    my $client = $nginx->connect;
    $client->request($method, '/api/there', 'Content-Length: 0', JWT::bearer());
    my $answer = $client->answer($method);
    ok($answer, "$method: there is an answer");
    is($answer->{headers}{'x-method'}, $method, "$method: reaches the API");
    is_bodyless($method);
}

# --- sizes and framings ------------------------------------------------------------

for my $size (0, 1, 1000, 20_000, 20 * $MEGABYTE) {
    my $body = bytes($size);
    for my $path (qw(api slow)) {
        my $answer = put("/$path/file", ["Content-Length: $size"], $body);
        is($answer->{status}, 201, "/$path, $size bytes");
        is_stored('file', $body, "/$path, $size bytes");
        is_bodyless("/$path, $size bytes");
    }
    my @chunks = pieces($body);
    my $answer = put('/api/file', ['Transfer-Encoding: chunked'], chunked(@chunks));
    is($answer->{status}, 201, "$size bytes in chunks");
    is_stored('file', $body, "$size bytes in chunks");
    is_bodyless("$size bytes in chunks");
}

my $body = bytes(20 * $MEGABYTE);
my $answer = put('/stream/file', ['Transfer-Encoding: chunked'],
    chunked(pieces($body)));
is($answer->{status}, 201, 'unbuffered, in chunks');
is_stored('file', $body, 'unbuffered, in chunks');
is_bodyless('unbuffered, in chunks');

$answer = put('/strict/file', ['Content-Length: 100000'], bytes(100_000));
is($answer->{status}, 201, 'a key location that allows GET and one byte');
is_stored('file', bytes(100_000), 'a key location that allows GET and one byte');

# --- when the body comes -------------------------------------------------------------

# The keys take a while. The body comes before, amid and after them.
my @pieces = pieces(bytes(300_000));
my %orders = (
    'all at once' => [@pieces],
    'after the keys' => [\0.5, @pieces],
    'amid the keys' => [\0.1, @pieces],
    'drop by drop' => [$pieces[0], \0.1, $pieces[1], \0.3, $pieces[2]],
);
for my $order (sort keys %orders) {
    my $answer = put('/slow/file', ['Content-Length: 300000'], @{$orders{$order}});
    is($answer->{status}, 201, $order);
    is_stored('file', bytes(300_000), $order);
    is_bodyless($order);
}

# --- those who share a fetch ------------------------------------------------------------

# One request fetches, the others wait for it, each with a body of its own.
$idp->forget;
my @clients = map { $nginx->connect } 1 .. 5;
my @bodies = map { bytes($_ * 100_000) } 1 .. 5;
for my $number (0 .. 4) {
    my $length = length $bodies[$number];
    $clients[$number]
        ->request('PUT', "/slow/file-$number", "Content-Length: $length", JWT::bearer());
    $idp->wait_for_hits(1);
}
$clients[$_]->send_bytes($bodies[$_]) for 0 .. 4;
for my $number (0 .. 4) {
    is($clients[$number]->answer('PUT')->{status}, 201, "shared keys, $number: stored");
    is_stored("file-$number", $bodies[$number], "shared keys, $number");
}
is($idp->hits, 1, 'shared keys: one fetch');
# The connections are good for more.
for my $number (0 .. 4) {
    my $answer = $clients[$number]->get('/api/there', JWT::bearer());
    is($answer->{status}, 200, "the connection $number is used again");
}

# --- Expect: 100-continue ------------------------------------------------------------------

for my $path (qw(api slow stream)) {
    $idp->forget;
    my $client = $nginx->connect;
    $client->request('PUT', "/$path/file", 'Expect: 100-continue', 'Content-Length: 50000',
        JWT::bearer());
    ok(
        $client->fill_until(sub { $client->{buffer} =~ /\AHTTP\/1[.]1 100 Continue\r\n\r\n/ }),
        "/$path, Expect: the body is called for",
    );
    is_bodyless("/$path, Expect");
    $client->send_bytes(bytes(50_000));
    is($client->answer('PUT')->{status}, 201, "/$path, Expect: stored");
    is_stored('file', bytes(50_000), "/$path, Expect");
}

$idp->forget;
my $client = $nginx->connect;
$client->request('PUT', '/api/file', 'Expect: 100-continue', 'Content-Length: 50000',
    JWT::bearer(undef, secret => 'x'));
is($client->answer('PUT')->{status}, 401, 'Expect, a token that is refused: 401');
ok(!-e "$directory/html/file", 'and nothing is stored');

# --- refused, with a body ---------------------------------------------------------------------

# On one connection: the body must not be taken for the next request.
$client = $nginx->connect;
my $refused = JWT::bearer(undef, secret => 'x');
for my $path (qw(api slow broken)) {
    for my $size (5, 100_000) {
        $client->request('PUT', "/$path/file", "Content-Length: $size", $refused);
        $client->send_bytes(bytes($size));
        my $answer = $client->answer('PUT');
        is($answer->{status}, $path eq 'broken' ? 500 : 401, "/$path, refused, $size bytes");
        ok(!-e "$directory/html/file", 'nothing is stored');
        $client = $nginx->connect if ($answer->{headers}{connection} // '') eq 'close';
        $answer = $client->get('/api/there', JWT::bearer());
        is($answer->{status}, 200, 'the next request on the connection');
    }
}

# --- HTTP/2 -------------------------------------------------------------------------------------

SKIP: {
    my $able = qx(curl --version 2>/dev/null) =~ /HTTP2/ && qx(curl --version) =~ /UnixSockets/;
    skip 'curl cannot do HTTP/2 on a unix socket', 36 unless $able;
    my @curl = ('curl', '-sS', '--http2-prior-knowledge', '--unix-socket', "$directory/h2.sock",
        '--max-time', 20, '-w', '%{http_version} %{http_code}\n', '-o', '/dev/null',
        '-H', JWT::bearer());
    my $curl = sub {
        my (@arguments) = @_;
        my $pid = open(my $output, '-|', @curl, @arguments) // die "cannot run curl: $!";
        my $text = join '', <$output>;
        close $output;
        return $text;
    };
    for my $size (0, 20_000, 20 * $MEGABYTE) {
        $nginx->write('upload', bytes($size));
        for my $path (qw(api slow stream)) {
            $idp->forget;
            my $told = $curl->('-T', "$directory/upload", "http://localhost/$path/file");
            is($told, "2 201\n", "HTTP/2, /$path, $size bytes");
            is_stored('file', bytes($size), "HTTP/2, /$path, $size bytes");
            is($idp->hits, 1, "HTTP/2, /$path, $size bytes: one fetch");
        }
    }
}

# Streams of one connection that share a fetch.
for my $path (qw(api slow stream)) {
    $idp->forget;
    my $client = JWT::Http2->new("$directory/h2.sock");
    my %bodies = map { $_ => bytes($_ * 10_000) } 0 .. 5;
    my %streams = map { $_ => $client->request(PUT => "/$path/file-$_", [JWT::bearer()], $bodies{$_}) }
        sort keys %bodies;
    for my $number (sort keys %bodies) {
        is($client->status($streams{$number}), 201, "HTTP/2, /$path, stream $number");
        is_stored("file-$number", $bodies{$number}, "HTTP/2, /$path, stream $number");
    }
    is($idp->hits, 1, "HTTP/2, /$path, six streams: one fetch") if $path ne 'api';
    my $stream = $client->request(GET => '/api/there', [JWT::bearer()]);
    is($client->status($stream), 200, "HTTP/2, /$path, another stream later");
}

$nginx->is_calm('warn', qr/\[error\]|buffered to a temp/);

done_testing();
