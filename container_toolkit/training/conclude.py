"""From how the processes ended to how the job ended: decided here, before the disk is touched."""

from __future__ import annotations

from container_toolkit.contract import program as kinds
from container_toolkit.contract.outcome import (
    COMPLETED,
    FAILED,
    LONGEST_REASON,
    STOPPED,
    Outcome,
)
from container_toolkit.errors import CodeError, PlatformError
from container_toolkit.process import signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.contract.program import Program
    from container_toolkit.training.log import Log
    from container_toolkit.training.supervise import Ending

INSTALLERS_WORD = "ERROR: "  # how pip begins its last word, hints come after it
# How an algorithm begins its last word, after a traceback of its own where there is one.
ALGORITHMS_VERDICTS = ("UserError: ", "AlgorithmError: ", "PlatformError: ")
OVER_CAP_EXIT = 137  # what the kernel's own out-of-memory kill looks like from outside


def training(ending: Ending, program: Program, log: Log) -> Outcome:
    """The program's own exit code, unless it was we who ended it."""
    if ending.over_cap:
        return Outcome(status=FAILED, reason=ending.over_cap, exit_code=OVER_CAP_EXIT)
    if ending.stopped_by:
        return stopped(ending)
    if ending.ended_by_trouble:
        return elsewhere(ending, "this host was fine, see the log of that one.")
    if ending.exit.status and ending.trouble:
        return elsewhere(ending, f"the program here failed after that:\n{reason(ending, '', log)}")
    if ending.exit.status:
        prefix = "Framework Error: " if program.kind == kinds.FUNCTION else ""
        verdicts = ALGORITHMS_VERDICTS if program.kind == kinds.ALGORITHM else ()
        text = reason(ending, prefix, log, verdicts=verdicts)
        return Outcome(status=FAILED, reason=text, exit_code=ending.exit.status)
    if ending.kernel_kills:
        log.warning(
            f"the kernel killed {ending.kernel_kills} process(es) of the job for lack of memory,"
            " but the program ended well"
        )
    return Outcome(status=COMPLETED)


def elsewhere(ending: Ending, rest: str) -> Outcome:
    """Another host failed first: what happened here is its consequence."""
    return Outcome(
        status=FAILED,
        reason=f"PlatformError: {ending.trouble}; {rest}"[:LONGEST_REASON],
        exit_code=PlatformError.exit_code,
    )


def installation(ending: Ending, log: Log) -> Outcome:
    """pip's exit code is its own affair: what could not be installed is the user's to mend."""
    if ending.stopped_by:
        return stopped(ending)
    label = ending.command.label
    if ending.over_cap:
        return Outcome(status=FAILED, reason=f"{label}: {ending.over_cap}", exit_code=OVER_CAP_EXIT)
    text = reason(ending, f"{label}: ", log, INSTALLERS_WORD)
    return Outcome(status=FAILED, reason=text, exit_code=CodeError.exit_code)


def before_start(number: int) -> Outcome:
    reason = f"Stopped by {signal_name(number)} before the program was started"
    return Outcome(status=STOPPED, reason=reason, exit_code=128 + number)


def stopped(ending: Ending) -> Outcome:
    """However the program ended after a stop: who stopped it wants to see that it was stopped."""
    how = "was killed when its grace ran out" if ending.killed else f"ended with {ending.exit.name}"
    reason = f"Stopped by {signal_name(ending.stopped_by)}: the program {how}"
    return Outcome(status=STOPPED, reason=reason, exit_code=128 + ending.stopped_by)


def reason(
    ending: Ending, prefix: str, log: Log, word: str = "", verdicts: tuple[str, ...] = ()
) -> str:
    from container_toolkit.training.reason import tell

    return prefix + tell(ending, log.secrets, word, verdicts)
