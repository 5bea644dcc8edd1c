"""The programs we ship: `python -m container_toolkit.algorithms NAME` trains one of them.

A declaration (`declaration.Algorithm`) says all there is to know of one; importing it imports
neither numpy nor the library behind it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, cast

from container_toolkit import registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from container_toolkit.algorithms.declaration import Algorithm

ALGORITHMS = {"xgboost": "container_toolkit.algorithms.xgboost:ALGORITHM"}
GROUP = "container_toolkit.algorithms"  # entry points that add algorithms


def get(name: str, asked_by: str) -> Algorithm:
    """Raises ConfigError listing the known names, naming `asked_by` as the place to mend."""
    return cast("Algorithm", registry.get(name, ALGORITHMS, GROUP, asked_by))


def function(target: str) -> Callable[..., Any]:
    """What a declaration names as "module:function", imported now."""
    module, _, name = target.partition(":")
    return cast("Callable[..., Any]", getattr(importlib.import_module(module), name))


def names() -> list[str]:
    """Ours and those that entry points add, sorted."""
    return sorted({*ALGORITHMS, *registry.entry_points(GROUP)})
