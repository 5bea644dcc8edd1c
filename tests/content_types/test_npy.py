"""application/x-npy, against numpy's own."""

from __future__ import annotations

import io
import os
import pickle
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from container_toolkit.content_types import CODECS, npy
from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.codec import Reading
from container_toolkit.content_types.npy import CODEC
from container_toolkit.errors import DataError
from tests.content_types import fuzz_npy
from tests.content_types.fuzz_npy import saved

if TYPE_CHECKING:
    from pathlib import Path

NO_LABEL = Reading(label_size=0)
NAN, INF = float("nan"), float("inf")


def read(data: bytes, reading: Reading = NO_LABEL) -> list[Batch]:
    return list(CODEC.read(io.BytesIO(data), "data.npy", reading))


def features(data: bytes, reading: Reading = NO_LABEL) -> Any:
    batches: list[Any] = read(data, reading)
    assert all(each.features.flags.c_contiguous for each in batches)
    assert all(each.features.dtype == np.float32 for each in batches)
    return np.concatenate([each.features for each in batches])


def refusal(data: bytes, reading: Reading = NO_LABEL) -> str:
    with pytest.raises(DataError) as caught:
        read(data, reading)
    return str(caught.value)


def written(*batches: Batch) -> bytes:
    out = io.BytesIO()
    CODEC.write(out, batches)
    return out.getvalue()


@settings(max_examples=150, deadline=None)
@given(
    arrays.arrays(
        st.one_of(
            arrays.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
            arrays.integer_dtypes(endianness="?"),
            arrays.unsigned_integer_dtypes(endianness="?"),
            arrays.boolean_dtypes(),
        ),
        arrays.array_shapes(min_dims=1, max_dims=3, max_side=5),
    ),
    st.booleans(),
)
def test_any_array_is_read_as_numpy_reads_it(array: Any, fortran: bool) -> None:
    fuzz_npy.check(saved(np.asfortranarray(array) if fortran else array))


@pytest.mark.parametrize("number", range(len(fuzz_npy.seeds())))
def test_seeds_and_all_they_could_be_cut_to(number: int) -> None:
    seed = fuzz_npy.seeds()[number]
    for length in range(len(seed) + 1):
        fuzz_npy.check(seed[:length])


@pytest.mark.parametrize("chunk", [1, 16, 100, 4096])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_cross_chunks(monkeypatch: pytest.MonkeyPatch, chunk: int, order: Any) -> None:
    monkeypatch.setattr(npy, "CHUNK", chunk)
    table = np.random.default_rng(0).standard_normal((50, 7)).astype(np.float32, order=order)
    np.testing.assert_array_equal(features(saved(table)), table)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_versions(version: tuple[int, int]) -> None:
    assert features(saved(np.eye(2), version)).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n",
        "{'shape':(2,),'descr':\"<f4\",'fortran_order':False}",
        "{'descr': 'f4', 'fortran_order': False, 'shape': (2, 1)}   \n",
        "{ 'descr' : '=f4' , 'fortran_order' : True , 'shape' : ( 2 , ) }",
    ],
)
def test_headers_of_other_writers(text: str) -> None:
    data = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
    assert features(data + np.float32([3, 4]).tobytes()).tolist() == [[3], [4]]


