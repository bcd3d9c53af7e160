#!/usr/bin/env python3
"""import --symlink: models that are links to a file which another program keeps."""
import filecmp
import hashlib
import json
import os
import shutil

import cli
from cli import tap

FILE = os.path.basename(cli.SMALL)
REF = f'acme/small/{FILE}'
SIZE = os.path.getsize(cli.SMALL)
with open(cli.SMALL, 'rb') as small:
    DIGEST = hashlib.sha256(small.read()).hexdigest()


def keep(path, target=cli.SMALL):
    """A copy of a model at `path`, with the folders above it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copyfile(target, path)
    return path


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as file:
        file.write(text)


def link(home, name=REF):
    """An original beside the store, and a model that is a link to it."""
    original = keep(os.path.join(home.path, 'elsewhere', FILE))
    home.orion('import', '--symlink', '--as', name, original).expect(err='a link to the original')
    return original, os.path.join(home.models, name)


def listed(home):
    facts, = home.orion('list', '--json').expect().json()
    return facts


# ---- the stores of other programs ----


def hugging_face(root):
    blob = keep(os.path.join(root, 'models--acme--small/blobs', DIGEST))
    shot = os.path.join(root, 'models--acme--small/snapshots', 'a' * 40)
    os.makedirs(shot)
    os.symlink(f'../../blobs/{DIGEST}', os.path.join(shot, FILE))
    return blob


def llama_cpp(root):
    path = keep(os.path.join(root, f'acme_small_{FILE}'))
    write(path + '.json', json.dumps({'url': f'https://h/acme/small/resolve/main/{FILE}'}))
    return path


def ollama(root):
    layer = {'mediaType': 'application/vnd.ollama.image.model', 'digest': f'sha256:{DIGEST}'}
    write(os.path.join(root, 'manifests/registry.ollama.ai/library/small/1b'),
          json.dumps({'layers': [layer]}))
    return keep(os.path.join(root, 'blobs', f'sha256-{DIGEST}'))


def lm_studio(root):
    return keep(os.path.join(root, 'acme/small', FILE))


def add_store(program, make, name):
    def check():
        with cli.Home() as home:
            root = os.path.join(home.path, 'theirs')
            original = make(root)
            before = [(path, sorted(folders + files)) for path, folders, files in os.walk(root)]
            facts = os.stat(original)
            home.orion('import', '--symlink', root).expect(err='a link to the original')
            place = os.path.join(home.models, name)
            assert os.readlink(place) == original
            m = listed(home)
            assert (m['id'], m['link'], m['link_target']) == (name, 'intact', original), m
            assert m['sha256'] == DIGEST and m['path'] == place and m['size_bytes'] == SIZE, m
            home.orion('verify', name).expect()
            home.orion('rm', name).expect()
            assert not os.path.lexists(place)
            assert os.stat(original).st_mtime_ns == facts.st_mtime_ns
            assert before == [(path, sorted(folders + files))
                              for path, folders, files in os.walk(root)]
            assert filecmp.cmp(original, cli.SMALL, shallow=False)
    tap.add_case(f'import --symlink: from the store of {program}, which stays as it is', check)


add_store('Hugging Face', hugging_face, REF)
add_store('llama.cpp', llama_cpp, REF)
add_store('Ollama', ollama, 'library/small/small-1b.gguf')
add_store('LM Studio', lm_studio, REF)


# ---- a link is a model ----


@tap.case('import --symlink: never by itself, and not with another way')
def asked_for():
    with cli.Home() as home:
        original = keep(os.path.join(home.path, 'elsewhere', FILE))
        for way in ([], ['--link'], ['--copy']):
            place = home.orion('import', *way, '--as', REF, original).expect().out.rstrip('\n')
            assert not os.path.islink(place)
            home.orion('rm', REF).expect()
        for way in ('--link', '--copy', '--move'):
            home.orion('import', '--symlink', way, original).expect(code=2, err='exclude each other')
        way = home.orion('import', '--symlink', '--as', REF, '--json', original).expect().json()['way']
        assert way == 'symlink', way


@tap.case('a link: run, show, path, fit; found by its name and by its path')
def used():
    with cli.Home() as home:
        original, place = link(home)
        answers = set()
        for name in (REF, place, FILE, original):
            result = home.orion('run', name, '--raw', '--max-tokens', '3', '--seed', '1', 'a').expect()
            answers.add(result.out)
        assert len(answers) == 1, answers
        assert home.orion('path', REF).expect().out.rstrip('\n') == place
        home.orion('show', REF).expect(out=original)
        home.orion('fit', REF).expect()
        home.orion('verify', place).expect()
        home.orion('rm', place).expect()
        assert not os.path.lexists(place) and os.path.exists(original)


@tap.case('a link: takes no room, by df, the quota and prune')
def room():
    with cli.Home() as home:
        write(os.path.join(home.path, '.orionhealth/config.json'),
              json.dumps({'models': {'max_bytes': SIZE - 1}}))
        original, place = link(home)
        u = home.orion('df', '--json').expect().json()
        assert u['n_models'] == 1 and u['model_bytes'] == 0, u
        home.orion('df').expect(out='link, intact')
        home.orion('list', '--available').expect(out='link, intact')
        assert home.orion('prune', '--json').expect().json() == []
        assert os.path.islink(place)
        home.orion('import', '--copy', '--as', 'me/mine/c.gguf', original).expect(code=4)


@tap.case('a link: a pull fetches nothing while its target is intact')
def pulled():
    with cli.Home() as home:
        hub = home.start_hub('--repo', f'acme/small={cli.GOLDEN}')
        _, place = link(home)
        for name in (REF, REF + '@main', REF):
            home.orion('pull', name).expect()
        assert hub.bytes_sent() == 0 and os.path.islink(place)
        assert listed(home)['revision'] and listed(home)['link'] == 'intact'


# ---- the target changes or goes ----


@tap.case('a link whose target is gone: every verb says so, and what to do')
def gone():
    with cli.Home() as home:
        original, place = link(home)
        os.remove(original)
        home.orion('list').expect(out=REF, err=f"'orion verify --repair {REF}'")
        home.orion('df').expect(out='link, gone', err=f"'orion rm {REF}'")
        assert listed(home)['link'] == 'gone' and listed(home)['size_bytes'] == SIZE
        for verb in (['show', REF], ['path', REF], ['verify', REF], ['run', REF, 'a'], ['fit', REF],
                     ['verify', place]):
            home.orion(*verb).expect(code=5, err='is gone or cannot be read; bring that file back')
        home.orion('import', '--symlink', '--as', REF, cli.SMALL).expect(code=1, err='remove it first')
        assert home.orion('prune', '--json').expect().json() == []
        home.orion('rm', REF).expect()
        assert not os.path.lexists(place)


@tap.case('a link whose target has changed: named; verify tells whether it is the same')
def changed():
    with cli.Home() as home:
        original, _ = link(home)
        os.utime(original, (1, 1))
        for verb in (['list'], ['show', REF], ['df']):
            home.orion(*verb).expect(err=f"which has changed since it was verified; 'orion verify {REF}'")
        assert listed(home)['link'] == 'changed'
        home.orion('verify', REF).expect()
        assert listed(home)['link'] == 'intact'
        with open(original, 'r+b') as file:
            file.seek(5000)
            file.write(b'not what it was')
        home.orion('verify', REF).expect(code=5, err='whose bytes are not those that were imported')
        home.orion('list').expect(err='has changed')


def add_mend(label, *verb):
    def check():
        with cli.Home() as home:
            home.start_hub('--repo', f'acme/small={cli.GOLDEN}')
            for harm in ('changed', 'gone'):
                original, place = link(home)
                if harm == 'gone':
                    os.remove(original)
                else:
                    with open(original, 'r+b') as file:
                        file.seek(5000)
                        file.write(b'not what it was')
                    left = os.stat(original)
                home.orion(*verb).expect()
                assert not os.path.islink(place) and filecmp.cmp(place, cli.SMALL, shallow=False)
                assert listed(home)['link'] is None
                home.orion('verify', REF).expect()
                if harm == 'gone':
                    assert not os.path.exists(original)
                else:
                    assert os.stat(original).st_mtime_ns == left.st_mtime_ns
                    assert not filecmp.cmp(original, cli.SMALL, shallow=False)
                home.orion('rm', REF).expect()
    tap.add_case(f'{label}: a copy takes the place of a bad link; the original stays as it is', check)


add_mend('verify --repair', 'verify', '--repair', REF)
add_mend('pull', 'pull', REF)


@tap.case('links that someone drops into the folder are neither followed nor listed')
def foreign():
    with cli.Home() as home:
        original, place = link(home)
        dropped = os.path.join(home.models, 'me/dropped.gguf')
        os.makedirs(os.path.dirname(dropped))
        os.symlink(original, dropped)
        assert listed(home)['id'] == REF
        home.orion('verify', 'me/dropped').expect(code=3)
        # One that was put in the place of ours is not ours.
        other = keep(os.path.join(home.path, 'elsewhere/other.gguf'))
        os.remove(place)
        os.symlink(other, place)
        assert home.orion('list', '--json').expect().json() == []
        home.orion('path', REF).expect(code=1, err='symbolic link that Orion did not make')
        home.orion('import', '--copy', '--as', REF, original).expect(code=1, err='delete the link')
        assert os.readlink(place) == other


@tap.case('a model in several files may be links; the worst of them is named')
def pieces():
    with cli.Home() as home:
        folder = os.path.join(home.path, 'elsewhere')
        names = [f'c-Q4_K_M-0000{n}-of-00002.gguf' for n in (1, 2)]
        for name in names:
            keep(os.path.join(folder, name))
            home.orion('import', '--symlink', '--as', f'acme/cut/{name}',
                       os.path.join(folder, name)).expect()
        assert listed(home)['link'] == 'intact' and listed(home)['n_files'] == 2
        os.remove(os.path.join(folder, names[1]))
        m = listed(home)
        assert m['link'] == 'gone' and m['link_target'].endswith(names[1]), m
        home.orion('path', 'acme/cut').expect(code=5, err='bring that file back')
        home.orion('rm', 'acme/cut').expect()
        assert not os.path.exists(os.path.join(home.models, 'acme'))


if __name__ == '__main__':
    tap.main()
