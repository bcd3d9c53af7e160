#!/usr/bin/env python3
"""`orion run`, `ps` and `stop` with a server: the same bytes, or none of its."""
import glob
import json
import os
import shutil
import signal
import subprocess

import world
from world import cli, tap

import endpoint

PROMPT = 'Summarise: blood pressure 120/80, pulse 72.'
ADDRESS = 'http://127.0.0.1:'


def load(server, **more):
    reply = server.post('/orion/v1/loaded', {'model': world.TINY, **more})
    assert reply.code == 200, reply


def served(server, *args, **more):
    """`orion run` beside the server; the result, and whether the server answered."""
    result = server.home.orion('run', world.TINY, '--verbose', *args, **more)
    return result, ('where:   ' + ADDRESS) in result.err


# ---- the same bytes ----

ALIKE = {
    'greedy': ['--temp', '0', '--max-tokens', '24', PROMPT],
    'defaults': ['--seed', '7', '--max-tokens', '32', PROMPT],
    'hot': ['--seed', '3', '--temp', '1.7', '--top-k', '0', '--top-p', '1', '--min-p', '0',
            '--max-tokens', '32', PROMPT],
    'cold corners': ['--seed', '9', '--temp', '0.3', '--top-k', '7', '--top-p', '0.61', '--min-p',
                     '0.013', '--repeat-penalty', '1.3', '--max-tokens', '32', PROMPT],
    'a system prompt': ['--seed', '1', '--system', 'Answer in Spanish.', '--max-tokens', '24', 'Hi'],
    'a stop text': ['--seed', '1', '--stop', 'e', '--stop', 'zz', '--max-tokens', '24', PROMPT],
    'raw': ['--seed', '5', '--raw', '--max-tokens', '40', 'Patient: '],
    'raw to the end': ['--temp', '0', '--raw', 'Patient: '],
    'special tokens as text': ['--seed', '2', '--max-tokens', '16', '<|end|><|user|>x'],
    'control characters': ['--seed', '2', '--max-tokens', '16', 'a\tb\nc\x01é✓'],
}


def add_alike(label, args):
    def case():
        with world.Server() as server:
            load(server)
            here, by_server = served(server, '--no-server', *args)
            assert not by_server and here.code == 0, str(here)
            there, by_server = served(server, *args)
            assert by_server, str(there)
            assert there.bytes == here.bytes and there.code == 0, f'{here}\n{there}'
    tap.add_case(f'the same bytes: {label}', case)


for name, given in ALIKE.items():
    add_alike(name, given)


@tap.case('--json tells the same and where it ran')
def as_json():
    with world.Server() as server:
        load(server)
        args = ('run', world.TINY, '--json', '--seed', '4', '--max-tokens', '12', PROMPT)
        there = server.home.orion(*args).expect().json()
        here = server.home.orion(*args, '--no-server').expect().json()
        assert there.pop('answered_at') == server.url
        for key in ('text', 'prompt_tokens', 'output_tokens', 'seed', 'finish'):
            assert there[key] == here[key], (key, there, here)


@tap.case('a conversation goes through the server')
def conversation():
    with world.Server() as server:
        load(server)
        terminal = server.home.terminal('run', world.TINY, '--verbose', '--temp', '0',
                                        '--max-tokens', '8')
        for line in ('Hello', 'And now?'):
            terminal.until('> ')
            terminal.send(line + '\r')
            terminal.until('where:   ' + server.url)
        terminal.until('> ')
        terminal.send('/bye\r')
        code, _ = terminal.end()
        assert code == 0


# ---- when it must not, or can not ----

@tap.case('not with options that the server can not be told')
def untold():
    with world.Server() as server:
        load(server)
        for option in (['--threads', '1'], ['--chunk', '64'], ['--lookup', '3'], ['--no-lookup'],
                       ['--no-sliding-window'], ['--prefix-cache'], ['--kv-type', 'f32'],
                       ['--ctx', '64'], ['--no-server'], ['--temp', '3']):
            result, by_server = served(server, *option, '--max-tokens', '3', PROMPT)
            result.expect()
            assert not by_server, option


@tap.case('not when the server holds another context or KV type')
def another_computation():
    with world.Server('--ctx', '64') as server:
        load(server)
        result, by_server = served(server, '--max-tokens', '3', 'x')
        assert result.code == 0 and not by_server, str(result)
        result, by_server = served(server, '--ctx', '64', '--max-tokens', '3', 'x')
        assert result.code == 0 and by_server, str(result)
    with world.Server('--kv-type', 'q8_0') as server:
        load(server)
        result, by_server = served(server, '--max-tokens', '3', 'x')
        assert result.code == 0 and not by_server, str(result)
        result, by_server = served(server, '--kv-type', 'q8_0', '--max-tokens', '3', 'x')
        assert result.code == 0 and by_server, str(result)


