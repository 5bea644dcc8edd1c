"""Several hosts of one job: a container each, on a network of their own."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.containers.engines import HANG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.containers.engines import Container, Engine

# PID 1 in place of `train`, which it runs: says what processes are left when `train` has ended.
LEFT_BEHIND = """
import os, signal, subprocess, sys
train = subprocess.Popen(["train"])
signal.signal(signal.SIGTERM, lambda number, _: train.send_signal(number))
status = train.wait()
left = [pid for pid in os.listdir("/proc") if pid.isdigit() and pid != str(os.getpid())]
print("left behind:", len(left), flush=True)
sys.exit(status)
"""
WATCHED = ("python3", "-c", LEFT_BEHIND)


@dataclass(frozen=True)
class Host:
    """One container; `ml` is what it has at /opt/ml."""

    name: str
    ml: Path
    container: Container

    @property
    def log(self) -> str:
        done = self.container.logs()
        return done.stdout + done.stderr

    @property
    def failure(self) -> str:
        """The text of output/failure, "" where there is none."""
        path = self.ml / "output/failure"
        return path.read_text() if path.exists() else ""

    @property
    def left_behind(self) -> int:
        """How many processes, of a host that was WATCHED."""
        (line,) = self.said("left behind:")
        return int(line.partition(":")[2])

    def wait(self) -> int:
        """The exit code."""
        return self.container.wait()

    def said(self, word: str) -> list[str]:
        """Lines that have `word` in them."""
        return [line for line in self.log.splitlines() if word in line]

    def wait_for(self, word: str) -> None:
        """Until a line of the log has `word` in it."""
        deadline = time.monotonic() + HANG
        while not self.said(word):
            assert time.monotonic() < deadline, self.log
            time.sleep(0.2)


@dataclass
class Hosts:
    """The hosts of a job, `algo-1` and so on, each started when the test says so.

    `job` is a folder like those in images/*/ml: every host gets its copy, with the text of another
    `program` as code/program.py. To be used in a `with`:
    whatever happens, no container and no network is left.
    """

    engine: Engine
    image: str
    job: Path
    folder: Path
    count: int = 2
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ("train",)
    program: str = ""
    hosts: dict[int, Host] = field(default_factory=dict)
    network: str = ""

    def __enter__(self) -> Hosts:
        self.network = f"{self.engine.mark}-net-{next(self.engine.numbers)}"
        done = self.engine.call("network", "create", self.network)
        assert done.status == 0, done.stderr
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.hosts.values():
            host.container.remove()
        self.engine.call("network", "rm", "--force", self.network)

    def __getitem__(self, number: int) -> Host:
        """Host `algo-NUMBER`."""
        return self.hosts[number]

    def start(self, *numbers: int, command: tuple[str, ...] = ()) -> Hosts:
        """Start these, else all of them; `command` is what they run instead."""
        for number in numbers or range(1, self.count + 1):
            self.hosts[number] = self._start(f"algo-{number}", command or self.command)
        return self

    def wait(self) -> list[int]:
        """The exit codes of all that were started."""
        return [host.wait() for host in self.hosts.values()]

    def stop(self) -> None:
        """SIGTERM to all that were started, one after the other, as a service reaches them."""
        for host in self.hosts.values():
            host.container.signal("TERM")
            time.sleep(0.5)

    def _start(self, name: str, command: tuple[str, ...]) -> Host:
        ml = self.folder / name
        shutil.copytree(self.job, ml)
        if self.program:
            (ml / "code/program.py").write_text(self.program)
        for folder in ("model", "output"):
            (ml / folder).mkdir()
            (ml / folder).chmod(0o777)  # for any user
        config = ml / "input/config"
        parameters = json.loads((config / "hyperparameters.json").read_text())
        parameters |= {key: json.dumps(value) for key, value in self.hyperparameters.items()}
        (config / "hyperparameters.json").write_text(json.dumps(parameters))
        cluster = {
            "current_host": name,
            "hosts": [f"algo-{number}" for number in range(1, self.count + 1)],
            "network_interface_name": "eth0",
        }
        (config / "resourceconfig.json").write_text(json.dumps(cluster))
        network = ("--network", self.network, "--network-alias", name, "--hostname", name)
        options = (*network, "-v", f"{ml}:/opt/ml", *self.options)
        return Host(name, ml, self.engine.start(self.image, *command, options=options))
