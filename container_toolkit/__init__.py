"""Train your own algorithm in a container, anywhere.

`from container_toolkit import TrainingEnvironment` is all that a training program may want; it
works as well without.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.contract.channels import Channel
    from container_toolkit.contract.cluster import Cluster, InstanceGroup
    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.hyperparameters import Hyperparameters
    from container_toolkit.contract.layout import Layout

__all__ = [
    "Channel",
    "Cluster",
    "Hyperparameters",
    "InstanceGroup",
    "Layout",
    "TrainingEnvironment",
]

_HOMES = {
    "Channel": "channels",
    "Cluster": "cluster",
    "Hyperparameters": "hyperparameters",
    "InstanceGroup": "cluster",
    "Layout": "layout",
    "TrainingEnvironment": "environment",
}


def __getattr__(name: str) -> object:
    """Public names are imported when first asked for: importing the package does nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.contract.{_HOMES[name]}"), name)
