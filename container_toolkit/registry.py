"""The one plugin mechanism: a table `name -> "module:attribute"` that entry points add to."""

from __future__ import annotations

import sys

from container_toolkit.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def get(name: str, table: Mapping[str, str], group: str, asked_by: str) -> Any:
    """The attribute that `name` stands for, imported now.

    The table's own names can't be replaced; an entry point of `group` may add others. Raises
    ConfigError listing the known names, naming `asked_by` as the place to mend. A plugin that
    can't be imported raises its own ImportError.
    """
    target = table.get(name)
    if target is None:
        added = entry_points(group)
        target = added.get(name)
        if target is None:
            known = ", ".join(sorted({*table, *added}))
            raise ConfigError(f"{asked_by} is {name!r}; known are {known}.")
    module, _, attribute = target.partition(":")
    __import__(module)  # as importlib.import_module, which this is on the launch path to avoid
    return getattr(sys.modules[module], attribute)


def entry_points(group: str) -> dict[str, str]:
    from importlib import metadata

    return {point.name: point.value for point in metadata.entry_points(group=group)}
