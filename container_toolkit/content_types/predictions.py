"""How predictions are answered: an algorithm's outputs in the media type that was asked for.

    text/csv                         a line a row; with several outputs a vector is one quoted cell
    application/json                 {"predictions": [{"score": 0.43}, ...]}
    application/jsonlines            {"score": 0.43}
    application/x-recordio-protobuf  a record a row, each output a float32_tensor in its `label`

The outputs' names and their order are the caller's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.content_types.float_text import json_texts, texts
from container_toolkit.content_types.protobuf_wire import encoded
from container_toolkit.content_types.recordio_frames import MAGIC
from container_toolkit.errors import AlgorithmError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from container_toolkit.content_types.media_type import MediaType

LABEL, KEY, VALUE, FLOAT32_TENSOR, VALUES = 0x12, 0x0A, 0x12, 0x12, 0x0A  # protobuf field tags


def encode(
    outputs: Mapping[str, NDArray[Any]], media: MediaType, under: str = "predictions"
) -> bytes:
    """`outputs`: arrays of (rows,) or (rows, length), numbers, all of the same rows.

    Floats are written with the fewest digits that read back as the same number, NaN and infinity
    as null in JSON; the records of RecordIO hold 32-bit floats. `under` is the key of the rows in a
    JSON document. Raises ConfigError for a media type that is not of `ACCEPTS`.
    """
    if media.name not in WRITERS:
        raise ConfigError(f"predictions can't be {media.name}; ask for {', '.join(ACCEPTS)}.")
    arrays = {name: tidied(name, array) for name, array in outputs.items()}
    if len({len(array) for array in arrays.values()}) != 1:
        lengths = ", ".join(f"{name}: {len(array)}" for name, array in arrays.items())
        raise AlgorithmError(f"outputs need the same number of rows, but have {lengths or 'none'}.")
    return WRITERS[media.name](arrays, under)


def tidied(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """C-contiguous, of at least 32 bits where it is floats."""
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiub":
        raise AlgorithmError(f"output {name!r} is no array of numbers, one row for each answer.")
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    return np.ascontiguousarray(array)


def csv_lines(arrays: Mapping[str, NDArray[Any]], _under: str) -> bytes:
    alone = len(arrays) == 1
    columns = []
    for array in arrays.values():
        if array.ndim == 1:
            columns.append(number_texts(array))
        elif alone:
            columns.append(vectors(array, number_texts, ",", ""))
        else:
            columns.append([f'"{cell}"' for cell in vectors(array, json_number_texts)])
    rows = columns[0] if alone else map(",".join, zip(*columns, strict=True))
    return "".join([f"{row}\n" for row in rows]).encode()


def document(arrays: Mapping[str, NDArray[Any]], under: str) -> bytes:
    return f"{{{json.dumps(under)}: [{', '.join(objects(arrays))}]}}".encode()


def json_lines(arrays: Mapping[str, NDArray[Any]], _under: str) -> bytes:
    return "".join([f"{row}\n" for row in objects(arrays)]).encode()


def objects(arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """A JSON object for each row."""
    columns = [
        json_number_texts(array) if array.ndim == 1 else vectors(array, json_number_texts)
        for array in arrays.values()
    ]
    # Joining once a row is what costs; the keys, the same in each, are joined once.
    keys = [json.dumps(name).replace("{", "{{").replace("}", "}}") for name in arrays]
    form = ("{{" + ", ".join(f"{key}: {{}}" for key in keys) + "}}").format
    return list(map(form, *columns))


def vectors(
    array: NDArray[Any],
    write: Callable[[NDArray[Any]], list[str]],
    between: str = ", ",
    brackets: str = "[]",
) -> list[str]:
    """Each row as one text."""
    cells = write(array.ravel())
    length = array.shape[1]
    left, right = brackets[:1], brackets[1:]
    rows = range(len(array))
    return [f"{left}{between.join(cells[i * length : (i + 1) * length])}{right}" for i in rows]


def number_texts(array: NDArray[Any]) -> list[str]:
    return texts(array) if array.dtype.kind == "f" else integer_texts(array)


def json_number_texts(array: NDArray[Any]) -> list[str]:
    return json_texts(array) if array.dtype.kind == "f" else integer_texts(array)


def integer_texts(array: NDArray[Any]) -> list[str]:
    return [str(int(number)) for number in array.tolist()]


def records(arrays: Mapping[str, NDArray[Any]], _under: str) -> bytes:
    """RecordIO frames; all are of the same length, so the rows are columns of one byte matrix."""
    rows = len(next(iter(arrays.values())))
    parts: list[NDArray[np.uint8]] = []
    for name, array in arrays.items():
        with np.errstate(over="ignore"):
            numbers = array.reshape(rows, array.size // max(1, rows)).astype("<f4")
        head = entry_head(name.encode(), numbers.shape[1] * 4)
        parts.append(np.tile(np.frombuffer(head, np.uint8), (rows, 1)))
        parts.append(numbers.view(np.uint8))
    size = sum(part.shape[1] for part in parts)
    frame = np.array([MAGIC, size], "<u4").view(np.uint8)
    padding = np.zeros((rows, -size % 4), np.uint8)
    return np.concatenate([np.tile(frame, (rows, 1)), *parts, padding], axis=1).tobytes()


def entry_head(name: bytes, size: int) -> bytes:
    """What stands before the `size` bytes of floats of `label[name].float32_tensor.values`."""
    head = bytes([VALUES]) + encoded(size)
    for tag in (FLOAT32_TENSOR, VALUE):
        head = bytes([tag]) + encoded(len(head) + size) + head
    head = bytes([KEY]) + encoded(len(name)) + name + head
    return bytes([LABEL]) + encoded(len(head) + size) + head


WRITERS: Mapping[str, Callable[[Mapping[str, NDArray[Any]], str], bytes]] = {
    "text/csv": csv_lines,
    "application/json": document,
    "application/jsonlines": json_lines,
    "application/x-recordio-protobuf": records,
}
ACCEPTS = tuple(WRITERS)
