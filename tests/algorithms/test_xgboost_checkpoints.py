"""Checkpoints: their names, their number, and which one a training goes on from."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import xgboost

from container_toolkit.algorithms.xgboost import checkpoints as module
from container_toolkit.algorithms.xgboost import files
from container_toolkit.algorithms.xgboost.checkpoints import ATTRIBUTE
from container_toolkit.algorithms.xgboost.termination import Stop
from container_toolkit.algorithms.xgboost.ubjson import is_whole
from container_toolkit.errors import ConfigError
from tests.algorithms.small_trainings import data, settings, train

if TYPE_CHECKING:
    from pathlib import Path

IDENTITY = {"eta": 0.3, "rows": 400}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def numbered(*numbers: int) -> list[str]:
    return sorted(f"xgboost-checkpoint.{number}" for number in numbers)


def test_the_last_five_rounds_are_kept(tmp_path: Path) -> None:
    train(settings(num_round=12), str(tmp_path))
    assert names(tmp_path) == numbered(7, 8, 9, 10, 11)


def test_it_is_a_model_that_xgboost_loads(tmp_path: Path) -> None:
    train(settings(num_round=3), str(tmp_path))
    raw = (tmp_path / "xgboost-checkpoint.2").read_bytes()
    booster = xgboost.Booster(model_file=bytearray(raw))
    assert booster.num_boosted_rounds() == 3


def test_ten_is_newer_than_nine(tmp_path: Path) -> None:
    train(settings(num_round=11), str(tmp_path))
    resumed = train(settings(num_round=13), str(tmp_path))
    assert resumed.lines[0] == "resumed after round 10"
    assert [line.split("\t")[0] for line in resumed.rounds] == ["[11]", "[12]"]


def test_a_complete_one_boosts_no_round_and_has_the_model(tmp_path: Path) -> None:
    whole = train(settings(), str(tmp_path))
    again = train(settings(), str(tmp_path))
    assert again.rounds == []
    assert again.model == whole.model


@pytest.mark.parametrize("left", [0.0, 0.3, 0.99])
def test_a_torn_one_is_told_and_the_one_before_is_used(tmp_path: Path, left: float) -> None:
    """Were xgboost given half a model it would end the process."""
    whole = train(settings(num_round=8))
    train(settings(num_round=5), str(tmp_path))
    newest = tmp_path / "xgboost-checkpoint.4"
    newest.write_bytes(newest.read_bytes()[: int(newest.stat().st_size * left)])
    resumed = train(settings(num_round=8), str(tmp_path))
    assert resumed.lines[0].startswith("WARNING: checkpoint xgboost-checkpoint.4")
    assert "not whole" in resumed.lines[0]
    assert resumed.lines[1] == "resumed after round 3"
    assert resumed.rounds == whole.rounds[4:]
    assert resumed.model == whole.model


def test_one_of_zeros_at_its_end_is_torn(tmp_path: Path) -> None:
    """As a file system leaves it that had the length on the disk, but not yet the data."""
    train(settings(num_round=2), str(tmp_path))
    newest = tmp_path / "xgboost-checkpoint.1"
    size = newest.stat().st_size
    newest.write_bytes(newest.read_bytes()[: size // 2] + bytes(size - size // 2))
    assert "resumed after round 0" in train(settings(num_round=2), str(tmp_path)).lines


def test_every_cut_of_a_model_is_seen() -> None:
    done = train(settings(num_round=2, max_depth=2))
    assert is_whole(done.model)
    assert not any(is_whole(done.model[:length]) for length in range(len(done.model)))
    assert not is_whole(done.model + b"\0")


def test_foreign_ones_are_told_in_one_line_and_not_used(tmp_path: Path) -> None:
    train(settings(num_round=4), str(tmp_path), identity=IDENTITY)
    other = train(settings(num_round=6), str(tmp_path), identity={**IDENTITY, "eta": 0.1})
    assert [line for line in other.lines if "WARNING" in line] == [
        f"WARNING: checkpoint xgboost-checkpoint.3 and 3 more in {tmp_path}: it is of another"
        " training, so it is not used: eta was 0.3 and is 0.1"
    ]
    assert len(other.rounds) == 6


def test_a_model_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    booster = train(settings(num_round=4)).boosted.booster
    (tmp_path / "xgboost-checkpoint.3").write_bytes(bytes(booster.save_raw("ubj")))
    booster.set_attr(**{ATTRIBUTE: '{"iteration": 2}'})
    (tmp_path / "xgboost-checkpoint.2").write_bytes(bytes(booster.save_raw("ubj")))
    booster.set_attr(**{ATTRIBUTE: "["})
    (tmp_path / "xgboost-checkpoint.1").write_bytes(bytes(booster.save_raw("ubj")))
    (tmp_path / "xgboost-checkpoint.0").write_bytes(b"{}")
    done = train(settings(num_round=5), str(tmp_path))
    assert len(done.rounds) == 5
    assert "3 more" in done.lines[0]
    assert "not written by this algorithm" in done.lines[0]


def test_fewer_rounds_than_a_checkpoint_holds(tmp_path: Path) -> None:
    train(settings(num_round=9), str(tmp_path))
    fewer = train(settings(num_round=6), str(tmp_path))
    assert fewer.lines[1] == "resumed after round 5"
    assert fewer.model == train(settings(num_round=6)).model


def test_a_name_with_a_leading_nought_or_text_is_no_checkpoint(tmp_path: Path) -> None:
    train(settings(num_round=2), str(tmp_path))
    for other in ("xgboost-checkpoint.x", "xgboost-checkpoint", "xgboost-checkpoint.3.bak"):
        shutil.copy(tmp_path / "xgboost-checkpoint.1", tmp_path / other)
    assert "resumed after round 1" in train(settings(num_round=3), str(tmp_path)).lines
    assert (tmp_path / "xgboost-checkpoint.3.bak").exists()


def test_one_that_is_being_uploaded_stays_until_it_is(tmp_path: Path) -> None:
    train(settings(num_round=5), str(tmp_path))
    uploading = tmp_path / "xgboost-checkpoint.0.sagemaker-uploading"
    uploading.touch()
    train(settings(num_round=8), str(tmp_path))
    assert (tmp_path / "xgboost-checkpoint.0").exists()
    assert not (tmp_path / "xgboost-checkpoint.1").exists()
    (tmp_path / "xgboost-checkpoint.0.sagemaker-uploaded").touch()
    train(settings(num_round=9), str(tmp_path))
    assert not (tmp_path / "xgboost-checkpoint.0").exists()


def test_what_is_being_written_has_a_name_that_is_not_uploaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    replace = os.replace

    def watched(before: str, after: str) -> None:
        seen.append((os.path.basename(before), os.path.basename(after)))
        replace(before, after)

    monkeypatch.setattr(files.os, "replace", watched)
    train(settings(num_round=1), str(tmp_path))
    assert seen == [("xgboost-checkpoint.0.sagemaker-ignore", "xgboost-checkpoint.0")]


def test_what_a_killed_run_was_writing_is_removed(tmp_path: Path) -> None:
    (tmp_path / "xgboost-checkpoint.3.sagemaker-ignore").write_bytes(b"half")
    train(settings(num_round=1), str(tmp_path))
    assert names(tmp_path) == numbered(0)


def test_a_full_disk_is_told_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: str, data: bytes, *, partial: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_whole", full)
    done = train(settings(num_round=2), str(tmp_path))
    assert len(done.rounds) == 2
    assert sum("No space left on device" in line for line in done.lines) == 2


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="can't be used: Not a directory"):
        train(settings(), str(tmp_path / "file" / "checkpoints"))


def test_slow_writing_takes_a_tenth_of_the_time_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last round is kept all the same."""
    clock = iter(np.arange(0.0, 1000.0, 3.0))  # each look at the clock is 3 s after the last
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(module, "KEPT", 100)
    train(settings(num_round=23), str(tmp_path))
    kept = sorted(int(name.rpartition(".")[2]) for name in names(tmp_path))
    assert kept[0] == 0
    assert kept[-1] == 22
    assert 3 <= len(kept) <= 5


