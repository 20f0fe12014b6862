#!/usr/bin/env python3
"""Writes t/data: tokens by PyJWT and jwcrypto, those that mint.mjs has made, RFC vectors, and
hostile ones. Usage: mint.py OUTPUT_OF_MINT_MJS. See README.md."""
import functools
import importlib.util
import json
import pathlib
import sys
import warnings

sys.dont_write_bytecode = True
import jwcrypto
import jwt as pyjwt
from jwcrypto import jwe, jwk, jws
from jwcrypto.common import base64url_decode

import hostile
import hostile_jwe
import raw
from hostile import FUTURE, SIGNERS, head, keys
from raw import DATA, private, public

warnings.filterwarnings('ignore')
PYJWT, JWCRYPTO = f'PyJWT {pyjwt.__version__}', None
CLAIMS = {'sub': 'alice', 'iss': 'https://issuer.example', 'aud': ['api', 'web'], 'iat': 1577836800,
          'name': 'J\u00fcrgen \u5c71\u7530', 'admin': True, 'groups': ['staff', 'dev'],
          'address': {'city': 'Wien', 'zip': 1010}}
ENCS = {'A128CBC-HS256': 32, 'A192CBC-HS384': 48, 'A256CBC-HS512': 64, 'A128GCM': 16, 'A192GCM': 24,
        'A256GCM': 32}
RSA_OAEP = ('RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512')
OTHERS = ('hs_short', 'hs_long', 'rsa4096', 'rsa2048_e3', 'rsa8192')


def key_sets():
    names = list(dict.fromkeys(key for _, key in SIGNERS))
    sets = {'jws_all': keys(*map(public, names)),
            'jws_all_nokid': keys(*(public(name, kid=None) for name in names))}
    for name in names + list(OTHERS):
        sets[name] = keys(public(name))
        if name != 'rsa8192':
            sets[name + '_nokid'] = keys(public(name, kid=None))
    enc = ['enc16', 'enc24', 'enc32', 'enc48', 'enc64', 'rsa2048', 'p256', 'p384', 'p521', 'x25519']
    sets['jwe_all'] = keys(*map(private, enc))
    sets['jwe_all_nokid'] = keys(*(private(name, kid=None) for name in enc))
    sets['nested_all'] = keys(
        *(private(name, use='enc') for name in enc),
        *(public(name, use='sig') for name in ('hs256', 'rsa2048_other', 'p256_other', 'ed25519')))
    for name in enc:
        sets[name + '_private'] = keys(private(name))
    return sets


# --- JWS --------------------------------------------------------------------------------------

def variants():
    """(label, kid or None, claims) of the tokens that every implementation makes of an alg."""
    yield 'kid', True, CLAIMS
    yield 'no kid', False, CLAIMS
    yield 'kid, exp in 2100', True, {'sub': 'alice', 'exp': FUTURE, 'nbf': 1577836800}
    yield 'no kid, fractional exp', False, {'sub': 'alice', 'exp': FUTURE + 0.5}


def by_pyjwt(alg, key, claims, kid):
    return pyjwt.encode(claims, raw.load(key), alg, {'kid': kid} if kid else None)


@functools.cache
def private_jwk(name):
    return jwk.JWK(**private(name))


def by_jwcrypto(alg, key, claims, kid):
    token = jws.JWS(json.dumps(claims))
    token.allowed_algs = [alg]
    token.add_signature(private_jwk(key), None, json.dumps(head(alg, kid)))
    return token.serialize(compact=True)


def signed_in_python():
    rows = []
    more = [('HS256', 'hs_short'), ('RS256', 'rsa4096'), ('RS512', 'rsa4096'),
            ('PS256', 'rsa4096'), ('PS512', 'rsa4096'), ('RS256', 'rsa8192'),
            ('PS256', 'rsa8192')]
    for name, make in ((PYJWT, by_pyjwt), (JWCRYPTO, by_jwcrypto)):
        for alg, key in SIGNERS + more:
            if make == by_pyjwt and alg in ('Ed25519', 'Ed448'):
                continue  # PyJWT has no RFC 9864 names
            if make == by_jwcrypto and key == 'hs_short':
                continue  # it refuses so short a secret
            for label, with_kid, claims in variants():
                if (alg, key) in more and label != 'kid':
                    continue
                kid = key if with_kid else None
                rows.append({
                    'name': f'{name.split()[0]} {alg} {key}, {label}', 'implementation': name,
                    'alg': alg, 'kid': kid,
                    'jwks_ref': ('jws_all' if (alg, key) not in more else key) if kid
                    else key + '_nokid',
                    'token': make(alg, key, claims, kid), 'claims': claims})
    return rows


