#!/usr/bin/env python3
"""The counting of tests: a failure or a crash can't pass for a success.

Runs tests/tap.sh on stand-ins for a cmocka program, and scripts/count-tests on
logs as meson writes them.
"""
import json
import os
import subprocess
import sys
import tempfile

import tap

TAP_SH = os.path.join(tap.SOURCE, 'tests', 'tap.sh')
COUNT = os.path.join(tap.SOURCE, 'scripts', 'count-tests')

# label, what the program does, what comes out, exit status
PROGRAMS = [
    ('passes', 'echo 1..1; echo "ok 1 - a"', 'ok 1 - a\n1..1\n', 0),
    ('fails', 'echo 1..1; echo "not ok 1 - a"; exit 1', 'not ok 1 - a\n1..1\n', 1),
    ('skips as cmocka does', 'echo 1..1; echo "not ok 1 # SKIP a"', 'ok 1 # SKIP a\n1..1\n', 0),
    ('two groups', 'echo 1..1; echo "ok 1 - a"; echo 1..2; echo "ok 1 - b"; echo "ok 2 - c"',
     'ok 1 - a\nok 2 - b\nok 3 - c\n1..3\n', 0),
    ('prints', 'echo 1..1; echo hello; echo "ok 1 - a"', '# hello\nok 1 - a\n1..1\n', 0),
    ('stops early', 'echo 1..2; echo "ok 1 - a"; exit 0', 'ok 1 - a\n1..2\n', 0),
    ('crashes', 'echo 1..2; echo "ok 1 - a"; kill -SEGV $$',
     'ok 1 - a\n1..2\n# killed by signal 11\n', 139),
    ('prints nothing', 'exit 0', '1..0\n', 0),
]

# label, runs as (result, stdout), meson's exit status, last line, exit status
LOGS = [
    ('cases of a TAP program', [('OK', 'ok 1 - a\nok 2 - b\n1..2\n')], 0, '2 passed, 0 failed', 0),
    ('a program without TAP', [('OK', 'hello\n')], 0, '1 passed, 0 failed', 0),
    ('a failed case', [('FAIL', 'ok 1 - a\nnot ok 2 - b\n1..2\n')], 1, '1 passed, 1 failed', 1),
    ('a crash after good cases', [('ERROR', 'ok 1 - a\n')], 1, '1 passed, 1 failed', 1),
    ('a time-out', [('TIMEOUT', '')], 1, '0 passed, 1 failed', 1),
    ('a skipped case', [('OK', 'ok 1 - a\nok 2 # SKIP b\n1..2\n')], 0,
     '1 passed, 0 failed, 1 skipped', 0),
    ('a skipped program', [('SKIP', ''), ('OK', '')], 0, '1 passed, 0 failed, 1 skipped', 0),
    ('only skipped', [('SKIP', '')], 0, '0 passed, 0 failed, 1 skipped', 1),
    ('no test', [], 0, '0 passed, 0 failed', 1),
    ('meson fails by itself', [('OK', '')], 1, '1 passed, 1 failed', 1),
]


def check_program(does, output, status):
    def check():
        run = subprocess.run(['sh', TAP_SH, 'sh', '-c', does], capture_output=True, text=True)
        assert (run.stdout, run.returncode) == (output, status), (run.stdout, run.returncode)
    return check


def check_log(runs, meson_status, last, status):
    def check():
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'testlog.json')
            with open(path, 'w', encoding='utf-8') as log:
                for number, (result, stdout) in enumerate(runs):
                    log.write(json.dumps({'name': str(number), 'result': result,
                                          'stdout': stdout}) + '\n')
            run = subprocess.run([sys.executable, COUNT, path, str(meson_status)],
                                 capture_output=True, text=True)
        assert run.stdout.splitlines()[-1] == last, run.stdout
        assert run.returncode == status, run.returncode
    return check


for label, does, output, status in PROGRAMS:
    tap.add_case(f'tap.sh: a program that {label}', check_program(does, output, status))
for label, runs, meson_status, last, status in LOGS:
    tap.add_case(f'count-tests: {label}', check_log(runs, meson_status, last, status))


@tap.case('count-tests: no log at all')
def no_log():
    run = subprocess.run([sys.executable, COUNT, '/nonexistent/log', '1'], capture_output=True, text=True)
    assert (run.stdout.splitlines()[-1], run.returncode) == ('0 passed, 1 failed', 1), run.stdout


tap.main()
