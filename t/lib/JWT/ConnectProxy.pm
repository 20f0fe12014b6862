# An HTTP proxy that knows CONNECT alone, on a free loopback port: whatever host is asked for, it leads to one
# unix socket. So a configuration that names real hosts meets a stand-in, by TLS from end to end.
package JWT::ConnectProxy;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOMAXCONN);

use parent 'JWT::Process';

# The socket that it leads to.
sub new {
    my ($class, $destination) = @_;
    my $self = $class->in_directory('proxy');
    $self->lead_to($destination);
    $self->start;
    return $self;
}

# From the next connection on it leads to another socket.
sub lead_to {
    my ($self, $destination) = @_;
    $self->replace('destination', $destination);
    return;
}

sub url { return "http://127.0.0.1:$_[0]{port}" }

# What was asked for since the last call, as "host:port", in order.
sub asked {
    my ($self) = @_;
    my $all = $self->read('asked');
    my $new = substr $all, $self->{seen} // 0;
    $self->{seen} = length $all;
    return split /\n/, $new;
}

sub start {
    my ($self) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => SOMAXCONN)
        or croak "cannot listen: $!";
    $self->{port} = $listener->sockport;
    my $parent = $$;
    $self->spawn(sub {
        local ($SIG{CHLD}, $SIG{TERM}) = ('IGNORE', 'DEFAULT');
        my $select = IO::Select->new($listener);
        while (getppid == $parent) {
            next unless $select->can_read(1);
            my $client = $listener->accept or next;
            my $pid = fork // next;
            next if $pid;
            eval { $self->serve($client) };
            POSIX::_exit(0);
        }
        POSIX::_exit(0);
    });
    return;
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    kill TERM => $pid;
    waitpid $pid, 0;
    return;
}

# --- in a process of its own -----------------------------------------------

sub serve {
    my ($self, $client) = @_;
    alarm 30;
    my $head = '';
    while ($head !~ /\r\n\r\n\z/) { sysread $client, $head, 1, length $head or return }
    my ($place) = $head =~ m{\ACONNECT (\S+) HTTP/1[.]1\r\n} or return syswrite $client, "HTTP/1.1 405 No\r\n\r\n";
    open my $asked, '>>', "$self->{directory}/asked" or return;
    syswrite $asked, "$place\n";
    my $server = IO::Socket::UNIX->new(Peer => $self->read('destination'))
        or return syswrite $client, "HTTP/1.1 502 No\r\n\r\n";
    syswrite $client, "HTTP/1.1 200 Connected\r\n\r\n";
    my $select = IO::Select->new($client, $server);
    while (my @ready = $select->can_read) {
        for my $from (@ready) {
            sysread $from, my $bytes, 65536 or return;
            my $to = $from == $client ? $server : $client;
            my $sent = 0;
            while ($sent < length $bytes) { $sent += syswrite($to, $bytes, length($bytes) - $sent, $sent) // return }
        }
    }
    return;
}

1;
