"""Pulls through a hub that misbehaves: a table of scenarios, or random mixtures.

    netfault.py                     the table
    netfault.py --random N          N mixtures; --seed S and --only K repeat one
    netfault.py --match TEXT        the rows with this in their name

A scenario ends in the right SHA-256, or in the right typed error with nothing
left to be taken for a model.  Once the hub has come to its senses the same
command must succeed, whatever it was left with.  Times are limits for hangs
only.  The output is TAP."""
import argparse
import concurrent.futures
import json
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass

from mixtures import mixture
from world import (CODES, FAILED, GIVE_UP_S, INTEGRITY, NETWORK, NOT_FOUND, RIGHT, STALL_S, Place,
                   World, Wrong)

M = 1 << 20
SIZE = 4 * M + 12345
MIDDLE, LATE, LAST = 2 * M + 77, 3 * M + 500_000, SIZE - 1


def fault(kind, **more):
    return {'kind': kind, **more}


def once(kind, **more):
    return {'kind': kind, 'times': 1, **more}


def head(kind, **more):
    return {'kind': kind, 'where': 'head', **more}


def status(code, **more):
    return {'kind': 'status', 'code': code, **more}


@dataclass
class Row:
    name: str
    faults: list
    result: int = RIGHT
    says: str = ''          # a part of the sentence on standard error
    cost: float = 1.5       # times the file that may be sent, until the end of the first pull
    size: int = SIZE
    hub: tuple = ()         # options of the hub; {good} and so on are certificates
    options: tuple = ()     # of orion pull
    trust: bool = True      # the test authority, where the hub speaks TLS
    heals: bool = True      # without the faults it succeeds
    rate: int = 0           # bytes a second of each connection; 0: any
    patient: bool = False   # it may take what a person would wait for, not seconds
    asks: int = 10000       # requests for data, at most, until the end of the first pull


SLOW = {'size': 8 * M, 'rate': 400_000, 'patient': True}

