#!/usr/bin/env python3
"""orion pull beside curl and aria2c, over links that link.c makes on loopback.

    bench.py LINK MEASURE ORION

Environment: SIZE (1G) of the file, LOSS_SIZE (an eighth) where segments are lost,
since one stream would take minutes there; RUNS (3); ONLY, a list of links; BENCH_DIR,
where the files are (TMPDIR or /tmp).

The bytes are nginx's; a hub of a few lines redirects all three to them, and is not
behind the link.  In each run all tools take their turn (the order is turned round
every other run), each with a fresh link and an empty folder, and what they fetched is
checked afterwards, outside of the measured time.  What a tool costs:

    orion    pull, which verifies
    aria2c   -x16 -s16 with the checksum, which it verifies
    curl     one stream; wall time of it alone, since that is what it is compared for;
             processor time with sha256sum after it

A table goes to standard output, the same as CSV to bench/results/."""
import hashlib
import http.server
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import machine
import nginx

LIMIT_S = 900  # for one tool, once
GIGABIT = 125_000_000

# Name, whether it is lossy, what link.c is told (None: no link), what it stands for.
LINKS = [
    ('loopback', False, None, 'no link between'),
    ('delay', False, {'rtt': 100, 'rate': GIGABIT}, '1 Gbit/s, 100 ms round trip'),
    ('capped', False, {'rtt': 20, 'rate': GIGABIT, 'slow': GIGABIT // 10},
     '1 Gbit/s, 20 ms, the first connection at a tenth'),
    ('loss', True, {'rtt': 10, 'rate': GIGABIT, 'loss': 0.5},
     '1 Gbit/s, 10 ms, 0.5 % of segments lost'),
]
TOOLS = ('orion', 'aria2c', 'curl')
FILE = 'acme/bench/bench-Q4_K_M.gguf'


def size_of(text):
    units = {'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}
    return int(float(text[:-1]) * units[text[-1]]) if text[-1] in units else int(text)


def make_source(path, size):
    """A file that begins as a model does; its SHA-256."""
    noise, digest = random.Random(size), hashlib.sha256()
    with open(path, 'wb') as f:
        for at in range(0, size, 1 << 20):
            n = min(1 << 20, size - at)
            piece = noise.randbytes(n) if at else b'GGUF' + noise.randbytes(n - 4)
            digest.update(piece)
            f.write(piece)
    return digest.hexdigest()


def sha256(path):
    digest = hashlib.sha256()
    with open(path, 'rb') as f:
        while piece := f.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


class Hub(http.server.BaseHTTPRequestHandler):
    """Sends everyone to `data`, with the facts of `source`."""
    protocol_version = 'HTTP/1.1'
    data, source = None, None

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.send_response(302)
        for name, value in {'Location': self.data + '/' + self.source.name,
                            'X-Repo-Commit': '0123456789abcdef0123456789abcdef01234567',
                            'X-Linked-Size': self.source.size,
                            'X-Linked-Etag': f'"{self.source.sha256}"',
                            'Content-Length': 0}.items():
            self.send_header(name, str(value))
        self.end_headers()

    do_GET = do_HEAD


class Source:
    def __init__(self, folder, size):
        self.size, self.name = size, f'{size}.gguf'
        self.sha256 = make_source(os.path.join(folder, self.name), size)


class Bench:
    def __init__(self, programs, folder):
        self.link, self.measure, self.orion = programs
        self.folder = folder
        self.home = os.path.join(folder, 'home')
        self.env = {'PATH': os.environ['PATH'], 'HOME': self.home, 'LANG': 'C.UTF-8'}
        self.hub = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Hub)
        self.hub.daemon_threads = True
        threading.Thread(target=self.hub.serve_forever, daemon=True).start()
        self.hub_url = f'http://127.0.0.1:{self.hub.server_address[1]}'
        self.url = f'{self.hub_url}/acme/bench/resolve/main/bench-Q4_K_M.gguf'

    def run(self, *command, **more):
        done = subprocess.run([self.measure, str(LIMIT_S), *command], env={**self.env, **more},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        cost = json.loads(done.stdout)
        if cost['code'] != 0:
            raise SystemExit(f'bench-pull: {command[0]}: {cost}\n{done.stderr.decode()[-2000:]}')
        return cost

    def fetch(self, tool, source):
        """One tool's turn: what it cost."""
        shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(self.home)
        target = os.path.join(self.home, 'fetched')
        if tool == 'orion':
            models = os.path.join(self.home, 'models')
            target = os.path.join(models, FILE)
            cost = self.run(self.orion, 'pull', FILE, HF_ENDPOINT=self.hub_url,
                            ORION_MODELS=models)
        elif tool == 'aria2c':
            cost = self.run('aria2c', '--no-conf', '-q', '-x16', '-s16', '-k1M',
                            '--file-allocation=falloc', '--checksum=sha-256=' + source.sha256,
                            '-d', self.home, '-o', 'fetched', self.url)
        else:
            cost = self.run('curl', '-q', '-sSfL', '-o', target, self.url)
            cost['cpu'] += self.run('sha256sum', target)['cpu']
        if sha256(target) != source.sha256:
            raise SystemExit(f'bench-pull: {tool} fetched a wrong file')
        shutil.rmtree(self.home)
        os.sync()  # what one wrote is not the next one's work
        return cost

    def turn(self, tool, source, link):
        """With a link of its own, so that the first connection is the first."""
        Hub.source = source
        Hub.data = f'http://127.0.0.1:{self.port}'
        if link is None:
            return self.fetch(tool, source)
        options = [f'{name}={value}' for name, value in link.items()]
        relay = subprocess.Popen([self.link, str(self.port), *options], stdout=subprocess.PIPE)
        try:
            Hub.data = f'http://127.0.0.1:{int(relay.stdout.readline().split()[1])}'
            return self.fetch(tool, source)
        finally:
            relay.kill()
            relay.wait()


def ratio(a, b):
    return a / b if b else float('nan')


def medians(costs):
    return {what: statistics.median(cost[what] for cost in costs) for what in ('wall', 'cpu', 'rss')}


def goals(name, m, tools):
    """What the figures are for: each with whether it is met."""
    orion, aria2c, curl = (m[tool] for tool in tools)
    yield 'wall / aria2c <= 1.05', ratio(orion['wall'], aria2c['wall']), \
        orion['wall'] <= 1.05 * aria2c['wall']
    if name == 'delay':
        yield 'curl / wall >= 4', ratio(curl['wall'], orion['wall']), \
            curl['wall'] >= 4 * orion['wall']
    yield 'cpu / (curl + sha256sum) <= 1', ratio(orion['cpu'], curl['cpu']), \
        orion['cpu'] <= curl['cpu']
    yield 'peak MiB < 32', orion['rss'] / (1 << 20), orion['rss'] < 32 << 20


def facts(folder, runs):
    return machine.facts(**{'files on': machine.output('stat', '-f', '-c', '%T', folder),
                            'runs': runs,
                            'curl': machine.output('curl', '--version').split()[1],
                            'aria2c': machine.output('aria2c', '--version').split()[2]})


def report(name, size, about, m):
    print(f'\n{name}: {size / (1 << 20):.0f} MiB, {about}')
    print(f'  {"":8} {"wall s":>8} {"cpu s":>8} {"peak MiB":>9} {"MB/s":>7}')
    for tool in TOOLS:
        c = m[tool]
        print(f'  {tool:8} {c["wall"]:8.2f} {c["cpu"]:8.2f} {c["rss"] / (1 << 20):9.1f} '
              f'{size / c["wall"] / 1e6:7.1f}')
    for text, value, met in goals(name, m, TOOLS):
        print(f'  {"met   " if met else "MISSED"} {text}: {value:.2f}', flush=True)


def main():
    runs = int(os.environ.get('RUNS') or 3)
    size = size_of(os.environ.get('SIZE') or '1G')
    loss_size = size_of(os.environ.get('LOSS_SIZE') or str(size // 8))
    only = (os.environ.get('ONLY') or '').split()
    links = [link for link in LINKS if not only or link[0] in only]
    missed = 0

    with tempfile.TemporaryDirectory(prefix='orion-bench-',
                                     dir=os.environ.get('BENCH_DIR') or None) as folder:
        about = facts(folder, runs)
        machine.print_facts(about)
        served = os.path.join(folder, 'served')
        os.mkdir(served)
        sources = {n: Source(served, n) for n in
                   {loss_size if lossy else size for _, lossy, _, _ in links}}
        bench = Bench(sys.argv[1:4], folder)
        server, bench.port = nginx.start(folder)
        rows = []
        try:
            for name, lossy, link, what in links:
                source = sources[loss_size if lossy else size]
                costs = {tool: [] for tool in TOOLS}
                for number in range(runs):
                    for tool in TOOLS if number % 2 == 0 else reversed(TOOLS):
                        cost = bench.turn(tool, source, link)
                        costs[tool].append(cost)
                        rows.append([name, number, tool, source.size, cost['wall'], cost['cpu'],
                                     cost['rss']])
                m = {tool: medians(costs[tool]) for tool in TOOLS}
                report(name, source.size, what, m)
                missed += sum(not met for _, _, met in goals(name, m, TOOLS))
        finally:
            server.terminate()
            server.wait()

    path = machine.write_csv('pull', about, ['link', 'run', 'tool', 'size_bytes', 'wall_s', 'cpu_s',
                                             'peak_bytes'], rows)
    print(f'\n{path}: {missed} goals missed')


if __name__ == '__main__':
    main()
