"""Hosts waiting for each other, as real processes at loopback addresses."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from typing import TYPE_CHECKING

import pytest

from container_toolkit.rendezvous import PORT
from container_toolkit.rendezvous.link import LARGEST, MAGIC, Closed, Link
from tests.algorithms import host_processes
from tests.algorithms.host_processes import HANG, Machines, codes

if TYPE_CHECKING:
    from collections.abc import Iterator

MEET = """
from container_toolkit import rendezvous
limit = 60.0

def run():
    patience = rendezvous.Patience(limit=limit, announce=say)
    meeting = rendezvous.meet(cluster, patience=patience, addresses=addresses)
    say("facts", json.dumps(meeting.exchange({"name": cluster.current_host, "pid": os.getpid()})))
    say("again", json.dumps(meeting.exchange({"rank": cluster.rank})))
"""
RUN = "\nas_a_program(run)\n"


@pytest.fixture
def two() -> Iterator[Machines]:
    yield from host_processes.machines(2)


@pytest.fixture
def four() -> Iterator[Machines]:
    yield from host_processes.machines(4)


def facts(host: host_processes.Host) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(host.wait_for("facts ")[len("facts ") :])
    return found


def leader_port(machines: Machines) -> socket.socket:
    """A connection to the leader, as soon as it listens."""
    deadline = time.monotonic() + HANG
    while True:
        try:
            return socket.create_connection((machines.addresses["algo-1"], PORT), timeout=HANG)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_all_hosts_know_the_facts_of_all(four: Machines) -> None:
    hosts = four.start_all(MEET + RUN)
    assert codes(hosts) == [0] * 4, hosts
    expected = {host.name: {"name": host.name, "pid": host.process.pid} for host in hosts}
    assert [facts(host) for host in hosts] == [expected] * 4
    again = json.dumps({host.name: {"rank": rank} for rank, host in enumerate(hosts)})
    assert all(f"again {again}" in host.lines for host in hosts)


@pytest.mark.parametrize(
    "seconds", [3, pytest.param(60, marks=pytest.mark.slow)], ids=["3 s", "60 s"]
)
@pytest.mark.parametrize("late", ["algo-1", "algo-2"])
def test_either_host_may_be_late(two: Machines, late: str, seconds: float) -> None:
    (early,) = set(two.addresses) - {late}
    program = MEET + "limit = 120.0\n" + RUN
    first = two.start(early, program)
    time.sleep(seconds)
    assert first.process.poll() is None, first
    hosts = [first, two.start(late, program)]
    assert codes(hosts) == [0, 0], hosts
    assert facts(hosts[0]) == facts(hosts[1])
    if seconds > 30:
        said = "\n".join(first.lines)
        assert re.search(rf"still waiting for {late} \(\d+ s of 120 s", said), said


def test_strangers_neither_crash_nor_block(two: Machines) -> None:
    leader = two.start("algo-1", MEET + RUN)
    wrong_job = json.dumps({"name": "algo-2", "key": "0" * 64}).encode()
    nested = b"[" * 4000
    said = [
        b"GET / HTTP/1.1\r\nHost: algo-1\r\n\r\n",
        b"\0" * 100_000,
        MAGIC + (2**32 - 1).to_bytes(4, "big"),
        MAGIC + (4097).to_bytes(4, "big") + b" " * 4097,
        MAGIC + len(wrong_job).to_bytes(4, "big") + wrong_job,
        MAGIC + (4).to_bytes(4, "big") + b"\xff\xfe{}",
        MAGIC + (2).to_bytes(4, "big") + b"[]",
        MAGIC + (2).to_bytes(4, "big") + b"{}",
        MAGIC + len(nested).to_bytes(4, "big") + nested,
    ]
    open_still = []
    for words in said:
        stranger = leader_port(two)
        try:
            stranger.sendall(words)
            while stranger.recv(4096):
                pass
        except ConnectionResetError:
            pass
        stranger.close()
    for words in [b"", MAGIC, MAGIC + (100).to_bytes(4, "big") + b"{"] * 30:
        open_still.append(leader_port(two))
        open_still[-1].sendall(words)
    other = two.start("algo-2", MEET + RUN)
    assert codes([leader, other]) == [0, 0], [leader, other]
    assert facts(leader) == facts(other)
    for stranger in open_still:
        stranger.close()


def test_missing_hosts_are_named_on_every_host(four: Machines) -> None:
    program = MEET + "limit = 4.0\n" + RUN
    hosts = [four.start(name, program) for name in ("algo-1", "algo-3")]
    assert codes(hosts) == [3, 3], hosts
    for host in hosts:
        assert host.stderr.startswith(
            "PlatformError: hosts algo-2, algo-4 did not come within 4 s"
        ), host


def test_a_leader_that_never_comes_is_named(two: Machines) -> None:
    host = two.start("algo-2", MEET + "limit = 1.0\n" + RUN)
    assert host.end() == 3
    assert host.stderr.startswith(
        f"PlatformError: host algo-1 did not come within 1 s (algo-1, port {PORT}: "
        "Connection refused)"
    )


def test_a_leader_without_a_name_yet_is_named(two: Machines) -> None:
    two.addresses["algo-1"] = "algo-1.invalid"
    host = two.start("algo-2", MEET + "limit = 1.0\n" + RUN)
    assert host.end() == 3
    assert "host algo-1 did not come within 1 s (algo-1 has no address yet)" in host.stderr


def test_a_name_may_resolve_late(two: Machines) -> None:
    unknown_at_first = """
