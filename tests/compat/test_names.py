"""The peers' import names: there when asked for, never in the way of the real ones."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from container_toolkit.compat import FOLDER
from tests.conformance.peer import PEER
from tests.jobs import HANG, Job

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
PROBE = """
import json, os, sys
{install}
from sagemaker_training import environment
env = environment.Environment()
seen = dict(env)
seen["same"] = seen == {{name: getattr(env, name) for name in seen}}
seen["arguments"] = env.to_cmd_args()
seen["variables"] = env.to_env_vars()
seen["s3_output"] = env.sagemaker_s3_output()
seen["read"] = environment.read_hyperparameters()
seen["paths"] = [getattr(environment, n) for n in ("code_dir", "model_dir", "input_dir",
    "output_dir", "output_data_dir", "output_intermediate_dir", "input_config_dir")]
seen["channel"] = environment.channel_path("train")
with open(os.path.join(environment.output_dir, "seen.json"), "w") as out:
    json.dump(seen, out)
"""
INSTALL = "import container_toolkit.compat; container_toolkit.compat.install()"
GROUPS = [
    {"instance_group_name": "a", "instance_type": "ml.c5.large", "hosts": ["algo-1"]},
    {"instance_group_name": "b", "instance_type": "ml.p3.large", "hosts": ["algo-2"]},
]


def given(job: Job, install: str) -> Job:
    """A job with something for every property."""
    job.program(PROBE.format(install=install)).channel("train", x="1").channel("val-x")
    job.config(
        "resourceconfig",
        {
            "current_host": "algo-1",
            "current_group_name": "a",
            "current_instance_type": "ml.c5.large",
            "hosts": ["algo-1", "algo-2"],
            "instance_groups": GROUPS,
            "network_interface_name": "lo",
        },
    )
    job.config("inputdataconfig", {"train": {}, "val-x": {"TrainingInputMode": "File"}})
    return job.hyperparameters(
        lr="0.1",
        name='"x"',
        flag="true",
        sagemaker_foo='"bar"',
        sagemaker_program='"train.py"',
        sagemaker_s3_output='"file:///tmp"',
        sagemaker_distribution_instance_groups='["a"]',
    ).env(SM_STUDIO_LOCAL_MODE="true", TRAINING_JOB_NAME="job-1")


def run(argv: Sequence[str | Path], job: Job) -> dict[str, Any]:
    done = subprocess.run(
        [str(word) for word in argv],
        env=job.environ,
        cwd=job.base / "code",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert done.returncode == 0, done.stderr
    return job.seen()


def test_a_program_under_train_reads_the_job_by_the_peers_names(job: Job) -> None:
    done = given(job, INSTALL).run()
    assert done.returncode == 0, done
    seen: dict[str, Any] = job.seen()
    assert seen["same"]
    assert seen["hyperparameters"] == {"lr": 0.1, "name": "x", "flag": True}
    assert seen["channel_input_dirs"] == {
        name: str(job.base / "input/data" / name) for name in ("train", "val-x")
    }
    assert seen["hosts"] == ["algo-1", "algo-2"]
    assert seen["is_hetero"] is True
    assert seen["additional_framework_parameters"]["sagemaker_foo"] == "bar"
    assert seen["user_entry_point"] == "train.py"
    assert seen["arguments"] == ["--flag", "True", "--lr", "0.1", "--name", "x"]


@pytest.mark.slow
def test_the_values_are_the_peers(tmp_path: Path) -> None:
    jobs = [Job(tmp_path / "ours"), Job(tmp_path / "theirs")]
    python = PEER.with_name("python")
    assert python.exists(), f"{python} is missing: run benchmarks/peer.sh"
    for job, install in zip(jobs, (INSTALL, ""), strict=True):
        given(job, install)
    ours = without_base(run([sys.executable, "train.py"], jobs[0]), jobs[0])
    theirs = without_base(run([python, "train.py"], jobs[1]), jobs[1])
    for seen in (ours, theirs):
        for name in ("NUM_CPUS", "NUM_GPUS", "NUM_NEURONS", "TRAINING_ENV"):
            seen["variables"].pop(f"SM_{name}")
        for name in ("CURRENT_HOST", "SAGEMAKER_REGION", "SAGEMAKER_JOB_NAME"):
            seen["variables"].pop(name, None)  # the peer sets these elsewhere
            seen.pop(f"{name.lower()}", None)  # ours counts what the container may use
    more = ours["variables"].keys() - theirs["variables"].keys()
    assert more == {"SM_CHANNEL_VAL_X"}, "a name that a shell can read"
    ours["variables"].pop("SM_CHANNEL_VAL_X")
    assert ours == theirs


def without_base(seen: dict[str, Any], job: Job) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(seen).replace(str(job.base), "<base>"))
    return found


def test_not_there_unless_asked_for(job: Job) -> None:
    code = "import importlib.util as u; print(u.find_spec('sagemaker_training'))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=job.environ, capture_output=True, text=True, timeout=HANG
    )
    assert done.stdout.strip() == "None"


def test_an_image_asks_once_and_the_real_package_comes_first(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv/bin/python"
    environ = {"PYTHONPATH": str(ROOT)}

    def where(module: str) -> str:
        code = f"import {module} as m; print(m.__file__)"
        argv = [str(python), "-c", code]
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=HANG)
        return done.stdout.strip()

    assert where("sagemaker_training") == ""
    argv = [str(python), "-m", "container_toolkit.compat"]
    assert subprocess.run(argv, env=environ, timeout=HANG).returncode == 0
    assert where("sagemaker_training") == f"{FOLDER}/sagemaker_training/__init__.py"
    assert where("sagemaker_containers") == f"{FOLDER}/sagemaker_containers/__init__.py"
    (site,) = (tmp_path / "venv/lib").glob("python*/site-packages")
    (site / "sagemaker_training").mkdir()
    (site / "sagemaker_training/__init__.py").touch()
    assert where("sagemaker_training") == str(site / "sagemaker_training/__init__.py")


def test_the_older_name(job: Job) -> None:
    text = (
        f"{INSTALL}\nimport sagemaker_containers\n"
        "assert sagemaker_containers.training_env().hosts == ['algo-1']\n"
    )
    done = job.program(text).run()
    assert done.returncode == 0, done
