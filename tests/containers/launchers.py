"""The launchers of several hosts, each with an image and a program that shows what it did."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.containers.engines import ROOT
from tests.containers.hosts import Hosts

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.containers.engines import Engine


# A host takes all CPUs for its own. Here hosts share them, and threads that spin for one another
# would keep the CPU from those they wait for.
ONE_THREAD = ("-e", "OMP_NUM_THREADS=1")


@dataclass(frozen=True)
class Launcher:
    image: str
    flag: str
    program: str = "train.py"

    def hosts(
        self,
        request: pytest.FixtureRequest,
        folder: Path,
        count: int = 2,
        *,
        options: tuple[str, ...] = (),
        command: tuple[str, ...] = ("train",),
        program: str = "",
        **hyperparameters: object,
    ) -> Hosts:
        engine: Engine = request.getfixturevalue("engine")
        return Hosts(
            engine,
            request.getfixturevalue(self.image),
            ROOT / "images" / self.image / "ml",
            folder,
            count,
            {
                "sagemaker_program": "program.py" if program else self.program,
                self.flag: True,
                **hyperparameters,
            },
            (*ONE_THREAD, *options),
            command,
            program,
        )


TORCHRUN = Launcher("pytorch", "sagemaker_torch_distributed_enabled")
MIRRORED = Launcher("tensorflow", "sagemaker_multi_worker_mirrored_strategy_enabled")
SERVERS = Launcher("tensorflow", "sagemaker_parameter_server_enabled", "servers.py")
KVSTORE = Launcher("mxnet", "sagemaker_parameter_server_enabled")
MPI = Launcher("mpi", "sagemaker_mpi_enabled")

LAUNCHERS = {
    "torchrun": TORCHRUN,
    "mirrored": MIRRORED,
    "servers": SERVERS,
    "kvstore": KVSTORE,
}


# Exit codes of an exception. A process group over gloo that is there when Python ends may abort it:
# PyTorch 2.13 has threads that still want Python's lock then.
FAILED = (1, 134)


@dataclass(frozen=True)
class Learned:
    """What the programs said: rows by rank, hashes of the weights by rank, the accuracy."""

    rows: dict[int, int]
    weights: dict[int, str]
    accuracy: float


def learned(*logs: str) -> Learned:
    text = "\n".join(logs)
    (accuracy,) = re.findall(r"^accuracy=([\d.]+)$", text, re.MULTILINE)
    return Learned(
        {int(r): int(n) for r, n in re.findall(r"^rank=(\d+) of \d+ rows=(\d+)$", text, re.M)},
        {int(r): h for r, h in re.findall(r"^rank=(\d+) weights=(\w+)$", text, re.M)},
        float(accuracy),
    )
