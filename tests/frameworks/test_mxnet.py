"""MXNet: the plain program, or workers around a kvstore; and its worker, which ends as it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from container_toolkit.contract.program import COMMAND, PACKAGE, Program
from container_toolkit.errors import ConfigError
from tests.frameworks.planned import GROUPS, PROGRAM, job, planned

SERVERS = "sagemaker_parameter_server_enabled"
WORKER = ("-m", "container_toolkit.frameworks.mxnet_worker")


def test_the_plain_program_has_no_roles() -> None:
    (command,) = planned("mxnet", job(epochs="3"), PATH="/bin")
    assert command.argv == ("python3", "train.py", "--epochs", "3")
    assert command.env == {"PATH": "/bin"}


@pytest.mark.parametrize(("host", "roles"), [(1, ["scheduler", "server"]), (2, ["server"])])
def test_helpers_beside_the_worker(host: int, roles: list[str]) -> None:
    worker, *helpers = planned("mxnet", job(host, 3, **{SERVERS: True}))
    assert worker.argv == ("python3", *WORKER, "train.py")
    assert (worker.env["DMLC_ROLE"], worker.helper) == ("worker", False)
    assert [helper.env["DMLC_ROLE"] for helper in helpers] == roles
    for command in (worker, *helpers):
        assert command.helper is (command is not worker)
        assert command.env["DMLC_NUM_WORKER"] == command.env["DMLC_NUM_SERVER"] == "3"
        assert command.env["DMLC_PS_ROOT_URI"] == "algo-1"
        assert command.env["DMLC_PS_ROOT_PORT"] == "8000"
        assert command.env["DMLC_INTERFACE"] == "eth0"
        assert command.env["PS_VERBOSE"] == "0"


def test_the_peers_hyperparameters_are_heard() -> None:
    worker, *_ = planned("mxnet", job(_ps_port="9001", _ps_verbose="2", **{SERVERS: True}))
    assert (worker.env["DMLC_PS_ROOT_PORT"], worker.env["PS_VERBOSE"]) == ("9001", "2")


@pytest.mark.parametrize(("name", "value"), [("_ps_port", "70000"), ("_ps_verbose", "loud")])
def test_numbers_that_make_no_sense_are_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        planned("mxnet", job(**{SERVERS: True, name: value}))


def test_hosts_of_other_groups_run_the_program_plainly() -> None:
    flags = {SERVERS: True, "sagemaker_distribution_instance_groups": ["learners"]}
    (command,) = planned("mxnet", job(3, 3, groups=GROUPS, **flags))
    assert command.argv == PROGRAM.argv
    worker, *_ = planned("mxnet", job(2, 3, groups=GROUPS, **flags))
    assert worker.env["DMLC_NUM_WORKER"] == "2"


def test_only_python_programs_are_made_to_end() -> None:
    env = job(**{SERVERS: True})
    package = Program(kind=PACKAGE, name="digits", argv=("python3", "-m", "digits"))
    assert planned("mxnet", env, package)[0].argv == ("python3", *WORKER, "-m", "digits")
    command = Program(kind=COMMAND, name="sh", argv=("sh", "x"), takes_arguments=False)
    assert planned("mxnet", env, command)[0].argv == ("sh", "x")


# As the kvstore: what is left to be done as Python ends never comes to an end.
HANGS = """
import atexit, os, sys, time
class Store:
    def __del__(self):
        time.sleep(600)
store = Store()
atexit.register(time.sleep, 600)
print(__name__, sys.argv, sys.path[0] == os.path.dirname(os.path.abspath(__file__)))
"""


def ended(folder: Path, text: str, *argv: str) -> subprocess.CompletedProcess[str]:
    (folder / "job").mkdir()
    (folder / "job/fit.py").write_text(text)
    return subprocess.run(
        [sys.executable, *WORKER, *argv],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        ("raise ValueError('spoiled')", 1, "ValueError: spoiled"),
        ("sys.exit(7)", 7, ""),
        ("sys.exit('no data')", 1, "no data"),
    ],
)
def test_a_worker_that_fails_ends_at_once(tmp_path: Path, end: str, code: int, words: str) -> None:
    done = ended(tmp_path, HANGS + end + "\n", "job/fit.py", "--epochs", "3")
    assert done.returncode == code, done
    assert done.stdout == "__main__ ['job/fit.py', '--epochs', '3'] True\n"
    assert words in done.stderr
    assert "mxnet_worker" not in done.stderr
    assert "runpy" not in done.stderr


@pytest.mark.parametrize("end", ["", "sys.exit()", "sys.exit(0)"])
def test_a_worker_that_ends_well_ends_as_ever(tmp_path: Path, end: str) -> None:
    text = f"import atexit, sys\natexit.register(print, 'at the end', sys.argv[1:])\n{end}\n"
    done = ended(tmp_path, text, "-m", "job.fit", "x")
    assert (done.returncode, done.stdout, done.stderr) == (0, "at the end ['x']\n", "")
