# MCP clients as they are: the SDKs for TypeScript (both generations) and Python begin with the URL of an MCP server that
# nginx guards, and by our challenges and metadata find the authorization server (npm's oidc-provider), register, log in
# and call tools; they get a scope more where a tool needs it, and a new token where the old one has expired.
use strict;
use warnings;

use JSON::PP ();
use MIME::Base64 qw(decode_base64url);
use Test::More;

use JWT;
use JWT::Connection;
use JWT::Mcp;
use JWT::Server;

my ($npm) = grep {-x} map {"$_/npm"} split /:/, $ENV{PATH};
plan skip_all => 'npm is missing: install node and npm to run MCP clients' unless $npm;

my $programs = JWT::Mcp->new;
my $PROVIDER = $programs->provider;
my $socket = $programs->server;

# --- nginx ---------------------------------------------------------------------------------------------------------

my $port = JWT::Process::free_port();
my $NGINX = "http://localhost:$port";

my $nginx = JWT::Server->new(
    http => <<"CONF",
    auth_jwt_issuer login { issuer $PROVIDER; audience nobody; typ at+jwt; }
    # As in docs/guides/mcp.md.
    map "\$http_mcp_protocol_version \$http_mcp_method \$http_mcp_name" \$needed {
        "2026-07-28 tools/call whoami"  mcp:use;
        "2026-07-28 tools/call publish" mcp:publish;
        "~^2026-07-28 (server/discover|tools/list|subscriptions/listen|notifications/[a-z_/]+) \$" mcp:use;
    }
    upstream mcp { server unix:$socket; }
CONF
    server => <<"CONF",
        listen 127.0.0.1:$port;
        add_header X-Status \$auth_jwt_status always;
        auth_jwt "MCP";
        auth_jwt_issuers login;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host \$http_host;
        proxy_set_header Authorization "";
        proxy_set_header X-User \$jwt_claim_sub;
        proxy_set_header MCP-Protocol-Version \$http_mcp_protocol_version;
        proxy_set_header Mcp-Method \$http_mcp_method;
        proxy_set_header Mcp-Name \$http_mcp_name;
        proxy_buffering off;
        location = /mcp {
            auth_jwt_resource $NGINX/mcp "name=A server" documentation=https://docs.example/mcp "scopes=mcp:use mcp:publish";
            auth_jwt_require_scope mcp:use \$needed;
            proxy_pass http://mcp;
        }
        # For clients of the protocol of 2025, whose requests do not say in a header what they are for.
        location /2025 {
            auth_jwt_resource $NGINX/2025;
            auth_jwt_require_scope mcp:use;
            proxy_pass http://mcp;
            location /2025/publish {
                auth_jwt_require_scope mcp:use mcp:publish;
                proxy_pass http://mcp;
            }
        }
        # Its identifier has no path, what clients ask for has one.
        location = / {
            auth_jwt_resource $NGINX scopes=mcp:use;
            proxy_pass http://mcp;
        }
CONF
);


# --- metadata ------------------------------------------------------------------------------------------------------

my $WELL_KNOWN = '/.well-known/oauth-protected-resource';

sub metadata {
    my ($path) = @_;
    my $answer = $nginx->get("$WELL_KNOWN$path");
    return ($answer, eval { JSON::PP::decode_json($answer->{body}) });
}

{
    my ($answer, $document) = metadata('/mcp');
    is($answer->{status}, 200, 'metadata');
    is($answer->{headers}{'content-type'}, 'application/json', 'RFC 9728, section 3.2: their type');
    # Section 2, each of the members that this resource has something to say of; section 3.3: the resource is the URL
    # that the well-known place was made from.
    my %expected = (
        resource => "$NGINX/mcp",
        authorization_servers => [$PROVIDER],
        scopes_supported => ['mcp:use', 'mcp:publish'],
        bearer_methods_supported => ['header'],
        resource_name => 'A server',
        resource_documentation => 'https://docs.example/mcp',
    );
    is_deeply($document->{$_}, $expected{$_}, "$_") for sort keys %expected;
    is_deeply([grep { !exists $expected{$_} } keys %$document], [], 'and no other member');
    is($answer->{headers}{'access-control-allow-origin'}, '*', 'pages of any origin may read them');
    (undef, $document) = metadata('/2025');
    is_deeply($document->{scopes_supported}, ['mcp:use'], 'scopes, as the location asks for them');
    is_deeply(
        [grep { !defined $document->{$_} || ref $document->{$_} && !@{$document->{$_}} } keys %$document],
        [], 'no member without a value (section 3.2)',
    );
    (undef, $document) = metadata('');
    is($document->{resource}, $NGINX, 'the resource at the root');
    is($nginx->get("$WELL_KNOWN/else")->{status}, 401, 'there is none in another place');
}

