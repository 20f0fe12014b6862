# Tokens over HTTP/1.1 and HTTP/2: methods, Expect, pipelining, streams side by side.
use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use Test::More;

use JWT;
use JWT::Connection;
use JWT::Server;

my $PATIENCE = 10;

my $nginx = JWT::Server->new(
    files => {'html/keys' => JWT::key_set(JWT::jwk($JWT::SECRET))},
    http => <<'CONF',
    upstream application { server unix:%DIR%/app.sock; keepalive 4; }
    server {
        listen unix:%DIR%/app.sock;
        location / { return 200 "$request_method $http_x_sub $content_length"; }
    }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Sub $jwt_claim_sub;
    add_header X-Status $auth_jwt_status always;
    auth_jwt_key_file %DIR%/html/keys;
    server {
        listen unix:%DIR%/http2.sock http2;
        location / { auth_jwt "two"; proxy_pass http://application; }
    }
CONF
    server => 'location / { auth_jwt "one"; proxy_pass http://application; }',
);
my $directory = $nginx->directory;
my $forged = 'Authorization: Bearer ' . JWT::refused('invalid_signature');

# HTTP/1.1: methods.
for my $method (qw(GET HEAD OPTIONS POST PUT DELETE PATCH)) {
    my $connection = $nginx->connect;
    for my $round (1, 2) {
        my @cases = ([401, 'Bearer realm="one"'], [200, undef, JWT::bearer({sub => "$method$round"})],
            [401, 'Bearer realm="one", error="invalid_token"', $forged]);
        for my $case (@cases) {
            my ($status, $challenge, @lines) = @$case;
            $connection->request($method, '/', @lines);
            my $answer = $connection->answer($method);
            is($answer->{status}, $status, "$method, @{[$challenge // 'a good token']}: $status");
            is($answer->{headers}{'www-authenticate'}, $challenge, 'and the challenge');
            next if $status != 200;
            is($answer->{body}, $method eq 'HEAD' ? '' : "$method $method$round ", 'and the body');
        }
    }
}

# HTTP/1.1: Expect. nginx asks for the body only where the token has passed.
sub expects {
    my (@lines) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => "$directory/nginx.sock") or return 'no connection';
    my @head = ('POST /expect HTTP/1.1', 'Host: localhost', 'Content-Length: 5', @lines);
    syswrite $socket, join "\r\n", @head, 'Expect: 100-continue', 'Connection: close', '', '';
    my $answer = '';
    my $asked = 0;
    # nginx waits with the connection for a body that was not asked for: the answer is what counts.
    until ($answer =~ m{ 5\z|</html>\s*\z} || !IO::Select->new($socket)->can_read($PATIENCE)) {
        sysread $socket, $answer, 65536, length $answer or last;
        syswrite $socket, 'hello' if !$asked++ && $answer =~ m{\AHTTP/1[.]1 100 };
    }
    return $answer;
}
like(expects(JWT::bearer({sub => 'eve'})),
    qr{\AHTTP/1[.]1 100 Continue\r\n\r\nHTTP/1[.]1 200 .*\r\n\r\nPOST eve 5\z}s,
    'Expect: 100-continue, a good token: the body is asked for');
for my $refused ([], [$forged]) {
    like(expects(@$refused), qr{\AHTTP/1[.]1 401 (?!.*HTTP/1[.]1 )}s,
        'Expect: 100-continue, refused: 401 at once, nobody asks for the body');
}

# HTTP/1.1: a hundred pipelined requests, each with a token of its own, or none, or a bad one.
{
    my @expected;
    my $bytes = '';
    for my $number (1 .. 100) {
        my ($method, $body) = $number % 3 ? ('GET', '') : ('POST', 'x' x $number);
        my ($sub, @lines) = ("user$number");
        if ($number % 5 == 0) { @lines = $number % 2 ? () : $forged }
        else { @lines = JWT::bearer({sub => $sub}) }
        push @lines, 'Content-Length: ' . length $body if $body ne '';
        $bytes .= join "\r\n", "$method /$number HTTP/1.1", 'Host: localhost', @lines, '', $body;
        my $length = length($body) || '';
        push @expected, $number % 5 ? "200 $method $sub $length" : '401';
    }
    my $connection = $nginx->connect;
    $connection->send_bytes($bytes);
    my @seen;
    for (@expected) {
        my $answer = $connection->answer('GET') or last;
        push @seen, $answer->{status} == 200 ? "200 $answer->{body}" : $answer->{status};
    }
    is_deeply(\@seen, \@expected, 'pipelined: each request has its own token');
}