def check_jws(row, sets):
    """With jwcrypto, and with PyJWT where it has the algorithm."""
    if row.get('jwks_ref') == 'hs_short':
        return  # jwcrypto refuses so short a secret; mint.mjs verifies it
    key_set = row.get('jwks') or sets[row['jwks_ref']]
    seen = jws.JWS()
    seen.allowed_algs = [row['alg']]
    seen.deserialize(row['token'])
    for entry in key_set['keys']:
        if row['kid'] is not None and entry.get('kid') != row['kid']:
            continue
        try:
            seen.verify(jwk.JWK(**entry))
            break
        except Exception:
            continue
    else:
        raise AssertionError(row['name'])
    assert json.loads(seen.payload) == row['claims'], row['name']
    if row['alg'] not in ('Ed25519', 'Ed448'):
        got = pyjwt.decode(row['token'], pyjwt.PyJWK(entry, row['alg']), [row['alg']],
                           options={'verify_aud': False})
        assert got == row['claims'], row['name']


# --- JWE --------------------------------------------------------------------------------------

def jwe_pairs():
    """(alg, enc, kid) of every pair of the contract."""
    for enc, size in ENCS.items():
        for bits in (128, 192, 256):
            yield f'A{bits}KW', enc, f'enc{bits // 8}'
            yield f'A{bits}GCMKW', enc, f'enc{bits // 8}'
        yield 'dir', enc, f'enc{size}'
        for alg in RSA_OAEP:
            yield alg, enc, 'rsa2048'
        for key in ('p256', 'p384', 'p521', 'x25519'):
            for alg in ('ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A192KW', 'ECDH-ES+A256KW'):
                yield alg, enc, key


def recipient(name):
    """What jwcrypto encrypts to."""
    return jwk.JWK(**public(name))


def oaep_row(alg, enc, key, claims):
    """jwcrypto has neither OAEP with SHA-384 nor with SHA-512; cryptography's primitives do."""
    import cryptography
    implementation = f'cryptography {cryptography.__version__}'
    return {'name': f'cryptography {alg} {enc} {key}', 'implementation': implementation, 'alg': alg,
            'enc': enc, 'type': 'encrypted', 'jwks_ref': 'jwe_all',
            'token': hostile_jwe.jwe(alg, enc, key, plaintext=claims), 'claims': claims}


def encrypted_in_python():
    rows = []
    for alg, enc, key in jwe_pairs():
        claims = {'sub': 'alice', 'alg': alg, 'enc': enc}
        if alg in ('RSA-OAEP-384', 'RSA-OAEP-512'):
            rows.append(oaep_row(alg, enc, key, claims))
            continue
        token = jwe.JWE(json.dumps(claims), json.dumps({'alg': alg, 'enc': enc, 'kid': key}))
        token.add_recipient(recipient(key))
        rows.append({'name': f'jwcrypto {alg} {enc} {key}', 'implementation': JWCRYPTO, 'alg': alg,
                     'enc': enc, 'type': 'encrypted', 'jwks_ref': 'jwe_all',
                     'token': token.serialize(compact=True), 'claims': claims})
    for alg, key in (('RS256', 'rsa2048_other'), ('ES256', 'p256_other'), ('HS256', 'hs256'),
                     ('EdDSA', 'ed25519')):
        for outer, enc, to in (('RSA-OAEP', 'A256GCM', 'rsa2048'),
                               ('A256KW', 'A128CBC-HS256', 'enc32'), ('dir', 'A128GCM', 'enc16'),
                               ('ECDH-ES', 'A256GCM', 'p256')):
            for cty in ('JWT', None):
                inner = by_jwcrypto(alg, key, CLAIMS, key)
                header = {'alg': outer, 'enc': enc, 'kid': to, **({'cty': cty} if cty else {})}
                token = jwe.JWE(inner, json.dumps(header))
                token.add_recipient(recipient(to))
                rows.append({
                    'name': f'jwcrypto {outer} {enc} {to}, inner {alg}' + ('' if cty else ', no cty'),
                    'implementation': JWCRYPTO, 'alg': outer, 'enc': enc, 'type': 'nested',
                    'jwks_ref': 'nested_all', 'token': token.serialize(compact=True),
                    'claims': CLAIMS, 'inner': inner})
    return rows


