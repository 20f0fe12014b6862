"""Keys, base64url and bare signatures: what the minting scripts share.

The signatures here are made by the primitives of `cryptography` over exactly the bytes given, so
that a token can be wrong in one place and right everywhere else.
"""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import secrets

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import (
    ec, ed448, ed25519, padding, rsa, utils, x25519)

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / 'data'
KEYS = DATA / 'keys'

CURVES = {'P-256': (ec.SECP256R1, 32), 'P-384': (ec.SECP384R1, 48),
          'P-521': (ec.SECP521R1, 66), 'secp256k1': (ec.SECP256K1, 32)}
HASHES = {'256': hashes.SHA256, '384': hashes.SHA384, '512': hashes.SHA512}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def b64int(number, length=None):
    return b64(number.to_bytes(length or (number.bit_length() + 7) // 8, 'big'))


def intb64(text):
    return int.from_bytes(unb64(text), 'big')


# --- keys -------------------------------------------------------------------------------------

def rsa_jwk(key):
    n = key.private_numbers()
    return {'kty': 'RSA', 'n': b64int(n.public_numbers.n), 'e': b64int(n.public_numbers.e),
            'd': b64int(n.d), 'p': b64int(n.p), 'q': b64int(n.q), 'dp': b64int(n.dmp1),
            'dq': b64int(n.dmq1), 'qi': b64int(n.iqmp)}


def ec_jwk(crv):
    curve, size = CURVES[crv]
    n = ec.generate_private_key(curve()).private_numbers()
    return {'kty': 'EC', 'crv': crv, 'x': b64int(n.public_numbers.x, size),
            'y': b64int(n.public_numbers.y, size), 'd': b64int(n.private_value, size)}


def okp_jwk(crv):
    key = {'Ed25519': ed25519.Ed25519PrivateKey, 'Ed448': ed448.Ed448PrivateKey,
           'X25519': x25519.X25519PrivateKey}[crv].generate()
    return {'kty': 'OKP', 'crv': crv, 'x': b64(key.public_key().public_bytes_raw()),
            'd': b64(key.private_bytes_raw())}


def oct_jwk(size):
    return {'kty': 'oct', 'k': b64(secrets.token_bytes(size))}


def rsa_new(bits, e=65537):
    return lambda: rsa_jwk(rsa.generate_private_key(e, bits))


WANTED = {
    'hs256': lambda: oct_jwk(32), 'hs384': lambda: oct_jwk(48), 'hs512': lambda: oct_jwk(64),
    'hs_short': lambda: oct_jwk(8), 'hs_long': lambda: oct_jwk(300),
    'rsa2048': rsa_new(2048), 'rsa4096': rsa_new(4096), 'rsa2048_e3': rsa_new(2048, 3),
    'rsa2048_other': rsa_new(2048), 'rsa1024': rsa_new(1024), 'rsa2047': rsa_new(2047),
    'rsa8192': rsa_new(8192), 'rsa9000': rsa_new(9000), 'rsa16384': rsa_new(16384),
    'p256': lambda: ec_jwk('P-256'), 'p256_other': lambda: ec_jwk('P-256'),
    'p384': lambda: ec_jwk('P-384'), 'p521': lambda: ec_jwk('P-521'),
    'secp256k1': lambda: ec_jwk('secp256k1'),
    'ed25519': lambda: okp_jwk('Ed25519'), 'ed25519_other': lambda: okp_jwk('Ed25519'),
    'ed448': lambda: okp_jwk('Ed448'), 'x25519': lambda: okp_jwk('X25519'),
    'enc16': lambda: oct_jwk(16), 'enc24': lambda: oct_jwk(24), 'enc32': lambda: oct_jwk(32),
    'enc48': lambda: oct_jwk(48), 'enc64': lambda: oct_jwk(64),
    'enc16_other': lambda: oct_jwk(16),
}


def make_missing_keys():
    KEYS.mkdir(parents=True, exist_ok=True)
    for name, make in WANTED.items():
        path = KEYS / (name + '.json')
        if path.exists():
            continue
        print('new key', name)
        pem = os.environ.get('PEM_' + name.upper())
        if pem:
            jwk = rsa_jwk(serialization.load_pem_private_key(pathlib.Path(pem).read_bytes(), None))
        else:
            jwk = make()
        path.write_text(json.dumps({'kty': jwk.pop('kty'), 'kid': name, **jwk}, indent=1) + '\n')


_jwks = {}


def private(name, **members):
    """The JWK as committed, with its private members; members=None takes one away."""
    if name not in _jwks:
        _jwks[name] = json.loads((KEYS / (name + '.json')).read_text())
    jwk = {**_jwks[name], **members}
    return {m: v for m, v in jwk.items() if v is not None}


def public(name, **members):
    jwk = private(name)
    if jwk['kty'] != 'oct':
        jwk = {m: v for m, v in jwk.items() if m not in ('d', 'p', 'q', 'dp', 'dq', 'qi')}
    return {m: v for m, v in {**jwk, **members}.items() if v is not None}


def secret(name):
    return unb64(private(name)['k'])


_loaded = {}


def load(name):
    """The private key object of `cryptography`, or the bytes of an oct key."""
    if name not in _loaded:
        jwk = private(name)
        if jwk['kty'] == 'oct':
            key = secret(name)
        elif jwk['kty'] == 'RSA':
            i = {m: intb64(jwk[m]) for m in ('n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi')}
            key = rsa.RSAPrivateNumbers(
                i['p'], i['q'], i['d'], i['dp'], i['dq'], i['qi'],
                rsa.RSAPublicNumbers(i['e'], i['n'])).private_key(
                    unsafe_skip_rsa_key_validation=True)
        elif jwk['kty'] == 'EC':
            key = ec.derive_private_key(intb64(jwk['d']), CURVES[jwk['crv']][0]())
        else:
            cls = {'Ed25519': ed25519.Ed25519PrivateKey, 'Ed448': ed448.Ed448PrivateKey,
                   'X25519': x25519.X25519PrivateKey}[jwk['crv']]
            key = cls.from_private_bytes(unb64(jwk['d']))
        _loaded[name] = key
    return _loaded[name]


# --- signatures -------------------------------------------------------------------------------

def digest_info(bits, data):
    prefix = {'256': '3031300d060960864801650304020105000420',
              '384': '3041300d060960864801650304020205000430',
              '512': '3051300d060960864801650304020305000440'}[bits]
    return bytes.fromhex(prefix) + hashlib.new('sha' + bits, data).digest()


def pkcs1(bits, data, length):
    info = digest_info(bits, data)
    return b'\0\1' + b'\xff' * (length - 3 - len(info)) + b'\0' + info


def raw_rsa(number, jwk):
    """m^d mod n, for keys that no library wants to load."""
    length = (intb64(jwk['n']).bit_length() + 7) // 8
    return pow(number, intb64(jwk['d']), intb64(jwk['n'])).to_bytes(length, 'big')


def sign(alg, key, data, salt=None, mgf=None, digest=None):
    """key: a name, or bytes for HMAC."""
    if alg.startswith('HS'):
        return hmac.new(key if isinstance(key, bytes) else secret(key), data,
                        'sha' + alg[2:]).digest()
    k = load(key)
    if alg.startswith('RS'):
        return k.sign(data, padding.PKCS1v15(), HASHES[alg[2:]]())
    if alg.startswith('PS'):
        hash_ = HASHES[alg[2:]]
        return k.sign(data, padding.PSS(padding.MGF1((mgf or hash_)()),
                                        hash_.digest_size if salt is None else salt), hash_())
    if alg.startswith('ES'):
        der = k.sign(data, ec.ECDSA((digest or HASHES[alg[2:5]])()))
        r, s = utils.decode_dss_signature(der)
        size = (k.curve.key_size + 7) // 8
        return r.to_bytes(size, 'big') + s.to_bytes(size, 'big')
    return k.sign(data)


def text(value):
    """JSON bytes of an object; bytes and str pass as they are."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return json.dumps(value, separators=(',', ':'), ensure_ascii=False).encode()


def token(header, payload, alg, key, head64=None, body64=None, **options):
    """Any header bytes, any payload bytes, a right signature over exactly these segments."""
    head = b64(text(header)) if head64 is None else head64
    body = b64(text(payload)) if body64 is None else body64
    signed = (head + '.' + body).encode('utf-8')
    return head + '.' + body + '.' + b64(sign(alg, key, signed, **options))
