"""What is planned for MPI, and what is made of mpirun's output; hosts are in tests/containers."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from container_toolkit.contract import program as kinds
from container_toolkit.contract.environment import TrainingEnvironment
from container_toolkit.contract.layout import Layout
from container_toolkit.contract.program import Program
from container_toolkit.errors import ConfigError
from container_toolkit.frameworks import choose, get, mpi_job, mpi_keys, mpi_shell, plain
from container_toolkit.frameworks.mpi_output import MPIRUN, Lines, cause, traceback
from container_toolkit.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from container_toolkit.process import Command

SCRIPT = Program(kind=kinds.SCRIPT, name="train.py", argv=(sys.executable, "train.py"), folder="/c")
PROCESSES = "sagemaker_mpi_num_of_processes_per_host"
OPTIONS = "sagemaker_mpi_custom_mpi_options"


def environment(
    folder: Path, host: str, hosts: list[str], parameters: Mapping[str, object], **cluster: object
) -> TrainingEnvironment:
    config = folder / "input/config"
    config.mkdir(parents=True, exist_ok=True)
    resources = {"current_host": host, "hosts": hosts, **cluster}
    (config / "resourceconfig.json").write_text(json.dumps(resources))
    texts = {"sagemaker_mpi_enabled": "true"}
    texts |= {name: json.dumps(value) for name, value in parameters.items()}
    (config / "hyperparameters.json").write_text(json.dumps(texts))
    machine = Machine(cpus=8, gpus=0, neurons=0, memory=0, memory_limit=None, interfaces=("ib0",))
    return TrainingEnvironment.load(Layout(root=str(folder)), {}, machine)


def planned(
    folder: Path,
    host: str = "algo-1",
    hosts: tuple[str, ...] = ("algo-1", "algo-2"),
    program: Program = SCRIPT,
    environ: Mapping[str, str] | None = None,
    **parameters: object,
) -> Command:
    env = environment(folder, host, list(hosts), parameters)
    assert choose(env) == "mpi"
    (command,) = get("mpi")(env, program, environ or {})
    return command


def mpirun(command: Command) -> tuple[str, ...]:
    words = command.argv[command.argv.index("--") + 1 :]
    return words[: words.index("--")]


def test_the_leader_runs_mpirun_over_all_hosts(tmp_path: Path) -> None:
    command = planned(tmp_path, lr=0.1, **{PROCESSES: 2})
    assert mpirun(command) == (
        *("mpirun", "-np", "4", "--host", "algo-1:2,algo-2:2", "--tag-output"),
    )
    assert command.argv[-4:] == (sys.executable, "train.py", "--lr", "0.1")
    assert (command.cwd, command.label, command.helper) == ("/c", "train.py", False)
    assert command.env["OMPI_MCA_btl_tcp_if_include"] == "ib0"
    assert command.env["OMPI_MCA_oob_tcp_if_include"] == "ib0"


def test_a_worker_knows_the_same_hosts_and_runs_no_program(tmp_path: Path) -> None:
    leader, worker = planned(tmp_path), planned(tmp_path, "algo-2")
    assert "container_toolkit.frameworks.mpi_worker" in worker.argv
    assert "train.py" not in worker.argv
    jobs = [mpi_job.parse(list(c.argv[c.argv.index("-m") + 2 :])) for c in (leader, worker)]
    assert [job.party.hosts for job in jobs] == [("algo-1", "algo-2")] * 2
    assert [job.party.is_leader for job in jobs] == [True, False]
    assert (jobs[0].ranks, jobs[0].mpi4py, jobs[0].program) == (2, True, SCRIPT.argv)
    assert jobs[1].program == ()


def test_the_leader_is_the_first_host_as_listed(tmp_path: Path) -> None:
    job = mpi_job.parse(["--host", "b", "--hosts", "b", "a", "--job", ""])
    assert job.party.leader == "b"
    assert job.party.is_leader


def test_one_host_is_the_one_mpirun_runs_on(tmp_path: Path) -> None:
    command = planned(tmp_path, "anything", ("anything",), **{PROCESSES: 3})
    assert mpirun(command)[1:5] == ("-np", "3", "--host", "localhost:3")
    assert not any("if_include" in name for name in command.env)


def test_a_host_training_is_not_distributed_over_runs_the_plain_program(tmp_path: Path) -> None:
    groups = [
        {"instance_group_name": name, "instance_type": "ml.x", "hosts": hosts}
        for name, hosts in (("data", ["algo-3"]), ("learn", ["algo-2", "algo-1"]))
    ]
    hosts = ["algo-1", "algo-2", "algo-3"]
    parameters = {"sagemaker_distribution_instance_groups": ["learn"]}

    def plan(host: str, group: str) -> tuple[Command, ...]:
        env = environment(
            tmp_path, host, hosts, parameters, instance_groups=groups, current_group_name=group
        )
        apart = plain.plan(env, SCRIPT, {})
        found = get("mpi")(env, SCRIPT, {})
        assert (found == apart) == (host == "algo-3")
        return found

    plan("algo-3", "data")
    (leader,) = plan("algo-2", "learn")
    assert mpirun(leader)[3:5] == ("--host", "algo-2:1,algo-1:1")


def test_the_jobs_own_options_are_split_as_in_a_shell(tmp_path: Path) -> None:
    text = '-x NAME="two words" --NCCL_DEBUG INFO -mca btl self'
    command = planned(tmp_path, **{OPTIONS: text})
    assert mpirun(command)[-5:] == ("-x", "NAME=two words", "-mca", "btl", "self")
    assert command.env["NCCL_DEBUG"] == "INFO"
    assert planned(tmp_path, **{OPTIONS: "--NCCL_DEBUG=TRACE"}).env["NCCL_DEBUG"] == "TRACE"
    assert planned(tmp_path).env["NCCL_DEBUG"] == "WARN"


@pytest.mark.parametrize("text", ['-x A="b', "-x A=b -- true", "--NCCL_DEBUG", 5])
def test_options_that_make_no_sense_name_the_hyperparameter(tmp_path: Path, text: object) -> None:
    with pytest.raises(ConfigError, match=OPTIONS):
        planned(tmp_path, **{OPTIONS: text})


def test_the_images_own_settings_come_first(tmp_path: Path) -> None:
    own = {"OMPI_MCA_pml": "cm", "NCCL_DEBUG": "VERSION", "OMP_NUM_THREADS": "1"}
    command = planned(tmp_path, environ=own, **{PROCESSES: 2})
    assert {name: command.env[name] for name in own} == own


def test_ranks_share_the_cpus_of_their_host(tmp_path: Path) -> None:
    assert planned(tmp_path, **{PROCESSES: 3}).env["OMP_NUM_THREADS"] == "2"
    assert planned(tmp_path, **{PROCESSES: 16}).env["OMP_NUM_THREADS"] == "1"
    assert "OMP_NUM_THREADS" not in planned(tmp_path, **{PROCESSES: 1}).env


def test_only_python_programs_are_started_by_mpi4py(tmp_path: Path) -> None:
    shell = Program(kind=kinds.COMMAND, name="sh", argv=("sh", "--", "x"), takes_arguments=False)
    command = planned(tmp_path, program=shell)
    assert "--mpi4py" not in command.argv
    job = mpi_job.parse(list(command.argv[3:]))
    assert job.program == shell.argv


def carried(pieces: list[bytes], *, tags: bool = True) -> tuple[bytes, Lines]:
    with tempfile.TemporaryFile() as file:
        lines = Lines(file.fileno(), tags)
        for piece in pieces:
            lines.feed(piece)
        lines.finish()
        file.seek(0)
        return file.read(), lines


PIECES = (
    b"[1,0]<stdout>:loss[1,1]<stdout>:loss = [1,0]<stdout>: = 1\n"
    b"[1,1]<stdout>:2\n[1,1]<stdout>:\n[1,1]<stdout>:[a] [1,\n"
    b"mpirun says\n[1,12]<stdout>:10 %\r[1,12]<stdout>:20 %\r\n[1,0]<stdout>:the end"
)
WHOLE = (
    b"[1,0]<stdout>:loss = 1\n[1,1]<stdout>:loss = 2\n[1,1]<stdout>:\n[1,1]<stdout>:[a] [1,\n"
    b"mpirun says\n[1,12]<stdout>:10 %\r[1,12]<stdout>:20 %\r\n[1,0]<stdout>:the end\n"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 1000])
def test_a_line_is_of_one_rank_however_it_comes(size: int) -> None:
    pieces = [PIECES[n : n + size] for n in range(0, len(PIECES), size)]
    said, lines = carried(pieces)
    assert said == WHOLE
    assert list(lines.last[MPIRUN]) == [b"mpirun says"]
    assert list(lines.last[12]) == [b"10 %", b"20 %"]


def test_one_rank_alone_needs_no_tags() -> None:
    said, _ = carried([b"[1,0]<stdout>:a\n", b"[1,0]<stdout>:b [1,0]<stdout>:c\n"], tags=False)
    assert said == b"a\nb c\n"


def test_no_byte_of_a_long_line_is_lost() -> None:
    text = bytes(range(32, 91)) * 40_000
    said, _ = carried([b"[1,0]<stdout>:", *(text[n : n + 4096] for n in range(0, len(text), 4096))])
    assert said.replace(b"[1,0]<stdout>:", b"").replace(b"\n", b"") == text


KILLED = """\
--------------------------------------------------------------------------
Primary job  terminated normally, but 1 process returned
a non-zero exit code. Per user-direction, the job has been aborted.
--------------------------------------------------------------------------
mpirun noticed that process rank 3 with PID 26 on node algo-2 exited on
signal 9 (Killed).
"""
ABORTED = """\
MPI_ABORT was invoked on rank 12 in communicator MPI_COMM_WORLD
with errorcode 3.