def check_jwe(row, sets):
    if row['alg'] in ('RSA-OAEP-384', 'RSA-OAEP-512'):
        return  # mint.mjs has checked these with its second library
    key_set = row.get('jwks') or sets[row['jwks_ref']]
    header = json.loads(base64url_decode(row['token'].split('.')[0]))
    for entry in key_set['keys']:
        if 'kid' in header and entry.get('kid') not in (None, header['kid']):
            continue
        try:
            seen = jwe.JWE()
            # jwcrypto asks for `decrypt` among the key_ops whatever the algorithm does
            seen.deserialize(row['token'], jwk.JWK(**{
                m: v for m, v in entry.items() if m not in ('use', 'key_ops', 'alg')}))
            break
        except Exception:
            continue
    else:
        raise AssertionError(row['name'])
    if row['type'] == 'encrypted':
        assert json.loads(seen.payload) == row['claims'], row['name']
    else:
        inner = seen.payload.decode()
        head_ = json.loads(base64url_decode(inner.split('.')[0]))
        check_jws({'name': row['name'], 'alg': head_['alg'], 'kid': head_.get('kid'),
                   'jwks': key_set, 'token': inner, 'claims': row['claims']}, sets)


# --- RFC vectors, as jwcrypto's own tests hold them -------------------------------------------

