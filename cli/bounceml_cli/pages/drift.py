"""The page of `bounceml drift`."""

from typing import TYPE_CHECKING, NamedTuple

from bounceml_cli.drift_table import blocks, chance, headline, percent
from bounceml_cli.exits import printable
from bounceml_cli.pages.charts import INK, PALETTE, chart
from bounceml_cli.pages.page import render
from bounceml_training.drift.measures import Plan
from bounceml_training.drift.result import Drift, Scope

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

_REASONS = 10
_RECEIVERS = 20
_MAX_NAME = 28
# Inches of a plot's height for each line, and for its axis.
_LINE, _AXIS = 0.3, 0.9


class _Line(NamedTuple):
    """A line of a plot: its name, and shares 0–1 before and after."""

    name: str
    before: float
    after: float


def drift_page(drift: Drift, *, plan: Plan, next_step: str) -> str:
    """A page about what moved between two exports; raises CorpusError where the packages for pages are missing."""
    tables = blocks(drift, plan=plan)
    moved = [scope for scope in drift.receivers if scope.moved]
    values = {
        "drift": drift,
        "plan": plan,
        "next_step": next_step,
        "headline": headline(drift),
        "cards": [
            {
                "title": plan.measure(change.measure).title,
                "value": percent(change.change if change.after is None else change.after),
                "change": percent(change.change, signed=True),
                "chance": chance(change.adjusted),
                "moved": change.moved,
            }
            for change in drift.overall.changes
        ],
        "plots": _plots(drift),
        "receivers": [_receiver(scope, plan=plan) for scope in moved[:_RECEIVERS]],
        "more": len(moved[_RECEIVERS:]),
        "texts": tables["text"],
        "reasons": tables["reason"],
    }
    return render("drift.html", values, title="What changed in the bounces")


def _receiver(scope: Scope, *, plan: Plan) -> "dict[str, str | list[str]]":
    lines = []
    for change in scope.changes:
        if change.moved:
            title, points = plan.measure(change.measure).title, percent(change.change, signed=True)
            values = f"{percent(change.before)} → {percent(change.after)}" if change.after is not None else points
            lines.append(f"{title} {values}")
    return {"name": printable(scope.name), "rows": f"{scope.rows_before:,} → {scope.rows_after:,}", "lines": lines}


def _plots(drift: Drift) -> "list[dict[str, str | Markup]]":
    reasons = [_Line(each.reason.removeprefix("kind:"), each.before, each.after) for each in drift.reasons[:_REASONS]]
    plots: list[dict[str, str | Markup]] = [
        {
            "svg": _dumbbells(reasons, title="Share of rows by reason, before and after"),
            "caption": "The reasons whose share of the rows changed most: a ring before, a dot after.",
        }
    ]
    sure = [
        _Line(_latin(scope.name), change.before, change.after)
        for scope in drift.receivers
        for change in scope.changes
        if scope.moved and change.measure == "confidence" and change.before is not None and change.after is not None
    ][:_RECEIVERS]
    if sure:
        plots.append(
            {
                "svg": _dumbbells(sure, title="Mean confidence by receiver, before and after"),
                "caption": "Mean confidence at the receivers that moved: a ring before, a dot after.",
            }
        )
    return plots


def _dumbbells(lines: list[_Line], *, title: str) -> "Markup":
    def draw(axes: "Axes") -> None:
        places = list(range(len(lines)))[::-1]
        before, after = ([100 * share for share in column] for column in list(zip(*lines, strict=True))[1:])
        axes.hlines(places, before, after, color=PALETTE[6], linewidth=2)
        axes.scatter(before, places, facecolors="none", edgecolors=INK, linewidths=1.5, s=36, zorder=3)
        axes.scatter(after, places, color=PALETTE[0], s=40, zorder=4)
        axes.set_yticks(places, [line.name for line in lines])
        axes.set_xlabel("%")
        axes.margins(y=0.5 / max(1, len(lines)))
        axes.grid(axis="x", color=PALETTE[6], alpha=0.3)

    return chart(draw, title=title, size=(6.0, _AXIS + _LINE * len(lines)))


def _latin(name: str) -> str:
    """A domain as a plot can hold it.

    >>> _latin("邮件.example")
    '\\\\u90ae\\\\u4ef6.example'
    """
    shown = printable(name).encode("ascii", "backslashreplace").decode()
    return shown if len(shown) <= _MAX_NAME else f"{shown[: _MAX_NAME - 3]}..."
