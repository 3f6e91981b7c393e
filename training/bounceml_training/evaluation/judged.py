"""Labelled texts with a model's answers beside."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bounceml.batch import Batches
from bounceml.classifier import Classifier
from bounceml.codes import find_codes
from bounceml.decode import repair
from bounceml.taxonomy import Taxonomy
from bounceml.template_scores import Outcome
from bounceml_datasets.corpus import KIND_PREFIX, Row

NO_TYPE = "none"


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows, and what was said of each; all arrays have shape (n_rows,).

    `true` and `given` hold labels (a reason, or `kind:` and the kind of what is no bounce), `true_types` and `types`
    hard, soft, undetermined, or none for what is no bounce; `confidence` is the probability 0–1 that the given label is
    right. `gives_up` says that the address was given up (`suppress`), `is_dead` that this was right.
    """

    rows: Sequence[Row]
    true: np.ndarray
    given: np.ndarray
    true_types: np.ndarray
    types: np.ndarray
    confidence: np.ndarray
    gives_up: np.ndarray
    is_dead: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether each label was given right, bool."""
        return np.asarray(self.true == self.given)


def judge(rows: Sequence[Row], *, classifier: Classifier) -> Judged:
    """What a classifier says of the rows' texts, as bare replies."""
    taxonomy = classifier.config.taxonomy
    answers = Batches(classifier).get().answer([row.text for row in rows])
    outcomes = [answers.outcomes[i] for i in answers.index.tolist()]
    return Judged(
        rows=rows,
        true=np.array([row.label for row in rows], object),
        given=np.array([_label(each) for each in outcomes], object),
        true_types=np.array([_true_type(row, taxonomy=taxonomy) for row in rows], object),
        types=np.array([each.type or NO_TYPE for each in outcomes], object),
        confidence=np.asarray(answers.confidence),
        gives_up=np.array([each.action == "suppress" for each in outcomes], bool),
        is_dead=np.array([row.reason is not None and taxonomy[row.reason].action == "suppress" for row in rows], bool),
    )


def _label(outcome: Outcome) -> str:
    return outcome.reason or f"{KIND_PREFIX}{outcome.kind}"


def _true_type(row: Row, *, taxonomy: Taxonomy) -> str:
    if row.reason is None:
        return NO_TYPE
    return taxonomy.type_of(row.reason, code_class=find_codes(repair(row.text)).first_digit)
