"""The figures of an export: what a report says, in numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bounceml_datasets.reports.addresses import Drop
from bounceml_datasets.reports.frequent import Seen
from bounceml_datasets.reports.timeline import Half, Label, Period


@dataclass(frozen=True, slots=True)
class Reading:
    """How an export was read: by a preset or by its columns, each None where there is none; `scored` if before."""

    preset: str | None = None
    text: str | None = None
    recipient: str | None = None
    time: str | None = None
    scored: bool = False
    # Days such as 3/2/2026 were read month first though nothing in the first rows shows it.
    month_first: bool = False


@dataclass(frozen=True, slots=True)
class Drops:
    """Addresses to give up: how many, and either `inside` or, where there are too many, in the file `beside`."""

    count: int
    inside: Sequence[Drop]
    beside: Path | None
    odd: int
    is_uncertain: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted in an export.

    Failures are rows with a reason. `labels` counts them by type and reason, `actions` by action and reason. `sure` is
    a histogram of their confidences, equal steps from 0 to 1. `topics` counts what to mend by provider (None: another),
    `blocklists` rows that name one. `timeless` failures have no time.
    """

    source: str
    reading: Reading
    rows: int
    broken: int
    unasked: int
    kinds: Counter[str]
    labels: Counter[Label]
    actions: Counter[tuple[str, str]]
    sure: np.ndarray
    receivers: Mapping[str, Counter[Label]] | None
    receivers_dropped: bool
    period: Period | None
    halves: tuple[Half, Half] | None
    by_time: bool
    timeless: int
    templates: Sequence[Seen]
    template_floor: int
    template_count: int | None
    topics: Counter[tuple[str, str | None]]
    blocklists: Counter[str]
    drops: Drops | None
    model_version: str

    @property
    def failures(self) -> int:
        """How many rows have a reason."""
        return self.labels.total()

    def types(self) -> Counter[str]:
        """Failures by type."""
        return types_of(self.labels)

    def reasons(self) -> Counter[str]:
        """Failures by reason."""
        return reasons_of(self.labels)


def types_of(labels: Mapping[Label, int]) -> Counter[str]:
    """Counts by type of counts by type and reason."""
    found: Counter[str] = Counter()
    for (bounce_type, _), n in labels.items():
        found[bounce_type or "undetermined"] += n
    return found


def reasons_of(labels: Mapping[Label, int]) -> Counter[str]:
    """Counts by reason of counts by type and reason."""
    found: Counter[str] = Counter()
    for (_, reason), n in labels.items():
        found[reason or "unknown"] += n
    return found
