"""Tokens, keys and the bare cryptography, from the program that bench/material.rs is."""
import json
import pathlib
import subprocess

from processor import SERVER, pinned


class Material:
    """A directory with what `material write` wrote."""

    def __init__(self, program, directory):
        self.program, self.directory = program, pathlib.Path(directory)
        self.call('write', str(self.directory))
        self.kinds = self.call('kinds').split()
        self.claims = json.loads(self.read('claims.json'))

    def call(self, *arguments):
        return subprocess.run(pinned(SERVER) + [self.program, *arguments], check=True, timeout=300,
                              stdout=subprocess.PIPE, text=True).stdout

    def read(self, name):
        return (self.directory / name).read_text()

    def token(self, kind):
        return self.read(f'{kind}.token')

    def forged(self, kind):
        return self.read(f'{kind}.forged')

    def key(self, kind):
        """A secret, or a public key in PEM."""
        return self.read(f'{kind}.key')

    def path(self, name):
        return self.directory / name

    def tokens(self, kind, count):
        """So many different tokens."""
        return self.call('tokens', kind, str(count)).split()

    def proofs(self, kind, count, url):
        """A token that is bound to a key, and so many proofs of it."""
        token, *proofs = self.call('proofs', kind, str(count), url).split()
        return token, proofs
