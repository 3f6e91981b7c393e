"""The report's table: which fault was induced at which receiver, and what came of it."""

from collections.abc import Iterable, Sequence

from lab.faults.rows import LabRow
from lab.faults.running import FaultRun


def print_faults(runs: Sequence[FaultRun], rows: Sequence[LabRow]) -> None:
    """Print versions, the table of faults and sources, and the faults of which nothing came."""
    names = sorted({came.fault.name for run in runs for came in run.came})
    sources = sorted({row.source for row in rows})
    versions = {row.source: row.version for row in rows}
    print(", ".join(f"{source} {versions[source]}" for source in sources))
    print(f"\n| fault | {' | '.join(sources)} |\n|---{'|---' * len(sources)}|")
    for name in names:
        counts = [sum(row.fault == name and row.source == s and not row.left_out for row in rows) for s in sources]
        print(f"| {name} | {' | '.join(str(count or '') for count in counts)} |")
    print(f"\n{len(rows)} rows, {sum(not row.left_out for row in rows)} with words that tell the fault")
    for line in failures(runs, rows):
        print(line)


def failures(runs: Iterable[FaultRun], rows: Sequence[LabRow]) -> list[str]:
    """A line for each run that failed, and for each fault of which no sender got words that tell it."""
    told = {(row.receiver, row.fault, row.how) for row in rows if not row.left_out}
    found = []
    for run in runs:
        if run.failed:
            found.append(f"{run.name}: {run.failed}")
        for fault in {came.fault.id: came.fault for came in run.came}.values():
            if (fault.receiver, fault.name, fault.how) not in told:
                came = [each for each in run.came if each.fault.id == fault.id]
                refused = next((each.refused for each in came if each.refused), "")
                what = "words of another fault" if any(each.messages for each in came) else refused or "nothing came"
                found.append(f"{run.name}: {fault.id} ({fault.name}): {what}")
    return found
