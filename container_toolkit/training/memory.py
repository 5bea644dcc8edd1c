"""Policy of the memory cap: how much the program may hold, and when it is over.

The kernel's own answer to too much memory is to kill, without a word, and sometimes us with it. So
a cap is kept a little below where it would act, and the program is stopped while somebody is left
to say why.
"""

from __future__ import annotations

import os

from container_toolkit.errors import ConfigError
from container_toolkit.machine.program_memory import ProgramMemory
from container_toolkit.machine.size import ACCEPTED, amount, show
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.machine import Machine
    from container_toolkit.machine.process_tree import Holder

CAP = "CONTAINER_TOOLKIT_MEMORY_CAP"
RESERVE = "CONTAINER_TOOLKIT_MEMORY_RESERVE"

_MIB = 1 << 20
_LIMIT_RESERVE = 256 * _MIB  # at most, inside a container limit: enough for us to report
_MACHINE_RESERVE = 512 * _MIB  # at least, on the machine itself: its other processes live too

_TERM_SECONDS = 2.0  # between SIGTERM and SIGKILL
_SLOWEST, _FASTEST, _AFTER = 0.250, 0.005, 0.010  # seconds between samples; after the crossing
_FILL_RATE = 4e9  # bytes/s that one processor can touch anew
_FILL_CORES = 16  # beyond these the memory bus is what limits
_GROWTH = 0.2e9  # bytes/s: less is no growth to hurry for
_SHARE_STEADY, _SHARE_GROWING = 200, 20  # sampling may take one part in these of a processor
_YOUTH = 0.030  # seconds: a program that ends within them is not worth a group of its own
_BACKSTOP = 0.75  # of the margin: where the kernel is to act on the program alone


class Cap(Value):
    """`bytes` the program may hold; `margin` bytes from there to where the kernel, or the want of
    the whole machine, would act; `why` for the start-up log."""

    bytes: int
    margin: int
    why: str


