#!/usr/bin/env python3
"""On a terminal: the progress bar, ^C, and the chat."""
import filecmp
import os
import re
import signal

import cli
from cli import tap

FILE = os.path.basename(cli.SMALL)
REF = f'acme/small/{FILE}'
SIZE = os.path.getsize(cli.SMALL)


def slow_hub(home):
    """A few seconds for the file, so that it can be interrupted."""
    return home.start_hub('--repo', f'acme/small={cli.GOLDEN}', '--rate', '50000')


def chat(home, *args):
    terminal = home.terminal('run', cli.TINY, '--temp', '0', *args)
    terminal.until('> ')
    return terminal


def width_of_lines(screen):
    """The widest line that was drawn; escape sequences take no room."""
    lines = re.split(r'[\r\n]', re.sub(r'\x1b\[[0-9;]*[A-Za-z]', '', screen))
    return max(map(len, lines))


@tap.case('pull: a bar with bytes, percent, speed and time left')
def bar():
    with cli.Home() as home:
        slow_hub(home)
        terminal = home.terminal('pull', REF)
        screen = terminal.until('left')
        code, rest = terminal.end()
        assert code == 0, rest
        assert re.search(r'\u2588|\u2591', screen) and FILE in screen, screen
        assert re.search(r' \d+%  [0-9.]+ k?B / 136 kB  [0-9.]+ k?B/s  \d+:\d\d left', screen + rest)
        assert rest.rstrip().endswith(FILE), f'the path is not the last thing: {rest[-300:]!r}'
        assert width_of_lines(screen) < 100


@tap.case('pull: a narrow terminal gets a narrow bar')
def narrow():
    with cli.Home() as home:
        slow_hub(home)
        terminal = home.terminal('pull', REF, columns=40)
        screen = terminal.until('100%')
        assert terminal.end()[0] == 0
        drawn = ''.join(line for line in screen.splitlines(True) if 'orion: ' not in line)
        assert width_of_lines(drawn) < 40, screen


@tap.case('pull: without UTF-8 the bar is ASCII')
def ascii_bar():
    with cli.Home() as home:
        slow_hub(home)
        terminal = home.terminal('pull', REF, LANG='C')
        screen = terminal.until('100%')
        assert terminal.end()[0] == 0
        assert screen.isascii() and '##' in screen, screen


@tap.case('pull: a dumb terminal gets lines')
def dumb():
    with cli.Home() as home:
        slow_hub(home)
        terminal = home.terminal('pull', REF, TERM='dumb')
        code, screen = terminal.end()
        assert code == 0 and '\x1b' not in screen and '%' in screen, screen


def interrupted_pull(home, signal_number):
    terminal = home.terminal('pull', REF)
    terminal.until(' 30 kB'[:1])  # something is on the screen
    while True:  # at least a tenth is there
        found = re.search(r'(\d+)%', terminal.until('%'))
        if found and int(found.group(1)) >= 10:
            break
    if signal_number:
        terminal.kill(signal_number)
    else:
        terminal.send('\x03')
    return terminal.end()


def add_interruption(label, signal_number):
    def check():
        with cli.Home() as home:
            hub = slow_hub(home)
            code, screen = interrupted_pull(home, signal_number)
            assert code == 130, (code, screen)
            assert 'are kept' in screen and 'same command again' in screen, screen
            home.orion('path', REF).expect(code=3)
            result = home.orion('pull', REF).expect(err='going on after')
            assert filecmp.cmp(result.out.rstrip('\n'), cli.SMALL, shallow=False)
            assert hub.bytes_sent() < SIZE * 1.2, (hub.bytes_sent(), SIZE)
    tap.add_case(f'pull: {label} keeps what was fetched, says how to go on, and that works', check)


add_interruption('^C', None)
add_interruption('SIGTERM', signal.SIGTERM)


