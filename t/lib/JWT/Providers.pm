# Identity providers as they are: their names, URLs, documents, kinds of keys and tokens, with keys that are made
# here.
package JWT::Providers;

use strict;
use warnings;

use Digest::SHA ();
use Exporter qw(import);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);

use JWT ();

our @EXPORT_OK = qw(bearer key);

my $openssl;

# One key signs tokens, one is beside it in each set, one is in none.
my (%PUBLIC, %X5);

sub make_keys {
    for my $name (qw(signing beside forging)) {
        $PUBLIC{$name} = $openssl->rsa("$name.rsa");
        $openssl->run('req', '-x509', '-key', "$name.rsa", '-subj', "/CN=$name", '-days', '2', '-out', "$name.crt");
        my $der = $openssl->run('x509', '-in', "$name.crt", '-outform', 'DER');
        my ($sha1, $sha256) = (Digest::SHA::sha1($der), Digest::SHA::sha256($der));
        $X5{$name} = {
            x5c => [encode_base64($der, '')], x5t => JWT::b64url($sha1), 'x5t#S256' => JWT::b64url($sha256),
        };
    }
    return;
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

my ($TENANT, $OTHER_TENANT) = map { '00000000-0000-0000-0000-000000000000' =~ s/0/$_/gr } 1, 4;
my $ENTRA = 'https://login.microsoftonline.com';
my $API = '22222222-2222-2222-2222-222222222222';

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

# All of them by name, with keys that this JWT::OpenSSL makes. For each: what it serves, the kid of its tokens, more
# of their header, claims that pass, and what is changed of those where they pass, are refused with 401 and with 403;
# the headers that the API gets. "from" is a section of a guide, where the configuration is no file of nginx-conf.
sub all {
    ($openssl) = @_;
    make_keys();
    my $PEM = JWT::read_file($openssl->file('signing.crt'));
    return (
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
}

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
    my $signature = $openssl->signature(($key // 'signing') . '.rsa', $input, '-sha256');
    return join ' ', $provider->{in} // 'Authorization: Bearer', "$input." . JWT::b64url($signature);
}

1;
