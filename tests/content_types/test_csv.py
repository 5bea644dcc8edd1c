"""What text/csv means: values, missing cells, parameters; on each way to read it."""

from __future__ import annotations

import io
import struct
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container_toolkit.content_types import csv, find_codec, parse
from container_toolkit.content_types.codec import Reading, reading
from container_toolkit.content_types.csv_cells import rounded
from container_toolkit.errors import ConfigError
from tests.content_types import fuzz_csv

ALWAYS_PYTHON = 1 << 40
NAN = float("nan")


@pytest.fixture(params=["arrow", "python"])
def small(request):
    """The size up to which Python reads: each test runs once by Arrow and once without."""
    return {"arrow": 0, "python": ALWAYS_PYTHON}[request.param]


def rows(data, small=0, *, block=csv.BLOCK, **known):
    """All rows as lists, in the file's order of columns."""
    found = []
    for batch in csv.read(io.BytesIO(data), "f.csv", Reading(**known), block, small):
        parts = [batch.labels, batch.weights, batch.features]
        flat = [np.reshape(part, (batch.rows, -1)) for part in parts if part is not None]
        found += np.concatenate(flat, axis=1).tolist()
    return found


def same(found, expected):
    np.testing.assert_array_equal(found, expected)


def test_labels_weight_and_features_are_told_apart(small):
    data = b"1,0,0.5,7,8\n2,1,0.25,9,10\n"
    (batch,) = csv.read(
        io.BytesIO(data), "f.csv", Reading(label_size=2, weights=True), csv.BLOCK, small
    )
    assert batch.labels.tolist() == [[1, 0], [2, 1]]
    assert batch.weights.tolist() == [0.5, 0.25]
    assert batch.features.tolist() == [[7, 8], [9, 10]]
    for array in (batch.labels, batch.weights, batch.features):
        assert array.dtype == np.float32
        assert array.flags.c_contiguous


def test_one_label_is_one_dimension_and_none_is_none(small):
    (batch,) = csv.read(io.BytesIO(b"1,2\n3,4\n"), "f", Reading(), csv.BLOCK, small)
    assert batch.labels.tolist() == [1, 3]
    assert batch.weights is None
    (batch,) = csv.read(io.BytesIO(b"1,2\n"), "f", Reading(label_size=0), csv.BLOCK, small)
    assert batch.labels is None
    assert batch.features.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"1,,3\n4,5,\n", [[1, NAN, 3], [4, 5, NAN]]),
        (b'1,"",  \n', [[1, NAN, NAN]]),
        (b'"1","2.5"," 3 "\n', [[1, 2.5, 3]]),
        (b' 1 ,\t2, "3" \n', [[1, 2, 3]]),
        (b"1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
        (b"1,2\r\n3,4\r", [[1, 2], [3, 4]]),
        (b"1,2\n3,4", [[1, 2], [3, 4]]),
        (b"\xef\xbb\xbf1,2\n3,4\n", [[1, 2], [3, 4]]),
        (b"1,2\n3,4\n\n", [[1, 2], [3, 4]]),
        (b"1,2\r\n\r\n\r\n", [[1, 2]]),
        (b"1,+2,.5,6.,-7e-1,8E+1\n", [[1, 2, 0.5, 6, np.float32(-0.7), 80]]),
        (b"1,1e-50,-1e-50\n", [[1, 0, 0]]),
        (b'1,"2"\r\n"3",4\r\n', [[1, 2], [3, 4]]),
        (b"", []),
        (b"\n\r\n", []),
        (b"\xef\xbb\xbf", []),
    ],
)
def test_what_is_fine(data, expected, small):
    same(rows(data, small), expected)


def test_a_missing_value_alone_in_its_row_is_a_pair_of_quotes(small):
    same(rows(b'1\n""\n2\n', small, label_size=0), [[1], [NAN], [2]])


def test_a_further_spelling_of_missing(small):
    missing = {"missing": "NA"}
    same(
        rows(b'1,NA\n2, NA\n3,"NA"\n4,\n', small, parameters=missing),
        [[1, NAN], [2, NAN], [3, NAN], [4, NAN]],
    )
    missing = {"missing": "nan"}
    same(rows(b"1,nan,NaN,NAN\n", small, parameters=missing), [[1, NAN, NAN, NAN]])
    same(
        rows(b"1,-999\n-9,-999.5\n", small, parameters={"missing": "-999"}),
        [[1, NAN], [-9, -999.5]],
    )