@tap.case('chat: an answer, and the conversation grows')
def conversation():
    with cli.Home() as home:
        terminal = chat(home, '--verbose', '--max-tokens', '12')
        counts = []
        for _ in range(2):
            terminal.send('\u00bfQui\u00e9n eres?\r')
            found = re.search(r'prompt: +(\d+) tokens \((\d+) from', terminal.until('seed:'))
            counts.append((int(found.group(1)), int(found.group(2))))
            terminal.until('> ')
        terminal.send('/bye\r')
        assert terminal.end()[0] == 0
        (first, _), (second, cached) = counts  # the second holds both messages and an answer
        assert second > 2 * first and cached >= first, counts


@tap.case('chat: /clear, /help, an unknown command, and ^D')
def commands():
    with cli.Home() as home:
        terminal = chat(home)
        terminal.send('/help\r')
        assert '/clear' in terminal.until('> ')
        terminal.send('/clear\r')
        assert 'new conversation' in terminal.until('> ')
        terminal.send('/nonsense\r')
        assert "unknown command '/nonsense'" in terminal.until('> ')
        terminal.send('\x04')
        assert terminal.end()[0] == 0


@tap.case('chat: ^C at the prompt clears the line')
def clear_line():
    with cli.Home() as home:
        terminal = chat(home)
        terminal.send('/by\x03')
        terminal.until('^C')
        terminal.until('> ')
        terminal.send('/bye\r')  # would be '/by/bye' with the line still there
        code, screen = terminal.end()
        assert code == 0 and 'unknown' not in screen, screen


@tap.case('chat: ^C stops an answer and the chat goes on')
def stop_answer():
    with cli.Home() as home:
        # Raised temperature and no end: the model would talk until the context is full.
        terminal = home.terminal('run', cli.TINY, '--temp', '20', '--top-k', '0', '--min-p', '0',
                                 '--top-p', '1', '--seed', '1')
        terminal.until('> ')
        terminal.send('Hello\r')
        terminal.until('Hello\r\n')
        terminal.read(cli.time.monotonic() + cli.DEADLINE)  # the answer has begun
        terminal.send('\x03')
        assert 'stopped' in terminal.until('> ')
        terminal.send('/bye\r')
        assert terminal.end()[0] == 0


@tap.case('run: ^C stops a single answer with exit code 130')
def stop_once():
    with cli.Home() as home:
        terminal = home.terminal('run', cli.TINY, '--temp', '20', '--top-k', '0', '--min-p', '0',
                                 '--top-p', '1', '--seed', '1', 'Hello')
        terminal.read(cli.time.monotonic() + cli.DEADLINE)
        terminal.send('\x03')
        code, screen = terminal.end()
        assert code == 130 and 'stopped' in screen, (code, screen)


@tap.case('chat: a message of several lines between two """')
def several_lines():
    with cli.Home() as home:
        terminal = chat(home, '--max-tokens', '4')
        terminal.send('"""one\r')
        terminal.until('... ')
        terminal.send('two"""\r')
        terminal.until('> ')
        terminal.send('/bye\r')
        assert terminal.end()[0] == 0


@tap.case('chat: nothing is written below the home directory')
def nothing_written():
    with cli.Home() as home:
        terminal = chat(home, '--history', '--max-tokens', '4')
        terminal.send('a private sentence\r')
        terminal.until('> ')
        terminal.send('\x04')
        assert terminal.end()[0] == 0
        files = [os.path.join(folder, name) for folder, _, names in os.walk(home.path)
                 for name in names if not folder.endswith('.lock')]
        assert not files, files


@tap.case('list: no colours with NO_COLOR, bold headings without')
def colours():
    with cli.Home() as home:
        home.put(cli.SMALL, 'me/mine/a.gguf')
        plain = home.terminal('list', NO_COLOR='1').end()[1]
        bold = home.terminal('list').end()[1]
        assert '\x1b' not in plain and '\x1b[1m' in bold, (plain, bold)


if __name__ == '__main__':
    tap.main()
