"""nginx with our module: which locations there are, and what is measured against what."""
import collections
import os
import pathlib

from duel import Contender, duel
from load import HOST
from server import Server, free_ports

CONF = pathlib.Path(__file__).resolve().parent / 'conf'

# Claims that are handed on as headers. Without authentication the same texts are constants.
HEADERS = ('iss', 'sub', 'aud', 'azp', 'sid', 'scope', 'name', 'email', 'tenant', 'role')

PROXIED = ('HS256', 'RS256', 'ES256')
DIFFERENT = ('HS256', 'RS256', 'ES256', 'EdDSA')

# What is asked of tokens beyond their signature, with an issuer.
ISSUER = 'auth_jwt_issuer shop { issuer https://login.example.com/realms/shop; audience https://api.example.com; %s; }'
RULES = (
    'auth_jwt_require_scope orders:read orders:write;',
    'auth_jwt_require_claim azp = web-frontend;',
    'auth_jwt_require_claim groups any admins sales;',
)

# What a location may have beyond a key file.
RULED, BY_URL, COUNTED = 'issuer and rules', 'issuer and rules, keys by URL', 'issuer and rules, metrics on'

# The same, and each request has a proof (RFC 9449) of its own, signed with ES256; its token is in the cache.
PROVEN = 'issuer and rules, DPoP'

METRICS = 'server { listen unix:%s; location / { auth_jwt_metrics; } }'

# More than the default cache holds or remembers, by far; and more than there are requests, as a proof is good once.
DIFFERENT_TOKENS = DIFFERENT_PROOFS = 60_000

# So many of them are judged in turn by the bare cryptography: more than a processor's branch predictor learns by heart,
# and few enough for its caches, where a server has the token of a request.
BARE_TOKENS = 100

# One server of the configuration: its port, and the lines of its location.
Location = collections.namedtuple('Location', 'port lines')


def fill(name, **values):
    """A file of bench/conf with its placeholders filled in."""
    text = (CONF / name).read_text()
    for placeholder, value in values.items():
        text = text.replace(f'@{placeholder.upper()}@', str(value))
    return text


def user():
    return 'user root;' if os.geteuid() == 0 else ''


def nginx(binary, conf, text, ports, **options):
    """Starts nginx with this configuration."""
    conf.write_text(text)
    return Server([binary, '-c', str(conf), '-p', str(conf.parent)], ports,
                  conf.with_suffix('.log'), **options)


class Group:
    """A location without authentication, the same guarded, hot and cold, and one that does no more of
    it than the bare cryptography."""

    def __init__(self, name, kind, proxied=False, headers=False, different=False, more=''):
        self.name, self.kind, self.more = name, kind, more
        self.proxied, self.headers, self.different = proxied, headers, different
        self.lanes = ('different', 'bare') if different else ('hot', 'cold')
        if not proxied and not different:
            self.lanes += ('bare',)

    def locations(self, material):
        """By lane; `plain` is without authentication."""
        key_file = material.path(f'{self.kind}.jwks')
        keys = ['auth_jwt_issuers shop;', *RULES] if self.more else [f'auth_jwt_key_file {key_file};']
        guard = ['auth_jwt "bench";', *keys]
        if self.more == PROVEN:
            guard.append('auth_jwt_dpop required window=1h;')
        if '+' in self.kind:
            guard.append('auth_jwt_type nested;')
        ports = iter(free_ports(1 + len(self.lanes)))
        found = {'plain': Location(next(ports), self.content(material.claims.get))}
        for lane in self.lanes:
            if lane == 'bare':
                tokens = material.path(f'{self.kind}.token')
                if self.different:
                    tokens = material.path(f'{self.kind}.bare')
                    tokens.write_text('\n'.join(material.tokens(self.kind, BARE_TOKENS)))
                found[lane] = Location(next(ports), [f'bare_cryptography {self.kind} {tokens};'])
                continue
            own = ['auth_jwt_cache off;'] if lane == 'cold' else []
            content = self.content(lambda claim: f'$jwt_claim_{claim}')
            found[lane] = Location(next(ports), guard + own + content)
        return found

    def content(self, value):
        lines = [f'proxy_set_header X-{claim} "{value(claim)}";' for claim in HEADERS if self.headers]
        if self.headers:
            lines.append('proxy_set_header Connection "";')
        if self.proxied:
            lines.append('proxy_pass http://app;')
        return lines


