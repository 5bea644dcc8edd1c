"""The documentation and the code agree: made pages are fresh, and what pages show runs."""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from container_toolkit import cli, errors
from container_toolkit.contract import tables
from container_toolkit.training import train

if TYPE_CHECKING:
    from types import ModuleType

    from tests.jobs import Job

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES += sorted((ROOT / "docs").rglob("*.md")) + sorted((ROOT / "images").rglob("*.md"))
TUTORIAL = ROOT / "docs/tutorial.md"
READ_DATA = ROOT / "docs/how-to/read-data.md"
HANG = 60  # seconds

LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
BLOCK = re.compile(r"(?:<!-- ([^\n]+) -->\n)?```(\w*)\n(.*?)```\n", re.DOTALL)
VARIABLE = re.compile(r"\b(?:CONTAINER_TOOLKIT|SAGEMAKER)_[A-Z_]+[A-Z]\b")
IN_THE_REPOSITORY = re.compile(
    r"`((?:container_toolkit|contract|training|tests|docs|images|examples|benchmarks)/[\w./-]+)`"
)
CARETS = re.compile(r"^(?:train: )?[\s~^]*$")  # which Python prints them differs by its version
MACHINE = (  # what differs from machine to machine
    (re.compile(r"\S*/python[\d.]*\b"), "PYTHON"),
    (re.compile(r"\d+ CPUs, \d+ GPUs"), "N CPUs, N GPUs"),
    (re.compile(r"(memory cap: ).*"), r"\1…"),
    # Python 3.12 adds floats up more exactly, which is a digit more or less in the model.
    (re.compile(r"(packed 1 file,) \d+( bytes, into .*) \(\d+ bytes\)"), r"\1 N\2 (N bytes)"),
    (re.compile(r"(is not valid JSON) \(line.*\);"), r"\1 (…);"),  # in each Python's own words
    (re.compile(r"(program ended with exit code \d+) after .*"), r"\1…"),
)


def every(pages: list[Path]) -> list[object]:
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages]


def blocks(page: Path, *languages: str) -> list[tuple[str, str]]:
    """(the comment before it, text) of each fenced block in one of the languages."""
    found = BLOCK.findall(page.read_text())
    return [(mark, text) for mark, language, text in found if language in languages]


def table() -> set[str]:
    parts = (tables.READ_CONTRACT, tables.READ_OURS, tables.READ_HOST, tables.EXPORTED)
    return {variable.name for part in parts for variable in part}


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MADE = ["variables.md", "errors.md", "commands.md", "python-api.md", "algorithms.md"]


@pytest.mark.parametrize("name", MADE)
def test_a_page_made_from_the_code_is_fresh(generate: ModuleType, name: str) -> None:
    assert set(generate.PAGES) == set(MADE)
    page, made = (ROOT / "docs/reference" / name).read_text(), generate.PAGES[name]()
    if name == "commands.md":
        # Each Python lays a command's help out in columns of its own; the words are the same.
        page, made = " ".join(page.split()), " ".join(made.split())
    assert page == made, "run `python docs/generate.py`"


@pytest.mark.parametrize("page", every(PAGES))
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
    for path in IN_THE_REPOSITORY.findall(text):
        assert (ROOT / path).exists() or (ROOT / "container_toolkit" / path).exists(), path


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", every(PAGES))
def test_variables_that_are_named_exist(page: Path) -> None:
    assert set(VARIABLE.findall(page.read_text())) - table() == set()


def test_every_variable_and_every_error_is_on_its_page() -> None:
    page = (ROOT / "docs/reference/variables.md").read_text()
    assert {name for name in table() if f"| `{name}` |" not in page} == set()
    page = (ROOT / "docs/reference/errors.md").read_text()
    names = {name for name, kind in vars(errors).items() if inspect.isclass(kind)}
    assert {name for name in names if f"| `{name}` |" not in page} == set()


@pytest.mark.parametrize("page", every(PAGES))
def test_commands_and_options_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    verbs = set(re.findall(r"`container-toolkit (\w+)", text))
    verbs |= set(re.findall(r"^container-toolkit (\w+)", text, re.MULTILINE))
    shown = cli.parser().format_help()
    assert {verb for verb in verbs if not re.search(rf"\n    {verb}\s", shown)} == set()
    options = set(re.findall(r"\btrain (--[a-z]+)", text))
    assert options - set(train.OPTIONS) == set()


@pytest.mark.parametrize("page", every(PAGES))
def test_python_blocks_compile(page: Path) -> None:
    for _, text in blocks(page, "python"):
        compile(text, str(page), "exec")


def test_the_tutorial_does_what_it_shows(tmp_path: Path) -> None:
    environ = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    environ["PATH"] = f"{Path(sys.executable).parent}:{os.defpath}"
    script, wanted = [], []
    for mark, text in blocks(TUTORIAL, "sh", "python", ""):
        kind, _, detail = mark.partition(": ")
        if kind == "save":
            script.append(f"cat > {detail} <<'END OF FILE'\n{text}END OF FILE\n")
        elif kind == "run":
            status = detail.removeprefix("exit ") or "0"
            script.append(f"{text}[ $? -eq {status} ] || echo 'not {status}'\n")
        elif kind == "output":
            wanted.append(text)
    assert len(wanted) >= 5
    done = subprocess.run(
        ["sh", "-c", "".join(script)],
        cwd=tmp_path,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANG,
    )
    seen = done.stdout.replace(str(tmp_path.resolve()), "/home/me")
    assert alike(seen) == alike("".join(wanted))


def alike(text: str) -> list[str]:
    """Lines, without what differs from machine to machine."""
    for pattern, instead in MACHINE:
        text = pattern.sub(instead, text)
    return [line for line in text.splitlines() if not CARETS.match(line)]


def test_what_read_data_shows_runs_in_a_job(job: Job) -> None:
    said = ""
    for mark, text in blocks(READ_DATA, "python"):
        assert mark == "run"
        said += run_on_data(job, text)
    assert "algo-2 ['stream', 'training'] {'rate': 0.5}" in said
    assert "a.csv 2 lines" in said
    assert "host 2 of 3 has 1 files" in said
    assert "2 of 3\n" in said
    assert "epoch 1 7 bytes" in said
    assert "rate 0.5" in said


def run_on_data(job: Job, program: str) -> str:
    """Run a block as the second of three hosts, of which the first is no worker."""
    job.program(textwrap.dedent(program)).hyperparameters(rate="0.5")
    job.channel("training", **{"a.csv": "1\n2\n", "b.csv": "3\n", "c.csv": "4\n"})
    pipe = {"TrainingInputMode": "Pipe"}
    job.config("inputdataconfig", {"training": {}, "stream": pipe})
    hosts = ["algo-1", "algo-2", "algo-3"]
    group = {"instance_group_name": "workers", "hosts": ["algo-2", "algo-3"]}
    job.config(
        "resourceconfig", {"current_host": "algo-2", "hosts": hosts, "instance_groups": [group]}
    )
    job.env(SM_STUDIO_LOCAL_MODE="true")  # the other hosts are not there, and not waited for
    if ".epochs()" in program:
        for epoch in range(2):
            fifo = job.base / f"input/data/stream_{epoch}"
            os.mkfifo(fifo)
            threading.Thread(
                target=fifo.write_bytes, args=(b"epoch %d" % epoch,), daemon=True
            ).start()
    ended = job.run()
    assert ended.returncode == 0, ended
    return ended.stdout
