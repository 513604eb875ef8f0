"""The training step of pytorch_reference.py's model, as its users would write it: fused AdamW and clipping included.

    python pytorch_train.py --vocabulary 32000 --width 384 --layers 8 --heads 4 --batch 8 --steps 5 --variant sequential

Variants: `sequential` is the paper's (heads one after another on a detached z, one trunk backward), `joint` adds up all
heads' losses and runs backward once, `compile` is torch.compile of the joint loss (needs a C++ compiler), `chunked` is
sequential with PyTorch's own chunked linear_cross_entropy. Run it also with
GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=4294967296, which keeps glibc from
returning large tensors to the system after every operation.

Prints one JSON object. Speed is the median step's. Bytes are exact: the sum over the allocation events of one more step
under torch.profiler; transient is the peak beyond weights, gradients and the optimizer's two means, as in
`foretoken bench train`.
"""

import json
import statistics
import time

import torch
import torch.nn.functional as F

from pytorch_reference import Model, parse, parser


def cross_entropy(model, h, target):
    return F.cross_entropy(model.unembed(model.norm(h)).flatten(0, 1), target.flatten())


def chunked_cross_entropy(model, h, target):
    options = torch.nn.LinearCrossEntropyOptions()
    return F.linear_cross_entropy(model.norm(h).flatten(0, 1), model.unembed.weight, target.flatten(), options=options)


def heads(model, batch, context):
    return ((head, batch[:, i + 1 : i + 1 + context]) for i, head in enumerate(model.heads))


def sequential(loss):
    def backward(model, batch, context):
        z = model.trunk(batch[:, :context])
        d = z.detach().requires_grad_()
        for head, target in heads(model, batch, context):
            loss(model, model.head(head, d), target).backward()
        z.backward(d.grad)

    return backward


def joint_loss(model, batch, context):
    z = model.trunk(batch[:, :context])
    return sum(cross_entropy(model, model.head(head, z), target) for head, target in heads(model, batch, context))


def joint(loss):
    return lambda model, batch, context: loss(model, batch, context).backward()


variants = {
    "sequential": lambda: sequential(cross_entropy),
    "chunked": lambda: sequential(chunked_cross_entropy),
    "joint": lambda: joint(joint_loss),
    "compile": lambda: joint(torch.compile(joint_loss)),
}


def peak_bytes(step):
    """The most bytes of tensors that a step has beyond those at its start."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak


def main(a):
    model = Model(a)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    scales = [p for p in model.parameters() if p.dim() != 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": scales, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.95), fused=True)
    backward = variants[a.variant]()

    def step():
        backward(model, torch.randint(0, a.vocabulary, (a.batch, a.context + a.heads)), a.context)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    for _ in range(a.warm_up):
        step()
    times = []
    for _ in range(a.steps):
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    # Weights and means were there before the step, gradients were not.
    peak = 3 * weights + peak_bytes(step) if a.memory else 0
    return {
        "variant": a.variant,
        "tokensPerSecond": a.batch * a.context / statistics.median_low(times) if times else 0,
        "peakTensorBytes": peak if a.memory else None,
        "transientBytes": peak - 4 * weights if a.memory else None,
        "torch": torch.__version__,
    }


if __name__ == "__main__":
    options = parser(__doc__, steps=10, warm_up=2, memory=1)
    options.add_argument("--variant", choices=list(variants), default="sequential")
    print(json.dumps(main(parse(options))))
