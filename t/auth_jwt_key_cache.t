# The directive auth_jwt_key_cache, for keys from files. (For keys that are fetched: key_fetch_cache.t; what
# it may say: configuration.t.)
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Server;

my ($ONE, $TWO) = map { JWT::key_set(JWT::jwk("the secret number $_")) } 1, 2;
my ($OK, $REFUSED, $UNAVAILABLE) = ('200 ok', '401 invalid_signature', '500 keys_unavailable');

# A location /NAME with key files of its own: those named, or html/NAME.
sub location {
    my ($name, $text, @files) = @_;
    my $files = join ' ', map {"auth_jwt_key_file %DIR%/html/$_;"} @files ? @files : $name;
    return qq(location /$name { auth_jwt "r"; $text $files empty_gif; }\n);
}

my @locations = (
    location('default', ''),
    location('zero', 'auth_jwt_key_cache 0;'),
    location('zero_seconds', 'auth_jwt_key_cache 0s;'),
    location('hour', 'auth_jwt_key_cache 1h;'),
    location('removed', 'auth_jwt_key_cache 1h;'),
    location('broken', 'auth_jwt_key_cache 1h;'),
    location('short', 'auth_jwt_key_cache 500ms;'),
    location('second', 'auth_jwt_key_cache 1;'),
    location('missing', 'auth_jwt_key_cache 1h;'),
    location('malformed', 'auth_jwt_key_cache 1h;'),
    location('union', 'auth_jwt_key_cache 1h;', 'union', 'union_too'),
    location('shared_hour', 'auth_jwt_key_cache 1h;', 'shared'),
    location('shared_zero', 'auth_jwt_key_cache 0;', 'shared'),
    location('by_variable', 'auth_jwt_key_cache 1h;', 'variable$arg_nothing'),
);
my @with_keys =
    qw(default zero zero_seconds hour removed broken short second union union_too shared variable);
my $nginx = JWT::Server->new(
    files => {map { ("html/$_" => $ONE) } @with_keys},
    server => 'add_header X-Status $auth_jwt_status always;' . join '',
    @locations,
);

# What $auth_jwt_status says there to a token signed with secret number $number.
sub status {
    my ($location, $number) = @_;
    my $token = JWT::token({sub => 'alice'}, secret => "the secret number $number");
    return $nginx->outcome("/$location", "Authorization: Bearer $token");
}

sub is_now {
    my ($location, $expected, $name) = @_;
    is_deeply([map { status($location, $_) } 1, 2], $expected, "$location: $name");
    return;
}

# The warning for names with variables, at the start.
my @warnings = grep {/\[warn\]/} $nginx->new_lines, split /^/m, $nginx->read('logs/stdout');
like(join('', @warnings), qr/"auth_jwt_key_cache" does not apply.*variables in .*nginx\.conf:\d+/,
    'keys from a name with variables: a warning at config load');

# Each location has seen its keys before they change.
my $loaded = time;
is_now($_, [$OK, $REFUSED], 'as it was at the start')
    for qw(default zero zero_seconds hour removed broken short second union shared_hour by_variable);
$nginx->replace("html/$_", $TWO)
    for qw(default zero zero_seconds hour short second union union_too shared variable);
$nginx->remove('html/removed');
$nginx->write('html/broken', '{"keys":[');

my @short = map { status('short', $_) } 1, 2;
is_deeply(\@short, [$OK, $REFUSED], 'short: kept') if time < $loaded + 0.5;
is_now($_, [$REFUSED, $OK], 'not kept by time, a change is seen at once')
    for qw(default zero zero_seconds);
is_now('hour', [$OK, $REFUSED], 'kept, a change is not seen');
is_now('removed', [$OK, $REFUSED], 'kept, that the file is gone does not matter');
is_now('broken', [$OK, $REFUSED], 'kept, that the file is broken does not matter');
is_now('union', [$OK, $REFUSED], 'kept, every file of it');
is_now('by_variable', [$REFUSED, $OK], 'never kept by time, in spite of the directive');
is_now('shared_hour', [$OK, $REFUSED], 'kept where another location keeps the same file for no time');
is_now('shared_zero', [$REFUSED, $OK], 'each location has its own time for a file');

# Keys are never used past their time.
sleep 0.001 while time < $loaded + 0.9;
is_now('short', [$REFUSED, $OK], 'after its 500 ms');
sleep 0.001 while time < $loaded + 1.6;
is_now('second', [$REFUSED, $OK], 'a time without a unit is in seconds, as everywhere in nginx');
is_now('hour', [$OK, $REFUSED], 'still kept');

# A failure is not kept.
is_now('missing', [$UNAVAILABLE, $UNAVAILABLE], 'the file is not there');
$nginx->write('html/missing', $ONE);
is_now('missing', [$OK, $REFUSED], 'there now: used at once');
$nginx->write('html/malformed', '{"keys":[');
is_now('malformed', [$UNAVAILABLE, $UNAVAILABLE], 'the file is broken');
$nginx->write('html/malformed', $ONE);
is_now('malformed', [$OK, $REFUSED], 'mended: used at once');
$nginx->write('html/malformed', $TWO);
is_now('malformed', [$OK, $REFUSED], 'and kept from then on');

# The cache is the worker's: a reload begins anew.
$nginx->signal('HUP');
my $until = time + 10;
sleep 0.02 while $nginx->error_log !~ /exited with code 0/ && time < $until;
is_now('hour', [$REFUSED, $OK], 'after a reload the file is read again');

$nginx->is_calm('crit');

done_testing();
