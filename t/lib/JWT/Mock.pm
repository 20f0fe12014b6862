# The upstream that guarded locations of the tests have: it tells what reached it.
package JWT::Mock;

use strict;
use warnings;

my $TOLD = join ' ', 'method=$request_method', 'uri=$request_uri', 'sub=$http_x_sub', 'a=$http_x_a',
    'b=$http_x_b', 'length=$content_length', 'authorization=$http_authorization';

# What stands in http for it to be http://mock, at an address.
sub configuration {
    my ($address) = @_;
    return <<"CONF";
    upstream mock {
        server $address;
    }
    server {
        listen $address;
        access_log off;
        location / { return 200 "$TOLD\\n"; }
        location /status/401 { return 401; }
        location /status/403 { return 403; }
        location /seen { add_header X-Seen "\$http_x_sub"; return 204; }
        location /accel { add_header X-Accel-Redirect \$arg_to; return 200; }
    }
CONF
}

1;
