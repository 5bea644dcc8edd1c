"""JSON as the codecs read it: strictly RFC 8259, UTF-8, and with no key given twice."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NoReturn

from container_toolkit.errors import DataError


class Refused(ValueError):
    """Something that Python's parser would let pass."""


def decoded(text: bytes, where: str) -> str:
    """Raises DataError naming the byte, from 1, that is not UTF-8."""
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{where}, byte {error.start + 1}: this is not UTF-8 text.") from None


def loads(text: str, where: str) -> Any:
    """The one value that `text` is; every number a float. Raises DataError saying `where`."""
    try:
        value, end = DECODER.raw_decode(text, len(text) - len(text.lstrip(WHITE)))
    except Refused as error:
        raise DataError(f"{where}: {error}.") from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"{where}{place(text, error.pos)}: this is not JSON: {error.msg}."
        ) from None
    except RecursionError:
        raise DataError(f"{where}: values are nested too deeply for an instance.") from None
    if end != len(text) and text[end:].strip(WHITE):
        end += len(text[end:]) - len(text[end:].lstrip(WHITE))
        raise DataError(f"{where}{place(text, end)}: something follows the JSON value.")
    return value


def place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    character = position - (text.rfind("\n", 0, position) + 1) + 1
    return (
        f", character {character}" if "\n" not in text else f" line {line}, character {character}"
    )


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise Refused(f"the key {twice[:40]!r} comes twice in an object")
    return found


def refuse(constant: str) -> NoReturn:
    raise Refused(f"{constant} is not JSON; a missing value is null")


WHITE = " \t\n\r"
# Every number as a float: an int of any length would cost time and end up as one anyway.
DECODER = json.JSONDecoder(object_pairs_hook=unique, parse_constant=refuse, parse_int=float)
