"""input/config: what is written is read back; what is broken is one sentence."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container_toolkit.contract import channels, cluster, hyperparameters
from container_toolkit.contract.arguments import to_arguments
from container_toolkit.contract.channels import Channel
from container_toolkit.contract.cluster import Cluster, InstanceGroup
from container_toolkit.contract.environment import TrainingEnvironment
from container_toolkit.contract.hyperparameters import Hyperparameters
from container_toolkit.contract.layout import Layout
from container_toolkit.contract.variables import to_variables
from container_toolkit.errors import ConfigError
from container_toolkit.machine import Machine

MACHINE = Machine(cpus=1, gpus=0, neurons=0, memory=1 << 30, memory_limit=None)

text = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
names = st.text(
    st.characters(exclude_characters="\0/=", exclude_categories=("Cs",)), min_size=1
).filter(lambda name: name not in (".", ".."))
hosts = st.lists(names, min_size=1, unique=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
# What the service can't write but a hand, a bug or malice can.
wild = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def layout_in(folder: str) -> Layout:
    layout = Layout(root=folder)
    Path(layout.config).mkdir(parents=True)
    Path(layout.data).mkdir(parents=True)
    return layout


@given(st.dictionaries(text.filter(lambda key: "=" not in key), text | json_values))
def test_hyperparameters_round_trip(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout = layout_in(folder)
        given_ones = accepted(document)
        hyperparameters.dump(given_ones, layout)
        assert hyperparameters.load(layout) == given_ones


@given(st.data())
def test_channels_round_trip(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout = layout_in(folder)
        drawn = {
            name: Channel(
                name=name,
                path=layout.channel(name),
                content_type=data.draw(st.none() | text),
                input_mode=data.draw(st.sampled_from(channels.MODES)),
                distribution=data.draw(st.sampled_from(channels.DISTRIBUTIONS)),
                record_wrapper=data.draw(st.sampled_from(channels.WRAPPERS)),
            )
            for name in sorted(data.draw(st.lists(names, unique=True, max_size=4)))
        }
        channels.dump(drawn, layout)
        assert channels.load(layout)[0] == drawn


@given(hosts, st.data())
def test_cluster_round_trips(all_hosts: list[str], data: st.DataObject) -> None:
    groups = tuple(
        InstanceGroup(name=name, instance_type=data.draw(text), hosts=tuple(data.draw(hosts)))
        for name in data.draw(st.lists(text, max_size=3))
    )
    drawn = Cluster(
        current_host=data.draw(st.sampled_from(all_hosts)),
        hosts=tuple(all_hosts),
        network_interface=data.draw(text),
        current_instance_type=data.draw(text),
        current_group=data.draw(text),
        groups=groups,
        topology=data.draw(st.none() | json_values),
    )
    with tempfile.TemporaryDirectory() as folder:
        layout = layout_in(folder)
        cluster.dump(drawn, layout)
        assert cluster.load(layout)[0] == drawn


TODAY = {
    "current_host": "algo-1",
    "current_instance_type": "ml.m5.xlarge",
    "current_group_name": "homogeneousCluster",
    "hosts": ["algo-1", "algo-2", "algo-3"],
    "instance_groups": [
        {
            "instance_group_name": "homogeneousCluster",
            "instance_type": "ml.m5.xlarge",
            "hosts": ["algo-1", "algo-2", "algo-3"],
        }
    ],
    "network_interface_name": "eth0",
}
OLDER = {
    "current_host": "algo-1",
    "hosts": ["algo-1", "algo-2"],
    "network_interface_name": "ethwe",
}


@pytest.mark.parametrize("document", [TODAY, OLDER], ids=["today", "older"])
@pytest.mark.parametrize("name", ["resourceconfig.json", "resourceConfig.json"])
def test_captured_resource_configs_are_read_and_written_as_they_are(
    tmp_path: Path, document: dict[str, Any], name: str
) -> None:
    layout = layout_in(str(tmp_path))
    (tmp_path / "input/config" / name).write_text(json.dumps(document))
    read, kept = cluster.load(layout)
    assert kept == document
    assert read.to_document() == document


def test_hosts_count_by_number_not_by_letter() -> None:
    hosts = ("algo-1", "algo-10", "algo-11", "algo-2")
    ranks = [Cluster(current_host=host, hosts=hosts).rank for host in hosts]
    assert ranks == [0, 2, 3, 1]
    assert Cluster(current_host="algo-2", hosts=hosts).leader == "algo-1"


def test_missing_documents_mean_their_defaults(tmp_path: Path) -> None:
    layout = layout_in(str(tmp_path))
    (tmp_path / "input/data/train").mkdir()
    (tmp_path / "input/data/train-manifest").write_text("x")
    env = TrainingEnvironment.load(layout, {}, MACHINE)
    assert env.cluster == Cluster()
    assert list(env.channels) == ["train"]
    assert env.hyperparameters.user == {}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("hyperparameters.json", b"{", ["hyperparameters.json", "line 1"]),
        ("hyperparameters.json", b"[1]", ["hyperparameters.json", "a list"]),
        ("hyperparameters.json", b'{"a=b": "1"}', ["hyperparameters.json", "a=b"]),
        ("hyperparameters.json", b'{"a": "x\\u0000y"}', ["hyperparameters.json", "'a'", "NUL"]),
        ("hyperparameters.json", b'{"a": "\\ud800"}', ["hyperparameters.json", "'a'"]),
        ("hyperparameters.json", b'"\xff"', ["hyperparameters.json", "UTF-8"]),
        ("hyperparameters.json", b'{"a":' + b"[" * 100000, ["hyperparameters.json", "deep"]),
        ("hyperparameters.json", b'{"a":' + b"9" * 5000 + b"}", ["hyperparameters.json"]),
        ("resourceconfig.json", b'{"hosts": []}', ["resourceconfig.json", "'hosts'"]),
        ("resourceconfig.json", b'{"hosts": "algo-1"}', ["resourceconfig.json", "'hosts'"]),
        ("resourceconfig.json", b'{"hosts": ["a", "a"]}', ["resourceconfig.json", "'hosts'"]),
        (
            "resourceconfig.json",
            b'{"current_host": "b", "hosts": ["a"]}',
            ["resourceconfig.json", "'current_host'", "'b'"],
        ),
        (
            "resourceconfig.json",
            b'{"instance_groups": [{"hosts": ["algo-1"]}]}',
            ["resourceconfig.json", "instance_groups[0]", "'instance_group_name'"],
        ),
        (
            "inputdataconfig.json",
            b'{"train": {"TrainingInputMode": "Carrier"}}',
            ["inputdataconfig.json", "'train'", "'TrainingInputMode'", "FastFile"],
        ),
        ("inputdataconfig.json", b'{"../x": {}}', ["inputdataconfig.json", "'../x'"]),
        ("inputdataconfig.json", b'{"train": 1}', ["inputdataconfig.json", "'train'"]),
    ],
)
def test_a_broken_document_names_file_and_key(
    tmp_path: Path, name: str, content: bytes, words: list[str]
) -> None:
    layout = layout_in(str(tmp_path))
    (tmp_path / "input/config" / name).write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        TrainingEnvironment.load(layout, {}, MACHINE)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert [word for word in words if word not in sentence] == []


def accepted(values: dict[str, Any]) -> Hyperparameters:
    """The hyperparameters, or none of them where a sentence refuses; anything else is a bug."""
    try:
        return Hyperparameters.from_document(values)
    except ConfigError as error:
        refused = str(error)
    assert refused.strip()
    return Hyperparameters(document={})


def use(layout: Layout, content: bytes, name: str) -> None:
    """Use a document to the end, or be refused with a sentence; anything else is a bug."""
    (Path(layout.config) / name).write_bytes(content)
    try:
        env = TrainingEnvironment.load(layout, {}, MACHINE)
        to_variables(env, "train.py", "")
        to_arguments(env.hyperparameters.user)
    except ConfigError as error:
        refused = str(error)
        assert refused.strip()


documents_by_hand = st.one_of(
    st.dictionaries(st.text(), wild, max_size=4),
    st.fixed_dictionaries({}, optional={"current_host": wild, "hosts": wild, "topology": wild}),
    st.dictionaries(
        st.text(max_size=3),
        st.fixed_dictionaries({}, optional={"TrainingInputMode": wild, "ContentType": wild}),
        max_size=2,
    ),
    st.fixed_dictionaries({"instance_groups": st.lists(wild, max_size=2)}),
)


@settings(max_examples=3500, deadline=None)
@given(
    documents_by_hand.map(lambda document: json.dumps(document).encode()) | st.binary(),
    st.sampled_from([hyperparameters.FILE, channels.FILE, cluster.FILE]),
)
def test_any_document_is_a_clean_sentence_or_a_correct_run(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        use(layout_in(folder), content, name)


@settings(max_examples=7000, deadline=None)
@given(st.dictionaries(st.text(max_size=8), wild | wild.map(json.dumps), max_size=4))
def test_any_hyperparameters_are_a_clean_sentence_or_a_correct_run(values: dict[str, Any]) -> None:
    given_ones = accepted(values)
    words = to_arguments(given_ones.user)
    assert len(words) == 2 * len(given_ones.user)
    for word in words:
        assert "\0" not in word
        word.encode()
