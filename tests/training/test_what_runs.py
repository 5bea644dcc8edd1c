"""The order of what runs, and each kind of program really started."""

from __future__ import annotations

import os
import sys
import tarfile
from pathlib import Path

import pytest

from tests.jobs import Job

SAYS = "import sys; print('said by', {0!r}, sys.argv[1:])"


def everything(job: Job) -> dict[str, str]:
    """All settings that name something to run, the first in the order first."""
    job.code("framework.py", "def main(): print('said by function')")
    job.code("variable.py", SAYS.format("variable"))
    job.code("hyperparameter.py", SAYS.format("hyperparameter"))
    job.hyperparameters(sagemaker_program="hyperparameter.py")
    return {
        "SAGEMAKER_TRAINING_MODULE": "framework:main",
        "SAGEMAKER_PROGRAM": "variable.py",
        "CONTAINER_TOOLKIT_COMMAND": "echo said by image",
        "CONTAINER_TOOLKIT_ALGORITHM": "nothing-of-the-name",
    }


@pytest.mark.parametrize(
    ("left_out", "expected"),
    [
        (0, "said by function"),
        (1, "said by variable []"),
        (2, "said by hyperparameter []"),
        (3, "said by command line"),
        (4, "said by image"),
    ],
)
def test_the_first_that_is_set_runs(job: Job, left_out: int, expected: str) -> None:
    settings = everything(job)
    for name in list(settings)[: min(left_out, 2)]:
        del settings[name]
    if left_out > 2:
        job.hyperparameters()
    argv = ("--", "echo", "said by command line") if left_out < 4 else ()
    ended = job.env(**settings).run(*argv)
    assert ended.stdout.strip() == expected
    assert ended.returncode == 0


def test_an_algorithm_there_is_none_of_is_named(job: Job) -> None:
    ended = job.env(CONTAINER_TOOLKIT_ALGORITHM="xgboost-of-tomorrow").run()
    assert ended.returncode == 1
    assert str(ended.failure).startswith("UserError: the algorithm to train")
    assert "'xgboost-of-tomorrow'; known are xgboost." in str(ended.failure)


def test_nothing_to_run_says_what_to_set_and_what_is_there(job: Job) -> None:
    job.code("fit.py", "")
    job.code("notes.txt", "")
    ended = job.run()
    assert ended.returncode == 1
    assert "SAGEMAKER_PROGRAM" in str(ended.failure)
    assert "holds fit.py." in str(ended.failure)


def test_a_wrapped_command_keeps_its_argv_folder_and_exit_code(job: Job) -> None:
    job.hyperparameters(lr="0.1")
    ended = job.run("--", "/bin/sh", "-c", 'echo "$0|$1|$SM_HP_LR"; pwd; exit 9', "a b", "--help")
    assert ended.stdout.splitlines() == ["a b|--help|0.1", str(job.base)]
    assert ended.returncode == 9


@pytest.mark.parametrize(
    "words", ['sh -c "echo a b; exit 4"', '["sh", "-c", "echo a b; exit 4"]'], ids=["words", "json"]
)
def test_the_images_command_is_split_as_a_shell_would(job: Job, words: str) -> None:
    ended = job.env(CONTAINER_TOOLKIT_COMMAND=words).run()
    assert (ended.stdout, ended.returncode) == ("a b\n", 4)


@pytest.mark.parametrize("words", ["sh 'open", "[1]", "[]", '["a\\u0000"]', "[" * 3000])
def test_an_images_command_that_is_none_is_a_sentence(job: Job, words: str) -> None:
    ended = job.env(CONTAINER_TOOLKIT_COMMAND=words).run()
    assert ended.returncode == 1
    assert "CONTAINER_TOOLKIT_COMMAND" in str(ended.failure)
    assert "Traceback" not in ended.stderr


def test_a_program_baked_into_the_image_runs_in_its_own_folder(job: Job, tmp_path: Path) -> None:
    home = tmp_path / "app"
    home.mkdir()
    (home / "neighbour.py").write_text("NAME = 'neighbour'")
    (home / "fit.py").write_text("import os, neighbour; print(neighbour.NAME, os.getcwd())")
    ended = job.env(SAGEMAKER_PROGRAM=str(home / "fit.py")).run()
    assert ended.stdout == f"neighbour {home}\n"


