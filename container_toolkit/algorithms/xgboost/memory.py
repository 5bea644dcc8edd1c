"""How much memory this process may hold, and how much it holds already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from container_toolkit.errors import ConfigError
from container_toolkit.machine.size import ACCEPTED, amount

if TYPE_CHECKING:
    from container_toolkit.contract.environment import TrainingEnvironment

CAP = "CONTAINER_TOOLKIT_MEMORY_CAP"

_UNKNOWN = 1 << 60  # bytes: a machine that doesn't tell is not to be planned for
_OTHERS = 16 << 20  # bytes: `train` itself, which the cap counts too
_SLACK = 20  # one part in so many stays free: estimates are estimates


@dataclass(frozen=True, kw_only=True)
class Budget:
    """`bytes`: all that this process may hold, what it holds now included."""

    bytes: int
    status: str = "/proc/self/status"

    @classmethod
    def of(cls, env: TrainingEnvironment) -> Budget:
        """The cap that holds for the job's processes, else what the machine or container gives.

        Raises ConfigError when the variable is no amount of memory.
        """
        whole = env.machine.memory_limit or env.machine.memory or _UNKNOWN
        wish = env.settings.get(CAP, "").strip()
        cap = whole
        if wish and wish.lower() != "off":
            try:
                cap = min(whole, amount(wish, of=whole))
            except ValueError:
                raise ConfigError(
                    f"{CAP}={wish!r} is not an amount of memory; use {ACCEPTED}, or off."
                ) from None
        return cls(bytes=max(0, cap - cap // _SLACK - _OTHERS))

    def left(self) -> int:
        """Bytes that may be taken beyond what is held now; 0 when there are none."""
        return max(0, self.bytes - self.used())

    def used(self) -> int:
        """Bytes that only this process has a use for. Mapped files are the kernel's to drop."""
        with open(self.status, encoding="ascii", errors="replace") as file:
            lines = [line.split() for line in file]
        held = {words[0]: int(words[1]) for words in lines if words[0] in ("RssAnon:", "RssShmem:")}
        return sum(held.values()) * 1024
