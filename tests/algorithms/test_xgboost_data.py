"""Rows of a channel: decoded once, the same bits in memory and on disk, and unfit data refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from container_toolkit.algorithms.xgboost import blocks
from container_toolkit.algorithms.xgboost.data import Rows, keep, load
from container_toolkit.algorithms.xgboost.memory import CAP, Budget
from container_toolkit.content_types import parse
from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.contract.channels import SHARDED, Channel
from container_toolkit.contract.cluster import Cluster
from container_toolkit.errors import AlgorithmError, ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLENTY, NOTHING = Budget(bytes=1 << 60), Budget(bytes=0)
BLOCK = 4096  # bytes, so that some rows make several blocks


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", BLOCK)


def dense(rows: int = 1000, columns: int = 5, seed: int = 0) -> Batch:
    random = np.random.default_rng(seed)
    features = random.standard_normal((rows, columns), dtype=np.float32)
    features[random.random(features.shape) < 0.1] = np.nan
    return Batch(
        features=features,
        labels=random.random(rows, dtype=np.float32),
        weights=random.random(rows, dtype=np.float32),
        groups=np.repeat(np.arange(rows // 10, dtype=np.int64), 10),
    )


def sparse(rows: int = 1000, columns: int = 40) -> Batch:
    random = np.random.default_rng(1)
    lengths = random.integers(0, 7, rows)
    indices = [np.sort(random.choice(columns, n, replace=False)) for n in lengths]
    return Batch(
        features=Csr(
            indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            indices=np.concatenate(indices).astype(np.int32),
            values=random.random(lengths.sum(), dtype=np.float32),
            columns=columns,
        ),
        labels=random.random(rows, dtype=np.float32),
    )


def cut(batch: Batch, size: int) -> Iterator[Batch]:
    for start in range(0, batch.rows, size):
        part = slice(start, min(start + size, batch.rows))
        features = batch.features
        if isinstance(features, Csr):
            ends = features.indptr[part.start : part.stop + 1]
            cells = slice(ends[0], ends[-1])
            features = Csr(
                indptr=ends - ends[0],
                indices=features.indices[cells],
                values=features.values[cells],
                columns=int(features.indices[cells].max(initial=-1)) + 1,
            )
        else:
            features = features[part]
        yield Batch(
            features=features,
            labels=None if batch.labels is None else batch.labels[part],
            weights=None if batch.weights is None else batch.weights[part],
            groups=None if batch.groups is None else batch.groups[part],
        )


def to_dense(features: np.ndarray | Csr, columns: int) -> np.ndarray:
    if not isinstance(features, Csr):
        return features.copy()
    found = np.full((features.rows, columns), np.nan, np.float32)
    found[np.repeat(np.arange(features.rows), np.diff(features.indptr)), features.indices] = (
        features.values
    )
    return found


def everything(rows: Rows) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """(features, labels, rows of each batch)"""
    batches = [
        (to_dense(batch.features, rows.columns), batch.labels.copy(), batch.rows)
        for batch in rows.batches()
    ]
    features, labels, sizes = zip(*batches, strict=True)
    return np.concatenate(features), np.concatenate(labels), list(sizes)


@pytest.mark.parametrize("whole", [dense(), sparse()], ids=["dense", "sparse"])
@pytest.mark.parametrize("size", [1, 37, 150])
def test_on_disk_and_in_memory_are_the_same_bits(tmp_path: Path, whole: Batch, size: int) -> None:
    inside = keep("train", cut(whole, size), PLENTY, str(tmp_path))
    outside = keep("train", cut(whole, size), NOTHING, str(tmp_path))
    assert inside.held > 0
    assert outside.held == 0
    assert (inside.rows, inside.columns, inside.cells) == (
        outside.rows,
        outside.columns,
        outside.cells,
    )
    expected = to_dense(whole.features, whole.columns)
    assert inside.cells == np.count_nonzero(~np.isnan(expected))
    for rows in (inside, outside, outside):  # read twice: the same again
        features, labels, sizes = everything(rows)
        assert len(sizes) > 2
        assert features.tobytes() == expected.tobytes()
        assert labels.tobytes() == whole.labels.tobytes()
    assert everything(inside)[2] == everything(outside)[2]


def test_blocks_do_not_depend_on_the_batches_they_came_in(tmp_path: Path) -> None:
    sizes = [
        everything(keep("train", cut(dense(), size), PLENTY, str(tmp_path)))[2]
        for size in (1, 64, 999)
    ]
    assert sizes[0] == sizes[1] == sizes[2]


def test_a_part_may_be_kept_and_the_rest_on_disk(tmp_path: Path) -> None:
    whole = dense()
    status = tmp_path / "status"
    status.write_text("RssAnon:\t0 kB\n")
    some = Budget(bytes=10 * BLOCK, status=str(status))  # of which features may take four tenths
    rows = keep("train", cut(whole, 50), some, str(tmp_path))
    assert 2 * BLOCK < rows.held <= 4 * BLOCK
    assert everything(rows)[0].tobytes() == whole.features.tobytes()


def test_spilling_later_changes_nothing_but_where_it_lies(tmp_path: Path) -> None:
    rows = keep("train", cut(dense(), 64), PLENTY, str(tmp_path))
    chosen = rows.select(np.arange(rows.rows) % 3 == 0)
    before, of_selection = everything(rows), everything(chosen)
    rows.spill()
    assert rows.held == 0
    for found, expected in ((everything(rows), before), (everything(chosen), of_selection)):
        assert found[0].tobytes() == expected[0].tobytes()
        assert found[2] == expected[2]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("budget", [PLENTY, NOTHING], ids=["memory", "disk"])
@pytest.mark.parametrize("whole", [dense(), sparse()], ids=["dense", "sparse"])
def test_a_selection_is_those_rows_and_no_copy(
    tmp_path: Path, whole: Batch, budget: Budget
) -> None:
    rows = keep("train", cut(whole, 64), budget, str(tmp_path))
    wanted = np.random.default_rng(3).random(rows.rows) < 0.5
    wanted[:300] = False  # whole blocks without a row of it
    chosen = rows.select(wanted)
    features, labels, _ = everything(chosen)
    expected = to_dense(whole.features, whole.columns)[wanted]
    assert (chosen.rows, chosen.columns) == (int(wanted.sum()), whole.columns)
    assert features.tobytes() == expected.tobytes()
    assert labels.tobytes() == whole.labels[wanted].tobytes() == chosen.labels().tobytes()
    again = chosen.select(np.arange(chosen.rows) % 2 == 0)
    assert everything(again)[0].tobytes() == expected[::2].tobytes()


def test_weights_and_groups_follow_the_rows(tmp_path: Path) -> None:
    whole = dense()
    rows = keep("train", cut(whole, 64), NOTHING, str(tmp_path))
    assert rows.weights() is not None
    assert rows.groups() is not None
    wanted = np.arange(rows.rows) % 2 == 0
    for found, expected in ((rows, slice(None)), (rows.select(wanted), wanted)):
        batches = list(found.batches())
        weights = np.concatenate([batch.weights for batch in batches])
        groups = np.concatenate([batch.groups for batch in batches])
        assert weights.tolist() == whole.weights[expected].tolist() == found.weights().tolist()
        assert groups.tolist() == whole.groups[expected].tolist() == found.groups().tolist()


def test_what_the_caller_does_with_a_batch_later_does_not_matter(tmp_path: Path) -> None:
    features, labels = np.ones((10, 2), np.float32), np.ones(10, np.float32)

    def reused() -> Iterator[Batch]:
        for value in (1, 2):
            features[:], labels[:] = value, value
            yield Batch(features=features, labels=labels)

    rows = keep("train", reused(), PLENTY, str(tmp_path))
    assert everything(rows)[0][:, 0].tolist() == [1] * 10 + [2] * 10
    assert rows.labels().tolist() == [1] * 10 + [2] * 10


def test_sparse_rows_are_as_wide_as_the_widest(tmp_path: Path) -> None:
    def one(column: int) -> Batch:
        cells = (np.array([column], np.int32), np.ones(1, np.float32))
        narrow = Csr(indptr=np.array([0, 1]), indices=cells[0], values=cells[1], columns=column + 1)
        return Batch(features=narrow, labels=np.zeros(1, np.float32))

    rows = keep("train", [one(1), one(8), one(3)], NOTHING, str(tmp_path))
    assert rows.sparse
    assert rows.columns == 9
    assert np.argwhere(~np.isnan(everything(rows)[0]))[:, 1].tolist() == [1, 8, 3]


def test_a_host_without_rows_has_none(tmp_path: Path) -> None:
    rows = keep("train", [], PLENTY, str(tmp_path))
    assert (rows.rows, rows.columns, list(rows.batches())) == (0, 0, [])
    assert rows.labels().shape == (0,)


def test_closed_rows_keep_their_labels_only(tmp_path: Path) -> None:
    rows = keep("train", cut(dense(), 64), PLENTY, str(tmp_path))
    rows.close()
    assert rows.held == 0
    assert len(rows.labels()) == 1000
    with pytest.raises(AlgorithmError):
        next(rows.batches())


def altered(**changes: object) -> Batch:
    whole = dense(20)
    fields = {name: getattr(whole, name) for name in ("features", "labels", "weights", "groups")}
    return Batch(**{**fields, **changes})


def with_bad(values: np.ndarray, at: int, bad: float) -> np.ndarray:
    values = values.copy()
    values[at] = bad
    return values


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (altered(labels=None), "without labels"),
        (altered(labels=with_bad(dense(20).labels, 4, np.nan)), r"label of row 25 .*number"),
        (altered(labels=with_bad(dense(20).labels, 0, np.inf)), "label of row 21"),
        (altered(labels=np.zeros((20, 2), np.float32)), "different widths"),
        (altered(weights=with_bad(dense(20).weights, 19, -1)), "weight of row 40"),
        (altered(weights=with_bad(dense(20).weights, 19, np.nan)), "weight of row 40"),
        (altered(weights=None), "some rows have a weight"),
        (altered(groups=None), "some rows have a query id"),
        (altered(features=sparse(20).features), "sparse and dense"),
        (altered(features=np.zeros((20, 4), np.float32)), "of 5 and of 4 features"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_data_that_is_not_fit_to_train_on(tmp_path: Path, second: Batch, said: str) -> None:
    with pytest.raises(DataError, match=said) as raised:
        keep("the-channel", [dense(20), second], PLENTY, str(tmp_path))
    assert "'the-channel'" in str(raised.value)


def test_rows_without_features(tmp_path: Path) -> None:
    only_labels = Batch(features=np.empty((3, 0), np.float32), labels=np.zeros(3, np.float32))
    with pytest.raises(DataError, match="without features"):
        keep("train", [only_labels], PLENTY, str(tmp_path))


CLUSTER = Cluster(current_host="algo-2", hosts=("algo-1", "algo-2"))


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    folder = tmp_path / "train"
    folder.mkdir()
    for number in range(3):
        lines = [f"{number},{row},0.5" for row in range(4)]
        (folder / f"part-{number}.csv").write_text("\n".join(lines) + "\n")
    return Channel(name="train", path=str(folder))


def test_load_decodes_this_hosts_share(tmp_path: Path, channel: Channel) -> None:
    media = parse("text/csv", "test")
    found = [
        load(channel, media, cluster, csv_weights=False, budget=PLENTY, scratch=str(tmp_path))
        for cluster in (Cluster(), CLUSTER)
    ]
    assert [rows.rows for rows in found] == [12, 4]
    assert found[1].labels().tolist() == [1] * 4
    assert everything(found[1])[0][:, 0].tolist() == [0, 1, 2, 3]


def test_load_of_a_host_without_files(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    channel = Channel(name="train", path=str(tmp_path / "train"), distribution=SHARDED)
    media = parse("text/csv", "test")
    rows = load(channel, media, CLUSTER, csv_weights=False, budget=PLENTY, scratch=str(tmp_path))
    assert rows.rows == 0


def test_a_channel_without_labels_is_named(tmp_path: Path, channel: Channel) -> None:
    media = parse("text/csv; label_size=0", "test")
    with pytest.raises(DataError, match=r"'train'.*labels"):
        load(channel, media, CLUSTER, csv_weights=False, budget=PLENTY, scratch=str(tmp_path))


def test_csv_weights_are_the_column_after_the_label(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train/a.csv").write_text("1,0.5,10,20\n0,2,30,40\n")
    channel = Channel(name="train", path=str(tmp_path / "train"))
    media = parse("text/csv", "test")
    for weighted, columns in ((True, 2), (False, 3)):
        rows = load(
            channel, media, Cluster(), csv_weights=weighted, budget=PLENTY, scratch=str(tmp_path)
        )
        assert (rows.weights() is not None, rows.columns) == (weighted, columns)
    assert rows.weights() is None


class Environment:
    """As much of a TrainingEnvironment as Budget looks at."""

    class machine:
        memory = 8 << 30
        memory_limit: int | None = None

    def __init__(self, **settings: str) -> None:
        self.settings = settings


@pytest.mark.parametrize(
    ("setting", "limit", "of"),
    [
        ("1073741824", None, 1 << 30),
        ("512M", None, 512 << 20),
        ("50%", None, 4 << 30),
        ("50%", 2 << 30, 1 << 30),
        ("4G", 2 << 30, 2 << 30),  # no cap helps against a limit below it
        ("off", None, 8 << 30),
        ("off", 2 << 30, 2 << 30),
        ("", None, 8 << 30),
    ],
)
def test_the_budget_is_what_holds_less_a_little(
    monkeypatch: pytest.MonkeyPatch, setting: str, limit: int | None, of: int
) -> None:
    monkeypatch.setattr(Environment.machine, "memory_limit", limit)
    budget = Budget.of(Environment(**{CAP: setting}))  # type: ignore[arg-type]
    assert of * 0.9 < budget.bytes < of


def test_a_cap_that_is_no_amount_is_named() -> None:
    with pytest.raises(ConfigError, match=CAP):
        Budget.of(Environment(**{CAP: "much"}))  # type: ignore[arg-type]


def test_what_is_held_already_counts(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text(
        "Name:\tpython\nRssAnon:\t  3072 kB\nRssFile:\t 9999 kB\nRssShmem:\t1024 kB\n"
    )
    assert Budget(bytes=10 << 20, status=str(status)).left() == 6 << 20
    assert Budget(bytes=1 << 20, status=str(status)).left() == 0
    before = PLENTY.used()
    held = np.ones(20 << 20, np.uint8)
    assert PLENTY.used() - before > len(held) * 0.8
