"""One command under way: its process and the pumps of its output."""

from __future__ import annotations

import os

from container_toolkit.errors import CodeError
from container_toolkit.process import spawn
from container_toolkit.process.pump import Pump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.process import Command, Exit


class Running:
    """Raises CodeError where the command can't be started."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.pumps = (Pump(1), Pump(2))
        try:
            self.pid = spawn.spawn(command, self.pumps[0].source, self.pumps[1].source)
        except OSError as error:
            raise CodeError(cannot_start(command, error)) from None
        for pump in self.pumps:
            pump.start()
        self.exit: Exit | None = None


def cannot_start(command: Command, error: OSError) -> str:
    import errno

    name = command.argv[0]
    if error.errno == errno.E2BIG:
        return (
            f"{name} can't be started: its arguments and environment are longer than Linux lets"
            " them be; pass large hyperparameters as a file in a channel."
        )
    if error.errno == errno.ENOENT and command.cwd and not os.path.isdir(command.cwd):
        return f"{name} can't be started: its folder {command.cwd} does not exist."
    if error.errno == errno.ENOENT:
        return (
            f"{name} can't be started: it, or the interpreter its first line names, is not there;"
            " check the path and what the image has installed."
        )
    if error.errno == errno.ENOEXEC:
        return f"{name} can't be started: it is no program this machine understands."
    return f"{name} can't be started: {error.strerror}."
