"""Two containers on one network that wait for what to run, as hosts of one job."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from _side_by_side import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

HOSTS = ("algo-1", "algo-2")
MARK = f"container-toolkit-bench-{os.getpid()}"


def answering() -> str:
    """The engine that answers, "" for none."""
    wanted = os.environ.get("CONTAINER_TOOLKIT_ENGINE")
    for name in [wanted] if wanted else ["docker", "podman"]:
        found = shutil.which(name)
        if found and subprocess.run([name, "info"], capture_output=True).returncode == 0:
            return name
    return ""


@contextlib.contextmanager
def hosts(
    engine: str, image: str, folder: Path, program: str, parameters: Mapping[str, str]
) -> Iterator[None]:
    """Both hosts, in the image of images/IMAGE; whatever happens, nothing of them is left."""
    base, tag = f"{MARK}-base", f"{MARK}-{image}"
    try:
        call(engine, "build", "-q", "-t", base, "-f", str(ROOT / "Dockerfile.base"), str(ROOT))
        options = ("--build-arg", f"BASE={base}", str(ROOT / "images" / image))
        call(engine, "build", "-q", "-t", tag, *options)
        call(engine, "network", "create", MARK)
        for host in HOSTS:
            ml = job(folder / host, host, program, parameters)
            network = ("--network", MARK, "--network-alias", host, "--hostname", host)
            options = ("--name", f"{MARK}-{host}", *network, "-v", f"{ml}:/opt/ml")
            call(engine, "run", "-d", *options, tag, "sleep", "infinity")
        yield
    finally:
        names = [f"{MARK}-{host}" for host in HOSTS]
        for argv in (["rm", "-f", *names], ["network", "rm", MARK], ["rmi", "-f", tag, base]):
            subprocess.run([engine, *argv], stdin=subprocess.DEVNULL, capture_output=True)


def job(ml: Path, host: str, program: str, parameters: Mapping[str, str]) -> Path:
    for name in ("code", "input/config", "input/data", "model", "output"):
        (ml / name).mkdir(parents=True)
    (ml / "code/train.py").write_text(program)
    documents = {
        "hyperparameters": {"sagemaker_program": "train.py", **parameters},
        "resourceconfig": {"current_host": host, "hosts": HOSTS, "network_interface_name": "eth0"},
    }
    for name, content in documents.items():
        (ml / f"input/config/{name}.json").write_text(json.dumps(content))
    return ml


def call(*argv: str) -> None:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr[-2000:]}")


def run(engine: str, commands: Sequence[Sequence[str]]) -> float:
    """Seconds until the first host's command and the second's, begun at once, have ended well."""
    started = time.perf_counter()
    running = [
        subprocess.Popen(
            [engine, "exec", "-w", "/opt/ml/code", f"{MARK}-{host}", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for host, command in zip(HOSTS, commands, strict=True)
    ]
    codes = [process.wait() for process in running]
    took = time.perf_counter() - started
    if any(codes):
        raise SystemExit(f"{[list(command) for command in commands]} ended with {codes}")
    return took
