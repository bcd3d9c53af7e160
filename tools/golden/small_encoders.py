"""Writes random-weight models for embeddings, one for each architecture and way to pool, and the
vectors that encoder.py makes of some tokens.

    python3 small_encoders.py     writes tests/golden/embed-*.gguf and .json
"""
import base64
import json

import numpy as np

from encoder import CLS, LAST, MEAN, Embedder
from forward import gguf
from golden import GOLDEN
from gguf import ARRAY, BOOL, F32, I32, STRING, U32
from small_models import tokens

N_EMBD, N_HEAD, N_FF, CONTEXT = 48, 3, 64, 128


class Builder:
    """Weights and keys of one model, gathered in the order of the file."""

    def __init__(self, arch, seed, pooling, n_layer=2):
        self.arch, self.n_layer, self.rng = arch, n_layer, np.random.default_rng(seed)
        self.texts, self.scores, self.types = tokens()
        self.weights = []
        self.keys = [(f"{arch}.{key}", U32, value) for key, value in (
            ("context_length", CONTEXT), ("embedding_length", N_EMBD), ("feed_forward_length", N_FF),
            ("block_count", n_layer), ("attention.head_count", N_HEAD), ("pooling_type", pooling))]
        self.matrix("token_embd", len(self.texts), N_EMBD, np.sqrt(N_EMBD))

    def key(self, name, kind, value):
        self.keys.append((f"{self.arch}.{name}", kind, value))

    def matrix(self, name, rows, columns, scale=1.5, bias=False):
        values = self.rng.standard_normal((rows, columns)) * scale / np.sqrt(columns)
        self.weights.append((name + ".weight", values.astype(np.float16)))
        if bias:
            self.weights.append((name + ".bias", self.rng.standard_normal(rows).astype(np.float32)))

    def norm(self, name, n=N_EMBD, bias=False):
        self.weights.append((name + ".weight", (1 + .1 * self.rng.standard_normal(n)).astype(np.float32)))
        if bias:
            self.weights.append((name + ".bias", (.3 * self.rng.standard_normal(n)).astype(np.float32)))

    def write(self, name):
        keys = [
            ("general.architecture", STRING, self.arch), ("general.name", STRING, name),
            ("general.license", STRING, "mit"), ("general.file_type", U32, 1),
            ("general.alignment", U32, gguf.ALIGNMENT), *self.keys,
            ("tokenizer.ggml.model", STRING, "llama"), ("tokenizer.ggml.pre", STRING, "default"),
            ("tokenizer.ggml.tokens", ARRAY, (STRING, self.texts)),
            ("tokenizer.ggml.scores", ARRAY, (F32, self.scores)),
            ("tokenizer.ggml.token_type", ARRAY, (I32, self.types)),
            ("tokenizer.ggml.bos_token_id", U32, 1), ("tokenizer.ggml.eos_token_id", U32, 2),
            ("tokenizer.ggml.unknown_token_id", U32, 0), ("tokenizer.ggml.add_bos_token", BOOL, True),
            ("tokenizer.ggml.add_eos_token", BOOL, True), ("tokenizer.ggml.add_space_prefix", BOOL, True),
        ]
        path = GOLDEN / f"{name}.gguf"
        gguf.write(path, keys, self.weights)
        model = Embedder(path)
        cases = []
        for length in (1, 5, 24, 100):
            ids = [1] + [int(t) for t in self.rng.integers(3, len(self.texts), length - 1)]
            vector = base64.b64encode(model.embedding(ids).astype("<f4").tobytes()).decode()
            cases.append({"label": f"{length} tokens", "tokens": ids, "embedding": vector})
        text = json.dumps({"model": path.name, "cases": cases}, indent=1)
        (GOLDEN / f"{name}.json").write_text(text + "\n")
        print(f"{path.name}: {path.stat().st_size} bytes")


