#!/usr/bin/env python3
"""What comes before and after a pull: fit, dry runs, verify and repair, df, import, prune, config."""
import filecmp
import hashlib
import json
import os

import cli
from cli import tap

FILE = os.path.basename(cli.SMALL)
REF = f'acme/small/{FILE}'
SIZE = os.path.getsize(cli.SMALL)


def with_hub(home, *args):
    return home.start_hub('--repo', f'acme/small={cli.GOLDEN}', *args)


def write_config(home, value):
    folder = os.path.join(home.path, '.orionhealth')
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, 'config.json')
    with open(path, 'w') as file:
        file.write(value if isinstance(value, str) else json.dumps(value))
    return path


def flip(path, at):
    with open(path, 'r+b') as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


# ---- before ------------------------------------------------------------------


@tap.case('search: repositories of the hub, as a table and as JSON')
def search():
    with cli.Home() as home:
        with_hub(home)
        hits = home.orion('search', '--json', 'small').expect().json()
        assert [h['repo'] for h in hits] == ['acme/small'], hits
        assert set(hits[0]) == {'repo', 'updated', 'architecture', 'downloads', 'likes',
                                'n_params', 'gated'}
        home.orion('search', 'small').expect(out='acme/small')
        home.orion('search', 'nothing', 'like', 'it').expect(err='no GGUF models')


@tap.case('fit: of a model on the hub, its header only')
def fit_remote():
    with cli.Home() as home:
        with_hub(home)
        f = home.orion('fit', '--json', REF).expect().json()
        assert f['architecture'] == 'phi3' and f['runs'] and not f['local'], f
        assert f['file_bytes'] == f['download_bytes'] == SIZE
        assert f['memory_bytes'] == f['weights_bytes'] + f['kv_bytes'] + f['buffer_bytes']
        assert f['verdict'] == 'fits' and f['max_context_tokens'] == f['trained_tokens']
        assert home.orion('list', '--json').expect().json() == []


@tap.case('fit: of a model on disk, the same, with no request')
def fit_local():
    with cli.Home() as home:
        hub = with_hub(home)
        remote = home.orion('fit', '--json', REF).expect().json()
        home.orion('pull', REF).expect()
        before = hub.ask('/_stats')
        local = home.orion('fit', '--json', REF).expect().json()
        assert hub.ask('/_stats') == before
        assert local['local'] and local['download_bytes'] == 0
        for key in ('n_params', 'weights_bytes', 'kv_bytes', 'quantization', 'trained_tokens'):
            assert local[key] == remote[key], key
        small = home.orion('fit', '--json', '--ctx', '16', REF).expect().json()
        assert small['context_tokens'] == 16 and small['kv_bytes'] <= local['kv_bytes']
        wide = home.orion('fit', '--json', '--kv-type', 'f32', REF).expect().json()
        assert wide['kv_type'] == 'f32' and wide['kv_bytes'] == 2 * local['kv_bytes'], wide
        many = home.orion('fit', '--json', '--parallel', '4', REF).expect().json()
        assert (local['sequences'], many['sequences']) == (1, 4), (local, many)
        assert many['kv_bytes'] == 4 * local['kv_bytes'], (local, many)
        assert many['buffer_bytes'] > local['buffer_bytes'], (local, many)
        home.orion('fit', '--parallel', '4', REF).expect(out='for 4 requests of')
        home.orion('fit', '--ctx', '60000000', REF).expect(code=2)
        home.orion('fit', REF).expect(out='verdict')


