#!/usr/bin/env python3
"""`remote` entries: models elsewhere, behind an endpoint that may do anything."""
import json
import os
import shutil
import subprocess
import sys

import cli
import endpoint
from cli import tap
from endpoint import DONE, TEXT, delta, event, head

sys.path.insert(0, os.path.join(cli.HERE, '..', 'hub'))

import certs  # noqa: E402  (found through the path above)

KEY = 'sk-very-secret-0123456789'
SAID = "'far' is a remote model: what you type leaves this machine"


class House(cli.Home):
    """A home whose configuration has the remote `far`."""

    def configure(self, url, strategy='prefer-local', allow=True, **entry):
        self.config = os.path.join(self.path, 'config.json')
        config = {'remote': {'far': {'url': url, 'model': 'big-1', 'timeout_seconds': 20, **entry}}}
        if strategy:
            config['strategy'] = strategy
        if allow is not None:
            config['privacy'] = {'allow_remote': allow}
        with open(self.config, 'w') as file:
            json.dump(config, file)
        return self

    def environment(self, **more):
        return super().environment(ORION_CONFIG=self.config, **more)


def asked(*args, manner=None, stdin=b'', environment=None, strategy='prefer-local', **entry):
    """Run `orion run ARGS` against an endpoint; its result and the requests."""
    with House() as home, endpoint.Endpoint(manner) as far:
        home.configure(far.url, strategy, **entry)
        result = home.orion('run', *args, stdin=stdin, **(environment or {}))
        return result, far.requests


# ---- an answer ----

@tap.case('run: a remote answers, and it is said that the prompt leaves')
def answers():
    result, requests = asked('far', 'Who is there?')
    result.expect(out=TEXT + '\n', err=SAID)
    assert result.out == TEXT + '\n', str(result)
    (request,) = requests
    assert (request.method, request.path) == ('POST', '/v1/chat/completions'), request.path
    assert request.json['messages'] == [{'role': 'user', 'content': 'Who is there?'}]
    assert request.json['model'] == 'big-1' and request.json['stream'] is True
    assert 'authorization' not in request.headers, request.headers


@tap.case('run: it is said with --quiet too')
def said_quietly():
    result, _ = asked('-q', 'far', 'x')
    result.expect(err=SAID)


@tap.case('run: what OpenAI has words for is sent, and nothing else')
def parameters():
    result, (request,) = asked('far', 'x', '--temp', '0.5', '--top-p', '0.25', '--seed', '9',
                               '--max-tokens', '12', '--stop', 'A', '--stop', 'B', '--top-k', '3',
                               '--system', 'Be kind.')
    result.expect()
    assert request.json == {
        'model': 'big-1', 'stream': True, 'stream_options': {'include_usage': True},
        'temperature': 0.5, 'top_p': 0.25, 'seed': 9, 'max_tokens': 12, 'stop': ['A', 'B'],
        'messages': [{'role': 'system', 'content': 'Be kind.'},
                     {'role': 'user', 'content': 'x'}]}, request.json


@tap.case('run: --raw asks for a completion')
def raw():
    result, (request,) = asked('far', '--raw', 'Once upon')
    assert result.expect().out == TEXT + '\n', str(result)
    assert request.path == '/v1/completions' and request.json['prompt'] == 'Once upon'


@tap.case('run: --json says where it ran, and what the endpoint counted')
def as_json():
    result, _ = asked('--json', 'far', 'x')
    document = result.expect(err=SAID).json()
    assert document['text'] == TEXT and document['answered_at'].startswith('http://127.0.0.1:')
    assert (document['prompt_tokens'], document['cached_tokens'], document['output_tokens'],
            document['finish']) == (7, 3, 5, 'end'), document


@tap.case('run: an answer that was cut by its limit')
def limited():
    result, _ = asked('--json', 'far', 'x', manner=endpoint.answer('length'))
    assert result.expect().json()['finish'] == 'length'


@tap.case('run: pieces of one byte are the same answer')
def one_byte():
    result, _ = asked('far', 'x', manner=endpoint.answer(cut=1))
    assert result.expect().out == TEXT + '\n'