import socket
real, begun = socket.getaddrinfo, time.monotonic()
def late(*args, **options):
    if time.monotonic() < begun + 2:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return real(*args, **options)
socket.getaddrinfo = late
"""
    hosts = two.start_all(MEET + unknown_at_first + RUN)
    assert codes(hosts) == [0, 0], hosts


@pytest.mark.parametrize("again", ["algo-1", "algo-2"])
def test_a_host_that_dies_while_waiting_may_come_again(four: Machines, again: str) -> None:
    watching = MEET + "rendezvous.PROGRESS_EVERY = 0.2\n" + RUN
    first = [four.start(name, watching) for name in ("algo-1", "algo-2", "algo-3")]
    first[2].wait_for("still waiting for algo-4")  # the leader has told it who is there
    victim = next(host for host in first if host.name == again)
    victim.wait_for("still waiting for algo-4")
    victim.kill()
    victim.end()
    if again == "algo-2":
        first[0].wait_for("algo-2 is gone again")
    hosts = [host for host in first if host is not victim]
    hosts += [four.start(again, watching), four.start("algo-4", watching)]
    assert codes(hosts) == [0] * 4, hosts
    assert len({json.dumps(facts(host), sort_keys=True) for host in hosts}) == 1


def test_a_port_still_taken_is_waited_for(two: Machines) -> None:
    taken = socket.create_server((two.addresses["algo-1"], PORT))
    hosts = two.start_all(MEET + "rendezvous.PROGRESS_EVERY = 0.2\n" + RUN)
    hosts[0].wait_for("Address already in use")
    taken.close()
    assert codes(hosts) == [0, 0], hosts


def test_other_jobs_at_the_same_address_are_kept_apart(two: Machines) -> None:
    other_job = MEET.replace("addresses=addresses", "addresses=addresses, job='another'")
    leader = two.start("algo-1", MEET + RUN)
    stranger = two.start("algo-2", other_job + "limit = 2.0\n" + RUN)
    assert stranger.end() == 3
    assert f"(the leader at port {PORT} is another job's)" in stranger.stderr
    hosts = [leader, two.start("algo-2", MEET + RUN)]
    assert codes(hosts) == [0, 0], hosts


@pytest.mark.parametrize("name", ["algo-1", "algo-2"])
def test_sigterm_ends_the_wait(two: Machines, name: str) -> None:
    asks = """
stopped = []
signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
def run():
    asked = lambda: bool(stopped) or bool(say("asked"))
    patience = rendezvous.Patience(announce=say, stopping=asked)
    rendezvous.meet(cluster, patience=patience, addresses=addresses)
"""
    host = two.start(name, MEET + asks + RUN)
    host.wait_for("asked")
    host.kill(signal.SIGTERM)
    assert host.end() == 143, host
    (other,) = set(two.addresses) - {name}
    assert f"stopped while waiting for {other}" in host.lines
    assert host.stderr == ""


def test_a_host_lost_in_an_exchange_is_named(two: Machines) -> None:
    dies = MEET + "rendezvous.Meeting.exchange = lambda *_: os.kill(os.getpid(), 9)\n" + RUN
    for victim, survivor in (("algo-2", "algo-1"), ("algo-1", "algo-2")):
        hosts = [two.start(victim, dies), two.start(survivor, MEET + RUN)]
        assert codes(hosts) == [-9, 3], hosts
        assert hosts[1].stderr.startswith(f"PlatformError: host {victim} was lost"), hosts


def test_messages_keep_their_bounds_and_order() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = Link(socket.create_connection(listener.getsockname()))
        there = Link(listener.accept()[0])
    with here.socket, there.socket:
        here.send({"first": "é" * 5000})
        here.send({"second": None})
        while len(there.inbox) < 2:
            assert there.readable(HANG)
            there.receive()
        assert list(there.inbox) == [{"first": "é" * 5000}, {"second": None}]
        with pytest.raises(ValueError, match="is over"):
            here.send({"long": "x" * LARGEST})
        there.largest = 10
        here.send({"long": "x" * 10})
        assert there.readable(HANG)
        with pytest.raises(Closed, match="is over 10"):
            there.receive()
