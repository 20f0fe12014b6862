# auth_jwt_state_path: where keys by URL are kept, whose the files are, and what becomes of those that are damaged,
# foreign or not writable.
use strict;
use warnings;

use Fcntl qw(S_IMODE);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Remote;

my ($OK, $UNKNOWN, $UNAVAILABLE) = ('200 ok', '401 unknown_key', '500 keys_unavailable');
my $FAILED = qr/keys cannot be fetched|has no keys from/;
my $where = qr/ in \S+nginx[.]conf:\d+/;

# --- what it may say ---------------------------------------------------------------------------------------

my $invalid = qr/in "auth_jwt_state_path" directive, it must be "off" or the path of a directory, without variables$where/;
JWT::Server->refuses('http', "auth_jwt_state_path $_->[0];", qr/invalid value "\Q$_->[1]\E" $invalid/) for ['""', ''], ['$host', '$host'], ['keys/${host}', 'keys/${host}'];
JWT::Server->refuses('http', 'auth_jwt_state_path;', qr/invalid number of arguments in "auth_jwt_state_path" directive$where/);
JWT::Server->refuses('http', 'auth_jwt_state_path a b;', qr/invalid number of arguments in "auth_jwt_state_path" directive$where/);
JWT::Server->refuses('http', 'auth_jwt_state_path a; auth_jwt_state_path off;', qr/"auth_jwt_state_path" directive is duplicate$where/);
JWT::Server->refuses($_, 'auth_jwt_state_path off;', qr/"auth_jwt_state_path" directive is not allowed here$where/) for qw(main server location);
is_deeply([JWT::Server->accepts('http', "auth_jwt_state_path $_;")], [], "$_: no warning") for 'off', 'a', '/nowhere/at/all', '"two words"';

# --- where it is, and whose ----------------------------------------------------------------------------------

my $idp = JWT::Remote->new;
my $GOOD = $idp->bearer('one');

sub nginx {
    my ($http, @options) = @_;
    $idp->begin_anew;
    return $idp->nginx('key_cache 1h;', http => $http, @options);
}

# The mode and the owner of a file.
sub rights { return sprintf '%04o %d', map { (S_IMODE($_->[2]), $_->[4]) } [stat $_[0]] }

my ($nobody, $group) = (getpwnam 'nobody')[2, 3];
for my $user ('root', 'nobody') {
    SKIP: {
        skip 'only root can change to another user', 6 if $> || !defined $nobody;
        my $nginx = nginx('', user => $user eq 'root' ? undef : 'nobody ' . getgrgid $group);
        my $owner = $user eq 'root' ? 0 : $nobody;
        $idp->is_soon($nginx, $OK, "$user: keys are there");
        my $path = $nginx->directory . '/temp/auth_jwt';
        is(rights($path), "0700 $owner", "$user: the directory is of the workers, and of nobody else");
        my ($file, @others) = glob "$path/*.json";
        is_deeply(\@others, [], "$user: one file for one source");
        like($file, qr{/127\.0\.0\.1-\d+-[0-9a-f]{32}\.json\z}, "$user: which tells the host");
        is(rights($file), "0600 $owner", "$user: it is of the workers, and of nobody else");
        is_deeply([grep {!/[.](?:json|lock)\z/} glob "$path/*"], [], "$user: nothing else lies there");
        $nginx->is_calm('warn');
    }
}

