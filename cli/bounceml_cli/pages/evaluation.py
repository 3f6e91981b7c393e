"""The page of `bounceml evaluate`."""

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from bounceml_cli.exits import printable
from bounceml_cli.pages.charts import INK, PALETTE, chart
from bounceml_cli.pages.page import render
from bounceml_training.evaluation.comparison import Comparison
from bounceml_training.evaluation.measures import Evaluation
from bounceml_training.evaluation.resampling import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FIGURES = {
    "reason_accuracy": ("reason right", "share of the texts whose reason was named right"),
    "type_accuracy": ("type right", "hard, soft, or no bounce"),
    "macro_f1": ("macro-F1", "mean over the reasons, rare ones as much as frequent ones"),
    "suppress_precision": ("suppress precision", "of the addresses given up, how many rightly"),
    "suppress_recall": ("suppress recall", "of the dead addresses, how many were given up"),
    "ece": ("calibration error", "how far confidence is from the share that is right"),
    "coverage_at_90": ("sure", "share answered with a confidence of 0.9 or more"),
    "accuracy_at_90": ("right where sure", "share of those that is right"),
}
_MOST_ROWS = 40
_MOST_CHANGES = 100


def evaluation_page(found: Mapping[str, Evaluation], *, comparison: Comparison | None, data: Sequence[str]) -> str:
    """The page as HTML: figures of one model or two by name, and the comparison of two; `data` names the files."""
    first = next(iter(found.values()))
    titles = _titles(found)
    values = {
        "data": ", ".join(data),
        "texts": first.texts,
        "groups": first.groups,
        "models": titles,
        "figures": [
            (title, means, [_estimate(each.figures[name]) for each in found.values()])
            for name, (title, means) in _FIGURES.items()
        ],
        "plots": [
            (
                chart(lambda axes: _reliability(axes, found, titles), title="share right by confidence"),
                "How far to trust the confidence: on the grey line it says what is true, below it is too sure.",
            ),
            (
                chart(lambda axes: _risk(axes, found, titles), title="errors by share answered"),
                "How many answers are wrong if only the surest share of the texts is answered.",
            ),
        ],
        "bars": chart(
            lambda axes: _bars(axes, found, titles),
            title="share right by reason",
            size=(7.5, 0.34 * len(first.by_reason) + 1),
        ),
        "blocks": [
            (title, [(name, [_counted(getattr(each, block).get(name)) for each in found.values()]) for name in names])
            for title, block in (("Reason", "by_reason"), ("Language", "by_language"), ("Source", "by_source"))
            if (names := list(getattr(first, block))[:_MOST_ROWS])
        ],
        "confusions": [(title, _matrix(each)) for title, each in zip(titles, found.values(), strict=True)],
        "comparison": comparison,
        "gains": [] if comparison is None else _gains(comparison),
        "changes": [] if comparison is None else comparison.changes[:_MOST_CHANGES],
        "all_changes": 0 if comparison is None else len(comparison.changes),
    }
    return render("evaluation.html", values, title=" and ".join(titles))


def _titles(found: Mapping[str, Evaluation]) -> list[str]:
    """Names without folders, unless they are the same."""
    short = [printable(PurePath(name).name) for name in found]
    return short if len(set(short)) == len(short) else list(map(printable, found))


def _reliability(axes: "Axes", found: Mapping[str, Evaluation], titles: Sequence[str]) -> None:
    axes.plot([0, 1], [0, 1], color=PALETTE[-1], linewidth=1)
    for evaluation, marker, title in zip(found.values(), "os", titles, strict=False):
        axes.plot(*zip(*evaluation.calibration, strict=True), marker=marker, markersize=4, label=title)
    axes.set(xlabel="mean confidence", ylabel="share right", xlim=(0, 1.02), ylim=(0, 1.02))
    if len(found) > 1:
        axes.legend()


def _risk(axes: "Axes", found: Mapping[str, Evaluation], titles: Sequence[str]) -> None:
    for evaluation, title in zip(found.values(), titles, strict=True):
        axes.plot(*zip(*evaluation.risk_coverage, strict=True), label=title)
    axes.set(xlabel="share answered, surest first", ylabel="share wrong", xlim=(0, 1.02))
    axes.set_ylim(bottom=0)
    if len(found) > 1:
        axes.legend()


def _bars(axes: "Axes", found: Mapping[str, Evaluation], titles: Sequence[str]) -> None:
    names = list(next(iter(found.values())).by_reason)[::-1]
    height = 0.8 / len(found)
    for number, (evaluation, title) in enumerate(zip(found.values(), titles, strict=True)):
        estimates = [evaluation.by_reason[name] for name in names]
        values = [each.value for each in estimates]
        spread = ([e.value - e.low for e in estimates], [e.high - e.value for e in estimates])
        at = [i + 0.4 - height * (number + 0.5) for i in range(len(names))]
        axes.barh(at, values, height, label=title)
        axes.errorbar(values, at, xerr=spread, fmt="none", ecolor=INK, elinewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="share right, with 95 % interval", xlim=(0, 1), ylim=(-0.6, len(names) - 0.4))
    if len(found) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)


def _matrix(evaluation: Evaluation) -> dict[str, object]:
    """The confusion matrix as a table: names, and for each true label (name, cells of (count, share of the row))."""
    names = list(evaluation.by_reason)
    names += sorted({given for _, given, _ in evaluation.confusion} - set(names))
    counts = {(true, given): n for true, given, n in evaluation.confusion}
    rows = []
    for true in evaluation.by_reason:
        total = sum(counts.get((true, given), 0) for given in names)
        cells = [(n, n / total) if (n := counts.get((true, given), 0)) else (0, 0.0) for given in names]
        rows.append((true, cells))
    return {"names": names, "rows": rows}


def _gains(comparison: Comparison) -> list[tuple[str, str]]:
    gains = {
        "reason right": comparison.accuracy_gain,
        "addresses rightly given up or kept": comparison.suppression_gain,
    }
    return [(title, f"{each.value:+.3f} [{each.low:+.3f} to {each.high:+.3f}]") for title, each in gains.items()]


def _estimate(each: Estimate) -> tuple[str, str]:
    if math.isnan(each.value):
        return "–", ""
    return f"{each.value:.3f}", f"{each.low:.3f} to {each.high:.3f}"


def _counted(each: Estimate | None) -> tuple[str, str, str]:
    if each is None or math.isnan(each.value):
        return "–", "", ""
    return f"{each.value:.3f}", f"{each.low:.2f}–{each.high:.2f}", f"{each.n:,}"
