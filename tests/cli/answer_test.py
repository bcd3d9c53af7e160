#!/usr/bin/env python3
"""What computes: run, summarize, tokenize, perplexity."""
import json
import math
import os
import random
import string
import subprocess

import cli
from cli import tap

RECORDS = os.path.join(cli.GOLDEN, 'records-en.txt')
LONG = os.path.join(cli.GOLDEN, 'records-long-es.txt')
PROMPT = 'What can you do?'


def answer(home, *args, **more):
    return home.orion('run', cli.TINY, '--temp', '0', '--max-tokens', '24', *args, **more).expect()


# ---- run ----

@tap.case('run: the answer alone is on standard output, with one newline at its end')
def run_once():
    with cli.Home() as home:
        result = answer(home, PROMPT)
        assert result.err == '' and result.out.strip(), str(result)
        assert result.out.endswith('\n') and not result.out.endswith('\n\n'), str(result)


@tap.case('run: the prompt from standard input is the same prompt')
def run_stdin():
    with cli.Home() as home:
        given = answer(home, PROMPT).out
        assert answer(home, stdin=PROMPT).out == given
        assert answer(home, '-', stdin=PROMPT).out == given


@tap.case('run: a zero byte in the prompt is refused, not cut')
def run_zero():
    with cli.Home() as home:
        home.orion('run', cli.TINY, stdin=b'ab\0cd').expect(code=2, err='zero byte at byte 2')


@tap.case('run: --json')
def run_json():
    with cli.Home() as home:
        result = answer(home, '--json', '--seed', '7', PROMPT)
        document = result.json()
        assert set(document) == {'text', 'finish', 'prompt_tokens', 'cached_tokens',
                                 'output_tokens', 'parts', 'prompt_ms', 'output_ms',
                                 'first_token_ms', 'drafted_tokens', 'accepted_tokens',
                                 'seed'}, sorted(document)
        assert document['seed'] == 7 and document['prompt_tokens'] > 0
        assert document['text'].rstrip('\n') == answer(home, PROMPT).out.rstrip('\n')


PLAIN = '{% for m in messages %}{{ m.content }}\n{% endfor %}'
THINKS = PLAIN + '<think>{# #}'
SWITCHES = PLAIN + '{% if enable_thinking %}<think>{% endif %}{# </think> #}'
SHOWS = '{{ tools|tojson if tools }}{{ documents|tojson if documents }}{# <tool_call> #}' + PLAIN


@tap.case('run: thinking, tools and documents, where the template knows them')
def run_template_knows():
    with cli.Home() as home:
        def write(name, text):
            path = os.path.join(home.path, name)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
            return path

        def run(template, *args, **expected):
            return home.orion('run', cli.TINY, '--temp', '0', '--max-tokens', '24', '--json', '--template',
                              write('t.jinja', template), *args, PROMPT).expect(**expected)
        tools = write('tools.json', '[{"type": "function", "function": {"name": "f"}}]')
        documents = write('documents.json', '[{"title": "T", "text": "Peso 91 kg."}]')
        thought = run(THINKS + '{# </think> #}').json()
        assert thought['text'] == '' and len(thought['thinking']) > 10, thought
        assert 'thinking' not in run(PLAIN).json()
        assert run(SWITCHES, '--think').json()['text'] == ''
        assert run(SWITCHES, '--no-think').json()['text']
        plain = run(PLAIN).json()['prompt_tokens']
        assert run(SHOWS, '--tools', tools).json()['prompt_tokens'] > plain + 10
        assert run(SHOWS, '--documents', documents).json()['prompt_tokens'] > plain + 10
        run(PLAIN, '--think', code=1, err='knows no thinking')
        run(THINKS + '{# </think> #}', '--no-think', code=1, err="can't be told not to think")
        run(PLAIN, '--tools', tools, code=1, err='knows no tools')
        run(PLAIN, '--documents', documents, code=1, err='no place for documents')
        run(SHOWS, '--tools', documents + '.none', code=3, err='none')
        run(PLAIN, '--think', '--no-think', code=2, err='exclude each other')
        run(PLAIN, '--raw', '--think', code=2, err='--raw')
        run(PLAIN, '--effort', 'huge', code=2, err='is not one of low|medium|high')


