# A page of the documentation, for tests that run what stands in it.
package JWT::Page;

use strict;
use warnings;

use Carp qw(croak);
use File::Basename qw(dirname);
use File::Spec::Functions qw(rel2abs);

use JWT ();

my $ROOT = rel2abs(dirname(__FILE__) . '/../../..');

# The page of that name, such as docs/operating.md.
sub new {
    my ($class, $name) = @_;
    return bless {name => $name, text => JWT::read_file("$ROOT/$name")}, $class;
}

# What stands below a heading, up to the next one of the same level or a higher one. A comment in a block is no heading.
sub section {
    my ($self, $heading) = @_;
    my ($level, $fenced, $section);
    for my $line (split /^/m, $self->{text}) {
        $fenced = !$fenced if $line =~ /^ *```/;
        my ($marks, $title) = $fenced ? () : $line =~ /^(#+) (.*?)\s*$/;
        last if defined $level && defined $marks && length $marks <= $level;
        $section .= $line if defined $level;
        ($level, $section) = (length $marks, '') if defined $marks && $title eq $heading && !defined $level;
    }
    return $section // croak "$self->{name} has no section \"$heading\"";
}

# The fenced blocks of that kind below a heading; at least one.
sub blocks {
    my ($self, $heading, $kind) = @_;
    my $section = $self->section($heading);
    my @blocks;
    while ($section =~ /^( *)```\Q$kind\E\n(.*?)^\1```$/msg) {
        my ($indent, $text) = ($1, $2);
        push @blocks, $text =~ s/^$indent//mgr;
    }
    croak "\"$heading\" of $self->{name} has no block of \"$kind\"" unless @blocks;
    return @blocks;
}

# The first columns of the table below a heading whose head begins so, as rows of cells.
sub table {
    my ($self, $heading, $head) = @_;
    my ($rows) = $self->section($heading) =~ /^\| \Q$head\E [^\n]*\n\|[-|:]+\n((?:\|[^\n]*\n)+)/m
        or croak "\"$heading\" of $self->{name} has no table \"$head\"";
    return map { [map {s/^\s+|\s+$//gr} (split /(?<!\\)\|/, s/^\|//r)] } split /\n/, $rows;
}

1;
