# A provider of keys by URL that is killed, slowed, rotated and broken at random, clients that ask meanwhile, and a
# model of what they may be answered.
package Rotation;

use strict;
use warnings;

use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

use JWT;
use JWT::Ed25519;
use JWT::Remote;

# Of the block: how long keys are fresh, and what a fetch may take.
our ($FRESH, $TIMEOUT) = (2, 3);

# A bad time of the provider is no longer than this. After it the next try may be as far away as all that it took, and
# twice as much again; then keys are those of the provider.
my ($BAD, $BACK) = (3, 10);

# Who need not wait is answered sooner than this, on a machine that is busy.
my $PROMPT = $TIMEOUT / 2;

sub new {
    my ($class, $directory) = @_;
    my $remote = JWT::Remote->new;
    my $self = bless {remote => $remote, directory => $directory, number => 0, states => [], keys => {}, tokens => {}}, $class;
    $self->{tokens}{nobody} = $remote->bearer_of_nobody('nobody');
    $self->{tokens}{forged} = $remote->bearer('forger', undef, kid => 'always');
    $self->publish($_) for 'always', 'k0';
    $self->be('good', {});
    return $self;
}

sub parameters { return "key_cache ${FRESH}s refresh=1s stale=1h; timeout ${TIMEOUT}s;" }

# What there is to ask with; the clients read it.
sub publish {
    my ($self, $name) = @_;
    $self->{tokens}{$name} = $self->{remote}->bearer($name);
    $self->{keys}{$name} = {from => time};
    JWT::write_file("$self->{directory}/tokens.new", JSON::PP::encode_json($self->{tokens}));
    rename "$self->{directory}/tokens.new", "$self->{directory}/tokens";
    return;
}

sub present {
    my ($self) = @_;
    return grep { !$self->{keys}{$_}{until} } sort keys %{$self->{keys}};
}

