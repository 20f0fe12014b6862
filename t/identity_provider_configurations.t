# The configurations in nginx-conf/ for identity providers: each is loaded as it is but for paths,
# addresses and the certificate authority, and guards an API with the keys of a stand-in that speaks
# TLS under the provider's name, with certificates made here. The issuer block of each guide is given the
# same keys in a file, and judges the same tokens.
use strict;
use warnings;

use File::Temp ();
use FindBin;
use IO::Socket::UNIX;
use Test::More;

use JWT;
use JWT::Server;

plan skip_all => 'openssl is missing' if qx(openssl version 2>/dev/null) !~ /SSL/;

my $TENANT = '11111111-1111-1111-1111-111111111111';

# For each: where its keys are, claims that pass, claims that are refused (over those that pass),
# claims that open the stricter location, and the headers that the API gets.
my %PROVIDERS = (
    auth0 => {
        host => 'example.eu.auth0.com', path => '/.well-known/jwks.json',
        claims => {
            iss => 'https://example.eu.auth0.com/', sub => 'auth0|alice',
            aud => ['https://api.example.com', 'https://example.eu.auth0.com/userinfo'],
            azp => 'client', scope => 'openid read:orders', permissions => ['read:orders'],
        },
        refused => [
            {iss => 'https://example.eu.auth0.com'}, {iss => 'https://other.eu.auth0.com/'},
            {aud => 'client'}, {aud => 'https://api.example.com.evil.example'}, {aud => undef},
        ],
        strict => ['/api/orders/', {permissions => ['read:orders', 'write:orders']}],
        headers => {
            'x-user' => 'auth0|alice', 'x-scope' => 'openid read:orders',
            'x-permissions' => 'read:orders',
        },
    },
    keycloak => {
        host => 'keycloak.example.com',
        path => '/realms/example/protocol/openid-connect/certs',
        claims => {
            iss => 'https://keycloak.example.com/realms/example', sub => 'f:1', typ => 'Bearer',
            aud => ['orders-api', 'account'], azp => 'shop', preferred_username => 'alice',
            realm_access => {roles => ['offline_access', 'clerk']},
        },
        refused => [
            {iss => 'https://keycloak.example.com/realms/master'}, {aud => 'account'},
            {typ => 'ID'}, {typ => 'Refresh'}, {aud => ['my-orders-api']},
        ],
        strict => ['/api/admin/', {realm_access => {roles => ['clerk', 'orders-admin']}}],
        headers => {
            'x-user' => 'f:1', 'x-name' => 'alice', 'x-client' => 'shop',
            'x-roles' => 'offline_access,clerk',
        },
    },
    'entra-id' => {
        host => 'login.microsoftonline.com', path => "/$TENANT/discovery/v2.0/keys",
        claims => {
            iss => "https://login.microsoftonline.com/$TENANT/v2.0", sub => 'pairwise',
            aud => '22222222-2222-2222-2222-222222222222', oid => 'o-1', tid => $TENANT,
            azp => 'shop', ver => '2.0', scp => 'Orders.Read profile',
        },
        refused => [
            {iss => "https://sts.windows.net/$TENANT/"}, {aud => 'api://22222222'},
            {iss => "https://login.microsoftonline.com/$TENANT/v2.0/"},
        ],
        forbidden => [{scp => 'Orders.Readme'}, {scp => undef}],
        also => [{scp => undef, roles => ['x', 'Orders.Read.All']}],
        strict => ['/api/write/', {scp => undef, roles => ['Orders.Write.All']}],
        headers => {'x-user' => 'o-1', 'x-client' => 'shop', 'x-scopes' => 'Orders.Read profile'},
    },
    okta => {
        host => 'example.okta.com', path => '/oauth2/default/v1/keys',
        claims => {
            iss => 'https://example.okta.com/oauth2/default', aud => 'api://default', ver => 1,
            sub => 'alice@example.com', cid => 'shop', uid => '00u1', scp => ['openid', 'orders:read'],
        },
        refused => [{iss => 'https://example.okta.com'}, {aud => 'shop'}],
        strict => ['/api/orders/', {scp => ['orders:read', 'orders:write']}],
        headers => {
            'x-user' => 'alice@example.com', 'x-user-id' => '00u1', 'x-client' => 'shop',
            'x-scopes' => 'openid,orders:read',
        },
    },
    cognito => {
        host => 'cognito-idp.eu-central-1.amazonaws.com',
        path => '/eu-central-1_Example00/.well-known/jwks.json',
        claims => {
            iss => 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example00',
            sub => 'uuid', client_id => '1example23456789', token_use => 'access',
            username => 'alice', 'cognito:groups' => ['clerks'], scope => 'openid',
        },
        refused => [
            {iss => 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example01'},
            {token_use => 'id'}, {client_id => 'another'}, {client_id => undef},
        ],
        strict => ['/api/admin/', {'cognito:groups' => ['clerks', 'admins']}],
        headers => {
            'x-user' => 'uuid', 'x-name' => 'alice', 'x-client' => '1example23456789',
            'x-groups' => 'clerks',
        },
    },
    google => {
        host => 'www.googleapis.com', path => '/oauth2/v3/certs',
        claims => {
            iss => 'https://accounts.google.com', sub => '1098', email => 'alice@example.org',
            aud => '1234567890-example.apps.googleusercontent.com',
            azp => '1234567890-example.apps.googleusercontent.com',
            email_verified => JSON::PP::true(),
        },
        refused => [
            {iss => 'https://accounts.google.com.evil.example'}, {email_verified => JSON::PP::false()},
            {aud => '0987654321-example.apps.googleusercontent.com'},
        ],
        also => [{iss => 'accounts.google.com'}],
        strict => ['/api/staff/', {hd => 'example.com'}],
        headers => {'x-user' => '1098', 'x-email' => 'alice@example.org'},
    },
);

# --- keys and certificates ---------------------------------------------------------

my $made = File::Temp->newdir('certificates-XXXXXX', TMPDIR => 1);

sub openssl {
    my (@arguments) = @_;
    my $pid = open(my $output, '-|') // die "cannot fork: $!";
    if (!$pid) {
        open STDERR, '>', "$made/errors";
        chdir $made;
        exec 'openssl', @arguments or POSIX::_exit(127);
    }
    local $/ = undef;
    my $text = <$output>;
    close $output or do { open my $errors, '<', "$made/errors"; die "openssl @arguments: ", <$errors> };
    return $text;
}

sub write_file {
    my ($name, $text) = @_;
    open my $file, '>', "$made/$name" or die "cannot open $name: $!";
    print {$file} $text;
    close $file or die "cannot write $name: $!";
    return;
}

my $serial = 1;

# A certificate for a name, made by an issuer; "ca" where it issues others.
sub certificate {
    my ($file, $name, $issuer, $ca) = @_;
    write_file("$file.ext",
        $ca ? "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
            : "basicConstraints=CA:FALSE\nsubjectAltName=DNS:$name\n");
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', "$file.key");
    openssl('req', '-new', '-key', "$file.key", '-subj', "/CN=$name", '-out', "$file.csr");
    my @by = $issuer ? ('-CA', "$issuer.pem", '-CAkey', "$issuer.key") : ('-signkey', "$file.key");
    openssl('x509', '-req', '-in', "$file.csr", @by, '-days', '2', '-set_serial', $serial++,
        '-extfile', "$file.ext", '-out', "$file.pem");
    return;
}

# The chain has two intermediates, as some providers' have.
certificate('root', 'Root of the tests', undef, 1);
certificate('other', 'Another root', undef, 1);
certificate('first', 'First intermediate', 'root', 1);
certificate('second', 'Second intermediate', 'first', 1);
certificate($_, $PROVIDERS{$_}{host}, 'second') for sort keys %PROVIDERS;
certificate('wrong', 'wrong.example', 'second');

sub read_file {
    my ($name) = @_;
    open my $file, '<:raw', "$made/$name" or die "cannot open $name: $!";
    local $/ = undef;
    return <$file>;
}

write_file("$_-chain.pem", join '', map { read_file("$_.pem") } $_, 'second', 'first')
    for 'wrong', keys %PROVIDERS;

openssl('genrsa', '-out', "$_.rsa", '2048') for 'signing', 'forging';
my ($modulus) = openssl('rsa', '-in', 'signing.rsa', '-noout', '-modulus') =~ /=([0-9A-F]+)/;
my $KEYS = JWT::key_set({
    kty => 'RSA', use => 'sig', alg => 'RS256', kid => 'k1', e => 'AQAB',
    n => JWT::b64url(pack 'H*', $modulus),
});

# A token with these claims (those that are undef are left out), signed by openssl.
sub bearer {
    my ($claims, $key) = @_;
    my %claims = (exp => time() + 600, %$claims);
    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;
    my $header = JWT::json({alg => 'RS256', typ => 'JWT', kid => 'k1'});
    my $input = JWT::b64url($header) . '.' . JWT::b64url(JWT::json(\%claims));
    write_file('input', $input);
    my $signature = openssl('dgst', '-sha256', '-sign', ($key // 'signing') . '.rsa', 'input');
    return "Authorization: Bearer $input." . JWT::b64url($signature);
}

# --- the stand-ins --------------------------------------------------------------------

# All providers, each under its own name alone; and on another socket one with a certificate of a
# name that is nobody's.
my $servers = '';
for my $name (sort keys %PROVIDERS) {
    my ($host, $path) = @{$PROVIDERS{$name}}{qw(host path)};
    $servers .= <<"CONF";
    server {
        listen unix:%DIR%/tls.sock ssl;
        server_name $host;
        ssl_certificate $made/$name-chain.pem;
        ssl_certificate_key $made/$name.key;
        access_log logs/$name.log told;
        location = $path {
            if (\$host != $host) { return 421; }
            root html;
            try_files /keys =404;
        }
    }
CONF
}
my $providers = JWT::Server->new(
    http => <<"CONF",
    log_format told '\$host \$request authorization=\$http_authorization cookie=\$http_cookie x=\$http_x_other';
    server {
        listen unix:%DIR%/tls.sock ssl default_server;
        ssl_reject_handshake on;
    }
$servers
    server {
        listen unix:%DIR%/wrong.sock ssl;
        ssl_certificate $made/wrong-chain.pem;
        ssl_certificate_key $made/wrong.key;
        root html;
        location / { try_files /keys =404; }
    }
    # The API, which tells what it gets.
    server {
        listen unix:%DIR%/application.sock;
        location / {
            add_header X-Got-User "\$http_x_user";
            add_header X-Got-Name "\$http_x_name";
            add_header X-Got-User-Id "\$http_x_user_id";
            add_header X-Got-Email "\$http_x_email";
            add_header X-Got-Client "\$http_x_client";
            add_header X-Got-Scope "\$http_x_scope";
            add_header X-Got-Scopes "\$http_x_scopes";
            add_header X-Got-Permissions "\$http_x_permissions";
            add_header X-Got-Roles "\$http_x_roles";
            add_header X-Got-Groups "\$http_x_groups";
            return 200;
        }
    }
CONF
    files => {'html/keys' => $KEYS},
);

# How often the provider's keys were asked for.
sub asked {
    my ($name) = @_;
    return split /^/m, $providers->read("logs/$name.log");
}

# An nginx with the configuration of a provider.
sub gateway {
    my ($name, $trusted, $socket) = @_;
    my $nginx = JWT::Server->prepared;
    my ($directory, $peer) = ($nginx->directory, $providers->directory);
    open my $file, '<', "$FindBin::Bin/../nginx-conf/$name.conf" or die "no $name.conf: $!";
    my $text = join '', <$file>;
    my $load = join "\n", map {"load_module $_;"} JWT::Server::modules();
    my $temp = join ' ', map {"${_}_temp_path temp/$_;"} qw(client_body proxy fastcgi uwsgi scgi);
    # Each must be there, once.
    my @changes = (
        [qr/^load_module modules\/ngx_http_auth_jwt_module[.]so;$/m,
            "$load\npid nginx.pid; error_log logs/error.log info;"],
        [qr/^http \{$/m, "http { access_log off; $temp"],
        [qr{proxy_cache_path \K/var/cache/nginx-jwks}, "$directory/cache"],
        [qr/^ +listen \K8080;/m, "unix:$directory/nginx.sock;"],
        [qr/ server \K127[.]0[.]0[.]1:8081;/m, "unix:$peer/application.sock;"],
        [qr{proxy_pass https://\K\$key_server(?=/)}, "unix:$peer/$socket:"],
        [qr{proxy_ssl_trusted_certificate \K/etc/ssl/certs/ca-certificates[.]crt;},
            "$made/$trusted.pem;"],
    );
    for my $change (@changes) {
        my ($old, $new) = @$change;
        my $count = $text =~ s/$old/$new/g;
        is($count, 1, "$name.conf: $old") if $socket eq 'tls.sock' && $trusted eq 'root';
    }
    $nginx->write('conf/nginx.conf', $text);
    return $nginx;
}

sub is_answered {
    my ($nginx, $request, $status, $name) = @_;
    my $answer = $nginx->get(@$request);
    is($answer->{status}, $status, $name) or diag($nginx->new_lines);
    return $answer;
}

for my $name (sort keys %PROVIDERS) {
    my $provider = $PROVIDERS{$name};
    my %claims = %{$provider->{claims}};
    my $nginx = gateway($name, 'root', 'tls.sock');
    my ($fine, $said) = $nginx->checked;
    ok($fine, "$name.conf is loaded") or diag($said);
    unlike($said, qr/\[(?:warn|error)\]/, "$name.conf: without a warning");
    $nginx->start;

    my $answer = is_answered($nginx, ['/api/x'], 401, "$name: no token");
    is($answer->{headers}{'www-authenticate'}, 'Bearer realm="api"', "$name: the challenge");
    is(scalar asked($name), 0, "$name: no token, no keys");

    # What a client says of itself is replaced.
    my %headers = %{$provider->{headers}};
    my @smuggled = map {"$_: admin"} sort keys %headers;
    $answer = is_answered($nginx,
        ['/api/x', bearer(\%claims), @smuggled, 'Cookie: a=b', 'X-Other: z'], 200, "$name: a token");
    my %got = map { /^x-got-(.*)/ ? ("x-$1" => $answer->{headers}{$_}) : () }
        keys %{$answer->{headers}};
    delete $got{$_} for grep { $got{$_} eq '' } keys %got;
    is_deeply(\%got, \%headers, "$name: what the API gets") or diag explain \%got;

    is_answered($nginx, ['/api/x', bearer({%claims, %$_})], 200, "$name: also " . JWT::json($_))
        for @{$provider->{also} // []};
    is_answered($nginx, ['/api/x', bearer({%claims, %$_})], 401, "$name: refused " . JWT::json($_))
        for @{$provider->{refused}};
    is_answered($nginx, ['/api/x', bearer({%claims, %$_})], 403, "$name: forbidden " . JWT::json($_))
        for @{$provider->{forbidden} // []};
    is_answered($nginx, ['/api/x', bearer(\%claims, 'forging')], 401, "$name: a forged token");
    is_answered($nginx, ['/api/x', bearer({%claims, exp => time() - 60})], 401, "$name: expired");

    my ($path, $more) = @{$provider->{strict}};
    is_answered($nginx, [$path, bearer(\%claims)], 403, "$name: $path, not allowed");
    is_answered($nginx, [$path, bearer({%claims, %$more})], 200, "$name: $path, allowed");
    is_answered($nginx, [$path, bearer({%claims, %$more, %$_})], 401, "$name: $path, refused " . JWT::json($_))
        for {iss => 'x'}, @{$provider->{refused}};

    is_answered($nginx, ['/_jwks', bearer(\%claims)], 404, "$name: clients do not get at the keys");
    is_deeply(
        [asked($name)],
        ["$provider->{host} GET $provider->{path} HTTP/1.1 authorization=- cookie=- x=-\n"],
        "$name: the keys were asked for once, and nothing told",
    );
    $nginx->is_calm('warn');
    undef $nginx;

    # A certificate of somebody whom we do not trust, and one of another name.
    $nginx = gateway($name, 'other', 'tls.sock');
    $nginx->start;
    is_answered($nginx, ['/api/x', bearer(\%claims)], 500, "$name: an authority that is not ours");
    like($nginx->error_log, qr/\[error\].*certificate verify error/, "$name: the log says so");
    like($nginx->error_log, qr/\[error\].*key request "\/_jwks"/, "$name: and whose keys");
    undef $nginx;
    $nginx = gateway($name, 'root', 'wrong.sock');
    $nginx->start;
    is_answered($nginx, ['/api/x', bearer(\%claims)], 500, "$name: a certificate of another name");
    like($nginx->error_log, qr/\[error\].*certificate does not match "\Q$provider->{host}\E"/,
        "$name: the log says so");
    is(scalar asked($name), 1, "$name: nobody was asked");
}

# --- the issuer blocks of the guides -----------------------------------------------------

# An nginx with the block of a guide; its API is the one above.
sub with_block {
    my ($name) = @_;
    open my $file, '<:raw', "$FindBin::Bin/../docs/guides/$name.md" or die "no $name.md: $!";
    my $guide = join '', <$file>;
    my ($text) = $guide =~ /^## As an issuer block\n.*?^```nginx http\n(.*?)^```$/ms or die "no block in $name.md";
    my ($keys) = $text =~ /key_file +(\S+);/ or die "no key file in $name.md";
    my ($url) = $guide =~ /^cron fetches the file from `([^`]+)`:/m;
    is($url, "https://$PROVIDERS{$name}{host}$PROVIDERS{$name}{path}", "$name.md: where the keys are");
    is($text =~ s/listen 8080;/listen unix:%DIR%\/nginx.sock;/, 1, "$name.md: its port");
    my $upstream = "upstream application { server unix:@{[$providers->directory]}/application.sock; }";
    return JWT::Server->new(files => {"conf/$keys" => $KEYS}, http => $upstream, servers => $text);
}

for my $name (sort keys %PROVIDERS) {
    my $provider = $PROVIDERS{$name};
    my %claims = %{$provider->{claims}};
    my $nginx = with_block($name);
    is_answered($nginx, ['/api/x'], 401, "$name, block: no token");
    is_answered($nginx, ['/api/x', bearer({%claims, %$_})], 200, "$name, block: a token " . JWT::json($_))
        for {}, @{$provider->{also} // []};
    is_answered($nginx, ['/api/x', bearer({%claims, %$_})], 401, "$name, block: refused " . JWT::json($_))
        for @{$provider->{refused}}, {exp => time() - 60}, {exp => undef};
    is_answered($nginx, ['/api/x', bearer({%claims, %$_})], 403, "$name, block: forbidden " . JWT::json($_))
        for @{$provider->{forbidden} // []};
    is_answered($nginx, ['/api/x', bearer(\%claims, 'forging')], 401, "$name, block: a forged token");
    $nginx->is_calm('warn');
}

done_testing();
