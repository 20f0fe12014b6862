# What `nginx -t` takes and what it refuses, and how it says so.
use strict;
use warnings;

use File::Copy qw(copy);
use Test::More;

use JWT::Server;

sub refused { return JWT::Server->refuses(@_) }

sub accepted { return JWT::Server->accepts(@_) }

my $arguments = qr/invalid number of arguments in "(\w+)" directive in .*nginx\.conf:\d+/;
my $duplicate = qr/"(\w+)" directive is duplicate in .*nginx\.conf:\d+/;
my $not_here = qr/"(\w+)" directive is not allowed here in .*nginx\.conf:\d+/;
my $where = qr/in .*nginx\.conf:\d+/;

# auth_jwt
refused('location', 'auth_jwt;', $arguments);
refused('location', 'auth_jwt a token=$b c;', $arguments);
refused('location', 'auth_jwt a b;', qr/invalid parameter "b".*"auth_jwt".*token=.*$where/);
refused('location', 'auth_jwt a tokens=$b;', qr/invalid parameter "tokens=\$b".*"auth_jwt".*token=.*$where/);
refused('location', 'auth_jwt a Token=$b;', qr/invalid parameter "Token=\$b".*"auth_jwt".*token=.*$where/);
refused('location', 'auth_jwt off b;', qr/invalid parameter "b".*"auth_jwt".*token=.*$where/);
refused('location', 'auth_jwt token=$b a;', qr/invalid parameter "a".*"auth_jwt".*$where/);
refused('location', 'auth_jwt a token=;', qr/invalid.*token.*$where/);
refused('location', 'auth_jwt a token=b;', qr/invalid.*token.*$where/);
refused('location', 'auth_jwt a token=$no_such_variable;', qr/unknown "no_such_variable" variable/);
refused('location', 'auth_jwt $no_such_variable;', qr/unknown "no_such_variable" variable/);
refused('location', 'auth_jwt a; auth_jwt b;', $duplicate);
refused('location', 'auth_jwt a; auth_jwt off;', $duplicate);
refused('location', 'auth_jwt off; auth_jwt off token=$arg_t;', $duplicate);
refused('http', 'auth_jwt a; auth_jwt a;', $duplicate);
refused('main', 'auth_jwt a;', $not_here);
refused('main', 'stream { auth_jwt a; }', qr/unknown directive|$not_here/);
refused('http', 'upstream u { auth_jwt a; server 127.0.0.1; }', $not_here);
refused('location', 'if ($arg_x) { auth_jwt a; }', $not_here);
refused('server', 'if ($arg_x) { auth_jwt a; }', $not_here);
accepted($_, 'auth_jwt a;') for qw(http server location);
accepted('location', 'limit_except GET { auth_jwt a; }');
accepted('location', 'auth_jwt "";');
accepted('location', 'auth_jwt off;');
accepted('location', 'auth_jwt off token=$cookie_t;');
accepted('location', 'auth_jwt "a $host b" token=$arg_a$arg_b;');
accepted('location', 'auth_jwt a "token=$arg_a";');

# auth_jwt_key_file
refused('location', 'auth_jwt_key_file;', $arguments);
refused('location', 'auth_jwt_key_file a b;', $arguments);
refused('location', 'auth_jwt_key_file "";', qr/auth_jwt_key_file.*$where/);
refused('location', 'auth_jwt_key_file $no_such_variable;', qr/unknown "no_such_variable" variable/);
refused('main', 'auth_jwt_key_file a;', $not_here);
refused('location', 'if ($arg_x) { auth_jwt_key_file a; }', $not_here);
accepted($_, 'auth_jwt_key_file a; auth_jwt_key_file b;') for qw(http server location);
accepted('location', 'limit_except GET { auth_jwt_key_file a; }');
accepted('location', 'auth_jwt a; auth_jwt_key_file /there/is/no/such/file;');
accepted('location', 'auth_jwt_key_file keys/$host/$arg_a.jwk;');