@pytest.mark.parametrize("mode", [0o755, 0o644], ids=["executable", "not yet"])
def test_a_script_runs_by_its_first_line(job: Job, mode: int) -> None:
    job.program(f"#!{sys.executable}\nimport sys; print(sys.argv)", "fit")
    (job.base / "code/fit").chmod(mode)
    assert job.hyperparameters(a="1").run().stdout == "['./fit', '-a', '1']\n"


def test_a_script_without_a_first_line_is_the_shells(job: Job) -> None:
    job.program('echo "$0 $*"', "fit.sh")
    assert job.hyperparameters(a="x y").run().stdout == "./fit.sh -a x y\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("fit", "#!/no/such/interpreter\n", "interpreter"),
        ("fit", "\x7fELF nonsense", "no program this machine understands"),
    ],
)
def test_what_cannot_start_is_a_sentence(job: Job, name: str, content: str, said: str) -> None:
    ended = job.program(content, name).run()
    assert ended.returncode == 1
    assert said in str(ended.failure)
    assert "Traceback" not in ended.stderr


def test_a_command_that_is_not_there_is_a_sentence(job: Job) -> None:
    ended = job.run("--", "no-such-command")
    assert ended.returncode == 1
    assert str(ended.failure).startswith("CodeError: no-such-command can't be started")


def test_one_argument_longer_than_linux_takes_names_its_key(job: Job) -> None:
    ended = job.program("pass").hyperparameters(essay="x" * 140_000).run()
    assert ended.returncode == 1
    assert "'essay'" in str(ended.failure)


@pytest.mark.parametrize("marker", ["setup.py", "pyproject.toml"])
def test_a_package_is_installed_and_run(job: Job, marker: str, tmp_path: Path) -> None:
    setup = "from setuptools import setup; setup(name='fitted', packages=['fitted'])"
    project = "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
    project += "[project]\nname = 'fitted'\nversion = '1'\n[tool.setuptools]\npackages=['fitted']\n"
    job.code(marker, setup if marker == "setup.py" else project)
    job.code("fitted/__init__.py", "")
    job.code("fitted/__main__.py", SAYS.format("package"))
    # Into a folder of the test's: the interpreter's own packages are not ours to change.
    job.env(PIP_TARGET=str(tmp_path / "site"), PIP_NO_BUILD_ISOLATION="false", PATH="/usr/bin:/bin")
    ended = job.hyperparameters(a="1").env(SAGEMAKER_PROGRAM="fitted").run()
    assert "said by package ['-a', '1']" in ended.stdout, ended
    assert (tmp_path / "site/fitted/__main__.py").exists()


def test_requirements_are_installed_for_a_shell_script(job: Job, tmp_path: Path) -> None:
    wanted = tmp_path / "wanted"
    wanted.mkdir()
    (wanted / "setup.py").write_text(
        "from setuptools import setup; setup(name='wanted', version='1', py_modules=['wanted'])"
    )
    (wanted / "wanted.py").write_text("print('wanted is here')")
    site = tmp_path / "site"
    job.code("requirements.txt", f"{wanted}\n")
    job.env(PIP_TARGET=str(site), PIP_NO_BUILD_ISOLATION="false", PATH="/usr/bin:/bin")
    job.program(f'PYTHONPATH="{site}" {sys.executable} -m wanted', "fit.sh")
    ended = job.run()
    assert "wanted is here" in ended.stdout, ended


def test_uv_installs_where_it_is_on_the_path(job: Job, tmp_path: Path) -> None:
    """A stand-in that writes down its argv: what is tested is that it is asked, and how."""
    uv = tmp_path / "bin/uv"
    uv.parent.mkdir()
    uv.write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/asked"\n')
    uv.chmod(0o755)
    job.code("requirements.txt", "numpy\n")
    ended = job.program("print('ran')").env(PATH=f"{uv.parent}:/usr/bin:/bin").run()
    assert ended.stdout == "ran\n"
    asked = (tmp_path / "asked").read_text().split()
    assert asked[:4] == ["pip", "install", "--python", sys.executable]
    assert asked[-2:] == ["-r", "requirements.txt"]


