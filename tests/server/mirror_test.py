#!/usr/bin/env python3
"""The mirror: the hub's own routes over the models on this disk."""
import contextlib
import hashlib
import os
import random
import re
import subprocess
import urllib.parse

import world
from world import cli, tap

REPO = 'acme/tiny'
FILES = ('a-Q4_K_M.gguf', 'a-Q8_0.gguf', 'sub/b-F16.gguf', 'sub/deep/c-F16.gguf')
SIZE = 300_000
BIG = 48_000_000
TOKEN = 'a-token-of-more-than-thirty-two-characters'


def make_file(path, size, seed):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(b'GGUF' + random.Random(seed).randbytes(size - 4))


def read(path):
    with open(path, 'rb') as f:
        return f.read()


class Mirror(world.Server):
    """A server whose models were pulled from a hub, as they are in life."""

    def __init__(self, *args, files=FILES, size=SIZE, repo=REPO, **more):
        super().__init__('--mirror', *args, models=(), **more)
        self.files, self.size, self.repo = files, size, repo

    def furnish(self):
        self.root = os.path.join(self.home.path, 'hub')
        for seed, file in enumerate(self.files):
            make_file(os.path.join(self.root, self.repo, file), self.size, seed)
        self.home.start_hub(self.root)
        for file in self.files:
            self.home.orion('pull', f'{self.repo}/{file}').expect()

    def bytes_of(self, file, repo=None):
        return read(os.path.join(self.root, repo or self.repo, file))

    def sha256_of(self, file):
        return hashlib.sha256(self.bytes_of(file)).hexdigest()

    def api(self, rest, repo=None):
        reply = self.get(f'/api/models/{repo or self.repo}{rest}')
        assert reply.code == 200, reply
        return reply.json()

    def commit(self):
        return self.api('/revision/main')['sha']


@contextlib.contextmanager
def other_machine(server, **more):
    """A home without models, whose hub is the mirror."""
    with cli.Home() as home:
        environment = home.environment
        home.environment = lambda **env: environment(**{'HF_ENDPOINT': server.url, **more, **env})
        yield home


@tap.case('off unless it is asked for')
def off():
    with world.Server() as server:
        for path in '/api/models', '/api/models/a/b', '/a/b/resolve/main/c.gguf':
            assert server.get(path).code == 404, path


@tap.case('a file: its bytes, and what clients look at')
def a_file():
    with Mirror() as server:
        path, sha = f'/{REPO}/resolve/main/{FILES[0]}', server.sha256_of(FILES[0])
        got, head = server.get(path), server.ask('HEAD', path)
        assert got.code == head.code == 200 and head.body == b'', (got.code, head)
        assert got.body == server.bytes_of(FILES[0])
        for reply in got, head:
            wanted = {'ETag': f'"{sha}"', 'X-Linked-Etag': f'"{sha}"', 'X-Linked-Size': str(SIZE),
                      'Content-Length': str(SIZE), 'Accept-Ranges': 'bytes',
                      'X-Repo-Commit': server.commit()}
            assert wanted.items() <= reply.headers.items(), reply.headers
        assert re.fullmatch('[0-9a-f]{40}', server.commit())
        for revision in server.commit(), 'HEAD':
            assert server.get(f'/{REPO}/resolve/{revision}/{FILES[0]}').body == got.body
        assert server.get(f'/{REPO}/resolve/main/{FILES[2]}').body == server.bytes_of(FILES[2])
        pointer = server.get(f'/{REPO}/raw/main/{FILES[0]}').body.decode()
        assert pointer.splitlines()[1:] == [f'oid sha256:{sha}', f'size {SIZE}'], pointer
        facts = server.api('/tree/main')
        assert facts[0]['lfs']['pointerSize'] == len(pointer), facts


