"""Labelled rows that models are evaluated on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bounceml.masking import template
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import Row, load_corpus
from bounceml_training.evaluation.resampling import Resamples
from bounceml_training.folds import template_groups
from bounceml_training.settings import load_settings

_DRAWS = 1000
# More rows than this are grouped by equal templates alone: comparing each with each would take minutes.
_COMPARED = 30_000


@dataclass(frozen=True)
class HeldOutRows:
    """Rows with what intervals are made from."""

    rows: tuple[Row, ...]

    @cached_property
    def groups(self) -> np.ndarray:
        """Template group of each row, shape (n_rows,)."""
        if len(self.rows) <= _COMPARED:
            return template_groups(self.rows, similarity=load_settings().similarity)
        return np.unique([template(row.text) for row in self.rows], return_inverse=True)[1]

    @cached_property
    def resamples(self) -> Resamples:
        """Draws of groups, the same for every model."""
        return Resamples(self.groups, draws=_DRAWS, seed=load_settings().seed)

    @cached_property
    def builtin(self) -> int:
        """How many of the rows stand in the built-in data too, as bounceml reads them."""
        known = {template(row.text) for row in load_corpus(reasons=load_taxonomy().reasons)}
        return sum(template(row.text) in known for row in self.rows)


def read_held_out(files: Sequence[Path], *, reasons: Collection[str]) -> HeldOutRows:
    """Rows of corpus files (.jsonl or .csv); raises CorpusError as `load_corpus` does."""
    return HeldOutRows(load_corpus(files, reasons=reasons))
