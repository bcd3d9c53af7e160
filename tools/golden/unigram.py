#!/usr/bin/env python3
"""tests/golden/unigram.gguf and .json: a small Unigram model that the SentencePiece library makes
of the records, with rules of its own for normalising, and the ids that it gives for many texts.

Needs Debian's python3-sentencepiece; run it with the Python that has that (/usr/bin/python3)."""
import json
import os
import sys
import tempfile

import sentencepiece

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, '..', '..', 'tests', 'golden')
sys.path.insert(0, os.path.join(HERE, '..', '..', 'tests', 'tokenizers'))
import made  # noqa: E402
import texts  # noqa: E402
import vocab  # noqa: E402

# What is replaced, by what: longer and shorter ones that begin alike, nothing, a space, several.
RULES = [('e\u0301', '\u00e9'), ('n\u0303', '\u00f1'), ('\ufb01', 'fi'), ('\u00a0', ' '), ('\u3000', ' '), ('\t', ' '),
         ('\n', ' '), ('\u200b', ''), ('\u2026', '...'), ('\u00bd', '1\u20442'), ('\uff21', 'A'), ('\uff21\uff22', 'AB')]


def rules(path):
    with open(path, 'w', encoding='utf-8') as f:
        for source, target in RULES:
            f.write(' '.join(f'{ord(c):X}' for c in source) + '\t' + ' '.join(f'{ord(c):X}' for c in target) + '\n')


def samples():
    made_here = ['\uff21', '\uff21\uff22', '\uff21\uff21\uff22', '\u2026\u2026', 'e\u0301e', '\u200b', ' \u200b ', 'a \u2581 b', '\u2581',
                 '\u2581a\u2581']
    return [t for t in made_here + texts.texts(500, seed=3) if len(t) < 200 and '\0' not in t]


def has_one_best(processor, model, text):
    """Of equally good ways, single precision takes any."""
    scores = [made.score(model, ids) for ids in processor.nbest_encode_as_ids(text, 2)]
    return len(scores) < 2 or scores[0] - scores[1] > 1e-3


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'unigram.model')
        rules(path + '.tsv')
        made.train(sys.executable, path, 600, {'normalization_rule_tsv': path + '.tsv'})
        model = made.read_model(path)
        processor = sentencepiece.SentencePieceProcessor(model_file=path)
        cases = [{'text': t, 'ids': processor.encode(t)} for t in samples() if has_one_best(processor, model, t)]
    vocab.write(os.path.join(GOLDEN, 'unigram.gguf'), vocab.unigram(model))
    with open(os.path.join(GOLDEN, 'unigram.json'), 'w', encoding='utf-8') as f:
        f.write('{"cases": [\n' + ',\n'.join(json.dumps(c) for c in cases) + '\n]}\n')


if __name__ == '__main__':
    main()
