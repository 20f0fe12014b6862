# What auth_jwt_metrics tells, read strictly by the rules of Prometheus' text format 0.0.4: whatever a test asks
# for, a text that breaks them is an error.
package JWT::Metrics;

use strict;
use warnings;

use Carp qw(croak);

my $PREFIX = 'nginx_auth_jwt_';
my $LABEL = qr/[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*+(?:\\["\\n][^"\\\n]*+)*+"/;
my $LABELS = qr/$LABEL(?:,$LABEL)*/;

# The metrics and their types, in their order; all of them are always there.
my @FAMILIES = (
    [build_info => 'gauge'], [verdicts_total => 'counter'], [token_cache_lookups_total => 'counter'],
    [key_fetches_total => 'counter'], [keys => 'gauge'], [keys_age_seconds => 'gauge'], [key_requests_total => 'counter'],
);

# Asks a JWT::Server for its metrics.
sub of {
    my ($class, $nginx, $path) = @_;
    my $answer = $nginx->get($path // '/metrics') or croak 'no answer from the metrics';
    $answer->{status} == 200 or croak "the metrics are answered with $answer->{status}";
    return $class->read($answer->{body});
}

# Reads a text.
sub read {
    my ($class, $text) = @_;
    my ($self, @families, %told) = (bless {series => {}}, $class);
    $text =~ /\n\z/ or croak 'the last line has no end';
    for my $line (split /\n/, $text) {
        if ($line =~ /\A# HELP (\w+) \S.*\z/) {
            !$told{$1}++ or croak "two of $1";
            push @families, [$1];
        }
        elsif ($line =~ /\A# TYPE (\w+) (counter|gauge)\z/) {
            my $last = $families[-1];
            $last && $last->[0] eq $1 && @$last == 1 or croak "a type out of place: $line";
            push @$last, $2;
        }
        elsif ($line =~ /\A(\w+)(?:\{($LABELS)\})? ([0-9]+(?:\.[0-9]+)?)\z/) {
            my ($name, $labels, $value) = ($1, $2 // '', $3);
            my $last = $families[-1];
            $last && $last->[0] eq $name && @$last == 2 or croak "a series out of place: $line";
            $last->[1] eq 'gauge' || $value !~ /[.]/ or croak "a fraction has been counted: $line";
            my $series = $name =~ s/\A$PREFIX//r . ($labels eq '' ? '' : "{$labels}");
            !exists $self->{series}{$series} or croak "twice: $line";
            $self->{series}{$series} = $value;
        }
        else {
            croak "no line of the format: $line";
        }
    }
    my @expected = map { ["$PREFIX$_->[0]", $_->[1]] } @FAMILIES;
    my $shown = sub { join ', ', map {"@$_"} @_ };
    $shown->(@families) eq $shown->(@expected) or croak 'the families are ' . $shown->(@families);
    return $self;
}

# The value of a series as it is told, such as keys{issuer="shop"}; undef where there is none.
sub value { return $_[0]{series}{$_[1]} }

# All series of a metric: labels => value.
sub all {
    my ($self, $name) = @_;
    return {map { /\A\Q$name\E(?:\{(.*)\})?\z/s ? ($1 // '' => $self->{series}{$_}) : () } keys %{$self->{series}}};
}

# The verdicts that there have been: "zone status", or "zone status issuer" where there is one => how many. Names
# are as they are in labels.
sub verdicts {
    my ($self) = @_;
    my %counted;
    my $all = $self->all('verdicts_total');
    for my $labels (keys %$all) {
        my ($zone, $issuer, $status) = $labels =~ /\Azone="(.*)",issuer="(.*)",status="(\w+)"\z/ or croak "other labels: $labels";
        $counted{join ' ', $zone, $status, length $issuer ? $issuer : ()} = $all->{$labels} if $all->{$labels};
    }
    return \%counted;
}

# How many verdicts there have been.
sub sum {
    my ($self) = @_;
    my $sum = 0;
    $sum += $_ for values %{$self->verdicts};
    return $sum;
}

# The statuses of a zone that are told, 0 or not.
sub statuses {
    my ($self, $zone) = @_;
    return sort map { /\Azone="\Q$zone\E",issuer="",status="(\w+)"\z/ ? $1 : () } keys %{$self->all('verdicts_total')};
}

# "hit/miss" of the cache of tokens, "ok/failed" of key requests, and of the fetches of an issuer's keys.
sub lookups { return $_[0]->pair('token_cache_lookups_total{', 'hit', 'miss') }
sub key_requests { return $_[0]->pair('key_requests_total{', 'ok', 'failed') }
sub fetches { return $_[0]->pair("key_fetches_total{issuer=\"$_[1]\",", 'ok', 'failed') }

sub pair {
    my ($self, $begin, @results) = @_;
    return join '/', map { $self->value("${begin}result=\"$_\"}") // 'none' } @results;
}

1;
