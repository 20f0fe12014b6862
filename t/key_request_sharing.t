# Whom a key request serves: without auth_jwt_key_cache who asked, and nobody else; with it everybody
# to whom the operator has declared the keys to be the same, and then nothing of one client's decides
# what the others get.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::KeyServer;
use JWT::Server;

my %secret = map { $_ => "the secret of tenant $_" } qw(a b c);

sub keys_of { return JWT::key_set(map { JWT::jwk($secret{$_}) } @_) }

sub bearer { return JWT::bearer(undef, secret => $secret{$_[0]}) }

my $idp = JWT::KeyServer->new;
my $address = $idp->address;

# One answer for each tenant, slow enough for everybody to come meanwhile.
sub tenants {
    my ($wait) = @_;
    $idp->answer(map { ("/$_/jwks" => {body => keys_of($_), wait => $wait}) } qw(a b c));
    $idp->forget;
    return;
}

# A server for each way to write its name; /each fetches for each request, /kept keeps what it got.
sub server {
    my ($names, $more) = @_;
    return <<"CONF";
    server {
        listen unix:%DIR%/nginx.sock;
        server_name $names;
        add_header X-Status \$auth_jwt_status always;
        $more
        location /each { auth_jwt "r"; auth_jwt_key_request /_jwks; empty_gif; }
        location /kept { auth_jwt "r"; auth_jwt_key_request /_jwks; auth_jwt_key_cache 1h; empty_gif; }
    }
CONF
}

# Starts a GET with a Host of its own.
sub started {
    my ($nginx, $host, $path, @lines) = @_;
    return $nginx->started($path, "Host: $host", @lines);
}

# Failures of key requests are logged as errors, and meant here.
sub is_calm { return $_[0]->is_calm('warn', qr/\[error\]/) }

# --- tenants by the name of the server ------------------------------------------------

my $by_capture = "location = /_jwks { internal; proxy_pass http://$address/\$tenant/jwks; }";
my $by_host = <<"CONF";
        location = /_jwks {
            internal;
            if (\$host ~ ^([abc])) { set \$of \$1; }
            proxy_pass http://$address/\$of/jwks;
        }
CONF
my %servers = (
    'a named capture' => server('"~^(?<tenant>[abc])\.test$"', $by_capture),
    'a wildcard' => server('*.test', $by_host),
    'any name' => server('_', $by_host),
);

for my $name (sort keys %servers) {
    for my $path ('/each', '/kept') {
        tenants(0.4);
        my $nginx = JWT::Server->new(http => $servers{$name});
        my @clients;
        for my $tenant (qw(a b)) {
            for my $signer (qw(a b)) {
                push @clients, [$tenant, $signer, started($nginx, "$tenant.test", $path, bearer($signer))];
                sleep 0.02;
            }
        }
        for my $client (@clients) {
            my ($tenant, $signer, $connection) = @$client;
            is($connection->outcome, $tenant eq $signer ? '200 ok' : '401 invalid_signature',
                "$name, $path: a token of $signer at $tenant");
        }
        is_calm($nginx);
    }
}

# Two tenants, 200 requests interleaved, a slow key server: every verdict as if each were alone.
for my $path ('/each', '/kept') {
    tenants(0.3);
    my $nginx = JWT::Server->new(http => $servers{'a named capture'}, workers => 2);
    my (@clients, %tally);
    for my $round (1 .. 50) {
        for my $pair ([qw(a a)], [qw(b a)], [qw(b b)], [qw(a b)]) {
            my ($tenant, $signer) = @$pair;
            my $right = $tenant eq $signer ? '200 ok' : '401 invalid_signature';
            push @clients, [$right, started($nginx, "$tenant.test", $path, bearer($signer))];
        }
        sleep 0.005;
    }
    for my $client (@clients) {
        my $status = $client->[1]->outcome;
        $tally{$status eq $client->[0] ? 'right' : "$status instead of $client->[0]"}++;
    }
    is_deeply(\%tally, {right => 200}, "$path: two hundred interleaved");
    my $hits = $idp->hits;
    if ($path eq '/each') { is($hits, 200, 'each has fetched for itself') }
    else { cmp_ok($hits, '<=', 4, 'by one fetch for each tenant and worker') }
    is_calm($nginx);
}

# --- tenants by what only a request of its own may decide ----------------------------------

