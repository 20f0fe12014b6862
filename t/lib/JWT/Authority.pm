# A certificate authority of a test's own, made by openssl.
package JWT::Authority;

use strict;
use warnings;

use JWT ();

use parent 'JWT::OpenSSL';

# Its own certificate is the file "ca.pem".
sub new {
    my ($class) = @_;
    my $self = JWT::OpenSSL::new($class);
    $self->run(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=CA),
        '-keyout', $self->file('ca.key'), '-out', $self->file('ca.pem'));
    return $self;
}

# Issues a certificate for a server; gives the files of key and certificate. Names are as openssl writes them, such as
# "DNS:localhost" and "IP:127.0.0.1".
sub issue {
    my ($self, @names) = @_;
    my $file = $self->file('server' . ++$self->{count});
    JWT::write_file("$file.ext", 'subjectAltName=' . join(',', @names) . "\n");
    $self->run(qw(req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server), '-keyout', "$file.key", '-out', "$file.csr");
    $self->run(qw(x509 -req -days 365 -CAcreateserial), '-in', "$file.csr", '-CA', $self->file('ca.pem'), '-CAkey', $self->file('ca.key'),
        '-extfile', "$file.ext", '-out', "$file.pem");
    return ("$file.key", "$file.pem");
}

1;
