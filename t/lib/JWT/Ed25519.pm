# A key pair of Ed25519 that openssl makes and signs with. What a URL tells is no secret, so that tests of keys
# by URL need key pairs; this is the kind that is fastest made.
package JWT::Ed25519;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp ();

use JWT ();

# A new key of this kid.
sub new {
    my ($class, $kid) = @_;
    my $self = bless {kid => $kid, directory => File::Temp->newdir('jwt-key-XXXXXX', TMPDIR => 1), tokens => {}}, $class;
    my $file = $self->{file} = "$self->{directory}/key.pem";
    system('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', $file) == 0 or croak 'openssl makes no key';
    my $public = qx(openssl pkey -in $file -pubout -outform DER);
    length $public == 44 or croak 'openssl tells no key';
    $self->{x} = JWT::b64url(substr $public, 12);
    return $self;
}

# The public key as a JWK (a hash), with further members.
sub jwk {
    my ($self, %members) = @_;
    return {kty => 'OKP', crv => 'Ed25519', x => $self->{x}, kid => $self->{kid}, %members};
}

# A token with these claims, and more members for the header (undef: without). The same one is signed once.
sub token {
    my ($self, $claims, %header) = @_;
    my %all = (alg => 'EdDSA', typ => 'JWT', kid => $self->{kid}, %header);
    delete @all{grep { !defined $all{$_} } keys %all};
    my $input = join '.', map { JWT::b64url(JWT::json($_)) } \%all, $claims;
    return $self->{tokens}{$input} //= $input . '.' . JWT::b64url($self->signature($input));
}

sub signature {
    my ($self, $input) = @_;
    JWT::write_file("$self->{directory}/input", $input);
    my $signature = qx(openssl pkeyutl -sign -rawin -inkey $self->{file} -in $self->{directory}/input);
    length $signature == 64 or croak 'openssl does not sign';
    return $signature;
}

1;
