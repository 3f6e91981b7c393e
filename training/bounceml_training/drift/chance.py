"""Whether two exports differ by more than chance, where rows of one template come together.

The null hypothesis: a template's rows fall into the later export with the same probability as all rows do. Rows of one
template are no independent witnesses, since a server that is down or a list that blocks answers many at once. So their
number in the later export is taken as beta-binomial: n rows of a template have the variance of n independent ones times
the design effect 1 + (n - 1) rho. rho is their intraclass correlation, estimated over all templates: 0 where rows are
independent, and 1 where the templates are the only witnesses. At a receiver it is larger than over all rows, where
receivers even out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Beyond it, all rows of a template would be surely in one export, and nothing could be told.
_MOST_RHO = 0.99
_STEPS = 40
# Of a variance, relative to what it is made of: below it is only rounding.
_NOTHING = 1e-12
# Of counts of rows, relative to all.
_ROUNDING = 1e-9
# Skewness below which a distribution is taken to be normal; tails differ by less than a thousandth.
_STRAIGHT = 1e-3


@dataclass(frozen=True, slots=True)
class Pair:
    """How often each template came, before and after, as float arrays of shape (n_templates,)."""

    before: np.ndarray
    after: np.ndarray

    @property
    def both(self) -> np.ndarray:
        """How often each came in both together."""
        return np.asarray(self.before + self.after)

    @property
    def share(self) -> float:
        """Share 0–1 of the rows that is in the later export."""
        return float(self.after.sum() / self.both.sum())


@dataclass(frozen=True, slots=True)
class Spread:
    """Variance and third central moment of how often each template came after, under the null, shape (n_templates,)."""

    variance: np.ndarray
    third: np.ndarray


def correlation(pairs: Sequence[Pair]) -> float:
    """Intraclass correlation 0–1 of rows of one template: how much they come together in one export.

    Where the squared deviations are on average what they should be with it, each weighted by how much it tells (as
    Paule and Mandel, 1982, do for the variance between laboratories): templates of few rows hardly tell. Of several
    pairs, which are receivers, each has its own share of rows in the later export.
    """
    return _correlation(pairs, shared=False)


def shared_correlation(pairs: Sequence[Pair]) -> float:
    """The same, 0–1, from templates that are in both exports alone; 0 where these tell nothing.

    What is new must not count: the more of it there is, the more would seem to come together, and so be expected.
    """
    return _correlation(pairs, shared=True)


def _correlation(pairs: Sequence[Pair], *, shared: bool) -> float:
    columns = []
    for pair in pairs:
        # Single rows tell nothing, nor do two that are known to be in both.
        seen = (np.minimum(pair.before, pair.after) > 0) & (pair.both > 2) if shared else pair.both > 1
        if 0 < pair.share < 1:
            columns.append((pair.both[seen], pair.after[seen], np.full(int(seen.sum()), pair.share)))
    if not sum(len(n) for n, _, _ in columns):
        return 0.0
    n, after, share = (np.concatenate(column) for column in zip(*columns, strict=True))
    variance, others = n * share * (1 - share), n - 1
    squares = (after - n * share) ** 2

    def excess(rho: float) -> float:
        effect = 1 + others * rho
        due = variance * effect
        if shared:  # what is due to those that are wholly in one export doesn't come
            no_before, no_after = (_none(n, share=each, rho=rho) for each in (1 - share, share))
            left = np.maximum(1 - no_before - no_after, _NOTHING)
            due = (due - no_before * (n * (1 - share)) ** 2 - no_after * (n * share) ** 2) / left
        return float((others / effect**2 * (squares - due) / variance).sum())

    low, high = 0.0, _MOST_RHO
    if excess(low) <= 0:
        return 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return low


def difference_p(values: np.ndarray, *, pair: Pair, rho: float) -> float:
    """Probability 0–1, under the null, of means of `values` by row that differ so much either way.

    `values` are those of each template's rows, shape (n_templates,).
    """
    share, rows = pair.share, pair.both.sum()
    beyond = values - (values * pair.both).sum() / rows
    found = float((beyond * (pair.after - pair.both * share)).sum())
    spread = _spread(pair.both, share=share, rho=rho)
    variance = float((beyond**2 * spread.variance).sum())
    third = float((beyond**3 * spread.third).sum())
    if variance <= _NOTHING * rows:
        return 1.0
    return _two_sided(found, variance=variance, third=third)


def deviations(pair: Pair, *, rho: float) -> np.ndarray:
    """By how many standard deviations each template came oftener after than the null lets expect."""
    expected, spread = pair.both * pair.share, _spread(pair.both, share=pair.share, rho=rho)
    return np.asarray((pair.after - expected) / np.sqrt(spread.variance))


def _spread(n: np.ndarray, *, share: float, rho: float) -> Spread:
    variance = n * share * (1 - share) * (1 + (n - 1) * rho)
    # The third moment of the beta-binomial distribution with alpha + beta = 1 / rho - 1.
    factor = (1 - rho + 2 * n * rho) / (1 + rho)
    return Spread(variance, variance * (1 - 2 * share) * factor)


def _two_sided(found: float, *, variance: float, third: float) -> float:
    upper = _tail(found, variance=variance, third=third)
    lower = _tail(-found, variance=variance, third=-third)
    return min(1.0, 2 * min(upper, lower))


def _tail(found: float, *, variance: float, third: float) -> float:
    """Probability of so much or more, by the Pearson type III distribution: a normal one with this skewness."""
    from scipy.special import gammainc, gammaincc, ndtr

    deviation = math.sqrt(variance)
    z, skewness = found / deviation, third / deviation**3
    if abs(skewness) < _STRAIGHT:
        return float(ndtr(-z))
    # A gamma distribution of this shape, moved to mean 0 and deviation 1, and turned round where it leans left.
    shape = 4 / skewness**2
    if skewness > 0:
        return float(gammaincc(shape, max(0.0, shape + z * math.sqrt(shape))))
    return float(gammainc(shape, max(0.0, shape - z * math.sqrt(shape))))


@dataclass(frozen=True, slots=True)
class Novelty:
    """Share 0–1 of the later export's rows whose template isn't in the earlier one.

    `expected` by chance alone; `p` is the probability 0–1, under the null, of so many or more.
    """

    share: float
    expected: float
    p: float


def novelty(pair: Pair, *, rho: float) -> Novelty:
    """How much is new in the later export, beside what chance alone makes new; `rho` is that of shared templates."""
    n, rows = pair.both, float(pair.after.sum())
    # New ones are rare; of the frequent ones, whose rows may all come together, each counts as much as it tells.
    told = 1 / (1 + (n - 1) * rho)
    share = float((pair.after * told).sum() / (n * told).sum())
    found = float(pair.after[pair.before == 0].sum())
    none_before = _none(n, share=1 - share, rho=rho)
    # Of as many rows as the later export has; by the share alone it might have others.
    scale = rows / (share * float(n.sum()))
    expected = scale * float((n * none_before).sum())
    size = scale * n
    variance = size**2 * none_before * (1 - none_before)
    # The share was estimated from the same rows: what new ones have in common with it can't vary.
    together = float((size * none_before * n * (1 - share) * told).sum())
    left = float(variance.sum()) - together**2 / float((told * n * share * (1 - share)).sum())
    # Where all templates came once, as many are new as there are rows, and no more can be.
    if abs(found - expected) <= _ROUNDING * rows:
        return Novelty(found / rows, expected / rows, 1.0)
    left = max(left, _NOTHING * rows)
    third = float((size**3 * none_before * (1 - none_before) * (1 - 2 * none_before)).sum())
    return Novelty(found / rows, expected / rows, _tail(found - expected, variance=left, third=third))


def _none(n: np.ndarray, *, share: float | np.ndarray, rho: float) -> np.ndarray:
    """Probability that none of n rows falls where each falls with probability `share`."""
    if rho == 0:
        return np.asarray((1 - share) ** n)
    from scipy.special import gammaln

    total = 1 / rho - 1
    other = total * (1 - share)
    return np.asarray(np.exp(gammaln(other + n) - gammaln(other) - gammaln(total + n) + gammaln(total)))


def adjusted(p: np.ndarray) -> np.ndarray:
    """Probabilities adjusted for their number by Benjamini and Hochberg (1995), shape (n,): false discovery rates."""
    if not len(p):
        return p
    order = np.argsort(p)[::-1]
    steps = p[order] * len(p) / np.arange(len(p), 0, -1)
    made = np.empty(len(p))
    made[order] = np.minimum(1.0, np.minimum.accumulate(steps))
    return made
