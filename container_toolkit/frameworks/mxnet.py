"""MXNet: the plain program, or a distributed kvstore (scheduler, servers, workers; `DMLC_*`)."""

from __future__ import annotations

import sys

from container_toolkit.contract import program as kinds
from container_toolkit.frameworks import PARAMETER_SERVER, placement, plain
from container_toolkit.process import Command
from container_toolkit.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.program import Program

# The peer's hyperparameters, and what holds without them.
PORT, VERBOSE = "_ps_port", "_ps_verbose"
DEFAULT_PORT, DEFAULT_VERBOSE = 8000, 0

# Importing MXNet in one of these roles serves until all workers have finished.
HELP = (sys.executable, "-c", "import mxnet")

ENDS = ("-m", "container_toolkit.frameworks.mxnet_worker")

# The scheduler listens at DMLC_PS_ROOT_URI, where ps-lite takes no name but an address; this has it
# listen at all of its own, as under Kubernetes, where names are all there is too.
ANY_ADDRESS = {"DMLC_USE_KUBERNETES": "1"}


def plan(
    env: TrainingEnvironment, program: Program, environ: Mapping[str, str]
) -> tuple[Command, ...]:
    """The program as a worker on every host, a server beside each, the scheduler on the leader."""
    if not placement.asked(env, PARAMETER_SERVER):
        return plain.plan(env, program, environ)
    place = placement.of(env)
    given = env.hyperparameters.user
    port = placement.number(given, PORT, default=DEFAULT_PORT, least=0, most=65535)
    verbose = placement.number(given, VERBOSE, default=DEFAULT_VERBOSE, least=0, most=2)
    common = {
        **environ,
        "DMLC_NUM_WORKER": str(len(place.hosts)),
        "DMLC_NUM_SERVER": str(len(place.hosts)),
        "DMLC_PS_ROOT_URI": place.leader,
        "DMLC_PS_ROOT_PORT": str(port),
        "DMLC_INTERFACE": place.interface,
        "PS_VERBOSE": str(verbose),
    }
    roles = (("scheduler",) if place.leads else ()) + ("server",)
    helpers = (
        Command(
            argv=HELP,
            env={**common, "DMLC_ROLE": role, **ANY_ADDRESS},
            cwd=program.folder,
            label=role,
            helper=True,
        )
        for role in roles
    )
    worker = plain.plan(env, one_that_ends(program), {**common, "DMLC_ROLE": "worker"})
    return (*worker, *helpers)


def one_that_ends(program: Program) -> Program:
    """Python programs end when they fail, where the kvstore would keep them waiting."""
    if program.kind not in (kinds.SCRIPT, kinds.PACKAGE):
        return program
    return replace(program, argv=(program.argv[0], *ENDS, *program.argv[1:]))
