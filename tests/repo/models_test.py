#!/usr/bin/env python3
"""docs/models.md tells of every architecture that runs, and how it was compared."""
import re

import tap
import tree

PAGE = tree.read('docs/models.md')
HEADING = '\n## Beside llama.cpp\n'


def architectures():
    return re.findall(r'\.name = "([^"]+)"', tree.read('src/model/arch.c'))


def without_row(text):
    """Architectures that no table of the text has a row of."""
    return [name for name in architectures() if f'\n| `{name}` |' not in text]


@tap.case('every architecture of arch.c is told of in docs/models.md')
def told():
    assert architectures()
    tap.fail_if(without_row(PAGE.split(HEADING)[0]), 'docs/models.md has no row for')


@tap.case('every architecture of arch.c was compared with llama.cpp')
def compared():
    lacking = without_row(PAGE.split(HEADING)[1])
    if lacking:
        raise tap.Skip(f'make check-peer RECORD=1 is to add {", ".join(lacking)} to docs/models.md')


@tap.case('docs/models.md tells of no architecture that arch.c does not have')
def nothing_else():
    told_of = set(re.findall(r'\n\| `([^`]+)` \|', PAGE))
    tap.fail_if(sorted(told_of - set(architectures())), 'unknown architectures')


if __name__ == '__main__':
    tap.main()