@tap.case('run: thinking is no part of the answer, and calls are lines of JSON')
def sections():
    with endpoint.Endpoint(endpoint.say(endpoint.head(), *endpoint.sections())) as far:
        with House() as home:
            home.configure(far.url)
            tools = os.path.join(home.path, 'tools.json')
            with open(tools, 'w') as file:
                json.dump([{'type': 'function', 'function': {'name': 'f'}}], file)
            result = home.orion('run', 'far', 'Hi', '--tools', tools, '--effort', 'low').expect()
            words, *calls = result.out.splitlines()
            assert words == endpoint.WORDS, result.out
            assert [(c['function']['name'], c['function']['arguments']) for c in map(json.loads, calls)] == endpoint.CALLED
            assert endpoint.THOUGHT not in result.err, result.err  # which is no terminal
            document = home.orion('run', '--json', 'far', 'Hi', '--tools', tools).expect().json()
            assert (document['thinking'], document['text']) == (endpoint.THOUGHT, endpoint.WORDS)
            assert [c['function']['name'] for c in document['tool_calls']] == ['f', 'g']
            assert far.requests[0].json['tools'][0]['function']['name'] == 'f'
            assert far.requests[0].json['reasoning_effort'] == 'low'


@tap.case('run: options that a remote can not be told are a mistake')
def local_options():
    for option in (['--ctx', '64'], ['--threads', '2'], ['--kv-type', 'q8_0'], ['--prefix-cache']):
        result, requests = asked('far', 'x', *option)
        result.expect(code=2, err='computed elsewhere')
        assert not requests


@tap.case('run: a conversation goes to and fro')
def conversation():
    with House() as home, endpoint.Endpoint() as far:
        home.configure(far.url)
        terminal = home.terminal('run', 'far')
        terminal.until('leaves this machine')
        terminal.until('> ')
        terminal.send('One\r')
        terminal.until('elsewhere')
        terminal.until('> ')
        terminal.send('Two\r')
        terminal.until('elsewhere')
        terminal.until('> ')
        terminal.send('\x04')
        code, _ = terminal.end()
        assert code == 0
        assert [m['content'] for m in far.requests[1].json['messages']] == ['One', TEXT, 'Two']


# ---- the key ----

@tap.case('a key of a variable is sent, and shown nowhere')
def key_of_variable():
    with House() as home, endpoint.Endpoint() as far:
        home.configure(far.url, api_key_env='FAR_KEY')
        shown = home.orion('run', '--verbose', 'far', 'x', FAR_KEY=KEY).expect()
        config = home.orion('config', FAR_KEY=KEY).expect(out='FAR_KEY')
        listed = home.orion('list', '--json', FAR_KEY=KEY).expect()
        assert far.requests[0].headers['authorization'] == 'Bearer ' + KEY
        for result in (shown, config, listed):
            assert KEY not in result.out + result.err, str(result)
        home.orion('run', 'far', 'x').expect(code=2, err='which is not set')
        assert len(far.requests) == 1


@tap.case('a key of a file is sent; one that others can read is refused')
def key_of_file():
    with House() as home, endpoint.Endpoint() as far:
        path = os.path.join(home.path, 'key')
        with open(path, 'w') as file:
            file.write(KEY + '\n')
        home.configure(far.url, api_key_file=path)
        os.chmod(path, 0o644)
        home.orion('run', 'far', 'x').expect(code=1, err='chmod 600')
        os.chmod(path, 0o600)
        home.orion('run', 'far', 'x').expect()
        assert [r.headers['authorization'] for r in far.requests] == ['Bearer ' + KEY]


@tap.case('a key is not sent unencrypted to another machine')
def key_encrypted():
    with House() as home:
        home.configure('http://192.0.2.1/v1', api_key_env='FAR_KEY')
        home.orion('run', 'far', 'x', FAR_KEY=KEY).expect(code=1, err='use https')


@tap.case('an endpoint that echoes the key does not get it shown')
def key_echoed():
    echo = endpoint.refuse(401, {'error': {'message': f'no such key: {KEY}'}})
    result, _ = asked('far', 'x', manner=echo, api_key_env='FAR_KEY', environment={'FAR_KEY': KEY})
    result.expect(code=1, err='does not accept the key')
    assert KEY not in result.out + result.err, str(result)


