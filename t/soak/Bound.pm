# Clients with tokens that are bound to their keys (DPoP) and certificates. Each proof is sent twice, on two connections:
# it may pass once.
package Bound;

use strict;
use warnings;

use IO::Select;
use List::Util qw(min);
use Time::HiRes qw(sleep time);

use Clients;
use Counted;
use Figures qw(compared figure memory_and_files number progress worse);
use Holder;
use JWT;
use JWT::Certificate;
use JWT::Connection;
use JWT::Process;

# What proofs are sent to, and the connections of a client to it.
my @SOCKETS = ('nginx.sock', 'other.sock');
my $CONNECTIONS = 6;

# So many proofs a client keeps back between their two times: some of them for seconds, across reloads and killed workers.
my $KEPT_BACK = 300;

# How far the time of a proof may be from now, in seconds, by one reload and the next (elsewhere it is 60); and how far
# it is. So each other reload changes how long proofs are remembered.
my @WINDOWS = (30, 90);
my $AWAY = 5;

# Two workers that record the same proof at the same time see each other's record where they have put it at two places,
# as they may when the clock of one is a second ahead: then neither passes. That is one of so many pairs at the most.
my $NEITHER = 10_000;

# How long a reload or a new worker may take.
my $PATIENCE = 30;

sub new {
    my ($class, $count) = @_;
    my @holders = map { Holder->new } 1 .. $count + 1;
    return bless {count => $count, holders => \@holders, certificates => [map { JWT::Certificate->new } 1, 2]}, $class;
}

# One server's locations, both servers', and the file that a reload changes.
my $LOCATIONS = <<'CONF';
        auth_jwt "r";
        auth_jwt_key_file %DIR%/html/keys;
        add_header X-Status $auth_jwt_status always;
        location /required { include %DIR%/html/dpop; empty_gif; }
        location /optional { auth_jwt_dpop optional; empty_gif; }
        location /certificate { auth_jwt_certificate required cert=$http_x_client_cert; empty_gif; }
CONF

sub configuration {
    return (
        server => $LOCATIONS,
        http => "server { listen unix:%DIR%/$SOCKETS[1]; $LOCATIONS }",
        files => {'html/dpop' => dpop(0)},
    );
}

sub dpop { return "auth_jwt_dpop required window=$WINDOWS[$_[0] % @WINDOWS]s;" }

# So many seconds of it, with a reload or a killed worker every few, and what it has shown.
sub run {
    my ($self, $nginx, $watch, $seconds) = @_;
    my $counted = Counted->new($nginx);
    my $clients = Clients->new($nginx, $self->{count}, sub { $self->ask(@_) });
    my ($begun, %done, %mine) = (time, reload => 0, kill => 0, late => 0);
    my ($next, $pause) = ($begun + 1, $seconds > 60 ? 4 : 1);
    while (time < $begun + $seconds) {
        sleep 0.25;
        $watch->sample;
        next if time < $next;
        if ($done{reload} > 0 && rand() < 0.25 || $done{reload} > 2 * $done{kill} + 2) {
            $done{kill}++;
            killed($watch) or $done{late}++;
        }
        else {
            my $outcome = reloaded($nginx, $watch, ++$done{reload});
            $outcome eq '200 ok' or $done{late}++;
            $mine{$1}++ if $outcome =~ /^\d+ (\w+)/;
            progress("$done{reload} reloads, $done{kill} killed") if $done{reload} % 50 == 0;
        }
        $next = time + 0.5 + rand $pause;
    }
    my ($asked, @wrong) = $clients->stop;
    progress($_) for @wrong[0 .. min($#wrong, 4)];
    $mine{$_} += $clients->{answered}{$_} for keys %{$clients->{answered}};
    my $events = sprintf '%d, %d in %d s', @done{qw(reload kill)}, time - $begun;
    figure('bound: reloads with new keys, workers killed with SIGKILL', $events, $done{kill} > 0);
    figure('bound: new keys not in use, or workers that do not come or go', $done{late}, $done{late} == 0);
    proofs_told($clients->{seen}, @wrong);
    # A connection that is open when a worker leaves may lose one request.
    my $most = $self->{count} * $CONNECTIONS * ($done{reload} + $done{kill});
    my $requests = join ', ', map { number($_) } $asked, $clients->{lost}, $most;
    figure('bound: requests, those without an answer, and how many these may be', $requests, $clients->{lost} <= $most);
    compared('bound', $counted, \%mine, $clients->{lost});
    memory_and_files($watch, 'bound');
    my $allowed = qr/worker process \d+ exited on signal 9/;
    my $worse = worse($nginx, $allowed);
    figure('bound: lines at error or worse, but for killed workers', $worse, $worse == 0);
    return;
}

sub proofs_told {
    my ($seen, @wrong) = @_;
    my ($twice, $at_once, $neither, $alone, $passed_twice) = @$seen{qw(twice at_once neither alone passed_twice)};
    figure('bound: proofs sent twice, of these at once', join(', ', map { number($_) } $twice, $at_once), $at_once > 100);
    figure('bound: proofs that passed twice, other wrong answers', join(', ', map { number($_) } $passed_twice, @wrong - $passed_twice), !@wrong);
    figure('bound: proofs that did not pass at all, as both came at once', $neither, $neither <= 1 + $at_once / $NEITHER);
    figure('bound: other requests (bad proofs, none, unbound tokens, certificates)', number($alone), $alone > 100);
    return;
}

# How a new key comes out that a reload brings, once the old workers have gone. Proofs count for as long as the next of
# the windows from then on.
sub reloaded {
    my ($nginx, $watch, $round) = @_;
    my ($kid, $secret) = ("round $round", "secret $round");
    $nginx->replace('html/keys', JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'always'), JWT::jwk($secret, kid => $kid)));
    $nginx->replace('html/dpop', dpop($round));
    my %old = map { $_ => 1 } $watch->workers;
    $nginx->signal('HUP');
    $nginx->wait_until(sub { !grep { $old{$_} } $watch->workers }, $PATIENCE) or return 'old workers are still there';
    return $nginx->outcome('/optional', JWT::bearer({sub => 'new'}, kid => $kid, secret => $secret));
}