# What the hub does, what must come of it, and at which cost in bytes.
TABLE = [
    # ---- nothing ----
    Row('no fault at all', [], cost=1.1),
    Row('no fault, one connection', [], options=('--connections', '1'), cost=1.0),
    Row('no fault, a file of a few bytes', [], size=100, cost=1.0),
    Row('no fault, a file that is just a unit', [], size=M, cost=1.1),

    # ---- connections that break ----
    Row('dropped before the first byte', [once('drop', at=0)]),
    Row('dropped in the middle', [once('drop', at=MIDDLE)]),
    Row('dropped before the last byte', [once('drop', at=LAST)]),
    Row('dropped at the same byte three times', [fault('drop', at=MIDDLE, times=3)]),
    Row('dropped at the same byte for ever', [fault('drop', at=MIDDLE)], NETWORK, 'broke', 3),
    Row('every connection dropped once', [fault('cut', bytes=300_000, times=4)]),
    Row('every answer dropped after 200 kB', [fault('cut', bytes=200_000)]),
    Row('every answer dropped at once', [fault('cut', bytes=0)], NETWORK, 'broke', 0.1),
    Row('reset in the middle', [once('rst', at=MIDDLE)]),
    Row('reset instead of an answer, twice', [fault('reset', times=2)]),
    Row('reset instead of an answer, for ever', [fault('reset')], NETWORK, 'broke', 0.1),
    Row('the hub resets once', [head('reset', times=1)]),
    Row('the hub resets for ever', [head('reset')], NETWORK, 'broke', 0),

    # ---- silence ----
    Row('a stall before the first byte', [once('stall', at=0)]),
    Row('a stall in the middle', [once('stall', at=MIDDLE)]),
    Row('a stall before the last byte', [once('stall', at=LAST)]),
    Row('a stall before the answer', [once('hang')]),
    Row('a stall before every answer', [fault('hang')], NETWORK, 'silent', 0),
    Row('a stall of the hub, once', [head('hang', times=1)]),
    Row('a stall at the same byte for ever', [fault('stall', at=MIDDLE)], NETWORK, 'silent', 2),
    Row('one byte a second, on one connection', [once('drip', at=M + 5)]),
    Row('one byte a second from the start, once', [once('drip', at=0)]),

    # ---- wrong bytes ----
    Row('a flipped bit in the first byte', [fault('flip', at=0)], INTEGRITY, 'hash', 2.5),
    Row('a flipped bit in the middle', [fault('flip', at=MIDDLE)], INTEGRITY, 'hash', 2.5),
    Row('a flipped bit in the last byte', [fault('flip', at=LAST)], INTEGRITY, 'hash', 2.5),
    Row('another file from the middle on, same ETag', [fault('other', at=MIDDLE)], INTEGRITY,
        'hash', 2.5),
    Row('a hash that is not the file\'s', [head('etag', value='ab' * 32)], INTEGRITY, 'hash', 2.5),

    # ---- lies about lengths and ranges ----
    Row('truncated in the middle, once', [once('truncate', at=MIDDLE)]),
    Row('truncated in the middle, for ever', [fault('truncate', at=MIDDLE)], NETWORK, 'length', 2),
    Row('Content-Length too large, once', [once('length', add=50)]),
    Row('Content-Length too small, once', [once('length', add=-50)]),
    Row('Content-Length too large, for ever', [fault('length', add=50)], NETWORK, 'length', 2),
    Row('ranges shorter than asked for', [fault('short', bytes=400_000)]),
    Row('Content-Range begins elsewhere, once', [once('crange', start=1)]),
    Row('Content-Range begins elsewhere', [fault('crange', start=1)], NETWORK, 'other bytes', 2),
    Row('Content-Range ends past the end', [fault('crange', end=9)], NETWORK, 'other bytes', 2),
    Row('Content-Range gives another total', [fault('crange', total=1)], NETWORK, 'another size', 2),
    Row('no Content-Range', [fault('without', header='Content-Range')], NETWORK, 'other bytes', 2),
    Row('the range as multipart', [fault('multipart')], NETWORK, '', 8),
    Row('200 to every range', [fault('whole')], cost=6),
    Row('200 to a range, once', [once('whole', covers=MIDDLE)], cost=2.5),
    Row('200 to every range, dropped in the middle', [fault('whole'), once('drop', at=LATE)],
        cost=8),
    Row('400 to what asks for no range', [status(400, no_range=1)], cost=1.1),
    Row('the hub gives a larger size', [head('size', add=7)], NETWORK, 'size', 2),
    Row('the hub gives a smaller size', [head('size', add=-7)], NETWORK, 'size', 2),
    Row('the hub gives no size', [head('without', header='x-linked-size')]),
    Row('chunked, without a length', [fault('chunked')]),
    Row('chunks that are none', [fault('chunked', broken=1)], NETWORK, 'broke', 2),
    Row('the ETag changes in mid-file', [once('drop', at=MIDDLE),
                                         fault('etag', value='"other"', after=2)], cost=2.5),
    Row('each answer has another weak ETag', [fault('etag', value='W/"x"', times=2)]),

    # ---- other forms ----
    Row('compressed although asked not to', [fault('zip')], NETWORK, 'compresses', 6),
    Row('called brotli', [fault('coding', value='br')], NETWORK, 'compresses', 6),
    Row('a login page instead of data, once', [once('portal')]),
    Row('a login page instead of data', [fault('portal')], NETWORK, 'log in', 0.1),
    Row('a login page instead of the hub', [head('portal')], NETWORK, 'log in', 0),
    Row('no HTTP at all, from the hub', [head('garbage')], NETWORK, 'HTTP', 0),
    Row('no HTTP at all, from the data server', [fault('garbage')], NETWORK, 'HTTP', 0.1),
    Row('a header of a megabyte', [fault('header', name='X-Long', value='x' * M)], NETWORK, '', 0.1),
    Row('no commit', [head('without', header='x-repo-commit')], NETWORK, 'X-Repo-Commit', 0),
    Row('no hash', [head('etag', value='none')], NETWORK, 'no SHA-256', 0),

    # ---- redirects ----
    Row('the hub redirects in circles', [head('loop')], NETWORK, 'circles', 0),
    Row('the data server redirects in circles', [fault('loop')], NETWORK, 'circles', 0.1),
    Row('the data is on another host', [fault('host', times=20)]),
    Row('the hub sends to a host that is not there',
        [head('to', url='http://127.0.0.1:9/acme')], NETWORK, '', 0),
    Row('the hub sends to no web address', [head('to', url='file:///etc/passwd')], NETWORK, '', 0),
    Row('the data server sends to no web address', [fault('to', url='file:///etc/passwd')], NETWORK,
        'address', 0.1),

    # ---- statuses ----
    Row('400 for data', [status(400)], NETWORK, 'status 400', 0.1),
    Row('401 for data, once', [status(401, times=1)]),
    Row('401 for data', [status(401)], NETWORK, 'refuses the address', 0.1),
    Row('403 for data', [status(403)], NETWORK, 'refuses the address', 0.1),
    Row('404 for data, once', [status(404, times=1)]),
    Row('404 for data', [status(404)], NETWORK, 'refuses the address', 0.1),
    Row('408 for data, once', [status(408, times=1)]),
    Row('416 for data', [status(416)], NETWORK, 'refuses the address', 0.1),
    Row('418 for data', [status(418)], NETWORK, 'status 418', 0.1),
    Row('429 for data, once', [status(429, retry_after=1, times=1)]),
    Row('500 for data, three times', [status(500, times=3)]),
    Row('500 for data, for ever', [status(500)], NETWORK, '500', 0.1),
    Row('503 for data with Retry-After', [status(503, retry_after=0, times=2)]),
    Row('503 for one byte of the file, four times', [status(503, covers=MIDDLE, times=4)]),
    Row('401 from the hub', [head('status', code=401)], NOT_FOUND, 'private', 0),
    Row('403 from the hub', [head('status', code=403)], FAILED, 'denies', 0),
    Row('404 from the hub', [head('status', code=404)], NOT_FOUND, 'no file', 0),
    Row('a gated repository', [head('status', code=401, error_code='GatedRepo')], FAILED, 'gated', 0),
    Row('408 from the hub, once', [head('status', code=408, times=1)]),
    Row('500 from the hub, once', [head('status', code=500, times=1)]),
    Row('500 from the hub, for ever', [head('status', code=500, retry_after=0)], NETWORK, '500', 0),

    # ---- slow down ----
    Row('429 from the hub with RateLimit',
        [head('status', code=429, ratelimit='"resolvers";r=0;t=1', times=1)]),
    Row('429 from the hub for ever', [head('status', code=429, retry_after=0)], NETWORK, 'slow down',
        0),
    Row('Retry-After is a date in the past',
        [status(503, retry_after='Wed, 21 Oct 2015 07:28:00 GMT', times=1)]),
    Row('Retry-After is no number', [status(503, retry_after='soon', times=1)]),
    Row('Retry-After is negative', [status(503, retry_after=-5, times=1)]),
    Row('Retry-After is absurd', [status(503, retry_after='9' * 30)], NETWORK, '503', 0.1),
    Row('Retry-After is longer than patience', [head('status', code=503, retry_after=86400)],
        NETWORK, '503', 0),
    Row('RateLimit is nonsense', [head('status', code=429, ratelimit=';;t=;"', times=1)]),

    # ---- signed URLs ----
    Row('the URLs expire in mid-file', [once('expire', at=MIDDLE)]),
    Row('the URLs expire at the last byte', [once('expire', at=LAST)]),
    Row('each URL is good for two requests', [head('uses', n=2)]),
    Row('403 once, after the first answer', [status(403, after=1, times=1)]),

    # ---- one connection only ----
    Row('403 on all but one connection', [status(403, spare=1)]),
    Row('429 on all but one connection', [status(429, spare=1, retry_after=1)]),
    Row('503 on all but two connections', [status(503, spare=2)]),
    Row('reset on all but one connection', [fault('reset', spare=1)]),
    Row('closed after 50 kB on all but one connection', [fault('cut', bytes=50_000, spare=1)]),
    Row('silence on all but one connection', [fault('hang', spare=1)]),
    Row('a byte a second on all but one connection, three times',
        [fault('drip', at=0, spare=1, times=3)]),

    # ---- what never ends by itself: alone, the good connection needs 20 s ----
    Row('a byte a second on all but one connection, for ever',
        [fault('drip', at=0, spare=1, faithful=1)], cost=1.1, asks=60, **SLOW),
    Row('a byte a second on three of four connections, for ever',
        [fault('drip', at=0, spare=1, faithful=1)], cost=1.1, asks=30,
        options=('--connections', '4'), **SLOW),
    Row('a byte a second on all but one connection, from the middle on',
        [fault('drip', at=4 * M, spare=1, faithful=1)], cost=1.1, asks=60, **SLOW),
    Row('a byte a second on every connection that is not alone',
        [fault('drip', at=0, spare=1)], cost=1.1, asks=60, **SLOW),
    Row('a byte a second on the first six connections',
        [fault('drip', at=0, times=6)], cost=1.1, asks=60, **SLOW),
    Row('a byte a second on the first connection, and only one',
        [fault('drip', at=0, times=1)], cost=1.1, asks=4, options=('--connections', '1'), **SLOW),

    # ---- two things at once ----
    Row('dropped, stalled and 503', [once('drop', at=M), once('stall', at=MIDDLE),
                                     status(503, times=2, covers=LATE)]),
    Row('expired, then dropped, then 200 to a range',
        [once('expire', at=M), once('drop', at=MIDDLE), once('whole', covers=LATE)], cost=3),

    # ---- who is it? ----
    Row('TLS: a good certificate', [], hub=('--tls', '{good}')),
    Row('TLS: an authority that no one trusts', [], NETWORK, 'prove who it is', 0,
        hub=('--tls', '{good}'), trust=False, heals=False),
    Row('TLS: an expired certificate', [], NETWORK, 'expired', 0, hub=('--tls', '{expired}'),
        heals=False),
    Row('TLS: a self-signed certificate', [], NETWORK, 'prove who it is', 0,
        hub=('--tls', '{self_signed}'), heals=False),
    Row('TLS: a certificate of another host', [], NETWORK, 'prove who it is', 0,
        hub=('--tls', '{wrong_host}'), heals=False),
    Row('TLS: the data without encryption', [], NETWORK, 'without encryption', 0,
        hub=('--tls', '{good}', '--plain-cdn'), heals=False),
    Row('TLS: the data server redirects to http', [fault('plain')], NETWORK, 'without encryption',
        0.1, hub=('--tls', '{good}'), heals=False),
    Row('TLS: dropped in the middle', [once('drop', at=MIDDLE)], hub=('--tls', '{good}')),
]


