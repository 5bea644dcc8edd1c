"""MPI: mpirun on the leader, over ssh to the other hosts; each of those runs sshd for it."""

from __future__ import annotations

import sys

from container_toolkit.contract import program as kinds
from container_toolkit.contract.arguments import to_arguments
from container_toolkit.errors import ConfigError
from container_toolkit.frameworks import placement, plain
from container_toolkit.process import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.program import Program
    from container_toolkit.frameworks.placement import Placement

OPTIONS = "sagemaker_mpi_custom_mpi_options"
NCCL_DEBUG = "--NCCL_DEBUG"  # the one word among them that is the peers' own, not mpirun's

# Python programs that mpi4py can start: an exception in one rank then ends all of them.
PYTHON = (kinds.SCRIPT, kinds.PACKAGE, kinds.FUNCTION)


def plan(
    env: TrainingEnvironment, program: Program, environ: Mapping[str, str]
) -> tuple[Command, ...]:
    """mpirun on the leader, what takes its ranks in on the others; the plain program on a host
    that training is not distributed over.

    Raises ConfigError naming the hyperparameter that makes no sense.
    """
    if env.cluster.current_host not in placement.hosts(env):
        return plain.plan(env, program, environ)
    place = placement.of(env)
    options, level = custom(env)
    job = ("--host", env.cluster.current_host, "--hosts", *place.hosts, "--job", env.job_name)
    environ = {**variables(place, level), **placement.threads(env, place), **environ}
    if not place.leads:
        serve = (sys.executable, "-m", "container_toolkit.frameworks.mpi_worker", *job)
        # No helper to us: what is below it are the program's ranks, with the program's grace.
        return (Command(argv=serve, env=environ, cwd=program.folder, label="MPI worker"),)
    lead = (sys.executable, "-m", "container_toolkit.frameworks.mpi_leader", *job)
    arguments = to_arguments(env.hyperparameters.user) if program.takes_arguments else ()
    lead += ("--ranks", str(ranks(place)), *(("--mpi4py",) if program.kind in PYTHON else ()))
    return (
        Command(
            argv=(*lead, "--", *mpirun(place, options), "--", *program.argv, *arguments),
            env=environ,
            cwd=program.folder,
            label=program.name,
        ),
    )


def mpirun(place: Placement, options: tuple[str, ...]) -> tuple[str, ...]:
    """One host alone is the one mpirun runs on, whatever the job calls it."""
    names = place.hosts if len(place.hosts) > 1 else ("localhost",)
    slots = ",".join(f"{name}:{place.processes}" for name in names)
    return ("mpirun", "-np", str(ranks(place)), "--host", slots, "--tag-output", *options)


def ranks(place: Placement) -> int:
    return len(place.hosts) * place.processes


def variables(place: Placement, level: str) -> dict[str, str]:
    """Settings of Open MPI and NCCL, as the peer has them on mpirun's command line.

    As variables, the image's own come before them, and the job's own options before both.
    """
    several = {
        "OMPI_MCA_btl_tcp_if_include": place.interface,
        "OMPI_MCA_oob_tcp_if_include": place.interface,
        # The leader starts all others itself: they have no keys for each other.
        "OMPI_MCA_plm_rsh_no_tree_spawn": "1",
    }
    alone = {"OMPI_MCA_plm": "isolated"}  # or mpirun would not start without an ssh
    return {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",  # has a meaning for root alone
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_pml": "ob1",
        "OMPI_MCA_btl": "^openib,ofi,uct",  # looking for such networks takes ofi alone a second
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",  # containers may not ptrace
        "OMPI_MCA_orte_abort_on_non_zero_status": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none",
        "OMPI_MCA_rmaps_base_mapping_policy": "slot",
        # A rank that waits spins; what shares its cores, another container's ranks perhaps, would
        # stand still meanwhile: on two shared cores four ranks are six times slower without it.
        "OMPI_MCA_mpi_yield_when_idle": "1",
        "NCCL_SOCKET_IFNAME": place.interface,
        "NCCL_DEBUG": level,
        **(several if len(place.hosts) > 1 else alone),
    }


def custom(env: TrainingEnvironment) -> tuple[tuple[str, ...], str]:
    """The job's options for mpirun, and NCCL's log level, which is WARN unless they tell it."""
    import shlex

    given = env.hyperparameters.framework.get(OPTIONS) or ""
    if not isinstance(given, str):
        raise ConfigError(f"hyperparameter {OPTIONS} is {given!r}; use text, as in a shell.")
    try:
        words = shlex.split(given)
    except ValueError as error:
        raise ConfigError(f"hyperparameter {OPTIONS} can't be split: {error}.") from None
    options, level = [], "WARN"
    while words:
        word = words.pop(0)
        name, has_value, value = word.partition("=")
        if name == NCCL_DEBUG and (has_value or words):
            level = value if has_value else words.pop(0)
        elif word in ("--", NCCL_DEBUG):
            raise ConfigError(f"hyperparameter {OPTIONS} has a {word} with nothing to say.")
        else:
            options.append(word)
    return tuple(options), level
