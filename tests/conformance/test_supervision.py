"""`train` as PID 1 or under somebody else: signals, orphans, leftovers, a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conformance.cases import seen_environment
from tests.conformance.processes import gone, killed_at_the_end, only_child, unshare
from tests.jobs import HANG, REPORTER, TRAIN, Job

HANDLES = """
import os, signal, sys, time

def leave(number, frame):
    with open(os.path.join(os.environ["SM_OUTPUT_DIR"], "handler"), "w") as out:
        out.write(signal.Signals(number).name)
    sys.exit(0)

signal.signal(signal.SIGTERM, leave)
signal.signal(signal.SIGINT, leave)
print("ready")
time.sleep(600)
"""
DOUBLE_FORKS = """
import os, time

def states():
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as stat:
                    state, parent = stat.read().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if int(parent) == os.getppid():
                yield state

for _ in range(20):
    middle = os.fork()
    if middle == 0:
        if os.fork() == 0:
            time.sleep(0.2)  # outlive the middle one, so that somebody has to adopt this one
        os._exit(0)
    os.waitpid(middle, 0)
time.sleep(0.5)
for _ in range(100):
    zombies = sum(state == "Z" for state in states())
    if not zombies:
        break
    time.sleep(0.1)
print(zombies)
"""
FILLS_THE_DISK = """
import os
try:
    with open(os.path.join(os.environ["SM_OUTPUT_DIR"], "checkpoint"), "wb") as out:
        while True:
            out.write(b"x" * 4096)
            out.flush()
except OSError:
    pass
try:
    while True:
        with open(os.path.join(os.environ["SM_OUTPUT_DIR"], "checkpoint"), "ab") as out:
            out.write(b"x")
except OSError as problem:
    print(problem)
