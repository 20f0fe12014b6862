# Key files that change while nginx runs: seen from the next request on, without a reload.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use JWT;
use JWT::Server;

my ($ONE, $TWO) = map { JWT::key_set(JWT::jwk("the secret number $_")) } 1, 2;

my $nginx = JWT::Server->new(
    files => {'html/keys' => $ONE},
    server => <<'CONF',
        location / {
            auth_jwt "r";
            auth_jwt_key_file %DIR%/html/keys;
            add_header X-Status $auth_jwt_status always;
            empty_gif;
        }
CONF
);
# What $auth_jwt_status says to a token signed with secret number $number.
sub status {
    my ($number) = @_;
    my $token = JWT::token({sub => 'alice'}, secret => "the secret number $number");
    return $nginx->outcome('/', "Authorization: Bearer $token");
}

my ($OK, $REFUSED, $UNAVAILABLE) = ('200 ok', '401 invalid_signature', '500 keys_unavailable');

sub is_now {
    my ($expected, $name) = @_;
    is_deeply([status(1), status(2)], $expected, $name);
    return;
}

is_now([$OK, $REFUSED], 'the file as it was at the start');

$nginx->replace('html/keys', $TWO);
is_now([$REFUSED, $OK], 'a file moved over the old one is used from the next request on');

$nginx->write('html/keys', $ONE);
is_now([$OK, $REFUSED], 'so is one written in place, of the same length, in the same second');

for my $round (1 .. 20) {
    $nginx->write('html/keys', $round % 2 ? $TWO : $ONE);
    my $expected = $round % 2 ? [$REFUSED, $OK] : [$OK, $REFUSED];
    is_now($expected, "in place, of the same length, many times in a row: $round");
}

# To the very same whole second, after nginx has seen that it rests: only ctime tells then.
my $file = $nginx->directory . '/html/keys';
my $second = time - 3600;
utime $second, $second, $file;
sleep 0.1;
is_now([$OK, $REFUSED], 'a file of an hour ago');
$nginx->write('html/keys', $TWO);
utime $second, $second, $file;
is_now([$REFUSED, $OK], 'one written in place whose modification time was set back is used, too');

$nginx->new_lines;
$nginx->remove('html/keys');
is_now([$UNAVAILABLE, $UNAVAILABLE], 'removed: 500');
like(join('', $nginx->new_lines), qr/\[error\] .*keys.*No such file/, 'and the log says why');

is($nginx->get('/')->{status}, 401, 'no token: 401, with the file away');

$nginx->write('html/keys', $ONE);
is_now([$OK, $REFUSED], 'there again: used');

$nginx->new_lines;
$nginx->write('html/keys', substr $ONE, 0, 30);
is_now([$UNAVAILABLE, $UNAVAILABLE], 'half a file: 500');
like(join('', $nginx->new_lines), qr/\[error\] .*keys.*not a JSON object/, 'and the log says why');

$nginx->write('html/keys', '');
is_now([$UNAVAILABLE, $UNAVAILABLE], 'an empty file: 500');

$nginx->write('html/keys', '{"keys": []}');
$nginx->new_lines;
is_now([$UNAVAILABLE, $UNAVAILABLE], 'a set without keys: 500');
like(join('', $nginx->new_lines), qr/\[error\] .*keys.*empty JWK set/, 'and the log says why');

$nginx->write('html/keys', JWT::json({keys => [map { JWT::jwk("the secret number $_") } 1, 2]}));
is_now([$OK, $OK], 'mended, with two keys');

mkdir $nginx->directory . '/html/real';
$nginx->write('html/real/keys', $TWO);
$nginx->remove('html/keys');
symlink 'real/keys', $nginx->directory . '/html/keys';
is_now([$REFUSED, $OK], 'replaced by a symbolic link');
$nginx->replace('html/real/keys', $ONE);
is_now([$OK, $REFUSED], 'the target of the link replaced');

unlink $nginx->directory . '/html/keys';
mkdir $nginx->directory . '/html/keys';
is_now([$UNAVAILABLE, $UNAVAILABLE], 'a directory of that name: 500');
rmdir $nginx->directory . '/html/keys';

# Notices about skipped entries.
my $odd = {kty => 'XYZ', kid => 'odd'};
sub notices { return scalar grep {/\[notice\].*odd.*not usable/} $nginx->new_lines }

$nginx->new_lines;
my $mixed = JWT::key_set(JWT::jwk('the secret number 1'), $odd);
$nginx->write('html/keys', $mixed);
is_now([$OK, $REFUSED], 'one entry is not usable');
is_now([$OK, $REFUSED], 'and still is not') for 1 .. 3;
is(notices(), 1, 'one notice for it, whatever the number of requests');

$nginx->write('html/keys', $mixed);
is_now([$OK, $REFUSED], 'the same bytes written again');
$nginx->replace('html/keys', $mixed);
is_now([$OK, $REFUSED], 'the same bytes in another file');
is(notices(), 0, 'no notice while the bytes stay the same');

$nginx->write('html/keys', "$mixed\n");
is_now([$OK, $REFUSED], 'one byte more');
is(notices(), 1, 'one notice for the new bytes');

SKIP: {
    skip 'root may read everything', 2 if $> == 0;
    chmod 0, $nginx->directory . '/html/keys';
    is_now([$UNAVAILABLE, $UNAVAILABLE], 'not readable: 500');
    chmod 0600, $nginx->directory . '/html/keys';
    is_now([$OK, $REFUSED], 'readable again');
}

$nginx->is_calm('warn', qr/\[error\]/);

done_testing();
