"""How Spark scores an export on one and on two cores, and whether its answers are those of `bounceml score`.

`python tests/benchmarks/spark_score.py [--rows 10000000] [--folder DIR]`; needs Java and `bounceml[spark]`, and Polars
to compare. Spark is started and warmed up before it is timed. One core means that the whole process, Java and Python
together, has one: a single task of Spark's keeps two busy, one in each.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from pyspark.sql import SparkSession

import bounceml.spark
from bounceml.arrow import ANSWER_SCHEMA
from exports import write

_WARM_UP_ROWS = 200_000


def scored_by_spark(source: Path, output: Path, *, cores: int) -> float:
    """Seconds that Spark takes to write the scored export, warmed up; all of this process has so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    builder = SparkSession.builder.master(f"local[{cores}]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", 32_768).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    frame = session.read.parquet(str(source))
    bounceml.spark.score(frame.limit(_WARM_UP_ROWS), text="diagnostic").write.mode("overwrite").parquet(str(output))
    started = time.perf_counter()
    bounceml.spark.score(frame, text="diagnostic").write.mode("overwrite").parquet(str(output))
    seconds = time.perf_counter() - started
    session.stop()
    return seconds


def differing_rows(first: Path, second: Path) -> int:
    """Rows of two scored exports whose answers differ, by the column `id`."""
    names = ANSWER_SCHEMA.names
    read = [
        pl.scan_parquet(each).select("id", pl.struct(pl.col(names).cast(pl.String)).hash().alias(which))
        for which, each in (("a", first), ("b", second))
    ]
    joined = read[0].join(read[1], on="id", how="full")
    return int(joined.select((pl.col("a").ne_missing(pl.col("b"))).sum()).collect(engine="streaming").item())


def main() -> None:
    """Measure, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "bounceml-bench")
    parser.add_argument("--cores", type=int, help="time Spark on so many cores, and print the seconds")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    source = given.folder / f"repetitive-{given.rows}.parquet"
    if not source.exists():
        write(source, rows=given.rows, distinct=False)
    if given.cores:
        print(scored_by_spark(source, given.folder / f"spark-{given.cores}", cores=given.cores))
        return
    alone = given.folder / "scored.parquet"
    command = [sys.executable, "-m", "bounceml_cli", "score", str(source), "-o", str(alone)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    speeds = []
    for cores in (1, 2):
        output = given.folder / f"spark-{cores}"
        again = [*sys.argv, f"--cores={cores}"]
        done = subprocess.run([sys.executable, *again], check=True, stdout=subprocess.PIPE, text=True)
        speeds.append(given.rows / float(done.stdout.split()[-1]))
        differ = differing_rows(alone, output / "*.parquet")
        print(f"{given.rows:,} rows on {cores} of Spark's cores: {speeds[-1]:,.0f} rows/s, {differ} answers differ")
    print(f"two cores are {speeds[1] / speeds[0]:.2f} times as fast as one")


if __name__ == "__main__":
    main()
