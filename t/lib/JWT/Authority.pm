# A certificate authority of a test's own, made by openssl.
package JWT::Authority;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp ();

use JWT ();

sub new {
    my ($class) = @_;
    my $self = bless {directory => File::Temp->newdir('jwt-ca-XXXXXX', TMPDIR => 1)}, $class;
    $self->openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=CA),
        '-keyout', $self->file('ca.key'), '-out', $self->file('ca.pem'));
    return $self;
}

# The file of a name; "ca.pem" is its own certificate.
sub file { return "$_[0]{directory}/$_[1]" }

# Issues a certificate for a server; gives the files of key and certificate. Names are as openssl writes them, such as
# "DNS:localhost" and "IP:127.0.0.1".
sub issue {
    my ($self, @names) = @_;
    my $file = $self->file('server' . ++$self->{count});
    JWT::write_file("$file.ext", 'subjectAltName=' . join(',', @names) . "\n");
    $self->openssl(qw(req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server), '-keyout', "$file.key", '-out', "$file.csr");
    $self->openssl(qw(x509 -req -days 365 -CAcreateserial), '-in', "$file.csr", '-CA', $self->file('ca.pem'), '-CAkey', $self->file('ca.key'),
        '-extfile', "$file.ext", '-out', "$file.pem");
    return ("$file.key", "$file.pem");
}

sub openssl {
    my ($self, @arguments) = @_;
    my $log = $self->file('openssl.log');
    my $pid = fork // croak "cannot fork: $!";
    if (!$pid) {
        open STDOUT, '>', $log;
        open STDERR, '>&', \*STDOUT;
        exec 'openssl', @arguments or exit 127;
    }
    waitpid $pid, 0;
    croak "openssl @arguments failed: " . JWT::read_file($log) if $?;
    return;
}

1;
