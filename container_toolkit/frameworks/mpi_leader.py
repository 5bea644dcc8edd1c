"""The host that mpirun runs on: ends as mpirun does, and says which rank failed and why."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from importlib import util
from typing import TYPE_CHECKING

from container_toolkit.errors import CodeError, PlatformError
from container_toolkit.frameworks import mpi_job, mpi_keys
from container_toolkit.frameworks.mpi_job import PASSED_ON, STOPS, Others
from container_toolkit.frameworks.mpi_output import MPIRUN, Carrier, Lines, cause, traceback
from container_toolkit.process import Command, spawn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.frameworks.mpi_job import Job
    from container_toolkit.process import Exit
    from container_toolkit.process.mailbox import Mailbox

DRAIN = 5.0  # seconds; output that neither comes nor ends is left after this


def lead(job: Job, environ: Mapping[str, str], mailbox: Mailbox) -> int:
    """The exit code of mpirun, which is the failed rank's."""
    if job.party.size == 1:
        return supervise(job, environ, mailbox, None)
    with tempfile.TemporaryDirectory(prefix="mpi-") as folder:
        key = mpi_keys.make_key(folder, environ)
        meeting = mpi_job.gather(job, mailbox)
        told = meeting.exchange({"key": key})
        # Where a worker came from is where it is: its name needs no second look-up to go wrong.
        workers_told = {
            host: {**told[host], "address": link.socket.getpeername()[0]}
            for host, link in meeting.links.items()
        }
        config = mpi_keys.write_client(folder, workers_told)
        ours = {
            "OMPI_MCA_plm_rsh_agent": mpi_keys.tool("ssh", environ),
            "OMPI_MCA_plm_rsh_args": f"-F {config}",
        }
        workers = Others(meeting)
        workers.listen()
        code = supervise(job, {**environ, **ours}, mailbox, workers) or workers.exit_code()
        if code == 0:
            workers.tell(mpi_job.OVER)
        return code


def program(job: Job) -> tuple[str, ...]:
    """Where mpi4py is installed it starts the program: an exception in one rank then ends all,
    which would otherwise wait for that one for ever."""
    if not job.mpi4py or util.find_spec("mpi4py") is None:
        return job.program
    return (job.program[0], "-m", "mpi4py", *job.program[1:])


def supervise(
    job: Job, environ: Mapping[str, str], mailbox: Mailbox, workers: Others | None
) -> int:
    """Run mpirun to its end, its output line by line; returns its exit code."""
    mpirun = mpi_keys.tool(job.mpirun[0], environ)
    command = Command(argv=(mpirun, *job.mpirun[1:], *program(job)), env=environ)
    tags = job.ranks > 1
    out, err = Carrier(1, tags), Carrier(2, tags)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        pid = spawn.spawn(command, out.source, err.source, nothing)
    except OSError as error:
        raise CodeError(f"mpirun can't be started: {error.strerror}.") from None
    out.start()
    err.start()
    ended = wait(pid, workers, mailbox)
    out.join(DRAIN)
    err.join(DRAIN)
    return explained(ended, err.lines) if ended.status else 0


def wait(pid: int, workers: Others | None, mailbox: Mailbox) -> Exit:
    """Until mpirun ends; the ranks of all hosts are told of signals that we are told of."""
    heard: set[int] = set()
    while True:
        ended = spawn.reap().get(pid)
        if ended is not None:
            return ended
        for number in mailbox.wait(3600):
            if number in PASSED_ON:  # mpirun tells all ranks of these
                spawn.send(pid, number)
            if number not in STOPS or number in heard:
                continue
            heard.add(number)
            # mpirun itself would kill the ranks a second after it told them.
            if workers is not None:
                workers.pass_on(number)
            if not mpi_job.tell_ranks(number):
                spawn.send(pid, signal.SIGTERM)


def explained(ended: Exit, lines: Lines) -> int:
    """The last words of a failure, for whoever looks for the reason there; returns the exit code,
    which is no rank's where a host was lost."""
    why = cause(lines.last[MPIRUN])
    ranks = [why.rank] if why.rank != MPIRUN else sorted(lines.last)
    own = [] if why.of_host else next(filter(None, (traceback(lines.last[r]) for r in ranks)), [])
    sentence = (why.sentence or f"mpirun ended with {ended.name}").encode()
    if why.exited and not own and lines.last[why.rank]:
        sentence += b": " + lines.last[why.rank][-1]
    sys.stderr.buffer.write(b"\n".join([sentence, *own]) + b"\n")
    return PlatformError.exit_code if why.of_host else ended.status


if __name__ == "__main__":
    mpi_job.run(lead)