@tap.case('run: a seed that was drawn repeats the run')
def run_seed():
    with cli.Home() as home:
        # Hot enough that even a model that is sure of itself says something else each time.
        args = ('run', cli.TINY, '--json', '--temp', '50', '--top-p', '1', '--min-p', '0',
                '--max-tokens', '16', PROMPT)
        first = home.orion(*args).expect().json()
        again = home.orion(*args, '--seed', str(first['seed'])).expect().json()
        assert first['text'] == again['text'], (first, again)
        others = {home.orion(*args, '--seed', str(n)).expect().json()['text'] for n in range(3)}
        assert len(others) > 1, 'three seeds gave one text'


@tap.case('run: --verbose puts timings and the seed on standard error')
def run_verbose():
    with cli.Home() as home:
        result = answer(home, '--verbose', PROMPT)
        for label in ('load:', 'prompt:', 'output:', 'tokens/s', 'seed:', 'finish:'):
            assert label in result.err, str(result)
        assert result.out == answer(home, PROMPT).out


@tap.case('run: --max-tokens and --stop end the answer')
def run_ends():
    with cli.Home() as home:
        def document(*args):
            return home.orion('run', cli.TINY, '--json', '--temp', '0', *args,
                              PROMPT).expect().json()
        short = document('--max-tokens', '3')
        assert short['finish'] == 'length' and short['output_tokens'] == 3, short
        whole = document('--max-tokens', '20')['text']
        word = whole.split()[2]
        cut = document('--stop', 'never seen', '--stop', word)
        assert cut['finish'] == 'stop' and word not in cut['text'], cut
        assert whole.startswith(cut['text']), (whole, cut)


@tap.case('run: guessing ahead changes the speed and nothing else')
def run_lookup():
    with cli.Home() as home:
        records = os.path.join(cli.GOLDEN, 'records-en.txt')
        args = ('--json', 'summarize', cli.TINY, '--temp', '0.7', '--seed', '7')

        def summary(*more):
            return home.orion(*args, *more, records).expect().json()

        plain, guessing, far = summary(), summary('--lookup', '7'), summary('--lookup', '15')
        assert plain['drafted_tokens'] == plain['accepted_tokens'] == 0, plain  # a small model
        assert summary('--lookup', '7', '--no-lookup')['drafted_tokens'] == 0
        assert 0 < guessing['accepted_tokens'] <= guessing['drafted_tokens'], guessing
        for key in ('text', 'finish', 'output_tokens'):
            assert plain[key] == guessing[key] == far[key], (plain, guessing, far)
        home.orion(*args, '--lookup', '16', records).expect(code=2, err='15')
        answer(home, '-v', PROMPT).expect(err='tokens guessed')


@tap.case('run: --prefix-cache keeps prompts, and changes nothing else')
def run_prefix_cache():
    with cli.Home() as home:
        cache = os.path.join(home.path, '.orionhealth', 'cache')
        records = open(os.path.join(cli.GOLDEN, 'records-en.txt')).read()

        def ask(question, *more):
            return answer(home, '--json', *more, records + question).json()

        plain = ask('Which diagnosis?')
        assert not os.path.exists(cache)
        first = ask('Which diagnosis?', '--prefix-cache')
        second = ask('Which diagnosis?', '--prefix-cache')
        other = ask('Which medicine?', '--prefix-cache')
        assert first['cached_tokens'] == 0 and other['cached_tokens'] >= 64, (first, other)
        assert second['cached_tokens'] > second['prompt_tokens'] - 65, second
        assert plain['text'] == first['text'] == second['text'], (plain, first, second)
        assert other['text'] == ask('Which medicine?')['text']

        kept = os.listdir(os.path.join(cache, 'prefixes'))
        assert kept and all(len(name) == 64 for name in kept), kept
        for folder, _, names in os.walk(cache):
            assert os.stat(folder).st_mode & 0o777 == 0o700
            for name in names:
                path = os.path.join(folder, name)
                assert os.stat(path).st_mode & 0o777 == 0o600
                assert b'diabetes' not in open(path, 'rb').read()

        assert home.orion('df').expect(out='prefix cache')
        bytes_kept = home.orion('--json', 'df').expect().json()['prefix_cache_bytes']
        assert bytes_kept > 100000, bytes_kept
        home.orion('prune', '--prefix-cache', '--dry-run').expect(err='nothing was deleted')
        assert ask('Which diagnosis?', '--prefix-cache')['cached_tokens'] >= 64
        home.orion('prune', '--prefix-cache').expect(err='freed')
        home.orion('prune', '--prefix-cache').expect()
        assert ask('Which diagnosis?', '--prefix-cache')['cached_tokens'] == 0


