"""Tokenizers that no package ships: WordPiece with the vocabulary of a GGUF file, and Unigram
models that the SentencePiece library makes of texts at hand."""
import glob
import json
import os
import struct
import subprocess
from collections import namedtuple

import texts
import vocab

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, '..', '..')

Piece = namedtuple('Piece', 'text score kind')
Model = namedtuple('Model', 'pieces charsmap adds_space squeezes')


def save(folder, data):
    os.makedirs(folder, exist_ok=True)
    for name, content in (('tokenizer.json', data), ('tokenizer_config.json', {'tokenizer_class': 'PreTrainedTokenizerFast'})):
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as f:
            json.dump(content, f)


# ---- WordPiece ----

def gguf_keys(path):
    """The keys of a GGUF file; texts as bytes."""
    with open(path, 'rb') as f:
        data = f.read()
    sizes = {0: 'B', 1: 'b', 2: 'H', 3: 'h', 4: 'I', 5: 'i', 6: 'f', 7: '?', 10: 'Q', 11: 'q', 12: 'd'}
    at = 24

    def take(kind):
        nonlocal at
        if kind == vocab.STRING:
            n = take(10)
            at += n
            return data[at - n:at]
        if kind == vocab.ARRAY:
            item, n = take(4), take(10)
            return [take(item) for _ in range(n)]
        at += struct.calcsize('<' + sizes[kind])
        return struct.unpack_from('<' + sizes[kind], data, at - struct.calcsize('<' + sizes[kind]))[0]

    keys = {}
    for _ in range(struct.unpack_from('<Q', data, 16)[0]):
        name = take(vocab.STRING).decode()
        keys[name.removeprefix('tokenizer.ggml.')] = take(take(4))
    return keys


def wordpiece(source, folder, lowercase, strip_accents):
    keys = gguf_keys(source)
    names = []
    for text, kind in zip((t.decode() for t in keys['tokens']), keys['token_type']):
        plain = kind != vocab.NORMAL or text.startswith('[unused')
        names.append(text if plain else text[1:] if text.startswith(vocab.MARK) else '##' + text)
    special = {n: i for i, n in enumerate(names) if keys['token_type'][i] == vocab.CONTROL}
    save(folder, {
        'version': '1.0', 'truncation': None, 'padding': None,
        'added_tokens': [{'id': i, 'content': n, 'single_word': False, 'lstrip': False, 'rstrip': False,
                          'normalized': False, 'special': True} for n, i in special.items()],
        'normalizer': {'type': 'BertNormalizer', 'clean_text': True, 'handle_chinese_chars': True,
                       'strip_accents': strip_accents, 'lowercase': lowercase},
        'pre_tokenizer': {'type': 'BertPreTokenizer'},
        'post_processor': {
            'type': 'TemplateProcessing',
            'single': [{'SpecialToken': {'id': '[CLS]', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}},
                       {'SpecialToken': {'id': '[SEP]', 'type_id': 0}}],
            'pair': [{'Sequence': {'id': 'A', 'type_id': 0}}, {'Sequence': {'id': 'B', 'type_id': 1}}],
            'special_tokens': {n: {'id': n, 'ids': [special[n]], 'tokens': [n]} for n in ('[CLS]', '[SEP]')}},
        'decoder': {'type': 'WordPiece', 'prefix': '##', 'cleanup': False},
        'model': {'type': 'WordPiece', 'unk_token': '[UNK]', 'continuing_subword_prefix': '##',
                  'max_input_chars_per_word': 100, 'vocab': {n: i for i, n in enumerate(names)}}})


# ---- Unigram ----

def fields(data):
    """The fields of a protobuf message: numbers and values, which are numbers or bytes."""
    at = 0

    def varint():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return n

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            n = {1: 8, 5: 4}.get(key & 7)
            n = varint() if n is None else n
            at += n
            yield key >> 3, data[at - n:at]


def read_model(path):
    """SentencePiece's own file: ModelProto of its sentencepiece_model.proto."""
    pieces, normalizer = [], {}
    with open(path, 'rb') as f:
        for number, body in fields(f.read()):
            if number == 1:
                piece = dict(fields(body))
                pieces.append(Piece(piece[1].decode(), struct.unpack('<f', piece[2])[0], piece.get(3, vocab.NORMAL)))
            elif number == 3:
                normalizer = dict(fields(body))
    return Model(pieces, normalizer.get(2, b''), bool(normalizer.get(3, 1)), bool(normalizer.get(4, 1)))


def train(python, path, size, options):
    """Make a model of the repository's own pages, records and the texts that are made by hand."""
    sources = sorted(glob.glob(os.path.join(ROOT, 'docs', '**', '*.md'), recursive=True) +
                     glob.glob(os.path.join(ROOT, 'tests', 'golden', 'records-*.txt')))
    lines = [t for t in texts.HAND * 5 if t and '\0' not in t]
    for source in sources:
        with open(source, encoding='utf-8') as f:
            lines += f.read().splitlines()
    with open(path + '.txt', 'w', encoding='utf-8') as f:
        f.write('\n'.join(lines))
    code = 'import sentencepiece as s, sys, json; s.SentencePieceTrainer.train(**json.loads(sys.argv[1]))'
    arguments = {'input': path + '.txt', 'model_prefix': path.removesuffix('.model'), 'model_type': 'unigram', 'vocab_size': size,
                 'minloglevel': 2, 'num_threads': 1, **options}
    subprocess.run([python, '-c', code, json.dumps(arguments)], check=True)


def unigram(model, folder):
    """The same for Hugging Face's library, of a model that does not normalise: there the
    library does it cluster by cluster, with other results than SentencePiece."""
    save(folder, {
        'version': '1.0', 'truncation': None, 'padding': None,
        'added_tokens': [{'id': i, 'content': p.text, 'single_word': False, 'lstrip': False, 'rstrip': False,
                          'normalized': False, 'special': True} for i, p in enumerate(model.pieces)
                         if p.kind in (vocab.CONTROL, vocab.UNKNOWN)],
        'normalizer': None,
        'pre_tokenizer': {'type': 'Metaspace', 'replacement': vocab.MARK, 'add_prefix_space': True,
                          'prepend_scheme': 'always', 'split': True},
        'post_processor': {
            'type': 'TemplateProcessing',
            'single': [{'Sequence': {'id': 'A', 'type_id': 0}}, {'SpecialToken': {'id': '</s>', 'type_id': 0}}],
            'pair': [{'Sequence': {'id': 'A', 'type_id': 0}}, {'Sequence': {'id': 'B', 'type_id': 1}}],
            'special_tokens': {'</s>': {'id': '</s>', 'ids': [2], 'tokens': ['</s>']}}},
        'decoder': {'type': 'Metaspace', 'replacement': vocab.MARK, 'add_prefix_space': True, 'prepend_scheme': 'always'},
        'model': {'type': 'Unigram', 'unk_id': 0, 'byte_fallback': any(p.kind == vocab.BYTE for p in model.pieces),
                  'vocab': [[p.text, p.score] for p in model.pieces]}})


def score(model, ids):
    return sum(0 if model.pieces[i].kind == vocab.BYTE else model.pieces[i].score for i in ids)


def sentencepiece_ids(python, path, samples):
    code = ('import sentencepiece as s, sys, json; p = s.SentencePieceProcessor(model_file=sys.argv[1]); '
            'json.dump([p.encode(t) for t in json.load(sys.stdin)], sys.stdout)')
    return json.loads(subprocess.run([python, '-c', code, path], input=json.dumps(samples), text=True, encoding='utf-8',
                                     capture_output=True, check=True).stdout)
