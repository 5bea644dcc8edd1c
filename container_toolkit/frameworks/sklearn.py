"""scikit-learn: the plain launcher, with as many processes and threads as the container has CPUs.

A container sees all processors of its machine; a quota shows in no count that BLAS or OpenMP take,
and 64 threads on two CPUs' worth of time are slower than two.

For the threads of the program itself the variables are those that joblib does not know
(GOTO_NUM_THREADS, OMP_THREAD_LIMIT), on purpose: the ones it knows (OMP_NUM_THREADS,
OPENBLAS_NUM_THREADS …) it shares out among its worker processes, but only where they are not set.
Set, each of n workers would start n threads.
"""

from __future__ import annotations

from container_toolkit.frameworks import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.program import Program
    from container_toolkit.process import Command

# A variable of ours, and what of the user's comes before it: the library would read theirs first,
# or ours would put a limit to it.
THREADS = {
    "LOKY_MAX_CPU_COUNT": (),
    "GOTO_NUM_THREADS": ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"),
    "OMP_THREAD_LIMIT": ("OMP_NUM_THREADS",),
}


def plan(
    env: TrainingEnvironment, program: Program, environ: Mapping[str, str]
) -> tuple[Command, ...]:
    """The plain launcher's command, with whatever of THREADS the user has not settled."""
    count = str(env.machine.cpus)
    ours = {
        name: count
        for name, theirs in THREADS.items()
        if not any(environ.get(each) for each in (name, *theirs))
    }
    return plain.plan(env, program, {**environ, **ours})
