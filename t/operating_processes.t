# docs/operating.md: what becomes of verified tokens, keys, files and counters when nginx is reloaded, restarted or upgraded, row
# by row of its table; keys that are rotated, and keys that are stolen, by the commands of the page.
use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use JWT;
use JWT::Page;
use JWT::Remote;

plan skip_all => 'there is no /proc here' unless -r "/proc/$$/task/$$/children";

my $PAGE = JWT::Page->new('docs/operating.md');
my $idp = JWT::Remote->new;
my $GOOD = $idp->bearer('one');
my ($OK, $UNKNOWN, $UNAVAILABLE) = ('200 ok', '401 unknown_key', '500 keys_unavailable');

# A key file with secrets of these names; a token by one of them.
sub keys_of { return JWT::key_set(map { JWT::jwk("the secret $_", kid => $_) } @_) }
sub by { return JWT::bearer({sub => 'alice'}, secret => "the secret $_[0]", kid => $_[0]) }

# The options of an nginx with keys by URL in /, from files in /file and /kept, by a key request in /request. Its memory of
# keys is long, so that none is fetched for its age.
sub options {
    my (%more) = @_;
    my $http = delete $more{http} // '';
    return $idp->options(
        'key_cache 1h refresh=1h;',
        files => {(map { ("conf/keys/$_.json" => keys_of('old')) } 'api', 'kept'), 'html/keys' => keys_of('old')},
        http => " $http auth_jwt_issuer file { issuer file; audience any; exp optional; key_file keys/api.json; }",
        server => <<'CONF',
        location /file    { auth_jwt "r"; auth_jwt_key_file keys/api.json; empty_gif; }
        location /kept    { auth_jwt "r"; auth_jwt_key_file keys/kept.json; auth_jwt_key_cache 1h; empty_gif; }
        location /block   { auth_jwt "r"; auth_jwt_issuers file; empty_gif; }
        location /request { auth_jwt "r"; auth_jwt_key_request /html/keys; auth_jwt_key_cache 1h; empty_gif; }
        location /html/   { root %DIR%; }
        location /metrics { auth_jwt_metrics; }
CONF
        %more,
    );
}

sub fresh {
    my ($nginx, $name, $token) = @_;
    return $idp->is_soon($nginx, $OK, "$name: keys are there", $token);
}

sub begin {
    my (%more) = @_;
    $idp->begin_anew;
    my $nginx = JWT::Server->new(options(%more));
    fresh($nginx, 'at first');
    return $nginx;
}

sub reload {
    my ($nginx) = @_;
    my @old = $nginx->workers;
    $nginx->signal('HUP');
    $nginx->wait_for_workers(scalar @old, @old);
    $nginx->wait_until(sub { !grep { -e "/proc/$_" } @old });
    return;
}

# A number of the metrics: its name, and what must stand among its labels.
sub number {
    my ($nginx, $name, $label) = @_;
    my ($value) = $nginx->get('/metrics')->{body} =~ /^nginx_auth_jwt_$name\{[^}]*\Q$label\E[^}]*\} (\S+)$/m;
    return $value // 'none';
}

sub passed { return number($_[0], 'verdicts_total', 'issuer="shop",status="ok"') }
sub hits { return number($_[0], 'token_cache_lookups_total', 'result="hit"') }

# Whether the good token is in the cache of the one worker: then it is a hit. (Of the keys by URL alone.)
sub is_remembered {
    my ($nginx) = @_;
    my $before = hits($nginx);
    $nginx->get('/', $GOOD);
    return hits($nginx) - $before;
}

sub remember {
    my ($nginx, $name) = @_;
    $nginx->get('/', $GOOD) for 1 .. 3;
    return ok(is_remembered($nginx), "$name: the token is in the cache");
}

# What the shell says to commands of the page, which are for Debian's nginx as root.
sub run {
    my ($nginx, $commands) = @_;
    my $directory = $nginx->directory;
    my $group = getgrgid $);
    my $reload = join ' ', map {"'$_'"} $nginx->command('-s', 'reload');
    $commands =~ s{/etc/nginx}{$directory/conf}g;
    $commands =~ s{/var/lib/nginx/auth_jwt}{$directory/temp/auth_jwt}g;
    $commands =~ s{-g www-data}{-g $group}g;
    $commands =~ s{~/}{$directory/}g;
    $commands =~ s{^nginx -s reload$}{$reload}mg;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(system('sh', '-ec', $commands), 0, 'the commands work');
}

# --- the table ---------------------------------------------------------------------------------------

my @rows = map { $_->[0] } $PAGE->table('Reload, restart, upgrade', '|');
is(scalar @rows, 6, 'the table has six rows');

