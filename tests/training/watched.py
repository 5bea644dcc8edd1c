"""The supervisor's loop around a memory watch, bare, for tests here and inside a container.

    python watched.py CAP MARGIN ROOT CODE

runs the Python program CODE and prints what the watch saw as JSON. CAP 0 is no cap. A process of
its own, as `train` is: whatever descends from it is the program's.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from container_toolkit.process.spawn import become_subreaper
from container_toolkit.training.memory import Cap, Watch

HANG = 60.0


def watched(cap: Cap | None, code: str, *, root: str = "/") -> dict[str, Any]:
    watch = Watch(cap, root=root)
    argv = [sys.executable, "-c", code]
    program = subprocess.Popen(argv, start_new_session=True, stdout=subprocess.DEVNULL)
    ended = os.pidfd_open(program.pid)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    sent: list[str] = []
    score = ""
    until = time.monotonic() + HANG
    try:
        watch.started(program.pid)
        with open(f"/proc/{program.pid}/oom_score_adj") as file:
            score = file.read().strip()
        while (now := time.monotonic()) < until:
            delay = watch.sample(now)
            if watch.exceeded and not sent:
                sent.append("SIGTERM")
                os.killpg(program.pid, signal.SIGTERM)
            if watch.must_kill(now):
                sent.append("SIGKILL")
                os.killpg(program.pid, signal.SIGKILL)
            if poll.poll(min(delay, 1.0) * 1000):
                break
        kills = watch.kernel_kills()
        story = watch.story()
        measure = watch.measure
    finally:
        try:
            os.killpg(program.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        code_ = program.wait()
        os.close(ended)
        watch.close()
    return {
        "measure": measure,
        "pid": program.pid,
        "code": code_,
        "exceeded": watch.exceeded,
        "peak": watch.peak,
        "sent": sent,
        "story": story,
        "kernel_kills": kills,
        "kernel_kills_after_close": watch.kernel_kills(),
        "oom_score_adj": int(score),
        "own_oom_score_adj": int(Path("/proc/self/oom_score_adj").read_text()),
        "hung": time.monotonic() >= until,
    }


def main() -> None:
    size, margin, root, code = sys.argv[1:]
    become_subreaper()
    cap = Cap(bytes=int(size), margin=int(margin), why="test") if int(size) else None
    print(json.dumps(watched(cap, code, root=root)))


if __name__ == "__main__":
    main()
