"""What opens no connection: strace watches every call of the network."""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'cli'))

import cli  # noqa: E402  (found through the path above)
from cli import tap  # noqa: E402

REF = 'acme/model/m-F16.gguf'
DAMAGED = 'acme/model/damaged.gguf'
GOLDEN = os.path.join(cli.GOLDEN, 'llama-gqa.gguf')

# Given after the model was pulled.  LOCAL and FOLDER are a file elsewhere and
# the folder that it is in, NEW a place for a file.
LOCAL, FOLDER, NEW = '@file', '@folder', '@new'
RECORDS = os.path.join(cli.GOLDEN, 'records-en.txt')
WITHOUT = [
    ['list'], ['list', '--available'], ['list', '--json'],
    ['show', REF], ['show', '--metadata', REF], ['show', '--tensors', REF], ['show', LOCAL],
    ['path', REF], ['path', LOCAL],
    ['run', REF, '--raw', '--max-tokens', '3', 'a'], ['run', LOCAL, '--raw', '--max-tokens', '3', 'a'],
    ['tokenize', REF, 'a'], ['embed', os.path.join(cli.GOLDEN, 'embed-bert.gguf'), 'a'], ['perplexity', REF, RECORDS], ['summarize', cli.TINY, RECORDS],
    ['bench', '--only', 'tg64', '--repeat', '1', cli.TINY],
    ['verify', REF], ['verify'], ['verify', '--repair', REF],
    ['df'], ['config'], ['fit', REF], ['fit', LOCAL],
    ['pull', REF], ['pull', '--dry-run', REF],
    ['import'], ['import', LOCAL], ['import', FOLDER], ['import', '--link', LOCAL],
    ['import', '--copy', '--as', 'mine/copy/c.gguf', LOCAL], ['import', '--move', LOCAL],
    ['import', '--symlink', LOCAL],
    ['quantize', LOCAL, NEW, 'Q8_0', '--requantize'],
    ['prune', '--dry-run'], ['prune'], ['help', 'pull'], ['--version'],
    ['rm', '--partials'], ['rm', REF],
]
# Refused (True), since it can't be done without; or done.
OFFLINE = [
    *((args, False) for args in WITHOUT),
    (['pull', 'acme/model/other.gguf'], True), (['pull', 'acme/other'], True),
    (['pull', 'acme/model@main'], True), (['pull', '--dry-run', 'acme/other'], True),
    (['fit', 'acme/model/other.gguf'], True), (['search', 'model'], True),
    (['run', 'acme/model/other.gguf', 'a'], True),
    (['summarize', 'acme/model/other.gguf', RECORDS], True),
    *(([verb, 'acme/model/other.gguf'], True) for verb in ('show', 'path', 'verify', 'tokenize', 'rm')),
    (['perplexity', 'acme/model/other.gguf', RECORDS], True),
    (['bench', 'acme/model/other.gguf'], True),
    (['verify', '--repair', DAMAGED], True),
    (['ps'], True), (['stop', REF], True),  # no server is here to be asked
]


class House(cli.Home):
    def __enter__(self):
        super().__enter__()
        if not shutil.which('strace'):
            raise tap.Skip('strace is not here')
        root = os.path.join(self.path, 'hub')
        os.makedirs(os.path.join(root, 'acme/model'))
        for name in ('m-F16.gguf', 'other.gguf', 'damaged.gguf'):
            shutil.copyfile(GOLDEN, os.path.join(root, 'acme/model', name))
        self.start_hub(root)
        self.orion('pull', REF).expect()
        self.folder = os.path.join(self.path, 'elsewhere')
        os.makedirs(self.folder)
        shutil.copyfile(GOLDEN, os.path.join(self.folder, 'mine.gguf'))
        return self

    def damage(self):
        path = self.orion('pull', DAMAGED).expect().out.rstrip('\n')
        with open(path, 'r+b') as file:
            file.write(b'HARM')

    def traced(self, *args, **more):
        """The exit code, standard error, and the network calls."""
        log = os.path.join(self.path, 'trace')
        places = {LOCAL: os.path.join(self.folder, 'mine.gguf'), FOLDER: self.folder,
                  NEW: os.path.join(self.path, 'new.gguf')}
        args = [places.get(arg, arg) for arg in args]
        done = subprocess.run(['strace', '-f', '-e', 'trace=network', '-o', log, cli.ORION, *args],
                              env=self.environment(**more), capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=cli.DEADLINE, check=False)
        if b'PTRACE' in done.stderr or b'ptrace' in done.stderr:
            raise tap.Skip('strace may not trace here')
        with open(log) as f:
            # A socketpair(), with which curl wakes itself, leads nowhere.
            calls = [line.rstrip() for line in f if re.search(r' (socket|connect|bind)\(', line)]
        return done.returncode, done.stderr.decode('utf-8', 'replace'), calls


def add_local(args):
    def case():
        with House() as house:
            code, err, calls = house.traced(*args)
            assert code == 0, f'exit code {code}: {err}'
            assert calls == [], calls
    tap.add_case('no connection: ' + ' '.join(os.path.basename(a) for a in args), case)


def add_offline(args, refused, how, **more):
    def case():
        with House() as house:
            if DAMAGED in args:
                house.damage()
            asked = house.hub.ask('/_stats')
            code, err, calls = house.traced(*(['--offline'] if not more else []), *args, **more)
            assert calls == [], calls
            assert house.hub.ask('/_stats') == asked, 'the hub was asked'
            assert (code != 0) == refused, f'exit code {code}: {err}'
            assert not refused or any(w in err for w in ('offline', 'pull it first', 'no server')), err
    tap.add_case(f'{how}: ' + ' '.join(os.path.basename(a) for a in args), case)


@tap.case('strace sees a pull: the check itself can fail')
def seen():
    with House() as house:
        code, err, calls = house.traced('pull', 'acme/model/other.gguf')
        assert code == 0 and any('connect(' in call for call in calls), (code, err, calls)


@tap.case('every verb is tried')
def complete():
    with cli.Home() as home:
        page = home.orion('help').expect().out
    verbs = re.findall(r'^  (\w+) ', page.split('Verbs:')[1].split('Options')[0], re.MULTILINE)
    assert len(verbs) > 10, page
    tried = {args[0] for args, _ in OFFLINE} | {'serve'}  # which listens: tests/server
    assert set(verbs) <= tried, set(verbs) - tried


for given in WITHOUT:
    add_local(given)
for given, no in OFFLINE:
    add_offline(given, no, '--offline')
    add_offline(given, no, 'HF_HUB_OFFLINE=1', HF_HUB_OFFLINE='1')


if __name__ == '__main__':
    tap.main()
