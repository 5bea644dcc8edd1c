"""The model's archive: when it is made, whole or not at all, and never instead of the truth."""

from __future__ import annotations

import os
import signal
import tarfile

import pytest

from tests.jobs import HANG, Job

SAVES = """
import os
folder = os.environ["SM_MODEL_DIR"]
os.makedirs(f"{folder}/part")
open(f"{folder}/part/weights", "w").write("0.5")
open(f"{folder}/model.json", "w").write("{}")
"""
MEMBERS = ["model.json", "part", "part/weights"]


def members(job: Job) -> list[str] | None:
    path = job.base / "model/model.tar.gz"
    if not path.exists():
        return None
    with tarfile.open(path, "r:gz") as tar:
        return tar.getnames()


@pytest.mark.parametrize(
    ("service", "choice", "packed"),
    [
        ({}, "", True),
        ({"TRAINING_JOB_NAME": "a-job"}, "", False),
        ({"TRAINING_JOB_ARN": "arn:aws:sagemaker:::training-job/a-job"}, "", False),
        ({"TRAINING_JOB_NAME": "a-job"}, "always", True),
        ({}, "never", False),
        ({}, "auto", True),
    ],
)
def test_it_is_packed_where_no_service_does_it(
    job: Job, service: dict[str, str], choice: str, packed: bool
) -> None:
    job.program(SAVES).env(**service, CONTAINER_TOOLKIT_PACK_MODEL=choice)
    assert job.run().returncode == 0
    assert members(job) == (MEMBERS if packed else None)
    assert (job.base / "model/part/weights").read_text() == "0.5"


def test_a_second_run_leaves_the_first_archive_out(job: Job) -> None:
    job.program(SAVES.replace('(f"{folder}/part")', '(f"{folder}/part", exist_ok=True)'))
    job.run()
    job.run()
    assert members(job) == MEMBERS


def test_after_a_failure_nothing_is_packed(job: Job) -> None:
    assert job.program(SAVES + "raise SystemExit(3)").run().returncode == 3
    assert members(job) is None


def test_after_a_stop_what_was_saved_is_packed(job: Job) -> None:
    process = job.program(
        SAVES + "print('saved', flush=True)\nimport time; time.sleep(600)"
    ).start()
    assert process.stdout is not None
    assert process.stdout.readline() == b"saved\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=HANG)
    assert process.returncode == 143
    assert members(job) == MEMBERS


def test_an_earlier_archive_never_passes_for_this_runs(job: Job) -> None:
    job.program(SAVES).run()
    before = (job.base / "model/model.tar.gz").read_bytes()
    job.code("train.py", "raise SystemExit(3)")
    assert job.run().returncode == 3
    assert members(job) is None
    assert (job.base / "model/model.tar.gz.previous").read_bytes() == before


def test_what_a_killed_run_left_of_an_archive_is_removed(job: Job) -> None:
    left = job.base / "model/.model.tar.gz.77-abc.partial"
    left.write_text("half an archive")
    assert job.program(SAVES).run().returncode == 0
    assert not left.exists()
    assert members(job) == MEMBERS


def test_an_archive_the_program_wrote_itself_is_the_artifact(job: Job) -> None:
    job.program(SAVES + "open(f'{folder}/model.tar.gz', 'w').write('its own')")
    assert job.run().returncode == 0
    assert (job.base / "model/model.tar.gz").read_text() == "its own"


def test_an_empty_model_folder_is_a_success_with_a_warning(job: Job) -> None:
    ended = job.program("pass").run()
    assert ended.returncode == 0
    assert "WARNING" in ended.stderr
    assert "saved no model" in ended.stderr
    assert members(job) is None


def test_a_model_that_cannot_be_packed_is_no_success(job: Job) -> None:
    job.program(SAVES + "os.makedirs(f'{folder}/model.tar.gz/in-the-way')")
    ended = job.run()
    assert ended.returncode == 3
    assert not ended.success
    assert "model.tar.gz" in str(ended.failure)
    assert sorted(os.listdir(job.base / "model")) == ["model.json", "model.tar.gz", "part"]


def test_a_setting_that_is_none_of_the_three_is_refused_before_training(job: Job) -> None:
    ended = job.program("print('ran')").env(CONTAINER_TOOLKIT_PACK_MODEL="yes").run()
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "CONTAINER_TOOLKIT_PACK_MODEL" in str(ended.failure)
