"""Writes the golden data of the bundled model: logits by torch, token ids by SentencePiece.

    python3 make.py      reads models/orion-tiny.gguf and tools/tiny/work/vocab.model,
                         writes tests/golden/orion-tiny.json and orion-tiny-tokens.json
"""
import json
import sys

import numpy as np
import torch

from forward import Model, mean_nll
from golden import GOLDEN, ROOT, case

sys.path.insert(0, str(ROOT / "tools" / "tiny"))
import gguf  # noqa: E402
from evaluate import load  # noqa: E402
from records import Sampler, summary_prompt  # noqa: E402
from texts import CHATS, PLAIN  # noqa: E402
from vocab import Vocab  # noqa: E402

MODEL = ROOT / "models" / "orion-tiny.gguf"


def check_vocab(vocab):
    """The vocabulary at hand must be the one inside the model."""
    keys, _ = gguf.read(MODEL)
    texts = keys["tokenizer.ggml.tokens"]
    assert texts[:vocab.sp.vocab_size()] == [vocab.sp.id_to_piece(i) for i in range(vocab.sp.vocab_size())]
    assert texts[vocab.sp.vocab_size():] == list(vocab.added)


def prompts(vocab):
    """(label, ids): two plain texts, and a summary chat in each language."""
    yield "plain text", [vocab.bos] + vocab.encode("The patient has a headache and fever.")
    yield "texto sencillo", [vocab.bos] + vocab.encode("Su presión arterial pasó de 152/94 a 131/82 mmHg: ")
    for lang, name, period in ((1, "es", "marzo de 2024"), (0, "en", "March to May 2024")):
        records = (GOLDEN / f"records-{name}.txt").read_text(encoding="utf-8")
        ids, _ = vocab.chat([("user", summary_prompt(lang, records, period))], answer=True)
        yield f"summary chat, {name}", ids


def write_logits(vocab):
    model, plain = load(MODEL), Model(MODEL)
    cases, worst = [], 0
    for label, ids in prompts(vocab):
        with torch.no_grad():
            logits = model(torch.tensor([ids]))[0].numpy()
        worst = max(worst, np.abs(logits - plain.logits(ids)).max())
        last = len(ids) - 1
        cases.append(case(label, ids, [last // 3, 2 * last // 3, last], logits, mean_nll(logits, ids)))
    (GOLDEN / "orion-tiny.json").write_text(json.dumps({"model": MODEL.name, "cases": cases}, indent=1) + "\n")
    print(f"torch float32 and numpy float64 differ by at most {worst:.2g} in a logit")
    rounded = Model(MODEL, f16_cache=True)
    print(f"a float16 cache moves a logit by at most {max(np.abs(rounded.logits(i) - plain.logits(i)).max() for _, i in prompts(vocab)):.2g}")


def write_tokens(vocab):
    sampler = Sampler(404, evaluation=True)
    texts = PLAIN + [sampler.summarise(lang=i % 2)["records"].split("\n")[0] for i in range(20)]
    chats = CHATS + [
        "<|user|>\n" + sampler.summarise(lang=i)["turns"][0][1] + "<|end|>\n<|assistant|>\n" for i in range(2)]
    data = {
        "model": MODEL.name,
        "plain": [{"text": t, "ids": vocab.encode(t)} for t in texts],
        "chat": [{"text": t, "ids": vocab.encode_special(t, bos=True)} for t in chats],
    }
    (GOLDEN / "orion-tiny-tokens.json").write_text(json.dumps(data, indent=1) + "\n")
    print(f"{len(texts)} plain strings, {len(chats)} chat strings")


if __name__ == "__main__":
    torch.set_num_threads(1)
    vocab = Vocab()
    check_vocab(vocab)
    write_logits(vocab)
    write_tokens(vocab)
