"""`SAGEMAKER_TRAINING_MODULE`: a function of the image is the program."""

from __future__ import annotations

import pytest

from tests.conformance.cases import Match, check, parametrised
from tests.jobs import Ended, Job


def function(id: str, body: str, name: str = "probe:main", *, code: int = 1) -> Match:
    return Match(
        id=id,
        program=None,
        files={"probe.py": f"def main():\n    {body}\n"},
        env={"SAGEMAKER_TRAINING_MODULE": name, "PYTHONPATH": "<base>/code"},
        returncode=code,
        failure="Framework Error:" if code else None,
    )


MATCH = (
    function("fm_ok", "print('trained')", code=0),
    function("fm_oserr_enoent", "raise FileNotFoundError(2, 'gone', 'f')", code=2),
    function("fm_exc", "raise RuntimeError('bad')"),
    function("fm_missing", "pass", "no_such_module:main"),
    function("fm_missing-function", "pass", "probe:no_such_function"),
)


@parametrised(MATCH)
def test_match(case: Match, job: Job) -> None:
    check(case, job)


def run_function(job: Job, body: str, name: str = "framework_probe:main", **env: str) -> Ended:
    folder = job.base / "site"
    folder.mkdir()
    (folder / "framework_probe.py").write_text(f"def main():\n    {body}\n")
    job.env(SAGEMAKER_TRAINING_MODULE=name, PYTHONPATH=str(folder), **env)
    return job.run()


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        # Where the peer ends with 0, 0, 0, 0 and 44.
        pytest.param("raise ConnectionError('x')", 1, "ConnectionError: x", id="fm_oserr_none"),
        pytest.param("import sys; sys.exit(5)", 5, "5", id="fm_exit5"),
        pytest.param("raise KeyboardInterrupt", 130, "KeyboardInterrupt", id="fm_kbd"),
        pytest.param("raise OSError(0, 'zero')", 1, "zero", id="fm_errno0"),
        pytest.param("raise OSError(300, 'three hundred')", 1, "three hundred", id="fm_errno300"),
        pytest.param("import sys; sys.exit('a message')", 1, "a message", id="fm_exit_message"),
    ],
)
def test_fm_fails(job: Job, body: str, code: int, text: str) -> None:
    ended = run_function(job, body)
    assert ended.returncode == code, ended
    assert (ended.failure or "").startswith("Framework Error:"), ended
    assert text in (ended.failure or "")
    assert len(ended.failure or "") <= 1024
    assert not ended.success


@pytest.mark.parametrize("name", ["no_such_module:main", "framework_probe:no_such_function"])
def test_fm_missing_is_named(job: Job, name: str) -> None:
    ended = run_function(job, "pass", name)
    assert ended.returncode == 1, ended
    assert "no_such_" in (ended.failure or "").splitlines()[0], ended


def test_framework_sys_exit_with_intermediate_output(job: Job) -> None:
    """The peer waits for ever here, for a file nobody writes."""
    job.hyperparameters(sagemaker_s3_output='"s3://bucket/out"')
    ended = run_function(job, "import sys; sys.exit(5)")
    assert ended.returncode == 5, ended
    assert ended.failure
