"""RecordIO-protobuf, ours beside Protocol Buffers' own Python: 20,000 records with a label each.

    python benchmarks/recordio.py [--repeat N]

Needs numpy and protobuf. The peer's way is that of the SDKs: a message per record, its numbers
given to the repeated fields as a list, and read back as numpy arrays. Both write into and read from
memory, the two in turns; the peer does a part of the records, and ours does all several times
over, so that each run takes long enough to be timed. The figures held against targets are by the
clock, so another load on the machine lowers them; beside them stand those by the processor's time,
which it hardly does, and those of a single pass by the clock, after the peer has had the caches.
Bytes are compared, and what is read, before anything is timed.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _side_by_side import medians, verdict

sys.path.insert(0, str(Path(__file__).parents[1]))

from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.codec import Reading
from container_toolkit.content_types.recordio_protobuf import CODEC
from tests.content_types.recordio_schema import Record, frame, serialized

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 20_000


@dataclass(frozen=True)
class Case:
    """`part`: rows that the peer does; `times`: that ours does all of them.

    `targets`: of writing and reading, in MB/s where dense, in thousands of records/s else.
    """

    name: str
    batch: Batch
    part: int
    times: int
    targets: tuple[float, float]


def cases() -> list[Case]:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, ROWS).astype(np.float32)

    def dense(columns: int) -> Batch:
        features = random.standard_normal((ROWS, columns), np.float32)
        return Batch(features=features, labels=labels)

    def sparse(counts: Any) -> Batch:
        keys = [np.sort(random.choice(5000, count, replace=False)) for count in counts]
        features = Csr(
            indptr=np.concatenate([[0], np.cumsum(counts)]),
            indices=np.concatenate(keys).astype(np.int32),
            values=random.standard_normal(int(np.sum(counts)), np.float32),
            columns=5000,
        )
        return Batch(features=features, labels=labels)

    return [
        Case("dense, 30 columns", dense(30), 4000, 20, (1500, 1500)),
        Case("dense, 784 columns", dense(784), 500, 1, (1500, 1500)),
        Case("sparse, 50 of 5,000", sparse(np.full(ROWS, 50)), 2000, 3, (200, 300)),
        Case("sparse, 0 to 99", sparse(random.integers(0, 100, ROWS)), 2000, 3, (200, 300)),
    ]


def peer_write(batch: Batch, rows: int) -> bytes:
    out = io.BytesIO()
    assert batch.labels is not None
    for row in range(rows):
        record = Record()
        tensor = record.features["values"].float32_tensor
        if isinstance(batch.features, Csr):
            span = slice(batch.features.indptr[row], batch.features.indptr[row + 1])
            tensor.values.extend(batch.features.values[span].tolist())
            tensor.keys.extend(batch.features.indices[span].tolist())
            tensor.shape.append(batch.features.columns)
        else:
            tensor.values.extend(batch.features[row].tolist())
        record.label["values"].float32_tensor.values.append(float(batch.labels[row]))
        out.write(frame(serialized(record)))
    return out.getvalue()


def peer_read(data: bytes) -> list[Any]:
    at, rows = 0, []
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        record = Record.FromString(data[at + 8 : at + 8 + size])
        tensor = record.features["values"].float32_tensor
        keys = np.array(tensor.keys, np.int64) if tensor.keys else None
        label = record.label["values"].float32_tensor.values[0]
        rows.append((np.array(tensor.values, np.float32), keys, label))
        at += 8 + size + -size % 4
    return rows


def our_write(batch: Batch) -> bytes:
    out = io.BytesIO()
    CODEC.write(out, [batch])
    return out.getvalue()


def our_read(data: bytes) -> list[Batch]:
    return list(CODEC.read(io.BytesIO(data), "memory", Reading()))


def check(case: Case, data: bytes, part: bytes) -> None:
    """The same bytes, and back the same numbers."""
    if data[: len(part)] != part:
        raise SystemExit(f"{case.name}: the bytes are not those of Protocol Buffers")
    read = our_read(data)
    features = case.batch.features
    if isinstance(features, Csr):
        pairs = [(features.values, [each.features.values for each in read]),
                 (features.indices, [each.features.indices for each in read])]  # fmt: skip
    else:
        pairs = [(features, [each.features for each in read])]
    pairs.append((case.batch.labels, [each.labels for each in read]))
    if not all(np.array_equal(given, np.concatenate(back)) for given, back in pairs):
        raise SystemExit(f"{case.name}: what is read is not what was written")


def timed(
    clock: Callable[[], float], times: int, call: Callable[..., object], *given: object
) -> Callable[[], float]:
    def run() -> float:
        started = clock()
        for _ in range(times):
            call(*given)
        return (clock() - started) / times

    return run


def measure(case: Case, repetitions: int) -> None:
    data, part = our_write(case.batch), peer_write(case.batch, case.part)
    check(case, data, part)
    wall, processor = time.perf_counter, time.process_time
    runs = {}
    for what, ours, peers in (
        ("write", (our_write, case.batch), (peer_write, case.batch, case.part)),
        ("read", (our_read, data), (peer_read, part)),
    ):
        runs[f"peer {what}"] = timed(wall, 1, *peers)
        runs[f"{what} once"] = timed(wall, 1, *ours)
        runs[f"peer {what} processor"] = timed(processor, 1, *peers)
        runs[f"{what} processor"] = timed(processor, case.times, *ours)
        runs[what] = timed(wall, case.times, *ours)
    taken = medians(runs, repetitions)
    is_sparse = isinstance(case.batch.features, Csr)
    unit = "k/s" if is_sparse else "MB/s"
    amount = ROWS / 1e3 if is_sparse else len(data) / 1e6
    print(f"{case.name}: {len(data) / 1e6:.1f} MB")
    for what, target in zip(("write", "read"), case.targets, strict=True):
        for suffix in ("", " processor"):
            ours, peer = taken[what + suffix], taken[f"peer {what}{suffix}"] * ROWS / case.part
            print(
                f"  {what + suffix:<16}ours {amount / ours:8.0f} {unit:<5} protobuf"
                f" {amount / peer:6.1f} {unit:<5} x {peer / ours:.0f}"
            )
        print(f"  {what + ' once':<16}ours {amount / taken[what + ' once']:8.0f} {unit}")
        verdict(f"{case.name}, {what}", amount / taken[what], unit, target, at_least=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=7, help="runs of each; the median counts")
    repetitions = parser.parse_args().repeat
    print(
        f"{ROWS} records with a label each, median of {repetitions} (k/s: 1,000 records a second);"
        f" load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    )
    for case in cases():
        measure(case, repetitions)


if __name__ == "__main__":
    main()
