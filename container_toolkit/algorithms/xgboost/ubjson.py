"""Whether bytes are one whole UBJSON document.

xgboost ends the process when it reads a model that stops half-way, so what a broken copy may have
left is looked over first. Source of the markers: the UBJSON specification, draft 12, with the
typed and counted arrays that xgboost writes.
"""

from __future__ import annotations

_SIZES = {
    b"i": 1, b"U": 1, b"I": 2, b"l": 4, b"L": 8, b"d": 4, b"D": 8, b"C": 1,
    b"T": 0, b"F": 0, b"Z": 0, b"N": 0,
}  # fmt: skip
_INTEGERS = frozenset((b"i", b"U", b"I", b"l", b"L"))
_ENDS = {b"{": b"}", b"[": b"]"}


def is_whole(data: bytes) -> bool:
    """Whether `data` is an object from its first byte to its last."""
    try:
        return data[:1] == b"{" and _Walk(data).over_one_value() == len(data)
    except ValueError:
        return False


class _Walk:
    """Goes over a document without building it; raises ValueError where it makes no sense."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        # Not recursive: how deep it goes is the data's to say. A container is its marker and how
        # many values it still has, None where an end marker closes it.
        self._open: list[tuple[bytes, int | None]] = []

    def over_one_value(self) -> int:
        """Where the value ends."""
        self._value(self._take(1))
        while self._open:
            kind, left = self._open.pop()
            if left == 0:
                continue
            if left is None and self._peek() == _ENDS[kind]:
                self._take(1)
                continue
            self._open.append((kind, None if left is None else left - 1))
            if kind == b"{":
                self._take(self._integer())
            self._value(self._take(1))
        return self._at

    def _value(self, marker: bytes) -> None:
        if marker in _SIZES:
            self._take(_SIZES[marker])
        elif marker in (b"S", b"H"):
            self._take(self._integer())
        elif marker in _ENDS:
            self._container(marker)
        else:
            raise ValueError("no such marker")

    def _container(self, marker: bytes) -> None:
        size: int | None = None
        if self._peek() == b"$":
            size = _SIZES.get(self._take(2)[1:], 0)
            if not size or marker != b"[" or self._peek() != b"#":
                raise ValueError("an array of nothing known")
        if self._peek() != b"#":
            self._open.append((marker, None))
            return
        self._take(1)
        count = self._integer()
        if size is None:
            self._open.append((marker, count))
        else:
            self._take(size * count)

    def _integer(self) -> int:
        marker = self._take(1)
        if marker not in _INTEGERS:
            raise ValueError("no length")
        value = int.from_bytes(self._take(_SIZES[marker]), "big", signed=marker != b"U")
        if value < 0:
            raise ValueError("a negative length")
        return value

    def _peek(self) -> bytes:
        return self._data[self._at : self._at + 1]

    def _take(self, count: int) -> bytes:
        start, self._at = self._at, self._at + count
        if self._at > len(self._data):
            raise ValueError("it ends too early")
        return self._data[start : self._at]