def test_a_stop_keeps_the_last_round(tmp_path: Path) -> None:
    class AfterThree(Stop):
        looks = 0

        def asked(self) -> bool:
            self.looks += 1
            return self.looks > 3

        def agreed(self, hosts: object) -> bool:
            return self.asked()

    stopped = train(settings(num_round=8), str(tmp_path), stop=AfterThree())
    assert stopped.boosted.stopped
    assert len(stopped.rounds) == 3
    assert names(tmp_path)[-1] == "xgboost-checkpoint.2"
    resumed = train(settings(num_round=8), str(tmp_path))
    assert resumed.model == train(settings(num_round=8)).model


def test_no_folder_no_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train(settings(num_round=2))
    assert names(tmp_path) == []


def test_the_model_says_nothing_of_checkpoints(tmp_path: Path) -> None:
    done = train(settings(num_round=2), str(tmp_path))
    assert done.boosted.booster.attributes() == {}
    assert train(settings(num_round=2), str(tmp_path)).boosted.booster.attributes() == {}


def test_matrices_may_be_shared() -> None:
    """As in a process that trains twice: the second training is no other than the first."""
    chosen = settings(subsample=0.7)
    matrices = data(chosen)
    assert train(chosen, matrices=matrices).model == train(chosen, matrices=matrices).model
