"""A made-up machine: a folder with the few files under /proc and /sys that describe one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1 << 30
UNLIMITED_V1 = 9223372036854771712


class FakeMachine:
    def __init__(self, root: Path, *, memory: int = 16 * GIB) -> None:
        self.path = root
        self.root = str(root)
        self._members: list[str] = []
        self._mounts: list[str] = ["22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw"]
        self.file("proc/meminfo", f"MemTotal:       {memory // 1024} kB\nMemFree:    1 kB\n")
        self._tell()

    def file(self, name: str, text: object = "") -> Path:
        path = self.path / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
        return path

    def v1(self, controllers: str, member: str, *, start: str = "/") -> str:
        """Mount a version 1 hierarchy; we are in `member`, the mount starts at `start`."""
        point = f"/sys/fs/cgroup/{controllers}"
        self._members.insert(0, f"{len(self._members) + 1}:{controllers}:{member}")
        self._mounts.append(
            f"31 22 0:28 {start} {point} ro,nosuid - cgroup cgroup rw,{controllers}"
        )
        self._tell()
        (self.path / point.lstrip("/")).mkdir(parents=True)
        return point

    def v2(self, member: str, *, start: str = "/", point: str = "/sys/fs/cgroup") -> str:
        self._members.append(f"0::{member}")
        self._mounts.append(f"32 22 0:29 {start} {point} ro shared:4 - cgroup2 cgroup rw")
        self._tell()
        (self.path / point.lstrip("/")).mkdir(parents=True, exist_ok=True)
        return point

    def v2_group(self, path: str, *, limit: object = "max", current: int = 0, **stat: int) -> None:
        """The files of a version 2 group with the memory controller, at `path` of the machine."""
        self.file(f"{path}/cgroup.events", "populated 1\nfrozen 0")
        self.file(f"{path}/cgroup.controllers", "cpu memory pids")
        self.file(f"{path}/cgroup.subtree_control")
        self.file(f"{path}/cgroup.procs")
        self.file(f"{path}/memory.max", limit)
        self.file(f"{path}/memory.current", current)
        self.file(f"{path}/memory.peak", current)
        self.file(f"{path}/memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0")
        self.file(f"{path}/memory.stat", "\n".join(f"{name} {n}" for name, n in stat.items()))

    def v1_group(
        self, path: str, *, limit: int = UNLIMITED_V1, usage: int = 0, kernel: int = 0, **stat: int
    ) -> None:
        """The files of a version 1 memory group."""
        self.file(f"{path}/cgroup.procs")
        self.file(f"{path}/memory.limit_in_bytes", limit)
        self.file(f"{path}/memory.usage_in_bytes", usage)
        self.file(f"{path}/memory.max_usage_in_bytes", usage)
        self.file(f"{path}/memory.kmem.usage_in_bytes", kernel)
        self.file(f"{path}/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0")
        self.file(f"{path}/memory.stat", "\n".join(f"{name} {n}" for name, n in stat.items()))

    def _tell(self) -> None:
        self.file("proc/self/cgroup", "\n".join(self._members))
        self.file("proc/self/mountinfo", "\n".join(self._mounts))
