"""What the two programs of an MPI job have in common: their command line, and how they meet.

The hosts meet once, tell each other their keys, and stay connected, so that a stop which only one
of them was told of reaches the ranks of all.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from container_toolkit.contract.cluster import Cluster
from container_toolkit.errors import ToolkitError
from container_toolkit.process import spawn
from container_toolkit.process.mailbox import Mailbox
from container_toolkit.rendezvous import Meeting, Patience, meet
from container_toolkit.rendezvous.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

PORT = 27392  # beside the other two rendezvous, and like them below the kernel's own range
LIMIT = 300.0  # seconds; the hosts have met before, so this is a guard and no wait
RANK = b"\0OMPI_COMM_WORLD_RANK="  # what Open MPI gives a rank, and nothing that starts ranks

# What hosts tell each other: that all ranks have ended well, or a signal that they were told of. A
# failure they learn as all hosts of a job do.
OVER = {"over": True}
SIGNAL = "signal"

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
PASSED_ON = (signal.SIGUSR1, signal.SIGUSR2)


class Party(Cluster):
    """The hosts of the job, led by the first of them."""

    @property
    def leader(self) -> str:
        return self.hosts[0]


@dataclass(frozen=True, kw_only=True)
class Job:
    """`mpirun` up to the program, which follows it, and the count of `ranks`; not on a worker."""

    party: Party
    name: str
    mpirun: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    mpi4py: bool = False
    ranks: int = 0


class Others(Listener):
    """Hears of a stop that another host was told of, which is then as if we had been told.

    `stopped`: the signal, 0 for none; `by`: who passed it on.
    """

    def __init__(self, meeting: Meeting) -> None:
        super().__init__(meeting)
        self.stopped = 0
        self.by = ""
        self._known: set[int] = set()

    def heard(self, host: str, message: Mapping[str, Any]) -> None:
        number = message.get(SIGNAL)
        if number in STOPS and number not in self._known:
            self._known.add(number)
            self.stopped, self.by = self.stopped or number, self.by or host
            os.kill(os.getpid(), number)

    def pass_on(self, number: int) -> None:
        """Tell them of a stop; each host takes it for news once, whoever it heard it from."""
        self._known.add(number)
        self.tell({SIGNAL: number})

    def exit_code(self) -> int:
        """Of a host whose ranks ended well: it did not do what it was to do if others stopped."""
        if not self.stopped:
            return 0
        name = signal.Signals(self.stopped).name
        sys.stderr.write(f"stopped together with host {self.by}, which was told to by {name}\n")
        return 128 + self.stopped


def parse(argv: list[str]) -> Job:
    """`--host H --hosts H ... --job NAME`, and on the leader
    `--ranks N [--mpi4py] -- mpirun [OPTION ...] -- PROGRAM [ARGUMENT ...]`."""
    words, mpirun, program = argv, [], []
    if "--" in argv:
        words, rest = argv[: argv.index("--")], argv[argv.index("--") + 1 :]
        mpirun, program = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--host", required=True)
    parser.add_argument("--hosts", required=True, nargs="+")
    parser.add_argument("--job", default="")
    parser.add_argument("--ranks", type=int, default=0)
    parser.add_argument("--mpi4py", action="store_true")
    told = parser.parse_args(words)
    return Job(
        party=Party(current_host=told.host, hosts=tuple(told.hosts)),
        name=told.job,
        mpirun=tuple(mpirun),
        program=tuple(program),
        mpi4py=told.mpi4py,
        ranks=told.ranks,
    )


def gather(job: Job, mailbox: Mailbox) -> Meeting:
    """Raises PlatformError naming hosts that are missing, SystemExit(143) when stopped."""

    def stopping() -> bool:
        return any(number in STOPS for number in mailbox.wait(0))

    patience = Patience(limit=LIMIT, stopping=stopping)
    return meet(job.party, patience=patience, port=PORT, job=f"{job.name} mpi")


def tell_ranks(number: int) -> int:
    """Signal the ranks below this process, not what they started; returns how many there are."""
    ranks = {pid for pid in spawn.descendants() if is_rank(pid)}
    mine = [pid for pid in ranks if spawn.parent_of(pid) not in ranks]
    for pid in mine:
        spawn.send(pid, number)
    return len(mine)


def is_rank(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return RANK in b"\0" + file.read()
    except OSError:
        return False


def run(act: Callable[[Job, Mapping[str, str], Mailbox], int]) -> NoReturn:
    """Do it, and end: threads and finalizers have nothing left to do."""
    code = 1
    try:
        mailbox = Mailbox((*STOPS, *PASSED_ON, signal.SIGCHLD))
        code = main(act, mailbox)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main(act: Callable[[Job, Mapping[str, str], Mailbox], int], mailbox: Mailbox) -> int:
    try:
        return act(parse(sys.argv[1:]), dict(os.environ), mailbox)
    except ToolkitError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return error.exit_code
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
