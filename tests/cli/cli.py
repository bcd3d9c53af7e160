"""What the tests of the command share: running it, a hub, and a terminal."""
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'repo'))

import tap  # noqa: E402  (found through the path above)

ORION = os.environ.get('ORION_BIN') or os.path.join(tap.SOURCE, 'build', 'orion')
GOLDEN = os.path.join(tap.SOURCE, 'tests', 'golden')
TINY = os.path.join(tap.SOURCE, 'models', 'orion-tiny.gguf')
SMALL = os.path.join(GOLDEN, 'phi3-window.gguf')  # 136 kB: quick to send
MIXTURE = os.path.join(GOLDEN, 'mixtral.gguf')
# Seconds after which something that should have come is missing.
DEADLINE = 120 * int(os.environ.get('ORION_TEST_SLOWER', '1'))


def until(true_of, what):
    """Ask again and again until it is so; `what` says what never came."""
    deadline = time.monotonic() + DEADLINE
    while not true_of():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def environment(home, **more):
    """A user with nothing set and an empty home."""
    kept = {k: v for k, v in os.environ.items()
            if k in ('PATH', 'TMPDIR', 'LD_LIBRARY_PATH', 'ASAN_OPTIONS', 'UBSAN_OPTIONS',
                     'TSAN_OPTIONS', 'LSAN_OPTIONS')}
    return {**kept, 'HOME': home, 'LANG': 'C.UTF-8', 'TERM': 'xterm', **more}


def write_zeros(path, rows, columns=4096):
    """A model of one matrix of zeros in F32, which takes no room on the disk."""
    def text(value):
        return struct.pack('<Q', len(value)) + value.encode()

    head = b'GGUF' + struct.pack('<IQQ', 3, 1, 1)
    head += text('general.architecture') + struct.pack('<I', 8) + text('llama')
    head += text('output.weight') + struct.pack('<IQQIQ', 2, columns, rows, 0, 0)
    with open(path, 'wb') as f:
        f.write(head)
        f.truncate((len(head) + 31) // 32 * 32 + 4 * columns * rows)


class Home:
    """A temporary home with a models directory; use with `with`."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix='orion-cli-')
        self.models = os.path.join(self.path, 'models')
        self.hub = None
        return self

    def __exit__(self, *_):
        if self.hub:
            self.hub.stop()
        shutil.rmtree(self.path, ignore_errors=True)

    def start_hub(self, *args):
        self.hub = Hub(*args)
        return self.hub

    def environment(self, **more):
        urls = {'HF_ENDPOINT': self.hub.url} if self.hub else {}
        return environment(self.path, ORION_MODELS=self.models, **urls, **more)

    def put(self, source, name):
        """Drop a file below the models directory, as a user may."""
        path = os.path.join(self.models, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        shutil.copyfile(source, path)
        return path

    def orion(self, *args, stdin=b'', at_start=None, **more):
        """at_start: what the new process does first."""
        if isinstance(stdin, str):
            stdin = stdin.encode()
        done = subprocess.run([ORION, *args], input=stdin, capture_output=True,
                              env=self.environment(**more), timeout=DEADLINE, check=False,
                              preexec_fn=at_start)
        return Result(args, done.returncode, done.stdout, done.stderr)

    def terminal(self, *args, columns=100, **more):
        return Terminal(args, columns, self.environment(**more))


class Result:
    def __init__(self, args, code, out, err):
        self.args, self.code, self.bytes = args, code, out
        self.out = out.decode('utf-8', 'replace')
        self.err = err.decode('utf-8', 'replace')

    def __str__(self):
        return (f"orion {' '.join(self.args)}\nexit code {self.code}\n"
                f"standard output: {self.out[-2000:]!r}\nstandard error: {self.err[-2000:]!r}")

    def expect(self, code=0, out=None, err=None):
        """Check the exit code and what each stream must hold."""
        assert self.code == code, f'expected exit code {code}\n{self}'
        assert out is None or out in self.out, f'expected {out!r} on standard output\n{self}'
        assert err is None or err in self.err, f'expected {err!r} on standard error\n{self}'
        return self

    def json(self):
        return json.loads(self.out)


class Hub:
    """tests/hub/hub.py on loopback."""

    def __init__(self, *args):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, '..', 'hub', 'hub.py'), *args],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        word, port = self.process.stdout.readline().split()
        assert word == b'port'
        self.url = f'http://127.0.0.1:{int(port)}'

    def ask(self, path, body=None):
        proxy_less = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with proxy_less.open(self.url + path, data=body, timeout=DEADLINE) as reply:
            return reply.read()

    def bytes_sent(self):
        return sum(json.loads(self.ask('/_stats'))['bytes'].values())

    def data_requests(self):
        return sum(asked['role'] == 'cdn' for asked in json.loads(self.ask('/_stats'))['requests'])

    def set_rate(self, bytes_per_second):
        self.ask('/_rate', str(bytes_per_second).encode())

    def set_faults(self, *faults):
        self.ask('/_faults', json.dumps(faults).encode())

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Terminal:
    """A command on a pseudo-terminal.  Nothing waits for a time to pass: each
    step waits for what must appear."""

    def __init__(self, args, columns, env):
        self.seen = b''  # everything since the last until()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
                os.execve(ORION, [ORION, *args], env)
            finally:
                os._exit(127)

    def read(self, deadline):
        left = deadline - time.monotonic()
        ready, _, _ = select.select([self.fd], [], [], max(left, 0))
        assert ready, f'nothing more came; the screen: {self.seen[-2000:]!r}'
        try:
            return os.read(self.fd, 65536)
        except OSError:  # Linux's way of saying that the other side is closed
            return b''

    def until(self, text):
        """Read until `text` has appeared; returns all up to its end."""
        text = text.encode() if isinstance(text, str) else text
        deadline = time.monotonic() + DEADLINE
        while text not in self.seen:
            more = self.read(deadline)
            assert more, f'{text!r} never appeared; the screen: {self.seen[-2000:]!r}'
            self.seen += more
        end = self.seen.index(text) + len(text)
        found, self.seen = self.seen[:end], self.seen[end:]
        return found.decode('utf-8', 'replace')

    def send(self, text):
        os.write(self.fd, text.encode())

    def kill(self, signal_number=signal.SIGTERM):
        os.kill(self.pid, signal_number)

    def end(self):
        """Read to the end; returns the exit code (-N for signal N) and the rest."""
        deadline = time.monotonic() + DEADLINE
        try:
            while True:
                more = self.read(deadline)
                if not more:
                    break
                self.seen += more
        except AssertionError:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.fd)
            raise
        os.close(self.fd)
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status), self.seen.decode('utf-8', 'replace')
