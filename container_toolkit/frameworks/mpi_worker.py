"""A host that mpirun starts ranks on: takes the leader's ssh connections until it is told to end.

Each connection has an sshd of its own, which asks for this job's key and lets in nobody else.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
import time
from typing import TYPE_CHECKING

from container_toolkit.errors import PlatformError
from container_toolkit.frameworks import mpi_job, mpi_keys
from container_toolkit.frameworks.mpi_job import STOPS, Others
from container_toolkit.process import Command, spawn

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from container_toolkit.frameworks.mpi_job import Job
    from container_toolkit.process.mailbox import Mailbox

MOST_SESSIONS = 16  # at once; mpirun opens one
PATIENCE = 30.0  # seconds, once the leader is gone, in which its failure is known to all hosts
ALONE = 30.0  # seconds, once Open MPI has ended here, in which the leader knows how the ranks fared


class Leader(Others):
    """Hears how it goes there. `over`: all ranks have ended well; `ended`: when the connection did,
    by the monotonic clock."""

    over = False
    ended = float("inf")

    def heard(self, host: str, message: Mapping[str, Any]) -> None:
        super().heard(host, message)
        if message == mpi_job.OVER:
            self.over = True
            os.kill(os.getpid(), signal.SIGCHLD)  # to wake up whoever waits

    def gone(self, host: str) -> None:  # noqa: ARG002
        self.ended = time.monotonic()
        os.kill(os.getpid(), signal.SIGCHLD)


def serve(job: Job, environ: Mapping[str, str], mailbox: Mailbox) -> int:
    """The exit code: how the ranks fare, the leader tells."""
    sshd = mpi_keys.tool("sshd", environ)
    spawn.become_subreaper()  # what starts the ranks leaves its session
    with tempfile.TemporaryDirectory(prefix="mpi-") as folder, listening() as listener:
        key = mpi_keys.make_key(folder, environ)
        facts = {"key": key, "user": mpi_keys.user(), "port": listener.getsockname()[1]}
        meeting = mpi_job.gather(job, mailbox)
        told = meeting.exchange(facts)
        config = mpi_keys.write_server(folder, told[job.party.leader]["key"], environ)
        leader = Leader(meeting)
        leader.listen()
        command = Command(argv=(sshd, "-i", "-e", "-f", config), env=environ)
        return wait(mailbox, Sessions(listener, command), leader)


class Sessions:
    """The sshd of each connection; a thread takes connections, another sees sessions end."""

    def __init__(self, listener: socket.socket, sshd: Command) -> None:
        self._listener = listener
        self._sshd = sshd
        self._running: set[int] = set()
        self.begun = False
        threading.Thread(target=self._accept, daemon=True).start()

    def ended(self, pids: Collection[int]) -> None:
        self._running.difference_update(pids)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                if len(self._running) < MOST_SESSIONS:
                    self._start(connection.fileno())

    def _start(self, connection: int) -> None:
        try:
            self._running.add(spawn.spawn(self._sshd, connection, 2, connection))
            self.begun = True
        except OSError as error:
            os.write(2, f"{self._sshd.argv[0]} can't be started: {error.strerror}\n".encode())


def wait(mailbox: Mailbox, sessions: Sessions, leader: Leader) -> int:
    """Until the leader says that all is over, or a stop; then until nothing runs here any more.

    Raises PlatformError where the leader went away and nobody else has ended us since, or where
    Open MPI's process here did: mpirun waits forever for one that has not made itself known yet.
    """
    heard: set[int] = set()
    alone = float("inf")
    while (running := spawn.has_children()) or not (heard or leader.over):
        now = time.monotonic()
        alone = float("inf") if running or not sessions.begun else min(alone, now)
        if now >= alone + ALONE:
            raise PlatformError(
                "Open MPI's process here ended before the leader's mpirun did; check that /tmp can"
                " be written, has room, and holds nothing of another user's Open MPI."
            )
        left = min(leader.ended + PATIENCE, alone + ALONE) - now
        if left <= 0 and leader.over:
            break  # what the ranks left behind is no concern of ours
        if left <= 0 and not heard:
            raise PlatformError("the leader's mpirun is gone; see the log there.")
        for number in mailbox.wait(min(3600.0, left) if left > 0 else 3600.0):
            if number in STOPS and number not in heard:  # of each, a rank is told once
                heard.add(number)
                leader.pass_on(number)
                mpi_job.tell_ranks(number)
        sessions.ended(spawn.reap())
    return leader.exit_code()


def listening() -> socket.socket:
    """At every address, at a port that is free."""
    try:
        return socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    except (OSError, ValueError):
        pass
    try:
        return socket.create_server(("", 0))
    except OSError as error:
        raise PlatformError(f"can't listen for the leader: {error.strerror}.") from None


if __name__ == "__main__":
    mpi_job.run(serve)
