// The identity provider of t/identity_provider*.t: oidc-provider on a unix socket, or over HTTPS on a port of
// this machine. It ends with its standard input.
//
//   node provider.mjs SOCKET
//   node provider.mjs PORT KEY CERTIFICATE [STATE]
//
// Over HTTPS its issuer is https://localhost:PORT. With STATE, a file, its keys outlive it.
//
// The client "robot" (secret "robot's own") gets access tokens by client_credentials. The resource
// it asks for, urn:api:ALG, decides what they are signed with. POST /rotate/add puts new keys
// beside the old ones, and signs with them; POST /rotate/drop takes the old ones away.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';

import Provider from 'oidc-provider';

const [place, key, certificate, state] = process.argv.slice(2);
const ISSUER = key ? `https://localhost:${place}` : 'http://localhost';

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

let [current, old] = state && existsSync(state) ? JSON.parse(readFileSync(state)) : [newKeys(), []];
let answer = provider([...current, ...old]);

function keep() {
  if (state) writeFileSync(state, JSON.stringify([current, old]));
}
keep();

function serve(request, response) {
  if (request.url === '/rotate/add') {
    [current, old] = [newKeys(), current];
  } else if (request.url === '/rotate/drop') {
    old = [];
  } else {
    answer(request, response);
    return;
  }
  keep();
  answer = provider([...current, ...old]);
  response.end('rotated\n');
}

const server = key
  ? createSecureServer({ key: readFileSync(key), cert: readFileSync(certificate) }, serve)
  : createServer(serve);
server.listen(key ? { port: Number(place), host: '127.0.0.1' } : place, () => console.log('ready'));
process.stdin.on('end', () => process.exit()).resume();
