# What hostile clients, odd configurations and hostile key servers try with key requests: nobody gets
# keys that were meant for another, nobody sees the keys themselves, nobody is kept waiting.
use strict;
use warnings;

use IO::Select;
use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::KeyServer;
use JWT::Server;

my %secret = map { $_ => "the secret of tenant $_, of more than 32 octets" } qw(a b);
my @more = map { JWT::jwk("a further secret of many, number $_, of more than 32 octets", kid => "k$_") } 1 .. 40;

sub keys_of { return JWT::key_set((map { JWT::jwk($secret{$_}) } @_), @more) }
sub bearer { return JWT::bearer($_[1], secret => $secret{$_[0]}) }

our $socket = 'nginx.sock';
my $idp = JWT::KeyServer->new;
my $address = $idp->address;
$idp->answer(
    '/a/jwks' => {body => keys_of('a'), wait => 0.1}, '/b/jwks' => {body => keys_of('b'), wait => 0.1},
    '/api' => {body => 'the API'},
);

# Starts a request of any form.
sub started {
    my ($nginx, @lines) = @_;
    my $client = $nginx->connect($socket);
    $client->send_bytes(join "\r\n", @lines, '', '');
    return $client;
}

sub asked { my ($nginx, $host, @lines) = @_; return started($nginx, 'GET / HTTP/1.1', "Host: $host", @lines)->outcome }

# --- the access phase after the answer: post_action ---------------------------------

