"""How long a two-host job under torchrun takes beyond torchrun itself: `train` on both hosts, and
torchrun started on both by hand.

    python benchmarks/torchrun.py [--quick]

Hosts are containers on one network, with one rank each; the program makes a process group over
gloo, meets the other rank once, and ends.
"""

from __future__ import annotations

from _two_hosts import HOSTS, beyond_bare

PROGRAM = """
from torch import distributed
distributed.init_process_group("gloo")
distributed.barrier()
distributed.destroy_process_group()
"""


def main() -> None:
    flags = {"sagemaker_torch_distributed_enabled": "true"}
    beyond_bare("torchrun", "pytorch", PROGRAM, flags, [by_hand(0), by_hand(1)])


def by_hand(rank: int) -> list[str]:
    where = (f"--node_rank={rank}", f"--master_addr={HOSTS[0]}", "--master_port=7777")
    return ["torchrun", "--nnodes=2", "--nproc_per_node=1", *where, "train.py"]


if __name__ == "__main__":
    main()
