# A real Prometheus on loopback that scrapes one server once a second, with its data in a directory of its own.
package JWT::Prometheus;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp ();
use HTTP::Tiny;
use JSON::PP ();
use POSIX ();
use Test::More ();

use JWT ();

use parent 'JWT::Process';

# How long it may take for anything, in seconds.
my $PATIENCE = 60;

# What is missing of it on this machine, if anything.
sub missing {
    return grep { my $name = $_; !grep {-x} map {"$_/$name"} split /:/, $ENV{PATH} } qw(prometheus promtool);
}

# Options: target (host:port), path (/metrics), rules (a file with rules, which are evaluated once a second).
sub new {
    my ($class, %options) = @_;
    my $self = $class->in_directory('prometheus', http => HTTP::Tiny->new(timeout => $PATIENCE));
    my $rules = $options{rules} ? "rule_files: ['$options{rules}']" : '';
    my $path = $options{path} // '/metrics';
    $self->write('prometheus.yml', <<"YAML");
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
$rules
scrape_configs:
  - job_name: nginx
    metrics_path: $path
    static_configs: [{targets: ['$options{target}']}]
YAML
    $self->start;
    return $self;
}

sub start {
    my ($self) = @_;
    my $directory = $self->directory;
    my $pid = $self->spawn(sub {
        open STDOUT, '>', "$directory/log";
        open STDERR, '>&', \*STDOUT;
        my @options = ("--config.file=$directory/prometheus.yml", "--storage.tsdb.path=$directory/data");
        exec 'prometheus', @options, '--web.listen-address=127.0.0.1:0' or POSIX::_exit(127);
    });
    # It chooses a free port, and says which.
    my $started = $self->wait_until(sub {
        croak 'prometheus ended: ' . $self->read('log') if waitpid($pid, POSIX::WNOHANG()) != 0;
        ($self->{address}) = $self->read('log') =~ /Listening on.*?address=(127[.]0[.]0[.]1:\d+)/;
        return $self->{address} && $self->{http}->get("http://$self->{address}/-/ready")->{success};
    }, $PATIENCE);
    return $started || croak 'prometheus did not start: ' . $self->read('log');
}

# What its HTTP API answers, the part "data"; dies with its error.
sub api {
    my ($self, $path, %parameters) = @_;
    my $query = $self->{http}->www_form_urlencode(\%parameters);
    my $answer = $self->{http}->get("http://$self->{address}/api/v1/$path" . (length $query ? "?$query" : ''));
    my $json = eval { JSON::PP->new->utf8->decode($answer->{content}) };
    croak "$path: " . ($json ? $json->{error} : "$answer->{status} $answer->{content}") if ($json->{status} // '') ne 'success';
    return $json->{data};
}

# An expression now, or (with start, end and step) over a time: a list of series, each {metric => labels, values =>
# [[time, value], ...]}.
sub query {
    my ($self, $expression, %range) = @_;
    my $data = $self->api(%range ? 'query_range' : 'query', query => $expression, %range);
    my $result = $data->{result};
    return {metric => {}, values => [$result]} if $data->{resultType} eq 'scalar';
    return map { {metric => $_->{metric}, values => $_->{values} // [$_->{value}]} } @$result;
}

# What an expression is now, by the values of these labels joined by spaces.
sub values_by {
    my ($self, $expression, @labels) = @_;
    return {map { join(' ', map { $_ // '' } @{$_->{metric}}{@labels}) => 0 + $_->{values}[-1][1] } $self->query($expression)};
}

# A test: this is what an expression comes to be, by the values of these labels. A scrape that took too long leaves a gap.
sub comes_to {
    my ($self, $expression, $labels, $expected, $name) = @_;
    my $seen;
    my $told = JWT::json($expected);
    $self->wait_until(sub { JWT::json($seen = $self->values_by($expression, @$labels)) eq $told }, $PATIENCE);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::is_deeply($seen, $expected, $name);
}

# Waits until an expression has a value that is so; gives the last one, or nothing.
sub wait_for {
    my ($self, $expression, $so) = @_;
    my $value;
    $self->wait_until(sub {
        my ($series) = $self->query($expression);
        $value = $series ? $series->{values}[-1][1] : undef;
        return defined $value && $so->($value);
    }, $PATIENCE);
    return $value;
}

# Runs promtool with these arguments and this input: whether it is content, and what it says.
sub promtool {
    my ($input, @arguments) = @_;
    my $file = File::Temp->new;
    print {$file} $input // '';
    close $file;
    my $pid = open(my $output, '-|') // croak "cannot fork: $!";
    if (!$pid) {
        open STDIN, '<', "$file";
        open STDERR, '>&', \*STDOUT;
        exec 'promtool', @arguments or POSIX::_exit(127);
    }
    my $text = join '', <$output>;
    close $output;
    return ($? == 0, $text);
}

1;
