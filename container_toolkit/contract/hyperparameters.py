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
TOOLKIT, FRAMEWORK, USER = "toolkit", "framework", "user"


class Hyperparameters(Value):
    """A job's hyperparameters.

    `document` is the file as it stands: the service writes strings, which the SDK fills with JSON.
    `user`, `framework` and `reserved` share them out, decoded: each string that is JSON becomes
    the value it spells, any other stays the string it is. With `exact`, so does a number that
    would not be written as it was: `1.10`, `1e5`, a commit called `1234567e12`.
    """

    document: Mapping[str, Any]
    exact: bool = False

    @property
    def user(self) -> dict[str, Any]:
        """What the program is given."""
        return self._of(USER)

    @property
    def framework(self) -> dict[str, Any]:
        """`sagemaker_*` keys that steer a framework's launcher."""
        return self._of(FRAMEWORK)

    @property
    def reserved(self) -> dict[str, Any]:
        """Keys that steer the toolkit itself."""
        return self._of(TOOLKIT)

    def _of(self, wanted: str) -> dict[str, Any]:
        read = decode_exactly if self.exact else decode
        return {key: read(value) for key, value in self.document.items() if role(key) == wanted}

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], path: str = FILE, *, exact: bool = False
    ) -> Hyperparameters:
        """Raises ConfigError naming the key that no program could be given."""
        for key, value in document.items():
            check(key, value, path)
        return cls(document=dict(document), exact=exact)

    def to_document(self) -> dict[str, Any]:
        return dict(self.document)


def load(layout: Layout, *, exact: bool = False) -> Hyperparameters:
    """Read the file; none means no hyperparameters. Raises ConfigError."""
    path = layout.document(FILE)
    return Hyperparameters.from_document(documents.read(path) or {}, path, exact=exact)


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


def decode_exactly(value: Any) -> Any:
    """As `decode`, but a number is one only where it would be written back as it stands."""
    decoded = decode(value)
    is_number = isinstance(decoded, (int, float)) and not isinstance(decoded, bool)
    return value if is_number and isinstance(value, str) and str(decoded) != value else decoded


def role(key: str) -> str:
    """Whom a hyperparameter is for."""
    if key in RESERVED:
        return TOOLKIT
    return FRAMEWORK if key.startswith(FRAMEWORK_PREFIX) else USER


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
