# Real clients and servers that a test runs beside nginx: the programs of a folder of t/, as t/install has put them below
# target/, with their logs in a directory. They end when the object goes.
package JWT::Programs;

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use IPC::Open2 qw(open2);
use Test::More ();

use parent 'JWT::Process';

my $INSTALL = File::Spec->rel2abs(dirname(__FILE__) . '/../../install');

# Of the folder of that name, whose part "node" is installed.
sub new {
    my ($class, $folder) = @_;
    return $class->in_directory($folder, folder => $folder, place => installed($folder, 'node'), running => [], names => []);
}

# Installs what the part "node" or "python" of a folder needs; says where it lies.
sub installed {
    my ($folder, $part) = @_;
    my $place = qx("$INSTALL" $folder $part);
    Test::More::BAIL_OUT("what t/$folder needs of $part could not be installed") if $? != 0;
    chomp $place;
    return $place;
}

# Where a program or a folder of the part "node" lies.
sub place { my ($self, $name) = @_; return "$self->{place}/$name" }

# The python of the folder; nothing where there is none on this machine.
sub python {
    my ($self) = @_;
    return if system('python3 -c "import venv, ensurepip" >/dev/null 2>&1') != 0;
    return installed($self->{folder}, 'python') . '/venv/bin/python';
}

# Starts a program of node, which ends with its standard input; gives its first line.
sub run {
    my ($self, $name, @arguments) = @_;
    my $pid = open2(my $output, my $input, 'sh', '-c', 'log=$1; shift; exec node "$@" 2>>"$log"', 'sh',
        "$self->{directory}/$name.log", $self->place("$name.mjs"), @arguments);
    push @{$self->{running}}, [$pid, $input, $output];
    push @{$self->{names}}, $name;
    local $SIG{ALRM} = sub { Test::More::BAIL_OUT("$name does not start") };
    alarm 120;
    my $line = <$output> // '';
    alarm 0;
    chomp $line;
    return $line;
}

# Tells what the programs had to say, if a test has failed.
sub tell {
    my ($self) = @_;
    return if Test::More->builder->is_passing;
    for my $name (@{$self->{names}}) {
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
