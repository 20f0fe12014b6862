# What tests of keys by URL have in common: a key server on loopback, the keys it has, tokens of its issuer, and
# an nginx that trusts it.
package JWT::Remote;

use strict;
use warnings;

use Carp qw(croak);
use Fcntl qw(LOCK_EX LOCK_NB);
use JSON::PP ();
use Test::More ();

use JWT ();
use JWT::Ed25519;
use JWT::KeyServer;
use JWT::Server;

use parent 'JWT::KeyServer';

my %KEYS;

# A key server that has the keys "one" at /keys.
sub new {
    my ($class) = @_;
    my $self = JWT::KeyServer::new($class, tcp => 1);
    $self->has_keys('one');
    return $self;
}

# Where it is, with a path behind it.
sub url {
    my ($self, $path) = @_;
    return 'http://' . $self->address . ($path // '');
}

# The key of a name; there is one in the whole test.
sub key {
    my ($self, $name) = @_;
    return $KEYS{$name} //= JWT::Ed25519->new($name);
}

# A set of the keys of these names, as JSON.
sub set {
    my ($self, @names) = @_;
    return JWT::key_set(map { $self->key($_)->jwk } @names);
}

# From now on these keys are at /keys.
sub has_keys {
    my ($self, @names) = @_;
    return $self->answer('/keys' => {body => $self->set(@names)});
}

# All is as it was at first, but for the port; it has been asked nothing.
sub begin_anew {
    my ($self) = @_;
    $self->stop;
    $self->{answers} = {};
    $self->has_keys('one');
    $self->start;
    $self->forget;
    return;
}

# The header line with a token of its issuer, signed by the key of that name; further claims, and members of the
# header.
sub bearer {
    my ($self, $name, $claims, %header) = @_;
    my %claims = (iss => $self->url, aud => 'api', exp => 9_999_999_999, sub => 'alice', %{$claims // {}});
    return 'Authorization: Bearer ' . $self->key($name)->token(\%claims, %header);
}

# One whose signature is none, as its kid is nobody's.
sub bearer_of_nobody {
    my ($self, $kid) = @_;
    my %claims = (iss => $self->url, aud => 'api', exp => 9_999_999_999);
    return JWT::bearer(\%claims, kid => $kid, alg => 'EdDSA', signature => 'x' x 64);
}

# A block "shop" of its issuer, with these parameters; its keys are at /keys, unless they say where. A fetch may take long
# on a busy machine, unless they say how long.
sub block {
    my ($self, $parameters) = @_;
    $parameters //= '';
    $parameters = 'key_url ' . $self->url('/keys') . "; $parameters" unless $parameters =~ /\b(?:key_url|key_file|config_url) /;
    $parameters .= ' timeout 60s;' if $parameters !~ /\btimeout / && $parameters =~ /\b(?:key_url|config_url) /;
    return 'auth_jwt_issuer shop { issuer ' . $self->url . "; audience api; $parameters }";
}

# The options of an nginx (of JWT::Server) with this block, and a location / that it guards; more options.
sub options {
    my ($self, $parameters, %more) = @_;
    my ($http, $server) = map { $_ // '' } delete @more{qw(http server)};
    return (
        http => $self->block($parameters) . $http,
        server => <<"CONF",
        add_header X-Status \$auth_jwt_status always;
        add_header X-Pid \$pid always;
        location / { auth_jwt "r"; auth_jwt_issuers shop; empty_gif; }
        location /open { empty_gif; }
        $server
CONF
        %more,
    );
}

# So many seconds pass for what an nginx keeps of its fetches; it sees it within a second. No fetch may be under way.
sub let_pass {
    my ($self, $nginx, $seconds) = @_;
    my $path = $nginx->directory . '/temp/auth_jwt';
    for my $name (map {m{([^/]+)[.]json\z}} glob "$path/*.json") {
        open my $lock, '>>', "$path/$name.lock" or croak "cannot open $name.lock: $!";
        $nginx->wait_until(sub { flock $lock, LOCK_EX | LOCK_NB }) or croak "$name is locked";
        my $record = JSON::PP::decode_json($nginx->read("temp/auth_jwt/$name.json"));
        for my $time (grep {defined} @$record{qw(fetched failed refreshed)}) {
            $time -= 1000 * $seconds;
        }
        $_->{at} -= 1000 * $seconds for @{$record->{logged}};
        $nginx->write("temp/auth_jwt/$name.new", JSON::PP::encode_json($record));
        chmod 0600, "$path/$name.new";
        rename "$path/$name.new", "$path/$name.json" or croak "cannot rename: $!";
    }
    return;
}

# A test: what becomes of this token (or of a good one) is what is expected, now or soon.
sub is_soon {
    my ($self, $nginx, $expected, $name, $token) = @_;
    $token //= $self->bearer('one');
    my $seen = '';
    $nginx->wait_until(sub { ($seen = $nginx->outcome('/', $token)) eq $expected });
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::is($seen, $expected, $name);
}

sub nginx {
    my ($self, @options) = @_;
    return JWT::Server->new($self->options(@options));
}

1;
