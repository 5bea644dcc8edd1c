"""checkpointconfig.json, both directions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from container_toolkit.contract import checkpoints
from container_toolkit.contract.layout import Layout
from container_toolkit.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "input/config").mkdir(parents=True)
    return Layout(root=str(tmp_path))


def write(layout: Layout, text: str) -> None:
    with open(layout.document(checkpoints.FILE), "w") as file:
        file.write(text)


def test_without_a_document_the_default_folder_counts_where_it_is(layout: Layout) -> None:
    assert checkpoints.load(layout) == ""
    os.mkdir(layout.checkpoints)
    assert checkpoints.load(layout) == layout.checkpoints


def test_the_documents_folder_need_not_exist(layout: Layout) -> None:
    checkpoints.dump("/state/", layout)
    assert checkpoints.load(layout) == "/state"
    write(layout, "{}")
    assert checkpoints.load(layout) == layout.checkpoints


@pytest.mark.parametrize("text", ['{"LocalPath": "state"}', '{"LocalPath": 1}', "[]", "{"])
def test_what_is_no_folder_is_told(layout: Layout, text: str) -> None:
    write(layout, text)
    with pytest.raises(ConfigError, match=r"checkpointconfig\.json"):
        checkpoints.load(layout)


def test_what_is_being_uploaded(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    assert not checkpoints.is_uploading(path)
    (tmp_path / "file.sagemaker-uploading").touch()
    assert checkpoints.is_uploading(path)
    (tmp_path / "file.sagemaker-uploaded").touch()
    assert not checkpoints.is_uploading(path)