{
    tenants(0.4);
    my $nginx = JWT::Server->new(http => server('localhost', <<"CONF"));
        location = /_jwks { internal; proxy_pass http://$address/\$http_x_tenant/jwks; }
        location = /_set { internal; proxy_pass http://$address/\$tenant/jwks; }
        location /set { set \$tenant \$arg_t; auth_jwt "r"; auth_jwt_key_request /_set; empty_gif; }
        location /argument { auth_jwt "r"; auth_jwt_key_request /_args?\$arg_t; empty_gif; }
        location = /_args { internal; proxy_pass http://$address/\$args/jwks; }
CONF
    for my $path ('/each', '/set?t=', '/argument?t=') {
        my @clients;
        for my $pair ([qw(a a)], [qw(b a)], [qw(b b)], [qw(a b)]) {
            my ($tenant, $signer) = @$pair;
            my $uri = $path =~ /=$/ ? "$path$tenant" : $path;
            push @clients, [@$pair, started($nginx, 'localhost', $uri, "X-Tenant: $tenant", bearer($signer))];
        }
        for my $client (@clients) {
            my ($tenant, $signer, $connection) = @$client;
            is($connection->outcome, $tenant eq $signer ? '200 ok' : '401 invalid_signature',
                "$path: a token of $signer for $tenant");
        }
    }
    is_calm($nginx);
}

# --- what a shared request carries: nothing of one client's --------------------------------

{
    $idp->answer('/jwks' => {body => keys_of('a'), wait => 0.3});
    my $more = <<"CONF";
        set \$of_server "of the server";
        location = /_jwks {
            internal;
            proxy_set_header Host \$host;
            proxy_set_header Seen-Host "\$http_host";
            proxy_set_header Seen-Tenant "x:\$http_x_tenant";
            proxy_set_header Seen-Forwarded "f:\$proxy_add_x_forwarded_for";
            proxy_set_header Seen-Agent "u:\$http_user_agent";
            proxy_set_header Seen-Mapped "m:\$mapped";
            proxy_set_header Seen-Set "s:\$chosen";
            proxy_set_header Seen-Server "\$of_server";
            proxy_set_header Seen-Uri "\$request_uri";
            proxy_pass http://$address/jwks;
        }
        location /early {
            set \$chosen "chosen for \$arg_who";
            set \$early "\$mapped";
            auth_jwt "r";
            auth_jwt_key_request /_jwks?a=b;
            auth_jwt_key_cache 1h;
            proxy_set_header Seen-Mapped "m:\$mapped";
            proxy_set_header Seen-Set "s:\$chosen";
            proxy_pass http://$address/api;
        }
CONF
    my $nginx = JWT::Server->new(
        http => 'map $http_x_tenant $mapped { default "mapped $http_x_tenant"; } ' . server('localhost', $more),
    );
    $idp->answer('/api' => {body => 'the API'});
    my @client = ('X-Tenant: evil', 'X-Forwarded-Host: evil.example', 'X-Forwarded-For: 192.0.2.1',
        'User-Agent: evil', 'Accept: text/html', 'Forwarded: host=evil.example', 'Cookie: a=b', bearer('a'));
    $idp->forget;
    is(started($nginx, 'localhost', '/kept', @client)->outcome, '200 ok', 'a client with many headers');
    my ($keys) = $idp->requests;
    my %seen = %{$keys->{headers}};
    delete $seen{connection};
    is_deeply(
        \%seen,
        {
            host => 'localhost', 'seen-host' => 'localhost', 'seen-tenant' => 'x:', 'seen-agent' => 'u:',
            'seen-forwarded' => 'f:unix:', 'seen-mapped' => 'm:mapped ', 'seen-set' => 's:',
            'seen-server' => 'of the server', 'seen-uri' => '/_jwks',
        },
        'none of them reaches the key server, by no variable either',
    ) or diag explain \%seen;
    $idp->forget;
    is(started($nginx, 'LOCALHOST:8080', '/early?who=me', @client)->outcome, '200 ok', 'and variables known before');
    my ($again, $api) = $idp->requests;
    is($again->{headers}{'seen-set'}, 's:', 'what this client has set is not handed down');
    is($again->{headers}{'seen-mapped'}, 'm:mapped ', 'nor what was evaluated for it');
    is($again->{headers}{'seen-host'}, 'localhost', 'the host is what the keys are told apart by');
    is($again->{headers}{'seen-uri'}, '/_jwks?a=b', 'the URI is that of the key request');
    is($api->{headers}{'seen-set'}, 's:chosen for me', 'and its own request keeps it');
    is($api->{headers}{'seen-mapped'}, 'm:mapped evil', 'the one as the other');
    $nginx->is_calm('error');
}

# --- one client's failure is nobody else's ----------------------------------------------------

# A key server that refuses much in the headers, as many do beyond 8 KiB.
my @long = map { "X-Long-$_: " . 'x' x 3000 } 1 .. 4;
for my $path ('/each', '/kept', '/brief') {
    $idp->answer('/jwks' => {body => keys_of('a'), wait => 0.2, largest_head => 8192});
    my $nginx = JWT::Server->new(http => server('localhost', <<"CONF"));
        large_client_header_buffers 8 8k;
        location = /_jwks { internal; proxy_pass http://$address/jwks; }
        location /brief { auth_jwt "r"; auth_jwt_key_request /_jwks; auth_jwt_key_cache 1s; empty_gif; }
CONF
    my (@clients, %tally);
    for my $round (1 .. 10) {
        push @clients, ['evil', started($nginx, 'localhost', $path, @long, bearer('b'))];
        push @clients, ['evil', started($nginx, 'localhost', $path, @long, bearer('b'))];
        push @clients, map { ['good', started($nginx, 'localhost', $path, bearer('a'))] } 1 .. 5;
        sleep 0.05;
    }
    $tally{"$_->[0] " . $_->[1]->outcome}++ for @clients;
    my $evil = $path eq '/each' ? '500 keys_unavailable' : '401 invalid_signature';
    is_deeply(\%tally, {'good 200 ok' => 50, "evil $evil" => 20}, "$path: long headers harm nobody else")
        or diag explain \%tally;
}

done_testing();
