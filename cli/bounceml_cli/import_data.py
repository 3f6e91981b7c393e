"""`bounceml data import`: labelled texts from elsewhere into a corpus file."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bounceml.config import find_config, load_config
from bounceml_cli.exits import Exit, complain, printable
from bounceml_datasets.imports.importing import Imported, Job, import_labelled
from bounceml_datasets.labelling.sheet import SKIPPED

# Lines of each kind that are listed; the counts say how many there are.
_SHOWN = 20


def run(job: Job, *, config: Path | None) -> Exit:
    """Import, and say of every row what became of it; rows that can't be read make the exit status 1."""
    reasons = load_config(config or find_config()).taxonomy.reasons
    done = import_labelled(job, reasons=reasons, note=complain)
    _list("can't read", done.reading.broken)
    _list("conflict, left out", done.conflicts)
    _list("differs from the built-in data, taken", done.against_builtin)
    _list_labels("not mapped", done.unmapped)
    _list_labels("too vague", done.vague)
    print("\n".join(_lines(done, job=job)))
    return Exit.FAILED if done.reading.broken else Exit.DONE


def _lines(done: Imported, *, job: Job) -> list[str]:
    vague, output = done.vague.total(), printable(str(job.output))
    counts = {
        "rows read": done.reading.rows,
        "without a label": done.reading.unlabelled,
        f"skipped ({SKIPPED})": done.reading.skipped,
        "can't be read": len(done.reading.broken),
        "labels not mapped": done.unmapped.total(),
        "labels too vague, left out": vague - done.as_unknown,
        "labels too vague, taken as unknown": done.as_unknown,
        "merged with another text of its template": done.merged,
        "templates in conflict, left out": len(done.conflicts),
        f"templates that are in {output} already": done.present,
        "templates taken": len(done.added),
        "  of these in the built-in data too": done.known,
        "  of these with another label there": len(done.against_builtin),
    }
    lines = [f"{n:>8}  {name}" for name, n in counts.items() if n or name in ("rows read", "templates taken")]
    where = f"{len(done.added)} templates written" if done.added else "nothing to write"
    return [*lines, f"{output}: {where}"]


def _list(title: str, entries: Sequence[object]) -> None:
    for entry in entries[:_SHOWN]:
        complain(f"{title}: {entry}")
    if len(entries) > _SHOWN:
        complain(f"{title}: {len(entries) - _SHOWN} more")


def _list_labels(title: str, labels: Counter[str]) -> None:
    for name, n in labels.most_common(_SHOWN):
        complain(f"{title}: {printable(name)[:80]!r}, {n} times")
    if len(labels) > _SHOWN:
        complain(f"{title}: {len(labels) - _SHOWN} more labels")
