"""Every launcher on several hosts: containers on a network, real data, each host its own shard."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from tests.containers.launchers import LAUNCHERS, Learned, learned

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 1347  # of the training channel, on every host alike


@pytest.fixture(scope="module")
def run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, int], Learned]:
    """The job of a launcher on so many hosts, run once; all of them end well."""

    @functools.cache
    def once(name: str, count: int) -> Learned:
        folder = tmp_path_factory.mktemp(f"{name}-on-{count}")
        with LAUNCHERS[name].hosts(request, folder, count) as job:
            codes = job.start().wait()
            logs = [host.log for host in job.hosts.values()]
            assert codes == [0] * count, logs
            assert not any(host.failure for host in job.hosts.values())
        return learned(*logs)

    return once


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
    name: str, count: int, run: Callable[[str, int], Learned]
) -> None:
    found = run(name, count)
    assert sorted(found.rows) == list(range(count))
    assert max(found.rows.values()) <= ROWS // count + 1, "each its own shard"
    assert sum(found.rows.values()) == ROWS
    assert sorted(found.weights) == list(range(count))
    assert len(set(found.weights.values())) == 1, "the hosts talked"
    assert found.accuracy >= 0.94


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"), [("torchrun", 3), ("mirrored", 2), ("servers", 2), ("kvstore", 3)]
)
def test_accuracy_is_that_of_one_host(
    name: str, count: int, run: Callable[[str, int], Learned]
) -> None:
    alone = run(name, 1)
    assert alone.rows == {0: ROWS}
    assert run(name, count).accuracy == pytest.approx(alone.accuracy, abs=0.02)