raise SystemExit(9)
"""


@pytest.mark.parametrize("pid1", [False, True], ids=["sigterm_child", "sigterm_pid1"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_stop(job: Job, pid1: bool, number: signal.Signals, code: int) -> None:
    job.program(HANDLES)
    argv = [*unshare("--pid", "--fork", "--mount-proc"), *TRAIN] if pid1 else [*TRAIN]
    with start(job, argv) as process, killed_at_the_end(process):
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        os.kill(only_child(process.pid) if pid1 else process.pid, number)
        process.communicate(timeout=HANG)
    assert (job.base / "output/handler").read_text() == number.name
    failure = (job.base / "output/failure").read_text()
    assert failure.startswith(f"Stopped by {number.name}"), failure
    assert not (job.base / "output/success").exists()
    assert process.returncode == code


def test_stop_kills_who_does_not_listen(job: Job) -> None:
    job.program(
        """
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(child.pid)
        time.sleep(600)
        """
    )
    with job.env(CONTAINER_TOOLKIT_STOP_GRACE="1").start() as process, killed_at_the_end(process):
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=HANG)
    assert process.returncode == 143
    assert (job.base / "output/failure").read_text().startswith("Stopped by SIGTERM")
    assert gone(child)


def test_stop_while_peers_are_awaited(job: Job) -> None:
    job.program(HANDLES)
    job.config("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1", "algo-2.invalid"]})
    with job.start() as process, killed_at_the_end(process):
        assert process.stderr is not None
        for line in process.stderr:
            if b"waiting for" in line:
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=HANG)
    assert process.returncode == 143
    assert (job.base / "output/failure").read_text().startswith("Stopped by SIGTERM")


@pytest.mark.parametrize("pid1", [False, True], ids=["child", "pid1"])
def test_zombies(job: Job, pid1: bool) -> None:
    job.program(DOUBLE_FORKS)
    argv = [*unshare("--pid", "--fork", "--mount-proc"), *TRAIN] if pid1 else [*TRAIN]
    with start(job, argv) as process, killed_at_the_end(process):
        stdout, stderr = process.communicate(timeout=HANG)
    assert process.returncode == 0, stderr
    assert stdout == b"0\n"


def test_bg_child_holds_stdout(job: Job, tmp_path: Path) -> None:
    """A helper left running holds our stdout open: we return with the program, and end it."""
    job.program(
        """
        import subprocess
        print(subprocess.Popen(["sleep", "600"]).pid)
        """
    )
    with (
        open(tmp_path / "log", "wb") as log,
        job.start(stdout=log) as process,
        killed_at_the_end(process),
    ):
        process.communicate(timeout=HANG)
    assert process.returncode == 0
    assert gone(int((tmp_path / "log").read_text()))


def test_detached_child_is_swept_too(job: Job) -> None:
    job.program(
        """
        import subprocess
        print(subprocess.Popen(["sleep", "600"], start_new_session=True).pid)
        """
    )
    ended = job.run()
    assert ended.returncode == 0, ended
    assert gone(int(ended.stdout))


def test_detached_child_of_a_program_over_at_once_is_swept_too(job: Job) -> None:
    """A shell is gone before a slower start of ours would have said whose its orphans are."""
    job.program("setsid sleep 600 > /dev/null 2>&1 &\necho $!\n", "train.sh")
    for _ in range(8):
        ended = job.run()
        assert ended.returncode == 0, ended
        orphan = int(ended.stdout)
        try:
            assert gone(orphan)
        finally:
            if Path(f"/proc/{orphan}").exists():
                os.kill(orphan, signal.SIGKILL)


def test_disk_full(job: Job) -> None:
    """The program fills the output disk and fails: the reason is still written down."""
    job.program(FILLS_THE_DISK)
    script = 'mount -t tmpfs -o size=64k none "$1"; out=$1; shift; "$@"; code=$?; echo; '
    script += 'echo "success: $(ls "$out/success" 2>/dev/null)"; cat "$out/failure"; exit $code'
    argv = [*unshare("--mount"), "sh", "-c", script, "sh", str(job.base / "output"), *TRAIN]
    with start(job, argv) as process, killed_at_the_end(process):
        stdout, stderr = process.communicate(timeout=HANG)
    said, _, failure = stdout.decode().partition("success: ")
    assert "No space left on device" in said
    assert process.returncode == 9, stderr
    success, _, failure = failure.partition("\n")
    assert success == ""
    assert "9" in failure
    assert "train.py" in failure


def test_machine_is_probed_once(job: Job, tmp_path: Path) -> None:
    """One call of nvidia-smi and one of neuron-ls; the peer makes three of each or more."""
    tools = {
        "nvidia-smi": "echo 'GPU 0: A (UUID: GPU-1)'; echo '  MIG 1g.5gb'; echo 'GPU 1: A'",
        "neuron-ls": """echo '[{"nc_count": 2}, {"nc_count": 2}]'""",
    }
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, answer in tools.items():
        tool = folder / name
        tool.write_text(f"#!/bin/sh\necho call >> '{folder}/{name}.calls'\n{answer}\n")
        tool.chmod(0o755)
    ended = job.program(REPORTER).env(PATH=f"{folder}:{os.environ['PATH']}").run()
    assert ended.returncode == 0, ended
    seen = seen_environment(job)
    assert (seen["SM_NUM_GPUS"], seen["SM_NUM_NEURONS"]) == ("2", "4")
    for name in tools:
        assert (folder / f"{name}.calls").read_text() == "call\n"


@pytest.mark.parametrize("answer", ["exit 9", "echo not json", "echo '{}'"])
def test_broken_probes_count_nothing(job: Job, tmp_path: Path, answer: str) -> None:
    """A tool that fails or talks nonsense means no devices, and never ends the job."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("nvidia-smi", "neuron-ls"):
        (folder / name).write_text(f"#!/bin/sh\n{answer}\n")
        (folder / name).chmod(0o755)
    ended = job.program(REPORTER).env(PATH=f"{folder}:{os.environ['PATH']}").run()
    assert ended.returncode == 0, ended
    seen = seen_environment(job)
    assert (seen["SM_NUM_GPUS"], seen["SM_NUM_NEURONS"]) == ("0", "0")


def test_memory_cap(job: Job) -> None:
    job.program(
        """
        import time
        held = []
        for _ in range(400):
            held.append(b"x" * (8 << 20))
            time.sleep(0.005)
        time.sleep(600)
        """
    )
    ended = job.env(CONTAINER_TOOLKIT_MEMORY_CAP="200M").run()
    assert ended.returncode == 137, ended
    first = (ended.failure or "").splitlines()[0].lower()
    assert "memory cap" in first, ended
    assert "exceeded" in first, ended
    assert len(ended.failure or "") <= 1024
    assert not ended.success


def start(job: Job, argv: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        env=job.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=job.base,
    )