def test_the_login_of_an_index_stays_out_of_log_and_failure(job: Job) -> None:
    job.code(
        "requirements.txt", "--index-url https://aws:tell-nobody@127.0.0.1:9/simple\nnothing\n"
    )
    job.program("pass").env(PIP_RETRIES="0", PIP_TIMEOUT="1", PATH="/usr/bin:/bin")
    ended = job.run()
    assert ended.returncode == 1
    assert str(ended.failure).startswith("InstallRequirementsError: ")
    assert "tell-nobody" not in str(ended.failure) + ended.stderr


def test_code_comes_from_a_channel_where_the_code_folder_is_empty(job: Job) -> None:
    job.channel("code", **{"fit.py": "import os; print(os.getcwd())"})
    ended = job.env(SAGEMAKER_PROGRAM="fit.py").run()
    assert ended.stdout == f"{job.base}/input/data/code\n"


def test_a_tar_in_the_code_channel_is_unpacked(job: Job, tmp_path: Path) -> None:
    (tmp_path / "fit.py").write_text("import os; print(os.getcwd())")
    job.channel("code")
    with tarfile.open(job.base / "input/data/code/sourcedir.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "fit.py", "fit.py")
    ended = job.env(SAGEMAKER_PROGRAM="fit.py").run()
    assert ended.stdout == f"{job.base}/code\n"


def test_the_plan_shows_everything_masks_secrets_and_does_nothing(job: Job) -> None:
    job.program("open('was-here', 'w')").hyperparameters(lr="0.1", api_key="open-sesame")
    job.code("requirements.txt", "numpy")
    before = sorted(os.walk(job.base))
    ended = job.run("--plan")
    assert sorted(os.walk(job.base)) == before
    assert ended.returncode == 0
    for shown in ("train.py", "SM_HP_LR=0.1", "-r requirements.txt", "memory cap: off"):
        assert shown in ended.stdout
    assert "open-sesame" not in ended.stdout


def test_the_start_up_lines_tell_job_hosts_and_channels(job: Job) -> None:
    channels = {"empty": {}, "gone": {}, "train": {"ContentType": "text/csv"}}
    job.config("inputdataconfig", channels).channel("train", a="1", b="23").channel("empty")
    job.config("resourceconfig", {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]})
    job.program("pass").env(TRAINING_JOB_NAME="a-job", SM_STUDIO_LOCAL_MODE="true")
    lines = job.run().stderr.splitlines()
    assert lines[0].startswith("train: job a-job, host algo-2, 2 of 2, leader algo-1, ")
    assert lines[1:5] == [
        "train: channel empty: EMPTY, File, FullyReplicated",
        f"train: channel gone: NO FOLDER {job.base}/input/data/gone, File, FullyReplicated",
        "train: channel train: 2 files, 3 bytes, File, FullyReplicated, text/csv",
        "train: memory cap: off",
    ]


@pytest.mark.parametrize("argv", [("--nonsense",), ("serve",), ("--",), ("--plan", "x")])
def test_a_command_line_that_makes_no_sense_is_refused(job: Job, argv: tuple[str, ...]) -> None:
    ended = job.program("print('ran')").run(*argv)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "usage: train" in ended.stderr
    assert str(ended.failure).startswith("UsageError: ")


def test_a_command_that_is_not_run_is_warned_about(job: Job) -> None:
    ended = job.program("print('ran')").run("--", "echo", "not I")
    assert ended.stdout == "ran\n"
    assert "WARNING: the command after `--` is not run" in ended.stderr


@pytest.mark.parametrize(
    "flag", ["sagemaker_pytorch_ddp_enabled", "sagemaker_parameter_server_enabled"]
)
def test_a_launcher_there_is_none_of_is_refused_and_not_run_plainly(job: Job, flag: str) -> None:
    ended = job.program("print('ran')").hyperparameters(**{flag: "true"}).run()
    assert (ended.returncode, ended.stdout) == (1, "")
    assert flag in str(ended.failure)


def test_the_services_own_word_is_no_argument(job: Job) -> None:
    assert job.program("print('ran')").run("train").stdout == "ran\n"
