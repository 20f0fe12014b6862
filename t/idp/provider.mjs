// The identity provider of t/identity_provider.t: oidc-provider on a unix socket. It ends with its
// standard input.
//
//   node provider.mjs SOCKET
//
// The client "robot" (secret "robot's own") gets access tokens by client_credentials. The resource
// it asks for, urn:api:ALG, decides what they are signed with. POST /rotate/add puts new keys
// beside the old ones, and signs with them; POST /rotate/drop takes the old ones away.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const ISSUER = 'http://localhost';

// One key for each kind; RS and PS share theirs.
const KINDS = [
  ['rsa', { modulusLength: 2048 }],
  ['ec', { namedCurve: 'P-256' }],
  ['ec', { namedCurve: 'P-384' }],
  ['ec', { namedCurve: 'P-521' }],
  ['ed25519', {}],
];

function newKeys() {
  return KINDS.map(([kind, options]) => {
    const { privateKey } = generateKeyPairSync(kind, options);
    return { ...privateKey.export({ format: 'jwk' }), use: 'sig', kid: randomUUID() };
  });
}

function provider(keys) {
  const made = new Provider(ISSUER, {
    jwks: { keys },
    clients: [
      {
        client_id: 'robot',
        client_secret: "robot's own",
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    scopes: ['read', 'write'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: 'read write',
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: resource.split(':').at(-1) } },
        }),
      },
    },
  });
  made.on('server_error', (_ctx, error) => console.error(error));
  return made.callback();
}

let [current, old] = [newKeys(), []];
let answer = provider(current);

const server = createServer((request, response) => {
  if (request.url === '/rotate/add') {
    [current, old] = [newKeys(), current];
  } else if (request.url === '/rotate/drop') {
    old = [];
  } else {
    answer(request, response);
    return;
  }
  answer = provider([...current, ...old]);
  response.end('rotated\n');
});

server.listen(process.argv[2], () => console.log('ready'));
process.stdin.on('end', () => process.exit()).resume();
