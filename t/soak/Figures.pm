# What a soak tells: figures as lines of a table on stdout, and which of them are not as they must be.
package Figures;

use strict;
use warnings;
use utf8;

use Exporter qw(import);
use List::Util qw(min);

our @EXPORT_OK = qw(compared figure memory_and_files number progress worse);

my @broken;

# Those that are not as they must be.
sub broken { return @broken }

sub progress { print STDERR 'soak: ', @_, "\n"; return }

# A line of the table: what, the figure, and whether it is as it must be (undef: it is told only).
sub figure {
    my ($what, $figure, $good) = @_;
    print "| $what | $figure | ", defined $good ? ($good ? 'yes' : '**no**') : '–', " |\n";
    push @broken, $what if defined $good && !$good;
    return;
}

sub number {
    my $text = reverse int $_[0];
    $text =~ s/(\d{3})(?=\d)/$1,/g;
    return scalar reverse $text;
}

sub memory_and_files {
    my ($watch, $name) = @_;
    for (['memory', 'memory of the workers'], ['files', 'open files of the workers'], ['master', 'memory of the master']) {
        my ($what, $title) = @$_;
        my ($text, $flat) = $watch->told($what);
        figure("$name: $title, after warm-up", $text, $flat);
    }
    return;
}

# What was counted beside what was answered: status => number; and how many requests had no answer.
sub compared {
    my ($name, $counted, $answered, $lost) = @_;
    # Of requests under way whose clients have gone.
    sleep 1;
    my ($text, $good) = $counted->judge($answered, $lost);
    figure("$name: verdicts counted, requests answered", $text, $good);
    return;
}

# How many lines of the log are at error or worse, or tell of a worker's end, but for those that are allowed.
sub worse {
    my ($nginx, $allowed) = @_;
    my @worse = grep {/\[(?:error|crit|alert|emerg)\]|panicked|exited on signal/ && !/$allowed/} split /^/m, $nginx->error_log;
    progress($_) for @worse[0 .. min($#worse, 4)];
    return scalar @worse;
}

1;
