"""Processes, true without SageMaker: what to run, how it ended, start it, signal it, reap it.

Not here: when to signal whom (training.supervise), and whose program it is (frameworks).
"""

from __future__ import annotations

from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Command(Value):
    """What to run: an argv, never a shell string.

    `env` is the whole environment of the process, `cwd` its folder ("" for ours), `label` what a
    person calls it. A `helper` serves the programs beside it, here or on other hosts: it decides
    no outcome by ending well, and is ended when no host's program needs it any more.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str = ""
    label: str = "program"
    helper: bool = False


class Exit(Value):
    """How a process ended: `code` 0..255, or the number of the `signal` that killed it."""

    code: int = 0
    signal: int = 0

    @property
    def status(self) -> int:
        """The exit status as a shell tells it: the code, or 128 + the signal's number."""
        return 128 + self.signal if self.signal else self.code

    @property
    def name(self) -> str:
        """For people: `exit code 3`, or `SIGSEGV (signal 11)`."""
        if not self.signal:
            return f"exit code {self.code}"
        return f"{signal_name(self.signal)} (signal {self.signal})"


def signal_name(number: int) -> str:
    """`SIGTERM` for 15; `signal 40` for a number without a name."""
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
