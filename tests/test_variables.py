"""The table of variables and the code agree."""

from __future__ import annotations

import re
from pathlib import Path

from container_toolkit.contract import tables
from tests.jobs import REPORTER, Job

EVERY = (tables.READ_CONTRACT, tables.READ_OURS, tables.READ_HOST, tables.EXPORTED)
PACKAGE = Path(tables.__file__).parents[1]
OWN_NAME = re.compile(r'"((?:SAGEMAKER|CONTAINER_TOOLKIT|TRAINING_JOB)_[A-Z_]+)"')


def names(*parts: tuple[tables.Variable, ...]) -> set[str]:
    return {variable.name for part in parts for variable in part}


def test_every_variable_the_code_names_is_in_the_table() -> None:
    named = {
        name
        for path in PACKAGE.rglob("*.py")
        if path.name != "tables.py"
        for name in OWN_NAME.findall(path.read_text())
    }
    assert named - names(*EVERY) == set()


def test_every_variable_we_invented_is_read_somewhere() -> None:
    text = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "tables.py")
    unread = {v for v in names(tables.READ_OURS, tables.READ_CONTRACT) if f'"{v}"' not in text}
    assert unread == set()


def test_the_program_sees_what_the_table_says_and_nothing_else(job: Job) -> None:
    job.program(REPORTER).hyperparameters(lr="0.1").channel("train", a="1")
    job.config("resourceconfig", {"current_host": "a", "hosts": ["a"], "topology": {"x": 1}})
    job.environ.pop("PYTHONUNBUFFERED", None)
    before = set(job.environ)
    assert job.run().returncode == 0
    env = job.seen()["env"]
    assert isinstance(env, dict)
    seen = {re.sub(r"^(SM_HP_|SM_CHANNEL_).*", r"\1<NAME>", name) for name in set(env) - before}
    seen -= {"LC_CTYPE"}  # Python's own, where the locale is C
    expected = {name for name in names(tables.EXPORTED) if not name.endswith("_FILE")}
    assert seen == expected
