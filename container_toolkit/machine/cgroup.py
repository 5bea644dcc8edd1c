"""Control groups: which are ours, and what they allow and hold. True without SageMaker.

Three layouts hide behind one face: version 1 (a hierarchy per controller), version 2 (one for all)
and hybrid (some controllers in each). In a container the mount usually starts at our own group; on
a bare machine ours is a folder below it, and a parent's limit binds us as well.
"""

from __future__ import annotations

import os

from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Version 1 says "no limit" with a huge number that depends on the page size.
_NO_LIMIT = 1 << 62
_STAT_BYTES = 16384


class Group(Value):
    """One control group: its folder, the version of its interface, and where it stands.

    `top`: the mount starts here, so nothing above is visible, as in a container.
    `parents`: the visible groups above it, nearest first.
    """

    path: str
    version: int
    top: bool = False
    parents: tuple[str, ...] = ()

    def limit(self) -> int | None:
        """Bytes of memory this group or one above it allows; None when nothing limits it."""
        name = "memory.max" if self.version == 2 else "memory.limit_in_bytes"
        limits = [_number(contents(f"{path}/{name}")) for path in (self.path, *self.parents)]
        if self.version == 1:  # knows of parents that we can't see
            limits.append(
                _field(contents(f"{self.path}/memory.stat"), b"hierarchical_memory_limit")
            )
        found = [limit for limit in limits if limit is not None and limit < _NO_LIMIT]
        return min(found) if found else None

    def pids(self) -> list[int]:
        """The processes directly in this group, as our process namespace numbers them."""
        return [int(pid) for pid in contents(f"{self.path}/cgroup.procs").split() if pid.isdigit()]

    def writable(self) -> bool:
        """Whether we could make groups below this one."""
        return os.access(self.path, os.W_OK) and os.access(f"{self.path}/cgroup.procs", os.W_OK)

    def is_machine_root(self) -> bool:
        """Whether this is the root of the whole machine: no limit, everybody's processes."""
        if self.version == 2:
            return not os.path.exists(f"{self.path}/cgroup.events")
        return os.path.exists(f"{self.path}/release_agent")


class MemoryGauge:
    """What a memory group holds, read through files kept open: a few microseconds a reading.

    OSError from a reading means that the group is gone.
    """

    def __init__(self, group: Group) -> None:
        second = group.version == 2
        self.group = group
        # The latest used(), what it left out, and how much of it is shared memory.
        self.latest = self.dropped = self.shared = 0
        self._current = _open(group, "memory.current" if second else "memory.usage_in_bytes")
        self._stat = _open(group, "memory.stat")
        self._peak = _open(group, "memory.peak" if second else "memory.max_usage_in_bytes")
        self._events = _open(group, "memory.events" if second else "memory.oom_control")
        self._kernel = -1 if second else _open(group, "memory.kmem.usage_in_bytes")

    def usable(self) -> bool:
        return self._current >= 0 and self._stat >= 0

    def used(self) -> int:
        """Bytes held that can't be dropped at need: shared memory counts, page cache does not.

        Version 1 doesn't tell which kernel memory can be dropped; what a program makes it hold is
        mostly names of files it walked through, so there kernel memory is left out as a whole.
        """
        current = _number(os.pread(self._current, 64, 0)) or 0
        stat = os.pread(self._stat, _STAT_BYTES, 0)
        if self.group.version == 2:
            kernel = _field(stat, b"slab_reclaimable") or 0
            prefix = b""
        else:
            kernel = self._counter(self._kernel) or 0
            prefix = b"total_"
        inactive = _field(stat, prefix + b"inactive_file") or 0
        self.dropped = kernel + inactive + (_field(stat, prefix + b"active_file") or 0)
        self.shared = _field(stat, prefix + b"shmem") or 0
        self.latest = max(0, current - self.dropped)
        return self.latest

    def peak(self) -> int | None:
        """The kernel's own record of the most bytes held, with what used() leaves out."""
        return self._counter(self._peak)

    def oom_kills(self) -> int:
        """Processes of this group that the kernel killed for want of memory."""
        if self._events < 0:
            return 0
        try:
            return _field(os.pread(self._events, 1024, 0), b"oom_kill") or 0
        except OSError:
            return 0

    def close(self) -> None:
        for fd in (self._current, self._stat, self._peak, self._events, self._kernel):
            if fd >= 0:
                os.close(fd)
        self._current = self._stat = self._peak = self._events = self._kernel = -1

    def _counter(self, fd: int) -> int | None:
        if fd < 0:
            return None
        try:
            return _number(os.pread(fd, 64, 0))
        except OSError:
            return None