@tap.case('fit: of a model for embeddings, one layer of keys and values, in floats')
def fit_embedder():
    embedder = os.path.join(cli.GOLDEN, 'embed-bert.gguf')
    with cli.Home() as home:
        f = home.orion('fit', '--json', embedder).expect().json()
        shown = home.orion('show', '--json', embedder).expect().json()['model']
        assert f['embeds'] and f['context_tokens'] == shown['context_tokens'] == 128
        assert f['kv_bytes'] == 64 * 64 * shown['n_heads_kv'] * shown['head_dim'] * 2 * 4, f
        assert f['memory_bytes'] == f['weights_bytes'] + f['kv_bytes'] + f['buffer_bytes']
        short = home.orion('fit', '--json', '--ctx', '64', embedder).expect().json()
        assert short['buffer_bytes'] < f['buffer_bytes'] and short['kv_bytes'] == f['kv_bytes']
        home.orion('fit', embedder).expect(out='of the texts and the layer at hand')
        assert not home.orion('fit', '--json', cli.TINY).expect().json()['embeds']


@tap.case('fit: the parameters are those that show counts')
def fit_and_show():
    with cli.Home() as home:
        fit = home.orion('fit', '--json', cli.TINY).expect().json()
        shown = home.orion('show', '--json', cli.TINY).expect().json()['model']
        assert fit['n_params'] == shown['n_params'] and fit['trained_tokens'] == \
            shown['context_tokens'] and fit['quantization'] == shown['quantization']


@tap.case('pull --dry-run: says what and where, and fetches nothing')
def dry_run():
    with cli.Home() as home:
        hub = with_hub(home)
        plan = home.orion('pull', '--dry-run', '--json', REF).expect().json()
        target = os.path.join(home.models, REF)
        assert [f['path'] for f in plan['files']] == [target] and plan['fits'], plan
        assert plan['transfer_bytes'] == plan['size_bytes'] == SIZE and hub.bytes_sent() == 0
        assert not os.path.exists(target)
        home.orion('pull', '--dry-run', REF).expect(out='to transfer')
        home.orion('pull', REF).expect()
        again = home.orion('pull', '--dry-run', '--json', REF).expect().json()
        assert again['transfer_bytes'] == 0 and again['present_bytes'] == SIZE
        home.orion('pull', '--dry-run', 'acme/none').expect(code=3)


@tap.case('pull: a quota refuses, and deletes nothing')
def quota():
    with cli.Home() as home:
        hub = with_hub(home)
        write_config(home, {'models': {'max_bytes': SIZE + 1000}})
        home.orion('pull', REF).expect()
        home.orion('pull', 'acme/small/llama-gqa.gguf').expect(code=4)
        assert hub.bytes_sent() == SIZE and os.path.exists(os.path.join(home.models, REF))
        home.orion('pull', '--dry-run', 'acme/small/llama-gqa.gguf').expect(code=4)


@tap.case('pull: --limit-rate and --connections are followed, and the bytes are right')
def limits():
    with cli.Home() as home:
        with_hub(home)
        home.orion('pull', '--limit-rate', '400k', '--connections', '2', REF).expect()
        assert filecmp.cmp(os.path.join(home.models, REF), cli.SMALL, shallow=False)


@tap.case('pull: a model in several files comes whole, whichever is named, or not at all')
def shards():
    with cli.Home() as home:
        folder = os.path.join(home.path, 'cut')
        os.makedirs(folder)
        pieces = [f'c-Q4_K_M-0000{n}-of-00003.gguf' for n in (1, 2, 3)]
        for n, name in enumerate(pieces):
            with open(os.path.join(folder, name), 'wb') as file:
                file.write(b'GGUF' + bytes([n]) * 100_000)
        hub = home.start_hub('--repo', f'acme/cut={folder}')
        plan = home.orion('pull', '--dry-run', '--json', 'acme/cut').expect().json()
        assert [f['file'] for f in plan['files']] == pieces and plan['size_bytes'] == 300_012
        hub.set_faults({'kind': 'flip', 'at': 5000, 'file': pieces[2]})
        home.orion('pull', 'acme/cut').expect(code=5)
        assert home.orion('list', '--json').expect().json() == []
        home.orion('path', 'acme/cut').expect(code=3)
        hub.set_faults()
        sent = hub.bytes_sent()
        path = home.orion('pull', f'acme/cut/{pieces[1]}').expect().out.rstrip('\n')
        assert path.endswith(pieces[0]) and hub.bytes_sent() - sent < 150_000
        facts, = home.orion('list', '--json').expect().json()
        assert facts['n_files'] == 3 and facts['size_bytes'] == 300_012, facts
        home.orion('verify', 'acme/cut').expect()
        home.orion('rm', 'acme/cut').expect()
        assert not os.path.exists(os.path.join(home.models, 'acme'))


