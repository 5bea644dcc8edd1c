"""Batches written as Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.content_types.batch import Csr
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from container_toolkit.content_types.batch import Batch, Floats


def write(stream: BinaryIO, batches: Iterable[Batch]) -> None:
    """Columns `label`, `weight` and `f0`, `f1`, …; a label of several values is `label_0`, ….

    Sparse rows are made dense, with NaN where nothing is. No batches at all are a table without
    columns. Raises DataError for query ids, and for batches that are not alike.
    """
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    writer: ParquetWriter | None = None
    try:
        for batch in batches:
            table = table_of(batch)
            if writer is None:
                writer = ParquetWriter(stream, table.schema, write_page_checksum=True)
            elif table.schema != writer.schema:
                raise DataError(
                    f"a batch has the columns {', '.join(table.schema.names)[:80]}, those before"
                    f" have {', '.join(writer.schema.names)[:80]}; a table has one set of them."
                )
            writer.write_table(table)
        if writer is None:
            writer = ParquetWriter(stream, pyarrow.schema([]))
    finally:
        if writer is not None:
            writer.close()


def table_of(batch: Batch) -> Any:
    import pyarrow

    if batch.groups is not None:
        raise DataError("Parquet has no query ids; write text/libsvm.")
    columns: dict[str, Any] = {}
    if batch.labels is not None:
        if batch.labels.ndim == 1:
            columns["label"] = batch.labels
        else:
            columns |= {f"label_{i}": column for i, column in enumerate(batch.labels.T)}
    if batch.weights is not None:
        columns["weight"] = batch.weights
    columns |= {f"f{i}": column for i, column in enumerate(dense(batch).T)}
    return pyarrow.table({name: np.ascontiguousarray(each) for name, each in columns.items()})


def dense(batch: Batch) -> Floats:
    features = batch.features
    if not isinstance(features, Csr):
        return features
    matrix = np.full((features.rows, features.columns), np.nan, np.float32)
    rows = np.repeat(np.arange(features.rows), np.diff(features.indptr))
    matrix[rows, features.indices] = features.values
    return matrix
