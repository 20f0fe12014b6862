# A page with the MCP SDK for TypeScript, in a headless Chromium: it reads our challenges and metadata across origins, by
# what nginx says of CORS, registers, logs in, calls a tool and gets the scope that another one needs.
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use JWT;
use JWT::Mcp;
use JWT::Server;

sub found { my ($name) = @_; return (grep {-x} map {"$_/$name"} split /:/, $ENV{PATH})[0] }

plan skip_all => 'npm is missing: install node and npm to run MCP clients' unless found('npm');
my ($chromium) = grep {defined} map { found($_) } qw(chromium-headless-shell chromium google-chrome);
plan skip_all => 'Chromium is missing: install chromium-headless-shell to run MCP clients in a browser' unless $chromium;

my $programs = JWT::Mcp->new;
my $PROVIDER = $programs->provider;
my $socket = $programs->server;
my ($port, $page_port) = map { JWT::Process::free_port() } 1 .. 2;
my $NGINX = "http://localhost:$port";
my $PAGES = "http://localhost:$page_port";

# A page needs all of these; the metadata have them by themselves. They stand in the location: on the level of the server
# they would come to the metadata a second time.
my $CORS = <<'CONF';
            add_header Access-Control-Allow-Origin * always;
            add_header Access-Control-Allow-Methods "GET, POST, DELETE" always;
            add_header Access-Control-Allow-Headers "Authorization, Content-Type, MCP-Protocol-Version, Mcp-Method, Mcp-Name" always;
CONF
my $EXPOSED = 'add_header Access-Control-Expose-Headers WWW-Authenticate always;';
# A preflight has no token; it is answered before anybody asks for one.
my $PREFLIGHT = 'if ($request_method = OPTIONS) { return 204; }';

sub guarded {
    my ($path, @lines) = @_;
    return join "\n", "location = $path {", @lines, <<"CONF";
            auth_jwt_resource $NGINX$path scopes=mcp:use;
            auth_jwt_require_scope mcp:use \$scope;
            proxy_set_header Authorization "";
            proxy_set_header X-User \$jwt_claim_sub;
            proxy_pass http://unix:$socket:/mcp;
        }
CONF
}

my $nginx = JWT::Server->new(
    http => <<"CONF",
    auth_jwt_issuer login { issuer $PROVIDER; audience nobody; typ at+jwt; }
    map \$http_mcp_name \$scope { default mcp:use; publish mcp:publish; }
    server {
        listen 127.0.0.1:$page_port;
        types { text/html html; text/javascript js mjs; }
        root @{[$programs->place('.')]};
    }
CONF
    server => join "\n",
        "listen 127.0.0.1:$port;",
        'auth_jwt "MCP";',
        'auth_jwt_issuers login;',
        guarded('/mcp', $CORS, $EXPOSED, $PREFLIGHT),
        guarded('/guarded-preflight', $CORS, $EXPOSED),
        guarded('/unexposed', $CORS, $PREFLIGHT),
);

# What stands in the page in the end.
sub shown {
    my ($path) = @_;
    my @options = qw(--no-sandbox --disable-gpu --disable-dev-shm-usage --virtual-time-budget=30000 --timeout=60000 --dump-dom);
    my $profile = $programs->directory . '/profile';
    my $url = "$PAGES/browser.html?server=$NGINX$path";
    my $document = qx(timeout 90 $chromium @options --user-data-dir=$profile '$url' 2>>$profile.log);
    my ($text) = $document =~ m{<pre id="result">(.*?)</pre>}s;
    return eval { JSON::PP::decode_json($text // '') } // {error => $document};
}

is_deeply(
    shown('/mcp'),
    {answers => ['alice, no token', 'published'], logins => ['mcp:use', 'mcp:use mcp:publish']},
    'a page of another origin calls tools, and gets the scopes they need',
);

my $shown = shown('/guarded-preflight');
like($shown->{error}, qr/fetch/i, 'no request passes where preflights need a token');
is($shown->{logins}, undef, 'and nobody is asked to log in');

# The metadata are in their usual place, which the SDK tries, too.
$shown = shown('/unexposed');
is_deeply($shown->{logins}, ['mcp:use'], 'challenges that pages may not read: who does not know of them logs in');
isnt($shown->{error}, undef, 'but does not learn which scope is missing');

$nginx->is_calm('warn');
$programs->tell;
done_testing();