@tap.case('a gated repository: the sentence has the page to go to')
def gated():
    with cli.Home() as home:
        hub = with_hub(home, '--gate', 'acme/small', '--token', 'hf_good')
        home.orion('pull', REF).expect(code=1, err=f'{hub.url}/acme/small')
        home.orion('pull', REF, HF_TOKEN='hf_good').expect()


# ---- after -------------------------------------------------------------------


@tap.case('verify: all models without REF')
def verify_all():
    with cli.Home() as home:
        with_hub(home)
        path = home.orion('pull', REF).expect().out.rstrip('\n')
        home.orion('pull', 'acme/small/llama-gqa.gguf').expect()
        home.put(cli.SMALL, 'me/dropped.gguf')
        home.orion('verify').expect(err='is intact')
        flip(path, 5000)
        results = home.orion('verify', '--json').expect(code=5).json()['intact']
        assert results == {REF: False, 'acme/small/llama-gqa.gguf': True}, results


@tap.case('verify --repair: what was damaged is fetched again')
def repair():
    with cli.Home() as home:
        hub = with_hub(home)
        path = home.orion('pull', REF).expect().out.rstrip('\n')
        sent = hub.bytes_sent()
        home.orion('verify', '--repair', REF).expect(err='is intact')
        assert hub.bytes_sent() == sent
        flip(path, 5000)
        home.orion('verify', '--repair', '--offline', REF).expect(code=6)
        home.orion('verify', '--repair', REF).expect(err='is intact again')
        assert filecmp.cmp(path, cli.SMALL, shallow=False) and hub.bytes_sent() > sent
        home.orion('verify', REF).expect()


@tap.case('df: models, sums, what is free')
def df():
    with cli.Home() as home:
        with_hub(home)
        home.orion('pull', REF).expect()
        u = home.orion('df', '--json').expect().json()
        assert u['n_models'] == 1 and u['model_bytes'] == SIZE and u['free_bytes'] > 0, u
        assert [m['id'] for m in u['models']] == [REF]
        home.orion('df').expect(out='free')


@tap.case('rm --partials: nothing there is no mistake; a named one must be')
def rm_partials():
    with cli.Home() as home:
        home.orion('rm', '--partials').expect(err='removed 0')
        assert home.orion('rm', '--partials', '--json').expect().json()['removed_partials'] == 0
        home.orion('rm', '--partials', 'acme/small').expect(code=3)


@tap.case('import: a file, a folder, twice; the original stays')
def import_files():
    with cli.Home() as home:
        folder = os.path.join(home.path, 'others')
        os.makedirs(folder)
        for name in ('a.gguf', 'b c.gguf'):
            cli.shutil.copyfile(cli.SMALL, os.path.join(folder, name))
        path = home.orion('import', os.path.join(folder, 'a.gguf')).expect().out.rstrip('\n')
        assert filecmp.cmp(path, cli.SMALL, shallow=False)
        result = home.orion('import', '--copy', folder).expect(err='already here')
        assert result.out.count('\n') == 2, str(result)
        assert sorted(os.listdir(folder)) == ['a.gguf', 'b c.gguf']
        assert len(home.orion('list', '--json').expect().json()) == 2
        moved = os.path.join(folder, 'a.gguf')
        home.orion('import', '--move', '--as', 'me/mine/m.gguf', moved).expect()
        assert not os.path.exists(moved) and \
            os.path.exists(os.path.join(home.models, 'me/mine/m.gguf'))
        home.orion('import', os.path.join(home.path, 'none.gguf')).expect(code=3)


