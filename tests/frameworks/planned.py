"""What a launcher plans, for a job made up here."""

from __future__ import annotations

from typing import Any

from container_toolkit.contract.channels import Channel
from container_toolkit.contract.cluster import Cluster, InstanceGroup
from container_toolkit.contract.environment import TrainingEnvironment
from container_toolkit.contract.hyperparameters import Hyperparameters
from container_toolkit.contract.layout import Layout
from container_toolkit.contract.program import SCRIPT, Program
from container_toolkit.frameworks import get
from container_toolkit.machine import Machine
from container_toolkit.process import Command

PROGRAM = Program(kind=SCRIPT, name="train.py", argv=("python3", "train.py"), folder="/code")
GROUPS = (
    InstanceGroup(name="learners", hosts=("algo-1", "algo-2")),
    InstanceGroup(name="readers", hosts=("algo-3",)),
)
CHANNELS: dict[str, Channel] = {}


def job(
    host: int = 1,
    hosts: int = 2,
    *,
    groups: tuple[InstanceGroup, ...] = (),
    machine: dict[str, Any] | None = None,
    settings: dict[str, str] | None = None,
    **hyperparameters: object,
) -> TrainingEnvironment:
    """The environment of `algo-HOST` of a job of that many `hosts`."""
    name = f"algo-{host}"
    within = [group.name for group in groups if name in group.hosts]
    cluster = Cluster(
        current_host=name,
        hosts=tuple(f"algo-{number}" for number in range(1, hosts + 1)),
        groups=groups,
        current_group=within[0] if within else "homogeneousCluster",
    )
    usual = {"cpus": 4, "gpus": 0, "neurons": 0, "memory": 0, "memory_limit": None}
    return TrainingEnvironment(
        layout=Layout(root="/opt/ml"),
        cluster=cluster,
        channels=CHANNELS,
        hyperparameters=Hyperparameters(document=hyperparameters),
        input_data_document={},
        resource_document=cluster.to_document(),
        machine=Machine(**(usual | {"interfaces": ("eth0", "lo")} | (machine or {}))),
        settings=settings or {},
    )


def planned(
    name: str, env: TrainingEnvironment, program: Program = PROGRAM, **environ: str
) -> tuple[Command, ...]:
    return get(name)(env, program, environ)
