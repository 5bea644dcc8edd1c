"""Handwritten digits (scikit-learn's), learned by one process or by workers around a kvstore.

Nothing here is SageMaker's: MXNet finds its kvstore by DMLC_*, and the toolkit's variables say
where data is.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import os

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd


def load(folder: str) -> tuple[np.ndarray, np.ndarray]:
    """All CSV files of a folder: the digit, then 64 grey values from 0 to 16."""
    rows = [np.loadtxt(path, delimiter=",") for path in sorted(glob.glob(f"{folder}/*.csv"))]
    table = np.concatenate(rows).astype(np.float32)
    return table[:, 1:] / 16, table[:, 0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--lr", type=float, default=0.3)
    args = parser.parse_args()

    store = mx.kv.create("dist_sync" if "DMLC_ROLE" in os.environ else "local")
    rank, size = store.rank, store.num_workers
    features, labels = (part[rank::size] for part in load(os.environ["SM_CHANNEL_TRAINING"]))
    print(f"rank={rank} of {size} rows={len(labels)}", flush=True)

    mx.random.seed(0)
    model = gluon.nn.HybridSequential()
    model.add(gluon.nn.Dense(64, activation="relu", in_units=64), gluon.nn.Dense(10, in_units=64))
    model.initialize(mx.init.Xavier())
    trainer = gluon.Trainer(
        model.collect_params(), "sgd", {"learning_rate": args.lr, "momentum": 0.9}, kvstore=store
    )
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    x, y = nd.array(features), nd.array(labels)
    for _ in range(args.epochs):
        with autograd.record():
            value = loss(model(x), y)
        value.backward()
        trainer.step(len(labels) * size)

    weights = np.concatenate([p.data().asnumpy().ravel() for p in model.collect_params().values()])
    print(f"rank={rank} weights={hashlib.sha256(weights.tobytes()).hexdigest()[:16]}", flush=True)
    if rank == 0:
        features, labels = load(os.environ["SM_CHANNEL_TEST"])
        accuracy = float((model(nd.array(features)).asnumpy().argmax(1) == labels).mean())
        print(f"accuracy={accuracy:.4f}", flush=True)
        model.save_parameters(os.path.join(os.environ["SM_MODEL_DIR"], "model.params"))


if __name__ == "__main__":
    main()