END = SIZE - 1
RANGES = [  # what is asked for, further headers, code, first and last byte
    ('bytes=0-0', {}, 206, (0, 0)),
    ('bytes=0-99', {}, 206, (0, 99)),
    ('bytes=100-', {}, 206, (100, END)),
    ('bytes=-100', {}, 206, (SIZE - 100, END)),
    (f'bytes={END}-{END + 1000}', {}, 206, (END, END)),
    (f'bytes=-{SIZE * 2}', {}, 206, (0, END)),
    ('bytes=5-4', {}, 200, (0, END)),
    ('bytes=1-2,5-6', {}, 200, (0, END)),
    ('bites=1-2', {}, 200, (0, END)),
    ('bytes=99999999999999999999-', {}, None, None),
    (f'bytes={SIZE}-', {}, 416, None),
    ('bytes=-0', {}, 416, None),
    ('bytes=10-19', {'If-Range': 'ETAG'}, 206, (10, 19)),
    ('bytes=10-19', {'If-Range': '"another"'}, 200, (0, END)),
    ('bytes=10-19', {'If-Range': 'W/ETAG'}, 200, (0, END)),
    (None, {'If-None-Match': 'ETAG'}, 304, None),
    (None, {'If-None-Match': '"another"'}, 200, (0, END)),
]


@tap.case('ranges, and conditions on them')
def ranges():
    with Mirror(files=FILES[:1]) as server:
        path, whole = f'/{REPO}/resolve/main/{FILES[0]}', server.bytes_of(FILES[0])
        etag = server.ask('HEAD', path).headers['ETag']
        for asked, conditions, code, span in RANGES:
            headers = {k: v.replace('ETAG', etag) for k, v in conditions.items()}
            if asked:
                headers['Range'] = asked
            reply = server.get(path, **headers)
            label = (asked, conditions, reply.code, reply.headers)
            if code is None:  # a number that no file has: any refusal, or all of it
                assert reply.code in (200, 416), label
                continue
            assert reply.code == code, label
            if span:
                first, last = span
                assert reply.body == whole[first:last + 1], label
            if code == 206:
                assert reply.headers['Content-Range'] == f'bytes {first}-{last}/{SIZE}', label
            if code == 416:
                assert reply.headers['Content-Range'] == f'bytes */{SIZE}', label


def pages(server, limit):
    """What the tree is, by pages of so many entries."""
    found, url = [], f'/api/models/{REPO}/tree/main?recursive=true&limit={limit}'
    while url:
        reply = server.get(url)
        assert 0 < len(reply.json()) <= limit, reply
        found += [(e['type'], e['path']) for e in reply.json()]
        link = re.fullmatch('<(.*)>; rel="next"', reply.headers.get('Link', ''))
        assert not link or link[1].startswith(server.url + '/'), reply.headers
        url = link and link[1][len(server.url):]
    return found


@tap.case('the tree: by folder, recursively, and by pages')
def tree():
    with Mirror() as server:
        def paths(rest):
            return [(e['type'], e['path']) for e in server.api(rest)]
        assert paths('/tree/main') == [('file', FILES[0]), ('file', FILES[1]), ('directory', 'sub')]
        assert paths('/tree/main/sub') == [('file', FILES[2]), ('directory', 'sub/deep')]
        everything = [('file', FILES[0]), ('file', FILES[1]), ('directory', 'sub'),
                      ('file', FILES[2]), ('directory', 'sub/deep'), ('file', FILES[3])]
        assert paths('/tree/main?recursive=true') == everything
        assert paths('/tree/main/sub?recursive=true') == everything[3:]
        for entry in server.api(f'/tree/{server.commit()}?recursive=true'):
            if entry['type'] == 'file':
                assert entry['size'] == entry['lfs']['size'] == SIZE, entry
                assert entry['lfs']['oid'] == server.sha256_of(entry['path']), entry

        for limit in 1, 2, 5, 6:
            assert pages(server, limit) == everything, limit

        reply = server.post(f'/api/models/{REPO}/paths-info/main',
                            {'paths': [FILES[2], 'none.gguf', 7], 'expand': True})
        assert [e['path'] for e in reply.json()] == [FILES[2]], reply
        assert reply.json()[0]['lastCommit']['id'] == server.commit(), reply


