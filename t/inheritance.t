# Inheritance: http, server, location, nested location, if block, limit_except. Each directive is
# replaced as a whole by the innermost level that has it, and by nothing else.
#
# The first part compares nginx with a model: 32 servers have each directive on each subset of the
# levels, and at each place the answers must be those of the innermost level above it.
use strict;
use warnings;

use IO::Socket::UNIX;
use List::Util qw(first);
use Test::More;
use Time::HiRes qw(sleep);

use JWT;
use JWT::Connection;
use JWT::Metrics;
use JWT::Mock;
use JWT::Server;

my @LEVELS = qw(http server location nested limit);
my $PATIENCE = 10;

# Where requests are sent, and the levels that hold there, innermost first. A limit_except without
# directives of its own inherits, and so does an if block, which none of ours may stand in.
my @PLACES = (
    ['GET', '/', qw(server http)],
    ['GET', '/outer/', qw(location server http)],
    ['GET', '/outer/inner/', qw(nested location server http)],
    ['GET', '/outer/inner/?if=1', qw(nested location server http)],
    ['POST', '/outer/inner/', qw(limit nested location server http)],
);

my %LEEWAY = (http => 1000, server => 2000, location => 3000, nested => 4000, limit => 5000);

# The text of each directive on a level.
my %TEXT = (
    auth_jwt => sub { my ($level, $off) = @_; return $off ? 'auth_jwt off;' : qq(auth_jwt "$level";) },
    auth_jwt_key_file => sub {"auth_jwt_key_file %DIR%/html/$_[0];"},
    auth_jwt_leeway => sub {"auth_jwt_leeway $LEEWAY{$_[0]}s;"},
    auth_jwt_require => sub {"auth_jwt_require \$http_x_$_[0] error=403;"},
);

# Server $n has each directive on another subset of the levels: {directive => {level => off or not}}.
# Of all these the level http is the first bit, so that servers of one parity can share it.
sub subsets {
    my ($n) = @_;
    my %bits = (
        auth_jwt => $n,
        auth_jwt_key_file => 5 * $n + 3,
        auth_jwt_leeway => 11 * $n + 7,
        auth_jwt_require => 13 * $n + 19,
    );
    my %subsets;
    for my $directive (keys %bits) {
        for my $position (0 .. $#LEVELS) {
            next unless $bits{$directive} >> $position & 1;
            $subsets{$directive}{$LEVELS[$position]} = $position > 0 && ($n + $position) % 4 == 0;
        }
    }
    return \%subsets;
}

sub text {
    my ($subsets, $level) = @_;
    my @there = grep { exists $subsets->{$_}{$level} } sort keys %TEXT;
    return join ' ', map { $TEXT{$_}->($level, $subsets->{$_}{$level}) } @there;
}

