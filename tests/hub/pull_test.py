"""`orion pull` from end to end, against a hub on loopback that misbehaves.

Each case says what the hub does, how the command must end, and, where it
matters, how many bytes of the file may travel."""
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'cli'))

import cli  # noqa: E402  (found through the path above)
from cli import tap  # noqa: E402

SEED = int(os.environ.get('ORION_TEST_SEED') or time.time())
REF = 'acme/model/m-Q4_K_M.gguf'
SIZE = 1_500_000
ON_ITS_WAY = 150_000


def make_file(path, size=SIZE, seed=1):
    """Something that begins as a GGUF file does; the store looks no further."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(b'GGUF' + random.Random(seed).randbytes(size - 4))
    return path


class House(cli.Home):
    """A home, a hub's folder with one model in it, and the hub."""

    def __init__(self, *args, size=SIZE, hub_env=None):
        self.args, self.size, self.hub_env = args, size, hub_env or {}

    def __enter__(self):
        super().__enter__()
        self.root = os.path.join(self.path, 'hub')
        self.source = make_file(os.path.join(self.root, REF), self.size)
        os.environ.update(self.hub_env)
        self.start_hub(self.root, *self.args)
        for name in self.hub_env:
            del os.environ[name]
        return self

    @property
    def target(self):
        return os.path.join(self.models, REF)

    def same(self):
        with open(self.source, 'rb') as a, open(self.target, 'rb') as b:
            return a.read() == b.read()

    def stats(self):
        return json.loads(self.hub.ask('/_stats'))

    def start(self, *args, **more):
        return subprocess.Popen([cli.ORION, *args], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, env=self.environment(**more))

    def wait_for_bytes(self, n):
        """Until n bytes of the file have arrived, and so were written.

        A slow hub is ahead of what was written by no more than what is on its way."""
        deadline = time.monotonic() + cli.DEADLINE
        while time.monotonic() < deadline:
            if self.hub.bytes_sent() >= n + ON_ITS_WAY:
                return
            time.sleep(0.002)
        raise AssertionError(f'{n} bytes never arrived')

    def kill_after(self, n, ref=REF):
        """A pull that is killed when n bytes are there."""
        process = self.start('pull', ref)
        self.wait_for_bytes(n)
        process.kill()
        process.wait()

    def leftovers(self):
        """Names below the hidden folders."""
        found = []
        for folder in ('.partial', '.lock'):
            path = os.path.join(self.models, folder)
            found += os.listdir(path) if os.path.isdir(path) else []
        return found


# ---- interruptions ----------------------------------------------------------


@tap.case('20 kills at random moments: the right bytes, at little cost')
def kills():
    size, rate = 16_000_000, 4_000_000
    chance = random.Random(SEED)
    with House('--rate', str(rate), size=size) as house:
        for _ in range(20):
            process = house.start('pull', REF)
            time.sleep(chance.uniform(0, size / rate / 2 / 20))
            process.kill()
            process.wait()
        house.orion('pull', REF).expect()
        sent = house.hub.bytes_sent()
        print(f'# seed {SEED}: {sent / size:.3f} times the file was sent')
        assert house.same()
        assert sent < 1.2 * size, f'{sent} bytes were sent for {size} (seed {SEED})'
        assert house.leftovers() == [], house.leftovers()


@tap.case('a dropped connection: continued where it broke')
def dropped():
    with House('--fault', 'drop:at=400000,times=1', '--fault', 'drop:at=900000,times=1') as house:
        house.orion('pull', REF).expect()
        assert house.same() and house.hub.bytes_sent() < 1.1 * SIZE, house.stats()['bytes']


@tap.case('an expired URL: asked for again, bytes kept')
def expired():
    with House('--fault', 'drop:at=700000,times=1',
               '--fault', 'status:code=403,after=1,times=1') as house:
        house.orion('pull', REF).expect()
        requests = house.stats()['requests']
        assert house.same() and house.hub.bytes_sent() < 1.1 * SIZE
        assert sum(r['method'] == 'HEAD' for r in requests) == 2, requests


@tap.case('200 to a range: started over, and right')
def whole():
    with House('--rate', '2000000') as house:
        house.kill_after(300_000)
        house.hub.set_faults({'kind': 'whole'})
        house.hub.set_rate(0)
        house.orion('pull', REF).expect()
        assert house.same()


