"""The processes that descend from one, and the memory they hold. True without SageMaker.

Three measures, each dearer than the one before (all in bytes, over the whole tree):
`resident` counts shared pages once per process and mapped files too: an upper bound, about a
microsecond a process. `bounds` leaves out mapped files: the truth lies between its two numbers.
`proportional` counts shared pages once: the truth, but the kernel walks every page for it.
"""

from __future__ import annotations

import os

from container_toolkit.machine.cgroup import contents
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Clock = Callable[[], float]

_PAGE = os.sysconf("SC_PAGE_SIZE")
_OPEN_FILES = 256  # of the 1,024 a process usually may have
_WALK_SHARE = 200  # a walk of the whole tree may take a 200th of the time
_WALK_AT_LEAST = 2.0  # seconds; forks are noticed, this is for what may escape notice
_NEW_TRIED = 64  # process numbers given out since the latest look
_LARGEST_TRIED = 8
_TITLE = 60


class Holder(Value):
    """A process, what it was started as, and the bytes it holds."""

    pid: int
    title: str
    size: int


class Tree:
    """The descendants of process `top`, itself left out. `root` holds `proc`."""

    def __init__(self, top: int, *, root: str = "/") -> None:
        self._top = top
        self._proc = os.path.join(root, "proc")
        self._files: dict[int, int] = {}
        self._walked, self._walk_cost = float("-inf"), 0.0
        self._newest = 0

    def pids(self) -> list[int]:
        """All descendants now, parents first."""
        found: list[int] = []
        generation = [self._top]
        by_parent = None if self._lists_children() else self._by_parent()
        while generation:
            children: list[int] = []
            for pid in generation:
                children += self._children(pid) if by_parent is None else by_parent.get(pid, ())
            found += children
            generation = children
        return found

    def ancestors(self) -> list[int]:
        """The parents of `top` as far up as can be seen, nearest first."""
        found: list[int] = []
        pid = self._parent(self._top)
        while pid > 0 and pid not in found:
            found.append(pid)
            pid = self._parent(pid)
        return found

    def resident(self, now: float, clock: Clock) -> int:
        """Sum of the resident sizes. The tree is walked again when processes were made since."""
        self._keep_current(now, clock)
        pages = 0
        for pid, fd in list(self._files.items()):
            try:
                statm = os.pread(fd, 128, 0) if fd >= 0 else self._read(pid, "statm")
            except OSError:
                statm = b""
            if statm:
                pages += int(statm.split(b" ", 2)[1])
            else:
                self._forget(pid)
        return pages * _PAGE

    def bounds(self) -> tuple[int, int]:
        """(most that one process holds alone or shared, sum of it over all)."""
        sizes = [self.held(pid) for pid in self._files]
        return max(sizes, default=0), sum(sizes)

    def proportional(self) -> int:
        """Sum in which a page shared by n processes counts an n-th in each."""
        return sum(self._share(pid) for pid in list(self._files))

    def held(self, pid: int) -> int:
        """What one process holds, shared or not, mapped files left out."""
        status = self._read(pid, "status")
        found = _kilobytes(status, (b"RssAnon", b"RssShmem"))
        return found if found is not None else _kilobytes(status, (b"VmRSS",)) or 0

    def largest(self, pids: Iterable[int] = ()) -> Holder | None:
        """The process that holds most, of `pids` or of the whole tree."""
        sizes = []
        for pid in pids or self.pids():
            words = self._read(pid, "statm").split()
            if len(words) > 1:
                sizes.append((int(words[1]), pid))
        # Resident sizes contain mapped files: the first few are looked at more closely.
        candidates = [pid for _, pid in sorted(sizes, reverse=True)[:_LARGEST_TRIED]]
        if not candidates:
            return None
        size, pid = max((self.held(pid), pid) for pid in candidates)
        return Holder(pid=pid, title=self._title(pid), size=size)

    def close(self) -> None:
        for pid in list(self._files):
            self._forget(pid)

    def _keep_current(self, now: float, clock: Clock) -> None:
        # The kernel tells the newest process number: while it stands still, nobody has forked,
        # and when it has moved a little, only those numbers need to be looked at.
        text = contents(f"{self._proc}/loadavg").rpartition(b" ")[2].strip()
        newest = int(text) if text.isdigit() else 0
        new = range(self._newest + 1, newest + 1) if self._newest else range(0)
        known = newest > 0 and newest - self._newest == len(new) <= _NEW_TRIED
        if known:
            self._newest = newest
            for pid in new:
                self._adopt(pid)
        since = now - self._walked
        if since < self._walk_cost * _WALK_SHARE or (known and since < _WALK_AT_LEAST):
            return
        began = clock()
        found = set(self.pids())
        for pid in self._files.keys() - found:
            self._forget(pid)
        for pid in found - self._files.keys():
            self._files[pid] = self._open(pid)
        self._newest, self._walked, self._walk_cost = newest, now, clock() - began

    def _adopt(self, pid: int) -> None:
        """Take `pid` in if it is a process, not a thread, and its parent is one of ours."""
        status = self._read(pid, "status")
        if _number(status, b"Tgid") != pid or pid in self._files:
            return
        if (parent := _number(status, b"PPid")) == self._top or parent in self._files:
            self._files[pid] = self._open(pid)

    def _open(self, pid: int) -> int:
        if len(self._files) >= _OPEN_FILES:
            return -1
        try:
            return os.open(f"{self._proc}/{pid}/statm", os.O_RDONLY)
        except OSError:
            return -1

    def _forget(self, pid: int) -> None:
        fd = self._files.pop(pid)
        if fd >= 0:
            os.close(fd)

    def _lists_children(self) -> bool:
        return os.path.exists(f"{self._proc}/{self._top}/task/{self._top}/children")

    def _children(self, pid: int) -> Iterator[int]:
        try:
            threads = os.listdir(f"{self._proc}/{pid}/task")
        except OSError:
            return
        for thread in threads:
            for child in self._read(pid, f"task/{thread}/children").split():
                yield int(child)

    def _by_parent(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for name in os.listdir(self._proc):
            if name.isdigit():
                found.setdefault(self._parent(int(name)), []).append(int(name))
        return found

    def _parent(self, pid: int) -> int:
        # "pid (name) state parent ...", and the name may contain anything.
        words = self._read(pid, "stat").rpartition(b")")[2].split()
        return int(words[1]) if len(words) > 1 else 0

    def _share(self, pid: int) -> int:
        rollup = self._read(pid, "smaps_rollup")
        found = _kilobytes(rollup, (b"Pss_Anon", b"Pss_Shmem"))
        if found is None:
            found = _kilobytes(rollup, (b"Pss",))
        return found if found is not None else self.held(pid)

    def _title(self, pid: int) -> str:
        """The program and its first plain argument: what follows may be secret, or long."""
        words = self._read(pid, "cmdline").rstrip(b"\0").decode(errors="replace").split("\0")
        if not words[0]:
            return self._read(pid, "comm").decode(errors="replace").strip() or "?"
        shown = [os.path.basename(words[0])]
        for word in words[1:]:
            if word.startswith("--") and len(word) > 2:
                break
            shown.append(word)
            if word == "-c" or not word.startswith("-"):
                break
        title = "".join(char if char.isprintable() else "?" for char in " ".join(shown))
        return title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…"

    def _read(self, pid: int, name: str) -> bytes:
        return contents(f"{self._proc}/{pid}/{name}")


def _number(text: bytes, name: bytes) -> int | None:
    """The number in the line "name:   12" or "name:   12 kB"."""
    _, found, rest = (b"\n" + text).partition(b"\n" + name + b":")
    return int(rest.split(None, 1)[0]) if found else None


def _kilobytes(text: bytes, names: tuple[bytes, ...]) -> int | None:
    """Bytes in all the lines "name:   12 kB"; None when one of them is missing."""
    numbers = [_number(text, name) for name in names]
    found = [number for number in numbers if number is not None]
    return sum(found) * 1024 if len(found) == len(names) else None
