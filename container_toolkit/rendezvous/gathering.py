"""How the leader of a rendezvous listens, and waits until all others are here."""

from __future__ import annotations

import errno
import ipaddress
import selectors
import socket
import time
from typing import TYPE_CHECKING, Any

from container_toolkit.contract.cluster import by_number
from container_toolkit.errors import PlatformError
from container_toolkit.rendezvous import POLL, Asked, Place, look_up
from container_toolkit.rendezvous.link import LARGEST, Closed, Link

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


LARGEST_HELLO = 4096  # bytes: a stranger's message is no longer
HELLO_LIMIT = 10.0  # seconds until a connection that has not said who it is is closed
MOST_STRANGERS = 64
LISTEN_AGAIN = 1.0  # seconds


def lead(asked: Asked) -> dict[str, Link]:
    """Listen until all others are here; their links by name, in the order of ranks."""
    with listening(asked) as listener, selectors.DefaultSelector() as selector:
        hall = Hall(asked, listener, selector)
        try:
            hall.fill()
        except BaseException:
            hall.close()
            raise
        hall.send_strangers_away()
    return {host: hall.present[host] for host in hall.order}


class Hall:
    """Where the leader waits: who is here, and who has come in without saying a name."""

    def __init__(
        self, asked: Asked, listener: socket.socket, selector: selectors.BaseSelector
    ) -> None:
        cluster = asked.cluster
        self.asked = asked
        self.listener = listener
        self.selector = selector
        others = (host for host in cluster.hosts if host != cluster.current_host)
        self.order = sorted(others, key=by_number)
        self.present: dict[str, Link] = {}
        self.strangers: dict[Link, float] = {}  # until when each may stay
        selector.register(listener, selectors.EVENT_READ)

    @property
    def missing(self) -> list[str]:
        return [host for host in self.order if host not in self.present]

    def fill(self) -> None:
        """Until everybody is here; then all are told so."""
        while missing := self.missing:
            try:
                self.asked.wait.go_on(missing)
            except PlatformError:
                self.tell({"gave_up": missing})
                raise
            for key, _ in self.selector.select(POLL):
                if key.fileobj is self.listener:
                    self.let_in()
                else:
                    self.hear(key.data)
            now = time.monotonic()
            for link in [link for link, until in self.strangers.items() if until < now]:
                self.drop(link)
        self.tell({"met": True})

    def let_in(self) -> None:
        try:
            connection, _ = self.listener.accept()
            link = Link(connection, LARGEST_HELLO)
        except OSError:  # it was gone again before we looked, or we have no descriptor left
            return
        self.strangers[link] = time.monotonic() + HELLO_LIMIT
        self.selector.register(connection, selectors.EVENT_READ, link)
        if len(self.strangers) > MOST_STRANGERS:
            self.drop(next(iter(self.strangers)))

    def hear(self, link: Link) -> None:
        if link.fileno() < 0:  # closed by what was heard just before
            return
        try:
            link.receive()
        except Closed:
            self.drop(link)
        while link.inbox and link in self.strangers:
            self.welcome(link, link.inbox.popleft())

    def welcome(self, link: Link, hello: Mapping[str, Any]) -> None:
        name, refusal = hello.get("name"), ""
        if hello.get("key") != self.asked.key:
            refusal = f"the leader at port {self.asked.port} is another job's"
        elif name not in self.order:
            refusal = f"{name!r} is not a host of the job"
        if refusal or not isinstance(name, str):
            link.tell({"refused": refusal})
            self.drop(link)
            return
        if name in self.present:  # it died without a word, and is here again
            self.drop(self.present[name])
        del self.strangers[link]
        link.largest = LARGEST
        self.present[name] = link
        self.tell({"missing": self.missing})

    def drop(self, link: Link) -> None:
        self.selector.unregister(link.socket)
        self.strangers.pop(link, None)
        link.close()
        for host in [host for host, there in self.present.items() if there is link]:
            del self.present[host]
            self.asked.wait.patience.announce(f"{host} is gone again; waiting for it anew")
            self.tell({"missing": self.missing})

    def tell(self, message: Mapping[str, Any]) -> None:
        for link in self.present.values():
            link.tell(message)

    def send_strangers_away(self) -> None:
        for link in self.strangers:
            link.close()

    def close(self) -> None:
        self.send_strangers_away()
        for link in self.present.values():
            link.close()


def listening(asked: Asked) -> socket.socket:
    """A socket at this host's own address.

    A port that is taken may be that of a job just ending: it is asked for until the wait is over.
    """
    others = [host for host in asked.cluster.hosts if host != asked.cluster.current_host]
    while True:
        for family, where in own_places(asked, others):
            listener = socket.socket(family, socket.SOCK_STREAM)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(where)
                listener.listen(len(others) + MOST_STRANGERS)
            except OSError as error:
                listener.close()
                asked.wait.hint = f"can't listen at {where[0]}:{where[1]}: {error.strerror}"
                if error.errno == errno.EADDRINUSE:
                    break
            else:
                listener.setblocking(False)
                asked.wait.hint = ""
                return listener
        asked.wait.pause(LISTEN_AGAIN, others)


def own_places(asked: Asked, others: Collection[str]) -> list[Place]:
    """Where to listen, best first: the own address, so that several hosts can share a machine.

    Some systems give a machine's own name a loopback address, which other machines can't reach:
    unless another host has one too, all interfaces are listened on.
    """
    own = look_up(asked, asked.cluster.current_host, others)
    reachable = [place for place in own if not loopback(place)]
    if own and not reachable:
        there = [place for host in others for place in look_up(asked, host, others)]
        reachable = own if any(map(loopback, there)) else []
    return [*reachable, (socket.AF_INET, ("0.0.0.0", asked.port))]  # noqa: S104


def loopback(place: Place) -> bool:
    return ipaddress.ip_address(place[1][0].partition("%")[0]).is_loopback
