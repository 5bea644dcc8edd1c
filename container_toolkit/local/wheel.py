"""The toolkit that is running, as a wheel: for images built where no package index has it."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

from container_toolkit.errors import PlatformError

PACKAGE = Path(__file__).resolve().parent.parent
NAME = "container-toolkit"
WHEEL = (
    "Wheel-Version: 1.0\nGenerator: container-toolkit\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
)
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same sources make the same bytes


def write(folder: Path) -> Path:
    """Write `container_toolkit-VERSION-py3-none-any.whl` into a folder; returns its path.

    Raises PlatformError when the toolkit is not installed, only found.
    """
    try:
        installed = Distribution.from_name(NAME)
    except PackageNotFoundError:
        raise PlatformError(f"{NAME} is not installed in this Python: pip install it.") from None
    stem = f"container_toolkit-{installed.version}"
    members = {
        path.relative_to(PACKAGE.parent).as_posix(): path.read_bytes()
        for path in sorted(PACKAGE.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    metadata = installed.read_text("METADATA") or installed.read_text("PKG-INFO") or ""
    members[f"{stem}.dist-info/METADATA"] = metadata.encode()
    members[f"{stem}.dist-info/WHEEL"] = WHEEL.encode()
    scripts = installed.read_text("entry_points.txt") or ""
    members[f"{stem}.dist-info/entry_points.txt"] = scripts.encode()
    record = f"{stem}.dist-info/RECORD"
    lines = [f"{name},{digest(data)},{len(data)}" for name, data in members.items()]
    members[record] = "\n".join([*lines, f"{record},,", ""]).encode()

    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            member = zipfile.ZipInfo(name, EPOCH)
            member.external_attr = 0o100644 << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return path


def digest(data: bytes) -> str:
    """As a wheel's RECORD spells it (PEP 427)."""
    text = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return "sha256=" + text.decode().rstrip("=")
