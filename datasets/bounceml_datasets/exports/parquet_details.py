"""Details of an export in Parquet: recipients, times and earlier answers, from whole columns."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bounceml.arrow import text_buffer
from bounceml_datasets.exports.columns import Columns
from bounceml_datasets.exports.details import Details, is_scored, scored_from_columns
from bounceml_datasets.exports.parts import OUTCOME, Buffer, Scored
from bounceml_datasets.exports.times import MISSING, TimeReader, minutes_of_numbers

_MINUTE_S = 60


def details_of(batch: pa.RecordBatch, columns: Columns, *, clock: TimeReader) -> Details:
    """Details of a batch's rows."""
    return Details(
        recipients=None if columns.recipient is None else Buffer(*text_buffer(batch.column(columns.recipient))),
        times=None if columns.time is None else _minutes(batch.column(columns.time), clock=clock),
        answers=_answers(batch) if is_scored(batch.schema.names) else None,
    )


def _minutes(column: pa.Array, *, clock: TimeReader) -> np.ndarray:
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        seconds = pc.cast(column, pa.timestamp("s", getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        return _of_seconds(_numbers(seconds, missing=MISSING))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return minutes_of_numbers(_numbers(pc.cast(column, pa.float64(), safe=False), missing=0))
    if pa.types.is_decimal(kind):
        return minutes_of_numbers(_numbers(pc.cast(column, pa.float64()), missing=0))
    return clock.minutes(column.to_pylist())


def _of_seconds(seconds: np.ndarray) -> np.ndarray:
    return np.where(minutes_of_numbers(seconds) == MISSING, MISSING, seconds // _MINUTE_S)


def _answers(batch: pa.RecordBatch) -> Scored:
    sure = _numbers(pc.cast(batch.column("bounce_confidence"), pa.float64(), safe=False), missing=0)
    return scored_from_columns({name: _numbered(batch.column(name)) for name in OUTCOME}, sure=sure)


def _numbered(column: pa.Array) -> tuple[Sequence[str | None], np.ndarray]:
    """A column's distinct values, None the last of them, and the number of each row's."""
    if not pa.types.is_dictionary(column.type):
        column = pc.cast(column, pa.string(), safe=False).dictionary_encode()
    values: list[str | None] = [*column.dictionary.to_pylist(), None]
    return values, _numbers(column.indices.cast(pa.int64()), missing=len(values) - 1)


def _numbers(column: pa.Array, *, missing: int) -> np.ndarray:
    filled = pc.fill_null(column, missing) if column.null_count else column
    return np.asarray(filled.to_numpy(zero_copy_only=False))
