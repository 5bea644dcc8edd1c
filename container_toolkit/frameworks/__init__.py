"""How a program is started: one pure function per framework, `plan(env, program, environ)`."""

from __future__ import annotations

from container_toolkit.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.program import Program
    from container_toolkit.process import Command

    Plan = Callable[[TrainingEnvironment, Program, Mapping[str, str]], tuple[Command, ...]]

# name -> "module:attribute"; entry points of this group add to it and never hide it.
GROUP = "container_toolkit.frameworks"
FRAMEWORKS = {
    "plain": "container_toolkit.frameworks.plain:plan",
    "sklearn": "container_toolkit.frameworks.sklearn:plan",
    "tensorflow": "container_toolkit.frameworks.tensorflow:plan",
    "mxnet": "container_toolkit.frameworks.mxnet:plan",
    "pytorch": "container_toolkit.frameworks.pytorch:plan",
    "mpi": "container_toolkit.frameworks.mpi:plan",
}
DEFAULT = "plain"
SETTING = "variable CONTAINER_TOOLKIT_FRAMEWORK"

MPI = "sagemaker_mpi_enabled"
TORCH = "sagemaker_torch_distributed_enabled"
MIRRORED = "sagemaker_multi_worker_mirrored_strategy_enabled"
PARAMETER_SERVER = "sagemaker_parameter_server_enabled"

# Hyperparameters that each ask for a launcher by what it does: whose it is. MPI comes first, as in
# the peers, for it starts programs of any framework.
LAUNCHERS = {
    MPI: ("mpi",),
    TORCH: ("pytorch",),
    MIRRORED: ("tensorflow",),
    PARAMETER_SERVER: ("tensorflow", "mxnet"),
}

# Libraries that only Amazon's own images have; a job that asks for one would run as something else.
REFUSED = {
    "sagemaker_distributed_dataparallel_enabled": "SMDataParallel",
    "sagemaker_pytorch_ddp_enabled": "SMDDP",
    "sagemaker_pytorch_xla_multi_worker_enabled": "PyTorch/XLA",
}


def choose(env: TrainingEnvironment) -> str:
    """The framework's name: a launcher that a hyperparameter asks for, else the image's
    CONTAINER_TOOLKIT_FRAMEWORK, else the plain launcher.

    Raises ConfigError where a hyperparameter asks for a launcher that there is none of: to run
    such a job as if it were not distributed would be a wrong answer.
    """
    name = env.settings.get("CONTAINER_TOOLKIT_FRAMEWORK") or ""
    own = bool(name) and (name == DEFAULT or name not in FRAMEWORKS)
    if own or env.settings.get("SAGEMAKER_TRAINING_MODULE"):
        return name or DEFAULT  # these read the flags themselves, or mean not to
    framework = env.hyperparameters.framework
    if env.cluster.current_group not in env.distribution_groups:
        return name or DEFAULT
    for flag, library in REFUSED.items():
        if framework.get(flag):
            raise ConfigError(
                f"hyperparameter {flag} asks for {library}, which this toolkit does not have; use"
                f" {TORCH} or {MPI}, or start the program's processes from the program."
            )
    for flag, owners in LAUNCHERS.items():
        if framework.get(flag):
            return owner(flag, owners, name)
    return name or DEFAULT


def owner(flag: str, owners: tuple[str, ...], name: str) -> str:
    """Whose launcher `flag` asks for, in an image of the framework `name`."""
    if name in owners or len(owners) == 1:
        return name if name in owners else owners[0]
    raise ConfigError(
        f"hyperparameter {flag} does not say whose parameter servers; set {SETTING} to"
        f" {' or '.join(owners)} in the image."
    )


def is_distributed(env: TrainingEnvironment) -> bool:
    """Whether the program here is part of one that runs on several hosts."""
    name = choose(env)
    asked = any(env.hyperparameters.framework.get(flag) for flag in LAUNCHERS)
    wanted = name == "mpi" or (asked and name in FRAMEWORKS and name != DEFAULT)
    from container_toolkit.frameworks import placement

    hosts = placement.hosts(env)
    return wanted and len(hosts) > 1 and env.cluster.current_host in hosts


def spare(env: TrainingEnvironment) -> int:
    """How many hosts beside the leader may be lost while a distributed program goes on."""
    if choose(env) != "pytorch":
        return 0
    from container_toolkit.frameworks import pytorch

    return pytorch.spare(env)


def get(name: str) -> Plan:
    """The plan function of a framework. Raises ConfigError listing the known names."""
    from container_toolkit import registry

    plan: Plan = registry.get(name, FRAMEWORKS, GROUP, SETTING)
    return plan
