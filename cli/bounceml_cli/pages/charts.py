"""Plots as SVG inside a page: in the page's own font and colours, light and dark.

A plot holds numbers, dates and names in Latin letters. Other words stand beside it in HTML, since matplotlib would
have to measure them in a font that it lacks.
"""

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from bounceml.errors import CorpusError

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

# What is drawn in this colour takes the page's text colour, which differs between light and dark.
INK = "#010203"
# Told apart by readers who don't see red and green, on white as on near-black: the qualitative palette of
# Okabe and Ito (2008) without black and yellow.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8a8f98")
# What stands before the picture itself, and the data about it: a page has both of its own.
_PREAMBLE = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_RULES = {
    "svg.fonttype": "none",  # text stays text, so that the reader's own fonts show Chinese and a search finds it
    "font.family": "sans-serif",
    "font.size": 11,
    "text.parse_math": False,  # names of models and reasons may have a $
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}


def chart(draw: "Callable[[Axes], object]", *, title: str, size: tuple[float, float] = (6.0, 3.4)) -> "Markup":
    """What `draw` draws on a pair of axes, as SVG; `title` is read out to those who don't see it.

    `size` is width and height in inches at 72 points: the page scales it. Raises CorpusError where matplotlib isn't
    installed.
    """
    try:
        from cycler import cycler
        from markupsafe import Markup, escape
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError as error:
        raise CorpusError("pages need jinja2 and matplotlib: pip install 'bounceml[pages]'") from error
    # The same plot is the same bytes, and two plots in a page share no names of clip paths.
    rules = {**_RULES, "svg.hashsalt": title, "axes.prop_cycle": cycler(color=PALETTE)}
    with style.context(rules):
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    svg = _PREAMBLE.sub("", written.getvalue())
    svg = svg.replace(INK, "currentColor").replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)
    return Markup(svg)
