#!/usr/bin/env python3
"""Who is let in: the rules of server/guard.h and server/http_head.h, a row each.

A row is a request, byte by byte, and what must come of it: a code, HANDLED (the
handler of POST /orion/v1/login saw it whole), or CLOSED (no reply).  Whatever it
is, there is at most one reply, and then the connection ends.
"""
import concurrent.futures
import re
import socket
import time

import world
from world import tap

TOKEN = 'a-token-of-more-than-thirty-two-characters'
HANDLED, CLOSED = 'handled', 'closed'
CRLF = b'\r\n'
HEAD_BYTES, BODY_BYTES, FIELDS = 32 << 10, 8 << 20, 100
LOGIN = '/orion/v1/login'


# ---- requests ----

def ask(*lines, method='GET', path='/health', version='HTTP/1.1', host='127.0.0.1:{port}',
        body=b'', end=CRLF):
    """A request of these header lines."""
    first = f'{method} {path} {version}'
    lines = [first, *([f'Host: {host}'] if host is not None else []), *lines]
    return end.join(line if isinstance(line, bytes) else line.encode('latin-1')
                    for line in lines) + end + end + body


def post(*lines, body=b'{"token": "x"}', length=None, **more):
    """A POST to the handler that tells whether it was reached."""
    size = () if length is False else (f'Content-Length: {len(body) if length is None else length}',)
    return ask(*size, *lines, method='POST', path=LOGIN, body=body, **more)


def chunked(raw, *lines, **more):
    return post('Transfer-Encoding: chunked', *lines, body=raw, length=False, **more)


def padded(n_bytes):
    """A good request whose head is that long."""
    bare = len(ask('X-Pad: ').replace(b'{port}', b'12345'))
    return ask('X-Pad: ' + 'a' * (n_bytes - bare))


class ByByte(bytes):
    """Sent so."""


class Trickle(bytes):
    """Sent, and then a byte now and then, for as long as the server takes them."""


CHUNKS = b'5\r\n{"tok\r\n9\r\nen": "x"}\r\n0\r\n\r\n'

