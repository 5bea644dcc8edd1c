"""Jobs of the algorithm as real processes, one host each: what they leave, and how they end."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import xgboost

from container_toolkit.algorithms.xgboost import failures
from container_toolkit.algorithms.xgboost.model import CONTENT_TYPE
from container_toolkit.errors import AlgorithmError, ConfigError, DataError, PlatformError
from tests.algorithms.xgboost_jobs import csv, of_csv, rounds
from tests.jobs import HANG

if TYPE_CHECKING:
    import subprocess

    from tests.jobs import Ended, Job

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(300, 4)).astype(np.float32)
LABELS = (FEATURES[:, 0] + FEATURES[:, 1] ** 2).astype(np.float32)
TRAIN = {"train": [csv(LABELS, FEATURES)]}
BOTH = {**TRAIN, "validation": [csv(LABELS[::2], FEATURES[::2])]}
ENDLESS = 100_000  # rounds


def model(job: Job) -> bytes | None:
    path = job.base / "model" / "xgboost-model"
    return path.read_bytes() if path.exists() else None


def booster_of(job: Job) -> xgboost.Booster:
    return xgboost.Booster(model_file=bytearray(model(job) or b""))


def failed(ended: Ended) -> str:
    assert ended.returncode != 0, ended
    assert ended.failure is not None
    return ended.failure


def until(process: subprocess.Popen[bytes], text: bytes) -> bytes:
    """The process' output up to the line with `text`."""
    assert process.stdout
    seen = b""
    deadline = time.monotonic() + HANG
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
        assert time.monotonic() < deadline
    raise AssertionError(seen)


def test_the_model_and_the_log_of_a_job(job: Job) -> None:
    ended = of_csv(job, BOTH, num_round=3).run()
    assert ended.returncode == 0, ended
    booster = booster_of(job)
    assert booster.num_boosted_rounds() == 3
    assert booster.num_features() == 4
    assert booster.attr(CONTENT_TYPE) == "text/csv"
    assert ended.stdout.splitlines()[0] == (
        "300 rows of train, 150 rows of validation, 4 features, 1 host(s)"
    )
    assert [line.split("\t")[0] for line in rounds(ended.stdout)] == ["[0]", "[1]", "[2]"]
    assert "Traceback" not in ended.stderr
    assert list((job.base / "output" / "data").glob("*")) == []


def test_two_runs_make_the_same_model(job: Job) -> None:
    of_csv(job, BOTH, num_round=5, subsample=0.5, colsample_bytree=0.5, seed=3)
    job.run()
    first = model(job)
    job.run()
    assert first is not None
    assert model(job) == first


def test_weights_of_csv_are_weights(job: Job) -> None:
    """Rows of weight 0 teach nothing."""
    rows = np.column_stack([np.where(np.arange(300) < 150, 1.0, 0.0), FEATURES])
    wrong = np.where(np.arange(300) < 150, 5.0, 1000.0)
    of_csv(job, {"train": [csv(wrong, rows)]}, num_round=4, csv_weights=1).run()
    booster = booster_of(job)
    assert booster.num_features() == 4
    np.testing.assert_allclose(booster.predict(xgboost.DMatrix(FEATURES)), 5.0, rtol=1e-3)


@pytest.mark.parametrize("saved", ["true", "false"])
def test_sigterm_ends_after_the_round_with_a_checkpoint(job: Job, saved: str) -> None:
    (job.base / "checkpoints").mkdir()
    of_csv(job, BOTH, num_round=ENDLESS, eta=0.001, max_depth=2, save_model_on_termination=saved)
    process = job.start()
    until(process, b"[5]\t")
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=HANG)
    assert process.returncode == 143
    done = int(rounds(f"[5]\t\n{rest.decode()}")[-1].split("]")[0][1:]) + 1
    assert (job.base / "checkpoints" / f"xgboost-checkpoint.{done - 1}").exists()
    if saved == "false":
        assert model(job) is None
        return
    booster = booster_of(job)
    assert booster.num_boosted_rounds() == done


def test_a_killed_job_is_resumed_and_makes_the_same_model(job: Job) -> None:
    (job.base / "state").mkdir()
    job.config("checkpointconfig", {"LocalPath": str(job.base / "state")})
    how = {"num_round": 200, "subsample": 0.7, "eta": 0.05, "early_stopping_rounds": 50}
    of_csv(job, BOTH, **how)
    whole = job.run()
    expected = model(job)
    (job.base / "model" / "xgboost-model").unlink()
    for path in (job.base / "state").iterdir():
        path.unlink()
    process = job.start()
    seen = until(process, b"[20]\t").decode()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=HANG)
    # The runtime takes its program with it, or leaves it an end of its own: wait for that.
    deadline = time.monotonic() + HANG
    while True:
        before = sorted((job.base / "state").iterdir())
        time.sleep(0.5)
        if before == sorted((job.base / "state").iterdir()):
            break
        assert time.monotonic() < deadline
    if model(job) is not None:
        pytest.fail("the program outlived its killer and ended; make it longer")
    again = job.run()
    done = int(again.stdout.partition("resumed after round ")[2].split()[0]) + 1
    assert done > 20
    assert rounds(seen) == rounds(whole.stdout)[:21]
    assert rounds(again.stdout) == rounds(whole.stdout)[done:]
    assert model(job) == expected


