"""The `bounceml` command: its commands, and the one place where errors become exit statuses."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bounceml._version import __version__
from bounceml.errors import BounceError
from bounceml_cli.exits import Exit, complain
from bounceml_cli.language import Language
from bounceml_cli.streams import guard_streams

app = typer.Typer(
    name="bounceml",
    help="Reads bounces in any language: hard or soft, for what reason, how sure, and what to do.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
rules_app = typer.Typer(help="Work on your own rules.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")
models_app = typer.Typer(help="Keep your own models: which is in force, and which was before.", no_args_is_help=True)
app.add_typer(models_app, name="models")
data_app = typer.Typer(help="Work on labelled data.", no_args_is_help=True)
app.add_typer(data_app, name="data")


class Base(StrEnum):
    """What new labelled data stands on."""

    builtin = "builtin"
    none = "none"


class ExportFormat(StrEnum):
    """What a model can be exported as."""

    joblib = "joblib"


class ReviewFormat(StrEnum):
    """What texts to label can be written as."""

    csv = "csv"
    label_studio = "label-studio"
    prodigy = "prodigy"


Model = Annotated[
    Path | None,
    typer.Option("--model", help="Model file to use; default: the one you promoted, else the one that ships."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Your table and rules; default: $BOUNCEML_CONFIG, else ./bounceml.toml if there is one."
    ),
]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"bounceml {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Reads bounces in any language: hard or soft, for what reason, how sure, and what to do."""


@app.command()
def predict(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE…", help="E-mails: .eml, mbox, Maildir folders; - for standard input."),
    ] = None,
    text: Annotated[list[str] | None, typer.Option("--text", help='A bare reply, as "550 5.1.1 User unknown".')] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of a table.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show the words and rules behind each answer.")] = False,
    model: Model = None,
    config: Config = None,
) -> None:
    """Say of each bounce what it means: one verdict for each recipient."""
    from bounceml_cli.predict import run

    if not files and not text:
        raise typer.BadParameter("give at least one FILE, - for standard input, or --text", param_hint="FILE…")
    raise typer.Exit(run(files or [], texts=text or [], json=json, explain=explain, model=model, config=config))


@app.command()
def explain(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE…", help="E-mails: .eml, mbox, Maildir folders; - for standard input."),
    ] = None,
    text: Annotated[list[str] | None, typer.Option("--text", help='A bare reply, as "550 5.1.1 User unknown".')] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with every n-gram's share.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Page to write beside, which opens offline.")] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Labelled rows of your own to look for near texts in: .jsonl, or .csv."),
    ] = None,
    model: Model = None,
    config: Config = None,
) -> None:
    """Say why: the words that counted, rules, what the runner-up lacked, and the nearest labelled texts."""
    from bounceml_cli.explain import run

    if not files and not text:
        raise typer.BadParameter("give at least one FILE, - for standard input, or --text", param_hint="FILE…")
    raise typer.Exit(
        run(files or [], texts=text or [], data=data or [], json=json, html=html, model=model, config=config)
    )


