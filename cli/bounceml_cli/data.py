"""`bounceml data check`: what is wrong with labelled rows, and the figures of a corpus."""

from collections.abc import Sequence
from pathlib import Path

from bounceml.config import find_config, load_config
from bounceml.errors import CorpusError
from bounceml.paths import check_outputs
from bounceml.whole_file import write_whole
from bounceml_cli.exits import Exit, complain
from bounceml_datasets.corpus import Row, builtin_files, load_corpus
from bounceml_datasets.figures import figures
from bounceml_datasets.inspection import gaps, problems
from bounceml_datasets.second_look import agreement, load_looks

# Between these lines a datasheet keeps the figures; the rest of it is written by hand.
_BEGIN, _END = "<!-- figures: made by `bounceml data check --datasheet` -->", "<!-- end of figures -->"


def run(files: Sequence[Path], *, doubts: bool, show: int, datasheet: Path | None, config: Path | None) -> Exit:
    """Print the figures; every problem goes to standard error, and any makes the exit status 1."""
    config = config or find_config()
    check_outputs([datasheet], inputs=[*files, config])
    reasons = load_config(config).taxonomy.reasons
    rows = load_corpus(files or builtin_files(), reasons=reasons)
    found = problems(rows) if files else [*problems(rows), *gaps(rows, reasons=reasons)]
    for problem in found:
        complain(problem)
    text = figures(rows, looks={} if files else agreement(load_looks()))
    if doubts:
        text = f"{text}\n\n{_doubts(rows, show=show)}"
    print(text)
    if datasheet is not None:
        _write(datasheet, text)
    complain(f"{len(rows)} rows, {len(found) or 'no'} problem{'s' * (len(found) != 1)}")
    return Exit.FAILED if found else Exit.DONE


def _doubts(rows: Sequence[Row], *, show: int) -> str:
    """Ask models that never saw a row what it is; the most doubtful rows go to standard error."""
    from bounceml_training.doubts import find_doubts
    from bounceml_training.settings import load_settings

    doubts = find_doubts(rows, settings=load_settings())
    for doubt in doubts.rows[:show]:
        row = doubt.row
        complain(
            f"{row.part}:{row.line}: doubtful: {row.label} here, {doubt.said} ({doubt.probability:.2f}) by the others: "
            f"{row.text[:120]!r}"
        )
    return (
        f"{doubts.groups} groups of alike templates ({doubts.groups / len(rows):.1%} of the rows). Confident learning "
        f"(cleanlab, out-of-fold probabilities, folds by template group) doubts {len(doubts.rows)} labels "
        f"({len(doubts.rows) / len(rows):.1%})."
    )


def _write(datasheet: Path, text: str) -> None:
    """Put the figures between the lines that mark their place."""
    try:
        old = datasheet.read_text("utf-8")
    except OSError as error:
        raise CorpusError(f"{datasheet}: can't read: {error.strerror or error}") from error
    before, begin, rest = old.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise CorpusError(f"{datasheet}: no place for the figures: it needs the lines {_BEGIN!r} and {_END!r}")
    write_whole(datasheet, f"{before}{_BEGIN}\n{text}\n{_END}{after}".encode())
