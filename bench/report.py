"""docs/benchmark.md: what was found, as tables."""

import pathlib

INTRODUCTION = '''# What authentication costs

Processor time of the server for each request, in microseconds, **net** of the same location without
authentication under the very same requests (the token is sent to both). Less is better. Written by
`{command}`; each figure is the median of {rounds} rounds, in parentheses the quartiles.

![Net processor time for each request](benchmark.svg)

- Machine: {machine}
- Versions: {versions}
- Date: {date}; it took {took} s
- Load: HTTP/1.1 by h2load, 8 connections kept alive
'''

ROUGH = '''
**These figures are rough: `--quick` is for trying the script out.**
'''

METHOD = '''
## How it is measured

The time is what the kernel's scheduler counts for all processes and threads of the server
(`/proc/PID/task/*/schedstat`, nanoseconds), divided by the requests that were answered, which are a
fixed number. What serves as upstream, and the load itself, are not counted. A round is a palindrome
of slices of {slice:g} s (without, hot, cold, cryptography, cryptography, cold, hot, without), so that a drift of the machine's speed
falls out of the difference; what is shown is the median of the rounds' differences. A difference
within the quartiles of zero is not measurable. In these slices the load comes from the server's own core: on another
one it would be woken across cores, which costs a virtual machine microseconds, the server's, and more often
the longer the server takes. Requests per second are measured afterwards, server and load on a core each. Before anything is measured, each set-up must answer
a valid token with 200 and one with a wrong signature or tag with 401.

- *issuer and rules*: an `auth_jwt_issuer` with an audience, two scopes and two rules for claims;
- *keys by URL*: the module has fetched them, from a server on this machine; *metrics on*: some location has
  `auth_jwt_metrics`, so that verdicts are counted; *DPoP*: `auth_jwt_dpop required`, and the proofs are signed with ES256
  by a key of the client;
- *hot*: the token has been seen; *cold*: `auth_jwt_cache off`, so that each request takes the whole
  way; *different*: each request brings another token, {different} in all, with the default cache, sent by
  `bench/load.py`, as h2load knows one header only. That is what a token never seen costs; *cold* repeats one token,
  whose every branch a processor knows after a while. The bare cryptography judges {bare} tokens in turn there, else the
  token that is sent.
- *cryptography*: bare aws-lc-rs with prepared keys and decoded segments, by its ordinary call (`verify_sig`),
  in a location of the same nginx and in the place of `auth_jwt`, the access phase, by a module that does nothing else (`bench/bare`): that is what a
  server pays at least, whose caches have just been used for something else. In a tight loop it is less
  (`cargo bench --no-default-features cryptography`). *beyond* is cold less cryptography, round by round. The two
  modules have a copy of the library each, at other addresses, which alone can make a difference of a hundredth.
  For RSA and ECDSA the module hashes by itself and calls `verify_digest_sig`, which has less to set up: some of
  what it needs beside is saved there.
- Claims: ten texts, times and a list, a token of 0.7 to 1.8 kB. The JWK Set has six or seven keys, each
  token names its `kid`. RSA keys have 2048 bits.
- With *10 claim headers* each of ten `proxy_set_header` takes a claim, and without authentication the same
  text as a constant.
'''

PEERS = '''
## Beside others

The same tokens, on one core, each net of its own answer without the check. Figures are theirs as a user
would set them up: prepared keys where they allow it, their own caches as they come. nginx with this
module serves a small static file; so do Apache and nginx with njs and Lua; HAProxy and Express answer
the same bytes from memory.
'''


def markdown(results):
    from module import BARE_TOKENS, DIFFERENT_TOKENS
    parts = [INTRODUCTION.format(**{**results, 'versions': '; '.join(filter(None, results['versions']))})]
    if results['quick']:
        parts.append(ROUGH)
    parts += [module_tables(results['module'])]
    if results['peers'] or results['left_out']:
        parts += [PEERS, peer_table(results)]
    parts.append(METHOD.format(slice=results['slice'], different=f'{DIFFERENT_TOKENS:,}', bare=BARE_TOKENS))
    parts.append('\n' + pathlib.Path(__file__).with_name('shortcuts.md').read_text(encoding='utf-8'))
    return ''.join(parts)


