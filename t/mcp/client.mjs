// A client of t/mcp.t, by one of the two generations of the SDK for TypeScript. It begins with the URL of an MCP server
// and nothing else, and says in a line of JSON for each step what came out and which requests it took.
//
//   node client.mjs 1|2 NGINX PROVIDER        (the origins)
//
// Generation 1 speaks the protocol of 2025, generation 2 that of 2026-07-28, whose requests name their tool in Mcp-Name.

import * as v2 from '@modelcontextprotocol/client';
import * as v1 from '@modelcontextprotocol/sdk/client/index.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [generation, NGINX, PROVIDER] = process.argv.slice(2);
const sdk = generation === '2' ? v2 : { ...v1, UnauthorizedError, StreamableHTTPClientTransport };
const NAME = { name: 'test', version: '1.0.0' };
const REDIRECT = 'http://localhost:1/callback';

let exchanges = [];

// fetch, taken down.
async function watched(url, init) {
  const response = await fetch(url, init);
  const { origin, pathname } = new URL(url);
  const headers = new Headers(init?.headers);
  exchanges.push({
    method: init?.method ?? 'GET',
    to: origin === NGINX ? 'nginx' : origin === PROVIDER ? 'provider' : origin,
    path: pathname,
    status: response.status,
    tool: headers.get('mcp-name'),
    had_token: headers.has('authorization'),
    challenge: response.headers.get('www-authenticate'),
  });
  return response;
}

// What a browser would do: follow redirects, with cookies, until they lead back to the client.
async function browse(url) {
  const cookies = new Map();
  for (let hops = 0; hops < 20; hops++) {
    const cookie = [...cookies].map(pair => pair.join('=')).join('; ');
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
    const location = response.headers.get('location');
    if (!location) throw new Error(`${url}: ${response.status} ${await response.text()}`);
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      if (value) cookies.set(name, value);
      else cookies.delete(name);
    }
    url = new URL(location, url);
    if (url.href.startsWith(REDIRECT)) return url.searchParams;
  }
  throw new Error('no end of redirects');
}

// What the SDK keeps between requests, in memory.
class Memory {
  authorizations = [];
  redirectUrl = REDIRECT;

  constructor(grants) {
    this.clientMetadata = {
      client_name: 'test',
      redirect_uris: [REDIRECT],
      grant_types: grants,
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  clientInformation = () => this.client;
  saveClientInformation = client => { this.client = client; };
  tokens = () => this.kept;
  saveTokens = tokens => { this.kept = tokens; };
  codeVerifier = () => this.verifier;
  saveCodeVerifier = verifier => { this.verifier = verifier; };
  discoveryState = () => this.discovered;
  saveDiscoveryState = state => { this.discovered = state; };

  async redirectToAuthorization(url) {
    this.authorizations.push(Object.fromEntries(url.searchParams));
    this.answer = await browse(url);
  }
}

// Ends the login that an action of a transport has asked for.
function log_in(memory, transport) {
  return transport.finishAuth(generation === '2' ? memory.answer : memory.answer.get('code'));
}

function prepared(memory, path) {
  const transport = new sdk.StreamableHTTPClientTransport(new URL(NGINX + path), { authProvider: memory, fetch: watched });
  return [new sdk.Client(NAME, { versionNegotiation: { mode: 'auto' } }), transport];
}

// A connection to an MCP server; where it asks for a login, after that.
async function connect(memory, path) {
  for (let attempt = 0; ; attempt++) {
    const [client, transport] = prepared(memory, path);
    try {
      await client.connect(transport);
      return [client, transport];
    } catch (error) {
      if (!(error instanceof sdk.UnauthorizedError) || attempt) throw error;
      await log_in(memory, transport);
    }
  }
}

async function call([client, transport], memory, name) {
  const ask = () => client.callTool({ name, arguments: {} });
  let result;
  try {
    result = await ask();
  } catch (error) {
    if (!(error instanceof sdk.UnauthorizedError)) throw error;
    await log_in(memory, transport);
    result = await ask();
  }
  return result.content[0].text;
}

// A step: what its action gives, or how it failed; with the requests and logins it took.
async function step(name, memory, action) {
  exchanges = [];
  memory.authorizations = [];
  let outcome;
  try {
    outcome = { result: await action() };
  } catch (error) {
    outcome = { error: String(error?.stack ?? error) };
  }
  const { authorizations } = memory;
  console.log(JSON.stringify({ step: name, ...outcome, exchanges, authorizations, tokens: memory.kept }));
}

async function lifetime(seconds) {
  await fetch(`${PROVIDER}/test/lifetime/${seconds}`, { method: 'POST' });
}

// A login whose token has expired when it is first used.
async function with_expired_token(memory, path) {
  await lifetime(1);
  const [client, transport] = prepared(memory, path);
  await client.connect(transport).catch(() => {});
  await log_in(memory, transport);
  await lifetime(600);
  await new Promise(resolve => setTimeout(resolve, 2500));
}

const path = generation === '2' ? '/mcp' : '/2025';
const grants = generation === '2' ? ['authorization_code', 'refresh_token'] : ['authorization_code'];
const memory = new Memory(grants);
let connection;
await step('begin', memory, async () => {
  connection = await connect(memory, path);
  const { tools } = await connection[0].listTools();
  return [tools.map(tool => tool.name).sort().join(' '), await call(connection, memory, 'whoami')];
});
// Where requests do not name their tool, it has a place of its own.
await step('step up', memory, async () => {
  if (generation === '1') connection = await connect(memory, '/2025/publish');
  return [await call(connection, memory, 'publish'), await call(connection, memory, 'whoami')];
});
const late = new Memory(grants);
await with_expired_token(late, path);
await step('expired', late, async () => call(await connect(late, path), late, 'whoami'));
const other = new Memory(grants);
await step('another resource', other, async () => call(await connect(other, '/'), other, 'whoami'));
process.exit();
