"""libsvm text read a block at a time by numpy and Arrow, as long as it is plain.

A block is only taken where it is certain that `libsvm_lines` would read the same; with any doubt
it is left to that module, which is slow and says what is wrong where.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from container_toolkit.content_types.float_text import parsed
from container_toolkit.content_types.libsvm_rows import Form, Rows

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from container_toolkit.content_types.libsvm_rows import Rules

    Mask: TypeAlias = NDArray[np.bool_]

DIGITS = b"0123456789"
SIGNS = b".+-eE"
SPACE, COLON, NEWLINE, POINT = b" :\n."
MARKS = b" :\n"
SIGN_TO_DOT = bytes.maketrans(SIGNS, b"." * len(SIGNS))
COMMENT_LINE = re.compile(rb"(?m)^ *#[^\n]*\n")
COMMENT = re.compile(rb"#[^\n]*")
SPACES = re.compile(rb"  +")
BLANKS = re.compile(rb"\n\n+")
QUERY = re.compile(rb"(?m)^([^ \n]+) qid:([0-9]{1,18})(?=[ \n])")


class Outline(NamedTuple):
    """Which of a block's tokens are what, told by the marks that end them.

    `ends` are the marks' positions, `newline` is true for tokens at the end of a line, `column` and
    `value` for the halves of features. The token at a line's `start` is a label, an index, or
    empty where the line is blank.
    """

    form: Form
    ends: NDArray[np.int64]
    newline: Mask
    start: Mask
    column: Mask
    value: Mask
    blank: Mask | None


def read_block(block: bytes, rules: Rules) -> Rows | None:
    """The rows of whole lines, or None where `libsvm_lines` has to read them."""
    text = tidied(block, rules.label)
    groups = None
    if b"q" in text:
        groups = np.array([int(query) for _, query in QUERY.findall(text)], np.int64)
        text = QUERY.sub(rb"\1", text)
    if text.translate(None, DIGITS + SIGNS + MARKS):
        return None
    outline = outlined(text, rules.label, groups is not None) if text else None
    if outline is None:
        return None
    return rows_of(text, outline, groups, rules)


def tidied(block: bytes, label: bool) -> bytes:
    """`block` with one space between tokens and none around lines; comments and blanks dropped."""
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    if b"\t" in block:
        block = block.replace(b"\t", b" ")
    if b"#" in block:
        block = COMMENT.sub(b"", COMMENT_LINE.sub(b"", block))
    if crowded(block):
        block = SPACES.sub(b" ", block).replace(b" \n", b"\n")
        block = block.replace(b"\n ", b"\n").removeprefix(b" ")
        if label:
            block = BLANKS.sub(b"\n", block).removeprefix(b"\n")
    return block


def crowded(block: bytes) -> bool:
    """Whether white space stands at the beginning or beside other white space."""
    white = np.frombuffer(block, np.uint8) <= SPACE
    return bool(white[:1].any() or (white[1:] & white[:-1]).any())


def outlined(text: bytes, label: bool, grouped: bool) -> Outline | None:
    """None where lines are not all of one form, or something is not where it belongs."""
    # With the digits gone, an index that is more than digits begins with a sign or a point.
    signs = np.frombuffer(text.translate(SIGN_TO_DOT, DIGITS), np.uint8)
    if ((signs[1:] == POINT) & (signs[:-1] == SPACE)).any():
        return None
    marks = np.frombuffer(text.translate(None, DIGITS + SIGNS), np.uint8)
    colon, newline = marks == COLON, marks == NEWLINE
    value, start = np.empty_like(colon), np.empty_like(colon)
    value[0], value[1:] = False, colon[:-1]
    start[0], start[1:] = True, newline[:-1]
    if (colon & value).any():
        return None
    characters = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero((characters <= SPACE) | (characters == COLON))
    bare = ~(colon | value)
    blank = None
    if not label and (b"\n\n" in text or text[:1] == b"\n"):
        blank = np.concatenate((ends[:1] == 0, ends[1:] - ends[:-1] == 1)) & bare
        bare &= ~blank
    index = colon
    labelled = bool(bare.any()) or label
    weighted = label and not bare.any()
    if labelled and not weighted and not np.array_equal(bare, start):
        return None
    if weighted:
        index = colon & ~start
        value &= ~np.concatenate(([False], start[:-1]))
    if not labelled and (grouped or ((signs == POINT) & (np.roll(signs, 1) == NEWLINE)).any()):
        return None
    return Outline(Form(labelled, weighted, grouped), ends, newline, start, index, value, blank)


def rows_of(
    text: bytes, outline: Outline, groups: NDArray[np.int64] | None, rules: Rules
) -> Rows | None:
    form, blank = outline.form, outline.blank
    offsets = (outline.ends - np.arange(len(outline.ends))).astype(np.int32)
    numbers = parsed(text.translate(None, MARKS), offsets if blank is None else offsets[~blank])
    if numbers is None:
        return None
    start, index, value = outline.start, outline.column, outline.value
    if blank is not None:
        start, index, value = start[~blank], index[~blank], value[~blank]
    indices, values = numbers[index], numbers[value]
    if len(indices) and not (indices.min() >= rules.base and indices.max() <= rules.last):
        return None  # as 32-bit integers they would wrap
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
        labels = numbers[start].astype(np.float32) if form.labelled else None
        weights = None
        if form.weighted:
            weights = numbers[np.flatnonzero(start) + 1].astype(np.float32)
    tokens = np.diff(np.flatnonzero(outline.newline), prepend=-1)
    before = 1 + form.weighted if form.labelled else 0
    indptr = np.concatenate(([0], np.cumsum((tokens - before) // 2)))
    rows = Rows(
        form=form,
        indptr=indptr,
        indices=(indices - rules.base).astype(np.int32),
        values=narrow,
        labels=labels,
        weights=weights,
        groups=groups,
    )
    return rows if valid(rows) else None


def valid(rows: Rows) -> bool:
    descends = rows.indices[1:] <= rows.indices[:-1]
    heads = rows.indptr[1:-1]
    descends[heads[(heads > 0) & (heads < len(rows.indices))] - 1] = False
    if descends.any():
        return False
    if rows.groups is not None and len(rows.groups) != len(rows.indptr) - 1:
        return False
    if rows.weights is not None and (rows.weights < 0).any():
        return False
    numbers = (rows.values, rows.labels, rows.weights)
    return all(each is None or bool(np.isfinite(each).all()) for each in numbers)
