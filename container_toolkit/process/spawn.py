"""Start a process in a group of its own; signal, reap and find processes."""

from __future__ import annotations

import errno
import os
import signal

from container_toolkit.process import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from container_toolkit.process import Command

# Python ignores these, and an ignored signal stays ignored across exec: a program that writes
# into a closed pipe must die of it as it would anywhere else.
RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)

PR_SET_CHILD_SUBREAPER = 36


def spawn(command: Command, stdout: int, stderr: int, stdin: int = 0) -> int:
    """Start `command` as the leader of a new process group; returns its pid.

    `stdout`, `stderr` and `stdin` are file descriptors; stdin is ours unless told. Raises OSError
    when the program can't be started (not found, not executable, argument list too long, no such
    folder).
    """
    argv0 = command.argv[0]
    program = argv0 if "/" in argv0 else find(argv0, command.env.get("PATH", os.defpath))
    back = os.open(".", os.O_RDONLY | os.O_DIRECTORY) if command.cwd else -1
    try:
        if command.cwd:
            os.chdir(command.cwd)  # posix_spawn has no folder of its own to start in
        return os.posix_spawn(
            program,
            command.argv,
            command.env,
            file_actions=[
                *([(os.POSIX_SPAWN_DUP2, stdin, 0)] if stdin else ()),
                (os.POSIX_SPAWN_DUP2, stdout, 1),
                (os.POSIX_SPAWN_DUP2, stderr, 2),
            ],
            setpgroup=0,
            setsigmask=(),
            setsigdef=RESTORED,
        )
    finally:
        if back >= 0:
            os.fchdir(back)
            os.close(back)


def find(name: str, path: str) -> str:
    """The executable `name` on `path`. Raises FileNotFoundError."""
    for folder in path.split(os.pathsep):
        candidate = os.path.join(folder or ".", name)
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def reap() -> dict[int, Exit]:
    """Every child that has ended by now, orphans we adopted among them."""
    ended: dict[int, Exit] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        code = os.waitstatus_to_exitcode(status)
        ended[pid] = Exit(code=code) if code >= 0 else Exit(signal=-code)


def send(pid: int, number: int) -> None:
    """Signal one process; one that is gone already is no error."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def send_group(group: int, number: int) -> None:
    """Signal every process of a group; a group that is gone already is no error."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def has_children(spared: Container[int] = ()) -> bool:
    """Whether any child but the `spared` is left: running, adopted, or ended and not reaped yet."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return not spared or bool(descendants(spared))


def descendants(spared: Container[int] = ()) -> list[int]:
    """All processes below this one, through orphans we adopted, from one pass over /proc; without
    the `spared` ones and what is below them.

    None where there is no /proc to read: the groups are all that can be reached then.
    """
    parents: dict[int, int] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if name.isdigit():
            parent = parent_of(int(name))
            if parent is not None:
                parents[int(name)] = parent
    return below(os.getpid(), parents, spared)


def parent_of(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            stat = file.read(4096)
    except OSError:
        return None
    # The name in parentheses may itself hold spaces and parentheses.
    fields = stat.rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 else None


def below(root: int, parents: dict[int, int], spared: Container[int] = ()) -> list[int]:
    found: list[int] = []
    level: Iterable[int] = {root}
    while level:
        level = {p for p, parent in parents.items() if parent in level and p not in spared}
        found.extend(level)
    return found


def become_subreaper() -> None:
    """Have orphans below us re-parented to us, as PID 1 has: so none escapes, none stays a zombie.

    Needs no right. Where the system call can't be made, only the program's own group is kept.
    """
    if os.getpid() == 1:
        return
    try:
        # What `ctypes` itself stands on: the package around it takes four times as long to
        # import, before every program, and all of it would be for this one call.
        from _ctypes import call_function, dlopen, dlsym

        libc = dlopen(None, 0)  # type: ignore[arg-type]
        call_function(dlsym(libc, "prctl"), (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
    except (ImportError, OSError):
        return
