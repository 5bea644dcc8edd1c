"""Handwritten digits (scikit-learn's), learned by workers whose weights are on parameter servers.

Nothing here is SageMaker's: TF_CONFIG tells the servers, which run already, and which worker this
is; each worker reads the weights and sends its changes whenever it is ready. Without TF_CONFIG one
process learns alone.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import json
import os
import time

import numpy as np
import tensorflow.compat.v1 as tf


def load(folder: str) -> tuple[np.ndarray, np.ndarray]:
    """All CSV files of a folder: the digit, then 64 grey values from 0 to 16."""
    rows = [np.loadtxt(path, delimiter=",") for path in sorted(glob.glob(f"{folder}/*.csv"))]
    table = np.concatenate(rows).astype(np.float32)
    return table[:, 1:] / 16, table[:, 0].astype(np.int32)


class Place:
    """Where this process stands among those of TF_CONFIG."""

    def __init__(self, config: dict) -> None:
        self.cluster = config.get("cluster", {})
        task = config.get("task", {"type": "master", "index": 0})
        workers = len(self.cluster.get("worker", ()))
        self.size = 1 + workers
        self.rank = 0 if task["type"] == "master" else 1 + task["index"]
        self.device = f"/job:{task['type']}/task:{task['index']}"
        self.task = task

    def session(self) -> tf.train.MonitoredSession:
        """Begins once the first worker has given the weights their first values."""
        if not self.cluster:
            return tf.train.MonitoredSession()
        server = tf.distribute.Server(
            self.cluster, job_name=self.task["type"], task_index=self.task["index"]
        )
        # Of the other workers nothing is needed, so that none is waited for.
        config = tf.ConfigProto(device_filters=["/job:ps", self.device])
        return tf.train.MonitoredTrainingSession(
            server.target, is_chief=self.rank == 0, config=config
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--lr", type=float, default=0.2)
    args = parser.parse_args()

    place = Place(json.loads(os.environ.get("TF_CONFIG", "{}")))
    features, labels = load(os.environ["SM_CHANNEL_TRAINING"])
    features, labels = features[place.rank :: place.size], labels[place.rank :: place.size]
    print(f"rank={place.rank} of {place.size} rows={len(labels)}", flush=True)

    tf.disable_v2_behavior()
    tf.set_random_seed(0)
    where = tf.train.replica_device_setter(cluster=place.cluster, worker_device=place.device)
    with tf.device(where if place.cluster else None):
        tf.train.get_or_create_global_step()
        weights = [
            tf.get_variable("hidden", (64, 64), initializer=tf.initializers.he_normal(seed=1)),
            tf.get_variable("scores", (64, 10), initializer=tf.initializers.he_normal(seed=2)),
            tf.get_variable("hidden_bias", (64,), initializer=tf.initializers.zeros()),
            tf.get_variable("scores_bias", (10,), initializer=tf.initializers.zeros()),
        ]
        finished = tf.get_variable("finished", (), tf.int32, tf.initializers.zeros())
        x = tf.placeholder(tf.float32, (None, 64))
        scores = tf.nn.relu(x @ weights[0] + weights[2]) @ weights[1] + weights[3]
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores)
        )
        # As many steps from everybody: so the pace is one worker's, however many there are.
        optimizer = tf.train.MomentumOptimizer(args.lr / place.size, 0.9)
        step = optimizer.minimize(loss, var_list=weights)
        finish = finished.assign_add(1, use_locking=True)

    with place.session() as session:
        for _ in range(args.epochs):
            session.run(step, {x: features})
        session.run(finish)
        while session.run(finished) < place.size:
            time.sleep(0.05)
        values = session.run(weights)
        flat = np.concatenate([value.ravel() for value in values])
        print(
            f"rank={place.rank} weights={hashlib.sha256(flat.tobytes()).hexdigest()[:16]}",
            flush=True,
        )
        if place.rank == 0:
            features, labels = load(os.environ["SM_CHANNEL_TEST"])
            accuracy = float((session.run(scores, {x: features}).argmax(1) == labels).mean())
            print(f"accuracy={accuracy:.4f}", flush=True)
            np.savez(os.path.join(os.environ["SM_MODEL_DIR"], "model.npz"), *values)


if __name__ == "__main__":
    main()
