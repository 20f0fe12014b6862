# openssl, run in a directory of its own, which goes with it: keys, certificates and signatures that core Perl has not.
package JWT::OpenSSL;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp ();
use POSIX ();

use JWT ();

sub is_there { return qx(openssl version 2>/dev/null) =~ /SSL/ }

sub new {
    my ($class) = @_;
    return bless {directory => File::Temp->newdir('openssl-XXXXXX', TMPDIR => 1)}, $class;
}

sub directory { return "$_[0]{directory}" }

# The file of a name.
sub file { return "$_[0]{directory}/$_[1]" }

sub write {
    my ($self, $name, $bytes) = @_;
    JWT::write_file($self->file($name), $bytes);
    return;
}

# What it prints with these arguments, as bytes.
sub run {
    my ($self, @arguments) = @_;
    my $pid = open(my $output, '-|') // croak "cannot fork: $!";
    if (!$pid) {
        open STDERR, '>', $self->file('errors');
        chdir $self->directory;
        exec 'openssl', @arguments or POSIX::_exit(127);
    }
    binmode $output;
    local $/ = undef;
    my $bytes = <$output>;
    close $output or croak "openssl @arguments: " . JWT::read_file($self->file('errors'));
    return $bytes;
}

# Makes a private RSA key in a file of this name; gives the public one as a JWK (a hash).
sub rsa {
    my ($self, $name) = @_;
    $self->run('genrsa', '-out', $name, '2048');
    my ($modulus) = $self->run('rsa', '-in', $name, '-noout', '-modulus') =~ /=([0-9A-F]+)/;
    return {kty => 'RSA', e => 'AQAB', n => JWT::b64url(pack 'H*', $modulus)};
}

# The signature of a text by the private key in a file; options as "openssl dgst" has them.
sub signature {
    my ($self, $name, $text, @options) = @_;
    $self->write('input', $text);
    return $self->run('dgst', @options, '-sign', $name, 'input');
}

1;
