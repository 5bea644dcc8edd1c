"""application/x-recordio-protobuf, against Protocol Buffers' own serialization."""

from __future__ import annotations

import io
import os
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container_toolkit.content_types import CODECS, recordio_frames
from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.codec import Reading
from container_toolkit.content_types.recordio_protobuf import CODEC
from container_toolkit.errors import DataError
from tests.content_types.fuzz_recordio import record_of
from tests.content_types.recordio_schema import Record, frame, serialized

if TYPE_CHECKING:
    from pathlib import Path

NO_LABEL = Reading(label_size=0)


def read(data: bytes, reading: Reading = NO_LABEL) -> list[Batch]:
    return list(CODEC.read(io.BytesIO(data), "data.pbr", reading))


def refusal(data: bytes, reading: Reading = NO_LABEL) -> str:
    with pytest.raises(DataError) as caught:
        read(data, reading)
    return str(caught.value)


def written(*batches: Batch) -> bytes:
    out = io.BytesIO()
    CODEC.write(out, batches)
    return out.getvalue()


def by_protobuf(batch: Batch) -> bytes:
    """What the peer's writer makes of a batch."""
    frames = []
    for row in range(batch.rows):
        record = Record()
        tensor = record.features["values"].float32_tensor
        if isinstance(batch.features, Csr):
            span = slice(batch.features.indptr[row], batch.features.indptr[row + 1])
            tensor.values.extend(batch.features.values[span].tolist())
            tensor.keys.extend(batch.features.indices[span].tolist())
            tensor.shape.append(batch.features.columns)
        else:
            tensor.values.extend(batch.features[row].tolist())
        for name, numbers in (("values", batch.labels), ("weights", batch.weights)):
            if numbers is not None:
                label = record.label[name].float32_tensor
                label.values.extend(np.atleast_1d(numbers[row]).tolist())
        frames.append(frame(serialized(record)))
    return b"".join(frames)


def dense(rows: int, columns: int, *, label_size: int = 1, weights: bool = False) -> Batch:
    random = np.random.default_rng(rows * 1000 + columns)
    labels = random.standard_normal((rows, label_size)).astype(np.float32)
    return Batch(
        features=random.standard_normal((rows, columns)).astype(np.float32),
        labels=None if not label_size else labels[:, 0] if label_size == 1 else labels,
        weights=random.random(rows).astype(np.float32) if weights else None,
    )


def sparse(counts: list[int], columns: int, *, labels: bool = True) -> Batch:
    random = np.random.default_rng(columns)
    keys = [np.sort(random.choice(columns, count, replace=False)) for count in counts]
    features = Csr(
        indptr=np.cumsum([0, *counts]),
        indices=np.concatenate([*keys, []]).astype(np.int32),
        values=random.standard_normal(sum(counts)).astype(np.float32),
        columns=columns,
    )
    return Batch(
        features=features,
        labels=np.arange(len(counts), dtype=np.float32) if labels else None,
    )


def assert_same(batches: list[Batch], expected: Batch) -> None:
    def all_of(parts: list[Any]) -> Any:
        return None if parts[0] is None else np.concatenate(parts)

    np.testing.assert_array_equal(all_of([each.labels for each in batches]), expected.labels)
    np.testing.assert_array_equal(all_of([each.weights for each in batches]), expected.weights)
    if not isinstance(expected.features, Csr):
        features = all_of([each.features for each in batches])
        assert features.dtype == np.float32
        assert all(each.features.flags.c_contiguous for each in batches)  # type: ignore[union-attr]
        np.testing.assert_array_equal(features, expected.features)
        return
    parts: list[Any] = [each.features for each in batches]
    counts = all_of([np.diff(each.indptr) for each in parts])
    np.testing.assert_array_equal(counts, np.diff(expected.features.indptr))
    np.testing.assert_array_equal(
        all_of([each.indices for each in parts]), expected.features.indices
    )
    np.testing.assert_array_equal(all_of([each.values for each in parts]), expected.features.values)
    assert {each.columns for each in parts} == {expected.features.columns}
    assert {each.indices.dtype for each in parts} == {np.dtype(np.int32)}
    assert {each.indptr.dtype for each in parts} == {np.dtype(np.int64)}


