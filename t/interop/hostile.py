"""Tokens that must be refused, and odd ones that must pass."""
import hashlib
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import utils

from raw import (b64, b64int, digest_info, intb64, load, pkcs1, private, public, raw_rsa, secret,
                 sign, text, token, unb64)

FUTURE = 4102444800  # 2100-01-01
CLAIMS = {'sub': 'alice', 'iss': 'https://issuer.example', 'n': 1}
SIGNERS = [('HS256', 'hs256'), ('HS384', 'hs384'), ('HS512', 'hs512'),
           ('RS256', 'rsa2048'), ('RS384', 'rsa2048'), ('RS512', 'rsa2048'),
           ('PS256', 'rsa2048'), ('PS384', 'rsa2048'), ('PS512', 'rsa2048'),
           ('ES256', 'p256'), ('ES384', 'p384'), ('ES512', 'p521'),
           ('EdDSA', 'ed25519'), ('EdDSA', 'ed448'), ('Ed25519', 'ed25519'), ('Ed448', 'ed448')]
ORDER = {'p256': 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551,
         'p384': 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973,
         'p521': 2**521 - 0x5ae79787c40d069948033feb708f65a2fc44a36477663b851449048e16ec79bf7,
         'ed25519': 2**252 + 27742317777372353535851937790883648493,
         'ed448': 2**446 - 13818066809895115352007386748515426880336692474882178609894547503885}
MALFORMED, INVALID, UNKNOWN = 'malformed_token', 'invalid_signature', 'unknown_key'
UNSUPPORTED, WRONG_TYPE = 'unsupported_algorithm', 'wrong_type'
ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'


def keys(*jwks):
    return {'keys': list(jwks)}


def decoy():
    """A usable key with another kid and type, so that a set of one unusable key is no empty set."""
    return public('ed25519_other', kid='decoy', alg='EdDSA')


def head(alg, kid=None, **members):
    return {'alg': alg, **({'kid': kid} if kid is not None else {}), **members}


def swap_last(segment, add=1):
    """The same bytes, written with non-zero trailing bits."""
    assert len(segment) % 4 in (2, 3)
    i = ALPHABET.index(segment[-1])
    assert i % (16 if len(segment) % 4 == 2 else 4) == 0
    return segment[:-1] + ALPHABET[i + add]


def padded_to(rest, make):
    """The first payload of growing length whose base64url length is `rest` mod 4."""
    for i in range(4):
        segment = b64(text(make('x' * i)))
        if len(segment) % 4 == rest:
            return segment
    raise AssertionError


class Corpus:
    def __init__(self, sets):
        self.rows, self.sets, self.names = [], sets, set()

    def put(self, name, jwks, tok, **more):
        assert name not in self.names, name
        self.names.add(name)
        row = {'name': name}
        row['jwks_ref' if isinstance(jwks, str) else 'jwks'] = jwks
        if isinstance(jwks, str):
            assert jwks in self.sets, jwks
        row['token'] = tok
        row.update(more)
        if any(c < ' ' or c == '\x7f' for c in tok) or tok != tok.strip():
            row['header_unsafe'] = True
        self.rows.append(row)


class Invalid(Corpus):
    def add(self, name, jwks, tok, status, *others):
        self.put(name, jwks, tok, status=status,
                 **({'status_any': [status, *others]} if others else {}))

    def header(self, name, header, status=MALFORMED, *others, alg='HS256', key='hs256', jwks=None):
        """A header defect under a right signature."""
        self.add('header: ' + name, jwks or key, token(header, CLAIMS, alg, key), status, *others)

    def payload(self, name, payload, status=MALFORMED, *others):
        self.add('payload: ' + name, 'hs256', token(head('HS256', 'hs256'), payload, 'HS256',
                                                    'hs256'), status, *others)


def flip(segment, index, bit=0):
    raw = bytearray(unb64(segment))
    raw[index] ^= 1 << bit
    return b64(bytes(raw))


