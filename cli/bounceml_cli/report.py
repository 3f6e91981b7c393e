"""`bounceml report`: an export as a page to look at."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bounceml.classifier import load
from bounceml.config import find_config
from bounceml.paths import check_outputs, output_file
from bounceml_cli.exits import Exit, complain
from bounceml_cli.language import Language, language_of_locale
from bounceml_cli.pages.page import write_page
from bounceml_cli.pages.report import report_page
from bounceml_cli.pages.texts import load_texts
from bounceml_cli.progress import count_progress
from bounceml_datasets.reports.collection import ReportJob, collect
from bounceml_datasets.reports.periods import compare_exports, compare_halves
from bounceml_datasets.reports.remedies import load_remedies


def run(
    job: ReportJob,
    *,
    output: Path,
    since: ReportJob | None,
    language: Language | None,
    model: Path | None,
    config: Path | None,
) -> Exit:
    """Write the report, and say what was left out of it."""
    config = config or find_config()
    output_file(output)
    job = replace(job, beside=output.with_suffix(".drop.csv"))
    check_outputs([output, job.beside], inputs=[job.source, since.source if since else None, model, config])
    classifier = load(model, config=config)
    texts = load_texts("report", language or language_of_locale())
    with count_progress() as tell:
        earlier = None
        if since is not None:
            earlier = collect(since, classifier=classifier, tell=tell, note=_note_on(since))
        figures = collect(job, classifier=classifier, tell=tell, note=_note_on(job))
    compared = compare_halves(figures) if earlier is None else compare_exports(earlier, figures)
    page = report_page(
        figures, compared=compared, taxonomy=classifier.config.taxonomy, remedies=load_remedies(), texts=texts
    )
    write_page(page, output)
    complain(f"{job.source}: {figures.rows} rows, {figures.failures} failures; see {output}")
    if figures.drops is not None and figures.drops.beside is not None:
        complain(f"{job.source}: {figures.drops.count} addresses to drop, in {figures.drops.beside}")
    if figures.broken:
        complain(f"{job.source}: {figures.broken} of {figures.rows} rows can't be read and aren't counted")
    return Exit.FAILED if figures.broken else Exit.DONE


def _note_on(job: ReportJob) -> Callable[[str], None]:
    return lambda line: complain(f"{job.source}: {line}")
