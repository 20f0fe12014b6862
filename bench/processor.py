"""What processes have had of the processor, in nanoseconds, as the kernel's scheduler counts it."""
import os
import pathlib
import time

PROC = pathlib.Path('/proc')


def tree(pid):
    """The process and all that descend from it."""
    children = {}
    for stat in PROC.glob('[0-9]*/stat'):
        try:
            own, rest = stat.read_text().split(' ', 1)
        except OSError:
            continue
        parent = int(rest.rsplit(')', 1)[1].split()[1])
        children.setdefault(parent, []).append(int(own))
    found = [pid]
    for each in found:
        found.extend(children.get(each, []))
    return found


def used(pids):
    """Of all threads of these processes together. A thread's figure is exact while it sleeps."""
    time.sleep(0.002)
    total = 0
    for pid in pids:
        for thread in os.listdir(f'/proc/{pid}/task'):
            total += int((PROC / str(pid) / 'task' / thread / 'schedstat').read_text().split()[0])
    return total


def pinned(core):
    """The words before a command that keep it on one core; none where there is one core only."""
    return ['taskset', '-c', str(core)] if os.cpu_count() > 1 else []


SERVER, OTHER = 0, 1
