"""Labelled rows as what a model is fitted on: n-grams of the texts, plain, wrapped and worn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bounceml.decode import repair
from bounceml_datasets.corpus import Row
from bounceml_training.augmentation import worn, wrapped
from bounceml_training.regression import Sample
from bounceml_training.settings import Settings, load_wrappers
from bounceml_training.vectors import Grams, grams


@dataclass(frozen=True, slots=True)
class Texts:
    """Rows with their n-grams: plain, as senders' servers wrap them (None where they don't), and worn.

    `worn_rows` are the rows with words missing, in the same order; nothing is fitted on them, they are only answered.
    """

    rows: Sequence[Row]
    plain: Sequence[Grams]
    wrapped: Sequence[Grams | None]
    worn_rows: Sequence[Row]
    worn: Sequence[Grams]

    def sample(self) -> Sample:
        """What is fitted on: plain texts first, in the order of the rows, then the wrapped ones."""
        extra = [i for i, each in enumerate(self.wrapped) if each is not None]
        grams_ = [*self.plain, *(each for each in self.wrapped if each is not None)]
        labels = [row.label for row in self.rows]
        return Sample(grams_, labels + [labels[i] for i in extra], np.ones(len(grams_)))

    def with_wrapped(self, rows: np.ndarray) -> np.ndarray:
        """Positions in the sample of these rows' texts, wrapped ones included."""
        extra = [i for i, each in enumerate(self.wrapped) if each is not None]
        at = {row: len(self.rows) + k for k, row in enumerate(extra)}
        return np.concatenate([rows, np.array([at[i] for i in rows if i in at], dtype=int)]).astype(int)


def read_texts(rows: Sequence[Row], *, settings: Settings, cut: Callable[[str], Grams] = grams) -> Texts:
    """The texts of rows, in an order that doesn't depend on that of files and lines; `cut` makes n-grams of a text."""
    rows = sorted(rows, key=lambda row: (row.lang, row.label, row.text))
    spellings = wrapped(rows, wrappers=load_wrappers(), share=settings.wrapped_share, seed=settings.seed)
    lacking = worn(rows, share=settings.worn_share, seed=settings.seed)
    return Texts(
        rows,
        [cut(repair(row.text)) for row in rows],
        [None if text is None else cut(text) for text in spellings],
        lacking,
        [cut(repair(row.text)) for row in lacking],
    )
