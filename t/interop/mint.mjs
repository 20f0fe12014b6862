// mint.mjs mint T_DATA    prints the tokens of jose and jsonwebtoken, for mint.py
// mint.mjs verify T_DATA  verifies and decrypts all tokens of t/data that must pass
import * as jose from 'jose';
import * as jose5 from 'jose5';
import jsonwebtoken from 'jsonwebtoken';
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';

const [, , command, data] = process.argv;
const version = (name) =>
  JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version;
const NAMES = { jose: `jose ${version('jose')}`, jose5: `jose ${version('jose5')}`,
  jsonwebtoken: `jsonwebtoken ${version('jsonwebtoken')}` };
const read = (name) => JSON.parse(readFileSync(`${data}/${name}.json`, 'utf8'));
const key = (name) => read(`keys/${name}`);
const publicOf = ({ d, p, q, dp, dq, qi, ...rest }) => rest;

const FUTURE = 4102444800;
const CLAIMS = { sub: 'alice', iss: 'https://issuer.example', aud: ['api', 'web'], iat: 1577836800,
  name: 'J\u00fcrgen \u5c71\u7530', admin: true, groups: ['staff', 'dev'],
  address: { city: 'Wien', zip: 1010 } };
const SIGNERS = [['HS256', 'hs256'], ['HS384', 'hs384'], ['HS512', 'hs512'],
  ['RS256', 'rsa2048'], ['RS384', 'rsa2048'], ['RS512', 'rsa2048'],
  ['PS256', 'rsa2048'], ['PS384', 'rsa2048'], ['PS512', 'rsa2048'],
  ['ES256', 'p256'], ['ES384', 'p384'], ['ES512', 'p521'],
  ['EdDSA', 'ed25519'], ['EdDSA', 'ed448'], ['Ed25519', 'ed25519']];
const VARIANTS = [['kid', true, CLAIMS], ['no kid', false, CLAIMS],
  ['kid, exp in 2100', true, { sub: 'alice', exp: FUTURE, nbf: 1577836800 }],
  ['no kid, fractional exp', false, { sub: 'alice', exp: FUTURE + 0.5 }]];

const importKey = (library, jwk, alg) => library.importJWK({ ...jwk, alg: undefined, use: undefined,
  key_ops: undefined, ext: undefined }, alg);

async function signBy(library, alg, name, claims, kid) {
  if (library === jsonwebtoken) {
    const jwk = key(name);
    const secret = jwk.kty === 'oct' ? Buffer.from(jwk.k, 'base64url')
      : crypto.createPrivateKey({ key: jwk, format: 'jwk' });
    return jsonwebtoken.sign(claims, secret,
      { algorithm: alg, noTimestamp: !('iat' in claims), ...(kid ? { keyid: name } : {}) });
  }
  return new library.SignJWT(claims)
    .setProtectedHeader({ alg, typ: 'JWT', ...(kid ? { kid: name } : {}) })
    .sign(await importKey(library, key(name), alg));
}

async function jwsTokens() {
  const rows = [];
  const more = [['HS256', 'hs_short'], ['RS512', 'rsa4096'], ['PS384', 'rsa4096']];
  for (const [library, id] of [[jose, 'jose'], [jose5, 'jose5'], [jsonwebtoken, 'jsonwebtoken']]) {
    for (const [alg, name] of [...SIGNERS, ...more]) {
      if (library === jose && name === 'ed448') continue; // jose 6 has dropped Ed448
      if (library === jose5 && name !== 'ed448') continue;
      if (library === jsonwebtoken && /^Ed/.test(alg)) continue;
      const rare = more.some(([, n]) => n === name);
      for (const [label, kid, claims] of VARIANTS) {
        if (rare && label !== 'kid') continue;
        rows.push({ name: `${id} ${alg} ${name}, ${label}`, implementation: NAMES[id], alg,
          kid: kid ? name : null, jwks_ref: kid ? (rare ? name : 'jws_all') : `${name}_nokid`,
          token: await signBy(library, alg, name, claims, kid), claims });
      }
    }
  }
  return rows;
}

const ENCS = { 'A128CBC-HS256': 32, 'A192CBC-HS384': 48, 'A256CBC-HS512': 64, A128GCM: 16,
  A192GCM: 24, A256GCM: 32 };

