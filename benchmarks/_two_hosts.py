"""Two containers on one network that wait for what to run, as hosts of one job."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from _side_by_side import ROOT, medians, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

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


def beyond_bare(
    launcher: str,
    image: str,
    program: str,
    flags: Mapping[str, str],
    by_hand: Sequence[Sequence[str]],
    prepare: Callable[[str, Path], None] | None = None,
) -> None:
    """`train` on both hosts against the `launcher` started by hand: one command a host. `prepare`
    gets the engine and the folder of the hosts' base folders first. `--quick` on the command line.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="3 repetitions in place of 9")
    repetitions = 3 if parser.parse_args().quick else 9
    engine = answering()
    if not engine:
        print("not measured: no container engine answers; start docker, or install podman")
        return
    with (
        tempfile.TemporaryDirectory() as name,
        hosts(engine, image, Path(name), program, flags),
    ):
        if prepare:
            prepare(engine, Path(name))
        took = medians(
            {
                launcher: lambda: run(engine, by_hand),
                "train": lambda: run(engine, [("train",)] * len(HOSTS)),
            },
            repetitions,
        )
    print(f"\na job of two hosts, median of {repetitions}, in turns")
    for what, seconds in took.items():
        print(f"  {what:<9}{seconds:8.2f} s")
    verdict(f"train beyond a bare {launcher}", took["train"] - took[launcher], "s", 2)
