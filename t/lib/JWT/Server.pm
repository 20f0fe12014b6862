# A real nginx with the module, for tests that are no Test::Nginx blocks: master and workers in a
# directory of their own, on a unix socket, so that no port is needed. It stops when the object goes.
package JWT::Server;

use strict;
use warnings;

use Carp qw(croak);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp ();
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep time);

use JWT::Connection;

my $BINARY = $ENV{TEST_NGINX_BINARY} // 'nginx';

# How long nginx may take for anything, in seconds.
my $PATIENCE = $ENV{TEST_NGINX_USE_VALGRIND} ? 100 : 10;

# Options: main, http, server (texts of configuration), workers (1), log_level (info), load (instead
# of the modules under test), conf (instead of all these), files (a hash: name in the directory =>
# bytes). In the texts %DIR% is the directory.
sub new {
    my ($class, %options) = @_;
    my $self = $class->prepared(%options);
    $self->start;
    return $self;
}

# As new, but nginx is not started.
sub prepared {
    my ($class, %options) = @_;
    my $directory = File::Temp->newdir('jwt-XXXXXX', TMPDIR => 1);
    my $self = bless {directory => $directory, owner => $$}, $class;
    make_path(map {"$directory/$_"} qw(conf html logs temp));
    for my $name (sort keys %{$options{files} // {}}) {
        make_path(dirname("$directory/$name"));
        $self->write($name, $options{files}{$name});
    }
    $self->configure(%options);
    return $self;
}

sub directory { return "$_[0]{directory}" }

# Writes the configuration; a running nginx takes it on a HUP.
sub configure {
    my ($self, %options) = @_;
    my ($main, $http, $server) = map { $options{$_} // '' } qw(main http server);
    my $load = $options{load} // join "\n", map {"load_module $_;"} modules();
    my $temp = join "\n",
        map {"    ${_}_temp_path temp/$_;"} qw(client_body proxy fastcgi uwsgi scgi);
    my $workers = $options{workers} // 1;
    my $level = $options{log_level} // 'info';
    my $text = $options{conf} // <<"CONF";
$load
pid nginx.pid;
error_log logs/error.log $level;
worker_processes $workers;
$main
events { worker_connections 512; }
http {
$temp
    access_log off;
    default_type text/plain;
$http
    server {
        listen unix:%DIR%/nginx.sock;
$server
    }
}
CONF
    $text =~ s/%DIR%/$self->{directory}/g;
    $self->write('conf/nginx.conf', $text);
    return;
}

# The modules under test.
sub modules { return grep {length} split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '' }

sub command {
    my ($self, @more) = @_;
    my $directory = $self->{directory};
    my @files = ('-c', "$directory/conf/nginx.conf", '-e', "$directory/logs/error.log");
    # Workers of another user could not read the directory.
    my $globals = 'daemon off;' . ($> == 0 ? ' user root;' : '');
    return ($BINARY, '-p', "$directory/", @files, '-g', $globals, @more);
}

# Whether `nginx -t` is content, and what it says.
sub checked {
    my ($self) = @_;
    my $pid = open(my $output, '-|') // croak "cannot fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec $self->command('-t') or POSIX::_exit(127);
    }
    my $text = join '', <$output>;
    close $output;
    return ($? == 0, $text);
}

sub start {
    my ($self) = @_;
    my $pid = fork // croak "cannot fork: $!";
    if (!$pid) {
        open STDOUT, '>', "$self->{directory}/logs/stdout";
        open STDERR, '>&', \*STDOUT;
        exec $self->command or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    my $until = time + $PATIENCE;
    until ($self->connect) {
        if (time > $until || waitpid($pid, POSIX::WNOHANG()) != 0) {
            croak 'nginx did not start: ' . $self->read('logs/stdout') . $self->error_log;
        }
        sleep 0.01;
    }
    return;
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    kill QUIT => $pid;
    my $until = time + $PATIENCE;
    while (waitpid($pid, POSIX::WNOHANG()) == 0) {
        if (time > $until) {
            kill TERM => $pid;
            $until = time + $PATIENCE;
        }
        sleep 0.01;
    }
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);
    $self->stop if $self->{owner} == $$;
    return;
}

# Sends the master a signal.
sub signal {
    my ($self, $signal) = @_;
    return kill $signal => $self->{pid};
}

# Writes a file in place: it is the same inode, and for a moment it is empty.
sub write {
    my ($self, $name, $bytes) = @_;
    open my $file, '>:raw', "$self->{directory}/$name" or croak "cannot open $name: $!";
    print {$file} $bytes;
    close $file or croak "cannot write $name: $!";
    return;
}

# Writes a file aside and moves it over the old one.
sub replace {
    my ($self, $name, $bytes) = @_;
    $self->write("$name.new", $bytes);
    rename "$self->{directory}/$name.new", "$self->{directory}/$name" or croak "cannot rename: $!";
    return;
}

sub remove {
    my ($self, $name) = @_;
    unlink "$self->{directory}/$name" or croak "cannot remove $name: $!";
    return;
}

sub read {
    my ($self, $name) = @_;
    open my $file, '<:raw', "$self->{directory}/$name" or return '';
    local $/ = undef;
    return <$file> // '';
}

sub error_log { return $_[0]->read('logs/error.log') }

# The lines of the error log that came since the last call; one that is being written is for the next.
sub new_lines {
    my ($self) = @_;
    my ($text) = $self->error_log =~ /\A(.*\n)/s;
    $text //= '';
    my $seen = $self->{seen} // 0;
    $self->{seen} = length $text;
    return split /^/m, substr $text, $seen;
}

# A new connection, or nothing.
sub connect {
    my ($self) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => "$self->{directory}/nginx.sock") // return;
    return JWT::Connection->new($socket, $PATIENCE);
}

# One GET on a connection of its own: its path and header lines. See JWT::Connection::answer.
sub get {
    my ($self, @request) = @_;
    return $self->connect->get(@request);
}

1;
