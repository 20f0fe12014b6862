"""Load: a fixed number of requests, the same by h2load (HTTP/1.1), or different ones."""
import collections
import os
import re
import socket
import subprocess
import time

from processor import OTHER, pinned

CONNECTIONS = 8

HOST = 'bench.example'

# What was answered with 2xx, in how many seconds.
Answered = collections.namedtuple('Answered', 'requests seconds')


def send(port, token, requests, path='/small.txt', core=OTHER):
    """The same request, so many times."""
    connections = min(CONNECTIONS, requests)
    out = run(['h2load', '--h1', f'--requests={requests}', f'--clients={connections}', '--threads=1',
               '--header', f'authorization: Bearer {token}', '--header', f':authority: {HOST}',
               f'http://127.0.0.1:{port}{path}'], core)
    fine = int(re.search(r'status codes: (\d+) 2xx', out).group(1))
    if fine != requests:
        raise RuntimeError(f'{requests - fine} of {requests} requests were not answered with 2xx:\n{out}')
    time, unit = re.search(r'finished in ([\d.]+)(us|ms|s)', out).groups()
    return Answered(requests, float(time) * {'us': 1e-6, 'ms': 1e-3, 's': 1}[unit])


def send_different(port, headers, start, requests, core=OTHER):
    """Each request with the next of `headers`, from a place on: one on each connection at a time."""
    texts = [f'GET /small.txt HTTP/1.1\r\nHost: {HOST}\r\n{header}\r\n\r\n'.encode()
             for header in (headers[(start + number) % len(headers)] for number in range(requests))]
    connections = [socket.create_connection(('127.0.0.1', port), timeout=60) for _ in range(CONNECTIONS)]
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} & before or before)
    try:
        started = time.monotonic()
        for first in range(0, len(texts), CONNECTIONS):
            asked = list(zip(connections, texts[first:first + CONNECTIONS]))
            for connection, text in asked:
                connection.sendall(text)
            for connection, _ in asked:
                read_answer(connection)
        return Answered(requests, time.monotonic() - started)
    finally:
        os.sched_setaffinity(0, before)
        for connection in connections:
            connection.close()


def read_answer(connection):
    """It must be 200."""
    answer = b''
    while True:
        answer += (piece := connection.recv(65536))
        head, _, body = answer.partition(b'\r\n\r\n')
        length = re.search(rb'Content-Length: (\d+)', head)
        if length and len(body) == int(length[1]):
            break
        if not piece:
            raise RuntimeError(f'a connection ended within an answer: {answer[:200]}')
    if not answer.startswith(b'HTTP/1.1 200 '):
        raise RuntimeError(f'answered {answer[:200]}')


def run(command, core):
    done = subprocess.run(pinned(core) + command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f'{command[0]} failed: {done.stdout}')
    return done.stdout
