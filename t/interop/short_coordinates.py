"""Makes ../data/short_coordinates.json: EC keys of which a coordinate begins with zero octets, written
without them, as some issuers do, and a token of each. Needs the Python package cryptography."""
import json
import pathlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from raw import b64

CURVES = {'P-256': (ec.SECP256R1(), 32, 'ES256', hashes.SHA256()),
          'P-384': (ec.SECP384R1(), 48, 'ES384', hashes.SHA384()),
          'P-521': (ec.SECP521R1(), 66, 'ES512', hashes.SHA512())}


def short(number):
    return number.to_bytes((number.bit_length() + 7) // 8, 'big')


def row(crv, wanted):
    """A key whose coordinates `wanted`, and no others, are short."""
    curve, size, alg, digest = CURVES[crv]
    while True:
        key = ec.generate_private_key(curve)
        point = key.public_key().public_numbers()
        octets = {'x': short(point.x), 'y': short(point.y)}
        if {name for name in 'xy' if len(octets[name]) < size} == set(wanted):
            break
    jwk = {'kty': 'EC', 'crv': crv, **{name: b64(octets[name]) for name in 'xy'}}
    told = b64(json.dumps({'alg': alg}).encode()) + '.' + b64(json.dumps({'sub': 'alice'}).encode())
    r, s = decode_dss_signature(key.sign(told.encode(), ec.ECDSA(digest)))
    token = told + '.' + b64(r.to_bytes(size, 'big') + s.to_bytes(size, 'big'))
    full = {**jwk, 'x': b64(point.x.to_bytes(size, 'big')), 'y': b64(point.y.to_bytes(size, 'big'))}
    lengths = ' and '.join(f'{name} of {len(octets[name])} octets' for name in wanted)
    return {'name': f'{crv}, {lengths}', 'jwk': jwk, 'full': full, 'token': token}


rows = [row(crv, wanted) for crv, wanted in
        (('P-256', 'x'), ('P-256', 'y'), ('P-384', 'x'), ('P-521', 'x'), ('P-521', 'y'), ('P-521', 'xy'))]
place = pathlib.Path(__file__).resolve().parent.parent / 'data' / 'short_coordinates.json'
place.write_text('[\n' + ',\n'.join(json.dumps(each) for each in rows) + '\n]\n')
