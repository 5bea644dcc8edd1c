"""application/jsonlines: an instance a line, in the forms of `json_instances`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from container_toolkit.content_types.codec import Codec
from container_toolkit.content_types.json_rows import Rows
from container_toolkit.content_types.json_text import WHITE, decoded, loads
from container_toolkit.content_types.json_write import instances
from container_toolkit.content_types.line_blocks import BLOCK, line_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, BinaryIO

    from container_toolkit.content_types.batch import Batch
    from container_toolkit.content_types.codec import Reading


def read(stream: BinaryIO, name: str, reading: Reading, block: int = BLOCK) -> Iterator[Batch]:
    """A batch for each block of lines; blank lines are no instances.

    With `label_size` 0 labels are left unread. Raises DataError naming the line and the column, or
    the character of what is not JSON.
    """
    rows = Rows(name, reading)
    for first, lines in line_blocks(stream, name, block):
        found, numbers = instances_of(lines, first, name)
        if found:
            yield rows.batch(found, partial(place, name, numbers))


def place(name: str, numbers: list[int], number: int) -> str:
    return f"{name} line {numbers[number]}"


def instances_of(lines: bytes, first: int, name: str) -> tuple[list[Any], list[int]]:
    """The values of the lines that are not blank, and the numbers of these lines."""
    found: list[Any] = []
    numbers: list[int] = []
    for number, line in enumerate(lines.split(b"\n"), first):
        where = f"{name} line {number}"
        text = decoded(line, where)
        if text.strip(WHITE):
            found.append(loads(text, where))
            numbers.append(number)
    return found, numbers


def write(stream: BinaryIO, batches: Iterable[Batch]) -> None:
    """Raises DataError for what JSON has no words for: see `json_write`."""
    for text in instances(batches):
        stream.write(b"\n".join([*text, b""]))


CODEC = Codec(media_type="application/jsonlines", read=read, write=write)
