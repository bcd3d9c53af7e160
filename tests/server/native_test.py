#!/usr/bin/env python3
"""/orion/v1 from outside: docs/api.md is what must hold."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.parse

import world
from world import cli, tap

SMALL = 'phi3-window.gguf'
SMALL_REF = 'acme/small/' + SMALL
SLOW = 200_000  # bytes a second for each connection: the tiny model takes a while
HUB = ('--repo', f'acme/small={cli.GOLDEN}',
       '--repo', f'orion/orion-tiny={os.path.dirname(cli.TINY)}')


@contextlib.contextmanager
def place(*hub_args, tiny=False):
    """A home with a hub; with `tiny` the tiny model is there already."""
    with cli.Home() as home:
        home.start_hub(*HUB, *hub_args)
        if tiny:
            home.put(cli.TINY, world.TINY_FILE)
        yield home


@contextlib.contextmanager
def served(*args, hub=(), tiny=False, **more):
    with place(*hub, tiny=tiny) as home, world.Server(*args, home=home, **more) as server:
        yield server


def get(server, path, code=200, **query):
    if query:
        path += '?' + urllib.parse.urlencode(query)
    reply = server.get('/orion/v1/' + path)
    assert reply.code == code, reply
    return reply.json()


def post(server, path, body=None, code=200):
    reply = server.ask('POST', '/orion/v1/' + path, body, {'Content-Type': 'application/json'})
    assert reply.code == code, reply
    return reply.json()


def delete(server, path, code=204):
    reply = server.ask('DELETE', '/orion/v1/' + path)
    assert reply.code == code, reply
    return reply.json() if reply.body else None


def start(server, model, kind='download', code=202):
    return post(server, 'jobs', {'kind': kind, 'model': model}, code)


def model(server, id_):
    return next(m for m in get(server, 'models')['models'] if m['id'] == id_)


class Events:
    """One listener."""

    def __init__(self, server):
        self.reply = server.open('GET', '/orion/v1/events')
        assert self.reply.status == 200
        assert self.reply.headers['Content-Type'] == 'text/event-stream'

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reply.close()

    def next(self):
        """(event, data); None at the end of the stream."""
        event, give_up = None, time.monotonic() + cli.DEADLINE
        while True:
            assert time.monotonic() < give_up, 'nothing came but signs of life'
            line = self.reply.readline().decode()
            if not line:
                return None
            if line.startswith('event: '):
                event = line[7:].strip()
            if line.startswith('data: '):
                return event, json.loads(line[6:])

    def until(self, event, true_of=lambda _: True):
        while True:
            got = self.next()
            assert got, f'the stream ended before {event}'
            if got[0] == event and true_of(got[1]):
                return got[1]

    def until_all(self, **wanted):
        """Each of the events with what is true of it, in whatever order."""
        while wanted:
            got = self.next()
            assert got, f'the stream ended before {wanted.keys()}'
            if got[0] in wanted and wanted[got[0]](got[1]):
                del wanted[got[0]]

    def job(self, id_, **wanted):
        return self.until('job', lambda job: job['id'] == id_ and
                          all(job[key] == value for key, value in wanted.items()))

    def progress(self, id_, more_than):
        """The job still running, with more than so many bytes."""
        job = self.until('job', lambda job: job['id'] == id_ and job['done_bytes'] > more_than)
        assert job['stage'] == 'running', job
        return job


# ---- what is there ----

@tap.case('server: what it is and what it may do')
def server_facts():
    with served('--ctx', '512', '--keep-alive', '-1', tiny=True) as server:
        facts = get(server, 'server')
        assert facts['hub'] == server.home.hub.url and facts['offline'] is False, facts
        assert facts['context_tokens'] == 512 and facts['keep_alive_seconds'] is None, facts
        assert (facts['kv_type'], facts['sequences'], facts['mirror']) == ('f16', 4, False), facts
        assert facts['keeps_downloads'] is True and facts['threads'] >= 1, facts
        assert facts['memory']['total_bytes'] >= facts['memory']['available_bytes'] > 0, facts
        assert facts['cpu']['tier'] and facts['cpu']['cores'] >= 1, facts


@tap.case('models: the catalogue and what is on disk, each with its state')
def models():
    with place() as home:
        home.orion('pull', SMALL_REF).expect()
        home.put(cli.TINY, world.TINY_FILE)
        with world.Server(home=home) as server:
            listed = get(server, 'models')['models']
            assert listed[0]['id'] == 'phi3-mini-4k', listed[0]
            far = listed[0]
            assert far['languages'] == ['en', 'es', 'fr', 'de', 'it'] and far['license'] == 'MIT'
            assert far['supported'] is True and far['downloaded'] is False, far
            assert far['verified'] is far['sha256'] is far['modified_unix'] is None, far
            assert far['fit']['exact'] is False and far['fit']['memory_bytes'] > 3e9, far
            dropped = model(server, 'orion-tiny')
            assert dropped['downloaded'] and dropped['verified'] == 'unknown', dropped
            assert dropped['fit']['exact'] is True and dropped['fit']['verdict'] == 'fits', dropped
            assert (dropped['fit']['sequences'], far['fit']['sequences']) == (4, 1), dropped
            assert dropped['size_bytes'] == os.path.getsize(cli.TINY), dropped
            pulled = model(server, SMALL_REF)
            assert pulled['verified'] == 'intact' and pulled['verified_unix'] > 0, pulled
            assert (pulled['repo'], pulled['file']) == ('acme/small', SMALL), pulled
            assert len(pulled['sha256']) == 64 and len(pulled['revision']) == 40, pulled
            assert pulled['in_catalogue'] is False and pulled['supported'] is None, pulled
            os.utime(os.path.join(home.models, SMALL_REF), (1, 1))
            assert model(server, SMALL_REF)['verified'] == 'changed'
            here = get(server, 'models', downloaded='true')['models']
            assert {m['id'] for m in here} == {'orion-tiny', SMALL_REF}, here


@tap.case('one model: by any of its names, with what its file says')
def one_model():
    with served(tiny=True) as server:
        for name in ('orion-tiny', 'Orion-Tiny', 'orion/orion-tiny',
                     'orion/orion-tiny/orion-tiny.gguf', 'orion-tiny.gguf'):
            facts = get(server, 'models/' + name)
            assert facts['id'] == 'orion-tiny', (name, facts)
        info = facts['info']
        assert info['runs'] is True and info['architecture'] == 'phi3', info
        assert info['chat_template'] and info['context_tokens'] == 1024, info
        keys = {entry['key']: entry for entry in info['metadata']}
        assert keys['general.architecture'] == {'key': 'general.architecture', 'value': 'phi3',
                                                'cut': False}
        assert get(server, 'models/phi3-mini')['info'] is None
        for absent in ('none', 'acme/none', 'acme/none/x.gguf', '%2Fetc%2Fpasswd', 'a%20b'):
            assert get(server, 'models/' + absent, 404)['error']['status'] == 'not_found'


@tap.case('a path is no name, whether or not something is there')
def no_paths():
    with served(tiny=True) as server:
        outside = os.path.join(server.home.path, 'outside.gguf')
        shutil.copyfile(cli.TINY, outside)
        gone = outside.replace('outside', 'nothing')
        for ask in (lambda name: server.get('/orion/v1/fit?model=' + name),
                    lambda name: server.get('/orion/v1/plan?model=' + name),
                    lambda name: server.get('/orion/v1/models/' + name),
                    lambda name: server.ask('DELETE', '/orion/v1/models/' + name),
                    lambda name: server.post('/orion/v1/jobs', {'kind': 'verify', 'model': name}),
                    lambda name: server.post('/orion/v1/loaded', {'model': name})):
            there, absent = ask(outside), ask(gone)
            assert there.code == absent.code and there.code in (400, 404), there
            assert there.body.replace(b'outside', b'nothing') == absent.body, (there, absent)
        assert os.path.exists(outside)


@tap.case('delete: the file goes, and what is in memory with it')
def delete_model():
    with served(tiny=True) as server:
        with Events(server) as events:
            post(server, 'loaded', {'model': 'orion-tiny'})
            delete(server, 'models/orion-tiny')
            events.until_all(models=lambda _: True, loaded=lambda data: data['loaded'] == [])
        assert model(server, 'orion-tiny')['downloaded'] is False
        assert not os.path.exists(os.path.join(server.home.models, world.TINY_FILE))
        error = delete(server, 'models/orion-tiny', 404)['error']
        assert error['status'] == 'not_found' and 'not downloaded' in error['message'], error


# ---- before a download ----

@tap.case('fit, plan, search and the models of a repository')
def questions():
    with served() as server:
        fit = get(server, 'fit', model=SMALL_REF, context_tokens=64, kv_type='f32')
        assert fit['local'] is False and fit['runs'] is True and fit['verdict'] == 'fits', fit
        assert fit['context_tokens'] == 64 and fit['memory_bytes'] > fit['kv_bytes'] > 0, fit
        one = server.home.orion('fit', '--json', '--ctx', '64', '--kv-type', 'f32',
                                SMALL_REF).expect().json()
        assert fit.keys() == one.keys() and fit['kv_type'] == one['kv_type'] == 'f32', (fit, one)
        assert fit['sequences'] == 4 and fit['kv_bytes'] == 4 * one['kv_bytes'], (fit, one)
        assert fit['download_bytes'] == fit['file_bytes'] > 0, fit
        vectors = get(server, 'fit', model='acme/small/embed-bert.gguf')
        assert vectors['embeds'] is True and vectors['sequences'] == 1, vectors
        assert fit['embeds'] is False and fit['n_experts'] is None, fit
        plan = get(server, 'plan', model=SMALL_REF)
        assert plan['fits'] is True and plan['repo'] == 'acme/small', plan
        assert plan['transfer_bytes'] == plan['size_bytes'] == plan['files'][0]['size_bytes'], plan
        assert plan['quota_left_bytes'] is None and len(plan['revision']) == 40, plan
        hits = get(server, 'search', words='tiny')['hits']
        assert [hit['repo'] for hit in hits] == ['orion/orion-tiny'], hits
        offers = get(server, 'repository', repo='acme/small')
        assert offers['repo'] == 'acme/small' and len(offers['revision']) == 40, offers
        names = [offer['file'] for offer in offers['models']]
        assert names == sorted(f for f in os.listdir(cli.GOLDEN) if f.endswith('.gguf')), names
        assert sum(offer['default'] for offer in offers['models']) == 1, offers
        assert not any(offer['downloaded'] for offer in offers['models']), offers
        job = start(server, offers['models'][0]['id'])
        with Events(server) as events:
            if get(server, f'jobs/{job["id"]}')['stage'] != 'done':
                events.job(job['id'], stage='done')
        assert get(server, 'repository', repo='acme/small')['models'][0]['downloaded'] is True
        assert get(server, 'repository', 404, repo='acme/none')['error']['field'] == 'repo'


# ---- errors ----

ERRORS = [
    # method, path, body, code, status, field
    ('GET', 'models?downloaded=yes', None, 400, 'argument', 'downloaded'),
    ('GET', 'models?limit=3', None, 400, 'argument', 'limit'),
    ('GET', 'models?downloaded=true&downloaded=true', None, 400, 'argument', 'downloaded'),
    ('GET', 'server?x=1', None, 400, 'argument', 'x'),
    ('GET', 'fit', None, 400, 'argument', 'model'),
    ('GET', 'fit?model=phi3-mini&context_tokens=0', None, 400, 'argument', 'context_tokens'),
    ('GET', 'fit?model=phi3-mini&context_tokens=many', None, 400, 'argument', 'context_tokens'),
    ('GET', 'fit?model=orion-tiny&context_tokens=9999', None, 400, 'argument', 'context_tokens'),
    ('GET', 'fit?model=orion-tiny&kv_type=q4', None, 400, 'argument', 'kv_type'),
    ('GET', 'fit?model=nothing', None, 404, 'not_found', 'model'),
    ('GET', 'fit?model=a/b/c/../d.gguf', None, 400, 'name', 'model'),
    ('GET', 'plan', None, 400, 'argument', 'model'),
    ('GET', 'plan?model=acme/none', None, 404, 'not_found', 'model'),
    ('GET', 'search', None, 400, 'argument', 'words'),
    ('GET', 'search?words=x&limit=0', None, 400, 'argument', 'limit'),
    ('GET', 'search?words=x&limit=101', None, 400, 'argument', 'limit'),
    ('GET', 'repository?repo=acme', None, 400, 'name', 'repo'),
    ('GET', 'repository?repo=acme/small/x.gguf', None, 400, 'name', 'repo'),
    ('POST', 'jobs', {}, 400, 'argument', 'model'),
    ('POST', 'jobs', {'model': 7}, 400, 'argument', 'model'),
    ('POST', 'jobs', {'model': 'x/y', 'kind': 'copy'}, 400, 'argument', 'kind'),
    ('POST', 'jobs', {'model': 'x/y', 'force': True}, 400, 'argument', 'force'),
    ('POST', 'jobs', {'model': 'nothing'}, 404, 'not_found', 'model'),
    ('POST', 'jobs', {'model': '../x/y'}, 400, 'name', 'model'),
    ('POST', 'jobs', {'model': 'phi3-mini', 'kind': 'verify'}, 404, 'not_found', 'model'),
    ('POST', 'jobs', ['x'], 400, None, None),
    ('GET', 'jobs/7', None, 404, 'not_found', None),
    ('GET', 'jobs/x', None, 404, 'not_found', None),
    ('GET', 'jobs/18446744073709551616', None, 404, 'not_found', None),
    ('POST', 'jobs/7/pause', None, 404, 'not_found', None),
    ('POST', 'jobs/7/resume', None, 404, 'not_found', None),
    ('POST', 'jobs/7/cancel', None, 404, 'not_found', None),
    ('DELETE', 'jobs/7', None, 404, 'not_found', None),
    ('DELETE', 'jobs/7?discard=1', None, 400, 'argument', 'discard'),
    ('GET', 'events?since=1', None, 400, 'argument', 'since'),
    ('POST', 'loaded', {}, 400, 'argument', 'model'),
    ('POST', 'loaded', {'model': 'nothing'}, 404, 'not_found', 'model'),
    ('POST', 'loaded', {'model': 'orion-tiny', 'context_tokens': 0}, 400, 'argument',
     'context_tokens'),
    ('POST', 'loaded', {'model': 'orion-tiny', 'keep_alive_seconds': 'x'}, 400, 'argument',
     'keep_alive_seconds'),
    ('DELETE', 'loaded/orion-tiny', None, 404, 'not_found', None),
    ('GET', 'nothing', None, 404, 'not_found', None),
    ('PUT', 'models', None, 405, None, None),
    ('POST', 'models', {}, 405, None, None),
    ('DELETE', 'server', None, 405, None, None),
]


@tap.case('what is wrong is refused, with the field that is')
def errors():
    with served(tiny=True) as server:
        for method, path, body, code, status, field in ERRORS:
            reply = server.ask(method, '/orion/v1/' + path, body,
                               {'Content-Type': 'application/json'} if body is not None else {})
            row = (method, path, body)
            assert reply.code == code, (row, str(reply))
            error = reply.json()['error']
            assert set(error) == {'status', 'message', 'field'} and error['message'], (row, error)
            assert status in (None, error['status']), (row, error)
            assert error['field'] == field, (row, error)


# ---- jobs ----

@tap.case('download: from the request to the model, told to several listeners')
def download():
    with served() as server, Events(server) as first, Events(server) as second:
        assert first.next() == second.next() == ('snapshot', {'jobs': [], 'loaded': []})
        server.home.hub.set_rate(SLOW)
        job = start(server, 'orion-tiny')
        assert job['kind'] == 'download' and job['model_id'] == 'orion-tiny', job
        assert start(server, 'orion-tiny', code=200)['id'] == job['id']
        assert start(server, 'orion/orion-tiny/orion-tiny.gguf', code=200)['id'] == job['id']
        for events in (first, second):
            some = events.progress(job['id'], 0)
            assert some['total_bytes'] == os.path.getsize(cli.TINY), some
        with Events(server) as late:
            snapshot = late.until('snapshot')
            assert [j['id'] for j in snapshot['jobs']] == [job['id']], snapshot
        server.home.hub.set_rate(0)
        for events in (first, second):
            done = events.job(job['id'], stage='done')
            assert done['percent'] == 100 and done['error'] is None and done['phase'] is None, done
            events.until('models')
        assert model(server, 'orion-tiny')['verified'] == 'intact'
        delete(server, f'jobs/{job["id"]}')
        for events in (first, second):
            assert events.until('job_removed') == {'id': job['id']}
        assert get(server, 'jobs') == {'jobs': []}


@tap.case('pause, resume, cancel, discard')
def control():
    with served() as server, Events(server) as events:
        server.home.hub.set_rate(SLOW)
        id_ = start(server, 'orion-tiny')['id']
        events.progress(id_, 100_000)
        post(server, f'jobs/{id_}/pause')
        paused = events.job(id_, stage='paused')
        assert start(server, 'orion-tiny', code=200)['stage'] == 'paused'
        before = paused['done_bytes']
        assert before > 0 and model(server, 'orion-tiny')['partial_bytes'] >= before
        post(server, f'jobs/{id_}/resume')
        resumed = events.progress(id_, before)
        assert resumed['resumed_bytes'] >= before, resumed
        error = delete(server, 'models/orion-tiny', 503)['error']
        assert error['status'] == 'busy', error
        post(server, f'jobs/{id_}/cancel')
        events.job(id_, stage='cancelled')
        assert model(server, 'orion-tiny')['partial_bytes'] >= before
        again = start(server, 'orion-tiny')  # what is over makes room
        assert [j['id'] for j in get(server, 'jobs')['jobs']] == [again['id']]
        events.progress(again['id'], before)
        delete(server, f'jobs/{again["id"]}?discard=true')
        assert model(server, 'orion-tiny')['partial_bytes'] == 0
        assert get(server, 'storage')['partials'] == {'count': 0, 'bytes': 0}


@tap.case('a download that fails says why, and can be tried again')
def failures():
    with served(hub=('--gate', 'orion/orion-tiny')) as server, Events(server) as events:
        job = start(server, 'orion-tiny')
        failed = events.job(job['id'], stage='failed')
        assert failed['error']['status'] == 'denied' and failed['error']['message'], failed
        post(server, f'jobs/{job["id"]}/resume')
        events.job(job['id'], stage='failed')
        absent = start(server, 'acme/none')
        assert events.job(absent['id'], stage='failed')['error']['status'] == 'not_found'


@tap.case('a full disk is a typed error')
def no_space():
    config = {'models': {'max_bytes': 1_000_000}}
    with place() as home:
        path = os.path.join(home.path, 'config.json')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(config, file)
        with world.Server('--config', path, home=home) as server, Events(server) as events:
            job = start(server, 'orion-tiny')
            failed = events.job(job['id'], stage='failed')
            assert failed['error']['status'] == 'no_space', failed
            plan = get(server, 'plan', model='orion-tiny')
            assert plan['fits'] is False and plan['quota_left_bytes'] == 1_000_000, plan
            assert get(server, 'storage')['quota_bytes'] == 1_000_000


class SmallDisk:
    """A server whose models lie on a disk of so many MiB that only it sees, and which the
    test fills up from outside."""

    def __init__(self, home, mib):
        mount = f'mount -t tmpfs -o size={mib}m tmpfs "$0" && exec "$@"'
        inside = ('unshare', '--user', '--map-root-user', '--mount', 'sh', '-c')
        os.makedirs(home.models)
        if subprocess.run([*inside, f'mount -t tmpfs tmpfs {home.models}'], check=False,
                          capture_output=True).returncode != 0:
            raise tap.Skip('this system lets nobody mount a disk for themselves')
        self.server = world.Server(home=home, before=(*inside, mount, home.models))

    def __enter__(self):
        self.server.__enter__()
        self.filler = f'/proc/{self.server.process.pid}/root{self.server.home.models}/filler'
        return self

    def __exit__(self, *error):
        return self.server.__exit__(*error)

    def fill(self):
        """To the last byte."""
        with open(self.filler, 'wb', buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def make_room(self):
        os.unlink(self.filler)


@tap.case('a disk that is full before a download, and one that fills up in its middle')
def full_disk():
    with place() as home, SmallDisk(home, 64) as disk, Events(disk.server) as events:
        server = disk.server
        disk.fill()
        assert get(server, 'storage')['free_bytes'] == 0
        job = start(server, 'orion-tiny')
        failed = events.job(job['id'], stage='failed')
        assert failed['error']['status'] == 'no_space' and failed['error']['message'], failed
        assert model(server, 'orion-tiny')['downloaded'] is False
        disk.make_room()
        home.hub.set_rate(SLOW)
        post(server, f'jobs/{job["id"]}/resume')
        before = events.progress(job['id'], 100_000)['done_bytes']
        disk.fill()  # its journal can't be written any more
        post(server, f'jobs/{job["id"]}/pause')
        stopped = events.until('job', lambda j: j['stage'] in ('paused', 'failed'))
        if stopped['stage'] == 'failed':
            assert stopped['error']['status'] == 'no_space', stopped
        assert model(server, 'orion-tiny')['partial_bytes'] > 0
        disk.make_room()
        home.hub.set_rate(0)
        post(server, f'jobs/{job["id"]}/resume')
        done = events.job(job['id'], stage='done')
        assert 0 < done['resumed_bytes'] <= done['total_bytes'], (before, done)
        assert model(server, 'orion-tiny')['verified'] == 'intact'


@tap.case('verify and repair are jobs, too')
def verify():
    with place() as home:
        home.orion('pull', SMALL_REF).expect()
        with world.Server(home=home) as server, Events(server) as events:
            job = start(server, 'phi3-window', 'verify')
            done = events.job(job['id'], stage='done')
            assert done['model_id'] == SMALL_REF and done['total_bytes'] > 0, done
            events.until('models')
            with open(os.path.join(home.models, SMALL_REF), 'r+b') as file:
                file.seek(100_000)
                file.write(b'damage')
            assert model(server, SMALL_REF)['verified'] == 'changed'
            job = start(server, SMALL_REF, 'verify')
            failed = events.job(job['id'], stage='failed')
            assert failed['error']['status'] == 'integrity', failed
            job = start(server, SMALL_REF, 'repair')
            events.job(job['id'], stage='done')
            assert model(server, SMALL_REF)['verified'] == 'intact'
            kinds = [j['kind'] for j in get(server, 'jobs')['jobs']]
            assert kinds == ['verify', 'repair'], kinds


def interrupt(home, signal_number, pause):
    """Begin a download, end the server in the middle; how far it was."""
    server = world.Server(home=home)
    with server:
        with Events(server) as events:
            id_ = start(server, 'orion-tiny')['id']
            done = events.progress(id_, 300_000)['done_bytes']
            if pause:
                post(server, f'jobs/{id_}/pause')
                done = events.job(id_, stage='paused')['done_bytes']
            if signal_number == signal.SIGKILL:
                server.process.kill()
                server.process.wait(cli.DEADLINE)
                server.stop = lambda *_: None  # it could not say goodbye
            else:
                server.stop()
                server.stop = lambda *_: None
    return done


@tap.case('a restart goes on with what was running, and leaves paused what was paused')
def restart():
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        for pause in (False, True):
            with place() as home:
                home.hub.set_rate(SLOW)
                before = interrupt(home, signal_number, pause)
                home.hub.set_rate(0)
                with world.Server(home=home) as server, Events(server) as events:
                    jobs = events.until('snapshot')['jobs']
                    assert [job['model_id'] for job in jobs] == ['orion-tiny'], jobs
                    id_ = jobs[0]['id']
                    if pause:
                        assert jobs[0]['stage'] == 'paused', jobs
                        # a killed process has lost no more than what was not noted
                        assert jobs[0]['done_bytes'] >= before - 65536, (before, jobs)
                        post(server, f'jobs/{id_}/resume')
                    done = get(server, f'jobs/{id_}')
                    if done['stage'] != 'done':
                        done = events.job(id_, stage='done')
                    assert done['resumed_bytes'] >= before - 65536 > 0, (before, done)
                with world.Server(home=home) as server:  # done: no one speaks of it any more
                    assert get(server, 'jobs') == {'jobs': []}


@tap.case("a command's interrupted pull is no download of the server's")
def others_are_left_alone():
    with place() as home:
        home.hub.set_rate(SLOW)
        pull = subprocess.Popen([cli.ORION, 'pull', 'orion-tiny'], env=home.environment(),
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        with world.Server(home=home) as server:
            while model(server, 'orion-tiny')['partial_bytes'] == 0:
                assert pull.poll() is None, pull.stderr.read()
            pull.kill()
            pull.wait(cli.DEADLINE)
            pull.stderr.close()
            assert get(server, 'jobs') == {'jobs': []}
        with world.Server(home=home) as server:
            assert get(server, 'jobs') == {'jobs': []}
            home.hub.set_rate(0)
            with Events(server) as events:
                job = start(server, 'orion-tiny')
                if get(server, f'jobs/{job["id"]}')['stage'] != 'done':
                    events.job(job['id'], stage='done')
            assert get(server, f'jobs/{job["id"]}')['resumed_bytes'] > 0


@tap.case('two servers over one directory: one keeps the downloads')
def two_servers():
    with place() as home, world.Server(home=home) as first, world.Server(home=home) as second:
        assert get(first, 'server')['keeps_downloads'] is True
        assert get(second, 'server')['keeps_downloads'] is False


@tap.case('offline: what is on disk works, what needs the network says so')
def offline():
    with place() as home:
        home.orion('pull', SMALL_REF).expect()
        home.put(cli.TINY, world.TINY_FILE)
        with world.Server('--offline', home=home) as server:
            assert get(server, 'server')['offline'] is True
            assert model(server, 'orion-tiny')['downloaded'] is True
            assert get(server, 'models/orion-tiny')['info']['runs'] is True
            assert get(server, 'fit', model='orion-tiny')['local'] is True
            assert get(server, 'plan', model=SMALL_REF)['transfer_bytes'] == 0
            post(server, 'loaded', {'model': 'orion-tiny'})
            for path in ('fit?model=phi3-mini', 'plan?model=phi3-mini', 'search?words=x',
                         'repository?repo=acme/small'):
                error = get(server, path, 503)['error']
                assert error['status'] == 'offline', error
            with Events(server) as events:
                job = start(server, SMALL_REF, 'verify')
                if get(server, f'jobs/{job["id"]}')['stage'] != 'done':
                    events.job(job['id'], stage='done')
                job = start(server, 'phi3-mini')
                if get(server, f'jobs/{job["id"]}')['stage'] != 'failed':
                    events.job(job['id'], stage='failed')
            assert get(server, f'jobs/{job["id"]}')['error']['status'] == 'offline'
            delete(server, 'models/orion-tiny')


# ---- room and memory ----

@tap.case('storage: models, partials, and the disk')
def storage():
    with served(tiny=True) as server:
        room = get(server, 'storage')
        assert room['models'] == {'count': 1, 'bytes': os.path.getsize(cli.TINY)}, room
        assert room['partials'] == {'count': 0, 'bytes': 0}, room
        assert room['total_bytes'] >= room['free_bytes'] > 0 and room['quota_bytes'] is None, room


@tap.case('loaded: load, list, unload')
def loaded():
    with served(tiny=True) as server, Events(server) as events:
        assert events.until('snapshot')['loaded'] == []
        entry = post(server, 'loaded', {'model': 'orion/orion-tiny', 'context_tokens': 256,
                                        'keep_alive_seconds': 100})
        assert entry['id'] == 'orion-tiny' and entry['context_tokens'] == 256, entry
        assert entry['memory_bytes'] > 0 and entry['expires_unix'] > 0, entry
        assert events.until('loaded')['loaded'][0]['id'] == 'orion-tiny'
        listed = get(server, 'loaded')
        assert [m['id'] for m in listed['loaded']] == ['orion-tiny'], listed
        assert listed['memory']['available_bytes'] > 0, listed
        assert model(server, 'orion-tiny')['loaded'] is True
        delete(server, 'loaded/orion-tiny.gguf')
        events.until('loaded', lambda data: data['loaded'] == [])
        assert model(server, 'orion-tiny')['loaded'] is False
        post(server, 'loaded', {'model': 'orion-tiny', 'keep_alive_seconds': -1})
        assert get(server, 'loaded')['loaded'][0]['expires_unix'] is None


# ---- the stream ----

@tap.case('a listener that does not read holds nobody up, and streams end with the server')
def slow_listeners():
    with served() as server:
        deaf = [server.connect() for _ in range(3)]
        for sock in deaf:
            sock.sendall(f'GET /orion/v1/events HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n\r\n'
                         .encode())
        with Events(server) as events:
            server.home.hub.set_rate(SLOW)
            job = start(server, 'orion-tiny')
            events.progress(job['id'], 1_000_000)
            for sock in deaf:
                sock.close()
            server.home.hub.set_rate(0)
            events.job(job['id'], stage='done')
            server.process.send_signal(signal.SIGTERM)
            while events.next():
                pass
        server.process.wait(cli.DEADLINE)


if __name__ == '__main__':
    tap.main()
