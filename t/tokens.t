# The corpora of t/data through a real nginx: every valid token passes, every invalid one is refused
# with the word that tells why, and none of them shakes the worker. $jwt_payload is what was encrypted.
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use JWT;
use JWT::Server;

# Longer tokens are not sent: nginx would have to let them in.
my $LONGEST_HEADER = 1 << 20;

my @cases;
for my $corpus (qw(jws_valid jws_edge_valid jws_invalid jwe_valid jwe_invalid)) {
    for my $case (JWT::corpus($corpus)) {
        next if length $case->{token} > $LONGEST_HEADER || $case->{token} =~ /\0/;
        my $allowed = $case->{status_any} // [$case->{status} // 'ok'];
        push @cases, {%$case, name => "$corpus: $case->{name}", allowed => $allowed};
    }
}

# One location for each key set and type.
my (%location_of, %files, $locations);
for my $case (@cases) {
    my $type = $case->{type} // 'signed';
    $case->{location} = $location_of{$type}{$case->{key_set}} //= do {
        my $name = $type . keys %{$location_of{$type}};
        $files{"html/$name"} = $case->{key_set};
        $locations .= <<"CONF";
        location = /$name {
            auth_jwt "r";
            auth_jwt_key_file %DIR%/html/$name;
            auth_jwt_type $type;
            empty_gif;
        }
        location ~ "(?s)^/$name/(?<token>.*)\$" {
            auth_jwt "r" token=\$token;
            auth_jwt_key_file %DIR%/html/$name;
            auth_jwt_type $type;
            empty_gif;
        }
CONF
        $name;
    };
}

# The path and the header lines that bring a token. Bytes that no header line can hold come in the path.
sub request {
    my ($case) = @_;
    my ($path, $token) = ("/$case->{location}", $case->{token});
    return ($path, "Authorization: Bearer $token") unless $case->{header_unsafe} || $token eq '';
    return "$path/" . $token =~ s/([^A-Za-z0-9.])/sprintf '%%%02X', ord $1/ger;
}

my $nginx = JWT::Server->new(
    files => \%files,
    http => <<'CONF',
    large_client_header_buffers 4 2m;
    keepalive_requests 1000000;
CONF
    server => <<'CONF' . $locations,
        merge_slashes off;
        add_header X-Status $auth_jwt_status always;
        add_header X-Worker $pid always;
        add_header X-Payload $jwt_payload;
CONF
);

my ($connection, $connections, $worker) = (undef, 0, undef);
for my $case (@cases) {
    my $name = $case->{name} =~ s/#/./gr;
    if (!$connection) {
        $connection = $nginx->connect;
        $connections++;
    }
    my $answer = $connection->get(request($case));
    if (!$answer) {
        fail("$name: no answer");
        undef $connection;
        next;
    }
    my $word = $answer->{headers}{'x-status'} // '';
    my $told = "$answer->{status} $word";
    my @expected = map { ($_ eq 'ok' ? 200 : 401) . " $_" } @{$case->{allowed}};
    my ($met) = grep { $told eq $_ } @expected;
    is($told, $met // $expected[0], $name);
    if ($word eq 'ok' && $case->{type} && $case->{claims}) {
        my $payload = $answer->{headers}{'x-payload'} // '';
        my $claims = $case->{inner} ? $payload : eval { JWT::json(JSON::PP::decode_json($payload)) };
        is($claims, $case->{inner} // JWT::json($case->{claims}), "$name: \$jwt_payload");
    }
    $worker //= $answer->{headers}{'x-worker'};
}

is($connections, 1, 'all of it went over one connection');
my $last = ($connection // $nginx)->get(request($cases[0]));
is($last->{headers}{'x-worker'}, $worker, 'and the worker is the same as in the beginning');
$nginx->is_calm('error');
cmp_ok(scalar @cases, '>', 2500, 'the corpora are not empty');

done_testing();
