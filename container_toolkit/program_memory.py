"""What a program holds, by the best measure there is here. True without SageMaker.

Best first: a control group of its own below ours; the container's group, where all of it is ours;
the processes descended from us.
"""

from __future__ import annotations

import os
import time

from container_toolkit import cgroup
from container_toolkit.process_tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.cgroup_child import Child
    from container_toolkit.process_tree import Holder

_OOM_SCORE = 500  # of 1,000, added to the program's: the kernel is to kill it and not us
_DEAR_SHARE = 10, 100  # the dearest measure may take from one part in 100 to one in 10 of the time
_DEAR_RATE = 1e9  # bytes/s, growth that it is to keep up with where it can
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ProgramMemory:
    """The memory of what this process starts. Construction finds our group, and changes nothing.

    `cost`: seconds of processor time that the latest cheap measurement took.
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
        self._most_dropped = 0
        self._proportional = 0
        self._proportional_until = float("-inf")
        group = cgroup.find("memory", root=root)
        self._ours = cgroup.MemoryGauge(group) if group else None
        self._kills_before = self._ours.oom_kills() if self._ours else 0
        self._measured = [self._ours] if self._ours and self._is_ours_alone(self._ours) else []

    def expose(self, pid: int) -> None:
        """Have the kernel kill process `pid` and its descendants before us."""
        for each in self._family(pid):
            _raise_oom_score(os.path.join(self._root, f"proc/{each}/oom_score_adj"))

    def enclose(self, pid: int, *, limit: int) -> None:
        """Expose it, and move it into a group of its own where one may be made.

        That group may hold `limit` bytes; beyond, the kernel kills in it and nowhere else.
        """
        self.expose(pid)
        if self._child is not None:
            self._move(self._child, pid)
        elif self._ours is not None and self._ours.usable():
            self._make_child(self._ours.group, pid, limit // _PAGE * _PAGE)

    def used(self, now: float, cap: int) -> int:
        """Bytes held now. Exact where it matters: only a measure below `cap` may be too high."""
        began = time.thread_time()
        held = self._by_groups()
        low = high = self._tree.resident(now, time.thread_time) if held is None else held
        if held is None and high > cap:
            low, high = self._tree.bounds()
        self.cost = time.thread_time() - began
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
            return self._program.oom_kills()
        return self._ours.oom_kills() - self._kills_before if self._ours else 0

    def recorded_peak(self) -> int:
        """At least so many bytes were held at some time by the kernel's record; 0 without one."""
        peak = self._program.peak() if self._program is not None else None
        return max(0, peak - self._most_dropped) if peak is not None else 0

    def largest(self) -> Holder | None:
        """The process that holds most of it now."""
        pids = self._measured[0].group.pids() if self._measured else ()
        return self._tree.largest(pids)

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
        return [pid, *Tree(pid, root=self._root).pids()]

    def _make_child(self, group: cgroup.Group, pid: int, limit: int) -> None:
        from container_toolkit import cgroup_child  # only here, while the program already runs

        if not cgroup_child.allowed(group):
            return
        child = cgroup_child.Child(group, f"container-toolkit-{os.getpid()}")
        try:
            child.fill(self._family(pid), limit)
        except OSError:
            return
        gauge = cgroup.MemoryGauge(child.group)
        if not gauge.usable():
            child.remove()
            return
        self._move(child, pid)  # what was started while we moved the others
        self._child, self._program, self._limit = child, gauge, limit
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
        if self._program is not None:
            self._most_dropped = max(self._most_dropped, self._program.dropped)
        self.shared = max(gauge.shared for gauge in self._measured)
        return max(gauge.latest for gauge in self._measured)

    def _proportional_size(self, now: float, cap: int) -> int:
        if now < self._proportional_until:
            return self._proportional
        began = time.thread_time()
        self._proportional = self._tree.proportional()
        cost = time.thread_time() - began
        least, most = (cost * share for share in _DEAR_SHARE)
        keeping_up = max(0, cap - self._proportional) / _DEAR_RATE
        self._proportional_until = now + max(least, min(most, keeping_up))
        return self._proportional


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
