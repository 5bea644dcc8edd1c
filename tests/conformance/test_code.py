"""Where the code comes from when the code folder is empty: a folder, a file, a tar, S3."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.conformance.cases import Match, check, seen_environment
from tests.jobs import REPORTER, Job

if TYPE_CHECKING:
    from pathlib import Path

    from tests.object_store import ObjectStore


def archive(members: dict[str, bytes | tuple[bytes, str]]) -> bytes:
    """A tar.gz; a member is its content, or its type and the name it links to."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                member.type, member.linkname = content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


REPORTER_BYTES = REPORTER.encode()


def from_source(source: str) -> Match:
    return Match(
        id="source",
        files={},
        hyperparameters={"sagemaker_submit_directory": json.dumps(source)},
        argv=(),
        argv0="train.py",
        sees={"SM_USER_ENTRY_POINT": "train.py"},
    )


def test_local_folder(job: Job, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "lib").mkdir(parents=True)
    (source / "train.py").write_text("import lib.here\n" + REPORTER)
    (source / "lib/here.py").write_text("")
    check(from_source(str(source)), job)
    assert seen_environment(job)["SM_MODULE_DIR"] == str(source)
    assert (job.base / "code/lib/here.py").exists()
    assert (source / "train.py").exists()


def test_local_tar(job: Job, tmp_path: Path) -> None:
    source = tmp_path / "source.tar.gz"
    source.write_bytes(archive({"train.py": REPORTER_BYTES, "lib/here.py": b""}))
    check(from_source(str(source)), job)
    assert seen_environment(job)["SM_MODULE_DIR"] == str(source)
    assert (job.base / "code/lib/here.py").exists()


def test_local_file(job: Job, tmp_path: Path) -> None:
    source = tmp_path / "train.py"
    source.write_text(REPORTER)
    check(from_source(str(source)), job)
    assert seen_environment(job)["SM_MODULE_DIR"] == str(source)


def test_s3_code(job: Job, s3: ObjectStore) -> None:
    s3.put("/bucket/job-1/sourcedir.tar.gz", archive({"train.py": REPORTER_BYTES}))
    job.env(**s3.environ)
    uri = "s3://bucket/job-1/sourcedir.tar.gz"
    check(from_source(uri), job)
    assert seen_environment(job)["SM_MODULE_DIR"] == uri
    assert [path.name for path in (job.base / "code").iterdir()] == ["train.py"]


def test_s3_missing(job: Job, s3: ObjectStore) -> None:
    uri = "s3://bucket/nowhere/sourcedir.tar.gz"
    ended = from_source(uri).set_up(job).env(**s3.environ).run()
    assert ended.returncode == 1, ended
    failure = ended.failure or ""
    assert failure.startswith("CodeError: "), ended
    assert uri in failure
    assert "404" in failure or "not found" in failure.lower() or "no such" in failure.lower()
    assert "Traceback" not in ended.stderr


def test_code_folder_with_something_in_it_is_not_fetched_over(job: Job, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text("raise SystemExit(9)\n")
    job.code("train.py", REPORTER)
    check(from_source(str(source)), job)


@pytest.mark.parametrize(
    "evil",
    [
        pytest.param({"../evil": b"e"}, id="parent"),
        pytest.param({"a/../../evil": b"e"}, id="parent_inner"),
        pytest.param({"<outside>/evil": b"e"}, id="absolute"),
        pytest.param({"up": (tarfile.SYMTYPE, ".."), "up/evil": b"e"}, id="through_symlink"),
        pytest.param(
            {"out": (tarfile.SYMTYPE, "<outside>"), "out/evil": b"e"}, id="absolute_symlink"
        ),
        pytest.param({"copy": (tarfile.LNKTYPE, "../secret")}, id="hard_link_out"),
        pytest.param({"device": (tarfile.CHRTYPE, "")}, id="device"),
    ],
)
def test_s3_evil_tar(
    job: Job, s3: ObjectStore, tmp_path: Path, evil: dict[str, bytes | tuple[bytes, str]]
) -> None:
    """Contained or refused in one sentence; nothing outside the code folder either way."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (job.base / "secret").write_text("secret")
    members: dict[str, bytes | tuple[bytes, str]] = {"train.py": REPORTER_BYTES}
    for name, content in evil.items():
        placed = name.replace("<outside>", str(outside))
        if isinstance(content, tuple):
            content = (content[0], content[1].replace("<outside>", str(outside)))
        members[placed] = content
    key = f"{tmp_path.name}/sourcedir.tar.gz"
    s3.put(f"/bucket/{key}", archive(members))
    uri = f"s3://bucket/{key}"
    ended = from_source(uri).set_up(job).env(**s3.environ).run()
    if ended.returncode:
        assert ended.returncode == 1, ended
        assert (ended.failure or "").startswith(("ArchiveError: ", "CodeError: ")), ended
        assert uri in (ended.failure or "")
        assert "Traceback" not in ended.stderr
    assert not list(outside.iterdir())
    assert not (job.base / "evil").exists()
    assert not (job.base.parent / "evil").exists()
    for path in (job.base / "code").rglob("*"):
        assert path.resolve().is_relative_to((job.base / "code").resolve())
        assert not path.is_file() or path.read_text() != "secret"
        assert path.is_symlink() or path.is_dir() or path.is_file(), f"{path} is a device"
