"""A server under measurement: started on one core, checked, stopped."""
import http.client
import os
import socket
import subprocess
import time

import processor


def free_ports(count):
    """Ports of the loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(('127.0.0.1', 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def status(port, token=None, path='/small.txt'):
    """The status and the body that one request is answered with."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    headers = {'Authorization': f'Bearer {token}'} if token else {}
    try:
        connection.request('GET', path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode(errors='replace')
    finally:
        connection.close()


class Server:
    """A command that serves until it is stopped."""

    def __init__(self, command, ports, log, core=processor.SERVER, environment=None):
        self.log = log
        with open(log, 'wb') as out:
            self.process = subprocess.Popen(processor.pinned(core) + command, stdout=out, stderr=out,
                                            env={**os.environ, **(environment or {})})
        try:
            for port in ports:
                self.wait_for(port)
            time.sleep(0.2)
            self.pids = processor.tree(self.process.pid)
        except BaseException:
            self.stop()
            raise

    def wait_for(self, port):
        for _ in range(100):
            if self.process.poll() is not None:
                code = self.process.returncode
                how = f'was ended by signal {-code}' if code < 0 else f'ended with {code}'
                said = self.log.read_text(errors='replace').strip()
                raise RuntimeError('\n'.join(filter(None, [said, f'the server {how} as it started'])))
            try:
                socket.create_connection(('127.0.0.1', port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f'nobody listens on {port}: {self.log.read_text(errors="replace")}')

    def used(self):
        """Processor time so far, in nanoseconds, of all its processes."""
        return processor.used(self.pids)

    def stop(self):
        # nginx can miss a signal that comes just before it waits: it is told again.
        for _ in range(20):
            self.process.terminate()
            try:
                self.process.wait(1)
                return
            except subprocess.TimeoutExpired:
                pass
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
