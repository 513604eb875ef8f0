"""The training step of pytorch_reference.py's model in idiomatic PyTorch, with fused AdamW and gradient clipping.

    python pytorch_train.py --vocabulary 32000 --width 384 --layers 8 --heads 4 --batch 8 --steps 5 --variant sequential

Variants: `sequential` is the paper's (heads one by one on a detached trunk output, one trunk backward), `joint` sums the losses of
all heads and runs backward once, `compile` is torch.compile of the joint loss (needs a C++ compiler), `regional` is sequential
with torch.compile of every block and of the loss, which compiles each kind of block once, `chunked` is sequential with PyTorch's
chunked linear_cross_entropy, or with checkpointed chunks in versions without it (2.11). On a CPU, also run it with
GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=4294967296, which keeps glibc from returning
large tensors to the system after every operation.

bf16 is autocast with float32 weights, gradients and optimizer state; float32 matrix multiplications use TensorFloat-32 only
with --tf32.

    python pytorch_train.py --device cuda --precision bf16 --vocabulary 32000 --width 1024 --layers 24 --attention-heads 16 \\
        --batch 1 --context 4096 --variant regional --budget-seconds 40

Prints one JSON object. The speed is that of the median step. Byte counts are exact: on a CPU from the allocation events of a
further step under torch.profiler, on a GPU that step's peak in PyTorch's allocator; the transient memory is the peak minus
weights, gradients and the optimizer's two moments, as in `foretoken bench train`. `mfu` is model FLOPs utilisation relative to
the GPU's bfloat16 peak, for bf16 on a GPU listed here. Running out of memory prints "outOfMemory": true.
"""

import json
import statistics
import time

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from pytorch_reference import Model, device_name, parse, parser, print_result

# Peak FLOP/s of dense bfloat16 GEMM from NVIDIA's data sheets; the first name contained in the device's name applies.
BFLOAT16_PEAKS = {"H200 NVL": 835.5e12, "H200": 989.5e12, "H100 80GB HBM3": 989.5e12, "A100": 312e12}


def cross_entropy(model, h, target):
    # Under autocast a linear head's output is bfloat16, but PyTorch's fused norm needs the type of its weight, float32.
    return F.cross_entropy(model.unembed(model.norm(h.float())).flatten(0, 1), target.flatten())


def chunked_cross_entropy(model, h, target):
    h, weight, target = model.norm(h.float()).flatten(0, 1), model.unembed.weight, target.flatten()
    if not hasattr(F, "linear_cross_entropy"):
        loss = lambda rows, target: F.cross_entropy(model.unembed(rows), target, reduction="sum")
        options = dict(use_reentrant=False, preserve_rng_state=False)
        chunks = zip(h.chunk(8), target.chunk(8))
        return sum(checkpoint(loss, *chunk, **options) for chunk in chunks) / target.numel()
    if torch.is_autocast_enabled(h.device.type):  # Autocast does not cover linear_cross_entropy.
        h, weight = h.to(torch.bfloat16), weight.to(torch.bfloat16)
    return F.linear_cross_entropy(h, weight, target, options=torch.nn.LinearCrossEntropyOptions())


def heads(model, batch, context):
    return ((head, batch[:, i + 1 : i + 1 + context]) for i, head in enumerate(model.heads))


def sequential(loss):
    def backward(model, batch, context, autocast):
        with autocast():
            z = model.trunk(batch[:, :context])
        d = z.detach().requires_grad_()
        for head, target in heads(model, batch, context):
            with autocast():
                head_loss = loss(model, model.head(head, d), target)
            head_loss.backward()
        z.backward(d.grad)

    return backward


def joint_loss(model, batch, context):
    z = model.trunk(batch[:, :context])
    return sum(cross_entropy(model, model.head(head, z), target) for head, target in heads(model, batch, context))


def joint(loss):
    def backward(model, batch, context, autocast):
        with autocast():
            total = loss(model, batch, context)
        total.backward()

    return backward


