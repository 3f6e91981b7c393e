"""The report's tables: who spoke, which fault was induced where, and what couldn't be made to tell."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from bounceml.masking import template
from lab.errors import LabError
from lab.faults.rows import LabRow
from lab.faults.running import FaultRun
from lab.paths import HERE

README = HERE / "faults" / "README.md"
NO_BOUNCE = "(no bounce)"


def put(name: str, text: str, *, path: Path = README) -> None:
    """Replace what stands between the marks of that name; LabError where the page has none."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, found, rest = path.read_text("utf-8").partition(begin)
    if not found or end not in rest:
        raise LabError(f"{path}: no marks for {name}")
    path.write_text(f"{before}{begin}{text}\n{end}{rest.partition(end)[2]}", "utf-8")


def source_table(rows: Sequence[LabRow]) -> str:
    """Who spoke, in which version, with how many rows and texts that differ after masking."""
    lines = ["| who speaks | version | rows | told by their words | different texts |", "|---|---|--:|--:|--:|"]
    for source in sorted({row.source for row in rows}):
        own = [row for row in rows if row.source == source]
        told = [row for row in own if not row.left_out]
        texts = len({template(row.text) for row in told})
        versions = ", ".join(sorted({row.version for row in own}))
        lines.append(f"| {source} | {versions} | {len(own)} | {len(told)} | {texts} |")
    told = [row for row in rows if not row.left_out]
    texts = len({template(row.text) for row in told})
    return "\n".join([*lines, f"| all | | {len(rows)} | {len(told)} | {texts} |"])


def fault_table(rows: Sequence[LabRow]) -> str:
    """Which fault gave texts that tell it, from whom: different ones after masking, by who speaks."""
    lines = ["| fault | reason | different texts, by who speaks |", "|---|---|---|"]
    pairs = sorted({(row.fault, row.reason or NO_BOUNCE) for row in rows})
    for fault, reason in pairs:
        told = {
            (row.source, template(row.text))
            for row in rows
            if (row.fault, row.reason or NO_BOUNCE) == (fault, reason) and not row.left_out
        }
        counts = Counter(source for source, _ in told)
        lines.append(f"| {fault} | {reason} | {', '.join(f'{source} {counts[source]}' for source in sorted(counts))} |")
    return "\n".join(lines)


def failures(runs: Iterable[FaultRun], rows: Sequence[LabRow]) -> list[str]:
    """A line for each run that failed, or with faults of which no words came that tell them."""
    told = {(row.source, row.receiver, row.fault) for row in rows if not row.left_out}
    found = []
    for run in runs:
        sources = {came.fault.id: {came.sender, came.fault.says, came.fault.receiver} for came in run.came}
        untold = {
            came.fault.name
            for came in run.came
            if not any((source, came.fault.receiver, came.fault.name) in told for source in sources[came.fault.id])
        }
        if run.failed or untold:
            found.append(f"- {run.name}: {run.failed or ', '.join(sorted(untold))}")
    return found
