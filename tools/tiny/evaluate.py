"""Scores a GGUF export on held-out samples: values and doses that training never used.

    python3 evaluate.py [--count 200] [--model ../../models/orion-tiny.gguf] [--show 2]

Decoding is greedy.  The figures:
  numbers in records   every number of the summary occurs in the records or the period
  right numbers        share of the reference's numbers that the summary gives
  exact                the summary states the same facts as the reference, word for word but for
                       the choice between equal wordings
"""
import argparse
import pathlib
import re

import torch
import torch.nn.functional as F

import gguf
from model import Config, Phi3, rotate, rope_tables
from records import Sampler
from vocab import Vocab

ROOT = pathlib.Path(__file__).resolve().parents[2]
NUMBER = re.compile(r"\d+(?:[.,/\-]\d+)*")
SPANISH = re.compile(r"\b(el|su|sus|tuvo|resumen|periodo|fue|pasó|de|le|cita|empezó)\b", re.I)
ENGLISH = re.compile(r"\b(the|your|you|this|period|was|were|had|with|went|on)\b", re.I)


def load(path):
    """The exported weights in the torch model."""
    keys, tensors = gguf.read(path)
    key = lambda name: keys["phi3." + name]
    config = Config(len(keys["tokenizer.ggml.tokens"]), key("context_length"), key("embedding_length"), key("attention.head_count"),
                    key("block_count"), key("feed_forward_length"), key("attention.layer_norm_rms_epsilon"), key("rope.freq_base"))
    model = Phi3(config)
    model.load_state_dict({name: torch.tensor(value).float() for name, value in tensors.items()}, strict=False)  # no tie
    return model.eval()


class Decoder:
    """Greedy decoding of one sequence with cached keys and values."""

    def __init__(self, model):
        self.model = model
        self.cos, self.sin = rope_tables(model.config, model.config.n_ctx)

    def feed(self, ids):
        """Appends ids to the sequence; returns the logits after the last one."""
        m, past = self.model, self.past
        x = m.token_embd(torch.tensor(ids))
        t, n = x.shape
        cos, sin = self.cos[past:past + t], self.sin[past:past + t]
        mask = torch.full((t, past + t), float("-inf")).triu(past + 1)
        for i, b in enumerate(m.blk):
            q, k, v = (p.view(t, b.n_head, -1).transpose(0, 1) for p in b.attn_qkv(b.attn_norm(x)).split(n, -1))
            q, k = rotate(q, cos, sin) * q.shape[-1] ** -.5, rotate(k, cos, sin)
            if past:
                k, v = torch.cat((self.keys[i], k), 1), torch.cat((self.values[i], v), 1)
            self.keys[i], self.values[i] = k, v
            out = (q @ k.transpose(1, 2) + mask).softmax(-1) @ v
            x = x + b.attn_output(out.transpose(0, 1).reshape(t, n))
            gate, up = b.ffn_up(b.ffn_norm(x)).chunk(2, -1)
            x = x + b.ffn_down(F.silu(gate) * up)
        self.past += t
        return m.output(m.output_norm(x[-1]))

    @torch.no_grad()
    def answer(self, ids, stop, limit=400):
        self.past, self.keys, self.values = 0, {}, {}
        out = []
        logits = self.feed(ids)
        while len(out) < min(limit, self.model.config.n_ctx - len(ids) - 1):
            best = int(logits.argmax())
            if best in stop:
                break
            out.append(best)
            logits = self.feed([best])
        return out


def numbers(text):
    return set(NUMBER.findall(text))


def language(text):
    return 1 if len(SPANISH.findall(text)) > len(ENGLISH.findall(text)) else 0


