# The Markdown of the repository: each block that is configuration is loaded by the real nginx, and
# each relative link leads somewhere. What a block is, the word behind its fence says:
#
#   nginx             a whole nginx.conf
#   nginx http        what stands inside http (server, location likewise)
#   nginx file=NAME   a whole nginx.conf that is, byte for byte, this file of the repository
#   nginx other       configuration of another module, which this nginx refuses
#
# An upstream that a block uses and does not define is there; so are certificates. A block must load
# without a warning, but for that of a dry run, and none may be without a word.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Find qw(find);
use File::Spec::Functions qw(abs2rel catfile rel2abs);
use File::Temp ();
use Test::More;

use JWT;
use JWT::Server;

my $ROOT = rel2abs(dirname(__FILE__) . '/..');
my %OTHER_LANGUAGES = map { ($_ => 1) } qw(console http js json lua python sh text toml yaml);

# --- blocks ------------------------------------------------------------------------

# The fenced blocks of a text: line, the word behind the fence, content.
sub blocks {
    my ($markdown) = @_;
    my ($number, $open, @blocks) = (0);
    for my $line (split /^/m, $markdown) {
        $number++;
        if (!$open && $line =~ /^(\s*)```(.*?)\s*$/) {
            $open = {line => $number, indent => $1, info => $2, text => ''};
        }
        elsif ($open && $line =~ /^\s*```\s*$/) {
            push @blocks, $open;
            undef $open;
        }
        elsif ($open) {
            $line =~ s/^$open->{indent}//;
            $open->{text} .= $line;
        }
    }
    push @blocks, {%$open, info => 'a fence that is not closed'} if $open;
    return @blocks;
}

my $made = File::Temp->newdir('certificate-XXXXXX', TMPDIR => 1);
my $has_certificate = system(
    "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=example -days 1 "
        . "-keyout $made/key.pem -out $made/certificate.pem >/dev/null 2>&1") == 0;

