"""The programs we ship: `python -m container_toolkit.algorithms NAME` trains one of them.

A declaration (`declaration.Algorithm`) says all there is to know of one; importing it imports
neither numpy nor the library behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from container_toolkit import registry

if TYPE_CHECKING:
    from container_toolkit.algorithms.declaration import Algorithm

ALGORITHMS = {"xgboost": "container_toolkit.algorithms.xgboost:ALGORITHM"}
GROUP = "container_toolkit.algorithms"  # entry points that add algorithms


def get(name: str, asked_by: str) -> Algorithm:
    """Raises ConfigError listing the known names, naming `asked_by` as the place to mend."""
    return cast("Algorithm", registry.get(name, ALGORITHMS, GROUP, asked_by))