@tap.case('run: a prefix cache that cannot be had is said, and no more')
def run_no_prefix_cache():
    with cli.Home() as home:
        blocked = home.put(cli.SMALL, 'file')
        result = home.orion('run', cli.TINY, '--temp', '0', '--max-tokens', '24', '--prefix-cache',
                            PROMPT, ORION_CACHE=blocked)
        result.expect(err='going on without the prefix cache')
        assert result.out == answer(home, PROMPT).out


@tap.case('perplexity: the same digest when every batch goes through the prefix cache')
def perplexity_prefix_cache():
    with cli.Home() as home:
        text = os.path.join(cli.GOLDEN, 'records-es.txt')
        args = ('perplexity', cli.TINY, text, '--digest', '--chunk', '64')
        plain = home.orion(*args).expect().out
        assert home.orion(*args, '--prefix-cache').expect().out == plain
        assert os.listdir(os.path.join(home.path, '.orionhealth', 'cache', 'prefixes'))


@tap.case('run: --raw and --system change the prompt')
def run_raw():
    with cli.Home() as home:
        counts = [answer(home, '--json', *extra, PROMPT).json()['prompt_tokens']
                  for extra in (['--raw'], [], ['--system', 'You are brief.'])]
        assert counts[0] < counts[1] < counts[2], counts


@tap.case('run: --template lays the chat out by a file or by a built-in template')
def run_template():
    with cli.Home() as home:
        def tokens(*more):
            return answer(home, '--json', *more, PROMPT).json()['prompt_tokens']

        def written(text):
            path = os.path.join(home.path, 'chat.jinja')
            with open(path, 'w', encoding='utf-8') as out:
                out.write(text)
            return path

        assert answer(home, '--template', 'phi3', PROMPT).out == answer(home, PROMPT).out
        twice = '{{ bos_token }}{% for m in messages %}{{ m.content }} {{ m.content }}{% endfor %}'
        assert tokens('--template', written(twice)) > tokens()
        home.orion('run', cli.TINY, '--template', 'nothing', PROMPT).expect(code=3, err='chatml')
        home.orion('run', cli.TINY, '--template', './nothing', PROMPT).expect(code=3, err='cannot open')
        home.orion('run', cli.TINY, '--template', written('{{ x'), PROMPT).expect(
            code=1, err='line 1, column 5')
        refusing = written("{{ raise_exception('Not today') }}")
        home.orion('run', cli.TINY, '--template', refusing, PROMPT).expect(err='Not today', code=2)


@tap.case('run: a prompt that does not fit is exit code 4 with both numbers')
def run_too_long():
    with cli.Home() as home:
        result = home.orion('run', cli.TINY, '--ctx', '64', stdin='word ' * 400)
        result.expect(code=4, err='64')
        assert result.out == '', str(result)


@tap.case('run: more context than the model has is exit code 2')
def run_context():
    with cli.Home() as home:
        home.orion('run', cli.TINY, '--ctx', '10000000', PROMPT).expect(code=2)


@tap.case('run: a model that is not here is pulled, after saying so')
def run_pulls():
    with cli.Home() as home:
        home.start_hub('--repo', f'acme/tiny={os.path.dirname(cli.TINY)}')
        ref = 'acme/tiny/' + os.path.basename(cli.TINY)
        args = ('run', ref, '--temp', '0', '--max-tokens', '24', PROMPT)
        home.orion(*args, '--offline').expect(code=3)
        home.orion(*args, HF_HUB_OFFLINE='1').expect(code=3)
        result = home.orion(*args).expect(err='is not here yet; downloading it')
        assert result.out == answer(home, PROMPT).out
        assert home.orion(*args, '--offline').expect().err == ''


@tap.case('run: a name that is none is exit code 3')
def run_absent():
    with cli.Home() as home:
        home.orion('run', './absent.gguf', PROMPT).expect(code=3)
        home.orion('run', '--offline', 'absent', PROMPT).expect(code=3)


# ---- the same bits ----

def cpu_tiers():
    """The values of ORION_CPU that this machine takes."""
    with open('/proc/cpuinfo', encoding='ascii') as info:
        flags = info.read().split()
    needs = {'scalar': None, 'avx2': 'avx2', 'avxvnni': 'avx_vnni', 'avx512': 'avx512_vnni'}
    return [tier for tier, flag in needs.items() if flag is None or flag in flags]