# auth_jwt_claim_set, auth_jwt_header_set
for my $name (qw(auth_jwt_claim_set auth_jwt_header_set)) {
    refused('http', "$name;", $arguments);
    refused('http', "$name \$a;", $arguments);
    refused('http', "$name a b;", qr/invalid value "a" in "$name".*a variable.*$where/);
    refused('http', "$name \$ b;", qr/"\$".*"$name".*variable.*$where/);
    refused('http', "$name \$a \xFF;", qr/invalid value "\\xff" in "$name".*UTF-8.*$where/);
    refused('http', "$name \$host sub;", qr/the duplicate "host" variable.*$where/);
    refused($_, "$name \$a b;", $not_here) for qw(main server location);
    accepted('http', "$name \$a b;");
    accepted('http', "$name \$a b c 'd e' https://f/g;");
    accepted('http', "$name \$a b; $name \$a c; $name \$c d;");
    accepted('http', "$name \$jwt_claim_sub sub; $name \$jwt_header_kid kid;");
}

# auth_jwt_require
refused('location', 'auth_jwt_require;', $arguments);
refused('location', 'auth_jwt_require error=403;', qr/no value in "auth_jwt_require".*at least one variable.*$where/);
refused('location', "auth_jwt_require $_->[0];", qr/invalid value "\Q$_->[1]\E" in "auth_jwt_require".*starts with a variable.*$where/)
    for ['admin', 'admin'], ['"x$arg_a"', 'x$arg_a'], ['$arg_a 1', '1'];
refused('location', 'auth_jwt_require $no_such_variable;', qr/unknown "no_such_variable" variable/);
refused('location', "auth_jwt_require \$arg_a error=$_;", qr/"error=\Q$_\E" in "auth_jwt_require".*"error=401" or "error=403".*$where/)
    for qw(400 402 404 500 4010 x), '';
refused('location', 'auth_jwt_require $arg_a error=401 error=403;', qr/duplicate parameter "error=" in "auth_jwt_require".*$where/);
refused('location', 'if ($arg_a) { auth_jwt_require $arg_a; }', $not_here);
refused('main', 'auth_jwt_require $arg_a;', $not_here);
accepted($_, 'auth_jwt_require $arg_a; auth_jwt_require $arg_b error=403;') for qw(http server location);
accepted('location', 'limit_except GET { auth_jwt_require $arg_a; }');
accepted('location', 'auth_jwt_require $arg_a $arg_b "$arg_c$arg_d" error=401;');

# auth_jwt_issuers. The blocks themselves are in auth_jwt_issuer.t.
my $blocks = 'auth_jwt_issuer a { issuer a; audience x; key_file k; } auth_jwt_issuer b { issuer b; audience x; key_file k; }';
my $server = sub {"$blocks server { listen unix:%DIR%/a.sock; $_[0] }"};
refused('http', $server->('auth_jwt_issuers;'), $arguments);
refused('http', $server->('auth_jwt_issuers c;'), qr/unknown issuer "c" in "auth_jwt_issuers" $where.*"auth_jwt_issuer" block/);
refused('http', $server->('auth_jwt_issuers a c;'), qr/unknown issuer "c"/);
refused('http', $server->('auth_jwt_issuers A;'), qr/unknown issuer "A"/);
refused('http', $server->('auth_jwt_issuers a a;'), qr/invalid value "a" in "auth_jwt_issuers".*named once.*$where/);
refused('http', $server->("auth_jwt_issuers $_;"), qr/invalid value "off" in "auth_jwt_issuers".*names of issuers, or "off" alone.*$where/)
    for 'off a', 'a off', 'off off';