@tap.case('a partial file that was damaged meanwhile: found out, fetched anew')
def damaged_partial():
    with House('--rate', '2000000') as house:
        house.kill_after(300_000)
        folder = os.path.join(house.models, '.partial')
        part, = [n for n in os.listdir(folder) if n.endswith('.part')]
        with open(os.path.join(folder, part), 'r+b') as f:
            f.seek(1000)
            f.write(b'damage')
        house.hub.set_rate(0)
        house.orion('pull', REF).expect()
        assert house.same()


@tap.case('^C keeps what was fetched')
def interrupted():
    with House('--rate', '2000000') as house:
        process = house.start('pull', REF)
        house.wait_for_bytes(300_000)
        process.send_signal(signal.SIGINT)
        assert process.wait(cli.DEADLINE) == 130
        house.hub.set_rate(0)
        house.orion('pull', REF).expect()
        assert house.same() and house.hub.bytes_sent() < 1.1 * SIZE


@tap.case('a journal that claims too much, or is no JSON: nothing wrong is built on it')
def bad_journals():
    for text in ('{', '{}', '{"orion_journal": 1, "size_bytes": %d, "done": [[0, 99999999]]}' % SIZE):
        with House('--rate', '2000000') as house:
            house.kill_after(200_000)
            folder = os.path.join(house.models, '.partial')
            journal, = [n for n in os.listdir(folder) if n.endswith('.json') and n[0] != '.']
            with open(os.path.join(folder, journal), 'w') as f:
                f.write(text)
            house.hub.set_rate(0)
            house.orion('pull', REF).expect()
            assert house.same()


# ---- integrity ---------------------------------------------------------------


@tap.case('a flipped bit: exit code 5, the model that was there is untouched')
def flipped():
    with House() as house:
        house.orion('pull', REF).expect()
        with open(house.target, 'rb') as f:
            old = f.read()
        make_file(house.source, seed=2)  # a new revision
        house.hub.set_faults({'kind': 'flip', 'at': 123456})
        house.orion('pull', REF + '@main').expect(code=5)
        with open(house.target, 'rb') as f:
            assert f.read() == old
        house.orion('verify', REF).expect()
        assert house.leftovers() == [], house.leftovers()
        house.hub.set_faults()
        house.orion('pull', REF + '@main').expect()
        assert house.same()


@tap.case('a model that rotted on disk: found by verify, mended by pull')
def rotted():
    with House() as house:
        house.orion('pull', REF).expect()
        with open(house.target, 'r+b') as f:
            f.seek(777)
            f.write(b'\0\0\0\0')
        house.orion('verify', REF).expect(code=5)
        house.orion('pull', REF).expect()
        assert house.same()


@tap.case('a model that was copied, its identity changed: hashed, not fetched')
def moved():
    with House() as house:
        house.orion('pull', REF).expect()
        os.utime(house.target, (1, 1))
        before = house.stats()
        house.orion('pull', REF).expect()
        assert house.stats() == before


@tap.case('a whole file without a record: recognised, not fetched')
def adopted():
    with House() as house:
        os.makedirs(os.path.dirname(house.target))
        shutil.copy(house.source, house.target)
        house.orion('pull', REF).expect()
        assert house.hub.bytes_sent() == 0
        house.orion('verify', REF).expect()


@tap.case('a file that is no GGUF: refused, nothing left')
def no_gguf():
    with House() as house:
        with open(house.source, 'wb') as f:
            f.write(b'<html>' * 1000)
        house.orion('pull', REF).expect(code=1, err='not a GGUF')
        assert not os.path.exists(house.target) and house.leftovers() == []


@tap.case('a file kept in git: checked by its SHA-1')
def git_file():
    with House('--plain', 'small') as house:
        make_file(os.path.join(house.root, 'acme/model/small.gguf'), 5000)
        house.orion('pull', 'acme/model/small.gguf').expect()
        house.orion('verify', 'acme/model/small.gguf').expect()
        house.hub.set_faults({'kind': 'flip', 'at': 3000})
        make_file(os.path.join(house.root, 'acme/model/small2.gguf'), 5000)
        house.orion('pull', 'acme/model/small2.gguf').expect(code=5)


# ---- a hub that misbehaves: faults, exit code, a piece of the sentence --------

