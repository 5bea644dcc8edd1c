"""Handwritten digits (scikit-learn's), learned by one process or by all workers of TF_CONFIG.

Nothing here is SageMaker's: TensorFlow reads TF_CONFIG, and the toolkit's variables say where data
is.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import os
import signal

import numpy as np
import tensorflow as tf


def load(folder: str) -> tuple[np.ndarray, np.ndarray]:
    """All CSV files of a folder: the digit, then 64 grey values from 0 to 16."""
    rows = [np.loadtxt(path, delimiter=",") for path in sorted(glob.glob(f"{folder}/*.csv"))]
    table = np.concatenate(rows).astype(np.float32)
    return table[:, 1:] / 16, table[:, 0].astype(np.int32)


class Network:
    """Two layers, and the step that all workers take together."""

    def __init__(self, strategy: tf.distribute.Strategy, rate: float) -> None:
        self.strategy = strategy
        self.rate = rate
        with strategy.scope():
            self.weights = [
                tf.Variable(tf.random.stateless_normal(shape, [0, number]) * (2 / 64) ** 0.5)
                for number, shape in enumerate([(64, 64), (64, 10)])
            ]
            self.weights += [tf.Variable(tf.zeros([64])), tf.Variable(tf.zeros([10]))]
            self.speeds = [tf.Variable(tf.zeros_like(value)) for value in self.weights]

    def scores(self, x: np.ndarray) -> tf.Tensor:
        first, second, first_bias, second_bias = self.weights
        return tf.nn.relu(x @ first + first_bias) @ second + second_bias

    def step(self, features: np.ndarray, labels: np.ndarray) -> None:
        with tf.GradientTape() as tape:
            errors = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, self.scores(features))
            loss = tf.reduce_mean(errors)
        slopes = tape.gradient(loss, self.weights)
        slopes = tf.distribute.get_replica_context().all_reduce("mean", slopes)
        for value, speed, slope in zip(self.weights, self.speeds, slopes, strict=True):
            speed.assign(0.9 * speed + slope)
            value.assign_sub(self.rate * speed)

    def learn(self, features: np.ndarray, labels: np.ndarray, epochs: int) -> None:
        @tf.function
        def epoch() -> None:
            self.strategy.run(self.step, (features, labels))

        for _ in range(epochs):
            epoch()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--lr", type=float, default=0.2)
    args = parser.parse_args()

    together = "TF_CONFIG" in os.environ
    make = tf.distribute.MultiWorkerMirroredStrategy if together else tf.distribute.get_strategy
    strategy = make()
    # The strategy takes SIGTERM for PreemptionCheckpointHandler, which is not used here.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    rank = strategy.cluster_resolver.task_id if together else 0
    size = strategy.num_replicas_in_sync
    features, labels = (part[rank::size] for part in load(os.environ["SM_CHANNEL_TRAINING"]))
    print(f"rank={rank} of {size} rows={len(labels)}", flush=True)

    network = Network(strategy, args.lr)
    network.learn(features, labels, args.epochs)

    values = [value.numpy() for value in network.weights]
    flat = np.concatenate([value.ravel() for value in values])
    print(f"rank={rank} weights={hashlib.sha256(flat.tobytes()).hexdigest()[:16]}", flush=True)
    if rank == 0:
        features, labels = load(os.environ["SM_CHANNEL_TEST"])
        accuracy = float((network.scores(features).numpy().argmax(1) == labels).mean())
        print(f"accuracy={accuracy:.4f}", flush=True)
        np.savez(os.path.join(os.environ["SM_MODEL_DIR"], "model.npz"), *values)


if __name__ == "__main__":
    main()
