#!/usr/bin/env python3
"""orion fit's prediction against what a process really takes, with its context full."""
import cli
from cli import tap

# On 25 MB, of which the program is 10; on Phi-3-mini it is within 1 %.
NEAR = 0.12


def check(kv_type):
    with cli.Home() as home:
        predicted = home.orion('fit', cli.TINY, '--json', *kv_type).expect().json()
        context = predicted['context_tokens']
        measured = home.orion('bench', cli.TINY, '--json', '--repeat', '1', '--threads', '2',
                              '--only', f'pp{context}', *kv_type).expect().json()
        if measured['peak_bytes'] == 0:
            return  # this system does not tell
        ratio = predicted['memory_bytes'] / measured['peak_bytes']
        assert abs(ratio - 1) < NEAR, f'{predicted}\n{measured}'
        private = predicted['memory_bytes'] - predicted['weights_bytes']
        assert private >= measured['private_bytes'], f'{predicted}\n{measured}'


@tap.case('memory: fit predicts the peak of a process')
def peak():
    check(())


@tap.case('memory: with each type of cache')
def kv_types():
    with cli.Home() as home:
        if '--kv-type' not in home.orion('help', 'fit').expect().out:
            return
    for kv_type in ('q8_0', 'f32'):
        check(('--kv-type', kv_type))


if __name__ == '__main__':
    tap.main()
