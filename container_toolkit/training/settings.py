"""The settings that steer the runtime itself, read and checked before anything is done."""

from __future__ import annotations

from container_toolkit.errors import ConfigError
from container_toolkit.training import memory, model, peers
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.training.memory import Cap

# The service sends SIGKILL 120 s after SIGTERM; what is left of that is for reporting.
DEFAULT_GRACE = 110.0  # seconds


class Settings(Value):
    """`cap` None: no memory cap. `grace` and `peer_timeout` in seconds; None: no wait."""

    cap: Cap | None
    grace: float
    peer_timeout: float | None
    packs: bool
    exit_with_one: bool

    @classmethod
    def of(cls, env: TrainingEnvironment) -> Settings:
        """Raises ConfigError naming the variable."""
        return cls(
            cap=memory.choose_cap(env.settings, env.machine),
            grace=peers.seconds(env.settings, "CONTAINER_TOOLKIT_STOP_GRACE", DEFAULT_GRACE),
            peer_timeout=peers.timeout(env.settings),
            packs=model.wants_packing(env),
            exit_with_one=exits_with_one(env.settings),
        )


def exits_with_one(environ: Mapping[str, str]) -> bool:
    choice = environ.get("CONTAINER_TOOLKIT_EXIT_CODE") or "own"
    if choice not in ("own", "one"):
        raise ConfigError(f"variable CONTAINER_TOOLKIT_EXIT_CODE is {choice!r}; use own or one.")
    return choice == "one"
