# contrib/fail2ban, with the real fail2ban: which lines of the log that docs/operating.md describes its filter matches, that no
# request can have another address banned, and that a server with the jail bans. It changes no firewall: the action
# here writes into a file.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Spec::Functions qw(rel2abs);
use POSIX ();
use Test::More;

use JWT;
use JWT::Page;
use JWT::Process;
use JWT::Server;

for my $program (qw(fail2ban-regex fail2ban-server fail2ban-client)) {
    next if system("command -v $program >/dev/null 2>&1") == 0;
    plan skip_all => "there is no $program here: scripts/setup test installs it where there is a package";
}

my $ROOT = rel2abs(dirname(__FILE__) . '/..');
my $PAGE = JWT::Page->new('docs/operating.md');
my ($configuration) = $PAGE->blocks('Banning addresses', 'nginx http');
my ($commands) = $PAGE->blocks('Banning addresses', 'sh');

# The logs go into the server, as http has them off here. Clients of many addresses come by a proxy that is trusted.
my $logs = join '', $configuration =~ m{^(access_log /var/log/nginx/[^;]*;)}mg;
$logs =~ s{/var/log/nginx/}{%DIR%/logs/}g;
$configuration =~ s/^access_log [^\n]*\n//mg;
my $KEYS = 'auth_jwt_key_file keys.json; auth_jwt_require_claim admin absent;';
my $nginx = JWT::Server->new(
    files => {
        'conf/keys.json' => JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'usual')),
        'conf/encrypting.json' => JWT::key_set(JWT::jwk($JWT::CONTENT_KEY)),
    },
    http => <<"CONF",
$configuration
set_real_ip_from unix:;
real_ip_header X-Real-IP;
auth_jwt_issuer idp { issuer https://id.example.com; audience api; key_file keys.json; }
CONF
    server => <<"CONF",
$logs
location /          { auth_jwt "api"; $KEYS empty_gif; }
location /trial     { auth_jwt "api"; $KEYS auth_jwt_dry_run on; empty_gif; }
location /encrypted { auth_jwt "api"; auth_jwt_type encrypted; auth_jwt_key_file encrypting.json; empty_gif; }
location /issuer    { auth_jwt "api"; auth_jwt_issuers idp; empty_gif; }
location /away      { auth_jwt "api"; auth_jwt_key_file none.json; empty_gif; }
location /page      { auth_jwt "api"; $KEYS error_page 401 = \@page; empty_gif; }
location \@page     { empty_gif; }
location /open      { empty_gif; }
CONF
);
my $directory = $nginx->directory;
my $LOG = "$directory/logs/refused.log";

# A directory of fail2ban's own, where the commands of the page put what they copy.
my $home = JWT::Process->in_directory('fail2ban');
my $etc = $home->directory;
make_path("$etc/filter.d", "$etc/jail.d", "$etc/action.d");
$commands =~ s{/etc/fail2ban/}{$etc/}g;
$commands =~ s{/var/log/nginx/}{$directory/logs/}g;
$commands =~ s{(^cp )}{$1$ROOT/}mg;
my @copies = $commands =~ /^(cp .*)$/mg;
is(scalar @copies, 2, 'the page copies two files');
is(system($_), 0, "and that works: $_") for @copies;

sub from { return "X-Real-IP: $_[0]" }

# Lines of the log; $count of them must be there.
sub logged {
    my ($count) = @_;
    my @lines;
    $nginx->wait_until(sub { (@lines = split /\n/, $nginx->read('logs/refused.log')) >= $count });
    return @lines;
}