OK, INTEGRITY, NETWORK = 0, 5, 6
# label, faults, exit code, text on standard error
TABLE = [
    ('Content-Range begins elsewhere', [{'kind': 'crange', 'start': 1}], NETWORK, 'other bytes'),
    ('Content-Range ends past the end', [{'kind': 'crange', 'end': 9}], NETWORK, 'other bytes'),
    ('Content-Range gives another total', [{'kind': 'crange', 'total': 1}], NETWORK, 'another size'),
    ('a wrong Content-Range once', [{'kind': 'crange', 'start': 1, 'times': 1}], OK, None),
    ('the hub gives a larger size', [{'kind': 'size', 'where': 'head', 'add': 7}], NETWORK, 'size'),
    ('the hub gives a smaller size', [{'kind': 'size', 'where': 'head', 'add': -7}], NETWORK, 'size'),
    ('the hub gives no size', [{'kind': 'without', 'where': 'head', 'header': 'x-linked-size'}], OK,
     None),
    ('Content-Length is a lie', [{'kind': 'length', 'add': 50, 'times': 1}], OK, None),
    ('503 with Retry-After', [{'kind': 'status', 'code': 503, 'retry_after': 0, 'times': 2}], OK, None),
    ('429 with RateLimit',
     [{'kind': 'status', 'where': 'head', 'code': 429, 'ratelimit': '"resolvers";r=0;t=1', 'times': 1}],
     OK, None),
    ('500 at the hub, once', [{'kind': 'status', 'where': 'head', 'code': 500, 'retry_after': 0,
                               'times': 1}], OK, None),
    ('429 for ever', [{'kind': 'status', 'where': 'head', 'code': 429, 'retry_after': 0}], NETWORK,
     'slow down'),
    ('400 for data', [{'kind': 'status', 'code': 400}], NETWORK, 'status 400'),
    ('416 for data', [{'kind': 'status', 'code': 416}], NETWORK, 'refuses the address'),
    ('403 for data, for ever', [{'kind': 'status', 'code': 403}], NETWORK, 'refuses the address'),
    ('a login page instead of the hub', [{'kind': 'portal', 'where': 'head'}], NETWORK, 'log in'),
    ('a login page instead of data', [{'kind': 'portal'}], NETWORK, 'log in'),
    ('no commit', [{'kind': 'without', 'where': 'head', 'header': 'x-repo-commit'}], NETWORK,
     'X-Repo-Commit'),
    ('no hash', [{'kind': 'etag', 'where': 'head', 'value': 'none'}], NETWORK, 'no SHA-256'),
    ('a hash that is not the file\'s', [{'kind': 'etag', 'where': 'head', 'value': 'ab' * 32}],
     INTEGRITY, 'hash'),
    ('redirects in a circle', [{'kind': 'loop', 'where': 'head'}], NETWORK, 'circles'),
    ('data redirects in a circle', [{'kind': 'loop'}], NETWORK, 'circles'),
    ('compressed although asked not to', [{'kind': 'zip'}], NETWORK, 'compresses'),
    ('the ETag changes under way', [{'kind': 'drop', 'at': 500000, 'times': 1},
                                    {'kind': 'etag', 'value': '"other"', 'after': 1}], OK, None),
    ('everything, whatever the range', [{'kind': 'whole'}], OK, None),
]


def add_row(label, faults, code, text):
    def row():
        with House() as house:
            house.hub.set_faults(*faults)
            house.orion('pull', REF).expect(code=code, err=text)
            if code == OK:
                assert house.same()
            else:
                house.orion('path', REF).expect(code=3)
                assert not os.path.exists(house.target)

    tap.add_case('hub: ' + label, row)


for entry in TABLE:
    add_row(*entry)


# ---- who may have what --------------------------------------------------------


@tap.case('a gated repository: refused with the page to go to; fetched with a token')
def gated():
    with House('--token', 'secret', '--gate', 'acme/model') as house:
        result = house.orion('pull', REF)
        assert result.code not in (0, 6) and house.hub.url + '/acme/model' in result.err, str(result)
        assert 'HF_TOKEN' in result.err
        wrong = house.orion('pull', REF, HF_TOKEN='wrong')
        assert wrong.code not in (0, 6) and 'settings/tokens' in wrong.err, str(wrong)
        house.orion('pull', REF, HF_TOKEN='secret').expect()
        assert house.same()


