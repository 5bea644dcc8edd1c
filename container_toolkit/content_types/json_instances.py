"""The forms in which a JSON instance may be written, and what each says.

    [1, 2.5, null]
    {"features": [1, 2.5, null], "label": 0, "weight": 1}
    {"data": {"features": {"values": [1, 2.5, null]}, "label": {"values": [0]}}}
    {"data": {"features": {"keys": [0, 7], "shape": [10], "values": [1, 2.5]}}}

The last is a sparse one. null is a value that is missing.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Wrong(ValueError):
    """What is wrong with an instance; who reads it adds which one it is."""


class Instance(NamedTuple):
    """As it is written: only that `values` and `keys` are lists has been looked at.

    `keys` and `shape` (of one dimension) are None where it is dense; `label` and `weight` where it
    has none.
    """

    values: list[Any]
    keys: list[Any] | None = None
    shape: int | None = None
    label: Any = None
    weight: Any = None


def instance(written: Any) -> Instance:
    """Raises Wrong."""
    if isinstance(written, list):
        return Instance(written)
    if not isinstance(written, dict):
        raise Wrong(f"{shown(written)} is not an instance; that is an object or a list of numbers")
    if "data" not in written:
        if "features" not in written:
            raise Wrong('there are neither "features" nor "data"')
        known(written, "features", "label", "weight")
        return told(written["features"], written.get("label"), written.get("weight"))
    known(written, "data", "weight")
    data = known(written["data"], "features", "label", what='"data"')
    if "features" not in data:
        raise Wrong('"data" has no "features"')
    label = data.get("label")
    if isinstance(label, dict):
        label = known(label, "values", what='"label"').get("values")
    return told(data["features"], label, written.get("weight"))


def told(features: Any, label: Any, weight: Any) -> Instance:
    if isinstance(features, list):
        return Instance(features, None, None, label, weight)
    tensor = known(features, "values", "keys", "shape", what='"features"')
    values, keys, shape = (tensor.get(name) for name in ("values", "keys", "shape"))
    if not isinstance(values, list):
        raise Wrong('"features" has no list of "values"')
    if "shape" in tensor:
        shape = size(shape)
    if "keys" not in tensor:
        if shape is not None and shape != len(values):
            raise Wrong(f'"shape" says {shape} features, but there are {len(values)} values')
        return Instance(values, None, None, label, weight)
    if shape is None:
        raise Wrong('"features" with "keys" need a "shape", the number of columns')
    if not isinstance(keys, list) or len(keys) != len(values):
        raise Wrong('"keys" is not a list with one key for each of the "values"')
    return Instance(values, keys, shape, label, weight)


def size(shape: Any) -> int:
    number = shape[0] if isinstance(shape, list) and len(shape) == 1 else None
    if not isinstance(number, float) or not number.is_integer() or not 0 < number < 2**31:
        raise Wrong('"shape" is not a list of one number of columns')
    return int(number)


def known(written: Any, *names: str, what: str = "it") -> dict[str, Any]:
    """`written`, an object with no other keys than `names`: one more may be a misspelt one."""
    if not isinstance(written, dict):
        raise Wrong(f"{what} is not an object")
    for key in written:
        if key not in names:
            raise Wrong(f"{what} has the key {key[:40]!r}; known are {', '.join(names)}")
    return written


def shown(value: Any) -> str:
    """A value as an error may have it: in JSON's words, and short."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, float):
        return f"{value:g}"
    return "a list" if isinstance(value, list) else "an object"
