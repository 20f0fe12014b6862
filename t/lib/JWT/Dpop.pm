# A client that proves by DPoP (RFC 9449) that a token is its own: a key pair and proofs, by openssl. Every part of a
# proof can be told to be wrong.
package JWT::Dpop;

use strict;
use warnings;

use Carp qw(croak);
use Digest::SHA qw(hmac_sha256 sha256);
use Math::BigInt;
use MIME::Base64 qw(decode_base64url);

use JWT ();

use parent 'JWT::OpenSSL';

# What openssl makes keys of a kind with: its algorithm and options, the crv, and the octets of a coordinate (of the
# public key, where there is one coordinate).
my %KINDS = (
    'P-256' => ['ec', 'ec_paramgen_curve:P-256', 'EC', 32],
    'P-384' => ['ec', 'ec_paramgen_curve:P-384', 'EC', 48],
    'P-521' => ['ec', 'ec_paramgen_curve:P-521', 'EC', 66],
    secp256k1 => ['ec', 'ec_paramgen_curve:secp256k1', 'EC', 32],
    Ed25519 => ['ed25519', undef, 'OKP', 32],
    Ed448 => ['ed448', undef, 'OKP', 57],
    X25519 => ['x25519', undef, 'OKP', 32],
    RSA => ['rsa', 'rsa_keygen_bits:2048', 'RSA'],
    'RSA-1024' => ['rsa', 'rsa_keygen_bits:1024', 'RSA'],
);

# The kind of key for each algorithm.
my %KIND_OF = (
    ES256 => 'P-256', ES384 => 'P-384', ES512 => 'P-521', ES256K => 'secp256k1', EdDSA => 'Ed25519', Ed25519 => 'Ed25519', Ed448 => 'Ed448',
    map { $_ => 'RSA' } qw(RS256 RS384 RS512 PS256 PS384 PS512),
);

# The order of P-256's group: of a signature r, s there is a second one, r, order - s.
my $ORDER = Math::BigInt->from_hex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');

# A new key pair. Options: alg (ES256), kind (that of the alg).
sub new {
    my ($class, %options) = @_;
    my $self = JWT::OpenSSL::new($class);
    $self->{alg} = $options{alg} // 'ES256';
    my $kind = $options{kind} // $KIND_OF{$self->{alg}} // croak "no key serves $self->{alg}";
    my ($algorithm, $option, $kty, $size) = @{$KINDS{$kind}};
    $self->run('genpkey', '-algorithm', $algorithm, '-out', 'key.pem', $option ? ('-pkeyopt', $option) : ());
    my $public = $self->run(qw(pkey -in key.pem -pubout -outform DER));
    my %jwk = (kty => $kty);
    if ($kty eq 'RSA') {
        my ($modulus) = $self->run(qw(rsa -in key.pem -noout -modulus)) =~ /=([0-9A-F]+)/;
        %jwk = (%jwk, e => 'AQAB', n => JWT::b64url(pack 'H*', $modulus));
    }
    elsif ($kty eq 'EC') {
        %jwk = (%jwk, crv => $kind, x => JWT::b64url(substr $public, -2 * $size, $size), y => JWT::b64url(substr $public, -$size));
    }
    else {
        %jwk = (%jwk, crv => $kind, x => JWT::b64url(substr $public, -$size));
    }
    @$self{qw(members size count)} = (\%jwk, $size, 0);
    return $self;
}

# The public key as a JWK (a hash), with further members.
sub jwk {
    my ($self, %members) = @_;
    return {%{$self->{members}}, %members};
}

# What `jkt` says (RFC 7638: the members that it has here are those that count, sorted).
sub thumbprint { return JWT::b64url(sha256(JWT::json($_[0]{members}))) }

# What binds a token to it.
sub cnf {
    my ($self, %more) = @_;
    return (cnf => {jkt => $self->thumbprint, %more});
}

# What `ath` says of a token.
sub ath { return JWT::b64url(sha256($_[0])) }