@tap.case('who the endpoint is must be proved, before a word or a key is sent')
def proved():
    if not certs.available():
        raise tap.Skip('openssl is not here')
    with House() as home:
        made = certs.Certs(home.path)
        for tls, good in ((made.good, True), (made.self_signed, False), (made.expired, False),
                          (made.wrong_host, False)):
            with endpoint.Endpoint(tls=tls) as far:
                home.configure(far.url, api_key_env='FAR_KEY')
                result = home.orion('--cacert', made.authority, 'run', 'far', 'x', FAR_KEY=KEY)
                assert (result.code == 0) == good and bool(far.requests) == good, str(result)
                assert good or 'prove who it is' in result.err, str(result)
                home.orion('run', 'far', 'x', FAR_KEY=KEY).expect(code=6, err='prove who it is')


# ---- what an endpoint may do wrong: manner, exit code, a part of the sentence ----

HUGE = b'data: ' + b'x' * (2 << 20)
WRONG = {
    'no HTTP': (endpoint.say(b'nonsense\r\n\r\n'), 6, ''),
    'nothing at all': (endpoint.say(), 6, ''),
    'the end after the head': (endpoint.say(head()), 6, 'was cut off'),
    'cut in the middle': (endpoint.say(head(), delta('Hel')), 6, 'was cut off'),
    'cut within an event': (endpoint.say(head(), delta('Hel')[:-9]), 6, 'was cut off'),
    'JSON instead of a stream': (endpoint.refuse(200, {'choices': []}), 6, 'application/json'),
    'a page': (endpoint.refuse(200, b'<html>', kind='text/html'), 6, 'text/html'),
    'no type': (endpoint.say(b'HTTP/1.1 200 OK\r\n\r\n', delta('x')), 6, 'stream of events'),
    'no JSON': (endpoint.say(head(), b'data: {"choices": \n\n'), 6, 'no JSON'),
    'broken UTF-8': (endpoint.say(head(), b'data: {"choices":[{"text":"\xff"}]}\n\n'), 6, 'no JSON'),
    'a list': (endpoint.say(head(), b'data: []\n\n'), 6, "no 'choices'"),
    'choices of another kind': (endpoint.say(head(), event({'choices': 'x'})), 6, "no 'choices'"),
    'odd values': (endpoint.say(head(), event({'choices': [7]}), event({'choices': [{'delta': 3}]}),
                                event({'choices': [{'delta': {'content': [1]}}]})), 6, 'cut off'),
    'deep JSON': (endpoint.say(head(), b'data: ' + b'[' * 100000 + b'\n\n'), 6, 'no JSON'),
    'an error in the stream': (endpoint.say(head(), delta('Hel'), event(
        {'error': {'message': 'the GPU fell off'}})), 6, 'the GPU fell off'),
    'a line without an end': (endpoint.say(head(), HUGE), 6, 'a line of more than'),
    'an event without an end': (endpoint.endless(head(), b'data: ' + b'x' * 9000 + b'\n'), 6,
                                'a line of more than'),
    'an answer without an end': (endpoint.endless(head(), delta('x' * 60000)), 6, 'has no end'),
    'comments without an end': (endpoint.endless(head(), b': ping' * 9000 + b'\n'), 6, 'has no end'),
    'headers without an end': (endpoint.endless(b'HTTP/1.1 200 OK\r\n', b'X-A: b\r\n' * 999), 6,
                               ''),
    '301': (endpoint.refuse(301, b'', 'Location: http://192.0.2.1/'), 6, 'redirects'),
    '307': (endpoint.refuse(307, b'', 'Location: /v1/elsewhere'), 6, 'redirects'),
    '400': (endpoint.refuse(400, {'error': {'message': 'bad temperature'}}), 2, 'bad temperature'),
    '400, too long': (endpoint.refuse(400, {'error': {
        'message': 'too many tokens', 'code': 'context_length_exceeded'}}), 4, 'too many tokens'),
    '400 without a reason': (endpoint.refuse(400), 2, 'refuses the request (400)'),
    '400 with a page': (endpoint.refuse(400, b'<html>' * 99999, kind='text/html'), 2, '(400)'),
    '401': (endpoint.refuse(401, {'error': {'message': 'who are you?'}}), 1, 'who are you?'),
    '403': (endpoint.refuse(403, {'detail': 'not you'}), 1, 'not you'),
    '404': (endpoint.refuse(404, {'error': 'no such model'}), 3, 'no such model'),
    '413': (endpoint.refuse(413), 4, 'too long'),
    '429': (endpoint.refuse(429, b'', 'Retry-After: 17'), 1, 'try again in 17 s'),
    '500': (endpoint.refuse(500, {'message': 'oh no'}), 6, 'oh no'),
    '503': (endpoint.refuse(503), 1, 'has no time'),
    'an error that would steer a terminal': (
        endpoint.refuse(500, {'message': 'a\x1b[31mb\r\nc'}), 6, 'a [31mb  c'),
    'an error without an end': (endpoint.endless(head(500, 'text/plain'), b'x' * 65536), 6, 'failed (500)'),
}


