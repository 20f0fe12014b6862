# A client of DPoP (JWT::Dpop) that signs in plain Perl, so fast that it can make a proof for each request of a soak.
#
# Of a signature of Ed25519 (RFC 8032 section 5.1.6) only R needs the curve, and R depends on the nonce alone. openssl makes one
# signature, and all others have its nonce: whoever verifies them cannot tell, while two of them give away the private
# key. So this is for tests alone.
package Holder;

use strict;
use warnings;

use Digest::SHA qw(sha512);
use Math::BigInt;

use parent 'JWT::Dpop';

# The order of the base point.
my $ORDER = Math::BigInt->from_hex('1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed');

sub new {
    my ($class) = @_;
    my $self = JWT::Dpop::new($class, alg => 'EdDSA');
    my $seed = substr $self->run(qw(pkey -in key.pem -outform DER)), -32;
    my ($scalar, $prefix) = unpack 'a32 a32', sha512($seed);
    vec($scalar, 0, 8) &= 0xF8;
    vec($scalar, 31, 8) = vec($scalar, 31, 8) & 0x7F | 0x40;
    my $first = 'the text that has the nonce';
    $self->{point} = substr $self->SUPER::signed($first, 'EdDSA'), 0, 32;
    $self->{public} = substr $self->run(qw(pkey -in key.pem -pubout -outform DER)), -32;
    $self->{scalar} = integer($scalar);
    $self->{nonce} = integer(sha512($prefix . $first));
    return $self;
}

sub signed {
    my ($self, $input) = @_;
    my $challenge = integer(sha512($self->{point} . $self->{public} . $input));
    my $answer = $challenge->bmul($self->{scalar})->badd($self->{nonce})->bmod($ORDER);
    return $self->{point} . reverse substr "\0" x 32 . $answer->to_bytes, -32;
}

# Bytes, the least first, as a number below the order.
sub integer { return Math::BigInt->from_bytes(scalar reverse $_[0])->bmod($ORDER) }

1;
