from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container_toolkit.errors import ConfigError
from container_toolkit.machine import Machine
from container_toolkit.training.memory import CAP, RESERVE, choose_cap

GIB = 1 << 30
MIB = 1 << 20

LIMITED = Machine(cpus=2, gpus=0, neurons=0, memory=64 * GIB, memory_limit=2 * GIB)
BARE = Machine(cpus=2, gpus=0, neurons=0, memory=64 * GIB, memory_limit=None)
UNKNOWN = Machine(cpus=2, gpus=0, neurons=0, memory=0, memory_limit=None)


def machine(limit: int | None = None, memory: int = 64 * GIB) -> Machine:
    return Machine(cpus=2, gpus=0, neurons=0, memory=memory, memory_limit=limit)


@pytest.mark.parametrize(
    ("given", "reserve"),
    [
        (machine(limit=2 * GIB), 2 * GIB // 20),
        (machine(limit=32 * GIB), 256 * MIB),
        (machine(memory=8 * GIB), 512 * MIB),
        (machine(memory=64 * GIB), 64 * GIB // 20),
    ],
)
def test_the_default_keeps_a_reserve(given: Machine, reserve: int) -> None:
    whole = given.memory_limit or given.memory
    cap = choose_cap({}, given)
    assert cap is not None
    assert (cap.bytes, cap.margin) == (whole - reserve, reserve)


def test_why_is_said_for_the_log() -> None:
    cap = choose_cap({}, LIMITED)
    assert cap is not None
    assert cap.why == "container limit 2.0 GiB less 102 MiB kept to report"
    cap = choose_cap({}, BARE)
    assert cap is not None
    assert cap.why == "machine memory 64.0 GiB less 3.2 GiB kept for the system"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1073741824", GIB),
        ("512M", 512 * MIB),
        ("1.5GiB", 3 * GIB // 2),
        ("50%", GIB),
        (" 1g ", GIB),
    ],
)
def test_a_cap_of_ones_own(text: str, expected: int) -> None:
    cap = choose_cap({CAP: text}, LIMITED)
    assert cap is not None
    assert (cap.bytes, cap.margin) == (expected, 2 * GIB - expected)
    assert CAP in cap.why


def test_a_share_is_of_the_machine_without_a_container_limit() -> None:
    cap = choose_cap({CAP: "50%"}, BARE)
    assert cap is not None
    assert cap.bytes == 32 * GIB


@pytest.mark.parametrize("text", ["2G", "1.99G", "100%", "64G", "150%"])
def test_a_cap_above_what_is_left_is_lowered_and_says_so(text: str) -> None:
    cap = choose_cap({CAP: text}, LIMITED)
    plain = choose_cap({}, LIMITED)
    assert cap is not None
    assert plain is not None
    assert (cap.bytes, cap.margin) == (plain.bytes, plain.margin)
    assert f"{CAP}={text}" in cap.why
    assert "lowered" in cap.why


@pytest.mark.parametrize(
    ("text", "reserve"), [("1G", GIB), ("10%", 2 * GIB // 10), ("off", 0), ("1", 1)]
)
def test_a_reserve_of_ones_own(text: str, reserve: int) -> None:
    cap = choose_cap({RESERVE: text}, LIMITED)
    assert cap is not None
    assert (cap.bytes, cap.margin) == (2 * GIB - reserve, reserve)


@pytest.mark.parametrize("text", ["off", "OFF", " Off "])
def test_off_is_no_cap(text: str) -> None:
    assert choose_cap({CAP: text}, LIMITED) is None


@pytest.mark.parametrize("name", [CAP, RESERVE])
@pytest.mark.parametrize("text", ["0", "0%", "-1", "lots", "1e9", "5 0", "0.0001", "9" * 400])
def test_what_is_no_amount_is_named_with_what_is(name: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose_cap({name: text}, LIMITED)
    message = str(caught.value)
    assert name in message
    assert text[:30] in message
    assert "512M" in message
    assert len(message) < 300


@pytest.mark.parametrize("text", ["2G", "100%", "3G"])
def test_a_reserve_of_everything_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=f"{RESERVE}.*2.0 GiB"):
        choose_cap({RESERVE: text}, LIMITED)


def test_a_broken_reserve_is_told_even_with_the_cap_off() -> None:
    with pytest.raises(ConfigError, match=RESERVE):
        choose_cap({CAP: "off", RESERVE: "some"}, LIMITED)


def test_empty_settings_are_none() -> None:
    assert choose_cap({CAP: "", RESERVE: " "}, LIMITED) == choose_cap({}, LIMITED)


def test_on_a_machine_of_unknown_size_only_bytes_make_a_cap() -> None:
    assert choose_cap({}, UNKNOWN) is None
    cap = choose_cap({CAP: "1G"}, UNKNOWN)
    assert cap is not None
    assert (cap.bytes, cap.margin > 0) == (GIB, True)
    with pytest.raises(ConfigError, match=CAP):
        choose_cap({CAP: "50%"}, UNKNOWN)


AMOUNTS = st.from_regex(r"[0-9]{1,20}(\.[0-9]{1,9})?\s?([KMGTPkmgtp]?(i?[Bb])?|%)", fullmatch=True)


@given(
    cap=st.text() | AMOUNTS,
    reserve=st.text() | AMOUNTS,
    memory=st.integers(0, 1 << 45),
    limit=st.none() | st.integers(1, 1 << 45),
)
def test_any_setting_gives_a_sound_cap_or_one_clear_error(
    cap: str, reserve: str, memory: int, limit: int | None
) -> None:
    given = machine(limit=limit, memory=memory)
    try:
        found = choose_cap({CAP: cap, RESERVE: reserve}, given)
    except ConfigError as error:
        message = str(error)
    else:
        message = ""
    if message:
        assert CAP in message or RESERVE in message
        assert len(message) < 500
    elif found is not None:
        whole = limit or memory
        assert found.bytes > 0
        assert found.margin >= 0
        assert not whole or found.bytes + found.margin == whole
