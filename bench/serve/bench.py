#!/usr/bin/env python3
"""`orion serve` under load.

    bench.py ORION-TINY PHI3-MODEL

Environment: ONLY, a list of parts (answers, http, slow, mirror); CLIENTS ("1 4 16"); SIZE
(1G) of the mirrored file; BENCH_DIR, where files are (TMPDIR or /tmp).

answers  so many clients at once, each with a streamed answer after the other: tokens a
         second of all together, time to the first token, resident memory
http     wrk on /health: what HTTP costs by itself
slow     a healthy client beside 200 slow ones, a third of which send their head byte by
         byte, a third their body, and a third read a large file so; and without them, in
         turns.  How far they move its 99th percentile, and the server's memory
mirror   a file to curl, beside nginx, in turns

A table goes to standard output, the same as CSV to bench/results/."""
import http.client
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..'), os.path.join(HERE, '..', '..', 'tests', 'server')]
import machine
import nginx
import world

SLOW_CLIENTS = 200
RUNS = 5
world.DEADLINE = 3600  # a first token may wait for many prompts


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


class Table:
    """Rows as they come, and all of them for the CSV."""

    def __init__(self):
        self.rows = []

    def add(self, part, case, what, value, unit):
        self.rows.append((part, case, what, f'{value:.4g}', unit))
        print(f'{part:8} {case:28} {what:26} {value:12.4g} {unit}', flush=True)


# ---- answers ----

class Asker:
    """One client after the other's pattern: streamed answers, timed."""

    def __init__(self, server, model, tokens):
        self.server, self.model, self.tokens = server, model, tokens
        self.first_ms, self.total_ms, self.counted = [], [], 0

    def ask(self, number):
        # Begins differently each time, so that no prompt is there already.
        text = f'{number} {random.random()}: tell me a story of a lighthouse and its keeper.'
        began = time.monotonic()
        with self.server.open('POST', '/v1/chat/completions', {
                'model': self.model, 'stream': True, 'max_tokens': self.tokens, 'seed': number,
                'temperature': 1, 'stream_options': {'include_usage': True},
                'messages': [{'role': 'user', 'content': text}]}) as reply:
            assert reply.status == 200, reply.read()
            first = None
            for line in reply:
                if not line.startswith(b'data: {'):
                    continue
                event = json.loads(line[6:])
                if first is None and event['choices'] and \
                        event['choices'][0]['delta'].get('content'):
                    first = time.monotonic()
                if event.get('usage'):
                    self.counted += event['usage']['completion_tokens']
        self.total_ms.append((time.monotonic() - began) * 1e3)
        if first:
            self.first_ms.append((first - began) * 1e3)

    def ask_many(self, n):
        for number in range(n):
            self.ask(number)


def measure_answers(table, name, model_file, clients, requests, tokens):
    with world.Server('--parallel', '16', models=((model_file, 'bench.gguf'),)) as server:
        Asker(server, 'bench.gguf', 4).ask(0)  # it is in memory
        for n in clients:
            askers = [Asker(server, 'bench.gguf', tokens) for _ in range(n)]
            threads = [threading.Thread(target=a.ask_many, args=(requests,)) for a in askers]
            began = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            seconds = time.monotonic() - began
            first = [ms for a in askers for ms in a.first_ms]
            case = f'{name}, {n} clients'
            table.add('answers', case, 'tokens', sum(a.counted for a in askers) / seconds, '1/s')
            table.add('answers', case, 'first token, p50', percentile(first, .5), 'ms')
            table.add('answers', case, 'first token, p99', percentile(first, .99), 'ms')
            table.add('answers', case, 'resident', server.resident_bytes() / 2**20, 'MiB')


# ---- HTTP by itself ----

def measure_http(table, clients):
    with world.Server() as server:
        for n in clients:
            said = subprocess.run(['wrk', '-t1', f'-c{n}', '-d3', '--latency',
                                   server.url + '/health'], capture_output=True, text=True,
                                  check=True).stdout
            table.add('http', f'{n} connections', 'requests',
                      float(re.search(r'Requests/sec:\s+([\d.]+)', said).group(1)), '1/s')
            value, unit = re.search(r'99%\s+([\d.]+)(us|ms|s)', said).groups()
            table.add('http', f'{n} connections', 'latency, p99',
                      float(value) * {'us': 1e-3, 'ms': 1, 's': 1e3}[unit], 'ms')


# ---- slow clients ----

class Slow:
    """Clients that take their time, each again as soon as it is cut off.  One thread
    moves them all, a byte each about ten times a second."""

    def __init__(self, server, path):
        host = f'Host: 127.0.0.1:{server.port}\r\n'.encode()
        self.server = server
        self.begin = [b'GET /health HTTP/1.1\r\n' + host + b'X-Slow: ',
                      b'POST /orion/v1/login HTTP/1.1\r\n' + host +
                      b'Content-Length: 1000000\r\n\r\n',
                      f'GET {path} HTTP/1.1\r\n'.encode() + host + b'\r\n']
        self.ending = threading.Event()
        self.socks = [None] * SLOW_CLIENTS
        for i in range(SLOW_CLIENTS):
            self.move(i)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def move(self, i):
        try:
            if self.socks[i] is None:
                self.socks[i] = socket.create_connection(('127.0.0.1', self.server.port))
                self.socks[i].setblocking(False)
                self.socks[i].send(self.begin[i % 3])
            elif i % 3 < 2:
                self.socks[i].send(b'x')
            elif not self.socks[i].recv(1):
                raise ConnectionError
        except BlockingIOError:
            pass
        except OSError:
            self.socks[i].close()
            self.socks[i] = None

    def run(self):
        while not self.ending.wait(0.1):
            for i in range(SLOW_CLIENTS):
                self.move(i)

    def end(self):
        self.ending.set()
        self.thread.join()
        for sock in self.socks:
            if sock:
                sock.close()