my %PLACES = (
    'auth_jwt_state_path kept;' => 'kept',
    'auth_jwt_state_path %DIR%/html/kept;' => 'html/kept',
    'client_body_temp_path html/bodies 1 2;' => 'html/auth_jwt',
    'auth_jwt_state_path "two words";' => 'two words',
);
for my $http (sort keys %PLACES) {
    my $options = {$idp->options('key_cache 1h;', http => $http)};
    # The usual one is in the way.
    my $nginx = JWT::Server->prepared(%$options);
    my $text = $nginx->read('conf/nginx.conf');
    $nginx->write('conf/nginx.conf', $text =~ s/^ *client_body_temp_path temp.*\n//mr) if $http =~ /client_body/;
    $idp->begin_anew;
    $nginx->start;
    $idp->is_soon($nginx, $OK, "$http: keys are there");
    my $directory = $nginx->directory . "/$PLACES{$http}";
    opendir my $list, $directory or fail("$http: $!");
    ok((grep {/[.]json\z/} readdir $list), "$http: and are kept in $PLACES{$http}");
    $nginx->is_calm('warn');
}

# --- where it cannot be written: one warning, and each worker fetches for itself --------------------------------

{
    my %cases = (
        'its parent is not there' => sub { },
        'a file is in the way' => sub { $_[0]->write('kept', '') },
        'others may write there' => sub { my $path = $_[0]->directory . '/kept'; mkdir $path; chmod 0777, $path },
        'a link leads to nowhere' => sub { symlink '/nowhere/at/all', $_[0]->directory . '/kept' },
    );
    for my $name (sort keys %cases) {
        $idp->begin_anew;
        my $path = $name =~ /parent/ ? 'none/kept' : 'kept';
        my $nginx = JWT::Server->prepared($idp->options('key_cache 1h;', workers => 2, http => "auth_jwt_state_path $path;"));
        $cases{$name}->($nginx);
        my ($fine) = $nginx->checked;
        ok($fine, "$name: nginx -t accepts it");
        $nginx->write('logs/error.log', '');
        $nginx->start;
        $nginx->wait_for_workers(2);
        $idp->is_soon($nginx, $OK, "$name: keys are there");
        ok($idp->wait_for_hits(2), "$name: each worker fetches");
        is_deeply([$nginx->outcomes_by_worker('/', $GOOD)], [$OK, $OK], "$name: and serves");
        is($idp->hits, 2, "$name: once");
        my @warnings = grep {/\[warn\]/} split /^/m, $nginx->error_log;
        is(scalar @warnings, 1, "$name: one warning") or diag(@warnings);
        like($warnings[0] // '', qr/keys by URL cannot be kept in "\S*kept" \("auth_jwt_state_path"\), each worker fetches for itself: /, "$name: which says why");
        $nginx->is_calm('error');
    }
}

# It goes, or can no longer be written, while nginx runs.
{
    my $nginx = nginx('auth_jwt_state_path kept;', workers => 2);
    $nginx->wait_for_workers(2);
    $idp->is_soon($nginx, $OK, 'a directory that will go');
    system 'rm', '-r', $nginx->directory . '/kept';
    $idp->has_keys('two');
    $idp->is_soon($nginx, $OK, 'keys are fetched on', $idp->bearer('two'));
    my $told = sub { return grep {/\[warn\].*keys by URL cannot be kept in "auth_jwt_state_path": /} split /^/m, $nginx->error_log };
    ok($nginx->wait_until(sub { $told->() }), 'a warning says so');
    cmp_ok(scalar $told->(), '<=', 2, 'once in each worker');
    $nginx->is_calm('error');
}

# --- what lies there ----------------------------------------------------------------------------------------------

# Starts nginx anew on what $change has made of the file of its source; a test of how often keys are fetched.
sub after {
    my ($name, $change, $hits, %options) = @_;
    $idp->begin_anew;
    my $nginx = $idp->nginx('key_cache 1h;', workers => 2, http => 'auth_jwt_state_path kept;', %options);
    $nginx->wait_for_workers(2);
    $idp->is_soon($nginx, $OK, "$name: keys are there");
    $nginx->stop;
    my $path = $nginx->directory . '/kept';
    my ($file) = glob "$path/*.json";
    $change->($nginx, $file, $path);
    $idp->forget;
    $nginx->start;
    $nginx->wait_for_workers(2);
    $idp->is_soon($nginx, $OK, "$name: a start after that");
    is_deeply([$nginx->outcomes_by_worker('/', $GOOD)], [$OK, $OK], "$name: in each worker");
    is($idp->hits, $hits, "$name: by $hits fetches");
    my ($now) = glob "$path/*.json";
    ok(-f $now && !-l $now && -s $now > 100, "$name: a file is there");
    $nginx->is_calm('warn');
    return $nginx;
}

sub changed {
    my ($file, $change) = @_;
    open my $handle, '<:raw', $file or die "cannot read $file: $!";
    local ($_, $/) = (scalar <$handle>, undef);
    $_ .= <$handle> // '';
    $change->();
    JWT::write_file($file, $_);
    chmod 0600, $file;
    return;
}

after('unchanged', sub { }, 0);
my %DAMAGED = (
    'empty' => sub { JWT::write_file($_[1], '') },
    'cut off' => sub { changed($_[1], sub { substr $_, length($_) / 2, length, '' }) },
    'no JSON' => sub { JWT::write_file($_[1], "\xFF\0{") },
    'JSON of another kind' => sub { JWT::write_file($_[1], '[1, {}]') },
    'of another form' => sub { changed($_[1], sub {s/"format":1/"format":2/}) },
    'of another source' => sub { changed($_[1], sub {s/"source":\["key_url","/"source":["key_url","x/}) },
    'without keys' => sub { changed($_[1], sub {s/\\"keys\\":\[.*?\]/\\"keys\\":[]/}) },
    'whose keys are no JSON' => sub { changed($_[1], sub {s/"keys":"\{/"keys":"x{/}) },
    'too large' => sub { changed($_[1], sub { $_ .= ' ' x (9 << 20) }) },
    'that others may write' => sub { chmod 0666, $_[1] },
    'a directory' => sub { unlink $_[1]; mkdir $_[1]; rmdir $_[1] },
    'gone' => sub { unlink $_[1] },
    'a link to another' => sub { rename $_[1], "$_[1].old"; symlink "$_[1].old", $_[1] },
    'a FIFO' => sub { unlink $_[1]; POSIX::mkfifo($_[1], 0600) },
    'a device' => sub { unlink $_[1]; symlink '/dev/zero', $_[1] },
);
after("a file that is $_", $DAMAGED{$_}, 1) for sort keys %DAMAGED;
SKIP: {
    skip 'only root can give files away', 1 if $> || !defined $nobody;
    after('a file of somebody else', sub { chown $nobody, -1, $_[1] }, 1);
}
after('what a worker has left that died', sub { my $new = $_[1] =~ s/json\z/new/r; JWT::write_file($new, 'half'); JWT::write_file("$_[2]/probe", '') }, 0);
after('a lock that nobody holds', sub { my $lock = $_[1] =~ s/json\z/lock/r; JWT::write_file($lock, '1') }, 0);

# Files that are damaged while nginx runs change nothing: the keys at hand serve on.
{
    my $nginx = nginx('auth_jwt_state_path kept;');
    $idp->is_soon($nginx, $OK, 'a file that is damaged while nginx runs');
    my ($file) = glob $nginx->directory . '/kept/*.json';
    for my $bytes ('', '{', 'x' x 1000) {
        $nginx->replace("kept/$1", $bytes) if $file =~ m{([^/]+)\z};
        sleep 0.7;
        is($nginx->outcome('/', $GOOD), $OK, 'keys serve on');
    }
    is($idp->hits, 1, 'without a fetch');
    $nginx->is_calm('warn');
}

# Keys that somebody has vouched for whom the configuration no longer names count as none.
{
    $idp->begin_anew;
    my @files;
    for my $name ('one', 'two') {
        my $key = $idp->key($name)->{file};
        my $certificate = qx(openssl req -x509 -new -key $key -subj /CN=$name -days 3650 2>/dev/null);
        like($certificate, qr/BEGIN CERTIFICATE/, "a certificate $name");
        push @files, $certificate;
    }
    my $trusting = sub { return $idp->options('key_cache 1h;' . ($_[0] ? ' ssl_trusted_certificate trusted.pem;' : ''), http => 'auth_jwt_state_path kept;') };
    my $nginx = JWT::Server->new($trusting->(1), files => {'conf/trusted.pem' => $files[0]});
    $idp->is_soon($nginx, $OK, 'ssl_trusted_certificate: keys are there');
    my @steps = (
        ['unchanged', sub { }, 0, 1], ['of other bytes', sub { $nginx->replace('conf/trusted.pem', $files[1]) }, 1, 1],
        ['of the old ones', sub { $nginx->replace('conf/trusted.pem', $files[0]) }, 0, 1], ['that is not there any more', sub { }, 1, 0],
    );
    for my $step (@steps) {
        my ($name, $change, $hits, $has_any) = @$step;
        $change->();
        $idp->forget;
        my @old = $nginx->workers;
        $nginx->configure($trusting->($has_any));
        $nginx->signal('HUP');
        $nginx->wait_for_workers(1, @old);
        $idp->is_soon($nginx, $OK, "one $name: keys are there");
        is($idp->hits, $hits, "one $name: by $hits fetches");
    }
    $nginx->is_calm('warn');
}

done_testing();
