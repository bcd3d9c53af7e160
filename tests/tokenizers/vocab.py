"""A tokenizer as the vocabulary of a GGUF file, as converters of models write it."""
import re
import struct

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
U8, U32, I32, F32, BOOL, STRING, ARRAY = 0, 4, 5, 6, 7, 8, 9
FORMATS = {U8: '<B', U32: '<I', I32: '<i', F32: '<f', BOOL: '<?'}
MARK = '\u2581'


def value(kind, v):
    if kind == STRING:
        data = v if isinstance(v, bytes) else v.encode('utf-8')
        return struct.pack('<Q', len(data)) + data
    if kind == ARRAY:
        item, values = v
        return struct.pack('<IQ', item, len(values)) + b''.join(value(item, x) for x in values)
    return struct.pack(FORMATS[kind], v)


def write(path, keys):
    """keys: [(name below tokenizer.ggml, type, value)], an array's value being (type, values)."""
    with open(path, 'wb') as f:
        f.write(b'GGUF' + struct.pack('<IQQ', 3, 0, len(keys)))
        for name, kind, v in keys:
            f.write(value(STRING, 'tokenizer.ggml.' + name) + struct.pack('<I', kind) + value(kind, v))


# ---- what all tokenizer.json files have in common ----

def table(data):
    """Texts by id, and types by text."""
    ids = dict(data['model']['vocab'])
    types = dict.fromkeys(ids, NORMAL)
    for added in data['added_tokens']:
        ids[added['content']] = added['id']
        types[added['content']] = CONTROL if added['special'] else USER_DEFINED
    if data['model'].get('unk_token'):
        types[data['model']['unk_token']] = UNKNOWN
    texts = {i: text for text, i in ids.items()}
    return [texts.get(i, f'[unused {i}]') for i in range(max(texts) + 1)], types


def around(data):
    """The ids of what goes in front of a text, and behind it."""
    processors = [data.get('post_processor') or {}]
    processors += processors[0].get('processors', [])
    for p in processors:
        if p.get('type') == 'TemplateProcessing':
            names = [part['SpecialToken']['id'] if 'SpecialToken' in part else None for part in p['single']]
            ids = [n and p['special_tokens'][n]['ids'][0] for n in names]
            at = ids.index(None)
            return ids[:at], ids[at + 1:]
    return [], []


def can_say_ends(data):
    """A GGUF file names one token at each end."""
    return all(len(ids) < 2 for ids in around(data))


def end_keys(data, suffix_token='eos_token_id', suffix_switch='add_eos_token'):
    first, last = (ids[-1] if ids else None for ids in around(data))
    keys = [('add_bos_token', BOOL, first is not None), (suffix_switch, BOOL, last is not None)]
    if first is not None:
        keys.append(('bos_token_id', U32, first))
    if last is not None:
        keys.append((suffix_token, U32, last))
    return keys


# ---- the kinds ----

def bpe(data, pre):
    names, types = table(data)
    merges = [m if isinstance(m, str) else ' '.join(m) for m in data['model']['merges']]
    return [('model', STRING, 'gpt2'), ('pre', STRING, pre), ('tokens', ARRAY, (STRING, names)),
            ('token_type', ARRAY, (I32, [types.get(n, UNUSED) for n in names])),
            ('merges', ARRAY, (STRING, merges))] + end_keys(data)


def spm(data):
    """SentencePiece's byte-pair encoding: a piece with a higher score is made earlier."""
    names, types = table(data)
    made = {}
    for i, merge in enumerate(data['model']['merges']):
        made.setdefault(''.join(merge.split(' ') if isinstance(merge, str) else merge), -float(i))
    kinds = [BYTE if re.fullmatch('<0x[0-9A-F]{2}>', n) else types.get(n, UNUSED) for n in names]
    written = [n.replace(MARK, ' ') if k == USER_DEFINED else n for n, k in zip(names, kinds)]
    return [('model', STRING, 'llama'), ('tokens', ARRAY, (STRING, written)), ('token_type', ARRAY, (I32, kinds)),
            ('scores', ARRAY, (F32, [made.get(n, -1e9) for n in names])),
            ('unknown_token_id', U32, names.index(data['model']['unk_token'])),
            ('add_space_prefix', BOOL, 'Prepend' in str(data['normalizer']))] + end_keys(data)


def wordpiece(data):
    names, types = table(data)
    model, normalizer = data['model'], data['normalizer']
    prefix = model['continuing_subword_prefix']
    kinds = [types.get(n, UNUSED) for n in names]
    written = [n if k != NORMAL or n.startswith('[unused') else n[len(prefix):] if n.startswith(prefix) else MARK + n
               for n, k in zip(names, kinds)]
    strips = normalizer['strip_accents']
    return [('model', STRING, 'bert'), ('tokens', ARRAY, (STRING, written)), ('token_type', ARRAY, (I32, kinds)),
            ('unknown_token_id', U32, names.index(model['unk_token'])),
            ('normalizer.lowercase', BOOL, normalizer['lowercase'])] + \
        ([] if strips is None else [('normalizer.strip_accents', BOOL, strips)]) + \
        end_keys(data, 'seperator_token_id', 'add_sep_token')


def unigram(model):
    """A model of SentencePiece's, as made.read_model() gives it."""
    return [('model', STRING, 't5'), ('tokens', ARRAY, (STRING, [p.text for p in model.pieces])),
            ('scores', ARRAY, (F32, [p.score for p in model.pieces])),
            ('token_type', ARRAY, (I32, [p.kind for p in model.pieces])),
            ('unknown_token_id', U32, 0), ('eos_token_id', U32, 2),
            ('add_space_prefix', BOOL, model.adds_space), ('remove_extra_whitespaces', BOOL, model.squeezes)] + \
        ([('precompiled_charsmap', ARRAY, (U8, model.charsmap))] if model.charsmap else [])
