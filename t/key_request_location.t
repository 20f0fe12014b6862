# What the location of a key request makes of the answer counts: its filters, its cache, subrequests of
# its own. The client sees none of it.
use strict;
use warnings;

use IO::Compress::Gzip qw(gzip);
use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::KeyServer;
use JWT::Server;

my %secret = map { $_ => "the secret called $_, of more than 32 octets" } qw(one two);
my $ONE = JWT::json(JWT::jwk($secret{one}, kid => 'one'));
my $TWO = JWT::json(JWT::jwk($secret{two}, kid => 'two'));
my $SET = JWT::key_set(JWT::jwk($secret{one}, kid => 'one'));

sub bearer { return JWT::bearer({sub => 'alice'}, secret => $secret{$_[0]}, kid => $_[0]) }

gzip(\$SET, \my $zipped) or die 'cannot compress';
my $ssi = sub { return {body => $_[0], type => 'text/html'} };
my $include = sub { return "<!--# include virtual=\"$_[0]\" -->" };
my $idp = JWT::KeyServer->new(answers => {
    '/keys' => {body => $SET},
    '/gzip' => {body => $zipped, headers => ['Content-Encoding: gzip']},
    '/gzip-chunked' => {body => $zipped, headers => ['Content-Encoding: gzip'], chunked => 1},
    '/placeholder' => {body => $SET =~ s/"kid":"one"/"kid":"PLACEHOLDER"/r},
    '/one' => {body => $ONE, type => 'text/html'},
    '/two' => {body => $TWO, type => 'text/html'},
    '/slow-one' => {body => $ONE, type => 'text/html', wait => 0.3},
    '/large' => {body => $ONE . ' ' x 300_000, type => 'text/html'},
    '/too-large' => {body => $ONE . ' ' x 700_000, type => 'text/html'},
    '/ssi' => $ssi->('{"keys":[' . $include->('/part/one') . ',' . $include->('/part/two') . ']}'),
    '/ssi-slow' => $ssi->('{"keys":[' . $include->('/part/slow-one') . ',' . $include->('/part/two') . ']}'),
    '/ssi-deep' => $ssi->('{"keys":[' . $include->('/ssi-part/list') . ']}'),
    '/list' => $ssi->($include->('/part/slow-one') . ',' . $include->('/part/two')),
    '/ssi-file' => $ssi->('{"keys":[' . $include->('/file/one.jwk') . ']}'),
    '/ssi-large' => $ssi->('{"keys":[' . $include->('/part/large') . ',' . $include->('/part/two') . ']}'),
    '/ssi-too-large' => $ssi->('{"keys":[' . $include->('/part/too-large') . ',' . $include->('/part/too-large') . ']}'),
    '/ssi-gone' => $ssi->('{"keys":[' . $include->('/part/gone') . ']}'),
    '/bare' => {body => $ONE, type => 'text/html'},
});
my $address = $idp->address;
my ($js) = grep { -e } map {"$_/ngx_http_js_module.so"} qw(/usr/lib/nginx/modules);
$js = undef if ($ENV{TEST_NGINX_BINARY} // '') =~ m{/target/};
my $njs = $js ? <<'CONF' : '';
        location = /js { internal; js_content keys.joined; }
CONF

my $nginx = JWT::Server->new(
    main => $js ? "load_module $js;" : '',
    files => {
        'files/one.jwk' => $ONE,
        'keys.js' => <<'JS',
async function joined(r) {
    const one = await r.subrequest('/part/slow-one');
    const two = await r.subrequest('/part/two');
    r.return(200, '{"keys":[' + one.responseText + ',' + two.responseText + ']}');
}
export default {joined};
JS
    },
    http => $js ? ' js_path %DIR%; js_import keys.js;' : '',
    server => <<"CONF",
        location /plain/ { internal; proxy_pass http://$address/; }
        location /gunzip/ { internal; gunzip on; proxy_pass http://$address/; }
        location /charset/ { internal; charset utf-8; charset_types *; proxy_pass http://$address/; }
        location /sub/ { internal; sub_filter PLACEHOLDER one; sub_filter_types *; proxy_pass http://$address/; }
        location /ssi/ { internal; ssi on; proxy_pass http://$address/; }
        location /ssi-part/ { internal; ssi on; rewrite ^/ssi-part/(.*) /\$1 break; proxy_pass http://$address; }
        location /part/ { internal; proxy_pass http://$address/; }
        location /file/ { internal; sendfile on; default_type text/html; alias %DIR%/files/; }
        location /around/ {
            internal;
            add_before_body /begin;
            add_after_body /end;
            proxy_pass http://$address/;
        }
        location = /begin { internal; default_type text/html; return 200 '{"keys":['; }
        location = /end { internal; default_type text/html; return 200 ']}'; }
        location /idle/ {
            internal;
            mirror /plain/mirrored;
            auth_request /denied;
            proxy_pass http://$address/;
        }
        location = /denied { internal; return 403; }
        $njs
        location / {
            auth_jwt "r";
            auth_jwt_key_request \$arg_keys;
            add_header X-Status \$auth_jwt_status always;
            add_header X-Sub \$jwt_claim_sub;
            empty_gif;
        }
CONF
);

my $GIF = $nginx->get('/?keys=/plain/keys', bearer('one'))->{body};
is(length $GIF, 43, 'a picture of 43 bytes');

sub status {
    my ($uri, $signer) = @_;
    my $answer = $nginx->get($uri, bearer($signer // 'one')) // return 'nothing';
    if ($answer->{status} == 200) {
        is($answer->{body}, $GIF, "$uri: the client gets what it asked for, and no more");
        is($answer->{headers}{'content-type'}, 'image/gif', "$uri: with its own headers");
    }
    return JWT::Connection::outcome_of($answer);
}

# --- filters ---------------------------------------------------------------------

my @good = qw(/gunzip/gzip /gunzip/gzip-chunked /gunzip/keys /charset/keys /sub/placeholder /around/bare
    /idle/keys /ssi/ssi /ssi/ssi-slow /ssi/ssi-deep /ssi/ssi-file /ssi/ssi-large);
push @good, '/js' if $js;
for my $keys (@good) {
    is(status("/?keys=$keys"), '200 ok', "$keys: its keys verify");
    is(status("/?keys=$keys", 'two'), $keys =~ /ssi-file|^.((?!ssi|js).)*$/ ? '401 unknown_key' : '200 ok',
        "$keys: as many as there are");
}
is(scalar(grep { $_->{path} eq '/mirrored' } $idp->requests), 0, 'mirror does nothing in a subrequest');

$nginx->new_lines;
my %refused = (
    '/plain/gzip' => qr/got an answer with "Content-Encoding: gzip"/,
    '/plain/placeholder' => undef,
    '/plain/ssi' => qr/got no usable keys/,
    '/ssi/ssi-gone' => qr/got no usable keys/,
    '/ssi/ssi-too-large' => qr/larger than 1 MiB/,
);
for my $keys (sort keys %refused) {
    my $reason = $refused{$keys};
    is(status("/?keys=$keys"), $reason ? '500 keys_unavailable' : '401 unknown_key', "$keys: refused");
    my @lines = grep {/key request/} $nginx->new_lines;
    $reason ? like("@lines", $reason, "$keys: and says why") : is("@lines", '', "$keys: without a word");
}

# All of them at once, on one connection each.
my @clients = map { $nginx->started("/?keys=$_", bearer('one')) } (@good) x 4;
is(scalar(grep { ($_->answer('GET') // {status => 0})->{status} != 200 } @clients), 0, 'side by side');

# --- proxy_cache -----------------------------------------------------------------------

my %cached = (
    'background update' => ['proxy_cache_use_stale error timeout updating; proxy_cache_background_update on;'
        . ' proxy_cache_valid 200 1s;', []],
    'stale-while-revalidate' => ['proxy_cache_background_update on;',
        ['Cache-Control: max-age=1, stale-while-revalidate=60']],
);
my $TWO_SET = JWT::key_set(JWT::jwk($secret{two}, kid => 'two'));

# A new nginx whose key location has a cache with these lines.
sub cache {
    my ($lines) = @_;
    return JWT::Server->new(
        http => '    proxy_cache_path %DIR%/cache keys_zone=keys:1m;',
        server => <<"CONF",
        location /_keys/ { internal; proxy_cache keys; $lines proxy_pass http://$address/; }
        location / {
            auth_jwt "r";
            auth_jwt_key_request /_keys\$uri;
            add_header X-Status \$auth_jwt_status always;
            empty_gif;
        }
CONF
    );
}

# A miss and hits, of a small set and of one that fits no buffer; keys that are new once their time is
# over; old ones while the key server fails; many at once on a cold cache.
{
    my $cache = cache('proxy_cache_valid 200 2s; proxy_cache_use_stale error timeout http_500; proxy_cache_lock on;');
    $idp->answer('/cached' => {body => $SET}, '/large' => {body => $SET . ' ' x 300_000});
    for my $path ('/cached', '/large') {
        $idp->forget;
        my $begun = time;
        is($cache->outcome($path, bearer('one')), '200 ok', "proxy_cache, $path, request $_") for 1 .. 5;
        is($cache->outcome($path, bearer('two')), '401 unknown_key', 'proxy_cache: another signer');
        is($idp->hits, 1, 'one fetch') if time - $begun < 1.8;
    }
    $idp->answer('/cached' => {body => $TWO_SET});
    sleep 3.2;
    is($cache->outcome('/cached', bearer('two')), '200 ok', 'expired: the new key');
    is($cache->outcome('/cached', bearer('one')), '401 unknown_key', 'and not the old one');
    $idp->answer('/cached' => {status => 500});
    sleep 3.2;
    is($cache->outcome('/cached', bearer('two')), '200 ok', 'proxy_cache_use_stale');
    $idp->answer('/cold' => {body => $SET, wait => 0.3});
    $idp->forget;
    my @clients = map { $cache->started('/cold', bearer('one')) } 1 .. 20;
    is_deeply(JWT::Connection::tally(@clients), {'200 ok' => 20}, 'twenty at once');
    is($idp->hits, 1, 'by one fetch');
    $cache->is_calm('crit');
}

for my $name (sort keys %cached) {
    my ($lines, $headers) = @{$cached{$name}};
    my $cache = cache($lines);
    my $verdict = sub { return $cache->outcome('/cached', bearer($_[0])) };
    $idp->answer('/cached' => {body => $SET, headers => $headers});
    is($verdict->('one'), '200 ok', "$name: fetched");
    $idp->answer('/cached' => {body => $TWO_SET, headers => $headers, wait => 0.2});
    sleep 2.1;
    is($verdict->('one'), '200 ok', "$name: stale, and served while it is updated");
    $cache->wait_until(sub { $verdict->('two') eq '200 ok' }, 5);
    is($verdict->('two'), '200 ok', "$name: then the new keys");
    is($verdict->('one'), '401 unknown_key', "$name: and the old ones no more");
    sleep 2.1;
    is($verdict->('two'), '200 ok', "$name: stale again, and served still");
    $cache->is_calm('warn');
}

$nginx->is_calm('crit');

done_testing();
