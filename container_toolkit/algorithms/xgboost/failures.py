"""xgboost's own errors as one sentence of ours, and whose they are to mend."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from container_toolkit.algorithms.xgboost.collective import IN_COLLECTIVE
from container_toolkit.errors import AlgorithmError, ConfigError, DataError, PlatformError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from container_toolkit.errors import ToolkitError

# Parts of xgboost's texts (release 3.2), in lower case.
OF_THE_DATA = (
    "label must be",
    "label set is empty",
    "relevance degre",
    "binary labels",
    "only contains pos or neg samples",
    "preds.size() == info.labels",
    "feature_names mismatch",
    "contains `inf`",
    "invalid group",
)
OF_THE_SETTINGS = (
    "base_score",
    "reg_lambda should be",
    "constraint",
    "invalid parameter",
    "value for parameter",
    "num_class",
    "unknown metric",
    "unknown objective",
    "doesn't support",
    "not supported",
    "not yet supported",
    "not implemented",
)
OF_THE_MACHINE = ("bad_alloc", "cannot allocate memory", "out of memory", "cuda error")

_PREFIX = re.compile(r"^\s*(?:\[[0-9:]+\]\s*)?(?:\S+\.(?:cc|cu|h|cuh|hpp):\d+:\s*)?")
_CHECK = re.compile(r"^Check failed: (?P<condition>.*?)\s*:(?:\s+(?P<text>.*))?$", re.DOTALL)


@contextlib.contextmanager
def told(doing: str) -> Iterator[None]:
    """Raises what xgboost raises in the block as a ToolkitError; `doing` says what was tried.

    The loss of another host stays as it is: the collective explains it.
    """
    from xgboost.core import XGBoostError

    try:
        yield
    except XGBoostError as error:
        if IN_COLLECTIVE in str(error):
            raise
        raise translated(str(error), doing) from error


def translated(text: str, doing: str) -> ToolkitError:
    said = sentence(text)
    lowered = text.lower()
    if any(part in lowered for part in OF_THE_MACHINE):
        return PlatformError(f"{doing}: out of memory ({said}); give the job more, or less data.")
    if any(part in said.lower() for part in OF_THE_DATA):
        return DataError(f"{doing}: xgboost can't use the data: {said}.")
    if any(part in said.lower() for part in OF_THE_SETTINGS):
        return ConfigError(f"{doing}: xgboost can't use the hyperparameters: {said}.")
    return AlgorithmError(f"{doing} failed in xgboost: {said}.")


def sentence(text: str) -> str:
    """The message without the place in the source and the stack trace."""
    message = _PREFIX.sub("", text.split("Stack trace", 1)[0]).strip()
    check = _CHECK.match(message)
    if check:
        message = (check["text"] or "").strip() or f"{check['condition'].strip()} does not hold"
    return " ".join(message.split()).rstrip(".") or "no reason given"
