# auth_jwt_status_zone: which zone a verdict is counted in, what names may hold, and what becomes of zones and issuers that
# are removed, come back, or have no room.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use JWT;
use JWT::Metrics;
use JWT::Server;

my $FILES = {'html/keys' => JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'usual'))};
my $METRICS = 'location = /metrics { auth_jwt off; auth_jwt_metrics; }';
my $USUAL = 'auth_jwt r; auth_jwt_key_file %DIR%/html/keys;';

sub options {
    my ($server, %more) = @_;
    my $http = delete $more{http} // '';
    return (files => $FILES, http => "add_header X-Status \$auth_jwt_status always; $http", server => "$METRICS $server", log_level => 'notice', %more);
}

sub nginx { return JWT::Server->new(options(@_)) }

sub metrics { return JWT::Metrics->of($_[0]) }

# A block for tokens of https://NAME.example.
sub block {
    my ($name) = @_;
    return "auth_jwt_issuer $name { issuer https://$name.example; audience api; key_file %DIR%/html/keys; }\n";
}

# A new configuration for a running nginx.
sub reload {
    my ($nginx, @options) = @_;
    my @old = $nginx->workers;
    $nginx->configure(options(@options));
    $nginx->signal('HUP');
    return $nginx->wait_for_workers(scalar @old, @old);
}

# --- which zone ---------------------------------------------------------------------------------------

{
    my $nginx = nginx(<<"CONF", http => "auth_jwt_status_zone http; $USUAL");
        location / { empty_gif; }
        location /outer/ {
            auth_jwt_status_zone outer;
            empty_gif;
            location /outer/inner/ { auth_jwt_status_zone inner; empty_gif; }
            location /outer/same/ { auth_jwt_leeway 1s; empty_gif; }
            location /outer/if/ { if (\$arg_if) { set \$nothing 1; } empty_gif; }
            location /outer/default/ { auth_jwt_status_zone default; empty_gif; }
            location /outer/limited/ { limit_except GET { auth_jwt limited; } empty_gif; }
        }
        location /again/ { auth_jwt_status_zone outer; empty_gif; }
        location /off/ { auth_jwt off; auth_jwt_status_zone unseen; empty_gif; }
        }
        server {
            listen unix:%DIR%/second.sock;
            auth_jwt_status_zone server;
            location / { empty_gif; }
            location /inner/ { auth_jwt_status_zone inner; empty_gif; }
CONF
    my %times;
    my $asks = sub {
        my ($zone, $socket, $path, $method) = @_;
        $method //= 'GET';
        my $connection = $nginx->connect($socket);
        $connection->request($method, $path, JWT::bearer());
        my $answer = $connection->answer($method);
        $times{"$zone ok"}++;
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        is($answer->{headers}{'x-status'}, 'ok', "$method $path in $socket");
        is_deeply(metrics($nginx)->verdicts, \%times, "is counted in $zone");
    };
    $asks->(@$_) for (
        ['http', 'nginx.sock', '/'], ['outer', 'nginx.sock', '/outer/'], ['inner', 'nginx.sock', '/outer/inner/'],
        ['outer', 'nginx.sock', '/outer/same/'], ['outer', 'nginx.sock', '/outer/if/'], ['outer', 'nginx.sock', '/outer/if/?if=1'],
        ['default', 'nginx.sock', '/outer/default/'], ['outer', 'nginx.sock', '/outer/limited/'], ['outer', 'nginx.sock', '/outer/limited/', 'DELETE'],
        ['outer', 'nginx.sock', '/again/'], ['server', 'second.sock', '/'], ['inner', 'second.sock', '/inner/'],
    );
    my %zones = map { /zone="([^"]*)"/ ? ($1 => 1) : () } keys %{metrics($nginx)->all('verdicts_total')};
    is_deeply([sort keys %zones], [qw(default http inner outer server)], 'there are no zones but those where auth_jwt is on');
    $nginx->is_calm('warn');
}

# The dry run is told of where it is on, for the zone as a whole.
{
    my $nginx = nginx(<<"CONF");
        auth_jwt_key_file %DIR%/html/keys;
        location /a { auth_jwt r; auth_jwt_status_zone mixed; empty_gif; }
        location /b { auth_jwt r; auth_jwt_status_zone mixed; auth_jwt_dry_run on; empty_gif; }
        location /c { auth_jwt r; auth_jwt_status_zone strict; empty_gif; }
CONF
    my $metrics = metrics($nginx);
    my %dry = map { my $zone = $_; $zone => scalar grep {/_dry_run\z/} $metrics->statuses($zone) } qw(mixed strict);
    is_deeply(\%dry, {mixed => 20, strict => 0}, 'statuses of the dry run, in a zone that has one');
    $nginx->outcome("/$_") for qw(a b c);
    is_deeply(metrics($nginx)->verdicts, {'mixed no_token' => 1, 'mixed no_token_dry_run' => 1, 'strict no_token' => 1}, 'each is counted in its own way');
}

