"""What a training loop may ask of the other hosts; alone, it asks itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Hosts(Protocol):
    """The hosts of the job, this one at `rank` of `size`; the leader has rank 0.

    Every method is a collective: all hosts call it, in the same order. Arrays have the same shape
    everywhere. Raises PlatformError naming a host that is lost.
    """

    rank: int
    size: int

    def sum(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum over all hosts, element by element, the same bits on every host."""

    def max(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        """The maximum over all hosts, element by element."""

    def gather(self, data: bytes) -> list[bytes]:
        """Every host's bytes, by rank; of any lengths."""

    def broadcast(self, data: bytes) -> bytes:
        """The leader's bytes."""


class Alone:
    """A job of one host."""

    rank = 0
    size = 1

    def sum(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        return array

    def max(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        return array

    def gather(self, data: bytes) -> list[bytes]:
        return [data]

    def broadcast(self, data: bytes) -> bytes:
        return data
