"""From what is known to what is to be run: pure, so that `train --plan` can print it."""

from __future__ import annotations

from container_toolkit import frameworks
from container_toolkit.contract import program as kinds
from container_toolkit.contract.variables import to_variables
from container_toolkit.training import program, source
from container_toolkit.training.memory import CAP
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.program import Program
    from container_toolkit.process import Command
    from container_toolkit.training.memory import Cap


class Launch(Value):
    """`installs` run first, one after the other; then `commands`, side by side.

    `spilled`: variables too long for an environment, to be written to files; `files`: the files
    they were written to.
    """

    program: Program
    installs: tuple[Command, ...]
    commands: tuple[Command, ...]
    spilled: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def plan(env: TrainingEnvironment, command: tuple[str, ...], cap: Cap | None = None) -> Launch:
    """Raises CodeError or ConfigError for whatever would keep the program from starting.

    The program finds the bytes of the cap that holds where a wish for one stood.
    """
    folder = source.locate(env)
    what = program.resolve(env, command, folder)
    function = what.name if what.kind == kinds.FUNCTION else ""
    variables = to_variables(env, program.entry_point(env), function)
    environ = variables.environ if cap is None else {**variables.environ, CAP: str(cap.bytes)}
    framework = frameworks.get(frameworks.choose(env))
    return Launch(
        program=what,
        installs=source.installs(what, folder, env.settings),
        commands=framework(env, what, environ),
        spilled=variables.spilled,
        warnings=tuple(
            filter(
                None,
                (
                    source.passed_over(env),
                    program.passed_over(what, command),
                    *variables.warnings,
                ),
            )
        ),
    )