# A reload.
{
    my $nginx = begin();
    remember($nginx, 'reload');
    my $count = passed($nginx);
    my $fetches = $idp->hits;
    is($nginx->outcome('/kept', by('old')), $OK, 'reload: a key of a file');
    $nginx->replace('conf/keys/kept.json', keys_of('new'));
    is($nginx->outcome('/kept', by('old')), $OK, 'reload: which is kept for its time');
    $idp->stop;
    my @files = glob $nginx->directory . '/temp/auth_jwt/*';
    cmp_ok(scalar @files, '>', 0, 'reload: there are files of fetched keys');
    reload($nginx);
    is(passed($nginx), $count, 'reload: counters go on');
    ok(!is_remembered($nginx), 'reload: verified tokens are forgotten');
    is(passed($nginx), $count + 1, 'reload: keys by URL serve at once');
    is($nginx->outcome('/kept', by('new')), $OK, 'reload: files are read anew');
    is_deeply([glob $nginx->directory . '/temp/auth_jwt/*'], \@files, 'reload: the files stay');
    is($idp->hits, $fetches, 'reload: nothing is fetched');

    # With an error in the configuration.
    remember($nginx, 'a failed reload');
    my @workers = $nginx->workers;
    $count = passed($nginx);
    $nginx->write('conf/nginx.conf', 'auth_jwt');
    $nginx->new_lines;
    $nginx->signal('HUP');
    ok($nginx->wait_until(sub { $nginx->error_log =~ /\[emerg\]/ }), 'a failed reload: the log says so');
    is_deeply([$nginx->workers], \@workers, 'a failed reload: the workers stay');
    ok(is_remembered($nginx), 'a failed reload: and what they remember');
    is(passed($nginx), $count + 1, 'a failed reload: counters go on');
    # With other zones, and back.
    $nginx->configure(options(http => 'auth_jwt_status_zone other_name;'));
    reload($nginx);
    $nginx->get('/', $GOOD);
    is(number($nginx, 'verdicts_total', 'zone="other_name",issuer="shop",status="ok"'), 1, 'another zone begins at 0');
    is(number($nginx, 'verdicts_total', 'zone="default",issuer="shop",status="ok"'), $count + 1, 'and one that is no longer configured is told still');
}

# A worker is killed.
{
    my $nginx = begin();
    remember($nginx, 'a killed worker');
    my ($count, $fetches) = (passed($nginx), $idp->hits);
    $idp->stop;
    my @old = $nginx->workers;
    JWT::Process::send_signal(KILL => @old);
    $nginx->wait_for_workers(1, @old);
    is(passed($nginx), $count, 'a killed worker: nothing counted is lost');
    ok(!is_remembered($nginx), 'a killed worker: its verified tokens are forgotten');
    is(passed($nginx), $count + 1, 'a killed worker: keys by URL serve at once');
    is($idp->hits, $fetches, 'a killed worker: nothing is fetched');
    is($nginx->outcome('/file', by('old')), $OK, 'a killed worker: files are read anew');
}

# A restart.
{
    my $nginx = begin();
    remember($nginx, 'a restart');
    my $fetches = $idp->hits;
    $nginx->stop;
    $idp->stop;
    $nginx->start;
    $nginx->wait_for_workers(1);
    is(passed($nginx), 0, 'a restart: counters begin at 0');
    ok(!is_remembered($nginx), 'a restart: verified tokens are forgotten');
    is(passed($nginx), 1, 'a restart: keys by URL serve at once');
    is($idp->hits, $fetches, 'a restart: nothing is fetched');
}

