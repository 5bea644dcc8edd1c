"""hyperparameters.json, both directions, and what its keys mean (training toolkit's dialect)."""

from __future__ import annotations

import json

from container_toolkit.contract import documents
from container_toolkit.errors import ConfigError
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from container_toolkit.contract.layout import Layout

FILE = "hyperparameters.json"

# Keys that steer the toolkit and never reach the program.
RESERVED = frozenset(
    (
        "sagemaker_program",
        "sagemaker_submit_directory",
        "sagemaker_enable_cloudwatch_metrics",
        "sagemaker_region",
        "sagemaker_container_log_level",
        "sagemaker_job_name",
        "default_user_module_name",
        "_tuning_objective_metric",
        "sagemaker_s3_output",
    )
)
FRAMEWORK_PREFIX = "sagemaker_"


class Hyperparameters(Value):
    """A job's hyperparameters.

    `document` is the file as it stands: the service writes strings, which the SDK fills with JSON.
    `user`, `framework` and `reserved` share them out, decoded: each string that is JSON becomes
    the value it spells, any other stays the string it is.
    """

    document: Mapping[str, Any]

    @property
    def user(self) -> dict[str, Any]:
        """What the program is given."""
        return {
            key: decode(value)
            for key, value in self.document.items()
            if key not in RESERVED and not key.startswith(FRAMEWORK_PREFIX)
        }

    @property
    def framework(self) -> dict[str, Any]:
        """`sagemaker_*` keys that steer a framework's launcher."""
        return {
            key: decode(value)
            for key, value in self.document.items()
            if key not in RESERVED and key.startswith(FRAMEWORK_PREFIX)
        }

    @property
    def reserved(self) -> dict[str, Any]:
        """Keys that steer the toolkit itself."""
        return {key: decode(value) for key, value in self.document.items() if key in RESERVED}

    @classmethod
    def from_document(cls, document: Mapping[str, Any], path: str = FILE) -> Hyperparameters:
        """Raises ConfigError naming the key that no program could be given."""
        for key, value in document.items():
            check(key, value, path)
        return cls(document=dict(document))

    def to_document(self) -> dict[str, Any]:
        return dict(self.document)


def load(layout: Layout) -> Hyperparameters:
    """Read the file; none means no hyperparameters. Raises ConfigError."""
    path = layout.document(FILE)
    return Hyperparameters.from_document(documents.read(path) or {}, path)


def dump(hyperparameters: Hyperparameters, layout: Layout) -> None:
    documents.write(layout.document(FILE), hyperparameters.to_document())


def decode(value: Any) -> Any:
    """The value a string spells in JSON; anything that is not JSON stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def check(key: str, value: Any, path: str) -> None:
    """Keys become names of environment variables, values their contents."""
    if "=" in key:
        raise ConfigError(
            f"{path}: the name {key!r} holds '=', which no environment variable may; rename it."
        )
    documents.clean(key, key, path)
    if isinstance(value, str):
        documents.clean(value, key, path)
        decoded = decode(value)
    else:
        decoded = value
    for text in texts(decoded):
        documents.clean(text, key, path)


def texts(value: Any) -> list[str]:
    """Every string anywhere inside a JSON value."""
    found: list[str] = []
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            found.extend(item)
            rest.extend(item.values())
        elif isinstance(item, list):
            rest.extend(item)
    return found