# ---- the table ---------------------------------------------------------------


def over_tls(world, row):
    """The options of the hub, and what the pull is to trust."""
    if not row.hub:
        return (), {}
    names = {name: getattr(world.certs, name)
             for name in ('good', 'expired', 'self_signed', 'wrong_host')}
    trust = {'SSL_CERT_FILE': world.certs.authority} if row.trust else {}
    return [text.format(**names) for text in row.hub], trust


def run_row(world, number, row):
    """None, or why it was skipped; raises Wrong."""
    if row.hub and not world.certs:
        return 'openssl is not here'
    args, env = over_tls(world, row)
    if row.patient:
        env['ORION_CONFIG'] = world.patient_config
    place = Place(world, f'row{number}', row.size)
    # A hub that speaks TLS takes no control requests; its faults come with it.
    for fault_ in row.faults if row.hub else ():
        args += ['--fault', fault_['kind'] + ':' +
                 ','.join(f'{k}={v}' for k, v in fault_.items() if k != 'kind')]
    with world.hub(args) as hub:
        if not row.hub:
            hub.set_faults(*row.faults)
            hub.set_rate(row.rate)
        url = hub.url.replace('http:', 'https:') if row.hub else hub.url
        outcome = place.pull(url, *row.options, **env)
        place.check(outcome)
        if outcome.code != row.result:
            raise Wrong(f'expected {CODES[row.result]}, not {outcome}')
        if row.says not in outcome.err:
            raise Wrong(f'expected {row.says!r}: {outcome}')
        sent = 0 if row.hub else hub.bytes_sent()
        if sent > row.cost * row.size:
            raise Wrong(f'{sent} bytes were sent, {sent / row.size:.2f} times the file: {outcome}')
        asked = 0 if row.hub else hub.data_requests()
        if asked > row.asks:
            raise Wrong(f'it asked for data {asked} times: {outcome}')
        if row.result != RIGHT and row.heals:
            hub.set_faults()
            heal(place, hub)
    place.remove()
    return f'{outcome.seconds:.1f} s, {sent / row.size:.2f} x, {asked} requests'


