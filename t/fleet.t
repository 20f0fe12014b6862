# Several nginx behind one provider: that they share nothing, what makes one fetch, and how a key is taken out of use; with
# the configurations of docs/fleet.md, which are run as they are but for addresses and files.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use JWT;
use JWT::Authority;
use JWT::Page;
use JWT::Remote;

plan skip_all => 'there is no /proc here' unless -r "/proc/$$/task/$$/children";

my ($OK, $UNKNOWN, $UNAVAILABLE, $REQUIRE) = ('200 ok', '401 unknown_key', '500 keys_unavailable', '401 requirement_failed');
my $FAILED = qr/keys cannot be fetched|has no keys from/;

my $idp = JWT::Remote->new;
my ($ONE, $TWO) = map { $idp->bearer($_) } qw(one two);

my $PAGE = JWT::Page->new('docs/fleet.md');

# New machines of a fleet, once their workers are there and have keys. Each has been asked once for them.
sub fleet {
    my ($count, @options) = @_;
    $idp->begin_anew;
    my @fleet = map { $idp->nginx(@options, workers => 2) } 1 .. $count;
    for my $machine (@fleet) {
        $machine->wait_for_workers(2);
        all_come_to($machine, $OK, $ONE, 'a machine has keys');
    }
    is($idp->hits, $count, 'each has fetched once');
    $idp->forget;
    return @fleet;
}

sub all_come_to {
    my ($machine, $expected, $token, $name) = @_;
    my @seen;
    $machine->wait_until(sub { (@seen = grep { $_ eq $expected } $machine->outcomes_by_worker('/', $token)) == 2 });
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_deeply(\@seen, [$expected, $expected], $name);
}

