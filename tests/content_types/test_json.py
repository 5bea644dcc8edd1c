"""application/json and application/jsonlines: the forms of an instance, and every fault."""

from __future__ import annotations

import io
import json as stdlib_json
import os
import sys
import threading
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container_toolkit.content_types import CODECS, json, jsonlines, parse
from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.codec import Reading
from container_toolkit.errors import DataError
from tests.content_types import fuzz_json, fuzz_jsonlines

REQUEST = Reading(label_size=0)
TRAINING = Reading()


def document(*instances: str) -> bytes:
    return f'{{"instances": [{", ".join(instances)}]}}'.encode()


def read(data: bytes, reading: Reading = REQUEST, at_once: int = json.AT_ONCE) -> list[Batch]:
    return list(json.read(io.BytesIO(data), "data", reading, at_once))


def read_lines(
    data: bytes, reading: Reading = REQUEST, block: int = jsonlines.BLOCK
) -> list[Batch]:
    return list(jsonlines.read(io.BytesIO(data), "data", reading, block))


@pytest.mark.parametrize("codec", [json.CODEC, jsonlines.CODEC])
def test_the_table_names_it(codec: Any) -> None:
    name = parse(codec.media_type.removeprefix("application/"), "test").name
    assert name == codec.media_type
    assert sys.modules[CODECS[name].partition(":")[0]].CODEC is codec


@pytest.mark.parametrize(
    "instances",
    [
        ['{"features": [1, 2.5]}', '{"features": [null, -3e-2]}'],
        ['{"data": {"features": {"values": [1, 2.5]}}}', "[null, -3e-2]"],
        ['{"data": {"features": {"values": [1, 2.5], "shape": [2]}}}', "[null, -0.03]"],
    ],
)
@pytest.mark.parametrize("lines", [False, True])
def test_dense_instances(instances: list[str], lines: bool) -> None:
    if lines:
        (batch,) = read_lines("\n".join(instances).encode())
    else:
        (batch,) = read(document(*instances))
    assert isinstance(batch.features, np.ndarray)
    assert batch.features.dtype == np.float32
    assert batch.features.flags.c_contiguous
    np.testing.assert_array_equal(batch.features, np.array([[1, 2.5], [np.nan, -0.03]], np.float32))
    assert batch.labels is None


def test_a_list_alone_is_the_instances() -> None:
    (batch,) = read(b"\xef\xbb\xbf [[1, 2], [3, 4]] \n")
    assert isinstance(batch.features, np.ndarray)
    assert batch.features.tolist() == [[1, 2], [3, 4]]


def test_sparse_instances() -> None:
    (batch,) = read(
        document(
            '{"data": {"features": {"keys": [7, 2], "shape": [9], "values": [1.5, null]}}}',
            '{"data": {"features": {"keys": [], "shape": [9], "values": []}}}',
        )
    )
    csr = batch.features
    assert isinstance(csr, Csr)
    assert csr.indptr.tolist() == [0, 2, 2]
    assert csr.indices.tolist() == [2, 7]
    assert np.isnan(csr.values[0])
    assert csr.values[1] == 1.5
    assert csr.columns == 9


def test_labels_and_weights() -> None:
    (batch,) = read(
        document(
            '{"features": [1], "label": 1, "weight": 0.5}',
            '{"data": {"features": {"values": [2]}, "label": {"values": [0]}}, "weight": 2}',
        ),
        TRAINING,
    )
    assert batch.labels is not None
    assert batch.weights is not None
    assert batch.labels.tolist() == [1, 0]
    assert batch.weights.tolist() == [0.5, 2]
    (several,) = read(document('{"features": [1], "label": [1, 2]}'), Reading(label_size=2))
    assert several.labels is not None
    assert several.labels.tolist() == [[1, 2]]


def test_a_request_may_have_labels() -> None:
    (batch,) = read(document('{"features": [1], "label": 1}', "[2]"))
    assert batch.labels is None
    assert batch.rows == 2


