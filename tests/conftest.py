from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.jobs import Job

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A base folder whose name tests every quoting and joining we do."""
    base = tmp_path / "it's a $(job); [é]"
    base.mkdir()
    return Job(base)