{
    my $nginx = JWT::Server->new(server => <<"CONF");
        location = /_jwks { internal; proxy_pass http://$address/a/jwks; }
        location /open { post_action /after; empty_gif; }
        location /after { auth_jwt "r"; auth_jwt_key_request /_jwks; proxy_pass http://$address/api; }
        location /next { return 204; }
CONF
    $idp->forget;
    my $client = started($nginx, 'GET /open HTTP/1.1', 'Host: localhost', bearer('a'));
    my $answer = $client->answer('GET');
    is(length $answer->{body}, 43, 'post_action: the answer is whole');
    $client->request('GET', '/next');
    is(($client->answer('GET') // {status => 'nothing'})->{status}, 204, 'and the next request is answered');
    ok($idp->wait_for_hits(2), 'keys and what they guard were asked for');
    is_deeply([map { $_->{path} } $idp->requests], ['/a/jwks', '/api'], 'in that order: the token passed');
    is($client->{buffer}, '', 'nothing of the keys comes to the client');
    $nginx->is_calm('crit');
}

# --- keys of everybody: what decides them -------------------------------------------------

my $guarded = 'location / { auth_jwt "r"; auth_jwt_key_request /_jwks; auth_jwt_key_cache 1h; empty_gif; }'
    . ' add_header X-Status $auth_jwt_status always;';

# A token that nobody has verified.
{
    my $nginx = JWT::Server->new(
        http => 'map $jwt_claim_iss $of { volatile; default a; b b; }',
        server => "$guarded location = /_jwks { internal; proxy_pass http://$address/\$of/jwks; }",
    );
    is(asked($nginx, 'localhost', bearer('b', {iss => 'b'})), '401 invalid_signature',
        'a token has no say in whose keys serve everybody');
    is(asked($nginx, 'localhost', bearer('a', {iss => 'a'})), '200 ok', 'and poisons none');
    is(asked($nginx, 'localhost', bearer('b', {iss => 'a'})), '401 invalid_signature', 'nor opens a door');
    $nginx->is_calm('crit');
}

# Names of one server, each spelt out; requests that name none, or one that is not the server's.
{
    local $socket = 'named.sock';
    my $server = sub { return <<"CONF" };
    server {
        listen unix:%DIR%/named.sock;
        server_name $_[0];
        $guarded
        location = /_jwks { internal; if (\$host ~ ^([ab])) { set \$of \$1; } proxy_pass http://$address/\$of/jwks; }
    }
CONF
    my $nginx = JWT::Server->new(http => $server->('a.test b.test'));
    for my $case (['a.test', 'a', '200 ok'], ['b.test', 'a', '401 invalid_signature'], ['b.test', 'b', '200 ok'],
        ['A.Test:80', 'a', '200 ok'], ['a.test', 'b', '401 invalid_signature'])
    {
        my ($host, $signer, $expected) = @$case;
        is(asked($nginx, $host, bearer($signer)), $expected, "two names: a token of $signer at $host");
    }
    $nginx = JWT::Server->new(http => $server->('a.test b.test'));
    is(started($nginx, 'GET / HTTP/1.0', bearer('a'))->outcome, '200 ok', 'without a host: the first name');
    is(asked($nginx, 'b.test', bearer('a')), '401 invalid_signature', 'and no other');
    is(asked($nginx, 'b.elsewhere', bearer('a')), '200 ok', 'a host that is not its own: the first name');
    is(asked($nginx, 'b.elsewhere', bearer('b')), '401 invalid_signature', 'and not what the client says');
    $idp->forget;
    asked($nginx, "$_.elsewhere", bearer('a')) for 1 .. 20;
    is($idp->hits, 0, 'hosts made up make no fetch');
    $nginx->is_calm('crit');
}

# Where any host is served, each has its own, and the keys of hosts that answer the same are one set.
{
    my $odd = {kty => 'XYZ', kid => 'odd'};
    $idp->answer('/same' => {body => JWT::key_set(JWT::jwk($secret{a}), $odd)});
    my $nginx = JWT::Server->new(
        http => "server { listen unix:%DIR%/nginx.sock; server_name *.test; $guarded"
            . " location = /_jwks { internal; proxy_pass http://$address/same; } }",
    );
    $nginx->new_lines;
    is(asked($nginx, "host-$_.test", bearer('a')), '200 ok', "a host among many, $_") for 1 .. 5;
    my @notices = grep {/\[notice\].*"odd"/} $nginx->new_lines;
    is(scalar @notices, 1, 'the same answer is parsed once') or diag(@notices);
    $nginx->is_calm('crit');
}

# A flood of hosts while the key server is down does not cost others their last keys.
{
    $idp->answer('/down' => {body => keys_of('a')});
    my $stale = $guarded =~ s/1h;/1 stale=1h;/r;
    my $nginx = JWT::Server->new(
        http => "server { listen unix:%DIR%/nginx.sock; server_name *.test; $stale"
            . " location = /_jwks { internal; proxy_pass http://$address/down; } }",
    );
    is(asked($nginx, 'good.test', bearer('a')), '200 ok', 'keys of a good host');
    $idp->stop;
    sleep 1.2;
    my $client = $nginx->connect;
    for my $number (1 .. 1100) {
        $client->send_bytes(join "\r\n", 'GET / HTTP/1.1', "Host: evil-$number.test", bearer('b'), '', '');
        my $answer = $client->answer('GET');
        $client = $nginx->connect if !$answer || ($answer->{headers}{connection} // '') eq 'close';
    }
    is(asked($nginx, 'good.test', bearer('a')), '200 ok', 'serve on after a flood of other hosts');
    $idp->start;
    $nginx->is_calm('crit');
}

# --- key servers and clients that keep others waiting ------------------------------------------

{
    my $nginx = JWT::Server->new(server => <<"CONF");
        $guarded
        location = /_jwks { internal; ssi on; proxy_pass http://$address/ssi; }
        location /part/ { internal; proxy_pass http://$address/; }
CONF
    $idp->answer(
        '/ssi' => {body => '{"keys":[<!--# include virtual="/part/flood" -->]}', type => 'text/html'},
        '/flood' => {body => '{', length => undef, then => 'flood', type => 'text/html'},
    );
    my @clients = map { started($nginx, 'GET / HTTP/1.1', 'Host: localhost', bearer('a')) } 1 .. 3;
    is_deeply(JWT::Connection::tally(@clients), {'500 keys_unavailable' => 3},
        'a fragment that never ends is ended at the limit');
    like(join('', grep {/key request/} $nginx->new_lines), qr/larger than 1 MiB/, 'and the log says so');
    $nginx->is_calm('crit');
}

# Clients that begin the fetch of all and leave, one after the other: who stays gets his own in the end.
{
    my $nginx = JWT::Server->new(server => "$guarded location = /_jwks { internal; proxy_pass http://$address/slow; }");
    $idp->answer('/slow' => {body => keys_of('a'), wait => 0.5});
    $idp->forget;
    my @leavers = map { started($nginx, 'GET / HTTP/1.1', 'Host: localhost', bearer('a')) } 1 .. 12;
    ok($idp->wait_for_hits(1), 'a fetch is under way');
    my $patient = started($nginx, 'GET / HTTP/1.1', 'Host: localhost', bearer('a'));
    for (1 .. 6) {
        sleep 0.3;
        shift @leavers;
    }
    ok(IO::Select->new($patient->{socket})->can_read(0), 'who stays has his answer before all have left');
    is($patient->outcome, '200 ok', 'and is served');
    $nginx->is_calm('crit');
}

done_testing();
