# nginx keeps the value of a map for the request. A map of a claim that was looked at before the verdict
# therefore speaks of a token that nobody has verified, also in a later location that takes its token from
# elsewhere. With "volatile" the map is evaluated each time: every map of the documentation and of the
# samples that depends on a token has it.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Find qw(find);
use File::Spec::Functions qw(abs2rel rel2abs);
use Test::More;

use JWT;
use JWT::Server;

my $ROOT = rel2abs(dirname(__FILE__) . '/..');

# --- why: what nginx does ------------------------------------------------------------

# A forged token in the header is refused; the token in the cookie is then judged by another location.
my $LOCATIONS = <<'CONF';
location / {
    set $looked_at $is_admin;
    auth_jwt "header";
    auth_jwt_key_file good.jwks;
    error_page 401 = @cookie;
}
location @cookie {
    auth_jwt "cookie" token=$cookie_t;
    auth_jwt_key_file good.jwks;
    auth_jwt_require $is_admin error=403;
    try_files /page =404;
}
CONF

# The status that the holder of a token with that role gets, who sends a forged token of an admin beside it.
sub status_with {
    my ($maps, $role) = @_;
    my %keys = JWT::key_files();
    my $nginx = JWT::Server->new(http => $maps, server => $LOCATIONS,
        files => {'html/page' => 'it', 'conf/good.jwks' => $keys{'good.jwks'}});
    my $forged = JWT::bearer({role => 'admin'}, secret => 'nobody has this key');
    my $cookie = 'Cookie: t=' . JWT::token({role => $role});
    is($nginx->get('/', $cookie)->{status}, $role eq 'admin' ? 200 : 403, 'without a forged token');
    return $nginx->get('/', $forged, $cookie)->{status};
}

my $map = 'map $jwt_claim_role $is_admin { admin 1; }';
my $volatile = 'map $jwt_claim_role $is_admin { volatile; admin 1; }';
is(status_with($map, 'user'), 200, 'a map keeps the claim of the forged token');
is(status_with($volatile, 'user'), 403, 'a volatile one does not');
is(status_with($volatile, 'admin'), 200, 'and lets in whom it should');

my $role = 'map $jwt_claim_role $role { %s admin boss; }';
my $boss = 'map $role $is_admin { %s boss 1; }';
is(status_with(sprintf("$role $boss", 'volatile;', ''), 'user'), 200, 'of two maps in a chain one is not enough');
is(status_with(sprintf("$role $boss", '', 'volatile;'), 'user'), 200, 'neither is the other');
is(status_with(sprintf("$role $boss", ('volatile;') x 2), 'user'), 403, 'both are');

# --- the maps of a configuration ---------------------------------------------------------

# The words of a configuration; "{", "}" and ";" are words, unless they are quoted.
sub words {
    my ($text) = @_;
    my @words;
    while ($text =~ /\G\s*(?:\#[^\n]*|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([{};])|((?:\$\{|\\.|[^\s{};])+))/gcs) {
        my ($quoted, $mark, $plain) = ($1, $2, $3);
        next unless defined($quoted // $mark // $plain);
        push @words, {text => defined $quoted ? substr($quoted, 1, -1) : $mark // $plain, mark => defined $mark};
    }
    return @words;
}

# Directives as lists of their words, those of blocks inside one another in one list. A map's entries are
# in its last element, a list.
sub directives {
    my @words = @_;
    my (@all, @now, @map);
    while (my $word = shift @words) {
        if (!$word->{mark}) {
            push @now, $word->{text};
            next;
        }
        if (@map) {
            if ($word->{text} eq ';') { push @{$map[-1]}, [@now] }
            else { push @all, [@map]; @map = () }
        }
        elsif ($word->{text} eq '{' && @now && $now[0] eq 'map') { @map = (@now, []) }
        elsif (@now) { push @all, [@now] }
        @now = ();
    }
    return @all;
}

# The names of the maps that depend on a token and are not volatile.
sub lasting {
    my ($text) = @_;
    my @all = directives(words($text));
    my @maps = grep { $_->[0] eq 'map' && ref $_->[-1] } @all;
    my %ours = map { ($_->[1] =~ s/\A\$//r => 1) } grep { $_->[0] =~ /\Aauth_jwt_(?:claim|header)_set\z/ } @all;
    my $depends = sub {
        my @names = map {/\$\{?(\w+)/g} @_;
        return grep { $ours{$_} || /\A(?:jwt_(?:claim|header)_\w+|jwt_payload|auth_jwt_status)\z/ } @names;
    };
    my %found;
    my $more = 1;
    while ($more) {
        $more = 0;
        for my $map (@maps) {
            my ($source, $name, $entries) = @$map[1 .. 3];
            $name =~ s/\A\$//;
            next if $found{$name} || !$depends->($source, map { $_->[1] // () } @$entries);
            $more = $found{$name} = $ours{$name} = 1;
        }
    }
    my @lasting = grep { !grep { @$_ == 1 && $_->[0] eq 'volatile' } @{$_->[3]} } @maps;
    return grep { $found{$_} } map { $_->[2] =~ s/\A\$//r } @lasting;
}

# --- the test of the test ------------------------------------------------------------------

sub finds {
    my ($text, @names) = @_;
    is_deeply([lasting($text)], \@names, $text =~ s/\s+/ /gr);
}

finds('map $uri $a { x 1; }');
finds('map $jwt_claim_sub $a { x 1; }', 'a');
finds('map $jwt_claim_sub $a { x 1; volatile; }');
finds('map "x:${jwt_claim_sub}" $a { x 1; }', 'a');
finds('map $jwt_header_kid $a { "volatile" 1; }', 'a');
finds('map $jwt_payload $a { x 1; } # volatile;', 'a');
finds('map $auth_jwt_status $a { default "volatile;"; }', 'a');
finds('map $uri $a { /x $jwt_claim_x; "~^/(\d{2,3});$" 1; }', 'a');
finds('http { auth_jwt_claim_set $b x y; map $b $a { x 1; } }', 'a');
finds('map $b $a { x 1; } map $c $b { volatile; x 1; } auth_jwt_header_set $c x;', 'a');
finds('map $b $a { volatile; x 1; } map $jwt_claim_x $b { x 1; }', 'b');
finds('log_format x \'{"a": "$jwt_claim_sub"}\'; map $jwt_claim_sub $a { "~^a{1}" 1; } server { listen 1; }', 'a');

# --- the files -------------------------------------------------------------------------------

sub slurp {
    my ($name) = @_;
    open my $file, '<:raw', $name or die "cannot open $name: $!";
    local $/ = undef;
    return <$file> // '';
}

my @files;
find({
    no_chdir => 1,
    preprocess => sub { grep { !/^(?:target|node_modules|servroot.*|[.]git)$/ } @_ },
    wanted => sub { push @files, $File::Find::name if /[.](?:md|conf)$/ },
}, $ROOT);

my $maps = 0;
for my $file (sort @files) {
    my ($name, $text) = (abs2rel($file, $ROOT), slurp($file));
    # "nginx other" is configuration of other modules, which mean something else by such names.
    my @texts = $file =~ /[.]conf$/ ? $text : $text =~ /^\s*```nginx(?! other)[^\n]*\n(.*?)^\s*```\s*$/msg;
    next unless @texts;
    is_deeply([map { lasting($_) } @texts], [], "$name: maps that depend on a token are volatile");
    $maps += () = $_ =~ /^\s*volatile;|\{ *volatile;/mg for @texts;
}
cmp_ok($maps, '>', 5, 'there are such maps');

done_testing();
