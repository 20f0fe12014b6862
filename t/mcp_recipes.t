# docs/guides/mcp.md: its recipes are run as they are but for addresses and for keys, which are in a file here. That an MCP
# server refuses what contradicts its headers, and what real clients do, is in mcp.t.
use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

use JWT;
use JWT::Server;

my $page = do {
    open my $file, '<:raw', dirname(__FILE__) . '/../docs/guides/mcp.md' or die "cannot open the guide: $!";
    local $/ = undef;
    <$file>;
};

my ($URL, $PLACE) = ('https://mcp.example.com/mcp', '/.well-known/oauth-protected-resource/mcp');
my $TELLS = join ' ', map {"$_=\$http_$_"} qw(authorization mcp_protocol_version mcp_method mcp_name);

# An nginx with the recipe of a section.
sub recipe {
    my ($heading) = @_;
    my ($section) = $page =~ /^## \Q$heading\E\n(.*?)(?=^## |\z)/ms or die "no section $heading";
    my ($text) = $section =~ /^```nginx http\n(.*?)^```$/ms or die "no recipe in $heading";
    $text =~ s/audience any;/$& key_file %DIR%\/html\/keys;/ or die 'no audience';
    $text =~ s/^server \{\n/server { listen unix:%DIR%\/nginx.sock;\n/m or die 'no server';
    $text =~ s/http:\/\/127[.]0[.]0[.]1:8081/http:\/\/unix:%DIR%\/mcp.sock/ or die 'no address';
    return JWT::Server->new(
        files => {'html/keys' => JWT::key_set(JWT::jwk($JWT::SECRET))},
        http => 'add_header X-Status $auth_jwt_status always;',
        servers => "server { listen unix:%DIR%/mcp.sock; location / { return 200 '$TELLS.'; } }\n$text",
    );
}

sub to {
    my ($scope) = @_;
    return JWT::bearer({iss => 'https://id.example.com/realms/example', aud => $URL, scope => $scope, exp => time + 600});
}

sub post {
    my ($nginx, @lines) = @_;
    my $connection = $nginx->connect;
    $connection->request('POST', '/mcp', @lines);
    return $connection->answer('POST');
}

# --- a scope for a tool ------------------------------------------------------------------

{
    my $nginx = recipe('A scope for a tool');
    my $headers = sub {
        my ($method, $name, $version) = @_;
        return ('MCP-Protocol-Version: ' . ($version // '2026-07-28'), "Mcp-Method: $method", defined $name ? "Mcp-Name: $name" : ());
    };
    my $needs = sub {
        my ($what, $scope, @lines) = @_;
        for my $granted ('mcp:tools', 'orders:delete', 'mcp:tools orders:delete', 'x') {
            my %granted = map { $_ => 1 } split / /, $granted;
            my $passes = $granted{'mcp:tools'} && $scope && $granted{$scope};
            my $answer = post($nginx, @lines, to($granted));
            is($answer->{status}, $passes ? 200 : 403, "$what, with $granted");
            next if $passes;
            my $all = join ' ', 'mcp:tools', grep { $_ && $_ ne 'mcp:tools' } $scope;
            is($answer->{headers}{'www-authenticate'}, qq(Bearer realm="mcp", error="insufficient_scope", scope="$all", resource_metadata="https://mcp.example.com$PLACE"),
                "$what, with $granted: the client learns what it takes");
        }
        return;
    };
    $needs->($_, 'mcp:tools', $headers->($_)) for 'server/discover', 'tools/list', 'subscriptions/listen', 'notifications/cancelled', 'notifications/tools/list_changed';
    $needs->('list_orders', 'mcp:tools', $headers->('tools/call', 'list_orders'));
    $needs->($_, 'orders:delete', $headers->('tools/call', $_)) for 'delete_order', 'Delete_Order';

    # Whatever is something else to nginx than it may be to the server.
    my $t = "\t";
    $needs->("refused: @$_", '', @$_)
        for [], [$headers->('tools/call')], [$headers->('tools/call', '')], [$headers->('tools/call', 'other')], [$headers->('resources/read', 'file:///x')],
        [$headers->('tools/call', "delete_order$t")], [$headers->("tools/call$t", 'delete_order')], [$headers->("${t}tools/call", 'delete_order')], [$headers->("tools/list$t", 'x')],
        [$headers->('tools/call', '=?base64?ZGVsZXRlX29yZGVy?=')], [$headers->('tools/list', 'delete_order')], [$headers->('tools/call delete_order')],
        [$headers->('tools/call', 'list_orders', '2025-11-25')], [$headers->('tools/list', undef, '2025-06-18')], [$headers->('tools/list', undef, '')],
        ['Mcp-Method: tools/list'], ['MCP-Protocol-Version: 2026-07-28'], [$headers->('tools/list x')], [$headers->('notifications/')];

    my $answer = post($nginx, $headers->('tools/call', 'list_orders'), to('mcp:tools'));
    is($answer->{body}, 'authorization= mcp_protocol_version=2026-07-28 mcp_method=tools/call mcp_name=list_orders.', 'the token is stripped, the headers go on');
    # Of two headers of one name nginx judges the first, or both as one text: no other one gets through.
    $answer = post($nginx, $headers->('tools/call', 'list_orders'), 'Mcp-Name: delete_order', to('mcp:tools'));
    unlike($answer->{body}, qr/delete/, "two names: $answer->{status}");
    $answer = post($nginx);
    is($answer->{headers}{'www-authenticate'}, qq(Bearer realm="mcp", scope="mcp:tools", resource_metadata="https://mcp.example.com$PLACE"), 'without a token');
    like($nginx->get($PLACE)->{body}, qr/"scopes_supported":\["mcp:tools","orders:delete"\]/, 'the metadata name all scopes');
    $nginx->is_calm('warn');
}

# --- pages in a browser ------------------------------------------------------------------

{
    my $nginx = recipe('Pages in a browser');
    my ($mine, $other) = map {"Origin: https://$_.example.com"} 'app', 'evil';
    my $told = sub {
        my ($method, @lines) = @_;
        my $connection = $nginx->connect;
        $connection->request($method, '/mcp', @lines);
        my $answer = $connection->answer($method);
        return ($answer, map { $answer->{headers}{"access-control-$_"} // '' } 'allow-origin', 'expose-headers', 'allow-headers');
    };
    for my $case (['POST', 401], ['POST', 403, to('x')], ['POST', 200, to('mcp:tools')], ['OPTIONS', 204, 'Access-Control-Request-Method: POST']) {
        my ($method, $status, @lines) = @$case;
        my ($answer, $origin, $exposed, $allowed) = $told->($method, $mine, @lines);
        is($answer->{status}, $status, "$method: $status");
        is($origin, 'https://app.example.com', "$method, $status: the origin may read it");
        like($exposed, qr/\bWWW-Authenticate\b/, "$method, $status: and the challenge");
        like($allowed, qr/\b$_\b/, "$method, $status: may send $_") for 'Authorization', 'MCP-Protocol-Version', 'Mcp-Method', 'Mcp-Name';
        like($answer->{headers}{vary} // '', qr/Origin/, "$method, $status: caches tell origins apart");
        ($answer, $origin) = $told->($method, $other, @lines);
        is($answer->{status} . $origin, $status, "$method, $status: another origin may not");
    }
    is($nginx->get($PLACE, $other)->{headers}{'access-control-allow-origin'}, '*', 'metadata are for everybody');
    $nginx->is_calm('warn');
}

done_testing();
