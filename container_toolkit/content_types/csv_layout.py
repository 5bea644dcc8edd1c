"""How one CSV stream is written, and which of its columns are what."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.content_types.batch import Batch
from container_toolkit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.content_types.batch import Floats

# The media type can't hold `;` unquoted, and parsing it strips blanks: those have words.
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " ", "pipe": "|"}
# Parts of a number, of a quoted cell or of a line end.
NO_DELIMITERS = frozenset('"+-._\r\n\0')
PARAMETERS = frozenset({"header", "missing", "delimiter"})


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """`name`: what errors call the stream. `missing`: the cells that mean a missing value, the
    empty one among them. `header`: whether row 1 is one; None where nobody said.
    """

    name: str
    delimiter: str = ","
    missing: frozenset[str] = frozenset({""})
    header: bool | None = None

    @property
    def blanks(self) -> str:
        """What may stand around a cell."""
        return " \t".replace(self.delimiter, "")

    def error(self, row: int, column: int | None, what: str) -> DataError:
        place = f"row {row}" if column is None else f"row {row}, column {column}"
        return DataError(f"{self.name}, {place}: {what}.")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """`columns` in every row: `labels` of them first, then a weight if `weights`, then features."""

    dialect: Dialect
    columns: int
    labels: int
    weights: bool

    @property
    def first_feature(self) -> int:
        return self.labels + self.weights

    def role(self, column: int) -> str:
        """What the 0-based column is: label, weight or feature."""
        if column < self.labels:
            return "label"
        return "weight" if column < self.first_feature else "feature"

    def empty(self, rows: int) -> Batch:
        """A batch whose arrays `columns_of` and `fill` write into."""
        shape = (rows,) if self.labels == 1 else (rows, self.labels)
        return Batch(
            features=np.empty((rows, self.columns - self.first_feature), np.float32),
            labels=np.empty(shape, np.float32) if self.labels else None,
            weights=np.empty(rows, np.float32) if self.weights else None,
        )

    def columns_of(self, batch: Batch) -> list[Floats]:
        """Each column of the file as a view (rows,) into the batch."""
        found: list[Floats] = []
        if batch.labels is not None:
            found.extend(batch.labels.reshape(batch.rows, self.labels).T)
        if batch.weights is not None:
            found.append(batch.weights)
        assert isinstance(batch.features, np.ndarray)
        return [*found, *batch.features.T]

    def fill(self, batch: Batch, at: int, cells: Floats) -> None:
        """Write `cells` (some rows, columns) as the rows from `at` on."""
        end = at + len(cells)
        if batch.labels is not None:
            labels = batch.labels.reshape(batch.rows, self.labels)
            labels[at:end] = cells[:, : self.labels]
        if batch.weights is not None:
            batch.weights[at:end] = cells[:, self.labels]
        assert isinstance(batch.features, np.ndarray)
        batch.features[at:end] = cells[:, self.first_feature :]


def dialect_of(name: str, parameters: Mapping[str, str]) -> Dialect:
    """What the media type's parameters say; raises ConfigError naming the stream and the one."""
    delimiter = delimiter_of(name, parameters.get("delimiter", "comma"))
    header = parameters.get("header", "").lower()
    if header not in ("", "present", "absent"):
        raise ConfigError(f"{name}: header={header} is neither header=present nor header=absent.")
    missing = {""}
    if "missing" in parameters:
        missing.update(spellings(name, parameters["missing"], delimiter))
    return Dialect(
        name=name,
        delimiter=delimiter,
        missing=frozenset(missing),
        header={"": None, "present": True, "absent": False}[header],
    )


def delimiter_of(name: str, given: str) -> str:
    found = DELIMITERS.get(given.lower(), given)
    if len(found) != 1 or not found.isascii() or found.isalnum() or found in NO_DELIMITERS:
        raise ConfigError(
            f"{name}: delimiter={given} can't be; use one character that is no part of a number,"
            f" or a word: {', '.join(DELIMITERS)}."
        )
    return found


def spellings(name: str, word: str, delimiter: str) -> set[str]:
    """`word`, and where it is nan every way to mix its cases: libraries do not agree on one."""
    word = word.strip()
    if not word or not word.isprintable() or '"' in word or delimiter in word:
        raise ConfigError(
            f"{name}: missing={word} can't be; use a word without quotes and delimiters (an empty"
            " cell is always a missing value)."
        )
    if word.lower() != "nan":
        return {word}
    return {"".join(letters) for letters in product("nN", "aA", "nN")}
