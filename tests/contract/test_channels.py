"""A channel's data as user code reads it: keys in order, disjoint shards, epochs of a pipe."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container_toolkit import Channel, Cluster, TrainingEnvironment
from container_toolkit.errors import ConfigError, DataError

parts = st.text(
    st.characters(exclude_characters="\0/", exclude_categories=("Cs",)), min_size=1, max_size=6
).filter(lambda part: part not in (".", ".."))


def write(folder: Path, *keys: str) -> None:
    for key in keys:
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def channel(folder: Path, **fields: str) -> Channel:
    return Channel(name="train", path=str(folder), **fields)


def keys(files: list[str], folder: Path) -> list[str]:
    return [os.path.relpath(file, folder) for file in files]


def test_files_come_in_utf8_order_of_their_keys_through_folders(tmp_path: Path) -> None:
    write(tmp_path, "a/b", "a.b", "B", "é", "z", "a-b", ".hidden", "10", "9")
    assert keys(channel(tmp_path).files(), tmp_path) == [
        *(".hidden", "10", "9", "B", "a-b", "a.b", "a/b", "z", "é")
    ]


def test_links_are_followed_and_a_loop_ends(tmp_path: Path) -> None:
    write(tmp_path, "a/x")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert keys(channel(tmp_path).files(), tmp_path) == ["a/x"]


@given(
    st.sets(st.tuples(parts, parts).map("/".join), max_size=30),
    st.integers(1, 12),
    st.sampled_from(["FullyReplicated", "ShardedByS3Key"]),
)
def test_shards_are_disjoint_and_complete(all_keys: set[str], size: int, distribution: str) -> None:
    hosts = tuple(sorted(f"algo-{number}" for number in range(1, size + 1)))
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), *all_keys)
        source = channel(Path(folder), distribution=distribution)
        shards = [source.shard(Cluster(current_host=host, hosts=hosts)) for host in hosts]
        if distribution == "ShardedByS3Key":
            assert all(shard == source.files() for shard in shards)
        else:
            assert sorted(f for shard in shards for f in shard) == sorted(source.files())
            assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_object_i_goes_to_host_i_mod_n_counted_by_number(tmp_path: Path) -> None:
    write(tmp_path, *(f"{number:02}" for number in range(12)))
    hosts = tuple(sorted(f"algo-{number}" for number in range(1, 12)))
    shard = channel(tmp_path).shard(Cluster(current_host="algo-10", hosts=hosts))
    assert keys(shard, tmp_path) == ["09"]
    shard = channel(tmp_path).shard(Cluster(current_host="algo-1", hosts=hosts))
    assert keys(shard, tmp_path) == ["00", "11"]


def test_a_shard_within_one_instance_group_is_complete_there(tmp_path: Path) -> None:
    write(tmp_path, "a", "b", "c", "d")
    document = {
        "current_host": "algo-3",
        "hosts": ["algo-1", "algo-2", "algo-3"],
        "instance_groups": [
            {"instance_group_name": "one", "hosts": ["algo-2"]},
            {"instance_group_name": "two", "hosts": ["algo-1", "algo-3"]},
        ],
    }
    cluster = Cluster.from_document(document)
    assert keys(channel(tmp_path).shard(cluster.within("two")), tmp_path) == ["b", "d"]
    with pytest.raises(ConfigError, match="algo-3"):
        cluster.within("one")


def test_a_missing_folder_is_a_sentence_naming_the_channel(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'train'"):
        channel(tmp_path / "none").files()


def test_epochs_open_one_fifo_after_the_other_and_wait_for_late_ones(tmp_path: Path) -> None:
    (tmp_path / "input/config").mkdir(parents=True)
    data = tmp_path / "input/data"
    data.mkdir()
    (tmp_path / "input/config/inputdataconfig.json").write_text(
        '{"train": {"TrainingInputMode": "Pipe"}}'
    )

    def serve() -> None:
        for epoch in range(3):
            os.mkfifo(data / f"train_{epoch}")
            try:
                with open(data / f"train_{epoch}", "wb") as fifo:
                    fifo.write(f"epoch {epoch}".encode() * 20_000)
            except BrokenPipeError:
                continue  # the reader had enough of that epoch

    writer = threading.Thread(target=serve, daemon=True)
    writer.start()
    env = TrainingEnvironment.load(environ={"SAGEMAKER_BASE_DIR": str(tmp_path)})
    train = env.channels["train"]
    read = []
    for epoch, stream in enumerate(train.epochs()):
        read.append(stream.read(7) if epoch == 1 else stream.read())
        if epoch == 2:
            break
    writer.join(timeout=60)
    assert read == [b"epoch 0" * 20_000, b"epoch 1", b"epoch 2" * 20_000]


def test_a_fifo_that_never_comes_is_named(tmp_path: Path) -> None:
    pipe = Channel(name="train", path=str(tmp_path / "train"), input_mode="Pipe")
    with pytest.raises(DataError, match="train_0"):
        next(pipe.epochs(wait=0.1))
    with pytest.raises(DataError, match="epochs"):
        pipe.files()
    with pytest.raises(DataError, match="files"):
        next(channel(tmp_path).epochs())
