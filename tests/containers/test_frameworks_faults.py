"""Hosts that fail, vanish, come late or never: what every launcher's job makes of it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.containers.hosts import WATCHED
from tests.containers.launchers import FAILED, LAUNCHERS, MPI

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.containers.hosts import Hosts

ENDLESS = 10_000_000  # epochs

# The program as it is, but one host's has learned for a second when it is killed, or an exception
# comes up in it: at its own next line, for a library might make another one of it.
FAILS = """
import builtins, os, runpy, signal, sys
from itertools import dropwhile, takewhile

def spoil(*_):
    raise ValueError("the data is spoiled")

def own(frame):
    return frame.f_code.co_filename == PROGRAM

def fail(_, frame):
    if HOW == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    stack = []
    while frame is not None:
        stack.insert(0, frame)
        frame = frame.f_back
    *_, innermost = takewhile(own, dropwhile(lambda frame: not own(frame), stack))
    sys.settrace(lambda *_: None)
    innermost.f_trace = spoil

def told(*words, **options):
    say(*words, **options)
    if "rows=" in str(words[0]):
        signal.setitimer(signal.ITIMER_REAL, 1)

say = builtins.print
if os.environ["SM_CURRENT_HOST"] == FAILING:
    signal.signal(signal.SIGALRM, fail)
    builtins.print = told
runpy.run_path(PROGRAM, run_name="__main__")
"""
RAISED = "ValueError: the data is spoiled"
KILLED = "killed by SIGKILL"

EARLY = """
import os, time
if os.environ["SM_CURRENT_HOST"] == "algo-1":
    time.sleep(3)
