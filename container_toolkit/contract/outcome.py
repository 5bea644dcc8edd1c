"""How a job ended on this host, and output/failure and output/success, which say so.

The outcome is decided before the disk is touched: an exit code can't be lost to a full one.
"""

from __future__ import annotations

import os

from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.contract.layout import Layout

COMPLETED, FAILED, STOPPED = "Completed", "Failed", "Stopped"

LONGEST_REASON = 1024  # characters; the service shows no more of it
TAIL_TITLE = "\nlast lines:\n"  # between the cause and what the program last said
RESERVED_BYTES = 4 * LONGEST_REASON  # room for that many characters of any kind


class Outcome(Value):
    """`exit_code` is what `train` ends with: 0 for Completed only. `reason` is empty only then."""

    status: str
    reason: str = ""
    exit_code: int = 0


class OutcomeFiles:
    """The two files of the output folder, written so that a full disk can't empty them."""

    def __init__(self, layout: Layout) -> None:
        self._failure = layout.failure
        self._success = layout.success
        self._folder = layout.output
        self._reserve = os.path.join(layout.output, ".failure.reserved")
        self._descriptor = -1

    def prepare(self) -> str:
        """Set an earlier run's files aside and keep room for the reason.

        Returns what is wrong with the folder, "" when all is well: a job can do without it.
        """
        try:
            os.makedirs(self._folder, exist_ok=True)
            if os.path.lexists(self._failure):
                os.replace(self._failure, self._failure + ".previous")
            if os.path.lexists(self._success):
                os.unlink(self._success)
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self._reserve, flags, 0o644)
            os.posix_fallocate(self._descriptor, 0, RESERVED_BYTES)
        except OSError as error:
            return f"{self._folder} can't be written to: {error.strerror}"
        return ""

    def write(self, outcome: Outcome) -> str:
        """Write the file that belongs to `outcome`; returns what went wrong, "" for nothing.

        A failure file that the program wrote itself is kept.
        """
        name = self._success if outcome.status == COMPLETED else self._failure
        kept = name == self._failure and has_text(name)
        text = "" if name == self._success else outcome.reason[:LONGEST_REASON]
        try:
            if kept:
                os.unlink(self._reserve)
            else:
                self._replace(name, text.encode(errors="replace"))
        except OSError as error:
            return self._write_plainly(name, text, error) if not kept else ""
        return ""

    def _replace(self, name: str, text: bytes) -> None:
        """Through the reserved blocks and their inode, whole at once."""
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))
        os.fsync(self._descriptor)
        os.rename(self._reserve, name)

    def _write_plainly(self, name: str, text: str, first: OSError) -> str:
        """The program may have removed the folder, and the reserve with it."""
        try:
            os.makedirs(self._folder, exist_ok=True)
            with open(name, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError:
            return f"{name} can't be written: {first.strerror}"
        return ""


def has_text(path: str) -> bool:
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False
