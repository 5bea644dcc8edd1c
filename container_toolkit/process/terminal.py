"""The controlling terminal, lent to whoever is to read from it."""

from __future__ import annotations

import os
import signal


class Terminal:
    """Lent to a program so that a debugger in it can read.

    Only where stdin is one (`docker run -it`): a process group in the background that reads from
    it would be stopped by the kernel, and hang.
    """

    def __init__(self) -> None:
        self._lent = False

    def give(self, group: int) -> None:
        if not os.isatty(0):
            return
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        self._lent = self._to(group)

    def take_back(self) -> None:
        if self._lent:
            self._to(os.getpgrp())

    def _to(self, group: int) -> bool:
        try:
            os.tcsetpgrp(0, group)
        except OSError:
            return False  # a terminal that is not ours to control
        return True