FAULTS = [
    (["[1, 2]", "[1, true]"], "2, column 2: true is not a number"),
    (["[1, 2]", '[1, "2"]'], "2, column 2: the text '2' is not a number"),
    (["[1, 2]", "[[1], 2]"], "2, column 1: a list is not a number"),
    (["[1, 2]", "[1, {}]"], "2, column 2: an object is not a number"),
    (["[1, 2]", "[1, 2, 3]"], "2: it has 3 features, but those before have 2"),
    (["[1, 2]", "[1]"], "2: it has 1 features, but those before have 2"),
    (["[1]", "[1e39]"], "2, column 1: the number is beyond a 32-bit float"),
    (["[1]", "[-1e999]"], "2, column 1: the number is beyond"),
    (["[1]", f"[{'9' * 6000}]"], "2, column 1: the number is beyond"),
    (["[]"], "1: it has no features"),
    (["[1]", "2"], "2: 2 is not an instance"),
    (["[1]", "null"], "2: null is not an instance"),
    (['{"feature": [1]}'], '1: there are neither "features" nor "data"'),
    (['{"features": [1], "lable": 1}'], "1: it has the key 'lable'; known are"),
    (['{"data": {"features": [1], "id": 1}}'], "1: \"data\" has the key 'id'"),
    (['{"data": [1]}'], '1: "data" is not an object'),
    (['{"data": {}}'], '1: "data" has no "features"'),
    (['{"features": 1}'], '1: "features" is not an object'),
    (['{"data": {"features": {}}}'], '1: "features" has no list of "values"'),
    (['{"features": [1], "weight": 1}', "[1]"], "2: it has no weight"),
    (['{"features": [1], "weight": true}'], "1, weight: true is not a number"),
    (['{"features": {"values": [1, 2], "shape": [3]}}'], '1: "shape" says 3 features'),
    (['{"features": {"values": [1], "keys": [0]}}'], '1: "features" with "keys" need a "shape"'),
    (['{"features": {"values": [1], "keys": [0], "shape": 3}}'], '1: "shape" is not a list'),
    (['{"features": {"values": [1], "keys": [0], "shape": [2.5]}}'], '1: "shape" is not'),
    (['{"features": {"values": [1], "keys": [0, 1], "shape": [3]}}'], '1: "keys" is not a list'),
    (['{"features": {"values": [1], "keys": [3], "shape": [3]}}'], "1, key 1: 3 is not a column"),
    (['{"features": {"values": [1], "keys": [-1], "shape": [3]}}'], "1, key 1: -1 is not"),
    (['{"features": {"values": [1], "keys": [0.5], "shape": [3]}}'], "1, key 1: 0.5 is not"),
    (['{"features": {"values": [1], "keys": [true], "shape": [3]}}'], "1, key 1: true is not"),
    (['{"features": {"values": [1, 2], "keys": [1, 1], "shape": [3]}}'], "1: the key 1 comes twi"),
    (['{"features": {"values": ["1"], "keys": [1], "shape": [3]}}'], "1, value 1: the text '1'"),
    (["[1, 2]", '{"features": {"values": [1], "keys": [1], "shape": [2]}}'], "2: it is sparse"),
]


@pytest.mark.parametrize(("instances", "error"), FAULTS)
def test_a_fault_is_an_error_that_names_the_instance(instances: list[str], error: str) -> None:
    with pytest.raises(DataError) as as_document:
        read(document(*instances))
    assert str(as_document.value).startswith(f"data instance {error}")
    with pytest.raises(DataError) as as_lines:
        read_lines("\n".join(["", *instances, ""]).encode())
    number, rest = int(error[0]), error[1:]
    assert str(as_lines.value).startswith(f"data line {number + 1}{rest}")


