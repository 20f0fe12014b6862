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
write_file("$tree/Cargo.toml", "[package]\nname = \"x\"\nversion = \"1.2.0\"\n\n[dependencies]\ny = { version = \"9.9.9\" }\n");
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
write_file("$tree/Cargo.toml", "version = \"1.3.0\"\n");
is_deeply([release('check', 'v1.3.0')], [1, "release: error: CHANGELOG.md has no section \"## [1.3.0]\", or an empty one\n"], 'refused: a version that CHANGELOG.md does not tell of');

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

# --- the workflows ---------------------------------------------------------------------

my @workflows = glob "$ROOT/.github/workflows/*.yml";
my %text = map { (basename($_) => JWT::read_file($_)) } @workflows;
ok($text{$_}, "there is $_") for qw(ci.yml matrix.yml release.yml);
for my $name (qw(ci.yml matrix.yml release.yml)) {
    my $yaml = $text{$name} // next;
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
    like($yaml, qr/^permissions:\n  contents: read\n\n/m, "$name may read, and nothing else, where a job does not say more");
    unlike($yaml, qr/secrets\./, "$name needs no secret");
    my $checkouts = () = $yaml =~ /uses: actions\/checkout\@/g;
    my $forgetful = () = $yaml =~ /uses: actions\/checkout\@[^\n]*\n +with:\n +persist-credentials: false\n/g;
    is($forgetful, $checkouts, "$name: no checkout leaves the token behind");
}
my ($publish) = $text{'release.yml'} =~ /^  publish:\n(.*)\z/ms;
like($publish, qr/^    needs: \[ci, tarballs\]$/m, 'nothing is published before all has passed');
my @writes = $text{'release.yml'} =~ /^ +([\w-]+): write/mg;
my @published = $publish =~ /^ +([\w-]+): write/mg;
is_deeply([sort @writes], [sort @published], 'the job that publishes is the only one that may write');
is_deeply([sort @writes], [qw(attestations contents id-token)], '... releases and attestations');

done_testing();