def module(name):
    path = pathlib.Path(jwcrypto.__file__).parent / name
    spec = importlib.util.spec_from_file_location(name.replace('-', '_')[:-3], path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def rfc_vectors(t, cb):
    rows = []

    def add(source, alg, key, token, status):
        seen = jws.JWS()
        seen.allowed_algs = [alg]
        payload = base64url_decode(token.split('.')[1])
        if alg != 'none':
            seen.deserialize(token, jwk.JWK(**key))
            assert seen.payload == payload
        row = {'source': source, 'alg': alg, 'jwk': key, 'token': token,
               'payload': payload.decode(), 'payload_only': status == 'malformed_token',
               'status': status}
        if not row['payload_only']:
            row['claims'] = json.loads(payload)
        if alg == 'none':
            row['must_refuse'] = True
        rows.append(row)

    def compact(example):
        parts = (example['protected'], example['payload'], example['signature'])
        return '.'.join(raw.b64(p.encode() if isinstance(p, str) else bytes(p)) for p in parts)

    add('RFC 7515 A.1', 'HS256', t.SymmetricKeys['keys'][1], compact(t.A1_example), 'expired')
    add('RFC 7515 A.2', 'RS256', t.A2_key, compact(t.A2_example), 'expired')
    add('RFC 7515 A.3', 'ES256', t.A3_key, compact(t.A3_example), 'expired')
    add('RFC 7515 A.4', 'ES512', t.A4_key, compact(t.A4_example), 'malformed_token')
    add('RFC 7515 A.5', 'none', t.SymmetricKeys['keys'][1], compact(t.A5_example),
        'unsupported_algorithm')
    for n, alg, key in ((1, 'RS256', cb.RSA_Private_Key_3_4), (2, 'PS384', cb.RSA_Private_Key_3_4),
                        (3, 'ES512', cb.EC_Private_Key_3_2), (4, 'HS256', cb.Symmetric_Key_MAC_3_5)):
        add(f'RFC 7520 4.{n}', alg, key, getattr(cb, f'JWS_compact_4_{n}_3'), 'malformed_token')
    add('RFC 8037 A.4', 'EdDSA', t.PrivateKeys_EdDsa['keys'][0],
        'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09P'
        'GcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg', 'malformed_token')
    return rows


def rfc_jwe_vectors(t, cb):
    rows = []

    def add(source, key, token, plaintext, password=None):
        header = json.loads(base64url_decode(token.split('.')[0]))
        seen = jwe.JWE(algs=[header['alg'], header['enc']])
        seen.deserialize(token)
        seen.decrypt(jwk.JWK(**key))
        plaintext = bytes(plaintext) if not isinstance(plaintext, str) else plaintext.encode()
        assert seen.payload == plaintext, source
        row = {'source': source, 'alg': header['alg'], 'enc': header['enc'], 'jwk': key,
               'token': token, 'plaintext': plaintext.decode()}
        if header['alg'].startswith(('PBES2', 'RSA1_5')):
            row |= {'must_refuse': True, 'status': 'unsupported_algorithm'}
        if 'zip' in header:
            row |= {'must_refuse': True, 'status': 'malformed_token'}
        rows.append(row)

    add('RFC 7516 A.1', t.E_A1_key, t.E_A1_vector, t.E_A1_plaintext)
    add('RFC 7516 A.2', t.E_A2_key, t.E_A2_vector, t.E_A2_plaintext)
    add('RFC 7516 A.3', t.E_A3_key, t.E_A3_vector, t.E_A3_plaintext)
    add('RFC 7519 A.1', t.E_A2_key, t.A1_token, '{"iss":"joe",\r\n "exp":1300819380,\r\n '
        '"http://example.com/is_root":true}')
    text = cb.Payload_plaintext_5
    add('RFC 7520 5.1', cb.RSA_key_5_1_1, cb.JWE_compact_5_1_5, text)
    add('RFC 7520 5.2', cb.RSA_key_5_2_1, cb.JWE_compact_5_2_5, text)
    add('RFC 7520 5.3', {'kty': 'oct', 'k': raw.b64(cb.Password_5_3_1)}, cb.JWE_compact_5_3_5,
        cb.Payload_plaintext_5_3_1)
    add('RFC 7520 5.4', cb.EC_key_5_4_1, cb.JWE_compact_5_4_5, text)
    add('RFC 7520 5.5', cb.EC_key_5_5_1, cb.JWE_compact_5_5_5, text)
    add('RFC 7520 5.6', cb.AES_key_5_6_1, cb.JWE_compact_5_6_4, text)
    add('RFC 7520 5.7', cb.AES_key_5_7_1, cb.JWE_compact_5_7_5, text)
    add('RFC 7520 5.8', cb.AES_key_5_8_1, cb.JWE_compact_5_8_5, text)
    add('RFC 7520 5.9', cb.AES_key_5_8_1, cb.JWE_compact_5_9_5, text)
    return rows


# ----------------------------------------------------------------------------------------------

def write(name, value):
    path = DATA / (name + '.json')
    if isinstance(value, list):
        body = '[\n' + ',\n'.join(json.dumps(row) for row in value) + '\n]\n'
    else:
        body = '{\n' + ',\n'.join(f'{json.dumps(k)}: {json.dumps(v)}'
                                  for k, v in value.items()) + '\n}\n'
    path.write_text(body)
    print(f'{len(value):5} {len(body):8} {path.name}')


def main():
    global JWCRYPTO
    from importlib.metadata import version
    JWCRYPTO = 'jwcrypto ' + version('jwcrypto')
    raw.make_missing_keys()
    sets = key_sets()
    minted = json.loads(pathlib.Path(sys.argv[1]).read_text())
    t, cb = module('tests.py'), module('tests-cookbook.py')

    write('key_sets', sets)
    valid = signed_in_python() + minted['jws']
    for row in valid:
        check_jws(row, sets)
    write('jws_valid', valid)
    write('jws_edge_valid', hostile.edge_valid(sets))
    encrypted = encrypted_in_python()
    some = {f"{row['alg']} {row['enc']}": row['token'] for row in encrypted
            if row['enc'] == 'A128GCM' and 'ECDH-ES+' not in row['alg']}
    write('jws_invalid', hostile.invalid(sets, some))
    write('rfc_vectors', rfc_vectors(t, cb))
    write('rfc_jwe_vectors', rfc_jwe_vectors(t, cb))
    encrypted += minted['jwe'] + hostile_jwe.valid(sets)
    for row in encrypted:
        check_jwe(row, sets)
    write('jwe_valid', encrypted)
    write('jwe_invalid', hostile_jwe.invalid(sets))


main()
