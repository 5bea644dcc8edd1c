"""How predictions are answered, in each media type."""

from __future__ import annotations

import csv
import io
import json
import struct
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container_toolkit.content_types.media_type import MediaType
from container_toolkit.content_types.predictions import ACCEPTS, encode
from container_toolkit.errors import AlgorithmError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

CSV, JSON, LINES, RECORDS = (
    MediaType(name=name)
    for name in (
        "text/csv",
        "application/json",
        "application/jsonlines",
        "application/x-recordio-protobuf",
    )
)
SCORE = np.array([0.43, 0.1], np.float32)
PAIRS = np.array([[0.1, 0.9], [0.8, 0.2]], np.float32)


def test_one_number_a_row() -> None:
    assert encode({"score": SCORE}, CSV) == b"0.43\n0.1\n"
    assert json.loads(encode({"score": SCORE}, JSON)) == {
        "predictions": [{"score": 0.43}, {"score": 0.1}]
    }
    assert encode({"score": SCORE}, LINES) == b'{"score": 0.43}\n{"score": 0.1}\n'


def test_one_vector_a_row() -> None:
    assert encode({"p": PAIRS}, CSV) == b"0.1,0.9\n0.8,0.2\n"
    assert encode({"p": PAIRS}, LINES) == b'{"p": [0.1, 0.9]}\n{"p": [0.8, 0.2]}\n'


def test_several_outputs_in_the_callers_order() -> None:
    outputs = {"label": np.array([1, 0]), "p": PAIRS, "all": np.array([[0, 1], [0, 1]])}
    assert encode(outputs, CSV) == b'1,"[0.1, 0.9]","[0, 1]"\n0,"[0.8, 0.2]","[0, 1]"\n'
    first, _ = csv.reader(io.StringIO(encode(outputs, CSV).decode()))
    assert json.loads(first[1]) == [0.1, 0.9]
    rows = [json.loads(line) for line in encode(outputs, LINES).splitlines()]
    assert rows[0] == {"label": 1, "p": [0.1, 0.9], "all": [0, 1]}
    assert list(rows[0]) == ["label", "p", "all"]


def test_the_key_of_a_document_is_the_callers() -> None:
    document = json.loads(encode({"score": SCORE}, JSON, under="scores"))
    assert document == {"scores": [{"score": 0.43}, {"score": 0.1}]}


def refuse(constant: str) -> None:
    raise AssertionError(constant)


def test_json_never_has_nan_or_infinity() -> None:
    bad = np.array([np.nan, np.inf, -np.inf, 1], np.float32)
    outputs = {"score": bad, "p": np.column_stack([bad, bad]), "wide": bad.astype(np.float64)}
    document = json.loads(encode(outputs, JSON), parse_constant=refuse)
    null = {"score": None, "p": [None, None], "wide": None}
    assert document["predictions"] == [null, null, null, {"score": 1, "p": [1, 1], "wide": 1}]
    for line in encode(outputs, LINES).splitlines():
        json.loads(line, parse_constant=refuse)
    cells = [row[1] for row in csv.reader(io.StringIO(encode(outputs, CSV).decode()))]
    assert json.loads(cells[0], parse_constant=refuse) == [None, None]
    assert encode({"score": bad}, CSV) == b"nan\ninf\n-inf\n1\n"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(width=32), min_size=1, max_size=20))
def test_every_float_reads_back_with_equal_bits(numbers: list[float]) -> None:
    score = np.array(numbers, np.float32)
    finite = np.isfinite(score)
    rows = json.loads(encode({"s": score}, JSON), parse_constant=refuse)["predictions"]
    back = np.array([row["s"] for row in rows], np.float64).astype(np.float32)
    assert back[finite].tobytes() == score[finite].tobytes()
    back = np.array([float(line) for line in encode({"s": score}, CSV).split()], np.float32)
    assert back[finite].tobytes() == score[finite].tobytes()
    wide = score.astype(np.float64) / 3
    lines = encode({"s": wide}, CSV).split()
    assert np.array([float(line) for line in lines])[finite].tobytes() == wide[finite].tobytes()


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert encode({"score": SCORE, "p": PAIRS}, LINES).splitlines()[0] == (
        b'{"score": 0.43, "p": [0.1, 0.9]}'
    )
    bad = np.array([np.nan, 1e10, 1e-45], np.float32)
    rows = [
        json.loads(line, parse_constant=refuse)
        for line in encode({"s": bad}, LINES).split(b"\n")[:-1]
    ]
    assert [row["s"] for row in rows] == [None, 1e10, 1e-45]


