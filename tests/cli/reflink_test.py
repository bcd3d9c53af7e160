#!/usr/bin/env python3
"""Reflinks, on file systems that have them: XFS and Btrfs, each in an image file
that is mounted in a mount namespace of this process alone.

That needs root, loop devices, the mkfs programs and the kernel's drivers; where
one of them is missing, the cases are skipped, and say which."""
import contextlib
import ctypes
import fcntl
import filecmp
import os
import shutil
import struct
import subprocess
import tempfile

import cli
from cli import tap

CLONE_NEWNS = 0x20000
IMAGE_BYTES = 400 << 20  # sparse; XFS has a least size of 300 MB
FS_IOC_FIEMAP = 0xC020660B
FIEMAP_FLAG_SYNC = 1
EXTENT_LAST, EXTENT_SHARED = 0x1, 0x2000
UNIT = 4 << 20  # src/store/chain.h
FILE = os.path.basename(cli.TINY)
REF = f'acme/tiny/{FILE}'
SIZE = os.path.getsize(cli.TINY)
MAKERS = {'xfs': ['mkfs.xfs', '-q', '-m', 'reflink=1'], 'btrfs': ['mkfs.btrfs', '-q']}


def shared_bytes(path):
    """How many bytes of a file lie in blocks that other files have too."""
    shared, start = 0, 0
    with open(path, 'rb') as file:
        while True:
            request = struct.pack('=QQIIII', start, 2**64 - 1 - start, FIEMAP_FLAG_SYNC, 0, 64, 0)
            reply = bytearray(request + bytes(64 * 56))
            fcntl.ioctl(file, FS_IOC_FIEMAP, reply, True)
            n, = struct.unpack_from('=I', reply, 20)
            for i in range(n):
                start, _, length, _, _, flags = struct.unpack_from('=QQQQQI', reply, 32 + 56 * i)
                shared += length if flags & EXTENT_SHARED else 0
                start += length
                if flags & EXTENT_LAST:
                    return shared
            if n == 0:
                return shared


def own_namespace():
    if os.geteuid() != 0:
        raise tap.Skip('mounting needs root')
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise tap.Skip('no mount namespace: ' + os.strerror(ctypes.get_errno()))
    done = subprocess.run(['mount', '--make-rprivate', '/'], capture_output=True, check=False)
    if done.returncode != 0:
        raise tap.Skip('no private mounts: ' + done.stderr.decode().strip())


def run(*command):
    """A step of mounting; where it fails, there is nothing to be tried here."""
    path = os.environ.get('PATH', '') + ':/usr/sbin:/sbin'
    program = shutil.which(command[0], path=path)
    if not program:
        raise tap.Skip(f'{command[0]} is not here')
    done = subprocess.run([program, *command[1:]], capture_output=True, check=False)
    if done.returncode != 0:
        raise tap.Skip(f'{command[0]} fails: {done.stderr.decode().strip()[-200:]}')


@contextlib.contextmanager
def house(kind):
    """A home whose models directory, and `disk`, are on a file system of that kind."""
    own_namespace()
    with tempfile.TemporaryDirectory(prefix='orion-reflink-') as folder, cli.Home() as home:
        image, home.disk = os.path.join(folder, 'image'), os.path.join(folder, 'disk')
        os.mkdir(home.disk)
        with open(image, 'wb') as file:
            file.truncate(IMAGE_BYTES)
        run(*MAKERS[kind], image)
        run('mount', '-o', 'loop', image, home.disk)
        try:
            home.models = os.path.join(home.disk, 'models')
            yield home
        finally:
            if home.hub:
                home.hub.stop()
                home.hub = None
            subprocess.run(['umount', home.disk], check=True)


def write_at(path, at, data):
    with open(path, 'r+b') as file:
        file.seek(at)
        file.write(data)


def import_shares(kind):
    with house(kind) as home:
        original = os.path.join(home.disk, FILE)
        for way in ([], ['--link'], ['--copy']):
            shutil.copyfile(cli.TINY, original)
            assert shared_bytes(original) == 0
            done = home.orion('import', *way, '--as', REF, '--json', original).expect().json()
            place = done['path']
            assert done['way'] == 'reflink', done
            assert os.stat(place).st_ino != os.stat(original).st_ino
            assert shared_bytes(place) >= SIZE and shared_bytes(original) >= SIZE
            # Whoever writes into one of the two has blocks of their own from then on.
            write_at(original, 5000, b'not what it was')
            home.orion('verify', REF).expect()
            assert filecmp.cmp(place, cli.TINY, shallow=False)
            home.orion('rm', REF).expect()
            os.remove(original)
        shutil.copyfile(cli.TINY, original)
        done = home.orion('import', '--move', '--as', REF, '--json', original).expect().json()
        assert done['way'] == 'hardlink' and not os.path.exists(original), done


def repair_shares(kind):
    with house(kind) as home:
        hub = home.start_hub('--repo', f'acme/tiny={os.path.dirname(cli.TINY)}')
        place = home.orion('pull', REF).expect().out.rstrip('\n')
        damaged = os.path.join(home.disk, 'damaged')
        write_at(place, UNIT + 5000, b'not what it was')
        os.link(place, damaged)  # another name, to see what the mended copy shares with it
        sent = hub.bytes_sent()
        home.orion('verify', '--repair', REF).expect(err='is intact again')
        assert filecmp.cmp(place, cli.TINY, shallow=False)
        assert hub.bytes_sent() - sent == SIZE - UNIT, hub.bytes_sent() - sent
        assert os.stat(place).st_ino != os.stat(damaged).st_ino
        # The first unit was good: it is in the same blocks.  The second was written anew.
        assert shared_bytes(place) == UNIT, shared_bytes(place)
        assert not filecmp.cmp(damaged, cli.TINY, shallow=False)


def repair_of_link_shares(kind):
    with house(kind) as home:
        home.start_hub('--repo', f'acme/tiny={os.path.dirname(cli.TINY)}')
        original = os.path.join(home.disk, FILE)
        shutil.copyfile(cli.TINY, original)
        home.orion('import', '--symlink', '--as', REF, original).expect()
        write_at(original, UNIT + 5000, b'not what it was')
        home.orion('verify', '--repair', REF).expect(err='is intact again')
        place = os.path.join(home.models, REF)
        assert not os.path.islink(place) and filecmp.cmp(place, cli.TINY, shallow=False)
        assert shared_bytes(place) == UNIT, shared_bytes(place)
        assert not filecmp.cmp(original, cli.TINY, shallow=False)


def other_disk(kind):
    with house(kind) as home:
        original = os.path.join(home.path, FILE)
        shutil.copyfile(cli.TINY, original)
        home.orion('import', '--link', '--as', REF, original).expect(code=1, err='different file systems')
        done = home.orion('import', '--as', REF, '--json', original).expect().json()
        assert done['way'] == 'copy', done
        home.orion('rm', REF).expect()
        home.orion('import', '--symlink', '--as', REF, original).expect()
        home.orion('verify', REF).expect()
        assert home.orion('df', '--json').expect().json()['model_bytes'] == 0


for fs in MAKERS:
    for name, case in (('import shares the blocks', import_shares),
                       ('a repair shares the good blocks', repair_shares),
                       ('a repair of a link shares the good blocks', repair_of_link_shares),
                       ('from another disk: a copy, or a link when asked', other_disk)):
        tap.add_case(f'{fs}: {name}', lambda check=case, kind=fs: check(kind))

if __name__ == '__main__':
    tap.main()
