# The answer of auth_jwt_metrics: methods, headers, which form of it a client gets, the page, and what nginx may be told to
# do with such a location. What is counted is in auth_jwt_metrics.t.
use strict;
use warnings;

use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use Test::More;

use JWT;
use JWT::Http2;
use JWT::Metrics;
use JWT::Mock;
use JWT::Server;

my $TEXT = 'text/plain; version=0.0.4; charset=utf-8';
my $PAGE = 'text/html; charset=utf-8';
my $BROWSER = 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
my $PROMETHEUS = 'Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
my $FILES = {'html/keys' => JWT::key_set(JWT::jwk($JWT::SECRET, kid => 'usual')), 'html/users' => "alice:{PLAIN}secret\n"};
my $GUARDED = 'location /guarded { auth_jwt r; auth_jwt_key_file %DIR%/html/keys; empty_gif; }';
my ($HTTP2, $SPEAKS_HTTP2) = JWT::Server::http2();

sub nginx {
    my ($server, %options) = @_;
    return JWT::Server->new(files => $FILES, server => "$GUARDED $server", %options);
}

# One request of a method, and its answer.
sub asked {
    my ($nginx, $method, $path, @lines) = @_;
    my $connection = $nginx->connect;
    $connection->request($method, $path, @lines);
    return $connection->answer($method);
}

