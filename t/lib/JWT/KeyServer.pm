# A key server that answers as a test tells it to, well or badly, and remembers what it was asked.
# One process with core Perl alone, on a unix socket (or a free TCP port: only there is a reset a
# reset). It stops when the object goes.
#
# An answer is a hash; what it does not say is usual:
#   body, status (200), type (application/json), headers (a list of lines)
#   wait      seconds before anything is sent
#   length    the Content-Length announced, if not that of the body; undef: none, the end is the end
#   chunked   sent in chunks
#   cut       so many bytes of the body, then the end
#   largest_head   a request whose head is longer is answered 431
#   then      what comes after the body (of which Content-Length must not tell): "reset", "hang",
#             "flood" (bytes as fast as they go), "drip" (a space every "pace" seconds, 0.1)
package JWT::KeyServer;

use strict;
use warnings;

use Carp qw(croak);
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER SOMAXCONN);
use Storable ();
use Time::HiRes qw(time);

use parent 'JWT::Process';

my $FLOOD = ' ' x 65536;

# Options: tcp (a port instead of a unix socket), answers (path => answer).
sub new {
    my ($class, %options) = @_;
    my $self = $class->in_directory('keys', tcp => $options{tcp}, answers => {});
    $self->answer(%{$options{answers} // {}});
    $self->start;
    return $self;
}

# What stands in proxy_pass after "http://".
sub address {
    my ($self) = @_;
    return $self->{tcp} ? "127.0.0.1:$self->{port}" : "unix:$self->{directory}/socket:";
}

# From the next request on, these paths are answered so. Other paths are not found.
sub answer {
    my ($self, %answers) = @_;
    %{$self->{answers}} = (%{$self->{answers}}, %answers);
    $self->replace('answers', Storable::nfreeze($self->{answers}));
    return;
}

# The requests since the last forget, each {method, uri, path, headers, lines, body, at}.
sub requests {
    my ($self) = @_;
    return map { $_->{asked} ? $_->{asked} : () } $self->events;
}

# How often it was asked (for the path, if one is given).
sub hits {
    my ($self, $path) = @_;
    return scalar grep { !defined $path || $_->{path} eq $path } $self->requests;
}

# The paths whose askers closed the connection before the answer was whole.
sub left {
    my ($self) = @_;
    return map { defined $_->{left} ? $_->{left} : () } $self->events;
}

sub forget {
    my ($self) = @_;
    $self->{forgotten} = length $self->whole_lines('events');
    return;
}

sub events {
    my ($self) = @_;
    my $events = substr $self->whole_lines('events'), $self->{forgotten} // 0;
    return map { JSON::PP::decode_json($_) } split /^/m, $events;
}

# Waits until so many requests have come; false if they do not.
sub wait_for_hits {
    my ($self, $count) = @_;
    return $self->wait_until(sub { $self->hits >= $count });
}

sub start {
    my ($self) = @_;
    my $name = "$self->{directory}/socket";
    unlink $name;
    my $listener =
        $self->{tcp}
        ? IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $self->{port} //= JWT::Process::free_port(),
            Listen => SOMAXCONN, ReuseAddr => 1,
        )
        : IO::Socket::UNIX->new(Local => $name, Listen => SOMAXCONN);
    $listener or croak "cannot listen: $!";
    chmod 0777, $name;
    my $parent = $$;
    $self->spawn(sub {
        $SIG{TERM} = sub { POSIX::_exit(0) };
        eval { $self->serve($listener, $parent); 1 } or warn $@;
        POSIX::_exit(1);
    });
    return;
}

# --- in the process of its own ---------------------------------------------

sub serve {
    my ($self, $listener, $parent) = @_;
    local $SIG{PIPE} = 'IGNORE';
    $listener->blocking(0);
    open my $events, '>>', "$self->{directory}/events" or die "cannot open events: $!";
    $events->autoflush(1);
    $self->{told} = $events;
    my %connections;
    while (getppid == $parent) {
        my ($reads, $writes, $due) = ('', '', time + 1);
        vec($reads, fileno $listener, 1) = 1;
        for my $connection (values %connections) {
            my $number = fileno $connection->{socket};
            vec($reads, $number, 1) = 1;
            vec($writes, $number, 1) = 1 if length $connection->{out};
            my $until = $connection->{until};
            $due = $until if defined $until && !length $connection->{out} && $until < $due;
        }
        my $patience = $due - time;
        select $reads, $writes, undef, $patience > 0 ? $patience : 0;
        while (my $socket = $listener->accept) {
            $socket->blocking(0);
            $connections{fileno $socket} = {socket => $socket, in => '', out => '', sent => 0};
        }
        for my $number (keys %connections) {
            my $connection = $connections{$number};
            my $open = !vec($reads, $number, 1) || $self->receive($connection);
            $open &&= $self->proceed($connection);
            delete $connections{$number} unless $open;
        }
    }
    return;
}

sub tell {
    my ($self, $event) = @_;
    syswrite $self->{told}, JSON::PP::encode_json($event) . "\n";
    return;
}

sub receive {
    my ($self, $connection) = @_;
    my $count = sysread $connection->{socket}, $connection->{in}, 65536, length $connection->{in};
    return 1 if !defined $count && $!{EAGAIN};
    if (!$count) {
        $self->tell({left => $connection->{path}}) if $connection->{steps};
        return 0;
    }
    return 1 if $connection->{steps};
    my $end = index $connection->{in}, "\r\n\r\n";
    return 1 if $end < 0;
    my ($first, @lines) = split /\r\n/, substr $connection->{in}, 0, $end;
    my ($method, $uri) = split / /, $first;
    my %headers = map { my ($name, $value) = split /:\s*/, $_, 2; (lc $name => $value) } @lines;
    my $body = substr $connection->{in}, $end + 4;
    return 1 if length $body < ($headers{'content-length'} // 0);
    my ($path) = split /[?]/, $uri;
    my $answer = Storable::thaw($self->read('answers'))->{$path};
    $answer //= {status => 404, body => "no such path\n", type => 'text/plain'};
    $answer = {%$answer, status => 431, body => ''} if $end > ($answer->{largest_head} // $end);
    $connection->{path} = $path;
    $connection->{steps} = [steps($answer)];
    my %asked = (method => $method, uri => $uri, path => $path, headers => \%headers);
    $self->tell({asked => {%asked, lines => \@lines, body => $body, at => time}});
    return 1;
}

# An answer as steps: bytes to send, or [what, how].
sub steps {
    my ($answer) = @_;
    my $body = $answer->{body} // '';
    my $status = $answer->{status} // 200;
    my $length = exists $answer->{length} ? $answer->{length} : length $body;
    undef $length if $answer->{chunked};
    my @head = ("HTTP/1.1 $status Told", 'Connection: close', @{$answer->{headers} // []});
    push @head, 'Content-Type: ' . ($answer->{type} // 'application/json');
    push @head, "Content-Length: $length" if defined $length;
    push @head, 'Transfer-Encoding: chunked' if $answer->{chunked};
    $body = substr $body, 0, $answer->{cut} if defined $answer->{cut};
    if ($answer->{chunked}) {
        $body = join '', map { sprintf "%x\r\n%s\r\n", length, $_ } $body =~ /(.{1,1000})/gs;
        $body .= "0\r\n\r\n" unless defined $answer->{cut};
    }
    my @steps = defined $answer->{wait} ? ['wait', $answer->{wait}] : ();
    my $then = $answer->{then} // 'end';
    push @steps, join("\r\n", @head, '', '') . $body if !$answer->{silent};
    return (@steps, [$then, $answer->{pace} // 0.1]);
}

# Goes on with what is to be sent; false once the connection is over.
sub proceed {
    my ($self, $connection) = @_;
    my $socket = $connection->{socket};
    while (1) {
        if (length $connection->{out}) {
            my $count = syswrite $socket, $connection->{out};
            return 1 if !defined $count && $!{EAGAIN};
            if (!defined $count) {
                $self->tell({left => $connection->{path}});
                return 0;
            }
            substr $connection->{out}, 0, $count, '';
            return 1 if length $connection->{out};
        }
        if (defined $connection->{until}) {
            return 1 if time < $connection->{until};
            undef $connection->{until};
        }
        my $step = shift @{$connection->{steps} // []} // return 1;
        if (!ref $step) {
            $connection->{out} = $step;
            next;
        }
        my ($what, $how) = @$step;
        if ($what eq 'wait') {
            $connection->{until} = time + $how;
        }
        elsif ($what eq 'drip') {
            $connection->{out} = ' ';
            $connection->{until} = time + $how;
            push @{$connection->{steps}}, $step;
        }
        elsif ($what eq 'flood') {
            $connection->{out} = $FLOOD;
            push @{$connection->{steps}}, $step;
        }
        elsif ($what eq 'hang') {
            return 1;
        }
        else {
            setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $what eq 'reset';
            close $socket;
            return 0;
        }
    }
}

1;
