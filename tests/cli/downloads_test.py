#!/usr/bin/env python3
"""Downloads in the background, as a program uses them: through liborion itself."""
import ctypes
import filecmp
import os
import time

import cli
from cli import tap

LIBRARY = os.path.join(os.path.dirname(cli.ORION), 'liborion.so')
QUEUED, RUNNING, PAUSED, DONE, FAILED, CANCELLED = range(6)
NAMES = ('phi3-window.gguf', 'llama-gqa.gguf', 'phi3-gqa-partial.gguf')


class Options(ctypes.Structure):
    _fields_ = [('size', ctypes.c_size_t), ('models_dir', ctypes.c_char_p),
                ('hub_url', ctypes.c_char_p), ('token', ctypes.c_char_p),
                ('ca_file', ctypes.c_char_p), ('offline', ctypes.c_bool),
                ('proxy', ctypes.c_char_p), ('limit', ctypes.c_uint64),
                ('connections', ctypes.c_uint32), ('config_file', ctypes.c_char_p),
                ('names_only', ctypes.c_bool)]


class Error(ctypes.Structure):
    _fields_ = [('status', ctypes.c_int), ('offset', ctypes.c_uint64), ('name', ctypes.c_char * 128),
                ('message', ctypes.c_char * 512)]


class Facts(ctypes.Structure):
    _fields_ = [('id', ctypes.c_uint64), ('stage', ctypes.c_int), ('phase', ctypes.c_int),
                ('name', ctypes.c_char * 256), ('file', ctypes.c_char * 256),
                ('note', ctypes.c_char * 200), ('done', ctypes.c_uint64),
                ('total', ctypes.c_uint64), ('resumed', ctypes.c_uint64),
                ('percent', ctypes.c_double), ('speed', ctypes.c_double),
                ('left', ctypes.c_double), ('connections', ctypes.c_uint32), ('error', Error),
                ('kind', ctypes.c_int), ('model', ctypes.c_char * 800)]


CALLBACK = ctypes.CFUNCTYPE(None, ctypes.POINTER(Facts), ctypes.c_void_p)


class Download(ctypes.Structure):
    _fields_ = [('size', ctypes.c_size_t), ('on_change', CALLBACK), ('user', ctypes.c_void_p),
                ('kind', ctypes.c_int)]


class Manager:
    def __init__(self, home, limit=0):
        try:
            self.lib = ctypes.CDLL(LIBRARY)
        except OSError as error:
            if os.path.exists(LIBRARY):  # a sanitizer must be loaded before Python is
                raise tap.Skip(str(error)) from error
            raise
        options = Options()
        self.lib.orion_manager_options_init(ctypes.byref(options))
        assert options.size == ctypes.sizeof(Options), 'the header has changed'
        options.models_dir = home.models.encode()
        options.hub_url = home.hub.url.encode()
        options.config_file = b''
        options.limit = limit
        self.handle = ctypes.c_void_p()
        assert self.lib.orion_manager_open(ctypes.byref(options), ctypes.byref(self.handle),
                                           None) == 0
        self.callbacks = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lib.orion_manager_close(self.handle)

    def start(self, name, on_change=None):
        options = Download()
        self.lib.orion_download_options_init(ctypes.byref(options))
        assert options.size == ctypes.sizeof(Download), 'the header has changed'
        if on_change:
            options.on_change = CALLBACK(lambda facts, _: on_change(facts.contents))
            self.callbacks.append(options.on_change)
        number = ctypes.c_uint64()
        assert self.lib.orion_download_start(self.handle, name.encode(), ctypes.byref(options),
                                             ctypes.byref(number), None) == 0
        return number

    def call(self, verb, number):
        assert getattr(self.lib, 'orion_download_' + verb)(self.handle, number, None) == 0, verb

    def get(self, number):
        facts = Facts()
        assert self.lib.orion_download_get(self.handle, number, ctypes.byref(facts), None) == 0
        return facts

    def wait(self, number):
        facts = Facts()
        assert self.lib.orion_download_wait(self.handle, number, cli.DEADLINE * 1000,
                                            ctypes.byref(facts), None, None) == 0
        return facts

    def until(self, number, true_of):
        cli.until(lambda: true_of(self.get(number)), 'it never came to that')


def with_hub(home, *args):
    return home.start_hub('--repo', f'acme/small={cli.GOLDEN}',
                          '--repo', f'orion/orion-tiny={os.path.dirname(cli.TINY)}', *args)


@tap.case('several at once: each ends with the right bytes, and is told of')
def several():
    told = {}
    with cli.Home() as home:
        with_hub(home)
        with Manager(home) as manager:
            numbers = [manager.start(f'acme/small/{name}',
                                     lambda f: told.setdefault(f.id, []).append((f.stage, f.done)))
                       for name in NAMES]
            for number in numbers:
                facts = manager.wait(number)
                assert facts.stage == DONE and facts.done == facts.total, facts.error.message
                assert facts.percent == 100 and facts.error.status == 0
        for number, name in zip(numbers, NAMES):
            assert filecmp.cmp(os.path.join(home.models, 'acme/small', name),
                               os.path.join(cli.GOLDEN, name), shallow=False)
            calls = told[number.value]
            assert calls[-1][0] == DONE, calls
            assert [done for _, done in calls] == sorted(done for _, done in calls), calls


@tap.case('pause, resume, cancel, and once more: nothing is lost')
def pause_and_resume():
    with cli.Home() as home:
        hub = with_hub(home)
        size = os.path.getsize(cli.TINY)
        with Manager(home, limit=3_000_000) as manager:
            number = manager.start('orion-tiny')
            manager.until(number, lambda f: f.done > 0)
            manager.call('pause', number)
            assert manager.wait(number).stage == PAUSED
            done = manager.get(number).done
            assert 0 < done < size
            manager.call('resume', number)
            manager.until(number, lambda f: f.done > done)
            manager.call('cancel', number)
            assert manager.wait(number).stage == CANCELLED
            manager.call('resume', number)
            facts = manager.wait(number)
            assert facts.stage == DONE, facts.error.message
        path = os.path.join(home.models, 'orion/orion-tiny/orion-tiny.gguf')
        assert filecmp.cmp(path, cli.TINY, shallow=False)
        assert hub.bytes_sent() < 1.5 * size, hub.bytes_sent() / size


@tap.case('two of the same: one follows the other')
def two_of_the_same():
    with cli.Home() as home:
        hub = with_hub(home)
        with Manager(home, limit=6_000_000) as manager:
            numbers = [manager.start('orion-tiny'), manager.start('orion-tiny')]
            assert [manager.wait(n).stage for n in numbers] == [DONE, DONE]
        assert hub.bytes_sent() < 1.1 * os.path.getsize(cli.TINY), hub.bytes_sent()


@tap.case('one that fails says why and leaves the others alone; closing stops what goes on')
def failure_and_close():
    with cli.Home() as home:
        with_hub(home)
        with Manager(home, limit=100_000) as manager:
            slow, bad = manager.start('orion-tiny'), manager.start('acme/none')
            facts = manager.wait(bad)
            assert facts.stage == FAILED and facts.error.status == -6, facts.error.message
            assert manager.get(slow).stage == RUNNING
        assert not os.path.exists(os.path.join(home.models, 'orion/orion-tiny/orion-tiny.gguf'))


if __name__ == '__main__':
    tap.main()