@tap.case('the token: read from a file, sent to the hub, never to where the data is')
def token_stays():
    with House('--token', 'secret', '--private', 'acme/model') as house:
        token = os.path.join(house.path, 'token')
        with open(token, 'w') as f:
            f.write('secret\n')
        house.orion('pull', REF).expect(code=3, err='private')
        house.orion('pull', REF, HF_HOME=house.path).expect()
        house.orion('rm', REF).expect()
        house.orion('pull', 'acme/model', HF_TOKEN_PATH=token).expect()
        requests = house.stats()['requests']
        assert {r['Authorization'] for r in requests if r['role'] == 'cdn'} == {None}
        assert 'Bearer secret' in {r['Authorization'] for r in requests if r['role'] == 'hub'}
        assert all(re.fullmatch(r'orion/\d+\.\d+\.\d+', r['User-Agent']) for r in requests)
        assert all(r['Range'] for r in requests if r['role'] == 'cdn'), 'data without a range'


@tap.case('a redirect of the hub to another host is not asked for anything')
def sent_elsewhere():
    with House('--token', 'secret') as house, House() as other:
        house.hub.set_faults({'kind': 'to', 'where': 'head', 'url': other.hub.url + '/' + REF})
        house.orion('pull', REF, HF_TOKEN='secret').expect(code=6)
        house.hub.set_faults({'kind': 'to', 'where': 'api', 'url': other.hub.url + '/x'})
        house.orion('pull', 'acme/model', HF_TOKEN='secret')
        assert {r['Authorization'] for r in other.stats()['requests']} <= {None}


@tap.case('a token that could break a header is refused')
def bad_token():
    with House() as house:
        house.orion('pull', REF, HF_TOKEN='a\r\nX-Evil: 1').expect(code=2, err='token')
        assert house.stats()['requests'] == []


@tap.case('offline: no socket, whatever is asked')
def offline():
    if not shutil.which('strace'):
        raise tap.Skip('strace is not here')
    with House() as house:
        house.orion('pull', REF).expect()
        log = os.path.join(house.path, 'trace')
        for args in (['--offline', 'pull', 'acme/model:Q8_0'], ['list'], ['path', REF],
                     ['verify', REF], ['pull', REF], ['rm', REF]):
            done = subprocess.run(['strace', '-f', '-e', 'trace=socket,connect', '-o', log, cli.ORION,
                                   *args], env=house.environment(), capture_output=True,
                                  timeout=cli.DEADLINE, check=False)
            with open(log) as f:
                calls = [line for line in f if 'socket(' in line or 'connect(' in line]
            if b'PTRACE' in done.stderr or b'ptrace' in done.stderr:
                raise tap.Skip('strace may not trace here')
            assert calls == [], f'{args}: {calls}'


# ---- names --------------------------------------------------------------------


@tap.case('quantizations: the rule picks, companions are passed over')
def quantizations():
    with House() as house:
        os.remove(house.source)
        for name in ('mmproj-Q4_K_M.gguf', 'imatrix-Q4_K_M.gguf', 'a-Q6_K.gguf', 'b-q8_0.gguf',
                     'mtp-Q8_0.gguf', 'sub/c-IQ4_NL.gguf', 'README.md', '-bad-Q4_K_M.gguf'):
            make_file(os.path.join(house.root, 'acme/model', name), 2000)
        for ref, file in (('acme/model', 'b-q8_0.gguf'), ('acme/model:q6_k', 'a-Q6_K.gguf'),
                          ('acme/model:IQ4_NL', 'sub/c-IQ4_NL.gguf')):
            out = house.orion('pull', ref).expect().out
            assert out.rstrip('\n') == os.path.join(house.models, 'acme/model', file), out
        house.orion('pull', 'acme/model:Q2_K').expect(code=3, err='a-Q6_K.gguf')
        house.orion('pull', 'acme/model:Q4_NL').expect(code=3)


@tap.case('a list in pages is read to its end')
def pages():
    with House(hub_env={'HUB_PAGE': '3'}) as house:
        for i in range(10):
            make_file(os.path.join(house.root, f'acme/model/f{i}-Q2_K.gguf'), 2000)
        make_file(os.path.join(house.root, 'acme/model/z-Q5_K_M.gguf'), 2000)
        house.orion('pull', 'acme/model:Q5_K_M').expect(out='z-Q5_K_M.gguf')


