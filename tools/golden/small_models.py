"""Writes random-weight models that exercise what orion-tiny does not: grouped heads, split
projections, interleaved rope, rope factors, a sliding window, partial rotation, tied output, and what
is peculiar to each architecture.

    python3 small_models.py [NAME...]      writes them, or those named, to tests/golden
"""
import json
import sys
from types import MappingProxyType

import numpy as np

from forward import Model, gguf, mean_nll
from golden import GOLDEN, case
from gguf import ARRAY, BOOL, F32, I32, STRING, U32

# pieces in merge order, then the characters they are made of
MERGES = ["th", "▁th", "▁the", "an", "▁a", "and", "er", "▁de", "os"]
CHARACTERS = "▁adehnorst"
KINDS = {float: F32, int: U32, str: STRING}


def tokens():
    texts = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + MERGES + list(CHARACTERS)
    types = [2, 3, 3] + [6] * 256 + [1] * (len(MERGES) + len(CHARACTERS))
    scores = [0.0] * 259 + [-float(i) for i in range(len(MERGES) + len(CHARACTERS))]
    return texts, scores, types


def build(name, arch, seed, n_embd, n_head, n_kv, n_ff, n_rot, base, tied, window=0, factors=MappingProxyType({}), n_layer=2,
          dim=0, bias=False, qk_norm=None, after=False, before=True, more=(), biases=(), experts=0, sinks=False):
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    rng = np.random.default_rng(seed)
    texts, scores, types = tokens()
    dim = dim or n_embd // n_head

    def matrix(rows, columns, scale=1.5):
        return (rng.standard_normal((rows, columns)) * scale / np.sqrt(columns)).astype(np.float16)

    def norm(n=n_embd):
        return (1 + .1 * rng.standard_normal(n)).astype(np.float32)

    def matrices(rows, columns):
        return np.stack([matrix(rows, columns) for _ in range(experts)])

    def vector(*shape):
        return rng.standard_normal(shape).astype(np.float32)
    # of a bias, by the matrix that it belongs to
    shapes = {"attn_output": (n_embd,), "ffn_gate": (n_ff,), "ffn_up": (n_ff,), "ffn_down": (n_embd,), "ffn_gate_inp": (experts,),
              "ffn_gate_exps": (experts, n_ff), "ffn_up_exps": (experts, n_ff), "ffn_down_exps": (experts, n_embd)}
    weights = [("token_embd.weight", matrix(len(texts), n_embd, np.sqrt(n_embd)))]
    # what divides frequencies: llama 3 has one list, Phi-3 one for short contexts and one for long ones
    weights += [(f"rope_{which}.weight", np.geomspace(*ends, n_rot // 2).astype(np.float32)) for which, ends in factors.items()]
    for i in range(n_layer):
        p = f"blk.{i}."
        if before:
            weights.append((p + "attn_norm.weight", norm()))
        if arch == "phi3":
            weights.append((p + "attn_qkv.weight", matrix((n_head + 2 * n_kv) * dim, n_embd)))
        else:
            weights += [(p + f"attn_{c}.weight", matrix((n_head if c == "q" else n_kv) * dim, n_embd)) for c in "qkv"]
        if bias:
            weights += [(p + f"attn_{c}.bias", vector((n_head if c == "q" else n_kv) * dim)) for c in "qkv"]
        if qk_norm:
            weights += [(p + f"attn_{c}_norm.weight", norm(dim if qk_norm == "heads" else (n_head if c == "q" else n_kv) * dim)) for c in "qk"]
        weights.append((p + "attn_output.weight", matrix(n_embd, n_head * dim)))
        if before:
            weights.append((p + ("post_attention_norm.weight" if arch == "gpt-oss" else "ffn_norm.weight"), norm()))
        if sinks:
            weights.append((p + "attn_sinks.weight", vector(n_head)))
        if after:
            weights += [(p + "post_attention_norm.weight", norm()), (p + "post_ffw_norm.weight", norm())]
        if experts:
            weights += [(p + "ffn_gate_inp.weight", matrix(experts, n_embd).astype(np.float32)),
                        (p + "ffn_gate_exps.weight", matrices(n_ff, n_embd)), (p + "ffn_up_exps.weight", matrices(n_ff, n_embd)),
                        (p + "ffn_down_exps.weight", matrices(n_embd, n_ff))]
        elif arch == "phi3":
            weights += [(p + "ffn_up.weight", matrix(2 * n_ff, n_embd)), (p + "ffn_down.weight", matrix(n_embd, n_ff))]
        else:
            weights += [(p + "ffn_gate.weight", matrix(n_ff, n_embd)), (p + "ffn_up.weight", matrix(n_ff, n_embd)),
                        (p + "ffn_down.weight", matrix(n_embd, n_ff))]
        weights += [(p + f"{what}.bias", vector(*shapes[what])) for what in biases]
    weights.append(("output_norm.weight", norm()))
    if not tied:
        weights.append(("output.weight", matrix(len(texts), n_embd, 3)))

    keys = [
        ("general.architecture", STRING, arch),
        ("general.name", STRING, name),
        ("general.license", STRING, "mit"),
        ("general.file_type", U32, 1),
        ("general.alignment", U32, gguf.ALIGNMENT),
        (f"{arch}.context_length", U32, 256),
        (f"{arch}.embedding_length", U32, n_embd),
        (f"{arch}.feed_forward_length", U32, 3 * n_ff if arch == "qwen3moe" else n_ff),  # of layers that are no mixture
        (f"{arch}.block_count", U32, n_layer),
        (f"{arch}.attention.head_count", U32, n_head),
        (f"{arch}.attention.head_count_kv", U32, n_kv),
        (f"{arch}.attention.layer_norm_rms_epsilon", F32, 1e-5),
        (f"{arch}.rope.dimension_count", U32, n_rot),
        (f"{arch}.rope.freq_base", F32, base),
        (f"{arch}.vocab_size", U32, len(texts)),
    ]
    if arch == "phi3" and "factors_long" not in factors:
        keys.append(("phi3.rope.scaling.original_context_length", U32, 256))
    if window:
        keys.append((f"{arch}.attention.sliding_window", U32, window))
    if experts:
        keys.append((f"{arch}.expert_count", U32, experts))
    if dim != n_embd // n_head:
        keys += [(f"{arch}.attention.key_length", U32, dim), (f"{arch}.attention.value_length", U32, dim)]
    keys += [(f"{arch}.{key}", KINDS[type(value)], value) for key, value in more]
    keys += [
        ("tokenizer.ggml.model", STRING, "llama"),
        ("tokenizer.ggml.pre", STRING, "default"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, texts)),
        ("tokenizer.ggml.scores", ARRAY, (F32, scores)),
        ("tokenizer.ggml.token_type", ARRAY, (I32, types)),
        ("tokenizer.ggml.bos_token_id", U32, 1),
        ("tokenizer.ggml.eos_token_id", U32, 2),
        ("tokenizer.ggml.unknown_token_id", U32, 0),
        ("tokenizer.ggml.add_bos_token", BOOL, True),
        ("tokenizer.ggml.add_eos_token", BOOL, False),
        ("tokenizer.ggml.add_space_prefix", BOOL, True),
    ]
    path = GOLDEN / f"{name}.gguf"
    gguf.write(path, keys, weights)

    model = Model(path)
    cases = []
    for label, length, positions in (("24 tokens, every position", 24, range(24)), ("one token", 1, [0]), ("60 tokens", 60, [7, 8, 30, 59])):
        ids = [1] + [int(t) for t in rng.integers(3, len(texts), length - 1)]
        logits = model.logits(ids)
        cases.append(case(label, ids, positions, logits, mean_nll(logits, ids) if length > 1 else None))
    text = json.dumps({"model": path.name, "cases": cases}, indent=1)
    (GOLDEN / f"{name}.json").write_text(text + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    build("llama-gqa", "llama", 1, n_embd=64, n_head=4, n_kv=2, n_ff=64, n_rot=16, base=500000.0, tied=True, factors={"freqs": (1, 8)})
    build("phi3-window", "phi3", 2, n_embd=48, n_head=3, n_kv=3, n_ff=64, n_rot=16, base=10000.0, tied=False, window=8)
    build("phi3-gqa-partial", "phi3", 3, n_embd=64, n_head=4, n_kv=2, n_ff=64, n_rot=8, base=10000.0, tied=True)
    small = dict(n_embd=48, n_head=3, n_kv=1, n_ff=64, n_rot=16)
    build("qwen2", "qwen2", 4, **small, base=1e6, tied=True, bias=True)
    build("llama-bias", "llama", 10, **small, base=1e4, tied=True, bias=True,
          biases=("attn_output", "ffn_gate", "ffn_up", "ffn_down"))
    build("qwen3", "qwen3", 5, **{**small, "n_rot": 24}, base=1e6, tied=False, dim=24, qk_norm="heads")
    build("gemma2", "gemma2", 6, **small, base=1e4, tied=True, after=True, window=8,
          more=[("attn_logit_softcapping", 5.), ("final_logit_softcapping", 3.)])
    build("gemma3", "gemma3", 7, **small, base=1e6, tied=True, after=True, window=8, qk_norm="heads", n_layer=7)
    build("granite", "granite", 8, **small, base=1e4, tied=True,
          more=[("embedding_scale", 3.), ("residual_scale", .5), ("attention.scale", .125), ("logit_scale", 4.)])
    build("olmo2", "olmo2", 9, **small, base=5e5, tied=False, after=True, before=False, qk_norm="rows")
    build("llama-yarn", "llama", 10, n_embd=64, n_head=4, n_kv=2, n_ff=64, n_rot=16, base=500.0, tied=True,
          more=[("rope.scaling.type", "yarn"), ("rope.scaling.factor", 4.), ("rope.scaling.original_context_length", 64),
                ("rope.scaling.yarn_beta_fast", 4.), ("rope.scaling.yarn_beta_slow", .5), ("rope.scaling.attn_factor", 1.25)])
    build("phi3-long", "phi3", 11, **{**small, "n_rot": 18}, base=1e4, tied=True, dim=24,
          factors={"factors_long": (1, 12), "factors_short": (1, 1.5)},
          more=[("rope.scaling.original_context_length", 64)])
    build("mixtral", "llama", 13, **{**small, "n_ff": 24}, base=1e4, tied=True, experts=5, more=[("expert_used_count", 2)])
    build("qwen3moe", "qwen3moe", 14, **{**small, "n_ff": 24, "n_rot": 24}, base=1e6, tied=False, dim=24, qk_norm="heads", experts=7,
          more=[("expert_used_count", 3), ("expert_feed_forward_length", 24)])
    build("gpt-oss", "gpt-oss", 15, **{**small, "n_ff": 40}, base=15e4, tied=False, window=8, bias=True, experts=6, sinks=True,
          biases=("attn_output", "ffn_gate_inp", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"),
          more=[("expert_used_count", 2), ("expert_feed_forward_length", 40), ("rope.scaling.type", "yarn"),
                ("rope.scaling.factor", 4.), ("rope.scaling.original_context_length", 64)])
