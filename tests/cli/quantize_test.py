#!/usr/bin/env python3
"""orion quantize: files that come out, and what is left when it is stopped."""
import os
import signal

import cli
from cli import tap


def here(home):
    """The files beside the models directory."""
    return sorted(name for name in os.listdir(home.path) if name != 'models')


@tap.case('quantize: a smaller model that answers as well, and can be imported')
def makes_a_model():
    with cli.Home() as home:
        out = os.path.join(home.path, 'small.gguf')
        result = home.orion('quantize', cli.TINY, out, 'q4_k_m').expect(err='bits a weight')
        assert result.out == out + '\n'
        assert here(home) == ['small.gguf'], here(home)
        shown = home.orion('show', out, '--json').expect().json()['model']
        assert shown['quantization'] == 'Q4_K_M' and shown['file_bytes'] == os.path.getsize(out)
        words = 'El paciente refiere dolor de cabeza y mareo desde hace tres días.'
        before, after = (home.orion('perplexity', path, '-', '--json', stdin=words).expect().json()
                         for path in (cli.TINY, out))
        assert after['perplexity'] < 1.1 * before['perplexity'], (before, after)
        home.orion('import', '--as', 'me/small/small.gguf', out).expect()
        home.orion('path', 'me/small/small.gguf').expect()


@tap.case('quantize: --json gives the facts')
def json_facts():
    with cli.Home() as home:
        out = os.path.join(home.path, 'small.gguf')
        facts = home.orion('quantize', '--json', '--quiet', cli.TINY, out, 'Q8_0').expect().json()
        assert facts['path'] == out and facts['out_bytes'] == os.path.getsize(out)
        assert facts['in_bytes'] == os.path.getsize(cli.TINY)
        assert (facts['tensors'], facts['converted'], facts['fallback']) == (27, 18, 0), facts
        assert 8.5 < facts['bits_per_weight'] < 8.52, facts


@tap.case('quantize: what is there is replaced only with --force')
def replaces():
    with cli.Home() as home:
        out = os.path.join(home.path, 'small.gguf')
        with open(out, 'w', encoding='utf-8') as f:
            f.write('mine')
        home.orion('quantize', cli.SMALL, out, 'Q8_0').expect(code=1, err='--force')
        assert os.path.getsize(out) == 4
        home.orion('quantize', '-f', cli.SMALL, out, 'Q8_0').expect()
        home.orion('quantize', '-f', out, out, 'Q8_0').expect(code=2, err='over itself')


@tap.case('quantize: mistakes are told, and leave nothing')
def mistakes():
    with cli.Home() as home:
        out = os.path.join(home.path, 'small.gguf')
        home.orion('quantize', cli.TINY, out, 'Q9_K').expect(code=2, err='Q4_K_M')
        home.orion('quantize', cli.TINY, out).expect(code=2)
        home.orion('quantize', 'nothing', out, 'Q8_0').expect(code=3)
        home.orion('quantize', cli.TINY, os.path.join(home.path, 'no', 'x.gguf'), 'Q8_0').expect(code=3)
        home.orion('quantize', '--imatrix', cli.TINY, cli.TINY, out, 'Q8_0').expect(
            code=1, err='without importance')
        assert here(home) == [], here(home)


@tap.case('quantize: from quantized weights only when it is asked for')
def twice():
    with cli.Home() as home:
        first, second = (os.path.join(home.path, name) for name in ('a.gguf', 'b.gguf'))
        home.orion('quantize', cli.TINY, first, 'Q8_0').expect()
        home.orion('quantize', first, second, 'Q4_0').expect(code=1, err='--requantize')
        home.orion('quantize', '--requantize', first, second, 'Q4_0').expect(err='more is lost')


@tap.case('quantize: the same bytes from every CPU tier')
def tiers():
    with cli.Home() as home:
        files = []
        for tier in ('scalar', ''):
            out = os.path.join(home.path, f'out{tier}.gguf')
            home.orion('quantize', cli.SMALL, out, 'Q5_K_M', **({'ORION_CPU': tier} if tier else {})).expect()
            with open(out, 'rb') as f:
                files.append(f.read())
        assert files[0] == files[1]


@tap.case('quantize: ^C ends it and leaves nothing')
def interrupted():
    with cli.Home() as home:
        large, out = (os.path.join(home.path, name) for name in ('large.gguf', 'out.gguf'))
        cli.write_zeros(large, 65536)  # 1 GiB: long enough to be stopped
        terminal = home.terminal('quantize', large, out, 'Q4_K_M')
        terminal.until('%')
        terminal.send('\x03')
        code, screen = terminal.end()
        assert code == 130, (code, screen)
        assert here(home) == ['large.gguf'], here(home)


@tap.case('quantize: killed, it leaves nothing under the name')
def killed():
    with cli.Home() as home:
        large, out = (os.path.join(home.path, name) for name in ('large.gguf', 'out.gguf'))
        cli.write_zeros(large, 65536)  # 1 GiB: long enough to be stopped
        terminal = home.terminal('quantize', large, out, 'Q4_K_M')
        terminal.until('%')
        terminal.kill(signal.SIGKILL)
        terminal.end()
        assert not os.path.exists(out)


if __name__ == '__main__':
    tap.main()
