#!/usr/bin/env python3
"""packaging/: systemd reads the units without a word, and the server does nothing that
they forbid it."""
import os
import re
import shutil
import subprocess
import tempfile

import world
from world import cli, tap

PACKAGING = os.path.join(tap.SOURCE, 'packaging')


def units(folder):
    with open(os.path.join(PACKAGING, 'orion.service.in')) as file:
        text = file.read()
    with open(os.path.join(folder, 'orion.service'), 'w') as file:
        file.write(text.replace('@orion@', cli.ORION))
    shutil.copy(os.path.join(PACKAGING, 'orion.socket'), folder)
    return [os.path.join(folder, name) for name in ('orion.service', 'orion.socket')]


@tap.case('systemd-analyze verifies the units')
def verified():
    if not shutil.which('systemd-analyze'):
        raise tap.Skip('systemd-analyze is not here')
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(['systemd-analyze', '--user', 'verify', *units(folder)],
                              env={'PATH': os.environ['PATH'], 'HOME': folder,
                                   'XDG_RUNTIME_DIR': folder}, capture_output=True, text=True,
                              timeout=world.DEADLINE, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, ''), done


@tap.case('the server maps nothing to write and execute, and knows no other families of sockets')
def forbidden():
    with open(os.path.join(PACKAGING, 'orion.service.in')) as file:
        unit = file.read()
    assert 'MemoryDenyWriteExecute=yes' in unit
    families = re.search(r'^RestrictAddressFamilies=(.*)', unit, re.MULTILINE).group(1).split()
    if not shutil.which('strace'):
        raise tap.Skip('strace is not here')
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, 'trace')
        # A build that looks for leaks at its end can't do so while it is traced.
        before = ['strace', '-D', '-f', '-E', 'ASAN_OPTIONS=detect_leaks=0',
                  '-e', 'trace=mmap,mprotect,socket', '-o', log]
        with world.Server(before=before) as server:
            reply = server.post('/v1/chat/completions', {
                'model': world.TINY, 'max_tokens': 3, 'messages': [{'role': 'user', 'content': 'x'}]})
            assert reply.code == 200, reply
        with open(log) as file:
            calls = file.read().splitlines()
    assert any('mmap(' in call for call in calls), 'nothing was traced'
    tap.fail_if([call for call in calls if 'PROT_WRITE|PROT_EXEC' in call], 'write and execute')
    used = {found.group(1) for found in (re.search(r' socket\((AF_\w+)', c) for c in calls) if found}
    assert used and used <= set(families), used


if __name__ == '__main__':
    tap.main()
