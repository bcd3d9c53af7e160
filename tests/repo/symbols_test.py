#!/usr/bin/env python3
"""What the library shows, what its rooms call things, and what it may change.

Reads liborion.so (ORION_LIBRARY) and the rooms' objects (ORION_INSIDE).
"""
import os
import re
import subprocess

import tap
import tree

LIBRARY = os.environ['ORION_LIBRARY']
INSIDE = os.environ['ORION_INSIDE']

# The only file that may keep something between calls: docs/design/0002 says why.
MAY_REMEMBER = 'map.c'


def nm(*arguments):
    return subprocess.run(['nm', *arguments], capture_output=True, text=True,
                          check=True).stdout.splitlines()


def exported():
    return {line.split()[-1].split('@')[0] for line in nm('-D', '--defined-only', LIBRARY)}


def declared():
    """Every function that orion.h declares with ORION_API."""
    header = tree.code_of(tree.read('include/orion.h'))
    header = re.sub(r'^[ \t]*#(?:[^\n\\]|\\\n)*', '', header, flags=re.MULTILINE)
    return set(re.findall(r'\bORION_API\b[^;(]*?(\w+)\s*\(', header))


@tap.case('liborion.so exports only orion_*')
def only_orion():
    names = exported()
    assert names, 'no symbols found in ' + LIBRARY
    tap.fail_if(sorted(n for n in names if not n.startswith('orion_')), 'exported besides')


@tap.case('every declaration of orion.h is exported')
def all_declared():
    names = declared()
    assert 'orion_version' in names, 'the declarations were not understood'
    tap.fail_if(sorted(names - exported()), 'declared, but not in the library')


@tap.case('every export is declared in orion.h')
def all_exported():
    tap.fail_if(sorted(exported() - declared()), 'in the library, but not declared')


@tap.case('what rooms share is called ori_*')
def prefixes():
    names = {line.split()[-1] for line in nm('--defined-only', '--extern-only', INSIDE)
             if len(line.split()) == 3}
    tap.fail_if(sorted(n for n in names if not n.startswith(('ori_', 'orion_'))), 'other names')


def mutable_globals():
    """(name, object file) of every variable that is not constant, statics too."""
    member = ''
    for line in nm('--format=sysv', '--defined-only', INSIDE):
        fields = [f.strip() for f in line.split('|')]
        if line.startswith('Symbols from '):
            member = line.split('[')[-1].rstrip(']:')
        elif len(fields) == 7 and fields[3] in ('OBJECT', 'TLS') and \
                re.match(r'\.(data(?!\.rel\.ro)|bss|tdata|tbss)', fields[6]):
            yield fields[0], member


@tap.case('nothing is mutable and global but the table of mappings')
def no_globals():
    tap.fail_if([f'{name} in {member}' for name, member in mutable_globals()
                 if MAY_REMEMBER not in member], 'mutable globals')


@tap.case('self-test: the table of mappings is seen as mutable')
def globals_are_seen():
    assert 'slots' in [name for name, member in mutable_globals() if MAY_REMEMBER in member]


tap.main()
