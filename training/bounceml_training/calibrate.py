"""Temperature, rules' precision, rule votes and confidence, fitted on held-out answers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from bounceml.calibration import Calibration
from bounceml.decode import repair
from bounceml.opinions import ManyVotes, are_unsure, confidences, count_all_votes
from bounceml.rule_index import votes_of
from bounceml.rules import Rule, RuleSet
from bounceml.taxonomy import Taxonomy
from bounceml_datasets.corpus import Row
from bounceml_training.held_out import HeldOut
from bounceml_training.rule_matches import rule_matches
from bounceml_training.scores import Answer
from bounceml_training.settings import Settings

# One-sided 90 % of the normal distribution: a rule seen rarely counts for what it surely is.
_Z = 1.2816
# Rules vote where the model is unsure, so their precision is measured where it is less sure than this.
_UNSURE = 0.9
# After the point, of what is fitted: the last bits of a fit differ from machine to machine.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Answered:
    """Held-out texts: the model's `logits`, shape (n_texts, n_classes), and which rules match, (n_texts, n_rules).

    `known` is the share 0–1 of known n-grams and `labels` the columns of the true classes, both of shape (n_texts,).
    """

    rows: Sequence[Row]
    classes: tuple[str, ...]
    rules: tuple[Rule, ...]
    logits: np.ndarray
    known: np.ndarray
    labels: np.ndarray
    matching: np.ndarray


@dataclass(frozen=True, slots=True)
class Precision:
    """How often a rule was right: of `asked` texts, `right`; `lower` is the lower bound of its precision."""

    asked: int
    right: int
    lower: float


class _GivenLogits(ClassifierMixin, BaseEstimator):
    """A classifier whose decision function is its input, so that scikit-learn calibrates logits that we have."""

    def fit(self, logits: np.ndarray, labels: np.ndarray) -> "_GivenLogits":
        self.classes_ = np.unique(labels)
        self.n_features_in_ = logits.shape[1]
        return self

    def decision_function(self, logits: np.ndarray) -> np.ndarray:
        # scikit-learn wants one column where there are two classes.
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict(self, logits: np.ndarray) -> np.ndarray:
        return np.asarray(self.classes_[logits.argmax(axis=1)])


def answer_rows(
    parts: Mapping[str, HeldOut], *, rows: Sequence[Row], classes: Sequence[str], rules: RuleSet
) -> dict[str, Answered]:
    """Held-out answers by the name of their folds, with the labels of the rows and the rules that match them."""
    known_rules = tuple(rule for rule in rules.rules if rule.reason in classes)
    matching = rule_matches([repair(row.text) for row in rows], rules=RuleSet(known_rules))
    column = {name: i for i, name in enumerate(classes)}
    labels = np.array([column[row.label] for row in rows])
    return {
        name: Answered(
            [rows[i] for i in part.texts.tolist()],
            tuple(classes),
            known_rules,
            part.logits,
            part.known,
            labels[part.texts],
            matching[part.texts],
        )
        for name, part in parts.items()
    }


def joined(parts: Sequence[Answered]) -> Answered:
    """The answers of several folds as one."""
    return replace(
        parts[0],
        rows=[row for part in parts for row in part.rows],
        logits=np.concatenate([part.logits for part in parts]),
        known=np.concatenate([part.known for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        matching=np.concatenate([part.matching for part in parts]),
    )


def given_answers(answered: Answered, *, calibration: Calibration, precision: Mapping[str, Precision]) -> list[Answer]:
    """What the calibrated model with its rules would have answered, beside the truth."""
    votes = vote(answered, voices=_voices(answered, precision=precision), calibration=calibration)
    confidence = confidences(votes.features(answered.known), calibration=calibration)
    return [
        Answer(answered.classes[best], row.label, sure, row.lang, row.source)
        for best, row, sure in zip(votes.best.tolist(), answered.rows, confidence.tolist(), strict=True)
    ]


def calibrate(
    answered: Answered, *, families: Answered, worn: Answered, taxonomy: Taxonomy, settings: Settings
) -> tuple[Calibration, dict[str, Precision]]:
    """Calibration, and each rule's precision by id, from held-out answers.

    How sure to be is learnt from answers to texts that are strange to the models: of `families` that they never saw,
    and the same `worn`; from which probability on addresses are given up, from those of the families.
    """
    strange = joined([families, worn])
    start = Calibration(
        temperature=_temperature(strange),
        ask_rules_below=_UNSURE,
        vote_weight=0.0,
        weights=(),
        intercept=0.0,
        answer_from=settings.answer_from,
    )
    precision = _precision(answered, calibration=start)
    voices = _voices(answered, precision=precision)
    choices = [
        replace(start, ask_rules_below=below, vote_weight=weight)
        for below in settings.ask_rules_below
        for weight in settings.vote_weight
    ]
    best = min(choices, key=lambda choice: _loss(answered, voices=voices, calibration=choice))
    sure = _fit_confidence(strange, voices=_voices(strange, precision=precision), calibration=best)
    dead = [name for name, reason in taxonomy.reasons.items() if reason.action == "suppress"]
    voices = _voices(families, precision=precision)
    threshold = _suppress_from(families, dead=dead, voices=voices, calibration=sure, settings=settings)
    return replace(sure, suppress_from=threshold), precision


def vote(answered: Answered, *, voices: np.ndarray, calibration: Calibration) -> ManyVotes:
    """The answers to held-out texts with the rules' votes, as the classifier counts them; `voices` of all rules."""
    asked = are_unsure(answered.logits, calibration=calibration)
    return count_all_votes(answered.logits, precision=np.where(asked[:, None], voices, np.nan), calibration=calibration)


