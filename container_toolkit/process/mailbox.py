"""Signals as letters in a box: the handler only enqueues, whoever waits reads and decides."""

from __future__ import annotations

import os
import select
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Mailbox:
    """The one place signals arrive, from `open` until the process ends.

    A signal that this process was started with ignored (nohup) stays ignored.
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, nothing)

    def wait(self, seconds: float) -> list[int]:
        """Signals that have come, in order; waits up to `seconds` for the first."""
        deadline = time.monotonic() + seconds
        while True:
            left = max(0.0, deadline - time.monotonic())
            # Rounded up: a poll of 0 ms for the last fraction would spin.
            self._poll.poll(min(int(left * 1000) + (left > 0), 2**31 - 1))
            try:
                return list(os.read(self._read, 4096))
            except BlockingIOError:
                if left <= 0:
                    return []


def nothing(_number: int, _frame: object) -> None:
    """A handler must exist for the number to be written into the box; it has nothing to do."""