def healthy_latencies(server, n):
    """Of short answers, one after the other, and of what needs no model."""
    found = []
    for _ in range(n):
        began = time.monotonic()
        with server.open('GET', '/v1/models') as reply:
            reply.read()
        found.append((time.monotonic() - began) * 1e3)
    return found


def measure_slow(table, mirror):
    server = mirror.server
    alone, beside = [], []
    before = mirror.server.resident_bytes()
    most = before
    for _ in range(RUNS):
        alone += healthy_latencies(server, 200)
        slow = Slow(server, mirror.path)
        time.sleep(1)  # let them come to where they are slow
        beside += healthy_latencies(server, 200)
        most = max(most, server.resident_bytes())
        slow.end()
    table.add('slow', 'alone', 'latency, p99', percentile(alone, .99), 'ms')
    table.add('slow', f'{SLOW_CLIENTS} slow clients', 'latency, p99', percentile(beside, .99), 'ms')
    table.add('slow', f'{SLOW_CLIENTS} slow clients', 'p99 moves by',
              percentile(beside, .99) - percentile(alone, .99), 'ms')
    table.add('slow', f'{SLOW_CLIENTS} slow clients', 'more memory', (most - before) / 2**20, 'MiB')


# ---- the mirror ----

class Mirror:
    """A server that has pulled a file from a hub, and nginx over the same bytes."""

    def __init__(self, folder, size):
        self.folder, self.root = folder, os.path.join(folder, 'hub')
        self.path = '/acme/bench/resolve/main/bench.gguf'
        os.makedirs(os.path.join(self.root, 'acme', 'bench'))
        self.file = os.path.join(self.root, 'acme', 'bench', 'bench.gguf')
        noise = random.Random(size)
        with open(self.file, 'wb') as f:
            f.write(b'GGUF' + noise.randbytes((1 << 20) - 4))
            for _ in range(size // (1 << 20) - 1):
                f.write(noise.randbytes(1 << 20))
        self.server = world.Server('--mirror', models=())

    def __enter__(self):
        home = self.server.home.__enter__()
        home.start_hub(self.root)
        home.orion('pull', 'acme/bench/bench.gguf').expect()
        os.unlink(self.file)
        os.symlink(home.models, os.path.join(self.folder, 'served'))
        self.server.owns_home = False
        self.server.__enter__()
        self.server.owns_home = True
        return self

    def __exit__(self, *why):
        self.server.__exit__(*why)


def cpu_seconds(pid):
    """Of a process and its children."""
    total = 0
    for entry in os.listdir('/proc'):
        try:
            with open(f'/proc/{entry}/stat', encoding='utf-8') as file:
                fields = file.read().rsplit(')', 1)[1].split()
        except (OSError, IndexError):
            continue
        if entry == str(pid) or fields[1] == str(pid):
            total += (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
    return total


def fetch(url, pid):
    """(MB a second that curl gets it at, processor seconds of the server)"""
    before = cpu_seconds(pid)
    said = subprocess.run(['curl', '-q', '-sSf', '-o', '/dev/null', '-w', '%{speed_download}', url],
                          capture_output=True, text=True, check=True).stdout
    return float(said) / 1e6, cpu_seconds(pid) - before


def measure_mirror(table, mirror):
    process, port = nginx.start(mirror.folder)
    costs = {'orion': [], 'nginx': []}
    try:
        for _ in range(2 * RUNS):
            costs['orion'].append(fetch(mirror.server.url + mirror.path,
                                        mirror.server.process.pid))
            costs['nginx'].append(fetch(f'http://127.0.0.1:{port}/acme/bench/bench.gguf',
                                        process.pid))
    finally:
        process.terminate()
        process.wait()
    for name, pairs in costs.items():
        table.add('mirror', name, 'rate, median', statistics.median(p[0] for p in pairs), 'MB/s')
        table.add('mirror', name, 'rate, best', max(p[0] for p in pairs), 'MB/s')
        table.add('mirror', name, 'processor, median', statistics.median(p[1] for p in pairs), 's')
    table.add('mirror', 'orion beside nginx', 'of its rate, median of pairs',
              statistics.median(a[0] / b[0] for a, b in zip(*costs.values())) * 100, '%')


def main():
    tiny, phi = sys.argv[1:]
    only = os.environ.get('ONLY') or 'answers http slow mirror'
    clients = [int(n) for n in (os.environ.get('CLIENTS') or '1 4 16').split()]
    size = int(float((os.environ.get('SIZE') or '1G').rstrip('G')) * 2**30)
    about = machine.facts(model=os.path.basename(phi))
    machine.print_facts(about)
    table = Table()
    if 'answers' in only:
        measure_answers(table, 'orion-tiny', tiny, clients, 10, 64)
        measure_answers(table, os.path.basename(phi)[:-5], phi, clients, 2, 16)
    if 'http' in only:
        measure_http(table, clients)
    if 'slow' in only or 'mirror' in only:
        with tempfile.TemporaryDirectory(dir=os.environ.get('BENCH_DIR')) as folder, \
                Mirror(folder, size) as mirror:
            if 'slow' in only:
                measure_slow(table, mirror)
            if 'mirror' in only:
                measure_mirror(table, mirror)
    print(machine.write_csv('serve', about, ('part', 'case', 'what', 'value', 'unit'), table.rows))


main()
