"""bounceml for DuckDB: `register(connection)`, then `SELECT bounce(diagnostic).reason FROM …`."""

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from bounceml.arrow import ANSWER_SCHEMA, answer_texts
from bounceml.batch import Batches
from bounceml.classifier import Classifier, load

_FIELDS = [name.removeprefix("bounce_") for name in ANSWER_SCHEMA.names]


def register(
    connection: duckdb.DuckDBPyConnection, *, name: str = "bounce", classifier: Classifier | None = None
) -> None:
    """Register a function of a text that gives a struct: kind, type, reason, confidence (0–1), action, decided_by."""
    batches = Batches(classifier or load())

    def answer(texts: pa.ChunkedArray) -> pa.Array:
        columns = answer_texts(batches.get(), texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts)
        plain = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in columns.values()]
        return pa.StructArray.from_arrays(plain, names=_FIELDS)

    fields = {field: "DOUBLE" if field == "confidence" else "VARCHAR" for field in _FIELDS}
    connection.create_function(
        name,
        answer,
        ["VARCHAR"],
        connection.struct_type(fields),
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )
