"""What the JSON decoder makes of any bytes: right, or a DataError."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from container_toolkit.content_types import json as codec
from container_toolkit.errors import DataError
from tests.content_types import json_reference
from tests.content_types.json_reference import READINGS, SEEDS, Invalid, Pairs

if TYPE_CHECKING:
    from container_toolkit.content_types.codec import Reading


def check(data: bytes) -> None:
    for reading in READINGS:
        found = outcome(data, reading, codec.AT_ONCE)
        assert found == outcome(data, reading, 1), "small batches differ"
        expected = reference(data, reading)
        assert found == expected, (reading, found, expected)


def outcome(data: bytes, reading: Reading, at_once: int) -> list[tuple[Any, ...]] | None:
    try:
        return json_reference.rows_of(list(codec.read(io.BytesIO(data), "data", reading, at_once)))
    except DataError as error:
        if not str(error).startswith("data"):
            raise AssertionError(f"an error that does not say where: {error}") from error
        return None


def reference(data: bytes, reading: Reading) -> list[tuple[Any, ...]] | None:
    try:
        text = data.decode("utf-8-sig")
        document = json_reference.value_of(text) if text else []
        if isinstance(document, Pairs):
            if document.keys != {"instances"}:
                return None
            document = document.found["instances"]
        if not isinstance(document, list):
            return None
        return json_reference.rows(document, reading)
    except (Invalid, UnicodeDecodeError):
        return None


def seeds() -> list[bytes]:
    documents = [b'{"instances": [' + seed + b"," + seed + b"]}" for seed in SEEDS]
    return [*documents, b"[[1,2],[3,null]]", b"\xef\xbb\xbf[[1]]", b"[" * 900, b'"\\ud800"']