MISSING = [  # path, code, X-Error-Code
    ('/acme/none/resolve/main/x.gguf', 'RepoNotFound'),
    ('/api/models/acme/none', 'RepoNotFound'),
    ('/api/models/acme/none/tree/main', 'RepoNotFound'),
    (f'/api/models/{"x" * 300}/tiny', 'RepoNotFound'),
    (f'/{REPO}/resolve/other/{FILES[0]}', 'RevisionNotFound'),
    (f'/{REPO}/resolve/{"0" * 40}/{FILES[0]}', 'RevisionNotFound'),
    (f'/api/models/{REPO}/revision/other', 'RevisionNotFound'),
    (f'/{REPO}/resolve/main/none.gguf', 'EntryNotFound'),
    (f'/{REPO}/resolve/main/sub', 'EntryNotFound'),
    (f'/{REPO}/raw/main/none.gguf', 'EntryNotFound'),
    (f'/api/models/{REPO}/tree/main/none', 'EntryNotFound'),
]

NO_NAMES = [  # that may lead nowhere
    f'/{REPO}/resolve/main/../../other/x.gguf', f'/{REPO}/resolve/main/%2e%2e/%2e%2e/x.gguf',
    f'/{REPO}/resolve/main/%2fetc%2fpasswd', f'/{REPO}/resolve/main//etc/passwd',
    f'/{REPO}/resolve/main/.{FILES[0]}.json', '/../resolve/main/x.gguf',
    f'/acme/%2e%2e/resolve/main/tiny/{FILES[0]}', f'/{REPO}/resolve/main/{FILES[0]}%00.txt',
]


@tap.case('what is not here is said in the words that clients look for')
def missing():
    with Mirror() as server:
        for path, error in MISSING:
            reply = server.get(path)
            assert reply.code == 404 and reply.headers.get('X-Error-Code') == error, (path, reply)
            assert reply.json()['error'], reply
        for path in NO_NAMES:
            assert server.get(path).code in (400, 404), path
        for method in 'POST', 'PUT', 'DELETE', 'PATCH':
            reply = server.ask(method, f'/{REPO}/resolve/main/{FILES[0]}')
            assert reply.code in (404, 405), (method, reply)
        assert server.get(f'/{REPO}/resolve/main/{FILES[0]}').code == 200


@tap.case('only files that are what their record says')
def only_known():
    with Mirror() as server:
        first = server.commit()
        server.home.put(os.path.join(server.root, REPO, FILES[0]), REPO + '/dropped.gguf')
        assert server.commit() == first
        with open(os.path.join(server.home.models, REPO, FILES[0]), 'ab') as f:
            f.write(b'more')
        names = [s['rfilename'] for s in server.api('')['siblings']]
        assert names == list(FILES[1:]), names
        assert server.get(f'/{REPO}/resolve/main/{FILES[0]}').code == 404
        assert server.get(f'/{REPO}/resolve/main/dropped.gguf').code == 404


