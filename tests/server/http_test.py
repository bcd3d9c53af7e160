#!/usr/bin/env python3
"""`orion serve` as a process, and what does not belong to a family of APIs."""
import contextlib
import os
import signal
import socket
import stat
import subprocess

import world
from world import cli, tap

TOKEN = 'a-token-of-more-than-thirty-two-characters'


@tap.case('/health says that it is up, and which version it is')
def health():
    with world.Server() as server:
        reply = server.get('/health')
        assert reply.code == 200 and reply.json()['status'] == 'ok', reply
        version = subprocess.run([cli.ORION, '--version'], capture_output=True, text=True).stdout
        assert version.split()[1] == reply.json()['version'], reply


@tap.case('every reply carries the headers of a cautious server')
def headers():
    with world.Server() as server:
        for path, code in ('/health', 200), ('/none', 404):
            reply = server.get(path)
            assert reply.code == code, reply
            assert reply.headers['X-Content-Type-Options'] == 'nosniff', reply
            assert reply.headers['Referrer-Policy'] == 'no-referrer', reply
            assert reply.headers['Cache-Control'] == 'no-store', reply
            assert reply.headers['Connection'] == 'close', reply
            assert not any(n.lower().startswith('access-control-') for n in reply.headers), reply


@tap.case('HEAD is answered as GET, without the body')
def head():
    with world.Server() as server:
        for path in '/health', '/none':
            got, headed = server.get(path), server.ask('HEAD', path)
            assert (headed.code, headed.body) == (got.code, b''), headed
            assert headed.headers['Content-Length'] == str(len(got.body)), headed


@tap.case('/metrics is there when asked for, and counts')
def metrics():
    with world.Server() as server:
        assert server.get('/metrics').code == 404
    with world.Server('--metrics') as server:
        server.get('/none')
        text = server.get('/metrics').body.decode()
        assert 'orion_http_replies_total{code="4xx"} 1\n' in text, text
        assert '\nprocess_resident_memory_bytes ' in text, text


@tap.case('the page logs in with the token and gets a cookie')
def login():
    with world.Server(token=TOKEN) as server:
        server.token = None
        assert server.get('/orion/v1/login').json() == {'needed': True, 'done': False}
        refused = server.post('/orion/v1/login', {'token': TOKEN[:-1] + 'x'})
        assert refused.code == 403 and 'Set-Cookie' not in refused.headers, refused
        assert server.post('/orion/v1/login', {}).json()['error']['field'] == 'token'
        reply = server.post('/orion/v1/login', {'token': TOKEN})
        assert reply.code == 204, reply
        cookie, *attributes = reply.headers['Set-Cookie'].split('; ')
        assert {'HttpOnly', 'SameSite=Strict', 'Path=/'} <= set(attributes), reply
        assert TOKEN not in cookie, reply
        assert server.get('/none').code == 401
        assert server.get('/none', Cookie='a=b; ' + cookie).code == 404
        assert server.get('/none', Cookie=cookie + 'x').code == 401
        assert server.get('/orion/v1/login', Cookie=cookie).json()['done'] is True
        assert 'Max-Age=0' in server.ask('DELETE', '/orion/v1/login').headers['Set-Cookie']


@tap.case('without a token there is nothing to log in to')
def no_login():
    with world.Server() as server:
        assert server.get('/orion/v1/login').json() == {'needed': False, 'done': True}
        assert server.post('/orion/v1/login', {'token': ''}).code == 403


@tap.case('a token file that does not exist is made, for its owner alone')
def token_made():
    with cli.Home() as home:
        path = os.path.join(home.path, 'new')
        with world.Server('--token-file', path, home=home) as server:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            token = open(path).read().strip()
            assert len(token) == 64 and int(token, 16) >= 0, token
            assert server.get('/none').code == 401
            assert server.get('/none', Authorization='Bearer ' + token).code == 404
            assert not any(token in line for line in server.printed)
        with world.Server('--token-file', path, home=home) as server:
            assert open(path).read().strip() == token
            assert server.get('/none', Authorization='bearer ' + token).code == 404


def refused_file(home, text, mode, words):
    path = os.path.join(home.path, 'bad')
    with open(path, 'w') as file:
        file.write(text)
    os.chmod(path, mode)
    done = home.orion('serve', '--port', '0', '--token-file', path)
    assert done.code != 0 and words in done.err, done


