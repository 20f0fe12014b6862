# A certified OpenID provider (npm's oidc-provider, over HTTPS) is found by its issuer's URL: it signs by four kinds of
# keys, rotates them, goes down and comes back; and under load no valid token is refused whose key has been published
# for longer than refresh=, and none passes whose key has been gone for longer than the key cache's time (and stale=,
# while the provider fails).
use strict;
use warnings;

use File::Temp ();
use FindBin;
use IPC::Open2 qw(open2);
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Authority;
use JWT::Server;

my ($npm) = grep {-x} map {"$_/npm"} split /:/, $ENV{PATH};
plan skip_all => 'npm is missing: install node and npm to run the identity provider' unless $npm;
plan skip_all => 'curl is missing' unless grep {-x} map {"$_/curl"} split /:/, $ENV{PATH};

my $install = qx("$FindBin::Bin/install" idp node);
BAIL_OUT('oidc-provider could not be installed') if $? != 0;
chomp $install;

my ($OK, $UNKNOWN, $UNAVAILABLE) = ('200 ok', '401 unknown_key', '500 keys_unavailable');
my @ALGORITHMS = qw(RS256 PS256 ES256 EdDSA);

# --- the provider ------------------------------------------------------------------------------------------------

my $authority = JWT::Authority->new;
my ($key, $certificate) = $authority->issue('DNS:localhost');
my $ca = $authority->file('ca.pem');
my $directory = File::Temp->newdir('idp-XXXXXX', TMPDIR => 1);
my $port = JWT::Process::free_port();
my $ISSUER = "https://localhost:$port";
my ($pid, $output, $input);
my $owner = $$;

sub start_provider {
    $pid = open2($output, $input, 'sh', '-c', 'log=$1; shift; exec node "$@" 2>>"$log"', 'sh', "$directory/log",
        "$install/provider.mjs", $port, $key, $certificate, "$directory/state");
    local $SIG{ALRM} = sub { BAIL_OUT('oidc-provider does not start: ' . JWT::read_file("$directory/log")) };
    alarm 120;
    my $line = <$output> // '';
    alarm 0;
    is($line, "ready\n", 'the provider is ready');
    return;
}

sub stop_provider {
    return unless $pid && $owner == $$;
    kill KILL => $pid;
    waitpid $pid, 0;
    undef $pid;
    return;
}

END { local $?; stop_provider() }

# What a request to the provider is answered.
sub provider {
    my ($path, $form) = @_;
    my @body = defined $form ? ('--data', "'$form'") : ();
    my $answer = qx(curl --silent --show-error --max-time 20 --cacert $ca @body $ISSUER$path);
    return $answer;
}

sub access_token {
    my ($algorithm) = @_;
    my $form = "grant_type=client_credentials&client_id=robot&client_secret=robot%27s+own&resource=urn:api:$algorithm&scope=read";
    my $answer = provider('/token', $form);
    my $json = eval { JSON::PP::decode_json($answer) } // {};
    diag("$algorithm: $answer") unless $json->{access_token};
    return $json->{access_token};
}

