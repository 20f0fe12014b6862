# Tokens and keys for tests: made here with core Perl alone, by nothing the module is made of.
#
# Blocks of Test::Nginx evaluate Perl in a package of Test::Base: call these with their full names,
# as in "--- more_headers eval: JWT::bearer({sub => 'alice'})".
package JWT;

use strict;
use warnings;

use Carp qw(croak);
use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512 sha256);
use File::Basename qw(dirname);
use File::Spec;
use File::Temp ();
use JSON::PP ();
use Math::BigInt;
use MIME::Base64 qw(encode_base64url decode_base64url);
use POSIX ();

# What tokens are signed with where a test does not say else, and what good.jwks holds.
our $SECRET = 'the secret of the tests, which no line of a log may show';

# Another one, that no key set of the usual ones but other.jwks holds.
our $OTHER_SECRET = 'a secret that signs tokens no usual key set verifies';

my %HMAC = (HS256 => \&hmac_sha256, HS384 => \&hmac_sha384, HS512 => \&hmac_sha512);
my $JSON = JSON::PP->new->canonical->ascii->allow_nonref;
my $DATA = File::Spec->rel2abs(dirname(__FILE__) . '/../data');

sub json { return $JSON->encode($_[0]) }

sub b64url { return encode_base64url($_[0], '') }

