#!/usr/bin/env python3
"""A second reading of the contract: a small JWS verifier that shares nothing with the minting but
base64 tables, run over t/data. It finds mistakes in the expected words. Usage: check.py"""
import base64
import hmac
import json
import re
import sys

sys.dont_write_bytecode = True
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils

from raw import DATA


class Refused(Exception):
    pass


def decode(segment):
    if not re.fullmatch(r'[A-Za-z0-9_-]*', segment, re.A) or len(segment) % 4 == 1:
        raise Refused('malformed_token')
    raw = base64.urlsafe_b64decode(segment + '=' * (-len(segment) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b'=').decode() != segment:
        raise Refused('malformed_token')
    return raw


class Number(str):
    pass


def parse(raw):
    """An object: {name: value}; numbers stay text."""
    top = []

    def pairs(items):
        top.append(items)
        return dict(items)

    def refuse(_):
        raise ValueError

    try:
        text = raw.decode('utf-8')
        depth = deepest = 0
        for sign in re.sub(r'"(?:[^"\\]|\\.)*"', '', text, flags=re.S):
            depth += (sign in '[{') - (sign in ']}')
            deepest = max(deepest, depth)
        if deepest > 128 or text.startswith('\ufeff'):
            raise ValueError
        value = json.loads(text, object_pairs_hook=pairs, parse_int=Number, parse_float=Number,
                           parse_constant=refuse)
        if not isinstance(value, dict) or isinstance(value, Number):
            raise ValueError
        names = [name for name, _ in top[-1]]  # the outermost object ends last
        if len(set(names)) != len(names):
            raise ValueError
        json.dumps([value, top], ensure_ascii=False).encode('utf-8')  # no lone surrogate
        return value
    except (ValueError, RecursionError):
        raise Refused('malformed_token')


def number(claims, name):
    if name not in claims:
        return None
    if not isinstance(claims[name], Number):
        raise Refused('malformed_token')
    value = float(claims[name])
    if value in (float('inf'), float('-inf')):
        raise Refused('malformed_token')
    return value


HASH = {'256': hashes.SHA256(), '384': hashes.SHA384(), '512': hashes.SHA512()}
FIT = {'oct': {'HS256', 'HS384', 'HS512'},
       'RSA': {a + b for a in ('RS', 'PS') for b in HASH},
       'P-256': {'ES256'}, 'P-384': {'ES384'}, 'P-521': {'ES512'},
       'Ed25519': {'EdDSA', 'Ed25519'}, 'Ed448': {'EdDSA', 'Ed448'}}
KNOWN = set().union(*FIT.values())
JWE_ALGS = {'dir', 'A128KW', 'RSA-OAEP', 'RSA-OAEP-256', 'ECDH-ES', 'A128GCM'}


def member(jwk, name):
    if not isinstance(jwk.get(name), str):
        raise KeyError
    return decode(jwk[name].rstrip('='))


def load(jwk):
    """(kid, algorithms, verifier), or None for an entry to skip."""
    try:
        kty, kid = jwk['kty'], jwk.get('kid')
        if not isinstance(kid, (str, type(None))):
            return None
        if kty == 'oct':
            k = member(jwk, 'k')
            if not k:
                return None
            fit, key = FIT['oct'], k
        elif kty == 'RSA':
            n, e = (int.from_bytes(member(jwk, m), 'big') for m in 'ne')
            if not 2048 <= n.bit_length() <= 8192 or e % 2 == 0 or e < 3 or e.bit_length() > 33:
                return None
            fit, key = FIT['RSA'], rsa.RSAPublicNumbers(e, n)
        elif kty == 'EC':
            curve, size = {'P-256': (ec.SECP256R1, 32), 'P-384': (ec.SECP384R1, 48),
                           'P-521': (ec.SECP521R1, 66)}[jwk['crv']]
            x, y = member(jwk, 'x'), member(jwk, 'y')
            if not 0 < len(x) <= size or not 0 < len(y) <= size:
                return None
            fit = FIT[jwk['crv']]
            key = ec.EllipticCurvePublicNumbers(int.from_bytes(x, 'big'), int.from_bytes(y, 'big'),
                                                curve()).public_key()
        elif kty == 'OKP':
            fit = FIT[jwk['crv']]
            key = {'Ed25519': ed25519.Ed25519PublicKey, 'Ed448': ed448.Ed448PublicKey}[
                jwk['crv']].from_public_bytes(member(jwk, 'x'))
        else:
            return None
        if 'alg' in jwk:
            fit = fit & {jwk['alg']}
        if 'use' in jwk and jwk['use'] != 'sig':
            fit = set()
        if 'key_ops' in jwk and (not isinstance(jwk['key_ops'], list) or
                                 'verify' not in jwk['key_ops']):
            fit = set()
        return kid, fit, key
    except (KeyError, TypeError, ValueError, AttributeError, Refused):
        return None


def pow_verify(alg, key, data, signature):
    """RSA by hand: the library wants to load neither all exponents nor all sizes."""
    size = (key.n.bit_length() + 7) // 8
    value = int.from_bytes(signature, 'big')
    if len(signature) != size or value >= key.n:
        return False
    em = pow(value, key.e, key.n).to_bytes(size, 'big')
    import hashlib
    name = 'sha' + alg[2:]
    digest = hashlib.new(name, data).digest()
    if alg.startswith('RS'):
        info = bytes([0x30, len(digest) + 17]) + bytes.fromhex(
            '300d060960864801650304020' + {'256': '1', '384': '2', '512': '3'}[alg[2:]] +
            '0500' + f'04{len(digest):02x}') + digest
        return em == b'\0\1' + b'\xff' * (size - 3 - len(info)) + b'\0' + info
    bits = key.n.bit_length() - 1
    length = (bits + 7) // 8
    if em[:size - length] != bytes(size - length):
        return False
    em = em[size - length:]
    h = len(digest)
    db, seed_hash = em[:length - h - 1], em[length - h - 1:-1]
    if em[-1] != 0xbc or db[0] >> (8 - (8 * length - bits)):
        return False
    mask = b''.join(hashlib.new(name, seed_hash + i.to_bytes(4, 'big')).digest()
                    for i in range(len(db) // h + 1))[:len(db)]
    db = bytes(a ^ b for a, b in zip(db, mask))
    db = bytes([db[0] & (0xff >> (8 * length - bits))]) + db[1:]
    zeros = length - 2 * h - 2
    if db[:zeros] != bytes(zeros) or db[zeros] != 1:
        return False
    salt = db[zeros + 1:]
    return hashlib.new(name, bytes(8) + digest + salt).digest() == seed_hash


def verifies(alg, key, data, signature):
    if alg.startswith('HS'):
        return hmac.compare_digest(hmac.new(key, data, 'sha' + alg[2:]).digest(), signature)
    if alg[:2] in ('RS', 'PS'):
        return pow_verify(alg, key, data, signature)
    try:
        if alg.startswith('ES'):
            size = (key.curve.key_size + 7) // 8
            if len(signature) != 2 * size:
                return False
            der = utils.encode_dss_signature(int.from_bytes(signature[:size], 'big'),
                                             int.from_bytes(signature[size:], 'big'))
            key.verify(der, data, ec.ECDSA(HASH[alg[2:]]))
        else:
            key.verify(signature, data)
        return True
    except InvalidSignature:
        return False


def judge(token, key_set):
    segments = token.split('.')
    if len(segments) not in (3, 5):
        return 'malformed_token'
    header = parse(decode(segments[0]))
    if not isinstance(header.get('alg'), str) or isinstance(header['alg'], Number):
        return 'malformed_token'
    for name in ('kid', 'typ', 'cty', 'enc'):
        if name in header and (not isinstance(header[name], str) or
                               isinstance(header[name], Number)):
            return 'malformed_token'
    if {'crit', 'b64', 'zip'} & set(header):
        return 'malformed_token'
    if len(segments) == 5:
        return 'wrong_type'
    alg, kid = header['alg'], header.get('kid')
    if alg not in KNOWN:
        return 'unsupported_algorithm'
    payload, signature = decode(segments[1]), decode(segments[2])
    keys = [k for k in map(load, key_set.get('keys', [key_set])) if k]
    if not keys:
        return 'keys_unavailable'
    if kid is not None:
        named = [k for k in keys if k[0] == kid]
        keys = named or [k for k in keys if k[0] is None]
    keys = [k for k in keys if alg in k[1]][:32]
    if not keys:
        return 'unknown_key'
    data = token.rpartition('.')[0].encode()
    if not any(verifies(alg, k[2], data, signature) for k in keys):
        return 'invalid_signature'
    claims = parse(payload)
    now = 1800000000
    exp, nbf = number(claims, 'exp'), number(claims, 'nbf')
    if exp is not None and now >= exp:
        return 'expired'
    if nbf is not None and now < nbf:
        return 'not_yet_valid'
    return 'ok'


def main():
    read = lambda name: json.loads((DATA / (name + '.json')).read_text())
    sets = read('key_sets')
    bad = 0
    for name in ('jws_valid', 'jws_edge_valid', 'jws_invalid', 'rfc_vectors'):
        rows = read(name)
        for row in rows:
            key_set = row.get('jwks') or ({'keys': [row['jwk']]} if 'jwk' in row
                                          else sets[row['jwks_ref']])
            try:
                got = judge(row['token'], key_set)
            except Refused as refused:
                got = str(refused)
            want = row.get('status_any') or [row.get('status', 'ok')]
            if got not in want or (got != want[0] and '-v' in sys.argv):
                bad += got not in want
                print(name, row.get('name', row.get('source')), 'is', got, 'and not', want)
        print(name, len(rows))
    sys.exit(1 if bad else 0)


sys.setrecursionlimit(50000)
main()
