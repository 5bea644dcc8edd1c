"""What the machine gives us: processors, accelerators, memory. Read once, true without SageMaker.

A container sees the processors and memory of its host; what it may use is in its control groups.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time

from container_toolkit.machine import cgroup
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# A driver in trouble makes its tools hang; ten seconds is what a slow but healthy one may take.
_TOOL_SECONDS = 10.0
_TOOL_OUTPUT = 1 << 20


class Machine(Value):
    """`cpus`: how many may be used at once. `gpus`, `neurons`: devices and cores present.
    `memory`: bytes of the machine, 0 when unknown. `memory_limit`: bytes that the control groups
    allow, None when they allow as much as there is. `interfaces`: names of the network interfaces,
    the one of the default route first, the loopback last.
    """

    cpus: int
    gpus: int
    neurons: int
    memory: int
    memory_limit: int | None
    interfaces: tuple[str, ...] = ()


def read(environ: Mapping[str, str], *, root: str = "/") -> Machine:
    """Look once. `environ` says where tools are found (PATH), `root` holds `proc` and `sys`.

    Never raises: what can't be found out is 0, at least one CPU, and no limit.
    """
    memory = _memory(os.path.join(root, "proc/meminfo"))
    group = cgroup.find("memory", root=root)
    limit = group.limit() if group else None
    return Machine(
        cpus=_cpus(root),
        gpus=_gpus(environ),
        neurons=_neurons(environ),
        memory=memory,
        memory_limit=limit if limit is not None and (not memory or limit < memory) else None,
        interfaces=_interfaces(root),
    )


def _cpus(root: str) -> int:
    usable = len(os.sched_getaffinity(0))
    quota = cgroup.cpu_quota(root=root)
    return usable if quota is None else max(1, min(usable, -int(-quota // 1)))


def _interfaces(root: str) -> tuple[str, ...]:
    try:
        names = os.listdir(os.path.join(root, "sys/class/net"))
        with open(os.path.join(root, "proc/net/route"), encoding="ascii", errors="replace") as file:
            routes = [line.split() for line in file]
    except OSError:
        return ()
    default = {words[0] for words in routes if words[1:2] == ["00000000"]}
    return tuple(sorted(names, key=lambda name: (name == "lo", name not in default, name)))


def _memory(meminfo: str) -> int:
    try:
        with open(meminfo, "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return 0
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0] == b"MemTotal:" and words[1].isdigit():
            return int(words[1]) * 1024
    return 0


def _gpus(environ: Mapping[str, str]) -> int:
    listing = _output(("nvidia-smi", "--list-gpus"), environ)
    return sum(line.startswith(b"GPU ") for line in listing.splitlines())


def _neurons(environ: Mapping[str, str]) -> int:
    listing = _output(("neuron-ls", "-j"), environ)
    try:
        devices = json.loads(listing)
        counts = [device["nc_count"] for device in devices]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return sum(counts) if all(type(count) is int and count >= 0 for count in counts) else 0


def _output(argv: tuple[str, ...], environ: Mapping[str, str]) -> bytes:
    """What a tool on PATH prints; b"" when it is not there, fails, or does not come to an end."""
    program = _on_path(argv[0], environ)
    if not program:
        return b""
    reader, writer = os.pipe()
    try:
        pid = os.posix_spawn(
            program,
            argv,
            dict(environ),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, writer, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setpgroup=0,
        )
    except (OSError, ValueError):
        os.close(reader)
        return b""
    finally:
        os.close(writer)
    deadline = time.monotonic() + _TOOL_SECONDS
    try:
        output = _read_until(reader, deadline)
    finally:
        os.close(reader)
    return output if _ended_well(pid, deadline) else b""


def _on_path(name: str, environ: Mapping[str, str]) -> str:
    for folder in environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder, name)
        if folder and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return ""


def _read_until(reader: int, deadline: float) -> bytes:
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    output = bytearray()
    while len(output) < _TOOL_OUTPUT:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            break
        chunk = os.read(reader, 65536)
        if not chunk:
            break
        output += chunk
    return bytes(output)


def _ended_well(pid: int, deadline: float) -> bool:
    """Whether the tool exited with 0 in time; if not it is killed with all that it started."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) == 0
        if time.monotonic() >= deadline:
            break
        time.sleep(0.001)
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass
    os.waitpid(pid, 0)
    return False
