"""What a program holds, by the best measure there is here. True without SageMaker.

Best first: a control group of its own below ours; the container's group, where all of it is ours;
the processes descended from us.
"""

from __future__ import annotations

import os
import time

from container_toolkit.machine import cgroup
from container_toolkit.machine.process_tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.machine.cgroup_child import Child
    from container_toolkit.machine.process_tree import Holder

_OOM_SCORE = 500  # of 1,000, added to the program's: the kernel is to kill it and not us
_DEAR_SHARE = 10, 400  # the dearest measure takes one part in 400 of the time, at need one in 10
_LEAST_LIMIT = 4 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ProgramMemory:
    """The memory of what this process starts. Construction finds our group, and changes nothing.

    `cost`: seconds of processor time that a cheap measurement takes of late.
    `shared`: bytes of shared memory (/dev/shm too) at the latest, where a group tells it.
    """

    def __init__(self, *, root: str = "/") -> None:
        self.cost = 0.0
        self.shared = 0
        self._root = root
        self._tree = Tree(os.getpid(), root=root)
        self._child: Child | None = None
        self._limit = 0
        self._program: cgroup.MemoryGauge | None = None
        self._most_dropped = self._held_before = self._kills_earlier = 0
        self._proportional = self._left = 0
        self._dear_at, self._dear_cost = float("-inf"), 0.0
        group = cgroup.find("memory", root=root)
        self._ours = cgroup.MemoryGauge(group) if group else None
        self._kills_before = self._ours.oom_kills() if self._ours else 0
        self._measured = [self._ours] if self._ours and self._is_ours_alone(self._ours) else []

    def expose(self, pid: int) -> None:
        """Have the kernel kill process `pid` and its descendants before us."""
        for each in (pid, *Tree(pid, root=self._root).pids()):
            _raise_oom_score(os.path.join(self._root, f"proc/{each}/oom_score_adj"))

    def enclose(self, pid: int, *, limit: int) -> None:
        """Move it and its descendants into a group of their own, where one may be made.

        That group may hold `limit` bytes; beyond, the kernel kills in it and nowhere else. The
        kernel takes some 15 ms for it (it waits for all processors), so not for the shortest.
        """
        if self._child is not None:
            self._move(self._child, pid)
        elif self._ours is not None and self._ours.usable():
            self._make_child(self._ours.group, pid, limit)

    def used(self, now: float, cap: int) -> int:
        """Bytes held now. Exact where it matters: only a measure below `cap` may be too high."""
        began = time.thread_time()
        held = self._by_groups()
        low = high = self._tree.resident(now, time.thread_time) if held is None else held
        if held is None and high > cap:
            low, high = self._tree.bounds()
        self.cost += (time.thread_time() - began - self.cost) / 4  # one slow reading is no trend
        if high <= cap or low > cap:
            return high if high <= cap else low
        return self._proportional_size(now, cap)

    def measure(self) -> str:
        """What is measured: "child group", "container group" or "process tree"."""
        if self._program is not None:
            return "child group"
        return "container group" if self._measured else "process tree"

    def limit_hit(self) -> bool:
        """Whether the kernel has killed in the program's own group, by the limit given to it."""
        if self._program is None or not self._program.oom_kills():
            return False
        peak = self._program.peak()  # lower where a limit further up was hit instead
        return peak is None or peak >= self._limit * 0.99

    def oom_kills(self) -> int:
        """Processes of ours that the kernel has killed for want of memory since construction."""
        if self._program is not None:
            return self._kills_earlier + self._program.oom_kills()
        return self._ours.oom_kills() - self._kills_before if self._ours else 0

    def recorded_peak(self) -> int:
        """At least so many bytes were held at some time by the kernel's record; 0 without one."""
        peak = self._program.peak() if self._program is not None else None
        return max(0, peak - self._most_dropped) + self._held_before if peak is not None else 0

    def largest(self) -> Holder | None:
        """The process that holds most of it now, ourselves left out."""
        if not self._measured:
            return self._tree.largest()
        pids = self._measured[0].group.pids()
        return self._tree.largest([pid for pid in pids if pid != os.getpid()])

    def close(self) -> None:
        """Give back the group we made; never raises."""
        for gauge in (self._program, self._ours):
            if gauge is not None:
                gauge.close()
        self._tree.close()
        self._measured = []
        self._program = self._ours = None
        if self._child is not None:
            self._child.remove()
            self._child = None

    def _is_ours_alone(self, gauge: cgroup.MemoryGauge) -> bool:
        """A container's limited group as a whole, or one in which nobody else is."""
        group = gauge.group
        if not gauge.usable() or (group.version == 1 and group.is_machine_root()):
            return False
        if group.top and group.limit() is not None:
            return True
        return set(group.pids()) <= {os.getpid(), *self._tree.ancestors()}

    def _family(self, pid: int) -> list[int]:
        """`pid` and all below us: what its parent left has come to us, not to `pid`."""
        return list({pid: None, **dict.fromkeys(self._tree.pids())})

    def _make_child(self, group: cgroup.Group, pid: int, limit: int) -> None:
        # Only here: the program runs by now, and most machines never come to this.
        from container_toolkit.machine import cgroup_child

        if not cgroup_child.allowed(group):
            return
        family = self._family(pid)
        held = sum(self._tree.held(each) for each in family)
        limit = max(limit - held, _LEAST_LIMIT) // _PAGE * _PAGE
        kills = self.oom_kills()
        child = cgroup_child.Child(group, f"container-toolkit-{os.getpid()}")
        try:
            child.fill(family, limit)
        except OSError:
            return
        gauge = cgroup.MemoryGauge(child.group)
        if not gauge.usable():
            gauge.close()
            child.remove()
            return
        self._move(child, pid)  # what was started while we moved the others
        self._child, self._program, self._limit = child, gauge, limit
        # What it held stays on the account of the group it held it in.
        self._held_before, self._kills_earlier = held, kills
        # A limit around us counts everything in it, so there both have to stay below the cap.
        self._measured = [gauge, *(each for each in self._measured if group.limit() is not None)]

    def _move(self, child: Child, pid: int) -> None:
        try:
            for each in self._family(pid):
                child.add(each)
        except OSError:  # what could not be moved is still ours to stop, and seen by the kernel
            pass

    def _by_groups(self) -> int | None:
        """The most that a measured group holds; None where there is none."""
        for gauge in list(self._measured):
            try:
                gauge.used()
            except OSError:  # the group was taken away from under us
                self._measured.remove(gauge)
        if not self._measured:
            return None
        self.shared = max(gauge.shared for gauge in self._measured)
        used = max(gauge.latest for gauge in self._measured)
        if self._program is None:
            return used
        self._most_dropped = max(self._most_dropped, self._program.dropped)
        return max(used, self._program.latest + self._held_before)

    def _proportional_size(self, now: float, cap: int) -> int:
        """The dearest measure, or its latest result while that can't have changed by much.

        Neither sizes of processes nor their sum show a shared page becoming somebody's own; what
        the machine has left does, for it is taken from there.
        """
        least, most = (self._dear_cost * share for share in _DEAR_SHARE)
        since = now - self._dear_at
        if since < least:
            return self._proportional
        left = _available(os.path.join(self._root, "proc/meminfo"))
        if since < most and self._left - left < (cap - self._proportional) // 4:
            return self._proportional
        began = time.thread_time()
        self._proportional = self._tree.proportional()
        self._dear_cost = time.thread_time() - began
        self._dear_at, self._left = now, left
        return self._proportional


def _available(meminfo: str) -> int:
    """Bytes that the machine can still give; 0 when it doesn't tell."""
    try:
        with open(meminfo, "rb", buffering=0) as file:
            _, _, rest = file.read(1024).partition(b"MemAvailable:")
        return int(rest.split(None, 1)[0]) * 1024
    except (OSError, ValueError, IndexError):
        return 0


def _raise_oom_score(path: str) -> None:
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:
        return
    try:
        score = int(os.pread(fd, 16, 0))
        os.write(fd, str(min(1000, score + _OOM_SCORE)).encode())
    except (OSError, ValueError):
        pass
    finally:
        os.close(fd)