@tap.case('an API that answers nonsense is a network error')
def nonsense():
    with House() as house:
        for text in ('', '{', '[]', '{"sha": 7}', '{"sha": "zz"}', '[' * 5000):
            house.hub.set_faults({'kind': 'json', 'where': 'api', 'text': text})
            house.orion('pull', 'acme/model').expect(code=6)


@tap.case('a model in pieces: all of them, or none is to be seen')
def shards():
    with House() as house:
        os.remove(house.source)
        pieces = [f'acme/model/x-Q4_K_M-0000{n}-of-00002.gguf' for n in (1, 2)]
        make_file(os.path.join(house.root, pieces[0]), 2000)
        for name in ('acme/model', pieces[0]):
            house.orion('pull', name).expect(code=3, err=os.path.basename(pieces[1]))
        make_file(os.path.join(house.root, pieces[1]), 3000)
        house.hub.set_faults({'kind': 'flip', 'at': 2500, 'file': pieces[1]})
        house.orion('pull', 'acme/model').expect(code=5)
        assert not any(os.path.exists(os.path.join(house.models, piece)) for piece in pieces)
        house.hub.set_faults()
        house.orion('pull', 'acme/model').expect()
        for piece in pieces:
            with open(os.path.join(house.root, piece), 'rb') as a, \
                    open(os.path.join(house.models, piece), 'rb') as b:
                assert a.read() == b.read()


@tap.case('a repository that was renamed is followed')
def renamed():
    with House('--rename', 'acme/old=acme/model') as house:
        house.orion('pull', 'acme/old/m-Q4_K_M.gguf').expect()
        assert os.path.exists(os.path.join(house.models, 'acme/old/m-Q4_K_M.gguf'))


@tap.case('names that climb or pretend are refused before anything is asked')
def hostile_names():
    with House() as house:
        for name in ('../../etc/x.gguf', 'acme/../x.gguf', 'acme/model/../../x.gguf', '.hidden/x',
                     'acme/.partial/x.gguf', 'acme/-rf/x.gguf', 'acme//x.gguf', 'acme/model/x.bin',
                     'acme/model:', 'acme/model@', 'acme/model:a/b', 'http://acme/model/x.gguf',
                     'acme/mo del/x.gguf', 'acme/model/x%2f.gguf', 'a' * 200 + '/b'):
            result = house.orion('pull', name)
            assert result.code in (1, 2, 3), str(result)
        assert house.stats()['requests'] == []
        assert sorted(os.listdir(house.path)) == ['hub', 'models']


# ---- the disk -----------------------------------------------------------------


@tap.case('no room for the file: said so before anything is fetched')
def full_disk():
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    with House() as house:
        done = subprocess.run([cli.ORION, 'pull', REF], env=house.environment(), preexec_fn=limit,
                              capture_output=True, timeout=cli.DEADLINE, check=False)
        assert done.returncode == 4 and b'cannot make room' in done.stderr, done
        assert house.hub.bytes_sent() == 0
        house.orion('list').expect()
        house.orion('pull', REF).expect()
        assert house.same()


@tap.case('a folder that may not be written to: a typed error, and listing works')
def read_only():
    if os.getuid() != 0:
        raise tap.Skip('needs root, to become someone else')
    with House() as house:
        house.orion('pull', REF).expect()
        os.chmod(house.path, 0o755)
        for base, folders, files in os.walk(house.models):
            os.chmod(base, 0o755)
            for file in files:
                os.chmod(os.path.join(base, file), 0o644)

        def as_nobody(*args):
            return subprocess.run([cli.ORION, *args], env=house.environment(), user=65534, group=65534,
                                  extra_groups=[], capture_output=True, timeout=cli.DEADLINE,
                                  check=False)

        try:
            listed = as_nobody('list')
        except PermissionError:
            raise tap.Skip('the build folder is not readable by others') from None
        if listed.returncode in (126, 127):
            raise tap.Skip('the build folder is not readable by others')
        assert listed.returncode == 0 and b'm-Q4_K_M' in listed.stdout, listed
        assert as_nobody('pull', REF).returncode == 0, 'it is there: nothing to write'
        make_file(os.path.join(house.root, 'acme/model/n.gguf'), 2000)
        refused = as_nobody('pull', 'acme/model/n.gguf')
        assert refused.returncode == 1 and b'cannot write' in refused.stderr, refused
        assert as_nobody('rm', REF).returncode == 1 and house.same()


