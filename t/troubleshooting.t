# docs/troubleshooting.md, keys by URL: each reason that its table has is brought about, and stands in the log
# in those words; the table has each of them.
use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

use JWT;
use JWT::KeyServer;
use JWT::Server;

my $page = do {
    open my $file, '<:raw', dirname(__FILE__) . '/../docs/troubleshooting.md' or die "no page: $!";
    local $/ = undef;
    <$file>;
};
my ($section) = $page =~ /^### Keys by URL\n(.*?)^### /ms or die 'no section on keys by URL';
my ($table) = $section =~ /^\| behind the URL .*?\n\|---.*?\n(.*?)\n\n/ms or die 'no table in it';

# The code of the first column, and that which is no parameter of the others.
my @told = map { my ($first) = /^\| (.*?) \| /; $first =~ /`([^`]+)`/g } split /\n/, $table;

# Those that TLS has to say are in t/identity_provider_configurations.t, or take more than a test has.
my %ELSEWHERE = map { ($_ => 1) } (
    'TLS: invalid peer certificate: UnknownIssuer',
    'TLS: invalid peer certificate: certificate not valid for name',
    'TLS: invalid peer certificate: certificate expired',
    'Network is unreachable', 'the system has no trusted certificates', '403',
);

# --- a provider that does everything wrong ------------------------------------------

my $server = JWT::KeyServer->new(tcp => 1);
my $site = 'http://' . $server->address;
my $keys = JWT::key_set({kty => 'OKP', crv => 'Ed25519', x => '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', kid => 'k'});
my $document = sub { my (%members) = @_; return {body => JWT::json(\%members)} };
$server->answer(
    '/good' => {body => $keys},
    '/moved' => {status => 301, headers => ["Location: $site/good"]},
    '/closed' => {status => 401},
    '/html' => {body => '<html>', type => 'text/html'},
    '/certificates' => {body => '{"k": "-----BEGIN CERTIFICATE-----"}'},
    '/secret' => {body => JWT::key_set(JWT::jwk('a secret', kid => 's'))},
    '/gzip' => {body => $keys, headers => ['Content-Encoding: gzip']},
    '/large' => {body => ' ' x (1 << 20) . $keys},
    '/slow' => {body => $keys, wait => 3},
    '/another' => $document->(issuer => "$site/another/", jwks_uri => "$site/good"),
    '/incomplete' => $document->(issuer => "$site/incomplete"),
    '/plain' => $document->(issuer => "$site/plain", jwks_uri => 'http://id.example.com/keys'),
);
# A port where nobody listens.
my $closed = JWT::KeyServer->new(tcp => 1);
my $nobody = 'http://' . $closed->address;
$closed->stop;

# For each reason of the table: the parameters of a block that brings it about.
my %CASES = (
    'host not found' => 'key_url https://no.such.host.invalid/keys;',
    'Connection refused' => "key_url $nobody/keys;",
    'it took longer than "timeout" allows' => "key_url $site/slow; timeout 1s;",
    'the answer has status 404, not 200' => "key_url $site/missing;",
    'the answer has status 301, not 200' => "key_url $site/moved;",
    'the answer has status 401' => "key_url $site/closed;",
    'the document has "issuer" "A", not "B"' => "config_url $site/another;",
    'the document has no "jwks_uri"' => "config_url $site/incomplete;",
    'the document has "jwks_uri" "http://...", but it is neither "https:" nor "http:" to this machine' => "config_url $site/plain;",
    'the document is not a JSON object' => "config_url $site/html;",
    'JWK set is not a JSON object' => "key_url $site/html;",
    'JWK set has no "keys" array' => "key_url $site/certificates;",
    'empty JWK set' => "key_url $site/secret;",
    'the answer has "Content-Encoding: gzip", which is not decoded' => "key_url $site/gzip;",
    'the answer is larger than 1 MiB' => "key_url $site/large;",
);
my %PROXIED = ('proxy: ...' => 'key_url https://id.example.com/keys;');

is_deeply([sort grep { !$ELSEWHERE{$_} } @told], [sort keys %CASES, keys %PROXIED], 'the table has each reason');
like($section, qr/\Q$_\E/, "the page has: $_") for '"kty" is "oct", and what a URL tells is no secret';

# The issuer is what a document of that URL has to name.
sub nginx_with {
    my ($cases, $more) = @_;
    my ($blocks, $number) = ('', 0);
    for my $reason (sort keys %$cases) {
        my ($path) = $cases->{$reason} =~ m{_url \S+(/\w+);};
        $blocks .= "auth_jwt_issuer i$number { issuer $site$path#$number $site$path; audience any; $cases->{$reason} }\n";
        $number++;
    }
    # A document is asked for the first issuer.
    $blocks =~ s/issuer \S+#\d+ (\S+); (audience any; config_url)/issuer $1; $2/g;
    $blocks =~ s/issuer (\S+#\d+) \S+;/issuer $1;/g;
    my $names = join ' ', map {"i$_"} 0 .. $number - 1;
    return JWT::Server->new(
        http => "$more\n$blocks",
        server => "location / { auth_jwt api; auth_jwt_issuers $names; proxy_pass http://unix:%DIR%/nobody.sock; }",
    );
}

# The reason as a pattern: what is a placeholder there is anything.
sub pattern {
    my ($reason) = @_;
    my $pattern = quotemeta $reason;
    $pattern =~ s/\\"A\\"/"[^"]+\/"/;
    $pattern =~ s/\\"B\\"/"[^"]+[^\/"]"/;
    $pattern =~ s/(?:\\[.]){3}/[^"\\n]+/;
    return qr/\[error\].* issuer "i\d+": keys cannot be fetched from "\S+": $pattern/;
}

for my $case ([\%CASES, ''], [\%PROXIED, "auth_jwt_fetch_proxy $site;"]) {
    my ($cases, $more) = @$case;
    my $nginx = nginx_with($cases, $more);
    for my $reason (sort keys %$cases) {
        my $pattern = pattern($reason);
        $nginx->wait_until(sub { $nginx->error_log =~ $pattern });
        like($nginx->error_log, $pattern, $reason);
    }
    next if $more;
    like($nginx->error_log, qr/\[notice\].*"kty" is "oct", and what a URL tells is no secret/, 'why keys are skipped');
    my $bearer = sub { JWT::bearer({iss => "$site/missing#" . $_[0], exp => time + 60}) };
    my ($number) = grep { (sort keys %CASES)[$_] =~ /404/ } 0 .. keys(%CASES) - 1;
    is($nginx->get('/', $bearer->($number))->{status}, 500, 'a request that finds no keys');
    like($nginx->error_log, qr/\[error\].* issuer "i$number" has no keys from "\Q$site\E\/missing", client: /, 'has a line of its own');
    # The same at most once in a minute, however often it is tried.
    my @lines = grep {/issuer "i$number": keys cannot be fetched/} split /\n/, $nginx->error_log;
    is(scalar @lines, 1, 'the same is told once');
}

# A provider that comes back.
{
    my $nginx = nginx_with({x => "key_url $site/later;"}, '');
    $nginx->wait_until(sub { $nginx->error_log =~ /cannot be fetched/ });
    $server->answer('/later' => {body => $keys});
    for my $line (qr/\[notice\].* issuer "i0": 1 key from "\Q$site\E\/later"/, qr/\[notice\].*keys are fetched from "\Q$site\E\/later" again/) {
        $nginx->wait_until(sub { $nginx->error_log =~ $line });
        like($nginx->error_log, $line, 'the log tells of the end');
    }
}

# A directory that cannot be had.
{
    my $nginx = nginx_with({x => "key_url $site/good;"}, 'auth_jwt_state_path no/such/place;');
    my $line = qr/\[warn\].*keys by URL cannot be kept in "\S+no\/such\/place" \("auth_jwt_state_path"\), each worker fetches for itself: /;
    $nginx->wait_until(sub { $nginx->error_log =~ $line && $nginx->error_log =~ /1 key from/ });
    like($nginx->error_log, $line, 'a directory that cannot be made');
    like($nginx->error_log, qr/issuer "i0": 1 key from/, 'and keys all the same');
}

done_testing();
