# What t/mcp*.t run beside nginx: the programs of t/mcp.
package JWT::Mcp;

use strict;
use warnings;

use Test::More ();

use parent 'JWT::Programs';

sub new { my ($class) = @_; return $class->SUPER::new('mcp') }

# Starts the authorization server; gives its origin, which is its issuer.
sub provider { my ($self) = @_; return 'http://localhost:' . $self->run('provider') }

# Starts the MCP server; gives its socket.
sub server {
    my ($self) = @_;
    my $socket = "$self->{directory}/mcp.sock";
    $self->run('server', $socket) eq 'ready' or Test::More::BAIL_OUT('the MCP server does not start');
    return $socket;
}

1;
