# Memory, open files and processes of a running nginx, and whether they stay.
package Watch;

use strict;
use warnings;
use utf8;

use List::Util qw(max sum0);

# What counts as flat: after the warm-up (the first fifth of the samples) the median of the last
# quarter lies at most a twentieth and 2 MiB above the median of the first quarter. Of files: at most 8.
my ($WARM_UP, $SHARE, $ROOM, $FILES) = (0.2, 1.05, 2048, 8);

# Of a JWT::Server.
sub new {
    my ($class, $server) = @_;
    return bless {server => $server, samples => []}, $class;
}

sub master { return $_[0]{server}{pid} }

sub workers {
    my ($self) = @_;
    my $master = $self->master;
    open my $file, '<', "/proc/$master/task/$master/children" or return;
    return split ' ', <$file> // '';
}

# KiB, without the memory that nginx's processes share: it is of one size, and each of them has seen some of it.
sub memory {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/status" or return;
    my %has = map {/^(VmRSS|RssShmem):\s+(\d+)/} <$file>;
    return defined $has{VmRSS} ? $has{VmRSS} - ($has{RssShmem} // 0) : undef;
}

sub open_files {
    my ($pid) = @_;
    my @files = glob "/proc/$pid/fd/*";
    return scalar @files;
}

# How many TCP connections of a port a process holds.
sub connections {
    my ($pid, $port) = @_;
    open my $table, '<', '/proc/net/tcp' or return 0;
    my $local = sprintf ':%04X', $port;
    my %established = map { $_->[9] => 1 } grep { $_->[1] =~ /$local\z/ && $_->[3] eq '01' } map { [split] } <$table>;
    return scalar grep { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ && $established{$1} } glob "/proc/$pid/fd/*";
}

# Notes how things are: the sum of the workers' memory, their files, the master's memory.
sub sample {
    my ($self) = @_;
    my @workers = $self->workers;
    push @{$self->{samples}}, {
        memory => sum0(map { memory($_) // 0 } @workers),
        files => sum0(map { open_files($_) } @workers),
        master => memory($self->master) // 0,
    };
    return;
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[$#sorted / 2];
}

# What the samples of "memory", "files" or "master" say: a text, and whether they are flat.
sub told {
    my ($self, $what) = @_;
    my @all = map { $_->{$what} } @{$self->{samples}};
    my @warm = @all[int($WARM_UP * @all) .. $#all];
    my $quarter = max(1, int(@warm / 4));
    my ($early, $late) = (median(@warm[0 .. $quarter - 1]), median(@warm[-$quarter .. -1]));
    my $flat = $what eq 'files' ? $late <= $early + $FILES : $late <= $early * $SHARE + $ROOM;
    my $median = median(@warm);
    my $text = $what eq 'files'
        ? "$warm[0] → $warm[-1], median $median"
        : sprintf '%.1f → %.1f MiB, median %.1f', map { $_ / 1024 } $warm[0], $warm[-1], $median;
    return ($text, $flat);
}

1;
