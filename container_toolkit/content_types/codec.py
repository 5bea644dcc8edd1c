"""The seam of the content types: what a codec is, and what it is told about the data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from container_toolkit.content_types.batch import Batch
from container_toolkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import BinaryIO

    from container_toolkit.content_types.media_type import MediaType

LONGEST_LABEL = 1_000_000  # columns


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the reader knows of the data beforehand.

    `label_size`: how many leading columns are the label (0: none are). Formats that mark the label
    themselves need one there where it is 1, and allow one where it is 0. `weights`: the column
    after the label is the row's weight. `columns`: features in every row, where known; sparse
    rows may have no column beyond it. `parameters`: those of the media type.
    """

    label_size: int = 1
    weights: bool = False
    columns: int | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Codec:
    """One media type.

    `read(stream, name, reading)` yields batches of some MiB each, in order, none of them empty,
    in memory bounded whatever the stream's length; `name` is what errors call the stream (a file's
    path). Raises DataError naming it, the row (1-based) and, where there is one, the column
    (1-based, as the file has them). `write(stream, batches)` is its inverse. `parameters` are the
    media type's parameters that mean something here. Streams may be FIFOs: neither function seeks,
    unless `seeks` says that `read` must.
    """

    media_type: str
    read: Callable[[BinaryIO, str, Reading], Iterator[Batch]]
    write: Callable[[BinaryIO, Iterable[Batch]], None]
    parameters: frozenset[str] = frozenset()
    seeks: bool = False


def reading(media: MediaType, codec: Codec, default: Reading, asked_by: str) -> Reading:
    """`default` with what the media type's parameters say instead.

    `label_size` is everybody's and `charset` nobody's (all text is UTF-8); any other the codec must
    know. Raises ConfigError naming `asked_by`.
    """
    known = codec.parameters | {"label_size", "charset"}
    for name, value in media.parameters.items():
        if name not in known:
            raise ConfigError(
                f"{asked_by}: {media.name} has no parameter {name!r}; it has"
                f" {', '.join(sorted(known))}."
            )
        if name == "charset" and value.lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
            raise ConfigError(f"{asked_by}: charset {value!r} is not read; store it as UTF-8.")
    size = media.parameters.get("label_size")
    if size is None:
        return replace(default, parameters=media.parameters)
    if not (size.isascii() and size.isdigit() and int(size[:9]) <= LONGEST_LABEL):
        raise ConfigError(f"{asked_by}: label_size {size!r} is not a number of columns.")
    return replace(default, label_size=int(size), parameters=media.parameters)