refused('http', $server->('auth_jwt_issuers a; auth_jwt_issuers b;'), $duplicate);
refused('http', $server->('auth_jwt_issuers off; auth_jwt_issuers off;'), $duplicate);
for my $source ('auth_jwt_key_file f;', 'auth_jwt_key_request /f;') {
    my ($name) = $source =~ /(\w+)/;
    refused('http', $server->("$source auth_jwt_issuers $_;"), qr/"auth_jwt_issuers" on one level with a key source $where, .*not from both.*$where/) for 'a', 'off';
    refused('http', $server->("auth_jwt_issuers $_; $source"), qr/"$name" on one level with "auth_jwt_issuers" $where, .*not from both.*$where/) for 'a', 'off';
    accepted('http', $server->("$source location / { auth_jwt_issuers a; } location /off { auth_jwt_issuers off; }"));
    accepted('http', $server->("auth_jwt_issuers a; location / { $source }"));
}
my $same = 'auth_jwt_issuer c { issuer c a; audience x; key_file k; }';
refused('http', $same . $server->('auth_jwt_issuers b a c;'), qr/issuers "a" and "c" of "auth_jwt_issuers" $where have the same "issuer a"/);
accepted('http', $same . $server->('auth_jwt_issuers a b; location / { auth_jwt_issuers c b; }'));
for my $type (qw(encrypted nested)) {
    my $several = qr/several issuers in "auth_jwt_issuers" $where, but one only with "auth_jwt_type" "encrypted" or "nested"/;
    refused('http', $server->("auth_jwt r; auth_jwt_type $type; auth_jwt_issuers a b;"), $several);
    refused('http', $server->("auth_jwt_issuers a b; location / { auth_jwt r; auth_jwt_type $type; }"), $several);
    accepted('http', $server->("auth_jwt r; auth_jwt_type $type; auth_jwt_issuers a;"));
    accepted('http', $server->("auth_jwt_issuers a b; auth_jwt_type $type; location / { auth_jwt r; auth_jwt_type signed; }"));
}
my $left = qr/"auth_jwt_issuers off" $where leaves "auth_jwt" $where without keys: .*name issuers or a key source, or turn "auth_jwt" off/;
refused('http', $server->('auth_jwt r; auth_jwt_issuers off;'), $left);
refused('http', $server->('auth_jwt r; auth_jwt_issuers a; location / { auth_jwt_issuers off; }'), $left);
refused('http', $server->('auth_jwt_issuers off; location / { auth_jwt $host; }'), $left);
accepted('http', $server->('auth_jwt_issuers a; location / { auth_jwt_issuers off; }'));
refused('main', 'auth_jwt_issuers a;', $not_here);
refused('location', 'if ($arg_a) { auth_jwt_issuers a; }', $not_here);
accepted('http', "$blocks auth_jwt_issuers a;");
accepted('http', $server->('auth_jwt_issuers a b; location / { auth_jwt_issuers a; limit_except GET { auth_jwt_issuers b; } }'));

# Rules: where they may stand, and that they need keys
my $unverified = qr/$where needs verified claims, but no key source goes with "auth_jwt" $where: name issuers or a key source/;
for my $rule ('auth_jwt_audience a', 'auth_jwt_require_scope a', 'auth_jwt_require_claim a present') {
    my ($name) = split / /, $rule;
    refused('location', "$name;", $arguments);
    refused('location', "auth_jwt r; $rule;", qr/"$name" $unverified/);
    refused('server', "$rule; auth_jwt r; auth_jwt_key_file k; location / { auth_jwt_key_file k; } } server { listen unix:%DIR%/a.sock; auth_jwt r; $rule;", qr/"$name" $unverified/);
    refused('server', "$rule; location / { auth_jwt \$host; }", qr/"$name" $unverified/);
    refused('http', $server->("auth_jwt r; $rule; auth_jwt_issuers a; location / { auth_jwt_issuers off; }"), $left);
    refused('main', "$rule;", $not_here);
    refused('location', "if (\$arg_a) { $rule; }", $not_here);
    accepted($_, "$rule; $rule;") for qw(http server location);
    accepted('location', "limit_except GET { $rule; }");
    accepted('location', "auth_jwt r; auth_jwt_key_file k; $rule;");
    accepted('location', "auth_jwt r; auth_jwt_key_request /k; $rule;");
}
refused('location', "$_ \$no_such_variable;", qr/unknown "no_such_variable" variable/)
    for 'auth_jwt_audience', 'auth_jwt_require_scope', 'auth_jwt_require_claim a =', 'auth_jwt_require_claim a any b', 'auth_jwt_require_claim a all b';

# auth_jwt_require_scope
refused('location', 'auth_jwt_require_scope match=any;', qr/no scope in "auth_jwt_require_scope".*at least one.*$where/);
refused('location', "auth_jwt_require_scope a match=$_;", qr/invalid parameter "match=\Q$_\E" in "auth_jwt_require_scope".*"match=all" or "match=any".*$where/)
    for qw(one Any none $arg_a), '';
