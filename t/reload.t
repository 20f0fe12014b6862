# HUP with changed key files under load: no wrong answer, no dropped connection, a quiet log.
use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Server;

my ($CLIENTS, $RELOADS) = (4, 6);
my $PATIENCE = 20;

# One key is always there, two take turns.
my @SETS = map { JWT::key_set(map { JWT::jwk("secret of $_", kid => $_) } 'always', $_) } 'even', 'odd';

my $nginx = JWT::Server->new(
    workers => 2,
    log_level => 'notice',
    files => {'html/keys' => $SETS[0]},
    http => <<'CONF',
    upstream application { server unix:%DIR%/app.sock; }
    server { listen unix:%DIR%/app.sock backlog=4096; location / { return 200 "$http_x_sub"; } }
CONF
    server => <<'CONF',
    add_header X-Status $auth_jwt_status always;
    proxy_set_header X-Sub $jwt_claim_sub;
    # The application is reloaded, too: connections to it that are kept (as nginx 1.30 does) would break,
    # and nginx tells that before it asks again on another one.
    proxy_http_version 1.0;
    location /file/    { auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; proxy_pass http://application; }
    location /kept/    { auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; auth_jwt_key_cache 1h; proxy_pass http://application; }
    location /request/ { auth_jwt "r"; auth_jwt_key_request /html/keys; auth_jwt_key_cache 1h; proxy_pass http://application; }
    location /html/    { root %DIR%; }
CONF
);
my @PLACES = qw(file kept request);

sub bearer {
    my ($key, $sub) = @_;
    return JWT::bearer({sub => $sub}, secret => "secret of $key", kid => $key);
}

sub told {
    my ($answer) = @_;
    return 'no answer' unless $answer;
    return join ' ', $answer->{status}, $answer->{headers}{'x-status'}, $answer->{status} == 200 ? $answer->{body} : ();
}

# Asks until the parent says stop; writes what was wrong, and how often it asked.
sub client {
    my ($number) = @_;
    my ($asked, @wrong) = (0);
    my $stop = 0;
    local $SIG{TERM} = sub { $stop = 1 };
    my $until = time + $PATIENCE;
    until ($stop || time > $until) {
        my $connection = $nginx->connect;
        if (!$connection) {
            push @wrong, 'no connection';
            next;
        }
        for my $round (1 .. 5) {
            $asked++;
            my ($place, $sub) = ($PLACES[rand @PLACES], "user $number.$asked");
            my ($expected, @lines) = @{(
                [qr/\A200 ok \Q$sub\E\z/, bearer('always', $sub)],
                [qr/\A200 ok \Q$sub\E\z/, bearer('always', $sub)],
                [qr/\A401 invalid_signature\z/, JWT::bearer({sub => $sub}, secret => 'x', kid => 'always')],
                [qr/\A401 no_token\z/],
                [qr/\A(?:200 ok \Q$sub\E|401 unknown_key)\z/, bearer('even', $sub)],
                [qr/\A(?:200 ok \Q$sub\E|401 unknown_key)\z/, bearer('odd', $sub)],
            )[rand 6]};
            # The last one is told so: what nginx has not announced to close it must answer, but
            # where it closes a connection that is idle, whoever asks then has to ask again.
            $connection->request('GET', "/$place/$round", @lines, $round == 5 ? 'Connection: close' : ());
            my $answer = $connection->answer('GET');
            last if !$answer && $round > 1;
            push @wrong, "/$place/: " . told($answer) . ", not $expected" if told($answer) !~ $expected;
            last if !$answer || ($answer->{headers}{connection} // '') eq 'close';
        }
    }
    $nginx->write("html/client$number", join "\n", $asked, @wrong);
    return;
}

my @clients;
for my $number (1 .. $CLIENTS) {
    my $pid = fork // die "cannot fork: $!";
    if (!$pid) {
        srand $$;
        client($number);
        POSIX::_exit(0);
    }
    push @clients, $pid;
}

sub gone { return scalar(() = $nginx->error_log =~ /worker process \d+ exited with code 0/g) }

for my $reload (1 .. $RELOADS) {
    sleep 0.1;
    $nginx->replace('html/keys', $SETS[$reload % 2]);
    $nginx->signal('HUP');
    my $until = time + $PATIENCE;
    sleep 0.01 while gone() < 2 * $reload && time < $until;
    my ($there, $away) = $reload % 2 ? qw(odd even) : qw(even odd);
    for my $place (@PLACES) {
        is(told($nginx->get("/$place/", bearer($there, 'me'))), '200 ok me', "reload $reload, /$place/: the new key passes");
        is(told($nginx->get("/$place/", bearer($away, 'me'))), '401 unknown_key', "reload $reload, /$place/: the old one does not");
    }
}

kill TERM => @clients;
waitpid $_, 0 for @clients;
my ($asked, @wrong) = (0);
for my $number (1 .. $CLIENTS) {
    my ($count, @lines) = split /\n/, $nginx->read("html/client$number");
    $asked += $count // 0;
    push @wrong, @lines;
}
is_deeply([@wrong[0 .. ($#wrong < 4 ? $#wrong : 4)]], [], 'every answer is right, no connection is dropped')
    or diag(scalar @wrong, ' wrong answers');
cmp_ok($asked, '>', 50 * $RELOADS, "$asked requests");

my @worse = grep { !/\[notice\]/ } split /^/m, $nginx->error_log;
is_deeply(\@worse, [], 'nothing in the log above notice');

done_testing();
