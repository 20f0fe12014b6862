# What a tag v* is made into: scripts/release on a tree of the test's own, and the workflows of .github, which nobody can
# run here: that they name actions by commits, ask for no more rights than they say, and call scripts that are there.
use strict;
use warnings;

use Cwd qw(realpath);
use Digest::SHA ();
use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp ();
use Test::More;

use JWT;

my $ROOT = realpath(dirname(__FILE__) . '/..');
my $made = File::Temp->newdir('release-XXXXXX', TMPDIR => 1);
my $tree = "$made/tree";

sub write_file {
    my ($name, $text) = @_;
    make_path(dirname($name));
    open my $out, '>', $name or die "$name: $!";
    print {$out} $text;
    close $out or die "$name: $!";
    return $name;
}

sub release {
    local $ENV{CARGO_TARGET_DIR} = "$made/target";
    my $text = do {
        local $/ = undef;
        open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', "$tree/scripts/release", @_ or die "sh: $!";
        my $got = <$out>;
        close $out;
        $got;
    };
    return ($? >> 8, $text // '');
}

make_path("$tree/scripts");
copy("$ROOT/scripts/$_", "$tree/scripts/$_") or die "$_: $!" for qw(release prelude.sh);
chmod 0755, "$tree/scripts/release";
my @locks = ('Cargo.lock', 'fuzz/Cargo.lock', 'bench/bare/Cargo.lock');
# A tree of this version.
sub is_of {
    my ($version) = @_;
    write_file("$tree/Cargo.toml", "[package]\nname = \"x\"\nversion = \"$version\"\n\n[dependencies]\ny = { version = \"9.9.9\" }\n");
    write_file("$tree/$_", "[[package]]\nname = \"w\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"x\"\nversion = \"$version\"\ndependencies = [\n \"w\",\n]\n") for @locks;
    return;
}
is_of('1.2.0');
write_file("$tree/CHANGELOG.md", <<'MD');
# Changelog

## [Unreleased]

- later

## [1.2.0] - 2026-12-01

### Added

- this

## [1.1.0] - 2026-01-01

- earlier

[1.2.0]: https://localhost/1.2.0
MD

# --- scripts/release -------------------------------------------------------------------

is_deeply([release('check', 'v1.2.0')], [0, "release: v1.2.0: as Cargo.toml and CHANGELOG.md have it\n"], 'the tag of this version');
is_deeply([release('notes', 'v1.2.0')], [0, "### Added\n\n- this\n\n"], '... and what CHANGELOG.md says of it');
is_deeply([release('notes', 'v1.1.0')], [0, "- earlier\n\n"], 'the last section ends before the links');
for my $case (
    ['v1.1.0' => 'the tag is "v1.1.0", but Cargo.toml has version "1.2.0"'],
    ['v9.9.9' => 'the tag is "v9.9.9", but Cargo.toml has version "1.2.0"'],
    map { [$_ => "the tag of a release is v and three numbers, this is \"$_\""] } '1.2.0', 'v1.2', 'v1.2.0-rc1', 'v1.2.0;true',
) {
    my ($tag, $says) = @$case;
    is_deeply([release('check', $tag)], [1, "release: error: $says\n"], "refused: $tag");
}
is_of('1.3.0');
is_deeply([release('check', 'v1.3.0')], [1, "release: error: CHANGELOG.md has no section \"## [1.3.0] - DATE\", or an empty one\n"], 'refused: a version that CHANGELOG.md does not tell of');
my $changes = JWT::read_file("$tree/CHANGELOG.md");
write_file("$tree/CHANGELOG.md", $changes =~ s/Unreleased/1.3.0/r);
is_deeply([release('check', 'v1.3.0')], [1, "release: error: CHANGELOG.md has no section \"## [1.3.0] - DATE\", or an empty one\n"], '... or that has no date there');
write_file("$tree/CHANGELOG.md", $changes);

# What turns a tree into a version, once.
{
    is_of('1.2.0');
    local $ENV{SOURCE_DATE_EPOCH} = 1_796_083_200;
    is_deeply([release('prepare', 'v1.3.0')], [0, "release: v1.3.0: as Cargo.toml and CHANGELOG.md have it\n"], 'prepare');
    my %is = map { $_ => JWT::read_file("$tree/$_") } 'Cargo.toml', 'CHANGELOG.md', @locks;
    is_of('1.3.0');
    is($is{$_}, JWT::read_file("$tree/$_"), "... $_ has the version, and nothing else has changed") for 'Cargo.toml', @locks;
    is($is{'CHANGELOG.md'}, $changes =~ s/## \[Unreleased\]\n/## [Unreleased]\n\n## [1.3.0] - 2026-12-01\n/r, '... CHANGELOG.md dates what was unreleased');
    is_deeply([release('notes', 'v1.3.0')], [0, "- later\n\n"], '... which are the notes of the release');
    is_deeply([release('prepare', 'v1.3.0')], [1, "release: error: CHANGELOG.md has a section \"## [1.3.0]\" already\n"], 'refused: twice');
    is_deeply([release('prepare', 'v1.4.0')], [1, "release: error: CHANGELOG.md has no section \"## [Unreleased]\", or an empty one\n"], 'refused: nothing to release');
    is_deeply([release('prepare', '1.4.0')], [1, "release: error: the tag of a release is v and three numbers, this is \"1.4.0\"\n"], 'refused: no tag');
    for my $lock (@locks) {
        write_file("$tree/$lock", $is{$lock} =~ s/1\.3\.0/1.2.0/r);
        is_deeply([release('check', 'v1.3.0')], [1, "release: error: $lock has another version than Cargo.toml; scripts/release prepare writes both\n"], "refused: $lock is of another version");
        write_file("$tree/$lock", $is{$lock});
    }
}

my %content = ('x_1.2.0-1~deb12_amd64.deb' => "one\n", 'x-1.2.0.tar.gz' => "two\n");
write_file("$made/dist/$_", $content{$_}) for keys %content;
my $sums = join '', map { Digest::SHA::sha256_hex($_->[1]) . "  $_->[0]\n" }
    ['x-1.2.0.tar.gz', "two\n"], ['x_1.2.0-1.deb12_amd64.deb', "one\n"];
is_deeply([release('collect', "$made/dist")], [0, $sums], 'names without a tilde, and sums of them');
is_deeply([sort map { basename($_) } glob "$made/dist/*"], ['SHA256SUMS', 'x-1.2.0.tar.gz', 'x_1.2.0-1.deb12_amd64.deb'], '... are there');
is(JWT::read_file("$made/dist/SHA256SUMS"), $sums, '... as files');
is_deeply([release('collect', "$made/dist")], [0, $sums], '... and a second time the same');
write_file("$made/dist/x_1.2.0-1~deb12_amd64.deb", "three\n");
my ($status, $text) = release('collect', "$made/dist");
ok($status == 1 && $text =~ /would have one name/, 'refused: two files of one name') or diag($text);
is(JWT::read_file("$made/dist/x_1.2.0-1.deb12_amd64.deb"), "one\n", '... of which none is lost');
make_path("$made/empty");
is_deeply([release('collect', "$made/empty")], [1, "release: error: there are no files in \"$made/empty\"\n"], 'refused: nothing');

# --- scripts/release repository ---------------------------------------------------------

# Stands for scripts/repository, which scripts/test-package tries out: tells what it is given, and leaves what that leaves.
write_file("$tree/scripts/repository", <<'SH');
#!/bin/sh
for argument in "$@"; do [ ! -f "$argument" ] || case $argument in *.deb) ;; *) cp "$argument" "$TOLD.key"; stat -c %a "$argument" >"$TOLD.mode" ;; esac; done
env | grep -c '^APT_KEY=' >>"$TOLD.env"
printf '%s ' "$@" >>"$TOLD"
echo >>"$TOLD"
mkdir -p "$1/public/dists" "$1/private"
echo key >"$1/private/key.asc"
echo of reprepro
SH
chmod 0755, "$tree/scripts/repository";
{
    my @names = map { my $of = $_; map {"${_}_1.2.0-1~$of.deb"} qw(libnginx-mod-http-auth-jwt nginx-jwt) } qw(deb12_amd64 deb12_arm64 deb13_amd64 ubuntu24.04_amd64);
    write_file("$made/debs/$_", $_) for @names;
    local $ENV{TOLD} = "$made/told";
    local $ENV{APT_KEY} = "-----BEGIN PGP PRIVATE KEY BLOCK-----\nsecret\n-----END PGP PRIVATE KEY BLOCK-----";
    my $url = 'https://packages.example.com/apt';
    my ($status, $text) = release('repository', "$made/debs", $url);
    my $place = "$made/target/apt-repository";
    is($status, 0, 'a repository is made') or diag($text);
    is((split /\n/, $text)[-1], "$place/made/public", '... and it says where that is');
    my %of;
    push @{$of{/~deb12/ ? 'bookworm' : /~deb13/ ? 'trixie' : 'noble'}}, "$made/debs/$_" for sort @names;
    my @expected = ("$place/made --key $place/key --url $url bookworm @{$of{bookworm}} ", map {"$place/made $_ @{$of{$_}} "} qw(noble trixie));
    is(JWT::read_file("$made/told"), join("\n", @expected, ''), '... each package in its suite, the key and the URL once');
    is(JWT::read_file("$made/told.key"), "$ENV{APT_KEY}\n", '... with the key');
    is(JWT::read_file("$made/told.mode"), "600\n", '... which nobody else can read');
    is(JWT::read_file("$made/told.env"), "0\n0\n0\n", '... nor any program that needs it not');
    ok(-d "$place/made/public/dists" && !-e "$place/made/private" && !-e "$place/key", '... and of which nothing is left');
    unlike($text, qr/secret/, '... or told');

    write_file("$made/debs/x_1.2.0-1~deb99_amd64.deb", '');
    is_deeply([release('repository', "$made/debs", $url)], [1, "release: error: no suite is known of \"x_1.2.0-1~deb99_amd64.deb\"\n"], 'refused: a package of an unknown suite');
    is_deeply([release('repository', "$made/empty", $url)], [1, "release: error: there are no .debs in \"$made/empty\"\n"], 'refused: no packages');
    delete local $ENV{APT_KEY};
    like((release('repository', "$made/debs", $url))[1], qr/\Arelease: error: APT_KEY must hold the secret key/, 'refused: no key');
}
for my $case ([], ['check'], ['check', 'v1.2.0', 'x'], ['repository', "$made/debs"], ['packages']) {
    is_deeply([release(@$case)], [1, "release: error: see scripts/release --help\n"], "refused: \"@$case\"");
}

