#!/usr/bin/env python3
"""1,000 short texts to vectors, beside llama.cpp on the same file.

    bench.py ORION MODELS-FOLDER MODEL...

Environment: RUNS (3), THREADS (2), TEXTS (1000), PEER as peer.mjs has it.

A run is a fresh process of each in turn, the order turned round every other run. llama.cpp
is timed within its process, after the model is loaded and some texts have warmed it up;
orion's time is that of its whole process, loading, printing and all. Both make tokens of
the texts themselves. A table goes to standard output, every figure as CSV to
bench/results/."""
import json
import os
import resource
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..'))
import machine

PEER = os.path.join(HERE, '..', 'peer', 'peer.mjs')
TEXT = os.path.join(HERE, '..', '..', 'tests', 'golden', 'records-long-es.txt')
TOOLS = ('orion', 'llama.cpp')
LIMIT_S = 3600


def texts(n):
    """Records with a number, so that each is another text."""
    with open(TEXT, encoding='utf-8') as f:
        lines = f.read().splitlines()
    return [f'{i}. {lines[i % len(lines)]}' for i in range(n)]


def run(command, stdin):
    """Its output, seconds, and seconds of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False,
                          timeout=LIMIT_S)
    wall = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f'bench-embed: {command[0]}: exit status {done.returncode}\n'
                         f'{done.stderr[-2000:]}')
    return done.stdout, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(tool, orion, path, threads, given):
    """name of a figure -> value"""
    if tool == 'orion':
        _, wall, cpu = run([orion, 'embed', path, '--threads', threads], '\n'.join(given))
    else:
        out, _, _ = run(['node', PEER, 'embed', path, threads], json.dumps(given))
        result = json.loads(out)
        wall, cpu = result['seconds'], result['cpu_seconds']
    return {'texts a second': len(given) / wall, 'texts a cpu second': len(given) / cpu}


def report(turns):
    print(f'  {"":22} {"orion":>10} {"llama.cpp":>10} {"ratio":>7}')
    for figure in turns['orion'][0]:
        ours, theirs = (statistics.median(t[figure] for t in turns[tool]) for tool in TOOLS)
        print(f'  {figure:22} {ours:10.1f} {theirs:10.1f} {ours / theirs:7.2f}', flush=True)


def main():
    orion, folder, *models = sys.argv[1:]
    runs = int(os.environ.get('RUNS') or 3)
    threads = os.environ.get('THREADS') or '2'
    given = texts(int(os.environ.get('TEXTS') or 1000))
    with open(os.path.join(os.environ['PEER'], 'package-lock.json'), encoding='utf-8') as f:
        version = json.load(f)['packages']['node_modules/node-llama-cpp']['version']
    about = machine.facts(**{'runs': runs, 'node-llama-cpp': version, 'texts': len(given),
                             'threads': threads})
    machine.print_facts(about)
    rows = []
    for model in models:
        path = os.path.join(folder, model + '.gguf')
        turns = {tool: [] for tool in TOOLS}
        for number in range(runs):
            for tool in TOOLS if number % 2 == 0 else reversed(TOOLS):
                turns[tool].append(measure(tool, orion, path, threads, given))
                rows += [[model, number, tool, figure, f'{value:.6g}']
                         for figure, value in turns[tool][-1].items()]
        print(f'\n{model}, {threads} threads, medians of {runs} runs')
        report(turns)
    path = machine.write_csv('embed', about, ['model', 'run', 'tool', 'figure', 'value'], rows)
    print(f'\n{path}')


if __name__ == '__main__':
    main()
