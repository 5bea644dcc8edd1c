"""A distribution of somebody else's that adds an algorithm, as an installer would leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.jobs import Job

MODULE = """
import json, os, sys

from container_toolkit.algorithms.declaration import Algorithm, ChannelRole, Metric
from container_toolkit.algorithms.declaration import category, integer
from container_toolkit.errors import AlgorithmError, DataError, PlatformError

def train(job):
    how = job.hyperparameters["ends"]
    print("[0]\\ttrain-loss:0.5", flush=True)
    if how == "data":
        raise DataError("channel 'train', a.csv, row 3, column 2: 'x' is no number.")
    if how == "platform":
        raise PlatformError("host algo-2 is lost.")
    if how == "algorithm":
        raise AlgorithmError("the tree has no root.")
    if how == "bug":
        return {}["missing key"]
    if how == "memory":
        raise MemoryError("Unable to allocate 9 TiB")
    if how == "library":
        import a_library_that_is_not_there
    if how == "ours":
        import container_toolkit.no_such_module
    if how == "lines":
        raise DataError("first line\\n  second line")
    path = os.path.join(job.env.layout.model, "constant.json")
    with open(path, "w") as file:
        json.dump({
            "rounds": job.hyperparameters["rounds"],
            "types": {name: str(media) for name, media in job.content_types.items()},
            "files": [os.path.basename(path) for path in job.env.channels["train"].files()],
        }, file)

def load(folder):
    raise NotImplementedError

ALGORITHM = Algorithm(
    name="constant",
    summary="Predicts a constant.",
    hyperparameters=(
        integer("rounds", "[1, 9]", "How often.", default=3),
        integer("old", "[0, 1]", "", deprecated="nothing reads it"),
        category("ends", ("well", "data", "platform", "algorithm", "bug", "memory", "library",
                          "ours", "lines"), "How it ends.", default="well"),
    ),
    rules=(),
    channels=(ChannelRole(name="train", meaning="the data", required=True, default="text/csv"),),
    content_types=("text/csv",),
    metrics=(Metric(name="train:loss", regex=r"train-loss:(\\S+)", maximize=False),),
    artifact="constant.json",
    train="constant_algorithm:train",
    load="constant_algorithm:load",
    predict="constant_algorithm:load",
    accepts=("text/csv",),
    outputs=("score",),
)
"""


def installed(job: Job, folder: Path, name: str = "constant") -> Job:
    """The job, with the algorithm on its path and chosen, and a channel to train on."""
    information = folder / "constant_algorithm-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: constant\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        f"[container_toolkit.algorithms]\n{name} = constant_algorithm:ALGORITHM\n"
    )
    (folder / "constant_algorithm.py").write_text(MODULE)
    job.channel("train", **{"a.csv": "1,2\n"})
    return job.env(PYTHONPATH=str(folder), CONTAINER_TOOLKIT_ALGORITHM=name)
