# The directive auth_jwt_leeway, and what of a token's times is checked. The exact moments, to the
# second and below, are unit tests: here each token is half a minute or more from them.
use Test::Nginx::Socket 'no_plan';
use Time::HiRes ();

use JWT::Nginx;
use JWT::Server;

# A token passes until it expires, and not a moment longer, though its signature is known by then.
{
    my $guard = 'auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; auth_jwt_leeway 1s; empty_gif;';
    my %files = ('html/keys' => JWT::key_set(JWT::jwk($JWT::SECRET)));
    my $nginx = JWT::Server->new(files => \%files, server => "location / { $guard }");
    my $connection = $nginx->connect;
    my $end = Time::HiRes::time() + 1.5;
    my $bearer = JWT::bearer({exp => $end - 1});
    my ($before, $after, $passed, $late) = (0, 0, 0, 0);
    while ($before < $end + 0.3) {
        $before = Time::HiRes::time();
        my $fine = $connection->get('/', $bearer)->{status} == 200;
        $after = Time::HiRes::time();
        $passed++ if $fine;
        $late++ if $fine ? $before > $end + 0.1 : $after < $end;
        Time::HiRes::sleep(0.01);
    }
    cmp_ok($passed, '>', 1, 'a token passes before exp + leeway');
    is($late, 0, 'and is refused from then on');
}

# A header line with a token that has these times, in seconds from now.
sub from_now {
    my (%seconds) = @_;
    return JWT::bearer({map { $_ => time() + $seconds{$_} } keys %seconds});
}

# A header line with a token whose payload is this JSON.
sub payload { return JWT::bearer($_[0]) }

our $guarded = <<'CONF';
    auth_jwt "r";
    auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
    add_header X-Status $auth_jwt_status always;
CONF

run_tests();

__DATA__

=== TEST 1: no leeway by default
--- config eval
"$main::guarded location / { proxy_pass http://mock; }"
--- cases eval
[
    (map { ['GET /', main::from_now(exp => $_), 200, 'X-Status: ok'] } 30, 3600),
    (map { ['GET /', main::from_now(exp => $_), 401, 'X-Status: expired'] } -30, -3600),
    (map { ['GET /', main::from_now(nbf => $_), 200, 'X-Status: ok'] } -30, -3600),
    (map { ['GET /', main::from_now(nbf => $_), 401, 'X-Status: not_yet_valid'] } 30, 3600),
]


=== TEST 2: exp and nbf are checked with leeway
--- config eval
"$main::guarded location / { auth_jwt_leeway 10m; proxy_pass http://mock; }"
--- cases eval
[
    (map { ['GET /', main::from_now(exp => $_), 200, 'X-Status: ok'] } 1, -30, -570),
    ['GET /', main::from_now(exp => -630), 401, 'X-Status: expired'],
    (map { ['GET /', main::from_now(nbf => $_), 200, 'X-Status: ok'] } -1, 30, 570),
    ['GET /', main::from_now(nbf => 630), 401, 'X-Status: not_yet_valid'],
]


=== TEST 3: both are checked
--- config eval
"$main::guarded auth_jwt_leeway 60s; location / { proxy_pass http://mock; }"
--- request eval
[("GET /") x 5]
--- more_headers eval
[map { main::from_now(@$_) } [nbf => -90, exp => 90], [nbf => 30, exp => -30], [nbf => -200, exp => -90], [nbf => 90, exp => 200], [nbf => 90, exp => -90]]
--- error_code eval
[200, 200, 401, 401, 401]
--- response_headers eval
[map {"X-Status: $_"} qw(ok ok expired not_yet_valid expired)]


