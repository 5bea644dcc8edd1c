"""libsvm text: what is read, and what is refused where."""

from __future__ import annotations

import io
import os
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container_toolkit.content_types import CODECS, libsvm, parse
from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.codec import Reading
from container_toolkit.errors import ConfigError, DataError
from tests.content_types import fuzz_libsvm

TRAINING = Reading()
REQUEST = Reading(label_size=0)
ONE_BASED = {"indexing": "1"}


def read(text: str, reading: Reading = TRAINING, block: int = libsvm.BLOCK) -> list[Batch]:
    return list(libsvm.read(io.BytesIO(text.encode()), "data", reading, block))


def rows(batches: list[Batch]) -> list[dict[int, float]]:
    found = []
    for batch in batches:
        csr = batch.features
        assert isinstance(csr, Csr)
        for i in range(csr.rows):
            span = slice(csr.indptr[i], csr.indptr[i + 1])
            pairs = zip(csr.indices[span].tolist(), csr.values[span].tolist(), strict=True)
            found.append(dict(pairs))
    return found


def test_the_table_names_it() -> None:
    name = parse("text/x-libsvm", "test").name
    assert CODECS[name] == f"{libsvm.__name__}:CODEC"
    assert libsvm.CODEC.media_type == name


def test_rows_labels_weights_and_queries() -> None:
    (batch,) = read("1:0.5 qid:7 0:1.5 3:-2e3 # one\n-1:2 qid:7 1:.5\n0:1 qid:9\n")
    assert rows([batch]) == [{0: 1.5, 3: -2000.0}, {1: 0.5}, {}]
    assert batch.columns == 4
    assert batch.labels is not None
    assert batch.weights is not None
    assert batch.groups is not None
    assert batch.labels.tolist() == [1, -1, 0]
    assert batch.weights.tolist() == [0.5, 2, 1]
    assert batch.groups.tolist() == [7, 7, 9]
    assert batch.groups.dtype == np.int64


@pytest.mark.parametrize("parameters", [{}, ONE_BASED])
def test_training_and_serving_give_the_same_matrix(parameters: dict[str, str]) -> None:
    """The peer keeps an index in training and shifts it by one in serving."""
    features = ["1:5 3:6", "2:7", "", "3:1"]
    training = read(
        "".join(f"{i} {row}\n" for i, row in enumerate(features)), Reading(parameters=parameters)
    )
    labelled = read(
        "".join(f"{i} {row}\n" for i, row in enumerate(features)),
        Reading(label_size=0, parameters=parameters),
    )
    bare = read("\n".join([*features, ""]), Reading(label_size=0, parameters=parameters))
    assert rows(training) == rows(labelled) == rows(bare)
    assert training[0].columns == labelled[0].columns == bare[0].columns
    assert labelled[0].labels is None
    shift = int(parameters.get("indexing", "0"))
    assert rows(training) == [{1 - shift: 5, 3 - shift: 6}, {2 - shift: 7}, {}, {3 - shift: 1}]


def test_a_request_whose_rows_lack_column_0_is_not_shifted() -> None:
    assert rows(read("3:1 4:2\n4:5\n", REQUEST)) == [{3: 1, 4: 2}, {4: 5}]


@pytest.mark.parametrize(
    ("text", "reading", "expected"),
    [
        ("1 0:2", Reading(), [{0: 2}]),
        ("0:2", REQUEST, [{0: 2}]),
        ("\n", REQUEST, [{}]),
        ("0:2\n\n", REQUEST, [{0: 2}, {}]),
        ("\n\n0:2", REQUEST, [{}, {}, {0: 2}]),
        ("1 0:2\n0", Reading(), [{0: 2}, {}]),
        ("0\n", REQUEST, [{}]),
        ("", REQUEST, []),
        ("# nothing\n", REQUEST, []),
        ("# nothing\n\n \n", Reading(), []),
        ("\ufeff1 0:2\r\n\r\n0\t1:3  2:4 \r\n", Reading(), [{0: 2}, {1: 3, 2: 4}]),
        ("+1 0:2\n-1 1:+3", Reading(), [{0: 2}, {1: 3}]),
        ("1 2147483647:1", Reading(), [{2**31 - 1: 1}]),
        ("1 0:1e-60", Reading(), [{0: 0}]),
    ],
)
@pytest.mark.parametrize("block", [1, 5, libsvm.BLOCK])
def test_rows_are_rows(
    text: str, reading: Reading, expected: list[dict[int, float]], block: int
) -> None:
    assert rows(read(text, reading, block)) == expected


