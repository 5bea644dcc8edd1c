"""What an algorithm is, said once: validation, error texts, help and the docs page come from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from container_toolkit.content_types.media_type import MediaType
    from container_toolkit.contract.environment import TrainingEnvironment

INTEGER, CONTINUOUS, CATEGORICAL, FREE_TEXT = "Integer", "Continuous", "Categorical", "FreeText"
TRUE_OR_FALSE = ("true", "false")


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A range of numbers; None is no end. Shown as in mathematics: `(0, 1]`, `[1, +inf)`."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def holds(self, value: float) -> bool:
        """NaN is in no range."""
        above = self.low is None or (value > self.low if self.low_open else value >= self.low)
        below = self.high is None or (value < self.high if self.high_open else value <= self.high)
        return value == value and above and below

    def __str__(self) -> str:
        left = "(-inf" if self.low is None else f"{'(['[not self.low_open]}{plain(self.low)}"
        right = "+inf)" if self.high is None else f"{plain(self.high)}{')]'[not self.high_open]}"
        return f"{left}, {right}"

    @classmethod
    def of(cls, text: str) -> Interval:
        """Reads what `str` writes."""
        low, high = text[1:-1].split(",")
        return cls(
            low=None if "inf" in low else float(low),
            high=None if "inf" in high else float(high),
            low_open=text[0] == "(" and "inf" not in low,
            high_open=text[-1] == ")" and "inf" not in high,
        )


def plain(value: float) -> str:
    """`1` for 1.0, and never an exponent where an integer would do."""
    return str(int(value)) if float(value).is_integer() else repr(value)


@dataclass(frozen=True, kw_only=True)
class Hyperparameter:
    """One name that a job may set.

    `kind`: Integer, Continuous, Categorical or FreeText, as SageMaker's CreateAlgorithm has them.
    `range` for numbers, `choices` for categories; `default` None where the library behind it
    decides. `parse` makes a FreeText its value and raises ValueError with what is wrong with it.
    `tunable`: the range recommended for tuning, in words or as an interval. `library_default`: what
    the library decides where there is no `default`, for people to read. `form`: how a FreeText is
    written. `hints`: what to tell who gives a value that is no choice any more. `deprecated`: why
    it is accepted with a warning and has no effect.
    """

    name: str
    kind: str
    meaning: str
    range: Interval | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    required: bool = False
    aliases: tuple[str, ...] = ()
    parse: Callable[[str], Any] | None = None
    tunable: Interval | None = None
    library_default: str = ""
    form: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)
    deprecated: str = ""


def integer(name: str, range: str, meaning: str, tunable: str = "", **more: Any) -> Hyperparameter:
    return numeric(INTEGER, name, range, meaning, tunable, more)


def continuous(
    name: str, range: str, meaning: str, tunable: str = "", **more: Any
) -> Hyperparameter:
    return numeric(CONTINUOUS, name, range, meaning, tunable, more)


def numeric(
    kind: str, name: str, range: str, meaning: str, tunable: str, more: Mapping[str, Any]
) -> Hyperparameter:
    """Intervals as text; "" for any number."""
    return Hyperparameter(
        name=name,
        kind=kind,
        range=Interval.of(range) if range else None,
        meaning=meaning,
        tunable=Interval.of(tunable) if tunable else None,
        **more,
    )


def category(name: str, choices: tuple[str, ...], meaning: str, **more: Any) -> Hyperparameter:
    return Hyperparameter(name=name, kind=CATEGORICAL, choices=choices, meaning=meaning, **more)


def free_text(
    name: str, parse: Callable[[str], Any], form: str, meaning: str, **more: Any
) -> Hyperparameter:
    return Hyperparameter(
        name=name, kind=FREE_TEXT, parse=parse, form=form, meaning=meaning, **more
    )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What hyperparameters must keep to between them, and to the channels of the job.

    `check` gets the parsed values and the channels' names; it returns one sentence, without its
    full stop, when they do not, else "". It is called only where all of `about` could be parsed.
    """

    about: tuple[str, ...]
    check: Callable[[Mapping[str, Any], Collection[str]], str]


@dataclass(frozen=True, kw_only=True)
class ChannelRole:
    """A channel that the algorithm reads. `default` is the content type of one that names none."""

    name: str
    meaning: str
    required: bool
    default: str


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of the log: `regex` finds its value as group 1, in any of the lines of the job."""

    name: str
    regex: str
    maximize: bool
    meaning: str = ""


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """`train`, `load` and `predict` are "module:function", imported when they are called.

    `train(job)` leaves the artifact in the model folder and raises ToolkitErrors. `load(folder)`
    gives the model, `predict(model, batch, wanted)` a mapping from an output's name to an array
    with one row for each of the batch. `accepts` are the content types of requests.
    """

    name: str
    summary: str
    hyperparameters: tuple[Hyperparameter, ...]
    rules: tuple[Rule, ...]
    channels: tuple[ChannelRole, ...]
    content_types: tuple[str, ...]
    metrics: tuple[Metric, ...]
    artifact: str
    train: str
    load: str
    predict: str
    accepts: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What `train` is called with: checked, and nothing else to look up.

    `hyperparameters`: parsed, by canonical name; those that were given or have a default, and the
    declaration's own keys only; a category is the text of its choice. `content_types`: of each
    channel that is there and that the algorithm reads. `warnings`: what to tell the person, a
    sentence each.
    """

    env: TrainingEnvironment
    hyperparameters: Mapping[str, Any]
    content_types: Mapping[str, MediaType]
    warnings: tuple[str, ...] = ()
