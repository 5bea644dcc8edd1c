"""Protocol Buffers' wire format: tags, varints and fields, without any schema.

The encoding is https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

VARINT, FIXED64, BYTES, GROUP, GROUP_END, FIXED32 = range(6)
LONGEST_VARINT = 10  # bytes
DEEPEST_GROUP = 100
FIXED_SIZES = {FIXED64: 8, FIXED32: 4}


class WireError(ValueError):
    """The bytes are no message; says why, as the end of a sentence."""


def fields(data: bytes) -> Iterator[tuple[int, int, bytes | int]]:
    """Each field of a message: its number, wire type and value.

    The value is an int for a varint, and the bytes otherwise; a group's is left out, b"". Raises
    WireError.
    """
    at, groups = 0, list[int]()
    while at < len(data):
        tag, at = varint(data, at)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise WireError(f"there is a field number {number}")
        if wire == GROUP:
            if not groups:
                yield number, wire, b""
            groups.append(number)
            if len(groups) > DEEPEST_GROUP:
                raise WireError("groups are nested too deeply")
        elif wire == GROUP_END:
            if not groups or groups.pop() != number:
                raise WireError(f"a group {number} ends that was not begun")
        else:
            value, at = field_value(data, at, number, wire)
            if not groups:
                yield number, wire, value
    if groups:
        raise WireError(f"group {groups[-1]} does not end")


def field_value(data: bytes, at: int, number: int, wire: int) -> tuple[bytes | int, int]:
    """The value that begins at `at`, and where it ends."""
    if wire == VARINT:
        return varint(data, at)
    if wire == BYTES:
        size, at = varint(data, at)
    elif wire in FIXED_SIZES:
        size = FIXED_SIZES[wire]
    else:
        raise WireError(f"field {number} has wire type {wire}, which does not exist")
    if at + size > len(data):
        raise WireError(
            f"field {number} is {size} bytes long, but only {len(data) - at} are left of what it"
            " lies in"
        )
    return data[at : at + size], at + size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The varint at `at`, modulo 2**64, and where it ends."""
    value = 0
    for position in range(at, min(at + LONGEST_VARINT, len(data))):
        byte = data[position]
        value |= (byte & 0x7F) << 7 * (position - at)
        if byte < 0x80:
            return value & (1 << 64) - 1, position + 1
    if at + LONGEST_VARINT > len(data):
        raise WireError("a varint is cut off")
    raise WireError(f"a varint is longer than {LONGEST_VARINT} bytes")


def varints(data: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The values of packed varints, modulo 2**64. Raises WireError."""
    if not len(data):
        return np.empty(0, np.uint64)
    ends = np.flatnonzero(data < 0x80)
    if not len(ends) or ends[-1] != len(data) - 1:
        raise WireError("a varint is cut off")
    starts = np.concatenate([[0], ends[:-1] + 1])
    return varints_at(data, starts, ends - starts + 1)


def varints_at(
    data: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """The varints that begin at `starts` and are `sizes` bytes long. Raises WireError."""
    longest = int(sizes.max(initial=0))
    if longest > LONGEST_VARINT:
        raise WireError(f"a varint is longer than {LONGEST_VARINT} bytes")
    values = (data[starts] & 0x7F).astype(np.uint64)
    for position in range(1, longest):
        longer = np.flatnonzero(sizes > position)
        bits = (data[starts[longer] + position] & 0x7F).astype(np.uint64)
        values[longer] |= bits << np.uint64(7 * position)
    return values


def varint_sizes(values: NDArray[np.signedinteger]) -> NDArray[np.int64]:
    """How many bytes each takes as a varint; none is negative."""
    sizes = np.ones(len(values), np.int64)
    limit, longest = 7, int(values.max(initial=0))
    while longest >> limit:
        sizes += values >> limit > 0
        limit += 7
    return sizes


def put_varints(
    out: NDArray[np.uint8], at: NDArray[np.int64], values: NDArray[np.signedinteger]
) -> NDArray[np.int64]:
    """Write each value as a varint where `at` says; returns where each ends."""
    sizes = varint_sizes(values)
    longest = int(sizes.max(initial=0))
    if longest == 1:
        out[at] = values
        return at + 1
    out[at] = values & 0x7F | (sizes > 1) << 7
    for position in range(1, longest):
        longer = np.flatnonzero(sizes > position)
        more = (sizes[longer] > position + 1).astype(np.int64) << 7
        out[at[longer] + position] = values[longer] >> 7 * position & 0x7F | more
    return at + sizes


def encoded(value: int) -> bytes:
    """One varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def message(number: int, content: bytes) -> bytes:
    """A field of wire type 2 around `content`."""
    return encoded(number << 3 | BYTES) + encoded(len(content)) + content
