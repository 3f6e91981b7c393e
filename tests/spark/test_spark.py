"""Spark's answers are those of `bounceml score`; needs Java and `bounceml[spark]`: `make spark`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

import bounceml.spark
from bounceml.errors import BounceError
from bounceml.taxonomy import load_taxonomy
from bounceml_cli.spark_job import main
from bounceml_datasets.corpus import load_corpus

TEXTS = [row.text for row in load_corpus(reasons=load_taxonomy().reasons)][::4]


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    # Spark starts its workers with the first python3 on the path, which needn't be this one.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        yield from _session()


def _session() -> Iterator[SparkSession]:
    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spark") / "export.parquet"
    codes = [("550", "421", None)[i % 3] for i in range(len(TEXTS))]
    pq.write_table(pa.table({"n": range(len(TEXTS)), "diagnostic": TEXTS, "smtp_code": codes}), path)
    return path


def test_spark_answers_as_score_does(spark: SparkSession, export: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "bounceml_cli", "score", export, "-o", tmp_path / "out.parquet"], check=True)
    frame = spark.read.parquet(str(export)).repartition(4)
    scored = bounceml.spark.score(frame, "diagnostic", smtp="smtp_code").orderBy("n").toArrow()
    by_score = pq.read_table(tmp_path / "out.parquet")
    assert scored.column_names == by_score.column_names
    for name in scored.column_names:
        assert scored[name].to_pylist() == by_score[name].to_pylist(), name


def test_users_table_reaches_the_executors(spark: SparkSession, tmp_path: Path) -> None:
    config = tmp_path / "bounceml.toml"
    config.write_text("[reasons.mailbox_full]\nseen_as = 'hard'\n")
    frame = spark.createDataFrame([("552 mailbox full",), (None,)], ["reply"])
    rows = bounceml.spark.score(frame, "reply", config=config).collect()
    assert [(row.bounce_type, row.bounce_reason) for row in rows] == [
        ("hard", "mailbox_full"),
        ("undetermined", "unknown"),
    ]


def test_what_is_wrong_is_told_at_once(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.createDataFrame([("552 mailbox full",)], ["reply"])
    with pytest.raises(ValueError, match="no column 'diagnostic': there are reply"):
        bounceml.spark.score(frame)
    (tmp_path / "no.model").write_bytes(b"no model")
    with pytest.raises(BounceError, match="not a bounceml model"):
        bounceml.spark.score(frame, "reply", model=tmp_path / "no.model")


def test_the_job_that_spark_submit_runs(spark: SparkSession, export: Path, tmp_path: Path) -> None:
    main([str(export), str(tmp_path / "scored"), "--smtp-column", "smtp_code"])
    assert spark.read.parquet(str(tmp_path / "scored")).count() == len(TEXTS)
