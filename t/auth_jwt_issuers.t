# The directive auth_jwt_issuers: the iss of a token picks one block, whose keys are tried and no others. And
# $auth_jwt_issuer. The blocks themselves are in auth_jwt_issuer.t.
use Test::Nginx::Socket 'no_plan';
use List::Util qw(shuffle uniq);
use Time::HiRes qw(sleep time);

use JWT::Nginx;
use JWT::Server;

srand($ENV{AUTH_JWT_SEED} // 1);

# A token with claims as usual but for the issuer. Secrets are named as issuers are.
sub issued {
    my ($iss, $secret, %more) = @_;
    return JWT::bearer({iss => $iss, aud => 'api', exp => 9_999_999_999, %{$more{claims} // {}}}, secret => "the secret of $secret", %more);
}

# What an answer says: status, $auth_jwt_status and $auth_jwt_issuer.
sub told {
    my ($nginx, @request) = @_;
    my $answer = $nginx->get(@request);
    return join ' ', $answer->{status}, map { $answer->{headers}{$_} // () } qw(x-status x-issuer);
}

# --- three issuers, each of which signs tokens that claim to be the others' ------------

{
    my @names = qw(a b c);
    my %is_allowed = (abc => 'abc', cab => 'abc', ab => 'ab', ca => 'ac', map { $_ => $_ } @names);
    my $nginx = JWT::Server->new(
        files => {map { ("conf/$_.jwks" => JWT::key_set(JWT::jwk("the secret of $_", kid => 'one'))) } @names},
        http => join("\n", (map {"auth_jwt_issuer $_ { issuer $_; audience api; key_file $_.jwks; }"} @names),
            'add_header X-Status $auth_jwt_status always; add_header X-Issuer $auth_jwt_issuer always;'),
        server => join("\n", map {
                my $list = join ' ', split //;
                "location /$_ { auth_jwt r; auth_jwt_issuers $list; empty_gif; location /$_/inner { empty_gif; } }"
            } keys %is_allowed),
    );
    my @asked;
    for my $iss (@names) {
        for my $signer (@names) {
            for my $kid ('one', undef) {
                my $token = issued($iss, $signer, kid => $kid);
                for my $list (keys %is_allowed) {
                    my $expected = index($is_allowed{$list}, $iss) < 0 ? '401 unknown_issuer'
                        : $iss ne $signer ? '401 invalid_signature'
                        : "200 ok $iss";
                    push @asked, map { ["/$list$_", $token, $expected, "$list$_: of $iss, signed by $signer"] } '', '/inner';
                }
            }
        }
    }
    # Whatever came before, and from the cache of verified tokens: it keeps them at their second request.
    for my $order ('in order', 'in another', 'and in another') {
        my @wrong = grep { defined } map {
            my ($path, $token, $expected, $name) = @$_;
            my @said = map { told($nginx, $path, $token) } 1 .. 3;
            (grep { $_ ne $expected } @said) ? "$name: " . join ', ', @said : undef;
        } $order eq 'in order' ? @asked : shuffle(@asked);
        is_deeply(\@wrong, [], "nothing crosses between three issuers, $order");
    }
    # In turns, so that each comes from the cache with the others' between.
    my @turns = shuffle(map { @$_ } [@asked], [@asked], [@asked]);
    my @wrong = grep { defined } map {
        my ($path, $token, $expected, $name) = @$_;
        my $said = told($nginx, $path, $token);
        $said eq $expected ? undef : "$name: $said";
    } @turns;
    is_deeply(\@wrong, [], 'nor when all come in turns');
    $nginx->is_calm('warn');

    # Each issuer has its own keys, cached or not: those of the others change nothing.
    $nginx->replace('conf/b.jwks', JWT::key_set(JWT::jwk('the secret of a', kid => 'one')));
    sleep 0.01;
    is(told($nginx, '/abc', issued('a', 'a')), '200 ok a', 'after a change of another issuer\'s keys: a token passes') for 1 .. 3;
    is(told($nginx, '/abc', issued('b', 'b')), '401 invalid_signature', 'the changed keys count at once') for 1 .. 3;
    is(told($nginx, '/abc', issued('b', 'a')), '200 ok b', 'for each issuer as its file says') for 1 .. 3;
    is(told($nginx, '/abc', issued('c', 'a')), '401 invalid_signature', 'and for no other');
    $nginx->remove('conf/b.jwks');
    sleep 0.01;
    is(told($nginx, '/abc', issued('b', 'a')), '500 keys_unavailable', 'an issuer without its file') for 1 .. 3;
    is(told($nginx, '/abc', issued('a', 'a')), '200 ok a', 'does the others no harm') for 1 .. 3;
}

# --- one issuer, several levels ------------------------------------------------------------

# auth_jwt_key_cache of the level holds for the keys of a block.
{
    my $keys = sub { JWT::key_set(JWT::jwk("the secret of $_[0]")) };
    my $nginx = JWT::Server->new(
        files => {'conf/keys' => $keys->('a')},
        http => 'auth_jwt_issuer a { issuer a; audience api; key_file keys; } add_header X-Status $auth_jwt_status always;',
        server => 'auth_jwt r; auth_jwt_issuers a; location / { empty_gif; } location /kept { auth_jwt_key_cache 1h; empty_gif; }',
    );
    is(told($nginx, $_, issued('a', 'a')), '200 ok', "the first keys: $_") for '/', '/kept';
    $nginx->replace('conf/keys', $keys->('b'));
    sleep 0.01;
    is(told($nginx, '/kept', issued('a', 'a')), '200 ok', 'auth_jwt_key_cache of the level holds: the first keys still');
    is(told($nginx, '/kept', issued('a', 'b')), '401 invalid_signature', 'and no others');
    sleep 0.01;
    is(told($nginx, '/', issued('a', 'b')), '200 ok', 'without it a change is seen at once');
    is(told($nginx, '/', issued('a', 'a')), '401 invalid_signature', 'and the first keys are gone');
}

# --- ten thousand ----------------------------------------------------------------------------

{
    my $count = 10_000;
    my $blocks = join "\n", map {"auth_jwt_issuer t$_ { issuer https://t$_.example; audience api; key_file keys/" . $_ % 7 . '; }'} 1 .. $count;
    my $nginx = JWT::Server->new(
        files => {map { ("conf/keys/$_" => JWT::key_set(JWT::jwk("the secret of $_"))) } 0 .. 6},
        http => $blocks . "\nadd_header X-Status \$auth_jwt_status always; add_header X-Issuer \$auth_jwt_issuer always;",
        server => 'location / { auth_jwt r; auth_jwt_issuers ' . join(' ', map {"t$_"} 1 .. $count) . '; empty_gif; }',
    );
    for my $number (1, 2, 4321, $count) {
        my ($iss, $own, $other) = ("https://t$number.example", $number % 7, ($number + 1) % 7);
        is(told($nginx, '/', issued($iss, $own)), "200 ok t$number", "issuer $number of $count") for 1 .. 3;
        is(told($nginx, '/', issued($iss, $other)), '401 invalid_signature', "issuer $number with another's keys") for 1 .. 3;
    }
    is(told($nginx, '/', issued("https://t$_.example", 0)), '401 unknown_issuer', "none is $_") for 0, $count + 1;
    $nginx->is_calm('warn');
}

# Whoever asks by the names of all others makes no worker forget the keys of one: the configuration names them all.
{
    my $count = 1_100;
    my $nginx = JWT::Server->new(
        files => {map { ("conf/keys/$_" => JWT::key_set(JWT::jwk("the secret of $_"))) } 1 .. $count},
        http => join("\n", map {"auth_jwt_issuer t$_ { issuer t$_; audience api; key_file keys/$_; }"} 1 .. $count)
            . 'add_header X-Status $auth_jwt_status always; auth_jwt_key_cache 1h; keepalive_requests 10000;',
        server => 'location / { auth_jwt r; auth_jwt_issuers ' . join(' ', map {"t$_"} 1 .. $count) . '; empty_gif; }',
    );
    is(told($nginx, '/', issued('t1', 1)), '200 ok', "issuer 1 of $count has its keys");
    $nginx->remove('conf/keys/1');
    my $connection = $nginx->connect;
    my @others = map { $connection->get('/', issued("t$_", 'nobody'))->{status} } 2 .. $count;
    is_deeply([uniq(@others)], [401], 'tokens of nobody, in the name of all others');
    is(told($nginx, '/', issued('t1', 1)), '200 ok', 'and it has them still, for the time of auth_jwt_key_cache');
    $nginx->is_calm('warn');
}

# --- for the blocks below -----------------------------------------------------------------------

our $two = JWT::Nginx::issuer('one') . JWT::Nginx::issuer('two', 'key_file $TEST_NGINX_KEYS/other.jwks;');

# A token of the issuer "one" or "two", or of another.
sub of {
    my ($name, %claims) = @_;
    return JWT::issued({iss => "https://$name.example", %claims}, $name eq 'two' ? (secret => $JWT::OTHER_SECRET) : ());
}

# A JWE with these claims.
sub encrypted { return 'Authorization: Bearer ' . JWT::encrypted($_[0]) }
sub claims_of { return JWT::json({iss => "https://$_[0].example", aud => 'api', exp => 9_999_999_999}) }

JWT::write_file("$JWT::Nginx::keys/content.jwks", JWT::key_set(JWT::jwk($JWT::CONTENT_KEY), JWT::jwk($JWT::SECRET, alg => 'HS256')));

run_tests();

__DATA__

=== TEST 1: an iss that is missing, no string or unknown is 401 and touches no key
--- http_config eval
JWT::Nginx::issuer('shop', 'key_file $TEST_NGINX_KEYS/missing.jwks;')
--- guarded
auth_jwt_issuers shop;
--- cases eval
[
    (
        map { ['GET /', JWT::issued({iss => $_}), 401, "X-Status: unknown_issuer\nWWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\""] }
            undef, 'https://other.example', 7, ['https://shop.example'], {}, ''
    ),
    ['GET /', JWT::bearer('{"iss":null}'), 401, 'X-Status: unknown_issuer'],
]
--- no_error_log
missing.jwks
[error]


=== TEST 2: order of checks, before keys: form, alg and type, then the issuer, algorithms, typ, then keys
--- http_config eval
JWT::Nginx::issuer('shop', 'key_file $TEST_NGINX_KEYS/missing.jwks; algorithms HS256;')
--- guarded
auth_jwt_issuers shop;
--- cases eval
my $iss = 'https://other.example';
my $jwe = 'Authorization: Bearer ' . JWT::refused('wrong_type');
[
    ['GET /', 'Authorization: Bearer a.b', 401, 'X-Status: malformed_token'],
    ['GET /', $jwe, 401, 'X-Status: wrong_type'],
    ['GET /', JWT::issued({iss => $iss}, alg => 'none'), 401, 'X-Status: unsupported_algorithm'],
    ['GET /', JWT::issued({iss => $iss}, alg => 'HS384', header => {typ => 'x'}), 401, 'X-Status: unknown_issuer'],
    ['GET /', JWT::issued({}, alg => 'HS384', header => {typ => 'x'}), 401, 'X-Status: unsupported_algorithm'],
    ['GET /', JWT::issued({exp => 1}, header => {typ => 'x'}), 401, 'X-Status: wrong_typ'],
    ['GET /', JWT::issued({exp => 1}), 500, 'X-Status: keys_unavailable'],
]
--- no_error_log
[crit]


=== TEST 3: order of checks, with keys: signature, times, lifetime, age, audience, scope, claim rules, auth_jwt_require
--- http_config eval
JWT::Nginx::issuer('shop', 'exp optional; max_lifetime 1h; leeway 2h;') . JWT::Nginx::issuer('aging', 'max_age 1h;')
--- guarded
auth_jwt_issuers shop aging;
auth_jwt_require_scope read;
auth_jwt_require_claim role = admin;
auth_jwt_require $arg_x;
--- cases eval
my $now = CORE::time();
my %good = (aud => 'api', iat => $now - 60, exp => $now + 60, scope => 'read', role => 'admin');
my $next = sub {
    my ($word, $status, $claims, @options) = @_;
    ['GET /', JWT::issued({%good, %$claims}, @options), $status, "X-Status: $word"];
};
my %bad = (aud => 'web', scope => 'write', role => 'user');
[
    $next->('invalid_signature', 401, {%bad, exp => 1, iat => undef}, secret => 'forged'),
    $next->('expired', 401, {%bad, exp => 1, iat => undef}),
    $next->('not_yet_valid', 401, {%bad, nbf => $now + 90000, iat => undef}),
    $next->('wrong_lifetime', 401, {%bad, iat => undef}),
    $next->('wrong_lifetime', 401, {%bad, iss => 'https://aging.example', iat => $now - 7200}),
    $next->('wrong_audience', 401, {%bad}),
    $next->('insufficient_scope', 403, {%bad, aud => 'api'}),
    $next->('claim_mismatch', 403, {%bad, aud => 'api', scope => 'read'}),
    $next->('requirement_failed', 401, {}),
    ['GET /?x=1', JWT::issued({%good}), 200, 'X-Status: ok'],
    ['GET /?x=1', JWT::issued({%good, %bad}), 401, 'X-Status: wrong_audience'],
]


=== TEST 4: issuers, key files and key requests are one group that is inherited and replaced as a whole
--- http_config eval: $main::two
--- config
    auth_jwt "r";
    auth_jwt_issuers one;
    add_header X-Status $auth_jwt_status always;
    add_header X-Issuer $auth_jwt_issuer always;
    location / { proxy_pass http://mock; location /inherited { proxy_pass http://mock; } }
    location /two { auth_jwt_issuers two; proxy_pass http://mock; location /two/inherited { proxy_pass http://mock; } }
    location /both { auth_jwt_issuers two one; proxy_pass http://mock; }
    location /file { auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks; proxy_pass http://mock; location /file/one { auth_jwt_issuers one; proxy_pass http://mock; } }
    location /request { auth_jwt_key_request /keys; proxy_pass http://mock; }
    location = /keys { internal; auth_jwt off; alias $TEST_NGINX_KEYS/other.jwks; }
    location /off { auth_jwt off; auth_jwt_issuers off; proxy_pass http://mock; location /off/file { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/other.jwks; proxy_pass http://mock; } }
    location /methods { limit_except GET { auth_jwt_issuers two; } proxy_pass http://mock; }
--- cases eval
my ($one, $two) = CORE::map { main::of($_) } 'one', 'two';
my ($first, $second, $plain) = ("X-Status: ok\nX-Issuer: one", "X-Status: ok\nX-Issuer: two", "X-Status: ok\n! X-Issuer");
my ($unknown, $invalid) = ("X-Status: unknown_issuer\n! X-Issuer", "X-Status: invalid_signature\n! X-Issuer");
[
    (map { (["GET $_", $one, 200, $first], ["GET $_", $two, 401, $unknown]) } '/', '/inherited', '/file/one'),
    (map { (["GET $_", $two, 200, $second], ["GET $_", $one, 401, $unknown]) } '/two', '/two/inherited'),
    ['GET /both', $one, 200, $first], ['GET /both', $two, 200, $second], ['GET /both', main::of('three'), 401, $unknown],
    (map { (["GET $_", $two, 200, $plain], ["GET $_", $one, 401, $invalid], ["GET $_", JWT::bearer({}, secret => $JWT::OTHER_SECRET), 200, $plain]) } '/file', '/request', '/off/file'),
    ['GET /off', $two, 200, "X-Status: off\n! X-Issuer"],
    ['GET /methods', $one, 200, $first], ['GET /methods', $two, 401, $unknown],
    ['POST /methods', $two, 200, $second], ['POST /methods', $one, 401, $unknown],
]


=== TEST 5: what a block asks for does not hold where keys come from elsewhere
--- http_config eval
JWT::Nginx::issuer('shop')
--- config
    auth_jwt_issuers shop;
    location / { auth_jwt "r"; proxy_pass http://mock; }
    location /file { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
--- cases eval
[
    map { (['GET /', $_, 401], ['GET /file', $_, 200]) } JWT::issued({aud => 'web'}), JWT::issued({exp => undef}), JWT::issued({}, header => {typ => 'x'}), JWT::bearer({}),
]


=== TEST 6: a block may stand behind its use
--- http_config eval
'auth_jwt_issuers one;' . $main::two . 'server { listen unix:$TEST_NGINX_HTML_DIR/other.sock; location / { auth_jwt r; auth_jwt_issuers two; } }'
--- config
    location / { auth_jwt "r"; proxy_pass http://mock; }
--- cases eval
[['GET /', main::of('one'), 200], ['GET /', main::of('two'), 401]]


=== TEST 7: encrypted: one block, whose key_file has the key, and iss is judged after decryption
--- http_config eval
JWT::Nginx::issuer('one', 'key_file $TEST_NGINX_KEYS/content.jwks;')
--- guarded
auth_jwt_issuers one;
auth_jwt_type encrypted;
add_header X-Issuer $auth_jwt_issuer always;
--- cases eval
my $forged = main::encrypted(main::claims_of('two')) . 'AAAA';
my $rest = '"aud":"api","exp":9999999999}';
[
    (['GET /', main::encrypted(main::claims_of('one')), 200, "X-Status: ok\nX-Issuer: one"]) x 3,
    (['GET /', main::encrypted(main::claims_of('two')), 401, "X-Status: unknown_issuer\n! X-Issuer"]) x 3,
    (map { ['GET /', main::encrypted("{$_$rest"), 401, 'X-Status: unknown_issuer'] } '', '"iss":7,', '"iss":["https://one.example"],'),
    ['GET /', $forged, 401, 'X-Status: decryption_failed'],
    ['GET /', main::encrypted('{"iss":"https://one.example","aud":"web","exp":9999999999}'), 401, 'X-Status: wrong_audience'],
    ['GET /', main::encrypted('{"iss":"https://one.example","aud":"api"}'), 401, 'X-Status: wrong_lifetime'],
]


=== TEST 8: nested: one block, for decryption and signature, and iss is judged between
--- http_config eval
JWT::Nginx::issuer('one', 'key_file $TEST_NGINX_KEYS/content.jwks;')
--- guarded
auth_jwt_issuers one;
auth_jwt_type nested;
add_header X-Issuer $auth_jwt_issuer always;
--- cases eval
my $nested = sub { main::encrypted(JWT::token(@_)) };
my %claims = (iss => 'https://one.example', aud => 'api', exp => 9999999999);
[
    (['GET /', $nested->({%claims}), 200, "X-Status: ok\nX-Issuer: one"]) x 3,
    (['GET /', $nested->({%claims, iss => 'https://two.example'}), 401, "X-Status: unknown_issuer\n! X-Issuer"]) x 3,
    ['GET /', $nested->({%claims, iss => 'https://two.example'}, secret => 'forged'), 401, 'X-Status: unknown_issuer'],
    ['GET /', $nested->({%claims}, secret => 'forged'), 401, 'X-Status: invalid_signature'],
    ['GET /', $nested->({aud => 'api', exp => 9999999999}), 401, 'X-Status: unknown_issuer'],
]


=== TEST 9: $auth_jwt_issuer: empty before a token has passed, and where none has
--- http_config eval: $main::two
--- config
    location / {
        auth_jwt "r";
        auth_jwt_issuers one two;
        auth_jwt_require $arg_good;
        set $early "<$auth_jwt_issuer>";
        add_header X-Issuer "$early <$auth_jwt_issuer>" always;
        proxy_pass http://mock;
    }
    location /off { auth_jwt off; add_header X-Issuer "<$auth_jwt_issuer>" always; proxy_pass http://mock; }
--- cases eval
[
    ['GET /?good=1', main::of('one'), 200, 'X-Issuer: <> <one>'],
    ['GET /?good=1', main::of('two'), 200, 'X-Issuer: <> <two>'],
    ['GET /?good=0', main::of('one'), 401, 'X-Issuer: <> <>'],
    ['GET /?good=1', main::of('one', exp => 1), 401, 'X-Issuer: <> <>'],
    ['GET /?good=1', undef, 401, 'X-Issuer: <> <>'],
    ['GET /off', main::of('one'), 200, 'X-Issuer: <>'],
]


=== TEST 10: after an internal redirect the new location's own issuers and rules decide, and $auth_jwt_issuer is its
--- http_config eval
$main::two . JWT::Nginx::issuer('uno', 'issuer https://one.example;')
--- config
    root $TEST_NGINX_HTML_DIR;
    add_header X-Status $auth_jwt_status always;
    add_header X-Issuer $auth_jwt_issuer always;
    location /one/ { auth_jwt "one"; auth_jwt_issuers one; try_files /none $uri/last; }
    location ~ ^/one/uno/last { auth_jwt "uno"; auth_jwt_issuers uno; proxy_pass http://mock; }
    location ~ ^/one/two/last { auth_jwt "two"; auth_jwt_issuers two; proxy_pass http://mock; }
    location ~ ^/one/scope/last { auth_jwt "scope"; auth_jwt_issuers one; auth_jwt_require_scope write; proxy_pass http://mock; }
    location ~ ^/one/web/last { auth_jwt "web"; auth_jwt_issuers one; auth_jwt_audience web; proxy_pass http://mock; }
    location ~ ^/one/early/last { auth_jwt "early"; auth_jwt_issuers one; auth_jwt_require $auth_jwt_issuer; proxy_pass http://mock; }
    location ~ ^/one/file/last { auth_jwt "file"; auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks; proxy_pass http://mock; }
--- cases eval
my $one = main::of('one');
[
    (['GET /one/uno', $one, 200, "X-Status: ok\nX-Issuer: uno"]) x 3,
    (['GET /one/two', $one, 401, "X-Status: unknown_issuer\n! X-Issuer\nWWW-Authenticate: Bearer realm=\"two\", error=\"invalid_token\""]) x 2,
    (['GET /one/two', main::of('two'), 401, "X-Status: unknown_issuer\nWWW-Authenticate: Bearer realm=\"one\", error=\"invalid_token\""]) x 2,
    (['GET /one/scope', $one, 403, "X-Status: insufficient_scope\n! X-Issuer\nWWW-Authenticate: Bearer realm=\"scope\", error=\"insufficient_scope\", scope=\"write\""]) x 2,
    ['GET /one/scope', main::of('one', scope => 'write'), 200, "X-Status: ok\nX-Issuer: one"],
    (['GET /one/web', $one, 401, "X-Status: wrong_audience\n! X-Issuer"]) x 2,
    ['GET /one/early', $one, 401, "X-Status: requirement_failed\n! X-Issuer"],
    (['GET /one/file', $one, 200, "X-Status: ok\n! X-Issuer"]) x 2,
]


=== TEST 11: the page of error_page has the verdict, and no issuer
--- http_config eval: JWT::Nginx::issuer('one')
--- guarded
auth_jwt_issuers one;
error_page 401 /page;
--- config
    location = /page { auth_jwt off; add_header X-Status $auth_jwt_status always; add_header X-Issuer "<$auth_jwt_issuer>" always; proxy_pass http://mock; }
--- cases eval
[
    ['GET /', main::of('one', aud => 'web'), 401, "X-Status: wrong_audience\nX-Issuer: <>\nWWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\""],
    ['GET /', main::of('three'), 401, "X-Status: unknown_issuer\nX-Issuer: <>"],
    ['GET /', main::of('one'), 200],
]
