"""SIGTERM is heard between two rounds, and at once while there is no round yet."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from container_toolkit.algorithms.hosts import Hosts

EXIT = 128 + signal.SIGTERM  # as a shell tells it


class Stop:
    """Whether somebody has asked this host to stop."""

    def __init__(self) -> None:
        self._asked = False

    def asked(self) -> bool:
        return self._asked

    def agreed(self, hosts: Hosts) -> bool:
        """Whether any host was asked; a collective. All end after the same round."""
        if hosts.size == 1:
            return self._asked
        return bool(hosts.max(np.array([float(self._asked)]))[0])

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """SIGTERM is taken note of in the block, and has its earlier meaning after it."""
        before = signal.signal(signal.SIGTERM, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """SIGTERM ends the block by SystemExit: there is nothing yet to be finished or kept."""
        if self._asked:
            raise SystemExit(EXIT)
        before = signal.signal(signal.SIGTERM, end)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True


def end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(EXIT)
