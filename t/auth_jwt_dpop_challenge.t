# What a client is told where the directive auth_jwt_dpop stands: a challenge of DPoP beside that of Bearer (RFC 9449
# section 7.1), and the members of the metadata of a resource (RFC 9728 section 2).
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use JWT;
use JWT::Bound;
use JWT::Certificate;
use JWT::Dpop;

plan skip_all => 'openssl is missing' unless JWT::OpenSSL::is_there();

my $FILE = 'auth_jwt_key_file %DIR%/html/good.jwks;';
my $SHOP = 'auth_jwt_issuers shop;';
my $PLACE = '/.well-known/oauth-protected-resource';
my $RESOURCE = sub {"auth_jwt_resource https://api.example/$_[0];"};
my @ALGORITHMS = qw(RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519 Ed448);

# A resource that has several levels: what each says, and whether the metadata then list algorithms, and have that all
# tokens must be bound to keys.
my ($ALL, $ONE) = ('auth_jwt_dpop required;', 'auth_jwt_dpop optional;');
my @SEVERAL = (
    [[$ALL, $ALL], 1, 1], [[$ALL, $ONE], 1, undef], [[$ALL, ''], 1, undef], [[$ALL, 'auth_jwt_dpop off;'], 1, undef],
    [[$ALL, 'auth_jwt off;'], 1, 1], [[$ALL, "auth_jwt off; $ONE"], 1, 1], [[$ONE, "auth_jwt off; $ALL"], 1, undef],
    [[$ONE, ''], 1, undef], [[$ONE, 'auth_jwt_dpop off;'], 1, undef], [['', 'auth_jwt_dpop off;'], undef, undef],
    [['', "auth_jwt off; $ALL"], undef, undef], [["auth_jwt off; $ALL", "auth_jwt off; $ALL"], undef, undef],
    [[$ALL, $ALL, $ALL], 1, 1], [[$ALL, $ONE, $ALL], 1, undef], [[$ALL, $ALL, ''], 1, undef], [['', $ALL, $ALL], 1, undef],
);
# In the one order and in the other.
@SEVERAL = map { my ($levels, @told) = @$_; [$levels, @told], [[reverse @$levels], @told] } @SEVERAL;
sub several {
    my ($number) = @_;
    my ($at, @levels) = ("/several/$number", @{$SEVERAL[$number][0]});
    return join "\n    ", map {"location $at/$_ { $SHOP @{[$RESOURCE->($number)]} $levels[$_] }"} 0 .. $#levels;
}
my $SEVERAL = join "\n    ", map { several($_) } 0 .. $#SEVERAL;

