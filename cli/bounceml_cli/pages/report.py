"""The report's page: figures of an export in words, bars and plots."""

from typing import Any

from bounceml._version import __version__
from bounceml.taxonomy import Taxonomy
from bounceml_cli.exits import printable
from bounceml_cli.pages.page import render
from bounceml_cli.pages.report_lists import changed, legend, pieces, reasons, receivers, templates
from bounceml_cli.pages.report_mending import drop, mend, needs_no_mending
from bounceml_cli.pages.report_plots import sure_plots, time_plots
from bounceml_cli.pages.texts import Texts
from bounceml_cli.pages.words import Words
from bounceml_datasets.reports.digest import SURE_STEPS
from bounceml_datasets.reports.figures import Figures
from bounceml_datasets.reports.periods import Compared
from bounceml_datasets.reports.remedies import Remedies
from bounceml_datasets.reports.timeline import TIME_STEPS

# By which names steps of the timeline go, in their order.
_UNITS = ("minute", "ten_minutes", "hour", "six_hours", "day", "week", "four_weeks")
# The page's parts, by the names of their headings.
_SECTIONS = (
    "mend", "drop", "time", "types", "faults", "reasons", "receivers", "changed", "templates", "sure", "about",
)  # fmt: skip
# The first step of the histogram of confidences that is sure, and the first that is no longer unsure.
_SURE, _UNSURE = SURE_STEPS * 9 // 10, SURE_STEPS // 2


def report_page(
    figures: Figures, *, compared: Compared | None, taxonomy: Taxonomy, remedies: Remedies, texts: Texts
) -> str:
    """The page as HTML. Raises CorpusError where the packages for pages aren't installed."""
    words = Words(figures, taxonomy, texts)
    has_failures = figures.failures > 0
    values = {
        "say": texts.say,
        "has_failures": has_failures,
        "period": _period(words),
        "lead": _lead(words),
        "about": _about(words),
    }
    if has_failures:
        values |= {
            "sections": _SECTIONS,
            "cards": _cards(words),
            "mend": mend(words, remedies),
            "retry": needs_no_mending(words),
            "drop": drop(words),
            "time": _time(words),
            "types": pieces(words, figures.types(), table="types"),
            "faults": pieces(words, words.by_fault(figures.reasons()), table="faults"),
            "reasons": reasons(words),
            "receivers": receivers(words),
            "changed": changed(words, compared),
            "templates": templates(words),
            "sure": _sure(words),
        }
    return render("report.html", values, title=texts.say("heading", file=words.source), language=texts.language)


def _lead(words: Words) -> str:
    """What was found, in a few words."""
    figures, texts = words.figures, words.texts
    if not figures.rows:
        return texts.say("no_rows")
    if not figures.failures:
        return texts.say("no_failures", unasked=texts.number(figures.unasked))
    types = figures.types()
    return texts.say(
        "lead",
        failures=texts.number(figures.failures),
        rows=texts.number(figures.rows),
        hard=words.counted(types["hard"]),
        soft=words.counted(types["soft"]),
        mendable=words.counted(words.mendable()),
    )


def _period(words: Words) -> str:
    period = words.figures.period
    if period is None or not words.figures.by_time:
        return ""
    return words.span(period.start, period.end, step=period.step)


def _cards(words: Words) -> list[dict[str, str]]:
    """The most important numbers."""
    figures, texts = words.figures, words.texts
    types = figures.types()
    counts = {
        "card_hard": types["hard"],
        "card_soft": types["soft"],
        "card_mendable": words.mendable(),
        "card_unknown": figures.reasons()["unknown"],
    }
    of_failures = {name: texts.share(n, figures.failures) for name, n in counts.items()}
    cards = [
        (figures.failures, "card_failures", texts.say("card_of_rows", n=texts.number(figures.rows))),
        *[(n, name, texts.say("card_of_failures", share=of_failures[name])) for name, n in counts.items()],
    ]
    if figures.drops is not None:
        cards.append((figures.drops.count, "card_drop", ""))
    return [{"n": texts.number(n), "name": texts.say(name), "note": note} for n, name, note in cards]


def _time(words: Words) -> dict[str, Any]:
    """Failures over time, or by their order in the file."""
    figures, texts = words.figures, words.texts
    period = figures.period
    assert period is not None  # there are failures
    if figures.by_time:
        unit = texts.name("units", _UNITS[TIME_STEPS.index(period.step)])
        notes = [texts.say("time_step", step=unit), texts.say("time_zone")]
        if figures.timeless:
            notes.append(texts.say("time_missing", n=texts.number(figures.timeless)))
        if period.outside:
            notes.append(texts.say("time_outside", n=texts.number(period.outside)))
        if figures.reading.month_first:
            notes.append(texts.say("time_month_first"))
    else:
        notes = [texts.say("time_order", step=texts.number(period.step))]
    plots = time_plots(period, by_time=figures.by_time, title=texts.say("time_plot"))
    return {"plots": plots, "notes": notes, "legend": legend(words, figures.types(), table="types")}


def _sure(words: Words) -> dict[str, Any]:
    """How sure the answers are."""
    sure, texts = words.figures.sure, words.texts
    return {
        "plots": sure_plots(sure, title=texts.say("sure_plot")),
        "text": texts.say(
            "sure_high",
            n=words.counted(int(sure[_SURE:].sum())),
            low=words.counted(int(sure[:_UNSURE].sum())),
            unknown=words.counted(words.figures.reasons()["unknown"]),
        ),
    }


def _about(words: Words) -> list[str]:
    """How the report was made."""
    figures, texts = words.figures, words.texts
    reading, missing = figures.reading, texts.say("about_missing")
    if reading.preset:
        found = [texts.say("about_preset", preset=reading.preset)]
    else:
        columns = {"text": reading.text, "recipient": reading.recipient, "time": reading.time}
        named = {key: printable(name) if name else missing for key, name in columns.items()}
        found = [texts.say("about_columns", **named)]
    if reading.scored:
        found.append(texts.say("about_scored"))
    numbers = {
        "rows": figures.rows,
        "failures": figures.failures,
        "unasked": figures.unasked,
        "broken": figures.broken,
    }
    found.append(texts.say("about_rows", **{name: texts.number(n) for name, n in numbers.items()}))
    others = [(kind, n) for kind, n in figures.kinds.most_common() if kind not in {"bounce", "delay"}]
    if others:
        told = [f"{texts.name('kinds', kind)} {texts.number(n)}" for kind, n in others]
        found.append(texts.say("about_kinds", kinds=texts.listed(told)))
    found.append(texts.say("about_model", version=__version__, model=figures.model_version))
    return [*found, texts.say("about_personal")]
