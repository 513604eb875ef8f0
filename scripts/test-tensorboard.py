"""Checks a run's event file against its metrics.jsonl with TensorBoard's own reader: python test-tensorboard.py RUN.

Opt-in: needs the tensorboard package (2.x), which Foretoken does not.
"""

import json
import math
import pathlib
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = pathlib.Path(sys.argv[1])
files = sorted(run.glob("events.out.tfevents.*"))
assert len(files) == 1, f"{run}: one event file expected, found {len(files)}"
events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()

expected = {}
for line in (run / "metrics.jsonl").read_text().splitlines():
    record = json.loads(line)
    for name, value in record.items():
        if name in ("kind", "step") or isinstance(value, str) and value not in ("nan", "inf", "-inf"):
            continue
        tag = f"{name}/{record['kind']}"
        scalars = {f"{tag}/head{i}": v for i, v in enumerate(value, 1)} if isinstance(value, list) else {tag: value}
        for key, scalar in scalars.items():
            expected.setdefault(key, []).append((record["step"], struct.unpack("f", struct.pack("f", float(scalar)))[0]))

assert set(expected) == set(events.Tags()["scalars"]), set(expected) ^ set(events.Tags()["scalars"])
for tag, points in expected.items():
    found = [(event.step, event.value) for event in events.Scalars(tag)]
    same = len(found) == len(points) and all(
        a[0] == b[0] and (a[1] == b[1] or math.isnan(a[1]) and math.isnan(b[1])) for a, b in zip(found, points)
    )
    assert same, f"{tag}: TensorBoard reads {len(found)} points that are not the {len(points)} of metrics.jsonl"
    times = [event.wall_time for event in events.Scalars(tag)]
    assert times == sorted(times), f"{tag}: wall times run backwards"
print(f"{run}: {len(expected)} tags, {sum(map(len, expected.values()))} points as in metrics.jsonl")
