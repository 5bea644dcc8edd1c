"""What is to be run, independent of how a framework launches it."""

from __future__ import annotations

from container_toolkit.value import Value

FUNCTION = "function"  # pkg.mod:fn, called in a process of its own
SCRIPT = "script"  # a Python file
PACKAGE = "package"  # a Python package with a setup.py, run with -m
EXECUTABLE = "executable"  # a shell script or any executable file
COMMAND = "command"  # a command line, passed on untouched
ALGORITHM = "algorithm"  # one we ship


class Program(Value):
    """`name` as the user gave it; `argv` starts it, before any hyperparameters are appended.

    `folder` is the working folder ("" keeps the image's); `takes_arguments` says whether
    hyperparameters are appended as `--name value`; `source` is the setting that named it.
    """

    kind: str
    name: str
    argv: tuple[str, ...]
    folder: str = ""
    takes_arguments: bool = True
    source: str = ""
