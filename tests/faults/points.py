"""What killtest.py and iofault.py share: small commands on a real store, and the
points of each, which are the system calls that it makes.

strace counts a call by its name and within its thread, from the start of the
program; a point is (name, count), in whichever thread gets there first.  Those
before the command first looks below its home are the loader's, and left out."""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'cli'))

import cli  # noqa: E402  (found through the paths above)

SIZE = 3 << 20
REPO, NAME = 'acme/model', 'm-Q4_K_M.gguf'
REF = REPO + '/' + NAME
EARLIER = 'acme/earlier/e-Q4_K_M.gguf'
AGAIN = 1 << 20  # bytes that may be fetched a second time
HEADERS = 32 << 10  # of every reply together: recvfrom() counts them too
HANG_S = 60
STORE_CALLS = ('openat openat2 mkdir mkdirat write pwrite64 pread64 ftruncate fallocate fsync fdatasync '
               'rename renameat renameat2 link linkat symlink symlinkat readlink readlinkat unlink unlinkat '
               'fcntl flock ioctl getdents64 newfstatat fstatfs').split()
NETWORK_CALLS = 'socket connect sendto recvfrom poll'.split()


def available():
    """Can strace inject here?  In some containers it may not trace at all."""
    return shutil.which('strace') and subprocess.run(
        ['strace', '-o', '/dev/null', '-e', 'inject=getpid:error=EIO', 'true'],
        capture_output=True, check=False).returncode == 0


def digest(path):
    """The SHA-256 of a file, or None when there is no such file."""
    try:
        with open(path, 'rb') as f:
            return hashlib.sha256(f.read()).hexdigest()
    except FileNotFoundError:
        return None


