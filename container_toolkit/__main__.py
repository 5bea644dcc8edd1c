"""`python -m container_toolkit` is the `container-toolkit` command."""

from __future__ import annotations

import sys

from container_toolkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
