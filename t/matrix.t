# Which nginx are tried: the table of docs/reliability.md against what is promised, how scripts/matrix chooses (with an
# nginx, a cargo and an apt that tell what the test wants), how its table is written, and scripts/fetch-nginx with a
# repository of the test's own. Nothing is built, and nothing fetched from elsewhere.
use strict;
use warnings;

use Cwd qw(realpath);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp ();
use Test::More;

use JWT;
use JWT::Page;

my $ROOT = realpath(dirname(__FILE__) . '/..');
my $made = File::Temp->newdir('matrix-XXXXXX', TMPDIR => 1);

sub write_file {
    my ($name, $text, $mode) = @_;
    make_path(dirname($name));
    open my $out, '>', $name or die "$name: $!";
    print {$out} $text;
    close $out or die "$name: $!";
    chmod $mode, $name if $mode;
    return $name;
}

# A program's exit status and what it printed, standard error included.
sub run {
    my ($input, @command) = @_;
    my $in = write_file("$made/input", $input);
    my $text = do {
        local $/ = undef;
        open my $out, '-|', 'sh', '-c', 'input=$1; shift; exec "$@" <"$input" 2>&1', 'sh', $in, @command or die "sh: $!";
        my $got = <$out>;
        close $out;
        $got;
    };
    return ($? >> 8, $text // '');
}

# --- what is promised ------------------------------------------------------------------

my $script = JWT::read_file("$ROOT/scripts/matrix");
my @promised = split / /, ($script =~ /^readonly versions_promised="([\d. ]+)"/m)[0];
cmp_ok(scalar @promised, '>=', 4, 'versions are promised') or BAIL_OUT('scripts/matrix promises nothing');

my $in_words = join(', ', @promised[0 .. $#promised - 1]) . " and $promised[-1]";
my $page = JWT::Page->new('docs/reliability.md');
like($page->section('How it is tested'), qr/^\| it works with nginx \Q$in_words\E \| `scripts\/matrix` \|/m, "the page promises $in_words");
like($script, qr/^#   scripts\/matrix +\Q$in_words\E,/m, '... and so does the help');

my %tested;
for my $row ($page->table('Versions', 'nginx')) {
    my ($version, $from, $built, $tests, $module) = @$row;
    my ($branch) = $version =~ /^(\d+\.\d+)\.\d+$/;
    ok(defined $branch && !$tested{$branch}++, "\"$version\" is a version, and the only one of its branch");
    ok(length $from && length $built, "$version: the table tells where it is from, and who built it");
    my ($part) = $tests =~ /^[\d,]+ in (all \d+|\d+ of \d+) files, none failed$/;
    ok(defined $part, "$version: tests were run, and none failed") or diag($tests);
    my ($run, $of) = ($part // '') =~ /^(\d+) of (\d+)$/;
    ok(!defined $run || $run < $of, "$version: a part is less than all");
    like($module, qr/^\d+\.\d+\.\d+, [0-9a-f]{7,} of \d{4}-\d\d-\d\d$/, "$version: a commit of the module, with no change on top");
}
ok($tested{$_}, "nginx $_, which is promised, stands in the table") for @promised;

# --- which nginx is chosen -------------------------------------------------------------

# Programs that tell what there is. Their directory stands before the real ones.
sub list {
    my ($has, @arguments) = @_;
    my $bin = "$made/cargo/bin";
    write_file("$bin/nginx", "#!/bin/sh\necho 'nginx version: nginx/$has->{installed}' >&2\n", 0755);
    write_file("$bin/dpkg-query", "#!/bin/sh\necho $has->{installed}-1\n", 0755);
    write_file("$bin/cargo", $has->{crate} ? "#!/bin/sh\necho 'version: $has->{crate}'\n" : "#!/bin/sh\nexit 101\n", 0755);
    write_file("$bin/apt-get", <<'SH', 0755);
#!/bin/sh
case "$*" in *indextargets*) . /etc/os-release; echo "$VERSION_CODENAME main file:/nowhere" ;; esac
SH
    my $rows = join '', map {" nginx-dev | $_->[0] | file:/nowhere $_->[1]/main amd64 Packages\n"} @{$has->{suites}};
    write_file("$made/madison", $rows);
    write_file("$bin/apt-cache", "#!/bin/sh\ncat $made/madison\n", 0755);
    local @ENV{qw(CARGO_HOME CARGO_TARGET_DIR)} = ("$made/cargo", "$made/target");
    return run('', "$ROOT/scripts/matrix", '--list', @arguments);
}

my ($locked) = JWT::read_file("$ROOT/Cargo.lock") =~ /name = "nginx-src"\nversion = "([\d.]+\+[\d.]+)"/;
my ($vendored) = $locked =~ /\+(.*)/;
my ($vendored_branch) = $vendored =~ /^(\d+\.\d+)/;

# What speaks of the nginx that is compiled here names no version of it: Cargo.lock does. Rows of the table of what was
# tested do, and examples ("such as").
{
    my @files = grep {-f} map { glob "$ROOT/$_" } qw(*.md docs/*.md docs/guides/*.md t/README.md scripts/* .github/workflows/*.yml);
    my @lines = grep { /--vendored|nginx-src/ && !/^\| [\d.]+ \||such as/ } map { split /^/m, JWT::read_file($_) } @files;
    cmp_ok(scalar @lines, '>', 10, 'many lines speak of the vendored nginx');
    is_deeply([grep {/(?<![\w.])1\.[1-9]\d(?:\.\d+)?(?!\w)/} @lines], [], '... and none names its version');
}

SKIP: {
    my $release = -r '/etc/os-release' ? JWT::read_file('/etc/os-release') : '';
    skip 'scripts/matrix knows suites of Debian and Ubuntu alone', 1 unless $release =~ /^ID="?(?:debian|ubuntu)"?$/m;
    my @suites = (['1.30.6-2', 'forky'], ['1.30.6-2', 'unstable'], ['1.26.3-3', 'trixie'], ['1.24.0-1', 'older'], ['1.22.1-9', 'bookworm']);
    my %has = (installed => '1.22.1', crate => $locked, suites => \@suites);

    my ($status, $text) = list(\%has);
    is($status, 0, 'scripts/matrix --list');
    like($text, qr/^1\.22\.1: installed 1\.22\.1-1$/m, 'the installed nginx goes before the same version of a suite');
    like($text, qr/^1\.26\.3: suite trixie 1\.26\.3-3$/m, 'a suite has another branch');
    like($text, qr/^1\.30\.6: suite forky 1\.30\.6-2$/m, '... and of two suites with the same one the first is taken');
    like($text, qr/^\Q$vendored: vendored $locked\E$/m, 'the registry has what Cargo.lock has: that is taken');
    unlike($text, qr/1\.24/, 'a branch that is older and not promised is left out');

    ($status, $text) = list({%has, crate => "$vendored_branch.99+$vendored_branch.99 (latest 7.7.7+$vendored_branch.100)"});
    like($text, qr/^\Q$vendored_branch\E\.100: crate 7\.7\.7\+\Q$vendored_branch\E\.100$/m, 'the registry has a newer one: that is taken');

    my @newer = (['1.93.0-1', 'experimental'], ['1.91.10-1', 'unstable'], ['1.91.9-1', 'experimental'], @suites);
    ($status, $text) = list({%has, suites => \@newer});
    like($text, qr/^1\.91\.10: suite unstable 1\.91\.10-1\n1\.93\.0: suite experimental 1\.93\.0-1$/m, 'branches that are newer than what is promised are tried, too');

    ($status, $text) = list({%has, installed => '1.22.0'});
    like($text, qr/^1\.22\.1: suite bookworm /m, 'a suite with a newer version goes before what is installed');

    ($status, $text) = list({%has, crate => undef, suites => []});
    is($status, 0, 'no registry, and no suite with nginx-dev');
    like($text, qr/^1\.22\.1: installed.*\n1\.26: not to be had here\n.*1\.30: not to be had here\n/ms, '... is told');

    ($status, $text) = list(\%has, '1.24');
    like($text, qr/^1\.24\.0: suite older 1\.24\.0-1\n\z/m, 'a branch that is asked for alone');
}

for my $case (
    ['1.30.6' => 'a version, not a branch: 1.30 is one'],
    ['--source' => '--source needs a directory or a tarball'],
    ['t/nothing.t' => 'there is no "t/nothing.t"'],
    ['--wirte' => 'unknown argument "--wirte"'],
) {
    my ($argument, $says) = @$case;
    local $ENV{CARGO_TARGET_DIR} = "$made/target";
    my ($status, $text) = run('', "$ROOT/scripts/matrix", $argument);
    ok($status == 1 && index($text, $says) >= 0, "scripts/matrix $argument: $says") or diag($text);
}

# --- the table -------------------------------------------------------------------------

my $copy = "$made/page.md";
my $around = "# A page\n\n| nginx | of another table |\n|---|---|\n| 1.30.0 | stays |\n\n%s<!-- scripts/matrix --write: begin -->\n%s<!-- scripts/matrix --write: end -->\n\nThe end: ä.\n";
my $head = "| nginx | from | built by | tests | module |\n|---|---|---|---|---|\n";

sub table_after {
    my ($rows) = @_;
    my ($status, $text) = run($rows, "$ROOT/scripts/matrix-table", $copy);
    return $status ? "status $status: $text" : JWT::read_file($copy);
}

sub row { return join("\t", @_) . "\n" }

write_file($copy, sprintf $around, '', '');
my $old = '| 1.30.6 | a suite | Debian | 8,537 in all 84 files, none failed | 0.1.0, abcdef0 of 2026-11-26 |' . "\n";
is(table_after(row('1.30.6', 'a suite', 'Debian', 8537, 84, 84, 0, '0.1.0, abcdef0 of 2026-11-26')), sprintf($around, '', $head . $old), 'a row of all files');

my $part = '| 1.9.15 | here | us | 12 in 1 of 84 files, none failed | m |' . "\n";
is(table_after(row('1.9.15', 'here', 'us', 12, 1, 84, 0, 'm')), sprintf($around, '', $head . $part . $old), 'another of a part; branches are in order, and what stood there stays');

my $failed = '| 1.30.7 | a suite | Debian | 8,537 in all 84 files, **1,003 failed** | n |' . "\n";
is(table_after(row('1.30.7', 'a suite', 'Debian', 8537, 84, 84, 1003, 'n')), sprintf($around, '', $head . $part . $failed), 'a newer version of its branch, whose tests fail, takes the place of the old one');

my $unbuilt = '| 1.30.8 | a suite | Debian | **not built, or no test ran** | n |' . "\n";
my $last = sprintf $around, '', $head . $part . $unbuilt;
is(table_after(row('1.30.8', 'a suite', 'Debian', 0, 0, 84, 1, 'n')), $last, 'one that could not be built');

for my $case (
    ['no version' => row('one', 'f', 'b', 1, 1, 2, 0, 'm')],
    ['a field is missing' => row('1.30.9', 'f', 'b', 1, 1, 2, 0)],
    ['no number' => row('1.30.9', 'f', 'b', 'x', 1, 2, 0, 'm')],
    ['more files than there are' => row('1.30.9', 'f', 'b', 1, 3, 2, 0, 'm')],
) {
    my ($what, $rows) = @$case;
    like(table_after($rows), qr/^status [1-9]\d*: matrix-table: /, "refused: $what");
    is(JWT::read_file($copy), $last, '... and the page stays as it was');
}
write_file($copy, "# No comments here\n");
like(table_after(row('1.30.6', 'f', 'b', 1, 1, 1, 0, 'm')), qr/^status [1-9]\d*: matrix-table: .* has no "<!-- scripts/, 'refused: a page without the comments');

# --- sources ---------------------------------------------------------------------------

SKIP: {
    skip 'there is no git here', 1 if system('git --version >/dev/null 2>&1') != 0;
    my $repository = "$made/repository";
    my $make = 'git init -q "$1" && cd "$1" && git config user.name n && git config user.email n@localhost || exit 1
        for v in 1.28.9 1.28.10 1.30.2 1.31.1 1.31.0 1.4.99; do echo "$v" >version && git add . && git commit -q -m "$v" && git tag "release-$v" || exit 1; done
        echo later >version && git commit -q -a -m later';
    is((run('', 'sh', '-c', $make, 'sh', $repository))[0], 0, 'a repository');
    local @ENV{qw(CARGO_TARGET_DIR NGINX_REPOSITORY)} = ("$made/target", "file://$repository");
    for my $case ([stable => '1.30.2'], [mainline => '1.31.1'], ['1.28' => '1.28.10']) {
        my ($what, $version) = @$case;
        my ($status, $text) = run('', "$ROOT/scripts/fetch-nginx", $what);
        my ($directory) = $text =~ m{^(/.*/nginx-\Q$version\E)\n\z}m;
        ok($status == 0 && defined $directory, "scripts/fetch-nginx $what: $version") or diag($text);
        is(defined $directory && JWT::read_file("$directory/version"), "$version\n", '... as it was released');
    }
    for my $what ('1.99', 'newest', '1.30.2') {
        my ($status, $text) = run('', "$ROOT/scripts/fetch-nginx", $what);
        ok($status == 1 && $text =~ /^fetch-nginx: error: .*"\Q$what\E"$/m, "scripts/fetch-nginx $what is refused") or diag($text);
    }
    my ($status, $text) = run('', "$ROOT/scripts/build-nginx", $repository);
    ok($status == 1 && $text =~ /error: there is no nginx source in /, 'scripts/build-nginx refuses what is no nginx') or diag($text);
}

done_testing();
