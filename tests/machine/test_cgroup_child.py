from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from container_toolkit.machine import cgroup, cgroup_child
from tests.machine.fake import GIB, FakeMachine


@pytest.fixture
def ours() -> cgroup.Group:
    group = cgroup.find("memory")
    if group is None or not cgroup_child.allowed(group):
        pytest.skip("no memory control group here that we may make groups in")
    return group


def test_a_real_child_holds_the_program_and_its_limit_and_goes_away(ours: cgroup.Group) -> None:
    child = cgroup_child.Child(ours, f"container-toolkit-test-{os.getpid()}")
    program = subprocess.Popen(["sleep", "60"])
    try:
        child.fill([program.pid], 64 << 20)
        assert child.group.pids() == [program.pid]
        assert child.group.limit() == 64 << 20
    finally:
        program.kill()
        program.wait()
        child.remove()
    assert not os.path.exists(child.group.path)


def test_processes_still_dying_are_waited_for(ours: cgroup.Group) -> None:
    child = cgroup_child.Child(ours, f"container-toolkit-test-{os.getpid()}")
    program = subprocess.Popen(["sh", "-c", "sleep 0.2"])
    child.fill([program.pid], None)
    child.remove()
    program.wait()
    assert not os.path.exists(child.group.path)


def test_an_ended_process_is_not_missed(ours: cgroup.Group) -> None:
    child = cgroup_child.Child(ours, f"container-toolkit-test-{os.getpid()}")
    program = subprocess.Popen(["true"])
    program.wait()
    child.fill([program.pid], None)
    assert child.group.pids() == []
    child.remove()
    assert not os.path.exists(child.group.path)


def test_a_name_that_is_taken_changes_nothing(ours: cgroup.Group) -> None:
    name = f"container-toolkit-test-{os.getpid()}"
    first = cgroup_child.Child(ours, name)
    first.fill([], None)
    try:
        with pytest.raises(FileExistsError):
            cgroup_child.Child(ours, name).fill([os.getpid()], None)
        assert os.getpid() in ours.pids()
        assert os.path.exists(first.group.path)
    finally:
        first.remove()


def test_what_a_killed_one_left_is_swept_and_what_is_alive_is_not(ours: cgroup.Group) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = cgroup_child.Child(ours, f"container-toolkit-test-{ended.pid}")
    alive = cgroup_child.Child(ours, f"container-toolkit-test-{os.getppid()}")
    mine = cgroup_child.Child(ours, f"container-toolkit-test-{os.getpid()}")
    left.fill([], None)
    alive.fill([], None)
    try:
        mine.fill([], None)
        assert not os.path.exists(left.group.path)
        assert os.path.exists(alive.group.path)
    finally:
        for child in (left, alive, mine):
            child.remove()


# Version 2 can only be had with a kernel that boots with it: there the kernel's part is played by
# these lines, and what we write to it, in which order, is what is tested.


class Kernel:
    """Fills new groups with their files, notes what is written, and refuses where told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path, refuse: str = "") -> None:
        self.root, self.refuse = root, refuse
        self.written: list[str] = []
        make, remove, write = os.mkdir, os.rmdir, cgroup_child._write

        def mkdir(path: str, *more: int) -> None:
            make(path, *more)
            for name in ("cgroup.procs", "memory.max", "memory.current", "memory.stat"):
                Path(path, name).touch()

        def note(path: str, text: str) -> None:
            line = f"{text} > {os.path.relpath(path, root)}"
            if self.refuse and self.refuse in line:
                raise OSError(16, "Device or resource busy")
            self.written.append(line)
            write(path, text)

        def rmdir(path: str) -> None:
            for file in Path(path).iterdir():
                file.unlink()
            remove(path)

        monkeypatch.setattr(os, "mkdir", mkdir)
        monkeypatch.setattr(os, "rmdir", rmdir)
        monkeypatch.setattr(cgroup_child, "_write", note)


def delegated(tmp_path: Path) -> cgroup.Group:
    fake = FakeMachine(tmp_path)
    fake.v2_group(fake.v2("/"), limit=GIB)
    group = cgroup.find("memory", root=fake.root)
    assert group is not None
    return group


def test_v2_we_step_aside_before_the_group_is_divided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = delegated(tmp_path)
    kernel = Kernel(monkeypatch, Path(group.path))
    child = cgroup_child.Child(group, "job")
    child.fill([41, 42], 1000)
    me = os.getpid()
    assert kernel.written == [
        f"{me} > job-supervisor/cgroup.procs",
        "41 > job/cgroup.procs",
        "42 > job/cgroup.procs",
        "+memory > cgroup.subtree_control",
        "1000 > job/memory.max",
    ]
    kernel.written.clear()
    child.remove()  # what lives on in it comes along
    assert kernel.written == [
        "-memory > cgroup.subtree_control",
        "42 > cgroup.procs",
        f"{me} > cgroup.procs",
    ]
    assert [path.name for path in Path(group.path).iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    "refuse", ["+memory", "memory.max", "supervisor/cgroup.procs", "41 > job/"]
)
def test_v2_a_refusal_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuse: str
) -> None:
    group = delegated(tmp_path)
    kernel = Kernel(monkeypatch, Path(group.path), refuse)
    with pytest.raises(OSError, match="busy"):
        cgroup_child.Child(group, "job").fill([41], 1000)
    assert kernel.written[-2:] == ["41 > cgroup.procs", f"{os.getpid()} > cgroup.procs"]
    divisions = [line for line in kernel.written if "subtree_control" in line]
    assert divisions in (
        [],
        ["+memory > cgroup.subtree_control", "-memory > cgroup.subtree_control"],
    )
    assert [path.name for path in Path(group.path).iterdir() if path.is_dir()] == []


def test_v2_a_containers_own_group_may_be_divided(tmp_path: Path) -> None:
    assert cgroup_child.allowed(delegated(tmp_path))


def test_v2_a_group_of_the_machine_that_is_not_delegated_is_left_alone(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    point = fake.v2("/user.slice/session-1.scope")
    fake.v2_group(f"{point}/user.slice/session-1.scope")
    group = cgroup.find("memory", root=fake.root)
    assert group is not None
    assert group.writable()
    assert not cgroup_child.allowed(group)
    try:
        os.setxattr(group.path, "user.delegate", b"1")
    except OSError:
        pytest.skip("this file system has no extended attributes to mark a delegation with")
    assert cgroup_child.allowed(group)


def test_v2_the_machines_root_is_left_alone(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    point = fake.v2("/")
    fake.file(f"{point}/cgroup.procs")
    fake.file(f"{point}/cgroup.controllers", "cpu memory")
    group = cgroup.find("memory", root=fake.root)
    assert group is not None
    assert not cgroup_child.allowed(group)


def test_v1_limits_that_do_not_count_upwards_are_left_alone(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    point = fake.v1("memory", "/")
    fake.v1_group(point)
    fake.file(f"{point}/memory.use_hierarchy", 0)
    group = cgroup.find("memory", root=fake.root)
    assert group is not None
    assert not cgroup_child.allowed(group)
