"""Counts of an export's rows by template, receiver and answer, in memory that doesn't grow with the export."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

# Cells that are kept, 40 bytes each and as much again while they are sorted; beyond them rare receivers are counted
# together, and where that isn't enough, templates are drawn by chance.
MAX_CELLS = 500_000
NO_RECEIVER = 0


@dataclass(frozen=True, slots=True)
class Cells:
    """Cell i: `counts[i]` rows of one template, receiver and outcome; all of shape (n,).

    `unseen` and `confidence` (0–1) are the same for all rows of a cell.
    """

    prints: np.ndarray
    receivers: np.ndarray
    outcomes: np.ndarray
    counts: np.ndarray
    unseen: np.ndarray
    confidence: np.ndarray

    @classmethod
    def none(cls) -> Self:
        """No cells."""
        kinds = (np.uint64, np.int64, np.int64, np.int64, np.float32, np.float32)
        return cls(*(np.empty(0, kind) for kind in kinds))

    def __len__(self) -> int:
        return len(self.prints)

    def at(self, which: np.ndarray) -> "Cells":
        """Some of the cells, by position or as a mask."""
        return Cells(*(getattr(self, field.name)[which] for field in fields(self)))

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """The cells of all parts, one part after another."""
        every = ([getattr(part, field.name) for part in parts] for field in fields(cls))
        return cls(*(np.concatenate(columns) for columns in every))

    def merged(self) -> "Cells":
        """Cells with the same template, receiver and outcome made one."""
        if not len(self):
            return self
        order = np.lexsort((self.outcomes, self.receivers, self.prints))
        ordered = self.at(order)
        keys = (ordered.prints, ordered.receivers, ordered.outcomes)
        begins = np.ones(len(order), bool)
        begins[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
        first = np.flatnonzero(begins)
        found = ordered.at(first)
        found.counts[:] = np.add.reduceat(ordered.counts, first)
        return found


def drawn(prints: np.ndarray, *, level: int) -> np.ndarray:
    """Which templates are among the one in `2 ** level` that are kept; the same ones in every export, shape (n,)."""
    # The finalizer of MurmurHash3 (Appleby, public domain): sums of fingerprints are not even enough by themselves.
    mixed = (prints ^ (prints >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    return np.asarray((mixed >> np.uint64(40)) & np.uint64((1 << level) - 1) == 0)


def busiest(receivers: np.ndarray, counts: np.ndarray, *, most: int) -> np.ndarray:
    """Numbers of the receivers with the most rows."""
    rows = np.bincount(receivers, counts)
    rows[NO_RECEIVER] = 0
    return np.asarray(np.argsort(-rows, kind="stable")[:most])
