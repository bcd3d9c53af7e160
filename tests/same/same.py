#!/usr/bin/env python3
"""The same bits, whatever computes them: one digest of all logits for each model.

    same.py ORION MODEL.gguf...

Each model computes a text of some 530 tokens in every tier of this CPU, with 1, 2, 3
and 5 threads and in chunks of 1 to 512 tokens; in the scalar tier, which is slow, and in
avxvnni where avx512 stands above it (it differs from avx2 by its products alone), each
number of threads and some sizes of chunks once. Of models named in BRIEF_MODELS, which are
larger, a short text goes through each tier in two ways. Where the command has cache types, models
named in KV_MODELS go through the matrix with each of them, in those two tiers in two ways; another
type of cache is another computation, so its digest is its own. What can make no difference to an answer either
(--lookup, --prefix-cache) is checked on text."""
import concurrent.futures
import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT = os.path.join(HERE, '..', 'golden', 'records-long-es.txt')
TEXT_BYTES = 560
BRIEF_BYTES = 150
CONTEXT = 600  # at most; the golden models were made for less
THREADS = (1, 2, 3, 5)
CHUNKS = (1, 3, 16, 64, 256, 512)
FEW = ((1, 1), (2, 64), (3, 512), (5, 16))
BRIEF = ((2, 64), (3, 16))
BRIEF_MODELS = 'odd-'  # beginning of names
KV_TYPES = ('q8_0', 'f32')  # beside f16, the default
KV_MODELS = ('F32', 'Q8_0', 'Q4_K')  # ends of names


def is_brief(model):
    return os.path.basename(model).startswith(BRIEF_MODELS)


class Command:
    def __init__(self, orion):
        self.orion, self.runs, self.environment = orion, 0, {}
        with open(TEXT, 'rb') as f:
            self.text = f.read(TEXT_BYTES)
        self.tiers = [tier for tier in ('scalar', 'avx2', 'avxvnni', 'avx512') if self.has_tier(tier)]

    def run(self, *args, tier=None, stdin=b''):
        environment = {**os.environ, **self.environment, **({'ORION_CPU': tier} if tier else {})}
        done = subprocess.run([self.orion, *args], input=stdin, capture_output=True,
                              env=environment, check=False, timeout=600)
        self.runs += 1
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def has_tier(self, tier):
        golden = os.path.join(HERE, '..', 'golden', 'llama-gqa.gguf')
        return self.run('perplexity', golden, '-', tier=tier, stdin=b'the and')[0] == 0

    def has_option(self, verb, option):
        return f'--{option} ' in self.run('help', verb)[1]

    def takes_few(self, tier):
        return tier == 'scalar' or (tier == 'avxvnni' and 'avx512' in self.tiers)

    def ways(self, model, more):
        """tier, threads, chunk"""
        for tier in self.tiers:
            pairs = [(t, c) for t in THREADS for c in CHUNKS]
            if self.takes_few(tier):
                pairs = BRIEF if more else FEW
            if is_brief(model):
                pairs = BRIEF
            yield from ((tier, threads, chunk) for threads, chunk in pairs)

    @functools.cache
    def facts(self, model):
        return json.loads(self.run('show', model, '--json')[1])['model']

    def digest_of_vectors(self, model, way):
        """Of each sentence of the text; chunks are how much of it is computed together."""
        tier, threads, chunk = way
        texts = self.text.split(b'. ')[:max(chunk // 16, 1)]
        code, out, err = self.run('embed', model, '--threads', str(threads), tier=tier, stdin=b'\n'.join(texts))
        return hashlib.sha256(out.splitlines()[0].encode()).hexdigest() if code == 0 else f'exit code {code}: {err}'

    def digest(self, model, more, way):
        tier, threads, chunk = way
        facts = self.facts(model)
        if facts['embedding_length'] > 0:
            return self.digest_of_vectors(model, way)
        context = min(CONTEXT, facts['context_tokens'])
        code, out, err = self.run('perplexity', model, '-', '--digest', '--ctx', str(context),
                                  '--threads', str(threads), '--chunk', str(chunk), *more,
                                  tier=tier, stdin=self.text[:BRIEF_BYTES] if is_brief(model) else self.text)
        return out if code == 0 else f'exit code {code}: {err}'


def check_digests(model, more, ways, digests):
    """Whether there is one digest; says so."""
    found = {}
    for way, digest in zip(ways, digests):
        found.setdefault(digest, []).append(way)
    name = ' '.join([os.path.basename(model), *more])
    if len(found) == 1 and not next(iter(found)).startswith('exit'):
        print(f'ok   {name}: {len(ways)} ways, one digest ({next(iter(found)).split()[-1][:16]}...)',
              flush=True)
        return True
    print(f'FAIL {name}: {len(found)} digests')
    for digest, those in found.items():
        print(f'     {digest.split()[-1][:16] if not digest.startswith("exit") else digest}: '
              f'{len(those)} ways, such as tier, threads, chunk = {those[0]}')
    return False


def check_texts(command, model, name, ways_of_running):
    """Whether the answer is the same text, however it is asked for."""
    texts = {command.run('run', model, '--raw', '--temp', '0', '--max-tokens', '40', *args,
                         stdin=command.text)[:2] for args in ways_of_running}
    good = len(texts) == 1 and next(iter(texts))[0] == 0
    print(f'{"ok  " if good else "FAIL"} {os.path.basename(model)}: {len(ways_of_running)} answers '
          f'{name}, {len(texts)} text{"s" if len(texts) > 1 else ""}', flush=True)
    return good


def main():
    command = Command(sys.argv[1])
    models = sys.argv[2:]
    begun = time.monotonic()
    has_kv = command.has_option('perplexity', 'kv-type')
    cases = [(model, ()) for model in models]
    for model in models:
        if has_kv and model.removesuffix('.gguf').endswith(KV_MODELS):
            cases += [(model, ('--kv-type', kv)) for kv in KV_TYPES]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(command.facts, models))  # once, not by each of the first runs
        ways = [list(command.ways(*case)) for case in cases]
        digests = [pool.map(functools.partial(command.digest, *case), of) for case, of in zip(cases, ways)]
        good = [check_digests(*case, *of) for case, *of in zip(cases, ways, digests)]
    threads = [('--threads', str(n)) for n in THREADS]
    good.append(check_texts(command, models[0], 'on different threads', threads))
    if command.has_option('run', 'lookup'):
        good.append(check_texts(command, models[0], 'with and without lookup',
                                [('--no-lookup',), ('--lookup', '1'), ('--lookup', '4')]))
    if command.has_option('run', 'prefix-cache'):  # saved by the second, restored by the third
        with tempfile.TemporaryDirectory(prefix='orion-same-') as folder:
            command.environment['ORION_CACHE'] = folder
            good.append(check_texts(command, models[0], 'with and without a kept prefix',
                                    [(), ('--prefix-cache',), ('--prefix-cache',)]))
    print(f'check-same: {command.runs} runs in {time.monotonic() - begun:.0f} s on '
          f'{", ".join(command.tiers)}: {sum(good)} of {len(good)} cases are the same bits')
    return 0 if all(good) else 1


if __name__ == '__main__':
    sys.exit(main())