def make_file(path, size, seed):
    """Something that begins as a GGUF file does; the store looks no further."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(b'GGUF' + random.Random(seed).randbytes(size - 4))
    return path


class Command:
    """One command, what the store holds before it, and what may stand at its target."""

    def __init__(self, label, args, before, after, moves=False):
        self.label, self.args, self.moves = label, args, moves
        self.before, self.after = before, after  # 'none', 'old' or 'new'


COMMANDS = [
    Command('pull', ['pull', REF], 'none', 'new'),
    Command('pull of a new revision', ['pull', REF + '@main'], 'old', 'new'),
    Command('rm', ['rm', REF], 'old', 'none'),
    Command('import', ['import', '--as', REF], 'none', 'new'),
    Command('import --symlink', ['import', '--symlink', '--as', REF], 'none', 'new'),
    Command('import --copy', ['import', '--copy', '--as', REF], 'none', 'new'),
    Command('import --move', ['import', '--move', '--as', REF], 'none', 'new', moves=True),
]


class Place:
    """A home, a hub and what the store began with; one command at a time runs in it."""

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            house = self.house = stack.enter_context(cli.Home())
            root = os.path.join(house.path, 'hub')
            make_file(os.path.join(root, EARLIER), 200_000, seed=3)
            source = os.path.join(root, REF)
            os.makedirs(os.path.dirname(source))
            self.target = os.path.join(house.models, REF)
            self.old = make_file(os.path.join(house.path, 'old.gguf'), SIZE, seed=2)
            self.new = make_file(os.path.join(house.path, 'new.gguf'), SIZE, seed=1)
            self.original = os.path.join(house.path, 'original.gguf')
            self.digests = {'none': None, 'old': digest(self.old), 'new': digest(self.new)}
            # The template: the earlier model and the old revision, as pull leaves them.
            shutil.copyfile(self.old, source)
            house.start_hub(root)
            house.orion('pull', EARLIER).expect()
            house.orion('pull', REF).expect()
            self.template = os.path.join(house.path, 'template')
            shutil.copytree(house.models, self.template)
            shutil.copyfile(self.new, source)
            self.earlier = digest(os.path.join(house.models, EARLIER))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def reset(self, command):
        """The store as it is before the command."""
        house = self.house
        shutil.rmtree(house.models)
        shutil.copytree(self.template, house.models)
        if command.before == 'none':
            shutil.rmtree(os.path.join(house.models, REPO))
        shutil.copyfile(self.new, self.original)
        house.hub.ask('/_reset', b'')

    def arguments(self, command):
        return command.args + ([self.original] if command.args[0] == 'import' else [])

    def run(self, command, trace, log):
        """The command under strace; ends with its exit code, or -N for signal N."""
        done = subprocess.run(
            ['strace', '-f', '-qq', '-o', log, *trace, cli.ORION, *self.arguments(command)],
            env=self.house.environment(), capture_output=True, timeout=HANG_S, check=False)
        return done.returncode, done.stderr.decode('utf-8', 'replace')

    def points(self, command, calls):
        """Every point of the command: [(name, count)]."""
        with tempfile.NamedTemporaryFile('r', prefix='orion-points-') as log:
            self.reset(command)
            code, err = self.run(command, ['-e', 'trace=' + ','.join(f'?{c}' for c in calls)], log.name)
            assert code == 0, f'{command.label} fails undisturbed: exit code {code}, saying {err}'
            counts, loader = {}, {}
            at_home = False
            for line in log:
                match = re.match(r'(\d+) +(\w+)\(', line)
                if not match:
                    continue
                thread, name = match.groups()
                at_home = at_home or self.house.path in line
                counts[thread, name] = counts.get((thread, name), 0) + 1
                if not at_home:
                    loader[name] = counts[thread, name]
        highest = {}
        for (_, name), n in counts.items():
            highest[name] = max(highest.get(name, 0), n)
        return [(name, n) for name in calls
                for n in range(loader.get(name, 0) + 1, highest.get(name, 0) + 1)]

    # ---- what must hold ----

    def valid(self, command):
        """After anything: no model lost, none broken.  Gives what stands at the target."""
        house = self.house
        assert digest(os.path.join(house.models, EARLIER)) == self.earlier, 'the earlier model is harmed'
        found = digest(self.target)
        names = {hash_: name for name, hash_ in self.digests.items()}
        assert found in names, f'a broken file stands at the target: {found}'
        assert names[found] in (command.before, command.after), f'{names[found]} model at the target'
        original = digest(self.original)
        assert original == self.digests['new'] or (
            command.moves and original is None and names[found] == 'new'), 'the original is harmed'
        listed = {entry['id']: entry for entry in house.orion('list', '--json').expect().json()
                  if entry.get('status', 'downloaded') == 'downloaded'}
        wanted = {EARLIER} | ({REF} if found else set())
        paths = {os.path.relpath(entry['path'], house.models): entry for entry in listed.values()
                 if entry.get('path')}
        assert set(paths) == wanted, f'listed: {sorted(paths)}, there: {sorted(wanted)}'
        for path, entry in paths.items():
            known = entry.get('sha256')
            assert not known or known == digest(os.path.join(house.models, path)), \
                f'{path} is listed with the wrong hash'
        return names[found]

    def leftovers(self):
        """Names below the hidden folders."""
        folders = [os.path.join(self.house.models, name) for name in ('.partial', '.lock')]
        return [name for folder in folders if os.path.isdir(folder) for name in os.listdir(folder)]

    def finish(self, command, found):
        """The same command, undisturbed, completes what was begun."""
        house = self.house
        result = house.orion(*self.arguments(command))
        gone = command.args[0] == 'rm' and found == 'none' and result.code == 3
        moved = command.moves and found == 'new' and not os.path.exists(self.original)
        if not gone and not moved:
            result.expect()
        now = self.valid(command)
        assert now == command.after, f'the target is {now} afterwards'
        if not moved:
            assert not command.moves or not os.path.exists(self.original), 'the original stays'
        left = self.leftovers()
        assert not [name for name in left if name.endswith('.part')], f'left behind: {left}'
        house.orion('prune').expect()
        assert self.leftovers() == [], f'prune leaves {self.leftovers()} of {left}'
        house.orion('verify', EARLIER).expect()
        if now == 'new':
            house.orion('verify', REF).expect()


def received(log):
    """How many bytes recvfrom() gave, by strace's log."""
    with open(log, encoding='utf-8', errors='replace') as f:
        return sum(int(n) for n in re.findall(r'recvfrom.*= (\d+)$', f.read(), re.MULTILINE))


def sweep(label, tasks, try_one):
    """Try every SLICE-th task, JOBS at once; raises with every one that failed.

    A task is (command, call, count, ...); try_one(place, task, log) gives a
    word on how it ended."""
    tasks = tasks[::int(os.environ.get('SLICE') or 1)]
    jobs = int(os.environ.get('JOBS') or 2)
    places, failures, ends = queue.Queue(), [], {}

    def work(task):
        place = places.get()
        try:
            with tempfile.NamedTemporaryFile(prefix='orion-points-') as log:
                end = try_one(place, task, log.name)
        except Exception as error:  # whatever it is, it is this point's failure
            end = 'failed'
            failures.append(f'{" ".join(map(str, task[1:]))}: {str(error) or repr(error)}')
        finally:
            places.put(place)
        ends[end] = ends.get(end, 0) + 1

    with contextlib.ExitStack() as stack:
        for _ in range(min(jobs, len(tasks)) or 1):
            places.put(stack.enter_context(Place()))
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            list(pool.map(work, tasks))
    print(f'# {label}: {len(tasks)} points;', ', '.join(f'{n} {end}' for end, n in sorted(ends.items())))
    assert not failures, f'{len(failures)} of {len(tasks)} points failed:\n' + '\n'.join(sorted(failures))
