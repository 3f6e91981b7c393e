"""How the model answers texts that it never saw: what calibration, precision and scores are measured on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bounceml_training.folds import Split, family_folds, grouped_folds, template_groups
from bounceml_training.regression import Sample, fit
from bounceml_training.settings import Settings
from bounceml_training.texts import Texts
from bounceml_training.vectors import known_share

# Called with what is being done and the share 0–1 of the work that is done.
Progress = Callable[[str, float], None]


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


def held_out(texts: Texts, *, classes: tuple[str, ...], settings: Settings, tell: Progress) -> dict[str, HeldOut]:
    """Held-out answers by what was left out: groups of alike `templates`, and `families` where there are several."""
    sample = texts.sample()
    groups = template_groups(texts.rows, similarity=settings.similarity)
    labels = [row.label for row in texts.rows]
    splits = [
        ("templates", split)
        for split in grouped_folds(labels, groups=groups, n=settings.grouped_folds, seed=settings.seed)
    ] + [("families", split) for split in family_folds(texts.rows, n=settings.family_folds)]
    parts: dict[str, list[HeldOut]] = {"templates": [], "families": []}
    for number, (name, (train, test)) in enumerate(splits, 1):
        split = texts.with_wrapped(train), test
        parts[name].append(answer_fold(sample, split=split, classes=classes, settings=settings))
        tell(f"held-out fold {number} of {len(splits)}", 0.15 + 0.6 * number / len(splits))
    return {name: joined(each) for name, each in parts.items() if each}
