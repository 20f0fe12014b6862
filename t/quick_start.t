# The first two minutes of README.md, step by step: its configuration as it is but for addresses, in front of a stand-in
# that has the realm of Keycloak's which docs/guides/keycloak.md makes, its paths, its kinds of keys and its claims.
use strict;
use warnings;

use File::Basename qw(dirname);
use JSON::PP ();
use Test::More;

use JWT;
use JWT::KeyServer;
use JWT::Server;

my $ROOT = dirname(__FILE__) . '/..';

sub slurp { return JWT::read_file("$ROOT/$_[0]") }

my $readme = slurp('README.md');
my ($steps) = $readme =~ /^## Two minutes.*?\n(.*?)^## /ms or die 'README.md has no two minutes';
my ($configuration) = $steps =~ /^```nginx http\n(.*?)^```$/ms or die 'no configuration in it';

like($steps, qr{\]\(docs/guides/keycloak\.md#a-keycloak-to-try-it-with\)}, 'they lead to a Keycloak to try it with');

# What the steps and the guide say must fit together.
my $guide = slurp('docs/guides/keycloak.md');
my ($audience) = $configuration =~ /^    audience (\S+);/m;
my ($server) = $guide =~ m{`server=(http://localhost:8180)`} or die 'no Keycloak to try it with';
my ($issuer) = $guide =~ m{Line 1 of the \[two minutes\]\(\S+\) is then\s+`issuer (\Q$server\E/\S+);`} or die 'no issuer to try it with';
like($guide, qr/start-dev --http-port=8180 /, 'it is started there');
my ($token_path) = $guide =~ m{curl -s "\$server(/\S+)/protocol/openid-connect/token"};
is("$server$token_path", $issuer, 'tokens are asked for where the issuer is');
my ($realm) = $issuer =~ m{([^/]+)$};
like($guide, qr/create realms -s realm=\Q$realm\E /, 'it is the realm that is made');
like($guide, qr/included\.custom\.audience"=\Q$audience\E'/, 'the mapper is for that audience');
like($configuration, qr{^    issuer +https://\S+/realms/\Q$realm\E; +\# 1:}m, 'line 1 is the issuer');
like($configuration, qr/ \# $_: /, "there is a line $_") for 2, 3;

# A realm has a key for signatures and one for encryption.
my $key = JSON::PP::decode_json(slurp('nginx-conf/tutorial/partner/private.jwk'));
my %public = map { ($_ => $key->{$_}) } qw(kty n e);
my $keycloak = JWT::KeyServer->new(tcp => 1);
my $here = $issuer =~ s{localhost:8180}{$keycloak->address}er;
my ($base) = $here =~ m{^http://[^/]+(/.*)$};
my $certs = "$base/protocol/openid-connect/certs";
$keycloak->answer(
    "$base/.well-known/openid-configuration" => {body => JWT::json({
        issuer => $here, jwks_uri => "$here/protocol/openid-connect/certs", token_endpoint => "$here/protocol/openid-connect/token",
    })},
    $certs => {headers => ['Cache-Control: no-cache'], body => JWT::key_set(
        {%public, kid => 'of encryption', use => 'enc', alg => 'RSA-OAEP'},
        {%public, kid => $key->{kid}, use => 'sig', alg => 'RS256'},
    )},
);

$configuration =~ s{^    issuer +\K[^;]+;}{$here;}m;
$configuration =~ s{listen 8080;}{listen unix:%DIR%/nginx.sock;} or die 'no port 8080';
$configuration =~ s{proxy_pass +http://127\.0\.0\.1:8081;}{proxy_pass http://unix:%DIR%/api.sock;};
$configuration =~ s{listen 127\.0\.0\.1:8081;}{listen unix:%DIR%/api.sock;};
unlike($configuration, qr/:80\d\d\b/, 'no port is left');
my $nginx = JWT::Server->new(servers => $configuration);

my %claims = (
    iss => $here, aud => [$audience, 'account'], azp => 'shop', typ => 'Bearer', exp => time + 300, sub => 'f:shop',
    preferred_username => 'service-account-shop', realm_access => {roles => ['offline_access']},
);

sub with {
    my (%changes) = @_;
    my %all = (%claims, %changes);
    delete $all{$_} for grep { !defined $all{$_} } keys %all;
    return 'Authorization: Bearer ' . JWT::rs256(\%all, $key);
}

my $answer = $nginx->get('/');
is($answer->{status}, 401, 'without a token');
my ($challenge) = $steps =~ /401, WWW-Authenticate: (.*)$/m;
is($answer->{headers}{'www-authenticate'}, $challenge, 'the challenge is the one that is told');

$answer = $nginx->get('/', with(), 'X-User: admin');
is($answer->{status}, 200, 'with one');
my ($greeting) = $steps =~ /200, (hello) and the token's "sub"$/m;
is($answer->{body}, "$greeting $claims{sub}\n", 'the API knows who it is');

is($nginx->get('/', with(iss => $here =~ s/\Q$realm\E$/master/r))->{status}, 401, 'a token of another realm');
is($nginx->get('/', with(aud => 'account'))->{status}, 401, 'a token for another API');
is($nginx->get('/', with(aud => undef))->{status}, 401, 'a token for none, as without the mapper');
is($keycloak->hits($_), 1, "asked for once: $_") for "$base/.well-known/openid-configuration", $certs;
is_deeply([grep { exists $_->{headers}{authorization} } $keycloak->requests], [], 'and no token was told');
$nginx->is_calm('warn');

done_testing();
