# docs/guides/bound-tokens.md: its configurations are run as they are but for addresses, certificates and keys, which are in a
# file here. With real clients and a provider they are in bound_tokens_clients.t.
use strict;
use warnings;

use Test::More;

use JWT;
use JWT::Authority;
use JWT::Certificate;
use JWT::Connection;
use JWT::Dpop;
use JWT::OpenSSL;
use JWT::Page;
use JWT::Server;

plan skip_all => 'openssl is missing' unless JWT::OpenSSL->is_there;

my $GUIDE = JWT::Page->new('docs/guides/bound-tokens.md');
my $API = 'https://api.example.com';

my ($key, $certificate) = (my $authority = JWT::Authority->new)->issue('DNS:api.example.com');
my ($mine, $others, $client, $another) = (JWT::Certificate->new, JWT::Certificate->new, JWT::Dpop->new, JWT::Dpop->new);

# What a configuration of the guide is run with beyond what it says: the application tells what it gets.
my $APPLICATION = 'server { listen unix:%DIR%/app.sock; access_log off; location / { return 200 "user=$http_x_user token=$http_authorization'
    . ' proof=$http_dpop certificate=$http_x_client_certificate."; } }';
my %FILES = ('conf/keys.json' => JWT::key_set(JWT::jwk($JWT::SECRET)));

# A text of the guide with what is outside of this test's directory inside. Each change must be there.
sub at_home {
    my ($text, @changes) = @_;
    for my $change (@changes) {
        my ($old, $new) = @$change;
        ok($text =~ s/$old/$new/g, "the configuration has $old");
    }
    return $text;
}

my @KEYS = [qr/audience +orders-api;/, 'audience orders-api; key_file keys.json;'];
my @TLS = ([qr/ssl_certificate +\K[^;]+/, $certificate], [qr/ssl_certificate_key +\K[^;]+/, $key]);