# A token. Claims are a hash, or the very bytes of a payload. Options:
#   secret, alg     what it is signed with; $SECRET, HS256
#   kid, header     a kid, and more members for the header (a hash)
#   header_bytes    the very bytes of the header; alg then only decides the signature
#   signature       the very bytes of the signature
sub token {
    my ($claims, %options) = @_;
    $claims //= {sub => 'alice'};
    my $alg = $options{alg} // 'HS256';
    my %header = (alg => $alg, typ => 'JWT', %{$options{header} // {}});
    $header{kid} = $options{kid} if defined $options{kid};
    my $header = $options{header_bytes} // json(\%header);
    my $payload = ref $claims ? json($claims) : $claims;
    my $input = b64url($header) . '.' . b64url($payload);
    return $input . '.' . b64url($options{signature}) if defined $options{signature};
    my $sign = $HMAC{$alg} // \&hmac_sha256;
    return $input . '.' . b64url($sign->($input, $options{secret} // $SECRET));
}

# The ASN.1 that stands before a SHA-256 digest (RFC 8017 section 9.2).
my $SHA256_INFO = pack 'H*', '3031300d060960864801650304020105000420';

# A token signed with RS256 by a private RSA key (a JWK as a hash). It takes seconds: a key this long
# is much for plain Perl.
sub rs256 {
    my ($claims, $jwk) = @_;
    my $input = b64url(json({alg => 'RS256', kid => $jwk->{kid}})) . '.' . b64url(json($claims));
    my %number = map { $_ => Math::BigInt->from_bytes(decode_base64url($jwk->{$_})) } qw(n p q dp dq qi);
    my $size = length decode_base64url($jwk->{n});
    my $told = $SHA256_INFO . sha256($input);
    my $block = "\0\1" . "\xFF" x ($size - length($told) - 3) . "\0" . $told;
    my $message = Math::BigInt->from_bytes($block);
    my $one = $message->copy->bmodpow($number{dp}, $number{p});
    my $two = $message->copy->bmodpow($number{dq}, $number{q});
    my $rest = $one->bsub($two)->bmul($number{qi})->bmod($number{p});
    my $signature = $rest->bmul($number{q})->badd($two)->to_bytes;
    return $input . '.' . b64url("\0" x ($size - length $signature) . $signature);
}

# The header line with such a token.
sub bearer { return 'Authorization: Bearer ' . token(@_) }

# The header line with a token of the issuer "shop" (see JWT::Nginx::issuer), with these claims, too; one that
# is undef is left out.
sub issued {
    my ($claims, @options) = @_;
    my %claims = (iss => 'https://shop.example', aud => 'api', exp => 9_999_999_999, sub => 'alice', %{$claims // {}});
    delete @claims{grep { !defined $claims{$_} } keys %claims};
    return bearer(\%claims, @options);
}

# What encrypted() encrypts with. Its JWK may have this alg.
our $CONTENT_KEY = pack 'C*', map { 7 * $_ % 251 } 1 .. 32;

# An encrypted token: "dir" with A128CBC-HS256 (RFC 7518 section 5.2), whose AES is openssl's. More members for
# the header may follow.
sub encrypted {
    my ($plaintext, %header) = @_;
    my ($authentication, $encryption) = unpack 'a16 a16', $CONTENT_KEY;
    my $header = b64url(json({alg => 'dir', enc => 'A128CBC-HS256', %header}));
    my $vector = 'sixteen bytes ..';
    my $file = File::Temp->new;
    print {$file} $plaintext;
    close $file;
    my @hex = map { unpack 'H*', $_ } $encryption, $vector;
    my $ciphertext = qx(openssl enc -aes-128-cbc -K $hex[0] -iv $hex[1] -in $file);
    my $told = $header . $vector . $ciphertext . pack 'Q>', 8 * length $header;
    my $tag = substr hmac_sha256($told, $authentication), 0, 16;
    return join '.', $header, '', map { b64url($_) } $vector, $ciphertext, $tag;
}

# A token that is refused, by the word $auth_jwt_status has for it.
sub refused {
    my ($word) = @_;
    my %tokens = (
        malformed_token       => 'a.b',
        wrong_type            => b64url('{"alg":"dir","enc":"A128GCM"}') . '..AAAA.AAAA.AAAA',
        unsupported_algorithm => token({}, header => {alg => 'none'}, signature => ''),
        unknown_key           => token({}, kid => 'nobody has this', alg => 'HS256'),
        invalid_signature     => token({}, secret => $OTHER_SECRET),
        expired               => token({exp => time() - 3600}),
        not_yet_valid         => token({nbf => time() + 3600}),
    );
    return $tokens{$word} // croak "no token is refused as $word";
}

# A symmetric key as a JWK (a hash), with further members.
sub jwk {
    my ($secret, %members) = @_;
    return {kty => 'oct', k => b64url($secret), %members};
}

# A JWK Set as JSON.
sub key_set { return json({keys => [@_]}) }

# The usual key files by name. The good ones verify tokens signed with $SECRET.
sub key_files {
    return (
        'good.jwks'   => key_set(jwk($SECRET, kid => 'usual')),
        'bare.jwk'    => json(jwk($SECRET)),
        'other.jwks'  => key_set(jwk($OTHER_SECRET)),
        'enc.jwks'    => key_set(jwk($SECRET, use => 'enc')),
        'broken.jwks' => '{"keys":[',
        'empty.jwks'  => key_set(),
    );
}

# Writes them into a directory, and beside them a FIFO "fifo" and a directory "directory".
sub write_key_files {
    my ($directory) = @_;
    my %files = key_files();
    write_file("$directory/$_", $files{$_}) for keys %files;
    mkdir "$directory/directory" or croak "cannot make a directory: $!";
    POSIX::mkfifo("$directory/fifo", 0600) or croak "cannot make a FIFO: $!";
    return;
}

sub write_file {
    my ($name, $bytes) = @_;
    open my $file, '>:raw', $name or croak "cannot open $name: $!";
    print {$file} $bytes;
    close $file or croak "cannot write $name: $!";
    return;
}

# The bytes of a file, which must be there.
sub read_file {
    my ($name) = @_;
    open my $file, '<:raw', $name or croak "cannot open $name: $!";
    local $/ = undef;
    return scalar(<$file>) // '';
}

# A file of t/data as Perl data.
sub data {
    my ($name) = @_;
    return JSON::PP->new->utf8->decode(read_file("$DATA/$name.json"));
}

# The cases of a corpus in t/data, each with the JSON text of its key set as {key_set}. Names and
# tokens are bytes, of UTF-8 where they are not ASCII.
sub corpus {
    my ($name) = @_;
    my %named = %{data('key_sets')};
    my @cases = @{data($name)};
    for my $case (@cases) {
        my $keys = $case->{jwks} // $named{$case->{jwks_ref}}
            // croak "$name: \"$case->{name}\" names no key set";
        $case->{key_set} = json($keys);
        utf8::encode($case->{$_}) for qw(name token);
    }
    return @cases;
}

1;