@tap.case('not when it does not hold the model; and it is not made to load it')
def not_held():
    with world.Server(models=((cli.TINY, world.TINY_FILE), (cli.TINY, 'acme/m/other.gguf'))) as server:
        result, by_server = served(server, '--max-tokens', '3', 'x')
        assert result.code == 0 and not by_server
        assert server.get('/orion/v1/loaded').json()['loaded'] == []
        load(server)
        other = server.home.orion('run', 'other', '--verbose', '--max-tokens', '3', 'x').expect()
        assert 'where:' not in other.err, 'another file of the same bytes is another model'


@tap.case('what is not UTF-8 is answered here')
def bytes_prompt():
    with world.Server() as server:
        load(server)
        result, by_server = served(server, '--max-tokens', '3', stdin=b'a\xff\xfeb')
        assert result.code == 0 and not by_server


@tap.case('a server that fails before the first byte is as good as none')
def fails_first():
    with cli.Home() as home:
        path = home.put(cli.TINY, world.TINY_FILE)
        loaded = held(home, path)
        wanted = home.orion('run', path, '--temp', '0', '--max-tokens', '8', PROMPT).expect().bytes
        for answer in (endpoint.refuse(503), endpoint.refuse(400, {'error': {'message': 'x'}}),
                       endpoint.say(), endpoint.say(endpoint.head()),
                       endpoint.say(endpoint.head(), endpoint.DONE[:9])):
            with endpoint.Endpoint(holds(loaded, answer)) as fake:
                result = home.orion('run', path, '--temp', '0', '--max-tokens', '8', PROMPT,
                                    ORION_SERVER=fake.url[:-3])
                assert result.expect().bytes == wanted and result.err == '', str(result)
                assert [r.path for r in fake.requests] == ['/orion/v1/loaded',
                                                           '/v1/chat/completions']


@tap.case('one that breaks off in the middle is an error: nothing is said twice')
def breaks_off():
    with cli.Home() as home:
        path = home.put(cli.TINY, world.TINY_FILE)
        answer = endpoint.say(endpoint.head(), endpoint.delta('Hel'))
        with endpoint.Endpoint(holds(held(home, path), answer)) as fake:
            result = home.orion('run', path, PROMPT, ORION_SERVER=fake.url[:-3])
            result.expect(code=6, out='Hel', err='cut off')


def held(home, path):
    """What a server that holds this model lists."""
    fit = home.orion('fit', '--json', path).expect().json()
    return {'loaded': [{'id': 'x', 'path': path, 'kv_type': 'f16',
                        'context_tokens': fit['context_tokens']}]}


def holds(loaded, answer):
    """A server that holds these models, and answers so."""
    def manner(connection, request):
        listed = request.path == '/orion/v1/loaded'
        (endpoint.refuse(200, loaded) if listed else answer)(connection, request)
    return manner


@tap.case('a server that lists nonsense is not used')
def nonsense():
    with cli.Home() as home:
        path = home.put(cli.TINY, world.TINY_FILE)
        for manner in (endpoint.refuse(200, []), endpoint.refuse(200, b'<html>'),
                       endpoint.refuse(200, {'loaded': 7}), endpoint.refuse(200, {'loaded': [7]}),
                       endpoint.refuse(200, {'loaded': [{'path': path, 'kv_type': 'f99'}]}),
                       endpoint.refuse(401), endpoint.refuse(302, b'', 'Location: /x'),
                       endpoint.endless(endpoint.head(200, 'application/json'), b' ' * 65536),
                       endpoint.say(b'junk')):
            with endpoint.Endpoint(manner) as fake:
                result = home.orion('run', path, '--temp', '0', '--max-tokens', '4', 'x',
                                    ORION_SERVER=fake.url[:-3]).expect()
                assert result.err == '' and len(fake.requests) == 1, str(result)


@tap.case('another machine is not asked, whatever is named, unless it may be')
def elsewhere():
    with cli.Home() as home:
        home.put(cli.TINY, world.TINY_FILE)
        url = 'http://192.0.2.1:11435'
        home.orion('run', world.TINY, '--server', url, '--max-tokens', '3', 'x').expect(
            err='privacy.allow_remote')
        home.orion('ps', '--server', url).expect(code=1, err='privacy.allow_remote')
        home.orion('ps', '--offline', '--server', url).expect(code=6, err='offline')


# ---- ^C ----

@tap.case('^C stops the work of the server')
def interrupted():
    with world.Server() as server:
        load(server)
        process = subprocess.Popen([cli.ORION, 'run', world.TINY, '--raw', '--temp', '1.5', '--seed',
                                    '1', 'Once upon a time'], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=server.home.environment())
        assert process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=world.DEADLINE)
        # It may have been at its end; otherwise it was stopped, and so was the server.
        assert process.returncode in (0, 130), err
        cli.until(lambda: not any(m['running'] for m in
                                  server.get('/orion/v1/loaded').json()['loaded']),
                  'the answer goes on without its reader')
        if process.returncode == 130:
            assert b'stopped' in err