# Whether another one comes for a worker that is killed.
sub killed {
    my ($watch) = @_;
    my @workers = $watch->workers;
    my $victim = $workers[rand @workers];
    JWT::Process::send_signal(KILL => $victim);
    return $watch->{server}->wait_until(sub { my @now = $watch->workers; @now == @workers && !grep { $_ == $victim } @now }, $PATIENCE);
}

# --- a client -----------------------------------------------------------------------------------------------------

sub ask {
    my ($self, $nginx, $number) = @_;
    my $stop = 0;
    local $SIG{TERM} = sub { $stop = 1 };
    my %seen = map { $_ => 0 } qw(twice at_once neither alone passed_twice);
    my $client = {
        nginx => $nginx, holder => $self->{holders}[$number], other => $self->{holders}[0], connections => [],
        told => {asked => 0, lost => 0, answered => {}, wrong => [], seen => \%seen},
    };
    my $holder = $client->{holder};
    @{$client->{tokens}} = map { JWT::token({sub => "$number $_", $holder->cnf}, kid => 'always') } 1 .. 3;
    $client->{cases} = [proof_cases($client), certificate_cases(@{$self->{certificates}})];
    my @kept_back;
    until ($stop) {
        my $what = rand;
        if ($what < 0.5) {
            push @kept_back, first($client);
            again($client, splice @kept_back, rand() < 0.3 ? -1 : rand @kept_back, 1) if @kept_back > $KEPT_BACK;
        }
        elsif ($what < 0.75) {
            at_once($client);
        }
        else {
            alone($client);
        }
    }
    again($client, $_) for @kept_back;
    Clients::leave_word($nginx, $number, %{$client->{told}});
    return;
}

# A path, and header lines with a token and a new proof for it; options as JWT::Dpop has them.
sub proven {
    my ($client, %options) = @_;
    my $path = ('/required', '/optional')[rand 2];
    my $token = $options{token} // $client->{tokens}[rand @{$client->{tokens}}];
    my $iat = int(time) + int(rand 2 * $AWAY + 1) - $AWAY;
    return ($path, $client->{holder}->lines($token, htu => "http://localhost$path", iat => $iat, %options));
}

# What is sent once: what it must be answered, and what gives the request.
sub proof_cases {
    my ($client) = @_;
    my ($other, $bound) = ($client->{other}, $client->{tokens}[0]);
    my %claims = (sub => 'nobody');
    my $unbound = JWT::token(\%claims, kid => 'always');
    my $expired = JWT::token({$client->{holder}->cnf, exp => 1}, kid => 'always');
    my $unknown = JWT::token({$client->{holder}->cnf}, kid => 'never');
    return (
        ['401 invalid_proof', sub { proven($client, signer => $other) }],
        ['401 invalid_proof', sub { proven($client, signer => $other, jwk => $other->jwk) }],
        ['401 invalid_proof', sub { proven($client, htu => 'http://localhost/elsewhere') }],
        ['401 invalid_proof', sub { proven($client, htm => 'POST') }],
        ['401 invalid_proof', sub { proven($client, ath => JWT::Dpop::ath('another token')) }],
        ['401 invalid_proof', sub { proven($client, iat => int(time) - 1000) }],
        ['401 proof_missing', sub { ('/required', "Authorization: DPoP $bound") }],
        ['401 proof_missing', sub { my ($path, undef, $proof) = proven($client, token => $bound); ($path, "Authorization: Bearer $bound", $proof) }],
        ['401 proof_missing', sub { ('/required', "Authorization: Bearer $unbound") }],
        ['200 ok', sub { ('/optional', "Authorization: Bearer $unbound") }],
        ['401 expired', sub { proven($client, token => $expired) }],
        ['401 unknown_key', sub { proven($client, token => $unknown) }],
        ['401 no_token', sub { '/required' }],
    );
}

