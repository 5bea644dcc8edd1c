"""The watch on real processes, in every mode that this machine has, and on made-up machines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from container_toolkit.machine import cgroup, cgroup_child
from container_toolkit.training.memory import CAP, Cap, Watch
from tests.machine.fake import GIB, FakeMachine
from tests.training import hungry
from tests.training.hungry import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator


# Bytes that a grower which nobody stops passes a second later: how close to the cap it is stopped
# depends on how busy the machine is, and is what benchmarks/memory.py measures.
STOPPED_BY = 1200 * MIB


@pytest.fixture
def child_group() -> str:
    """The root where a child group can be made, as on a machine of our own."""
    group = cgroup.find("memory")
    if group is None or not cgroup_child.allowed(group):
        pytest.skip("no memory control group here that we may make groups in")
    return "/"


@pytest.fixture
def only_processes(tmp_path: Path) -> str:
    """A root in which there are processes but no control groups."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "proc").symlink_to("/proc")
    return str(root)


@pytest.fixture(params=["child group", "process tree"])
def root(request: pytest.FixtureRequest) -> str:
    name = "child_group" if request.param == "child group" else "only_processes"
    found: str = request.getfixturevalue(name)
    return found


@pytest.fixture(autouse=True)
def no_group_left_behind() -> Iterator[None]:
    before = groups_of_ours()
    yield
    assert groups_of_ours() - before == {}


def groups_of_ours() -> Counter[str]:
    """Groups below this process's whose maker, named in theirs, is gone; with who is in them.

    One of a living maker belongs to a job that runs beside these tests.
    """
    group = cgroup.find("memory")
    if group is None:
        return Counter()
    names = [name for name in os.listdir(group.path) if name.startswith("container-toolkit-")]
    left = [name for name in names if not Path("/proc", name.split("-")[2]).exists()]
    return Counter(f"{name}: {procs(Path(group.path, name))}" for name in left)


def procs(group: Path) -> str:
    try:
        return (group / "cgroup.procs").read_text()
    except OSError:
        return "gone meanwhile"


def cap_of(size: int, margin: int = 8 * GIB) -> Cap:
    return Cap(bytes=size, margin=margin, why="test")


def watched(cap: Cap | None, code: str, *, root: str) -> dict[str, Any]:
    driver = Path(__file__).with_name("watched.py")
    size, margin = (cap.bytes, cap.margin) if cap else (0, 0)
    argv = [sys.executable, str(driver), str(size), str(margin), root, code]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    seen: dict[str, Any] = json.loads(result.stdout)
    return seen


def test_a_grower_is_stopped_soon_after_the_cap(root: str) -> None:
    seen = watched(cap_of(256 * MIB), hungry.GROWS, root=root)
    assert seen["exceeded"]
    assert (seen["sent"][:1], seen["code"] in (-15, -9)) == (["SIGTERM"], True)
    assert 256 * MIB < seen["peak"] < STOPPED_BY
    assert seen["kernel_kills"] == 0


def test_the_story_says_cap_peak_and_the_largest_process(root: str) -> None:
    seen = watched(cap_of(128 * MIB), hungry.GROWS, root=root)
    assert re.match(r"memory cap of 128 MiB exceeded: peak (1[23]\d|\d{3,4}) MiB", seen["story"])
    python = os.path.basename(sys.executable)
    assert f"largest process `{python} -c` (pid {seen['pid']}) " in seen["story"]
    assert seen["story"].endswith(f"raise the memory of the job or {CAP}, or use less")


def test_a_process_left_by_its_parent_is_found(root: str) -> None:
    seen = watched(cap_of(256 * MIB), hungry.STARTS_A_GROWER, root=root)
    assert seen["exceeded"]
    assert f"(pid {seen['pid']})" not in seen["story"]
    assert seen["peak"] < STOPPED_BY


def test_memory_shared_by_processes_counts_once(root: str) -> None:
    seen = watched(cap_of(500 * MIB), hungry.shares(300 * MIB), root=root)
    assert (seen["exceeded"], seen["code"]) == (False, 0), seen["story"]


def test_shared_memory_that_stops_being_shared_counts(root: str) -> None:
    seen = watched(cap_of(300 * MIB), hungry.copies(100 * MIB), root=root)
    assert seen["exceeded"]


def test_page_cache_does_not_count(root: str, tmp_path: Path) -> None:
    program = hungry.reads(str(tmp_path / "big"), 600 * MIB)
    seen = watched(cap_of(128 * MIB), program, root=root)
    assert (seen["exceeded"], seen["code"]) == (False, 0), seen["story"]
    assert seen["peak"] < 128 * MIB


def test_files_in_dev_shm_count(child_group: str) -> None:
    name = f"container-toolkit-test-{os.getpid()}"
    try:
        seen = watched(cap_of(128 * MIB), hungry.fills_shared_memory(name), root=child_group)
    finally:
        Path("/dev/shm", name).unlink(missing_ok=True)
    assert seen["exceeded"]
    assert "in /dev/shm" in seen["story"]


