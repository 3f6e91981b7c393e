"""How the model answers texts that it never saw: what calibration, precision and scores are measured on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bounceml_training.folds import Split
from bounceml_training.regression import Sample, fit
from bounceml_training.settings import Settings
from bounceml_training.vectors import known_share


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Answers to texts by models that were trained without them.

    `texts` holds the positions of the texts in the sample, shape (n,); `logits` has shape (n, n_classes), columns in
    the order of the class names; `known` is each text's share 0–1 of n-grams that the model knew, shape (n,).
    """

    texts: np.ndarray
    logits: np.ndarray
    known: np.ndarray


def answer_fold(sample: Sample, *, split: Split, classes: tuple[str, ...], settings: Settings) -> HeldOut:
    """Fit on one side of a split and answer the other; a class that the training side lacks gets a hopeless logit."""
    train, test = split
    fitted = fit(sample.part(train), settings=settings)
    texts = [sample.grams[i] for i in test]
    logits = np.full((len(test), len(classes)), -30.0)
    logits[:, [classes.index(name) for name in fitted.classes]] = fitted.logits(texts)
    return HeldOut(test, logits, known_share(texts, vocabulary=fitted.vocabulary))


def joined(parts: Sequence[HeldOut]) -> HeldOut:
    """The answers of several folds as one."""
    return HeldOut(
        np.concatenate([part.texts for part in parts]),
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.known for part in parts]),
    )
