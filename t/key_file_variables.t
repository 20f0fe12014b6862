# Variables in the name of a key file.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;
use JWT::Server;

# The warnings of `nginx -t` for a text inside of server.
sub warnings {
    my ($text) = @_;
    return grep {/auth_jwt_key_cache/} JWT::Server->accepts(server => $text);
}

# With auth_jwt_key_cache there is a warning, and no error.
{
    my $variable = 'auth_jwt_key_file jwk/$arg_tenant/secrets.jwk;';
    my $told = qr/auth_jwt_key_cache.*does not apply.*variables in .*nginx\.conf:\d+/;
    my @one = warnings("location / { auth_jwt a; $variable auth_jwt_key_cache 1h; }");
    is(scalar @one, 1, 'a warning');
    like($one[0], $told, 'which names directive, reason and place');
    my @mixed = warnings("location / { auth_jwt a; auth_jwt_key_file a; $variable auth_jwt_key_cache 1h; }");
    is(scalar @mixed, 1, 'for one source of several, too');
    my @once = warnings("$variable auth_jwt_key_cache 1h; location /a { auth_jwt a; } location /b { auth_jwt b; }");
    is(scalar @once, 1, 'once, in however many locations it is inherited');
    is(scalar warnings("location / { auth_jwt a; $variable }"), 0, 'none without auth_jwt_key_cache');
    is(scalar warnings("location / { auth_jwt a; $variable auth_jwt_key_cache 0; }"), 0, 'none with 0');
    is(scalar warnings('location / { auth_jwt a; auth_jwt_key_file a; auth_jwt_key_cache 1h; }'),
        0, 'none without variables');
}

# What key file NAME holds, and a header line with a token that it verifies.
sub keys_of { return JWT::key_set(JWT::jwk("the secret of $_[0]")) }
sub token_of { return JWT::bearer({sub => $_[0]}, secret => "the secret of $_[0]") }

# A worker remembers a thousand files or so; more are no problem, nor is it to come back to the first.
{
    my $nginx = JWT::Server->new(
        files => {map { ("html/$_" => keys_of($_)) } 1 .. 1100},
        http => 'keepalive_requests 10000;',
        server => 'location ~ /(\d+)$ { auth_jwt "r"; auth_jwt_key_file %DIR%/html/$1; empty_gif; }',
    );
    my $connection = $nginx->connect;
    my @wrong = grep { $connection->get("/$_", token_of($_))->{status} != 200 } 1 .. 1100, 1, 1100;
    is_deeply(\@wrong, [], '1100 files, each with its own key');
    is($connection->get('/1', token_of(2))->{status}, 401, 'and none with that of another');
}

our @tenants = ([['jwk/blue/secrets.jwk' => keys_of('blue')], ['jwk/green/secrets.jwk' => keys_of('green')]]);

run_tests();

__DATA__

=== TEST 1: a regex capture of the location: each tenant has its own keys
--- config
    location ~ ^/(\w+)/ {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_HTML_DIR/jwk/$1/secrets.jwk;
        add_header X-Status $auth_jwt_status always;
        proxy_pass http://mock;
    }
--- user_files eval: @main::tenants
--- request eval
["GET /blue/", "GET /green/", "GET /blue/", "GET /green/", "GET /blue/"]
--- more_headers eval
[map { main::token_of($_) } qw(blue green green blue blue)]
--- error_code eval
[200, 200, 401, 401, 200]
--- response_headers eval
[map {"X-Status: $_"} qw(ok ok invalid_signature invalid_signature ok)]


