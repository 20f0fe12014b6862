# The configurations for identity providers, those of nginx-conf/ and those that the guides have beside
# them: each is run as it is but for paths and addresses, in front of a stand-in that has the provider's
# names, URLs, documents and kinds of keys. nginx fetches the keys by HTTPS from the very URL that stands
# there: it is told of a proxy that leads to the stand-in, and trusts an authority that is made here.
use strict;
use warnings;

use FindBin;
use MIME::Base64 qw(encode_base64);
use Test::More;

use JWT;
use JWT::ConnectProxy;
use JWT::OpenSSL;
use JWT::Providers qw(bearer key);
use JWT::Server;

plan skip_all => 'openssl is missing' unless JWT::OpenSSL->is_there;

# --- the providers, and certificates ----------------------------------------------------

my $openssl = JWT::OpenSSL->new;
my $made = $openssl->directory;
my %PROVIDERS = JWT::Providers::all($openssl);

my $serial = 1;

# A certificate for a name, made by an issuer; "ca" where it issues others.
sub certificate {
    my ($file, $name, $issuer, $ca) = @_;
    $openssl->write("$file.ext",
        $ca ? "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
            : "basicConstraints=CA:FALSE\nsubjectAltName=DNS:$name\n");
    $openssl->run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', "$file.key");
    $openssl->run('req', '-new', '-key', "$file.key", '-subj', "/CN=$name", '-out', "$file.csr");
    my @by = $issuer ? ('-CA', "$issuer.pem", '-CAkey', "$issuer.key") : ('-signkey', "$file.key");
    $openssl->run('x509', '-req', '-in', "$file.csr", @by, '-days', '2', '-set_serial', $serial++,
        '-extfile', "$file.ext", '-out', "$file.pem");
    return;
}

# --- the stand-ins --------------------------------------------------------------------

