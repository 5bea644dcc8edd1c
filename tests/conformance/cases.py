"""A conformance case as data: what a job is given, and what its program must see.

The expected values of a `Match` were taken from runs of sagemaker-training 5.1.4, never from our
own code; `test_against_peer.py` runs the same tables on both and compares everything seen.
`<base>` stands for the job's base folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.jobs import REPORTER, Job

if TYPE_CHECKING:
    from collections.abc import Iterable

# A shell program that writes down its argv, one argument per NUL, and its folder.
SHELL_REPORTER = """\
#!/bin/sh
printf '%s\\0' "$0" "$@" > "$SM_OUTPUT_DIR/argv"
pwd > "$SM_OUTPUT_DIR/cwd"
"""

ONE_HOST = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}


@dataclass(frozen=True, kw_only=True)
class Match:
    """One row in which ours equals the peer: the job, then what was seen."""

    id: str
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    program: str | None = "train.py"
    files: Mapping[str, str] = field(default_factory=lambda: {"train.py": REPORTER})
    channels: tuple[str, ...] = ()
    resources: Mapping[str, object] = field(default_factory=lambda: ONE_HOST)
    env: Mapping[str, str] = field(default_factory=dict)

    returncode: int = 0
    argv: tuple[str, ...] | None = None
    argv0: str | None = None
    sees: Mapping[str, str] = field(default_factory=dict)
    training_env: Mapping[str, object] = field(default_factory=dict)
    failure: str | None = None  # what the failure file starts with

    def set_up(self, job: Job) -> Job:
        chosen = {} if self.program is None else {"sagemaker_program": json.dumps(self.program)}
        job.config("hyperparameters", chosen | dict(self.hyperparameters))
        job.config("resourceconfig", dict(self.resources))
        job.config("inputdataconfig", {name: {} for name in self.channels})
        for name in self.channels:
            job.channel(name)
        for name, text in self.files.items():
            job.code(name, text)
        # Names such as algo-2 resolve on the platform only: neither side is to wait for them here.
        given = {name: value.replace("<base>", str(job.base)) for name, value in self.env.items()}
        return job.env(SM_STUDIO_LOCAL_MODE="true", **given)


def parametrised(*tables: Iterable[Match]) -> pytest.MarkDecorator:
    rows = [pytest.param(case, id=case.id) for table in tables for case in table]
    return pytest.mark.parametrize("case", rows)


def check(case: Match, job: Job) -> None:
    """Run the case and compare with what the peer did."""
    ended = case.set_up(job).run()
    assert ended.returncode == case.returncode, ended
    if case.returncode:
        assert (ended.failure or "").startswith(case.failure or ""), ended
        assert ended.failure, ended
        assert not ended.success
        return
    assert ended.success, ended
    assert ended.failure is None
    if case.argv is not None:
        assert reported_argv(job)[1:] == list(case.argv)
    if case.argv0 is not None:
        assert reported_argv(job)[0] == case.argv0
    if case.sees:
        seen = seen_environment(job)
        assert {name: seen.get(name) for name in case.sees} == case.sees
    if case.training_env:
        training_env = seen_training_env(job)
        assert {name: training_env.get(name) for name in case.training_env} == case.training_env


def reported_argv(job: Job) -> list[str]:
    """The argv, argv[0] first, that either reporter wrote down."""
    written = job.base / "output/argv"
    if written.exists():
        return written.read_bytes().decode().split("\0")[:-1]
    seen = job.seen()
    assert isinstance(seen["argv"], list)
    return [str(seen["argv0"]), *seen["argv"]]


def reported_folder(job: Job) -> object:
    """The folder the program was started in."""
    written = job.base / "output/cwd"
    folder = written.read_text().rstrip("\n") if written.exists() else job.seen()["cwd"]
    return without_base(folder, job)


def seen_environment(job: Job) -> dict[str, str]:
    """The environment the program saw, with the base folder written as `<base>`."""
    seen = without_base(job.seen()["env"], job)
    assert isinstance(seen, dict)
    return seen


def seen_training_env(job: Job) -> dict[str, object]:
    """`SM_TRAINING_ENV` as the program saw it, decoded."""
    environment = job.seen()["env"]
    assert isinstance(environment, dict)
    document = without_base(json.loads(environment["SM_TRAINING_ENV"]), job)
    assert isinstance(document, dict)
    return document


def without_base(value: object, job: Job) -> object:
    if isinstance(value, str):
        return value.replace(str(job.base), "<base>")
    if isinstance(value, Mapping):
        return {key: without_base(inner, job) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_base(inner, job) for inner in value]
    return value
