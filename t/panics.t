# Each entry from nginx is made to panic, by a module that is built for that (scripts/build --panics):
# the request or the configuration fails, the worker lives and serves on.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(time);

use lib "$FindBin::Bin/idp";
use JWT;
use JWT::Server;
use KeyServer;

my $module = $ENV{AUTH_JWT_PANICS_MODULE};
plan skip_all => 'AUTH_JWT_PANICS_MODULE names no module of scripts/build --panics' unless $module;

my $SERVER = <<'CONF';
        location = /keys { internal; alias %DIR%/html/keys; }
        location = /slow { internal; proxy_pass http://KEY_SERVER; }
        location /plain { return 200 plain; }
        location /file {
            auth_jwt r;
            auth_jwt_key_file %DIR%/html/keys;
            add_header X-Sub $jwt_claim_sub always;
            alias %DIR%/html/page;
        }
        location /fetched {
            auth_jwt r;
            auth_jwt_key_request /keys;
            alias %DIR%/html/page;
        }
        location /shared {
            auth_jwt r;
            auth_jwt_key_request /slow;
            auth_jwt_key_cache 1h;
            alias %DIR%/html/page;
        }
CONF

my %keys = JWT::key_files();
my $idp = KeyServer->new;
$idp->answer('/slow' => {body => $keys{'good.jwks'}, wait => 0.5});
my $address = $idp->address;
$SERVER =~ s/KEY_SERVER/$address/;
my %options = (
    server => $SERVER,
    load => "load_module $module;",
    files => {'html/keys' => $keys{'good.jwks'}, 'html/page' => "page\n"},
);

sub server_that_panics_in {
    my ($entry) = @_;
    local $ENV{AUTH_JWT_PANIC} = $entry;
    return JWT::Server->new(%options);
}

sub workers {
    my ($nginx) = @_;
    my ($master) = $nginx->read('nginx.pid') =~ /(\d+)/;
    open my $children, '<', "/proc/$master/task/$master/children" or die "no children: $!";
    return join ' ', sort split ' ', scalar <$children>;
}

# A configuration is refused.
for my $entry (qw(Configure Create Set Merge)) {
    local $ENV{AUTH_JWT_PANIC} = $entry;
    my $nginx = JWT::Server->prepared(%options);
    my ($content, $text) = $nginx->checked;
    ok(!$content, "$entry: nginx -t refuses the configuration");
    like($text, qr/test failed/, "$entry: and tells so");
    unlike($text, qr/signal|core dumped/, "$entry: without a crash");
}

# A request fails; those that do not pass the entry are served by the same worker.
my %expected = (
    Access => {file => [500], fetched => [500]},
    # Access has been granted by then.
    Precontent => {file => [500], fetched => [500]},
    # nginx takes a variable that fails for one without a value.
    Variable => {file => [200], fetched => [200]},
    # The filter sees each response, so none gets out whole.
    BodyFilter => {file => [0, 200], fetched => [0, 200, 500], plain => [0, 200]},
    # The keys have come by then.
    SubrequestEnded => {file => [200], fetched => [200]},
    Drop => {file => [200], fetched => [200]},
);
for my $entry (sort keys %expected) {
    my $nginx = server_that_panics_in($entry);
    my $before = workers($nginx);
    my %want = (plain => [200], %{$expected{$entry}});
    for my $round (1 .. 2) {
        for my $location (sort keys %want) {
            my $started = time;
            my $answer = eval { $nginx->get("/$location", JWT::bearer()) } // {status => 0};
            my $status = $answer->{status} // 0;
            ok((grep { $_ == $status } @{$want{$location}}),
                "$entry, round $round: /$location is answered with $status");
            cmp_ok(time - $started, '<', 5, "$entry, round $round: /$location does not hang");
        }
    }
    is(workers($nginx), $before, "$entry: the worker lives");
    like($nginx->error_log, qr/\[crit\].*auth_jwt: panic at/, "$entry: the log says where");
    unlike($nginx->error_log, qr/exited on signal/, "$entry: nothing crashed");
}

# Who waits for another request's fetch is woken by an entry of its own.
{
    my $nginx = server_that_panics_in('Resume');
    my $before = workers($nginx);
    my ($first, $second) = map { $nginx->connect } 1, 2;
    $first->request('GET', '/shared', JWT::bearer());
    # One worker takes the requests in turn, so that this one waits for the other's fetch.
    is($nginx->get('/plain')->{status}, 200, 'Resume: the first request has been taken');
    $second->request('GET', '/shared', JWT::bearer());
    is($first->answer('GET')->{status}, 200, 'Resume: who fetches is answered');
    undef $second;
    is($nginx->get('/shared', JWT::bearer())->{status}, 200, 'Resume: and who comes later');
    is(workers($nginx), $before, 'Resume: the worker lives, also when who waited has left');
    like($nginx->error_log, qr/auth_jwt: panic at/, 'Resume: the log says where');
}

done_testing;
