"""`Finding`: one thing that `container-toolkit check` looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`name` says what was looked at, `message` in one sentence what was found, or what to do."""

    name: str
    ok: bool
    message: str
