#!/usr/bin/env python3
"""How many instructions a step takes, against the record in bench/instructions.json.

    instructions.py STEP COMPILER [--all] [--record]

STEP is step.c built; callgrind runs it on the bundled model with one thread and counts
inside of the function that computes the prompt or the token, nothing else. Counts repeat
exactly, so a slower kernel shows where timings on a shared machine can't. A count that
grew by more than 5 % fails; --record writes down what is there now, on purpose.

Tiers are those that valgrind can run: it knows no AVX-512. The prompt in scalar code takes
a minute and is counted with --all and --record only. Counts belong to a compiler, which
the record names; with another one nothing is compared. Speaks TAP."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, '..', '..')
RECORD = os.path.join(SOURCE, 'bench', 'instructions.json')
MODEL = os.path.join(SOURCE, 'models', 'orion-tiny.gguf')
GROWTH = 1.05

# tier, what, the function that is counted, whether it is quick
CASES = [('avx2', 'decode', 'ori_session_append', True),
         ('avx2', 'prompt', 'ori_session_prefill', True),
         ('scalar', 'decode', 'ori_session_append', True),
         ('scalar', 'prompt', 'ori_session_prefill', False)]


# libc clears and copies large blocks by one instruction that valgrind counts for each byte;
# by vectors instead, so that what is counted is near what is done.
NO_REP = ':'.join(f'glibc.cpu.x86_rep_{what}_threshold={1 << 30}' for what in ('stosb', 'movsb'))


def count(step, tier, what, function):
    """Instructions, or a sentence that says why there are none."""
    with tempfile.TemporaryDirectory(prefix='orion-count-') as folder:
        out = os.path.join(folder, 'callgrind')
        done = subprocess.run(
            ['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}',
             f'--toggle-collect={function}', step, MODEL, what],
            env={**os.environ, 'ORION_CPU': tier, 'GLIBC_TUNABLES': NO_REP}, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return done.stderr[-500:]
        with open(out, encoding='utf-8') as f:
            totals = [line.split()[1] for line in f if line.startswith('totals:')]
    return int(totals[0]) if totals and int(totals[0]) > 0 else f'{function} was never called'


def read_record():
    with open(RECORD, encoding='utf-8') as f:
        return json.load(f)


def verdict(found, name, recorded):
    """ok or not ok, and why."""
    if not isinstance(found, int):
        return False, f'{name}: {found}'
    if name not in recorded:
        return False, f'{name}: {found} instructions, and no record; see scripts/check-instructions'
    grown = found / recorded[name]
    return grown <= GROWTH, f'{name}: {found} instructions, {100 * (grown - 1):+.2f} % of the record'


def main():
    step, compiler, *flags = sys.argv[1:]
    cases = [case for case in CASES if case[3] or flags]
    record = {'compiler': compiler, 'instructions': {}} if '--record' in flags else read_record()

    why = ('valgrind is not here' if not shutil.which('valgrind') else
           '' if record['compiler'] == compiler else
           f'the record is for {record["compiler"]}, this is {compiler}')
    if why:
        print(f'1..0 # SKIP {why}')
        return 0
    bad = 0
    print(f'1..{len(cases)}')
    for number, (tier, what, function, _) in enumerate(cases, 1):
        name = f'{tier} {what}'
        found = count(step, tier, what, function)
        if '--record' in flags and isinstance(found, int):
            record['instructions'][name] = found
        good, text = verdict(found, name, record['instructions'])
        bad += not good
        print(f'{"ok" if good else "not ok"} {number} - {text}', flush=True)
    if '--record' in flags and not bad:
        with open(RECORD, 'w', encoding='utf-8') as f:
            json.dump(record, f, indent=2)
            f.write('\n')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
