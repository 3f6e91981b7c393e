"""Answers to columns of texts, as Arrow arrays: what Parquet exports, Spark, DuckDB and Polars have in common."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bounceml.batch import Batch

# Few different texts for many rows, so they are kept once each.
_WORD = pa.dictionary(pa.int32(), pa.string())
ANSWER_SCHEMA = pa.schema(
    [
        ("bounce_kind", _WORD),
        ("bounce_type", _WORD),
        ("bounce_reason", _WORD),
        ("bounce_confidence", pa.float64()),
        ("bounce_action", _WORD),
        ("bounce_decided_by", _WORD),
    ]
)
_CONFIDENCE = "bounce_confidence"
_DIGITS = 4  # of the confidence, as in `Verdict.to_dict`


def text_buffer(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """A column of texts as one buffer (uint8) and offsets (int64, one more than texts).

    What is null is the empty text, and what is no text is written as one.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not pa.types.is_large_string(column.type):
        try:
            column = pc.cast(column, pa.large_string())  # safely: bytes that are no UTF-8 must not pass for a text
        except pa.ArrowException:
            column = pa.array(map(_as_text, column.to_pylist()), pa.large_string())
    if column.null_count:
        column = pc.fill_null(column, "")
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data or b"\0", np.uint8), np.ascontiguousarray(ends)


def answer_columns(
    outcomes: Sequence[tuple[str | None, ...]], *, index: np.ndarray, confidence: np.ndarray
) -> dict[str, pa.Array]:
    """Answers as columns of ANSWER_SCHEMA, each of length n.

    Row i has the outcome `outcomes[index[i]]` (kind, type, reason, action, decided_by) and `confidence[i]` (0–1);
    nothing of both where `index[i]` is negative.
    """
    missing = index < 0
    at = _filled(index.astype(np.int32), pa.int32(), missing=missing)
    columns: dict[str, pa.Array] = {_CONFIDENCE: _filled(confidence, pa.float64(), missing=missing)}
    names = [name for name in ANSWER_SCHEMA.names if name != _CONFIDENCE]
    for name, values in zip(names, zip(*outcomes, strict=True) if outcomes else [()] * len(names), strict=True):
        words = list(dict.fromkeys(value for value in values if value is not None))
        codes = np.array([-1 if value is None else words.index(value) for value in values], np.int32)
        coded = _filled(codes, pa.int32(), missing=codes < 0).take(at)
        columns[name] = pa.DictionaryArray.from_arrays(coded, _texts(words))
    return {name: columns[name] for name in ANSWER_SCHEMA.names}


def answer_texts(
    batch: Batch, texts: pa.Array, *, smtp: pa.Array | None = None, status: pa.Array | None = None
) -> dict[str, pa.Array]:
    """Answers to a column of texts, as columns of ANSWER_SCHEMA; columns of codes may stand beside it."""
    data, offsets = text_buffer(texts)
    answers = batch.answer_buffer(
        data,
        offsets,
        smtp=None if smtp is None else pc.cast(smtp, pa.string()).to_pylist(),
        enhanced=None if status is None else pc.cast(status, pa.string()).to_pylist(),
    )
    outcomes = [(o.kind, o.type, o.reason, o.action, o.decided_by) for o in answers.outcomes]
    return answer_columns(outcomes, index=answers.index, confidence=np.round(answers.confidence, _DIGITS))


# Where pandas is installed, `pa.array` imports it to see whether it was given something of pandas; that takes longer
# than to answer a small export.


def _filled(values: np.ndarray, kind: pa.DataType, *, missing: np.ndarray) -> pa.Array:
    """A column of numbers of the type that they have, null where `missing`."""
    nulls = pa.py_buffer(np.packbits(~missing, bitorder="little")) if missing.any() else None
    return pa.Array.from_buffers(kind, len(values), [nulls, pa.py_buffer(np.ascontiguousarray(values))])


def _as_text(value: object) -> str | None:
    """A value of a type that Arrow doesn't write as text: a list, an object, bytes in another charset."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value is None else str(value)


def _texts(values: Sequence[str]) -> pa.Array:
    """A column of texts."""
    encoded = [value.encode() for value in values]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))
