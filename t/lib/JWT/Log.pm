# What must not stand in an error log.
package JWT::Log;

use strict;
use warnings;

my @LEVELS = qw(notice warn error crit alert emerg);

# Patterns: lines of a level or worse, and what tells that a worker has come to harm.
sub from {
    my ($level) = @_;
    my @levels = @LEVELS;
    shift @levels until $levels[0] eq $level;
    my $worse = join '|', @levels;
    return (qr/\[(?:$worse)\]/, qr/panicked|exited on signal/);
}

# Those of the lines that are so; of a level's lines those are left out that $except fits, if it is given.
sub worse {
    my ($level, $except, @lines) = @_;
    my ($levels, $harm) = from($level);
    return grep { $_ =~ $harm || $_ =~ $levels && !($except && $_ =~ $except) } @lines;
}

1;
