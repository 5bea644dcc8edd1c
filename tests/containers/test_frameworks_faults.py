"""Hosts that fail, vanish, come late or never: what every launcher's job makes of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.containers.hosts import LEFT_BEHIND
from tests.containers.launchers import LAUNCHERS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.containers.hosts import Hosts

ENDLESS = 10_000_000  # epochs

# The program as it is, but on one host an exception comes up when it has learned for a second.
FAILS = """
import builtins, os, runpy, signal

def spoil(*_):
    raise ValueError("the data is spoiled")

def told(*words, **options):
    say(*words, **options)
    if "rows=" in str(words[0]):
        signal.setitimer(signal.ITIMER_REAL, 1)

say = builtins.print
if os.environ["SM_CURRENT_HOST"] == FAILING:
    signal.signal(signal.SIGALRM, spoil)
    builtins.print = told
runpy.run_path(PROGRAM, run_name="__main__")
"""

EARLY = """
import os, time
if os.environ["SM_CURRENT_HOST"] == "algo-1":
    time.sleep(5)
print("finished", flush=True)
"""


def each(*quick: str) -> pytest.MarkDecorator:
    """Every launcher; the slow tests have those that are not `quick`."""
    return pytest.mark.parametrize(
        "name",
        [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in LAUNCHERS],
    )


def until_all_learn(job: Hosts) -> None:
    for host in job.hosts.values():
        host.wait_for("rows=")
    time.sleep(1)


@each("torchrun")
def test_a_killed_worker_ends_the_others(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with LAUNCHERS[name].hosts(request, tmp_path, epochs=ENDLESS) as job:
        until_all_learn(job.start())
        job[2].container.signal("KILL")
        assert job[1].wait() == 3, job[1].log
        assert "host algo-2 was lost" in job[1].failure.splitlines()[0]


@pytest.mark.parametrize(
    ("name", "failing"),
    [
        ("torchrun", 1),
        ("kvstore", 2),
        *(
            pytest.param(name, 1, marks=pytest.mark.slow)
            for name in LAUNCHERS
            if name != "torchrun"
        ),
        *(pytest.param(name, 2, marks=pytest.mark.slow) for name in LAUNCHERS if name != "kvstore"),
    ],
)
def test_a_host_that_fails_ends_the_others_and_all_say_why(
    name: str, failing: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    launcher, other = LAUNCHERS[name], 3 - failing
    program = FAILS.replace("PROGRAM", repr(launcher.program))
    program = program.replace("FAILING", repr(f"algo-{failing}"))
    with launcher.hosts(request, tmp_path, program=program, epochs=ENDLESS) as job:
        job.start().wait()
        found = {number: job[number].wait() for number in (failing, other)}
        assert found == {failing: 1, other: 3}, [host.failure for host in job.hosts.values()]
        assert job[failing].failure.startswith("ValueError: the data is spoiled")
        assert job[other].failure.startswith(
            f"PlatformError: host algo-{failing} failed: ValueError: the data is spoiled"
        )


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("kvstore", 5), *(pytest.param(name, 60, marks=pytest.mark.slow) for name in LAUNCHERS)],
)
def test_a_late_host_is_waited_for(
    name: str, seconds: float, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with LAUNCHERS[name].hosts(request, tmp_path) as job:
        job.start(2)
        time.sleep(seconds)
        assert job.start(1).wait() == [0, 0], [host.log for host in job.hosts.values()]


@each("mirrored")
def test_a_host_that_never_comes_is_named(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    options = ("-e", "CONTAINER_TOOLKIT_PEER_TIMEOUT=5")
    with LAUNCHERS[name].hosts(request, tmp_path, 3, options=options) as job:
        assert job.start(1, 3).wait() == [3, 3]
        assert all("algo-2" in host.failure.splitlines()[0] for host in job.hosts.values())
        assert "algo-3" not in job[1].failure.splitlines()[0]


def test_a_host_without_train_is_named(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    options = ("-e", "CONTAINER_TOOLKIT_PEER_TIMEOUT=5")
    with LAUNCHERS["torchrun"].hosts(request, tmp_path, options=options) as job:
        job.start(2, command=("sleep", "600"))
        assert job.start(1)[1].wait() == 3
        assert "host algo-2 did not come within 5 s" in job[1].failure


@each("kvstore")
def test_a_stop_of_all_is_what_each_reports(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    command = ("python3", "-c", LEFT_BEHIND)
    with LAUNCHERS[name].hosts(request, tmp_path, command=command, epochs=ENDLESS) as job:
        until_all_learn(job.start())
        for host in job.hosts.values():
            host.container.signal("TERM")
        assert job.wait() == [143, 143], [host.log for host in job.hosts.values()]
        for host in job.hosts.values():
            assert host.failure.startswith("Stopped by SIGTERM")
            assert host.said("left behind:") == ["left behind: 0"]


@each()
def test_a_stop_while_waiting_is_what_each_reports(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with LAUNCHERS[name].hosts(request, tmp_path) as job:
        job.start(2, command=("sleep", "600")).start(1)
        job[1].wait_for("waiting for algo-2")
        time.sleep(1)
        job[1].container.signal("TERM")
        assert job[1].wait() == 143, job[1].log
        assert job[1].failure.startswith("Stopped by SIGTERM")


@each("torchrun")
def test_a_worker_that_finishes_early_does_not_end_the_job(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with LAUNCHERS[name].hosts(request, tmp_path, program=EARLY) as job:
        assert job.start().wait() == [0, 0], [host.log for host in job.hosts.values()]
        assert all(host.said("finished") for host in job.hosts.values())
