"""`container-toolkit check FOLDER`: all that is wrong with a base folder, at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from container_toolkit.contract import channels, cluster, documents, hyperparameters
from container_toolkit.contract.layout import Layout
from container_toolkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Document = dict[str, Any]

PLAN_TIMEOUT = 120  # seconds
VARIABLES = "variables:"  # the line after which `train --plan` lists them
SPEAKER = re.compile(r"^train: ERROR: (?:\w+Error: )?")


@dataclass(frozen=True, kw_only=True)
class FolderReport:
    """`problems`, a sentence each; `plan`, the lines of `train --plan` up to the variables."""

    problems: tuple[str, ...]
    plan: tuple[str, ...]


def check(root: str, environ: Mapping[str, str]) -> FolderReport:
    """Look at the base folder `root` as `train` with `environ` would find it. Changes nothing."""
    layout = Layout(root=os.path.abspath(root))
    if not os.path.isdir(layout.root):
        problem = f"{layout.root} is not a folder; give the one that stands for /opt/ml."
        return FolderReport(problems=(problem,), plan=())
    problems: list[str] = []
    sound = {}
    for name, examine in examiners(layout).items():
        try:
            document = documents.read(layout.document(name))
        except ConfigError as error:
            problems.append(str(error))
            continue
        if document is not None:
            sound[name] = examine(document, layout.document(name), problems)
    problems += unwritable(layout)
    lines: list[str] = []
    # A hyperparameter may name the program: without the document there is no telling what runs.
    if hyperparameters.FILE in sound or not os.path.exists(layout.document(hyperparameters.FILE)):
        lines, failure = plan(layout, sound, environ)
        problems += [failure] if failure and failure not in problems else []
    return FolderReport(problems=tuple(problems), plan=tuple(lines))


def examine_hyperparameters(document: Document, path: str, problems: list[str]) -> Document:
    """Add what is wrong to `problems`; returns the part of the document that is sound."""
    return {
        key: value
        for key, value in document.items()
        if tried(problems, hyperparameters.check, key, value, path)
    }


def examine_channels(
    layout: Layout, document: Document, path: str, problems: list[str]
) -> Document:
    sound = {}
    for name, entry in document.items():
        channel = tried(problems, channels.one, name, entry, layout, path)
        if not channel:
            continue
        sound[name] = entry
        if channel.input_mode != channels.PIPE_MODE and not os.path.isdir(channel.path):
            problems.append(f"{path}: channel {name!r} has no folder {channel.path}; make it.")
    return sound


def examine_cluster(document: Document, path: str, problems: list[str]) -> Document:
    before = len(problems)
    sound = {
        key: value
        for key, value in document.items()
        if tried(problems, cluster.Cluster.from_document, cluster_part(document, key), path)
    }
    if len(problems) == before:
        tried(problems, cluster.Cluster.from_document, document, path)
    return sound if len(problems) == before else {}


def cluster_part(document: Document, key: str) -> Document:
    """One key by itself, so that its fault is told apart from the others'."""
    part = {key: document[key]}
    hosts = document.get("hosts")
    if key == "hosts" and isinstance(hosts, list) and hosts:
        part["current_host"] = hosts[0]
    return part


def examiners(layout: Layout) -> dict[str, Callable[[Document, str, list[str]], Document]]:
    """By file name; the old spelling of resourceconfig.json where the new one is missing."""
    old = not os.path.exists(layout.document(cluster.FILE))
    return {
        hyperparameters.FILE: examine_hyperparameters,
        channels.FILE: partial(examine_channels, layout),
        cluster.OLD_FILE if old else cluster.FILE: examine_cluster,
    }


def tried(problems: list[str], function: Callable[..., Any], *given: Any) -> Any:
    """What the function returns, True for None; where it raises, False and one problem more."""
    try:
        returned = function(*given)
    except ConfigError as error:
        if str(error) not in problems:
            problems.append(str(error))
        return False
    return True if returned is None else returned


def unwritable(layout: Layout) -> list[str]:
    """Folders that a job writes to, and can't."""
    problems = []
    for folder in (layout.model, layout.output):
        nearest = folder
        while not os.path.exists(nearest):
            nearest = os.path.dirname(nearest)
        if not os.path.isdir(nearest):
            problems.append(f"{nearest} is not a folder; it has to be one.")
        elif not os.access(nearest, os.W_OK | os.X_OK):
            problems.append(f"{folder} can't be written by this user; change {nearest}'s mode.")
    return problems


def plan(
    layout: Layout, sound: Mapping[str, Document], environ: Mapping[str, str]
) -> tuple[list[str], str]:
    """The lines of `train --plan`, and the sentence it fails with, or "".

    It is run on a folder of links with the sound part of the documents, so that it comes to speak
    of the program even where a document has a fault.
    """
    with tempfile.TemporaryDirectory(prefix="container-toolkit-") as shadow:
        mirror(layout, Layout(root=shadow), sound)
        done = subprocess.run(
            [sys.executable, "-m", "container_toolkit.training", "--plan"],
            env={**environ, "SAGEMAKER_BASE_DIR": shadow},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PLAN_TIMEOUT,
        )
        output, errors = (t.replace(shadow, layout.root) for t in (done.stdout, done.stderr))
    if done.returncode:
        said = [line for line in (errors or output).splitlines() if line.strip()]
        ended = f"`train --plan` ended with {done.returncode}."
        return [], SPEAKER.sub("", said[-1]) if said else ended
    lines = output.splitlines()
    return lines[: lines.index(VARIABLES) if VARIABLES in lines else None], ""


def mirror(layout: Layout, shadow: Layout, sound: Mapping[str, Document]) -> None:
    os.makedirs(shadow.config)
    for folder in (layout.code, layout.data, layout.model, layout.output):
        if os.path.isdir(folder):
            os.symlink(folder, folder.replace(layout.root, shadow.root, 1))
    for name, document in sound.items():
        documents.write(shadow.document(name), document)