def micro(figure):
    """A median with its quartiles."""
    digits = 2 if abs(figure['median']) < 100 else 0
    median, low, high = (f'{figure[name]:.{digits}f}'.replace('-0.00', '0.00')
                         for name in ('median', 'low', 'high'))
    return f'**{median}** ({low} … {high})'


def rate(figure):
    return f'{figure["plain_rate"]:,.0f} → {figure["rate"]:,.0f}'


def table(head, rows):
    lines = [head, ['---', *['---:'] * (len(head) - 1)], *rows]
    return '\n' + '\n'.join(f'| {" | ".join(line)} |' for line in lines) + '\n'


def module_tables(groups):
    static = [group for group in groups if not group['proxied'] and 'cold' in group['lanes']]
    proxied = [group for group in groups if group['proxied']]
    different = [group for group in groups if 'different' in group['lanes']]
    parts = []
    if static:
        parts.append('\n## nginx with this module, a static file\n')
        parts.append(table(
            ['token', 'without', 'hot', 'cold', 'cryptography', 'beyond', 'requests/s, hot', 'requests/s, cold'],
            [[', '.join(filter(None, [group['kind'], group['more']])), f'{cold["plain"]:.1f}',
              micro(hot['net']), micro(cold['net']), micro(bare['net']), micro(cold['beyond']), rate(hot), rate(cold)]
             for group in static
             for hot, cold, bare in [(group['lanes'][lane] for lane in ('hot', 'cold', 'bare'))]]))
    if different:
        parts.append('\nEach request with a token that is not in the cache; with DPoP the token is, and each request has a proof of its own:\n')
        parts.append(table(
            ['token', 'without', 'different', 'cryptography', 'beyond', 'requests/s'],
            [[', '.join(filter(None, [group['kind'], group['more']])), f'{lane["plain"]:.1f}', micro(lane['net']),
              micro(group['lanes']['bare']['net']),
              micro(lane['beyond']), rate(lane)]
             for group in different for lane in [group['lanes']['different']]]))
    if proxied:
        parts.append('\n## nginx with this module, a proxied upstream\n')
        parts.append(table(
            ['token', 'claim headers', 'without', 'hot', 'cold', 'requests/s, hot', 'requests/s, cold'],
            [[group['kind'], '10' if group['headers'] else '0', f'{cold["plain"]:.1f}', micro(hot['net']),
              micro(cold['net']), rate(hot), rate(cold)]
             for group in proxied for hot, cold in [(group['lanes']['hot'], group['lanes']['cold'])]]))
    return ''.join(parts)


def rivals(results):
    """(name, figures by kind) of us, where measured, and of the peers."""
    found = {}
    for group in results['module']:
        if not group['proxied'] and not group['more'] and 'cold' in group['lanes']:
            for lane in ('hot', 'cold'):
                found.setdefault(f'this module, {lane}', {})[group['kind']] = group['lanes'][lane]
    for peer in results['peers']:
        found.setdefault(peer['name'], {})[peer['kind']] = peer
    return found


def peer_table(results):
    from peers import KINDS
    rows = [[name, *[micro(figures[kind]['net']) if kind in figures else '–' for kind in KINDS],
             *[rate(figures[kind]) if kind in figures else '–' for kind in KINDS]]
            for name, figures in rivals(results).items() if set(figures) & set(KINDS)]
    parts = [table(['', *KINDS, *[f'requests/s, {kind}' for kind in KINDS]], rows), '\n']
    for name, what in {peer['name']: peer['what'] for peer in results['peers']}.items():
        parts.append(f'- {name}: {what}\n')
    for each in results['left_out']:
        parts.append(f'- Left out: {each["name"]} ({each["why"]})\n')
    return ''.join(parts)
