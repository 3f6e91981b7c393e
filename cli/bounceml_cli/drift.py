"""`bounceml drift`: whether what servers answer has moved away from what the model knows."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from bounceml.classifier import load
from bounceml.config import find_config
from bounceml.paths import check_outputs
from bounceml_cli.drift_table import show
from bounceml_cli.exits import Exit, complain, json_line
from bounceml_cli.progress import progress
from bounceml_training.drift.census import Source
from bounceml_training.drift.comparison import find_drift
from bounceml_training.drift.measures import load_plan
from bounceml_training.drift.result import Side


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make of the result: JSON instead of tables, a page, an exit status of its own."""

    json: bool
    html: Path | None
    fail_on_drift: bool


def run(before: Source, *, after: Source, wanted: Wanted, model: Path | None, config: Path | None) -> Exit:
    """Compare the exports and say what moved; drift comes before unreadable rows in the exit status."""
    config = config or find_config()
    check_outputs([wanted.html], inputs=[before.path, after.path, model, config])
    classifier = load(model, config=config)
    with progress() as tell:
        found = find_drift(before, after, classifier=classifier, note=complain, tell=tell)
    next_step = _next_step(after, model=model, config=config)
    if wanted.json:
        print(json_line({**found.to_json(), "next": next_step}))
    else:
        show(found, plan=load_plan())
    if wanted.html is not None:
        from bounceml_cli.pages.drift import drift_page
        from bounceml_cli.pages.page import write_page

        write_page(drift_page(found, plan=load_plan(), next_step=next_step), wanted.html)
        complain(f"{wanted.html}: the page")
    for side in (found.before, found.after):
        _tell(side)
    if found.drawn_of > 1:
        complain(f"too many templates to keep all: one in {found.drawn_of} was looked at, drawn by chance")
    if found.drifted:
        complain(f"what moved can be looked at and labelled next: {next_step}")
    if wanted.fail_on_drift and found.drifted:
        return Exit.DRIFTED
    return Exit.FAILED if found.before.broken or found.after.broken else Exit.DONE


def _next_step(source: Source, *, model: Path | None, config: Path | None) -> str:
    """The command that chooses texts to label from an export, read the same way."""
    options = {
        "--text-column": source.text_column,
        "--input-format": source.format,
        "--model": model,
        "--config": config,
    }
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    return shlex.join(["bounceml", "review", source.path, "-o", "to-label.csv", *given])


def _tell(side: Side) -> None:
    complain(
        f"{side.path}: {side.rows} rows, {side.unasked} of them no failures, {side.empty} without a text; "
        f"{side.templates} templates"
    )
    if side.broken:
        complain(f"{side.path}: {side.broken} of {side.rows} rows can't be read")