refused('location', 'auth_jwt_require_scope a match=any match=any;', qr/duplicate parameter "match=" in "auth_jwt_require_scope".*$where/);

refused('location', 'auth_jwt_require_scope a error=401;', qr/invalid parameter "error=401" in "auth_jwt_require_scope".*"match=all" or "match=any".*$where/);

# auth_jwt_require_claim
refused('location', 'auth_jwt_require_claim a any b match=all;', qr/invalid parameter "match=all" in "auth_jwt_require_claim".*"error=401" or "error=403".*$where/);
refused('location', 'auth_jwt_require_claim a;', $arguments);
refused('location', 'auth_jwt_require_claim a error=401;', qr/no operator in "auth_jwt_require_claim".*$where/);
refused('location', "auth_jwt_require_claim a $_ b;", qr/unknown operator "\Q$_\E", allowed is "=", "any", "all", "~", "~\*", "present" or "absent" in "auth_jwt_require_claim".*$where/)
    for qw(== != !~ in Any is $arg_a);
refused('location', "auth_jwt_require_claim a $_->[0];", qr/wrong number of values, operator "\Q$_->[1]\E" takes $_->[2] in "auth_jwt_require_claim".*$where/)
    for ['=', '=', 'one value'], ['= b c', '=', 'one value'], ['~', '~', 'one value'], ['~ b c', '~', 'one value'], ['~*', '~*', 'one value'],
    ['any', 'any', 'at least one value'], ['all', 'all', 'at least one value'], ['present b', 'present', 'no value'], ['absent b', 'absent', 'no value'];
refused('location', "auth_jwt_require_claim '$_->[0]' present;", qr/invalid path "\Q$_->[1]\E": $_->[2].* in "auth_jwt_require_claim".*$where/)
    for ['', '', 'a name in it is empty'], ['a..b', 'a..b', 'a name in it is empty'], ['a.', 'a.', 'a name in it is empty'], ['[0]', '[0]', 'it begins with an index'],
    ['a[', 'a[', 'a "\[" or a quote in it is not closed'], ['a[x]', 'a[x]', 'an index in it is no number'], ['a[-1]', 'a[-1]', 'an index in it is no number'],
    ['a b', 'a b', 'names are joined by'], ["\xFF", '\xff', 'it is not UTF-8'];
refused('location', "auth_jwt_require_claim a $_->[0] '$_->[1]';", qr/invalid regular expression "\Q$_->[1]\E": .* in "auth_jwt_require_claim".*$where/)
    for ['~', '('], ['~*', 'a['], ['~', '(?=a)'], ['~', 'a{99999999}'];
refused('location', "auth_jwt_require_claim a present error=$_;", qr/invalid parameter "error=\Q$_\E" in "auth_jwt_require_claim".*"error=401" or "error=403".*$where/)
    for qw(400 404 500 x), '';
refused('location', 'auth_jwt_require_claim a present error=401 error=403;', qr/duplicate parameter "error=" in "auth_jwt_require_claim".*$where/);

# auth_jwt_resource
my $resource = 'auth_jwt_resource https://a.example/mcp';
my $url = qr/it must be a URL that begins with "https:\/\/" \("http:\/\/" to this machine alone\), without credentials, fragment and variables $where/;
refused('location', 'auth_jwt_resource;', $arguments);
refused('location', "auth_jwt_resource '$_';", qr/invalid value "\Q$_\E" in "auth_jwt_resource" directive, $url/)
    for '', 'mcp', '/mcp', 'a.example/mcp', '//a.example/mcp', 'ftp://a.example', 'urn:a:b', 'https:', 'https://', 'https://a b', 'https://a.example:0',
    'https://a.example/#', 'https://a.example/#a', 'https://u@a.example', 'https://u:p@a.example/mcp', 'Off', 'on',
    'http://a.example/mcp', 'http://192.0.2.1/', 'http://localhost.example/', 'http://127.0.0.1.example/',
    'https://$host/mcp', 'https://a.example/$uri', '$scheme://a.example', 'https://a.example/${uri}', 'https://a.example/?a=$arg_a';
