#!/usr/bin/env python3
"""orion's embeddings against llama.cpp's, text by text through the same file.

    check_embed.py ORION MODEL.gguf...

Environment: THREADS (1), PEER as peer.mjs has it, RECORD as page.py.

Texts of one to some 300 tokens; both get the same ids. The cosine of each pair of vectors
must be at least 0.999. As a check of the check, vectors of different texts must not all be
alike."""
import json
import math
import os
import sys

import page
from check import run

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT = os.path.join(HERE, '..', '..', 'tests', 'golden', 'records-long-es.txt')
LEAST = 0.999


def texts():
    """Single records, and the first so many of them on one line."""
    with open(TEXT, encoding='utf-8') as f:
        lines = f.read().splitlines()
    return ['a', 'dos', *lines[:12], *(' '.join(lines[:n])[:420] for n in (2, 4, 6, 12))]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def compare(orion, model, threads):
    """Whether they agree, after a line that says how well, and a row for the page."""
    given = texts()
    ours = run([orion, 'embed', model, '--json', '--threads', threads], '\n'.join(given))
    ids = [run([orion, 'tokenize', model, '--bos', '--eos', '--json', text], '')['tokens'] for text in given]
    assert [len(i) for i in ids] == [e['tokens'] for e in ours['embeddings']]
    theirs = run(['node', os.path.join(HERE, 'peer.mjs'), 'embed', model, threads], json.dumps(ids))
    vectors = [e['embedding'] for e in ours['embeddings']]
    least = min(cosine(a, b) for a, b in zip(vectors, theirs['vectors']))
    between = min(cosine(vectors[0], v) for v in vectors[1:])
    good = least >= LEAST and between < LEAST
    print(f'{"ok  " if good else "FAIL"} {os.path.basename(model)}: {len(given)} texts of '
          f'{min(map(len, ids))} to {max(map(len, ids))} tokens, cosines of at least {least:.6f} '
          f'(of different texts down to {between:.3f})', flush=True)
    return good, [*page.facts(orion, model), f'{len(given)}', f'{least:.6f}']


def main():
    orion, *models = sys.argv[1:]
    threads = os.environ.get('THREADS') or '1'
    good, bad = page.compare_all('embeddings', models, lambda model: compare(orion, model, threads))
    print(f'check-peer: {good} models for embeddings agree, {bad} do not')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
