"""Trains orion-tiny on generated samples; the data never repeats.

    python3 train.py [--minutes 90]      resumes from work/train.pt if that exists

The schedule follows the clock, so the same command ends on time on a slow or a busy machine and
simply sees fewer tokens there.
"""
import argparse
import os
import time

import torch
import torch.nn.functional as F

from model import Config, Phi3
from records import Sampler
from vocab import WORK, Vocab

CHECKPOINT = WORK / "train.pt"
PEAK, FLOOR, WARM_UP = 1.5e-3, 2e-5, 60
BATCH_TOKENS = 1024
PROMPT_SHARE, PROMPT_WEIGHT = .03, .3  # a few prompt tokens teach the language of the records
AVERAGE = .998


def batches(vocab, seed, share_mini):
    """Endless batches of equally long samples: (ids, is-answer), padded with zeros on the right."""
    sampler = Sampler(seed)
    while True:
        pool = []
        for _ in range(256):
            ids, mask = vocab.chat(sampler.sample(mini=sampler.rng.random() < share_mini())["turns"])
            if len(ids) <= 1024:
                pool.append((ids, mask))
        pool.sort(key=lambda s: len(s[0]))
        groups, group = [], []
        for s in pool:
            if group and len(s[0]) * (len(group) + 1) > BATCH_TOKENS:
                groups.append(group)
                group = []
            group.append(s)
        groups.append(group)
        sampler.rng.shuffle(groups)
        for group in groups:
            width = len(group[-1][0])
            ids = torch.zeros(len(group), width, dtype=torch.long)
            kind = torch.full((len(group), width), -1)  # -1 padding, 0 prompt, 1 answer
            for row, (i, m) in enumerate(group):
                ids[row, :len(i)] = torch.tensor(i)
                kind[row, :len(m)] = torch.tensor(m, dtype=torch.long)
            yield ids, kind


def learning_rate(progress, step):
    """Warm-up by steps, then flat, then down to FLOOR over the last fifth."""
    down = min(1, max(0, (1 - progress) / .2))
    return (FLOOR + (PEAK - FLOOR) * down) * min(1, (step + 1) / WARM_UP)


def save(path, state):
    """A crash while writing must not cost the checkpoint."""
    torch.save(state, f"{path}.new")
    os.replace(f"{path}.new", path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)

    vocab = Vocab()
    config = Config(n_vocab=vocab.size)
    model = Phi3(config)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([dict(params=matrices, weight_decay=.01), dict(params=vectors, weight_decay=0)],
                                  lr=PEAK, betas=(.9, .98), eps=1e-8)
    average = {k: v.clone() for k, v in model.state_dict().items()}
    step, tokens, before = 0, 0, 0.0
    if CHECKPOINT.exists():
        state = torch.load(CHECKPOINT)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average, step, tokens, before = state["average"], state["step"], state["tokens"], state["seconds"]
    began = saved = time.time()
    seconds = lambda: before + time.time() - began
    progress = lambda: seconds() / (60 * args.minutes)
    checkpoint = lambda: save(CHECKPOINT, dict(model=model.state_dict(), optimizer=optimizer.state_dict(), average=average,
                                               config=vars(config), step=step, tokens=tokens, seconds=seconds()))
    supply = batches(vocab, 1000 + step, lambda: .9 * min(1, max(0, (.8 - progress()) / .5)))
    log = dict.fromkeys(("answer", "prompt", "digits", "n"), 0.0)
    while progress() < 1:
        ids, kind = next(supply)
        target, wanted = ids[:, 1:], kind[:, 1:]
        wanted = torch.where((wanted == 0) & (torch.rand(wanted.shape) > PROMPT_SHARE), torch.tensor(-1), wanted)
        picked = wanted >= 0
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model.output(model.hidden(ids[:, :-1], picked))
        loss = F.cross_entropy(logits.float(), target[picked], reduction="none")
        answer = wanted[picked] == 1
        weight = torch.where(answer, 1.0, PROMPT_WEIGHT)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(progress(), step)
        optimizer.zero_grad(set_to_none=True)
        ((loss * weight).sum() / weight.sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        keep = min(AVERAGE, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, value in model.state_dict().items():
                average[name].lerp_(value, 1 - keep)
        step += 1
        tokens += int((kind >= 0).sum())

        log["answer"] += float(loss[answer].mean())
        log["prompt"] += float(loss[~answer].mean()) if (~answer).any() else 0
        digit = answer & torch.isin(target[picked], vocab_digits(vocab))
        log["digits"] += float((logits.argmax(-1) == target[picked])[digit].float().mean()) if digit.any() else 1
        log["n"] += 1
        if step % 50 == 0:
            n = log["n"]
            print(f"step {step} tokens {tokens / 1e6:.2f}M minutes {seconds() / 60:.1f} answer {log['answer'] / n:.4f} "
                  f"prompt {log['prompt'] / n:.4f} digits {log['digits'] / n:.4f} "
                  f"tokens/s {tokens / seconds():.0f}", flush=True)
            log = dict.fromkeys(log, 0.0)
        if time.time() - saved > 180:
            checkpoint()
            saved = time.time()
    checkpoint()
    print("done", flush=True)


def vocab_digits(vocab, cache=[]):
    if not cache:
        cache.append(torch.tensor([vocab.sp.piece_to_id(d) for d in "0123456789"]))
    return cache[0]


if __name__ == "__main__":
    main()
