"""What models for embeddings do otherwise, and the way from a text's tokens to its one vector."""
import numpy as np

from forward import Model, gelu

ENCODERS = {"bert", "nomic-bert", "gemma-embedding"}
BERTS = {"bert", "nomic-bert"}
AFTER = {"post_attention_norm.weight": "attn_output_norm", "post_ffw_norm.weight": "layer_output_norm"}
MEAN, CLS, LAST = 1, 2, 3


class Embedder(Model):
    def layer_norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps)
        return x * self.t[name + ".weight"] + self.t[name + ".bias"]

    def embed(self, tokens):
        x = super().embed(tokens)
        if self.arch not in BERTS:
            return x
        x = x + self.t["token_types.weight"][0]
        if self.arch == "bert":
            x = x + self.t["position_embd.weight"][:len(x)]
        return self.layer_norm(x, "token_embd_norm")

    def rope(self, x, layer):
        return x if self.arch == "bert" else super().rope(x, layer)

    def seen(self, i, j, layer):
        if self.arch not in ENCODERS:
            return super().seen(i, j, layer)
        return abs(i - j) <= self.window // 2 if self.is_local(layer) else (i >= 0) & (j >= 0)

    def before(self, x, name):
        return x if self.arch in BERTS else super().before(x, name)

    def add(self, x, block, name):
        if self.arch not in BERTS:
            return super().add(x, block, name)
        layer, what = name.rsplit(".", 2)[0], ".".join(name.rsplit(".", 2)[1:])
        return self.layer_norm(x + block, f"{layer}.{AFTER[what]}")

    def feed_forward(self, x, p):
        if self.arch == "bert":
            return self.linear(gelu(self.linear(x, p + "ffn_up")), p + "ffn_down")
        return super().feed_forward(x, p)

    def embedding(self, tokens):
        """[tokens] -> [length], of length 1"""
        x = self.hidden(tokens)
        if self.arch not in BERTS:
            x = self.norm(x, self.t["output_norm.weight"])
        pooling = self.key("pooling_type")
        x = {MEAN: x.mean(0), CLS: x[0], LAST: x[-1]}[pooling]
        for name in ("dense_2.weight", "dense_3.weight"):
            if name in self.t:
                x = self.t[name] @ x
        return x / np.sqrt((x * x).sum())
