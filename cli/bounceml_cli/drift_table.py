"""What moved between two exports, as tables on a terminal and tab-separated lines elsewhere."""

import sys
from collections.abc import Iterator, Sequence

from bounceml_cli.exits import printable
from bounceml_training.drift.measures import Plan
from bounceml_training.drift.result import Change, Drift, ReasonChange, Scope, TextChange

_RECEIVERS = 10
_REASONS = 8
_TEXTS = 8
_MAX_TEXT = 200
_LEAST_SHOWN = 0.001

HEADS = {
    "measure": ("all rows", "before", "after", "change", "chance", ""),
    "receiver": ("receiver", "rows", "what", "before", "after", "change", "chance", ""),
    "reason": ("reason", "before", "after", "change", "chance", ""),
    "text": ("change", "rows", "reason", "sure", "text"),
}


def show(drift: Drift, *, plan: Plan) -> None:
    """Print what moved; the first line says whether anything did."""
    found = blocks(drift, plan=plan)
    if not sys.stdout.isatty():
        print(headline(drift))
        for name, rows in found.items():
            for row in rows:
                print("\t".join([name, *row]))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(Text(headline(drift), style="bold red" if drift.drifted else "bold green"))
    for name, rows in found.items():
        if not rows:
            continue
        table = Table()
        for head in HEADS[name]:
            table.add_column(head, overflow="fold", ratio=1 if head == "text" else None)
        for row in rows:
            table.add_row(*(Text(cell, style="bold" if row[-1] == "moved" else "") for cell in row))
        console.print(table)


def headline(drift: Drift) -> str:
    """Whether there is drift, in a line."""
    moved, of = sum(change.moved for change in drift.overall.changes), len(drift.overall.changes)
    at = sum(scope.moved for scope in drift.receivers)
    says = "drift" if drift.drifted else "no drift"
    return f"{says}: {moved} of {of} measures moved overall, and {at} of {len(drift.receivers)} receivers"


def percent(share: float | None, *, signed: bool = False) -> str:
    """A share as a person reads it.

    >>> percent(0.0123), percent(0.0123, signed=True), percent(None)
    ('1.2%', '+1.2', '')
    """
    if share is None:
        return ""
    return f"{100 * share:+.1f}".replace("-0.0", "+0.0") if signed else f"{share:.1%}"


def chance(p: float) -> str:
    """A probability as a person reads it.

    >>> chance(0.2), chance(0.00001)
    ('0.200', '<0.001')
    """
    return f"<{_LEAST_SHOWN}" if p < _LEAST_SHOWN else f"{p:.3f}"


def blocks(drift: Drift, *, plan: Plan) -> dict[str, list[tuple[str, ...]]]:
    """Cells of the tables, by their names in HEADS."""
    return {
        "measure": [(plan.measure(each.measure).title, *_cells(each)) for each in drift.overall.changes],
        "receiver": list(_receivers(drift.receivers, plan=plan)),
        "reason": [_reason(each) for each in drift.reasons[:_REASONS]],
        "text": [_text(each) for each in drift.texts[:_TEXTS]],
    }


def _receivers(scopes: Sequence[Scope], *, plan: Plan) -> Iterator[tuple[str, ...]]:
    for scope in [scope for scope in scopes if scope.moved][:_RECEIVERS]:
        rows = f"{scope.rows_before} → {scope.rows_after}"
        for change in scope.changes:
            if change.moved:
                yield printable(scope.name), rows, plan.measure(change.measure).title, *_cells(change)


def _cells(change: Change) -> tuple[str, ...]:
    return (
        percent(change.before),
        percent(change.after),
        percent(change.change, signed=True),
        chance(change.adjusted),
        "moved" if change.moved else "",
    )


def _reason(change: ReasonChange) -> tuple[str, ...]:
    return (
        printable(change.reason.removeprefix("kind:")),
        percent(change.before),
        percent(change.after),
        percent(change.after - change.before, signed=True),
        chance(change.adjusted),
        "moved" if change.moved else "",
    )


def _text(change: TextChange) -> tuple[str, ...]:
    return (
        percent(change.change, signed=True),
        f"{change.rows_before} → {change.rows_after}",
        printable(change.reason.removeprefix("kind:")),
        f"{int(change.confidence * 100)}%",  # rounded down: 99.7 % sure is not certain
        _cut(printable(change.text)),
    )


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
