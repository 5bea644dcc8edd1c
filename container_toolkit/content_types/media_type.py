"""A content type as a request or a channel names it, e.g. `text/csv; label_size=0`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from container_toolkit.errors import ConfigError
from container_toolkit.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

# Short names and older spellings that SageMaker's XGBoost accepts.
ALIASES = {
    "csv": "text/csv",
    "libsvm": "text/libsvm",
    "text/x-libsvm": "text/libsvm",
    "parquet": "application/x-parquet",
    "application/parquet": "application/x-parquet",
    "recordio-protobuf": "application/x-recordio-protobuf",
    "json": "application/json",
    "jsonlines": "application/jsonlines",
    "application/jsonl": "application/jsonlines",
    "application/x-jsonlines": "application/jsonlines",
    "npy": "application/x-npy",
}


class MediaType(Value):
    """`name` is canonical and in lower case; so are the names of `parameters`, not their values."""

    name: str
    parameters: Mapping[str, str] = {}

    def __str__(self) -> str:
        return "; ".join([self.name, *(f"{key}={value}" for key, value in self.parameters.items())])


def parse(text: str, asked_by: str) -> MediaType:
    """Read `type/subtype; name=value; …`, spaces and quotes as RFC 9110 (8.3.1) allows them.

    Raises ConfigError naming `asked_by` (e.g. "channel 'train', ContentType").
    """
    name, *rest = text.split(";")
    name = name.strip().lower()
    parameters: dict[str, str] = {}
    for part in rest:
        key, equals, value = part.partition("=")
        key = key.strip().lower()
        if not key and not equals:
            continue
        if not key or not equals or key in parameters:
            raise ConfigError(f"{asked_by} {text!r}: {part.strip()!r} is no name=value of its own.")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = value[1:-1]
        parameters[key] = value
    if not name:
        raise ConfigError(f"{asked_by} {text!r} names no media type; use e.g. text/csv.")
    return MediaType(name=ALIASES.get(name, name), parameters=parameters)
