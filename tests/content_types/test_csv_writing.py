"""What is written is read back, to the bit."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from container_toolkit.content_types import csv
from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.codec import Reading
from container_toolkit.errors import DataError

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
positive = st.floats(0, width=32, allow_nan=False, allow_infinity=False).map(abs)
feature = st.one_of(finite, st.just(float("nan")))


@st.composite
def batches(draw):
    rows, columns, size = draw(st.integers(1, 8)), draw(st.integers(1, 5)), draw(st.integers(0, 3))
    shape = rows if size == 1 else (rows, size)
    return Batch(
        features=draw(arrays(np.float32, (rows, columns), elements=feature)),
        labels=draw(arrays(np.float32, shape, elements=finite)) if size else None,
        weights=draw(st.none() | arrays(np.float32, rows, elements=positive)),
    )


def written(*batches):
    stream = io.BytesIO()
    csv.CODEC.write(stream, batches)
    return stream.getvalue()


def known(batch):
    size = 0 if batch.labels is None else np.reshape(batch.labels, (batch.rows, -1)).shape[1]
    return Reading(label_size=size, weights=batch.weights is not None)


@settings(deadline=None)
@given(batches(), st.sampled_from([0, 1 << 40]))
def test_the_same_bits_come_back(batch, small):
    (back,) = csv.read(io.BytesIO(written(batch)), "f", known(batch), small=small)
    for before, after in (
        (batch.features, back.features),
        (batch.labels, back.labels),
        (batch.weights, back.weights),
    ):
        if before is None:
            assert after is None
            continue
        assert after.shape == before.shape
        there = ~np.isnan(before)
        assert (there == ~np.isnan(after)).all()
        assert before[there].tobytes() == after[there].tobytes()


def floats(*values):
    return np.array(values, np.float32)


def test_the_shortest_text():
    batch = Batch(features=floats([0.1, np.nan], [16777216, -0.0]), labels=floats(1, 2.5))
    cells = [line.split(b",") for line in written(batch).splitlines()]
    assert [[float(cell or "nan") for cell in row] for row in cells] == [
        [1, 0.1, pytest.approx(np.nan, nan_ok=True)],
        [2.5, 16777216, 0],
    ]
    assert cells[0][1:] == [b"0.1", b""]
    assert cells[1][2].startswith(b"-0")


def test_a_lone_missing_value_is_no_blank_line():
    assert written(Batch(features=floats([1], [np.nan]))).splitlines()[1] == b'""'


def test_sparse_rows_leave_cells_empty():
    rows = Csr(
        indptr=np.array([0, 2, 2, 3]),
        indices=np.array([0, 2, 1], np.int32),
        values=floats(1, 2, 3),
        columns=3,
    )
    stream = io.BytesIO(written(Batch(features=rows, labels=floats(7, 8, 9))))
    (back,) = csv.read(stream, "f", Reading())
    nan = np.nan
    np.testing.assert_array_equal(back.features, [[1, nan, 2], [nan, nan, nan], [nan, 3, nan]])
    assert back.labels.tolist() == [7, 8, 9]


def test_large_batches_and_several():
    table = np.arange(600_000, dtype=np.float32).reshape(-1, 3)
    data = written(Batch(features=table[:100]), Batch(features=table[100:]))
    back = list(csv.read(io.BytesIO(data), "f", Reading(label_size=0)))
    np.testing.assert_array_equal(np.concatenate([batch.features for batch in back]), table)


def test_nothing_is_written_for_nothing():
    assert written() == b""


def test_the_same_values_without_pyarrow(monkeypatch):
    batch = Batch(features=np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32))
    with_arrow = written(batch)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for data in (with_arrow, written(batch)):
        (back,) = csv.read(io.BytesIO(data), "f", Reading(label_size=0))
        assert back.features.tobytes() == batch.features.tobytes()


ONE = floats([1, 2])


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (Batch(features=floats([1, np.inf])), "row 2, column 2"),
        (Batch(features=floats([1]), labels=floats(np.nan)), "row 2, column 1"),
        (Batch(features=floats([1]), labels=floats(-np.inf)), "row 2, column 1"),
        (Batch(features=floats([1]), weights=floats(-1)), "row 2, column 1"),
        (Batch(features=floats([1]), weights=floats(np.nan)), "row 2, column 1"),
        (Batch(features=floats([1, 2, 3])), "row 2 has 3 columns, but those before have 2"),
        (Batch(features=ONE, groups=np.array([1])), "query groups"),
    ],
)
def test_what_csv_has_no_text_for(wrong, place):
    with pytest.raises(DataError, match=place):
        written(Batch(features=ONE), wrong)