@app.command()
def score(
    exports: Annotated[
        list[str],
        typer.Argument(
            metavar="EXPORT…",
            help="Exports to score: .csv, .tsv, .jsonl, .parquet, .xlsx or .log, also .gz or .zst; - for a pipe.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="Where to write it with the verdicts beside; - for standard output; a folder for several exports.",
        ),
    ],
    text_column: Annotated[
        str | None,
        typer.Option("--text-column", help="Column with the servers' replies; found by itself if not given."),
    ] = None,
    format: Annotated[  # noqa: A002  # the option's name
        str | None,
        typer.Option(
            "--format", help="Format of the export, or its provider (ses, postfix, …), where it doesn't tell."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run that was cut off had got.")] = False,
    summary: Annotated[
        Path | None, typer.Option("--summary", help="JSON file to write the counts by type, reason and receiver into.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first row that can't be read.")] = False,
    excel: Annotated[
        bool, typer.Option("--excel", help="Write CSV that Excel shows right, and in which no cell runs as a formula.")
    ] = False,
    model: Model = None,
    config: Config = None,
) -> None:
    """Add kind, type, reason, confidence and action to every row of an export, or of several."""
    from bounceml_cli.score import outputs, run
    from bounceml_datasets.exports.scoring import Job

    jobs = [
        Job(export, path, text_column=text_column, format=format, resume=resume, strict=strict, excel=excel)
        for export, path in zip(exports, outputs(exports, output=output), strict=True)
    ]
    raise typer.Exit(run(jobs, summary=summary, model=model, config=config))


@app.command()
def report(
    export: Annotated[
        str, typer.Argument(help="Export to report on, scored or not, in any format that score reads; - for a pipe.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.")] = Path("report.html"),
    since: Annotated[
        str | None,
        typer.Option("--since", help="Earlier export to compare with; without it the second half with the first."),
    ] = None,
    lang: Annotated[
        Language | None, typer.Option("--lang", help="Language of the page; default: this computer's, else en.")
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option("--text-column", help="Column with the servers' replies; found by itself if not given."),
    ] = None,
    format: Annotated[  # noqa: A002  # the option's name
        str | None,
        typer.Option(
            "--format", help="Format of the export, or its provider (ses, postfix, …), where it doesn't tell."
        ),
    ] = None,
    rescore: Annotated[bool, typer.Option("--rescore", help="Score again what was scored before.")] = False,
    model: Model = None,
    config: Config = None,
) -> None:
    """Show what an export's bounces mean on one HTML page: plots, what to mend first, addresses to drop."""
    from bounceml_cli.report import run
    from bounceml_datasets.reports.collection import ReportJob

    job = ReportJob(export, text_column=text_column, format=format, rescore=rescore)
    before = None if since is None else ReportJob(since, text_column=text_column, format=format, rescore=rescore)
    raise typer.Exit(run(job, output=output, since=before, language=lang, model=model, config=config))


@app.command()
def review(
    export: Annotated[
        str, typer.Argument(help="Export to choose from, scored or not, in any format that score reads; - for a pipe.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, which must not exist yet.")],
    top: Annotated[int, typer.Option("--top", min=1, max=20_000, help="How many texts to choose at most.")] = 200,
    format: Annotated[  # noqa: A002  # the option's name
        ReviewFormat,
        typer.Option("--format", help="csv: a sheet for bounceml label or Excel; or that tool's import file."),
    ] = ReviewFormat.csv,
    text_column: Annotated[
        str | None,
        typer.Option("--text-column", help="Column with the servers' replies; found by itself if not given."),
    ] = None,
    input_format: Annotated[
        str | None,
        typer.Option(
            "--input-format", help="Format of the export, or its provider (ses, postfix, …), where it doesn't tell."
        ),
    ] = None,
    model: Model = None,
    config: Config = None,
) -> None:
    """Choose the texts of an export that a label would teach the most: doubtful, frequent, and unlike each other."""
    from bounceml_cli.review import run
    from bounceml_training.review import Job

    if str(output) == "-":
        raise typer.BadParameter("texts to label need a file, not a pipe", param_hint="--output")
    job = Job(export, top, text_column=text_column, format=input_format)
    raise typer.Exit(run(job, output=output, format=format, model=model, config=config))


@app.command()
def drift(
    export: Annotated[str, typer.Argument(help="Later export, in any format that score reads; - for a pipe.")],
    since: Annotated[str, typer.Option("--since", help="Earlier export to compare it with.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Page to write beside, which opens offline.")] = None,
    fail_on_drift: Annotated[
        bool, typer.Option("--fail-on-drift", help="Exit with status 3 where anything moved; for cron.")
    ] = False,
    text_column: Annotated[
        str | None,
        typer.Option("--text-column", help="Column with the servers' replies in both; found by itself if not given."),
    ] = None,
    input_format: Annotated[
        str | None,
        typer.Option("--input-format", help="Format of both, or their provider (ses, postfix, …)."),
    ] = None,
    model: Model = None,
    config: Config = None,
) -> None:
    """Tell whether what servers answer has moved away from what the model knows, and where by more than chance."""
    from bounceml_cli.drift import Wanted, run
    from bounceml_training.drift.census import Source

    before, after = (Source(path, text_column, input_format) for path in (since, export))
    wanted = Wanted(json=json, html=html, fail_on_drift=fail_on_drift)
    raise typer.Exit(run(before, after=after, wanted=wanted, model=model, config=config))


@app.command()
def label(
    file: Annotated[Path, typer.Argument(help="Sheet from bounceml review, or any CSV with a column text.")],
    config: Config = None,
) -> None:
    """Label a sheet with single keys in the terminal; each answer is saved at once, and it goes on where it stopped."""
    from bounceml_cli.label import run

    raise typer.Exit(run(file, config=config))


@app.command()
def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL…", help="A model by name or file, or two to compare; builtin: the shipped one."),
    ],
    data: Annotated[
        list[Path],
        typer.Option("--data", help="Labelled rows that no model was trained on: .jsonl, or .csv with text,reason."),
    ],
    report: Annotated[
        Path | None, typer.Option("--report", help="HTML page to write the figures into, with plots.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print all figures as one JSON object.")] = False,
    config: Config = None,
) -> None:
    """Measure one model on labelled texts, or compare two: what is right, how sure, and which answers change."""
    if len(models) > 2:
        raise typer.BadParameter("compare two models at a time", param_hint="MODEL…")
    from bounceml_cli.evaluate import run

    raise typer.Exit(run(models, data=data, report=report, json=json, config=config))


@app.command()
def train(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Model file to write; default: into your folder of models.")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Labelled rows to add (.csv or .jsonl with text,reason); repeatable."),
    ] = None,
    base: Annotated[
        Base, typer.Option("--base", help="builtin: add --data to bounceml's own rows; none: train on --data alone.")
    ] = Base.builtin,
    weight: Annotated[
        float,
        typer.Option("--weight", min=0.01, max=100, help="How much a row of yours counts against a built-in one."),
    ] = 1.0,
    held_out: Annotated[
        float,
        typer.Option("--held-out", min=0, max=0.5, help="Share of your texts that the model is judged by instead."),
    ] = 0.2,
    card: Annotated[Path | None, typer.Option("--card", help="Model card to write beside it, as Markdown.")] = None,
    config: Config = None,
) -> None:
    """Train a model on labelled texts and write it as one file that holds no code."""
    from bounceml_cli.train import Job, run

    job = Job(data or [], base is Base.builtin, weight=weight, held_out=held_out, output=output, card=card)
    raise typer.Exit(run(job, config=config))


