// The identity provider of t/bound_tokens_clients.t: oidc-provider over HTTPS on a port of this machine. It ends with its
// standard input.
//
//   node provider.mjs PORT KEY CERTIFICATE
//
// Its access tokens are for "orders-api", and bound: to the key of the proof that comes with the request (DPoP, whose
// algorithms are all that it knows), or, of the client "partner", to the certificate of the connection, whoever has
// issued that. The client "shop" gets tokens of either kind; both have the secret "CHANGE-ME".

import { X509Certificate, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

import Provider from 'oidc-provider';

const [port, key, certificate] = process.argv.slice(2);
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

function client(client_id, metadata) {
  return {
    client_id,
    client_secret: 'CHANGE-ME',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    ...metadata,
  };
}

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const provider = new Provider(`https://localhost:${port}`, {
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', kid: 'one', alg: 'ES256' }] },
  clients: [client('shop'), client('partner', { tls_client_certificate_bound_access_tokens: true })],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  enabledJWA: { dPoPSigningAlgValues: ALGORITHMS },
  scopes: ['orders:read'],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      getCertificate: context => {
        const { raw } = context.socket.getPeerCertificate();
        return raw && new X509Certificate(raw).toString();
      },
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://api.example.com',
      getResourceServerInfo: () => ({
        scope: 'orders:read',
        audience: 'orders-api',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});
provider.on('server_error', (_context, error) => console.error(error));

const tls = { key: readFileSync(key), cert: readFileSync(certificate), requestCert: true, rejectUnauthorized: false };
const server = createServer(tls, provider.callback());
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
process.stdin.on('end', () => process.exit()).resume();