mpirun noticed that process rank 1 with PID 7 on node algo-1 exited on signal 15 (Terminated).
"""
EXITED = """\
mpirun detected that one or more processes exited with non-zero status, thus causing
the job to be terminated. The first process to do so was:

  Process name: [[41193,1],1]
  Exit code:    7
"""
LOST = """\
ORTE has lost communication with a remote daemon.

  HNP daemon   : [[41193,0],0] on node algo-1
  Remote daemon: [[41193,0],1] on node algo-2

This is usually due to either a failure of the TCP network
"""


@pytest.mark.parametrize(
    ("said", "sentence", "rank", "of_host"),
    [
        (KILLED, "rank 3 on algo-2 was killed by SIGKILL (signal 9)", 3, False),
        (ABORTED, "rank 12 ended all ranks with exit code 3", 12, False),
        (EXITED, "rank 1 ended with exit code 7", 1, False),
        (LOST, "PlatformError: Open MPI's process on host algo-2 was lost", MPIRUN, True),
        ("Something else.\n", "", MPIRUN, False),
    ],
)
def test_what_mpirun_says_first_is_the_cause(
    said: str, sentence: str, rank: int, of_host: bool
) -> None:
    found = cause(said.encode().splitlines())
    assert found.sentence.startswith(sentence)
    assert bool(found.sentence) == bool(sentence)
    assert (found.rank, found.of_host) == (rank, of_host)


def test_a_traceback_is_the_programs_own() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import runpy as r\nr.run_path('no such file')"],
        capture_output=True,
        timeout=60,
    )
    lines = traceback([b"before", *done.stderr.splitlines()])
    assert lines[0] == b"Traceback (most recent call last):"
    assert b'File "<string>", line 2' in b"".join(lines)
    assert b"runpy" not in b"".join(lines[2:-1])
    assert lines[-1].startswith(b"FileNotFoundError: ")
    assert traceback([b"no", b"traceback"]) == []


def test_a_command_from_the_leader_finds_this_hosts_environment(tmp_path: Path) -> None:
    here = {"SM_CURRENT_HOST": "algo-2", "PATH": os.environ["PATH"], "TEXT": "a\nb='c' \udcff"}
    path = mpi_keys.write(
        str(tmp_path), "environ", "\0".join(f"{name}={value}" for name, value in here.items())
    )
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    done = subprocess.run(
        [sys.executable, "-I", "-S", mpi_shell.__file__, path],
        env={"SSH_ORIGINAL_COMMAND": 'printf %s "$SM_CURRENT_HOST $TEXT $SM_LEADERS"; exit 5'},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 5
    assert done.stdout == os.fsencode(f"algo-2 {here['TEXT']} ")


def test_the_leader_trusts_the_jobs_keys_alone(tmp_path: Path) -> None:
    workers = {
        "algo-2": {"key": "ssh-ed25519 AAAA", "port": 4321, "user": "me", "address": "10.0.0.2"},
        "algo-3": {"key": "ssh-ed25519 BBBB", "port": 4322, "user": "me", "address": "10.0.0.3"},
    }
    config = (tmp_path / mpi_keys.write_client(str(tmp_path), workers)).read_text()
    known = (tmp_path / "known_hosts").read_text().splitlines()
    assert known == ["algo-2 ssh-ed25519 AAAA", "algo-3 ssh-ed25519 BBBB"]
    assert "Host algo-3\nHostName 10.0.0.3\nPort 4322\nUser me\nHostKeyAlias algo-3\n" in config
    assert config.index("Port 4322") < config.index("Host *")
    settings = dict(line.split(" ", 1) for line in config.splitlines())
    assert settings["StrictHostKeyChecking"] == "yes"
    assert settings["UserKnownHostsFile"] == str(tmp_path / "known_hosts")
    assert settings["GlobalKnownHostsFile"] == "none"
    assert settings["IdentityFile"] == str(tmp_path / "key")


# A worker whose leader never says a word, as mpirun's which waits; the process that it was to wait
# for has ended.
FORSAKEN = """
import os
from container_toolkit.frameworks import mpi_job, mpi_worker

class Sessions:
    begun = True
    def ended(self, pids):
        print("ended", len(pids), flush=True)

class Leader:
    over, ended = False, float("inf")
    pass_on = print
    def exit_code(self):
        return 0

mpi_worker.ALONE = 0.5
os.posix_spawn("/bin/true", ["true"], {})
mpi_job.run(lambda job, environ, mailbox: mpi_worker.wait(mailbox, Sessions(), Leader()))
"""


def test_a_worker_that_open_mpi_has_left_does_not_wait_for_ever() -> None:
    command = [sys.executable, "-c", FORSAKEN, "--host", "b", "--hosts", "a", "b"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done
    assert done.stderr.startswith("PlatformError: Open MPI's process here ended before")
    assert "ended 1" in done.stdout
