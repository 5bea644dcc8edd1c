"""Variables too long for an environment, as files that other variables name."""

from __future__ import annotations

import os

from container_toolkit.contract.variables import FILE_SUFFIX
from container_toolkit.errors import PlatformError
from container_toolkit.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.training.launch import Launch


def to_files(launch: Launch) -> Launch:
    """Write each spilled variable to a temporary file of its own, named in the environment.

    Raises PlatformError when there is no folder for temporary files.
    """
    if not launch.spilled:
        return launch
    import tempfile

    named: dict[str, str] = {}
    try:
        for name, text in launch.spilled.items():
            descriptor, path = tempfile.mkstemp(prefix=f"{name.lower()}-", suffix=".json")
            named[name + FILE_SUFFIX] = path
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise PlatformError(
            f"the hyperparameters are too long for variables, and no file can take them: {error};"
            " mount a writable /tmp."
        ) from None
    commands = tuple(replace(c, env={**c.env, **named}) for c in launch.commands)
    return replace(launch, commands=commands, files=tuple(named.values()))


def remove(launch: Launch) -> None:
    for path in launch.files:
        try:
            os.unlink(path)
        except OSError:
            continue
