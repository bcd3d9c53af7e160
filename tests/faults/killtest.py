"""kill -9 at every system call of a small pull, an rm and an import.

Afterwards the store is valid, every earlier model is intact, and the same
command finishes, fetching at most 1 MiB a second time.

    [SLICE=K] [JOBS=J] killtest.py     every K-th point only; J at once"""
import points
from cli import tap

CALLS = points.STORE_CALLS + points.NETWORK_CALLS
KILLED = -9


def try_one(place, task, log):
    command, call, count = task
    place.reset(command)
    trace = f'trace={call},recvfrom'
    code, err = place.run(command, ['-e', trace, '-e', f'inject={call}:signal=KILL:when={count}'], log)
    assert code in (0, KILLED), f'exit code {code}, saying {err[-300:]}'
    got = points.received(log)
    served_before = place.house.hub.bytes_sent()
    place.finish(command, place.valid(command))
    if command.args[0] == 'pull':
        again = min(got, served_before) + place.house.hub.bytes_sent() - served_before - points.SIZE
        assert again <= points.AGAIN + points.HEADERS, f'{again} bytes were fetched a second time'
    return 'killed' if code == KILLED else 'ended before'


def add(command):
    def every_call():
        if not points.available():
            raise tap.Skip('strace is not here, or may not trace')
        with points.Place() as place:
            tasks = [(command, *point) for point in place.points(command, CALLS)]
        points.sweep(f'{command.label}, killed', tasks, try_one)

    tap.add_case(f'{command.label}: killed at every system call', every_call)


for each in points.COMMANDS:
    add(each)

if __name__ == '__main__':
    tap.main()