def test_the_reference_example() -> None:
    features = np.array([[1, 2]], np.float32)
    expected = bytes.fromhex("0a160a0676616c756573120c120a0a080000803f00000040")
    assert written(Batch(features=features)) == frame(expected)


@pytest.mark.parametrize("label_size", [0, 1, 2, 40])
@pytest.mark.parametrize("columns", [1, 2, 4, 26, 27, 28, 30, 31, 32, 784, 4200])
def test_dense_bytes_are_protobufs_and_come_back(columns: int, label_size: int) -> None:
    batch = dense(5, columns, label_size=label_size)
    data = written(batch)
    assert data == by_protobuf(batch)
    assert_same(read(data, Reading(label_size=label_size)), batch)


@pytest.mark.parametrize("columns", [1, 127, 128, 129, 5000, 16384, 16385, 2_097_153, 2**31 - 1])
def test_sparse_bytes_are_protobufs_and_come_back(columns: int) -> None:
    batch = sparse([0, 1, 1, 0], columns)
    data = written(batch)
    assert data == by_protobuf(batch)
    assert_same(read(data), batch)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0, 1, 2, 31, 32, 63, 64, 127, 300]), min_size=1, max_size=12),
    st.sampled_from([300, 5000, 70_000]),
    st.booleans(),
)
def test_sparse_rows_of_all_lengths(counts: list[int], columns: int, labels: bool) -> None:
    batch = sparse(counts, columns, labels=labels)
    data = written(batch)
    assert data == by_protobuf(batch)
    assert_same(read(data), batch)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 200), st.integers(0, 3), st.booleans())
def test_dense_shapes(rows: int, columns: int, label_size: int, weights: bool) -> None:
    batch = dense(rows, columns, label_size=label_size, weights=weights)
    data = written(batch)
    assert data == by_protobuf(batch)
    assert_same(read(data, Reading(label_size=label_size, weights=weights)), batch)


def test_several_batches_and_slices_become_one_file() -> None:
    wide = dense(3000, 200)
    halves = [
        Batch(features=wide.features[part], labels=wide.labels[part])  # type: ignore[index]
        for part in (slice(0, 1234), slice(1234, 3000))
    ]
    assert written(*halves) == written(wide) == by_protobuf(wide)
    many = sparse([7] * 20_000 + [1] * 20_000, 100)
    assert written(many) == by_protobuf(many)
    assert_same(read(written(many)), many)