def _voices(answered: Answered, *, precision: Mapping[str, Precision]) -> np.ndarray:
    """The highest precision 0–1 of matching rules by text and class, NaN without; shape (n_texts, n_classes)."""
    return votes_of(
        answered.matching,
        rules=answered.rules,
        precision={name: each.lower for name, each in precision.items()},
        column={name: i for i, name in enumerate(answered.classes)},
    )


def wilson_lower(right: float, *, asked: float) -> float:
    """Lower bound of a share (one-sided 90 %; Wilson 1927), 0 where nothing was asked.

    >>> round(wilson_lower(9, asked=10), 2)
    0.71
    """
    if asked <= 0:
        return 0.0
    p, spread = right / asked, _Z * _Z / asked
    return max(0.0, (p + spread / 2 - math.sqrt(spread * (p * (1 - p) + spread / 4))) / (1 + spread))


def _temperature(answered: Answered) -> float:
    """Temperature by which to divide logits, from scikit-learn's own temperature scaling (Guo et al. 2017)."""
    present, labels = np.unique(answered.labels, return_inverse=True)
    logits = answered.logits[:, present]
    given = FrozenEstimator(_GivenLogits().fit(logits, labels))
    calibrated = CalibratedClassifierCV(given, method="temperature", ensemble=False)
    calibrated.fit(logits, labels)
    return round(1 / float(calibrated.calibrated_classifiers_[0].calibrators[0].beta_), _DIGITS)


def _precision(answered: Answered, *, calibration: Calibration) -> dict[str, Precision]:
    """Each rule's precision on texts that the model is unsure of; its own examples stand for a rule that met none."""
    asked = answered.matching & are_unsure(answered.logits, calibration=calibration)[:, None]
    named = np.array([answered.classes.index(rule.reason) for rule in answered.rules], int)
    right = asked & (named == answered.labels[:, None])
    return {
        rule.id: Precision(n, hits, wilson_lower(hits + len(rule.examples), asked=n + len(rule.examples)))
        for rule, n, hits in zip(answered.rules, asked.sum(axis=0).tolist(), right.sum(axis=0).tolist(), strict=True)
    }


def _loss(answered: Answered, *, voices: np.ndarray, calibration: Calibration) -> float:
    """Log-loss of the answers with the votes."""
    probabilities = vote(answered, voices=voices, calibration=calibration).probabilities
    true = probabilities[np.arange(len(answered.labels)), answered.labels]
    return -float(np.log(np.maximum(1e-9, true)).sum())


def _fit_confidence(answered: Answered, *, voices: np.ndarray, calibration: Calibration) -> Calibration:
    votes = vote(answered, voices=voices, calibration=calibration)
    right = votes.best == answered.labels
    features = votes.features(answered.known)
    if right.all() or not right.any():  # nothing to fit, so the probability itself has to do
        return replace(calibration, weights=(1.0, *[0.0] * (features.shape[1] - 1)))
    regression = LogisticRegression(C=1.0, max_iter=1000).fit(features, right)
    return replace(
        calibration,
        weights=tuple(round(float(w), _DIGITS) for w in regression.coef_[0]),
        intercept=round(float(regression.intercept_[0]), _DIGITS),
    )


def _suppress_from(
    answered: Answered, *, dead: Sequence[str], voices: np.ndarray, calibration: Calibration, settings: Settings
) -> float:
    """The least probability from which on addresses are given up as precisely as the settings ask, 0–1."""
    is_dead = np.isin(answered.classes, dead)
    votes = vote(answered, voices=voices, calibration=calibration)
    spread = votes.spread(confidences(votes.features(answered.known), calibration=calibration))
    given_up = np.flatnonzero(is_dead[votes.best])
    shares = spread[given_up] @ is_dead
    surest = np.argsort(-shares, kind="stable")
    precision = np.cumsum(is_dead[answered.labels[given_up]][surest]) / np.arange(1, len(surest) + 1)
    precise = np.flatnonzero(precision >= settings.suppress_precision)
    return round(float(shares[surest][precise[-1]]), 4) if len(precise) else 1.0
