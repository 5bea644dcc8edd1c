"""How long a two-host job under torchrun takes beyond torchrun itself: `train` on both hosts, and
torchrun started on both by hand.

    python benchmarks/torchrun.py [--quick]

Hosts are containers on one network, with one rank each; the program makes a process group over
gloo, meets the other rank once, and ends.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from _side_by_side import medians, verdict
from _two_hosts import HOSTS, answering, hosts, run

PROGRAM = """
from torch import distributed
distributed.init_process_group("gloo")
distributed.barrier()
distributed.destroy_process_group()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 repetitions in place of 9")
    repetitions = 3 if parser.parse_args().quick else 9
    engine = answering()
    if not engine:
        print("not measured: no container engine answers; start docker, or install podman")
        return
    flags = {"sagemaker_torch_distributed_enabled": "true"}
    with (
        tempfile.TemporaryDirectory() as folder,
        hosts(engine, "pytorch", Path(folder), PROGRAM, flags),
    ):
        took = medians(
            {
                "torchrun": lambda: run(engine, [by_hand(0), by_hand(1)]),
                "train": lambda: run(engine, [("train",)] * len(HOSTS)),
            },
            repetitions,
        )
    print(f"\na job of two hosts with one rank each, median of {repetitions}, in turns")
    for name, seconds in took.items():
        print(f"  {name:<9}{seconds:8.2f} s")
    verdict("train beyond a bare torchrun", took["train"] - took["torchrun"], "s", 2)


def by_hand(rank: int) -> list[str]:
    where = (f"--node_rank={rank}", f"--master_addr={HOSTS[0]}", "--master_port=7777")
    return ["torchrun", "--nnodes=2", "--nproc_per_node=1", *where, "train.py"]


if __name__ == "__main__":
    main()
