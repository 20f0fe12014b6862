# What nginx, the key server and the proxy of a test have in common: a process of its own with a directory of its
# own, which ends when the object goes.
package JWT::Process;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp ();
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

use JWT ();

sub in_directory {
    my ($class, $kind, %members) = @_;
    my $directory = File::Temp->newdir("$kind-XXXXXX", TMPDIR => 1);
    return bless {%members, directory => $directory, owner => $$}, $class;
}

sub directory { return "$_[0]{directory}" }

# A port of 127.0.0.1 that is free, by "tcp" or "udp". It is none that the system gives to connections, so that it is free
# still when its server has been away for a while.
sub free_port {
    my ($protocol) = @_;
    open my $range, '<', '/proc/sys/net/ipv4/ip_local_port_range';
    my ($end) = split ' ', ($range && <$range>) || '32768';
    $end = 32768 if $end < 12000;
    for (1 .. 1000) {
        my $port = 10000 + int rand($end - 10000);
        my $socket = IO::Socket::INET->new(
            Proto => $protocol // 'tcp', LocalAddr => '127.0.0.1', LocalPort => $port,
            ($protocol // 'tcp') eq 'tcp' ? (Listen => 1) : (),
        );
        return $port if $socket;
    }
    croak 'no port is free';
}

# Starts the process: $run is called in it, and must not return.
sub spawn {
    my ($self, $run) = @_;
    my $pid = fork // croak "cannot fork: $!";
    $run->() unless $pid;
    return $self->{pid} = $pid;
}

# Sends it a signal.
sub signal {
    my ($self, $signal) = @_;
    return send_signal($signal, $self->{pid});
}

# Sends processes a signal. To Perl's kill a number that is not known is 0, which means all of the group: the test, the
# run of all tests, and who has started that.
sub send_signal {
    my ($signal, @pids) = @_;
    croak "no process to send $signal to" if !@pids || grep { !$_ } @pids;
    return kill $signal => @pids;
}

# It dies: nobody listens any more, and its connections break.
sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    kill KILL => $pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);
    $self->stop if $self->{owner} == $$;
    return;
}

# Writes a file in place: it is the same inode, and for a moment it is empty.
sub write {
    my ($self, $name, $bytes) = @_;
    JWT::write_file("$self->{directory}/$name", $bytes);
    return;
}

# Writes a file aside and moves it over the old one.
sub replace {
    my ($self, $name, $bytes) = @_;
    $self->write("$name.new", $bytes);
    rename "$self->{directory}/$name.new", "$self->{directory}/$name" or croak "cannot rename: $!";
    return;
}

sub remove {
    my ($self, $name) = @_;
    unlink "$self->{directory}/$name" or croak "cannot remove $name: $!";
    return;
}

sub read {
    my ($self, $name) = @_;
    open my $file, '<:raw', "$self->{directory}/$name" or return '';
    local $/ = undef;
    return <$file> // '';
}

# What a file holds, without a last line that is being written.
sub whole_lines {
    my ($self, $name) = @_;
    my ($lines) = $self->read($name) =~ /\A(.*\n)/s;
    return $lines // '';
}

# Waits until something is so, at most so many seconds (10); false if it does not come to be.
sub wait_until {
    my ($self, $so, $patience) = @_;
    my $until = time + ($patience // 10);
    until ($so->()) {
        return 0 if time > $until;
        sleep 0.01;
    }
    return 1;
}

1;
