"""What an algorithm is, said once: validation, error texts, help and the docs page come from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        left = "(-inf" if self.low is None else f"{'(['[not self.low_open]}{self.low:g}"
        right = "+inf)" if self.high is None else f"{self.high:g}{')]'[not self.high_open]}"
        return f"{left}, {right}"


@dataclass(frozen=True, kw_only=True)
class Hyperparameter:
    """One name that a job may set.

    `kind`: Integer, Continuous, Categorical or FreeText, as SageMaker's CreateAlgorithm has them.
    `range` for numbers, `choices` for categories; `default` None where the library behind it
    decides. `parse` makes a FreeText its value and raises ValueError with what is wrong with it.
    `tunable`: the range recommended for tuning, in words or as an interval.
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


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What hyperparameters must keep to between them.

    `check` gets the parsed values and returns one sentence when they do not, else "".
    """

    about: tuple[str, ...]
    check: Callable[[Mapping[str, Any]], str]


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
    declaration's own keys only. `content_types`: of each channel that is there.
    """

    env: TrainingEnvironment
    hyperparameters: Mapping[str, Any]
    content_types: Mapping[str, MediaType]
