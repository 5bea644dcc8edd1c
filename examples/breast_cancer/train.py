"""Tell benign from malignant breast tumours by a logistic regression over 30 measurements.

A program as one writes it for oneself: options, CSV in, a model out. Where it is run by `train`,
the defaults come from the job.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def read(folder: str) -> tuple[np.ndarray, np.ndarray]:
    """Every CSV of a folder: the measurements, and the label that comes first on a line."""
    paths = sorted(Path(folder).glob("*.csv"))
    rows = np.concatenate([np.loadtxt(path, delimiter=",", skiprows=1) for path in paths])
    return rows[:, 1:], rows[:, 0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--regularization", type=float, default=1.0)
    parser.add_argument("--training", default=os.environ.get("SM_CHANNEL_TRAINING", "training"))
    parser.add_argument(
        "--validation", default=os.environ.get("SM_CHANNEL_VALIDATION", "validation")
    )
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR", "."))
    args = parser.parse_args()

    features, labels = read(args.training)
    print(f"training on {len(labels)} tumours, {features.shape[1]} measurements each")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / args.regularization))
    model.fit(features, labels)

    features, labels = read(args.validation)
    metrics = {
        "validation:accuracy": accuracy_score(labels, model.predict(features)),
        "validation:auc": roc_auc_score(labels, model.predict_proba(features)[:, 1]),
    }
    for name, value in metrics.items():
        print(f"{name}={value:.4f};")

    with open(os.path.join(args.model_dir, "model.pkl"), "wb") as out:
        pickle.dump(model, out)
    with open(os.path.join(args.model_dir, "metrics.json"), "w") as text:
        json.dump(metrics, text, indent=2)


if __name__ == "__main__":
    main()