# A new binary.
{
    $idp->begin_anew;
    my $nginx = JWT::Server->prepared(options());
    $nginx->start_daemon;
    my $old = $nginx->{pid};
    fresh($nginx, 'USR2');
    remember($nginx, 'USR2');
    my ($count, $fetches) = (passed($nginx), $idp->hits);
    $idp->stop;
    my @old_workers = $nginx->workers;
    my $new;
    $nginx->signal('USR2');
    ok($nginx->wait_until(sub { ($nginx->pid_in('nginx.pid.oldbin') // 0) == $old && ($new = $nginx->pid_in('nginx.pid')) && $new != $old }), 'USR2: there is a new master');
    my $both = sub {
        my ($master) = @_;
        local $nginx->{pid} = $master;
        return $nginx->wait_for_workers(1);
    };
    my @new_workers = $both->($new);
    # Each of them in turn, while the other stands still.
    my $only = sub {
        my ($others, $ask) = @_;
        kill STOP => @$others;
        $nginx->wait_until(sub { !grep { JWT::Server::state($_) ne 'T' } @$others });
        my @answers = $ask->();
        kill CONT => @$others;
        return @answers;
    };
    is_deeply([$only->(\@old_workers, sub { return (passed($nginx), is_remembered($nginx), passed($nginx)) })], [0, 0, 1],
        "USR2: the new master's counters begin at 0, its workers know no token, and keys by URL serve at once");
    is_deeply([$only->(\@new_workers, sub { return (passed($nginx), is_remembered($nginx), passed($nginx)) })], [$count, 1, $count + 1],
        'USR2: the old one counts on');
    is($idp->hits, $fetches, 'USR2: nothing is fetched');
    $nginx->signal('WINCH');
    ok($nginx->wait_until(sub { !grep { -e "/proc/$_" } @old_workers }), 'USR2: WINCH takes the workers of the old one away');
    is_deeply([map { passed($nginx) } 1 .. 10], [(1) x 10], 'USR2: and then the new one answers alone');
    $nginx->signal('QUIT');
    ok($nginx->wait_until(sub { !-e "/proc/$old" }), 'USR2: the old master leaves');
    $nginx->{pid} = $new;
    is(passed($nginx), 1, 'USR2: what it has counted is gone');
    is($nginx->outcome('/', $GOOD), $OK, 'USR2: the new one serves');
    $nginx->is_calm('warn');
    $nginx->signal('QUIT');
    ok($nginx->wait_until(sub { !-e "/proc/$new" }), 'USR2: and leaves');
    delete $nginx->{pid};
}

# --- keys that are rotated by hand -----------------------------------------------------------------------

my ($put) = $PAGE->blocks('Rotating keys by hand', 'sh');
{
    my $nginx = begin();
    my @TOKENS = (by('old'), by('new'));
    my $block = sub { JWT::bearer({iss => 'file'}, secret => "the secret $_[0]", kid => $_[0]) };
    for my $step (['at first', undef, [$OK, $UNKNOWN]], ['step 1', ['old', 'new'], [$OK, $OK]], ['step 4', ['new'], [$UNKNOWN, $OK]]) {
        my ($name, $keys, $expected) = @$step;
        if ($keys) {
            $nginx->write('new.json', keys_of(@$keys));
            run($nginx, $put);
            is($nginx->read('conf/keys/api.json'), keys_of(@$keys), "$name: the file is in its place");
            is((stat $nginx->directory . '/conf/keys/api.json')[2] & 0777, 0640, "$name: and not for everybody");
            # nginx looks at a file once a millisecond at most.
            sleep 0.01;
        }
        # More than twice, so that the tokens are in the cache.
        is_deeply([map { $nginx->outcome('/file', $_) } @TOKENS], $expected, "$name: a key file") for 1 .. 3;
        is_deeply([map { $nginx->outcome('/block', $block->($_)) } 'old', 'new'], $expected, "$name: key_file of a block") for 1 .. 3;
    }
    $nginx->is_calm('warn');
}

# --- a stolen key ------------------------------------------------------------------------------------------

my ($forget) = $PAGE->blocks('A stolen key', 'sh');
{
    # The provider has taken it back.
    my $nginx = begin();
    $idp->has_keys('two');
    is($nginx->outcome('/', $GOOD), $OK, 'stolen: a key by URL serves on');
    reload($nginx);
    is($nginx->outcome('/', $GOOD), $OK, 'stolen: a reload alone changes nothing');
    remember($nginx, 'stolen');
    my @old = $nginx->workers;
    run($nginx, $forget);
    $nginx->wait_for_workers(1, @old);
    $nginx->wait_until(sub { !-e "/proc/$old[0]" });
    is($nginx->outcome('/', $GOOD), $UNKNOWN, 'stolen: after the commands it does not');
    is($nginx->outcome('/', $idp->bearer('two')), $OK, 'stolen: the new one does');
    is($nginx->outcome('/', $GOOD), $UNKNOWN, 'stolen: and it stays so');

    # While the provider is away.
    $idp->stop;
    @old = $nginx->workers;
    run($nginx, $forget);
    $nginx->wait_for_workers(1, @old);
    $nginx->wait_until(sub { !-e "/proc/$old[0]" });
    is($nginx->outcome('/', $idp->bearer('two')), $UNAVAILABLE, 'stolen: where the provider is away, nobody passes');
    $idp->start;
    $idp->is_soon($nginx, $OK, 'stolen: until it is back', $idp->bearer('two'));
    $nginx->is_calm('warn', qr/keys cannot be fetched|has no keys from/);
}

{
    # Of files and requests whose keys are kept for a time.
    my $nginx = begin();
    is($nginx->outcome($_, by('old')), $OK, "stolen: $_ has the key") for '/file', '/kept', '/request';
    $nginx->replace($_, keys_of('new')) for 'conf/keys/api.json', 'conf/keys/kept.json', 'html/keys';
    sleep 0.01;
    is($nginx->outcome('/file', by('old')), $UNKNOWN, 'stolen: a file counts at once');
    is($nginx->outcome($_, by('old')), $OK, "stolen: with auth_jwt_key_cache $_ keeps it") for '/kept', '/request';
    reload($nginx);
    is($nginx->outcome($_, by('old')), $UNKNOWN, "stolen: after a reload $_ does not") for '/kept', '/request';
    is($nginx->outcome($_, by('new')), $OK, "stolen: and has the new one") for '/kept', '/request';
    $nginx->is_calm('warn');
}

# A token of a new key has its issuer's keys fetched, and then the stolen one is gone as well.
{
    $idp->begin_anew;
    my $nginx = JWT::Server->new($idp->options('key_cache 1h refresh=1s;'));
    fresh($nginx, 'a token of a new key');
    $idp->has_keys('two');
    $idp->is_soon($nginx, $OK, 'a token of a new key passes', $idp->bearer('two'));
    $idp->is_soon($nginx, $UNKNOWN, 'and those of the stolen one do no longer');
}

done_testing();
