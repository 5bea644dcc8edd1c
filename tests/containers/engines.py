"""A real container engine, as tests use it: docker or podman, by its command line."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent.parent
HANG = 180  # seconds after which a container counts as hung; nothing here measures time
BUILD = 900

# Otherwise podman keeps each step of a build as a nameless image.
ENVIRON = {**os.environ, "BUILDAH_LAYERS": "false"}


@dataclass(frozen=True)
class Done:
    status: int
    stdout: str
    stderr: str


@dataclass
class Engine:
    """Whatever it makes carries `mark` in its name, and is removed at the end."""

    name: str
    # An out-of-memory kill can leave a file in the folder the engine was called from.
    folder: Path
    mark: str = field(default_factory=lambda: f"ct-test-{uuid.uuid4().hex[:8]}")
    images: list[str] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def call(self, *argv: str, timeout: float = HANG, environ: Mapping[str, str] = ENVIRON) -> Done:
        done = subprocess.run(
            [self.name, *argv],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def build(self, name: str, context: Path, *options: str) -> str:
        """Build an image; returns its tag."""
        tag = f"localhost/{self.mark}-{name}"
        self.images.append(tag)
        done = self.call("build", "-t", tag, *options, str(context), timeout=BUILD)
        assert done.status == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return tag

    def keep(self, name: str, context: Path, *options: str) -> str:
        """Build an image that stays for the next run, which then finds nothing to do."""
        tag = f"localhost/container-toolkit-test-{name}"
        environ = {**ENVIRON, "BUILDAH_LAYERS": "true"}
        argv = ("build", "-t", tag, *options, str(context))
        done = self.call(*argv, timeout=BUILD, environ=environ)
        assert done.status == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return tag

    def build_from(self, name: str, dockerfile: str) -> str:
        """Build an image from a Dockerfile's text alone."""
        context = self.folder / f"context-{name}-{next(self.numbers)}"
        context.mkdir()
        (context / "Dockerfile").write_text(dockerfile)
        return self.build(name, context)

    def start(self, image: str, *argv: str, options: tuple[str, ...] = ()) -> Container:
        name = f"{self.mark}-{next(self.numbers)}"
        done = self.call("run", "--detach", "--name", name, *options, image, *argv)
        assert done.status == 0, done.stderr
        return Container(self, name)

    def run(self, image: str, *argv: str, options: tuple[str, ...] = ()) -> Done:
        """Run a container to its end."""
        container = self.start(image, *argv, options=options)
        try:
            status = container.wait()
            logs = container.logs()
            return Done(status, logs.stdout, logs.stderr)
        finally:
            container.remove()

    def clean(self) -> None:
        left = self.call("ps", "--all", "--quiet", "--filter", f"name={self.mark}").stdout.split()
        if left:
            self.call("rm", "--force", *left)
        for image in reversed(self.images):
            self.call("rmi", "--force", image)


@dataclass(frozen=True)
class Container:
    engine: Engine
    name: str

    def wait(self) -> int:
        return int(self.engine.call("wait", self.name).stdout.split()[-1])

    def logs(self) -> Done:
        return self.engine.call("logs", self.name)

    def wait_for(self, line: str) -> None:
        """Until the program has printed a line."""
        deadline = time.monotonic() + HANG
        while line not in self.logs().stdout.splitlines():
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.1)

    def signal(self, name: str) -> None:
        done = self.engine.call("kill", "--signal", name, self.name)
        assert done.status == 0, done.stderr

    def remove(self) -> None:
        self.engine.call("kill", self.name)
        self.engine.call("rm", "--force", self.name)


def answering() -> list[str]:
    """Names of the engines that answer: the one asked for, else podman and docker."""
    wanted = os.environ.get("CONTAINER_TOOLKIT_ENGINE")
    found = []
    for name in [wanted] if wanted else ["podman", "docker"]:
        if not shutil.which(name):
            continue
        try:
            done = subprocess.run(
                [name, "info"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
            )
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0:
            found.append(name)
    return found
