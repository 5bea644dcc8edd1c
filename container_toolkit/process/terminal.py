"""The controlling terminal, lent to whoever is to read from it."""

from __future__ import annotations

import os
import signal


class Terminal:
    """Lent to a program so that a debugger in it can read, and Ctrl-C reaches it directly.

    Only where stdin is a terminal and we are in front of it (`docker run -it`, a shell): a process
    group in the background that reads from it would be stopped by the kernel, and hang.
    """

    def __init__(self) -> None:
        self._group = 0

    def lend(self, group: int) -> None:
        """To the process group `group`, if the terminal is ours to lend."""
        if not os.isatty(0):
            return
        try:
            if os.tcgetpgrp(0) != os.getpgrp():
                return
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # else taking it back would stop us
            os.tcsetpgrp(0, group)
        except OSError:
            return  # a terminal that controls another session
        self._group = group

    def follow(self) -> None:
        """Where Ctrl-Z has stopped the borrower, stop too, so that the shell gets its prompt; go on
        with it when the shell says so."""
        if not self._group:
            return
        try:
            stopped = os.waitid(os.P_PID, self._group, os.WSTOPPED | os.WNOHANG)
        except ChildProcessError:
            return
        if stopped is None:
            return
        group = self._group
        self.take_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        self.lend(group)
        os.killpg(group, signal.SIGCONT)

    def take_back(self) -> None:
        if not self._group:
            return
        self._group = 0
        try:
            os.tcsetpgrp(0, os.getpgrp())
        except OSError:
            return  # the terminal is gone
