"""Trains the SentencePiece vocabulary on generated text, and encodes chats the way Orion does.

    python3 vocab.py            writes work/vocab.model (about a minute)
"""
import pathlib
import re

import sentencepiece

WORK = pathlib.Path(__file__).resolve().parent / "work"
MODEL = WORK / "vocab.model"
PIECES = 2304
ADDED = ["<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"]  # after the pieces, as Phi-3 has them
# characters that deserve a piece even where the generated text seldom holds them
CHARACTERS = ("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789áéíóúüñÁÉÍÓÚÜÑçàèòâêôãõ"
              "¿¡!?.,;:'\"()[]{}<>/\\|@#$%&*+-=_^~`°ºª€£µ·–—…’‘“”«»×±≥≤")


def train(samples=20000, seed=11):
    from records import Sampler
    WORK.mkdir(exist_ok=True)
    corpus = WORK / "vocab.txt"
    sampler = Sampler(seed)
    with open(corpus, "w", encoding="utf-8") as out:
        for _ in range(samples):
            for _, text in sampler.sample()["turns"]:
                out.write(text + "\n")
        out.write(" ".join(CHARACTERS) + "\n")  # each on its own, so that none is merged
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(MODEL.with_suffix("")), vocab_size=PIECES, model_type="bpe",
        byte_fallback=True, split_digits=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, add_dummy_prefix=True, character_coverage=1.0,
        max_sentence_length=20000, num_threads=2, minloglevel=1)


class Vocab:
    """The pieces, then the added tokens."""

    def __init__(self, path=MODEL):
        self.sp = sentencepiece.SentencePieceProcessor(model_file=str(path))
        self.added = {text: self.sp.vocab_size() + i for i, text in enumerate(ADDED)}
        self.size = self.sp.vocab_size() + len(ADDED)
        self.bos = 1
        self.end = self.added["<|end|>"]
        self.split = re.compile("(" + "|".join(map(re.escape, ["<s>", "</s>", "<unk>"] + ADDED)) + ")")

    def encode(self, text):
        return self.sp.encode(text)

    def encode_special(self, text, bos=False):
        """Special tokens are single ids and swallow the white space behind them; every other
        fragment is encoded on its own, with its own leading space."""
        named = {"<unk>": 0, "<s>": 1, "</s>": 2, **self.added}
        ids = [self.bos] if bos else []
        after = False
        for part in self.split.split(text):
            if part in named:
                ids.append(named[part])
                after = True
            elif part:
                ids += self.encode(part.lstrip(" \t\n\r\v\f") if after else part)
                after = False
        return ids

    def chat(self, turns, answer=False):
        """Ids of a conversation, and for each id whether it belongs to an answer."""
        ids, mask = [self.bos], [False]
        for role, text in turns:
            body = self.encode(text) + [self.end]
            ids += [self.added[f"<|{role}|>"]] + body
            mask += [False] + [role == "assistant"] * len(body)
        if answer:
            ids.append(self.added["<|assistant|>"])
            mask.append(False)
        return ids, mask

    def decode(self, ids):
        return self.sp.decode([i for i in ids if i < self.sp.vocab_size()])


if __name__ == "__main__":
    train()
    print(Vocab().size, "tokens")
