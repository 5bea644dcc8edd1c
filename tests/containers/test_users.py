"""Users other than root, and a root file system nobody may write to."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.containers.engines import Engine

SAVES = 'id -u; echo 42 >"$SM_MODEL_DIR/answer"'


@pytest.mark.parametrize(
    "options",
    [
        ("--user", "1000"),
        ("--user", "1000:1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        ("--read-only",),
        ("--read-only", "--user", "1000"),
    ],
    ids=" ".join,
)
def test_trains_on_mounted_folders(
    engine: Engine, base: str, ml: Path, options: tuple[str, ...]
) -> None:
    options = (*options, "-v", f"{ml}:/opt/ml")
    done = engine.run(base, "train", "--", "sh", "-c", SAVES, options=options)
    assert done.status == 0, done
    assert ("1000" if "--user" in options else "0") in done.stdout.splitlines()
    assert (ml / "output/success").exists()
    with tarfile.open(ml / "model/model.tar.gz") as archive:
        assert archive.getnames() == ["answer"]


def test_a_plain_user_needs_no_mounts(engine: Engine, base: str) -> None:
    script = SAVES + '; trap "" TERM; ls -l /opt/ml'
    done = engine.run(base, "train", "--", "sh", "-c", script, options=("--user", "1000"))
    assert done.status == 0, done


def test_read_only_with_folders_in_memory(engine: Engine, base: str) -> None:
    options = ("--read-only", "--tmpfs", "/opt/ml/model", "--tmpfs", "/opt/ml/output")
    done = engine.run(base, "train", "--", "sh", "-c", SAVES, options=options)
    assert done.status == 0, done


def test_read_only_with_nowhere_to_write_still_tells_the_truth(engine: Engine, base: str) -> None:
    done = engine.run(base, "train", "--", "sh", "-c", "exit 5", options=("--read-only",))
    assert done.status == 5, done
    done = engine.run(base, "train", "--", "sh", "-c", SAVES, options=("--read-only",))
    assert done.status != 0, done
