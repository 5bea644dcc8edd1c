"""Nothing becomes a missing value, or another number, in silence: each fault has its place."""

from __future__ import annotations

import io
import re

import pytest

from container_toolkit.content_types import csv
from container_toolkit.content_types.codec import Reading
from container_toolkit.errors import DataError

GOOD = b"1,0.5,2,3\n"
ALWAYS_PYTHON = 1 << 40


def message(data, known=None, *, block=csv.BLOCK, small=0):
    with pytest.raises(DataError) as caught:
        list(csv.read(io.BytesIO(data), "data/f.csv", known or Reading(), block, small))
    return str(caught.value)


def both(data, known=None, *, block=csv.BLOCK):
    """The error, which must not depend on who reads."""
    by_arrow = message(data, known, block=block)
    assert by_arrow == message(data, known, block=block, small=ALWAYS_PYTHON)
    assert by_arrow.startswith("data/f.csv, row ")
    assert by_arrow.endswith(".")
    return by_arrow


CELLS = {
    b"abc": "'abc' is not a number",
    b"nan": "'nan' is not a number; leave the cell of a missing value empty, or add missing=nan",
    b"-nan": "not a number",
    b"NaN": "add missing=NaN",
    b"nan(1)": "not a number",
    b"NA": "add missing=NA",
    b"inf": "not finite",
    b"-Infinity": "not finite",
    b"1e39": "outside of float32",
    b"-3.5e38": "outside of float32",
    b"1e400": "outside of float32",
    b"340282356779733661637539395458142568448": "outside of float32",
    b"0x10": "not a number",
    b"1_000": "not a number",
    b"1e": "not a number",
    b".": "not a number",
    b"+-1": "not a number",
    b"1 2": "not a number",
    b"1d5": "not a number",
    b"2\x00": "NUL byte",
    b"\x00": "NUL byte",
    b"\xff": "byte 0xff is no UTF-8",
    "١".encode(): "not a number",
    "\u00a02".encode(): "not a number",
    b"\x0b2": "not a number",
    b"\xef\xbb\xbf2": "not a number",
    b'"2.5"3': "goes on after its closing quote",
    b'"2""5"': "not a number",
    b'2"5': "not a number",
    b'"2,5"': "not a number",
    b'"2.5': "quote is not closed",
    b'"': "quote is not closed",
    b"2\r3": "carriage return",
    b"2\r\r": "carriage return",
    b"1" * 100: "1…' is outside",
}


@pytest.mark.parametrize("block", [1, 64, csv.BLOCK])
@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_that_is_no_number(cell, block):
    """In column 3 of the fourth row of five, which small blocks put into one of its own."""
    data = GOOD * 3 + b"1,0.5," + cell + b",3\n" + GOOD
    error = both(data, block=block)
    assert error.startswith("data/f.csv, row 4, column 3: ")
    assert CELLS[cell] in error


@pytest.mark.parametrize("line", [b"1,2,3", b"1,2,3,4,5", b"1", b"1,2,3,4,", b'"1,2,3,4"'])
@pytest.mark.parametrize("block", [1, csv.BLOCK])
def test_a_ragged_row(line, block):
    columns = 1 if line.startswith(b'"') else line.count(b",") + 1
    error = both(GOOD * 6 + line + b"\r\n" + GOOD, block=block)
    expected = rf"row 7: the row has {columns} columns?, but those before have 4; give"
    assert re.search(expected, error)


def test_a_byte_order_mark_that_does_not_stand_at_the_start():
    mark = b"\xef\xbb\xbf"
    assert "row 2, column 1: " in both(GOOD + mark + GOOD, block=len(GOOD))
    assert "row 1, column 1: " in both(mark + mark + GOOD)


def test_a_blank_line_does_not_make_up_for_a_row_that_a_carriage_return_ends():
    assert "row 2, column 2: a carriage return" in both(b"7,8\n1,2\r3,4\n\n5,6\n")
    assert "row 1, column 2: a carriage return" in both(b"1,2\r3,4\r5,6\r")


def test_a_last_row_that_is_cut_off():
    assert "row 3: the row has 2 columns" in both(GOOD * 2 + b"1,0.")


@pytest.mark.parametrize("cell", [b"", b"  ", b'""'])
def test_a_label_or_a_weight_is_never_missing(cell):
    known = Reading(label_size=2, weights=True)
    rows = [[b"1", b"2", b"0.5", b"4"] for _ in range(3)]
    for column, role in ((0, "label"), (1, "label"), (2, "weight")):
        cells = [*rows[1]]
        cells[column] = cell
        data = b"\n".join(map(b",".join, [rows[0], cells, rows[2]]))
        error = both(data, known)
        assert error.startswith(f"data/f.csv, row 2, column {column + 1}: the {role} is missing;")


def test_a_word_for_missing_is_none_for_a_label():
    error = both(b"1,2\nNA,2\n", Reading(parameters={"missing": "NA"}))
    assert error.startswith("data/f.csv, row 2, column 1: the label is missing ('NA');")


