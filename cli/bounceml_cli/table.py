"""Verdicts as a person reads them: a table on a terminal, tab-separated lines elsewhere."""

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bounceml.classifier import Classifier
from bounceml.explanation import explain_verdict
from bounceml.verdict import Verdict
from bounceml_cli.exits import printable

_COLOURS = {"hard": "red", "soft": "yellow"}
_MAX_DIAGNOSTIC = 300
_SHOWN_GRAMS = 10


def show(verdicts: Iterable[Verdict], *, classifier: Classifier | None) -> None:
    """Print verdicts; with a classifier, the words and rules behind each."""
    if sys.stdout.isatty():
        _show_table(verdicts, classifier=classifier)
    else:
        for verdict in verdicts:
            print("\t".join(_cells(verdict)))
            if classifier is not None:
                print("\n".join(_reasons(classifier, verdict)))


def _show_table(verdicts: Iterable[Verdict], *, classifier: Classifier | None) -> None:
    table = Table(show_lines=True)
    for name in ("recipient", "type", "reason", "sure", "action"):
        table.add_column(name, overflow="fold", no_wrap=name != "recipient")
    table.add_column("what the server said", overflow="fold", ratio=1)
    for verdict in verdicts:
        recipient, bounce_type, reason, sure, action, diagnostic = _cells(verdict)
        if classifier is not None:
            diagnostic = "\n".join([diagnostic, *_reasons(classifier, verdict)])
        cells = [recipient, bounce_type, reason, sure, action, diagnostic]
        style = _COLOURS.get(bounce_type, "")
        table.add_row(*(Text(cell, style=style if i == 1 else "") for i, cell in enumerate(cells)))
    Console().print(table)


def _cells(verdict: Verdict) -> list[str]:
    diagnostic = printable(verdict.diagnostic)
    return [
        printable(verdict.recipient or verdict.file or "-"),
        verdict.type or "-",
        printable(verdict.reason or verdict.kind),
        f"{int(verdict.confidence * 100)}%",  # rounded down: 99.7 % sure is not certain
        verdict.action or "-",
        diagnostic if len(diagnostic) <= _MAX_DIAGNOSTIC else f"{diagnostic[:_MAX_DIAGNOSTIC]}…",
    ]


def _reasons(classifier: Classifier, verdict: Verdict) -> list[str]:
    found = explain_verdict(classifier, verdict)
    grams = ", ".join(f"{printable(c.gram)} {c.logit:+.2f}" for c in found.contributions[:_SHOWN_GRAMS])
    lines = [
        f"  by {printable(verdict.decided_by)}; {found.known:.0%} of its letters' n-grams known",
        f"  words: {grams or 'none known'}",
    ]
    if found.rules:
        lines.append(f"  rules: {', '.join(printable(rule.id) for rule in found.rules)}")
    return lines