refused('location', "$resource documentation=$_;", qr/invalid value "\Q$_\E" in "auth_jwt_resource" directive, $url/)
    for '', 'docs', 'http://a.example/docs', 'https://a.example/#a', 'https://u:p@a.example/';
refused('location', "$resource '$_';", qr/invalid parameter "\Q$_\E" in "auth_jwt_resource" directive, allowed is "name=text", "documentation=url" or "scopes=list" $where/)
    for 'off', 'Name=a', 'scope=a', 'names=a', 'name', 'error=401', 'https://b.example', '';
refused('location', "auth_jwt_resource off $_;", qr/invalid value "off" in "auth_jwt_resource" directive, $url/) for 'name=a', 'off', 'https://a.example';
refused('location', "$resource $_->[0]=;", qr/invalid value "" in "auth_jwt_resource" directive, it must be $_->[1] $where/)
    for ['name', 'the name of a resource'], ['scopes', 'scopes, separated by spaces'];
refused('location', "$resource 'scopes=  ';", qr/invalid value "  " in "auth_jwt_resource" directive, it must be scopes, separated by spaces $where/);
refused('location', "$resource \"$_=\xFF\";", qr/invalid value "\\xff" in "auth_jwt_resource" directive, it must be .*$where/) for qw(name scopes documentation);
refused('location', "$resource $_->[0]=$_->[1] $_->[0]=$_->[2];", qr/duplicate parameter "\Q$_->[0]=$_->[2]\E" in "auth_jwt_resource" directive $where/)
    for ['name', 'a', 'b'], ['name', 'a', 'a'], ['scopes', 'a', 'b'], ['documentation', 'https://a', 'https://b'];
refused('location', "$resource $_;", qr/invalid parameter "\Q$_\E" in "auth_jwt_resource" directive, allowed is a parameter without variables $where/)
    for 'name=$host', 'name=a${host}', 'scopes=$arg_a', 'documentation=https://$host/';
refused('location', "$resource; $_;", $duplicate) for $resource, 'auth_jwt_resource https://b.example', 'auth_jwt_resource off';
refused('location', "auth_jwt_resource off; $resource;", $duplicate);
refused($_, "$resource;", $not_here) for qw(main http);
refused('location', "$_ { $resource; }", $not_here) for 'limit_except GET', 'if ($arg_a)';
refused('server', "if (\$arg_a) { $resource; }", $not_here);
refused('location', "auth_jwt r; $resource;", qr/"auth_jwt_resource" $unverified/);
refused('server', "$resource; location / { auth_jwt \$host; }", qr/"auth_jwt_resource" $unverified/);
refused('server', "$resource; auth_jwt r; location / { auth_jwt_key_file k; }", qr/"auth_jwt_resource" $unverified/);
refused('location', "$resource; limit_except GET { auth_jwt r; }", qr/"auth_jwt_resource" $unverified/);
refused('http', $server->("auth_jwt r; auth_jwt_issuers a; $resource; location / { auth_jwt_issuers off; }"), $left);
is(scalar accepted($_, "$resource 'name=My API' documentation=https://a.example/docs 'scopes=a b';"), 0, 'without a warning') for qw(server location);
accepted('location', "auth_jwt_resource $_;")
    for 'off', 'https://a.example', 'HTTPS://A.EXAMPLE:8443/', 'http://localhost:1/mcp', 'http://127.0.0.1', 'http://[::1]/a', 'https://[2001:db8::1]/a?b=c', 'https://a/%41b';
accepted('location', "auth_jwt r; $_; $resource;") for 'auth_jwt_key_file k', 'auth_jwt_key_request /k';
accepted('server', "auth_jwt_key_file k; $resource; location / { auth_jwt r; limit_except GET { auth_jwt off; } }");
accepted('server', "auth_jwt r; auth_jwt_resource off; location / { auth_jwt_resource off; }");

