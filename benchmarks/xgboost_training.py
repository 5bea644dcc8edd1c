"""The XGBoost algorithm through `train`, against a bare script on the same CSV file.

    python benchmarks/xgboost_training.py [--quick] [--repeat N] [--folder FOLDER]

The bare script reads with pyarrow into a QuantileDMatrix and calls `xgboost.train`, the training
metric each round included, and has no other duty. Both train 50 rounds on 500,000 rows of 50
features (210 MB) with the Python that runs this, take turns, and are timed from start to exit.
Memory is the peak of what the processes hold (VmHWM), of all of them together, the largest of all
runs.

    python benchmarks/xgboost_training.py --beyond [--folder FOLDER]

instead trains on 3 GB of CSV in 20 rounds, under a memory cap of 1.5 GiB, where the quantised data
just fits, and under one of 1 GiB, where it stays on disk. The folder needs room for 6 GB.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from _side_by_side import job, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MIB = 1 << 20
COLUMNS, ROUNDS = 50, 50
ROWS, BEYOND_ROWS = 500_000, 7_150_000
BEYOND_ROUNDS, BEYOND_CAPS = 20, (1536 * MIB, 1024 * MIB)
OURS = (sys.executable, "-m", "container_toolkit.training")

BARE = """
import sys
import pyarrow.csv
import xgboost
table = pyarrow.csv.read_csv(
    sys.argv[1], pyarrow.csv.ReadOptions(autogenerate_column_names=True)
)
label = table.column(0).to_numpy()
data = xgboost.QuantileDMatrix(table.select(range(1, table.num_columns)), label=label)
params = {"objective": "binary:logistic"}
booster = xgboost.train(params, data, int(sys.argv[2]), evals=[(data, "train")])
booster.save_model(sys.argv[3])
"""


def write_data(path: Path, rows: int) -> None:
    """Numbers of 5 decimals, the label first: whether a linear function, and noise, is above 0."""
    import numpy as np
    import pyarrow
    from pyarrow import csv

    random = np.random.default_rng(0)
    slopes = random.standard_normal(COLUMNS, dtype=np.float32)
    names = [str(column) for column in range(COLUMNS + 1)]
    with open(path, "wb") as file:
        for start in range(0, rows, 50_000):
            count = min(50_000, rows - start)
            features = random.standard_normal((count, COLUMNS), dtype=np.float32).round(5)
            noise = random.standard_normal(count, dtype=np.float32)
            label = (features @ slopes + noise > 0).astype(np.int8)
            table = pyarrow.table([label, *features.T.copy()], names=names)
            csv.write_csv(table, file, csv.WriteOptions(include_header=False))


def prepare(base: Path, rounds: int) -> dict[str, str]:
    """A job of the algorithm; returns the environment to run it in."""
    env = job(base, "unused.py", "")
    (base / "code/unused.py").unlink()
    (base / "input/data/train").mkdir()
    config = base / "input/config"
    values = {"num_round": str(rounds), "objective": "binary:logistic"}
    (config / "hyperparameters.json").write_text(json.dumps(values))
    channels = {"train": {"ContentType": "text/csv"}}
    (config / "inputdataconfig.json").write_text(json.dumps(channels))
    return env | {"CONTAINER_TOOLKIT_ALGORITHM": "xgboost"}


def watched(argv: Sequence[str], env: Mapping[str, str], log: Path) -> tuple[float, float, float]:
    """(seconds, MiB held at the peak by all processes, the largest sum of anonymous MiB)."""
    started = time.perf_counter()
    peaks: dict[int, int] = {}
    anonymous = 0
    with open(log, "wb") as out:
        process = subprocess.Popen(argv, env=dict(env), stdout=out, stderr=subprocess.STDOUT)
    while process.poll() is None:
        found = {pid: status(pid) for pid in family(process.pid)}
        for pid, sizes in found.items():
            peaks[pid] = max(peaks.get(pid, 0), sizes.get("VmHWM", 0))
        anonymous = max(anonymous, sum(sizes.get("RssAnon", 0) for sizes in found.values()))
        time.sleep(0.02)
    took = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{argv} ended with {process.returncode}:\n{log.read_text()[-2000:]}")
    return took, sum(peaks.values()) / 1024, anonymous / 1024


def family(pid: int) -> list[int]:
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(each for child in below for each in family(int(child)))]


def status(pid: int) -> dict[str, int]:
    """Sizes in KiB by name; none when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines if line.endswith(" kB"))
    return {words[0].rstrip(":"): int(words[1]) for words in pairs}


def side_by_side(folder: Path, rows: int, repetitions: int) -> None:
    env = prepare(folder / "job", ROUNDS)
    data = folder / "job/input/data/train/data.csv"
    write_data(data, rows)
    script = folder / "bare.py"
    script.write_text(BARE)
    bare = (sys.executable, str(script), str(data), str(ROUNDS), str(folder / "model.ubj"))
    runs = {"bare script": bare, "ours, train": OURS}
    figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in runs}
    for repetition in range(repetitions + 1):
        for name, argv in runs.items():
            figure = watched(argv, env, folder / "log")
            if repetition:  # the first one warms the page cache
                figures[name].append(figure)
    print(f"{rows} rows, {data.stat().st_size / 1e6:.0f} MB of CSV, median of {repetitions}")
    middle = {name: statistics.median(each[0] for each in runs) for name, runs in figures.items()}
    peak = {name: max(each[1] for each in runs) for name, runs in figures.items()}
    for name in runs:
        print(f"  {name:<14}{middle[name]:8.2f} s{peak[name]:8.0f} MiB")
    ours, theirs = "ours, train", "bare script"
    verdict("wall time, of the bare script's", middle[ours] / middle[theirs], "x", 1.1)
    verdict("peak memory, of the bare script's", peak[ours] / peak[theirs], "x", 1.0)


def beyond(folder: Path) -> None:
    env = prepare(folder / "job", BEYOND_ROUNDS)
    data = folder / "job/input/data/train/data.csv"
    write_data(data, BEYOND_ROWS)
    print(f"{data.stat().st_size / 1e9:.2f} GB of CSV, {BEYOND_ROUNDS} rounds", flush=True)
    for cap in BEYOND_CAPS:
        limits = {"CONTAINER_TOOLKIT_MEMORY_CAP": str(cap), "TMPDIR": str(folder)}
        seconds, peak, anonymous = watched(OURS, env | limits, folder / "log")
        said = (folder / "log").read_text().splitlines()
        rounds = [line for line in said if "train-" in line]
        for line in (*(line for line in said if "features" in line), rounds[-1]):
            print(f"    {line}")
        print(f"  {seconds:.0f} s; VmHWM {peak:.0f} MiB, which counts mapped files too")
        verdict("anonymous memory of all processes, at most", anonymous, "MiB", cap / MIB)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each; the median counts")
    parser.add_argument("--folder", help="where the data is put; --beyond takes 6 GB")
    parser.add_argument("--beyond", action="store_true", help="3 GB under a memory cap")
    chosen = parser.parse_args()
    if not importlib.util.find_spec("pyarrow"):
        raise SystemExit("pip install 'container-toolkit[algorithms]' first")
    with tempfile.TemporaryDirectory(dir=chosen.folder) as top:
        if chosen.beyond:
            beyond(Path(top))
        else:
            side_by_side(Path(top), ROWS // 10 if chosen.quick else ROWS, chosen.repeat)


if __name__ == "__main__":
    main()