def heal(place, hub):
    outcome = place.pull(hub.url)
    place.check(outcome)
    if outcome.code != RIGHT:
        raise Wrong(f'it never recovers: {outcome}')


def table(world, pool, match):
    rows = [row for row in TABLE if match in row.name]
    print(f'1..{len(rows)}', flush=True)
    futures = [pool.submit(run_row, world, number, row) for number, row in enumerate(rows, 1)]
    failed = sum(tell(number, row.name, future)
                 for number, (row, future) in enumerate(zip(rows, futures), 1))
    return len(rows), failed


def tell(number, name, future):
    """A line of TAP; 1 for a failure."""
    try:
        note = future.result()
    except Exception as why:  # whatever it is, it is this scenario's failure
        print(f'not ok {number} - {name}')
        print('# ' + (str(why) if isinstance(why, Wrong) else repr(why)).replace('\n', '\n# '),
              flush=True)
        return 1
    if note and ' x' not in note:
        print(f'ok {number} - {name} # SKIP {note}', flush=True)
    else:
        print(f'ok {number} - {name}\n# {note}', flush=True)
    return 0


# ---- mixtures ----------------------------------------------------------------


def run_mixture(world, seed, k):
    """What it ended in."""
    size, faults = mixture(random.Random(f'{seed}:{k}'))
    place = Place(world, f'mix{k}', size)
    try:
        with world.hub() as hub:
            hub.set_faults(*faults)
            outcome = place.pull(hub.url)
            place.check(outcome)
            if outcome.code != RIGHT:
                hub.set_faults()
                heal(place, hub)
    except Wrong as why:
        raise Wrong(f'mixture {k} of seed {seed}, {size} bytes: {why}\n'
                    f'{json.dumps(faults)}') from None
    place.remove()
    return outcome.code


