#!/usr/bin/env python3
"""`remote` entries through the server: every API asks elsewhere, and says so."""
import json
import os
import threading

import world
from world import tap  # which brings tests/cli into the path

import cli  # noqa: I001
import endpoint
from endpoint import TEXT, delta, head

MESSAGES = [{'role': 'user', 'content': 'Who is there?'}]


def configure(home, url, allow=True, strategy='prefer-local', **entry):
    path = os.path.join(home.path, 'config.json')
    with open(path, 'w') as file:
        json.dump({'remote': {'far': {'url': url, 'model': 'big-1', 'timeout_seconds': 20, **entry}},
                   'privacy': {'allow_remote': allow}, 'strategy': strategy}, file)
    return {'ORION_CONFIG': path}


class House:
    """A server with the remote `far`, and the endpoint behind it."""

    def __init__(self, *args, manner=None, models=(), **config):
        self.args, self.manner, self.models, self.config = args, manner, models, config

    def __enter__(self):
        self.home = cli.Home().__enter__()
        for source, name in self.models:
            self.home.put(source, name)
        self.far = endpoint.Endpoint(self.manner)
        self.server = world.Server(*self.args, home=self.home,
                                   env=configure(self.home, self.far.url, **self.config))
        self.server.__enter__()
        return self.server, self.far

    def __exit__(self, *what):
        self.server.__exit__(*what)
        self.far.__exit__()
        self.home.__exit__()


def openai_text(reply):
    return reply.json()['choices'][0]['message']['content']


def openai_stream(reply):
    chunks = [json.loads(data) for _, data in reply.events() if data != '[DONE]']
    return ''.join(c['choices'][0]['delta'].get('content') or '' for c in chunks if c['choices'])


CALLS = {
    'openai, whole': ('/v1/chat/completions', {'messages': MESSAGES}, openai_text),
    'openai, streamed': ('/v1/chat/completions', {'messages': MESSAGES, 'stream': True},
                         openai_stream),
    'openai, a text': ('/v1/completions', {'prompt': 'Who'},
                       lambda reply: reply.json()['choices'][0]['text']),
    'ollama, whole': ('/api/chat', {'messages': MESSAGES, 'stream': False},
                      lambda reply: reply.json()['message']['content']),
    'ollama, streamed': ('/api/chat', {'messages': MESSAGES}, lambda reply: ''.join(
        line['message']['content'] for line in reply.lines())),
    'ollama, a text': ('/api/generate', {'prompt': 'Who', 'stream': False},
                       lambda reply: reply.json()['response']),
}


def add_call(label, path, body, text_of):
    def case():
        with House() as (server, far):
            reply = server.post(path, {'model': 'far', **body})
            assert reply.code == 200 and text_of(reply) == TEXT, reply
            assert reply.headers['X-Orion-Remote'] == far.url, reply
            assert far.requests[0].json['model'] == 'big-1'
    tap.add_case(f'a remote answers: {label}', case)


for name, (path, body, text_of) in CALLS.items():
    add_call(name, path, body, text_of)


@tap.case('sampling, tokens and the reason for the end go to and fro')
def details():
    with House(manner=endpoint.answer('length')) as (server, far):
        reply = server.post('/v1/chat/completions', {
            'model': 'far', 'messages': MESSAGES, 'temperature': 0.5, 'top_p': 0.25, 'seed': 3,
            'max_tokens': 9, 'stop': ['x'], 'presence_penalty': 1}).json()
        assert reply['choices'][0]['finish_reason'] == 'length' and reply['model'] == 'far', reply
        assert reply['usage']['prompt_tokens'] == 7 and reply['usage']['completion_tokens'] == 5
        (request,) = far.requests
        assert request.json == {
            'model': 'big-1', 'messages': MESSAGES, 'stream': True, 'temperature': 0.5,
            'stream_options': {'include_usage': True}, 'top_p': 0.25, 'seed': 3, 'max_tokens': 9,
            'stop': ['x'], 'presence_penalty': 1.0}, request.json


TOOLS = [{'type': 'function', 'function': {'name': name}} for name in 'fg']
WANTED = [(name, arguments) for name, arguments in endpoint.CALLED]
HISTORY = [{'role': 'user', 'content': 'a'},
           {'role': 'assistant', 'content': None, 'reasoning_content': 'hm',
            'tool_calls': [{'id': '1', 'type': 'function', 'function': {'name': 'f', 'arguments': '{"a": 1}'}}]},
           {'role': 'tool', 'tool_call_id': '1', 'name': 'f', 'content': 'rain'}]


def called(calls):
    return [(c['function']['name'], c['function']['arguments']) for c in calls]