@tap.case('a commit is the publisher\'s, or follows from the files')
def commits():
    with Mirror(files=FILES[:1]) as server:
        theirs = server.commit()
        assert not theirs.startswith('0' * 24), theirs
        # The hub's repository changes, and another file is pulled from it.
        make_file(os.path.join(server.root, REPO, FILES[1]), SIZE, 7)
        server.home.orion('pull', f'{REPO}/{FILES[1]}').expect()
        mixed = server.commit()
        assert mixed.startswith('0' * 24) and mixed != theirs, mixed
        assert server.commit() == mixed
        assert [s['rfilename'] for s in server.api('/revision/' + theirs)['siblings']] == [FILES[0]]
        assert server.get(f'/{REPO}/resolve/{theirs}/{FILES[0]}').headers['X-Repo-Commit'] == theirs
        assert server.get(f'/{REPO}/resolve/{theirs}/{FILES[1]}').code == 404
        assert server.get(f'/{REPO}/resolve/{mixed}/{FILES[1]}').headers['X-Repo-Commit'] == mixed
        refs = server.api('/refs')
        assert refs['branches'][0]['name'] == 'main', refs
        assert refs['branches'][0]['targetCommit'] == mixed, refs
        # An import has no publisher; what it is called does not change while it is the same.
        server.home.orion('import', cli.SMALL, '--as', 'local/imported/s.gguf').expect()
        made_up = server.api('', 'local/imported')['sha']
        assert made_up.startswith('0' * 24) and int(made_up, 16), made_up
        server.stop()
        with Mirror(home=server.home) as again:
            assert again.api('', 'local/imported')['sha'] == made_up
            assert again.commit() == mixed


@tap.case('search finds by words and by owner; facts tell of the header')
def search():
    with Mirror(files=FILES[:2]) as server:
        server.home.orion('import', cli.SMALL, '--as', 'other/Phi-Small/s.gguf').expect()

        def found(**query):
            reply = server.get('/api/models?' + urllib.parse.urlencode(query))
            assert reply.code == 200, reply
            return [hit['id'] for hit in reply.json()]
        assert found() == [REPO, 'other/Phi-Small']
        assert found(search='phi small') == ['other/Phi-Small']
        assert found(search='phi none') == []
        assert found(author='ACME') == [REPO]
        assert found(limit='1') == [REPO]
        gguf = server.api('', 'other/Phi-Small')['gguf']
        assert gguf['architecture'] == 'phi3' and gguf['total'] > 0, gguf
        with other_machine(server) as home:
            home.orion('search', 'phi').expect(out='other/Phi-Small')


@tap.case('orion pull fetches from it, over several connections, and gives it on')
def pull():
    with Mirror('--metrics', files=FILES[:2], size=BIG) as server, other_machine(server) as home:
        home.orion('pull', f'{REPO}:Q8_0').expect(err='verified')
        path = os.path.join(home.models, REPO, FILES[1])
        assert read(path) == server.bytes_of(FILES[1])
        home.orion('verify', f'{REPO}/{FILES[1]}').expect()
        facts = home.orion('list', '--json').expect().json()
        assert [m['revision'] for m in facts if m['file'] == FILES[1]] == [server.commit()], facts
        sent = re.search(r'code="2xx"} (\d+)', server.get('/metrics').body.decode())
        assert int(sent[1]) > 5, sent[0]  # three questions, and more than two ranges
        with world.Server('--mirror', home=home) as second, other_machine(second) as third:
            third.orion('pull', f'{REPO}/{FILES[1]}').expect()
            assert read(os.path.join(third.models, REPO, FILES[1])) == read(path)


def partial_bytes(home):
    models = home.orion('list', '--available', '--json').expect().json()
    return sum(m['partial_bytes'] or 0 for m in models)


