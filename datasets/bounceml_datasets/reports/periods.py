"""The two periods that a report compares: an earlier export with this one, or this one's halves."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bounceml_datasets.reports.changes import Change, compare
from bounceml_datasets.reports.figures import Figures, reasons_of, types_of
from bounceml_datasets.reports.timeline import Half, Label

# Names that are compared of each group: types, reasons and receivers.
_MOST_COMPARED = 25


@dataclass(frozen=True, slots=True)
class Span:
    """A period: how many failures, and from when to when (None where nobody knows), in steps of `step` minutes."""

    failures: int
    start: int | None
    end: int
    step: int


@dataclass(frozen=True, slots=True)
class Compared:
    """Two periods and what changed; `source` is the earlier export, None where both are halves of one."""

    before: Span
    after: Span
    changes: Sequence[Change]
    source: str | None = None


def compare_exports(before: Figures, after: Figures) -> Compared:
    """What changed from one export to another."""
    groups = _groups(before.labels, _totals(before)), _groups(after.labels, _totals(after))
    changes = compare(*groups, most=_MOST_COMPARED)
    return Compared(_span(before), _span(after), changes, before.source)


def compare_halves(figures: Figures) -> Compared | None:
    """What changed from an export's first half to its second; None where it has none."""
    if figures.halves is None or figures.period is None:
        return None
    first, second = figures.halves
    step = figures.period.step
    groups = [_groups(half.labels, half.receivers) for half in (first, second)]
    return Compared(_half(first, step), _half(second, step), compare(*groups, most=_MOST_COMPARED))


def _groups(labels: Mapping[Label, int], receivers: Counter[str]) -> dict[str, Counter[str]]:
    return {"type": types_of(labels), "reason": reasons_of(labels), "receiver": receivers}


def _totals(figures: Figures) -> Counter[str]:
    return Counter({name: labels.total() for name, labels in (figures.receivers or {}).items()})


def _half(half: Half, step: int) -> Span:
    return Span(half.labels.total(), half.start, half.end, step)


def _span(figures: Figures) -> Span:
    period = figures.period
    if period is None or not figures.by_time:
        return Span(figures.failures, None, 0, 1)
    return Span(figures.failures, period.start, period.end, period.step)