def test_a_word_for_missing_allows_no_other():
    for cell in (b"NaN", b"na", b"NAN", b"-nan", b"NA1", b"inf"):
        known = Reading(parameters={"missing": "NA"})
        assert "row 2, column 2:" in both(b"1,2\n1," + cell + b"\n", known)
    known = Reading(parameters={"missing": "N_A"})
    assert "'1_0' is not a number" in both(b"1,2\n1,1_0\n", known)
    known = Reading(parameters={"missing": "nan"})
    assert "'-nan' is not a number" in both(b"1,2\n1,-nan\n", known)


def test_a_negative_weight():
    error = both(b"1,1,2\n1,-0.5,2\n", Reading(weights=True))
    assert error.startswith("data/f.csv, row 2, column 2: the weight '-0.5' is negative;")


@pytest.mark.parametrize("blank", [b"", b"\r", b"  ", b"\n\n"])
@pytest.mark.parametrize("block", [1, 2, csv.BLOCK])
@pytest.mark.parametrize("row", [b"1,2\n", b"1\n"])
def test_a_blank_line_before_the_last_row(blank, block, row):
    known = Reading(label_size=row.count(b","))
    error = both(row * 3 + blank + b"\n" + row, known, block=block)
    assert error.startswith("data/f.csv, row 4: the line is blank;")
    assert "row 1: the line is blank" in both(blank + b"\n" + row, known, block=block)


@pytest.mark.parametrize(
    ("header", "column", "cell"),
    [
        (b"label,x,y,z", 1, "label"),
        (b'"label","x,x","y","z"', 1, "label"),
        (b"label,0,1,2", 1, "label"),
        (b"0,1,x1,3", 3, "x1"),
        ("größe,x,y,z".encode(), 1, "größe"),
    ],
)
def test_a_header_is_called_one(header, column, cell):
    error = both(header + b"\n" + GOOD * 3)
    assert error.startswith(f"data/f.csv, row 1, column {column}: {cell!r} is not a number; if")
    assert "remove it or add header=present to the content type" in error


def test_text_that_is_no_header():
    """A column of text is not mended by skipping a row; nor is a lone row with numbers in it."""
    assert "header" not in both(b"1,red\n2,green\n")
    assert "header" not in both(b"1,red\n")
    assert "header" not in both(b"nan,1\n1,2\n")
    assert "header" not in both(b"y,x\n1,2\n", Reading(parameters={"header": "absent"}))
    assert "header=present" in both(b"y,x\n")


def test_a_header_that_is_a_row_of_data_is_not_lost():
    error = both(b"1,0.5\n2,3\n", Reading(parameters={"header": "present"}))
    assert error.startswith("data/f.csv, row 1: the header holds numbers only; add header=absent")


def test_rows_are_counted_with_the_header():
    known = Reading(parameters={"header": "present"})
    for block in (1, csv.BLOCK):
        assert "row 3, column 2: 'a'" in both(b"y,x\n1,2\n1,a\n", known, block=block)
    assert "row 2: the row has 3 columns, but those before have 2" in both(b"y,x\n1,2,3\n", known)


@pytest.mark.parametrize(
    ("character", "word"), [(";", "semicolon"), ("\t", "tab"), ("|", "pipe"), (" ", "space")]
)
@pytest.mark.parametrize("label_size", [0, 1])
def test_another_delimiter_is_named(character, word, label_size):
    known = Reading(label_size=label_size)
    error = both("1,2.5,,-3\n1,2,3,4\n".replace(",", character).encode(), known)
    assert error.startswith("data/f.csv, row 1: the row is not divided by ','")
    assert f"add delimiter={word} to the content type" in error
    known = Reading(label_size=label_size, parameters={"delimiter": word})
    assert "add delimiter=comma to" in both(b"1,2,3\n", known)


def test_too_few_columns():
    assert "row 1: the row has 1 column, but is to have 1 label column, at least" in both(b"1\n2\n")
    known = Reading(label_size=2, weights=True)
    error = both(b"1,2,3\n", known)
    assert "has 3 columns, but is to have 2 label columns, a weight, at least one feature" in error


def test_columns_that_are_known_beforehand():
    error = both(b"1,2,3\n", Reading(columns=3))
    assert "row 1: the row has 3 columns, but is to have 1 label column, 3 features;" in error
    assert "3 columns, but is to have 2 features;" in both(
        b"1,2,3\n", Reading(label_size=0, columns=2)
    )


def test_far_too_many_columns_or_no_line_at_all():
    assert "over 1000000 columns" in both(b"," * 1_000_000 + b"\n")
    assert "over 64 MiB" in message(b"\0" * (65 << 20))


def test_the_rows_before_a_fault_are_read():
    batches = csv.read(io.BytesIO(GOOD * 2 + b"x,1,2,3\n"), "f", Reading(), len(GOOD))
    assert [next(batches).rows, next(batches).rows] == [1, 1]
    with pytest.raises(DataError, match="f, row 3, column 1"):
        next(batches)


def test_a_fault_deep_in_a_block_that_arrow_reads():
    data = bytearray(GOOD * 200_000)
    place = 150_000 * len(GOOD)
    data[place : place + len(GOOD)] = b"1,0.5,x,3\n"
    assert "row 150001, column 3: 'x'" in message(bytes(data))
    data[place : place + len(GOOD)] = b"1,nan,2,3\n"
    assert "row 150001, column 2: 'nan'" in message(bytes(data))
