"""The files of the project, and C sources without what is not code."""
import os
import re
import subprocess

from tap import SOURCE

NOT_OURS = {'.git', '__pycache__', 'node_modules'}


def project_files():
    """Paths, relative to the source folder, of what is or would be committed."""
    try:
        listed = subprocess.run(
            ['git', '-C', SOURCE, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
            capture_output=True, check=True).stdout.decode().split('\0')
    except (OSError, subprocess.CalledProcessError):  # a tarball
        listed = walk()
    return sorted({f for f in listed if f and os.path.isfile(os.path.join(SOURCE, f))})


def walk():
    for folder, folders, files in os.walk(SOURCE):
        folders[:] = [f for f in folders if f not in NOT_OURS and not f.startswith('build')]
        for name in files:
            yield os.path.relpath(os.path.join(folder, name), SOURCE)


def read(path):
    with open(os.path.join(SOURCE, path), encoding='utf-8', errors='replace') as file:
        return file.read()


NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def code_of(text):
    """C without comments and without the insides of strings; lines stay lines."""
    def blank(match):
        found = match.group(0)
        return ('""' if found[0] in '"\'' else ' ') + '\n' * found.count('\n')
    return NOT_CODE.sub(blank, text)
