#!/usr/bin/env python3
"""orion quantize beside llama.cpp's quantizer: the same model into each type by both.

    quantize.py ORION MODEL.gguf [ODD-MODEL.gguf...]

Environment: PEER as peer.mjs has it, TYPES (all that orion makes), THREADS (1), OUT (a
folder for the files; a temporary one).

Of MODEL, for each type:
- every tensor must have the type that llama.cpp gives it; how many have the same bytes is told;
- the perplexity of our file over records that training never saw must be at most 1 % above
  that of llama.cpp's file, both computed by orion. It may be below by any amount: the limit
  is there so that nobody gets a worse model from us, and a better one is no fault;
- llama.cpp must read our file and give the same likeliest tokens (check.py's comparison).
And the same with an importance matrix, which llama.cpp measures on other records; types of
very few bits are made with it only, as both quantizers insist.
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
import imatrix

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'tools', 'tiny'))
import records  # noqa: E402  (found through the path above)

FILE_TYPES = {'F32': 0, 'F16': 1, 'Q4_0': 2, 'Q4_1': 3, 'Q8_0': 7, 'Q5_0': 8, 'Q5_1': 9, 'Q2_K': 10,
              'Q3_K_S': 11, 'Q3_K_M': 12, 'Q3_K_L': 13, 'Q4_K_S': 14, 'Q4_K_M': 15, 'Q5_K_S': 16,
              'Q5_K_M': 17, 'Q6_K': 18, 'IQ2_XXS': 19, 'IQ2_XS': 20, 'Q2_K_S': 21, 'IQ3_XS': 22,
              'IQ3_XXS': 23, 'IQ4_NL': 25, 'IQ3_S': 26, 'IQ3_M': 27, 'IQ2_S': 28, 'IQ2_M': 29,
              'IQ4_XS': 30, 'BF16': 32, 'MXFP4': 38}
NEEDS_IMATRIX = ('Q2_K_S', 'IQ3_XS', 'IQ3_XXS', 'IQ2_M', 'IQ2_S', 'IQ2_XS', 'IQ2_XXS')
TAKES_NO_IMATRIX = ('F32', 'F16', 'BF16', 'Q8_0')
ODD_TYPES = ('Q4_K_M', 'Q2_K', 'Q3_K_L', 'Q5_K_S', 'Q4_0', 'IQ4_XS', 'IQ3_M', 'MXFP4')
LIMIT = 1.01
READ_POSITIONS = 400
MEASURED_TOKENS = 4096


class Importance(ctypes.Structure):
    """llama_model_imatrix_data; a list of them ends with one that has no name."""
    _fields_ = [('name', ctypes.c_char_p), ('data', ctypes.POINTER(ctypes.c_float)),
                ('size', ctypes.c_size_t)]


class Params(ctypes.Structure):
    """llama_model_quantize_params."""
    _fields_ = [('threads', ctypes.c_int32), ('file_type', ctypes.c_int32),
                ('output_type', ctypes.c_int32), ('embedding_type', ctypes.c_int32),
                ('flags', ctypes.c_bool * 8), ('imatrix', ctypes.POINTER(Importance)),
                ('pointers', ctypes.c_void_p * 3)]


class Peer:
    def __init__(self):
        folder, = glob.glob(os.path.join(os.environ['PEER'], 'node_modules', '@node-llama-cpp',
                                         'linux-x64', 'bins', 'linux-x64'))
        libraries = [ctypes.CDLL(glob.glob(os.path.join(folder, name))[0], mode=ctypes.RTLD_GLOBAL)
                     for name in ('libggml-base.so', 'libggml.v*.so', 'libllama.v*.so')]
        self.base, ggml, self.llama = libraries
        quiet = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
        self.quiet = quiet(lambda level, text, user: None)
        self.base.ggml_log_set(self.quiet, None)
        self.llama.llama_log_set(self.quiet, None)
        ggml.ggml_backend_load_all_from_path(folder.encode())
        self.llama.llama_model_quantize_default_params.restype = Params

    def quantize(self, source, out, name, means):
        """means: as imatrix.measure() gives them; None: without"""
        params = self.llama.llama_model_quantize_default_params()
        params.threads = 1
        params.file_type = FILE_TYPES[name]
        if means:
            params.imatrix = (Importance * (len(means) + 1))(
                *(Importance(matrix.encode(), (ctypes.c_float * len(values))(*values), len(values))
                  for matrix, values in means.items()))
        if self.llama.llama_model_quantize(source.encode(), out.encode(), ctypes.byref(params)) != 0:
            raise SystemExit(f'check-quantize: llama.cpp cannot make {name}')


def records_text(seed, n_samples):
    sampler = records.Sampler(seed, evaluation=True)
    samples = [sampler.summarise() for _ in range(n_samples)]
    return '\n\n'.join(text for sample in samples for _, text in sample['turns'])


def measure(orion, peer, source, path):
    """An importance matrix, from other records than those that perplexity is of."""
    tokens = subprocess.run([orion, 'tokenize', source], input=records_text(20261127, 60),
                            capture_output=True, text=True, check=True).stdout.split()
    means = imatrix.measure(peer.base, peer.llama, source, [int(t) for t in tokens[:MEASURED_TOKENS]])
    assert means, 'llama.cpp measured nothing'
    imatrix.write(path, means)
    return means


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


def make_both(orion, peer, source, folder, name, importance):
    """importance: the path and the values of a matrix, or None twice"""
    path, means = importance
    ours, theirs = (os.path.join(folder, f'{who}-{name}{"-measured" if path else ""}.gguf')
                    for who in ('orion', 'llama'))
    check.run([orion, 'quantize', source, ours, name, '--force', '--quiet', '--json',
               *(['--imatrix', path] if path else [])], '')
    peer.quantize(source, theirs, name, means)
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


def compare_type(orion, peer, source, folder, case, text, threads):
    name, importance = case
    ours, theirs = make_both(orion, peer, source, folder, name, importance)
    other, same, n = compare_tensors(orion, ours, theirs)
    mine = perplexity(orion, ours, text, threads)
    its = perplexity(orion, theirs, text, threads)
    good = not other and mine <= LIMIT * its
    print(f'| {name} | {"yes" if importance[0] else ""} | {os.path.getsize(ours) / 1e6:.2f} | {mine:.4f} | '
          f'{its:.4f} | {100 * (mine / its - 1):+.2f} % | {same} of {n} |{"" if good else " FAIL"}', flush=True)
    for line in other:
        print(f'     {line}')
    return good and check.compare(orion, ours, READ_POSITIONS, threads)[0]


def compare_odd(orion, peer, source, folder, name):
    other, same, n = compare_tensors(orion, *make_both(orion, peer, source, folder, name, (None, None)))
    print(f'{"FAIL" if other else "ok  "} {os.path.basename(source)} to {name}: types of {n} tensors, '
          f'{same} with the same bytes', flush=True)
    for line in other:
        print(f'     {line}')
    return not other


def main():
    orion, source, *odd = sys.argv[1:]
    threads = os.environ.get('THREADS') or '1'
    names = (os.environ.get('TYPES') or '').split() or all_types(orion)
    peer, text = Peer(), records_text(20261126, 60)
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.environ.get('OUT') or temporary
        path = os.path.join(folder, 'imatrix')
        means = measure(orion, peer, source, path)
        cases = [(name, (None, None)) for name in names if name not in NEEDS_IMATRIX]
        cases += [(name, (path, means)) for name in names if name not in TAKES_NO_IMATRIX]
        print(f'perplexity of {os.path.basename(source)} itself: '
              f'{perplexity(orion, source, text, threads):.4f}')
        print('| type | imatrix | MB | orion | llama.cpp | | same bytes |\n|---|---|---|---|---|---|---|')
        results = [compare_type(orion, peer, source, folder, case, text, threads) for case in cases]
        results += [compare_odd(orion, peer, model, folder, name)
                    for model in odd for name in ODD_TYPES if name in names]
    print(f'check-quantize: {sum(results)} of {len(results)} are as they should be')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
