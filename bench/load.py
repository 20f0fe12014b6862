"""Load: a fixed number of requests by h2load (HTTP/1.1), or different tokens by wrk."""
import collections
import pathlib
import re
import subprocess

from processor import OTHER, pinned

HERE = pathlib.Path(__file__).resolve().parent
CONNECTIONS = 8

# What was answered with 2xx, in how many seconds.
Answered = collections.namedtuple('Answered', 'requests seconds')


def send(port, token, requests, path='/small.txt', core=OTHER):
    """The same request, so many times."""
    connections = min(CONNECTIONS, requests)
    out = run(['h2load', '--h1', f'--requests={requests}', f'--clients={connections}', '--threads=1',
               '--header', f'authorization: Bearer {token}', '--header', ':authority: bench.example',
               f'http://127.0.0.1:{port}{path}'], core)
    fine = int(re.search(r'status codes: (\d+) 2xx', out).group(1))
    if fine != requests:
        raise RuntimeError(f'{requests - fine} of {requests} requests were not answered with 2xx:\n{out}')
    time, unit = re.search(r'finished in ([\d.]+)(us|ms|s)', out).groups()
    return Answered(requests, float(time) * {'us': 1e-6, 'ms': 1e-3, 's': 1}[unit])


def send_different(port, tokens, start, core=OTHER):
    """For a second, each request with the next token of a file, from a line on."""
    out = run(['wrk', '--threads=1', f'--connections={CONNECTIONS}', '--duration=1s', '--script',
               str(HERE / 'tokens.lua'), f'http://127.0.0.1:{port}/small.txt', '--', str(tokens), str(start)], core)
    requests, bad, microseconds = map(int, re.search(r'answered (\d+) bad (\d+) in (\d+)', out).groups())
    if bad or not requests:
        raise RuntimeError(f'{bad} of {requests} requests failed:\n{out}')
    return Answered(requests, microseconds / 1e6)


def run(command, core):
    done = subprocess.run(pinned(core) + command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f'{command[0]} failed: {done.stdout}')
    return done.stdout
