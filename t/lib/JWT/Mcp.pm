# What t/mcp*.t run beside nginx: the programs of t/mcp, as t/mcp/install has put them below target/, with their logs in
# a directory. They end when the object goes.
package JWT::Mcp;

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use IO::Socket::INET;
use IPC::Open2 qw(open2);
use Test::More ();

use parent 'JWT::Process';

my $INSTALL = File::Spec->rel2abs(dirname(__FILE__) . '/../../mcp/install');

sub new {
    my ($class) = @_;
    return $class->in_directory('mcp', place => installed('node'), running => []);
}

# Installs what the part "node" or "python" needs; says where it lies.
sub installed {
    my ($part) = @_;
    my $place = qx("$INSTALL" $part);
    Test::More::BAIL_OUT("what t/mcp needs of $part could not be installed") if $? != 0;
    chomp $place;
    return $place;
}

# Where a program or a folder of the part "node" lies.
sub place { my ($self, $name) = @_; return "$self->{place}/$name" }

# Starts a program, which ends with its standard input; gives its first line.
sub run {
    my ($self, $name, @arguments) = @_;
    my $pid = open2(my $output, my $input, 'sh', '-c', 'log=$1; shift; exec node "$@" 2>>"$log"', 'sh',
        "$self->{directory}/$name.log", $self->place("$name.mjs"), @arguments);
    push @{$self->{running}}, [$pid, $input, $output];
    local $SIG{ALRM} = sub { Test::More::BAIL_OUT("$name does not start") };
    alarm 60;
    my $line = <$output> // '';
    alarm 0;
    chomp $line;
    return $line;
}

# Starts the authorization server; gives its origin, which is its issuer.
sub provider { my ($self) = @_; return 'http://localhost:' . $self->run('provider') }

# Starts the MCP server; gives its socket.
sub server {
    my ($self) = @_;
    my $socket = "$self->{directory}/mcp.sock";
    $self->run('server', $socket) eq 'ready' or Test::More::BAIL_OUT('the MCP server does not start');
    return $socket;
}

# A port that is free.
sub port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "no port: $!";
    return $socket->sockport;
}

# Tells what the programs had to say, if a test has failed.
sub tell {
    my ($self) = @_;
    return if Test::More->builder->is_passing;
    for my $name (qw(provider server)) {
        Test::More::diag(grep {length && !/WARNING/} split /^/m, $self->read("$name.log"));
    }
    return;
}

sub stop {
    my ($self) = @_;
    for my $program (splice @{$self->{running}}) {
        my ($pid, $input) = @$program;
        close $input;
        kill TERM => $pid;
        waitpid $pid, 0;
    }
    return;
}

1;