# Two resources, and one place of their metadata in a server
my $place = '/.well-known/oauth-protected-resource';
for my $case (
    ['https://b.example/mcp', "$place/mcp"], ['https://a.example/mcp?b=c', "$place/mcp"], ['https://a.example/m%63p', "$place/mcp"], ['https://a.example//mcp', "$place/mcp"],
    ['https://A.example/mcp', "$place/mcp"], ['https://a.example/mcp name=x', "$place/mcp"], ['https://a.example/mcp scopes=x', "$place/mcp"],
) {
    my $both = qr/"auth_jwt_resource" $where and another one $where have their metadata in one place of one server, "\Q$case->[1]\E": their paths must differ/;
    refused('server', "$resource; location / { auth_jwt_resource $case->[0]; }", $both);
    refused('server', "location /a { $resource; } location /b { auth_jwt_resource $case->[0]; }", $both);
    accepted('server', "$resource; } server { listen unix:%DIR%/a.sock; auth_jwt_resource $case->[0];");
}
refused('server', 'location /a { auth_jwt_resource https://a; } location /b { auth_jwt_resource https://a/; }', qr/metadata in one place of one server, "$place": their paths must differ/);
accepted('server', "location /a { $resource; } location /b { $resource; }");
accepted('server', "location /a { $resource; } location /b { $resource/; } location /c { auth_jwt_resource https://a.example; }");

# auth_jwt_optional, auth_jwt_dry_run
for my $name (qw(auth_jwt_optional auth_jwt_dry_run)) {
    refused('location', "$name$_;", $arguments) for '', ' on off';
    refused('location', "$name $_;", qr/invalid value "\Q$_\E" in "$name".*"on" or "off".*$where/) for qw(yes On 1 $arg_a);
    refused('location', "$name on; $name off;", $duplicate);
    refused('main', "$name on;", $not_here);
    refused('location', "if (\$arg_a) { $name on; }", $not_here);
    accepted($_, "$name on;") for qw(http server location);
    accepted('location', "limit_except GET { $name off; }");
}

