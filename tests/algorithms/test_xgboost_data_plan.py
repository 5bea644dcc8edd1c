"""What is chosen for which data and memory, and that the estimates are no wish."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from container_toolkit.algorithms.xgboost import plan as plans
from container_toolkit.algorithms.xgboost.plan import FULL, QUANTISED, Plan, plan

MIB = 1 << 20


def planned(left: int, held: int = 0, density: float = 1.0, **params: Any) -> Plan:
    """For 500,000 rows of 50 features, 100 MB as float32."""
    rows, columns = 500_000, 50
    cells = int(rows * columns * density)
    return plan(rows=rows, columns=columns, cells=cells, held=held, left=left, params=params)


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        ({}, QUANTISED),
        ({"tree_method": "auto"}, QUANTISED),
        ({"tree_method": "hist"}, QUANTISED),
        ({"booster": "dart"}, QUANTISED),
        ({"updater": "grow_quantile_histmaker"}, QUANTISED),
        ({"updater": "grow_quantile_histmaker,prune"}, QUANTISED),
        ({"tree_method": "approx"}, FULL),
        ({"tree_method": "exact"}, FULL),
        ({"booster": "gblinear"}, FULL),
        ({"updater": "grow_colmaker,prune"}, FULL),
        ({"updater": "grow_histmaker"}, FULL),
        ({"updater": "refresh"}, FULL),
    ],
    ids=str,
)
def test_only_histograms_are_quantised(params: dict[str, Any], kind: str) -> None:
    assert planned(1 << 40, **params).kind == kind


def test_memory_decides_where() -> None:
    roomy = planned(1 << 30)
    assert (roomy.on_disk, roomy.spill) == (False, False)
    narrow = planned(90 * MIB, held=100 * MIB)
    assert (narrow.on_disk, narrow.spill) == (False, True)
    tight = planned(40 * MIB, held=20 * MIB)
    assert (tight.on_disk, tight.spill) == (True, True)
    assert roomy.bytes == narrow.bytes == tight.bytes


@pytest.mark.parametrize("params", [{"tree_method": "exact"}, {"booster": "gblinear"}], ids=str)
def test_what_has_to_be_in_memory_is_and_says_that_it_does_not_fit(params: dict[str, Any]) -> None:
    chosen = planned(40 * MIB, **params)
    assert (chosen.on_disk, chosen.fits) == (False, False)
    assert str(chosen).endswith("in memory, more than there is")
    assert planned(40 * MIB, tree_method="approx").on_disk


def test_more_bins_and_missing_values_take_more() -> None:
    plain = planned(1 << 40).bytes
    assert planned(1 << 40, max_bin=1024).bytes > 1.8 * plain
    assert planned(1 << 40, max_bin="1024").bytes == planned(1 << 40, max_bin=1024).bytes
    assert planned(1 << 40, density=0.9).bytes > 2 * plain
    assert planned(1 << 40, density=0.01).bytes < plain


def test_a_host_without_rows_has_a_plan() -> None:
    empty = plan(rows=0, columns=3, cells=0, held=0, left=0, params={})
    assert (empty.bytes, empty.on_disk) == (0, False)


def test_it_reads_as_a_line_of_the_log() -> None:
    assert str(planned(1 << 40)) == "54 MiB quantised in memory"
    assert str(planned(0)) == "54 MiB quantised on disk"


# Builds and trains for real, and tells what that took: anonymous memory before, at the peak.
MEASURE = """
import json, sys
import numpy as np
import xgboost
rows, columns, density, bins = json.loads(sys.argv[1])
random = np.random.default_rng(0)
block = random.standard_normal((rows // 8, columns), dtype=np.float32)
block[random.random(block.shape, dtype=np.float32) >= density] = np.nan
label = random.random(rows, dtype=np.float32)

class Feed(xgboost.DataIter):
    at = 0
    def reset(self):
        self.at = 0
    def next(self, give):
        self.at += 1
        if self.at <= 8:
            give(data=block)
        return self.at <= 8

def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(name))

warm = xgboost.QuantileDMatrix(block[:100], label=label[:100])
xgboost.train({}, warm, 1)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # proc(5): the peak begins anew
before = status("VmRSS")
matrix = xgboost.QuantileDMatrix(Feed(), max_bin=bins)
matrix.set_info(label=label)
xgboost.train({"max_bin": bins}, matrix, 2)
print(json.dumps([int(np.count_nonzero(~np.isnan(block))) * 8, status("VmHWM") - before]))
"""


@pytest.mark.parametrize(
    ("rows", "columns", "density", "bins"),
    [
        (1 << 20, 20, 1.0, 256),
        (1 << 19, 20, 0.9, 256),
        (1 << 19, 20, 0.05, 256),
        (1 << 18, 20, 1.0, 1024),
    ],
)
def test_the_estimate_is_near_what_it_takes(
    rows: int, columns: int, density: float, bins: int
) -> None:
    shape = json.dumps([rows, columns, density, bins])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, shape],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    cells, taken = json.loads(done.stdout)

    def fits(left: int) -> bool:
        params = {"max_bin": bins}
        given = plan(rows=rows, columns=columns, cells=cells, held=0, left=left, params=params)
        return not given.on_disk

    assert fits(taken * 2), "too careful: it would go to disk with twice the memory it takes"
    assert not fits(int(taken * 0.75)), "too bold: it would not fit"


def test_the_sketch_grows_with_values_and_bins() -> None:
    assert plans.sketch(0, 256) == 0
    assert 0 < plans.sketch(1, 256) < plans.sketch(10_000, 256) < plans.sketch(10**7, 256)
    assert plans.sketch(10**7, 256) < plans.sketch(10**7, 4096)
