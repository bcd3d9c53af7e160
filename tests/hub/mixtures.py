"""Random mixtures of faults."""

SIZES = (100, 70_000, 1 << 20, (1 << 20) + 1, 2_500_000, 3 << 20, (3 << 20) + 4321, 5_000_000)
CODES = (400, 401, 403, 404, 408, 416, 418, 429, 500, 502, 503, 504)
RETRY_AFTER = (None, 0, 1, 2, -3, 'soon', '', '9' * 25, 'Wed, 21 Oct 2015 07:28:00 GMT')
RATE_LIMIT = (None, '"resolvers";r=0;t=1', '"x";r=-1;t=-1', ';;;', '"resolvers";r=0;t=999999999999')


def at_byte(kind):
    return lambda chance, size: {'kind': kind, 'at': chance.choice(
        (0, size - 1, chance.randrange(size), chance.randrange(size)))}


def plain(kind, **more):
    return lambda chance, size: {'kind': kind, **more}


def refusal(chance, size):
    return {'kind': 'status', 'code': chance.choice(CODES),
            'retry_after': chance.choice(RETRY_AFTER), 'ratelimit': chance.choice(RATE_LIMIT)}


def lie(chance, size):
    return {'kind': 'crange', chance.choice(('start', 'end', 'total')): chance.choice((-1, 1, 4096))}


def length(chance, size):
    return {'kind': 'length', 'add': chance.choice((-1, 1, -5000, 5000))}


def cut(chance, size):
    return {'kind': 'cut', 'bytes': chance.choice((0, 1, 1000, size // 3, size))}


def short(chance, size):
    return {'kind': 'short', 'bytes': chance.choice((100_000, 400_000, size))}


def data_etag(chance, size):
    return {'kind': 'etag', 'value': chance.choice(('"other"', 'W/"weak"', '', 'nonsense'))}


DATA = [at_byte(kind) for kind in ('flip', 'other', 'drop', 'rst', 'stall', 'truncate', 'expire')]
DATA += [refusal, refusal, lie, length, cut, short, data_etag]
DATA += [plain(kind) for kind in ('whole', 'portal', 'loop', 'host', 'reset', 'garbage', 'hang',
                                  'chunked', 'zip', 'multipart')]
DATA += [plain('drip', at=0), plain('chunked', broken=1), plain('coding', value='br'),
         plain('without', header='Content-Range'), plain('to', url='ftp://127.0.0.1/x')]

HEAD = [refusal, refusal] + [plain(kind) for kind in ('portal', 'loop', 'reset', 'garbage', 'hang')]
HEAD += [plain('size', add=1), plain('size', add=-1), plain('etag', value='cd' * 32),
         plain('etag', value=''), plain('without', header='x-linked-size'), plain('uses', n=1),
         plain('uses', n=3), plain('without', header='location')]


def one(chance, size):
    """A fault, and for how long it stays."""
    if chance.random() < 0.8:
        fault = {'where': 'data', **chance.choice(DATA)(chance, size)}
        if chance.random() < 0.25:
            fault['spare'] = chance.choice((1, 1, 2, 3))
        if chance.random() < 0.2:
            fault['covers'] = chance.randrange(size)
    else:
        fault = {'where': 'head', **chance.choice(HEAD)(chance, size)}
    # What brings a byte now and then is waited for as long as it does.
    endless = fault['kind'] == 'drip' or 0 < fault.get('bytes', size) < 100_000
    if endless or chance.random() < 0.8:
        fault['times'] = chance.choice((1, 1, 1, 2, 3, 5))
    if chance.random() < 0.4:
        fault['after'] = chance.randrange(5)
    return {key: value for key, value in fault.items() if value is not None}


def mixture(chance):
    """(size of the file, faults)"""
    size = chance.choice(SIZES)
    return size, [one(chance, size) for _ in range(chance.choice((1, 1, 2, 2, 3, 4)))]