# Tokens of all kinds, signed by the keys of now.
sub tokens {
    return {map { $_ => 'Authorization: Bearer ' . (access_token($_) // '') } @ALGORITHMS};
}

sub rotated {
    my ($how) = @_;
    return provider("/rotate/$how", '') eq "rotated\n";
}

# --- nginx ---------------------------------------------------------------------------------------------------------

sub options {
    my ($parameters, %more) = @_;
    return (
        http => "auth_jwt_issuer provider { issuer $ISSUER; audience @{[map {qq(urn:api:$_)} @ALGORITHMS]}; typ at+jwt; ssl_trusted_certificate $ca; $parameters }",
        server => <<'CONF',
        add_header X-Status $auth_jwt_status always;
        add_header X-Pid $pid always;
        location / { auth_jwt "API"; auth_jwt_issuers provider; empty_gif; }
        location /open { empty_gif; }
CONF
        %more,
    );
}

sub nginx { return JWT::Server->new(options(@_)) }

# A test: tokens of all kinds come to be answered so in each worker.
sub all_come_to {
    my ($nginx, $expected, $tokens, $name) = @_;
    my %seen;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $algorithm (@ALGORITHMS) {
        my @others;
        $nginx->wait_until(sub { !(@others = grep { $_ ne $expected } $nginx->outcomes_by_worker('/', $tokens->{$algorithm})) }, 20);
        is_deeply(\@others, [], "$name: $algorithm: $expected");
    }
    return;
}

my $FAILED = qr/keys cannot be fetched|has no keys from/;
start_provider();

{
    my $nginx = nginx('key_cache 1h refresh=1s;', workers => 2);
    $nginx->wait_for_workers(2);
    my $first = tokens();
    all_come_to($nginx, $OK, $first, 'the first keys');
    my $told = qr/\[notice\].* issuer "provider": 5 keys from "\Q$ISSUER\E\/jwks"$/m;
    ok($nginx->wait_until(sub { $nginx->error_log =~ $told }), 'the log tells of all of them');
    ok(rotated('add'), 'new keys beside the old ones');
    my $second = tokens();
    sleep 1.1;
    all_come_to($nginx, $OK, $second, 'new tokens, whose keys are fetched at their first use');
    all_come_to($nginx, $OK, $first, 'old tokens');
    ok(rotated('drop'), 'the old keys go');
    ok(rotated('add'), 'while others come');
    my $third = tokens();
    sleep 1.1;
    all_come_to($nginx, $OK, $third, 'the third keys');
    all_come_to($nginx, $UNKNOWN, $first, 'the first ones are no more');
    all_come_to($nginx, $OK, $second, 'the second ones are still there');
    # Outage and restart, of both.
    stop_provider();
    all_come_to($nginx, $OK, $third, 'the provider is down');
    my @old = $nginx->workers;
    $nginx->signal('HUP');
    $nginx->wait_for_workers(2, @old);
    all_come_to($nginx, $OK, $third, 'a reload meanwhile');
    $nginx->stop;
    $nginx->start;
    $nginx->wait_for_workers(2);
    all_come_to($nginx, $OK, $third, 'a restart meanwhile');
    start_provider();
    ok(rotated('add') && rotated('drop'), 'it is back, with all new keys');
    my $fourth = tokens();
    sleep 1.1;
    all_come_to($nginx, $OK, $fourth, 'which serve');
    all_come_to($nginx, $UNKNOWN, $third, 'and the others do not');
    $nginx->is_calm('warn', $FAILED);
}

# Who does not trust its authority gets nothing.
{
    my $another = JWT::Authority->new;
    my $other = $another->file('ca.pem');
    my %options = options('');
    $options{http} =~ s/\Q$ca\E/$other/;
    my $nginx = JWT::Server->new(%options);
    ok($nginx->wait_until(sub { $nginx->error_log =~ /keys cannot be fetched from "\Q$ISSUER\E\/\.well-known\/openid-configuration": TLS: .*certificate/ }),
        'another authority: the log tells') or diag($nginx->error_log);
    is($nginx->outcome('/', tokens()->{ES256}), $UNAVAILABLE, 'and no token passes');
}

# --- under load -----------------------------------------------------------------------------------------------------

# Clients ask with all tokens there are, and write what they saw and when: [begun, ended, generation, outcome].
sub client {
    my ($nginx, $name) = @_;
    my $stop = 0;
    local $SIG{TERM} = sub { $stop = 1 };
    open my $seen, '>', "$directory/$name" or die "cannot write: $!";
    my $connection;
    while (!$stop) {
        my $generations = eval { JSON::PP::decode_json(JWT::Process::read({directory => $directory}, 'tokens')) } // [];
        for my $round (1 .. 20) {
            last if !@$generations || $stop;
            my $generation = int rand @$generations;
            my $token = $generations->[$generation]{$ALGORITHMS[rand @ALGORITHMS]};
            $connection = $nginx->connect if !$connection || $round == 1;
            next unless $connection;
            my $begun = time;
            my $answer = $connection->get('/', $token);
            undef $connection if !$answer || ($answer->{headers}{connection} // '') eq 'close';
            # nginx closes connections that are idle: whoever asks then has to ask again.
            next if !$answer && $round > 1;
            printf {$seen} "%.3f %.3f %d %s\n", $begun, time, $generation, JWT::Connection::outcome_of($answer);
        }
        sleep 0.005;
    }
    close $seen;
    return;
}

# What is published, and since and until when.
my ($REFRESH, $FRESH, $STALE) = (1, 2, 3);

# A request waits for the fetch that it needs, so that it is only the clocks of the processes that differ. Keys count
# from the end of their fetch, which takes no longer than the other one on a machine that is busy.
my ($MOMENT, $SLACK) = (1, 3);

for my $workers (2, 4) {
    unlink "$directory/tokens";
    my $nginx = nginx("timeout 20s; key_cache ${FRESH}s refresh=${REFRESH}s stale=${STALE}s;", workers => $workers);
    $nginx->wait_for_workers($workers);
    my (@published, @removed, @tokens);
    my $publish = sub {
        push @published, time;
        push @tokens, tokens();
        JWT::write_file("$directory/tokens.new", JSON::PP::encode_json(\@tokens));
        rename "$directory/tokens.new", "$directory/tokens";
    };
    ok(rotated('add') && rotated('drop'), "$workers workers: begin anew");
    $publish->();
    all_come_to($nginx, $OK, $tokens[0], "$workers workers");
    my @clients;
    for my $number (1 .. 2) {
        my $child = fork // die "cannot fork: $!";
        if (!$child) {
            srand $$;
            client($nginx, "client$number");
            POSIX::_exit(0);
        }
        push @clients, $child;
    }
    for my $round (1 .. 3) {
        rotated('add');
        $publish->();
        sleep 1.5;
        rotated('drop');
        $removed[$#published - 1] = time;
        sleep 1;
    }
    # The last keys go with the provider: nobody learns of it but by time.
    my $down = $removed[$#published] = time;
    stop_provider();
    sleep $FRESH + $STALE + 1;
    start_provider();
    sleep 2;
    kill TERM => @clients;
    waitpid $_, 0 for @clients;
    my ($count, %kinds, %must, @wrong) = (0);
    for my $line (map { split /\n/, JWT::Process::read({directory => $directory}, "client$_") } 1 .. 2) {
        my ($begun, $ended, $generation, $outcome) = $line =~ /^(\S+) (\S+) (\d+) (.*)/;
        $count++;
        $kinds{$outcome}++;
        # When it is back the module finds out by its next try.
        my $is_down = $ended > $down;
        my $is_last = $generation == $#published;
        my $must_pass = $begun > $published[$generation] + $REFRESH + $MOMENT && $ended < ($is_last ? $down + $STALE : $removed[$generation]);
        my $must_fail = $begun > $removed[$generation] + $FRESH + ($is_down ? $STALE : 0) + $SLACK;
        $must{pass} += $must_pass ? 1 : 0;
        $must{fail} += $must_fail ? 1 : 0;
        push @wrong, "generation $generation: $outcome" if $must_pass && $outcome ne $OK || $must_fail && $outcome eq $OK;
        push @wrong, "generation $generation: $outcome" unless $outcome =~ /^(?:200 ok|401 unknown_key)$/ || $is_down && $outcome eq $UNAVAILABLE;
    }
    is_deeply([@wrong[0 .. ($#wrong < 4 ? $#wrong : 4)]], [], "$workers workers: no valid token is refused, and none that has become invalid passes")
        or diag(scalar @wrong, ' wrong answers');
    cmp_ok($count, '>', 200, "$workers workers: $count requests");
    cmp_ok($must{$_}, '>', 20, "$workers workers: of which $must{$_} must $_") for 'pass', 'fail';
    cmp_ok($kinds{$_} // 0, '>', 0, "$workers workers: $_ is among the answers") for $OK, $UNKNOWN;
    $nginx->is_calm('warn', $FAILED);
}

unless (Test::More->builder->is_passing) {
    open my $log, '<', "$directory/log";
    diag(grep {!/WARNING/} <$log>);
}

done_testing();
