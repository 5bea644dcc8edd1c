"""Tell three species of iris apart with a random forest."""

from __future__ import annotations

import argparse
import csv
import os
import pickle
from pathlib import Path

from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--training", default=os.environ.get("SM_CHANNEL_TRAINING"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    args = parser.parse_args()

    rows = []
    for path in sorted(Path(args.training).glob("*.csv")):
        with path.open(newline="") as source:
            rows += list(csv.reader(source))[1:]
    features = [[float(value) for value in row[:-1]] for row in rows]
    species = [row[-1] for row in rows]

    forest = RandomForestClassifier(args.trees, random_state=0)
    print(f"accuracy={cross_val_score(forest, features, species, cv=5).mean():.4f}")
    with open(os.path.join(args.model_dir, "model.pkl"), "wb") as out:
        pickle.dump(forest.fit(features, species), out)


if __name__ == "__main__":
    main()
