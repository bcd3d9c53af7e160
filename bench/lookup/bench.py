#!/usr/bin/env python3
"""What lookup decoding gains on given texts: see lookup.c.

    bench.py LOOKUP MODEL VOCAB

Environment: RUNS (3), THREADS (2), ONLY, a list of texts.

texts/NAME.prompt.txt and texts/NAME.answer.txt: two summaries of records, two edits of a
given text, and an answer that has nothing in common with its question.  Each run times the
answer token by token and with guesses, in turns of some tokens each.  A table goes to
standard output, every figure as CSV to bench/results/."""
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..'))
import machine

TEXTS = ('summary-en', 'summary-es', 'edit-en', 'edit-code', 'other')
COLUMNS = ('text', 'run', 'prompt tokens', 'answer tokens', 'guessed', 'right', 'plain ms', 'guessing ms')


def measure(lookup, model, vocab, text, threads):
    paths = [os.path.join(HERE, 'texts', f'{text}.{part}.txt') for part in ('prompt', 'answer')]
    line = subprocess.run([lookup, model, vocab, *paths, threads], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.split()
    return [int(n) for n in line[:4]] + [float(ms) for ms in line[4:]]


def main():
    lookup, model, vocab = sys.argv[1:]
    threads = os.environ.get('THREADS') or '2'
    runs = int(os.environ.get('RUNS') or 3)
    about = machine.facts(model=os.path.basename(model), threads=threads, runs=runs)
    machine.print_facts(about)
    print(f"\n{'text':<12} {'tokens':>9} {'guessed':>8} {'right':>6} {'tokens/s':>9} {'guessing':>9} {'gain':>5}")
    rows = []
    for text in (os.environ.get('ONLY') or ' '.join(TEXTS)).split():
        results = [measure(lookup, model, vocab, text, threads) for _ in range(runs)]
        rows += [[text, run, *result] for run, result in enumerate(results)]
        prompt, answer, guessed, right = results[0][:4]
        plain, guessing = (statistics.median(column) for column in list(zip(*results))[4:])
        gain = statistics.median(result[4] / result[5] for result in results)
        print(f'{text:<12} {prompt:>4}+{answer:<4} {guessed:>8} {right:>6} {answer * 1e3 / plain:>9.2f} '
              f'{answer * 1e3 / guessing:>9.2f} {gain:>5.2f}', flush=True)
    print('written to', machine.write_csv('lookup', about, COLUMNS, rows))


if __name__ == '__main__':
    main()
