"""Sizes of memory and files as people write and read them, true without SageMaker."""

from __future__ import annotations

ACCEPTED = "bytes (1073741824), a binary unit (512M, 2G, 1.5GiB) or a share (80%)"

# Digits are bounded: a number longer than this is a typing error, not a machine.
_AMOUNT = r"(?i)([0-9]{1,19})(?:\.([0-9]{1,9}))?\s*(%|(?:([KMGTP])(?:i?B)?|B)?)"
_SHIFTS = {"K": 10, "M": 20, "G": 30, "T": 40, "P": 50}


def amount(text: str, *, of: int) -> int:
    """Bytes meant by `text`; units are binary (1 M = 1 MiB), shares are of `of` bytes.

    Raises ValueError when it is not an amount.
    """
    import re

    match = re.fullmatch(_AMOUNT, text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not an amount of memory")
    whole, fraction, suffix, unit = match.groups()
    fraction = fraction or ""
    digits = int(whole + fraction)
    scale: int = 10 ** len(fraction)
    if suffix == "%":
        return digits * of // (100 * scale)
    shift = _SHIFTS[unit.upper()] if unit else 0
    return (digits << shift) // scale


def show(size: int) -> str:
    """`size` bytes for a person: 512 bytes, 96 KiB, 972 MiB, 1.25 GiB, 23.5 GiB."""
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size < 1 << shift:
            continue
        if unit != "GiB":
            return f"{(size + (1 << shift - 1)) >> shift} {unit}"
        number = size / (1 << shift)
        return f"{number:.1f} GiB" if number >= 10 else f"{_trimmed(number)} GiB"
    return f"{size} bytes"


def _trimmed(number: float) -> str:
    text = f"{number:.2f}"
    return text[:-1] if text.endswith("0") else text
