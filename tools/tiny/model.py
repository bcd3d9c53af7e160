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
    n_layer: int = 4
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
        start_copying(self)

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


@torch.no_grad()
def start_copying(model):
    """Initial weights with which attending to a token already means saying it.

    A summary is mostly copied, and from random weights a model this small spends most of its training
    on discovering how to copy.  So it starts out knowing: values pass through unchanged, attention
    writes them into a rotated space (ROLL) which the output matrix reads, three heads of the first layer
    look one, two and three tokens back, and two heads of the second find where the present words
    occurred before.  What to attend to is left to training, as is everything else.
    """
    c = model.config
    n, dim = c.n_embd, c.n_embd // c.n_head
    half, roll = dim // 2, c.n_embd // 2
    e = torch.randn(c.n_vocab, n)
    e[:, 0] = 4  # the same for every token: what a head that looks at positions can hold on to
    model.token_embd.weight.copy_(e)
    model.output.weight.copy_(torch.roll(e, roll, 1) * .09)
    model.output.weight[:, roll] = 0
    identity = torch.eye(n)
    for block in model.blk:
        for linear, gain in ((block.attn_qkv, .7), (block.attn_output, .15), (block.ffn_up, 1), (block.ffn_down, .3)):
            nn.init.normal_(linear.weight, std=gain * linear.weight.shape[1] ** -.5)
        block.attn_qkv.weight[2 * n:] += identity
        block.attn_output.weight += 1.0 * torch.roll(identity, roll, 0)

    slow = torch.cat((torch.arange(half // 2, half), torch.arange(half // 2, half) + half))  # pairs that hardly turn
    first, second = model.blk[0], model.blk[1]
    q, k = first.attn_qkv.weight[:n], first.attn_qkv.weight[n:2 * n]
    for back in (1, 2, 3):
        head, pairs = back - 1, torch.arange(half // 4)
        rows = slice(head * dim, head * dim + dim)
        q[rows], k[rows] = 0, 0
        angle = back * c.rope_base ** (-pairs / half)  # turned by rope, this points at position - back
        k[head * dim + pairs, 0] = 1.6
        q[head * dim + pairs, 0] = 1.6 * angle.cos()
        q[head * dim + pairs + half, 0] = -1.6 * angle.sin()
        # the tokens found: their elements 32..63 (each head its own copy) go to 64.., 96.., 160..
        first.attn_qkv.weight[2 * n:][rows] = 0
        first.attn_qkv.weight[2 * n:][torch.arange(head * dim, head * dim + dim), torch.arange(32, 32 + dim)] = 1
        first.attn_output.weight[:, rows] = 0
        to = (64, 96, 160)[head]
        first.attn_output.weight[torch.arange(to, to + dim), torch.arange(head * dim, head * dim + dim)] = 2
    q, k = second.attn_qkv.weight[:n], second.attn_qkv.weight[n:2 * n]
    for head, spans in ((0, [(32, 64, 16)]), (1, [(32, 64, 8), (64, 96, 8)])):
        rows = slice(head * dim, head * dim + dim)
        q[rows], k[rows] = 0, 0
        at = 0
        for mine, theirs, count in spans:
            for i in range(count):
                q[head * dim + slow[at], mine + i] = 1.7
                k[head * dim + slow[at], theirs + i] = 1.7
                at += 1
