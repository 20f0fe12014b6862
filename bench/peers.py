"""What a user would pick instead, on the same work: a small static answer behind the check."""
import base64
import json
import pathlib
import shutil

import machine
from duel import Contender, duel
from module import CONF, fill, user
from server import Server, free_ports

KINDS = ('HS256', 'RS256', 'ES256')

APACHE = pathlib.Path('/usr/lib/apache2/modules')
NGINX = pathlib.Path('/usr/lib/nginx/modules')


class Peer:
    """A peer for one kind of token. `missing` says what is not installed, `start` serves."""

    # Requests until it runs at full speed.
    warm_up = 500

    def __init__(self, options, material, kind):
        self.options, self.material, self.kind = options, material, kind
        self.plain, self.guarded = free_ports(2)
        self.key = material.path(f'{kind}.key')

    def fill(self, name, **values):
        return fill(name, directory=self.options.directory, files=self.options.files, user=user(),
                    plain=self.plain, guarded=self.guarded, algorithm=self.kind,
                    **{'key': self.key, **values})

    def write(self, name, text):
        path = self.options.directory / name
        path.write_text(text)
        return path

    def serve(self, *command, **options):
        return Server([str(part) for part in command], [self.plain, self.guarded],
                      self.options.directory / 'peer.log', **options)

    @staticmethod
    def needs(*paths):
        return next((f'there is no {path}' for path in paths if not pathlib.Path(path).exists()), None)


class HaProxy(Peer):
    name = 'HAProxy jwt_verify'
    packages = ('haproxy',)

    @staticmethod
    def missing(_options):
        return None if shutil.which('haproxy') else 'there is no haproxy'

    def start(self):
        key = self.material.key(self.kind) if self.kind == 'HS256' else self.key
        conf = self.write('haproxy.cfg', self.fill('haproxy.cfg', key=key))
        return self.serve('haproxy', '-db', '-f', conf)


class Apache(Peer):
    """What both Apache peers share."""

    @classmethod
    def missing(cls, _options):
        return cls.needs('/usr/sbin/apache2', APACHE / cls.module)

    def start_with(self, modules, server, guard):
        conf = self.write('apache.conf', self.fill('apache.conf', apache=APACHE, server=server, guard=guard,
                                                   modules='\n'.join(modules)))
        return self.serve('/usr/sbin/apache2', '-D', 'FOREGROUND', '-f', conf)


class AuthOpenidc(Apache):
    name = 'Apache mod_auth_openidc'
    packages = ('apache2', 'libapache2-mod-auth-openidc')
    module = 'mod_auth_openidc.so'

    def start(self):
        if self.kind == 'HS256':
            key = f'OIDCOAuthVerifySharedKeys "plain#hs256#{self.material.key(self.kind)}"'
        else:
            kid = {'RS256': 'rsa2048', 'ES256': 'p256'}[self.kind]
            key = f'OIDCOAuthVerifyCertFiles "{kid}#{self.key}"'
        return self.start_with([f'LoadModule auth_openidc_module {APACHE / self.module}'],
                               f'{key}\nOIDCOAuthRemoteUserClaim sub\nOIDCCryptoPassphrase bench',
                               'AuthType oauth20')


class OAuth2(Apache):
    name = 'Apache mod_oauth2'
    packages = ('apache2', 'libapache2-mod-oauth2')
    module = 'mod_oauth2.so'

    def start(self):
        [key] = [each for each in json.loads(self.material.read(f'{self.kind}.jwks'))['keys']
                 if each['kid'] == {'HS256': 'hs256', 'RS256': 'rsa2048', 'ES256': 'p256'}[self.kind]]
        quoted = json.dumps(key).replace('"', '\\"')
        return self.start_with([f'LoadModule oauth2_module {APACHE / self.module}'], '',
                               f'AuthType oauth2\nOAuth2TokenVerify jwk "{quoted}"')


class Njs(Peer):
    name = 'nginx njs (auth_request)'
    packages = ('nginx', 'libnginx-mod-http-js')

    @classmethod
    def missing(cls, _options):
        return cls.needs(NGINX / 'ngx_http_js_module.so')

    def start(self):
        key = self.material.key(self.kind)
        if self.kind == 'HS256':
            key = base64.b64encode(key.encode()).decode()
        else:
            key = ''.join(key.splitlines()[1:-1])
        script = self.write('jwt.js', self.fill('jwt.js', key=key))
        conf = self.write('peer.conf', self.fill(
            'nginx_peer.conf', modules=f'load_module {NGINX}/ngx_http_js_module.so;',
            http=f'js_import jwt from {script};',
            server='location = /_jwt { internal; js_content jwt.check; }',
            guard='auth_request /_jwt;'))
        return self.serve(self.options.nginx, '-c', conf, '-p', self.options.directory)