sub certificate_cases {
    my ($mine, $other) = @_;
    my $bearer = JWT::bearer({sub => 'certified', $mine->cnf}, kid => 'always');
    my @lines = map { 'X-Client-Cert: ' . JWT::Certificate::escaped($_->pem) } $mine, $other;
    return (
        ['200 ok', sub { ('/certificate', $bearer, $lines[0]) }],
        ['401 wrong_certificate', sub { ('/certificate', $bearer, $lines[1]) }],
        ['401 proof_missing', sub { ('/certificate', $bearer) }],
    );
}

sub alone {
    my ($client) = @_;
    my ($expected, $make) = @{$client->{cases}[rand @{$client->{cases}}]};
    my ($path, @lines) = $make->();
    my $outcome = received($client, sent($client, int rand $CONNECTIONS, $path, @lines));
    $client->{told}{seen}{alone}++;
    wrong($client, "$path: $outcome, not $expected") if $outcome !~ /^(?:$expected|nothing)$/;
    return;
}

# --- proofs twice ---------------------------------------------------------------------------------------------------

sub first {
    my ($client) = @_;
    my $place = int rand $CONNECTIONS;
    my @request = proven($client);
    return {place => $place, request => \@request, first => received($client, sent($client, $place, @request))};
}

sub again {
    my ($client, $proof) = @_;
    my $outcome = received($client, sent($client, another($proof->{place}), @{$proof->{request}}));
    # Whatever was not answered may have been seen or not.
    my $expected = $proof->{first} eq 'nothing' ? qr/^(?:200 ok|401 invalid_proof|nothing)$/ : qr/^(?:401 invalid_proof|nothing)$/;
    $client->{told}{seen}{twice}++;
    wrong($client, "a proof: $proof->{first}, not 200 ok") if $proof->{first} !~ /^(?:200 ok|nothing)$/;
    wrong($client, "a proof again: $outcome") if $outcome !~ $expected;
    $client->{told}{seen}{passed_twice}++ if $proof->{first} eq '200 ok' && $outcome eq '200 ok';
    return;
}

sub at_once {
    my ($client) = @_;
    my $place = int rand $CONNECTIONS;
    my @request = proven($client);
    my @asked = map { sent($client, $_, @request) } $place, another($place);
    my %outcomes;
    $outcomes{received($client, $_)}++ for @asked;
    my $seen = $client->{told}{seen};
    $seen->{twice}++;
    $seen->{at_once}++;
    my $told = join ', ', map {"$_ $outcomes{$_}"} sort keys %outcomes;
    my ($passed, $refused, $lost) = map { $outcomes{$_} // 0 } '200 ok', '401 invalid_proof', 'nothing';
    wrong($client, "a proof twice at once: $told") if $passed > 1 || $passed + $refused + $lost != 2;
    $seen->{passed_twice}++ if $passed > 1;
    $seen->{neither}++ if $refused == 2;
    return;
}

sub another { return ($_[0] + 1 + int rand($CONNECTIONS - 1)) % $CONNECTIONS }

# --- connections ----------------------------------------------------------------------------------------------------

# Sends a request on the connection of a place; a new one, now and then.
sub sent {
    my ($client, $place, @request) = @_;
    my $connections = $client->{connections};
    $connections->[$place] = undef if rand() < 0.05;
    my $until = time + 10;
    until ($connections->[$place] //= $client->{nginx}->connect($SOCKETS[rand @SOCKETS])) {
        die "cannot connect: $!" if time > $until;
        sleep 0.01;
    }
    $connections->[$place]->request('GET', @request);
    $client->{told}{asked}++;
    return $place;
}

# How it came out.
sub received {
    my ($client, $place) = @_;
    my $connection = $client->{connections}[$place];
    my $answer = $connection->answer('GET');
    my $told = $client->{told};
    if ($answer) {
        $told->{answered}{$answer->{headers}{'x-status'} // ''}++;
    }
    else {
        $told->{lost}++;
        wrong($client, 'no answer in time') unless IO::Select->new($connection->{socket})->can_read(0);
    }
    $client->{connections}[$place] = undef if !$answer || ($answer->{headers}{connection} // '') eq 'close';
    return JWT::Connection::outcome_of($answer);
}

sub wrong {
    my ($client, $what) = @_;
    push @{$client->{told}{wrong}}, $what;
    return;
}

1;