@tap.case('a pull that is killed goes on where it was')
def resume():
    slow = {'ORION_LIMIT_RATE': '8M'}
    with Mirror(files=FILES[:1], size=BIG) as server, other_machine(server) as home:
        process = subprocess.Popen([cli.ORION, 'pull', f'{REPO}/{FILES[0]}'],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=home.environment(**slow))
        cli.until(lambda: partial_bytes(home) >= BIG // 8, 'a part of it never came')
        process.kill()
        process.wait()
        kept = partial_bytes(home)
        assert BIG // 8 <= kept < BIG, kept
        home.orion('pull', f'{REPO}/{FILES[0]}').expect(err='verified')
        assert read(os.path.join(home.models, REPO, FILES[0])) == server.bytes_of(FILES[0])


@tap.case('a model in several files')
def shards():
    pieces = tuple(f'm-Q4_K_M-0000{n}-of-00003.gguf' for n in (1, 2, 3))
    with Mirror(files=()) as server:
        for seed, piece in enumerate(pieces):
            make_file(os.path.join(server.root, REPO, piece), SIZE, seed)
        server.home.orion('pull', REPO + ':Q4_K_M').expect()
        with other_machine(server) as home:
            home.orion('pull', REPO + ':Q4_K_M').expect()
            for piece in pieces:
                assert read(os.path.join(home.models, REPO, piece)) == server.bytes_of(piece)


@tap.case('clients that take nothing hold nobody up')
def slow_clients():
    ask = f'GET /{REPO}/resolve/main/{FILES[0]} HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n'
    with Mirror(files=FILES[:1], size=BIG) as server, contextlib.ExitStack() as stack:
        for _ in range(50):
            sock = stack.enter_context(server.connect())
            sock.sendall((ask % server.port).encode())
            assert sock.recv(12) == b'HTTP/1.1 200', 'no answer'
        before = server.resident_bytes()
        reply = server.get(f'/{REPO}/resolve/main/{FILES[0]}')
        assert reply.body == server.bytes_of(FILES[0])
        assert server.resident_bytes() - before < 16 << 20


@tap.case('a model that is deleted while it is sent: the transfer ends well')
def deleted():
    with Mirror(files=FILES[:1], size=BIG) as server:
        with server.open('GET', f'/{REPO}/resolve/main/{FILES[0]}') as reply:
            first = reply.read(1000)
            server.home.orion('rm', f'{REPO}/{FILES[0]}').expect()
            assert first + reply.read() == server.bytes_of(FILES[0])
        assert server.get(f'/{REPO}/resolve/main/{FILES[0]}').code == 404


@tap.case('with a token, only who has it')
def token():
    with Mirror(files=FILES[:1], token=TOKEN) as server:
        path = f'/{REPO}/resolve/main/{FILES[0]}'
        assert server.get(path).code == 200
        assert server.ask('GET', path, headers={'Authorization': 'Bearer wrong'}).code == 401
        with other_machine(server) as home:
            assert home.orion('pull', f'{REPO}/{FILES[0]}').code != 0
            home.orion('pull', f'{REPO}/{FILES[0]}', HF_TOKEN=TOKEN).expect()


@tap.case('our own routes win over repositories that are called like them')
def collisions():
    with Mirror(files=FILES[:1], repo='orion/v1') as server:
        reply = server.get(f'/orion/v1/resolve/main/{FILES[0]}')
        assert reply.code == 200 and reply.body == server.bytes_of(FILES[0]), reply
        assert server.get('/health').json()['status'] == 'ok'
        assert server.get('/api/tags').code == 200


@tap.case("@huggingface/hub of npm lists it, downloads from it, and resumes")
def npm():
    with Mirror(size=BIG // 16) as server:
        cache = os.path.join(server.home.path, 'hf-cache')
        saw = world.peer('mirror.mjs', server.url, REPO, FILES[0], cache)
        sha = {file: server.sha256_of(file) for file in FILES}
        whole = {'size': BIG // 16, 'sha256': sha[FILES[0]]}
        assert saw['models'] == [REPO], saw
        assert saw['info']['sha'] == server.commit(), saw
        assert saw['info']['filePaths'] == list(FILES), saw
        assert {e['path']: e['lfs']['oid'] for e in saw['files'] if e['type'] == 'file'} == sha, saw
        assert saw['paths'][0]['lfs']['oid'] == sha[FILES[0]], saw
        assert saw['exists'] is True and saw['absent'] == [False, None, 404], saw
        assert saw['download'] == {**whole, 'etag': f'"{sha[FILES[0]]}"'}, saw
        resumed_at = saw['resumed'].pop('resumedAt')
        assert saw['resumed'] == whole and BIG // 48 <= resumed_at < BIG // 16, saw
        assert saw['snapshot'] == {'commit': server.commit(), 'files': sha}, saw


if __name__ == '__main__':
    tap.main()
