"""The hosts watch each other while they train: who dies is named at once, and nobody hangs.

Each host keeps its connection to the leader from the rendezvous. The kernel closes the connections
of a process however it dies; the leader tells the others whom it lost. A host in a library's
collective can't be interrupted there: most libraries fail by themselves when a connection breaks,
and one that does not is ended after some seconds.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING

from container_toolkit.errors import AlgorithmError, PlatformError, ToolkitError
from container_toolkit.rendezvous import lost
from container_toolkit.rendezvous.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from container_toolkit.rendezvous import Meeting

GRACE = 5.0  # seconds to end in good order once a host is lost, or this one has failed
GOODBYE_LIMIT = 10.0  # seconds the leader waits for the others' last word
LONGEST_WHY = 300  # characters
KILLED = "its connection ended without a word: it was killed, or its machine or network is gone"


class Watch(Listener):
    """From `start` on hears of the other hosts, and ends this one where it can't end by itself."""

    def __init__(self, meeting: Meeting) -> None:
        super().__init__(meeting)
        self.loss: PlatformError | None = None
        self._lost = threading.Event()
        self._all_left = threading.Event()
        self._left: set[str] = set()
        self._started = self._leaving = False
        self._doom: tuple[float, BaseException] | None = None

    def start(self) -> None:
        self._started = True
        self.listen()

    def loss_within(self, seconds: float) -> PlatformError | None:
        """Which host was lost, waiting a little for the news of it."""
        self._lost.wait(seconds)
        return self.loss

    def leave(self) -> None:
        """This host has done all it had to do with the others, and so have they."""
        self._leaving = True
        self.tell({"bye": True})
        if self.meeting.leads:  # what we have not read when we end would cut off our own goodbye
            self._all_left.wait(GOODBYE_LIMIT)
        self.over = True

    def fail(self, error: BaseException) -> None:
        """Tell the others; and if this host has not ended by itself in 5 s, end it."""
        self._doom = (time.monotonic() + GRACE, error)
        self._leaving = True
        if not self._started:
            self.start()
        if error is self.loss:
            return
        why = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else "stopped"
        self.tell({"failed": " ".join(why.split())[:LONGEST_WHY]})

    def stop(self) -> None:
        self.over = True

    def looked(self) -> None:
        if self._doom and time.monotonic() > self._doom[0] and not self.over:
            end(self._doom[1])

    def heard(self, host: str, message: Mapping[str, Any]) -> None:
        if "bye" in message:
            self._leave(host)
        elif "failed" in message:
            self._lose(host, f"it ended with {message['failed']}")
        elif "lost" in message:
            self._lose(str(message["lost"]), str(message.get("why")))

    def gone(self, host: str) -> None:
        if host not in self._left:
            self._lose(host, KILLED)
        self._leave(host)

    def _leave(self, host: str) -> None:
        self._left.add(host)
        if self._left.issuperset(self.meeting.links):
            self._all_left.set()

    def _lose(self, host: str, why: str) -> None:
        """The first loss is the cause, later ones its consequences."""
        if self.loss or self._leaving:
            return
        self.loss = lost(host, why)
        self._doom = (time.monotonic() + GRACE, self.loss)
        self._lost.set()
        if self.meeting.leads:
            self.tell({"lost": host, "why": why}, but=host)


def end(error: BaseException) -> None:
    """End the process as if `error` had been raised to the top, whatever its threads are at."""
    flush = threading.Thread(target=sys.stdout.flush, daemon=True)
    flush.start()
    flush.join(1.0)  # another thread may hold the stream
    code, said = 1, f"{type(error).__name__}: {error}"
    if isinstance(error, ToolkitError):
        code = error.exit_code
    elif isinstance(error, SystemExit):
        code, said = (error.code if isinstance(error.code, int) else 1), ""
    elif isinstance(error, Exception):
        traceback.print_exception(error)
        code, said = AlgorithmError.exit_code, f"AlgorithmError: {said}"
    if said:
        os.write(2, f"{' '.join(said.split())}\n".encode())
    os._exit(code)