def find(controller: str, *, root: str = "/") -> Group | None:
    """The group of this process under `controller` ("memory", "cpu"); None where none is visible.

    `root` is the folder that holds `proc` and `sys`.
    """
    memberships = contents(os.path.join(root, "proc/self/cgroup")).decode(errors="replace")
    mounts = list(_mounts(os.path.join(root, "proc/self/mountinfo")))
    for version, member in _memberships(controller, memberships):
        places = [
            (start, point)
            for kind, options, start, point in mounts
            if kind == ("cgroup2" if version == 2 else "cgroup")
            and (version == 2 or controller in options)
        ]
        # Bind mounts may show a hierarchy twice: the one that shows our own group is the better.
        places.sort(key=lambda place: _below(member, place[0]) is None)
        for start, point in places:
            top = os.path.join(root, point.lstrip("/"))
            if os.path.isdir(top):
                return _group(version, top, _below(member, start) or "")
    return None


def cpu_quota(*, root: str = "/") -> float | None:
    """The smallest number of CPUs' worth of time that our group or one above it allows."""
    group = find("cpu", root=root)
    if group is None:
        return None
    quotas = [_quota(path, group.version) for path in (group.path, *group.parents)]
    found = [quota for quota in quotas if quota is not None]
    return min(found) if found else None


def _quota(path: str, version: int) -> float | None:
    if version == 2:
        words = contents(f"{path}/cpu.max").split()
        quota, period = words if len(words) == 2 else (b"max", b"")
    else:
        quota, period = contents(f"{path}/cpu.cfs_quota_us"), contents(f"{path}/cpu.cfs_period_us")
    share, whole = _number(quota), _number(period)
    return share / whole if share and whole else None


def _memberships(controller: str, text: str) -> Iterator[tuple[int, str]]:
    """(version, path) of this process: a version 1 hierarchy holds the controller before 2 does."""
    unified = None
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            unified = path
        elif controller in controllers.split(","):
            yield 1, path
    if unified is not None:
        yield 2, unified


def _mounts(mountinfo: str) -> Iterator[tuple[str, list[str], str, str]]:
    """(file system, its options, where in it the mount starts, mount point) of cgroup mounts."""
    for line in contents(mountinfo).decode(errors="surrogateescape").splitlines():
        left, _, right = line.partition(" - ")
        here, there = left.split(" "), right.split(" ")
        if len(here) >= 5 and there[0] in ("cgroup", "cgroup2"):
            yield there[0], there[-1].split(","), _unescaped(here[3]), _unescaped(here[4])


def _unescaped(path: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        path = path.replace(code, char)
    return path


def _below(member: str, start: str) -> str | None:
    """`member` relative to where a mount starts ("" at its top), None when it is not below."""
    if ".." in member.split("/"):  # the group is outside what our namespace shows
        return None
    start = start.rstrip("/")
    if member == start or member.startswith(f"{start}/"):
        return member[len(start) :].strip("/")
    return None


def _group(version: int, top: str, relative: str) -> Group:
    # Some engines show a path that only exists outside: then the mount's top is our group.
    if not relative or not os.path.isdir(os.path.join(top, relative)):
        return Group(path=top, version=version, top=True)
    names = relative.split("/")
    parents = [os.path.join(top, *names[:depth]) for depth in range(len(names) - 1, -1, -1)]
    return Group(path=os.path.join(top, relative), version=version, parents=tuple(parents))


def _open(group: Group, name: str) -> int:
    try:
        return os.open(f"{group.path}/{name}", os.O_RDONLY)
    except OSError:
        return -1


def contents(path: str) -> bytes:
    """A small file of the kernel's; nothing where it can't be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError:
        return b""


def _number(text: bytes) -> int | None:
    text = text.strip()
    return int(text) if text.isdigit() and len(text) < 21 else None


def _field(stat: bytes, name: bytes) -> int | None:
    """The number after `name` in lines of "name number"."""
    stat = b"\n" + stat
    start = stat.find(b"\n" + name + b" ")
    if start < 0:
        return None
    return _number(stat[start + len(name) + 2 :].partition(b"\n")[0])
