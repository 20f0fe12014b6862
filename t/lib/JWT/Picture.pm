# Panels of a dashboard as SVG, in the reader's colour scheme.
package JWT::Picture;

use strict;
use warnings;

use List::Util qw(max min);
use POSIX ();

# Of a unit of Grafana's grid, in pixels; the room for the scale, the title and the legend.
my ($COLUMN, $ROW, $GAP) = (42, 19, 8);
my ($LEFT, $TOP, $BOTTOM, $LINE) = (46, 28, 20, 15);
my $LARGEST_LEGEND = 8;
my @LIGHT = map {"#$_"} qw(0969da bc4c00 1a7f37 cf222e 8250df 9a6700 1b7c83 bf3989);
my @DARK = map {"#$_"} qw(4493f8 db6d28 3fb950 f85149 ab7df8 d29922 39c5cf db61a2);

# Of the time from $start to $end, in seconds since the epoch.
sub new {
    my ($class, $start, $end) = @_;
    return bless {start => $start, end => $end, body => '', height => 0}, $class;
}

# Adds a panel with series, each {name, metric, values}.
sub draw {
    my ($self, $panel, @series) = @_;
    my $place = $panel->{gridPos};
    my ($x, $y) = ($place->{x} * $COLUMN, $place->{y} * $ROW);
    my ($width, $height) = ($place->{w} * $COLUMN - $GAP, $place->{h} * $ROW - $GAP);
    $self->{height} = max $self->{height}, $y + $height;
    my %kinds = (stat => \&value, timeseries => \&lines, table => \&table);
    my $inside = $kinds{$panel->{type}}->($self, $panel, $width, $height, @series);
    $self->{body} .= qq(<g transform="translate($x,$y)"><rect class="panel" width="$width" height="$height" rx="4"/>)
        . text('title', 10, 18, $panel->{title}) . "$inside</g>\n";
    return;
}

