"""CSV to a float32 training matrix, on one core: this project's reader beside Arrow's own.

    python benchmarks/csv_read.py [--quick]

The file has 100,000 rows of a label and 30 features. Both end with the labels apart and the
features row-major. Arrow is given the columns' type beforehand, which it reads faster than it
finds it out; it checks nothing of what this project's reader checks. (Not named `csv.py`, which
would stand before the standard library's for every program of this folder.)
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow
from _side_by_side import ROOT, medians, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, COLUMNS = 100_000, 31
NAMES = [str(column) for column in range(COLUMNS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 repetitions in place of 21")
    repetitions = 5 if parser.parse_args().quick else 21
    sys.path.insert(0, str(ROOT))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pyarrow.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as folder:
        path = made(Path(folder) / "train.csv")
        large(path, repetitions)
    small(repetitions)


def made(path: Path) -> Path:
    table = np.random.default_rng(0).normal(size=(ROWS, COLUMNS))
    np.savetxt(path, table, delimiter=",", fmt="%.6f")
    return path


def large(path: Path, repetitions: int) -> None:
    check(path)
    took = medians(
        {
            "ours": timed(lambda: ours(path)),
            "arrow": timed(lambda: arrow(path)),
            "arrow, types found out": timed(lambda: arrow_untyped(path)),
        },
        repetitions,
    )
    size = path.stat().st_size / 1e6
    print(
        f"\n{ROWS:,} x {COLUMNS} csv ({size:.1f} MB), one core, median of {repetitions}, in turns"
    )
    for name, seconds in took.items():
        print(f"  {name:<24}{size / seconds:8.1f} MB/s {took['arrow'] / seconds:7.2f} x arrow")
    verdict("ours against arrow", took["arrow"] / took["ours"], "x", 1, at_least=True)


def small(repetitions: int) -> None:
    """A request: no label, one row and 200."""
    from container_toolkit.content_types import csv
    from container_toolkit.content_types.codec import Reading

    print("\nsmall payloads of 30 columns")
    for rows, target in ((1, 0.2), (200, 2)):
        table = np.random.default_rng(0).normal(size=(rows, COLUMNS - 1))
        data = "\n".join(",".join(f"{x:.6f}" for x in row) for row in table).encode()

        def read(data: bytes = data) -> None:
            for _ in csv.read(pyarrow.BufferReader(data), "request", Reading(label_size=0)):
                pass

        took = medians({"ours": timed(read)}, 20 * repetitions)["ours"]
        verdict(f"{rows} rows", took * 1000, "ms", target)


def timed(run: Callable[[], object]) -> Callable[[], float]:
    def measure() -> float:
        started = time.perf_counter()
        run()
        return time.perf_counter() - started

    return measure


def ours(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    from container_toolkit.content_types import csv
    from container_toolkit.content_types.codec import Reading

    with open(path, "rb") as stream:
        return [(batch.labels, batch.features) for batch in csv.read(stream, str(path), Reading())]


def arrow(path: Path) -> tuple[np.ndarray, np.ndarray]:
    from pyarrow import csv

    table = csv.read_csv(
        path,
        csv.ReadOptions(column_names=NAMES, use_threads=False),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(NAMES, pyarrow.float32())),
    )
    columns = [column.to_numpy() for column in table.columns]
    return columns[0], np.column_stack(columns[1:])


def arrow_untyped(path: Path) -> tuple[np.ndarray, np.ndarray]:
    from pyarrow import csv

    table = csv.read_csv(path, csv.ReadOptions(column_names=NAMES, use_threads=False))
    columns = [column.to_numpy() for column in table.columns]
    return columns[0].astype(np.float32), np.column_stack(columns[1:]).astype(np.float32)


def check(path: Path) -> None:
    """They must have read the same."""
    labels, features = arrow(path)
    batches = ours(path)
    assert np.array_equal(np.concatenate([batch[0] for batch in batches]), labels)
    assert np.array_equal(np.concatenate([batch[1] for batch in batches]), features)


if __name__ == "__main__":
    main()
