"""docs/benchmark.svg: net processor time for each request as bars, on a logarithmic scale.

Colours have enough contrast on white and on black, and change with the reader's colour scheme.
"""
import math
from html import escape

from report import rivals

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 860, 230, 150, 16, 14, 64
LOWEST = 0.1

STYLE = '''
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.small { font-size: 11px; fill: #59636e; }
line { stroke: #d1d9e0; }
.whisker { stroke: #59636e; }
.k0 { fill: #0969da; } .k1 { fill: #bc4c00; } .k2 { fill: #1a7f37; }
.own { font-weight: 600; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; } .small { fill: #9198a1; } line { stroke: #3d444d; } .whisker { stroke: #9198a1; }
  .k0 { fill: #4493f8; } .k1 { fill: #db6d28; } .k2 { fill: #3fb950; }
}
'''


def svg(results):
    from peers import KINDS
    found = {name: {kind: figures[kind]['net'] for kind in KINDS if kind in figures}
             for name, figures in rivals(results).items()}
    found = {name: figures for name, figures in found.items() if figures}
    medians = [net['median'] for figures in found.values() for net in figures.values()]
    highest = 10 ** math.ceil(math.log10(max([10, *medians]) * 1.05))

    def x(value):
        share = math.log10(max(value, LOWEST) / LOWEST) / math.log10(highest / LOWEST)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    body, y = [], TOP
    for name, figures in found.items():
        own = ' class="own"' if name.startswith('this module') else ''
        middle = y + len(figures) * BAR / 2 + 4
        body.append(f'<text{own} x="{LEFT - 10}" y="{middle:.1f}" text-anchor="end">{escape(name)}</text>')
        for kind, net in figures.items():
            body.append(bar(x, y, KINDS.index(kind), kind, net))
            y += BAR
        y += GAP
    height = y + 40
    grid = ''.join(gridline(x(10.0 ** power), 10.0 ** power, y - GAP / 2)
                   for power in range(math.floor(math.log10(LOWEST)), int(math.log10(highest)) + 1))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" role="img" aria-label="Net processor time for each request">\n'
            f'<style>{STYLE}</style>\n'
            f'<text class="title" x="10" y="24">Processor time that authentication adds to a request</text>\n'
            f'<text class="small" x="10" y="44">microseconds, logarithmic, less is better; '
            f'lines: quartiles; {escape(results["date"])}</text>\n'
            f'{grid}{"".join(body)}</svg>\n')


def gridline(x, value, bottom):
    return (f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bottom:.1f}"/>'
            f'<text class="small" x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{value:g} µs</text>\n')


def bar(x, y, colour, kind, net):
    end, middle = max(x(net['median']), LEFT + 1), y + BAR / 2
    digits = 2 if net['median'] < 10 else 0
    return (f'<rect class="k{colour}" x="{LEFT}" y="{y + 1}" width="{end - LEFT:.1f}" height="{BAR - 2}"/>'
            f'<line class="whisker" x1="{x(net["low"]):.1f}" y1="{middle}" x2="{x(net["high"]):.1f}" y2="{middle}"/>'
            f'<text class="small" x="{max(end, x(net["high"])) + 6:.1f}" y="{middle + 4}">'
            f'{kind} {net["median"]:.{digits}f}</text>\n')
