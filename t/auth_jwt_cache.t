# Each way in which a cache of verified tokens could lie, with a token that has been taken in before.
# The same questions go to the same locations without a cache: the answers must be the same.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Server;

my ($ONE, $TWO) = map { JWT::key_set(JWT::jwk("secret number $_", kid => "k$_")) } 1, 2;
my $NONE = JWT::key_set(JWT::jwk('of nobody', kid => 'other'));

sub locations {
    my ($leeway) = @_;
    my $text = '';
    for my $cache ('16m', 'off', '64k') {
        $text .= <<"CONF";
        location /$cache/ {
            auth_jwt "r";
            auth_jwt_cache $cache;
            auth_jwt_key_file %DIR%/html/keys;
            empty_gif;
            location /$cache/other-keys { auth_jwt_key_file %DIR%/html/two; empty_gif; }
            location /$cache/leeway { auth_jwt_leeway 1h; empty_gif; }
            location /$cache/changing-leeway { auth_jwt_leeway $leeway; empty_gif; }
            location /$cache/encrypted { auth_jwt_type encrypted; empty_gif; }
            location /$cache/nested { auth_jwt_type nested; empty_gif; }
            location /$cache/required { auth_jwt_require \$arg_good; empty_gif; }
            location /$cache/tenant { auth_jwt_require \$mine error=403; empty_gif; }
            location /$cache/variable { auth_jwt_key_file %DIR%/html/\$arg_keys; empty_gif; }
        }
CONF
    }
    return $text;
}

my %configuration = (
    http => <<'CONF',
    add_header X-Status $auth_jwt_status always;
    add_header X-Sub $jwt_claim_sub always;
    map "$jwt_claim_tenant:$http_x_tenant" $mine { volatile; default ""; "~^(.+):\1\z" 1; }
CONF
    files => {'html/keys' => $ONE, 'html/two' => $TWO},
);
my $nginx = JWT::Server->new(%configuration, server => locations('0s'));

my @CACHES = ('16m', 'off', '64k');
my $lasting = token({sub => 'alice', tenant => 'a'});

sub token { my ($claims, %options) = @_; return JWT::token($claims, secret => 'secret number 1', kid => 'k1', %options) }

sub told {
    my ($path, $token, @lines) = @_;
    my $answer = $nginx->get($path, "Authorization: Bearer $token", @lines);
    my $sub = $answer->{headers}{'x-sub'} // '';
    return "$answer->{status} $answer->{headers}{'x-status'}" . ($sub eq '' ? '' : " $sub");
}

# Whatever the cache, and however often it is asked: a token is kept at its second request.
sub is_told {
    my ($expected, $path, $token, $name, @lines) = @_;
    for my $cache (@CACHES) {
        is(told("/$cache/$path", $token, @lines), $expected, "$name (auth_jwt_cache $cache, $_)") for 1 .. 3;
    }
    return;
}

my $OK = '200 ok alice';
is_told($OK, '', $lasting, 'a good token');

# Another token.
my $other = $lasting;
my $last = chop $other;
for my $byte (grep { $_ ne $last } 'A', 'B', 'Q', '_') {
    like(told('/16m/', $other . $byte), qr/\A401 (?:malformed_token|invalid_signature)/, "another last byte: $byte");
}
is_told('200 ok bob', '', token({sub => 'bob'}), 'another token between them');
is_told($OK, '', $lasting, 'each has its own claims');

# Another location.
is_told('401 unknown_key alice', 'other-keys', $lasting, 'a location with other keys');
is_told('401 wrong_type alice', 'encrypted', $lasting, 'a location with another type');
is_told('401 wrong_type alice', 'nested', $lasting, 'and with the third');
is_told($OK, '', $lasting, 'where it was verified it is good still');
is_told($OK, 'variable?keys=keys', $lasting, 'keys by a variable');
is_told('401 unknown_key alice', 'variable?keys=two', $lasting, 'another value of it');

# Another moment.
my $expired = token({sub => 'alice', exp => time - 600});
is_told($OK, 'leeway', $expired, 'a location with leeway');
is_told('401 expired alice', '', $expired, 'a location without');
is_told($OK, 'leeway', $expired, 'and the first again');
my $expiring = token({sub => 'alice', exp => int(time) + 3});
is_told($OK, '', $expiring, 'a token that expires soon');

# Another request.
is_told($OK, 'required?good=1', $lasting, 'a requirement that is met');
is_told('401 requirement_failed alice', 'required?good=0', $lasting, 'the same, not met');
is_told($OK, 'required?good=1', $lasting, 'and met again');
is_told($OK, 'tenant', $lasting, 'a requirement of a claim', 'X-Tenant: a');
is_told('403 requirement_failed alice', 'tenant', $lasting, 'of another value', 'X-Tenant: b');

# Other keys.
sub keys_become { return $nginx->replace('html/keys', $_[0]) }
keys_become($NONE);
is_told('401 unknown_key alice', '', $lasting, 'the key is removed from the file');
keys_become($TWO =~ s/k2/k1/r);
is_told('401 invalid_signature alice', '', $lasting, 'another secret has its kid');
keys_become($ONE);
is_told($OK, '', $lasting, 'the key is there again');
keys_become('{');
is_told('500 keys_unavailable alice', '', $lasting, 'the file is broken');
$nginx->remove('html/keys');
is_told('500 keys_unavailable alice', '', $lasting, 'the file is removed');
keys_become($ONE);
is_told($OK, '', $lasting, 'and there again');

# More than is kept.
my $long = token({sub => 'alice', x => 'x' x 5000});
is_told($OK, '', $long, 'a token that is too long for a small cache');
my @many = map { token({sub => "u$_"}) } 1 .. 100;
for my $round (1 .. 3) {
    is(scalar(grep { told("/64k/", $many[$_]) eq '200 ok u' . ($_ + 1) } 0 .. $#many), 100, "more tokens than a small cache has room for, round $round");
}

# Another configuration.
is_told('401 expired alice', 'changing-leeway', $expired, 'before the reload');
$nginx->configure(%configuration, server => locations('1h'));
$nginx->signal('HUP');
my $until = time + 10;
sleep 0.02 while $nginx->error_log !~ /worker process \d+ exited with code 0/ && time < $until;
is_told($OK, 'changing-leeway', $expired, 'a reload with more leeway');
is_told($OK, '', $lasting, 'the token is good after it, too');

my $left = JSON::PP->new->decode(MIME::Base64::decode_base64url((split /[.]/, $expiring)[1]))->{exp} - time;
sleep $left + 0.05 if $left > -0.05;
is_told('401 expired alice', '', $expiring, 'the token that was to expire has');

unlike($nginx->error_log, qr/exited on signal|panic/, 'nothing crashed');
done_testing;