@pytest.mark.parametrize(
    ("text", "reading", "error"),
    [
        ("1 0:1\n1 0:abc", Reading(), r"line 2, character 5: 'abc' is not a value"),
        ("1 0:1\nabc 0:1", Reading(), r"line 2, character 1: 'abc' is not a label"),
        ("1 0:1 7\n", Reading(), r"line 1, character 7: '7' is not index:value"),
        ("1 0:nan", Reading(), r"line 1, character 5: 'nan'"),
        ("1 0:inf", Reading(), r"'inf' is not a value"),
        ("1 0:1_0", Reading(), r"'1_0' is not a value"),
        ("1 0:", Reading(), r"'' is not a value"),
        ("1 :3", Reading(), r"'' is not an index"),
        ("1 0: 3", Reading(), r"'' is not a value"),
        ("1 0:1:2", Reading(), r"'1:2' is not a value"),
        ("1:0.50:1", Reading(), r"'0.50:1' is not a weight"),
        ("1 0:1e39", Reading(), r"character 5: '1e39' is beyond a 32-bit float"),
        ("1 0:1e999", Reading(), r"'1e999' is beyond a 32-bit float"),
        ("1e39 0:1", Reading(), r"character 1: '1e39' is beyond a 32-bit float"),
        ("1 0:1 2:1 2:1", Reading(), r"character 11: index '2' comes twice"),
        ("1 0:1 2:1 1:1", Reading(), r"character 11: index '1' comes after a larger one"),
        ("1 -1:1", Reading(), r"character 3: '-1' is not an index"),
        ("1 1.0:1", Reading(), r"'1.0' is not an index"),
        ("1 1e0:1", Reading(), r"'1e0' is not an index"),
        ("1 2147483648:1", Reading(), r"index '2147483648' is over 2147483647"),
        (f"1 {'9' * 5000}:1", Reading(), r"is over 2147483647"),
        ("1 0:1\n1 4:1", Reading(columns=3), r"line 2, character 3: index 4 is beyond .* of 3\."),
        ("1 3:1", Reading(columns=3), r"index 3 is beyond the last, 2, of 3; .*indexing=1"),
        ("1 0:1", Reading(parameters=ONE_BASED), r"index 0, but indexing=1"),
        ("1 4:1", Reading(columns=3, parameters=ONE_BASED), r"index 4 is beyond the last, 3"),
        ("1 0:1\nqid:1 0:1", Reading(), r"line 2, character 1: the label is missing"),
        ("1 qid:x 0:1", Reading(), r"qid 'x' is not an integer"),
        ("1 qid:-1 0:1", Reading(), r"qid '-1' is not an integer"),
        ("1 0:1 qid:3", Reading(), r"'qid' is not an index"),
        ("1:-1 0:1", Reading(), r"a weight is negative"),
        ("1:2 0:1\n1 0:1", Reading(), r"line 2, .* no weight, those before have one"),
        ("1 0:1\n1:2 0:1", Reading(), r"line 2, .* a weight, those before have none"),
        ("1 qid:1 0:1\n1 0:1", Reading(), r"line 2, .* no qid"),
        ("1 0:1\n0:1", REQUEST, r"line 2, .* no label, those before have one"),
        ("1 0:1\n\n", REQUEST, r"line 2, .* no label"),
        ("1 qid:1\n1 qid:2\n# c\n1 qid:1", Reading(), r"line 4, .* qid 1 was over before"),
        ("1 0:1\n1 0:\x001", Reading(), r"line 2"),
        ("1 0:1\n1 0:²", Reading(), r"line 2, character 5: '²'"),
    ],
)
@pytest.mark.parametrize("block", [3, libsvm.BLOCK])
def test_a_fault_is_an_error_that_says_where(
    text: str, reading: Reading, error: str, block: int
) -> None:
    with pytest.raises(DataError, match=r"^data .*" + error):
        read(text, reading, block)


def test_a_fault_far_into_a_large_file() -> None:
    good = "1 0:0.5 7:1.25\n" * 50_000
    with pytest.raises(DataError, match=r"^data line 50001, character 5: 'x' is not a value"):
        read(good + "1 0:x\n" + good, block=1 << 16)


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(DataError, match=r"^data line 1, character 1: '\\\\xff"):
        list(libsvm.read(io.BytesIO(b"\xff\xfe1\x00"), "data", Reading()))