# A whole nginx.conf → the same, with what is outside of this test's directory inside.
sub at_home {
    my ($text) = @_;
    my $load = join "\n", 'pid nginx.pid; error_log logs/error.log info;',
        map {"load_module $_;"} JWT::Server::modules();
    my $temp = join ' ', map {"${_}_temp_path temp/$_;"} qw(client_body proxy fastcgi uwsgi scgi);
    my $upstreams = join ' ', map {"upstream $_ { server unix:%DIR%/$_.sock; }"} upstreams($text);
    $text =~ s/^ *load_module [^\n]*\n//mg;
    $text =~ s/^ *pid [^\n]*\n//mg;
    $text =~ s/^(\s*)http \{/$1http { $temp $upstreams/m;
    $text =~ s{listen +(?:[\d.]+:)?(\d+)}{listen unix:%DIR%/$1.sock}g;
    $text =~ s{(_log|proxy_cache_path) +/var/(?:log/nginx|cache)/}{$1 %DIR%/logs/}g;
    $text =~ s{(ssl_(?:trusted_|client_)?certificate) +[^;]+;}{$1 $made/certificate.pem;}g;
    $text =~ s{ssl_certificate_key +[^;]+;}{ssl_certificate_key $made/key.pem;}g;
    return "$load\n$text";
}

# The upstreams that are used, and not defined.
sub upstreams {
    my ($text) = @_;
    my %used = map { ($_ => 1) } $text =~ /_pass +\w+:\/\/([a-z_]+)(?=[;\/ ])/g;
    delete $used{$_} for $text =~ /upstream +(\w+)/g, 'unix';
    return sort keys %used;
}

my %AROUND = (
    '' => sub { $_[0] },
    http => sub {"events {}\nhttp {\n$_[0]\n}\n"},
    server => sub {"events {}\nhttp { server {\n$_[0]\n} }\n"},
    location => sub {"events {}\nhttp { server { location / {\n$_[0]\n} } }\n"},
);

# What `nginx -t` has against a text that stands at that level; nothing where it is content.
sub refused {
    my ($level, $text) = @_;
    # What blocks include, as the page that shows it says.
    my %files = ('conf/tenants.conf' => "issuer https://id.example.com;\n");
    my $nginx = JWT::Server->prepared(conf => at_home($AROUND{$level}->($text)), files => \%files);
    my ($fine, $said) = $nginx->checked;
    # Who shows a dry run means it.
    $said =~ s/^.*\[warn\].*"auth_jwt_dry_run" is on in .*\n//mg;
    return if $fine && $said !~ /\[(?:warn|error|crit|alert|emerg)\]/;
    return $said;
}

# What is wrong with a block.
sub problem_of {
    my ($block) = @_;
    my ($info, $text) = @$block{qw(info text)};
    return 'does not say what it is' if $info eq '';
    if ($OTHER_LANGUAGES{$info}) {
        return "is configuration, but marked \"$info\"" if $text =~ /^\s*auth_jwt\w*\s[^\n]*;/m;
        return;
    }
    if ($info eq 'nginx other') {
        my @fine = grep { !refused($_, $text) } sort keys %AROUND;
        return @fine ? 'is marked as that of others, but is ours' : undef;
    }
    my ($level, $file) = $info =~ /^nginx(?: (http|server|location)| file=(\S+))?$/
        or return "is of an unknown kind, \"$info\"";
    return "is not $file" if defined $file && $text ne JWT::read_file(catfile($ROOT, $file));
    return refused($level // '', $text);
}

# --- links --------------------------------------------------------------------------

sub without_code {
    my ($markdown) = @_;
    $markdown =~ s/^(\s*)```.*?^\s*```\s*$//msg;
    $markdown =~ s/`[^`\n]*`//g;
    return $markdown;
}

# The anchors that GitHub gives headings.
sub anchors {
    my ($markdown) = @_;
    $markdown =~ s/^(\s*)```.*?^\s*```\s*$//msg;
    my (%seen, @anchors);
    for my $heading ($markdown =~ /^#+ +(.*?)\s*$/mg) {
        my $anchor = lc $heading =~ s/\[([^\]]*)\]\([^)]*\)/$1/gr;
        $anchor =~ s/[^\w\- ]//g;
        $anchor =~ s/ /-/g;
        my $count = $seen{$anchor}++;
        push @anchors, $count ? "$anchor-$count" : $anchor;
    }
    return @anchors;
}

# The relative links of a file that lead nowhere.
sub broken_links {
    my ($name, $markdown) = @_;
    my @broken;
    for my $target (without_code($markdown) =~ /\]\(([^)\s]+)\)/g) {
        next if $target =~ /^[a-z]+:/;
        my ($path, $anchor) = $target =~ /^([^#]*)(?:#(.*))?$/;
        my $file = $path eq '' ? $name : catfile(dirname($name), $path);
        my $fine = -e $file;
        $fine &&= grep { $_ eq $anchor } anchors(JWT::read_file($file)) if defined $anchor;
        push @broken, $target unless $fine;
    }
    return @broken;
}

# --- the test of the test -------------------------------------------------------------

sub problem {
    my ($info, $text) = @_;
    my ($block) = blocks("Text.\n\n```$info\n$text\n```\n");
    return problem_of($block);
}

my $guard = 'auth_jwt "a"; auth_jwt_key_file keys.json;';
is(problem('nginx location', $guard), undef, 'a good block');
is(problem('nginx', "events {}\nhttp {\nserver {\n$guard\n}\n}"), undef, 'a good file');
like(problem('nginx location', 'auth_jwt;'), qr/invalid number of arguments/, 'a broken block');
like(problem('nginx location', "$guard }"), qr/unexpected/, 'a block that does not end');
like(problem('nginx http', 'auth_jwt_claims $a b;'), qr/unknown directive/, 'no such directive');
like(problem('nginx location', 'auth_jwt "a";'), qr/no key source/, 'a block with a warning');
is(problem('nginx location', "$guard auth_jwt_dry_run on;"), undef, 'a block with a dry run');
like(problem('', $guard), qr/does not say/, 'an unmarked block');
like(problem('ngnix', $guard), qr/unknown kind/, 'a block of an unknown kind');
like(problem('text', $guard), qr/is configuration/, 'a block that hides');
like(problem('nginx other', $guard), qr/is ours/, 'a block of others that is ours');
is(problem('nginx other', 'auth_jwt_enabled on;'), undef, 'a block of others');
like(problem('nginx file=nginx-conf/auth0.conf', 'events {}'), qr/is not/, 'a block that is not the file');
is_deeply([broken_links("$ROOT/README.md", "[a](no.md) [b](docs/reference.md#no) [c](docs/reference.md#limits) `[d](e)`")],
    ['no.md', 'docs/reference.md#no'], 'broken links are found');

# --- the files --------------------------------------------------------------------------

my @files;
find({
    no_chdir => 1,
    preprocess => sub { grep { !/^(?:target|node_modules|servroot.*|[.]git)$/ } @_ },
    wanted => sub { push @files, $File::Find::name if /[.]md$/ },
}, $ROOT);

my $loaded = 0;
for my $file (sort @files) {
    my ($name, $markdown) = (abs2rel($file, $ROOT), JWT::read_file($file));
    is_deeply([broken_links($file, $markdown)], [], "$name: links lead somewhere");
    for my $block (blocks($markdown)) {
        $loaded++ if $block->{info} =~ /^nginx/;
        SKIP: {
            skip 'openssl is missing', 1 if !$has_certificate && $block->{text} =~ /ssl_/;
            is(problem_of($block), undef, "$name:$block->{line}: $block->{info}");
        }
    }
}
cmp_ok($loaded, '>', 25, 'there are blocks of configuration');

# What the README promises of Rust is what cargo asks for.
my ($rust) = JWT::read_file("$ROOT/Cargo.toml") =~ /^rust-version = "([\d.]+)"/m;
like(JWT::read_file("$ROOT/$_"), qr/Rust \Q$rust\E or newer/, "$_: Rust $rust") for 'README.md', 'CONTRIBUTING.md';

# It is a beginning, and what is long stands in docs/.
cmp_ok(scalar(() = JWT::read_file("$ROOT/README.md") =~ /\n/g), '<', 150, 'README.md has less than 150 lines');

# The picture of the source has each file and folder of the floors, and no other.
my ($picture) = grep { $_->{info} eq 'text' } blocks(JWT::read_file("$ROOT/docs/architecture.md"));
my ($floor, %drawn);
for my $line (split /\n/, $picture->{text}) {
    $floor = $1 if $line =~ m{^src/(\w+)/};
    $drawn{"$floor/$1"} = 1 if $line =~ m{^  ([\w.]+)};
}
my %there = map { ("$_" => 1) }
    map { m{src/(\w+/[\w.]+)$} } grep { !m{/mod[.]rs$} } glob "$ROOT/src/{jose,auth,metrics,fetch,nginx}/*";
# What only tests are built with is not drawn.
for my $parent (glob "$ROOT/src/{jose,auth,metrics,fetch,nginx}/mod.rs") {
    my ($folder) = $parent =~ m{src/(\w+)/};
    delete $there{"$folder/$_.rs"} for JWT::read_file($parent) =~ /^#\[cfg\(test\)\]\nmod (\w+);$/mg;
}
# A folder beside a file of its name holds parts and tests of that file.
delete @there{map {s/[.]rs$//r} grep {/[.]rs$/} keys %there};
is_deeply([sort keys %drawn], [sort keys %there], 'docs/architecture.md draws the source as it is');

done_testing();
