# A certificate of a client, signed by itself (RFC 8705 section 2.2) or by an authority, and what a token has that is
# bound to it. Connections with it by TLS, to a server on a unix socket.
package JWT::Certificate;

use strict;
use warnings;

use Carp qw(croak);
use Digest::SHA qw(sha256);
use IO::Socket::SSL;
use IO::Socket::UNIX;
use MIME::Base64 qw(decode_base64 encode_base64);

use JWT ();
use JWT::Connection;

use parent 'JWT::OpenSSL';

my $PATIENCE = 10;

# A new one. Options: newkey (arguments of openssl req; P-256).
sub new {
    my ($class, %options) = @_;
    my $self = JWT::OpenSSL::new($class);
    my @newkey = @{$options{newkey} // [qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256)]};
    $self->run(qw(req -x509 -nodes -days 365 -subj /CN=client -keyout key.pem -out certificate.pem), @newkey);
    return $self->read_back('key.pem', 'certificate.pem');
}

# One that an authority (JWT::Authority) has issued.
sub issued {
    my ($class, $authority) = @_;
    my $self = JWT::OpenSSL::new($class);
    return $self->read_back($authority->issue('DNS:client'));
}

sub read_back {
    my ($self, $key, $certificate) = @_;
    @$self{qw(key file_name)} = map { m{^/} ? $_ : $self->file($_) } $key, $certificate;
    ($self->{pem}) = JWT::read_file($self->{file_name}) =~ /(-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n)/s;
    return $self;
}

# Its text.
sub pem { return $_[0]{pem} }

# Its bytes.
sub der {
    my ($self) = @_;
    return decode_base64($self->{pem} =~ s/^-.*\n//mgr);
}

# A text of that form for any bytes; the words may be others.
sub armoured {
    my ($bytes, $words) = @_;
    $words //= 'CERTIFICATE';
    my $text = encode_base64($bytes, '') =~ s/(.{1,64})/$1\n/gr;
    return "-----BEGIN $words-----\n$text-----END $words-----\n";
}

# A text as $ssl_client_escaped_cert has it, and as others write it that leave these characters as they are.
sub escaped {
    my ($text, $left) = @_;
    $left //= '';
    return $text =~ s/([^A-Za-z0-9.~_\Q$left\E-])/sprintf '%%%02X', ord $1/ger;
}

# What `x5t#S256` says.
sub thumbprint { return JWT::b64url(sha256($_[0]->der)) }

# What binds a token to it.
sub cnf {
    my ($self, %more) = @_;
    return (cnf => {'x5t#S256' => $self->thumbprint, %more});
}

# A connection by TLS to a unix socket; of nobody, where it is called as a method of the class. Options: version
# (TLSv1_2 or TLSv1_3), session (a name: connections of that name resume each other's session, if the earlier one was
# closed).
my %contexts;
sub connection {
    my ($self, $socket_name, %options) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $socket_name) // croak "cannot connect: $!";
    my $session = $options{session};
    my %with = (
        SSL_verify_mode => IO::Socket::SSL::SSL_VERIFY_NONE(), SSL_version => $options{version} // 'TLSv1_2',
        (ref $self ? (SSL_cert_file => $self->{file_name}, SSL_key_file => $self->{key}) : ()),
        (defined $session ? (SSL_session_cache_size => 10) : ()),
    );
    # Where sessions are kept goes with the context.
    my $context = defined $session ? $contexts{$session} //= IO::Socket::SSL::SSL_Context->new(%with) : IO::Socket::SSL::SSL_Context->new(%with);
    IO::Socket::SSL->start_SSL($socket, SSL_reuse_ctx => $context, SSL_hostname => 'localhost', SSL_session_key => $session // 'none')
        or croak "no TLS: $IO::Socket::SSL::SSL_ERROR";
    return JWT::Connection->new($socket, $PATIENCE);
}

1;
