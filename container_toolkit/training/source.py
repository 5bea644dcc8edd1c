"""The user's code: where it is, or fetched to where it should be, and what it wants installed."""

from __future__ import annotations

import os
import sys

from container_toolkit.contract import program as kinds
from container_toolkit.errors import (
    ArchiveError,
    CodeError,
    InstallModuleError,
    InstallRequirementsError,
    ToolkitError,
)
from container_toolkit.process import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.program import Program

CODE_CHANNEL = "code"
REQUIREMENTS = "requirements.txt"


def locate(env: TrainingEnvironment) -> str:
    """The folder the code is in, before anything is fetched; pure.

    The code folder, unless it is empty and there is a channel `code` whose folder holds files.
    """
    code = env.layout.code
    channel = env.channels.get(CODE_CHANNEL)
    if env.submit_directory or channel is None or not is_empty(code):
        return code
    if is_empty(channel.path) or lone_archive(channel.path):
        return code
    return channel.path


def wanted(env: TrainingEnvironment) -> str:
    """What has to be fetched into the code folder first, "" for nothing; pure.

    Only an empty code folder is filled (the peers' rule): code baked into the image, or mounted,
    stays what it is.
    """
    if not is_empty(env.layout.code):
        return ""
    given = env.submit_directory
    if given:
        here = os.path.realpath(given) == os.path.realpath(env.layout.code)
        return "" if here else given
    channel = env.channels.get(CODE_CHANNEL)
    return "" if channel is None else lone_archive(channel.path)


def passed_over(env: TrainingEnvironment) -> str:
    """A sentence where code was named but is not fetched, "" for nothing to say."""
    given = env.submit_directory
    code = env.layout.code
    if not given or is_empty(code) or os.path.realpath(given) == os.path.realpath(code):
        return ""
    return f"{code} holds code already, so {given} is not fetched; empty the folder to have it"


def fetch(uri: str, env: TrainingEnvironment) -> None:
    """Lay the code that `uri` names (s3://, file://, a folder, a tar, one file) into the code
    folder. Raises CodeError naming it."""
    target = env.layout.code
    try:
        os.makedirs(target, exist_ok=True)
        if uri.startswith("s3://"):
            from_s3(uri, target, env)
            return
        path = uri.removeprefix("file://")
        if "://" in path:
            raise CodeError(f"code can't be fetched from {uri}: use s3://, file:// or a path.")
        if os.path.isdir(path):
            from_folder(path, target)
        elif os.path.isfile(path):
            from_file(path, target)
        else:
            raise CodeError(f"the code at {uri} does not exist; check sagemaker_submit_directory.")
    except OSError as error:
        raise CodeError(f"the code at {uri} can't be laid into {target}: {error}.") from None
    except ArchiveError as error:
        raise CodeError(f"the code at {uri} can't be unpacked: {error}") from None


def from_s3(uri: str, target: str, env: TrainingEnvironment) -> None:
    import tempfile

    from container_toolkit import storage

    with tempfile.TemporaryDirectory(prefix="code-") as folder:
        path = os.path.join(folder, uri.rstrip("/").rpartition("/")[2] or "code")
        try:
            storage.download(uri, path, env.settings, env.region)
        except ToolkitError as error:
            raise CodeError(f"the code at {uri} can't be fetched: {error}") from None
        from_file(path, target)


def from_folder(path: str, target: str) -> None:
    import shutil

    shutil.copytree(path, target, symlinks=True, dirs_exist_ok=True)


def from_file(path: str, target: str) -> None:
    """A tar is unpacked; a file that is none is the program itself."""
    from container_toolkit import archive

    if is_packed(path):
        archive.unpack(path, target)
        return
    import shutil

    shutil.copy2(path, target)


def is_packed(path: str) -> bool:
    """By content: an object in S3 may have any name."""
    with open(path, "rb") as file:
        head = file.read(262)
    return head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")) or head[257:] == b"ustar"


def looks_packed(path: str) -> bool:
    return path.endswith((".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tar.xz"))


def is_empty(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return not any(entries)
    except FileNotFoundError:
        return True
    except OSError:
        return False  # what can't be read is not there to be written over


def lone_archive(folder: str) -> str:
    """The tar, where it is all that the folder holds."""
    try:
        names = os.listdir(folder)
    except OSError:
        return ""
    return os.path.join(folder, names[0]) if len(names) == 1 and looks_packed(names[0]) else ""


def installs(program: Program, folder: str, environ: Mapping[str, str]) -> tuple[Command, ...]:
    """What has to be installed before the program can start, whatever kind it is; pure.

    With uv where the image has it, else pip, always into the interpreter that runs `train`.
    """
    what: list[str] = []
    if program.kind == kinds.PACKAGE:
        what.append(".")
    if os.path.isfile(os.path.join(folder, REQUIREMENTS)):
        what += ["-r", REQUIREMENTS]
    if not what:
        return ()
    error = InstallModuleError if program.kind == kinds.PACKAGE else InstallRequirementsError
    argv = (*installer(environ), *what)
    return (Command(argv=argv, env=environ, cwd=folder, label=error.__name__),)


def installer(environ: Mapping[str, str]) -> tuple[str, ...]:
    for folder in environ.get("PATH", os.defpath).split(":"):
        uv = os.path.join(folder, "uv")
        if os.access(uv, os.X_OK) and os.path.isfile(uv):
            system = (
                () if sys.prefix != sys.base_prefix else ("--system", "--break-system-packages")
            )
            return (uv, "pip", "install", "--python", sys.executable, *system)
    return (sys.executable, "-m", "pip", "install", "--disable-pip-version-check")
