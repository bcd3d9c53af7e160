#!/usr/bin/env python3
"""What a REF may be, in every verb that takes one: the exit codes of docs/guide.md."""
import os
import subprocess

import cli
from cli import tap

RECORD = os.path.join(cli.GOLDEN, 'records-en.txt')
# REF stands for the name, FILE for a text.  Nothing of these is to be done, so they are quick.
LOCAL = ['path REF', 'show REF', 'tokenize REF x', 'perplexity REF FILE', 'bench REF', 'verify REF',
         'quantize REF new.gguf Q8_0', 'rm REF']
FETCHING = ['fit REF', 'embed REF x', 'run REF x', 'summarize REF FILE', 'pull REF', 'pull --dry-run REF']

# name, what standard error must hold
MALFORMED = [
    ('', "a model's name is empty"),
    ('acme/my model', "'acme/my model' is not a model's name"),
    ('acme/tiny:', 'what follows \':\' is no quantization'),
    ('acme/tiny@', "what follows '@' is no revision"),
    ('acme//x.gguf', "is not a model's name"),
    ('acme/tiny/../x.gguf', "is not a model's name"),
    ('https://huggingface.co/acme/tiny', "is not a model's name"),
]
UNKNOWN = ['nothing', 'nothing:Q4_0', 'nothing@main', 'no thing']


def command(line, name):
    return [name if word == 'REF' else RECORD if word == 'FILE' else word for word in line.split()]


def add_names(line):
    def check():
        with cli.Home() as home:
            for name, sentence in MALFORMED:
                home.orion(*command(line, name), '--offline').expect(code=2, err=sentence)
            for name in UNKNOWN:
                home.orion(*command(line, name), '--offline').expect(code=3, err=f"'{name}'")
    tap.add_case(f'names: in orion {line}', check)


for verb in LOCAL + FETCHING:
    add_names(verb)


@tap.case('names: for import --as, a file of a repository')
def import_as():
    with cli.Home() as home:
        for name in ('acme/tiny', 'tiny.gguf', 'acme/my model/x.gguf', 'acme/tiny:Q4_0'):
            home.orion('import', '--as', name, cli.SMALL).expect(code=2)
        assert not os.path.exists(home.models + '/acme')


def homeless(*args):
    """Run by a user who has nothing set, not even a home."""
    env = {k: v for k, v in cli.environment('').items() if k != 'HOME'}
    done = subprocess.run([cli.ORION, *args], capture_output=True, env=env, timeout=cli.DEADLINE,
                          stdin=subprocess.DEVNULL, check=False)
    return cli.Result(args, done.returncode, done.stdout, done.stderr)


@tap.case('names: without a home, a path to a file is one')
def path_without_home():
    homeless('path', cli.TINY).expect(out=cli.TINY)
    homeless('show', cli.TINY).expect(out='architecture')
    homeless('fit', cli.TINY).expect(out='already here')
    homeless('tokenize', cli.TINY, 'a').expect()
    homeless('run', cli.TINY, '--temp', '0', '--max-tokens', '1', 'Hi').expect()
    homeless('embed', os.path.join(cli.GOLDEN, 'embed-bert.gguf'), 'a').expect()
    homeless('config').expect()
    homeless('path', './nothing.gguf').expect(code=3, err='there is no file')
    homeless('path', cli.GOLDEN).expect(code=3, err='is not a file')


@tap.case('names: without a home, what needs the models directory says so')
def no_directory():
    for line in ('list', 'show orion-tiny', 'path acme/tiny', 'run nothing x', 'fit acme/tiny', 'df', 'verify',
                 'pull acme/tiny', 'pull --dry-run acme/tiny', 'rm -f acme/tiny', 'rm --partials', 'prune',
                 'serve --port 0', f'import {cli.SMALL}'):
        homeless(*line.split(), '--offline').expect(code=2, err='no models directory: set ORION_MODELS, or HOME')


if __name__ == '__main__':
    tap.main()
