"""Meta's released multi-token format in plain PyTorch, independent of Foretoken: `forward` from a folder's two files.

The forward pass follows the released model's card and code: embedding, all `layers` but the last, then each of
[layers[-1]] + extra_heads on the trunk's output, stacked before the shared norm and output; rotary embedding turns neighbouring
numbers as complex pairs (llama/model.py of facebook/multi-token-prediction and of Llama 2).
"""
import json
import pathlib

import torch
import torch.nn.functional as F


class RMSNorm(torch.nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.eps = eps
        self.weight = torch.nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rotate(x, freqs_cis):
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * freqs_cis[None, :, None, :]).flatten(3).type_as(x)


class Attention(torch.nn.Module):
    def __init__(self, p):
        super().__init__()
        self.n_heads, self.n_kv_heads = p["n_heads"], p["n_kv_heads"] or p["n_heads"]
        self.head_dim = p["dim"] // p["n_heads"]
        self.wq = torch.nn.Linear(p["dim"], self.n_heads * self.head_dim, bias=False)
        self.wk = torch.nn.Linear(p["dim"], self.n_kv_heads * self.head_dim, bias=False)
        self.wv = torch.nn.Linear(p["dim"], self.n_kv_heads * self.head_dim, bias=False)
        self.wo = torch.nn.Linear(self.n_heads * self.head_dim, p["dim"], bias=False)

    def forward(self, x, freqs_cis):
        b, t, _ = x.shape
        q = rotate(self.wq(x).view(b, t, self.n_heads, self.head_dim), freqs_cis)
        k = rotate(self.wk(x).view(b, t, self.n_kv_heads, self.head_dim), freqs_cis)
        v = self.wv(x).view(b, t, self.n_kv_heads, self.head_dim)
        k, v = (y.repeat_interleave(self.n_heads // self.n_kv_heads, dim=2) for y in (k, v))
        q, k, v = (y.transpose(1, 2) for y in (q, k, v))
        scores = q @ k.transpose(2, 3) / self.head_dim**0.5
        scores = scores + torch.full((t, t), float("-inf")).triu(1)
        return self.wo((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, -1))


class FeedForward(torch.nn.Module):
    def __init__(self, p):
        super().__init__()
        hidden = int(2 * (4 * p["dim"]) / 3)
        if p.get("ffn_dim_multiplier") is not None:
            hidden = int(p["ffn_dim_multiplier"] * hidden)
        hidden = p["multiple_of"] * ((hidden + p["multiple_of"] - 1) // p["multiple_of"])
        self.w1 = torch.nn.Linear(p["dim"], hidden, bias=False)
        self.w2 = torch.nn.Linear(hidden, p["dim"], bias=False)
        self.w3 = torch.nn.Linear(p["dim"], hidden, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(torch.nn.Module):
    def __init__(self, p):
        super().__init__()
        self.attention, self.feed_forward = Attention(p), FeedForward(p)
        self.attention_norm, self.ffn_norm = RMSNorm(p["dim"], p["norm_eps"]), RMSNorm(p["dim"], p["norm_eps"])

    def forward(self, x, freqs_cis):
        h = x + self.attention(self.attention_norm(x), freqs_cis)
        return h + self.feed_forward(self.ffn_norm(h))


class Transformer(torch.nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p
        self.tok_embeddings = torch.nn.Embedding(p["vocab_size"], p["dim"])
        self.layers = torch.nn.ModuleList(Block(p) for _ in range(p["n_layers"] - p["n_future_tokens"] + 1))
        self.extra_heads = torch.nn.ModuleList(Block(p) for _ in range(p["n_future_tokens"] - 1))
        self.norm = RMSNorm(p["dim"], p["norm_eps"])
        self.output = torch.nn.Linear(p["dim"], p["vocab_size"], bias=False)

    @torch.no_grad()
    def forward(self, tokens):
        """Logits (batch, seq, n_future_tokens, vocab)."""
        head_dim = self.p["dim"] // self.p["n_heads"]
        freqs = 1.0 / (self.p["rope_theta"] ** (torch.arange(0, head_dim, 2).float() / head_dim))
        freqs_cis = torch.polar(*torch.broadcast_tensors(torch.tensor(1.0), torch.outer(torch.arange(tokens.shape[1]), freqs)))
        h = self.tok_embeddings(tokens)
        for layer in self.layers[:-1]:
            h = layer(h, freqs_cis)
        latents = [layer(h, freqs_cis) for layer in [self.layers[-1], *self.extra_heads]]
        return self.output(self.norm(torch.stack(latents, dim=-2)))


def load(folder):
    """The model of a folder, in float32, from torch's safe loader."""
    folder = pathlib.Path(folder)
    model = Transformer(json.loads((folder / "params.json").read_text()))
    weights = torch.load(folder / "consolidated.pth", weights_only=True)
    model.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=True)
    return model
