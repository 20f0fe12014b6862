# A real nginx with the module, for tests that are no Test::Nginx blocks: master and workers in a
# directory of their own, on a unix socket, so that no port is needed. It stops when the object goes.
package JWT::Server;

use strict;
use warnings;

use Carp qw(croak);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use IO::Socket::UNIX;
use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep time);

use JWT::Connection;
use JWT::Log;

use parent 'JWT::Process';

my $BINARY = $ENV{TEST_NGINX_BINARY} // 'nginx';

# Whether nginx runs under valgrind.
my $IS_WATCHED = $ENV{TEST_NGINX_USE_VALGRIND};

# How long nginx may take for anything, in seconds.
my $PATIENCE = $IS_WATCHED ? 100 : 10;

# Options: main, http, server (texts of configuration), servers (instead of the one around server), workers (1), log_level (info), load (instead
# of the modules under test), conf (instead of all these), files (a hash: name in the directory =>
# bytes), user (of the workers, where root starts nginx: root). In the texts %DIR% is the directory.
sub new {
    my ($class, %options) = @_;
    my $self = $class->prepared(%options);
    $self->start;
    return $self;
}

# As new, but nginx is not started.
sub prepared {
    my ($class, %options) = @_;
    my $self = $class->in_directory('jwt', user => $options{user});
    my $directory = $self->directory;
    chmod 0755, $directory if $options{user};
    make_path(map {"$directory/$_"} qw(conf html logs temp));
    for my $name (sort keys %{$options{files} // {}}) {
        make_path(dirname("$directory/$name"));
        $self->write($name, $options{files}{$name});
    }
    $self->configure(%options);
    return $self;
}

# Writes the configuration; a running nginx takes it on a HUP.
sub configure {
    my ($self, %options) = @_;
    my ($main, $http, $server) = map { $options{$_} // '' } qw(main http server);
    my $load = $options{load} // join "\n", map {"load_module $_;"} modules();
    my $temp = join "\n",
        map {"    ${_}_temp_path temp/$_;"} qw(client_body proxy fastcgi uwsgi scgi);
    my $workers = $options{workers} // 1;
    my $level = $options{log_level} // 'info';
    my $servers = $options{servers} // "    server {\n        listen unix:%DIR%/nginx.sock;\n$server\n    }";
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
$servers
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
    # Workers of another user could not read the directory, unless it is opened for them.
    my $globals = 'daemon off;' . ($> == 0 ? ' user ' . ($self->{user} // 'root') . ';' : '');
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

# Whether `nginx -t` is content with a text at a place (main, http, server, or location: inside of one; or
# "http alone", where there is no server of ours), and what it says.
sub checked_at {
    my ($class, $place, $text) = @_;
    my %options =
        $place eq 'location' ? (server => "location / { $text }")
        : $place eq 'http alone' ? (http => $text, servers => '')
        : ($place => $text);
    return $class->prepared(%options)->checked;
}

# Two tests: `nginx -t` refuses a text at a place, and its line at emerg fits.
sub refuses {
    my ($class, $place, $text, $message) = @_;
    my ($fine, $said) = $class->checked_at($place, $text);
    my ($line) = $said =~ /(.*\[emerg\].*)/;
    my $shown = $text =~ s/[^ -~]/?/gr;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::ok(!$fine, "refused in $place: $shown");
    return Test::More::like($line // $said, $message, "told why: $shown");
}

# A test: `nginx -t` accepts a text at a place. Gives its warnings.
sub accepts {
    my ($class, $place, $text) = @_;
    my ($fine, $said) = $class->checked_at($place, $text);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::ok($fine, "accepted in $place: $text") or Test::More::diag($said);
    return grep {/\[warn\]/} split /^/m, $said;
}

sub start {
    my ($self) = @_;
    my $pid = $self->spawn(sub {
        open STDOUT, '>', "$self->{directory}/logs/stdout";
        open STDERR, '>&', \*STDOUT;
        exec $self->command or POSIX::_exit(127);
    });
    my $until = time + $PATIENCE;
    until ($self->connect) {
        if (time > $until || waitpid($pid, POSIX::WNOHANG()) != 0) {
            croak 'nginx did not start: ' . $self->read('logs/stdout') . $self->error_log;
        }
        sleep 0.01;
    }
    return;
}

# Starts it as a daemon: its parent has gone, without which nginx heeds no USR2. The process that was started ends
# before the daemon has written its number down.
sub start_daemon {
    my ($self) = @_;
    system(map {s/daemon off;/daemon on;/r} $self->command) == 0 or croak 'nginx did not start: ' . $self->error_log;
    $self->wait_until(sub { $self->{pid} = $self->pid_in('nginx.pid') }, $PATIENCE) or croak 'the daemon has no nginx.pid';
    return;
}

# The number of the process in a file of ours, undef while there is none.
sub pid_in {
    my ($self, $name) = @_;
    return $self->read($name) =~ /\A([1-9]\d*)\n/ ? $1 : undef;
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


# Its processes, those that leave and helpers left out.
sub workers {
    my ($self) = @_;
    open my $children, '<', "/proc/$self->{pid}/task/$self->{pid}/children" or return;
    # Under valgrind a process does not call itself anything.
    my @workers = grep { $IS_WATCHED || title($_) =~ /worker process\s*\z/ } split ' ', <$children> // '';
    return sort { $a <=> $b } @workers if wantarray;
    return scalar @workers;
}

# What a process calls itself.
sub title {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/cmdline" or return '';
    return join ' ', split /\0/, <$file> // '';
}

# The state of a process by its letter, "T" for one that stands still.
sub state {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/stat" or return '';
    return <$file> =~ /\) (\w)/ ? $1 : '';
}

# Waits until there are so many workers, and none of those named; gives them.
sub wait_for_workers {
    my ($self, $count, @old) = @_;
    my %old = map { $_ => 1 } @old;
    $self->wait_until(sub { my @now = $self->workers; @now == $count && !grep { $old{$_} } @now }, $PATIENCE);
    return $self->workers;
}

# A connection to each of the workers; $path answers without waiting for anything, with X-Pid. The others stand
# still only until it is accepted.
sub connections_by_worker {
    my ($self, $path) = @_;
    my @workers = $self->workers;
    my @connections;
    for my $worker (@workers) {
        my @others = grep { $_ != $worker } @workers;
        my $connection;
        $self->wait_until(sub {
            kill STOP => @others;
            # One that is about to stop could still be the one that is woken.
            $self->wait_until(sub { !grep { state($_) ne 'T' } @others });
            $connection = $self->connect;
            my $answer = $connection ? $connection->get($path) : undef;
            kill CONT => @others;
            return $answer && $answer->{headers}{'x-pid'} == $worker;
        });
        push @connections, $connection;
    }
    return @connections;
}

# How one GET comes out in each of the workers, one after the other. There is /open for that.
sub outcomes_by_worker {
    my ($self, @request) = @_;
    my @outcomes;
    for my $connection ($self->connections_by_worker('/open')) {
        $connection->request('GET', @request);
        push @outcomes, $connection->outcome;
    }
    return @outcomes;
}

sub error_log { return $_[0]->read('logs/error.log') }

# The lines of the error log that came since the last call; one that is being written is for the next.
sub new_lines {
    my ($self) = @_;
    my $text = $self->whole_lines('logs/error.log');
    my $seen = $self->{seen} // 0;
    $self->{seen} = length $text;
    return split /^/m, substr $text, $seen;
}

# A test: no line of the error log is of this level or worse, but for those that $except fits, and no
# worker has come to harm.
sub is_calm {
    my ($self, $level, $except) = @_;
    my @worse = JWT::Log::worse($level, $except, split /^/m, $self->error_log);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::is_deeply(\@worse, [], 'nothing worse in the log');
}

# The version of nginx, as its second number: 22 for 1.22.
sub version { return qx("$BINARY" -v 2>&1) =~ m{nginx/1[.](\d+)} ? $1 : 0 }

# What makes a server on a socket speak HTTP/2: what stands behind the address in listen, and a line.
sub http2 { return version() >= 25 ? ('', 'http2 on;') : (' http2', '') }

# A new connection, or nothing. To nginx.sock, where no other socket in the directory is named.
sub connect {
    my ($self, $name) = @_;
    $name //= 'nginx.sock';
    my $socket = IO::Socket::UNIX->new(Peer => "$self->{directory}/$name") // return;
    return JWT::Connection->new($socket, $PATIENCE);
}

# A connection of its own on which a GET has been sent: its path and header lines. The answer is read later.
sub started {
    my ($self, @request) = @_;
    my $connection = $self->connect;
    $connection->request('GET', @request);
    return $connection;
}

# One GET on a connection of its own, and its answer. See JWT::Connection::answer.
sub get {
    my ($self, @request) = @_;
    return $self->started(@request)->answer('GET');
}

# One GET, and how it came out. See JWT::Connection::outcome.
sub outcome {
    my ($self, @request) = @_;
    return $self->started(@request)->outcome;
}

1;
