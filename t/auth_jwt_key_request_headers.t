# What a key server gets to see of the client's request, and that the main request's own upstream
# sees all of it afterwards.
use strict;
use warnings;

use MIME::Base64 qw(encode_base64);
use Test::More;

use JWT;
use JWT::KeyServer;
use JWT::Server;

my $KEYS = JWT::key_set(JWT::jwk($JWT::SECRET));

# One server in both roles.
my $idp = JWT::KeyServer->new(answers => {
    '/keys' => {body => $KEYS}, '/variables' => {body => $KEYS}, '/api' => {body => 'the API'},
});
my $address = $idp->address;
my $seen = join "\n", map {"proxy_set_header Seen-$_;"} 'Authorization "a:$http_authorization"',
    'Cookie "c:$http_cookie"', 'Session "s:$cookie_session"', 'Length "l:$content_length"',
    'Type "t:$content_type"', 'Tenant "x:$http_x_tenant"', 'Chosen "$chosen"', 'Sub "$jwt_claim_sub"';
my $nginx = JWT::Server->new(
    http => '    underscores_in_headers on; ignore_invalid_headers off;',
    server => <<"CONF",
        # Evaluated again for the subrequest, which must not change it for the main request.
        set \$who "it is \$arg_who";
        location = /keys {
            internal;
            proxy_set_header Host \$host;
            proxy_pass http://$address/keys;
        }
        # The same variables are used here and, afterwards, for the main request.
        location = /variables {
            internal;
            proxy_set_header Host \$host;
            $seen
            proxy_set_header Seen-User "u:\$remote_user";
            proxy_pass http://$address/variables;
        }
        location /api {
            auth_jwt "r";
            auth_jwt_key_request /keys;
            proxy_set_header Host \$host;
            proxy_pass http://$address/api;
        }
        location /early {
            # Their values are known before the subrequest is made.
            set \$early "\$http_authorization \$cookie_session \$content_length \$content_type \$remote_user";
            set \$chosen "chosen for \$arg_who";
            rewrite ^ /late last;
        }
        location /late {
            set \$chosen "chosen for \$arg_who";
            auth_jwt "r";
            auth_jwt_key_request /variables;
            proxy_set_header Host \$host;
            $seen
            proxy_set_header Seen-Who "\$who";
            proxy_pass http://$address/api;
        }
        location /query {
            auth_jwt "r" token=\$arg_token;
            auth_jwt_key_request /keys;
            proxy_pass http://$address/api;
        }
        location /header {
            auth_jwt "r" token=\$http_x_api_token;
            auth_jwt_key_request /keys;
            proxy_pass http://$address/api;
        }
CONF
);

# What the two servers were asked: keys first, then the API.
sub asked {
    my ($path, @lines) = @_;
    $idp->forget;
    my $answer = $nginx->get($path, @lines);
    is($answer->{status}, 200, "$path is served");
    return $idp->requests;
}

# Header lines as sorted "name: value", but for the one that nginx's proxy itself adds before 1.29.7.
sub lines {
    my ($asked) = @_;
    return [grep { $_ ne 'connection: close' } sort map {"$_: $asked->{headers}{$_}"} keys %{$asked->{headers}}];
}

my $TOKEN = JWT::token({sub => 'alice'});
my @USUAL = ('host: localhost');

# --- headers by name -----------------------------------------------------------

my ($keys, $api) = asked('/api', "Authorization: Bearer $TOKEN");
is($keys->{path}, '/keys', 'the keys are asked for');
is($keys->{method}, 'GET', 'by GET');
is_deeply(lines($keys), \@USUAL, 'without the token');
is($api->{headers}{authorization}, "Bearer $TOKEN", 'the API gets the token');

my @CREDENTIALS = (
    'Cookie: session=5', 'Cookie: other=6', 'Proxy-Authorization: Basic x', 'cookie: third=7',
);
my @CONDITIONS = (
    'If-Modified-Since: Fri, 31 Dec 1999 00:00:00 GMT',
    'If-Unmodified-Since: Fri, 31 Dec 2100 00:00:00 GMT', 'If-None-Match: "x"', 'If-Match: *',
    'If-Range: "x"', 'If-Schedule-Tag-Match: "x"', 'Range: bytes=0-5',
);
my @BODY = (
    'Content-Type: text/plain', 'Content-Language: en', 'Content-Encoding: gzip',
    'Content-Range: bytes 0-5/6', 'Content-Disposition: x', 'Content-MD5: x',
);
my @CONNECTION = (
    'Accept-Encoding: gzip, br', 'TE: trailers', 'Trailer: X', 'Keep-Alive: timeout=5',
    'Upgrade: websocket', 'Proxy-Connection: keep-alive', 'HTTP2-Settings: AAMAAABkAAQAAP__',
);
for my $line (@CREDENTIALS, @CONDITIONS, @BODY, @CONNECTION) {
    my ($keys, $api) = asked('/api', "Authorization: Bearer $TOKEN", $line);
    is_deeply(lines($keys), \@USUAL, "not passed on: $line");
    my ($name, $value) = split /: /, $line;
    next if grep { $_ eq $line } @CONNECTION;
    is($api->{headers}{lc $name}, $value, "but to the API: $line");
}
($keys, $api) =
    asked('/api', "Authorization: Bearer $TOKEN", @CREDENTIALS, @CONDITIONS, @BODY, @CONNECTION);
