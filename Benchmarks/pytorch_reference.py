"""The same training step and the same greedy decoding in PyTorch, to measure Foretoken against.

The model is that of Recipes/demo.yaml's shape family: Llama blocks, linear heads, shared norm and unembedding; the step is
the paper's (sequential heads, one trunk backward) with fused AdamW and clipping. Prints one JSON object.

    python pytorch_reference.py train --width 128 --layers 4 --heads 4 --batch 2 --context 256 --steps 60
    python pytorch_reference.py decode --width 128 --layers 4 --tokens 200
"""

import argparse
import json
import time

import torch
import torch.nn.functional as F


class Block(torch.nn.Module):
    def __init__(self, width, attention_heads, inner):
        super().__init__()
        self.n = attention_heads
        self.norm1, self.norm2 = torch.nn.RMSNorm(width, eps=1e-5), torch.nn.RMSNorm(width, eps=1e-5)
        linear = lambda i, o: torch.nn.Linear(i, o, bias=False)
        self.q, self.k, self.v, self.o = (linear(width, width) for _ in range(4))
        self.gate, self.up, self.down = linear(width, inner), linear(width, inner), linear(inner, width)

    def forward(self, x, cos, sin, cache=None):
        b, t, d = x.shape
        h = self.norm1(x)
        split = lambda y: y.view(b, t, self.n, d // self.n).transpose(1, 2)
        q, k, v = split(self.q(h)), split(self.k(h)), split(self.v(h))
        turn = lambda y: y * cos + torch.cat((-y[..., y.shape[-1] // 2 :], y[..., : y.shape[-1] // 2]), -1) * sin
        q, k = turn(q), turn(k)
        if cache is not None:
            keys, values, start = cache
            keys[:, :, start : start + t], values[:, :, start : start + t] = k, v
            k, v = keys[:, :, : start + t], values[:, :, : start + t]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=t > 1)
        x = x + self.o(y.transpose(1, 2).reshape(b, t, d))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Model(torch.nn.Module):
    def __init__(self, a):
        super().__init__()
        self.embed = torch.nn.Embedding(a.vocabulary, a.width)
        self.blocks = torch.nn.ModuleList(Block(a.width, a.attention_heads, a.inner) for _ in range(a.layers))
        self.heads = torch.nn.ModuleList(torch.nn.Linear(a.width, a.width, bias=False) for _ in range(a.heads))
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


def train(a):
    model = Model(a)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    scales = [p for p in model.parameters() if p.dim() != 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": scales, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), fused=True)
    data = torch.randint(0, 256, (a.steps + 10, a.batch, a.context + a.heads))
    begin = 0.0
    for step, batch in enumerate(data):
        if step == 10:
            begin = time.perf_counter()
        z = model.trunk(batch[:, : a.context])
        d = z.detach().requires_grad_()
        for i, head in enumerate(model.heads):
            logits = model.unembed(model.norm(head(d)))
            F.cross_entropy(logits.flatten(0, 1), batch[:, i + 1 : i + 1 + a.context].flatten()).backward()
        z.backward(d.grad)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return a.steps * a.batch * a.context / (time.perf_counter() - begin)


@torch.inference_mode()
def decode(a):
    model = Model(a)
    shape = (1, a.attention_heads, a.context, a.width // a.attention_heads)
    caches = [(torch.zeros(shape), torch.zeros(shape)) for _ in model.blocks]
    tokens = torch.randint(0, 256, (1, 32))
    step = lambda x, start: model.unembed(model.norm(model.heads[0](model.trunk(x, start, caches)[:, -1]))).argmax(-1)
    last, count, begin = step(tokens, 0), 0, time.perf_counter()
    for position in range(32, min(a.context, 32 + a.tokens)):
        last, count = step(last.view(1, 1), position), count + 1
        last.item()
    return count / (time.perf_counter() - begin)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "decode"])
    for name, value in dict(
        vocabulary=258, width=128, layers=4, attention_heads=4, inner=352, heads=4, batch=2, context=256, steps=100, tokens=200, threads=2
    ).items():
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=value)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    speed = train(arguments) if arguments.what == "train" else decode(arguments)
    print(json.dumps({"what": arguments.what, "tokensPerSecond": speed, "torch": torch.__version__}))
