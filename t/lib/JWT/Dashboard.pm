# contrib/grafana-dashboard.json as Grafana would use it: its queries, with the variables filled in.
package JWT::Dashboard;

use strict;
use warnings;

use File::Basename qw(dirname);
use JSON::PP ();

use JWT ();

our $FILE = dirname(__FILE__) . '/../../../contrib/grafana-dashboard.json';

sub new {
    my ($class) = @_;
    return bless JSON::PP->new->utf8->decode(JWT::read_file($FILE)), $class;
}

# Its variables, each a hash: name, query, ...
sub variables { return @{$_[0]{templating}{list}} }

sub panels { return @{$_[0]{panels}} }

# The text with the values of variables in place of $name and ${name}. A longer name goes first.
sub filled {
    my ($text, %values) = @_;
    my $names = join '|', map {quotemeta} sort { length $b <=> length $a } keys %values;
    $text =~ s/\$(?:\{($names)\}|($names)\b)/$values{$1 \/\/ $2}/g;
    return $text;
}

# Each query: {panel, expr, legend, instant}, filled.
sub queries {
    my ($self, %values) = @_;
    my @queries;
    for my $panel ($self->panels) {
        for my $target (@{$panel->{targets}}) {
            my $expr = filled($target->{expr}, %values);
            push @queries, {panel => $panel, expr => $expr, legend => $target->{legendFormat}, instant => $target->{instant}};
        }
    }
    return @queries;
}

# What the legend says of a series of a query. An empty label is none.
sub legend {
    my ($query, $series) = @_;
    return $query->{legend} =~ s/\{\{(\w+)\}\}/$series->{metric}{$1} \/\/ ''/ger;
}

1;
