"""How one record is laid out, and which others are laid out like it: the fast way to read many.

Records of one writer differ in their numbers and lengths, seldom in anything else. The layout of
one of them is a list of steps (these bytes, then a length, then what it spans), which is followed
in all records at once. What deviates is not judged here, but left to the exact reader.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from container_toolkit.content_types.protobuf_wire import BYTES, WireError, encoded, varint
from container_toolkit.content_types.record_message import (
    FEATURES,
    FLOAT32,
    FLOAT64,
    INT32,
    KEYS,
    LABEL,
    SHAPE,
    VALUES,
)
from container_toolkit.content_types.record_rules import NAME, WEIGHT
from container_toolkit.content_types.recordio_frames import SLACK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    # The first byte and the length of a span in each record.
    Spans: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]

OPEN, LEAF, CLOSE = "open", "leaf", "close"
# What a leaf holds: the map, the name in it, the field of the tensor.
SLOTS = {
    (FEATURES, NAME, VALUES): "values",
    (FEATURES, NAME, KEYS): "keys",
    (FEATURES, NAME, SHAPE): "shape",
    (LABEL, NAME, VALUES): "label",
    (LABEL, WEIGHT, VALUES): "weight",
}
LENGTH_BYTES = 4  # of a length, at most, that the fast way reads


class Unusual(Exception):
    """This record is laid out as no writer we know does it."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """Bytes that must be there, then, but after CLOSE, a length; a LEAF spans what `slot` holds."""

    kind: str
    literal: bytes = b""
    slot: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """`kinds`: the tensor kind of each slot. `spans`: where each lies in the sample's payload.

    `entries`: the map and name of each entry; one that comes twice would replace the first.
    """

    steps: list[Step] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    entries: set[tuple[int, str]] = field(default_factory=set)
    sample: bytes


def layout_of(payload: bytes) -> Layout | None:
    """The layout of a record, if it is a usual one. The record must be known to be right."""
    layout = Layout(sample=payload)
    try:
        at = 0
        while at < len(payload):
            tag = payload[at]
            if tag not in (FEATURES << 3 | BYTES, LABEL << 3 | BYTES):
                return None
            at = add_entry(layout, at, tag >> 3)
    except (Unusual, WireError, IndexError):
        return None
    return layout


def add_entry(layout: Layout, at: int, of_map: int) -> int:
    """A map's entry that begins at `at`: its name, its value, and in that one tensor."""
    ends = [opened(layout, at, encoded(of_map << 3 | BYTES))]
    at = ends[0][0]
    for name in (NAME, WEIGHT):
        literal = b"\x0a" + encoded(len(name)) + name.encode() + b"\x12"
        if layout.sample.startswith(literal, at):
            break
    ends.append(opened(layout, at, literal))
    kind = layout.sample[ends[-1][0]] >> 3
    if kind not in (FLOAT32, FLOAT64, INT32) or (of_map, name) in layout.entries:
        raise Unusual
    layout.entries.add((of_map, name))
    ends.append(opened(layout, ends[-1][0], encoded(kind << 3 | BYTES)))
    at, end = ends[-1]
    while at < end:
        tag = layout.sample[at : at + 1]
        slot = SLOTS.get((of_map, name, tag[0] >> 3))
        if slot is None or slot in layout.kinds:
            raise Unusual
        start, at = spanned(layout, at, tag)
        layout.steps.append(Step(kind=LEAF, literal=tag, slot=slot))
        layout.kinds[slot] = kind
        layout.spans[slot] = (start, at - start)
    if any(at != end for _, end in ends):
        raise Unusual
    layout.steps.extend([Step(kind=CLOSE)] * len(ends))
    return at


def opened(layout: Layout, at: int, literal: bytes) -> tuple[int, int]:
    layout.steps.append(Step(kind=OPEN, literal=literal))
    return spanned(layout, at, literal)


