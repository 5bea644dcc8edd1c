"""Write the Wisconsin breast cancer data (569 tumours) as two channels of CSV files.

data.py FOLDER makes FOLDER/training/tumours.csv and FOLDER/validation/tumours.csv; the label, 1 for
benign, comes first on a line.
"""

from __future__ import annotations

import csv
import os
import sys

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split


def main(folder: str) -> None:
    bunch = load_breast_cancer()
    parts = train_test_split(
        bunch.data, bunch.target, test_size=0.25, stratify=bunch.target, random_state=7
    )
    header = ["benign", *(name.replace(" ", "_") for name in bunch.feature_names)]
    for channel, features, labels in (
        ("training", parts[0], parts[2]),
        ("validation", parts[1], parts[3]),
    ):
        os.makedirs(os.path.join(folder, channel), exist_ok=True)
        with open(os.path.join(folder, channel, "tumours.csv"), "w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(header)
            writer.writerows(
                [int(label), *map(float, row)] for label, row in zip(labels, features, strict=True)
            )


if __name__ == "__main__":
    main(sys.argv[1])
