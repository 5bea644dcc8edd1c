"""The plain launcher: the program once on every host, with its hyperparameters as arguments."""

from __future__ import annotations

from container_toolkit.contract.arguments import to_arguments
from container_toolkit.process import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.program import Program


def plan(
    env: TrainingEnvironment, program: Program, environ: Mapping[str, str]
) -> tuple[Command, ...]:
    """One command; a wrapped command line is passed on untouched."""
    arguments = to_arguments(env.hyperparameters.user) if program.takes_arguments else ()
    return (
        Command(
            argv=(*program.argv, *arguments),
            env=environ,
            cwd=program.folder,
            label=program.name,
        ),
    )
