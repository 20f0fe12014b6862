# docs/operating.md: its configurations for logs, limits and new rules are run as they are but for addresses, paths and keys,
# which are in a file here. What becomes of keys, tokens and counters when nginx is reloaded or upgraded is in
# operating_processes.t; fail2ban in fail2ban.t.
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use JWT;
use JWT::Page;
use JWT::Server;

my $PAGE = JWT::Page->new('docs/operating.md');
my $ISSUER = 'https://id.example.com';

# The issuer of the page, whose keys are in a file; and a server for the guarded locations of a test.
my $BLOCK = "auth_jwt_issuer idp { issuer $ISSUER; audience orders-api; key_file keys.json; }";
my %FILES = ('conf/keys.json' => JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'usual')));
my $APPLICATION = 'server { listen unix:%DIR%/application.sock; location / { return 200 "application $request_uri"; } }';
my $GUARDED = 'auth_jwt "api"; auth_jwt_issuers idp; proxy_pass http://unix:%DIR%/application.sock;';

# Clients of many addresses: the socket's only client is a proxy that is trusted.
my $ADDRESSES = 'set_real_ip_from unix:; real_ip_header X-Real-IP;';

# A block of the page, at home in the directory of this test.
sub at_home {
    my ($text) = @_;
    $text =~ s{/var/log/nginx/}{%DIR%/logs/}g;
    $text =~ s{listen +8080;}{listen unix:%DIR%/nginx.sock;}g;
    $text =~ s{listen +127[.]0[.]0[.]1:(\d+);}{listen unix:%DIR%/$1.sock;}g;
    $text =~ s{http://127[.]0[.]0[.]1:(\d+)}{http://unix:%DIR%/$1.sock:}g;
    $text =~ s/^auth_jwt_issuer idp \{.*?^\}\n//ms;
    return $text;
}

# The options of an nginx (of JWT::Server). http is a block of the page: its logs go into the server, as this one's http has
# them off.
sub options {
    my (%options) = @_;
    my $http = at_home($options{http} // '');
    my $logs = join '', $http =~ /^access_log [^;]*;[^\n]*\n/mg;
    $http =~ s/^access_log [^;]*;[^\n]*\n//mg;
    $options{server} = "$logs$options{server}" if defined $options{server};
    return (files => {%FILES}, %options, http => join("\n", $BLOCK, $ADDRESSES, $APPLICATION, $http));
}

sub nginx { return JWT::Server->new(options(@_)) }

# Waits until a log has so many lines; gives them.
sub lines {
    my ($nginx, $name, $count) = @_;
    my @lines;
    $nginx->wait_until(sub { (@lines = split /^/m, $nginx->read("logs/$name")) >= $count });
    return @lines;
}

sub token { return JWT::bearer({iss => $ISSUER, aud => 'orders-api', exp => time + 600, %{$_[0] // {}}}, kid => 'usual', @_[1 .. $#_]) }

# A header line with a token that gets this word.
sub of_status {
    my ($status) = @_;
    my %lines = (
        ok => token(),
        no_token => 'X-None: 1',
        malformed_token => 'Authorization: Bearer a.b',
        wrong_type => 'Authorization: Bearer ' . JWT::refused('wrong_type'),
        unsupported_algorithm => 'Authorization: Bearer ' . JWT::refused('unsupported_algorithm'),
        unknown_key => token({}, kid => 'nobody'),
        unknown_issuer => token({iss => 'https://another.example'}),
        invalid_signature => token({}, secret => 'another'),
        expired => token({exp => time - 60}),
        not_yet_valid => token({nbf => time + 60}),
        wrong_audience => token({aud => 'another'}),
    );
    return $lines{$status} // die "no token of $status";
}

sub from { return "X-Real-IP: $_[0]" }

# --- metrics ----------------------------------------------------------------------------------

# The series of an answer: what stands before the number, and the number.
sub series {
    my ($answer) = @_;
    return $answer->{body} =~ /^(nginx_auth_jwt_\S+\{.*\}) (\S+)$/mg;
}

sub scrape { return {series($_[0]->get($_[1] // '/metrics', @_[2 .. $#_]))} }

sub verdicts {
    my ($scraped, $zone, $status) = @_;
    my $sum = 0;
    $sum += $scraped->{$_} for grep {/verdicts_total\{zone="\Q$zone\E",issuer="\w*",status="\Q$status\E"/} keys %$scraped;
    return $sum;
}

my ($own) = $PAGE->blocks('Metrics', 'nginx http');
my ($allowed) = $PAGE->blocks('Metrics', 'nginx server');

{
    my $nginx = nginx(
        http => $own,
        server => "$allowed add_header X-Status \$auth_jwt_status always; location / { $GUARDED }
            location /orders { auth_jwt_status_zone orders; $GUARDED }",
    );
    my $get = sub {
        my $connection = $nginx->connect('9113.sock');
        return $connection->get('/metrics', @_);
    };
    my $answer = $get->();
    is($answer->{headers}{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8', 'metrics: a listener of its own tells them');
    like($get->('Accept: text/html,*/*;q=0.8')->{body}, qr/<title>auth_jwt</, 'metrics: and people');
    is($nginx->get('/metrics', from('192.0.2.10'))->{status}, 200, 'metrics: who is allowed gets them');
    is($nginx->get('/metrics', from($_))->{status}, 403, "metrics: $_ does not") for '192.0.2.11', '2001:db8::1';
    # The page has each name and each status.
    my @names = $answer->{body} =~ /^# TYPE nginx_auth_jwt_(\w+) /mg;
    my $watched = $PAGE->section('What to watch, and what to do');
    my %watched = map { ($_ => 1) } $watched =~ /`(\w+)(?:\{\S+\})?`/g;
    ok($watched{$_}, "metrics: the page says what to do about $_")
        for grep { !/^(?:ok|build_info|verdicts_total)$/ } sort @names, $answer->{body} =~ /status="(\w+)"/g;
    # Verdicts by zone and issuer.
    my $before = scrape($nginx, '/metrics', from('192.0.2.10'));
    $nginx->get('/', token()) for 1 .. 3;
    $nginx->get('/orders', token());
    $nginx->get('/orders', of_status($_)) for 'expired', 'expired', 'no_token';
    my %grown = %{scrape($nginx, '/metrics', from('192.0.2.10'))};
    for (keys %grown) { delete $grown{$_} if ($before->{$_} // '') eq $grown{$_} }
    my $verdict = sub { sprintf 'nginx_auth_jwt_verdicts_total{zone="%s",issuer="%s",status="%s"}', @_ };
    delete @grown{grep {/lookups/} keys %grown};
    is_deeply(\%grown, {
        $verdict->('default', 'idp', 'ok') => 3, $verdict->('orders', 'idp', 'ok') => 1,
        $verdict->('orders', '', 'expired') => 2, $verdict->('orders', '', 'no_token') => 1,
    }, 'metrics: verdicts by zone, issuer and status');
    $nginx->is_calm('warn', qr/access forbidden by rule/);
}

# More names than there is room for, which they have in the order of the alphabet.
{
    my ($first, $last, $long) = ('1000', '2300', 'x' x 3500);
    my $locations = join "\n", map {"location /$_/ { auth_jwt_status_zone $_$long; $GUARDED }"} $first .. $last;
    my $nginx = nginx(server => "$locations location /metrics { auth_jwt_metrics; }");
    is($nginx->get("/$_/")->{status}, 401, "metrics: no room: $_ serves") for $first, $last;
    my @warnings = grep {/\[warn\]/} split /^/m, $nginx->error_log;
    is(scalar @warnings, 1, 'metrics: no room: one warning');
    like($warnings[0], qr/metrics of \d+ zones and issuers have no room, they are counted under zone "other"/, 'metrics: no room: which says so');
    my $scraped = scrape($nginx);
    is(verdicts($scraped, $_, 'no_token'), 1, 'metrics: no room: counted under ' . substr $_, 0, 10) for "$first$long", 'other';
    is(scalar(grep {/zone="\Q$last\E/} keys %$scraped), 0, 'metrics: no room: and nowhere else');
}

# --- access logs as JSON --------------------------------------------------------------------

my $STRICT = JSON::PP->new->utf8;

# The text of a claim, as a payload that has it.
sub claims {
    my ($text) = @_;
    my %claims = (iss => $ISSUER, aud => 'orders-api', exp => time + 600, sub => $text);
    return JSON::PP->new->ascii->encode(\%claims);
}

{
    my ($configuration) = $PAGE->blocks('Access logs as JSON', 'nginx http');
    my $nginx = nginx(http => $configuration, server => "location / { $GUARDED }");
    # What is sent, and what of it is in the log: path, jwt, subject, kid.
    my @expected;
    my $ask = sub {
        my ($expected, $first, @lines) = @_;
        my $connection = $nginx->connect;
        $connection->send_bytes(join "\r\n", $first, 'Host: localhost', 'Connection: close', @lines, '', '');
        $connection->answer('GET');
        push @expected, $expected;
    };
    # nginx hands claims on with spaces for CR, LF and NUL.
    my %subjects = (
        "a\"b\\c\t\x01\x1f\x7f" => "a\"b\\c\t\x01\x1f\x7f",
        "x\"}\n{\"jwt\":\"ok\",\"subject\":\"root" => 'x"} {"jwt":"ok","subject":"root',
        "\r\n\0" => '   ',
        "\x{2028}\x{2029}\x{feff}\x{1F600}\x{202e}" => "\x{2028}\x{2029}\x{feff}\x{1F600}\x{202e}",
        '%0a\\u0022\\' => '%0a\\u0022\\',
        '$remote_addr' => '$remote_addr',
    );
    for my $subject (sort keys %subjects) {
        my $token = JWT::bearer(claims($subject), kid => 'usual');
        $ask->(['/x', 'ok', $subjects{$subject}, 'usual'], 'GET /x?access_token=secret HTTP/1.1', $token);
        my $forged = JWT::bearer(claims($subject), kid => 'usual', secret => 'another');
        $ask->(['/x', 'invalid_signature', '', 'usual'], 'GET /x HTTP/1.1', $forged);
        my $kid = JSON::PP->new->ascii->encode({alg => 'HS256', kid => $subject});
        my $unknown = JWT::bearer(claims('alice'), header_bytes => $kid);
        $ask->(['/x', 'unknown_key', '', $subjects{$subject}], 'GET /x HTTP/1.1', $unknown);
    }
    my $broken = '"kid":"' . "\xff\xc0\x80\"";
    $ask->(['/x', 'malformed_token', '', ''], 'GET /x HTTP/1.1', JWT::bearer({}, header_bytes => "{\"alg\":\"HS256\",$broken}"));
    $ask->(['/x', 'malformed_token', '', ''], 'GET /x HTTP/1.1', JWT::bearer("{\"sub\":\"\xed\xa0\x80\"}"));
    $ask->(['/x', 'malformed_token', '', ''], 'GET /x HTTP/1.1', JWT::bearer('{"sub":"\ud800"}'));
    $ask->(['', 'off', '', ''], 'GET /%ff%00%22 HTTP/1.1', token());
    $ask->(['/a%ff%22%0a', 'no_token', '', ''], 'GET /a%ff%22%0a HTTP/1.1', "User-Agent: \"\xff\xfe\\");
    $ask->(['/a', 'no_token', '', ''], "GET /a\xff\xfeb?c HTTP/1.1");
    $ask->(['/\\"\'', 'no_token', '', ''], 'GET /\\"\' HTTP/1.1');
    $ask->(['', 'off', '', ''], "no HTTP \xff");
    $ask->(['/abs', 'ok', 'alice', 'usual'], 'GET http://localhost/abs?q HTTP/1.1', token({sub => 'alice'}));
    $nginx->stop;
    my @lines = split /^/m, $nginx->read('logs/api.json');
    is(scalar @lines, scalar @expected, 'JSON: a line a request');
    my @seen;
    for my $line (@lines) {
        my $read = eval { $STRICT->decode($line) };
        ok($read, 'JSON: valid') or diag("$@$line");
        push @seen, $read ? [@$read{qw(path jwt subject kid)}] : 'broken';
    }
    is_deeply(\@seen, \@expected, 'JSON: what each has');
    my ($first) = map { $STRICT->decode($_) } @lines;
    is(join(' ', sort keys %$first), 'client issuer jwt kid method path status subject time took', 'JSON: its members');
    is(join(' ', @$first{qw(issuer status method)}), 'idp 200 GET', 'JSON: issuer, status and method');
    unlike(join('', @lines), qr/secret|eyJ/, 'JSON: no token, and no query');
}

# Why $uri and headers are not in it.
{
    my $nginx = nginx(
        http => qq(log_format j escape=json '"\$uri\$http_user_agent\$args"';\naccess_log %DIR%/logs/j j;\n),
        server => "location / { $GUARDED }",
    );
    $nginx->get('/%ff');
    $nginx->get('/', "User-Agent: \xfe");
    $nginx->get("/?\xfe");
    $nginx->stop;
    my @lines = lines($nginx, 'j', 3);
    is(scalar @lines, 3, 'JSON: with $uri, a header and $args');
    my @fine = grep { eval { JSON::PP->new->utf8->allow_nonref->decode($_); 1 } } @lines;
    is_deeply(\@fine, [], 'JSON: which may be no UTF-8');
}

# --- limiting refusals --------------------------------------------------------------------------

my @LIMITED = qw(malformed_token wrong_type unsupported_algorithm unknown_key unknown_issuer invalid_signature);
my @NOT_LIMITED = qw(expired not_yet_valid no_token wrong_audience);

# The recipe, in which one more request a second is let through; here none for a long time.
my ($limits) = $PAGE->blocks('Limiting refusals', 'nginx http');
$limits =~ s/rate=1r\/s/rate=1r\/m/ or die 'no rate';
my ($in_server) = $limits =~ /^server \{\n(.*)^\}$/ms or die 'no server';
my ($burst) = $in_server =~ / burst=(\d+) nodelay;/ or die 'no burst';
my ($zone) = $limits =~ /\A(.*)^server \{/ms;

sub limiting {
    my ($change, $guarded) = @_;
    my $server = $change ? $change->($in_server) : $in_server;
    return nginx(
        http => "limit_req_zone \$binary_remote_addr zone=all:1m rate=1000r/s;\n$zone",
        server => "add_header X-Status \$auth_jwt_status always;\n$server\nlocation / { " . ($guarded // $GUARDED) . ' }',
    );
}

# How many of so many requests had each status.
sub tally {
    my ($nginx, $count, @request) = @_;
    my %tally;
    $tally{$nginx->get(@request)->{status}}++ for 1 .. $count;
    return \%tally;
}

my $MANY = $burst + 15;
my %AFTER = (401 => $burst + 1, 429 => $MANY - $burst - 1);

{
    my $nginx = limiting();
    my $number = 0;
    for my $status (@LIMITED) {
        my $address = '192.0.2.' . ++$number;
        is_deeply(tally($nginx, $MANY, '/', from($address), of_status($status)), \%AFTER, "limits: $status");
        # From the same address.
        is($nginx->outcome('/', from($address), of_status($status)), "429 $status", "limits: $status: the word in the log stays");
        is_deeply(tally($nginx, 30, '/', from($address), token()), {200 => 30}, "limits: $status: good tokens pass");
        is_deeply(tally($nginx, 3, '/', from($address), of_status($_)), {401 => 3}, "limits: $status: $_ is not limited") for @NOT_LIMITED;
    }
    is_deeply(tally($nginx, 3, '/', from('198.51.100.1'), of_status('invalid_signature')), {401 => 3}, 'limits: another address is not');
    $number = 0;
    is_deeply(tally($nginx, 60, '/', from('203.0.113.' . ++$number), of_status($_)), {401 => 60}, "limits: $_ alone is never") for @NOT_LIMITED;
    my $answer = $nginx->get('/', from('198.51.100.2'), of_status('invalid_signature'));
    is($answer->{headers}{'www-authenticate'}, 'Bearer realm="api", error="invalid_token"', 'limits: the challenge is there');
    # Good and bad ones in turn, from one address.
    my @seen = map { $nginx->get('/', from('198.51.100.3'), $_ % 2 ? token() : of_status('unknown_key'))->{status} } 1 .. 2 * $MANY;
    is_deeply([grep { $_ != 200 } map { $seen[2 * $_] } 0 .. $MANY - 1], [], 'limits: good tokens between bad ones pass');
    is_deeply([map { $seen[2 * $_ + 1] } $MANY - 3 .. $MANY - 1], [429, 429, 429], 'limits: and the bad ones are limited');
    $nginx->is_calm('warn');
}

# What the page warns of.
{
    my $returns = limiting(sub { $_[0] =~ s/try_files [^;]*;/return 401;/r });
    is_deeply(tally($returns, $MANY, '/', from('192.0.2.1'), of_status('invalid_signature')), {401 => $MANY}, 'limits: "return" answers first');
    my $twice = limiting(undef, "limit_req zone=all burst=1000 nodelay; $GUARDED");
    is_deeply(tally($twice, $MANY, '/', from('192.0.2.1'), of_status('invalid_signature')), {401 => $MANY}, 'limits: one limit_req a request');
    my $early = limiting(sub {''}, "limit_req zone=refusals burst=$burst nodelay; limit_req_status 429; $GUARDED");
    is_deeply(tally($early, $MANY, '/', from('192.0.2.1'), of_status('invalid_signature')), {401 => $MANY}, 'limits: there is no verdict in the location itself');
}

# "auth_jwt off" keeps a refusal from being counted twice.
for my $case ([sub { $_[0] }, 1], [sub { $_[0] =~ s/auth_jwt +off;[^\n]*//r }, 2]) {
    my ($change, $count) = @$case;
    my $nginx = limiting(sub { "auth_jwt api; auth_jwt_issuers idp;\nlocation = /metrics { auth_jwt_metrics; auth_jwt off; }\n" . $change->($_[0]) },
        'proxy_pass http://unix:%DIR%/application.sock;');
    is($nginx->outcome('/', from('192.0.2.1'), of_status('invalid_signature')), '401 invalid_signature', 'limits: with a guard that is inherited');
    is(verdicts(scrape($nginx), 'default', 'invalid_signature'), $count, "limits: the refusal is counted $count times");
}

# --- introducing a rule -----------------------------------------------------------------------------

my ($judged, $trial) = $PAGE->blocks('Introducing a rule', 'nginx http');
my ($who, $left) = $PAGE->blocks('Introducing a rule', 'sh');

{
    # Beside a location that has none, in a zone of its own.
    my $server = "location /strict { auth_jwt_status_zone strict; $GUARDED }\nlocation / { $GUARDED ";
    my $nginx = nginx(http => "$judged\n$own", server => "$server auth_jwt_dry_run on; }");
    my $counted = sub {
        my $socket = $nginx->directory . '/9113.sock';
        my $command = $left =~ s/^curl /curl --unix-socket $socket /r;
        return [sort map { m/zone="(\w+)".*status="(\w+)"\} (\d+)$/ ? "$1 $2 $3" : $_ } split /\n/, qx($command)];
    };
    is_deeply($counted->(), [], 'dry run: the metrics have counted none');
    my ($fine, $said) = $nginx->checked;
    like($said, qr/\[warn\] "auth_jwt_dry_run" is on in \S+:\d+: no token is refused where it applies/, 'dry run: nginx warns of it');
    my @requests = (([from('192.0.2.1'), of_status('expired')]) x 3, [from('192.0.2.2'), of_status('no_token')], [from('192.0.2.3'), token()]);
    is($nginx->get('/with%20space', @$_)->{status}, 200, 'dry run: all pass') for @requests;
    my $logs = $nginx->directory . '/logs';
    my $command = $who =~ s{/var/log/nginx}{$logs}r;
    is(scalar(lines($nginx, 'judged.log', scalar @requests)), scalar @requests, 'dry run: a line a request');
    is(qx($command) =~ s/^ +//mgr, "3 192.0.2.1 expired_dry_run\n1 192.0.2.2 no_token_dry_run\n", 'dry run: the command tells whom it meets');
    $nginx->get('/strict', of_status('expired'));
    my $counts = ['default expired_dry_run 3', 'default no_token_dry_run 1'];
    is_deeply($counted->(), $counts, 'dry run: and then they have');
    # The end of it.
    my @old = $nginx->workers;
    $nginx->configure(options(http => "$judged\n$own", server => "$server }"));
    ($fine, $said) = $nginx->checked;
    unlike($said, qr/dry_run/, 'dry run: once it is out, nginx warns no more');
    $nginx->signal('HUP');
    $nginx->wait_for_workers(1, @old);
    is($nginx->get('/', @$_[0, 1])->{status}, $_->[1] eq $requests[-1][1] ? 200 : 401, 'dry run: and then it holds') for @requests[0, -2, -1];
    is_deeply($counted->(), $counts, 'dry run: what was counted stays, and grows no more');
    my @last = (lines($nginx, 'judged.log', @requests + 4))[-3 .. -1];
    is_deeply([map { (split)[-1] } @last], ['expired', 'no_token', 'ok'], 'dry run: no such word any more');
}

{
    my $text = at_home($trial);
    my ($server) = $text =~ /(server \{\n.*?^\}\n)/ms or die 'no server';
    my $with = $server =~ s/\}\n\z/location \/ { $GUARDED } add_header X-Status \$auth_jwt_status always; }\n/r;
    my $servers = $text =~ s/\Q$server\E/$with/r;
    my $nginx = nginx(http => $own, servers => $servers);
    my %cases = ('192.0.2.1' => token({scope => 'orders:read'}), '192.0.2.2' => token({scope => 'x'}), '192.0.2.3' => of_status('expired'));
    my %outcomes = ('192.0.2.1' => '200 ok', '192.0.2.2' => '200 ok', '192.0.2.3' => '401 expired');
    for my $address (sort keys %cases) {
        is($nginx->outcome('/orders?x=1', from($address), $cases{$address}), $outcomes{$address}, "trial: the answer to $address is that of the guard");
    }
    is($nginx->get('/orders?x=1', from('192.0.2.1'), $cases{'192.0.2.1'})->{body}, 'application /orders?x=1', 'trial: of the application');
    my $connection = $nginx->connect;
    $connection->request('POST', '/orders', from('192.0.2.2'), $cases{'192.0.2.2'}, 'Content-Length: 4');
    $connection->send_bytes('body');
    is(JWT::Connection::outcome_of($connection->answer('POST')), '200 ok', 'trial: with a body, too');
    my @lines = sort map { join ' ', (split)[1 .. 4] } lines($nginx, 'trial.log', 4);
    is_deeply(\@lines, [
        ('192.0.2.1 GET /orders ok') x 2,
        '192.0.2.2 GET /orders insufficient_scope',
        '192.0.2.2 POST /orders insufficient_scope',
    ], 'trial: who passes today, and what the new rule says');
    my $scraped = {series($nginx->connect('9113.sock')->get('/metrics'))};
    is_deeply([map { verdicts($scraped, $_, 'insufficient_scope') } 'default', 'trial'], [0, 2], 'trial: counted in a zone of its own');
    is($nginx->get('/_trial', token())->{status}, 404, 'trial: nobody gets there from outside');
    $nginx->is_calm('warn');
}

done_testing();
