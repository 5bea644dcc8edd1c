"""Media type ⇄ batches: one codec a media type, the same one for training and serving.

`parse` reads a content type as a channel or a request names it; `find_codec` finds what reads and
writes it; `container_toolkit.content_types.batch` says what a batch is. This package imports numpy
only where a codec is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from container_toolkit import registry
from container_toolkit.content_types.media_type import MediaType, parse

if TYPE_CHECKING:
    from container_toolkit.content_types.codec import Codec

__all__ = ["CODECS", "GROUP", "MediaType", "find_codec", "parse"]

CODECS = {
    "text/csv": "container_toolkit.content_types.csv:CODEC",
    "text/libsvm": "container_toolkit.content_types.libsvm:CODEC",
    "application/x-recordio-protobuf": "container_toolkit.content_types.recordio_protobuf:CODEC",
    "application/x-parquet": "container_toolkit.content_types.parquet:CODEC",
    "application/json": "container_toolkit.content_types.json:CODEC",
    "application/jsonlines": "container_toolkit.content_types.jsonlines:CODEC",
    "application/x-npy": "container_toolkit.content_types.npy:CODEC",
}
GROUP = "container_toolkit.content_types"  # entry points that add codecs


def find_codec(media: MediaType, asked_by: str) -> Codec:
    """Raises ConfigError naming `asked_by` when nothing here reads that media type."""
    return cast("Codec", registry.get(media.name, CODECS, GROUP, asked_by))
