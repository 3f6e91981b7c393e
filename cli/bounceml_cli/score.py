"""`bounceml score`: exports with the verdicts beside."""

import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bounceml.classifier import Classifier, load
from bounceml.config import find_config
from bounceml.errors import BounceError, CorpusError
from bounceml.paths import check_outputs, is_folder
from bounceml.whole_file import write_whole
from bounceml_cli.exits import Exit, complain
from bounceml_cli.progress import row_progress
from bounceml_cli.summary import lines
from bounceml_datasets.exports.files import STANDARD
from bounceml_datasets.exports.parts import ERROR
from bounceml_datasets.exports.scoring import Job, score_export, scratch_files

# What an export is written as where its own format can't be written: Excel files, logs.
_WRITTEN = re.compile(r"\.(?:csv|tsv|jsonl|parquet)(?:\.(?:gz|zst))?$", re.IGNORECASE)
_ELSE = ".csv"


def outputs(exports: Sequence[str], *, output: str) -> list[str]:
    """Where each export is written: `output`, or for several files of their names in that folder.

    Raises CorpusError where several exports have no folder to go to, or would be written over each other.
    """
    if len(exports) == 1:
        return [output]
    folder = Path(output)
    if not is_folder(folder):
        raise CorpusError(f"{output}: no such folder; several exports are written into one, under their own names")
    names = [Path(export).name for export in exports]
    written = [str(folder / (name if _WRITTEN.search(name) else f"{name}{_ELSE}")) for name in names]
    if twice := sorted(path for path, n in Counter(written).items() if n > 1):
        raise CorpusError(f"{twice[0]}: two exports would be written there; score them into folders of their own")
    return written


def run(jobs: Sequence[Job], *, summary: Path | None, model: Path | None, config: Path | None) -> Exit:
    """Score the exports one after the other; one that can't be read is named, and the others scored."""
    config = config or find_config()
    _check(jobs, summary=summary, others=[model, config])
    classifier = load(model, config=config)
    found: dict[str, dict[str, object]] = {}
    failed = False
    for job in jobs:
        try:
            found[job.source], is_whole = _score(job, classifier=classifier)
        except BounceError as error:
            if len(jobs) == 1:
                raise
            complain(error)
            is_whole = False
        failed |= not is_whole
    if summary:
        entry = next(iter(found.values()), {}) if len(jobs) == 1 else found
        write_whole(summary, (json.dumps(entry, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace"))
    return Exit.FAILED if failed else Exit.DONE


def _check(jobs: Sequence[Job], *, summary: Path | None, others: Sequence[Path | None]) -> None:
    """Raise CorpusError where something would be written over that is read; a single export may be scored in place."""
    exports = [job.source for job in jobs]
    outputs = [Path(job.output) for job in jobs if job.output != STANDARD]
    beside = [path for job in jobs for path in scratch_files(job.output)]
    check_outputs([*outputs, *beside, summary], inputs=[*others, *(exports if len(jobs) > 1 else [])])
    check_outputs([*beside, summary], inputs=exports)


def _score(job: Job, *, classifier: Classifier) -> tuple[dict[str, object], bool]:
    """Score every row and say what was found, and whether all could be read; others are kept, with their error."""
    with row_progress() as tell:
        tally = score_export(job, classifier=classifier, tell=tell, note=lambda line: complain(f"{job.source}: {line}"))
    found = tally.summary()
    complain(f"{job.source}: {tally.rows} rows scored")
    print("\n".join(lines(found)), file=sys.stderr)
    if tally.broken:
        complain(f"{job.source}: {tally.broken} of {tally.rows} rows can't be read; see {ERROR} in {job.output}")
    return found, not tally.broken
