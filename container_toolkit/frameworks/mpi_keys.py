"""ssh between the hosts of one job: keys made for it, and configurations that trust nothing else.

Neither the image nor a user's home holds a key; all of it is in a private folder that goes with the
job. Works for any user that has a name.
"""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from container_toolkit.errors import CodeError, PlatformError
from container_toolkit.frameworks import mpi_shell
from container_toolkit.process import spawn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

KEY, CONFIG, KNOWN, ALLOWED, ENVIRON = "key", "config", "known_hosts", "authorized_keys", "environ"
PRIVILEGE_FOLDER = "/run/sshd"  # an empty one, which sshd wants where it is run by root

CLIENT = """\
IdentityFile {folder}/key
IdentitiesOnly yes
IdentityAgent none
UserKnownHostsFile {folder}/known_hosts
GlobalKnownHostsFile none
StrictHostKeyChecking yes
UpdateHostKeys no
BatchMode yes
PreferredAuthentications publickey
ConnectTimeout 60
ServerAliveInterval 20
LogLevel ERROR
"""

SERVER = """\
HostKey {folder}/key
AuthorizedKeysFile {folder}/authorized_keys
ForceCommand {command}
AllowUsers {user}
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
DisableForwarding yes
PermitTTY no
PermitUserRC no
PermitUserEnvironment no
PrintMotd no
UseDNS no
PidFile none
LogLevel ERROR
"""


def tool(name: str, environ: Mapping[str, str]) -> str:
    """Where a program of Open MPI or OpenSSH is. Raises CodeError."""
    try:
        return spawn.find(name, environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")
    except FileNotFoundError:
        raise CodeError(
            f"{name} is not in the image; install Open MPI, and for several hosts an OpenSSH client"
            " and server."
        ) from None


def user() -> str:
    """Raises CodeError for a user without a name, whom ssh lets in nowhere."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise CodeError(
            f"user {os.getuid()} has no name, which ssh asks for; add the user to the image's"
            " /etc/passwd, with /bin/sh as its shell."
        ) from None


def make_key(folder: str, environ: Mapping[str, str]) -> str:
    """A new key pair in `folder`; returns its public half. Raises CodeError as `user` does."""
    user()
    path = os.path.join(folder, KEY)
    argv = [tool("ssh-keygen", environ), "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise PlatformError(f"ssh-keygen can't make a key: {' '.join(done.stderr.split())}")
    with open(f"{path}.pub") as file:
        return " ".join(file.read().split()[:2])


def write_client(folder: str, workers: Mapping[str, Mapping[str, Any]]) -> str:
    """What the leader needs to reach the workers; returns the configuration's path.

    `workers`: host to the `key`, `port` and `user` it told, and its `address`.
    """
    config = [CLIENT.format(folder=folder)]
    known = []
    for host, told in workers.items():
        config.append(
            f"Host {host}\nHostName {told['address']}\nPort {told['port']}\nUser {told['user']}\n"
            f"HostKeyAlias {host}\n"
        )
        known.append(f"{host} {told['key']}\n")
    write(folder, KNOWN, "".join(known))
    # What comes first holds, so the hosts come before what is said of all.
    return write(folder, CONFIG, "".join([*config[1:], "Host *\n", config[0]]))


def write_server(folder: str, leader_key: str, environ: Mapping[str, str]) -> str:
    """What this host's sshd needs to let the leader in, and nobody else; returns its
    configuration's path. A command of the leader's gets this host's `environ`."""
    write(folder, ALLOWED, f"restrict {leader_key}\n")
    texts = (f"{name}={value}" for name, value in environ.items())
    write(folder, ENVIRON, "\0".join(texts))
    # Alone, without this package: whatever the image's Python finds, the command starts at once.
    command = (sys.executable, "-I", "-S", str(mpi_shell.__file__), os.path.join(folder, ENVIRON))
    text = SERVER.format(folder=folder, command=shlex.join(command), user=user())
    if os.geteuid() == 0:
        os.makedirs(PRIVILEGE_FOLDER, mode=0o755, exist_ok=True)
    return write(folder, CONFIG, text)


def write(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    with open(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600),
        "w",
        encoding="utf-8",
        errors="surrogateescape",
    ) as file:
        file.write(text)
    return path
