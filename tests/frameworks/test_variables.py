"""What launchers export is what the table says, no more and no less."""

from __future__ import annotations

import pytest

from container_toolkit.contract.tables import LAUNCHERS
from container_toolkit.frameworks import FRAMEWORKS, MIRRORED, MPI, PARAMETER_SERVER, TORCH
from tests.frameworks.planned import job, planned

SEVERAL = "sagemaker_mpi_num_of_processes_per_host"
ASKED = (  # the launcher, hyperparameters of a few jobs
    ("pytorch", ({}, {TORCH: True}, {TORCH: True, SEVERAL: 2})),
    ("tensorflow", ({}, {MIRRORED: True}, {PARAMETER_SERVER: True})),
    ("mxnet", ({}, {PARAMETER_SERVER: True})),
    ("sklearn", ({},)),
    ("mpi", ({MPI: True}, {MPI: True, SEVERAL: 2})),
)


@pytest.mark.parametrize(("launcher", "asked"), ASKED, ids=[each[0] for each in ASKED])
def test_the_table_of_a_launcher_is_what_it_exports(
    launcher: str, asked: tuple[dict[str, object], ...]
) -> None:
    exported = {
        name
        for hyperparameters in asked
        for hosts in (1, 2)
        for command in planned(launcher, job(hosts=hosts, **hyperparameters))
        for name in command.env
    }
    assert exported == {variable.name for variable in LAUNCHERS[launcher]}


def test_every_launcher_that_exports_has_a_table() -> None:
    assert set(LAUNCHERS) == {launcher for launcher, _ in ASKED} == set(FRAMEWORKS) - {"plain"}
