"""The numbers of one field in many records, gathered from where they lie and decoded at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from container_toolkit.content_types.protobuf_wire import LONGEST_VARINT, varints_at
from container_toolkit.content_types.record_layout import rows_at
from container_toolkit.content_types.record_message import INT32, TYPES, int32

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from container_toolkit.content_types.record_layout import Spans

Number = TypeVar("Number", np.float32, np.uint64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ragged(Generic[Number]):
    """`counts[i]` numbers for record i, those of all records in `flat`.

    Where a record is `bad`, its bytes are no such numbers, and what is given for it means nothing.
    """

    flat: NDArray[Number]
    counts: NDArray[np.int64]
    bad: NDArray[np.bool_]

    def only(self, kept: NDArray[np.bool_]) -> Ragged[Number]:
        """The records that are kept."""
        if kept.all():
            return self
        flat = self.flat[np.repeat(kept, self.counts)]
        return Ragged(flat=flat, counts=self.counts[kept], bad=self.bad[kept])

    def records_with(self, wrong: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The records that have one of the numbers which are wrong."""
        found = np.zeros(len(self.counts), np.bool_)
        at = np.flatnonzero(wrong)
        if len(at):
            found[np.searchsorted(np.cumsum(self.counts), at, side="right")] = True
        return found


def no_numbers(records: int) -> Ragged[np.float32]:
    return Ragged(
        flat=np.empty(0, np.float32),
        counts=np.zeros(records, np.int64),
        bad=np.zeros(records, np.bool_),
    )


def floats(data: NDArray[np.uint8], spans: Spans, kind: int) -> Ragged[np.float32]:
    """Packed values of a tensor of that kind; what float32 can't hold becomes infinite."""
    if kind == INT32:
        whole = integers(data, spans)
        values = int32(whole.flat).astype(np.float32)
        return Ragged(flat=values, counts=whole.counts, bad=whole.bad)
    at, sizes = spans
    one = np.dtype(TYPES[kind]).itemsize
    counts = sizes // one
    with np.errstate(over="ignore", invalid="ignore"):
        values = gathered(data, at, counts * one).view(TYPES[kind]).astype(np.float32, copy=False)
    return Ragged(flat=values, counts=counts, bad=counts * one != sizes)


def integers(data: NDArray[np.uint8], spans: Spans) -> Ragged[np.uint64]:
    """Packed varints, modulo 2**64."""
    at, sizes = spans
    flat = gathered(data, at, sizes)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    ends = np.flatnonzero(flat < 0x80)
    cut = (sizes > 0) & (flat[np.maximum(bounds[1:] - 1, 0)] > 0x7F) if len(flat) else sizes < 0
    if cut.any():  # a varint that a span cuts off would run into the next record's
        rest = integers(data, (at, np.where(cut, 0, sizes)))
        return Ragged(flat=rest.flat, counts=rest.counts, bad=rest.bad | cut)
    counts = np.diff(np.searchsorted(ends, bounds))
    starts = np.concatenate([[0], ends + 1])[: len(ends)]
    lengths = ends + 1 - starts
    values = varints_at(flat, starts, np.minimum(lengths, LONGEST_VARINT))
    found = Ragged(flat=values, counts=counts, bad=cut)
    return Ragged(flat=values, counts=counts, bad=found.records_with(lengths > LONGEST_VARINT))


def gathered(
    data: NDArray[np.uint8], at: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """The bytes of all spans, one behind the other; a copy."""
    if len(sizes) and (sizes == sizes[0]).all():
        return np.array(rows_at(data, at, int(sizes[0])), order="C").reshape(-1)
    view = data.data
    spans = zip(at.tolist(), (at + sizes).tolist(), strict=True)
    return np.frombuffer(b"".join([view[start:end] for start, end in spans]), np.uint8)
