# The configurations for identity providers, those of nginx-conf/ and those that the guides have beside
# them: each is run as it is but for paths and addresses, in front of a stand-in that has the provider's
# names, URLs, documents and kinds of keys. nginx fetches the keys by HTTPS from the very URL that stands
# there: it is told of a proxy that leads to the stand-in, and trusts an authority that is made here.
use strict;
use warnings;

use Digest::SHA ();
use File::Temp ();
use FindBin;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;

use JWT;
use JWT::ConnectProxy;
use JWT::Server;

plan skip_all => 'openssl is missing' if qx(openssl version 2>/dev/null) !~ /SSL/;

# --- keys and certificates ---------------------------------------------------------

my $made = File::Temp->newdir('certificates-XXXXXX', TMPDIR => 1);

sub openssl {
    my (@arguments) = @_;
    my $pid = open(my $output, '-|') // die "cannot fork: $!";
    if (!$pid) {
        open STDERR, '>', "$made/errors";
        chdir $made;
        exec 'openssl', @arguments or POSIX::_exit(127);
    }
    binmode $output;
    local $/ = undef;
    my $text = <$output>;
    close $output or do { open my $errors, '<', "$made/errors"; die "openssl @arguments: ", <$errors> };
    return $text;
}

sub slurp {
    my ($name) = @_;
    open my $file, '<:raw', $name or die "cannot open $name: $!";
    local $/ = undef;
    return <$file>;
}

sub write_file { return JWT::write_file("$made/$_[0]", $_[1]) }

my $serial = 1;

# A certificate for a name, made by an issuer; "ca" where it issues others.
sub certificate {
    my ($file, $name, $issuer, $ca) = @_;
    write_file("$file.ext",
        $ca ? "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
            : "basicConstraints=CA:FALSE\nsubjectAltName=DNS:$name\n");
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', "$file.key");
    openssl('req', '-new', '-key', "$file.key", '-subj', "/CN=$name", '-out', "$file.csr");
    my @by = $issuer ? ('-CA', "$issuer.pem", '-CAkey', "$issuer.key") : ('-signkey', "$file.key");
    openssl('x509', '-req', '-in', "$file.csr", @by, '-days', '2', '-set_serial', $serial++,
        '-extfile', "$file.ext", '-out', "$file.pem");
    return;
}

# The keys: one signs tokens, one is beside it in each set, one is in none.
my (%PUBLIC, %X5);
for my $name (qw(signing beside forging)) {
    openssl('genrsa', '-out', "$name.rsa", '2048');
    my ($modulus) = openssl('rsa', '-in', "$name.rsa", '-noout', '-modulus') =~ /=([0-9A-F]+)/;
    $PUBLIC{$name} = {kty => 'RSA', e => 'AQAB', n => JWT::b64url(pack 'H*', $modulus)};
    openssl('req', '-x509', '-key', "$name.rsa", '-subj', "/CN=$name", '-days', '2', '-out', "$name.crt");
    my $der = openssl('x509', '-in', "$name.crt", '-outform', 'DER');
    my ($sha1, $sha256) = (Digest::SHA::sha1($der), Digest::SHA::sha256($der));
    $X5{$name} = {
        x5c => [encode_base64($der, '')], x5t => JWT::b64url($sha1), 'x5t#S256' => JWT::b64url($sha256),
    };
}

# A JWK: which key, its kid, more members; of those that a certificate brings, the ones that are named.
sub key {
    my ($name, $kid, $x5, %members) = @_;
    return {%{$PUBLIC{$name}}, kid => $kid, use => 'sig', map({($_ => $X5{$name}{$_})} @$x5), %members};
}

my $RS256 = 'RS256';
my ($TRUE, $FALSE) = (JSON::PP::true(), JSON::PP::false());

# A discovery document.
sub discovery {
    my ($issuer, $jwks_uri, %members) = @_;
    return {issuer => $issuer, jwks_uri => $jwks_uri, subject_types_supported => ['public'],
        response_types_supported => ['id_token'], id_token_signing_alg_values_supported => [$RS256], %members};
}

# --- the providers -----------------------------------------------------------------

my ($TENANT, $OTHER_TENANT) = map { '00000000-0000-0000-0000-000000000000' =~ s/0/$_/gr } 1, 4;
my $ENTRA = 'https://login.microsoftonline.com';
my $API = '22222222-2222-2222-2222-222222222222';
my $PEM = slurp("$made/signing.crt");

# Entra ID's keys have no "alg", and members that no RFC knows.
sub entra_keys {
    my ($issuer) = @_;
    my @x5 = ['x5c', 'x5t'];
    my %more = (issuer => $issuer, cloud_instance_name => 'microsoftonline.com');
    return {keys => [
        key('beside', $X5{beside}{x5t}, @x5, %more), key('signing', $X5{signing}{x5t}, @x5, %more),
    ]};
}

