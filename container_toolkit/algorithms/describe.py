"""A declaration for people to read, and as data."""

from __future__ import annotations

import textwrap
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from container_toolkit.algorithms.declaration import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from container_toolkit.algorithms.declaration import Algorithm, Hyperparameter, Metric

WIDTH = 100  # columns of the terminal page


def text(algorithm: Algorithm) -> str:
    """A page for a terminal."""
    lines = [algorithm.name, *indented(algorithm.summary)]
    lines += ["", "CHANNELS"]
    for channel in algorithm.channels:
        need = "required" if channel.required else "optional"
        lines += indented(
            f"{channel.name} ({need}): {channel.meaning}; {channel.default} where neither its"
            " content type nor its first file's name tells"
        )
    lines += ["", "CONTENT TYPES", *indented(", ".join(algorithm.content_types))]
    lines += ["", "HYPERPARAMETERS"]
    for one in algorithm.hyperparameters:
        lines += paragraph(one)
    lines += ["", "METRICS"]
    for names, better, meaning_ in metric_rows(algorithm):
        lines += [*indented(f"{names}  {better} is better"), *indented(meaning_, 6)]
    lines += ["", "ARTIFACT", *indented(algorithm.artifact)]
    lines += ["", "REQUESTS", *indented(", ".join(algorithm.accepts))]
    lines += ["", "OUTPUTS", *indented(", ".join(algorithm.outputs))]
    return "\n".join(lines) + "\n"


def indented(paragraph: str, by: int = 2) -> list[str]:
    space = " " * by
    return textwrap.wrap(
        paragraph,
        WIDTH,
        initial_indent=space,
        subsequent_indent=space,
        break_on_hyphens=False,
        break_long_words=False,
    )


def paragraph(one: Hyperparameter) -> list[str]:
    head = f"{one.name}{also(one)}  {one.kind}, {accepted(one)}"
    default = default_of(one)
    head += f"; {default}" if default else ""
    head += f"; tuned in {one.tunable}" if one.tunable else ""
    return [*indented(head), *indented(meaning(one), 6)]


def also(one: Hyperparameter) -> str:
    return f" ({', '.join(one.aliases)})" if one.aliases else ""


def accepted(one: Hyperparameter) -> str:
    """The values it takes, in one line."""
    if one.choices:
        return " | ".join(one.choices)
    return str(one.range) if one.range else one.form or "any"


def default_of(one: Hyperparameter) -> str:
    if one.required:
        return "required"
    if one.default is not None:
        return f"default {one.default}"
    return f"default {one.library_default}" if one.library_default else ""


def meaning(one: Hyperparameter) -> str:
    return f"No effect: {one.deprecated}." if one.deprecated else one.meaning


def metric_rows(algorithm: Algorithm) -> Iterator[tuple[str, str, str]]:
    """(names, which way is better, meaning): what differs only in its channel is one row."""
    groups: dict[str, list[Metric]] = {}
    for metric in algorithm.metrics:
        groups.setdefault(metric.name.partition(":")[2] or metric.name, []).append(metric)
    for same in groups.values():
        names = ", ".join(metric.name for metric in same)
        yield names, "more" if same[0].maximize else "less", same[0].meaning


def document(algorithm: Algorithm) -> dict[str, Any]:
    """The declaration as JSON has it, without what only the code can use."""
    found = plain_data(algorithm)
    assert isinstance(found, dict)
    del found["rules"]
    return found


def plain_data(value: Any) -> Any:
    if isinstance(value, Interval):
        return str(value)
    if is_dataclass(value):
        names = [field.name for field in fields(value) if field.name not in ("parse", "check")]
        return {name: plain_data(getattr(value, name)) for name in names}
    return [plain_data(item) for item in value] if isinstance(value, tuple) else value
