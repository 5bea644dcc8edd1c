"""application/x-recordio-protobuf: RecordIO frames around `aialgs.data.Record` messages.

A record is dense (`values` alone) or sparse (`keys`, `values` and the mandatory `shape`), in the
features' map entry "values"; its label is the label's entry "values", and its weight, where the job
reads weights, the label's entry "weights". All records of a file are of one kind and as wide; one
without features is a sparse row that is empty. An entry of any other name is refused, as it would
be lost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.content_types.batch import Csr
from container_toolkit.content_types.codec import Codec
from container_toolkit.content_types.record_columns import batch_of, part_of, single
from container_toolkit.content_types.record_dense import write_dense
from container_toolkit.content_types.record_layout import layout_of, located
from container_toolkit.content_types.record_numbers import check_labels
from container_toolkit.content_types.record_rules import Rules
from container_toolkit.content_types.record_sparse import write_sparse
from container_toolkit.content_types.recordio_frames import records
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from container_toolkit.content_types.batch import Batch
    from container_toolkit.content_types.codec import Reading
    from container_toolkit.content_types.record_columns import Part
    from container_toolkit.content_types.recordio_frames import Records

LAYOUTS = 8  # that are tried on some MiB of records; writers have one or two


def read(stream: BinaryIO, name: str, reading: Reading) -> Iterator[Batch]:
    """Batches of float32 features, dense or Csr. Raises DataError naming file and record."""
    rules = Rules(name, reading)
    for some in records(stream, name):
        yield batch_of(parts(some, rules), rules)


def write(stream: BinaryIO, batches: Iterable[Batch]) -> None:
    """The bytes that Protocol Buffers' own deterministic serialization gives, in frames of kind 0.

    Features, labels and weights are Float32Tensors; the shape of a sparse row is [columns]. Raises
    DataError for what the format has no place for, and for what `read` would refuse.
    """
    first = ""
    done = 0
    for batch in batches:
        if not batch.rows:
            continue
        first = first or form(batch)
        if form(batch) != first:
            raise DataError(
                f"a batch of {form(batch)} follows one of {first}; in one file of RecordIO-protobuf"
                " all must be alike."
            )
        check_labels(batch, done)
        if isinstance(batch.features, Csr):
            write_sparse(stream, batch.features, batch, done)
        else:
            write_dense(stream, batch.features, batch, done)
        done += batch.rows


def form(batch: Batch) -> str:
    """What the batches of one file have in common. Raises DataError for what has no place."""
    if batch.groups is not None:
        raise DataError("RecordIO-protobuf has no query ids; write groups as another content type.")
    kind = "sparse" if isinstance(batch.features, Csr) else "dense"
    labels = 0 if batch.labels is None else math.prod(batch.labels.shape[1:])
    weights = "no weights" if batch.weights is None else "weights"
    return f"{kind} rows with {batch.columns} columns, {labels} label values and {weights}"


def parts(some: Records, rules: Rules) -> list[Part]:
    """The rows of some records, layout by layout, and those of no usual layout one by one."""
    found: list[Part] = []
    exact: list[int] = []
    rest = np.arange(len(some.starts), dtype=np.int64)
    for _ in range(LAYOUTS):
        if not len(rest):
            break
        at = int(rest[0])
        payload = payload_of(some, at)
        sample = rules.row(payload, some.first + at)
        layout = layout_of(payload)
        if layout is None:
            found.append(single(sample, at))
            rest = rest[1:]
            continue
        alike, spans = located(layout, some.data, some.starts[rest], some.lengths[rest])
        part, doubtful = part_of(layout, sample, some.data, spans, rest[alike])
        found.append(part)
        exact.extend(doubtful.tolist())
        rest = rest[~alike]
    for at in sorted([*exact, *rest.tolist()]):
        found.append(single(rules.row(payload_of(some, at), some.first + at), at))
    return found


def payload_of(some: Records, at: int) -> bytes:
    start = int(some.starts[at])
    return some.data[start : start + int(some.lengths[at])].tobytes()


CODEC = Codec(media_type="application/x-recordio-protobuf", read=read, write=write)
