"""Polars and DuckDB users get the verdicts that single texts get."""

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import bounceml
import bounceml.duckdb
import bounceml.polars
from bounceml.arrow import answer_texts
from bounceml.batch import Batch

TEXTS = ["550 5.1.1 User unknown", None, "552 邮箱空间不足", "421 too many connections", ""]


@pytest.fixture(scope="module")
def wanted() -> list[dict[str, object]]:
    classifier = bounceml.load()
    verdicts = [classifier.classify(text or "").to_dict() for text in TEXTS]
    return [{key: v[key] for key in ("kind", "type", "reason", "confidence", "action", "decided_by")} for v in verdicts]


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_polars(wanted: list[dict[str, object]], engine: str) -> None:
    frame = pl.LazyFrame({"n": range(5), "diagnostic": TEXTS}).with_columns(bounceml.polars.verdict("diagnostic"))
    rows = frame.collect(engine=engine).to_dicts()  # type: ignore[call-overload]  # the engine's name
    assert [row["n"] for row in rows] == list(range(5))
    assert [row["verdict"] for row in rows] == wanted


def test_polars_of_an_expression_and_of_nothing() -> None:
    frame = pl.DataFrame({"a": ["user unknown"]}).select(bounceml.polars.verdict("550 5.1.1 " + pl.col("a")))
    assert frame.unnest("verdict")["reason"].to_list() == ["user_unknown"]
    assert pl.DataFrame({"a": []}, schema={"a": pl.String}).select(bounceml.polars.verdict("a")).height == 0


def test_duckdb(wanted: list[dict[str, object]]) -> None:
    connection = duckdb.connect()
    bounceml.duckdb.register(connection)
    connection.register("replies", pa.table({"n": range(5), "diagnostic": TEXTS}))
    rows = connection.sql("SELECT bounce(diagnostic) FROM replies ORDER BY n").fetchall()
    assert [row[0] for row in rows] == wanted
    counted = connection.sql("SELECT bounce(diagnostic).type, count(*) FROM replies GROUP BY 1 ORDER BY 1").fetchall()
    assert sum(n for _, n in counted) == 5


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_any_column_of_texts_is_read(wanted: list[dict[str, object]], kind: pa.DataType) -> None:
    column = pa.array(["skipped", *TEXTS]).cast(kind)[1:]
    answers = answer_texts(Batch(bounceml.load()), column)
    assert answers["bounce_reason"].to_pylist() == [each["reason"] for each in wanted]