def add_wrong(label, manner, code, sentence):
    def case():
        result, requests = asked('far', 'x', manner=manner, timeout_seconds=3)
        result.expect(code=code, err=sentence)
        assert len(requests) <= 1, 'it was asked again'
        assert '\x1b' not in result.err
    tap.add_case(f'an endpoint that gives: {label}', case)


for label, (manner, code, sentence) in WRONG.items():
    add_wrong(label, manner, code, sentence)


@tap.case('a redirect is not followed, with a key or without')
def no_redirect():
    with endpoint.Endpoint() as other:
        manner = endpoint.refuse(307, b'', f'Location: {other.url}/chat/completions')
        result, _ = asked('far', 'x', manner=manner, api_key_env='K', environment={'K': KEY})
        result.expect(code=6, err='redirects')
        assert not other.requests


@tap.case('an endpoint that says nothing is given up')
def silence():
    result, _ = asked('far', 'x', manner=endpoint.silent(), timeout_seconds=1)
    result.expect(code=6, err='silent for 1 second')
    result, _ = asked('far', 'x', manner=endpoint.silent(head(), delta('Hel')), timeout_seconds=1)
    result.expect(code=6, out='Hel')


@tap.case('what follows the last word is not waited for')
def after_done():
    manner = endpoint.silent(head(), *endpoint.events(True))
    result, _ = asked('far', 'x', manner=manner)
    assert result.expect().out == TEXT + '\n'


@tap.case('^C stops the answer, and the endpoint is told by the end of the connection')
def interrupted():
    with House() as home, endpoint.Endpoint(endpoint.silent(head(), delta('Hel'))) as far:
        home.configure(far.url)
        terminal = home.terminal('run', 'far', 'x')
        terminal.until('Hel')
        terminal.send('\x03')
        code, screen = terminal.end()
        assert code == 130 and 'stopped' in screen, (code, screen)
        assert far.gone.wait(cli.DEADLINE), 'the connection is still there'


# ---- whether it may ----

@tap.case('refused unless privacy.allow_remote is true, when offline, and by local-only')
def refused():
    with House() as home, endpoint.Endpoint() as far:
        for more, flags, code, sentence in (
                ({'allow': None}, [], 1, 'privacy.allow_remote'),
                ({'allow': False}, [], 1, 'privacy.allow_remote'),
                ({}, ['--offline'], 6, 'offline'),
                ({'strategy': None}, [], 1, 'local-only'),
                ({'strategy': 'local-only'}, [], 1, 'local-only')):
            home.configure(far.url, **more)
            home.orion('run', *flags, 'far', 'x').expect(code=code, err=sentence)
        home.configure(far.url)
        home.orion('run', 'far', 'x', HF_HUB_OFFLINE='1').expect(code=6, err='offline')
        assert not far.requests


@tap.case('refused without a socket')
def no_socket():
    if not shutil.which('strace'):
        raise tap.Skip('strace is not here')
    with House() as home, endpoint.Endpoint() as far:
        log = os.path.join(home.path, 'trace')
        for more, flags, refusal in (({'allow': False}, [], True), ({}, ['--offline'], True),
                                     ({'strategy': 'local-only'}, [], True), ({}, [], False)):
            home.configure(far.url, **more)
            done = subprocess.run(
                ['strace', '-f', '-e', 'trace=network', '-o', log, cli.ORION, 'run', *flags, 'far',
                 'x'], env=home.environment(), capture_output=True, stdin=subprocess.DEVNULL,
                timeout=cli.DEADLINE, check=False)
            if b'ptrace' in done.stderr.lower():
                raise tap.Skip('strace may not trace here')
            with open(log) as file:
                opened = any(' socket(' in line or ' connect(' in line for line in file)
            assert opened != refusal and (done.returncode != 0) == refusal, (more, done.stderr)


