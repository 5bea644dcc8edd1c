"""What the libsvm decoder makes of any bytes: right, or a DataError; either way alike."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from container_toolkit.content_types import libsvm as codec
from container_toolkit.content_types.batch import Csr
from container_toolkit.content_types.codec import Reading
from container_toolkit.content_types.libsvm_block import read_block
from container_toolkit.content_types.libsvm_lines import read_lines
from container_toolkit.content_types.libsvm_rows import Queries
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

READINGS = (
    Reading(),
    Reading(label_size=0),
    Reading(columns=4),
    Reading(label_size=0, parameters={"indexing": "1"}),
    Reading(parameters={"indexing": "1"}, columns=9),
)
NUMBER = re.compile(rb"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
PAIR = re.compile(rb"([0-9]+):(.+)", re.DOTALL)
QUERY = re.compile(rb"qid:([0-9]{1,18})")


# Pieces of which text is made that is often a row.
ALPHABET = tuple(
    b"1 |0 |-1.5|0:|1:|2:|:| |\n|\r\n|\t|#|qid:1 |qid:2 |e5|+|.|1e39|nan|9|\n1 0:2".split(b"|")
)


class Row(NamedTuple):
    label: bytes | None
    weight: bytes | None
    query: int | None
    features: tuple[tuple[int, bytes], ...]


class Invalid(Exception):
    pass


def check(data: bytes) -> None:
    for reading in READINGS:
        found = outcome(data, reading, codec.BLOCK)
        assert found == outcome(data, reading, 7), "small blocks differ"
        expected = reference(data, reading)
        assert found == expected, (reading, found, expected)
        same_by_lines(data, reading)


def outcome(data: bytes, reading: Reading, block: int) -> list[Row] | None:
    try:
        batches = list(codec.read(io.BytesIO(data), "data", reading, block))
    except DataError as error:
        if not str(error).startswith("data line "):
            raise AssertionError(f"an error that does not say where: {error}") from error
        return None
    rows = []
    for batch in batches:
        assert isinstance(batch.features, Csr)
        assert batch.rows, "an empty batch"
        csr = batch.features
        assert (csr.indptr.dtype, csr.indices.dtype, csr.values.dtype) == (
            np.int64,
            np.int32,
            np.float32,
        )
        assert csr.indptr[-1] == len(csr.indices) == len(csr.values)
        assert not len(csr.indices) or 0 <= csr.indices.min() <= csr.indices.max() < csr.columns
        for i in range(batch.rows):
            span = slice(csr.indptr[i], csr.indptr[i + 1])
            pairs = zip(csr.indices[span].tolist(), csr.values[span], strict=True)
            rows.append(
                Row(
                    None if batch.labels is None else batch.labels[i].tobytes(),
                    None if batch.weights is None else batch.weights[i].tobytes(),
                    None if batch.groups is None else int(batch.groups[i]),
                    tuple((index, value.tobytes()) for index, value in pairs),
                )
            )
    return rows


def same_by_lines(data: bytes, reading: Reading) -> None:
    """What the fast reader takes, the exact one reads the same."""
    block = data + b"\n"
    rules = codec.rules_of("data", reading)
    fast = read_block(block, rules)
    if fast is None or (fast.groups is not None and not Queries().follow(fast.groups)):
        return
    exact = read_lines(block, 1, "data", rules, None, Queries())
    for name, one in vars(fast).items():
        other = getattr(exact, name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype, name
            assert one.tobytes() == other.tobytes(), name
        else:
            assert one == other, name


def reference(data: bytes, reading: Reading) -> list[Row] | None:
    try:
        rows = list(rows_of(data.removeprefix(b"\xef\xbb\xbf"), reading))
    except Invalid:
        return None
    labelled = {row.label is None for row in rows}
    weighted = {row.weight is None for row in rows}
    grouped = {row.query is None for row in rows}
    if max(len(labelled), len(weighted), len(grouped)) > 1:
        return None
    queries = [row.query for row in rows if row.query is not None]
    runs = [query for i, query in enumerate(queries) if i == 0 or query != queries[i - 1]]
    if len(set(runs)) != len(runs):
        return None
    if not reading.label_size:
        rows = [row._replace(label=None) for row in rows]
    return rows


def rows_of(data: bytes, reading: Reading) -> Iterator[Row]:
    lines = data.split(b"\n")
    for line in lines if lines[-1] else lines[:-1]:
        line, comment, _ = line.removesuffix(b"\r").partition(b"#")
        tokens = [token for token in re.split(rb"[ \t]+", line) if token]
        if not tokens and (comment or reading.label_size):
            continue
        label = weight = query = None
        if reading.label_size:
            first, colon, heavy = tokens.pop(0).partition(b":")
            label = bits(first)
            if colon:
                weight = bits(heavy)
                if np.frombuffer(weight, np.float32)[0] < 0:
                    raise Invalid
        elif tokens and b":" not in tokens[0]:
            label = bits(tokens.pop(0))
        if tokens and tokens[0].startswith(b"qid:"):
            match = QUERY.fullmatch(tokens.pop(0))
            if not match:
                raise Invalid
            query = int(match[1])
        yield Row(label, weight, query, tuple(pairs_of(tokens, reading)))


def pairs_of(tokens: list[bytes], reading: Reading) -> Iterator[tuple[int, bytes]]:
    before = -1
    base = int(reading.parameters.get("indexing", "0"))
    for token in tokens:
        match = PAIR.fullmatch(token)
        if not match or len(match[1]) > 4000:
            raise Invalid
        index = int(match[1]) - base
        if not before < index < 2**31 - base or index >= (reading.columns or 2**31):
            raise Invalid
        before = index
        yield index, bits(match[2])


def bits(token: bytes) -> bytes:
    if not NUMBER.fullmatch(token):
        raise Invalid
    with np.errstate(over="ignore"):
        number = np.float32(float(token))
    if not np.isfinite(number):
        raise Invalid
    return number.tobytes()


def seeds() -> list[bytes]:
    return [
        b"1 0:1.5 3:-2e3\n0 1:.5\n1\n",
        b"1:0.5 0:1\n0:2 3:4\n",
        b"1 qid:1 0:1\n0 qid:1 1:2\n1 qid:2 2:3 # one\n",
        b"0:1 2:3\n\n1:4\n",
        b"# comment\r\n+1 0:1\t1:2  2:3 \r\n\r\n-1 7:1e-45",
        b"1:2 qid:3 1:4\n",
        b"1 2147483647:1\n1 0:3.4028236e38\n",
        b"\xef\xbb\xbf1 0:1 0:2\n",
        b"0:1.\n1:nan\n",
    ]