# --- clients -------------------------------------------------------------------------------------------------------

# What a client did, by the name of each step.
sub steps {
    my (@command) = @_;
    open my $output, '-|', @command or die "cannot run $command[0]: $!";
    my %steps = map { $_->{step} => $_ } map { JSON::PP::decode_json($_) } <$output>;
    close $output;
    return \%steps;
}

sub shown { my ($exchange) = @_; return join ' ', @$exchange{qw(method to path status)} }

sub scopes { my ($text) = @_; return join ' ', sort grep { $_ ne 'offline_access' } split / /, $text // '' }

sub claims {
    my ($step) = @_;
    my (undef, $payload) = split /[.]/, $step->{tokens}{access_token} // '';
    return eval { JSON::PP::decode_json(decode_base64url($payload)) } // {};
}

# Tests: the step came out so, its only challenge was this, and it took so many logins; with the claims of its token.
sub came_out {
    my ($step, $result, $status, $challenge, $logins, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply($step->{result}, $result, "$name: what came out") or diag explain $step;
    my @refused = grep { $_->{challenge} } @{$step->{exchanges}};
    is_deeply([map { "$_->{status} $_->{challenge}" } @refused], ["$status Bearer realm=\"MCP\", $challenge"], "$name: the challenge");
    is(scalar @{$step->{authorizations} // []}, $logins, "$name: $logins login(s)");
    return claims($step);
}

sub client_follows {
    my ($name, $path, $refreshes, @command) = @_;
    my $resource = "$NGINX$path";
    my $at = qq(resource_metadata="$NGINX$WELL_KNOWN$path");
    my $steps = steps(@command, $NGINX, $PROVIDER);

    my $begin = $steps->{begin};
    my $claims = came_out($begin, ['publish whoami', 'alice, no token'], 401, qq(scope="mcp:use", $at), 1, "$name, begin");
    my @way = map { shown($_) } @{$begin->{exchanges} // []};
    is_deeply(
        [@way[0 .. 5]],
        [
            "POST nginx $path 401", "GET nginx $WELL_KNOWN$path 200",
            'GET provider /.well-known/oauth-authorization-server 200', 'POST provider /reg 201',
            'POST provider /token 200', "POST nginx $path 200",
        ],
        "$name: from the bare URL to an answer, by the challenge and the metadata",
    );
    my $asked = $begin->{authorizations}[0] // {};
    is($asked->{resource}, $resource, "$name: it asks for a token for the resource");
    is(scopes($asked->{scope}), 'mcp:use', "$name: with the scope of the challenge, not all of them");
    is($asked->{code_challenge_method}, 'S256', "$name: with PKCE");
    is($claims->{aud}, $resource, "$name: which it gets");

    my $up = $steps->{'step up'};
    $claims = came_out(
        $up, ['published', 'alice, no token'], 403,
        qq(error="insufficient_scope", scope="mcp:use mcp:publish", $at), 1, "$name, step up",
    );
    is(scopes($up->{authorizations}[0]{scope}), 'mcp:publish mcp:use', "$name: it asks for both scopes");
    is(scopes($claims->{scope}), 'mcp:publish mcp:use', "$name: which it gets");
    is(scalar(grep { $_->{path} eq '/reg' } @{$up->{exchanges}}), 0, "$name: and does not register again");

    came_out($steps->{expired}, 'alice, no token', 401, qq(error="invalid_token", $at), $refreshes ? 0 : 1, "$name, expired");

    my $other = $steps->{'another resource'};
    is($other->{result}, 'alice, no token', "$name: another resource, at the root") or diag explain $other;
    is(claims($other)->{aud}, $NGINX, "$name: its token");
    my $answer = $nginx->get($path, "Authorization: Bearer $other->{tokens}{access_token}");
    is(JWT::Connection::outcome_of($answer), '401 wrong_audience', "$name: which is refused elsewhere");
    is($answer->{headers}{'www-authenticate'}, qq(Bearer realm="MCP", error="invalid_token", $at), "$name: as invalid");
    return $steps;
}

my @node = ('node', $programs->place('client.mjs'));
client_follows('TypeScript, protocol of 2025', '/2025', 0, @node, 1);
my $steps = client_follows('TypeScript, protocol of 2026', '/mcp', 1, @node, 2);

SKIP: {
    my $python = $programs->python or skip 'python3 with venv is missing', 1;
    client_follows('Python', '/mcp', 0, $python, $programs->place('client.py'));
}

# --- who lies to nginx ---------------------------------------------------------------------------------------------

my $bearer = "Authorization: Bearer $steps->{begin}{tokens}{access_token}";
is(scopes(claims($steps->{begin})->{scope}), 'mcp:use', 'a token that may not publish');

# What a POST to the MCP server is answered: its status and the text of a tool, if one has been called.
sub answered {
    my ($calls, @headers) = @_;
    my $body = JWT::json($calls);
    my $connection = $nginx->connect;
    $connection->send_bytes(join "\r\n", 'POST /mcp HTTP/1.1', 'Host: localhost', $bearer, 'Content-Type: application/json',
        'Accept: application/json, text/event-stream', 'Content-Length: ' . length $body, @headers, '', $body);
    my $answer = $connection->answer('POST') // {status => 'nothing', body => ''};
    my @texts = $answer->{body} =~ /"text":"([^"]*)"/g;
    return join ' ', $answer->{status}, @texts;
}

my $VERSION = 'MCP-Protocol-Version: 2026-07-28';
my @LIES = ('Mcp-Method: tools/call', 'Mcp-Name: whoami');

# A call of a tool, as the protocol of 2026 has it, and as the one of 2025 has it.
sub old_call { my ($tool) = @_; return {jsonrpc => '2.0', id => 1, method => 'tools/call', params => {name => $tool, arguments => {}}} }

sub new_call {
    my ($tool, $version) = @_;
    my $call = old_call($tool);
    $call->{params}{_meta} = {
        'io.modelcontextprotocol/protocolVersion' => $version // '2026-07-28',
        'io.modelcontextprotocol/clientInfo' => {name => 'test', version => '1'},
        'io.modelcontextprotocol/clientCapabilities' => {},
    };
    return $call;
}

for my $case (
    ['what may be called', '200 alice, no token', new_call('whoami'), $VERSION, @LIES],
    ['what may not', '403', new_call('publish'), $VERSION, 'Mcp-Method: tools/call', 'Mcp-Name: publish'],
    ['its name in Base64', '403', new_call('publish'), $VERSION, 'Mcp-Method: tools/call', 'Mcp-Name: =?base64?cHVibGlzaA==?='],
    ['a tab behind its name', '403', new_call('publish'), $VERSION, 'Mcp-Method: tools/call', "Mcp-Name: publish\t"],
    ['a tab behind the method', '403', new_call('publish'), $VERSION, "Mcp-Method: tools/call\t", 'Mcp-Name: publish'],
    ['no name', '403', new_call('publish'), $VERSION, 'Mcp-Method: tools/call'],
    ['another name', '400', new_call('publish'), $VERSION, @LIES],
    ['another method', '400', new_call('publish'), $VERSION, 'Mcp-Method: tools/list'],
    # nginx judges the first, and hands on no other; or both as one text, which it does not know.
    ['two names', $nginx->version >= 23 ? '403' : '400', new_call('publish'), $VERSION, @LIES, 'Mcp-Name: publish'],
    ['no version', '403', new_call('publish'), @LIES],
    ['the protocol of 2025', '403', old_call('publish')],
    ['the protocol of 2025, and names', '403', old_call('publish'), @LIES],
    ['the protocol of 2025, and a version and names', '400', old_call('publish'), $VERSION, @LIES],
    ['another version in the body', '400', new_call('publish', '2025-11-25'), $VERSION, @LIES],
    ['several calls', '400', [old_call('publish')], $VERSION, @LIES],
    ['several new calls', '400', [new_call('publish')], $VERSION, @LIES],
) {
    my ($name, $expected, @request) = @$case;
    is(answered(@request), $expected, "calls of tools: $name");
}

$nginx->is_calm('warn');

$programs->tell;
done_testing();
