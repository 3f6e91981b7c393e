"""What changed between two periods, and whether by more than chance."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

# A change is told where chance alone would give one as large, in any of the rows compared, less often than this.
CHANCE = 0.05
# Below so many expected on either side the normal distribution is no good stand-in (Cochran 1954).
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class Change:
    """A share of all failures before and after.

    `chance` is the probability 0–1 of such a difference if nothing had changed, corrected for how many shares were
    compared; None where there are too few failures to tell.
    """

    group: str
    name: str
    before: int
    after: int
    share_before: float
    share_after: float
    chance: float | None

    @property
    def is_more_than_chance(self) -> bool:
        """Whether the share has changed as far as these figures can tell."""
        return self.chance is not None and self.chance < CHANCE


def compare(before: Mapping[str, Counter[str]], after: Mapping[str, Counter[str]], *, most: int) -> list[Change]:
    """Changes of all names in all groups, the largest of those beyond chance first.

    Each group's counts are shares of its own total; of each the `most` frequent names are compared. Two-proportion
    z-tests, corrected by Holm's method (Holm 1979), which holds however the shares hang together.
    """
    found = []
    for group in sorted(before.keys() | after.keys()):
        old, new = before.get(group, Counter()), after.get(group, Counter())
        totals = old.total(), new.total()
        for name, _ in (old + new).most_common(most):
            counts = old[name], new[name]
            first, second = (n / total if total else 0.0 for n, total in zip(counts, totals, strict=True))
            chance = chance_of(counts, totals)
            found.append(Change(group, name, *counts, share_before=first, share_after=second, chance=chance))
    corrected = holm([change.chance for change in found])
    changes = [replace(change, chance=chance) for change, chance in zip(found, corrected, strict=True)]
    return sorted(changes, key=lambda c: (not c.is_more_than_chance, -abs(c.share_after - c.share_before), c.name))


def chance_of(counts: tuple[int, int], totals: tuple[int, int]) -> float | None:
    """Two-sided probability of shares as different as `counts` of `totals`; None where there are too few to tell.

    >>> round(chance_of((50, 80), (1000, 1000)), 4)
    0.0065
    >>> chance_of((1, 2), (10, 10)) is None
    True
    """
    n, m = totals
    if not n or not m:
        return None
    share = sum(counts) / (n + m)
    if min(n, m) * min(share, 1 - share) < _FEWEST:
        return None
    error = math.sqrt(share * (1 - share) * (1 / n + 1 / m))
    return math.erfc(abs(counts[0] / n - counts[1] / m) / error / math.sqrt(2))


def holm(chances: Sequence[float | None]) -> list[float | None]:
    """Probabilities corrected for their number; those that are None aren't counted.

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    told = sorted((chance, i) for i, chance in enumerate(chances) if chance is not None)
    found: list[float | None] = [None] * len(chances)
    least = 0.0
    for rank, (chance, i) in enumerate(told):
        least = max(least, min(1.0, chance * (len(told) - rank)))
        found[i] = least
    return found
