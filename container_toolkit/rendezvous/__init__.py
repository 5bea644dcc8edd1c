"""Hosts of a job wait for each other: whoever comes first waits, however late the others are.

The leader listens, the others connect, and the connections stay, so that a host that dies later is
missed at once (`watch`). Any algorithm of several hosts begins with `meet`.
"""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from container_toolkit.contract.cluster import by_number
from container_toolkit.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from container_toolkit.contract.cluster import Cluster
    from container_toolkit.rendezvous.link import Link

# Below the range from which Linux takes the ports of outgoing connections (32768 to 60999), so that
# none of those holds it when the leader wants it.
PORT = 27391
LIMIT = 1800.0  # seconds: what xgboost itself allows, and twice what a slow start of a host takes
PROGRESS_EVERY = 30.0  # seconds
POLL = 0.25  # seconds until a stop is noticed
STOPPED = 143  # 128 + SIGTERM

Place: TypeAlias = "tuple[int, tuple[Any, ...]]"  # an address family, and a socket's address in it


def silent(_line: str) -> None:
    pass


def never() -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How to wait: `limit` seconds at most, with a line to `announce` every 30 s; `stopping` is
    asked several times a second, and its yes ends the process as SIGTERM would: SystemExit(143).
    """

    limit: float = LIMIT
    announce: Callable[[str], None] = silent
    stopping: Callable[[], bool] = never


class Wait:
    """One wait for other hosts, begun now."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.started = self.said = time.monotonic()
        self.hint = ""  # what went wrong last, for who reads the error

    def go_on(self, missing: Collection[str], times: int = 1) -> None:
        """Raises PlatformError naming the missing hosts when so many times the limit has passed."""
        now = time.monotonic()
        limit = times * self.patience.limit
        if self.patience.stopping():
            self.patience.announce(f"stopped while waiting for {named(missing)}")
            raise SystemExit(STOPPED)
        if now - self.started >= limit:
            raise not_come(missing, limit, self.hint)
        if now - self.said >= PROGRESS_EVERY:
            self.said = now
            waited = f"{now - self.started:.0f} s of {limit:g} s"
            hint = f"; {self.hint}" if self.hint else ""
            self.patience.announce(f"still waiting for {named(missing)} ({waited}{hint})")

    def pause(self, seconds: float, missing: Collection[str]) -> None:
        """Sleep, then go on."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, POLL))
            self.go_on(missing)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What `meet` was asked for. `key` is the same on all hosts of the job, and only there."""

    cluster: Cluster
    port: int
    addresses: Mapping[str, str]
    key: str
    wait: Wait

    def address(self, host: str) -> str:
        return self.addresses.get(host, host)


@dataclass(frozen=True, kw_only=True, eq=False)
class Meeting:
    """All hosts have met. `links`: the leader's to everybody else, and everybody's to the leader.

    `address`: of the leader, as the others reached it.
    """

    name: str
    leader: str
    links: Mapping[str, Link]
    address: str
    patience: Patience

    @property
    def leads(self) -> bool:
        return self.name == self.leader

    def exchange(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Every host's `facts` by its name; a collective. They are JSON, 4 MiB in all.

        Raises PlatformError naming a host that is lost or stays silent.
        """
        everything = {self.name: dict(facts)}
        if not self.leads:
            self._send(self.leader, {"facts": facts})
            heard: dict[str, Any] = self._hear(self.leader)["everything"]
            return heard
        wait = Wait(self.patience)
        for host in self.links:
            everything[host] = self._hear(host, wait)["facts"]
        for host in self.links:
            self._send(host, {"everything": everything})
        return everything

    def close(self) -> None:
        for link in self.links.values():
            link.close()

    def _send(self, host: str, message: Mapping[str, Any]) -> None:
        from container_toolkit.rendezvous.link import Closed

        try:
            self.links[host].send(message)
        except Closed as why:
            raise lost(host, str(why)) from None

    def _hear(self, host: str, wait: Wait | None = None) -> dict[str, Any]:
        from container_toolkit.rendezvous.link import Closed

        wait = wait or Wait(self.patience)
        link = self.links[host]
        while not link.inbox:
            wait.go_on([host])
            try:
                if link.readable(POLL):
                    link.receive()
            except Closed as why:
                raise lost(host, str(why)) from None
        return link.inbox.popleft()


def meet(
    cluster: Cluster,
    *,
    patience: Patience | None = None,
    port: int = PORT,
    addresses: Mapping[str, str] | None = None,
    job: str = "",
) -> Meeting:
    """Wait until every host of the cluster is here; a collective.

    `addresses` of hosts that are not reached by their names; `job` tells this job's hosts from
    another's. Hosts may start in any order, and start again until all are there. Raises
    PlatformError naming the hosts that are missing when `patience` ends.
    """
    from container_toolkit.rendezvous import arriving, gathering

    patience = patience or Patience()
    asked = Asked(
        cluster=cluster,
        port=port,
        addresses=addresses or {},
        key=hashlib.sha256("\n".join([job, *sorted(cluster.hosts)]).encode()).hexdigest(),
        wait=Wait(patience),
    )
    links = gathering.lead(asked) if cluster.is_leader else arriving.join(asked)
    waited = time.monotonic() - asked.wait.started
    patience.announce(f"all {cluster.size} hosts are here, after {waited:.1f} s")
    first = next(iter(links.values())).socket
    return Meeting(
        name=cluster.current_host,
        leader=cluster.leader,
        links=links,
        address=(first.getsockname() if cluster.is_leader else first.getpeername())[0],
        patience=patience,
    )


def look_up(asked: Asked, host: str, missing: Collection[str]) -> list[Place]:
    """In a thread of its own: a resolver blocks for as long as it likes. Empty for no address."""
    found: list[Place] = []
    done = threading.Event()

    def ask() -> None:
        try:
            for family, _, _, _, where in socket.getaddrinfo(
                asked.address(host), asked.port, type=socket.SOCK_STREAM
            ):
                found.append((family, (str(where[0]), *where[1:])))
        except (OSError, UnicodeError):
            pass
        finally:
            done.set()

    threading.Thread(target=ask, daemon=True, name=f"look up {host}").start()
    while not done.wait(POLL):
        asked.wait.go_on(missing)
    return found


def named(hosts: Collection[str]) -> str:
    return ", ".join(sorted(hosts, key=by_number))


def not_come(missing: Collection[str], limit: float, hint: str = "") -> PlatformError:
    what = f"host{'s' if len(missing) > 1 else ''} {named(missing)}"
    hint = f" ({hint})" if hint else ""
    return PlatformError(
        f"{what} did not come within {limit:g} s{hint}; check the logs there, and that the hosts"
        " can reach each other."
    )


def lost(host: str, why: str) -> PlatformError:
    return PlatformError(f"host {host} was lost ({why}); see its log, then start the job again.")
