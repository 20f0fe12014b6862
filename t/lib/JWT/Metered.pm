# An nginx whose verdicts are counted, for Prometheus: four zones, keys by URL, from a file and by key requests.
#
#   zone orders    issuers "shop" (keys by URL) and "partner" (from a file); the scope orders:write
#   zone search    a token is optional
#   zone trial     the rules are in dry run: the audience is another one
#   zone legacy    keys by key requests; /legacy/broken/ asks one that fails
package JWT::Metered;

use strict;
use warnings;

use JWT ();
use JWT::Remote;
use JWT::Server;

use parent 'JWT::Server';

# Options: key_cache (of "shop", 1h), and http and server (more configuration) of the key server's URL.
sub new {
    my ($class, %options) = @_;
    my $idp = JWT::Remote->new;
    $idp->answer('/legacy' => {body => JWT::key_set(JWT::jwk($JWT::SECRET))});
    my $port = JWT::Process::free_port();
    my $key_cache = $options{key_cache} // '1h';
    my ($http, $server) = map { $options{$_} ? $options{$_}->($idp->url) : '' } qw(http server);
    my $self = $class->SUPER::new(
        workers => 2,
        files => {'conf/partner.jwks' => JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'one'), JWT::jwk($JWT::OTHER_SECRET, kid => 'two'))},
        http => $idp->block("key_url @{[$idp->url('/keys')]}; key_cache $key_cache refresh=1s;") . <<"CONF",
        auth_jwt_issuer partner { issuer https://partner.example; audience api; key_file partner.jwks; }
        $http
CONF
        server => <<"CONF",
        listen 127.0.0.1:$port;
        add_header X-Status \$auth_jwt_status always;
        add_header X-Pid \$pid always;
        location /orders/ {
            auth_jwt "orders";
            auth_jwt_status_zone orders;
            auth_jwt_issuers shop partner;
            auth_jwt_require_scope orders:write;
            empty_gif;
        }
        location /search/ {
            auth_jwt "search";
            auth_jwt_status_zone search;
            auth_jwt_issuers shop;
            auth_jwt_optional on;
            empty_gif;
        }
        location /trial/ {
            auth_jwt "trial";
            auth_jwt_status_zone trial;
            auth_jwt_issuers shop;
            auth_jwt_audience trial;
            auth_jwt_dry_run on;
            empty_gif;
        }
        location /legacy/ {
            auth_jwt "legacy";
            auth_jwt_status_zone legacy;
            auth_jwt_key_request /_keys/legacy;
            empty_gif;
        }
        location /legacy/broken/ {
            auth_jwt "legacy";
            auth_jwt_status_zone legacy;
            auth_jwt_key_request /_keys/broken;
            empty_gif;
        }
        location /_keys/ { internal; proxy_pass http://@{[$idp->address]}/; }
        location = /open { empty_gif; }
        location = /metrics { auth_jwt_metrics; }
        $server
CONF
    );
    @$self{qw(idp port)} = ($idp, $port);
    $self->wait_for_workers(2);
    return $self;
}

# Where it is, for Prometheus.
sub target { return "127.0.0.1:$_[0]{port}" }

sub idp { return $_[0]{idp} }

# Header lines with tokens: of the issuer "shop" (the claims are added to usual ones), of "partner", of neither.
sub shop {
    my ($self, $claims, @key) = @_;
    return $self->idp->bearer($key[0] // 'one', {scope => 'orders:write', %{$claims // {}}});
}

sub partner {
    my ($self, $claims, @options) = @_;
    my %usual = (iss => 'https://partner.example', aud => 'api', exp => 9_999_999_999, sub => 'bob', scope => 'orders:write');
    return JWT::bearer({%usual, %{$claims // {}}}, kid => 'one', @options);
}

sub legacy { return JWT::bearer({sub => 'carol'}) }

1;