@tap.case('thinking and calls of tools come apart, in each API, whole and streamed')
def sections():
    with House(manner=endpoint.say(head(), *endpoint.sections())) as (server, far):
        ask = {'model': 'far', 'messages': HISTORY, 'tools': TOOLS, 'reasoning_effort': 'low'}
        choice = server.post('/v1/chat/completions', ask).json()['choices'][0]
        message = choice['message']
        assert (message['reasoning_content'], message['content']) == (endpoint.THOUGHT, endpoint.WORDS)
        assert choice['finish_reason'] == 'tool_calls', choice
        assert [c['id'] for c in message['tool_calls']] == ['abcdefghi', 'b']
        assert [(n, json.loads(a)) for n, a in called(message['tool_calls'])] == WANTED

        chunks = [json.loads(data) for _, data in server.post(
            '/v1/chat/completions', {**ask, 'stream': True}).events() if data != '[DONE]']
        deltas = [c['choices'][0]['delta'] for c in chunks]
        assert ''.join(d.get('reasoning_content') or '' for d in deltas) == endpoint.THOUGHT
        assert ''.join(d.get('content') or '' for d in deltas) == endpoint.WORDS
        calls = [c for d in deltas for c in d.get('tool_calls', [])]
        assert [c['index'] for c in calls] == [0, 1] and calls[0]['type'] == 'function'
        assert [(n, json.loads(a)) for n, a in called(calls)] == WANTED
        assert chunks[-1]['choices'][0]['finish_reason'] == 'tool_calls'

        sent = far.requests[0].json
        assert sent['tools'] == TOOLS and sent['reasoning_effort'] == 'low', sent
        assert sent['messages'][1] == {'role': 'assistant', 'content': None, 'tool_calls': HISTORY[1]['tool_calls']}
        assert sent['messages'][2] == HISTORY[2]

        message = server.post('/api/chat', {'model': 'far', 'messages': MESSAGES, 'tools': TOOLS,
                                            'stream': False}).json()['message']
        assert (message['thinking'], message['content']) == (endpoint.THOUGHT, endpoint.WORDS)
        assert called(message['tool_calls']) == WANTED
        lines = [json.loads(line) for line in server.post(
            '/api/chat', {'model': 'far', 'messages': MESSAGES, 'tools': TOOLS}).body.splitlines()]
        said = [line['message'] for line in lines]
        assert ''.join(m.get('thinking', '') for m in said) == endpoint.THOUGHT
        assert called([c for m in said for c in m.get('tool_calls', [])]) == WANTED
        assert server.post('/api/generate', {'model': 'far', 'prompt': 'a', 'stream': False}
                           ).json()['thinking'] == endpoint.THOUGHT


@tap.case('lists label it')
def lists():
    with House(models=((cli.TINY, world.TINY_FILE),)) as (server, far):
        models = {m['id']: m['owned_by'] for m in server.get('/v1/models').json()['data']}
        assert models['far'] == 'remote' and len(models) == 2, models
        assert server.get('/v1/models/far').json()['owned_by'] == 'remote'
        tags = {m['name']: m for m in server.get('/api/tags').json()['models']}
        assert tags['far']['remote_host'] == far.url and tags['far']['remote_model'] == 'big-1'
        assert all('remote_host' not in tag for name, tag in tags.items() if name != 'far')
        ours = server.get('/orion/v1/models').json()
        assert ours['remotes'] == [{'name': 'far', 'model': 'big-1', 'url': far.url}], ours
        assert all(m['id'] != 'far' for m in ours['models']), ours
        assert server.get('/orion/v1/models?downloaded=true').json()['remotes'] == []
        shown = server.post('/api/show', {'model': 'far:latest'}).json()
        assert shown['remote_host'] == far.url and shown['capabilities'] == ['completion'], shown
        for fields, reason in (({}, 'load'), ({'keep_alive': 0}, 'unload')):
            reply = server.post('/api/generate', {'model': 'far', **fields})
            assert reply.code == 200 and reply.json()['done_reason'] == reason, reply
        assert not far.requests


@tap.case('a model that is here is asked here')
def local():
    with House(models=((cli.TINY, world.TINY_FILE),)) as (server, far):
        reply = server.post('/v1/chat/completions', {
            'model': world.TINY, 'messages': MESSAGES, 'max_tokens': 3})
        assert reply.code == 200 and 'X-Orion-Remote' not in reply.headers, reply
        assert not far.requests


@tap.case('refused, and not listed, unless it may')
def refused():
    for args, config, code, sentence in (
            ((), {'allow': False}, 403, 'privacy.allow_remote'),
            ((), {'strategy': 'local-only'}, 403, 'local-only'),
            (('--offline',), {}, 503, 'offline')):
        with House(*args, **config) as (server, far):
            for path, body, _ in CALLS.values():
                reply = server.post(path, {'model': 'far', **body})
                assert reply.code == code and sentence in reply.body.decode(), reply
                assert 'X-Orion-Remote' not in reply.headers
            assert server.get('/v1/models').json()['data'] == []
            assert server.get('/api/tags').json()['models'] == []
            assert not far.requests


