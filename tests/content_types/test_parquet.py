"""application/x-parquet: which columns are read as what, and every fault."""

from __future__ import annotations

import datetime
import decimal
import io
import os
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container_toolkit.content_types import CODECS, parquet, parse
from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.codec import Reading
from container_toolkit.errors import DataError
from tests.content_types import fuzz_parquet

REQUEST = Reading(label_size=0)
TRAINING = Reading()


def written(columns: dict[str, Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), stream, **options)
    return stream.getvalue()


def read(
    data: bytes, reading: Reading = TRAINING, most_rows: int = parquet.MOST_ROWS
) -> list[Batch]:
    return list(parquet.read(io.BytesIO(data), "data", reading, most_rows))


def test_the_table_names_it() -> None:
    name = parse("parquet", "test").name
    assert CODECS[name] == f"{parquet.__name__}:CODEC"
    assert parquet.CODEC.media_type == name
    assert parquet.CODEC.seeks


def test_label_weight_and_features_by_position() -> None:
    data = written({"z": [1, 0], "w": [0.5, 2.0], "b": [1.5, None], "a": [2**24, -3]})
    (batch,) = read(data, Reading(weights=True))
    assert batch.labels is not None
    assert batch.weights is not None
    assert batch.labels.tolist() == [1, 0]
    assert batch.weights.tolist() == [0.5, 2]
    features = batch.features
    assert isinstance(features, np.ndarray)
    assert features.dtype == np.float32
    assert features.flags.c_contiguous
    np.testing.assert_array_equal(features, [[1.5, 2**24], [np.nan, -3]])
    (several,) = read(data, Reading(label_size=2))
    assert several.labels is not None
    assert several.labels.tolist() == [[1, 0.5], [0, 2]]
    (none,) = read(data, REQUEST)
    assert none.labels is None
    assert none.columns == 4


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (pyarrow.int8(), [-128, None], [-128, np.nan]),
        (pyarrow.uint8(), [255, None], [255, np.nan]),
        (pyarrow.int16(), [-(2**15), None], [-(2**15), np.nan]),
        (pyarrow.int64(), [-(2**63), None], [-(2.0**63), np.nan]),
        (pyarrow.uint64(), [2**63, None], [2.0**63, np.nan]),
        (pyarrow.bool_(), [True, False], [1, 0]),
        (pyarrow.bool_(), [True, None], [1, np.nan]),
        (pyarrow.float16(), [1.5, None], [1.5, np.nan]),
        (pyarrow.float32(), [1.5, float("nan")], [1.5, np.nan]),
        (pyarrow.float64(), [1e-60, None], [0, np.nan]),
        (pyarrow.decimal128(10, 2), [decimal.Decimal("-1.25"), None], [-1.25, np.nan]),
        (pyarrow.decimal256(50, 3), [decimal.Decimal("7.125"), None], [7.125, np.nan]),
        (pyarrow.dictionary(pyarrow.int8(), pyarrow.float64()), [2.5, None], [2.5, np.nan]),
    ],
)
def test_numbers_of_any_width(kind: Any, values: list[Any], expected: list[float]) -> None:
    if pyarrow.types.is_dictionary(kind):
        array = pyarrow.array(values, kind.value_type).dictionary_encode()
    else:
        array = pyarrow.array(values, kind)
    (batch,) = read(written({"a": array}), REQUEST)
    np.testing.assert_array_equal(batch.features, np.array([expected], np.float32).T)


@pytest.mark.parametrize(
    "kind",
    [
        pyarrow.list_(pyarrow.float32()),
        pyarrow.large_list(pyarrow.float64()),
        pyarrow.list_(pyarrow.float32(), 3),
    ],
)
def test_one_column_of_vectors(kind: Any) -> None:
    vectors = [[1, 2, None], [4, 5, 6], [7, 8, 9], [10, 11, 12]]
    data = written({"y": [1, 2, 3, 4], "x": pyarrow.array(vectors, kind)}, row_group_size=3)
    for most_rows in (1, 2, 100):
        batches = read(data, most_rows=most_rows)
        found = np.concatenate([batch.features for batch in batches])
        np.testing.assert_array_equal(found, np.array(vectors, np.float32))


