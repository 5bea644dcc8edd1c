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

    def session(self) -> tf.Session:
        """Begins once the first worker has given the weights their first values."""
        # Others ask every second; tf.train.MonitoredTrainingSession asks every half minute.
        manager = tf.train.SessionManager(
            ready_op=tf.report_uninitialized_variables(), recovery_wait_secs=1
        )
        if not self.cluster:
            return manager.prepare_session("", init_op=tf.global_variables_initializer())
        server = tf.distribute.Server(
            self.cluster, job_name=self.task["type"], task_index=self.task["index"]
        )
        # Of the other workers nothing is needed, so that none is waited for.
        config = tf.ConfigProto(device_filters=["/job:ps", self.device])
        if self.rank > 0:
            return manager.wait_for_session(server.target, config=config)
        return manager.prepare_session(
            server.target, init_op=tf.global_variables_initializer(), config=config
        )


class Network:
    """Two layers on the servers, and the step that each worker takes by itself."""

    def __init__(self, place: Place, rate: float) -> None:
        where = tf.train.replica_device_setter(cluster=place.cluster, worker_device=place.device)
        normal, zeros = tf.initializers.he_normal, tf.initializers.zeros()
        with tf.device(where if place.cluster else None):
            tf.train.get_or_create_global_step()
            self.weights = [
                tf.get_variable("hidden", (64, 64), initializer=normal(seed=1)),
                tf.get_variable("hidden_bias", (64,), initializer=zeros),
                tf.get_variable("digits", (64, 10), initializer=normal(seed=2)),
                tf.get_variable("digits_bias", (10,), initializer=zeros),
            ]
            self.finished = tf.get_variable("finished", (), tf.int32, zeros)
            self.finish = self.finished.assign_add(1, use_locking=True)
            self.features = tf.placeholder(tf.float32, (None, 64))
            self.labels = tf.placeholder(tf.int32, (None,))
            first, first_bias, second, second_bias = self.weights
            self.scores = tf.nn.relu(self.features @ first + first_bias) @ second + second_bias
            errors = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=self.labels, logits=self.scores
            )
            # Each worker takes as many steps as one alone would, so all take smaller ones.
            optimizer = tf.train.MomentumOptimizer(rate / place.size, 0.9)
            self.step = optimizer.minimize(tf.reduce_mean(errors), var_list=self.weights)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--lr", type=float, default=0.2)
    args = parser.parse_args()

    place = Place(json.loads(os.environ.get("TF_CONFIG", "{}")))
    tables = load(os.environ["SM_CHANNEL_TRAINING"])
    features, labels = (part[place.rank :: place.size] for part in tables)
    print(f"rank={place.rank} of {place.size} rows={len(labels)}", flush=True)

    tf.disable_v2_behavior()
    network = Network(place, args.lr)
    with place.session() as session:
        for _ in range(args.epochs):
            session.run(network.step, {network.features: features, network.labels: labels})
        session.run(network.finish)
        while session.run(network.finished) < place.size:
            time.sleep(0.05)
        values = session.run(network.weights)
        flat = np.concatenate([value.ravel() for value in values])
        digest = hashlib.sha256(flat.tobytes()).hexdigest()
        print(f"rank={place.rank} weights={digest[:16]}", flush=True)
        if place.rank == 0:
            features, labels = load(os.environ["SM_CHANNEL_TEST"])
            scores = session.run(network.scores, {network.features: features})
            print(f"accuracy={float((scores.argmax(1) == labels).mean()):.4f}", flush=True)
            np.savez(os.path.join(os.environ["SM_MODEL_DIR"], "model.npz"), *values)


if __name__ == "__main__":
    main()
