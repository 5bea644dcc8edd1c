"""Where a distributed program runs: facts that every launcher needs and none may decide alone."""

from __future__ import annotations

from container_toolkit.errors import ConfigError
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
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
    hosts = tuple(env.distribution_hosts or env.cluster.hosts)
    if env.cluster.current_host not in hosts:
        raise ConfigError(
            f"{env.cluster.current_host} is not among the hosts {', '.join(hosts)} that training is"
            " distributed over; check hyperparameter sagemaker_distribution_instance_groups."
        )
    return Placement(
        hosts=hosts,
        rank=hosts.index(env.cluster.current_host),
        interface=interface(env),
        processes=processes(env),
    )


def interface(env: TrainingEnvironment) -> str:
    """The resource config's where this machine has it, else the one of the default route.

    Engines name it as they like; a library told a name that is not there refuses to start.
    """
    wanted, there = env.cluster.network_interface, env.machine.interfaces
    return wanted if wanted in there or not there else there[0]


def processes(env: TrainingEnvironment) -> int:
    """The peers' hyperparameter, else one a GPU or Neuron core, else one."""
    given = env.hyperparameters.framework.get(PROCESSES)
    if given is None or given == "":
        return env.machine.gpus or env.machine.neurons or 1
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise ConfigError(f"hyperparameter {PROCESSES} is {given!r}; use a number from 1.")
    return given
