"""Records of one layout as rows, all at once; what is not plainly right is for the exact reader."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.record_layout import rows_at
from container_toolkit.content_types.record_ragged import Ragged, floats, integers, no_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Floats
    from container_toolkit.content_types.record_layout import Layout, Spans
    from container_toolkit.content_types.record_rules import Row, Rules


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Some rows of a batch: those at `rows`, with `counts` values each.

    `values` are those of all rows, one row after the other, as are the `keys` of sparse ones.
    `labels`: (rows, label size), `weights`: (rows, 0 or 1).
    """

    rows: NDArray[np.int64]
    counts: NDArray[np.int64]
    values: Floats
    keys: NDArray[np.int32] | None
    labels: Floats
    weights: Floats


def part_of(
    layout: Layout,
    sample: Row,
    data: NDArray[np.uint8],
    spans: Mapping[str, Spans],
    rows: NDArray[np.int64],
) -> tuple[Part, NDArray[np.int64]]:
    """The records at `spans` as rows, and those of `rows` that the exact reader must judge.

    `sample` is the record that the layout is of, found right and in accord with those before it:
    the others are held against it.
    """
    fields: dict[str, Ragged[Any]] = {
        slot: floats(data, spans[slot], layout.kinds[slot])
        if slot in spans
        else no_numbers(len(rows))
        for slot in ("values", "label", "weight")
    }
    if sample.keys is not None:
        fields["keys"] = integers(data, spans["keys"]) if "keys" in spans else no_numbers(len(rows))
    good = well_counted(fields, sample)
    if "shape" in spans:
        good &= same_shape(layout, data, spans["shape"])
    doubtful, rows = rows[~good], rows[good]
    fields = {slot: numbers.only(good) for slot, numbers in fields.items()}
    if sample.keys is not None:
        fields["keys"], fields["values"] = by_key(fields["keys"], fields["values"])
    good = ~wrong_numbers(fields, sample)
    fields = {slot: numbers.only(good) for slot, numbers in fields.items()}
    doubtful, rows = np.concatenate([doubtful, rows[~good]]), rows[good]
    part = Part(
        rows=rows,
        counts=fields["values"].counts,
        values=fields["values"].flat,
        keys=None if sample.keys is None else fields["keys"].flat.astype(np.int32),
        labels=fields["label"].flat.reshape(len(rows), len(sample.label)),
        weights=fields["weight"].flat.reshape(len(rows), len(sample.weight)),
    )
    return part, doubtful


def well_counted(fields: Mapping[str, Ragged[Any]], sample: Row) -> NDArray[np.bool_]:
    """The records with as many of each number as a record like the sample has."""
    values = fields["values"].counts
    good: NDArray[np.bool_] = ~np.logical_or.reduce([each.bad for each in fields.values()])
    good &= fields["label"].counts == len(sample.label)
    good &= fields["weight"].counts == len(sample.weight)
    good &= values == (len(sample.values) if sample.keys is None else fields["keys"].counts)
    return good


def same_shape(layout: Layout, data: NDArray[np.uint8], spans: Spans) -> NDArray[np.bool_]:
    """The records whose shape is the sample's, byte by byte."""
    start, size = layout.spans["shape"]
    expected = np.frombuffer(layout.sample[start : start + size], np.uint8)
    at, sizes = spans
    good: NDArray[np.bool_] = sizes == size
    good &= (rows_at(data, np.where(good, at, 0), size) == expected).all(axis=1)
    return good


def by_key(
    keys: Ragged[np.uint64], values: Ragged[np.float32]
) -> tuple[Ragged[np.uint64], Ragged[np.float32]]:
    """Both with ascending keys in each record, as they nearly always are."""
    if not (keys.flat[1:] <= keys.flat[:-1])[~row_starts(keys.counts)[1:]].any():
        return keys, values
    row = np.repeat(np.arange(len(keys.counts)), keys.counts)
    order = np.lexsort((keys.flat, row))
    return (
        replace(keys, flat=keys.flat[order]),
        replace(values, flat=values.flat[order]),
    )


def wrong_numbers(fields: Mapping[str, Ragged[Any]], sample: Row) -> NDArray[np.bool_]:
    """The records with a number that may not be there; their keys ascend, or are equal."""
    values, label, weight = fields["values"], fields["label"], fields["weight"]
    wrong = label.records_with(~np.isfinite(label.flat))
    wrong |= weight.records_with(~((weight.flat >= 0) & np.isfinite(weight.flat)))
    finite = np.isfinite(values.flat)
    if not finite.all():
        allowed = np.isnan(values.flat) if sample.keys is None else False
        wrong |= values.records_with(~(finite | allowed))
    if sample.keys is not None:
        keys = fields["keys"]
        outside = keys.flat >= (sample.width or 0)
        outside[1:] |= (keys.flat[1:] == keys.flat[:-1]) & ~row_starts(keys.counts)[1:]
        wrong |= keys.records_with(outside)
    return wrong


def row_starts(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of all numbers are the first of their record."""
    first = np.zeros(int(counts.sum()) + 1, np.bool_)
    first[np.cumsum(counts) - counts] = True
    return first[:-1]


def single(row: Row, at: int) -> Part:
    """A row that the exact reader has read."""
    return Part(
        rows=np.array([at]),
        counts=np.array([len(row.values)]),
        values=row.values,
        keys=row.keys,
        labels=row.label.reshape(1, -1),
        weights=row.weight.reshape(1, -1),
    )


def batch_of(parts: Sequence[Part], rules: Rules) -> Batch:
    """The parts that make up all rows of a batch, in order of their rows."""
    rows = np.concatenate([part.rows for part in parts])
    ordered = bool((rows[1:] > rows[:-1]).all())
    labels = in_order([part.labels for part in parts], rows, ordered)
    weights = in_order([part.weights for part in parts], rows, ordered)
    return Batch(
        features=sparse_rows(parts, rows, ordered, rules)
        if rules.sparse
        else in_order(
            [part.values.reshape(len(part.rows), rules.columns or 0) for part in parts],
            rows,
            ordered,
        ),
        labels=None if not labels.shape[1] else labels[:, 0] if labels.shape[1] == 1 else labels,
        weights=weights[:, 0] if weights.shape[1] else None,
    )


def in_order(parts: Sequence[Floats], rows: NDArray[np.int64], ordered: bool) -> Floats:
    """Rows of the parts, each where `rows` says."""
    together = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if ordered:
        return together
    out = np.empty_like(together)
    out[rows] = together
    return out


def sparse_rows(parts: Sequence[Part], rows: NDArray[np.int64], ordered: bool, rules: Rules) -> Csr:
    counts = np.concatenate([part.counts for part in parts])
    values = np.concatenate([part.values for part in parts])
    keys = np.concatenate([part.keys for part in parts if part.keys is not None])
    if not ordered:
        order = np.argsort(np.repeat(rows, counts), kind="stable")
        values, keys = values[order], keys[order]
        counts = counts[np.argsort(rows)]
    return Csr(
        indptr=np.concatenate([[0], np.cumsum(counts)]),
        indices=keys,
        values=values,
        columns=rules.reading.columns or rules.columns or 0,
    )
