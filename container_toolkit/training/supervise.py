"""Policy: when to signal whom. The acts themselves are in `process`.

One loop for everything a host runs: wait for a signal, a child's end or the next memory sample;
reap all; decide. Nothing else in the runtime kills a process.
"""

from __future__ import annotations

import signal
import time

from container_toolkit.process import Exit, spawn
from container_toolkit.process.terminal import Terminal
from container_toolkit.training.running import Running
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.process import Command
    from container_toolkit.process.mailbox import Mailbox
    from container_toolkit.training.fellows import Fellows
    from container_toolkit.training.memory import Watch

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
PASSED_ON = (signal.SIGUSR1, signal.SIGUSR2)
HEARD = (*STOPS, *PASSED_ON, signal.SIGCHLD)

IDLE = 3600.0  # seconds; the loop wakes for signals anyway
SWEEP_GRACE = 1.0  # what the program left behind has this long after SIGTERM
SWEEP_LIMIT = 5.0  # and a process that even SIGKILL can't end is waited for this long
DRAIN_PATIENCE = 2.0  # output that neither comes nor ends is left after this


class Ending(Value):
    """How a run ended: `exit` of the command that decided it (None: it never started).

    `stopped_by` is the signal that asked us to stop, 0 for none; `killed` whether the grace ran
    out; `over_cap` the memory watch's sentence, "" while under the cap; `peak` the most memory
    used at once in bytes, 0 where nobody watched; `seconds` from start to end; the tails are the
    last bytes of the deciding command's output. `trouble`: what was heard of another host that
    failed, "" for nothing; `ended_by_trouble`: that it was what ended the programs here.
    """

    command: Command
    exit: Exit
    stopped_by: int = 0
    killed: bool = False
    over_cap: str = ""
    kernel_kills: int = 0
    peak: int = 0
    seconds: float = 0.0
    stdout: bytes = b""
    stderr: bytes = b""
    trouble: str = ""
    ended_by_trouble: bool = False

    @property
    def ok(self) -> bool:
        return not (self.exit.status or self.stopped_by or self.over_cap or self.ended_by_trouble)


