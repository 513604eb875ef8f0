"""The same model and the same greedy decoding in PyTorch, to measure Foretoken against; pytorch_train.py trains it.

Llama blocks, heads that are blocks or linear maps, shared norm and unembedding. Prints one JSON object.

    python pytorch_reference.py --width 128 --layers 4 --tokens 200
"""

import argparse
import json
import time

import torch
import torch.nn.functional as F


class Block(torch.nn.Module):
    def __init__(self, width, attention_heads, inner, key_value_heads):
        super().__init__()
        self.n, self.head = attention_heads, width // attention_heads
        kv = (key_value_heads or attention_heads) * self.head
        self.norm1, self.norm2 = torch.nn.RMSNorm(width, eps=1e-5), torch.nn.RMSNorm(width, eps=1e-5)
        linear = lambda i, o: torch.nn.Linear(i, o, bias=False)
        self.q, self.k, self.v, self.o = linear(width, width), linear(width, kv), linear(width, kv), linear(width, width)
        self.gate, self.up, self.down = linear(width, inner), linear(width, inner), linear(inner, width)

    def forward(self, x, cos, sin, cache=None):
        b, t, d = x.shape
        h = self.norm1(x)
        split = lambda y: y.view(b, t, -1, self.head).transpose(1, 2)
        q, k, v = split(self.q(h)), split(self.k(h)), split(self.v(h))
        turn = lambda y: y * cos + torch.cat((-y[..., y.shape[-1] // 2 :], y[..., : y.shape[-1] // 2]), -1) * sin
        q, k = turn(q), turn(k)
        if cache is not None:
            keys, values, start = cache
            keys[:, :, start : start + t], values[:, :, start : start + t] = k, v
            k, v = keys[:, :, : start + t], values[:, :, : start + t]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=t > 1, enable_gqa=k.shape[1] != self.n)
        x = x + self.o(y.transpose(1, 2).reshape(b, t, d))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Model(torch.nn.Module):
    def __init__(self, a):
        super().__init__()
        self.embed = torch.nn.Embedding(a.vocabulary, a.width)
        block = lambda: Block(a.width, a.attention_heads, a.inner, a.key_value_heads)
        linear = a.head_kind == "linear"
        # Block heads are among the layers, as in the paper.
        self.blocks = torch.nn.ModuleList(block() for _ in range(a.layers if linear else a.layers - a.heads))
        self.heads = torch.nn.ModuleList(
            torch.nn.Linear(a.width, a.width, bias=False) if linear else block() for _ in range(a.heads)
        )
        self.norm = torch.nn.RMSNorm(a.width, eps=1e-5)
        self.unembed = torch.nn.Linear(a.width, a.vocabulary, bias=False)
        half = a.width // a.attention_heads // 2
        angle = torch.outer(torch.arange(a.context).float(), 10000 ** (-torch.arange(half) / half))
        self.cos, self.sin = torch.cat((angle, angle), 1).cos(), torch.cat((angle, angle), 1).sin()

    def trunk(self, tokens, start=0, caches=None):
        x, end = self.embed(tokens), start + tokens.shape[1]
        for i, block in enumerate(self.blocks):
            cache = None if caches is None else (*caches[i], start)
            x = block(x, self.cos[start:end], self.sin[start:end], cache)
        return x

    def head(self, head, z):
        return head(z, self.cos[: z.shape[1]], self.sin[: z.shape[1]]) if isinstance(head, Block) else head(z)


def parser(doc, **defaults):
    """Options of the shape, and those given."""
    result = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--head-kind", choices=["parallel", "linear"], default="parallel")
    shape = dict(vocabulary=258, width=128, layers=4, attention_heads=4, key_value_heads=0, inner=0, heads=4, batch=2, context=256, threads=2)
    for name, value in (shape | defaults).items():
        result.add_argument("--" + name.replace("_", "-"), type=int, default=value)
    return result


def parse(parser):
    """The options; SwiGLU's inner width is 8D/3 rounded up to 256 unless given."""
    a = parser.parse_args()
    a.inner = a.inner or (8 * a.width // 3 + 255) // 256 * 256
    torch.manual_seed(0)
    torch.set_num_threads(a.threads)
    return a


@torch.inference_mode()
def decode(a):
    model = Model(a)
    shape = (1, a.key_value_heads or a.attention_heads, a.context, a.width // a.attention_heads)
    caches = [(torch.zeros(shape), torch.zeros(shape)) for _ in range(a.layers)]
    tokens = torch.randint(0, 256, (1, a.filled))

    def step(x, start):
        end, head = start + x.shape[1], model.heads[0]
        z = model.trunk(x, start, caches)
        h = head(z, model.cos[start:end], model.sin[start:end], (*caches[-1], start)) if isinstance(head, Block) else head(z[:, -1:])
        return model.unembed(model.norm(h[:, -1])).argmax(-1)

    last, count, begin = step(tokens, 0), 0, time.perf_counter()
    for position in range(a.filled, min(a.context, a.filled + a.tokens)):
        last, count = step(last.view(1, 1), position), count + 1
        last.item()
    return count / (time.perf_counter() - begin)


if __name__ == "__main__":
    options = parser(__doc__, tokens=200, filled=32)
    options.set_defaults(head_kind="linear", inner=352)
    speed = decode(parse(options))
    print(json.dumps({"what": "decode", "tokensPerSecond": speed, "torch": torch.__version__}))
