"""Every *match* row on both, side by side: the same exit, argv, folder and variables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.conformance import (
    test_cluster,
    test_entry_points,
    test_hyperparameters,
    test_modules,
    test_outcomes,
    test_settings,
)
from tests.conformance.cases import (
    Match,
    parametrised,
    reported_argv,
    reported_folder,
    seen_environment,
    seen_training_env,
)
from tests.conformance.peer import run_on_peer
from tests.jobs import Ended, Job

if TYPE_CHECKING:
    from pathlib import Path

# Ours counts what the cgroup grants, the peer what the machine has: free to differ.
MACHINE = ("SM_NUM_CPUS", "SM_NUM_GPUS", "SM_NUM_NEURONS")
OTHER = ("CURRENT_HOST", "SAGEMAKER_JOB_NAME", "SAGEMAKER_REGION")


@pytest.mark.slow
@parametrised(
    test_hyperparameters.MATCH,
    test_entry_points.MATCH,
    test_cluster.MATCH,
    test_settings.MATCH,
    test_modules.MATCH,
    test_outcomes.MATCH,
)
def test_same_on_both(case: Match, tmp_path: Path) -> None:
    ours, peers = job_in(tmp_path / "ours"), job_in(tmp_path / "peer's")
    peer_ended = run_on_peer(case.set_up(peers))
    ended = case.set_up(ours).run()
    assert ended_as(ended) == ended_as(peer_ended), (ended, peer_ended)
    # The golden values are the peer's, or the table is wrong.
    assert peer_ended.returncode == case.returncode
    if case.argv is None and not case.sees:
        return
    assert reported_argv(ours) == reported_argv(peers)
    assert reported_folder(ours) == reported_folder(peers)
    if case.sees:
        golden = seen_environment(peers)
        assert {name: golden.get(name) for name in case.sees} == case.sees
        assert exported(ours) | exported(peers) == exported(ours)
        assert seen_training_env(ours) | training_env(peers) == seen_training_env(ours)


def job_in(base: Path) -> Job:
    base.mkdir()
    return Job(base)


def ended_as(ended: Ended) -> tuple[object, ...]:
    return ended.returncode, ended.success, ended.failure is not None


def exported(job: Job) -> dict[str, str]:
    """What the contract exports, without what may differ and what is compared decoded."""
    return {
        name: value
        for name, value in seen_environment(job).items()
        if (name.startswith("SM_") or name in OTHER) and name not in (*MACHINE, "SM_TRAINING_ENV")
    }


def training_env(job: Job) -> dict[str, object]:
    skipped = {name.removeprefix("SM_").lower() for name in MACHINE}
    document = seen_training_env(job)
    assert json.dumps(document)
    return {name: value for name, value in document.items() if name not in skipped}