class Lua(Peer):
    name = 'nginx Lua (luaossl)'
    packages = ('nginx', 'libnginx-mod-http-lua', 'lua-luaossl', 'lua-cjson')

    @classmethod
    def missing(cls, _options):
        return cls.needs(NGINX / 'ngx_http_lua_module.so', '/usr/share/lua/5.1/openssl', '/usr/share/lua/5.1/cjson')

    def start(self):
        self.write('jwt.lua', self.fill('jwt.lua'))
        conf = self.write('peer.conf', self.fill(
            'nginx_peer.conf', modules=f'load_module {NGINX}/ndk_http_module.so;\n'
                                       f'load_module {NGINX}/ngx_http_lua_module.so;',
            http=f'lua_package_path "{self.options.directory}/?.lua;;";', server='',
            guard='access_by_lua_block { require("jwt")() }'))
        return self.serve(self.options.nginx, '-c', conf, '-p', self.options.directory)


class Express(Peer):
    name = 'Express express-jwt'
    warm_up = 5000
    packages = ()

    @classmethod
    def missing(cls, options):
        if not shutil.which('node'):
            return 'there is no node'
        return cls.needs(options.peers / 'node/node_modules/express-jwt')

    def start(self):
        return self.serve('node', CONF / 'express.js', self.plain, self.guarded, self.kind, self.key,
                          self.options.files / 'small.txt', self.options.peers / 'node',
                          environment={'NODE_ENV': 'production'})

    @staticmethod
    def versions(options):
        packages = options.peers / 'node/node_modules'
        found = [f'{name} {json.loads((packages / name / "package.json").read_text())["version"]}'
                 for name in ('express', 'express-jwt')]
        return ', '.join(found + [f'Node.js {machine.first_line("node", "--version")}'])


class Envoy(Peer):
    """Envoy, which scripts/bench has from PyPI."""
    name = 'Envoy jwt_authn'
    packages = ()
    cache = ''

    @staticmethod
    def program(options):
        return options.peers / 'envoy/bin/envoy'

    @classmethod
    def missing(cls, options):
        return cls.needs(cls.program(options))

    def start(self):
        jwks = self.material.path(f'{self.kind}.jwks')
        conf = self.write('envoy.yaml', self.fill('envoy.yaml', jwks=jwks, cache=self.cache))
        return self.serve(self.program(self.options), '-c', conf, '--concurrency', '1', '--disable-hot-restart',
                          '--log-level', 'warning')

    @classmethod
    def versions(cls, options):
        # "... version: COMMIT/VERSION/Clean/RELEASE/BoringSSL"
        return f'Envoy {machine.first_line(cls.program(options), "--version").split("/")[-4]}'


class EnvoyWithCache(Envoy):
    name = 'Envoy jwt_authn, its token cache on'
    cache = 'jwt_cache_config: { jwt_cache_size: 1000 }'


PEERS = (HaProxy, AuthOpenidc, OAuth2, Njs, Lua, Envoy, EnvoyWithCache, Express)


def what(peer, options):
    if hasattr(peer, 'versions'):
        return peer.versions(options)
    return ', '.join(filter(None, map(machine.package, peer.packages)))


def measure(options, material, report, left_out):
    """Each peer with each kind; `report` takes (peer, kind, figure), `left_out` (name, why)."""
    for peer_class in PEERS:
        kinds = [kind for kind in KINDS if options.wants(f'peer {peer_class.name} {kind}')]
        missing = peer_class.missing(options) if kinds else None
        if missing:
            left_out(peer_class.name, missing)
            continue
        for kind in kinds:
            peer = peer_class(options, material, kind)
            peer.what = what(peer_class, options)
            try:
                figure = run(peer, options, material)
            except RuntimeError as error:
                left_out(f'{peer.name} {kind}', str(error).strip().splitlines()[-1])
                continue
            report(peer, kind, figure)


def run(peer, options, material):
    token, forged = material.token(peer.kind), material.forged(peer.kind)
    with peer.start() as server:
        plain = Contender('plain', peer.plain, token, warm_up=peer.warm_up)
        guarded = Contender('guarded', peer.guarded, token, warm_up=peer.warm_up)
        for lane in (plain, guarded):
            lane.must_answer(token, 200)
        plain.must_answer(forged, 200)
        guarded.must_answer(forged, 401)
        guarded.must_answer(None, 401)
        return duel(server, plain, [guarded], options)['guarded']
