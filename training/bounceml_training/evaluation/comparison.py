"""A challenger against the champion on the same held-out texts."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from bounceml.masking import template
from bounceml_training.evaluation.judged import Judged
from bounceml_training.evaluation.resampling import Estimate, Resamples


@dataclass(frozen=True, slots=True)
class Change:
    """A text that the two answer differently: how many rows are of its template, the truth, and both answers."""

    text: str
    count: int
    true: str
    champion: str
    challenger: str
    champion_confidence: float
    challenger_confidence: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Challenger minus champion: the share of right labels, and of addresses that were rightly given up or kept.

    `only_champion` and `only_challenger` count the texts that only one of them had right; `p_value` is the probability
    of so uneven a split if both were equally good (McNemar 1947, exact).
    """

    accuracy_gain: Estimate
    suppression_gain: Estimate
    only_champion: int
    only_challenger: int
    p_value: float
    changes: list[Change]

    @property
    def is_worse(self) -> bool:
        """Whether the challenger is surely worse: the whole interval of either gain lies below zero."""
        return self.is_worse_by(0.0)

    def is_worse_by(self, least: float) -> bool:
        """Whether the challenger is surely worse in either gain, and there by `least` (0–1) or more."""
        return any(gain.high < 0 and -gain.value >= least for gain in (self.accuracy_gain, self.suppression_gain))


def compare(champion: Judged, challenger: Judged, *, resamples: Resamples) -> Comparison:
    """Compare answers to the same rows; `resamples` of these rows give the intervals."""
    old, new = champion.right, challenger.right
    only_old, only_new = int((old & ~new).sum()), int((new & ~old).sum())
    return Comparison(
        accuracy_gain=_gain(old, new, resamples=resamples),
        suppression_gain=_gain(
            champion.gives_up == champion.is_dead, challenger.gives_up == challenger.is_dead, resamples=resamples
        ),
        only_champion=only_old,
        only_challenger=only_new,
        p_value=float(binomtest(only_new, only_old + only_new).pvalue) if only_old + only_new else 1.0,
        changes=_changes(champion, challenger),
    )


def _gain(old: np.ndarray, new: np.ndarray, *, resamples: Resamples) -> Estimate:
    values = np.column_stack([new.astype(float) - old, np.ones(len(old))])
    return resamples.estimate(values, lambda sums: np.asarray(sums[:, 0] / sums[:, 1]))


def _changes(champion: Judged, challenger: Judged) -> list[Change]:
    """Changed answers, one text for each template, the most frequent first."""
    templates = [template(row.text) for row in champion.rows]
    counts = Counter(templates)
    found: dict[tuple[str, str], Change] = {}
    for i in np.flatnonzero(champion.given != challenger.given).tolist():
        row = champion.rows[i]
        change = Change(
            text=row.text,
            count=counts[templates[i]],
            true=row.label,
            champion=champion.given[i],
            challenger=challenger.given[i],
            champion_confidence=float(champion.confidence[i]),
            challenger_confidence=float(challenger.confidence[i]),
        )
        found.setdefault((templates[i], row.label), change)
    return sorted(found.values(), key=lambda change: (-change.count, change.text))
