#!/usr/bin/env python3
"""Models on disk and from a hub: pull, list, show, path, verify, rm."""
import filecmp
import os

import cli
from cli import tap

FACTS = {'downloaded', 'file', 'id', 'in_catalogue', 'intact', 'languages', 'license', 'link',
         'link_target', 'modified_unix', 'n_files', 'name', 'partial_bytes', 'role', 'path',
         'quantization', 'record_damaged', 'repo', 'revision', 'sha256', 'size_bytes', 'status',
         'summary', 'supported', 'verified_unix'}
FILE = os.path.basename(cli.SMALL)
REF = f'acme/small/{FILE}'


def with_hub(home, *args):
    return home.start_hub('--repo', f'acme/small={cli.GOLDEN}',
                          '--repo', f'orion/orion-tiny={os.path.dirname(cli.TINY)}', *args)


@tap.case('pull: the path on standard output, the bytes on disk')
def pull():
    with cli.Home() as home:
        with_hub(home)
        result = home.orion('pull', REF).expect(err='verified')
        path = result.out.rstrip('\n')
        assert filecmp.cmp(path, cli.SMALL, shallow=False), path
        assert home.orion('path', REF).expect().out == result.out
        assert os.stat(path).st_mode & 0o077 == 0, 'others can read it'


@tap.case('pull: what is there is not fetched again')
def pull_again():
    with cli.Home() as home:
        hub = with_hub(home)
        home.orion('pull', REF).expect()
        sent = hub.bytes_sent()
        home.orion('pull', REF).expect(err='already here')
        assert hub.bytes_sent() == sent


@tap.case('pull: --json gives the facts, --quiet says nothing')
def pull_json():
    with cli.Home() as home:
        with_hub(home)
        result = home.orion('pull', '--json', '--quiet', REF).expect()
        facts = result.json()
        assert set(facts) == FACTS, sorted(set(facts) ^ FACTS)
        assert result.err == '' and facts['repo'] == 'acme/small' and len(facts['sha256']) == 64
        assert facts['size_bytes'] == os.path.getsize(cli.SMALL)


@tap.case('pull: several models; a failure does not keep the others from coming')
def pull_several():
    with cli.Home() as home:
        with_hub(home)
        result = home.orion('pull', 'acme/small/none.gguf', REF).expect(code=3)
        assert result.out.count('\n') == 1 and FILE in result.out, str(result)


@tap.case('pull: by the name in the catalogue')
def pull_catalogue():
    with cli.Home() as home:
        with_hub(home)
        path = home.orion('pull', 'orion-tiny').expect().out.rstrip('\n')
        assert filecmp.cmp(path, cli.TINY, shallow=False)
        assert home.orion('list').expect().out.splitlines()[1].split()[0] == 'orion-tiny'


@tap.case('pull: one flipped bit is exit code 5, and what was there stays')
def pull_flipped():
    with cli.Home() as home:
        hub = with_hub(home)
        hub.set_faults({'kind': 'flip', 'at': 70000})
        home.orion('pull', REF).expect(code=5)
        home.orion('path', REF).expect(code=3)
        assert home.orion('list', '--json').expect().json() == []


# label, reference, faults, exit code
REFUSALS = [
    ('no such repository', 'acme/none/x.gguf', [], 3),
    ('no such file', 'acme/small/none.gguf', [], 3),
    ('not a name', '../../etc/passwd', [], 2),
    ('a portal instead of a hub', REF, [{'kind': 'portal', 'where': 'head'}], 6),
]


def add_refusal(label, ref, faults, code):
    def check():
        with cli.Home() as home:
            with_hub(home).set_faults(*faults)
            result = home.orion('pull', ref).expect(code=code)
            assert result.out == '' and result.err.startswith('orion: pull: '), str(result)
    tap.add_case(f'pull: {label} is exit code {code}', check)


for refusal in REFUSALS:
    add_refusal(*refusal)


