"""TensorFlow: the plain program, parameter servers, the multi-worker strategy (`TF_CONFIG`)."""

from __future__ import annotations

import json
import sys

from tests.frameworks.planned import GROUPS, PROGRAM, job, planned

MIRRORED = "sagemaker_multi_worker_mirrored_strategy_enabled"
SERVERS = "sagemaker_parameter_server_enabled"


def test_the_plain_program_has_no_cluster() -> None:
    (command,) = planned("tensorflow", job(epochs="3"), PATH="/bin")
    assert command.argv == ("python3", "train.py", "--epochs", "3")
    assert command.env == {"PATH": "/bin", "TF_CPP_MIN_LOG_LEVEL": "1"}


def test_workers_of_the_mirrored_strategy() -> None:
    (command,) = planned("tensorflow", job(2, 3, **{MIRRORED: "true"}))
    assert command.argv == PROGRAM.argv
    assert json.loads(command.env["TF_CONFIG"]) == {
        "cluster": {"worker": ["algo-1:8890", "algo-2:8890", "algo-3:8890"]},
        "task": {"type": "worker", "index": 1},
    }


def test_each_host_has_a_parameter_server_beside_its_program() -> None:
    cluster = {
        "master": ["algo-1:2222"],
        "worker": ["algo-2:2222", "algo-3:2222"],
        "ps": ["algo-1:2223", "algo-2:2223", "algo-3:2223"],
    }
    roles = ({"type": "master", "index": 0}, {"type": "worker", "index": 0})
    for host, role in enumerate(roles, start=1):
        program, server = planned("tensorflow", job(host, 3, **{SERVERS: True}))
        assert (program.argv, program.helper) == (PROGRAM.argv, False)
        assert server.helper
        assert server.argv[:2] == (sys.executable, "-c")
        common = {"cluster": cluster, "environment": "cloud"}
        assert json.loads(program.env["TF_CONFIG"]) == {**common, "task": role}
        task = {"type": "ps", "index": host - 1}
        assert json.loads(server.env["TF_CONFIG"]) == {**common, "task": task}


def test_one_host_has_nobody_to_share_parameters_with() -> None:
    (command,) = planned("tensorflow", job(1, 1, **{SERVERS: True}))
    assert "TF_CONFIG" not in command.env


def test_hosts_of_other_groups_run_the_program_plainly() -> None:
    flags = {SERVERS: True, "sagemaker_distribution_instance_groups": ["learners"]}
    (command,) = planned("tensorflow", job(3, 3, groups=GROUPS, **flags))
    assert "TF_CONFIG" not in command.env
    program, _ = planned("tensorflow", job(2, 3, groups=GROUPS, **flags))
    assert json.loads(program.env["TF_CONFIG"])["cluster"]["worker"] == ["algo-2:2222"]


def test_what_image_or_job_set_is_left_alone() -> None:
    (command,) = planned("tensorflow", job(), TF_CPP_MIN_LOG_LEVEL="0")
    assert command.env["TF_CPP_MIN_LOG_LEVEL"] == "0"
