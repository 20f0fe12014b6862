"""Instructions that authentication adds to a request, counted by callgrind: see scripts/count."""

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
# What nginx calls for each request and returns from when it has been answered. Starting and reading the configuration,
# where the cryptography makes tokens, is left out.
COUNTED = "ngx_http_process_request"
FEW, MANY = 40, 240  # requests: the difference leaves out what the first ones take
BATCH = 20  # requests at once
PAGE = b"a page\n"
TOLERANCE = 1.10
# Of the cryptography that is taken off a cold request: signatures differ from run to run, and so does what they take.
CRYPTOGRAPHY_VARIES = 0.01
# The inside of glibc's allocator. What it takes hangs on how the heap lies, which any change of a configuration moves, by
# hundreds of instructions a request. That malloc and free are called at all, counts.
HEAP = r"_int_|unlink_chunk|malloc_consolidate|systrim|sysmalloc"
PATIENCE = 60  # seconds
# An issuer with an audience, two scopes and two rules for claims; alone, and as one of ten thousand.
CLAIM_RULES = "auth_jwt_require_claim azp = web-frontend; auth_jwt_require_claim groups any admins sales;"
ISSUERS = ["shop"]
TEN_THOUSAND = ["shop", *(f"tenant{number}" for number in range(1, 10_000))]
# A location with metrics, so that verdicts are counted.
METRICS = "location /metrics { auth_jwt_metrics; }"
# What is counted: the directory of its locations, whose token it is asked with, among which issuers, and what else is
# configured.
LANES = {
    **{kind: (kind, kind, ISSUERS, "") for kind in KINDS},
    "rules": ("rules", "HS256", ISSUERS, ""),
    "issuers": ("rules", "HS256", TEN_THOUSAND, ""),
    "metrics": ("rules", "HS256", TEN_THOUSAND, METRICS),
}


def configuration(module, bare, place, names=ISSUERS, more=""):
    locations = "".join(
        f"""
        location /{kind}/hot {{ auth_jwt r; auth_jwt_key_file {place}/material/{kind}.jwks; alias {place}/page; }}
        location /{kind}/cold {{
            auth_jwt r; auth_jwt_cache off; auth_jwt_key_file {place}/material/{kind}.jwks; alias {place}/page;
        }}
        location /{kind}/bare {{ bare_cryptography {kind} {place}/material/{kind}.token; alias {place}/page; }}"""
        for kind in KINDS
    )
    guard = f"auth_jwt r; auth_jwt_require_scope orders:read orders:write; {CLAIM_RULES} alias {place}/page;"
    locations += f"""
        location /rules/hot {{ auth_jwt_issuers {" ".join(names)}; {guard} }}
        location /rules/cold {{ auth_jwt_issuers {" ".join(names)}; auth_jwt_cache off; {guard} }}"""
    of_issuer = f"key_file {place}/material/HS256.jwks; audience https://api.example.com;"
    issuers = "".join(
        f"    auth_jwt_issuer {name} {{ issuer https://login.example.com/realms/{name}; {of_issuer} }}\n" for name in names
    )
    temporary = "".join(
        f"    {kind}_temp_path {place}/temp;\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""load_module {module};
load_module {bare};
daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;
events {{}}
http {{
{temporary}{issuers}    access_log off; keepalive_requests 100000;
    server {{
        listen unix:{place}/socket;
        location /plain {{ alias {place}/page; }}{locations}
        {more}
    }}
}}
"""


class Connection:
    """Sends requests all at once, so that nginx answers them in one turn of its loop: with the clock of that turn,
    however slow valgrind is."""

    def __init__(self, path, target, token):
        self.request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)

    def ask(self, times):
        self.socket.sendall(self.request * times)
        answers = b""
        while answers.count(PAGE) < times:
            piece = self.socket.recv(1 << 16)
            if not piece:
                break
            answers += piece
        if answers.count(b"HTTP/1.1 200 ") != times or answers.count(PAGE) != times:
            sys.exit(f"count: not every request was answered with 200: {answers[:200]}")


def instructions(nginx, place, path, token, requests):
    """What a run of nginx takes for so many requests, from a header that has been read to the end of the answer."""
    profile = f"{place}/callgrind.out"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", f"--toggle-collect={COUNTED}"]
    server = subprocess.Popen(
        [*command, nginx, "-p", place, "-c", f"{place}/nginx.conf", "-e", f"{place}/error.log"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection = Connection(f"{place}/socket", path, token)
            break
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                sys.exit(f"count: nginx did not start: {server.communicate()[1]}")
            time.sleep(0.1)
    for _ in range(requests // BATCH):
        connection.ask(BATCH)
    connection.socket.close()
    # Told again, as nginx may just be about to wait for events when it is told.
    while server.poll() is None and time.monotonic() < until + PATIENCE:
        server.send_signal(signal.SIGQUIT)
        time.sleep(0.1)
    server.communicate(timeout=PATIENCE)
    with open(profile) as lines:
        return sum_of(lines)


def sum_of(lines):
    """The instructions in a profile of callgrind's, but for those of the heap's inside."""
    names, counts, total = {}, True, 0
    for line in lines:
        if function := re.match(r"(c?)fn=(\(\d+\))(?: (.*))?", line):
            name = names.setdefault(function[2], function[3])
            counts = counts if function[1] else not re.match(HEAP, name)
        elif line.startswith("calls="):
            next(lines)  # what was called counts where it stands
        elif counts and re.match(r"[-+*\d]", line):
            total += int(line.split()[1])
    return total


def each(count):
    """Of one request; `count` counts a run with so many."""
    return (count(MANY) - count(FEW)) / (MANY - FEW)


def main(nginx, module, bare, place, bounds_file, *options):
    place = os.path.abspath(place)
    os.makedirs(f"{place}/temp", exist_ok=True)
    pathlib.Path(f"{place}/page").write_bytes(PAGE)
    counted, varies = {}, {}
    for lane, (directory, kind, issuers, more) in LANES.items():
        pathlib.Path(f"{place}/nginx.conf").write_text(configuration(module, bare, place, issuers, more))
        token = pathlib.Path(f"{place}/material/{kind}.token").read_text().strip()
        paths = {"plain": "/plain", "hot": f"/{directory}/hot", "cold": f"/{directory}/cold", "bare": f"/{kind}/bare"}
        taken = {
            name: each(lambda requests, path=path: instructions(nginx, place, path, token, requests))
            for name, path in paths.items()
        }
        varies[lane] = {"hot": 0, "cold": (taken["bare"] - taken["plain"]) * CRYPTOGRAPHY_VARIES}
        counted[lane] = {
            "hot": round(taken["hot"] - taken["plain"]),
            "cold": round(taken["cold"] - taken["bare"]),
        }
    if "--write" in options:
        pathlib.Path(bounds_file).write_text(json.dumps(counted, indent=4) + "\n")
    bounds = json.loads(pathlib.Path(bounds_file).read_text())
    over = 0
    for lane, figures in counted.items():
        for name, figure in figures.items():
            bound = bounds[lane][name]
            fits = figure <= bound * TOLERANCE + varies[lane][name]
            over += not fits
            print(f"{lane:7} {name:5} {figure:>9,} instructions, {bound:>9,} known: {'ok' if fits else 'TOO MANY'}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
