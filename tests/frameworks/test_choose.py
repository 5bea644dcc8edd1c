"""Who launches a program: the hyperparameters' word, then the image's."""

from __future__ import annotations

import pytest

from container_toolkit import frameworks
from container_toolkit.errors import ConfigError
from tests.frameworks.planned import GROUPS, job

IMAGE = "CONTAINER_TOOLKIT_FRAMEWORK"
MPI, TORCH = "sagemaker_mpi_enabled", "sagemaker_torch_distributed_enabled"
MIRRORED = "sagemaker_multi_worker_mirrored_strategy_enabled"
SERVERS = "sagemaker_parameter_server_enabled"


@pytest.mark.parametrize(
    ("image", "flags", "chosen"),
    [
        ("", {}, "plain"),
        ("pytorch", {}, "pytorch"),
        ("", {TORCH: True}, "pytorch"),
        ("", {TORCH: False}, "plain"),
        ("", {MIRRORED: "true"}, "tensorflow"),
        ("sklearn", {MPI: True}, "mpi"),
        ("pytorch", {MPI: True, TORCH: True}, "mpi"),
        ("mxnet", {SERVERS: True}, "mxnet"),
        ("tensorflow", {SERVERS: True}, "tensorflow"),
        ("plain", {TORCH: True}, "plain"),
        ("our-own", {TORCH: True}, "our-own"),
    ],
)
def test_who_launches(image: str, flags: dict[str, object], chosen: str) -> None:
    assert frameworks.choose(job(settings={IMAGE: image}, **flags)) == chosen


def test_parameter_servers_of_nobody_are_refused() -> None:
    with pytest.raises(ConfigError, match="tensorflow or mxnet"):
        frameworks.choose(job(**{SERVERS: True}))


@pytest.mark.parametrize("flag", sorted(frameworks.REFUSED))
def test_a_library_there_is_none_of_is_refused(flag: str) -> None:
    with pytest.raises(ConfigError, match=flag):
        frameworks.choose(job(settings={IMAGE: "pytorch"}, **{flag: True}))


@pytest.mark.parametrize(
    ("host", "hosts", "flags", "distributed"),
    [
        (1, 2, {TORCH: True}, True),
        (2, 2, {MPI: True}, True),
        (1, 1, {TORCH: True}, False),
        (1, 2, {}, False),
    ],
)
def test_whether_hosts_have_to_meet(
    host: int, hosts: int, flags: dict[str, object], distributed: bool
) -> None:
    env = job(host, hosts, settings={IMAGE: "pytorch"}, **flags)
    assert frameworks.is_distributed(env) is distributed


@pytest.mark.parametrize(("host", "distributed"), [(1, True), (2, True), (3, False)])
def test_hosts_of_other_groups_stand_apart(host: int, distributed: bool) -> None:
    flags = {TORCH: True, "sagemaker_distribution_instance_groups": ["learners"]}
    env = job(host, 3, groups=GROUPS, settings={IMAGE: "pytorch"}, **flags)
    assert frameworks.is_distributed(env) is distributed


def test_how_many_hosts_may_be_lost() -> None:
    least = "sagemaker_torch_distributed_min_hosts"
    assert frameworks.spare(job(1, 4, **{TORCH: True, least: 3})) == 1
    assert frameworks.spare(job(1, 4, **{TORCH: True})) == 0
    assert frameworks.spare(job(1, 4, **{MPI: True, least: 3})) == 0


def test_an_unknown_framework_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="tensorflow"):
        frameworks.get("tensorfow")