@tap.case('a name that a local model has too means what the strategy says')
def strategies():
    with House() as home, endpoint.Endpoint() as far:
        home.put(cli.TINY, 'mine/m/far.gguf')
        args = ('run', 'far', '--temp', '0', '--max-tokens', '4', 'x')
        for strategy, allow, elsewhere in (('local-only', True, False), ('prefer-local', True, False),
                                           ('prefer-remote', True, True),
                                           ('prefer-remote', False, False)):
            home.configure(far.url, strategy, allow)
            result = home.orion(*args).expect()
            assert (SAID in result.err) == elsewhere, (strategy, str(result))
        assert len(far.requests) == 1


@tap.case('prefer-local goes elsewhere when the model here can not run')
def cannot_run():
    with House() as home, endpoint.Endpoint() as far:
        path = home.put(cli.TINY, 'mine/m/far.gguf')
        with open(path, 'r+b') as file:
            data = file.read(1 << 20)
            file.seek(data.index(b'phi3'))
            file.write(b'what')
        home.configure(far.url)
        home.orion('run', 'far', 'x').expect(out=TEXT, err=SAID)


@tap.case('list labels what leaves this machine')
def listed():
    with House() as home, endpoint.Endpoint() as far:
        home.configure(far.url)
        home.orion('list').expect(out='leaves this machine')
        home.configure(far.url, allow=False)
        home.orion('list').expect(out='not allowed')
        (entry,) = home.orion('list', '--json').expect().json()
        assert entry['id'] == 'far' and entry['remote'] == far.url and entry['usable'] is False
        assert not far.requests


# ---- the configuration ----

@tap.case('a configuration that is wrong is refused with its key')
def bad_configuration():
    good = {'url': 'https://h/v1', 'model': 'm'}
    for config, sentence in (
            ({'remote': 7}, "'remote' must be an object"),
            ({'remote': {'a b': good}}, 'is not a name'),
            ({'remote': {'': good}}, 'is not a name'),
            ({'remote': {'-x': good}}, 'is not a name'),
            ({'remote': {'x' * 101: good}}, 'is not a name'),
            ({'remote': {'x': 7}}, "'remote.x' must be an object"),
            ({'remote': {'x': {}}}, 'needs a url'),
            ({'remote': {'x': {'url': 'https://h/v1'}}}, 'needs a model'),
            ({'remote': {'x': {**good, 'url': 'ftp://h'}}}, 'needs a url'),
            ({'remote': {'x': {**good, 'url': 'https://me:pw@h/'}}}, 'with a user'),
            ({'remote': {'x': {**good, 'url': 'https://h/?key=1'}}}, 'a query'),
            ({'remote': {'x': {**good, 'model': 7}}}, "'remote.x.model' must be a text"),
            ({'remote': {'x': {**good, 'model': 'a\nb'}}}, 'must be a text'),
            ({'remote': {'x': {**good, 'api_key': KEY}}}, 'does not belong in this file'),
            ({'remote': {'x': {**good, 'api_key_env': 'A', 'api_key_file': 'b'}}}, 'twice'),
            ({'remote': {'x': {**good, 'timeout_seconds': 0}}}, 'seconds'),
            ({'remote': {'x': {**good, 'timeout_seconds': '9'}}}, 'seconds'),
            ({'remote': {'x': {**good, 'colour': 'red'}}}, 'is not a key'),
            ({'remote': {f'x{i}': good for i in range(65)}}, 'more than 64'),
            ({'privacy': {'allow_remote': 'maybe'}}, 'privacy.allow_remote'),
            ({'privacy': {'allow': True}}, 'privacy.allow'),
            ({'strategy': 'remote-only'}, 'local-only, prefer-local, prefer-remote'),
            ({'strategy': {'x': 1}}, "'strategy'"),
            ({'strategy': True}, "'strategy'")):
        with House() as home:
            home.configure('https://h/v1')
            with open(home.config, 'w') as file:
                json.dump(config, file)
            result = home.orion('config').expect(code=2, err=sentence)
            assert KEY not in result.err


@tap.case('config shows what is in force')
def shown_configuration():
    with House() as home:
        home.configure('https://h/v1', api_key_env='FAR_KEY')
        settings = home.orion('config', '--json').expect().json()
        assert settings['strategy']['value'] == 'prefer-local'
        assert settings['privacy.allow_remote']['value'] == 'true'
        assert settings['remote.far']['value'] == 'https://h/v1, model big-1, key in $FAR_KEY'


if __name__ == '__main__':
    tap.main()
