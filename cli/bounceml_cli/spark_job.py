"""A Spark job that scores Parquet: `spark-submit spark_job.py IN OUT --text-column diagnostic`.

Where this file lies: `python -c "import bounceml_cli.spark_job as job; print(job.__file__)"`.
"""

import argparse
from collections.abc import Sequence

from pyspark.sql import SparkSession

from bounceml.spark import score


def main(arguments: Sequence[str] | None = None) -> None:
    """Score one Parquet file or folder into another folder."""
    parser = argparse.ArgumentParser(description="Add bounceml's verdicts to a Parquet table, with Spark.")
    parser.add_argument("source", help="Parquet file or folder, anywhere that Spark reads from")
    parser.add_argument("output", help="folder to write, which must not exist yet")
    parser.add_argument("--text-column", default="diagnostic", help="column with the servers' replies")
    parser.add_argument("--smtp-column", help="column with reply codes")
    parser.add_argument("--status-column", help="column with enhanced status codes")
    parser.add_argument("--model", help="model file to use instead of the built-in one")
    parser.add_argument("--config", help="your table and rules")
    given = parser.parse_args(arguments)
    session = SparkSession.builder.appName("bounceml").getOrCreate()
    scored = score(
        session.read.parquet(given.source),
        given.text_column,
        smtp=given.smtp_column,
        status=given.status_column,
        model=given.model,
        config=given.config,
    )
    scored.write.parquet(given.output)


if __name__ == "__main__":
    main()
