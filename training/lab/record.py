"""What the round trips leave in the repository: a sample of the bounces for the tests, and the table in the README."""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from bounceml.mail import read_message
from bounceml.masking import template
from lab.errors import LabError
from lab.judge import Trip, trips
from lab.paths import HERE, REPOSITORY
from lab.receiver import STAGES
from lab.replies import Case
from lab.run import Run, cases_of, load_run

FOLDER = REPOSITORY / "tests" / "lab"
README = HERE / "README.md"
_BEGIN, _END = "<!-- round trips: `python -m lab record` -->\n", "<!-- end of round trips -->"
# Of bounces that lost the reply: so many that differ in what they say instead.
_LOST_OF_SERVER = 3
# Of a server that differs from another by its version only, every so many replies.
_OF_VARIANT = 8
_HEADINGS = {"connect": "connect", "helo": "EHLO", "mail": "MAIL", "rcpt": "RCPT", "data": "DATA", "end": "end of data"}


def record(names: Sequence[str], *, cache: Path) -> None:
    """Write `tests/lab/` and the README's table anew from the last runs; LabError where one is missing or misread."""
    runs = [(name, load_run(name, cache=cache)) for name in names]
    if missing := [name for name, run in runs if run is None or run.failed]:
        raise LabError(f"nothing to record of {', '.join(missing)}: run them first")
    judged = [(run, trips(run, cases_of(run))) for _, run in runs if run is not None]
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    rows = []
    for n, (run, found) in enumerate(judged):
        for trip, data in _sample(
            found, start=n, every=_OF_VARIANT if run.server.name != run.server.folder.name else 1
        ):
            what = "several" if trip.case.several else trip.case.reply.id
            name = f"{run.server.name}-{trip.case.stage}-{what}"
            (FOLDER / f"{name}.eml").write_bytes(data)
            cases = [each.case for each in found]
            rows.append(_row(name, trip, data, server=f"{run.server.title} {run.version}", cases=cases))
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (FOLDER / "expected.jsonl").write_text("".join(lines), encoding="utf-8")
    before, begin, rest = README.read_text("utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    README.write_text(f"{before}{begin}{table(judged)}{_END}{after}", encoding="utf-8")


def table(judged: Iterable[tuple[Run, Sequence[Trip]]]) -> str:
    """The round trips in Markdown: how many are read the same, by server and stage, and what became of the rest."""
    heads = ["server", "version", *_HEADINGS.values(), "of three", "same", "misread", "lost", "no bounce", "not taken"]
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join(['---', '---', *['--:'] * (len(heads) - 2)])}|"]
    totals: Counter[str] = Counter()
    notes = []
    for run, found in judged:
        counts = Counter(trip.outcome for trip in found)
        totals += counts
        single = [trip for trip in found if not trip.case.several]
        cells = [_cell([trip for trip in single if trip.case.stage == stage]) for stage in STAGES]
        cells.append(_cell([trip for trip in found if trip.case.several]))
        same = f"{counts['same']} of {len(found)}"
        rest = [str(counts[outcome] or "") for outcome in ("misread", "lost", "no bounce", "not taken")]
        lines.append(f"| {' | '.join([run.server.title, run.version, *cells, same, *rest])} |")
        if run.server.note and run.server.folder.name == run.server.name:
            notes.append(f"- **{run.server.title}**: {run.server.note}")
    rest = [str(totals[outcome] or 0) for outcome in ("misread", "lost", "no bounce", "not taken")]
    lines.append(f"| all | {'| ' * (len(STAGES) + 1)}| {totals['same']} of {totals.total()} | {' | '.join(rest)} |")
    return "\n".join([*lines, "", *notes, ""])


def _cell(found: Sequence[Trip]) -> str:
    same = sum(trip.outcome == "same" for trip in found)
    return f"{same}/{len(found)}" if found else ""


def _sample(found: Sequence[Trip], *, start: int, every: int) -> list[tuple[Trip, bytes]]:
    """Replies that the server keeps, each (or `every` so many) at one stage of those at which it does.

    Notices of delay are among them by turns. Which stage changes from reply to reply and from server to server
    (`start`). To these come some bounces that lost what was said, each with other words in its place.
    """
    single = [trip for trip in found if not trip.case.several]
    replies = list(dict.fromkeys(trip.case.reply.id for trip in single))
    chosen = []
    for n, reply in enumerate(replies[start % every :: every], start):
        kept = [trip for trip in single if trip.case.reply.id == reply and trip.outcome == "same"]
        if kept:
            trip = kept[n % len(kept)]
            chosen.append((trip, trip.messages[n % len(trip.messages)]))
    chosen += [(trip, trip.messages[-1]) for trip in found if trip.case.several and trip.outcome == "same"][:1]
    lost: dict[str, tuple[Trip, bytes]] = {}
    for trip in single:
        if trip.outcome == "lost" and (words := template(read_message(trip.messages[-1]).recipients[0].diagnostic)):
            lost.setdefault(words, (trip, trip.messages[-1]))
    return chosen + list(lost.values())[:_LOST_OF_SERVER]


def _row(name: str, trip: Trip, data: bytes, *, server: str, cases: Sequence[Case]) -> dict[str, object]:
    report = read_message(data)
    return {
        "file": f"{name}.eml",
        "server": server,
        "lost": trip.outcome == "lost",
        "kind": report.kind,
        "sent": {case.recipient: list(case.reply.text(case.recipient)) for case in cases if case.id == trip.case.id},
        "recipients": [asdict(read) for read in report.recipients],
    }
