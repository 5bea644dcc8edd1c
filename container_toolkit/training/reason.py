"""Why a program failed, for a person: the cause first, then what else helps, in 1,024 characters.

Nothing is guessed from words in the log: a Python traceback counts as the cause only where it is
the last thing the program said.
"""

from __future__ import annotations

import re

from container_toolkit.contract.outcome import LONGEST_REASON, TAIL_TITLE
from container_toolkit.training.announce import shown
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.training.secrets import Secrets
    from container_toolkit.training.supervise import Ending

ABORT, KILL = 6, 9  # SIGABRT, SIGKILL
LONGEST_CAUSE, LONGEST_COMMAND = 600, 160  # characters; the rest is for the tail
LONGEST_VERDICT = 800  # characters; it may be a list of all that is wrong
# Python ends with code 1 after a traceback, and may print a little more while it shuts down.
# With any other code the traceback was handled, unless it is right at the end.
LINES_AFTER = {1: 20}
LINES_AFTER_ELSE = 2

FRAME = re.compile(r'^\s*File "([^"]+)", line (\d+)(?:, in (.+))?$')
# PyTorch puts it before each line of an exception that ends a rank, and of no other.
RANK = re.compile(r"^(\[rank\d+\]:) ?")
# The last word of a Python whose C++ threads, PyTorch's for one, were still at work as it ended.
UNWOUND = "terminate called without an active exception"
ERROR_LINE = re.compile(r"^[A-Za-z_][\w.]*(?::|$)")
NOT_THE_USERS = re.compile(
    r"/(?:site|dist)-packages/|/lib/python3\.\d+/|^<(?:frozen|string)|container_toolkit/training/"
)


class Cause(Value):
    """An exception as the traceback tells it: `ValueError: boom`, and its innermost user frame."""

    error: str
    frame: str = ""


def tell(ending: Ending, secrets: Secrets, word: str = "", verdicts: tuple[str, ...] = ()) -> str:
    """The reason of a failed run, `secrets` masked before anything is cut.

    The last line that begins with one of `verdicts` is the program's own word on it, traceback or
    not. Where no traceback tells the cause, the last line that begins with `word` does.
    """
    text = text_lines(ending.stderr) or text_lines(ending.stdout)
    lines = [secrets.mask(line) for line in text]
    said = [line for line in lines if verdicts and line.startswith(verdicts)]
    cause = None
    unwound = ending.exit.signal == ABORT and UNWOUND in lines[-1:]
    if not ending.exit.signal or unwound:
        cause = python_cause(of_first_rank(lines), 1 if unwound else ending.exit.code)
    if said and not ending.exit.signal:
        first = shorten(said[-1], LONGEST_VERDICT)
        lines = [line for line in lines if line != said[-1]]  # the tail needs no second one
    elif cause is not None:
        first = shorten(cause.error, LONGEST_CAUSE) + (f" ({cause.frame})" if cause.frame else "")
    elif ending.exit.signal:
        first = f"killed by {ending.exit.name}{kernel_word(ending)}"
    elif lines:
        marked = [line for line in lines if word and line.startswith(word)]
        first = shorten((marked or lines)[-1], LONGEST_CAUSE)
    else:
        first = f"the program ended with {ending.exit.name} and said nothing"
    command = shorten(shown(ending.command, secrets), LONGEST_COMMAND)
    head = f"{first}\n{ending.exit.name} of: {command}"
    if ending.kernel_kills and ending.exit.signal != KILL:
        head += (
            f"\nout of memory: the kernel killed {ending.kernel_kills} process(es) of the job"
            " before that; give it more memory, or use less"
        )
    return with_tail(head, lines)


def kernel_word(ending: Ending) -> str:
    """The kernel's own count of out-of-memory kills, never a guess from SIGKILL."""
    if ending.exit.signal != KILL:
        return ""
    if ending.kernel_kills:
        return (
            ": the kernel ended it because the container ran out of memory; give the job more"
            " memory, or use less"
        )
    return ", not by this runtime; the kernel counts no out-of-memory kill here"


def with_tail(head: str, lines: list[str]) -> str:
    """`head`, then as many of the last lines as fit."""
    room = LONGEST_REASON - len(head) - len(TAIL_TITLE)
    tail: list[str] = []
    for line in reversed(lines):
        room -= len(line) + 1
        if room < 0:
            break
        tail.insert(0, line)
    if not tail or tail == [head.split("\n", 1)[0]]:
        return head[:LONGEST_REASON]
    return head + TAIL_TITLE + "\n".join(tail)


def text_lines(output: bytes) -> list[str]:
    """Lines as a terminal would leave them: of a progress bar only its last state."""
    text = output.decode(errors="replace").replace("\0", "")
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def of_first_rank(lines: list[str]) -> list[str]:
    """Where exceptions ended PyTorch's ranks, the lines of the first: others fail in its wake.

    Ranks that were started again may have had exceptions before, which are not looked at.
    """
    first: dict[str, int] = {}
    for number in range(len(lines) - 1, -1, -1):
        rank = RANK.match(lines[number])
        if rank and "Traceback (" in lines[number]:
            if rank[1] in first:
                break
            first[rank[1]] = number
    if not first:
        return lines
    rank_tag, start = min(first.items(), key=lambda item: item[1])
    return [RANK.sub("", line) for line in lines[start:] if line.startswith(rank_tag)]


def python_cause(lines: list[str], code: int) -> Cause | None:
    """The exception that ended the program, if its traceback stands at the end of `lines`."""
    start = last_frame(lines)
    if start < 0:
        return None
    error_at = start
    while error_at < len(lines) and (lines[error_at][:1] in ("", " ", "\t")):
        error_at += 1
    if error_at == len(lines) or not ERROR_LINE.match(lines[error_at]):
        return None
    if len(lines) - 1 - error_at > LINES_AFTER.get(code, LINES_AFTER_ELSE):
        return None
    message = [lines[error_at].removeprefix("__main__.")]  # as Python 3.10 writes it
    for line in lines[error_at + 1 : error_at + 6]:
        if not line:
            break
        message.append(line)
    return Cause(error="\n".join(message), frame=user_frame(lines, start))


def last_frame(lines: list[str]) -> int:
    for number in range(len(lines) - 1, -1, -1):
        if FRAME.match(lines[number]):
            return number
    return -1


def user_frame(lines: list[str], last: int) -> str:
    """The innermost frame of the user's own code, else the innermost of all."""
    innermost = ""
    for number in range(last, -1, -1):
        line = lines[number]
        if line.startswith("Traceback "):
            break
        frame = FRAME.match(line)
        if frame is None:
            continue
        innermost = innermost or describe(frame)
        if not NOT_THE_USERS.search(frame[1]):
            return describe(frame)
    return innermost


def describe(frame: re.Match[str]) -> str:
    name = frame[1].rpartition("/")[2]
    where = f"{name}, line {frame[2]}"
    return where if frame[3] in (None, "<module>") else f"{where}, in {frame[3]}"


def shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
