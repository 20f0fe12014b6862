# An nginx that judges tokens which are bound to their holder, and tables of what comes of them.
#
# All locations have auth_jwt "r", what became of the token in X-Status and what reached the upstream as the body.
# There are the blocks "shop" (https://shop.example, whose tokens issued() makes) and the key file good.jwks.
package JWT::Bound;

use strict;
use warnings;

use Test::More ();

use JWT ();
use JWT::Mock ();

use parent 'JWT::Server';

# What the log says of each refusal.
our %TOLD = (
    proof_missing => qr/JWT claim "cnf" names neither|JWT is not bound to|JWT is bound to a certificate, and the client has none|no DPoP proof was|JWT is bound to a key, but was sent as "Bearer"/,
    wrong_certificate => qr/JWT is bound to another certificate|client certificate cannot be read/,
    invalid_proof => qr/invalid DPoP proof: /,
    expired => qr/expired JWT token/,
    wrong_audience => qr/JWT audience is another/,
    no_token => qr/no JWT was provided/,
);

# As JWT::Server, with http and server behind what is said above.
sub new {
    my ($class, %options) = @_;
    my ($http, $server) = map { delete $options{$_} // '' } qw(http server);
    my %keys = JWT::key_files();
    return $class->SUPER::new(
        %options,
        files => {'html/good.jwks' => $keys{'good.jwks'}, 'html/content.jwks' => JWT::key_set(JWT::jwk($JWT::CONTENT_KEY, alg => 'dir'), JWT::jwk($JWT::SECRET)), %{$options{files} // {}}},
        http => JWT::Mock::configuration('unix:%DIR%/mock.sock') . <<"CONF" . $http,
        large_client_header_buffers 8 64k;
        proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;
        auth_jwt_issuer shop { issuer https://shop.example; audience api; key_file %DIR%/html/good.jwks; }
        auth_jwt "r";
        add_header X-Status \$auth_jwt_status always;
        proxy_set_header X-Sub \$jwt_claim_sub;
CONF
        server => $server,
    );
}

# A token of "shop" with further claims; undef leaves one out.
sub issued {
    my ($claims, @options) = @_;
    return JWT::issued($claims, @options) =~ s/.* //r;
}

# Lines of nginx's own about processes, connections and files.
my $NGINXS_OWN = qr/\[debug\]|\[notice\] \d+#\d+: (?!\*)|client .*closed (?:keepalive )?connection|access forbidden by rule|No such file/;

# The other lines of the log since the last time.
sub told { return grep { !/$NGINXS_OWN/ } $_[0]->new_lines }

# One request on a connection of its own: "GET /path", or the path alone, and header lines. Gives the answer.
sub asked {
    my ($self, $request, @lines) = @_;
    my ($method, $path) = $request =~ /^([A-Z_-]+) (.*)/ ? ($1, $2) : ('GET', $request);
    my $connection = $self->connect;
    $connection->request($method, $path, @lines);
    return $connection->answer($method);
}

# A test: such a request comes out so ("401 invalid_proof"), and the log has the one line at info that says why, or
# none where the token passes. $reason narrows that line down.
sub is_judged {
    my ($self, $name, $asked, $expected, $reason) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $self->told;
    my $outcome = JWT::Connection::outcome_of($self->asked(@$asked));
    my $passed = Test::More::is($outcome, $expected, $name);
    return $self->is_told("$name: the log", $expected, $reason) && $passed;
}

# A test: of a request that came out so the log has told since the last time, once, or not at all.
sub is_told {
    my ($self, $name, $expected, $reason) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @told = $self->told;
    my ($status, $word) = split / /, $expected;
    if ($status < 300) {
        return Test::More::is_deeply(\@told, [], "$name is silent");
    }
    my $fits = $reason // $TOLD{$word // ''} // qr/./;
    my @fitting = grep { /\[info\] / && $_ =~ $fits && (!$TOLD{$word // ''} || $_ =~ $TOLD{$word}) } @told;
    return Test::More::ok(@told == 1 && @fitting == 1, "$name says so, once") || Test::More::diag("expected $fits\n", @told);
}

1;
