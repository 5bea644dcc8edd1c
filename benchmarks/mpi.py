"""How long a two-host MPI job takes beyond mpirun itself: `train` on both hosts, and mpirun by hand
over an sshd and keys that are there already.

    python benchmarks/mpi.py [--quick]

Hosts are containers on one network, with two ranks each; the program initializes MPI, meets the
other ranks once, and ends. The peer sleeps for 30 seconds in every MPI job, whatever it runs.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from _two_hosts import HOSTS, MARK, beyond_bare, call

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
from mpi4py import MPI
MPI.COMM_WORLD.Barrier()
"""
FLAGS = {"sagemaker_mpi_enabled": "true", "sagemaker_mpi_num_of_processes_per_host": "2"}

PORT = 2222
MAKE_KEY = "ssh-keygen -q -t ed25519 -N '' -f /opt/ml/key && chmod 644 /opt/ml/key"
TRUST_IT = f"""
mkdir -p /run/sshd "$HOME"/.ssh
cp /opt/ml/key "$HOME"/.ssh/id_ed25519
cp /opt/ml/key.pub "$HOME"/.ssh/authorized_keys
printf 'Port {PORT}\\nStrictHostKeyChecking no\\nLogLevel ERROR\\n' > "$HOME"/.ssh/config
chmod -R go= "$HOME"/.ssh
/usr/sbin/sshd -p {PORT} -h "$HOME"/.ssh/id_ed25519
"""
BY_HAND = (
    *("mpirun", "--allow-run-as-root", "-np", "4", "--host", "algo-1:2,algo-2:2"),
    *("-mca", "btl_tcp_if_include", "eth0", "-mca", "oob_tcp_if_include", "eth0"),
    *("-mca", "mpi_yield_when_idle", "1", "-mca", "btl_vader_single_copy_mechanism", "none"),
    *("python3", "-m", "mpi4py", "train.py"),
)


def main() -> None:
    beyond_bare("mpirun", "mpi", PROGRAM, FLAGS, [BY_HAND, ("true",)], trust_each_other)


def trust_each_other(engine: str, folder: Path) -> None:
    """All that is there before mpirun starts by hand: one key, known everywhere, and sshd."""
    leader, *others = HOSTS
    call(engine, "exec", f"{MARK}-{leader}", "sh", "-ec", MAKE_KEY)
    for name in ("key", "key.pub"):
        for host in others:
            shutil.copy(folder / leader / name, folder / host)
    for host in HOSTS:
        call(engine, "exec", f"{MARK}-{host}", "sh", "-ec", TRUST_IT)


if __name__ == "__main__":
    main()