@tap.case('two processes at once: one fetches, both have it')
def two_at_once():
    with House('--rate', '3000000') as house:
        first = house.start('pull', REF)
        house.wait_for_bytes(100_000)
        second = house.orion('pull', REF).expect()
        assert first.wait(cli.DEADLINE) == 0
        assert house.same() and second.out.rstrip('\n') == house.target
        assert house.hub.bytes_sent() < 1.2 * SIZE, house.stats()['bytes']
        assert house.leftovers() == []


@tap.case('a process takes over from one that was killed')
def takes_over():
    with House('--rate', '2000000') as house:
        first = house.start('pull', REF)
        house.wait_for_bytes(200_000)
        second = house.start('pull', REF)
        # The second has asked for the metadata.
        cli.until(lambda: len(house.stats()['requests']) >= 3, 'the second asked for nothing')
        first.kill()
        first.wait()
        assert second.wait(cli.DEADLINE) == 0
        assert house.same() and house.hub.bytes_sent() < 1.2 * SIZE


@tap.case('rm: the model, its record, its folders; a partial download alone too')
def removal():
    with House('--rate', '2000000') as house:
        house.kill_after(200_000)
        listed = house.orion('list', '--available', '--json').expect().json()
        assert any(e['partial_bytes'] >= 200_000 for e in listed), listed
        house.orion('rm', REF).expect()
        assert house.leftovers() == [], house.leftovers()
        house.hub.set_rate(0)
        house.orion('pull', REF).expect()
        house.orion('rm', REF).expect()
        assert sorted(os.listdir(house.models)) == ['.lock', '.partial']
        house.orion('rm', REF).expect(code=3)
        house.orion('rm', house.source).expect(code=1)
        assert os.path.exists(house.source)


@tap.case('links below the models directory lead nowhere')
def links():
    with House() as house:
        outside = os.path.join(house.path, 'outside')
        os.makedirs(outside)
        os.makedirs(house.models)
        os.symlink(outside, os.path.join(house.models, 'acme'))
        assert house.orion('pull', REF).code == 1
        assert os.listdir(outside) == []
        make_file(os.path.join(outside, 'model/x.gguf'), 100)
        assert house.orion('list', '--json').expect().json() == []


# ---- on the way to the hub ----------------------------------------------------


@tap.case('a proxy from the environment is used')
def proxy():
    with House() as house:
        house.orion('pull', '--hub', 'http://hub.invalid', REF, http_proxy=house.hub.url,
                    no_proxy='127.0.0.1').expect()
        assert house.same()
        assert house.stats()['requests'][0]['path'].startswith('http://hub.invalid/')


@tap.case('a hub that is not there: said so within seconds')
def unreachable():
    with House() as house:
        url = house.hub.url
        house.hub.stop()
        house.hub = None
        house.orion('pull', '--hub', url, REF).expect(code=6, err='cannot reach')


@tap.case('TLS: trusted only with the certificate, never given up for plain HTTP')
def tls():
    if not shutil.which('openssl'):
        raise tap.Skip('openssl is not here')
    with cli.Home() as keys:
        pem = os.path.join(keys.path, 'hub.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
                        '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1',
                        '-keyout', pem, '-out', pem + '.crt'], check=True, capture_output=True)
        with open(pem, 'a') as f, open(pem + '.crt') as crt:
            f.write(crt.read())

        def pull(house, **more):
            # The control requests of cli.Hub are not for TLS; none are made here.
            return house.orion('pull', '--hub', house.hub.url.replace('http:', 'https:'), REF, **more)

        with House('--tls', pem) as house:
            pull(house).expect(code=6, err='SSL_CERT_FILE')
            pull(house, SSL_CERT_FILE=pem + '.crt').expect()
            assert house.same()
        with House('--tls', pem, '--plain-cdn') as house:
            pull(house, SSL_CERT_FILE=pem + '.crt').expect(code=6, err='without encryption')


if __name__ == '__main__':
    tap.main()
