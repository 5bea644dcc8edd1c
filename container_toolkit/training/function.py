"""`python -m container_toolkit.training.function pkg.mod:fn`: calls a framework's entry function.

It runs in a process of its own, so that the runtime's exit code never depends on it.
"""

from __future__ import annotations

import importlib
import sys
import traceback

DEFAULT_FUNCTION = "main"


def call(target: str) -> int:
    """Import and call; the exit code is the error's errno where that is a usable one (the
    peers' rule), else 1. SystemExit and KeyboardInterrupt end the process as they always do."""
    module, _, function = target.partition(":")
    try:
        getattr(importlib.import_module(module), function or DEFAULT_FUNCTION)()
    except Exception as error:
        traceback.print_exc()
        number = getattr(error, "errno", None)
        return number if isinstance(number, int) and 0 < number < 256 else 1
    return 0


if __name__ == "__main__":
    target = sys.argv[1]
    sys.argv = ["train"]
    sys.exit(call(target))
