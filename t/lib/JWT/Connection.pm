# A connection to nginx: as many requests on it as one likes, with any bytes whatsoever.
package JWT::Connection;

use strict;
use warnings;

use Errno ();
use IO::Select;

# The socket, and how long an answer may take, in seconds.
sub new {
    my ($class, $socket, $patience) = @_;
    binmode $socket;
    return bless {socket => $socket, buffer => '', patience => $patience}, $class;
}

# A GET of a path with header lines, and its answer.
sub get {
    my ($self, $path, @lines) = @_;
    $self->request('GET', $path, @lines);
    return $self->answer('GET');
}

# Sends a request without a body; its answer is read later. Its Host is localhost, unless the first
# line says another.
sub request {
    my ($self, $method, $path, @lines) = @_;
    my @host = @lines && $lines[0] =~ /^Host:/ ? () : 'Host: localhost';
    my @all = ("$method $path HTTP/1.1", @host, @lines);
    return $self->send_bytes(join "\r\n", @all, '', '');
}

# Ends it; by TLS with what belongs to that.
sub close {
    my ($self) = @_;
    return $self->{socket}->close;
}

sub send_bytes {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $sent = 0;
    while ($sent < length $bytes) {
        my $count = syswrite $self->{socket}, $bytes, length($bytes) - $sent, $sent;
        return unless $count;
        $sent += $count;
    }
    return 1;
}

# The next answer: {status, headers, fields, body}, where headers maps lower-case names to all values of
# that name joined by ", ", and fields to the list of them. Nothing, where the connection ends before the answer is whole.
sub answer {
    my ($self, $method) = @_;
    $self->fill_until(sub { index($self->{buffer}, "\r\n\r\n") >= 0 }) or return;
    my $head = substr $self->{buffer}, 0, index($self->{buffer}, "\r\n\r\n") + 4, '';
    my ($status_line, @lines) = split /\r\n/, $head;
    my ($status) = $status_line =~ m{^HTTP/1[.][01] (\d{3})} or return;
    return $self->answer($method) if $status == 100;
    my %headers;
    for my $line (@lines) {
        my ($name, $value) = split /:\s*/, $line, 2;
        push @{$headers{lc $name}}, $value // '';
    }
    my %joined = map { $_ => join ', ', @{$headers{$_}} } keys %headers;
    my $body = '';
    if ($method ne 'HEAD' && $status != 204 && $status != 304) {
        $body = $self->body(\%joined) // return;
    }
    return {status => $status, headers => \%joined, fields => \%headers, body => $body};
}

# How the GET that was sent came out: the status and what X-Status says ("200 ok"), or "nothing".
sub outcome {
    my ($self) = @_;
    return outcome_of($self->answer('GET'));
}

# The same of an answer that has been read.
sub outcome_of {
    my ($answer) = @_;
    return $answer ? join ' ', $answer->{status}, $answer->{headers}{'x-status'} // () : 'nothing';
}

# How often each outcome came, on so many connections.
sub tally {
    my (@connections) = @_;
    my %tally;
    $tally{$_->outcome}++ for @connections;
    return \%tally;
}

sub body {
    my ($self, $headers) = @_;
    return $self->chunks if ($headers->{'transfer-encoding'} // '') eq 'chunked';
    my $length = $headers->{'content-length'};
    if (!defined $length) {
        $self->fill_until(sub {0});
        $length = length $self->{buffer};
    }
    $self->fill_until(sub { length $self->{buffer} >= $length }) or return;
    return substr $self->{buffer}, 0, $length, '';
}

sub chunks {
    my ($self) = @_;
    my $body = '';
    while (1) {
        $self->fill_until(sub { index($self->{buffer}, "\r\n") >= 0 }) or return;
        $self->{buffer} =~ s/^([0-9a-fA-F]+)\r\n// or return;
        my $size = hex $1;
        $self->fill_until(sub { length $self->{buffer} >= $size + 2 }) or return;
        $body .= substr $self->{buffer}, 0, $size, '';
        substr $self->{buffer}, 0, 2, '';
        return $body if $size == 0;
    }
}

# A signal that the test handles does not end the wait.
sub fill_until {
    my ($self, $enough) = @_;
    until ($enough->()) {
        $! = 0;
        next if IO::Select->new($self->{socket})->can_read($self->{patience})
            && sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
        return unless $!{EINTR};
    }
    return 1;
}

1;
