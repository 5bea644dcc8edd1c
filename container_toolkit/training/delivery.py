"""`python -m container_toolkit.training.delivery FOLDER URI REGION`: a folder's files to S3.

A file is delivered when nobody has it open for writing and it is as it was at the last look; so
neither a half-written one, nor one that is about to be renamed to its real name. One that changes
while it is read is not delivered, and looked at again. Removals are not propagated. Symbolic links
are not followed.

On stdin comes the order to finish, as a number of seconds; the end of stdin means that nobody is
left to give it. The last words, on stdout, are a JSON object: `delivered` and `left` count files,
`why` says what kept them.
"""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import sys
import threading
import time

from container_toolkit import storage
from container_toolkit.errors import DataError, ToolkitError
from container_toolkit.training.files import Changed, State, Steady, is_being_written, look
from container_toolkit.training.log import Log
from container_toolkit.training.secrets import Secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

LOOK_EVERY = 1.0  # seconds
LOOK_SHARE = 20  # and at most this part of the time goes into looking, however many files there are
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # seconds between one try and the next, the last for ever
REFUSED_PAUSE = 30.0  # seconds after which a file that S3 would not have is offered again
HURRY = 1.0  # the longest pause when all is to be finished
WORKERS = 4
ABANDONED = 30.0  # seconds to finish in, where nobody is left to order it


class Delivery:
    """What of `folder` is at `uri`, and what is on its way; four threads carry."""

    def __init__(self, folder: str, uri: str, connect: Callable[[], Any], log: Log) -> None:
        self._folder, self._uri, self._log = folder, uri, log
        self._connect, self._client = connect, None
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[tuple[str, State]] = queue.SimpleQueue()
        self._seen: dict[str, State] = {}
        self._delivered: dict[str, State] = {}
        self._refused: dict[str, tuple[State, float]] = {}
        self._under_way: set[str] = set()
        self._hurry = threading.Event()
        self._trouble = self._why = ""
        for _ in range(WORKERS):
            threading.Thread(target=self._carry, daemon=True).start()

    def look(self) -> None:
        """Hand out every file that has come to rest since the last look, the oldest first."""
        found = look(self._folder)
        for name, state in sorted(found.items(), key=lambda item: item[1].modified):
            at_rest = self._hurry.is_set() or self._seen.get(name) == state
            if at_rest and self._is_wanted(name, state) and self._is_done(name):
                self._under_way.add(name)
                self._jobs.put((name, state))
        self._seen = found
        with self._lock:
            for gone in self._delivered.keys() - found.keys():
                del self._delivered[gone]
            for gone in self._refused.keys() - found.keys():
                del self._refused[gone]

    def hurry(self) -> None:
        """The programs have ended: whatever there is now is final."""
        self._hurry.set()
        with self._lock:
            self._refused.clear()  # one more try

    def rests(self) -> bool:
        """Whether a look found nothing to be done; what was refused is not tried again."""
        if self._under_way:
            return False
        self.look()
        return not self._under_way

    def words(self) -> dict[str, object]:
        found = look(self._folder)
        left = sum(self._delivered.get(name) != state for name, state in found.items())
        return {"delivered": len(found) - left, "left": left, "why": self._why}

    def _is_wanted(self, name: str, state: State) -> bool:
        if name in self._under_way or self._delivered.get(name) == state:
            return False
        refused, until = self._refused.get(name, (None, 0.0))
        return refused != state or (not self._hurry.is_set() and time.monotonic() >= until)

    def _is_done(self, name: str) -> bool:
        """Whether its writer is done with it; when the programs have ended, it is."""
        return self._hurry.is_set() or not is_being_written(os.path.join(self._folder, name))

    def _carry(self) -> None:
        while True:
            name, state = self._jobs.get()
            try:
                self._deliver(name, state)
            except Exception as error:  # a bug of ours must not cost the other files
                self._refuse(name, state, f"{type(error).__name__}: {error}")
            self._under_way.discard(name)

    def _deliver(self, name: str, state: State) -> None:
        tries = 0
        while True:
            try:
                with Steady(os.path.join(self._folder, name), state) as source:
                    self._upload(source, name)
            except (FileNotFoundError, Changed):
                return  # the next look sees what has become of it
            except (DataError, OSError) as error:
                self._refuse(name, state, str(error))
                return
            except (ToolkitError, ValueError) as error:
                self._complain(str(error))
                self._pause(PAUSES[min(tries, len(PAUSES) - 1)])
                tries += 1
            else:
                self._accept(name, state)
                return

    def _upload(self, source: Steady, name: str) -> None:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
        key = os.fsencode(name).decode(errors="backslashreplace")
        try:
            storage.upload(source, f"{self._uri}/{key}", self._client)  # type: ignore[arg-type]
        except ToolkitError:
            if source.changed:
                raise Changed from None
            raise

    def _pause(self, seconds: float) -> None:
        if self._hurry.is_set():
            time.sleep(min(seconds, HURRY))
        else:
            self._hurry.wait(seconds)

    def _complain(self, why: str) -> None:
        """Once, until it works again: it may be the same for thousands of files."""
        with self._lock:
            first, self._trouble, self._why = not self._trouble, why, why
        if first:
            self._log.warning(f"a file of {self._folder} is not in S3 yet: {why}")

    def _refuse(self, name: str, state: State, why: str) -> None:
        self._complain(why)
        with self._lock:
            self._refused[name] = (state, time.monotonic() + REFUSED_PAUSE)

    def _accept(self, name: str, state: State) -> None:
        with self._lock:
            self._delivered[name] = state
            again, self._trouble = bool(self._trouble), ""
        if again:
            self._log.info(f"files of {self._folder} go to S3 again")


class Orders:
    """stdin: what has been ordered last, and until when there is time."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._poll.register(0, select.POLLIN)
        self._open = True
        self.until = float("inf")

    def wait(self, seconds: float) -> bool:
        """Up to that long for an order; whether there has been one, ever."""
        seconds = max(0.0, min(seconds, self.until - time.monotonic()))
        if not self._open:
            time.sleep(seconds)
        elif self._poll.poll(seconds * 1000):
            text = os.read(0, 4096).split()
            self._open = bool(text)
            last = float(text[-1]) if text else ABANDONED
            self.until = min(self.until, time.monotonic() + last)
        return self.until < float("inf")


def run(delivery: Delivery, orders: Orders) -> None:
    pause = LOOK_EVERY
    while not orders.wait(pause):
        started = time.monotonic()
        delivery.look()
        pause = max(LOOK_EVERY, LOOK_SHARE * (time.monotonic() - started))
    delivery.hurry()
    while not delivery.rests() and time.monotonic() < orders.until:
        orders.wait(0.01)
    os.write(1, json.dumps(delivery.words()).encode())


def main() -> NoReturn:
    """Ends the process at once: threads that still carry have no time left."""
    try:
        deliver(dict(os.environ), *sys.argv[1:4])
    finally:
        os._exit(0)


def deliver(environ: Mapping[str, str], folder: str, uri: str, region: str) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGIO):
        signal.signal(number, signal.SIG_IGN)  # it is `train` that says when, on stdin
    delivery = Delivery(
        folder, uri, lambda: storage.connect(environ, region), Log(Secrets(environ))
    )
    run(delivery, Orders())


if __name__ == "__main__":
    main()