LISTS = pyarrow.list_(pyarrow.float32())
FAULTS = [
    ({"y": [1, 2], "a": ["x", "y"]}, r"column 2 \('a'\) holds string; a column of numbers"),
    ({"y": [1], "a": [datetime.date(2020, 1, 1)]}, r"column 2 \('a'\) holds date32"),
    ({"y": [1], "a": [datetime.datetime(2020, 1, 1)]}, r"column 2 \('a'\) holds timestamp"),
    ({"y": [1], "a": [{"b": 1}]}, r"column 2 \('a'\) holds struct"),
    ({"y": [1], "a": [b"1"]}, r"column 2 \('a'\) holds binary"),
    ({"y": [1], "a": pyarrow.nulls(1)}, r"column 2 \('a'\) holds null"),
    ({"y": [1], "a": [[1.0]], "b": [1]}, r"column 2 \('a'\) holds list"),
    ({"y": [[1.0]], "a": [1]}, r"column 1 \('y'\) holds list"),
    ({"y": [1], "a": [["x"]]}, r"column 2 \('a'\) holds list<.*string>"),
    ({"y": pyarrow.array(["1"]).dictionary_encode(), "a": [1]}, r"column 1 \('y'\) holds dictio"),
    ({"y": [1, None, 3], "a": [1, 2, 3]}, r"row 2, column 1 \('y'\): the value is missing"),
    ({"y": [1, float("nan"), 3], "a": [1, 2, 3]}, r"row 2, column 1 \('y'\): the value is missi"),
    ({"y": [1, 2, 3], "a": [1, 2, 1e39]}, r"row 3, column 2 \('a'\): 1e\+39 is not a 32-bit"),
    ({"y": [1, 2], "a": [1, float("inf")]}, r"row 2, column 2 \('a'\): inf is not a 32-bit"),
    ({"y": [1, 2], "a": pyarrow.array([1, float("-inf")], pyarrow.float32())}, r"row 2.*: -inf"),
    ({"y": [1, 2], "a": [[1.0, 2.0], [1.0]]}, r"row 2.*a list of 1 values, but the first has 2"),
    ({"y": [1, 2], "a": [[1.0], None]}, r"row 2.*no list, but the first has 1"),
    ({"y": [1, 2], "a": pyarrow.array([[], []], LISTS)}, r"row 1.*a list of 0 values"),
    ({"y": [1, 2], "a": [[1.0, 2.0], [1.0, 1e39]]}, r"row 2, column 2 \('a'\): 1e\+39"),
    ({"y": [1, 2]}, r"has 1 columns, but needs 1 for label and weight and at least one feature"),
]


@pytest.mark.parametrize(("columns", "error"), FAULTS)
@pytest.mark.parametrize("most_rows", [1, 100])
def test_a_fault_is_an_error_that_says_where(
    columns: dict[str, Any], error: str, most_rows: int
) -> None:
    if most_rows == 1 and "but the first has" in error:
        error = r"row 2"  # then it is a batch that differs
    with pytest.raises(DataError, match=f"^data .*{error}"):
        read(written(columns), most_rows=most_rows)


def test_a_fault_in_a_later_row_group() -> None:
    numbers = [1.0] * 10_000 + [float("inf")]
    with pytest.raises(DataError, match=r"row 10001, column 2 \('a'\)"):
        read(written({"y": [1.0] * 10_001, "a": numbers}))


def test_two_faults_are_one_of_them_whatever_the_batches() -> None:
    data = written({"y": [1, None, 3], "a": [1, 2, float("inf")]})
    for most_rows in (1, 2, 100):
        with pytest.raises(DataError, match=r"row 2, column 1 \('y'\)|row 3, column 2 \('a'\)"):
            read(data, most_rows=most_rows)
    fuzz_parquet.check(data)


def test_the_width_may_be_known() -> None:
    data = written({"y": [1], "a": [1], "b": [1]})
    assert read(data, Reading(columns=2))[0].columns == 2
    with pytest.raises(DataError, match="data row 1 has 2 features, not 3"):
        read(data, Reading(columns=3))


@pytest.mark.parametrize(
    "columns", [{"y": pyarrow.array([], pyarrow.float32())}, {"a": pyarrow.array([], "string")}, {}]
)
def test_no_rows_are_no_batch(columns: dict[str, Any]) -> None:
    assert read(written(columns)) == []