@pytest.mark.parametrize(
    ("reading", "error"),
    [
        (Reading(label_size=2), "label_size 2"),
        (Reading(parameters={"indexing": "2"}), "indexing '2' is neither 0 nor 1"),
    ],
)
def test_parameters_that_make_no_sense(reading: Reading, error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        read("1 0:1", reading)


@pytest.mark.parametrize("qid", ["", " qid:5"])
@pytest.mark.parametrize("weight", ["", ":2"])
def test_plain_blocks_need_no_reading_by_line(
    qid: str, weight: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("read by line")

    monkeypatch.setattr(libsvm, "read_lines", refused)
    text = f"+1{weight}{qid} 0:.5\t3:1e+2  # one\r\n# two\n-1{weight}{qid}\n"
    assert rows(read(text)) == [{0: 0.5, 3: 100}, {}]


def test_one_block_after_another_keeps_what_holds_for_all() -> None:
    lines = [f"{i % 2}:1 qid:{i // 3} {i % 5}:{i}\n" for i in range(300)]
    batches = read("".join(lines), block=64)
    assert len(batches) > 20
    assert rows(batches) == [{i % 5: float(i)} for i in range(300)]
    with pytest.raises(DataError, match=r"line 301, .*qid 0 was over before"):
        read("".join([*lines, "1:1 qid:0 0:1\n"]), block=64)


def test_a_pipe(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "train_0")
    os.mkfifo(path)
    text = "".join(f"{i} 0:{i} 9:0.25\n" for i in range(20_000))

    def feed() -> None:
        with open(path, "wb", buffering=0) as pipe:
            for at in range(0, len(text), 777):
                pipe.write(text[at : at + 777].encode())

    feeder = threading.Thread(target=feed)
    feeder.start()
    with open(path, "rb", buffering=0) as stream:
        batches = list(libsvm.read(stream, "train_0", Reading(), 1 << 16))
    feeder.join()
    assert rows(batches) == [{0: float(i), 9: 0.25} for i in range(20_000)]


class Repeated(io.RawIOBase):
    """One line over and over, never all there at once."""

    def __init__(self, line: bytes, times: int) -> None:
        self.lines, self.at, self.left = line * 1000, 0, times // 1000 * 1000 * len(line)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self.lines[self.at : self.at + min(len(buffer), self.left)]
        buffer[: len(piece)] = piece
        self.at = (self.at + len(piece)) % len(self.lines)
        self.left -= len(piece)
        return len(piece)


def test_memory_does_not_grow_with_the_stream() -> None:
    peaks = []
    for times in (200_000, 1_200_000):
        tracemalloc.start()
        line = b"1 0:1.5 1:2.5 2:3.5\n"
        found = sum(
            batch.rows for batch in libsvm.read(Repeated(line, times), "x", Reading(), 1 << 20)
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found == times
    assert peaks[1] < 1.5 * peaks[0]


def test_a_line_without_end_is_refused() -> None:
    from container_toolkit.content_types.line_blocks import line_blocks

    with pytest.raises(DataError, match="data line 2 is over 1 MiB long"):
        list(line_blocks(io.BytesIO(b"1\n" + b"0" * (3 << 20)), "data", 1 << 16, 1 << 20))


@settings(max_examples=300, deadline=None)
@given(st.floats(width=64, allow_nan=False, allow_infinity=False))
def test_numbers_are_python_floats_rounded_to_32_bits(number: float) -> None:
    with np.errstate(over="ignore"):
        narrow = np.float32(number)
    for text in (repr(number), f"{number:.20e}", f"{number:.3g}"):
        with np.errstate(over="ignore"):
            narrow = np.float32(float(text))
        if not np.isfinite(narrow):
            with pytest.raises(DataError, match="beyond a 32-bit float"):
                read(f"0 0:{text}")
            continue
        csr = read(f"0 0:{text}")[0].features
        assert isinstance(csr, Csr)
        assert csr.values.tobytes() == narrow.tobytes()


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def sparse_batches(draw: st.DrawFn) -> list[Batch]:
    labelled = draw(st.booleans())
    weighted = labelled and draw(st.booleans())
    grouped = draw(st.booleans())
    query = 0
    batches = []
    for _ in range(draw(st.integers(1, 3))):
        cells = draw(
            st.lists(
                st.dictionaries(st.integers(0, 50), finite, max_size=6), min_size=1, max_size=5
            )
        )
        size = len(cells)
        indices = [index for row in cells for index in sorted(row)]
        groups = np.cumsum(
            [query, *draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))]
        )
        query = int(groups[-1])
        numbers = st.lists(finite, min_size=size, max_size=size)
        labels = np.array(draw(numbers), np.float32)
        batches.append(
            Batch(
                features=Csr(
                    indptr=np.cumsum([0, *map(len, cells)]),
                    indices=np.array(indices, np.int32),
                    values=np.array([row[i] for row in cells for i in sorted(row)], np.float32),
                    columns=51,
                ),
                labels=labels if labelled else None,
                weights=np.abs(np.array(draw(numbers), np.float32)) if weighted else None,
                groups=groups[1:] if grouped else None,
            )
        )
    return batches


@settings(max_examples=150, deadline=None)
@given(sparse_batches(), st.sampled_from([9, 64, libsvm.BLOCK]))
def test_what_is_written_is_read_bit_for_bit(batches: list[Batch], block: int) -> None:
    stream = io.BytesIO()
    libsvm.CODEC.write(stream, batches)
    reading = Reading(label_size=0 if batches[0].labels is None else 1, columns=51)
    back = list(libsvm.read(io.BytesIO(stream.getvalue()), "data", reading, block))
    for name in ("labels", "weights", "groups"):
        there = [getattr(batch, name) for batch in batches]
        again = [getattr(batch, name) for batch in back]
        if there[0] is None:
            assert all(each is None for each in again)
        else:
            assert np.concatenate(again).tobytes() == np.concatenate(there).tobytes()
    for name in ("indices", "values"):
        again = np.concatenate([getattr(batch.features, name) for batch in back])
        assert (
            again.tobytes()
            == np.concatenate([getattr(batch.features, name) for batch in batches]).tobytes()
        )
    assert [len(row) for row in rows(back)] == [len(row) for row in rows(batches)]


def test_dense_rows_are_written_without_what_is_missing() -> None:
    dense = np.array([[0, np.nan, 0.1], [np.nan, np.nan, np.nan]], np.float32)
    stream = io.BytesIO()
    libsvm.CODEC.write(stream, [Batch(features=dense, labels=np.array([1, 0], np.float32))])
    assert stream.getvalue() == b"1 0:0 2:0.1\n0\n"


@pytest.mark.parametrize(
    "batch",
    [
        Batch(features=np.array([[np.inf]], np.float32)),
        Batch(features=np.ones((1, 1), np.float32), labels=np.array([np.nan], np.float32)),
        Batch(features=np.ones((1, 1), np.float32), labels=np.ones((1, 2), np.float32)),
        Batch(features=np.ones((1, 1), np.float32), weights=np.ones(1, np.float32)),
    ],
)
def test_what_has_no_words_is_not_written(batch: Batch) -> None:
    with pytest.raises(DataError):
        libsvm.CODEC.write(io.BytesIO(), [batch])


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "1 0:1.5 3:0.1\n0 2:1e-45\n"
    before = read(text)
    stream = io.BytesIO()
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert rows(read(text)) == rows(before)
    libsvm.CODEC.write(stream, before)
    assert rows(read(stream.getvalue().decode())) == rows(before)
    with pytest.raises(DataError, match=r"character 5: '1\.\.5'"):
        read("1 0:1..5\n")


@pytest.mark.parametrize("seed", range(len(fuzz_libsvm.seeds())))
def test_seeds_of_the_fuzzer(seed: int) -> None:
    fuzz_libsvm.check(fuzz_libsvm.seeds()[seed])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(fuzz_libsvm.ALPHABET), max_size=40).map(b"".join))
def test_any_text_is_read_right_or_refused(text: bytes) -> None:
    fuzz_libsvm.check(text)


@pytest.mark.parametrize("block", [1, 2, 3, 4, 100])
@pytest.mark.parametrize("text", [b"", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_alone_is_no_row(text: bytes, block: int) -> None:
    assert list(libsvm.read(io.BytesIO(text), "data", REQUEST, block)) == []


def test_a_small_request_is_one_batch_with_or_without_a_last_newline() -> None:
    for text in ("0:1\n1:2", "0:1\n1:2\n"):
        assert len(read(text, REQUEST)) == 1