def headed(text: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + data


class Trap:
    """What must not come to life."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"1,2,3\n", "data.npy: it begins with b'1,2,3\\n', as no array"),
        (b"\x93NUMPY\x04\x00", "versions 1.0, 2.0 and 3.0 are read, not [4, 0]"),
        (b"\x93NUMPY", "not []"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "header is 4294967295 bytes long"),
        (headed("{'descr': '<f4'}"), "not of .npy"),
        (headed("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False}"), "not of .npy"),
        (headed("__import__('os').system('true')"), "not of .npy"),
        (headed("{" * 5000), "not of .npy"),
        (headed("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)} 5"), "not of .npy"),
        (headed("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), "not of .npy"),
        (saved(np.float32(1)), "its shape is ()"),
        (saved(np.zeros((1, 1, 1))), "its shape is (1, 1, 1)"),
        (saved(np.zeros((2, 0))), "it has 0 columns, but 0 for label"),
        (saved(np.zeros(2, "<c8")), "of the type '<c8'"),
        (saved(np.array(["a"])), "of the type '<U1'"),
        (saved(np.zeros(2, "<M8[s]")), "of the type '<M8[s]'"),
        (saved(np.zeros(2, [("a", "<f4")])), "an array of records"),
        (saved(np.zeros(2, "V4")), "an array of records"),
        (saved(np.eye(2)) + b"more", "data.npy, after row 2: it begins with b'more'"),
        (saved(np.eye(2)) + saved(np.eye(3)), "an array of 3 columns follows one of 2"),
        (
            saved(np.eye(3))[:-1],
            "row 3: the header says 3 rows of 24 bytes, but the file ends after",
        ),
        (saved(np.asfortranarray(np.ones((3, 2))))[:-1], "the file ends after 47 of them all"),
        (saved(np.array([[1, 2], [3, INF]])), "row 2, column 2: inf is no feature"),
        (saved(np.array([[1, 1e300]])), "row 1, column 2: 1e+300 is no feature"),
        (
            headed("{'descr': '|b1', 'fortran_order': False, 'shape': (1,)}", b"\x02"),
            "row 1, column",
        ),
    ],
)
def test_what_is_refused(data: bytes, words: str) -> None:
    assert words in refusal(data)


def test_pickles_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Python objects" in refusal(saved(np.array([Trap()], object)))
    refusal(pickle.dumps(Trap()))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "shape",
    ["(4611686018427387904, 1000)", "(1, 4611686018427387904)", "(100000000, 1)", "(9,) * 9"],
)
@pytest.mark.parametrize("fortran", ["True", "False"])
def test_a_claimed_shape_allocates_nothing(shape: str, fortran: str) -> None:
    text = f"{{'descr': '<f8', 'fortran_order': {fortran}, 'shape': {shape}}}"
    tracemalloc.start()
    refusal(headed(text, b"12345678" * 5))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * npy.CHUNK


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.npy"
    with open(path, "wb") as file:
        text = "{'descr': '<f4', 'fortran_order': False, 'shape': (40000000, 4)}"
        file.write(headed(text))
        file.truncate(file.tell() + 640_000_000)  # a hole: takes no disk
    tracemalloc.start()
    with open(path, "rb") as stream:
        rows = sum(batch.rows for batch in CODEC.read(stream, str(path), Reading()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 40_000_000
    assert peak < 6 * npy.CHUNK


def test_a_fifo(tmp_path: Path) -> None:
    fifo = tmp_path / "train_0"
    os.mkfifo(fifo)
    table = np.random.default_rng(0).standard_normal((300_000, 5)).astype(np.float32)

    def fill() -> None:
        with open(fifo, "wb") as stream:
            stream.write(saved(table) * 2)

    writer = threading.Thread(target=fill)
    writer.start()
    with open(fifo, "rb") as stream:
        batches: list[Any] = list(CODEC.read(stream, str(fifo), NO_LABEL))
    writer.join(30)
    np.testing.assert_array_equal(
        np.concatenate([each.features for each in batches]), np.concatenate([table, table])
    )


def test_leading_columns_are_label_and_weight() -> None:
    table = np.float32([[1, 2, 0.5, 7, 8], [3, 4, 0.25, 9, NAN]])
    [batch] = read(saved(table), Reading(label_size=2, weights=True))
    assert batch.labels is not None
    assert batch.weights is not None
    assert batch.labels.tolist() == [[1, 2], [3, 4]]
    assert batch.weights.tolist() == [0.5, 0.25]
    np.testing.assert_array_equal(batch.features, table[:, 3:])
    [single] = read(saved(table))
    np.testing.assert_array_equal(single.features, table)
    [labelled] = read(saved(table), Reading())
    assert labelled.labels is not None
    assert labelled.labels.shape == (2,)
    assert written(batch) == written(labelled) == saved(table)


@pytest.mark.parametrize(
    ("rows", "reading", "words"),
    [
        ([[NAN, 1]], Reading(), "row 1, column 1: nan is no label"),
        ([[1, 1, 1], [1, -1, 1]], Reading(weights=True), "row 2, column 2: -1 is no weight"),
        ([[1, NAN, 1]], Reading(weights=True), "column 2: nan is no weight"),
        ([[1]], Reading(), "it has 1 columns, but 1 for label"),
        ([[1, 2]], Reading(columns=2), "it has 1 features, but 2 are expected"),
    ],
)
def test_labels_that_are_wrong(rows: list[list[float]], reading: Reading, words: str) -> None:
    assert words in refusal(saved(np.array(rows)), reading)


def test_what_is_written_is_what_numpy_saves() -> None:
    table = np.random.default_rng(1).standard_normal((1000, 6)).astype(np.float32)
    halves = [
        Batch(features=table[part, 1:], labels=table[part, 0])
        for part in (slice(0, 300), slice(300, 1000))
    ]
    assert written(*halves) == saved(table)
    assert written() == saved(np.zeros((0, 0), np.float32))
    assert read(written()) == []
    rows = Csr(
        indptr=np.array([0, 1, 1]),
        indices=np.array([1], np.int32),
        values=np.float32([5]),
        columns=2,
    )
    np.testing.assert_array_equal(features(written(Batch(features=rows))), [[NAN, 5], [NAN, NAN]])


def test_much_is_collected_outside_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy, "IN_MEMORY", 1000)
    table = np.ones((5000, 3), np.float32)
    assert written(Batch(features=table)) == saved(table)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (Batch(features=np.ones((1, 3), np.float32)), "row 2 has 3 columns, but those before have"),
        (Batch(features=np.float32([[1, INF]])), "row 2, column 2: inf is no feature"),
        (
            Batch(features=np.ones((1, 1), np.float32), labels=np.float32([NAN])),
            "row 2, column 1: nan is no label",
        ),
        (
            Batch(features=np.ones((1, 1), np.float32), weights=np.float32([-1])),
            "row 2, column 1: -1.0 is no weight",
        ),
        (Batch(features=np.ones((1, 2), np.float32), groups=np.zeros(1, np.int64)), "query ids"),
    ],
)
def test_what_would_not_be_read_back_is_not_written(second: Batch, words: str) -> None:
    out = io.BytesIO()
    with pytest.raises(DataError, match=words):
        CODEC.write(out, [Batch(features=np.ones((1, 2), np.float32)), second])
    assert out.getvalue() == b""


def test_the_table_of_codecs() -> None:
    assert CODECS[CODEC.media_type] == "container_toolkit.content_types.npy:CODEC"
