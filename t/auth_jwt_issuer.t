# The block auth_jwt_issuer: its parameters, and what is refused when it is read. How a token's iss picks one
# of several blocks is in auth_jwt_issuers.t.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;
use JWT::Server;

# --- what is refused when nginx starts --------------------------------------------

my $where = qr/ in \S+nginx[.]conf:\d+/;

# A block "shop" that is complete but for what is left out, with more lines.
sub block {
    my ($lines, @without) = @_;
    my %usual = (issuer => 'issuer https://a.example;', audience => 'audience api;', key_file => 'key_file a.jwks;');
    delete @usual{@without};
    return join ' ', 'auth_jwt_issuer shop {', (map { $usual{$_} } sort keys %usual), $lines, '}';
}

sub refused { return JWT::Server->refuses('http', @_) }

my $of_shop = qr/in issuer "shop"/;
refused(block('', 'issuer'), qr/no "issuer" $of_shop, it must name the "iss" of its tokens, such as "issuer https:.*$where/);
refused(block('', 'audience'), qr/no "audience" $of_shop, it must name what its tokens are for.*"audience any;".*$where/);
refused('auth_jwt_issuer shop { }', qr/no "issuer" $of_shop.*$where/);

refused(block('issuers https://b.example;'),
    qr/unknown parameter "issuers" $of_shop, allowed is "issuer", .*"audience".* or "scope_claim".*$where/);
refused(block("$_ x;"), qr/unknown parameter "\Q$_\E" $of_shop, allowed is .*$where/)
    for qw(Audience aud auth_jwt_key_file token $arg_x);
for my $case (
    ['algorithms', 'HS256'], ['typ', 'JWT'], ['exp', 'required'], ['leeway', '5s'], ['max_lifetime', '1h'], ['max_age', '1h'],
    ['scope_claim', 'roles'],
) {
    my ($parameter, $value) = @$case;
    refused(block("$parameter $value; $parameter $value;"), qr/duplicate parameter "$parameter" $of_shop.*$where/);
    refused(block("$parameter;"), qr/no value of "$parameter" $of_shop.*$where/);
    refused(block("$parameter '';"), qr/invalid value "" of "$parameter" $of_shop, it must be .*not empty.*$where/);
    refused(block("$parameter \xFF;"), qr/invalid value "\\xff" of "$parameter" $of_shop, it must be UTF-8.*$where/);
}
refused(block("$_;", $_), qr/no value of "$_" $of_shop.*$where/) for qw(issuer audience key_file);
refused(block("$_ '';", $_), qr/invalid value "" of "$_" $of_shop.*not empty.*$where/) for qw(issuer audience key_file);

refused(block("algorithms $_;"), qr/invalid value "$_" of "algorithms" $of_shop, it must be "HS256", .*"EdDSA".*$where/)
    for qw(none HS255 hs256 RSA-OAEP dir ES256K any);
refused(block('algorithms HS256 ES257;'), qr/invalid value "ES257" of "algorithms" $of_shop, it must be .*$where/);
refused(block('audience any api;', 'audience'), qr/invalid value "any api" of "audience" $of_shop, it must be audiences, or "any" and nothing else.*$where/);
refused(block('audience any;'), qr/invalid value "any" of "audience" $of_shop, .*$where/);
refused(block('audience any; audience api;', 'audience'), qr/invalid value "api" of "audience" $of_shop, .*$where/);
refused(block('typ any JWT;'), qr/invalid value "any JWT" of "typ" $of_shop, it must be types, or "any" and nothing else.*$where/);
refused(block("exp $_;"), qr/invalid value "$_" of "exp" $of_shop, it must be "required" or "optional".*$where/)
    for 'on', 'Required', 'required optional';
for my $parameter (qw(leeway max_lifetime max_age)) {
    refused(block("$parameter $_;"), qr/invalid value "\Q$_\E" of "$parameter" $of_shop, it must be a time in seconds or larger units.*$where/)
        for 'soon', '-1', '1.5s', '500ms', '1h 2h', '$arg_a', '9' x 25;
}
refused(block("scope_claim $_->[0];"), qr/invalid path "\Q$_->[1]\E" of "scope_claim" $of_shop: .*$where/)
    for ['a..b', 'a..b'], ['[0]', '[0]'], ['"a[x]"', 'a[x]'], ['good "b c"', 'b c'];
refused(block("key_file $_;", 'key_file'), qr/invalid value "\Q$_\E" of "key_file" $of_shop, it must be the name of one file, without variables.*$where/)
    for '$host.jwks', 'keys/${arg_a}', 'one.jwks two.jwks';

refused(block('') . block(''), qr/duplicate issuer "shop", the first is in \S+nginx[.]conf:\d+$where/);
refused("auth_jwt_issuer $_ { }", qr/invalid value.*"auth_jwt_issuer".*name.*$where/) for 'off', '""', "\xFF";
refused("auth_jwt_issuer $_", qr/invalid number of arguments in "auth_jwt_issuer" directive$where/) for '{ }', 'a b { }';
refused('auth_jwt_issuer a;', qr/"auth_jwt_issuer" has no opening "\{"/);
for my $place (qw(main server location)) {
    JWT::Server->refuses($place, block(''), qr/"auth_jwt_issuer" directive is not allowed here$where/);
}
JWT::Server->accepts('http', block($_) . 'auth_jwt_issuers shop; auth_jwt a;')
    for 'issuer b; issuer c d;', 'audience web; audience a b;', 'key_file b.jwks;', 'algorithms HS256 EdDSA Ed25519;', 'typ any;',
    'typ JWT at+jwt;', 'exp optional;', 'leeway 0;', 'leeway 1h30m;', 'max_lifetime 1d;', 'max_age 60;', q(scope_claim a.b '["c d"][0]';);

# --- include ----------------------------------------------------------------------

{
    my %files = (
        'conf/keys/shop.jwks' => JWT::key_set(JWT::jwk($JWT::SECRET)),
        'conf/audience.conf' => "audience api;\ninclude more/*.conf;\n",
        'conf/more/1.conf' => "issuer https://shop.example;\n",
        'conf/more/2.conf' => "key_file keys/shop.jwks;\n",
        'conf/bad.conf' => "\n\naudience;\n",
    );
    my $guard = 'location / { auth_jwt r; auth_jwt_issuers shop; empty_gif; }';
    my $nginx = JWT::Server->new(files => \%files, http => 'auth_jwt_issuer shop { include audience.conf; }', server => $guard);
    is($nginx->outcome('/', JWT::issued()), '200', 'include, within what is included, too, and of several files; key_file is relative to the configuration');
    isnt($nginx->outcome('/', JWT::issued({aud => 'web'})), '200', 'what is included counts');
    my $checked = sub { return JWT::Server->prepared(files => \%files, http => "auth_jwt_issuer shop { $_[0] }", server => $guard)->checked };
    my ($fine, $said) = $checked->('include bad.conf;');
    ok(!$fine, 'a mistake in what is included');
    like($said, qr{no value of "audience" in issuer "shop" in \S+/bad[.]conf:3}, 'is told with its place');
    for my $include ('include;', 'include a b;') {
        ($fine, $said) = $checked->($include);
        ok(!$fine, "$include is refused");
        like($said, qr/invalid number of arguments in "include" directive$where/, 'and told as elsewhere');
    }
    ($fine, $said) = $checked->('include none.conf;');
    ok(!$fine, 'what is to be included is not there');
    like($said, qr{open\(\) "\S+/none[.]conf" failed}, 'and nginx says so');
}

# A token that has these times, in seconds from now.
sub times {
    my (%seconds) = @_;
    return JWT::issued({exp => undef, map { $_ => time() + $seconds{$_} } keys %seconds});
}

# A token of the issuer "shop" with this header.
sub header { return JWT::issued({}, header_bytes => $_[0]) }

# A token with these claims in place of the usual ones, as JSON.
sub claims { return JWT::bearer('{"exp":9999999999,"iss":"https://shop.example","aud":"api",' . $_[0] . '}') }

# A JWS inside of a JWE, with this typ and alg.
sub nested {
    my ($typ, $alg, %outer) = @_;
    my ($token) = JWT::issued({}, header => {typ => $typ}, alg => $alg) =~ /(\S+)\z/;
    return 'Authorization: Bearer ' . JWT::encrypted($token, %outer);
}

JWT::write_file("$JWT::Nginx::keys/both.jwks",
    JWT::key_set(JWT::jwk($JWT::CONTENT_KEY, use => 'enc'), JWT::jwk($JWT::SECRET, use => 'sig')));

run_tests();

__DATA__

=== TEST 1: issuer: a token belongs to a block when its iss is a string equal, byte by byte, to one of its values
--- http_config eval
JWT::Nginx::issuer('shop', 'issuer https://shop.example urn:two; issuer three;')
--- guarded
auth_jwt_issuers shop;
--- cases eval
[
    (map { ['GET /', JWT::issued({iss => $_}), 200, 'X-Status: ok'] } 'https://shop.example', 'urn:two', 'three'),
    ['GET /', JWT::bearer('{"iss":"https:\/\/sh\u006fp.example","aud":"api","exp":9999999999}'), 200, 'X-Status: ok'],
    (
        map { ['GET /', JWT::issued({iss => $_}), 401, "X-Status: unknown_issuer\nWWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\""] }
            'https://shop.example/', 'HTTPS://shop.example', 'https://shop.example:443', ' three', 'three ', '', 'THREE', 'urn:two three', "three\0", 'shop',
            undef, ['three'], {three => 'three'}, 3,
    ),
    ['GET /', JWT::bearer('{"iss":null,"aud":"api","exp":9999999999}'), 401, 'X-Status: unknown_issuer'],
    ['GET /', JWT::bearer('{"iss":"three","iss":"three","aud":"api","exp":9999999999}'), 401, 'X-Status: malformed_token'],
]


=== TEST 2: key_file: several are one union
--- http_config eval
JWT::Nginx::issuer('shop', 'key_file $TEST_NGINX_KEYS/good.jwks; key_file $TEST_NGINX_KEYS/other.jwks;')
--- guarded
auth_jwt_issuers shop;
--- cases eval
[
    ['GET /', JWT::issued(), 200],
    ['GET /', JWT::issued({}, secret => $JWT::OTHER_SECRET), 200],
    ['GET /', JWT::issued({}, secret => 'forged'), 401, 'X-Status: invalid_signature'],
]


=== TEST 3: key_file: one that cannot be read is 500, once a token of the block needs it
--- http_config eval
JWT::Nginx::issuer('shop', 'key_file $TEST_NGINX_KEYS/good.jwks; key_file $TEST_NGINX_KEYS/missing.jwks;')
--- guarded
auth_jwt_issuers shop;
--- cases eval
[
    ['GET /', JWT::issued(), 500, "! WWW-Authenticate\nX-Status: keys_unavailable"],
    ['GET /', JWT::issued({exp => 1}), 500, 'X-Status: keys_unavailable'],
    ['GET /', undef, 401, 'X-Status: no_token'],
]
--- no_error_log
[crit]


=== TEST 4: audience: aud is a string, or an array whose elements that are no strings count for nothing
--- http_config eval
JWT::Nginx::issuer('shop', 'audience api web; audience "the app";')
--- guarded
auth_jwt_issuers shop;
--- cases eval
[
    (map { ['GET /', JWT::issued({aud => $_}), 200, 'X-Status: ok'] } 'api', 'web', 'the app', ['api'], ['x', 'web'], [1, {}, ['x'], 'api'], ['', 'api']),
    ['GET /', main::claims('"x":1'), 200],
    (
        map { ['GET /', JWT::issued({aud => $_}), 401, "X-Status: wrong_audience\nWWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\""] }
            undef, '', 'API', 'apis', 'api web', 'app', [], [['api']], [{aud => 'api'}], {api => 'api'}, 1, 'any',
    ),
    (map { ['GET /', JWT::bearer('{"exp":9999999999,"iss":"https://shop.example","aud":' . $_ . '}'), 401, 'X-Status: wrong_audience'] } 'null', 'true', '[null]'),
]


=== TEST 5: audience any asks for none
--- http_config eval
JWT::Nginx::issuer('shop', 'audience any;')
--- guarded
auth_jwt_issuers shop;
--- cases eval
[
    map { ['GET /', JWT::issued({aud => $_}), 200, 'X-Status: ok'] } 'whatever', undef, ['x'], 7, {}, 'any',
]


=== TEST 6: algorithms: all that the keys serve, unless they are listed
--- http_config eval
JWT::Nginx::issuer('shop') . JWT::Nginx::issuer('listed', 'issuer https://shop.example; algorithms HS384 RS256;')
--- config
    add_header X-Status $auth_jwt_status always;
    location /all { auth_jwt "r"; auth_jwt_issuers shop; proxy_pass http://mock; }
    location /listed { auth_jwt "r"; auth_jwt_issuers listed; proxy_pass http://mock; }
--- cases eval
[
    (map { ['GET /all', JWT::issued({}, alg => $_), 200] } qw(HS256 HS384 HS512)),
    ['GET /listed', JWT::issued({}, alg => 'HS384'), 200],
    (map { ['GET /listed', JWT::issued({}, alg => $_), 401, "X-Status: unsupported_algorithm\nWWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\""] } qw(HS256 HS512 none ES256)),
    ['GET /listed', JWT::issued({}, alg => 'RS256'), 401, 'X-Status: unknown_key'],
]


=== TEST 7: typ: absent, JWT or at+jwt by default, without regard to case, "application/" before it ignored
--- http_config eval
JWT::Nginx::issuer('shop')
--- guarded
auth_jwt_issuers shop;
--- cases eval
[
    ['GET /', main::header('{"alg":"HS256"}'), 200, 'X-Status: ok'],
    (map { ['GET /', JWT::issued({}, header => {typ => $_}), 200, 'X-Status: ok'] } qw(JWT jwt at+jwt AT+JWT application/at+jwt Application/JWT)),
    (
        map { ['GET /', JWT::issued({}, header => {typ => $_}), 401, "X-Status: wrong_typ\nWWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\""] }
            'dpop+jwt', 'logout+jwt', '', 'JWT ', 'application/', 'application/application/jwt', 'text/jwt', 'JWS',
    ),
    (map { ['GET /', main::header("{\"alg\":\"HS256\",\"typ\":$_}"), 401, 'X-Status: malformed_token'] } 'null', '1', '["JWT"]'),
]


=== TEST 8: typ any also allows an absent one; a list does not
--- http_config eval
JWT::Nginx::issuer('any', 'issuer https://shop.example; typ any;') . JWT::Nginx::issuer('listed', 'issuer https://shop.example; typ Application/SecEvent+JWT at+jwt;')
--- config
    add_header X-Status $auth_jwt_status always;
    location /any { auth_jwt "r"; auth_jwt_issuers any; proxy_pass http://mock; }
    location /listed { auth_jwt "r"; auth_jwt_issuers listed; proxy_pass http://mock; }
--- cases eval
[
    ['GET /any', main::header('{"alg":"HS256"}'), 200],
    (map { ['GET /any', JWT::issued({}, header => {typ => $_}), 200] } qw(JWT dpop+jwt anything)),
    ['GET /listed', main::header('{"alg":"HS256"}'), 401, 'X-Status: wrong_typ'],
    ['GET /listed', JWT::issued({}, header => {typ => 'JWT'}), 401, 'X-Status: wrong_typ'],
    (map { ['GET /listed', JWT::issued({}, header => {typ => $_}), 200] } qw(secevent+jwt application/SECEVENT+jwt at+jwt)),
]


=== TEST 9: of nested tokens it is the inner header whose alg and typ are judged
--- http_config eval
JWT::Nginx::issuer('shop', 'algorithms HS384; typ at+jwt; key_file $TEST_NGINX_KEYS/both.jwks;')
--- guarded
auth_jwt_issuers shop;
auth_jwt_type nested;
--- cases eval
[
    ['GET /', main::nested('at+jwt', 'HS384', cty => 'JWT'), 200, 'X-Status: ok'],
    ['GET /', main::nested('at+jwt', 'HS384', typ => 'dpop+jwt'), 200, 'X-Status: ok'],
    ['GET /', main::nested('JWT', 'HS384', typ => 'at+jwt'), 401, 'X-Status: wrong_typ'],
    ['GET /', main::nested('at+jwt', 'HS256', typ => 'at+jwt'), 401, 'X-Status: unsupported_algorithm'],
    ['GET /', main::nested('dpop+jwt', 'HS256'), 401, 'X-Status: unsupported_algorithm'],
]


=== TEST 10: exp: a token must expire, unless it is optional
--- http_config eval
JWT::Nginx::issuer('shop') . JWT::Nginx::issuer('said', 'issuer https://shop.example; exp required;') . JWT::Nginx::issuer('lasting', 'issuer https://shop.example; exp optional;')
--- config
    add_header X-Status $auth_jwt_status always;
    location /default { auth_jwt "r"; auth_jwt_issuers shop; proxy_pass http://mock; }
    location /said { auth_jwt "r"; auth_jwt_issuers said; proxy_pass http://mock; }
    location /optional { auth_jwt "r"; auth_jwt_issuers lasting; proxy_pass http://mock; }
--- cases eval
[
    (
        map {
            (
                ["GET /$_", JWT::issued({exp => undef}), 401, "X-Status: wrong_lifetime\nWWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\""],
                ["GET /$_", main::times(exp => 60), 200], ["GET /$_", main::times(exp => -60), 401, 'X-Status: expired'],
            )
        } 'default', 'said',
    ),
    ['GET /optional', JWT::issued({exp => undef}), 200, 'X-Status: ok'],
    ['GET /optional', main::times(exp => -60), 401, 'X-Status: expired'],
    ['GET /optional', main::times(nbf => 60), 401, 'X-Status: not_yet_valid'],
    ['GET /optional', JWT::issued({exp => '9999999999'}), 401, 'X-Status: malformed_token'],
]


=== TEST 11: leeway: that of the level, unless the block has its own
--- http_config eval
JWT::Nginx::issuer('shop') . JWT::Nginx::issuer('none', 'issuer none; leeway 0;') . JWT::Nginx::issuer('much', 'issuer much; leeway 1d;')
--- config
    auth_jwt "r";
    auth_jwt_leeway 1h;
    auth_jwt_issuers shop none much;
    add_header X-Status $auth_jwt_status always;
    location / { proxy_pass http://mock; }
    location /no { auth_jwt_leeway 0; proxy_pass http://mock; }
--- cases eval
my $of = sub { my ($iss, %claims) = @_; JWT::issued({iss => $iss, CORE::map { $_ => CORE::time() + $claims{$_} } CORE::keys %claims}) };
my $shop = 'https://shop.example';
[
    ['GET /', $of->($shop, exp => -1800), 200], ['GET /', $of->($shop, exp => -5400), 401, 'X-Status: expired'],
    ['GET /', $of->($shop, nbf => 1800), 200], ['GET /', $of->($shop, nbf => 5400), 401, 'X-Status: not_yet_valid'],
    ['GET /', $of->('none', exp => -1800), 401, 'X-Status: expired'], ['GET /', $of->('none', nbf => 1800), 401, 'X-Status: not_yet_valid'],
    ['GET /', $of->('much', exp => -80000), 200], ['GET /', $of->('much', exp => -90000), 401, 'X-Status: expired'],
    ['GET /no', $of->($shop, exp => -1800), 401, 'X-Status: expired'], ['GET /no', $of->('much', exp => -80000), 200],
]


=== TEST 12: max_lifetime: exp - iat at most; without one of them a token is refused
--- http_config eval
JWT::Nginx::issuer('shop', 'max_lifetime 1h;') . JWT::Nginx::issuer('lasting', 'issuer lasting; exp optional; max_lifetime 1h; leeway 1h;')
--- guarded
auth_jwt_issuers shop lasting;
--- cases eval
my $wrong = "X-Status: wrong_lifetime\nWWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\"";
my $lasting = sub { my (%claims) = @_; JWT::issued({iss => 'lasting', exp => undef, %claims}) };
my $now = CORE::time();
[
    (map { ['GET /', main::times(iat => $_->[0], exp => $_->[1]), 200] } [0, 3600], [-60, 3540], [-2400, 1200], [60, 60], [600, 60]),
    (map { ['GET /', main::times(iat => $_->[0], exp => $_->[1]), 401, $wrong] } [0, 3601], [-3600, 60], [-90000, 60]),
    ['GET /', main::times(exp => 60), 401, $wrong],
    ['GET /', main::times(iat => 0), 401, $wrong],
    (map { ['GET /', main::claims("\"iat\":$_"), 401, $wrong] } 0, 'null', '"9999999999"', '[]', '1e999', 9999996398),
    ['GET /', main::claims('"iat":9999996399'), 200],
    ['GET /', main::claims('"iat":9999996399.0'), 200],
    ['GET /', main::claims('"iat":9999996398.9'), 401, $wrong],
    ['GET /', $lasting->(iat => $now), 401, $wrong],
    ['GET /', $lasting->(exp => $now + 60), 401, $wrong],
    ['GET /', $lasting->(iat => $now, exp => $now + 3600), 200],
    ['GET /', $lasting->(iat => $now, exp => $now + 3660), 401, $wrong],
]


=== TEST 13: max_age: now - iat at most, leeway beyond it; an iat beyond now + leeway is refused, and a missing one
--- http_config eval
JWT::Nginx::issuer('shop', 'exp optional; max_age 10m;')
--- config
    auth_jwt "r";
    auth_jwt_issuers shop;
    add_header X-Status $auth_jwt_status always;
    location / { proxy_pass http://mock; }
    location /leeway { auth_jwt_leeway 5m; proxy_pass http://mock; }
--- cases eval
my $wrong = "X-Status: wrong_lifetime\nWWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\"";
[
    (map { ['GET /', main::times(iat => $_), 200] } -1, -300, -570),
    (map { ['GET /', main::times(iat => $_), 401, $wrong] } -630, -90000, 30, 90000),
    (map { ['GET /leeway', main::times(iat => $_), 200] } 270, -1, -870),
    (map { ['GET /leeway', main::times(iat => $_), 401, $wrong] } 330, -930),
    ['GET /', main::times(), 401, $wrong],
    (map { ['GET /', main::claims("\"iat\":$_"), 401, $wrong] } 'null', '"' . (CORE::time() - 1) . '"', '[]', '-1e300', '1e300'),
]


=== TEST 14: scope_claim: where the scopes are, the first that is there
--- http_config eval
JWT::Nginx::issuer('shop', 'scope_claim realm.scopes ["https://shop.example/scopes"] perms[1];')
--- guarded
auth_jwt_issuers shop;
auth_jwt_require_scope read;
--- cases eval
[
    (
        map { ['GET /', JWT::issued($_), 200, 'X-Status: ok'] } {realm => {scopes => 'write read'}}, {realm => {scopes => ['read']}},
            {'https://shop.example/scopes' => 'read'}, {perms => ['x', 'read']}, {realm => {}, perms => ['x', ['read', 'x']]},
            {realm => {scopes => undef}, perms => ['x', 'read']},
    ),
    (
        map { ['GET /', JWT::issued($_), 403, 'X-Status: insufficient_scope'] } {realm => {scopes => 'write'}, perms => ['x', 'read']}, {realm => {scopes => ''}, perms => ['x', 'read']},
            {realm => {scopes => 7}, perms => ['x', 'read']}, {perms => ['read', 'x']}, {perms => 'read'}, {'realm.scopes' => 'read'}, {scope => 'read'}, {scp => ['read']},
    ),
]
