#!/usr/bin/env python3
"""orion beside llama.cpp on the same file: speed, time to the first token, memory.

    bench.py ORION MODELS-FOLDER MODEL...

Environment: RUNS (3), THREADS ("2", or "1 2"), TESTS (pp512,pp64,tg64), CONTEXT (1024),
PEER, BATCH and FLASH as peer.mjs has them.

A run is a fresh process of each in turn, the order turned round every other run.  Both
compute the same kinds of random tokens after a short prompt that warms them up; neither
samples.  The model's file is in the page cache as the tool's own first, cold process has
read it: the size of the pages there makes a difference of a third.  "load + 16 tokens" is
measured within; the first token is a whole process, with a prompt of 16 tokens and node's
own start counted.

"per cpu s" counts the processor time of all threads: where other programs share the
machine it is the better guide for a single thread, while with several it counts waiting
threads that spin.  Shares are orion's: an answer's of what reading its weights gave after
each token, a prompt's of the multiply-adds before and after (orion bench).  A table goes
to standard output, every figure as CSV to bench/results/."""
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..'))
import machine

PEER = os.path.join(HERE, 'peer.mjs')
TOOLS = ('orion', 'llama.cpp')
PROMPT_TOKENS = 16
LIMIT_S = 3600  # for one process


def run(command):
    """Its output, seconds, and the most memory that it took."""
    begun = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True) as process:
        out, err = process.communicate(timeout=LIMIT_S)
    if process.returncode != 0:
        raise SystemExit(f'bench-peer: {command[0]}: exit status {process.returncode}\n{err[-2000:]}')
    return out, time.monotonic() - begun


class Case:
    """One model with one number of threads."""

    def __init__(self, orion, path, threads, tests, context):
        self.orion, self.path, self.threads = orion, path, threads
        self.tests, self.context = tests, context
        self.prompt, self.ids = self.make_prompt()

    def make_prompt(self):
        """A text of PROMPT_TOKENS tokens, BOS counted, and their ids."""
        text = ''
        for letter in 'aeioubcdfghklmnpqrstvwxyz' * 8:
            text += letter + ' '
            done, _ = run([self.orion, 'tokenize', self.path, '--bos', '--json', text])
            ids = json.loads(done)['tokens']
            if len(ids) >= PROMPT_TOKENS:
                break
        return text, ids

    def bench(self, tool):
        if tool == 'orion':
            command = [self.orion, 'bench', self.path, '--json', '--repeat', '1', '--only',
                       self.tests, '--threads', str(self.threads), '--ctx', str(self.context)]
        else:
            command = ['node', PEER, 'bench', self.path, str(self.threads), str(self.context),
                       self.tests]
        return json.loads(run(command)[0])

    def first(self, tool):
        """Seconds of a process that computes one token."""
        if tool == 'orion':
            command = [self.orion, 'run', self.path, self.prompt, '--raw', '--temp', '0',
                       '--max-tokens', '1', '--threads', str(self.threads), '--quiet']
        else:
            command = ['node', PEER, 'first', self.path, str(self.threads),
                       ','.join(map(str, self.ids))]
        return run(command)[1]

    def turn(self, tool):
        """One run of one tool: name of a figure -> value."""
        dropped = drop(self.path)
        cold = self.first(tool)
        result = self.bench(tool)
        figures = {'peak MB': result['peak_bytes'] / 1e6,
                   'private MB': result['private_bytes'] / 1e6,
                   'load + 16 tokens s': result['first_token_ms'] / 1e3}
        for test in result['tests']:
            figures[test['test']] = test['tokens_per_second']
            figures[test['test'] + ' per cpu s'] = test['tokens_per_cpu_second']
            for name in ('memory_share', 'compute_share'):  # orion alone measures the machine
                if name in test:
                    figures[f'{test["test"]} {name.replace("_", " ")}'] = test[name]
        figures['first token s'] = self.first(tool)
        if dropped:
            figures['first token cold s'] = cold
        return figures


def drop(path):
    """Take the file out of the page cache; whether that worked."""
    with open(path, 'rb', buffering=0) as f:
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        size = os.fstat(f.fileno()).st_size
        cached = 0
        for at in range(0, size, max(size // 64, 4096)):
            try:  # reads nothing that would have to come from the disk
                cached += os.preadv(f.fileno(), [bytearray(1)], at, os.RWF_NOWAIT) > 0
            except BlockingIOError:
                pass
        return cached < 4


def higher_is_better(figure):
    return not (figure.endswith(' MB') or figure.startswith(('load', 'first token')))


def report(turns):
    """Medians side by side; a ratio above 1 is in orion's favour."""
    print(f'  {"":22} {"orion":>10} {"llama.cpp":>10} {"ratio":>7}')
    for figure in turns['orion'][0]:
        values = {tool: [t[figure] for t in turns[tool] if figure in t] for tool in TOOLS}
        if not all(values.values()):
            print(f'  {figure:22} {statistics.median(values["orion"]):10.2f}', flush=True)
            continue
        ours, theirs = (statistics.median(values[tool]) for tool in TOOLS)
        ratio = ours / theirs if higher_is_better(figure) else theirs / ours
        print(f'  {figure:22} {ours:10.2f} {theirs:10.2f} {ratio:7.2f}', flush=True)


def main():
    orion, folder, *models = sys.argv[1:]
    runs = int(os.environ.get('RUNS') or 3)
    tests = os.environ.get('TESTS') or 'pp512,pp64,tg64'
    context = int(os.environ.get('CONTEXT') or 1024)
    with open(os.path.join(os.environ['PEER'], 'package-lock.json'), encoding='utf-8') as f:
        version = json.load(f)['packages']['node_modules/node-llama-cpp']['version']
    about = machine.facts(**{'runs': runs, 'node-llama-cpp': version,
                             'batch': os.environ.get('BATCH') or 512,
                             'flash attention': os.environ.get('FLASH') or 'auto'})
    machine.print_facts(about)
    rows = []
    for model in models:
        for threads in map(int, (os.environ.get('THREADS') or '2').split()):
            case = Case(orion, os.path.join(folder, model + '.gguf'), threads, tests, context)
            turns = {tool: [] for tool in TOOLS}
            for number in range(runs):
                for tool in TOOLS if number % 2 == 0 else reversed(TOOLS):
                    turns[tool].append(case.turn(tool))
                    rows += [[model, threads, number, tool, figure, f'{value:.6g}']
                             for figure, value in turns[tool][-1].items()]
            print(f'\n{model}, {threads} thread{"s" if threads > 1 else ""}, '
                  f'medians of {runs} runs')
            report(turns)
    path = machine.write_csv('peer', about,
                             ['model', 'threads', 'run', 'tool', 'figure', 'value'], rows)
    print(f'\n{path}')


if __name__ == '__main__':
    main()
