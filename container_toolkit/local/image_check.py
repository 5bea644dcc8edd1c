"""`container-toolkit check --image IMAGE`: whether an image honours the contract, by running it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from container_toolkit.errors import UsageError
from container_toolkit.local.engine import Run
from container_toolkit.local.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from container_toolkit.local.engine import Ended, Engine, ImageConfig

OURS = "container-toolkit"
NOTHING = "nothing to run"  # how `train` says that no setting names a program
SHELLS = {"sh", "bash", "dash", "ash"}
PROBE_TIMEOUT = 60  # seconds
STOP_TIMEOUT = 15  # seconds; the probe itself stops at once
SAMPLE_TIMEOUT = 600  # seconds
STOPPED = 143  # what `train` ends with after a SIGTERM: 128 + 15

# A probe is a job of ours in the image's place: whatever program the image names stands aside.
PROBE = {"SAGEMAKER_PROGRAM": "", "SAGEMAKER_TRAINING_MODULE": ""}
SAVES = 'echo 42 >"$SM_MODEL_DIR/answer"'
FAILS = "echo nothing is right >&2; exit 7"
WAITS = "trap 'echo told; exit 0' TERM; echo ready; while :; do sleep 0.1; done"


def check(engine: Engine, image: str, sample: Path | None = None) -> Iterator[Finding]:
    """Look at one thing after the other. `sample` is a base folder, of which a copy is trained.

    Raises UserError when the engine has no such image, UsageError when the sample is no folder.
    """
    if sample is not None and not sample.is_dir():
        raise UsageError(f"{sample} is not a folder; give one that stands for /opt/ml.")
    config = engine.inspect(image)
    yield entrypoint(config)
    version = engine.run(Run(image=image, argv=["train", "--version"], timeout=PROBE_TIMEOUT))
    found = train_on_path(version)
    yield found
    if found.ok and OURS in version.output:
        yield plan(engine, image)
        yield saves(engine, image, config)
        yield fails(engine, image)
        yield stops(engine, image)
    if found.ok and sample is not None:
        yield trains(engine, image, sample)


def entrypoint(config: ImageConfig) -> Finding:
    """The shell form puts a shell at PID 1, which hands no signal on."""
    words = config.entrypoint
    shell = words[0].rsplit("/", 1)[-1] if words else ""
    if shell in SHELLS and "-c" in words[1:2]:
        message = f'ENTRYPOINT is a shell\'s: write it in the exec form, e.g. ["{words[-1]}"].'
        return Finding(name="entrypoint", ok=False, message=message)
    what = f"is {list(words)}" if words else "is none"
    return Finding(name="entrypoint", ok=True, message=f"ENTRYPOINT {what}; signals get through.")


def train_on_path(version: Ended) -> Finding:
    name = "train"
    if not version.started or version.status in (126, 127):
        message = "there is no `train` to run: pip install container-toolkit in the image."
        return Finding(name=name, ok=False, message=message)
    if version.status == 0 and OURS in version.output:
        return Finding(name=name, ok=True, message=f"`train` is {version.output.strip()}.")
    message = "`train` is there, but another's: signals, failures and packing were not looked at."
    return Finding(name=name, ok=True, message=message)


def plan(engine: Engine, image: str) -> Finding:
    """What the image runs when a job brings nothing."""
    ended = engine.run(Run(image=image, argv=["train", "--plan"], timeout=PROBE_TIMEOUT))
    if ended.status == 0:
        told = (line for line in ended.output.splitlines() if line.startswith(("program:", "comm")))
        return Finding(name="plan", ok=True, message="; ".join(told))
    if NOTHING in ended.errors:
        message = "no program is in the image: each job has to name one of its own."
        return Finding(name="plan", ok=True, message=message)
    return Finding(name="plan", ok=False, message=last_line(ended))


def saves(engine: Engine, image: str, config: ImageConfig) -> Finding:
    """As the image's own user, with a mounted folder to write the model to."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        model = Path(folder, "model")
        model.mkdir()
        model.chmod(0o777)  # the image's user may be anyone
        mounts = {str(model): "/opt/ml/model"}
        ended = probe(engine, image, SAVES, mounts)
        packed = (model / "model.tar.gz").exists()
    if ended.status == 0 and packed:
        message = f"a program saves a model, as user {config.user}, and it is packed."
        return Finding(name="model", ok=True, message=message)
    message = f"a program that saves a model ended with {ended.status}: {last_line(ended)}"
    return Finding(name="model", ok=False, message=message)


def fails(engine: Engine, image: str) -> Finding:
    ended = probe(engine, image, FAILS)
    if ended.status == 7:
        return Finding(name="failure", ok=True, message="a program's exit code is handed on.")
    message = f"a program ended with 7, but the container with {ended.status}: {last_line(ended)}"
    return Finding(name="failure", ok=False, message=message)


def stops(engine: Engine, image: str) -> Finding:
    run = Run(image=image, argv=["train", "--", "sh", "-c", WAITS], environ=PROBE)
    with engine.started(run) as container:
        if not container.wait_for("ready"):
            message = f"a program could not be started: {last_line(container.end(PROBE_TIMEOUT))}"
            return Finding(name="stop", ok=False, message=message)
        container.signal("TERM")
        ended = container.end(STOP_TIMEOUT)
    if ended.status == STOPPED and "told" in ended.output:
        message = f"SIGTERM reaches the program, and the container ends with {STOPPED}."
        return Finding(name="stop", ok=True, message=message)
    told = "reached" if "told" in ended.output else "did not reach"
    end = "did not end" if ended.status is None else f"ended with {ended.status}, not {STOPPED}"
    message = (
        f"SIGTERM {told} the program, and the container {end}: whatever stands in front of `train`"
        " has to `exec` it."
    )
    return Finding(name="stop", ok=False, message=message)


def trains(engine: Engine, image: str, sample: Path) -> Finding:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        base = Path(folder, "ml")
        shutil.copytree(sample, base, symlinks=True)
        for path in (base, *base.rglob("*"), *make(base / "model", base / "output")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o777 if path.is_dir() else 0o666))
        run = Run(
            image=image, argv=["train"], mounts={str(base): "/opt/ml"}, timeout=SAMPLE_TIMEOUT
        )
        ended = engine.run(run)
        model = any((base / "model").iterdir())
    if ended.status == 0 and model:
        return Finding(name="sample", ok=True, message=f"training on {sample} leaves a model.")
    what = "left no model" if ended.status == 0 else f"ended with {ended.status}"
    message = f"training on {sample} {what}: {last_line(ended)}"
    return Finding(name="sample", ok=False, message=message)


def make(*folders: Path) -> tuple[Path, ...]:
    for folder in folders:
        folder.mkdir(exist_ok=True)
    return folders


def probe(engine: Engine, image: str, script: str, mounts: dict[str, str] | None = None) -> Ended:
    argv = ["train", "--", "sh", "-c", script]
    run = Run(image=image, argv=argv, environ=PROBE, mounts=mounts or {}, timeout=PROBE_TIMEOUT)
    return engine.run(run)


def last_line(ended: Ended) -> str:
    """The last thing a container said, to tell why."""
    if ended.status is None:
        return "its time was up."
    lines = (ended.errors or ended.output).strip().splitlines()
    return lines[-1] if lines else "it said nothing."
