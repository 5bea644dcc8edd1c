"""Several hosts, one model: xgboost's collective under our rendezvous and our watch.

xgboost's own meeting point (its tracker) is opened when all hosts are there already, so that none
of its time-outs can pass while one of them still starts; who dies later is our watch's to find out,
so that xgboost's time-out for the slowest step can be as long as any job.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.algorithms.hosts import Alone
from container_toolkit.algorithms.watch import Watch
from container_toolkit.errors import AlgorithmError, PlatformError
from container_toolkit.rendezvous import LIMIT, PORT, Patience, meet, never, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from container_toolkit.algorithms.hosts import Hosts
    from container_toolkit.contract.cluster import Cluster
    from container_toolkit.rendezvous import Meeting

STEP_LIMIT = 7 * 24 * 3600  # seconds; xgboost counts milliseconds in 32 bits, which hold 24 days
NEWS_LIMIT = 3.0  # seconds from a broken connection until the watch must know whose it was
IN_COLLECTIVE = "src/collective/"  # in xgboost's errors: the file of its source that raised them


@contextlib.contextmanager
def joined(
    cluster: Cluster,
    *,
    timeout: float = LIMIT,
    announce: Callable[[str], None] = silent,
    stopping: Callable[[], bool] = never,
    port: int = PORT,
    addresses: Mapping[str, str] | None = None,
    job: str = "",
) -> Iterator[Hosts]:
    """The hosts of the job, xgboost's communicator around the block; a collective.

    Waits `timeout` seconds at most until all are there; for the rest see `rendezvous.meet`. One
    host is alone, with no communicator. Raises PlatformError naming a host that does not come, or
    is lost in the block: then every host ends so within seconds, by `os._exit` with the same
    sentence and exit code where it can't be reached in time.
    """
    if cluster.size == 1:
        yield Alone()
        return
    import xgboost  # before the wait: all hosts load it at the same time

    patience = Patience(limit=timeout, announce=announce, stopping=stopping)
    meeting = meet(cluster, patience=patience, port=port, addresses=addresses, job=job)
    watch = Watch(meeting)
    tracker = open_tracker(meeting, cluster.size) if meeting.leads else None
    try:
        offers = meeting.exchange({"tracker": tracker.worker_args()} if tracker else {})
        watch.start()
        enter(offers[meeting.leader]["tracker"], cluster)
        yield Together(cluster, watch)
        xgboost.collective.finalize()
        watch.leave()
    except BaseException as error:
        cause = failed(error, watch, tracker)
        if cause is error:
            raise
        raise cause from error
    finally:
        meeting.close()


def open_tracker(meeting: Meeting, size: int) -> Any:
    from xgboost.tracker import RabitTracker

    tracker = RabitTracker(n_workers=size, host_ip=meeting.address, port=0, sortby="task")
    tracker.start()
    return tracker


def enter(offer: Mapping[str, Any], cluster: Cluster) -> None:
    """One attempt each is enough: the tracker is open, and a lost host does not come back."""
    from xgboost import collective

    collective.init(
        **offer,
        dmlc_task_id=f"{cluster.rank:06d}",  # the tracker gives ranks in the order of these names
        dmlc_retry=1,
        dmlc_timeout=STEP_LIMIT,
    )
    rank, size = collective.get_rank(), collective.get_world_size()
    if (rank, size) != (cluster.rank, cluster.size):
        raise AlgorithmError(
            f"xgboost made {cluster.current_host} number {rank} of {size} hosts, which is"
            f" {cluster.rank} of {cluster.size}."
        )


def failed(error: BaseException, watch: Watch, tracker: Any) -> BaseException:
    """Tell the others and take everything down; what is to be raised."""
    cause = explained(error, watch)
    watch.fail(cause)
    abandon(tracker)
    watch.stop()
    return cause


def abandon(tracker: Any) -> None:
    """Take the communicator down although the others may be gone; it crashes at exit otherwise."""
    import xgboost

    xgboost.set_config(verbosity=0)  # it would warn about connections that we know are broken
    with contextlib.suppress(xgboost.core.XGBoostError):
        xgboost.collective.finalize()
    if tracker is not None:
        with contextlib.suppress(xgboost.core.XGBoostError):
            tracker.free()


class Together:
    """The hosts of a job of several. See `Hosts`."""

    def __init__(self, cluster: Cluster, watch: Watch) -> None:
        self.rank, self.size = cluster.rank, cluster.size
        self._watch = watch

    def sum(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._reduced(np.asarray(array, np.float64), "SUM")

    def max(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._reduced(np.asarray(array, np.float64), "MAX")

    def gather(self, data: bytes) -> list[bytes]:
        lengths = np.zeros(self.size, np.int64)
        lengths[self.rank] = len(data)
        ends = np.cumsum(self._reduced(lengths, "SUM"))
        everything = np.zeros(int(ends[-1]), np.uint8)
        end = int(ends[self.rank])
        everything[end - len(data) : end] = np.frombuffer(data, np.uint8)
        joint = self._reduced(everything, "SUM")
        return [part.tobytes() for part in np.split(joint, ends[:-1])]

    def broadcast(self, data: bytes) -> bytes:
        return self.gather(data if self.rank == 0 else b"")[0]

    def _reduced(self, array: NDArray[Any], by: str) -> NDArray[Any]:
        from xgboost import collective, core

        if not array.size:
            return array
        try:
            return collective.allreduce(array, collective.Op[by]).reshape(array.shape)
        except core.XGBoostError as error:
            raise explained(error, self._watch) from error


def explained(error: BaseException, watch: Watch) -> BaseException:
    """`error`, or the loss of a host where it is only a consequence of that."""
    from xgboost.core import XGBoostError

    link: BaseException | None = error
    while isinstance(link, Exception):  # a stop that comes at the same moment stays a stop
        if isinstance(link, XGBoostError) and IN_COLLECTIVE in str(link):
            return watch.loss_within(NEWS_LIMIT) or broken(link)
        link = link.__cause__ or link.__context__
    return error


def broken(error: BaseException) -> PlatformError:
    """No host is lost, as far as the watch knows."""
    lines = [line.strip(" -") for line in str(error).splitlines() if line.startswith("- ")]
    why = lines[-1] if lines else str(error)
    return PlatformError(
        f"the connection to another host broke ({why}); check the network between the hosts."
    )