# The inside of a server, with the texts of the levels below http in their places.
sub locations {
    my (%text) = @_;
    return <<"CONF";
        add_header X-Status \$auth_jwt_status always;
        $text{server}
        location / { proxy_pass http://mock; }
        location /outer/ {
            $text{location}
            proxy_pass http://mock;
            location /outer/inner/ {
                $text{nested}
                if (\$arg_if) { set \$nothing 1; }
                limit_except GET { $text{limit} }
                proxy_pass http://mock;
            }
        }
CONF
}

sub server {
    my ($n, $subsets) = @_;
    my $locations = locations(map { $_ => text($subsets, $_) } @LEVELS);
    return "server { listen unix:%DIR%/$n.sock; $locations }\n";
}

# The innermost of the levels that has the directive.
sub effective {
    my ($subsets, $directive, @levels) = @_;
    return first { exists $subsets->{$directive}{$_} } @levels;
}

# What one server says at one place, compared with the model.
sub check_place {
    my ($connection, $subsets, $method, $path, @levels) = @_;
    my ($auth, $key, $leeway, $require) = map { effective($subsets, $_, @levels) }
        qw(auth_jwt auth_jwt_key_file auth_jwt_leeway auth_jwt_require);
    my $ask = sub {
        my (@lines) = @_;
        $connection->request($method, $path, @lines);
        my $answer = $connection->answer($method);
        my $challenge = $answer->{headers}{'www-authenticate'} // '';
        return "$answer->{status} $answer->{headers}{'x-status'} $challenge";
    };
    if (!defined $auth || $subsets->{auth_jwt}{$auth}) {
        return (['off', $ask->(), '200 off ']);
    }
    my @enough = $require ? ("X-$require: 1") : ();
    my @others = map {"X-$_: 1"} grep { $_ ne ($require // '') } @LEVELS;
    my $expired = time - ($leeway ? $LEEWAY{$leeway} : 0);
    my $bearer = sub { JWT::bearer({exp => $_[1]}, secret => $_[0]) };
    my $invalid = qq(Bearer realm="$auth", error="invalid_token");
    my @seen = (
        ['no token', $ask->(), qq(401 no_token Bearer realm="$auth")],
        ['passes', $ask->($bearer->($key // 'any', $expired + 400), @enough), '200 ok '],
        ['expired', $ask->($bearer->($key // 'any', $expired - 400), @enough), "401 expired $invalid"],
    );
    for my $other (grep { $_ ne ($key // '') } @LEVELS) {
        my $expected = $key ? "401 invalid_signature $invalid" : '200 ok ';
        push @seen, ["key $other", $ask->($bearer->($other, $expired + 400), @enough), $expected];
    }
    my $expected = $require
        ? qq(403 requirement_failed Bearer realm="$auth", error="insufficient_scope")
        : '200 ok ';
    push @seen, ['require', $ask->($bearer->($key // 'any', $expired + 400), @others), $expected];
    return @seen;
}

my $mock = JWT::Mock::configuration('unix:%DIR%/mock.sock');

for my $parity (0, 1) {
    my %servers = map { $_ => subsets($_) } grep { $_ % 2 == $parity } 0 .. 31;
    my @numbers = sort { $a <=> $b } keys %servers;
    my $nginx = JWT::Server->new(
        files => {map { ("html/$_" => JWT::key_set(JWT::jwk($_))) } @LEVELS},
        http => join "\n",
        $mock, text($servers{$numbers[0]}, 'http'), map { server($_, $servers{$_}) } @numbers,
    );
    for my $n (@numbers) {
        my $socket = IO::Socket::UNIX->new(Peer => $nginx->directory . "/$n.sock");
        my $connection = JWT::Connection->new($socket, $PATIENCE);
        for my $place (@PLACES) {
            my @wrong = grep { $_->[1] ne $_->[2] } check_place($connection, $servers{$n}, @$place);
            is_deeply(\@wrong, [], "server $n: $place->[0] $place->[1]")
                or diag(server($n, $servers{$n}));
        }
    }
    unlike($nginx->error_log, qr/\[(?:error|crit|alert|emerg)\]|panicked/, 'nothing in the log');
}

# Lists are replaced as one, whatever they are made of.
{
    my $nginx = JWT::Server->new(
        files => {map { ("html/$_" => JWT::key_set(JWT::jwk($_))) } qw(one two three)},
        http => $mock,
        server => <<'CONF',
        auth_jwt "r";
        auth_jwt_key_file %DIR%/html/one;
        auth_jwt_key_request /keys/two;
        auth_jwt_require $http_x_a;
        auth_jwt_require $http_x_b error=403;
        location = / { proxy_pass http://mock; }
        location /keys/ { auth_jwt off; root %DIR%/html; rewrite ^/keys(/.*) $1 break; }
        location /file/ { auth_jwt_key_file %DIR%/html/three; proxy_pass http://mock; }
        location /request/ { auth_jwt_key_request /keys/three; proxy_pass http://mock; }
        location /require/ {
            auth_jwt_require $http_x_c error=403;
            proxy_pass http://mock;
            location /require/both/ { auth_jwt_require $http_x_c; auth_jwt_require $http_x_d; proxy_pass http://mock; }
            location /require/none/ { auth_jwt_key_file %DIR%/html/three; proxy_pass http://mock; }
        }
        location /again/ { auth_jwt "again"; proxy_pass http://mock; }
CONF
    );
    my $status = sub {
        my ($path, $secret, @headers) = @_;
        my @lines = (JWT::bearer(undef, secret => $secret), map {"X-$_: 1"} @headers);
        return $nginx->get($path, @lines)->{status};
    };
    my @met = qw(a b);
    is_deeply([map { $status->('/', $_, @met) } qw(one two three)], [200, 200, 401], 'two sources');
    is_deeply([map { $status->('/file/', $_, @met) } qw(one two three)], [401, 401, 200],
        'a key file replaces file and request');
    is_deeply([map { $status->('/request/', $_, @met) } qw(one two three)], [401, 401, 200],
        'a key request replaces file and request');
    is_deeply([map { $status->('/again/', $_, @met) } qw(one two three)], [200, 200, 401],
        'another auth_jwt leaves the sources as they are');
    my @cases = ([], ['a'], ['b'], [@met]);
    is_deeply([map { $status->('/', 'one', @$_) } @cases], [401, 403, 401, 200], 'two requirements');
    is_deeply([map { $status->('/again/', 'one', @$_) } @cases], [401, 403, 401, 200],
        'another auth_jwt leaves them as they are');
    is_deeply([map { $status->('/require/', 'one', @$_) } ['a', 'b'], ['c'], ['d']], [403, 200, 403],
        'one replaces the two, status and all');
    is_deeply([map { $status->('/require/both/', 'one', @$_) } ['c'], ['d'], ['c', 'd']],
        [401, 401, 200], 'two replace the one');
    is_deeply([map { $status->('/require/none/', 'three', @$_) } ['a', 'b'], ['c']], [403, 200],
        'a level without a requirement inherits it, its own keys notwithstanding');
}

# auth_jwt_type: a JWS is of the wrong type everywhere but where "signed" holds, and a JWE there alone.
{
    my $jwe = JWT::b64url('{"alg":"dir","enc":"A128GCM"}') . '..MTIzNDU2Nzg5MDEy.dGV4dA.MTIzNDU2Nzg5MDEyMzQ1Ng';
    for my $case (
        [{}, ('signed') x 5],
        [{http => 'nested'}, ('other') x 5],
        [{http => 'encrypted', server => 'signed'}, ('signed') x 5],
        [{server => 'nested', nested => 'signed'}, qw(other other signed signed signed)],
        [{location => 'encrypted', limit => 'signed'}, qw(signed other other other signed)],
        [{nested => 'encrypted'}, qw(signed signed other other other)],
        [{location => 'nested', nested => 'signed', limit => 'encrypted'}, qw(signed other signed signed other)],
    ) {
        my ($on, @expected) = @$case;
        my %text = map { $_ => defined $on->{$_} ? "auth_jwt_type $on->{$_};" : '' } @LEVELS;
        my $nginx = JWT::Server->new(
            files => {'html/keys' => JWT::key_set(JWT::jwk('one'))},
            http => "$mock auth_jwt r; auth_jwt_key_file %DIR%/html/keys; $text{http}",
            server => locations(%text),
        );
        my $connection = $nginx->connect;
        my $is_wrong = sub {
            my ($place, $token) = @_;
            $connection->request(@$place[0, 1], "Authorization: Bearer $token");
            return $connection->answer($place->[0])->{headers}{'x-status'} eq 'wrong_type';
        };
        my @seen;
        for my $place (@PLACES) {
            my ($jws, $jwe) = map { $is_wrong->($place, $_) } JWT::token(undef, secret => 'one'), $jwe;
            push @seen, $jws && $jwe ? 'none' : $jws ? 'other' : $jwe ? 'signed' : 'both';
        }
        my $name = join ', ', map {"$_ $on->{$_}"} grep { defined $on->{$_} } @LEVELS;
        is_deeply(\@seen, \@expected, "auth_jwt_type: $name");
    }
}

# auth_jwt_key_cache: where it is 0, a changed key file is seen at once.
{
    my %names = ('/' => 'root', '/outer/' => 'outer', '/outer/inner/' => 'inner', limit => 'limit');
    my ($ONE, $TWO) = map { JWT::key_set(JWT::jwk($_)) } qw(one two);
    my $file = sub {"auth_jwt_key_file %DIR%/html/$_[0];"};
    # The value on each level, where it has one, and whether keys are kept at the four places.
    for my $case (
        [{http => '1h'}, 'kept', 'kept', 'kept', 'kept'],
        [{http => '1h', server => '0'}, 'seen', 'seen', 'seen', 'seen'],
        [{server => '1h', location => '0'}, 'kept', 'seen', 'seen', 'seen'],
        [{location => '1h', nested => '0', limit => '1h'}, 'seen', 'kept', 'seen', 'kept'],
        [{http => '0', nested => '1h'}, 'seen', 'seen', 'kept', 'kept'],
        [{nested => '1h', limit => '0'}, 'seen', 'seen', 'kept', 'seen'],
    ) {
        my ($on, @expected) = @$case;
        my %text = map { $_ => defined $on->{$_} ? "auth_jwt_key_cache $on->{$_};" : '' } @LEVELS;
        my $nginx = JWT::Server->new(
            files => {map { ("html/$_" => $ONE) } values %names},
            http => "$mock auth_jwt r; $text{http}",
            server => join ' ',
            $text{server},
            'location / {', $file->('root'), 'proxy_pass http://mock; }',
            'location /outer/ {', $text{location}, $file->('outer'), 'proxy_pass http://mock;',
            'location /outer/inner/ {', $text{nested}, $file->('inner'), 'proxy_pass http://mock;',
            'limit_except GET {', $text{limit}, $file->('limit'), '} } }',
        );
        my $connection = $nginx->connect;
        my $passes = sub {
            my ($method, $path, $secret) = @_;
            $connection->request($method, $path, JWT::bearer(undef, secret => $secret));
            return $connection->answer($method)->{status} == 200;
        };
        my @places = map { [@$_[0, 1]] } @PLACES[0, 1, 2, 4];
        my $loaded = grep { $passes->(@$_, 'one') } @places;
        $nginx->replace("html/$_", $TWO) for values %names;
        sleep 0.005;
        my @seen = map { $passes->(@$_, 'two') ? 'seen' : 'kept' } @places;
        my $name = join ', ', map {"$_ $on->{$_}"} grep { defined $on->{$_} } @LEVELS;
        is($loaded, 4, "auth_jwt_key_cache, $name: loaded");
        is_deeply(\@seen, \@expected, 'and then the files change');
    }
}

# auth_jwt_certificate, auth_jwt_dpop: a token that is not bound passes but where "required" holds, one that is bound and
# not proven where "off" does; what no level says is "optional" with issuers and "off" elsewhere.
my %BINDINGS = (
    auth_jwt_certificate => {cnf => {'x5t#S256' => 'x'}, other => 'auth_jwt_dpop'},
    auth_jwt_dpop => {cnf => {jkt => 'x'}, other => 'auth_jwt_certificate'},
);
for my $directive (sort keys %BINDINGS) {
    my $with = $BINDINGS{$directive};
    for my $source ('auth_jwt_key_file %DIR%/html/keys;', 'auth_jwt_issuers shop;') {
        my $unsaid = $source =~ /issuers/ ? 'optional' : 'off';
        for my $case (
            [{}, ($unsaid) x 5],
            [{http => 'required'}, ('required') x 5],
            [{http => 'optional', server => 'off'}, ('off') x 5],
            [{server => 'required', location => 'optional'}, qw(required optional optional optional optional)],
            [{location => 'off', limit => 'required'}, $unsaid, qw(off off off required)],
            [{http => 'required', nested => 'off', limit => 'optional'}, qw(required required off off optional)],
            [{nested => 'required'}, $unsaid, $unsaid, qw(required required required)],
        ) {
            my ($on, @expected) = @$case;
            my %text = map { $_ => defined $on->{$_} ? "$directive $on->{$_};" : '' } @LEVELS;
            my $nginx = JWT::Server->new(
                files => {'html/keys' => JWT::key_set(JWT::jwk($JWT::SECRET))},
                http => "$mock auth_jwt_issuer shop { issuer https://shop.example; audience api; key_file %DIR%/html/keys; } auth_jwt r; $source $with->{other} off; $text{http}",
                server => locations(%text),
            );
            my $connection = $nginx->connect;
            my @seen;
            for my $place (@PLACES) {
                my @words;
                for my $claims ({}, {cnf => $with->{cnf}}, {cnf => $BINDINGS{$with->{other}}{cnf}}) {
                    $connection->request(@$place[0, 1], JWT::issued($claims));
                    push @words, $connection->answer($place->[0])->{headers}{'x-status'};
                }
                my %mode = ('ok ok ok' => 'off', 'ok proof_missing ok' => 'optional', 'proof_missing proof_missing proof_missing' => 'required');
                push @seen, $mode{"@words"} // "@words";
            }
            my $name = join ', ', $source =~ /(\w+)/, map {"$_ $on->{$_}"} grep { defined $on->{$_} } @LEVELS;
            is_deeply(\@seen, \@expected, "$directive: $name");
        }
    }
}

# auth_jwt_status_zone: the verdict is counted in the zone of the innermost level that names one; limit_except cannot.
for my $case (
    [{}, ('default') x 5],
    [{http => 'a'}, ('a') x 5],
    [{http => 'a', server => 'b'}, ('b') x 5],
    [{server => 'b', location => 'c'}, qw(b c c c c)],
    [{http => 'a', nested => 'd'}, qw(a a d d d)],
    [{location => 'c', nested => 'default'}, qw(default c default default default)],
    [{http => 'a', server => 'a', location => 'c', nested => 'd'}, qw(a c d d d)],
) {
    my ($on, @expected) = @$case;
    my %text = map { $_ => defined $on->{$_} ? "auth_jwt_status_zone $on->{$_};" : '' } @LEVELS;
    $text{limit} = 'auth_jwt "other";';
    my $nginx = JWT::Server->new(
        files => {'html/keys' => JWT::key_set(JWT::jwk('one'))},
        http => "$mock auth_jwt r; auth_jwt_key_file %DIR%/html/keys; $text{http}",
        server => locations(%text) . 'location = /metrics { auth_jwt off; auth_jwt_metrics; }',
    );
    my $connection = $nginx->connect;
    my ($before, @seen) = ({});
    for my $place (@PLACES) {
        $connection->request(@$place[0, 1]);
        $connection->answer($place->[0]);
        my $now = JWT::Metrics->of($nginx)->verdicts;
        push @seen, join ' ', map {s/ no_token\z//r} grep { $now->{$_} != ($before->{$_} // 0) } sort keys %$now;
        $before = $now;
    }
    my $name = join ', ', map {"$_ $on->{$_}"} grep { defined $on->{$_} } @LEVELS;
    is_deeply(\@seen, \@expected, "auth_jwt_status_zone: $name");
}

done_testing();