@tap.case('a token file that is no good is refused with the reason')
def token_files():
    with cli.Home() as home:
        for text, mode, words in [(TOKEN, 0o644, 'chmod 600'), (TOKEN, 0o660, 'chmod 600'),
                                  ('short', 0o600, '32 to 256'), ('', 0o600, '32 to 256'),
                                  ('x' * 257, 0o600, '32 to 256'),
                                  (TOKEN + ' two', 0o600, 'more than one word'),
                                  ('\u00e9' * 40, 0o600, 'plain ASCII')]:
            refused_file(home, text, mode, words)
        done = home.orion('serve', '--port', '0', '--token-file', home.path)
        assert done.code != 0 and home.path in done.err, done
        home.orion('serve', '--port', '0', '--token-file', home.path + '/no/such/dir').expect(
            code=3, err='no/such/dir')


@tap.case('another address needs a token, and is told to be in the clear')
def other_address():
    with cli.Home() as home:
        home.orion('serve', '--port', '0', '--host', '0.0.0.0').expect(code=1, err='--token-file')
        home.orion('serve', '--port', '0', '--host', 'no-such-host.invalid').expect(
            code=3, err='no-such-host.invalid')
    with world.Server('--host', '0.0.0.0', token=TOKEN) as server:
        assert any('not encrypted' in line for line in server.printed), server.printed
        assert server.get('/none', Host=f'192.0.2.7:{server.port}').code == 404
        assert server.get('/none', Host=f'{socket.gethostname()}:{server.port}').code == 404
        assert server.get('/none', Host=f'evil.example:{server.port}').code == 403


@tap.case('IPv6')
def six():
    try:
        socket.create_server(('::1', 0), family=socket.AF_INET6).close()
    except OSError:
        raise tap.Skip('there is no ::1 here')
    with world.Server('--host', '::1') as server:
        server.host = '::1'
        assert server.url.startswith('http://[::1]:'), server.url
        assert server.get('/health').code == 200


@tap.case('a crash leaves no image of its memory')
def no_core():
    with world.Server() as server:
        with open(f'/proc/{server.process.pid}/limits', encoding='utf-8') as file:
            limit = next(line for line in file if line.startswith('Max core file size'))
        assert limit.split()[4:6] == ['1', '1'], limit


@tap.case('a port that is taken is said to be')
def port_taken():
    with world.Server() as server:
        done = server.home.orion('serve', '--port', str(server.port))
        done.expect(code=1, err=f'port {server.port}')


@tap.case('a socket that was opened before is served on')
def handed_over():
    with socket.create_server(('127.0.0.1', 0)) as listener, cli.Home() as home:
        fd = listener.fileno()
        # What systemd does: number 3, and variables that name this very process.
        start = f'exec 3<&{fd} {fd}<&-; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
        if fd == 3:
            start = 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
        with world.Server(home=home, pass_fds=(fd,),
                          before=('bash', '-c', start, 'bash')) as server:
            assert server.port == listener.getsockname()[1], server.url
            assert server.get('/health').code == 200


@tap.case('256 connections are served at once, and more are told to come again')
def many_connections():
    with world.Server() as server, contextlib.ExitStack() as stack:
        socks = [stack.enter_context(server.connect()) for _ in range(256)]
        with server.connect() as late:
            reply = world.exchange(late)
        assert reply.startswith(b'HTTP/1.1 503 ') and b'\r\nRetry-After: 1\r\n' in reply, reply
        for sock in socks:  # each of them is served all the same
            sock.sendall(f'GET /health HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n'.encode())
        for sock in socks:
            reply = world.exchange(sock)
            assert reply.startswith(b'HTTP/1.1 200 '), reply
        assert server.get('/health').code == 200


@tap.case('hundreds that say nothing are hung up on, and do not take the server down')
def silent_connections():
    with world.Server() as server, contextlib.ExitStack() as stack:
        socks = [stack.enter_context(server.connect()) for _ in range(600)]
        for sock in socks:
            reply = world.exchange(sock)
            assert reply == b'' or reply.startswith(b'HTTP/1.1 503 '), reply
        assert server.get('/health').code == 200
        assert server.resident_bytes() < 64 << 20


@tap.case('SIGINT and SIGTERM end it, each with exit code 0')
def signals():
    for number in signal.SIGINT, signal.SIGTERM:
        with world.Server() as server:
            assert server.get('/health').code == 200
            server.stop(number)


tap.main()
