"""Peers that are waited for, names a shell can read, and what is not exported."""

from __future__ import annotations

import pytest

from tests.conformance.cases import seen_environment, seen_training_env
from tests.jobs import REPORTER, Job


def test_topology_is_not_exported_where_there_is_none(job: Job) -> None:
    assert job.program(REPORTER).run().returncode == 0
    assert "SM_TOPOLOGY" not in seen_environment(job)


def test_channel_aliases(job: Job) -> None:
    job.program(REPORTER).channel("train").channel("val-x").channel("a.b")
    job.config("inputdataconfig", {"train": {}, "val-x": {}, "a.b": {}})
    assert job.run().returncode == 0
    seen = seen_environment(job)
    assert seen["SM_CHANNEL_VAL_X"] == seen["SM_CHANNEL_VAL-X"] == "<base>/input/data/val-x"
    assert seen["SM_CHANNEL_A_B"] == seen["SM_CHANNEL_A.B"] == "<base>/input/data/a.b"
    assert len([name for name in seen if name.startswith("SM_CHANNEL_")]) == 5


def test_channel_alias_reaches_a_shell(job: Job) -> None:
    job.program('echo "$SM_CHANNEL_VAL_X" > "$SM_OUTPUT_DIR/seen"\n', "train.sh").channel("val-x")
    job.config("inputdataconfig", {"val-x": {}})
    assert job.run().returncode == 0
    seen = (job.base / "output/seen").read_text()
    assert seen == f"{job.base}/input/data/val-x\n"


def test_what_the_runtime_needs_itself_is_not_exported(job: Job) -> None:
    job.environ.pop("PYTHONUNBUFFERED", None)
    assert job.program(REPORTER).run().returncode == 0
    seen = seen_environment(job)
    assert seen.get("PYTHONPATH") == job.environ.get("PYTHONPATH")
    assert seen["PYTHONUNBUFFERED"] == "1"


@pytest.mark.parametrize("hosts", [["127.0.0.1", "127.0.0.2"], ["localhost", "127.0.0.1"]])
def test_multi_host_whose_peers_resolve(job: Job, hosts: list[str]) -> None:
    job.program(REPORTER).config("resourceconfig", {"current_host": hosts[0], "hosts": hosts})
    ended = job.run()
    assert ended.returncode == 0, ended
    assert seen_training_env(job)["distribution_hosts"] == hosts


def test_dns(job: Job) -> None:
    """Peers that never resolve: said while waiting, and an end that names them."""
    job.program(REPORTER).config(
        "resourceconfig",
        {
            "current_host": "localhost",
            "hosts": ["localhost", "algo-2.invalid", "127.0.0.1", "algo-3.invalid"],
        },
    )
    ended = job.env(CONTAINER_TOOLKIT_PEER_TIMEOUT="2").run()
    assert ended.returncode == 3, ended
    first = (ended.failure or "").splitlines()[0]
    assert first.startswith("PlatformError: "), ended
    assert "algo-2.invalid" in first
    assert "algo-3.invalid" in first
    assert "127.0.0.1" not in first
    said = [line for line in ended.stderr.splitlines() if "waiting for" in line]
    assert said, ended
    assert not (job.base / "output/seen.json").exists()
    assert "Traceback" not in ended.stderr
