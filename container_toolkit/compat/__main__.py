"""`python -m container_toolkit.compat`: the peers' names for every process of this Python."""

from __future__ import annotations

import os
import sys
import sysconfig

from container_toolkit.compat import FOLDER

FILE = "container_toolkit_compat.pth"


def main() -> None:
    path = os.path.join(sysconfig.get_path("purelib"), FILE)
    try:
        with open(path, "w", encoding="utf-8") as out:
            out.write(f"{FOLDER}\n")
    except OSError as error:
        sys.exit(f"{path} can't be written: {error.strerror}; run it as the owner of this Python.")


if __name__ == "__main__":
    main()
