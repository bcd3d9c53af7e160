"""bench/pull/link.c: what comes through it, and what it refuses.  No times are measured."""
import contextlib
import os
import random
import socket
import struct
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'repo'))

import tap  # noqa: E402  (found through the path above)

LINK = os.environ['LINK_BIN']
DEADLINE_S = 60
NOISE = random.Random(1).randbytes(400_000)
REQUEST = b'please\n'


def read_to_end(peer):
    """Everything until the other side ends, however it ends."""
    found = b''
    try:
        while piece := peer.recv(65536):
            found += piece
    except ConnectionError:
        pass
    return found


@contextlib.contextmanager
def server(serve):
    """A port of loopback where each connection is served by a thread of its own."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        def one(peer):
            with peer, contextlib.suppress(OSError):
                peer.settimeout(DEADLINE_S)
                serve(peer)

        def accept():
            with contextlib.suppress(OSError):  # it was closed
                while True:
                    threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def relay(port, *options):
    """The link to that port; connects to it each time it is called."""
    with subprocess.Popen([LINK, str(port), *options], stdout=subprocess.PIPE) as process:
        try:
            own = int(process.stdout.readline().split()[1])
            yield lambda: socket.create_connection(('127.0.0.1', own), timeout=DEADLINE_S)
            assert process.poll() is None, f'it ended with {process.returncode}'
        finally:
            process.kill()


def answer(peer):
    assert peer.recv(100) == REQUEST
    peer.sendall(NOISE)


def fetch(connect):
    with connect() as client:
        client.sendall(REQUEST)
        return read_to_end(client)


for line in ('', 'rtt=20', 'rate=20000000', 'rtt=4 window=20000', 'rtt=2 loss=2', 'slow=4000000',
             'rtt=2.5 rate=5e7 window=4194304 loss=0.5 slow=1e7'):
    def unchanged(line=line):
        with server(answer) as port, relay(port, *line.split()) as connect:
            assert fetch(connect) == NOISE
            assert fetch(connect) == NOISE  # the first connection is not the only one
    tap.add_case(f'bytes come unchanged through: {line or "a plain link"}', unchanged)


@tap.case('one request after the other on a connection')
def kept():
    def serve(peer):
        while text := peer.recv(100):
            peer.sendall(text * 1000)

    with server(serve) as port, relay(port, 'rtt=2') as connect, connect() as client:
        for word in (b'a', b'bc', b'def'):
            client.sendall(word)
            found = b''
            while len(found) < 1000 * len(word):
                found += client.recv(65536)
            assert found == word * 1000


@tap.case('two connections at once')
def two():
    both = threading.Barrier(2, timeout=DEADLINE_S)

    def serve(peer):
        name = peer.recv(1)
        both.wait()  # neither is answered before the other has asked
        peer.sendall(name * 100_000)

    with server(serve) as port, relay(port, 'rtt=2', 'rate=5e7') as connect, \
            connect() as a, connect() as b:
        a.sendall(b'a')
        b.sendall(b'b')
        assert read_to_end(b) == b'b' * 100_000
        assert read_to_end(a) == b'a' * 100_000


@tap.case('a client that has said all still gets its answer')
def half_closed():
    def serve(peer):
        asked = read_to_end(peer)
        peer.sendall(asked + NOISE)

    with server(serve) as port, relay(port, 'rtt=10') as connect, connect() as client:
        client.sendall(REQUEST)
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client) == REQUEST + NOISE


def vanish(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    peer.close()


@tap.case('a client that vanishes is gone for the server, and for no one else')
def client_vanishes():
    gone = threading.Event()

    def serve(peer):
        try:
            while peer.recv(100):
                while True:
                    peer.sendall(NOISE)
        except OSError:
            gone.set()

    with server(serve) as endless, relay(endless) as connect:
        with connect() as other, connect() as client:
            for peer in (other, client):
                peer.sendall(REQUEST)
                assert peer.recv(100)
            vanish(client)
            assert gone.wait(DEADLINE_S)
            assert other.recv(100)


@tap.case('a server that vanishes ends its connection, and the next one is served')
def server_vanishes():
    once = iter((True,))

    def serve(peer):
        assert peer.recv(100)
        if next(once, False):
            vanish(peer)
        else:
            peer.sendall(NOISE)

    with server(serve) as port, relay(port, 'rtt=2') as connect:
        assert fetch(connect) == b''
        assert fetch(connect) == NOISE


@tap.case('no server: the connection ends')
def no_server():
    with socket.create_server(('127.0.0.1', 0)) as probe:
        port = probe.getsockname()[1]
    with relay(port) as connect, connect() as client:
        assert read_to_end(client) == b''


REFUSED = [
    ([], "link: the first argument is the server's port, from 1 to 65535, not ''"),
    (['http'], "link: the first argument is the server's port, from 1 to 65535, not 'http'"),
    (['65536'], "link: the first argument is the server's port, from 1 to 65535, not '65536'"),
    (['80', 'speed=1'], "link: there is no option 'speed=1'"),
    (['80', 'rate'], "link: there is no option 'rate'"),
    (['80', 'rate='], "link: rate must be a number from 0 to 1e+12, not ''"),
    (['80', 'rate=fast'], "link: rate must be a number from 0 to 1e+12, not 'fast'"),
    (['80', 'rtt=5ms'], "link: rtt must be a number from 0 to 10000, not '5ms'"),
    (['80', 'rtt=-1'], "link: rtt must be a number from 0 to 10000, not '-1'"),
    (['80', 'loss=101'], "link: loss must be a number from 0 to 100, not '101'"),
    (['80', 'loss=nan'], "link: loss must be a number from 0 to 100, not 'nan'"),
    (['80', 'slow=inf'], "link: slow must be a number from 0 to 1e+12, not 'inf'"),
    (['80', 'rtt=1', 'window=100'], 'link: window must be a number from 1448 to 4.1943e+06'),
]
for args, sentence in REFUSED:
    def refused(args=args, sentence=sentence):
        done = subprocess.run([LINK, *args], capture_output=True, text=True, timeout=DEADLINE_S,
                              check=False)
        assert done.returncode == 2 and not done.stdout, done
        assert done.stderr.startswith(sentence) and done.stderr.count('\n') == 1, done.stderr
    tap.add_case(f'refused: link {" ".join(args)}', refused)

tap.main()