def mentions(facts, text, lang):
    """For each kind of fact in the story, whether the text gives what matters about it."""
    found = {}
    low = text.lower()
    for f in facts:
        name = f.name[lang].lower() if f.name else ""
        if f.kind in ("visit", "check"):
            ok = name in low and all(s[lang].lower() in low for s in f.data.get("symptoms", []))
            found.setdefault("diagnoses and symptoms", []).append(ok)
        elif f.kind in ("start", "keep"):
            found.setdefault("medicines with dose", []).append(name in low and f"{f.data['dose'][0]} {f.data['dose'][1][lang]}" in low)
        elif f.kind in ("change", "stop"):
            ok = name in low and (f.kind == "stop" or f"{f.data['dose'][0]} {f.data['dose'][1][lang]}" in low)
            found.setdefault("changes of treatment", []).append(ok)
        elif f.kind in ("lab", "test"):
            ok = name in low and (f.data["value"] in low if f.kind == "lab" else f.data["result"][lang].lower() in low)
            found.setdefault("results", []).append(ok)
        elif f.kind in ("appointment", "pending", "back"):
            found.setdefault("follow-ups", []).append(name in low)
    series = {}
    for f in facts:
        if f.kind == "vital":
            series.setdefault(f.data["kind"], []).append(f.data["value"])
    for values in series.values():
        found.setdefault("vital signs, first and last", []).append(values[0] in text and values[-1] in text)
    return {k: all(v) for k, v in found.items()}


def directions(text):
    return re.findall(r"(rose|fell|stable|subió|bajó|subieron|bajaron|estable)", text)


def plain(text):
    """The text with equal wordings made one, so that exact means the same facts."""
    for a, b in (("You were prescribed", "You started"), ("Le recetaron", "Empezó a tomar"), ("Test results:", "Your results:"),
                 ("Sus resultados:", "Resultados:"), (" and were diagnosed with ", "; the diagnosis was "),
                 (" y le diagnosticaron ", "; el diagnóstico fue "), ("Your next appointment is", "You have an appointment"),
                 ("Su próxima cita es", "Tiene cita")):
        text = text.replace(a, b)
    text = re.sub(r"(This is your health summary|Este es su resumen de salud) \(([^)]*)\)\.", r"Period: \2.", text)
    return text.replace("Periodo:", "Period:")


class Tally:
    def __init__(self):
        self.counts = {}

    def add(self, name, ok):
        good, all_ = self.counts.get(name, (0, 0))
        self.counts[name] = (good + float(ok), all_ + 1)

    def show(self):
        for name, (good, all_) in sorted(self.counts.items()):
            print(f"{name:58} {100 * good / all_:5.1f} %  of {all_}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--model", default=ROOT / "models" / "orion-tiny.gguf")
    parser.add_argument("--show", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=77)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    vocab = Vocab()
    decoder = Decoder(load(args.model))
    sampler = Sampler(args.seed, evaluation=True)
    stop = {vocab.added["<|end|>"], vocab.added["<|endoftext|>"]}
    tally = Tally()
    for i in range(args.count):
        sample = sampler.sample()
        turns = sample["turns"]
        ids, _ = vocab.chat(turns[:-1], answer=True)
        wanted = turns[-1][1]
        text = vocab.decode(decoder.answer(ids, stop))
        kind = sample["kind"]
        if i < args.show or (args.show and kind != "summary" and tally.counts.get(kind + ": exact", (0, 0))[1] < args.show / 4):
            print(f"--- {kind}\n{turns[-2][1]}\n>>> {text}\n=== {wanted}\n")
        if kind == "summary" and sample["crossing"]:
            kind = "summary in the other language"
        elif kind == "summary":
            kind += (" en", " es")[sample["lang"]]
        tally.add(kind + ": exact", plain(text) == plain(wanted))
        if "facts" in sample:
            tally.add(kind + ": numbers in records", numbers(text) <= numbers(turns[-2][1]))
        if "summary" in kind or kind == "merge":
            want = numbers(wanted)
            tally.add(kind + ": right numbers", len(want & numbers(text)) / max(1, len(want)))
            tally.add(kind + ": language", language(text) == sample["lang"])
            if directions(wanted):
                tally.add(kind + ": direction of trends", directions(text) == directions(wanted))
            if kind != "merge":
                for name, ok in mentions(sample["facts"], text, sample["lang"]).items():
                    tally.add(f"{kind}: gives {name}", ok)
    tally.show()


if __name__ == "__main__":
    main()