WAYS = ([('threads', str(n)) for n in (1, 2, 3)] + [('chunk', str(n)) for n in (1, 7, 64, 512)] +
        [('ORION_CPU', tier) for tier in cpu_tiers()])


def in_way(home, way, *args):
    name, value = way
    if name == 'ORION_CPU':
        return home.orion(*args, ORION_CPU=value)
    return home.orion(*args, f'--{name}', value)


@tap.case('run: the same text whatever the threads, the chunks and the CPU tier')
def same_text():
    with cli.Home() as home:
        args = ('run', cli.TINY, '--temp', '0', '--max-tokens', '12', PROMPT)
        texts = {way: in_way(home, way, *args).expect().out for way in WAYS}
        assert len(set(texts.values())) == 1, texts


def add_digest(model):
    def check():
        with cli.Home() as home:
            args = ('perplexity', model, RECORDS, '--digest')
            digests = {way: in_way(home, way, *args).expect().out for way in WAYS}
            assert len(set(digests.values())) == 1, digests
    tap.add_case(f'perplexity: the same digest every way, {os.path.basename(model)}', check)


@tap.case('perplexity: each cache type has its own digest, the same every way')
def cache_types():
    with cli.Home() as home:
        args = ('perplexity', cli.TINY, RECORDS, '--digest', '--kv-type')
        ways = [('threads', '2'), ('chunk', '7')] + [('ORION_CPU', tier) for tier in cpu_tiers()[1:]]
        digests = {kind: {in_way(home, way, *args, kind).expect().out for way in ways}
                   for kind in ('f16', 'q8_0', 'f32')}
        assert all(len(found) == 1 for found in digests.values()), digests
        assert len(set.union(*digests.values())) == 3, digests


@tap.case('run: a cache type that the model cannot have is refused')
def cache_type_refused():
    model = os.path.join(cli.GOLDEN, 'llama-gqa.gguf')
    with cli.Home() as home:
        result = home.orion('run', model, '--kv-type', 'q8_0', PROMPT).expect(code=1)
        assert 'multiple of 32' in result.err and 'use f16' in result.err, result.err
        home.orion('run', model, '--kv-type', 'f64', PROMPT).expect(code=2)


add_digest(cli.TINY)
add_digest(os.path.join(cli.GOLDEN, 'llama-gqa.gguf'))
add_digest(os.path.join(cli.GOLDEN, 'phi3-window.gguf'))


@tap.case('perplexity: --each tells of every token, and their mean is the perplexity')
def perplexity_each():
    with cli.Home() as home:
        args = ('perplexity', cli.TINY, RECORDS, '--ctx', '100')
        document = home.orion(*args, '--each', '--json').expect().json()
        rows = document['each']
        assert len(rows) == document['tokens'] and rows[0]['position'] == 1
        assert set(rows[0]) == {'position', 'token', 'likeliest', 'log_likelihood'}
        assert max(row['position'] for row in rows) == 99
        mean = sum(row['log_likelihood'] for row in rows) / len(rows)
        assert abs(math.exp(-mean) / document['perplexity'] - 1) < 1e-9
        assert 'each' not in home.orion(*args, '--json').expect().json()
        lines = home.orion(*args, '--each').expect().out.splitlines()
        assert len(lines) == len(rows) + 1 and float(lines[-1]) > 1
        first = lines[0].split('\t')
        assert len(first) == 6 and int(first[2]) == rows[0]['token'], first


# ---- summarize ----

@tap.case('summarize: files and standard input')
def summarize():
    with cli.Home() as home:
        by_file = home.orion('summarize', cli.TINY, RECORDS).expect()
        assert by_file.out.strip() and by_file.err == '', str(by_file)
        with open(RECORDS, 'rb') as file:
            records = file.read()
        assert home.orion('summarize', cli.TINY, stdin=records).expect().out == by_file.out
        assert home.orion('summarize', cli.TINY, '-', stdin=records).expect().out == by_file.out


@tap.case('summarize: the language can be chosen')
def summarize_language():
    with cli.Home() as home:
        spanish = home.orion('summarize', cli.TINY, '--lang', 'es', RECORDS).expect().out
        english = home.orion('summarize', cli.TINY, '--lang', 'en', RECORDS).expect().out
        assert spanish != english


