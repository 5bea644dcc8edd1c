"""Handwritten digits (scikit-learn's), learned by one process or by all workers of TF_CONFIG.

Nothing here is SageMaker's: TensorFlow reads TF_CONFIG, and the toolkit's variables say where data
is.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import os

import numpy as np
import tensorflow as tf


def load(folder: str) -> tuple[np.ndarray, np.ndarray]:
    """All CSV files of a folder: the digit, then 64 grey values from 0 to 16."""
    rows = [np.loadtxt(path, delimiter=",") for path in sorted(glob.glob(f"{folder}/*.csv"))]
    table = np.concatenate(rows).astype(np.float32)
    return table[:, 1:] / 16, table[:, 0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--lr", type=float, default=0.2)
    args = parser.parse_args()

    together = "TF_CONFIG" in os.environ
    make = tf.distribute.MultiWorkerMirroredStrategy if together else tf.distribute.get_strategy
    strategy = make()
    rank = strategy.cluster_resolver.task_id if together else 0
    size = strategy.num_replicas_in_sync
    tf.random.set_seed(0)
    features, labels = (part[rank::size] for part in load(os.environ["SM_CHANNEL_TRAINING"]))
    print(f"rank={rank} of {size} rows={len(labels)}", flush=True)

    with strategy.scope():
        scale = [(2 / 64) ** 0.5, (2 / 64) ** 0.5]
        shapes = [(64, 64), (64, 10)]
        weights = [
            tf.Variable(tf.random.stateless_normal(shape, [0, number]) * scale[number])
            for number, shape in enumerate(shapes)
        ]
        weights += [tf.Variable(tf.zeros([64])), tf.Variable(tf.zeros([10]))]
        speeds = [tf.Variable(tf.zeros_like(value)) for value in weights]

    def scores(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(x @ weights[0] + weights[2]) @ weights[1] + weights[3]

    def step() -> None:
        with tf.GradientTape() as tape:
            errors = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels.astype(int), scores(features)
            )
            loss = tf.reduce_mean(errors)
        context = tf.distribute.get_replica_context()
        slopes = context.all_reduce("mean", tape.gradient(loss, weights))
        for value, speed, slope in zip(weights, speeds, slopes, strict=True):
            speed.assign(0.9 * speed + slope)
            value.assign_sub(args.lr * speed)

    @tf.function
    def epoch() -> None:
        strategy.run(step)

    for _ in range(args.epochs):
        epoch()

    flat = np.concatenate([value.numpy().ravel() for value in weights])
    print(f"rank={rank} weights={hashlib.sha256(flat.tobytes()).hexdigest()[:16]}", flush=True)
    if rank == 0:
        features, labels = load(os.environ["SM_CHANNEL_TEST"])
        accuracy = float((scores(features).numpy().argmax(1) == labels).mean())
        print(f"accuracy={accuracy:.4f}", flush=True)
        path = os.path.join(os.environ["SM_MODEL_DIR"], "model.npz")
        np.savez(path, *[value.numpy() for value in weights])


if __name__ == "__main__":
    main()
