"""Programs that hold memory in the ways a training program does, as Python source."""

from __future__ import annotations

MIB = 1 << 20

# 1 MiB a millisecond, every page touched.
GROWS = """
import time
held = []
while True:
    held.append(bytearray(b"x") * (1 << 20))
    time.sleep(0.001)
"""

GROWS_AND_IGNORES_SIGTERM = "import signal; signal.signal(15, signal.SIG_IGN)\n" + GROWS

# As fast as memory can be touched, on every processor.
HOGS = """
import os
for _ in range(len(os.sched_getaffinity(0)) - 1):
    if os.fork() == 0:
        break
held = []
while True:
    held.append(bytearray(b"x") * (16 << 20))
"""

# The program is small; what it starts, two levels down and left by its parent, is not.
STARTS_A_GROWER = """
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(0.3)
        held = []
        while True:
            held.append(bytearray(b"x") * (1 << 20))
            time.sleep(0.001)
    os._exit(0)
os.wait()
time.sleep(60)
"""


def shares(size: int) -> str:
    """Eight processes that all look at the same memory: 8 times `size` by their resident sizes."""
    return f"""
import os, time
held = bytearray(b"x") * {size}
children = []
for _ in range(7):
    child = os.fork()
    if child == 0:
        children = []
        break
    children.append(child)
seen = sum(held[::4096])
time.sleep(2)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
"""


def copies(size: int) -> str:
    """Shares first, then each process writes to its share: it becomes eight times as much."""
    return f"""
import os, time
held = bytearray(b"x") * {size}
for _ in range(7):
    if os.fork() == 0:
        break
time.sleep(1)
for place in range(0, len(held), 4096):
    held[place] = 1
time.sleep(60)
"""


def reads(path: str, size: int) -> str:
    """Reads `size` bytes of files, once through read and once mapped."""
    return f"""
import mmap
path = {path!r}
with open(path, "wb") as file:
    file.truncate({size})
with open(path, "r+b", buffering=0) as file:
    buffer = bytearray(1 << 20)
    while file.readinto(buffer):
        pass
    with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        seen = sum(mapped[::4096])
        import time; time.sleep(0.5)
"""


def fills_shared_memory(name: str) -> str:
    return f"""
import time
with open("/dev/shm/{name}", "wb", buffering=0) as file:
    while True:
        file.write(b"x" * (1 << 20))
        time.sleep(0.001)
"""