@tap.case('summarize: records that do not fit are done in parts, and that is said')
def summarize_parts():
    with cli.Home() as home:
        result = home.orion('summarize', cli.TINY, '--json', LONG).expect()
        if result.json()['parts'] <= 1:
            result = home.orion('summarize', cli.TINY, '--json', '--ctx', '640', LONG).expect()
        document = result.json()
        assert document['parts'] > 1 and document['text'].strip(), str(result)
        assert 'do not fit the context' in result.err and 'joining' in result.err, str(result)


@tap.case('summarize: a file that is not there, and an empty one')
def summarize_absent():
    with cli.Home() as home:
        home.orion('summarize', cli.TINY, '/nowhere/x').expect(code=3, err='/nowhere/x')
        home.orion('summarize', cli.TINY, '/dev/null').expect(code=2, err='empty')


# ---- tokenize ----

@tap.case('tokenize: the ids of the golden texts')
def tokenize_golden():
    with open(os.path.join(cli.GOLDEN, 'orion-tiny-tokens.json'), encoding='utf-8') as file:
        golden = json.load(file)['plain']
    wrong = []
    with cli.Home() as home:
        for item in golden[:40]:
            result = home.orion('tokenize', cli.TINY, stdin=item['text']).expect()
            if result.out != ' '.join(map(str, item['ids'])) + '\n':
                wrong.append(f"{item['text']!r}: {result.out!r}, expected {item['ids']}")
    tap.fail_if(wrong, 'wrong ids')


# label, bytes that must come back as they are
ROUND_TRIPS = [
    ('plain', b'Hello, world!'),
    ('Spanish', '¿Cuál fue el último valor, señor Núñez?'.encode()),
    ('newlines kept', b'one\n\ntwo\n'),
    ('spaces kept', b'   x  '),
    ('an emoji', '\U0001f999 llama'.encode()),
    ('broken UTF-8', b'a\xff\xfe\xc3(b'),
    ('zero bytes', b'a\0b\0'),
    ('control characters', bytes(range(1, 32))),
    ('text of a control token', b'x<|end|>y'),
    ('nothing', b''),
]


def add_round_trip(label, data):
    def check():
        with cli.Home() as home:
            ids = home.orion('tokenize', cli.TINY, stdin=data).expect().out
            assert ids.endswith('\n') and ids.count('\n') == 1, ids
            back = home.orion('tokenize', cli.TINY, '--decode', stdin=ids).expect()
            assert back.bytes == data, f'{back.bytes!r}\nfrom {ids}'
            back = home.orion('tokenize', cli.TINY, '-d', *ids.split()).expect() if data else back
            assert back.bytes == data
    tap.add_case(f'tokenize: there and back, {label}', check)


for trip in ROUND_TRIPS:
    add_round_trip(*trip)


@tap.case('tokenize: --special makes control tokens, and shows them')
def tokenize_special():
    with cli.Home() as home:
        plain = home.orion('tokenize', cli.TINY, '<|end|>').expect().out.split()
        special = home.orion('tokenize', cli.TINY, '--special', '<|end|>').expect().out.split()
        assert len(special) == 1 and len(plain) > 1, (plain, special)
        hidden = home.orion('tokenize', cli.TINY, '-d', *special).expect().bytes
        shown = home.orion('tokenize', cli.TINY, '-d', '--special', *special).expect().bytes
        assert hidden == b'' and shown == b'<|end|>', (hidden, shown)


@tap.case('tokenize: --bos and --json')
def tokenize_json():
    with cli.Home() as home:
        ids = [int(i) for i in home.orion('tokenize', cli.TINY, 'Hello').expect().out.split()]
        document = home.orion('tokenize', '--json', cli.TINY, 'Hello').expect().json()
        assert document == {'tokens': ids, 'count': len(ids)}, document
        with_bos = home.orion('tokenize', '--bos', cli.TINY, 'Hello').expect().out.split()
        assert len(with_bos) == len(ids) + 1 and int(with_bos[0]) == 1, with_bos
        text = home.orion('tokenize', '-d', '--json', cli.TINY, *map(str, ids)).expect().json()
        assert text == {'text': 'Hello'}, text


@tap.case('tokenize: --eos')
def tokenize_eos():
    with cli.Home() as home:
        model = os.path.join(cli.GOLDEN, 'unigram.gguf')
        ids = home.orion('tokenize', model, 'Hello').expect().out.split()
        whole = home.orion('tokenize', '--bos', '--eos', model, 'Hello').expect().out.split()
        assert whole == ids + ['2'], (ids, whole)


