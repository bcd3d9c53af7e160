"""The hub's own npm clients and orion, at the same hub: the same files, the same facts.

ORION_PEER is the folder that they are installed in; see scripts/check-hub-peer."""
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'cli'))

import cli  # noqa: E402  (found through the path above)
from cli import tap  # noqa: E402

REPO = 'acme/model'
TOKEN = 'hf_secret'
MODELS = sorted(name for name in os.listdir(cli.GOLDEN) if name.endswith('.gguf'))


class House(cli.Home):
    def __init__(self, *args):
        self.args = args

    def __enter__(self):
        super().__enter__()
        if not os.environ.get('ORION_PEER') or not shutil.which('node'):
            raise tap.Skip('the npm clients are not here')
        self.folder = os.path.join(self.path, 'hub', REPO)
        os.makedirs(os.path.join(self.folder, 'sub'))
        for name in MODELS:
            shutil.copyfile(os.path.join(cli.GOLDEN, name), os.path.join(self.folder, name))
        shutil.copyfile(os.path.join(cli.GOLDEN, MODELS[0]),
                        os.path.join(self.folder, 'sub', 'other-Q8_0.gguf'))
        with open(os.path.join(self.folder, 'README.md'), 'w') as f:
            f.write('# a model\n')
        self.start_hub(os.path.join(self.path, 'hub'), *self.args)
        return self

    def peer(self, *args):
        done = subprocess.run(['node', os.path.join(HERE, 'peer.mjs'), self.hub.url, *args],
                              capture_output=True, timeout=cli.DEADLINE, check=False)
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        return json.loads(done.stdout)


def sha256(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def same_files(house, repo=REPO, token=None):
    theirs = house.peer(repo, *([token] if token else []))
    assert 'README.md' in theirs and len(theirs) == len(MODELS) + 2, theirs
    for path, facts in theirs.items():
        assert facts['got'] == facts['size'], (path, facts)
        if not path.endswith('.gguf'):
            continue
        house.orion('pull', f'{repo}/{path}', **({'HF_TOKEN': token} if token else {})).expect()
        ours = sha256(os.path.join(house.models, repo, path))
        assert ours == facts['sha256'] == facts['oid'], (path, ours, facts)


@tap.case('the same repository, file by file')
def files():
    with House() as house:
        same_files(house)


@tap.case('a gated repository, with a token')
def gated():
    with House('--token', TOKEN, '--gate', REPO) as house:
        same_files(house, token=TOKEN)


@tap.case('a repository that was renamed')
def renamed():
    with House('--rename', 'acme/old=' + REPO) as house:
        same_files(house, 'acme/old')


def same_value(ours, theirs):
    """Ours is text: numbers as they print, arrays as [type x count], texts as they are."""
    if isinstance(theirs, dict):
        return re.fullmatch(rf'\[\w+ x {theirs["array"]}\]', ours)
    if isinstance(theirs, bool):
        return ours == str(theirs).lower()
    if isinstance(theirs, (int, float)):
        return math.isclose(float(ours), theirs, rel_tol=1e-6)
    return ours == theirs


def add_facts(name):
    def case():
        with House() as house:
            theirs = house.peer(REPO, name, 'gguf')
            path = house.orion('pull', f'{REPO}/{name}').expect().out.rstrip('\n')
            keys = house.orion('show', '--json', '--metadata', path).expect().json()
            tensors = house.orion('show', '--json', '--tensors', path).expect().json()['tensors']
        container = ('version', 'tensor_count', 'kv_count')
        wanted = {k: v for k, v in theirs['metadata'].items() if k not in container}
        assert set(keys['metadata']) == set(wanted)
        for key, value in wanted.items():
            assert same_value(keys['metadata'][key], value), (key, keys['metadata'][key], value)
        assert keys['model']['n_params'] == theirs['parameters']
        assert keys['model']['n_tensors'] == theirs['metadata']['tensor_count']
        assert [{k: t[k] for k in ('name', 'shape', 'type', 'offset')} for t in tensors] == \
            theirs['tensors']
    tap.add_case(f'the same facts of {name}', case)


for model in MODELS:
    add_facts(model)


if __name__ == '__main__':
    tap.main()
