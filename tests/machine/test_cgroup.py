from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from container_toolkit.machine import cgroup
from tests.machine.fake import GIB, UNLIMITED_V1, FakeMachine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def limit(machine: FakeMachine) -> int | None:
    group = cgroup.find("memory", root=machine.root)
    assert group is not None
    return group.limit()


def test_v1_in_a_container_the_mount_starts_at_our_group(machine: FakeMachine) -> None:
    point = machine.v1("memory", "/docker/abc", start="/docker/abc")
    machine.v1_group(point, limit=2 * GIB)
    group = cgroup.find("memory", root=machine.root)
    assert group == cgroup.Group(path=machine.root + point, version=1, top=True)
    assert limit(machine) == 2 * GIB


def test_v1_a_path_that_only_exists_outside_means_the_top_of_the_mount(
    machine: FakeMachine,
) -> None:
    point = machine.v1("memory", "/libpod_parent/libpod-abc", start="/")
    machine.v1_group(point, limit=GIB)
    assert limit(machine) == GIB


@pytest.mark.parametrize(("outer", "inner"), [(GIB, 3 * GIB), (3 * GIB, GIB), (GIB, UNLIMITED_V1)])
def test_v1_the_smallest_limit_on_the_way_up_binds(
    machine: FakeMachine, outer: int, inner: int
) -> None:
    point = machine.v1("memory", "/jobs/one")
    machine.v1_group(point)
    machine.v1_group(f"{point}/jobs", limit=outer)
    machine.v1_group(f"{point}/jobs/one", limit=inner)
    machine.v1_group(f"{point}/jobs/two", limit=1)
    assert limit(machine) == GIB


def test_v1_the_huge_number_is_no_limit(machine: FakeMachine) -> None:
    machine.v1_group(machine.v1("memory", "/"), limit=9223372036854710272)  # 64 KiB pages
    assert limit(machine) is None


def test_v1_a_limit_above_what_is_mounted_is_known_from_the_statistics(
    machine: FakeMachine,
) -> None:
    point = machine.v1("memory", "/pod/one", start="/pod/one")
    machine.v1_group(point, hierarchical_memory_limit=GIB)
    assert limit(machine) == GIB


def test_v2_nested_limits_and_max(machine: FakeMachine) -> None:
    point = machine.v2("/user.slice/job.scope")
    machine.file(f"{point}/cgroup.controllers", "cpu memory")  # the machine's root: no limits
    machine.v2_group(f"{point}/user.slice", limit=4 * GIB)
    machine.v2_group(f"{point}/user.slice/job.scope", limit="max")
    assert limit(machine) == 4 * GIB
    group = cgroup.find("memory", root=machine.root)
    assert group is not None
    assert (group.top, group.is_machine_root(), len(group.parents)) == (False, False, 2)


def test_v2_in_a_container_with_its_own_namespace(machine: FakeMachine) -> None:
    machine.v2_group(machine.v2("/"), limit=512 << 20)
    group = cgroup.find("memory", root=machine.root)
    assert group is not None
    assert (group.top, group.is_machine_root(), group.limit()) == (True, False, 512 << 20)


def test_v2_a_group_outside_the_namespace_means_the_top(machine: FakeMachine) -> None:
    machine.v2_group(machine.v2("/../elsewhere"), limit=GIB)
    assert limit(machine) == GIB


def test_hybrid_memory_is_in_version_1_when_it_is_listed_there(machine: FakeMachine) -> None:
    machine.v2_group(machine.v2("/job", point="/sys/fs/cgroup/unified"), limit=1)
    machine.v1_group(machine.v1("memory", "/job") + "/job", limit=GIB)
    assert limit(machine) == GIB


def test_hybrid_memory_is_in_version_2_when_version_1_lacks_it(machine: FakeMachine) -> None:
    machine.v2_group(machine.v2("/", point="/sys/fs/cgroup/unified"), limit=GIB)
    machine.v1("cpu,cpuacct", "/")
    assert limit(machine) == GIB


def test_a_mount_point_with_a_blank(machine: FakeMachine) -> None:
    machine.v2("/", point="/sys/fs/c\\040g")
    machine.v2_group("/sys/fs/c g", limit=GIB)
    assert limit(machine) == GIB


def test_nothing_mounted_is_no_group(machine: FakeMachine) -> None:
    assert cgroup.find("memory", root=machine.root) is None
    assert cgroup.cpu_quota(root=machine.root) is None


def test_nonsense_is_no_limit(machine: FakeMachine) -> None:
    point = machine.v2("/")
    machine.v2_group(point, limit="\x00\xff-12 lots")
    assert limit(machine) is None


def test_v2_quota_is_the_smallest_on_the_way_up(machine: FakeMachine) -> None:
    point = machine.v2("/a/b")
    machine.file(f"{point}/a/cpu.max", "150000 100000")
    machine.file(f"{point}/a/b/cpu.max", "max 100000")
    assert cgroup.cpu_quota(root=machine.root) == 1.5


@pytest.mark.parametrize(("quota", "expected"), [("-1", None), ("50000", 0.5), ("", None)])
def test_v1_quota(machine: FakeMachine, quota: str, expected: float | None) -> None:
    point = machine.v1("cpu,cpuacct", "/", start="/")
    machine.file(f"{point}/cpu.cfs_quota_us", quota)
    machine.file(f"{point}/cpu.cfs_period_us", 100000)
    assert cgroup.cpu_quota(root=machine.root) == expected


def test_v2_gauge_leaves_out_what_can_be_dropped_and_keeps_shared_memory(
    machine: FakeMachine,
) -> None:
    point = machine.v2("/")
    machine.v2_group(
        point,
        limit=GIB,
        current=1000,
        anon=300,
        inactive_file=100,
        active_file=50,
        slab_reclaimable=25,
        shmem=500,
    )
    group = cgroup.find("memory", root=machine.root)
    assert group is not None
    gauge = cgroup.MemoryGauge(group)
    try:
        assert (gauge.used(), gauge.dropped, gauge.shared) == (825, 175, 500)
        machine.file(f"{point}/memory.events", "oom 7\noom_kill 3\noom_group_kill 1")
        assert gauge.oom_kills() == 3
    finally:
        gauge.close()


def test_v1_gauge_counts_the_groups_below_too(machine: FakeMachine) -> None:
    machine.v1_group(
        machine.v1("memory", "/"),
        usage=1000,
        kernel=40,
        inactive_file=1,
        active_file=1,
        total_inactive_file=100,
        total_active_file=50,
        total_shmem=500,
    )
    group = cgroup.find("memory", root=machine.root)
    assert group is not None
    gauge = cgroup.MemoryGauge(group)
    try:
        assert (gauge.used(), gauge.shared) == (810, 500)
    finally:
        gauge.close()


def test_gauge_of_a_group_without_memory_is_not_usable(machine: FakeMachine) -> None:
    machine.v2("/")
    group = cgroup.find("memory", root=machine.root)
    assert group is not None
    gauge = cgroup.MemoryGauge(group)
    assert not gauge.usable()
    assert gauge.oom_kills() == 0
    gauge.close()


def test_the_real_group_lists_this_process() -> None:
    group = cgroup.find("memory")
    if group is None:
        pytest.skip("no memory control group is visible here")
    assert os.getpid() in group.pids()