def test_a_program_that_ignores_sigterm_is_killed_once_half_the_margin_is_gone(root: str) -> None:
    cap = cap_of(128 * MIB, margin=2 * GIB)
    seen = watched(cap, hungry.GROWS_AND_IGNORES_SIGTERM, root=root)
    assert seen["code"] == -9
    assert seen["sent"][:2] == ["SIGTERM", "SIGKILL"]
    assert seen["kernel_kills"] == 0
    assert seen["peak"] < 3 * GIB


def test_what_the_backstop_had_to_stop_is_told_as_the_cap_exceeded(child_group: str) -> None:
    cap = cap_of(64 * MIB, margin=4 * MIB)
    seen = watched(cap, "held = bytearray(b'x') * (2 << 30)", root=child_group)
    assert seen["exceeded"]
    assert seen["code"] in (-9, -15)
    # What the program touched before it was given its group stays charged to ours.
    assert 64 * MIB < seen["peak"] < 512 * MIB
    assert "memory cap of 64 MiB exceeded" in seen["story"]


def test_without_a_cap_nothing_is_measured_or_stopped(child_group: str) -> None:
    seen = watched(None, "held = bytearray(b'x') * (64 << 20)", root=child_group)
    assert (seen["exceeded"], seen["code"], seen["kernel_kills"]) == (False, 0, 0)


@pytest.mark.parametrize("size", [0, 256 * MIB])
def test_the_program_is_to_be_killed_before_us(only_processes: str, size: int) -> None:
    before = int(Path("/proc/self/oom_score_adj").read_text())
    cap = cap_of(size) if size else None
    seen = watched(cap, "import time; time.sleep(0.2)", root=only_processes)
    assert seen["oom_score_adj"] == min(1000, before + 500)
    assert seen["own_oom_score_adj"] == before


def fake_watch(machine: FakeMachine, cap: Cap | None) -> Watch:
    machine.file(f"proc/{os.getpid()}/stat", f"{os.getpid()} (python) S 0 0 0")
    return Watch(cap, root=machine.root)


def test_v2_a_containers_own_group_is_what_is_measured(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    point = fake.v2("/")
    fake.v2_group(point, limit=GIB, current=900 * MIB, inactive_file=500 * MIB, shmem=300 * MIB)
    watch = fake_watch(fake, cap_of(500 * MIB, margin=100 * MIB))
    assert watch.measure == "container group"
    assert 0 < watch.sample(0.0) <= 0.25
    assert (watch.exceeded, watch.peak) == (False, 400 * MIB)
    fake.file(f"{point}/memory.current", 1001 * MIB)
    assert watch.sample(1.0) <= 0.01
    assert (watch.exceeded, watch.must_kill(1.0)) == (True, False)
    assert "300 MiB in /dev/shm" in watch.story()
    fake.file(f"{point}/memory.current", 900 * MIB)
    assert watch.sample(2.0) <= 0.01
    assert (watch.exceeded, watch.must_kill(2.9), watch.must_kill(3.0)) == (True, False, True)
    fake.file(f"{point}/memory.current", 1051 * MIB)
    watch.sample(2.1)
    assert watch.must_kill(2.1)
    watch.close()


def test_v2_kernel_kills_are_counted_from_the_start_of_the_watch(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    point = fake.v2("/")
    fake.v2_group(point, limit=GIB)
    fake.file(f"{point}/memory.events", "oom 3\noom_kill 2")
    watch = fake_watch(fake, None)
    assert (watch.kernel_kills(), watch.sample(0.0)) == (0, float("inf"))
    fake.file(f"{point}/memory.events", "oom 3\noom_kill 3")
    watch.close()
    assert watch.kernel_kills() == 1


def test_a_group_shared_with_others_is_not_measured(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    point = fake.v2("/user.slice")
    fake.v2_group(f"{point}/user.slice", limit=GIB, current=GIB)
    fake.file(f"{point}/user.slice/cgroup.procs", f"1\n{os.getpid()}\n4194303")
    watch = fake_watch(fake, cap_of(500 * MIB))
    watch.sample(0.0)
    assert (watch.measure, watch.exceeded) == ("process tree", False)
    watch.close()


def test_a_scope_with_only_us_in_it_is_measured(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    point = fake.v2("/job.scope")
    fake.v2_group(f"{point}/job.scope", current=600 * MIB)
    fake.file(f"{point}/job.scope/cgroup.procs", os.getpid())
    watch = fake_watch(fake, cap_of(500 * MIB))
    watch.sample(0.0)
    assert (watch.measure, watch.exceeded) == ("container group", True)
    watch.close()


def test_a_group_that_vanishes_leaves_the_processes_to_measure(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    fake.v2_group(fake.v2("/"), limit=GIB)
    watch = fake_watch(fake, cap_of(500 * MIB))
    for gauge in watch._memory._measured:
        gauge.close()  # reads now fail as they do on a removed group
    assert watch.sample(0.0) > 0
    assert watch.measure == "process tree"
    watch.close()
