// A client of t/bound_tokens_clients.t by openid-client. It says in a line of JSON for each request what it was answered: the
// status, and the challenges as the library has read them.
//
//   node client.mjs PROVIDER NGINX        (the origins)

import * as client from 'openid-client';

const [PROVIDER, NGINX] = process.argv.slice(2);
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'Ed25519'];

const config = await client.discovery(new URL(PROVIDER), 'shop', 'CHANGE-ME');

// The last request to nginx, to be sent again.
let sent;
config[client.customFetch] = (url, options) => {
  if (url.startsWith(NGINX)) sent = [url, options];
  return fetch(url, options);
};

function tell(name, outcome) {
  console.log(JSON.stringify({ name, ...outcome }));
}

// What a request by the library comes to.
async function outcome(action) {
  try {
    const answer = await action();
    return { status: answer.status, body: await answer.text() };
  } catch (error) {
    if (!(error instanceof client.WWWAuthenticateChallengeError)) return { error: String(error?.stack ?? error) };
    return { status: error.status, challenges: error.cause };
  }
}

function ask(token, path, method, DPoP) {
  const body = method === 'GET' ? undefined : 'an order';
  return outcome(() => client.fetchProtectedResource(config, token, new URL(NGINX + path), method, body, undefined, DPoP && { DPoP }));
}

async function login(algorithm) {
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair(algorithm));
  const { access_token } = await client.clientCredentialsGrant(config, { scope: 'orders:read' }, { DPoP });
  return [access_token, DPoP];
}

for (const algorithm of ALGORITHMS) {
  const [token, DPoP] = await login(algorithm);
  tell(`${algorithm}: a request`, await ask(token, '/orders', 'GET', DPoP));
  tell(`${algorithm}: another`, await ask(token, '/orders', 'GET', DPoP));
}

const [token, DPoP] = await login('ES256');
for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) tell(method, await ask(token, '/orders', method, DPoP));
const PATHS = ['/', '/orders?a=b&c=%20', '/a%20b', '/%7Ealice', '/caf%C3%A9', '/café', '/a/../b', '/a//b', '/%2e%2e/b', '/a%2Fb', '/a;b=c,d:e@f', "/!$&'()*+"];
for (const path of PATHS) tell(path, await ask(token, path, 'GET', DPoP));

await ask(token, '/orders', 'GET', DPoP);
const [url, options] = sent;
const again = async (to, changes) => {
  const answer = await fetch(to, { ...options, ...changes });
  return { status: answer.status, text: answer.headers.get('www-authenticate') };
};
tell('sent again', await again(url));
tell('sent elsewhere', await again(`${NGINX}/admin`));
tell('sent with another method', await again(url, { method: 'DELETE' }));
tell('as a bearer token', await ask(token, '/orders', 'GET'));
const [, another] = await login('ES256');
tell('with the key of another', await ask(token, '/orders', 'GET', another));
const { access_token: unbound } = await client.clientCredentialsGrant(config, { scope: 'orders:read' });
tell('a token without a key', await ask(unbound, '/orders', 'GET'));
tell('a token without a key, with a proof', await ask(unbound, '/orders', 'GET', DPoP));
