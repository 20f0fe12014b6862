"""Contenders against the same location without authentication, in many short slices.

The speed of a machine changes from second to second. So each round is a palindrome of slices (A B C
C B A): whatever drifts steadily falls out of the differences, and the median over the rounds drops
what does not.
"""
import statistics

import load
from server import status


class Contender:
    """A way to send load to a server: a name, a port, and what is sent."""

    def __init__(self, name, port, token, path='/small.txt', tokens=None, warm_up=500):
        self.name, self.port, self.token, self.path, self.tokens = name, port, token, path, tokens
        self.warm_up, self.requests, self.sent = warm_up, 0, 0

    def calibrate(self, seconds):
        """How many requests make a slice of so many seconds, once the server is warm."""
        if self.tokens:
            return
        load.send(self.port, self.token, self.warm_up, self.path)
        probe = load.send(self.port, self.token, 256, self.path)
        self.requests = max(32, int(seconds * probe.requests / probe.seconds))

    def slice(self, server):
        """One slice: microseconds of processor for each request, and requests per second."""
        before = server.used()
        if self.tokens:
            answered = load.send_different(self.port, self.tokens, self.sent)
        else:
            answered = load.send(self.port, self.token, self.requests, self.path)
        self.sent += answered.requests
        processor = server.used() - before
        return processor / 1000 / answered.requests, answered.requests / answered.seconds

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


def rounds_of(lanes, options):
    """wrk knows no slice shorter than a second: fewer of them."""
    return max(2, options.rounds // 8) if any(lane.tokens for lane in lanes) else options.rounds


def duel(server, plain, contenders, options, cryptography=None):
    """Figures by contender: processor time net of `plain`, beside it the bare cryptography."""
    lanes = [plain, *contenders]
    for lane in lanes:
        lane.calibrate(options.slice)
    rounds = []
    for _ in range(rounds_of(lanes, options)):
        taken = {lane.name: [] for lane in lanes}
        for lane in lanes + lanes[::-1]:
            taken[lane.name].append(lane.slice(server))
        mean = {name: tuple(map(statistics.fmean, zip(*slices))) for name, slices in taken.items()}
        rounds.append((mean, cryptography() if cryptography else None))

    figures = {}
    for lane in contenders:
        net = [mean[lane.name][0] - mean[plain.name][0] for mean, _ in rounds]
        figure = {
            'net': quartiles(net),
            'plain': statistics.median(mean[plain.name][0] for mean, _ in rounds),
            'guarded': statistics.median(mean[lane.name][0] for mean, _ in rounds),
            'plain_rate': statistics.median(mean[plain.name][1] for mean, _ in rounds),
            'rate': statistics.median(mean[lane.name][1] for mean, _ in rounds),
        }
        if cryptography:
            bare = [each for _, each in rounds]
            figure['cryptography'] = quartiles(bare)
            figure['beyond'] = quartiles(own - other for own, other in zip(net, bare))
        figures[lane.name] = figure
    return figures
