# What nginx has counted (auth_jwt_metrics), held against what clients have sent and what they were answered.
package Counted;

use strict;
use warnings;

use List::Util qw(sum0);

use JWT::Metrics;

# Where the metrics of a server of the soak are, beside whatever else it has.
our $SERVER = 'server { listen unix:%DIR%/metrics.sock; location / { auth_jwt_metrics; } }';

# From now on; of a JWT::Server.
sub new {
    my ($class, $nginx) = @_;
    my $self = bless {nginx => $nginx}, $class;
    $self->{before} = $self->now;
    return $self;
}

# How many verdicts of each status there have been, of all zones and issuers together.
sub now {
    my ($self) = @_;
    my $answer = $self->{nginx}->connect('metrics.sock')->get('/');
    my $verdicts = JWT::Metrics->read($answer->{body})->verdicts;
    my %now;
    $now{(split / /, $_)[1]} += $verdicts->{$_} for keys %$verdicts;
    return \%now;
}

# The same since it was made.
sub since {
    my ($self) = @_;
    my $now = $self->now;
    return {map { $_ => $now->{$_} - ($self->{before}{$_} // 0) } keys %$now};
}

# Whether it is as it must be, and a text: of each status no fewer than were answered so, and no more beyond all of
# these than requests went without an answer.
sub judge {
    my ($self, $answered, $lost) = @_;
    my $since = $self->since;
    my @fewer = grep { ($since->{$_} // 0) < $answered->{$_} } sort keys %$answered;
    my ($counted, $told) = (sum0(values %$since), sum0(values %$answered));
    my $beyond = $counted - $told;
    my $text = "$counted, $told" . ($lost || $beyond ? " and $lost without an answer" : '');
    $text .= "; fewer of @fewer" if @fewer;
    return ($text, !@fewer && $beyond >= 0 && $beyond <= $lost && $counted > 0);
}

1;