def mixtures(world, pool, n, seed, only, batch=100):
    numbers = [only] if only is not None else list(range(n))
    batches = [numbers[i:i + batch] for i in range(0, len(numbers), batch)]
    print(f'1..{len(batches)}\n# seed {seed}', flush=True)
    futures = {k: pool.submit(run_mixture, world, seed, k) for k in numbers}
    ends, failed = Counter(), 0
    for number, ks in enumerate(batches, 1):
        whys = []
        for k in ks:
            try:
                ends[CODES[futures[k].result()]] += 1
            except Exception as why:  # as above
                whys.append(str(why) if isinstance(why, Wrong) else repr(why))
        print(f'{"not " * bool(whys)}ok {number} - mixtures {ks[0]} to {ks[-1]}')
        for why in whys:
            print('# ' + why.replace('\n', '\n# '))
        print(f'# so far: {dict(ends)}', flush=True)
        failed += len(whys)
    return len(numbers), failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--random', type=int, default=0, metavar='N')
    parser.add_argument('--seed', type=int,
                        default=int(os.environ.get('ORION_TEST_SEED') or time.time()))
    parser.add_argument('--only', type=int, metavar='K')
    parser.add_argument('--match', default='', metavar='TEXT')
    parser.add_argument('--jobs', type=int, default=8 * (os.cpu_count() or 1))
    args = parser.parse_args()

    began = time.monotonic()
    with World(args.jobs) as world, \
            concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        if args.random or args.only is not None:
            tried, failed = mixtures(world, pool, args.random, args.seed, args.only)
        else:
            tried, failed = table(world, pool, args.match)
    print(f'# {tried - failed} passed, {failed} failed; {time.monotonic() - began:.0f} s with a '
          f'patience of {STALL_S} s and {GIVE_UP_S} s')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
