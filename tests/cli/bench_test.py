#!/usr/bin/env python3
"""orion bench: the shape of what it prints.  Its figures are the machine's."""
import cli
from cli import tap

ROW = {'test', 'kind', 'tokens', 'depth_tokens', 'tokens_per_second', 'slowest', 'fastest',
       'tokens_per_cpu_second', 'memory_share', 'compute_share',
       'read_bytes_per_second'}
SHORT = ('--threads', '1', '--repeat', '1')


def bench(home, *args):
    return home.orion('bench', cli.TINY, *SHORT, *args)


@tap.case('bench: --json')
def json():
    with cli.Home() as home:
        document = bench(home, '--json', '--only', 'pp8,tg2,tg3@20', '--repeat', '3').expect().json()
        assert set(document) == {'name', 'quantization', 'file_bytes', 'context_tokens', 'repeats',
                                 'load_ms', 'first_token_ms', 'first_token_prompt_tokens',
                                 'peak_bytes', 'private_bytes', 'machine', 'tests'}, sorted(document)
        assert document['repeats'] == 3 and document['context_tokens'] == 1024
        assert document['first_token_ms'] > document['load_ms'] > 0
        assert document['peak_bytes'] > document['private_bytes'] > 0
        machine = document['machine']
        assert machine['threads'] == 1
        assert machine['cpu_tier'] in ('scalar', 'avx2', 'avxvnni', 'avx512')
        for name in ('read_bytes_per_second', 'multiply_adds_per_second'):
            peak = machine[name]
            assert 0 < peak['slowest'] <= peak['mean'] <= peak['fastest'], peak
        found = [(t['test'], t['kind'], t['tokens'], t['depth_tokens']) for t in document['tests']]
        assert found == [('pp8', 'prefill', 8, 0), ('tg2', 'decode', 2, 0),
                         ('tg3@20', 'decode', 3, 20)], found
        for row in document['tests']:
            assert set(row) == ROW, sorted(row)
            assert 0 < row['slowest'] <= row['tokens_per_second'] <= row['fastest']
            assert row['memory_share'] > 0 < row['compute_share']
            assert (row['read_bytes_per_second'] > 0) == (row['kind'] == 'decode')


@tap.case('bench: a table, and what does not fit is named')
def table():
    with cli.Home() as home:
        result = bench(home, '--ctx', '70').expect(out='TEST')
        assert [line.split()[0] for line in result.out.splitlines()
                if line[:2] in ('pp', 'tg')] == ['pp64', 'tg64'], str(result)
        for name in ('pp512', 'pp2048', 'tg64@2048'):
            assert f'{name} is left out: it does not fit the context of 70 tokens' in result.err
        assert bench(home, '--ctx', '70', '--quiet').expect().err == ''
        bench(home, '--prefix-cache').expect(code=2, err='prefix-cache')  # what is kept is no measure


WRONG = ['', ',', 'pp', 'pp0', 'pp5,', 'tg5@', 'xx5', 'pp5tg5', 'pp-5', 'pp5@1@2', 'pp12345678',
         'PP5', ' pp5']


@tap.case('bench: lists of tests that are none')
def lists():
    with cli.Home() as home:
        for text in WRONG:
            bench(home, '--only', text).expect(code=2, err='is no list such as')
        bench(home, '--only', ','.join(['pp1'] * 17)).expect(code=2, err='at most 16 tests')
        bench(home, '--ctx', '8', '--only', ','.join(['pp1'] + ['pp9'] * 15)).expect()


@tap.case('bench: no model, no session')
def refused():
    with cli.Home() as home:
        home.orion('bench', 'nothing').expect(code=3, err="'nothing'")
        bench(home, '--ctx', '5000').expect(code=2, err='5000 tokens')
        bench(home, '--repeat', '0').expect(code=2, err='at least 1')


if __name__ == '__main__':
    tap.main()
