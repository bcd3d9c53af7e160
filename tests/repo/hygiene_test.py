#!/usr/bin/env python3
"""Small things that a reader should never have to look for."""
import os
import re
import shutil
import subprocess

import tap
import tree

FILES = tree.project_files()
LIBRARY = [f for f in FILES if f.startswith('src/') and f.endswith(('.c', '.h'))]
COMMAND = [f for f in FILES if f.startswith('cli/') and f.endswith(('.c', '.h'))]
C_FILES = [f for f in FILES if f.endswith(('.c', '.h'))]
TEXT = [f for f in FILES if not f.endswith(('.gguf', '.bin', '.png', '.model', '.npz'))]

# A buffer without its size, a shell, a private race, or not the same everywhere.
UNSAFE = ('strcpy stpcpy strcat strncpy strncat sprintf vsprintf gets scanf system popen tmpnam '
          'mktemp tempnam alloca strtok atoi atol atof rand srand').split()
# The library never prints, exits or aborts.
LOUD = ('printf vprintf fprintf vfprintf dprintf puts fputs putchar perror exit _exit _Exit '
        'quick_exit abort err errx warn warnx').split()


def calls(files, names):
    pattern = re.compile(r'(?<![\w.>])(' + '|'.join(names) + r')\s*\(')
    for path in files:
        code = tree.code_of(tree.read(path))
        for match in pattern.finditer(code):
            yield f'{path}:{code.count(chr(10), 0, match.start()) + 1}: {match.group(1)}()'


def lines_with(files, pattern):
    for path in files:
        for number, line in enumerate(tree.read(path).splitlines(), 1):
            if re.search(pattern, line):
                yield f'{path}:{number}: {line.strip()[:100]}'


@tap.case('no unsafe function is called')
def unsafe():
    tap.fail_if(list(calls(LIBRARY + COMMAND, UNSAFE)), 'unsafe calls')


@tap.case('the library never prints, exits or aborts')
def loud():
    tap.fail_if(list(calls(LIBRARY, LOUD)), 'calls that the library must not make')


@tap.case('no libm at run time where bits must be the same')
def libm():
    rooms = [f for f in LIBRARY if f.split('/')[1] in ('kernels', 'model', 'runtime')]
    names = 'expf? logf? sinf? cosf? tanf? tanhf? powf? exp2f? log2f? erff? sincosf?'.split()
    tap.fail_if(list(calls(rooms, names)), 'calls of libm')


@tap.case('a goto only leads forward to a clean-up')
def gotos():
    found = []
    for path in C_FILES:
        code = tree.code_of(tree.read(path))
        for match in re.finditer(r'\bgoto\s+(\w+)', code):
            label = re.search(r'^\s*' + match.group(1) + r'\s*:', code[match.end():], re.MULTILINE)
            if not label:
                found.append(f'{path}: goto {match.group(1)}')
    tap.fail_if(found, 'gotos that lead back')


@tap.case('nothing names a path of one machine')
def machine_paths():
    # /home/x is nobody's: a test may name it
    pattern = r'(?<![\w./])/(root|home/(?!x/)\w+|work|Users/\w+)/'
    tap.fail_if(list(lines_with(TEXT, pattern)), 'paths of one machine')


@tap.case('no line ends in blanks, and each file in a newline')
def whitespace():
    found = []
    for path in TEXT:
        text = tree.read(path)
        if text and not text.endswith('\n'):
            found.append(f'{path}: no newline at the end')
        found += [f'{path}:{n}: blanks at the end' for n, line in enumerate(text.split('\n'), 1)
                  if line != line.rstrip(' \t\r')]
    tap.fail_if([f for f in found if not f.startswith('tests/golden/')], 'white space')


@tap.case('links in the documents lead somewhere')
def links():
    found = []
    for path in FILES:
        if not path.endswith('.md'):
            continue
        text = re.sub(r'```.*?```', '', tree.read(path), flags=re.DOTALL)
        for target in re.findall(r'\[[^\]\n]*\]\(([^)\s]+)\)', text):
            file = target.split('#')[0]
            if not file or re.match(r'[a-z]+:', target):
                continue
            if not os.path.exists(os.path.join(tap.SOURCE, os.path.dirname(path), file)):
                found.append(f'{path}: {target}')
    tap.fail_if(found, 'broken links')


@tap.case('meson.build and orion.h have the same version')
def versions():
    built = re.search(r"version: '([\d.]+)'", tree.read('meson.build')).group(1)
    header = re.findall(r'#define ORION_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)',
                        tree.read('include/orion.h'))
    assert '.'.join(header) == built, f'{header} and {built}'


@tap.case('every room has its page in docs/internals')
def pages():
    rooms = {f.split('/')[1] for f in LIBRARY if f.count('/') > 1}
    tap.fail_if(sorted(r for r in rooms if f'docs/internals/{r}.md' not in FILES), 'no page for')


@tap.case('every test is run')
def tests_listed():
    """A test file that no meson.build names is a test that nobody runs."""
    builds = {os.path.dirname(f): tree.read(f) for f in FILES if f.endswith('meson.build')}
    unnamed = []
    for path in FILES:
        folder, name = os.path.split(path)
        stem = re.match(r'(\w+)_test\.(?:c|py)$', name)
        if path.startswith('tests/') and stem and not (
                f"'{name}'" in builds.get(folder, '') or f"'{stem[1]}'" in builds.get(folder, '')):
            unnamed.append(path)
    tap.fail_if(unnamed, 'not in the meson.build beside it')


@tap.case('shell scripts parse')
def shell():
    found = []
    for path in FILES:
        first = tree.read(path).split('\n', 1)[0] if path in TEXT else ''
        if re.match(r'#!.*\b(ba|da)?sh\b', first):
            interpreter = 'bash' if 'bash' in first else 'sh'
            run = subprocess.run([interpreter, '-n', path], cwd=tap.SOURCE, capture_output=True,
                                 text=True)
            if run.returncode:
                found.append(run.stderr)
    tap.fail_if(found, 'shell scripts')


@tap.case('the sources are laid out by .clang-format')
def layout():
    if not shutil.which('clang-format'):
        raise tap.Skip('clang-format is not here')
    version = subprocess.run(['clang-format', '--version'], capture_output=True, text=True).stdout
    if ' 14.' not in version:
        raise tap.Skip('only clang-format 14 is asked')
    run = subprocess.run(['clang-format', '--dry-run', '--Werror', *C_FILES], cwd=tap.SOURCE,
                         capture_output=True, text=True)
    tap.fail_if(re.findall(r'^(\S+:\d+):\d+: error', run.stderr, re.MULTILINE)[:20], 'run make format')


@tap.case('self-test: what is looked for is found')
def self_test():
    code = tree.code_of('/* strcpy(a, b) */ "gets(x)" // system(1)\nsystem("x"); o->exit(1); f.abort();')
    pattern = re.compile(r'(?<![\w.>])(strcpy|gets|system|exit|abort)\s*\(')
    assert [m.group(1) for m in pattern.finditer(code)] == ['system'], code
    assert code.count('\n') == 1


tap.main()
