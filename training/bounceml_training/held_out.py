"""How the model answers texts that it never saw: what calibration, precision and scores are measured on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bounceml_training.folds import Split, family_folds, grouped_folds, template_groups
from bounceml_training.regression import Fitted, Sample, fit
from bounceml_training.settings import Settings
from bounceml_training.texts import Texts
from bounceml_training.vectors import Counts, known_share

# Called with what is being done and the share 0–1 of the work that is done.
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Answers to texts by models that were trained without them.

    `texts` holds the positions of the texts among the rows, shape (n,); `logits` has shape (n, n_classes), columns in
    the order of the class names; `known` is each text's share 0–1 of n-grams that the model knew, shape (n,).
    """

    texts: np.ndarray
    logits: np.ndarray
    known: np.ndarray


@dataclass(frozen=True, slots=True)
class HeldOutParts:
    """Answers by what was left out, and to the same texts worn.

    `worn` holds the answers of the models that lack whole `families`; where there are none, those of the others.
    """

    parts: dict[str, HeldOut]
    worn: HeldOut


def answer_fold(sample: Sample, *, split: Split, classes: tuple[str, ...], settings: Settings) -> HeldOut:
    """Fit on one side of a split and answer the other."""
    train, test = split
    return _answer(fit(sample.part(train), settings=settings), test, grams=sample.grams, classes=classes)


def _answer(fitted: Fitted, test: np.ndarray, *, grams: Counts, classes: tuple[str, ...]) -> HeldOut:
    """Answers to some texts; a class that the training side lacks gets a hopeless logit."""
    texts = grams.part(test)
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


def held_out(texts: Texts, *, classes: tuple[str, ...], settings: Settings, tell: Progress) -> HeldOutParts:
    """Held-out answers by what was left out: groups of alike `templates`, and `families` where there are several."""
    sample = texts.sample()
    groups = template_groups(texts.rows, similarity=settings.similarity)
    labels = [row.label for row in texts.rows]
    splits = [
        ("templates", split)
        for split in grouped_folds(labels, groups=groups, n=settings.grouped_folds, seed=settings.seed)
    ] + [("families", split) for split in family_folds(texts.rows, n=settings.family_folds)]
    parts: dict[str, list[HeldOut]] = {"templates": [], "families": []}
    worn: dict[str, list[HeldOut]] = {"templates": [], "families": []}
    for number, (name, (train, test)) in enumerate(splits, 1):
        fitted = fit(sample.part(texts.with_wrapped(train)), settings=settings)
        parts[name].append(_answer(fitted, test, grams=sample.grams, classes=classes))
        worn[name].append(_answer(fitted, test, grams=texts.worn, classes=classes))
        tell(f"held-out fold {number} of {len(splits)}", 0.15 + 0.6 * number / len(splits))
    return HeldOutParts(
        {name: joined(each) for name, each in parts.items() if each}, joined(worn["families"] or worn["templates"])
    )