is_deeply(lines($keys), \@USUAL, 'not passed on: all of them at once');
is($api->{headers}{authorization}, "Bearer $TOKEN", 'the API gets the token still');

my %passed = (
    'x-tenant' => 'blue', 'x-forwarded-for' => '192.0.2.1', 'user-agent' => 'tests/1',
    accept => 'application/json', 'accept-language' => 'en', referer => 'http://localhost/',
    x_under => 'score', via => '1.1 x', forwarded => 'for=192.0.2.1', 'x-request-id' => '5',
    origin => 'http://localhost',
);
($keys, $api) =
    asked('/api', "Authorization: Bearer $TOKEN", map {"$_: $passed{$_}"} sort keys %passed);
is_deeply(
    lines($keys), [sort @USUAL, map {"$_: $passed{$_}"} keys %passed],
    'passed on: what speaks of none of that',
);
my @many = map {"X-Number-$_: $_"} 1 .. 60;
($keys, $api) = asked('/api', @many, "Authorization: Bearer $TOKEN", "Cookie: a=$TOKEN");
is(scalar(grep {/^x-number/} @{lines($keys)}), 60, 'passed on: sixty of them');
is(scalar(grep {/^x-number/} @{lines($api)}), 60, 'to the API, too');
is($api->{headers}{cookie}, "a=$TOKEN", 'the API has the cookie');

# --- the token, wherever it is ---------------------------------------------------

my @hidden = (
    "X-Original-Authorization: Bearer $TOKEN", "X-Token: $TOKEN", "X-Quoted: \"$TOKEN\"",
    "Sec-WebSocket-Protocol: bearer, $TOKEN", "Forwarded: token=$TOKEN;for=x",
);
for my $line (@hidden) {
    ($keys, $api) = asked('/api', "Authorization: Bearer $TOKEN", $line, 'X-Tenant: blue');
    is_deeply(lines($keys), [@USUAL, 'x-tenant: blue'], "no other header carries it: $line");
    my ($name, $value) = split /: /, $line, 2;
    is($api->{headers}{lc $name}, $value, 'but to the API');
}
($keys, $api) = asked('/header', "X-API-Token: $TOKEN", 'X-Tenant: blue');
unlike(join("\n", @{$keys->{lines}}), qr/\Q$TOKEN\E/, 'a token of token=$http_... is not passed on');
is($keys->{headers}{'x-tenant'}, 'blue', 'what stands beside it is');
is($api->{headers}{'x-api-token'}, $TOKEN, 'and the API gets it');
($keys, $api) = asked("/query?token=$TOKEN", 'X-Tenant: blue');
unlike(
    join("\n", $keys->{uri}, @{$keys->{lines}}), qr/\Q$TOKEN\E/,
    'a token of token=$arg_... is not passed on',
);
($keys, $api) = asked("/query?token=$TOKEN", 'Authorization: Bearer something-else');
is_deeply(lines($keys), ["host: $keys->{headers}{host}"],
    'Authorization is not passed on, whatever the token source');
is($api->{headers}{authorization}, 'Bearer something-else', 'but to the API');
my $referer = "Referer: http://localhost/query?token=$TOKEN";
($keys, $api) = asked("/query?token=$TOKEN", $referer);
unlike(join("\n", @{$keys->{lines}}), qr/\Q$TOKEN\E/, 'no Referer gives it away');

# --- variables ---------------------------------------------------------------------

sub seen {
    my ($asked) = @_;
    my %headers = %{$asked->{headers}};
    return {map { /^seen-(.*)/ ? ($1 => $headers{$_}) : () } keys %headers};
}

my $basic = encode_base64('x:y', '');
for my $path ('/late?who=me', '/early?who=me') {
    $idp->forget;
    my $client = $nginx->connect;
    my $body = 'twelve bytes';
    $client->send_bytes(join "\r\n", "POST $path HTTP/1.1", 'Host: localhost',
        "Authorization: Bearer $TOKEN", 'Cookie: session=5', 'Content-Type: text/x-own',
        'Content-Length: 12', 'X-Tenant: blue', '', $body);
    is($client->answer('POST')->{status}, 200, "$path is served");
    my ($keys, $api) = $idp->requests;
    is_deeply(
        seen($keys),
        {
            authorization => 'a:', cookie => 'c:', session => 's:', length => 'l:', type => 't:',
            user => 'u:', tenant => 'x:blue', chosen => 'chosen for me',
            sub => 'alice',
        },
        "$path: variables in the key location know no credentials and no body",
    ) or diag explain seen($keys);
    is_deeply(
        seen($api),
        {
            authorization => "a:Bearer $TOKEN", cookie => 'c:session=5', session => 's:5',
            length => 'l:12', type => 't:text/x-own', tenant => 'x:blue',
            chosen => 'chosen for me', who => 'it is me', sub => 'alice',
        },
        "$path: and those of the main request hold what the client sent",
    ) or diag explain seen($api);
    is($api->{body}, $body, "$path: its body, too");
}

$nginx->is_calm('warn');

done_testing();
