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
FRAMEWORKS = {"plain": "container_toolkit.frameworks.plain:plan"}
DEFAULT = "plain"

# The peers' switches for launchers that are not among ours yet: running such a job as if it were
# not distributed would be a wrong answer, so it is an error.
LAUNCHER_FLAGS = (
    "sagemaker_mpi_enabled",
    "sagemaker_torch_distributed_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
)


def choose(env: TrainingEnvironment) -> str:
    """The framework's name: CONTAINER_TOOLKIT_FRAMEWORK, else the plain launcher.

    Raises ConfigError where a hyperparameter asks for a launcher that there is none of.
    """
    name = env.settings.get("CONTAINER_TOOLKIT_FRAMEWORK")
    if name:
        return name
    if env.settings.get("SAGEMAKER_TRAINING_MODULE"):
        return DEFAULT  # a framework's own entry function reads these flags itself
    framework = env.hyperparameters.framework
    for flag in LAUNCHER_FLAGS:
        if framework.get(flag) and env.cluster.current_group in env.distribution_groups:
            raise ConfigError(
                f"hyperparameter {flag} asks for a distributed launcher that this version does"
                " not have; remove it, or start the program's processes from the program."
            )
    return DEFAULT


def get(name: str) -> Plan:
    """The plan function of a framework. Raises ConfigError listing the known names."""
    from container_toolkit import registry

    plan: Plan = registry.get(name, FRAMEWORKS, GROUP, "variable CONTAINER_TOOLKIT_FRAMEWORK")
    return plan
