# The first five minutes of README.md, step by step: its configuration as it is but for addresses, in
# front of a stand-in that has a realm of Keycloak's, its paths, its kinds of keys and its claims.
use strict;
use warnings;

use File::Basename qw(dirname);
use JSON::PP ();
use Test::More;

use JWT;
use JWT::Server;

my $ROOT = dirname(__FILE__) . '/..';

sub slurp {
    my ($name) = @_;
    open my $file, '<:raw', "$ROOT/$name" or die "cannot open $name: $!";
    local $/ = undef;
    return <$file>;
}

my $readme = slurp('README.md');
my ($steps) = $readme =~ /^## Five minutes.*?\n(.*?)^## /ms or die 'README.md has no five minutes';
my ($configuration) = $steps =~ /^```nginx http\n(.*?)^```$/ms or die 'no configuration in it';

# What the steps say must fit together.
my ($issuer) = $configuration =~ /map \$jwt_claim_iss.*?"([^"]+)" 1;/s;
my ($path) = $configuration =~ m{proxy_pass http://127\.0\.0\.1:8180(/realms/\S+/certs);};
my ($token_url) = $steps =~ m{curl -s (http://\S+)/protocol/openid-connect/token};
is($token_url, $issuer, 'tokens are asked for where the issuer is');
is("http://localhost:8180$path", "$issuer/protocol/openid-connect/certs", 'and so are the keys');
like($steps, qr/create realms -s realm=\Q@{[$issuer =~ m{([^\/]+)$}]}\E /, 'it is the realm that is made');

# A realm has a key for signatures and one for encryption.
my $key = JSON::PP::decode_json(slurp('nginx-conf/tutorial/partner/private.jwk'));
my %public = map { ($_ => $key->{$_}) } qw(kty n e);
my $keycloak = JWT::Server->new(
    http => <<"CONF",
    log_format told '\$request authorization=\$http_authorization';
    server {
        listen unix:%DIR%/keycloak.sock;
        access_log logs/keycloak.log told;
        root html;
        location = $path { add_header Cache-Control no-cache; try_files /certs =404; }
    }
CONF
    files => {
        'html/certs' => JWT::key_set(
            {%public, kid => 'of encryption', use => 'enc', alg => 'RSA-OAEP'},
            {%public, kid => $key->{kid}, use => 'sig', alg => 'RS256'},
        ),
    },
);

my $there = $keycloak->directory;
$configuration =~ s{listen 8080;}{listen unix:%DIR%/nginx.sock;} or die 'no port 8080';
$configuration =~ s{proxy_pass http://127\.0\.0\.1:8180/}{proxy_pass http://unix:$there/keycloak.sock:/};
$configuration =~ s{proxy_pass +http://127\.0\.0\.1:8081;}{proxy_pass http://unix:%DIR%/api.sock;};
$configuration =~ s{listen 127\.0\.0\.1:8081;}{listen unix:%DIR%/api.sock;};
unlike($configuration, qr/:\d{4}[^"]*;/, 'no port is left');
my $nginx = JWT::Server->new(servers => $configuration);

my %claims = (
    iss => $issuer, aud => 'account', azp => 'shop', typ => 'Bearer', exp => time + 300,
    preferred_username => 'service-account-shop', realm_access => {roles => ['offline_access']},
);
my ($ours, $others) = map { 'Authorization: Bearer ' . JWT::rs256({%claims, iss => $_}, $key) }
    $issuer, 'http://localhost:8180/realms/master';

my $answer = $nginx->get('/');
is($answer->{status}, 401, 'without a token');
my ($challenge) = $steps =~ /401, WWW-Authenticate: (.*)$/m;
is($answer->{headers}{'www-authenticate'}, $challenge, 'the challenge is the one that is told');

$answer = $nginx->get('/', $ours, 'X-User: admin');
is($answer->{status}, 200, 'with one');
my ($greeting) = $steps =~ /200, (hello .*)$/m;
is($answer->{body}, "$greeting\n", 'the API knows who it is');

is($nginx->get('/', $others)->{status}, 401, 'a token of another realm');
is($nginx->get('/_jwks', $ours)->{status}, 404, 'the keys are not for clients');
# Its log is written once the answer has been sent; by the end it is there.
$keycloak->stop;
like($keycloak->read('logs/keycloak.log'), qr{\AGET \Q$path\E HTTP/1\.[01] authorization=-\n\z},
    'Keycloak was asked for its keys once, and saw no token');

done_testing();
