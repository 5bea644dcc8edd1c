"""When to stop: the watched metric has not improved for so many rounds."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best round so far, 0-based; -1 and NaN before the first. `model`: that round's model in
    UBJSON, where it can't be cut out of a later one."""

    iteration: int = -1
    score: float = math.nan
    model: bytes = b""


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """`patience`: rounds without improvement until it is over, 0 for never."""

    patience: int
    maximize: bool = False

    def improves(self, score: float, best: Best) -> bool:
        """A number is better than none, and a tie is no improvement, as in xgboost."""
        if math.isnan(score) or math.isnan(best.score):
            return best.iteration < 0 or (math.isnan(best.score) and not math.isnan(score))
        return score > best.score if self.maximize else score < best.score

    def is_over(self, iteration: int, best: Best) -> bool:
        """After that round."""
        return self.patience > 0 and iteration - best.iteration >= self.patience
