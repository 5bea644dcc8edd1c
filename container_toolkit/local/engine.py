"""A container engine, docker or podman, by its command line: look at an image, run it once."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from container_toolkit.errors import PlatformError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ENGINES = ("docker", "podman")
ANSWER_TIMEOUT = 30  # seconds an engine may take to say that it is there


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a container ended.

    `status` is None when its time was up and it was removed; `started` is False where there was
    nothing of that name to start.
    """

    status: int | None
    started: bool
    output: str
    errors: str


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """What an image says of itself."""

    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    user: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """One container to be: `argv` after the image's name, `mounts` from folder here to path there.

    `timeout` in seconds. No run has a network.
    """

    image: str
    argv: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 120


@dataclass(frozen=True, kw_only=True)
class Engine:
    """`name` of the command."""

    name: str

    def answers(self) -> bool:
        return shutil.which(self.name) is not None and self.ask("info") is not None

    def has(self, image: str) -> bool:
        return self.ask("image", "inspect", image) is not None

    def inspect(self, image: str) -> ImageConfig:
        """Raises UserError when there is no such image here."""
        text = self.ask("image", "inspect", image)
        if text is None:
            raise UserError(f"{self.name} has no image {image!r}; build or pull it first.")
        document = json.loads(text)[0]
        config = document.get("Config") or {}
        return ImageConfig(
            entrypoint=words(config.get("Entrypoint")),
            command=words(config.get("Cmd")),
            user=config.get("User") or "root",
        )

    def run(self, run: Run) -> Ended:
        """Run to the end."""
        with self.started(run) as container:
            return container.end(run.timeout)

    @contextmanager
    def started(self, run: Run) -> Iterator[Container]:
        """A container that is gone when the block is left."""
        name = f"container-toolkit-check-{uuid.uuid4().hex[:12]}"
        argv = [self.name, "run", "--name", name, "--network", "none"]
        for key, value in run.environ.items():
            argv += ["--env", f"{key}={value}"]
        for here, there in run.mounts.items():
            argv += ["--volume", f"{here}:{there}"]
        process = subprocess.Popen(
            [*argv, run.image, *run.argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        try:
            yield Container(engine=self, name=name, process=process)
        finally:
            self.remove(name)
            process.communicate()

    def remove(self, name: str) -> None:
        """Kill a container and remove it; by itself `rm` would first wait for a polite end."""
        self.ask("kill", name)
        self.ask("rm", "--force", name)

    def ask(self, *argv: str) -> str | None:
        """What a short command of the engine prints; None when it fails."""
        try:
            done = subprocess.run(
                [self.name, *argv],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=ANSWER_TIMEOUT,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container under way."""

    engine: Engine
    name: str
    process: subprocess.Popen[str]

    def wait_for(self, line: str) -> bool:
        """Read its output up to a line; False when it ends without."""
        assert self.process.stdout is not None
        return any(seen.rstrip("\n") == line for seen in self.process.stdout)

    def signal(self, name: str) -> None:
        self.engine.ask("kill", "--signal", name, self.name)

    def end(self, timeout: float) -> Ended:
        """Wait for its end, `timeout` seconds at most; then it is killed."""
        try:
            output, errors = self.process.communicate(timeout=timeout)
            state = self.engine.ask("inspect", "--format", "{{.State.Status}}", self.name)
            return Ended(
                status=self.process.returncode,
                started=(state or "").strip() != "created",
                output=output,
                errors=errors,
            )
        except subprocess.TimeoutExpired:
            self.engine.remove(self.name)
            output, errors = self.process.communicate()
            return Ended(status=None, started=True, output=output, errors=errors)


def find(wanted: str | None, image: str) -> Engine:
    """The engine asked for, else the first that answers and has the image.

    Raises PlatformError when none answers, UserError when none has the image.
    """
    engines = [Engine(name=name) for name in ([wanted] if wanted else ENGINES)]
    answering = [engine for engine in engines if engine.answers()]
    if not answering:
        names = " or ".join(engine.name for engine in engines)
        raise PlatformError(f"No container engine answers: install or start {names}.")
    for engine in answering:
        if engine.has(image):
            return engine
    names = " nor ".join(engine.name for engine in answering)
    raise UserError(f"There is no image {image!r} in {names}; build or pull it first.")


def words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return ("/bin/sh", "-c", value)
    return tuple(map(str, value)) if isinstance(value, list) else ()
