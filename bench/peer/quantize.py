#!/usr/bin/env python3
"""orion quantize beside llama.cpp's quantizer: the same model into each type by both.

    quantize.py ORION MODEL.gguf [ODD-MODEL.gguf...]

Environment: PEER as peer.mjs has it, TYPES (all that orion makes), THREADS (1), OUT (a
folder for the files; a temporary one).

Of MODEL, for each type:
- every tensor must have the type that llama.cpp gives it; how many have the same bytes is told;
- the perplexity of our file over records that training never saw must be at most 1 % above
  that of llama.cpp's file, both computed by orion;
- llama.cpp must read our file and give the same likeliest tokens (check.py's comparison).
Of the odd models, whose rows are not always whole blocks, types alone are compared.

llama.cpp's quantizer is the C function that its tool calls, in the library that
node-llama-cpp brings."""
import ctypes
import glob
import os
import subprocess
import sys
import tempfile

import check

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'tools', 'tiny'))
import records  # noqa: E402  (found through the path above)

FILE_TYPES = {'F32': 0, 'F16': 1, 'Q4_0': 2, 'Q4_1': 3, 'Q8_0': 7, 'Q5_0': 8, 'Q5_1': 9, 'Q2_K': 10,
              'Q3_K_S': 11, 'Q3_K_M': 12, 'Q3_K_L': 13, 'Q4_K_S': 14, 'Q4_K_M': 15, 'Q5_K_S': 16,
              'Q5_K_M': 17, 'Q6_K': 18, 'IQ4_NL': 25, 'IQ3_S': 26, 'IQ3_M': 27, 'IQ4_XS': 30, 'BF16': 32,
              'MXFP4': 38}
ODD_TYPES = ('Q4_K_M', 'Q2_K', 'Q3_K_L', 'Q5_K_S', 'Q4_0')
LIMIT = 1.01
READ_POSITIONS = 400


class Params(ctypes.Structure):
    """llama_model_quantize_params."""
    _fields_ = [('threads', ctypes.c_int32), ('file_type', ctypes.c_int32),
                ('output_type', ctypes.c_int32), ('embedding_type', ctypes.c_int32),
                ('flags', ctypes.c_bool * 8), ('pointers', ctypes.c_void_p * 4)]


class Peer:
    def __init__(self):
        folder, = glob.glob(os.path.join(os.environ['PEER'], 'node_modules', '@node-llama-cpp',
                                         'linux-x64', 'bins', 'linux-x64'))
        libraries = [ctypes.CDLL(glob.glob(os.path.join(folder, name))[0], mode=ctypes.RTLD_GLOBAL)
                     for name in ('libggml-base.so', 'libggml.v*.so', 'libllama.v*.so')]
        base, ggml, self.llama = libraries
        quiet = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
        self.quiet = quiet(lambda level, text, user: None)
        base.ggml_log_set(self.quiet, None)
        self.llama.llama_log_set(self.quiet, None)
        ggml.ggml_backend_load_all_from_path(folder.encode())
        self.llama.llama_model_quantize_default_params.restype = Params

    def quantize(self, source, out, name):
        params = self.llama.llama_model_quantize_default_params()
        params.threads = 1
        params.file_type = FILE_TYPES[name]
        if self.llama.llama_model_quantize(source.encode(), out.encode(), ctypes.byref(params)) != 0:
            raise SystemExit(f'check-quantize: llama.cpp cannot make {name}')


def held_out_text(n_samples):
    sampler = records.Sampler(20261126, evaluation=True)
    samples = [sampler.summarise() for _ in range(n_samples)]
    return '\n\n'.join(text for sample in samples for _, text in sample['turns'])


def tensors(orion, path):
    """name: (type, offset, bytes)"""
    shown = check.run([orion, 'show', path, '--tensors', '--json'], '')['tensors']
    return {t['name']: (t['type'], t['offset'], t['bytes']) for t in shown}


def all_types(orion):
    text = subprocess.run([orion, 'help', 'quantize'], capture_output=True, text=True, check=True).stdout
    return [name for name in FILE_TYPES if name in text.split()]


def bytes_of(path, tensor):
    with open(path, 'rb') as f:
        f.seek(tensor[1])
        return f.read(tensor[2])


def make_both(orion, peer, source, folder, name):
    ours, theirs = (os.path.join(folder, f'{who}-{name}.gguf') for who in ('orion', 'llama'))
    check.run([orion, 'quantize', source, ours, name, '--force', '--quiet', '--json'], '')
    peer.quantize(source, theirs, name)
    return ours, theirs


def compare_tensors(orion, ours, theirs):
    """Names whose types differ, and how many have the same bytes."""
    a, b = tensors(orion, ours), tensors(orion, theirs)
    assert set(a) == set(b), 'not the same tensors'
    other = [f'{name} is {a[name][0]}, not {b[name][0]}' for name in a if a[name][0] != b[name][0]]
    same = sum(bytes_of(ours, a[name]) == bytes_of(theirs, b[name]) for name in a)
    return other, same, len(a)


def perplexity(orion, path, text, threads):
    return check.run([orion, 'perplexity', path, '-', '--ctx', '512', '--threads', threads, '--json'],
                     text)['perplexity']


def compare_type(orion, peer, source, folder, name, text, threads):
    ours, theirs = make_both(orion, peer, source, folder, name)
    other, same, n = compare_tensors(orion, ours, theirs)
    mine = perplexity(orion, ours, text, threads)
    its = perplexity(orion, theirs, text, threads)
    good = not other and mine <= LIMIT * its
    print(f'| {name} | {os.path.getsize(ours) / 1e6:.2f} | {mine:.4f} | {its:.4f} | '
          f'{100 * (mine / its - 1):+.2f} % | {same} of {n} |{"" if good else " FAIL"}', flush=True)
    for line in other:
        print(f'     {line}')
    return good and check.compare(orion, ours, READ_POSITIONS, threads)


def compare_odd(orion, peer, source, folder, name):
    other, same, n = compare_tensors(orion, *make_both(orion, peer, source, folder, name))
    print(f'{"FAIL" if other else "ok  "} {os.path.basename(source)} to {name}: types of {n} tensors, '
          f'{same} with the same bytes', flush=True)
    for line in other:
        print(f'     {line}')
    return not other


def main():
    orion, source, *odd = sys.argv[1:]
    threads = os.environ.get('THREADS') or '1'
    names = (os.environ.get('TYPES') or '').split() or all_types(orion)
    peer, text = Peer(), held_out_text(60)
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.environ.get('OUT') or temporary
        print(f'perplexity of {os.path.basename(source)} itself: '
              f'{perplexity(orion, source, text, threads):.4f}')
        print('| type | MB | orion | llama.cpp | | same bytes |\n|---|---|---|---|---|---|')
        results = [compare_type(orion, peer, source, folder, name, text, threads) for name in names]
        results += [compare_odd(orion, peer, path, folder, name)
                    for path in odd for name in ODD_TYPES if name in names]
    print(f'check-quantize: {sum(results)} of {len(results)} are as they should be')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
