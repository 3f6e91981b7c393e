"""`bounceml review`: the texts of an export that a label would teach the most."""

from pathlib import Path

from bounceml.classifier import load
from bounceml.config import find_config
from bounceml.errors import CorpusError
from bounceml.paths import check_outputs, is_there, output_file
from bounceml.whole_file import write_whole
from bounceml_cli.exits import Exit, complain
from bounceml_cli.progress import progress
from bounceml_datasets.labelling.sheet import sheet_bytes
from bounceml_datasets.labelling.tasks import label_studio_interface, label_studio_tasks, prodigy_tasks
from bounceml_datasets.labels import label_names
from bounceml_training.review import Job, Review, review_export


def run(job: Job, *, output: Path, format: str, model: Path | None, config: Path | None) -> Exit:  # noqa: A002
    """Write the chosen texts for a person or a tool, and say what there was; a file that is there is never touched."""
    config = config or find_config()
    output_file(output)
    interface = output.with_suffix(".xml")
    outputs = (output, interface) if format == "label-studio" else (output,)
    check_outputs(outputs, inputs=[job.source, model, config])
    for path in outputs:
        if is_there(path):
            raise CorpusError(f"{path}: is there already, perhaps with labels in it: name another --output")
    classifier = load(model, config=config)
    with progress() as tell:
        review = review_export(
            job, classifier=classifier, note=lambda line: complain(f"{job.source}: {line}"), tell=tell
        )
    if not review.items:
        raise CorpusError(f"{job.source}: nothing to label: no row says why it failed")
    names = label_names(classifier.config.taxonomy.reasons)
    if format == "label-studio":
        write_whole(output, label_studio_tasks(review.items, model_version=classifier.version))
        write_whole(interface, label_studio_interface(names).encode())
        complain(f"{interface}: the labelling interface for these tasks")
    elif format == "prodigy":
        write_whole(output, prodigy_tasks(review.items, names=names))
    else:
        write_whole(output, sheet_bytes(review.items))
    _tell(review, job=job, output=output)
    return Exit.FAILED if review.broken else Exit.DONE


def _tell(review: Review, *, job: Job, output: Path) -> None:
    complain(
        f"{job.source}: {review.rows} rows, {review.unasked} of them no failures, {review.empty} without a text; "
        f"{review.templates} templates"
    )
    if review.floor:
        complain(f"{job.source}: too many to keep all; those that came more than {review.floor} times are surely there")
    if review.by_user_rules:
        complain(f"{job.source}: {review.by_user_rules} templates left out that your own rules decide")
    if review.broken:
        complain(f"{job.source}: {review.broken} of {review.rows} rows can't be read")
    complain(f"{output}: {len(review.items)} templates to label, which came {_total(review)} times")


def _total(review: Review) -> int:
    return sum(item.count or 0 for item in review.items)