sub svg {
    my ($self) = @_;
    my ($width, $height) = (24 * $COLUMN - $GAP + 2, $self->{height} + 2);
    my $light = join ' ', map {".a$_ { fill: $LIGHT[$_]; } .l$_ { stroke: $LIGHT[$_]; }"} 0 .. $#LIGHT;
    my $dark = join ' ', map {".a$_ { fill: $DARK[$_]; } .l$_ { stroke: $DARK[$_]; }"} 0 .. $#DARK;
    return <<"SVG";
<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 $width $height" width="$width" height="$height" role="img" aria-label="The dashboard">
<style>
text { font: 11px system-ui, sans-serif; fill: #59636e; }
.title { font-weight: 600; fill: #1f2328; }
.value { font-size: 24px; font-weight: 600; fill: #1f2328; }
.panel { fill: none; stroke: #d1d9e0; } .grid { stroke: #d1d9e0; }
.line { fill: none; stroke-width: 1.5; }
$light
\@media (prefers-color-scheme: dark) {
  text { fill: #9198a1; } .title, .value { fill: #f0f6fc; } .panel, .grid { stroke: #3d444d; }
  $dark
}
</style>
$self->{body}</svg>
SVG
}

# --- kinds of panels --------------------------------------------------------------------------------

sub value {
    my ($self, $panel, undef, undef, $series) = @_;
    return text('value', 10, 52, $series ? shown($panel, $series->{values}[-1][1]) : 'no data');
}

sub table {
    my ($self, $panel, $width, undef, @series) = @_;
    my @labels = sort keys %{$series[0]{metric}};
    my ($renamed) = map { $_->{options}{renameByName} // () } @{$panel->{transformations}};
    my @rows = ([map { $renamed->{$_} // $_ } @labels], map { [@{$_->{metric}}{@labels}] } @series);
    my $text = '';
    for my $row (0 .. $#rows) {
        $text .= text($row ? 'cell' : 'title', 10 + $_ * $width / @labels, 42 + 18 * $row, $rows[$row][$_]) for 0 .. $#labels;
    }
    return $text;
}

sub lines {
    my ($self, $panel, $width, $height, @series) = @_;
    my $defaults = $panel->{fieldConfig}{defaults};
    my $is_stacked = $defaults->{custom}{stacking}{mode} eq 'normal';
    @series = sort { $b->{max} <=> $a->{max} || $a->{name} cmp $b->{name} }
        map { {%$_, max => max(0, map { $_->[1] } numbers($_))} } @series;
    my @seen = grep { $_->{max} > 0 } @series;
    # A panel of zeros shows them.
    @seen = @series[0 .. min($#series, 0)] unless @seen;

    my %below;
    for my $series ($is_stacked ? @seen : ()) {
        for my $value (numbers($series)) {
            my ($time, $number) = @$value;
            push @{$series->{band}}, [$time, $below{$time} // 0, ($below{$time} // 0) + $number];
            $below{$time} += $number;
        }
    }
    my $most = $is_stacked ? max(0, values %below) : max(0, map { $_->{max} } @seen);
    my $step = round_step($most / 3, $defaults->{decimals});
    my $top = $defaults->{max} // $step * (int($most / $step) + 1);

    # The legend stands at the right of wide panels, below narrow ones.
    my $is_wide = $panel->{gridPos}{w} > 8;
    my $legend_width = $is_wide ? 190 : 0;
    my $right = $width - 14 - $legend_width;
    my $bottom = $height - $BOTTOM - ($is_wide ? 0 : 16);
    my $x = sub { $LEFT + ($_[0] - $self->{start}) / ($self->{end} - $self->{start}) * ($right - $LEFT) };
    my $y = sub { $bottom - $_[0] / $top * ($bottom - $TOP) };

    my $text = '';
    for (my $at = 0; $at <= $top * 1.001; $at += $step) {
        my $level = sprintf '%.1f', $y->($at);
        $text .= qq(<line class="grid" x1="$LEFT" y1="$level" x2="$right" y2="$level"/>)
            . text('scale', $LEFT - 5, $level + 4, shown($panel, $at, 'short'), 'end');
    }
    my $seconds = $self->{end} - $self->{start};
    for my $minute (0 .. $seconds / 60) {
        $text .= text('scale', sprintf('%.0f', $x->($self->{start} + 60 * $minute)), $bottom + 14, "$minute min", 'middle');
    }
    for my $number (0 .. min($#seen, $#LIGHT)) {
        my $series = $seen[$number];
        if ($is_stacked) {
            my @band = @{$series->{band} // []};
            my @above = map { point($x->($_->[0]), $y->($_->[2])) } @band;
            my @below = map { point($x->($_->[0]), $y->($_->[1])) } reverse @band;
            my $path = join 'L', @above, @below;
            $text .= qq(<path class="a$number" d="M${path}Z"/>);
        }
        else {
            my $path = join 'L', map { point($x->($_->[0]), $y->($_->[1])) } numbers($series);
            $text .= qq(<path class="line l$number" d="M$path"/>);
        }
    }
    my $at = $LEFT;
    for my $number (0 .. min($#seen, $LARGEST_LEGEND - 1)) {
        my ($left, $line) = $is_wide ? ($right + 12, $TOP + 6 + $LINE * $number) : ($at, $height - 10);
        my $above = $line - 8;
        $text .= qq(<rect class="a$number" x="$left" y="$above" width="8" height="8" rx="2"/>)
            . text('legend', $left + 12, $line, $seen[$number]{name});
        $at += 24 + 6 * length $seen[$number]{name};
    }
    return $text;
}

# --- small things -------------------------------------------------------------------------------------

# Its points that have a value: a division by zero has none.
sub numbers { return grep { $_->[1] =~ /^-?\d/ } @{$_[0]{values}} }

sub point { return sprintf('%.1f,%.1f', @_) =~ s/\.0(?=,|\z)//gr }

# The next of 1, 2, 5, 10, ... that is no less; whole where there are no decimals.
sub round_step {
    my ($least, $decimals) = @_;
    $least = 1 if defined $decimals && $decimals == 0 && $least < 1;
    return 1 if $least <= 0;
    my $power = 10 ** POSIX::floor(log($least) / log 10);
    my ($factor) = grep { $_ * $power >= $least * 0.999 } 1, 2, 5, 10;
    return $factor * $power;
}

# A value in the unit of a panel.
sub shown {
    my ($panel, $value, $is_short) = @_;
    my ($unit, $decimals) = @{$panel->{fieldConfig}{defaults}}{qw(unit decimals)};
    my $behind = {percentunit => ' %', s => ' s', reqps => '/s', ops => '/s'}->{$unit} // '';
    $value *= 100 if $unit eq 'percentunit';
    my $text = $is_short ? 0 + sprintf('%.3g', $value) : sprintf "%.@{[$decimals // 1]}f", $value;
    return $text . $behind;
}

sub text {
    my ($class, $x, $y, $text, $anchor) = @_;
    my %escaped = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;');
    $text =~ s/([&<>])/$escaped{$1}/g;
    $anchor = $anchor ? qq( text-anchor="$anchor") : '';
    return qq(<text class="$class" x="$x" y="$y"$anchor>$text</text>);
}

1;