def halves(raw):
    return raw[:len(raw) // 2], raw[len(raw) // 2:]


def resign(tok, signature):
    return tok.rsplit('.', 1)[0] + '.' + (b64(signature) if isinstance(signature, bytes)
                                          else signature)


def signatures(c):
    for alg, key in SIGNERS:
        label = alg if alg in ('Ed25519', 'Ed448') or not key.startswith('ed') else f'{alg}({key})'
        tok = token(head(alg, key), CLAIMS, alg, key)
        body, _, sig = tok.rpartition('.')
        raw = unb64(sig)
        # A raw ECDSA signature of another length may be told already when it is decoded.
        odd = (INVALID, MALFORMED) if alg.startswith('ES') else (INVALID,)
        c.add(f'{label}: first signature byte flipped', key, resign(tok, flip(sig, 0)), INVALID)
        c.add(f'{label}: middle signature byte flipped', key,
              resign(tok, flip(sig, len(raw) // 2, 3)), INVALID)
        c.add(f'{label}: last signature byte flipped', key, resign(tok, flip(sig, -1)), INVALID)
        c.add(f'{label}: signature one byte short', key, resign(tok, raw[:-1]), *odd)
        c.add(f'{label}: half a signature', key, resign(tok, raw[:len(raw) // 2]), *odd)
        c.add(f'{label}: one byte after the signature', key, resign(tok, raw + b'\0'), *odd)
        c.add(f'{label}: one byte before the signature', key, resign(tok, b'\0' + raw), *odd)
        c.add(f'{label}: empty signature', key, body + '.', INVALID, MALFORMED)
        c.add(f'{label}: signature of zeros', key, resign(tok, bytes(len(raw))), INVALID)
        h, p = body.split('.')
        c.add(f'{label}: another payload', key,
              f'{h}.{b64(text({**CLAIMS, "sub": "bob"}))}.{sig}', INVALID)
        c.add(f'{label}: another header', key,
              f'{b64(text(head(alg, key, x=1)))}.{p}.{sig}', INVALID)
        spare = {'hs256': keys({'kty': 'oct', 'kid': 'hs256', 'k': b64(b'wrong' * 7)}),
                 'rsa2048': keys(public('rsa2048_other', kid='rsa2048')),
                 'p256': keys(public('p256_other', kid='p256')),
                 'ed25519': keys(public('ed25519_other', kid='ed25519'))}.get(key)
        if spare:
            c.add(f'{label}: another key of that kid', spare, tok, INVALID)

    # ECDSA
    for alg, key in SIGNERS[9:12]:
        tok = token(head(alg, key), CLAIMS, alg, key)
        raw = unb64(tok.rsplit('.', 1)[1])
        size, n = len(raw) // 2, ORDER[key]
        r, s = (int.from_bytes(x, 'big') for x in halves(raw))
        join = lambda a, b: a.to_bytes(size, 'big') + b.to_bytes(size, 'big')
        c.add(f'{alg}: DER signature', key, resign(tok, utils.encode_dss_signature(r, s)),
              INVALID, MALFORMED)
        bare = token(head(alg), CLAIMS, alg, key)
        c.add(f'{alg}: DER signature without kid', key, resign(bare, utils.encode_dss_signature(
            *(int.from_bytes(x, 'big') for x in halves(unb64(bare.rsplit('.', 1)[1]))))),
              INVALID, MALFORMED)
        c.add(f'{alg}: r is 0', key, resign(tok, join(0, s)), INVALID)
        c.add(f'{alg}: s is 0', key, resign(tok, join(r, 0)), INVALID)
        c.add(f'{alg}: r and s are the order', key, resign(tok, join(n, n)), INVALID)
        c.add(f'{alg}: r and s are 1', key, resign(tok, join(1, 1)), INVALID)
        c.add(f'{alg}: r and s are swapped', key, resign(tok, join(s, r)), INVALID)
        c.add(f'{alg}: all bits set', key, resign(tok, b'\xff' * 2 * size), INVALID)
        if key == 'p521':
            c.add(f'{alg}: r + n', key, resign(tok, join(r + n, s)), INVALID)
            c.add(f'{alg}: s + n', key, resign(tok, join(r, s + n)), INVALID)
            c.add(f'{alg}: r and s without their leading zeros, 65 + 65 bytes', key,
                  resign(tok, raw[1:size] + raw[size + 1:]), INVALID, MALFORMED)
        other = {'ES256': hashes.SHA384, 'ES384': hashes.SHA256, 'ES512': hashes.SHA256}[alg]
        c.add(f'{alg}: signed over {other.name}', key,
              token(head(alg, key), CLAIMS, alg, key, digest=other), INVALID)

    # EdDSA: S must be below the order
    for alg, key in SIGNERS[12:14]:
        tok = token(head(alg, key), CLAIMS, alg, key)
        raw = unb64(tok.rsplit('.', 1)[1])
        half = len(raw) // 2
        s = int.from_bytes(raw[half:], 'little') + ORDER[key]
        c.add(f'{alg}({key}): S + L', key, resign(tok, raw[:half] + s.to_bytes(half, 'little')),
              INVALID)
        c.add(f'{alg}({key}): identity R, S is 0', key,
              resign(tok, b'\1' + bytes(2 * half - 1)), INVALID)
    c.add('Ed448: an Ed25519 signature',
          keys(public('ed448', kid='k')),
          resign(token(head('Ed448', 'k'), CLAIMS, 'EdDSA', 'ed448'),
                 sign('EdDSA', 'ed25519', b'x')), INVALID)

    # RSA
    for alg in ('RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'):
        other = {'R': 'P', 'P': 'R'}[alg[0]] + alg[1:]
        c.add(f'{alg}: a {other} signature', 'rsa2048',
              token(head(alg, 'rsa2048'), CLAIMS, other, 'rsa2048'), INVALID)
        other = alg[:2] + {'256': '512', '384': '256', '512': '384'}[alg[2:]]
        c.add(f'{alg}: a {other} signature', 'rsa2048',
              token(head(alg, 'rsa2048'), CLAIMS, other, 'rsa2048'), INVALID)
    for key, alg in (('rsa2048', 'PS256'), ('rsa2048', 'PS384'), ('rsa2048', 'PS512'),
                     ('rsa8192', 'PS256'), ('rsa8192', 'PS512')):
        size, hlen = len(unb64(private(key)['n'])), int(alg[2:]) // 8
        for salt in (0, 20, hlen - 1, hlen + 1, size - hlen - 2):
            if key.startswith('rsa2048') or salt in (0, hlen + 1):
                c.add(f'{alg} with {key}: a salt of {salt} bytes', key,
                      token(head(alg, key), CLAIMS, alg, key, salt=salt), INVALID)
        c.add(f'{alg} with {key}: MGF1 with SHA-1', key,
              token(head(alg, key), CLAIMS, alg, key, mgf=hashes.SHA1), INVALID)
    for alg in ('RS256', 'RS512', 'PS256', 'PS384'):
        tok = token(head(alg, 'rsa8192'), CLAIMS, alg, 'rsa8192')
        sig = tok.rsplit('.', 1)[1]
        c.add(f'{alg} with rsa8192: signature byte flipped', 'rsa8192', resign(tok, flip(sig, 9)),
              INVALID)
        c.add(f'{alg} with rsa8192: signature one byte short', 'rsa8192',
              resign(tok, unb64(sig)[:-1]), INVALID)
    tok = token(head('RS256', 'rsa2048'), CLAIMS, 'RS256', 'rsa2048')
    data, n = tok.rsplit('.', 1)[0].encode(), intb64(private('rsa2048')['n'])
    s = intb64(tok.rsplit('.', 1)[1])
    c.add('RS256: signature + modulus', 'rsa2048', resign(tok, b64int(s + n)), INVALID)
    c.add('RS256: signature is the modulus', 'rsa2048', resign(tok, b64int(n, 256)), INVALID)
    c.add('RS256: signature is 1', 'rsa2048', resign(tok, b64int(1, 256)), INVALID)
    c.add('RS256: signature is modulus - 1', 'rsa2048', resign(tok, b64int(n - 1, 256)), INVALID)
    c.add('RS256: all bits set', 'rsa2048', resign(tok, b'\xff' * 256), INVALID)
    raw = lambda em: resign(tok, raw_rsa(int.from_bytes(em, 'big'), private('rsa2048')))
    em = pkcs1('256', data, 256)
    info = digest_info('256', data)
    c.add('RS256: block type 2', 'rsa2048', raw(b'\0\2' + em[2:]), INVALID)
    c.add('RS256: one padding byte is not FF', 'rsa2048', raw(em[:9] + b'\xfe' + em[10:]), INVALID)
    c.add('RS256: short padding, garbage at the end', 'rsa2048',
          raw(b'\0\1' + b'\xff' * 8 + b'\0' + info + b'\x2a' * (256 - 11 - len(info))), INVALID)
    c.add('RS256: bare digest without DigestInfo', 'rsa2048',
          raw(b'\0\1' + b'\xff' * (256 - 35) + b'\0' + hashlib.sha256(data).digest()), INVALID)
    c.add('RS256: DigestInfo of SHA-1', 'rsa2048', raw(
        b'\0\1' + b'\xff' * (256 - 38) + b'\0' + bytes.fromhex('3021300906052b0e03021a05000414') +
        hashlib.sha1(data).digest()), INVALID)
    c.add('RS256: DigestInfo of SHA-512', 'rsa2048', raw(pkcs1('512', data, 256)), INVALID)
    # Bleichenbacher 2006: with e = 3 a cube root forges a signature that is read from the left.
    tok = (b64(text(head('RS256', 'rsa2048_e3'))) + '.' + b64(text({'sub': 'forged'})))
    want = b'\0\1' + b'\xff' * 8 + b'\0' + digest_info('256', tok.encode())
    target = int.from_bytes(want + b'\xff' * (256 - len(want)), 'big')
    low, high = 0, 1 << 700
    while low < high - 1:
        mid = (low + high) // 2
        low, high = (mid, high) if mid ** 3 <= target else (low, mid)
    assert (low ** 3).to_bytes(256, 'big').startswith(want)
    c.add('RS256: cube root forgery against e = 3', 'rsa2048_e3',
          tok + '.' + b64int(low, 256), INVALID)

    # HMAC
    h = head('HS256', 'hs256')
    c.add('HS256: the base64url text of k as the secret', 'hs256',
          token(h, CLAIMS, 'HS256', private('hs256')['k'].encode()), INVALID)
    c.add('HS256: empty secret', 'hs256', token(h, CLAIMS, 'HS256', b''), INVALID)
    c.add('HS256: signed with the secret of the 8-byte key', 'hs256',
          token(h, CLAIMS, 'HS256', secret('hs_short')), INVALID)
    c.add('HS512 header, HS256 signature', 'hs512',
          token(head('HS512', 'hs512'), CLAIMS, 'HS256', 'hs512'), INVALID)
    tok = token(h, CLAIMS, 'HS256', 'hs256')
    c.add('HS256: hexadecimal signature', 'hs256',
          resign(tok, unb64(tok.rsplit('.', 1)[1]).hex()), INVALID)
    c.add('HS256: base64url of the base64url of the signature', 'hs256',
          resign(tok, tok.rsplit('.', 1)[1].encode()), INVALID)
    c.add('HS256: signature truncated to 16 bytes', 'hs256',
          resign(tok, unb64(tok.rsplit('.', 1)[1])[:16]), INVALID)

    # confusion, with the header's own algorithm served by no or another key
    pem_like = [public('rsa2048')['n'].encode(), unb64(public('rsa2048')['n']),
                json.dumps(public('rsa2048')).encode()]
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    pub = load('rsa2048').public_key()
    pem_like += [pub.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
                 pub.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
                 pub.public_bytes(Encoding.PEM, PublicFormat.PKCS1)]
    for what, key in zip(('n as text', 'n as bytes', 'the JWK', 'the PEM', 'the DER', 'PKCS#1 PEM'),
                         pem_like):
        for alg in ('HS256', 'HS512'):
            c.add(f'{alg} with an RSA public key as secret: {what}', 'rsa2048',
                  token(head(alg, 'rsa2048'), CLAIMS, alg, key), UNKNOWN)
    c.add('HS256 with an RSA public key as secret, without kid', 'rsa2048',
          token(head('HS256'), CLAIMS, 'HS256', pem_like[3]), UNKNOWN)
    c.add('HS256 with an RSA public key as secret, an oct key in the set', 'jws_all',
          token(head('HS256'), CLAIMS, 'HS256', pem_like[3]), INVALID)
    ecpem = load('p256').public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    c.add('HS256 with an EC public key as secret', 'p256',
          token(head('HS256', 'p256'), CLAIMS, 'HS256', ecpem), UNKNOWN)
    c.add('HS256 with x of an Ed25519 key as secret', 'ed25519',
          token(head('HS256', 'ed25519'), CLAIMS, 'HS256', unb64(public('ed25519')['x'])), UNKNOWN)
    c.add('payload signed by the right key under the header of another algorithm', 'jws_all',
          token(head('ES256', 'rsa2048'), CLAIMS, 'RS256', 'rsa2048'), UNKNOWN)


def algorithms(c):
    tok = b64(text(head('none'))) + '.' + b64(text(CLAIMS))
    c.add('none: empty signature', 'jws_all', tok + '.', UNSUPPORTED, MALFORMED)
    c.add('none: two segments', 'jws_all', tok, MALFORMED)
    for name in ('none', 'None', 'NONE', 'nOnE', ' none', 'none ', 'none\0', 'n\u043fone', ''):
        c.header(f'alg {name!r}', head(name, 'hs256'), UNSUPPORTED)
        if name in ('None', 'NONE', 'nOnE'):
            c.add(f'{name}: empty signature', 'jws_all',
                  b64(text(head(name))) + '.' + b64(text(CLAIMS)) + '.', UNSUPPORTED, MALFORMED)
    c.add('none: without kid, a right HMAC', 'hs256',
          token(head('none'), CLAIMS, 'HS256', 'hs256'), UNSUPPORTED)
    c.header('alg none written with escapes', r'{"alg":"\u006eone","kid":"hs256"}', UNSUPPORTED)
    for name in ('hs256', 'Hs256', 'HS256 ', ' HS256', 'HS-256', 'HS1', 'HS224', 'HS', 'HS2566',
                 'HMAC', 'SHA256', 'HS256\0', 'HS256\n', 'HS512/256', 'ES256K', 'RS1', 'PS1',
                 'ES521', 'EDDSA', 'eddsa', 'Ed25519ph', 'ed25519', 'X25519', 'ML-DSA-44', 'A128KW',
                 'dir', 'RSA-OAEP', 'RSA1_5', 'ECDH-ES', 'A256GCM', 'PBES2-HS256+A128KW',
                 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256', 'x' * 4000):
        c.header(f'alg {name[:40]!r}' + (' and on' if len(name) > 60 else ''),
                 head(name, 'hs256'), UNSUPPORTED)
    for alg, key in (('rs256', 'rsa2048'), ('es256', 'p256'), ('ps256', 'rsa2048')):
        c.header(f'alg {alg!r} over a right signature', head(alg, key), UNSUPPORTED,
                 alg=alg.upper(), key=key)
    c.add('ES256K with its secp256k1 key in the set',
          keys(public('secp256k1'), decoy()),
          token(head('ES256K', 'secp256k1'), CLAIMS, 'ES256K', 'secp256k1'), UNSUPPORTED)
    c.add('ES256 with a secp256k1 key', keys(public('secp256k1'), decoy()),
          token(head('ES256', 'secp256k1'), CLAIMS, 'ES256', 'secp256k1'), UNKNOWN)
    c.add('ES256 with a secp256k1 key that says P-256',
          keys(public('secp256k1', crv='P-256'), decoy()),
          token(head('ES256', 'secp256k1'), CLAIMS, 'ES256', 'secp256k1'), UNKNOWN)


def key_rules(c):
    def one(name, jwk, alg, key, status=UNKNOWN, *others, kid=None):
        kid = kid or jwk['kid']
        c.add('key: ' + name, keys(jwk, decoy()), token(head(alg, kid), CLAIMS, alg, key), status,
              *others)

    # kid
    tok = token(head('RS256', 'no such key'), CLAIMS, 'RS256', 'rsa2048')
    c.add('kid: unknown', 'rsa2048', tok, UNKNOWN)
    c.add('kid: unknown, many keys', 'jws_all', tok, UNKNOWN)
    for kid in ('RSA2048', 'rsa2048 ', ' rsa2048', 'rsa204', 'rsa20480', 'rsa2048\0', ''):
        c.add(f'kid: {kid!r} is not rsa2048', 'rsa2048',
              token(head('RS256', kid), CLAIMS, 'RS256', 'rsa2048'), UNKNOWN)
    c.add('kid: composed and decomposed letters differ', keys(public('hs256', kid='caf\u00e9')),
          token(head('HS256', 'cafe\u0301'), CLAIMS, 'HS256', 'hs256'), UNKNOWN)
    c.add('kid: of another key of the same type', keys(
        public('rsa2048', kid='a'), public('rsa2048_other', kid='b')),
        token(head('RS256', 'b'), CLAIMS, 'RS256', 'rsa2048'), INVALID)
    c.add('kid: of a key of another type', 'jws_all',
          token(head('RS256', 'p256'), CLAIMS, 'RS256', 'rsa2048'), UNKNOWN)
    c.add('kid: none has it, the key without a kid is not the one', keys(
        public('hs256', kid='a'), public('hs384', kid=None)),
        token(head('HS256', 'b'), CLAIMS, 'HS256', 'hs256'), INVALID)
    c.add('kid: its key cannot serve the algorithm, a key without kid could', keys(
        public('p256', kid='a'), public('hs256', kid=None)),
        token(head('HS256', 'a'), CLAIMS, 'HS256', 'hs256'), UNKNOWN)
    c.add('kid: its key has the wrong secret, a key without kid the right one', keys(
        public('hs384', kid='a'), public('hs256', kid=None)),
        token(head('HS256', 'a'), CLAIMS, 'HS256', 'hs256'), INVALID)
    one('kid is a number, the token says it as a string', public('hs256', kid=1), 'HS256', 'hs256',
        kid='1')
    c.add('kid: more than 32 keys of that kid, the 33rd is right', keys(*(
        [{'kty': 'oct', 'kid': 'k', 'k': b64(b'no %d' % i)} for i in range(32)] +
        [public('hs256', kid='k')])), token(head('HS256', 'k'), CLAIMS, 'HS256', 'hs256'), INVALID)
    c.add('no kid: more than 32 fitting keys, the 33rd is right', keys(*(
        [{'kty': 'oct', 'kid': f'k{i}', 'k': b64(b'no %d' % i)} for i in range(32)] +
        [public('hs256')])), token(head('HS256'), CLAIMS, 'HS256', 'hs256'), INVALID)
    c.add('no kid: several keys, none right', 'jws_all',
          token(head('HS256'), CLAIMS, 'HS256', b'none of these'), INVALID)
    c.add('no kid: no key for the algorithm', keys(public('rsa2048'), public('p384')),
          token(head('ES256'), CLAIMS, 'ES256', 'p256'), UNKNOWN)

    # type and curve
    for alg, other in (('ES256', 'p384'), ('ES256', 'p521'), ('ES384', 'p256'), ('ES384', 'p521'),
                       ('ES512', 'p256'), ('ES512', 'p384'), ('ES256', 'rsa2048'),
                       ('ES256', 'ed25519'), ('ES256', 'hs256'), ('RS256', 'p256'),
                       ('RS256', 'hs256'), ('PS256', 'ed25519'), ('HS256', 'p256'),
                       ('HS256', 'ed25519'), ('EdDSA', 'p256'), ('EdDSA', 'rsa2048'),
                       ('EdDSA', 'hs256'), ('Ed25519', 'ed448'), ('Ed448', 'ed25519')):
        for kid in (other, None):
            signer = other if alg in ('Ed25519', 'Ed448') else dict(SIGNERS)[alg]
            if alg.startswith('ES') and other in ('p256', 'p384', 'p521'):
                signer = other  # by the very key, with the digest that the header names
            c.add(f'key: {alg} with {other}' + ('' if kid else ', no kid'), other,
                  token(head(alg, kid), CLAIMS, alg, signer), UNKNOWN)
    one('EdDSA with an X25519 key', public('x25519'), 'EdDSA', 'ed25519', kid='x25519')
    one('crv Ed25519, bytes of Ed448', public('ed448', crv='Ed25519'), 'EdDSA', 'ed448')
    one('crv P-256, point of P-384', public('p384', crv='P-256'), 'ES256', 'p384')

    # use, key_ops, alg
    for jwk, alg in (('hs256', 'HS256'), ('rsa2048', 'RS256'), ('p256', 'ES256'),
                     ('ed25519', 'EdDSA')):
        tok = token(head(alg, jwk), CLAIMS, alg, jwk)
        c.add(f'key: use enc, {alg}', keys(public(jwk, use='enc')), tok, UNKNOWN)
        c.add(f'key: use enc, {alg}, no kid', keys(public(jwk, use='enc')),
              token(head(alg), CLAIMS, alg, jwk), UNKNOWN)
        c.add(f'key: key_ops encrypt and decrypt, {alg}',
              keys(public(jwk, key_ops=['encrypt', 'decrypt'])), tok, UNKNOWN)
        c.add(f'key: key_ops sign, {alg}', keys(public(jwk, key_ops=['sign']), decoy()), tok,
              UNKNOWN)
        c.add(f'key: use enc and key_ops verify, {alg}',
              keys(public(jwk, use='enc', key_ops=['verify']), decoy()), tok, UNKNOWN)
        c.add(f'key: use sig and key_ops wrapKey, {alg}',
              keys(public(jwk, use='sig', key_ops=['wrapKey']), decoy()), tok, UNKNOWN)
        c.add(f'key: alg of an unknown name, {alg}', keys(public(jwk, alg='X' + alg), decoy()),
              tok, UNKNOWN)
        c.add(f'key: alg in lower case, {alg}', keys(public(jwk, alg=alg.lower()), decoy()), tok,
              UNKNOWN)
        c.add(f'key: alg is no string, {alg}', keys(public(jwk, alg=[alg]), decoy()), tok, UNKNOWN)
        c.add(f'key: use is no string, {alg}', keys(public(jwk, use=['sig']), decoy()), tok,
              UNKNOWN)
        c.add(f'key: key_ops is no array, {alg}', keys(public(jwk, key_ops='verify'), decoy()),
              tok, UNKNOWN)
        c.add(f'key: use of an unknown name, {alg}', keys(public(jwk, use='signature'), decoy()),
              tok, UNKNOWN)
        c.add(f'key: key_ops empty, {alg}', keys(public(jwk, key_ops=[]), decoy()), tok, UNKNOWN)
    for jwk, key_alg, alg in (
            ('hs256', 'HS384', 'HS256'), ('hs256', 'HS512', 'HS256'), ('hs256', 'A128KW', 'HS256'),
            ('hs256', 'dir', 'HS256'), ('rsa2048', 'RS512', 'RS256'), ('rsa2048', 'PS256', 'RS256'),
            ('rsa2048', 'RS256', 'PS256'), ('rsa2048', 'RS256', 'RS384'),
            ('rsa2048', 'RSA-OAEP', 'RS256'), ('p256', 'ECDH-ES', 'ES256'),
            ('ed25519', 'Ed448', 'EdDSA'), ('hs256', 'RS256', 'HS256'),
            ('rsa2048', 'HS256', 'RS256'), ('p256', 'ES384', 'ES256'), ('p256', 'ES256K', 'ES256'),
            ('rsa2048', 'none', 'RS256'), ('rsa2048', 'RSA1_5', 'RS256')):
        one(f'alg {key_alg} for a {alg} token', public(jwk, alg=key_alg), alg, jwk)

    # strength and shape
    one('RSA of 1024 bits', public('rsa1024'), 'RS256', 'rsa1024')
    one('RSA of 1024 bits, PS256', public('rsa1024'), 'PS256', 'rsa1024')
    one('RSA of 2047 bits', public('rsa2047'), 'RS256', 'rsa2047')
    one('RSA of 2047 bits, PS512', public('rsa2047'), 'PS512', 'rsa2047')
    a, b = private('rsa16384'), private('rsa2048')
    i = lambda jwk, m: intb64(jwk[m])
    phi = (i(a, 'p') - 1) * (i(a, 'q') - 1) * (i(b, 'p') - 1) * (i(b, 'q') - 1)
    n = i(a, 'n') * i(b, 'n')
    huge = {'kty': 'RSA', 'kid': 'huge', 'n': b64int(n), 'e': 'AQAB', 'd': b64int(pow(65537, -1,
                                                                                     phi))}

    def raw_rs256(jwk):
        data = b64(text(head('RS256', jwk['kid']))) + '.' + b64(text(CLAIMS))
        size = len(unb64(jwk['n']))
        em = int.from_bytes(pkcs1('256', data.encode(), size), 'big')
        return data + '.' + b64(raw_rsa(em, jwk))

    c.add(f'key: RSA of {n.bit_length()} bits', keys({m: huge[m] for m in ('kty', 'kid', 'n', 'e')},
                                                     decoy()), raw_rs256(huge), UNKNOWN)
    phi, n = (i(b, 'p') - 1) * (i(b, 'q') - 1), i(b, 'n')
    for what, e in (('1', 1), ('of 34 bits', next(e for e in range(2**33 + 1, 2**34, 2)
                                                  if phi % e and _coprime(e, phi))),
                    ('of 65 bits', next(e for e in range(2**64 + 1, 2**65, 2)
                                        if _coprime(e, phi)))):
        jwk = {'kty': 'RSA', 'kid': 'odd', 'n': b['n'], 'e': b64int(e)}
        c.add(f'key: RSA exponent {what}', keys(jwk, decoy()),
              raw_rs256({**jwk, 'd': b64int(pow(e, -1, phi))}), UNKNOWN)
    for what, e in (('0', 0), ('2', 2), ('65536', 65536)):
        one(f'RSA exponent {what}', public('rsa2048', kid='odd', e=b64int(e, 3)), 'RS256',
            'rsa2048')
    one('RSA even modulus', public('rsa2048', n=b64int(n - 1)), 'RS256', 'rsa2048', UNKNOWN,
        INVALID)
    one('RSA without e', public('rsa2048', e=None), 'RS256', 'rsa2048')
    one('RSA without n', public('rsa2048', n=None), 'RS256', 'rsa2048')
    one('RSA n is a number', public('rsa2048', n=5), 'RS256', 'rsa2048')
    one('RSA n is not base64url', public('rsa2048', n='!' + b['n'][1:]), 'RS256', 'rsa2048')
    one('RSA n in hexadecimal, 512 digits', public('rsa2048', n=unb64(b['n']).hex()), 'RS256',
        'rsa2048', UNKNOWN, INVALID)
    one('EC point is not on the curve',
        public('p256', y=flip(public('p256')['y'], -1)), 'ES256', 'p256')
    one('EC point is zero', public('p256', x=b64(bytes(32)), y=b64(bytes(32))), 'ES256', 'p256')
    one('EC coordinate above the field',
        public('p256', x=b64(b'\xff' * 32)), 'ES256', 'p256')
    one('EC without y', public('p256', y=None), 'ES256', 'p256')
    one('EC without crv', public('p256', crv=None), 'ES256', 'p256')
    one('EC unknown crv', public('p256', crv='P-257'), 'ES256', 'p256')
    one('EC crv in lower case', public('p256', crv='p-256'), 'ES256', 'p256')
    one('EC crv by its other name', public('p256', crv='secp256r1'), 'ES256', 'p256')
    one('EC key of type OKP', public('p256', kty='OKP'), 'ES256', 'p256')
    one('OKP key of type EC', public('ed25519', kty='EC'), 'EdDSA', 'ed25519')
    one('OKP key one byte short',
        public('ed25519', x=b64(unb64(public('ed25519')['x'])[:-1])), 'EdDSA', 'ed25519')
    one('OKP key one byte long',
        public('ed25519', x=b64(unb64(public('ed25519')['x']) + b'\0')), 'EdDSA', 'ed25519')
    one('unknown kty', public('hs256', kty='AKP'), 'HS256', 'hs256')
    one('kty in lower case', public('rsa2048', kty='rsa'), 'RS256', 'rsa2048')
    one('kty in upper case', public('hs256', kty='OCT'), 'HS256', 'hs256')
    one('no kty', public('hs256', kty=None), 'HS256', 'hs256')
    one('oct with an empty k', {'kty': 'oct', 'kid': 'empty', 'k': ''}, 'HS256', b'')
    one('oct without k', {'kty': 'oct', 'kid': 'empty'}, 'HS256', b'')
    one('oct k is null', {'kty': 'oct', 'kid': 'empty', 'k': None}, 'HS256', b'')
    one('oct k in the standard alphabet', {'kty': 'oct', 'kid': 'std', 'k': '++//++//'}, 'HS256',
        unb64('--__--__'))

    # keys in the token
    attacker = {'kty': 'oct', 'k': b64(b'attacker' * 4)}
    c.add('jwk in the header, HS256', 'hs256',
          token(head('HS256', 'hs256', jwk=attacker), CLAIMS, 'HS256', b'attacker' * 4), INVALID)
    for alg, good, bad in (('RS256', 'rsa2048', 'rsa2048_other'), ('PS512', 'rsa2048',
                           'rsa2048_other'), ('ES256', 'p256', 'p256_other'),
                           ('EdDSA', 'ed25519', 'ed25519_other')):
        for kid in (good, None):
            c.add(f'jwk in the header, {alg}' + ('' if kid else ', no kid'), good,
                  token(head(alg, kid, jwk=public(bad, kid=good)), CLAIMS, alg, bad), INVALID)
    c.add('jwk in the header, its kid in no set', 'p256',
          token(head('ES256', 'p256_other', jwk=public('p256_other')), CLAIMS, 'ES256',
                'p256_other'), UNKNOWN)
    for member in ('jku', 'x5u'):
        c.add(f'{member} in the header', 'p256',
              token(head('ES256', 'p256', **{member: 'http://127.0.0.1:1/keys'}), CLAIMS, 'ES256',
                    'p256_other'), INVALID)
    c.add('x5c in the header', 'rsa2048',
          token(head('RS256', 'rsa2048', x5c=[self_signed('rsa2048_other')]), CLAIMS, 'RS256',
                'rsa2048_other'), INVALID)


def _coprime(a, b):
    while b:
        a, b = b, a % b
    return a == 1


def self_signed(name):
    import base64
    import datetime
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'test only')])
    key = load(name)
    day = datetime.datetime(2020, 1, 1)
    cert = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
            .public_key(key.public_key()).serial_number(1).not_valid_before(day)
            .not_valid_after(day.replace(year=2099)).sign(key, hashes.SHA256()))
    return base64.b64encode(cert.public_bytes(Encoding.DER)).decode()


def headers(c):
    h = '{"alg":"HS256","kid":"hs256"'
    c.header('is an array', '["HS256"]')
    c.header('is a string', '"HS256"')
    c.header('is a number', '1')
    c.header('is null', 'null')
    c.header('is true', 'true')
    c.header('is empty', b'')
    c.header('is white space', ' ')
    c.header('is an empty object', '{}')
    c.header('is not JSON', 'alg=HS256')
    c.header('is cut short', h)
    c.header('has no alg', '{"kid":"hs256"}')
    for what, value in (('null', 'null'), ('a number', '256'), ('true', 'true'),
                        ('an array', '["HS256"]'), ('an object', '{"HS256":1}')):
        c.header(f'alg is {what}', '{"alg":%s,"kid":"hs256"}' % value)
        for name in ('kid', 'typ', 'cty', 'enc'):
            c.header(f'{name} is {what}', '{"alg":"HS256","%s":%s}' % (name, value))
    for what, value in (('an unknown extension', '["x"]'), ('exp', '["exp"]'), ('b64', '["b64"]'),
                        ('an empty array', '[]'), ('null', 'null'), ('a string', '"exp"'),
                        ('false', 'false'), ('an object', '{}'), ('alg', '["alg"]')):
        c.header(f'crit is {what}', h + ',"crit":%s,"exp":4102444800,"x":1}' % value)
    for what in ('true', 'false', 'null', '"true"', '1'):
        c.header(f'b64 is {what}', h + ',"b64":%s}' % what)
    c.header('b64 false with crit', h + ',"b64":false,"crit":["b64"]}')
    c.add('header: b64 false with crit, payload not encoded', 'hs256', token(
        h + ',"b64":false,"crit":["b64"]}', '', 'HS256', 'hs256', body64='{"sub":"alice"}'),
        MALFORMED)
    for what in ('"DEF"', '""', 'null', 'true', '"none"'):
        c.header(f'zip is {what}', h + ',"zip":%s}' % what)
    c.header('crit written with an escape', h + r',"cri\u0074":["x"]}')
    c.header('zip written with an escape', h + r',"\u007aip":"DEF"}')
    c.header('alg twice, the same', '{"alg":"HS256","alg":"HS256","kid":"hs256"}')
    c.header('alg twice, none first', '{"alg":"none","alg":"HS256","kid":"hs256"}')
    c.header('alg twice, none last', '{"alg":"HS256","alg":"none","kid":"hs256"}',)
    c.header('alg and \\u0061lg', r'{"alg":"HS256","\u0061lg":"HS256","kid":"hs256"}')
    c.header('\\u0061lg and alg', r'{"\u0061lg":"none","alg":"HS256","kid":"hs256"}')
    c.header('\\u0061lg and \\u0061lg', r'{"\u0061lg":"HS256","\u0061lg":"HS256"}')
    c.header('kid twice', '{"alg":"HS256","kid":"hs256","kid":"x"}')
    c.header('kid and k\\u0069d', r'{"alg":"HS256","kid":"hs256","k\u0069d":"x"}')
    c.header('typ twice', h + ',"typ":"JWT","typ":"JWT"}')
    c.header('an unknown member twice', h + ',"x":1,"x":1}')
    c.header('an empty name twice', h + ',"":1,"":2}')
    c.header('jwk twice', h + ',"jwk":{},"jwk":{}}')
    c.header('name with a slash, escaped and not', h + r',"a/b":1,"a\/b":2}')
    c.header('lone high surrogate', h + r',"x":"\ud800"}')
    c.header('lone low surrogate', h + r',"x":"\udc00"}')
    c.header('surrogates the wrong way round', h + r',"x":"\udc00\ud800"}')
    c.header('lone surrogate in kid', r'{"alg":"HS256","kid":"hs256\ud834"}')
    c.header('lone surrogate in a name', h + r',"\ud800":1}')
    c.header('lone surrogate deep inside', h + r',"jwk":{"a":["\udbff"]}}')
    bad_utf8(c.header, lambda b: h.encode() + b',"x":"' + b + b'"}')
    c.header('not UTF-8 in a name', h.encode() + b',"\xff":1}')
    c.header('not UTF-8 in an ignored member', h.encode() + b',"jwk":{"a":"\xff"}}')
    c.header('BOM', b'\xef\xbb\xbf' + h.encode() + b'}')
    c.header('UTF-16', (h + '}').encode('utf-16-le'))
    bad_json(c.header, h + ',"x":%s}', h + '}')
    for depth in (129, 130, 1000, 10000):
        c.header(f'{depth} levels of arrays', h + ',"x":' + '[' * (depth - 1) + ']' * (depth - 1)
                 + '}')
    c.header('200 levels of objects', h + ',"x":' + '{"a":' * 199 + '1' + '}' * 200)
    c.header('20000 open arrays', h + ',"x":' + '[' * 20000)
    c.header('typ is the wrong thing and alg unknown', '{"alg":"XS256","typ":1}', MALFORMED,
             UNSUPPORTED)
    c.header('crit and alg unknown', '{"alg":"XS256","crit":["x"]}', MALFORMED, UNSUPPORTED)


def bad_utf8(add, wrap):
    for what, raw in (('a lone continuation byte', b'\x80'), ('a cut sequence', b'\xc3'),
                      ('Latin-1', b'caf\xe9'), ('overlong slash', b'\xc0\xaf'),
                      ('overlong NUL', b'\xc0\x80'), ('overlong of three bytes', b'\xe0\x80\xaf'),
                      ('a surrogate', b'\xed\xa0\x80'), ('CESU-8', b'\xed\xa0\xbd\xed\xb8\x80'),
                      ('above U+10FFFF', b'\xf4\x90\x80\x80'), ('F8', b'\xf8\x88\x80\x80\x80'),
                      ('FF', b'\xff')):
        add(f'not UTF-8: {what}', wrap(raw))


def bad_json(add, member, whole):
    for what, value in (('a trailing comma', '[1,]'), ('NaN', 'NaN'), ('Infinity', 'Infinity'),
                        ('-Infinity', '-Infinity'), ('a leading zero', '01'),
                        ('a plus sign', '+1'), ('hexadecimal', '0x10'), ('.5', '.5'), ('5.', '5.'),
                        ('1e', '1e'), ('a bare minus', '-'), ('single quotes', "'a'"),
                        ('a bare word', 'yes'), ('True', 'True'), ('undefined', 'undefined'),
                        ('a comment', '1/* c */'), ('an unknown escape', r'"\x41"'),
                        ('a short \\u', r'"\u12"'), ('\\u with bad digits', r'"\u00zz"'),
                        ('\\u with a sign', r'"\u+041"'), ('a raw line feed in a string', '"a\nb"'),
                        ('a raw tab in a string', '"a\tb"'), ('a raw NUL in a string', '"a\0b"'),
                        ('an open string', '"a'), ('an open array', '[1'),
                        ('an unquoted name', '{a:1}'), ('a missing colon', '{"a" 1}'),
                        ('a missing comma', '{"a":1 "b":2}'), ('a double comma', '[1,,2]'),
                        ('wrong brackets', '[1}'), ('no value', ''),
                        ('a deep syntax error', '{"a":[{"b":[tru]}]}')):
        add(f'JSON with {what}', member % value)
    for what, tail in (('a brace', '}'), ('a second object', '{}'), ('a letter', 'x'),
                       ('a comma', ','), ('a NUL', '\0'), ('a no-break space', '\u00a0'),
                       ('a vertical tab', '\v'), ('a form feed', '\f'), ('a BOM', '\ufeff'),
                       ('a comment', '//'), ('a number after white space', ' \n 1')):
        add(f'JSON followed by {what}', whole + tail)
    add('JSON after a letter', 'x' + whole)
    add('JSON after a NUL', '\0' + whole)
    add('JSON after a no-break space', '\u00a0' + whole)
    add("JSON after )]}',", ")]}',\n" + whole)
    add('JSON with a trailing comma in the object', whole[:-1] + ',}')


def payloads(c):
    p = '{"sub":"alice"'
    c.payload('is an array', '[{"sub":"alice"}]')
    c.payload('is a string', '"alice"')
    c.payload('is a string that holds JSON', json.dumps('{"sub":"alice"}'))
    c.payload('is a number', '1')
    c.payload('is null', 'null')
    c.payload('is true', 'true')
    c.payload('is text', 'Payload')
    c.payload('is empty', b'')
    c.payload('is white space', ' ')
    c.payload('is cut short', p)
    c.payload('is random bytes', bytes(range(128, 200)))
    c.payload('is base64url of the claims', b64(b'{"sub":"alice"}'))
    c.payload('is form data', 'sub=alice&exp=4102444800')
    c.payload('is deflated', __import__('zlib').compress(b'{"sub":"alice"}'))
    for name in ('sub', 'exp', 'x', ''):
        value = FUTURE if name == 'exp' else '"v"'
        c.payload(f'{name!r} twice', '{"%s":%s,"%s":%s}' % (name, value, name, value))
    c.payload('exp twice, past first', '{"exp":1,"exp":%d}' % FUTURE)
    c.payload('exp twice, past last', '{"exp":%d,"exp":1}' % FUTURE, MALFORMED)
    c.payload('exp and \\u0065xp', r'{"exp":%d,"\u0065xp":%d}' % (FUTURE, FUTURE))
    c.payload('sub and s\\u0075b', r'{"sub":"alice","s\u0075b":"admin"}')
    c.payload('\\u0073ub and \\u0073\\u0075b', r'{"\u0073ub":1,"\u0073\u0075b":2}')
    c.payload('duplicate at the end of 1000 members', '{' + ','.join(
        f'"m{i}":{i}' for i in range(1000)) + ',"m0":1}')
    c.payload('duplicate beyond the BMP, raw and escaped', '{"\U0001f600":1,"\\ud83d\\ude00":2}')
    c.payload('lone high surrogate', p + r',"x":"\ud800"}')
    c.payload('lone low surrogate', p + r',"x":"a\udfffb"}')
    c.payload('high surrogate before another escape', p + r',"x":"\ud800\u0041"}')
    c.payload('two high surrogates', p + r',"x":"\ud83d\ud83d\ude00"}')
    c.payload('lone surrogate in a name', p + r',"\ud800":1}')
    c.payload('lone surrogate in a deep name', p + r',"a":{"b":{"\udc00":1}}}')
    c.payload('lone surrogate in an array', p + r',"a":["x",["\udc00"]]}')
    bad_utf8(c.payload, lambda b: p.encode() + b',"x":"' + b + b'"}')
    c.payload('not UTF-8 in a name', p.encode() + b',"\xff":1}')
    c.payload('not UTF-8 deep inside', p.encode() + b',"a":[{"b":"\xe9"}]}')
    c.payload('not UTF-8 outside a string', p.encode() + b',\xff"a":1}')
    c.payload('BOM', b'\xef\xbb\xbf' + p.encode() + b'}')
    c.payload('UTF-16 with BOM', (p + '}').encode('utf-16'))
    c.payload('UTF-16LE', (p + '}').encode('utf-16-le'))
    c.payload('UTF-32LE', (p + '}').encode('utf-32-le'))
    bad_json(c.payload, p + ',"x":%s}', p + '}')
    for depth in (129, 130, 1000, 10000):
        c.payload(f'{depth} levels of arrays',
                  p + ',"x":' + '[' * (depth - 1) + ']' * (depth - 1) + '}')
    c.payload('129 levels of objects', '{"a":' * 128 + '{}' + '}' * 128)
    c.payload('130 levels of arrays and objects by turns',
              '{"a":[' * 65 + ']}' * 65)
    c.payload('129 levels of arrays without an object', '[' * 129 + ']' * 129)
    c.payload('20000 open arrays', p + ',"x":' + '[' * 20000)
    c.payload('5000 open objects', '{"a":' * 5000)
    # times
    for name in ('exp', 'nbf'):
        for what, value in (('a string of digits', '"4102444800"'), ('null', 'null'),
                            ('true', 'true'), ('false', 'false'), ('an array', '[4102444800]'),
                            ('an object', '{"a":1}'), ('an empty string', '""'),
                            ('1e999', '1e999'), ('-1e999', '-1e999'), ('1e400', '1e400'),
                            ('a date', '"2100-01-01T00:00:00Z"'), ('an empty array', '[]'),
                            ('400 digits', '9' * 400), ('400 digits and a fraction',
                                                        '9' * 400 + '.5'),
                            ('a huge exponent', '1e' + '9' * 30)):
            c.payload(f'{name} is {what}', '{"sub":"alice","%s":%s}' % (name, value))
    for what, value in (('1970', '1'), ('0', '0'), ('-0', '-0'), ('-1', '-1'), ('2020', '1577836800'),
                        ('a past fraction', '1577836800.75'), ('1e3', '1e3'), ('1E+3', '1E+3'),
                        ('a tiny number', '1e-300'), ('below every float', '1e-999'),
                        ('-1e308', '-1e308'), ('-2^63', '-9223372036854775808'),
                        ('below -2^63', '-9223372036854775809'),
                        ('0e999', '0e999')):
        c.payload(f'exp is {what}', '{"exp":%s}' % value, 'expired')
    c.payload('exp written with an escape, past', r'{"\u0065\u0078\u0070":1}', 'expired')
    c.payload('exp past, nbf past', '{"exp":2,"nbf":1}', 'expired')
    for what, value in (('2100', str(FUTURE)), ('a future fraction', '4102444800.25'),
                        ('1e10', '1e10'), ('1e308', '1e308'), ('2^63', '9223372036854775808'),
                        ('2^64', '18446744073709551616'), ('300 digits', '9' * 300)):
        c.payload(f'nbf is {what}', '{"nbf":%s}' % value, 'not_yet_valid')
    c.payload('nbf future, exp later', '{"nbf":%d,"exp":%d}' % (FUTURE, FUTURE + 1),
              'not_yet_valid')
    c.payload('nbf written with an escape, future', r'{"n\u0062f":%d}' % FUTURE, 'not_yet_valid')
    c.payload('exp past and nbf future', '{"exp":1,"nbf":%d}' % FUTURE, 'expired', 'not_yet_valid')
    c.payload('exp past and nbf a string', '{"exp":1,"nbf":"1"}', MALFORMED, 'expired')
    c.payload('exp a string and nbf future', '{"exp":"1","nbf":%d}' % FUTURE, MALFORMED,
              'not_yet_valid')
    for alg, key in SIGNERS[3:4] + SIGNERS[9:10] + SIGNERS[12:13]:
        c.add(f'expired, {alg}', key, token(head(alg, key), {'exp': 1577836800}, alg, key),
              'expired')
        c.add(f'not yet valid, {alg}', key, token(head(alg, key), {'nbf': FUTURE}, alg, key),
              'not_yet_valid')
        c.add(f'payload is no object, {alg}', key, token(head(alg, key), '[]', alg, key), MALFORMED)
    h = head('HS256', 'hs256')
    bad = lambda payload: token(h, payload, 'HS256', b'wrong secret')
    c.add('expired and badly signed', 'hs256', bad({'exp': 1}), INVALID)
    c.add('not yet valid and badly signed', 'hs256', bad({'nbf': FUTURE}), INVALID)
    c.add('payload no JSON and badly signed', 'hs256', bad('x'), INVALID, MALFORMED)
    c.add('expired and of an unknown kid', 'hs256',
          token(head('HS256', 'x'), {'exp': 1}, 'HS256', 'hs256'), UNKNOWN)


def segments(c, jwe):
    good = token(head('HS256', 'hs256'), CLAIMS, 'HS256', 'hs256')
    h, p, s = good.split('.')
    add = lambda name, tok, status=MALFORMED, *others: c.add('form: ' + name, 'hs256', tok, status,
                                                             *others)
    add('one segment', h)
    add('one dot', '.')
    add('two segments', f'{h}.{p}')
    add('two segments, the last empty', f'{h}.')
    add('two dots', '..')
    add('three dots', '...')
    add('four dots', '....', MALFORMED, WRONG_TYPE)
    add('five dots', '.....')
    add('four segments', f'{good}.{s}')
    add('four segments, the last empty', good + '.')
    add('four segments, the first empty', '.' + good)
    add('four segments, an empty one inside', f'{h}..{p}.{s}')
    add('six segments', f'{good}.{h}.{p}.{s}')
    add('seven segments', f'{good}.{good}.x')
    add('a thousand segments', '.'.join(['e30'] * 1000))
    add('five segments: a JWS and two more', f'{good}.{h}.{p}', WRONG_TYPE, MALFORMED)
    add('five segments of text', 'a.b.c.d.e', MALFORMED, WRONG_TYPE)
    for name, tok in jwe.items():
        add(f'five segments: a JWE, {name}', tok, WRONG_TYPE)
    add('empty header', f'.{p}.{s}')
    add('empty payload, old signature', f'{h}..{s}', INVALID, MALFORMED)
    add('header and payload swapped', f'{p}.{h}.{s}')
    add('text', 'hello')
    add('JSON instead of base64url', json.dumps({'alg': 'HS256'}) + '.' + p + '.' + s)
    add('JWS JSON serialization', json.dumps({'protected': h, 'payload': p, 'signature': s}))
    add('general JWS JSON serialization', json.dumps(
        {'payload': p, 'signatures': [{'protected': h, 'signature': s}]}))
    add('base64url of the whole token', b64(good.encode()))
    add('percent-encoded dots', good.replace('.', '%2E'))
    add('Bearer before the token', 'Bearer ' + good)
    add('in quotes', f'"{good}"')
    add('a comma and another token', f'{good},{good}', MALFORMED, WRONG_TYPE)
    add('a fullwidth dot', good.replace('.', '\uff0e'))
    add('a letter beyond ASCII in the signature', f'{h}.{p}.\u00e9{s[1:]}')

    def signed(name, head64, body64, *others):
        """A defect of writing in header or payload; what the signature covers is as written."""
        sig = b64(sign('HS256', 'hs256', f'{head64}.{body64}'.encode()))
        add(name, f'{head64}.{body64}.{sig}', MALFORMED, *others)

    mk_head = lambda pad: '{"alg":"HS256","kid":"hs256","x":"%s"}' % pad
    mk_body = lambda pad: '{"sub":"alice","x":"%s"}' % pad
    h2, h3 = padded_to(2, mk_head), padded_to(3, mk_head)
    p2, p3 = padded_to(2, mk_body), padded_to(3, mk_body)
    h0, p0 = padded_to(0, mk_head), padded_to(0, mk_body)
    signed('header padded with ==', h2 + '==', p)
    signed('header padded with =', h3 + '=', p)
    signed('payload padded with ==', h, p2 + '==')
    signed('payload padded with =', h, p3 + '=')
    signed('header of full length with = after it', h0 + '=', p)
    signed('payload of full length with ==== after it', h, p0 + '====')
    signed('header with one letter too many', h0 + 'A', p)
    signed('payload with one letter too many', h, p0 + 'A')
    for bits in (1, 8, 15):
        signed(f'header with trailing bits {bits}', swap_last(h2, bits), p)
        signed(f'payload with trailing bits {bits}', h, swap_last(p2, bits))
    for bits in (1, 3):
        signed(f'header of 3 with trailing bits {bits}', swap_last(h3, bits), p)
        signed(f'payload of 3 with trailing bits {bits}', h, swap_last(p3, bits))
    for what, ws in (('a space', ' '), ('a line feed', '\n'), ('CR LF', '\r\n'), ('a tab', '\t')):
        signed(f'header with {what} inside', h[:4] + ws + h[4:], p)
        signed(f'payload with {what} inside', h, p[:4] + ws + p[4:])
        signed(f'payload with {what} before it', h, ws + p)
        signed(f'payload with {what} after it', h, p + ws)
        add(f'signature with {what} inside', f'{h}.{p}.{s[:4]}{ws}{s[4:]}')
        add(f'{what} after the signature', good + ws)
        add(f'{what} before the header', ws + good)
    signed('line breaks of MIME in the payload', h, p[:16] + '\r\n' + p[16:] + '\r\n')
    odd = '{"alg":"HS256","kid":"hs256","x":"\u00ff\u00ff\u00ff\u00bf\u00be\u00fb~~~???>>>"}'
    std = b64(odd.encode()).replace('-', '+').replace('_', '/')
    assert '+' in std and '/' in std
    signed('header in the standard alphabet', std, p)
    signed('payload in the standard alphabet', h, std)
    for char in '!*,;:%$@~|"\'\\<>[]()':
        signed(f'payload with {char}', h, p[:8] + char + p[9:])
    signed('payload with a letter beyond ASCII', h, p[:8] + '\u0101' + p[9:])
    # the signature segment
    tokens = (token(head('HS256', 'hs256'), {'i': i}, 'HS256', 'hs256') for i in range(1000))
    t = next(t for t in tokens if {'-', '_'} <= set(t.rsplit('.', 1)[1]))
    a, b, sig = t.split('.')
    add('signature in the standard alphabet',
        f"{a}.{b}.{sig.replace('-', '+').replace('_', '/')}")
    add('signature padded', t + '=')
    add('signature padded too much', t + '==')
    add('signature with trailing bits 1', f'{a}.{b}.{swap_last(sig, 1)}')
    add('signature with trailing bits 3', f'{a}.{b}.{swap_last(sig, 3)}')
    add('signature with one letter too many', t + 'AA')
    add('signature of one letter', f'{a}.{b}.A')
    add('signature that is no base64url', f'{a}.{b}.!!!!')
    for alg, key in (('ES256', 'p256'), ('RS256', 'rsa2048'), ('EdDSA', 'ed25519'),
                     ('EdDSA', 'ed448'), ('ES512', 'p521'), ('PS384', 'rsa2048')):
        t = token(head(alg, key), CLAIMS, alg, key)
        sig = t.rsplit('.', 1)[1]
        if len(sig) % 4:
            c.add(f'form: {alg}({key}) signature with trailing bits', key,
                  resign(t, swap_last(sig)), MALFORMED)
            c.add(f'form: {alg}({key}) signature padded', key, t + '=' * (-len(sig) % 4), MALFORMED)
        else:
            c.add(f'form: {alg}({key}) signature with = after it', key, t + '=', MALFORMED)
    # JWE shapes in three segments
    for alg in ('dir', 'A128KW', 'RSA-OAEP-256', 'ECDH-ES'):
        c.header(f'of a JWE, {alg}', {'alg': alg, 'enc': 'A128GCM', 'kid': 'hs256'}, UNSUPPORTED)


def invalid(sets, jwe):
    c = Invalid(sets)
    segments(c, jwe)
    algorithms(c)
    headers(c)
    payloads(c)
    signatures(c)
    key_rules(c)
    return c.rows


# --- what must pass ---------------------------------------------------------------------------

class Valid(Corpus):
    def add(self, name, jwks, header, payload, alg='HS256', key='hs256', tok=None, claims=None,
            **options):
        header, payload = text(header), text(payload)
        tok = tok or token(header, payload, alg, key, **options)
        if claims is None:
            claims = json.loads(payload)
        self.put(name, jwks, tok, implementation='cryptography', alg=json.loads(header)['alg'],
                 kid=json.loads(header).get('kid'), payload=payload.decode(), claims=claims)


def edge_valid(sets):
    c = Valid(sets)
    h = head('HS256', 'hs256')

    def payload(name, body, claims=None):
        c.add('payload: ' + name, 'hs256', h, body, claims=claims)

    def header(name, head_, jwks='hs256'):
        c.add('header: ' + name, jwks, head_, CLAIMS)

    payload('empty object', '{}')
    payload('100 levels of arrays', '{"x":' + '[' * 99 + ']' * 99 + '}')
    payload('100 levels of objects', '{"a":' * 99 + '{}' + '}' * 99)
    payload('100 levels by turns', '{"a":[' * 50 + ']}' * 50)
    payload('brackets and quotes in a string', r'{"x":"[[[[{{{{\"]}\\","y":"' + '[' * 500 + '"}')
    payload('1e400 as an ordinary claim', '{"sub":"alice","big":1e400}', {'sub': 'alice'})
    payload('400 digits as an ordinary claim', '{"sub":"alice","big":' + '9' * 400 + '}',
            {'sub': 'alice'})
    payload('1e400 deep inside', '{"sub":"alice","a":{"b":[1e400,-1e400]}}', {'sub': 'alice'})
    payload('numbers of all forms',
            '{"a":-0,"b":0.0,"c":1E+2,"d":1e-7,"e":123456789012345678901234567890,"f":-1,"g":0}',
            {'f': -1, 'g': 0})
    payload('iat, iss, aud, sub of any type and time',
            '{"iat":4102444800,"iss":1,"aud":{"a":[]},"sub":null,"jti":[]}')
    payload('iat is a string', '{"iat":"x"}')
    payload('EXP and Nbf are ordinary claims', '{"EXP":1,"Nbf":"x","exp ":1," exp":"y"}')
    payload('exp deeper is an ordinary member', '{"a":{"exp":1,"nbf":"x"},"b":[{"exp":null}]}')
    payload('exp 2100', '{"exp":4102444800}')
    payload('exp 2100 with a fraction', '{"exp":4102444800.5}')
    payload('exp with an exponent', '{"exp":41024448e2}')
    payload('exp with a negative exponent', '{"exp":4102444800000e-3}')
    payload('exp 1e10', '{"exp":1E10}')
    payload('exp 1e308', '{"exp":1e308}')
    payload('exp 2^64', '{"exp":18446744073709551616}', {})
    payload('exp of 300 digits', '{"exp":' + '9' * 300 + '}', {})
    payload('exp of 40 fraction digits', '{"exp":4102444800.' + '1' * 40 + '}', {})
    payload('exp written with an escape', r'{"\u0065xp":4102444800}')
    payload('nbf 0', '{"nbf":0}')
    payload('nbf -0', '{"nbf":-0}', {})
    payload('nbf negative', '{"nbf":-1}')
    payload('nbf -1e308', '{"nbf":-1e308}')
    payload('nbf past with a fraction', '{"nbf":1577836800.999}')
    payload('nbf 1e-999', '{"nbf":1e-999}', {})
    payload('duplicates deeper', '{"a":{"b":1,"b":2},"c":[{"d":1,"d":3}]}')
    payload('duplicates deeper, one escaped', r'{"a":{"b":1,"\u0062":2}}')
    payload('names that differ in case', '{"sub":"a","SUB":"b","Sub":"c"}')
    payload('composed and decomposed names', '{"caf\u00e9":1,"cafe\u0301":2}')
    payload('empty name and empty values', '{"":"","a":[],"b":{}}')
    payload('unicode', '{"name":"J\u00fcrgen \u5c71\u7530 \u0414\u043c\u0438\u0442\u0440\u0438\u0439 \u0639\u0644\u064a",'
            '"emoji":"\U0001f600","\u0438\u043c\u044f":"x"}')
    payload('unicode escaped', r'{"name":"J\u00fcrgen \u5c71\u7530","emoji":"\ud83d\ude00","\u0438":1}')
    payload('the edges of UTF-8',
            '{"a":"\u007f\u0080\u07ff\u0800\ud7ff\ue000\ufffd\ufffe\uffff\U00010000\U0010ffff"}')
    payload('BOM and separators inside strings', '{"a":"\ufeffx\u2028\u2029\u0085\u00a0"}')
    payload('NUL and control characters escaped', r'{"a":"x\u0000y\u001f\r\n\t\b\f\u007f"}')
    payload('escaped names', r'{"s\u0075b":"alice","a\/b":1,"c\"d":2,"e\\f":3}')
    payload('all short escapes', r'{"a":"\"\\\/\b\f\n\r\t"}')
    payload('escaped backslash before u', r'{"a":"\\ud800"}')
    payload('white space everywhere',
            ' \r\n\t{ \n"sub" \t: "alice" ,\r\n "a" : [ 1 , 2 , { } ] } \r\n\t ')
    payload('names with dots, slashes, colons, spaces',
            '{"http://example.com/roles":["a"],"a.b":{"c.d":1},"x y":2}')
    payload('5000 groups', {'sub': 'alice', 'groups': [f'group-{i:04d}' for i in range(5000)]})
    payload('a claim of 20 KB', {'sub': 'alice', 'blob': 'x' * 20480})
    payload('1000 claims', {f'claim{i}': i for i in range(1000)})
    payload('a name of 5000 letters', {'n' * 5000: 1})
    payload('a string of 3000 escapes', '{"a":"' + r'\u00e9' * 3000 + '"}')

    for typ in ('JWT', 'jwt', 'at+jwt', 'application/at+jwt', 'JOSE', '', 'secevent+jwt'):
        header(f'typ {typ!r}', head('HS256', 'hs256', typ=typ))
    header('cty', head('HS256', 'hs256', cty='JWT'))
    header('cty of any text', head('HS256', 'hs256', cty='application/json'))
    header('jku, x5u, x5t, x5c, jwk ignored', head(
        'HS256', 'hs256', jku='http://127.0.0.1:1/', x5u='http://127.0.0.1:1/', x5c=['AAAA'],
        x5t='x', jwk={'kty': 'oct', 'k': 'AAAA'}, **{'x5t#S256': 'y'}))
    header('jku, x5u, x5c, jwk of the wrong type ignored', head(
        'HS256', 'hs256', jku=1, x5u=[], x5c='x', jwk=5))
    c.add('header: jwk of another key ignored', 'p256',
          head('ES256', 'p256', jwk=public('p256_other')), CLAIMS, 'ES256', 'p256')
    header('unknown members', head('HS256', 'hs256', iss='x', exp=1, nbf='x', a={'b': [1]}))
    header('duplicates deeper', '{"alg":"HS256","kid":"hs256","a":{"b":1,"b":2}}')
    header('escaped names and values', r'{"\u0061lg":"H\u0053256","k\u0069d":"hs\u0032\u0035\u0036"}')
    header('white space', ' {\r\n\t"alg" : "HS256" ,\n"kid":"hs256" } \n')
    header('names that differ in case', head('HS256', 'hs256', ALG='none', Crit=['x'], ZIP='DEF'))
    header('100 levels', '{"alg":"HS256","kid":"hs256","x":' + '[' * 99 + ']' * 99 + '}')
    header('1e400', '{"alg":"HS256","kid":"hs256","x":1e400}')
    header('an 8 KB member', head('HS256', 'hs256', x='y' * 8192))
    header('unicode', head('HS256', 'hs256', x='\u00e9\U0001f600'))
    header('kid last, after many members', {**{f'm{i}': i for i in range(50)}, 'alg': 'HS256',
                                            'kid': 'hs256'})

    # kid
    for kid in ('', ' ', 'a b', 'a/b?c=d&e#f', '../../etc/passwd', "' OR 1=1 --", '"quoted"\\',
                'caf\u00e9 \U0001f600', '\n\0\t', 'k' * 2000, '0', 'null', '%00', '{"a":1}',
                'https://issuer.example/keys/1', '=?+/'):
        name = repr(kid) if len(kid) < 60 else 'of 2000 letters'
        c.add(f'kid {name}', keys(public('hs384', kid='hs384'), public('hs256', kid=kid)),
              head('HS256', kid), CLAIMS)
    c.add('kid: written with escapes in the token', 'hs256',
          r'{"alg":"HS256","kid":"\u0068s256"}', CLAIMS)
    c.add('kid: no key has it, one key without kid', 'hs256_nokid', head('HS256', 'x'), CLAIMS)
    c.add('kid: empty, no key has it, one key without kid', 'hs256_nokid', head('HS256', ''),
          CLAIMS)
    c.add('kid: no key has it, the second key without kid is right', keys(
        public('hs384', kid='a'), public('hs512', kid=None), public('hs256', kid=None)),
        head('HS256', 'x'), CLAIMS)
    c.add('kid: two keys have it, the second is right', keys(
        public('hs384', kid='k'), public('hs256', kid='k')), head('HS256', 'k'), CLAIMS)
    c.add('kid: two RSA keys have it, the second is right', keys(
        public('rsa2048_other', kid='k'), public('rsa2048', kid='k')), head('RS256', 'k'), CLAIMS,
        'RS256', 'rsa2048')
    c.add('kid: keys of several types have it', keys(
        public('hs256', kid='k'), public('p256', kid='k'), public('ed25519', kid='k'),
        public('rsa2048', kid='k')), head('PS384', 'k'), CLAIMS, 'PS384', 'rsa2048')
    c.add('kid: keys of several alg have it', keys(
        public('rsa2048', kid='k', alg='RS512'), public('rsa2048_other', kid='k', alg='RS256'),
        public('rsa2048', kid='k', alg='RS256')), head('RS256', 'k'), CLAIMS, 'RS256', 'rsa2048')
    c.add('kid: one of them for encryption', keys(
        public('rsa2048_other', kid='k', use='enc'), public('rsa2048', kid='k', use='sig')),
        head('RS256', 'k'), CLAIMS, 'RS256', 'rsa2048')
    c.add('kid: 32 keys have it, the last is right', keys(*(
        [{'kty': 'oct', 'kid': 'k', 'k': b64(b'no %d' % i)} for i in range(31)] +
        [public('hs256', kid='k')])), head('HS256', 'k'), CLAIMS)
    c.add('kid: 100 keys of other kids before it', keys(*(
        [{'kty': 'oct', 'kid': f'k{i}', 'k': b64(b'no %d' % i)} for i in range(100)] +
        [public('hs256')])), head('HS256', 'hs256'), CLAIMS)
    c.add('no kid: the third fitting key is right', keys(
        public('p256'), public('hs384'), public('hs512', kid=None), public('hs256')),
        head('HS256'), CLAIMS)
    c.add('no kid: 32 fitting keys, the last is right', keys(*(
        [{'kty': 'oct', 'kid': f'k{i}', 'k': b64(b'no %d' % i)} for i in range(31)] +
        [public('hs256')])), head('HS256'), CLAIMS)
    c.add('no kid: 40 keys that do not fit before it', keys(*(
        [{'kty': 'oct', 'alg': 'HS512', 'k': b64(b'no %d' % i)} for i in range(40)] +
        [public('hs256')])), head('HS256'), CLAIMS)
    for alg, key in SIGNERS:
        c.add(f'no kid: all keys in the set, {alg}({key})', 'jws_all', head(alg), CLAIMS, alg, key)

    # the set
    c.add('set: a bare JWK', public('hs256'), h, CLAIMS)
    c.add('set: a bare RSA JWK without kid', public('rsa2048', kid=None), head('RS256'), CLAIMS,
          'RS256', 'rsa2048')
    c.add('set: members beside keys', {'issuer': 'x', 'keys': [public('hs256')], 'x': {'keys': []}},
          h, CLAIMS)
    beside = [
        ('unknown kty', {'kty': 'AKP', 'kid': 'pq', 'alg': 'ML-DSA-44', 'pub': 'AAAA'}),
        ('unknown kty of that kid', {'kty': 'XYZ', 'kid': 'hs256'}),
        ('no kty', {'kid': 'x'}), ('kty is a number', {'kty': 1}),
        ('secp256k1', public('secp256k1')), ('X25519', public('x25519')),
        ('X448', {'kty': 'OKP', 'crv': 'X448', 'x': b64(b'\5' * 56)}),
        ('weak RSA', public('rsa1024')),
        ('weak RSA of that kid', public('rsa1024', kid='hs256')),
        ('RSA with exponent 1', public('rsa2048', e='AQ')),
        ('a point off the curve', public('p256', y=flip(public('p256')['y'], 3))),
        ('broken base64url', public('rsa2048', n='a' * 341 + '!')),
        ('empty k', {'kty': 'oct', 'kid': 'e', 'k': ''}),
        ('empty k of that kid', {'kty': 'oct', 'kid': 'hs256', 'k': ''}),
        ('unknown alg', public('hs384', alg='HS1024')),
        ('kid is a number', public('hs384', kid=5)),
        ('an empty object', {}), ('a string', 'key'), ('a number', 7), ('null', None),
        ('an array', [public('hs384')]),
        ('another use', public('rsa4096', use='enc', alg='RSA-OAEP')),
    ]
    for what, entry in beside:
        c.add(f'set: beside {what}', {'keys': [entry, public('hs256')]}, h, CLAIMS)
        if 'of that kid' not in what:
            c.add(f'set: before {what}', {'keys': [public('hs256'), entry]}, h, CLAIMS)
    c.add('set: all of these', {'keys': [e for _, e in beside] + [public('hs256')]}, h, CLAIMS)
    for members in ({'use': 'sig'}, {'key_ops': ['verify']}, {'key_ops': ['sign', 'verify']},
                    {'use': 'sig', 'key_ops': ['verify']}, {'alg': None},
                    {'key_ops': ['verify', 'somethingNew']},
                    {'x5c': ['AAAA'], 'x5t': 'x', 'x5u': 'y', 'x5t#S256': 'z'},
                    {'ext': True, 'iat': 1, 'exp': 1, 'revoked': {'at': 1}, 'nbf': 'x'}):
        for alg, key in (('HS256', 'hs256'), ('RS256', 'rsa2048'), ('PS512', 'rsa2048'),
                         ('ES256', 'p256'), ('EdDSA', 'ed25519')):
            members = {**members, 'alg': alg} if 'alg' in members else members
            c.add(f'key: {alg} with {json.dumps(members, sort_keys=True)}',
                  keys(public(key, **members)), head(alg, key), CLAIMS, alg, key)
    c.add('key: Ed25519 with alg Ed25519', keys(public('ed25519', alg='Ed25519')),
          head('Ed25519', 'ed25519'), CLAIMS, 'Ed25519', 'ed25519')
    c.add('key: Ed448 with alg Ed448', keys(public('ed448', alg='Ed448')),
          head('Ed448', 'ed448'), CLAIMS, 'Ed448', 'ed448')
    c.add('key: EdDSA with alg EdDSA, Ed448', keys(public('ed448', alg='EdDSA')),
          head('EdDSA', 'ed448'), CLAIMS, 'EdDSA', 'ed448')
    for alg, key in (('RS256', 'rsa2048'), ('ES384', 'p384'), ('EdDSA', 'ed25519')):
        c.add(f'key: private members present, {alg}', keys(private(key)), head(alg, key), CLAIMS,
              alg, key)
    c.add('key: a short k, padded', keys(public('hs_short', k=private('hs_short')['k'] + '=')),
          head('HS256', 'hs_short'), CLAIMS, 'HS256', 'hs_short')
    for alg in ('RS256', 'PS256', 'RS512', 'PS512'):
        c.add(f'key: RSA with e = 3, {alg}', 'rsa2048_e3', head(alg, 'rsa2048_e3'), CLAIMS, alg,
              'rsa2048_e3')
        c.add(f'key: rsa8192, {alg}', 'rsa8192', head(alg, 'rsa8192'), CLAIMS, alg, 'rsa8192')
    b = private('rsa2048')
    phi = (intb64(b['p']) - 1) * (intb64(b['q']) - 1)
    for what, start in (('of 33 bits', 2**33 - 1), ('of 32 bits', 2**32 - 1)):
        e = next(e for e in range(start, 2**31, -2) if _coprime(e, phi))
        jwk = {'kty': 'RSA', 'kid': 'odd', 'n': b['n'], 'e': b64int(e)}
        data = b64(text(head('RS256', 'odd'))) + '.' + b64(text(CLAIMS))
        em = int.from_bytes(pkcs1('256', data.encode(), 256), 'big')
        sig = raw_rsa(em, {**jwk, 'd': b64int(pow(e, -1, phi))})
        c.add(f'key: RSA with an exponent {what}', keys(jwk), head('RS256', 'odd'), CLAIMS,
              'RS256', tok=data + '.' + b64(sig))
    for alg in ('HS256', 'HS384', 'HS512'):
        for key in ('hs_short', 'hs_long', 'hs256', 'hs384', 'hs512'):
            c.add(f'key: {alg} with a secret of {len(secret(key))} bytes', key, head(alg, key),
                  CLAIMS, alg, key)
        c.add(f'key: {alg} with a secret of one byte', keys({'kty': 'oct', 'kid': 'k', 'k': 'QQ'}),
              head(alg, 'k'), CLAIMS, alg, b'A')
        c.add(f'key: {alg} with a secret of one NUL', keys({'kty': 'oct', 'kid': 'k', 'k': 'AA'}),
              head(alg, 'k'), CLAIMS, alg, b'\0')
    # high and low s are both right in JOSE
    for alg, key in SIGNERS[9:12]:
        size, n = (load(key).curve.key_size + 7) // 8, ORDER[key]
        data = b64(text(head(alg, key))) + '.' + b64(text(CLAIMS))
        sig = sign(alg, key, data.encode())
        s = int.from_bytes(sig[size:], 'big')
        for what, value in (('high', max(s, n - s)), ('low', min(s, n - s))):
            c.add(f'{alg} with a {what} s', key, head(alg, key), CLAIMS, alg, key,
                  tok=data + '.' + b64(sig[:size] + value.to_bytes(size, 'big')))
    return c.rows
