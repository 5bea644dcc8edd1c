"""One connection between two hosts: JSON objects of bounded size over TCP, never pickle."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = b"ctk1"  # every message begins with it: whoever speaks something else is known at once
HEAD = len(MAGIC) + 4  # and goes on with its length, big-endian
LARGEST = 4 << 20  # bytes of a message between hosts that know each other
SEND_LIMIT = 30.0  # seconds a message may take to leave

# A machine that vanishes closes nothing. The kernel asks after a silence of 20 s, four times, and
# so finds out within a minute; it answers for a process that is busy, so a long step is no loss.
KEEPALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 60_000}


class Closed(Exception):
    """The other side is gone, or is not one of ours."""


class Link:
    """Both ends hold one. `send` may be called by any thread, the rest by one at a time.

    `inbox`: what was received and not yet taken, oldest first.
    """

    def __init__(self, connection: socket.socket, largest: int = LARGEST) -> None:
        self.socket = connection
        self.largest = largest
        self.inbox: deque[dict[str, Any]] = deque()
        self._read = bytearray()
        self._sending = threading.Lock()
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        self.socket.close()

    def send(self, message: Mapping[str, Any]) -> None:
        """Raises Closed when it can't leave within 30 s."""
        body = json.dumps(message).encode()
        if len(body) > LARGEST:
            raise ValueError(f"a message of {len(body)} bytes is over {LARGEST}")
        left = memoryview(MAGIC + len(body).to_bytes(4, "big") + body)
        deadline = time.monotonic() + SEND_LIMIT
        with self._sending:
            while left:
                try:
                    left = left[self.socket.send(left) :]
                except BlockingIOError:
                    writable = select.poll()
                    writable.register(self.socket, select.POLLOUT)
                    if not writable.poll(max(0.0, deadline - time.monotonic()) * 1000):
                        raise Closed("it takes nothing in") from None
                except (OSError, ValueError) as error:
                    raise Closed(str(error)) from None

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send; a connection that has ended is noticed where it is read."""
        try:
            self.send(message)
        except Closed:
            pass

    def readable(self, seconds: float) -> bool:
        """Whether there is something to receive, or an end, within that time."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def receive(self) -> None:
        """Put what is complete by now into the inbox, without waiting. Raises Closed."""
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError as error:
            raise Closed(error.strerror or str(error)) from None
        if not data:
            raise Closed("it ended the connection")
        self._read += data
        while (message := self._next()) is not None:
            self.inbox.append(message)

    def _next(self) -> dict[str, Any] | None:
        if self._read[: len(MAGIC)] != MAGIC[: len(self._read)]:
            raise Closed("it speaks something else")
        if len(self._read) < HEAD:
            return None
        length = int.from_bytes(self._read[len(MAGIC) : HEAD], "big")
        if length > self.largest:
            raise Closed(f"its message of {length} bytes is over {self.largest}")
        if len(self._read) < HEAD + length:
            return None
        body = bytes(self._read[HEAD : HEAD + length])
        del self._read[: HEAD + length]
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            raise Closed("its message is no JSON") from None
        if not isinstance(message, dict):
            raise Closed("its message is no object")
        return message
