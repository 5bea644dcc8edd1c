"""PyTorch: the plain program, or torchrun on every host of the job."""

from __future__ import annotations

import sys

from container_toolkit.contract import program as kinds
from container_toolkit.contract.arguments import to_arguments
from container_toolkit.errors import ConfigError
from container_toolkit.frameworks import TORCH, placement, plain
from container_toolkit.process import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.program import Program
    from container_toolkit.frameworks.placement import Placement

PORT = 7777  # the peer's, which programs may have written down

# Seconds that torchrun leaves its ranks after SIGTERM. Its own 30 are less than the service's 120
# and than what a program may need to save its state.
SHUTDOWN = 110

# Ours: the peer knows no elastic training.
RESTARTS = "sagemaker_torch_distributed_max_restarts"
MIN_HOSTS = "sagemaker_torch_distributed_min_hosts"


def plan(
    env: TrainingEnvironment, program: Program, environ: Mapping[str, str]
) -> tuple[Command, ...]:
    """torchrun where the hyperparameter asks for it, else the program as it is.

    Either way the program finds the address that a process group of its own would need. Raises
    ConfigError for a program that torchrun can't start.
    """
    environ = {**variables(env), **environ}
    if not placement.asked(env, TORCH):
        return plain.plan(env, program, environ)
    place = placement.of(env)
    environ = {**for_ranks(env, place), **environ}
    arguments = to_arguments(env.hyperparameters.user) if program.takes_arguments else ()
    launcher = (sys.executable, "-m", "container_toolkit.frameworks.torchrun")
    return (
        Command(
            argv=(*launcher, *rendezvous(env, place), *target(program), *arguments),
            env=environ,
            cwd=program.folder,
            label=program.name,
        ),
    )


def variables(env: TrainingEnvironment) -> dict[str, str]:
    """What the peer exports, and gloo's counterpart; the image's or job's own come first.

    InfiniBand is off as in the peer: no instance has it, and looking for it takes NCCL a while.
    """
    interface = placement.interface(env)
    return {
        "MASTER_ADDR": env.master,
        "MASTER_PORT": str(PORT),
        "NCCL_SOCKET_IFNAME": interface,
        "GLOO_SOCKET_IFNAME": interface,
        "NCCL_IB_DISABLE": "1",
        "NCCL_DEBUG": "WARN",
    }


def for_ranks(env: TrainingEnvironment, place: Placement) -> dict[str, str]:
    """The CPUs shared out between several ranks: torchrun itself would leave each one thread.

    A store for every start of the ranks: in one that torchrun goes on with, PyTorch 2.13's ranks
    find the addresses of those before them, and fail again.
    """
    return {
        "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(SHUTDOWN),
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
        **placement.threads(env, place),
    }


def spare(env: TrainingEnvironment) -> int:
    """How many hosts beside the leader may be lost while the program goes on."""
    if not placement.asked(env, TORCH):
        return 0
    hosts, given = len(placement.of(env).hosts), placement.given(env)
    return hosts - placement.number(given, MIN_HOSTS, default=hosts, least=1, most=hosts)


def rendezvous(env: TrainingEnvironment, place: Placement) -> tuple[str, ...]:
    """torchrun's options: fixed ranks, or where restarts are allowed whoever is there."""
    least = len(place.hosts) - spare(env)
    # A host that is lost makes the ranks of the others fail too.
    restarts = placement.number(
        placement.given(env), RESTARTS, default=spare(env), least=0, most=1000
    )
    processes = f"--nproc_per_node={place.processes}"
    if not restarts and least == len(place.hosts):
        fixed = (f"--node_rank={place.rank}", f"--master_addr={place.leader}")
        return (f"--nnodes={len(place.hosts)}", processes, *fixed, f"--master_port={PORT}")
    return (
        f"--nnodes={least}:{len(place.hosts)}",
        processes,
        f"--max_restarts={restarts}",
        "--rdzv_backend=c10d",
        f"--rdzv_endpoint={place.leader}:{PORT}",
        f"--rdzv_id={env.job_name or 'job'}",
        f"--rdzv_conf=is_host={int(place.leads)}",
        f"--local_addr={env.cluster.current_host}",
    )


def target(program: Program) -> tuple[str, ...]:
    """The program as torchrun wants it: a file, `-m` module, or any other command."""
    if program.kind == kinds.SCRIPT:
        return program.argv[1:]
    if program.kind == kinds.PACKAGE:
        return program.argv[1:]
    if program.kind in (kinds.FUNCTION, kinds.ALGORITHM):
        raise ConfigError(
            f"hyperparameter {TORCH} can't launch {program.name}; name a program file instead."
        )
    return ("--no_python", *program.argv)