print("finished", flush=True)
"""

# Each launcher's leader comes late, and where workers are another program than leaders, a worker.
LATE = [*((name, 1) for name in LAUNCHERS), ("mpi", 1), ("mpi", 2)]


@pytest.fixture(scope="module")
def early(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[float, dict[tuple[str, int], Hosts]]]:
    """Jobs of two hosts that one is missing of, by launcher and that host's number; since when, by
    the monotonic clock."""
    jobs = {}
    with ExitStack() as stack:
        for name, late in LATE:
            launcher = MPI if name == "mpi" else LAUNCHERS[name]
            folder = tmp_path_factory.mktemp(f"{name}-late-{late}")
            jobs[name, late] = stack.enter_context(launcher.hosts(request, folder))
            jobs[name, late].start(3 - late)
        yield time.monotonic(), jobs


@pytest.fixture(autouse=True)
def meanwhile(request: pytest.FixtureRequest) -> None:
    """A minute is long: the first slow test there is starts them, and all others run meanwhile."""
    if request.node.get_closest_marker("slow"):
        request.getfixturevalue("early")


SLOW = pytest.mark.slow


def each(*quick: str) -> pytest.MarkDecorator:
    """Every launcher; the slow tests have those that are not `quick`."""
    return pytest.mark.parametrize(
        "name",
        [pytest.param(name, marks=() if name in quick else SLOW) for name in LAUNCHERS],
    )


def until_all_learn(job: Hosts) -> None:
    for host in job.hosts.values():
        host.wait_for("rows=")
    time.sleep(1)


@pytest.mark.parametrize(
    ("name", "killed"),
    [
        ("torchrun", 2),
        *(pytest.param(name, 2, marks=SLOW) for name in LAUNCHERS if name != "torchrun"),
        *(pytest.param(name, 1, marks=SLOW) for name in LAUNCHERS),
    ],
)
def test_a_host_that_vanishes_ends_the_others(
    name: str, killed: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with LAUNCHERS[name].hosts(request, tmp_path, command=WATCHED, epochs=ENDLESS) as job:
        until_all_learn(job.start())
        job[killed].container.signal("KILL")
        other = job[3 - killed]
        assert other.wait() == 3, other.log
        assert f"host algo-{killed} was lost" in other.failure.splitlines()[0]
        assert other.left_behind == 0


@pytest.mark.parametrize(
    ("name", "failing", "how"),
    [
        ("kvstore", 1, "raise"),
        *(pytest.param(name, 1, "raise", marks=SLOW) for name in LAUNCHERS if name != "kvstore"),
        pytest.param("kvstore", 2, "raise", marks=SLOW),
        *(pytest.param(name, 2, "kill", marks=SLOW) for name in LAUNCHERS if name != "torchrun"),
    ],
)
def test_a_program_that_fails_ends_the_others_and_all_say_why(
    name: str, failing: int, how: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    launcher, other = LAUNCHERS[name], 3 - failing
    values = {"PROGRAM": launcher.program, "FAILING": f"algo-{failing}", "HOW": how}
    program = "".join(f"{key} = {value!r}\n" for key, value in values.items()) + FAILS
    with launcher.hosts(request, tmp_path, command=WATCHED, program=program, epochs=ENDLESS) as job:
        job.start()
        status, reason = (1, RAISED) if how == "raise" else (137, KILLED)
        expected = FAILED if name == "torchrun" else (status,)
        assert job[failing].wait() in expected, job[failing].log
        assert job[other].wait() == 3, job[other].log
        assert job[failing].failure.startswith(reason)
        assert job[other].failure.startswith(f"PlatformError: host algo-{failing} failed: {reason}")
        assert [host.left_behind for host in job.hosts.values()] == [0, 0]


def test_a_late_host_is_waited_for(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with LAUNCHERS["kvstore"].hosts(request, tmp_path) as job:
        job.start(2)[2].wait_for("host")
        time.sleep(2)
        assert job.start(1).wait() == [0, 0], [host.log for host in job.hosts.values()]


@each("mirrored")
def test_a_host_that_never_comes_is_named(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    options = ("-e", "CONTAINER_TOOLKIT_PEER_TIMEOUT=3")
    with LAUNCHERS[name].hosts(request, tmp_path, 3, options=options) as job:
        assert job.start(1, 3).wait() == [3, 3]
        assert all("algo-2" in host.failure.splitlines()[0] for host in job.hosts.values())
        assert "algo-3" not in job[1].failure.splitlines()[0]


@pytest.mark.slow
def test_a_host_without_train_is_named(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    options = ("-e", "CONTAINER_TOOLKIT_PEER_TIMEOUT=3")
    with LAUNCHERS["torchrun"].hosts(request, tmp_path, options=options) as job:
        job.start(2, command=("sleep", "600"))
        assert job.start(1)[1].wait() == 3
        assert "host algo-2 did not come within 3 s" in job[1].failure


@each("kvstore")
def test_a_stop_of_all_is_what_each_reports(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with LAUNCHERS[name].hosts(request, tmp_path, command=WATCHED, epochs=ENDLESS) as job:
        until_all_learn(job.start())
        job.stop()
        assert job.wait() == [143, 143], [host.log for host in job.hosts.values()]
        for host in job.hosts.values():
            assert host.failure.startswith("Stopped by SIGTERM: the program ended with ")
            assert host.left_behind == 0


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


@pytest.mark.parametrize(
    "name", ["kvstore", *(pytest.param(name, marks=SLOW) for name in ("torchrun", "servers"))]
)
def test_a_worker_that_finishes_early_does_not_end_the_job(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with LAUNCHERS[name].hosts(request, tmp_path, program=EARLY) as job:
        assert job.start().wait() == [0, 0], [host.log for host in job.hosts.values()]
        assert all(host.said("finished") for host in job.hosts.values())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "late"), LATE)
def test_a_host_that_is_a_minute_late_is_waited_for(
    name: str, late: int, early: tuple[float, dict[tuple[str, int], Hosts]]
) -> None:
    since, jobs = early
    job = jobs[name, late]
    time.sleep(max(0.0, since + 60 - time.monotonic()))
    assert job.start(late).wait() == [0, 0], [host.log for host in job.hosts.values()]
    assert any("accuracy=" in host.log for host in job.hosts.values())
