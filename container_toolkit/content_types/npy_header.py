"""The header of a .npy array (NEP 1, versions 1 to 3), read by its grammar and never evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

MAGIC = b"\x93NUMPY"
LENGTH_BYTES = {1: 2, 2: 4, 3: 4}  # of the header's length, by version
LONGEST = 10_000  # bytes; numpy reads no longer one of a stranger either
MOST = (1 << 63) - 1  # rows or columns
NUMBERS = re.compile(r"[<>|=]?(?:f[248]|[iu][1248]|b1)")
_SIZE = r"[ \t\n]*(?:0|[1-9]\d{0,18})[ \t\n]*"
VALUES = {
    "descr": re.compile(r"""'([^'\\]*)'|"([^"\\]*)\""""),
    "fortran_order": re.compile(r"True|False"),
    "shape": re.compile(rf"\(((?:(?:{_SIZE},)+(?:{_SIZE})?)?[ \t\n]*)\)", re.ASCII),
}
KEY = re.compile(r"""[ \t\n]*(?:'(\w+)'|"(\w+)")[ \t\n]*:[ \t\n]*""", re.ASCII)
AFTER = re.compile(r"[ \t\n]*(,)?[ \t\n]*(\})?")


@dataclass(frozen=True, kw_only=True)
class Header:
    """An array of `rows` times `columns` numbers of the numpy type `dtype`; columns one after the
    other where `fortran`, rows otherwise."""

    dtype: str
    rows: int
    columns: int
    fortran: bool


def header(take: Callable[[int], bytes], where: str) -> Header | None:
    """The header at the front of a stream; None at its end.

    `take(size)` gives that many bytes, fewer only at the end. Raises DataError that begins with
    `where`.
    """
    magic = take(len(MAGIC))
    if not magic:
        return None
    version = take(2)
    if magic != MAGIC:
        raise DataError(f"{where}: it begins with {magic!r}, as no array of numpy (.npy) does.")
    size = LENGTH_BYTES.get(version[0]) if len(version) == 2 else None
    if size is None or version[1]:
        raise DataError(f"{where}: .npy versions 1.0, 2.0 and 3.0 are read, not {list(version)}.")
    length = int.from_bytes(take(size), "little")
    if length > LONGEST:
        raise DataError(f"{where}: its header is {length} bytes long; {LONGEST} is the most.")
    text = take(length)
    if len(text) < length or not length:
        raise DataError(f"{where}: it ends within its header; it was cut off.")
    return meaning(text.decode("latin-1"), where)


def meaning(text: str, where: str) -> Header:
    found = items(text)
    if found is None:
        kind = refusal(text)
        raise DataError(f"{where}: {kind or f'its header is {text.strip()[:80]!r}, not of .npy'}.")
    descr, fortran, shape = found["descr"], found["fortran_order"] == "True", found["shape"]
    if not NUMBERS.fullmatch(descr):
        raise DataError(f"{where}: {type_refusal(descr)}.")
    sizes = [int(size) for size in shape.split(",") if size.strip()]
    if not 1 <= len(sizes) <= 2 or max(sizes) > MOST:
        raise DataError(
            f"{where}: its shape is ({', '.join(map(str, sizes))}); rows are an array of one or two"
            " dimensions."
        )
    rows, columns = sizes if len(sizes) == 2 else (sizes[0], 1)
    return Header(dtype=descr, rows=rows, columns=columns, fortran=fortran and len(sizes) == 2)


def items(text: str) -> dict[str, str] | None:
    """The three entries of the header's dictionary; None if it has not these or is not one."""
    found: dict[str, str] = {}
    if not text.startswith("{"):
        return None
    at = 1
    while key := KEY.match(text, at):
        name = key[1] or key[2]
        value = VALUES[name].match(text, key.end()) if name in VALUES else None
        if value is None or name in found:
            return None
        found[name] = next((group for group in value.groups() if group is not None), value[0])
        after = AFTER.match(text, value.end())
        assert after is not None  # it matches nothing, too
        at = after.end()
        if after[2]:
            return found if len(found) == len(VALUES) and not text[at:].strip(" \t\n") else None
        if not after[1]:
            return None
    return None


def refusal(text: str) -> str:
    """What is in the array, where its header tells that it is not numbers."""
    return type_refusal("V") if re.search(r"""['"]descr['"]\s*:\s*\[""", text) else ""


def type_refusal(descr: str) -> str:
    kind = descr.lstrip("<>|=")[:1]
    if kind == "O":
        return "it holds Python objects, which would be unpickled, and that never happens here"
    if kind == "V":
        return "it is an array of records; store its fields as the columns of an array of numbers"
    return (
        f"its numbers are of the type {descr[:40]!r}; float16 to float64, integers and booleans"
        " are read"
    )