function* jwePairs() {
  for (const [enc, size] of Object.entries(ENCS)) {
    for (const bits of [128, 192, 256]) {
      yield [`A${bits}KW`, enc, `enc${bits / 8}`];
      yield [`A${bits}GCMKW`, enc, `enc${bits / 8}`];
    }
    yield ['dir', enc, `enc${size}`];
    for (const alg of ['RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512']) {
      yield [alg, enc, 'rsa2048'];
    }
    for (const name of ['p256', 'p384', 'p521', 'x25519']) {
      for (const alg of ['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A192KW', 'ECDH-ES+A256KW']) {
        yield [alg, enc, name];
      }
    }
  }
}

async function encrypt(plaintext, alg, enc, name, more = {}, parties = {}) {
  const jwe = new jose.CompactEncrypt(new TextEncoder().encode(plaintext))
    .setProtectedHeader({ alg, enc, kid: name, ...more });
  if (parties.apu) jwe.setKeyManagementParameters(parties);
  return jwe.encrypt(await importKey(jose, publicOf(key(name)), alg === 'dir' ? enc : alg));
}

async function jweTokens() {
  const rows = [];
  for (const [alg, enc, name] of jwePairs()) {
    const claims = { sub: 'alice', alg, enc };
    const token = await encrypt(JSON.stringify(claims), alg, enc, name);
    rows.push({ name: `jose ${alg} ${enc} ${name}`, implementation: NAMES.jose, alg, enc,
      type: 'encrypted', jwks_ref: 'jwe_all', token, claims });
    if (/^RSA-OAEP-(384|512)$/.test(alg)) await decrypt(jose5, { token, alg, enc }, [key(name)]);
  }
  const apu = new TextEncoder().encode('Alice'), apv = new TextEncoder().encode('Bob');
  for (const name of ['p256', 'p384', 'p521', 'x25519']) {
    for (const alg of ['ECDH-ES', 'ECDH-ES+A256KW']) {
      const claims = { sub: 'alice' };
      rows.push({ name: `jose ${alg} A256CBC-HS512 ${name}, apu and apv`, implementation: NAMES.jose,
        alg, enc: 'A256CBC-HS512', type: 'encrypted', jwks_ref: 'jwe_all',
        token: await encrypt(JSON.stringify(claims), alg, 'A256CBC-HS512', name, {}, { apu, apv }),
        claims });
    }
  }
  for (const [alg, name] of [['RS256', 'rsa2048_other'], ['PS512', 'rsa2048_other'],
    ['ES256', 'p256_other'], ['HS256', 'hs256'], ['EdDSA', 'ed25519'], ['Ed25519', 'ed25519']]) {
    for (const [outer, enc, to] of [['RSA-OAEP-256', 'A256GCM', 'rsa2048'],
      ['RSA-OAEP-512', 'A128CBC-HS256', 'rsa2048'], ['A128GCMKW', 'A192CBC-HS384', 'enc16'],
      ['dir', 'A256CBC-HS512', 'enc64'], ['ECDH-ES+A128KW', 'A128GCM', 'x25519']]) {
      const inner = await signBy(jose, alg, name, CLAIMS, true);
      rows.push({ name: `jose ${outer} ${enc} ${to}, inner ${alg}`, implementation: NAMES.jose,
        alg: outer, enc, type: 'nested', jwks_ref: 'nested_all',
        token: await encrypt(inner, outer, enc, to, { cty: 'JWT' }), claims: CLAIMS, inner });
    }
  }
  return rows;
}

async function decrypt(library, { token, alg, enc }, jwks) {
  let last;
  for (const jwk of jwks) {
    try {
      const it = await importKey(library, jwk, alg === 'dir' ? enc : alg);
      const { plaintext } = await library.compactDecrypt(token, it,
        { keyManagementAlgorithms: [alg] });
      return new TextDecoder().decode(plaintext);
    } catch (error) { last = error; }
  }
  throw last;
}

