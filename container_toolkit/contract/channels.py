"""inputdataconfig.json, both directions, and the data of a channel as the container finds it."""

from __future__ import annotations

import os
import stat
import time

from container_toolkit.contract import documents
from container_toolkit.errors import ConfigError, DataError
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from io import BufferedReader
    from typing import Any

    from container_toolkit.contract.cluster import Cluster
    from container_toolkit.contract.layout import Layout

FILE = "inputdataconfig.json"

FILE_MODE, FAST_FILE_MODE, PIPE_MODE = "File", "FastFile", "Pipe"
MODES = (FILE_MODE, FAST_FILE_MODE, PIPE_MODE)
REPLICATED, SHARDED = "FullyReplicated", "ShardedByS3Key"
DISTRIBUTIONS = (REPLICATED, SHARDED)
RECORDIO = "RecordIO"
WRAPPERS = ("None", RECORDIO)

# The next epoch's FIFO usually exists when this one is opened, but it is not promised.
FIFO_WAIT = 60.0  # seconds
FIFO_RETRY = 0.05  # seconds


class Channel(Value):
    """One input channel. `path` is its folder; in Pipe mode the FIFOs are `path` + `_<epoch>`."""

    name: str
    path: str
    content_type: str | None = None
    input_mode: str = FILE_MODE
    distribution: str = REPLICATED
    record_wrapper: str = "None"

    def files(self) -> list[str]:
        """Paths of all files below the channel's folder, in UTF-8 order of their keys.

        That is the order S3 lists keys in, the same on every host. Raises DataError when the
        folder is missing, or the channel is a pipe.
        """
        if self.input_mode == PIPE_MODE:
            raise DataError(f"channel {self.name!r} is in Pipe mode: use epochs(), not files().")
        if not os.path.isdir(self.path):
            raise DataError(f"channel {self.name!r} has no folder {self.path}.")
        found: list[str] = []
        walk(self.path, found, set())
        return sorted(found, key=lambda path: os.fsencode(os.path.relpath(path, self.path)))

    def shard(self, cluster: Cluster) -> list[str]:
        """This host's share of the files: over all hosts each file exactly once.

        Under ShardedByS3Key the service has split the keys already, so it is every local file;
        otherwise file i goes to host i mod n, the hosts counted by their numbers. Where only one
        instance group has the channel, pass `cluster.within(group)`.
        """
        files = self.files()
        if self.distribution == SHARDED:
            return files
        return files[cluster.rank :: cluster.size]

    def epochs(self, wait: float = FIFO_WAIT) -> Generator[BufferedReader]:
        """Pipe mode: the data of epoch 0, 1, 2, … as one binary stream each, closed after use.

        Never ends by itself: the service offers as many epochs as are asked for, so leave the
        loop when trained enough. Raises DataError when the next FIFO does not appear within
        `wait` seconds, or the channel is not a pipe.
        """
        if self.input_mode != PIPE_MODE:
            raise DataError(
                f"channel {self.name!r} is in {self.input_mode} mode: use files(), not epochs()."
            )
        epoch = 0
        while True:
            with open_fifo(f"{self.path}_{epoch}", wait) as stream:
                yield stream
            epoch += 1


def walk(folder: str, found: list[str], seen: set[tuple[int, int]]) -> None:
    """Collect files below `folder`; links are followed, but no folder is entered twice."""
    status = os.stat(folder)
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                walk(entry.path, found, seen)
            elif entry.is_file():
                found.append(entry.path)


def open_fifo(path: str, wait: float) -> BufferedReader:
    deadline = time.monotonic() + wait
    while True:
        try:
            return open(path, "rb")
        except FileNotFoundError:
            if time.monotonic() >= deadline:
                raise DataError(f"the FIFO {path} did not appear within {wait:g} s.") from None
        time.sleep(FIFO_RETRY)


def from_document(
    document: Mapping[str, Any], layout: Layout, path: str = FILE
) -> dict[str, Channel]:
    """Channels by name, sorted. Raises ConfigError naming the channel and key."""
    return {name: one(name, document[name], layout, path) for name in sorted(document)}


def to_document(channels: Mapping[str, Channel]) -> dict[str, Any]:
    """ContentType is left out where there is none; the other members are always there."""
    document: dict[str, Any] = {}
    for channel in channels.values():
        entry = {} if channel.content_type is None else {"ContentType": channel.content_type}
        entry["TrainingInputMode"] = channel.input_mode
        entry["S3DistributionType"] = channel.distribution
        entry["RecordWrapperType"] = channel.record_wrapper
        document[channel.name] = entry
    return document


def load(layout: Layout) -> tuple[dict[str, Channel], dict[str, Any]]:
    """The channels, and the document they stand in.

    Where the file is missing, the channels are the folders and FIFOs found under input/data.
    """
    path = layout.document(FILE)
    document = documents.read(path)
    if document is not None:
        return from_document(document, layout, path), document
    channels = discover(layout)
    return channels, to_document(channels)


def dump(channels: Mapping[str, Channel], layout: Layout) -> None:
    documents.write(layout.document(FILE), to_document(channels))


def one(name: str, entry: Any, layout: Layout, path: str) -> Channel:
    where = f"{path}, channel {name!r}"
    documents.clean(name, name, path)
    if not name or "/" in name or name in (".", "..") or "=" in name:
        raise ConfigError(f"{path}: {name!r} can't be a channel: its name is not a folder's.")
    if not isinstance(entry, dict):
        raise ConfigError(f"{where}: must be an object, not {documents.kind(entry)}.")
    content_type = None
    if entry.get("ContentType") is not None:
        content_type = documents.text_field(entry, "ContentType", where, None)
    return Channel(
        name=name,
        path=layout.channel(name),
        content_type=content_type,
        input_mode=choice(entry, "TrainingInputMode", MODES, where),
        distribution=choice(entry, "S3DistributionType", DISTRIBUTIONS, where),
        record_wrapper=choice(entry, "RecordWrapperType", WRAPPERS, where),
    )


def choice(entry: Mapping[str, Any], key: str, choices: tuple[str, ...], where: str) -> str:
    """One of `choices`; a missing one (an older service, SDK local mode) means the first."""
    value = documents.text_field(entry, key, where, choices[0])
    if value not in choices:
        raise ConfigError(f"{where}: {key!r} is {value!r}, but must be one of {choices}.")
    return value


def discover(layout: Layout) -> dict[str, Channel]:
    """Folders under input/data are File channels, FIFOs `<name>_0` Pipe channels."""
    found: dict[str, Channel] = {}
    try:
        names = sorted(os.listdir(layout.data))
    except OSError:
        return {}
    for name in names:
        path = os.path.join(layout.data, name)
        try:
            mode = os.stat(path).st_mode
            name.encode()
        except (OSError, UnicodeEncodeError):
            continue
        if "=" in name:
            continue
        if stat.S_ISDIR(mode):
            found[name] = Channel(name=name, path=path)
        elif stat.S_ISFIFO(mode) and name.endswith("_0"):
            name = name[:-2]
            found[name] = Channel(name=name, path=layout.channel(name), input_mode=PIPE_MODE)
    return dict(sorted(found.items()))
