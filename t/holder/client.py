"""A client of t/bound_tokens_clients.t, by requests-oauth2client (whose JOSE is another than that of the provider). It says in a
line of JSON for each request what it was answered.

    client.py PROVIDER DPOP MTLS KEY CERTIFICATE OTHER_KEY OTHER_CERTIFICATE      (three origins, four files)
"""

import json
import sys

import requests
from requests_oauth2client import BearerToken, DPoPKey, DPoPToken, OAuth2Client

PROVIDER, DPOP, MTLS, KEY, CERTIFICATE, OTHER_KEY, OTHER_CERTIFICATE = sys.argv[1:]
ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA']


def tell(name, answer):
    print(json.dumps({'name': name, 'status': answer.status_code, 'text': answer.headers.get('www-authenticate')}))


def provider(client_id, **options):
    session = requests.Session()
    session.cert = options.pop('cert', None)
    return OAuth2Client.from_discovery_endpoint(
        issuer=PROVIDER, client_id=client_id, client_secret='CHANGE-ME', session=session, **options)


shop = provider('shop')
for algorithm in ALGORITHMS:
    token = shop.client_credentials(scope='orders:read', dpop=True, dpop_key=DPoPKey.generate(algorithm))
    for number in 1, 2:
        tell(f'{algorithm}: request {number}', requests.get(f'{DPOP}/orders?a=b', auth=token))
tell('POST', requests.post(f'{DPOP}/a%20b/%7Ealice', data='an order', auth=token))

# A proof that does not change: the library's own, from a generator that stands still.
key = DPoPKey(token.dpop_key.private_key, alg=token.dpop_key.alg, jti_generator=lambda: 'always this')
frozen = DPoPToken(access_token=token.access_token, _dpop_key=key)
tell('the first of an id', requests.get(f'{DPOP}/orders', auth=frozen))
proof = str(key.proof('GET', f'{DPOP}/orders'))
tell('without the hash of the token', requests.get(
    f'{DPOP}/orders', headers={'Authorization': f'DPoP {token.access_token}', 'DPoP': proof}))
old = DPoPKey(token.dpop_key.private_key, alg=token.dpop_key.alg, iat_generator=lambda: 1_000_000_000)
tell('an old proof', requests.get(f'{DPOP}/orders', headers=dict(
    DPoPToken(access_token=token.access_token, _dpop_key=old)(requests.Request('GET', f'{DPOP}/orders').prepare()).headers)))

mine, other = (CERTIFICATE, KEY), (OTHER_CERTIFICATE, OTHER_KEY)
token = provider('partner', cert=mine).client_credentials(scope='orders:read')
bearer = BearerToken(token.access_token)
tell('mtls: its certificate', requests.get(f'{MTLS}/orders', auth=bearer, cert=mine))
tell('mtls: another', requests.get(f'{MTLS}/orders', auth=bearer, cert=other))
tell('mtls: none', requests.get(f'{MTLS}/orders', auth=bearer))
tell('mtls: a token without a certificate', requests.get(
    f'{MTLS}/orders', auth=BearerToken(shop.client_credentials(scope='orders:read').access_token), cert=mine))
