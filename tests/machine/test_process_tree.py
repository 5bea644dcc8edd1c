from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from container_toolkit.machine.process_tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20
HOLDS = "import sys, time; held = bytearray(b'x') * (%d << 20); print('ready', flush=True); %s"
# A thread, not the main one, starts the child: its kernel keeps a list of children per thread.
THREAD = """
import subprocess, sys, threading
def work():
    subprocess.run([sys.executable, "-c", sys.argv[1]])
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.fixture
def programs() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for program in started:
        if program.poll() is None:
            os.killpg(program.pid, 9)
            program.wait()
        if program.stdout is not None:
            program.stdout.close()


def start(programs: list[subprocess.Popen[bytes]], *argv: str) -> subprocess.Popen[bytes]:
    program = subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True)
    programs.append(program)
    assert program.stdout is not None
    assert program.stdout.readline() == b"ready\n"
    return program


def test_descendants_whichever_thread_started_them(
    programs: list[subprocess.Popen[bytes]],
) -> None:
    program = start(programs, sys.executable, "-c", THREAD, HOLDS % (30, "time.sleep(60)"))
    (child,) = Tree(program.pid).pids()
    assert Tree(child).ancestors()[:2] == [program.pid, os.getpid()]


def test_without_lists_of_children_the_parents_tell(
    programs: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = start(programs, sys.executable, "-c", THREAD, HOLDS % (1, "time.sleep(60)"))
    expected = Tree(program.pid).pids()
    monkeypatch.setattr(Tree, "_lists_children", lambda self: False)
    assert Tree(program.pid).pids() == expected


def test_sizes_of_processes_that_share_and_of_one_that_does_not(
    programs: list[subprocess.Popen[bytes]],
) -> None:
    fork = "import os; [os.fork() or time.sleep(60) for _ in range(3)]; time.sleep(60)"
    others = Tree(os.getpid())  # servers that other tests have started
    others.resident(0.0, time.thread_time)
    before = others.proportional()
    others.close()
    top = start(programs, sys.executable, "-c", HOLDS % (100, fork))
    tree = Tree(os.getpid())
    for _ in range(1000):
        if len(Tree(top.pid).pids()) == 3:
            break
        time.sleep(0.01)
    try:
        resident = tree.resident(0.0, time.thread_time)
        most, total = tree.bounds()
        true = tree.proportional()
        assert resident >= total >= 400 * MIB
        assert 100 * MIB <= most < 130 * MIB
        assert most <= true < 150 * MIB + before
    finally:
        tree.close()


def test_new_processes_are_seen_and_ended_ones_forgotten(
    programs: list[subprocess.Popen[bytes]],
) -> None:
    tree = Tree(os.getpid())
    try:
        before = tree.resident(0.0, time.thread_time)
        program = start(programs, sys.executable, "-c", HOLDS % (50, "time.sleep(60)"))
        assert tree.resident(1.0, time.thread_time) >= before + 50 * MIB
        program.kill()
        program.wait()
        assert tree.resident(1.5, time.thread_time) < before + 50 * MIB
    finally:
        tree.close()


def test_the_largest_is_told_without_its_arguments(
    programs: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    script = tmp_path / "train.py"
    script.write_text(HOLDS % (60, "time.sleep(60)"))
    small = [sys.executable, "-c", HOLDS % (5, "time.sleep(60)")]
    start(programs, *small)
    large = start(programs, sys.executable, "-u", str(script), "--token", "hunter2")
    found = Tree(os.getpid()).largest()
    assert found is not None
    assert found.pid == large.pid
    assert 60 * MIB <= found.size < 90 * MIB
    assert found.title.startswith(f"{os.path.basename(sys.executable)} -u ")
    assert "hunter2" not in found.title
    assert len(found.title) <= 60


def test_mapped_files_do_not_make_the_largest(
    programs: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(200 * MIB)
    maps = (
        "import mmap, sys, time; file = open(sys.argv[1], 'rb');"
        " mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ);"
        " seen = sum(mapped[::4096]); print('ready', flush=True); time.sleep(60)"
    )
    start(programs, sys.executable, "-c", maps, str(big))
    holder = start(programs, sys.executable, "-c", HOLDS % (60, "time.sleep(60)"))
    found = Tree(os.getpid()).largest()
    assert found is not None
    assert found.pid == holder.pid


def test_nothing_below_is_nothing(programs: list[subprocess.Popen[bytes]]) -> None:
    program = start(programs, sys.executable, "-c", HOLDS % (1, "time.sleep(60)"))
    tree = Tree(program.pid)
    assert (tree.pids(), tree.resident(0.0, time.thread_time), tree.largest()) == ([], 0, None)
    tree.close()