# A test: an answer is the metrics in this form. Gives its body.
sub is_metrics {
    my ($answer, $type, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(($answer->{status} // 'none') . ' ' . ($answer->{headers}{'content-type'} // ''), "200 $type", $name);
    my $body = $answer->{body} // '';
    if ($type eq $TEXT) { ok(eval { JWT::Metrics->read($body) }, "$name: in the format") or diag($@) }
    else { is_deeply([faults($body)], [], "$name: a page without faults") }
    return $body;
}

# What is wrong with a page, read more strictly than a browser does: tags that are not known, not closed or badly nested,
# attributes but those of ours, texts with raw markup, and whatever could run or be loaded.
sub faults {
    my ($html) = @_;
    my (@open, @faults, %seen);
    my %void = map { $_ => 1 } qw(meta);
    my %known = map { $_ => 1 } qw(html head meta title style body header main footer section div table thead tbody tr th td h1 h2 p);
    $html =~ s/\A<!doctype html>\n// or push @faults, 'no doctype';
    $html =~ s{<style>([^<]*)</style>}{} && $1 =~ /url\(|\@import|expression/ and push @faults, 'a style that loads';
    while ($html =~ m{\G(?:<(/?)([a-z][a-z0-9]*)((?: [a-z]+="[^"<>]*")*)>|([^<>]+)|(.))}gs) {
        my ($closes, $tag, $attributes, $text, $stray) = ($1, $2, $3, $4, $5);
        if (defined $stray) { push @faults, 'a stray ' . substr($html, pos($html) - 1, 60) }
        elsif (defined $text) {
            push @faults, "a raw & in $text" if $text =~ /&(?!(?:amp|lt|gt|quot|#39);)/;
            push @faults, "text outside: $text" if $text =~ /\S/ && !grep { $_ eq 'body' || $_ eq 'title' } @open;
        }
        elsif ($closes) { my $last = pop @open // 'nothing'; push @faults, "</$tag> closes $last" if $last ne $tag }
        else {
            $seen{$tag}++;
            push @faults, "<$tag>" unless $known{$tag};
            push @faults, "$tag has$attributes" if grep { !/\A(?:lang|charset|name|content|scope|class)\z/ } $attributes =~ / ([a-z]+)=/g;
            push @open, $tag unless $void{$tag};
        }
    }
    push @faults, "open: @open" if @open;
    push @faults, map {"$_ is there @{[$seen{$_} // 0]} times"} grep { ($seen{$_} // 0) != 1 } qw(html head title body main h1);
    return @faults;
}

my $nginx = nginx("location = /metrics { auth_jwt_metrics; } location /below/ { auth_jwt_metrics; }");
$nginx->get('/guarded', JWT::bearer()) for 1 .. 3;

# --- methods ------------------------------------------------------------------------------------------

{
    my $get = asked($nginx, 'GET', '/metrics');
    is_metrics($get, $TEXT, 'GET');
    is($get->{headers}{'cache-control'}, 'no-store', 'nobody keeps it');
    is($get->{headers}{vary}, 'Accept', 'it depends on Accept');
    is($get->{headers}{'x-content-type-options'}, 'nosniff', 'and is what it says');
    ok(!exists $get->{headers}{$_}, "there is no $_") for qw(last-modified etag accept-ranges www-authenticate set-cookie);
    my $head = asked($nginx, 'HEAD', '/metrics');
    is_deeply([@$head{qw(status body)}], [200, ''], 'HEAD');
    delete $_->{headers}{date} for $head, $get;
    is_deeply($head->{headers}, $get->{headers}, 'HEAD: the same headers');
    for my $method (qw(POST PUT DELETE PATCH OPTIONS PROPFIND TRACE BREW)) {
        my $connection = $nginx->connect;
        $connection->send_bytes("$method /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        my $answer = $connection->answer($method);
        is($answer->{status}, 405, "$method: 405");
        # nginx refuses TRACE by itself.
        is($answer->{headers}{allow}, 'GET, HEAD', "$method: what is allowed is told") unless $method eq 'TRACE';
    }
}

# Bodies of requests are taken and left alone, also where they come late.
{
    my $connection = $nginx->connect;
    for my $round (1 .. 3) {
        $connection->send_bytes("GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n" . 'x' x 10_000);
        is_metrics($connection->answer('GET'), $TEXT, "a GET with a body, round $round");
        $connection->send_bytes("GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        is_metrics($connection->answer('GET'), $TEXT, "one in chunks, round $round");
        $connection->send_bytes("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
        is($connection->answer('POST')->{status}, 405, "a POST whose body is not whole, round $round");
        $connection->send_bytes('hello');
    }
    is_metrics($connection->get('/metrics'), $TEXT, 'and the connection lives');
    $connection->request('GET', '/metrics') for 1 .. 10;
    is_metrics($connection->answer('GET'), $TEXT, "pipelined, $_") for 1 .. 10;
}

# Versions of HTTP.
{
    my $connection = $nginx->connect;
    $connection->send_bytes("GET /metrics HTTP/1.0\r\n\r\n");
    my $answer = $connection->answer('GET');
    is_metrics($answer, $TEXT, 'HTTP/1.0');
    is($answer->{headers}{connection}, 'close', 'which ends');
    my $h2 = nginx('location = /metrics { auth_jwt_metrics; }', servers => "server { listen unix:%DIR%/nginx.sock; location / { empty_gif; } } server { listen unix:%DIR%/h2.sock$HTTP2; $SPEAKS_HTTP2 location = /metrics { auth_jwt_metrics; } }");
    my $client = JWT::Http2->new($h2->directory . '/h2.sock');
    my @streams = map { $client->request($_->[0], '/metrics', [$_->[1]], $_->[2]) } ['GET', 'accept: */*'], ['HEAD', 'accept: */*'], ['GET', lc $BROWSER], ['POST', 'accept: */*', 'hello'];
    is_deeply([map { $client->status($_) } @streams], [200, 200, 200, 405], 'HTTP/2: GET, HEAD, a browser, POST');
    $h2->is_calm('warn');
}

# Conditions and ranges.
for my $line ('If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT', 'If-None-Match: *', 'If-Match: "x"', 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT', 'Range: bytes=0-9', 'If-Range: "x"', 'Expect: 100-continue') {
    my $answer = asked($nginx, 'GET', '/metrics', $line);
    # nginx itself answers these, of whatever is made anew for each request.
    my %own = ('If-Match: "x"' => 412, 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT' => 412, 'If-None-Match: *' => 304);
    $own{$line} ? is($answer->{status}, $own{$line}, $line) : is_metrics($answer, $TEXT, $line);
}

# --- who gets which form ------------------------------------------------------------------------------

for my $case (
    ['nobody says', $TEXT], ['curl', $TEXT, 'Accept: */*'], ['Prometheus', $TEXT, $PROMETHEUS], ['a browser', $PAGE, $BROWSER],
    ['html alone', $PAGE, 'Accept: text/html'], ['in capitals', $PAGE, 'ACCEPT: TEXT/HTML'], ['html first, then text', $TEXT, 'Accept: text/html, text/plain'],
    ['text a little less', $PAGE, 'Accept: text/html;q=0.9, text/plain;q=0.8'], ['text a little more', $TEXT, 'Accept: text/html;q=0.8, text/plain;q=0.9'],
    ['no html', $TEXT, 'Accept: text/html;q=0, */*'], ['two headers', $PAGE, 'Accept: text/plain;q=0.1', 'Accept: text/html;q=0.2'],
    ['two headers, the other way', $TEXT, 'Accept: text/html;q=0.2', 'Accept: text/plain;q=0.3'], ['an image', $TEXT, 'Accept: image/png'], ['json', $TEXT, 'Accept: application/json'],
    ['nothing', $TEXT, 'Accept:'], ['nonsense', $TEXT, 'Accept: ;q=;,,/;q=html text/html'], ['bytes', $TEXT, "Accept: \xff\xfe\x80"], ['long', $PAGE, 'Accept: ' . join(', ', ('x/y;q=0.5') x 500) . ', text/html'],
    ['html and all', $PAGE, 'Accept: text/html, */*;q=0.1'], ['a tie by a range', $TEXT, 'Accept: text/*, text/html;q=0.2'], ['space', $PAGE, 'Accept: text/html ; q=0.9 , text/plain ; q=0.1'],
    ['another header', $TEXT, 'X-Accept: text/html'],
) {
    my ($name, $type, @lines) = @$case;
    is_metrics(asked($nginx, 'GET', '/metrics', @lines), $type, "Accept: $name");
}
{
    my $head = asked($nginx, 'HEAD', '/metrics', $BROWSER);
    is($head->{headers}{'content-type'}, $PAGE, 'HEAD of a browser');
    is($head->{headers}{'content-length'}, length asked($nginx, 'GET', '/metrics', $BROWSER)->{body}, 'with the length of the page');
    my $page = asked($nginx, 'GET', '/metrics', $BROWSER);
    is($page->{headers}{'content-security-policy'}, q(default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'),
        'the page may load and run nothing');
    is($page->{headers}{$_->[0]}, $_->[1], "the page has $_->[0]") for ['cache-control', 'no-store'], ['vary', 'Accept'], ['x-content-type-options', 'nosniff'];
    like($page->{body}, qr{<h2>Zone default</h2>}, 'it names the zone');
    like($page->{body}, qr{<th scope="row">ok</th><td>3</td><td>100\.0 %</td>}, 'and counts');
    ok(!exists asked($nginx, 'GET', '/metrics')->{headers}{'content-security-policy'}, 'the text needs no policy');
}

# Names of all kinds on the page.
{
    my @names = ('<script>alert(1)</script>', '</title><img src=x onerror=y>', "it's", 'a & b', 'a &amp; b', '\"quoted\"', '<!--', ']]>', 'köln 😀', '{{x}}', '<!--# echo var=host -->', "two\nlines");
    my $locations = join ' ', map {"location /l$_ { auth_jwt r; auth_jwt_key_file %DIR%/html/keys; auth_jwt_status_zone \"$names[$_]\"; empty_gif; }"} 0 .. $#names;
    my $blocks = join ' ', map {"auth_jwt_issuer \"i$names[$_]\" { issuer https://$_.example; audience a; key_file %DIR%/html/none; }"} 0 .. $#names;
    my $odd = nginx("$locations location /i { auth_jwt r; auth_jwt_issuers " . join(' ', map {"\"i$_\""} @names) . '; empty_gif; } location = /metrics { ssi on; auth_jwt_metrics; }', http => $blocks);
    $odd->get("/l$_") for 0 .. $#names;
    my $html = is_metrics(asked($odd, 'GET', '/metrics', $BROWSER), $PAGE, 'odd names');
    my %escaped = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;', q(') => '&#39;');
    for my $name (map {s/\\"/"/gr} @names) {
        my $text = $name =~ s/([&<>"'])/$escaped{$1}/gr;
        cmp_ok(index($html, "<h2>Zone $text</h2>"), '>', 0, "zone, as text: $name");
        cmp_ok(index($html, "<th scope=\"row\">i$text</th>"), '>', 0, "issuer, as text: $name");
    }
    is_metrics(asked($odd, 'GET', '/metrics'), $TEXT, 'odd names');
}

# --- what nginx may be told to do with the location ----------------------------------------------------

{
    is_metrics(asked($nginx, 'GET', $_), $TEXT, "a location that is a prefix: $_") for '/below/', '/below/a/b', '/below/?a=b';
    my $http = JWT::Mock::configuration('unix:%DIR%/mock.sock') . 'charset_map koi8-r utf-8 { 80 C3B6; }';
    my $told = nginx(<<"CONF", http => $http);
        location = /denied { auth_jwt_metrics; deny all; }
        location = /basic { auth_jwt_metrics; auth_basic b; auth_basic_user_file %DIR%/html/users; }
        location = /jwt { auth_jwt_metrics; auth_jwt r; auth_jwt_key_file %DIR%/html/keys; auth_jwt_status_zone scrapes; }
        location = /either { auth_jwt_metrics; satisfy any; deny all; auth_jwt r; auth_jwt_key_file %DIR%/html/keys; auth_jwt_status_zone scrapes; }
        location = /limited { auth_jwt_metrics; limit_except GET { deny all; } }
        location = /forbids { auth_jwt_metrics; if (\$arg_a) { return 403; } }
        location = /sets { set \$x 1; auth_jwt_metrics; add_header X-Set \$x; expires 1h; }
        location = /gzip { gzip on; gzip_types text/plain; gzip_min_length 1; gzip_vary on; auth_jwt_metrics; }
        location = /charset { charset koi8-r; source_charset utf-8; charset_types text/plain; auth_jwt_metrics; }
        location = /koeln { auth_jwt r; auth_jwt_key_file %DIR%/html/keys; auth_jwt_status_zone köln; empty_gif; }
        location = /include { ssi on; ssi_types text/plain; alias %DIR%/html/include; }
        location = /inner { internal; auth_jwt_metrics; }
        location = /named { try_files /nothing \@metrics; }
        location \@metrics { auth_jwt_metrics; }
        location = /refused { auth_jwt r; auth_jwt_key_file %DIR%/html/keys; error_page 401 /told; empty_gif; }
        location = /relabelled { auth_jwt r; auth_jwt_key_file %DIR%/html/keys; error_page 401 =200 /told; empty_gif; }
        location = /told { internal; auth_jwt_metrics; }
        location = /accel { proxy_pass http://mock/accel?to=/inner; }
        location = /asks { auth_request /inner; empty_gif; }
        location = /rewritten { rewrite ^ /inner last; }
        location = /proxied { proxy_pass http://unix:%DIR%/nginx.sock:/both; }
        location /both { auth_jwt_metrics; location /both/nested { empty_gif; } location /both/own { auth_jwt_metrics; } }
        location ~ ^/regex/(.*)\$ { auth_jwt_metrics; }
        }
        server {
            listen unix:%DIR%/second.sock;
            location = /metrics { auth_jwt_metrics; }
CONF
    $told->write('html/include', "before\n<!--# include virtual=\"/inner\" -->after\n");
    is(asked($told, 'GET', '/denied')->{status}, 403, 'deny');
    is(asked($told, 'POST', '/denied')->{status}, 403, 'deny comes before the method');
    is(asked($told, 'GET', '/basic')->{status}, 401, 'auth_basic without a password');
    is_metrics(asked($told, 'GET', '/basic', 'Authorization: Basic YWxpY2U6c2VjcmV0'), $TEXT, 'auth_basic with it');
    is(asked($told, 'GET', $_)->{status}, 401, "$_ without a token") for '/jwt', '/either';
    my $mine = is_metrics(asked($told, 'GET', '/jwt', JWT::bearer()), $TEXT, 'auth_jwt with a token');
    is_deeply(JWT::Metrics->read($mine)->verdicts, {'scrapes no_token' => 2, 'scrapes ok' => 1}, 'which counts, too, before it tells');
    is_metrics(asked($told, 'GET', '/either', JWT::bearer()), $TEXT, 'satisfy any');
    is_metrics(asked($told, $_, '/limited'), $TEXT, "limit_except: $_") for 'GET';
    is(asked($told, 'HEAD', '/limited')->{status}, 200, 'limit_except: HEAD');
    is(asked($told, 'POST', '/limited')->{status}, 403, 'limit_except: POST');
    is(asked($told, 'GET', '/forbids?a=1')->{status}, 403, 'if');
    is_metrics(asked($told, 'GET', '/forbids'), $TEXT, 'if does not hold');
    my $set = asked($told, 'GET', '/sets');
    is_metrics($set, $TEXT, 'add_header and expires');
    is($set->{headers}{'x-set'}, 1, 'the header is there');

    # Of ten thousand issuers the text has more than a megabyte.
    for (['Accept: */*', $TEXT], [$BROWSER, $PAGE]) {
        my ($line, $type) = @$_;
        my $small = asked($told, 'GET', '/gzip', $line, 'Accept-Encoding: gzip');
        is($small->{headers}{'content-encoding'}, 'gzip', "gzip: $type");
        gunzip(\$small->{body}, \my $body);
        is_metrics({%$small, body => $body}, $type, "gzip: $type");
        like($small->{headers}{vary}, qr/Accept-Encoding/, "gzip: it depends on that, too") or diag(explain($small->{headers}));
        is_metrics(asked($told, 'GET', '/gzip', $line), $type, "gzip, not asked for: $type");
        like(is_metrics(asked($told, 'GET', '/charset', $line), $type, "another charset: $type"), qr/köln/, "stays in UTF-8: $type");
    }

    my $including = asked($told, 'GET', '/include');
    like($including->{body}, qr/\Abefore\n# HELP nginx_auth_jwt_build_info .*\nafter\n\z/s, 'included by SSI');
    like(asked($told, 'GET', '/include', $BROWSER)->{body}, qr/\Abefore\n<!doctype html>.*<\/html>\nafter\n\z/s, 'a page, included by SSI');
    is(asked($told, 'GET', '/inner')->{status}, 404, 'internal');
    is_metrics(asked($told, 'GET', '/named'), $TEXT, 'a named location');
    is(asked($told, 'POST', '/named')->{status}, 405, 'which has the method of the request');
    my $refused = asked($told, 'GET', '/refused');
    is($refused->{status}, 401, 'error_page: the status is that of the refusal');
    ok(eval { JWT::Metrics->read($refused->{body}) }, 'and the body the metrics');
    ok($refused->{headers}{'www-authenticate'}, 'with the challenge');
    is(asked($told, 'POST', '/refused')->{status}, 401, 'error_page of a POST');
    is_metrics(asked($told, 'GET', '/relabelled'), $TEXT, 'error_page =200');
    # nginx puts the type that the upstream has told in the place of ours.
    my $accel = asked($told, 'GET', '/accel');
    is($accel->{status}, 200, 'X-Accel-Redirect');
    ok(eval { JWT::Metrics->read($accel->{body}) }, 'leads to metrics');
    is(asked($told, 'GET', '/asks')->{status}, 200, 'auth_request, which asks with HEAD or GET');
    is_metrics(asked($told, 'GET', '/rewritten'), $TEXT, 'rewrite');
    is_metrics(asked($told, 'GET', '/proxied'), $TEXT, 'behind a proxy');
    is_metrics(asked($told, 'GET', '/both'), $TEXT, 'a location with others in it');
    is(asked($told, 'GET', '/both/nested')->{headers}{'content-type'}, 'image/gif', 'which do not inherit it');
    is_metrics(asked($told, 'GET', '/both/own'), $TEXT, 'but may have it');
    is_metrics(asked($told, 'GET', '/regex/a'), $TEXT, 'a location by regular expression');
    my $second = $told->connect('second.sock')->get('/metrics');
    is_metrics($second, $TEXT, 'in another server');
    is_deeply(JWT::Metrics->read($second->{body})->verdicts, JWT::Metrics->of($told, '/both')->verdicts, 'with the same numbers');
    $told->is_calm('warn', qr/forbidden by rule|no user|user "|"\/nothing"|password|auth_jwt|buffered to a temporary file/);
}
$nginx->is_calm('warn');

done_testing();
