#!/usr/bin/env python3
"""docs/models.md tells of every architecture that runs, and how it was compared."""
import re

import tap
import tree

PAGE = tree.read('docs/models.md')
TOLD, COMPARED = PAGE.split('\n## Beside llama.cpp\n')
RECORD = 'make check-peer RECORD=1 is to add to docs/models.md'


def architectures():
    return re.findall(r'\.name = "([^"]+)"', tree.read('src/model/arch.c'))


def types():
    return re.findall(r'\] += \{"([^"]+)",', tree.read('src/gguf/types.c'))


def cases():
    """What make check-peer compares."""
    script = tree.read('scripts/check-peer')
    lists = re.findall(r'^(?:cases|embedders)="([^"]+)"', script, re.M)
    return [*' '.join(lists).split(), *re.findall(r'\{BIG:-(.+)\}', script), 'orion-tiny']


def compared_models():
    """Names in the second column of the tables."""
    return re.findall(r'\n\| `[^`]+` \| ([^ |]+) \|', COMPARED)


def type_of(model):
    """Of most tensors: Q4_K of odd-phi3-Q4_K_M."""
    return re.sub(r'(?<=_K)_[SML]$', '', model.rsplit('-', 1)[1])


def without_row(text):
    """Architectures that no table of the text has a row of."""
    return [name for name in architectures() if f'\n| `{name}` |' not in text]


@tap.case('every architecture of arch.c is told of in docs/models.md')
def told():
    assert architectures()
    tap.fail_if(without_row(TOLD), 'docs/models.md has no row for')


@tap.case('every name of a pre-tokenizer is told of in docs/models.md')
def pre_names():
    lists = re.findall(r'\.names = \{([^}]+)\}', tree.read('src/tokenizer/pre.c'))
    names = re.findall(r'"([^"]+)"', ''.join(lists))
    assert len(names) > 70
    tap.fail_if([name for name in names if f'`{name}`' not in TOLD], 'docs/models.md has no')


@tap.case('every built-in chat template is told of in the guide')
def chat_templates():
    names = re.findall(r'\.(?:name|also) = "([^"]+)"', tree.read('src/chat/templates.c'))
    guide = tree.read('docs/guide.md').split('### Built-in chat templates')[1].split('\n**')[0]
    assert len(names) > 15
    tap.fail_if([name for name in names if f'`{name}`' not in guide], 'docs/guide.md has no')
    told = set(re.findall(r'`([^`]+)`', ''.join(re.findall(r'\n\| (`.*?) \|', guide))))
    tap.fail_if(sorted(told - set(names)), 'there is no template')


@tap.case('every architecture of arch.c was compared with llama.cpp')
def compared():
    tap.fail_if(without_row(COMPARED), RECORD)


@tap.case('every tensor type was compared with llama.cpp, and is told of')
def compared_types():
    assert len(types()) > 20
    found = {type_of(model) for model in compared_models() if '-' in model}
    tap.fail_if([name for name in types() if name not in found], RECORD)
    tap.fail_if([name for name in types() if not re.search(rf'\b{name}\b', TOLD)],
                'docs/models.md does not tell of')


@tap.case('every model of scripts/check-peer has its row')
def compared_cases():
    found = compared_models()
    assert len(cases()) > 40
    tap.fail_if([name for name in cases() if name not in found], RECORD)
    tap.fail_if(sorted({name for name in found if found.count(name) > 1}), 'has several rows')


@tap.case('docs/models.md tells of no architecture that arch.c does not have')
def nothing_else():
    told_of = set(re.findall(r'\n\| `([^`]+)` \|', PAGE))
    tap.fail_if(sorted(told_of - set(architectures())), 'unknown architectures')


if __name__ == '__main__':
    tap.main()
