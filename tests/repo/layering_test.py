#!/usr/bin/env python3
"""Which way the doors open: a room includes only the rooms that it stands on.

The table is section 1 of the design.  A room that is not in it, an include
that names no room, or a system header behind someone else's door all fail.
"""
import os
import re

import tap
import tree

# room: the rooms it may include besides itself
ROOMS = {
    'base': set(),
    'gguf': {'base'},
    'tokenizer': {'base', 'gguf'},
    'chat': {'base'},
    'kernels': {'base', 'gguf'},
    'model': {'base', 'gguf', 'tokenizer', 'chat', 'kernels'},
    'runtime': {'base', 'gguf', 'tokenizer', 'chat', 'kernels', 'model'},
    'quantize': {'base', 'gguf', 'kernels'},
    'hub': {'base'},
    'store': {'base', 'gguf'},
    'remote': {'base', 'hub'},
    'manager': {'base', 'hub', 'store'},
}
ROOMS['api'] = set(ROOMS)

# Only the part of a room that others may see, where that is not all of it.
ONLY = {('kernels', 'gguf'): {'gguf/types.h'}}

# These see orion.h alone, and of each other what is named here.
# page_files.h is made from web/ when the server is built.
OUTSIDE = {'cli': {'server/server.h'}, 'server': {'page_files.h'}}

# Who may include a system or third-party header; others are free for all.
# Sockets open in one room, so that offline can be promised there.
OWNED = {
    r'curl/': {'hub'},
    r'(sys/socket|netdb|netinet/|arpa/)': {'hub', 'server'},
    r'openssl/': {'base'},
    r'jansson\.h': {'base', 'hub', 'store', 'remote', 'manager', 'cli', 'server'},
    r'microhttpd\.h': {'server'},
    r'(editline/|histedit\.h)': {'cli'},
    r'(immintrin|arm_neon)\.h': {'kernels', 'base'},
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)


def place_of(path):
    """The room or outside folder that a source belongs to, or None."""
    parts = path.split('/')
    if parts[0] == 'src' and len(parts) > 2:
        return parts[1]
    return parts[0] if parts[0] in OUTSIDE else None


def why_not(place, path, kind, target, exists):
    """None when `path` may include `target`, else a sentence."""
    if target == 'orion.h':
        return None
    if kind == '"' or exists('src/' + target) or exists('include/' + target):
        if place in OUTSIDE:
            local = os.path.normpath(os.path.join(os.path.dirname(path), target))
            if local.startswith(place + '/') and exists(local) or target in OUTSIDE[place]:
                return None
            return f'{place} sees orion.h alone'
        room = target.split('/')[0] if '/' in target else None
        if room not in ROOMS or '..' in target.split('/'):
            return 'write "room/file.h", with a room of the table'
        if room != place and room not in ROOMS[place]:
            return f'{place} may not include {room}'
        if target not in ONLY.get((place, room), {target}):
            return f'{place} may include only {", ".join(sorted(ONLY[place, room]))} of {room}'
        return None
    for pattern, owners in OWNED.items():
        if re.match(pattern, target) and place not in owners:
            return f'<{target}> belongs to {", ".join(sorted(owners))}'
    return None


def wrong_doors(place, path, text, exists):
    for match in INCLUDE.finditer(text):
        reason = why_not(place, path, match.group(1), match.group(2), exists)
        if reason:
            line = text.count('\n', 0, match.start()) + 1
            yield f'{path}:{line}: includes {match.group(2)}: {reason}'


def in_tree(path):
    return os.path.isfile(os.path.join(tap.SOURCE, path))


def check_place(place, sources):
    def check():
        tap.fail_if([wrong for path in sources
                     for wrong in wrong_doors(place, path, tree.read(path), in_tree)],
                    'doors that open the wrong way')
    return check


sources = {}
for path in tree.project_files():
    if path.startswith(('src/', 'cli/', 'server/')) and path.endswith(('.c', '.h')):
        sources.setdefault(place_of(path), []).append(path)


@tap.case('every source is in a known room')
def known_rooms():
    strangers = [p for place, paths in sources.items() for p in paths
                 if place not in ROOMS and place not in OUTSIDE]
    tap.fail_if(strangers, 'not in a room of the table')
    assert 'base' in sources, 'no sources found: is ORION_SOURCE right?'


for place in sorted(set(sources) & (set(ROOMS) | set(OUTSIDE))):
    tap.add_case(f'{place} opens only its own doors', check_place(place, sources[place]))

# A test that can't fail is a defect: what it must find, and must let pass.
HAVE = {'src/base/base.h', 'src/gguf/gguf.h', 'src/gguf/types.h', 'src/model/model.h', 'cli/cli.h'}
SELF_TEST = [
    ('downwards', 'model', 'src/model/a.c', '#include "gguf/gguf.h"\n', True),
    ('upwards', 'base', 'src/base/a.c', '#include "gguf/gguf.h"\n', False),
    ('upwards, indented, after code', 'gguf', 'src/gguf/a.c',
     'int x;\n  #  include "model/model.h"\n', False),
    ('upwards in angle brackets', 'base', 'src/base/a.c', '#include <gguf/gguf.h>\n', False),
    ('sideways', 'chat', 'src/chat/a.c', '#include "gguf/types.h"\n', False),
    ('a part not shared', 'kernels', 'src/kernels/a.c', '#include "gguf/gguf.h"\n', False),
    ('the part that is shared', 'kernels', 'src/kernels/a.c', '#include "gguf/types.h"\n', True),
    ('no room named', 'base', 'src/base/a.c', '#include "buf.h"\n', False),
    ('an unknown room', 'api', 'src/api/a.c', '#include "attic/box.h"\n', False),
    ('out of the window', 'base', 'src/base/a.c', '#include "gguf/../model/model.h"\n', False),
    ('the public header', 'base', 'src/base/a.c', '#include <orion.h>\n', True),
    ('the command: its own header', 'cli', 'cli/a.c', '#include "cli.h"\n', True),
    ('the command: the server', 'cli', 'cli/a.c', '#include "server/server.h"\n', True),
    ('the command: inside the server', 'cli', 'cli/a.c', '#include "server/http.h"\n', False),
    ('the server: a room', 'server', 'server/a.c', '#include "base/base.h"\n', False),
    ('the command: a room', 'cli', 'cli/a.c', '#include "base/base.h"\n', False),
    ('a socket outside the hub', 'runtime', 'src/runtime/a.c', '#include <sys/socket.h>\n', False),
    ('curl in the hub', 'hub', 'src/hub/a.c', '#include <curl/curl.h>\n', True),
    ('curl elsewhere', 'manager', 'src/manager/a.c', '#include <curl/curl.h>\n', False),
]


def check_self(place, path, text, good):
    def check():
        found = list(wrong_doors(place, path, text, HAVE.__contains__))
        assert bool(found) != good, found or 'this must be found'
    return check


for label, place, path, text, good in SELF_TEST:
    tap.add_case(f'self-test: {label}', check_self(place, path, text, good))

tap.main()
