# site/stage.py and site/check.py, which scripts/site is made of, on small trees of their own and on the repository:
# a page that is forgotten, or a link that leads nowhere, must be told. mdBook is not needed.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Spec::Functions qw(rel2abs);
use File::Temp ();
use Test::More;

use JWT;

my $ROOT = rel2abs(dirname(__FILE__) . '/..');

plan skip_all => 'there is no python3 here' if system('python3 -c "" >/dev/null 2>&1') != 0;

sub written {
    my (%files) = @_;
    my $directory = File::Temp->newdir('site-XXXXXX', TMPDIR => 1);
    for my $name (keys %files) {
        make_path(dirname("$directory/$name"));
        open my $file, '>:raw', "$directory/$name" or die "cannot write $name: $!";
        print {$file} $files{$name};
        close $file or die "cannot write $name: $!";
    }
    return $directory;
}

# A program of site/ → whether it succeeds, and what it says.
sub run {
    my ($program, @arguments) = @_;
    open my $output, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', 'python3', '-B', "$ROOT/site/$program", @arguments
        or die "cannot run $program: $!";
    my $said = do { local $/ = undef; <$output> };
    return (close $output, $said // '');
}

# --- stage.py ----------------------------------------------------------------------

my %settings = map { ("site/$_" => JWT::read_file("$ROOT/site/$_")) } qw(book.toml style.css theme/favicon.svg);
my %tree = (
    %settings,
    'Cargo.toml' => qq([package]\nname = "x"\nversion = "7.8.9"\nrust-version = "1.2"\n),
    'README.md' => "# Front\n\n[a](docs/a.md#b), [samples](samples/), [licence](LICENSE), [out](https://example.com/a.md)\n",
    'LICENSE' => "As you like.\n",
    'samples/README.md' => "# Samples\n\n[one](one.json), [keys](keys)\n",
    'samples/one.json' => "{}\n",
    'samples/keys/k.txt' => "a ``` in it\n",
    'docs/a.md' => "# A\n\n![picture](p.svg) [front](../README.md) `[no](link.md)` [one](../samples/one.json) ``[`no`](link.md)``\n\n"
        . "```text\n[no](link.md)\n```\n\n- in a list\n\n  ```text\n  [no](link.md)\n  ```\n",
    'docs/p.svg' => '<svg/>',
    'docs/SUMMARY.md' => "# Summary\n\n[Front](../README.md)\n\n# Part\n\n- [A](a.md)\n- [Samples](../samples/README.md)\n",
);

# The tree with some files in another way → whether it is laid out, what is said, and the place.
sub staged {
    my ($tree) = written(%tree, @_);
    my ($fine, $said) = run('stage.py', "$tree", "$tree/book");
    return ($fine, $said, $tree);
}

{
    my ($fine, $said, $tree) = staged();
    ok($fine, 'a tree is laid out') or diag $said;
    my $text = sub { return JWT::read_file("$tree/book/$_[0]") };
    like($text->('book.toml'), qr/^title = ".* 7\.8\.9"$/m, 'the version is in the title');
    is($text->('src/index.md'), "# Front\n\n[a](docs/a.md#b), [samples](samples/index.md), [licence](LICENSE.md), "
        . "[out](https://example.com/a.md)\n", 'links to directories, files and other sites');
    is($text->('src/docs/a.md'), $tree{'docs/a.md'} =~ s/README[.]md/index.md/r =~ s/one[.]json/one.json.md/r,
        'links in code are none, and pictures stay');
    is($text->('src/docs/p.svg'), '<svg/>', 'a picture is copied');
    is($text->('src/samples/one.json.md'), "# samples/one.json\n\n```json\n{}\n```\n\n[As a file](one.json)\n", 'a file has a page');
    is($text->('src/samples/one.json'), "{}\n", 'and is there itself');
    is($text->('src/samples/keys/index.md'),
        "# samples/keys\n\n## k.txt\n\n````text\na ``` in it\n````\n\n[As a file](k.txt)\n", 'so has a directory');
    is($text->('src/SUMMARY.md'), "# Summary\n[Front](index.md)\n\n# Part\n\n- [A](docs/a.md)\n- [Samples](samples/index.md)\n"
        . "  - [keys](samples/keys/index.md)\n  - [one.json](samples/one.json.md)\n\n[LICENSE](LICENSE.md)\n", 'the contents');
}

my @mistakes = (
    ['a page of docs/ that is forgotten', {'docs/deep/b.md' => "# B\n"}, qr{docs/SUMMARY[.]md lacks docs/deep/b[.]md$}m],
    ['a page elsewhere that is forgotten', {'docs/a.md' => '[x](../X.md)', 'X.md' => "# X\n"},
        qr{docs/a[.]md links to X[.]md, which docs/SUMMARY[.]md lacks}],
    ['a link to nothing', {'docs/a.md' => '[x](../none.conf)'}, qr{docs/a[.]md links to "../none[.]conf", which is not there}],
    ['a link out of the repository', {'docs/a.md' => '[x](../../..)'}, qr{links to "../../[.][.]", which is not there}],
    ['contents that lead to nothing', {'docs/SUMMARY.md' => "$tree{'docs/SUMMARY.md'}- [B](b.md)\n"}, qr{"b[.]md", which is not there}],
    ['a page that is there twice', {'docs/SUMMARY.md' => "$tree{'docs/SUMMARY.md'}- [A](a.md)\n"}, qr{has twice: docs/a[.]md}],
    ['contents that are none', {'docs/SUMMARY.md' => "$tree{'docs/SUMMARY.md'}* [A](a.md)\n"}, qr{cannot read "\* \[A\]\(a[.]md\)"}],
);
for my $case (@mistakes) {
    my ($name, $files, $expected) = @$case;
    my ($fine, $said) = staged(%$files);
    ok(!$fine, "$name: refused");
    like($said, $expected, "$name: told");
}

{
    my $place = File::Temp->newdir('site-XXXXXX', TMPDIR => 1);
    my ($fine, $said) = run('stage.py', $ROOT, "$place/book");
    ok($fine, 'each page of the repository is in docs/SUMMARY.md') or diag $said;
}

# --- check.py ----------------------------------------------------------------------

my $TITLE = 'a site 7.8.9';

sub page {
    my ($body, $title) = (@_, $TITLE);
    return qq(<html><head><title>x - $title</title><link rel="stylesheet" href="ROOTs.css"></head>)
        . qq(<body><h1 class="menu-title">$title</h1>$body</body></html>);
}
my %site = (
    'index.html' => page('<h1 id="top">Front</h1><a href="d/a.html#b">a</a> <a href="d/">d</a> <a href="#top">up</a> '
        . '<a href="https://example.com/none">out</a> <a href="x%20y.txt">file</a>') =~ s/ROOT//r,
    'd/index.html' => page('<a href="../index.html#top">front</a>') =~ s/ROOT/..\//r,
    'd/a.html' => page('<h2 id="b">B</h2><img src="../p.svg">') =~ s/ROOT/..\//r,
    '404.html' => page('<a href="index.html">front</a>') =~ s/ROOT//r =~ s{<head>}{<head><base href="/there/">}r,
    'toc.html' => '<a href="d/a.html">a</a>',
    'x y.txt' => '', 'p.svg' => '<svg/>',
    's.css' => 'a { background: url("p.svg") } b { background: url(data:image/png;base64,x) }',
    'searchindex-1.js' => q[window.search = Object.assign(window.search, JSON.parse('{"doc_urls":["d/a.html#b"],"x":"it\\'s \\\\"a\\\\""}'));],
);

sub checked {
    my $site = written(%site, @_);
    return run('check.py', "$site", $TITLE);
}

{
    my ($fine, $said) = checked();
    ok($fine, 'a good site') or diag $said;
    like($said, qr/^5 pages, 8 links: all lead somewhere$/, 'is counted');
}
sub body { return ('d/a.html' => page(qq(<h2 id="b">B</h2>$_[0]), @_[1 .. $#_]) =~ s/ROOT/..\//r) }
my @faults = (
    ['a link to nothing', {body('<a href="none.html">x</a>')}, qr{^d/a[.]html: "none[.]html" leads nowhere$}m],
    ['a link out of the site', {body('<a href="../../etc/">x</a>')}, qr{"../../etc/" leads nowhere}],
    ['a link to no place', {body('<a href="index.html#c">x</a>')}, qr{leads to d/index[.]html, which has no "c"}],
    ['a link to no place here', {body('<a href="#c">x</a>')}, qr{leads to d/a[.]html, which has no "c"}],
    ['a link from the root', {body('<a href="/index.html">x</a>')}, qr{"/index[.]html" begins at the root}],
    ['a picture that is not there', {body('<img src="none.svg">')}, qr{"none[.]svg" leads nowhere}],
    ['a picture from elsewhere', {body('<img src="https://example.com/p.svg">')}, qr{loads "https://example[.]com/p[.]svg" from elsewhere}],
    ['a script from elsewhere', {body('<script src="//example.com/x.js"></script>')}, qr{loads "//example[.]com/x[.]js" from elsewhere}],
    ['a style that takes from elsewhere', {'s.css' => '@import "https://example.com/x.css";'}, qr{^s[.]css: loads "https://}m],
    ['a style that takes nothing', {'s.css' => 'a { background: url(none.png) }'}, qr{^s[.]css: "none[.]png" leads nowhere}m],
    ['another version', {body('', 'a site 7.8.8')}, qr{^d/a[.]html: does not have "a site 7[.]8[.]9" in its title and on the page}m],
    ['no version on the page', {'d/a.html' => qq(<title>$TITLE</title><h2 id="b">B</h2>)}, qr{^d/a[.]html: does not have}m],
    ['a search that leads nowhere', {'searchindex-1.js' => q[JSON.parse('{"doc_urls":["d/b.html"]}')]}, qr{"d/b[.]html" leads nowhere}],
    ['a search that finds nothing', {'searchindex-1.js' => q[JSON.parse('{"doc_urls":[]}')]}, qr{finds nothing}],
    ['a search that is broken', {'searchindex-1.js' => q[JSON.parse('{"doc_urls":')]}, qr{cannot be read}],
    ['two searches', {'searchindex-2.js' => ''}, qr{has 2 indexes}],
);
for my $case (@faults) {
    my ($name, $files, $expected) = @$case;
    my ($fine, $said) = checked(%$files);
    ok(!$fine, "$name: refused");
    like($said, $expected, "$name: told");
}

done_testing();
