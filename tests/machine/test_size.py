from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container_toolkit.machine.size import amount, show


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1073741824", 1 << 30),
        ("512M", 512 << 20),
        ("2G", 2 << 30),
        ("1.5GiB", 3 << 29),
        ("10kb", 10240),
        ("7B", 7),
        (" 1 GB ", 1 << 30),
        ("80%", 800),
        ("12.5%", 125),
        ("0.1%", 1),
        ("0", 0),
    ],
)
def test_amounts(text: str, expected: int) -> None:
    assert amount(text, of=1000) == expected


@pytest.mark.parametrize(
    "text", ["", "G", "-1", "+1", "1e9", "1,5G", ".5G", "5.", "1 2", "1X", "nan", "٣G", "9" * 5000]
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        amount(text, of=1000)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (4096, "4 KiB"),
        (972 << 20, "972 MiB"),
        (2 << 30, "2.0 GiB"),
        ((2 << 30) + (150 << 20), "2.15 GiB"),
        (24 << 30, "24.0 GiB"),
    ],
)
def test_shown(size: int, text: str) -> None:
    assert show(size) == text


@given(st.integers(min_value=0, max_value=1 << 60))
def test_what_is_shown_reads_back_as_about_the_same(size: int) -> None:
    back = amount(show(size).replace(" bytes", ""), of=0)
    tolerated = [0, 1 << 9, 1 << 19, size // 100]
    assert abs(back - size) <= tolerated[sum(size >= 1 << shift for shift in (10, 20, 30))]