=== TEST 2: relative to the conf prefix, as a literal name is
--- config
    location ~ ^/(\w+)/ { auth_jwt "r"; auth_jwt_key_file jwk/$1/secrets.jwk; proxy_pass http://mock; }
    location ~ ^/$      { auth_jwt "r"; auth_jwt_key_file $arg_file; proxy_pass http://mock; }
--- user_files eval
[map { ["../conf/$_->[0]", $_->[1]] } @{$main::tenants[0]}]
--- request eval
["GET /blue/", "GET /green/", "GET /?file=jwk/blue/secrets.jwk", "GET /?file=jwk/green/secrets.jwk", "GET /?file=$ENV{TEST_NGINX_KEYS}/good.jwks"]
--- more_headers eval
[(map { main::token_of($_) } qw(blue blue blue blue)), JWT::bearer()]
--- error_code eval
[200, 401, 200, 401, 200]


=== TEST 3: named captures, of server_name and of location
--- http_config
    server {
        listen unix:$TEST_NGINX_HTML_DIR/tenants.sock;
        server_name ~^(?<tenant>\w+)\.example$;
        location ~ ^/(?<file>\w+)$ {
            auth_jwt "r";
            auth_jwt_key_file $TEST_NGINX_HTML_DIR/jwk/$tenant/$file.jwk;
            proxy_pass http://mock;
        }
    }
--- config
    location / { proxy_set_header Host $arg_host; proxy_pass http://unix:$TEST_NGINX_HTML_DIR/tenants.sock:/secrets; }
--- user_files eval: @main::tenants
--- request eval
["GET /?host=blue.example", "GET /?host=green.example", "GET /?host=green.example"]
--- more_headers eval
[map { main::token_of($_) } qw(blue blue green)]
--- error_code eval
[200, 401, 200]


=== TEST 4: captures of an if and of a map, and the issuer the token names
--- http_config
    map $jwt_claim_iss $issuer_keys {
        default                 missing;
        https://blue.example/   blue;
        ~^https://(\w+)\.green/ green;
    }
--- config
    location /map { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_HTML_DIR/jwk/$issuer_keys/secrets.jwk; proxy_pass http://mock; }
    location /if  {
        set $tenant none;
        if ($http_x_tenant ~ "^(blue|green)$") { set $tenant $1; }
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_HTML_DIR/jwk/$tenant/secrets.jwk;
        proxy_pass http://mock;
    }
--- user_files eval: @main::tenants
--- request eval
[("GET /map") x 4, ("GET /if") x 3]
--- more_headers eval
my $from = sub { JWT::bearer({iss => $_[0]}, secret => "the secret of $_[1]") };
[
    $from->('https://blue.example/', 'blue'), $from->('https://x.green/', 'green'), $from->('https://blue.example/', 'green'),
    $from->('https://nobody.example/', 'blue'),
    map { main::token_of('blue') . "\nX-Tenant: $_" } 'blue', 'green', 'purple',
]
--- error_code eval
[200, 200, 401, 500, 200, 401, 500]
--- no_error_log
[crit]


=== TEST 5: the kid of the token
--- config
    location / { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_HTML_DIR/jwk/$jwt_header_kid/secrets.jwk; proxy_pass http://mock; }
--- user_files eval: @main::tenants
--- request eval
["GET /", "GET /"]
--- more_headers eval
[map { JWT::bearer(undef, secret => 'the secret of blue', kid => $_) } 'blue', 'green']
--- error_code eval
[200, 401]


=== TEST 6: read for each request: a file that is not there is 500 where a token parses
--- config
    location ~ ^/(\w+)/ {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_HTML_DIR/jwk/$1/secrets.jwk;
        proxy_pass http://mock;
    }
--- user_files eval: @main::tenants
--- request eval
["GET /blue/", "GET /nobody/", "GET /nobody/", "GET /blue/"]
--- more_headers eval
[map { $_ ? main::token_of('blue') : 'X-None: x' } 1, 1, 0, 1]
--- error_code eval
[200, 500, 401, 200]
--- response_headers eval
['! WWW-Authenticate', '! WWW-Authenticate', 'WWW-Authenticate: Bearer realm="r"', '! WWW-Authenticate']
--- no_error_log
[crit]


=== TEST 7: the log names the file; a name that comes out empty is one that is not there
--- config
    location / { auth_jwt "r"; auth_jwt_key_file $arg_file; proxy_pass http://mock; }
--- cases eval
[
    ["GET /?file=jwk/nobody/secrets.jwk", JWT::bearer(), 500],
    ["GET /", JWT::bearer(), 500],
]
--- error_log eval
[qr{\[error\] .*key file \\?"\S*/conf/(?:jwk/nobody/secrets\.jwk)?\\?" .*(?:No such file|regular file)}]


=== TEST 8: one of several sources: the union is that of the request
--- config
    location ~ ^/(\w+)/ {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        auth_jwt_key_file $TEST_NGINX_HTML_DIR/jwk/$1/secrets.jwk;
        proxy_pass http://mock;
    }
--- user_files eval: @main::tenants
--- request eval
["GET /blue/", "GET /blue/", "GET /green/", "GET /green/", "GET /nobody/"]
--- more_headers eval
[JWT::bearer(), (map { main::token_of($_) } qw(blue blue green)), JWT::bearer()]
--- error_code eval
[200, 200, 401, 200, 500]
--- no_error_log
[crit]


=== TEST 9: a token that one file has verified is no good under another
--- config
    location / { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_HTML_DIR/jwk/$arg_tenant/secrets.jwk; proxy_pass http://mock; }
--- user_files eval: @main::tenants
--- request eval
[map {"GET /?tenant=$_"} qw(blue green blue green blue)]
--- more_headers eval
[(main::token_of('blue')) x 5]
--- error_code eval
[200, 401, 200, 401, 200]


=== TEST 10: auth_jwt_key_cache does not keep them, and does not break them
--- config
    auth_jwt_key_cache 1h;
    location / { auth_jwt "r"; auth_jwt_key_file $TEST_NGINX_HTML_DIR/jwk/$arg_tenant/secrets.jwk; proxy_pass http://mock; }
--- user_files eval: @main::tenants
--- request eval
[map {"GET /?tenant=$_"} qw(blue green blue)]
--- more_headers eval
[map { main::token_of($_) } qw(blue green green)]
--- error_code eval
[200, 200, 401]
--- no_error_log
[error]


=== TEST 11: the captures of the location stay, whatever the map behind token= matches
--- http_config
    map $http_authorization $given {
        "~^(\S+) (.+)$"  $2;
    }
    map $http_x_second $second {
        "~^(.+)$"  $1;
    }
--- config
    location ~ ^/(\w+)/(\w+)$ {
        auth_jwt "r" token=$given;
        auth_jwt_key_file $TEST_NGINX_HTML_DIR/jwk/$1/secrets.jwk;
        auth_jwt_audience $second;
        auth_jwt_require_scope $second;
        add_header X-Captures "$1 $2[$3]" always;
        proxy_pass http://mock;
    }
    location = /none/ {
        auth_jwt "r" token=$given;
        auth_jwt_key_file $TEST_NGINX_HTML_DIR/jwk/blue/secrets.jwk;
        add_header X-Captures "[$1$2]";
        proxy_pass http://mock;
    }
--- user_files eval: @main::tenants
--- cases eval
my $blue = JWT::bearer({sub => 'blue', aud => 'shop', scope => 'shop'}, secret => 'the secret of blue') . "\nX-Second: shop";
[
    ["GET /blue/two", $blue, 200, 'X-Captures: blue two[]', 'sub='],
    ["GET /green/two", $blue, 401, 'X-Captures: green two[]'],
    ["GET /none/", $blue, 200, 'X-Captures: []', 'sub='],
]
--- no_error_log
[error]
