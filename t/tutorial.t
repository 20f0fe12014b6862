# The configuration of nginx-conf/tutorial, as it is but for its module and its two ports.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use Test::More;

use JWT;
use JWT::Server;

my $TUTORIAL = File::Spec->rel2abs(dirname(__FILE__) . '/../nginx-conf/tutorial');

sub text_of { return JWT::read_file("$TUTORIAL/$_[0]") }

my ($module) = grep {/auth_jwt/} JWT::Server::modules();
my $conf = text_of('nginx.conf');
for my $change (
    ['modules/ngx_http_auth_jwt_module.so', $module, 1],
    ['127.0.0.1:8080', 'unix:%DIR%/nginx.sock', 1],
    ['127.0.0.1:8081', 'unix:%DIR%/api.sock', 2],
) {
    my ($from, $to, $times) = @$change;
    is($conf =~ s/(?<=\s)\Q$from\E(?=;)/$to/g, $times, "$from stands in the configuration");
}

# Its key files are relative to the directory of the configuration.
my $nginx = JWT::Server->new(
    conf => $conf,
    files => {map { ("conf/$_" => text_of($_)) } 'keys/api.jwk', 'keys/partners.jwks'},
);

sub is_answered {
    my ($request, $status, $challenge, $body) = @_;
    my $answer = $nginx->get(@$request);
    is($answer->{status}, $status, "@$request[0]: $status");
    is($answer->{headers}{'www-authenticate'}, $challenge, "@$request[0]: the challenge");
    like($answer->{body}, $body, "@$request[0]: the body");
    return;
}

my ($key) = @{JSON::PP->new->decode(text_of('keys/api.jwk'))->{keys}};
my %with = (secret => MIME::Base64::decode_base64url($key->{k}), kid => $key->{kid});
my $alice = JWT::bearer({sub => 'auth0|alice', exp => time() + 3600}, %with);
my $expired = JWT::bearer({sub => 'auth0|alice', exp => time() - 3600}, %with);
my $partner = JSON::PP->new->decode(text_of('partner/private.jwk'));
my $acme = 'Authorization: Bearer ' . JWT::rs256({sub => 'acme', exp => time() + 3600}, $partner);
my $forged = 'X-User: root';

is_answered(['/'], 200, undef, qr/"public": true/);
is_answered(['/about'], 200, undef, qr/"public": true/);
is_answered(['/about', $expired, $forged], 200, undef, qr/"public": true/);

my $invalid = ', error="invalid_token"';
for my $path ('/api/leads', '/api/employees') {
    is_answered([$path, $forged], 401, 'Bearer realm="API"', qr/401/);
    is_answered([$path, $expired], 401, "Bearer realm=\"API\"$invalid", qr/401/);
    is_answered([$path, $acme], 401, "Bearer realm=\"API\"$invalid", qr/401/);
    is_answered([$path, JWT::bearer(undef, %with, secret => 'x')], 401, "Bearer realm=\"API\"$invalid", qr/401/);
    is_answered([$path, $alice, $forged], 200, undef, qr/"caller": "auth0\|alice"/);
}

is_answered(['/partners/orders'], 401, 'Bearer realm="Partners"', qr/401/);
is_answered(['/partners/orders', $alice], 401, "Bearer realm=\"Partners\"$invalid", qr/401/);
is_answered(['/partners/orders', $acme, $forged], 200, undef, qr/"caller": "acme"/);

my $access_log = $nginx->read('logs/access.log');
like($access_log, qr{^200 .*/api/leads(?=.*\bok\b).*alice}m, 'the log tells the caller');
like($access_log, qr{^401 .*/api/leads(?=.*\bexpired\b)}m, 'and why one was refused');
is_deeply([grep {/\[(?:warn|error|crit|alert|emerg)\]|panicked/} $nginx->new_lines], [], 'nothing wrong in the log');

done_testing();