# Issuers: each in each zone that names it.
{
    my $nginx = nginx(<<"CONF", http => join '', map { block($_) } qw(one two three));
        location /a { auth_jwt r; auth_jwt_status_zone a; auth_jwt_issuers one two; empty_gif; }
        location /b { auth_jwt r; auth_jwt_status_zone b; auth_jwt_issuers two three; empty_gif; }
        location /ab { auth_jwt r; auth_jwt_status_zone a; auth_jwt_issuers three; empty_gif; }
        location /plain { auth_jwt r; auth_jwt_status_zone a; auth_jwt_key_file %DIR%/html/keys; empty_gif; }
CONF
    my @pairs = map { /zone="(\w+)",issuer="(\w+)"/ ? "$1 $2" : () } keys %{metrics($nginx)->all('verdicts_total')};
    is_deeply([sort @pairs], ['a one', 'a three', 'a two', 'b three', 'b two'], 'each pair of zone and issuer is there from the start');
    for (['/a', 'one'], ['/a', 'two'], ['/b', 'two'], ['/b', 'three'], ['/ab', 'three']) {
        my ($path, $name) = @$_;
        is($nginx->outcome($path, JWT::issued({iss => "https://$name.example"})), '200 ok', "$path: a token of $name");
    }
    is($nginx->outcome('/a', JWT::issued({iss => 'https://three.example'})), '401 unknown_issuer', '/a: one of another');
    is($nginx->outcome('/a', JWT::issued({iss => 'https://one.example', aud => 'x'})), '401 wrong_audience', '/a: one that is refused');
    is($nginx->outcome('/plain', JWT::issued({iss => 'https://one.example'})), '200 ok', '/plain: one where no issuer is asked for');
    is_deeply(metrics($nginx)->verdicts, {
        'a ok one' => 1, 'a ok two' => 1, 'b ok two' => 1, 'b ok three' => 1, 'a ok three' => 1, 'a ok' => 1, 'a unknown_issuer' => 1, 'a wrong_audience' => 1,
    }, 'the issuer is told of what has passed, and of nothing else');
    $nginx->is_calm('warn');
}

# --- names --------------------------------------------------------------------------------------------

