from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.jobs import Job
from tests.object_store import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.object_store import ObjectStore


# Nothing here measures time, and no machine is too slow or too busy to be right.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# What a shell runs in its background has SIGINT ignored, and so would every program here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A base folder whose name tests every quoting and joining we do."""
    base = tmp_path / "it's a $(job); [é]"
    base.mkdir()
    return Job(base)


@pytest.fixture(scope="session")
def s3() -> Iterator[ObjectStore]:
    with serve() as store:
        yield store
