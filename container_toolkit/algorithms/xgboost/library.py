"""xgboost, imported in a third of the time it takes by itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def load() -> ModuleType:
    """xgboost, without its classes for scikit-learn where this is the first import of it.

    For those classes xgboost imports scikit-learn, where it is installed, for over half a second of
    a processor's time. For a process of ours only: in it `xgboost.XGBClassifier` and the like don't
    exist. scikit-learn itself can be imported afterwards.
    """
    if "xgboost" in sys.modules or "sklearn" in sys.modules:
        import xgboost

        return xgboost
    # A name that stands for None is one that can't be imported; xgboost does without it then.
    sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        import xgboost
    finally:
        del sys.modules["sklearn"]
    return xgboost
