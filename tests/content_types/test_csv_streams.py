"""CSV from files, pipes and blocks of any size, in memory that does not grow with the data."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from container_toolkit.content_types import csv
from container_toolkit.content_types.codec import Reading

DATA = b"".join(b"%d,%d.5,\r\n" % (row, row) for row in range(300))
LABELS = list(range(300))


def labels(batches):
    return [int(label) for batch in batches for label in batch.labels]


@pytest.mark.parametrize("block", [1, 2, 9, 10, 11, 100, 4096])
@pytest.mark.parametrize("small", [0, 1 << 40])
def test_blocks_of_any_size(block, small):
    batches = list(csv.read(io.BytesIO(DATA), "f", Reading(), block, small))
    assert labels(batches) == LABELS
    assert all(batch.rows for batch in batches)
    assert len(batches) > 1 or block == 4096
    assert all(np.isnan(batch.features[:, 1]).all() for batch in batches)


def test_a_block_may_end_just_where_a_row_does():
    row = b"1,2\n"
    for block in range(1, 3 * len(row)):
        assert len(labels(csv.read(io.BytesIO(row * 7), "f", Reading(), block, 0))) == 7


def test_a_pipe_that_gives_little_at_a_time(tmp_path):
    fifo = tmp_path / "train_0"
    os.mkfifo(fifo)

    def feed():
        with open(fifo, "wb", buffering=0) as stream:
            for at in range(0, len(DATA), 37):
                stream.write(DATA[at : at + 37])

    feeder = threading.Thread(target=feed)
    feeder.start()
    with open(fifo, "rb") as stream:
        assert labels(csv.read(stream, str(fifo), Reading())) == LABELS
    feeder.join()


def test_batches_come_before_the_stream_ends():
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as stream, open(writer, "wb", buffering=0) as feed:
        batches = csv.read(stream, "f", Reading(), 8)
        feed.write(b"1,2\n3,4\n5,")
        assert labels([next(batches)]) == [1, 3]
        feed.write(b"6\n")
        feed.close()
        assert labels(batches) == [5]


PROGRAM = """
import io, resource, sys
from container_toolkit.content_types import csv
from container_toolkit.content_types.codec import Reading

class Endless(io.RawIOBase):
    left = int(sys.argv[1])
    line = b"1,2.5,,-4e-3,5\\n"
    def readable(self):
        return True
    def readinto(self, buffer):
        rows = min(self.left, len(buffer) // len(self.line))
        self.left -= rows
        buffer[: rows * len(self.line)] = self.line * rows
        return rows * len(self.line)

rows = sum(batch.rows for batch in csv.read(io.BufferedReader(Endless()), "f", Reading()))
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""


def test_memory_does_not_grow_with_the_data():
    """Twenty times the data takes no more memory than a few of its blocks."""
    peaks = []
    for rows in (1_500_000, 30_000_000):
        program = [sys.executable, "-c", PROGRAM, str(rows)]
        found = subprocess.run(program, capture_output=True, text=True, check=True, timeout=300)
        read, peak = map(int, found.stdout.split())
        assert read == rows
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 64  # MiB; the data grew by 430