def test_a_header_is_skipped_where_it_is_said_to_be_present(small):
    present = {"header": "present"}
    same(rows(b'label,"a, b"\n1,2\n', small, parameters=present), [[1, 2]])
    same(rows("größe,x\n1,2\n".encode(), small, parameters=present), [[1, 2]])
    same(rows(b"label,0,1\n1,2,3\n", small, parameters=present), [[1, 2, 3]])
    same(rows(b"0,1,2\n5,6,7\n", small, parameters=present), [[5, 6, 7]])
    same(rows(b"label,x\n1,2\n3,4\n", small, block=3, parameters=present), [[1, 2], [3, 4]])
    assert rows(b"label,x\n", small, parameters=present) == []


@pytest.mark.parametrize(
    ("given", "character"),
    [("tab", "\t"), ("space", " "), ("semicolon", ";"), ("Pipe", "|"), ("comma", ","), (":", ":")],
)
def test_delimiters(given, character, small):
    data = '1,,"2.5"\n4,5,6\n'.replace(",", character).encode()
    same(rows(data, small, parameters={"delimiter": given}), [[1, NAN, 2.5], [4, 5, 6]])


def test_the_parameters_stand_in_the_content_type():
    media = parse("text/csv; header=present; delimiter=semicolon; missing=NA", "test")
    codec = find_codec(media, "test")
    known = reading(media, codec, Reading(), "test")
    (batch,) = codec.read(io.BytesIO(b"y;x\n1;NA\n"), "f", known)
    same(batch.features, [[NAN]])


@pytest.mark.parametrize(
    "parameters",
    [
        {"header": "maybe"},
        {"delimiter": "ab"},
        {"delimiter": ""},
        {"delimiter": "1"},
        {"delimiter": "."},
        {"delimiter": '"'},
        {"delimiter": "é"},
        {"missing": ""},
        {"missing": 'a"b'},
        {"missing": "a,b"},
    ],
)
def test_parameters_that_make_no_sense(parameters):
    with pytest.raises(ConfigError, match=r"f\.csv: \w+="):
        rows(b"1,2\n", parameters=parameters)


def test_arrow_and_python_read_the_same_bits():
    random = np.random.default_rng(3)
    table = (random.normal(size=(400, 7)) * 10.0 ** random.integers(-44, 37, (400, 7))).tolist()
    data = "\n".join(",".join(map(repr, row)) for row in table).encode()
    by_arrow = np.array(rows(data, 0), np.float32)
    assert by_arrow.tobytes() == np.array(rows(data, ALWAYS_PYTHON), np.float32).tobytes()


def test_without_pyarrow_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    data = b"1,2,\n" * 3000
    same(rows(data, 0), [[1, 2, NAN]] * 3000)


def test_more_columns_than_arrow_likes():
    data = (",".join(["1"] * 5000) + "\n").encode() * 20
    same(rows(data, 0), [[1] * 5000] * 20)


decimals = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-3e38, 3e38).map(repr),
    st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{0,30})?(e[+-]?[0-3]?[0-9])?", fullmatch=True),
)


@settings(deadline=None)
@given(st.lists(decimals, min_size=1, max_size=20))
def test_numbers_are_the_nearest_float32(texts):
    """Against exact fractions, on both ways; those beyond float32 have a test of their own."""
    texts = [text for text in texts if abs(float(text)) < 3.4e38] or ["0"]
    data = "\n".join(f"0,{text}" for text in texts).encode()
    expected = [fuzz_csv.number(text, {}) for text in texts]
    for small in (0, ALWAYS_PYTHON):
        assert [row[1] for row in rows(data, small)] == expected


@given(st.integers(0, 0x7F7FFFFE), st.sampled_from([-1, 0, 1]))
def test_what_lies_about_halfway_between_two_float32_is_rounded_once(bits, side):
    """By way of a double, a hair above or below the middle would be rounded as if it were on it."""
    low, high = (Fraction(struct.unpack("f", struct.pack("I", bits + up))[0]) for up in (0, 1))
    middle = (low + high) / 2
    digits = str(middle.numerator * 10**200 // middle.denominator)  # exact: it ends by then
    text = f"{digits}{int(side > 0)}e-201" if side >= 0 else f"{int(digits + '0') - 1}e-201"
    expected = {-1: low, 1: high, 0: (low, high)[bits & 1]}[side]
    assert Fraction(rounded(text)) == expected
    for small in (0, ALWAYS_PYTHON):
        assert Fraction(rows(f"0,{text}\n".encode(), small)[0][1]) == expected


def test_the_largest_float32_and_what_still_rounds_to_it(small):
    below = str((1 << 128) - (1 << 103) - 1)
    assert rows(f"0,{below}\n".encode(), small) == [[0, float(np.finfo(np.float32).max)]]


@pytest.mark.parametrize("data", fuzz_csv.seeds())
def test_the_fuzzer_starts_from_what_is_right(data):
    fuzz_csv.check(data)
