"""Tars nobody thought of: unpacked or refused in one sentence, and nothing outside touched."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from container_toolkit.errors import ArchiveError
from tests.archive.hostile import HOSTILE
from tests.archive.place import Place
from tests.archive.tars import (
    BLOCK,
    COMPRESSIONS,
    END,
    checksummed,
    file,
    header,
    made_by_tarfile,
    pax,
)

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


SEEDS = [
    *(made_by_tarfile(format) for format in FORMATS),
    b"".join(data for data, _ in HOSTILE.values() if len(data) < 4096) + END,
    *(data + END for data, _ in HOSTILE.values() if len(data) < 4096),
]
CHANGES = st.lists(
    st.tuples(st.integers(0, 1 << 16), st.integers(0, 255), st.booleans()), max_size=12
)


def _mutated(data: bytes, changes: list[tuple[int, int, bool]], end: int) -> bytes:
    """`data` with bytes changed, under right checksums where the change asks for one, and cut."""
    mutable = bytearray(data)
    for position, value, right in changes:
        position %= len(mutable)
        mutable[position] = value
        start = position - position % BLOCK
        if right and start + BLOCK <= len(mutable):
            mutable[start : start + BLOCK] = checksummed(bytes(mutable[start : start + BLOCK]))
    return bytes(mutable[: len(mutable) - end])


@settings(max_examples=400, deadline=None)
@given(
    data=st.sampled_from(SEEDS),
    changes=CHANGES,
    end=st.one_of(st.just(0), st.integers(0, 2000)),
    compress=st.sampled_from([None, *COMPRESSIONS.values()]),
)
def test_mutated_tars(
    data: bytes,
    changes: list[tuple[int, int, bool]],
    end: int,
    compress: Callable[[bytes], bytes] | None,
) -> None:
    with tempfile.TemporaryDirectory() as top:
        place = Place(Path(top))
        mutated = _mutated(data, changes, end)
        place.survives(compress(mutated) if compress else mutated)


@settings(max_examples=300, deadline=None)
@given(
    compression=st.sampled_from(["gz", "bz2", "xz"]),
    changes=CHANGES.filter(bool),
    end=st.one_of(st.just(0), st.integers(0, 300)),
)
def test_mutated_compressed_tars(
    compression: str, changes: list[tuple[int, int, bool]], end: int
) -> None:
    data = COMPRESSIONS[compression](SEEDS[2])
    with tempfile.TemporaryDirectory() as top:
        place = Place(Path(top))
        unsummed = [(position, value, False) for position, value, _ in changes]
        place.survives(_mutated(data, unsummed, end))


@settings(max_examples=200, deadline=None)
@given(
    blocks=st.lists(
        st.one_of(
            st.builds(
                lambda name, kind, target: header(name, kind, target=target),
                st.sampled_from([b"a", b"a/b", b"./a", b"..", b"a/b/c", b"/a", b"b", b""]),
                st.sampled_from([b"0", b"1", b"2", b"5", b"3", b"7", b"\0"]),
                st.sampled_from([b"a", b"..", b"../..", b"b/..", b".", b"a/b", b"/", b"../b"]),
            ),
            st.sampled_from([file(b"a/x"), pax(path=b"b/c"), pax(linkpath=b"../x"), END]),
        ),
        max_size=8,
    )
)
def test_any_order_of_members(blocks: list[bytes]) -> None:
    """Whatever is accepted holds no link whose real target is outside."""
    with tempfile.TemporaryDirectory() as top:
        place = Place(Path(top))
        try:
            place.unpack(b"".join(blocks) + END)
        except ArchiveError:
            return
        for found in place.into.rglob("*"):
            real = os.path.realpath(found)
            assert os.path.commonpath([real, place.into.resolve()]) == str(place.into.resolve())


def test_python_reads_what_the_fuzzer_starts_from() -> None:
    for format in FORMATS:
        with tarfile.open(fileobj=io.BytesIO(made_by_tarfile(format))) as tar:
            assert "e/up" in tar.getnames()
