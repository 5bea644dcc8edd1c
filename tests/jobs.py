"""A job's base folder, and `train` run on it as a real process: what most tests stand on."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

TRAIN = (sys.executable, "-m", "container_toolkit.training")
HANG = 60  # seconds after which a run counts as hung; nothing here measures time


class Ended:
    """How one run of `train` ended."""

    def __init__(self, job: Job, returncode: int, stdout: bytes, stderr: bytes) -> None:
        self.returncode = returncode
        self.stdout = stdout.decode(errors="replace")
        self.stderr = stderr.decode(errors="replace")
        self.raw_stdout = stdout
        self.raw_stderr = stderr
        self.job = job

    @property
    def failure(self) -> str | None:
        """The text of output/failure, or None."""
        path = self.job.base / "output" / "failure"
        return path.read_text() if path.exists() else None

    @property
    def success(self) -> bool:
        return (self.job.base / "output" / "success").exists()

    def __repr__(self) -> str:
        return f"exit {self.returncode}\n{self.stdout}\n{self.stderr}\nfailure: {self.failure}"


class Job:
    """A base folder under construction. Every method returns the job, so calls chain."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SM_", "SAGEMAKER_", "TRAINING_JOB_", "CONTAINER_TOOLKIT_"))
        }
        self.environ["SAGEMAKER_BASE_DIR"] = str(base)
        self.environ["CONTAINER_TOOLKIT_MEMORY_CAP"] = "off"
        for name in ("code", "input/config", "input/data", "model", "output"):
            (base / name).mkdir(parents=True, exist_ok=True)

    def program(self, text: str, name: str = "train.py") -> Job:
        """Write a program into the code folder and select it; `.sh` and bare names executable."""
        path = self.code(name, text)
        if not name.endswith(".py"):
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        self.environ.setdefault("SAGEMAKER_PROGRAM", name)
        return self

    def code(self, name: str, text: str) -> Path:
        path = self.base / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def config(self, name: str, document: object) -> Job:
        """Write input/config/NAME.json; a string is written as it is."""
        text = document if isinstance(document, str) else json.dumps(document)
        (self.base / "input/config" / f"{name}.json").write_text(text)
        return self

    def hyperparameters(self, **values: object) -> Job:
        return self.config("hyperparameters", values)

    def channel(self, channel_name: str, **files: str) -> Job:
        folder = self.base / "input/data" / channel_name
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        return self

    def env(self, **variables: str) -> Job:
        self.environ.update(variables)
        return self

    def start(self, *argv: str, **options: object) -> subprocess.Popen[bytes]:
        defaults: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            [*TRAIN, *argv],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            cwd=self.base,
            **(defaults | options),
        )

    def run(self, *argv: str) -> Ended:
        process = self.start(*argv)
        try:
            stdout, stderr = process.communicate(timeout=HANG)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            raise
        return Ended(self, process.returncode, stdout, stderr)

    def seen(self) -> dict[str, object]:
        """What a program written by `REPORTER` saw: its argv, environment and folder."""
        text = (self.base / "output" / "seen.json").read_text()
        document: dict[str, object] = json.loads(text)
        return document


# A program that writes down what it sees.
REPORTER = """
import json, os, sys
seen = {"argv": sys.argv[1:], "argv0": sys.argv[0], "env": dict(os.environ), "cwd": os.getcwd()}
with open(os.path.join(os.environ["SM_OUTPUT_DIR"], "seen.json"), "w") as out:
    json.dump(seen, out)
"""
