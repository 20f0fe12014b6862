"""Instructions that authentication adds to a request, counted by callgrind: see scripts/count."""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

KINDS = ("HS256", "RS256", "ES256", "EdDSA")
FEW, MANY = 20, 220  # requests: the difference leaves out what nginx needs to start and to end
TOLERANCE = 1.10
# Of the cryptography that is taken off a cold request: signatures differ from run to run, and so does what they take.
CRYPTOGRAPHY_VARIES = 0.01
PATIENCE = 60  # seconds


def configuration(module, place):
    locations = "".join(
        f"""
        location /{kind}/hot {{ auth_jwt r; auth_jwt_key_file {place}/material/{kind}.jwks; alias {place}/page; }}
        location /{kind}/cold {{
            auth_jwt r; auth_jwt_cache off; auth_jwt_key_file {place}/material/{kind}.jwks; alias {place}/page;
        }}"""
        for kind in KINDS
    )
    temporary = "".join(
        f"    {kind}_temp_path {place}/temp;\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""load_module {module};
daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;
events {{}}
http {{
{temporary}    access_log off; keepalive_requests 100000;
    server {{
        listen unix:{place}/socket;
        location /plain {{ alias {place}/page; }}{locations}
    }}
}}
"""


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


def instructions(nginx, place, path, token, requests):
    """What a whole run of nginx takes that answers `requests` requests."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    server = subprocess.Popen(
        [*command, nginx, "-p", place, "-c", f"{place}/nginx.conf", "-e", f"{place}/error.log"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )
    connection, until = Connection(f"{place}/socket"), time.monotonic() + PATIENCE
    while True:
        try:
            connection.connect()
            break
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                sys.exit(f"count: nginx did not start: {server.communicate()[1]}")
            time.sleep(0.1)
    for _ in range(requests):
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            sys.exit(f"count: {path} was answered with {answer.status}")
    connection.close()
    # Told again, as nginx may just be about to wait for events when it is told.
    while server.poll() is None and time.monotonic() < until + PATIENCE:
        server.send_signal(signal.SIGQUIT)
        time.sleep(0.1)
    told = server.communicate(timeout=PATIENCE)[1]
    return int(re.search(r"Collected : (\d+)", told).group(1))


def bare(material, kind, times):
    """What a run of the bare cryptography takes."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run([*command, material, "judge", kind, str(times)], check=True, stderr=subprocess.PIPE,
                          text=True, timeout=PATIENCE)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def each(count):
    """Of one request; `count` counts a run with so many."""
    return (count(MANY) - count(FEW)) / (MANY - FEW)


def main(nginx, module, material, place, bounds_file, *options):
    place = os.path.abspath(place)
    os.makedirs(f"{place}/temp", exist_ok=True)
    pathlib.Path(f"{place}/page").write_text("page\n")
    pathlib.Path(f"{place}/nginx.conf").write_text(configuration(module, place))
    counted, varies = {}, {}
    for kind in KINDS:
        token = pathlib.Path(f"{place}/material/{kind}.token").read_text().strip()
        taken = {
            name: each(lambda requests, path=path: instructions(nginx, place, path, token, requests))
            for name, path in (("plain", "/plain"), ("hot", f"/{kind}/hot"), ("cold", f"/{kind}/cold"))
        }
        cryptography = each(lambda times, kind=kind: bare(material, kind, times))
        varies[kind] = {"hot": 0, "cold": cryptography * CRYPTOGRAPHY_VARIES}
        counted[kind] = {
            "hot": round(taken["hot"] - taken["plain"]),
            "cold": round(taken["cold"] - taken["plain"] - cryptography),
        }
    if "--write" in options:
        pathlib.Path(bounds_file).write_text(json.dumps(counted, indent=4) + "\n")
    bounds = json.loads(pathlib.Path(bounds_file).read_text())
    over = 0
    for kind, figures in counted.items():
        for name, figure in figures.items():
            bound = bounds[kind][name]
            fits = figure <= bound * TOLERANCE + varies[kind][name]
            over += not fits
            print(f"{kind:6} {name:5} {figure:>9,} instructions, {bound:>9,} known: {'ok' if fits else 'TOO MANY'}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
