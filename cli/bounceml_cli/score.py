"""`bounceml score`: an export with the verdicts beside."""

import json
import sys
from pathlib import Path

from bounceml.classifier import load
from bounceml.config import find_config
from bounceml.whole_file import write_whole
from bounceml_cli.exits import Exit, complain
from bounceml_cli.progress import row_progress
from bounceml_cli.summary import lines
from bounceml_datasets.exports.parts import ERROR
from bounceml_datasets.exports.scoring import Job, score_export


def run(job: Job, *, summary: Path | None, model: Path | None, config: Path | None) -> Exit:
    """Score every row and say what was found; those that can't be read are kept, with the error in `bounce_error`."""
    classifier = load(model, config=config or find_config())
    with row_progress() as tell:
        tally = score_export(job, classifier=classifier, tell=tell, note=lambda line: complain(f"{job.source}: {line}"))
    found = tally.summary()
    complain(f"{job.source}: {tally.rows} rows scored")
    if summary:
        write_whole(summary, (json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode())
    print("\n".join(lines(found)), file=sys.stderr)
    if tally.broken:
        complain(f"{job.source}: {tally.broken} of {tally.rows} rows can't be read; see {ERROR} in {job.output}")
    return Exit.FAILED if tally.broken else Exit.DONE
