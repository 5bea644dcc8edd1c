from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from container_toolkit import machine
from tests.machine.fake import GIB, FakeMachine


class Tools:
    """A folder on PATH with made-up tools that note each call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bin"
        self.folder.mkdir()
        self.environ = {"PATH": f"/nowhere::{self.folder}"}

    def add(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "$0" "$@" >> {self.folder}/calls\n{script}\n')
        path.chmod(0o755)

    def calls(self) -> list[str]:
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [os.path.basename(line) for line in lines]


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(tmp_path)


@pytest.fixture
def fake(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path / "machine")


def test_this_machine() -> None:
    found = machine.read(os.environ)
    assert 1 <= found.cpus <= len(os.sched_getaffinity(0))
    assert found.memory == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert found.memory_limit is None or 0 < found.memory_limit < found.memory


def test_limit_of_the_container(fake: FakeMachine) -> None:
    fake.v2_group(fake.v2("/"), limit=2 * GIB)
    found = machine.read({}, root=fake.root)
    assert (found.memory, found.memory_limit) == (16 * GIB, 2 * GIB)


@pytest.mark.parametrize("limit", ["max", 16 * GIB, 64 * GIB])
def test_a_limit_of_all_there_is_is_none(fake: FakeMachine, limit: object) -> None:
    fake.v2_group(fake.v2("/"), limit=limit)
    assert machine.read({}, root=fake.root).memory_limit is None


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("50000 100000", 1),
        ("1000 100000", 1),
        ("250000 100000", 3),
        ("300000 100000", 3),
        ("9900000 100000", 8),
        ("max 100000", 8),
        ("nonsense", 8),
        ("0 0", 8),
    ],
)
def test_cpus_are_the_quota_rounded_up_within_the_affinity(
    fake: FakeMachine, monkeypatch: pytest.MonkeyPatch, quota: str, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    fake.file(f"{fake.v2('/')}/cpu.max", quota)
    assert machine.read({}, root=fake.root).cpus == expected


def test_an_empty_machine_has_one_cpu_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    found = machine.read({}, root=str(tmp_path))
    assert found == machine.Machine(cpus=1, gpus=0, neurons=0, memory=0, memory_limit=None)


def test_gpus_and_neurons_are_counted_with_one_call_each(tools: Tools) -> None:
    tools.add(
        "nvidia-smi",
        'echo "GPU 0: A (UUID: GPU-1)"; echo "  MIG 1g.5gb Device 0: (UUID: MIG-2)";'
        ' echo "GPU 1: B (UUID: GPU-3)"',
    )
    tools.add("neuron-ls", """echo '[{"nc_count": 2, "bdf": "00"}, {"nc_count": 4}]'""")
    found = machine.read(tools.environ)
    assert (found.gpus, found.neurons) == (2, 6)
    assert tools.calls() == ["nvidia-smi --list-gpus", "neuron-ls -j"]


@pytest.mark.parametrize(
    "script",
    [
        "exit 9",
        'echo "GPU 0: broken"; echo \'[{"nc_count": 2}]\'; exit 9',
        "kill -9 $$",
        "printf '\\377\\376 nonsense'",
        "echo 7",
        "echo null",
        """echo '[{"nc_count": "2"}, {"nc_count": true}]'""",
        """echo '[{"nc_count": -2}]'""",
        """echo '[{"cores": 2}]'""",
        """echo '{"nc_count": 2}'""",
        f"{sys.executable} -c 'print(\"[\" * 200000)'",
        "/bin/cat /dev/zero",
    ],
)
def test_a_tool_that_fails_or_talks_nonsense_counts_none(tools: Tools, script: str) -> None:
    tools.add("nvidia-smi", script)
    tools.add("neuron-ls", script)
    found = machine.read(tools.environ)
    assert (found.gpus, found.neurons) == (0, 0)


def test_a_tool_that_hangs_is_ended_with_what_it_started(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_TOOL_SECONDS", 0.3)
    tools.add("nvidia-smi", f'echo "GPU 0: A"; /bin/sleep 600 & echo $! > {tools.folder}/pid; wait')
    assert machine.read(tools.environ).gpus == 0
    pid = int((tools.folder / "pid").read_text())
    for _ in range(10_000):
        if not alive(pid):
            return
        time.sleep(0.001)
    pytest.fail("the tool's child is still running")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_a_file_that_is_not_executable_or_no_program_is_not_a_tool(tools: Tools) -> None:
    (tools.folder / "nvidia-smi").write_text("GPU 0")
    (tools.folder / "neuron-ls").write_bytes(b"\x7fELF nothing")
    (tools.folder / "neuron-ls").chmod(0o755)
    found = machine.read(tools.environ)
    assert (found.gpus, found.neurons) == (0, 0)
