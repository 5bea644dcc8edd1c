"""What runs: the first of the settings that names something, made into a `Program`."""

from __future__ import annotations

import os
import sys

from container_toolkit.contract import program as kinds
from container_toolkit.contract.program import Program
from container_toolkit.errors import CodeError, ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.contract.environment import TrainingEnvironment

SHOWN_CANDIDATES = 10


def resolve(env: TrainingEnvironment, command: tuple[str, ...], folder: str) -> Program:
    """The program, by the design's order; `command` is what follows `train --`, `folder` where
    the code is.

    Raises CodeError when nothing is named, or what is named is not there.
    """
    function = env.settings.get("SAGEMAKER_TRAINING_MODULE")
    if function:
        return function_program(function, folder)
    variable = env.settings.get("SAGEMAKER_PROGRAM")
    if variable:
        return file_program(variable, folder, "variable SAGEMAKER_PROGRAM")
    hyperparameter = env.hyperparameters.reserved.get("sagemaker_program")
    if hyperparameter is not None:
        return file_program(str(hyperparameter), folder, "hyperparameter sagemaker_program")
    if command:
        return command_program(command, "the command line")
    words = env.settings.get("CONTAINER_TOOLKIT_COMMAND")
    if words:
        return command_program(split(words), "variable CONTAINER_TOOLKIT_COMMAND")
    algorithm = env.settings.get("CONTAINER_TOOLKIT_ALGORITHM")
    if algorithm:
        return algorithm_program(algorithm)
    raise CodeError(
        "nothing to run: set SAGEMAKER_PROGRAM or the hyperparameter sagemaker_program to a file"
        f" in {folder}, or give a command after `train --`{candidates(folder)}."
    )


def passed_over(chosen: Program, command: tuple[str, ...]) -> str:
    """A sentence where a command was given but something else runs, "" for nothing to say."""
    if not command or chosen.argv == command:
        return ""
    return f"the command after `--` is not run: {chosen.source} names {chosen.name!r}"


def entry_point(env: TrainingEnvironment) -> str | None:
    """The program's name as SM_USER_ENTRY_POINT tells it, whatever else may be set."""
    name = env.settings.get("SAGEMAKER_PROGRAM")
    if name:
        return name
    given = env.hyperparameters.reserved.get("sagemaker_program")
    return None if given is None else str(given)


def function_program(name: str, folder: str) -> Program:
    return Program(
        kind=kinds.FUNCTION,
        name=name,
        argv=(sys.executable, "-m", "container_toolkit.training.function", name),
        folder=folder if os.path.isdir(folder) else "",
        takes_arguments=False,
        source="variable SAGEMAKER_TRAINING_MODULE",
    )


def file_program(name: str, folder: str, source: str) -> Program:
    """A file of the code folder, or one baked into the image where the name is absolute."""
    baked = os.path.isabs(name)
    path = name if baked else inside(name, folder, source)
    package = not baked and not name.endswith(".sh") and is_package(folder, name)
    if package:
        return Program(
            kind=kinds.PACKAGE,
            name=name,
            argv=(sys.executable, "-m", module_of(name)),
            folder=folder,
            source=source,
        )
    if not os.path.isfile(path):
        raise CodeError(
            f"{source} names {name!r}, but there is no file {path}{candidates(folder)}."
        )
    home = os.path.dirname(path) if baked else folder
    if name.endswith(".py"):
        return Program(
            kind=kinds.SCRIPT, name=name, argv=(sys.executable, name), folder=home, source=source
        )
    return Program(
        kind=kinds.EXECUTABLE,
        name=name,
        argv=executable_argv(path, name if baked else in_folder(name)),
        folder=home,
        source=source,
    )


def inside(name: str, folder: str, source: str) -> str:
    """The path of `name`, which must not lead out of the code folder nor look like an option."""
    path = os.path.normpath(os.path.join(folder, name))
    if not path.startswith(folder.rstrip("/") + "/"):
        raise CodeError(f"{source} {name!r} leads out of {folder}; name a file inside it.")
    if name.startswith("-"):
        raise CodeError(f"{source} {name!r} reads as an option; name a file inside {folder}.")
    if "\n" in name or "\r" in name:
        raise CodeError(f"{source} {name!r} holds a line break; name a file inside {folder}.")
    return path


def in_folder(name: str) -> str:
    return name if name.startswith("./") else f"./{name}"


def is_package(folder: str, name: str) -> bool:
    """A setup.py makes the folder a package (the peers' rule); so does a pyproject.toml that
    builds something, where the program is no file of the folder."""
    if os.path.isfile(os.path.join(folder, "setup.py")):
        return True
    project = os.path.join(folder, "pyproject.toml")
    if not os.path.isfile(project) or os.path.isfile(os.path.join(folder, name)):
        return False
    with open(project, encoding="utf-8", errors="replace") as file:
        lines = {line.strip() for line in file}
    return bool(lines & {"[build-system]", "[project]"})


def module_of(name: str) -> str:
    return name[:-3] if name.endswith(".py") else name


def executable_argv(path: str, name: str) -> tuple[str, ...]:
    """The file itself, or its interpreter where it is not executable and can't be made so.

    A script without a `#!` line is the shell's, as when a shell starts it.
    """
    with open(path, "rb") as file:
        head = file.read(256)
    if not head.startswith((b"#!", b"\x7fELF")):
        return ("/bin/sh", name)
    if os.access(path, os.X_OK):
        return (name,)
    try:
        os.chmod(path, os.stat(path).st_mode | 0o111)  # noqa: S103 as the image's own would be
    except OSError:
        if head.startswith(b"#!"):
            interpreter = head.split(b"\n", 1)[0][2:].decode(errors="replace").split()
            return (*interpreter, name)
        raise CodeError(f"{path} is not executable; `chmod +x` it in the image.") from None
    return (name,)


def command_program(command: tuple[str, ...], source: str) -> Program:
    return Program(
        kind=kinds.COMMAND,
        name=command[0],
        argv=command,
        takes_arguments=False,
        source=source,
    )


def split(words: str) -> tuple[str, ...]:
    """A JSON list of words, or words as a shell would split them."""
    import json
    import shlex

    variable = "variable CONTAINER_TOOLKIT_COMMAND"
    try:
        parts = json.loads(words) if words.lstrip().startswith("[") else shlex.split(words)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{variable} can't be split into words: {error}.") from None
    if not parts or not all(isinstance(part, str) and "\0" not in part for part in parts):
        raise ConfigError(f"{variable} must be a command, or a JSON list of its words.")
    return tuple(parts)


def algorithm_program(name: str) -> Program:
    """Which names there are is the algorithms' own affair, and known only to them."""
    return Program(
        kind=kinds.ALGORITHM,
        name=name,
        argv=(sys.executable, "-m", "container_toolkit.algorithms", name),
        takes_arguments=False,
        source="variable CONTAINER_TOOLKIT_ALGORITHM",
    )


def candidates(folder: str) -> str:
    """What could have been meant, for an error: the programs at the top of the code folder."""
    try:
        with os.scandir(folder) as entries:
            files = [entry for entry in entries if entry.is_file()]
    except OSError:
        return f"; the code folder {folder} does not exist"
    names = sorted(
        entry.name
        for entry in files
        if entry.name.endswith((".py", ".sh")) or os.access(entry.path, os.X_OK)
    )
    if not names:
        return f"; {folder} holds no program"
    more = "" if len(names) <= SHOWN_CANDIDATES else f" and {len(names) - SHOWN_CANDIDATES} more"
    return f"; {folder} holds {', '.join(names[:SHOWN_CANDIDATES])}{more}"
