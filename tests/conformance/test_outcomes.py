"""How a run ends: exit code, failure file, success file."""

from __future__ import annotations

import re
import signal

import pytest

from tests.conformance.cases import Match, check, parametrised
from tests.jobs import Job

RAISES = """
class OutOfCheese(Exception):
    pass

def fit():
    raise OutOfCheese("redo from start")

fit()
"""
WRITES_FAILURE = """
import os
with open(os.path.join(os.environ["SM_OUTPUT_DIR"], "failure"), "w") as out:
    out.write("mine: the learning rate is negative")
"""

MATCH = (Match(id="exit_0", files={"train.py": "print('done')"}),)


@parametrised(MATCH)
def test_match(case: Match, job: Job) -> None:
    check(case, job)


@pytest.mark.parametrize("code", [pytest.param(code, id=f"exit_{code}") for code in (3, 255)])
@pytest.mark.parametrize("kind", ["train.py", "train.sh"])
def test_exit_code_is_the_programs_own(job: Job, code: int, kind: str) -> None:
    text = f"raise SystemExit({code})" if kind.endswith(".py") else f"exit {code}"
    ended = job.program(text + "\n", kind).run()
    assert ended.returncode == code, ended
    assert str(code) in (ended.failure or "")
    assert kind in (ended.failure or "")
    assert not ended.success


@pytest.mark.parametrize("text", ["exit 3", "exit 255", "kill -9 $$"])
def test_exit_code_is_one_for_any_failure_where_asked(job: Job, text: str) -> None:
    ended = job.program(text, "train.sh").env(CONTAINER_TOOLKIT_EXIT_CODE="one").run()
    assert ended.returncode == 1
    assert "train.sh" in str(ended.failure)


def test_exit_code_setting_that_is_none_is_a_sentence(job: Job) -> None:
    ended = job.program("pass").env(CONTAINER_TOOLKIT_EXIT_CODE="1").run()
    assert ended.returncode == 1
    assert "CONTAINER_TOOLKIT_EXIT_CODE is '1'" in str(ended.failure)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, id="sigkill"),
        pytest.param(signal.SIGSEGV, id="sigsegv"),
        pytest.param(signal.SIGABRT, id="sigabrt"),
        pytest.param(signal.SIGTERM, id="sigterm_of_its_own"),
    ],
)
def test_killed_by_a_signal(job: Job, number: signal.Signals) -> None:
    text = f"import os, sys\nprint('before', file=sys.stderr)\nos.kill(os.getpid(), {int(number)})"
    ended = job.program(text).run()
    assert ended.returncode == 128 + number, ended
    assert number.name in (ended.failure or "")
    assert not (ended.failure or "").startswith("Stopped")
    assert "memory cap" not in (ended.failure or "")
    assert not ended.success


@pytest.mark.parametrize(
    ("text", "first", "where"),
    [
        pytest.param(
            "def fit():\n    raise ValueError('boom')\n\nfit()\n",
            "ValueError: boom",
            r"\(.*train\.py, line 2, in fit\)",
            id="raise_valueerror",
        ),
        pytest.param(
            RAISES,
            "OutOfCheese: redo from start",
            r"\(.*train\.py, line 6, in fit\)",
            id="custom_exception",
        ),
        pytest.param(
            "import json\njson.loads('{')\n",
            "json.decoder.JSONDecodeError: Expecting property name",
            r"\(.*train\.py, line 2(, in <module>)?\)",
            id="raised_in_a_library",
        ),
    ],
)
def test_failure_starts_with_the_exception(job: Job, text: str, first: str, where: str) -> None:
    """Exception, innermost frame of the user's own, exit code and command, tail: in this order."""
    ended = job.program(text).hyperparameters(lr="0.1").run()
    assert ended.returncode == 1, ended
    failure = ended.failure or ""
    name, message = first.split(": ", 1)
    assert failure.startswith((first, f"{name.rpartition('.')[2]}: {message}")), ended
    assert re.search(where, failure), ended
    order = [re.search(where, failure), re.search(r"\b1\b.*train\.py|train\.py.*--lr", failure)]
    assert all(order), ended
    assert "Traceback" in failure.splitlines()[-1] or len(failure.splitlines()) > 2
    assert len(failure) <= 1024


def test_sys_exit_message(job: Job) -> None:
    ended = job.program("import sys\nsys.exit('no data for epoch 3')\n").run()
    assert ended.returncode == 1, ended
    assert "no data for epoch 3" in (ended.failure or "")


def test_handled_error_then_2000_lines_exit3(job: Job) -> None:
    """An error the program dealt with is not the cause; what it said last is what helps."""
    job.program(
        """
        import sys, traceback
        try:
            raise ValueError("handled long ago")
        except ValueError:
            traceback.print_exc()
        for line in range(2000):
            print(f"Exception-free line {line} of the log", file=sys.stderr)
        print("fatal: the disk is on fire", file=sys.stderr)
        raise SystemExit(3)
        """
    )
    ended = job.run()
    assert ended.returncode == 3, ended
    failure = ended.failure or ""
    assert len(failure) <= 1024
    assert failure.rstrip().endswith("fatal: the disk is on fire")
    assert not failure.startswith("ValueError")
    assert "handled long ago" not in failure


@pytest.mark.parametrize("character", ["x", "é", "😀"])
def test_failure_is_at_most_1024_characters(job: Job, character: str) -> None:
    text = f"import sys\ntext = {character!r} * 5000\nprint(text, file=sys.stderr)\n"
    ended = job.program(text + "raise ValueError(text)\n").run()
    assert ended.returncode == 1
    assert (ended.failure or "").startswith("ValueError: " + character * 100)
    assert len(ended.failure or "") <= 1024
    assert "train.py" in (ended.failure or "")


def test_user_failure_file_kept(job: Job) -> None:
    ended = job.program(WRITES_FAILURE + "raise SystemExit(3)\n").run()
    assert ended.returncode == 3, ended
    assert ended.failure == "mine: the learning rate is negative"
    assert not ended.success


def test_user_failure_file_kept_exit0(job: Job) -> None:
    ended = job.program(WRITES_FAILURE).run()
    assert ended.returncode == 0, ended
    assert ended.failure == "mine: the learning rate is negative"
    assert ended.success


def test_output_dir_removed_exit7(job: Job) -> None:
    ended = job.program(
        """
        import os, shutil
        shutil.rmtree(os.environ["SM_OUTPUT_DIR"])
        raise SystemExit(7)
        """
    ).run()
    assert ended.returncode == 7, ended
    assert "7" in (ended.failure or "")
    assert not ended.success


def test_output_dir_removed_exit0(job: Job) -> None:
    """The folder is made again: success is reported where it could be written down."""
    ended = job.program(
        """
        import os, shutil
        shutil.rmtree(os.environ["SM_OUTPUT_DIR"])
        """
    ).run()
    assert ended.returncode == 0, ended
    assert ended.success


def test_stale_failure_file_then_success(job: Job) -> None:
    (job.base / "output/failure").write_text("of an earlier run")
    ended = job.program("print('fine')").run()
    assert ended.returncode == 0, ended
    assert ended.success
    assert ended.failure is None
    assert (job.base / "output/failure.previous").read_text() == "of an earlier run"


def test_stale_success_file_then_failure(job: Job) -> None:
    (job.base / "output/success").write_text("")
    ended = job.program("raise SystemExit(3)").run()
    assert ended.returncode == 3, ended
    assert not ended.success
    assert ended.failure
