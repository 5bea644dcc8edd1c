"""Files of output/intermediate go to S3 while the program runs: the side of `train`.

The work is done by a process of its own (`training.delivery`): boto3 is three times as large as
`train` itself. Whatever becomes of it, the job's outcome does not depend on it; and it is waited
for, once the outcome has been written, no longer than a bound. The rules are the peers' (training
toolkit, intermediate_output).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from container_toolkit import storage
from container_toolkit.errors import ConfigError
from container_toolkit.process import Command, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.outcome import Outcome
    from container_toolkit.training.log import Log
    from container_toolkit.training.settings import Settings
    from container_toolkit.training.supervise import Supervisor

HYPERPARAMETER = "sagemaker_s3_output"
LEAST = 2.0  # seconds to finish in, even where the grace of a stop is over
LAST_WORDS = 1.0  # seconds that are left for saying what could not be done


def destination(env: TrainingEnvironment) -> str:
    """Where the folder goes, as an s3:// URI without a slash at its end; "" for nowhere.

    `<the hyperparameter>/<job>/output/intermediate`. A file:// URI is the service's own business.
    Raises ConfigError where it is neither, or where boto3 is not installed.
    """
    given = str(env.hyperparameters.reserved.get(HYPERPARAMETER) or "")
    if not given or given.startswith("file://"):
        return ""
    bucket, _, prefix = given.removeprefix("s3://").partition("/")
    if not given.startswith("s3://") or not bucket:
        raise ConfigError(f"hyperparameter {HYPERPARAMETER} is {given!r}; use s3://bucket/prefix.")
    if not storage.is_installed():
        raise ConfigError(
            f"hyperparameter {HYPERPARAMETER} asks for output in S3, which needs boto3: pip install"
            " container-toolkit[s3] in the image."
        )
    parts = (bucket, prefix.strip("/"), env.job_name, "output", "intermediate")
    return "s3://" + "/".join(filter(None, parts))


class Sync:
    """The process that delivers, from its start to its last words."""

    def __init__(
        self, env: TrainingEnvironment, settings: Settings, supervisor: Supervisor, log: Log
    ) -> None:
        self._folder, self._uri = env.layout.output_intermediate, settings.intermediate
        self._patience = settings.intermediate_timeout
        self._supervisor, self._log = supervisor, log
        self._pid = self._words = self._orders = -1
        try:
            os.makedirs(self._folder)
        except FileExistsError:
            log.info(
                f"{self._folder} was there before the job, so whoever made it is taken to bring it"
                f" to {self._uri}; remove it to have that done here"
            )
        except OSError as error:
            log.warning(f"{self._folder} can't be made, so nothing of it goes to S3: {error}")
        else:
            self._start(env)

    def _start(self, env: TrainingEnvironment) -> None:
        module = "container_toolkit.training.delivery"
        command = Command(
            argv=(sys.executable, "-m", module, self._folder, self._uri, env.region),
            env=env.settings,
            cwd="/",  # no module of the job's may stand in for one of ours
        )
        orders, self._orders = os.pipe()
        self._words, words = os.pipe()
        try:
            self._pid = spawn.spawn(command, words, 2, stdin=orders)
        except OSError as error:
            self._log.warning(f"nothing of {self._folder} goes to S3: {error}")
            return
        finally:
            os.close(orders)
            os.close(words)
        self._supervisor.spare(self._pid)
        os.set_blocking(self._words, False)
        self._log.info(f"{self._folder} goes to {self._uri}")

    def finish(self, _outcome: Outcome) -> None:
        """Have it deliver the rest, whatever the outcome; says what is left where that took too
        long. Never raises."""
        if self._pid < 0:
            return
        started = time.monotonic()
        self._order(self._patience)
        told, ended, hurried = b"", False, False
        while not ended:
            limit = min(
                started + self._patience, max(self._supervisor.stop_before, started + LEAST)
            )
            now = time.monotonic()
            if now >= limit and not hurried:
                hurried = True
                self._order(0)
            if now >= limit + LAST_WORDS:
                spawn.send_group(self._pid, signal.SIGKILL)
                break
            self._supervisor.pause(0.1)  # its end wakes us
            told, ended = self._hear(told)
        spawn.reap()
        self._tell(told, time.monotonic() - started)

    def _order(self, seconds: float) -> None:
        """Finish within so many seconds from now."""
        try:
            os.write(self._orders, f"{seconds}\n".encode())
        except OSError:
            return  # it is gone; its silence will tell

    def _hear(self, told: bytes) -> tuple[bytes, bool]:
        """What it said so far, and whether that was all."""
        try:
            more = os.read(self._words, 65536)
        except OSError:
            return told, False  # nothing yet
        return told + more, not more

    def _tell(self, told: bytes, seconds: float) -> None:
        try:
            words = json.loads(told)
            delivered, left, why = words["delivered"], words["left"], words["why"]
        except (ValueError, KeyError, TypeError):
            self._log.warning(
                f"{self._folder} may not all be in {self._uri}: the process that brings it there"
                f" did not say so within {seconds:.1f} s"
            )
            return
        if left:
            self._log.warning(
                f"{left} of {left + delivered} files of {self._folder} are not in {self._uri}"
                f" after {seconds:.1f} s: {why or 'there was no time for more'}"
            )
        elif delivered:
            self._log.info(f"{delivered} files of {self._folder} are in {self._uri}")
