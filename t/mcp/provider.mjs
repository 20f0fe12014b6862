// The authorization server of t/mcp.t: oidc-provider over HTTP on a port of this machine, which it says in its first
// line. It ends with its standard input.
//
// Clients register themselves; access tokens are JWTs for the resource that is asked for. Who is sent here to log in is
// alice, who consents to everything. POST /test/lifetime/SECONDS decides how long new access tokens live.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const SCOPES = 'mcp:use mcp:publish';
let lifetime = 600;

function configuration() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', kid: 'one', alg: 'ES256' }] },
    cookies: { keys: ['a secret of this test'] },
    scopes: ['openid', 'offline_access', ...SCOPES.split(' ')],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: SCOPES,
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: lifetime,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  };
}

// The page where alice would log in and consent.
async function interact(provider, request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  let result = { login: { accountId: 'alice' } };
  if (prompt.name === 'consent') {
    const { missingOIDCScope, missingResourceScopes } = prompt.details;
    const grant = grantId
      ? await provider.Grant.find(grantId)
      : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
    for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
      grant.addResourceScope(resource, scopes.join(' '));
    }
    result = { consent: { grantId: await grant.save() } };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

// The SDKs register with the scope of their first challenge, to which oidc-provider would keep them; here, as RFC 7591
// lets a server do, it is left out.
async function withoutScope(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  const { scope, ...metadata } = JSON.parse(text);
  request.body = metadata;
}

// Pages may register themselves, which oidc-provider has no answer for; true where this is the whole answer.
function allowed(request, response) {
  response.setHeader('Access-Control-Allow-Origin', '*');
  if (request.method !== 'OPTIONS') return false;
  response.setHeader('Access-Control-Allow-Headers', 'Content-Type, MCP-Protocol-Version');
  response.statusCode = 204;
  response.end();
  return true;
}

const server = createServer().listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const provider = new Provider(`http://localhost:${port}`, configuration());
  provider.on('server_error', (_ctx, error) => console.error(error));
  const answer = provider.callback();
  server.on('request', async (request, response) => {
    try {
      const [, part, what, value] = request.url.split('/');
      if (part === 'test' && what === 'lifetime') {
        lifetime = Number(value);
        response.end();
      } else if (part === 'interaction') {
        await interact(provider, request, response);
      } else {
        if (part === 'reg' && allowed(request, response)) return;
        if (request.method === 'POST' && part === 'reg') await withoutScope(request);
        answer(request, response);
      }
    } catch (error) {
      console.error(error);
      response.statusCode = 500;
      response.end();
    }
  });
  console.log(port);
});
process.stdin.on('end', () => process.exit()).resume();
