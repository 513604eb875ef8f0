"""Bytes per step and expected efficiency of data-parallel training from an analytic model: the tables of the documentation's
page on scaling. Simulates the stages of a training step (trunk forward, each head forward and backward, trunk backward); each
gradient is sent when it is final, and weights are broadcast after the optimizer.

    python3 Benchmarks/scaling_table.py

>>> round(parameters("13B") / 1e9, 1)
13.0
>>> exposed(ready=[1, 2], seconds=[5, 1])   # the second waits for the first's link
5
>>> exposed(ready=[1, 2], seconds=[0.5, 0])
0
"""

# The paper's sizes (table S13): D, blocks; context 4096, vocabulary 32,000, SwiGLU 8D/3 up to a multiple of 256.
SIZES = {"0.3B": (1024, 18), "0.6B": (1280, 27), "1.3B": (2048, 24), "3B": (2560, 36), "6.7B": (4096, 32), "13B": (5120, 40)}
VOCABULARY = 32_000
CONTEXT = 4096
FLOPS = 40e12  # of float32 on an H100: 60 % of its 67e12
LINKS = {"NVLink": 360e9, "400 Gb/s": 45e9}  # bytes a second in each direction, 80 and 90 % of what the link is sold as
# Tokens of a rank in a step: what the memory leaves at 13B, more below.
TOKENS = {"0.3B": 8, "0.6B": 8, "1.3B": 4, "3B": 4, "6.7B": 2, "13B": 1}


def block(size):
    width = SIZES[size][0]
    inner = -(-8 * width // 3 // 256) * 256
    return 4 * width * width + 3 * width * inner + 2 * width


def table(size):
    return VOCABULARY * SIZES[size][0]


def parameters(size):
    return SIZES[size][1] * block(size) + 2 * table(size) + SIZES[size][0]


def exposed(ready, seconds):
    """The time for which the link is busy after the last gradient is final."""
    free = 0
    for start, length in zip(ready, seconds):
        free = max(free, start) + length
    return max(0, free - ready[-1])


def efficiency(size, heads, ranks, link):
    tokens = TOKENS[size] * CONTEXT
    attention = CONTEXT * SIZES[size][0]  # causal: half of the scores, forward
    one_block = 2 * tokens * (block(size) + attention) / FLOPS
    one_table = 2 * tokens * table(size) / FLOPS
    trunk = SIZES[size][1] - heads
    share = (ranks - 1) / ranks
    now = trunk * one_block
    ready, sizes = [], []
    for _ in range(heads):
        now += 3 * (one_block + one_table)
        ready.append(now)
        sizes.append(block(size))
    ready.append(now)
    sizes.append(table(size))
    for _ in range(trunk):
        now += 2 * one_block
        ready.append(now)
        sizes.append(block(size))
    ready.append(now)
    sizes.append(table(size))
    late = exposed(ready, [4 * s * share / LINKS[link] for s in sizes])
    weights = 4 * parameters(size) * share / LINKS[link]
    return now, late + weights, now / (now + late + weights)


def main():
    print("| size | parameters | sent by each of 8 ranks a step | " + " | ".join(LINKS) + " | compute, n = 4 |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        count = parameters(size)
        sent = 8 * count * 7 / 8
        times = " | ".join(f"{sent / rate * 1000:.0f} ms" for rate in LINKS.values())
        compute = efficiency(size, 4, 8, "NVLink")[0]
        print(f"| {size} | {count / 1e9:.2f}e9 | {sent / 1e9:.1f} GB | {times} | {compute:.1f} s |")
    for link in LINKS:
        print(f"\n{link}, 8 ranks\n\n| size | tokens of a rank | n = 1 | n = 2 | n = 4 | n = 8 |\n|---|---|---|---|---|---|")
        for size in SIZES:
            cells = " | ".join(f"{100 * efficiency(size, heads, 8, link)[2]:.1f} %" for heads in (1, 2, 4, 8))
            print(f"| {size} | {TOKENS[size] * CONTEXT:,} | {cells} |")


if __name__ == "__main__":
    main()