# What is served under which name: a host has the documents of all its paths.
my (%hosts, %documents);
for my $name (sort keys %PROVIDERS) {
    my %serves = $PROVIDERS{$name}{serves}->();
    for my $url (sort keys %serves) {
        my ($host, $path) = $url =~ m{\Ahttps://([^/]+)(/.+)\z} or die "no URL: $url";
        my $text = JWT::json($serves{$url});
        next if ($hosts{$host}{$path} //= {text => $text, accepts => $PROVIDERS{$name}{accepts}})->{text} eq $text;
        die "two documents at $url";
    }
}

# The provider of the page that has a location of its own for keys.
$hosts{'id.example.com'}{'/jwks.json'} = {text => JWT::json({keys => [key('signing', 'k1', [], alg => 'RS256')]})};

# The chain has two intermediates, as some providers' have.
certificate('root', 'Root of the tests', undef, 1);
certificate('other', 'Another root', undef, 1);
certificate('first', 'First intermediate', 'root', 1);
certificate('second', 'Second intermediate', 'first', 1);
certificate($_, $_, 'second') for sort(keys %hosts), 'wrong.example';
$openssl->write("$_-chain.pem", join '', map { JWT::read_file("$made/$_.pem") } $_, 'second', 'first') for keys %hosts, 'wrong.example';

# All hosts, each under its own name alone; and on another socket one with a certificate of a name that is
# nobody's.
my ($servers, $count) = ('', 0);
for my $host (sort keys %hosts) {
    my $locations = '';
    for my $path (sort keys %{$hosts{$host}}) {
        my ($text, $accepts) = @{$hosts{$host}{$path}}{qw(text accepts)};
        my $file = 'document' . $count++;
        $documents{"html/$file"} = $text;
        my $picky = $accepts ? "if (\$http_accept !~ \"$accepts\") { return 406; }" : '';
        $locations .= "location = $path { $picky default_type application/json; root html; try_files /$file =404; }\n";
    }
    $servers .= <<"CONF";
    server {
        listen unix:%DIR%/tls.sock ssl;
        server_name $host;
        ssl_certificate $made/$host-chain.pem;
        ssl_certificate_key $made/$host.key;
        access_log logs/asked.log told;
        $locations
    }
CONF
}
my $providers = JWT::Server->new(
    http => <<"CONF",
    server_names_hash_bucket_size 128;
    log_format told '\$request_method https://\$host\$request_uri authorization=\$http_authorization cookie=\$http_cookie';
    server {
        listen unix:%DIR%/tls.sock ssl default_server;
        ssl_reject_handshake on;
    }
$servers
    server {
        listen unix:%DIR%/wrong.sock ssl;
        ssl_certificate $made/wrong.example-chain.pem;
        ssl_certificate_key $made/wrong.example.key;
        location / { return 404; }
    }
    # The API, which tells what it gets.
    server {
        listen unix:%DIR%/application.sock;
        location / {
            add_header X-Got-User "\$http_x_user";
            add_header X-Got-Name "\$http_x_name";
            add_header X-Got-Email "\$http_x_email";
            add_header X-Got-Client "\$http_x_client";
            add_header X-Got-Tenant "\$http_x_tenant";
            add_header X-Got-Repository "\$http_x_repository";
            add_header X-Got-Run "\$http_x_run";
            add_header X-Got-Project "\$http_x_project";
            add_header X-Got-Job "\$http_x_job";
            add_header X-Got-Service "\$http_x_service";
            return 200;
        }
    }
CONF
    files => \%documents,
);
my $proxy = JWT::ConnectProxy->new($providers->directory . '/tls.sock');

# What the providers were asked for since the last call.
my $seen = 0;

sub asked {
    my $text = substr $providers->read('logs/asked.log'), $seen;
    $seen += length $text;
    return sort split /\n/, $text;
}

# --- nginx -----------------------------------------------------------------------------

# The configuration of a provider, and files beside it.
sub configuration {
    my ($name) = @_;
    my $provider = $PROVIDERS{$name};
    return JWT::read_file("$FindBin::Bin/../nginx-conf/$name.conf") unless $provider->{from};
    my ($guide, $section) = @{$provider->{from}};
    my ($text) = JWT::read_file("$FindBin::Bin/../docs/guides/$guide.md") =~ /^## \Q$section\E\n(.*?)(?=^## |\z)/ms
        or die "$guide.md has no section \"$section\"";
    my ($block) = $text =~ /^```nginx http\n(.*?)^```$/ms or die "no configuration in \"$section\" of $guide.md";
    my %files = map { ($_ => ($text =~ $provider->{files}{$_})[0] // die "no $_ in $guide.md") } keys %{$provider->{files} // {}};
    return ("load_module modules/ngx_http_auth_jwt_module.so;\nevents {}\nhttp {\n$block}\n", %files);
}

# An nginx with the configuration of a provider, which trusts a certificate.
sub gateway {
    my ($name, $trusted) = @_;
    my ($text, %files) = configuration($name);
    my $nginx = JWT::Server->prepared(files => \%files);
    my ($directory, $peer) = ($nginx->directory, $providers->directory);
    my $load = join "\n", map {"load_module $_;"} JWT::Server::modules();
    my $temp = join ' ', map {"${_}_temp_path temp/$_;"} qw(client_body proxy fastcgi uwsgi scgi);
    # Each must be there, once.
    my @changes = (
        [qr/^load_module modules\/ngx_http_auth_jwt_module[.]so;$/m,
            "$load\npid nginx.pid; error_log logs/error.log info; env SSL_CERT_FILE=$made/$trusted.pem;"],
        [qr/^http \{$/m, "http { access_log off; auth_jwt_fetch_proxy @{[$proxy->url]}; $temp"],
        [qr/^ +listen \K8080;/m, "unix:$directory/nginx.sock;"],
        [qr{proxy_pass http://\K127[.]0[.]0[.]1:8081;}, "unix:$peer/application.sock:;"],
    );
    push @changes, [qr{ssl_trusted_certificate +\K/var/run/secrets/kubernetes[.]io/serviceaccount/ca[.]crt;}, "$made/$trusted.pem;"]
        if $text =~ /ssl_trusted_certificate/;
    for my $change (@changes) {
        my ($old, $new) = @$change;
        my $count = $text =~ s/$old/$new/g;
        is($count, 1, "$name: $old") if $trusted eq 'root';
    }
    $nginx->write('conf/nginx.conf', $text);
    return $nginx;
}

sub is_answered {
    my ($nginx, $line, $status, $name) = @_;
    my $answer = $nginx->get('/x', defined $line ? $line : ());
    is($answer->{status}, $status, $name) or diag($nginx->new_lines);
    return $answer;
}

# A test: the log has such a line, now or soon. What the thread has to say is written by the event loop.
sub logs {
    my ($nginx, $line, $name) = @_;
    $nginx->wait_until(sub { $nginx->error_log =~ $line });
    return like($nginx->error_log, $line, $name);
}

for my $name (sort keys %PROVIDERS) {
    my $provider = $PROVIDERS{$name};
    my $nginx = gateway($name, 'root');
    my ($fine, $said) = $nginx->checked;
    ok($fine, "$name: is loaded") or diag($said);
    unlike($said, qr/\[(?:warn|error)\]/, "$name: without a warning");
    is_deeply([$proxy->asked, asked()], [], "$name: and nobody is asked for that");
    $nginx->start;

    my $answer = is_answered($nginx, undef, 401, "$name: no token");
    like($answer->{headers}{'www-authenticate'}, qr/\ABearer realm="\w+"(?:, scope="[^"]+")?\z/, "$name: the challenge");

    # What a client says of itself is replaced.
    my %headers = %{$provider->{headers}};
    my @smuggled = map {"$_: admin"} sort keys %headers;
    $answer = $nginx->get('/x', bearer($provider), @smuggled, 'Cookie: a=b');
    is($answer->{status}, 200, "$name: a token") or diag($nginx->new_lines);
    my %got = map { /^x-got-(.*)/ ? ("x-$1" => $answer->{headers}{$_}) : () } keys %{$answer->{headers}};
    delete $got{$_} for grep { $got{$_} eq '' } keys %got;
    is_deeply(\%got, \%headers, "$name: what the API gets") or diag explain \%got;

    is_answered($nginx, bearer($provider, $_), 200, "$name: also " . JWT::json($_)) for @{$provider->{also} // []};
    is_answered($nginx, bearer($provider, $_), 401, "$name: refused " . JWT::json($_))
        for @{$provider->{refused}}, {exp => time - 60}, {exp => undef};
    is_answered($nginx, bearer($provider, $_), 403, "$name: forbidden " . JWT::json($_)) for @{$provider->{forbidden} // []};
    is_answered($nginx, bearer($provider, {}, 'forging'), 401, "$name: a forged token");
    is_answered($nginx, join(' ', $provider->{in} // 'Authorization: Bearer', 'ya29.a0AfB_opaque'), 401, "$name: an opaque token");

    my %serves = $provider->{serves}->();
    my @urls = sort keys %serves;
    my @asks = map { ($_) x ($provider->{asks} // 1) } @urls;
    is_deeply([asked()], [map {"GET $_ authorization=- cookie=-"} @asks], "$name: each document was asked for once, and nothing told");
    my @places = map { m{\Ahttps://([^/]+)} ? "$1:443" : () } @asks;
    is_deeply([sort $proxy->asked], [sort @places], "$name: by way of the proxy");
    my ($keys) = grep { ($serves{$_}{keys}) } @urls;
    logs($nginx, qr/\[notice\].* issuer "\w+": 2 keys from "\Q$keys\E"/, "$name: the log tells of the keys");
    $nginx->is_calm('warn');
}

# The token that a load balancer signs itself: its segments are padded.
{
    my $nginx = gateway('aws-alb', 'root');
    $nginx->start;
    my $padded = join '.', map { encode_base64($_, '') =~ tr{+/}{-_}r } '{"typ":"JWT","kid":"k","alg":"ES256","iss":"x"}', '{"sub":"u"}', 'x' x 64;
    like($padded, qr/=/, 'the token of a load balancer is padded');
    is_answered($nginx, "x-amzn-oidc-accesstoken: $padded", 401, 'and refused');
    like($nginx->error_log, qr/malformed JWT: a segment is not base64url/, 'the log says why');
    is_answered($nginx, undef, 401, 'nor is one looked for elsewhere');
    is_answered($nginx, "x-amzn-oidc-data: $padded", 401, 'such as where it comes');
}

# A certificate of somebody whom nobody trusts, and one of another name. In one of them trust is a parameter.
for my $name ('auth0', 'kubernetes') {
    my ($url) = grep {/openid/} sort keys %{{$PROVIDERS{$name}{serves}->()}};
    my $failed = qr/\[error\].* issuer "\w+": keys cannot be fetched from "\Q$url\E": TLS: /;
    asked();
    my $nginx = gateway($name, 'other');
    $nginx->start;
    is_answered($nginx, bearer($PROVIDERS{$name}), 500, "$name: an authority that is not trusted");
    logs($nginx, qr/${failed}invalid peer certificate: UnknownIssuer/, "$name: the log says so");
    undef $nginx;
    $proxy->lead_to($providers->directory . '/wrong.sock');
    $nginx = gateway($name, 'root');
    $nginx->start;
    is_answered($nginx, bearer($PROVIDERS{$name}), 500, "$name: a certificate of another name");
    logs($nginx, qr/${failed}invalid peer certificate: .*not valid for name/, "$name: the log says so");
    is_deeply([asked()], [], "$name: nobody was asked");
    $proxy->lead_to($providers->directory . '/tls.sock');
}

# --- a location of one's own for keys ------------------------------------------------

# docs/migrating.md has one; it reaches the stand-in at this socket.
sub old_way {
    my ($trusted, $socket) = @_;
    my ($text) = JWT::read_file("$FindBin::Bin/../docs/migrating.md")
        =~ /^### Keys by a location of your own\n.*?^```nginx http\n(.*?)^```$/ms or die 'no such configuration';
    my $peer = $providers->directory;
    for my $change (
        [qr{proxy_cache_path \K/var/cache/nginx-jwks}, '%DIR%/cache'],
        [qr/^ +listen \K8080;/m, 'unix:%DIR%/nginx.sock;'],
        [qr{proxy_pass https://\K\$key_server(?=/)}, "unix:$peer/$socket:"],
        [qr{proxy_ssl_trusted_certificate \K/etc/ssl/certs/ca-certificates[.]crt;}, "$made/$trusted.pem;"],
    ) {
        my ($old, $new) = @$change;
        is($text =~ s/$old/$new/g, 1, "a location for keys: $old") if $trusted eq 'root';
        $text =~ s/$old/$new/g if $trusted ne 'root';
    }
    return JWT::Server->new(http => "upstream application { server unix:$peer/application.sock; }", servers => $text);
}

{
    my %old = (kid => 'k1', claims => {iss => 'https://id.example.com', aud => 'orders-api'});
    asked();
    my $nginx = old_way('root', 'tls.sock');
    my $is = sub {
        my ($status, $line, $name) = @_;
        return is($nginx->get('/api/', $line)->{status}, $status, "a location for keys: $name") || diag($nginx->new_lines);
    };
    $is->(200, bearer(\%old), 'a token');
    $is->(401, bearer(\%old, $_), 'refused ' . JWT::json($_)) for {iss => 'https://x'}, {aud => 'x'}, {aud => undef}, {exp => undef}, {exp => 1};
    $is->(401, bearer(\%old, {}, 'forging'), 'a forged token');
    is($nginx->get('/_jwks', bearer(\%old))->{status}, 404, 'a location for keys: clients do not get at it');
    is_deeply([asked()], ['GET https://id.example.com/jwks.json authorization=- cookie=-'], 'a location for keys: asked for once, and nothing told');
    $nginx->is_calm('warn');

    for my $case (['other', 'tls.sock', qr/certificate verify error/], ['root', 'wrong.sock', qr/certificate does not match "id[.]example[.]com"/]) {
        my ($trusted, $socket, $line) = @$case;
        $nginx = old_way($trusted, $socket);
        $is->(500, bearer(\%old), "$trusted, $socket");
        like($nginx->error_log, qr/\[error\].*$line/, 'a location for keys: the log says so');
    }
    is_deeply([asked()], [], 'a location for keys: nobody was asked');
}

done_testing();