=== TEST 4: seconds where no unit is named, all larger units, and sums of them
--- config eval
my %times = (bare => 600, s => '600s', m => '10m', h => '1h', d => '1d', sum => '1h30m', zero => 0, none => '0s', quoted => '"1h 30m"');
$main::guarded . CORE::join "\n", map {"location = /$_ { auth_jwt_leeway $times{$_}; proxy_pass http://mock; }"} keys %times
--- request eval
[
    (map { ("GET /$_", "GET /$_") } qw(bare s m h d sum zero none quoted)),
]
--- more_headers eval
my %seconds = (bare => 600, s => 600, m => 600, h => 3600, d => 86400, sum => 5400, zero => 0, none => 0, quoted => 5400);
[map { (main::from_now(exp => 30 - $seconds{$_}), main::from_now(exp => -30 - $seconds{$_})) } qw(bare s m h d sum zero none quoted)]
--- error_code eval
[(200, 401) x 9]


=== TEST 5: only exp and nbf are checked: iat, iss, aud, sub and others are never by themselves
--- config eval
"$main::guarded location / { proxy_pass http://mock; }"
--- cases eval
[
    map { ["GET /", $_, 200] }
        main::from_now(iat => 3600), main::from_now(iat => -99999999), main::from_now(auth_time => 3600, EXP => -3600, Nbf => 3600),
        map { main::payload($_) } '{"iat":"yesterday"}', '{"iss":7,"aud":null,"sub":[]}', '{"aud":"somebody else"}', '{"jti":{}}', '{}',
]


=== TEST 6: a token without exp passes, with nbf alone, too
--- config eval
"$main::guarded location / { proxy_pass http://mock; }"
--- cases eval
[
    ["GET /", JWT::bearer({sub => 'alice'}), 200],
    ["GET /", main::from_now(nbf => -30), 200],
]


=== TEST 7: a JSON number, in whatever way it is written
--- config eval
"$main::guarded location / { proxy_pass http://mock; }"
--- request eval
[("GET /") x 13]
--- more_headers eval
my $now = CORE::time();
[
    map { main::payload($_) } '{"exp":' . ($now + 60) . '.5}', '{"exp":' . ($now - 60) . '.75}', '{"exp":9.9e9}', '{"exp":99E+8}',
    '{"exp":1e300}', '{"exp":123456789012345678901234567890}', '{"nbf":-1e300}', '{"nbf":0}', '{"exp":0}', '{"exp":-1}',
    '{"exp":-0.0}', '{"nbf":9e300}', '{"nbf":123456789012345678901234567890}'
]
--- error_code eval
[200, 401, (200) x 6, (401) x 5]
--- response_headers eval
[map {"X-Status: $_"} 'ok', 'expired', ('ok') x 6, ('expired') x 3, ('not_yet_valid') x 2]


=== TEST 8: any other type, or a number that is not finite, is a malformed token
--- config eval
"$main::guarded auth_jwt_leeway 1h; location / { proxy_pass http://mock; }"
--- cases eval
[
    map { ["GET /", $_, 401, "X-Status: malformed_token\nWWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\""] }
        map { (main::payload(qq({"exp":$_})), main::payload(qq({"nbf":$_}))) } '"9999999999"', 'null', 'true', '[9999999999]', '{}', '1e999', '-1e999', '""',
]


=== TEST 9: a leeway of centuries, and times at the ends: sums do not wrap
--- config eval
"$main::guarded auth_jwt_leeway 400000d; location / { proxy_pass http://mock; }"
--- request eval
[("GET /") x 5]
--- more_headers eval
[map { main::payload($_) } '{"exp":1}', '{"nbf":9999999999}', '{"exp":-1e300}', '{"nbf":1e300}', '{"exp":1e308,"nbf":-1e308}']
--- error_code eval
[200, 200, 401, 401, 200]


=== TEST 10: leeway is for times alone
--- config eval
"$main::guarded auth_jwt_leeway 1d; location / { auth_jwt_require \$jwt_claim_admin; proxy_pass http://mock; }"
--- cases eval
[
    ["GET /", JWT::bearer({exp => 9999999999}, secret => 'forged'), 401, "X-Status: invalid_signature"],
    ["GET /", JWT::bearer({exp => 9999999999}), 401, "X-Status: requirement_failed"],
]
