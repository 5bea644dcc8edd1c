"""The text of a hyperparameter into its value. Nothing is ever evaluated."""

from __future__ import annotations

import difflib
import json
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

# What 32 bits hold: libraries keep their parameters in such, and some cut silently.
LARGEST_WHOLE = 2**31 - 1
LARGEST, SMALLEST = 3.4028234e38, 1.1754944e-38

LONGEST_SHOWN = 60  # characters of a value in an error


class OutOfRange(ValueError):
    """The text has the right form, but says something that can't be."""


def text_of(value: object) -> str:
    """What a hyperparameters document holds, as the text it was meant to be.

    The service writes strings, which the SDK may have made JSON first: `"binary:logistic"` within
    quotes is the same without. A document written by hand may hold numbers and lists.
    """
    if not isinstance(value, str):
        return json.dumps(value)
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        try:
            inner = json.loads(value)
        except ValueError:
            return value
        return str(inner).strip()
    return value


def shown(text: str) -> str:
    """A value in an error; a long one by its beginning."""
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def whole(text: str) -> int:
    """Raises ValueError unless it is an integer in decimal digits that 32 bits hold."""
    if not WHOLE.fullmatch(text):
        raise ValueError("it must be a whole number in digits")
    value = int(text)
    if not -LARGEST_WHOLE - 1 <= value <= LARGEST_WHOLE:
        raise ValueError("32 bits can't hold it")
    return value


def number(text: str) -> float:
    """Raises ValueError unless it is a decimal number that 32 bits hold: not nan, not inf."""
    if not NUMBER.fullmatch(text):
        raise ValueError("it must be a decimal number")
    value = float(text)
    if not math.isfinite(value) or abs(value) > LARGEST or 0 < abs(value) < SMALLEST:
        raise ValueError("32 bits can't hold it")
    return value


def words(text: str) -> tuple[str, ...]:
    """`rmse, mae` or `["rmse", "mae"]`: each word once, in order."""
    parts = listed(text) if text.startswith("[") else text.split(",")
    if not all(isinstance(part, str) and part.strip() for part in parts) or not parts:
        raise ValueError("it must be names with commas between them")
    return tuple(dict.fromkeys(part.strip() for part in parts))


def wholes(text: str) -> tuple[int, ...]:
    """`(1,0,-1)`, in brackets of either kind or none."""
    return tuple(whole(part) for part in items(text))


def numbers(text: str) -> tuple[float, ...]:
    """`0.1, 0.5`, in brackets of either kind or none."""
    return tuple(number(part) for part in items(text))


def items(text: str) -> list[str]:
    """The members of a flat list of numbers; one comma may stand after the last."""
    if text[:1] + text[-1:] in ("()", "[]"):
        text = text[1:-1]
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    if not all(parts):
        raise ValueError("it must be numbers with commas between them")
    return parts


def groups(text: str) -> tuple[tuple[int, ...], ...]:
    """`[[0,1],[2,3]]`: groups of column numbers from 0."""
    found = listed(text)
    for group in found:
        if not isinstance(group, list) or not all(type(member) is int for member in group):
            raise ValueError("it must be lists of whole numbers within a list, e.g. [[0,1],[2,3]]")
        for member in group:
            if not 0 <= member <= LARGEST_WHOLE:
                raise OutOfRange(f"{shown(str(member))} is not the number of a column, from 0")
    return tuple(tuple(group) for group in found)


def listed(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is no list in JSON") from None
    if not isinstance(found, list):
        raise ValueError("it is no list in JSON")
    return found


def members(text: str) -> dict[str, Any]:
    """A JSON object of texts, numbers, truths and flat lists of these."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is no object in JSON") from None
    if not isinstance(found, dict):
        raise ValueError("it is no object in JSON")
    for name, value in found.items():
        for one in value if isinstance(value, list) else [value]:
            finite = not isinstance(one, float) or math.isfinite(one)
            if not isinstance(one, (str, int, float)) or not finite:
                raise ValueError(f"member {shown(name)} is neither text, number nor a list of them")
    return found


def meant(word: str, known: Collection[str]) -> str:
    """` (did you mean …?)`, "" where nothing known is like it."""
    near = difflib.get_close_matches(word[:LONGEST_SHOWN], list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""