# auth_jwt_certificate, auth_jwt_dpop
for my $name (qw(auth_jwt_certificate auth_jwt_dpop)) {
    refused('location', "$name;", $arguments);
    refused('location', "$name '$_';", qr/invalid value "\Q$_\E" in "$name".*"off", "optional" or "required".*$where/) for '', qw(on Off Optional yes $arg_a cert=$arg_a base=https://a window=1s);
    refused('location', "$name off $_;", qr/invalid parameter "\Q$_\E" in "$name".*$where/) for qw(off optional cert=$arg_a base=https://a window=1s);
    refused('location', "$name optional $_;", qr/invalid parameter "\Q$_\E" in "$name".*$where/) for qw(required off error=401 Cert=$arg_a Base=https://a token=$arg_a);
    refused('location', "$name $_->[0]; $name $_->[1];", $duplicate) for ['optional', 'required'], ['optional', 'optional'], ['off', 'off'], ['off', 'required'];
    refused('main', "$name optional;", $not_here);
    refused('location', "if (\$arg_a) { $name optional; }", $not_here);
    refused('http', "upstream u { $name optional; server 127.0.0.1; }", $not_here);
    for my $mode (qw(off optional required)) {
        accepted($_, "$name $mode;") for qw(http server location);
        accepted('location', "auth_jwt r; $_; $name $mode;") for 'auth_jwt_key_file k', 'auth_jwt_key_request /k';
        accepted('http', $server->("auth_jwt r; auth_jwt_issuers a; $name $mode;"));
        next if $mode eq 'off';
        refused('location', "auth_jwt r; $name $mode;", qr/"$name" $unverified/);
        refused('server', "$name $mode; location / { auth_jwt \$host; }", qr/"$name" $unverified/);
        refused('server', "$name $mode; auth_jwt r; location / { auth_jwt_key_file k; }", qr/"$name" $unverified/);
    }
    accepted('location', "auth_jwt r; $name off;");
    accepted('server', "$name optional; location / { auth_jwt r; $name off; } location /k { auth_jwt r; auth_jwt_key_file k; }");
}
refused('location', "auth_jwt_certificate optional $_;", qr/invalid parameter "\Q$_\E" in "auth_jwt_certificate".*"cert=".*$where/) for 'cert=', 'base=https://a', 'window=1s';
refused('location', 'auth_jwt_certificate optional cert=$arg_a cert=$arg_b;', qr/duplicate parameter "cert=\$arg_b" in "auth_jwt_certificate".*$where/);
refused('location', 'auth_jwt_certificate optional cert=$no_such_variable;', qr/unknown "no_such_variable" variable/);
accepted('location', "auth_jwt_certificate required '$_';") for 'cert=$http_x_cert', 'cert=$http_a$http_b', 'cert=x${arg_b}';
for my $base ('', 'a', 'a.example', '/a', '//a.example', 'ftp://a.example', 'https:', 'https://', 'https:///a', 'https://a.example?b', 'https://a.example/#b', 'https://u@a.example', 'https://u:p@a.example', 'https://a b', 'https://a.example:x', 'https://a.example:0', 'https://a.example:65536', 'https://[::1') {
    refused('location', "auth_jwt_dpop optional 'base=$base';", qr/invalid value "base=\Q$base\E" in "auth_jwt_dpop".*"https:\/\/" or "http:\/\/".*$where/);
}
refused('location', "auth_jwt_dpop optional window=$_;", qr/invalid value "window=\Q$_\E" in "auth_jwt_dpop".*a time.*$where/) for '', qw(0 0s 3601 2h 1d 10y soon -1 1.5s 500ms 1x $arg_a 99999999999999999999s);
refused('location', 'auth_jwt_dpop optional window=1s window=1s;', qr/duplicate parameter "window=1s" in "auth_jwt_dpop".*$where/);
refused('location', 'auth_jwt_dpop optional base=https://a window=1s base=https://b;', qr/duplicate parameter "base=https:\/\/b" in "auth_jwt_dpop".*$where/);
refused('location', 'auth_jwt_dpop optional base=$no_such_variable;', qr/unknown "no_such_variable" variable/);
refused('location', 'auth_jwt_dpop optional cert=$arg_a;', qr/invalid parameter "cert=\$arg_a" in "auth_jwt_dpop".*"base=.*"window=.*$where/);
accepted('location', "auth_jwt_dpop required $_;")
    for 'base=https://a.example', 'base=http://a.example:8080/b/', 'base=HTTPS://[2001:db8::1]:8443', 'base=$scheme://$host', 'base=https://$http_x', 'base=$arg_a', 'window=1s', 'window=1h', 'window=3600', 'window=1m30s base=https://a', 'base=https://a window=90s';

# auth_jwt_leeway, auth_jwt_key_cache: an example of a time is named
for my $case (['auth_jwt_leeway', '30s'], ['auth_jwt_key_cache', '10m']) {
    my ($name, $example) = @$case;
    refused('location', "$name;", $arguments);
    refused('location', "$name 1 2;", qr/$arguments|invalid parameter "2".*"$name".*$where/);
    refused('location', "$name $_;", qr/invalid value "\Q$_\E" in "$name".*a time.*"$example".*$where/)
        for qw(soon x -1 -1s 1x 1.5 $arg_a 99999999999999999999s);
    refused('location', "$name 1s; $name 1s;", $duplicate);
    refused('location', "if (\$arg_a) { $name 1s; }", $not_here);
    refused('main', "$name 1s;", $not_here);
    accepted($_, "$name 1s;") for qw(http server location);
    accepted('location', "limit_except GET { $name 1s; }");
    accepted('location', "$name $_;") for qw(0 0s 60 90s 5m 1h30m 1d);
}
refused('location', 'auth_jwt_leeway 500ms;', qr/invalid value "500ms" in "auth_jwt_leeway".*a time in seconds or larger.*$where/);
for my $case (
    ['refresh=often', qr/invalid value "refresh=often"/], ['stale=', qr/invalid value "stale="/],
    ['stale=1h stale=1h', qr/duplicate parameter "stale=1h"/], ['fresh=1h', qr/invalid parameter "fresh=1h"/],
) {
    refused('location', "auth_jwt_key_cache 1h $case->[0];", qr/$case->[1].*$where/);
}

# auth_jwt_type
refused('location', 'auth_jwt_type;', $arguments);
refused('location', 'auth_jwt_type signed nested;', $arguments);
refused('location', "auth_jwt_type $_;",
    qr/invalid value "\Q$_\E" in "auth_jwt_type".*"signed", "encrypted" or "nested".*$where/) for qw(jws Signed $arg_a);
refused('location', 'auth_jwt_type "";', qr/invalid value "" in "auth_jwt_type".*"signed", "encrypted" or "nested".*$where/);
refused('location', 'if ($arg_a) { auth_jwt_type signed; }', $not_here);
refused('location', 'auth_jwt_type signed; auth_jwt_type signed;', $duplicate);
refused('main', 'auth_jwt_type signed;', $not_here);
accepted($_, 'auth_jwt_type signed;') for qw(http server location);
accepted('location', 'limit_except GET { auth_jwt_type signed; }');

# auth_jwt_metrics
refused('location', 'auth_jwt_metrics on;', $arguments);
refused('location', 'auth_jwt_metrics; auth_jwt_metrics;', $duplicate);
refused($_, 'auth_jwt_metrics;', $not_here) for qw(main http server);
refused('location', 'if ($arg_a) { auth_jwt_metrics; }', $not_here);
refused('location', 'limit_except GET { auth_jwt_metrics; }', $not_here);
refused('http', 'upstream u { auth_jwt_metrics; server 127.0.0.1; }', $not_here);
is(scalar accepted('location', 'auth_jwt_metrics;'), 0, 'without a warning');
is(scalar accepted('server', "location $_ { auth_jwt_metrics; }"), 0, "without a warning: $_") for '= /metrics', '^~ /a/', '~ ^/b', '@named';
accepted('server', 'location /a/ { auth_jwt_metrics; location /a/b { auth_jwt_metrics; } } location /c { auth_jwt_metrics; }');
accepted('server', 'location / { auth_jwt_metrics; } } server { listen unix:%DIR%/a.sock; location / { auth_jwt_metrics; }');

# auth_jwt_status_zone
refused('location', "auth_jwt_status_zone$_;", $arguments) for '', ' a b';
refused('location', "auth_jwt_status_zone $_;", qr/invalid value "\Q$_\E" in "auth_jwt_status_zone" directive, it must be a name in UTF-8, without variables $where/) for '$host', 'a$host', '${arg_a}', '$';
refused('location', 'auth_jwt_status_zone "";', qr/invalid value "" in "auth_jwt_status_zone".*$where/);
refused('location', "auth_jwt_status_zone \xff;", qr/invalid value .* in "auth_jwt_status_zone".*$where/);
refused($_, 'auth_jwt_status_zone a; auth_jwt_status_zone a;', $duplicate) for qw(http server location);
refused('main', 'auth_jwt_status_zone a;', $not_here);
refused('location', 'if ($arg_a) { auth_jwt_status_zone a; }', $not_here);
refused('location', 'limit_except GET { auth_jwt_status_zone a; }', $not_here);
is(scalar accepted($_, 'auth_jwt_status_zone a;'), 0, "without a warning, in $_") for qw(http server location);
accepted('location', "auth_jwt_status_zone $_;") for 'default', 'other', 'off', '"two words"', 'köln', '"<b>\\"</b>"', 'x' x 4000;

# Variables
accepted('location', 'return 200 "$jwt_claim_a$jwt_header_b$jwt_payload$auth_jwt_status$auth_jwt_issuer";');
accepted('location', 'return 200 "${jwt_claim_a}b";');
refused('location', 'set $jwt_payload x;', qr/the duplicate "jwt_payload" variable/);

# Two modules of this name.
SKIP: {
    my ($module) = grep {/auth_jwt/} JWT::Server::modules();
    skip 'no module to copy', 3 unless $module;
    my $prepared = JWT::Server->prepared;
    my $copy = $prepared->directory . '/another.so';
    copy($module, $copy) or die "cannot copy: $!";
    $prepared->configure(load => "load_module $module;\nload_module $copy;");
    my ($fine, $said) = $prepared->checked;
    ok(!$fine, 'two modules of one name are refused');
    like($said, qr/module "ngx_http_auth_jwt_module" is already loaded/, 'and nginx says so');
    $prepared->configure(load => "load_module $copy;");
    ok($prepared->checked, 'the copy alone is fine');
}

done_testing();
