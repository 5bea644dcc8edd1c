"""Two `train` commands on one job, timed in turns, and a verdict a person can read."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-bench/bin/python"
OURS = ROOT / ".venv-bench/bin/train"
PEER_PYTHON = ROOT / ".venv-peer/bin/python"
PEER = ROOT / ".venv-peer/bin/train"


def set_up() -> None:
    subprocess.run(["sh", str(ROOT / "benchmarks/setup.sh")], check=True)


def job(base: Path, name: str, program: str) -> dict[str, str]:
    """Make a base folder both runtimes accept; returns the environment to run it in."""
    for folder in ("code", "input/config", "input/data", "model", "output"):
        (base / folder).mkdir(parents=True)
    (base / "code" / name).write_text(program)
    documents = {
        "hyperparameters": {"sagemaker_program": json.dumps(name)},
        "resourceconfig": {"current_host": "localhost", "hosts": ["localhost"]},
        "inputdataconfig": {},
    }
    for document, content in documents.items():
        (base / f"input/config/{document}.json").write_text(json.dumps(content))
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"SAGEMAKER_BASE_DIR": str(base)}


def seconds(argv: Sequence[object], env: Mapping[str, str], **options: object) -> float:
    """Wall time of one run that has to end well."""
    quiet: dict[str, object] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    started = time.perf_counter()
    process = subprocess.Popen(  # type: ignore[call-overload]
        [str(token) for token in argv], env=dict(env), **(quiet | options)
    )
    code = process.wait()
    took = time.perf_counter() - started
    if code:
        raise SystemExit(f"{argv} ended with {code}")
    return took


def medians(runs: Mapping[str, Callable[[], float]], repetitions: int) -> dict[str, float]:
    """The median of each, run in turns so that a busy moment falls on all alike; one to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for repetition in range(repetitions + 1):
        for name, run in runs.items():
            took = run()
            if repetition:
                taken[name].append(took)
    return {name: statistics.median(times) for name, times in taken.items()}


def verdict(what: str, figure: float, unit: str, target: float, *, at_least: bool = False) -> None:
    """One line: the figure, its target, and whether it is met."""
    met = figure >= target if at_least else figure <= target
    sign, word = (">=" if at_least else "<="), ("met" if met else "MISSED")
    print(f"  {what:<54}{figure:8.2f} {unit:<4} target {sign} {target:<5g} {word}")
