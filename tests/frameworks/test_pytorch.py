"""PyTorch: the plain program, or torchrun with fixed ranks or with a rendezvous."""

from __future__ import annotations

import sys

import pytest

from container_toolkit.contract.program import ALGORITHM, COMMAND, FUNCTION, PACKAGE, Program
from container_toolkit.errors import ConfigError
from tests.frameworks.planned import GROUPS, PROGRAM, job, planned

TORCH = "sagemaker_torch_distributed_enabled"
RESTARTS = "sagemaker_torch_distributed_max_restarts"
LEAST = "sagemaker_torch_distributed_min_hosts"
PROCESSES = "sagemaker_mpi_num_of_processes_per_host"
LAUNCHER = (sys.executable, "-m", "container_toolkit.frameworks.torchrun")


def test_the_plain_program_could_make_a_process_group_of_its_own() -> None:
    (command,) = planned("pytorch", job(2, 2, epochs="3"), PATH="/bin")
    assert command.argv == ("python3", "train.py", "--epochs", "3")
    assert command.env["MASTER_ADDR"] == "algo-1"
    assert command.env["MASTER_PORT"] == "7777"
    assert command.env["NCCL_SOCKET_IFNAME"] == command.env["GLOO_SOCKET_IFNAME"] == "eth0"
    assert command.env["PATH"] == "/bin"


def test_what_image_or_job_set_is_left_alone() -> None:
    env = job(**{TORCH: True, PROCESSES: 2})
    (command,) = planned("pytorch", env, NCCL_DEBUG="INFO", OMP_NUM_THREADS="7")
    assert (command.env["NCCL_DEBUG"], command.env["OMP_NUM_THREADS"]) == ("INFO", "7")


def test_torchrun_has_fixed_ranks_where_nothing_starts_again() -> None:
    (command,) = planned("pytorch", job(2, 3, epochs="3", **{TORCH: "true"}))
    assert command.argv == (
        *LAUNCHER,
        "--nnodes=3",
        "--nproc_per_node=1",
        "--node_rank=1",
        "--master_addr=algo-1",
        "--master_port=7777",
        "train.py",
        "--epochs",
        "3",
    )
    assert command.cwd == "/code"
    assert command.env["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] == "1"
    assert "OMP_NUM_THREADS" not in command.env


def test_ranks_of_a_host_share_its_cpus() -> None:
    (command,) = planned("pytorch", job(**{TORCH: True, PROCESSES: 2}))
    assert "--nproc_per_node=2" in command.argv
    assert command.env["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize(
    ("given", "nodes", "restarts"),
    [
        ({RESTARTS: 2}, "3:3", 2),
        ({LEAST: 2}, "2:3", 1),
        ({LEAST: 1, RESTARTS: 5}, "1:3", 5),
        ({LEAST: 2, RESTARTS: 0}, "2:3", 0),
    ],
)
def test_torchrun_has_a_rendezvous_where_ranks_start_again(
    given: dict[str, object], nodes: str, restarts: int
) -> None:
    for host in (1, 2):
        env = job(host, 3, settings={"TRAINING_JOB_NAME": "digits"}, **{TORCH: True}, **given)
        (command,) = planned("pytorch", env)
        assert command.argv[len(LAUNCHER) : -1] == (
            f"--nnodes={nodes}",
            "--nproc_per_node=1",
            f"--max_restarts={restarts}",
            "--rdzv_backend=c10d",
            "--rdzv_endpoint=algo-1:7777",
            "--rdzv_id=digits",
            f"--rdzv_conf=is_host={int(host == 1)}",
            f"--local_addr=algo-{host}",
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [(RESTARTS, "-1"), (RESTARTS, "often"), (LEAST, "0"), (LEAST, "4"), (LEAST, "true")],
)
def test_numbers_that_make_no_sense_are_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        planned("pytorch", job(1, 3, **{TORCH: True, name: value}))


def test_hosts_of_other_groups_run_the_program_plainly() -> None:
    flags = {TORCH: True, "sagemaker_distribution_instance_groups": ["learners"]}
    (command,) = planned("pytorch", job(3, 3, groups=GROUPS, **flags))
    assert command.argv == PROGRAM.argv
    assert command.env["MASTER_ADDR"] == "algo-1"
    (command,) = planned("pytorch", job(2, 3, groups=GROUPS, **flags))
    assert "--nnodes=2" in command.argv


@pytest.mark.parametrize(
    ("kind", "argv", "end"),
    [
        (PACKAGE, (sys.executable, "-m", "digits"), ("-m", "digits")),
        (COMMAND, ("sh", "-c", "x"), ("--no_python", "sh", "-c", "x")),
    ],
)
def test_programs_as_torchrun_wants_them(
    kind: str, argv: tuple[str, ...], end: tuple[str, ...]
) -> None:
    program = Program(kind=kind, name="digits", argv=argv, takes_arguments=False)
    (command,) = planned("pytorch", job(**{TORCH: True}), program)
    assert command.argv[-len(end) - 1 :] == ("--master_port=7777", *end)


@pytest.mark.parametrize("kind", [FUNCTION, ALGORITHM])
def test_what_torchrun_cant_start_is_refused(kind: str) -> None:
    program = Program(kind=kind, name="pkg:fit", argv=("python3", "-m", "x"))
    with pytest.raises(ConfigError, match="name a program file"):
        planned("pytorch", job(**{TORCH: True}), program)