@pytest.mark.parametrize("chunk", [8, 64, 200, 1000, 4096])
def test_records_cross_chunks(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(recordio_frames, "CHUNK", chunk)
    for batch in (dense(50, 30), dense(3, 784), sparse([5, 0, 90, 33] * 20, 5000)):
        assert_same(read(written(batch)), batch)


class Drip(io.RawIOBase):
    """A stream that gives a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), 7, len(self.data))
        buffer[:size] = self.data[:size]
        self.data = self.data[size:]
        return size


def test_a_stream_that_gives_little_at_a_time() -> None:
    batch = dense(40, 3)
    stream: Any = Drip(written(batch))
    assert_same(list(CODEC.read(stream, "drip", NO_LABEL)), batch)


def test_a_fifo(tmp_path: Path) -> None:
    fifo = tmp_path / "train_0"
    os.mkfifo(fifo)
    batch = dense(60_000, 30)

    def fill() -> None:
        with open(fifo, "wb") as stream:
            CODEC.write(stream, [batch])

    writer = threading.Thread(target=fill)
    writer.start()
    with open(fifo, "rb") as stream:
        batches = list(CODEC.read(stream, str(fifo), Reading()))
    writer.join(30)
    assert len(batches) > 1
    assert_same(batches, batch)


def test_memory_does_not_grow_with_the_file() -> None:
    block = written(dense(2000, 100))

    class Endless(io.RawIOBase):
        left = 200

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            size = min(len(buffer), len(block) - self.at)
            buffer[:size] = block[self.at : self.at + size]
            self.at = (self.at + size) % len(block)
            self.left -= not self.at
            return size if self.left > 0 else 0

        at = 0

    stream: Any = Endless()
    tracemalloc.start()
    rows = sum(batch.rows for batch in CODEC.read(stream, "endless", Reading()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 199 * 2000
    assert peak < 6 * recordio_frames.CHUNK < 199 * len(block) / 10


def test_a_record_that_is_longer_than_a_chunk() -> None:
    batch = dense(3, 1_500_000)
    assert_same(read(written(batch)), batch)


def test_a_claimed_length_allocates_nothing() -> None:
    head = frame(b"")[:4] + ((1 << 29) - 1).to_bytes(4, "little")
    tracemalloc.start()
    message = refusal(written(dense(2, 2)) + head + b"short")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * recordio_frames.CHUNK
    assert message == (
        "data.pbr record 3: its header says 536870911 bytes, padded to a multiple of 4, but the"
        " file ends after 5; it was cut off."
    )


@pytest.mark.parametrize("batch", [dense(3, 2), sparse([2, 0, 1], 300)], ids=["dense", "sparse"])
def test_cut_at_every_byte(batch: Batch) -> None:
    data = written(batch)
    ends = {0}
    while max(ends) < len(data):
        start = max(ends)
        size = int.from_bytes(data[start + 4 : start + 8], "little")
        ends.add(start + 8 + size + -size % 4)
    for length in range(len(data)):
        if length in ends:
            assert sum(each.rows for each in read(data[:length])) < 3
        else:
            assert "cut off" in refusal(data[:length])


def test_split_records_are_joined() -> None:
    first, second = record_of([1.0, 2.0]), record_of([3.0, 4.0])
    data = (
        frame(first)
        + frame(second[:5], 1)
        + frame(b"", 2)
        + frame(second[5:6], 2)
        + frame(second[6:], 3)
        + frame(first[:7], 1)
        + frame(first[7:], 3)
        + frame(second)
    )
    [batch] = read(data)
    assert batch.features.tolist() == [[1, 2], [3, 4], [1, 2], [3, 4]]  # type: ignore[union-attr]
    assert batch.labels is not None
    assert batch.labels.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (frame(b"", 2), "record 1: it is of kind 2"),
        (frame(b"", 3), "record 1: it is of kind 3"),
        (frame(b"") + frame(b"", 1) + frame(b""), "record 2: part 2 of it is of kind 0"),
        (frame(b"", 1) + frame(b"", 1), "record 1: part 2 of it is of kind 1"),
        (frame(b"", 1) + frame(b"", 2), "the file ends before its last"),
        (frame(b"", 5), "kind 5"),
        (b"1,2,3\n4,5,6\n", "record 1: it begins with 0x2c322c31, not with RecordIO's 0xced7230a"),
        (frame(b"") + b"\0" * 8, "record 2: it begins with 0x00000000"),
    ],
)
def test_frames_that_are_wrong(data: bytes, words: str) -> None:
    assert words in refusal(data)


def test_the_magic_number_among_the_numbers() -> None:
    magic = np.frombuffer(frame(b"")[:4] * 6, "<f4").astype(np.float32)
    batches = [
        Batch(features=np.tile(magic, (rows, columns))) for rows, columns in ((9, 1), (9, 5))
    ]
    for batch in batches:
        assert_same(read(written(batch)), batch)
    rows = [0, 1, 2, 6] * 5
    features = Csr(
        indptr=np.cumsum([0, *rows]),
        indices=np.concatenate([np.arange(count) for count in rows]).astype(np.int32),
        values=np.resize(magic, sum(rows)),
        columns=6,
    )
    assert_same(read(written(Batch(features=features))), Batch(features=features))


def frames(*payloads: bytes) -> bytes:
    return b"".join(map(frame, payloads))


ROW = record_of([1.0, 2.0])
ENTRY = record_of([1.0], [1], [3])
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("payloads", "words"),
    [
        (
            [ROW] * 9 + [record_of([1.0])],
            "record 10: it has 1 columns, but the records before it 2",
        ),
        ([ROW, ENTRY], "record 2: it is sparse, but the records before it are dense"),
        ([ENTRY, ROW], "record 2: it is dense, but the records before it are sparse"),
        ([ROW, record_of([])], "record 2: it is without features, but"),
        ([ENTRY, record_of([1.0], [1], [4])], "record 2: it has 4 columns, but the records before"),
        ([ROW] * 4 + [record_of([1.0, INF])], "record 5: feature 2 is infinite"),
        ([record_of([1e300, 1.0], kind="float64")] * 2, "record 1: feature 1 is 1e+300, which"),
        ([ENTRY, record_of([1.0], [3], [3])], "record 2: it has the key 3, but its shape says 3"),
        ([ENTRY, record_of([1.0, 2.0], [1, 1], [3])], "record 2: it has the key 1 twice"),
        ([ENTRY, record_of([1.0, 2.0], [1], [3])], "record 2: it has 1 keys, but 2 values"),
        ([ENTRY, record_of([1.0], [1])], "record 2: it has keys but no shape"),
        ([ENTRY, record_of([NAN], [1], [3])], "record 2: its value 1 is not a number"),
        ([ENTRY, record_of([INF], [1], [3])], "record 2: feature 1 is infinite"),
        ([record_of([1.0], [1], [2, 3])], "record 1: its shape is [2, 3]"),
        ([record_of([1.0], [1], [2**31])], "record 1: its shape says 2147483648 columns"),
        ([record_of([1.0, 2.0], (), [3])], "record 1: its shape says 3 columns, but it has 2"),
        ([ROW, record_of([1.0, 2.0], label=())], "record 2: it has 0 label values, but 1 have"),
        ([ROW, record_of([1.0, 2.0], label=[1, 2])], "record 2: it has 2 label values, but 1 have"),
        ([ROW, record_of([1.0, 2.0], label=[NAN])], "record 2: its label is not a number"),
        ([ROW, record_of([1.0, 2.0], label=[INF])], "record 2: label 1 is infinite"),
        ([ROW, ROW + b"\x00"], "record 2: there is a field number 0"),
        ([ROW, ROW[:-1]], "record 2: "),
    ],
)
def test_records_that_are_wrong(payloads: list[bytes], words: str) -> None:
    assert refusal(frames(*payloads)).startswith("data.pbr " + words)


def test_missing_values_stay_missing() -> None:
    [batch] = read(frames(ROW, record_of([NAN, 2.0])))
    np.testing.assert_array_equal(batch.features, [[1, 2], [NAN, 2]])


def test_doubles_and_integers_are_read_as_float32() -> None:
    [batch] = read(frames(*[record_of([0.1, -3], kind="float64")] * 3))
    np.testing.assert_array_equal(batch.features, np.float32([[0.1, -3]] * 3))
    rows = [[7, -1], [2**31 - 1, -(2**31)], [0, 300]]
    [batch] = read(frames(*[record_of(row, kind="int32") for row in rows]))
    np.testing.assert_array_equal(batch.features, np.float32(rows))


def test_keys_in_any_order_are_sorted() -> None:
    pairs = {0: 1.0, 7: 2.0, 300: 3.0}
    shuffled = [record_of([3.0, 1.0, 2.0], [300, 0, 7], [1, 400])] * 3
    [batch] = read(frames(*shuffled, record_of(pairs.values(), pairs, [1, 400])))
    assert isinstance(batch.features, Csr)
    assert batch.features.indices.tolist() == [0, 7, 300] * 4
    assert batch.features.values.tolist() == [1, 2, 3] * 4
    assert batch.columns == 400


def test_rows_without_features_are_empty_wherever_they_stand() -> None:
    empty, none = record_of([]), record_of([], (), [3])
    [batch] = read(frames(empty, ENTRY, none, empty, ENTRY))
    assert isinstance(batch.features, Csr)
    assert batch.features.indptr.tolist() == [0, 0, 1, 1, 1, 2]
    assert batch.columns == 3
    assert batch.labels is not None
    assert batch.labels.tolist() == [1] * 5
    [bare] = read(frame(b"") * 3)
    assert (bare.rows, bare.columns, bare.labels) == (3, 0, None)
    [told] = read(frame(b""), Reading(label_size=0, columns=9))
    assert told.columns == 9


def test_different_layouts_in_one_file_keep_their_order() -> None:
    payloads = [
        record_of([float(row), 0.5], (), [2] if row % 3 else [], kind=kind, label=[row])
        for row in range(60)
        for kind in ("float32", "float64")
    ]
    [batch] = read(frames(*payloads), Reading())
    assert batch.labels is not None
    assert batch.labels.tolist() == sorted([*range(60), *range(60)])
    np.testing.assert_array_equal(batch.features[:, 0], batch.labels)  # type: ignore[index]


def test_what_is_known_beforehand_must_hold() -> None:
    unlabelled = record_of([1.0, 2.0], label=())
    assert "record 2: it has no label" in refusal(frames(ROW, unlabelled), Reading())
    assert "1 label values, but 2 are expected" in refusal(frame(ROW), Reading(label_size=2))
    assert "2 columns, but 3 are" in refusal(frame(ROW), Reading(columns=3))
    assert "3 columns, but 2 are" in refusal(frame(ENTRY), Reading(columns=2))
    [wider] = read(frame(ENTRY), Reading(columns=8))
    assert wider.columns == 8


def test_weights_are_read_where_the_job_has_them() -> None:
    batch = dense(4, 3, weights=True)
    data = written(batch)
    weighted = Reading(weights=True)
    assert_same(read(data, weighted), batch)
    assert "'weights', which is read only where" in refusal(data)
    assert "record 1: it has 0 weights" in refusal(written(dense(2, 3)), weighted)
    negative = Record.FromString(record_of([1.0]))
    negative.label["weights"].float32_tensor.values.append(-0.5)
    message = refusal(frame(serialized(negative)), weighted)
    assert "record 1: its weight is -0.5" in message


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (dense(1, 4), "dense rows with 4 columns, 1 label values and no weights follows one of"),
        (dense(1, 3, label_size=0), "0 label values"),
        (dense(1, 3, weights=True), "and weights follows"),
        (sparse([1], 3), "sparse rows"),
        (Batch(features=np.zeros((1, 3), np.float32), groups=np.zeros(1, np.int64)), "query ids"),
    ],
)
def test_what_would_not_be_read_back_is_not_written(second: Batch, words: str) -> None:
    with pytest.raises(DataError, match=words):
        written(dense(1, 3), second)


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (Batch(features=np.float32([[1, 2], [3, INF]])), "row 2 has a feature"),
        (Batch(features=np.zeros((2, 1), np.float32), labels=np.float32([1, NAN])), "row 2 has"),
        (
            Batch(
                features=np.zeros((3, 1), np.float32), labels=np.float32([[1, 1], [1, INF], [1, 1]])
            ),
            "row 2 has the label inf",
        ),
        (
            Batch(features=np.zeros((2, 1), np.float32), weights=np.float32([1, -2])),
            "row 2 has the weight -2",
        ),
        (
            Batch(
                features=Csr(
                    indptr=np.array([0, 0, 2]),
                    indices=np.array([0, 2], np.int32),
                    values=np.float32([1, NAN]),
                    columns=3,
                )
            ),
            "row 2 has a feature",
        ),
    ],
)
def test_numbers_that_would_not_be_read_back_are_not_written(batch: Batch, words: str) -> None:
    with pytest.raises(DataError, match=words):
        written(batch)


def test_rows_are_counted_over_all_batches() -> None:
    with pytest.raises(DataError, match="row 7 has a feature"):
        written(dense(5, 2, label_size=0), Batch(features=np.float32([[1, 2], [3, INF]])))


def test_a_row_longer_than_a_frame_is_not_written() -> None:
    row = np.broadcast_to(np.float32(0), (1, 1 << 27))
    with pytest.raises(DataError, match="longer than a frame"):
        written(Batch(features=row))


def test_an_empty_file_and_the_table_of_codecs() -> None:
    stream: BinaryIO = io.BytesIO(b"")
    assert list(CODEC.read(stream, "none", Reading())) == []
    assert written() == b""
    assert written(dense(2, 3), dense(0, 3)) == written(dense(2, 3))
    assert CODECS[CODEC.media_type].startswith("container_toolkit.content_types.recordio_protobuf:")
