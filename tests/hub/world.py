"""What the fault tests run in: hubs side by side, and one pull at a time through each.

The hubs serve one folder; a scenario has a repository of its own there, so that
none sees another's faults or bytes."""
import contextlib
import hashlib
import json
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'cli'))

import cli  # noqa: E402  (found through the path above)

import certs  # noqa: E402

HANG_S = 90
STALL_S, GIVE_UP_S = 1, 4  # what orion's patience is set to
# Exit codes, and what they may be called.
RIGHT, FAILED, NOT_FOUND, NO_FIT, INTEGRITY, NETWORK = 0, 1, 3, 4, 5, 6
CODES = {RIGHT: 'right', FAILED: 'refused', NOT_FOUND: 'not found', NO_FIT: 'no space',
         INTEGRITY: 'integrity', NETWORK: 'network'}


class Wrong(Exception):
    """What a scenario ended in is not what it must end in."""


class Outcome:
    def __init__(self, code, err, seconds):
        self.code, self.err, self.seconds = code, err, seconds

    def __str__(self):
        return f'exit code {self.code} after {self.seconds:.1f} s, saying {self.err[-600:]!r}'


def make_source(path, size):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(b'GGUF' + random.Random(size).randbytes(size - 4))


class World:
    """Use with `with`."""

    def __init__(self, hubs):
        self.n_hubs = hubs

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.path = stack.enter_context(tempfile.TemporaryDirectory(prefix='orion-netfault-'))
            self.root = os.path.join(self.path, 'hub')
            os.mkdir(self.root)
            self.config = self.configure('config.json', STALL_S, GIVE_UP_S)
            self.patient_config = self.configure('patient.json', HANG_S, HANG_S)
            self.free = queue.Queue()
            for _ in range(self.n_hubs):
                hub = cli.Hub(self.root)
                stack.callback(hub.stop)
                self.free.put(hub)
            self.certs = certs.Certs(self.path) if certs.available() else None
            self.digests, self.making = {}, threading.Lock()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def configure(self, name, stall_s, give_up_s):
        """A configuration with that much patience."""
        path = os.path.join(self.path, name)
        with open(path, 'w') as f:
            json.dump({'network': {'stall_seconds': stall_s, 'give_up_seconds': give_up_s}}, f)
        return path

    def source(self, size):
        """A file of that size, made once; its path and SHA-256."""
        path = os.path.join(self.path, 'sources', str(size))
        with self.making:
            if size not in self.digests:
                make_source(path, size)
                self.digests[size] = digest(path)
        return path, self.digests[size]

    @contextlib.contextmanager
    def hub(self, args=()):
        """A hub of one's own: one that waits for work, or one with other options."""
        if args:
            hub = cli.Hub(self.root, *args)
            try:
                yield hub
            finally:
                hub.stop()
            return
        hub = self.free.get()
        try:
            hub.ask('/_reset', b'')
            yield hub
        finally:
            hub.set_faults()
            hub.set_rate(0)
            self.free.put(hub)


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.file_digest(f, 'sha256').hexdigest() if hasattr(hashlib, 'file_digest') \
            else hashlib.sha256(f.read()).hexdigest()


class Place:
    """A scenario's repository at the hub, and its models directory."""

    def __init__(self, world, name, size):
        self.world, self.size = world, size
        self.repo = 'acme/' + name
        self.ref = self.repo + '/m-Q4_K_M.gguf'
        source, self.sha256 = world.source(size)
        self.served = os.path.join(world.root, self.ref)
        os.makedirs(os.path.dirname(self.served))
        os.link(source, self.served)
        self.home = os.path.join(world.path, 'homes', name)
        self.models = os.path.join(self.home, 'models')
        self.target = os.path.join(self.models, self.ref)
        os.makedirs(self.home)

    def pull(self, url, *options, **more):
        env = cli.environment(self.home, **{'ORION_MODELS': self.models, 'HF_ENDPOINT': url,
                                            'ORION_CONFIG': self.world.config, **more})
        began = time.monotonic()
        try:
            done = subprocess.run([cli.ORION, 'pull', *options, self.ref], env=env,
                                  capture_output=True, timeout=HANG_S, check=False)
        except subprocess.TimeoutExpired as slow:
            raise Wrong(f'still running after {HANG_S} s, saying {slow.stderr}') from None
        return Outcome(done.returncode, done.stderr.decode('utf-8', 'replace'),
                       time.monotonic() - began)

    def visible(self):
        """The files that anyone who looks would take for models."""
        found = []
        for base, folders, names in os.walk(self.models):
            folders[:] = [folder for folder in folders if folder[0] != '.']
            found += [os.path.join(base, name) for name in names if name.endswith('.gguf')]
        return found

    def check(self, outcome):
        """Right bytes, or a typed error and nothing to be seen."""
        if outcome.code == RIGHT:
            if self.visible() != [self.target] or digest(self.target) != self.sha256:
                raise Wrong(f'a WRONG FILE was accepted: {outcome}')
        elif self.visible():
            raise Wrong(f'it failed, and left {self.visible()}: {outcome}')
        elif outcome.code not in CODES or not outcome.err.startswith('orion: '):
            raise Wrong(f'no typed error: {outcome}')

    def remove(self):
        subprocess.run(['rm', '-rf', self.home, os.path.dirname(self.served)], check=False)
