#!/usr/bin/env python3
"""Each header compiles alone: the public one as C11 and as C++, the rooms' as C11."""
import os
import platform
import shutil
import subprocess

import tap
import tree

CC = os.environ.get('CC', 'cc')
# Headers of one CPU tier need its instructions.
TIERS = {'src/kernels/x86/': ('x86_64', ['-mavx2', '-mfma', '-mf16c', '-mavx512f', '-mavx512bw',
                                         '-mavx512dq', '-mavx512vl', '-mavx512vnni'])}
STRICT = ['-fsyntax-only', '-Wall', '-Wextra', '-Wpedantic', '-Werror']


def compile_alone(compiler, language, header, flags):
    run = subprocess.run([compiler, *STRICT, *flags, '-x', language, '-'], cwd=tap.SOURCE, text=True,
                         input=f'#include "{header}"\n#include "{header}"\nextern int end;\n',
                         capture_output=True)
    assert run.returncode == 0, run.stderr


@tap.case('orion.h is C11')
def public_c():
    compile_alone(CC, 'c', 'orion.h', ['-std=c11', '-Iinclude', '-Wstrict-prototypes'])


for compiler in ('g++', 'clang++'):
    def public_cxx(compiler=compiler):
        if not shutil.which(compiler):
            raise tap.Skip(f'{compiler} is not here')
        compile_alone(compiler, 'c++', 'orion.h', ['-std=c++11', '-Iinclude'])
    tap.add_case(f'orion.h is C++ for {compiler}', public_cxx)

def check_room_header(path):
    def check():
        flags = ['-std=c11', '-Iinclude', '-Isrc', '-D_POSIX_C_SOURCE=200809L']
        for folder, (machine, instructions) in TIERS.items():
            if path.startswith(folder):
                if platform.machine() != machine:
                    raise tap.Skip(f'only on {machine}')
                flags += instructions
        compile_alone(CC, 'c', path[len('src/'):], flags)
    return check


for path in tree.project_files():
    if path.startswith('src/') and path.endswith('.h'):
        tap.add_case(f'{path} stands alone', check_room_header(path))

tap.main()
