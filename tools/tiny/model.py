"""The Phi-3 architecture in torch: fused q/k/v, fused gate/up, RMS norms, NeoX rope, no biases."""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    n_vocab: int = 2309
    n_ctx: int = 1024
    n_embd: int = 256
    n_head: int = 8
    n_layer: int = 5
    n_ff: int = 512
    eps: float = 1e-5
    rope_base: float = 10000.0


def rope_tables(config, length, dtype=torch.float32):
    """cos and sin [length][head/2]; angles in double, because they are few and exactness is free."""
    half = config.n_embd // config.n_head // 2
    freq = config.rope_base ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * freq
    return angle.cos().to(dtype), angle.sin().to(dtype)


def rotate(x, cos, sin):
    """x [batch][head][t][dim]: element i pairs with element i + dim/2."""
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Norm(nn.Module):
    def __init__(self, n, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.n_head = c.n_head
        self.attn_norm = Norm(c.n_embd, c.eps)
        self.attn_qkv = nn.Linear(c.n_embd, 3 * c.n_embd, bias=False)
        self.attn_output = nn.Linear(c.n_embd, c.n_embd, bias=False)
        self.ffn_norm = Norm(c.n_embd, c.eps)
        self.ffn_up = nn.Linear(c.n_embd, 2 * c.n_ff, bias=False)
        self.ffn_down = nn.Linear(c.n_ff, c.n_embd, bias=False)

    def forward(self, x, cos, sin, mask, picked=None):
        """picked: a mask [batch][t]; with it only those positions come out, as [picked][n_embd]."""
        b, t, n = x.shape
        q, k, v = (p.view(b, t, self.n_head, -1).transpose(1, 2)
                   for p in self.attn_qkv(self.attn_norm(x)).split(n, -1))
        q = rotate(q, cos, sin) * (n // self.n_head) ** -.5
        k = rotate(k, cos, sin)
        scores = torch.matmul(q, k.transpose(-1, -2)) + mask
        out = torch.matmul(scores.softmax(-1), v)
        out = out.transpose(1, 2).reshape(b, t, n)
        if picked is not None:
            x, out = x[picked], out[picked]
        x = x + self.attn_output(out)
        gate, up = self.ffn_up(self.ffn_norm(x)).chunk(2, -1)
        return x + self.ffn_down(F.silu(gate) * up)


class Phi3(nn.Module):
    def __init__(self, config):
        super().__init__()
        c = self.config = config
        self.token_embd = nn.Embedding(c.n_vocab, c.n_embd)
        self.blk = nn.ModuleList(Block(c) for _ in range(c.n_layer))
        self.output_norm = Norm(c.n_embd, c.eps)
        self.output = nn.Linear(c.n_embd, c.n_vocab, bias=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                scale = (2 * c.n_layer) ** -.5 if name.endswith(("attn_output.weight", "ffn_down.weight")) else 1
                nn.init.normal_(p, std=.02 * scale if "token_embd" in name or "output.weight" == name
                                else scale * p.shape[1] ** -.5)

    def hidden(self, ids, picked=None):
        """Normalised hidden states [batch][t][n_embd], or [picked][n_embd] where only those are wanted."""
        t = ids.shape[1]
        x = self.token_embd(ids)
        cos, sin = rope_tables(self.config, t, x.dtype)
        mask = torch.full((t, t), float("-inf"), dtype=x.dtype).triu(1)
        last = len(self.blk) - 1
        for i, block in enumerate(self.blk):
            x = block(x, cos, sin, mask, picked if i == last else None)
        return self.output_norm(x)

    def forward(self, ids):
        return self.output(self.hidden(ids))
