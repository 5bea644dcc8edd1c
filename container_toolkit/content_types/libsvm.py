"""text/libsvm: `label[:weight] [qid:n] index:value …`, a row a line, sparse.

An index is its column's number as it is written, counted from 0 as SageMaker's documentation and
XGBoost have it: the first column of data that counts from 1 is there and never used. The media
type's parameter `indexing=1` says that indices count from 1. Training and serving read alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from container_toolkit.content_types.codec import Codec
from container_toolkit.content_types.libsvm_block import read_block
from container_toolkit.content_types.libsvm_lines import read_lines
from container_toolkit.content_types.libsvm_rows import Queries, Rules
from container_toolkit.content_types.libsvm_text import write
from container_toolkit.content_types.line_blocks import BLOCK, line_blocks
from container_toolkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from container_toolkit.content_types.batch import Batch
    from container_toolkit.content_types.codec import Reading
    from container_toolkit.content_types.libsvm_rows import Form, Rows


def read(stream: BinaryIO, name: str, reading: Reading, block: int = BLOCK) -> Iterator[Batch]:
    """Sparse batches. With `label_size` 0 labels are optional, and left out where they are.

    Then a row's first token is a label if it has no colon, and a blank line is a row without
    features; otherwise blank lines are none. Weights and query ids are read where they are written:
    in all rows or in none. Raises DataError naming the line and the character, ConfigError for
    parameters that make no sense.
    """
    rules = rules_of(name, reading)
    queries = Queries()
    form: Form | None = None
    columns = reading.columns or 0
    for first, lines in line_blocks(stream, name, block):
        rows = read_block(lines, rules)
        if rows is None or not continues(rows, form, queries):
            rows = read_lines(lines, first, name, rules, form, queries)
        if rows.form is None:
            continue
        form = rows.form
        if reading.columns is None and len(rows.indices):
            columns = max(columns, int(rows.indices.max()) + 1)
        yield rows.batch(columns, labels=rules.label)


def rules_of(name: str, reading: Reading) -> Rules:
    if reading.label_size > 1:
        raise ConfigError(
            f"{name}: label_size {reading.label_size} can't be; a row of text/libsvm has one label."
        )
    indexing = reading.parameters.get("indexing", "0")
    if indexing not in ("0", "1"):
        raise ConfigError(f"{name}: indexing {indexing!r} is neither 0 nor 1.")
    return Rules(label=reading.label_size == 1, base=int(indexing), columns=reading.columns)


def continues(rows: Rows, form: Form | None, queries: Queries) -> bool:
    """Whether a block's rows go with those before; where they do not, `read_lines` says why."""
    if form is not None and rows.form != form:
        return False
    return rows.groups is None or queries.follow(rows.groups)


CODEC = Codec(media_type="text/libsvm", read=read, write=write, parameters=frozenset({"indexing"}))
