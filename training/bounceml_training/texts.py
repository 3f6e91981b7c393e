"""Labelled rows as what a model is fitted on: n-grams of the texts, plain, wrapped and worn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bounceml.decode import repair
from bounceml_datasets.corpus import Row
from bounceml_training.augmentation import worn, wrapped
from bounceml_training.regression import Sample
from bounceml_training.settings import Settings, load_wrappers
from bounceml_training.vectors import Counts, Grams, count_grams, grams


@dataclass(frozen=True, slots=True)
class Texts:
    """Rows with their n-grams: plain, as senders' servers wrap them, and worn.

    `fitted` counts the n-grams of the plain texts, in the order of the rows, and then of the wrapped ones, which are
    those of the rows `wrapped` (positions, shape (n_wrapped,)). `worn_rows` are the rows with words missing, in the
    same order; nothing is fitted on them, they are only answered.
    """

    rows: Sequence[Row]
    fitted: Counts
    wrapped: np.ndarray
    worn_rows: Sequence[Row]
    worn: Counts

    def sample(self) -> Sample:
        """What is fitted on: plain texts first, in the order of the rows, then the wrapped ones."""
        labels = [row.label for row in self.rows]
        labels += [labels[i] for i in self.wrapped.tolist()]
        return Sample(self.fitted, labels, np.ones(len(labels)))

    def with_wrapped(self, rows: np.ndarray) -> np.ndarray:
        """Positions in the sample of these rows' texts, wrapped ones included."""
        return np.concatenate([rows, len(self.rows) + np.flatnonzero(np.isin(self.wrapped, rows))]).astype(int)


def read_texts(rows: Sequence[Row], *, settings: Settings, cut: Callable[[str], Grams] = grams) -> Texts:
    """The texts of rows, in an order that doesn't depend on that of files and lines; `cut` makes n-grams of a text."""
    rows = sorted(rows, key=lambda row: (row.lang, row.label, row.text))
    spellings = wrapped(rows, wrappers=load_wrappers(), share=settings.wrapped_share, seed=settings.seed)
    lacking = worn(rows, share=settings.worn_share, seed=settings.seed)
    plain = (repair(row.text) for row in rows)
    return Texts(
        rows,
        count_grams(cut(text) for text in (*plain, *(text for text in spellings if text is not None))),
        np.array([i for i, text in enumerate(spellings) if text is not None], int),
        lacking,
        count_grams(cut(repair(row.text)) for row in lacking),
    )