{
    my $long = 'x' x 3000;
    # A name as a configuration has it, and as a label shows it.
    my @names = (
        ['plain', 'plain'], ['"two words"', 'two words'], ['"a \\"quote\\""', 'a \\"quote\\"'], ["'a\\\\b'", 'a\\\\b'], ["\"two\nlines\"", 'two\\nlines'],
        ['"<script>alert(1)</script>&amp;"', '<script>alert(1)</script>&amp;'], ['köln-東京-😀', 'köln-東京-😀'], ['"{zone=\\"x\\"} 1"', '{zone=\\"x\\"} 1'],
        ['"a#b;c"', 'a#b;c'], ["\"tab\there\"", "tab\there"], [$long, $long], ['"</title>"', '</title>'], ["\"it's\"", "it's"], ['" "', ' '],
    );
    my $nginx = nginx(join("\n", map {"location /l$_ { $USUAL auth_jwt_status_zone $names[$_][0]; empty_gif; }"} 0 .. $#names));
    for my $number (0 .. $#names) {
        $nginx->outcome("/l$number", JWT::bearer()) for 0 .. $number;
    }
    is_deeply(metrics($nginx)->verdicts, {map { ("$names[$_][1] ok" => $_ + 1) } 0 .. $#names}, 'names of all kinds are told as they are, escaped');
    $nginx->is_calm('warn');
}

# A zone that is named "other" is the one of what has no room.
{
    my $nginx = nginx("location / { $USUAL auth_jwt_status_zone other; empty_gif; } location /issued { auth_jwt r; auth_jwt_status_zone other; auth_jwt_issuers other; empty_gif; }", http => block('other'));
    $nginx->outcome('/', JWT::bearer()) for 1 .. 2;
    $nginx->outcome('/');
    is($nginx->outcome('/issued', JWT::issued({iss => 'https://other.example'})), '200 ok', 'an issuer of that name');
    is_deeply(metrics($nginx)->verdicts, {'other ok' => 2, 'other no_token' => 1, 'other ok other' => 1}, 'a zone "other" counts like any');
    $nginx->is_calm('warn');
}

# --- reloads that change them ---------------------------------------------------------------------------

{
    my $server = sub { my (@zones) = @_; return join ' ', 'auth_jwt r; auth_jwt_issuers shop;', map {"location /$_ { auth_jwt_status_zone $_; empty_gif; }"} @zones };
    my $nginx = nginx($server->('a', 'b'), workers => 2, http => block('shop'));
    $nginx->wait_for_workers(2);
    my $token = JWT::issued();
    my %expected;
    my $asks = sub { for my $zone (@_) { $expected{"$zone ok shop"}++ if $nginx->outcome("/$zone", $token) eq '200 ok'; $expected{"$zone no_token"}++ if $nginx->outcome("/$zone") eq '401 no_token' } };
    my $is_there = sub { local $Test::Builder::Level = $Test::Builder::Level + 1; is_deeply(metrics($nginx)->verdicts, \%expected, $_[0]) };
    $asks->('a', 'b', 'b');
    $is_there->('two zones');
    reload($nginx, $server->('a', 'c'), workers => 2, http => block('shop'));
    $is_there->('a reload takes one away and brings another: what was counted stays');
    is(metrics($nginx)->value('verdicts_total{zone="c",issuer="shop",status="ok"}'), 0, 'the new one is there');
    is(metrics($nginx)->value('verdicts_total{zone="b",issuer="",status="expired"}'), 0, 'and the old one, with its zeros');
    $asks->('a', 'c');
    $is_there->('what is there counts on');
    reload($nginx, $server->('b'), workers => 2, http => block('shop') . block('unused'));
    $asks->('b');
    $is_there->('a zone that comes back counts on from where it was');
    # Another block of another name, and then the first again, whose number is a new one.
    reload($nginx, $server->('b') =~ s/shop/store/r, workers => 2, http => block('store') =~ s/store\.example/shop.example/r);
    is($nginx->outcome('/b', $token), '200 ok', 'another block for the same issuer');
    $expected{'b ok store'}++;
    $is_there->('counts under its own name');
    reload($nginx, $server->('b'), workers => 2, http => block('shop'));
    $asks->('b');
    $is_there->('and the first, back again, under its');
    $nginx->is_calm('warn', qr/nobody uses issuer/);
}

# --- no room ------------------------------------------------------------------------------------------

# Names that fill the 4 MiB: so many of so many bytes.
sub zones { my ($count, $length) = @_; return map { sprintf 'zone%05d', $_ } 1 .. $count if !$length; return map { sprintf('z%05d-', $_) . 'x' x ($length - 7) } 1 .. $count }

my $NO_ROOM = qr/\[warn\].*metrics of \d+ zones and issuers have no room, they are counted under zone "other"/;

{
    my @zones = zones(1500, 4000);
    my $server = sub { return join "\n", map {"location /l$_ { $USUAL auth_jwt_status_zone $zones[$_]; empty_gif; }"} 0 .. $#zones };
    my $nginx = nginx($server->(), workers => 2);
    $nginx->wait_for_workers(2);
    is(scalar(() = $nginx->error_log =~ /$NO_ROOM/g), 1, 'too many zones: one warning');
    my %have = map { /zone="([^"]*)"/ ? ($1 => 1) : () } keys %{metrics($nginx)->all('verdicts_total')};
    my $with_room = keys %have;
    cmp_ok($with_room, '>', 500, "$with_room zones have room");
    cmp_ok($with_room, '<', 1500, 'and not all of them');
    ok(!$have{other}, 'zone "other" is not told of before it counts');
    my %expected;
    for my $number (0, 1, $with_room - 1, $with_room, $with_room + 1, 1499) {
        my $zone = $have{$zones[$number]} ? $zones[$number] : 'other';
        is($nginx->outcome("/l$number", JWT::bearer()), '200 ok', "location $number passes") for 1 .. 3;
        is($nginx->outcome("/l$number"), '401 no_token', "location $number refuses");
        $expected{"$zone ok"} += 3;
        $expected{"$zone no_token"}++;
    }
    ok($expected{'other ok'}, 'among these are some without room');
    is_deeply(metrics($nginx)->verdicts, \%expected, 'all are counted, those without room under "other"');

    # A reload finds them again, and warns again.
    reload($nginx, $server->(), workers => 2);
    is_deeply(metrics($nginx)->verdicts, \%expected, 'also after a reload');
    $nginx->outcome('/l1499', JWT::bearer());
    $expected{'other ok'}++;
    is_deeply(metrics($nginx)->verdicts, \%expected, 'where they count on');
    # With few zones again: new ones have no room, as the old ones stay.
    reload($nginx, "location / { $USUAL auth_jwt_status_zone " . 'new' x 1000 . '; empty_gif; }', workers => 2);
    is($nginx->outcome('/', JWT::bearer()), '200 ok', 'a new zone');
    $expected{'other ok'}++;
    is_deeply(metrics($nginx)->verdicts, \%expected, 'which has none either');
    is(scalar(() = $nginx->error_log =~ /$NO_ROOM/g), 3, 'with one warning for each configuration');
    $nginx->stop;
    $nginx->start;
    $nginx->outcome('/', JWT::bearer());
    is_deeply(metrics($nginx)->verdicts, {('new' x 1000) . ' ok' => 1}, 'a restart gives it room');
    $nginx->is_calm('warn', $NO_ROOM);
}

# Pairs of zones and issuers.
{
    my ($issuers, $zones) = (300, 300);
    my $nginx = nginx(
        "auth_jwt r; auth_jwt_dry_run on;\n" . join("\n", map {"location /l$_ { auth_jwt_status_zone " . ('z' x 200) . "$_; empty_gif; }"} 1 .. $zones),
        workers => 2, http => join('', map { block("issuer$_") } 1 .. $issuers) . 'auth_jwt_issuers ' . join(' ', map {"issuer$_"} 1 .. $issuers) . ';',
    );
    $nginx->wait_for_workers(2);
    my $first = metrics($nginx);
    my (%pairs, %zones);
    /zone="([^"]*)",issuer="([^"]*)"/ && ($pairs{"$1 $2"}++, $zones{$1}++) for keys %{$first->all('verdicts_total')};
    my ($sum, %expected) = (0);
    srand 1;
    for my $round (1 .. 300) {
        my ($number, $issuer) = (1 + int rand $zones, 'issuer' . (1 + int rand $issuers));
        my $zone = 'z' x 200 . $number;
        my $is_good = rand() < 0.8;
        my $seen = $nginx->outcome("/l$number", $is_good ? JWT::issued({iss => "https://$issuer.example"}) : ());
        is($seen, $is_good ? '200 ok' : '200 no_token_dry_run', "round $round") if $round % 50 == 0;
        my $own = $is_good ? "$zone ok $issuer" : "$zone no_token_dry_run";
        my $has_room = $is_good ? $pairs{"$zone $issuer"} : $first->value("verdicts_total{zone=\"$zone\",issuer=\"\",status=\"no_token_dry_run\"}");
        $expected{defined $has_room ? $own : $is_good ? 'other ok' : 'other no_token_dry_run'}++;
    }
    my $metrics = metrics($nginx);
    is($metrics->sum, 300, 'too many pairs: the sum is exact');
    is_deeply($metrics->verdicts, \%expected, 'and each of them');
    cmp_ok($expected{'other ok'} // 0, '>', 0, 'among them some that have no room');
    $nginx->is_calm('warn', qr/$NO_ROOM|is on in/);
}

# Ten thousand issuers have room.
{
    my $count = $ENV{TEST_NGINX_USE_VALGRIND} ? 1000 : 10_000;
    my $nginx = nginx("location / { auth_jwt r; auth_jwt_issuers " . join(' ', map {"issuer$_"} 1 .. $count) . '; empty_gif; }', http => join '', map { block("issuer$_") } 1 .. $count);
    is($nginx->outcome('/', JWT::issued({iss => "https://issuer$_.example"})), '200 ok', "issuer $_") for 1, $count;
    my $answer = $nginx->get('/metrics');
    my $metrics = JWT::Metrics->read($answer->{body});
    is_deeply($metrics->verdicts, {'default ok issuer1' => 1, "default ok issuer$count" => 1}, 'are counted');
    is(scalar keys %{$metrics->all('keys')}, $count, 'each of them has keys');
    is_deeply([grep { $_ != 1 } values %{$metrics->all('keys')}], [], 'one of them');
    note(length $answer->{body}, ' bytes');
    $nginx->is_calm('warn');
}

done_testing();