# The addresses that the filter finds in a log, with parameters of it, if any.
sub found {
    my ($log, $parameters) = @_;
    my $filter = 'nginx-auth-jwt' . ($parameters // '');
    my $pid = open(my $output, '-|') // die "cannot fork: $!";
    if (!$pid) {
        exec 'fail2ban-regex', '-c', $etc, '-o', '<ip>', $log, $filter or POSIX::_exit(127);
    }
    my @found = <$output>;
    chomp @found;
    close $output or diag("fail2ban-regex: $?");
    return @found;
}

# --- what it matches --------------------------------------------------------------------------------

my $forged = JWT::bearer({}, secret => 'another');
my $encrypted = JWT::encrypted('{}');
# For each status: where it is asked for, and the header line.
my %REQUESTS = (
    ok => ['/', JWT::bearer()],
    no_token => ['/', 'X-None: 1'],
    malformed_token => ['/', 'Authorization: Bearer a.b'],
    wrong_type => ['/', "Authorization: Bearer $encrypted"],
    unsupported_algorithm => ['/', 'Authorization: Bearer ' . JWT::refused('unsupported_algorithm')],
    unknown_key => ['/', JWT::bearer({}, kid => 'nobody')],
    invalid_signature => ['/', $forged],
    decryption_failed => ['/encrypted', "Authorization: Bearer ${encrypted}AAAA"],
    expired => ['/', JWT::bearer({exp => time - 60})],
    not_yet_valid => ['/', JWT::bearer({nbf => time + 60})],
    claim_mismatch => ['/', JWT::bearer({admin => 1})],
    unknown_issuer => ['/issuer', JWT::bearer({iss => 'https://another.example'})],
    wrong_audience => ['/issuer', JWT::bearer({iss => 'https://id.example.com', aud => 'x', exp => time + 60})],
    keys_unavailable => ['/away', JWT::bearer()],
    invalid_signature_dry_run => ['/trial', $forged],
    malformed_token_dry_run => ['/trial', 'Authorization: Bearer a.b'],
);

# What the page says counts.
my %counts;
for my $row ($PAGE->table('Banning addresses', 'status')) {
    my ($statuses, $counts) = @$row;
    $counts{$_} = $counts eq 'yes' for $statuses =~ /`(\w+)`/g;
}
is(join(' ', sort grep { $counts{$_} } keys %counts),
    'decryption_failed invalid_signature malformed_token unsupported_algorithm wrong_type', 'the page has a table');
ok(exists $REQUESTS{$_} || $_ eq '_dry_run', "the page speaks of $_, which is tried") for sort keys %counts;

my ($number, %address, @bad) = (0);
for my $status (sort keys %REQUESTS) {
    # Some by IPv6.
    my $address = $address{$status} = ++$number % 3 ? "192.0.2.$number" : "2001:db8::$number";
    $nginx->get($REQUESTS{$status}[0], from($address), $REQUESTS{$status}[1]);
    push @bad, $address if $counts{$status};
}
# The page of an error changes nothing about it.
$nginx->get('/page', from('192.0.2.100'), $forged);
push @bad, '192.0.2.100';
$nginx->get('/open', from('192.0.2.101'), $forged);

my @lines = logged(scalar keys %REQUESTS);
my %logged = map { my (undef, $from, $status) = split / /; ($from => $status) } @lines;
is_deeply([sort keys %logged], [sort '192.0.2.100', grep { $_ ne $address{ok} } values %address], 'in the log are refusals alone');
is($logged{$address{$_}}, $_, "in the log: $_") for grep { $_ ne 'ok' } sort keys %address;
is_deeply([sort(found($LOG))], [sort @bad], 'it matches what the page says, and nothing else');

my ($parameters) = $PAGE->section('Banning addresses') =~ /`filter = nginx-auth-jwt(\[statuses="[^`]+"\])`/ or die 'no parameters';
is_deeply([sort(found($LOG, $parameters))], [sort @address{qw(invalid_signature unknown_key)}, '192.0.2.100'], 'its statuses can be others');

