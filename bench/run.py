#!/usr/bin/env python3
"""The driver of scripts/bench; see there."""
import argparse
import datetime
import fnmatch
import json
import pathlib
import sys
import time

import machine
import module
import peers
import plot
import report
from material import Material


def arguments():
    parser = argparse.ArgumentParser()
    for name in ('nginx', 'module', 'bare', 'material', 'peers'):
        parser.add_argument(f'--{name}', required=True)
    parser.add_argument('--directory', type=pathlib.Path, required=True)
    parser.add_argument('--output', type=pathlib.Path, required=True)
    parser.add_argument('--command', required=True)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--no-peers', action='store_true')
    parser.add_argument('--cases', default='*')
    options = parser.parse_args()
    # Seconds of a slice, rounds.
    options.slice, options.rounds = (0.05, 3) if options.quick else (0.03, 60)
    # Slices for requests per second.
    options.rates = 1 if options.quick else 5
    options.wants = lambda name: any(
        fnmatch.fnmatchcase(name, f'*{pattern}*') for pattern in options.cases.split(','))
    options.peers = pathlib.Path(options.peers)
    return options


def main():
    options = arguments()
    started = time.monotonic()
    options.directory.mkdir(parents=True, exist_ok=True)
    options.files = options.directory / 'files'
    options.files.mkdir(exist_ok=True)
    (options.files / 'small.txt').write_text('small file\n' * 20)
    material = Material(options.material, options.directory / 'material')

    results = {
        'date': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
        'command': options.command,
        'machine': machine.describe(),
        'versions': machine.versions(options),
        'quick': options.quick,
        'rounds': options.rounds,
        'slice': options.slice,
        'module': [],
        'peers': [],
        'left_out': [],
    }

    def say(text):
        print(f'bench: {text}', file=sys.stderr, flush=True)

    def took(name, lane, figure):
        net = figure['net']
        say(f'{name}, {lane}: net {net["median"]:.2f} us ({net["low"]:.2f} to {net["high"]:.2f})')

    def ours(group, figures):
        for lane, figure in figures.items():
            took(group.name, lane, figure)
        results['module'].append({'name': group.name, 'kind': group.kind, 'proxied': group.proxied, 'more': group.more,
                                  'headers': group.headers, 'lanes': figures})

    def theirs(peer, kind, figure):
        took(peer.name, kind, figure)
        results['peers'].append({'name': peer.name, 'kind': kind, 'what': peer.what, **figure})

    def left_out(name, why):
        say(f'{name} is left out: {why}')
        results['left_out'].append({'name': name, 'why': why})

    module.measure(options, material, ours)
    if not options.no_peers:
        peers.measure(options, material, theirs, left_out)
    results['took'] = round(time.monotonic() - started)
    (options.directory / 'results.json').write_text(json.dumps(results, indent=1) + '\n')
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / 'benchmark.md').write_text(report.markdown(results))
    (options.output / 'benchmark.svg').write_text(plot.svg(results))
    say(f'{options.output}/benchmark.md and benchmark.svg are written, after {results["took"]} s')


if __name__ == '__main__':
    main()