# A sample of the guide.
sub sample {
    my ($heading, $file) = @_;
    my ($text) = $GUIDE->blocks($heading, "nginx file=nginx-conf/$file.conf");
    my $load = join "\n", 'pid nginx.pid; error_log logs/error.log info;', map {"load_module $_;"} JWT::Server::modules();
    my $temp = join ' ', map {"${_}_temp_path temp/$_;"} qw(client_body proxy fastcgi uwsgi scgi);
    return JWT::Server->new(files => \%FILES, conf => at_home($text, @KEYS, @TLS,
        [qr/^load_module [^\n]*$/m, $load],
        [qr/^http \{$/m, "http { log_format w '\$auth_jwt_status'; access_log logs/w.log w; $temp $APPLICATION"],
        [qr/listen +\K443 ssl;/, 'unix:%DIR%/nginx.sock ssl;'],
        [qr{proxy_pass +http://\K127[.]0[.]0[.]1:8081;}, 'unix:%DIR%/app.sock:;'],
    ));
}

sub token { return JWT::token({iss => 'https://id.example.com/realms/example', aud => 'orders-api', sub => 'alice', exp => time + 600, @_}) }

# The answer to a request over TLS with a client's certificate, or as the class without one.
sub asked {
    my ($nginx, $who, @lines) = @_;
    unshift @lines, 'Host: api.example.com' unless $lines[0] && $lines[0] =~ /^Host:/;
    return $who->connection($nginx->directory . '/nginx.sock')->get('/orders?a=b', @lines);
}

# Tests: a request is answered so, and the verdict was this.
sub is_answered {
    my ($nginx, $answer, $expected, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($status, $word) = split / /, $expected;
    is($answer->{status}, $status, $name) or diag($nginx->new_lines);
    my @words;
    my $seen = $nginx->{words} // 0;
    $nginx->wait_until(sub { @words = split /\n/, $nginx->read('logs/w.log'); @words > $seen });
    $nginx->{words} = @words;
    return is($words[-1], $word, "$name: $word");
}

# --- client certificates ---------------------------------------------------------------------------------------------

{
    my $nginx = sample('Client certificates', 'mtls-bound-tokens');
    my $bound = token($mine->cnf);
    my $is = sub {
        my ($expected, $who, $token, $name) = @_;
        my $answer = asked($nginx, $who, $token ? "Authorization: Bearer $token" : (), 'X-User: root');
        is_answered($nginx, $answer, $expected, "mtls: $name");
        return $answer;
    };
    like($is->('200 ok', $mine, $bound, 'its holder')->{body}, qr/\Auser=alice /, 'mtls: who it is');
    $is->('401 wrong_certificate', $others, $bound, 'another certificate');
    my $answer = $is->('401 proof_missing', 'JWT::Certificate', $bound, 'no certificate');
    is($answer->{headers}{'www-authenticate'}, 'Bearer realm="api", error="invalid_token"', 'mtls: the challenge');
    $is->('401 proof_missing', $mine, token(), 'a token without one');
    $is->('401 no_token', $mine, undef, 'no token');
    $is->('401 wrong_audience', $mine, token($mine->cnf, aud => 'x'), 'a token for another API');
    $nginx->is_calm('warn');
}

# A proxy that ends TLS, and nginx behind it.
{
    my ($behind) = $GUIDE->blocks('Where a proxy ends TLS', 'nginx http');
    my ($proxy) = $GUIDE->blocks('Where a proxy ends TLS', 'nginx server');
    my $both = at_home($behind, @KEYS,
        [qr/listen 10[.]0[.]0[.]5:8080;/, 'listen unix:%DIR%/behind.sock; access_log logs/w.log w;'], [qr/allow  10[.]0[.]0[.]2;/, 'allow unix:;'],
        [qr{http://application}, 'http://unix:%DIR%/app.sock:'],
    ) . "server { proxy_http_version 1.1;\n" . at_home($proxy, @TLS,
        [qr/listen +443 ssl;/, 'listen unix:%DIR%/nginx.sock ssl;'], [qr{http://10[.]0[.]0[.]5:8080}, 'http://unix:%DIR%/behind.sock:'],
    ) . '}';
    my $nginx = JWT::Server->new(files => \%FILES, http => 'log_format w $auth_jwt_status;', servers => "$APPLICATION\n$both");
    my $bound = 'Authorization: Bearer ' . token($mine->cnf);
    my $forged = 'X-Client-Certificate: ' . JWT::Certificate::escaped($mine->pem);
    my $answer = asked($nginx, $mine, $bound);
    is_answered($nginx, $answer, '200 ok', 'a proxy: the holder');
    like($answer->{body}, qr/ certificate=[.]\z/, 'a proxy: the application does not get the certificate');
    is_answered($nginx, asked($nginx, $others, $bound), '401 wrong_certificate', 'a proxy: another certificate');
    is_answered($nginx, asked($nginx, 'JWT::Certificate', $bound), '401 proof_missing', 'a proxy: no certificate');
    is_answered($nginx, asked($nginx, 'JWT::Certificate', $bound, $forged), '401 proof_missing', 'a proxy: the header of a client');
    is_answered($nginx, asked($nginx, $others, $bound, $forged), '401 wrong_certificate', 'a proxy: and of one with another certificate');
    # What the guide warns of: past the proxy the certificate alone will do, which is no secret.
    is_answered($nginx, $nginx->connect('behind.sock')->get('/', $bound, $forged), '200 ok', 'past the proxy: whoever has the certificate');
    $nginx->is_calm('warn');
}

# --- DPoP -------------------------------------------------------------------------------------------------------------

{
    my $nginx = sample('DPoP', 'dpop');
    my $bound = token($client->cnf);
    my $is = sub {
        my ($expected, $name, @lines) = @_;
        my $answer = asked($nginx, 'JWT::Certificate', @lines, 'X-User: root');
        is_answered($nginx, $answer, $expected, "dpop: $name");
        return $answer;
    };
    my $url = "$API/orders";
    my @lines = $client->lines($bound, htu => $url);
    is($is->('200 ok', 'its holder', @lines)->{body}, 'user=alice token= proof= certificate=.', 'dpop: who it is; token and proof stay here');
    my $answer = $is->('401 invalid_proof', 'the same again', @lines);
    like($answer->{headers}{'www-authenticate'}, qr/\ABearer realm="api", error="invalid_dpop_proof", DPoP realm="api", error="invalid_dpop_proof", algs="RS256 /, 'dpop: the challenges');
    $is->('200 ok', 'the next request', $client->lines($bound, htu => $url));
    $is->('401 invalid_proof', 'for another URL', $client->lines($bound, htu => "$API/"));
    $is->('401 invalid_proof', 'for another host', $client->lines($bound, htu => 'https://localhost/orders'));
    # docs/security.md: somebody sends on what he got, under his own name.
    $is->('401 invalid_proof', 'for another host, which the request names', 'Host: evil.example', $client->lines($bound, htu => 'https://evil.example/orders'));
    $is->('401 invalid_proof', 'with another key', $another->lines($bound, htu => $url));
    $is->('401 proof_missing', 'no proof', "Authorization: DPoP $bound");
    # docs/fleet.md: machines share nothing.
    my $other = sample('DPoP', 'dpop');
    is_answered($other, asked($other, 'JWT::Certificate', @lines), "$_->[0]", "dpop: on another machine, $_->[1]") for ['200 ok', 'once'], ['401 invalid_proof', 'and no more'];
    $is->('401 proof_missing', 'as a bearer token', "Authorization: Bearer $bound", $client->line(htu => $url, token => $bound));
    $is->('401 proof_missing', 'a token without a key', 'Authorization: Bearer ' . token());
    unlike($nginx->error_log, qr/eyJ/, 'dpop: neither token nor proof in the log');
    $nginx->is_calm('warn');
}

# A proxy before nginx that ends TLS and calls it by another name.
{
    my ($text) = $GUIDE->blocks('A proxy before nginx', 'nginx http');
    my $with = sub {
        my ($base) = @_;
        return JWT::Server->new(files => \%FILES, http => 'log_format w $auth_jwt_status;', servers => "$APPLICATION\n" . at_home($text, @KEYS,
            [qr/listen 8080;/, 'listen unix:%DIR%/nginx.sock; access_log logs/w.log w;'], [qr{http://application}, 'http://unix:%DIR%/app.sock:'],
            [qr{base=https://api[.]example[.]com}, "base=$base"],
        ));
    };
    my $bound = token($client->cnf);
    # What is before the path in "GET /orders" for "Host: inside", and which URLs are then right.
    for my $case ([$API, "$API/orders"], ["$API/v1", "$API/v1/orders"]) {
        my ($base, $url) = @$case;
        my $nginx = $with->($base);
        my $ask = sub { return $nginx->get('/orders', 'Host: inside', $client->lines($bound, htu => $_[0])) };
        is_answered($nginx, $ask->($url), '200 ok', "base=$base: $url");
        is_answered($nginx, $ask->($_), '401 invalid_proof', "base=$base: $_") for 'http://inside/orders', "$API/orders/", "$API/v2/orders";
        $nginx->is_calm('warn');
    }
}

# --- from bearer tokens to bound ones -----------------------------------------------------------------------------------

{
    my ($log) = $GUIDE->blocks('From bearer tokens to bound ones', 'nginx http');
    my $nginx = JWT::Server->new(
        files => \%FILES,
        http => "$log auth_jwt_issuer idp { issuer https://id.example.com/realms/example; audience orders-api; key_file keys.json; }",
        server => 'access_log logs/bound.log bound; location / { auth_jwt "api"; auth_jwt_issuers idp; empty_gif; }
            location /off { auth_jwt "api"; auth_jwt_issuers idp; auth_jwt_certificate off; auth_jwt_dpop off; empty_gif; }',
    );
    my ($with, $without) = map { token(azp => 'shop', @$_) } [$client->cnf], [];
    is($nginx->get('/', $client->lines($with))->{status}, 200, 'optional: a bound token with its proof');
    is($nginx->get('/', "Authorization: Bearer $without")->{status}, 200, 'optional: one that is not bound');
    is($nginx->get('/', "Authorization: Bearer $with")->{status}, 401, 'optional: a bound token without its proof');
    is($nginx->get('/off', "Authorization: Bearer $with")->{status}, 200, 'off: a bound token without its proof');
    # What docs/security.md warns of.
    is($nginx->get('/', 'Host: evil.example', $client->lines($with, htu => 'http://evil.example/'))->{status}, 200, 'without base= the host is what the client says');
    my @lines;
    $nginx->wait_until(sub { (@lines = split /\n/, $nginx->read('logs/bound.log')) >= 5 });
    my $thumbprint = $client->thumbprint;
    is_deeply([map {s/^\S+ //r} @lines], [
        "ok shop certificate=- key=$thumbprint", 'ok shop certificate=- key=-', "proof_missing shop certificate=- key=$thumbprint", "ok shop certificate=- key=$thumbprint", "ok shop certificate=- key=$thumbprint",
    ], 'the log tells who has which');
}

done_testing();