@pytest.mark.parametrize(
    ("instance", "size", "error"),
    [
        ("[1]", 1, "1: it has no label"),
        ('{"features": [1]}', 1, "1: it has no label"),
        ('{"features": [1], "label": null}', 1, "1: it has no label"),
        ('{"features": [1], "label": "1"}', 1, "1, label: the text '1' is not a number"),
        ('{"features": [1], "label": true}', 1, "1, label: true is not a number"),
        ('{"features": [1], "label": 1e39}', 1, "1, label: the number is beyond"),
        ('{"features": [1], "label": [null]}', 1, "1, label: null is not a number"),
        ('{"features": [1], "label": [1]}', 2, "1: the label has 1 values, not 2"),
        ('{"features": [1], "label": {"values": [1]}}', 1, "1, label: an object is not a number"),
    ],
)
def test_a_label_that_is_none(instance: str, size: int, error: str) -> None:
    with pytest.raises(DataError) as raised:
        read(document(instance), Reading(label_size=size))
    assert str(raised.value).startswith(f"data instance {error}")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'{"instances": [[1]], "instances": [[2]]}', "data: the key 'instances' comes twice"),
        (b'[{"features": [1], "features": [2]}]', "data: the key 'features' comes twice"),
        (b"[[NaN]]", "data: NaN is not JSON; a missing value is null"),
        (b"[[-Infinity]]", "data: -Infinity is not JSON"),
        (b"[" * 200_000, "data: values are nested too deeply"),
        (b'{"a":' * 200_000, "data: values are nested too deeply"),
        (b"[[1]\n,[2]", "data line 2, character 5: this is not JSON"),
        (b"[[1]] [[2]]", "data, character 7: something follows"),
        (b"[[1], [2\xff]]", "data, byte 9: this is not UTF-8 text"),
        ("[[1]]".encode("utf-16"), "data, byte 1: this is not UTF-8 text"),
        (b"[[01]]", "data, character 4: this is not JSON"),
        (b"[[.5]]", "data, character 3: this is not JSON"),
        (b"[['1']]", "data, character 3: this is not JSON"),
        (b"[[1,]]", "data, character 5: this is not JSON"),
        (b" ", "data, character 2: this is not JSON"),
        (b"7", "data has no list of instances"),
        (b'{"instances": {}}', "data has no list of instances"),
        (b'{"rows": []}', 'data is an object without "instances"'),
        (b'{"instances": [], "more": 1}', 'data is an object without "instances", or with more'),
    ],
)
def test_a_document_that_is_none(data: bytes, error: str) -> None:
    with pytest.raises(DataError) as raised:
        read(data)
    if "this is not JSON" in error:  # each Python counts to the fault in its own way
        assert "this is not JSON" in str(raised.value)
        return
    assert str(raised.value).startswith(error)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"[1,\n2]\n", "data line 1, character"),
        (b"[1], [2]\n", "data line 1, character 4: something follows"),
        (b"[1\n2], [3]\n", "data line 1, character"),
        (b'[1]\n{"features": [1], "features": [2]}', "data line 2: the key 'features' comes twice"),
        (b"[1]\n\n[Infinity]", "data line 3: Infinity is not JSON"),
        (b"[1]\n" + b"[" * 200_000, "data line 2: values are nested too deeply"),
        (b"[1]\n[\xff]", "data line 2, byte 2: this is not UTF-8 text"),
    ],
)
@pytest.mark.parametrize("block", [5, jsonlines.BLOCK])
def test_a_line_that_is_none(data: bytes, error: str, block: int) -> None:
    with pytest.raises(DataError) as raised:
        read_lines(data, block=block)
    assert str(raised.value).startswith(error)


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"[]", b'{"instances": []}'])
def test_nothing_is_no_batch(data: bytes) -> None:
    assert read(data) == []


def test_the_width_may_be_known() -> None:
    expected = Reading(label_size=0, columns=3)
    with pytest.raises(DataError, match="instance 1: it has 2 features, but there must be 3"):
        read(b"[[1, 2]]", expected)
    assert read(b"[[1, 2, 3]]", expected)[0].columns == 3


