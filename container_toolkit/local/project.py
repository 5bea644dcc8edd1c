"""`container-toolkit init`: a project that builds, trains and passes its test as it is."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from container_toolkit.errors import UsageError
from container_toolkit.local import wheel

SCAFFOLD = Path(__file__).resolve().parent.parent / "scaffold"
NAME = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")  # what an image may be called
LONGEST_NAME = 128
FILLED_IN = ("README.md", "test.sh")


def create(name: str, parent: Path) -> Path:
    """Make the folder `parent`/`name`; returns it.

    Appears whole or not at all. Raises UsageError when the name can't be an image's, the parent is
    no folder, or there is something of that name already.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise UsageError(
            f"{name!r} can't be the name of an image: use lower-case letters, digits,"
            " and single '-', '_' or '.' between them."
        )
    target = parent / name
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} is there already; choose another name or --dir.")
    if not parent.is_dir():
        raise UsageError(f"{parent} is not a folder; make it first, or choose another --dir.")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=parent) as building:
            fill(Path(building) / name, name)
            (Path(building) / name).rename(target)
    except OSError as error:
        raise UsageError(f"{target} can't be written: {error.strerror}.") from None
    return target


def fill(folder: Path, name: str) -> None:
    shutil.copytree(SCAFFOLD, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for filename in FILLED_IN:
        path = folder / filename
        path.write_text(path.read_text().replace("@NAME@", name))
    (folder / "test.sh").chmod(0o755)
    (folder / "toolkit").mkdir()
    wheel.write(folder / "toolkit")
