"""JWE that must be refused, and odd ones that must pass. Everything is encrypted here by the
primitives of `cryptography`, so that one thing alone is wrong with each."""
import hmac
import json
import os
import struct

from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives import padding as block
from cryptography.hazmat.primitives.asymmetric import ec, padding, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from hostile import CLAIMS, FUTURE, INVALID, MALFORMED, UNKNOWN, UNSUPPORTED, WRONG_TYPE
from hostile import Corpus, Invalid, decoy, flip, head, keys, swap_last
from raw import (CURVES, b64, intb64, load, private, public, secret, sign, text, token, unb64)

FAILED = 'decryption_failed'
SIZES = {'A128CBC-HS256': 32, 'A192CBC-HS384': 48, 'A256CBC-HS512': 64, 'A128GCM': 16,
         'A192GCM': 24, 'A256GCM': 32}
OAEP = {'RSA-OAEP': hashes.SHA1, 'RSA-OAEP-256': hashes.SHA256, 'RSA-OAEP-384': hashes.SHA384,
        'RSA-OAEP-512': hashes.SHA512}


def seal(enc, cek, iv, aad, plaintext, pad=True):
    if enc.endswith('GCM'):
        sealed = AESGCM(cek).encrypt(iv, plaintext, aad)
        return sealed[:-16], sealed[-16:]
    half = len(cek) // 2
    if pad:
        padder = block.PKCS7(128).padder()
        plaintext = padder.update(plaintext) + padder.finalize()
    encryptor = Cipher(algorithms.AES(cek[half:]), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(plaintext) + encryptor.finalize()
    return ciphertext, mac(enc, cek, iv, aad, ciphertext)


def mac(enc, cek, iv, aad, ciphertext):
    data = aad + iv + ciphertext + struct.pack('>Q', len(aad) * 8)
    return hmac.new(cek[:len(cek) // 2], data, 'sha' + enc[-3:]).digest()[:len(cek) // 2]


def gcm_kw(key, cek):
    iv = os.urandom(12)
    sealed = AESGCM(key).encrypt(iv, cek, b'')
    return sealed[:-16], {'iv': b64(iv), 'tag': b64(sealed[-16:])}


def concat_kdf(shared, name, size, apu=b'', apv=b''):
    part = lambda data: struct.pack('>I', len(data)) + data
    info = part(name.encode()) + part(apu) + part(apv) + struct.pack('>I', size * 8)
    return ConcatKDFHash(hashes.SHA256(), size, info).derive(shared)


def ephemeral(name):
    """An epk for that recipient, and the shared secret."""
    jwk = public(name)
    if jwk['crv'] == 'X25519':
        key = x25519.X25519PrivateKey.generate()
        epk = {'kty': 'OKP', 'crv': 'X25519', 'x': b64(key.public_key().public_bytes_raw())}
        return epk, key.exchange(load(name).public_key())
    curve, size = CURVES[jwk['crv']]
    key = ec.generate_private_key(curve())
    n = key.public_key().public_numbers()
    epk = {'kty': 'EC', 'crv': jwk['crv'], 'x': b64(n.x.to_bytes(size, 'big')),
           'y': b64(n.y.to_bytes(size, 'big'))}
    return epk, key.exchange(ec.ECDH(), load(name).public_key())


def jwe(alg, enc, name, plaintext=None, kid=True, header=None, cek=None, cek_size=None, ek=None,
        iv=None, head64=None, pad=True, more=None):
    """A JWE to the key of that name. `header` (bytes or str) replaces the header that comes of
    alg, enc, kid and `more`; {} in its place for members that the algorithm makes is %s."""
    more = dict(more or {})
    made = {}
    size = cek_size or SIZES[enc]
    wrap = None
    if alg == 'dir':
        cek = cek or secret(name)
        wrap = b''
    elif alg in OAEP:
        cek = cek or os.urandom(size)
        digest = OAEP[alg]
        wrap = load(name).public_key().encrypt(
            cek, padding.OAEP(padding.MGF1(digest()), digest(), None))
    elif alg.startswith('ECDH-ES'):
        epk, shared = ephemeral(name)
        made['epk'] = epk
        apu, apv = (unb64(more[m]) if isinstance(more.get(m), str) else b'' for m in ('apu', 'apv'))
        if alg == 'ECDH-ES':
            cek, wrap = concat_kdf(shared, enc, size, apu, apv), b''
        else:
            cek = cek or os.urandom(size)
            bits = int(alg[-5:-2])
            wrap = keywrap.aes_key_wrap(concat_kdf(shared, alg, bits // 8, apu, apv), cek)
    elif alg.endswith('GCMKW'):
        cek = cek or os.urandom(size)
        wrap, made = gcm_kw(secret(name), cek)
    else:
        cek = cek or os.urandom(size)
        kek = secret(name)
        wrap = keywrap.aes_key_wrap(kek if len(kek) >= 16 else kek.ljust(16, b'\0'), cek)
    members = {'alg': alg, 'enc': enc, **({'kid': name} if kid is True else
                                          {'kid': kid} if kid else {}), **made, **more}
    members = {m: v for m, v in members.items() if v is not DROP}
    if callable(header):
        header = header(json.dumps(members))
    head64 = head64 or b64(text(members if header is None else header))
    iv = os.urandom(12 if enc.endswith('GCM') else 16) if iv is None else iv
    ciphertext, tag = seal(enc, cek, iv, head64.encode(),
                           text(CLAIMS if plaintext is None else plaintext), pad)
    return '.'.join([head64, b64(wrap if ek is None else ek), b64(iv), b64(ciphertext), b64(tag)])


class DROP:
    """The value of a member that is to be left out."""


def part(tok, index, value):
    parts = tok.split('.')
    parts[index] = value(parts[index]) if callable(value) else value
    return '.'.join(parts)


class InvalidJwe(Invalid):
    def add(self, name, jwks, tok, status, *others, type='encrypted'):
        self.put(name, jwks, tok, type=type, status=status,
                 **({'status_any': [status, *others]} if others else {}))


PAIRS = [('A128KW', 'A128GCM', 'enc16'), ('A256KW', 'A256CBC-HS512', 'enc32'),
         ('A128GCMKW', 'A128CBC-HS256', 'enc16'), ('A256GCMKW', 'A256GCM', 'enc32'),
         ('dir', 'A128GCM', 'enc16'), ('dir', 'A192GCM', 'enc24'), ('dir', 'A128CBC-HS256', 'enc32'),
         ('dir', 'A192CBC-HS384', 'enc48'), ('dir', 'A256CBC-HS512', 'enc64'),
         ('RSA-OAEP', 'A256GCM', 'rsa2048'), ('RSA-OAEP-256', 'A128CBC-HS256', 'rsa2048'),
         ('RSA-OAEP-384', 'A192GCM', 'rsa2048'), ('RSA-OAEP-512', 'A192CBC-HS384', 'rsa2048'),
         ('ECDH-ES', 'A128GCM', 'p256'), ('ECDH-ES', 'A256CBC-HS512', 'x25519'),
         ('ECDH-ES+A128KW', 'A256GCM', 'p384'), ('ECDH-ES+A192KW', 'A192GCM', 'p521'),
         ('ECDH-ES+A256KW', 'A128CBC-HS256', 'x25519')]


def parts(c):
    for alg, enc, name in PAIRS:
        label = f'{alg} {enc} {name}'
        tok = jwe(alg, enc, name)
        add = lambda what, t, *status: c.add(f'{label}: {what}', 'jwe_all', t, *status)
        h = tok.split('.')[0]
        other = json.loads(unb64(h))
        add('another member in the header', part(tok, 0, b64(text({**other, 'x': 1}))), FAILED)
        add('white space in the header', part(tok, 0, b64(json.dumps(other).encode())), FAILED)
        direct = alg in ('dir', 'ECDH-ES')
        if direct:
            add('an encrypted key', part(tok, 1, b64(os.urandom(24))), FAILED, MALFORMED)
        else:
            add('first byte of the encrypted key flipped', part(tok, 1, lambda s: flip(s, 0)), FAILED)
            add('last byte of the encrypted key flipped', part(tok, 1, lambda s: flip(s, -1)), FAILED)
            add('encrypted key one byte short', part(tok, 1, lambda s: b64(unb64(s)[:-1])), FAILED,
                MALFORMED)
            add('encrypted key 8 bytes long', part(tok, 1, lambda s: b64(unb64(s)[:8])), FAILED,
                MALFORMED)
            add('encrypted key empty', part(tok, 1, ''), FAILED, MALFORMED)
        add('iv flipped', part(tok, 2, lambda s: flip(s, 0)), FAILED)
        add('iv one byte short', part(tok, 2, lambda s: b64(unb64(s)[:-1])), FAILED, MALFORMED)
        add('iv one byte long', part(tok, 2, lambda s: b64(unb64(s) + b'\0')), FAILED, MALFORMED)
        add('iv empty', part(tok, 2, ''), FAILED, MALFORMED)
        add('first byte of the ciphertext flipped', part(tok, 3, lambda s: flip(s, 0)), FAILED)
        add('last byte of the ciphertext flipped', part(tok, 3, lambda s: flip(s, -1)), FAILED)
        add('ciphertext one byte short', part(tok, 3, lambda s: b64(unb64(s)[:-1])), FAILED)
        add('ciphertext one byte long', part(tok, 3, lambda s: b64(unb64(s) + b'\0')), FAILED)
        add('ciphertext empty', part(tok, 3, ''), FAILED, MALFORMED)
        add('tag flipped', part(tok, 4, lambda s: flip(s, 0)), FAILED)
        add('last byte of the tag flipped', part(tok, 4, lambda s: flip(s, -1, 7)), FAILED)
        for bits in (96, 64, 32, 8):
            add(f'tag of {bits} bits', part(tok, 4, lambda s: b64(unb64(s)[:bits // 8])), FAILED,
                MALFORMED)
        add('tag one byte short', part(tok, 4, lambda s: b64(unb64(s)[:-1])), FAILED, MALFORMED)
        add('tag one byte long', part(tok, 4, lambda s: b64(unb64(s) + b'\0')), FAILED, MALFORMED)
        add('tag empty', part(tok, 4, ''), FAILED, MALFORMED)
        if 'CBC' in enc:
            add('iv and ciphertext shifted by a block', '.'.join([
                *tok.split('.')[:2], b64(unb64(tok.split('.')[3])[:16]),
                b64(unb64(tok.split('.')[3])[16:]), tok.split('.')[4]]), FAILED)
            add('padding of zeros under a right tag',
                jwe(alg, enc, name, plaintext=b'{"sub":"a"}'.ljust(16, b'\0'), pad=False), FAILED)
            add('padding of 17 under a right tag', jwe(
                alg, enc, name, plaintext=b'{"sub":"a"}'.ljust(32, b'\x11'), pad=False), FAILED)
            add('uneven padding under a right tag', jwe(
                alg, enc, name, plaintext=b'{"sub":"a"}' + b'\1\2\3\4\5', pad=False), FAILED)
            if alg == 'dir':
                cek = secret(name)
                iv, aad = os.urandom(16), h.encode()
                for n, what in ((0, 'no block'), (15, '15 bytes')):
                    ct = os.urandom(n)
                    add(f'ciphertext of {what} under a right tag', '.'.join(
                        [h, '', b64(iv), b64(ct), b64(mac(enc, cek, iv, aad, ct))]), FAILED,
                        MALFORMED)
                ct, tag = seal(enc, cek, iv, aad, text(CLAIMS))
                data = aad + iv + ct + struct.pack('>Q', len(aad) * 8)
                full = hmac.new(cek[:len(cek) // 2], data, 'sha' + enc[-3:]).digest()
                add('tag not truncated', '.'.join([h, '', b64(iv), b64(ct), b64(full)]), FAILED,
                    MALFORMED)
                swapped = cek[len(cek) // 2:] + cek[:len(cek) // 2]
                add('halves of the key swapped', jwe(alg, enc, name, cek=swapped), FAILED)
        # writing
        for i, what in enumerate(('header', 'encrypted key', 'iv', 'ciphertext', 'tag')):
            seg = tok.split('.')[i]
            if seg:
                add(f'{what} with a space inside', part(tok, i, seg[:2] + ' ' + seg[2:]), MALFORMED)
                add(f'{what} padded', part(tok, i, seg + '=' * (-len(seg) % 4 or 4)), MALFORMED)
                add(f'{what} with +', part(tok, i, '+' + seg[1:]), MALFORMED)
                if len(seg) % 4:
                    add(f'{what} with trailing bits', part(tok, i, swap_last(seg)), MALFORMED)
        if not direct:
            # the AES keys are fresh; a CEK of another length than enc has
            for size in (8, 16, 24, 32, 40, 48, 64):
                if size != SIZES[enc] and (size >= 16 or not alg.endswith('KW')):
                    add(f'CEK of {size} bytes', jwe_cek(alg, enc, name, size), FAILED)
        if alg in ('A128KW', 'A128GCMKW') or alg.startswith(('RSA', 'ECDH-ES+')):
            add('CEK of no byte', jwe_cek(alg, enc, name, 0), FAILED, MALFORMED)


def jwe_cek(alg, enc, name, size):
    """A right token but for the length of its CEK; the content is then sealed with a key made of
    its first bytes, or zeros."""
    cek = os.urandom(size)
    good = jwe('dir', enc, 'enc16', cek=(cek + bytes(64))[:SIZES[enc]])
    wrapped = None
    made = {}
    if alg in OAEP:
        wrapped = load(name).public_key().encrypt(
            cek, padding.OAEP(padding.MGF1(OAEP[alg]()), OAEP[alg](), None))
    elif alg.startswith('ECDH-ES+'):
        epk, shared = ephemeral(name)
        made = {'epk': epk}
        kek = concat_kdf(shared, alg, int(alg[-5:-2]) // 8)
        wrapped = keywrap.aes_key_wrap(kek, cek) if size >= 16 else keywrap.aes_key_wrap_with_padding(
            kek, cek) if size else b''
    elif alg.endswith('GCMKW'):
        wrapped, made = gcm_kw(secret(name), cek)
    else:
        wrapped = keywrap.aes_key_wrap(secret(name), cek) if size >= 16 else b''
    head64 = b64(text({'alg': alg, 'enc': enc, 'kid': name, **made}))
    iv = unb64(good.split('.')[2])
    ct, tag = seal(enc, (cek + bytes(64))[:SIZES[enc]], iv, head64.encode(), text(CLAIMS))
    return '.'.join([head64, b64(wrapped), b64(iv), b64(ct), b64(tag)])


def headers(c):
    base = '{"alg":"dir","enc":"A128GCM","kid":"enc16"'

    def add(name, header, status=MALFORMED, *others):
        c.add('header: ' + name, 'jwe_all', jwe('dir', 'A128GCM', 'enc16', header=header), status,
              *others)

    add('no alg', '{"enc":"A128GCM","kid":"enc16"}')
    add('no enc', '{"alg":"dir","kid":"enc16"}')
    for what in ('null', '1', 'true', '["A128GCM"]', '{}'):
        add(f'enc is {what}', '{"alg":"dir","enc":%s,"kid":"enc16"}' % what)
        add(f'alg is {what}', '{"alg":%s,"enc":"A128GCM","kid":"enc16"}' % what)
        add(f'kid is {what}', '{"alg":"dir","enc":"A128GCM","kid":%s}' % what)
        add(f'cty is {what}', base + ',"cty":%s}' % what)
        add(f'typ is {what}', base + ',"typ":%s}' % what)
        add(f'zip is {what}', base + ',"zip":%s}' % what)
        add(f'crit is {what}', base + ',"crit":%s}' % what)
    for what in ('["exp"]', '["alg"]', '[]'):
        add(f'crit is {what}', base + ',"crit":%s,"exp":1}' % what)
    add('zip is "DEF", content not deflated', base + ',"zip":"DEF"}')
    add('zip is empty', base + ',"zip":""}')
    add('zip with an escape', base + r',"z\u0069p":"DEF"}')
    add('b64 is false', base + ',"b64":false}')
    add('b64 is true', base + ',"b64":true}')
    import zlib
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    small = deflate.compress(text(CLAIMS)) + deflate.flush()
    c.add('header: zip is "DEF", content deflated', 'jwe_all', jwe(
        'dir', 'A128GCM', 'enc16', plaintext=small, header=base + ',"zip":"DEF"}'), MALFORMED)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflate.compress(b'{"a":"' + b'x' * 10_000_000 + b'"}') + deflate.flush()
    c.add('header: zip is "DEF", 10 MB', 'jwe_all', jwe(
        'dir', 'A128GCM', 'enc16', plaintext=bomb, header=base + ',"zip":"DEF"}'), MALFORMED)
    add('enc twice', '{"alg":"dir","enc":"A128GCM","enc":"A128GCM","kid":"enc16"}')
    add('enc and \\u0065nc', r'{"alg":"dir","enc":"A128GCM","\u0065nc":"A128GCM","kid":"enc16"}')
    add('alg and \\u0061lg', r'{"alg":"dir","\u0061lg":"dir","enc":"A128GCM","kid":"enc16"}')
    add('is an array', '["dir","A128GCM"]')
    add('is empty', b'')
    add('is not JSON', 'dir')
    add('JSON followed by a brace', base + '}}')
    add('BOM', b'\xef\xbb\xbf' + base.encode() + b'}')
    add('not UTF-8', base.encode() + b',"x":"\xff"}')
    add('lone surrogate', base + r',"x":"\ud800"}')
    add('130 levels', base + ',"x":' + '[' * 130 + ']' * 130 + '}')
    for enc in ('A128CBC', 'A128CBC-HS512', 'a128gcm', 'A128GCM ', '', 'none', 'A512GCM', 'XC20P',
                'C20P', 'A128CTR', 'HS256', 'dir', 'A128KW'):
        add(f'enc {enc!r}', json.dumps({'alg': 'dir', 'enc': enc, 'kid': 'enc16'}), UNSUPPORTED)
    for alg in ('none', 'DIR', 'Dir', 'dir ', '', 'A128GCM', 'A512KW', 'a128kw', 'RSA-OAEP-1',
                'RSA-OAEP-224', 'RSA1_5', 'RSA1_6', 'ECDH-ES+A512KW', 'ECDH-ES+A128GCMKW', 'ECDH-1PU',
                'HPKE-0', 'HS256', 'RS256', 'EdDSA', 'PBES2-HS256+A128KW'):
        add(f'alg {alg!r}', json.dumps({'alg': alg, 'enc': 'A128GCM', 'kid': 'enc16'}), UNSUPPORTED)


def never(c):
    """Algorithms that are never served, with tokens that would be right."""
    cek = os.urandom(16)
    ek = load('rsa2048').public_key().encrypt(cek, padding.PKCS1v15())
    header = {'alg': 'RSA1_5', 'enc': 'A128GCM', 'kid': 'rsa2048'}
    tok = jwe('dir', 'A128GCM', 'enc16', header=text(header), cek=cek, ek=ek)
    c.add('RSA1_5', 'jwe_all', tok, UNSUPPORTED)
    c.add('RSA1_5: broken padding', 'jwe_all', part(tok, 1, lambda s: flip(s, 5)), UNSUPPORTED)
    c.add('RSA1_5: the key says alg RSA1_5', keys(private('rsa2048', alg='RSA1_5'), decoy()), tok,
          UNSUPPORTED)
    for alg, digest, size in (('PBES2-HS256+A128KW', hashes.SHA256, 16),
                              ('PBES2-HS384+A192KW', hashes.SHA384, 24),
                              ('PBES2-HS512+A256KW', hashes.SHA512, 32)):
        for count in (1000, 2_000_000_000):
            salt = os.urandom(16)
            kek = PBKDF2HMAC(digest(), size, alg.encode() + b'\0' + salt, 1000).derive(
                secret('enc32'))
            header = text({'alg': alg, 'enc': 'A128GCM', 'kid': 'enc32', 'p2s': b64(salt),
                           'p2c': count})
            c.add(f'{alg}, p2c {count}', 'jwe_all', jwe(
                'dir', 'A128GCM', 'enc16', header=header, cek=cek,
                ek=keywrap.aes_key_wrap(kek, cek)), UNSUPPORTED)


def algorithm_parameters(c):
    # GCMKW
    for alg, enc, name in (('A128GCMKW', 'A128GCM', 'enc16'), ('A256GCMKW', 'A256CBC-HS512', 'enc32')):
        good = json.loads(unb64(jwe(alg, enc, name).split('.')[0]))
        for m in ('iv', 'tag'):
            for what, value in (('missing', DROP), ('null', None), ('a number', 1), ('empty', ''),
                                ('an array', []), ('not base64url', '!!!!!!!!'),
                                ('padded', good[m] + '=='), ('one byte short',
                                                            b64(unb64(good[m])[:-1])),
                                ('one byte long', b64(unb64(good[m]) + b'\0')),
                                ('4 bytes', 'AAAAAA')):
                c.add(f'{alg}: {m} {what}', 'jwe_all', jwe(alg, enc, name, more={m: value}),
                      MALFORMED, FAILED)
            c.add(f'{alg}: another {m}', 'jwe_all', jwe(
                alg, enc, name, more={m: b64(bytes(len(unb64(good[m]))))}), FAILED)
        c.add(f'{alg}: the key wrapped as by {alg.replace("GCM", "")}', 'jwe_all', jwe(
            alg, enc, name, cek=b'c' * SIZES[enc], ek=keywrap.aes_key_wrap(
                secret(name), b'c' * SIZES[enc])), FAILED, MALFORMED)
    # OAEP
    cek = os.urandom(16)
    for alg, digest, mgf, label, what in (
            ('RSA-OAEP', hashes.SHA256, hashes.SHA256, None, 'made by RSA-OAEP-256'),
            ('RSA-OAEP-256', hashes.SHA1, hashes.SHA1, None, 'made by RSA-OAEP'),
            ('RSA-OAEP-256', hashes.SHA256, hashes.SHA1, None, 'MGF1 with SHA-1'),
            ('RSA-OAEP-512', hashes.SHA512, hashes.SHA256, None, 'MGF1 with SHA-256'),
            ('RSA-OAEP', hashes.SHA1, hashes.SHA1, b'label', 'a label'),
            ('RSA-OAEP-384', hashes.SHA384, hashes.SHA384, b'label', 'a label')):
        ek = load('rsa2048').public_key().encrypt(cek, padding.OAEP(padding.MGF1(mgf()), digest(),
                                                                    label))
        c.add(f'{alg}: {what}', 'jwe_all', jwe(alg, 'A128GCM', 'rsa2048', cek=cek, ek=ek), FAILED)
    ek = load('rsa2048').public_key().encrypt(cek, padding.PKCS1v15())
    c.add('RSA-OAEP: PKCS#1 v1.5 padding', 'jwe_all',
          jwe('RSA-OAEP', 'A128GCM', 'rsa2048', cek=cek, ek=ek), FAILED)
    for what, ek in (('zero', bytes(256)), ('one', bytes(255) + b'\1'),
                     ('the modulus', unb64(private('rsa2048')['n'])), ('all bits', b'\xff' * 256),
                     ('257 bytes', b'\0' + os.urandom(256)), ('512 bytes', os.urandom(512))):
        c.add(f'RSA-OAEP: encrypted key is {what}', 'jwe_all',
              jwe('RSA-OAEP', 'A128GCM', 'rsa2048', cek=cek, ek=ek), FAILED,
              *((MALFORMED,) if 'bytes' in what else ()))
    # ECDH
    for alg, enc in (('ECDH-ES', 'A128GCM'), ('ECDH-ES+A128KW', 'A128CBC-HS256')):
        for name in ('p256', 'p384', 'p521', 'x25519'):
            def add(what, epk, *status):
                c.add(f'{alg} {name}: {what}', 'jwe_all', jwe(alg, enc, name, more={'epk': epk}),
                      *status)
            good, _ = ephemeral(name)
            either = (MALFORMED, FAILED)
            add('no epk', DROP, *either)
            add('epk is null', None, *either)
            add('epk is a string', 'x', *either)
            add('epk is an array', [good], *either)
            add('epk is empty', {}, *either)
            add('epk of another key pair', good, FAILED)
            add('epk without x', {m: v for m, v in good.items() if m != 'x'}, *either)
            add('epk x is a number', {**good, 'x': 1}, *either)
            add('epk x is empty', {**good, 'x': ''}, *either)
            add('epk x is padded', {**good, 'x': good['x'] + '='}, *either)
            add('epk x one byte short', {**good, 'x': b64(unb64(good['x'])[:-1])}, *either)
            add('epk x one byte long', {**good, 'x': b64(b'\0' + unb64(good['x']))}, *either)
            add('epk without kty', {m: v for m, v in good.items() if m != 'kty'}, *either)
            add('epk without crv', {m: v for m, v in good.items() if m != 'crv'}, *either)
            add('epk is an oct key', {'kty': 'oct', 'k': 'AAAA'}, *either)
            for other in ('p256', 'p384', 'x25519', 'ed25519', 'secp256k1'):
                if other != name:
                    add(f'epk of {other}', public(other, kid=None), FAILED, MALFORMED, UNKNOWN)
            if name == 'x25519':
                p = 2**255 - 19
                little = lambda n: b64(n.to_bytes(32, 'little'))
                for what, x in (('zero', little(0)), ('one', little(1)), ('p', little(p)),
                                ('p - 1', little(p - 1)), ('p + 1', little(p + 1)),
                                ('a point of order 8', b64(bytes.fromhex(
                                    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800')))):
                    # such a point makes the shared secret zero, which must be refused
                    tok = low_order(alg, enc, x)
                    c.add(f'{alg} {name}: epk is {what}', 'jwe_all', tok, *either[::-1])
            else:
                size = len(unb64(good['x']))
                add('epk not on the curve', {**good, 'y': flip(good['y'], -1)}, FAILED, MALFORMED)
                add('epk is zero', {**good, 'x': b64(bytes(size)), 'y': b64(bytes(size))}, FAILED,
                    MALFORMED)
                add('epk above the field', {**good, 'x': b64(b'\xff' * size)}, FAILED, MALFORMED)
                add('epk without y', {m: v for m, v in good.items() if m != 'y'}, *either)
                add('epk x and y swapped', {**good, 'x': good['y'], 'y': good['x']}, FAILED,
                    MALFORMED)
        for m in ('apu', 'apv'):
            for what, value in (('is a number', 1), ('is null', None), ('is not base64url', '!!'),
                                ('is padded', 'QWxpY2U=')):
                tok = jwe(alg, enc, 'p256', more={m: value} if not isinstance(value, str) else {},
                          header=None if not isinstance(value, str) else
                          lambda h: json.dumps({**json.loads(h), m: value}))
                c.add(f'{alg}: {m} {what}', 'jwe_all', tok, MALFORMED, FAILED)
            c.add(f'{alg}: another {m}', 'jwe_all', jwe(
                alg, enc, 'p256', header=lambda h: json.dumps({**json.loads(h), m: 'QWxpY2U'})),
                FAILED)
    # a classic invalid curve point: on y^2 = x^3 - 3x + b' with another b'
    for name in ('p256',):
        for i in range(3):
            epk = {'kty': 'EC', 'crv': 'P-256', 'x': b64((i + 5).to_bytes(32, 'big')),
                   'y': b64((i + 7).to_bytes(32, 'big'))}
            c.add(f'ECDH-ES+A256KW: point of another curve {i}', 'jwe_all',
                  jwe('ECDH-ES+A256KW', 'A256GCM', name, more={'epk': epk}), FAILED, MALFORMED)


def low_order(alg, enc, x):
    """Encrypted with the key that comes of an all-zero shared secret."""
    epk = {'kty': 'OKP', 'crv': 'X25519', 'x': x}
    head64 = b64(text({'alg': alg, 'enc': enc, 'kid': 'x25519', 'epk': epk}))
    if alg == 'ECDH-ES':
        cek, ek = concat_kdf(bytes(32), enc, SIZES[enc]), b''
    else:
        cek = os.urandom(SIZES[enc])
        ek = keywrap.aes_key_wrap(concat_kdf(bytes(32), alg, 16), cek)
    return jwe('dir', enc, 'enc16', cek=cek, ek=ek, head64=head64)


def key_rules(c):
    def one(name, jwks, tok, *status):
        c.add('key: ' + name, keys(*jwks) if isinstance(jwks, list) else jwks, tok, *status)

    for alg, enc, name in (('A128KW', 'A128GCM', 'enc16'), ('dir', 'A128GCM', 'enc16'),
                           ('A128GCMKW', 'A128GCM', 'enc16'), ('RSA-OAEP', 'A256GCM', 'rsa2048'),
                           ('RSA-OAEP-512', 'A256GCM', 'rsa2048'), ('ECDH-ES', 'A128GCM', 'p256'),
                           ('ECDH-ES+A128KW', 'A128GCM', 'x25519')):
        tok = jwe(alg, enc, name)
        label = f', {alg}'
        one('another kid' + label, 'jwe_all', jwe(alg, enc, name, kid='no such key'), UNKNOWN)
        one('use sig' + label, [private(name, use='sig'), decoy()], tok, UNKNOWN)
        one('key_ops verify' + label, [private(name, key_ops=['verify']), decoy()], tok, UNKNOWN)
        one('key_ops encrypt and wrapKey' + label,
            [private(name, key_ops=['encrypt', 'wrapKey']), decoy()], tok, UNKNOWN)
        one('key_ops empty' + label, [private(name, key_ops=[]), decoy()], tok, UNKNOWN)
        other = {'A128KW': 'A128GCMKW', 'dir': 'A256GCM', 'A128GCMKW': 'A128KW',
                 'RSA-OAEP': 'RSA-OAEP-256', 'RSA-OAEP-512': 'RSA-OAEP', 'ECDH-ES': 'ECDH-ES+A128KW',
                 'ECDH-ES+A128KW': 'ECDH-ES'}[alg]
        one(f'alg {other}' + label, [private(name, alg=other), decoy()], tok, UNKNOWN)
        one('unknown alg' + label, [private(name, alg='X' + alg), decoy()], tok, UNKNOWN)
        one('no fitting key, no kid' + label, [decoy(), public('p384')],
            jwe(alg, enc, name, kid=None), UNKNOWN)
        if name in ('rsa2048', 'p256', 'x25519'):
            one('public key only' + label, [public(name), decoy()], tok, UNKNOWN)
    for alg, enc, name, jwk in (
            ('A128KW', 'A128GCM', 'enc16', private('enc16_other', kid='enc16')),
            ('dir', 'A128GCM', 'enc16', private('enc16_other', kid='enc16')),
            ('A128GCMKW', 'A128GCM', 'enc16', private('enc16_other', kid='enc16')),
            ('RSA-OAEP', 'A128GCM', 'rsa2048', private('rsa2048_other', kid='rsa2048')),
            ('RSA-OAEP-384', 'A128GCM', 'rsa2048', private('rsa4096', kid='rsa2048')),
            ('ECDH-ES', 'A128GCM', 'p256', private('p256_other', kid='p256')),
            ('ECDH-ES+A256KW', 'A128GCM', 'p256', private('p256_other', kid='p256'))):
        one(f'another key of that kid, {alg} with {jwk["kty"]}', [jwk], jwe(alg, enc, name), FAILED,
            *((MALFORMED,) if name == 'rsa2048' and alg == 'RSA-OAEP-384' else ()))
        one(f'another key, no kid, {alg} with {jwk["kty"]}', [jwk],
            jwe(alg, enc, name, kid=None), FAILED,
            *((MALFORMED,) if name == 'rsa2048' and alg == 'RSA-OAEP-384' else ()))
    # lengths of oct keys; the token is made with the bytes that the key has, as far as that goes
    for alg, enc, size, name in (('A128KW', 'A128GCM', 16, 'enc32'), ('A256KW', 'A128GCM', 32, 'enc16'),
                                 ('A192KW', 'A128GCM', 24, 'enc32'), ('A128GCMKW', 'A128GCM', 16, 'enc32'),
                                 ('A256GCMKW', 'A256GCM', 32, 'enc24'), ('A128KW', 'A128GCM', 16, 'hs_short')):
        one(f'{alg} with {len(secret(name))} bytes', [private(name), decoy()],
            jwe(alg, enc, name), UNKNOWN, FAILED)
    for enc, size in SIZES.items():
        for name in ('enc16', 'enc24', 'enc32', 'enc48', 'enc64', 'hs_short'):
            if len(secret(name)) != size:
                one(f'dir {enc} with {len(secret(name))} bytes', [private(name), decoy()], jwe(
                    'dir', enc, name, cek=(secret(name) + bytes(64))[:size]), UNKNOWN, FAILED)
    one('dir with an empty k', [{'kty': 'oct', 'kid': 'e', 'k': ''}, decoy()],
        jwe('dir', 'A128GCM', 'enc16', kid='e'), UNKNOWN)
    one('dir, alg of another enc of that size', [private('enc32', alg='A256GCM'), decoy()],
        jwe('dir', 'A128CBC-HS256', 'enc32'), UNKNOWN)
    # type
    for alg, enc, name, wrong in (('A128KW', 'A128GCM', 'enc16', 'p256'),
                                  ('dir', 'A128GCM', 'enc16', 'rsa2048'),
                                  ('RSA-OAEP', 'A128GCM', 'rsa2048', 'enc16'),
                                  ('RSA-OAEP', 'A128GCM', 'rsa2048', 'p256'),
                                  ('ECDH-ES', 'A128GCM', 'p256', 'rsa2048'),
                                  ('ECDH-ES', 'A128GCM', 'p256', 'enc16'),
                                  ('ECDH-ES', 'A128GCM', 'x25519', 'ed25519'),
                                  ('ECDH-ES', 'A128GCM', 'p256', 'secp256k1')):
        one(f'{alg} with {wrong}', [private(wrong), decoy()], jwe(alg, enc, name, kid=wrong),
            UNKNOWN)
    one('RSA of 1024 bits', [private('rsa1024'), decoy()],
        jwe('RSA-OAEP', 'A128GCM', 'rsa1024'), UNKNOWN)
    one('more than 32 keys of that kid, the 33rd is right',
        [{'kty': 'oct', 'kid': 'k', 'k': b64(bytes([i]) * 16)} for i in range(32)] +
        [private('enc16', kid='k')], jwe('dir', 'A128GCM', 'enc16', kid='k'), FAILED)


def content(c):
    def add(name, plaintext, *status):
        c.add('claims: ' + name, 'jwe_all', jwe('dir', 'A128GCM', 'enc16', plaintext=plaintext),
              *status)

    for what, plaintext in (
            ('no JSON', b'Live long and prosper.'), ('empty', b''), ('an array', b'[]'),
            ('a string', b'"x"'), ('null', b'null'), ('random bytes', bytes(range(128, 200))),
            ('a member twice', b'{"sub":1,"sub":2}'), ('exp twice', b'{"exp":1,"exp":4102444800}'),
            ('sub and s\\u0075b', br'{"sub":1,"s\u0075b":2}'),
            ('lone surrogate', br'{"sub":"\ud800"}'), ('not UTF-8', b'{"sub":"\xff"}'),
            ('BOM', b'\xef\xbb\xbf{}'), ('followed by a brace', b'{}}'), ('a NUL after it', b'{}\0'),
            ('130 levels', b'{"a":' * 130 + b'1' + b'}' * 130),
            ('exp is a string', b'{"exp":"4102444800"}'), ('exp is null', b'{"exp":null}'),
            ('exp is 1e999', b'{"exp":1e999}'), ('nbf is true', b'{"nbf":true}')):
        add(what, plaintext, MALFORMED)
    add('expired', {'exp': 1577836800}, 'expired')
    add('expired with a fraction', {'exp': 1577836800.5}, 'expired')
    add('not yet valid', {'nbf': FUTURE}, 'not_yet_valid')
    inner = token(head('HS256', 'hs256'), CLAIMS, 'HS256', 'hs256')
    add('a JWS', inner, MALFORMED, WRONG_TYPE)
    add('a JWE', jwe('dir', 'A128GCM', 'enc16'), MALFORMED, WRONG_TYPE)
    for type_ in ('encrypted', 'nested'):
        c.add(f'form: a JWS under {type_}', 'nested_all', inner, WRONG_TYPE, type=type_)
        tok = jwe('dir', 'A128GCM', 'enc16', plaintext=CLAIMS if type_ == 'encrypted' else inner)
        parts_ = tok.split('.')
        many = (('four segments', '.'.join(parts_[:4])), ('six segments', tok + '.' + parts_[4]),
                ('one segment', parts_[0]), ('four dots', '....'), ('six segments, one empty', tok + '.'),
                ('an empty header', '.' + tok.split('.', 1)[1]))
        for what, t in many:
            c.add(f'form: {what} under {type_}', 'nested_all', t, MALFORMED, type=type_)
        c.add(f'form: two segments under {type_}', 'nested_all', '.'.join(parts_[:2]), MALFORMED,
              type=type_)
        c.add(f'form: three segments of a JWE under {type_}', 'nested_all', '.'.join(parts_[:3]),
              WRONG_TYPE, MALFORMED, UNSUPPORTED, type=type_)


def nested(c):
    def add(name, inner, *status):
        for alg, enc, to in (('dir', 'A128GCM', 'enc16'), ('RSA-OAEP', 'A128CBC-HS256', 'rsa2048')):
            c.add(f'nested in {alg}: {name}', 'nested_all',
                  jwe(alg, enc, to, plaintext=inner, more={'cty': 'JWT'}), *status, type='nested')

    good = token(head('RS256', 'rsa2048_other'), CLAIMS, 'RS256', 'rsa2048_other')
    h, p, s = good.split('.')
    none = b64(text(head('none'))) + '.' + p
    add('inner alg none', none + '.', UNSUPPORTED, MALFORMED)
    add('inner alg none with a signature', none + '.' + s, UNSUPPORTED)
    add('inner alg none, two segments', none, MALFORMED, WRONG_TYPE)
    add('inner alg ES256K', token(head('ES256K', 'p256_other'), CLAIMS, 'ES256K', 'secp256k1'),
        UNSUPPORTED)
    add('claims instead of a JWS', text(CLAIMS), WRONG_TYPE, MALFORMED)
    add('claims with dots instead of a JWS', '{"iss":"a.b.c"}', WRONG_TYPE, MALFORMED)
    add('empty', b'', MALFORMED, WRONG_TYPE)
    add('text', 'hello', MALFORMED, WRONG_TYPE)
    add('not UTF-8', b'\xff.\xff.\xff', MALFORMED, WRONG_TYPE)
    add('a JWE', jwe('dir', 'A128GCM', 'enc16', plaintext=good), WRONG_TYPE, MALFORMED)
    add('inner signature flipped', f'{h}.{p}.{flip(s, 3)}', INVALID)
    add('inner signature empty', f'{h}.{p}.', INVALID, MALFORMED)
    add('inner payload of another', f'{h}.{b64(text({"sub": "bob"}))}.{s}', INVALID)
    add('inner signed by another key',
        token(head('RS256', 'rsa2048_other'), CLAIMS, 'RS256', 'rsa2048'), INVALID)
    add('inner of an unknown kid', token(head('RS256', 'x'), CLAIMS, 'RS256', 'rsa2048_other'),
        UNKNOWN)
    add('inner signed by the decryption key',
        token(head('RS256', 'rsa2048'), CLAIMS, 'RS256', 'rsa2048'), UNKNOWN)
    add('inner HS256 with the content key', token(head('HS256', 'enc16'), CLAIMS, 'HS256', 'enc16'),
        UNKNOWN)
    add('inner HS256 with an RSA key as secret', token(
        head('HS256', 'rsa2048_other'), CLAIMS, 'HS256', unb64(public('rsa2048_other')['n'])), UNKNOWN)
    add('inner jwk in the header', token(head('ES256', 'p256_other', jwk=public('p256')), CLAIMS,
                                         'ES256', 'p256'), INVALID)
    add('inner expired', token(head('ES256', 'p256_other'), {'exp': 1}, 'ES256', 'p256_other'),
        'expired')
    add('inner not yet valid', token(head('ES256', 'p256_other'), {'nbf': FUTURE}, 'ES256',
                                     'p256_other'), 'not_yet_valid')
    for what, header in (('crit', head('HS256', 'hs256', crit=['x'], x=1)),
                         ('b64', head('HS256', 'hs256', b64=False)),
                         ('zip', head('HS256', 'hs256', zip='DEF')),
                         ('typ is a number', head('HS256', 'hs256', typ=1)),
                         ('alg twice', '{"alg":"HS256","alg":"HS256","kid":"hs256"}')):
        add(f'inner header: {what}', token(header, CLAIMS, 'HS256', 'hs256'), MALFORMED)
    for what, payload in (('an array', '[]'), ('no JSON', 'x'), ('sub twice', '{"sub":1,"sub":1}'),
                          ('exp is a string', '{"exp":"4102444800"}')):
        add(f'inner payload: {what}', token(head('HS256', 'hs256'), payload, 'HS256', 'hs256'),
            MALFORMED)
    hs = token(head('HS256', 'hs256'), CLAIMS, 'HS256', 'hs256')
    add('a space before the inner JWS', ' ' + hs, MALFORMED, WRONG_TYPE)
    add('a line feed after the inner JWS', hs + '\n', MALFORMED, WRONG_TYPE)
    add('a NUL after the inner JWS', hs + '\0', MALFORMED, WRONG_TYPE)
    add('quotes around the inner JWS', f'"{hs}"', MALFORMED, WRONG_TYPE)
    add('Bearer before the inner JWS', 'Bearer ' + hs, MALFORMED, WRONG_TYPE)
    add('inner four segments', hs + '.x', MALFORMED, WRONG_TYPE)
    add('inner JSON serialization', json.dumps(dict(zip(('protected', 'payload', 'signature'),
                                                        hs.split('.')))), MALFORMED, WRONG_TYPE)
    tok = jwe('dir', 'A128GCM', 'enc16', plaintext=hs)
    c.add('nested: tag flipped', 'nested_all', part(tok, 4, lambda s: flip(s, 0)), FAILED,
          type='nested')
    c.add('nested: outer zip', 'nested_all', jwe('dir', 'A128GCM', 'enc16', plaintext=hs,
                                                 more={'zip': 'DEF'}), MALFORMED, type='nested')
    c.add('nested: outer kid unknown', 'nested_all', jwe('dir', 'A128GCM', 'enc16', plaintext=hs,
                                                         kid='x'), UNKNOWN, type='nested')
    c.add('nested: no key for the inner signature', 'jwe_all',
          jwe('dir', 'A128GCM', 'enc16', plaintext=token(head('ES256', 'es'), CLAIMS, 'ES256', 'p256')),
          UNKNOWN, type='nested')


def invalid(sets):
    c = InvalidJwe(sets)
    parts(c)
    headers(c)
    never(c)
    algorithm_parameters(c)
    key_rules(c)
    content(c)
    nested(c)
    return c.rows


def valid(sets):
    """Odd and right."""
    c = Corpus(sets)

    def add(name, jwks, alg, enc, key, plaintext=None, type='encrypted', claims=None, **options):
        plaintext = CLAIMS if plaintext is None else plaintext
        row = {'implementation': 'cryptography', 'alg': alg, 'enc': enc, 'type': type}
        if claims is None:
            claims = json.loads(text(plaintext))
        if type == 'nested':
            row['inner'] = plaintext
        c.put('odd: ' + name, jwks, jwe(alg, enc, key, plaintext=plaintext, **options), **row,
              claims=claims)

    for alg, enc, key in PAIRS:
        add(f'no kid, {alg} {enc} {key}', 'jwe_all', alg, enc, key, kid=None)
        add(f'no kid in the set, {alg} {enc} {key}', 'jwe_all_nokid', alg, enc, key)
    add('typ and cty', 'jwe_all', 'dir', 'A128GCM', 'enc16', more={'typ': 'JWT', 'cty': 'x'})
    add('unknown members, jwk, jku, x5c', 'jwe_all', 'dir', 'A128GCM', 'enc16',
        more={'jwk': 5, 'jku': [], 'x5c': 'x', 'exp': 'y', 'p2c': 2_000_000_000})
    add('escaped header', 'jwe_all', 'dir', 'A128GCM', 'enc16',
        header=r' {"\u0061lg":"d\u0069r", "enc":"A128GC\u004d","k\u0069d":"enc16"} ')
    add('duplicates deeper in the header', 'jwe_all', 'dir', 'A128GCM', 'enc16',
        header='{"alg":"dir","enc":"A128GCM","kid":"enc16","a":{"b":1,"b":2}}')
    add('white space and unicode in the claims', 'jwe_all', 'dir', 'A128GCM', 'enc16',
        ' {\r\n"name" : "J\u00fcrgen \U0001f600" }\n')
    add('empty object', 'jwe_all', 'dir', 'A128CBC-HS256', 'enc32', '{}')
    for length in range(15, 19):
        add(f'claims of {length} bytes, CBC', 'jwe_all', 'dir', 'A256CBC-HS512', 'enc64',
            '{"a":"' + 'x' * (length - 8) + '"}')
    add('duplicates deeper', 'jwe_all', 'dir', 'A128GCM', 'enc16', '{"a":{"b":1,"b":2}}')
    add('100 levels', 'jwe_all', 'dir', 'A128GCM', 'enc16', '{"a":' * 99 + '{}' + '}' * 99)
    add('exp 2100 with a fraction', 'jwe_all', 'dir', 'A128GCM', 'enc16', {'exp': FUTURE + 0.5})
    add('30 KB of claims', 'jwe_all', 'RSA-OAEP', 'A256CBC-HS512', 'rsa2048',
        {'blob': 'x' * 30000})
    add('apu empty', 'jwe_all', 'ECDH-ES', 'A128GCM', 'p256', more={'apu': '', 'apv': 'Qm9i'})
    add('apu and apv of 300 bytes', 'jwe_all', 'ECDH-ES+A192KW', 'A192GCM', 'p521',
        more={'apu': b64(b'\xff' * 300), 'apv': b64(b'\0' * 300)})
    add('epk with more members', 'jwe_all', 'ECDH-ES', 'A128GCM', 'p256',
        header=lambda h: json.dumps({**json.loads(h), 'epk': {**json.loads(h)['epk'], 'kid': 'x',
                                                              'use': 'enc', 'x5c': 1}}))
    for alg, enc, key, jwk in (
            ('A128KW', 'A128GCM', 'enc16', {'alg': 'A128KW', 'use': 'enc'}),
            ('A128KW', 'A128GCM', 'enc16', {'key_ops': ['wrapKey', 'unwrapKey']}),
            ('A128GCMKW', 'A128GCM', 'enc16', {'key_ops': ['unwrapKey'], 'alg': 'A128GCMKW'}),
            ('dir', 'A128GCM', 'enc16', {'alg': 'dir'}),
            ('dir', 'A128GCM', 'enc16', {'alg': 'A128GCM', 'key_ops': ['encrypt', 'decrypt']}),
            ('dir', 'A128CBC-HS256', 'enc32', {'alg': 'A128CBC-HS256'}),
            ('RSA-OAEP', 'A128GCM', 'rsa2048', {'alg': 'RSA-OAEP', 'use': 'enc'}),
            ('RSA-OAEP-256', 'A128GCM', 'rsa2048', {'key_ops': ['unwrapKey']}),
            ('RSA-OAEP-512', 'A128GCM', 'rsa2048', {'key_ops': ['decrypt', 'unwrapKey']}),
            ('ECDH-ES', 'A128GCM', 'p256', {'alg': 'ECDH-ES', 'key_ops': ['deriveKey']}),
            ('ECDH-ES', 'A128GCM', 'p384', {'key_ops': ['deriveBits']}),
            ('ECDH-ES+A128KW', 'A128GCM', 'x25519', {'alg': 'ECDH-ES+A128KW',
                                                     'key_ops': ['deriveKey', 'deriveBits']})):
        add(f'{alg} {key}, the key with {json.dumps(jwk, sort_keys=True)}',
            keys(private(key, **jwk)), alg, enc, key)
    for alg in OAEP:
        add(f'{alg} with RSA 4096', keys(private('rsa4096')), alg, 'A128GCM', 'rsa4096')
        add(f'{alg} with e = 3', keys(private('rsa2048_e3')), alg, 'A128GCM', 'rsa2048_e3')
    add('two keys of that kid, the second is right', keys(
        private('enc16_other', kid='k'), private('enc16', kid='k')), 'dir', 'A128GCM', 'enc16',
        kid='k')
    add('two RSA keys of that kid, the second is right', keys(
        private('rsa2048_other', kid='k'), private('rsa2048', kid='k')), 'RSA-OAEP', 'A128GCM',
        'rsa2048', kid='k')
    add('a key of another size of that kid first', keys(
        private('rsa4096', kid='k'), private('rsa2048', kid='k')), 'RSA-OAEP-256', 'A128GCM',
        'rsa2048', kid='k')
    add('a public and a private key of that kid', keys(
        public('rsa2048_other', kid='k'), private('rsa2048', kid='k')), 'RSA-OAEP', 'A128GCM',
        'rsa2048', kid='k')
    add('keys of all types of that kid', keys(*(private(n, kid='k') for n in (
        'rsa2048', 'p256', 'p384', 'x25519', 'enc16', 'enc24'))), 'A192KW', 'A128GCM', 'enc24',
        kid='k')
    add('unknown kid, a key without kid', keys(private('p256'), private('enc16', kid=None)),
        'A128KW', 'A128GCM', 'enc16', kid='x')
    # nested
    for what, kwargs in (('no kid inside', {'kid': None}), ('kid inside', {'kid': True})):
        for alg, key in (('RS256', 'rsa2048_other'), ('ES256', 'p256_other'), ('HS256', 'hs256'),
                         ('EdDSA', 'ed25519')):
            inner = token(head(alg, key if kwargs['kid'] else None), CLAIMS, alg, key)
            add(f'nested {alg}, {what}, no kid outside', 'nested_all', 'A256KW', 'A256GCM', 'enc32',
                inner, 'nested', CLAIMS, kid=None)
    inner = token(head('HS256', 'hs256'), CLAIMS, 'HS256', 'hs256')
    for cty in ('JWT', 'jwt', 'application/jwt', 'JWS', '', 'x'):
        add(f'nested, cty {cty!r}', 'nested_all', 'dir', 'A128GCM', 'enc16', inner, 'nested', CLAIMS,
            more={'cty': cty})
    return c.rows
