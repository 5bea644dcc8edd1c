"""Every launcher on several hosts: containers on a network, real data, each host its own shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.containers.launchers import LAUNCHERS, learned

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1347  # of the training channel, on every host alike


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("torchrun", 2),
        ("mirrored", 2),
        ("servers", 2),
        ("kvstore", 2),
        pytest.param("torchrun", 3, marks=pytest.mark.slow),
        pytest.param("kvstore", 3, marks=pytest.mark.slow),
    ],
)
def test_hosts_learn_together_what_one_would_alone(
    name: str, count: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    launcher = LAUNCHERS[name]
    with launcher.hosts(request, tmp_path, count) as job:
        assert job.start().wait() == [0] * count, [host.log for host in job.hosts.values()]
        logs = [host.log for host in job.hosts.values()]
        assert not any(host.failure for host in job.hosts.values())
    found = learned(*logs)
    assert sorted(found.rows) == list(range(count))
    assert max(found.rows.values()) <= ROWS // count + 1, "each its own shard"
    assert sum(found.rows.values()) == ROWS
    assert sorted(found.weights) == list(range(count))
    assert len(set(found.weights.values())) == 1, "the hosts talked"
    assert found.accuracy >= 0.94


@pytest.mark.slow
@pytest.mark.parametrize("name", LAUNCHERS)
def test_accuracy_is_that_of_one_host(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    launcher = LAUNCHERS[name]
    with launcher.hosts(request, tmp_path / "alone", 1) as alone:
        assert alone.start().wait() == [0], alone[1].log
        one = learned(alone[1].log)
    with launcher.hosts(request, tmp_path / "together") as job:
        assert job.start().wait() == [0, 0]
        several = learned(*(host.log for host in job.hosts.values()))
    assert one.rows == {0: ROWS}
    assert several.accuracy == pytest.approx(one.accuracy, abs=0.02)
