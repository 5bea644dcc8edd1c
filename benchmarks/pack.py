"""Packing a model: 400 MB of random float32 weights and 88 MB of text, ours against others.

    python benchmarks/pack.py [--quick] [--repeat N] [--folder FOLDER]

Needs numpy to make the data; `isal` and `pigz` are measured where they are installed. The data is
kept in memory (/dev/shm), so that the figures are those of packing and not of a disk; `--folder`
chooses another place. The ways take turns, and each runs in a process of its own; for those in
Python the clock starts before the import that packing needs.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
WEIGHTS, TEXT = 400_000_000, 88_000_000  # bytes
TARFILE, PLAIN, ISAL, STDLIB = "tarfile w:gz", "plain tar, no gzip", "ours, isal", "ours, stdlib"

WITH_TARFILE = """
import tarfile
with tarfile.open(archive, "w:gz") as tar:
    tar.add(folder, arcname="")
"""
WITH_OURS = """
from container_toolkit.archive import pack
pack(folder, archive)
"""
TIMED = """
import sys, time
sys.path.insert(0, {root!r})
folder, archive = sys.argv[1:]
{before}
start = time.perf_counter()
{code}
print(time.perf_counter() - start)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@dataclass
class Way:
    """A way to pack: a command, or Python code that is timed from inside."""

    name: str
    command: str = ""
    code: str = ""
    before: str = ""
    seconds: list[float] = field(default_factory=list)
    written: int = 0
    peak: int = 0  # KiB, at most, of those in Python

    def run(self, folder: Path, archive: Path) -> None:
        if self.command:
            start = time.perf_counter()
            command = self.command.format(folder=folder, archive=archive)
            subprocess.run(["sh", "-c", command], check=True)
            self.seconds.append(time.perf_counter() - start)
        else:
            script = TIMED.format(root=str(ROOT), before=self.before, code=self.code)
            argv = [sys.executable, "-c", script, str(folder), str(archive)]
            done = subprocess.run(argv, check=True, capture_output=True, text=True)
            seconds, peak = done.stdout.split()
            self.seconds.append(float(seconds))
            self.peak = max(self.peak, int(peak))
        self.written = archive.stat().st_size
        archive.unlink()

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def ways() -> list[Way]:
    found = [
        Way(PLAIN, command="tar -cf {archive} -C {folder} ."),
        Way(TARFILE, code=WITH_TARFILE),
        Way(STDLIB, code=WITH_OURS, before="sys.modules['isal'] = None"),
    ]
    if shutil.which("pigz"):
        found.append(Way("tar | pigz -6", command="tar -c -C {folder} . | pigz -6 > {archive}"))
    if importlib.util.find_spec("isal"):
        found.append(Way(ISAL, code=WITH_OURS))
    return found


def make_data(folder: Path, *, part: int) -> None:
    """A `part`th of the data: weights in four files, and words from a vocabulary of 5,000."""
    random = np.random.default_rng(0)
    for number in range(4):
        weights = random.standard_normal(WEIGHTS // part // 4 // 4, dtype=np.float32)
        weights.tofile(folder / f"weights-{number}.bin")
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary = ["".join(random.choice(letters, random.integers(2, 12))) for _ in range(5000)]
    left = TEXT // part
    with open(folder / "corpus.txt", "w") as text:
        while left > 0:
            left -= text.write(" ".join(random.choice(vocabulary, 50_000)) + "\n")


def report(measured: list[Way]) -> None:
    by_name = {way.name: way for way in measured}
    tarfile, plain = by_name[TARFILE].median, by_name[PLAIN].median
    print(
        f"{'what':20}{'seconds':>10}{'MB':>8}{'x tarfile':>12}{'x plain tar':>13}{'peak MiB':>10}"
    )
    for way in measured:
        peak = f"{way.peak / 1024:.1f}" if way.peak else "-"
        print(
            f"{way.name:20}{way.median:10.2f}{way.written / 1e6:8.1f}"
            f"{tarfile / way.median:12.1f}{way.median / plain:13.2f}{peak:>10}"
        )
    print("x tarfile: times faster than tarfile; x plain tar: times as long as plain tar")
    targets = [
        (ISAL, "faster than tarfile, at least 15 times", lambda s: tarfile / s, 15, True),
        (ISAL, "as long as plain tar, at most 2.5 times", lambda s: s / plain, 2.5, False),
        (STDLIB, "faster than tarfile, at least 8 times", lambda s: tarfile / s, 8, True),
    ]
    for name, what, ratio, target, at_least in targets:
        if name not in by_name:
            print(f"{name}: {what}: not measured, it is not installed")
            continue
        value = ratio(by_name[name].median)
        holds = value >= target if at_least else value <= target
        print(f"{name}: {what}: {value:.1f}, {'holds' if holds else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the data")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each; the median counts")
    parser.add_argument("--folder", default="/dev/shm", help="where the data is put")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as top:
        folder, archive = Path(top, "model"), Path(top, "model.tar.gz")
        folder.mkdir()
        make_data(folder, part=10 if chosen.quick else 1)
        size = sum(path.stat().st_size for path in folder.iterdir())
        measured = ways()
        print(f"{size / 1e6:.1f} MB in {chosen.folder}, median of {chosen.repeat}", flush=True)
        measured[0].run(folder, archive)  # the first touch of the memory is nobody's time
        measured[0].seconds.clear()
        for _ in range(chosen.repeat):
            for way in measured:
                way.run(folder, archive)
    report(sorted(measured, key=lambda way: way.median))


if __name__ == "__main__":
    main()