def bert(name, seed, pooling):
    b = Builder("bert", seed, pooling)
    b.key("attention.layer_norm_epsilon", F32, 1e-5)
    b.key("attention.causal", BOOL, False)
    b.matrix("position_embd", CONTEXT, N_EMBD, 3)
    b.matrix("token_types", 2, N_EMBD, 3)
    b.norm("token_embd_norm", bias=True)
    for i in range(b.n_layer):
        for c in ("attn_q", "attn_k", "attn_v", "attn_output"):
            b.matrix(f"blk.{i}.{c}", N_EMBD, N_EMBD, bias=True)
        b.norm(f"blk.{i}.attn_output_norm", bias=True)
        b.matrix(f"blk.{i}.ffn_up", N_FF, N_EMBD, bias=True)
        b.matrix(f"blk.{i}.ffn_down", N_EMBD, N_FF, bias=True)
        b.norm(f"blk.{i}.layer_output_norm", bias=True)
    b.write(name)


def nomic_bert(name, seed, pooling):
    b = Builder("nomic-bert", seed, pooling)
    b.key("attention.layer_norm_epsilon", F32, 1e-5)
    b.key("attention.causal", BOOL, False)
    b.key("rope.freq_base", F32, 1000.)
    b.matrix("token_types", 2, N_EMBD, 3)
    b.norm("token_embd_norm", bias=True)
    for i in range(b.n_layer):
        b.matrix(f"blk.{i}.attn_qkv", 3 * N_EMBD, N_EMBD)
        b.matrix(f"blk.{i}.attn_output", N_EMBD, N_EMBD)
        b.norm(f"blk.{i}.attn_output_norm", bias=True)
        b.matrix(f"blk.{i}.ffn_up", N_FF, N_EMBD)
        b.matrix(f"blk.{i}.ffn_gate", N_FF, N_EMBD)
        b.matrix(f"blk.{i}.ffn_down", N_EMBD, N_FF)
        b.norm(f"blk.{i}.layer_output_norm", bias=True)
    b.write(name)


def normed_heads(b, dim, after):
    """Layers as those of qwen3 and gemma3."""
    for i in range(b.n_layer):
        p = f"blk.{i}."
        b.norm(p + "attn_norm")
        b.matrix(p + "attn_q", N_HEAD * dim, N_EMBD)
        b.matrix(p + "attn_k", dim, N_EMBD)
        b.matrix(p + "attn_v", dim, N_EMBD)
        b.norm(p + "attn_q_norm", dim)
        b.norm(p + "attn_k_norm", dim)
        b.matrix(p + "attn_output", N_EMBD, N_HEAD * dim)
        b.norm(p + "ffn_norm")
        if after:
            b.norm(p + "post_attention_norm")
            b.norm(p + "post_ffw_norm")
        b.matrix(p + "ffn_gate", N_FF, N_EMBD)
        b.matrix(p + "ffn_up", N_FF, N_EMBD)
        b.matrix(p + "ffn_down", N_EMBD, N_FF)
    b.norm("output_norm")


def qwen3(name, seed):
    b = Builder("qwen3", seed, LAST)
    b.key("attention.head_count_kv", U32, 1)
    b.key("attention.key_length", U32, 24)
    b.key("attention.value_length", U32, 24)
    b.key("attention.layer_norm_rms_epsilon", F32, 1e-5)
    b.key("rope.freq_base", F32, 1e6)
    normed_heads(b, 24, after=False)
    b.write(name)


def gemma_embedding(name, seed, dense):
    b = Builder("gemma-embedding", seed, MEAN, n_layer=7)
    b.key("attention.head_count_kv", U32, 1)
    b.key("attention.layer_norm_rms_epsilon", F32, 1e-5)
    b.key("attention.sliding_window", U32, 16)
    b.key("rope.freq_base", F32, 1e6)
    normed_heads(b, 16, after=True)
    if dense:
        b.key("dense_2_feat_in", U32, N_EMBD)
        b.key("dense_2_feat_out", U32, 80)
        b.key("dense_3_feat_in", U32, 80)
        b.key("dense_3_feat_out", U32, N_EMBD)
        b.matrix("dense_2", 80, N_EMBD)
        b.matrix("dense_3", N_EMBD, 80)
    b.write(name)


if __name__ == "__main__":
    bert("embed-bert", 21, CLS)
    bert("embed-bert-mean", 22, MEAN)
    nomic_bert("embed-nomic-bert", 23, MEAN)
    qwen3("embed-qwen3", 24)
    gemma_embedding("embed-gemma", 25, dense=False)
    gemma_embedding("embed-gemma-dense", 26, dense=True)
