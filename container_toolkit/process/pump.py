"""Bytes from a program to our own output, untouched, while a bounded tail is kept.

Each stream has a thread of its own that blocks in reading and writing: a reader of ours that
stalls holds up neither signals nor the memory watch.
"""

from __future__ import annotations

import _thread
import fcntl
import os

PIPE_SIZE = 1 << 20  # bytes; fewer switches between the program and us for a burst of output
CHUNK = 1 << 18
TAIL = 1 << 16


class Pump:
    """Carries what is written into `source` over to the file descriptor `sink`."""

    def __init__(self, sink: int) -> None:
        self._read, self.source = os.pipe()
        try:
            fcntl.fcntl(self.source, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        except OSError:
            pass  # a user may be over the kernel's allowance for pipes; the default size works
        self._sink = sink
        self._tail = bytearray()
        self._done = _thread.allocate_lock()
        self._writing = False
        self.moved = 0  # bytes so far

    def start(self) -> None:
        """Begin, once the program holds its end: ours is closed here."""
        os.close(self.source)
        self._done.acquire()
        _thread.start_new_thread(self._run, ())

    def finish(self, patience: float, bounded: bool) -> bool:
        """Wait for the end of the stream; True when it came.

        False when nothing came for `patience` seconds, because somebody out of reach holds the
        stream open. A reader of ours that stalls is waited for, as the program would have to,
        unless `bounded`.
        """
        while True:
            before = self.moved
            if self._done.acquire(timeout=patience):
                return True
            if self.moved == before and (bounded or not self._writing):
                return False

    def tail(self) -> bytes:
        """The last 64 KiB at most."""
        return bytes(self._tail[-TAIL:])

    def _run(self) -> None:
        buffer = bytearray(CHUNK)
        view = memoryview(buffer)
        sink: int | None = self._sink
        splices = is_pipe(self._sink)
        while True:
            self._writing = True
            if splices and sink is not None:
                splices = self._hand_over(sink)
            self._writing = False
            try:
                count = os.readv(self._read, (buffer,))
            except OSError:
                count = 0
            if count == 0:
                break
            if count >= TAIL:
                self._tail = bytearray(view[count - TAIL : count])
            else:
                self._tail += view[:count]
            if len(self._tail) > 4 * TAIL:
                del self._tail[:-TAIL]
            self._writing = True
            sink = write_all(sink, view[:count])
            self.moved += count
        self._done.release()

    def _hand_over(self, sink: int) -> bool:
        """From pipe to pipe, a burst needs no copy: all but its last 64 KiB, which are the tail.

        False where the kernel would rather not; what is to be told of that, write_all tells.
        """
        try:
            while (ahead := waiting(self._read) - TAIL) >= TAIL:
                self.moved += os.splice(self._read, sink, ahead)
                self._tail.clear()  # what stays in the pipe is at least as long
        except OSError:
            return False
        return True


def is_pipe(descriptor: int) -> bool:
    import stat

    return stat.S_ISFIFO(os.fstat(descriptor).st_mode)


def waiting(pipe: int) -> int:
    """Bytes in a pipe that nobody has read yet."""
    import sys
    import termios

    answer = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, answer)
    return int.from_bytes(answer, sys.byteorder)


def write_all(sink: int | None, data: memoryview) -> int | None:
    """Write everything; where nobody reads any more, the program runs on and its bytes are lost."""
    while sink is not None and data:
        try:
            data = data[os.write(sink, data) :]
        except BlockingIOError:
            wait_writable(sink)
        except OSError:
            return None
    return sink


def wait_writable(sink: int) -> None:
    import select

    poll = select.poll()
    poll.register(sink, select.POLLOUT)
    poll.poll()
