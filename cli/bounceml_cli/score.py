"""`bounceml score`: an export with the verdicts beside."""

from pathlib import Path

from bounceml.classifier import load
from bounceml.config import find_config
from bounceml_cli.exits import Exit, complain
from bounceml_cli.progress import row_progress
from bounceml_datasets.exports.parts import ERROR
from bounceml_datasets.exports.scoring import Job, score_export


def run(job: Job, *, model: Path | None, config: Path | None) -> Exit:
    """Score every row; rows that can't be read are kept with what is wrong in `bounce_error`, and counted."""
    classifier = load(model, config=config or find_config())
    with row_progress() as tell:
        tally = score_export(job, classifier=classifier, tell=tell, note=lambda line: complain(f"{job.source}: {line}"))
    complain(f"{job.source}: {tally.rows} rows scored")
    if tally.broken:
        complain(f"{job.source}: {tally.broken} of {tally.rows} rows can't be read; see {ERROR} in {job.output}")
    return Exit.FAILED if tally.broken else Exit.DONE
