"""Rows whose label the other rows contradict, by cleanlab's confident learning (Northcutt et al. 2021)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from bounceml.decode import repair
from bounceml.errors import CorpusError
from bounceml_datasets.corpus import Row
from bounceml_training.folds import grouped_folds, template_groups
from bounceml_training.held_out import answer_fold, joined
from bounceml_training.regression import Sample
from bounceml_training.settings import Settings
from bounceml_training.vectors import count_grams, grams


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row that looks wrongly labelled: what models that never saw it say, with their probability 0–1."""

    row: Row
    said: str
    probability: float


@dataclass(frozen=True, slots=True)
class Doubts:
    """The doubtful rows, the most doubtful first, and the number of template groups among all rows."""

    rows: tuple[Doubt, ...]
    groups: int


def find_doubts(rows: Sequence[Row], *, settings: Settings) -> Doubts:
    """Rows whose out-of-fold probabilities contradict their label; folds keep template groups together.

    Raises CorpusError where cleanlab isn't installed.
    """
    try:
        from cleanlab.filter import find_label_issues
    except ImportError as error:
        raise CorpusError("looking for wrong labels needs cleanlab: pip install 'bounceml[check]'") from error
    classes = sorted({row.label for row in rows})
    labels = np.array([classes.index(row.label) for row in rows])
    groups = template_groups(rows, similarity=settings.similarity)
    probabilities = _out_of_fold(rows, classes=tuple(classes), groups=groups, settings=settings)
    doubtful = find_label_issues(
        labels, probabilities, filter_by="both", return_indices_ranked_by="self_confidence", n_jobs=1
    )
    said = probabilities.argmax(axis=1)
    return Doubts(
        tuple(Doubt(rows[i], classes[said[i]], float(probabilities[i, said[i]])) for i in doubtful),
        len(set(groups.tolist())),
    )


def _out_of_fold(
    rows: Sequence[Row], *, classes: tuple[str, ...], groups: np.ndarray, settings: Settings
) -> np.ndarray:
    """Probabilities of shape (n_rows, n_classes) by models that never saw the row nor one of its template group."""
    labels = [row.label for row in rows]
    sample = Sample(count_grams(grams(repair(row.text)) for row in rows), labels, np.ones(len(rows)))
    splits = grouped_folds(labels, groups=groups, n=settings.grouped_folds, seed=settings.seed)
    answers = joined([answer_fold(sample, split=split, classes=classes, settings=settings) for split in splits])
    probabilities: np.ndarray = softmax(answers.logits, axis=1)[np.argsort(answers.texts)]
    return probabilities
