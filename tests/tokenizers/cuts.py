"""Ways to cut a text into words for byte-level byte-pair encoding, as the models' own files say it:
the values of tokenizer.ggml.pre, each with its normalizer and its pre-tokenizers.  The vocabulary
does not matter, so any will do for comparing."""

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r'\s+(?!\S)|\s+'
NFC = {'type': 'NFC'}


def split(pattern, behavior='Isolated'):
    return {'type': 'Split', 'pattern': {'Regex': pattern}, 'behavior': behavior, 'invert': False}


DIGITS = {'type': 'Digits', 'individual_digits': True}
GPT_2 = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': True}
BYTES = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': False}
BLOOM = split(' ?[^(\\s|.,!?…。，、।۔،)]+')


def gpt_4(digits, spaces=SPACES):
    return split(CONTRACTIONS + r'|[^\r\n\p{L}\p{N}]?\p{L}+|' + digits + r'| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|' + spaces)


def gpt_4o(digits):
    return split(
        r'[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+' + CONTRACTIONS +
        r'?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*' + CONTRACTIONS +
        '?|' + digits + r'| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|' + SPACES)


# Those that take a word which is a token as that token, whatever the merges say.
WHOLE_WORDS = {'youtu'}

CUTS = {
    'gpt-2': (None, [GPT_2]),
    'olmo': (NFC, [GPT_2]),
    'smollm': (None, [DIGITS, GPT_2]),
    'qwen35': (NFC, [split(CONTRACTIONS + r'|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|' + SPACES), BYTES]),
    'glm4': (None, [gpt_4(r'\p{N}{1,3}'), BYTES]),
    'jais-2': (None, [gpt_4(r'\p{N}{1,3}', r'\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|'
                            r'\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}'), BYTES]),
    'laguna': (None, [split(r'(?:\r?\n)+(?!\r?\n)', 'MergedWithNext'), gpt_4(r'\p{N}'), BYTES]),
    'exaone-moe': (NFC, [split(CONTRACTIONS + r'|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|'
                               r'\s*[\r\n]|' + SPACES), BYTES]),
    'tiny_aya': (NFC, [split(r'\d{1,3}(?=(?:\d{3})*\b)'), gpt_4o(r'\p{N}{1,3}'), BYTES]),
    'youtu': (None, [split('[\uac00-\ud7a3\u3131-\u318e]+|[！…“”‘’—：；，\u3001-\u303f\ufe30-\ufe4f]+|[\u3105-\u312f]+|'
                           '[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+'), gpt_4o(r'\p{N}'), BYTES]),
    'seed-coder': (None, [split(CONTRACTIONS + r'|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|' + SPACES), BYTES]),
    'bailingmoe': (None, [split(r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|" + SPACES), BYTES]),
    'falcon': (None, [{'type': 'Punctuation', 'behavior': 'Contiguous'}, GPT_2, split('[0-9][0-9][0-9]')]),
    'chameleon': (None, [split('<sentinel:[0-9]+>'), split('(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z'), split('([\\t\\n]|    |  )'),
                         DIGITS, {'type': 'Punctuation', 'behavior': 'Isolated'}, GPT_2]),
    'bloom': (None, [BLOOM, BYTES]),
    'viking': (None, [BLOOM, DIGITS, BYTES]),
    'kimi-k2': (None, [split(
        r'[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+' + CONTRACTIONS +
        r'?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*' + CONTRACTIONS +
        r'?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|' + SPACES), BYTES]),
}
