"""libsvm text read line by line: slow, exact, and able to say where something is wrong.

It reads whatever `libsvm_block` does not trust itself with, so it decides what is valid.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from container_toolkit.content_types.libsvm_rows import LARGEST_INDEX, Form, Rows
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from container_toolkit.content_types.libsvm_rows import Queries, Rules

NUMBER = b"0123456789.+-eE"
INTEGER_DIGITS = 18  # the longest that surely fit 64 bits
OVER_FLOAT32 = float.fromhex("0x1.ffffffp127")  # the least that rounds to infinity
TOKEN = re.compile(rb"[^ \t]+")
SHOWN = 40  # characters of an offending token


class Line(NamedTuple):
    form: Form
    label: float
    weight: float
    query: int
    indices: list[int]
    values: list[float]


class Place:
    """A line of the file, for errors: `name line 3, character 7`."""

    def __init__(self, name: str, line: int) -> None:
        self.name = name
        self.line = line

    def wrong(self, position: int, what: str) -> NoReturn:
        raise DataError(f"{self.name} line {self.line}, character {position + 1}: {what}")


def read_lines(
    block: bytes, first: int, name: str, rules: Rules, form: Form | None, queries: Queries
) -> Rows:
    """The rows of `block`, whose first line is number `first`; `form` is that of the rows before.

    Raises DataError naming the line and the character.
    """
    rows: list[Line] = []
    for number, text in enumerate(block.split(b"\n")[:-1], first):
        place = Place(name, number)
        row = read_line(text, place, rules)
        if row is None:
            continue
        if form is not None and row.form != form:
            place.wrong(0, difference(row.form, form))
        if row.form.grouped and not queries.follow(np.array([row.query], np.int64)):
            place.wrong(0, f"qid {row.query} was over before; sort the rows by query.")
        form = row.form
        rows.append(row)
    return joined(rows, form)


def read_line(text: bytes, place: Place, rules: Rules) -> Line | None:
    """None for a line without a row: a comment, or a blank one where rows have labels."""
    code, comment, _ = text.partition(b"#")
    code = code.removesuffix(b"\r") if not comment else code
    tokens = [(found.group(), found.start()) for found in TOKEN.finditer(code)]
    if not tokens and (rules.label or comment):
        return None
    labelled = weighted = grouped = False
    label = weight = 0.0
    query = 0
    if tokens and (b":" not in tokens[0][0] or (rules.label and tokens[0][0][:4] != b"qid:")):
        token, position = tokens.pop(0)
        written, colon, heavy = token.partition(b":")
        label = number(written, place, position, "a label")
        labelled, weighted = True, bool(colon)
        if weighted:
            weight = number(heavy, place, position + len(written) + 1, "a weight")
            if weight < 0:
                place.wrong(position, "a weight is negative.")
    elif rules.label:
        place.wrong(0, "the label is missing; each row begins with one.")
    if tokens and tokens[0][0].startswith(b"qid:"):
        token, position = tokens.pop(0)
        query, grouped = query_id(token[4:], place, position), True
    indices, values = features(tokens, place, rules)
    return Line(Form(labelled, weighted, grouped), label, weight, query, indices, values)


def features(
    tokens: list[tuple[bytes, int]], place: Place, rules: Rules
) -> tuple[list[int], list[float]]:
    indices: list[int] = []
    values: list[float] = []
    for token, position in tokens:
        written, colon, value = token.partition(b":")
        if not colon:
            place.wrong(position, f"{shown(token)} is not index:value.")
        index = column(written, place, position, rules)
        if indices and index <= indices[-1]:
            again = "comes twice" if index == indices[-1] else "comes after a larger one"
            place.wrong(position, f"index {shown(written)} {again}; a row's indices ascend.")
        indices.append(index)
        values.append(number(value, place, position + len(written) + 1, "a value"))
    return indices, values


def column(written: bytes, place: Place, position: int, rules: Rules) -> int:
    """The 0-based column that an index stands for."""
    if not written.isdigit():
        place.wrong(position, f"{shown(written)} is not an index; that is an integer from 0.")
    digits = written.lstrip(b"0") or b"0"
    index = int(digits) if len(digits) <= INTEGER_DIGITS else LARGEST_INDEX + 1
    if index > LARGEST_INDEX:
        place.wrong(position, f"index {shown(written)} is over {LARGEST_INDEX}.")
    if index > rules.last:
        hint = ""
        if index == rules.columns:
            hint = "; data that counts from 1 is text/libsvm; indexing=1"
        place.wrong(
            position, f"index {index} is beyond the last, {rules.last}, of {rules.columns}{hint}."
        )
    if index < rules.base:
        place.wrong(position, "index 0, but indexing=1 says that indices count from 1.")
    return index - rules.base


def number(written: bytes, place: Place, position: int, what: str) -> float:
    try:
        if written.translate(None, NUMBER):
            raise ValueError
        value = float(written)
    except ValueError:
        place.wrong(position, f"{shown(written)} is not {what}; that is a finite number.")
    if abs(value) >= OVER_FLOAT32:
        place.wrong(position, f"{shown(written)} is beyond a 32-bit float.")
    return value


def query_id(written: bytes, place: Place, position: int) -> int:
    if not (written.isdigit() and len(written) <= INTEGER_DIGITS):
        place.wrong(position, f"qid {shown(written)} is not an integer from 0.")
    return int(written)


def difference(form: Form, before: Form) -> str:
    for name, here, there in zip(("label", "weight", "qid"), form, before, strict=True):
        if here != there:
            return (
                f"this row has {'a' if here else 'no'} {name}, those before have"
                f" {'one' if there else 'none'}; all rows of a file or none have it."
            )
    raise AssertionError


def shown(token: bytes) -> str:
    text = token[:SHOWN].decode("utf-8", "backslashreplace")
    return repr(text + "…" if len(token) > SHOWN else text)


def joined(rows: list[Line], form: Form | None) -> Rows:
    """`form` is that of the rows, or of those before where there are none."""
    lengths = [0, *(len(row.indices) for row in rows)]
    labelled, weighted, grouped = form if form and rows else (False, False, False)
    return Rows(
        form=form if rows else None,
        indptr=np.cumsum(lengths, dtype=np.int64),
        indices=np.array([index for row in rows for index in row.indices], np.int32),
        values=np.array([value for row in rows for value in row.values], np.float32),
        labels=np.array([row.label for row in rows], np.float32) if labelled else None,
        weights=np.array([row.weight for row in rows], np.float32) if weighted else None,
        groups=np.array([row.query for row in rows], np.int64) if grouped else None,
    )
