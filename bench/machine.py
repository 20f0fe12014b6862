"""What was measured on, and with which versions."""
import os
import pathlib
import platform
import re
import subprocess


def first_line(*command):
    """What a program says of its version; None where it is missing."""
    try:
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=20, check=False).stdout
    except OSError:
        return None
    return out.strip().splitlines()[0].strip() if out.strip() else None


def package(name):
    return first_line('dpkg-query', '-W', '-f', '${Package} ${Version}', name)


def describe():
    cpuinfo = pathlib.Path('/proc/cpuinfo').read_text()
    model = re.search(r'^model name\s*: (.*)$', cpuinfo, re.M)
    memory = re.search(r'MemTotal:\s+(\d+)', pathlib.Path('/proc/meminfo').read_text())
    release = re.search(r'^PRETTY_NAME="?([^"\n]*)', pathlib.Path('/etc/os-release').read_text(), re.M)
    virtual = ', a virtual machine' if re.search(r'^flags\s*:.*\bhypervisor\b', cpuinfo, re.M) else ''
    return (f'{model.group(1) if model else platform.machine()}, {os.cpu_count()} cores{virtual}, '
            f'{round(int(memory.group(1)) / 1024 / 1024)} GiB; {release.group(1)}, '
            f'Linux {platform.release()}')


def versions(options):
    """Of what is measured in any case; a peer names its own."""
    revision = first_line('git', '-C', str(pathlib.Path(__file__).resolve().parent), 'describe',
                          '--always', '--dirty', '--exclude=*')
    return [f'this module at {revision}', first_line(options.nginx, '-v').removeprefix('nginx version: '),
            first_line('h2load', '--version')]
