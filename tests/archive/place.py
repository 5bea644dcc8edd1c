from __future__ import annotations

from pathlib import Path

import pytest

from container_toolkit.archive import unpack
from container_toolkit.errors import ArchiveError
from tests.archive.tars import snapshot


class Place:
    """A folder to unpack into, next to one that must not change."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.archive = top / "archive.tar"
        self.into = top / "inner" / "into"
        self.outside = top / "outside"
        self.into.mkdir(parents=True)
        self.outside.mkdir()
        (self.into / "there").write_text("before")
        (self.outside / "canary").write_text("sings")
        (self.top / "inner" / "canary").write_text("sings")

    def unpack(self, data: bytes, **limits: int) -> int:
        self.archive.write_bytes(data)
        before = snapshot(self.top, without=self.into)
        try:
            return unpack(str(self.archive), str(self.into), **limits)
        finally:
            assert snapshot(self.top, without=self.into) == before

    def refuses(self, data: bytes, **limits: int) -> str:
        """The sentence that refuses `data`; the folder is as it was."""
        before = snapshot(self.into)
        with pytest.raises(ArchiveError) as caught:
            self.unpack(data, **limits)
        assert snapshot(self.into) == before
        sentence = str(caught.value)
        assert str(self.archive) in sentence
        assert "again" in sentence
        assert "\n" not in sentence
        return sentence

    def survives(self, data: bytes) -> None:
        """`data` is unpacked, or refused in one sentence."""
        sentence = ""
        try:
            self.unpack(data)
        except ArchiveError as error:
            sentence = str(error)
        assert "\n" not in sentence
