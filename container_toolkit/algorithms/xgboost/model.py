"""The artifact: xgboost's own model file, written, and loaded for predictions."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from container_toolkit.algorithms.xgboost.files import write_whole
from container_toolkit.algorithms.xgboost.ubjson import is_whole
from container_toolkit.errors import PlatformError, UserError

if TYPE_CHECKING:
    import xgboost

    from container_toolkit.content_types.media_type import MediaType

NAME = "xgboost-model"
# How the training data was written, for who reads requests: an attribute of the model.
CONTENT_TYPE = "container_toolkit.content_type"

_NUMBERED = re.compile(re.escape(NAME) + r"(?:-(\d{1,9}))?")
# A pickle begins with its protocol (2 and later) or, before, with a marker that JSON lacks.
_PICKLES = (b"\x80", b"(", b"c", b"]", b"}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """One booster, or several whose predictions are averaged, all of one objective.

    `classes`: how many its labels tell apart, 2 for two or none. `columns`: how many features a row
    has. `rounds`: of each booster, how many to predict with,
    0 for all. `content_type`: of the training data, "" where it isn't known.
    """

    boosters: tuple[xgboost.Booster, ...]
    rounds: tuple[int, ...]
    objective: str
    linear: bool
    classes: int
    columns: int
    content_type: str = ""


def save(booster: xgboost.Booster, folder: str, name: str, media: MediaType) -> None:
    """Write the model file `name`, whole or not at all. Raises PlatformError."""
    booster.set_attr(**{CONTENT_TYPE: str(media)})
    path = os.path.join(folder, name)
    try:
        os.makedirs(folder, exist_ok=True)
        data = bytes(booster.save_raw("ubj"))
        write_whole(path, data, partial=os.path.join(folder, f".{name}.partial"))
    except OSError as error:
        raise PlatformError(f"the model {path} can't be written: {error.strerror}.") from None


def load(folder: str) -> Model:
    """The model in a folder: `xgboost-model`, or several, `xgboost-model-0` and on.

    Where there is neither, whatever files are there, hidden ones left out. Raises UserError naming
    the file that is no model, or the folder without one.
    """
    paths = model_files(folder)
    boosters = tuple(booster_of(path) for path in paths)
    facts = [described(booster) for booster in boosters]
    for path, fact in zip(paths, facts, strict=True):
        if fact != facts[0]:
            raise UserError(
                f"{path} and {paths[0]} don't go together: they differ in objective, booster or"
                " number of features; keep the models of one training in a folder."
            )
    objective, linear, classes, columns = facts[0]
    return Model(
        boosters=boosters,
        rounds=tuple(0 if linear else best_rounds(booster) for booster in boosters),
        objective=objective,
        linear=linear,
        classes=classes,
        columns=columns,
        content_type=boosters[0].attr(CONTENT_TYPE) or "",
    )


def model_files(folder: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise UserError(f"the model folder {folder} can't be read: {error.strerror}.") from None
    files = [name for name in names if os.path.isfile(os.path.join(folder, name))]
    named = [(match, name) for name in files if (match := _NUMBERED.fullmatch(name))]
    named.sort(key=lambda found: int(found[0][1] or -1))
    chosen = [name for _, name in named] or [name for name in files if name[0] != "."]
    if not chosen:
        raise UserError(f"the model folder {folder} holds no model; put {NAME} into it.")
    return [os.path.join(folder, name) for name in chosen]


def booster_of(path: str) -> xgboost.Booster:
    import xgboost

    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UserError(f"the model {path} can't be read: {error.strerror}.") from None
    if data.startswith(_PICKLES):
        raise UserError(
            f"the model {path} is a pickle, which could run any program and is never loaded; save"
            " it with xgboost's Booster.save_model."
        )
    if not is_whole(data) and not is_json(data):
        raise UserError(
            f"the model {path} is no whole xgboost model in UBJSON or JSON; save it with"
            " xgboost's Booster.save_model, release 1.3 or later, and copy all of it."
        )
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(data))
    except xgboost.core.XGBoostError:
        raise UserError(f"{path} is no model that xgboost can load.") from None
    return booster


def is_json(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False


def described(booster: xgboost.Booster) -> tuple[str, bool, int, int]:
    """(objective, whether it is linear, classes, columns)."""
    learner = json.loads(booster.save_config())["learner"]
    linear = learner["gradient_booster"]["name"] == "gblinear"
    classes = int(learner["learner_model_param"]["num_class"]) or 2
    return learner["objective"]["name"], linear, classes, booster.num_features()


def best_rounds(booster: xgboost.Booster) -> int:
    """A model that was not cut after early stopping still says which round was its best."""
    text = booster.attr("best_iteration") or ""
    rounds = int(text) + 1 if text.isdigit() else 0
    return rounds if rounds <= booster.num_boosted_rounds() else 0