def choose_cap(environ: Mapping[str, str], machine: Machine) -> Cap | None:
    """The cap by the environment's two settings, else by what there is; None for no cap.

    Raises ConfigError naming the variable when a setting is no amount, nothing, or everything.
    """
    limit = machine.memory_limit
    whole = limit or machine.memory
    wish = environ.get(CAP, "").strip()
    reserve, kept = _reserve(environ, whole, bool(limit))
    if wish.lower() == "off":
        return None
    wanted = _setting(CAP, wish, whole) if wish else 0
    if not whole:  # nothing is known of this machine: only a cap given in bytes makes sense
        why = f"{CAP}={wish}, on a machine of unknown size"
        return Cap(bytes=wanted, margin=wanted // 20, why=why) if wanted else None
    what = f"{'container limit' if limit else 'machine memory'} {show(whole)}"
    highest = whole - reserve
    less = f"{what} less {kept}"
    if not wanted:
        return Cap(bytes=highest, margin=reserve, why=less)
    if wanted > highest:
        why = f"{less}; {CAP}={wish} is above that and was lowered to it"
        return Cap(bytes=highest, margin=reserve, why=why)
    return Cap(bytes=wanted, margin=whole - wanted, why=f"{CAP}={wish}, of {what}")


def _reserve(environ: Mapping[str, str], whole: int, contained: bool) -> tuple[int, str]:
    """(bytes kept free, what for)."""
    wish = environ.get(RESERVE, "").strip()
    purpose = "kept to report" if contained else "kept for the system"
    if wish.lower() == "off":
        return 0, "nothing"
    if not wish:
        share = whole // 20
        size = min(_LIMIT_RESERVE, share) if contained else max(_MACHINE_RESERVE, share)
        size = min(size, whole // 2)  # a machine too small for the rule keeps half
        return size, f"{show(size)} {purpose}"
    size = _setting(RESERVE, wish, whole)
    if whole and size >= whole:
        raise ConfigError(
            f"{RESERVE}={_quoted(wish)} leaves nothing of {show(whole)} to the program;"
            " make it smaller."
        )
    return size, f"{show(size)} {purpose}"


def _setting(name: str, text: str, whole: int) -> int:
    try:
        size = amount(text, of=whole)
    except ValueError:
        size = 0
    if size <= 0:
        raise ConfigError(
            f"{name}={_quoted(text)} is not an amount of memory above 0; use {ACCEPTED}, or off."
        )
    return size


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


class Watch:
    """Holds what the program uses against the cap; counts the kernel's kills with or without one.

    `root` is the folder that holds `proc` and `sys`. Times are those of time.monotonic().
    """

    def __init__(self, cap: Cap | None, *, root: str = "/") -> None:
        self.exceeded = False
        self.peak = 0
        self._cap = cap
        self._memory = ProgramMemory(root=root)
        self._fill_rate = _FILL_RATE * min(_FILL_CORES, len(os.sched_getaffinity(0)))
        self._used = 0
        self._sampled_at = self._since = 0.0
        self._share = _SHARE_STEADY
        self._kills = 0
        self._young: list[int] = []
        self._grown_up_at = float("inf")
        self._largest: Holder | None = None

    @property
    def measure(self) -> str:
        """What is measured, for the start-up log: a child group, the container's, the processes."""
        return self._memory.measure()

    def started(self, pid: int) -> None:
        """Put a process of the program, and all it has started already, under watch."""
        self._memory.expose(pid)
        self._young.append(pid)

    def sample(self, now: float) -> float:
        """Measure once; returns the seconds after which the next sample is wanted."""
        if self._cap is None:
            return float("inf")
        if self._young:
            self._bring_up(now, self._cap)
        before = self._used + _GROWTH * (now - self._sampled_at)
        self._used = self._memory.used(now, self._cap.bytes)
        self._share = _SHARE_GROWING if self._used > before else _SHARE_STEADY
        self._sampled_at = now
        self.peak = max(self.peak, self._used)
        if not self.exceeded and (self._used > self._cap.bytes or self._memory.limit_hit()):
            self._cross(now)
        return self._delay(self._cap)

    def must_kill(self, now: float) -> bool:
        """Whether SIGTERM has had its time: two seconds, or half of the margin."""
        if self._cap is None or not self.exceeded:
            return False
        return now - self._since >= _TERM_SECONDS or self._margin_left(self._cap) <= 0

    def story(self) -> str:
        """What happened, in one sentence for the failure file."""
        if self._cap is None:
            return "no memory cap"
        cap = show(self._cap.bytes)
        if not self.exceeded:
            return f"memory cap of {cap} kept: peak {show(self.peak)}"
        largest = self._largest.size if self._largest else 0  # it may have grown since
        facts = [f"peak {show(max(self.peak, largest))}"]
        if self._largest is not None:
            facts.append(
                f"largest process `{self._largest.title}` (pid {self._largest.pid})"
                f" {show(self._largest.size)}"
            )
        if self._memory.shared * 4 > self._cap.bytes:
            facts.append(f"{show(self._memory.shared)} in /dev/shm or shared otherwise")
        if self._memory.limit_hit():
            facts.append("the kernel had to stop it before we could")
        return (
            f"memory cap of {cap} exceeded: {', '.join(facts)};"
            f" raise the memory of the job or {CAP}, or use less"
        )

    def kernel_kills(self) -> int:
        """Processes of our group that the kernel killed for want of memory since we watch."""
        self._kills = max(self._kills, self._memory.oom_kills())
        if self._cap is not None and not self.exceeded and self._memory.limit_hit():
            self._cross(self._since)
        return self._kills

    def close(self) -> None:
        """Remove the child group where we made one; never raises."""
        self.kernel_kills()
        self._memory.close()

    def _bring_up(self, now: float, cap: Cap) -> None:
        self._grown_up_at = min(self._grown_up_at, now + _YOUTH)
        if now < self._grown_up_at:
            return
        for pid in self._young:
            self._memory.enclose(pid, limit=cap.bytes + int(cap.margin * _BACKSTOP))
        self._young, self._grown_up_at = [], float("inf")

    def _cross(self, now: float) -> None:
        self.exceeded = True
        self._since = now
        self._largest = self._memory.largest()
        self.peak = max(self.peak, self._memory.recorded_peak())

    def _margin_left(self, cap: Cap) -> int:
        """Bytes until half the margin is gone."""
        return cap.bytes + cap.margin // 2 - self._used

    def _delay(self, cap: Cap) -> float:
        """As long as the gap to the cap can't be filled meanwhile, within what sampling costs."""
        if self.exceeded:
            return min(_AFTER, max(0.001, self._margin_left(cap) / self._fill_rate))
        gap = cap.bytes - self._used
        slowest = _YOUTH if self._young else _SLOWEST
        fill = min(slowest, max(_FASTEST, gap / self._fill_rate))
        return max(fill, self._memory.cost * self._share)
