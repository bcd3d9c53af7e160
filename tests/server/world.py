"""A server for tests: `orion serve` on a free port, and ways to ask it.

    with world.Server('--metrics') as server:
        reply = server.post('/v1/chat/completions', {...})
        assert reply.code == 200, reply
        reply.json()

It is ready when it has printed its address.  Every model of `models` is in its
models directory; orion-tiny is unless told otherwise.  At the end it is told to
end, must do so with exit code 0, and must have printed nothing unexpected.
"""
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'cli'))

import cli  # noqa: E402  (found through the path above)
from cli import tap  # noqa: E402, F401  (for the tests)

DEADLINE = cli.DEADLINE
TINY = 'orion-tiny'  # by its name in the catalogue, which is its id too
TINY_FILE = 'orion/orion-tiny/orion-tiny.gguf'


class Reply:
    def __init__(self, code, headers, body):
        self.code, self.headers, self.body = code, headers, body

    def __str__(self):
        return f'{self.code} {self.headers} {self.body[:2000]!r}'

    def json(self):
        return json.loads(self.body)

    def lines(self):
        """Of NDJSON."""
        return [json.loads(line) for line in self.body.splitlines() if line]

    def events(self):
        """Of SSE: (event or None, text of its data)."""
        found = []
        for block in self.body.decode().split('\n\n'):
            fields = dict(line.split(': ', 1) for line in block.splitlines()
                          if ': ' in line and not line.startswith(':'))
            if 'data' in fields:
                found.append((fields.get('event'), fields['data']))
        return found


class Server:
    """Use with `with`.  `home`: a cli.Home that stays when this ends (a restart)."""

    def __init__(self, *args, home=None, models=((cli.TINY, TINY_FILE),), token=None,
                 env=None, pass_fds=(), before=()):
        self.args, self.models, self.token = args, models, token
        self.env, self.pass_fds, self.before = env or {}, pass_fds, before
        self.home, self.owns_home = home or cli.Home(), home is None
        self.printed = []  # lines on standard error
        self.killed = False

    def __enter__(self):
        if self.owns_home:
            self.home.__enter__()
        try:
            if self.owns_home:
                self.furnish()
            self.start()
        except BaseException:
            self.clean_up()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind in (None, SystemExit) and not self.killed:  # tap.main() ends by that
                self.stop()
        finally:
            self.clean_up()

    def furnish(self):
        """Put into a new home what the server is to find there."""
        for source, name in self.models:
            self.home.put(source, name)

    def start(self):
        if self.token:
            path = os.path.join(self.home.path, 'token')
            with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as file:
                file.write(self.token + '\n')
            self.args = (*self.args, '--token-file', path)
        port = () if '--port' in self.args else ('--port', '0')
        self.process = subprocess.Popen(
            [*self.before, cli.ORION, 'serve', *port, *self.args], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors='replace',
            env=self.home.environment(**self.env), pass_fds=self.pass_fds)
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self.read_errors, daemon=True)
        self.reader.start()
        assert self.ready.wait(DEADLINE), 'the server said nothing'
        assert self.url, 'the server did not start:\n' + '\n'.join(self.printed)
        self.port = int(self.url.rsplit(':', 1)[1])
        self.host = '127.0.0.1'

    def read_errors(self):
        self.url = None
        for line in self.process.stderr:
            self.printed.append(line.rstrip('\n'))
            if 'listening on http://' in line:
                self.url = line.split('listening on ')[1].strip()
                self.ready.set()
        self.ready.set()

    def stop(self, signal_number=signal.SIGTERM):
        """End it and look at how it ended; no more than that when it was told before."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        code = self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        assert code == 0, f'exit code {code}:\n' + '\n'.join(self.printed)
        wrong = [line for line in self.printed if not line.startswith('orion: serve: ')]
        assert not wrong, 'printed besides:\n' + '\n'.join(wrong)

    def kill(self):
        """End it as a crash does, which is all that is asked of its end then."""
        self.killed = True
        self.process.kill()
        self.process.wait()

    def clean_up(self):
        process = getattr(self, 'process', None)
        if process and process.poll() is None:
            process.kill()
            process.wait()
        if process:
            self.reader.join(DEADLINE)
            process.stderr.close()
        if self.owns_home:
            self.home.__exit__()

    # ---- asking ----

    def connect(self):
        return socket.create_connection((self.host, self.port), timeout=DEADLINE)

    def open(self, method, path, body=None, headers=()):
        """Send a request; the reply as http.client has it, its body unread."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        fields = dict(headers)
        if self.token:
            fields.setdefault('Authorization', 'Bearer ' + self.token)
        connection = http.client.HTTPConnection(self.host, self.port, timeout=DEADLINE)
        connection.request(method, path, body, fields)
        return connection.getresponse()

    def ask(self, method, path, body=None, headers=()):
        with self.open(method, path, body, headers) as reply:
            return Reply(reply.status, dict(reply.getheaders()), reply.read())

    def get(self, path, **headers):
        return self.ask('GET', path, None, headers)

    def post(self, path, body, **headers):
        return self.ask('POST', path, body, headers)

    def raw(self, *pieces):
        """Send bytes as they are and read all that comes until the end; b'' when
        there is nothing, or the connection is cut."""
        with self.connect() as sock:
            return exchange(sock, pieces)

    def resident_bytes(self):
        with open(f'/proc/{self.process.pid}/statm') as file:
            return int(file.read().split()[1]) * os.sysconf('SC_PAGESIZE')


def peer(script, *args):
    """What a program of this folder over npm's clients prints, as JSON.  A case that asks
    for it is skipped where they are not."""
    if not os.environ.get('ORION_SERVER_PEER'):
        raise tap.Skip("npm's clients are not here; see make check-server")
    done = subprocess.run(['node', os.path.join(HERE, script), *args], capture_output=True,
                          timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr.decode('utf-8', 'replace')[-4000:]
    return json.loads(done.stdout)


def read_until(reply, text):
    """Of a stream, until it has said so; signs of life are not enough."""
    seen, give_up = b'', time.monotonic() + DEADLINE
    while text not in seen:
        more = reply.read1(65536)
        assert more, f'the stream ended before {text}: {seen[-2000:]}'
        assert time.monotonic() < give_up, f'{text} never came: {seen[-2000:]}'
        seen += more


def exchange(sock, pieces=()):
    """As Server.raw(), over a connection that is there."""
    got, give_up = [], time.monotonic() + DEADLINE
    try:
        for piece in pieces:
            sock.sendall(piece)
        while True:
            bytes_ = sock.recv(65536)
            assert time.monotonic() < give_up, 'the connection goes on and on'
            if not bytes_:
                break
            got.append(bytes_)
    except (ConnectionResetError, BrokenPipeError):
        pass
    return b''.join(got)
