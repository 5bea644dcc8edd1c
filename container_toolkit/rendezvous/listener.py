"""After a meeting: one thread that hears what the other hosts say, and that they are gone."""

from __future__ import annotations

import selectors
import threading
import time
from typing import TYPE_CHECKING, Any

from container_toolkit.rendezvous.link import Closed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.rendezvous import Meeting
    from container_toolkit.rendezvous.link import Link

POLL = 0.2  # seconds


class Listener:
    """From `listen` on a thread of its own reads the meeting's links; nobody else may.

    The methods a listener overrides are called on that thread: `heard` for each message, `gone`
    once when a host's connection has ended, `looked` several times a second.
    """

    def __init__(self, meeting: Meeting) -> None:
        self.meeting = meeting
        self.over = False

    def heard(self, host: str, message: Mapping[str, Any]) -> None: ...

    def gone(self, host: str) -> None: ...

    def looked(self) -> None: ...

    def listen(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="hear the other hosts").start()

    def tell(self, message: Mapping[str, Any], *, but: str = "") -> None:
        """To every host this one has a connection with."""
        for host, link in self.meeting.links.items():
            if host != but:
                link.tell(message)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for host, link in self.meeting.links.items():
                selector.register(link.socket, selectors.EVENT_READ, (host, link))
                self._take(host, link)
            while not self.over:
                for key, _ in selector.select(POLL):
                    host, link = key.data
                    try:
                        link.receive()
                        self._take(host, link)
                    except Closed:
                        selector.unregister(link.socket)
                        self._take(host, link)
                        self.gone(host)
                if not selector.get_map():
                    time.sleep(POLL)
                self.looked()

    def _take(self, host: str, link: Link) -> None:
        while link.inbox:
            self.heard(host, link.inbox.popleft())