# HTTP/2: no more of it than it takes to send requests, all at once on one connection, and to read
# statuses and bodies.
sub hpack {
    my ($text) = @_;
    my $rest = length($text) - 127;
    return chr(length $text) . $text if $rest < 0;
    my $length = chr 127;
    for (; $rest >= 128; $rest >>= 7) { $length .= chr(128 | $rest & 127) }
    return $length . chr($rest) . $text;
}

sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $stream) . $payload;
}

# The status is the first field: an entry of the static table, or three digits for one of its names.
sub status {
    my ($block) = @_;
    return 200 if $block =~ /\A\x20?\x88/;
    return $block =~ /\A\x20?[\x08\x48]\x03(\d{3})/ ? $1 : 'unknown';
}

# Requests are [method, body, header lines]; the answers come as "status body".
sub over_http2 {
    my (@requests) = @_;
    my ($HEADERS, $DATA, $SETTINGS, $GOAWAY) = (1, 0, 4, 7);
    my ($END_STREAM, $ACK, $END_HEADERS) = (1, 1, 4);
    my $bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame($SETTINGS, 0, 0, '');
    for my $number (0 .. $#requests) {
        my ($method, $body, @lines) = @{$requests[$number]};
        my @fields = ([':method', $method], [':scheme', 'http'], [':path', "/$number"], [':authority', 'localhost']);
        push @fields, map { my ($name, $value) = split /: /, $_, 2; [lc $name, $value] } @lines;
        my $block = join '', map { "\0" . hpack($_->[0]) . hpack($_->[1]) } @fields;
        my $stream = 2 * $number + 1;
        $bytes .= frame($HEADERS, $END_HEADERS | ($body eq '' ? $END_STREAM : 0), $stream, $block);
        $bytes .= frame($DATA, $END_STREAM, $stream, $body) if $body ne '';
    }
    my $socket = IO::Socket::UNIX->new(Peer => "$directory/http2.sock") or die "cannot connect: $!";
    JWT::Connection->new($socket, $PATIENCE)->send_bytes($bytes);
    my ($buffer, $ended, @answers) = ('', 0);
    while ($ended < @requests && IO::Select->new($socket)->can_read($PATIENCE)) {
        sysread $socket, $buffer, 65536, length $buffer or last;
        while (length $buffer >= 9) {
            my $length = unpack 'N', "\0" . substr $buffer, 0, 3;
            last if length $buffer < 9 + $length;
            my ($type, $flags, $stream) = unpack 'x3 C C N', substr $buffer, 0, 9;
            my $payload = substr substr($buffer, 0, 9 + $length, ''), 9;
            my $number = ($stream - 1) / 2;
            if ($type == $SETTINGS && !($flags & $ACK)) { syswrite $socket, frame($SETTINGS, $ACK, 0, '') }
            elsif ($type == $GOAWAY) { return @answers }
            elsif ($type == $HEADERS) { $answers[$number] = status($payload) . ' ' }
            elsif ($type == $DATA) { $answers[$number] .= $payload }
            $ended++ if ($type == $HEADERS || $type == $DATA) && $flags & $END_STREAM;
        }
    }
    return @answers;
}

{
    my (@requests, @expected);
    for my $number (0 .. 119) {
        my @lines = $number % 4 == 1 ? $forged : $number % 4 == 2 ? () : JWT::bearer({sub => "user$number"});
        my ($method, $body) = @{([GET => ''], [OPTIONS => ''], [POST => 'hello'])[$number % 3]};
        push @requests, [$method, $body, @lines];
        my $length = $body eq '' ? '' : 5;
        push @expected, $number % 4 == 1 || $number % 4 == 2 ? '401' : "200 $method user$number $length";
    }
    my @seen = map { defined && /\A401 .*401 Authorization Required/s ? '401' : $_ } over_http2(@requests);
    is_deeply(\@seen, \@expected, 'HTTP/2: 120 streams side by side, each with its own token');
    is_deeply([over_http2(['HEAD', '', JWT::bearer()], ['HEAD', ''])], ['200 ', '401 '], 'HTTP/2: HEAD');
}

$nginx->is_calm('error');

done_testing();
