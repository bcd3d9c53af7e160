"""Every system call on the store fails, of a small pull, an rm and an import:
once (when=N) and from there on (when=N+).

The command ends with a documented exit code and a sentence, or copes; nothing
is lost, and a later run succeeds.  Short writes are io_store_test.c's.

    [SLICE=K] [JOBS=J] iofault.py      every K-th point only; J at once"""
import points
from cli import tap

FULL = ['ENOSPC', 'EDQUOT']
# What each call may fail with.
ERRORS = {
    **dict.fromkeys(['openat', 'openat2', 'mkdir', 'mkdirat', 'rename', 'renameat', 'renameat2', 'link',
                     'linkat', 'symlink', 'symlinkat'], [*FULL, 'EIO', 'EROFS']),
    **dict.fromkeys(['write', 'pwrite64', 'fsync', 'fdatasync', 'fallocate'], [*FULL, 'EIO', 'EROFS']),
    **dict.fromkeys(['unlink', 'unlinkat', 'ftruncate'], ['EIO', 'EROFS']),
    **dict.fromkeys(['pread64', 'getdents64', 'newfstatat', 'fstatfs', 'readlink', 'readlinkat'], ['EIO']),
    **dict.fromkeys(['fcntl', 'flock'], ['EIO', 'ENOLCK']),
    'ioctl': ['EIO', 'ENOSPC'],
}
CODES = {1: 'failed', 4: 'no space', 5: 'integrity', 6: 'network'}


def try_one(place, task, log):
    command, call, count, error = task
    place.reset(command)
    code, err = place.run(command, ['-e', f'trace={call}',
                                    '-e', f'inject={call}:error={error}:when={count}'], log)
    found = place.valid(command)
    if code == 0:
        assert found == command.after, f'exit code 0, and the target is {found}'
    else:
        is_mute = call == 'write' and count.endswith('+')  # the sentence is written so, too
        assert code in CODES and (is_mute or 'orion: ' in err), f'exit code {code}, saying {err[-300:]!r}'
    place.finish(command, found)
    return CODES.get(code, 'coped')


def add(command):
    def every_call():
        if not points.available():
            raise tap.Skip('strace is not here, or may not trace')
        with points.Place() as place:
            found = place.points(command, list(ERRORS))
        tasks = [(command, call, f'{count}{more}', error) for call, count in found
                 for error in ERRORS[call] for more in ('', '+')]
        points.sweep(f'{command.label}, failing', tasks, try_one)

    tap.add_case(f'{command.label}: every call on the store fails', every_call)


for each in points.COMMANDS:
    add(each)

if __name__ == '__main__':
    tap.main()
