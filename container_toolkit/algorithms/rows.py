"""A channel's data as batches: this host's share of its files, or its FIFO, through one codec."""

from __future__ import annotations

import os
from contextlib import closing
from io import BytesIO
from typing import TYPE_CHECKING

from container_toolkit.content_types import find_codec
from container_toolkit.content_types.batch import Csr
from container_toolkit.content_types.codec import Reading
from container_toolkit.content_types.codec import reading as reading_of
from container_toolkit.content_types.recordio_frames import records
from container_toolkit.contract.channels import PIPE_MODE, RECORDIO
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from container_toolkit.content_types.batch import Batch
    from container_toolkit.content_types.codec import Codec
    from container_toolkit.content_types.media_type import MediaType
    from container_toolkit.contract.channels import Channel
    from container_toolkit.contract.cluster import Cluster

# What Hadoop, Spark and file managers leave beside data, by their first character.
NOT_DATA = (".", "_")


def batches(
    channel: Channel, media: MediaType, default: Reading, cluster: Cluster
) -> Iterator[Batch]:
    """This host's share of the channel, each row once; in Pipe mode one epoch of the FIFO.

    No rows at all is a valid share. All dense rows are as wide as the first. Raises DataError
    naming the file, ConfigError for a content type that nothing reads.
    """
    asked_by = f"channel {channel.name!r}, ContentType"
    codec = find_codec(media, asked_by)
    reading = reading_of(media, codec, default, asked_by)
    first = ""
    columns = reading.columns
    for name, stream in streams(channel, cluster, codec):
        for batch in codec.read(stream, name, reading):
            if not isinstance(batch.features, Csr):
                if columns is not None and batch.columns != columns:
                    raise DataError(
                        f"{name} has {batch.columns} features a row, but {first or 'the job'} has"
                        f" {columns}; a channel's files must agree."
                    )
                columns, first = batch.columns, first or name
            yield batch


def data_files(channel: Channel, cluster: Cluster) -> list[str]:
    """This host's files, without those whose names begin as Hadoop's and hidden ones do."""
    return [
        path for path in channel.shard(cluster) if not os.path.basename(path).startswith(NOT_DATA)
    ]


def streams(channel: Channel, cluster: Cluster, codec: Codec) -> Iterator[tuple[str, BinaryIO]]:
    if channel.input_mode == PIPE_MODE:
        yield from piped(channel, codec)
        return
    for path in data_files(channel, cluster):
        with opened(path) as stream:
            yield path, stream


def piped(channel: Channel, codec: Codec) -> Iterator[tuple[str, BinaryIO]]:
    """One epoch of the FIFO; where the service wraps each object into a record, one by one."""
    name = f"{channel.path}_0"
    with closing(channel.epochs()) as epochs:
        stream = next(epochs)
        if channel.record_wrapper == RECORDIO:
            for number, content in enumerate(unwrapped(stream, name), 1):
                yield f"{name}, object {number}", BytesIO(content)
        elif codec.seeks:
            raise DataError(
                f"channel {channel.name!r}: {codec.media_type} can't be read in Pipe mode."
            )
        else:
            yield name, stream


def unwrapped(stream: BinaryIO, name: str) -> Iterator[bytes]:
    for found in records(stream, name):
        for start, length in zip(found.starts, found.lengths, strict=True):
            yield found.data[start : start + length].tobytes()


def opened(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}.") from None