my ($try) = $commands =~ /^(fail2ban-regex [^#\n]*)/m;
$try =~ s/^fail2ban-regex /fail2ban-regex -c $etc / or die 'the page tries nothing';
like(qx($try), qr/^Lines: ${\scalar @lines} lines, 0 ignored, ${\scalar @bad} matched, /m, 'the command of the page says how many');

# --- nobody can write a line for another ---------------------------------------------------------------

my $VICTIM = '198.51.100.7';
my $LINE = "2026-11-26T20:00:00+00:00 $VICTIM invalid_signature";
{
    # With the forged token, with a good one, and with none.
    my $escaped = $LINE =~ s/ /%20/gr;
    my %claims = (sub => "x\n$LINE\n", iss => "\n$LINE\n", jti => "\r\n$LINE\r\n");
    my @tokens = (
        JWT::bearer(\%claims, secret => 'another'), JWT::bearer(\%claims), 'X-None: 1',
        JWT::bearer(\%claims, kid => "\n$LINE\n"),
        JWT::bearer({}, header => {alg => "none\n$LINE\n", typ => "\n$LINE\n"}, signature => ''),
        "Authorization: Bearer $LINE", "Authorization: $LINE",
    );
    my @headers = (
        "User-Agent: $LINE", "User-Agent: x\r $LINE", "Referer: http://x/\n$LINE", "Cookie: a=$LINE", "X-Forwarded-For: $VICTIM",
        "Forwarded: for=$VICTIM", "X-Forwarded-For: 192.0.2.66\n $LINE", "True-Client-IP: $VICTIM", "$LINE: x",
    );
    my @paths = ('/', "/%0a$escaped%0a", "/%0d%0a$escaped", "/?%0a$escaped", "/?\x0b$escaped", "/" . 'x' x 3000 . "%0a$escaped%0a");
    my $count = @lines;
    my $asked = 0;
    for my $token (@tokens) {
        for my $path (@paths) {
            for my $header (@headers) {
                my $connection = $nginx->connect;
                my $bytes = join "\r\n", "GET $path HTTP/1.1", 'Host: localhost', from('192.0.2.200'), 'Connection: close', $header, $token, '', '';
                $connection->send_bytes($bytes);
                my $answer = $connection->answer('GET');
                $asked++;
                $count++ if $answer && $answer->{status} == 401;
            }
        }
    }
    # The very first line of a request, and the name of a host.
    for my $bytes ("$LINE\r\n\r\n", "GET / HTTP/1.1\r\nHost: $VICTIM\r\n\r\n", "GET http://$VICTIM/ HTTP/1.1\r\nHost: x\n$LINE\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX-Real-IP: $VICTIM invalid_signature\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX-Real-IP: x\n$LINE\r\n\r\n") {
        my $connection = $nginx->connect;
        $connection->send_bytes($bytes);
        my $answer = $connection->answer('GET');
        $count++ if $answer && $answer->{status} == 401;
    }
    my @all = logged($count);
    cmp_ok(scalar @all, '>', scalar(@lines) + $asked / 2, "$asked requests that try it: most are refused");
    my @odd = grep { !/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d (?:unix:|[0-9a-f.:]+) [a-z_]+\z/ } @all;
    is_deeply(\@odd, [], 'no line is other than a time, an address and a word');
    is_deeply([grep {/\Q$VICTIM\E/} @all], [], 'and none has the address');
    my %found = map { ($_ => 1) } found($LOG);
    delete @found{@bad};
    is_deeply([keys %found], ['192.0.2.200'], 'found is who asked');
}

# Without set_real_ip_from nobody chooses an address.
{
    my $plain = JWT::Server->new(
        files => {'conf/keys.json' => JWT::key_set(JWT::jwk($JWT::SECRET))},
        http => $configuration,
        server => "$logs location / { auth_jwt api; auth_jwt_key_file keys.json; empty_gif; }",
    );
    is($plain->get('/', "$_: $VICTIM", $forged)->{status}, 401, "with $_") for 'X-Real-IP', 'X-Forwarded-For', 'Forwarded';
    my @own;
    $plain->wait_until(sub { (@own = split /\n/, $plain->read('logs/refused.log')) == 3 });
    is_deeply([map { (split / /)[1] } @own], [('unix:') x 3], 'headers change no address');
}

# Lines that nginx does not write.
{
    my $time = '2026-11-26T20:00:00+00:00';
    $home->write('odd', join '', map {"$_\n"} (
        "$time $VICTIM invalid_signature x", "$time x $VICTIM invalid_signature", "$time $VICTIM  invalid_signature", "x $LINE",
        "$time $VICTIM invalid_signature_dry_run", "$time $VICTIM not_invalid_signature", "$time host.example invalid_signature",
        "$time unix: invalid_signature", "$VICTIM $time invalid_signature", "$time [info] $VICTIM invalid_signature", '', ' ',
    ));
    is_deeply([found("$etc/odd")], [], 'what is not just such a line matches nothing');
    $home->write('fine', "$LINE\n");
    is_deeply([found("$etc/fine")], [$VICTIM], 'and such a line does');
}

# --- a server ----------------------------------------------------------------------------------------------

# The jail as it is, but for where the log lies, and for a longer time than a slow machine takes; what bans writes into a file.
my $jail = "$etc/jail.d/nginx-auth-jwt.conf";
my $text = JWT::read_file($jail);
$text =~ s{^logpath *= /var/log/nginx/refused[.]log$}{logpath = $LOG}m or die 'no logpath';
$text =~ s{^findtime *= 1m$}{findtime = 1h}m or die 'no findtime';
my ($retries) = $text =~ /^maxretry *= (\d+)$/m or die 'no maxretry';
JWT::write_file($jail, $text);
like($PAGE->section('Banning addresses'), qr/bans an address for ten minutes that has sent $retries bad tokens within one/, 'the page has its numbers');
like($text, qr/^bantime *= 10m$/m, 'that of the ban, too');
$home->write('jail.conf', "[DEFAULT]\naction = record\n");
$home->write('action.d/record.conf', join "\n", '[Definition]', map {"action$_ = echo $_ <ip> >> $etc/bans"} qw(ban unban));
$home->write('fail2ban.conf', <<"CONF");
[Definition]
loglevel = INFO
logtarget = $etc/fail2ban.log
syslogsocket = auto
socket = $etc/socket
pidfile = $etc/pid
dbfile = $etc/database
dbpurgeage = 1d
dbmaxmatches = 10
CONF
my @SERVER = ('-c', $etc, '-s', "$etc/socket", '-p', "$etc/pid");

# What the client says to a command.
sub told {
    my (@command) = @_;
    my $pid = open(my $output, '-|') // die "cannot fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec 'fail2ban-client', @SERVER, @command or POSIX::_exit(127);
    }
    my $text = do { local $/ = undef; <$output> // '' };
    close $output;
    return $text;
}

sub status { return told('status', 'nginx-auth-jwt') }

my $pid = $home->spawn(sub {
    open STDOUT, '>', "$etc/stdout";
    open STDERR, '>&', \*STDOUT;
    exec 'fail2ban-server', '-f', @SERVER, 'start' or POSIX::_exit(127);
});

# The log is read from its beginning, and 192.0.2.200 has sent far more than enough.
ok($home->wait_until(sub { -S "$etc/socket" && status() =~ /Banned IP list:.*192[.]0[.]2[.]200/ }, 60), 'the server has started, and bans whom the log has')
    or diag($home->read('stdout'), $home->read('fail2ban.log'), status());
like(status(), qr/Total banned:\s*1\n/, 'and nobody else: others have sent few');

sub ask {
    my ($count, $address, $line, $path) = @_;
    $nginx->get($path // '/', from($address), $line) for 1 .. $count;
    return;
}

my ($attacker, $victim, $late, $few) = ('203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4');
ask(3 * $retries, $late, $REQUESTS{expired}[1]);
ask(3 * $retries, $victim, JWT::bearer());
ask(3 * $retries, $victim, $REQUESTS{no_token}[1]);
ask(3 * $retries, $victim, $forged, '/trial');
ask($retries - 1, $few, $forged);
ask($retries, $attacker, $forged);
ok($home->wait_until(sub { status() =~ /Banned IP list:.*\Q$attacker\E/ }, 60), 'who sends bad tokens is banned')
    or diag($home->read('fail2ban.log'), status());
# All of the log has been read by then: the attacker's lines are its last.
$home->wait_until(sub { $home->read('bans') =~ /\Q$attacker\E/ });
is($home->read('bans'), "ban 192.0.2.200\nban $attacker\n", 'by the action; and nobody else is');
ask(1, $few, $forged);
ok($home->wait_until(sub { status() =~ /Banned IP list:.*\Q$few\E/ }, 60), 'one more is too much');

is(system('fail2ban-client', @SERVER, '-q', 'stop') >> 8, 0, 'the server is told to stop');
ok($home->wait_until(sub { waitpid($pid, POSIX::WNOHANG()) != 0 }, 60), 'and ends');
delete $home->{pid};
unlike($home->read('fail2ban.log'), qr/ (?:ERROR|CRITICAL) /, 'nothing worse in its log');

done_testing();
