#!/usr/bin/env python3
"""The same bits, whatever computes them: one digest of all logits for each model.

    same.py ORION DIGESTS MODEL.gguf...

Each model computes a text of some 530 tokens in every tier of this CPU, with 1, 2, 3
and 5 threads and in chunks of 1 to 512 tokens; in the scalar tier, which is slow, and in
avxvnni where avx512 stands above it (it differs from avx2 by its products alone), each
number of threads and some sizes of chunks once. Of models named in BRIEF_MODELS, which are
larger, a short text goes through each tier in two ways. Models named in KV_MODELS go through
the matrix with each type of cache, in those two tiers in two ways; another type of cache is
another computation, so its digest is its own. DIGESTS computes all of that (digests.c), and
ORION, the command, must give the same digest once a model. What can make no difference to an
answer either (--lookup, --prefix-cache) is checked on text."""
import concurrent.futures
import functools
import hashlib
import itertools
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
KV_DEFAULT = 'f16'
KV_TYPES = ('q8_0', 'f32')  # beside it
KV_MODELS = ('F32', 'Q8_0', 'Q4_K')  # ends of names


def is_brief(model):
    return os.path.basename(model).startswith(BRIEF_MODELS)


class Commands:
    def __init__(self, orion, digests):
        self.orion, self.digests, self.runs, self.environment = orion, digests, 0, {}
        with open(TEXT, 'rb') as f:
            self.text = f.read(TEXT_BYTES)
        self.tiers = [tier for tier in ('scalar', 'avx2', 'avxvnni', 'avx512') if self.has_tier(tier)]

    def start(self, *args, tier=None, stdin=b''):
        environment = {**os.environ, **self.environment, **({'ORION_CPU': tier} if tier else {})}
        done = subprocess.run(args, input=stdin, capture_output=True,
                              env=environment, check=False, timeout=600)
        self.runs += 1
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def run(self, *args, **how):
        return self.start(self.orion, *args, **how)

    def has_tier(self, tier):
        golden = os.path.join(HERE, '..', 'golden', 'llama-gqa.gguf')
        return self.run('perplexity', golden, '-', tier=tier, stdin=b'the and')[0] == 0

    def takes_few(self, tier):
        return tier == 'scalar' or (tier == 'avxvnni' and 'avx512' in self.tiers)

    def ways(self, model, kv):
        """tier, threads, sizes of chunks"""
        for tier in self.tiers:
            pairs = [(t, c) for t in THREADS for c in CHUNKS]
            if self.takes_few(tier):
                pairs = FEW if kv == KV_DEFAULT else BRIEF
            if is_brief(model):
                pairs = BRIEF
            for threads, those in itertools.groupby(pairs, lambda pair: pair[0]):
                yield tier, threads, [chunk for _, chunk in those]

    @functools.cache
    def facts(self, model):
        return json.loads(self.run('show', model, '--json')[1])['model']

    def text_for(self, model):
        return self.text[:BRIEF_BYTES] if is_brief(model) else self.text

    def context_of(self, model):
        return str(min(CONTEXT, self.facts(model)['context_tokens']))

    def is_embedding(self, model):
        return self.facts(model)['embedding_length'] > 0

    def digest_of_vector(self, model, tier, threads, chunk):
        """Of the first sentence of the text; chunks are how much is computed beside it."""
        texts = self.text.split(b'. ')[:max(chunk // 16, 1)]
        code, out, err = self.run('embed', model, '--threads', str(threads), tier=tier, stdin=b'\n'.join(texts))
        return hashlib.sha256(out.splitlines()[0].encode()).hexdigest() if code == 0 else f'exit code {code}: {err}'

    def digests_of(self, model, kv, way):
        """One for each size of chunks."""
        tier, threads, chunks = way
        if self.is_embedding(model):
            return [self.digest_of_vector(model, tier, threads, chunk) for chunk in chunks]
        code, out, err = self.start(self.digests, model, kv, self.context_of(model), str(threads),
                                    *map(str, chunks), tier=tier, stdin=self.text_for(model))
        return out.split() if code == 0 else [f'exit code {code}: {err}'] * len(chunks)

    def digest_by_orion(self, model, kv):
        code, out, err = self.run('perplexity', model, '-', '--digest', '--kv-type', kv, '--ctx',
                                  self.context_of(model), stdin=self.text_for(model))
        return out.split()[1] if code == 0 else f'exit code {code}: {err}'


def check_digests(model, kv, found):
    """Whether there is one digest; says so.  `found`: (way, digest)."""
    by_digest = {}
    for way, digest in found:
        by_digest.setdefault(digest, []).append(way)
    name = os.path.basename(model) + ('' if kv == KV_DEFAULT else f' --kv-type {kv}')
    if len(by_digest) == 1 and not next(iter(by_digest)).startswith('exit'):
        print(f'ok   {name}: {len(found)} ways, one digest ({next(iter(by_digest))[:16]}...)', flush=True)
        return True
    print(f'FAIL {name}: {len(by_digest)} digests')
    for digest, those in by_digest.items():
        print(f'     {digest if digest.startswith("exit") else digest[:16]}: '
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
    command = Commands(*sys.argv[1:3])
    models = sys.argv[3:]
    begun = time.monotonic()
    cases = [(model, KV_DEFAULT) for model in models]
    cases += [(model, kv) for model in models for kv in KV_TYPES
              if model.removesuffix('.gguf').endswith(KV_MODELS)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(command.facts, models))  # once, not by each of the first runs
        asked = [(case, way) for case in cases for way in command.ways(*case)]
        by_command = {case: pool.submit(command.digest_by_orion, *case)
                      for case in cases if not command.is_embedding(case[0])}
        found = {case: [] for case in cases}
        for (case, way), digests in zip(asked, pool.map(lambda a: command.digests_of(*a[0], a[1]), asked)):
            tier, threads, chunks = way
            found[case] += [((tier, threads, chunk), digest) for chunk, digest in zip(chunks, digests, strict=True)]
        for case, future in by_command.items():
            found[case].append(('the command', future.result()))
    good = [check_digests(*case, of) for case, of in found.items()]
    threads = [('--threads', str(n)) for n in THREADS]
    good.append(check_texts(command, models[0], 'on different threads', threads))
    good.append(check_texts(command, models[0], 'with and without lookup',
                            [('--no-lookup',), ('--lookup', '1'), ('--lookup', '4')]))
    with tempfile.TemporaryDirectory(prefix='orion-same-') as folder:
        command.environment['ORION_CACHE'] = folder  # saved by the second, restored by the third
        good.append(check_texts(command, models[0], 'with and without a kept prefix',
                                [(), ('--prefix-cache',), ('--prefix-cache',)]))
    n_ways = sum(map(len, found.values()))
    print(f'check-same: {n_ways} ways by {command.runs} processes in {time.monotonic() - begun:.0f} s on '
          f'{", ".join(command.tiers)}: {sum(good)} of {len(good)} cases are the same bits')
    return 0 if all(good) else 1


if __name__ == '__main__':
    sys.exit(main())
