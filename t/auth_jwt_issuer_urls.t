# The parameters of a block auth_jwt_issuer that say where keys are fetched from and how: what is refused when the
# block is read, and what has no effect. What they do is in key_url.t.
use strict;
use warnings;

use Test::More;

use JWT;
use JWT::Authority;
use JWT::Server;

my $where = qr/ in \S+nginx[.]conf:\d+/;
my $of_shop = qr/in issuer "shop"/;

# A block "shop" of the issuer https://a.example, with these parameters.
sub block { return "auth_jwt_issuer shop { issuer https://a.example; audience api; $_[0] }" }

sub refused { return JWT::Server->refuses('http', block($_[0]), $_[1]) }

# It is used, so that nothing else is warned of.
sub accepted { return JWT::Server->accepts('http', block($_[0]) . ' auth_jwt r; auth_jwt_issuers shop;') }

# --- URLs ---------------------------------------------------------------------------------------------------

my $url = qr/it must be one URL that begins with "https:\/\/" \("http:\/\/" to this machine alone\), without credentials, fragment and variables/;
for my $parameter ('key_url', 'config_url') {
    refused("$parameter $_->[0];", qr/invalid value "\Q$_->[1]\E" of "$parameter" $of_shop, $url$where/) for map { ref $_ ? $_ : [$_, $_] }
        'http://id.example.com/keys', 'http://localhost.example.com/', 'http://127.0.0.1.example.com/', 'http://127.1/', 'http://10.0.0.1/', 'http://[::2]/',
        'http://0.0.0.0/', 'id.example.com/keys', '/keys', 'ftp://localhost/', 'https://', 'https:///keys', 'https://a:0/', 'https://a:65536/', 'https://a:b/',
        'https://user@a/', 'https://user:secret@a/', 'http://localhost@id.example.com/', ['"https://a/#b"', 'https://a/#b'], ['"https://a b/"', 'https://a b/'],
        ['"https://$host/"', 'https://$host/'], ['"https://a/${arg_x}"', 'https://a/${arg_x}'], 'https://a/ https://b/';
    refused("$parameter;", qr/no value of "$parameter" $of_shop$where/);
    refused("$parameter '';", qr/invalid value "" of "$parameter" $of_shop, it must be UTF-8 and not empty$where/);
    refused("$parameter https://a/\xFF;", qr/invalid value "https:\/\/a\/\\xff" of "$parameter" $of_shop, it must be UTF-8 and not empty$where/);
    is_deeply([accepted("$parameter $_;")], [], "$parameter $_: no warning")
        for 'https://id.example.com', 'HTTPS://id.example.com:8443/a/b?c=d', 'https://[2001:db8::1]/', 'https://192.0.2.1/', 'http://localhost:8080/keys',
        'http://LOCALHOST/', 'http://127.255.255.254/', 'http://[::1]:80/';
}
is_deeply([accepted($_)], [], "$_: no warning") for 'key_url https://a/1; key_url https://a/2;', 'key_url https://a/1; key_file a; config_url https://a;', '';
refused('config_url https://a; config_url https://a;', qr/duplicate parameter "config_url" $of_shop$where/);

# --- the issuer as a URL, where there is neither -----------------------------------------------------------------

