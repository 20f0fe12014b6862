"""Contenders against the same location without authentication, in many short slices.

The speed of a machine changes from second to second. So each round is a palindrome of slices (A B C
C B A): whatever drifts steadily falls out of the differences, and the median over the rounds drops
what does not.

The load of these slices comes from the server's own core. On a core of its own it sleeps and is woken
as the server lets it; waking another core costs a virtual machine microseconds, which are the
server's, and there would be more of them the longer the server takes. How many requests a second
there are with a core each is measured afterwards.
"""
import statistics

import load
from processor import OTHER, SERVER
from server import status


class Contender:
    """A way to send load to a server: a name, a port, and what is sent: always the same, or one of `headers` each."""

    def __init__(self, name, port, token, path='/small.txt', headers=None, warm_up=500):
        self.name, self.port, self.token, self.path, self.headers = name, port, token, path, headers
        self.warm_up, self.requests, self.sent = warm_up, 0, 0

    def calibrate(self, seconds):
        """How many requests make a slice of so many seconds, once the server is warm."""
        self.send(self.warm_up, OTHER)
        probe = self.send(256, OTHER)
        self.requests = max(32, int(seconds * probe.requests / probe.seconds))

    def slice(self, server):
        """Microseconds of processor for each request of a slice."""
        before = server.used()
        answered = self.send(self.requests, SERVER)
        return (server.used() - before) / 1000 / answered.requests

    def rate(self):
        """Requests per second, in slices that are longer: nothing is subtracted here."""
        answered = self.send(4 * self.requests, OTHER)
        return answered.requests / answered.seconds

    def send(self, requests, core):
        if self.headers:
            answered = load.send_different(self.port, self.headers, self.sent, requests, core)
        else:
            answered = load.send(self.port, self.token, requests, self.path, core)
        self.sent += answered.requests
        return answered

    def must_answer(self, token, expected):
        """Nothing is measured that does not do its work."""
        found, body = status(self.port, token, self.path)
        if found != expected:
            raise RuntimeError(f'{self.name} answers {found} instead of {expected}: {body[:300]}')
        return body


def quartiles(values):
    """The median and the quartiles."""
    values = list(values)
    if len(values) < 2:
        return {'median': values[0], 'low': values[0], 'high': values[0]}
    low, median, high = statistics.quantiles(values, n=4, method='inclusive')
    return {'median': median, 'low': low, 'high': high}


def duel(server, plain, contenders, options, bare=None):
    """Figures by contender: processor time net of `plain`, and beyond the contender named `bare`."""
    lanes = [plain, *contenders]
    for lane in lanes:
        lane.calibrate(options.slice)
    rounds = []
    for _ in range(options.rounds):
        taken = {lane.name: [] for lane in lanes}
        for lane in lanes + lanes[::-1]:
            taken[lane.name].append(lane.slice(server))
        mean = {name: statistics.fmean(slices) for name, slices in taken.items()}
        rounds.append(mean)
    rates = {lane.name: [] for lane in lanes}
    for _ in range(options.rates):
        for lane in lanes:
            rates[lane.name].append(lane.rate())
    rate = {name: statistics.median(found) for name, found in rates.items()}

    figures = {}
    for lane in contenders:
        net = [mean[lane.name] - mean[plain.name] for mean in rounds]
        figure = {
            'net': quartiles(net),
            'plain': statistics.median(mean[plain.name] for mean in rounds),
            'guarded': statistics.median(mean[lane.name] for mean in rounds),
            'plain_rate': rate[plain.name],
            'rate': rate[lane.name],
        }
        if bare:
            figure['beyond'] = quartiles(mean[lane.name] - mean[bare] for mean in rounds)
        figures[lane.name] = figure
    return figures
