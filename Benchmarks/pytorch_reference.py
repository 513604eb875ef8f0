"""The same model and greedy decoding in PyTorch, as a baseline for Foretoken; pytorch_train.py trains it.

Llama blocks, heads that are blocks or linear maps, shared norm and unembedding. Prints one JSON object.

    python pytorch_reference.py --width 128 --layers 4 --tokens 200

--pass-tokens instead measures forward passes over the given numbers of tokens after --filled cached ones: the median
milliseconds until the greedy tokens of all positions are on the host, as for verification; --cuda-graph also measures the same
passes replayed from CUDA graphs. Weights, activations and caches are in --precision; running out of memory is reported as a
result.

    python pytorch_reference.py --device cuda --precision bf16 --head-kind parallel --inner 0 --heads 1 --filled 512 \\
        --pass-tokens 1,4 --cuda-graph
"""

import argparse
import json
import statistics
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

    def forward(self, x, cos, sin, cache=None, mask=None):
        b, t, d = x.shape
        h = self.norm1(x)
        split = lambda y: y.view(b, t, -1, self.head).transpose(1, 2)
        q, k, v = split(self.q(h)), split(self.k(h)), split(self.v(h))
        rope = lambda y: y * cos + torch.cat((-y[..., y.shape[-1] // 2 :], y[..., : y.shape[-1] // 2]), -1) * sin
        q, k = rope(q), rope(k)
        if cache is not None:
            keys, values, start = cache
            keys[:, :, start : start + t], values[:, :, start : start + t] = k, v
            k, v = keys[:, :, : start + t], values[:, :, : start + t]
        causal = t > 1 and mask is None
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=k.shape[1] != self.n)
        x = x + self.o(y.transpose(1, 2).reshape(b, t, d))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Model(torch.nn.Module):
    def __init__(self, a):
        super().__init__()
        self.embed = torch.nn.Embedding(a.vocabulary, a.width)
        block = lambda: Block(a.width, a.attention_heads, a.inner, a.key_value_heads)
        linear = a.head_kind == "linear"
        # Block heads count as layers, as in the paper.
        self.blocks = torch.nn.ModuleList(block() for _ in range(a.layers if linear else a.layers - a.heads))
        self.heads = torch.nn.ModuleList(
            torch.nn.Linear(a.width, a.width, bias=False) if linear else block() for _ in range(a.heads)
        )
        self.norm = torch.nn.RMSNorm(a.width, eps=1e-5)
        self.unembed = torch.nn.Linear(a.width, a.vocabulary, bias=False)
        half = a.width // a.attention_heads // 2
        angle = torch.outer(torch.arange(a.context).float(), 10000 ** (-torch.arange(half) / half))
        self.register_buffer("cos", torch.cat((angle, angle), 1).cos(), persistent=False)
        self.register_buffer("sin", torch.cat((angle, angle), 1).sin(), persistent=False)

    def trunk(self, tokens, start=0, caches=None, mask=None):
        x, end = self.embed(tokens), start + tokens.shape[1]
        for i, block in enumerate(self.blocks):
            cache = None if caches is None else (*caches[i], start)
            x = block(x, self.cos[start:end], self.sin[start:end], cache, mask)
        return x

    def head(self, head, z):
        return head(z, self.cos[: z.shape[1]], self.sin[: z.shape[1]]) if isinstance(head, Block) else head(z)


def parser(doc, **defaults):
    """A parser with the options of shape and device and their defaults."""
    result = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--head-kind", choices=["parallel", "linear"], default="parallel")
    result.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    result.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    result.add_argument("--tf32", action="store_true", help="TensorFloat-32 in float32 matrix multiplications")
    shape = dict(vocabulary=258, width=128, layers=4, attention_heads=4, key_value_heads=0, inner=0, heads=4, batch=2, context=256, threads=2)
    for name, value in (shape | defaults).items():
        result.add_argument("--" + name.replace("_", "-"), type=int, default=value)
    return result


def parse(parser):
    """The parsed options; the SwiGLU width defaults to 8D/3, rounded up to a multiple of 256."""
    a = parser.parse_args()
    a.inner = a.inner or (8 * a.width // 3 + 255) // 256 * 256
    if a.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: PyTorch finds no CUDA device")
    if a.tf32:
        torch.set_float32_matmul_precision("high")
    torch.manual_seed(0)
    torch.set_num_threads(a.threads)
    return a


def device_name(a):
    return torch.cuda.get_device_name() if a.device == "cuda" else "cpu"


def print_result(a, measure, **labels):
    """Prints one JSON object: the result of `measure`, or that it ran out of memory."""
    try:
        result = measure(a)
    except Exception as error:
        # torch.compile and the CPU's allocator raise other types than torch.OutOfMemoryError.
        if not any(words in str(error) for words in ("out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "can't allocate memory")):
            raise
        result = {"heads": a.heads, "device": device_name(a), "precision": a.precision, "outOfMemory": True}
    print(json.dumps({**labels, **result, "torch": torch.__version__}))


def dtype(a):
    return torch.bfloat16 if a.precision == "bf16" else torch.float32


def decoder(a):
    """A decoding step with KV caches: returns the greedy token of the last position, or of all positions."""
    with torch.device(a.device):
        model = Model(a).to(dtype(a))
        shape = (a.batch, a.key_value_heads or a.attention_heads, a.context, a.width // a.attention_heads)
        caches = [(torch.zeros(shape, dtype=dtype(a)), torch.zeros(shape, dtype=dtype(a))) for _ in range(a.layers)]

    def step(x, start, mask=None, all_positions=False):
        end, head, kept = start + x.shape[1], model.heads[0], slice(0 if all_positions else -1, None)
        z = model.trunk(x, start, caches, mask)
        if isinstance(head, Block):
            h = head(z, model.cos[start:end], model.sin[start:end], (*caches[-1], start), mask)[:, kept]
        else:
            h = head(z[:, kept])
        return model.unembed(model.norm(h)).argmax(-1)

    return step


@torch.inference_mode()
def decode(a):
    """Tokens/s of next-token decoding."""
    step = decoder(a)
    tokens = torch.randint(0, min(256, a.vocabulary), (a.batch, a.filled), device=a.device)
    last, count = step(tokens, 0), 0
    last.tolist()
    begin = time.perf_counter()
    for position in range(a.filled, min(a.context, a.filled + a.tokens)):
        last, count = step(last, position), count + a.batch
        last.tolist()
    return {"tokensPerSecond": count / (time.perf_counter() - begin)}


@torch.inference_mode()
def passes(a):
    """Median milliseconds of multi-token passes, with kernel launches and with CUDA graphs."""
    widths = [int(width) for width in a.pass_tokens.split(",")]
    a.context = max(a.context, a.filled + max(widths))
    step = decoder(a)
    prompt = torch.randint(0, a.vocabulary, (a.batch, a.filled), device=a.device)
    step(prompt, 0)
    eager = [eager_pass(a, step, width) for width in widths]
    result = {
        "passWidths": widths,
        "milliseconds": median_milliseconds(a, eager),
        "filled": a.filled,
        "batch": a.batch,
        "device": device_name(a),
        "precision": a.precision,
    }
    if a.cuda_graph:
        try:
            if a.device == "cpu":
                raise RuntimeError("CUDA graphs need --device cuda")
            result["cudaGraphMilliseconds"] = median_milliseconds(a, [captured(run) for run in eager])
        except RuntimeError as error:
            result["cudaGraphSkipped"] = str(error).splitlines()[0]
    return result


def eager_pass(a, step, width):
    tokens = torch.randint(0, a.vocabulary, (a.batch, width), device=a.device)
    mask = None
    if width > 1:
        # A token attends to the cache and to its pass up to itself; is_causal would align the triangle to the upper left.
        mask = torch.full((width, a.filled + width), -torch.inf, dtype=dtype(a), device=a.device).triu(a.filled + 1)
    return lambda: step(tokens, a.filled, mask, all_positions=True)


def captured(run):
    """The same pass as a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        tokens = run()

    def replay():
        graph.replay()
        return tokens

    return replay


def median_milliseconds(a, runs):
    """The medians over about a.seconds and at least five repetitions, in alternation."""
    for run in runs:
        run().tolist()
    times, end = [[] for _ in runs], time.perf_counter() + a.seconds
    while len(times[0]) < 5 or time.perf_counter() < end:
        for run, samples in zip(runs, times):
            begin = time.perf_counter()
            run().tolist()
            samples.append(1000 * (time.perf_counter() - begin))
    return [statistics.median(samples) for samples in times]


if __name__ == "__main__":
    options = parser(__doc__, tokens=200, filled=32)
    options.add_argument("--pass-tokens", help="measure passes over these numbers of tokens, separated by commas")
    options.add_argument("--cuda-graph", action="store_true", help="replay the passes from CUDA graphs, too")
    options.add_argument("--seconds", type=float, default=5, help="about how long the passes of each kind are repeated")
    options.set_defaults(head_kind="linear", inner=352, batch=1)
    a = parse(options)
    print_result(a, passes if a.pass_tokens else decode, what="passes" if a.pass_tokens else "decode")
