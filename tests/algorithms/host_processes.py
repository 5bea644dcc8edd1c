"""Hosts of a job as processes of this machine, each at a loopback address of its own."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
HANG = 90  # seconds after which a host counts as hung; nothing here measures time

# What every host runs first: `cluster`, `addresses`, and `say`, which is heard at once.
PREAMBLE = """
import json, os, signal, sys, time
from container_toolkit.contract.cluster import Cluster
from container_toolkit.errors import ToolkitError
given = json.loads(sys.argv[1])
cluster = Cluster(current_host=given["name"], hosts=tuple(given["addresses"]))
addresses = given["addresses"]

def say(*words):
    print(*words, flush=True)

def as_a_program(run):
    try:
        run()
    except ToolkitError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\\n")
        sys.exit(error.exit_code)
"""


class Host:
    """One process. `lines` is what it has printed so far."""

    def __init__(self, name: str, addresses: dict[str, str], program: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                PREAMBLE + program,
                json.dumps({"name": name, "addresses": addresses}),
            ],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self.stderr = ""
        self._readers = [threading.Thread(target=self._out), threading.Thread(target=self._err)]
        for reader in self._readers:
            reader.start()

    def _out(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def _err(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.stderr += line

    def wait_for(self, text: str) -> str:
        """The first line with `text` in it, once it is printed."""
        deadline = time.monotonic() + HANG
        while True:
            over = self.process.poll() is not None
            if over:
                self.end()
            for line in list(self.lines):
                if text in line:
                    return line
            assert not over, f"{self.name} ended without {text!r}: {self}"
            assert time.monotonic() < deadline, f"{self.name} never said {text!r}: {self}"
            time.sleep(0.01)

    def end(self) -> int:
        """Its exit code, negative for a signal."""
        code = self.process.wait(HANG)
        for reader in self._readers:
            reader.join(HANG)
        return code

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        self.process.send_signal(number)

    def clean(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.end()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream
            stream.close()

    def __repr__(self) -> str:
        return f"{self.name}: {self.process.poll()}\n" + "\n".join(self.lines) + f"\n{self.stderr}"


class Machines:
    """Starts hosts; `addresses` differ from those of any other test that runs now."""

    def __init__(self, size: int) -> None:
        net = f"127.{random.randrange(1, 255)}.{random.randrange(255)}"
        self.addresses = {f"algo-{number}": f"{net}.{number}" for number in range(1, size + 1)}
        self.started: list[Host] = []

    def start(self, name: str, program: str) -> Host:
        host = Host(name, self.addresses, program)
        self.started.append(host)
        return host

    def start_all(self, program: str) -> list[Host]:
        return [self.start(name, program) for name in self.addresses]

    def clean(self) -> None:
        for host in self.started:
            host.clean()


def codes(hosts: Sequence[Host]) -> list[int]:
    return [host.end() for host in hosts]


def machines(size: int) -> Iterator[Machines]:
    """A fixture's body."""
    made = Machines(size)
    try:
        yield made
    finally:
        made.clean()
