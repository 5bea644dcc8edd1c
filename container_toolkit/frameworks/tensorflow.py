"""TensorFlow: the plain program, parameter servers, or the multi-worker strategy (`TF_CONFIG`)."""

from __future__ import annotations

import json
import sys

from container_toolkit.frameworks import MIRRORED, PARAMETER_SERVER, placement, plain
from container_toolkit.process import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.program import Program
    from container_toolkit.frameworks.placement import Placement

# The peer's ports.
WORKER_PORT, SERVER_PORT, MIRRORED_PORT = 2222, 2223, 8890

# A parameter server is TensorFlow's own; it never ends by itself.
SERVE = (
    "import json, os, tensorflow as tf;"
    " c = json.loads(os.environ['TF_CONFIG']);"
    " tf.distribute.Server(c['cluster'], job_name='ps', task_index=c['task']['index'],"
    " protocol='grpc').join()"
)


def plan(
    env: TrainingEnvironment, program: Program, environ: Mapping[str, str]
) -> tuple[Command, ...]:
    """The program once on every host; with parameter servers a server beside it on each."""
    environ = {"TF_CPP_MIN_LOG_LEVEL": "1", **environ}
    if placement.asked(env, MIRRORED):
        return plain.plan(env, program, with_config(environ, mirrored(placement.of(env))))
    if not placement.asked(env, PARAMETER_SERVER):
        return plain.plan(env, program, environ)
    place = placement.of(env)
    if len(place.hosts) == 1:  # nobody to share parameters with: the peer's own exception
        return plain.plan(env, program, environ)
    server = Command(
        argv=(sys.executable, "-c", SERVE),
        env=with_config(environ, {**servers(place), "task": {"type": "ps", "index": place.rank}}),
        cwd=program.folder,
        label="parameter server",
        helper=True,
    )
    role = {"type": "master", "index": 0}
    if not place.leads:
        role = {"type": "worker", "index": place.rank - 1}
    config = {**servers(place), "task": role}
    return (*plain.plan(env, program, with_config(environ, config)), server)


def servers(place: Placement) -> dict[str, Any]:
    """The peer's cluster: the leader is master, the others workers, and each host a server."""
    workers = [f"{host}:{WORKER_PORT}" for host in place.hosts]
    cluster = {"master": workers[:1], "ps": [f"{host}:{SERVER_PORT}" for host in place.hosts]}
    if workers[1:]:
        cluster["worker"] = workers[1:]
    return {"cluster": cluster, "environment": "cloud"}


def mirrored(place: Placement) -> dict[str, Any]:
    return {
        "cluster": {"worker": [f"{host}:{MIRRORED_PORT}" for host in place.hosts]},
        "task": {"type": "worker", "index": place.rank},
    }


def with_config(environ: Mapping[str, str], config: Mapping[str, Any]) -> dict[str, str]:
    return {**environ, "TF_CONFIG": json.dumps(config, sort_keys=True, separators=(",", ":"))}
