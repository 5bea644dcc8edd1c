"""What it costs a program that `train` stands between its output and the log.

    python benchmarks/output.py [--quick]

A Python program prints one million lines of 100 bytes, and `cat` bursts the same 100 MB: each
straight to a file and straight to a pipe, then through `train`, and the lines through the peer's
capture mode (`entry_point.run(capture_error=True)`, as its TensorFlow and PyTorch images run it).
Straight has PYTHONUNBUFFERED=1 too: the same program, the same writes. A burst is over sooner than
`train` starts, so its start-up, measured here with an empty program, is also shown taken off.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from _side_by_side import OURS, PEER_PYTHON, PYTHON, job, medians, seconds, set_up, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LINES = 1_000_000
SIZE = 100 * LINES
PRINTS = f"""
rest = "loss=0.123456 accuracy=0.98765 " * 3
for step in range({LINES}):
    print(f"{{step:07}} {{rest:.91}}")
"""
CAPTURES = """
from sagemaker_training import entry_point, environment
env = environment.Environment()
entry_point.run(uri=env.module_dir, user_entry_point=env.user_entry_point, args=env.to_cmd_args(),
                env_vars=env.to_env_vars(), capture_error=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1 repetition in place of 5")
    repetitions = 1 if parser.parse_args().quick else 5
    set_up()
    with tempfile.TemporaryDirectory() as folder:
        lines(Path(folder), repetitions)
        burst(Path(folder), repetitions)


def lines(folder: Path, repetitions: int) -> None:
    env = job(folder / "lines", "train.py", PRINTS)
    script = folder / "lines/code/train.py"
    unbuffered = env | {"PYTHONUNBUFFERED": "1"}
    took = both_ways(
        {
            "straight": ([PYTHON, script], unbuffered),
            "through train": ([OURS], env),
            "straight, without PYTHONUNBUFFERED": ([PYTHON, script], env),
        },
        folder,
        repetitions,
    )
    captures = folder / "captures.py"
    captures.write_text(CAPTURES)
    peer_env = job(folder / "captured", "train.py", PRINTS)
    took |= both_ways(
        {"through the peer's capture mode": ([PEER_PYTHON, captures], peer_env)},
        folder,
        min(repetitions, 3),
    )
    show(f"one million lines from Python, median of {repetitions}, in turns", took)
    for end in ("file", "pipe"):
        ratio = took[f"through train, {end}"] / took[f"straight, {end}"]
        verdict(f"lines through train to a {end}, against straight", ratio, "x", 1.1)


def burst(folder: Path, repetitions: int) -> None:
    content = folder / "content"
    content.write_bytes((b"x" * 99 + b"\n") * LINES)
    text = f"exec cat '{content}'\n"
    env = job(folder / "burst", "train.sh", text)
    empty = job(folder / "empty", "train.sh", "exec cat /dev/null\n")
    script = folder / "burst/code/train.sh"
    took = both_ways(
        {
            "straight": (["sh", script], env),
            "through train": ([OURS], env),
            "train with nothing to print": ([OURS], empty),
        },
        folder,
        repetitions * 3,
    )
    show(f"a burst of 100 MB from cat, median of {repetitions * 3}, in turns", took)
    for end in ("file", "pipe"):
        straight, through = took[f"straight, {end}"], took[f"through train, {end}"]
        net = through - took[f"train with nothing to print, {end}"]
        print(f"  to a {end}, start-up included: {through / straight:.2f} x straight")
        verdict(f"burst to a {end}, start-up taken off", net / straight, "x", 1.7)


def both_ways(
    runs: Mapping[str, tuple[Sequence[object], Mapping[str, str]]], folder: Path, repetitions: int
) -> dict[str, float]:
    """The median seconds of each run, with its stdout a file and with it a pipe into `cat`."""
    timed: dict[str, Callable[[], float]] = {}
    for name, (argv, env) in runs.items():
        timed[f"{name}, file"] = partial(to_file, argv, env, folder / "log")
        timed[f"{name}, pipe"] = partial(to_pipe, argv, env)
    return medians(timed, repetitions)


def to_file(argv: Sequence[object], env: Mapping[str, str], path: Path) -> float:
    path.unlink(missing_ok=True)
    with path.open("wb") as log:
        took = seconds(argv, env, stdout=log)
    if path.stat().st_size not in (0, SIZE):
        raise SystemExit(f"{argv} wrote {path.stat().st_size} bytes, not {SIZE}")
    return took


def to_pipe(argv: Sequence[object], env: Mapping[str, str]) -> float:
    reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert reader.stdin is not None
    try:
        return seconds(argv, env, stdout=reader.stdin)
    finally:
        reader.stdin.close()
        reader.wait()


def show(title: str, took: Mapping[str, float]) -> None:
    print(f"\n{title}")
    for name, time_taken in took.items():
        print(f"  {name:<54}{time_taken:8.3f} s")


if __name__ == "__main__":
    main()