def frames(data: bytes) -> Iterator[bytes]:
    while data:
        magic, size = struct.unpack_from("<II", data)
        assert magic == 0xCED7230A
        yield data[8 : 8 + size]
        end = 8 + size + -size % 4
        assert not any(data[8 + size : end])
        data = data[end:]


def fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, content) of length-delimited fields."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag, size = varint(), varint()
        assert at + size <= len(data)
        yield tag, data[at : at + size]
        at += size


def labels(record: bytes) -> dict[str, list[float]]:
    found = {}
    for tag, entry in fields(record):
        assert tag == 2 << 3 | 2, "only labels"
        (_, name), (value_tag, value) = fields(entry)
        assert value_tag == 2 << 3 | 2
        ((tensor_tag, tensor),) = fields(value)
        assert tensor_tag == 2 << 3 | 2, "float32_tensor"
        ((values_tag, values),) = fields(tensor)
        assert values_tag == 1 << 3 | 2, "packed values"
        found[name.decode()] = np.frombuffer(values, "<f4").tolist()
    return found


@pytest.mark.parametrize("length", [1, 7, 40, 5000])
def test_records_hold_each_output_as_a_tensor(length: int) -> None:
    vectors = np.random.default_rng(0).random((3, length)).astype(np.float32)
    outputs = {"score": np.array([1, 2, 3]), "distances": vectors}
    records = list(frames(encode(outputs, RECORDS)))
    assert [labels(record) for record in records] == [
        {"score": [float(i + 1)], "distances": vectors[i].tolist()} for i in range(3)
    ]


def test_records_are_those_of_protobuf() -> None:
    """The documented bytes of one float32_tensor with the value 0.5 under `score`."""
    expected = bytes.fromhex("12110a0573636f7265120812060a040000003f")
    (record,) = frames(encode({"score": np.array([0.5])}, RECORDS))
    assert record == expected


def test_size_is_linear_in_rows() -> None:
    """The peer's writer repeats all earlier records in each."""
    one = len(encode({"score": np.zeros(1, np.float32)}, RECORDS))
    assert len(encode({"score": np.zeros(1000, np.float32)}, RECORDS)) == 1000 * one


@pytest.mark.parametrize("media", [CSV, JSON, LINES, RECORDS])
def test_no_rows_and_one_row(media: MediaType) -> None:
    none = {"score": np.zeros(0, np.float32), "p": np.zeros((0, 3), np.float32)}
    empty = b'{"predictions": []}' if media is JSON else b""
    assert encode(none, media) == empty
    assert encode({"score": np.zeros(1, np.float32), "p": np.zeros((1, 3))}, media)


def test_names_are_escaped() -> None:
    name = 'a"{b}\né'
    assert json.loads(encode({name: SCORE}, LINES).splitlines()[0]) == {name: 0.43}
    (record, _) = frames(encode({name: SCORE}, RECORDS))
    assert [*labels(record)] == [name]


@pytest.mark.parametrize(
    "outputs",
    [
        {},
        {"a": np.zeros(2), "b": np.zeros(3)},
        {"a": np.zeros((2, 2, 2))},
        {"a": np.array(["x"])},
        {"a": np.array([None])},
    ],
)
def test_outputs_that_are_no_rows_are_a_bug(outputs: dict[str, Any]) -> None:
    with pytest.raises(AlgorithmError):
        encode(outputs, CSV)


def test_what_is_not_accepted_names_what_is() -> None:
    with pytest.raises(ConfigError, match=r"image/png; ask for text/csv, application/json, "):
        encode({"score": SCORE}, MediaType(name="image/png"))
    assert [*ACCEPTS] == [CSV.name, JSON.name, LINES.name, RECORDS.name]
