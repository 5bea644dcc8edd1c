"""Hyperparameters as a program's arguments, in the training toolkit's dialect, exactly."""

from __future__ import annotations

from container_toolkit.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Linux refuses a single argument or variable longer than this (MAX_ARG_STRLEN, with its NUL).
LONGEST = 131_071  # bytes


def to_arguments(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Two words a key, sorted by code point: `--name value`, `-n value` for a single letter.

    Raises ConfigError naming the key whose value no argument can hold.
    """
    words: list[str] = []
    for key in sorted(values):
        words += (flag(key), to_text(key, values[key]))
    return tuple(words)


def flag(key: str) -> str:
    if not key:
        return ""
    return f"-{key}" if len(key) == 1 else f"--{key}"


def to_text(key: str, value: Any) -> str:
    """None is empty, an object `a=1,b=2`, all else what Python's str() makes of it."""
    try:
        if value is None:
            text = ""
        elif isinstance(value, dict):
            text = ",".join(f"{name}={value[name]}" for name in sorted(value))
        else:
            text = str(value)
    except RecursionError:
        raise ConfigError(f"hyperparameter {key!r} is nested too deeply; flatten it.") from None
    if max(len(text), len(key)) > LONGEST // 4 and too_long(text, key):
        raise ConfigError(
            f"hyperparameter {key[:60]!r} is longer than the {LONGEST} bytes that Linux lets an"
            " argument have; pass it as a file in a channel."
        )
    return text


def too_long(text: str, key: str) -> bool:
    # A variable of the same name holds "SM_HP_", the key, "=" and the value in JSON's ASCII.
    import json

    room = LONGEST - len("SM_HP_=") - len(key.encode())
    return len(text.encode()) > room or (len(json.dumps(text)) > room and not text.isascii())
