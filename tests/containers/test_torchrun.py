"""torchrun where ranks die: as a plain program would, or started again, or gone on without."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.containers.launchers import FAILED, TORCHRUN, learned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.containers.hosts import Host

pytestmark = pytest.mark.slow

# The rank of algo-2 is killed when it has begun, the first time it runs.
DIES_ONCE = """
import builtins, os, runpy, signal

def told(*words, **options):
    say(*words, **options)
    if "rows=" in str(words[0]):
        os.kill(os.getpid(), signal.SIGKILL)

say = builtins.print
if os.environ["SM_CURRENT_HOST"] == "algo-2" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
    builtins.print = told
runpy.run_path("train.py", run_name="__main__")
"""

# Of two ranks on algo-1 the second fails, and so the first, which waits for it.
SECOND_RAISES = """
import builtins, os, runpy

def told(*words, **options):
    say(*words, **options)
    if "rows=" in str(words[0]) and os.environ["RANK"] == "1":
        raise ValueError("the data is spoiled")

say, builtins.print = builtins.print, told
runpy.run_path("train.py", run_name="__main__")
"""

# Only without one of its hosts there is an end to it.
ENDLESS_AT_FIRST = """
import os, runpy, sys
if os.environ["WORLD_SIZE"] == "3":
    sys.argv[1:] = ["--epochs", "10000000"]
runpy.run_path("train.py", run_name="__main__")
"""

SAVES_STATE = """
import os, signal, time

def told(*_):
    time.sleep(32)
    print("saved", flush=True)
    os._exit(0)

signal.signal(signal.SIGTERM, told)
print("ready", flush=True)
while True:
    time.sleep(0.1)
"""


@pytest.fixture(scope="module", autouse=True)
def stopped(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    """One whose rank saves its state, which takes a while: the other tests run meanwhile."""
    folder = tmp_path_factory.mktemp("stopped")
    with TORCHRUN.hosts(request, folder, 1, program=SAVES_STATE) as job:
        job.start()[1].wait_for("ready")
        job.stop()
        yield job[1]


def test_a_rank_that_was_killed_is_what_the_host_reports(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with TORCHRUN.hosts(request, tmp_path, program=DIES_ONCE) as job:
        assert job.start().wait() == [3, 137], [host.failure for host in job.hosts.values()]
        assert job[2].failure.startswith("killed by SIGKILL")
        assert job[2].said("torchrun: rank 1 ended with SIGKILL")
        assert "host algo-2 failed: killed by SIGKILL" in job[1].failure


def test_the_rank_that_failed_first_is_the_one_that_tells_why(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    two = {"sagemaker_mpi_num_of_processes_per_host": 2}
    with TORCHRUN.hosts(request, tmp_path, program=SECOND_RAISES, **two) as job:
        first, second = job.start().wait()
        assert (first in FAILED, second) == (True, 3), [host.log for host in job.hosts.values()]
        assert job[1].failure.startswith("ValueError: the data is spoiled (program.py, line ")
        assert "host algo-1 failed: ValueError: the data is spoiled" in job[2].failure


def test_a_rank_that_was_killed_is_started_again(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    restarts = {"sagemaker_torch_distributed_max_restarts": 1}
    with TORCHRUN.hosts(request, tmp_path, program=DIES_ONCE, **restarts) as job:
        assert job.start().wait() == [0, 0], [host.log for host in job.hosts.values()]
        found = learned(*(host.log for host in job.hosts.values()))
        assert len(job[2].said("rows=")) == 2
    assert len(set(found.weights.values())) == 1
    assert found.accuracy >= 0.94


def test_hosts_go_on_without_one_that_was_killed(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    least = {"sagemaker_torch_distributed_min_hosts": 2}
    with TORCHRUN.hosts(request, tmp_path, 3, program=ENDLESS_AT_FIRST, **least) as job:
        for host in job.start().hosts.values():
            host.wait_for("rows=")
        job[3].container.signal("KILL")
        assert [job[1].wait(), job[2].wait()] == [0, 0], [host.log for host in job.hosts.values()]
        assert job[1].said("host algo-3 was lost; the others go on without it")
        text = job[1].log + job[2].log
    assert sorted(re.findall(r"^rank=(\d) of 2 rows=", text, re.MULTILINE)) == ["0", "1"]
    assert learned(text).accuracy >= 0.94


def test_a_rank_has_the_whole_grace_after_a_stop(stopped: Host) -> None:
    assert stopped.wait() == 143
    assert stopped.said("saved")
    assert stopped.failure.startswith("Stopped by SIGTERM")