// node:crypto alone, for the keys and header oddities at which a JOSE library balks
function verifyBare(alg, jwk, token) {
  const at = token.lastIndexOf('.');
  const signed = Buffer.from(token.slice(0, at)), sig = Buffer.from(token.slice(at + 1), 'base64url');
  const hash = 'sha' + alg.slice(2);
  if (alg.startsWith('HS')) {
    if (jwk.kty !== 'oct') return false;
    return crypto.createHmac(hash, Buffer.from(jwk.k, 'base64url')).update(signed).digest()
      .equals(sig);
  }
  const pub = crypto.createPublicKey({ key: publicOf(jwk), format: 'jwk' });
  switch (alg.slice(0, 2)) {
    case 'RS': return crypto.verify(hash, signed, pub, sig);
    case 'PS': return crypto.verify(hash, signed, { key: pub, saltLength: alg.slice(2) / 8,
      padding: crypto.constants.RSA_PKCS1_PSS_PADDING }, sig);
    case 'ES': return crypto.verify(hash, signed, { key: pub, dsaEncoding: 'ieee-p1363' }, sig);
    default: return crypto.verify(null, signed, pub, sig);
  }
}

const same = (a, b) => crypto.createHash('sha256').update(canonical(a)).digest('hex') ===
  crypto.createHash('sha256').update(canonical(b)).digest('hex');
const canonical = (v) => JSON.stringify(v, (_, x) => x && typeof x === 'object' && !Array.isArray(x)
  ? Object.fromEntries(Object.entries(x).sort(([a], [b]) => (a < b ? -1 : 1))) : x);

async function verify() {
  const sets = read('key_sets');
  const keysOf = (row) => {
    const set = row.jwks ?? sets[row.jwks_ref];
    return (set.keys ?? [set]).filter((k) => k && typeof k === 'object' && !Array.isArray(k));
  };
  const count = {};
  const done = (what) => { count[what] = (count[what] ?? 0) + 1; };
  const fail = (row, why) => { console.error(`${row.name ?? row.source}: ${why}`); process.exitCode = 1; };

  for (const row of [...read('jws_valid'), ...read('jws_edge_valid')]) {
    const candidates = keysOf(row);
    if (!candidates.some((jwk) => {
      try { return verifyBare(row.alg, jwk, row.token); } catch { return false; }
    })) fail(row, 'no key verifies it');
    const claims = JSON.parse(Buffer.from(row.token.split('.')[1], 'base64url').toString('utf8'));
    for (const [name, value] of Object.entries(row.claims)) {
      if (!same(claims[name], value)) fail(row, `claim ${name}`);
    }
    done('jws by node:crypto');
    if (row.payload !== undefined) continue; // an oddity
    const library = /ed448/i.test(row.name) ? jose5 : jose;
    if (row.alg === 'Ed448' || /short/.test(row.name)) continue;
    let ok = false;
    for (const jwk of candidates) {
      try {
        await library.compactVerify(row.token, await importKey(library, jwk, row.alg),
          { algorithms: [row.alg] });
        ok = true;
      } catch { /* the next */ }
    }
    if (!ok) fail(row, 'jose does not verify it');
    done('jws by jose');
  }
  for (const row of read('rfc_vectors')) {
    if (row.alg === 'none') continue;
    if (!verifyBare(row.alg, row.jwk, row.token)) fail(row, 'not verified');
    done('rfc jws');
  }
  for (const row of read('jwe_valid')) {
    let text;
    try { text = await decrypt(jose, row, keysOf(row)); } catch (error) { fail(row, error); continue; }
    if (row.type === 'encrypted' && !same(JSON.parse(text), row.claims)) {
      fail(row, 'claims');
    }
    if (row.type === 'nested') {
      const alg = JSON.parse(Buffer.from(text.split('.')[0], 'base64url')).alg;
      if (!keysOf(row).some((jwk) => {
        try { return verifyBare(alg, jwk, text); } catch { return false; }
      })) fail(row, 'inner signature');
    }
    done('jwe by jose');
  }
  for (const row of read('rfc_jwe_vectors')) {
    if (row.must_refuse) continue;
    const { use, alg, ...jwk } = row.jwk;
    if (await decrypt(jose, row, [jwk]) !== row.plaintext) fail(row, 'plaintext');
    done('rfc jwe');
  }
  console.log(count, process.exitCode ? 'FAILED' : 'ok');
}

if (command === 'mint') {
  process.stdout.write(JSON.stringify({ jws: await jwsTokens(), jwe: await jweTokens() }));
} else if (command === 'verify') {
  await verify();
} else {
  console.error('mint.mjs mint|verify T_DATA');
  process.exitCode = 2;
}
