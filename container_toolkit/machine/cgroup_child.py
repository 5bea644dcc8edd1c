"""A control group of our own below ours, for one program: made, filled, removed."""

from __future__ import annotations

import errno
import os
import time

from container_toolkit.machine.cgroup import Group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_REMOVAL_TRIES = 100
_REMOVAL_PAUSE = 0.01


class Child:
    """A memory group below `parent` with our program in it, and with a hard limit where wanted.

    In version 2 a group that has children with limits may hold no processes itself, so there this
    process moves into a neighbour group of its own until `remove`.
    """

    def __init__(self, parent: Group, name: str) -> None:
        self.group = Group(path=f"{parent.path}/{name}", version=parent.version)
        self._parent = parent
        self._ours = f"{parent.path}/{name}-supervisor" if parent.version == 2 else ""
        self._divided = False

    def fill(self, pids: Iterable[int], limit: int | None) -> None:
        """Make the group, give it `limit` bytes, move `pids` in. OSError: nothing was changed."""
        _sweep(self._parent.path, os.path.basename(self.group.path))
        os.mkdir(self.group.path)
        try:
            if self._ours:
                os.mkdir(self._ours)
                _write(f"{self._ours}/cgroup.procs", str(os.getpid()))
            for pid in pids:
                self.add(pid)
            if self._ours:
                _write(f"{self._parent.path}/cgroup.subtree_control", "+memory")
                self._divided = True
            if limit is not None:
                name = "memory.max" if self.group.version == 2 else "memory.limit_in_bytes"
                _write(f"{self.group.path}/{name}", str(limit))
        except OSError:
            self._undo(pids)
            raise

    def add(self, pid: int) -> None:
        """Move one process in; one that has just ended is not missed."""
        try:
            _write(f"{self.group.path}/cgroup.procs", str(pid))
        except ProcessLookupError:
            pass

    def remove(self) -> None:
        """Give everything back, processes that live on too; never raises. Those still dying are
        waited for, a second."""
        if self._divided:
            _attempt(f"{self._parent.path}/cgroup.subtree_control", "-memory")
            self._divided = False
        for pid in self.group.pids():
            _attempt(f"{self._parent.path}/cgroup.procs", str(pid))
        if self._ours:
            _attempt(f"{self._parent.path}/cgroup.procs", str(os.getpid()))
        for path in (self.group.path, self._ours):
            if path:
                _remove(path)

    def _undo(self, pids: Iterable[int]) -> None:
        if self._divided:
            _attempt(f"{self._parent.path}/cgroup.subtree_control", "-memory")
            self._divided = False
        for pid in pids:
            _attempt(f"{self._parent.path}/cgroup.procs", str(pid))
        self.remove()


def allowed(parent: Group) -> bool:
    """Whether we may make groups below `parent`.

    Version 1: where the folder can be written and limits count upwards. Version 2 has one writer
    per subtree: a container's own group is ours, on a machine under systemd only what it delegates
    (https://systemd.io/CGROUP_DELEGATION/).
    """
    if not parent.writable():
        return False
    if parent.version == 1:
        return _line(f"{parent.path}/memory.use_hierarchy") in ("", "1")
    if "memory" not in _line(f"{parent.path}/cgroup.controllers").split():
        return False
    return (parent.top and not parent.is_machine_root()) or _delegated(parent.path)


def _sweep(path: str, name: str) -> None:
    """Remove the empty groups of our kind, named by a process, whose process was killed."""
    kind = name.rpartition("-")[0]
    for other in os.listdir(path):
        before, _, pid = other.rpartition("-")
        if before == kind and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            try:
                os.rmdir(f"{path}/{other}")
            except OSError:  # not empty: somebody is in it after all
                pass


def _delegated(path: str) -> bool:
    for name in ("user.delegate", "trusted.delegate"):
        try:
            if os.getxattr(path, name) == b"1":
                return True
        except OSError:
            continue
    return False


def _remove(path: str) -> None:
    for _ in range(_REMOVAL_TRIES):
        try:
            return os.rmdir(path)
        except OSError as error:
            if error.errno != errno.EBUSY:
                return None
        time.sleep(_REMOVAL_PAUSE)
    return None


def _attempt(path: str, text: str) -> None:
    try:
        _write(path, text)
    except OSError:
        pass


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _line(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""
