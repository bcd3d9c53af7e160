"""Texts that a tokenizer might get wrong, made by hand and at random."""
import random

HAND = [
    '', ' ', '  ', '\n', '\r\n', '\t', ' \n \n', '\n\n\n', 'a', ' a', 'a ', '  a  b  ', "don't", "DON'T", "it's I'll we've you're I'd I'm",
    "'s 'S 'lL", 'Hello, world!', 'Hello\n\nworld', '0', '12', '123', '1234', '12345678901', '3.14', '1,000,000', '½ ¼', '²³', '٣٤٥', '四五',
    'CamelCaseWords snake_case_words kebab-case', 'HTTPServer XMLHttpRequest iPhone', 'ÁÉÍ áéí ñÑ', 'İstanbul ıI', 'straße STRASSE',
    'naïve café', 'cafe\u0301 nai\u0308ve', 'n\u0303', 'Å Å', '각 각', 'ﬁ ﬂ', 'Привет, мир!', 'Καλημέρα', 'שלום עולם', 'مرحبا بالعالم',
    'नमस्ते दुनिया', 'สวัสดีชาวโลก', 'こんにちは世界', 'カタカナ', '你好,世界!', '안녕하세요', '𠀀𠀁', '😀', '👩‍⚕️👨‍👩‍👧‍👦', '🇪🇸🇫🇷', 'a😀b', '❤️', '←→↑↓',
    '\u00a0', '\u200b', '\ufeff', '\u2028', '\u3000', '\x00', '\x01\x02', '\x7f', '\u0085', '…—–«»“”‘’', '$€£¥', '#include <stdio.h>\n\nint main(void)\n{\n\treturn 0;\n}\n',
    '{"a": [1, 2.5, null]}', '<p class="x">y</p>', 'https://example.org/a?b=c&d=e#f', 'name@example.org', 'a=b+c*d/e%f', '!!!???...', '////', '\\\\\\',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', ' ' * 50, '\n' * 50, '1' * 50, 'ab' * 50, ' \t' * 20, 'x' * 3000,
    'Su presión arterial pasó de 152/94 a 131/82 mmHg: bajó.', '  indented\n    more\n\ttab\n', 'trailing space \n', '/n/', ' /', 'a/\n/b',
]
PIECES = [
    'the', 'and', 'ing', 'Word', 'WORD', 'word', 'ción', 'ñ', 'é', 'e\u0301', 'Å', 'ß', 'мир', 'Ж', 'λ', 'א', 'ب', 'न', 'ก', '世', '界', 'あ', 'ア', '한', '😀', '👍🏽', '🏳️‍🌈',
    '1', '22', '333', '4444', '٣', '½', ' ', '  ', '   ', '\n', '\r\n', '\n\n', '\t', '.', ',', '!', '?', '...', '-', '--', '_', '/', '\\', '(', ')', '[', ']', '{', '}', '"', "'",
    "'s", "'LL", "n't", '#', '$', '%', '&', '*', '+', '=', '<', '>', '@', '^', '`', '|', '~', '\u00a0', '\u200b', '\u200d', '\ufe0f', '\u0300', '\u0327', '…', '—', '“', '”', '\x00', '\x1b', '\u2028',
    'int', 'return', 'def', 'http://', '.com', 'mg', 'mmHg', 'A', 'b', 'Zz', 'ﬁ', 'ſ', 'K', 'Ω', '一', '龥', '가', '\U0001f600', '\U00010400', '\U0001e900',
]


def character(rng):
    """Any scalar value but surrogates, near ones more often."""
    while True:
        c = rng.choice([rng.randrange(0x80), rng.randrange(0x800), rng.randrange(0x10000), rng.randrange(0x110000)])
        if not 0xd800 <= c < 0xe000:
            return chr(c)


def texts(n, seed=1):
    rng = random.Random(seed)
    out = list(HAND)
    while len(out) < n:
        length = rng.choice([1, 2, 3, 5, 8, 13, 30])
        if rng.random() < .25:
            out.append(''.join(character(rng) for _ in range(length)))
        else:
            out.append(''.join(rng.choice(PIECES) for _ in range(length)))
    return out[:n]


def broken(n, seed=2):
    """Bytes that are not UTF-8, among others."""
    rng = random.Random(seed)
    out = []
    for _ in range(n):
        text = bytearray(''.join(rng.choice(PIECES) for _ in range(rng.randrange(1, 12))).encode())
        for _ in range(rng.randrange(1, 4)):
            text.insert(rng.randrange(len(text) + 1), rng.randrange(0x80, 0x100))
        if rng.random() < .5:
            del text[rng.randrange(len(text))]
        out.append(bytes(text))
    return out
