"""`train` as PID 1 of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.containers.engines import Engine

WAITS = """
import os, signal, sys, time
def told(number, frame):
    print("told", number, flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, told)
print("parent", os.getppid(), flush=True)
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""

FORKS_TWICE = """
import os, time
for _ in range(20):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(0.2)
        os._exit(0)
    os.wait()

def states():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                found.append(stat.read().rsplit(")", 1)[1].split()[0])
        except OSError:
            pass
    return found

print("before", len(states()), flush=True)
for _ in range(200):
    time.sleep(0.05)
    if len(states()) == 2:
        break
print("zombies", states().count("Z"), "processes", len(states()), flush=True)
"""

LEAVES_ONE_BEHIND = """
import subprocess
subprocess.Popen(["sleep", "1000"])
print("done", flush=True)
"""


def program(text: str) -> tuple[str, ...]:
    return ("train", "--", "python3", "-c", text)


def test_sigterm_reaches_the_program(engine: Engine, base: str, ml: Path) -> None:
    container = engine.start(base, *program(WAITS), options=("-v", f"{ml}:/opt/ml"))
    try:
        container.wait_for("ready")
        container.signal("TERM")
        assert container.wait() == 143
        said = container.logs().stdout.splitlines()
        assert "parent 1" in said
        assert "told 15" in said
    finally:
        container.remove()
    assert "top" in (ml / "output/failure").read_text().lower()
    assert not (ml / "output/success").exists()


def test_twenty_double_forks_leave_no_zombie(engine: Engine, base: str) -> None:
    done = engine.run(base, *program(FORKS_TWICE))
    assert done.status == 0, done
    # `train` and the program itself, nothing else.
    assert "zombies 0 processes 2" in done.stdout.splitlines()


def test_a_child_left_behind_does_not_hold_the_container(engine: Engine, base: str) -> None:
    done = engine.run(base, *program(LEAVES_ONE_BEHIND))
    assert done.status == 0, done
    assert "done" in done.stdout.splitlines()


@pytest.mark.parametrize("status", [1, 7, 255])
def test_the_exit_code_is_the_programs(engine: Engine, base: str, status: int) -> None:
    done = engine.run(base, "train", "--", "sh", "-c", f"echo wrong >&2; exit {status}")
    assert done.status == status
    assert "wrong" in done.stderr


@pytest.mark.parametrize("argv", [(), ("train",), ("train", "train")])
def test_nothing_to_run_is_one_sentence(engine: Engine, base: str, argv: tuple[str, ...]) -> None:
    done = engine.run(base, *argv)
    assert done.status == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "nothing to run" in done.stderr


def test_entrypoint_train_gets_the_services_word(engine: Engine, base: str) -> None:
    image = engine.build_from(
        "entrypoint",
        f'FROM {base}\nENTRYPOINT ["train"]\nENV CONTAINER_TOOLKIT_COMMAND="echo heard"\n',
    )
    done = engine.run(image, "train")
    assert (done.status, done.stdout.splitlines()[-1:]) == (0, ["heard"]), done
