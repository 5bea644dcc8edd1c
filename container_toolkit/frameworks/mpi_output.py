"""What ranks and mpirun print: whole lines of one rank each, and the cause of a failure.

mpirun tags every piece of output it gets, so a line that a program prints in pieces comes with tags
inside, or with a piece of another rank's line.
"""

from __future__ import annotations

import os
import re
import threading
from collections import defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

from container_toolkit.process import Exit
from container_toolkit.process.pump import write_all

if TYPE_CHECKING:
    from collections.abc import Iterable

TAG = re.compile(rb"\[\d+,(\d+)\]<std(?:out|err|diag)>:")
LONGEST_TAG = 32  # bytes
LINE_END = re.compile(rb"\r\n|\n|\r(?=[^\n])")  # a progress bar's line ends with \r
MPIRUN = -1  # the rank, so to speak, of mpirun's own lines
LONGEST_LINE = 1 << 20  # bytes; a longer one comes in pieces
CHUNK = 1 << 16
TITLE = b"Traceback (most recent call last):"
KEPT = 80  # lines of each rank
STARTERS = re.compile(rb'  File "(?:<frozen runpy>|[^"]*/runpy\.py|[^"]*/mpi4py/[^"]*)"')


class Lines:
    """Carries mpirun's output over to the file descriptor `sink`, line by line, each with its
    rank's tag, or all without.

    `last`: each rank's last lines, without tags.
    """

    def __init__(self, sink: int, tags: bool = True) -> None:
        self.last: defaultdict[int, deque[bytes]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._sink: int | None = sink
        self._rank = MPIRUN
        self._tagged = tags
        self._tags = {MPIRUN: b""}
        self._parts: dict[int, bytearray] = {}
        self._held = b""

    def feed(self, data: bytes) -> None:
        data = self._held + data
        cut = data.rfind(b"[", max(0, len(data) - LONGEST_TAG))
        # The beginning of a tag, perhaps: what it is, the next piece tells.
        whole = cut < 0 or b"\n" in data[cut:] or TAG.match(data, cut)
        data, self._held = (data, b"") if whole else (data[:cut], data[cut:])
        self._write(self._split(data))

    def finish(self) -> None:
        """What is left without an end of line."""
        lines = [*self._split(self._held)]
        for rank, part in self._parts.items():
            if part:
                lines.append(self._line(rank, bytes(part), b"\n"))
        self._write(lines)
        self._parts.clear()

    def _split(self, data: bytes) -> Iterable[bytes]:
        start = 0
        for tag in TAG.finditer(data):
            yield from self._take(data[start : tag.start()])
            self._rank, start = int(tag[1]), tag.end()
            self._tags[self._rank] = tag[0] if self._tagged else b""
        yield from self._take(data[start:])

    def _take(self, data: bytes) -> Iterable[bytes]:
        """The lines that `data`, which comes from one rank but for what follows its last line,
        completes."""
        if data and self._parts.get(self._rank, b"")[-1:] == b"\r":
            data = (
                bytes([self._parts[self._rank].pop()]) + data
            )  # what follows it, tells what it is
        start = 0
        for end in LINE_END.finditer(data):
            part = self._parts.pop(self._rank, b"")
            yield self._line(self._rank, bytes(part) + data[start : end.start()], end[0])
            start = end.end()
            if end[0] != b"\r":
                self._rank = MPIRUN
        if start < len(data):
            part = self._parts.setdefault(self._rank, bytearray())
            part += data[start:]
            if len(part) > LONGEST_LINE:
                yield self._line(self._rank, bytes(self._parts.pop(self._rank)), b"\n")

    def _line(self, rank: int, text: bytes, end: bytes) -> bytes:
        self.last[rank].append(text)
        return self._tags[rank] + text + end

    def _write(self, lines: Iterable[bytes]) -> None:
        data = b"".join(lines)
        if data:
            self._sink = write_all(self._sink, memoryview(data))


class Carrier:
    """A pipe whose other end, `source`, is mpirun's, and a thread that feeds its `lines`."""

    def __init__(self, sink: int, tags: bool = True) -> None:
        self.lines = Lines(sink, tags)
        self._read, self.source = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin, once mpirun holds its end: ours is closed here."""
        os.close(self.source)
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the end of the output, which somebody out of reach may hold open."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while data := os.read(self._read, CHUNK):
            self.lines.feed(data)
        self.lines.finish()


class Cause(NamedTuple):
    """Why mpirun failed: a sentence and the rank that did, "" and MPIRUN for unknown. Whether that
    rank `exited` by itself; whether it was no rank's fault but that `of_host`."""

    sentence: str = ""
    rank: int = MPIRUN
    exited: bool = False
    of_host: bool = False


# What mpirun says, its line breaks taken for blanks, and what we say then.
CAUSES = (
    (
        r"process rank (?P<rank>\d+) .{0,40}?on node (?P<host>\S+) exited on"
        r" signal (?P<number>\d+)",
        "rank {rank} on {host} was killed by {signal}",
    ),
    (
        r"MPI_ABORT was invoked on rank (?P<rank>\d+) .{0,80}? errorcode (?P<code>\d+)",
        "rank {rank} ended all ranks with exit code {code}",
    ),
    (
        r"Process name: \[\[\d+,\d+\],(?P<rank>\d+)\] Exit code: +(?P<code>\d+)",
        "rank {rank} ended with exit code {code}",
    ),
    (
        r"due to process rank (?P<rank>\d+) .{0,40}?on node (?P<host>\S+) exiting improperly",
        "rank {rank} on {host} ended without MPI_Finalize",
    ),
    (
        r"lost communication with a remote daemon\..*?Remote daemon *: \S+ on node (?P<lost>\S+)",
        "PlatformError: Open MPI's process on host {lost} was lost; see the log there",
    ),
    (
        r"unable to reliably (?P<lost>start) one or more daemons",
        "PlatformError: mpirun could not {lost} its process on every host; see the logs there, and"
        " that the hosts can reach each other",
    ),
)


def cause(said: Iterable[bytes]) -> Cause:
    """From mpirun's own lines; what it says first is the cause, the rest are consequences."""
    text = " ".join(b" ".join(said).decode(errors="replace").split())
    found = [(match, words) for pattern, words in CAUSES if (match := re.search(pattern, text))]
    if not found:
        return Cause()
    match, words = min(found, key=lambda pair: pair[0].start())
    named = match.groupdict()
    signal = Exit(signal=int(named.get("number", 0))).name
    sentence = words.format(**named, signal=signal)
    rank = int(named.get("rank", MPIRUN))
    return Cause(sentence, rank, exited="code" in named, of_host="lost" in named)


def traceback(said: Iterable[bytes]) -> list[bytes]:
    """The last traceback among a rank's lines, to their end, without the frames that start a
    program; empty for none."""
    lines = list(said)
    starts = [n for n, line in enumerate(lines) if TITLE in line]
    if not starts:
        return []
    kept, dropping = [TITLE], False  # there may be something unfinished before it on the line
    for line in lines[starts[-1] + 1 :]:
        if line.startswith(b'  File "'):
            dropping = bool(STARTERS.match(line))
        dropping = dropping and line.startswith(b"  ")
        if not dropping:
            kept.append(line)
    return kept