@tap.case('tokenize: an id outside the vocabulary is exit code 2')
def tokenize_outside():
    with cli.Home() as home:
        home.orion('tokenize', cli.TINY, '-d', '99999999').expect(code=2)


@tap.case('tokenize: a reader that leaves ends it without a word')
def broken_pipe():
    with cli.Home() as home:
        text = os.path.join(home.path, 'text')
        with open(text, 'wb') as file:
            file.write(b'a b c d ' * 100000)  # more ids than a pipe holds
        with open(text, 'rb') as file:
            process = subprocess.Popen([cli.ORION, 'tokenize', cli.TINY], stdin=file,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       env=home.environment())
        process.stdout.read(1)
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        assert process.wait(cli.DEADLINE) == -13 and err == b'', (process.returncode, err)


# ---- embed ----

EMBEDDER = os.path.join(cli.GOLDEN, 'embed-bert.gguf')


@tap.case('embed: the same vectors from arguments, lines and --json, each of length 1')
def embed():
    with cli.Home() as home:
        texts = ['the and de os', 'a', 'the']
        printed = home.orion('embed', EMBEDDER, *texts).expect().out
        vectors = [[float(x) for x in line.split(' ')] for line in printed.splitlines()]
        assert [len(v) for v in vectors] == [48] * 3
        assert all(abs(sum(x * x for x in v) - 1) < 1e-5 for v in vectors)
        for lines in '\n'.join(texts), '\n'.join(texts) + '\n':
            assert home.orion('embed', EMBEDDER, '--threads', '3', stdin=lines).expect().out == printed
        document = home.orion('embed', EMBEDDER, *texts, '--json').expect().json()
        assert set(document) == {'embeddings', 'length'} and document['length'] == 48
        for found, vector in zip(document['embeddings'], vectors):
            assert found['tokens'] > 1
            assert all(abs(a - b) < 1e-9 for a, b in zip(found['embedding'], vector))


@tap.case('embed: --pooling says what the file does not')
def embed_pooling():
    with cli.Home() as home:
        numbers = home.orion('embed', cli.TINY, '--pooling', 'mean', 'a b').expect().out.split(' ')
        assert abs(sum(float(x) ** 2 for x in numbers) - 1) < 1e-5


@tap.case('embed: refusals say what to do')
def embed_refusals():
    with cli.Home() as home:
        error = home.orion('embed', EMBEDDER, 'the ' * 200).expect(4).err
        assert 'input 1 has ' in error and ' tokens, but a text may have 128' in error, error
        assert 'may have 16' in home.orion('embed', EMBEDDER, 'the ' * 20, '--longest', '16').expect(4).err
        assert 'pooling_type' in home.orion('embed', cli.TINY, 'a').expect(1).err
        assert 'pools by ' in home.orion('embed', EMBEDDER, '--pooling', 'last', 'a').expect(2).err
        home.orion('embed', EMBEDDER, '--pooling', 'median', 'a').expect(2, err='mean|cls|last')
        for verb in ('run', EMBEDDER, 'a', '--raw'), ('perplexity', EMBEDDER, RECORDS):
            assert 'model for embeddings' in home.orion(*verb).expect(1).err


# ---- perplexity ----

@tap.case('perplexity: a number, and with --digest a SHA-256')
def perplexity():
    with cli.Home() as home:
        lines = home.orion('perplexity', cli.TINY, RECORDS, '--digest').expect().out.split('\n')
        assert float(lines[0]) > 1 and len(lines[1]) == 64 and lines[2:] == [''], lines
        only = home.orion('perplexity', cli.TINY, RECORDS).expect().out
        assert only == lines[0] + '\n'
        document = home.orion('perplexity', cli.TINY, RECORDS, '--json').expect().json()
        assert set(document) == {'perplexity', 'tokens', 'digest'} and document['digest'] is None


@tap.case('perplexity: a text of records is likelier than noise')
def perplexity_noise():
    with cli.Home() as home:
        records = float(home.orion('perplexity', cli.TINY, RECORDS, '-q').expect().out)
        noise = ''.join(random.Random(1).choices(string.ascii_letters, k=400))  # never repeats
        other = float(home.orion('perplexity', cli.TINY, '-', '-q', stdin=noise).expect().out)
        assert records * 3 < other, (records, other)


if __name__ == '__main__':
    tap.main()