@tap.case('pull: offline, by option or by environment, is exit code 6 and no request')
def pull_offline():
    with cli.Home() as home:
        hub = with_hub(home)
        before = hub.ask('/_stats')
        home.orion('pull', '--offline', REF).expect(code=6)
        home.orion('pull', REF, HF_HUB_OFFLINE='1').expect(code=6)
        assert hub.ask('/_stats') == before


@tap.case('list: nothing yet')
def list_empty():
    with cli.Home() as home:
        result = home.orion('list').expect(err='no models yet')
        assert result.out == ''


@tap.case('list: a file that was dropped there, as a table and as JSON')
def list_dropped():
    with cli.Home() as home:
        path = home.put(cli.SMALL, 'me/mine/caf\u00e9.gguf')
        lines = home.orion('list').expect().out.splitlines()
        assert lines[0].split() == ['ID', 'SIZE', 'QUANT', 'MODIFIED'] and len(lines) == 2, lines
        assert 'caf\u00e9' in lines[1] and '136 kB' in lines[1], lines
        facts, = home.orion('list', '--json').expect().json()
        assert list(facts) == sorted(FACTS), list(facts)
        assert facts['path'] == path and facts['downloaded'] is True
        assert facts['status'] == 'downloaded' and facts['modified_unix'] > 0


@tap.case('list: --available has the catalogue, with status')
def list_available():
    with cli.Home() as home:
        lines = home.orion('list', '--available').expect().out.splitlines()
        assert lines[0].split() == ['ID', 'SIZE', 'QUANT', 'STATUS', 'NAME'], lines[0]
        entries = home.orion('list', '--available', '--json').expect().json()
        assert len(entries) == len(lines) - 1 and all(set(e) == FACTS for e in entries)
        assert any(e['id'] == 'phi3-mini-4k' and e['status'] == 'available' for e in entries)


@tap.case('list: a damaged name of a file does not break the output')
def list_bad_name():
    with cli.Home() as home:
        home.put(cli.SMALL, os.fsdecode(b'me/mine/bad\xff\x1b[31m.gguf'))
        assert '\x1b' not in home.orion('list').expect().out
        assert len(home.orion('list', '--json').expect().json()) == 1


@tap.case('show: the facts of a file')
def show():
    with cli.Home() as home:
        out = home.orion('show', cli.TINY).expect().out
        for label in ('architecture', 'parameters', 'quantization', 'context', 'layers', 'heads',
                      'vocabulary', 'chat template', 'KV cache', 'memory', 'tensors', 'path'):
            assert f'\n{label} ' in out or out.startswith(label), f'{label} is missing:\n{out}'
        assert 'phi3' in out


@tap.case('show: --json, with metadata and tensors when asked')
def show_json():
    with cli.Home() as home:
        brief = home.orion('show', '--json', cli.SMALL).expect().json()
        assert set(brief) == {'path', 'file', 'model'}, brief
        model = brief['model']
        assert model['architecture'] == 'phi3' and model['n_layers'] > 0
        wide = home.orion('show', '--json', '--kv-type', 'f32', cli.SMALL).expect().json()['model']
        assert model['kv_type'] == 'f16' and wide['kv_type'] == 'f32'
        assert wide['kv_bytes_per_token'] == 2 * model['kv_bytes_per_token']
        full = home.orion('show', '--json', '--metadata', '--tensors', cli.SMALL).expect().json()
        assert full['metadata']['general.architecture'] == 'phi3'
        assert len(full['tensors']) == model['n_tensors'] == \
            sum(t['count'] for t in model['tensor_types'])
        first = full['tensors'][0]
        assert set(first) == {'name', 'type', 'shape', 'bytes', 'offset'}, first