def groups(kinds):
    for kind in kinds:
        yield Group(f'{kind} static', kind)
        if kind in PROXIED:
            yield Group(f'{kind} static, {RULED}', kind, more=RULED)
    # A secret is no key to be fetched.
    for more in (BY_URL, COUNTED):
        yield Group(f'RS256 static, {more}', 'RS256', more=more)
    for kind in DIFFERENT:
        yield Group(f'{kind} static, different tokens', kind, different=True)
    yield Group(f'ES256 static, {PROVEN}', 'ES256', different=True, more=PROVEN)
    for kind in PROXIED:
        yield Group(f'{kind} proxied', kind, proxied=True)
        yield Group(f'{kind} proxied, 10 claim headers', kind, proxied=True, headers=True)


def measure(options, material, report):
    """Measures the groups that are wanted; `report` takes (group, figures by lane)."""
    wanted = [group for group in groups(material.kinds) if options.wants(f'module {group.name}')]
    if not wanted:
        return
    directory = options.directory
    [upstream_port] = free_ports(1)
    upstream = fill('upstream.conf', directory=directory, port=upstream_port, user=user(), keys=material.path(''))
    with nginx(options.nginx, directory / 'upstream.conf', upstream, [upstream_port], core=1):
        for group in wanted:
            locations = group.locations(material)
            servers = '\n'.join(
                f'server {{ listen 127.0.0.1:{each.port}; location / {{\n{"  ".join(each.lines)}\n}} }}'
                for each in locations.values())
            jwks = material.path(f'{group.kind}.jwks')
            keys = f'key_file {jwks}'
            if group.more == BY_URL:
                keys = f'key_url http://127.0.0.1:{upstream_port}/{jwks.name}'
            if group.more == COUNTED:
                servers += METRICS % (directory / 'metrics.sock')
            text = fill('module.conf', directory=directory, files=options.files, module=options.module, bare=options.bare,
                        user=user(), upstream=upstream_port, servers=servers,
                        issuer=ISSUER % keys if group.more else '')
            with nginx(options.nginx, directory / 'module.conf', text,
                       [each.port for each in locations.values()]) as server:
                report(group, run(group, locations, server, options, material))


def run(group, locations, server, options, material):
    token, forged = material.token(group.kind), material.forged(group.kind)
    headers = None
    if group.more == PROVEN:
        token, proofs = material.proofs(group.kind, DIFFERENT_PROOFS, f'http://{HOST}/small.txt')
        headers = [f'Authorization: DPoP {token}\r\nDPoP: {proof}' for proof in proofs]
    elif group.different:
        headers = [f'Authorization: Bearer {each}' for each in material.tokens(group.kind, DIFFERENT_TOKENS)]
    lanes = [Contender(lane, each.port, token, headers=headers) for lane, each in locations.items()]
    for lane in lanes:
        is_open = lane.name in ('plain', 'bare')
        # A bound token is none of a bearer's.
        answered = lane.must_answer(token, 401 if group.more == PROVEN and not is_open else 200)
        expected = f'{material.claims["iss"]} {material.claims["role"]}\n' if group.headers else ' \n'
        if group.proxied and answered != expected:
            raise RuntimeError(f'{lane.name} hands on "{answered}" instead of "{expected}"')
        lane.must_answer(forged, 200 if is_open else 401)
    plain, *contenders = lanes
    return duel(server, plain, contenders, options, 'bare' if 'bare' in locations else None)
