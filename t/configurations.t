# Runs the samples of nginx-conf, with sockets in place of their ports, and asks for what they promise.
use strict;
use warnings;

use File::Basename qw(basename dirname);
use IO::Select;
use IO::Socket::UNIX;
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;

use JWT;
use JWT::Log;
use JWT::Server;

my $SAMPLES = dirname(__FILE__) . '/../nginx-conf';
my $PATIENCE = 10;

# Stands in for the application behind nginx, and tells what has reached it.
my $TELLS = join ' ', 'method=$request_method', 'uri=$request_uri',
    map({"$_=\$http_x_$_"} qw(user email tenant issuer)), 'authorization=$http_authorization;';
my $APPLICATION = qq(server { listen unix:%DIR%/app.sock; location / { return 200 "$TELLS"; } });

# What the samples are run with beyond what they say.
my $main = join "\n", 'pid nginx.pid;', 'error_log logs/error.log info;',
    map({"load_module $_;"} JWT::Server::modules()), '';
my $http = join "\n", map {"${_}_temp_path temp/$_;"} qw(client_body proxy fastcgi uwsgi scgi);

# An nginx that runs a sample. Options: application (instead of the usual one), files (as JWT::Server
# has them), change (text => text), before (called before the start).
sub run {
    my ($name, %options) = @_;
    my $application = $options{application} // $APPLICATION;
    my $text = JWT::read_file("$SAMPLES/$name.conf");
    ok($text =~ s{^load_module modules/ngx_http_auth_jwt_module[.]so;\n}{$main}m,
        "$name: loads the module");
    my $log = $text =~ /access_log/ ? '' : 'access_log off;';
    $text =~ s/^(http \{\n)/$1$http\n$log\n$application\n/m;
    $text =~ s{_log /var/log/nginx/}{_log logs/}g;
    $text =~ s{listen 8080}{listen unix:%DIR%/nginx.sock}g;
    $text =~ s{server 127[.]0[.]0[.]1:8081;}{server unix:%DIR%/app.sock;}g;
    $text = $options{change}->($text) if $options{change};
    my %keys = map { ('conf/keys/' . basename($_) => JWT::read_file($_)) } glob "$SAMPLES/keys/*";
    my $nginx = JWT::Server->prepared(conf => $text, files => {%keys, %{$options{files} // {}}});
    $options{before}->($nginx) if $options{before};
    $nginx->start;
    return $nginx;
}

# One request on a connection of its own: status, header lines and body as one text.
sub told {
    my ($nginx, $method, $path, @lines) = @_;
    my $connection = $nginx->connect;
    $connection->request($method, $path, @lines);
    my $answer = $connection->answer($method) or return 'no answer';
    my $headers = $answer->{headers};
    return join "\n", $answer->{status}, (map {"$_: $headers->{$_}"} sort keys %$headers), '',
        $answer->{body};
}

# Each case: what is expected (a pattern, at the beginning the status), method, path, header lines.
my %seen;

sub check {
    my ($name, $options, @cases) = @_;
    $seen{$name}++;
    my $nginx = run($name, %$options);
    for my $case (@cases) {
        my ($expected, $method, $path, @lines) = @$case;
        like(told($nginx, $method, $path, @lines), qr/\A$expected/s, "$name: $method $path: $expected");
    }
    is_deeply([JWT::Log::worse('warn', undef, $nginx->new_lines)], [], "$name: nothing in the log above notice");
    return $nginx;
}

# Tokens and header lines, by the secrets of the samples.
sub token {
    my ($who, @claims) = @_;
    my $secret = "sample secret of $who, known to everybody";
    return JWT::token({sub => 'alice', exp => time + 600, @claims}, secret => $secret);
}
sub api { return token('the api', @_) }
sub bearer { return "Authorization: Bearer $_[0]" }
my ($good, $forged, $late) = (api(), JWT::token({sub => 'alice'}, secret => 'x'), api(exp => 1));

check('token-in-header', {},
    ['200', GET => '/'],
    ['401.*www-authenticate: Bearer realm="API"\n', GET => '/api/'],
    ['200.*uri=/api/', GET => '/api/', bearer($good)],
    ['200', GET => '/api/', bearer(api(exp => time - 10))],
    (map { ['401.*error="invalid_token"', GET => '/api/', bearer($_)] } $forged, $late),
);

check('token-in-cookie', {},
    ['401', GET => '/'],
    ['200', GET => '/', "Cookie: a=b; session=$good"],
    ['401', GET => '/', "Cookie: session=$forged"],
    ['401', GET => '/', bearer($good)],
    ['200', GET => '/login'],
);

{
    my $file = sub { return '/files/page.txt?token=' . api(file => @_) };
    my $nginx = check('token-in-query', {files => {'html/files/page.txt' => 'it'}},
        ['401', GET => '/files/page.txt'],
        ['200.*referrer-policy: no-referrer.*it\z', GET => $file->('/files/page.txt')],
        (map { ['403', GET => $file->($_)] } '/files/', '/files/page.txt:/files/page.txt', '/files/other', ''),
        ['403', GET => "/files/page.txt?token=$good"],
        ['401', GET => "/files/page.txt?token=$forged"],
        ['401', GET => '/files/page.txt', bearer(api(file => '/files/page.txt'))],
        ['404', GET => '/files/none?token=' . api(file => '/files/none')],
    );
    like($nginx->read('logs/access.log'), qr{ 200 GET /files/page[.]txt$}m, 'there is an access log');
    unlike($nginx->read('logs/access.log'), qr/eyJ/, 'and no token in it');
}

{
    my %issuers = map { $_ => token("issuer $_") } qw(one two);
    check('realm-by-capture', {},
        ['401.*www-authenticate: Bearer realm="one"\n', GET => '/tenants/one/x'],
        ['401.*www-authenticate: Bearer realm="two"\n', GET => '/tenants/two/x'],
        ['200.*uri=/tenants/one/x', GET => '/tenants/one/x', bearer($issuers{one})],
        ['200', GET => '/tenants/two/x', bearer($issuers{two})],
        ['401', GET => '/tenants/two/x', bearer($issuers{one})],
    );
}

{
    my %audiences = (one => 'https://api.example.com', two => 'urn:example:api');
    my $from = sub {
        my ($signed, $iss, $aud) = @_;
        return bearer(token("issuer $signed", iss => "https://$iss.example.com/", aud => $aud));
    };
    check('several-issuers', {},
        ['401.*realm="API"\n', GET => '/'],
        (map { ["200.*issuer=$_ ", GET => '/', $from->($_, $_, $audiences{$_})] } qw(one two)),
        (map { ['401.*error="invalid_token"', GET => '/', $_] }
            $from->('one', 'two', $audiences{two}), $from->('one', 'two', $audiences{one}),
            $from->('one', 'three', $audiences{one}), $from->('one', 'one', $audiences{two}),
            $from->('one', 'one'), bearer(token('issuer one', aud => $audiences{one})),
            bearer(JWT::token({}, secret => 'no token is signed with this'))),
    );
}

{
    my ($iss, $aud) = ('https://one.example.com/', 'https://api.example.com');
    my $secret = 'sample secret of issuer one, known to everybody';
    my $one = sub { return bearer(token('issuer one', @_)) };
    check('require-audience-and-issuer', {},
        ['200', GET => '/', $one->(iss => $iss, aud => $aud)],
        ['200', GET => '/', $one->(iss => $iss, aud => ['https://web.example.com', $aud])],
        ['401.*error="invalid_token"', GET => '/', $one->(iss => $iss, aud => 'https://web.example.com')],
        ['401', GET => '/', $one->(iss => $iss, aud => ["$aud.evil.example", "x$aud"])],
        ['401', GET => '/', $one->(iss => $iss, aud => 'https://apiXexample.com')],
        ['401', GET => '/', $one->(iss => 'https://two.example.com/', aud => $aud)],
        ['401', GET => '/', $one->(aud => $aud)],
        ['401', GET => '/', $one->(iss => $iss)],
        ['401', GET => '/', bearer(JWT::token({iss => $iss, aud => $aud}, secret => $secret))],
        ['401', GET => '/', bearer(token('issuer two', iss => $iss, aud => $aud))],
    );
}

check('require-scope', {},
    ['401', GET => '/orders/1'],
    ['200', GET => '/orders/1', bearer(api(scope => 'openid orders:read'))],
    ['200', HEAD => '/orders/1', bearer(api(scope => 'orders:read'))],
    ['200', POST => '/orders/', bearer(api(scope => 'orders:read orders:write'))],
    ['403.*error="insufficient_scope"', POST => '/orders/', bearer(api(scope => 'orders:read'))],
    ['403', GET => '/orders/', bearer(api(scope => 'orders:write'))],
    ['403', GET => '/orders/', bearer(api(scope => 'orders:reader xorders:read'))],
    ['403', PATCH => '/orders/', bearer(api(scope => 'orders:read orders:write'))],
    ['403', GET => '/orders/', bearer($good)],
    ['401', GET => '/orders/', bearer($forged)],
);

{
    my $roles = sub { return bearer(api(realm_access => {roles => [@_]})) };
    check('require-group', {},
        ['401', GET => '/'],
        ['200', GET => '/', $roles->('staff')],
        ['403', GET => '/', $roles->('guests', 'staffs')],
        ['403', GET => '/', bearer(api(roles => ['staff']))],
        ['403', GET => '/admin/', $roles->('staff')],
        ['403', GET => '/admin/', $roles->('admins')],
        ['200', GET => '/admin/', $roles->('admins', 'x', 'staff')],
    );
}

{
    my $json = sub { return qq($_[0].*content-type: application/json.*www-authenticate: Bearer.*\n\\{"status": $_[0], "error": "$_[1]"\\}\n\\z) };
    check('json-401', {},
        [$json->(401, 'a token is needed'), GET => '/api/'],
        [$json->(401, 'the token has expired'), GET => '/api/', bearer($late)],
        [$json->(401, 'the token is not valid'), POST => '/api/', bearer($forged)],
        [$json->(403, 'the token does not allow this'), GET => '/api/', bearer($good)],
        [$json->(403, 'the token does not allow this'), GET => '/api/', bearer(api(admin => JSON::PP::false()))],
        ['200.*uri=/api/', GET => '/api/', bearer(api(admin => JSON::PP::true()))],
    );
}

check('login-redirect', {},
    ['302.*location: \S*/login\?next=/page\?a=1&b=%0d%0a\n', GET => '/page?a=1&b=%0d%0a'],
    ['302.*location: \S*/login\?next=/a%0d%0aSet-Cookie:x\n', GET => '/a%0d%0aSet-Cookie:x'],
    ['302', GET => '/', "Cookie: session=$late"],
    ['200.*uri=/page', GET => '/page', "Cookie: session=$good"],
    ['200', GET => '/login?next=/page'],
    ['401', GET => '/api/', "Cookie: session=$good"],
    ['200', GET => '/api/', bearer($good)],
);

{
    my @lies = ('X-User: root', 'X-Email: root@example.com', 'X-Tenant: all');
    my @claims = (email => 'alice@example.com', 'https://example.com/account' => {tenant => 'blue'});
    check('claims-as-headers', {},
        ['200.* user= email= tenant= issuer= ', GET => '/', @lies],
        ['401', GET => '/api/', @lies],
        ['200.* user=alice email=alice@example.com tenant=blue issuer= authorization=;', GET => '/api/', @lies, bearer(api(@claims))],
        ['200.* user=alice email= tenant= issuer= ', GET => '/api/', @lies, bearer($good)],
    );
}

{
    my $url = 'https://mcp.example.com/mcp';
    my $claims = sub { return bearer(api(iss => 'https://id.example.com/realms/example', aud => $url, scope => 'openid mcp:tools', @_)) };
    my $place = '/.well-known/oauth-protected-resource';
    my $challenge = sub { my ($more) = @_; return qr/www-authenticate: Bearer realm="mcp", $more, resource_metadata="https:\/\/mcp[.]example[.]com$place\/mcp"\n/ };
    # t/mcp.t has the keys by URL, and real clients.
    check('mcp', {change => sub { $_[0] =~ s{audience any;}{$& key_file keys/api.json;}r =~ s{http://127[.]0[.]0[.]1:8081}{http://unix:%DIR%/app.sock}r }},
        ['401.*' . $challenge->('scope="mcp:tools"'), POST => '/mcp'],
        ['200.*uri=/mcp user=alice .*authorization=;', POST => '/mcp', $claims->(), 'X-User: root'],
        (map { ['401.*' . $challenge->('error="invalid_token"'), POST => '/mcp', $_] } $claims->(aud => 'orders-api'), $claims->(aud => "$url/"), $claims->(iss => 'x'), bearer($forged)),
        ['403.*' . $challenge->('error="insufficient_scope", scope="mcp:tools"'), POST => '/mcp', $claims->(scope => 'openid')],
        ['200.*\\{"resource":"https://mcp.example.com/mcp","authorization_servers":\\["https://id.example.com/realms/example"\\],"bearer_methods_supported":\\["header"\\],"scopes_supported":\\["mcp:tools"\\],"resource_name":"Orders"\\}\z',
            GET => "$place/mcp"],
    );
}

# The application gives the token that belongs to a session, here the name of the session itself.
{
    my $gives = 'location = /session { add_header X-Token $cookie_session; return 204; }';
    check('token-from-auth-request', {application => $APPLICATION =~ s/location/$gives location/r},
        ['401.*realm="API"\n', GET => '/api/x'],
        ['200.*uri=/api/x\?a=b user=alice ', GET => '/api/x?a=b', "Cookie: session=$good"],
        (map { ['401.*error="invalid_token"', GET => '/api/', "Cookie: session=$_"] } $forged, $late),
        ['401', GET => '/api/', bearer($good), "X-Token: $good"],
        ['404', GET => '/_session', "Cookie: session=$good"],
    );
}

{
    my $root = 'X-User: root';
    check('optional-token', {},
        ['200.* user= email=', GET => '/', $root],
        ['200.* user=alice ', GET => '/', $root, bearer($good)],
        ['200.* user= ', GET => '/', $root, 'Authorization:'],
        ['200.* user= ', GET => '/', $root, "Cookie: session=$good", "X-Token: $good"],
        (map { ['401.*error="invalid_token"', GET => '/', $root, bearer($_)] } $forged, $late, 'x'),
        ['200.* user= ', GET => '/', $root, bearer(api(sub => ''))],
        (map { ['200.* user= ', GET => '/', $root, "Authorization: $_"] } 'Basic eDp5', 'off', 'Bearer', $good),
        ['200.* user=a:b ', GET => '/', bearer(api(sub => 'a:b'))],
    );
    # With the token in another place a forged one is refused there, and the header is not looked at.
    check('optional-token', {change => sub { $_[0] =~ s/auth_jwt +"API"/$& token=\$cookie_session/r }},
        ['200.* user= ', GET => '/', $root],
        ['401.*error="invalid_token"', GET => '/', $root, "Cookie: session=$forged"],
        ['200.* user=alice ', GET => '/', bearer('x'), "Cookie: session=$good"],
    );
}

{
    my $nginx = run('rate-limit-by-claim');
    $seen{'rate-limit-by-claim'}++;
    my $times = sub {
        my ($count, $token) = @_;
        my %statuses;
        $statuses{substr told($nginx, GET => '/api/x?a=b', $token ? bearer($token) : ()), 0, 3}++ for 1 .. $count;
        return \%statuses;
    };
    is_deeply($times->(20, $forged), {401 => 20}, 'rate-limit-by-claim: forged tokens get 401');
    is_deeply($times->(20), {401 => 20}, 'so do requests without a token');
    is_deeply($times->(1, api(sub => '')), {401 => 1}, 'and tokens without a subject');
    is_deeply($times->(5, $good), {200 => 5}, 'they used up nothing of the share of their subject');
    cmp_ok($times->(15, $good)->{429} // 0, '>', 0, 'which has a limit');
    like(told($nginx, GET => '/api/x?a=b', bearer(api(sub => 'bob'))), qr{\A200.*uri=/api/x\?a=b }s, 'and others have their own');
}

{
    my $basic = sub { return 'Authorization: Basic ' . encode_base64("sample:$_[0]", '') };
    check('satisfy-any', {},
        ['200(?!.*www-authenticate)', GET => '/', bearer($good)],
        ['200(?!.*www-authenticate)', GET => '/', $basic->('sample')],
    );
    my $nginx = run('satisfy-any');
    for my $line ('X: y', bearer($forged), $basic->('wrong')) {
        like(told($nginx, GET => '/', $line), qr/\A401.*www-authenticate/s, 'satisfy-any: refused otherwise');
    }
    my $inside = run('satisfy-any', change => sub { return $_[0] =~ s{10[.]0[.]0[.]0/8}{unix:}r });
    like(told($inside, GET => '/'), qr/\A200/, 'satisfy-any: the own network passes');
}

check('public-reads', {},
    ['200', GET => '/articles/1'],
    ['200', HEAD => '/articles/1'],
    (map { ['401.*www-authenticate', $_ => '/articles/1'] } qw(POST PUT DELETE PATCH OPTIONS)),
    ['200.*method=PUT', PUT => '/articles/1', bearer($good)],
    ['401', DELETE => '/articles/1', bearer($forged)],
);

SKIP: {
    $seen{grpc}++;
    skip 'no curl with HTTP/2', 5 unless `curl --version 2>&1` =~ /HTTP2/;
    my $http2 = $APPLICATION =~ s/app[.]sock/app.sock http2/r;
    my $nginx = run('grpc', application => $http2);
    my $call = sub {
        my @curl = qw(curl -s -i --max-time 10 --http2-prior-knowledge -X POST);
        my @what = ('--unix-socket', $nginx->directory . '/nginx.sock', 'http://localhost/demo.Orders/List');
        open my $output, '-|', @curl, (map { ('-H', $_) } 'TE: trailers', 'Content-Type: application/grpc', @_), @what
            or die "cannot run curl: $!";
        local $/ = undef;
        return <$output>;
    };
    for my $refused ([], [bearer($forged)]) {
        like($call->(@$refused), qr{\AHTTP/2 200.*content-type: application/grpc.*grpc-status: 16}s, 'grpc: UNAUTHENTICATED');
    }
    like($call->(bearer($good)), qr{\AHTTP/2 200.*method=POST uri=/demo[.]Orders/List user=alice}s, 'grpc: passes');
    unlike($nginx->error_log, qr/\[(?:error|crit|alert|emerg)\]|panicked/, 'grpc: nothing in the log');
}

# An application that speaks no WebSocket, but upgrades and then echoes.
sub echo_on {
    my ($path) = @_;
    my $listening = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die "cannot listen: $!";
    my $pid = fork // die "cannot fork: $!";
    return $pid if $pid;
    # It must not outlive the test, nor keep its output open.
    alarm 60;
    close STDOUT;
    close STDERR;
    while (my $client = $listening->accept) {
        my $head = '';
        sysread $client, $head, 4096, length $head or last until $head =~ /\r\n\r\n/;
        my ($user) = $head =~ /^X-User: (\S*)/mi;
        my ($protocol) = $head =~ /^Sec-WebSocket-Protocol: ([^\r]*)/mi;
        $protocol = defined $protocol ? "Sec-WebSocket-Protocol: $protocol\r\n" : '';
        my $upgraded = $head =~ /^Upgrade: websocket\r\nConnection: upgrade\r$/mi;
        my $status = $upgraded ? '101 Switching Protocols' : '400 Bad Request';
        syswrite $client, "HTTP/1.1 $status\r\nUpgrade: websocket\r\nConnection: upgrade\r\nX-Seen: $user\r\n$protocol\r\n";
        while (sysread $client, my $bytes, 4096) { syswrite $client, "echo $bytes" }
    }
    POSIX::_exit(0);
}

{
    $seen{websocket}++;
    my $echo;
    my $nginx = run('websocket', application => '', before => sub { $echo = echo_on($_[0]->directory . '/app.sock') });
    my $open = sub {
        my ($path, @lines) = @_;
        my $socket = IO::Socket::UNIX->new(Peer => $nginx->directory . '/nginx.sock') or return 'no connection';
        my $read = sub { sysread $socket, my $bytes, 4096 if IO::Select->new($socket)->can_read($PATIENCE); return $bytes // '' };
        my @all = ("GET $path HTTP/1.1", 'Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade', @lines);
        syswrite $socket, join "\r\n", @all, '', '';
        my $head = $read->();
        return $head unless $head =~ /101/;
        syswrite $socket, 'hello';
        return $head . $read->();
    };
    my $passes = qr{\AHTTP/1[.]1 101 .*X-Seen: alice\r\n.*echo hello\z}s;
    like($open->('/socket'), qr{\AHTTP/1[.]1 401 }, 'websocket: no token');
    like($open->('/socket', "Cookie: session=$forged"), qr{\AHTTP/1[.]1 401 }, 'websocket: a forged token');
    like($open->('/socket', "Cookie: session=$good"), $passes, 'websocket: a cookie');
    like($open->("/socket?token=$good"), $passes, 'websocket: a query argument');
    my $offer = sub { return $open->('/socket', "Sec-WebSocket-Protocol: $_[0]") };
    like($offer->("chat, bearer.$good"), $passes, 'websocket: a subprotocol');
    like($offer->("bearer.$good,chat"), qr/101 .*Sec-WebSocket-Protocol: chat\r\n.*hello/s, 'websocket: the other is chosen');
    like($offer->($_), qr{\AHTTP/1[.]1 401 }, "websocket: $_")
        for 'chat', "chat, bearer.$forged", "chat, bearer $good", "chat, xbearer.$good";
    unlike($open->('/socket', "Cookie: session=$good"), qr/Sec-WebSocket-Protocol/, 'websocket: no subprotocol that nobody offered');
    unlike($open->('/socket', "Sec-WebSocket-Protocol: bearer.$good"), qr/Sec-WebSocket-Protocol/, 'websocket: nor the token');
    unlike($nginx->read("logs/$_.log"), qr/eyJ/, "websocket: no token in the $_ log") for qw(access error);
    kill TERM => $echo;
    waitpid $echo, 0;
}

# Every sample is run, here or with the identity providers, and has its line in the README.
my @all = sort map { basename($_, '.conf') } glob "$SAMPLES/*.conf";
my $elsewhere = join '', map { JWT::read_file(dirname(__FILE__) . "/$_") } 'lib/JWT/Providers.pm', 'bound_tokens.t';
is_deeply([grep { !$seen{$_} && $elsewhere !~ /^\s+'?\Q$_\E'? => \{|sample\('.*', '\Q$_\E'\)/m } @all], [], 'every sample is run');
is_deeply([sort(JWT::read_file("$SAMPLES/README.md") =~ /^- \[\S+\]\((\S+)[.]conf\): /gm)], \@all, 'the README has a line on each');

done_testing();
