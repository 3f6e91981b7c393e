"""The report's plots: failures over time, and how sure their reasons are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bounceml_cli.pages.charts import PALETTE, chart
from bounceml_datasets.reports.figures import types_of
from bounceml_datasets.reports.timeline import DAY, Period

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

TYPES = ("hard", "soft", "undetermined")
# As the style sheet has them: `.of-hard` and so on.
COLOURS = {"hard": PALETTE[3], "soft": PALETTE[1], "undetermined": PALETTE[6]}
# Inches, for wide windows and for phones, with the ticks that fit: words shall be readable in both.
SIZES = (((10.5, 2.8), 7), ((4.6, 2.8), 4))
_GAP = 0.92
_ABOVE = 1.05


def time_plots(period: Period, *, by_time: bool, title: str) -> "list[Markup]":
    """Columns of failures by type, one plot for wide windows and one for narrow ones."""
    counts = [types_of(labels) for labels in period.counts]
    starts = np.array([period.start + period.step * i for i in range(len(counts))], np.float64)

    def draw(axes: "Axes", *, ticks: int) -> None:
        bottom = np.zeros(len(counts))
        for name in TYPES:
            heights = np.array([step[name] for step in counts], np.float64)
            if heights.any():
                axes.bar(starts, heights, period.step * _GAP, bottom=bottom, align="edge", color=COLOURS[name])
            bottom += heights
        axes.set_xlim(starts[0], period.end)
        _scale_counts(axes, bottom)
        shown = starts[:: -(-len(starts) // ticks)].tolist()
        axes.set_xticks(shown, day_labels(shown, step=period.step) if by_time else [f"{at + 1:,.0f}" for at in shown])

    return [chart(partial(draw, ticks=n), title=f"{title} ({n})", size=size) for size, n in SIZES]


def sure_plots(sure: np.ndarray, *, title: str) -> "list[Markup]":
    """The histogram of confidences, for wide windows and for narrow ones."""

    def draw(axes: "Axes") -> None:
        from matplotlib.ticker import PercentFormatter

        width = 1 / len(sure)
        axes.bar(np.arange(len(sure)) * width, sure, width * _GAP, align="edge", color=PALETTE[0])
        axes.set_xlim(0, 1)
        _scale_counts(axes, sure)
        axes.xaxis.set_major_formatter(PercentFormatter(1))

    return [chart(draw, title=f"{title} ({n})", size=size) for size, n in SIZES]


def day_labels(minutes: Sequence[float], *, step: int) -> list[str]:
    """Days or times in numbers, which every language reads; what all share is left out.

    >>> day_labels([29540160, 29541600], step=1440)
    ['03-02', '03-03']
    """
    moments = [datetime.fromtimestamp(at * 60, UTC) for at in minutes]
    years, days = {at.year for at in moments}, {at.date() for at in moments}
    day = "%Y-%m-%d" if len(years) > 1 else "%m-%d"
    short = "%H:%M" if len(days) == 1 else f"{day} %H:%M"
    return [at.strftime(day if step >= DAY else short) for at in moments]


def _scale_counts(axes: "Axes", heights: np.ndarray) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axes.set_ylim(0, max(1.0, float(heights.max()) * _ABOVE))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
