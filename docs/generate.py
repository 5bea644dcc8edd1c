"""Writes the pages of docs/reference that are made from the code: `python docs/generate.py`."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import container_toolkit
from container_toolkit import Layout, algorithms, errors
from container_toolkit.algorithms import describe
from container_toolkit.contract import tables
from container_toolkit.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from container_toolkit.algorithms.declaration import Hyperparameter

REFERENCE = Path(__file__).parent / "reference"
MADE = "<!-- Made by docs/generate.py from the code; edit that. -->\n\n"
QUOTED = re.compile(r"(: |-> )'([^']*)'")  # an annotation, as a signature shows it
MODULES = {"train": "container_toolkit.training", "container-toolkit": "container_toolkit"}

ALGORITHMS_INTRODUCTION = """\
# Built-in algorithms

`CONTAINER_TOOLKIT_ALGORITHM` names the one that `train` runs; `container-toolkit algorithms NAME`
shows these pages in a terminal, `--json` as data, and `--create-algorithm IMAGE` prints the
request that makes an algorithm of an image at SageMaker. A package adds an algorithm by an entry
point of the group `container_toolkit.algorithms` that names its declaration.

Hyperparameters are text, or the same text in JSON's quotes. They are parsed and never evaluated. A
name that is not declared is an error, so that no misspelling goes unseen, and all that is wrong
with hyperparameters and channels is told in one `UserError`.

A channel's content type is what the channel names, else what the extension of its first file says
(`.csv`, `.libsvm`, `.svm`, `.pbr`, `.parquet`, `.json`, `.jsonl`, `.jsonlines`, `.npy`), else the
default below. The channels `code`, `sm_drivers`, `model` and `checkpoints` are no data, and left
alone; any other is an error.

Metrics are found in the log, by the name and the pattern that the declaration gives each.
"""


def variables() -> str:
    """From the table in contract/tables.py."""
    parts = [
        ("Read: SageMaker's and its toolkit's", tables.READ_CONTRACT),
        ("Read: ours", tables.READ_OURS),
        ("Read on the host", tables.READ_HOST),
        ("Exported to the program", tables.EXPORTED),
        *((f"Exported by the launcher `{name}`", rows) for name, rows in tables.LAUNCHERS.items()),
    ]
    text = MADE + "# Environment variables\n"
    for title, rows in parts:
        text += f"\n## {title}\n\n| variable | meaning | default |\n|---|---|---|\n"
        text += "".join(f"| `{v.name}` | {v.meaning} | {v.default} |\n" for v in rows)
    text += (
        "\nAn object or list is compact JSON with sorted keys, a boolean `true` or `false`, null"
        " nothing.\n"
    )
    return text


def error_page() -> str:
    """From the tree in errors.py."""
    tree = inspect.getdoc(errors) or ""
    text = (
        MADE + f"# Errors\n\n```\n{tree}\n```\n\n| error | exit code | meaning |\n|---|---|---|\n"
    )
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.ToolkitError):
            first = (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")
            text += f"| `{name}` | {kind.exit_code} | {first} |\n"
    return text


def commands() -> str:
    """What each command says of itself."""
    text = MADE + "# Commands\n"
    for argv in (
        ("train", "--help"),
        ("container-toolkit", "--help"),
        ("container-toolkit", "check", "--help"),
        ("container-toolkit", "init", "--help"),
        ("container-toolkit", "algorithms", "--help"),
    ):
        text += f"\n## `{' '.join(argv[:-1])}`\n\n```\n{output(argv)}```\n"
    return text


def output(argv: tuple[str, ...]) -> str:
    result = subprocess.run(
        [sys.executable, "-m", MODULES[argv[0]], *argv[1:]],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "100", "PATH": "/usr/bin:/bin"},
    )
    return result.stdout


def python_api() -> str:
    """From the docstrings of what `container_toolkit` offers."""
    text = MADE + "# Python\n\nWhat a training program may import from `container_toolkit`.\n"
    for name in container_toolkit.__all__:
        text += described(getattr(container_toolkit, name))
    return text


def described(kind: type[Value]) -> str:
    text = f"\n## `{kind.__name__}`\n\n{inspect.getdoc(kind)}\n\nFields:\n\n"
    for field in kind._fields:
        default = f" = {vars(kind)[field]!r}" if field in vars(kind) else ""
        text += f"- `{field}: {kind.__annotations__[field]}{default}`\n"
    properties = [(n, m) for n, m in vars(kind).items() if isinstance(m, property)]
    text += "\nRead-only:\n\n" if properties else ""
    for name, member in properties:
        what = " ".join(said(member).split())
        if kind is Layout:
            what = f"`{getattr(Layout(), name)}`"
        returned = member.fget.__annotations__["return"]
        text += f"- `{name}: {returned}`{': ' if what else ''}{what}\n"
    for title, doc in methods(kind):
        text += f"\n### `{kind.__name__}.{title}`\n\n{doc}\n"
    return text


def methods(kind: type[Value]) -> Iterator[tuple[str, str]]:
    """Public ones, as one calls them, and what they say of themselves."""
    for name, member in vars(kind).items():
        if name.startswith("_") or not said(member):
            continue
        if isinstance(member, classmethod) or inspect.isfunction(member):
            signature = QUOTED.sub(r"\1\2", str(inspect.signature(getattr(kind, name))))
            yield name + signature.replace("(self, ", "(").replace("(self)", "()"), said(member)


def said(member: object) -> str:
    return inspect.getdoc(member) or ""


def algorithms_page() -> str:
    """From the declarations."""
    text = MADE + ALGORITHMS_INTRODUCTION
    for name in algorithms.ALGORITHMS:
        algorithm = algorithms.get(name, name)
        text += f"\n## `{name}`\n\n{algorithm.summary}\n\n"
        text += f"Model: `{algorithm.artifact}`. Requests: {codes(algorithm.accepts)}. Outputs:"
        text += f" {codes(algorithm.outputs)}.\n\nContent types of its channels:"
        text += f" {codes(algorithm.content_types)}.\n\n"
        text += "| channel | | where nothing names a content type | |\n|---|---|---|---|\n"
        for channel in algorithm.channels:
            need = "required" if channel.required else "optional"
            text += f"| `{channel.name}` | {need} | `{channel.default}` | {channel.meaning} |\n"
        text += "\n| hyperparameter | type | values | default | tuned in | meaning |\n"
        text += "|---|---|---|---|---|---|\n"
        text += "".join(map(hyperparameter_row, algorithm.hyperparameters))
        text += "\n| metric | better | meaning |\n|---|---|---|\n"
        for names, better, meaning in describe.metric_rows(algorithm):
            text += f"| {codes(names.split(', '))} | {better} | {meaning} |\n"
    return text


def hyperparameter_row(one: Hyperparameter) -> str:
    names = ", ".join(f"`{name}`" for name in (one.name, *one.aliases))
    values = codes(one.choices) if one.choices else describe.accepted(one)
    default = describe.default_of(one).removeprefix("default ")
    tuned = one.tunable or ""
    return f"| {names} | {one.kind} | {values} | {default} | {tuned} | {describe.meaning(one)} |\n"


def codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


PAGES: dict[str, Callable[[], str]] = {
    "variables.md": variables,
    "errors.md": error_page,
    "commands.md": commands,
    "python-api.md": python_api,
    "algorithms.md": algorithms_page,
}

if __name__ == "__main__":
    for page, make in PAGES.items():
        (REFERENCE / page).write_text(make(), encoding="utf-8")
