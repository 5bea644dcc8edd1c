"""Where a distributed program runs: hosts, ranks, interface, processes."""

from __future__ import annotations

from typing import Any

import pytest

from container_toolkit.errors import ConfigError
from container_toolkit.frameworks import placement
from tests.frameworks.planned import GROUPS, job

TORCH = "sagemaker_torch_distributed_enabled"
ONLY = "sagemaker_distribution_instance_groups"


def test_hosts_stand_as_the_service_lists_them() -> None:
    place = placement.of(job(2, 3, **{TORCH: True}))
    assert place.hosts == ("algo-1", "algo-2", "algo-3")
    assert (place.rank, place.leader, place.leads) == (1, "algo-1", False)


def test_only_the_groups_that_training_is_distributed_over_count() -> None:
    flags = {TORCH: True, ONLY: ["readers"]}
    place = placement.of(job(3, 3, groups=GROUPS, **flags))
    assert (place.hosts, place.rank, place.leads) == (("algo-3",), 0, True)
    assert not placement.asked(job(1, 3, groups=GROUPS, **flags), TORCH)
    with pytest.raises(ConfigError, match="algo-1 is not among the hosts algo-3"):
        placement.of(job(1, 3, groups=GROUPS, **flags))


@pytest.mark.parametrize(
    ("there", "used"),
    [
        (("eth0", "lo"), "eth0"),
        (("lo", "eth0"), "eth0"),
        (("ens5", "lo"), "ens5"),
        ((), "eth0"),
    ],
)
def test_the_interface_is_one_that_is_there(there: tuple[str, ...], used: str) -> None:
    assert placement.interface(job(machine={"interfaces": there})) == used


@pytest.mark.parametrize(
    ("given", "machine", "processes"),
    [
        (None, {}, 1),
        (None, {"gpus": 8}, 8),
        (None, {"neurons": 2}, 2),
        ("3", {"gpus": 8}, 3),
    ],
)
def test_processes_of_a_host(given: str | None, machine: dict[str, Any], processes: int) -> None:
    parameters = {} if given is None else {placement.PROCESSES: given}
    assert placement.of(job(machine=machine, **parameters)).processes == processes


@pytest.mark.parametrize("given", ["0", "-1", "two", "true", "1.5"])
def test_processes_that_make_no_sense_are_named(given: str) -> None:
    with pytest.raises(ConfigError, match=placement.PROCESSES):
        placement.of(job(**{placement.PROCESSES: given}))
