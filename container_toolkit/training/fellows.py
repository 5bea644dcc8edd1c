"""The other hosts of a distributed program: they begin together, and fail as one.

The `train` of every host keeps a connection with the leader's. When a program fails, or a host
vanishes, all others learn which and why, and stop; what serves several hosts stays until none needs
it. Imported for distributed programs alone.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from container_toolkit import frameworks
from container_toolkit.contract.outcome import COMPLETED, STOPPED
from container_toolkit.frameworks import placement
from container_toolkit.rendezvous import LIMIT, Patience, meet
from container_toolkit.rendezvous.listener import Listener
from container_toolkit.value import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.contract.outcome import Outcome
    from container_toolkit.rendezvous import Meeting

PORT = 27390  # below the range from which Linux takes the ports of outgoing connections
LAST_WORD = 10.0  # seconds that the leader waits for the others' once something has failed
NEWS = 2.0  # seconds in which a host that was lost is known as such to the others
TOGETHER = 5.0  # seconds between the first and the last of hosts that are stopped as one
LONGEST_WHY = 300  # characters
KILLED = "its connection ended without a word: it was killed, or its machine or network is gone"


class Fellows(Listener):
    """`trouble`: the sentence about the host that failed first, "" while none has.

    `pause(seconds)` waits and tells whether a stop was asked for; `say` gets a line about a host
    that was lost where so many as `spare` may be, the leader never among them.
    """

    def __init__(
        self,
        meeting: Meeting,
        pause: Callable[[float], bool],
        say: Callable[[str], None],
        spare: int = 0,
    ) -> None:
        super().__init__(meeting)
        self.trouble = ""
        self._pause = pause
        self._say = say
        self._spare = spare if meeting.leads else 0
        self._said = False  # how the programs here ended
        self._first = False  # whether ours was the first to fail, in the leader's judgement
        self._early = ""  # the host in trouble, while it has not said why
        self._stop = False  # whether its trouble is that it was stopped
        self._well: set[str] = set()  # whose programs have ended well
        self._left: set[str] = set()  # who has ended altogether
        self._all_well = False

    def ended_well(self) -> None:
        """No program runs here any more, and none has failed; helpers may."""
        if not self._said:
            self._said = True
            self.tell({"well": True})
            self._count()

    def done(self) -> bool:
        """Whether the programs of all hosts have ended well."""
        return self._all_well

    def failing(self, what: str) -> None:
        """A program here has failed. Who failed first is the leader's to judge, by who says so
        first; why follows with `leave`."""
        how = f"failed: {what}"
        if not self.meeting.leads:
            self.tell({"failed": how, "early": True})
        elif not self.trouble:
            self._first = True
            self.tell({"trouble": self.meeting.name, "how": how, "early": True})

    def final_trouble(self, failed: bool) -> str:
        """`trouble` as it is known in the end: where a program here `failed` or another host is
        still telling, a little later. A library often fails before its host is known as lost, and
        where one host was told to stop the others mostly are, if not in the same instant."""
        waited = 0.0
        while not self._first:
            expecting = self._early or (failed and not self.trouble)
            limit = TOGETHER if self._stop else NEWS if expecting else 0.0
            if waited >= limit or self._pause(0.1):
                break
            waited += 0.1
        return self.trouble

    def leave(self, outcome: Outcome) -> None:
        """The end of this host.

        The leader stays until the others have ended too, for they hear of each other through it, or
        until it is stopped.
        """
        why = "" if outcome.status == COMPLETED else outcome.reason.partition("\n")[0]
        if why:
            self._say_failed(why, stopped=outcome.status == STOPPED)
        else:
            self.ended_well()
        waited = 0.0
        while self.meeting.leads and not self._left.issuperset(self.meeting.links):
            if ((why or self.trouble) and waited >= LAST_WORD) or self._pause(0.2):
                break
            waited += 0.2
        self.tell({"bye": True})
        self.over = True
        self.meeting.close()

    def _say_failed(self, why: str, *, stopped: bool = False) -> None:
        self._said = True
        how = f"failed: {' '.join(why.split())[:LONGEST_WHY]}"
        if not self.meeting.leads:
            self.tell({"failed": how, "stopped": stopped})
        elif not self.trouble:
            self.tell({"trouble": self.meeting.name, "how": how, "stopped": stopped})

    def heard(self, host: str, message: Mapping[str, Any]) -> None:
        if "well" in message:
            self._well.add(host)
            self._count()
        elif "all well" in message:
            self._all_well = True
            wake()
        elif "failed" in message:
            if not message.get("stopped") or not self._spared(host):
                self._fail(host, str(message["failed"]), message)
        elif "trouble" in message:
            self._fail(str(message["trouble"]), str(message.get("how")), message)
        elif "first" in message:
            self._first = True
        elif "bye" in message:
            self._leave(host)

    def gone(self, host: str) -> None:
        expected = self.trouble or host in self._left or host in self._well
        if not expected and not self._spared(host):
            self._fail(host, f"was lost: {KILLED}", {})
        self._leave(host)

    def _spared(self, host: str) -> bool:
        """Whether the others go on without a host that was lost, or stopped."""
        if self._spare < 1 or self.trouble:
            return False
        self._spare -= 1
        self._say(f"host {host} was lost; the others go on without it")
        self._well.add(host)
        self._count()
        return True

    def _fail(self, host: str, how: str, message: Mapping[str, Any]) -> None:
        """The first failure is the cause, later ones its consequences. By the message that told of
        it, its host may say more about it (`early`), or was `stopped`."""
        early, stopped = bool(message.get("early")), bool(message.get("stopped"))
        more = self._early == host and not early
        if self._first or host == self.meeting.name or (self.trouble and not more):
            return
        self.trouble, self._early = f"host {host} {how}", host if early else ""
        self._stop = stopped
        if self.meeting.leads:
            news = {"trouble": host, "how": how, "early": early, "stopped": stopped}
            self.tell(news, but=host)
            if host in self.meeting.links:
                self.meeting.links[host].tell({"first": True})
        wake()

    def _count(self) -> None:
        if self.meeting.leads and self._said and self._well.issuperset(self.meeting.links):
            self._all_well = True
            self.tell({"all well": True})
            wake()

    def _leave(self, host: str) -> None:
        self._left.add(host)
        wake()


def gather(
    env: TrainingEnvironment,
    limit: float | None,
    pause: Callable[[float], bool],
    say: Callable[[str], None],
) -> Fellows | None:
    """Wait until `train` runs on each host that the program is distributed over.

    `limit` seconds at most, None for as long as a rendezvous may take; `pause(seconds)` waits and
    tells whether a stop was asked for, which gives None. Raises PlatformError naming the hosts
    that are missing.
    """
    cluster = replace(env.cluster, hosts=placement.hosts(env))
    patience = Patience(
        limit=LIMIT if limit is None else limit, announce=say, stopping=lambda: pause(0)
    )
    try:
        meeting = meet(cluster, patience=patience, port=PORT, job=env.job_name)
    except SystemExit:  # how a rendezvous ends that was asked to stop
        return None
    fellows = Fellows(meeting, pause, say, frameworks.spare(env))
    fellows.listen()
    return fellows


def wake() -> None:
    """The supervisor sleeps until a signal comes: any it hears will do."""
    os.kill(os.getpid(), signal.SIGCHLD)
