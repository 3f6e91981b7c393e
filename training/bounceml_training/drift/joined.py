"""The cells of two exports side by side, under the same numbers for receivers and answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bounceml.template_scores import Outcome
from bounceml_training.drift.cells import NO_RECEIVER, Cells, drawn
from bounceml_training.drift.census import Census
from bounceml_training.drift.chance import Pair

_RULE = "rule:"


@dataclass(frozen=True, slots=True)
class Joined:
    """Cells of both exports; `later` says which are of the later one, shape (n,).

    `receivers` and `outcomes` are named by the numbers that the cells have; level as in `Census`.
    """

    cells: Cells
    later: np.ndarray
    receivers: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    level: int

    def at(self, which: np.ndarray) -> "Joined":
        """Some of the cells."""
        return Joined(self.cells.at(which), self.later[which], self.receivers, self.outcomes, self.level)

    def rows(self) -> tuple[int, int]:
        """How many rows there are before and after."""
        after = int(self.cells.counts[self.later].sum())
        return int(self.cells.counts.sum()) - after, after

    def pair(self, of: np.ndarray) -> Pair:
        """Rows before and after by the group that each cell is in, shape (n,)."""
        size = int(of.max()) + 1
        sides = (np.bincount(of, self.cells.counts * (self.later == side), minlength=size) for side in (False, True))
        return Pair(*sides)


@dataclass(frozen=True, slots=True)
class Units:
    """Templates, once for each answer that they have; arrays of shape (n_units,).

    Only a user's own rules, which see whole texts, answer texts of one template differently.
    """

    pair: Pair
    unseen: np.ndarray
    confidence: np.ndarray
    fallback: np.ndarray
    labels: np.ndarray


def join(before: Census, after: Census) -> Joined:
    """Two exports' cells; where templates were drawn by chance, the same of both."""
    counted = before.cells(), after.cells()
    level = max(before.level, after.level)
    receivers, outcomes = {"": NO_RECEIVER}, dict[Outcome, int]()
    parts, folded = [], set[int]()
    for census, cells in zip((before, after), counted, strict=True):
        cells = cells.at(drawn(cells.prints, level=level))
        names = np.array([receivers.setdefault(name, len(receivers)) for name in census.receivers], np.int64)
        answers = np.array([outcomes.setdefault(each, len(outcomes)) for each in census.outcomes] or [0], np.int64)
        parts.append(replace(cells, receivers=names[cells.receivers], outcomes=answers[cells.outcomes]))
        folded.update(names[census.folded()].tolist())
    # A receiver that was folded in one export is in the other too.
    apart = np.array([NO_RECEIVER if number in folded else number for number in range(len(receivers))], np.int64)
    cells = Cells.together(parts)
    later = np.repeat([False, True], [len(part) for part in parts])
    cells = replace(cells, receivers=apart[cells.receivers])
    return Joined(cells, later, tuple(receivers), tuple(outcomes), level)


def units_of(joined: Joined, *, labels: Sequence[int]) -> Units:
    """Units of some cells, of which there must be one; `labels` are numbers by outcome."""
    cells = joined.cells
    _, template = np.unique(cells.prints, return_inverse=True)
    keys, first, of = np.unique(
        template * len(joined.outcomes) + cells.outcomes, return_index=True, return_inverse=True
    )
    outcome = keys % len(joined.outcomes)
    fallback = np.array([each.decided_by.startswith(_RULE) for each in joined.outcomes])
    return Units(
        pair=joined.pair(of),
        unseen=cells.unseen[first].astype(np.float64),
        confidence=cells.confidence[first].astype(np.float64),
        fallback=fallback[outcome].astype(np.float64),
        labels=np.array(labels, np.int64)[outcome],
    )


def templates_of(joined: Joined) -> tuple[np.ndarray, np.ndarray]:
    """Fingerprints of the templates, and for each cell the position of its own."""
    prints, of = np.unique(joined.cells.prints, return_inverse=True)
    return prints, of