def test_positions_biases_have_no_checkpoints_and_say_so(job: Job) -> None:
    (job.base / "checkpoints").mkdir()
    lines = "".join(f"{i % 3} qid:{i // 10} 0:{i % 7} 1:{i % 5}\n" for i in range(100))
    of_csv(job, {"train": [lines]}, num_round=3, objective="rank:ndcg", lambdarank_unbiased="true")
    job.config("inputdataconfig", {"train": {"ContentType": "text/libsvm"}})
    ended = job.run()
    assert ended.returncode == 0, ended
    assert "no checkpoints are kept" in ended.stdout
    assert list((job.base / "checkpoints").iterdir()) == []


@pytest.mark.parametrize(
    ("labels", "hyperparameters", "said"),
    [
        ([0, 1, 2], {"objective": "binary:logistic"}, "label must be in [0,1]"),
        ([0, 1, 2], {"objective": "binary:hinge"}, "row 3 (of this host's) is 2"),
        ([0, 1, 3], {"objective": "multi:softmax", "num_class": 3}, "[0, num_class)"),
        ([0, 1, 1.5], {"objective": "multi:softprob", "num_class": 3}, "is 1.5, but label"),
        ([1, -1, 2], {"objective": "count:poisson"}, "row 2 (of this host's) is -1"),
        ([1, 0, 2], {"objective": "reg:gamma"}, "label must be positive"),
        ([1, 0, 2], {"objective": "survival:aft"}, "label must be positive"),
        ([1, 0, 0.5], {"objective": "binary:logistic", "eval_metric": "f1"}, "0.5 is no class"),
    ],
)
def test_labels_that_do_not_suit_are_told(
    job: Job, labels: list[float], hyperparameters: dict[str, object], said: str
) -> None:
    text = csv(np.array(labels), FEATURES[: len(labels)])
    failure = failed(of_csv(job, {"train": [text]}, num_round=2, **hyperparameters).run())
    assert failure.startswith("UserError: ")
    assert said in failure
    assert "Stack trace" not in failure


def test_what_xgboost_refuses_is_one_sentence(job: Job) -> None:
    ended = of_csv(job, TRAIN, num_round=2, monotone_constraints="(1,0,0,0,0,1)").run()
    failure = failed(ended)
    assert ended.returncode == 1
    assert failure.startswith("UserError: training: xgboost can't use the hyperparameters: ")
    assert "Stack trace" not in failure
    assert "/workspace" not in failure


def test_channels_of_different_widths_are_told(job: Job) -> None:
    channels = {**TRAIN, "validation": [csv(LABELS, FEATURES[:, :3])]}
    assert "'validation' has 3 features" in failed(of_csv(job, channels, num_round=2).run())


@pytest.mark.parametrize("channel", ["train", "validation"])
def test_a_channel_without_rows_is_told(job: Job, channel: str) -> None:
    failure = failed(of_csv(job, {**BOTH, channel: [""]}, num_round=2).run())
    assert f"No data in {channel} channel" in failure


def test_a_warning_of_xgboosts_is_one_line(job: Job) -> None:
    ended = of_csv(job, TRAIN, num_round=1, booster="gblinear", max_depth=3).run()
    assert ended.returncode == 0, ended
    warnings = [line for line in ended.stderr.splitlines() if "max_depth" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith("WARNING: ")
    assert "/workspace" not in ended.stderr
    quiet = of_csv(job, TRAIN, num_round=1, booster="gblinear", max_depth=3, verbosity=0).run()
    assert "max_depth" not in quiet.stderr


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (
            "[10:54:35] /workspace/src/objective/regression_obj.cu:83: label must be in (0, 1) for"
            " logistic regression\nStack trace:\n  [bt] (0) /lib/libxgboost.so",
            DataError,
            "label must be in (0, 1) for logistic regression.",
        ),
        (
            "[10:54:35] /workspace/src/objective/regression_obj.cu:114: Check failed: is_valid:"
            " base_score must be in (0,1) for the logistic loss.\nStack trace:\n",
            ConfigError,
            ": base_score must be in (0,1) for the logistic loss.",
        ),
        (
            "[10:54:35] /workspace/src/a.cc:1: Check failed: preds.Size() == info.labels.Size()"
            " (3 vs. 4) : \nStack trace:",
            DataError,
            "preds.Size() == info.labels.Size() (3 vs. 4) does not hold.",
        ),
        ("std::bad_alloc", PlatformError, "out of memory (std::bad_alloc)"),
        ("[10:54:35] /workspace/src/a.cc:1: Check failed: p: ", AlgorithmError, "p does not hold."),
    ],
)
def test_whose_an_error_of_xgboosts_is(text: str, kind: type[Exception], said: str) -> None:
    error = failures.translated(text, "training")
    assert type(error) is kind
    assert said in str(error)
    assert "Stack" not in str(error)
    assert json.dumps(str(error)).count("\\n") == 0