@app.command()
def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    format: Annotated[  # noqa: A002  # the option's name
        ExportFormat, typer.Option("--format", help="joblib: a scikit-learn classifier.")
    ] = ExportFormat.joblib,
    model: Model = None,
) -> None:
    """Export the model for scikit-learn users. Loading a joblib file runs code: load only files you trust."""
    from bounceml_cli.export import run

    raise typer.Exit(run(output=output, model=model))


@data_app.command("check")
def check_data(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE…", help="Labelled rows, .csv or .jsonl; bounceml's own if none is given."),
    ] = None,
    doubts: Annotated[
        bool, typer.Option("--doubts", help="Also look for wrong labels with cleanlab; takes a minute.")
    ] = False,
    show: Annotated[int, typer.Option("--show", min=0, help="How many doubtful rows to list.")] = 20,
    datasheet: Annotated[
        Path | None, typer.Option("--datasheet", help="Markdown file to write the figures into, between its marks.")
    ] = None,
    config: Config = None,
) -> None:
    """Find repeated, contradictory and doubtful rows in labelled data, and print its figures."""
    from bounceml_cli.data import run

    raise typer.Exit(run(files or [], doubts=doubts, show=show, datasheet=datasheet, config=config))


@data_app.command("import")
def import_data(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Labelled texts: sheets, CSV, JSONL, Label Studio's and Prodigy's exports, providers' exports.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Corpus file to write (.jsonl).")],
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels", help="What the labels mean: a crosswalk's name (ses, sparkpost, …) or a TOML file of your own."
        ),
    ] = None,
    lang: Annotated[
        str, typer.Option("--lang", help="Language of texts that don't say theirs, as de, pt-BR or zh-Hans.")
    ] = "und",
    source: Annotated[
        str, typer.Option("--source", help="Provider or server of texts that don't say theirs.")
    ] = "generic",
    append: Annotated[bool, typer.Option("--append", help="Add what is new to an output that is there.")] = False,
    text_column: Annotated[
        str | None, typer.Option("--text-column", help="Column or field with the texts; found by itself if not given.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option("--label-column", help="Column with the labels; found by itself if not given.")
    ] = None,
    input_format: Annotated[
        str | None, typer.Option("--input-format", help="Format or provider of the files, where they don't tell.")
    ] = None,
    config: Config = None,
) -> None:
    """Bring labelled texts into the form that train reads: duplicates merged, contradictions listed and left out."""
    from bounceml_cli.import_data import run
    from bounceml_datasets.imports.importing import Job
    from bounceml_datasets.imports.labelled import Columns, Source
    from bounceml_datasets.imports.merging import Defaults

    columns = Columns(text_column, label_column)
    job = Job(
        tuple(Source(file, columns, input_format) for file in files),
        output,
        crosswalk=labels,
        defaults=Defaults(lang, source),
        append=append,
    )
    raise typer.Exit(run(job, config=config))


@models_app.command("list")
def list_models(json: Json = False) -> None:
    """List the models of your folder; the one in force has a star."""
    from bounceml_cli.models import show_all

    raise typer.Exit(show_all(json=json))


@models_app.command("show")
def show_model(
    name: Annotated[str, typer.Argument(help="A model by name or file; builtin: the shipped one.")], json: Json = False
) -> None:
    """Show what a model was trained on, and how it did on texts that it hadn't seen."""
    from bounceml_cli.models import show_one

    raise typer.Exit(show_one(name, json=json))


@models_app.command()
def promote(
    name: Annotated[
        str | None,
        typer.Argument(help="A model by name or file (a file is copied); default: the one that was trained last."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also if it does worse than the one in force.")] = False,
    config: Config = None,
) -> None:
    """Use a model from now on, unless it does worse than the one in force by more than chance."""
    from bounceml_cli.models import run_promote

    raise typer.Exit(run_promote(name, force=force, config=config))


@models_app.command()
def rollback() -> None:
    """Use the model again that was in force before."""
    from bounceml_cli.models import run_rollback

    raise typer.Exit(run_rollback())


@rules_app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Your configuration with [[rule]] tables.")],
    model: Model = None,
) -> None:
    """Prove every rule on its examples and counter-examples, and say which built-in answers it would change."""
    from bounceml_cli.rules import run

    raise typer.Exit(run(file, model=model))


def main() -> None:
    """Entry point: runs a command; an error of ours, or want of memory, is one line on standard error and status 1."""
    guard_streams()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BounceError as error:
        complain(error)
        sys.exit(Exit.FAILED)
    except MemoryError:
        complain("not enough memory for this: let it use more, or split the input into smaller files")
        sys.exit(Exit.FAILED)
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.exit(Exit.FAILED)


if __name__ == "__main__":
    main()
