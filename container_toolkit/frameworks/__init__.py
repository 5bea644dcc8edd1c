"""How a program is started: one pure function per framework, `plan(env, program, environ)`."""

from __future__ import annotations

from container_toolkit.contract.environment import DISTRIBUTION_FLAGS
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


def choose(env: TrainingEnvironment) -> str:
    """The framework's name: CONTAINER_TOOLKIT_FRAMEWORK, else the plain launcher.

    Raises ConfigError where a hyperparameter asks for a launcher that there is none of: to run
    such a job as if it were not distributed would be a wrong answer.
    """
    name = env.settings.get("CONTAINER_TOOLKIT_FRAMEWORK")
    if name:
        return name
    if env.settings.get("SAGEMAKER_TRAINING_MODULE"):
        return DEFAULT  # a framework's own entry function reads these flags itself
    framework = env.hyperparameters.framework
    for flag in DISTRIBUTION_FLAGS:
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
