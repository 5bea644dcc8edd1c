from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.jobs import Job
from tests.object_store import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.object_store import ObjectStore


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
