"""Where a distributed program runs: facts that every launcher needs and none may decide alone."""

from __future__ import annotations

from container_toolkit.errors import ConfigError
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from container_toolkit.contract.environment import TrainingEnvironment

PROCESSES = "sagemaker_mpi_num_of_processes_per_host"


class Placement(Value):
    """`hosts` that take part, as the service lists them, and this one's `rank` among them.

    The first is the leader. `interface` is the network interface they talk over; `processes` how
    many of the program each host starts.
    """

    hosts: tuple[str, ...]
    rank: int
    interface: str
    processes: int

    @property
    def leader(self) -> str:
        return self.hosts[0]

    @property
    def leads(self) -> bool:
        return self.rank == 0


def asked(env: TrainingEnvironment, flag: str) -> bool:
    """Whether the program here is to be launched as the hyperparameter `flag` says.

    Hosts of instance groups that training is not distributed over run it plainly, as in the peers.
    """
    here = env.cluster.current_group in env.distribution_groups
    return here and bool(env.hyperparameters.framework.get(flag))


def of(env: TrainingEnvironment) -> Placement:
    """Raises ConfigError naming the setting that makes no sense."""
    among = hosts(env)
    if env.cluster.current_host not in among:
        raise ConfigError(
            f"{env.cluster.current_host} is not among the hosts {', '.join(among)} that training is"
            " distributed over; check hyperparameter sagemaker_distribution_instance_groups."
        )
    return Placement(
        hosts=among,
        rank=among.index(env.cluster.current_host),
        interface=interface(env),
        processes=processes(env),
    )


def hosts(env: TrainingEnvironment) -> tuple[str, ...]:
    """Those that training is distributed over, as the service lists them."""
    return tuple(env.distribution_hosts or env.cluster.hosts)


def interface(env: TrainingEnvironment) -> str:
    """The resource config's where this machine has it, else the one of the default route.

    Engines name it as they like; a library told a name that is not there refuses to start.
    """
    wanted, there = env.cluster.network_interface, env.machine.interfaces
    return wanted if wanted in there or not there else there[0]


def processes(env: TrainingEnvironment) -> int:
    """The peers' hyperparameter, else one a GPU or Neuron core, else one."""
    default = env.machine.gpus or env.machine.neurons or 1
    return number(given(env), PROCESSES, default=default, least=1)


def given(env: TrainingEnvironment) -> dict[str, Any]:
    """The launchers' hyperparameters that say something: an empty one is as good as none."""
    return {name: value for name, value in env.hyperparameters.framework.items() if value != ""}


def threads(env: TrainingEnvironment, place: Placement) -> dict[str, str]:
    """Where ranks share a host, each has its share of the CPUs for what OpenMP computes in it."""
    if place.processes == 1:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, env.machine.cpus // place.processes))}


def number(
    values: Mapping[str, Any], name: str, *, default: int, least: int, most: int | None = None
) -> int:
    """A whole number among decoded hyperparameters; `default` where there is none.

    Raises ConfigError naming it where it is no such number, or not from `least` to `most`.
    """
    value = values.get(name)
    if value is None:
        return default
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        end = "" if most is None else f" to {most}"
        raise ConfigError(f"hyperparameter {name} is {value!r}; use a number from {least}{end}.")
    return int(value)