# How a token comes out in each worker now.
sub are_now {
    my ($machine, $expected, $token, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_deeply([$machine->outcomes_by_worker('/', $token)], [$expected, $expected], $name);
}

sub reload {
    my ($machine) = @_;
    my @old = $machine->workers;
    $machine->signal('HUP');
    $machine->wait_for_workers(2, @old);
    $machine->wait_until(sub { !grep { -e "/proc/$_" } @old });
    return;
}

sub state_files { return glob $_[0]->directory . '/temp/auth_jwt/*.json' }

# --- nothing is shared ---------------------------------------------------------------------------

{
    my ($machine, $other) = fleet(2, 'key_cache 1h refresh=2s;');
    $idp->has_keys('two');
    are_now($machine, $OK, $TWO, 'a new key, by the first token that names it');
    is($idp->hits, 1, 'with one fetch for the machine');
    are_now($other, $OK, $ONE, 'the other one knows nothing of it');
    is($idp->hits, 1, 'and has not fetched');
    are_now($other, $OK, $TWO, 'until it gets such a token itself');
    is($idp->hits, 2, 'with a fetch of its own');
    $_->is_calm('warn') for $machine, $other;
}

# --- what makes a machine fetch --------------------------------------------------------------------

# The provider has taken its key away. A reload, a restart, and a state file that is gone do not make it known, nor does
# `nginx -t`.
{
    my ($machine) = fleet(1, 'key_cache 1h refresh=1s;');
    $idp->has_keys('two');
    ok(($machine->checked)[0], 'nginx -t');
    reload($machine);
    are_now($machine, $OK, $ONE, 'a reload: the key that was taken away still serves');
    $machine->stop;
    $machine->start;
    $machine->wait_for_workers(2);
    are_now($machine, $OK, $ONE, 'a restart: likewise');
    my ($file) = state_files($machine);
    unlink $file or die "cannot remove $file: $!";
    # The workers look twice a second.
    sleep 1.5;
    are_now($machine, $OK, $ONE, 'the state file is removed: likewise');
    is($idp->hits, 0, 'nothing of all this has fetched');
    ok(!-e $file, 'nor is the file there again');

    # Both do.
    reload($machine);
    all_come_to($machine, $UNKNOWN, $ONE, 'and then a reload: the key is gone');
    is($idp->hits('/keys'), 2, 'by a fetch, and one for the kid that nobody has');
    are_now($machine, $OK, $TWO, 'the new one serves');
    ok(-e $file, 'the file is there again');
    $machine->is_calm('warn');
}

# So does a token that anybody can make up, if its "iss" is that of the block.
{
    my ($machine) = fleet(1, 'key_cache 1h refresh=1s;');
    $idp->has_keys('two');
    are_now($machine, $OK, $ONE, 'the key that was taken away serves on');
    is($machine->outcome('/', $idp->bearer_of_nobody('none')), $UNKNOWN, 'a token with a kid that nobody has');
    is($idp->hits, 1, 'makes a fetch');
    all_come_to($machine, $UNKNOWN, $ONE, 'the key is gone, in each worker');
    $machine->is_calm('warn');
}

# While the provider is out, the one loses the keys, and the other does not.
{
    my ($machine, $other) = fleet(2, 'key_cache 1h refresh=1s;');
    $idp->stop;
    is($machine->outcome('/', $idp->bearer_of_nobody('none')), $UNKNOWN, 'a made-up token, while the provider is out');
    like($machine->error_log, $FAILED, 'has made a fetch, which has failed');
    are_now($machine, $OK, $ONE, 'the keys serve on');
    my ($file) = state_files($other);
    unlink $file or die "cannot remove $file: $!";
    reload($other);
    all_come_to($other, $UNAVAILABLE, $ONE, 'without the state file a reload leaves no keys');
    $idp->start;
    all_come_to($other, $OK, $ONE, 'until the provider is back');
    $_->is_calm('warn', $FAILED) for $machine, $other;
}

# --- a key is refused by its name -----------------------------------------------------------------------

{
    my ($map) = $PAGE->blocks('When a key is compromised', 'nginx http');
    my ($require) = $PAGE->section('When a key is compromised') =~ /`(auth_jwt_require [^;]+;)`/ or die 'no requirement';
    my ($machine) = fleet(1, 'key_cache 1h;');
    $idp->has_keys('one', 'two');
    are_now($machine, $OK, $TWO, 'two keys, one of which is compromised');
    my $nameless = $idp->bearer('one', undef, kid => undef);
    are_now($machine, $OK, $nameless, 'it serves tokens without a kid, too');
    $map =~ s/2026-07-a/one/ or die 'no kid';
    my %options = $idp->options('key_cache 1h;', http => $map, workers => 2);
    $options{server} =~ s/auth_jwt_issuers shop;/$& $require/ or die 'no issuers';
    $idp->stop;
    $machine->configure(%options);
    reload($machine);
    are_now($machine, $REQUIRE, $ONE, 'the map: its tokens are refused from the reload on, without the provider');
    are_now($machine, $REQUIRE, $nameless, 'those without a kid, too');
    are_now($machine, $OK, $TWO, 'others pass');
    $machine->is_calm('warn');
}

# --- a cache before the provider -------------------------------------------------------------------------

# A text with each of these in place of what it has.
sub replaced {
    my ($text, %by) = @_;
    for my $from (sort keys %by) {
        $text =~ s/\Q$from\E/$by{$from}/ or die "no $from";
    }
    return $text;
}

# A cache that keeps answers for so long, and three machines behind it.
sub cached_fleet {
    my ($authority, $time) = @_;
    my ($cache, $issuer) = map { split /^# On each machine[.]\n/m } $PAGE->blocks('A cache before the provider', 'nginx http');
    my ($key, $certificate) = $authority->issue('IP:127.0.0.1');
    my $port = JWT::Process::free_port();
    $cache = replaced(
        $cache,
        '/var/cache/keys' => '%DIR%/temp/keys',
        'listen 8443 ssl;' => "listen 127.0.0.1:$port ssl; listen unix:%DIR%/nginx.sock;",
        '/etc/nginx/keys.pem' => $certificate,
        '/etc/nginx/keys.key' => $key,
        'https://$provider/realms/example/protocol/openid-connect/certs' => 'http://$provider/keys',
        'set $provider id.example.com;' => 'set $provider ' . $idp->address . ';',
        '/etc/ssl/certs/ca-certificates.crt' => $authority->file('ca.pem'),
        '200 1m' => "200 $time",
    );
    $issuer = replaced(
        $issuer =~ s/^server .*\n//mr,
        'https://id.example.com/realms/example' => $idp->url,
        'https://keys.internal.example.com:8443/keys' => "https://127.0.0.1:$port/keys",
        '/etc/nginx/internal-ca.pem' => $authority->file('ca.pem'),
        'idp {' => 'shop {',
        'orders-api' => 'api',
        'refresh=30s' => 'refresh=1s',
    );
    $idp->begin_anew;
    $idp->answer('/keys' => {body => $idp->set('one'), headers => ['Cache-Control: no-store', 'Set-Cookie: a=b']});
    my $proxy = JWT::Server->new(servers => $cache);
    my @fleet = map { JWT::Server->new($idp->options(undef, workers => 2), http => $issuer) } 1 .. 3;
    $_->wait_for_workers(2) for @fleet;
    all_come_to($_, $OK, $ONE, 'a machine behind the cache has keys') for @fleet;
    return $proxy, @fleet;
}

SKIP: {
    my $authority = eval { JWT::Authority->new } or skip 'openssl is missing', 1;
    {
        my ($proxy, @fleet) = cached_fleet($authority, '1h');
        my ($asked) = $idp->requests;
        is("$asked->{method} $asked->{path}", 'GET /keys', 'a cache: the provider is asked for its keys');
        $idp->has_keys('two');
        is($_->outcome('/', $TWO), $UNKNOWN, 'as long as it keeps the old ones there are no others') for @fleet;
        is($idp->hits, 1, 'by one request for all machines');
        $_->is_calm('warn') for $proxy, @fleet;
    }
    {
        my ($proxy, @fleet) = cached_fleet($authority, '1s');
        $idp->has_keys('two');
        all_come_to($_, $OK, $TWO, 'a new key, once it keeps them no longer') for @fleet;
        # A failure is not kept, and no old keys are given in its place.
        $idp->stop;
        for my $machine (@fleet) {
            my $fails = sub { $machine->outcome('/', $idp->bearer_of_nobody('none')); $machine->error_log =~ $FAILED };
            ok($machine->wait_until($fails), 'the provider is out, and the cache says so');
            are_now($machine, $OK, $TWO, 'keys of the machine serve on');
            $machine->is_calm('warn', $FAILED);
        }
        $proxy->is_calm('warn', qr/Connection refused/);
    }
}

done_testing();
