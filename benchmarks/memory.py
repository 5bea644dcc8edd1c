"""The memory watch: what it costs, and how far a program gets past its cap.

    python benchmarks/memory.py [--quick]

Each mode is a way to measure: a child group (a writable memory control group), the container's
group (inside podman with --memory), the process tree (no control groups in sight).
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from container_toolkit.training.memory import Cap, Watch  # noqa: E402

IMAGE = "docker.io/library/python:3.11-slim"
GIB = 1 << 30
CPU_LIMIT, OVERSHOOT_LIMIT = 1.0, 2.0  # percent
MODES = ("child group", "container group", "process tree")

# Grows by 1 GB/s, touching every page, and says how far it is in a file of eight bytes.
GROWER = """
import mmap, struct, sys, time
file = open(sys.argv[1], "r+b")
told = mmap.mmap(file.fileno(), 8)
held, begun, step = [], time.monotonic(), 1 << 20
while True:
    while len(held) * step < (time.monotonic() - begun) * 1e9:
        held.append(bytearray(b"x") * step)
        struct.pack_into("q", told, 0, len(held) * step)
    time.sleep(0.0005)
"""

# Forks until there are so many processes, each with a little of its own, then stays.
SLEEPERS = """
import os, sys, time
held = bytearray(b"x") * int(sys.argv[2])
for _ in range(int(sys.argv[1]) - 1):
    if os.fork() == 0:
        mine = bytearray(b"y") * (1 << 20)
        break
time.sleep(600)
"""


def supervise(code: str, arguments: list[str], cap: Cap, root: str, seconds: float) -> Watch:
    """The supervisor's loop, bare: sample, SIGTERM past the cap, SIGKILL when it is time."""
    watch = Watch(cap, root=root)
    program = subprocess.Popen([sys.executable, "-c", code, *arguments], start_new_session=True)
    ended = os.pidfd_open(program.pid)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    try:
        watch.started(program.pid)
        told, until = False, time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            delay = watch.sample(now)
            if watch.exceeded and not told:
                told = True
                os.killpg(program.pid, signal.SIGTERM)
            if watch.must_kill(now):
                os.killpg(program.pid, signal.SIGKILL)
            if poll.poll(min(delay, 1.0) * 1000):
                break
    finally:
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        os.close(ended)
        watch.close()
    return watch


def overshoot(root: str) -> float:
    """Percent of a 1 GiB cap by which a 1 GB/s grower gets past it, by its own account or ours."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(8))
        file.flush()
        cap = Cap(bytes=GIB, margin=GIB, why="benchmark")
        watch = supervise(GROWER, [file.name], cap, root, 20.0)
        (grown,) = struct.unpack("q", mmap.mmap(file.fileno(), 8)[:])
    if not watch.exceeded:
        raise SystemExit(f"the grower was not stopped: {watch.story()}")
    return 100 * max(0, max(grown, watch.peak) - GIB) / GIB


def share(processes: int, held: int, root: str, seconds: float) -> float:
    """Percent of one processor that watching so many processes takes."""
    cap = Cap(bytes=GIB, margin=GIB, why="benchmark")
    arguments = [str(processes), str(held)]
    begun, spent = time.monotonic(), time.process_time()
    watch = supervise(SLEEPERS, arguments, cap, root, seconds)
    if watch.exceeded:
        raise SystemExit(f"the sleepers were stopped: {watch.story()}")
    return 100 * (time.process_time() - spent) / (time.monotonic() - begun)


def measure(mode: str, quick: bool) -> dict[str, list[float]] | str:
    """The figures of one mode by name, or why there are none here."""
    root = "/"
    if mode == "process tree":
        # A folder with nothing but proc in it: no control group is found below it.
        root = tempfile.mkdtemp()
        os.symlink("/proc", f"{root}/proc")
    try:
        found = chosen(root)
        if found != mode:
            return f"not possible here: the watch would use the {found}"
        seconds, repetitions = (3.0, 3) if quick else (10.0, 5)
        figures = {
            f"processor share, {count} processes": [share(count, 1 << 20, root, seconds)]
            for count in (1, 8, 64)
        }
        figures["processor share, 1 process at 90 % of the cap"] = [
            share(1, int(GIB * 0.9), root, seconds)
        ]
        figures["processor share, 8 processes sharing 300 MiB"] = [
            share(8, 300 << 20, root, seconds)
        ]
        figures["overshoot, 1 GB/s, cap 1 GiB"] = [overshoot(root) for _ in range(repetitions)]
        return figures
    finally:
        if root != "/":
            shutil.rmtree(root)


def chosen(root: str) -> str:
    """The mode that a watch takes here, found by having one take it."""
    watch = Watch(Cap(bytes=GIB, margin=GIB, why="benchmark"), root=root)
    program = subprocess.Popen(["sleep", "60"])
    try:
        watch.started(program.pid)
        for _ in range(3):
            watch.sample(time.monotonic())
            time.sleep(0.05)
        return watch.measure
    finally:
        program.kill()
        program.wait()
        watch.close()


def in_container(mode: str, quick: bool) -> dict[str, list[float]] | str:
    engine = shutil.which("podman") or shutil.which("docker")
    if engine is None:
        return "not possible here: no podman or docker"
    command = [engine, "run", "--rm", "--memory", "4g", "-v", f"{REPOSITORY}:/toolkit:ro", IMAGE]
    command += ["python", "-B", "/toolkit/benchmarks/memory.py", "--only", mode]
    done = subprocess.run(command + ["--quick"] * quick, capture_output=True, text=True)
    if done.returncode:
        return f"failed: {done.stderr.strip().splitlines()[-1]}"
    found: dict[str, list[float]] | str = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter and fewer runs")
    parser.add_argument("--only", choices=MODES, help="one mode, here, as JSON")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only, options.quick)))
        return
    line = "{:<16} {:<46} {:>9} {:>9} {:>7}  {}"
    print(line.format("measure", "figure (percent)", "median", "max", "limit", ""))
    for mode in MODES:
        take = in_container if mode == "container group" else measure
        figures = take(mode, options.quick)
        if isinstance(figures, str):
            print(f"{mode:<16} {figures}")
            continue
        for name, values in figures.items():
            limit = OVERSHOOT_LIMIT if name.startswith("overshoot") else CPU_LIMIT
            middle = statistics.median(values)
            verdict = "ok" if middle <= limit else "OVER"
            numbers = (f"{middle:.2f}", f"{max(values):.2f}", f"{limit:.0f}")
            print(line.format(mode, name, *numbers, verdict))


if __name__ == "__main__":
    main()
