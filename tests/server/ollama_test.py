#!/usr/bin/env python3
"""Ollama's API: shapes, names, options, refusals, pulls."""
import hashlib
import os
import random
import re

import world
from world import TINY, cli, tap

REF = 'acme/model/m-Q4_K_M.gguf'
INSTANT = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{9})?Z')
GREEDY = {'temperature': 0, 'num_predict': 12}
USER = [{'role': 'user', 'content': 'Presión 120/80'}]


def file_entry(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


# ---- which models there are ----

@tap.case('the version is of the API that it follows')
def version():
    with world.Server() as server:
        reply = server.get('/api/version').json()
        assert re.fullmatch(r'\d+\.\d+\.\d+', reply['version']), reply
        assert server.ask('HEAD', '/api/version').code == 200


BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'


@tap.case('"/" is the page for a browser, and a sign of life for a program')
def probe():
    with world.Server() as server:
        for accept in None, '*/*', 'application/json':
            reply = server.get('/', **({'Accept': accept} if accept else {}))
            assert (reply.code, reply.body) == (200, b'Ollama is running'), reply
            assert reply.headers['Content-Type'].startswith('text/plain'), reply
        assert server.ask('HEAD', '/').code == 200
        page = server.get('/', Accept=BROWSER)
        assert page.code == 200 and b'<html' in page.body, page


@tap.case('what tags lists is accepted back, with what Ollama adds to names')
def tags():
    with world.Server(models=((cli.TINY, 'other.gguf'), (cli.SMALL, 'acme/small/s-F16.gguf'))) \
            as server:
        server.home.orion('import', cli.TINY, '--as', 'orion/orion-tiny/orion-tiny.gguf').expect()
        models = {m['name']: m for m in server.get('/api/tags').json()['models']}
        assert set(models) == {TINY, 'other.gguf', 'acme/small/s-F16.gguf'}, models
        tiny = models[TINY]
        assert tiny['model'] == TINY and tiny['size'] == os.path.getsize(cli.TINY), tiny
        assert tiny['digest'] == file_entry(cli.TINY), tiny
        assert INSTANT.fullmatch(tiny['modified_at']), tiny
        assert tiny['details'] == {
            'parent_model': '', 'format': 'gguf', 'family': 'phi3', 'families': ['phi3'],
            'parameter_size': '3.81M', 'quantization_level': 'F16'}, tiny
        assert models['other.gguf']['digest'] == '', models  # never hashed
        for name in *models, TINY + ':latest', 'acme/small', 'acme/small:F16', 'acme/small:latest', \
                'hf.co/acme/small', 'hf.co/acme/small:F16', 'huggingface.co/acme/small:latest':
            reply = server.post('/api/show', {'model': name})
            assert reply.code == 200, (name, reply)


@tap.case('show tells what is in a model')
def show():
    with world.Server() as server:
        shown = server.post('/api/show', {'model': TINY, 'verbose': True}).json()
        info = shown['model_info']
        assert info['general.architecture'] == 'phi3' and info['general.name'] == TINY, info
        assert info['general.parameter_count'] == 3805952, info
        assert info['phi3.context_length'] == 1024, info
        assert info['tokenizer.ggml.add_bos_token'] is True, info
        assert isinstance(info['phi3.attention.layer_norm_rms_epsilon'], float), info
        assert 'tokenizer.ggml.tokens' not in info, info
        assert shown['details']['family'] == 'phi3' and shown['capabilities'] == ['completion'], shown
        assert shown['parameters'] == 'num_ctx 1024' and TINY in shown['modelfile'], shown
        assert INSTANT.fullmatch(shown['modified_at']), shown
        assert server.post('/api/show', {'name': TINY}).json()['details'] == shown['details']


@tap.case('delete removes a model, and only what is in the models directory')
def delete():
    with world.Server() as server:
        outside = os.path.join(server.home.path, 'outside.gguf')
        with open(cli.SMALL, 'rb') as a, open(outside, 'wb') as b:
            b.write(a.read())
        absent = server.ask('DELETE', '/api/delete', {'model': '/nowhere/outside.gguf'})
        there = server.ask('DELETE', '/api/delete', {'model': outside})
        assert absent.code == there.code == 404, (absent, there)
        assert absent.body.replace(b'/nowhere', b'') == \
            there.body.replace(server.home.path.encode(), b''), (absent, there)
        assert os.path.exists(outside)
        reply = server.ask('DELETE', '/api/delete', {'name': TINY + ':latest'})
        assert (reply.code, reply.body) == (200, b''), reply
        assert server.get('/api/tags').json() == {'models': []}
        assert server.ask('DELETE', '/api/delete', {'model': TINY}).code == 404


# ---- refusals ----

def generate(**fields):
    return ('POST', '/api/generate', {'model': TINY, 'prompt': 'a', **fields})


def chat(**fields):
    return ('POST', '/api/chat', {'model': TINY, 'messages': USER, **fields})


def options(**fields):
    return generate(options=fields)


REFUSED = [  # request, code, what the sentence says
    (generate(model=None), 400, "'model'"),
    (generate(model=7), 400, "'model'"),
    (generate(model='none'), 404, "'none' not found"),
    (generate(model='/etc/passwd'), 404, 'not found'),
    (generate(model='../' + cli.TINY), 404, 'not found'),
    (chat(model='none:latest'), 404, "'none' not found"),
    (generate(prompt='', model='none'), 404, 'not found'),
    (generate(prompt='', model='none', keep_alive=0), 404, 'not found'),
    (generate(prompt=['a']), 400, "'prompt'"),
    (generate(format='json'), 400, "'format' is not supported"),
    (generate(format={'type': 'object'}), 400, "'format' is not supported"),
    (generate(images=['aGk=']), 400, "'images' is not supported"),
    (generate(suffix='b'), 400, "'suffix' is not supported"),
    (generate(template='{{ .Prompt }}'), 400, "'template' is not supported"),
    (generate(context=[1, 2]), 400, "'context' is not supported"),
    (generate(think=True), 400, "'think': this model's chat template knows no thinking"),
    (generate(think='high'), 400, "'think': this model's chat template knows no thinking"),
    (generate(think='hard'), 400, "'think' must be true, false"),
    (generate(tools=[{'type': 'function'}]), 400, "'tools' is not supported"),
    (generate(logprobs='yes'), 400, "'logprobs'"),
    (generate(logprobs=True, top_logprobs=21), 400, "'top_logprobs'"),
    (generate(stream='no'), 400, "'stream' must be true or false"),
    (generate(keep_alive='soon'), 400, "'keep_alive'"),
    (generate(keep_alive=[]), 400, "'keep_alive'"),
    (chat(messages='hello'), 400, 'messages'),
    (chat(messages=[{'role': 'user'}]), 400, 'messages[0].content'),
    (chat(messages=[{'role': 'wizard', 'content': 'a'}]), 400, 'messages[0].role'),
    (chat(messages=[{'role': 'tool', 'content': 'a'}]), 400, "'messages': this model's chat template"),
    (chat(messages=[{'role': 'function', 'content': 'a'}]), 400, 'called tools now'),
    (chat(messages=[{**USER[0], 'images': ['aGk=']}]), 400, 'messages[0].images'),
    (chat(messages=[{**USER[0], 'tool_calls': [{'function': {}}]}]), 400, 'messages[0].tool_calls'),
    (chat(tools=[{'type': 'function'}]), 400, "'tools[0].function' is missing"),
    (chat(tools=[{'type': 'function', 'function': {'name': 'f'}}]), 400, "'tools': this model's chat template"),
    (options(temperature=-1), 400, "'options.temperature'"),
    (options(temperature='hot'), 400, "'options.temperature'"),
    (options(top_p=1.5), 400, "'options.top_p'"),
    (options(min_p=1), 400, "'options.min_p'"),
    (options(top_k=-5), 400, "'options.top_k'"),
    (options(repeat_penalty=0), 400, "'options.repeat_penalty'"),
    (options(presence_penalty=3), 400, "'options.presence_penalty'"),
    (options(num_ctx=-1), 400, "'options.num_ctx'"),
    (options(num_predict=-3), 400, "'options.num_predict'"),
    (options(repeat_last_n=-2), 400, "'options.repeat_last_n'"),
    (options(seed='lucky'), 400, "'options.seed'"),
    (options(stop=['']), 400, "'options.stop'"),
    (options(stop=['a'] * 257), 400, "'options.stop' has 257 texts"),
    (generate(options=[]), 400, "'options' must be an object"),
    (('POST', '/api/show', {}), 400, "'model' is missing"),
    (('POST', '/api/show', {'model': ''}), 400, "'model' is missing"),
    (('POST', '/api/show', {'model': 'none'}), 404, 'not found'),
    (('POST', '/api/show', b'{'), 400, ''),
    (('POST', '/api/show', b'[]'), 400, ''),
    (('POST', '/api/pull', {}), 400, "'model' is missing"),
    (('POST', '/api/pull', {'model': 'no name at all'}), 404, 'no name at all'),
    (('POST', '/api/embed', {'model': TINY, 'input': 'a'}), 422, 'embedding'),
    (('POST', '/api/embeddings', {'model': TINY, 'prompt': 'a'}), 422, 'embedding'),
    (('POST', '/api/copy', {'source': TINY, 'destination': 'b'}), 422, 'copied'),
    (('POST', '/api/create', {'model': 'b', 'from': TINY}), 422, 'orion import'),
    (('POST', '/api/push', {'model': TINY}), 422, 'uploaded'),
    (('POST', '/api/blobs/sha256:00', b'GGUF'), 422, 'orion import'),
    (('GET', '/api/blobs/sha256:00', None), 404, 'no blobs'),
    (('GET', '/api/none', None), 404, ''),
    (('GET', '/api/generate', None), 405, ''),
]


EMBEDDER = cli.GOLDEN + '/embed-bert.gguf'


@tap.case('embed and embeddings: vectors, also of nothing, and what they took')
def embed():
    with world.Server(models=((EMBEDDER, 'bert.gguf'),)) as server:
        both = server.post('/api/embed', {'model': 'bert', 'input': ['the', 'and de']}).json()
        assert both['model'] == 'bert' and [len(v) for v in both['embeddings']] == [48, 48], both
        assert both['total_duration'] >= both['load_duration'] >= 0 < both['prompt_eval_count'], both
        one = server.post('/api/embed', {'model': 'bert', 'input': 'the', 'keep_alive': '5m'}).json()
        assert one['embeddings'] == both['embeddings'][:1], one
        old = server.post('/api/embeddings', {'model': 'bert', 'prompt': 'and de'}).json()
        assert old == {'embedding': both['embeddings'][1]}, old
        for body in {}, {'input': ''}, {'input': []}:
            assert server.post('/api/embed', {'model': 'bert', **body}).json()['embeddings'] == []
        assert server.post('/api/embeddings', {'model': 'bert'}).json() == {'embedding': []}
        for field, value in ('truncate', True), ('dimensions', 16), ('input', 'the ' * 200), ('input', [7]):
            reply = server.post('/api/embed', {'model': 'bert', 'input': 'a', field: value})
            assert reply.code == 400 and list(reply.json()) == ['error'], (field, reply)
        reply = server.post('/api/chat', {'model': 'bert', 'messages': USER})
        assert reply.code == 422 and 'for embeddings' in reply.json()['error'], reply


@tap.case('what is wrong, or not supported, is refused by name, in one shape')
def refusals():
    wrong = []
    with world.Server() as server:
        for (method, path, body), code, text in REFUSED:
            reply = server.ask(method, path, body)
            good = reply.code == code and reply.headers['Content-Type'].startswith('application/json')
            if not good or list(reply.json()) != ['error'] or text not in reply.json()['error']:
                wrong.append(f'{method} {path} {body}: {reply}')
    tap.fail_if(wrong, 'refused in another way')


# ---- answers ----

def is_figures(last):
    """The figures of a last line: all of them, whole nanoseconds and counts."""
    names = ('total_duration', 'load_duration', 'prompt_eval_count', 'prompt_eval_duration',
             'eval_count', 'eval_duration')
    return all(isinstance(last.get(name), int) and last[name] >= 0 for name in names) and \
        last['total_duration'] >= last['load_duration'] + last['eval_duration']


@tap.case('generate: a stream of lines, the last with what it took')
def generate_stream():
    with world.Server() as server:
        reply = server.post('/api/generate', {'model': TINY + ':latest', 'prompt': 'Presión 120/80',
                                              'options': GREEDY})
        assert reply.code == 200, reply
        assert reply.headers['Content-Type'] == 'application/x-ndjson', reply
        *pieces, last = reply.lines()
        assert pieces and all(p['done'] is False and p['response'] for p in pieces), reply
        for line in *pieces, last:
            assert line['model'] == TINY + ':latest' and INSTANT.fullmatch(line['created_at']), line
        assert last['done'] is True and last['response'] == '', last
        assert last['done_reason'] in ('stop', 'length') and is_figures(last), last
        assert 0 < last['eval_count'] <= 12 and last['prompt_eval_count'] > 5, last
        whole = server.post('/api/generate', {'model': TINY, 'prompt': 'Presión 120/80',
                                              'stream': False, 'options': GREEDY}).json()
        assert whole['response'] == ''.join(p['response'] for p in pieces), (whole, pieces)
        assert whole['done'] is True and is_figures(whole), whole
        assert whole['eval_count'] == last['eval_count'], (whole, last)


@tap.case('chat: the same, as messages; and as the command answers')
def chat_stream():
    with world.Server() as server:
        body = {'model': TINY, 'messages': USER, 'options': GREEDY}
        *pieces, last = server.post('/api/chat', body).lines()
        assert all(p['message']['role'] == 'assistant' for p in (*pieces, last)), pieces
        assert last['message']['content'] == '' and last['done'] and is_figures(last), last
        whole = server.post('/api/chat', {**body, 'stream': False}).json()
        text = ''.join(p['message']['content'] for p in pieces)
        assert whole['message'] == {'role': 'assistant', 'content': text}, (whole, text)
        ran = server.home.orion('run', TINY, '--temp', '0', '--max-tokens', '12',
                                USER[0]['content']).expect()
        assert ran.out.strip() == text.strip(), (ran.out, text)
        prompt = server.post('/api/generate', {'model': TINY, 'prompt': USER[0]['content'],
                                               'stream': False, 'options': GREEDY}).json()
        assert prompt['response'] == text, (prompt, text)


@tap.case('system, raw, and what a chat template makes of them')
def prompts():
    with world.Server() as server:
        def answer(path, **fields):
            reply = server.post(path, {'model': TINY, 'stream': False, 'options': GREEDY, **fields})
            assert reply.code == 200, reply
            return reply.json()
        told = answer('/api/generate', prompt='Presión 120/80', system='Responde en español.')
        chatted = answer('/api/chat', messages=[{'role': 'system', 'content': 'Responde en español.'},
                                                *USER])
        assert told['response'] == chatted['message']['content'], (told, chatted)
        assert told['prompt_eval_count'] == chatted['prompt_eval_count'], (told, chatted)
        plain = answer('/api/generate', prompt='Presión 120/80')
        raw = answer('/api/generate', prompt='Presión 120/80', raw=True)
        assert raw['prompt_eval_count'] < plain['prompt_eval_count'], (raw, plain)
        marked = answer('/api/generate', raw=True,
                        prompt='<|user|>\nPresión 120/80<|end|>\n<|assistant|>\n')
        assert marked['response'].strip() == plain['response'], (marked, plain)


@tap.case('options do what Ollama says that they do')
def sampling():
    with world.Server() as server:
        def answer(**opts):
            reply = server.post('/api/generate', {'model': TINY, 'prompt': 'Presión 120/80',
                                                  'stream': False, 'options': opts})
            assert reply.code == 200, reply
            return reply.json()
        greedy = answer(**GREEDY)
        assert answer(temperature=0, num_predict=3)['eval_count'] == 3
        assert answer(temperature=0, num_predict=3)['done_reason'] == 'length'
        for endless in -1, -2, 0:
            assert answer(temperature=0, num_predict=endless)['eval_count'] > 12
        one, two = (answer(temperature=1.5, seed=7, num_predict=12)['response'] for _ in range(2))
        assert one == two
        assert len({answer(temperature=1.5, seed=-1, num_predict=12)['response']
                    for _ in range(8)}) > 1
        assert answer(**{**GREEDY, 'temperature': 2, 'top_k': 1})['response'] == greedy['response']
        word = greedy['response'].split()[1]
        stopped = answer(**GREEDY, stop=[word])
        assert stopped['response'] == greedy['response'].split(word)[0], (stopped, greedy)
        assert stopped['done_reason'] == 'stop', stopped
        assert answer(**GREEDY, stop=word)['response'] == stopped['response']
        for far, same in (-1, False), (64, False), (0, True):
            longer, other = (answer(temperature=0, num_predict=100, repeat_penalty=penalty,
                                    repeat_last_n=far)['response'] for penalty in (1, 50))
            assert (longer == other) is same, (far, longer, other)


@tap.case('logprobs: of each token, in the line that first tells of it')
def logprobs():
    with world.Server() as server:
        body = {'model': TINY, 'prompt': 'Presión 120/80', 'options': GREEDY, 'logprobs': True,
                'top_logprobs': 2}
        whole = server.post('/api/generate', {**body, 'stream': False}).json()
        assert len(whole['logprobs']) == whole['eval_count'], whole
        for token in whole['logprobs']:
            assert token['logprob'] <= 0 and len(token['top_logprobs']) == 2, token
            assert token['top_logprobs'][0]['token'] == token['token'], token  # it is greedy
            assert bytes(token['bytes']).decode() == token['token'], token
        assert ''.join(t['token'] for t in whole['logprobs']).strip() == whole['response'], whole
        lines = server.post('/api/generate', body).lines()
        assert [t for line in lines for t in line.get('logprobs', [])] == whole['logprobs'], lines
        chatted = server.post('/api/chat', {'model': TINY, 'messages': USER, 'stream': False,
                                            'options': GREEDY, 'logprobs': True}).json()
        assert [t['token'] for t in chatted['logprobs']] == \
            [t['token'] for t in whole['logprobs']], chatted
        assert chatted['logprobs'][0]['top_logprobs'] == [], chatted
        plain = server.post('/api/generate', {**body, 'logprobs': False, 'stream': False}).json()
        assert 'logprobs' not in plain and plain['response'] == whole['response'], plain


# What programs send, of all releases of Ollama.
EVERYTHING = {'numa': False, 'num_batch': 2, 'num_gpu': 1, 'main_gpu': 0, 'low_vram': False,
              'f16_kv': True, 'logits_all': False, 'vocab_only': False, 'use_mmap': True,
              'use_mlock': False, 'embedding_only': False, 'num_thread': 8, 'num_keep': 5,
              'tfs_z': 1, 'typical_p': 0.7, 'mirostat': 1, 'mirostat_tau': 0.8, 'mirostat_eta': 0.6,
              'penalize_newline': True, 'not_yet_invented': [1]}


@tap.case('what is not known is passed over; what asks for nothing is taken')
def passed_over():
    nothing = {'format': '', 'images': [], 'suffix': '', 'template': '', 'context': [], 'tools': [],
               'think': False, 'keep_alive': None, 'system': None, 'not_yet_invented': {'a': 1}}
    with world.Server() as server:
        bare = {'model': TINY, 'prompt': 'Presión 120/80', 'stream': False, 'options': GREEDY}
        full = {**bare, **nothing, 'options': {**EVERYTHING, **GREEDY}}
        replies = [server.post('/api/generate', body) for body in (bare, full)]
        assert [r.code for r in replies] == [200, 200], replies[1]
        assert replies[0].json()['response'] == replies[1].json()['response']
        message = {**USER[0], 'images': None, 'tool_calls': [], 'thinking': 'hm'}
        assert server.post('/api/chat', {**full, 'messages': [message]}).code == 200


# ---- in memory ----

@tap.case('nothing to answer: a model is loaded, or let go')
def load():
    with world.Server() as server:
        def in_memory():
            return {m['name']: m for m in server.get('/api/ps').json()['models']}

        def post(path='/api/generate', **fields):
            reply = server.post(path, {'model': TINY, **fields})
            assert reply.code == 200 and reply.headers['Content-Type'] == 'application/json', reply
            assert reply.json()['done'] is True, reply
            return reply.json()
        assert in_memory() == {}
        assert post()['done_reason'] == 'load'
        model = in_memory()[TINY]
        assert model['model'] == TINY and model['details']['family'] == 'phi3', model
        assert INSTANT.fullmatch(model['expires_at']) and model['size_vram'] == 0, model
        assert model['context_length'] == 1024 and model['size'] > 0, model
        soon = model['expires_at']
        assert post(keep_alive='24h')['response'] == ''
        assert in_memory()[TINY]['expires_at'] > soon
        assert post(keep_alive=-1)['done_reason'] == 'load'
        assert in_memory()[TINY]['expires_at'].startswith('9999')
        assert post(prompt='', keep_alive=0)['done_reason'] == 'unload'
        assert in_memory() == {}
        assert post(keep_alive='0')['done_reason'] == 'unload'  # it was not there
        loaded = post('/api/chat', messages=[])
        assert loaded['message'] == {'role': 'assistant', 'content': ''}, loaded
        assert post('/api/chat', keep_alive='0s')['done_reason'] == 'unload'
        assert in_memory() == {}
        server.post('/api/generate', {'model': TINY, 'prompt': 'a', 'keep_alive': 0,
                                      'options': GREEDY})
        # It goes a moment after its last answer.
        cli.until(lambda: in_memory() == {}, 'it never went')


@tap.case('num_ctx: a larger context is made; more than the model has is what it has')
def context():
    with world.Server('--ctx', '128') as server:
        def sizes():
            return [m['context_length'] for m in server.get('/api/ps').json()['models']]

        def answer(words, **opts):
            return server.post('/api/generate', {
                'model': TINY, 'prompt': 'uno dos ' * words, 'stream': False,
                'options': {**GREEDY, **opts}})
        assert answer(2).code == 200 and sizes() == [128]
        long = answer(100)
        assert long.code == 400 and '128' in long.json()['error'], long
        assert answer(100, num_ctx=512).code == 200 and sizes() == [512]
        assert answer(2, num_ctx=256).code == 200 and sizes() == [512]
        assert answer(2, num_ctx=100000).code == 200 and sizes() == [1024]


# ---- pulls ----

SIZE = 8_000_000


class House(world.Server):
    """A server, and a hub with a model that it does not have yet."""

    def __init__(self, *args, models=(), **more):
        super().__init__(*args, models=models, **more)

    def furnish(self):
        super().furnish()
        root = os.path.join(self.home.path, 'hub')
        self.source = os.path.join(root, REF)
        os.makedirs(os.path.dirname(self.source))
        with open(self.source, 'wb') as f:
            f.write(b'GGUF' + random.Random(1).randbytes(SIZE - 4))
        self.home.start_hub(root)

    @property
    def target(self):
        return os.path.join(self.home.models, REF)


@tap.case('pull: lines that tell how far it is, and the model')
def pull():
    with House() as server:
        digest = 'sha256:' + file_entry(server.source)
        server.home.hub.set_rate(SIZE // 8)
        for name in 'hf.co/acme/model:Q4_K_M', REF + ':latest':  # the second is here already
            reply = server.post('/api/pull', {'model': name, 'insecure': True})
            assert reply.code == 200 and reply.headers['Content-Type'] == 'application/x-ndjson'
            lines = reply.lines()
            assert lines[-1] == {'status': 'success'}, lines
            if name.startswith('hf.co'):
                assert lines[0] == {'status': 'pulling manifest'}, lines
                assert {'status': 'verifying sha256 digest'} in lines, lines
                moving = [line for line in lines if 'completed' in line]
                assert len(moving) >= 2, lines
                assert {line['digest'] for line in moving} == {digest}, moving
                assert {line['total'] for line in moving} == {SIZE}, moving
                done = [line['completed'] for line in moving]
                assert done == sorted(done) and 0 < done[-1] <= SIZE, done
        assert file_entry(server.target) == file_entry(server.source)
        names = [m['name'] for m in server.get('/api/tags').json()['models']]
        assert names == [REF], names


@tap.case('pull without a stream: one answer at the end')
def pull_whole():
    with House() as server:
        reply = server.post('/api/pull', {'name': REF, 'stream': False})
        assert reply.code == 200 and reply.json() == {'status': 'success'}, reply
        assert server.post('/api/pull', {'name': 'acme/none', 'stream': False}).code == 404
        server.home.hub.stop()
        reply = server.post('/api/pull', {'name': 'acme/other', 'stream': False})
        assert reply.code == 502 and list(reply.json()) == ['error'], reply


@tap.case('pull that fails on its way says so in its last line')
def pull_fails():
    with House() as server:
        *_, last = server.post('/api/pull', {'model': 'acme/none'}).lines()
        assert list(last) == ['error'] and 'acme/none' in last['error'], last
    with House('--offline') as server:
        *_, last = server.post('/api/pull', {'model': REF}).lines()
        assert list(last) == ['error'] and 'offline' in last['error'], last


@tap.case('a client that goes away ends its pull; the next one goes on from there')
def pull_left():
    with House() as server:
        server.home.hub.set_rate(SIZE // 4)
        with server.open('POST', '/api/pull', {'model': REF}) as reply:
            world.read_until(reply, b'completed')
        # The server holds one lock for its list of downloads, and one for each of them.
        locks = os.path.join(server.home.models, '.lock')
        cli.until(lambda: os.listdir(locks) == ['downloads.lock'], 'the download never let go')
        server.home.hub.set_rate(0)
        assert not os.path.exists(server.target)
        assert server.post('/api/pull', {'model': REF}).lines()[-1] == {'status': 'success'}
        assert file_entry(server.target) == file_entry(server.source)


@tap.case('a server that ends does not wait for a pull')
def pull_at_the_end():
    with House() as server:
        server.home.hub.set_rate(SIZE // 100)
        with server.open('POST', '/api/pull', {'model': REF}) as reply:
            world.read_until(reply, b'completed')
            server.stop()


# ---- npm's client ----

NPM_REFUSED = {  # code and what the sentence says
    'absent': (404, 'not found'), 'absentStream': (404, 'not found'), 'format': (400, 'format'),
    'images': (400, 'images'), 'tools': (400, 'tools'), 'think': (400, 'think'),
    'option': (400, 'top_p'), 'tooLong': (400, 'context'), 'pull': (None, 'acme/none'),
    'delete': (404, 'not found'), 'embed': (422, 'embedding'), 'embeddings': (422, 'embedding'),
    'copy': (422, 'copied'), 'create': (422, 'orion import'), 'push': (422, 'uploaded'),
    'systemone': (404, ''),
}


def text_of(line):
    return line['message']['content'] if 'message' in line else line['response']


@tap.case('ollama of npm: every call that it has, streams and leaving them included')
def npm():
    slow = 'acme/slow/s-Q4_K_M.gguf'
    with House('--metrics', models=((cli.TINY, world.TINY_FILE),)) as server:
        path = os.path.join(server.home.path, 'hub', slow)
        os.makedirs(os.path.dirname(path))
        with open(path, 'wb') as f:
            f.write(b'GGUF' + random.Random(2).randbytes(40_000_000))
        server.home.hub.set_rate(2_000_000)
        saw = world.peer('ollama.mjs', server.url, TINY, REF, slow)

        assert saw['notCalled'] == [], saw['notCalled']
        assert [m['name'] for m in saw['list']['models']] == [TINY], saw['list']
        assert saw['show']['details']['family'] == 'phi3', saw['show']
        for whole, stream in ('generate', 'generateStream'), ('chat', 'chatStream'):
            text = text_of(saw[whole])
            assert text and text == ''.join(map(text_of, saw[stream])), (saw[whole], saw[stream])
            assert saw[stream][-1]['done'] and is_figures(saw[stream][-1]), saw[stream]
            assert is_figures(saw[whole]), saw[whole]
        assert text_of(saw['generate']) == text_of(saw['chat'])
        assert saw['generateRaw']['prompt_eval_count'] < saw['generate']['prompt_eval_count']
        assert len(saw['logprobs']) == saw['generate']['eval_count'], saw['logprobs']
        assert [m['name'] for m in saw['ps']['models']] == [TINY], saw['ps']
        assert saw['abortedChat'] == saw['abortedPull'] == 'AbortError', saw
        assert saw['pullStream'][-1]['status'] == saw['pull']['status'] == 'success', saw
        assert REF in saw['pulled'] and saw['left'] == [TINY], saw
        assert saw['unloaded']['done_reason'] == 'unload', saw
        assert saw['refused'].keys() == NPM_REFUSED.keys()
        for what, (code, sentence) in NPM_REFUSED.items():
            told = saw['refused'][what]
            assert told and told[0] == code and sentence in told[1], (what, told)


if __name__ == '__main__':
    tap.main()