# (label, request or a list of pieces of it, what comes of it)
ROWS = [
    # ---- plain ones ----
    ('a plain GET', ask(), 200),
    ('a plain POST', post(), HANDLED),
    ('HEAD', ask(method='HEAD'), 200),
    ('HTTP/1.0 with a Host', ask(version='HTTP/1.0'), 200),
    ('byte by byte', ByByte(ask()), 200),
    ('a POST byte by byte', ByByte(post()), HANDLED),
    ('a POST with Expect: 100-continue', post('Expect: 100-continue'), HANDLED),
    ('a field without a value', ask('X-Empty:'), 200),
    ('blanks around a value', ask('X-Blank: \t a \t '), 200),
    ('bytes above ASCII in a value', ask('X-Name: \xe9\xff'), 200),

    # ---- Host ----
    ('Host: localhost', ask(host='localhost:{port}'), 200),
    ('Host: LOCALHOST', ask(host='LOCALHOST:{port}'), 200),
    ('Host: [::1]', ask(host='[::1]:{port}'), 200),
    ('no Host', ask(host=None), 400),
    ('no Host in HTTP/1.0', ask(host=None, version='HTTP/1.0'), 400),
    ('an empty Host', ask(host=''), 403),
    ('Host twice, alike', ask('Host: 127.0.0.1:{port}'), 400),
    ('Host twice, different', ask('Host: evil.example'), 400),
    ('hOsT besides Host', ask('hOsT: 127.0.0.1:{port}'), 400),
    ('Host without the port', ask(host='127.0.0.1'), 403),
    ('Host with another port', ask(host='127.0.0.1:1'), 403),
    ('Host with a port and a zero', ask(host='127.0.0.1:0{port}'), 403),
    ('Host with an empty port', ask(host='127.0.0.1:'), 403),
    ('Host with two ports', ask(host='127.0.0.1:{port}:{port}'), 403),
    ('a rebound name', ask(host='evil.example:{port}'), 403),
    ('a rebound name that ends like ours', ask(host='evil-localhost:{port}'), 403),
    ('a rebound name that begins like ours', ask(host='localhost.evil.example:{port}'), 403),
    ('Host: localhost.', ask(host='localhost.:{port}'), 403),
    ('another loopback address', ask(host='127.0.0.2:{port}'), 403),
    ('a short form of the address', ask(host='127.1:{port}'), 403),
    ('the address as a number', ask(host='2130706433:{port}'), 403),
    ('0.0.0.0', ask(host='0.0.0.0:{port}'), 403),
    ('::1 without brackets', ask(host='::1:{port}'), 403),
    ('a mapped address', ask(host='[::ffff:127.0.0.1]:{port}'), 403),
    ('Host with a user', ask(host='user@127.0.0.1:{port}'), 403),
    ('Host as a URL', ask(host='http://127.0.0.1:{port}'), 403),
    ('Host with a blank in it', ask(host='127.0.0.1:{port} evil'), 403),
    ('Host with two names', ask(host='127.0.0.1:{port}, evil.example'), 403),
    ('X-Forwarded-Host changes nothing', ask('X-Forwarded-Host: evil.example'), 200),
    ('an address of a network', ask(host='192.168.1.2:{port}'), 403),

    # ---- Origin ----
    ('its own origin', post('Origin: http://127.0.0.1:{port}'), HANDLED),
    ('its own origin by another name than Host', post('Origin: http://localhost:{port}'), 403),
    ('its own origin, both by name',
     post('Origin: http://localhost:{port}', host='localhost:{port}'), HANDLED),
    ('a foreign origin', post('Origin: https://evil.example'), 403),
    ('a foreign origin asks for the page', ask('Origin: https://evil.example', path='/'), 403),
    ('a foreign origin asks for nothing', ask('Origin: https://evil.example', path='/x'), 403),
    ('https instead of http', post('Origin: https://127.0.0.1:{port}'), 403),
    ('its own host, another port', post('Origin: http://127.0.0.1:1'), 403),
    ('its own host, no port', post('Origin: http://127.0.0.1'), 403),
    ('origin null', post('Origin: null'), 403),
    ('an empty origin', post('Origin:'), 403),
    ('two origins', post('Origin: http://127.0.0.1:{port}', 'Origin: https://evil.example'), 400),
    ('two origins in one field',
     post('Origin: http://127.0.0.1:{port} https://evil.example'), 403),
    ('an origin with a path', post('Origin: http://127.0.0.1:{port}/'), 403),
    ('a file', post('Origin: file://'), 403),
    ('an extension', post('Origin: chrome-extension://abcdefgh'), 403),
    ('a preflight of a foreign page',
     ask('Origin: https://evil.example', 'Access-Control-Request-Method: POST', method='OPTIONS',
         path=LOGIN), 403),
    ('a preflight of its own', ask('Origin: http://127.0.0.1:{port}', method='OPTIONS',
                                   path=LOGIN), 405),

    # ---- Sec-Fetch-Site ----
    ('same-origin', post('Sec-Fetch-Site: same-origin'), HANDLED),
    ('none: typed into the address bar', ask('Sec-Fetch-Site: none'), 200),
    ('cross-site', ask('Sec-Fetch-Site: cross-site'), 403),
    ('same-site: another port of this machine', ask('Sec-Fetch-Site: same-site'), 403),
    ('a value that is not one', ask('Sec-Fetch-Site: whatever'), 403),
    ('an empty value', ask('Sec-Fetch-Site:'), 403),
    ('SAME-ORIGIN', ask('Sec-Fetch-Site: SAME-ORIGIN'), 403),
    ('twice', ask('Sec-Fetch-Site: none', 'Sec-Fetch-Site: cross-site'), 400),
    ('an image of a foreign page', ask('Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors',
                                       'Sec-Fetch-Dest: image'), 403),
    ('cross-site with its own origin',
     post('Origin: http://127.0.0.1:{port}', 'Sec-Fetch-Site: cross-site'), 403),

    # ---- methods and paths ----
    ('POST where only GET is', ask('Content-Length: 0', method='POST'), 405),
    ('PUT', ask('Content-Length: 0', method='PUT'), 405),
    ('DELETE', ask(method='DELETE'), 405),
    ('PATCH', ask('Content-Length: 0', method='PATCH'), 405),
    ('TRACE', ask(method='TRACE'), 405),
    ('OPTIONS', ask(method='OPTIONS'), 405),
    ('a made-up method', ask(method='FROB'), 405),
    ('a method in small letters', ask(method='get'), 405),
    ('CONNECT', ask(method='CONNECT', path='127.0.0.1:80'), 400),
    ('no such path', ask(path='/none'), 404),
    ('a path that climbs', ask(path='/../etc/passwd'), 404),
    ('a path that climbs, encoded', ask(path='/%2e%2e/etc/passwd'), 404),
    ('two slashes', ask(path='//health'), 404),
    ('a slash at the end', ask(path='/health/'), 404),
    ('a letter encoded', ask(path='/%68ealth'), 404),
    ('a query', ask(path='/health?a=b&c'), 200),
    ('an empty query', ask(path='/health?'), 200),
    ('17 parameters', ask(path='/health?' + '&'.join('a=b' for _ in range(17))), 400),
    ('a query that is not encoded right', ask(path='/health?a=%zz'), 400),
    ('a query that ends in a percent', ask(path='/health?a=%'), 400),
    ('a NUL in the query', ask(path='/health?a=%00'), 400),
    ('a query that is not UTF-8', ask(path='/health?a=%ff'), 400),
    ('a newline in the query', ask(path='/health?a=%0d%0aX: y'), 400),
    ('absolute form', ask(path='http://127.0.0.1:{port}/health'), 400),
    ('absolute form of another', ask(path='http://evil.example/health'), 400),
    ('asterisk form', ask(method='OPTIONS', path='*'), 400),
    ('a path without its slash', ask(path='health'), 400),
    ('a fragment', ask(path='/health#top'), 400),
    ('a byte above ASCII in the path', ask(path='/h\xe9'), 400),

    # ---- the request line ----
    ('HTTP/0.9', b'GET /health\r\n\r\n', 400),
    ('HTTP/0.9, its first line alone', b'GET /health\r\n', 400),
    ('HTTP/1.2', ask(version='HTTP/1.2'), 505),
    ('HTTP/2.0', ask(version='HTTP/2.0'), 505),
    ('HTTP/3', ask(version='HTTP/3'), 400),
    ("HTTP/2's preface", b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505),
    ('http/1.1 in small letters', ask(version='http/1.1'), 400),
    ('HTTP/01.1', ask(version='HTTP/01.1'), 400),
    ('HTTP/1.1 with more behind it', ask(version='HTTP/1.1 x'), 400),
    ('a blank at the end', ask(version='HTTP/1.1 '), 400),
    ('a blank at the beginning', b' ' + ask(), 400),
    ('two blanks', ask(method='GET '), 400),
    ('tabs instead of blanks', ask().replace(b'GET /health HTTP', b'GET\t/health\tHTTP'), 400),
    ('a blank in the path', ask(path='/hea lth'), 400),
    ('a method of no token', ask(method='G@T'), 400),
    ('an empty line before it', CRLF + ask(), 400),
    ('no method', ask(method=''), 400),
    ('only a method', b'GET\r\n\r\n', 400),
    ('TLS', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(range(256)), 400),
    ('SSH', b'SSH-2.0-OpenSSH_9.2\r\n', 400),
    ('zeros', bytes(64), 400),

    # ---- lines and fields ----
    ('bare LF everywhere', ask(end=b'\n'), 400),
    ('bare LF after the first line', ask().replace(CRLF, b'\n', 1), 400),
    ('bare LF after a field', ask('X: y').replace(b'X: y\r\n', b'X: y\n'), 400),
    ('bare LF at the end', ask()[:-2] + b'\n', 400),
    ('bare CR', ask(end=b'\r'), 400),
    ('CR in a value', ask('X: a\rb'), 400),
    ('CR CR LF', ask('X: a\r'), 400),
    ('a folded field', ask('X: a', ' b'), 400),
    ('a field folded by a tab', ask('X: a', '\tb'), 400),
    ('the first field folded', ask(' X: a', host=None), 400),
    ('a folded Host', ask('Host:', ' 127.0.0.1:{port}', host=None), 400),
    ('NUL in a value', ask('X: a\0b'), 400),
    ('NUL in a name', ask('X\0: a'), 400),
    ('NUL in the path', ask(path='/hea\0lth'), 400),
    ('DEL in a value', ask('X: a\x7f'), 400),
    ('an escape in a value', ask('X: \x1b[31m'), 400),
    ('a blank before the colon', ask('X : a'), 400),
    ('a tab before the colon', ask('X\t: a'), 400),
    ('a blank before the colon of Host', ask('Host : evil.example'), 400),
    ('a blank before the colon of Content-Length', post('Content-Length : 14', length=False), 400),
    ('a field without a colon', ask('X'), 400),
    ('a field without a name', ask(': a'), 400),
    ('a blank in a name', ask('X Y: a'), 400),
    ('a byte above ASCII in a name', ask('X\xe9: a'), 400),
    ('brackets in a name', ask('X(y): a'), 400),

    # ---- the framing of a body ----
    ('Content-Length twice, alike', post('Content-Length: 14'), 400),
    ('Content-Length twice, different', post('Content-Length: 5'), 400),
    ('Content-Length as a list', post(length='14, 14'), 400),
    ('Content-Length with a sign', post(length='+14'), 400),
    ('a negative Content-Length', post(length='-1'), 400),
    ('a hexadecimal Content-Length', post(length='0xe'), 400),
    ('an empty Content-Length', post(length=''), 400),
    ('Content-Length with a fraction', post(length='14.0'), 400),
    ('Content-Length with a letter behind', post(length='14a'), 400),
    ('Content-Length with a blank in it', post(length='1 4'), 400),
    ('Content-Length of 20 digits', post(length='1' * 20), 400),
    ('Content-Length of 2^64', post(length='18446744073709551616'), 400),
    ('Content-Length of 2^64 - 1', post(length='18446744073709551615'), 400),
    ('Content-Length of 2^63 - 1', post(length='9223372036854775807'), 400),
    ('Content-Length with zeros in front', post(length='00014'), HANDLED),
    ('Content-Length and chunked', post('Transfer-Encoding: chunked', body=CHUNKS), 400),
    ('chunked and Content-Length', chunked(CHUNKS, 'Content-Length: 14'), 400),
    ('Content-Length: 0 and chunked', post('Transfer-Encoding: chunked', body=CHUNKS, length=0),
     400),
    ('chunked', chunked(CHUNKS), HANDLED),
    ('CHUNKED', post('Transfer-Encoding: CHUNKED', body=CHUNKS, length=False), HANDLED),
    ('chunked in HTTP/1.0', chunked(CHUNKS, version='HTTP/1.0'), 400),
    ('chunked twice', chunked(CHUNKS, 'Transfer-Encoding: chunked'), 400),
    ('chunked twice, in two cases', chunked(CHUNKS, 'TRANSFER-ENCODING: chunked'), 400),
    ('chunked, then identity', chunked(CHUNKS, 'Transfer-Encoding: identity'), 400),
    ('gzip', post('Transfer-Encoding: gzip', length=False), 400),
    ('gzip, chunked', post('Transfer-Encoding: gzip, chunked', body=CHUNKS, length=False), 400),
    ('chunked, chunked', post('Transfer-Encoding: chunked, chunked', body=CHUNKS, length=False),
     400),
    ('identity', post('Transfer-Encoding: identity', length=False), 400),
    ('xchunked', post('Transfer-Encoding: xchunked', body=CHUNKS, length=False), 400),
    ('chunked with a parameter', post('Transfer-Encoding: chunked;q=1', body=CHUNKS, length=False),
     400),
    ('an empty Transfer-Encoding', post('Transfer-Encoding:', length=False), 400),
    ('chunked behind a vertical tab', post('Transfer-Encoding: \x0bchunked', length=False), 400),
    ('a chunk size of no digits', chunked(b'zz\r\n{}\r\n0\r\n\r\n'), 400),
    ('a chunk size with 0x', chunked(b'0x2\r\n{}\r\n0\r\n\r\n'), 400),
    ('a negative chunk size', chunked(b'-2\r\n{}\r\n0\r\n\r\n'), 400),
    ('a chunk size with a plus', chunked(b'+2\r\n{}\r\n0\r\n\r\n'), 400),
    ('a chunk size behind a blank', chunked(b' 2\r\n{}\r\n0\r\n\r\n'), 400),
    ('a chunk size with a blank behind', chunked(b'2 \r\n{}\r\n0\r\n\r\n'), 400),
    ('an empty chunk size', chunked(b'\r\n{}\r\n0\r\n\r\n'), 400),
    ('a chunk size over 2^64', chunked(b'ffffffffffffffff1\r\n{}\r\n0\r\n\r\n'), 413),
    ('a chunk longer than its size', chunked(b'1\r\n{}\r\n0\r\n\r\n'), 400),
    ('a chunk without its CR LF', chunked(b'2\r\n{}0\r\n\r\n'), 400),
    ('a chunk ended by CR', chunked(b'2\r{}\r0\r\r'), 400),
    # libmicrohttpd is lenient in these.  Where the body ends decides nothing else: the
    # connection carries one request.
    ('a chunk with an extension', chunked(b'e;a=b\r\n{"token": "x"}\r\n0\r\n\r\n'), HANDLED),
    ('chunks ended by LF', chunked(b'e\n{"token": "x"}\n0\n\n'), HANDLED),
    ('chunks with a trailer',
     chunked(b'e\r\n{"token": "x"}\r\n0\r\nContent-Length: 1\r\nHost: evil\r\n\r\n'), HANDLED),
    ('a request behind chunks ended by LF',
     chunked(b'e\n{"token": "x"}\n0\n\n' + ask(path='/second')), HANDLED),
    ('a GET with a body', ask('Content-Length: 2', body=b'{}'), 400),
    ('a GET with chunks', ask('Transfer-Encoding: chunked', body=CHUNKS), 400),
    ('a GET with Content-Length: 0', ask('Content-Length: 0'), 200),
    ('a HEAD with a body', ask('Content-Length: 2', method='HEAD', body=b'{}'), 400),
    ('a second request behind the first', ask() + ask(path='/second'), 200),
    ('a second request behind a body', post() + ask(path='/second'), HANDLED),
    ('a second request in a body too short',
     post(body=b'{"token": "x"}GET /second HTTP/1.1\r\n\r\n', length=14), HANDLED),
    ('keep-alive is not kept', ask('Connection: keep-alive') + ask(path='/second'), 200),
    ('an upgrade to HTTP/2', ask('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c',
                                 'HTTP2-Settings: AAMAAABkAAQAAP__'), 200),
    ('an upgrade to a WebSocket', ask('Connection: Upgrade', 'Upgrade: websocket',
                                      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='), 200),

    # ---- limits ----
    ('a head of 32 KiB', padded(HEAD_BYTES), 200),
    ('a head of 32 KiB and a byte', padded(HEAD_BYTES + 1), 431),
    ('a head that does not end', b'GET /health HTTP/1.1\r\nX: ' + b'a' * HEAD_BYTES, 431),
    ('a first line that does not end', b'GET /' + b'a' * HEAD_BYTES, 431),
    ('a head of 100 fields', ask(*(f'X{i}: a' for i in range(FIELDS - 1))), 200),
    ('a head of 101 fields', ask(*(f'X{i}: a' for i in range(FIELDS))), 431),
    ('a path of 8 KiB', ask(path='/' + 'a' * 8191), 404),
    ('a path of 8 KiB and a byte', ask(path='/' + 'a' * 8192), 414),
    ('a body of 8 MiB', post(body=b'{"token": "' + b'x' * (BODY_BYTES - 13) + b'"}'), HANDLED),
    ('a body of 8 MiB and a byte', post(body=b'x' * (BODY_BYTES + 1)), 413),
    ('a body of 2 GiB, not sent', post(length=2 << 30), 413),
    ('a body of 2 GiB behind Expect', post('Expect: 100-continue', body=b'', length=2 << 30), 413),
    ('chunks of 8 MiB and a byte',
     chunked(b''.join(b'100000\r\n' + b'x' * (1 << 20) + CRLF for _ in range(8)) +
             b'1\r\nx\r\n0\r\n\r\n'), 413),

    # ---- JSON ----
    ('no JSON', post(body=b'token=x'), 400),
    ('an empty body', post(body=b''), 400),
    ('no body at all', post(body=b'', length=False), 400),
    ('an array', post(body=b'["token"]'), 400),
    ('a number', post(body=b'7'), 400),
    ('a key twice', post(body=b'{"token": "x", "token": "y"}'), 400),
    ('more behind the object', post(body=b'{"token": "x"} {}'), 400),
    ('a string that is not UTF-8', post(body=b'{"token": "\xff"}'), 400),
    ('a NUL in a string', post(body=b'{"token": "\\u0000"}'), 400),
    ('half a surrogate', post(body=b'{"token": "\\ud800"}'), 400),
    ('64 levels', post(body=b'{"token": "x", "a": ' + b'[' * 63 + b']' * 63 + b'}'), HANDLED),
    ('65 levels', post(body=b'{"token": "x", "a": ' + b'[' * 64 + b']' * 64 + b'}'), 400),
    ('a million levels', post(body=b'[' * 1000000), 400),
    ('brackets in a string', post(body=b'{"token": "' + b'[' * 100 + b'"}'), HANDLED),
    ('a quote escaped in a string', post(body=b'{"token": "\\"' + b'[' * 100 + b'"}'), HANDLED),

    # ---- time ----
    ('a head that never ends', b'GET /health HTTP/1.1\r\nHost', 408),
    ('nothing at all', b'', CLOSED),
    ('a body that stops', post(length=15), CLOSED),
    ('a body that trickles', Trickle(post(length=1000000)), CLOSED),
]

# With a token: the same, but ...
WITH_TOKEN = [
    ('no token', ask(path='/none'), 401),
    ('the token', ask('Authorization: Bearer ' + TOKEN, path='/none'), 404),
    ('bearer in small letters', ask('Authorization: bearer ' + TOKEN, path='/none'), 404),
    ('a wrong token', ask('Authorization: Bearer ' + TOKEN[:-1] + 'x', path='/none'), 401),
    ('a token too short', ask('Authorization: Bearer ' + TOKEN[:-1], path='/none'), 401),
    ('a token too long', ask('Authorization: Bearer ' + TOKEN + 'x', path='/none'), 401),
    ('an empty token', ask('Authorization: Bearer ', path='/none'), 401),
    ('a token without its scheme', ask('Authorization: ' + TOKEN, path='/none'), 401),
    ('another scheme', ask('Authorization: Basic ' + TOKEN, path='/none'), 401),
    ('the token twice', ask(*['Authorization: Bearer ' + TOKEN] * 2, path='/none'), 400),
    ('the token in the query', ask(path='/none?token=' + TOKEN), 401),
    ('the token as the cookie', ask('Cookie: orion=' + TOKEN, path='/none'), 401),
    ('an empty cookie', ask('Cookie: orion=', path='/none'), 401),
    ('a cookie of as many zeros', ask('Cookie: orion=' + '0' * 64, path='/none'), 401),
    ('open to all: health', ask(), 200),
    ('open to all: login', post(), HANDLED),
    ('not open: another method of it', ask('Content-Length: 0', method='POST'), 401),
    ('not open: another method, with the token',
     ask('Content-Length: 0', 'Authorization: Bearer ' + TOKEN, method='POST'), 405),
    ('a foreign origin with the token',
     ask('Origin: https://evil.example', 'Authorization: Bearer ' + TOKEN, path='/none'), 403),
    ('a rebound name with the token',
     ask('Authorization: Bearer ' + TOKEN, path='/none', host='evil.example:{port}'), 403),
    ('a body too long without the token', ask(f'Content-Length: {BODY_BYTES + 1}', method='POST',
                                              path='/none'), 401),
]

# Where other machines can connect, it goes by its addresses and its name too.
FROM_OUTSIDE = [
    ('an address', ask(host='192.0.2.1:{port}'), 200),
    ('an IPv6 address', ask(host='[2001:db8::1]:{port}'), 200),
    ('localhost', ask(host='localhost:{port}'), 200),
    ("the machine's name", ask(host=socket.gethostname() + ':{port}'), 200),
    ("the machine's name, .local", ask(host=socket.gethostname() + '.local:{port}'), 200),
    ('a rebound name', ask(host='evil.example:{port}'), 403),
    ('an address that is none', ask(host='192.0.2.256:{port}'), 403),
    ('an address with more behind it', ask(host='192.0.2.1.evil.example:{port}'), 403),
    ('brackets around a name', ask(host='[localhost]:{port}'), 403),
    ('no token', ask(path='/none', host='192.0.2.1:{port}'), 401),
]


# By another address of this machine.
BY_ADDRESS = [
    ('its address', ask(host='127.0.0.2:{port}'), 200),
    ('localhost', ask(host='localhost:{port}'), 200),
    ('one that it does not listen on', ask(host='127.0.0.3:{port}'), 403),
    ('a rebound name', ask(host='evil.example:{port}'), 403),
]


def result_of(raw):
    """(code or HANDLED or CLOSED, the reply) of all that came."""
    final = re.sub(rb'\AHTTP/1\.1 100 [^\r]*\r\n\r\n', b'', raw)
    if not final:
        return CLOSED, final
    assert len(re.findall(rb'^HTTP/1\.\d \d\d\d ', final, re.MULTILINE)) == 1, final[:4000]
    code = int(re.match(rb'HTTP/1\.\d (\d\d\d) ', final).group(1))
    if code == 403 and b'this is not the token' in final:
        return HANDLED, final
    return code, final


def pieces_of(sent, kind):
    if kind is ByByte:
        yield from (bytes([c]) for c in sent)
        return
    yield sent
    while kind is Trickle:
        time.sleep(.2)
        yield b'x'


def try_row(server, request, expected):
    sent = request.replace(b'{port}', str(server.port).encode())
    with server.connect() as sock:
        got, reply = result_of(world.exchange(sock, pieces_of(sent, type(request))))
    assert got == expected, f'expected {expected}, got {got}: {reply[:600]!r}'
    assert got == CLOSED or b'\r\nconnection: close\r\n' in reply.lower(), reply[:600]


def add_rows(server, rows, prefix, pool):
    for label, request, expected in rows:
        done = pool.submit(try_row, server, request, expected)
        tap.add_case(prefix + label, done.result)


def same_for_strangers(server):
    """What is there and what is not look the same without the token."""
    def replies(path):
        return [server.raw(ask(method=method, path=path).replace(b'{port}', b'%d' % server.port))
                for method in ('GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS')]

    def check():
        for there, not_there in [('/v1/models', '/v1/none'), ('/api/tags', '/api/none'),
                                 ('/orion/v1/models', '/orion/v1/none'), ('/metrics', '/none'),
                                 ('/v1/models/orion-tiny', '/v1/models/none')]:
            assert replies(there) == replies(not_there), (there, not_there)
    return check


def nothing_printed(server):
    def check():
        assert not any(TOKEN in line or 'x' * 40 in line for line in server.printed)
    return check


with concurrent.futures.ThreadPoolExecutor(32) as pool, \
        world.Server() as local, world.Server('--metrics', token=TOKEN) as closed, \
        world.Server('--host', '0.0.0.0', token=TOKEN) as outside, \
        world.Server('--host', '127.0.0.2') as other:
    other.host = '127.0.0.2'
    assert len(ROWS) >= 150
    add_rows(local, ROWS, '', pool)
    add_rows(closed, WITH_TOKEN, 'with a token: ', pool)
    add_rows(outside, FROM_OUTSIDE, 'from outside: ', pool)
    add_rows(other, BY_ADDRESS, 'at 127.0.0.2: ', pool)
    tap.add_case('strangers can not tell what is there', same_for_strangers(closed))
    tap.add_case('no token and no body is printed', nothing_printed(closed))
    tap.main()