def test_what_is_no_parquet() -> None:
    whole = written({"y": [1.0] * 1000, "a": np.arange(1000.0)}, compression="none")
    for data in (b"", b"1,2\n", whole[:-1], whole[4:], whole[: len(whole) // 2], whole[:-8]):
        with pytest.raises(DataError, match=r"^data can't be read as Parquet: .*\.$"):
            read(data)


def test_a_damaged_page_is_noticed_where_it_has_a_checksum() -> None:
    values = np.arange(1000.0)
    whole = bytearray(
        written(
            {"y": values, "a": values},
            compression="none",
            use_dictionary=False,
            write_page_checksum=True,
        )
    )
    at = whole.find(np.float64(500).tobytes())
    assert at > 0
    whole[at + 3] ^= 1
    with pytest.raises(DataError, match="can't be read as Parquet"):
        read(bytes(whole))


def test_a_pipe_is_copied_first(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "pipe")
    os.mkfifo(path)
    data = written({"y": np.arange(5000.0), "a": np.arange(5000.0)})

    def feed() -> None:
        with open(path, "wb") as pipe:
            pipe.write(data)

    feeder = threading.Thread(target=feed)
    feeder.start()
    with open(path, "rb") as stream:
        batches = list(parquet.read(stream, "pipe", TRAINING, 999))
    feeder.join()
    assert np.concatenate([batch.labels for batch in batches]).tolist() == [*range(5000)]


MEASURE = """
import sys, pyarrow.parquet
from container_toolkit.content_types import parquet
from container_toolkit.content_types.codec import Reading
def peak():
    return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM"))
before = peak()
with open(sys.argv[1], "rb") as stream:
    rows = sum(batch.rows for batch in parquet.read(stream, "data", Reading()))
print(rows, peak() - before)
"""


def test_memory_is_less_than_a_row_group(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "one-group.parquet")
    rows, columns = 2_000_000, 10
    random = np.random.default_rng(0)
    table = {f"c{i}": random.standard_normal(rows) for i in range(columns)}
    pyarrow.parquet.write_table(
        pyarrow.table(table), path, row_group_size=rows, compression="none", use_dictionary=False
    )
    assert os.path.getsize(path) > 150 << 20
    argv = [sys.executable, "-c", MEASURE, path]
    found, grown = subprocess.run(argv, capture_output=True, check=True, text=True).stdout.split()
    os.remove(path)
    assert int(found) == rows
    assert int(grown) < 110 << 10  # KiB


cells = st.floats(width=32, allow_infinity=False) | st.just(float("nan"))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8
        )
    ),
    st.integers(0, 2),
    st.booleans(),
)
def test_what_is_written_is_read_bit_for_bit(
    rows: list[list[float]], size: int, weighted: bool
) -> None:
    features = np.array(rows, np.float32)
    labels = np.arange(len(rows) * size, dtype=np.float32).reshape(len(rows), size)
    batch = Batch(
        features=features,
        labels=None if not size else labels[:, 0].copy() if size == 1 else labels,
        weights=np.ones(len(rows), np.float32) if weighted else None,
    )
    stream = io.BytesIO()
    parquet.CODEC.write(stream, [batch, batch])
    back = read(stream.getvalue(), Reading(label_size=size, weights=weighted))
    found = np.concatenate([each.features for each in back])
    assert found.tobytes() == np.concatenate([features, features]).tobytes()
    if size:
        again = np.concatenate([each.labels for each in back])
        assert again.tobytes() == np.concatenate([batch.labels, batch.labels]).tobytes()
    assert all((each.weights is not None) == weighted for each in back)


def test_sparse_rows_are_written_dense() -> None:
    sparse = Csr(
        indptr=np.array([0, 1, 1]),
        indices=np.array([1], np.int32),
        values=np.array([2.5], np.float32),
        columns=3,
    )
    stream = io.BytesIO()
    parquet.CODEC.write(stream, [Batch(features=sparse)])
    (batch,) = read(stream.getvalue(), REQUEST)
    np.testing.assert_array_equal(batch.features, [[np.nan, 2.5, np.nan], [np.nan] * 3])


def test_what_is_not_written() -> None:
    one, two = (Batch(features=np.ones((1, width), np.float32)) for width in (1, 2))
    with pytest.raises(DataError, match="columns f0, f1, those before have f0"):
        parquet.CODEC.write(io.BytesIO(), [one, two])
    grouped = Batch(features=np.ones((1, 1), np.float32), groups=np.array([1]))
    with pytest.raises(DataError, match="no query ids"):
        parquet.CODEC.write(io.BytesIO(), [grouped])
    empty = io.BytesIO()
    parquet.CODEC.write(empty, [])
    assert read(empty.getvalue()) == []


def test_seeds_of_the_fuzzer() -> None:
    for seed in fuzz_parquet.seeds():
        fuzz_parquet.check(seed)
