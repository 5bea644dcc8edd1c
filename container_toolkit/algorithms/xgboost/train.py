"""Train on a job's channels and leave the model: what `train` of the declaration names."""

from __future__ import annotations

import contextlib
import sys
import warnings
from typing import TYPE_CHECKING, Any

from container_toolkit.algorithms.xgboost import inputs, k_fold, labels, library, model, settings
from container_toolkit.algorithms.xgboost.boost import Run, boost
from container_toolkit.algorithms.xgboost.checkpoints import Checkpoints
from container_toolkit.algorithms.xgboost.collective import joined
from container_toolkit.algorithms.xgboost.evaluation import TRAIN
from container_toolkit.algorithms.xgboost.failures import sentence, told
from container_toolkit.algorithms.xgboost.settings import LINEAR
from container_toolkit.algorithms.xgboost.termination import EXIT, Stop
from container_toolkit.contract import checkpoints as contract
from container_toolkit.errors import ConfigError
from container_toolkit.rendezvous import silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from container_toolkit.algorithms.declaration import Job
    from container_toolkit.algorithms.hosts import Hosts
    from container_toolkit.algorithms.xgboost.data import Rows
    from container_toolkit.algorithms.xgboost.settings import Settings


def train(job: Job) -> None:
    """Train, and leave `xgboost-model` in the model folder, or with folds `xgboost-model-0` on.

    On several hosts every one calls it; the leader writes checkpoints and the model. Raises
    ToolkitErrors, and SystemExit as a shell tells SIGTERM when the job was stopped.
    """
    library.load()
    chosen = settings.of(job.hyperparameters, job.env.machine.cpus)
    stop = Stop()
    with library_log(chosen):
        if chosen.folds:
            stopped = k_fold.train(job, chosen, stop, say)
        else:
            stopped = alone_or_together(job, chosen, stop)
    if stopped:
        raise SystemExit(EXIT)


def say(line: str) -> None:
    """A line of the job's log."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def alone_or_together(job: Job, chosen: Settings, stop: Stop) -> bool:
    """Meet the other hosts, load, train; True when a stop was asked for before the end.

    They meet first, so that each hears at once of another that can't read its data.
    """
    cluster = job.env.cluster
    if cluster.size > 1:
        check_for_several_hosts(chosen)
    with (
        stop.listening(),
        joined(cluster, announce=say, stopping=stop.asked, job=job.env.job_name) as hosts,
        told("training"),
    ):
        with stop.at_once():
            loaded = inputs.load(job, chosen)
        return in_company(job, chosen, stop, loaded, hosts)


def check_for_several_hosts(chosen: Settings) -> None:
    """Raises ConfigError for what xgboost 3.2 refuses there, or gets wrong: its linear model
    learns from the rows of each host alone, and silently."""
    if chosen.booster == LINEAR:
        raise ConfigError("booster gblinear trains on one host; set InstanceCount to 1.")
    if chosen.sorts_columns:
        raise ConfigError(
            "tree_method exact trains on one host; set tree_method to hist, or InstanceCount to 1."
        )


def in_company(
    job: Job, chosen: Settings, stop: Stop, loaded: Mapping[str, Rows], hosts: Hosts
) -> bool:
    tell = say if hosts.rank == 0 else silent
    sizes = inputs.counted(loaded, hosts)
    parts = [f"{rows} rows of {name}" for name, rows in sizes.items() if name != "features"]
    tell(f"{', '.join(parts)}, {sizes['features']} features, {hosts.size} host(s)")
    for rows in loaded.values():
        labels.check(rows, chosen)
    matrices = inputs.made(job, chosen, loaded, sizes["features"])
    for rows in loaded.values():
        rows.close()
    folder = checkpoint_folder(job, chosen, tell) if hosts.rank == 0 else ""
    checkpoints = Checkpoints(folder, inputs.identity(chosen, sizes), tell)
    if hosts.broadcast(b"kept" if folder else b""):
        chosen = chosen.to_be_resumed()
    run = Run(settings=chosen, hosts=hosts, stop=stop, say=tell)
    done = boost(run, matrices, checkpoints)
    if hosts.rank == 0 and done.rounds and (chosen.save_on_stop or not done.stopped):
        media = job.content_types[TRAIN]
        model.save(done.booster, job.env.layout.model, model.NAME, media)
    return done.stopped


def checkpoint_folder(job: Job, chosen: Settings, tell: Callable[[str], None]) -> str:
    """ "" for none."""
    folder = contract.load(job.env.layout)
    if folder and not chosen.resumes:
        tell("WARNING: xgboost can't go on with lambdarank_unbiased, so no checkpoints are kept")
        return ""
    return folder


@contextlib.contextmanager
def library_log(chosen: Settings) -> Iterator[None]:
    """xgboost's warnings as lines of the log, as many as `verbosity` asks for."""
    import xgboost

    def show(message: Warning | str, *_rest: Any, **_options: Any) -> None:
        text = sentence(str(message)).removeprefix("WARNING: ")
        sys.stderr.write(f"WARNING: {sentence(text)}\n")

    with warnings.catch_warnings():
        warnings.showwarning = show
        with xgboost.config_context(verbosity=chosen.params.get("verbosity", 1)):
            yield