# The provider is "good" or "bad" from now on; the answer says how. It takes a moment until it is so.
sub be {
    my ($self, $state, $answer) = @_;
    my $states = $self->{states};
    $self->{kinds}{$answer->{kind} // $state}++;
    push @$states, [time, $state] if $state eq 'bad';
    $self->{remote}->answer('/keys' => {body => $self->{remote}->set($self->present), %$answer});
    push @$states, [time, $state] if $state eq 'good';
    return;
}

# A new key beside the others, or one that goes.
sub rotate {
    my ($self) = @_;
    my @mine = grep {/^k/} $self->present;
    if (@mine > 2 || @mine > 1 && rand() < 0.5) {
        my ($oldest) = sort { substr($a, 1) <=> substr $b, 1 } @mine;
        # No longer there as soon as anybody could see that; the model needs the later time of a removal.
        $self->{keys}{$oldest}{leaving} = time;
        $self->{keys}{$oldest}{until} = 1;
        $self->be('good', {kind => 'key removed'});
        $self->{keys}{$oldest}{until} = time;
    }
    else {
        my $name = 'k' . ++$self->{number};
        $self->{remote}->key($name);
        $self->{keys}{$name} = {};
        $self->be('good', {kind => 'key added'});
        $self->publish($name);
    }
    return;
}

# One step of its fate; how long it lasts.
sub step {
    my ($self) = @_;
    my $remote = $self->{remote};
    if ($self->{is_bad}) {
        $remote->start if delete $self->{is_killed};
        $self->{is_bad} = 0;
        $self->be('good', {});
        return 1 + rand 14;
    }
    my $fate = rand;
    if ($fate < 0.5) {
        $self->rotate;
        return 0.5 + rand 3;
    }
    if ($fate < 0.65) {
        $self->be('good', {kind => 'slow', wait => rand 1});
        return 1 + rand 3;
    }
    $self->{is_bad} = 1;
    my @bad = (
        {kind => 'status 500', status => 500}, {kind => 'HTML', body => '<html>'}, {kind => 'no key', body => '{"keys":[]}'},
        {kind => 'secrets', body => JWT::key_set(JWT::jwk($JWT::SECRET))}, {kind => 'cut off', cut => 30}, {kind => 'endless', length => undef, then => 'flood'},
        {kind => 'hangs', silent => 1, then => 'hang'}, {kind => 'drips', length => undef, then => 'drip'}, {kind => 'redirects', status => 302, headers => ['Location: /']},
        {kind => 'reset', silent => 1, then => 'reset'}, {kind => 'killed'},
    );
    my $how = $bad[rand @bad];
    $self->be('bad', $how);
    if ($how->{kind} eq 'killed') {
        $remote->stop;
        $self->{is_killed} = 1;
    }
    return rand $BAD;
}

# --- clients --------------------------------------------------------------------------------------------------------

sub start_clients {
    my ($self, $nginx, $count) = @_;
    for my $number (1 .. $count) {
        my $pid = fork // die "cannot fork: $!";
        if (!$pid) {
            srand $$;
            $self->ask($nginx, $number);
            POSIX::_exit(0);
        }
        push @{$self->{pids}}, $pid;
    }
    return;
}

sub ask {
    my ($self, $nginx, $number) = @_;
    my $stop = 0;
    local $SIG{TERM} = sub { $stop = 1 };
    open my $seen, '>', "$self->{directory}/seen$number" or die "cannot write: $!";
    until ($stop) {
        my $tokens = JSON::PP::decode_json(JWT::Process::read($self, 'tokens'));
        # Those that have long gone, now and then.
        my @names = (qw(always always always nobody forged), (sort { substr($b, 1) <=> substr $a, 1 } grep {/^k/} keys %$tokens)[0 .. 7]);
        my $connection = $nginx->connect or next;
        for my $name (map { $names[rand @names] } 1 .. 20) {
            next unless defined $name;
            my $begun = time;
            my $answer = $connection->get('/', $tokens->{$name});
            printf {$seen} "%.4f %.4f %s %s\n", $begun, time, $name, JWT::Connection::outcome_of($answer);
            last if !$answer || ($answer->{headers}{connection} // '') eq 'close';
            sleep 0.01;
        }
    }
    close $seen;
    return;
}

# Ends them, and judges what they have seen: how much there was, of what each kind, and what was wrong.
sub judge {
    my ($self) = @_;
    kill TERM => @{$self->{pids}};
    waitpid $_, 0 for @{$self->{pids}};
    my (%seen, @wrong);
    for my $number (1 .. @{$self->{pids}}) {
        open my $file, '<', "$self->{directory}/seen$number" or die "no word of client $number";
        while (my $line = <$file>) {
            my ($begun, $ended, $name, $outcome) = $line =~ /^(\S+) (\S+) (\S+) (.*)/ or next;
            $seen{all}++;
            $outcome =~ / (\w+)/ ? $seen{statuses}{$1}++ : $seen{lost}++;
            my $expected = $self->expected($begun, $ended, $name);
            $seen{$expected ? 'certain' : 'uncertain'}++;
            push @wrong, "$name: $outcome, not $expected" if $expected && $outcome ne $expected;
            push @wrong, "$name: $outcome" if $outcome !~ /^(?:200 ok|401 (?:unknown_key|invalid_signature))$/;
            # Keys are there, and its own is among them.
            $seen{late}++ if $name =~ /^(?:always|forged)$/ && $ended - $begun > $PROMPT;
        }
    }
    return (\%seen, @wrong);
}

# What must be answered in that time, where the model knows.
sub expected {
    my ($self, $begun, $ended, $name) = @_;
    return '200 ok' if $name eq 'always';
    return '401 invalid_signature' if $name eq 'forged';
    return '401 unknown_key' if $name eq 'nobody';
    my $key = $self->{keys}{$name};
    my $settled = $begun - $BACK - $FRESH;
    return '' unless $self->is_good($settled, $ended);
    return '200 ok' if $key->{from} < $settled && (!$key->{leaving} || $key->{leaving} > $ended);
    return '401 unknown_key' if $key->{leaving} && $key->{until} < $settled;
    return '';
}

# Whether it was good all the time.
sub is_good {
    my ($self, $from, $until) = @_;
    my $states = $self->{states};
    # The last change before it, by halving: there are thousands.
    my ($low, $high) = (0, scalar @$states);
    while ($low < $high) {
        my $middle = int(($low + $high) / 2);
        if ($states->[$middle][0] <= $from) { $low = $middle + 1 }
        else { $high = $middle }
    }
    return 0 if $low == 0 || $states->[$low - 1][1] ne 'good';
    for my $at ($low .. $#$states) {
        last if $states->[$at][0] > $until;
        return 0 if $states->[$at][1] ne 'good';
    }
    return 1;
}

1;