def regional(model):
    for block in [*model.blocks, *model.heads]:
        block.compile()
    return sequential(torch.compile(cross_entropy))


variants = {
    "sequential": lambda model: sequential(cross_entropy),
    "chunked": lambda model: sequential(chunked_cross_entropy),
    "joint": lambda model: joint(joint_loss),
    "compile": lambda model: joint(torch.compile(joint_loss)),
    "regional": regional,
}


def peak_bytes(step, device, weights):
    """The peak bytes of tensors during a step."""
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        step()
        torch.cuda.synchronize()
        # Requested bytes, without rounding to blocks, as counted by `foretoken bench`.
        return torch.cuda.memory_stats()["requested_bytes.all.peak"]
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    # Weights and the two moments were allocated before the step, gradients were not.
    return 3 * weights + peak


def step_seconds(step, device, count, end):
    """Seconds of each of `count` steps; of fewer, but at least one, if `end` is reached earlier."""
    seconds, begin = [], time.perf_counter()
    if device == "cpu":
        while len(seconds) < count and not (seconds and begin > end):
            step()
            seconds.append(time.perf_counter() - begin)
            begin = time.perf_counter()
        return seconds

    def mark():
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    marks = [mark()]
    while len(marks) <= count and not (len(marks) > 1 and time.perf_counter() > end):
        step()
        marks.append(mark())
        marks[-2].synchronize()  # Enqueues at most one step ahead of the GPU, so that the time limit is checked.
    torch.cuda.synchronize()
    return [a.elapsed_time(b) / 1000 for a, b in zip(marks, marks[1:])]


def training_flops_per_token(model, a):
    """As ModelConfiguration.trainingFlopsPerToken: the unembedding once per head, causal attention as half of T²."""
    matrices = sum(p.numel() for p in model.parameters() if p.dim() == 2) - model.embed.weight.numel()
    return 6 * (matrices + (a.heads - 1) * a.vocabulary * a.width) + 6 * a.layers * a.width * a.context


def utilisation(flops_per_second, a):
    """Model FLOPs utilisation; None if the peak is not known."""
    if a.device != "cuda" or a.precision != "bf16" or "MIG" in device_name(a):
        return None
    return next((flops_per_second / peak for name, peak in BFLOAT16_PEAKS.items() if name in device_name(a)), None)


def main(a):
    end = time.perf_counter() + a.budget_seconds
    with torch.device(a.device):
        model = Model(a)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    scales = [p for p in model.parameters() if p.dim() != 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": scales, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.95), fused=True)
    backward = variants[a.variant](model)
    autocast = lambda: torch.autocast(a.device, torch.bfloat16, enabled=a.precision == "bf16")

    def step():
        batch = torch.randint(0, a.vocabulary, (a.batch, a.context + a.heads), device=a.device)
        backward(model, batch, a.context, autocast)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    for index in range(a.warm_up):
        if index and time.perf_counter() > end:
            break
        step()
        if a.device == "cuda":
            torch.cuda.synchronize()
    times = step_seconds(step, a.device, a.steps, end)
    seconds = statistics.median_low(times) if times else None
    speed = a.batch * a.context / seconds if times else 0
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    peak = peak_bytes(step, a.device, weights) if a.memory else None
    return {
        "tokensPerSecond": speed,
        "peakTensorBytes": peak,
        "transientBytes": peak - 4 * weights if a.memory else None,
        "heads": a.heads,
        "device": device_name(a),
        "precision": a.precision,
        "seconds": seconds,
        "mfu": utilisation(speed * training_flops_per_token(model, a), a) if times else None,
    }


if __name__ == "__main__":
    options = parser(__doc__, steps=10, warm_up=2, memory=1)
    options.add_argument("--variant", choices=list(variants), default="sequential")
    options.add_argument("--budget-seconds", type=float, default=float("inf"), help="when to stop after at least one timed step")
    a = parse(options)
    print_result(a, main, variant=a.variant)
