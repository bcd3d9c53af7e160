#!/usr/bin/env python3
"""The page as the server sends it: whole, alone, and guarded.  What it does, tests/web shows."""
import os
import re

import world
from world import tap

WEB = os.path.join(tap.SOURCE, 'web')
NAMES = sorted(name for name in os.listdir(WEB) if name != 'meson.build')
TYPES = {'.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8',
         '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml'}
HTML = {'Accept': 'text/html'}
FIRST_VISIT_BYTES = 100_000


def source(name):
    with open(os.path.join(WEB, name), 'rb') as file:
        return file.read()


@tap.case('every file of web/ is served as it is, with its type')
def files():
    with world.Server() as server:
        for name in NAMES:
            reply = server.get(f'/web/{name}')
            assert reply.code == 200 and reply.body == source(name), name
            assert reply.headers['Content-Type'] == TYPES[os.path.splitext(name)[1]], reply


@tap.case('each view is the same document')
def views():
    with world.Server() as server:
        for path in '/', '/chat':
            reply = server.ask('GET', path, headers=HTML)
            assert reply.code == 200 and reply.body == source('index.html'), path


@tap.case('an ETag is of the bytes, and saves sending them again')
def etags():
    with world.Server() as server:
        tags = {name: server.get(f'/web/{name}').headers['ETag'] for name in NAMES}
        assert len(set(tags.values())) == len(NAMES), tags
        for name, tag in tags.items():
            assert re.fullmatch('"[0-9a-f]{16}"', tag), tag
            again = server.ask('GET', f'/web/{name}', headers={'If-None-Match': tag})
            assert (again.code, again.body) == (304, b''), name
            other = server.ask('GET', f'/web/{name}', headers={'If-None-Match': '"0"'})
            assert other.code == 200, name


@tap.case('the policy lets in what this server sends, and nothing else')
def policy():
    with world.Server() as server:
        text = server.ask('GET', '/', headers=HTML).headers['Content-Security-Policy']
    rules = dict(rule.strip().split(' ', 1) for rule in text.split(';'))
    assert rules['default-src'] == rules['frame-ancestors'] == rules['base-uri'] == "'none'", text
    for kind in 'script-src', 'style-src', 'img-src', 'connect-src':
        assert rules[kind] == "'self'", text
    assert "'script'" in rules['require-trusted-types-for'], text


@tap.case('nothing else is a file of the page')
def strangers():
    with world.Server() as server:
        for path in ('/web/', '/web', '/web/none.js', '/web/meson.build', '/web/..%2fpage.c',
                     '/web/%2e%2e/README.md', '/web/a/b', '/index.html', '/chat/'):
            assert server.get(path).code in (400, 404), path


@tap.case('the page is there without the token, so that it can ask for it')
def token():
    with world.Server(token='a-token-of-more-than-thirty-two-characters') as server:
        for path in '/chat', '/web/app.js':
            reply = server.ask('GET', path, headers={'Authorization': ''})
            assert reply.code == 200, reply


@tap.case('no file names another host, and each import is there')
def closed():
    for name in NAMES:
        text = source(name).decode()
        hosts = set(re.findall(r'https?://[^\s\'"`<>)]+', text))
        assert hosts <= {'http://www.w3.org/2000/svg'}, (name, hosts)
        for wanted in re.findall(r"(?:from|import\()\s*'\./([\w.]+)'", text):
            assert wanted in NAMES, (name, wanted)


@tap.case('a first visit takes less than 100 kB')
def size():
    def visit(name, seen):
        if name not in seen:
            seen.add(name)
            for wanted in re.findall(r"from '\./([\w.]+)'", source(name).decode()):
                visit(wanted, seen)
        return seen

    for view in 'models.js', 'chat.js':
        seen = visit(view, visit('app.js', {'index.html', 'style.css', 'icon.svg', 'strings_es.js'}))
        total = sum(len(source(name)) for name in seen)
        assert 50_000 < total < FIRST_VISIT_BYTES, (view, total)


tap.main()