@tap.case('import: what the Hugging Face store holds, by name, untouched')
def import_hugging_face():
    with cli.Home() as home:
        with open(cli.SMALL, 'rb') as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        root = os.path.join(home.path, '.cache/huggingface/hub/models--acme--small')
        blob = os.path.join(root, 'blobs', digest)
        shot = os.path.join(root, 'snapshots', 'a' * 40)
        os.makedirs(os.path.dirname(blob))
        os.makedirs(shot)
        cli.shutil.copyfile(cli.SMALL, blob)
        os.symlink(f'../../blobs/{digest}', os.path.join(shot, FILE))
        found, = home.orion('import', '--json').expect().json()
        assert found['id'] == REF and found['program'] == 'Hugging Face' and not found['imported']
        home.orion('import', found['path']).expect()
        facts, = home.orion('list', '--json').expect().json()
        assert facts['id'] == REF and facts['sha256'] == digest, facts
        assert filecmp.cmp(blob, cli.SMALL, shallow=False)
        assert home.orion('import', '--json').expect().json()[0]['imported']


@tap.case('prune: lists, then deletes, what no one needs')
def prune():
    with cli.Home() as home:
        with_hub(home)
        path = home.orion('pull', REF).expect().out.rstrip('\n')
        assert home.orion('prune', '--json').expect().json() == []
        os.remove(path)
        listed, = home.orion('prune', '--dry-run', '--json').expect().json()
        assert listed['what'] == 'record without a model' and not listed['removed'], listed
        assert home.orion('prune', '--json').expect().json()[0]['removed']
        assert home.orion('prune', '--json').expect().json() == []


# ---- configuration -----------------------------------------------------------


@tap.case('config: option, environment, file, default, in this order')
def config():
    with cli.Home() as home:
        path = write_config(home, {'models': {'dir': '/file'}, 'hub': {'url': 'http://file'},
                                   'download': {'connections': 3, 'max_rate': '2M'}})
        env = {'HF_ENDPOINT': 'http://env', 'HF_TOKEN': 'hf_secret'}
        result = home.orion('config', '--json', '--connections', '5', **env).expect()
        got = {key: (v['value'], v['source']) for key, v in result.json().items()}
        assert got['models.dir'] == (home.models, 'ORION_MODELS'), got
        assert got['hub.url'] == ('http://env', 'HF_ENDPOINT')
        assert got['download.connections'] == ('5', 'option')
        assert got['download.max_rate'] == ('2M', path)
        assert got['models.max_bytes'][1] == 'default'
        assert got['hub.token'][1] == 'HF_TOKEN' and 'hf_secret' not in result.out
        home.orion('config').expect(out='download.connections')


# label, content, what the sentence must name
MISTAKES = [
    ('no JSON', '{', 'config.json'),
    ('an unknown key', {'models': {'folder': 'x'}}, "'models.folder'"),
    ('another type', {'hub': {'offline': 'yes'}}, "'hub.offline'"),
    ('too many', {'download': {'connections': 99}}, "'download.connections'"),
]


def add_mistake(label, content, sentence):
    def check():
        with cli.Home() as home:
            write_config(home, content)
            result = home.orion('list').expect(code=2, err=sentence)
            assert 'config.json' in result.err, str(result)
    tap.add_case(f'config: {label} is exit code 2, with the file and the key', check)


for mistake in MISTAKES:
    add_mistake(*mistake)


@tap.case('offline: by the file, nothing is asked')
def offline():
    with cli.Home() as home:
        hub = with_hub(home)
        write_config(home, {'hub': {'offline': True}})
        before = hub.ask('/_stats')
        for args in (('pull', REF), ('fit', REF), ('search', 'x'), ('pull', '--dry-run', REF)):
            home.orion(*args).expect(code=6)
        assert hub.ask('/_stats') == before


if __name__ == '__main__':
    tap.main()
