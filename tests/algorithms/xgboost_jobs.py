"""Jobs of the XGBoost algorithm: their folders, as a service would lay them out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from tests.jobs import Job


def csv(labels: np.ndarray, features: np.ndarray) -> str:
    """One row a line, the label first."""
    rows = zip(labels, features, strict=True)
    return "".join(",".join(repr(float(cell)) for cell in (one, *row)) + "\n" for one, row in rows)


def of_csv(job: Job, channels: dict[str, Iterable[str]], **hyperparameters: object) -> Job:
    """A job with these channels, each of one or several files."""
    job.env(CONTAINER_TOOLKIT_ALGORITHM="xgboost")
    job.hyperparameters(**{name: str(value) for name, value in hyperparameters.items()})
    job.config("inputdataconfig", {name: {"ContentType": "text/csv"} for name in channels})
    for name, files in channels.items():
        job.channel(name, **{f"part-{number}": text for number, text in enumerate(files)})
    return job


def rounds(stdout: str) -> list[str]:
    """The lines of metrics."""
    return [line for line in stdout.splitlines() if re.match(r"\[\d+\]\t", line)]
