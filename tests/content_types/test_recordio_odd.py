"""RecordIO-protobuf as no writer we know writes it, but as a parser must read it."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container_toolkit.content_types.codec import Reading
from container_toolkit.content_types.recordio_protobuf import CODEC
from container_toolkit.errors import DataError
from tests.content_types import fuzz_recordio
from tests.content_types.recordio_schema import frame


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, content: bytes | int, wire: int = 2) -> bytes:
    tag = varint(number << 3 | wire)
    if isinstance(content, int):
        return tag + varint(content)
    return tag + (varint(len(content)) if wire == 2 else b"") + content


def group(content: bytes) -> bytes:
    return field(6, b"", 3) + content + field(6, b"", 4)


FLOAT, DOUBLE, INT = 2, 3, 7
numbers = st.one_of(
    st.sampled_from([0.0, 1.0, -2.5, 3e38]), st.sampled_from([float("nan"), float("inf"), 1e300])
)
keys = st.one_of(st.integers(0, 5), st.sampled_from([127, 128, 300, 2**31 - 1, 2**31, 2**64 - 1]))
unknown = st.sampled_from(
    [field(12, b"\x00\x01"), field(11, 300, 0), field(13, b"1234", 5), group(field(1, b"a"))]
)


def float_bytes(kind: int, value: float) -> bytes:
    with np.errstate(over="ignore"):
        return struct.pack("<d", value) if kind == DOUBLE else np.float32(value).tobytes()


@st.composite
def tensor_fields(draw: st.DrawFn, kind: int) -> bytes:
    pieces = []
    if kind == INT:
        ints = draw(st.lists(st.sampled_from([0, 1, 300, 2**31 - 1, 2**64 - 1, 2**64 - 2**31])))
        packed, single = [varint(each) for each in ints], 0
    else:
        packed = [float_bytes(kind, each) for each in draw(st.lists(numbers, max_size=3))]
        single = 1 if kind == DOUBLE else 5
    columns = draw(st.sampled_from([[], [], [3], [3], [1, 3], [6], [0], [2, 3], [2**31]]))
    for number, content, wire in (
        (1, packed, single),
        (2, [varint(each) for each in draw(st.lists(keys, max_size=3))], 0),
        (3, [varint(each) for each in columns], 0),
    ):
        if draw(st.booleans()):
            pieces += [field(number, each, wire) if wire else varint(number << 3) + each
                       for each in content]  # fmt: skip
        elif content or draw(st.booleans()):
            pieces.append(field(number, b"".join(content)))
    if draw(st.integers(0, 9)) == 0:
        pieces.append(draw(unknown))
    if draw(st.integers(0, 3)) == 0:
        pieces = draw(st.permutations(pieces))
    return b"".join(pieces)


@st.composite
def entry(draw: st.DrawFn) -> bytes:
    kinds = draw(st.lists(st.sampled_from([FLOAT, FLOAT, DOUBLE, INT]), max_size=2))
    value = b"".join(field(kind, draw(tensor_fields(kind))) for kind in kinds)
    name = draw(st.sampled_from([b"values"] * 9 + [b"weights", b"other", b"\xff"]))
    pieces = [field(1, name), field(2, value)]
    odd = draw(st.integers(0, 19))
    if odd == 0:
        pieces.reverse()
    elif odd == 1:
        pieces.append(field(2, field(FLOAT, draw(tensor_fields(FLOAT)))))
    elif odd == 2:
        pieces.pop(draw(st.integers(0, 1)))
    elif odd == 3:
        pieces.append(draw(unknown))
    return b"".join(pieces)


LABEL = field(2, field(1, b"values") + field(2, field(FLOAT, field(1, float_bytes(FLOAT, 1.0)))))


@st.composite
def record(draw: st.DrawFn) -> bytes:
    pieces = [field(1, each) for each in draw(st.lists(entry(), max_size=2))]
    pieces.append(draw(st.one_of(st.just(LABEL), entry().map(lambda each: field(2, each)))))
    if draw(st.integers(0, 9)) == 0:
        pieces.append(draw(unknown))
    if draw(st.integers(0, 4)) == 0:
        pieces = draw(st.permutations(pieces))
    return b"".join(pieces)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Few different records, some of them often: so that some are read many at a time."""
    some = draw(st.lists(record(), min_size=1, max_size=3))
    order = draw(st.lists(st.sampled_from(some), max_size=6))
    return b"".join(map(frame, order or some))


@settings(max_examples=300, deadline=None)
@given(files())
def test_any_encoding_is_read_as_protobuf_reads_it(data: bytes) -> None:
    fuzz_recordio.check(data)


@pytest.mark.parametrize("number", range(len(fuzz_recordio.seeds())))
def test_seeds_and_all_they_could_be_cut_to(number: int) -> None:
    seed = fuzz_recordio.seeds()[number]
    for length in range(len(seed) + 1):
        fuzz_recordio.check(seed[:length])


def read_one(payload: bytes, reading: Reading | None = None) -> tuple[list[float], list[float]]:
    [batch] = CODEC.read(io.BytesIO(frame(payload)), "odd.pbr", reading or Reading())
    assert batch.labels is not None
    assert isinstance(batch.features, np.ndarray)
    return batch.features[0].tolist(), batch.labels.tolist()


def features(tensor: bytes, kind: int = FLOAT, name: bytes = b"values") -> bytes:
    return field(1, field(1, name) + field(2, field(kind, tensor)))


ONE, TWO = float_bytes(FLOAT, 1.0), float_bytes(FLOAT, 2.0)
PACKED = field(1, ONE + TWO)


@pytest.mark.parametrize(
    "payload",
    [
        features(field(1, ONE, 5) + field(1, TWO, 5)) + LABEL,
        features(field(1, ONE, 5) + field(1, TWO)) + LABEL,
        LABEL + features(PACKED),
        features(field(1, ONE)) + LABEL + features(PACKED),
        field(1, field(2, field(FLOAT, PACKED)) + field(1, b"values")) + LABEL,
        field(3, b"an id") + features(PACKED) + LABEL + field(4, b"{}") + field(5, b"{}"),
        field(99, 7, 0) + features(PACKED + field(9, b"12345678", 1)) + group(LABEL) + LABEL,
        features(field(3, b"\x02") + PACKED) + LABEL,
        features(field(3, b"\x01\x02") + PACKED) + LABEL,
        features(field(1, b"\x01\x02"), INT) + LABEL,
        features(field(1, 1, 0) + field(1, 2, 0), INT) + LABEL,
        features(field(1, struct.pack("<dd", 1, 2)), DOUBLE) + LABEL,
        features(b"", name=b"values") + features(PACKED) + LABEL,
    ],
)
def test_one_row_in_many_encodings(payload: bytes) -> None:
    assert read_one(payload) == ([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (field(1, field(1, b"values") + field(2, field(9, field(1, b"png")))), "Bytes"),
        (features(PACKED, name=b"in0"), "'in0'"),
        (field(1, field(1, b"values") + field(2, field(10, b""))), "field 10"),
        (features(field(1, 5, 0)), "wire type 0"),
        (field(1, b"values\x12\x80"), "odd.pbr record 1: "),
        (b"\x0a\x50abc", "is 80 bytes long, but only"),
        (features(field(1, b"\x80" * 10 + b"\x01"), INT), "longer than 10 bytes"),
        (features(field(1, b"123")), "3 bytes"),
        (field(6, b"", 3), "group 6 does not end"),
    ],
)
def test_what_is_not_understood_is_refused(payload: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_one(payload + LABEL)