def test_small_batches_and_blocks_number_alike() -> None:
    good = [f"[{i}, {i}]" for i in range(100)]
    assert [batch.rows for batch in read(document(*good), at_once=30)] == [30, 30, 30, 10]
    lines = "\n".join(good).encode()
    batches = read_lines(lines, block=64)
    assert len(batches) > 5
    assert np.concatenate([batch.features for batch in batches])[:, 0].tolist() == [*range(100)]
    with pytest.raises(DataError, match="instance 101, column 1"):
        read(document(*good, "[true, 1]"), at_once=30)
    with pytest.raises(DataError, match="instance 101: it has 1 features"):
        read(document(*good, "[1]"), at_once=30)
    with pytest.raises(DataError, match="line 101, column 1"):
        read_lines(lines + b"\n[true, 1]", block=64)


def test_a_pipe(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "train_0")
    os.mkfifo(path)
    text = b"".join(b'{"features": [%d, 0.5], "label": %d}\r\n' % (i, i) for i in range(9000))

    def feed() -> None:
        with open(path, "wb", buffering=0) as pipe:
            for at in range(0, len(text), 1001):
                pipe.write(text[at : at + 1001])

    feeder = threading.Thread(target=feed)
    feeder.start()
    with open(path, "rb", buffering=0) as stream:
        batches = list(jsonlines.read(stream, "train_0", TRAINING, 1 << 14))
    feeder.join()
    assert np.concatenate([batch.labels for batch in batches]).tolist() == [*range(9000)]


def test_memory_of_lines_does_not_grow_with_the_stream(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "rows.jsonl")
    peaks = []
    for times in (5_000, 40_000):
        with open(path, "wb") as stream:
            stream.write(b'{"features": [1.5, 2.5, 3.5]}\n' * times)
        with open(path, "rb") as stream:
            tracemalloc.start()
            rows = sum(batch.rows for batch in jsonlines.read(stream, "x", REQUEST, 1 << 15))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert rows == times
    assert peaks[1] < 1.5 * peaks[0]


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def batches(draw: st.DrawFn) -> list[Batch]:
    sparse, weighted = draw(st.booleans()), draw(st.booleans())
    size = draw(st.integers(0, 2))
    columns = draw(st.integers(1, 6))
    found = []
    for _ in range(draw(st.integers(1, 3))):
        rows = draw(st.integers(1, 5))
        cells = draw(
            st.lists(
                st.lists(finite | st.none(), min_size=columns, max_size=columns),
                min_size=rows,
                max_size=rows,
            )
        )
        features: Any = np.array(cells, np.float64).astype(np.float32)
        if sparse:
            there = ~np.isnan(features)
            features = Csr(
                indptr=np.concatenate(([0], np.cumsum(there.sum(axis=1)))),
                indices=np.nonzero(there)[1].astype(np.int32),
                values=features[there],
                columns=columns,
            )
        labels = np.array(
            draw(st.lists(finite, min_size=rows * 2, max_size=rows * 2)), np.float32
        ).reshape(rows, 2)
        found.append(
            Batch(
                features=features,
                labels=None if not size else labels if size == 2 else labels[:, 0].copy(),
                weights=labels[:, 1].copy() if weighted else None,
            )
        )
    return found


def bits(batch: Batch) -> list[Any]:
    features = batch.features
    parts = (
        [features.indptr, features.indices, features.values]
        if isinstance(features, Csr)
        else [features]
    )
    return [each if each is None else each.tolist() for each in (batch.labels, batch.weights)] + [
        np.asarray(part).tobytes() for part in parts
    ]