# --- the version of this tree -------------------------------------------------------------

# It stands in Cargo.toml, and what else names it takes it from there; lock files have it by cargo, or by "prepare".
{
    my ($version) = JWT::read_file("$ROOT/Cargo.toml") =~ /^version = "(.*)"$/m;
    is(join(' ', JWT::read_file("$ROOT/$_") =~ /^name = "ngx-http-auth-jwt-module"\nversion = "(.*)"$/mg), $version, "$_ has the version of Cargo.toml") for @locks;
    my $told = qx(startdir='$ROOT/packaging/alpine' sh -c '. "\$startdir/APKBUILD" && echo "\$pkgver"');
    is($told, "$version\n", 'the APKBUILD has it, too');
}

# --- the workflows ---------------------------------------------------------------------

my @workflows = glob "$ROOT/.github/workflows/*.yml";
my %text = map { (basename($_) => JWT::read_file($_)) } @workflows;
is_deeply([sort keys %text], [qw(ci.yml matrix.yml release.yml site.yml)], 'the workflows');
for my $name (sort keys %text) {
    my $yaml = $text{$name};
    my @used = $yaml =~ /^ *(?:- )?uses: (.*)$/mg;
    ok(scalar @used, "$name uses actions");
    for my $action (grep { !m{^\./} } @used) {
        like($action, qr{^[\w.-]+/[\w./-]+\@[0-9a-f]{40} # \S+$}, "$name: $action");
    }
    for my $workflow (grep { m{^\./} } @used) {
        ok(-f "$ROOT/$workflow", "$name: $workflow is there");
    }
    my @scripts = $yaml =~ m{(scripts/[a-z-]+)}g;
    ok(-x "$ROOT/$_", "$name: $_ can be run") for sort keys %{{map { ($_ => 1) } @scripts}};
    # Each command of scripts/release that is called is one that it has.
    my $commands = JWT::read_file("$ROOT/scripts/release");
    like($commands, qr/^\Q$_\E\) /m, "$name: scripts/release $_") for grep { $_ ne 'notes' } $yaml =~ m{scripts/release ([a-z]+)}g;
    like($yaml, qr/^permissions:\n  contents: read\n\n/m, "$name may read, and nothing else, where a job does not say more");
    my $checkouts = () = $yaml =~ /uses: actions\/checkout\@/g;
    my $forgetful = () = $yaml =~ /uses: actions\/checkout\@[^\n]*\n +with:\n +persist-credentials: false\n/g;
    is($forgetful, $checkouts, "$name: no checkout leaves the token behind");
}

# The jobs of a workflow, by name.
sub jobs {
    my ($yaml) = @_;
    my ($jobs) = $yaml =~ /^jobs:\n(.*)\z/ms;
    return $jobs =~ /^  ([\w-]+):\n((?:(?:   +[^\n]*|  #[^\n]*)?\n)*)/mg;
}
my %release = jobs($text{'release.yml'});
my %site = jobs($text{'site.yml'});
is_deeply([sort keys %release], [qw(ci nginx publish site tag)], 'the jobs of a release');
like($release{publish}, qr/^    needs: \[ci, nginx\]$/m, 'nothing is published before all has passed');
like($release{site}, qr/^    needs: publish\n.*^    uses: \.\/\.github\/workflows\/site\.yml$/ms, 'the site is that of a release that is there');
like($text{'site.yml'}, qr/^on:\n  workflow_call:\n    secrets:\n      APT_KEY:\n        required: false\n\n/m, '... and comes no other way');

# Who may write, and what.
my %may = map { my $job = $_; ($job => [sort $release{$job} =~ /^ +([\w-]+): write/mg]) } keys %release;
is_deeply(\%may, {tag => [], ci => [], nginx => [], publish => [qw(attestations contents id-token)], site => [qw(id-token pages)]},
    'one job may write releases and attestations, another one pages');
is_deeply({map { my $job = $_; ($job => [sort $site{$job} =~ /^ +([\w-]+): write/mg]) } keys %site}, {build => [], publish => [qw(id-token pages)]},
    'what makes the site may write nothing');

# There is one secret, and one step sees it.
is(join(' ', map { my $name = $_; map {"$name $_"} $text{$name} =~ /\$\{\{[^}]*\bsecrets\.(\w+)/g } sort keys %text), 'release.yml APT_KEY site.yml APT_KEY', 'the only secret');
my @steps = grep {/secrets\./} split /^      - /m, $site{build};
is(scalar @steps, 1, '... is that of one step');
like($steps[0], qr/scripts\/release repository packages "\$URL"/, '... which makes the repository');

# What is handed on: each artifact is fetched by a name that it has.
my %uploads = map { ($_ => [$text{$_} =~ /upload-artifact\@[^\n]*\n +with:\n +name: (\S+)/g]) } qw(ci.yml release.yml);
is_deeply([map {s/-.*//r} @{$uploads{'ci.yml'}}, @{$uploads{'release.yml'}}], [qw(package servroots fuzz nginx)], 'artifacts of the run');
my ($fetched) = $release{publish} =~ /pattern: "(\S+)"/;
is($fetched, '{package,nginx}-*', 'the release takes packages, and what is for nginx.org\'s nginx');
like($site{build}, qr/pattern: package-\*\n +path: packages\n/, 'the repository takes packages');
my ($paths) = $release{nginx} =~ /path: \|\n((?: {12}\S+\n)+)/;
is($paths =~ s/^ +//mgr, "target/package/*.tar.gz\ntarget/package/*.rpm\n", '... tarballs and .rpms');
# The suites of the packages are those that scripts/release knows.
my @images = $text{'ci.yml'} =~ /image: "([\w:.]+)", runner/g;
my @known = JWT::read_file("$ROOT/scripts/release") =~ /^    \*~([a-z]+[0-9.]+)_\*\) echo /mg;
is_deeply([sort keys %{{map { (s/^debian:/deb/r =~ s/://r => 1) } @images}}], [sort @known], 'each image of ci.yml has its suite');

done_testing();
