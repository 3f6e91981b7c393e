"""bounceml for Polars: `frame.with_columns(bounceml.polars.verdict("diagnostic"))`."""

import polars as pl
import pyarrow as pa

from bounceml.arrow import ANSWER_SCHEMA, answer_texts
from bounceml.batch import Batches
from bounceml.classifier import Classifier, load

# Names of the answer's fields, without what tells them from an export's own columns.
_FIELDS = {name: name.removeprefix("bounce_") for name in ANSWER_SCHEMA.names}
_FIELD_TYPES = {field: pl.Float64 if field == "confidence" else pl.String for field in _FIELDS.values()}


def verdict(text: str | pl.Expr = "diagnostic", *, classifier: Classifier | None = None) -> pl.Expr:
    """Expression for a struct of kind, type, reason, confidence (0–1), action and decided_by of each text.

    `text` is a column of texts or its name. It works in lazy and streaming queries; `unnest("verdict")` gives columns.
    """
    batches = Batches(classifier or load())

    def answer(texts: pl.Series) -> pl.Series:
        columns = answer_texts(batches.get(), pa.array(texts.to_arrow()))
        series = [pl.Series(_FIELDS[name], column) for name, column in columns.items()]
        return pl.DataFrame(series).cast(_FIELD_TYPES).to_struct()

    column = pl.col(text) if isinstance(text, str) else text
    return column.map_batches(answer, return_dtype=pl.Struct(_FIELD_TYPES), is_elementwise=True).alias("verdict")
