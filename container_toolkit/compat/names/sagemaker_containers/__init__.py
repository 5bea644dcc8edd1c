"""Stands in for the older peer of this name; see `container_toolkit.compat`."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def training_env() -> Any:
    """The same `Environment` that the later peer has."""
    return import_module("sagemaker_training.environment").Environment()
