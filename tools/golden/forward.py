"""The forward pass in numpy, as plainly as it can be written.

It reads a GGUF file and nothing else, works in float64 (float32 on request) and shares no code
with the trainer or with the engine, so that three independent hands must agree.
"""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tiny"))
import gguf  # noqa: E402


FUSED = {"phi3"}
ADJACENT_PAIRS = {"llama", "granite"}  # (2i, 2i+1) are rotated; elsewhere (i, i + n_rot/2)
POST_NORM = {"gemma2", "gemma3", "gemma-embedding", "olmo2"}
GEMMA = {"gemma2", "gemma3", "gemma-embedding"}
GLOBAL_EACH = {"gemma2": 2, "gemma3": 6, "gemma-embedding": 6, "gpt-oss": 2}  # the last of so many layers sees everything


def gelu(x):
    return .5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + .044715 * x ** 3)))


def silu(x):
    return x / (1 + np.exp(-x))


def clamped_swiglu(gate, up):
    gate, up = np.minimum(gate, 7), np.clip(up, -7, 7)
    return gate / (1 + np.exp(-1.702 * gate)) * (up + 1)


def softmax(x):
    p = np.exp(x - x.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


def soft_cap(x, cap):
    return cap * np.tanh(x / cap) if cap else x


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
        self.dim = self.key("attention.key_length", self.n_embd // self.n_head)
        self.n_rot = self.key("rope.dimension_count", self.dim)
        self.eps = self.key("attention.layer_norm_rms_epsilon", self.keys.get(self.arch + ".attention.layer_norm_epsilon"))
        self.window = self.key("attention.sliding_window", 0)

    def key(self, name, default=None):
        value = self.keys.get(f"{self.arch}.{name}", default)
        assert value is not None, name
        return value

    def linear(self, x, name):
        return x @ self.t[name + ".weight"].T + self.t.get(name + ".bias", 0)

    def norm(self, x, weight):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps) * weight

    def is_local(self, layer):
        each = GLOBAL_EACH.get(self.arch)
        return self.window > 0 and (each is None or layer % each != each - 1)

    def frequencies(self, layer):
        """Radians a position of each pair, and what cosines and sines are multiplied by."""
        half = self.n_rot // 2
        local = self.arch in ("gemma3", "gemma-embedding") and self.is_local(layer)
        base = 10000.0 if local else float(self.key("rope.freq_base"))
        freq = base ** (-np.arange(half) / half)
        context = self.key("context_length")
        original = self.key("rope.scaling.original_context_length", context)
        scaling = "none" if local else self.key("rope.scaling.type", "none")
        if "rope_freqs.weight" in self.t:
            freq = freq / self.t["rope_freqs.weight"]
        if scaling == "linear":
            freq = freq / self.key("rope.scaling.factor")
        if scaling == "yarn":
            return self.yarn(freq, base, original)
        if "rope_factors_long.weight" in self.t:  # as for a session of the whole context
            freq = freq / self.t["rope_factors_long.weight" if context > original else "rope_factors_short.weight"]
            return freq, self.key("rope.scaling.attn_factor", np.sqrt(1 + np.log(context / original) / np.log(original)))
        return freq, 1.0

    def yarn(self, freq, base, original):
        """As Hugging Face's _compute_yarn_parameters has it."""
        def correction_dim(turns):
            return self.n_rot * np.log(original / (turns * 2 * np.pi)) / (2 * np.log(base))
        factor = self.key("rope.scaling.factor")
        low = max(np.floor(correction_dim(self.key("rope.scaling.yarn_beta_fast", 32))), 0)
        high = min(np.ceil(correction_dim(self.key("rope.scaling.yarn_beta_slow", 1))), self.n_rot - 1)
        interpolated = np.clip((np.arange(self.n_rot // 2) - low) / max(high - low, .001), 0, 1)
        freq = freq / factor * interpolated + freq * (1 - interpolated)
        return freq, (.1 * np.log(factor) + 1) * self.key("rope.scaling.attn_factor", 1.0)

    def rope(self, x, layer):
        """x [t][heads][dim].  Elements beyond n_rot stay as they are."""
        half = self.n_rot // 2
        freq, length = self.frequencies(layer)
        angle = np.arange(len(x))[:, None, None] * freq
        cos, sin = ((f(angle) * length).astype(self.dtype) for f in (np.cos, np.sin))
        adjacent = self.arch in ADJACENT_PAIRS
        first = slice(0, self.n_rot, 2) if adjacent else slice(0, half)
        second = slice(1, self.n_rot, 2) if adjacent else slice(half, self.n_rot)
        out = x.copy()
        out[..., first] = x[..., first] * cos - x[..., second] * sin
        out[..., second] = x[..., second] * cos + x[..., first] * sin
        return out

    def qkv(self, x, p):
        n_q, n_kv = self.n_head * self.dim, self.n_kv * self.dim
        if p + "attn_qkv.weight" in self.t:
            q, k, v = np.split(self.linear(x, p + "attn_qkv"), [n_q, n_q + n_kv], -1)
        else:
            q, k, v = (self.linear(x, p + f"attn_{c}") for c in "qkv")
        if self.arch == "olmo2":  # all heads together
            q, k = self.norm(q, self.t[p + "attn_q_norm.weight"]), self.norm(k, self.t[p + "attn_k_norm.weight"])
        q, k, v = (a.reshape(len(x), -1, self.dim) for a in (q, k, v))
        if self.arch in ("qwen3", "qwen3moe", "gemma3", "gemma-embedding"):
            q, k = self.norm(q, self.t[p + "attn_q_norm.weight"]), self.norm(k, self.t[p + "attn_k_norm.weight"])
        return q, k, v

    def seen(self, i, j, layer):
        """Does position i see j?"""
        return (j <= i) & ((j > i - self.window) if self.is_local(layer) else True)  # keys in (i - window, i]

    def attention(self, x, layer):
        p = f"blk.{layer}."
        q, k, v = self.qkv(x, p)
        q, k = self.rope(q, layer), self.rope(k, layer)
        if self.f16_cache:
            k, v = (a.astype(np.float16).astype(self.dtype) for a in (k, v))
        t = len(x)
        seen = self.seen(np.arange(t)[:, None], np.arange(t), layer)
        scale = self.key("attention.scale", 1 / np.sqrt(self.dim))
        cap = self.key("attn_logit_softcapping", 0)
        out = np.empty_like(q)
        for head in range(self.n_head):
            kv = head // (self.n_head // self.n_kv)
            scores = soft_cap(q[:, head] @ k[:, kv].T * self.dtype(scale), cap)
            scores = np.where(seen, scores, -np.inf)
            if p + "attn_sinks.weight" in self.t:  # one score more, which has no value
                scores = np.append(scores, np.full((t, 1), self.t[p + "attn_sinks.weight"][head]), -1)
            out[:, head] = softmax(scores)[:, :t] @ v[:, kv]
        return self.linear(out.reshape(t, -1), p + "attn_output")

    def expert(self, x, p, index):
        gate, up, down = (p + f"ffn_{what}_exps" for what in ("gate", "up", "down"))

        def product(x, name):
            return self.t[name + ".weight"][index] @ x + (self.t[name + ".bias"][index] if name + ".bias" in self.t else 0)
        if self.arch == "gpt-oss":
            return product(clamped_swiglu(product(x, gate), product(x, up)), down)
        return product(silu(product(x, gate)) * product(x, up), down)

    def experts(self, x, p):
        out = np.zeros_like(x)
        for token, scores in enumerate(self.linear(x, p + "ffn_gate_inp")):
            best = np.argsort(-scores, kind="stable")[:self.key("expert_used_count")]
            if self.arch == "gpt-oss":
                weights = softmax(scores[best])
            else:
                weights = softmax(scores)[best]
                weights = weights / weights.sum()
            for index, weight in zip(best, weights):
                out[token] += weight * self.expert(x[token], p, index)
        return out

    def feed_forward(self, x, p):
        if p + "ffn_gate_inp.weight" in self.t:
            return self.experts(x, p)
        if self.arch in FUSED:
            gate, up = np.split(self.linear(x, p + "ffn_up"), 2, -1)
        else:
            gate, up = self.linear(x, p + "ffn_gate"), self.linear(x, p + "ffn_up")
        return self.linear((gelu if self.arch in GEMMA else silu)(gate) * up, p + "ffn_down")

    def embed(self, tokens):
        x = self.t["token_embd.weight"][np.array(tokens)] * self.key("embedding_scale", 1)
        return x * np.sqrt(self.dtype(self.n_embd)) if self.arch in GEMMA else x

    def hidden(self, tokens):
        """[tokens] -> [tokens][n_embd], before the last norm"""
        x = self.embed(tokens)
        for layer in range(self.n_layer):
            p = f"blk.{layer}."
            before_ffn = "post_attention_norm" if self.arch == "gpt-oss" else "ffn_norm"
            x = self.add(x, self.attention(self.before(x, p + "attn_norm.weight"), layer), p + "post_attention_norm.weight")
            x = self.add(x, self.feed_forward(self.before(x, p + f"{before_ffn}.weight"), p), p + "post_ffw_norm.weight")
        return x

    def logits(self, tokens):
        """[tokens] -> [tokens][vocab]"""
        x = self.norm(self.hidden(tokens), self.t["output_norm.weight"])
        logits = x @ self.t.get("output.weight", self.t["token_embd.weight"]).T / self.key("logit_scale", 1)
        return soft_cap(logits, self.key("final_logit_softcapping", 0))

    def before(self, x, name):
        return x if self.arch == "olmo2" else self.norm(x, self.t[name])

    def add(self, x, block, name):
        if self.arch in POST_NORM:
            block = self.norm(block, self.t[name])
        return x + block * self.key("residual_scale", 1)


def mean_nll(logits, tokens):
    """Mean of -log p(next token) over the prompt."""
    logits = np.asarray(logits, np.float64)[:-1]
    top = logits.max(-1, keepdims=True)
    total = np.log(np.exp(logits - top).sum(-1)) + top[:, 0]
    return float((total - logits[np.arange(len(logits)), tokens[1:]]).mean())