sub entra_tenant {
    return (
        "$ENTRA/$TENANT/v2.0/.well-known/openid-configuration" => discovery("$ENTRA/$TENANT/v2.0",
            "$ENTRA/$TENANT/discovery/v2.0/keys", tenant_region_scope => 'EU', rbac_url => 'https://pas.windows.net',
            frontchannel_logout_supported => $TRUE),
        "$ENTRA/$TENANT/discovery/v2.0/keys" => entra_keys("$ENTRA/$TENANT/v2.0"),
    );
}

my %COGNITO = (
    serves => sub {
        my $pool = 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example00';
        return (
            "$pool/.well-known/openid-configuration" => discovery($pool, "$pool/.well-known/jwks.json",
                authorization_endpoint => 'https://example.auth.eu-central-1.amazoncognito.com/oauth2/authorize'),
            "$pool/.well-known/jwks.json" => {keys => [
                key('beside', 'mVtF+Y3cBbX9nAdf2p1UyyGUDHyBxFZ3m0VtwYyy3c4=', [], alg => $RS256),
                key('signing', 'Ry8TQX8ZLm0J3o8y/2BPWq8V0yyWe7mVpe1tPvH0j1w=', [], alg => $RS256),
            ]},
        );
    },
    kid => 'Ry8TQX8ZLm0J3o8y/2BPWq8V0yyWe7mVpe1tPvH0j1w=',
    header => {typ => undef},
    claims => {
        iss => 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example00',
        sub => 'd1c2', client_id => '1example23456789', token_use => 'access', version => 2,
        origin_jti => 'o', event_id => 'e', auth_time => 1_700_000_000,
        username => 'alice', 'cognito:groups' => ['clerks'], scope => 'openid',
    },
    refused => [
        {iss => 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example01'},
        {token_use => 'id', client_id => undef, aud => '1example23456789'},
        {token_use => 'id'}, {client_id => 'another'}, {client_id => undef},
    ],
    headers => {'x-user' => 'd1c2', 'x-name' => 'alice'},
);

# For each: what it serves, the kid of its tokens, more of their header, claims that pass, and what is changed
# of those where they pass, are refused with 401 and with 403; the headers that the API gets. "from" is a
# section of a guide, where the configuration is no file of nginx-conf.
my %PROVIDERS = (
    auth0 => {
        serves => sub {
            my $tenant = 'https://example.eu.auth0.com';
            my @x5 = ['x5c', 'x5t'];
            return (
                "$tenant/.well-known/openid-configuration" => discovery("$tenant/", "$tenant/.well-known/jwks.json",
                    id_token_signing_alg_values_supported => ['HS256', $RS256], dpop_signing_alg_values_supported => ['ES256']),
                "$tenant/.well-known/jwks.json" => {keys => [
                    key('signing', 'Pj0cQ5qGGa1nyZpbwqUWE', @x5, alg => $RS256), key('beside', 'n3xt', @x5, alg => $RS256),
                ]},
            );
        },
        kid => 'Pj0cQ5qGGa1nyZpbwqUWE',
        claims => {
            iss => 'https://example.eu.auth0.com/', sub => 'auth0|alice',
            aud => ['https://api.example.com', 'https://example.eu.auth0.com/userinfo'],
            azp => 'client', scope => 'openid read:orders', permissions => ['read:orders'],
        },
        also => [{aud => 'https://api.example.com', sub => 'client@clients', gty => 'client-credentials'}],
        refused => [
            {iss => 'https://example.eu.auth0.com'}, {iss => 'https://other.eu.auth0.com/'},
            {aud => 'client', permissions => undef}, {aud => 'https://api.example.com.evil.example'}, {aud => undef},
        ],
        forbidden => [{permissions => []}, {permissions => undef}, {permissions => ['read:orders:all']}],
        headers => {'x-user' => 'auth0|alice'},
    },
    keycloak => {
        serves => sub {
            my $realm = 'https://keycloak.example.com/realms/example';
            my @x5 = ['x5c', 'x5t', 'x5t#S256'];
            return (
                "$realm/.well-known/openid-configuration" => discovery($realm, "$realm/protocol/openid-connect/certs",
                    mtls_endpoint_aliases => {token_endpoint => "$realm/protocol/openid-connect/token"}),
                "$realm/protocol/openid-connect/certs" => {keys => [
                    key('beside', 'of encryption', @x5, use => 'enc', alg => 'RSA-OAEP'),
                    key('signing', 'FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE', @x5, alg => $RS256),
                ]},
            );
        },
        kid => 'FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE',
        claims => {
            iss => 'https://keycloak.example.com/realms/example', sub => 'f:1', typ => 'Bearer',
            aud => ['orders-api', 'account'], azp => 'shop', preferred_username => 'alice',
            realm_access => {roles => ['offline_access', 'orders']}, scope => 'profile email',
        },
        also => [{aud => 'orders-api'}],
        refused => [
            {iss => 'https://keycloak.example.com/realms/master'},
            {iss => 'https://keycloak.example.com/auth/realms/example'}, {aud => 'account'}, {aud => undef},
            {typ => 'ID', aud => 'shop'}, {typ => 'ID'}, {typ => 'Refresh'}, {aud => ['my-orders-api']},
        ],
        forbidden => [{realm_access => undef}, {realm_access => {roles => ['order']}}],
        headers => {'x-user' => 'f:1', 'x-name' => 'alice'},
    },
    'entra-id' => {
        serves => \&entra_tenant,
        kid => $X5{signing}{x5t},
        claims => {
            iss => "$ENTRA/$TENANT/v2.0", sub => 'pairwise', aud => $API, oid => 'o-1', tid => $TENANT,
            azp => 'shop', azpacr => '1', ver => '2.0', scp => 'Orders.Read profile', uti => 'u', rh => 'r',
        },
        also => [{scp => undef, roles => ['x', 'Orders.Read.All'], idtyp => 'app'}],
        refused => [
            {iss => "https://sts.windows.net/$TENANT/", ver => '1.0', aud => "api://$API"}, {aud => "api://$API"},
            {iss => "$ENTRA/$TENANT/v2.0/"}, {iss => "$ENTRA/$OTHER_TENANT/v2.0", tid => $OTHER_TENANT},
            {iss => "$ENTRA/{tenantid}/v2.0"}, {aud => '00000003-0000-0000-c000-000000000000'},
            {aud => 'shop', scp => undef},
        ],
        forbidden => [{scp => 'Orders.Readme'}, {scp => undef}, {scp => undef, roles => ['Orders.Write.All']}],
        headers => {'x-user' => 'o-1'},
    },
    'entra-id, several tenants' => {
        from => ['entra-id', 'Several tenants'],
        files => {'conf/tenants.conf' => qr/^```text\n((?:issuer [^\n]+;\n)+)```$/m},
        serves => sub { return ("$ENTRA/common/discovery/v2.0/keys" => entra_keys("$ENTRA/{tenantid}/v2.0")) },
        kid => $X5{signing}{x5t},
        claims => {iss => "$ENTRA/$TENANT/v2.0", aud => $API, ver => '2.0', scp => 'Orders.Read', tid => $TENANT},
        also => [{iss => "$ENTRA/$OTHER_TENANT/v2.0", tid => $OTHER_TENANT}],
        refused => [
            {iss => "$ENTRA/common/v2.0"}, {iss => "$ENTRA/99999999-9999-9999-9999-999999999999/v2.0"},
            {iss => "$ENTRA/{tenantid}/v2.0"}, {aud => 'x'}, {iss => "https://sts.windows.net/$TENANT/"},
        ],
        headers => {'x-tenant' => $TENANT},
    },
    'entra-id, v1.0' => {
        from => ['entra-id', 'Tokens of version 1.0'],
        serves => \&entra_tenant,
        kid => $X5{signing}{x5t},
        header => {x5t => $X5{signing}{x5t}},
        claims => {
            iss => "https://sts.windows.net/$TENANT/", aud => "api://$API", ver => '1.0', appid => 'shop', appidacr => '1',
            scp => 'Orders.Read', tid => $TENANT,
        },
        also => [{aud => $API}, {iss => "$ENTRA/$TENANT/v2.0", aud => $API, ver => '2.0'}],
        refused => [
            {iss => "https://sts.windows.net/$TENANT"}, {iss => "https://sts.windows.net/$OTHER_TENANT/"}, {aud => 'api://x'},
        ],
        headers => {},
    },
    okta => {
        serves => sub {
            my $server = 'https://example.okta.com/oauth2/default';
            return (
                "$server/.well-known/openid-configuration" => discovery($server, "$server/v1/keys",
                    request_parameter_supported => $TRUE, end_session_endpoint => "$server/v1/logout"),
                "$server/v1/keys" => {keys => [
                    key('signing', 'mB0MTpFvDvTvUYjqdRgzNhqRyTcVpPPvUTTBtvPS6Ig', [], alg => $RS256),
                    key('beside', 'next', [], alg => $RS256),
                ]},
            );
        },
        kid => 'mB0MTpFvDvTvUYjqdRgzNhqRyTcVpPPvUTTBtvPS6Ig',
        header => {typ => undef},
        claims => {
            iss => 'https://example.okta.com/oauth2/default', aud => 'api://default', ver => 1, jti => 'AT.1',
            sub => 'alice@example.com', cid => 'shop', uid => '00u1', scp => ['openid', 'orders:read'],
        },
        also => [{sub => 'shop', uid => undef, scp => ['orders:read']}],
        refused => [
            {iss => 'https://example.okta.com', aud => 'https://example.okta.com'}, {iss => 'https://example.okta.com'},
            {iss => 'https://example.okta.com/oauth2/aus1'}, {aud => 'shop', scp => undef},
        ],
        forbidden => [{scp => ['openid']}, {scp => undef}, {scp => ['orders:reader']}],
        headers => {'x-user' => 'alice@example.com', 'x-client' => 'shop'},
    },
    cognito => {%COGNITO},
    google => {
        serves => sub {
            return (
                'https://accounts.google.com/.well-known/openid-configuration' => discovery('https://accounts.google.com',
                    'https://www.googleapis.com/oauth2/v3/certs', device_authorization_endpoint => 'https://oauth2.googleapis.com/device/code'),
                'https://www.googleapis.com/oauth2/v3/certs' => {keys => [
                    key('beside', 'b5e44a5e0d0c0f9e5ad1d1a1a9f9e5a6a5a9d3a1', [], alg => $RS256),
                    key('signing', '763f7c4cd26a1eb2b1b39a88f4434d1f4d9a368b', [], alg => $RS256),
                ]},
            );
        },
        kid => '763f7c4cd26a1eb2b1b39a88f4434d1f4d9a368b',
        claims => {
            iss => 'https://accounts.google.com', sub => '1098', email => 'alice@example.com', hd => 'example.com',
            aud => '1234567890-example.apps.googleusercontent.com', at_hash => 'x', name => 'Alice',
            azp => '1234567890-example.apps.googleusercontent.com', email_verified => $TRUE,
        },
        also => [{iss => 'accounts.google.com'}],
        refused => [
            {iss => 'https://accounts.google.com.evil.example'}, {iss => 'http://accounts.google.com'},
            {aud => '0987654321-example.apps.googleusercontent.com'},
        ],
        forbidden => [{email_verified => $FALSE}, {hd => undef}, {hd => 'example.org'}],
        headers => {'x-user' => '1098', 'x-email' => 'alice@example.com'},
    },
    'google, firebase' => {
        from => ['google', 'Firebase'],
        serves => sub {
            my $keys = 'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com';
            return (
                'https://securetoken.google.com/example-project/.well-known/openid-configuration' =>
                    discovery('https://securetoken.google.com/example-project', $keys),
                $keys => {keys => [key('signing', 'k1', [], alg => $RS256), key('beside', 'k2', [], alg => $RS256)]},
            );
        },
        kid => 'k1',
        claims => {
            iss => 'https://securetoken.google.com/example-project', aud => 'example-project', sub => 'u1', user_id => 'u1',
            firebase => {sign_in_provider => 'password', identities => {}},
        },
        refused => [{iss => 'https://securetoken.google.com/other', aud => 'other'}, {aud => 'other'}],
        headers => {'x-user' => 'u1'},
    },
    kubernetes => {
        # Its keys are of that type and no other, so that it is asked once more.
        accepts => '^application/jwk-set\+json$', asks => 2,
        serves => sub {
            return ('https://kubernetes.default.svc/openid/v1/jwks' => {keys => [
                key('signing', 'OAjVVaejWFc0Yt9ykr0_8lMMuRNs67OXTWHsN02Pkyw', [], alg => $RS256), key('beside', 'next', [], alg => $RS256),
            ]});
        },
        kid => 'OAjVVaejWFc0Yt9ykr0_8lMMuRNs67OXTWHsN02Pkyw',
        header => {typ => undef},
        claims => {
            iss => 'https://kubernetes.default.svc.cluster.local', aud => ['orders-api'], jti => 'j',
            sub => 'system:serviceaccount:shop:web',
            'kubernetes.io' => {namespace => 'shop', serviceaccount => {name => 'web', uid => 'u'}, pod => {name => 'p', uid => 'v'}},
        },
        also => [{sub => 'system:serviceaccount:shop:jobs', aud => ['x', 'orders-api']}],
        refused => [
            # The usual token of a pod, which is for the API server, and one of old, from a secret.
            {aud => ['https://kubernetes.default.svc.cluster.local']},
            {iss => 'kubernetes/serviceaccount', aud => undef, exp => undef},
            {iss => 'https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE'}, {exp => undef},
        ],
        forbidden => [{sub => 'system:serviceaccount:default:web'}, {sub => 'system:serviceaccount:shop:web2'}],
        headers => {'x-user' => 'system:serviceaccount:shop:web'},
    },
    'kubernetes, a public issuer' => {
        from => ['kubernetes', 'Managed clusters'],
        serves => sub {
            my $issuer = 'https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE';
            return (
                "$issuer/.well-known/openid-configuration" => discovery($issuer, "$issuer/keys",
                    authorization_endpoint => 'urn:kubernetes:programmatic_authorization', claims_supported => ['sub', 'iss']),
                "$issuer/keys" => {keys => [key('signing', 'c1', [], alg => $RS256), key('beside', 'c2', [], alg => $RS256)]},
            );
        },
        kid => 'c1',
        claims => {
            iss => 'https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE', aud => ['orders-api'],
            sub => 'system:serviceaccount:shop:web', 'kubernetes.io' => {namespace => 'shop'},
        },
        also => [{sub => 'system:serviceaccount:shop:anything'}],
        refused => [{aud => ['sts.amazonaws.com']}, {iss => 'https://oidc.eks.eu-central-1.amazonaws.com/id/OTHER'}],
        forbidden => [{'kubernetes.io' => {namespace => 'default'}}, {'kubernetes.io' => undef, namespace => 'shop'}],
        headers => {},
    },
    'github-actions' => {
        serves => sub {
            my $issuer = 'https://token.actions.githubusercontent.com';
            my @x5 = ['x5c', 'x5t'];
            return (
                "$issuer/.well-known/openid-configuration" => discovery($issuer, "$issuer/.well-known/jwks", scopes_supported => ['openid']),
                "$issuer/.well-known/jwks" => {keys => [
                    key('beside', 'cc413527-173f-5a05-976e-9c52b1d7b431', @x5, alg => $RS256),
                    key('signing', '38826b17-6a30-5f9b-b169-8beb8202f723', @x5, alg => $RS256),
                ]},
            );
        },
        kid => '38826b17-6a30-5f9b-b169-8beb8202f723',
        header => {x5t => $X5{signing}{x5t}},
        claims => {
            iss => 'https://token.actions.githubusercontent.com', aud => 'https://deploy.example.com',
            sub => 'repo:octo-org/octo-repo:ref:refs/heads/main', ref => 'refs/heads/main', ref_type => 'branch',
            repository => 'octo-org/octo-repo', repository_id => '123456789', repository_owner => 'octo-org',
            repository_owner_id => '65', repository_visibility => 'private', run_id => '987', actor => 'octocat',
            event_name => 'push', job_workflow_ref => 'octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main',
        },
        also => [{event_name => 'workflow_dispatch'}],
        refused => [
            {aud => 'https://github.com/octo-org'}, {aud => 'sts.amazonaws.com'},
            {iss => 'https://token.actions.githubusercontent.com/octo-org'},
        ],
        forbidden => [
            {repository => 'evil/octo-repo', repository_id => '666', sub => 'repo:evil/octo-repo:ref:refs/heads/main'},
            {ref => 'refs/heads/feature'}, {ref => 'refs/pull/7/merge', event_name => 'pull_request'},
            {event_name => 'pull_request_target'},
        ],
        headers => {'x-repository' => 'octo-org/octo-repo', 'x-run' => '987'},
    },
    'gitlab-ci' => {
        serves => sub {
            return (
                'https://gitlab.com/.well-known/openid-configuration' => discovery('https://gitlab.com',
                    'https://gitlab.com/oauth/discovery/keys', claim_types_supported => ['normal'], introspection_endpoint => 'https://gitlab.com/oauth/introspect'),
                'https://gitlab.com/oauth/discovery/keys' => {keys => [
                    key('signing', '4i3sFE7sxqNPOT7FdvcGA1ZVGGI_r-tsDXnEuYT4ZqE', [], alg => $RS256),
                    key('beside', 'UEtnUohTq_TiYNUEhbeL0ZS-dFJ5iR4SCxBr_xrlDBg', [], alg => $RS256),
                ]},
            );
        },
        kid => '4i3sFE7sxqNPOT7FdvcGA1ZVGGI_r-tsDXnEuYT4ZqE',
        claims => {
            iss => 'https://gitlab.com', aud => 'https://deploy.example.com', sub => 'project_path:org/repo:ref_type:branch:ref:main',
            project_id => '46573356', project_path => 'org/repo', namespace_id => '68413579', namespace_path => 'org',
            ref => 'main', ref_type => 'branch', ref_path => 'refs/heads/main', ref_protected => 'true', job_id => '82',
            pipeline_source => 'push', user_login => 'alice', runner_id => 12_270_835,
        },
        also => [{aud => ['https://deploy.example.com', 'x']}],
        refused => [
            {aud => 'https://gitlab.com'}, {iss => 'gitlab.com'}, {iss => 'https://gitlab.example.com'},
            # The ID token of somebody who has logged in.
            {aud => 'an application', project_id => undef, ref_protected => undef},
        ],
        forbidden => [{project_id => '666', project_path => 'evil/repo'}, {ref => 'x', ref_protected => 'false'}],
        headers => {'x-project' => 'org/repo', 'x-job' => '82'},
    },
    'cloudflare-access' => {
        in => 'Cf-Access-Jwt-Assertion:',
        serves => sub {
            my $kid = '6c3bffef71bb0a90c9cbef3b7c0d4a1c7b4b8b76b80292a623afd9dac45d1c65';
            return ('https://example.cloudflareaccess.com/cdn-cgi/access/certs' => {
                keys => [key('beside', '1a1c', [], alg => $RS256), key('signing', $kid, [], alg => $RS256)],
                public_cert => {kid => $kid, cert => $PEM}, public_certs => [{kid => $kid, cert => $PEM}],
            });
        },
        kid => '6c3bffef71bb0a90c9cbef3b7c0d4a1c7b4b8b76b80292a623afd9dac45d1c65',
        claims => {
            iss => 'https://example.cloudflareaccess.com', email => 'alice@example.com', type => 'app', identity_nonce => 'n',
            aud => ['32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228'], sub => 'u1', country => 'US',
        },
        refused => [
            {aud => ['97e2aae120121f902df8bc99fc345913ab186d174f3079ea729236766b2e7c4a']}, {aud => undef},
            {iss => 'https://other.cloudflareaccess.com'}, {iss => 'https://example.cloudflareaccess.com/'},
        ],
        headers => {'x-email' => 'alice@example.com'},
    },
    'aws-alb' => {%COGNITO, in => 'x-amzn-oidc-accesstoken:'},
);

# A token with these claims (those that are undef are left out), signed by openssl, as the header line that
# the provider's tokens come in.
sub bearer {
    my ($provider, $changes, $key) = @_;
    my $now = time;
    my %claims = (iat => $now - 5, nbf => $now - 5, exp => $now + 600, %{$provider->{claims}}, %{$changes // {}});
    my %header = (alg => $RS256, typ => 'JWT', kid => $provider->{kid}, %{$provider->{header} // {}});
    for my $members (\%claims, \%header) {
        delete $members->{$_} for grep { !defined $members->{$_} } keys %$members;
    }
    my $input = join '.', map { JWT::b64url(JWT::json($_)) } \%header, \%claims;
    write_file('input', $input);
    my $signature = openssl('dgst', '-sha256', '-sign', ($key // 'signing') . '.rsa', 'input');
    return join ' ', $provider->{in} // 'Authorization: Bearer', "$input." . JWT::b64url($signature);
}

# --- the stand-ins --------------------------------------------------------------------

# What is served under which name: a host has the documents of all its paths.
my (%hosts, %documents);
for my $name (sort keys %PROVIDERS) {
    my %serves = $PROVIDERS{$name}{serves}->();
    for my $url (sort keys %serves) {
        my ($host, $path) = $url =~ m{\Ahttps://([^/]+)(/.+)\z} or die "no URL: $url";
        my $text = JWT::json($serves{$url});
        next if ($hosts{$host}{$path} //= {text => $text, accepts => $PROVIDERS{$name}{accepts}})->{text} eq $text;
        die "two documents at $url";
    }
}

# The provider of the page that has a location of its own for keys.
$hosts{'id.example.com'}{'/jwks.json'} = {text => JWT::json({keys => [key('signing', 'k1', [], alg => $RS256)]})};

# The chain has two intermediates, as some providers' have.
certificate('root', 'Root of the tests', undef, 1);
certificate('other', 'Another root', undef, 1);
certificate('first', 'First intermediate', 'root', 1);
certificate('second', 'Second intermediate', 'first', 1);
certificate($_, $_, 'second') for sort(keys %hosts), 'wrong.example';
write_file("$_-chain.pem", join '', map { slurp("$made/$_.pem") } $_, 'second', 'first') for keys %hosts, 'wrong.example';

# All hosts, each under its own name alone; and on another socket one with a certificate of a name that is
# nobody's.
my ($servers, $count) = ('', 0);
for my $host (sort keys %hosts) {
    my $locations = '';
    for my $path (sort keys %{$hosts{$host}}) {
        my ($text, $accepts) = @{$hosts{$host}{$path}}{qw(text accepts)};
        my $file = 'document' . $count++;
        $documents{"html/$file"} = $text;
        my $picky = $accepts ? "if (\$http_accept !~ \"$accepts\") { return 406; }" : '';
        $locations .= "location = $path { $picky default_type application/json; root html; try_files /$file =404; }\n";
    }
    $servers .= <<"CONF";
    server {
        listen unix:%DIR%/tls.sock ssl;
        server_name $host;
        ssl_certificate $made/$host-chain.pem;
        ssl_certificate_key $made/$host.key;
        access_log logs/asked.log told;
        $locations
    }
CONF
}
my $providers = JWT::Server->new(
    http => <<"CONF",
    server_names_hash_bucket_size 128;
    log_format told '\$request_method https://\$host\$request_uri authorization=\$http_authorization cookie=\$http_cookie';
    server {
        listen unix:%DIR%/tls.sock ssl default_server;
        ssl_reject_handshake on;
    }
$servers
    server {
        listen unix:%DIR%/wrong.sock ssl;
        ssl_certificate $made/wrong.example-chain.pem;
        ssl_certificate_key $made/wrong.example.key;
        location / { return 404; }
    }
    # The API, which tells what it gets.
    server {
        listen unix:%DIR%/application.sock;
        location / {
            add_header X-Got-User "\$http_x_user";
            add_header X-Got-Name "\$http_x_name";
            add_header X-Got-Email "\$http_x_email";
            add_header X-Got-Client "\$http_x_client";
            add_header X-Got-Tenant "\$http_x_tenant";
            add_header X-Got-Repository "\$http_x_repository";
            add_header X-Got-Run "\$http_x_run";
            add_header X-Got-Project "\$http_x_project";
            add_header X-Got-Job "\$http_x_job";
            add_header X-Got-Service "\$http_x_service";
            return 200;
        }
    }
CONF
    files => \%documents,
);
my $proxy = JWT::ConnectProxy->new($providers->directory . '/tls.sock');

# What the providers were asked for since the last call.
my $seen = 0;

sub asked {
    my $text = substr $providers->read('logs/asked.log'), $seen;
    $seen += length $text;
    return sort split /\n/, $text;
}

# --- nginx -----------------------------------------------------------------------------

# The configuration of a provider, and files beside it.
sub configuration {
    my ($name) = @_;
    my $provider = $PROVIDERS{$name};
    return slurp("$FindBin::Bin/../nginx-conf/$name.conf") unless $provider->{from};
    my ($guide, $section) = @{$provider->{from}};
    my ($text) = slurp("$FindBin::Bin/../docs/guides/$guide.md") =~ /^## \Q$section\E\n(.*?)(?=^## |\z)/ms
        or die "$guide.md has no section \"$section\"";
    my ($block) = $text =~ /^```nginx http\n(.*?)^```$/ms or die "no configuration in \"$section\" of $guide.md";
    my %files = map { ($_ => ($text =~ $provider->{files}{$_})[0] // die "no $_ in $guide.md") } keys %{$provider->{files} // {}};
    return ("load_module modules/ngx_http_auth_jwt_module.so;\nevents {}\nhttp {\n$block}\n", %files);
}

# An nginx with the configuration of a provider, which trusts a certificate.
sub gateway {
    my ($name, $trusted) = @_;
    my ($text, %files) = configuration($name);
    my $nginx = JWT::Server->prepared(files => \%files);
    my ($directory, $peer) = ($nginx->directory, $providers->directory);
    my $load = join "\n", map {"load_module $_;"} JWT::Server::modules();
    my $temp = join ' ', map {"${_}_temp_path temp/$_;"} qw(client_body proxy fastcgi uwsgi scgi);
    # Each must be there, once.
    my @changes = (
        [qr/^load_module modules\/ngx_http_auth_jwt_module[.]so;$/m,
            "$load\npid nginx.pid; error_log logs/error.log info; env SSL_CERT_FILE=$made/$trusted.pem;"],
        [qr/^http \{$/m, "http { access_log off; auth_jwt_fetch_proxy @{[$proxy->url]}; $temp"],
        [qr/^ +listen \K8080;/m, "unix:$directory/nginx.sock;"],
        [qr{proxy_pass http://\K127[.]0[.]0[.]1:8081;}, "unix:$peer/application.sock:;"],
    );
    push @changes, [qr{ssl_trusted_certificate +\K/var/run/secrets/kubernetes[.]io/serviceaccount/ca[.]crt;}, "$made/$trusted.pem;"]
        if $text =~ /ssl_trusted_certificate/;
    for my $change (@changes) {
        my ($old, $new) = @$change;
        my $count = $text =~ s/$old/$new/g;
        is($count, 1, "$name: $old") if $trusted eq 'root';
    }
    $nginx->write('conf/nginx.conf', $text);
    return $nginx;
}

sub is_answered {
    my ($nginx, $line, $status, $name) = @_;
    my $answer = $nginx->get('/x', defined $line ? $line : ());
    is($answer->{status}, $status, $name) or diag($nginx->new_lines);
    return $answer;
}

# A test: the log has such a line, now or soon. What the thread has to say is written by the event loop.
sub logs {
    my ($nginx, $line, $name) = @_;
    $nginx->wait_until(sub { $nginx->error_log =~ $line });
    return like($nginx->error_log, $line, $name);
}

for my $name (sort keys %PROVIDERS) {
    my $provider = $PROVIDERS{$name};
    my $nginx = gateway($name, 'root');
    my ($fine, $said) = $nginx->checked;
    ok($fine, "$name: is loaded") or diag($said);
    unlike($said, qr/\[(?:warn|error)\]/, "$name: without a warning");
    is_deeply([$proxy->asked, asked()], [], "$name: and nobody is asked for that");
    $nginx->start;

    my $answer = is_answered($nginx, undef, 401, "$name: no token");
    like($answer->{headers}{'www-authenticate'}, qr/\ABearer realm="\w+"(?:, scope="[^"]+")?\z/, "$name: the challenge");

    # What a client says of itself is replaced.
    my %headers = %{$provider->{headers}};
    my @smuggled = map {"$_: admin"} sort keys %headers;
    $answer = $nginx->get('/x', bearer($provider), @smuggled, 'Cookie: a=b');
    is($answer->{status}, 200, "$name: a token") or diag($nginx->new_lines);
    my %got = map { /^x-got-(.*)/ ? ("x-$1" => $answer->{headers}{$_}) : () } keys %{$answer->{headers}};
    delete $got{$_} for grep { $got{$_} eq '' } keys %got;
    is_deeply(\%got, \%headers, "$name: what the API gets") or diag explain \%got;

    is_answered($nginx, bearer($provider, $_), 200, "$name: also " . JWT::json($_)) for @{$provider->{also} // []};
    is_answered($nginx, bearer($provider, $_), 401, "$name: refused " . JWT::json($_))
        for @{$provider->{refused}}, {exp => time - 60}, {exp => undef};
    is_answered($nginx, bearer($provider, $_), 403, "$name: forbidden " . JWT::json($_)) for @{$provider->{forbidden} // []};
    is_answered($nginx, bearer($provider, {}, 'forging'), 401, "$name: a forged token");
    is_answered($nginx, join(' ', $provider->{in} // 'Authorization: Bearer', 'ya29.a0AfB_opaque'), 401, "$name: an opaque token");

    my %serves = $provider->{serves}->();
    my @urls = sort keys %serves;
    my @asks = map { ($_) x ($provider->{asks} // 1) } @urls;
    is_deeply([asked()], [map {"GET $_ authorization=- cookie=-"} @asks], "$name: each document was asked for once, and nothing told");
    my @places = map { m{\Ahttps://([^/]+)} ? "$1:443" : () } @asks;
    is_deeply([sort $proxy->asked], [sort @places], "$name: by way of the proxy");
    my ($keys) = grep { ($serves{$_}{keys}) } @urls;
    logs($nginx, qr/\[notice\].* issuer "\w+": 2 keys from "\Q$keys\E"/, "$name: the log tells of the keys");
    $nginx->is_calm('warn');
}

# The token that a load balancer signs itself: its segments are padded.
{
    my $nginx = gateway('aws-alb', 'root');
    $nginx->start;
    my $padded = join '.', map { encode_base64($_, '') =~ tr{+/}{-_}r } '{"typ":"JWT","kid":"k","alg":"ES256","iss":"x"}', '{"sub":"u"}', 'x' x 64;
    like($padded, qr/=/, 'the token of a load balancer is padded');
    is_answered($nginx, "x-amzn-oidc-accesstoken: $padded", 401, 'and refused');
    like($nginx->error_log, qr/malformed JWT: a segment is not base64url/, 'the log says why');
    is_answered($nginx, undef, 401, 'nor is one looked for elsewhere');
    is_answered($nginx, "x-amzn-oidc-data: $padded", 401, 'such as where it comes');
}

# A certificate of somebody whom nobody trusts, and one of another name. In one of them trust is a parameter.
for my $name ('auth0', 'kubernetes') {
    my ($url) = grep {/openid/} sort keys %{{$PROVIDERS{$name}{serves}->()}};
    my $failed = qr/\[error\].* issuer "\w+": keys cannot be fetched from "\Q$url\E": TLS: /;
    asked();
    my $nginx = gateway($name, 'other');
    $nginx->start;
    is_answered($nginx, bearer($PROVIDERS{$name}), 500, "$name: an authority that is not trusted");
    logs($nginx, qr/${failed}invalid peer certificate: UnknownIssuer/, "$name: the log says so");
    undef $nginx;
    $proxy->lead_to($providers->directory . '/wrong.sock');
    $nginx = gateway($name, 'root');
    $nginx->start;
    is_answered($nginx, bearer($PROVIDERS{$name}), 500, "$name: a certificate of another name");
    logs($nginx, qr/${failed}invalid peer certificate: .*not valid for name/, "$name: the log says so");
    is_deeply([asked()], [], "$name: nobody was asked");
    $proxy->lead_to($providers->directory . '/tls.sock');
}

# --- a location of one's own for keys ------------------------------------------------

# docs/migrating.md has one; it reaches the stand-in at this socket.
sub old_way {
    my ($trusted, $socket) = @_;
    my ($text) = slurp("$FindBin::Bin/../docs/migrating.md")
        =~ /^### Keys by a location of your own\n.*?^```nginx http\n(.*?)^```$/ms or die 'no such configuration';
    my $peer = $providers->directory;
    for my $change (
        [qr{proxy_cache_path \K/var/cache/nginx-jwks}, '%DIR%/cache'],
        [qr/^ +listen \K8080;/m, 'unix:%DIR%/nginx.sock;'],
        [qr{proxy_pass https://\K\$key_server(?=/)}, "unix:$peer/$socket:"],
        [qr{proxy_ssl_trusted_certificate \K/etc/ssl/certs/ca-certificates[.]crt;}, "$made/$trusted.pem;"],
    ) {
        my ($old, $new) = @$change;
        is($text =~ s/$old/$new/g, 1, "a location for keys: $old") if $trusted eq 'root';
        $text =~ s/$old/$new/g if $trusted ne 'root';
    }
    return JWT::Server->new(http => "upstream application { server unix:$peer/application.sock; }", servers => $text);
}

{
    my %old = (kid => 'k1', claims => {iss => 'https://id.example.com', aud => 'orders-api'});
    asked();
    my $nginx = old_way('root', 'tls.sock');
    my $is = sub {
        my ($status, $line, $name) = @_;
        return is($nginx->get('/api/', $line)->{status}, $status, "a location for keys: $name") || diag($nginx->new_lines);
    };
    $is->(200, bearer(\%old), 'a token');
    $is->(401, bearer(\%old, $_), 'refused ' . JWT::json($_)) for {iss => 'https://x'}, {aud => 'x'}, {aud => undef}, {exp => undef}, {exp => 1};
    $is->(401, bearer(\%old, {}, 'forging'), 'a forged token');
    is($nginx->get('/_jwks', bearer(\%old))->{status}, 404, 'a location for keys: clients do not get at it');
    is_deeply([asked()], ['GET https://id.example.com/jwks.json authorization=- cookie=-'], 'a location for keys: asked for once, and nothing told');
    $nginx->is_calm('warn');

    for my $case (['other', 'tls.sock', qr/certificate verify error/], ['root', 'wrong.sock', qr/certificate does not match "id[.]example[.]com"/]) {
        my ($trusted, $socket, $line) = @$case;
        $nginx = old_way($trusted, $socket);
        $is->(500, bearer(\%old), "$trusted, $socket");
        like($nginx->error_log, qr/\[error\].*$line/, 'a location for keys: the log says so');
    }
    is_deeply([asked()], [], 'a location for keys: nobody was asked');
}

done_testing();
