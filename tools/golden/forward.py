"""The forward pass of the `llama` and `phi3` architectures in numpy, as plainly as it can be written.

It reads a GGUF file and nothing else, works in float64 (float32 on request) and shares no code
with the trainer or with the engine, so that three independent hands must agree.
"""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tiny"))
import gguf  # noqa: E402


class Model:
    def __init__(self, path, dtype=np.float64, f16_cache=False):
        keys, tensors = gguf.read(path)
        self.keys, self.dtype, self.f16_cache = keys, dtype, f16_cache
        self.arch = keys["general.architecture"]
        self.t = {name: value.astype(dtype) for name, value in tensors.items()}
        self.n_embd = self.key("embedding_length")
        self.n_layer = self.key("block_count")
        self.n_head = self.key("attention.head_count")
        self.n_kv = self.key("attention.head_count_kv", self.n_head)
        self.n_ff = self.key("feed_forward_length")
        self.dim = self.n_embd // self.n_head
        self.n_rot = self.key("rope.dimension_count", self.dim)
        self.eps = self.key("attention.layer_norm_rms_epsilon")
        self.window = self.key("attention.sliding_window", 0)

    def key(self, name, default=None):
        value = self.keys.get(f"{self.arch}.{name}", default)
        assert value is not None, name
        return value

    def norm(self, x, weight):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps) * weight

    def rope(self, x):
        """x [t][heads][dim].  llama: pairs (2i, 2i+1); phi3: pairs (i, i + n_rot/2).  Elements
        beyond n_rot stay as they are."""
        half = self.n_rot // 2
        freq = float(self.key("rope.freq_base")) ** (-np.arange(half) / half)
        if "rope_freqs.weight" in self.t:
            freq = freq / self.t["rope_freqs.weight"]
        angle = np.arange(len(x))[:, None, None] * freq
        cos, sin = np.cos(angle).astype(self.dtype), np.sin(angle).astype(self.dtype)
        first = slice(0, self.n_rot, 2) if self.arch == "llama" else slice(0, half)
        second = slice(1, self.n_rot, 2) if self.arch == "llama" else slice(half, self.n_rot)
        out = x.copy()
        out[..., first] = x[..., first] * cos - x[..., second] * sin
        out[..., second] = x[..., second] * cos + x[..., first] * sin
        return out

    def qkv(self, x, p):
        n_q, n_kv = self.n_head * self.dim, self.n_kv * self.dim
        if self.arch == "phi3":
            q, k, v = np.split(x @ self.t[p + "attn_qkv.weight"].T, [n_q, n_q + n_kv], -1)
        else:
            q, k, v = (x @ self.t[p + f"attn_{c}.weight"].T for c in "qkv")
        return (a.reshape(len(x), -1, self.dim) for a in (q, k, v))

    def attention(self, x, p):
        q, k, v = self.qkv(x, p)
        q, k = self.rope(q), self.rope(k)
        if self.f16_cache:
            k, v = (a.astype(np.float16).astype(self.dtype) for a in (k, v))
        t = len(x)
        i, j = np.arange(t)[:, None], np.arange(t)
        seen = (j <= i) & ((j > i - self.window) if self.window else True)  # keys in (i - window, i]
        out = np.empty_like(q)
        for head in range(self.n_head):
            kv = head // (self.n_head // self.n_kv)
            scores = q[:, head] @ k[:, kv].T / np.sqrt(self.dim).astype(self.dtype)
            scores = np.where(seen, scores, -np.inf)
            weight = np.exp(scores - scores.max(-1, keepdims=True))
            out[:, head] = weight / weight.sum(-1, keepdims=True) @ v[:, kv]
        return out.reshape(t, -1) @ self.t[p + "attn_output.weight"].T

    def feed_forward(self, x, p):
        if self.arch == "phi3":
            gate, up = np.split(x @ self.t[p + "ffn_up.weight"].T, 2, -1)
        else:
            gate, up = x @ self.t[p + "ffn_gate.weight"].T, x @ self.t[p + "ffn_up.weight"].T
        return gate / (1 + np.exp(-gate)) * up @ self.t[p + "ffn_down.weight"].T

    def logits(self, tokens):
        """[tokens] -> [tokens][vocab]"""
        x = self.t["token_embd.weight"][np.array(tokens)]
        for layer in range(self.n_layer):
            p = f"blk.{layer}."
            x = x + self.attention(self.norm(x, self.t[p + "attn_norm.weight"]), p)
            x = x + self.feed_forward(self.norm(x, self.t[p + "ffn_norm.weight"]), p)
        x = self.norm(x, self.t["output_norm.weight"])
        return x @ self.t.get("output.weight", self.t["token_embd.weight"]).T


def mean_nll(logits, tokens):
    """Mean of -log p(next token) over the prompt."""
    logits = np.asarray(logits, np.float64)[:-1]
    top = logits.max(-1, keepdims=True)
    total = np.log(np.exp(logits - top).sum(-1)) + top[:, 0]
    return float((total - logits[np.arange(len(logits)), tokens[1:]]).mean())
