"""What sshd runs on a worker: the leader's command, in this host's own environment.

sshd passes nearly nothing on, and mpirun the leader's: either way a rank would not know its host.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    with open(sys.argv[1], "rb") as file:
        pairs = (entry.partition(b"=") for entry in file.read().split(b"\0") if entry)
        environ = {name: value for name, _, value in pairs}
    command = os.environb.get(b"SSH_ORIGINAL_COMMAND", b"")
    os.execve("/bin/sh", [b"/bin/sh", b"-c", command], environ)  # noqa: S606 the leader's, as in ssh


if __name__ == "__main__":
    main()
