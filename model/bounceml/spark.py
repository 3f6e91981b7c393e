"""bounceml for Spark: `bounceml.spark.score(frame, text="diagnostic")` adds the columns that `bounceml score` adds."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.types import DoubleType, StringType, StructField, StructType

from bounceml.arrow import ANSWER_SCHEMA, answer_texts
from bounceml.batch import Batch
from bounceml.classifier import Classifier, model_in_force
from bounceml.config import Config, parse_config
from bounceml.modelfile import read_model


def score(
    frame: DataFrame,
    text: str = "diagnostic",
    *,
    smtp: str | None = None,
    status: str | None = None,
    model: Path | str | None = None,
    config: Path | str | None = None,
) -> DataFrame:
    """`frame` with the columns of `bounceml score`, answered from the column `text` (null counts as empty).

    `smtp` and `status` name columns that hold codes. The model goes to each executor once. `model` and `config` are
    files here, on the driver. Raises ValueError for a column that isn't there, and what `bounceml.load` raises.
    """
    wanted = {"text": text, "smtp": smtp, "status": status}
    if missing := [name for name in wanted.values() if name is not None and name not in frame.columns]:
        raise ValueError(f"no column {missing[0]!r}: there are {', '.join(frame.columns)}")
    path = Path(model) if model else model_in_force()
    parts = (str(path), path.read_bytes(), str(config or ""), Path(config).read_text("utf-8") if config else "")
    _made(parts)  # a broken model or configuration is told here, not by every executor
    sent = frame.sparkSession.sparkContext.broadcast(parts)
    types = {name: DoubleType() if pa.types.is_floating(kind) else StringType() for name, kind in _types()}
    fields = [*frame.schema.fields, *(StructField(name, kind) for name, kind in types.items())]
    return frame.mapInArrow(_answerer(sent, wanted), StructType(fields))


def _answerer(
    sent: Any, wanted: dict[str, str | None]
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function that runs on executors, with nothing but what can be sent there."""

    def answer(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        engine = _made(sent.value)
        for batch in batches:
            columns = {key: batch.column(name) if name else None for key, name in wanted.items()}
            answers = answer_texts(engine, columns["text"], smtp=columns["smtp"], status=columns["status"])
            plain = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in answers.values()]
            yield pa.RecordBatch.from_arrays([*batch.columns, *plain], names=[*batch.schema.names, *answers])

    return answer


@lru_cache(maxsize=2)
def _made(parts: tuple[str, bytes, str, str]) -> Batch:
    """The engine for a model and configuration; Spark keeps its Python workers, so each makes it once."""
    path, data, config_path, config = parts
    opened = read_model(memoryview(data), path=Path(path))
    settings = parse_config(config, path=Path(config_path)) if config_path else Config()
    return Batch(Classifier(opened, config=settings))


def _types() -> list[tuple[str, pa.DataType]]:
    return [(field.name, field.type) for field in ANSWER_SCHEMA]
