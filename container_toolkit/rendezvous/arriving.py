"""How a host finds the leader of a rendezvous, and waits there."""

from __future__ import annotations

import errno
import os
import select
import socket
import time

from container_toolkit.rendezvous import POLL, Asked, Wait, look_up, not_come
from container_toolkit.rendezvous.link import Closed, Link

CONNECT_LIMIT = 5.0  # seconds: a packet to an address that nobody has yet is never answered
ANSWER_LIMIT = 10.0  # seconds: whoever does not answer by then is not the leader
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0  # seconds between attempts, growing by half


def join(asked: Asked) -> dict[str, Link]:
    """Connect to the leader, until it says that all are here."""
    leader = asked.cluster.leader
    pause = FIRST_PAUSE
    while True:
        link = connected(asked, leader)
        if link is not None:
            try:
                if waited_with(asked, leader, link):
                    return {leader: link}
            except BaseException:
                link.close()
                raise
            link.close()
        asked.wait.pause(pause, [leader])
        pause = min(1.5 * pause, LONGEST_PAUSE)


def connected(asked: Asked, leader: str) -> Link | None:
    asked.wait.hint = f"{leader} has no address yet"
    for family, where in look_up(asked, leader, [leader]):
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
        code = connection.connect_ex(where)
        if code == errno.EINPROGRESS:
            code = outcome(connection, asked.wait, leader)
        if code == 0:
            asked.wait.hint = ""
            return Link(connection)
        connection.close()
        asked.wait.hint = f"{leader}, port {asked.port}: {os.strerror(code)}"
    return None


def outcome(connection: socket.socket, wait: Wait, leader: str) -> int:
    """The error number of a connection in the making, 0 for none."""
    poll = select.poll()
    poll.register(connection, select.POLLOUT)
    until = time.monotonic() + CONNECT_LIMIT
    while not poll.poll(POLL * 1000):
        wait.go_on([leader])
        if time.monotonic() > until:
            return errno.ETIMEDOUT
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def waited_with(asked: Asked, leader: str, link: Link) -> bool:
    """Whether all met; no where the leader went away, so that it has to be found again."""
    missing = [leader]
    until = time.monotonic() + ANSWER_LIMIT
    link.tell({"name": asked.cluster.current_host, "key": asked.key})
    while missing != [leader] or time.monotonic() < until:
        asked.wait.go_on(missing, times=2)  # the leader, who knows best, gives up first
        try:
            if link.readable(POLL):
                link.receive()
        except Closed as why:
            asked.wait.hint = f"{leader}: {why}"
            return False
        while link.inbox:
            message = link.inbox.popleft()
            if "met" in message:
                return True
            if "gave_up" in message:
                raise not_come(message["gave_up"], asked.wait.patience.limit)
            if "refused" in message:
                asked.wait.hint = str(message["refused"])
                return False
            missing = message.get("missing", missing)
    asked.wait.hint = f"{leader}, port {asked.port}: it does not answer"
    return False
