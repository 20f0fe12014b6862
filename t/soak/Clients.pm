# Clients that check each answer, and clients that break off.
package Clients;

use strict;
use warnings;

use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

use JWT;

# Starts so many of them; they ask until stop: /file and /kept, or as $ask does, which is given nginx and a number.
sub new {
    my ($class, $nginx, $count, $ask) = @_;
    my $self = bless {nginx => $nginx, pids => []}, $class;
    for my $number (1 .. $count) {
        my $pid = fork // die "cannot fork: $!";
        if (!$pid) {
            srand $$;
            eval { ($ask // \&ask)->($nginx, $number); 1 } or warn $@;
            POSIX::_exit(0);
        }
        push @{$self->{pids}}, $pid;
    }
    return $self;
}

# Ends them, and gives how often they asked and what was wrong. Then there is in {answered} how often each status was
# answered, in {lost} how often nothing was, and in {seen} what else they have counted.
sub stop {
    my ($self) = @_;
    kill TERM => @{$self->{pids}};
    waitpid $_, 0 for @{$self->{pids}};
    my ($asked, @wrong) = (0);
    @$self{qw(answered lost seen)} = ({}, 0, {});
    for my $number (1 .. @{$self->{pids}}) {
        my $text = $self->{nginx}->read("html/client$number");
        push(@wrong, "client $number left no word"), next if $text eq '';
        my $told = JSON::PP::decode_json($text);
        $asked += $told->{asked};
        $self->{lost} += $told->{lost};
        for my $what ('answered', 'seen') {
            $self->{$what}{$_} += $told->{$what}{$_} for keys %{$told->{$what} // {}};
        }
        push @wrong, @{$told->{wrong}};
    }
    return ($asked, @wrong);
}

sub ask {
    my ($nginx, $number) = @_;
    my ($stop, $asked, $lost, %answered, @wrong) = (0, 0, 0);
    local $SIG{TERM} = sub { $stop = 1 };
    my @cases = (
        [qr/\A200 ok\z/, JWT::bearer({sub => 'a'}, kid => 'always')],
        [qr/\A200 ok\z/, JWT::bearer({sub => $number}, kid => 'always')],
        [qr/\A401 invalid_signature\z/, JWT::bearer({sub => 'a'}, kid => 'always', secret => 'x')],
        [qr/\A401 unknown_key\z/, JWT::bearer({sub => 'a'}, kid => 'never')],
        [qr/\A401 expired\z/, JWT::bearer({exp => 1}, kid => 'always')],
        [qr/\A401 no_token\z/],
    );
    until ($stop) {
        my $connection = $nginx->connect;
        if (!$connection) {
            push @wrong, 'no connection';
            sleep 0.01;
            next;
        }
        for my $round (1 .. 5) {
            my ($expected, @lines) = @{$cases[rand @cases]};
            my $path = ('/file', '/kept')[rand 2];
            $connection->request('GET', $path, @lines, $round == 5 ? 'Connection: close' : ());
            my $answer = $connection->answer('GET');
            $answer ? $answered{$answer->{headers}{'x-status'} // ''}++ : $lost++;
            # nginx may close a connection that is idle: whoever asks then asks again.
            last if !$answer && $round > 1;
            $asked++;
            my $seen = $answer ? "$answer->{status} " . ($answer->{headers}{'x-status'} // '') : 'no answer';
            push @wrong, "$path: $seen, not $expected" if $seen !~ $expected;
            last if !$answer || ($answer->{headers}{connection} // '') eq 'close';
        }
    }
    leave_word($nginx, $number, asked => $asked, lost => $lost, answered => \%answered, wrong => \@wrong);
    return;
}

# What a client has to tell when it ends.
sub leave_word {
    my ($nginx, $number, %told) = @_;
    $nginx->write("html/client$number", JWT::json(\%told));
    return;
}

# Breaks off so many connections, each at another point, and calls $meanwhile now and then. Gives the points.
sub abort {
    my ($nginx, $count, $meanwhile) = @_;
    my $token = JWT::bearer(undef, kid => 'always');
    my $refused = JWT::bearer(undef, kid => 'always', secret => 'x');
    my @kinds = (
        ['at once', sub {}],
        ['amid the token', sub { $_[0]->send_bytes("GET / HTTP/1.1\r\nHost: a\r\n" . substr $token, 0, 40) }],
        ['after a good request', sub { $_[0]->request('GET', '/', $token) }],
        ['after a bad one', sub { $_[0]->request('GET', '/', $refused) }],
        ['amid a body', sub { $_[0]->request('POST', '/large', $token, 'Content-Length: 100000'); $_[0]->send_bytes('x' x 5000) }],
        ['amid a large answer', sub { $_[0]->request('GET', '/page', $token) }],
        ['amid pipelined ones', sub { $_[0]->request('GET', '/', $token) for 1 .. 20 }],
    );
    for my $number (1 .. $count) {
        my $connection;
        my $until = time + 10;
        until ($connection = $nginx->connect) {
            die "cannot connect: $!" if time > $until;
            sleep 0.01;
        }
        $kinds[$number % @kinds][1]->($connection);
        $meanwhile->() if $number % int($count / 40) == 0;
    }
    return [map { $_->[0] } @kinds];
}

1;
