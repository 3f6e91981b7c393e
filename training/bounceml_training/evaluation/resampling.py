"""Confidence intervals by the bootstrap over groups (Field and Welsh 2007): rows of one group come and go together.

Texts of one template are answered alike, so that a hundred of them tell little more than one does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Resamples that are worked out at once; some tens of megabytes for ten thousand groups.
_CHUNK = 100
_TAIL = 2.5  # percent on each side of the interval
_Z = 1.959964  # of the normal distribution, for the same tails


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure on `n` rows with its 95 % interval; `value` is NaN where no row tells."""

    value: float
    low: float
    high: float
    n: int


class Resamples:
    """Draws of groups with replacement; the same groups, number of draws and seed give the same draws."""

    def __init__(self, groups: np.ndarray, *, draws: int, seed: int) -> None:
        """`groups` names the group of each row, shape (n_rows,)."""
        self._group = np.unique(groups, return_inverse=True)[1]
        self.n_groups = int(self._group.max()) + 1
        chance = np.random.default_rng(seed)
        each = np.full(self.n_groups, 1 / self.n_groups)
        self._times = np.concatenate(
            [
                chance.multinomial(self.n_groups, each, size=min(_CHUNK, draws - start)).astype(np.uint16)
                for start in range(0, draws, _CHUNK)
            ]
        )

    def totals(self, values: np.ndarray) -> np.ndarray:
        """Sums of rows' values, shape (n_rows, n_values), in each resample: shape (n_draws, n_values)."""
        sums = np.zeros((self.n_groups, values.shape[1]))
        np.add.at(sums, self._group, values)
        parts = [self._times[start : start + _CHUNK] @ sums for start in range(0, len(self._times), _CHUNK)]
        return np.concatenate(parts)

    def share(self, hits: np.ndarray, of: np.ndarray) -> Estimate:
        """The share of `hits` among the rows `of` (both bool or weights, shape (n_rows,))."""
        found = self.shares(hits[:, None], of[:, None])
        return found[0]

    def shares(self, hits: np.ndarray, of: np.ndarray) -> list[Estimate]:
        """Shares by column; both arrays have shape (n_rows, n_columns)."""
        n = hits.shape[1]
        values = np.concatenate([hits & of, of], axis=1).astype(np.float64)
        drawn = self.totals(values)
        whole = values.sum(axis=0)
        found = []
        for i in range(n):
            seen = drawn[:, n + i] > 0
            ratios = drawn[seen, i] / drawn[seen, n + i]
            in_groups = len(np.unique(self._group[of[:, i].astype(bool)]))
            found.append(_interval(whole[i], whole[n + i], ratios, groups=in_groups))
        return found

    def estimate(self, values: np.ndarray, figure: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        """A figure that is made of sums over rows: `figure` turns sums (n_draws, n_values) into figures (n_draws,)."""
        value = float(figure(values.sum(axis=0, keepdims=True))[0])
        low, high = np.nanpercentile(figure(self.totals(values)), [_TAIL, 100 - _TAIL])
        return Estimate(value, min(float(low), value), max(float(high), value), len(values))


def _interval(hits: float, of: float, ratios: np.ndarray, *, groups: int) -> Estimate:
    if of == 0:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    value = hits / of
    if 0 < value < 1 and groups > 1:
        low, high = np.percentile(ratios, [_TAIL, 100 - _TAIL])
    else:
        # All right or all wrong, which every resample is too: Wilson's interval for as many groups.
        low, high = _wilson(value, groups)
    return Estimate(value, min(float(low), value), max(float(high), value), int(of))


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's interval (1927) of a share 0–1 of n."""
    middle = share + _Z**2 / (2 * n)
    spread = _Z * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    return float((middle - spread) / (1 + _Z**2 / n)), float((middle + spread) / (1 + _Z**2 / n))
