#!/usr/bin/env python3
"""orion against llama.cpp, token by token: the same text through the same file.

    check.py ORION MODEL.gguf...

Environment: POSITIONS (2000), THREADS (1), PEER as peer.mjs has it, RECORD as page.py.

Of each position the likeliest token and the log-likelihood of the one that comes are
compared. What two correct engines may differ in is measured on llama.cpp itself: it
computes the text twice, in batches of 512 and of 16, which takes other kernels through
the same weights. What the two runs differ by at all but 1 % of the positions is its noise:
not the most, since in a mixture of experts a few near ties of the router send a token
to another expert, and would hide the other positions. Where its two likeliest tokens are
closer than that in one of the runs, or not the same in both, either is right. Half of the
positions must be clear of this, and more; at 99 % of those orion must agree, and its
perplexity be within 0.5 %.

Windows are of 512 tokens, so that no attention window shows, about which the two differ
on purpose (Phi-3's, beyond 2047)."""
import json
import math
import os
import subprocess
import sys

import page

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT = os.path.join(HERE, '..', '..', 'tests', 'golden', 'records-long-es.txt')
WINDOW = 512
LIMIT_S = 3600
BOS = 1  # in all the models that this is for


def run(command, stdin, **environment):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False,
                          timeout=LIMIT_S, env={**os.environ, **environment})
    if done.returncode != 0:
        raise SystemExit(f'check-peer: {command[0]}: exit status {done.returncode}\n'
                         f'{done.stderr[-2000:]}')
    return json.loads(done.stdout)


def ask_orion(orion, model, threads, text):
    return run([orion, 'perplexity', model, '-', '--each', '--json', '--ctx', str(WINDOW),
                '--threads', threads], text)['each']


def enough_text(orion, model, positions):
    """Records, over again until they are as many tokens."""
    with open(TEXT, encoding='utf-8') as f:
        text = f.read()
    n_tokens = run([orion, 'tokenize', model, '--json'], text)['count']
    share = 1.05 * positions / n_tokens  # a share of the bytes may have fewer tokens
    return (text * math.ceil(share))[:math.ceil(len(text) * share)]


def windows_of(rows):
    """What orion computed, as lists of ids."""
    windows = []
    for row in rows:
        if row['position'] == 1:
            windows.append([BOS])
        windows[-1].append(row['token'])
    return windows


def perplexity(log_likelihoods):
    return math.exp(-sum(log_likelihoods) / len(log_likelihoods))


def noise_of(peer, again):
    """What two runs differ by at 99 of 100 positions."""
    differences = sorted(abs(a[4] - b[4]) for a, b in zip(peer, again))
    return differences[len(differences) * 99 // 100]


def is_clear(a, b, noise):
    """Whether two runs name the same token, each by more than the noise."""
    return a[0] == b[0] and min(a[2] - a[3], b[2] - b[3]) > noise


def compare(orion, model, positions, threads):
    """Whether they agree, after a line that says how well, and a row for the page."""
    rows = ask_orion(orion, model, threads, enough_text(orion, model, positions))
    rows = rows[:positions]
    windows = json.dumps(windows_of(rows))
    peer, again = (run(['node', os.path.join(HERE, 'peer.mjs'), 'logits', model, threads, batch],
                       windows) for batch in ('512', '16'))
    assert len(rows) == len(peer) == len(again)

    noise = noise_of(peer, again)
    clear = [(row['likeliest'], a[0]) for row, a, b in zip(rows, peer, again) if is_clear(a, b, noise)]
    agreed = sum(ours == theirs for ours, theirs in clear) / max(len(clear), 1)
    ours = perplexity([row['log_likelihood'] for row in rows])
    theirs = perplexity([row[4] for row in peer])
    good = len(clear) > len(rows) / 2 and agreed >= 0.99 and abs(ours / theirs - 1) <= 0.005
    print(f'{"ok  " if good else "FAIL"} {os.path.basename(model)}: the same token at '
          f'{100 * agreed:.2f} % of {len(clear)} positions ({len(rows) - len(clear)} more are '
          f'within the noise of {noise:.3f}), perplexity {ours:.4f}, llama.cpp {theirs:.4f} '
          f'({100 * (ours / theirs - 1):+.3f} %)', flush=True)
    row = [*page.facts(orion, model), f'{len(rows)}', f'{len(clear)}', f'{100 * agreed:.2f} %',
           f'{ours:.3f}', f'{theirs:.3f}', f'{100 * (ours / theirs - 1):+.3f} %']
    return good, row


def main():
    orion, *models = sys.argv[1:]
    positions = int(os.environ.get('POSITIONS') or 2000)
    threads = os.environ.get('THREADS') or '1'
    good, bad = page.compare_all('logits', models,
                                 lambda model: compare(orion, model, positions, threads))
    print(f'check-peer: {good} models agree, {bad} do not')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
