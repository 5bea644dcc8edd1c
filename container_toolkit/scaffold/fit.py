"""Tell wines' cultivars apart by Gaussian naive Bayes: learn, measure, save.

Nothing here knows how or where it is run. Options come from the job's hyperparameters, and the
defaults from the folders a training job has.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import statistics
import sys
from pathlib import Path
from typing import NamedTuple

Rows = list[list[float]]


class Cultivar(NamedTuple):
    """How common it is, and the mean and variance of each column."""

    prior: float
    means: list[float]
    variances: list[float]


def read(folder: str) -> tuple[Rows, list[str]]:
    """Every CSV of a folder, with a header; the last column is what is to be told."""
    rows: Rows = []
    labels: list[str] = []
    for path in sorted(Path(folder).glob("*.csv")):
        with path.open(newline="") as source:
            for row in list(csv.reader(source))[1:]:
                rows.append([float(value) for value in row[:-1]])
                labels.append(row[-1])
    return rows, labels


def fit(rows: Rows, labels: list[str], smoothing: float) -> dict[str, Cultivar]:
    model = {}
    for label in sorted(set(labels)):
        members = [row for row, known in zip(rows, labels, strict=True) if known == label]
        columns = list(zip(*members, strict=True))
        model[label] = Cultivar(
            prior=len(members) / len(rows),
            means=[statistics.fmean(column) for column in columns],
            variances=[statistics.pvariance(column) + smoothing for column in columns],
        )
    return model


def predict(model: dict[str, Cultivar], row: list[float]) -> str:
    def likelihood(label: str) -> float:
        cultivar = model[label]
        total = math.log(cultivar.prior)
        for value, mean, variance in zip(row, cultivar.means, cultivar.variances, strict=True):
            total -= (math.log(2 * math.pi * variance) + (value - mean) ** 2 / variance) / 2
        return total

    return max(model, key=likelihood)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoothing", type=float, default=1e-3)
    parser.add_argument("--holdout", type=int, default=4, help="every n-th row is for the measure")
    parser.add_argument(
        "--training", default=os.environ.get("SM_CHANNEL_TRAINING", "data/training")
    )
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR", "."))
    args = parser.parse_args()

    rows, labels = read(args.training)
    if not rows:
        sys.exit(f"there is no CSV with rows in {args.training}")
    known = [i for i in range(len(rows)) if i % args.holdout]
    held = [i for i in range(len(rows)) if not i % args.holdout]
    model = fit([rows[i] for i in known], [labels[i] for i in known], args.smoothing)
    right = sum(predict(model, rows[i]) == labels[i] for i in held)
    print(f"{len(known)} rows learned, {len(held)} held out")
    print(f"accuracy={right / len(held):.4f};")

    with open(os.path.join(args.model_dir, "model.json"), "w") as out:
        json.dump({label: part._asdict() for label, part in model.items()}, out, indent=2)


if __name__ == "__main__":
    main()
