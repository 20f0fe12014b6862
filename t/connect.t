# CONNECT requests, which nginx has a tunnel for since 1.31.0: where their token is, how they are refused, and what
# docs/reference.md says to take the token from Proxy-Authorization.
use strict;
use warnings;

use Test::More;

use JWT;
use JWT::Page;
use JWT::Server;

plan skip_all => 'this nginx has no tunnel_pass' if JWT::Server::version() < 31;

my ($recipe) = grep {/proxy_token/} JWT::Page->new('docs/reference.md')->blocks('auth_jwt', 'nginx http');
$recipe =~ s{^ *listen [^;]*;}{    listen unix:%DIR%/proxy.sock;\n    add_header X-Status \$auth_jwt_status always;\n    tunnel_pass unix:%DIR%/app.sock;}m or die 'no listen';
$recipe =~ s{keys/proxy\.json}{%DIR%/html/keys} or die 'no keys';

my $GUARD = 'auth_jwt "r"; auth_jwt_key_file %DIR%/html/keys; tunnel_pass unix:%DIR%/app.sock;';
my $nginx = JWT::Server->new(
    files => {'html/keys' => JWT::key_set(JWT::jwk($JWT::SECRET)), 'html/users' => "alice:{PLAIN}secret\n"},
    http => "server { listen unix:%DIR%/app.sock; location / { return 200 'behind the tunnel'; } }\n$recipe"
        . "server { listen unix:%DIR%/any.sock; add_header X-Status \$auth_jwt_status always; satisfy any; auth_basic b; auth_basic_user_file %DIR%/html/users; $GUARD }",
    server => "add_header X-Status \$auth_jwt_status always; $GUARD",
);
my ($TOKEN, $BAD) = (JWT::token(), JWT::token({}, secret => 'another secret of thirty-two bytes'));
my $ALICE = 'Proxy-Authorization: Basic YWxpY2U6c2VjcmV0';

# What a CONNECT comes to: the status, $auth_jwt_status, the challenges, and whether the tunnel leads anywhere.
sub connected {
    my ($socket, @lines) = @_;
    my $connection = $nginx->connect($socket);
    $connection->send_bytes(join "\r\n", 'CONNECT app.example:443 HTTP/1.1', 'Host: app.example:443', @lines, '', '');
    # An answer of 2xx has no body (RFC 9110 section 9.3.6).
    my $answer = $connection->answer('HEAD') // return 'nothing';
    my %headers = %{$answer->{headers}};
    my @told = ($answer->{status}, $headers{'x-status'} // (), map { $headers{$_} // () } 'www-authenticate', 'proxy-authenticate');
    push @told, 'and ' . ($connection->get('/')->{body} // 'nothing') if $answer->{status} == 200;
    return join ' ', @told;
}

my ($THROUGH, $NONE) = ('200 ok and behind the tunnel', '401 no_token Bearer realm="r"');
for my $case (
    ['nginx.sock', $NONE, 'no token'],
    ['nginx.sock', $THROUGH, 'in Authorization', "Authorization: Bearer $TOKEN"],
    ['nginx.sock', '401 invalid_signature Bearer realm="r", error="invalid_token"', 'a bad one there', "Authorization: Bearer $BAD"],
    ['nginx.sock', $NONE, 'in Proxy-Authorization, where it is not looked for', "Proxy-Authorization: Bearer $TOKEN"],
    ['proxy.sock', $THROUGH, 'the recipe: in Proxy-Authorization', "Proxy-Authorization: Bearer $TOKEN"],
    ['proxy.sock', $THROUGH, 'the recipe: other case, more spaces', "proxy-authorization: bearer   $TOKEN"],
    ['proxy.sock', '401 invalid_signature Bearer realm="proxy", error="invalid_token"', 'the recipe: a bad one there', "Proxy-Authorization: Bearer $BAD"],
    ['proxy.sock', '401 no_token Bearer realm="proxy"', 'the recipe: another scheme', $ALICE],
    ['proxy.sock', '401 no_token Bearer realm="proxy"', 'the recipe: in Authorization', "Authorization: Bearer $TOKEN"],
    # Each of the two has its own header, and its own challenge where both refuse.
    ['any.sock', '200 no_token and behind the tunnel', 'satisfy any: by auth_basic, without our challenge', $ALICE],
    ['any.sock', $THROUGH, 'satisfy any: by the token, without that of auth_basic', "Authorization: Bearer $TOKEN"],
) {
    my ($socket, $expected, $name, @lines) = @$case;
    is(connected($socket, @lines), $expected, $name);
}
like(connected('any.sock'), qr/^40[17] no_token Bearer realm="r" Basic realm="b"$/, 'satisfy any: refused by both');
$nginx->is_calm('error');

done_testing();
