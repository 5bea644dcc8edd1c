"""The channels of a job against those that an algorithm reads, and the content type of each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from container_toolkit.algorithms import parsing
from container_toolkit.content_types.media_type import MediaType, parse
from container_toolkit.contract.channels import PIPE_MODE
from container_toolkit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from container_toolkit.algorithms.declaration import Algorithm, ChannelRole
    from container_toolkit.contract.channels import Channel
    from container_toolkit.contract.environment import TrainingEnvironment

# Channels that bring code or an earlier state, and are no data of the algorithm's.
NOT_THE_ALGORITHMS = frozenset(("code", "sm_drivers", "model", "checkpoints"))

EXTENSIONS = {
    ".csv": "text/csv",
    ".libsvm": "text/libsvm",
    ".svm": "text/libsvm",
    ".pbr": "application/x-recordio-protobuf",
    ".parquet": "application/x-parquet",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".jsonlines": "application/jsonlines",
    ".npy": "application/x-npy",
}


def check(algorithm: Algorithm, env: TrainingEnvironment) -> tuple[dict[str, MediaType], list[str]]:
    """The content types by channel, and the problems, a sentence each without its full stop."""
    roles = {role.name: role for role in algorithm.channels}
    problems = [
        f"Missing required channel: {role.name}"
        for role in algorithm.channels
        if role.required and role.name not in env.channels
    ]
    types: dict[str, MediaType] = {}
    for name, channel in env.channels.items():
        if name in roles:
            try:
                types[name] = media_type(algorithm, roles[name], channel)
            except (ConfigError, DataError) as error:
                problems.append(str(error).rstrip("."))
        elif name not in NOT_THE_ALGORITHMS:
            problems.append(
                f"Extraneous channel found: {parsing.shown(name)}{parsing.meant(name, roles)}"
            )
    return types, problems


def media_type(algorithm: Algorithm, role: ChannelRole, channel: Channel) -> MediaType:
    """As the channel names it, else by the extension of its first file, else the role's default.

    Raises ConfigError for a type that the algorithm does not read.
    """
    if not (channel.content_type or "").strip():
        return parse(by_extension(algorithm, channel) or role.default, "the declaration")
    where = f"channel {channel.name!r}, ContentType"
    media = parse(channel.content_type or "", where)
    if media.name not in algorithm.content_types:
        raise ConfigError(
            f"{where}: {parsing.shown(media.name)} is not an accepted ContentType, use one of"
            f" {', '.join(algorithm.content_types)}"
        )
    return media


def by_extension(algorithm: Algorithm, channel: Channel) -> str:
    """Of all the channel's files, not of this host's share: every host must find the same."""
    if channel.input_mode == PIPE_MODE:
        return ""
    from container_toolkit.algorithms.rows import NOT_DATA  # which needs numpy

    for path in channel.files():
        name = os.path.basename(path)
        if not name.startswith(NOT_DATA):
            found = EXTENSIONS.get(os.path.splitext(name)[1].lower(), "")
            return found if found in algorithm.content_types else ""
    return ""
