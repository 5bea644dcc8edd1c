"""A job against an algorithm's declaration: all that is wrong with it, told at once.

The texts begin as those of SageMaker's own images do, because people and scripts look for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from container_toolkit.algorithms import channels as channel_check
from container_toolkit.algorithms import parsing
from container_toolkit.algorithms.declaration import (
    CATEGORICAL,
    CONTINUOUS,
    FREE_TEXT,
    INTEGER,
    TRUE_OR_FALSE,
    Algorithm,
    Hyperparameter,
    Job,
)
from container_toolkit.contract.hyperparameters import USER, role
from container_toolkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from container_toolkit.contract.environment import TrainingEnvironment

PARSERS: dict[str, Callable[[str], Any]] = {
    INTEGER: parsing.whole,
    CONTINUOUS: parsing.number,
    FREE_TEXT: str,
}


@dataclass(kw_only=True)
class Checked:
    """Hyperparameters by canonical name, and what is to be said about them, a sentence each."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def job(algorithm: Algorithm, env: TrainingEnvironment) -> Job:
    """The checked job. Raises ConfigError with every problem of hyperparameters and channels."""
    types, problems = channel_check.check(algorithm, env)
    found = hyperparameters(algorithm, env.hyperparameters.document, set(env.channels))
    problems = [*found.problems, *problems]
    if problems:
        raise ConfigError("; ".join(problems))
    return Job(
        env=env,
        hyperparameters=found.values,
        content_types=types,
        warnings=tuple(found.warnings),
    )


def hyperparameters(
    algorithm: Algorithm, document: Mapping[str, Any], channels: Collection[str]
) -> Checked:
    """Read the document of a job that has those channels; raises nothing.

    Names that steer the toolkit or a framework are no concern of the algorithm, unless it has
    declared them.
    """
    checked = Checked()
    names = {name: one for one in algorithm.hyperparameters for name in (one.name, *one.aliases)}
    texts: dict[str, str] = {}  # by canonical name
    spelled: dict[str, str] = {}
    for name, value in document.items():
        declared = names.get(name)
        if declared is None:
            if role(name) == USER:
                checked.problems.append(extraneous(name, names))
            continue
        before = spelled.setdefault(declared.name, name)
        if before != name:
            checked.problems.append(f"Hyperparameters {before} and {name} are the same; give one")
            continue
        texts[declared.name] = parsing.text_of(value)
    unusable = fill(algorithm, texts, checked)
    for rule in algorithm.rules:
        if not unusable.intersection(rule.about):
            problem = rule.check(checked.values, channels)
            if problem:
                checked.problems.append(problem)
    return checked


def extraneous(name: str, known: Collection[str]) -> str:
    return (
        f"Extraneous hyperparameter found: {parsing.shown(name)}"
        f"{parsing.meant(name, [one for one in known if one != name])}"
    )


def fill(algorithm: Algorithm, texts: Mapping[str, str], checked: Checked) -> set[str]:
    """Parse what is given, add what has a default; returns the names that have no valid value."""
    unusable: set[str] = set()
    for one in algorithm.hyperparameters:
        text = texts.get(one.name)
        if text is None:
            if one.required:
                checked.problems.append(f"Missing required hyperparameter: {one.name}")
                unusable.add(one.name)
            elif one.default is not None:
                checked.values[one.name] = one.default
            continue
        try:
            checked.values[one.name] = value_of(one, text)
        except ValueError as error:
            checked.problems.append(str(error))
            unusable.add(one.name)
            continue
        if one.deprecated:
            checked.warnings.append(f"hyperparameter {one.name} has no effect: {one.deprecated}")
    return unusable


def value_of(one: Hyperparameter, text: str) -> Any:
    """Raises ValueError, the whole sentence, for a text that is not in the range of `one`."""
    where = f"Hyperparameter {one.name}"
    if one.kind == CATEGORICAL:
        return choice(one, text, where)
    try:
        value = (one.parse or PARSERS[one.kind])(text)
    except parsing.OutOfRange as error:
        raise ValueError(f"{where}: {error}") from None
    except ValueError as error:
        shown = parsing.shown(text)
        raise ValueError(f"{where}: could not parse value {shown!r}, {error}") from None
    if one.range is not None and not one.range.holds(value):
        raise ValueError(f"{where}: {parsing.shown(text)} is not in {one.range}")
    return value


def choice(one: Hyperparameter, text: str, where: str) -> str:
    """A truth may be spelled as Python does."""
    if one.choices == TRUE_OR_FALSE and text in ("True", "False"):
        return text.lower()
    if text in one.choices:
        return text
    hint = f" ({one.hints[text]})" if text in one.hints else parsing.meant(text, one.choices)
    raise ValueError(f"{where}: {parsing.shown(text)} is not in {list(one.choices)}{hint}")
