# What the blocks of t/*.t on Test::Nginx::Socket share. Use it after Test::Nginx::Socket:
#
#   - $TEST_NGINX_KEYS is a directory with what JWT::write_key_files writes; "missing.jwks" is not there
#   - http://mock is the upstream of JWT::Mock
#   - each block without "--- request" asks for /, and one without checks of the error log fails
#     where that holds more than notices
#   - "--- guarded" has the lines of a location /, in place of "--- config"; what they do not say is
#     as usual: a realm "r", good.jwks, what became of the token in X-Status, its sub for the
#     upstream, http://mock
#   - JWT::Nginx::issuer is a block auth_jwt_issuer for "--- http_config eval"
#   - "--- cases eval" has a list of cases, each [request, header lines of it or undef, status,
#     response_headers, response_body_like, response_body], as far as there is something to check
#   - $TEST_NGINX_HTML_DIR is the document root, $TEST_NGINX_ACCESS_LOG what "--- access_log" reads
package JWT::Nginx;

use strict;
use warnings;

use File::Temp ();

use JWT ();
use JWT::Log ();
use JWT::Mock ();
use Test::Nginx::Socket ();

our $keys = File::Temp->newdir('jwt-keys-XXXXXX', TMPDIR => 1);

# Beyond this nginx cannot bind a unix socket.
my $LONGEST_SOCKET_NAME = 107;

JWT::write_key_files("$keys");

$ENV{TEST_NGINX_KEYS} = "$keys";
$ENV{TEST_NGINX_HTML_DIR} = Test::Nginx::Socket::html_dir();
$ENV{TEST_NGINX_ACCESS_LOG} = Test::Nginx::Socket::server_root() . '/logs/access.log';

my $socket = "$ENV{TEST_NGINX_HTML_DIR}/mock.sock";
my $mock =
    length $socket > $LONGEST_SOCKET_NAME ? '127.0.0.1:$TEST_NGINX_RAND_PORT_9' : "unix:$socket";

my $http_config = JWT::Mock::configuration($mock);

# What a guarded location has where its lines say nothing of the kind.
my @USUAL = (
    [qr/^auth_jwt /m, 'auth_jwt "r";'],
    [qr/^auth_jwt_(?:key_file|key_request|issuers) /m, 'auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;'],
    [qr/^(?:proxy_pass|root|return|empty_gif)\b/m, 'proxy_pass http://mock;'],
);
my $TOLD = 'add_header X-Status $auth_jwt_status always; proxy_set_header X-Sub $jwt_claim_sub;';

sub guarded {
    my ($lines) = @_;
    my @usual = map { $lines =~ $_->[0] ? () : $_->[1] } @USUAL;
    return join "\n", 'location / {', @usual, $TOLD, $lines, '}';
}

# A block auth_jwt_issuer of this name. What its lines do not say is as usual: it issues for
# https://NAME.example, to "api", with the keys of good.jwks.
sub issuer {
    my ($name, $lines) = @_;
    $lines //= '';
    my @usual = ("issuer https://$name.example;", 'audience api;', 'key_file $TEST_NGINX_KEYS/good.jwks;');
    my @missing = grep { my ($parameter) = split / /; $lines !~ /\b$parameter / } @usual;
    return join "\n", "auth_jwt_issuer $name {", @missing, $lines, '}', '';
}

# The columns of a case, and what stands where one says nothing.
my @COLUMNS = (
    [request => 'GET /'], [more_headers => 'X-None: x'], [error_code => 200], [response_headers => ''],
    [response_body_like => ''], [response_body => ''],
);

sub set_cases {
    my ($block, @cases) = @_;
    die $block->name . ': a case has more columns than there are' if grep { @$_ > @COLUMNS } @cases;
    for my $at (0 .. $#COLUMNS) {
        my ($section, $nothing) = @{$COLUMNS[$at]};
        next unless grep { defined $_->[$at] } @cases;
        $block->set_value($section => [map { $_->[$at] // $nothing } @cases]);
    }
    return;
}

Test::Nginx::Socket::no_long_string();
Test::Nginx::Socket::no_root_location();
Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(http_config => $http_config . ($block->http_config // ''));
    $block->set_value(config => guarded($block->guarded) . ($block->config // '')) if defined $block->guarded;
    set_cases($block, @{$block->cases}) if defined $block->cases;
    unless (grep { defined $block->$_ } qw(request raw_request pipelined_requests)) {
        $block->set_value(request => "GET /\n");
    }
    unless (grep { defined $block->$_ } qw(error_log no_error_log grep_error_log)) {
        $block->set_value(no_error_log => [JWT::Log::from('warn')]);
    }
});

1;
