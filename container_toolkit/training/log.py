"""The runtime's own few lines on stderr, beside the program's output and never inside it."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.training.secrets import Secrets

INFO, WARNING, ERROR = 20, 30, 40


class Log:
    """Writes lines `train: …` at or above `level`, secrets masked."""

    def __init__(self, secrets: Secrets, level: int = INFO) -> None:
        self.secrets = secrets
        self._level = level

    def configure(self, secrets: Secrets, level: int) -> None:
        """What the job's own documents say, once they have been read."""
        self.secrets = secrets
        self._level = level

    def masked(self, text: str) -> str:
        return self.secrets.mask(text)

    def info(self, text: str) -> None:
        self._write(INFO, text)

    def warning(self, text: str) -> None:
        self._write(WARNING, f"WARNING: {text}")

    def error(self, text: str) -> None:
        self._write(ERROR, f"ERROR: {text}")

    def _write(self, level: int, text: str) -> None:
        if level < self._level:
            return
        lines = self.masked(text).splitlines() or [""]
        data = "".join(f"train: {line}\n" for line in lines).encode(errors="replace")
        try:
            os.write(2, data)
        except OSError:
            pass  # nobody is left to read it; the outcome does not depend on the log