class Supervisor:
    """Runs commands one set after another, until one of them asks for the end.

    `grace` is how many seconds a program has between the stop signal and SIGKILL.
    """

    def __init__(self, mailbox: Mailbox, grace: float) -> None:
        self._mailbox = mailbox
        self._grace = grace
        self._commands: list[Running] = []
        self._watch: Watch | None = None
        self._fellows: Fellows | None = None
        self._trouble = False
        self._terminal = Terminal()
        self._sample_at = 0.0
        self._kill_at = float("inf")
        self._killed = False
        self._story = ""
        self._spared: set[int] = set()
        self.stopped_by = 0
        self.stop_before = float("inf")  # monotonic time: when a stop's grace is over

    def spare(self, pid: int) -> None:
        """Leave a process of the runtime's own alone, which is to outlive the programs."""
        self._spared.add(pid)

    def run(
        self,
        commands: tuple[Command, ...],
        watch: Watch | None = None,
        fellows: Fellows | None = None,
    ) -> Ending:
        """Run `commands` side by side to the end of all, or of the first that fails, here or on one
        of the `fellows`.

        The others are then stopped with the same grace. What they leave behind is swept.
        Raises CodeError when one can't be started; nothing is left running then either.
        """
        self._watch, self._fellows, self._commands = watch, fellows, []
        started = time.monotonic()
        terminal = self._terminal = Terminal()
        try:
            self._start(commands)
            terminal.lend(self._commands[0].pid)
            decided = self._until_decided()
            ended = decided.exit or Exit()
            seconds = time.monotonic() - started
        finally:
            self._sweep()
            terminal.take_back()
        for running in self._commands:
            for pump in running.pumps:
                pump.finish(DRAIN_PATIENCE, bounded=bool(self.stopped_by))
        return self._told(decided, ended, seconds)

    def pause(self, seconds: float) -> bool:
        """Wait while nothing runs; True when a stop was asked for meanwhile."""
        for number in self._mailbox.wait(seconds):
            self._hear(number)
        return bool(self.stopped_by)

    def _told(self, decided: Running, ended: Exit, seconds: float) -> Ending:
        kernel_kills = self._close_watch()
        return Ending(
            command=decided.command,
            exit=ended,
            stopped_by=self.stopped_by,
            killed=self._killed,
            over_cap=self._story,
            kernel_kills=kernel_kills,
            peak=self._watch.peak if self._watch else 0,
            seconds=seconds,
            stdout=decided.pumps[0].tail(),
            stderr=decided.pumps[1].tail(),
            trouble=self._fellows.trouble if self._fellows else "",
            ended_by_trouble=self._trouble,
        )

    def _start(self, commands: tuple[Command, ...]) -> None:
        spawn.become_subreaper()
        for command in commands:
            self._commands.append(Running(command))
        if self._watch is not None:
            for running in self._commands:
                self._watch.started(running.pid)

    def _close_watch(self) -> int:
        """The kernel's kills; its last word may be that the cap's backstop was hit."""
        watch = self._watch
        if watch is None:
            return 0
        kills = watch.kernel_kills()
        if watch.exceeded and not self._story:
            self._story = watch.story()
        watch.close()
        return kills

    def _until_decided(self) -> Running:
        """The command that decides the outcome: the first to fail, else the first of all.

        Helpers that are left then go with whatever else the programs leave behind.
        """
        first_failed: Running | None = None
        while True:
            self._reap()
            self._terminal.follow()
            for running in self._commands:
                if running.exit is not None and running.exit.status and first_failed is None:
                    first_failed = running
                    self._stop_others(signal.SIGTERM)
                    if self._fellows is not None and not (self._trouble or self.stopped_by):
                        self._fellows.failing(f"{running.command.label}, {running.exit.name}")
            programs = [running for running in self._commands if not running.command.helper]
            if all(running.exit is not None for running in programs):
                decided = first_failed or (programs or self._commands)[0]
                if self._nobody_needs_us(decided):
                    return decided
            for number in self._mailbox.wait(self._next_look()):
                self._hear(number)
            self._look_at_fellows()
            self._look_at_memory()
            self._look_at_clock()

    def _nobody_needs_us(self, decided: Running) -> bool:
        """Whether the helpers here may end. They serve other hosts' programs too, so they stay
        until those have ended well; a failure is nobody's to wait for."""
        fellows = self._fellows
        if fellows is None:
            return True
        if (decided.exit and decided.exit.status) or fellows.trouble or self.stopped_by:
            return True
        if not any(running.command.helper for running in self._commands):
            return True
        fellows.ended_well()
        return fellows.done()

    def _look_at_fellows(self) -> None:
        if self._fellows is None or not self._fellows.trouble or self._trouble:
            return
        programs = [running for running in self._commands if not running.command.helper]
        if not programs or any(running.exit is None for running in programs):
            self._trouble = True
            self._stop_others(signal.SIGTERM)

    def _hear(self, number: int) -> None:
        if number in STOPS:
            self.stopped_by = self.stopped_by or number
            self.stop_before = min(self.stop_before, time.monotonic() + self._grace)
            self._stop_others(number)
        elif number in PASSED_ON:
            self._to_programs(number)

    def _stop_others(self, number: int) -> None:
        """Ask what still runs to end; the clock starts with the first time of asking."""
        self._kill_at = min(self._kill_at, time.monotonic() + self._grace)
        self._to_programs(number)

    def _to_programs(self, number: int) -> None:
        # To the program alone, as an engine would: its workers are its own to tell.
        for running in self._commands:
            if running.exit is None:
                spawn.send(running.pid, number)

    def _reap(self) -> None:
        ended = spawn.reap()
        self._spared.difference_update(ended)  # the number may come back as somebody else's
        for running in self._commands:
            running.exit = running.exit or ended.get(running.pid)

    def _next_look(self) -> float:
        now = time.monotonic()
        sample = self._sample_at - now if self._watch else IDLE
        return max(0.0, min(IDLE, sample, self._kill_at - now))

    def _look_at_memory(self) -> None:
        watch, now = self._watch, time.monotonic()
        if watch is None or now < self._sample_at:
            return
        self._sample_at = now + watch.sample(now)
        if not watch.exceeded:
            return
        if not self._story:
            self._story = watch.story()
            self._to_groups(signal.SIGTERM)
        if watch.must_kill(now):
            self._to_groups(signal.SIGKILL)

    def _look_at_clock(self) -> None:
        if time.monotonic() >= self._kill_at:
            self._killed = True
            self._kill_at = float("inf")
            self._to_groups(signal.SIGKILL)

    def _to_groups(self, number: int) -> None:
        """Everything of ours at once: the groups, and what has left them."""
        for running in self._commands:
            if running.exit is None:
                spawn.send_group(running.pid, number)
        for pid in spawn.descendants(self._spared):
            spawn.send(pid, number)

    def _sweep(self) -> None:
        """End what the programs left behind: SIGTERM, a moment, SIGKILL, and reap it all.

        After a stop signal the leftovers have what remains of the grace: where a shell died of
        the signal, its child is the program.
        """
        now = time.monotonic()
        term_until = self._kill_at if self.stopped_by and not self._story else now + SWEEP_GRACE
        if self._killed:
            term_until = now
        asked: set[int] = set()
        limit = max(term_until, now) + SWEEP_LIMIT
        while spawn.has_children(self._spared) and time.monotonic() < limit:
            self._reap()
            killing = time.monotonic() >= term_until
            for pid in spawn.descendants(self._spared):
                if killing:
                    spawn.send(pid, signal.SIGKILL)
                elif pid not in asked:
                    asked.add(pid)
                    spawn.send(pid, signal.SIGTERM)
            if spawn.has_children(self._spared):
                self._mailbox.wait(0.02)
        self._reap()
        self._kill_at = float("inf")
