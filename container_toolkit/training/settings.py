"""The settings that steer the runtime itself, read and checked before anything is done."""

from __future__ import annotations

from container_toolkit.errors import ConfigError
from container_toolkit.training import memory, model
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.training.memory import Cap

# The service sends SIGKILL 120 s after SIGTERM; what is left of that is for reporting.
DEFAULT_GRACE = 110.0  # seconds
DEFAULT_PEER_TIMEOUT = 900.0  # seconds
DEFAULT_INTERMEDIATE_TIMEOUT = 30.0  # seconds


class Settings(Value):
    """`cap` None: no memory cap. `grace`, `peer_timeout` (None: no wait) and
    `intermediate_timeout` in seconds; `intermediate`: the s3:// URI that output/intermediate goes
    to, "" for nowhere."""

    cap: Cap | None
    grace: float
    peer_timeout: float | None
    intermediate: str
    intermediate_timeout: float
    packs: bool
    exit_with_one: bool

    @classmethod
    def of(cls, env: TrainingEnvironment) -> Settings:
        """Raises ConfigError naming the variable."""
        return cls(
            cap=memory.choose_cap(env.settings, env.machine),
            grace=seconds(env.settings, "CONTAINER_TOOLKIT_STOP_GRACE", DEFAULT_GRACE),
            peer_timeout=peer_timeout(env.settings),
            intermediate=intermediate_uri(env),
            intermediate_timeout=seconds(
                env.settings,
                "CONTAINER_TOOLKIT_INTERMEDIATE_TIMEOUT",
                DEFAULT_INTERMEDIATE_TIMEOUT,
            ),
            packs=model.wants_packing(env),
            exit_with_one=exits_with_one(env.settings),
        )


def intermediate_uri(env: TrainingEnvironment) -> str:
    if not env.hyperparameters.reserved.get("sagemaker_s3_output"):
        return ""
    from container_toolkit.training import intermediate

    return intermediate.destination(env)


def exits_with_one(environ: Mapping[str, str]) -> bool:
    choice = environ.get("CONTAINER_TOOLKIT_EXIT_CODE") or "own"
    if choice not in ("own", "one"):
        raise ConfigError(f"variable CONTAINER_TOOLKIT_EXIT_CODE is {choice!r}; use own or one.")
    return choice == "one"


def peer_timeout(environ: Mapping[str, str]) -> float | None:
    """CONTAINER_TOOLKIT_PEER_TIMEOUT in seconds; None where hosts are not to be waited for.

    SM_STUDIO_LOCAL_MODE=true is the peers' way to say that. Raises ConfigError.
    """
    if environ.get("SM_STUDIO_LOCAL_MODE", "").lower() == "true":
        return None
    return seconds(environ, "CONTAINER_TOOLKIT_PEER_TIMEOUT", DEFAULT_PEER_TIMEOUT)


def seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    """A variable that is a number of seconds, 0 or more, at most a year."""
    text = environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 366 * 86400:
        raise ConfigError(f"variable {name} is {text!r}; use a number of seconds, 0 or more.")
    return value
