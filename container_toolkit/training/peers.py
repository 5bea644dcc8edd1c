"""Wait until every host of the cluster has an address: names of peers may come later than we."""

from __future__ import annotations

import time

from container_toolkit.errors import PlatformError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from container_toolkit.contract.cluster import Cluster

PROGRESS_EVERY = 10.0  # seconds
RETRY_EVERY = 0.5  # seconds


def wait(
    cluster: Cluster, limit: float, pause: Callable[[float], bool], say: Callable[[str], None]
) -> None:
    """All names are looked up at once, again and again, until each has an address.

    `pause(seconds)` waits and tells whether a stop was asked for, which ends the wait; `say` is
    given a progress line every 10 s. Raises PlatformError naming the hosts still missing after
    `limit` seconds.
    """
    missing = {host for host in cluster.hosts if host != cluster.current_host}
    if not missing:
        return
    started = said = time.monotonic()
    say(f"waiting for {', '.join(sorted(missing))}")
    found: list[str] = []
    for host in missing:
        look_up(host, found, started + limit)
    while missing - set(found):
        now = time.monotonic()
        names = ", ".join(sorted(missing - set(found)))
        if now - started >= limit:
            raise PlatformError(
                f"no address for {names} after {limit:g} s; check that these hosts were started"
                " and share a network with this one."
            )
        if now - said >= PROGRESS_EVERY:
            said = now
            say(f"still waiting for {names} ({now - started:.0f} s of {limit:g} s)")
        if pause(min(0.05 if now - started < 2 else RETRY_EVERY, max(0.001, limit))):
            return


def look_up(host: str, found: list[str], deadline: float) -> None:
    """In a thread of its own: a look-up blocks for as long as the resolver likes."""
    import _thread
    import socket

    def keep_asking() -> None:
        while time.monotonic() < deadline:
            try:
                socket.getaddrinfo(host, None)
            except (OSError, UnicodeError):
                time.sleep(RETRY_EVERY)
            else:
                found.append(host)
                return

    _thread.start_new_thread(keep_asking, ())