# A proof, of "GET http://localhost/" by default, made now, with a `jti` of its own. Options, of which undef leaves
# the member out:
#   token                   whose `ath` it has
#   htm, htu, iat, jti, ath claims
#   typ, alg, jwk           members of the header; the alg does not decide how it is signed
#   header, claims          further members of each (hashes)
#   header_bytes, payload   the very bytes of each
#   signed_as               the alg it is signed by, if not that of the key
#   signer                  another client that signs it
#   secret                  signed with HMAC by this
#   signature               the very bytes
sub proof {
    my ($self, %options) = @_;
    my %header = (typ => 'dpop+jwt', alg => $self->{alg}, jwk => $self->jwk, %{$options{header} // {}});
    my %claims = (htm => 'GET', htu => 'http://localhost/', iat => time, jti => $self->identifier, %{$options{claims} // {}});
    $claims{ath} = ath($options{token}) if defined $options{token};
    for my $name (grep { exists $options{$_} } qw(typ alg jwk)) { $header{$name} = $options{$name} }
    for my $name (grep { exists $options{$_} } qw(htm htu iat jti ath)) { $claims{$name} = $options{$name} }
    for my $members (\%header, \%claims) {
        delete @$members{grep { !defined $members->{$_} } keys %$members};
    }
    my $input = join '.', map { JWT::b64url($_) } $options{header_bytes} // JWT::json(\%header), $options{payload} // JWT::json(\%claims);
    my $signature = $options{signature} // $self->signature_of($input, \%options);
    return $input . '.' . JWT::b64url($signature);
}

# The header line with such a proof.
sub line {
    my ($self, %options) = @_;
    return 'DPoP: ' . $self->proof(%options);
}

# The header lines of a request with a token that is bound to the key, or is said to be, and a proof.
sub lines {
    my ($self, $token, %options) = @_;
    return ("Authorization: DPoP $token", $self->line(token => $token, %options));
}

# A text that no other proof of this test has as `jti`.
sub identifier {
    my ($self) = @_;
    return join '-', $$, substr("$self" =~ s/.*0x|\)//gr, -6), ++$self->{count};
}

sub signature_of {
    my ($self, $input, $options) = @_;
    return hmac_sha256($input, $options->{secret}) if defined $options->{secret};
    my $signer = $options->{signer} // $self;
    return $signer->signed($input, $options->{signed_as} // $signer->{alg});
}

# The signature of a text by an algorithm.
sub signed {
    my ($self, $input, $alg) = @_;
    if ($alg =~ /^Ed/) {
        $self->write('input', $input);
        return $self->run(qw(pkeyutl -sign -rawin -inkey key.pem -in input));
    }
    my ($family, $bits) = $alg =~ /^([EPR]S)(256|384|512)/ or croak "nobody signs by $alg";
    my @options = $family eq 'PS' ? map { ('-sigopt', $_) } 'rsa_padding_mode:pss', 'rsa_pss_saltlen:digest' : ();
    my $signature = $self->signature('key.pem', $input, "-sha$bits", @options);
    return $signature if $family ne 'ES';
    return join '', map { substr "\0" x $self->{size} . $_, -$self->{size} } integers($signature);
}

# The two numbers of an ECDSA signature in DER, as bytes without leading zeros.
sub integers {
    my ($der) = @_;
    my ($length) = unpack 'x C', $der;
    my $at = $length & 0x80 ? 3 : 2;
    my @numbers;
    for (1, 2) {
        my $size = unpack 'C', substr $der, $at + 1, 1;
        push @numbers, substr($der, $at + 2, $size) =~ s/\A\0+//r;
        $at += 2 + $size;
    }
    return @numbers;
}

# A proof of ES256 with the other signature that its key has for it: the same bytes are proven.
sub with_other_signature {
    my ($proof) = @_;
    my ($input, $signature) = $proof =~ /(.*)[.](.*)/;
    my ($r, $s) = unpack 'a32 a32', decode_base64url($signature);
    my $other = $ORDER->copy->bsub(Math::BigInt->from_bytes($s))->to_bytes;
    return $input . '.' . JWT::b64url($r . substr "\0" x 32 . $other, -32);
}

1;