@settings(max_examples=150, deadline=None)
@given(batches())
def test_what_is_written_is_read_bit_for_bit(written: list[Batch]) -> None:
    labels = written[0].labels
    reading = Reading(label_size=0 if labels is None else 1 if labels.ndim == 1 else 2)
    for module in (json, jsonlines):
        stream = io.BytesIO()
        module.CODEC.write(stream, written)
        back = list(module.CODEC.read(io.BytesIO(stream.getvalue()), "data", reading))
        again = io.BytesIO()
        module.CODEC.write(again, back)
        assert again.getvalue() == stream.getvalue()
        one = back[0]
        first = [batch for batch in written if batch.rows]
        assert sum(batch.rows for batch in first) == one.rows
        if len(written) == 1:
            assert bits(one) == bits(written[0])
        values = [np.asarray(getattr(b.features, "values", b.features)).ravel() for b in written]
        found = np.asarray(getattr(one.features, "values", one.features)).ravel()
        assert found.tobytes() == np.concatenate(values).tobytes()


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_python_floats_rounded_to_32_bits(number: float) -> None:
    with np.errstate(over="ignore"):
        narrow = np.float32(number)
    data = stdlib_json.dumps([[number]]).encode()
    if np.isinf(narrow):
        with pytest.raises(DataError, match="beyond a 32-bit float"):
            read(data)
    else:
        features = read(data)[0].features
        assert isinstance(features, np.ndarray)
        assert features.tobytes() == narrow.tobytes()


def test_how_it_is_written() -> None:
    batch = Batch(
        features=np.array([[0.1, np.nan]], np.float32),
        labels=np.ones(1, np.float32),
        weights=np.full(1, 0.25, np.float32),
    )
    stream = io.BytesIO()
    json.CODEC.write(stream, [batch, batch])
    row = {"features": [0.1, None], "label": 1, "weight": 0.25}
    assert stdlib_json.loads(stream.getvalue()) == {"instances": [row, row]}
    empty = io.BytesIO()
    json.CODEC.write(empty, [])
    assert stdlib_json.loads(empty.getvalue()) == {"instances": []}


def test_what_has_no_words_is_not_written() -> None:
    one = np.ones((1, 1), np.float32)
    narrow, wide = (
        Csr(
            indptr=np.array([0, 1]),
            indices=np.zeros(1, np.int32),
            values=np.ones(1, np.float32),
            columns=columns,
        )
        for columns in (1, 2)
    )
    for wrong in (
        [Batch(features=one * np.inf)],
        [Batch(features=one, labels=one[0] * np.nan)],
        [Batch(features=one, weights=one[0] * np.inf)],
        [Batch(features=one, groups=np.array([1]))],
        [Batch(features=narrow), Batch(features=wide)],
    ):
        with pytest.raises(DataError):
            jsonlines.CODEC.write(io.BytesIO(), wrong)


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    stream = io.BytesIO()
    (batch,) = read(b"[[0.1, null, 1e-45]]")
    json.CODEC.write(stream, [batch])
    (again,) = read(stream.getvalue())
    assert bits(again) == bits(batch)


@pytest.mark.parametrize("module", [fuzz_json, fuzz_jsonlines])
def test_seeds_of_the_fuzzers(module: Any) -> None:
    for seed in module.seeds():
        module.check(seed)


scalars = st.sampled_from([0, 1, 2.5, -3, 1e39, None, True, "1", 10**400])
cells = st.lists(st.sampled_from([0, 1, 2.5, None]), min_size=2, max_size=2) | st.lists(
    scalars, max_size=3
)
tensors = st.fixed_dictionaries(
    {"values": cells},
    optional={
        "keys": st.lists(st.sampled_from([0, 1, 2, 0.5, -1]), max_size=3),
        "shape": st.sampled_from([[2], [3], [0], 3, [2, 2]]),
    },
)
label = st.sampled_from([1, 0, [1], [1, 2], {"values": [1]}, {"values": [0, 1]}, None, "1"])
instances = (
    cells
    | st.fixed_dictionaries(
        {"features": cells | tensors}, optional={"label": label, "weight": scalars}
    )
    | st.fixed_dictionaries(
        {"data": st.fixed_dictionaries({"features": cells | tensors}, optional={"label": label})},
        optional={"weight": scalars, "label": label},
    )
)


@settings(max_examples=400, deadline=None)
@given(instances, st.lists(instances, max_size=2), st.booleans())
def test_any_instances_are_read_right_or_refused(
    first: Any, others: list[Any], alike: bool
) -> None:
    found = [first, first] if alike else [first, *others]
    fuzz_json.check(stdlib_json.dumps({"instances": found}).encode())
    fuzz_jsonlines.check("\n".join(map(stdlib_json.dumps, found)).encode())
