# Draws the dashboard of contrib/ without Grafana (scripts/dashboard): a Prometheus scrapes an nginx while it has a time of
# troubles, and answers the dashboard's own queries.
#
#   perl -It/lib t/dashboard/draw.pl SECONDS >FILE.svg
use strict;
use warnings;

use Time::HiRes qw(sleep time);

use JWT;
use JWT::Dashboard;
use JWT::Metered;
use JWT::Picture;
use JWT::Prometheus;

my ($SECONDS) = @ARGV;
my $TICK = 0.1;

my $nginx = JWT::Metered->new(key_cache => '15s');
my $idp = $nginx->idp;
my $prometheus = JWT::Prometheus->new(target => $nginx->target);
$prometheus->wait_for('nginx_auth_jwt_keys{issuer="shop"}', sub { $_[0] == 1 }) or die "no keys\n";

my $NONE = 'X-None: none';
my @shop = map { $nginx->shop({sub => "user $_"}) } 1 .. 30;
my @partner = map { $nginx->partner({sub => "robot $_"}) } 1 .. 10;
my $renewed = $nginx->shop({aud => ['api', 'trial']});
my $reads = $nginx->shop({scope => 'orders:read'});
my $expired = $nginx->shop({exp => time - 60});
my $number = 0;

# What is sent: how many a second, at a time as a share of the whole; the path; the header line.
my @TRAFFIC = (
    [sub { 22 + 8 * sin(9 * $_[0]) }, '/orders/', sub { $shop[rand @shop] }],
    [sub { 9 + 3 * sin(14 * $_[0] + 1) }, '/orders/', sub { $partner[rand @partner] }],
    # A client that asks for a new token each time.
    [sub { $_[0] > 0.75 ? 5 : 0.8 }, '/orders/', sub { $nginx->partner({sub => 'robot ' . ++$number}) }],
    [sub {0.6}, '/orders/', sub {$reads}],
    [sub {1.2}, '/orders/', sub {$NONE}],
    # One that does not renew; later one that guesses.
    [sub { during(0.2, 0.36, @_) * 6 }, '/orders/', sub {$expired}],
    [sub { during(0.8, 0.86, @_) * 11 }, '/search/', sub {'Authorization: Bearer a.b'}],
    [sub { during(0.8, 0.86, @_) * 9 }, '/orders/', sub { $nginx->partner({}, secret => 'guessed ' . ++$number) }],
    [sub { 8 + 3 * sin(11 * $_[0] + 2) }, '/search/', sub { $shop[rand 10] }],
    [sub {4}, '/search/', sub {$NONE}],
    # Clients get tokens for the new audience by and by.
    [sub { 5 * (1 - $_[0]) ** 2 }, '/trial/', sub { $shop[rand 5] }],
    [sub { 5 - 5 * (1 - $_[0]) ** 2 }, '/trial/', sub {$renewed}],
    [sub {2}, '/legacy/', sub { $nginx->legacy }],
    [sub { during(0.66, 0.7, @_) }, '/legacy/broken/', sub { $nginx->legacy }],
);

sub during {
    my ($from, $to, $now) = @_;
    return $now >= $from && $now < $to ? 1 : 0;
}

# Sends one request by one of some connections, which nginx closes now and then.
my @connections;
sub ask {
    my ($path, $line) = @_;
    my $at = int rand 4;
    for (1 .. 2) {
        $connections[$at] //= $nginx->connect;
        my $answer = $connections[$at]->get($path, $line);
        undef $connections[$at] if !$answer || ($answer->{headers}{connection} // '') eq 'close';
        return if $answer;
    }
    die "no answer for $path\n";
}

my $begun = time;
my (@owed, $is_down);
srand 1;
while ((my $now = (time - $begun) / $SECONDS) < 1) {
    # The provider of "shop" is down for a while.
    if (during(0.42, 0.62, $now) != ($is_down // 0)) {
        $is_down = !$is_down ? 1 : 0;
        $is_down ? $idp->answer('/keys' => {status => 503}) : $idp->has_keys('one');
    }
    for my $kind (0 .. $#TRAFFIC) {
        my ($rate, $path, $line) = @{$TRAFFIC[$kind]};
        $owed[$kind] += $TICK * $rate->($now);
        while ($owed[$kind] >= 1) {
            ask($path, $line->());
            $owed[$kind]--;
        }
    }
    sleep $TICK;
}

my @values = (__range => int($SECONDS) . 's', __rate_interval => '10s', datasource => 'prometheus', instance => '.*', zone => '.*');
my @times = (start => $begun + 10, end => $begun + $SECONDS, step => 3);
my $picture = JWT::Picture->new($times[1], $times[3]);
for my $query (JWT::Dashboard->new->queries(@values)) {
    my @series = $prometheus->query($query->{expr}, $query->{instant} ? () : @times);
    # The port is another one each time.
    $_->{metric}{instance} &&= '127.0.0.1:9113' for @series;
    $_->{name} = JWT::Dashboard::legend($query, $_) for @series;
    $picture->draw($query->{panel}, @series);
}
print $picture->svg;
