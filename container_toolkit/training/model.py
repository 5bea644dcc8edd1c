"""The model: packed into one archive where no service is there to do it."""

from __future__ import annotations

import os

from container_toolkit.contract.outcome import COMPLETED
from container_toolkit.errors import ConfigError, ToolkitError
from container_toolkit.machine.size import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.layout import Layout
    from container_toolkit.contract.outcome import Outcome
    from container_toolkit.training.log import Log

ARCHIVE = "model.tar.gz"
PREVIOUS = ".previous"
VARIABLE = "CONTAINER_TOOLKIT_PACK_MODEL"


def wants_packing(env: TrainingEnvironment) -> bool:
    """Whether `train` packs: by the setting, else where no service started the job.

    Raises ConfigError for a setting that is neither `always` nor `never` nor `auto`.
    """
    choice = env.settings.get(VARIABLE) or "auto"
    if choice not in ("auto", "always", "never"):
        raise ConfigError(f"variable {VARIABLE} is {choice!r}; use auto, always or never.")
    return choice == "always" or (choice == "auto" and not env.served)


def set_aside(layout: Layout, log: Log) -> None:
    """An earlier run's archive becomes model.tar.gz.previous: it must not pass for this one's.

    What a killed run had written of one is removed.
    """
    try:
        for name in names(layout.model):
            if is_partial(name):
                os.unlink(os.path.join(layout.model, name))
        if os.path.isfile(layout.model_archive):
            os.replace(layout.model_archive, layout.model_archive + PREVIOUS)
    except OSError as error:
        log.warning(f"an earlier run's archive stays in {layout.model}: {error.strerror}")


def pack(env: TrainingEnvironment, log: Log) -> None:
    """The contents of the model folder become model.tar.gz in it; the files are kept.

    An archive of that name that the program wrote itself is the artifact. An empty folder is a
    success with a loud warning, as on the service, which then has no artifact. Raises
    PlatformError when the archive can't be written.
    """
    folder, archive_path = env.layout.model, env.layout.model_archive
    if os.path.isfile(archive_path):
        log.info(f"{archive_path} was written by the program, and stays as it is")
        return
    if not any(not left_out(name) for name in names(folder)):
        log.warning(f"{folder} is empty: the program saved no model, so there is no artifact")
        return
    from container_toolkit import archive

    packed = archive.pack(folder, archive_path, leave_out=left_out)
    log.info(
        f"packed {counted(packed.files, 'file')}, {show(packed.read)}, into {archive_path}"
        f" ({show(packed.written)})"
    )


def pack_after(outcome: Outcome, env: TrainingEnvironment, log: Log) -> None:
    """After a stop, an archive that can't be written does not turn the stop into a failure."""
    try:
        pack(env, log)
    except ToolkitError as error:
        if outcome.status == COMPLETED:
            raise
        log.error(f"the model could not be packed: {error}")


def left_out(name: str) -> bool:
    """Earlier archives, whole or not, are no part of the model; `name` is below its folder."""
    return name == ARCHIVE + PREVIOUS or is_partial(name)


def is_partial(name: str) -> bool:
    """The archive's temporary name, while it is being written."""
    return name.startswith(f".{ARCHIVE}.") and name.endswith(".partial")


def names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