def spanned(layout: Layout, at: int, literal: bytes) -> tuple[int, int]:
    """Where the content begins and ends that follows `literal` and a length."""
    if not layout.sample.startswith(literal, at) or literal[-1] & 7 != BYTES:
        raise Unusual
    size, start = varint(layout.sample, at + len(literal))
    if start + size > len(layout.sample):
        raise Unusual
    return start, start + size


def located(
    layout: Layout, data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], dict[str, Spans]]:
    """Which records are laid out so, and where each slot of these lies in `data`.

    `data` has SLACK bytes behind the last record.
    """
    if "keys" not in layout.kinds and (lengths == len(layout.sample)).all():
        alike = framed_alike(layout, data, starts)
        if alike.all():
            return alike, {
                slot: (starts + start, np.full(len(starts), size, np.int64))
                for slot, (start, size) in layout.spans.items()
            }
    alike, spans = followed(layout.steps, data, starts, lengths)
    if not alike.all():
        spans = {slot: (at[alike], size[alike]) for slot, (at, size) in spans.items()}
    return alike, spans


def framed_alike(
    layout: Layout, data: NDArray[np.uint8], starts: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Records as long as the sample that differ from it in the content of slots only."""
    alike = np.ones(len(starts), np.bool_)
    at = 0
    for start, size in [*sorted(layout.spans.values()), (len(layout.sample), 0)]:
        expected = np.frombuffer(layout.sample[at:start], np.uint8)
        clear_unless(alike, rows_at(data, starts + at, start - at) == expected)
        at = start + size
    return alike


def followed(
    steps: list[Step],
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], dict[str, Spans]]:
    """Follow the steps in all records at once; spans of records that deviate mean nothing."""
    alike = np.ones(len(starts), np.bool_)
    spans: dict[str, Spans] = {}
    last = len(data) - SLACK
    at, ends = starts, [starts + lengths]
    for step in steps:
        if step.kind == CLOSE:
            alike &= at == ends.pop()
            continue
        at = np.minimum(at, last)
        expected = np.frombuffer(step.literal, np.uint8)
        clear_unless(alike, rows_at(data, at, len(expected)) == expected)
        size, at = lengths_at(data, at + len(expected), alike)
        alike &= at + size <= ends[-1]
        if step.kind == OPEN:
            ends.append(at + size)
        else:
            spans[step.slot] = at, size
            at = at + size
    alike &= at == ends.pop()
    return alike, spans


def clear_unless(alike: NDArray[np.bool_], equal: NDArray[np.bool_]) -> None:
    """Clear the records whose row in `equal` is not all true; most often all of it is."""
    if not equal.all():
        alike &= equal.all(axis=1)


def lengths_at(
    data: NDArray[np.uint8], at: NDArray[np.int64], alike: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The varints at `at`, and where they end; clears `alike` where one is too long."""
    byte = data[at]
    size = (byte & 0x7F).astype(np.int64)
    longer = np.flatnonzero(byte > 0x7F)
    if not len(longer):
        return size, at + 1
    after = at + 1
    for position in range(1, LENGTH_BYTES):
        byte = data[at[longer] + position]
        size[longer] |= (byte & 0x7F).astype(np.int64) << 7 * position
        after[longer] += 1
        longer = longer[byte > 0x7F]
        if not len(longer):
            break
    alike[longer] = False
    return size, after


def rows_at(data: NDArray[np.uint8], at: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    """`size` bytes from each place, (places, size): a view where the places are evenly spaced."""
    stride = int(at[1] - at[0]) if len(at) > 1 else size
    if stride > 0 and int(at[-1] - at[0]) == stride * (len(at) - 1):
        evenly = np.arange(len(at), dtype=np.int64) * stride + at[0]
        if (evenly == at).all():
            return as_strided(data[int(at[0]) :], (len(at), size), (stride, 1), writeable=False)
    if not size:
        return np.empty((len(at), 0), np.uint8)
    windows = as_strided(data, (len(data) - size + 1, size), (1, 1), writeable=False)
    taken: NDArray[np.uint8] = windows[at]
    return taken
