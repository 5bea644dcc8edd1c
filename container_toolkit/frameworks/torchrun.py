"""`python -m container_toolkit.frameworks.torchrun …`: torchrun, which ends as its ranks did.

torchrun itself ends with 1 and a traceback of its own, whatever happened to a rank, and also where
it was asked to stop.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys

# Its last words repeat how a rank ended, after the rank's own, which tell why.
REPEATS = "torch.distributed.elastic.multiprocessing.api"


def run(argv: list[str]) -> None:
    """Ends the process as the rank that failed first did: with its code, or by its signal."""
    from torch.distributed import run as torchrun
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    logging.getLogger(REPEATS).setLevel(logging.CRITICAL)
    try:
        torchrun.main(argv)
    except SignalException as stopped:
        end_by(stopped.sigval)
    except ChildFailedError as failed:
        rank, first = failed.get_first_failure()
        how = f"exit code {first.exitcode}" if first.exitcode > 0 else first.signal_name()
        sys.stdout.write(f"torchrun: rank {rank} ended with {how}\n")
        if first.exitcode < 0:
            end_by(-first.exitcode)
        sys.exit(first.exitcode)


def end_by(number: int) -> None:
    """End by a signal, as whoever waits for us is to see; a core of ours would tell nothing."""
    sys.stdout.flush()
    sys.stderr.flush()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    sys.exit(128 + number)  # of a signal that ends nobody


if __name__ == "__main__":
    run(sys.argv[1:])
