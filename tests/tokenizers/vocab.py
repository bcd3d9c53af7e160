"""A tokenizer.json as the vocabulary of a GGUF file, as converters of models write it."""
import json
import struct

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
U32, I32, STRING, ARRAY = 4, 5, 8, 9


def string(text):
    data = text.encode('utf-8')
    return struct.pack('<Q', len(data)) + data


def array(kind, values, pack):
    return struct.pack('<IIQ', ARRAY, kind, len(values)) + b''.join(map(pack, values))


def write(tokenizer_json, pre, path):
    with open(tokenizer_json, encoding='utf-8') as f:
        data = json.load(f)
    model = data['model']
    ids = dict(model['vocab'])
    types = dict.fromkeys(ids, NORMAL)
    for added in data['added_tokens']:
        ids[added['content']] = added['id']
        types[added['content']] = CONTROL if added['special'] else USER_DEFINED
    texts = {i: text for text, i in ids.items()}
    names = [texts.get(i, f'[unused {i}]') for i in range(max(texts) + 1)]
    merges = [m if isinstance(m, str) else ' '.join(m) for m in model['merges']]
    keys = [
        ('tokenizer.ggml.model', struct.pack('<I', STRING) + string('gpt2')),
        ('tokenizer.ggml.pre', struct.pack('<I', STRING) + string(pre)),
        ('tokenizer.ggml.tokens', array(STRING, names, string)),
        ('tokenizer.ggml.token_type', array(I32, [types.get(n, UNUSED) for n in names], lambda v: struct.pack('<i', v))),
        ('tokenizer.ggml.merges', array(STRING, merges, string)),
    ]
    with open(path, 'wb') as f:
        f.write(b'GGUF' + struct.pack('<IQQ', 3, 0, len(keys)))
        for name, value in keys:
            f.write(string(name) + value)
    return [a['content'] for a in data['added_tokens']]
