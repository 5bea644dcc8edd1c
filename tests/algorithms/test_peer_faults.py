"""What SageMaker's own XGBoost container gets wrong and no other test here is about."""

from __future__ import annotations

import json
import os
import struct
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.algorithms.xgboost_jobs import csv, of_csv, rounds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.jobs import Job

OBJECTIVE = {"num_round": 40, "objective": "binary:logistic"}


def numbers(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels that depend on the first of four features, with noise."""
    made = np.random.default_rng(seed)
    features = made.standard_normal((rows, 4)).round(3)
    labels = (features[:, 0] + made.standard_normal(rows) > 0).astype(float)
    return labels, features


def feed(path: Path, content: bytes) -> threading.Thread:
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(content,), daemon=True)
    writer.start()
    return writer


def wrapped(contents: list[bytes]) -> bytes:
    frames = []
    for content in contents:
        frames.append(struct.pack("<II", 0xCED7230A, len(content)) + content)
        frames.append(b"\0" * (-len(content) % 4))
    return b"".join(frames)


@pytest.mark.parametrize("wrapper", ["None", "RecordIO"])
def test_pipe_mode_trains_the_model_of_file_mode(job: Job, tmp_path: Path, wrapper: str) -> None:
    parts = [csv(*numbers(300, seed)) for seed in (1, 2)]
    of_csv(job, {"train": parts}, **OBJECTIVE)
    assert job.run().returncode == 0
    model = (job.base / "model/xgboost-model").read_bytes()
    (job.base / "model/xgboost-model").unlink()
    channel = {"ContentType": "text/csv", "TrainingInputMode": "Pipe", "RecordWrapperType": wrapper}
    job.config("inputdataconfig", {"train": channel})
    contents = [part.encode() for part in parts]
    content = wrapped(contents) if wrapper == "RecordIO" else b"".join(contents)
    writer = feed(job.base / "input/data/train_0", content)
    ended = job.run()
    assert ended.returncode == 0, ended
    writer.join(timeout=60)
    assert (job.base / "model/xgboost-model").read_bytes() == model


def test_training_stops_early_without_a_metric_being_named(job: Job) -> None:
    channels = {"train": [csv(*numbers(200, 1))], "validation": [csv(*numbers(200, 2))]}
    ended = of_csv(job, channels, **OBJECTIVE, early_stopping_rounds=3, eta=1).run()
    assert ended.returncode == 0, ended
    assert len(rounds(ended.stdout)) < 40
    assert "stopped early" in ended.stdout


@pytest.mark.parametrize(
    "content_type", ["csv", "text/csv;label_size=1", "text/csv; charset=utf-8", "TEXT/CSV"]
)
def test_a_content_type_may_have_parameters(job: Job, content_type: str) -> None:
    of_csv(job, {"train": [csv(*numbers(50, 1))]}, **{**OBJECTIVE, "num_round": 2})
    job.config("inputdataconfig", {"train": {"ContentType": content_type}})
    assert job.run().returncode == 0


@pytest.mark.parametrize("media", ["application/json", "application/jsonlines"])
def test_json_is_read(job: Job, media: str) -> None:
    labels, features = numbers(50, 1)
    entries = [
        {"label": label, "features": row}
        for label, row in zip(labels.tolist(), features.tolist(), strict=True)
    ]
    lines = "\n".join(json.dumps(entry) for entry in entries)
    text = lines if media.endswith("lines") else json.dumps({"instances": entries})
    of_csv(job, {"train": [text]}, **{**OBJECTIVE, "num_round": 2})
    job.config("inputdataconfig", {"train": {"ContentType": media}})
    ended = job.run()
    assert ended.returncode == 0, ended


def test_the_log_holds_metrics_and_plain_lines_and_no_debug_prints(job: Job) -> None:
    channels = {"train": [csv(*numbers(50, 1))], "validation": [csv(*numbers(50, 2))]}
    ended = of_csv(job, channels, **{**OBJECTIVE, "num_round": 3}).run()
    assert ended.returncode == 0, ended
    lines = ended.stdout.splitlines()
    assert lines[0] == "50 rows of train, 50 rows of validation, 4 features, 1 host(s)"
    assert lines[1:] == rounds(ended.stdout)
    assert len(lines) == 4