@tap.case('strategies choose for a name that is here too')
def strategies():
    for strategy, elsewhere in (('local-only', False), ('prefer-local', False),
                                ('prefer-remote', True)):
        with House(models=((cli.TINY, 'mine/m/far.gguf'),), strategy=strategy) as (server, far):
            reply = server.post('/v1/chat/completions', {
                'model': 'far', 'messages': MESSAGES, 'max_tokens': 3})
            assert reply.code == 200 and ('X-Orion-Remote' in reply.headers) == elsewhere, reply
            assert bool(far.requests) == elsewhere


@tap.case('what goes wrong elsewhere is told as such')
def failures():
    for manner, code, sentence in (
            (endpoint.refuse(401), 403, 'does not accept the key'),
            (endpoint.refuse(404), 404, 'no such address or model'),
            (endpoint.refuse(429), 503, 'too many requests'),
            (endpoint.refuse(500, {'message': 'oh no'}), 502, 'oh no'),
            (endpoint.refuse(307, b'', 'Location: /'), 502, 'redirects'),
            (endpoint.say(head(), delta('Hel')), 502, 'cut off'),
            (endpoint.say(b'junk\r\n\r\n'), 502, '')):
        with House(manner=manner) as (server, _):
            reply = server.post('/v1/chat/completions', {'model': 'far', 'messages': MESSAGES})
            assert reply.code == code and sentence in reply.json()['error']['message'], reply


@tap.case('an answer that breaks off ends the stream with an error')
def breaks_off():
    with House(manner=endpoint.say(head(), delta('Hel'))) as (server, _):
        reply = server.post('/v1/chat/completions', {
            'model': 'far', 'messages': MESSAGES, 'stream': True})
        assert reply.code == 200 and 'Hel' in reply.body.decode(), reply
        assert 'cut off' in reply.body.decode() and '[DONE]' not in reply.body.decode(), reply


@tap.case('a client that goes away ends the request elsewhere')
def client_goes():
    with House(manner=endpoint.silent(head(), delta('Hel'))) as (server, far):
        reply = server.open('POST', '/v1/chat/completions', {
            'model': 'far', 'messages': MESSAGES, 'stream': True},
            {'Content-Type': 'application/json'})
        world.read_until(reply, b'Hel')
        reply.close()
        assert far.gone.wait(world.DEADLINE), 'the connection is still there'


@tap.case('the server ends while an answer from elsewhere is under way')
def server_ends():
    with House(manner=endpoint.silent(head(), delta('Hel'))) as (server, far):
        reply = server.open('POST', '/v1/chat/completions', {
            'model': 'far', 'messages': MESSAGES, 'stream': True},
            {'Content-Type': 'application/json'})
        world.read_until(reply, b'Hel')
        server.stop()
        assert far.gone.wait(world.DEADLINE)


@tap.case('many at once')
def many():
    with House(manner=endpoint.answer(cut=7)) as (server, far):
        replies = []
        threads = [threading.Thread(target=lambda: replies.append(server.post(
            '/v1/chat/completions', {'model': 'far', 'messages': MESSAGES}))) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(world.DEADLINE)
        assert [openai_text(reply) for reply in replies] == [TEXT] * 12
        assert len(far.requests) == 12


@tap.case('a server can be the remote of another one, and of the command')
def server_of_server():
    ask = {'messages': MESSAGES, 'temperature': 0, 'max_tokens': 12}
    token = 'a' * 64
    with world.Server(token=token) as behind, cli.Home() as home:
        url = behind.url + '/v1'
        env = configure(home, url, model=world.TINY, api_key_env='BEHIND')
        env['BEHIND'] = token
        with world.Server(home=home, env=env) as front:
            here = behind.post('/v1/chat/completions', {'model': world.TINY, **ask}).json()
            there = front.post('/v1/chat/completions', {'model': 'far', **ask})
            assert there.headers['X-Orion-Remote'] == url, there
            for key in ('message', 'finish_reason'):
                assert there.json()['choices'][0][key] == here['choices'][0][key], there
            for key in ('prompt_tokens', 'completion_tokens'):
                assert there.json()['usage'][key] == here['usage'][key], there
        said = home.orion('run', 'far', '--temp', '0', '--max-tokens', '12', 'Who is there?', **env)
        assert said.expect().out.rstrip('\n') == \
            here['choices'][0]['message']['content'].rstrip('\n'), str(said)
        env['BEHIND'] = 'b' * 64
        home.orion('run', 'far', 'x', **env).expect(code=1, err='does not accept the key')


if __name__ == '__main__':
    tap.main()
