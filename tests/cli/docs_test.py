#!/usr/bin/env python3
"""What README.md and docs/ say of the command is so: verbs, options, and what is printed."""
import functools
import os
import re
import shutil
import subprocess

import cli
from cli import tap

PAGES = ['README.md', 'CONTRIBUTING.md', 'docs/guide.md', 'docs/api.md', 'docs/models.md']
BLOCK = re.compile(r'^```\w*\n(.*?)^```$', re.M | re.S)


def read(page):
    with open(os.path.join(tap.SOURCE, page), encoding='utf-8') as file:
        return file.read()


def commands(page):
    """What stands after 'orion' in inline code and at the beginning of a block's lines."""
    text = read(page)
    blocks = ''.join(BLOCK.findall(text))
    yield from re.findall(r'^(?:\$ )?(?:[A-Z_]+=\S+ )*orion ([^#;\n]+)', blocks, re.M)
    yield from re.findall(r'`orion ([^`]+)`', text)


@functools.cache
def asked(*args):
    with cli.Home() as home:
        return home.orion(*args).expect().out


@functools.cache
def options_of(verb):
    """The options of a verb's help page, '-t' and '--threads'; '' has those of every verb."""
    lines = re.findall(r'^ +(-\w)?,? *(--[\w-]+)', asked('help', verb) if verb else asked('help'), re.M)
    return {option for line in lines for option in line if option}


VERBS = re.findall(r'^  ([a-z]+) ', asked('help'), re.M)


def mistakes(page):
    for command in commands(page):
        words = re.sub(r'[\[\]]|"[^"]*"', ' ', command).split()
        if words[0] == '...':
            continue
        if words[0] not in VERBS and words[0] != 'VERB':
            yield f'{page}: orion {command}: no such verb'
            continue
        known = options_of(words[0]) | options_of('')
        for word in words[1:]:
            option = word.split('=')[0].rstrip(',')
            if option.startswith('-') and option not in known:
                yield f'{page}: orion {command}: no such option'


@tap.case('docs: every verb and option of a command that is shown exists')
def shown_commands():
    assert len(VERBS) > 20 and sum(len(list(commands(page))) for page in PAGES) > 50
    tap.fail_if([wrong for page in PAGES for wrong in mistakes(page)], 'wrong')


@tap.case('docs: every option of every verb is told of in the guide')
def told_options():
    told = set(re.findall(r'(?<![\w-])--[a-z][\w-]*', read('docs/guide.md')))
    known = {option for verb in ['', *VERBS] for option in options_of(verb) if option.startswith('--')}
    assert len(known) > 60, known
    tap.fail_if(sorted(known - told), 'docs/guide.md does not tell of')


def shape(text, home):
    """Without what differs from run to run, and the progress that no terminal draws over."""
    text = re.sub(r'^orion: .*\d+%.*\n', '', text, flags=re.M)
    text = re.sub(r'\d{4}-\d\d-\d\d \d\d:\d\d', 'WHEN', text.replace(home, '/home/x'))
    return re.sub(r'\s+', ' ', re.sub(r'\d+:\d\d \([^)]*\)', 'TIME', text)).strip()


def sessions(page):
    """Each command that is shown after a '$', and what is shown of its output."""
    for block in BLOCK.findall(read(page)):
        for part in block.split('$ ')[1:] if block.startswith('$ orion ') else []:
            yield part.split('\n', 1)


@tap.case('docs: what README.md and the guide show of a terminal is printed')
def shown_output():
    shown = [*sessions('README.md'), *sessions('docs/guide.md')]
    assert len(shown) >= 5, shown
    with cli.Home() as home:
        home.start_hub('--repo', 'orion/orion-tiny=' + os.path.dirname(cli.TINY))
        shutil.copy(cli.SMALL, os.path.join(home.path, 'Phi-3-mini-F16.gguf'))
        env = {**cli.environment(home.path), 'HF_ENDPOINT': home.hub.url}
        env['PATH'] = os.path.dirname(cli.ORION) + ':' + env['PATH']
        for command, expected in shown:
            done = subprocess.run(command, shell=True, cwd=home.path, env=env, text=True, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=cli.DEADLINE)
            got, want = shape(done.stdout, home.path), shape(expected, home.path)
            assert want in got, f'$ {command}\nis shown to print\n{want}\nand prints\n{got}'


if __name__ == '__main__':
    tap.main()
