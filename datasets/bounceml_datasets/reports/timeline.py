"""Counts over time, in steps that grow with the period, so that there are never many."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# A failure's type and reason.
Label = tuple[str | None, str | None]
# Steps in minutes, each a part of the next: a minute, ten, an hour, six, a day, a week, four weeks.
TIME_STEPS = (1, 10, 60, 360, 1440, 10_080, 40_320)
# Where nothing says when rows happened they are counted by their order.
ROW_STEPS = tuple(4**power for power in range(20))
DAY = 1440
# Weeks begin on Mondays: the first one of 1970 began three days before the year.
_MONDAY = -3 * DAY
# Steps that are counted apart; more aren't told apart in a plot.
_MOST_STEPS = 256
# Counts of receivers by step, some 200 bytes each; beyond them the rarest receivers are left out.
_MOST_COUNTS = 200_000
_KEPT_RECEIVERS = 300
# Rows far off, as by a broken clock: the share of them that may lie outside of the period shown, and by how much this
# must be the shorter for it.
_FEW, _SHORTER = 0.001, 3


@dataclass(frozen=True, slots=True)
class Period:
    """Steps from `start` (minutes since 1970, or a row's number) on, `step` long, and the labels counted in each."""

    start: int
    step: int
    counts: Sequence[Counter[Label]]
    outside: int

    @property
    def end(self) -> int:
        """Where the last step ends."""
        return self.start + self.step * len(self.counts)


@dataclass(frozen=True, slots=True)
class Half:
    """Failures of a half of the period."""

    start: int
    end: int
    labels: Counter[Label]
    receivers: Counter[str]


class Timeline:
    """Failures by step, with their labels and receivers; numbers of steps are multiples of `step` from `origin` on."""

    def __init__(self, steps: Sequence[int] = TIME_STEPS) -> None:
        self._steps = list(steps)
        self._origin = _MONDAY if steps is TIME_STEPS else 0
        self.labels: Counter[tuple[int, Label]] = Counter()
        self.receivers: Counter[tuple[int, str]] = Counter()
        self._met: set[int] = set()
        self.is_by_day = steps is TIME_STEPS

    @property
    def step(self) -> int:
        """How long a step is now, in minutes or rows."""
        return self._steps[0]

    def grid(self) -> tuple[int, int]:
        """How long a step is now, and where the first one begins."""
        return self.step, self._origin

    def number(self, moment: int) -> int:
        """The number of the step that holds a moment."""
        return (moment - self._origin) // self.step

    def add(
        self, labels: Iterable[tuple[int, Label, int]], receivers: Iterable[tuple[int, str, int]], *, by_day: bool
    ) -> None:
        """Count labels and receivers at moments; `by_day` says that these are the beginnings of days only."""
        self.is_by_day = self.is_by_day and by_day
        for moment, label, n in labels:
            at = self.number(moment)
            self._met.add(at)
            self.labels[at, label] += n
        for moment, name, n in receivers:
            self.receivers[self.number(moment), name] += n
        while len(self._met) > _MOST_STEPS and len(self._steps) > 1:
            self._widen()
        if len(self.receivers) > _MOST_COUNTS:
            self._drop_receivers()

    def period(self) -> Period | None:
        """All steps; None where nothing was counted."""
        if not self._met:
            return None
        while self.is_by_day and self.step < DAY:
            self._widen()
        first, last = self._range()
        while last - first >= _MOST_STEPS and len(self._steps) > 1:
            self._widen()
            first, last = self._range()
        counts: list[Counter[Label]] = [Counter() for _ in range(first, last + 1)]
        outside = 0
        for (at, label), n in self.labels.items():
            if first <= at <= last:
                counts[at - first][label] += n
            else:
                outside += n
        return Period(self._start(first), self.step, counts, outside)

    def halves(self) -> tuple[Half, Half] | None:
        """Both halves of the period; None where it can't be cut."""
        if not self._met:
            return None
        first, last = self._range()
        if first == last:
            return None
        middle = (first + last + 1) // 2
        return self._half(first, middle), self._half(middle, last + 1)

    def _half(self, first: int, end: int) -> Half:
        labels: Counter[Label] = Counter()
        receivers: Counter[str] = Counter()
        for (at, label), n in self.labels.items():
            if first <= at < end:
                labels[label] += n
        for (at, name), n in self.receivers.items():
            if first <= at < end:
                receivers[name] += n
        return Half(self._start(first), self._start(end), labels, receivers)

    def _start(self, number: int) -> int:
        return number * self.step + self._origin

    def _range(self) -> tuple[int, int]:
        """First and last step, without the few rows that lie far off."""
        totals: Counter[int] = Counter()
        for (at, _), n in self.labels.items():
            totals[at] += n
        steps = sorted(totals)
        few = int(totals.total() * _FEW)
        low = high = 0
        before = after = 0
        for low, at in enumerate(steps):  # noqa: B007  # its last value counts
            before += totals[at]
            if before > few:
                break
        for high, at in enumerate(reversed(steps)):  # noqa: B007
            after += totals[at]
            if after > few:
                break
        first, last = steps[low], steps[-1 - high]
        is_far = steps[-1] - steps[0] + 1 > _SHORTER * (last - first + 1)
        return (first, last) if is_far else (steps[0], steps[-1])

    def _widen(self) -> None:
        narrow, wide = self._steps[0], self._steps[1]
        times = wide // narrow
        self._steps.pop(0)
        labels, receivers = self.labels, self.receivers
        self.labels, self.receivers = Counter(), Counter()
        for (at, label), n in labels.items():
            self.labels[at // times, label] += n
        for (at, name), n in receivers.items():
            self.receivers[at // times, name] += n
        self._met = {at // times for at in self._met}

    def _drop_receivers(self) -> None:
        totals: Counter[str] = Counter()
        for (_, name), n in self.receivers.items():
            totals[name] += n
        kept = {name for name, _ in totals.most_common(_KEPT_RECEIVERS)}
        self.receivers = Counter({key: n for key, n in self.receivers.items() if key[1] in kept})
