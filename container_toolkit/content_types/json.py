"""application/json: a document of instances, in the forms of `json_instances`.

`{"instances": [...]}`, or the list alone. A document has to be there as a whole before any of it
can be read, at several times its size in memory; what may be larger is application/jsonlines.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from container_toolkit.content_types.codec import Codec
from container_toolkit.content_types.json_rows import Rows
from container_toolkit.content_types.json_text import decoded, loads
from container_toolkit.content_types.json_write import instances
from container_toolkit.content_types.line_blocks import BOM
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from container_toolkit.content_types.batch import Batch
    from container_toolkit.content_types.codec import Reading

AT_ONCE = 1 << 16  # instances in a batch


def read(stream: BinaryIO, name: str, reading: Reading, at_once: int = AT_ONCE) -> Iterator[Batch]:
    """Reads the whole stream first. With `label_size` 0 labels are left unread.

    Raises DataError naming the instance and the column, or the line and character of what is not
    JSON. An empty stream has no instances.
    """
    text = decoded(stream.read().removeprefix(BOM), name)
    if not text:
        return
    found = listed(loads(text, name), name)
    del text
    rows = Rows(name, reading)
    for first in range(0, len(found), at_once):
        where = partial(place, name, first + 1)
        yield rows.batch(found[first : first + at_once], where)


def place(name: str, first: int, number: int) -> str:
    return f"{name} instance {first + number}"


def listed(document: Any, name: str) -> list[Any]:
    if isinstance(document, dict):
        if set(document) != {"instances"}:
            raise DataError(f'{name} is an object without "instances", or with more than these.')
        document = document["instances"]
    if not isinstance(document, list):
        raise DataError(f"{name} has no list of instances.")
    return document


def write(stream: BinaryIO, batches: Iterable[Batch]) -> None:
    """Raises DataError for what JSON has no words for: see `json_write`."""
    between = b'{"instances":['
    for text in instances(batches):
        stream.write(between + b",".join(text))
        between = b","
    stream.write(b"]}" if between == b"," else between + b"]}")


CODEC = Codec(media_type="application/json", read=read, write=write)
