# A hundred connections side by side, kept alive, with a thousand tokens, good ones and bad ones: every
# answer is that of its own request, and the upstream sees its own "sub".
use strict;
use warnings;

use List::Util qw(shuffle);
use Test::More;

use JWT;
use JWT::Server;

my ($CONNECTIONS, $TOKENS, $ROUNDS) = (100, 1000, 20);

my $nginx = JWT::Server->new(
    workers => 2,
    files => {'html/keys' => JWT::key_set(map { JWT::jwk("secret $_", kid => "k$_") } 1 .. 5)},
    http => <<'CONF',
    keepalive_requests 100000;
    upstream application { server unix:%DIR%/app.sock; keepalive 16; }
    server { listen unix:%DIR%/app.sock; location / { return 200 "$http_x_sub"; } }
    server { listen unix:%DIR%/keys.sock; location / { root %DIR%/html; } }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
CONF
    server => <<'CONF',
    add_header X-Status $auth_jwt_status always;
    add_header X-Sub $jwt_claim_sub always;
    add_header X-Worker $pid always;
    proxy_set_header X-Sub $jwt_claim_sub;
    location /file/     { auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; proxy_pass http://application; }
    location /request/  { auth_jwt "r"; auth_jwt_key_request /keys; proxy_pass http://application; }
    location /required/ { auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; auth_jwt_require $jwt_claim_admin error=403; proxy_pass http://application; }
    location = /keys    { proxy_pass http://unix:%DIR%/keys.sock; }
CONF
);

# Each token: the header lines, the status it gets, the word for it, its subject.
my @tokens = map {
    my $number = $_;
    my $key = 1 + $number % 5;
    my %with = (secret => "secret $key", kid => "k$key");
    my $sub = "user $number " . 'x' x (1 + $number % 300);
    my @kinds = (
        [200, 'ok', {}, %with],
        [200, 'ok', {admin => 1}, %with],
        [200, 'ok', {admin => 1}, %with, kid => undef],
        [200, 'ok', {exp => time + 3600, more => 'y' x 1000}, %with],
        [401, 'invalid_signature', {}, %with, secret => "not secret $key"],
        [401, 'expired', {exp => 1000 + $number}, %with],
        [401, 'unknown_key', {}, %with, kid => "k$number"],
        [401, 'no_token'],
    );
    my ($status, $word, $claims, @options) = @{$kinds[$number % @kinds]};
    my @lines = $claims ? JWT::bearer({%$claims, sub => $sub}, @options) : ();
    {lines => \@lines, status => $status, word => $word, sub => $claims ? $sub : '', admin => $claims && $claims->{admin}};
} 1 .. $TOKENS;

my @connections = map { $nginx->connect } 1 .. $CONNECTIONS;
is(scalar @connections, $CONNECTIONS, "$CONNECTIONS connections");

my (@wrong, %workers, %statuses);
my @left;
for my $round (1 .. $ROUNDS) {
    my @asked;
    # All requests of a round are under way before the first answer is read; some are pipelined.
    for my $connection (shuffle @connections) {
        for (1 .. 1 + int rand 2) {
            @left = shuffle @tokens unless @left;
            my $token = pop @left;
            my $place = (qw(file request required))[rand 3];
            $connection->request('GET', "/$place/$round", @{$token->{lines}});
            push @asked, [$connection, $token, $place];
        }
    }
    for my $asked (@asked) {
        my ($connection, $token, $place) = @$asked;
        my $answer = $connection->answer('GET');
        if (!$answer) {
            push @wrong, 'no answer';
            next;
        }
        my ($status, $word) = @{$token}{qw(status word)};
        ($status, $word) = (403, 'requirement_failed')
            if $place eq 'required' && $status == 200 && !$token->{admin};
        my $body = $status == 200 ? $token->{sub} : '';
        my $expected = "$status $word <$token->{sub}> <$body>";
        my $headers = $answer->{headers};
        my $told = $answer->{status} == 200 ? $answer->{body} : '';
        my $seen = "$answer->{status} $headers->{'x-status'} <@{[$headers->{'x-sub'} // '']}> <$told>";
        push @wrong, "$place: $seen, not $expected" if $seen ne $expected;
        $workers{$headers->{'x-worker'}}++;
        $statuses{$answer->{status}}++;
    }
}
is_deeply([@wrong[0 .. ($#wrong < 4 ? $#wrong : 4)]], [], 'every answer is right')
    or diag(scalar @wrong, ' wrong answers');
cmp_ok($statuses{200} + $statuses{401} + $statuses{403}, '>=', $CONNECTIONS * $ROUNDS, 'all were answered');
cmp_ok($statuses{$_}, '>', 100, "$_ is among the answers") for 200, 401, 403;
cmp_ok(scalar(keys %workers), '<=', 2, 'no worker has been replaced');
note(join ', ', map {"worker $_: $workers{$_}"} sort keys %workers);

$nginx->is_calm('warn');

done_testing();
