"""Makes events.bin with TensorBoard's own protobufs and record writer: python make_events.py (tensorboard 2.x)."""

import io
import pathlib

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

STEPS = [
    (1, [("loss/train/head1", 2.5), ("loss/train/head2", 0.1), ("learningRate/train", 3e-4)]),
    (300, [("peakBytes/train", 5e9)]),
    (1 << 40, [("loss/validation/head1", float("inf")), ("loss/validation/head2", -0.0)]),
]


class Kept(io.BytesIO):
    def close(self):
        pass


out = Kept()
writer = RecordWriter(out)
for index, (step, scalars) in enumerate(STEPS):
    values = [summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in scalars]
    event = event_pb2.Event(
        wall_time=1_700_000_000.25 + index, step=step, summary=summary_pb2.Summary(value=values)
    )
    writer.write(event.SerializeToString(deterministic=True))
writer.flush()
pathlib.Path(__file__).with_name("events.bin").write_bytes(out.getvalue())