my %ISSUERS = (
    'shop' => 'it is no URL', 'urn:shop' => 'it is no URL', 'a.example' => 'it is no URL', 'http://a.example' => 'it is neither "https:" nor "http:" to this machine',
    'ftp://localhost' => 'it is neither "https:" nor "http:" to this machine', 'https://user@a.example' => 'it has credentials',
    'https://a.example/#b' => 'it has a fragment', 'https://a.example/?b=c' => 'it has a query',
);
my $missing = qr/no keys $of_shop, it must name "key_file", "key_url" or "config_url"/;
for my $issuer (sort keys %ISSUERS) {
    my $text = qq(auth_jwt_issuer shop { issuer "$issuer" https://b.example; audience api; });
    JWT::Server->refuses('http', $text, qr/$missing: its keys cannot be found by "issuer \Q$issuer\E", \Q$ISSUERS{$issuer}\E$where/);
    my @warnings = JWT::Server->accepts('http', $text =~ s/audience/key_url https:\/\/a; audience/r . 'auth_jwt r; auth_jwt_issuers shop;');
    is_deeply(\@warnings, [], "$issuer: with a key_url it is as good as any");
}

# --- key_cache, timeout --------------------------------------------------------------------------------------

my $cache = qr/it must be a time above 0, such as "10m", with "refresh=30s", "refresh=off" or "stale=1d" behind it/;
refused("key_url https://a; key_cache $_->[0];", qr/invalid value "\Q$_->[1]\E" of "key_cache" $of_shop, $cache$where/) for map { [$_, $_] }
    '0', '0ms', 'soon', '-1', '1.5s', 'off', '10m 10m', '10m refresh=0', '10m refresh=0ms', '10m refresh=on', '10m refresh=', '10m stale=', '10m stale=off',
    '10m stale=-1', '10m fresh=1s', '10m Refresh=1s', '10m refresh=1s refresh=1s', '10m refresh=off refresh=1s', '10m stale=1s stale=1s', 'refresh=1s', 'stale=1s 10m',
    '$arg_a', '10m refresh=$arg_a', '9' x 25;
refused('key_url https://a; key_cache;', qr/no value of "key_cache" $of_shop$where/);
is_deeply([accepted("key_url https://a; key_cache $_;")], [], "key_cache $_: no warning")
    for '1s', '1000ms', '60', '10m refresh=off', '10m refresh=1s stale=0', '1h30m stale=7d refresh=1m', '1d stale=1s';
refused("key_url https://a; timeout $_;", qr/invalid value "\Q$_\E" of "timeout" $of_shop, it must be a time above 0, such as "10m"$where/)
    for '0', '0ms', 'soon', '-1', '1s 2s', '$arg_a', 'off';
is_deeply([accepted("key_url https://a; timeout $_;")], [], "timeout $_: no warning") for '1ms', '1s', '1500ms', '60', '1m';
for my $line ('key_cache 10m', 'timeout 5s', 'ssl_trusted_certificate a.pem') {
    my ($parameter) = split / /, $line;
    refused("key_url https://a; $line; $line;", qr/duplicate parameter "$parameter" $of_shop$where/);
}

# --- ssl_trusted_certificate -----------------------------------------------------------------------------------

my $authority = JWT::Authority->new;
my ($key, $certificate) = map { my $name = $_; open my $file, '<', $authority->file($name) or die; local $/ = undef; scalar <$file> } 'ca.key', 'ca.pem';
my $of = qr/file "trusted[.]pem" of "ssl_trusted_certificate" $of_shop/;
my %FILES = (
    'empty' => ['', qr/$of is not usable: there is no certificate in PEM$where/],
    'no PEM' => ["certificate\n", qr/$of is not usable: there is no certificate in PEM$where/],
    'a key' => [$key, qr/$of is not usable: there is no certificate in PEM$where/],
    'cut off' => [substr($certificate, 0, 200), qr/$of .*$where/],
    'no base64' => ["-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", qr/$of is not usable: certificate 1 is not valid: .*$where/],
    'no certificate' => ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", qr/$of is not usable: certificate 1 is not valid: .*$where/],
    'a second one that is none' => ["$certificate-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", qr/$of is not usable: certificate 2 is not valid: .*$where/],
);
my $trusting = block('key_url https://a; ssl_trusted_certificate trusted.pem;') . ' auth_jwt r; auth_jwt_issuers shop;';
sub checked {
    my ($bytes) = @_;
    return JWT::Server->prepared(http => $trusting, files => {defined $bytes ? ('conf/trusted.pem' => $bytes) : ()})->checked;
}
for my $name (sort keys %FILES) {
    my ($bytes, $message) = @{$FILES{$name}};
    my ($fine, $said) = checked($bytes);
    ok(!$fine, "ssl_trusted_certificate: $name: is refused");
    like($said, qr/\[emerg\].*$message/, 'and told why');
}
for my $case (['one', $certificate], ['two', $certificate x 2], ['one, and a text before it', "CA\n$certificate"], ['one, and its key', $key . $certificate]) {
    my ($fine, $said) = checked($case->[1]);
    ok($fine, "ssl_trusted_certificate: $case->[0], relative to the configuration") or diag($said);
    unlike($said, qr/\[warn\]/, 'no warning');
}
my ($fine, $said) = checked(undef);
ok(!$fine, 'ssl_trusted_certificate: not there');
like($said, qr/\[emerg\].*$of cannot be read: No such file.*$where/, 'is told');
refused("key_url https://a; ssl_trusted_certificate $_;", qr/invalid value "\Q$_\E" of "ssl_trusted_certificate" $of_shop, it must be the name of one file in PEM, without variables$where/)
    for '$host.pem', 'a.pem b.pem';
refused('key_url https://a; ssl_trusted_certificate /;', qr/file "\/" of "ssl_trusted_certificate" $of_shop cannot be read: .*$where/);

# --- what has no effect ------------------------------------------------------------------------------------------

for my $line ('key_cache 10m', 'timeout 5s', 'ssl_trusted_certificate ' . $authority->file('ca.pem')) {
    my ($parameter) = split / /, $line;
    my @warnings = accepted("key_file a; $line;");
    is(scalar @warnings, 1, "$parameter beside a key_file alone: one warning") or diag(@warnings);
    like($warnings[0] // '', qr/\[warn\].*"$parameter" of issuer "shop"$where has no effect: its keys are all in files/, 'which says why');
    is_deeply([accepted("$line; $_")], [], "$parameter beside $_: none") for 'key_file a; key_url https://a;', 'config_url https://a;', '';
}

# Nothing of all that has been fetched, nor is it kept anywhere: see key_url_processes.t.
done_testing();
