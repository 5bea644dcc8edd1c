"""`TrainingEnvironment`: all that a training container knows, read once and frozen."""

from __future__ import annotations

import os

from container_toolkit import machine as machine_tool
from container_toolkit.contract import channels, cluster, hyperparameters
from container_toolkit.contract.layout import Layout
from container_toolkit.errors import ConfigError
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from container_toolkit.contract.channels import Channel
    from container_toolkit.contract.cluster import Cluster
    from container_toolkit.contract.hyperparameters import Hyperparameters
    from container_toolkit.machine import Machine

LOG_LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "WARN": 30, "ERROR": 40, "CRITICAL": 50}
DEFAULT_LOG_LEVEL = 20

# Hyperparameters that switch a peer's distributed launcher on; any of them makes the current
# instance group the one that training is distributed over.
DISTRIBUTION_FLAGS = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
)


class TrainingEnvironment(Value):
    """What user code may use, or ignore: the job as this host sees it.

    `from container_toolkit import TrainingEnvironment; env = TrainingEnvironment.load()`

    `channels` by name, sorted; `hyperparameters.user` is what the program is given; the two
    `*_document` fields are the files as they stand; `settings` is the environment of the
    process.
    """

    layout: Layout
    cluster: Cluster
    channels: Mapping[str, Channel]
    hyperparameters: Hyperparameters
    input_data_document: Mapping[str, Any]
    resource_document: Mapping[str, Any]
    machine: Machine
    settings: Mapping[str, str]

    @classmethod
    def load(
        cls,
        layout: Layout | None = None,
        environ: Mapping[str, str] | None = None,
        machine: Machine | None = None,
    ) -> TrainingEnvironment:
        """Read the three documents of input/config and the machine, once.

        A missing document means its default. Raises ConfigError naming the file and the key.
        """
        environ = os.environ if environ is None else environ
        layout = Layout.of(environ) if layout is None else layout
        found, input_data_document = channels.load(layout)
        hosts, resource_document = cluster.load(layout)
        return cls(
            layout=layout,
            cluster=hosts,
            channels=found,
            hyperparameters=hyperparameters.load(layout, exact=reads_exactly(environ)),
            input_data_document=input_data_document,
            resource_document=resource_document,
            machine=machine_tool.read(environ) if machine is None else machine,
            settings=dict(environ),
        )

    @property
    def job_name(self) -> str:
        """The service's name for the job; "" where no service started it."""
        return self.settings.get("TRAINING_JOB_NAME", "")

    @property
    def served(self) -> bool:
        """Whether a service started this container, and so packs and uploads the model."""
        return bool(self.job_name or self.settings.get("TRAINING_JOB_ARN"))

    @property
    def region(self) -> str:
        given = self.hyperparameters.reserved.get("sagemaker_region")
        names = ("AWS_REGION", "SAGEMAKER_REGION", "AWS_DEFAULT_REGION")
        return str(given or next((self.settings[n] for n in names if self.settings.get(n)), ""))

    @property
    def submit_directory(self) -> str:
        """Where the code is to come from: a folder, a tar or an s3:// URI; "" for the code folder.

        The hyperparameter comes before the variable.
        """
        given = self.hyperparameters.reserved.get("sagemaker_submit_directory")
        return str(given or self.settings.get("SAGEMAKER_SUBMIT_DIRECTORY", ""))

    @property
    def log_level(self) -> int:
        """A number as in Python's logging; names are understood too. Raises ConfigError."""
        given = self.hyperparameters.reserved.get("sagemaker_container_log_level")
        where = "hyperparameter sagemaker_container_log_level"
        if given is None:
            given = self.settings.get("SAGEMAKER_CONTAINER_LOG_LEVEL") or DEFAULT_LOG_LEVEL
            where = "variable SAGEMAKER_CONTAINER_LOG_LEVEL"
        name = str(given).strip().upper()
        if name in LOG_LEVELS:
            return LOG_LEVELS[name]
        if name.isascii() and name.isdigit():
            return int(name[:9])
        raise ConfigError(f"{where} is {given!r}; use a number or one of {', '.join(LOG_LEVELS)}.")

    @property
    def distribution_groups(self) -> list[Any]:
        """Instance groups that distributed training runs on; empty when it is not distributed."""
        framework = self.hyperparameters.framework
        given = framework.get("sagemaker_distribution_instance_groups")
        if given is not None:
            return given if isinstance(given, list) else [given]
        if any(framework.get(flag) for flag in DISTRIBUTION_FLAGS):
            return [self.cluster.current_group]
        return []

    @property
    def distribution_hosts(self) -> list[str]:
        """Hosts of those groups, or all hosts where there are no groups at all."""
        if not self.cluster.groups:
            return list(self.cluster.hosts)
        chosen = self.distribution_groups
        return [h for group in self.cluster.groups if group.name in chosen for h in group.hosts]

    @property
    def master(self) -> str:
        """The peers' leader: the first distribution host, else the first host as listed."""
        return (self.distribution_hosts or list(self.cluster.hosts))[0]


def reads_exactly(environ: Mapping[str, str]) -> bool:
    """Whether hyperparameters that look like numbers keep their spelling. Raises ConfigError."""
    choice = environ.get("CONTAINER_TOOLKIT_HYPERPARAMETERS") or "sagemaker"
    if choice not in ("sagemaker", "exact"):
        raise ConfigError(
            f"variable CONTAINER_TOOLKIT_HYPERPARAMETERS is {choice!r}; use sagemaker or exact."
        )
    return choice == "exact"
