# Keys by URL in one worker: where they come from, when they are fetched, and what the log says of it. (Who waits:
# key_url_waiting.t; several workers and what they share: key_url_workers.t; processes: key_url_processes.t.)
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Remote;

my ($OK, $UNKNOWN, $UNAVAILABLE) = ('200 ok', '401 unknown_key', '500 keys_unavailable');

my $idp = JWT::Remote->new;
my $URL = $idp->url('/keys');
my ($VERSION) = do { open my $file, '<', 'Cargo.toml' or die; map {/^version = "(.*)"/} <$file> };

# After some failures the next fetch is half a minute away. In seconds.
my $PATIENCE = 60;

# A new nginx, whose files are gone with it.
sub nginx {
    my (@options) = @_;
    return $idp->nginx(@options);
}

# Waits until a token gets an answer, and gives the last one.
sub comes_to {
    my ($nginx, $expected, $token, $name, $path) = @_;
    my $seen;
    $nginx->wait_until(sub { ($seen = $nginx->outcome($path // '/', $token)) eq $expected }, $PATIENCE);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is($seen, $expected, $name);
}

# Waits until so many lines of the log fit, and tests that they are no more.
sub is_told {
    my ($nginx, $count, $pattern, $name) = @_;
    my $lines = sub { return grep {/$pattern/} split /^/m, $nginx->error_log };
    $nginx->wait_until(sub { $lines->() >= $count }, $PATIENCE);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(scalar $lines->(), $count, $name) || diag(grep {/issuer "/} split /^/m, $nginx->error_log);
}

# How often the log says that a fetch has failed.
sub fetches_failed { return scalar(() = $_[0]->error_log =~ /keys cannot be fetched/g) }

# --- a fetch, and what the server gets to see ------------------------------------------------

{
    my $nginx = nginx();
    ok($idp->wait_for_hits(1), 'keys are fetched at start, without a request');
    is_told($nginx, 1, qr/\[notice\].* issuer "shop": 1 key from "\Q$URL\E"$/m, 'a notice says how many');
    is($nginx->outcome('/', $idp->bearer('one')), $OK, 'a token passes') for 1 .. 3;
    is($nginx->outcome('/', $idp->bearer('one', undef, kid => undef)), $OK, 'one without a kid');
    is($nginx->outcome('/', $idp->bearer('one', {exp => 1})), '401 expired', 'one that has expired');
    is($nginx->outcome('/'), '401 no_token', 'none');
    is($idp->hits, 1, 'all by one fetch');
    my ($asked) = $idp->requests;
    is("$asked->{method} $asked->{uri} $asked->{body}", 'GET /keys ', 'a GET');
    my %expected = (host => $idp->address, accept => 'application/json', 'user-agent' => "ngx_http_auth_jwt_module/$VERSION");
    is($asked->{headers}{$_}, $expected{$_}, "with its $_: $expected{$_}") for sort keys %expected;
    my @others = grep { !exists $expected{$_} && $_ ne 'connection' } keys %{$asked->{headers}};
    is_deeply(\@others, [], 'and no other headers');
    $nginx->is_calm('warn');
}

# --- where the keys are -------------------------------------------------------------------------

# Blocks of one nginx, each in a location of its name, with the issuer URL/NAME: the parameters, what the server
# has (%I is the issuer, %U the server, %K and %S are URLs with the keys "one" and "two"), the answer to a token of "one", and what the log says of it.
my $one = {body => $idp->set('one')};
my $config = '.well-known/openid-configuration';
my $oauth = '/.well-known/oauth-authorization-server';
my $document = '{"issuer":"%I","jwks_uri":"%K"}';
my $cannot = 'keys cannot be fetched from';
my @PLACES = (
    # key_url, one and several, and files beside them
    ['url', 'key_url %K;', {}, $OK, '1 key from "%K"'],
    ['query', 'key_url "%U/query?tenant=a&b";', {'/query' => $one}, $OK, '1 key from "%U/query?tenant=a&b"'],
    ['localhost', 'key_url http://localhost:%P/keys-localhost;', {}, $OK, '1 key from "http://localhost:%P/keys-localhost"'],
    ['two', 'key_url %K; key_url %S;', {}, $OK, '1 key from "%S"'],
    ['second', 'key_url %S; key_url %K;', {}, $OK, '1 key from "%K"'],
    ['file', 'key_file %DIR%/html/other; key_url %K;', {}, $OK, '1 key from "%K"'],
    ['file2', 'key_url %S; key_file %DIR%/html/one;', {}, $OK, '1 key from "%S"'],
    # any that fails is 500
    ['half', 'key_url %K; key_url %U/none;', {}, $UNAVAILABLE, "$cannot \"%U/none\": the answer has status 404, not 200"],
    ['half2', 'key_url %U/none2; key_file %DIR%/html/one;', {}, $UNAVAILABLE, "$cannot \"%U/none2\": the answer has status 404, not 200"],
    ['half3', 'key_url %K; key_file %DIR%/html/none;', {}, $UNAVAILABLE, '1 key from "%K"'],
    # discovery
    ['default', '', {"/default/$config" => $document}, $OK, '1 key from "%K"'],
    ['slash/', '', {"/slash/$config" => $document}, $OK, '1 key from "%K"'],
    ['rfc8414', '', {"$oauth/rfc8414" => $document}, $OK, '1 key from "%K"'],
    ['neither', '', {}, $UNAVAILABLE, "$cannot \"%U/neither/$config\": the answer has status 404, not 200"],
    ['gone', '', {"/gone/$config" => {status => 410}, "$oauth/gone" => $document}, $UNAVAILABLE,
        "$cannot \"%U/gone/$config\": the answer has status 410, not 200"],
    ['broken', '', {"$oauth/broken" => '{}'}, $UNAVAILABLE, "$cannot \"%U$oauth/broken\": the document has no \"issuer\""],
    ['config', 'config_url %U/config;', {'/config' => '{"issuer":"%U/config","jwks_uri":"%K","x":[]}'}, $OK, '1 key from "%K"'],
    ['config404', 'config_url %U/none;', {"$oauth/config404" => $document}, $UNAVAILABLE, "$cannot \"%U/none\": the answer has status 404, not 200"],
    ['both', 'config_url %U/both; key_url %S;', {'/both' => $document}, $OK, '1 key from "%S"'],
    ['foreign', '', {"/foreign/$config" => '{"issuer":"%U","jwks_uri":"%K"}'}, $UNAVAILABLE,
        "$cannot \"%U/foreign/$config\": the document has \"issuer\" \"%U\", not \"%I\""],
    ['first', 'issuer second;', {"/first/$config" => '{"issuer":"second","jwks_uri":"%K"}'}, $UNAVAILABLE,
        "$cannot \"%U/first/$config\": the document has \"issuer\" \"second\", not \"%I\""],
    ['plain', '', {"/plain/$config" => '{"issuer":"%I","jwks_uri":"http://id.example.com/"}'}, $UNAVAILABLE,
        "$cannot \"%U/plain/$config\": the document has \"jwks_uri\" \"http://id.example.com/\", but it is neither \"https:\" nor \"http:\" to this machine"],
    ['nowhere', '', {"/nowhere/$config" => '{"issuer":"%I"}'}, $UNAVAILABLE, "$cannot \"%U/nowhere/$config\": the document has no \"jwks_uri\""],
    # answers
    ['redirect', 'key_url %U/redirect;', {'/redirect' => {status => 302, headers => ['Location: /keys']}}, $UNAVAILABLE,
        "$cannot \"%U/redirect\": the answer has status 302, not 200"],
    ['gzip', 'key_url %U/gzip;', {'/gzip' => {%$one, headers => ['Content-Encoding: gzip']}}, $UNAVAILABLE,
        "$cannot \"%U/gzip\": the answer has \"Content-Encoding: gzip\", which is not decoded"],
    ['flood', 'key_url %U/flood;', {'/flood' => {%$one, length => undef, then => 'flood'}}, $UNAVAILABLE,
        "$cannot \"%U/flood\": the answer is larger than 1 MiB"],
    ['slow', 'key_url %U/slow; timeout 1s;', {'/slow' => {%$one, length => undef, then => 'drip'}}, $UNAVAILABLE,
        "$cannot \"%U/slow\": it took longer than \"timeout\" allows"],
    ['html', 'key_url %U/html;', {'/html' => '<html>'}, $UNAVAILABLE, "$cannot \"%U/html\": JWK set is not a JSON object"],
    ['none', 'key_url %U/empty;', {'/empty' => '{"keys":[]}'}, $UNAVAILABLE, "$cannot \"%U/empty\": empty JWK set"],
    ['chunked', 'key_url %U/chunked;', {'/chunked' => {%$one, chunked => 1}}, $OK, '1 key from "%U/chunked"'],
    ['bare', 'key_url %U/bare;', {'/bare' => JWT::json($idp->key('one')->jwk)}, $OK, '1 key from "%U/bare"'],
    # symmetric keys are none
    ['oct', 'key_url %U/oct;', {'/oct' => JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'hmac'))}, $UNAVAILABLE, "$cannot \"%U/oct\": empty JWK set"],
    ['mixed', 'key_url %U/mixed;', {'/mixed' => JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'hmac'), map { $idp->key($_)->jwk } 'one', 'two')},
        $OK, '2 keys from "%U/mixed"'],
);
{
    my $filled = sub {
        my ($text, $name) = @_;
        my %of = (I => $idp->url("/$name"), U => $idp->url, P => $idp->{port}, K => $idp->url("/keys-$name"), S => $idp->url("/second-$name"));
        return $text =~ s/%([IUPKS])/$of{$1}/gr;
    };
    my ($http, $server) = ('', "add_header X-Status \$auth_jwt_status always;\n");
    for my $place (@PLACES) {
        my ($name, $parameters, $answers) = @$place;
        my %answers = map { $_ => ref $answers->{$_} ? $answers->{$_} : {body => $filled->($answers->{$_}, $name)} } keys %$answers;
        $idp->answer(%answers, "/keys-$name" => $one, "/second-$name" => {body => $idp->set('two')});
        my $block = $name =~ s/\W//gr;
        $parameters .= ' timeout 60s;' unless $parameters =~ /timeout /;
        $http .= $filled->("auth_jwt_issuer $block { issuer %I; audience api; $parameters }\n", $name);
        $server .= "location /$block { auth_jwt r; auth_jwt_issuers $block; empty_gif; }\n";
    }
    $idp->forget;
    my %files = ('html/one' => $idp->set('one'), 'html/other' => $idp->set('three'));
    my $nginx = JWT::Server->new(http => $http, server => $server, files => \%files);
    my $has_token = sub {
        my ($name, $key) = @_;
        return $idp->bearer($key, {iss => $filled->('%I', $name)});
    };
    for my $place (@PLACES) {
        my ($name, undef, undef, $expected, $line) = @$place;
        my $block = $name =~ s/\W//gr;
        $line = $filled->($line, $name);
        my $level = $line =~ /$cannot/ ? 'error' : 'notice';
        is_told($nginx, 1, qr/\[$level\].* issuer "$block": \Q$line\E$/m, "$name: $level $line");
        comes_to($nginx, $expected, $has_token->($name, 'one'), "$name: $expected", "/$block");
    }
    is($nginx->outcome("/$_", $has_token->($_, 'two')), $OK, "$_: a token of the other source") for qw(two second file2 both mixed);
    is($nginx->outcome('/file', $has_token->('file', 'three')), $OK, 'file: a token of the file');
    is($nginx->outcome('/file', $has_token->('file', 'two')), $UNKNOWN, 'file: a token of neither');
    for my $block ('oct', 'mixed') {
        my $from = $idp->url("/$block");
        is_told($nginx, 1, qr/\[notice\].* issuer "$block": "\Q$from\E": key 0 \(kid "hmac"\) is not usable: "kty" is "oct", and what a URL tells is no secret$/m, "$block: a notice for the symmetric key");
    }
    my %hits;
    $hits{$_->{path}}++ for $idp->requests;
    is($hits{"/gone/$config"} && !$hits{"$oauth/gone"}, 1, 'only where the first place answers 404 the second one is asked');
    ok(!$hits{"$oauth/config404"}, 'and only where the first is the default');
    ok(!grep({ $_->{headers}{cookie} || $_->{headers}{authorization} } $idp->requests), 'no cookie and no token has left');
    $nginx->is_calm('error', qr/$cannot|has no keys from|html\/none/);
    unlike($nginx->error_log, qr/"iss"|eyJ/, 'no token in the log');
}

# --- blocks: two of one URL, and one that nobody uses -----------------------------------------------

{
    $idp->begin_anew;
    my $unused = $idp->url('/unused');
    my $nginx = nginx('',
        http => "auth_jwt_issuer unused { issuer unused; audience api; key_url $unused; }\n"
            . "auth_jwt_issuer second { issuer second; audience api; key_url $URL; }",
        server => 'location /second { auth_jwt r; auth_jwt_issuers second; empty_gif; }',
    );
    is($nginx->outcome('/', $idp->bearer('one')), $OK, 'a block that is used');
    is($nginx->outcome('/second', $idp->bearer('one', {iss => 'second'})), $OK, 'another one of the same URL');
    is($idp->hits, 1, 'share one fetch');
    is($idp->hits('/unused'), 0, 'one that is not: no fetch');
}

# --- time ------------------------------------------------------------------------------------------

# Ahead of the end of their time, without requests.
{
    $idp->begin_anew;
    my $nginx = nginx('key_cache 2s;');
    ok($idp->wait_for_hits(3), 'keys are fetched again and again, without a request');
    my @at = map { $_->{at} } $idp->requests;
    # It is 75 to 85 % of the time, behind the end of the fetch.
    cmp_ok($at[$_] - $at[$_ - 1], '>', 1.4, "fetch $_: not before 75 % of the time") for 1, 2;
    is_told($nginx, 1, qr/1 key from/, 'keys that stay the same are told of once');
    $idp->has_keys('two');
    is_told($nginx, 2, qr/1 key from/, 'other keys, once more');
    is($nginx->outcome('/', $idp->bearer('one')), $UNKNOWN, 'the old one has gone');
    is($nginx->outcome('/', $idp->bearer('two')), $OK, 'the new one is there');
    $nginx->is_calm('warn');
}

# A token that is in the cache of tokens is refused as soon as its key has gone.
{
    $idp->begin_anew;
    my $nginx = nginx('key_cache 1s;');
    comes_to($nginx, $OK, $idp->bearer('one'), 'a token');
    is($nginx->outcome('/', $idp->bearer('one')), $OK, 'which comes again') for 1 .. 5;
    $idp->has_keys('one', 'two');
    is_told($nginx, 1, qr/2 keys from/, 'a new key comes beside the old one');
    is($nginx->outcome('/', $idp->bearer('one')), $OK, 'the token passes on') for 1 .. 3;
    $idp->has_keys('two');
    is_told($nginx, 2, qr/1 key from/, 'the old one goes');
    is($nginx->outcome('/', $idp->bearer('one')), $UNKNOWN, 'the token is refused') for 1 .. 3;
    $nginx->is_calm('warn');
}

# --- an unknown kid ---------------------------------------------------------------------------------

{
    $idp->begin_anew;
    my $nginx = nginx('key_cache 1h refresh=2s;');
    comes_to($nginx, $OK, $idp->bearer('one'), 'refresh=2s: a token');
    $idp->has_keys('one', 'two');
    $idp->forget;
    # The throttle is set before the fetch, whatever that brings.
    my $begun = time;
    is($nginx->outcome('/', $idp->bearer('two')), $OK, 'a new key, at its first use');
    is($idp->hits, 1, 'by one fetch');
    is($nginx->outcome('/', $idp->bearer_of_nobody("kid $_")), $UNKNOWN, "an unknown kid $_") for 1 .. 20;
    is($nginx->outcome('/', $idp->bearer('one', undef, kid => undef)), $OK, 'none');
    $idp->has_keys('three');
    comes_to($nginx, $OK, $idp->bearer('three'), 'once its time is over: another fetch');
    # Each has its time, however long all this took.
    my @after = map { $_->{at} - $begun } $idp->requests;
    is_deeply([grep { $after[$_] < 2 * $_ } 0 .. $#after], [], 'and not sooner') or diag("@after");
    $nginx->is_calm('warn');
}

# Neither a failure lifts the throttle, nor sets any other fetch it.
{
    $idp->begin_anew;
    my $nginx = nginx('key_cache 1h refresh=1h;');
    comes_to($nginx, $OK, $idp->bearer('one'), 'refresh=1h: a token, the first fetch does not count');
    $idp->answer('/keys' => {status => 503});
    $idp->forget;
    is($nginx->outcome('/', $idp->bearer('two')), $UNKNOWN, 'a fetch for an unknown kid, which fails');
    is_told($nginx, 1, qr/\[error\].* issuer "shop": $cannot "\Q$URL\E": the answer has status 503, not 200$/m, 'the log says so');
    is($nginx->outcome('/', $idp->bearer_of_nobody("kid $_")), $UNKNOWN, 'is followed by none') for 1 .. 5;
    $idp->has_keys('two');
    is_told($nginx, 1, qr/\[notice\].* issuer "shop": keys are fetched from "\Q$URL\E" again$/m, 'but by what follows any failure');
    is($nginx->outcome('/', $idp->bearer('two')), $OK, 'and that brings the key');
    $nginx->is_calm('warn', qr/$cannot/);
}

{
    $idp->begin_anew;
    my $nginx = nginx('key_cache 1h refresh=off;');
    comes_to($nginx, $OK, $idp->bearer('one'), 'refresh=off: a token');
    $idp->has_keys('two');
    is($nginx->outcome('/', $idp->bearer('two')), $UNKNOWN, 'an unknown kid') for 1 .. 5;
    sleep 0.3;
    is($idp->hits, 1, 'fetches nothing');
    $nginx->is_calm('warn');
}

# --- failures --------------------------------------------------------------------------------------

# A start without network; the first failure is told, the same one not again; recovery.
{
    $idp->begin_anew;
    $idp->stop;
    my $nginx = nginx();
    my $refused = qr/\[error\].* issuer "shop": $cannot "\Q$URL\E": .*refused/;
    is_told($nginx, 1, $refused, 'a start without network');
    comes_to($nginx, $UNAVAILABLE, $idp->bearer('one'), 'a token: 500');
    is($nginx->outcome('/'), '401 no_token', 'none: 401 all the same');
    like($nginx->error_log, qr/\[error\].* issuer "shop" has no keys from "\Q$URL\E", client: /, 'a line for the request');
    $idp->answer('/keys' => {status => 503});
    $idp->start;
    is_told($nginx, 1, qr/the answer has status 503/, 'another failure');
    ok($idp->wait_for_hits(2), 'it is tried again');
    my @at = map { $_->{at} } $idp->requests;
    cmp_ok($at[1] - $at[0], '>', 0.9, 'but not at once');
    is_told($nginx, 1, $_, 'told once') for $refused, qr/the answer has status 503/;
    $idp->has_keys('one');
    is_told($nginx, 1, qr/\[notice\].* issuer "shop": keys are fetched from "\Q$URL\E" again$/m, 'recovery');
    is_told($nginx, 1, qr/1 key from/, 'and the keys');
    is($nginx->outcome('/', $idp->bearer('one')), $OK, 'serve');
    $nginx->is_calm('error', qr/$cannot|has no keys from/);
}

# While fetches fail the last good keys serve on, for stale= beyond their time, and no longer.
{
    $idp->begin_anew;
    my $mortal = JWT::Remote->new;
    my %cases = (
        nobody => undef, status => {status => 500}, empty => {body => '{"keys":[]}'}, html => {body => '<html>'},
        secrets => {body => JWT::key_set(JWT::jwk($JWT::SECRET))},
    );
    my @names = sort keys %cases;
    my %server = map { $_ => $cases{$_} ? $idp : $mortal } @names;
    my ($http, $server) = ('', "add_header X-Status \$auth_jwt_status always;\n");
    for my $name (@names) {
        $server{$name}->answer("/$name" => $one);
        $http .= "auth_jwt_issuer $name { issuer ${\($idp->url)}; audience api; key_url ${\($server{$name}->url(qq(/$name)))}; key_cache 1000s stale=2000s; timeout 60s; }\n";
        $server .= "location /$name { auth_jwt r; auth_jwt_issuers $name; empty_gif; }\n";
    }
    my $nginx = JWT::Server->new(http => $http, server => $server);
    is_told($nginx, 1, qr/issuer "$_": 1 key from/, "$_: keys are there") for @names;
    $idp->answer(map { ("/$_" => $cases{$_}) } grep { $cases{$_} } @names);
    $mortal->stop;
    for my $step (
        [900, $OK, 'fresh, a fetch has failed'], [1100, $OK, 'just stale'], [900, $OK, 'still within stale='], [101, $UNAVAILABLE, 'beyond that'],
    ) {
        my ($seconds, $expected, $name) = @$step;
        # The age of a failure in the log is above a minute then: each is told.
        my $told = fetches_failed($nginx);
        $idp->let_pass($nginx, $seconds);
        $nginx->wait_until(sub { fetches_failed($nginx) >= $told + @names }, $PATIENCE);
        is($nginx->outcome("/$_", $idp->bearer('one')), $expected, "$_: $name") for @names;
    }
    $server{$_}->answer("/$_" => $one) for @names;
    $mortal->start;
    $idp->let_pass($nginx, 60);
    comes_to($nginx, $OK, $idp->bearer('one'), "$_: recovery", "/$_") for @names;
    $nginx->is_calm('error', qr/$cannot|has no keys from/);
}

done_testing();