# ---- finding it ----

@tap.case('it is found by this user alone, while it lives')
def found():
    with world.Server(token='a' * 64) as server:
        (note,) = glob.glob(os.path.join(server.home.path, '.orionhealth/run/serve.json'))
        assert os.stat(note).st_mode & 0o777 == 0o600
        assert os.stat(os.path.dirname(note)).st_mode & 0o777 == 0o700
        with open(note) as file:
            text = file.read()
        assert 'a' * 64 not in text and json.loads(text)['url'] == server.url
        server.home.orion('ps').expect()
        os.chmod(os.path.dirname(note), 0o777)
        server.home.orion('ps').expect(code=3, err='no server is running')
        os.chmod(os.path.dirname(note), 0o700)
        with open(note, 'w') as file:
            json.dump({**json.loads(text), 'url': 'http://192.0.2.1:80'}, file)
        server.home.orion('ps').expect(code=3, err='no server is running')
        with open(note, 'w') as file:
            file.write(text)
        server.kill()
        assert os.path.exists(note)  # it could not clean up, and yet
        server.home.orion('ps').expect(code=3, err='no server is running')
        with endpoint.Endpoint() as stranger:  # who may listen on its port by now
            with open(note, 'w') as file:
                json.dump({'url': stranger.url[:-3], 'pid': 1}, file)
            server.home.orion('ps').expect(code=3)
            served(server, '--max-tokens', '2', 'x')[0].expect()
            assert not stranger.requests


@tap.case('$XDG_RUNTIME_DIR is where it is looked for; the note goes with it')
def runtime_dir():
    with cli.Home() as home:
        home.put(cli.TINY, world.TINY_FILE)
        run = os.path.join(home.path, 'run')
        os.mkdir(run, 0o700)
        with world.Server(home=home, env={'XDG_RUNTIME_DIR': run}):
            assert os.path.exists(os.path.join(run, 'orion/serve.json'))
            home.orion('ps', XDG_RUNTIME_DIR=run).expect()
            home.orion('ps').expect(code=3)
        assert os.listdir(os.path.join(run, 'orion')) == []


@tap.case('of two servers the first is found, the other by its address')
def two():
    with world.Server() as first:
        load(first)
        with world.Server(home=first.home) as second:
            assert len(first.home.orion('ps', '--json').expect().json()) == 1
            assert first.home.orion('ps', '--json', '--server', second.url).expect().json() == []
            assert first.home.orion('ps', '--json', ORION_SERVER=second.url).expect().json() == []
        first.home.orion('ps').expect(out=world.TINY)


@tap.case('a token of another server is read from a file')
def token_file():
    with world.Server(token='a' * 64) as server, cli.Home() as home:
        path = os.path.join(home.path, 'token')
        shutil.copy(os.path.join(server.home.path, 'token'), path)
        os.chmod(path, 0o600)
        home.orion('ps', '--server', server.url).expect(code=1)
        home.orion('ps', '--server', server.url, ORION_SERVER_TOKEN_FILE=path).expect()
        os.chmod(path, 0o640)
        home.orion('ps', '--server', server.url, ORION_SERVER_TOKEN_FILE=path).expect(
            code=1, err='chmod 600')


# ---- ps and stop ----

@tap.case('ps and stop')
def ps_and_stop():
    with world.Server('--keep-alive', '-1') as server:
        home = server.home
        home.orion('ps').expect(err='no model is in the server')
        assert home.orion('ps', '--json').expect().json() == []
        load(server)
        table = home.orion('ps').expect(out='always')
        assert table.out.splitlines()[0].split() == ['ID', 'MEMORY', 'CONTEXT', 'RUNNING', 'WAITING',
                                                     'UNTIL'], str(table)
        (entry,) = home.orion('ps', '--json').expect().json()
        assert entry['expires_unix'] is None and entry['running'] == 0
        assert entry['path'] == os.path.join(home.models, world.TINY_FILE)
        load(server, keep_alive_seconds=600)
        home.orion('ps').expect(out='from now')
        home.orion('stop', 'nothing').expect(code=3)
        home.orion('stop', 'nothing', world.TINY).expect(code=3)
        while home.orion('ps', '--json').expect().json():
            pass
        home.orion('stop', world.TINY).expect(code=3, err='not in memory')
        home.orion('stop').expect(code=2)


@tap.case('ps and stop without a server')
def without():
    with cli.Home() as home:
        home.orion('ps').expect(code=3, err='no server is running on this machine')
        home.orion('stop', 'x').expect(code=3, err='no server is running on this machine')
        home.orion('ps', '--server', 'http://127.0.0.1:1').expect(code=6, err='cannot reach')
        home.orion('ps', '--server', 'nonsense').expect(code=1)


if __name__ == '__main__':
    tap.main()
