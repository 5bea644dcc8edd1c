"""JSON documents of input/config: read with one clear sentence for whatever is wrong, or written.

What a document means belongs to the module named after it; here is only what all share.
"""

from __future__ import annotations

import json
import os

from container_toolkit.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def read(path: str) -> dict[str, Any] | None:
    """The JSON object in the file at `path`, or None where there is no such file.

    Raises ConfigError naming the file when it can't be read, or isn't one JSON object.
    """
    try:
        with open(path, "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}.") from None
    return parse(text, path)


def parse(text: bytes, path: str) -> dict[str, Any]:
    """The JSON object that `text` is; `path` only for the error."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(f"{path} is not valid JSON ({where}: {error.msg}); mend it.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8.") from None
    except (RecursionError, ValueError) as error:
        detail = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigError(f"{path} can't be read as JSON: {detail}.") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{path} must hold a JSON object, but holds {kind(document)}.")
    return document


def write(path: str, document: Mapping[str, Any]) -> None:
    """Write a document whole: a reader finds the old one or the new one."""
    partial = f"{path}.{os.getpid()}.partial"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False)
    os.replace(partial, path)


def text_field(document: Mapping[str, Any], key: str, path: str, default: str | None) -> str:
    """A string member; `default` when it is missing or null, an error when there is no default."""
    value = document.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise ConfigError(f"{path}: {key!r} must be a string, not {kind(value)}.")
    return clean(value, key, path)


def list_field(document: Mapping[str, Any], key: str, path: str) -> list[Any]:
    """A list member; empty when it is missing or null."""
    value = document.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ConfigError(f"{path}: {key!r} must be a list, not {kind(value)}.")
    return value


def clean(value: str, key: str, path: str) -> str:
    """`value`, if it can be part of an environment variable, an argument or a path."""
    if "\0" in value:
        raise ConfigError(f"{path}: {key!r} holds a NUL character, which no program can be given.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"{path}: {key!r} holds half a surrogate pair, which is not text; mend it."
        ) from None
    return value


def kind(value: object) -> str:
    """What a JSON value is, as JSON calls it."""
    if value is None:
        return "null (or missing)"
    names = {bool: "true or false", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")
