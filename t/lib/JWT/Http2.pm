# Just enough of an HTTP/2 client: many streams on one connection, each with a small body, and the
# status of each answer. Bodies must fit the windows, as nothing here counts them.
package JWT::Http2;

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;

my ($DATA, $HEADERS, $RST_STREAM, $SETTINGS, $PING, $GOAWAY) = (0, 1, 3, 4, 6, 7);
my ($END_STREAM, $END_HEADERS, $ACK) = (1, 4, 1);

# What the static table of HPACK has for :status.
my %STATUS = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404, 14 => 500);

# authority: what the requests are of, "localhost" unless it is said.
sub new {
    my ($class, $name, %options) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $name) // die "cannot connect to $name: $!";
    my $self = bless {socket => $socket, buffer => '', next => 1, status => {}, authority => $options{authority} // 'localhost'}, $class;
    $self->send_bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    $self->frame($SETTINGS, 0, 0, '');
    return $self;
}

# Sends a request (header lines as "name: value"; a body, or undef) and gives its stream's number.
sub request {
    my ($self, $method, $path, $lines, $body) = @_;
    my $stream = $self->{next};
    $self->{next} += 2;
    my @fields = (
        [':method', $method], [':scheme', 'http'], [':authority', $self->{authority}], [':path', $path],
        map { [/^([^:]+): (.*)/] } @$lines,
    );
    my $block = join '', map { "\x00" . text(lc $_->[0]) . text($_->[1]) } @fields;
    my $last = defined $body ? 0 : $END_STREAM;
    $self->frame($HEADERS, $END_HEADERS | $last, $stream, $block);
    if (defined $body) {
        my @pieces = unpack '(a16000)*', $body;
        @pieces = ('') unless @pieces;
        my $final = pop @pieces;
        $self->frame($DATA, 0, $stream, $_) for @pieces;
        $self->frame($DATA, $END_STREAM, $stream, $final);
    }
    return $stream;
}

# The client has lost interest in a stream.
sub cancel {
    my ($self, $stream) = @_;
    return $self->frame($RST_STREAM, 0, $stream, pack 'N', 8);
}

# The status of a stream, once its answer has ended; "reset"; or nothing, after so many seconds.
sub status {
    my ($self, $stream, $patience) = @_;
    while (!exists $self->{ended}{$stream}) {
        $self->read_frame($patience // 10) or return;
    }
    return $self->{status}{$stream};
}

sub frame {
    my ($self, $type, $flags, $stream, $payload) = @_;
    return $self->send_bytes(
        substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $stream) . $payload);
}

sub send_bytes {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    while (length $bytes) {
        my $count = syswrite $self->{socket}, $bytes;
        return unless $count;
        substr $bytes, 0, $count, '';
    }
    return 1;
}

sub read_frame {
    my ($self, $patience) = @_;
    my $head = $self->take(9, $patience) // return;
    my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN', $head;
    my $payload = $self->take($high << 16 | $low, $patience) // return;
    if ($type == $HEADERS) {
        $self->{status}{$stream} //= status_of($payload);
    }
    if ($type == $RST_STREAM) {
        $self->{status}{$stream} //= 'reset';
        $self->{ended}{$stream} = 1;
    }
    if (($type == $HEADERS || $type == $DATA) && $flags & $END_STREAM) {
        $self->{ended}{$stream} = 1;
    }
    $self->frame($SETTINGS, $ACK, 0, '') if $type == $SETTINGS && !($flags & $ACK);
    $self->frame($PING, $ACK, 0, $payload) if $type == $PING && !($flags & $ACK);
    return 1;
}

# nginx sends :status first, at most after a change of the table's size.
sub status_of {
    my ($block) = @_;
    $block =~ s/\A[\x20-\x3f]//;
    my $first = ord $block;
    return $STATUS{$first & 0x7f} if $first & 0x80;
    return substr $block, 2, 3;
}

sub take {
    my ($self, $size, $patience) = @_;
    while (length $self->{buffer} < $size) {
        IO::Select->new($self->{socket})->can_read($patience) or return;
        sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer} or return;
    }
    return substr $self->{buffer}, 0, $size, '';
}

# A string that is not Huffman-coded.
sub text {
    my ($text) = @_;
    my $length = length $text;
    return chr($length) . $text if $length < 127;
    my $bytes = chr 127;
    for ($length -= 127; $length >= 128; $length >>= 7) { $bytes .= chr($length & 127 | 128) }
    return $bytes . chr($length) . $text;
}

1;