@tap.case('show, fit: what a mixture of experts consists of')
def experts():
    with cli.Home() as home:
        for verb, inside in (('show', 'model'), ('fit', None)):
            assert '\nexperts' not in home.orion(verb, cli.TINY).expect().out
            out = home.orion(verb, cli.MIXTURE).expect().out
            assert '\nexperts         5, of which a token uses 2, and with them ' in out, out
            facts = home.orion(verb, '--json', cli.MIXTURE).expect().json()
            facts = facts[inside] if inside else facts
            assert (facts['n_experts'], facts['n_experts_used']) == (5, 2), facts
            assert 0 < facts['active_bytes'] < os.path.getsize(cli.MIXTURE)


@tap.case('show: --metadata is one key a line')
def show_metadata():
    with cli.Home() as home:
        lines = home.orion('show', '--metadata', cli.TINY).expect().out.splitlines()
        assert all(' = ' in line for line in lines), lines
        assert 'general.architecture = phi3' in lines


@tap.case('show: --tensors is a table')
def show_tensors():
    with cli.Home() as home:
        lines = home.orion('show', '--tensors', cli.TINY).expect().out.splitlines()
        assert lines[0].split() == ['TENSOR', 'TYPE', 'SHAPE', 'BYTES', 'OFFSET'], lines[0]
        assert any(line.startswith('token_embd.weight ') for line in lines)


@tap.case('show: --template is the chat template as it is in the file')
def show_template():
    with cli.Home() as home:
        metadata = home.orion('show', '--json', '--metadata', cli.TINY).expect().json()['metadata']
        source = metadata['tokenizer.chat_template']
        assert '{% for message in messages %}' in source
        assert home.orion('show', '--template', cli.TINY).expect().out == source.rstrip('\n') + '\n'
        assert home.orion('show', '--json', '--template', cli.TINY).expect().json()['template'] == source
        assert home.orion('show', '--json', '--template', cli.SMALL).expect().json()['template'] is None
        home.orion('show', '--template', cli.SMALL).expect(code=3, err='no chat template')


@tap.case('show: a file that is no model says where and why')
def show_garbage():
    with cli.Home() as home:
        path = os.path.join(home.path, 'x.gguf')
        with open(path, 'wb') as file:
            file.write(b'GGUF' + b'\xff' * 100)
        home.orion('show', path).expect(code=1, err='byte')


@tap.case('verify: intact, damaged, and never recorded')
def verify():
    with cli.Home() as home:
        with_hub(home)
        path = home.orion('pull', REF).expect().out.rstrip('\n')
        home.orion('verify', REF).expect(err='is intact')
        assert home.orion('verify', '--json', REF).expect().json() == {'intact': {REF: True}}
        with open(path, 'r+b') as file:
            file.seek(1000)
            byte = file.read(1)
            file.seek(1000)
            file.write(bytes([byte[0] ^ 1]))
        home.orion('verify', REF).expect(code=5)
        home.put(cli.SMALL, 'me/mine/dropped.gguf')
        home.orion('verify', 'dropped').expect(code=1)
        home.orion('verify', 'absent').expect(code=3)


@tap.case('rm: gone, then not found, then forced')
def rm():
    with cli.Home() as home:
        path = home.put(cli.SMALL, 'me/mine/a.gguf')
        home.put(cli.SMALL, 'me/mine/b.gguf')
        home.orion('rm', 'absent', 'a').expect(code=3, err='removed a')
        assert not os.path.exists(path)
        home.orion('rm', 'a').expect(code=3)
        home.orion('rm', '-f', 'a').expect()
        assert home.orion('rm', '--json', 'b').expect().json() == {'removed': ['b']}
        assert home.orion('list', '--json').expect().json() == []


@tap.case('rm: a file outside the models directory is not touched')
def rm_outside():
    with cli.Home() as home:
        path = os.path.join(home.path, 'outside.gguf')
        cli.shutil.copyfile(cli.SMALL, path)
        result = home.orion('rm', path)
        assert result.code != 0 and os.path.exists(path), str(result)


@tap.case('path: not found says how to get it')
def path_absent():
    with cli.Home() as home:
        home.orion('path', 'phi3-mini-4k').expect(code=3, err='pull')


if __name__ == '__main__':
    tap.main()
