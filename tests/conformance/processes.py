"""Processes under test: in namespaces of their own, found, and gone when the test is over."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def unshare(*flags: str) -> list[str]:
    """The argv that enters fresh namespaces; skips where the machine forbids them."""
    argv = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), *flags]
    probe = subprocess.run([*argv, "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"this machine forbids namespaces: {probe.stderr.decode().strip()}")
    return argv


@contextlib.contextmanager
def killed_at_the_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()


def only_child(pid: int) -> int:
    """The process `unshare --fork` waits for: PID 1 of its namespace."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def gone(pid: int) -> bool:
    """Whether a process ends; a SIGKILL sent just now may still be on its way."""
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
