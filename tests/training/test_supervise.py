"""What the conformance cases don't cover: several commands, a terminal, many signals."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from tests.jobs import HANG, TRAIN, Job

# Runs commands side by side as a framework's launcher would, and tells how they ended.
SEVERAL = """
import json, os, sys
from container_toolkit.process import Command
from container_toolkit.process.mailbox import Mailbox
from container_toolkit.training.supervise import HEARD, Supervisor
texts, grace = json.loads(sys.argv[1]), float(sys.argv[2])
commands = tuple(Command(argv=(sys.executable, "-c", text), env=dict(os.environ)) for text in texts)
ending = Supervisor(Mailbox(HEARD), grace).run(commands)
decided = commands.index(ending.command)
print(json.dumps([decided, ending.exit.status, ending.killed]))
"""
WAIT = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)\n"


def several(*texts: str, grace: float = 60) -> list[object]:
    argv = [sys.executable, "-c", SEVERAL, json.dumps(texts), str(grace)]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=HANG, check=True)
    told: list[object] = json.loads(result.stdout.splitlines()[-1])
    return told


def test_all_end_well_only_when_each_does() -> None:
    assert several("", "import time; time.sleep(0.3)") == [0, 0, False]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_the_first_to_fail_decides_and_ends_the_others(failing: int) -> None:
    texts = [WAIT] * 3
    texts[failing] = "import sys; sys.exit(7)"
    assert several(*texts) == [failing, 7, False]


def test_one_that_ends_well_early_does_not_end_the_others() -> None:
    assert several("", "import time, sys; time.sleep(0.5); sys.exit(4)") == [1, 4, False]


def test_a_sibling_that_does_not_listen_is_killed_when_the_grace_is_over() -> None:
    texts = (DEAF + WAIT, "import time, sys; time.sleep(0.5); sys.exit(3)")
    assert several(*texts, grace=1) == [1, 3, True]


def test_a_thousand_short_children_are_all_reaped(job: Job) -> None:
    job.program(
        """
        import os
        for _ in range(1000):
            if os.fork() == 0:
                if os.fork() == 0:
                    os._exit(0)
                os._exit(0)
            os.wait()
        """
    )
    assert job.run().returncode == 0


def test_signals_are_passed_on_in_order_and_the_program_goes_on(job: Job) -> None:
    job.program(
        """
        import signal, time
        got = []
        signal.signal(signal.SIGUSR1, lambda *_: got.append("USR1"))
        signal.signal(signal.SIGUSR2, lambda *_: got.append("USR2"))
        print("ready")
        while len(got) < 2:
            time.sleep(0.01)
        print(got)
        """
    )
    process = job.start()
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGUSR1)
    time.sleep(0.2)
    process.send_signal(signal.SIGUSR2)
    stdout, _ = process.communicate(timeout=HANG)
    assert (stdout, process.returncode) == (b"['USR1', 'USR2']\n", 0)


def test_a_shell_that_dies_of_the_stop_leaves_its_child_the_rest_of_the_grace(job: Job) -> None:
    job.code(
        "child.py",
        """
        import signal, sys, time
        def leave(*_):
            time.sleep(2)  # longer than leftovers have without a stop
            open("saved", "w").close()
            sys.exit(0)
        signal.signal(signal.SIGTERM, leave)
        print("ready", flush=True)
        time.sleep(600)
        """,
    )
    process = job.program(f"{sys.executable} child.py\nexit 0", "train.sh").start()
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=HANG)
    assert process.returncode == 143
    assert (job.base / "code/saved").exists()


def test_hangup_ignored_at_the_start_stays_ignored(job: Job) -> None:
    job.program("print('ready', flush=True)\nimport time; time.sleep(1)\nprint('done')")
    process = subprocess.Popen(
        ["nohup", *TRAIN], env=job.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    stdout, _ = process.communicate(timeout=HANG)
    assert (stdout, process.returncode) == (b"done\n", 0)


def test_a_program_dies_of_a_closed_pipe_as_anywhere_else(job: Job) -> None:
    job.program("#!/bin/bash\nyes | head -1\nexit ${PIPESTATUS[0]}", "train.sh")
    ended = job.run()
    assert (ended.stdout, ended.returncode) == ("y\n", 128 + signal.SIGPIPE)


def test_a_reader_that_pauses_loses_nothing_at_the_end(job: Job) -> None:
    process = job.program("print('x' * 99, *range(20_000), sep='\\n')").start()
    assert process.stdout is not None
    time.sleep(4)  # longer than an end that nobody can see is waited for
    lines = process.stdout.read().decode().splitlines()
    process.communicate(timeout=HANG)
    assert lines[1:] == [str(number) for number in range(20_000)]


def test_ctrl_z_stops_train_with_its_program_and_the_shell_wakes_both(job: Job) -> None:
    job.program("print('ready', flush=True)\nprint('read', input())")
    script = 'set -m; "$@"; echo suspended; fg >/dev/null; echo ended $?'
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve("/bin/bash", ["bash", "-c", script, "bash", *TRAIN], job.environ)
    seen = b""

    def read_until(word: bytes) -> None:
        nonlocal seen
        while word not in seen:
            seen += os.read(terminal, 1000)

    read_until(b"ready")
    os.write(terminal, b"\x1a")  # Ctrl-Z
    read_until(b"suspended")
    os.write(terminal, b"line\n")
    read_until(b"ended 0")
    os.waitpid(pid, 0)
    assert b"read line" in seen


def test_a_debugger_in_the_program_can_read_the_terminal(job: Job) -> None:
    job.program("name = input('who? ')\nprint('hello', name)")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(TRAIN[0], TRAIN, job.environ)
    seen = b""
    while b"who?" not in seen:
        seen += os.read(terminal, 1000)
    os.write(terminal, b"me\n")
    try:
        while chunk := os.read(terminal, 1000):
            seen += chunk
    except OSError:
        pass  # how a pseudo-terminal says that the other side is gone
    _, status = os.waitpid(pid, 0)
    assert b"hello me" in seen
    assert os.waitstatus_to_exitcode(status) == 0
