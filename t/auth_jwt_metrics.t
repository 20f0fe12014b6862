# auth_jwt_metrics: each verdict is counted, once, under its status; what is no verdict is not. What several workers,
# reloads and signals do to the counters is in metrics_workers.t, what is told of keys and caches in metrics_keys.t,
# the answer itself in metrics_answer.t, zones in auth_jwt_status_zone.t.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use JWT;
use JWT::KeyServer;
use JWT::Metrics;
use JWT::Mock;
use JWT::Server;

my @WORDS = sort qw(
    ok no_token malformed_token wrong_type unsupported_algorithm unknown_issuer wrong_typ unknown_key invalid_signature
    decryption_failed expired not_yet_valid wrong_lifetime wrong_audience insufficient_scope claim_mismatch
    requirement_failed keys_unavailable proof_missing wrong_certificate invalid_proof
);

my $KEYS = JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'usual'));
my $MOCK = JWT::Mock::configuration('unix:%DIR%/mock.sock');
my $USUAL = 'auth_jwt r; auth_jwt_key_file %DIR%/html/keys;';

# An nginx with metrics at /metrics; the body of its server, and further options.
sub nginx {
    my ($server, %options) = @_;
    my $http = delete $options{http} // '';
    return JWT::Server->new(
        files => {'html/keys' => $KEYS, 'html/page' => "page\n", %{delete $options{files} // {}}},
        http => "$MOCK add_header X-Status \$auth_jwt_status always; $http",
        server => "location = /metrics { auth_jwt_metrics; } $server",
        %options,
    );
}

sub verdicts { return JWT::Metrics->of($_[0])->verdicts }

# A test: since the last such test these verdicts have been counted, and no others.
sub is_counted {
    my ($nginx, $expected, $name) = @_;
    my ($before, $now) = ($nginx->{counted} // {}, verdicts($nginx));
    $nginx->{counted} = $now;
    my %new = map { $now->{$_} == ($before->{$_} // 0) ? () : ($_ => $now->{$_} - ($before->{$_} // 0)) } keys %$now;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_deeply(\%new, $expected, $name);
}

# --- each status ------------------------------------------------------------------------------------

my $BLOCK = 'auth_jwt_issuer shop { issuer https://shop.example; audience api; max_lifetime 1h; algorithms HS256; key_file %DIR%/html/keys; }';
my $RULES = 'auth_jwt r; auth_jwt_issuers shop; auth_jwt_require_scope read; auth_jwt_require_claim role = admin;';

# A token that the rules let pass, but for these claims.
sub ruled {
    my ($claims, @options) = @_;
    my $now = time;
    return JWT::issued({iat => $now, exp => $now + 1800, scope => 'read', role => 'admin', %{$claims // {}}}, @options);
}

# Path, header lines, answer, word, and the issuer of what passes.
my $CONTENT = JWT::json({sub => 'alice'});
my @CASES = (
    ['/', [JWT::bearer()], 200, 'ok'],
    ['/', [], 401, 'no_token'],
    (map { ['/', ['Authorization: Bearer ' . JWT::refused($_)], 401, $_] } qw(
        malformed_token wrong_type unsupported_algorithm unknown_key invalid_signature expired not_yet_valid
    )),
    ['/missing', [JWT::bearer()], 500, 'keys_unavailable'],
    ['/require', [JWT::bearer()], 401, 'requirement_failed'],
    ['/forbid', [JWT::bearer()], 403, 'requirement_failed'],
    ['/encrypted', ['Authorization: Bearer ' . JWT::encrypted($CONTENT)], 200, 'ok'],
    ['/encrypted', ['Authorization: Bearer ' . JWT::encrypted($CONTENT) =~ s/.{10}\z/AAAAAAAAAA/r], 401, 'decryption_failed'],
    ['/encrypted', [JWT::bearer()], 401, 'wrong_type'],
    ['/rules', [ruled()], 200, 'ok', 'shop'],
    ['/rules', [ruled({iss => 'https://other.example'})], 401, 'unknown_issuer'],
    ['/rules', [ruled({}, alg => 'HS384')], 401, 'unsupported_algorithm'],
    ['/rules', [ruled({}, header => {typ => 'x'})], 401, 'wrong_typ'],
    ['/rules', [ruled({exp => time + 86_400})], 401, 'wrong_lifetime'],
    ['/rules', [ruled({aud => 'x'})], 401, 'wrong_audience'],
    ['/rules', [ruled({scope => 'write'})], 403, 'insufficient_scope'],
    ['/rules', [ruled({role => 'guest'})], 403, 'claim_mismatch'],
    ['/rules', [ruled({cnf => {jkt => 'x'}})], 401, 'proof_missing'],
    ['/rules', [ruled({cnf => {jkt => 'x'}}) =~ s/Bearer/DPoP/r, 'DPoP: x'], 401, 'invalid_proof'],
    ['/certificate', [JWT::bearer({cnf => {'x5t#S256' => 'x'}}), 'X-Cert: x'], 401, 'wrong_certificate'],
);
my $LOCATIONS = <<"CONF";
    location / { $USUAL empty_gif; }
    location /missing { auth_jwt r; auth_jwt_key_file %DIR%/html/none; empty_gif; }
    location /require { $USUAL auth_jwt_require \$jwt_claim_x; empty_gif; }
    location /forbid { $USUAL auth_jwt_require \$jwt_claim_x error=403; empty_gif; }
    location /encrypted { auth_jwt r; auth_jwt_type encrypted; auth_jwt_key_file %DIR%/html/content; empty_gif; }
    location /rules { $RULES empty_gif; }
    location /certificate { $USUAL auth_jwt_certificate required cert=\$http_x_cert; empty_gif; }
CONF
my %FILES = ('html/content' => JWT::key_set(JWT::jwk($JWT::CONTENT_KEY, alg => 'dir')));

{
    my $nginx = nginx($LOCATIONS, http => $BLOCK, files => \%FILES);
    my $first = JWT::Metrics->of($nginx);
    is_deeply([$first->statuses('default')], \@WORDS, 'all statuses are there from the start, and none of a dry run');
    is($first->value('verdicts_total{zone="default",issuer="shop",status="ok"}'), 0, 'and that of each issuer');
    is_deeply($first->verdicts, {}, 'and each is 0');
    is(scalar keys %{$first->all('verdicts_total')}, @WORDS + 1, 'there are no others');
    my %tried;
    for my $number (0 .. $#CASES) {
        my ($path, $lines, $status, $word, $issuer) = @{$CASES[$number]};
        $tried{$word}++;
        my $times = 1 + $number % 3;
        is($nginx->outcome($path, @$lines), "$status $word", "$path: $word ($_)") for 1 .. $times;
        is_counted($nginx, {join(' ', 'default', $word, $issuer // ()) => $times}, "$path: $word has been counted $times times");
    }
    is_deeply([sort keys %tried], \@WORDS, 'each word has been tried');
    $nginx->is_calm('warn', qr/"html\/none"|html.none|No such file/);
}

# The dry run: the same, but whatever does not pass has another name.
{
    my $nginx = nginx($LOCATIONS, http => "$BLOCK auth_jwt_dry_run on;", files => \%FILES);
    my $first = JWT::Metrics->of($nginx);
    my @dry = map {"${_}_dry_run"} grep { $_ ne 'ok' } @WORDS;
    is_deeply([$first->statuses('default')], [sort @WORDS, @dry], 'dry run: its statuses are there from the start, but for one that cannot be');
    for my $case (@CASES) {
        my ($path, $lines, $status, $word, $issuer) = @$case;
        my $told = $word eq 'ok' ? 'ok' : "${word}_dry_run";
        is($nginx->outcome($path, @$lines), "200 $told", "dry run, $path: $told");
        is_counted($nginx, {join(' ', 'default', $told, $issuer // ()) => 1}, "dry run, $path: $told has been counted");
    }
    # What an optional token does, with and without the dry run.
    $nginx = nginx("location / { $USUAL auth_jwt_optional on; empty_gif; location /dry { auth_jwt_dry_run on; empty_gif; } }");
    is($nginx->outcome($_), '200 no_token', "optional, $_: none") for '/', '/dry';
    is_counted($nginx, {'default no_token' => 2}, 'optional: no token is counted as such, dry run or not');
    my $bad = 'Authorization: Bearer ' . JWT::refused('expired');
    is($nginx->outcome('/', $bad), '401 expired', 'optional: a bad one');
    is($nginx->outcome('/dry', $bad), '200 expired_dry_run', 'optional, dry run: a bad one');
    is_counted($nginx, {'default expired' => 1, 'default expired_dry_run' => 1}, 'optional: a bad one, each by itself');
}

# --- what is no verdict -----------------------------------------------------------------------------

{
    my $nginx = nginx(<<"CONF");
        location / { empty_gif; }
        location /off { auth_jwt off; empty_gif; }
        location /variable { auth_jwt \$arg_realm; auth_jwt_key_file %DIR%/html/keys; empty_gif; }
        location /returns { $USUAL return 200; }
        location /denied { $USUAL deny all; empty_gif; }
        location /any { satisfy any; allow all; $USUAL empty_gif; }
        location /empty { auth_jwt ""; auth_jwt_key_file %DIR%/html/keys; empty_gif; }
CONF
    is($nginx->outcome($_, JWT::bearer()), '200 off', "$_: off") for '/', '/off', '/variable?realm=off';
    is($nginx->outcome('/off'), '200 off', '/off without a token');
    is($nginx->outcome('/returns', JWT::bearer()), '200', '/returns: answered before the access phase');
    is($nginx->outcome('/denied', JWT::bearer()), '403', '/denied: a denied address is not asked for a token');
    is_counted($nginx, {}, 'where there is no verdict, nothing is counted');
    is($nginx->outcome('/variable?realm=x'), '401 no_token', 'a realm that is a variable');
    is($nginx->outcome('/empty'), '401 no_token', 'and an empty one');
    is_counted($nginx, {'default no_token' => 2}, 'are counted');
    is($nginx->outcome('/any'), '200', 'satisfy any: an allowed address is not asked for a token');
    is_counted($nginx, {}, 'and nothing is counted');
    for my $method (qw(OPTIONS POST HEAD)) {
        my $connection = $nginx->connect;
        $connection->request($method, '/empty', 'Content-Length: 0');
        is($connection->answer($method)->{status}, 401, "$method is a request like any other");
        is_counted($nginx, {'default no_token' => 1}, "$method is counted");
    }
    my $connection = $nginx->connect;
    $connection->send_bytes("GET /empty HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n");
    is($connection->answer('GET')->{status}, 400, 'a request that nginx refuses by itself');
    is_counted($nginx, {}, 'is not counted');
    $nginx->get('/metrics') for 1 .. 5;
    is_counted($nginx, {}, 'nor are those for the metrics');
}

# --- several verdicts, and others that have a say -----------------------------------------------------

{
    my $nginx = nginx(<<"CONF", files => {'html/other' => JWT::key_set(JWT::jwk($JWT::OTHER_SECRET)), 'html/users' => "alice:{PLAIN}secret\n"});
        auth_jwt_key_file %DIR%/html/keys;
        root %DIR%/html;
        location /tries { auth_jwt r; try_files /nothing \@other; }
        location \@other { auth_jwt_status_zone other-keys; auth_jwt r; auth_jwt_key_file %DIR%/html/other; empty_gif; }
        location /falls { auth_jwt r; error_page 401 /guarded; empty_gif; }
        location /guarded { auth_jwt_status_zone inner; auth_jwt r; empty_gif; }
        location /told { auth_jwt r; error_page 401 /error; empty_gif; }
        location /error { auth_jwt off; empty_gif; }
        location /accel { auth_jwt r; proxy_pass http://mock/accel?to=/guarded; }
        location /any { satisfy any; deny all; auth_jwt r; empty_gif; }
        location /basic { satisfy any; auth_jwt r token=\$cookie_t; auth_basic b; auth_basic_user_file %DIR%/html/users; empty_gif; }
        location /all { auth_jwt r token=\$cookie_t; auth_basic b; auth_basic_user_file %DIR%/html/users; empty_gif; }
        location /limited { limit_except GET { auth_jwt limited; } empty_gif; }
        location /included { ssi on; ssi_types text/plain; auth_jwt r; alias %DIR%/html/included; }
        location /asked { auth_jwt off; auth_request /ask; empty_gif; }
        location /ask { auth_jwt r; proxy_pass http://mock/; }
        location /delayed { auth_jwt r; auth_delay 50ms; empty_gif; }
        location /missing { auth_jwt r; alias %DIR%/html/none; }
CONF
    $nginx->write('html/included', '<!--# include virtual="/guarded" --><!--# include virtual="/guarded" -->');
    my $other = JWT::bearer({}, secret => $JWT::OTHER_SECRET);

    is($nginx->outcome('/tries', JWT::bearer()), '401 invalid_signature', 'try_files: the other location refuses');
    is_counted($nginx, {'default ok' => 1, 'other-keys invalid_signature' => 1}, 'each verdict is counted, by the zone of its location');
    is($nginx->outcome('/falls'), '401 no_token', 'error_page leads to a guarded location');
    is_counted($nginx, {'default no_token' => 1, 'inner no_token' => 1}, 'which counts, too');
    is($nginx->outcome('/told'), '401 no_token', 'error_page leads to an open one');
    is_counted($nginx, {'default no_token' => 1}, 'which does not');
    is($nginx->outcome('/accel', JWT::bearer()), '200 ok', 'X-Accel-Redirect');
    is_counted($nginx, {'default ok' => 1, 'inner ok' => 1}, 'each verdict is counted');

    is($nginx->outcome('/any', JWT::bearer()), '200 ok', 'satisfy any: the token opens');
    is($nginx->outcome('/any'), '401 no_token', 'satisfy any: nothing does');
    is_counted($nginx, {'default ok' => 1, 'default no_token' => 1}, 'satisfy any: both are counted');
    my $password = 'Authorization: Basic YWxpY2U6c2VjcmV0';
    is($nginx->outcome('/basic', $password), '200 no_token', 'satisfy any: the password opens');
    is_counted($nginx, {'default no_token' => 1}, 'the verdict on the token is counted all the same');
    is($nginx->outcome('/all', $password), '401 no_token', 'satisfy all: the password alone');
    is($nginx->outcome('/all', 'Cookie: t=' . JWT::token()), '401 ok', 'satisfy all: the token alone');
    is($nginx->outcome('/all', $password, 'Cookie: t=' . JWT::token()), '200 ok', 'satisfy all: both');
    is_counted($nginx, {'default no_token' => 1, 'default ok' => 2}, 'satisfy all: each verdict is counted');

    my $connection = $nginx->connect;
    is($connection->get('/limited')->{status}, 200, 'limit_except: GET is free');
    $connection->request('DELETE', '/limited');
    is($connection->answer('DELETE')->{status}, 401, 'limit_except: DELETE is not');
    $connection->request('DELETE', '/limited', JWT::bearer());
    is($connection->answer('DELETE')->{headers}{'x-status'}, 'ok', 'limit_except: with a token');
    is_counted($nginx, {'default no_token' => 1, 'default ok' => 1}, 'limit_except: its verdicts are counted');

    is($nginx->outcome('/included', JWT::bearer()), '200 ok', 'two subrequests to a guarded location');
    is_counted($nginx, {'default ok' => 1}, 'are not counted: nginx asks for no access in subrequests');
    is($nginx->outcome('/asked'), '200 off', 'a guarded location behind auth_request');
    is_counted($nginx, {}, 'is not counted');
    is($nginx->outcome('/delayed'), '401 no_token', 'auth_delay');
    is_counted($nginx, {'default no_token' => 1}, 'is counted once');
    is($nginx->outcome('/missing', JWT::bearer()), '404 ok', 'what the content makes of it');
    is_counted($nginx, {'default ok' => 1}, 'does not matter');
    is($nginx->outcome('/tries', $other), '401 invalid_signature', 'refused before the redirect');
    is_counted($nginx, {'default invalid_signature' => 1}, 'counts once');
    my $pipelined = $nginx->connect;
    $pipelined->request('GET', '/delayed', JWT::bearer()) for 1 .. 20;
    is(JWT::Connection::tally(($pipelined) x 20)->{'200 ok'}, 20, 'twenty pipelined requests');
    is_counted($nginx, {'default ok' => 20}, 'are counted');
    $pipelined->send_bytes("POST /guarded HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n" . JWT::bearer() . "\r\n\r\n" . 'x' x 50);
    is_counted($nginx, {'inner ok' => 1}, 'one whose body is still missing is counted');
    $nginx->is_calm('warn', qr/html.none|No such file|forbidden by rule|user "|no user|password mismatch/);
}

# --- requests that wait -------------------------------------------------------------------------------

{
    my $keys = JWT::KeyServer->new;
    $keys->answer('/keys' => {body => $KEYS, wait => 0.3});
    my $address = $keys->address;
    my $nginx = nginx(<<"CONF");
        location = /keys { internal; proxy_pass http://$address; }
        location /each { auth_jwt r; auth_jwt_key_request /keys; auth_jwt_cache off; empty_gif; }
        location /shared { auth_jwt r; auth_jwt_key_request /keys; auth_jwt_key_cache 1h; auth_jwt_cache off; empty_gif; }
CONF
    for my $place ('/each', '/shared') {
        my @waiting = map { $nginx->started($place, JWT::bearer()) } 1 .. 20;
        is_deeply(JWT::Connection::tally(@waiting), {'200 ok' => 20}, "$place: twenty that wait for keys");
        is_counted($nginx, {'default ok' => 20}, "$place: each is counted once");
    }
    # Who leaves has no verdict.
    $keys->forget;
    my @leaving = map { $nginx->started('/each', JWT::bearer()) } 1 .. 5;
    $keys->wait_for_hits(5);
    is($keys->hits, 5, 'five are under way');
    close $_->{socket} for @leaving;
    is($nginx->outcome('/each', JWT::bearer()), '200 ok', 'one that stays');
    sleep 0.5;
    is_counted($nginx, {'default ok' => 1}, 'those that leave are not counted');
    $keys->answer('/keys' => {status => 503, wait => 0.1});
    is_deeply(JWT::Connection::tally(map { $nginx->started('/each', JWT::bearer()) } 1 .. 5), {'500 keys_unavailable' => 5}, 'five whose keys do not come');
    is_counted($nginx, {'default keys_unavailable' => 5}, 'are counted once each');
}

# --- build_info ---------------------------------------------------------------------------------------

{
    my $nginx = nginx('location / { empty_gif; }');
    my $metrics = JWT::Metrics->of($nginx);
    my ($version) = JWT::read_file('Cargo.toml') =~ /^version *= *"([^"]+)"/m;
    my ($of_nginx) = qx("@{[$ENV{TEST_NGINX_BINARY} // 'nginx']}" -v 2>&1) =~ m{nginx/(\S+)};
    is_deeply($metrics->all('build_info'), {qq(version="$version",nginx="$of_nginx") => 1}, 'the versions of the module and of nginx');
    is_deeply($metrics->all('verdicts_total'), {}, 'where auth_jwt is nowhere on, there are no verdicts');
    is($metrics->lookups . ' ' . $metrics->key_requests, '0/0 0/0', 'the rest is 0');
    is_deeply([map { $metrics->all($_) } qw(keys keys_age_seconds key_fetches_total)], [{}, {}, {}], 'and there are no issuers');
    $nginx->is_calm('warn');
}

done_testing();