my $nginx = JWT::Bound->new(
    files => {'html/users' => "alice:{PLAIN}secret\n"},
    http => <<"CONF",
    server { listen unix:%DIR%/below.sock; $FILE auth_jwt_resource https://api.example/; location / { $ALL } }
    server { listen unix:%DIR%/above.sock; $FILE auth_jwt_resource https://api.example/; $ALL location / { $FILE } }
    server { listen unix:%DIR%/off.sock; auth_jwt off; $FILE auth_jwt_resource https://api.example/; location / { auth_jwt "r"; $ALL } location /open { } }
CONF
    server => <<"CONF",
    location / { $FILE proxy_pass http://mock; }
    location /off { $FILE auth_jwt_dpop off; proxy_pass http://mock; }
    location /optional { $FILE auth_jwt_dpop optional; proxy_pass http://mock; location /optional/inner { auth_jwt_leeway 1s; proxy_pass http://mock; } location /optional/off { auth_jwt_dpop off; proxy_pass http://mock; } }
    location /required { $FILE auth_jwt_dpop required; proxy_pass http://mock; }
    location /issuers { $SHOP proxy_pass http://mock; location /issuers/optional { auth_jwt_dpop optional; proxy_pass http://mock; location /issuers/optional/inner { auth_jwt_leeway 1s; proxy_pass http://mock; } } }
    location /issuers/certificate { $SHOP auth_jwt_certificate optional cert=\$http_x_cert; proxy_pass http://mock; }
    location /issuers/both { $SHOP auth_jwt_certificate optional cert=\$http_x_cert; auth_jwt_dpop optional; proxy_pass http://mock; }
    location /odd { auth_jwt "a \\"b\\" \\\\ c: \$arg_r"; $FILE auth_jwt_dpop optional; proxy_pass http://mock; }
    location /scope { $FILE auth_jwt_dpop optional; auth_jwt_require_scope read \$arg_x 'a"b'; proxy_pass http://mock; }
    location /audience { $FILE auth_jwt_dpop optional; auth_jwt_audience api; auth_jwt_require \$arg_ok error=403; proxy_pass http://mock; }
    location /mcp { $SHOP auth_jwt_dpop optional; @{[$RESOURCE->('mcp')]} auth_jwt_require_scope read; proxy_pass http://mock; }

    location /page { $FILE auth_jwt_dpop required; error_page 401 =200 /login; proxy_pass http://mock; }
    location = /login { auth_jwt off; proxy_pass http://mock; }
    location /login/redirect { $FILE auth_jwt_dpop required; error_page 401 = \@login; proxy_pass http://mock; }
    location \@login { auth_jwt off; return 302 /login; }
    location /any/allowed { satisfy any; allow all; $FILE auth_jwt_dpop required; proxy_pass http://mock; }
    location /any/denied { satisfy any; deny all; $FILE auth_jwt_dpop required; proxy_pass http://mock; }
    location /any/asked { satisfy any; $FILE auth_jwt_dpop required; auth_request /yes; proxy_pass http://mock; }
    location /any/refused { satisfy any; $FILE auth_jwt_dpop required; auth_request /no; proxy_pass http://mock; }
    location /any/basic { satisfy any; auth_jwt "r" token=\$cookie_t; $FILE auth_jwt_dpop required; auth_basic "basic"; auth_basic_user_file %DIR%/html/users; proxy_pass http://mock; }
    location /any/basic/asked { satisfy any; auth_jwt "r" token=\$cookie_t; $FILE auth_jwt_dpop required; auth_basic "basic"; auth_basic_user_file %DIR%/html/users; auth_request /yes; proxy_pass http://mock; }
    location = /yes { internal; auth_jwt off; proxy_pass http://mock/; }
    location = /no { internal; auth_jwt off; proxy_pass http://mock/status/403; }
    location /dry { $FILE auth_jwt_dpop required; auth_jwt_dry_run on; proxy_pass http://mock; }
    location /unasked { $FILE auth_jwt_dpop required; auth_jwt_optional on; proxy_pass http://mock; }
    location /realm { auth_jwt \$arg_realm; $FILE auth_jwt_dpop required; proxy_pass http://mock; }
    location /broken { auth_jwt_key_file %DIR%/html/missing; auth_jwt_dpop required; proxy_pass http://mock; }
    location /upstream { $FILE auth_jwt_dpop optional; proxy_pass http://mock/status/401; }

    location /meta/none { $SHOP @{[$RESOURCE->('none')]} }
    location /meta/off { $SHOP auth_jwt_dpop off; auth_jwt_certificate off; @{[$RESOURCE->('off')]} }
    location /meta/optional { $SHOP auth_jwt_dpop optional; @{[$RESOURCE->('optional')]} }
    location /meta/required { $SHOP auth_jwt_dpop required; @{[$RESOURCE->('required')]} }
    location /meta/certificate { $SHOP auth_jwt_certificate optional; @{[$RESOURCE->('certificate')]} }
    location /meta/certificates { $FILE auth_jwt_certificate required; @{[$RESOURCE->('certificates')]} }
    location /meta/both { $FILE auth_jwt_certificate required; auth_jwt_dpop required; @{[$RESOURCE->('both')]} }
    location /meta/inherited { $SHOP auth_jwt_dpop required; location /meta/inherited/inner { @{[$RESOURCE->('inherited')]} } }
    location /meta/inside { $SHOP $ALL @{[$RESOURCE->('inside')]} location /meta/inside/a { auth_jwt_leeway 1s; } location /meta/inside/b { $ALL } }
    location /meta/outside { $SHOP @{[$RESOURCE->('outside')]} location /meta/outside/a { $ALL } }
    location /meta/eased { $SHOP $ALL @{[$RESOURCE->('eased')]} location /meta/eased/a { $ONE } }
    $SEVERAL
CONF
);

my $client = JWT::Dpop->new;
my $mine = JWT::Certificate->new;
my $token = JWT::Bound::issued({$client->cnf});
my %known;

# The fields of an answer, each as {scheme, parameters: [[name, value], ...]}.
sub challenges {
    my ($answer) = @_;
    return map {
        my ($scheme, $rest) = /\A(\S+) (.*)\z/s;
        my @parameters;
        while ($rest =~ /\G([a-z_]+)="((?:[^"\\]|\\.)*)"(?:, |\z)/gc) {
            my ($name, $value) = ($1, $2);
            push @parameters, [$name, $value =~ s/\\(.)/$1/gr];
        }
        (pos($rest) // 0) == length $rest or fail("not well-formed: $_");
        {scheme => $scheme, parameters => \@parameters};
    } @{$answer->{fields}{'www-authenticate'} // []};
}

# A test: the answer has the challenge of Bearer and behind it that of DPoP, in fields of their own, with these
# parameters, and the algorithms behind them; where $bearer is said, that of Bearer alone.
sub is_challenged {
    my ($name, $answer, $parameters, $bearer) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @challenges = challenges($answer);
    my @expected = ({scheme => 'Bearer', parameters => $parameters});
    my $algorithms = @challenges > 1 ? pop @{$challenges[1]{parameters}} : undef;
    push @expected, {scheme => 'DPoP', parameters => $parameters} unless $bearer;
    is_deeply(\@challenges, \@expected, "$name: the challenges") or diag(explain(\@challenges));
    return if $bearer;
    is_deeply([$algorithms->[0], [sort split / /, $algorithms->[1] // '']], ['algs', [sort @ALGORITHMS]], "$name: the algorithms");
    $known{$algorithms->[1]}++;
    return;
}

sub url { return 'http://localhost' . $_[0] =~ s/[?].*//r }
sub dpop { return $client->lines($_[1] // $token, htu => url($_[0])) }
my @bearer = ("Authorization: Bearer $token");
my ($realm, $invalid, $bad) = (['realm', 'r'], ['error', 'invalid_token'], ['error', 'invalid_dpop_proof']);

# --- where, and with which error ----------------------------------------------------------

for my $path ('/optional', '/optional/inner', '/required', '/issuers/optional', '/issuers/optional/inner', '/issuers/both') {
    is_challenged("$path, no token", $nginx->asked($path), [$realm]);
    is_challenged("$path, a bound token as a bearer's", $nginx->asked($path, @bearer), [$realm, $invalid]);
    is_challenged("$path, no proof", $nginx->asked($path, "Authorization: DPoP $token"), [$realm, $invalid]);
    is_challenged("$path, a bad proof", $nginx->asked($path, "Authorization: DPoP $token", 'DPoP: x'), [$realm, $bad]);
    is_challenged("$path, a malformed token", $nginx->asked($path, 'Authorization: DPoP x'), [$realm, $invalid]);
    is_challenged("$path, expired", $nginx->asked($path, dpop($path, JWT::Bound::issued({$client->cnf, exp => 1}))), [$realm, $invalid]);
    is_challenged("$path, by Basic", $nginx->asked($path, 'Authorization: Basic YTpi'), [$realm]);
    my $passes = $nginx->asked($path, dpop($path));
    is($passes->{status}, 200, "$path: a good one");
    is($passes->{fields}{'www-authenticate'}, undef, 'without a challenge');
}
# Where nobody asked for it, DPoP is not spoken of, proofs being judged or not.
for my $path ('/', '/off', '/optional/off', '/issuers', '/issuers/certificate') {
    is_challenged("$path, no token", $nginx->asked($path), [$realm], 1);
    is_challenged("$path, malformed", $nginx->asked($path, 'Authorization: Bearer x'), [$realm, $invalid], 1);
}
is_challenged('issuers, a bound token as a bearer', $nginx->asked('/issuers', @bearer), [$realm, $invalid], 1);
is_challenged('issuers, a bad proof', $nginx->asked('/issuers', "Authorization: DPoP $token", 'DPoP: x'), [$realm, $bad], 1);
is_challenged('the certificate is missing', $nginx->asked('/issuers/both', 'Authorization: Bearer ' . JWT::Bound::issued({$mine->cnf})), [$realm, $invalid]);
is_challenged('the certificate is another',
    $nginx->asked('/issuers/both', 'Authorization: Bearer ' . JWT::Bound::issued({cnf => {'x5t#S256' => 'x'}}),
    'X-Cert: ' . JWT::Certificate::escaped($mine->pem)), [$realm, $invalid]);

# --- what else stands in it ------------------------------------------------------------------

my $quoted = ['realm', 'a "b" \\ c: x'];
is_challenged('a realm with quotes', $nginx->asked('/odd?r=x'), [$quoted]);
is_challenged('a realm with quotes, a bad proof', $nginx->asked('/odd?r=x', "Authorization: DPoP $token", 'DPoP: x'), [$quoted, $bad]);
like($nginx->asked('/odd?r=x')->{fields}{'www-authenticate'}[$_], qr/\A\w+ realm="a \\"b\\" \\\\ c: x"/, 'a quoted realm as it stands') for 0, 1;

my $scope = ['scope', 'read a"b'];
is_challenged('scopes, no token', $nginx->asked('/scope'), [$realm, $scope]);
is_challenged('scopes, one of a variable', $nginx->asked('/scope?x=write'), [$realm, ['scope', 'read write a"b']]);
is_challenged('scopes, too few', $nginx->asked('/scope', dpop('/scope')), [$realm, ['error', 'insufficient_scope'], $scope]);
is_challenged('scopes, a bad proof', $nginx->asked('/scope', "Authorization: DPoP $token", 'DPoP: x'), [$realm, $bad]);
is($nginx->asked('/scope', dpop('/scope'))->{status}, 403, 'too few scopes are 403');

is_challenged('another audience', $nginx->asked('/audience', dpop('/audience', JWT::Bound::issued({$client->cnf, aud => 'x'}))), [$realm, $invalid]);
is_challenged('a requirement', $nginx->asked('/audience', dpop('/audience')), [$realm, ['error', 'insufficient_scope']]);

my $metadata = ['resource_metadata', "https://api.example$PLACE/mcp"];
my $at_mcp = JWT::Bound::issued({$client->cnf, aud => 'https://api.example/mcp'});
is_challenged('a resource, no token', $nginx->asked('/mcp'), [$realm, ['scope', 'read'], $metadata]);
is_challenged('a resource, a bad proof', $nginx->asked('/mcp', "Authorization: DPoP $at_mcp", 'DPoP: x'), [$realm, $bad, $metadata]);
is_challenged('a resource, too few scopes', $nginx->asked('/mcp', dpop('/mcp', $at_mcp)),
    [$realm, ['error', 'insufficient_scope'], ['scope', 'read'], $metadata]);

# One list, always in one order.
is(scalar keys %known, 1, 'the algorithms are always told alike') or diag(explain(\%known));

# --- when there is none ------------------------------------------------------------------------

for my $case (
    ['/any/allowed', 200], ['/any/allowed', 200, "Authorization: DPoP $token", 'DPoP: x'], ['/any/asked', 200],
    ['/any/asked', 200, "Authorization: DPoP $token", 'DPoP: x'], ['/any/asked', 200, @bearer],
    ['/any/basic', 200, 'Authorization: Basic YWxpY2U6c2VjcmV0'], ['/any/basic', 200, 'Authorization: Basic YWxpY2U6c2VjcmV0', "Cookie: t=$token"],
    ['/any/basic', 200, 'Authorization: Basic YWxpY2U6c2VjcmV0', "Cookie: t=$token", 'DPoP: x'],
    ['/any/basic/asked', 200], ['/any/basic/asked', 200, 'Authorization: Basic YTpi', "Cookie: t=$token", 'DPoP: x'],
    ['/dry', 200], ['/dry', 200, "Authorization: DPoP $token", 'DPoP: x'], ['/unasked', 200], ['/realm?realm=off', 200], ['/broken', 500, @bearer],
    ['/upstream', 401, "Authorization: Bearer @{[JWT::Bound::issued()]}"],
) {
    my ($path, $status, @lines) = @$case;
    my $answer = $nginx->asked($path, @lines);
    my $name = join ', ', $path, map {substr $_, 0, 25} @lines;
    is($answer->{status}, $status, "$name: $status");
    is_deeply($answer->{fields}{'www-authenticate'} // [], [], "$name: no challenge at all");
}
is_challenged('satisfy any, denied', $nginx->asked('/any/denied'), [$realm]);
is_challenged('satisfy any, denied, a bad proof', $nginx->asked('/any/denied', "Authorization: DPoP $token", 'DPoP: x'), [$realm, $bad]);
is_challenged('satisfy any, another refuses', $nginx->asked('/any/refused'), [$realm]);
is_challenged('a realm that is on', $nginx->asked('/realm?realm=r'), [$realm]);
is_challenged('keys that are not there, no token', $nginx->asked('/broken'), [$realm]);
{
    my $answer = $nginx->asked('/any/basic');
    is($answer->{status}, 401, 'satisfy any with auth_basic: neither');
    my %schemes = map { /\A(\w+)/ ? ($1 => 1) : () } @{$answer->{fields}{'www-authenticate'}};
    ok($schemes{Bearer} && $schemes{DPoP}, 'and both of our challenges') or diag(explain($answer->{fields}));
}
# The page that an error leads to keeps them.
is_challenged('error_page', $nginx->asked('/page'), [$realm]);
is_challenged('error_page, a bad proof', $nginx->asked('/page', "Authorization: DPoP $token", 'DPoP: x'), [$realm, $bad]);
is_challenged('error_page to a redirect', $nginx->asked('/login/redirect'), [$realm]);

# HEAD, and a connection that stays: no challenge of one request is in the answer to the next.
{
    my $connection = $nginx->connect;
    for my $round (1 .. 3) {
        $connection->request('HEAD', '/optional');
        is_challenged("HEAD, round $round", $connection->answer('HEAD'), [$realm]);
        $connection->request('GET', '/optional', dpop('/optional'));
        is_deeply([challenges($connection->answer('GET'))], [], 'and then none');
    }
}

# --- metadata --------------------------------------------------------------------------------------

for my $case (
    ['none', undef, undef, undef], ['off', undef, undef, undef], ['optional', 1, undef, undef], ['required', 1, 1, undef],
    ['certificate', undef, undef, 1], ['certificates', undef, undef, 1], ['both', 1, 1, 1], ['inherited', 1, 1, undef], ['mcp', 1, undef, undef],
    ['inside', 1, 1, undef], ['outside', 1, undef, undef], ['eased', 1, undef, undef], map { [$_, @{$SEVERAL[$_]}[1, 2], undef] } 0 .. $#SEVERAL,
) {
    my ($name, $algorithms, $bound, $certificate) = @$case;
    my $answer = $nginx->asked("$PLACE/$name");
    $name = join ' ', "levels $name:", map { $_ || 'nothing' } @{$SEVERAL[$name][0]} if $name =~ /\d/;
    is($answer->{status}, 200, "metadata, $name");
    my $told = JSON::PP::decode_json($answer->{body});
    my $listed = delete $told->{dpop_signing_alg_values_supported};
    is_deeply($algorithms ? [join ' ', @{$listed // []}] : $listed, $algorithms ? [keys %known] : undef, "metadata, $name: algorithms");
    is_deeply([map { $told->{$_} } qw(dpop_bound_access_tokens_required tls_client_certificate_bound_access_tokens)],
        [map { $_ ? JSON::PP::true() : undef } $bound, $certificate], "metadata, $name: what must be bound");
    unlike($answer->{body}, qr/false|null/, "metadata, $name: nothing with nothing to say");
}
# A server is a level of its own.
for my $case (['below', undef], ['above', JSON::PP::true()], ['off', JSON::PP::true()]) {
    my ($name, $bound) = @$case;
    my $connection = $nginx->connect("$name.sock");
    $connection->request('GET', $PLACE);
    my $told = JSON::PP::decode_json($connection->answer('GET')->{body});
    is_deeply($told->{dpop_bound_access_tokens_required}, $bound, "metadata of a server, $name: what must be bound");
    ok($told->{dpop_signing_alg_values_supported}, "metadata of a server, $name: algorithms");
}

$nginx->is_calm('error', qr{was not found in|No such file|access forbidden by rule});

done_testing();
