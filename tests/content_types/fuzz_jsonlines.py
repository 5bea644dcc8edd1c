"""What the JSON Lines decoder makes of any bytes: right, or a DataError."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from container_toolkit.content_types import jsonlines as codec
from container_toolkit.errors import DataError
from tests.content_types import json_reference
from tests.content_types.json_reference import READINGS, SEEDS, Invalid

if TYPE_CHECKING:
    from container_toolkit.content_types.codec import Reading


def check(data: bytes) -> None:
    for reading in READINGS:
        found = outcome(data, reading, codec.BLOCK)
        assert found == outcome(data, reading, 7), "small blocks differ"
        expected = reference(data, reading)
        assert found == expected, (reading, found, expected)


def outcome(data: bytes, reading: Reading, block: int) -> list[tuple[Any, ...]] | None:
    try:
        return json_reference.rows_of(list(codec.read(io.BytesIO(data), "data", reading, block)))
    except DataError as error:
        if not str(error).startswith("data line "):
            raise AssertionError(f"an error that does not say where: {error}") from error
        return None


def reference(data: bytes, reading: Reading) -> list[tuple[Any, ...]] | None:
    try:
        lines = [line.decode() for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
        instances = [json_reference.value_of(line) for line in lines if line.strip(" \t\r")]
        return json_reference.rows(instances, reading)
    except (Invalid, UnicodeDecodeError):
        return None


def seeds() -> list[bytes]:
    return [b"%b\n%b\n" % (seed, seed) for seed in SEEDS] + [b"[1,\n2]", b"[1]\r\n\r\n[2]"]
